"""A thousand joins and leaves through sockets and worker leave nothing behind (the relay's own: relay/test_node.py)."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from collections import Counter
from datetime import timedelta

import pytest
import time_machine
from channels.layers import get_channel_layer
from django.utils import timezone

from calls.models import Attendance, Seat
from tests.calls.conftest import House, eventually, in_database
from tests.calls.factories import make_seat

PEOPLE = 4
WARM = 25  # rounds, before anything is counted: caches fill, modules load
ROUNDS = 250
OBJECTS = 1_000  # of the interpreter's own comings and goings; one kept by each join would be as many


async def come_and_go(house: House, seat: Seat, number: int) -> None:
    """Each second one without a `leave`, as a tab that crashed: its seat is freed by the node."""
    page = await house.first_frame(seat)
    house.pages.remove(page)
    await page.hear("answer")
    house.node.go_live(str(seat.call_id), str(seat.pk))
    await page.hear("roster")
    if number % 2:
        await page.say("leave")
        await page.hear_close()
    await page.lose()
    if not number % 2:
        house.node.leave(str(seat.call_id), str(seat.pk), seat.connection)


def counted() -> Counter[str]:
    gc.collect()
    layer = get_channel_layer()
    # SQLite keeps the files of closed connections for the next ones while another holds a lock (os_unix.c).
    files = [os.path.realpath(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd")]
    return Counter(
        tasks=len(asyncio.all_tasks()),
        threads=threading.active_count(),
        files=sum("sqlite3" not in file for file in files),
        channels=len(getattr(layer, "channels", ())),
        buffers=len(getattr(layer, "receive_buffer", ())),
        groups=sum(len(members) for members in getattr(layer, "groups", {}).values()),
    )


@pytest.mark.long
async def test_a_thousand_joins_and_leaves_leave_nothing_behind(house: House) -> None:
    first = await in_database(make_seat)
    seats = [first, *[await in_database(make_seat, call=first.call) for _ in range(PEOPLE - 1)]]
    before, objects = Counter[str](), 0
    for number in range(WARM + ROUNDS):
        await asyncio.gather(*(come_and_go(house, seat, number) for seat in seats))
        if number + 1 == WARM:
            await house.written()
            before, objects = counted(), len(gc.get_objects())
    await house.written()
    await eventually(lambda: not Attendance.objects.open().exists())
    assert await in_database(Attendance.objects.count) == PEOPLE * (WARM + ROUNDS)
    assert not house.worker._sockets
    # What was on its way to a page that had gone stays for the layer's minute.
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        await get_channel_layer().group_send("nobody", {"type": "nothing"})
    grown = counted() - before
    assert not {what: more for what, more in grown.items() if more > PEOPLE}
    assert len(gc.get_objects()) - objects < OBJECTS
