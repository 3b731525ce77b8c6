import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { chooseDevices, chosenDevices, openDevices, problemOf, wantedMedia, wantMedia } from "../../static/calls/devices.js";
import { loudness } from "../../static/calls/level.js";
import { deviceSentences } from "../../static/calls/phrases.js";

/** A browser whose devices answer as told: a name of an error, or undefined for one that works. */
function browser({ camera, microphone } = {}) {
  const asked = [];
  const stored = () => {
    const values = new Map();
    return { getItem: (key) => values.get(key) ?? null, setItem: (key, value) => values.set(key, value) };
  };
  globalThis.localStorage = stored();
  globalThis.sessionStorage = stored();
  const getUserMedia = async (constraints) => {
    asked.push(Object.keys(constraints).sort());
    const error = (constraints.video && camera) || (constraints.audio && microphone);
    if (error) throw new DOMException("", error);
    const tracks = Object.keys(constraints).map((kind) => ({ kind }));
    return { getTracks: () => tracks };
  };
  Object.defineProperty(globalThis, "navigator", { value: { mediaDevices: { getUserMedia } }, configurable: true });
  return asked;
}

const outcome = (opened) => Object.fromEntries([...opened].map(([name, { track, problem }]) => [name, track?.kind ?? problem]));
const both = ["camera", "microphone"];

beforeEach(() => browser());

test("camera and microphone are asked for in one question", async () => {
  const asked = browser();
  assert.deepEqual(outcome(await openDevices(both)), { camera: "video", microphone: "audio" });
  assert.deepEqual(asked, [["audio", "video"]]);
});

test("a missing camera does not cost the microphone", async () => {
  browser({ camera: "NotFoundError" });
  assert.deepEqual(outcome(await openDevices(both)), { camera: "missing", microphone: "audio" });
});

test("a microphone another program holds does not cost the camera", async () => {
  browser({ microphone: "NotReadableError" });
  assert.deepEqual(outcome(await openDevices(both)), { camera: "video", microphone: "busy" });
});

test("somebody who wants neither is asked nothing", async () => {
  const asked = browser();
  assert.equal((await openDevices([])).size, 0);
  assert.deepEqual(asked, []);
});

test("a page without https is told from a refusal", async () => {
  Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true });
  assert.deepEqual(outcome(await openDevices(both)), { camera: "insecure", microphone: "insecure" });
  assert.equal(problemOf(new DOMException("", "NotAllowedError")), "denied");
  assert.equal(problemOf(new TypeError("something new")), "failed");
});

test("who refused, and whether anybody did, is read from what Chromium says", () => {
  assert.equal(problemOf(new DOMException("Permission dismissed", "NotAllowedError")), "dismissed");
  assert.equal(problemOf(new DOMException("Permission denied by system", "NotAllowedError")), "system");
  assert.equal(problemOf(new DOMException("Permission denied", "NotAllowedError")), "denied");
});

test("somebody who closed the question is not asked twice more", async () => {
  let asked = 0;
  const getUserMedia = async () => {
    asked += 1;
    throw new DOMException("Permission dismissed", "NotAllowedError");
  };
  Object.defineProperty(globalThis, "navigator", { value: { mediaDevices: { getUserMedia } }, configurable: true });
  assert.deepEqual(outcome(await openDevices(both)), { camera: "dismissed", microphone: "dismissed" });
  assert.equal(asked, 1);
});

test("one sentence where both have the same trouble, one each where they do not, none where all is well", () => {
  const said = (camera, microphone) =>
    deviceSentences(new Map([["camera", { problem: camera }], ["microphone", { problem: microphone }]]), (key) => key);
  assert.deepEqual(said("denied", "denied"), ["both-denied"]);
  assert.deepEqual(said("missing", "denied"), ["camera-missing", "microphone-denied"]);
  assert.deepEqual(said(undefined, "busy"), ["microphone-busy"]);
  assert.deepEqual(said(undefined, undefined), []);
});

test("who muted before a reload is muted after it, and the devices chosen are remembered", () => {
  assert.deepEqual(wantedMedia(), { camera: true, microphone: true });
  wantMedia({ microphone: false });
  assert.deepEqual(wantedMedia(), { camera: true, microphone: false });
  chooseDevices({ camera: "front" });
  chooseDevices({ speaker: "headset" });
  assert.deepEqual(chosenDevices(), { camera: "front", speaker: "headset" });
});

test("the device that was chosen is opened, and any other where it is not plugged in", async () => {
  const asked = [];
  const getUserMedia = async ({ audio }) => {
    asked.push(audio.deviceId?.exact);
    if (audio.deviceId?.exact === "gone") throw new DOMException("", "OverconstrainedError");
    return { getTracks: () => [{ kind: "audio" }] };
  };
  Object.defineProperty(globalThis, "navigator", { value: { mediaDevices: { getUserMedia } }, configurable: true });
  chooseDevices({ microphone: "headset" });
  await openDevices(["microphone"]);
  chooseDevices({ microphone: "gone" });
  assert.deepEqual(outcome(await openDevices(["microphone"])), { microphone: "audio" });
  assert.deepEqual(asked, ["headset", "gone", undefined]);
});

test("a browser that forbids storage joins all the same", () => {
  const forbidden = { getItem() { throw new DOMException("", "SecurityError"); }, setItem() { throw new DOMException("", "SecurityError"); } };
  globalThis.localStorage = globalThis.sessionStorage = forbidden;
  wantMedia({ camera: false });
  assert.deepEqual(wantedMedia(), { camera: true, microphone: true });
});

test("the level shows silence as nothing, a voice as a good half, and never leaves the bar", () => {
  assert.equal(loudness(0), 0);
  assert.equal(loudness(1), 1);
  assert.ok(loudness(0.05) > 0.6 && loudness(0.05) < 0.9);
});
