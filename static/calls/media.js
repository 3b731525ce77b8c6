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
const SPARE = /^a=x-spare-ice:(\S+) (\S+)\r?\n/mu; // in the relay's answer (docs/protocol.md, "answer")
const SEATS = [3, 5, 7]; // m-lines of their sound; the picture's is the next

export class PeerLink {
  #peer;
  #offer = null;
  #offering = false;
  #prepared = null;
  #answer = "";
  #spare = null;
  #transceivers;
  #tracks;
  #profile = null;
  #everUp = false;
  #bytes = 0;
  /** When the last byte was seen to have come, in ms; at first, when the connection was made. */
  heardAt = Date.now();
  /** @type {{audio: MediaStream, video: MediaStream}[]} by remote seat */
  seats;
  /** @type {MediaStream} */
  screen;

  /**
   * @param {{microphone: MediaStreamTrack | null, camera: MediaStreamTrack | null, screen: MediaStreamTrack | null}} tracks
   * @param {() => void} connected
   */
  constructor(tracks, connected) {
    this.#tracks = { ...tracks };
    this.#peer = new RTCPeerConnection({ bundlePolicy: "max-bundle", rtcpMuxPolicy: "require" });
    this.#transceivers = [
      ...SENDS.map(([kind, sendEncodings]) => this.#peer.addTransceiver(kind, { direction: "sendonly", sendEncodings })),
      ...RECEIVES.map((kind) => this.#peer.addTransceiver(kind, { direction: "recvonly" })),
    ];
    const stream = (line) => new MediaStream([this.#transceivers[line].receiver.track]);
    this.seats = SEATS.map((line) => ({ audio: stream(line), video: stream(line + 1) }));
    this.screen = stream(9);
    for (const [name, track] of Object.entries(this.#tracks)) this.#attach(name, track);
    this.#peer.addEventListener("connectionstatechange", () => {
      if (!this.connected) return;
      this.#everUp = true;
      this.heardAt = Date.now();
      connected();
    });
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

  /** One that nothing was offered for is passed over. */
  async answer(sdp) {
    await this.#prepared;
    if (this.#peer.signalingState !== "have-local-offer") return;
    this.#answer = sdp;
    this.#spare = SPARE.exec(sdp);
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

  /**
   * What the browser counted so far; renews `heardAt`: the relay reports each second, so that bytes come at all times.
   * @returns {Promise<{sounds: number[], reports: {loss: number, jitter: number, roundTrip: number}[]}>} packets of sound
   *   by remote seat, and what the relay says of what is sent from here
   */
  async sample() {
    const entries = [...(await this.#peer.getStats()).values()];
    const of = (type) => entries.filter((entry) => entry.type === type);
    const sum = (name, counted) => counted.reduce((total, entry) => total + (entry[name] ?? 0), 0);
    // Firefox knows no transport, Safari may know no pair that counts.
    const bytes = Math.max(...["transport", "candidate-pair", "inbound-rtp"].map((type) => sum("bytesReceived", of(type))));
    if (bytes !== this.#bytes) this.heardAt = Date.now();
    this.#bytes = bytes;
    return {
      sounds: SEATS.map((line) => {
        const { mid } = this.#transceivers[line];
        return sum("packetsReceived", of("inbound-rtp").filter((entry) => entry.mid === mid));
      }),
      // A picture's packets share one timestamp: its jitter says how large it is.
      reports: of("remote-inbound-rtp").map(({ kind, fractionLost, jitter, roundTripTime }) => (
        { loss: fractionLost ?? 0, jitter: (kind === "audio" && jitter) || 0, roundTrip: roundTripTime ?? 0 })),
    };
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

  /**
   * An ICE restart that asks nobody: the last answer brought the relay's credentials for it, and a relay that is
   * ICE-lite needs none of ours. For the moment when the network has changed and the socket is not back yet.
   *
   * @returns {Promise<boolean>} whether there were any
   */
  async restartUnasked() {
    if (!this.settled || !this.#spare) return false;
    const [, ufrag, password] = this.#spare;
    await this.restart();
    await this.answer(this.#answer
      .replace(/^a=ice-ufrag:.*$/gmu, `a=ice-ufrag:${ufrag}`)
      .replace(/^a=ice-pwd:.*$/gmu, `a=ice-pwd:${password}`)
      .replace(SPARE, ""));
    return true;
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

  /** How it stands, in the words of recovery.js. */
  get standing() {
    const { connectionState, iceConnectionState } = this.#peer;
    if (connectionState === "connected") return "up";
    if (connectionState === "failed") return iceConnectionState === "failed" ? "failed" : "closed"; // DTLS: nothing mends that
    if (connectionState === "closed") return "closed";
    return this.#everUp ? "down" : "new";
  }

  /** @returns {Promise<RTCStatsReport>} */
  getStats() {
    return this.#peer.getStats();
  }

  close() {
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
}
