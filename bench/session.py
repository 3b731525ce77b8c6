"""What the load generator asks of every kind of server: fill calls with people who send, receive and count."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.canned import Source
from bench.participant import Stream
from bench.receiver import Slot


@dataclass(frozen=True, slots=True)
class Load:
    """How much, and where: `address` is the server's own kind of address, `first` the number of the first call."""

    server: str
    address: str
    calls: int
    people: int = 4
    first: int = 0
    seed: int = 0
    nack_rate: float = 0.0
    simulcast: bool = False  # of our own relay's people: Janus is sent the large layer alone


class Attendee:
    """One person of a call: the sources they send and the streams they send and receive on."""

    def __init__(self, streams: Sequence[Stream], sources: Sequence[Source]) -> None:
        self.streams, self.sources = streams, sources

    def start_media(self) -> None:
        """Send on the first stream."""
        for source in self.sources:
            self.streams[0].start(source)

    def stop_media(self) -> None:
        for source in self.sources:
            self.streams[0].stop(source)

    def leave(self) -> None:
        for stream in self.streams:
            stream.silence()
            stream.peer.close()


def unfinished(slots: Iterable[Slot], sent: Mapping[int, int]) -> int:
    """Packets at the end of a source that a slot never saw; `sent` says how many each source sent."""
    return sum(sent[slot.source] - slot.expected for slot in slots if slot.source is not None and slot.source in sent)


class Entrance:
    """One way into one kind of server."""

    def __init__(self, load: Load) -> None:
        self.load = load

    async def open(self, call: int) -> list[Attendee]:
        """A call with everybody in it, connected and silent. Raises ConnectionError or TimeoutError."""
        raise NotImplementedError

    def tally(self, attendees: Sequence[Attendee], *, final: bool) -> tuple[int, int]:
        """Packets that should have come so far, and those of them that did not, by their trailers.

        `final`: also what is missing behind the last that came.
        """
        slots = [slot for attendee in attendees for stream in attendee.streams for slot in stream.stats.slots.values()]
        lost = sum(slot.lost for slot in slots)
        if final:
            sent = {source.source: source.packets for attendee in attendees for source in attendee.sources}
            lost += unfinished(slots, sent)
        return sum(slot.received for slot in slots) + lost, lost

    async def close(self) -> None:
        """Let go of what `open` left open."""
