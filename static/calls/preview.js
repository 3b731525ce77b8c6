/**
 * The look in the mirror before joining, and the device test (rule C8): starts on each `[data-preview]` of the page.
 *
 * What it finds is on the element for others to read: `data-camera`, `data-microphone` are "working", "off" or the
 * problem, `data-heard` once the microphone was loud enough, `data-speaker` once the test sound was played; a
 * `preview:change` event tells of each change.
 */

import { checkCodes } from "./device-check.js";
import { chooseDevices, chosenDevices, listDevices, openDevices, wantedMedia, wantMedia } from "./devices.js";
import { LevelMeter, playTestSound } from "./level.js";
import { deviceSentences, readPhrases } from "./phrases.js";

const HEARD = 0.35; // of the level: a voice, not the room

export class Preview {
  #root;
  #phrase;
  #stop = new AbortController();
  #opened = new Map();
  #meter = null;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
    this.#phrase = readPhrases(root);
    const { signal } = this.#stop;
    for (const button of root.querySelectorAll("[data-toggle]")) {
      button.addEventListener("click", () => this.#toggle(button.dataset.toggle), { signal });
    }
    for (const select of root.querySelectorAll("select[data-device]")) {
      select.addEventListener("change", () => this.#choose(select.dataset.device, select.value), { signal });
    }
    this.#part("retry").addEventListener("click", () => this.#open(this.#wanted()), { signal });
    this.#part("sound").addEventListener("click", () => this.#playSound(), { signal });
    navigator.mediaDevices?.addEventListener?.("devicechange", () => this.#list(), { signal });
    // Joining: the call wants the camera, and the time, for itself.
    document.addEventListener("submit", (event) => !event.defaultPrevented && this.destroy(), { signal });
    window.addEventListener("pagehide", () => this.destroy(), { signal });
  }

  start() {
    return this.#open(this.#wanted());
  }

  destroy() {
    this.#stop.abort();
    this.#meter?.destroy();
    this.#release(["camera", "microphone"]);
  }

  #part(name) {
    return this.#root.querySelector(`[data-part="${name}"]`);
  }

  #wanted() {
    const wanted = wantedMedia();
    return ["camera", "microphone"].filter((name) => wanted[name]);
  }

  async #open(names) {
    this.#release(names);
    const opened = await openDevices(names);
    if (this.#stop.signal.aborted) {
      opened.forEach(({ track }) => track?.stop());
      return;
    }
    for (const [name, found] of opened) {
      this.#opened.set(name, found);
      found.track?.addEventListener("ended", () => this.#lost(name, found), { signal: this.#stop.signal });
    }
    this.#show();
    await this.#list();
  }

  #lost(name, found) {
    if (this.#opened.get(name) !== found) return;
    this.#release([name]);
    this.#opened.set(name, { problem: "missing" });
    this.#show();
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
    if (on) return this.#open([name]);
    this.#release([name]);
    return this.#show();
  }

  #choose(name, id) {
    chooseDevices({ [name]: id });
    return name === "speaker" || !wantedMedia()[name] ? undefined : this.#open([name]);
  }

  async #playSound() {
    const button = this.#part("sound");
    button.disabled = true;
    try {
      await playTestSound(chosenDevices().speaker);
      this.#set("speaker", "working");
    } catch {
      this.#set("speaker", "failed");
    }
    button.disabled = false;
  }

  #show() {
    for (const name of ["camera", "microphone"]) {
      const { track, problem } = this.#opened.get(name) ?? {};
      const button = this.#root.querySelector(`[data-toggle="${name}"]`);
      const on = this.#isOn(name);
      button.setAttribute("aria-pressed", String(!on));
      button.querySelector("[data-label]").textContent = this.#phrase(`${name}-${on ? "stop" : "start"}`);
      this.#set(name, track ? "working" : (problem ?? "off"));
    }
    const camera = this.#opened.get("camera")?.track;
    const video = this.#part("picture");
    video.srcObject = camera ? new MediaStream([camera]) : null;
    this.#measure(this.#opened.get("microphone")?.track);
    const sentences = deviceSentences(this.#opened, this.#phrase);
    this.#part("problems").replaceChildren(...sentences.map((text) => {
      const line = document.createElement("p");
      line.textContent = text;
      return line;
    }));
    this.#part("retry").hidden = !sentences.length;
  }

  #measure(track) {
    this.#meter?.destroy();
    this.#meter = null;
    const bar = this.#part("level");
    const show = (level) => {
      bar.style.setProperty("--level", level.toFixed(2));
      bar.setAttribute("aria-valuenow", String(Math.round(level * 10) * 10));
      if (level > HEARD && this.#root.dataset.heard === undefined) this.#set("heard", "");
    };
    show(0);
    if (track) this.#meter = new LevelMeter(track, show);
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
  }

  #set(name, value) {
    this.#root.dataset[name] = value;
    // What members read beside the name: the form that joins takes it along.
    for (const field of document.querySelectorAll("input[data-device-check]")) field.value = checkCodes(this.#root.dataset);
    this.#root.dispatchEvent(new CustomEvent("preview:change"));
  }
}

for (const root of document.querySelectorAll("[data-preview]")) new Preview(root).start();
