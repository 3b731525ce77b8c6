/**
 * What to do next for a call that was lost, and when (rules C4 and C5). Pure: what is seen goes in, with the time in ms;
 * one step comes out. The socket comes back by itself (protocol.js); this is about the media, which need it.
 *
 * Media that fall silent: ask the socket whether it stands, then look for another way by an ICE restart, twice again,
 * then begin anew. Without a socket nothing is given up: the way may heal by itself, as at the end of a tunnel.
 */

export const SILENT = 2_200; // ms without a byte: the relay reports each second
const RESTART_AFTER = 1_000; // ms in trouble
const MENDED_WITHIN = 1_600; // ms after a restart
const RESTARTS = 3;
const FIRST_PATIENCE = 8_000; // ms for a new media connection
const MORE_PATIENCE = 4_000; // ms for each further one
const MOST_PATIENCE = 20_000;
const SEAT_KEPT = 18_000; // ms of silence; after 20 s the relay has given the seat away
const AWAY = 600_000; // ms after which nobody is put back in front of a camera unasked

/**
 * @typedef {object} Seen
 * @property {number} at
 * @property {boolean} linked the socket stands
 * @property {'waiting' | 'new' | 'up' | 'down' | 'failed' | 'closed'} media without a seat; not yet connected; connected;
 *   disconnected; without any way; without hope
 * @property {number} heardAt when the last byte of media came, or the connection began
 */

export class Recovery {
  #random;
  #begun = 0; // media connections since one last stood
  #patience = 0;
  #lostAt = null; // of the call, whatever was tried since
  #troubledAt = null; // of this media connection
  #restartedAt = null;
  #restarts = 0;
  #checked = false;

  constructor(random = Math.random) {
    this.#random = random;
  }

  /** A new media connection is tried: the longer, the more have failed, and spread, so that a call is no herd. */
  began() {
    const most = Math.min(MOST_PATIENCE, FIRST_PATIENCE + MORE_PATIENCE * this.#begun);
    this.#patience = most * (0.8 + 0.2 * this.#random());
    this.#begun += 1;
    this.#calm();
  }

  /** Is the seat still ours, as far as we can know? Otherwise it is asked for anew, and not first resumed in vain. */
  mayResume({ at, media, heardAt }) {
    return ["waiting", "up", "down", "failed"].includes(media) && (media === "waiting" || at - heardAt < SEAT_KEPT);
  }

  /** @param {Seen} seen @returns {'check' | 'restart' | 'rejoin' | 'away' | null} */
  look({ at, linked, media, heardAt }) {
    // What was said over the old socket may never have arrived: over the next one everything is tried again.
    if (!linked) this.#forgetRestarts();
    if (media === "waiting" ? linked : media === "up" && at - heardAt < SILENT) {
      this.#begun = 0;
      this.#lostAt = null;
      this.#calm();
      return null;
    }
    this.#lostAt ??= media === "waiting" ? at : heardAt;
    if (at - this.#lostAt >= AWAY) return "away";
    if (media === "waiting") return null;
    this.#troubledAt ??= at;
    return linked ? this.#mend(at, media) : null;
  }

  /** The person is here again: from now on all is tried as at the beginning. */
  comeBack() {
    this.#begun = 0;
    this.#lostAt = null;
    this.#calm();
  }

  #mend(at, media) {
    const troubled = at - this.#troubledAt;
    if (media === "closed") return "rejoin";
    if (media === "new") return troubled >= this.#patience ? "rejoin" : null;
    if (!this.#checked) {
      this.#checked = true;
      return "check";
    }
    if (this.#restartedAt !== null && at - this.#restartedAt < MENDED_WITHIN) return null;
    if (this.#restarts === RESTARTS) return "rejoin";
    if (media !== "failed" && troubled < RESTART_AFTER) return null;
    this.#restartedAt = at;
    this.#restarts += 1;
    return "restart";
  }

  #forgetRestarts() {
    this.#restartedAt = null;
    this.#restarts = 0;
  }

  #calm() {
    this.#forgetRestarts();
    this.#troubledAt = null;
    this.#checked = false;
  }
}
