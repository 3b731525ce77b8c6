"""The relay library alone under the load: no Django, no channel layer, no database (bench.host)."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence

from bench.participant import Participant
from bench.process import ServerProcess
from bench.session import Attendee, Entrance, Load


class Library(ServerProcess):
    """`calls.relay` in a process of its own (bench.host): for profiles, and where there is no Redis."""

    name = "library"

    async def start(self) -> None:
        await self.launch([sys.executable, "-m", "bench.host", self.address])
        await self.reachable()


def participants(load: Load, call: int) -> list[Participant]:
    """The people of one call, before they join."""
    return [
        Participant(f"{call}/{seat}", seed=load.seed, nack_rate=load.nack_rate, simulcast=load.simulcast)
        for seat in range(load.people)
    ]


async def attend(people: Sequence[Participant]) -> list[Attendee]:
    """Once they have their answers. Raises ConnectionError or TimeoutError."""
    for person in people:
        await person.connected(10)
    return [Attendee([person], [person.microphone, *person.layers]) for person in people]


class LibraryEntrance(Entrance):
    """The address is the path of the host's control socket: a line with an offer in, a line with an answer out."""

    def __init__(self, load: Load) -> None:
        super().__init__(load)
        self._one_at_a_time = asyncio.Lock()
        self._control: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def _join(self, call: int, name: str, offer: str) -> str:
        async with self._one_at_a_time:
            if self._control is None:
                self._control = await asyncio.open_unix_connection(self.load.address, limit=1 << 20)
            reader, writer = self._control
            writer.write(json.dumps({"call": str(call), "name": name, "offer": offer}).encode() + b"\n")
            reply = json.loads(await reader.readline())
        if "answer" not in reply:
            raise ConnectionError(f"The relay refused: {reply}")
        return str(reply["answer"])

    async def open(self, call: int) -> list[Attendee]:
        people = participants(self.load, call)
        for person in people:
            await person.answer(await self._join(call, person.name, await person.offer()))
        return await attend(people)

    async def close(self) -> None:
        if self._control is not None:
            self._control[1].close()
