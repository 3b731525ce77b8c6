import assert from "node:assert/strict";
import { test } from "node:test";

import { CallLink, pause } from "../../static/calls/protocol.js";

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A world of the link's own: sockets are opened and closed by hand, time goes on by `pass`. */
function world({ ticket = "first", tickets = [] } = {}) {
  const sockets = [];
  const posts = [];
  const told = { frames: [], linked: [], over: [], mediaLost: 0 };
  let clock = 0;
  let timers = [];
  let stands = false;

  class Socket extends EventTarget {
    readyState = 0;
    sent = [];
    constructor() { super(); sockets.push(this); }
    send(text) { this.sent.push(JSON.parse(text)); }
    close() { this.readyState = 3; }
    async opens() { this.readyState = 1; this.dispatchEvent(new Event("open")); await settled(); }
    says(frame) { this.dispatchEvent(Object.assign(new Event("message"), { data: JSON.stringify(frame) })); }
    breaks(code = 1006) { this.readyState = 3; this.dispatchEvent(Object.assign(new Event("close"), { code })); }
  }
  const link = new CallLink(
    { socketUrl: "ws://here/", ticketUrl: "/ticket/", csrfToken: () => `csrf ${posts.length}`, ticket, connection: 3 },
    {
      firstFrame: async () => (stands ? { type: "resume", connection: 3, version: 7 } : { type: "join", offer: "v=0" }),
      frame: (frame) => told.frames.push(frame.type),
      linked: (linked) => told.linked.push(linked),
      mediaLost: () => { told.mediaLost += 1; stands = false; },
      over: (reason) => told.over.push(reason),
    },
    {
      WebSocket: Socket,
      fetch: async (url, { body, signal }) => {
        posts.push(Object.fromEntries(body));
        const answer = tickets.shift() ?? { status: 200, json: { ticket: `renewed ${posts.length}` } };
        if (answer === "offline") throw new TypeError("network");
        if (answer === "hangs") {
          return new Promise((_, reject) => { signal.addEventListener("abort", () => reject(signal.reason)); });
        }
        return { status: answer.status, ok: answer.status === 200, json: async () => answer.json ?? {} };
      },
      setTimeout: (action, delay) => { timers.push({ action, due: clock + delay }); return timers.at(-1); },
      clearTimeout: (timer) => { timers = timers.filter((other) => other !== timer); },
      now: () => clock,
      random: () => 1,
    },
  );
  return {
    link, sockets, posts, told,
    get socket() { return sockets.at(-1); },
    mediaStands() { stands = true; },
    async pass(ms) {
      clock += ms;
      const due = timers.filter((timer) => timer.due <= clock);
      timers = timers.filter((timer) => timer.due > clock);
      due.forEach(({ action }) => action());
      await settled();
    },
    waits: () => timers.length,
  };
}

async function joined(options) {
  const here = world(options);
  here.link.open();
  await here.socket.opens();
  here.socket.says({ type: "welcome" });
  here.mediaStands();
  return here;
}

test("the first frame is a join with the ticket of the page", async () => {
  const here = await joined();
  assert.deepEqual(here.socket.sent, [{ type: "join", offer: "v=0", ticket: "first" }]);
  assert.deepEqual(here.posts, []);
  assert.deepEqual(here.told.linked, [true]);
});

test("a page that lay about first asks for a fresh ticket", async () => {
  const here = world();
  await here.pass(50_000);
  here.link.open();
  await settled();
  await here.socket.opens();
  assert.equal(here.socket.sent[0].ticket, "renewed 1");
});

test("a lost socket comes back by itself with a fresh ticket, and media goes on", async () => {
  const here = await joined();
  here.socket.breaks();
  assert.deepEqual(here.told.linked, [true, false]);
  await here.pass(250);
  await here.socket.opens();
  assert.deepEqual(here.posts, [{ connection: "3", csrfmiddlewaretoken: "csrf 0" }]);
  assert.deepEqual(here.socket.sent, [{ type: "resume", connection: 3, version: 7, ticket: "renewed 1" }]);
});

