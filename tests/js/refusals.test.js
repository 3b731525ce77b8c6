import assert from "node:assert/strict";
import { test } from "node:test";

import { refusalPhrase } from "../../static/calls/refusals.js";

test("what was refused is said in words of its own where there are any", () => {
  assert.equal(refusalPhrase({ id: "chat", code: "not_allowed" }), "refused-chat");
  assert.equal(refusalPhrase({ id: "media", code: "not_allowed" }), "refused-screen");
  assert.equal(refusalPhrase({ id: "remove", code: "not_here" }), "refused-remove");
});

test("whatever else is refused is said to be, never in the server’s words", () => {
  assert.equal(refusalPhrase({ id: "end", code: "unavailable", message: "The seat is gone: join again." }), "refused");
  assert.equal(refusalPhrase({ id: "chat", code: "bad_frame" }), "refused");
});
