/**
 * **Blur background** for one page: a camera's track in, the same with all but the person blurred out. The work is done
 * by blur-worker.js, so that the page never waits; here is decided how often, and whether this device can do it
 * (docs/adr, "Blur background"). Fetched when blur is first asked for.
 */

import { Pace } from "./blur-pace.js";

const LOADED_WITHIN = 60_000; // ms: six megabytes, compressed to a third

/** Why there is no blur. 'over': it was turned off, or another camera came, meanwhile. */
export class BlurError extends Error {
  /** @param {'slow' | 'failed' | 'over'} reason @param {unknown} [cause] */
  constructor(reason, cause) {
    super(`Blur background: ${reason}`, { cause });
    this.reason = reason;
  }
}

/** A camera's frames handed to the worker, and the worker's given back, without the page. Chromium. */
class StreamTrack {
  static isPossible() {
    return "MediaStreamTrackProcessor" in globalThis && "MediaStreamTrackGenerator" in globalThis;
  }

  #generator = new MediaStreamTrackGenerator({ kind: "video" });
  #streams;

  /** @param {MediaStreamTrack} camera */
  constructor(camera) {
    const { readable } = new MediaStreamTrackProcessor({ track: camera });
    this.#streams = { readable, writable: this.#generator.writable };
  }

  begin(worker, run) {
    worker.postMessage({ begin: { run, ...this.#streams } }, Object.values(this.#streams));
  }

  get track() {
    return this.#generator;
  }

  stop() {
    this.#generator.stop();
  }
}

/** The page takes each frame from a video when the worker asks for it, and shows what comes back on a canvas. */
class CanvasTrack {
  #video = document.createElement("video");
  #context = document.createElement("canvas").getContext("2d", { alpha: false });
  #track;
  #worker;
  #run;

  constructor(camera) {
    Object.assign(this.#video, { muted: true, playsInline: true, srcObject: new MediaStream([camera]) });
    [this.#track] = this.#context.canvas.captureStream().getVideoTracks();
  }

  async begin(worker, run) {
    [this.#worker, this.#run] = [worker, run];
    await this.#video.play();
    worker.postMessage({ begin: { run } });
  }

  async give() {
    const frame = this.#video.srcObject ? await createImageBitmap(this.#video) : null;
    this.#worker.postMessage({ run: this.#run, frame }, frame ? [frame] : []);
  }

  show(picture) {
    const { canvas } = this.#context;
    const { width, height } = picture;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    this.#context.drawImage(picture, 0, 0);
    picture.close();
  }

  get track() {
    return this.#track;
  }

  stop() {
    this.#video.srcObject = null;
    this.#track.stop();
  }
}

const Carrier = StreamTrack.isPossible() ? StreamTrack : CanvasTrack;

export class Blur {
  #slowest;
  #broke;
  #worker;
  #loaded = Promise.withResolvers();
  #pending = null;
  #run = 0;
  #carrier = null;
  #pace = null;
  #told = 0;

  /**
   * @param {{worker: string, files: Record<string, string>, slowestFrame: number}} scripts addresses of blur-worker.js
   *   and of the package's files by their names; ms the median frame may take
   * @param {(error: BlurError) => void} broke what others see blurred goes on no more
   */
  constructor({ worker, files, slowestFrame }, broke) {
    this.#slowest = slowestFrame;
    this.#broke = broke;
    this.#worker = new Worker(worker);
    this.#worker.addEventListener("message", ({ data }) => this.#hear(data));
    this.#worker.addEventListener("error", ({ message }) => this.#fail("failed", message));
    this.#worker.postMessage({ load: { files } });
    const late = setTimeout(() => this.#fail("failed", "too long to load"), LOADED_WITHIN);
    this.#loaded.promise.catch(() => {}).finally(() => clearTimeout(late));
  }

  /**
   * @param {MediaStreamTrack} camera
   * @returns {Promise<MediaStreamTrack>} once there is a blurred picture in it; good until another one is
   * @throws {BlurError}
   */
  apply(camera) {
    this.#pending?.reject(new BlurError("over"));
    const pending = Promise.withResolvers();
    this.#pending = pending;
    this.#loaded.promise.then(() => this.#pending === pending && this.#begin(camera), pending.reject);
    return pending.promise;
  }

  /** The camera is off: the worker waits for the next one. */
  release() {
    this.#pending?.reject(new BlurError("over"));
    this.#pending = null;
    this.#worker.postMessage({ run: this.#run, end: true });
    this.#carrier?.stop();
    this.#carrier = null;
  }

  destroy() {
    this.release();
    this.#worker.terminate();
  }

  async #begin(camera) {
    const former = this.#carrier;
    this.#pending.promise.then(() => former?.stop(), () => {});
    this.#run += 1;
    this.#pace = new Pace(this.#slowest);
    this.#told = 0;
    try {
      this.#carrier = new Carrier(camera);
      await this.#carrier.begin(this.#worker, this.#run);
    } catch (error) {
      this.#fail("failed", error);
    }
  }

  #hear({ loaded, failed, run, took, live, wanted, picture }) {
    if (loaded) this.#loaded.resolve();
    else if (failed) this.#fail("failed", failed);
    else if (run !== this.#run || !this.#carrier) picture?.close();
    else if (wanted) this.#carrier.give();
    else if (picture) this.#carrier.show(picture);
    else this.#judge(took, live);
  }

  #judge(took, live) {
    const pace = this.#pace;
    pace.measured(took, performance.now());
    if (pace.verdict === "slow") {
      this.#fail("slow");
      return;
    }
    if (live) {
      this.#pending?.resolve(this.#carrier.track);
      this.#pending = null;
    }
    if (pace.verdict === "good" && pace.interval !== this.#told) {
      this.#told = pace.interval;
      this.#worker.postMessage({ run: this.#run, pace: { interval: pace.interval, live: true } });
    }
  }

  #fail(reason, cause) {
    const error = new BlurError(reason, cause);
    const waiting = this.#pending;
    this.#pending = null;
    this.#loaded.reject(error);
    this.destroy();
    if (waiting) waiting.reject(error);
    else this.#broke(error);
  }
}
