/**
 * The call page's entry: joins what is sent (outgoing.js), the way into the call (connection.js) and the state
 * (call-state.js), and shows the state. Nothing here waits for what it does not need: the socket, the offer and the
 * camera start at the same time (Join to first picture within 0.5 s).
 */

import { showToast } from "../core/toast.js";
import { Announcements } from "./announcements.js";
import { Banners } from "./banners.js";
import {
  finished, goneAway, healthChanged, linkChanged, myself, news, openState, panelShown, received, rejoining, sharedScreen,
} from "./call-state.js";
import { ChatPanel } from "./chat.js";
import { Chimes } from "./chimes.js";
import { Clock } from "./clock.js";
import { Connection } from "./connection.js";
import { Controls } from "./controls.js";
import { DeviceKeeper } from "./device-keeper.js";
import { chosenDevices, wantedBlur } from "./devices.js";
import { MutedSpeech } from "./muted-speech.js";
import { noticeFor, Notices } from "./notices.js";
import { Outgoing } from "./outgoing.js";
import { Panels } from "./panels.js";
import { ParticipantsPanel } from "./participants.js";
import { deviceSentences, readPhrases } from "./phrases.js";
import { Place } from "./place.js";
import { readAloud } from "./read-aloud.js";
import { refusalPhrase } from "./refusals.js";
import { Settings } from "./settings.js";
import { Sound } from "./sound.js";
import { Stage } from "./stage.js";
import { View } from "./view.js";

const READ_FOR = 1_500; // ms for what has ended to be read before the door opens that says how it goes on

const part = (id) => document.getElementById(id);
const now = () => Date.now() / 1000;

class CallPage {
  #data;
  #place;
  #phrase = readPhrases();
  #state;
  #stop = new AbortController();
  #announcements = new Announcements(this.#phrase, readAloud, document.documentElement.lang);
  #chimes = new Chimes(this.#stop.signal);
  #clock = new Clock(this.#phrase, (text) => this.#announcements.interrupt(text));
  #view;
  #stage;
  #banners = new Banners(this.#phrase, () => this.#sound.start());
  #notices = new Notices(() => this.#comeBack());
  #controls;
  #panels;
  #chat;
  #participants;
  #outgoing;
  #devices;
  #settings;
  #mutedSpeech = new MutedSpeech(() => this.#controls.sayMuted());
  #blur = null;
  #sound;
  #connection = null;
  #adopted = false;
  #lostSince = null;
  #joiningSince = now();
  #silent = false;
  #ticker = 0;
  #wakeLock = null;

