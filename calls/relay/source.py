"""A published stream as it arrives: numbered, counted, kept for whoever asks for a packet again.

Pure: no socket, no key, monotonic `now` in seconds passed in. Who is shown it stands in `outlets` (relay.slot).
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Protocol

from . import red, rtcp, rtp
from .bandwidth import Meter
from .nack import AUDIO_RING, RING, Missing, Ring
from .rtp import Packet
from .speaker import Voice

CLOCK_RATES = {"audio": 48000, "video": 90000}  # Opus (RFC 7587 §4.1), VP8 (RFC 7741 §4.1)
KEYFRAME_PAUSE = 0.5  # seconds between two requests to one publisher, whoever asks
KEYFRAME_REPEAT = 1.0  # until one arrives
JUMP = 1000  # packets: further than this, forward or back, a stream has started anew
STOPPED = 1.0  # seconds without a packet: the publisher does not send this now
STEADY = 3.0  # seconds that a layer which had stopped is sent again, before it is worth a keyframe

_U16 = Struct("!H")
_U64 = 0xFFFFFFFFFFFFFFFF

Send = Callable[[int], None]  # the packet in OUTBOUND[:size]


class Outlet(Protocol):
    """Where a source's packets go: a slot, or one that is to go over to this source."""

    @property
    def is_open(self) -> bool: ...
    def show(self, source: Source | None, send: Send, now: float) -> bool: ...
    def restart(self) -> None: ...
    def wants_twice(self, packet: Packet, now: float) -> bool: ...
    def write(self, packet: Packet, send_time: int, now: float, out: memoryview) -> int: ...
    def resend(self, packet: Packet, send_time: int, now: float, out: memoryview) -> int: ...


class Timeline:
    """One publisher's NTP clock, put on the relay's own: moved by what they differed at its first report.

    All sources of a publisher share it, so that their lips match. Whoever is put behind a slot then goes on where the
    one before stopped: a browser draws a line through the last twenty reports of a stream, and clocks that differ
    would bend it (RFC 3550 §4 allows a clock that counts from any moment).
    """

    __slots__ = ("_ahead",)

    def __init__(self) -> None:
        self._ahead: int | None = None

    def translate(self, ntp: int, now: float) -> int:
        """The relay's NTP time (32.32) at the publisher's `ntp`, a report of which arrives `now`."""
        if self._ahead is None:
            self._ahead = ntp - int(now * (1 << 32))
        return (ntp - self._ahead) & _U64


