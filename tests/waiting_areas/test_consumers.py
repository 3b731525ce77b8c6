"""The waiting page's socket through the real application, with a relay worker behind it (rules W5, W6, W8)."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.db import connections
from django.db.backends.signals import connection_created
from django.utils import timezone

import waiting_areas.positions
from calls import services as call_services
from calls.models import Seat
from config.asgi import application
from core.errors import DomainError
from tests.calls.conftest import HEARD_WITHIN, House, eventually, in_database
from tests.rooms.factories import make_room
from tests.waiting_areas.factories import make_area, make_caller, make_staff
from waiting_areas import consumers, events, services
from waiting_areas.models import Caller, WaitingArea
from waiting_areas.positions import Positions
from waiting_areas.states import Status
from waiting_areas.waiting_page import describe_place
from waiting_areas.whereabouts import find_one

pytestmark = pytest.mark.django_db(transaction=True)
Frame = dict[str, Any]


def session_of(caller: Caller) -> str:
    session = SessionStore()
    session["identities"] = [caller.identity]
    session.create()
    return str(session.session_key)


class WaitingPage:
    def __init__(self, caller: Caller, session: str, origin: str = settings.PUBLIC_URL) -> None:
        headers = [
            (b"host", b"testserver"),
            (b"origin", origin.encode()),
            (b"cookie", f"{settings.SESSION_COOKIE_NAME}={session}".encode()),
        ]
        self.caller_id = caller.pk
        self.socket = WebsocketCommunicator(application, f"/ws/waiting/{caller.pk}/", headers=headers)

    async def open(self) -> bool:
        accepted, _code = await self.socket.connect(timeout=HEARD_WITHIN)
        return bool(accepted)

    async def hear(self, kind: str) -> Frame:
        while True:
            frame: Frame = json.loads(await self.socket.receive_from(timeout=HEARD_WITHIN))
            if frame["type"] == kind:
                return frame


@pytest_asyncio.fixture
async def pages(fresh_channel_layer: None) -> AsyncIterator[Any]:
    opened: list[WaitingPage] = []

    async def open_page(caller: Caller) -> WaitingPage:
        page = WaitingPage(caller, await in_database(session_of, caller))
        opened.append(page)
        assert await page.open()
        await page.hear("place")
        return page

    yield open_page
    for page in opened:
        with suppress(asyncio.CancelledError, TimeoutError):
            await page.socket.disconnect(timeout=1)


async def test_a_page_is_called_into_the_call_when_a_provider_joins(pages: Any) -> None:
    caller = await in_database(make_caller)
    provider = await in_database(make_staff, caller.area)
    page = await pages(caller)
    seat = await in_database(services.join_call, caller=caller, by=provider)
    assert await page.hear("moved") == {"type": "moved", "call": str(seat.call_id), "connection": 1}


async def test_a_page_that_missed_the_news_reads_it_when_it_reconnects(pages: Any) -> None:
    """Rule W6."""
    caller = await in_database(make_caller)
    provider = await in_database(make_staff, caller.area)
    seat = await in_database(services.join_call, caller=caller, by=provider)
    page = WaitingPage(caller, await in_database(session_of, caller))
    assert await page.open()
    assert (await page.hear("moved"))["call"] == str(seat.call_id)
    await page.socket.disconnect(timeout=1)


async def test_a_message_has_the_page_read_its_place_again(pages: Any) -> None:
    caller = await in_database(make_caller)
    provider = await in_database(make_staff, caller.area)
    page = await pages(caller)
    await in_database(services.send_message, caller=caller, text="Soon.", by=provider)
    assert set(await page.hear("place")) == {"type", "version"}  # nothing personal on the way


async def test_somebody_else_and_another_origin_are_refused(fresh_channel_layer: None) -> None:
    """Hazards H6, H8."""
    caller, other = await in_database(make_caller), await in_database(make_caller)
    session = await in_database(session_of, caller)
    assert not await WaitingPage(other, session).open()
    assert not await WaitingPage(caller, "").open()
    assert not await WaitingPage(caller, session, origin="https://evil.example").open()


async def test_another_callers_news_are_not_told(pages: Any) -> None:
    area = await in_database(make_area)
    caller, other = await in_database(make_caller, area=area), await in_database(make_caller, area=area)
    provider = await in_database(make_staff, area)
    page = await pages(caller)
    await in_database(services.send_message, caller=other, text="Soon.", by=provider)
    await in_database(services.finish, caller=other, by=provider)
    assert await page.socket.receive_nothing(timeout=0.3)


async def test_where_the_area_tells_positions_somebody_elses_leaving_is_told_as_that(pages: Any) -> None:
    area = await in_database(make_area, shows_position=True)
    first = await in_database(make_caller, area=area, waited=timedelta(minutes=5))
    page = await pages(await in_database(make_caller, area=area))
    await in_database(services.leave, caller=first, now=timezone.now())
    assert await page.hear("place")


@pytest.fixture
def queries() -> Iterator[list[str]]:
    """What is asked of the database, on whichever thread: on connections that are opened from here on."""
    asked: list[str] = []

    def note(execute: Any, sql: str, *rest: Any) -> Any:
        asked.append(sql)
        return execute(sql, *rest)

    def listen(connection: Any, **_given: object) -> None:
        if note not in connection.execute_wrappers:
            connection.execute_wrappers.append(note)

    connection_created.connect(listen)
    yield asked
    connection_created.disconnect(listen)
    for known in connections.all(initialized_only=True):
        if note in known.execute_wrappers:
            known.execute_wrappers.remove(note)


async def test_a_change_of_the_area_is_read_once_for_all_its_waiting_pages(
    queries: list[str], pages: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where positions are told: an arrival behind them and one who is phoned first, with a herd of pages open."""
    monkeypatch.setattr(consumers, "beat", asyncio.Event().wait)  # no look by the clock
    area = await in_database(make_area, shows_position=True)
    first = await in_database(make_caller, area=area, waited=timedelta(minutes=30))
    opened = [
        await pages(await in_database(make_caller, area=area, waited=timedelta(minutes=20 - number)))
        for number in range(8)
    ]
    queries.clear()
    await in_database(events.tell_area, area.pk)  # nothing is another way
    for page in opened:
        assert await page.socket.receive_nothing(timeout=0.1)
    assert len(queries) == 1
    queries.clear()
    await in_database(Caller.objects.filter(pk=first.pk).update, phone_instead_at=timezone.now())
    await in_database(events.tell_area, area.pk)
    for number, page in enumerate(opened):
        told = (await page.hear("place"))["version"]
        caller = await in_database(Caller.objects.select_related("area").get, pk=page.caller_id)
        place = await in_database(describe_place, caller, now=timezone.now())
        assert (place.position, place.version) == (number, told)


