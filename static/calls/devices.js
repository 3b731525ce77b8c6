/**
 * Cameras, microphones and speakers of this device: opening them, what went wrong, and what was chosen last. No DOM.
 *
 * The devices chosen are remembered on this device; whether the camera and the microphone are on, for this tab only, so
 * that a reload stays muted.
 */

import { recall, remember } from "./remembered.js";

const CHOSEN = "anteroom.devices";
const WANTED = "anteroom.media";
const BLUR = "anteroom.blur";

/**
 * @typedef {'denied' | 'dismissed' | 'system' | 'missing' | 'busy' | 'insecure' | 'failed'} Problem "dismissed": asked,
 *   and not answered; "system": the device keeps it from the browser
 */
/** @typedef {{camera?: string, microphone?: string, speaker?: string}} Chosen device ids */

const PROBLEMS = new Map([
  ["NotAllowedError", "denied"],
  ["SecurityError", "denied"],
  ["NotFoundError", "missing"],
  ["OverconstrainedError", "missing"],
  ["NotReadableError", "busy"],
  ["AbortError", "busy"],
  ["InsecureContextError", "insecure"],
]);

/** @returns {Problem} */
export function problemOf(error) {
  const problem = PROBLEMS.get(error?.name) ?? "failed";
  if (problem !== "denied") return problem;
  // Chromium alone says who refused, in words.
  if (/dismissed/iu.test(error.message)) return "dismissed";
  return /system/iu.test(error.message) ? "system" : "denied";
}

/** @returns {Chosen} */
export const chosenDevices = () => recall("localStorage", CHOSEN);
/** @param {Chosen} chosen */
export const chooseDevices = (chosen) => remember("localStorage", CHOSEN, { ...chosenDevices(), ...chosen });

/** @returns {boolean} whether the person likes their background blurred, remembered on this device */
export const wantedBlur = () => recall("localStorage", BLUR).on === true;
export const wantBlur = (on) => remember("localStorage", BLUR, { on });

/** @returns {{camera: boolean, microphone: boolean}} what the person wants to send */
export const wantedMedia = () => ({ camera: true, microphone: true, ...recall("sessionStorage", WANTED) });
export const wantMedia = (wanted) => remember("sessionStorage", WANTED, { ...wantedMedia(), ...wanted });

// Chromium takes `ideal` for a hint, and opens the default microphone.
const device = (id) => (id ? { deviceId: { exact: id } } : {});
const CONSTRAINTS = {
  camera: ({ camera }) => ({ video: { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 24 }, ...device(camera) } }),
  microphone: ({ microphone }) => ({ audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, ...device(microphone) } }),
};
const KINDS = { camera: "video", microphone: "audio" };

async function request(constraints) {
  if (!navigator.mediaDevices?.getUserMedia) {
    // With https, a window inside an app that has none to give.
    throw new DOMException("", globalThis.isSecureContext ? "NotAllowedError" : "InsecureContextError");
  }
  return navigator.mediaDevices.getUserMedia(constraints);
}

/**
 * One question for both, so that the person is asked once; each alone where both at once fail, so that a missing
 * camera does not cost the microphone.
 * @param {('camera' | 'microphone')[]} names
 * @param {Chosen} chosen
 * @returns {Promise<Map<string, {track?: MediaStreamTrack, problem?: Problem}>>}
 */
export async function openDevices(names, chosen = chosenDevices()) {
  if (names.length > 1) {
    try {
      const stream = await request(Object.assign({}, ...names.map((name) => CONSTRAINTS[name](chosen))));
      return new Map(names.map((name) => [name, { track: stream.getTracks().find(({ kind }) => kind === KINDS[name]) }]));
    } catch (error) {
      // Whoever has not answered is not asked twice more.
      if (problemOf(error) === "dismissed") return new Map(names.map((name) => [name, { problem: "dismissed" }]));
      return new Map((await Promise.all(names.map((name) => openDevices([name], chosen)))).flatMap((found) => [...found]));
    }
  }
  return new Map(await Promise.all(names.map(async (name) => [name, await openOne(name, chosen)])));
}

async function openOne(name, chosen) {
  try {
    return { track: (await request(CONSTRAINTS[name](chosen))).getTracks()[0] };
  } catch (error) {
    const problem = problemOf(error);
    // What was chosen once is not plugged in: another one will do.
    return problem === "missing" && chosen[name] ? openOne(name, {}) : { problem };
  }
}

/** @returns {Promise<{camera: MediaDeviceInfo[], microphone: MediaDeviceInfo[], speaker: MediaDeviceInfo[]}>} */
export async function listDevices() {
  const found = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
  const of = (kind) => found.filter((info) => info.kind === kind && info.deviceId);
  return { camera: of("videoinput"), microphone: of("audioinput"), speaker: of("audiooutput") };
}
