"""Our relay under the load."""

from __future__ import annotations

import asyncio
import json
import sys

from bench.participant import Participant
from bench.process import ServerProcess
from bench.session import Attendee, Entrance, Load


class Anteroom(ServerProcess):
    """The relay in a process of its own (bench.host)."""

    name = "anteroom"

    async def start(self) -> None:
        await self.launch([sys.executable, "-m", "bench.host", self.address])
        await self.reachable()


class AnteroomEntrance(Entrance):
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
        people = [
            Participant(f"{call}/{seat}", seed=self.load.seed, nack_rate=self.load.nack_rate)
            for seat in range(self.load.people)
        ]
        for person in people:
            await person.answer(await self._join(call, person.name, await person.offer()))
        for person in people:
            await person.connected(10)
        return [Attendee([person], [person.microphone, person.camera]) for person in people]

    async def close(self) -> None:
        if self._control is not None:
            self._control[1].close()
