/**
 * Two quiet sounds, up for somebody who joins and down for somebody who leaves. Switched off under **Settings**, which is
 * remembered on this device.
 */

import { playNotes } from "./notes.js";
import { recall, remember } from "./remembered.js";

const KEPT = "anteroom.chimes";
const GATHER = 400; // ms: who comes back together comes in a roster or two
const CROWD = 3; // at once: a relay that came back, not people at the door
const NOTES = { joined: [659.25, 880], left: [587.33, 392] }; // Hz: E5 A5, D5 G4
const HOW = { loudness: 0.07, apart: 0.13, lasts: 0.45 };
const WAKES_WITHIN = 1_000; // ms: a browser that lets us be heard only after a touch must not play it then

/** Which sound, if any. Pure: the clock is passed in, in ms. */
export class ChimeChoice {
  #heard = [];
  #since = 0;

  /** @param {{what: string}[]} news @param {number} at */
  hear(news, at) {
    const heard = news.map(({ what }) => what).filter((what) => what in NOTES);
    if (!this.#heard.length) this.#since = at;
    this.#heard.push(...heard);
  }

  /** @param {number} at @returns {'joined' | 'left' | null} each once */
  due(at) {
    if (!this.#heard.length || at - this.#since < GATHER) return null;
    const heard = this.#heard;
    this.#heard = [];
    if (heard.length >= CROWD) return null;
    return heard.includes("joined") ? "joined" : "left";
  }
}

export class Chimes {
  #choice = new ChimeChoice();
  #switch = document.getElementById("chimes");

  /** @param {AbortSignal} signal */
  constructor(signal) {
    this.#switch.checked = recall("localStorage", KEPT).on !== false;
    this.#switch.addEventListener("change", () => remember("localStorage", KEPT, { on: this.#switch.checked }), { signal });
  }

  /** @param {{what: string}[]} news @param {number} at ms */
  hear(news, at) {
    this.#choice.hear(news, at);
  }

  /** @param {number} at ms @param {string} [speaker] device id */
  tick(at, speaker) {
    const due = this.#choice.due(at);
    if (due && this.#switch.checked) this.#play(due, speaker);
  }

  async #play(what, speaker) {
    const context = new AudioContext();
    const late = new Promise((resolve) => { setTimeout(resolve, WAKES_WITHIN); });
    // A speaker that is no longer there leaves the sound where the browser puts it.
    if (speaker) await context.setSinkId?.(speaker).catch(() => {});
    if (context.state !== "running") await Promise.race([context.resume(), late]);
    if (context.state === "running") await playNotes(context, context.destination, NOTES[what], HOW);
    await context.close();
  }
}
