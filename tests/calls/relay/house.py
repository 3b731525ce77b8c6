"""A relay node on loopback and the synthetic people who come to its call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

from aioice import stun

from bench import instant
from bench.description import CHROMIUM, Dialect, Transport
from bench.estimate import Estimate
from bench.network import Network
from bench.participant import Participant, source_id
from calls.relay.node import RelayNode
from calls.relay.terms import Answer, Deadlines, Entrant, Event, Media, Policy, Role, Waiting
from calls.relay.udp import Address

CALL = "call"
MEMBERS = ("nina", "omar", "pia", "rosa")
FIRST_AUDIO, FIRST_VIDEO = "3", "4"
LOOPBACK = [Address("127.0.0.1", "127.0.0.1", 0)]


class House:
    """A node with one open call, and the synthetic people who come to it."""

    def __init__(self, policy: Policy = Policy(), addresses: list[Address] = LOOPBACK) -> None:  # noqa: B008
        self.skipped = 0.0  # seconds the relay's clock is ahead
        self.events: list[Event] = []
        loop = asyncio.get_running_loop()
        self.node = RelayNode(addresses=addresses, events=self.events.append, clock=lambda: loop.time() + self.skipped)
        self.nanoseconds = lambda: round(loop.time() * 1e9)
        self.policy = policy
        self.people: list[Participant] = []

    async def __aenter__(self) -> House:
        await self.node.start()
        self.node.open(CALL, self.policy, Deadlines(), {})
        return self

    async def __aexit__(self, *_: object) -> None:
        for person in self.people:
            await person.close()
        await self.node.stop()

    def person(
        self,
        name: str,
        *,
        dialect: Dialect = CHROMIUM,
        uplink: Network | None = None,
        downlink: Network | None = None,
        fingerprint: str | None = None,
        simulcast: bool = False,
        estimate: Estimate | None = None,
    ) -> Participant:
        person = Participant(
            name,
            seed=len(self.people),
            dialect=dialect,
            uplink=uplink,
            downlink=downlink,
            fingerprint=fingerprint,
            simulcast=simulcast,
            estimate=estimate,
            clock=self.nanoseconds,
        )
        self.people.append(person)
        return person

    async def ask(self, person: Participant, connection: int = 1) -> Answer | Waiting:
        return self.node.join(CALL, entrant(person.name, connection), await person.offer())

    async def join(self, person: Participant, connection: int = 1) -> Participant:
        outcome = await self.ask(person, connection)
        assert isinstance(outcome, Answer)
        await person.answer(outcome.sdp)
        await person.connected(5)
        person.start_media()
        return person

    def told(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, condition: Callable[[], bool], limit: float = 5.0) -> None:
        async with asyncio.timeout(limit):
            while not condition():  # noqa: ASYNC110 - the node tells by plain calls
                await asyncio.sleep(0.01)


def in_computed_time(story: Callable[[House], Coroutine[None, None, None]]) -> Callable[[], None]:
    """A test of a house of its own, whose time is computed (bench.instant): the same on every machine, at any load."""

    async def tell() -> None:
        async with House() as house:
            await story(house)

    def test() -> None:
        instant.run(tell())

    test.__name__, test.__qualname__, test.__doc__ = story.__name__, story.__qualname__, story.__doc__
    test.__module__ = story.__module__
    return test


def entrant(name: str, connection: int = 1) -> Entrant:
    role = Role.MEMBER if name in MEMBERS else Role.GUEST
    return Entrant(name, f"person:{name}", name.title(), role, connection, Media(microphone=True, camera=True))


def sees(person: Participant, other: str, *, slot: str = FIRST_VIDEO) -> bool:
    shown = person.stats.slots[slot]
    return shown.source == source_id(other, "1") and shown.received > 20


def make_check(transport: Transport, *, nominating: bool = True) -> bytes:
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    request.attributes["USERNAME"] = f"{transport.ufrag}:theirs"
    if nominating:
        request.attributes["USE-CANDIDATE"] = None
    request.add_message_integrity(transport.password.encode())
    return bytes(request)
