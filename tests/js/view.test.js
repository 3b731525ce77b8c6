import assert from "node:assert/strict";
import { test } from "node:test";

import { featuredTile } from "../../static/calls/view.js";

const shown = (...speaking) => ["ann", "bo", "cy"].map((id) => ({ participant: { id }, speaking: speaking.includes(id) }));
const wish = (more) => ({ mode: "grid", pinned: null, former: null, ...more });

test("in the grid nobody is large, unless pinned", () => {
  assert.equal(featuredTile(shown("bo"), wish()), null);
  assert.equal(featuredTile(shown("bo"), wish({ pinned: "cy" })), 2);
  assert.equal(featuredTile(shown(), wish({ pinned: "gone" })), null);
});

test("Speaker shows whoever speaks, and stays with them while they do, and after", () => {
  const speaker = (former, ...speaking) => featuredTile(shown(...speaking), wish({ mode: "speaker", former }));
  assert.equal(speaker(null), 0);
  assert.equal(speaker("ann", "bo"), 1);
  assert.equal(speaker("bo", "ann", "bo"), 1);
  assert.equal(speaker("bo"), 1);
  assert.equal(speaker("gone", "cy"), 2);
});

test("a pin is stronger than who speaks", () => {
  assert.equal(featuredTile(shown("ann"), wish({ mode: "speaker", pinned: "bo" })), 1);
});

test("with two people there is nothing to choose", () => {
  assert.equal(featuredTile(shown("ann").slice(0, 1), wish({ mode: "speaker", pinned: "ann" })), null);
});
