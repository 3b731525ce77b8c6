import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { DeviceKeeper } from "../../static/calls/device-keeper.js";
import { wantMedia } from "../../static/calls/devices.js";

/** A browser with these cameras; `plugged` says which are there. */
let plugged;
let changed;
let stopped;

class Track {
  constructor(id) {
    this.id = id;
    this.label = `Camera ${id}`;
    this.kind = "video";
  }

  getSettings() {
    return { deviceId: this.id };
  }

  stop() {
    stopped.push(this.id);
  }
}

/** What outgoing.js does, as far as the keeper asks. */
class FakeOutgoing {
  on = true;
  track = new Track("a");

  device() {
    return this.track;
  }

  async switch(name, on) {
    this.on = on;
    wantMedia({ camera: on });
    if (on) await new Promise(setImmediate); // a camera takes a moment
    const [next] = plugged;
    this.track = on && next ? new Track(next) : null;
  }

  async use(name, track) {
    this.track = track;
  }
}

beforeEach(() => {
  plugged = ["a", "b"];
  stopped = [];
  const stored = () => {
    const values = new Map();
    return { getItem: (key) => values.get(key) ?? null, setItem: (key, value) => values.set(key, value) };
  };
  globalThis.localStorage = stored();
  globalThis.sessionStorage = stored();
  const mediaDevices = {
    addEventListener: (kind, listener) => { changed = listener; },
    enumerateDevices: async () => plugged.map((deviceId) => ({ deviceId, kind: "videoinput" })),
    getUserMedia: async ({ video }) => {
      const id = video.deviceId?.exact ?? plugged[0];
      if (!plugged.includes(id)) throw new DOMException("", "NotFoundError");
      const track = new Track(id);
      return { getTracks: () => [track] };
    },
  };
  Object.defineProperty(globalThis, "navigator", { value: { mediaDevices }, configurable: true });
});

function keeper() {
  const outgoing = new FakeOutgoing();
  const told = [];
  const page = { tell: (phrase) => told.push(phrase), opened: () => told.push("opened"), speak: (id) => told.push(`speak ${id}`) };
  return { outgoing, told, kept: new DeviceKeeper(outgoing, page, new AbortController().signal) };
}

const settled = () => new Promise((resolve) => { setTimeout(resolve, 5); });
const sentences = (told) => told.filter((each) => !each.startsWith("speak"));

async function unplug({ outgoing, kept }, id) {
  plugged = plugged.filter((each) => each !== id);
  const { track } = outgoing;
  outgoing.track = null;
  await kept.lose("camera", track);
}

async function plug(...ids) {
  plugged = [...plugged, ...ids];
  changed();
  await settled();
}

test("another camera is used as soon as it is chosen", async () => {
  const page = keeper();
  await page.kept.choose("camera", "b");
  assert.equal(page.outgoing.track.id, "b");
});

test("a camera that is off stays off when another is chosen", async () => {
  const page = keeper();
  page.outgoing.track = null;
  await page.kept.choose("camera", "b");
  assert.equal(page.outgoing.track, null);
});

test("of two choices made quickly the last one counts, and no camera is left open", async () => {
  const page = keeper();
  await Promise.all([page.kept.choose("camera", "b"), page.kept.choose("camera", "a")]);
  assert.equal(page.outgoing.track.id, "a");
  assert.equal(stopped.length, 1);
});

test("an unplugged camera is replaced, and used again once it is back", async () => {
  const page = keeper();
  await page.kept.choose("camera", "a");
  await unplug(page, "a");
  assert.equal(page.outgoing.track.id, "b");
  await plug("a");
  assert.equal(page.outgoing.track.id, "a");
  assert.deepEqual(sentences(page.told), ["camera-replaced", "camera-back"]);
});

test("what the browser tells of the camera that goes, while another is opened, is no camera that is back", async () => {
  const page = keeper();
  await page.kept.choose("camera", "a");
  plugged = ["b"];
  const { track } = page.outgoing;
  page.outgoing.track = null;
  const replaced = page.kept.lose("camera", track);
  changed();
  await Promise.all([replaced, settled()]);
  assert.equal(page.outgoing.track.id, "b");
  assert.deepEqual(sentences(page.told), ["camera-replaced"]);
});

test("where there was none left, the first that comes is used", async () => {
  const page = keeper();
  plugged = ["a"];
  await unplug(page, "a");
  assert.equal(page.outgoing.track, null);
  await plug("c");
  assert.equal(page.outgoing.track.id, "c");
});

test("a camera that was switched off since does not come on by itself", async () => {
  const page = keeper();
  await unplug(page, "a");
  await page.outgoing.switch("camera", false);
  await plug("a");
  assert.equal(page.outgoing.track, null);
});
