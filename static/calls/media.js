/**
 * One RTCPeerConnection of ten m-lines to the relay (docs/relay.md, "Shape"): own microphone, camera and screen, three
 * remote seats of audio and video, the remote screen. Offered once and answered once; only ICE restarts renegotiate.
 * The tracks of a remote seat never change: the roster says who is behind them. No DOM but its media objects.
 */

const RECEIVES = ["audio", "video", "audio", "video", "audio", "video", "video"];
// The camera goes out twice: small, for weak links and for the first picture whoever comes next sees, and as large as is
// worth sending to so many others. The relay chooses for each of them (docs/relay.md, "Bandwidth"). No temporal layers:
// Chromium would skip a frame that no other needs rather than wait for its repair, a fifth of all at 5 % loss.
const SMALL = { rid: "l", maxBitrate: 100_000, lines: 180 };
const LARGE = [
  { others: 0, active: false, maxBitrate: 900_000, scaleResolutionDownBy: 2 },
  { others: 1, active: true, maxBitrate: 1_800_000, scaleResolutionDownBy: 1 },
  { others: 3, active: true, maxBitrate: 900_000, scaleResolutionDownBy: 2 },
];

/** @param {MediaStreamTrack | null} track @returns {RTCRtpEncodingParameters[]} */
function cameraEncodings({ active, maxBitrate, scaleResolutionDownBy }, track) {
  const { width = 1280, height = 720 } = track?.getSettings() ?? {};
  const down = Math.max(1, Math.min(width, height) / SMALL.lines);
  return [
    { rid: SMALL.rid, scalabilityMode: "L1T1", maxBitrate: SMALL.maxBitrate, scaleResolutionDownBy: down },
    { rid: "h", scalabilityMode: "L1T1", active, maxBitrate, scaleResolutionDownBy: Math.min(scaleResolutionDownBy, down) },
  ];
}

const SENDS = [
  ["audio", [{}]], // microphone
  ["video", cameraEncodings({ ...LARGE[0], active: true }, null)], // agreed on as active; `fit` says what is sent
  ["video", [{ maxBitrate: 2_500_000 }]], // screen
];
const SILENCE = 1_500; // ms
const RESTART_AFTER = 1_000; // ms without a connection before another way is looked for
const GIVE_UP_AFTER = 9_000; // ms: then a new connection is quicker

export class PeerLink {
  #peer;
  #offer = null;
  #offering = false;
  #prepared = null;
  #transceivers;
  #tracks;
  #on;
  #timers = new Set();
  #profile = null;
  /** @type {{audio: MediaStream, video: MediaStream}[]} by remote seat */
  seats;
  /** @type {MediaStream} */
  screen;

