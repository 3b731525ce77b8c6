"""Loss repair (RFC 4585 §6.2.1): what is missing and when to ask for it, what was sent and may be sent again.

Pure, monotonic `now` in seconds passed in. Packets go by their unwrapped index.
"""

from __future__ import annotations

from .rtp import Packet

FIRST_ASK = 0.03  # seconds a gap may close by itself (reordering)
ASK_AGAIN = 0.04  # at least; or the round trip
ASKS = 10
TOO_MANY = 200  # missing: a keyframe is cheaper
RING = 512  # packets kept, a power of two
KEEP = 1.0  # seconds
RESENDS = 5


class Missing:
    """The gaps of one received stream."""

    __slots__ = ("_asked", "_highest")

    def __init__(self) -> None:
        self._highest: int | None = None
        self._asked: dict[int, tuple[float, int]] = {}  # index: when to ask next, times asked

    def __bool__(self) -> bool:
        return bool(self._asked)

    def arrived(self, index: int, now: float) -> bool:
        """Count a packet in. False when too much is missing to be repaired: all is forgotten, ask for a keyframe."""
        highest = self._highest
        if highest is None or index == highest + 1:
            self._highest = index
        elif index < highest:
            self._asked.pop(index, None)
        elif index > highest:
            self._highest = index
            if index - highest - 1 + len(self._asked) > TOO_MANY:
                self._asked.clear()
                return False
            self._asked.update((gone, (now + FIRST_ASK, 0)) for gone in range(highest + 1, index))
        return True

    def due(self, now: float, round_trip: float) -> list[int]:
        """The indices to ask for now, in order; each at most `ASKS` times."""
        due = [index for index, (at, _) in self._asked.items() if at <= now]
        for index in due:
            times = self._asked[index][1] + 1
            if times >= ASKS:
                del self._asked[index]
            else:
                self._asked[index] = (now + max(ASK_AGAIN, round_trip), times)
        return due

    def clear(self) -> None:
        self._asked.clear()


class Ring:
    """The last second of one received stream, shared by all its slots."""

    __slots__ = ("_packets",)

    def __init__(self) -> None:
        self._packets: list[tuple[float, Packet] | None] = [None] * RING

    def keep(self, packet: Packet, now: float) -> None:
        self._packets[packet.index & (RING - 1)] = (now, packet)

    def find(self, index: int, now: float) -> Packet | None:
        kept = self._packets[index & (RING - 1)]
        if kept is None or kept[1].index != index or now - kept[0] > KEEP:
            return None
        return kept[1]


class Resent:
    """How often one slot was asked for a packet again: a subscriber's NACKs cannot multiply traffic without bound."""

    __slots__ = ("_given",)

    def __init__(self) -> None:
        self._given: dict[int, tuple[float, int]] = {}

    def may(self, index: int, now: float, round_trip: float) -> bool:
        at, times = self._given.get(index, (0.0, 0))
        if times and (times >= RESENDS or now - at < max(ASK_AGAIN, round_trip)):
            return False
        if len(self._given) >= RING:
            self._given = {kept: given for kept, given in self._given.items() if now - given[0] <= KEEP}
            if len(self._given) >= RING:
                return False
        self._given[index] = (now, times + 1)
        return True

    def clear(self) -> None:
        self._given.clear()
