/** The list of what works, beside the preview, for anyone at any time before the day (rule C8). */

const preview = document.querySelector("[data-preview]");
const list = document.querySelector("[data-checks]");

const canCall = () => typeof RTCPeerConnection === "function" && Boolean(navigator.mediaDevices?.getUserMedia || !isSecureContext);

/** @returns {Map<string, "waiting" | "working" | "failed">} */
function findings() {
  const { camera, microphone, heard, speaker } = preview.dataset;
  const device = (state) => ({ undefined: "waiting", asking: "waiting", off: "waiting", working: "working" })[state] ?? "failed";
  const listens = device(microphone);
  return new Map([
    ["browser", canCall() ? "working" : "failed"],
    ["camera", device(camera)],
    ["microphone", listens === "working" && heard === undefined ? "waiting" : listens],
    ["speaker", { heard: "working", silent: "failed", failed: "failed" }[speaker] ?? "waiting"],
  ]);
}

/** Each state's words are in the page; one of them is shown. */
function show() {
  for (const [name, state] of findings()) {
    const row = list.querySelector(`[data-check="${name}"]`);
    row.dataset.state = state;
    for (const words of row.querySelectorAll("[data-when]")) words.hidden = words.dataset.when !== state;
  }
}

preview.addEventListener("preview:change", show);
show();
