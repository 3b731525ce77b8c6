/**
 * How this person likes to see the stage: Grid, Speaker or somebody pinned, and where their own picture is. Remembered on
 * this device, but for the pin, which is of this call.
 */

import { tiles } from "./call-state.js";
import { keyedList } from "./keyed.js";
import { CORNERS } from "./layout.js";
import { recall, remember } from "./remembered.js";

/** @import { CallState } from "./call-state.js" */

const KEY = "anteroom.view";
const PIN = "pin:";

const part = (id) => document.getElementById(id);

/**
 * Who is shown large: the pinned person, or whoever speaks. It stays with who spoke last until they are silent and
 * another speaks, so that it does not flicker between two.
 *
 * @param {{participant: {id: string}, speaking: boolean}[]} shown
 * @param {{mode: string, pinned: string | null, former: string | null}} wish
 * @returns {number | null} index of the tile
 */
export function featuredTile(shown, { mode, pinned, former }) {
  if (shown.length < 2) return null; // Layout is there from three people on
  const at = (id) => shown.findIndex(({ participant }) => participant.id === id);
  if (at(pinned) >= 0) return at(pinned);
  if (mode !== "speaker") return null;
  const last = at(former);
  if (last >= 0 && shown[last].speaking) return last;
  const speaks = shown.findIndex(({ speaking }) => speaking);
  return [speaks, last, 0].find((index) => index >= 0);
}

export class View {
  #phrase;
  #changed;
  #pins;
  #pinned = null;
  #speaker = null;
  #kept = { mode: "grid", corner: CORNERS[0], self: true, ...recall("localStorage", KEY) };

  /**
   * @param {(key: string, values?: object) => string} phrase
   * @param {() => void} changed the stage is to be arranged anew
   * @param {AbortSignal} signal
   */
  constructor(phrase, changed, signal) {
    this.#phrase = phrase;
    this.#changed = changed;
    this.#pins = keyedList(part("layout-pins"), "pin-template", ({ id }) => id, (line, { id, name }) => {
      line.querySelector("input").value = PIN + id;
      line.querySelector("[data-name]").textContent = name;
    });
    part("layout-form").addEventListener("change", ({ target }) => this.#choose(target.value), { signal });
  }

  /** @returns {boolean} whether the own picture is shown */
  get showsSelf() {
    return this.#kept.self;
  }

  /** @returns {import("./layout.js").Corner | null} null while it is hidden */
  get corner() {
    if (!this.#kept.self) return null;
    return CORNERS.includes(this.#kept.corner) ? this.#kept.corner : CORNERS[0];
  }

  toggleSelf() {
    this.#keep({ self: !this.#kept.self });
  }

  moveSelf() {
    this.#keep({ corner: CORNERS[(CORNERS.indexOf(this.#kept.corner) + 1) % CORNERS.length] });
  }

  /** @param {string} id of a participant; the one who is pinned is let go */
  togglePin(id) {
    this.#pinned = this.#pinned === id ? null : id;
    this.#changed();
  }

  /** @returns {string | null} id of the pinned participant */
  get pinned() {
    return this.#pinned;
  }

  /** @param {CallState} state @returns {number | null} index of the tile that is shown large */
  featured(state) {
    const shown = tiles(state);
    const index = featuredTile(shown, { mode: this.#kept.mode, pinned: this.#pinned, former: this.#speaker });
    this.#speaker = index === null ? null : shown[index].participant.id;
    return index;
  }

  /** @param {CallState} state */
  render(state) {
    const shown = tiles(state);
    if (this.#pinned && !state.participants.some(({ id }) => id === this.#pinned)) this.#pinned = null; // they left
    part("open-layout").hidden = shown.length < 2;
    part("toggle-self").querySelector("[data-label]").textContent = this.#phrase(`self-${this.#kept.self ? "hide" : "show"}`);
    if (shown.length < 2 && part("layout-dialog").open) part("layout-dialog").close();
    this.#pins(shown.map(({ participant }) => participant));
    const chosen = this.#pinned ? PIN + this.#pinned : this.#kept.mode;
    for (const choice of part("layout-form").elements) {
      if (choice.type === "radio") choice.checked = choice.value === chosen;
    }
  }

  #choose(value) {
    if (value.startsWith(PIN)) {
      this.#pinned = value.slice(PIN.length);
      this.#changed();
    } else {
      this.#pinned = null;
      this.#keep({ mode: value });
    }
  }

  #keep(changes) {
    Object.assign(this.#kept, changes);
    remember("localStorage", KEY, this.#kept);
    this.#changed();
  }
}
