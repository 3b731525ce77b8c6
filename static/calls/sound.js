/** The sound of the three remote seats. */

/** @import { PeerLink } from "./media.js" */

/** One element a remote seat, so that somebody whose camera is off is heard all the same. */
export class Sound {
  #elements = [];
  #refused;
  #speaker = "";

  /** @param {(silent: boolean) => void} refused the browser wants a press of a button first, or no longer */
  constructor(refused) {
    this.#refused = refused;
  }

  /** @param {PeerLink} media */
  play(media) {
    this.#elements = media.seats.map(({ audio }, seat) => {
      const element = this.#elements[seat] ?? new Audio();
      element.srcObject = audio;
      return element;
    });
    this.through(this.#speaker);
    return this.start();
  }

  async start() {
    const outcomes = await Promise.allSettled(this.#elements.map((element) => element.play()));
    this.#refused(outcomes.some(({ reason }) => reason?.name === "NotAllowedError"));
  }

  /** @param {string} [speaker] device id; none: the system's. One that is no longer there leaves the sound where it was. */
  async through(speaker = "") {
    this.#speaker = speaker;
    const others = this.#elements.filter(({ sinkId = "" }) => sinkId !== speaker);
    await Promise.allSettled(others.map((element) => element.setSinkId?.(speaker)));
  }

  destroy() {
    for (const element of this.#elements) element.srcObject = null;
  }
}
