"""A house in one process for the tests of sockets: the real application and relay worker, a node without media."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

import pytest
import pytest_asyncio
from channels.db import database_sync_to_async
from channels.layers import channel_layers
from channels.testing import WebsocketCommunicator
from django.conf import settings

from calls import consumers, tickets
from calls.models import RelayLease, Seat
from calls.relay_worker import LeaseLost, RelayWorker
from config.asgi import application
from tests.calls.fake_node import FakeNode

P = ParamSpec("P")
T = TypeVar("T")
HEARD_WITHIN = 5.0  # seconds

Frame = dict[str, Any]


async def in_database(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    return await database_sync_to_async(work)(*args, **kwargs)


async def eventually(condition: Callable[[], object]) -> None:
    """Until the database says so, and no longer than a page would wait."""
    async with asyncio.timeout(HEARD_WITHIN):
        while not await in_database(condition):  # noqa: ASYNC110 - there is nothing to be woken by
            await asyncio.sleep(0.01)


class Page:
    """One page's socket."""

    def __init__(self, call_id: UUID | str, origin: str | None = settings.PUBLIC_URL) -> None:
        headers = [(b"host", b"testserver"), *([(b"origin", origin.encode())] if origin else [])]
        self.socket = WebsocketCommunicator(application, f"/ws/calls/{call_id}/", headers=headers)
        self.seat: Seat | None = None

    async def open(self) -> bool:
        accepted, _code = await self.socket.connect(timeout=HEARD_WITHIN)
        return bool(accepted)

    async def say(self, kind: str, **fields: Any) -> None:
        await self.socket.send_to(text_data=json.dumps({"type": kind, **fields}))

    async def hear(self, *kinds: str) -> Frame:
        """The next frame of one of these types; others on the way are passed over."""
        while True:
            message = await self.socket.receive_output(timeout=HEARD_WITHIN)
            assert message["type"] == "websocket.send", f"closed with {message.get('code')} instead of {kinds}"
            frame: Frame = json.loads(message["text"])
            if frame["type"] in kinds:
                return frame

    async def hear_roster(self, wanted: Callable[[Frame], bool]) -> Frame:
        while not wanted(roster := await self.hear("roster")):
            pass
        return roster

    async def hear_close(self) -> int:
        while True:
            message = await self.socket.receive_output(timeout=HEARD_WITHIN)
            if message["type"] == "websocket.close":
                return int(message["code"])

    async def next_is_silence(self, seconds: float = 0.2) -> bool:
        return bool(await self.socket.receive_nothing(timeout=seconds))

    async def lose(self) -> None:
        """The network is gone, or the tab: no `leave`."""
        with suppress(asyncio.CancelledError, TimeoutError):
            await self.socket.disconnect(timeout=1.0)


class House:
    def __init__(self, worker: RelayWorker, node: FakeNode) -> None:
        self.worker = worker
        self.node = node
        self.pages: list[Page] = []
        self.stop = asyncio.Event()

    async def page(self, call_id: UUID | str, **options: Any) -> Page:
        page = Page(call_id, **options)
        self.pages.append(page)
        return page

    async def first_frame(self, seat: Seat, kind: str = "join", connection: int | None = None, **fields: Any) -> Page:
        """A page that has sent its first frame, with a good ticket unless one is given."""
        page = await self.page(seat.call_id)
        page.seat = seat
        assert await page.open()
        number = seat.connection if connection is None else connection
        given: dict[str, Any] = {"ticket": tickets.issue(seat, number)}
        if kind == "join":
            given |= {"offer": "an offer", "media": {"microphone": True, "camera": True, "screen": False}}
        else:
            given |= {"connection": number, "version": 0}
        await page.say(kind, **(given | fields))
        return page

    async def joined(self, seat: Seat) -> Page:
        """A page with its answer, whose media is up and whose stay is stored."""
        page = await self.first_frame(seat)
        await page.hear("answer")
        await self.go_live(seat)
        await page.hear_roster(lambda roster: self.state_in(roster, seat) == "connected")
        return page

    async def go_live(self, seat: Seat) -> None:
        self.node.go_live(str(seat.call_id), str(seat.pk))
        await self.written()

    async def written(self) -> None:
        """Every row is stored."""
        await asyncio.wait_for(self.worker._writes.join(), HEARD_WITHIN)

    @staticmethod
    def state_in(roster: Frame, seat: Seat) -> str | None:
        return next((person["state"] for person in roster["participants"] if person["id"] == str(seat.pk)), None)


class Beats:
    """The timer of every socket, in the hand of the test."""

    def __init__(self) -> None:
        self._struck = asyncio.Event()

    async def beat(self) -> None:
        await self._struck.wait()

    async def strike(self, times: int = 1) -> None:
        for _ in range(times):
            await asyncio.sleep(0.05)  # each socket waits for its next beat
            struck, self._struck = self._struck, asyncio.Event()
            struck.set()


@pytest.fixture
def beats(monkeypatch: pytest.MonkeyPatch) -> Beats:
    beats = Beats()
    monkeypatch.setattr(consumers, "beat", beats.beat)
    return beats


@pytest.fixture
def fresh_channel_layer() -> None:
    """Each test has a loop of its own, and a channel layer belongs to one."""
    channel_layers.backends = {}


@pytest_asyncio.fixture
async def house(transactional_db: None, fresh_channel_layer: None) -> AsyncIterator[House]:
    nodes: list[FakeNode] = []

    def make_node(events: Any) -> FakeNode:
        nodes.append(FakeNode(events))
        return nodes[-1]

    worker = RelayWorker(make_node)
    house = House(worker, nodes[0])
    running = asyncio.create_task(worker.run(house.stop))
    await eventually(RelayLease.objects.exists)
    yield house
    for page in house.pages:
        await page.lose()
    house.stop.set()
    with suppress(LeaseLost):  # of a test that took it
        await asyncio.wait_for(running, HEARD_WITHIN)
