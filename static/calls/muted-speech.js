/**
 * Notices that somebody speaks while they are muted, so that the page can say so. What is heard stays in this browser: it
 * is measured, and nothing of it is kept or sent.
 */

import { loudness } from "./level.js";

const LOOK = 50; // ms between two measurements
const SPOKEN = 0.45; // of what loudness() shows as full: a voice at the desk, not the room
const VOICED = 8; // of the last measurements as loud as that make a word, not a cough or a door
const REMEMBERED = 16;
const REST = 10_000; // ms between two notices

/** Pure: loud and quiet moments in, notices out. */
export class SpeechNotice {
  #recent = [];
  #noticedAt = -Infinity;

  /** @param {number} level 0 to 1 @param {number} at ms @returns {boolean} whether to say so now */
  hears(level, at) {
    this.#recent = [...this.#recent, level >= SPOKEN].slice(-REMEMBERED);
    if (this.#recent.filter(Boolean).length < VOICED || at - this.#noticedAt < REST) return false;
    this.#noticedAt = at;
    this.#recent = [];
    return true;
  }
}

export class MutedSpeech {
  #spoke;
  #track = null;
  #copy = null;
  #context = null;
  #timer = 0;

  /** @param {() => void} spoke */
  constructor(spoke) {
    this.#spoke = spoke;
  }

  /** @param {MediaStreamTrack | null} track the microphone while it is muted, else null */
  watch(track) {
    if (track === this.#track) return;
    this.destroy();
    this.#track = track;
    if (!track) return;
    // A muted track gives silence, also to us: a copy of our own hears.
    this.#copy = track.clone();
    this.#copy.enabled = true;
    this.#context = new AudioContext();
    const analyser = this.#context.createAnalyser();
    analyser.fftSize = 1024;
    this.#context.createMediaStreamSource(new MediaStream([this.#copy])).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const notice = new SpeechNotice();
    this.#timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const rms = Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
      if (notice.hears(loudness(rms), performance.now())) this.#spoke();
    }, LOOK);
  }

  destroy() {
    clearInterval(this.#timer);
    this.#copy?.stop();
    this.#context?.close();
    this.#track = this.#copy = this.#context = null;
  }
}
