import assert from "node:assert/strict";
import { test } from "node:test";

import { finished, goneAway, openState, received } from "../../static/calls/call-state.js";
import { noticeFor } from "../../static/calls/notices.js";

const joining = openState({ me: "me", role: "guest" });
const ended = (reason) => noticeFor(received(joining, { type: "ended", reason }, 0), 0, 0);

test("each way a call ends has a notice of its own", () => {
  const reasons = ["member_ended", "nobody_joined", "time_up", "empty", "on_hold", "closed"];
  assert.deepEqual(reasons.map(ended), reasons);
  const ways = ["left", "taken_over", "removed", "not_allowed"];
  assert.deepEqual(ways.map((way) => noticeFor(finished(joining, way), 0, 0)), ways);
});

test("an end that this page does not know is an end, not the browser’s fault", () => {
  assert.equal(ended("a reason of next year"), "closed");
  assert.equal(noticeFor(finished(joining, "bad_offer"), 0, 0), "unsupported");
  assert.equal(noticeFor(finished(joining, "unsupported"), 0, 0), "unsupported");
});

test("joining that takes long is said to, and not while people are back already", () => {
  assert.deepEqual([0, 9, 10].map((seconds) => noticeFor(joining, 0, seconds)), ["joining", "joining", "joining-slowly"]);
  assert.equal(noticeFor(joining, 2, 0), null);
});

test("away and full have notices of their own", () => {
  assert.equal(noticeFor(goneAway(joining), 1, 0), "away");
  assert.equal(noticeFor(received(joining, { type: "full" }, 0), 0, 60), "full");
});
