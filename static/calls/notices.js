/**
 * What the page says in place of the pictures: why there are none, and the next step. The words are in templates, so
 * that what is not shown is not in the page.
 */

import { waitsForMember } from "./call-state.js";

/** @import { CallState } from "./call-state.js" */

const TITLED = new Set(["full", "away"]); // and whatever is final
const SLOW = 10; // s of joining after which somebody wonders
const OUTCOMES = new Set([
  "left", "taken_over", "removed", "not_allowed",
  "member_ended", "nobody_joined", "time_up", "empty", "on_hold", "closed",
]);
const UNABLE = new Set(["unsupported", "bad_offer"]);

/**
 * @param {CallState} state
 * @param {number} others who are shown
 * @param {number} joiningFor seconds without a media connection, from the beginning
 * @returns {string | null} the notice's name
 */
export function noticeFor(state, others, joiningFor) {
  if (state.phase === "over") {
    if (UNABLE.has(state.over)) return "unsupported";
    return OUTCOMES.has(state.over) ? state.over : "closed";
  }
  if (state.phase === "full" || state.phase === "away") return state.phase;
  if (joiningFor >= SLOW) return "joining-slowly";
  if (others) return null;
  if (state.phase === "joining" || state.version === 0) return "joining";
  return waitsForMember(state) ? "waiting" : "alone";
}

/** Shows them in their place, and in the title of the page, which is read first by whoever comes back to its tab. */
export class Notices {
  #place = document.getElementById("notice");
  #title = document.title;
  #pressed;
  #shown = null;

  /** @param {() => void} pressed a notice's button that is no link and no form */
  constructor(pressed) {
    this.#pressed = pressed;
    new ResizeObserver(() => this.#beReached()).observe(this.#place);
  }

  /** @param {string | null} name @param {boolean} isFinal whether nothing else is on the page any more */
  show(name, isFinal) {
    if (name === this.#shown) return;
    this.#shown = name;
    const template = name && document.querySelector(`template[data-notice="${name}"]`);
    this.#place.replaceChildren(...(template ? [template.content.cloneNode(true)] : []));
    const heading = this.#place.querySelector("h2");
    document.title = heading && (isFinal || TITLED.has(name)) ? `${heading.textContent} – ${this.#title}` : this.#title;
    this.#beReached();
    this.#place.querySelector("[data-pressed]")?.addEventListener("click", this.#pressed);
    if (isFinal) heading?.focus();
  }

  /** What is longer than its place is scrolled, by keys too: they need something to stand on. */
  #beReached() {
    const { scrollHeight, clientHeight } = this.#place;
    if (scrollHeight > clientHeight) this.#place.tabIndex = 0;
    else this.#place.removeAttribute("tabindex");
  }
}
