"""A synthetic participant of a call: what a browser does on the wire, with counted media and a clock in every packet.

participant = Participant("Nina", seed=1)
answer = node.join(call_id, entrant, await participant.offer())
await participant.answer(answer.sdp)
await participant.connected(5)
participant.start_media()
…
participant.stats.slots["4"].received
await participant.close()
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from struct import unpack_from

from bench import rtcp
from bench.canned import LAYERS, OPUS_BYTES, PLAIN, SPEECH_BYTES, Camera, Layer, Microphone, Source
from bench.description import (
    CAMERA,
    CHROMIUM,
    MICROPHONE,
    RECEIVED_MIDS,
    SCREEN,
    Dialect,
    Section,
    Track,
    call_offer,
    parse,
)
from bench.estimate import Estimate
from bench.latency import BUCKET_NS, BUCKETS
from bench.network import Network
from bench.peer import Clock, Peer
from bench.receiver import Slot, Whim, extension, payload_at

REMB_BITS = 5_000_000  # what a receiver on a good line tells
_AHEAD = time.time() - time.monotonic()  # of the NTP clock, before the one that is only right in its differences
_ROUND_TRIP = 0.1  # seconds, until measured; as Chromium
_REPORT_INTERVAL = 1.0  # seconds
_REPORTS_TOGETHER = 0.5  # seconds between reports where a browser's streams each send their own, once a second


@dataclass(slots=True)
class Stats:
    """What happened so far. `slots` by mid. Histograms (bench.latency): of packets, of our ticks."""

    sent: int = 0
    received: int = 0
    slots: dict[str, Slot] = field(default_factory=dict)
    latency: list[int] = field(default_factory=lambda: [0] * BUCKETS)
    lateness: list[int] = field(default_factory=lambda: [0] * BUCKETS)  # of what we send
    unknown: int = 0  # packets of an SSRC and mid that the answer does not know
    keyframe_requests: int = 0
    nacks: int = 0  # packets the other side asked for again
    reports: dict[int, tuple[int, int]] = field(default_factory=dict)  # our SSRC: fraction lost (1/256), lost, as told
    remb: int | None = None  # bits a second, as last told
    sender_reports: dict[str, tuple[int, int]] = field(
        default_factory=dict
    )  # mid: NTP timestamp, RTP time, as last told


class Stream:
    """Sources and slots on one peer: sends what is due, counts what comes, reports each second.

    `nack_rate` is the share of received video packets asked for again although they arrived. `estimate` makes the REMB,
    which otherwise is that of a good line.
    """

    slot_type = Slot

    def __init__(
        self,
        name: str,
        seed: int,
        *,
        dialect: Dialect = CHROMIUM,
        nack_rate: float = 0.0,
        estimate: Estimate | None = None,
        clock: Clock = time.monotonic_ns,
    ) -> None:
        self.name, self.dialect = name, dialect
        self._clock = clock
        self.stats = Stats()
        self.random = Random(f"{name}/{seed}")
        self.ssrc = self.random.getrandbits(32)  # of a receiver that sends nothing
        self.round_trip = _ROUND_TRIP
        self.clock_ahead = 0.0  # seconds that this machine's NTP clock is wrong
        self._estimate = estimate
        self._whim = Whim(self.random.getrandbits(32), nack_rate)
        self._loop = asyncio.get_running_loop()
        self._sources: dict[int, Source] = {}
        self._slots: dict[bytes, Slot] = {}  # by SSRC, as it stands in the packet
        self._repairs: dict[bytes, Slot] = {}  # by RTX SSRC
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self.peer: Peer

    # Sending

    def new_microphone(self, mid: str = MICROPHONE, *, size: int = OPUS_BYTES) -> Microphone:
        return Microphone(
            mid,
            self._bits(32),
            self._identifier(mid),
            self.dialect,
            sequence=self._bits(15),
            timestamp=self._bits(32),
            size=size,
        )

    def new_camera(self, mid: str = CAMERA, layer: Layer = PLAIN) -> Camera:
        ssrc, rtx, sequence, timestamp = self._bits(32), self._bits(32), self._bits(15), self._bits(32)
        source = source_id(self.name, mid, layer.rid)
        return Camera(mid, ssrc, rtx, source, self.dialect, sequence=sequence, timestamp=timestamp, layer=layer)

    def _bits(self, count: int) -> int:
        return self.random.getrandbits(count)

    def _identifier(self, mid: str) -> int:
        return source_id(self.name, mid)

    def start(self, source: Source) -> None:
        """Send it until `stop`. The phase is drawn from the seed, so that senders do not all tick at once."""
        self._sources[source.ssrc] = source
        if isinstance(source, Camera):
            source.keyframe_wanted = True
        self._tick(source, self._clock() / 1e9 + self.random.random() * source.interval)

    def stop(self, source: Source) -> None:
        if timer := self._timers.pop(source.mid + source.rid, None):
            timer.cancel()

    def _tick(self, source: Source, due: float) -> None:
        now_ns = self._clock()
        late = now_ns - int(due * 1e9)
        if late >= 0:
            self.stats.lateness[min(late // BUCKET_NS, BUCKETS - 1)] += 1
            send = self.peer.send_rtp
            source.ticked_ns = now_ns
            for packet in source.tick(now_ns):
                send(packet)
                self.stats.sent += 1
            due += source.interval
        delay = max(0.0, due - self._clock() / 1e9)
        self._timers[source.mid + source.rid] = self._loop.call_later(delay, self._tick, source, due)

    # Receiving

    def expect(self, section: Section) -> None:
        """Receive what a section names; without SSRC lines, what its mid extension names (RFC 9143 §9.2)."""
        slot = self.slot_type(section.mid, section.kind, section.ssrcs[0] if section.ssrcs else 0, self.stats.latency)
        self.stats.slots[section.mid] = slot
        if slot.ssrc:
            self._bind(slot, slot.ssrc, section.rtx.get(slot.ssrc))

    def _bind(self, slot: Slot, ssrc: int, rtx: int | None) -> None:
        slot.ssrc, slot.rtx = ssrc, rtx
        self._slots[ssrc.to_bytes(4, "big")] = slot
        if rtx is not None:
            self._repairs[rtx.to_bytes(4, "big")] = slot

    def on_rtp(self, packet: bytes, now_ns: int) -> None:
        """One decrypted packet."""
        if self._estimate is not None:
            self._weigh(self._estimate, packet, now_ns / 1e9)
        slot = self._slots.get(packet[8:12])
        if slot is None:
            self._stray(packet, now_ns)
            return
        self.stats.received += 1
        sequence = slot.take(packet, now_ns)
        if sequence is not None and slot.kind == "video" and self._whim.strikes():
            self.peer.send_rtcp(rtcp.nack(self.ssrc, slot.ssrc, [sequence]))

    def _weigh(self, estimate: Estimate, packet: bytes, now: float) -> None:
        sent_at = extension(packet, self.dialect.abs_send_time)
        if sent_at and estimate.arrived(
            len(packet) - payload_at(packet), int.from_bytes(sent_at, "big") / 0x40000, now
        ):
            self.peer.send_rtcp(self._remb())

    def _stray(self, packet: bytes, now_ns: int) -> None:
        if repaired := self._repairs.get(packet[8:12]):
            repaired.take_again(packet, now_ns)
            return
        mid = extension(packet, self.dialect.mid)
        slot = self.stats.slots.get(mid.decode("ascii", "replace")) if mid else None
        if slot is None or slot.ssrc:
            self.stats.unknown += 1
            return
        self._bind(slot, int.from_bytes(packet[8:12], "big"), None)
        self.on_rtp(packet, now_ns)

    def on_rtcp(self, compound: bytes) -> None:
        """Keyframes and repairs as asked for; reports and estimates kept."""
        for kind, count, body in rtcp.packets(compound):
            if kind == rtcp.SR and len(body) >= 24:
                at, timestamp = unpack_from("!QI", body, 4)
                if slot := self._slots.get(body[:4]):
                    slot.heard_report(at, self._clock() / 1e9)
                    self.stats.sender_reports[slot.mid] = (at, timestamp)
                self._reported(body[24:])
            elif kind == rtcp.RR:
                self._reported(body[4:])
            elif kind == rtcp.PSFB and count == rtcp.AFB:
                self.stats.remb = rtcp.remb_rate(body) or self.stats.remb
            elif kind in (rtcp.PSFB, rtcp.RTPFB) and len(body) >= 8:
                self._asked(kind, count, body)

    def _reported(self, blocks: bytes) -> None:
        for offset in range(0, len(blocks) - 23, 24):
            ssrc, lost, _, _, last, delay = unpack_from("!6I", blocks, offset)
            self.stats.reports[ssrc] = (lost >> 24, lost & 0xFFFFFF)
            if last:  # RFC 3550 §6.4.1
                self.round_trip = ((self._ntp_now() >> 16) - last - delay & 0xFFFFFFFF) / 0x10000

    def _asked(self, kind: int, count: int, body: bytes) -> None:
        media = unpack_from("!I", body, 8 if kind == rtcp.PSFB and count == rtcp.FIR and len(body) >= 12 else 4)[0]
        source = self._sources.get(media)
        if not isinstance(source, Camera):
            return
        if kind == rtcp.PSFB and count in (rtcp.PLI, rtcp.FIR):
            self.stats.keyframe_requests += 1
            source.keyframe_wanted = True
        elif kind == rtcp.RTPFB and count == rtcp.NACK:
            now = self._clock() / 1e9
            for sequence in rtcp.nacked(body):
                self.stats.nacks += 1
                # As Chromium: what was sent again within the round trip is still under way.
                if now - source.resent_at.get(sequence, 0.0) >= self.round_trip and (packet := source.again(sequence)):
                    source.resent_at[sequence] = now
                    self.peer.send_rtp(packet)

    # Reports

    def start_reports(self) -> None:
        """Sender and receiver reports and REMB, now and each second."""
        now_ns = self._clock()
        now = now_ns / 1e9
        at = self._ntp_now()
        compound = b"".join(
            rtcp.sender_report(source.ssrc, at, source.timestamp_at(now_ns), source.packets, source.octets)
            for source in self._sources.values()
            if source.packets
        )
        slots = self._heard()
        reports = [report for slot in slots if (report := slot.report(now)) is not None]
        compound += rtcp.receiver_report(self.ssrc, reports) + rtcp.source_description(self.ssrc, "synthetic")
        self.peer.send_rtcp(compound + self._remb())
        interval = _REPORT_INTERVAL if self._estimate is None else _REPORTS_TOGETHER
        self._timers["reports"] = self._loop.call_later(interval, self.start_reports)

    def _ntp_now(self) -> int:
        return rtcp.ntp(_AHEAD + self._clock() / 1e9 + self.clock_ahead)

    def _heard(self) -> list[Slot]:
        return [slot for slot in self.stats.slots.values() if slot.sequence >= 0]

    def _remb(self) -> bytes:
        """Empty before the first picture."""
        rate = REMB_BITS if self._estimate is None else int(self._estimate.bitrate)
        video = [slot.ssrc for slot in self._heard() if slot.kind == "video"]
        return rtcp.remb(self.ssrc, rate, video) if video else b""

    def ask_keyframe(self, mid: str) -> None:
        """A PLI for a slot, as a decoder in trouble sends."""
        self.peer.send_rtcp(rtcp.picture_loss(self.ssrc, self.stats.slots[mid].ssrc))

    def silence(self) -> None:
        """Stop every timer."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()


