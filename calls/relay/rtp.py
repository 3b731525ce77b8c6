"""RTP on bytes: read a packet, name its parts, build the fixed part of an outgoing one (RFC 3550, 8285, 7741, 4588).

Pure. Nothing here raises on arbitrary input: what cannot be read is `None`.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"  # RFC 8852 §3.1
REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"  # RFC 8852 §3.2
ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"

ONE_BYTE = 0xBEDE  # RFC 8285 §4.2
TWO_BYTE = 0x1000  # RFC 8285 §4.3, the low four bits are the application's
HALF = 0x8000

HEADER = Struct("!BBHII")  # version and counts, marker and payload type, sequence number, timestamp, SSRC
_EXTENSION_HEADER = Struct("!HH")
_PICTURE = Struct("!HHB")


class Vp8(NamedTuple):
    """A VP8 payload descriptor (RFC 7741 §4.2); offsets count from the payload's start, -1 is "not there"."""

    keyframe: bool  # this packet is the first of a keyframe
    picture_id: int
    picture_at: int
    picture_mask: int  # 0x7F or 0x7FFF, by the width in use
    tl0_index: int
    tl0_at: int


_new_vp8 = tuple.__new__  # a third of the price of `Vp8(…)`, once for each packet of video


class Packet:
    """One received RTP packet, its padding and CSRCs left behind.

    `index` is the sequence number without wrapping, `primary` the packet's own block of redundant audio
    (relay.red), `kept_at` when it was taken in (seconds); all set by the `Source` that took it in.
    """

    __slots__ = (
        "extension", "index", "kept_at", "marker", "payload", "payload_type", "primary", "profile", "sequence",
        "timestamp", "vp8",
    )  # fmt: skip

    def __init__(
        self,
        payload_type: int,
        marker: int,
        sequence: int,
        timestamp: int,
        payload: bytes,
        profile: int,
        extension: bytes,
    ) -> None:
        self.payload_type = payload_type
        self.marker = marker  # 0x80 or 0, as it stands in the second byte
        self.sequence = sequence
        self.timestamp = timestamp
        self.payload = payload
        self.profile = profile
        self.extension = extension
        self.index = sequence
        self.kept_at = 0.0
        self.primary: bytes | None = None
        self.vp8: Vp8 | None = None

    def value(self, identifier: int) -> bytes | None:
        """The header extension element with that id."""
        return find_extension(self.profile, self.extension, identifier) if identifier else None


def parse(data: memoryview | bytes, size: int | None = None) -> Packet | None:
    """RFC 3550 §5.1 and §5.3.1, of `data` or its first `size` bytes."""
    if size is None:
        size = len(data)
    if size < 12:
        return None
    first, second, sequence, timestamp, _ = HEADER.unpack_from(data)
    if first >> 6 != 2:
        return None
    start = 12 + 4 * (first & 0x0F)
    profile, extension = 0, b""
    if first & 0x10:
        if start + 4 > size:
            return None
        profile, words = _EXTENSION_HEADER.unpack_from(data, start)
        body = start + 4
        start = body + 4 * words
        extension = bytes(data[body:start])
    end = size
    if first & 0x20:
        padding = data[size - 1]
        if not padding:
            return None
        end -= padding
    if end < start:
        return None
    return Packet(second & 0x7F, second & 0x80, sequence, timestamp, bytes(data[start:end]), profile, extension)


def find_extension(profile: int, block: bytes, identifier: int) -> bytes | None:
    """The first element `identifier` of a header extension block (RFC 8285)."""
    position, end = 0, len(block)
    if profile == ONE_BYTE:
        while position < end:
            head = block[position]
            if head == 0:
                position += 1
                continue
            if head >> 4 == 15:  # reserved: stop reading (RFC 8285 §4.2)
                return None
            stop = position + 2 + (head & 0x0F)
            if head >> 4 == identifier:
                return block[position + 1 : stop] if stop <= end else None
            position = stop
    elif profile & 0xFFF0 == TWO_BYTE:
        while position + 1 < end:
            if block[position] == 0:
                position += 1
                continue
            stop = position + 2 + block[position + 1]
            if block[position] == identifier:
                return block[position + 2 : stop] if stop <= end else None
            position = stop
    return None


def extension_element(identifier: int, value: bytes) -> bytes:
    """One element in the one-byte form, padded to whole words; empty when the other side does not know it (id 0).

    `identifier` 0 to 14, `value` 1 to 16 bytes.
    """
    if not identifier:
        return b""
    element = bytes([identifier << 4 | len(value) - 1]) + value
    return element + bytes(-len(element) % 4)


def abs_send_time(now: float) -> int:
    """24 bits of seconds in 6.18 fixed point."""
    return int(now * 0x40000) & 0xFFFFFF


def parse_vp8(payload: bytes) -> Vp8 | None:
    """RFC 7741 §4.2 and §4.3."""
    size = len(payload)
    if not size:
        return None
    first = payload[0]
    if size > 6 and first & 0x80 and payload[1] & 0xC0 == 0xC0 and payload[2] & 0x80:
        # What browsers send: a PictureID of two bytes and TL0PICIDX, with or without TID and KEYIDX.
        _, picture_id, tl0_index = _PICTURE.unpack_from(payload)
        position = 6 if payload[1] & 0x30 else 5
        keyframe = first & 0x17 == 0x10 and not payload[position] & 0x01
        return _new_vp8(Vp8, (keyframe, picture_id & 0x7FFF, 2, 0x7FFF, tl0_index, 4))
    position = 1
    picture_id = picture_at = tl0_index = tl0_at = -1
    picture_mask = 0
    if first & 0x80:
        if size < 2:
            return None
        flags = payload[1]
        position = 2
        if flags & 0x80:
            if position >= size:
                return None
            picture_at = position
            if payload[position] & 0x80:
                if position + 1 >= size:
                    return None
                picture_mask = 0x7FFF
                picture_id = (payload[position] & 0x7F) << 8 | payload[position + 1]
                position += 2
            else:
                picture_mask = 0x7F
                picture_id = payload[position]
                position += 1
        if flags & 0x40:
            if position >= size:
                return None
            tl0_at = position
            tl0_index = payload[position]
            position += 1
        if flags & 0x30:
            position += 1
    if position >= size:
        return None
    keyframe = first & 0x17 == 0x10 and not payload[position] & 0x01
    return Vp8(keyframe, picture_id, picture_at, picture_mask, tl0_index, tl0_at)


def unwrap(sequence: int, near: int) -> int:
    """The unwrapped number closest to `near` whose low 16 bits are `sequence`; negative before the first wrap."""
    return near + ((sequence - near + HALF) & 0xFFFF) - HALF
