import assert from "node:assert/strict";
import { test } from "node:test";

import { Pace } from "../../static/calls/blur-pace.js";

const SLOWEST = 80;

/** Frames that each took so long, one after the other from `at` on; the moment after the last. */
function frames(pace, number, took, at = 0) {
  let now = at;
  for (let frame = 0; frame < number; frame += 1) {
    now += Math.max(took, pace.interval);
    pace.measured(took, now);
  }
  return now;
}

test("a device that is quick enough is told so after its first frames, and blurs each of the camera's", () => {
  const pace = new Pace(SLOWEST);
  assert.equal(pace.verdict, "warming");
  frames(pace, 20, 15);
  assert.equal(pace.verdict, "good");
  assert.equal(Math.round(1000 / pace.interval), 24);
});

test("the first frames, which take long everywhere, say nothing", () => {
  const pace = new Pace(SLOWEST);
  const now = frames(pace, 3, 2000);
  assert.equal(pace.verdict, "warming");
  frames(pace, 15, 15, now);
  assert.equal(pace.verdict, "good");
});

test("a median over the limit is too slow, at the limit it is not", () => {
  for (const [took, verdict] of [[80, "good"], [81, "slow"], [140, "slow"]]) {
    const pace = new Pace(SLOWEST);
    frames(pace, 20, took);
    assert.equal(pace.verdict, verdict, `${took} ms`);
  }
});

test("a device so slow that it hardly gives a frame is not waited for", () => {
  const pace = new Pace(SLOWEST);
  const until = frames(pace, 4, 1500);
  assert.equal(pace.verdict, "slow");
  assert.ok(until < 10_000);
});

test("a slower device blurs fewer frames, and has time for the rest of the call between them", () => {
  const pace = new Pace(SLOWEST);
  frames(pace, 20, 60);
  assert.equal(pace.verdict, "good");
  assert.equal(pace.interval, 100);
});

test("a hiccup while others see it does not turn it off; slowness that stays does", () => {
  const pace = new Pace(SLOWEST);
  let now = frames(pace, 200, 20);
  now = frames(pace, 8, 200, now);
  assert.equal(pace.verdict, "good");
  now = frames(pace, 100, 20, now);
  assert.equal(pace.verdict, "good");
  frames(pace, 40, 200, now);
  assert.equal(pace.verdict, "slow");
});

test("the pace rises again once the device has time", () => {
  const pace = new Pace(SLOWEST);
  const now = frames(pace, 120, 70);
  assert.ok(pace.interval > 100);
  frames(pace, 200, 20, now);
  assert.equal(Math.round(1000 / pace.interval), 24);
});

test("small changes do not move the pace to and fro", () => {
  const pace = new Pace(SLOWEST);
  const now = frames(pace, 120, 50);
  const { interval } = pace;
  frames(pace, 200, 55, now);
  assert.equal(pace.interval, interval);
});