async def test_who_is_told_no_position_any_more_reads_that(pages: Any) -> None:
    area = await in_database(make_area, shows_position=True)
    page = await pages(await in_database(make_caller, area=area))
    await in_database(WaitingArea.objects.update, shows_position=False)
    await in_database(events.tell_area, area.pk)
    caller = await in_database(Caller.objects.select_related("area").get)
    place = await in_database(describe_place, caller, now=timezone.now())
    assert place.position is None
    assert await page.hear("place") == {"type": "place", "version": place.version}


async def test_other_news_has_a_read_of_its_own_and_a_page_that_goes_away_takes_it_from_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    goes_on, begun = threading.Event(), []

    def read(area_id: UUID) -> dict[UUID, int]:
        begun.append(area_id)
        goes_on.wait(HEARD_WITHIN)
        return {area_id: len(begun)}

    monkeypatch.setattr(waiting_areas.positions, "read_positions", read)
    shared, area_id = Positions(), uuid4()
    leaving, *staying = [asyncio.create_task(shared.read(area_id, "first")) for _page in range(5)]
    while not begun:  # noqa: ASYNC110 - there is nothing to be woken by
        await asyncio.sleep(0)
    leaving.cancel()
    goes_on.set()
    assert await asyncio.gather(*staying) == [{area_id: 1}] * 4
    assert await shared.read(area_id, "second") == {area_id: 2}
    assert await shared.read(area_id, "first") == {area_id: 1}
    for number in range(waiting_areas.positions.KEPT):
        await shared.read(area_id, f"another {number}")
    assert len(shared._reads) == waiting_areas.positions.KEPT


