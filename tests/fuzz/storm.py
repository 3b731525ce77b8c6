"""A live call of three while mutated packets come from everywhere: one participant's own address, with her keys and
without, and strangers'. The other two are to notice nothing (hazards H11, H12, H13, H15)."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from random import Random

from bench import rtcp
from bench.participant import Participant
from bench.peer import SrtpError
from calls.relay.terms import Answer
from tests.calls.relay.house import CALL, FIRST_VIDEO, House, entrant, make_check, sees
from tests.fuzz.mutation import mutate
from tests.fuzz.targets import TARGETS, unframe

PROVEN_EACH = 12  # of so many packets one is encrypted: more of them would be over her budget


@dataclass(frozen=True, slots=True)
class Told:
    """`before`, `during`: packets of the other's camera a second. `lost`: of them, in all. `errors`: packets that made
    the relay raise. `rejoins`: how often the hostile one was put out and came back."""

    sent: int
    seconds: float
    before: float
    during: float
    lost: int
    errors: int
    rejoins: int
    dropped: dict[str, int]


class Eve:
    """The hostile participant: she comes back when she is put out."""

    def __init__(self, house: House, random: Random) -> None:
        self._house, self._random = house, random
        self._connection = 0
        self.person: Participant

    async def enter(self) -> None:
        self._connection += 1
        self.person = person = self._house.person("eve")
        outcome = self._house.node.join(CALL, entrant("eve", self._connection), await person.offer())
        assert isinstance(outcome, Answer)
        await person.answer(outcome.sdp)
        await person.connected(5)
        self._media = [*person.microphone.tick(0), *person.camera.tick(0), *person.screen.tick(0)]
        self._reports = [
            rtcp.picture_loss(person.ssrc, person.stats.slots[FIRST_VIDEO].ssrc),
            rtcp.nack(person.ssrc, person.stats.slots[FIRST_VIDEO].ssrc, list(range(20))),
            rtcp.sender_report(person.camera.ssrc, 1, 1, 1, 1),
            rtcp.remb(person.ssrc, 100_000, [person.camera.ssrc]),
        ]

    @property
    def returns(self) -> int:
        return self._connection - 1

    def send_proven(self) -> None:
        """Encrypted after the damage: it reaches every parser."""
        if self._random.random() < 0.7:
            packet = mutate(self._random, self._random.choice(self._media))[:300]
            if len(packet) >= 12:
                self.person.peer.send_rtp(bytes([packet[0] & 0x3F | 0x80]) + packet[1:])
        else:
            self.person.peer.send_rtcp(mutate(self._random, self._random.choice(self._reports)).ljust(8, b"\0")[:1000])


async def storm(*, packets: int, each_second: int, seed: int = 1) -> Told:
    """Send so many, at that rate as far as this machine keeps it up."""
    random = Random(seed)
    async with House() as house:
        nina, _ = [await house.join(house.person(name)) for name in ("nina", "ann")]
        eve = Eve(house, random)
        await eve.enter()
        await house.until(lambda: sees(nina, "ann"))
        before = await _rate(nina, 1.0)
        slot = nina.stats.slots[FIRST_VIDEO]
        received, began, sent = slot.received, time.monotonic(), 0
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as stranger:
            stranger.connect(("127.0.0.1", house.node.addresses[0].port))
            stranger.setblocking(False)
            ways = _ways(random, eve, stranger)
            while sent < packets:
                for _ in range(max(1, each_second // 100)):
                    _send(eve.send_proven if sent % PROVEN_EACH == 0 else random.choice(ways))
                    sent += 1
                if not eve.person.peer.is_connected:
                    await eve.enter()
                await asyncio.sleep(max(0.0, began + sent / each_second - time.monotonic()))
        seconds = time.monotonic() - began
        during = (slot.received - received) / seconds
        await asyncio.sleep(0.2)
        dropped = house.node.snapshot().dropped
        return Told(sent, seconds, before, during, slot.lost, dropped.get("error", 0), eve.returns, dropped)


async def _rate(viewer: Participant, seconds: float) -> float:
    slot = viewer.stats.slots[FIRST_VIDEO]
    before, began = slot.received, time.monotonic()
    await asyncio.sleep(seconds)
    return (slot.received - before) / (time.monotonic() - began)


def _send(send: Callable[[], None]) -> None:
    try:
        send()
    except (OSError, ValueError, SrtpError):  # our own socket is full; nothing libsrtp would encrypt
        return


def _ways(random: Random, eve: Eve, stranger: socket.socket) -> list[Callable[[], None]]:
    """Unproven packets: checks with her name, DTLS of any stage, what looks like media."""
    flight = [each for seed in TARGETS["dtls"].seeds for each in unframe(seed)]
    media = [each for seed in TARGETS["leg"].seeds for each in unframe(seed)]

    def check() -> bytes:
        assert eve.person.peer._remote is not None
        return mutate(random, make_check(eve.person.peer._remote))

    def anything() -> bytes:
        return mutate(random, random.choice(random.choice((flight, media))))

    return [
        lambda: eve.person.peer.send_raw(check()),
        lambda: eve.person.peer.send_raw(anything()),
        lambda: _send(lambda: stranger.send(check()) and None),
        lambda: _send(lambda: stranger.send(anything()) and None),
    ]
