/**
 * **Blur background** under More: whether it is wanted, what the person is told meanwhile, and what follows where it does
 * not work. The work itself, blur.js and all it needs, is fetched when it is first asked for. On members' pages alone
 * (rule C2).
 */

import { showToast } from "../core/toast.js";
import { wantBlur, wantedBlur } from "./devices.js";
import { readAloud } from "./read-aloud.js";

/** @import { CameraEffect, Outgoing } from "./outgoing.js" */

/** One time that it is on. @implements {CameraEffect} */
class Session {
  #isReady = false;
  #engine;
  #blur = null;
  #over = false;
  #changed;
  #failed;

  /**
   * @param {{module: string}} scripts @param {number} slowestFrame ms the median frame may take
   * @param {() => void} changed
   * @param {(reason: 'slow' | 'failed') => void} failed at most once, and never after `end`
   */
  constructor(scripts, slowestFrame, changed, failed) {
    this.#changed = changed;
    this.#failed = failed;
    this.#engine = import(scripts.module).then(({ Blur }) => {
      if (this.#over) throw new Error("turned off meanwhile");
      this.#blur = new Blur({ ...scripts, slowestFrame }, (error) => this.#fail(error));
      return this.#blur;
    });
    this.#engine.catch((error) => this.#fail(error));
  }

  get isReady() {
    return this.#isReady;
  }

  async apply(camera) {
    this.#ready(false);
    try {
      const track = await (await this.#engine).apply(camera);
      this.#ready(true);
      return track;
    } catch (error) {
      if (error.reason !== "over") this.#fail(error);
      throw error;
    }
  }

  release() {
    this.#blur?.release();
  }

  end() {
    this.#over = true;
    this.#blur?.destroy();
  }

  #ready(isReady) {
    this.#isReady = isReady;
    this.#changed();
  }

  #fail({ reason }) {
    if (this.#over) return;
    this.#over = true;
    this.#failed(reason === "slow" ? "slow" : "failed");
  }
}

export class BlurControl {
  #button = document.getElementById("blur");
  #scripts;
  #outgoing;
  #phrase;
  #changed;
  #session = null;

  /**
   * @param {object} scripts calls/blur.py
   * @param {Outgoing} outgoing
   * @param {(key: string) => string} phrase
   * @param {() => void} changed it is to be shown
   */
  constructor(scripts, outgoing, phrase, changed) {
    this.#scripts = scripts;
    this.#outgoing = outgoing;
    this.#phrase = phrase;
    this.#changed = changed;
    if (wantedBlur()) this.#start();
  }

  toggle() {
    if (this.#session) this.#stop();
    else this.#start();
    wantBlur(this.#session !== null);
  }

  /** @returns {'blur-starting' | 'blur-held' | ''} what to say of a camera that waits for it */
  get banner() {
    if (!this.#session || this.#session.isReady || !this.#outgoing.wanted.camera) return "";
    return this.#outgoing.isHeld ? "blur-held" : "blur-starting";
  }

  destroy() {
    this.#session?.end();
    this.#session = null;
  }

  #start() {
    const slowestFrame = Number(this.#button.dataset.slowestFrame);
    this.#session = new Session(this.#scripts, slowestFrame, () => this.#moved(), (reason) => this.#failed(reason));
    this.#show();
    this.#outgoing.useCameraEffect(this.#session);
  }

  #stop() {
    this.destroy();
    this.#show();
    this.#outgoing.useCameraEffect(null);
  }

  #moved() {
    if (this.#session?.isReady) readAloud(this.#phrase("blur-on"));
    this.#changed();
  }

  #failed(reason) {
    this.destroy();
    wantBlur(false);
    this.#show();
    const stopped = this.#outgoing.loseCameraEffect();
    showToast(this.#phrase(`blur-${reason}${stopped ? "-stopped" : ""}`), "error");
  }

  #show() {
    this.#button.setAttribute("aria-checked", String(this.#session !== null));
    this.#changed();
  }
}
