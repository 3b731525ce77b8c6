/* The door of a personal link says that somebody stands there: after the first touch or key, never by being opened,
   for mail scanners open links too (rule R4, hazard H25). Then each 45 s while the page is looked at. */

/** Milliseconds; the list of those invited believes it for a little over two of them (invites/status.py). */
const AGAIN_AFTER = 45_000;

const { atDoor } = /** @type {HTMLElement} */ (document.getElementById("at-door")).dataset;
const csrfToken = () => /** @type {HTMLInputElement} */ (document.querySelector("[name=csrfmiddlewaretoken]")).value;

const stop = new AbortController();
let timer = 0;

function tell() {
  if (document.hidden) return;
  // Nothing depends on it arriving.
  fetch(atDoor, { method: "POST", headers: { "x-csrftoken": csrfToken() }, keepalive: true }).catch(() => {});
}

function start() {
  stop.abort();
  tell();
  timer = setInterval(tell, AGAIN_AFTER);
}

for (const touch of ["pointerdown", "keydown"]) document.addEventListener(touch, start, { signal: stop.signal });
window.addEventListener("pagehide", () => clearInterval(timer));
