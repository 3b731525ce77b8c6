/** The stage: the others' tiles, the shared screen, the self-view, and the sound of the three remote seats. */

import { initials, sharedScreen, tiles } from "./call-state.js";
import { fromTemplate, keyedList } from "./keyed.js";

/** @import { CallState } from "./call-state.js" */
/** @import { PeerLink } from "./media.js" */

const setText = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};

/** Gives a video its stream, and shows it once there is a picture to see: never the frame of whoever was there before. */
function show(video, stream) {
  if (video.srcObject === stream) return;
  video.srcObject = stream;
  const holder = video.parentElement;
  holder.dataset.picture = "none";
  if (!stream) return;
  const seen = () => {
    if (video.srcObject === stream) holder.dataset.picture = "moving";
  };
  if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(seen);
  else video.addEventListener("loadeddata", seen, { once: true });
  video.play().catch(() => {}); // muted pictures are refused by no browser; a play cut short by the next stream is fine
}

/** A telephone held upright sends an upright picture: all of it is shown, not a strip of the middle. */
function watchShape(video) {
  video.addEventListener("resize", () => {
    video.parentElement.dataset.shape = video.videoHeight > video.videoWidth ? "upright" : "wide";
  });
}

export class Stage {
  #phrase;
  #list;
  #media = null;
  #screen = null;
  #self = document.getElementById("self-view");
  #screenPlace = document.getElementById("screen-place");
  /** How many others are shown. */
  others = 0;

  /** @param {(key: string, values?: object) => string} phrase */
  constructor(phrase) {
    this.#phrase = phrase;
    this.#list = keyedList(
      document.getElementById("tiles"),
      "tile-template",
      ({ participant }) => participant.id,
      (element, tile, isNew) => this.#fillTile(element, tile, isNew),
    );
  }

  /**
   * @param {CallState} state
   * @param {PeerLink | null} media
   * @returns {number} how many others are shown
   */
  render(state, media) {
    this.#media = media;
    const shown = tiles(state);
    this.#list(shown);
    this.#renderScreen(sharedScreen(state), state.quality.screenPaused);
    this.others = shown.length;
    return shown.length;
  }

  /** @param {{name: string, track: MediaStreamTrack | null, microphone: boolean}} own */
  renderSelf({ name, track, microphone }) {
    const video = this.#self.querySelector("video");
    if (video.srcObject?.getTracks()[0] !== track) show(video, track ? new MediaStream([track]) : null);
    setText(this.#self.querySelector(".initials"), initials(name));
    this.#self.dataset.camera = track ? "on" : "off";
    this.#self.dataset.microphone = microphone ? "on" : "off";
  }

  #fillTile(tile, { slot, participant, speaking, quality }, isNew) {
    const { name, state, microphone, camera } = participant;
    const video = tile.querySelector("video");
    if (isNew) watchShape(video);
    tile.setAttribute("aria-label", name);
    setText(tile.querySelector("[data-name]"), name);
    setText(tile.querySelector(".initials"), initials(name));
    setText(tile.querySelector(".tile-sign"), this.#signOf(participant, quality));
    tile.querySelector(".tile-weak").setAttribute("aria-label", this.#phrase("weak", { name }));
    Object.assign(tile.dataset, {
      state,
      camera: camera ? "on" : "off",
      microphone: microphone ? "on" : "off",
      speaking: speaking && microphone ? "yes" : "no",
      quality,
    });
    tile.style.order = String(slot);
    show(video, camera ? (this.#media?.seats[slot].video ?? null) : null);
  }

  #signOf({ name, state }, quality) {
    if (state !== "connected") return this.#phrase(state);
    return quality === "good" ? "" : this.#phrase(quality, { name });
  }

  #renderScreen(sharer, isPaused) {
    if (!sharer) {
      this.#screen?.remove();
      this.#screen = null;
      return;
    }
    if (!this.#screen) {
      this.#screen = fromTemplate("screen-template");
      this.#screenPlace.append(this.#screen);
    }
    const label = this.#phrase(isPaused ? "screen-paused" : "screen-of", { name: sharer.name });
    this.#screen.dataset.quality = isPaused ? "paused" : "good";
    this.#screen.setAttribute("aria-label", label);
    setText(this.#screen.querySelector("[data-name]"), label);
    show(this.#screen.querySelector("video"), this.#media?.screen ?? null);
  }
}

/** One element a remote seat, so that somebody whose camera is off is heard all the same. */
export class Sound {
  #elements = [];
  #refused;
  #speaker = "";

  /** @param {(silent: boolean) => void} refused the browser wants a press of a button first, or no longer */
  constructor(refused) {
    this.#refused = refused;
  }

  /** @param {PeerLink} media */
  play(media) {
    this.#elements = media.seats.map(({ audio }, seat) => {
      const element = this.#elements[seat] ?? new Audio();
      element.srcObject = audio;
      return element;
    });
    this.through(this.#speaker);
    return this.start();
  }

  async start() {
    const outcomes = await Promise.allSettled(this.#elements.map((element) => element.play()));
    this.#refused(outcomes.some(({ reason }) => reason?.name === "NotAllowedError"));
  }

  /** @param {string} [speaker] device id. One that is no longer there leaves the sound where it was. */
  async through(speaker = "") {
    this.#speaker = speaker;
    if (speaker) await Promise.allSettled(this.#elements.map((element) => element.setSinkId?.(speaker)));
  }

  destroy() {
    for (const element of this.#elements) element.srcObject = null;
  }
}
