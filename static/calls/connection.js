/**
 * The page's way into the call and back into it: joins the socket (protocol.js) with the media (media.js), resumes,
 * restarts, rejoins (rules C4 and C5). No DOM.
 */

import { csrfToken } from "../core/csrf.js";
import { tiles } from "./call-state.js";
import { Ears, OwnHealth } from "./health.js";
import { PeerLink } from "./media.js";
import { CallLink } from "./protocol.js";
import { Recovery, SILENT } from "./recovery.js";

/** @import { CallState } from "./call-state.js" */

const LOOKED_EACH = 250; // ms
const SAMPLED_EACH = 1_000; // ms
const SLEPT = 5_000; // ms between two looks: the page was not running
const ADDRESSES_KNOWN = 300; // ms after a change of networks: a restart before that would look from the old addresses
const ONE_CHANGE = 1_000; // ms in which a browser may tell of the same one twice

/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

/**
 * @typedef {object} Page what the connection asks of the page, and tells it
 * @property {() => CallState} state
 * @property {() => Record<'microphone' | 'camera' | 'screen', MediaStreamTrack | null>} tracks
 * @property {() => Record<'microphone' | 'camera' | 'screen', boolean>} media
 * @property {() => boolean} plays whether the browser lets the sound out
 * @property {(peer: PeerLink) => void} began a new media connection, offered but not answered
 * @property {() => void} connected the media connection stands
 * @property {() => void} resumed the socket is back and the media stood: the server may not know what is sent now
 * @property {(frame: any) => void} frame each one from the server
 * @property {(linked: boolean) => void} linked
 * @property {() => void} mediaLost a new media connection follows by itself
 * @property {(isPoor: boolean) => void} health of this end's connection
 * @property {() => void} away lost for too long: nothing more is tried until `comeBack`
 * @property {(reason: string) => void} over nothing comes back by itself
 */

export class Connection {
  #connection;
  #page;
  #link;
  #peer = null;
  #isOurs = null;
  #everStood = false;
  #movedAt = 0;
  #elsewhere = null; // of a change of networks, until the socket is back: whether media restarted by themselves
  #lowData;
  #recovery = new Recovery();
  #ears = new Ears();
  #ownHealth = new OwnHealth();
  #heard = null; // as last reported
  #sockets = 0; // that were welcomed
  #offeredOver = 0; // which of them took the last restart
  #lookedAt = Date.now();
  #sampledAt = 0;
  #ticker = 0;
  #stop = new AbortController();

  /**
   * @param {{callId: string, ticket: string, ticketUrl: string, connection: number, lowData: boolean}} options
   *   `connection` is the number of the Join that this page holds the seat by
   * @param {Page} page
   */
  constructor({ callId, ticket, ticketUrl, connection, lowData }, page) {
    this.#connection = connection;
    this.#lowData = lowData;
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
    this.#watch(this.#stop.signal);
  }

  /** @param {Promise<boolean>} isOurs nothing is said before we know */
  open(isOurs) {
    this.#isOurs = isOurs;
    this.#link.open();
    this.#ticker = setInterval(() => this.#look(), LOOKED_EACH);
  }

  /** After `away`: the person is here again. */
  comeBack() {
    this.#forgetMedia();
    this.#recovery.comeBack();
    this.#lookedAt = Date.now();
    this.#ticker = setInterval(() => this.#look(), LOOKED_EACH);
    this.#link.renew();
  }

  /** @returns {PeerLink | null} */
  get peer() {
    return this.#peer;
  }

