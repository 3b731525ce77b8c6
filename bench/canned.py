"""Canned media: packets built once and patched, so that a sender costs little more than its encryption.

Every payload ends in a trailer that a relay forwards untouched: who sent it, its number among that source's packets,
and when it was sent, on the clock that all processes of a machine share (CLOCK_MONOTONIC). Receivers count end-to-end
loss, order and latency from it, whatever the relay makes of sequence numbers and timestamps.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import cycle
from struct import Struct

from bench.description import Dialect

TRAILER = Struct("!IIQ")  # source, count, sent at (nanoseconds)

_HEADER = Struct("!BBHII")
_RUNNING = Struct("!HI")  # sequence number and timestamp, at byte 2
_ABS_SEND_TIME_AT = 17
_RID_AT = 22  # its element, behind abs-send-time and the MID
PAYLOAD_AT = 24  # 12 of header, 4 and 8 of extensions
_PICTURE = Struct("!HB")  # PictureID and TL0PICIDX, at byte 2 of the VP8 descriptor
OPUS_BYTES = 160  # with header; about 48 kb/s
SPEECH_BYTES = 108  # the same of 32 kb/s, a browser's choice for speech
_HISTORY = 512


@dataclass(frozen=True, slots=True)
class Layer:
    """How a picture is cut into packets of `size` bytes: how many a frame, in turn, and how many a keyframe."""

    rid: str
    size: int
    frames: tuple[int, ...]
    keyframe: int


PLAIN = Layer("", 1200, (3, 3, 4), 8)  # about 1 Mb/s
LAYERS = (Layer("l", 420, (1,), 3), replace(PLAIN, rid="h"))  # simulcast: about 100 kb/s and 1 Mb/s


def _extensions(dialect: Dialect, mid: str, level: int | None, rid: str = "") -> bytes:
    """One-byte header extensions (RFC 8285 §4.2), padded to two words; abs-send-time first, to be patched in place."""
    elements = bytes([dialect.abs_send_time << 4 | 2, 0, 0, 0, dialect.mid << 4]) + mid.encode()
    if rid:
        elements += bytes([dialect.rtp_stream_id << 4]) + rid.encode()
    if level is not None:
        elements += bytes([dialect.audio_level << 4, 0x80 | level])  # RFC 6464: voice, then -dBov
    return b"\xbe\xde\x00\x02" + elements.ljust(8, b"\0")


def _template(payload_type: int, ssrc: int, extensions: bytes, payload: bytes, size: int) -> bytearray:
    packet = _HEADER.pack(0x90, payload_type, 0, 0, ssrc) + extensions + payload
    return bytearray(packet.ljust(size, b"\x5a"))


class Source:
    """One SSRC: running numbers, counters for its sender reports, and the packets to send again when asked."""

    clock_rate: int
    interval: float  # seconds between ticks
    rid = ""

    def __init__(self, mid: str, ssrc: int, rtx: int | None, source: int, sequence: int, timestamp: int) -> None:
        self.mid, self.ssrc, self.rtx, self.source = mid, ssrc, rtx, source
        self.sequence, self.timestamp = sequence, timestamp
        self.packets = self.octets = 0
        self.units = 0  # ticks: pictures, or packets of sound
        self.ticked_ns = 0  # when the last one was
        self.history: OrderedDict[int, bytes] = OrderedDict()

    def tick(self, now_ns: int) -> list[bytes]:
        """The packets due now, to be encrypted and sent."""
        raise NotImplementedError

    def timestamp_at(self, now_ns: int) -> int:
        """The RTP time of a moment, as a sender report tells it (RFC 3550 §6.4.1)."""
        ahead = (now_ns - self.ticked_ns) / 1e9 - self.interval
        return self.timestamp + round(ahead * self.clock_rate) & 0xFFFFFFFF

    def _stamped(self, template: bytearray, now_ns: int) -> bytes:
        TRAILER.pack_into(template, len(template) - TRAILER.size, self.source, self.packets & 0xFFFFFFFF, now_ns)
        return self._numbered(template, now_ns)

    def _numbered(self, template: bytearray, now_ns: int) -> bytes:
        _RUNNING.pack_into(template, 2, self.sequence, self.timestamp)
        # 24 bits of 6.18 fixed-point seconds (the webrtc.org abs-send-time experiment)
        template[_ABS_SEND_TIME_AT : _ABS_SEND_TIME_AT + 3] = ((now_ns << 18) // 10**9 & 0xFFFFFF).to_bytes(3, "big")
        self.sequence = self.sequence + 1 & 0xFFFF
        self.packets += 1
        self.octets += len(template) - PAYLOAD_AT
        return bytes(template)


class Microphone(Source):
    """Opus, one packet each 20 ms (RFC 7587)."""

    clock_rate = 48_000
    interval = 0.02

    def __init__(
        self,
        mid: str,
        ssrc: int,
        source: int,
        dialect: Dialect,
        *,
        sequence: int,
        timestamp: int,
        level: int = 30,
        size: int = OPUS_BYTES,
    ) -> None:
        super().__init__(mid, ssrc, None, source, sequence, timestamp)
        extensions = _extensions(dialect, mid, level)
        # TOC byte 0xFC: CELT, full band, 20 ms, stereo, one frame (RFC 6716 §3.1)
        self._template = _template(dialect.opus, ssrc, extensions, b"\xfc", size)

    def tick(self, now_ns: int) -> list[bytes]:
        packet = self._stamped(self._template, now_ns)
        self.units += 1
        self.timestamp = self.timestamp + 960 & 0xFFFFFFFF
        return [packet]


class Camera(Source):
    """VP8 (RFC 7741), 30 frames a second, in packets as its layer says; a keyframe at the start and when asked."""

    clock_rate = 90_000
    interval = 1 / 30

    def __init__(
        self,
        mid: str,
        ssrc: int,
        rtx: int,
        source: int,
        dialect: Dialect,
        *,
        sequence: int,
        timestamp: int,
        layer: Layer = PLAIN,
    ) -> None:
        super().__init__(mid, ssrc, rtx, source, sequence, timestamp)
        self.rid, self._keyframe_packets = layer.rid, layer.keyframe
        self.keyframe_wanted = True
        self.keyframes = 0
        self.resent_at: dict[int, float] = {}  # by sequence number: seconds
        self._picture = sequence & 0x7FFF
        self._sizes: Iterator[int] = cycle(layer.frames)
        self._rtx_payload_type, self._repaired_rid = dialect.rtx, bytes([dialect.repaired_rtp_stream_id << 4])
        self._rtx_sequence = timestamp & 0xFFFF

        extensions = _extensions(dialect, mid, None, layer.rid)
        # X with I, L and T; S on a frame's first packet; then the payload header: size, show_frame, P unless a key.
        first, rest = bytes([0x90, 0xE0, 0, 0, 0, 0x20]), bytes([0x80, 0xE0, 0, 0, 0, 0x20])
        key = first + b"\x10\x02\x00\x9d\x01\x2a" + (640).to_bytes(2, "little") + (360).to_bytes(2, "little")
        inter = first + b"\x11\x02\x00"

        def templates(start: bytes) -> tuple[bytearray, bytearray, bytearray]:
            marked, is_alone = 0x80 | dialect.vp8, start is inter and max(layer.frames) == 1
            return (
                _template(dialect.vp8, ssrc, extensions, start, layer.size),
                _template(dialect.vp8, ssrc, extensions, rest, layer.size),
                _template(marked, ssrc, extensions, start if is_alone else rest, layer.size),
            )

        self._key, self._inter = templates(key), templates(inter)

    def tick(self, now_ns: int) -> list[bytes]:
        if self.keyframe_wanted:
            self.keyframe_wanted = False
            self.keyframes += 1
            (first, middle, last), size = self._key, self._keyframe_packets
        else:
            (first, middle, last), size = self._inter, next(self._sizes)
        packets = []
        for index in range(size):
            template = last if index == size - 1 else first if index == 0 else middle
            _PICTURE.pack_into(template, PAYLOAD_AT + 2, 0x8000 | self._picture, self._picture & 0xFF)
            sequence = self.sequence
            packets.append(packet := self._stamped(template, now_ns))
            self.history[sequence] = packet
            if len(self.history) > _HISTORY:
                self.resent_at.pop(self.history.popitem(last=False)[0], None)
        self._picture = self._picture + 1 & 0x7FFF
        self.units += 1
        self.timestamp = self.timestamp + 3000 & 0xFFFFFFFF
        return packets

    def again(self, sequence: int) -> bytes | None:
        """The packet of that number as a retransmission (RFC 4588 §4), or None when it is no longer remembered."""
        packet = self.history.get(sequence)
        if packet is None or self.rtx is None:
            return None
        payload_type = packet[1] & 0x80 | self._rtx_payload_type
        header = _HEADER.pack(0x90, payload_type, self._rtx_sequence, int.from_bytes(packet[4:8], "big"), self.rtx)
        self._rtx_sequence = self._rtx_sequence + 1 & 0xFFFF
        extensions = packet[12:PAYLOAD_AT]
        if self.rid:  # RFC 8852 §3.2
            extensions = packet[12:_RID_AT] + self._repaired_rid + packet[_RID_AT + 1 : PAYLOAD_AT]
        return header + extensions + sequence.to_bytes(2, "big") + packet[PAYLOAD_AT:]
