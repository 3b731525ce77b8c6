/**
 * The signs over the pictures: what does not come through just now, and what is done about it. The words are in
 * templates and phrases; which of them are true is decided here, from what is known. One thing is said once.
 */

import { isWeak, picturesOff, unheardBy } from "./call-state.js";

/** @import { CallState } from "./call-state.js" */

const BLINK = 1; // s: a loss shorter than this is not worth a word
const SEAT_KEPT = 20; // s (rule C5)
const AT_ONCE = 2; // signs: the pictures are what people came for

/**
 * @typedef {object} Known
 * @property {'media' | 'link' | null} lost
 * @property {number} lostFor seconds
 * @property {boolean} isOnline as the browser sees it
 * @property {boolean} isSilent the browser waits for a touch before it plays anything
 * @property {boolean} isSharing
 * @property {'blur-starting' | 'blur-held' | ''} blur
 * @property {boolean} lowData
 */

/**
 * @param {CallState} state
 * @param {Known} known
 * @param {(key: string, values?: object) => string} phrase
 * @returns {{name: string, text: string}[]} the template's name, and what is filled in
 */
export function bannersFor(state, known, phrase) {
  if (state.phase === "over" || state.phase === "away") return [];
  const lost = known.lostFor >= BLINK ? known.lost : null;
  const banners = [];
  const say = (name, isTrue, text = "") => isTrue && banners.push({ name, text });
  say("offline", lost === "media" && !known.isOnline);
  say("reconnecting", lost === "media" && known.isOnline && known.lostFor < SEAT_KEPT);
  say("still-reconnecting", lost === "media" && known.isOnline && known.lostFor >= SEAT_KEPT);
  if (banners.length) return banners;
  const off = picturesOff(state);
  say("sound", known.isSilent);
  say("unlinked", lost === "link");
  say("truth", unheardBy(state).length > 0, unheardSentence(state, phrase));
  say("pictures-off", off !== null, phrase(known.lowData ? "pictures-off-low" : `pictures-off-${off ?? "all"}`));
  say("weak", isWeak(state) && off === null, phrase("own-weak"));
  say(known.blur, known.blur !== "");
  say("sharing", known.isSharing);
  return banners.slice(0, AT_ONCE);
}

function unheardSentence(state, phrase) {
  const [first, second, third] = unheardBy(state);
  if (third || (second && state.participants.length === 3)) return phrase("unheard-all");
  return second ? phrase("unheard-both", { first, second }) : phrase("unheard", { name: first });
}

/** Shows them in their place on the stage. */
export class Banners {
  #place = document.getElementById("stage-banner");
  #phrase;
  #turnSoundOn;
  #shown = new Map();

  /** @param {() => void} turnSoundOn */
  constructor(phrase, turnSoundOn) {
    this.#phrase = phrase;
    this.#turnSoundOn = turnSoundOn;
  }

  /** @param {CallState} state @param {Known} known */
  render(state, known) {
    const banners = bannersFor(state, known, this.#phrase);
    for (const [name, element] of this.#shown) {
      if (banners.some((banner) => banner.name === name)) continue;
      element.remove();
      this.#shown.delete(name);
    }
    for (const { name, text } of banners) this.#show(name, text);
    this.#place.dataset.covers = String(banners.some(({ name }) => this.#shown.get(name).classList.contains("lost-card")));
  }

  #show(name, text) {
    let element = this.#shown.get(name);
    if (!element) {
      element = document.querySelector(`template[data-banner="${name}"]`).content.firstElementChild.cloneNode(true);
      this.#shown.set(name, element);
      this.#place.append(element);
      if (name === "sound") element.addEventListener("click", this.#turnSoundOn);
    }
    const words = element.querySelector("[data-text]");
    if (words && words.textContent !== text) words.textContent = text;
  }
}
