/** How loud a microphone is, and a sound to try a speaker with: Web Audio, no DOM. */

import { playNotes } from "./notes.js";

const FLOOR = -60; // dBFS shown as nothing
const CEILING = -12; // dBFS shown as full: a person speaking close by

/** @param {number} rms 0 to 1 @returns {number} 0 to 1, as loud as it seems */
export function loudness(rms) {
  const decibels = 20 * Math.log10(Math.max(rms, 1e-6));
  return Math.min(1, Math.max(0, (decibels - FLOOR) / (CEILING - FLOOR)));
}

export class LevelMeter {
  #context = new AudioContext();
  #source;
  #frame = 0;
  #stop = new AbortController();

  /** @type {MediaStreamTrack} */
  track;

  /**
   * @param {MediaStreamTrack} track
   * @param {(level: number) => void} show called with 0 to 1 as often as the screen is drawn
   */
  constructor(track, show) {
    this.track = track;
    const analyser = this.#context.createAnalyser();
    analyser.fftSize = 1024;
    this.#source = this.#context.createMediaStreamSource(new MediaStream([track]));
    this.#source.connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    let level = 0;
    const measure = () => {
      analyser.getFloatTimeDomainData(samples);
      const rms = Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
      level = Math.max(loudness(rms), level * 0.92);
      show(level);
      this.#frame = requestAnimationFrame(measure);
    };
    measure();
    // Browsers keep Web Audio asleep until the page is touched.
    for (const kind of ["pointerdown", "keydown"]) {
      document.addEventListener(kind, () => this.#context.resume(), { signal: this.#stop.signal });
    }
  }

  destroy() {
    cancelAnimationFrame(this.#frame);
    this.#stop.abort();
    this.#source.disconnect();
    this.#context.close();
  }
}

/**
 * Two soft notes through the speaker that was chosen. Needs a press of a button.
 *
 * @param {string} [speaker] device id
 * @returns {Promise<void>} when they have ended; rejects when the speaker cannot be used
 */
export async function playTestSound(speaker) {
  const context = new AudioContext();
  const output = context.createMediaStreamDestination();
  const audio = new Audio();
  audio.srcObject = output.stream;
  if (speaker && audio.setSinkId) await audio.setSinkId(speaker);
  await audio.play();
  await playNotes(context, output, [523.25, 659.25], { loudness: 0.3, apart: 0.35, lasts: 0.75 });
  audio.srcObject = null;
  await context.close();
}
