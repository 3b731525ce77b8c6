"""What a receiver counts of one slot, at the price of a few comparisons a packet."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from bench.canned import TRAILER
from bench.latency import BUCKET_NS, BUCKETS
from bench.rtcp import Report

_TRAILER_SIZE = TRAILER.size
_LAST_BUCKET = BUCKETS - 1
_MISSING_LIMIT = 10_000


def payload_at(packet: bytes) -> int:
    """The offset of the payload, after contributing sources and header extensions (RFC 3550 §5.1, §5.3.1)."""
    offset = 12 + 4 * (packet[0] & 0x0F)
    if packet[0] & 0x10:
        offset += 4 + 4 * int.from_bytes(packet[offset + 2 : offset + 4], "big")
    return offset


def extension(packet: bytes, wanted: int) -> bytes | None:
    """The value of a one-byte header extension (RFC 8285 §4.2)."""
    if not packet[0] & 0x10 or packet[12:14] != b"\xbe\xde":
        return None
    offset, end = 16, payload_at(packet)
    while offset < end:
        if packet[offset] == 0:
            offset += 1
            continue
        identifier, length = packet[offset] >> 4, (packet[offset] & 0x0F) + 1
        if identifier == wanted:
            return packet[offset + 1 : offset + 1 + length]
        offset += 1 + length
    return None


def begins_keyframe(packet: bytes) -> bool:
    """Whether a VP8 packet is the first of a keyframe (RFC 7741 §4.2, §4.3)."""
    offset = payload_at(packet)
    descriptor = packet[offset]
    offset += 1
    if descriptor & 0x80:
        flags = packet[offset]
        offset += 1
        if flags & 0x80:
            offset += 2 if packet[offset] & 0x80 else 1
        offset += bool(flags & 0x40) + bool(flags & 0x30)
    return bool(descriptor & 0x10) and not descriptor & 0x07 and not packet[offset] & 1


@dataclass(slots=True)
class Slot:
    """One received SSRC. `lost`, `late` and `latency` are end to end, by the trailer; `gaps` by RTP sequence number.

    A packet is no longer lost once it comes late or is sent again.
    `latency` is a histogram (bench.latency), which
    slots may share; `expected` is the number of the next packet of the `source` now shown.
    """

    mid: str
    kind: str
    ssrc: int
    latency: list[int]
    rtx: int | None = None
    received: int = 0
    late: int = 0  # overtaken on the way, or repaired
    gaps: int = 0
    repaired: int = 0  # arrived as a retransmission
    padding: int = 0  # packets without media: probes
    foreign: int = 0  # packets that no synthetic sender made
    switches: int = 0
    blind_switches: int = 0  # to another video source, but not at a keyframe
    source: int | None = None
    sequence: int = -1  # extended by the cycles (RFC 3550 A.1); -1 before the first packet
    recorded: list[bytes] | None = None
    expected: int = 0
    _missing: set[int] = field(default_factory=set)
    _given_up: int = 0
    _reported: tuple[int, int] = (0, 0)
    _base: int = 0
    _last_report: tuple[int, float] = (0, 0.0)

    @property
    def lost(self) -> int:
        """Packets of its sources that never came, so far."""
        return self._given_up + len(self._missing)

    def take(self, packet: bytes, now_ns: int) -> int | None:
        """Count a decrypted packet that arrived at `now_ns`; its sequence number, or None for one without media."""
        if packet[0] & 0x20 or len(packet) < 12 + _TRAILER_SIZE:
            self.padding += 1
            return None
        sequence = packet[2] << 8 | packet[3]
        if self.recorded is not None:
            self.recorded.append(packet)
        is_late = False
        if self.sequence < 0:
            self.sequence = self._base = sequence
        else:
            step = sequence - self.sequence & 0xFFFF
            if step == 1:
                self.sequence += 1
            elif 0 < step < 0x8000:
                self.gaps += step - 1
                self.sequence += step
            else:
                self.gaps -= 1
                is_late = True
        self._count(packet, now_ns, is_late=is_late)
        return sequence

    def take_again(self, packet: bytes, now_ns: int) -> None:
        """Count a retransmission (RFC 4588 §4), in which the original sequence number precedes the payload."""
        if packet[0] & 0x20 or len(packet) < payload_at(packet) + 2 + _TRAILER_SIZE:
            self.padding += 1
            return
        self.repaired += 1
        source, count, _ = TRAILER.unpack_from(packet, len(packet) - _TRAILER_SIZE)
        if source == self.source:
            self._missing.discard(count)

    def _count(self, packet: bytes, now_ns: int, *, is_late: bool) -> None:
        source, count, sent_ns = TRAILER.unpack_from(packet, len(packet) - _TRAILER_SIZE)
        age = now_ns - sent_ns
        if age < 0 or age > 60 * 10**9:
            self.foreign += 1
            return
        self.received += 1
        bucket = age // BUCKET_NS
        self.latency[bucket if bucket < _LAST_BUCKET else _LAST_BUCKET] += 1
        if source != self.source and is_late:
            self.late += 1  # of whoever was shown before
        elif source != self.source:
            if self.source is not None:
                self.switches += 1
            if self.kind == "video" and not begins_keyframe(packet):
                self.blind_switches += 1
            self._give_up()
            self.source, self.expected = source, count + 1
        elif count == self.expected:
            self.expected = count + 1
        elif count > self.expected:
            self._missing.update(range(self.expected, count))
            self.expected = count + 1
            if len(self._missing) > _MISSING_LIMIT:
                self._give_up()
        else:
            self.late += 1
            self._missing.discard(count)

    def _give_up(self) -> None:
        self._given_up += len(self._missing)
        self._missing.clear()

    def heard_report(self, at: int, now: float) -> None:
        """A sender report with NTP timestamp `at` arrived."""
        self._last_report = (at >> 16 & 0xFFFFFFFF, now)

    def report(self, now: float) -> Report | None:
        """The block for a receiver report, for what came since the last one; None before the first packet."""
        if self.sequence < 0:
            return None
        expected, gaps = self.sequence - self._base + 1, max(0, self.gaps)
        span, missed = expected - self._reported[0], max(0, gaps - self._reported[1])
        self._reported = (expected, gaps)
        last, heard = self._last_report
        return Report(
            ssrc=self.ssrc,
            fraction=min(255, 256 * missed // span) if span else 0,
            lost=gaps,
            highest=self.sequence & 0xFFFFFFFF,
            jitter=0,
            last=last,
            delay=int((now - heard) * 65536) if last else 0,
        )


class Whim:
    """Which packets to ask for again although they arrived, so that a relay's repair path is under load too. Seeded."""

    def __init__(self, seed: int, rate: float) -> None:
        if not 0.0 <= rate <= 1.0:
            raise ValueError(f"A rate is between 0 and 1, not {rate}")
        self._random, self._rate = Random(seed), rate
        self._left = self._draw()

    def _draw(self) -> int:
        return max(1, round(self._random.expovariate(self._rate))) if self._rate else 0

    def strikes(self) -> bool:
        """Whether this packet is one of them."""
        if not self._left:
            return False
        self._left -= 1
        if self._left:
            return False
        self._left = self._draw()
        return True
