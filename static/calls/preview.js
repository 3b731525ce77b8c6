/**
 * The look in the mirror before joining, and the device test (rule C8): starts on the page's `[data-preview]`.
 *
 * What it finds is on the element for others to read: `data-camera`, `data-microphone` are "asking", "working", "off"
 * or the problem, `data-heard` once the microphone was loud enough, `data-speaker` is "playing", "played", "failed" or
 * the answer, "heard" or "silent"; network-panel.js adds `data-network`. A `preview:change` event tells of each change.
 */

import { helpNames, readBrowser } from "./browsers.js";
import { checkCodes } from "./device-check.js";
import { chooseDevices, chosenDevices, listDevices, openDevices, wantedMedia, wantMedia } from "./devices.js";
import { LevelMeter, playTestSound } from "./level.js";
import { NetworkPanel } from "./network-panel.js";
import { deviceSentences, readPhrases } from "./phrases.js";

const HEARD = 0.35; // of the level: a voice, not the room
const QUIET_FOR = 8_000; // ms without a voice: then it is time for a hint
const DEVICES = ["camera", "microphone"];

export class Preview {
  #root;
  #phrase;
  #stop = new AbortController();
  #opened = new Map();
  #asking = new Map(); // of each device, the question that counts
  #meter = null;
  #quiet = 0;
  #notes = [];

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
    this.#phrase = readPhrases(root);
    const { signal } = this.#stop;
    const on = (target, kind, action) => target.addEventListener(kind, action, { signal });
    for (const button of root.querySelectorAll("[data-toggle]")) {
      on(button, "click", () => this.#toggle(button.dataset.toggle));
    }
    for (const select of root.querySelectorAll("select[data-device]")) {
      on(select, "change", () => this.#choose(select.dataset.device, select.value));
    }
    for (const button of root.querySelectorAll("[data-answer]")) {
      on(button, "click", () => this.#answer(button.dataset.answer));
    }
    on(this.#part("retry"), "click", () => this.#retry());
    on(this.#part("sound"), "click", () => this.#playSound());
    on(root, "preview:change", () => this.#tellTheForm());
    if (navigator.mediaDevices) on(navigator.mediaDevices, "devicechange", () => this.#devicesChanged());
    // Joining: the call wants the camera, and the time, for itself.
    on(document, "submit", (event) => !event.defaultPrevented && this.destroy());
    on(window, "pagehide", () => this.destroy());
    this.#watchPermissions(signal);
  }

  start() {
    return this.#open(this.#wanted());
  }

  destroy() {
    this.#stop.abort();
    clearTimeout(this.#quiet);
    this.#meter?.destroy();
    this.#asking.clear();
    this.#release(DEVICES);
  }

  #part(name) {
    return this.#root.querySelector(`[data-part="${name}"]`);
  }

  #wanted() {
    const wanted = wantedMedia();
    return DEVICES.filter((name) => wanted[name]);
  }

  async #open(names) {
    this.#release(names);
    const question = {};
    for (const name of names) this.#asking.set(name, question);
    this.#show();
    const opened = await openDevices(names);
    for (const [name, found] of opened) {
      // Joined, switched off, or asked for again meanwhile.
      if (this.#asking.get(name) !== question) {
        found.track?.stop();
        continue;
      }
      this.#asking.delete(name);
      this.#opened.set(name, found);
      found.track?.addEventListener("ended", () => this.#lost(name, found), { signal: this.#stop.signal });
    }
    if (this.#stop.signal.aborted) return;
    this.#show();
    await this.#list();
  }

  #retry() {
    this.#notes = [];
    return this.#open(this.#wanted());
  }

  /** Unplugged: another one will do, and it is said which. */
  async #lost(name, found) {
    if (this.#opened.get(name) !== found) return;
    await this.#open([name]);
    const { track } = this.#opened.get(name) ?? {};
    this.#notes = track ? [this.#phrase(`changed-${name}`, { name: track.label })] : [];
    this.#show();
  }

  /** Plugged in: what was missing is there, or what was chosen is back. */
  async #devicesChanged() {
    const devices = await listDevices();
    const chosen = chosenDevices();
    const wanted = this.#wanted().filter((name) => {
      const { track, problem } = this.#opened.get(name) ?? {};
      const isBack = track && devices[name].some(({ deviceId }) => deviceId === chosen[name]) && track.getSettings().deviceId !== chosen[name];
      return isBack || (problem === "missing" && devices[name].length > 0);
    });
    if (wanted.length) this.#notes = [];
    await (wanted.length ? this.#open(wanted) : this.#list());
  }

  /** Allowed in the browser's own settings: nobody has to press anything here as well. */
  async #watchPermissions(signal) {
    for (const name of DEVICES) {
      try {
        const status = await navigator.permissions.query({ name });
        status.addEventListener("change", () => {
          if (status.state === "granted" && this.#opened.get(name)?.problem) this.#retry();
        }, { signal });
      } catch {
        // A browser that does not tell: there is the button.
      }
    }
  }

  #release(names) {
    for (const name of names) {
      this.#opened.get(name)?.track?.stop();
      this.#opened.delete(name);
    }
  }

  /** On, or being opened: a device with a problem is as good as off, and pressing its button tries again. */
  #isOn(name) {
    return wantedMedia()[name] && !this.#opened.get(name)?.problem;
  }

  #toggle(name) {
    const on = !this.#isOn(name);
    wantMedia({ [name]: on });
    this.#notes = [];
    if (on) return this.#open([name]);
    this.#asking.delete(name);
    this.#release([name]);
    return this.#show();
  }