  /**
   * @param {{microphone: MediaStreamTrack | null, camera: MediaStreamTrack | null, screen: MediaStreamTrack | null}} tracks
   * @param {{connected: () => void, shaky: () => void, lost: () => void}} events `shaky` asks for an ICE restart,
   *   `lost` for a new PeerLink
   */
  constructor(tracks, events) {
    this.#on = events;
    this.#tracks = { ...tracks };
    this.#peer = new RTCPeerConnection({ bundlePolicy: "max-bundle", rtcpMuxPolicy: "require" });
    this.#transceivers = [
      ...SENDS.map(([kind, sendEncodings]) => this.#peer.addTransceiver(kind, { direction: "sendonly", sendEncodings })),
      ...RECEIVES.map((kind) => this.#peer.addTransceiver(kind, { direction: "recvonly" })),
    ];
    const stream = (line) => new MediaStream([this.#transceivers[line].receiver.track]);
    this.seats = [3, 5, 7].map((line) => ({ audio: stream(line), video: stream(line + 1) }));
    this.screen = stream(9);
    for (const [name, track] of Object.entries(this.#tracks)) this.#attach(name, track);
    this.#peer.addEventListener("connectionstatechange", () => this.#connectionChanged());
  }

  /** The relay is ICE-lite and needs none of our candidates: the offer goes out before anything is gathered. */
  async offer() {
    this.#offer = await this.#peer.createOffer();
    this.#prepared = this.#peer.setLocalDescription(this.#offer);
    return this.#offer.sdp;
  }

  /** @param {RTCIceServer[]} iceServers from `welcome`: where there are any, gathering starts anew with them */
  use(iceServers) {
    if (!iceServers.length) return;
    this.#prepared = this.#prepared.then(async () => {
      await this.#peer.setLocalDescription({ type: "rollback" });
      this.#peer.setConfiguration({ ...this.#peer.getConfiguration(), iceServers });
      await this.#peer.setLocalDescription(this.#offer);
    });
  }

  async answer(sdp) {
    await this.#prepared;
    await this.#peer.setRemoteDescription({ type: "answer", sdp });
  }

  /** Whether what was offered last is agreed: only then is there something to restart. */
  get settled() {
    return !this.#offering && this.#peer.signalingState === "stable" && this.#peer.remoteDescription !== null;
  }

  /** @returns {string | null} the offer of an ICE restart that has no answer yet */
  get unanswered() {
    return this.#peer.signalingState === "have-local-offer" && this.#peer.remoteDescription ? this.#offer.sdp : null;
  }

  /** @returns {Promise<boolean>} whether nothing has come for a while: the relay reports each second */
  async isSilent() {
    const stats = await this.#peer.getStats();
    const heard = [...stats.values()].map(({ lastPacketReceivedTimestamp }) => lastPacketReceivedTimestamp ?? 0);
    return Date.now() - Math.max(0, ...heard) > SILENCE;
  }

  /** @returns {Promise<string>} an offer with new ICE credentials (RFC 8445 §9), to be answered as the first was */
  async restart() {
    this.#offering = true;
    this.#offer = await this.#peer.createOffer({ iceRestart: true });
    this.#prepared = this.#peer.setLocalDescription(this.#offer);
    await this.#prepared;
    this.#offering = false;
    return this.#offer.sdp;
  }

  /** @param {'microphone' | 'camera' | 'screen'} name @param {MediaStreamTrack | null} track */
  async send(name, track) {
    this.#tracks[name] = track;
    await this.#attach(name, track);
    if (name === "camera" && track && this.connected && this.#profile) await this.#limit(); // its size may be another
  }

  /** @param {number} others connected people who may see the camera */
  async fit(others) {
    const profile = LARGE.find((candidate) => others <= candidate.others) ?? LARGE.at(-1);
    if (profile === this.#profile || !this.connected) return;
    this.#profile = profile;
    await this.#limit();
  }

  get connected() {
    return this.#peer.connectionState === "connected";
  }

  close() {
    this.#quiet();
    this.#peer.close();
  }

  async #attach(name, track) {
    const line = ["microphone", "camera", "screen"].indexOf(name);
    try {
      await this.#transceivers[line].sender.replaceTrack(track);
    } catch (error) {
      if (this.#peer.signalingState !== "closed") throw error; // a newer PeerLink has the track already
    }
  }

  async #limit() {
    const { sender } = this.#transceivers[1];
    const parameters = sender.getParameters();
    const wanted = cameraEncodings(this.#profile, this.#tracks.camera);
    parameters.encodings.forEach((encoding, layer) => Object.assign(encoding, wanted[layer]));
    try {
      await sender.setParameters(parameters);
    } catch {
      this.#profile = null; // another change was under way: the next roster tries again
    }
  }

  #connectionChanged() {
    const state = this.#peer.connectionState;
    this.#quiet();
    if (state === "connected") {
      this.#on.connected();
    } else if (state === "failed" && this.#peer.iceConnectionState !== "failed") {
      this.#on.lost(); // DTLS: no restart mends that
    } else if (state === "failed" || state === "disconnected") {
      this.#after(state === "failed" ? 0 : RESTART_AFTER, () => this.#on.shaky());
      this.#after(GIVE_UP_AFTER, () => this.#on.lost());
    } else if (state === "connecting") {
      this.#after(GIVE_UP_AFTER, () => this.#on.lost());
    }
  }

  #after(delay, action) {
    this.#timers.add(setTimeout(action, delay));
  }

  #quiet() {
    this.#timers.forEach(clearTimeout);
    this.#timers.clear();
  }
}
