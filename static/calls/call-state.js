/**
 * What a call page knows, from the frames of docs/protocol.md. Pure: frames in, a new frozen state out, no DOM, no
 * clock. Moments are Unix seconds; `at` is always the page's own clock, and only differences to the server's count.
 */

/**
 * @typedef {{microphone: boolean, camera: boolean, screen: boolean}} Media
 * @typedef {{id: string, name: string, role: 'member' | 'guest', state: 'connecting' | 'connected' | 'reconnecting'}
 *   & Media & {device_check?: string[]}} Participant `device_check`: told to members
 * @typedef {{participant: string, name: string, text: string, at: number}} Message
 * @typedef {object} Quality
 * @property {ReadonlySet<string>} paused whose pictures are not sent here
 * @property {ReadonlySet<string>} unseen who is not sent ours
 * @property {ReadonlySet<string>} weak whose connection is poor
 * @property {ReadonlySet<string>} unheard who should hear us and does not
 * @property {boolean} screenPaused
 * @typedef {object} CallState
 * @property {'joining' | 'full' | 'live' | 'away' | 'over'} phase
 * @property {string | null} over why there is nothing to come back to by itself
 * @property {string} me own participant id
 * @property {string} role
 * @property {boolean} linked the socket stands
 * @property {number} version of the roster, 0 before the first
 * @property {number | null} startedAt
 * @property {readonly Participant[]} participants by arrival
 * @property {readonly (string | null)[]} slots who is behind the three remote seats
 * @property {string | null} screen who shares a screen
 * @property {ReadonlySet<string>} speaking
 * @property {Quality} quality what does not come through, and on whose account
 * @property {boolean} isPoor this end's connection, as it sees it itself
 * @property {readonly Message[]} chat
 * @property {number} chatSeenAt
 * @property {{kind: 'member' | 'end', endsAt: number} | null} countdown
 * @property {number} clockAhead seconds the server's clock is ahead of the page's
 * @property {string | null} panel which one is open beside the stage
 */

const LIVE = new Set(["connected", "reconnecting"]); // rule C5
const CHAT_KEPT = 200;

const over = (reason) => ({ phase: "over", over: reason, panel: null, countdown: null });

/** @type {Quality} */
const ALL_GOOD = Object.freeze({
  paused: new Set(), unseen: new Set(), weak: new Set(), unheard: new Set(), screenPaused: false,
});

/**
 * @param {{me: string, role: string}} seat
 * @returns {CallState}
 */
export function openState({ me, role }) {
  return Object.freeze({
    phase: "joining",
    over: null,
    me,
    role,
    linked: false,
    version: 0,
    startedAt: null,
    participants: [],
    slots: [null, null, null],
    screen: null,
    speaking: new Set(),
    quality: ALL_GOOD,
    isPoor: false,
    chat: [],
    chatSeenAt: 0,
    countdown: null,
    clockAhead: 0,
    panel: null,
  });
}

/** @type {Map<string, (state: CallState, frame: any, at: number) => Partial<CallState>>} */
const receivers = new Map([
  // The chat comes whole; versions start anew on another relay.
  ["welcome", (state, frame, at) => ({
    me: frame.participant, role: frame.role, linked: true, version: 0, chat: frame.chat, clockAhead: frame.now - at,
  })],
  ["answer", () => ({ phase: "live" })],
  ["full", () => ({ phase: "full" })],
  ["roster", (state, frame) => (frame.version < state.version ? {} : {
    version: frame.version,
    startedAt: frame.started_at,
    participants: frame.participants,
    slots: frame.slots,
    screen: frame.screen,
  })],
  ["chat", (state, { participant, name, text, at }) => {
    const chat = [...state.chat, { participant, name, text, at }].slice(-CHAT_KEPT);
    return state.panel === "chat" ? { chat, chatSeenAt: at } : { chat };
  }],
  ["countdown", (state, frame, at) => ({
    countdown: frame.kind && frame.ends_at ? { kind: frame.kind, endsAt: frame.ends_at } : null,
    clockAhead: frame.now - at,
  })],
  ["speaking", (state, frame) => ({ speaking: new Set(frame.participants) })],
  ["quality", (_, { paused, unseen, weak, unheard, screen_paused: screenPaused }) => ({
    quality: Object.freeze({
      paused: new Set(paused), unseen: new Set(unseen), weak: new Set(weak), unheard: new Set(unheard), screenPaused,
    }),
  })],
  ["taken_over", () => over("taken_over")],
  ["removed", () => over("removed")],
  ["ended", (state, frame) => over(frame.reason)],
]);

/**
 * @param {CallState} state
 * @param {{type: string}} frame
 * @param {number} at
 * @returns {CallState}
 */
export function received(state, frame, at) {
  const receive = receivers.get(frame.type);
  if (!receive || state.phase === "over") return state;
  return Object.freeze({ ...state, ...receive(state, frame, at) });
}

/** The page's own part ended: Leave, a refusal, a browser that cannot. Nothing that comes later changes it. */
export function finished(state, reason) {
  return state.phase === "over" ? state : Object.freeze({ ...state, ...over(reason) });
}

export function linkChanged(state, linked) {
  return Object.freeze({ ...state, linked });
}

export function healthChanged(state, isPoor) {
  return state.isPoor === isPoor ? state : Object.freeze({ ...state, isPoor });
}

/** Media is gone: the page asks for a seat anew, and shows who was there until the next roster. */
export function rejoining(state) {
  if (state.phase === "over") return state;
  return Object.freeze({ ...state, phase: "joining", speaking: new Set(), quality: ALL_GOOD, isPoor: false });
}

