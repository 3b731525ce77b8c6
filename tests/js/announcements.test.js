import assert from "node:assert/strict";
import { test } from "node:test";

import { Announcements } from "../../static/calls/announcements.js";
import { ChimeChoice } from "../../static/calls/chimes.js";

const WORDS = {
  joined: "{name} joined", "joined-many": "{names} joined", left: "{name} left", "left-many": "{names} left",
  lost: "{name} is reconnecting", returned: "{name} is back", shares: "{name} is sharing a screen",
  unshared: "{name} stopped sharing", "chat-from": "{name}: {text}", "chat-many": "{number} new messages",
};
const phrase = (key, values = {}) => WORDS[key].replace(/\{(\w+)\}/gu, (_, name) => values[name]);

function listener() {
  const said = [];
  return { said, announcements: new Announcements(phrase, (text) => said.push(text), "en-GB") };
}

const joined = (name) => ({ what: "joined", name });
const left = (name) => ({ what: "left", name });
const chat = (name, text) => ({ what: "chat-from", name, text });

test("two who join within two seconds are one announcement", () => {
  const { said, announcements } = listener();
  announcements.hear([joined("Omar")], 0);
  announcements.tick(1000);
  announcements.hear([joined("Pia")], 1500);
  announcements.tick(1999);
  assert.deepEqual(said, []);
  announcements.tick(2000);
  assert.deepEqual(said, ["Omar and Pia joined"]);
});

test("never more than one announcement in two seconds, and nothing is lost", () => {
  const { said, announcements } = listener();
  const moments = [];
  for (let at = 0; at <= 20_000; at += 250) {
    if (at < 15_000 && at % 500 === 0) announcements.hear([chat("Omar", `message ${at}`)], at);
    const before = said.length;
    announcements.tick(at);
    if (said.length > before) moments.push(at);
  }
  const apart = moments.slice(1).map((moment, index) => moment - moments[index]);
  assert.ok(Math.min(...apart) >= 2000, String(apart));
  const told = said.reduce((sum, text) => sum + Number(/^\d+/u.exec(text)?.[0] ?? 1), 0);
  assert.equal(told, 30);
});

test("different news in one announcement are sentences", () => {
  const { said, announcements } = listener();
  announcements.hear([joined("Omar"), joined("Pia"), joined("Quentin"), { what: "shares", name: "Ada" }, left("Bo")], 0);
  announcements.hear([chat("Ada", "Hello")], 100);
  announcements.tick(2000);
  assert.deepEqual(said, ["Omar, Pia and Quentin joined. Ada is sharing a screen. Bo left. Ada: Hello"]);
});

test("a few messages are read out, of many the number is said", () => {
  const { said, announcements } = listener();
  announcements.hear([chat("Omar", "One"), chat("Pia", "Two"), chat("Omar", "Three")], 0);
  announcements.tick(2000);
  announcements.hear(Array.from({ length: 5 }, () => chat("Omar", "Again")), 3000);
  announcements.tick(5000);
  assert.deepEqual(said, ["Omar: One. Pia: Two. Omar: Three", "5 new messages"]);
});

test("who was gone and back, or here and gone, within two seconds is not spoken of", () => {
  const { said, announcements } = listener();
  announcements.hear([{ what: "lost", name: "Omar" }, joined("Pia")], 0);
  announcements.hear([{ what: "returned", name: "Omar" }, left("Pia")], 900);
  announcements.tick(2000);
  assert.deepEqual(said, []);
  announcements.hear([left("Omar")], 2500);
  announcements.tick(4500);
  assert.deepEqual(said, ["Omar left"]);
});

test("two people of one name who join are named once", () => {
  const { said, announcements } = listener();
  announcements.hear([joined("Omar"), joined("Omar")], 0);
  announcements.tick(2000);
  assert.deepEqual(said, ["Omar joined"]);
});

test("a warning that time is short does not wait, and takes with it what did", () => {
  const { said, announcements } = listener();
  announcements.hear([joined("Omar")], 0);
  announcements.interrupt("15 seconds left");
  announcements.tick(2000);
  assert.deepEqual(said, ["Omar joined. 15 seconds left"]);
});

/** What sounds for news at their moments, and when. */
function chimes(...news) {
  const choice = new ChimeChoice();
  const heard = [];
  for (let at = 0; at <= 5000; at += 50) {
    for (const [moment, what] of news) if (moment === at) choice.hear([{ what, name: "Somebody" }], at);
    const due = choice.due(at);
    if (due) heard.push([at, due]);
  }
  return heard;
}

test("one chime for whoever joins, another for whoever leaves, within half a second", () => {
  assert.deepEqual(chimes([0, "joined"], [2000, "left"]), [[400, "joined"], [2400, "left"]]);
});

test("two at once are one chime, and somebody at the door counts for more than somebody who goes", () => {
  assert.deepEqual(chimes([0, "joined"], [100, "joined"]), [[400, "joined"]]);
  assert.deepEqual(chimes([0, "left"], [100, "joined"]), [[400, "joined"]]);
});

test("three who arrive at once are silent, and so is everything that is neither joining nor leaving", () => {
  assert.deepEqual(chimes([0, "joined"], [50, "joined"], [300, "joined"]), []);
  assert.deepEqual(chimes([0, "lost"], [100, "returned"], [1000, "shares"], [2000, "chat-from"]), []);
});
