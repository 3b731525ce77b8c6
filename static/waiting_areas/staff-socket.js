/* The socket that tells which waiting area looks different (docs/protocol.md, "Waiting areas, for staff"). No DOM. */

const QUIET = 25_000; // ms without a frame: the server pings each 10 s
const FIRST_PAUSE = 1_000; // ms
const LONGEST_PAUSE = 15_000; // ms

/**
 * @typedef {object} StaffNews
 * @property {() => void} watching from now on nothing is missed; what happened before has to be read
 * @property {(area: string) => void} changed
 * @property {(area: string) => void} arrived
 * @property {(area: string) => void} replied
 */

/** @param {number} attempt from 0 @param {() => number} random @returns {number} ms, with jitter: a house comes back at once */
export function pause(attempt, random) {
  return Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** attempt) * (0.5 + random() / 2);
}

export class StaffSocket {
  #on;
  #env;
  #socket = null;
  #attempt = 0;
  #timer = 0;

  /** @param {StaffNews} news @param {object} [env] WebSocket, location, setTimeout, clearTimeout, random */
  constructor(news, env = {}) {
    this.#on = news;
    this.#env = {
      WebSocket: globalThis.WebSocket,
      location: globalThis.location,
      setTimeout: (...args) => globalThis.setTimeout(...args),
      clearTimeout: (timer) => globalThis.clearTimeout(timer),
      random: Math.random,
      ...env,
    };
  }

  open() {
    const url = new URL("/ws/waiting-areas/", this.#env.location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new this.#env.WebSocket(url.href);
    this.#socket = socket;
    this.#watch();
    socket.addEventListener("message", ({ data }) => socket === this.#socket && this.#receive(JSON.parse(data)));
    socket.addEventListener("close", () => socket === this.#socket && this.#again());
  }

  destroy() {
    const socket = this.#socket;
    this.#socket = null;
    this.#env.clearTimeout(this.#timer);
    socket?.close();
  }

  #receive({ type, area }) {
    this.#watch();
    if (type === "watching") this.#attempt = 0;
    if (type !== "ping") this.#on[type]?.(area);
  }

  /** A dead network closes no socket: silence does. */
  #watch() {
    this.#after(QUIET, () => this.#again());
  }

  #again() {
    this.destroy();
    this.#after(pause(this.#attempt, this.#env.random), () => this.open());
    this.#attempt += 1;
  }

  #after(delay, action) {
    this.#env.clearTimeout(this.#timer);
    this.#timer = this.#env.setTimeout(action, delay);
  }
}
