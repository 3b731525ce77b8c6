"""One participant floods (hazard H15): the others see and hear as before, the flood is limited and then put out.

In computed time: what is limited for each quarter of a second is limited alike on a machine that is busy.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from bench import rtcp
from bench.participant import Participant
from calls.relay.budget import FLOODS_FOR, REPAIRS
from calls.relay.terms import GoneReason, ParticipantGone
from tests.calls.relay.house import FIRST_VIDEO, House, in_computed_time, make_check, sees

pytestmark = pytest.mark.media


async def pictures(viewer: Participant, seconds: float) -> float:
    """Packets a second of the camera in the viewer's first remote seat."""
    slot = viewer.stats.slots[FIRST_VIDEO]
    before = slot.received
    await asyncio.sleep(seconds)
    return (slot.received - before) / seconds


@asynccontextmanager
async def flood(send: Callable[[], None], times: int) -> AsyncIterator[None]:
    """Call `send` so often a second, meanwhile."""

    async def run() -> None:
        while True:
            for _ in range(times // 50):
                send()
            await asyncio.sleep(0.02)

    task = asyncio.create_task(run())
    yield
    assert not task.done(), task.exception()
    task.cancel()


@in_computed_time
async def test_who_sends_ten_times_their_rate_is_limited_then_put_out_and_nobody_else_notices(house: House) -> None:
    nina, ann, eve = [await house.join(house.person(name)) for name in ("nina", "ann", "eve")]
    await house.until(lambda: sees(nina, "ann") and sees(nina, "eve", slot="6"))
    steady = await pictures(nina, 1.0)

    def send() -> None:
        for packet in eve.camera.tick(house.nanoseconds()):
            eve.peer.send_rtp(packet)

    loop = asyncio.get_running_loop()
    before, began = nina.stats.slots["6"].received, loop.time()
    async with flood(send, 300):  # pictures a second, of three packets and more
        during = await pictures(nina, 2.0)
        await house.until(lambda: bool(house.told(ParticipantGone)), 2 * FLOODS_FOR)
    seconds = loop.time() - began
    assert during > 0.95 * steady
    assert nina.stats.slots[FIRST_VIDEO].lost == 0
    assert ann.peer.is_connected
    assert FLOODS_FOR <= seconds < FLOODS_FOR + 2
    assert (nina.stats.slots["6"].received - before) / seconds < 700  # packets a second; eve sent 1 100
    (gone,) = house.told(ParticipantGone)
    assert isinstance(gone, ParticipantGone)
    assert (gone.participant_id, gone.reason) == ("eve", GoneReason.REFUSED)
    await eve.gone(1.0)


@in_computed_time
async def test_flood_of_reports_is_limited(house: House) -> None:
    """A NACK of 17 packets is one small message: what it makes the relay send is bounded all the same."""
    nina, ann, eve = [await house.join(house.person(name)) for name in ("nina", "ann", "eve")]
    await house.until(lambda: sees(eve, "nina"))
    slot = eve.stats.slots[FIRST_VIDEO]

    def send() -> None:
        sequences = [(slot.sequence - n) & 0xFFFF for n in range(200)]
        eve.peer.send_rtcp(rtcp.nack(eve.ssrc, slot.ssrc, sequences[::-1]))

    steady = await pictures(nina, 1.0)
    async with flood(send, 500):
        during = await pictures(nina, 1.5)
    assert during > 0.95 * steady
    assert slot.repaired < 2.5 * 4 * REPAIRS
    assert house.node.snapshot().dropped["budget"] > 100
    assert ann.peer.is_connected


@in_computed_time
async def test_flood_of_signed_checks_is_limited(house: House) -> None:
    nina, ann, eve = [await house.join(house.person(name)) for name in ("nina", "ann", "eve")]
    await house.until(lambda: sees(nina, "ann"))
    assert eve.peer._remote is not None
    check = make_check(eve.peer._remote)
    async with flood(lambda: eve.peer.send_raw(check), 3000):
        await asyncio.sleep(1.0)
    assert house.node.snapshot().dropped["stun"] > 1000
    assert nina.stats.slots[FIRST_VIDEO].lost == 0
    assert all(person.peer.is_connected for person in (ann, eve))


@in_computed_time
async def test_noise_in_the_name_of_a_participant_does_not_put_them_out(house: House) -> None:
    """Hazard H12: an address is easily forged. What is not proven is limited, and nobody is closed for it."""
    nina, _, eve = [await house.join(house.person(name)) for name in ("nina", "ann", "eve")]
    await house.until(lambda: sees(nina, "eve", slot="6"))
    async with flood(lambda: eve.peer.send_raw(b"\x80\x60" + bytes(1200)), 4000):
        await asyncio.sleep(FLOODS_FOR + 1)
    assert house.told(ParticipantGone) == []
    assert nina.stats.slots["6"].lost == 0
    assert house.node.snapshot().dropped["ssrc"] > 1000
