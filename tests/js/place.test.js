import assert from "node:assert/strict";
import { test } from "node:test";

import { Place } from "../../static/calls/place.js";

/** A browser in which these locks are held, `slow` ms away; `released` ms later they are free. */
function browser({ held = false, slow = 0, released = Infinity } = {}) {
  const values = new Map([["anteroom.call.c", "3"]]);
  globalThis.sessionStorage = { getItem: (key) => values.get(key) ?? null, setItem: (key, value) => values.set(key, value) };
  globalThis.location = { hash: "" };
  const wait = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
  const request = async (name, { ifAvailable, signal }, callback) => {
    await wait(slow);
    if (!held) return callback({ name });
    if (ifAvailable) return callback(null);
    const refused = new Promise((_, reject) => { signal.addEventListener("abort", () => reject(signal.reason)); });
    const freed = released === Infinity ? new Promise(() => {}) : wait(released);
    await Promise.race([freed, refused]);
    return callback({ name });
  };
  Object.defineProperty(globalThis, "navigator", { value: { locks: { request } }, configurable: true });
}

test("the first page has the place", async () => {
  browser();
  assert.equal(await new Place("c").isOurs(), true);
});

test("a browser that is slow to say so takes nobody's place away", async () => {
  browser({ slow: 1_700 });
  assert.equal(await new Place("c").isOurs(), true);
});

test("a page being reloaded waits for its former self to let go", async () => {
  browser({ held: true, released: 100 });
  assert.equal(await new Place("c").isOurs(), true);
});

test("a duplicated tab has no place", async () => {
  browser({ held: true });
  const keepsRunning = setTimeout(() => {}, 3_000);
  assert.equal(await new Place("c").isOurs(), false);
  clearTimeout(keepsRunning);
});