test("when the relay is lost the page forgets its media and joins anew", async () => {
  const here = await joined();
  here.socket.says({ type: "rejoin", reason: "relay_lost" });
  assert.equal(here.told.mediaLost, 1);
  await here.pass(250);
  await here.socket.opens();
  assert.equal(here.socket.sent[0].type, "join");
});

test("pauses grow up to two seconds, and start over once a socket has stood", async () => {
  assert.deepEqual([0, 1, 2, 3, 9].map((attempt) => pause(attempt, () => 1)), [250, 500, 1000, 2000, 2000]);
  assert.equal(pause(9, () => 0), 1000);
  const here = await joined({ tickets: ["offline", "offline", { status: 502 }] });
  here.socket.breaks();
  for (const ms of [250, 500, 1000]) await here.pass(ms);
  assert.equal(here.sockets.length, 1);
  await here.pass(1999);
  assert.equal(here.posts.length, 3);
  await here.pass(1);
  assert.equal(here.sockets.length, 2);
  await here.socket.opens();
  here.socket.says({ type: "welcome" });
  await here.pass(5001);
  here.socket.breaks();
  await here.pass(250);
  assert.equal(here.sockets.length, 3);
});

test("a look at the page ends the pause", async () => {
  const here = await joined({ tickets: ["offline"] });
  here.socket.breaks();
  await here.pass(250);
  here.link.check();
  await settled();
  assert.equal(here.sockets.length, 2);
});

test("a request for a ticket that hangs in a dead network gets others beside it, and the first answer counts", async () => {
  const here = await joined({ tickets: ["hangs", "hangs"] });
  here.socket.breaks();
  await here.pass(250);
  assert.equal(here.posts.length, 1);
  await here.pass(1000);
  assert.equal(here.posts.length, 6);
  assert.equal(here.sockets.length, 2);
  await here.socket.opens();
  assert.equal(here.socket.sent[0].ticket, "renewed 3");
  here.socket.says({ type: "welcome" });
  await here.pass(4000);
  assert.equal(here.posts.length, 6);
});

test("requests that hang on all the connections a browser keeps are given up soon, and tried again on new ones", async () => {
  const here = await joined({ tickets: Array(6).fill("hangs") });
  here.socket.breaks();
  for (const ms of [250, 1000, 1000, 500]) await here.pass(ms);
  assert.equal(here.posts.length, 7);
  assert.equal(here.sockets.length, 2);
});

test("a network that is only slow is given more time with each attempt", async () => {
  const here = await joined({ tickets: Array(18).fill("hangs") });
  here.socket.breaks();
  for (const ms of [250, 1000, 1000, 500, 1000, 2499]) await here.pass(ms);
  assert.equal(here.posts.length, 12);
  for (const ms of [1, 1000, 1000, 4999]) await here.pass(ms);
  assert.equal(here.posts.length, 18);
  assert.equal(here.sockets.length, 1);
});

test("a socket that falls silent is asked, and stays when it answers", async () => {
  const here = await joined();
  await here.pass(5_000);
  assert.deepEqual(here.socket.sent.at(-1), { type: "ping" });
  await here.pass(2_000);
  here.socket.says({ type: "pong" });
  await here.pass(4_000);
  assert.deepEqual(here.told.linked, [true]);
  assert.deepEqual(here.told.frames, ["welcome"]);
});

test("a socket that does not answer is given up", async () => {
  const here = await joined();
  await here.pass(4_000);
  here.socket.says({ type: "ping", now: 1 });
  assert.deepEqual(here.socket.sent.at(-1), { type: "pong" });
  await here.pass(5_000);
  await here.pass(2_499);
  assert.deepEqual(here.told.linked, [true]);
  await here.pass(1);
  assert.deepEqual(here.told.linked, [true, false]);
});

