/**
 * How often a picture is blurred, and whether this device can do it at all: from what each frame took. Pure; all in ms.
 */

const FASTEST = 1000 / 24; // between frames: as often as the camera has one
const SHARE = 0.6; // of one processor, so that sound, the others' pictures and our own encoder have the rest
const SETTLING = 3; // frames of a new camera that say nothing of the next
const ENOUGH = 12; // frames to judge a beginning by,
const PATIENCE = 3_000; // or the few there are after so long
const MEMORY = 6_000; // to judge by once others see it: one hiccup is no reason to stop
const STEP = 1.2; // a pace that differs by less is kept

const median = (numbers) => [...numbers].sort((one, other) => one - other)[numbers.length >> 1];

export class Pace {
  #slowest;
  #settling = SETTLING;
  #frames = [];
  #since = null;
  #verdict = "warming";
  #interval = FASTEST;

  /** @param {number} slowest a frame may take, as the median */
  constructor(slowest) {
    this.#slowest = slowest;
  }

  /** @param {number} took by one frame @param {number} at the page's clock */
  measured(took, at) {
    this.#since ??= at;
    if (this.#settling > 0) this.#settling -= 1;
    else this.#frames = [...this.#frames.filter((frame) => frame.at > at - MEMORY), { took, at }];
    if (!this.#frames.length || !this.#mayJudge(at - this.#since)) return;
    const middle = median(this.#frames.map((frame) => frame.took));
    this.#verdict = middle > this.#slowest ? "slow" : "good";
    const wanted = Math.max(FASTEST, middle / SHARE);
    if (wanted > this.#interval * STEP || wanted < this.#interval / STEP) this.#interval = wanted;
  }

  #mayJudge(span) {
    if (this.#verdict === "warming") return this.#frames.length >= ENOUGH || span >= PATIENCE;
    return span >= MEMORY;
  }

  /** @returns {number} from the beginning of one frame to that of the next */
  get interval() {
    return this.#interval;
  }

  /** @returns {'warming' | 'good' | 'slow'} */
  get verdict() {
    return this.#verdict;
  }
}
