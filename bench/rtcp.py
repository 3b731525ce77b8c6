"""The RTCP a browser sends and reads, apart from `calls.relay.rtcp`: two readings of the RFCs check each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from struct import Struct, pack, unpack_from
from typing import NamedTuple

SR, RR, SDES, BYE, RTPFB, PSFB = 200, 201, 202, 203, 205, 206  # RFC 3550 §12.1, RFC 4585 §6.1
NACK = 1  # RTPFB, RFC 4585 §6.2.1
PLI, FIR, AFB = 1, 4, 15  # PSFB, RFC 4585 §6.3.1, RFC 5104 §4.3.1, REMB (draft-alvestrand-rmcat-remb §2.2)

NTP_EPOCH = 2_208_988_800  # seconds from 1900 to 1970
_REPORT = Struct("!IIIIII")


class Report(NamedTuple):
    """A report block (RFC 3550 §6.4.1). `fraction`: 1/256; `jitter`: RTP units; `last`, `delay`: 1/65536 s."""

    ssrc: int
    fraction: int
    lost: int
    highest: int
    jitter: int
    last: int
    delay: int


class Packet(NamedTuple):
    """One packet of a compound one: its type, the five bits before that, and what follows the header."""

    kind: int
    subtype: int
    body: bytes


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return pack("!BBH", 0x80 | count, kind, len(body) // 4) + body


def _blocks(reports: Sequence[Report]) -> bytes:
    return b"".join(
        _REPORT.pack(
            each.ssrc, each.fraction << 24 | each.lost & 0xFFFFFF, each.highest, each.jitter, each.last, each.delay
        )
        for each in reports
    )


def ntp(unix_seconds: float) -> int:
    """A moment as the 64-bit NTP timestamp of a sender report (RFC 3550 §4)."""
    return int((unix_seconds + NTP_EPOCH) * (1 << 32))


def sender_report(ssrc: int, at: int, timestamp: int, packets: int, octets: int) -> bytes:
    """`at` is an NTP timestamp, `timestamp` the RTP time of the same moment (RFC 3550 §6.4.1)."""
    return _packet(SR, 0, pack("!IQIII", ssrc, at, timestamp, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF))


def receiver_report(ssrc: int, reports: Sequence[Report]) -> bytes:
    """At most 31 reports (RFC 3550 §6.4.2)."""
    return _packet(RR, len(reports), pack("!I", ssrc) + _blocks(reports))


def source_description(ssrc: int, cname: str) -> bytes:
    """One chunk with a CNAME, ended by at least one zero byte (RFC 3550 §6.5)."""
    text = cname.encode()
    chunk = pack("!IBB", ssrc, 1, len(text)) + text + b"\0"
    return _packet(SDES, 1, chunk + bytes(-len(chunk) % 4))


def picture_loss(ssrc: int, media: int) -> bytes:
    """RFC 4585 §6.3.1."""
    return _packet(PSFB, PLI, pack("!II", ssrc, media))


def nack(ssrc: int, media: int, sequences: Sequence[int]) -> bytes:
    """Generic NACK, one entry a sequence number (RFC 4585 §6.2.1)."""
    return _packet(RTPFB, NACK, pack("!II", ssrc, media) + b"".join(pack("!HH", each, 0) for each in sequences))


def remb(ssrc: int, bits_per_second: int, media: Sequence[int]) -> bytes:
    """draft-alvestrand-rmcat-remb-03 §2.2: 6 bits of exponent, 18 of mantissa."""
    exponent = max(0, bits_per_second.bit_length() - 18)
    rate = exponent << 18 | bits_per_second >> exponent
    body = pack("!II4sI", ssrc, 0, b"REMB", len(media) << 24 | rate)
    return _packet(PSFB, AFB, body + b"".join(pack("!I", each) for each in media))


def packets(compound: bytes) -> Iterator[Packet]:
    """The packets of a compound one; stops at the first that is cut short."""
    offset = 0
    while offset + 4 <= len(compound):
        first, kind, words = unpack_from("!BBH", compound, offset)
        end = offset + 4 + 4 * words
        if end > len(compound):
            return
        yield Packet(kind, first & 0x1F, compound[offset + 4 : end])
        offset = end


def nacked(body: bytes) -> Iterator[int]:
    """The sequence numbers a generic NACK asks for."""
    for offset in range(8, len(body) - 3, 4):
        first, mask = unpack_from("!HH", body, offset)
        yield first
        for bit in range(16):
            if mask >> bit & 1:
                yield first + bit + 1 & 0xFFFF


def remb_rate(body: bytes) -> int | None:
    """Bits a second, or None when the application feedback is something else."""
    if len(body) < 16 or body[8:12] != b"REMB":
        return None
    word: int = unpack_from("!I", body, 12)[0] & 0xFFFFFF
    return (word & 0x3FFFF) << (word >> 18)
