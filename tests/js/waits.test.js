import assert from "node:assert/strict";
import { test } from "node:test";

import { pause, StaffSocket } from "../../static/waiting_areas/staff-socket.js";
import { badged, serverNow, waited } from "../../static/waiting_areas/waits.js";

test("a waiting time is read as a clock", () => {
  assert.equal(waited(0), "0:00");
  assert.equal(waited(65.9), "1:05");
  assert.equal(waited(3_723), "1:02:03");
});

test("a clock of this device that is wrong shows nobody waiting for less than nothing", () => {
  assert.equal(waited(-3), "0:00");
  assert.equal(serverNow({ server: 1_000, at: 5_000_000 }, 5_002_500), 1_002.5);
});

test("the tab says how many wait, and nothing where nobody does", () => {
  assert.equal(badged("Dermatology", 3), "(3) Dermatology");
  assert.equal(badged("Dermatology", 0), "Dermatology");
});

test("a socket that is lost comes back later and later, not all at once", () => {
  assert.equal(pause(0, () => 1), 1_000);
  assert.equal(pause(0, () => 0), 500);
  assert.equal(pause(9, () => 1), 15_000);
});

/** A house whose sockets and timers the test holds in its hand. */
function house() {
  const sockets = [];
  const timers = [];
  class FakeSocket extends EventTarget {
    constructor(url) {
      super();
      this.url = url;
      sockets.push(this);
    }

    close() {
      this.closed = true;
    }

    says(frame) {
      this.dispatchEvent(Object.assign(new Event("message"), { data: JSON.stringify(frame) }));
    }
  }
  return {
    sockets,
    timers,
    env: {
      WebSocket: FakeSocket,
      location: { href: "https://meet.example.org/waiting-areas/" },
      setTimeout: (action, delay) => timers.push({ action, delay }),
      clearTimeout: (timer) => { if (timers[timer - 1]) timers[timer - 1].cleared = true; },
      random: () => 1,
    },
    waits: () => timers.filter(({ cleared }) => !cleared),
  };
}

test("news of an area reach the page, pings do not", () => {
  const { env, sockets } = house();
  const heard = [];
  const note = (what) => (area) => heard.push([what, area]);
  new StaffSocket({ watching: note("watching"), changed: note("changed"), arrived: note("arrived"), replied: note("replied") }, env).open();
  assert.equal(sockets[0].url, "wss://meet.example.org/ws/waiting-areas/");
  sockets[0].says({ type: "watching" });
  sockets[0].says({ type: "ping" });
  sockets[0].says({ type: "arrived", area: "a" });
  assert.deepEqual(heard, [["watching", undefined], ["arrived", "a"]]);
});

test("silence is a lost socket, and a new one is opened after a pause", () => {
  const { env, sockets, waits } = house();
  new StaffSocket({}, env).open();
  sockets[0].says({ type: "ping" });
  const [quiet] = waits();
  assert.equal(quiet.delay, 25_000);
  quiet.action();
  assert.equal(sockets[0].closed, true);
  const again = waits().at(-1);
  assert.equal(again.delay, 1_000);
  again.action();
  assert.equal(sockets.length, 2);
});

test("what an old socket still says is not heard", () => {
  const { env, sockets } = house();
  const heard = [];
  const link = new StaffSocket({ changed: (area) => heard.push(area) }, env);
  link.open();
  link.destroy();
  sockets[0].says({ type: "changed", area: "a" });
  assert.deepEqual(heard, []);
});
