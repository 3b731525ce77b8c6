import assert from "node:assert/strict";
import { test } from "node:test";

import {
  elapsed, finished, initials, linkChanged, news, openState, panelShown, received, rejoining, sharedScreen, spanText,
  tiles, timeLeft, unread, urgency, waitsForMember,
} from "../../static/calls/call-state.js";

const person = (id, more = {}) => ({
  id, name: id[0].toUpperCase() + id.slice(1), role: "guest", state: "connected", microphone: true, camera: true, screen: false, ...more,
});
const nina = person("nina", { role: "member" });
const roster = (version, participants, more = {}) => ({
  type: "roster", version, started_at: 1000, participants, slots: [null, null, null], screen: null, ...more,
});
const welcome = (more = {}) => ({
  type: "welcome", participant: "me", connection: 1, role: "guest", name: "Me", title: "Daily Briefing", ice_servers: [],
  policy: { capacity: 4, member_wait: 600 }, chat: [], now: 5000, ...more,
});
const after = (frames, state = openState({ me: "me", role: "guest" }), at = 100) =>
  frames.reduce((so_far, frame) => received(so_far, frame, at), state);
const names = (state) => tiles(state).map(({ participant }) => participant.name);

test("a page without a seat reads that the call is full, and is let in when an answer comes", () => {
  const waiting = after([welcome(), { type: "full" }]);
  assert.equal(waiting.phase, "full");
  assert.equal(after([{ type: "answer", sdp: "" }], waiting).phase, "live");
});

test("people keep their place on screen whatever order the list has", () => {
  const state = after([welcome(), roster(1, [nina, person("me"), person("omar"), person("pia")], { slots: ["pia", null, "nina"] })]);
  assert.deepEqual(tiles(state).map(({ slot, participant }) => [slot, participant.name]), [[0, "Pia"], [2, "Nina"]]);
});

test("a roster that arrives late does not bring back who has gone", () => {
  const newer = after([welcome(), roster(5, [nina, person("me")], { slots: ["nina", null, null] })]);
  const late = after([roster(4, [nina, person("me"), person("omar")], { slots: ["nina", "omar", null] })], newer);
  assert.deepEqual(names(late), ["Nina"]);
});

test("versions start anew on another relay", () => {
  const old = after([welcome(), roster(50, [nina, person("me")], { slots: ["nina", null, null] })]);
  const moved = after([welcome(), roster(1, [nina, person("me"), person("omar")], { slots: ["nina", "omar", null] })], old);
  assert.deepEqual(names(moved), ["Nina", "Omar"]);
});

test("a guest sees no other guest until a member is live", () => {
  const alone = after([welcome(), roster(1, [person("me"), person("omar"), { ...nina, state: "connecting" }], { slots: ["omar", "nina", null] })]);
  assert.ok(waitsForMember(alone));
  assert.deepEqual(names(alone), []);
  const met = after([roster(2, [person("me"), person("omar"), nina], { slots: ["omar", "nina", null] })], alone);
  assert.deepEqual(names(met), ["Omar", "Nina"]);
});

test("a member who is only reconnecting still holds the call together", () => {
  const state = after([welcome(), roster(1, [person("me"), { ...nina, state: "reconnecting" }], { slots: ["nina", null, null] })]);
  assert.ok(!waitsForMember(state));
  assert.deepEqual(names(state), ["Nina"]);
});

test("names of an object’s own properties are just names (hazard H3)", () => {
  const odd = person("__proto__", { name: "<img onerror=alert(1)>" });
  const state = after([welcome(), roster(1, [nina, person("me"), odd, person("constructor")], { slots: ["__proto__", "constructor", "toString"] })]);
  assert.deepEqual(names(state), ["<img onerror=alert(1)>", "Constructor"]);
  assert.equal({}.name, undefined);
});

test("a frame this page does not know changes nothing", () => {
  const state = after([welcome()]);
  assert.equal(after([{ type: "toString" }, { type: "__proto__" }], state), state);
});

test("joins and leaves are told once, and nobody is told about themselves or who was there first", () => {
  const first = after([welcome(), { type: "answer" }, roster(1, [nina, person("me")])]);
  assert.deepEqual(news(after([welcome(), { type: "answer" }]), first), []);
  const connecting = after([roster(2, [nina, person("me"), person("omar", { state: "connecting" })])], first);
  assert.deepEqual(news(first, connecting), []);
  const joined = after([roster(3, [nina, person("me"), person("omar")])], connecting);
  assert.deepEqual(news(connecting, joined), [{ what: "joined", name: "Omar" }]);
  const lost = after([roster(4, [nina, person("me"), person("omar", { state: "reconnecting" })])], joined);
  assert.deepEqual(news(joined, lost), [{ what: "lost", name: "Omar" }]);
  const back = after([roster(5, [nina, person("me"), person("omar")])], lost);
  assert.deepEqual(news(lost, back), [{ what: "returned", name: "Omar" }]);
  const gone = after([roster(6, [nina, person("me")])], back);
  assert.deepEqual(news(back, gone), [{ what: "left", name: "Omar" }]);
});

test("a guest who waits for a member is told no other guest by name", () => {
  const alone = after([welcome(), { type: "answer" }, roster(1, [person("me")])]);
  assert.deepEqual(news(alone, after([roster(2, [person("me"), person("omar")])], alone)), []);
});

