/**
 * Camera, microphone and speaker while devices come and go: another one is chosen, one is unplugged, one is back. The call
 * goes on with what there is, and says so; nothing is negotiated anew.
 */

import { chooseDevices, chosenDevices, listDevices, openDevices, wantedMedia } from "./devices.js";

/** @import { Outgoing } from "./outgoing.js" */
/** @typedef {'camera' | 'microphone'} Name */
/**
 * @typedef {object} Page
 * @property {(phrase: string, values: {device: string}) => void} tell
 * @property {(opened: Map<string, {problem?: string}>) => void} opened
 * @property {(speaker: string | undefined) => void} speak through that speaker; undefined: the system's
 */

export class DeviceKeeper {
  #outgoing;
  #page;
  #lost = new Map(); // by name: the id of the device that went
  #opening = new Set(); // names whose device went or came just now: one is being opened
  #asked = new Map(); // by name: the change that counts

  /** @param {Outgoing} outgoing @param {Page} page @param {AbortSignal} signal */
  constructor(outgoing, page, signal) {
    this.#outgoing = outgoing;
    this.#page = page;
    navigator.mediaDevices?.addEventListener?.("devicechange", () => this.#look(), { signal });
  }

  /** @param {Name | 'speaker'} name @param {string} id of a device, used from now on and remembered */
  async choose(name, id) {
    chooseDevices({ [name]: id });
    if (name === "speaker") {
      this.#page.speak(id);
      return;
    }
    this.#lost.delete(name);
    if (this.#outgoing.device(name)) await this.#reopen(name);
  }

  /**
   * The device ended by itself: unplugged, or taken by the system.
   * @param {Name} name @param {MediaStreamTrack} track that ended
   */
  async lose(name, track) {
    this.#lost.set(name, track.getSettings().deviceId);
    this.#opening.add(name);
    await this.#outgoing.switch(name, true);
    this.#opening.delete(name);
    const next = this.#outgoing.device(name);
    if (next) this.#page.tell(`${name}-replaced`, { device: next.label });
    await this.#look(); // what came and went meanwhile
  }

  async #reopen(name) {
    const change = Symbol(name);
    this.#asked.set(name, change);
    let opened = await openDevices([name]);
    if (opened.get(name).problem) {
      this.#outgoing.device(name)?.stop(); // some telephones open one camera at a time
      opened = await openDevices([name]);
    }
    const { track } = opened.get(name);
    if (!track) {
      await this.#outgoing.switch(name, false);
      this.#page.opened(opened);
    } else if (this.#asked.get(name) === change && this.#outgoing.device(name)) {
      await this.#outgoing.use(name, track);
    } else {
      track.stop(); // another was chosen meanwhile, or it was switched off
    }
  }

  async #look() {
    const found = await listDevices();
    for (const [name, id] of this.#lost) await this.#returned(name, id, found[name]);
    const { speaker } = chosenDevices();
    this.#page.speak(found.speaker.some(({ deviceId }) => deviceId === speaker) ? speaker : undefined);
  }

  /** The one that was lost is used again; while there was none at all, any will do. */
  async #returned(name, id, found) {
    const isBack = found.some(({ deviceId }) => deviceId === id);
    const isMissed = !this.#outgoing.device(name);
    if (this.#opening.has(name) || (!isBack && !(isMissed && found.length))) return;
    if (!wantedMedia()[name]) {
      this.#lost.delete(name); // switched off since
      return;
    }
    this.#opening.add(name);
    if (isMissed) await this.#outgoing.switch(name, true);
    else await this.#reopen(name);
    this.#opening.delete(name);
    const device = this.#outgoing.device(name);
    if (!device) return; // there, and not to be had: the next change may bring it
    this.#lost.delete(name);
    this.#page.tell(`${name}-back`, { device: device.label });
  }
}