  #choose(name, id) {
    chooseDevices({ [name]: id });
    this.#notes = [];
    return name === "speaker" || !wantedMedia()[name] ? undefined : this.#open([name]);
  }

  async #playSound() {
    const button = this.#part("sound");
    if (button.ariaDisabled === "true") return;
    button.ariaDisabled = "true";
    this.#hear("playing");
    try {
      await playTestSound(chosenDevices().speaker);
      this.#hear("played");
    } catch {
      this.#hear("failed");
    }
    button.ariaDisabled = null;
  }

  #answer(answer) {
    this.#hear(answer);
    this.#part("sound").focus(); // the question is gone, and with it what had the focus
  }

  #hear(state) {
    this.#part("question").hidden = state !== "played";
    for (const words of this.#root.querySelectorAll(".preview-speaker [data-when]")) words.hidden = words.dataset.when !== state;
    this.#set("speaker", state);
  }

  #show() {
    for (const name of DEVICES) {
      const { track, problem } = this.#opened.get(name) ?? {};
      const button = this.#root.querySelector(`[data-toggle="${name}"]`);
      const on = this.#isOn(name);
      button.setAttribute("aria-pressed", String(!on));
      button.querySelector("[data-label]").textContent = this.#phrase(`${name}-${on ? "stop" : "start"}`);
      this.#set(name, track ? "working" : (problem ?? (this.#asking.has(name) ? "asking" : "off")));
    }
    const camera = this.#opened.get("camera")?.track;
    const video = this.#part("picture");
    if (video.srcObject?.getVideoTracks()[0] !== camera) video.srcObject = camera ? new MediaStream([camera]) : null;
    this.#measure(this.#opened.get("microphone")?.track);
    this.#showProblems();
  }

  #showProblems() {
    const sentences = deviceSentences(this.#opened, this.#phrase);
    const helps = this.#helps();
    const cards = [...this.#notes, ...sentences].map((text, index) => {
      const card = document.createElement("div");
      const line = document.createElement("p");
      line.textContent = text;
      card.append(line);
      const help = helps[index - this.#notes.length];
      if (help) card.append(help.content.cloneNode(true));
      return card;
    });
    const place = this.#part("problems");
    // A status that says the same again would be read out again.
    if (cards.map(({ textContent }) => textContent).join() !== [...place.children].map(({ textContent }) => textContent).join()) {
      place.replaceChildren(...cards);
    }
    this.#part("retry").hidden = !sentences.length;
  }

  /** @returns {(HTMLTemplateElement | undefined)[]} for each of the sentences; the same help is given once */
  #helps() {
    const problems = new Set([...this.#opened.values()].flatMap(({ problem }) => problem ?? []));
    const where = readBrowser(navigator);
    const find = (name) => this.#root.querySelector(`template[data-help="${name}"]`);
    return [...problems].map((problem) => helpNames(problem, where).map(find).find(Boolean));
  }

  #measure(track) {
    if (this.#meter?.track === track) return;
    this.#meter?.destroy();
    this.#meter = null;
    clearTimeout(this.#quiet);
    const bar = this.#part("level");
    const show = (level) => {
      bar.style.setProperty("--level", level.toFixed(2));
      bar.setAttribute("aria-valuenow", String(Math.round(level * 10) * 10));
      if (level > HEARD && this.#root.dataset.heard === undefined) this.#heard(true);
    };
    show(0);
    if (!track) return;
    this.#heard(false);
    this.#meter = new LevelMeter(track, show);
  }

  /** What one microphone heard says nothing of another. */
  #heard(heard) {
    clearTimeout(this.#quiet);
    this.#part("hint").textContent = this.#phrase(heard ? "hint-heard" : "hint-speak");
    if (heard) {
      this.#set("heard", "");
    } else {
      delete this.#root.dataset.heard;
      this.#quiet = setTimeout(() => (this.#part("hint").textContent = this.#phrase("hint-quiet")), QUIET_FOR);
    }
  }

  /** Names of devices are told only after a permission, so the lists come last. */
  async #list() {
    const devices = await listDevices();
    const chosen = chosenDevices();
    for (const select of this.#root.querySelectorAll("select[data-device]")) {
      const name = select.dataset.device;
      const found = devices[name];
      const current = this.#opened.get(name)?.track?.getSettings().deviceId ?? chosen[name];
      select.replaceChildren(...found.map(({ deviceId, label }, index) => {
        const text = label || this.#phrase(`${name}-numbered`, { number: index + 1 });
        return new Option(text, deviceId, false, deviceId === current);
      }));
      select.closest("[data-choice]").hidden = !found.length;
    }
    this.#part("no-choice").hidden = Object.values(devices).some(({ length }) => length);
  }

  #set(name, value) {
    if (this.#root.dataset[name] === value) return;
    this.#root.dataset[name] = value;
    this.#root.dispatchEvent(new CustomEvent("preview:change"));
  }

  /** What members read beside the name: the form that joins takes it along (calls.forms). */
  #tellTheForm() {
    for (const field of document.querySelectorAll("input[data-device-check]")) field.value = checkCodes(this.#root.dataset);
  }
}

const root = document.querySelector("[data-preview]");
if (typeof RTCPeerConnection === "function") {
  new Preview(root).start();
  new NetworkPanel(root, document.querySelector("[data-network-url]")).start();
} else {
  root.hidden = true; // the page says that this browser is too old
}
