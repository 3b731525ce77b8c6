/**
 * The page's end of docs/protocol.md: the socket, fresh tickets, coming back after a loss. Knows no DOM and no media.
 *
 * A page has one CallLink. It asks for a `join` or a `resume` as its first frame each time a socket opens, answers
 * `ping`, and comes back by itself with growing pauses until something is final (rules C4 and C5).
 */

const FINAL = new Map([
  [4400, "bad_offer"],
  [4403, "not_allowed"],
  [4404, "closed"],
  [4409, "taken_over"],
]);
const TICKET_REFUSALS = new Map([
  [403, "not_allowed"],
  [404, "closed"],
  [409, "taken_over"],
  [410, "closed"],
]);
const LAST_WORDS = new Set(["taken_over", "removed", "moved", "ended"]); // no frame follows them
const KNOWN_BY_NAME = new Set(["removed", "taken_over"]); // codes that say more than the number they came with
const RELAY_LOST = new Set(["no_such_participant"]);
const QUIET = 5_000; // ms without a frame: is anybody there?
const ANSWERED_WITHIN = 2_500; // ms; otherwise nobody is
const WELCOMED_WITHIN = 8_000; // ms from opening a socket
const ASKED_BESIDE = 1_000; // ms that a request for a ticket may hang before others are made beside it
const ASKED_AT_ONCE = 6; // as many connections as a browser keeps to one host: all may be dead
const GIVEN_UP = [1_000, 1_000, 2_500, 5_000, 8_000]; // ms later, by attempt: dead connections soon, slow networks not
const STABLE = 5_000; // ms a socket must have stood for the next loss to start at the shortest pause
const TICKET_AGE = 45_000; // ms: a ticket is good for 60 s

/**
 * Never over two seconds: whoever comes out of a tunnel is back in three.
 * @param {number} attempt 0 for the first. @returns {number} ms, spread so that a call does not return as one herd
 */
export function pause(attempt, random = Math.random) {
  return Math.min(2_000, 250 * 2 ** attempt) * (0.5 + random() / 2);
}

/**
 * @typedef {object} LinkEvents
 * @property {() => Promise<object>} firstFrame `join` or `resume`, without its ticket
 * @property {(frame: any) => void} frame each frame but `ping`
 * @property {(linked: boolean) => void} linked
 * @property {() => void} mediaLost the relay lost this seat: forget the media connection
 * @property {(reason: string) => void} over nothing comes back by itself
 */

export class CallLink {
  #options;
  #on;
  #env;
  #socket = null;
  #timers = new Map();
  #asking = null;
  #attempt = 0;
  #openedAt = 0;
  #ticket;
  #ticketFrom;
  #refusal = null;
  #welcomed = false;
  #over = false;

