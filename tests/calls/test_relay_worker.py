from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from channels.layers import get_channel_layer
from channels_redis.core import RedisChannelLayer
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from calls import events, leases, relay_worker, services
from calls.models import Attendance, Call, RelayLease
from calls.relay.terms import EndReason, GoneReason, ParticipantGone, ParticipantLive
from calls.relay_worker import LeaseLost, RelayWorker
from calls.sweep import sweep
from tests.calls.conftest import House, eventually, in_database
from tests.calls.factories import make_lease, make_member_seat, make_seat
from tests.calls.fake_node import FakeNode


@pytest.mark.parametrize("away", [OperationalError, InterfaceError])
async def test_rows_wait_for_a_database_that_is_away_and_keep_their_order(
    house: House, monkeypatch: pytest.MonkeyPatch, away: type[Exception]
) -> None:
    """Hazard H22: the call goes on, and what happened meanwhile is stored when the database is back."""
    seat = await in_database(make_seat)
    page = await house.first_frame(seat)
    await page.hear("answer")
    tries: list[str] = []

    def failing(write: Callable[..., Any]) -> Callable[..., Any]:
        def attempt(**values: Any) -> Any:
            tries.append(write.__name__)
            if len(tries) < 4:
                raise away
            return write(**values)

        return attempt

    monkeypatch.setattr(relay_worker, "RETRIES", (0.0,))
    for name in ("open_attendance", "close_attendance", "store_member_deadline"):
        monkeypatch.setattr(services, name, failing(getattr(services, name)))
    house.node.go_live(str(seat.call_id), str(seat.pk))
    await page.say("chat", text="Still here")
    assert (await page.hear("chat"))["text"] == "Still here"
    house.node.leave(str(seat.call_id), str(seat.pk), 1)
    await house.written()
    assert (await in_database(Attendance.objects.get)).reason == GoneReason.LEFT
    assert tries[:4] == [tries[0]] * 4


