"""The socket of staff: who is told of which area, and that it tells nothing else (rule W3, hazards H6, H8)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import pytest
import pytest_asyncio
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore

from accounts.models import User
from config.asgi import application
from tests.accounts.factories import make_user
from tests.calls.conftest import in_database
from tests.waiting_areas.factories import make_area, make_caller, make_staff
from waiting_areas import events, services, staff_consumer
from waiting_areas.models import AreaRole, WaitingArea

HEARD_WITHIN = 5.0  # seconds
Frame = dict[str, str]
Watching = Callable[[User], Awaitable["Page"]]

pytestmark = pytest.mark.django_db(transaction=True)


def cookie_of(user: User) -> bytes:
    session = SessionStore()
    session[SESSION_KEY], session[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session.create()
    return f"sessionid={session.session_key}".encode()


class Page:
    """One page's socket."""

    def __init__(self, cookie: bytes = b"", origin: str | None = settings.PUBLIC_URL) -> None:
        headers = [(b"host", b"testserver"), (b"cookie", cookie)]
        headers += [(b"origin", origin.encode())] if origin else []
        self.socket = WebsocketCommunicator(application, "/ws/waiting-areas/", headers=headers)

    async def open(self) -> bool:
        accepted, _code = await self.socket.connect(timeout=HEARD_WITHIN)
        return bool(accepted)

    async def hear(self) -> Frame:
        frame: Frame = json.loads(await self.socket.receive_from(timeout=HEARD_WITHIN))
        return frame

    async def close(self) -> None:
        with suppress(asyncio.CancelledError, TimeoutError):
            await self.socket.disconnect(timeout=1)


@pytest_asyncio.fixture
async def watching(fresh_channel_layer: None) -> AsyncIterator[Watching]:
    """Opens somebody's page. Each is closed before the loop of its test is: a socket that outlived it would go on
    reading for all sockets of the process, and hold on to the database.
    """
    opened: list[Page] = []

    async def open_page(user: User) -> Page:
        page = Page(await in_database(cookie_of, user))
        opened.append(page)
        assert await page.open()
        assert await page.hear() == {"type": "watching"}
        return page

    yield open_page
    for page in opened:
        await page.close()


async def test_provider_is_told_of_somebody_new_and_of_every_change(watching: Watching) -> None:
    area = await in_database(make_area)
    page = await watching(await in_database(make_staff, area))
    await in_database(tell_of_arrival, area)
    assert await page.hear() == {"type": "arrived", "area": str(area.pk)}
    assert await page.hear() == {"type": "changed", "area": str(area.pk)}


async def test_what_is_said_names_nobody(watching: Watching) -> None:
    """Hazard H23: a frame is an area and a word."""
    area = await in_database(make_area)
    nina = await in_database(make_staff, area)
    caller = await in_database(make_caller, area=area, name="Amal Khan")
    page = await watching(nina)
    await in_database(services.send_message, caller=caller, text="Private", by=nina)
    frame = await page.hear()
    assert set(frame) == {"type", "area"}


@pytest.mark.parametrize("whose", ["other_area", "other_organisation", "referrer", "left"])
async def test_nobody_is_told_of_an_area_they_may_not_watch(whose: str, watching: Watching) -> None:
    area: WaitingArea = await in_database(make_area)
    makers: dict[str, Callable[[], User]] = {
        "other_area": lambda: make_staff(make_area(organisation=area.organisation)),
        "other_organisation": lambda: make_staff(make_area()),
        "referrer": lambda: make_staff(area, AreaRole.Role.REFERRER),
        "left": lambda: make_former_colleague(area),
    }
    page = await watching(await in_database(makers[whose]))
    await in_database(tell_of_arrival, area)
    assert await page.socket.receive_nothing(timeout=0.2)


def make_former_colleague(area: WaitingArea) -> User:
    user = make_staff(area)
    user.organisations.clear()
    return user


def tell_of_arrival(area: WaitingArea) -> None:
    caller = make_caller(area=area)
    events.tell_area(area.pk, events.area_arrived(area.pk, caller.pk))


async def test_a_role_that_is_lost_or_given_counts_from_the_next_look(
    watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = asyncio.Queue[None]()
    monkeypatch.setattr(staff_consumer, "beat", looks.get)
    old: WaitingArea = await in_database(make_area)
    new: WaitingArea = await in_database(make_area, organisation=old.organisation)
    nina: User = await in_database(make_staff, old)
    page = await watching(nina)
    await in_database(AreaRole.objects.filter(area=old).delete)
    await in_database(AreaRole.objects.create, area=new, user=nina, role=AreaRole.Role.PROVIDER)
    looks.put_nowait(None)
    assert await page.hear() == {"type": "ping"}
    await in_database(tell_of_arrival, old)
    await in_database(tell_of_arrival, new)
    assert await page.hear() == {"type": "arrived", "area": str(new.pk)}


async def test_anonymous_visitor_and_another_sites_page_are_refused(fresh_channel_layer: None) -> None:
    assert not await Page().open()
    cookie = await in_database(cookie_of, await in_database(make_user))
    assert not await Page(cookie, origin="https://evil.example").open()
    assert not await Page(cookie, origin=None).open()


async def test_page_that_talks_without_end_is_closed(watching: Watching) -> None:
    """Hazard H16."""
    page = await watching(await in_database(make_user))
    for _number in range(staff_consumer.MOST_FRAMES + 1):
        await page.socket.send_to(text_data="{}")
    message = await page.socket.receive_output(timeout=HEARD_WITHIN)
    assert message == {"type": "websocket.close", "code": staff_consumer.TOO_FAST}