  constructor(data) {
    this.#data = data;
    this.#place = new Place(data.callId);
    this.#state = openState({ me: data.seatId, role: data.role });
    const { signal } = this.#stop;
    this.#view = new View(this.#phrase, () => this.#render(), signal);
    this.#stage = new Stage(this.#phrase, this.#view);
    this.#sound = new Sound((silent) => {
      this.#silent = silent;
      this.#renderBanners();
    });
    this.#outgoing = new Outgoing({
      send: (name, track) => this.#connection?.peer?.send(name, track),
      say: (more) => this.#sayMedia(more),
      lost: (name, track) => this.#devices.lose(name, track),
      changed: () => this.#render(),
      opened: (found) => this.#devicesOpened(found),
    });
    this.#devices = new DeviceKeeper(this.#outgoing, {
      tell: (phrase, values) => showToast(this.#phrase(phrase, values)),
      opened: (found) => this.#devicesOpened(found),
      speak: (speaker) => this.#sound.through(speaker),
    }, signal);
    this.#settings = new Settings(this.#phrase, this.#outgoing, this.#devices, signal);
    this.#chat = new ChatPanel((text) => this.#send({ type: "chat", text, id: "chat" }), signal);
    this.#participants = new ParticipantsPanel(this.#phrase, (participant) => this.#remove(participant));
    this.#panels = new Panels((panel) => this.#set(panelShown(this.#state, panel)), signal);
    this.#controls = new Controls(this.#phrase, this.#actions(), () => this.#set(panelShown(this.#state, null)), signal);
    this.#listen(signal);
  }

  async start() {
    part("call").dataset.started = "yes"; // not-started.js looks for it
    if (!window.RTCPeerConnection || !window.WebSocket) return this.#showOutside("unsupported");
    const { connection } = this.#place;
    if (connection === 0) return this.#showOutside("door");
    if (connection < this.#data.connection) return this.#showOutside("taken_over");
    const isOurs = this.#place.isOurs();
    this.#connection = new Connection({ ...this.#data, connection, lowData: this.#place.lowData }, {
      state: () => this.#state,
      tracks: () => this.#outgoing.tracks,
      media: () => this.#outgoing.wanted,
      plays: () => !this.#silent,
      began: (peer) => {
        this.#adopted = false;
        this.#sound.play(peer);
      },
      connected: () => {
        this.#joiningSince = null;
        this.#render();
      },
      resumed: () => this.#sayMedia(),
      frame: (frame) => this.#receive(frame),
      linked: (linked) => this.#set(linkChanged(this.#state, linked)),
      mediaLost: () => this.#set(rejoining(this.#state)),
      health: (isPoor) => this.#set(healthChanged(this.#state, isPoor)),
      away: () => this.#goAway(),
      over: (reason) => this.#finish(reason),
    });
    this.#ticker = setInterval(() => this.#tick(), 250);
    this.#connection.open(isOurs);
    this.#render();
    if (!(await isOurs)) return this.#showOutside("door");
    if (this.#data.blur) await this.#offerBlur(this.#data.blur);
    await this.#outgoing.openWanted();
    return this.#keepAwake();
  }

  destroy() {
    this.#stop.abort();
    clearInterval(this.#ticker);
    this.#connection?.destroy();
    this.#outgoing.destroy();
    this.#mutedSpeech.destroy();
    this.#settings.destroy();
    this.#blur?.destroy();
    this.#sound.destroy();
    this.#stage.destroy();
    this.#wakeLock?.release();
  }

  /** Members' pages alone know where the blur is (rule C2). */
  async #offerBlur(scripts) {
    try {
      const { BlurControl } = await import(scripts.control);
      this.#blur = new BlurControl(scripts, this.#outgoing, this.#phrase, () => this.#render());
    } catch {
      // Not reached just now: whoever wants to be seen blurred is not seen otherwise.
      part("blur").hidden = true;
      if (wantedBlur() && this.#outgoing.loseCameraEffect()) showToast(this.#phrase("blur-failed-stopped"), "error");
    }
  }

  /** A page without a place: the camera stays off, nothing connects. */
  #showOutside(notice) {
    part("call").dataset.phase = "over";
    this.#notices.show(notice, true);
    this.destroy();
  }

  #goAway() {
    if (this.#outgoing.media.screen) this.#outgoing.dropScreen();
    this.#outgoing.rest();
    this.#set(goneAway(this.#state));
  }

  #comeBack() {
    this.#joiningSince = now();
    this.#connection.comeBack();
    this.#outgoing.openWanted();
    this.#keepAwake();
  }

  #receive(frame) {
    if (frame.type === "moved") return this.#move(frame);
    if (frame.type === "error" && frame.id) this.#refused(frame);
    if (frame.type === "chat" && frame.participant !== this.#state.me) {
      this.#announcements.hear([{ what: "chat-from", name: frame.name, text: frame.text }], performance.now());
    }
    this.#set(received(this.#state, frame, now()));
    // For what a place kind's template brings along: its panels may show something that this changes.
    if (frame.type === "changed" || frame.type === "roster") {
      document.dispatchEvent(new CustomEvent(`call:${frame.type}`, { detail: frame }));
    }
    if (frame.type === "ended" && this.#data.returns) setTimeout(() => location.assign(this.#data.doorUrl), READ_FOR);
    const own = frame.type === "roster" && !this.#adopted && myself(this.#state);
    if (!own) return undefined;
    this.#adopted = true;
    this.#outgoing.adopt(own);
    if (this.#outgoing.isHeld) this.#sayMedia();
    return undefined;
  }

  /** To another call, or back to the door they came from, by a member's act (rule W6). */
  #move({ call, connection }) {
    this.#place.forget();
    this.destroy();
    location.assign(call ? `/calls/${call}/#connection=${connection}` : this.#data.doorUrl);
  }

  #devicesOpened(found) {
    for (const sentence of deviceSentences(found, this.#phrase)) showToast(sentence, "error");
    this.#sound.through(chosenDevices().speaker);
    this.#render();
  }

  #sayMedia(more = {}) {
    this.#connection?.send({ type: "media", id: "media", ...this.#outgoing.media, ...more });
  }

  // --- What the person does

  #actions() {
    const turn = (name) => this.#outgoing.switch(name, !this.#outgoing.wanted[name]);
    return {
      microphone: () => turn("microphone"),
      camera: () => turn("camera"),
      screen: () => this.#switchScreen(),
      blur: () => this.#blur?.toggle(),
      "low-data": () => this.#switchLowData(),
      "open-layout": () => part("layout-dialog").showModal(),
      "toggle-self": () => this.#view.toggleSelf(),
      "move-self": () => this.#view.moveSelf(),
      "hide-self": () => this.#hideSelf(),
      leave: () => this.#askToLeave(),
      "leave-now": () => this.#leave(),
      "end-for-all": () => {
        if (this.#send({ type: "end", id: "end", revoke: this.#revokes() })) part("leave-dialog").close();
      },
    };
  }

  #listen(signal) {
    // Any touch is what the browser waits for before it lets us be heard.
    for (const touch of ["pointerdown", "keydown"]) {
      document.addEventListener(touch, () => this.#silent && this.#sound.start(), { signal });
    }
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.#keepAwake();
    }, { signal });
  }

  #hideSelf() {
    this.#view.toggleSelf();
    showToast(this.#phrase("self-hidden"));
    part("more").focus();
  }

  async #switchScreen() {
    if (this.#outgoing.media.screen) return this.#outgoing.stopScreen();
    const sharer = sharedScreen(this.#state);
    if (sharer && !(await this.#ask("take-screen", "share-mine", { name: sharer.name }))) return undefined;
    try {
      return await this.#outgoing.shareScreen(sharer !== null);
    } catch (error) {
      if (error.name !== "NotAllowedError") showToast(this.#phrase("share-failed"), "error"); // otherwise: changed their mind
      return undefined;
    }
  }

  #switchLowData() {
    const lowData = !this.#connection.lowData;
    this.#connection.lowData = this.#place.lowData = lowData;
    showToast(this.#phrase(`low-data-${lowData ? "on" : "off"}`));
    this.#render();
  }

  /** A place kind may offer to keep the personal invitations (rule C9). */
  #revokes() {
    return part("leave-dialog").querySelector("[name='revoke']")?.checked ?? true;
  }

  #send(frame) {
    const sent = this.#connection.send(frame);
    if (!sent) showToast(this.#phrase("offline"), "error");
    return sent;
  }

  #refused({ id, code }) {
    if (id === "media" && this.#outgoing.media.screen && this.#state.screen !== this.#state.me) this.#outgoing.dropScreen();
    if (id === "chat") this.#chat.giveBack();
    showToast(this.#phrase(refusalPhrase({ id, code })), "error");
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

  #leave() {
    this.#connection.leave();
    this.#finish("left");
  }

  #finish(reason) {
    this.#set(finished(this.#state, reason));
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
    this.#tell(news(before, state));
    if (before.screen === state.me && state.screen !== state.me && this.#outgoing.media.screen) this.#outgoing.dropScreen();
    if (state.phase === "over" && before.phase !== "over") {
      if (state.over !== "taken_over") this.#place.forget();
      for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
      this.#render();
      this.destroy();
    } else {
      this.#render();
    }
  }

  #tell(told) {
    const at = performance.now();
    this.#announcements.hear(told, at);
    this.#chimes.hear(told, at);
  }

  #render() {
    const state = this.#state;
    const call = part("call");
    const { tracks, wanted } = this.#outgoing;
    this.#view.render(state);
    const others = this.#stage.render(state, this.#connection?.peer ?? null);
    call.dataset.phase = state.phase;
    call.dataset.people = String(others);
    call.dataset.screen = sharedScreen(state) ? "shared" : "none";
    this.#stage.renderSelf({
      name: this.#data.name,
      track: wanted.camera ? tracks.camera : null,
      microphone: wanted.microphone,
    });
    this.#chat.render(state);
    this.#participants.render(state);
    this.#panels.render(state.panel);
    this.#settings.render();
    this.#mutedSpeech.watch(wanted.microphone || state.phase !== "live" ? null : tracks.microphone);
    this.#controls.render(state, { media: wanted, lowData: this.#connection?.lowData ?? false });
    this.#tick();
  }

  #tick() {
    const at = now();
    const { phase } = this.#state;
    this.#clock.render(this.#state, at);
    this.#announcements.tick(performance.now());
    this.#chimes.tick(performance.now(), chosenDevices().speaker);
    const isBeginning = phase === "joining" && this.#joiningSince !== null;
    const notice = noticeFor(this.#state, this.#stage.others, isBeginning ? at - this.#joiningSince : 0);
    this.#notices.show(notice, phase === "over" || phase === "away");
    if (!this.#connection?.lost) this.#lostSince = null;
    else this.#lostSince ??= at;
    this.#renderBanners();
  }

  #renderBanners() {
    this.#banners.render(this.#state, {
      lost: this.#connection?.lost ?? null,
      lostFor: this.#lostSince === null ? 0 : now() - this.#lostSince,
      isOnline: navigator.onLine,
      isSilent: this.#silent,
      isSharing: this.#outgoing.media.screen,
      blur: this.#blur?.banner ?? "",
      lowData: this.#connection?.lowData ?? false,
    });
  }
}

new CallPage(JSON.parse(part("call-data").textContent)).start();
