/**
 * A caller's waiting page: listens to its socket (docs/protocol.md, "Waiting"), reads its place again when the server
 * says that it looks different, and goes to the call it is called into. The place itself is kept by the server.
 */

import { pause } from "../calls/protocol.js";
import { csrfToken } from "../core/csrf.js";

const QUIET = 25_000; // ms: the server says something each 10 s

const root = document.getElementById("waiting");
const place = () => document.getElementById("place");

class WaitingPage {
  #url = new URL(`/ws/waiting/${root.dataset.caller}/`, location.href);
  #socket = null;
  #attempt = 0;
  #retry = 0;
  #quiet = 0;
  #goesOn = false; // to the call, or to what was pressed: not away

  start() {
    this.#url.protocol = this.#url.protocol.replace("http", "ws");
    document.addEventListener("submit", () => (this.#goesOn = true));
    document.addEventListener("click", ({ target }) => {
      if (target.closest?.("a[href]:not([href^='tel:'])")) this.#goesOn = true;
    });
    // The page's last word (rule W8). A reload says it, too, and is back before anybody is told.
    window.addEventListener("pagehide", () => this.#sayGoodbye());
    window.addEventListener("pageshow", ({ persisted }) => {
      this.#goesOn = false;
      if (persisted) this.#open();
    });
    window.addEventListener("online", () => this.#open());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible" && this.#socket?.readyState !== WebSocket.OPEN) this.#open();
    });
    this.#open();
  }

  get #isOver() {
    return ["over", "phone"].includes(place().dataset.kind);
  }

  #open() {
    clearTimeout(this.#retry);
    clearTimeout(this.#quiet);
    const former = this.#socket;
    this.#socket = null;
    former?.close();
    if (this.#isOver) return;
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#listen();
    socket.addEventListener("open", () => this.#show(true));
    socket.addEventListener("message", ({ data }) => {
      if (socket !== this.#socket) return;
      this.#attempt = 0;
      this.#listen();
      this.#receive(JSON.parse(data));
    });
    socket.addEventListener("close", () => socket === this.#socket && this.#lost());
  }

  /** A dead network closes no socket: silence does. */
  #listen() {
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => this.#lost(), QUIET);
  }

  #lost() {
    clearTimeout(this.#quiet);
    this.#show(false);
    this.#retry = setTimeout(() => this.#open(), pause(this.#attempt));
    this.#attempt += 1;
  }

  #show(isConnected) {
    const sign = document.getElementById("place-lost");
    if (sign) sign.hidden = isConnected;
  }

  #receive(frame) {
    if (frame.type === "moved") {
      this.#goesOn = true;
      location.assign(`/calls/${frame.call}/#connection=${frame.connection}`);
    } else if (frame.type === "place" && frame.version !== place().dataset.version) {
      this.#read();
    }
  }

  async #read() {
    const { version } = place().dataset;
    try {
      await globalThis.htmx.ajax("GET", location.pathname, { target: "#place", swap: "outerHTML" });
    } catch {
      // No network: as an answer that brings nothing.
    }
    if (place().dataset.version === version) this.#lost(); // a new socket says once more how the place looks
    else if (this.#isOver) this.#open();
  }

  #sayGoodbye() {
    if (this.#goesOn || this.#isOver) return;
    navigator.sendBeacon(root.dataset.closed, new URLSearchParams({ csrfmiddlewaretoken: csrfToken() }));
  }
}

new WaitingPage().start();
