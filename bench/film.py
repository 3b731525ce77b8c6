"""Media that a decoder can decode: three seconds of moving picture and of tone, encoded once, sent round and round.

A server that decodes and encodes again keeps no trailer (bench.canned), so frames are counted, not packets.
"""

from __future__ import annotations

import fractions
import functools
import math
from array import array
from dataclasses import dataclass
from random import Random

from aiortc.codecs.opus import OpusEncoder
from aiortc.codecs.vpx import Vp8Encoder
from av import AudioFrame, VideoFrame

from bench.canned import PAYLOAD_AT, Camera, Microphone
from bench.receiver import Slot

_WIDTH, _HEIGHT, _FRAMES, _RATE = 640, 360, 90, 30
_NOISE = 24 * _WIDTH  # of the picture is new in each frame: about 1 Mb/s
_SAMPLES = 960


@functools.cache
def _pictures() -> tuple[tuple[bytes, ...], ...]:
    """VP8 payloads with their descriptors, frame by frame; the first is a keyframe."""
    random, encoder = Random(1), Vp8Encoder()
    encoder.target_bitrate = 1_000_000
    frames = []
    for number in range(_FRAMES):
        frame = VideoFrame(_WIDTH, _HEIGHT, "yuv420p")
        luma, *chroma = frame.planes
        luma.update(random.randbytes(_NOISE) + bytes([96 + number]) * (luma.buffer_size - _NOISE))
        for plane in chroma:
            plane.update(bytes([128]) * plane.buffer_size)
        frame.pts, frame.time_base = number, fractions.Fraction(1, _RATE)
        payloads, _ = encoder.encode(frame, force_keyframe=number == 0)
        frames.append(tuple(payloads))
    return tuple(frames)


@functools.cache
def _tone() -> tuple[bytes, ...]:
    """Opus payloads of 20 ms."""
    encoder, payloads = OpusEncoder(), []
    for number in range(150):
        moments = range(number * _SAMPLES, (number + 1) * _SAMPLES)
        samples = array("h", (int(8000 * math.sin(at / 17)) for at in moments for _ in ("left", "right")))
        frame = AudioFrame(format="s16", layout="stereo", samples=_SAMPLES)
        frame.planes[0].update(samples.tobytes())
        frame.sample_rate, frame.pts, frame.time_base = 48_000, moments.start, fractions.Fraction(1, 48_000)
        payloads += encoder.encode(frame)[0]
    return tuple(payloads)


class FilmCamera(Camera):
    """Begins anew when a keyframe is asked for."""

    _at = 0

    def tick(self, now_ns: int) -> list[bytes]:
        if self.keyframe_wanted:
            self.keyframe_wanted = False
            self._at = 0
        payloads = _pictures()[self._at]
        self._at = (self._at + 1) % _FRAMES
        packets = []
        for left, payload in zip(reversed(range(len(payloads))), payloads, strict=True):
            head = (self._inter[1] if left else self._inter[2])[:PAYLOAD_AT]  # the last one has the marker
            packets.append(self._numbered(head + payload, now_ns))
        self.timestamp = self.timestamp + 3000 & 0xFFFFFFFF
        self.units += 1
        return packets


class FilmMicrophone(Microphone):
    def tick(self, now_ns: int) -> list[bytes]:
        tone = _tone()
        packet = self._numbered(self._template[:PAYLOAD_AT] + tone[self.units % len(tone)], now_ns)
        self.timestamp = self.timestamp + _SAMPLES & 0xFFFFFFFF
        self.units += 1
        return [packet]


@dataclass(slots=True)
class FilmSlot(Slot):
    """`units` are pictures, by the marker on their last packet, and audio packets."""

    units: int = 0

    def _count(self, packet: bytes, now_ns: int, *, is_late: bool) -> None:
        self.received += 1
        self.units += self.kind == "audio" or packet[1] >> 7
