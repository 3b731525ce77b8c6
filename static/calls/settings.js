/** The panel of settings: which camera, microphone and speaker, tried while the call goes on. */

import { chosenDevices, listDevices } from "./devices.js";
import { LevelMeter, playTestSound } from "./level.js";

/** @import { DeviceKeeper } from "./device-keeper.js" */
/** @import { Outgoing } from "./outgoing.js" */

const DEVICES = ["camera", "microphone", "speaker"];

export class Settings {
  #panel = document.querySelector('[data-panel="settings"]');
  #phrase;
  #outgoing;
  #keeper;
  #meter = null;
  #measured = null;

  /**
   * @param {(key: string, values?: object) => string} phrase
   * @param {Outgoing} outgoing
   * @param {DeviceKeeper} keeper
   * @param {AbortSignal} signal
   */
  constructor(phrase, outgoing, keeper, signal) {
    this.#phrase = phrase;
    this.#outgoing = outgoing;
    this.#keeper = keeper;
    const on = (target, kind, action) => target.addEventListener(kind, action, { signal });
    for (const name of DEVICES) on(this.#select(name), "change", ({ target }) => this.#choose(name, target.value));
    on(this.#panel, "panel:opened", () => this.render());
    on(this.#panel, "panel:closed", () => this.render());
    on(this.#part("sound"), "click", () => this.#playSound());
    if (navigator.mediaDevices) on(navigator.mediaDevices, "devicechange", () => this.render());
  }

  /** Lists and level are looked at only while the panel is open. */
  async render() {
    const microphone = this.#panel.hidden || !this.#outgoing.media.microphone ? null : this.#outgoing.tracks.microphone;
    if (microphone !== this.#measured) this.#measure(microphone);
    if (this.#panel.hidden) return;
    const devices = await listDevices();
    for (const name of DEVICES) this.#list(name, devices[name]);
    const canChooseSpeaker = "setSinkId" in HTMLMediaElement.prototype;
    this.#choice("speaker").hidden = !canChooseSpeaker || !devices.speaker.length;
  }

  destroy() {
    this.#measure(null);
  }

  #part(name) {
    return this.#panel.querySelector(`[data-part="${name}"]`);
  }

  #select(name) {
    return this.#panel.querySelector(`[data-device="${name}"]`);
  }

  #choice(name) {
    return this.#select(name).closest("[data-choice]");
  }

  async #choose(name, id) {
    await this.#keeper.choose(name, id);
    await this.render(); // what was not to be had is not chosen
  }

  /** An open list that is written anew would close under the finger. */
  #list(name, found) {
    const chosen = chosenDevices()[name];
    const current = this.#outgoing.device(name)?.getSettings().deviceId ?? chosen;
    const select = this.#select(name);
    const options = found.map(({ deviceId, label }, index) => {
      const text = label || this.#phrase(`${name}-numbered`, { number: index + 1 });
      return new Option(text, deviceId, false, deviceId === current);
    });
    const same = options.length === select.length
      && options.every(({ text, value }, index) => select[index].text === text && select[index].value === value);
    if (!same) select.replaceChildren(...options);
    else if (current && select.value !== current) select.value = current;
    this.#choice(name).hidden = !found.length;
  }

  #measure(track) {
    this.#meter?.destroy();
    this.#measured = track;
    const bar = this.#part("level");
    const show = (level) => {
      bar.style.setProperty("--level", level.toFixed(2));
      bar.setAttribute("aria-valuenow", String(Math.round(level * 10) * 10));
    };
    show(0);
    this.#meter = track && new LevelMeter(track, show);
    this.#part("muted").hidden = track !== null;
  }

  async #playSound() {
    const button = this.#part("sound");
    button.disabled = true;
    this.#part("sound-failed").hidden = true;
    try {
      await playTestSound(chosenDevices().speaker);
    } catch {
      this.#part("sound-failed").hidden = false;
    }
    button.disabled = false;
  }
}
