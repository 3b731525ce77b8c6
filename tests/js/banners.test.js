import assert from "node:assert/strict";
import { test } from "node:test";

import { bannersFor } from "../../static/calls/banners.js";
import { healthChanged, openState, received } from "../../static/calls/call-state.js";

const KNOWN = { lost: null, lostFor: 0, isOnline: true, isSilent: false, isSharing: false, blur: "", lowData: false };
const NOTHING = { paused: [], unseen: [], weak: [], unheard: [], screen_paused: false };
const phrase = (key, values = {}) => [key, ...Object.values(values)].join(" ");

/** A member's page with these others, and what the relay said of quality. */
function call({ others = ["omar"], quality = {} } = {}) {
  const person = (id) => (
    { id, name: id.toUpperCase(), role: "member", state: "connected", microphone: true, camera: true, screen: false });
  return [
    { type: "welcome", participant: "me", role: "member", chat: [], now: 0 },
    { type: "answer" },
    {
      type: "roster", version: 1, started_at: 0, screen: null,
      participants: ["me", ...others].map(person), slots: [0, 1, 2].map((slot) => others[slot] ?? null),
    },
    { type: "quality", ...NOTHING, ...quality },
  ].reduce((state, frame) => received(state, frame, 0), openState({ me: "me", role: "member" }));
}

const said = (state, known = {}) => bannersFor(state, { ...KNOWN, ...known }, phrase).map(({ name, text }) => text || name);

test("when all is well nothing is said", () => {
  assert.deepEqual(said(call()), []);
});

test("media that are lost for less than a second are worth no word, then it is said until they are back", () => {
  const lost = (lostFor, more = {}) => said(call(), { lost: "media", lostFor, ...more });
  assert.deepEqual(lost(0.9), []);
  assert.deepEqual(lost(1), ["reconnecting"]);
  assert.deepEqual(lost(20), ["still-reconnecting"]);
  assert.deepEqual(lost(2, { isOnline: false }), ["offline"]);
});

test("over lost media nothing else is claimed", () => {
  const state = call({ quality: { unheard: ["omar"], weak: ["me"], paused: ["omar"] } });
  assert.deepEqual(said(state, { lost: "media", lostFor: 2, isSharing: true }), ["reconnecting"]);
});

test("a lost socket alone is told apart: people still see and hear each other", () => {
  assert.deepEqual(said(call(), { lost: "link", lostFor: 2 }), ["unlinked"]);
});

test("who cannot hear is named", () => {
  const unheard = (others, quality) => said(call({ others, quality: { unheard: quality } }));
  assert.deepEqual(unheard(["omar"], ["omar"]), ["unheard OMAR"]);
  assert.deepEqual(unheard(["omar", "pia"], ["pia"]), ["unheard PIA"]);
  assert.deepEqual(unheard(["omar", "pia"], ["omar", "pia"]), ["unheard-all"]);
  assert.deepEqual(unheard(["omar", "pia", "rosa"], ["omar", "pia"]), ["unheard-both OMAR PIA"]);
  assert.deepEqual(unheard(["omar", "pia", "rosa"], ["omar", "pia", "rosa"]), ["unheard-all"]);
  assert.deepEqual(unheard(["omar"], ["somebody who left"]), []);
});

test("pictures that are off are said to be, and why", () => {
  const off = (others, paused, known) => said(call({ others, quality: { paused, weak: ["me"] } }), known);
  assert.deepEqual(off(["omar"], ["omar"]), ["pictures-off-all"]);
  assert.deepEqual(off(["omar", "pia"], ["pia"]), ["pictures-off-some"]);
  assert.deepEqual(off(["omar"], ["omar"], { lowData: true }), ["pictures-off-low"]);
});

test("one’s own weak connection is said, whoever noticed it", () => {
  assert.deepEqual(said(call({ quality: { weak: ["me"] } })), ["own-weak"]);
  assert.deepEqual(said(healthChanged(call(), true)), ["own-weak"]);
  assert.deepEqual(said(call({ quality: { weak: ["omar"] } })), []);
});

test("no more than two signs stand over the pictures, what matters most first", () => {
  const state = call({ quality: { unheard: ["omar"], weak: ["me"] } });
  assert.deepEqual(said(state, { isSilent: true, isSharing: true }), ["sound", "unheard OMAR"]);
});
