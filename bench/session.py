"""What the load generator asks of every kind of server: fill calls with people who send, receive and count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.canned import Source
from bench.participant import Stream


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


class Entrance:
    """One way into one kind of server."""

    def __init__(self, load: Load) -> None:
        self.load = load

    async def open(self, call: int) -> list[Attendee]:
        """A call with everybody in it, connected and silent. Raises ConnectionError or TimeoutError."""
        raise NotImplementedError

    async def close(self) -> None:
        """Let go of what `open` left open."""
