/**
 * What this page sends: microphone, camera, a shared screen. Opens and closes them, and knows what is meant to be on.
 * Knows no element of the page.
 */

import { openDevices, wantedMedia, wantMedia } from "./devices.js";

/** @typedef {'microphone' | 'camera' | 'screen'} Name */
/**
 * @typedef {object} CameraEffect stands between the camera and the others: the blur
 * @property {(camera: MediaStreamTrack) => Promise<MediaStreamTrack>} apply asked for each camera: the track to send in
 *   its place. What was sent before stays until it resolves, and where it rejects; then `loseCameraEffect` is up to it
 * @property {() => void} release this camera is no longer sent: stop working
 */
/**
 * @typedef {object} Page
 * @property {(name: Name, track: MediaStreamTrack | null) => unknown} send to the others, from now on
 * @property {(more?: {take_screen?: boolean}) => void} say what is sent changed: the others are told
 * @property {(name: 'microphone' | 'camera', track: MediaStreamTrack) => void} lost its device ended while it was on
 * @property {() => void} changed it is to be shown
 * @property {(opened: Map<string, {problem?: string}>) => void} opened devices were asked for; some may have a problem
 */

export class Outgoing {
  #page;
  #opened = { microphone: null, camera: null, screen: null };
  #sent = { microphone: null, camera: null, screen: null };
  #on = { ...wantedMedia(), screen: false };
  #effect = null;
  #stopped = false;

  /** @param {Page} page */
  constructor(page) {
    this.#page = page;
  }

  /** @returns {Record<Name, MediaStreamTrack | null>} what a new media connection begins with */
  get tracks() {
    return { ...this.#sent };
  }

  /** @returns {Record<Name, boolean>} what the person has switched on */
  get wanted() {
    return { ...this.#on };
  }

  /** @returns {boolean} whether the camera waits for its effect: others see that it is off meanwhile, and no picture */
  get isHeld() {
    return this.#on.camera && this.#effect !== null && this.#sent.camera === null;
  }

  /** @returns {Record<Name, boolean>} what the others are told */
  get media() {
    return { ...this.#on, camera: this.#on.camera && !this.isHeld };
  }

  /** @param {Name} name @returns {MediaStreamTrack | null} of the device itself, whatever is made of it on its way out */
  device(name) {
    return this.#opened[name];
  }

  /**
   * Another device in place of the one that is open: the others see or hear it from now on.
   *
   * @param {'microphone' | 'camera'} name
   * @param {MediaStreamTrack} track
   */
  async use(name, track) {
    const former = this.#opened[name];
    track.enabled = this.#on[name];
    await this.#take(name, track);
    former?.stop();
    this.#page.changed();
  }

  openWanted() {
    return this.#open(["camera", "microphone"].filter((name) => this.#on[name]));
  }

  /** Whoever takes over, or comes back, is as muted as before (rule C4): the server's first roster says so. */
  adopt(own) {
    for (const name of ["microphone", "camera"]) {
      if (this.#on[name] && !own[name]) this.#switchOff(name);
    }
  }

  /** @param {'microphone' | 'camera'} name */
  async switch(name, on) {
    wantMedia({ [name]: on });
    if (!on) {
      this.#switchOff(name);
      this.#page.say();
      return;
    }
    this.#on[name] = true;
    const track = this.#opened[name];
    if (track) track.enabled = true;
    this.#page.changed();
    if (!track) await this.#open([name]);
    if (this.#on[name]) this.#page.say();
  }

  /**
   * @param {boolean} take in place of whoever shares now
   * @throws {DOMException} NotAllowedError where the person changed their mind
   */
  async shareScreen(take) {
    const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 15 } }, audio: false });
    const [track] = stream.getVideoTracks();
    track.contentHint = "detail";
    // The browser's own bar has a stop of its own.
    track.addEventListener("ended", () => this.#opened.screen === track && this.stopScreen());
    this.#on.screen = true;
    await this.#put("screen", track);
    this.#page.say(take ? { take_screen: true } : {});
    this.#page.changed();
  }

  stopScreen() {
    this.dropScreen();
    this.#page.say();
  }

  /** The server knows already. */
  dropScreen() {
    this.#opened.screen?.stop();
    this.#on.screen = false;
    this.#put("screen", null);
    this.#page.changed();
  }

  /** @param {CameraEffect | null} effect from now on, also for the next camera; null: the camera as it is */
  async useCameraEffect(effect) {
    this.#effect?.release();
    this.#effect = effect;
    await this.#put("camera", this.#opened.camera);
  }

  /**
   * The effect works no more. Others who see the camera as it is go on seeing it; a picture that was to be changed is
   * never sent as it is: then the camera stops (docs/adr, "The blur keeps its word").
   *
   * @returns {boolean} whether it was stopped
   */
  loseCameraEffect() {
    this.#effect = null;
    const isSeenAsItIs = this.#sent.camera !== null && this.#sent.camera === this.#opened.camera;
    if (!this.#on.camera || isSeenAsItIs) return false;
    this.switch("camera", false);
    return true;
  }

  /** The camera's light goes out; what was meant to be on is opened again by `openWanted`. */
  rest() {
    for (const name of ["microphone", "camera"]) {
      this.#opened[name]?.stop();
      this.#put(name, null);
    }
  }

  destroy() {
    this.#stopped = true;
    this.#effect?.release();
    for (const track of Object.values(this.#opened)) track?.stop();
  }

  async #open(names) {
    const opened = await openDevices(names);
    const taken = [];
    for (const [name, { track }] of opened) {
      if (!track) this.#on[name] = false;
      else if (this.#stopped || !this.#on[name]) track.stop();
      else taken.push(this.#take(name, track)); // side by side: a microphone waits for no blur
    }
    if (this.#stopped) return;
    if ([...opened.values()].some(({ problem }) => problem)) this.#page.say();
    this.#page.opened(opened);
    await Promise.all(taken);
  }

  async #take(name, track) {
    track.addEventListener("ended", () => this.#opened[name] === track && this.#gone(name, track));
    await this.#put(name, track);
  }

  /** By itself: unplugged, or taken by the system. */
  #gone(name, track) {
    const wasOn = this.#on[name];
    this.#put(name, null);
    if (wasOn) this.#page.lost(name, track);
  }

  /** A muted microphone stays open, so that unmuting loses no word; a stopped camera is off, light and all. */
  #switchOff(name) {
    this.#on[name] = false;
    const track = this.#opened[name];
    if (track && name === "microphone" && track.readyState === "live") {
      track.enabled = false;
    } else if (track) {
      track.stop();
      this.#put(name, null);
    }
    wantMedia({ [name]: false });
    this.#page.changed();
  }

  /** Keeps the device, and sends what it gives: for a camera, what the effect makes of it, once there is that. */
  async #put(name, track) {
    this.#opened[name] = track;
    const effect = name === "camera" ? this.#effect : null;
    const { isHeld } = this;
    let sent = track;
    if (effect && track) {
      this.#page.changed();
      try {
        sent = await effect.apply(track);
      } catch {
        return;
      }
    } else {
      effect?.release();
    }
    // Another device by now, or another effect.
    if (this.#opened[name] !== track || (name === "camera" && this.#effect !== effect)) return;
    this.#sent[name] = sent;
    await this.#page.send(name, sent);
    if (isHeld !== this.isHeld) this.#page.say();
    this.#page.changed();
  }
}
