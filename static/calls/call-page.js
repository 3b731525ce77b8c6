/**
 * The call page: joins protocol.js, media.js and call-state.js, and shows the state. Nothing here waits for what it does
 * not need: the socket, the offer and the camera start at the same time (Join to first picture within 0.5 s).
 */

import { showToast } from "../core/toast.js";
import {
  elapsed, finished, linkChanged, myself, news, openState, panelShown, received, rejoining, sharedScreen, spanText,
  tiles, timeLeft, unread, urgency, waitsForMember,
} from "./call-state.js";
import { chosenDevices, openDevices, wantedMedia, wantMedia } from "./devices.js";
import { PeerLink } from "./media.js";
import { ChatPanel, ParticipantsPanel } from "./panels.js";
import { deviceSentences, readPhrases } from "./phrases.js";
import { CallLink } from "./protocol.js";
import { Sound, Stage } from "./stage.js";

const ADDRESSES_KNOWN = 300; // ms after a change of networks: a restart before that would look from the old addresses
const MENDED_WITHIN = 1_600; // ms after a restart
const BLINK = 1_000; // ms: a loss shorter than this is not worth a word
const ANNOUNCED = 20; // lines kept in the log for screen readers
const OUTCOMES = new Set([
  "left", "taken_over", "removed", "not_allowed", "member_ended", "nobody_joined", "time_up", "empty", "closed",
]);
const LOCK_WAIT = 1_500; // ms in which a page being reloaded lets go of its place

const part = (id) => document.getElementById(id);
const now = () => Date.now() / 1000;
/** Of the cookie: that of the page is void once somebody signs in in another tab. */
const csrfToken = () => /(?:^|; )csrftoken=(\w+)/u.exec(document.cookie)?.[1] ?? "";

/** `#connection=n` says that this page pressed Join; the tab keeps it (docs/protocol.md, "One page holds the seat"). */
class Place {
  #key;

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

  forget() {
    sessionStorage.removeItem(this.#key);
  }

  /** A duplicated tab copies the number: the one that was first keeps the place. */
  async isOurs() {
    if (!navigator.locks) return true;
    const name = `${this.#key}.${this.connection}`;
    return new Promise((resolve) => {
      const held = () => new Promise(() => resolve(true));
      navigator.locks.request(name, { signal: AbortSignal.timeout(LOCK_WAIT) }, held).catch(() => resolve(false));
    });
  }
}

class CallPage {
  #data;
  #place;
  #phrase = readPhrases();
  #state;
  #link;
  #peer = null;
  #sound;
  #stage;
  #chat;
  #participants;
  #stop = new AbortController();
  #tracks = { microphone: null, camera: null, screen: null };
  #sending = { ...wantedMedia(), screen: false };
  #adopted = false;
  #connectedOnce = false;
  #networkMoved = false;
  #troubledSince = null;
  #silent = false;
  #lowData = false;
  #told = new Set();
  #ticker = 0;
  #wakeLock = null;

