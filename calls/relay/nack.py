"""Loss repair (RFC 4585 §6.2.1): what is missing and when to ask for it, what was sent and may be sent again.

Pure, monotonic `now` in seconds passed in. Packets go by their unwrapped index.
"""

from __future__ import annotations

from math import inf

from .rtp import Packet

FIRST_ASK = 0.02  # seconds a gap may close by itself (reordering)
ASK_STEP = 0.01  # between two looks at what is due
ASK_AGAIN = 0.04  # at least; or the round trip
ASKS = 10  # the first alone, then in pairs of one step: a publisher answers the one that comes
TOO_MANY = 200  # missing: a keyframe is cheaper
RING = 512  # packets of video kept, a power of two
AUDIO_RING = 64  # of audio, only to know what is here already
KEEP = 1.0  # seconds
RESENDS = 5
EARLY = 0.75  # of the least round trip: jitter brings requests closer together than they were sent
COPIES = 2  # of what is asked for again: a request or its answer was lost, so the next ones are made surer


class RoundTrip:
    """Seconds to a browser and back, as its reports measure it.

    `usual` is smoothed (RFC 6298 §2): when to ask again. `least` is the shortest lately: what is asked for again
    sooner has not been lost yet.
    """

    __slots__ = ("_is_measured", "least", "usual")

    def __init__(self, assumed: float) -> None:
        self.usual = self.least = assumed
        self._is_measured = False

    def measured(self, seconds: float) -> None:
        if not self._is_measured:
            self._is_measured = True
            self.usual = self.least = seconds
            return
        self.usual += (seconds - self.usual) / 8
        self.least = min(seconds, self.least + (self.usual - self.least) / 16)


class Missing:
    """The gaps of one received stream: `asked` holds them. `given_up` counts those that were asked for in vain."""

    __slots__ = ("_highest", "asked", "given_up")

    def __init__(self) -> None:
        self.given_up = 0
        self._highest: int | None = None
        self.asked: dict[int, tuple[float, int]] = {}  # index: when to ask next, times asked

    def __contains__(self, index: int) -> bool:
        return index in self.asked

    def arrived(self, index: int, now: float) -> bool:
        """Count a packet in. False when too much is missing to be repaired: all is forgotten, ask for a keyframe."""
        highest = self._highest
        if highest is None or index == highest + 1:
            self._highest = index
        elif index < highest:
            self.asked.pop(index, None)
        elif index > highest:
            self._highest = index
            if index - highest - 1 + len(self.asked) > TOO_MANY:
                self.asked.clear()
                return False
            self.asked.update((gone, (now + FIRST_ASK, 0)) for gone in range(highest + 1, index))
        return True

    def due(self, now: float, round_trip: float) -> list[int]:
        """The indices to ask for now, in order; each at most `ASKS` times, then it is given up."""
        due = []
        for index, (at, times) in list(self.asked.items()):
            if at > now:
                continue
            if times < ASKS:
                due.append(index)
                pause = ASK_STEP if times % 2 else max(ASK_AGAIN, round_trip)
                self.asked[index] = (now + pause, times + 1)
            else:
                del self.asked[index]
                self.given_up += 1
        return due

    def clear(self) -> None:
        """The stream begins anew."""
        self._highest = None
        self.asked.clear()


class Ring:
    """The last packets of one received stream, shared by all its slots. `size` is a power of two."""

    __slots__ = ("_mask", "_packets", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self._mask = size - 1
        self._packets: list[Packet | None] = [None] * size

    def keep(self, packet: Packet, now: float) -> None:
        packet.kept_at = now
        self._packets[packet.index & self._mask] = packet

    def holds(self, index: int) -> bool:
        return self.get(index) is not None

    def find(self, index: int, now: float) -> Packet | None:
        """The packet, if it came in the last second."""
        packet = self.get(index)
        return packet if packet is not None and now - packet.kept_at <= KEEP else None

    def get(self, index: int) -> Packet | None:
        """The packet, however old."""
        packet = self._packets[index & self._mask]
        return packet if packet is not None and packet.index == index else None

    def clear(self) -> None:
        self._packets = [None] * self.size


class Resent:
    """How often one slot was asked for a packet again: a subscriber's NACKs cannot multiply traffic without bound."""

    __slots__ = ("_given", "at")

    def __init__(self) -> None:
        self._given: dict[int, tuple[float, int]] = {}
        self.at = -inf  # when something was sent again

    def copies(self, index: int, now: float, round_trip: float) -> int:
        """How many to send now: none as long as the last answer may be under way, or when it is spent."""
        at, times = self._given.get(index, (0.0, 0))
        if times and (times >= RESENDS or now - at < max(ASK_AGAIN, EARLY * round_trip)):
            return 0
        if len(self._given) >= RING:
            self._given = {kept: given for kept, given in self._given.items() if now - given[0] <= KEEP}
            if len(self._given) >= RING:
                return 0
        self._given[index] = (now, times + 1)
        self.at = now
        return COPIES if times else 1

    def is_spent(self, index: int) -> bool:
        """Has it been asked for too often?"""
        return self._given.get(index, (0.0, 0))[1] >= RESENDS

    def clear(self) -> None:
        self._given.clear()
