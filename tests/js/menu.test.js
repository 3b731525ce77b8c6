import assert from "node:assert/strict";
import { test } from "node:test";

import { findTyped, moveBy, placeBeside } from "../../static/core/menu.js";

const ENTRIES = ["Enter Meeting Room", "Copy Meeting Room Link", "Participants", "Reset Meeting Room Link", "Properties"];

test("arrows go round, Home and End go to the ends", () => {
  assert.equal(moveBy("ArrowDown", 4, 5), 0);
  assert.equal(moveBy("ArrowUp", 0, 5), 4);
  assert.equal(moveBy("ArrowDown", 1, 5), 2);
  assert.equal(moveBy("Home", 3, 5), 0);
  assert.equal(moveBy("End", 1, 5), 4);
});

test("before anything has the focus, down is the first entry and up the last", () => {
  assert.equal(moveBy("ArrowDown", -1, 5), 0);
  assert.equal(moveBy("ArrowUp", -1, 5), 4);
});

test("other keys are left to the browser", () => {
  for (const key of ["Enter", " ", "Escape", "Tab", "PageDown"]) assert.equal(moveBy(key, 0, 5), null);
});

test("typing a word finds the entry that begins with it", () => {
  assert.equal(findTyped(ENTRIES, 0, "r"), 3);
  assert.equal(findTyped(ENTRIES, 0, "PR"), 4);
  assert.equal(findTyped(ENTRIES, 2, "pro"), 4);
});

test("one letter again and again goes through all that begin with it", () => {
  assert.equal(findTyped(ENTRIES, 0, "p"), 2);
  assert.equal(findTyped(ENTRIES, 2, "pp"), 4);
  assert.equal(findTyped(ENTRIES, 4, "ppp"), 2);
});

test("what nothing begins with moves nothing", () => {
  assert.equal(findTyped(ENTRIES, 0, "z"), -1);
  assert.equal(findTyped(["  Padded  "], -1, "pad"), 0);
});

const PHONE = { width: 390, height: 844 };
const place = (top, menu) => placeBeside({ left: 300, right: 344, top, bottom: top + 44 }, menu, PHONE);

test("a menu stands under its button, or above it, and is seen whole", () => {
  assert.deepEqual(place(100, { width: 250, height: 400 }), { left: 94, top: 148 });
  assert.deepEqual(place(700, { width: 250, height: 400 }), { left: 94, top: 296 });
});

test("a menu that fits neither under nor above its button covers it rather than leave the window", () => {
  assert.deepEqual(place(400, { width: 250, height: 600 }), { left: 94, top: 240 });
  assert.deepEqual(place(300, { width: 250, height: 836 }), { left: 94, top: 4 });
});

test("a menu stays beside the button's start where its end would leave the window", () => {
  assert.deepEqual(placeBeside({ left: 20, right: 64, top: 0, bottom: 44 }, { width: 250, height: 100 }, PHONE), { left: 20, top: 48 });
});
