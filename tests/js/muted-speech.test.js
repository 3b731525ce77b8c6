import assert from "node:assert/strict";
import { test } from "node:test";

import { SpeechNotice } from "../../static/calls/muted-speech.js";

/** @returns {number} how often it was noticed; a level each 50 ms */
function notices(levels) {
  const notice = new SpeechNotice();
  return levels.filter((level, index) => notice.hears(level, index * 50)).length;
}
const loud = (count) => Array(count).fill(0.7);
const quiet = (count) => Array(count).fill(0.1);

test("a word spoken while muted is noticed once", () => {
  assert.equal(notices([...quiet(20), ...loud(20), ...quiet(20)]), 1);
});

test("a door, a cough and a quiet room are not", () => {
  assert.equal(notices([...quiet(20), ...loud(4), ...quiet(40), ...loud(5), ...quiet(20)]), 0);
});

test("somebody who talks on is told again after a while, not all the time", () => {
  assert.equal(notices(loud(20 * 25)), 3); // 25 s
});
