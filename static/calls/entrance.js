/* The entrance of every call: the name is kept on this device, if they say so, and one press of Join is one Join. */

const KEPT_NAME = "anteroom.name";

/** Storage may be forbidden: then nothing is remembered. @returns {string | null} */
function recallName() {
  try {
    return localStorage.getItem(KEPT_NAME);
  } catch {
    return null;
  }
}

/** @param {string | null} name null: forget it */
function keepName(name) {
  try {
    if (name === null) localStorage.removeItem(KEPT_NAME);
    else localStorage.setItem(KEPT_NAME, name);
  } catch {
    // As above.
  }
}

if (typeof RTCPeerConnection === "undefined" || !navigator.mediaDevices) {
  const sentence = document.getElementById("too-old");
  if (sentence && window.isSecureContext) sentence.hidden = false; // on plain http the preview says what is wrong
}

const form = /** @type {HTMLFormElement} */ (document.querySelector("[data-entrance]"));
const join = /** @type {HTMLButtonElement} */ (form.querySelector("[type=submit]"));
const field = /** @type {HTMLInputElement | null} */ (form.querySelector("[name=name]"));
const remember = /** @type {HTMLInputElement | null} */ (form.querySelector("#remember-name"));

if (field && remember) {
  const kept = recallName();
  remember.checked = kept !== null;
  /** @type {HTMLElement} */ (form.querySelector("[data-remember]")).hidden = false;
  if (kept !== null && !field.value) field.value = kept;
}

form.addEventListener("submit", (event) => {
  if (join.ariaDisabled === "true") {
    event.preventDefault();
    return;
  }
  join.ariaDisabled = "true";
  if (field && remember) keepName(remember.checked ? field.value : null);
});
// Back from the call by the browser's own button.
window.addEventListener("pageshow", () => (join.ariaDisabled = null));