async def test_the_standing_socket_renews_the_place_while_scripts_and_timers_stand_still(
    pages: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rule W8: a locked phone. The page says nothing for ten minutes; Daphne's pings are answered below it."""
    struck = asyncio.Event()

    async def beat() -> None:
        await struck.wait()
        struck.clear()

    monkeypatch.setattr(consumers, "beat", beat)
    caller = await in_database(make_caller, waited=timedelta(minutes=20))
    page = await pages(caller)
    await in_database(Caller.objects.update, last_seen_at=timezone.now() - timedelta(minutes=10))
    struck.set()
    await page.hear("ping")
    current = await in_database(Caller.objects.get)
    assert (await in_database(find_one, current, now=timezone.now())).status is Status.WAITING
    assert current.arrived_at == caller.arrived_at


async def test_a_page_that_talks_all_the_time_is_closed(pages: Any) -> None:
    page = await pages(await in_database(make_caller))
    for _ in range(consumers.MOST_FRAMES + 1):
        await page.socket.send_to(text_data="x" * 100)
    while (message := await page.socket.receive_output(timeout=HEARD_WITHIN))["type"] != "websocket.close":
        pass
    assert message["code"] == consumers.TOO_FAST


def make_guest(beside: Seat, number: int) -> Seat:
    """Of a guest who may be in the call: brought into it from somewhere."""
    place = f"caller:{uuid4()}"
    return Seat.objects.create(
        call=beside.call, identity=f"visitor:{number}", role="guest", display_name="G", brought_from=place
    )


class TestFetching:
    """Rule W6, with the real commands to the relay and a node without media."""

    async def live_provider(self, house: House, caller: Caller) -> tuple[Any, Any]:
        provider = await in_database(make_staff, caller.area)
        room = await in_database(make_room, organisation=caller.area.organisation)

        def seat_in_room() -> Seat:
            call = call_services.open_call(place=room.place)
            return call_services.admit(
                call=call, identity=provider.identity, display_name=provider.name, role=Seat.Role.MEMBER
            )

        # A member of the room: the relay asks the place.
        await in_database(room.memberships.create, user=provider)
        seat = await in_database(seat_in_room)
        page = await house.joined(seat)
        return provider, page

    async def test_the_waiting_page_moves_into_a_seat_that_was_reserved(self, house: House, pages: Any) -> None:
        caller = await in_database(make_caller)
        provider, page = await self.live_provider(house, caller)
        waiting = await pages(caller)
        seat = await in_database(services.fetch_into_call, caller=caller, by=provider)
        assert (await waiting.hear("moved"))["call"] == str(seat.call_id)
        for number in range(2):
            await house.joined(await in_database(make_guest, page.seat, number))
        late = await house.first_frame(await in_database(make_guest, page.seat, 2))
        await late.hear("full")  # of four seats one is the provider's, and one the caller's
        await house.joined(seat)
        await eventually(lambda: find_one(Caller.objects.get(), now=timezone.now()).people)

    async def test_a_full_call_is_refused_before_anything_changes(self, house: House, pages: Any) -> None:
        caller = await in_database(make_caller)
        provider, page = await self.live_provider(house, caller)
        for number in range(3):
            await house.joined(await in_database(make_guest, page.seat, number))
        await pages(caller)
        with pytest.raises(DomainError) as refused:
            await in_database(services.fetch_into_call, caller=caller, by=provider)
        assert refused.value.code == "full"
        assert (await in_database(find_one, caller, now=timezone.now())).status is Status.WAITING

    async def test_out_of_a_consultation_the_callers_page_in_it_is_moved(self, house: House, pages: Any) -> None:
        caller = await in_database(make_caller)
        omar = await in_database(make_staff, caller.area)
        theirs = await in_database(services.join_call, caller=caller, by=omar)
        await house.joined(theirs)
        own = await in_database(Seat.objects.select_related("call").get, identity=caller.identity)
        in_call = await house.joined(own)
        nina, _page = await self.live_provider(house, caller)
        seat = await in_database(services.fetch_into_call, caller=caller, by=nina, even_if_seen=True)
        moved = await in_call.hear("moved")
        assert (moved["call"], moved["connection"]) == (str(seat.call_id), 1)
        assert await in_call.hear_close() == 1000
        await house.written()
        assert (await in_database(find_one, caller, now=timezone.now())).seat == seat
        assert await in_database(Caller.objects.inside().exists)

    async def test_the_call_ends_on_hold_when_the_last_provider_leaves(self, house: House, pages: Any) -> None:
        """Rule W9; and the caller who stayed is not told anything else."""
        caller = await in_database(make_caller)
        theirs = await in_database(services.join_call, caller=caller, by=await in_database(make_staff, caller.area))
        provider = await house.joined(theirs)
        own = await in_database(Seat.objects.select_related("call").get, identity=caller.identity)
        in_call = await house.joined(own)
        await provider.say("leave")
        assert (await in_call.hear("ended"))["reason"] == "on_hold"
        await house.written()
        current = await in_database(Caller.objects.get)
        assert (await in_database(find_one, current, now=timezone.now())).status is Status.ON_HOLD