/** Lost for so long that nobody is put back in front of a camera unasked: a press of a button joins again. */
export function goneAway(state) {
  return state.phase === "over" ? state : Object.freeze({ ...rejoining(state), phase: "away", panel: null, countdown: null });
}

/** @param {string | null} panel */
export function panelShown(state, panel) {
  if (panel === state.panel) return state;
  const chatSeenAt = panel === "chat" ? (state.chat.at(-1)?.at ?? state.chatSeenAt) : state.chatSeenAt;
  return Object.freeze({ ...state, panel, chatSeenAt });
}

/** @returns {Map<string, Participant>} */
export function byId(state) {
  return new Map(state.participants.map((participant) => [participant.id, participant]));
}

/** A guest without a live member is shielded: sees and hears nobody (rule C3). */
export function waitsForMember(state) {
  return state.role === "guest" && !state.participants.some(({ role, state: stands }) => role === "member" && LIVE.has(stands));
}

/**
 * The others in the order of their places, which they keep until they go.
 * @returns {{slot: number, participant: Participant, speaking: boolean, quality: 'good' | 'weak' | 'unseen' | 'paused'}[]}
 */
export function tiles(state) {
  if (waitsForMember(state)) return [];
  const known = byId(state);
  return state.slots.flatMap((id, slot) => {
    const participant = id === null ? undefined : known.get(id);
    if (!participant) return [];
    return [{ slot, participant, speaking: state.speaking.has(id), quality: qualityOf(state, participant) }];
  });
}

/** Whether this page's own connection is poor, as the relay or this end sees it. */
export function isWeak({ quality, me, isPoor }) {
  return isPoor || quality.weak.has(me);
}

/** @returns {string[]} names of who should hear us and does not */
export function unheardBy(state) {
  return tiles(state).filter(({ participant }) => state.quality.unheard.has(participant.id)).map(({ participant }) => participant.name);
}

/** Which of the others' pictures are paused, of those that there are. @returns {'all' | 'some' | null} */
export function picturesOff(state) {
  const pictures = tiles(state).filter(({ participant }) => participant.camera);
  const paused = pictures.filter(({ participant }) => state.quality.paused.has(participant.id));
  if (!paused.length) return null;
  return paused.length === pictures.length ? "all" : "some";
}

/** What matters most of what is wrong: no picture of theirs, none of ours, a weak connection. */
function qualityOf({ quality }, { id, camera }) {
  if (camera && quality.paused.has(id)) return "paused";
  if (quality.unseen.has(id)) return "unseen";
  return quality.weak.has(id) ? "weak" : "good";
}

/** Who shares a screen that this page should show: somebody else, seen by us. */
export function sharedScreen(state) {
  return tiles(state).find(({ participant }) => participant.id === state.screen)?.participant ?? null;
}

/** @returns {Participant | null} how the server has this page */
export function myself(state) {
  return byId(state).get(state.me) ?? null;
}

export function unread(state) {
  return state.chat.filter(({ participant, at }) => at > state.chatSeenAt && participant !== state.me).length;
}

/**
 * What a listener should be told between two states: rosters are whole, so joins and leaves are their difference.
 * Nothing on the first roster, which is who was there already.
 * @returns {{what: 'joined' | 'left' | 'lost' | 'returned' | 'shares' | 'unshared' | 'weak' | 'pictures-on', name: string}[]}
 */
export function news(before, after) {
  if (before.version === 0 || after.phase !== "live" || waitsForMember(after)) return [];
  const [then, now] = [byId(before), byId(after)];
  const told = [];
  for (const { id, name, state } of after.participants) {
    const stood = then.get(id)?.state;
    if (id === after.me || state === stood) continue;
    if (state === "reconnecting") told.push({ what: "lost", name });
    else if (state === "connected") told.push({ what: stood === "reconnecting" ? "returned" : "joined", name });
  }
  for (const { id, name, state } of before.participants) {
    if (id !== after.me && !now.has(id) && LIVE.has(state)) told.push({ what: "left", name });
  }
  for (const { participant } of tiles(after)) {
    const { id, name } = participant;
    if (after.quality.weak.has(id) && !before.quality.weak.has(id)) told.push({ what: "weak", name });
  }
  if (before.phase === "live" && picturesOff(before) && !picturesOff(after)) told.push({ what: "pictures-on", name: "" });
  const [former, sharer] = [sharedScreen(before), sharedScreen(after)];
  if (sharer && former?.id !== sharer.id) told.push({ what: "shares", name: sharer.name });
  if (former && !after.screen && now.has(former.id)) told.push({ what: "unshared", name: former.name });
  return told;
}

/** @returns {number | null} seconds left of the countdown, never below 0 */
export function timeLeft(state, at) {
  return state.countdown ? Math.max(0, state.countdown.endsAt - state.clockAhead - at) : null;
}

/** @returns {number | null} seconds since the first participant was live */
export function elapsed(state, at) {
  return state.startedAt === null ? null : Math.max(0, at + state.clockAhead - state.startedAt);
}

/** 65 -> "1:05", 3600 -> "1:00:00" */
export function spanText(seconds) {
  const whole = Math.floor(seconds);
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** Calm, then amber at 60 s, red at 15 s. */
export function urgency(seconds) {
  if (seconds <= 15) return "last";
  return seconds <= 60 ? "soon" : "calm";
}

const LETTER = /[\p{L}\p{N}]\p{M}*/u;

/** At most two letters for a pause tile, in any script. */
export function initials(name) {
  const letters = name.split(/\s+/u).flatMap((word) => LETTER.exec(word)?.[0] ?? []);
  const chosen = letters.length > 1 ? [letters[0], letters.at(-1)] : letters;
  return chosen.join("").toLocaleUpperCase() || "?";
}