test("somebody else sharing a screen is told and shown, oneself is not", () => {
  const before = after([welcome(), { type: "answer" }, roster(1, [nina, person("me")], { slots: ["nina", null, null] })]);
  const shared = after([roster(2, [{ ...nina, screen: true }, person("me")], { slots: ["nina", null, null], screen: "nina" })], before);
  assert.equal(sharedScreen(shared).name, "Nina");
  assert.deepEqual(news(before, shared), [{ what: "shares", name: "Nina" }]);
  const own = after([roster(3, [nina, person("me")], { slots: ["nina", null, null], screen: "me" })], shared);
  assert.equal(sharedScreen(own), null);
  const stopped = after([roster(3, [nina, person("me")], { slots: ["nina", null, null] })], shared);
  assert.deepEqual(news(shared, stopped), [{ what: "unshared", name: "Nina" }]);
  const went = after([roster(3, [person("me", { role: "member" })])], { ...shared, role: "member" });
  assert.deepEqual(news({ ...shared, role: "member" }, went), [{ what: "left", name: "Nina" }]);
});

test("unread messages are counted while the chat is closed, not one’s own, and none is unread once seen", () => {
  const message = (participant, at) => ({ type: "chat", participant, name: participant, text: "Hello", at });
  const state = after([welcome(), message("nina", 10), message("me", 11), message("nina", 12)]);
  assert.equal(unread(state), 2);
  const open = panelShown(state, "chat");
  assert.equal(unread(open), 0);
  assert.equal(unread(after([message("nina", 13)], open)), 0);
  assert.equal(unread(after([message("nina", 14)], panelShown(open, null))), 1);
});

test("a socket that comes back brings what was said meanwhile, once", () => {
  const said = [{ participant: "nina", name: "Nina", text: "One", at: 1 }, { participant: "nina", name: "Nina", text: "Two", at: 2 }];
  const state = after([welcome({ chat: said.slice(0, 1) })]);
  const seen = panelShown(panelShown(state, "chat"), null);
  const back = after([welcome({ chat: said })], linkChanged(seen, false));
  assert.deepEqual(back.chat.map(({ text }) => text), ["One", "Two"]);
  assert.equal(unread(back), 1);
});

test("the countdown is the server’s, however wrong the page’s clock is", () => {
  const state = after([welcome(), { type: "countdown", kind: "member", ends_at: 5600, now: 5000 }], undefined, 100);
  assert.equal(timeLeft(state, 100), 600);
  assert.equal(timeLeft(state, 160), 540);
  assert.equal(timeLeft(state, 9999), 0);
  assert.equal(timeLeft(after([{ type: "countdown", kind: null, ends_at: null, now: 5001 }], state), 101), null);
});

test("elapsed time counts from the first participant", () => {
  const state = after([welcome({ now: 1060 }), roster(1, [nina, person("me")])], undefined, 60);
  assert.equal(elapsed(state, 70), 70);
  assert.equal(elapsed(after([welcome()]), 0), null);
});

test("spans read as people write them", () => {
  assert.deepEqual([0, 9.9, 65, 3600, 36_061].map(spanText), ["0:00", "0:09", "1:05", "1:00:00", "10:01:01"]);
});

test("the countdown turns amber at 60 s and red at 15 s", () => {
  assert.deepEqual([61, 60, 16, 15, 0].map(urgency), ["calm", "soon", "soon", "last", "last"]);
});

test("what ended stays ended, for the first reason", () => {
  const taken = after([welcome(), { type: "taken_over" }]);
  assert.equal(taken.over, "taken_over");
  assert.equal(after([{ type: "answer" }, { type: "ended", reason: "empty" }], taken).over, "taken_over");
  assert.equal(finished(taken, "left").over, "taken_over");
  assert.equal(rejoining(taken).phase, "over");
  assert.equal(after([welcome(), { type: "ended", reason: "nobody_joined" }]).over, "nobody_joined");
});

test("initials are letters of any script", () => {
  assert.deepEqual(
    ["Nina Patel", "omar", "José María de la Cruz", "李小龍", "  ", "<img>", "Zoë (Ben’s mum)", "🙂 Ana"].map(initials),
    ["NP", "O", "JC", "李", "?", "I", "ZM", "A"],
  );
});

test("a paused picture is said on its tile, and on the tile of whoever does not get ours", () => {
  const state = after([
    welcome({ role: "member" }),
    roster(1, [nina, person("me"), person("omar"), person("pia")], { slots: ["nina", "omar", "pia"] }),
    { type: "quality", paused: ["nina"], unseen: ["omar", "nina"], weak: ["me", "omar", "pia"], unheard: [], screen_paused: false },
  ]);
  assert.deepEqual(tiles(state).map(({ quality }) => quality), ["paused", "unseen", "weak"]);
  const good = after([{ type: "quality", paused: [], unseen: [], weak: [], unheard: [], screen_paused: true }], state);
  assert.deepEqual(tiles(good).map(({ quality }) => quality), ["good", "good", "good"]);
  assert.equal(good.quality.screenPaused, true);
});

test("a camera that is off is not called paused", () => {
  const state = after([
    welcome({ role: "member" }),
    roster(1, [person("omar", { camera: false }), person("me")], { slots: ["omar", null, null] }),
    { type: "quality", paused: ["omar"], unseen: [], weak: [], unheard: [], screen_paused: false },
  ]);
  assert.deepEqual(tiles(state).map(({ quality }) => quality), ["good"]);
});
