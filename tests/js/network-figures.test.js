import assert from "node:assert/strict";
import { test } from "node:test";

import { compare, judge, roundTripOf } from "../../static/calls/network-figures.js";

/** What a browser tells of the ten lines of an offer, of which one sends and one receives. */
function stats({ sent = 0, reportedLost = 0, received = 0, lost = 0, bytes = 0, seconds = 0, protocol = "udp", roundTrip = 0.02 }) {
  return [
    { id: "camera", type: "outbound-rtp", kind: "video", packetsSent: 0 },
    { id: "camera-in", type: "inbound-rtp", kind: "video", packetsReceived: 0 },
    { id: "up", type: "outbound-rtp", kind: "video", packetsSent: sent },
    { id: "report", type: "remote-inbound-rtp", kind: "video", localId: "up", packetsLost: reportedLost, roundTripTime: 0.5 },
    { id: "down", type: "inbound-rtp", kind: "video", packetsReceived: received, packetsLost: lost, bytesReceived: bytes, timestamp: seconds * 1000 },
    { id: "transport", type: "transport", selectedCandidatePairId: "pair" },
    { id: "other", type: "candidate-pair", localCandidateId: "elsewhere", state: "succeeded", nominated: true },
    { id: "pair", type: "candidate-pair", localCandidateId: "here", currentRoundTripTime: roundTrip },
    { id: "here", type: "local-candidate", protocol },
  ];
}

const START = { sent: 100, received: 100, bytes: 100_000, seconds: 10 };

test("each way is measured on its own, from the second look on", () => {
  const after = stats({ sent: 500, reportedLost: 40, received: 442, lost: 18, bytes: 500_000, seconds: 14 });
  const figures = compare(stats(START), after, [0.03, 0.9, 0.02]);
  assert.deepEqual(figures, { protocol: "udp", roundTrip: 0.03, lostUp: 0.1, lostDown: 0.05, rate: 800_000 });
});

test("where nothing came back, all was lost on the way back", () => {
  assert.equal(compare(stats(START), stats({ ...START, sent: 500 }), [0.02]).lostDown, 1);
});

test("TCP is told from UDP by the pair that is used", () => {
  assert.equal(compare(stats(START), stats({ ...START, sent: 500, received: 500, protocol: "tcp" }), []).protocol, "tcp");
});

test("a page in the background sends too little to judge by", () => {
  assert.equal(compare(stats(START), stats({ ...START, sent: 110 }), [0.02]), null);
});

test("a browser without a round trip of ICE has that of the reports, one without a transport names its pair", () => {
  const withoutIce = stats({}).map((entry) => ({ ...entry, currentRoundTripTime: undefined }));
  assert.equal(roundTripOf(withoutIce.map((entry) => (entry.id === "up" ? { ...entry, packetsSent: 1 } : entry))), 0.5);
  const firefox = stats({}).filter(({ type }) => type !== "transport").map((entry) => (entry.id === "other" ? { ...entry, nominated: false } : entry));
  assert.equal(roundTripOf(firefox.map((entry) => (entry.id === "pair" ? { ...entry, selected: true } : entry))), 0.02);
});

test("good, slow for pictures, or weak: whichever way is worse, and the delay, decide", () => {
  const said = (figures) => judge({ protocol: "udp", roundTrip: 0.05, lostUp: 0, lostDown: 0, rate: 800_000, ...figures });
  assert.equal(said({}), "good");
  assert.equal(said({ lostUp: 0.02, roundTrip: 0.25 }), "good");
  assert.equal(said({ lostUp: 0.05 }), "slow");
  assert.equal(said({ lostDown: 0.05 }), "slow");
  assert.equal(said({ roundTrip: 0.4 }), "slow");
  assert.equal(said({ lostDown: 0.2 }), "poor");
  assert.equal(said({ roundTrip: 1 }), "poor");
});