async def test_a_row_that_can_never_be_written_does_not_hold_up_the_others(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    seat = await in_database(make_seat)
    await (await house.first_frame(seat)).hear("answer")
    house.worker._store(lambda: 1 / 0)
    await house.go_live(seat)
    assert await in_database(Attendance.objects.open().exists)
    assert "could not be written" in caplog.text


async def test_a_row_that_waits_for_a_lock_does_not_cost_the_node_its_lease(house: House) -> None:
    """Hazard H22: else one locked row ends every call of the node."""
    locked, unlocked = threading.Event(), threading.Event()
    house.worker._store(lambda: locked.set() or unlocked.wait(10))
    try:
        assert await asyncio.to_thread(locked.wait, 5)
        await in_database(RelayLease.objects.update, expires_at="2000-01-01T00:00Z")
        await eventually(RelayLease.objects.live().exists)
    finally:
        unlocked.set()


async def test_a_command_that_makes_no_sense_stops_nothing(house: House) -> None:
    for _ in range(20):  # nor does it hold up those behind it
        await events.send(events.relay_channel(house.worker.id), {"type": "relay.nonsense"})
        await events.send(events.relay_channel(house.worker.id), {"type": "relay.join", "call": 7})
    page = await house.first_frame(await in_database(make_seat))
    await page.hear("answer")


async def test_a_node_declared_dead_closes_its_legs_and_writes_nothing(
    transactional_db: None, fresh_channel_layer: None
) -> None:
    nodes: list[FakeNode] = []

    def make_node(on_event: Any) -> FakeNode:
        nodes.append(FakeNode(on_event))
        return nodes[-1]

    worker = RelayWorker(make_node)
    running = asyncio.create_task(worker.run(asyncio.Event()))
    await eventually(RelayLease.objects.exists)
    await in_database(RelayLease.objects.all().delete)
    with pytest.raises(LeaseLost):
        await asyncio.wait_for(running, 5)
    assert not nodes[0].running


async def test_a_call_of_the_node_that_nobody_has_come_to_can_be_ended(house: House) -> None:
    """Its first join is still on its way, or was lost: the end holds, and the join opens nothing."""
    seat = await in_database(make_seat)
    await in_database(services.assign_node, call=seat.call)
    await in_database(services.end_call, call=seat.call)
    await eventually(Call.objects.filter(ended_at__isnull=False).exists)
    ended = await in_database(Call.objects.get)
    assert ended.end_reason == EndReason.CLOSED
    await in_database(Call.objects.update, ended_at=None, end_reason="")  # as the join that was on its way read it
    late = await house.first_frame(seat)
    assert (await late.hear("error"))["code"] == "no_such_call"


async def test_a_call_whose_first_join_was_lost_is_ended_by_its_node_when_it_is_due(house: House) -> None:
    """Rule C9: nobody is live, nobody comes, and the relay that it was given to has never heard of it."""
    long_ago = timezone.now() - timedelta(seconds=600)
    lost = await in_database(make_seat, pressed_at=long_ago)
    await in_database(services.assign_node, call=lost.call)
    here = await in_database(make_seat, pressed_at=long_ago)  # connecting, as the relay knows: it is not empty
    await (await house.first_frame(here)).hear("answer")
    on_its_way = await in_database(make_seat)  # a Join just pressed
    await in_database(services.assign_node, call=on_its_way.call)
    await in_database(Call.objects.update, opened_at=long_ago)
    assert await in_database(sweep) == 0  # none is the sweep's own to end
    await eventually(Call.objects.filter(ended_at__isnull=False).exists)
    await house.written()
    (ended,) = await in_database(lambda: list(Call.objects.filter(ended_at__isnull=False)))
    assert (ended.pk, ended.end_reason) == (lost.call_id, EndReason.EMPTY)


async def test_a_draining_node_keeps_its_calls_and_leaves_new_ones_to_others(house: House) -> None:
    seat = await in_database(make_seat)
    await house.joined(seat)
    house.worker._draining = True
    here = await house.first_frame(await in_database(make_seat, call=seat.call))
    await here.hear("answer")
    new = await in_database(make_seat)
    there = await house.first_frame(new)
    assert await there.hear_close() == 4503
    await house.written()
    assert (await in_database(Call.objects.get, pk=new.call_id)).node == ""


async def test_what_a_stopping_node_closes_is_nobodys_leaving(house: House) -> None:
    seat = await in_database(make_seat)
    await house.joined(seat)
    house.stop.set()
    await eventually(lambda: not RelayLease.objects.exists())
    assert (await in_database(Attendance.objects.get)).reason == GoneReason.LOST


async def test_the_load_of_a_node_is_in_its_lease(house: House) -> None:
    await house.joined(await in_database(make_seat))
    await eventually(lambda: RelayLease.objects.get().live == 1)


async def test_a_full_channel_is_tried_twice(fresh_channel_layer: None) -> None:
    layer = get_channel_layer()
    if not hasattr(layer, "channels"):
        pytest.skip("Redis keeps its own capacity")
    layer.channel_capacity = layer.compile_capacities({"relay.small": 1})
    await events.send("relay.small", {"type": "first"})
    second = asyncio.create_task(events.send("relay.small", {"type": "second"}))
    await asyncio.sleep(0)
    assert (await layer.receive("relay.small"))["type"] == "first"
    await second
    assert (await layer.receive("relay.small"))["type"] == "second"


def test_an_idle_socket_outlives_the_waits_of_the_channel_layer() -> None:
    """channels_redis issue 422: a command that waits longer than the client does breaks every socket in turn."""
    assert 2 * RedisChannelLayer.brpop_timeout < settings.REDIS_SOCKET_TIMEOUT


async def test_logs_of_a_call_name_nobody(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """Hazard H23: no name, ticket, offer or chat."""
    with caplog.at_level(logging.INFO):
        seat = await in_database(make_member_seat, display_name="Nina Nightingale")
        page = await house.joined(seat)
        await page.say("chat", text="My knee hurts")
        await page.hear("chat")
        await page.say("chat", text=["My knee hurts"])
        await page.hear("error")
        await page.say("end")
        await page.hear("ended")
        await house.written()
    for secret in ("Nightingale", "knee", "an offer", "answer", str(seat.identity)):
        assert secret not in caplog.text


def test_events_of_a_stay_are_about_the_seat(transactional_db: None) -> None:
    """The participant's id is the seat's: the worker needs no table of its own."""
    seat = make_seat()
    worker = RelayWorker(FakeNode)
    Call.objects.update(node=worker.id)
    worker._on_event(ParticipantLive(str(seat.call_id), str(seat.pk), timezone.now().timestamp()))
    worker._on_event(
        ParticipantGone(str(seat.call_id), str(seat.pk), GoneReason.LOST, was_live=True, at=timezone.now().timestamp())
    )
    while not worker._writes.empty():
        worker._writes.get_nowait()()
    assert Attendance.objects.get().seat == seat


@pytest.mark.parametrize("looks", [1, 2])
def test_a_lease_is_lost_at_the_second_look_that_finds_it_expired(transactional_db: None, looks: int) -> None:
    make_lease("quiet", expires_in=-1)
    suspects: frozenset[str] = frozenset()
    for _ in range(looks):
        suspects = leases.look(suspects)
    assert RelayLease.objects.exists() == (looks == 1)


def test_a_node_that_renews_between_two_looks_lives_on(transactional_db: None) -> None:
    """Hazard H22: after an outage of the database, every lease is expired at once."""
    leases.take("n1")
    RelayLease.objects.update(expires_at="2000-01-01T00:00Z")
    suspects = leases.look(frozenset())
    assert leases.renew("n1", live=0, draining=False)
    assert leases.look(suspects) == frozenset()
    assert RelayLease.objects.live().exists()
