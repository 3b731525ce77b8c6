/** How good the way to the relay is, from two looks at `getStats` (W3C webrtc-stats). Pure. */

/**
 * @typedef {'good' | 'slow' | 'poor'} Verdict
 * @typedef {object} Figures
 * @property {'udp' | 'tcp'} protocol
 * @property {number} roundTrip seconds, the usual one while pictures were sent
 * @property {number} lostUp share of the packets, 0 to 1
 * @property {number} lostDown
 * @property {number} rate bits a second that came back
 */

// Where pictures begin to stumble, and where words do. Opus and the relay's repairs carry sound through a tenth.
const SLOW = { roundTrip: 0.3, lost: 0.03 };
const POOR = { roundTrip: 0.8, lost: 0.12 };
const ENOUGH = 40; // packets: fewer say nothing

/** The stream that carries the noise: the ten lines of an offer have others, which carry nothing. */
const busiest = (stats, type, count) => stats
  .filter((entry) => entry.type === type && entry.kind === "video")
  .reduce((one, other) => ((other[count] ?? 0) > (one?.[count] ?? 0) ? other : one), undefined);

/** @param {any[]} stats @returns the pair of candidates in use */
function selected(stats) {
  const named = stats.find(({ type }) => type === "transport")?.selectedCandidatePairId;
  return stats.find(({ type, id, selected: isSelected, nominated, state }) => type === "candidate-pair"
    && (named ? id === named : isSelected || (nominated && state === "succeeded")));
}

/** What the relay reports of what it gets. */
function reported(stats) {
  const sent = busiest(stats, "outbound-rtp", "packetsSent");
  return stats.find(({ type, localId }) => type === "remote-inbound-rtp" && localId === sent?.id);
}

/** @param {any[]} stats @returns {number | undefined} seconds, as ICE saw it last, or the relay's reports say */
export function roundTripOf(stats) {
  return selected(stats)?.currentRoundTripTime ?? reported(stats)?.roundTripTime;
}

/**
 * @param {any[]} before values of `getStats`
 * @param {any[]} after
 * @param {number[]} roundTrips seconds, seen in between
 * @returns {Figures | null} too little was sent to say anything
 */
export function compare(before, after, roundTrips) {
  const grown = (entry, key) => (entry?.[key] ?? 0) - (before.find(({ id }) => id === entry?.id)?.[key] ?? 0);
  const up = busiest(after, "outbound-rtp", "packetsSent");
  const down = busiest(after, "inbound-rtp", "packetsReceived");
  const [sent, received] = [grown(up, "packetsSent"), grown(down, "packetsReceived")];
  const missing = Math.max(0, grown(down, "packetsLost"));
  const seconds = grown(down, "timestamp") / 1000;
  if (sent < ENOUGH) return null;
  const local = after.find(({ id }) => id === selected(after)?.localCandidateId);
  const sorted = [...roundTrips].sort((one, other) => one - other);
  return {
    protocol: local?.protocol === "tcp" ? "tcp" : "udp",
    roundTrip: sorted[Math.floor(sorted.length / 2)] ?? 0,
    lostUp: Math.min(1, Math.max(0, grown(reported(after), "packetsLost")) / sent),
    lostDown: received + missing ? missing / (received + missing) : 1,
    rate: seconds > 0 ? (grown(down, "bytesReceived") * 8) / seconds : 0,
  };
}

/** @param {Figures} figures @returns {Verdict} */
export function judge({ roundTrip, lostUp, lostDown }) {
  const over = (limit) => roundTrip > limit.roundTrip || Math.max(lostUp, lostDown) > limit.lost;
  if (over(POOR)) return "poor";
  return over(SLOW) ? "slow" : "good";
}
