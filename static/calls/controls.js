/** The bar of controls, its keys and the menu under More. Says what was pressed; shows what is so. */

/** @import { CallState } from "./call-state.js" */

import { unread } from "./call-state.js";

const MUTED_SAID = 5_000; // ms
const KEYS = new Map([["m", "microphone"], ["v", "camera"], ["s", "screen"], ["c", "chat"], ["l", "leave"]]);

const part = (id) => document.getElementById(id);

function label(id, text) {
  part(id).querySelector("[data-label]").textContent = text;
}

export class Controls {
  #phrase;
  #mutedTimer = 0;

  /**
   * @param {(key: string, values?: object) => string} phrase
   * @param {Record<string, () => void>} pressed by id of a button in the bar or of an item of the menu; an id that this
   *   page does not have (a guest's has less) is passed over
   * @param {() => void} escape the key, pressed outside menus and dialogs
   * @param {AbortSignal} signal
   */
  constructor(phrase, pressed, escape, signal) {
    this.#phrase = phrase;
    for (const [id, action] of Object.entries(pressed)) part(id)?.addEventListener("click", () => action(), { signal });
    part("screen").hidden = !navigator.mediaDevices?.getDisplayMedia;
    document.addEventListener("keydown", (event) => this.#key(event, escape), { signal });
  }

  /**
   * @param {CallState} state
   * @param {{media: Record<string, boolean>, lowData: boolean}} own what this page sends, and how it likes to receive
   */
  render(state, { media, lowData }) {
    for (const name of ["microphone", "camera"]) {
      part(name).setAttribute("aria-pressed", String(!media[name]));
      label(name, this.#phrase(`${name}-${media[name] ? "stop" : "start"}`));
    }
    if (media.microphone) part("muted-sign").textContent = "";
    part("screen").setAttribute("aria-pressed", String(media.screen));
    label("screen", this.#phrase(media.screen ? "unshare" : "share"));
    const count = unread(state);
    part("unread").textContent = count ? String(count) : "";
    if (count) part("unread").setAttribute("aria-label", this.#phrase("unread", { number: count }));
    part("low-data").setAttribute("aria-checked", String(lowData));
  }

  /** Somebody speaks who is not heard. */
  sayMuted() {
    clearTimeout(this.#mutedTimer);
    part("muted-sign").textContent = this.#phrase("muted");
    this.#mutedTimer = setTimeout(() => { part("muted-sign").textContent = ""; }, MUTED_SAID);
  }

  #key(event, escape) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (event.target.closest?.("dialog, [role='menu']")) return;
    if (event.key === "Escape") escape();
    if (event.target.closest?.("input, textarea, select, [contenteditable]")) return;
    const control = part(KEYS.get(event.key.toLowerCase()) ?? "");
    if (!control || control.hidden || !control.checkVisibility()) return;
    event.preventDefault();
    control.click();
  }
}
