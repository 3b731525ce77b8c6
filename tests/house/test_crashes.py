"""kill -9 of each process, with people waiting and in calls (hazard H24), on the real house.

As `make run` serves it there is one process; with DATABASE_URL and REDIS_URL, web, relay and worker are killed in turn.
"""

from __future__ import annotations

import asyncio
import base64
from contextlib import AsyncExitStack
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from tests.e2e.house import House, Room
from tests.house.visitor import Visitor

pytestmark = pytest.mark.media
LISTED_WITHIN = 60.0  # seconds
LOOKED_EACH = 0.2


async def listed(ada: Visitor, room: Room, *names: str) -> None:
    """Return once Participants names these people and nobody else."""
    token = urlsplit(room.link).path.strip("/").rpartition("/")[2]
    room_id = UUID(bytes=base64.urlsafe_b64decode(token + "==")[:16])
    found: list[str] = []
    try:
        async with asyncio.timeout(LISTED_WITHIN):
            while sorted(found) != sorted(names):
                await asyncio.sleep(LOOKED_EACH)
                found = await ada.list_of(str(room_id))
    except TimeoutError:
        pytest.fail(f"{found} are listed instead of {names}")


@pytest.mark.long
async def test_whoever_is_listed_after_a_crash_is_there(house: House, doors: AsyncExitStack) -> None:
    room = house.room()
    ada = Visitor("Ada", house.url, session=room.administrator)
    guests = [Visitor(name, house.url) for name in ("Bo", "Cleo", "Dan", "Eve")]
    for each in (ada, *guests):
        doors.push_async_callback(each.close)
    bo, cleo, dan, eve = guests
    for each in (ada, bo, cleo, dan):
        await each.joins(room.link)
        await each.reads("answer")
    await eve.joins(room.link)
    await eve.reads("full")
    await listed(ada, room, "Ada", "Bo", "Cleo", "Dan")

    crashed = iter((bo, cleo, None))
    for name in ("relay", "web", "worker"):
        if name in house.processes:
            house.kill(name)
            if tab := next(crashed):
                tab.crashes()
            house.start_again(name)
    # The seat of the first is kept for 20 s (rule C5); then it is the seat of whoever waited.
    await eve.reads("answer", within=LISTED_WITHIN)
    gone = {bo.name, cleo.name} if house.grown_up else {bo.name}
    await listed(ada, room, *({"Ada", "Bo", "Cleo", "Dan", "Eve"} - gone))
