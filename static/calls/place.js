/** Which tab holds the seat (docs/protocol.md, "One page holds the seat"). No DOM. */

const LOCK_WAIT = 1_500; // ms in which a page being reloaded lets go of its place

/** `#connection=n` says that this page pressed Join; the tab keeps it. */
export class Place {
  #key;

  /** @param {string} callId */
  constructor(callId) {
    this.#key = `anteroom.call.${callId}`;
    const given = /^#connection=(\d+)$/u.exec(location.hash);
    if (!given) return;
    sessionStorage.setItem(this.#key, given[1]);
    // The address may be copied: it must not carry the place along.
    history.replaceState(history.state, "", location.pathname + location.search);
  }

  /** @returns {number} 0 for a page that did not press Join */
  get connection() {
    return Number(sessionStorage.getItem(this.#key) ?? 0);
  }

  /** Low-data mode outlives a reload: whoever chose it is on the same bad network after it. */
  get lowData() {
    return sessionStorage.getItem(`${this.#key}.low-data`) === "yes";
  }

  set lowData(on) {
    sessionStorage.setItem(`${this.#key}.low-data`, on ? "yes" : "no");
  }

  forget() {
    sessionStorage.removeItem(this.#key);
  }

  /** A duplicated tab copies the number: the one that was first keeps the place. */
  async isOurs() {
    if (!navigator.locks) return true;
    const name = `${this.#key}.${this.connection}`;
    const hold = (options) => new Promise((resolve) => {
      const decide = (lock) => {
        resolve(lock !== null);
        return lock && new Promise(() => {}); // for as long as the page lives
      };
      navigator.locks.request(name, options, decide).catch(() => resolve(false));
    });
    // Only where another page has it is time short: a slow browser is not a second tab.
    return await hold({ ifAvailable: true }) || hold({ signal: AbortSignal.timeout(LOCK_WAIT) });
  }
}
