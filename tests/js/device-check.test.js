import assert from "node:assert/strict";
import { test } from "node:test";

import { checkCodes } from "../../static/calls/device-check.js";

test("a microphone is tested once it was heard, and everything else that was tried is said", () => {
  assert.equal(
    checkCodes({ microphone: "working", heard: "", camera: "working", speaker: "heard", network: "good" }),
    "microphone-heard camera-working speaker-heard network-good",
  );
  assert.equal(checkCodes({ microphone: "working", camera: "off", speaker: "silent" }), "microphone-quiet camera-off speaker-silent");
});

test("a device with any trouble is as good as none", () => {
  for (const problem of ["denied", "dismissed", "system", "missing", "busy", "insecure", "failed"]) {
    assert.equal(checkCodes({ microphone: problem, camera: problem }), "microphone-none camera-none");
  }
});

test("what was not tried is not said", () => {
  assert.equal(checkCodes({}), "");
  assert.equal(checkCodes({ microphone: "off", camera: "asking", speaker: "playing", network: "checking" }), "microphone-off");
});
