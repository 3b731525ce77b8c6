import assert from "node:assert/strict";
import { test } from "node:test";

import { Ears, OwnHealth } from "../../static/calls/health.js";

const sound = (seat, who, packets) => ({ seat, who, packets });

test("whose packets grow is heard, and for a moment after the last", () => {
  const ears = new Ears();
  assert.deepEqual(ears.listen([sound(0, "omar", 0)], 0), []);
  assert.deepEqual(ears.listen([sound(0, "omar", 50)], 1_000), ["omar"]);
  assert.deepEqual(ears.listen([sound(0, "omar", 50)], 3_000), ["omar"]);
  assert.deepEqual(ears.listen([sound(0, "omar", 50)], 3_500), []);
  assert.deepEqual(ears.listen([sound(0, "omar", 51)], 4_500), ["omar"]);
});

test("whoever takes a seat is not heard by the packets of the one before", () => {
  const ears = new Ears();
  ears.listen([sound(0, "omar", 10)], 0);
  assert.deepEqual(ears.listen([sound(0, "omar", 60)], 1_000), ["omar"]);
  assert.deepEqual(ears.listen([sound(0, "pia", 60)], 2_000), []);
  assert.deepEqual(ears.listen([sound(0, "pia", 60)], 3_000), []);
  assert.deepEqual(ears.listen([sound(0, "pia", 110)], 4_000), ["pia"]);
});

test("each seat is listened to by itself", () => {
  const ears = new Ears();
  ears.listen([sound(0, "omar", 1), sound(2, "pia", 1)], 0);
  assert.deepEqual(ears.listen([sound(0, "omar", 1), sound(2, "pia", 40)], 1_000), ["pia"]);
});

const good = { loss: 0.01, jitter: 0.01, roundTrip: 0.1 };

/** The seconds of a minute in which the connection is called poor. */
function poorSeconds(reports) {
  const health = new OwnHealth();
  return Array.from({ length: 60 }, (_, second) => second).filter((second) => health.look(reports(second), second * 1_000));
}

test("a good connection is worth no word", () => {
  assert.deepEqual(poorSeconds(() => [good, good]), []);
  assert.deepEqual(poorSeconds(() => []), []);
});

for (const [name, value] of [["loss", 0.2], ["jitter", 0.12], ["roundTrip", 1.5]]) {
  test(`${name} is said after three seconds and taken back after five good ones`, () => {
    const poor = poorSeconds((second) => [good, { ...good, ...(second >= 10 && second < 20 ? { [name]: value } : {}) }]);
    assert.deepEqual([poor[0], poor.at(-1)], [13, 24]);
    assert.equal(poor.length, 12);
  });
}

test("what is neither poor nor good changes nothing: no sign comes and goes", () => {
  const between = { ...good, loss: 0.07 };
  assert.deepEqual(poorSeconds(() => [between]), []);
  const poor = poorSeconds((second) => [second < 10 ? { ...good, loss: 0.2 } : between]);
  assert.equal(poor.at(-1), 59);
});
