/** What the device check found, as the form that joins says it: the codes of calls/device_check.py. Pure. */

/**
 * @param {{microphone?: string, camera?: string, heard?: string, speaker?: string, network?: string}} found what the
 *   preview has on its element (preview.js)
 * @returns {string}
 */
export function checkCodes({ microphone, camera, heard, speaker, network }) {
  const known = (state) => state !== undefined && state !== "asking";
  const listens = { working: heard === undefined ? "quiet" : "heard", off: "off" };
  const films = { working: "working", off: "off" };
  return [
    known(microphone) && `microphone-${listens[microphone] ?? "none"}`,
    known(camera) && `camera-${films[camera] ?? "none"}`,
    ["heard", "silent"].includes(speaker) && `speaker-${speaker}`,
    ["good", "slow", "poor", "blocked"].includes(network) && `network-${network}`,
  ].filter(Boolean).join(" ");
}
