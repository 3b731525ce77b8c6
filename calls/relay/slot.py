"""One outgoing stream (`Slot`), whatever source is behind it, and how it goes over to another (`Turn`).

Pure: no socket, no key, monotonic `now` in seconds passed in. A slot's SSRC never changes; when another source is put
behind it, sequence numbers go on, timestamps go on with the clock, and so do VP8's PictureID and TL0PICIDX, so that
the browser sees one stream (RFC 3550 §5.1, RFC 7741 §4.2). Video opens at a keyframe only.
"""

from __future__ import annotations

from collections.abc import Callable
from random import getrandbits
from struct import Struct

from . import rtcp, rtp
from .nack import Resent
from .rtp import Packet
from .source import Send, Source

LATELY = 2.0  # seconds
PADDING = 255  # octets, the most that RTP's one byte of length can say

_U16 = Struct("!H")
_PICTURE = Struct("!HB")
_PADDING = bytes(PADDING - 1) + bytes([PADDING])


class Slot:
    """One outgoing stream of a subscriber's leg. Payload type, ids and SSRCs are that leg's, for its whole life."""

    __slots__ = (
        "_abs_head", "_extension_head", "_first", "_head_size", "_header", "_highest", "_last_at",
        "_last_picture", "_last_sequence", "_last_timestamp", "_last_tl0", "_last_vp8", "_mid_block",
        "_on_open", "_open", "_picture_offset", "_red", "_resent", "_rtx_sequence", "_sequence_offset", "_span",
        "_timestamp_offset", "_tl0_offset", "_told", "_turn", "kind", "octets", "packets", "payload_type",
        "red_payload_type", "repairs", "reports_sent", "rtx_payload_type", "rtx_ssrc", "source", "ssrc",
    )  # fmt: skip

    def __init__(
        self,
        kind: str,
        *,
        ssrc: int,
        payload_type: int,
        rtx_ssrc: int = 0,
        rtx_payload_type: int = 0,
        mid: str = "",
        mid_id: int = 0,
        abs_send_time_id: int = 0,
        red_payload_type: int = 0,
        on_open: Callable[[Slot], None] = lambda slot: None,
    ) -> None:
        """`on_open` is called when a source's first packet is written: its clock is to be told (RFC 3550 §6.4.1)."""
        self.kind = kind
        self.ssrc = ssrc
        self.payload_type = payload_type
        self.rtx_ssrc = rtx_ssrc
        self.rtx_payload_type = rtx_payload_type
        self.red_payload_type = red_payload_type
        self._on_open = on_open
        self._red = 0  # the payload type of redundant audio as it comes, 0: only its primary block is sent
        # The block is always one word of abs-send-time (four bytes of padding where it is not agreed) and the MID.
        self._mid_block = rtp.extension_element(mid_id, mid.encode())
        self._abs_head = (abs_send_time_id << 4 | 2) << 24 if abs_send_time_id else 0
        self._extension_head = rtp.ONE_BYTE << 16 | 1 + len(self._mid_block) // 4
        self._header = Struct(f"!BBHIIII{len(self._mid_block)}s")
        self._head_size = self._header.size
        self.source: Source | None = None
        self.packets = self.repairs = 0
        self.octets = 0
        self.reports_sent: dict[int, float] = {}  # middle 32 bits of NTP: when, the last few
        self._open = False
        self._first = self._highest = 0  # indices of the source: where the slot opened, the highest sent
        self._sequence_offset = self._timestamp_offset = self._picture_offset = self._tl0_offset = 0
        self._last_sequence = getrandbits(15)
        self._last_timestamp = getrandbits(31)
        self._last_at: float | None = None
        self._last_picture = getrandbits(14)
        self._last_tl0 = getrandbits(7)
        self._last_vp8: rtp.Vp8 | None = None  # since the slot last opened
        self._rtx_sequence = getrandbits(15)
        self._resent = Resent()
        self._turn: Turn | None = None
        self._span = 0  # numbers used up before the slot last opened
        self._told: tuple[int, int] | None = None  # the highest number last reported, and the most lost so far

    def show(self, source: Source | None, send: Send, now: float) -> bool:
        """Put `source` behind the slot (`None`: nothing). False when it was there already."""
        self._stay()
        if source is self.source:
            return False
        self._leave()
        self.source = source
        self.restart()
        if source is not None:
            # Its blocks are numbered as the publisher numbers Opus.
            self._red = self.red_payload_type if source.payload_type == self.payload_type else 0
            source.outlets.append((self, send))
            if self.kind == "video":
                source.want_keyframe(now)
        return True

    def turn_to(self, source: Source, send: Send, now: float) -> None:
        """Go over to another layer of the same camera at its next keyframe; the present one is shown until then."""
        if self._turn is not None and self._turn.source is source:
            return
        self._stay()
        if source is self.source:
            return
        self._turn = Turn(self, source)
        source.outlets.append((self._turn, send))
        source.want_keyframe(now)

    def _stay(self) -> None:
        """Give up a turn that was not made yet."""
        if (turn := self._turn) is not None:
            self._turn = None
            turn.source.outlets = [outlet for outlet in turn.source.outlets if outlet[0] is not turn]

    def _leave(self) -> None:
        if self.source is not None:
            self.source.outlets = [outlet for outlet in self.source.outlets if outlet[0] is not self]

    def turned(self, turn: Turn) -> None:
        """The keyframe is here. Lists are replaced, not changed: one of them is being walked."""
        self._turn = None
        self._leave()
        self.source = turn.source
        self.source.outlets = [(self if outlet is turn else outlet, send) for outlet, send in self.source.outlets]
        self.restart()

    def restart(self) -> None:
        """Wait for a place to open at: the next packet, or for video the next keyframe."""
        self._open = False
        self._resent.clear()
        self.reports_sent.clear()

    @property
    def is_open(self) -> bool:
        return self._open

    def write(self, packet: Packet, send_time: int, now: float, out: memoryview) -> int:
        """Build the outgoing copy of `packet` in `out`; its size in bytes, 0 when it is not for this slot."""
        if not self._open and not self._open_at(packet, now):
            return 0
        index = packet.index
        if index < self._first:
            return 0
        timestamp = (packet.timestamp + self._timestamp_offset) & 0xFFFFFFFF
        vp8 = packet.vp8
        if index > self._highest:
            self._highest = index
            self._last_timestamp = timestamp
            self._last_at = now
            if vp8 is not None:
                self._last_vp8 = vp8
        start = self._head_size
        payload_type, payload = self.payload_type, packet.payload
        if packet.primary is not None:
            if self._red:
                payload_type = self._red
            else:
                payload = packet.primary
        size = len(payload)
        end = start + size
        self._header.pack_into(
            out, 0, 0x90, packet.marker | payload_type, (index + self._sequence_offset) & 0xFFFF, timestamp,
            self.ssrc, self._extension_head, self._abs_head and self._abs_head | send_time, self._mid_block,
        )  # fmt: skip
        out[start:end] = payload
        if vp8 is not None:
            _, picture, picture_at, mask, tl0, tl0_at = vp8
            if mask == 0x7FFF and tl0_at == picture_at + 2:  # as browsers send them
                picture = 0x8000 | picture + self._picture_offset & 0x7FFF
                _PICTURE.pack_into(out, start + picture_at, picture, tl0 + self._tl0_offset & 0xFF)
            else:
                self._number_picture(vp8, start, out)
        self.packets += 1
        self.octets += size
        return end

    def _open_at(self, packet: Packet, now: float) -> bool:
        vp8 = packet.vp8
        if self.source is None:
            return False
        if self.kind == "video" and (vp8 is None or not vp8.keyframe):
            self.source.keyframe_wanted = True
            return False
        if self._last_at is not None:
            # 1. Continue the numbers of what was shown before.
            last_index = self._highest + self._sequence_offset
            self._last_sequence = last_index & 0xFFFF
            self._span += self._highest - self._first + 1
            self._told = None  # what was lost last before a pause would only show now
            self._remember_picture()
        elapsed = 0.0 if self._last_at is None else now - self._last_at
        timestamp = self._last_timestamp + max(1, int(elapsed * self.source.clock_rate))
        self._sequence_offset = self._last_sequence + 1 - packet.index
        self._timestamp_offset = timestamp - packet.timestamp
        if vp8 is not None:
            self._picture_offset = self._last_picture + 1 - vp8.picture_id
            self._tl0_offset = self._last_tl0 + 1 - vp8.tl0_index
        self._first, self._highest = packet.index, packet.index - 1
        self._open = True
        self._on_open(self)
        return True

    def _number_picture(self, vp8: rtp.Vp8, start: int, out: memoryview) -> None:
        if vp8.picture_at >= 0:
            picture = (vp8.picture_id + self._picture_offset) & vp8.picture_mask
            if vp8.picture_mask == 0x7F:
                out[start + vp8.picture_at] = picture
            else:
                _U16.pack_into(out, start + vp8.picture_at, 0x8000 | picture)
        if vp8.tl0_at >= 0:
            out[start + vp8.tl0_at] = (vp8.tl0_index + self._tl0_offset) & 0xFF

    def _remember_picture(self) -> None:
        """Where the next source's pictures go on."""
        if (vp8 := self._last_vp8) is None:
            return
        if vp8.picture_at >= 0:
            self._last_picture = vp8.picture_id + self._picture_offset & vp8.picture_mask
        if vp8.tl0_at >= 0:
            self._last_tl0 = vp8.tl0_index + self._tl0_offset & 0xFF
        self._last_vp8 = None

    def asked(self, sequence: int, now: float, round_trip: float) -> tuple[Packet | None, int]:
        """A NACK of `sequence`: what is to be sent again, and how many times. What cannot be repaired any more is given
        up for a keyframe at once: a browser would ask for one after a second or three.

        `round_trip` is the least lately: before that, no answer can have come (seconds).
        """
        source = self.source
        if source is None or not self._open or not self.rtx_payload_type:
            return None, 0
        index = rtp.unwrap(sequence, self._highest + self._sequence_offset) - self._sequence_offset
        if not self._first <= index <= self._highest:
            return None, 0
        packet = source.ring.find(index, now)
        if packet is not None and not self._resent.is_spent(index):
            return packet, self._resent.copies(index, now, round_trip)
        if index > source.keyframe_index and index not in source.missing:
            source.want_keyframe(now)
        return None, 0

    def wants_twice(self, packet: Packet, now: float) -> bool:
        """Is that packet, late as it is, to be sent twice? Where the way to the subscriber lost something lately."""
        is_shown = self._open and packet.index >= self._first
        return is_shown and self.rtx_payload_type > 0 and now - self._resent.at < LATELY

    def resend(self, packet: Packet, send_time: int, now: float, out: memoryview) -> int:
        """Build the answer to a NACK as RFC 4588 §4 says; its size."""
        size = self.write(packet, send_time, now, out)
        self.packets -= 1
        self.repairs += 1
        self.octets -= len(packet.payload)
        start = self._head_size
        sequence = out[2:4].tobytes()
        out[start + 2 : size + 2] = bytes(out[start:size])
        out[start : start + 2] = sequence
        out[1] = packet.marker | self.rtx_payload_type
        self._rtx_sequence = (self._rtx_sequence + 1) & 0xFFFF
        _U16.pack_into(out, 2, self._rtx_sequence)
        out[8:12] = self.rtx_ssrc.to_bytes(4, "big")
        return size + 2

    def pad(self, send_time: int, out: memoryview) -> int:
        """Build a retransmission of nothing but `PADDING` octets of padding (RFC 3550 §5.1); its size."""
        self._rtx_sequence = (self._rtx_sequence + 1) & 0xFFFF
        self._header.pack_into(
            out, 0, 0xB0, self.rtx_payload_type, self._rtx_sequence, self._last_timestamp, self.rtx_ssrc,
            self._extension_head, self._abs_head and self._abs_head | send_time, self._mid_block,
        )  # fmt: skip
        end = self._head_size + PADDING
        out[self._head_size : end] = _PADDING
        return end

    def sender_report(self, now: float) -> bytes | None:
        """The source's clock on this slot's timeline, so that lips match (RFC 3550 §6.4.1). `None`: none is known."""
        if not self._open or self.source is None or (clock := self.source.clock(now)) is None:
            return None
        ntp, timestamp = clock
        while len(self.reports_sent) >= 4:
            del self.reports_sent[next(iter(self.reports_sent))]
        self.reports_sent[ntp >> 16 & 0xFFFFFFFF] = now
        timestamp = (timestamp + self._timestamp_offset) & 0xFFFFFFFF
        return rtcp.sender_report(self.ssrc, ntp, timestamp, self.packets, self.octets)

    def heard(self, block: rtcp.ReportBlock) -> tuple[int, int]:
        """From the subscriber's report on this slot: packets expected since the last one, and those lost on the way to
        it. What was missing upstream already, and never sent, is not counted against the subscriber's link.

        What is sent after all, repaired upstream, may cross a report that still misses it: so loss is what the count
        has not reached before, and no such packet is taken for lost twice."""
        never_sent = self._span + self._highest - self._first + 1 - self.packets
        lost = block.lost - never_sent
        told, self._told = self._told, (block.highest, lost)
        if told is None:
            return 0, 0
        self._told = block.highest, max(lost, told[1])
        expected = block.highest - told[0]
        if not 0 < expected < 0x8000:
            return 0, 0
        return expected, min(max(0, lost - told[1]), expected)

    def round_trip(self, block: rtcp.ReportBlock, now: float) -> float | None:
        """Seconds, from the subscriber's report on this slot (RFC 3550 §6.4.1)."""
        sent_at = self.reports_sent.get(block.lsr)
        return None if sent_at is None else max(0.0, now - sent_at - block.dlsr / 0x10000)


class Turn:
    """Stands among the outlets of the layer that a slot is to go over to, and brings it there at a keyframe."""

    __slots__ = ("slot", "source")

    def __init__(self, slot: Slot, source: Source) -> None:
        self.slot = slot
        self.source = source

    @property
    def is_open(self) -> bool:
        return self.slot.source is self.source and self.slot.is_open

    def show(self, source: Source | None, send: Send, now: float) -> bool:
        return self.slot.show(source, send, now)

    def restart(self) -> None:
        """Nothing to begin anew: a keyframe is waited for as it is."""

    def wants_twice(self, packet: Packet, now: float) -> bool:
        return False

    def resend(self, packet: Packet, send_time: int, now: float, out: memoryview) -> int:
        return self.slot.resend(packet, send_time, now, out)

    def write(self, packet: Packet, send_time: int, now: float, out: memoryview) -> int:
        """As `Slot.write`; 0 before the keyframe."""
        if self.slot.source is not self.source:
            if packet.vp8 is None or not packet.vp8.keyframe:
                self.source.keyframe_wanted = True
                return 0
            self.slot.turned(self)
        return self.slot.write(packet, send_time, now, out)