test("a socket is asked at once where something looks wrong, once at a time", async () => {
  const here = await joined();
  here.link.check();
  here.link.check();
  assert.deepEqual(here.socket.sent.slice(1), [{ type: "ping" }]);
  await here.pass(2_500);
  assert.deepEqual(here.told.linked, [true, false]);
});

test("a socket that opens and is never welcomed is given up", async () => {
  const here = world();
  here.link.open();
  await here.socket.opens();
  await here.pass(8_000);
  await here.pass(250);
  assert.equal(here.sockets.length, 2);
});

test("a page at rest tries nothing until it is asked to", async () => {
  const here = await joined();
  here.link.rest();
  await here.pass(600_000);
  assert.deepEqual([here.sockets.length, here.posts.length], [1, 0]);
  here.link.renew();
  await settled();
  assert.equal(here.sockets.length, 2);
});

for (const [code, frame, reason] of [
  [4400, { type: "error", code: "bad_offer", message: "" }, "bad_offer"],
  [4403, { type: "error", code: "not_allowed", message: "" }, "not_allowed"],
  [4403, { type: "error", code: "removed", message: "" }, "removed"],
  [4404, { type: "error", code: "no_such_call", message: "" }, "closed"],
  [4409, { type: "error", code: "taken_over", message: "" }, "taken_over"],
]) {
  test(`close ${code} after ${frame.code} is final`, async () => {
    const here = await joined();
    here.socket.says(frame);
    here.socket.breaks(code);
    await here.pass(60_000);
    assert.deepEqual(here.told.over, [reason]);
    assert.equal(here.sockets.length, 1);
    assert.equal(here.waits(), 0);
  });
}

for (const code of [1000, 1001, 1006, 1012, 4401, 4408, 4413, 4429, 4503]) {
  test(`close ${code} is tried again`, async () => {
    const here = await joined();
    here.socket.breaks(code);
    await here.pass(250);
    assert.equal(here.sockets.length, 2);
    assert.deepEqual(here.told.over, []);
  });
}

for (const [answer, reason] of [
  [{ status: 403, json: { code: "removed" } }, "removed"],
  [{ status: 403 }, "not_allowed"],
  [{ status: 404 }, "closed"],
  [{ status: 409, json: { code: "taken_over" } }, "taken_over"],
  [{ status: 410, json: { code: "ended" } }, "closed"],
]) {
  test(`a ticket refused with ${answer.status} ${answer.json?.code ?? ''} is final: a newer Join is never fought (rule C4)`, async () => {
    const here = await joined({ tickets: [answer] });
    here.socket.breaks();
    await here.pass(250);
    await here.pass(60_000);
    assert.deepEqual(here.told.over, [reason]);
    assert.equal(here.sockets.length, 1);
  });
}

for (const frame of [{ type: "taken_over" }, { type: "removed" }, { type: "ended", reason: "empty" }]) {
  test(`after ${frame.type} the page stays away`, async () => {
    const here = await joined();
    here.socket.says(frame);
    here.socket.breaks(1006);
    await here.pass(60_000);
    assert.equal(here.told.frames.at(-1), frame.type);
    assert.equal(here.sockets.length, 1);
    assert.equal(here.waits(), 0);
  });
}

test("frames are not sent into a socket that has not been welcomed", async () => {
  const here = world();
  here.link.open();
  assert.equal(here.link.send({ type: "media" }), false);
  await here.socket.opens();
  assert.equal(here.link.send({ type: "media" }), false);
  here.socket.says({ type: "welcome" });
  assert.equal(here.link.send({ type: "media" }), true);
});

test("leaving says so and stays away", async () => {
  const here = await joined();
  here.link.close({ type: "leave" });
  assert.deepEqual(here.socket.sent.at(-1), { type: "leave" });
  await here.pass(60_000);
  assert.equal(here.sockets.length, 1);
  assert.equal(here.waits(), 0);
});