  constructor(data) {
    this.#data = data;
    this.#place = new Place(data.callId);
    this.#state = openState({ me: data.seatId, role: data.role });
    const { signal } = this.#stop;
    this.#stage = new Stage(this.#phrase);
    this.#sound = new Sound((silent) => {
      this.#silent = silent;
      this.#showBanner();
    });
    this.#chat = new ChatPanel((text) => this.#send({ type: "chat", text, id: "chat" }), signal);
    this.#participants = new ParticipantsPanel(this.#phrase, (participant) => this.#remove(participant));
    this.#listen(signal);
  }

  async start() {
    const { connection } = this.#place;
    if (connection === 0) return this.#showOutside("door");
    if (connection < this.#data.connection) return this.#showOutside("taken_over");
    const isOurs = this.#place.isOurs();
    const { ticket, ticketUrl } = this.#data;
    const socketUrl = new URL(`/ws/calls/${this.#data.callId}/`, location.href);
    socketUrl.protocol = socketUrl.protocol.replace("http", "ws");
    this.#link = new CallLink({ socketUrl: socketUrl.href, ticketUrl, csrfToken, ticket, connection }, {
      firstFrame: () => this.#firstFrame(isOurs),
      frame: (frame) => this.#receive(frame),
      linked: (linked) => this.#set(linkChanged(this.#state, linked)),
      mediaLost: () => this.#forgetMedia(),
      over: (reason) => this.#finish(reason),
    });
    this.#ticker = setInterval(() => this.#tick(), 250);
    this.#link.open();
    this.#render();
    if (!(await isOurs)) return this.#showOutside("door");
    await this.#openWanted();
    return this.#keepAwake();
  }

  destroy() {
    this.#stop.abort();
    clearInterval(this.#ticker);
    this.#link?.destroy();
    this.#peer?.close();
    this.#sound.destroy();
    for (const track of Object.values(this.#tracks)) track?.stop();
    this.#wakeLock?.release();
  }

  // --- Joining and coming back

  /** @param {Promise<boolean>} isOurs nothing is said before we know */
  async #firstFrame(isOurs) {
    const { connection } = this.#place;
    if (this.#peer && this.#state.phase === "live") return { type: "resume", connection, version: this.#state.version };
    this.#peer?.close();
    const peer = new PeerLink(this.#tracks, {
      connected: () => this.#recovered(peer),
      shaky: () => this.#restart(peer),
      lost: () => this.#mediaFailed(peer),
    });
    this.#peer = peer;
    this.#adopted = false;
    const offer = await peer.offer();
    this.#sound.play(peer);
    if (!(await isOurs)) return new Promise(() => {});
    return { type: "join", offer, media: this.#sending };
  }

  #receive(frame) {
    if (frame.type === "welcome") {
      if (this.#state.phase === "live") {
        this.#sendMedia();
        this.#mend(this.#peer);
      } else {
        this.#peer.use(frame.ice_servers);
      }
    }
    if (frame.type === "answer") this.#peer.use(frame.ice_servers ?? []);
    if (frame.type === "answer") this.#peer.answer(frame.sdp).catch(() => this.#mediaFailed(this.#peer));
    if (frame.type === "error" && frame.id) this.#refused(frame);
    if (frame.type === "chat" && frame.participant !== this.#state.me) {
      this.#announce(this.#phrase("chat-from", frame));
    }
    if (frame.type === "answer" && this.#lowData) this.#prefer(); // each connection begins as usual
    this.#set(received(this.#state, frame, now()));
    if (frame.type === "roster") this.#adopt();
  }

  /** Whoever takes over, or comes back, is as muted as before (rule C4): the server's first roster says so. */
  #adopt() {
    const own = myself(this.#state);
    this.#fit();
    if (!own) return;
    if (!this.#adopted) {
      this.#adopted = true;
      for (const name of ["microphone", "camera"]) {
        if (this.#sending[name] && !own[name]) this.#switchOff(name);
      }
    }
  }

  #recovered(peer) {
    if (peer !== this.#peer) return;
    this.#connectedOnce = true;
    this.#fit();
    this.#render();
  }

  #fit() {
    this.#peer?.fit(tiles(this.#state).filter(({ participant }) => participant.state === "connected").length);
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
    else if (peer.unanswered && this.#state.linked) this.#link.renew();
  }

  /** A new socket: what took the old one may have been the network, and a restart may have been lost with it. */
  async #mend(peer) {
    const moved = this.#networkMoved;
    this.#networkMoved = false;
    if (moved) await new Promise((resolve) => { setTimeout(resolve, ADDRESSES_KNOWN); });
    if (peer.unanswered) this.#link.send({ type: "restart", offer: peer.unanswered });
    else if (moved || await peer.isSilent()) this.#restart(peer);
  }

  /** From Wi-Fi to mobile data and back: nobody waits until the old way has been silent for long (rule C5). */
  #networkChanged() {
    this.#networkMoved = true;
    this.#link?.renew();
  }

  #mediaFailed(peer) {
    if (peer !== this.#peer || this.#state.phase === "over") return;
    this.#forgetMedia();
    this.#link.rejoin();
  }

  #forgetMedia() {
    this.#peer?.close();
    this.#peer = null;
    this.#set(rejoining(this.#state));
  }

  #leave() {
    this.#link.close({ type: "leave" });
    this.#finish("left");
  }

  #finish(reason) {
    this.#set(finished(this.#state, reason));
  }

  /** A page without a place: the camera stays off, nothing connects. */
  #showOutside(notice) {
    part("call").dataset.phase = "over";
    this.#showNotice(notice);
    this.destroy();
  }

  // --- What this page sends

  async #openWanted(names = ["camera", "microphone"].filter((name) => this.#sending[name])) {
    const opened = await openDevices(names);
    for (const [name, { track }] of opened) {
      if (!track) this.#sending[name] = false;
      else if (this.#stop.signal.aborted || !this.#sending[name]) track.stop();
      else await this.#take(name, track);
    }
    if (this.#stop.signal.aborted) return;
    for (const sentence of deviceSentences(opened, this.#phrase)) showToast(sentence, "error");
    if ([...opened.values()].some(({ problem }) => problem)) this.#sendMedia();
    this.#sound.through(chosenDevices().speaker);
    this.#render();
  }

  async #take(name, track) {
    this.#tracks[name] = track;
    track.addEventListener("ended", () => this.#tracks[name] === track && this.#switch(name, false));
    await this.#peer?.send(name, track);
  }

  /** @param {"microphone" | "camera"} name */
  async #switch(name, on) {
    wantMedia({ [name]: on });
    if (!on) {
      this.#switchOff(name);
      this.#sendMedia();
      return;
    }
    this.#sending[name] = true;
    const track = this.#tracks[name];
    if (track) track.enabled = true;
    this.#render();
    if (!track) await this.#openWanted([name]);
    if (this.#sending[name]) this.#sendMedia();
  }

  /** A muted microphone stays open, so that unmuting loses no word; a stopped camera is off, light and all. */
  #switchOff(name) {
    this.#sending[name] = false;
    const track = this.#tracks[name];
    if (track && name === "microphone" && track.readyState === "live") {
      track.enabled = false;
    } else if (track) {
      track.stop();
      this.#tracks[name] = null;
      this.#peer?.send(name, null);
    }
    wantMedia({ [name]: false });
    this.#render();
  }

  #sendMedia(more = {}) {
    this.#link.send({ type: "media", id: "media", ...this.#sending, ...more });
  }

  async #switchScreen() {
    if (this.#sending.screen) return this.#stopScreen();
    const sharer = sharedScreen(this.#state);
    if (sharer && !(await this.#ask("take-screen", "share-mine", { name: sharer.name }))) return undefined;
    let track;
    try {
      const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 15 } }, audio: false });
      [track] = stream.getVideoTracks();
    } catch (error) {
      if (error.name !== "NotAllowedError") showToast(this.#phrase("share-failed"), "error"); // otherwise: changed their mind
      return undefined;
    }
    track.contentHint = "detail";
    track.addEventListener("ended", () => this.#tracks.screen === track && this.#stopScreen());
    this.#tracks.screen = track;
    this.#sending.screen = true;
    await this.#peer?.send("screen", track);
    this.#sendMedia(sharer ? { take_screen: true } : {});
    return this.#render();
  }

  /** Sound first, then a shared screen, then small pictures: the relay does it, and says what is paused. */
  #switchLowData() {
    this.#lowData = !this.#lowData;
    this.#prefer();
    part("low-data").querySelector("[data-label]").textContent = this.#phrase(`low-data-${this.#lowData ? "on" : "off"}`);
  }

  #prefer() {
    this.#link.send({ type: "prefer", id: "prefer", mode: this.#lowData ? "low" : "normal" });
  }

  #stopScreen() {
    this.#dropScreen();
    this.#sendMedia();
  }

  #dropScreen() {
    this.#tracks.screen?.stop();
    this.#tracks.screen = null;
    this.#sending.screen = false;
    this.#peer?.send("screen", null);
    this.#render();
  }

  // --- What the person does

  #listen(signal) {
    const on = (id, action) => part(id).addEventListener("click", action, { signal });
    on("microphone", () => this.#switch("microphone", !this.#sending.microphone));
    on("camera", () => this.#switch("camera", !this.#sending.camera));
    on("screen", () => this.#switchScreen());
    on("chat", () => this.#showPanel(this.#state.panel === "chat" ? null : "chat"));
    on("low-data", () => this.#switchLowData());
    on("open-participants", () => this.#showPanel("participants"));
    on("leave", () => this.#askToLeave());
    on("leave-now", () => this.#leave());
    part("end-for-all")?.addEventListener("click", () => {
      if (this.#send({ type: "end", id: "end", revoke: this.#revokes() })) part("leave-dialog").close();
    }, { signal });
    for (const button of document.querySelectorAll("[data-closes-panel]")) {
      button.addEventListener("click", () => this.#showPanel(null), { signal });
    }
    part("screen").hidden = !navigator.mediaDevices?.getDisplayMedia;
    const keys = new Map([["m", "microphone"], ["v", "camera"], ["s", "screen"], ["c", "chat"], ["l", "leave"]]);
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
      if (event.target.closest?.("dialog, [role='menu']")) return;
      if (event.key === "Escape" && this.#state.panel) this.#showPanel(null);
      if (event.target.closest?.("input, textarea, select, [contenteditable]")) return;
      const control = part(keys.get(event.key.toLowerCase()) ?? "");
      if (!control || control.hidden || !control.checkVisibility()) return;
      event.preventDefault();
      control.click();
    }, { signal });
    // Any touch is what the browser waits for before it lets us be heard.
    for (const touch of ["pointerdown", "keydown"]) {
      document.addEventListener(touch, () => this.#silent && this.#sound.start(), { signal });
    }
    window.addEventListener("online", () => this.#networkChanged(), { signal });
    let { type } = navigator.connection ?? {};
    navigator.connection?.addEventListener("change", () => {
      if (type === navigator.connection.type) return; // it also tells how fast the same network is
      ({ type } = navigator.connection);
      if (type !== "none") this.#networkChanged();
    }, { signal });
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState !== "visible") return;
      this.#link?.hurry();
      this.#keepAwake();
    }, { signal });
  }

  /** A place kind may offer to keep the personal invitations (rule C9). */
  #revokes() {
    return part("leave-dialog").querySelector("[name='revoke']")?.checked ?? true;
  }

  #send(frame) {
    const sent = this.#link.send(frame);
    if (!sent) showToast(this.#phrase("offline"), "error");
    return sent;
  }

  #refused({ id, message }) {
    if (id === "media" && this.#sending.screen && this.#state.screen !== this.#state.me) this.#dropScreen();
    showToast(message, "error");
  }

  async #remove({ id, name }) {
    if (await this.#ask("remove-question", "remove-yes", { name })) {
      this.#send({ type: "remove", id: "remove", participant: id });
    }
  }

  #askToLeave() {
    if (this.#state.phase === "live") part("leave-dialog").showModal();
    else this.#leave(); // somebody who only waits has nothing to lose
  }

  /** @returns {Promise<boolean>} */
  #ask(question, yes, values) {
    const dialog = part("question-dialog");
    part("question-heading").textContent = this.#phrase(question, values);
    part("question-yes").textContent = this.#phrase(yes);
    dialog.returnValue = "";
    dialog.showModal();
    return new Promise((resolve) => {
      part("question-yes").addEventListener("click", () => dialog.close("yes"), { signal: this.#stop.signal, once: true });
      dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
    });
  }

  #showPanel(panel) {
    const former = this.#state.panel;
    this.#set(panelShown(this.#state, panel));
    if (panel) part(panel === "chat" ? "chat-text" : "participants-heading").focus();
    else if (former) part(former === "chat" ? "chat" : "more").focus();
  }

  async #keepAwake() {
    try {
      this.#wakeLock = await navigator.wakeLock?.request("screen");
    } catch {
      // Low battery, or not looked at: the screen may sleep.
    }
  }

  // --- Showing it

  #set(state) {
    const before = this.#state;
    if (state === before) return;
    this.#state = state;
    for (const { what, name } of news(before, state)) this.#announce(this.#phrase(what, { name }));
    if (before.screen === state.me && state.screen !== state.me && this.#sending.screen) this.#dropScreen();
    if (state.phase === "over" && before.phase !== "over") {
      if (state.over !== "taken_over") this.#place.forget();
      for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
      this.#render();
      this.destroy();
    } else {
      this.#render();
    }
  }

  #render() {
    const state = this.#state;
    const call = part("call");
    const others = this.#stage.render(state, this.#peer);
    call.dataset.phase = state.phase;
    call.dataset.people = String(others);
    call.dataset.screen = sharedScreen(state) ? "shared" : "none";
    call.dataset.panel = state.panel ?? "none";
    this.#stage.renderSelf({
      name: this.#data.name,
      track: this.#sending.camera ? this.#tracks.camera : null,
      microphone: this.#sending.microphone,
    });
    this.#chat.render(state);
    this.#participants.render(state);
    part("chat-panel").hidden = state.panel !== "chat";
    part("participants-panel").hidden = state.panel !== "participants";
    this.#renderControls();
    this.#showNotice(this.#noticeFor(state, others));
    this.#tick();
  }

  #renderControls() {
    for (const name of ["microphone", "camera"]) {
      const on = this.#sending[name];
      part(name).setAttribute("aria-pressed", String(!on));
      part(name).querySelector("[data-label]").textContent = this.#phrase(`${name}-${on ? "stop" : "start"}`);
    }
    part("screen").setAttribute("aria-pressed", String(this.#sending.screen));
    part("screen").querySelector("[data-label]").textContent = this.#phrase(this.#sending.screen ? "unshare" : "share");
    part("chat").setAttribute("aria-pressed", String(this.#state.panel === "chat"));
    const count = unread(this.#state);
    part("unread").textContent = count ? String(count) : "";
    if (count) part("unread").setAttribute("aria-label", this.#phrase("unread", { number: count }));
  }

  #noticeFor(state, others) {
    if (state.phase === "over") return OUTCOMES.has(state.over) ? state.over : "unsupported";
    if (state.phase === "full") return "full";
    if (others) return null;
    if (state.phase === "joining" || state.version === 0) return "joining";
    return waitsForMember(state) ? "waiting" : "alone";
  }

  /** The words are in templates, so that what is not shown is not in the page. */
  #showNotice(notice) {
    const place = part("notice");
    if ((place.dataset.notice ?? "") === (notice ?? "")) return;
    place.dataset.notice = notice ?? "";
    const template = notice && document.querySelector(`template[data-notice="${notice}"]`);
    place.replaceChildren(...(template ? [template.content.cloneNode(true)] : []));
    if (part("call").dataset.phase === "over") place.querySelector("h2")?.focus();
  }

  #tick() {
    const at = now();
    const since = elapsed(this.#state, at);
    const meets = this.#state.phase === "live" && this.#state.countdown?.kind !== "member";
    this.#write("elapsed", meets && since !== null ? spanText(since) : "");
    const left = this.#state.phase === "over" ? null : timeLeft(this.#state, at);
    this.#write("countdown", left === null ? "" : spanText(Math.ceil(left)));
    const countdown = part("countdown");
    countdown.dataset.urgency = left === null ? "calm" : urgency(left);
    if (left !== null) this.#warn(this.#state.countdown, left);
    this.#trouble(at);
  }

  #write(id, text) {
    if (part(id).textContent !== text) part(id).textContent = text;
  }

  /** The last minute and the last 15 seconds are said once each. */
  #warn({ kind, endsAt }, left) {
    part("countdown").setAttribute("aria-label", this.#phrase(`${kind}-wait`));
    part("countdown").title = this.#phrase(`${kind}-wait`);
    for (const [limit, words] of [[60, "minute-left"], [15, "seconds-left"]]) {
      const warning = `${kind} ${endsAt} ${limit}`;
      if (left > limit || left < limit - 5 || this.#told.has(warning)) continue;
      this.#told.add(warning);
      this.#announce(this.#phrase(words));
    }
  }

  #trouble(at) {
    const { phase, linked } = this.#state;
    const troubled = this.#connectedOnce && phase !== "over" && !(linked && this.#peer?.connected);
    if (!troubled) this.#troubledSince = null;
    else this.#troubledSince ??= at;
    this.#showBanner();
  }

  #showBanner() {
    const reconnecting = this.#troubledSince !== null && (now() - this.#troubledSince) * 1000 >= BLINK;
    const wanted = (reconnecting && "reconnecting") || (this.#silent && "sound") || (this.#sending.screen && "sharing") || "";
    const place = part("stage-banner");
    const banner = this.#state.phase === "over" ? "" : wanted;
    if ((place.dataset.banner ?? "") === banner) return;
    place.dataset.banner = banner;
    const template = banner && document.querySelector(`template[data-banner="${banner}"]`);
    place.replaceChildren(...(template ? [template.content.cloneNode(true)] : []));
    if (banner === "sound") place.querySelector("button").addEventListener("click", () => this.#sound.start());
  }

  #announce(text) {
    const log = part("announcements");
    const line = document.createElement("p");
    line.textContent = text;
    log.append(line);
    while (log.children.length > ANNOUNCED) log.firstChild.remove();
  }
}

new CallPage(JSON.parse(part("call-data").textContent)).start();
