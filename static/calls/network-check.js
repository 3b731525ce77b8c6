/**
 * Whether a call would get through, and how well: a few seconds of moving noise go to the relay and come back
 * (docs/relay.md, "The mirror"). Nobody else sees it, and no camera or microphone is in it.
 */

import { wait } from "../core/wait.js";
import { PeerLink } from "./media.js";
import { compare, judge, roundTripOf } from "./network-figures.js";

/** @import { Figures, Verdict } from "./network-figures.js" */
/**
 * @typedef {object} Found
 * @property {Verdict | 'blocked' | 'unknown'} verdict "blocked": the relay was not reached; "unknown": not asked, or
 *   too little was seen
 * @property {Figures} [figures]
 */

const CONNECTED_WITHIN = 6_000; // ms: by TCP it takes a second
const WARM_UP = 1_000; // ms until the browser sends as much as it may
const LOOKS = 7;
const BETWEEN_LOOKS = 500; // ms
const NOISE = { width: 320, height: 180, frames: 15 };

/** A picture that cannot be made small, so that the link is used as a camera would use it. */
function makeNoise() {
  const canvas = Object.assign(document.createElement("canvas"), { width: NOISE.width, height: NOISE.height });
  const context = canvas.getContext("2d", { alpha: false });
  const sheet = context.createImageData(NOISE.width * 2, NOISE.height * 2);
  const points = new Uint32Array(sheet.data.buffer);
  points.forEach((_, at) => (points[at] = 0xff000000 | (Math.random() * 0x1000000)));
  const draw = () => context.putImageData(sheet, -Math.random() * NOISE.width, -Math.random() * NOISE.height);
  draw();
  const timer = setInterval(draw, 1000 / NOISE.frames);
  const [track] = canvas.captureStream(NOISE.frames).getVideoTracks();
  const stop = () => { clearInterval(timer); track.stop(); };
  return { track, stop };
}

/** @param {string} url @param {AbortSignal} signal @returns {Promise<string | null>} null: nobody checks just now */
async function ask(url, offer, csrfToken, signal) {
  const body = new URLSearchParams({ offer, csrfmiddlewaretoken: csrfToken });
  const response = await fetch(url, { method: "POST", body, signal });
  return response.ok ? (await response.json()).answer : null;
}

/**
 * @param {{url: string, csrfToken: string, signal: AbortSignal}} options
 * @returns {Promise<Found>} rejects when aborted, and where the page's own server cannot be reached
 */
export async function checkNetwork({ url, csrfToken, signal }) {
  signal.throwIfAborted();
  const noise = makeNoise();
  let link;
  try {
    const connected = new Promise((resolve) => {
      link = new PeerLink({ microphone: null, camera: null, screen: noise.track }, () => resolve(true));
    });
    const answer = await ask(url, await link.offer(), csrfToken, signal);
    if (answer === null) return { verdict: "unknown" };
    await link.answer(answer);
    const late = wait(CONNECTED_WITHIN, signal).then(() => false);
    if (!(await Promise.race([connected, late]))) return { verdict: "blocked" };
    return await measure(link, signal);
  } finally {
    noise.stop();
    link?.close();
  }
}

/** @returns {Promise<Found>} */
async function measure(link, signal) {
  const look = async () => [...(await link.getStats()).values()];
  await wait(WARM_UP, signal);
  const before = await look();
  let after = before;
  const roundTrips = [];
  for (let looks = 0; looks < LOOKS; looks += 1) {
    await wait(BETWEEN_LOOKS, signal);
    after = await look();
    const roundTrip = roundTripOf(after);
    if (roundTrip !== undefined) roundTrips.push(roundTrip);
  }
  const figures = compare(before, after, roundTrips);
  return figures ? { verdict: judge(figures), figures } : { verdict: "unknown" };
}