  /** What stood before, and does not now: "media", or only the "link", or nothing. @returns {'media' | 'link' | null} */
  get lost() {
    const { phase, linked } = this.#page.state();
    if (phase === "full") return linked ? null : "media"; // there is nothing but the socket
    if (!this.#everStood) return null;
    if (this.#standing !== "up" || this.#isSilent) return "media";
    return linked ? null : "link";
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
    clearInterval(this.#ticker);
    this.#link.destroy();
    this.#peer?.close();
  }

  get #standing() {
    if (this.#page.state().phase === "full") return "waiting";
    return this.#peer?.standing ?? "closed";
  }

  get #seen() {
    return {
      at: Date.now(),
      linked: this.#page.state().linked,
      media: this.#standing,
      heardAt: this.#peer?.heardAt ?? Date.now(),
    };
  }

  get #isSilent() {
    return Date.now() - (this.#peer?.heardAt ?? 0) >= SILENT;
  }

  async #firstFrame() {
    const { version } = this.#page.state();
    if (this.#peer && this.#recovery.mayResume(this.#seen)) return { type: "resume", connection: this.#connection, version };
    if (this.#peer) this.#forgetMedia();
    const peer = new PeerLink(this.#page.tracks(), () => this.#recovered(peer));
    this.#peer = peer;
    this.#heard = null;
    this.#recovery.began();
    const offer = await peer.offer();
    this.#page.began(peer);
    if (!(await this.#isOurs)) return new Promise(() => {});
    return { type: "join", offer, media: this.#page.media() };
  }

  #receive(frame) {
    if (frame.type === "welcome") {
      this.#sockets += 1;
      this.#heard = null;
      if (this.#page.state().phase === "live") {
        this.#page.resumed();
        if (this.#elsewhere) this.#lookAfter(this.#peer, this.#elsewhere);
      } else {
        this.#peer.use(frame.ice_servers);
      }
      this.#elsewhere = null;
    }
    if (frame.type === "answer") {
      this.#peer.use(frame.ice_servers ?? []);
      this.#peer.answer(frame.sdp).catch(() => this.#begin());
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

  // --- Coming back

  #look() {
    const now = Date.now();
    const slept = now - this.#lookedAt >= SLEPT;
    this.#lookedAt = now;
    if (slept) this.#wake();
    else if (now - this.#sampledAt >= SAMPLED_EACH) this.#sample();
    this.#recover();
  }

  /** The socket may stand, or look as if it did; whether media came meanwhile, the browser knows. */
  async #wake() {
    this.#link.check();
    await this.#sample();
    if (!this.#stop.signal.aborted) this.#recover();
  }

  #recover() {
    const step = this.#recovery.look(this.#seen);
    if (step === "check") this.#link.check();
    else if (step === "restart") this.#restart(this.#peer);
    else if (step === "rejoin") this.#begin();
    else if (step === "away") this.#goAway();
  }

  async #sample() {
    const peer = this.#peer;
    this.#sampledAt = Date.now();
    if (!peer || peer.standing === "new") return;
    const sample = await peer.sample().catch(() => null); // closed meanwhile
    if (!sample || peer !== this.#peer || this.#stop.signal.aborted) return;
    const { sounds, reports } = sample;
    this.#page.health(this.#ownHealth.look(reports, Date.now()));
    this.#reportHearing(sounds);
  }

  /** Whose sound arrives and is played is told to them, by the relay (docs/protocol.md, `hears`). */
  #reportHearing(sounds) {
    const others = tiles(this.#page.state()).map(({ slot, participant }) => (
      { seat: slot, who: participant.id, packets: sounds[slot] }));
    const heard = this.#ears.listen(others, Date.now());
    const told = this.#page.plays() ? heard : [];
    const text = told.join();
    if (text !== this.#heard && this.send({ type: "hears", id: "hears", participants: told })) this.#heard = text;
  }

  /** An offer that found no answer is said again over another socket: the one it went into may be dead. */
  async #restart(peer) {
    if (peer.unanswered && this.#offeredOver === this.#sockets) {
      this.#link.renew();
      return;
    }
    const offer = peer.unanswered ?? (peer.settled ? await peer.restart() : null);
    if (offer && this.#link.send({ type: "restart", offer })) this.#offeredOver = this.#sockets;
  }

  /** Media look for their way from the new address while the socket still does. */
  async #restartElsewhere(peer) {
    await pause(ADDRESSES_KNOWN);
    return peer === this.#peer && (await peer?.restartUnasked() ?? false);
  }

  /** The socket is back after a change of networks: are media, too? */
  async #lookAfter(peer, elsewhere) {
    if (await elsewhere && await this.#isHeard(peer)) return;
    if (peer === this.#peer) await this.#restart(peer);
  }

  async #isHeard(peer) {
    await peer.sample();
    const from = Date.now();
    await pause(ADDRESSES_KNOWN);
    await peer.sample();
    return peer.heardAt > from;
  }

  #begin() {
    if (this.#page.state().phase === "over") return;
    this.#forgetMedia();
    this.#link.rejoin();
  }

  #forgetMedia() {
    this.#peer?.close();
    this.#peer = null;
    this.#page.mediaLost();
  }

  #goAway() {
    clearInterval(this.#ticker);
    this.#link.rest();
    this.#page.away();
  }

  #prefer() {
    this.#link.send({ type: "prefer", id: "prefer", mode: this.#lowData ? "low" : "normal" });
  }

  #watch(signal) {
    window.addEventListener("online", () => this.#networkChanged(), { signal });
    let { type } = navigator.connection ?? {};
    navigator.connection?.addEventListener("change", () => {
      if (type === navigator.connection.type) return; // it also tells how fast the same network is
      ({ type } = navigator.connection);
      if (type !== "none") this.#networkChanged();
    }, { signal });
    // A lid opened, a telephone unlocked, a page taken out of the browser's cache of pages.
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.#look();
    }, { signal });
    document.addEventListener("resume", () => this.#look(), { signal });
    window.addEventListener("pageshow", ({ persisted }) => persisted && this.#look(), { signal });
  }

  /** From Wi-Fi to mobile data and back: nobody waits until the old way has been silent for long (rule C5). */
  #networkChanged() {
    if (Date.now() - this.#movedAt < ONE_CHANGE) return;
    this.#movedAt = Date.now();
    this.#elsewhere = this.#restartElsewhere(this.#peer);
    this.#link.renew();
  }
}