  /**
   * @param {{socketUrl: string, ticketUrl: string, csrfToken: () => string, ticket: string, connection: number}} options
   * @param {LinkEvents} events
   * @param {object} [env] WebSocket, fetch, setTimeout, clearTimeout, now (ms), random
   */
  constructor(options, events, env = {}) {
    this.#options = options;
    this.#on = events;
    this.#env = {
      WebSocket: globalThis.WebSocket,
      fetch: (...args) => globalThis.fetch(...args),
      setTimeout: (...args) => globalThis.setTimeout(...args),
      clearTimeout: (timer) => globalThis.clearTimeout(timer),
      now: () => Date.now(),
      random: Math.random,
      ...env,
    };
    this.#ticket = options.ticket;
    this.#ticketFrom = this.#env.now();
  }

  /** Socket and first frame are made at the same time: neither waits for the other. */
  open() {
    if (this.#over) return;
    this.#drop();
    if (!this.#ticket || this.#env.now() - this.#ticketFrom > TICKET_AGE) {
      this.#askForTicket();
      return;
    }
    const ticket = this.#ticket;
    this.#ticket = null; // each socket that comes back brings a fresh one
    const socket = new this.#env.WebSocket(this.#options.socketUrl);
    const opened = new Promise((resolve) => socket.addEventListener("open", resolve));
    this.#socket = socket;
    this.#refusal = null;
    this.#welcomed = false;
    this.#start("welcome", () => this.#closed(1006), WELCOMED_WITHIN);
    socket.addEventListener("message", ({ data }) => socket === this.#socket && this.#receive(JSON.parse(data)));
    socket.addEventListener("close", ({ code }) => socket === this.#socket && this.#closed(code));
    Promise.all([this.#on.firstFrame(), opened]).then(([frame]) => {
      if (socket === this.#socket) socket.send(JSON.stringify({ ...frame, ticket }));
    }, () => this.#finish("unsupported"));
  }

  /** @returns {boolean} whether it went out: the next `join` or `resume` carries what matters otherwise */
  send(frame) {
    const stands = this.#welcomed && this.#socket?.readyState === 1;
    if (stands) this.#socket.send(JSON.stringify(frame));
    return stands;
  }

  /** A new socket, and by it media or the seat anew: soon, but not in a tight loop. */
  rejoin() {
    this.#drop();
    this.#retry();
  }

  /** Something looks wrong, or the page has slept: a socket that stands answers now, or is given up. */
  check() {
    if (this.#timers.has("retry")) {
      this.open(); // nobody sits out a pause
    } else if (this.#welcomed && !this.#timers.has("answer")) {
      this.send({ type: "ping" });
      this.#start("answer", () => this.#closed(1006), ANSWERED_WITHIN);
    }
  }

  /** The network is another one: the socket that stood on the old one may be dead and not know it. */
  renew() {
    this.#attempt = 0;
    this.open();
  }

  /** Nothing more is tried until `renew`. */
  rest() {
    this.#drop();
  }

  /** The person leaves, or what ended is known already. */
  close(frame = null) {
    if (frame) this.send(frame);
    this.destroy();
  }

  destroy() {
    this.#over = true;
    this.#drop();
  }

  #receive(frame) {
    this.#watch();
    if (frame.type === "ping") this.send({ type: "pong" });
    if (frame.type === "ping" || frame.type === "pong") return;
    if (frame.type === "error") this.#refusal = frame.code;
    if (frame.type === "rejoin" || (frame.type === "error" && RELAY_LOST.has(frame.code))) {
      this.#on.mediaLost();
      this.rejoin();
      return;
    }
    if (frame.type === "welcome") {
      this.#welcomed = true;
      this.#openedAt = this.#env.now();
      this.#stop("welcome");
      this.#on.linked(true);
    }
    this.#on.frame(frame);
    if (LAST_WORDS.has(frame.type)) this.destroy();
  }

  #closed(code) {
    const reason = FINAL.get(code);
    if (reason) {
      this.#finish(KNOWN_BY_NAME.has(this.#refusal) ? this.#refusal : reason);
      return;
    }
    this.#drop();
    this.#retry();
  }

  /**
   * A request into a dead network hangs rather than fails, on a connection kept from before, and so may others on other
   * such connections. So they go out beside it, the first answer counts, and what hung is given up, its connection with
   * it: the next attempt finds new ones. Asking for a ticket changes nothing.
   */
  #askForTicket() {
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    const patience = GIVEN_UP[Math.min(this.#attempt, GIVEN_UP.length - 1)];
    this.#start("beside", () => {
      this.#start("beside", () => this.rejoin(), patience);
      for (let number = 1; number < ASKED_AT_ONCE; number += 1) this.#requestTicket(signal);
    }, ASKED_BESIDE);
    this.#requestTicket(signal);
  }

  async #requestTicket(signal) {
    const { ticketUrl, csrfToken, connection } = this.#options;
    let answer = null;
    let said = {};
    try {
      answer = await this.#env.fetch(ticketUrl, {
        method: "POST",
        body: new URLSearchParams({ connection: String(connection), csrfmiddlewaretoken: csrfToken() }),
        headers: { Accept: "application/json" },
        signal,
      });
      said = await answer.json();
    } catch {
      // No network, or a page instead of an answer: what `answer` and `said` hold decides.
    }
    if (signal.aborted) return;
    const refused = TICKET_REFUSALS.get(answer?.status);
    if (refused) {
      this.#finish(KNOWN_BY_NAME.has(said.code) ? said.code : refused);
    } else if (said.ticket) {
      this.#ticket = said.ticket;
      this.#ticketFrom = this.#env.now();
      this.open();
    } else {
      this.rejoin();
    }
  }

  #retry() {
    if (this.#over) return;
    if (this.#openedAt && this.#env.now() - this.#openedAt > STABLE) this.#attempt = 0;
    this.#openedAt = 0;
    this.#start("retry", () => this.open(), pause(this.#attempt, this.#env.random));
    this.#attempt += 1;
  }

  #finish(reason) {
    if (this.#over) return;
    this.destroy();
    this.#on.over(reason);
  }

  /** A dead network closes no socket: silence does. */
  #watch() {
    this.#stop("answer");
    this.#start("quiet", () => this.check(), QUIET);
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    this.#asking?.abort();
    this.#asking = null;
    for (const timer of this.#timers.values()) this.#env.clearTimeout(timer);
    this.#timers.clear();
    if (!socket) return;
    if (this.#welcomed && !this.#over) this.#on.linked(false);
    this.#welcomed = false;
    socket.close();
  }

  #stop(name) {
    this.#env.clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }

  #start(name, action, delay) {
    this.#stop(name);
    this.#timers.set(name, this.#env.setTimeout(() => {
      this.#timers.delete(name);
      action();
    }, delay));
  }
}
