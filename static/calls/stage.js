/** The stage: the others' tiles, the shared screen, the self-view, each where layout.js puts it. */

import { initials, sharedScreen, tiles } from "./call-state.js";
import { fromTemplate, keyedList } from "./keyed.js";
import { arrange, WIDE } from "./layout.js";

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

/** @returns {number} width by height of its picture, once there is one */
function shapeOf(video) {
  return video.srcObject && video.videoWidth ? video.videoWidth / video.videoHeight : WIDE;
}

/** @param {HTMLElement} element @param {import("./layout.js").Box} box */
function put(element, { x, y, width, height }) {
  Object.assign(element.style, { left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` });
}

export class Stage {
  #phrase;
  #view;
  #list;
  #media = null;
  #state = null;
  #screen = null;
  #stage = document.getElementById("stage");
  #tiles = document.getElementById("tiles");
  #self = document.getElementById("self-view");
  #screenPlace = document.getElementById("screen-place");
  /** How many others are shown. */
  others = 0;
  #resized = new ResizeObserver(() => this.#arrange());

  /**
   * @param {(key: string, values?: object) => string} phrase
   * @param {import("./view.js").View} view
   */
  constructor(phrase, view) {
    this.#phrase = phrase;
    this.#view = view;
    this.#list = keyedList(
      this.#tiles,
      "tile-template",
      ({ participant }) => participant.id,
      (element, tile, isNew) => this.#fillTile(element, tile, isNew),
    );
    this.#resized.observe(this.#stage);
  }

  destroy() {
    this.#resized.disconnect();
  }

  /**
   * @param {CallState} state
   * @param {PeerLink | null} media
   * @returns {number} how many others are shown
   */
  render(state, media) {
    this.#media = media;
    this.#state = state;
    const shown = tiles(state);
    this.#list(shown);
    this.#renderScreen(sharedScreen(state), state.quality.screenPaused);
    this.others = shown.length;
    this.#self.hidden = !this.#view.showsSelf;
    this.#arrange();
    return shown.length;
  }

  #arrange() {
    const shown = this.#state ? tiles(this.#state) : [];
    const elements = new Map([...this.#tiles.children].map((tile) => [tile.dataset.participant, tile]));
    const inOrder = shown.map(({ participant }) => elements.get(participant.id));
    const { clientWidth: width, clientHeight: height } = this.#stage;
    const arrangement = arrange({
      width,
      height,
      shapes: inOrder.map((tile) => shapeOf(tile.querySelector("video"))),
      screen: this.#screen && shapeOf(this.#screen.querySelector("video")),
      featured: this.#state && this.#view.featured(this.#state),
      self: this.#view.corner,
    });
    inOrder.forEach((tile, index) => {
      put(tile, arrangement.tiles[index]);
      tile.style.setProperty("--name-room", `${arrangement.nameRooms[index]}px`);
    });
    if (this.#screen) put(this.#screen, arrangement.screen);
    if (arrangement.self) put(this.#self, arrangement.self);
    this.#self.dataset.moves = arrangement.selfMoves ? "yes" : "no";
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
    if (isNew) {
      tile.dataset.participant = participant.id;
      video.addEventListener("resize", () => this.#arrange());
      tile.querySelector("[data-pin]").addEventListener("click", () => this.#view.togglePin(participant.id));
    }
    tile.setAttribute("aria-label", name);
    this.#fillPin(tile.querySelector("[data-pin]"), participant);
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
    show(video, camera ? (this.#media?.seats[slot].video ?? null) : null);
  }

  #fillPin(button, { id, name }) {
    const pinned = this.#view.pinned === id;
    button.setAttribute("aria-pressed", String(pinned));
    button.title = this.#phrase(pinned ? "unpin" : "pin", { name });
    button.setAttribute("aria-label", this.#phrase("pin", { name }));
    button.hidden = tiles(this.#state).length < 2;
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
      this.#screen.querySelector("video").addEventListener("resize", () => this.#arrange());
    }
    const label = this.#phrase(isPaused ? "screen-paused" : "screen-of", { name: sharer.name });
    this.#screen.dataset.quality = isPaused ? "paused" : "good";
    this.#screen.setAttribute("aria-label", label);
    setText(this.#screen.querySelector("[data-name]"), label);
    show(this.#screen.querySelector("video"), this.#media?.screen ?? null);
  }
}