class Source:
    """One track of a publisher as it arrives. Counts for receiver reports (RFC 3550 A.3, A.8), keeps what may be asked
    for again, gathers its subscribers' keyframe requests: `ask` is called with the source when the publisher is to be
    sent one. A microphone's has a `voice`."""

    __slots__ = (
        "_ask", "_asked_at", "_base", "_expected_before", "_fresh", "_highest", "_jitter", "_level_id", "_meter",
        "_past", "_received", "_received_before", "_report", "_report_at", "_timeline", "_transit", "arrived_at",
        "asked_again", "clock_rate", "keyframe_index", "keyframe_wanted", "keyframes_asked", "kind", "layer", "missing",
        "octets", "outlets", "payload_type", "rate", "red_payload_type", "repairs", "resumed_at", "ring",
        "rtx_payload_type", "ssrc", "voice",
    )  # fmt: skip

    def __init__(
        self,
        kind: str,
        payload_type: int,
        rtx_payload_type: int,
        ssrc: int,
        ask: Callable[[Source], None],
        *,
        level_id: int = 0,
        layer: str = "",
        red_payload_type: int = 0,
        timeline: Timeline | None = None,
    ) -> None:
        self._ask = ask
        self.kind = kind
        self.payload_type = payload_type
        self.rtx_payload_type = rtx_payload_type or -1  # 0 is a payload type too
        self.red_payload_type = red_payload_type or -1
        self.ssrc = ssrc  # 0 until the first packet names it by MID
        self.layer = layer  # RID, empty where there is but one
        self.clock_rate = CLOCK_RATES[kind]
        self.outlets: list[tuple[Outlet, Send]] = []  # who gets each packet, and how it is sent
        self.ring = Ring(AUDIO_RING if kind == "audio" else RING)
        self.missing = Missing()
        self.keyframe_wanted = False
        self.keyframe_index = -1  # of the first packet of the last one
        self.voice = Voice()
        self.arrived_at = 0.0
        self.resumed_at = 0.0  # first packet after a stop; 0 while there was none
        self.octets = 0  # of payload
        self.rate = 0.0  # bits/s of payload, over the last second
        self.repairs = self.asked_again = self.keyframes_asked = 0
        self._past = (0, 0)  # received and lost before the stream last started anew
        self._meter = Meter()
        self._level_id = level_id
        self._fresh = False  # asked for since the last request went out
        self._asked_at = -KEYFRAME_REPEAT
        self._highest = -1
        self._base = 0
        self._received = 0
        self._expected_before = 0
        self._received_before = 0
        self._transit = 0
        self._jitter = 0.0
        self._timeline = timeline or Timeline()
        self._report: rtcp.SenderReport | None = None
        self._report_at = 0.0

    def receive(self, packet: Packet, now: float) -> bool:
        """Take a packet in: number it, count it, keep it. False: it is here already or too late, pass it on to nobody.

        One number is never sent twice: SRTP's key stream would be used twice (RFC 3711 §9.1, RFC 7714 §8.1). After
        a jump the slots open anew.
        """
        if now - self.arrived_at > STOPPED and self.arrived_at:
            self.resumed_at = now
        self.arrived_at = now
        self.octets += len(packet.payload)
        highest = self._highest
        is_late = False
        if highest < 0:
            packet.index = self._start(packet.sequence)
        elif packet.sequence == (highest + 1) & 0xFFFF:
            packet.index = self._highest = highest + 1
        else:
            packet.index = index = rtp.unwrap(packet.sequence, highest)
            if -JUMP < index - highest < JUMP:
                is_late = index <= highest
            else:
                packet.index = self._start(packet.sequence)
                for slot, _ in self.outlets:
                    slot.restart()
            self._highest = max(self._highest, packet.index)
        self._received += 1
        transit = int(now * self.clock_rate) - packet.timestamp
        change = (transit - self._transit) & 0xFFFFFFFF
        if change > 0x80000000:
            change = 0x100000000 - change
        self._transit = transit
        if self._received > 1:
            self._jitter += (change - self._jitter) / 16
        if is_late and not self._is_wanted(packet.index):
            return False
        self._understand(packet, now)
        return True

    def _is_wanted(self, index: int) -> bool:
        return index > self._highest - self.ring.size and not self.ring.holds(index)

    def flows(self, now: float) -> bool:
        """Is it sent at present?"""
        return self.ssrc != 0 and now - self.arrived_at <= STOPPED

    def is_steady(self, now: float) -> bool:
        return self.flows(now) and (not self.resumed_at or now - self.resumed_at >= STEADY)

    def measure(self, now: float) -> None:
        """Renew `rate`: a few times a second."""
        self.rate = self._meter.read(self.octets, now)

    def repaired(self, packet: Packet, now: float) -> bool:
        """A retransmission (RFC 4588 §4): the original packet again, not counted as received. False: of no use."""
        if self._highest < 0 or len(packet.payload) < 2:  # Chromium's start-up probes are shorter
            return False
        packet.index = index = rtp.unwrap(_U16.unpack_from(packet.payload)[0], self._highest)
        if index > self._highest or not self._is_wanted(index):
            return False
        packet.payload = packet.payload[2:]
        self.repairs += 1
        self._understand(packet, now)
        return True

    def redundant(self, packet: Packet, now: float) -> list[Packet]:
        """Take a RED packet in (relay.red): what to pass on, in order. Those before it that were lost are made whole
        from its earlier blocks, each with the block of the one before it, so that the way down is covered as well."""
        blocks = red.parse(packet.payload, self.payload_type)
        if blocks is None:
            return []
        packet.primary = blocks.primary
        if not self.receive(packet, now):
            return []
        whole = []
        for index, block in enumerate(blocks.earlier, packet.index - len(blocks.earlier)):
            if index > self._base and self._is_wanted(index) and block.data:
                whole.append(self._make_whole(index, packet.timestamp - block.offset & 0xFFFFFFFF, block.data))
                self._understand(whole[-1], now)
        return [*whole, packet]

    def _make_whole(self, index: int, timestamp: int, opus: bytes) -> Packet:
        before = self.ring.get(index - 1)
        earlier = None
        if before is not None:
            earlier = red.Block(timestamp - before.timestamp & 0xFFFFFFFF, before.primary or before.payload)
        payload = red.build(opus, earlier, self.payload_type)
        packet = Packet(self.red_payload_type, 0, index & 0xFFFF, timestamp, payload, 0, b"")
        packet.index, packet.primary = index, opus
        return packet

    def ask_missing(self, now: float, round_trip: float) -> list[int]:
        """The sequence numbers to ask for now. Where asking was in vain, a keyframe is asked for."""
        given_up = self.missing.given_up
        due = self.missing.due(now, round_trip)
        if self.missing.given_up > given_up:
            self.want_keyframe(now)
        self.asked_again += len(due)
        return [index & 0xFFFF for index in due]

    def since(self, packet: Packet, now: float) -> list[Packet]:
        """`packet` and what has arrived of those after it, in order, as far as it is kept."""
        later = (self.ring.find(index, now) for index in range(packet.index + 1, self._highest + 1))
        return [packet, *(each for each in later if each is not None)]

    @property
    def jitter(self) -> float:
        """Seconds, on the way here (RFC 3550 A.8)."""
        return self._jitter / self.clock_rate

    @property
    def counted(self) -> tuple[int, int]:
        """Packets received and lost so far; what a retransmission brought was lost."""
        received, lost = self._past
        if self._highest < 0:
            return received, lost
        return received + self._received, lost + max(0, self._highest - self._base + 1 - self._received)

    def _start(self, sequence: int) -> int:
        self._past = self.counted
        # One cycle up, so that packets just older than the first still have an index above zero.
        self._base = self._highest = 0x10000 + sequence
        self._received = self._expected_before = self._received_before = 0
        self.missing.clear()
        self.ring.clear()
        self.keyframe_index = -1
        return self._highest

    def _understand(self, packet: Packet, now: float) -> None:
        self.ring.keep(packet, now)
        if self.kind == "audio":
            if level := packet.value(self._level_id):  # RFC 6464 §3: a flag, then seven bits
                self.voice.hear(level[0] & 0x7F, now)
            return
        packet.vp8 = vp8 = rtp.parse_vp8(packet.payload)
        if vp8 is not None and vp8.keyframe:
            self.keyframe_wanted = False
            self.keyframe_index = max(self.keyframe_index, packet.index)
        if not self.missing.arrived(packet.index, now):
            self.want_keyframe(now)

    def want_keyframe(self, now: float) -> None:
        """A subscriber cannot go on without one: ask at once, or when the last request is 500 ms old."""
        self.keyframe_wanted = self._fresh = True
        self.ask_again(now)

    def ask_again(self, now: float) -> None:
        """Ask for the keyframe that is wanted, if it is time: each second until one arrives."""
        pause = KEYFRAME_PAUSE if self._fresh else KEYFRAME_REPEAT
        if self.keyframe_wanted and self.ssrc and now - self._asked_at >= pause:
            self._asked_at = now
            self._fresh = False
            self.keyframes_asked += 1
            self._ask(self)

    def reported(self, report: rtcp.SenderReport, now: float) -> None:
        self._report, self._report_at = report, now

    def clock(self, now: float) -> tuple[int, int] | None:
        """NTP time (32.32) on the publisher's `Timeline` and RTP timestamp at `now`, `None` before its first report."""
        if self._report is None:
            return None
        elapsed = now - self._report_at
        timestamp = self._report.timestamp + int(elapsed * self.clock_rate)
        ntp = self._timeline.translate(self._report.ntp, self._report_at)
        return (ntp + int(elapsed * (1 << 32))) & _U64, timestamp & 0xFFFFFFFF

    def report_block(self, now: float) -> rtcp.ReportBlock | None:
        """What to tell the publisher; each call closes an interval. `None` before the first packet."""
        if self._highest < 0 or not self.ssrc:
            return None
        expected = self._highest - self._base + 1
        interval = expected - self._expected_before
        lost = interval - (self._received - self._received_before)
        self._expected_before, self._received_before = expected, self._received
        fraction = min(255, (lost << 8) // interval) if interval > 0 and lost > 0 else 0
        lsr = dlsr = 0
        if self._report is not None:
            lsr = self._report.ntp >> 16 & 0xFFFFFFFF
            dlsr = int((now - self._report_at) * 0x10000) & 0xFFFFFFFF
        # The cycle added at the start is the relay's own: cycles are counted from the first packet (A.1).
        highest = self._highest - 0x10000
        return rtcp.ReportBlock(self.ssrc, fraction, expected - self._received, highest, int(self._jitter), lsr, dlsr)
