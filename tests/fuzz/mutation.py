"""Damage to bytes, drawn from a seeded generator: what a fuzzer does to something that was whole. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

_TELLING = (0x00, 0x01, 0x7F, 0x80, 0xBE, 0xDE, 0xFE, 0xFF)  # lengths, signs and markers go wrong at these


def _flip(random: Random, data: bytearray) -> None:
    data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def _set(random: Random, data: bytearray) -> None:
    data[random.randrange(len(data))] = random.choice(_TELLING)


def _scramble(random: Random, data: bytearray) -> None:
    start = random.randrange(len(data))
    data[start : start + 4] = random.randbytes(len(data[start : start + 4]))


def _cut(random: Random, data: bytearray) -> None:
    start = random.randrange(len(data))
    del data[start : start + 1 + random.randrange(16)]


def _truncate(random: Random, data: bytearray) -> None:
    del data[random.randrange(len(data)) :]


def _repeat(random: Random, data: bytearray) -> None:
    start = random.randrange(len(data))
    data[start:start] = data[start : start + 1 + random.randrange(32)]


def _insert(random: Random, data: bytearray) -> None:
    start = random.randrange(len(data) + 1)
    data[start:start] = random.randbytes(1 + random.randrange(8))


_DAMAGE: Sequence[Callable[[Random, bytearray], None]] = (
    _flip, _flip, _set, _set, _scramble, _cut, _truncate, _repeat, _insert,
)  # fmt: skip


def mutate(random: Random, data: bytes) -> bytes:
    """`data` with one to six kinds of damage; the first bytes, which say what it is, are mostly spared."""
    head = min(len(data), 2) if random.random() < 0.7 else 0
    damaged = bytearray(data[head:])
    for _ in range(random.randint(1, 6)):
        if not damaged:
            break
        random.choice(_DAMAGE)(random, damaged)
    return data[:head] + bytes(damaged)


def splice(random: Random, one: bytes, other: bytes) -> bytes:
    """The beginning of one and the end of another."""
    return one[: random.randint(0, len(one))] + other[random.randint(0, len(other)) :]
