/** The times at the top: how long the call has gone on, and the countdown with its warnings (rules C3 and C7). */

import { elapsed, spanText, timeLeft, urgency } from "./call-state.js";

/** @import { CallState } from "./call-state.js" */

// Said once each: the last minute and the last 15 seconds.
const WARNINGS = [[60, "minute-left"], [15, "seconds-left"]];

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export class Clock {
  #elapsed = document.getElementById("elapsed");
  #countdown = document.getElementById("countdown");
  #phrase;
  #say;
  #told = new Set();

  /**
   * @param {(key: string, values?: object) => string} phrase
   * @param {(text: string) => void} say to screen readers
   */
  constructor(phrase, say) {
    this.#phrase = phrase;
    this.#say = say;
  }

  /** @param {CallState} state @param {number} at the page's clock, Unix seconds */
  render(state, at) {
    const since = elapsed(state, at);
    const meets = state.phase === "live" && state.countdown?.kind !== "member";
    write(this.#elapsed, meets && since !== null ? spanText(since) : "");
    const left = state.phase === "over" ? null : timeLeft(state, at);
    write(this.#countdown, left === null ? "" : spanText(Math.ceil(left)));
    this.#countdown.dataset.urgency = left === null ? "calm" : urgency(left);
    if (left !== null) this.#warn(state.countdown, left);
  }

  #warn({ kind, endsAt }, left) {
    this.#countdown.setAttribute("aria-label", this.#phrase(`${kind}-wait`));
    this.#countdown.title = this.#phrase(`${kind}-wait`);
    for (const [limit, words] of WARNINGS) {
      const warning = `${kind} ${endsAt} ${limit}`;
      if (left > limit || left < limit - 5 || this.#told.has(warning)) continue;
      this.#told.add(warning);
      this.#say(this.#phrase(words));
    }
  }
}
