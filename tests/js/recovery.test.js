import assert from "node:assert/strict";
import { test } from "node:test";

import { Recovery } from "../../static/calls/recovery.js";

const SECOND = 1_000;

/** Looks each quarter of a second, as the page does, from `from` to `to` seconds: [when, what] of each step. */
function steps(recovery, from, to, seen) {
  const told = [];
  for (let at = from * SECOND; at <= to * SECOND; at += 250) {
    const step = recovery.look({ at, linked: true, media: "up", heardAt: at, ...seen(at / SECOND) });
    if (step) told.push([at / SECOND, step]);
  }
  return told;
}

const began = () => {
  const recovery = new Recovery(() => 1);
  recovery.began();
  return recovery;
};

test("while media come nothing is done", () => {
  assert.deepEqual(steps(began(), 0, 60, () => ({})), []);
});

test("media that fall silent: the socket is asked, another way is tried three times, then all is begun anew", () => {
  assert.deepEqual(steps(began(), 0, 8.5, () => ({ heardAt: 0 })), [
    [2.25, "check"], [3.25, "restart"], [5, "restart"], [6.75, "restart"], [8.5, "rejoin"],
  ]);
});

test("a connection without any way is restarted without waiting", () => {
  assert.deepEqual(steps(began(), 0, 1, () => ({ media: "failed" })), [[0, "check"], [0.25, "restart"]]);
});

test("a restart that mends it is the last", () => {
  const told = steps(began(), 0, 60, (at) => (at > 2 && at < 4 ? { media: "down" } : {}));
  assert.deepEqual(told, [[2.25, "check"], [3.25, "restart"]]);
});

test("without a socket nothing is given up: a tunnel ends", () => {
  const told = steps(began(), 0, 15, (at) => ({ linked: false, media: "down", heardAt: 0, at: at * SECOND }));
  assert.deepEqual(told, []);
});

test("with the socket back the way is looked for at once", () => {
  const recovery = began();
  steps(recovery, 0, 10, () => ({ linked: false, media: "down", heardAt: 0 }));
  assert.deepEqual(steps(recovery, 10.25, 11, () => ({ media: "down", heardAt: 0 })), [
    [10.25, "check"], [10.5, "restart"],
  ]);
});

test("what was said over a socket that is lost is said again over the next", () => {
  const recovery = began();
  assert.equal(steps(recovery, 0, 3, () => ({ media: "down" })).at(-1)[1], "restart");
  steps(recovery, 3.25, 4, () => ({ linked: false, media: "down" }));
  assert.deepEqual(steps(recovery, 4.25, 5, () => ({ media: "down" })), [[4.25, "restart"]]);
});

test("a seat is resumed while the relay may keep it, and asked for anew after that (rule C5)", () => {
  const recovery = began();
  const after = (seconds, media) => recovery.mayResume({ at: seconds * SECOND, media, heardAt: 0 });
  assert.deepEqual([0, 17, 19].map((seconds) => after(seconds, "down")), [true, true, false]);
  assert.equal(recovery.mayResume({ at: 60 * SECOND, media: "up", heardAt: 60 * SECOND }), true);
  assert.equal(after(1, "closed"), false);
  assert.equal(after(1, "new"), false);
});

test("whoever waits for a seat keeps the place in line over a new socket", () => {
  const recovery = began();
  assert.equal(recovery.mayResume({ at: 50 * SECOND, media: "waiting", heardAt: 0 }), true);
  assert.deepEqual(steps(recovery, 0, 300, () => ({ media: "waiting", heardAt: 0 })), []);
});

test("each media connection that never comes up is given more time", () => {
  const recovery = new Recovery(() => 1);
  const patience = [];
  for (let number = 0; number < 6; number += 1) {
    recovery.began();
    patience.push(steps(recovery, 0, 30, () => ({ media: "new", heardAt: 0 }))[0][0]);
  }
  assert.deepEqual(patience, [8, 12, 16, 20, 20, 20]);
  steps(recovery, 0, 1, () => ({}));
  recovery.began();
  assert.equal(steps(recovery, 0, 30, () => ({ media: "new", heardAt: 0 }))[0][0], 8);
});

test("ten minutes count from when the call was lost, whatever was tried since", () => {
  const recovery = began();
  for (let at = 0; at < 599; at += 30) {
    assert.deepEqual(steps(recovery, at, at + 7, () => ({ media: "new" })), []);
    recovery.began();
  }
  assert.deepEqual(steps(recovery, 600, 600, () => ({ media: "new" })), [[600, "away"]]);
  recovery.comeBack();
  recovery.began();
  assert.deepEqual(steps(recovery, 601, 608, () => ({ media: "new" })), []);
});

test("ten minutes away, and nobody is put back in front of a camera unasked", () => {
  const gone = (at) => ({ linked: false, media: "down", heardAt: 0, at: at * SECOND });
  assert.deepEqual(steps(began(), 0, 599.75, gone), []);
  assert.deepEqual(steps(began(), 600, 600, gone), [[600, "away"]]);
});

test("a laptop that slept for ten minutes is away when it wakes, whatever its sockets say", () => {
  assert.equal(began().look({ at: 601 * SECOND, linked: true, media: "up", heardAt: 0 }), "away");
});

test("without a socket for ten minutes, but with media, nobody is away", () => {
  assert.deepEqual(steps(began(), 0, 900, () => ({ linked: false })), []);
});

test("who waits for a seat and is cut off for ten minutes is away", () => {
  assert.equal(steps(began(), 0, 700, () => ({ linked: false, media: "waiting", heardAt: 0 }))[0][0], 600);
});
