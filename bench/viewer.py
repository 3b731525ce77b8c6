"""A participant who watches and listens as a browser does: asks for what is missing, again and again, then for a
keyframe; shows pictures in order once they are whole; plays redundant sound.

What counts is what a person would miss: packets of video that never came, the longest time without a new picture,
frames of sound, and whether lips match.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from struct import pack, unpack_from
from typing import NamedTuple

from bench import rtcp
from bench.canned import PAYLOAD_AT, TRAILER, Microphone
from bench.description import CHROMIUM, Dialect
from bench.estimate import Estimate
from bench.network import Network
from bench.participant import Participant
from bench.peer import Clock
from bench.receiver import Slot, begins_keyframe, payload_at

ASK_AFTER = 0.01  # seconds a gap may close by itself
ASKS = 10  # as Chromium
LOOK_EVERY = 0.02  # seconds, as Chromium's NACK timer
ASK_KEYFRAME_EVERY = 0.5  # seconds
PATIENCE = 3.0  # seconds without a picture, then a keyframe is asked for, as Chromium does
CLOCK_RATES = {"audio": 48_000, "video": 90_000}
_STEP = 960  # of the sound's clock, a packet


class RedMicrophone(Microphone):
    """Each packet carries the one before once more (RFC 2198), as Chromium sends where RED is preferred."""

    red = CHROMIUM.red
    opus = CHROMIUM.opus
    _before = b""

    def tick(self, now_ns: int) -> list[bytes]:
        (packet,) = super().tick(now_ns)
        head, opus = packet[:PAYLOAD_AT], packet[PAYLOAD_AT:]
        earlier = pack("!I", (0x80 | self.opus) << 24 | _STEP << 10 | len(self._before)) if self._before else b""
        payload = earlier + bytes([self.opus]) + self._before + opus
        self._before = opus
        return [head[:1] + bytes([self.red]) + head[2:] + payload]


class _Part(NamedTuple):
    """A packet of a picture."""

    begins: bool
    ends: bool
    keyframe: bool  # the first packet of one


@dataclass(slots=True)
class WatchedSlot(Slot):
    """A slot whose gaps are asked for and whose pictures are shown. Times in seconds of the monotonic clock."""

    pictures: int = 0
    longest_stall: float = 0.0  # between two pictures
    shown_at: float = 0.0
    asked: int = 0  # packets asked for, each time counted
    keyframe_wanted: bool = False
    heard: set[int] = field(default_factory=set)  # frames of sound of the source now shown
    twice: int = 0  # packets of video that came though they were here
    first: int = 0  # number of the first packet of the source now shown
    before: int = 0  # packets of sources shown before, up to the keyframe of the next
    last: tuple[int, int] = (0, 0)  # RTP time and moment of sending (ns) of the last packet
    _gaps: dict[int, tuple[float, int]] = field(default_factory=dict)  # when to ask next, times asked
    _parts: dict[int, _Part] = field(default_factory=dict)
    _keyframes: list[int] = field(default_factory=list)  # not shown yet
    _next: int = -1  # the packet the next picture begins with; -1: wait for a keyframe

    def take(self, packet: bytes, now_ns: int) -> int | None:
        before = self.sequence
        sequence = Slot.take(self, packet, now_ns)
        if sequence is None:
            return None
        if self.kind == "video":
            now = now_ns / 1e9
            if before >= 0:
                self._gaps.update((gone, (now + ASK_AFTER, 0)) for gone in range(before + 1, self.sequence))
            self._arrived(self._extended(sequence), packet, payload_at(packet), now)
        self.last = unpack_from("!I", packet, 4)[0], TRAILER.unpack_from(packet, len(packet) - TRAILER.size)[2]
        return sequence

    def take_again(self, packet: bytes, now_ns: int) -> None:
        Slot.take_again(self, packet, now_ns)
        at = payload_at(packet)
        if not packet[0] & 0x20 and len(packet) >= at + 2 + TRAILER.size:
            sequence = self._extended(int.from_bytes(packet[at : at + 2], "big"))
            self._arrived(sequence, packet[:at] + packet[at + 2 :], at, now_ns / 1e9)

    def _extended(self, sequence: int) -> int:
        return self.sequence + ((sequence - self.sequence + 0x8000) & 0xFFFF) - 0x8000

    def _arrived(self, sequence: int, packet: bytes, at: int, now: float) -> None:
        self._gaps.pop(sequence, None)
        if sequence in self._parts:
            self.twice += 1
            return
        begins = bool(packet[at] & 0x10) and not packet[at] & 0x07
        keyframe = begins and begins_keyframe(packet)
        self._parts[sequence] = _Part(begins, bool(packet[1] & 0x80), keyframe)
        if keyframe:
            self._keyframes.append(sequence)
        while end := self._whole(self._next):
            self._show(end, now)
        if (fresh := max(self._keyframes, default=-1)) > self._next and (end := self._whole(fresh)):
            self._show(end, now)  # what is still missing before it will not be shown

    def _whole(self, first: int) -> int:
        """The number after the picture that begins at `first`; 0 while it is not whole."""
        part = self._parts.get(first)
        if part is None or not part.begins:
            return 0
        while not part.ends:
            first += 1
            part = self._parts.get(first)
            if part is None:
                return 0
        return first + 1

    def _show(self, end: int, now: float) -> None:
        if self.pictures:
            self.longest_stall = max(self.longest_stall, now - self.shown_at)
        self.pictures += 1
        self.shown_at = now
        self._next = end
        self._keyframes = [number for number in self._keyframes if number >= end]
        self._gaps = {gone: when for gone, when in self._gaps.items() if gone >= end}
        self.keyframe_wanted = False
        if len(self._parts) > 4096:
            self._parts = {number: part for number, part in self._parts.items() if number >= end - 2048}

    def ask(self, now: float, round_trip: float) -> list[int]:
        """The sequence numbers to ask for now. Sets `keyframe_wanted` when that has been in vain."""
        due = []
        for gone, (at, times) in list(self._gaps.items()):
            if at > now:
                continue
            if times < ASKS:
                due.append(gone & 0xFFFF)
                self._gaps[gone] = (now + max(LOOK_EVERY, round_trip), times + 1)
            else:
                del self._gaps[gone]
                self.keyframe_wanted = True
        if self.sequence >= 0 and now - self.shown_at > PATIENCE:
            self.keyframe_wanted = True
        self.asked += len(due)
        return due

    def _count(self, packet: bytes, now_ns: int, *, is_late: bool) -> None:
        source, count, _ = TRAILER.unpack_from(packet, len(packet) - TRAILER.size)
        if source != self.source and not is_late:
            self.before += self.expected - self.first - len(self._missing)
            self._missing.clear()
            self.first = count
            self.heard.clear()
        Slot._count(self, packet, now_ns, is_late=is_late)
        if self.kind == "audio" and source == self.source:
            self.heard.add(count)
            self._hear_earlier(packet)

    def _hear_earlier(self, packet: bytes) -> None:
        at = payload_at(packet)
        if packet[1] & 0x7F == CHROMIUM.red and packet[at] & 0x80:
            length = unpack_from("!H", packet, at + 2)[0] & 0x3FF
            source, count, _ = TRAILER.unpack_from(packet, at + 5 + length - TRAILER.size)
            if source == self.source:
                self.heard.add(count)

    def missing_before(self, bound: int) -> int:
        """Packets of the source now shown, before its number `bound`, that never came."""
        return sum(count < bound for count in self._missing)


class Viewer(Participant):
    """A `Participant` who repairs. Its microphone sends RED in Chromium's dialect."""

    slot_type = WatchedSlot

    def __init__(
        self,
        name: str,
        *,
        seed: int = 0,
        dialect: Dialect = CHROMIUM,
        uplink: Network | None = None,
        downlink: Network | None = None,
        simulcast: bool = False,
        estimate: Estimate | None = None,
        clock: Clock = time.monotonic_ns,
    ) -> None:
        super().__init__(
            name,
            seed=seed,
            dialect=dialect,
            uplink=uplink,
            downlink=downlink,
            simulcast=simulcast,
            estimate=estimate,
            clock=clock,
        )
        if dialect.red:
            plain = self.microphone
            self.microphone = RedMicrophone(
                plain.mid, plain.ssrc, plain.source, dialect, sequence=plain.sequence, timestamp=plain.timestamp
            )
        self.keyframes_asked = 0
        self._keyframe_asked_at: dict[str, float] = {}

    @property
    def watched(self) -> dict[str, WatchedSlot]:
        """By mid, those that show somebody."""
        return {
            mid: slot
            for mid, slot in self.stats.slots.items()
            if isinstance(slot, WatchedSlot) and slot.source is not None
        }

    def start_reports(self) -> None:
        super().start_reports()
        if "repair" not in self._timers:
            self._repair()

    def _repair(self) -> None:
        now = self._clock() / 1e9
        for mid, slot in self.watched.items():
            if slot.kind != "video":
                continue
            if due := slot.ask(now, self.round_trip):
                self.peer.send_rtcp(rtcp.nack(self.ssrc, slot.ssrc, due))
            if slot.keyframe_wanted and now - self._keyframe_asked_at.get(mid, 0.0) > ASK_KEYFRAME_EVERY:
                self._keyframe_asked_at[mid] = now
                self.keyframes_asked += 1
                self.ask_keyframe(mid)
        self._timers["repair"] = self._loop.call_later(LOOK_EVERY, self._repair)

    def lips_apart(self, audio: str, video: str) -> float | None:
        """By how many seconds, by the last sender reports, the sound shown at the mid `audio` was captured earlier or
        later than the picture at `video` that was sent at the same moment; None before both have reported."""
        offsets = []
        for mid in (audio, video):
            slot, report = self.watched.get(mid), self.stats.sender_reports.get(mid)
            if slot is None or report is None:
                return None
            timestamp, sent_ns = slot.last
            ahead = ((timestamp - report[1] + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
            offsets.append(report[0] / (1 << 32) + ahead / CLOCK_RATES[slot.kind] - sent_ns / 1e9)
        return offsets[0] - offsets[1]
