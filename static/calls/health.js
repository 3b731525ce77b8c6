/**
 * What the statistics of the media connection say to people: whose sound arrives, and whether this end's connection is
 * poor. Pure: entries of getStats and the time in ms go in. The relay measures the same from its end (calls/relay/health.py)
 * and tells everybody; what it cannot tell in time, because the way to it is poor, is noticed here.
 */

const HEARD_FOR = 2_500; // ms after the last packet
const POOR = { loss: 0.1, jitter: 0.08, roundTrip: 1 }; // of the packets; s; s
const GOOD = { loss: 0.05, jitter: 0.05, roundTrip: 0.6 };
const POOR_FOR = 3_000; // ms
const GOOD_FOR = 5_000; // ms: a sign that comes and goes is worse than none

/** Whose sound arrives. A seat's stream goes on when somebody else takes the seat. */
export class Ears {
  #seats = new Map(); // seat -> who, packets so far, when they last grew

  /**
   * @param {{seat: number, who: string, packets: number}[]} sounds
   * @param {number} at
   * @returns {string[]} who is heard now
   */
  listen(sounds, at) {
    const heard = [];
    const seats = new Map();
    for (const { seat, who, packets } of sounds) {
      const before = this.#seats.get(seat);
      const isSame = before?.who === who;
      const cameAt = isSame && packets === before.packets ? before.cameAt : at;
      seats.set(seat, { who, packets, cameAt: isSame ? cameAt : -Infinity });
      if (at - seats.get(seat).cameAt < HEARD_FOR) heard.push(who);
    }
    this.#seats = seats;
    return heard;
  }
}

/** Whether what this page sends comes through, from the relay's receiver reports as the browser keeps them. */
export class OwnHealth {
  #isPoor = false;
  #since = null;

  /**
   * @param {{loss: number, jitter: number, roundTrip: number}[]} reports one for each stream that is reported on
   * @param {number} at
   * @returns {boolean} whether the connection is to be called poor
   */
  look(reports, at) {
    const worst = (name) => Math.max(0, ...reports.map((report) => report[name]));
    const wouldChange = this.#isPoor
      ? Object.keys(GOOD).every((name) => worst(name) < GOOD[name])
      : Object.keys(POOR).some((name) => worst(name) > POOR[name]);
    if (!wouldChange) this.#since = null;
    else this.#since ??= at;
    if (this.#since !== null && at - this.#since >= (this.#isPoor ? GOOD_FOR : POOR_FOR)) {
      this.#isPoor = !this.#isPoor;
      this.#since = null;
    }
    return this.#isPoor;
  }
}
