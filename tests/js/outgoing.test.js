import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Outgoing } from "../../static/calls/outgoing.js";

/** A track of a device, or of an effect. */
class Track extends EventTarget {
  readyState = "live";
  enabled = true;

  constructor(kind, label = kind) {
    super();
    Object.assign(this, { kind, label });
  }

  stop() {
    this.readyState = "ended";
  }
}

const stored = () => {
  const values = new Map();
  return { getItem: (key) => values.get(key) ?? null, setItem: (key, value) => values.set(key, value) };
};

beforeEach(() => {
  globalThis.localStorage = stored();
  globalThis.sessionStorage = stored();
  const getUserMedia = async (constraints) => ({ getTracks: () => Object.keys(constraints).map((kind) => new Track(kind)) });
  Object.defineProperty(globalThis, "navigator", { value: { mediaDevices: { getUserMedia } }, configurable: true });
});

/** What the others see of the camera, step by step, and what they are told of it. */
function page() {
  const seen = { camera: null, microphone: null };
  const told = [];
  const outgoing = new Outgoing({
    send: (name, track) => { seen[name] = track; },
    say: () => told.push(outgoing.media.camera),
    changed: () => {},
    opened: () => {},
  });
  return { outgoing, seen, told };
}

/** A blur whose picture comes, or does not, when the test says so. */
class Effect {
  waiting = [];
  released = 0;

  apply(camera) {
    return new Promise((resolve, reject) => {
      this.waiting.push({ come: () => resolve(new Track("video", `blurred ${camera.kind}`)), fail: () => reject(new Error("no")) });
    });
  }

  release() {
    this.released += 1;
  }
}

const settled = () => new Promise((resolve) => { setImmediate(resolve); });

test("a camera that others see goes on being seen until the blurred picture is there", async () => {
  const { outgoing, seen } = page();
  await outgoing.openWanted();
  const camera = seen.camera;
  const effect = new Effect();
  outgoing.useCameraEffect(effect);
  await settled();
  assert.equal(seen.camera, camera);
  assert.equal(outgoing.isHeld, false);
  effect.waiting[0].come();
  await settled();
  assert.equal(seen.camera.label, "blurred video");
  await outgoing.useCameraEffect(null);
  assert.equal(seen.camera, camera);
  assert.equal(effect.released, 1);
});

test("a camera opened with the blur on is held until the blurred picture is there, its microphone is not", async () => {
  const { outgoing, seen, told } = page();
  const effect = new Effect();
  await outgoing.useCameraEffect(effect);
  outgoing.openWanted();
  await settled();
  assert.equal(seen.camera, null);
  assert.equal(seen.microphone.kind, "audio");
  assert.equal(outgoing.media.camera, false);
  assert.equal(outgoing.wanted.camera, true);
  effect.waiting[0].come();
  await settled();
  assert.equal(seen.camera.label, "blurred video");
  assert.deepEqual(told, [true]);
});

test("a camera stopped and started again is held again, and never sent as it is", async () => {
  const { outgoing, seen } = page();
  await outgoing.openWanted();
  const effect = new Effect();
  outgoing.useCameraEffect(effect);
  effect.waiting[0].come();
  await settled();
  await outgoing.switch("camera", false);
  assert.equal(seen.camera, null);
  assert.equal(effect.released, 1);
  outgoing.switch("camera", true);
  await settled();
  assert.equal(seen.camera, null);
  effect.waiting[1].come();
  await settled();
  assert.equal(seen.camera.label, "blurred video");
});

test("a blur that fails leaves a camera that others see as it was", async () => {
  const { outgoing, seen, told } = page();
  await outgoing.openWanted();
  const camera = seen.camera;
  const effect = new Effect();
  outgoing.useCameraEffect(effect);
  effect.waiting[0].fail();
  await settled();
  assert.equal(outgoing.loseCameraEffect(), false);
  assert.equal(seen.camera, camera);
  assert.equal(outgoing.media.camera, true);
  assert.deepEqual(told, []);
});

test("a blur that fails before or after it was seen stops the camera: the background was never to be seen", async () => {
  for (const comes of [false, true]) {
    const { outgoing, seen, told } = page();
    const effect = new Effect();
    await outgoing.useCameraEffect(effect);
    outgoing.openWanted();
    await settled();
    effect.waiting[0][comes ? "come" : "fail"]();
    await settled();
    assert.equal(outgoing.loseCameraEffect(), true);
    await settled();
    assert.equal(seen.camera, null);
    assert.equal(outgoing.wanted.camera, false);
    assert.equal(told.at(-1), false);
    await outgoing.switch("camera", true);
    assert.equal(seen.camera.label, "video");
    sessionStorage.setItem("anteroom.media", "{}");
  }
});

test("a blur that is lost while the browser still asks for the camera stops it too", async () => {
  const { outgoing, seen } = page();
  await outgoing.useCameraEffect(new Effect());
  const opening = outgoing.openWanted();
  assert.equal(outgoing.loseCameraEffect(), true);
  await opening;
  await settled();
  assert.equal(seen.camera, null);
});

test("a blurred picture that comes after blur was turned off is not sent", async () => {
  const { outgoing, seen } = page();
  await outgoing.openWanted();
  const camera = seen.camera;
  const effect = new Effect();
  outgoing.useCameraEffect(effect);
  await outgoing.useCameraEffect(null);
  effect.waiting[0].come();
  await settled();
  assert.equal(seen.camera, camera);
});
