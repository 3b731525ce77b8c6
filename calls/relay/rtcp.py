"""RTCP on bytes: a tolerant walk over compound packets, and builders (RFC 3550 §6, 4585, 5104, REMB draft-03).

Pure. `walk` never raises: it yields what it understands and stops at the first thing that has no sane length.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from struct import Struct

SENDER_REPORT, RECEIVER_REPORT, SOURCE_DESCRIPTION, BYE, TRANSPORT_FEEDBACK, PAYLOAD_FEEDBACK = (
    200,
    201,
    202,
    203,
    205,
    206,
)
NACK, PLI, FIR, APPLICATION = 1, 1, 4, 15

_HEAD = Struct("!BBHI")  # version and count, type, length in words less one, SSRC of the sender
_BLOCK = Struct("!IIIIII")
_SENDER = Struct("!QIII")
_WORD = Struct("!I")
_PAIR = Struct("!HH")


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """What a receiver says of one stream (RFC 3550 §6.4.1). `lsr`, `dlsr`: 1/65536 s; `jitter`: timestamp units."""

    ssrc: int
    fraction_lost: int  # of 256
    lost: int  # cumulative, signed 24 bits
    highest: int
    jitter: int
    lsr: int
    dlsr: int


@dataclass(frozen=True, slots=True)
class SenderReport:
    ssrc: int
    ntp: int  # 64 bits, 32.32 fixed point
    timestamp: int
    blocks: tuple[ReportBlock, ...]


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    ssrc: int
    blocks: tuple[ReportBlock, ...]


@dataclass(frozen=True, slots=True)
class KeyframeRequest:
    """A PLI or a FIR."""

    media_ssrc: int


@dataclass(frozen=True, slots=True)
class Nack:
    media_ssrc: int
    sequences: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Remb:
    bitrate: int  # bits/s
    ssrcs: tuple[int, ...]


Message = SenderReport | ReceiverReport | KeyframeRequest | Nack | Remb


def walk(data: bytes) -> Iterator[Message]:
    """Every message understood in a compound packet, in order; other kinds are stepped over."""
    position, size = 0, len(data)
    while position + 8 <= size:
        first, kind, words, ssrc = _HEAD.unpack_from(data, position)
        end = position + 4 + 4 * words
        if first >> 6 != 2 or end > size or not words:
            return
        body, count = data[position + 8 : end], first & 0x1F
        if kind == SENDER_REPORT and len(body) >= 20:
            ntp, timestamp, _, _ = _SENDER.unpack_from(body)
            yield SenderReport(ssrc, ntp, timestamp, _blocks(body[20:], count))
        elif kind == RECEIVER_REPORT:
            yield ReceiverReport(ssrc, _blocks(body, count))
        elif kind == TRANSPORT_FEEDBACK and count == NACK and len(body) >= 8:
            yield Nack(_WORD.unpack_from(body)[0], tuple(_nacked(body[4:])))
        elif kind == PAYLOAD_FEEDBACK and len(body) >= 4:
            if count == PLI:
                yield KeyframeRequest(_WORD.unpack_from(body)[0])
            elif count == FIR:
                for at in range(4, len(body) - 7, 8):
                    yield KeyframeRequest(_WORD.unpack_from(body, at)[0])
            elif count == APPLICATION and body[4:8] == b"REMB" and len(body) >= 12:
                bitrate = (_WORD.unpack_from(body, 8)[0] & 0x3FFFF) << (body[9] >> 2)
                listed = min(body[8], (len(body) - 12) // 4)
                yield Remb(bitrate, tuple(_WORD.unpack_from(body, 12 + 4 * n)[0] for n in range(listed)))
        position = end


def _blocks(body: bytes, count: int) -> tuple[ReportBlock, ...]:
    found = []
    for n in range(min(count, len(body) // 24)):
        ssrc, loss, highest, jitter, lsr, dlsr = _BLOCK.unpack_from(body, 24 * n)
        lost = loss & 0xFFFFFF
        found.append(ReportBlock(ssrc, loss >> 24, lost - (lost >> 23 << 24), highest, jitter, lsr, dlsr))
    return tuple(found)


def _nacked(body: bytes) -> Iterator[int]:
    for at in range(0, len(body) - 3, 4):
        first, mask = _PAIR.unpack_from(body, at)
        yield first
        for bit in range(16):
            if mask >> bit & 1:
                yield (first + bit + 1) & 0xFFFF


def _packet(kind: int, count: int, ssrc: int, body: bytes) -> bytes:
    return _HEAD.pack(0x80 | count, kind, 1 + len(body) // 4, ssrc) + body


def receiver_report(ssrc: int, blocks: Sequence[ReportBlock] = ()) -> bytes:
    """At most 31 blocks."""
    return _packet(RECEIVER_REPORT, len(blocks), ssrc, b"".join(map(_block, blocks)))


def _block(block: ReportBlock) -> bytes:
    lost = max(-0x800000, min(block.lost, 0x7FFFFF)) & 0xFFFFFF
    loss = block.fraction_lost << 24 | lost
    return _BLOCK.pack(block.ssrc, loss, block.highest & 0xFFFFFFFF, block.jitter, block.lsr, block.dlsr)


def sender_report(ssrc: int, ntp: int, timestamp: int, packets: int, octets: int) -> bytes:
    return _packet(SENDER_REPORT, 0, ssrc, _SENDER.pack(ntp, timestamp, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF))


def source_description(names: Mapping[int, str]) -> bytes:
    """SDES with the CNAME of each SSRC (RFC 3550 §6.5), as every compound packet carries. At most 31."""
    chunks = b""
    for ssrc, cname in names.items():
        name = cname.encode()
        item = bytes([1, len(name)]) + name + b"\0"
        chunks += _WORD.pack(ssrc) + item + bytes(-len(item) % 4)
    return _PAIR.pack(0x8000 | len(names) << 8 | SOURCE_DESCRIPTION, len(chunks) // 4) + chunks


def picture_loss(ssrc: int, media_ssrc: int) -> bytes:
    """PLI (RFC 4585 §6.3.1)."""
    return _packet(PAYLOAD_FEEDBACK, PLI, ssrc, _WORD.pack(media_ssrc))


def nack(ssrc: int, media_ssrc: int, sequences: Iterable[int]) -> bytes:
    """Generic NACK (RFC 4585 §6.2.1). `sequences` in the order they were sent."""
    pairs: list[list[int]] = []
    for sequence in sequences:
        behind = (sequence - pairs[-1][0] - 1) & 0xFFFF if pairs else 16
        if behind < 16:
            pairs[-1][1] |= 1 << behind
        else:
            pairs.append([sequence, 0])
    return _packet(
        TRANSPORT_FEEDBACK, NACK, ssrc, _WORD.pack(media_ssrc) + b"".join(_PAIR.pack(*pair) for pair in pairs)
    )


def remb(ssrc: int, bitrate: int, ssrcs: Sequence[int]) -> bytes:
    """draft-alvestrand-rmcat-remb-03 §2.2. `bitrate` in bits/s, at most 255 streams."""
    exponent = max(0, bitrate.bit_length() - 18)
    head = _WORD.pack(len(ssrcs) << 24 | exponent << 18 | bitrate >> exponent)
    return _packet(PAYLOAD_FEEDBACK, APPLICATION, ssrc, bytes(4) + b"REMB" + head + b"".join(map(_WORD.pack, ssrcs)))


def is_rtcp(second_byte: int) -> bool:
    """RFC 5761 §4: which packets on a shared port are RTCP."""
    return 192 <= second_byte <= 223
