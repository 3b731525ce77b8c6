"""Redundant audio (RFC 2198): a packet that carries, before its own block, those of the packets just before it.

Pure. Blocks are told apart, taken out and put together, never decoded. A sender's blocks are those of consecutive
packets (Chromium: one before, the last 20 ms again), which is what makes a lost packet of them whole again.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

MAX_BLOCKS = 9  # earlier ones; Chromium's most
MAX_OFFSET = 1 << 14  # timestamp units, exclusive
MAX_LENGTH = 1 << 10  # bytes, exclusive

_BLOCK = Struct("!I")  # a bit that says another header follows, 7 of payload type, 14 of offset, 10 of length


class Block(NamedTuple):
    """One earlier packet's payload; `offset` is how many timestamp units before."""

    offset: int
    data: bytes


class Redundant(NamedTuple):
    """A RED payload taken apart: the packet's own block, and the earlier ones, oldest first."""

    primary: bytes
    earlier: tuple[Block, ...]


def parse(payload: bytes, codec: int) -> Redundant | None:
    """Take a RED payload apart (RFC 2198 §3). `None` where it is broken or holds anything else than `codec`."""
    size, position = len(payload), 0
    headers: list[tuple[int, int]] = []
    while position < size and payload[position] & 0x80:
        if position + 4 > size or len(headers) == MAX_BLOCKS:
            return None
        (header,) = _BLOCK.unpack_from(payload, position)
        if header >> 24 & 0x7F != codec:
            return None
        headers.append((header >> 10 & 0x3FFF, header & 0x3FF))
        position += 4
    if position >= size or payload[position] != codec:
        return None
    position += 1
    earlier = []
    for offset, length in headers:
        earlier.append(Block(offset, payload[position : position + length]))
        position += length
    return Redundant(payload[position:], tuple(earlier)) if position <= size else None


def build(primary: bytes, earlier: Block | None, codec: int) -> bytes:
    """A RED payload of `primary` and, if it fits the header's fields, one earlier block (RFC 2198 §3)."""
    if earlier is None or not 0 < earlier.offset < MAX_OFFSET or not 0 < len(earlier.data) < MAX_LENGTH:
        return bytes([codec]) + primary
    header = (0x80 | codec) << 24 | earlier.offset << 10 | len(earlier.data)
    return _BLOCK.pack(header) + bytes([codec]) + earlier.data + primary