def source_id(name: str, mid: str, rid: str = "") -> int:
    """What `Slot.source` says while the participant `name` is shown there, `mid` being the m-line it sends on and `rid`
    the layer, "l" or "h", of a camera in simulcast."""
    return zlib.crc32(f"{name}/{mid}{rid}".encode())


class Participant(Stream):
    """The ten m-lines of relay.md, "Shape". Made within a running loop."""

    def __init__(
        self,
        name: str,
        *,
        seed: int = 0,
        dialect: Dialect = CHROMIUM,
        uplink: Network | None = None,
        downlink: Network | None = None,
        nack_rate: float = 0.0,
        fingerprint: str | None = None,
        simulcast: bool = False,
        estimate: Estimate | None = None,
        clock: Clock = time.monotonic_ns,
    ) -> None:
        """`fingerprint` overrides the true one in the offer (hazard H14); `simulcast`: the camera in two layers, and
        sound at the rate of speech, as a browser's."""
        super().__init__(name, seed, dialect=dialect, nack_rate=nack_rate, estimate=estimate, clock=clock)
        self.microphone = self.new_microphone(size=SPEECH_BYTES if simulcast else OPUS_BYTES)
        self.layers = [self.new_camera(layer=layer) for layer in (LAYERS if simulcast else (PLAIN,))]
        self.camera, self.screen = self.layers[-1], self.new_camera(SCREEN)
        self.peer = Peer(
            self.random,
            self.on_rtp,
            self.on_rtcp,
            uplink=uplink,
            downlink=downlink,
            fingerprint=fingerprint,
            clock=clock,
        )
        self._version = 1

    async def offer(self) -> str:
        """The offer; asked again, that of an ICE restart: a new address and credentials, all else the same."""
        self._version += 1
        tracks = [Track(each.mid, each.ssrc, each.rtx) for each in (self.microphone, self.camera, self.screen)]
        if len(self.layers) > 1:
            tracks[1] = replace(tracks[1], rids=tuple(layer.rid for layer in self.layers))
        return call_offer(self.peer.gather(), tracks, self.dialect, version=self._version)

    async def answer(self, sdp: str) -> None:
        """Take the answer and start to connect. Raises ValueError when it is none."""
        description = parse(sdp)
        if not self.stats.slots:
            for section in description.sections:
                if section.mid in RECEIVED_MIDS:
                    self.expect(section)
        self.peer.connect(description.transport)

    async def connected(self, timeout: float) -> None:  # noqa: ASYNC109 - the face of a browser's promise, with a limit
        """Return once media may flow. Raises ConnectionError or TimeoutError."""
        await self.peer.connected(timeout)
        if "reports" not in self._timers:
            self.start_reports()

    def start_media(self, *, microphone: bool = True, camera: bool = True, screen: bool = False) -> None:
        """Send what is wanted; what runs already goes on."""
        cameras = [(camera, layer) for layer in self.layers]
        for is_wanted, source in ((microphone, self.microphone), *cameras, (screen, self.screen)):
            if is_wanted and source.mid + source.rid not in self._timers:
                self.start(source)

    def stop_media(self) -> None:
        for source in (self.microphone, *self.layers, self.screen):
            self.stop(source)

    def record(self, mid: str) -> list[bytes]:
        """From now on, the decrypted packets of a slot, in order of arrival."""
        slot = self.stats.slots[mid]
        slot.recorded = []
        return slot.recorded

    async def until(self, condition: Callable[[Stats], bool], timeout: float) -> None:  # noqa: ASYNC109
        """Return once the stats meet a condition. Raises TimeoutError."""
        async with asyncio.timeout(timeout):
            while not condition(self.stats):  # noqa: ASYNC110 - counters tell nobody when they move
                await asyncio.sleep(0.01)

    async def gone(self, timeout: float) -> None:  # noqa: ASYNC109
        """Return once the relay has said goodbye. Raises TimeoutError."""
        await asyncio.wait_for(self.peer.closed.wait(), timeout)

    def vanish(self) -> None:
        """Stop without a word, as a crashed tab does (rule C5)."""
        self.silence()
        self.peer.vanish()

    async def close(self) -> None:
        """Stop, saying goodbye."""
        self.silence()
        self.peer.close()
