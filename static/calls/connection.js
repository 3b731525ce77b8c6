/**
 * The page's way into the call and back into it: joins the socket (protocol.js) with the media (media.js), resumes,
 * restarts, rejoins (rules C4 and C5). No DOM.
 */

import { tiles } from "./call-state.js";
import { PeerLink } from "./media.js";
import { CallLink } from "./protocol.js";

/** @import { CallState } from "./call-state.js" */

const ADDRESSES_KNOWN = 300; // ms after a change of networks: a restart before that would look from the old addresses
const MENDED_WITHIN = 1_600; // ms after a restart

/** Of the cookie: that of the page is void once somebody signs in in another tab. */
const csrfToken = () => /(?:^|; )csrftoken=(\w+)/u.exec(document.cookie)?.[1] ?? "";

/**
 * @typedef {object} Page what the connection asks of the page, and tells it
 * @property {() => CallState} state
 * @property {() => Record<'microphone' | 'camera' | 'screen', MediaStreamTrack | null>} tracks
 * @property {() => Record<'microphone' | 'camera' | 'screen', boolean>} media
 * @property {(peer: PeerLink) => void} began a new media connection, offered but not answered
 * @property {() => void} connected the media connection stands
 * @property {() => void} resumed the socket is back and the media stood: the server may not know what is sent now
 * @property {(frame: any) => void} frame each one from the server
 * @property {(linked: boolean) => void} linked
 * @property {() => void} mediaLost a new media connection follows by itself
 * @property {(reason: string) => void} over nothing comes back by itself
 */

export class Connection {
  #connection;
  #page;
  #link;
  #peer = null;
  #isOurs = null;
  #everStood = false;
  #networkMoved = false;
  #lowData = false;
  #stop = new AbortController();

  /**
   * @param {{callId: string, ticket: string, ticketUrl: string, connection: number}} options `connection` is the number
   *   of the Join that this page holds the seat by
   * @param {Page} page
   */
  constructor({ callId, ticket, ticketUrl, connection }, page) {
    this.#connection = connection;
    this.#page = page;
    const socketUrl = new URL(`/ws/calls/${callId}/`, location.href);
    socketUrl.protocol = socketUrl.protocol.replace("http", "ws");
    this.#link = new CallLink({ socketUrl: socketUrl.href, ticketUrl, csrfToken, ticket, connection }, {
      firstFrame: () => this.#firstFrame(),
      frame: (frame) => this.#receive(frame),
      linked: (linked) => page.linked(linked),
      mediaLost: () => this.#forgetMedia(),
      over: (reason) => page.over(reason),
    });
    this.#watchNetwork(this.#stop.signal);
  }

  /** @param {Promise<boolean>} isOurs nothing is said before we know */
  open(isOurs) {
    this.#isOurs = isOurs;
    this.#link.open();
  }

  /** @returns {PeerLink | null} */
  get peer() {
    return this.#peer;
  }

  /** It stood before, and does not now. */
  get isTroubled() {
    return this.#everStood && !(this.#page.state().linked && this.#peer?.connected);
  }

  /** @returns {boolean} whether it went out */
  send(frame) {
    return this.#link.send(frame);
  }

  get lowData() {
    return this.#lowData;
  }

  /** Sound first, then a shared screen, then small pictures: the relay does it, and says what is paused. */
  set lowData(on) {
    this.#lowData = on;
    this.#prefer();
  }

  leave() {
    this.#link.close({ type: "leave" });
  }

  destroy() {
    this.#stop.abort();
    this.#link.destroy();
    this.#peer?.close();
  }

  async #firstFrame() {
    const { phase, version } = this.#page.state();
    if (this.#peer && phase === "live") return { type: "resume", connection: this.#connection, version };
    this.#peer?.close();
    const peer = new PeerLink(this.#page.tracks(), {
      connected: () => this.#recovered(peer),
      shaky: () => this.#restart(peer),
      lost: () => this.#mediaFailed(peer),
    });
    this.#peer = peer;
    const offer = await peer.offer();
    this.#page.began(peer);
    if (!(await this.#isOurs)) return new Promise(() => {});
    return { type: "join", offer, media: this.#page.media() };
  }

  #receive(frame) {
    if (frame.type === "welcome") {
      if (this.#page.state().phase === "live") {
        this.#page.resumed();
        this.#mend(this.#peer);
      } else {
        this.#peer.use(frame.ice_servers);
      }
    }
    if (frame.type === "answer") {
      this.#peer.use(frame.ice_servers ?? []);
      this.#peer.answer(frame.sdp).catch(() => this.#mediaFailed(this.#peer));
      if (this.#lowData) this.#prefer(); // each connection begins as usual
    }
    this.#page.frame(frame);
    if (frame.type === "roster") this.#fit();
  }

  #recovered(peer) {
    if (peer !== this.#peer) return;
    this.#everStood = true;
    this.#fit();
    this.#page.connected();
  }

  #fit() {
    const others = tiles(this.#page.state());
    this.#peer?.fit(others.filter(({ participant }) => participant.state === "connected").length);
  }

  async #restart(peer) {
    if (peer !== this.#peer || !peer.settled) return;
    this.#link.send({ type: "restart", offer: await peer.restart() });
    setTimeout(() => this.#lookAfter(peer), MENDED_WITHIN);
  }

  /** A restart may have gone into a dead socket, or have come before the browser knew its new addresses. */
  async #lookAfter(peer) {
    if (peer !== this.#peer) return;
    if (!peer.unanswered && await peer.isSilent()) this.#restart(peer);
    else if (peer.unanswered && this.#page.state().linked) this.#link.renew();
  }

  /** A new socket: what took the old one may have been the network, and a restart may have been lost with it. */
  async #mend(peer) {
    const moved = this.#networkMoved;
    this.#networkMoved = false;
    if (moved) await new Promise((resolve) => { setTimeout(resolve, ADDRESSES_KNOWN); });
    if (peer.unanswered) this.#link.send({ type: "restart", offer: peer.unanswered });
    else if (moved || await peer.isSilent()) this.#restart(peer);
  }

  #mediaFailed(peer) {
    if (peer !== this.#peer || this.#page.state().phase === "over") return;
    this.#forgetMedia();
    this.#link.rejoin();
  }

  #forgetMedia() {
    this.#peer?.close();
    this.#peer = null;
    this.#page.mediaLost();
  }

  #prefer() {
    this.#link.send({ type: "prefer", id: "prefer", mode: this.#lowData ? "low" : "normal" });
  }

  #watchNetwork(signal) {
    window.addEventListener("online", () => this.#networkChanged(), { signal });
    let { type } = navigator.connection ?? {};
    navigator.connection?.addEventListener("change", () => {
      if (type === navigator.connection.type) return; // it also tells how fast the same network is
      ({ type } = navigator.connection);
      if (type !== "none") this.#networkChanged();
    }, { signal });
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.#link.hurry();
    }, { signal });
  }

  /** From Wi-Fi to mobile data and back: nobody waits until the old way has been silent for long (rule C5). */
  #networkChanged() {
    this.#networkMoved = true;
    this.#link.renew();
  }
}
