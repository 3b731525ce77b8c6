"""kill -9 of each process with people waiting (hazards H5, H24): nobody is lost, and nobody waits anew."""

from __future__ import annotations

import asyncio
import html
import re
from contextlib import AsyncExitStack, suppress
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.e2e.house import House, Room

AWAY = (aiohttp.ClientError, OSError, TimeoutError)
RETRIED_AFTER = 0.25  # seconds
LISTED_WITHIN = 60.0  # seconds
LOOKED_EACH = 0.5  # seconds

# So that each arrival can be told from the others on the page.
ARRIVE_A_MINUTE_APART = """
import os
from datetime import timedelta
from waiting_areas.models import Caller
callers = list(Caller.objects.filter(area=os.environ["AREA"]).order_by("arrived_at"))
for minutes, caller in enumerate(reversed(callers)):
    Caller.objects.filter(pk=caller.pk).update(arrived_at=caller.arrived_at - timedelta(minutes=minutes))
print(len(callers))
"""

pytestmark = pytest.mark.media
Line = tuple[str, str, str]  # name, arrival as the page has it, status


class Waiter:
    """A caller's browser with the waiting page: it opens its socket anew after a loss, as place.js does."""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self._url = url
        self._browser = aiohttp.ClientSession()
        self._staying: asyncio.Task[None] | None = None

    async def arrives(self, link: str) -> None:
        address = self._url + urlsplit(link).path
        async with self._browser.get(address) as page:
            fields = dict(re.findall(r'name="(csrfmiddlewaretoken|arrival)" value="([^"]+)"', await page.text()))
        form = fields | {"name": self.name, "telephone": "01632 960 123"}
        async with self._browser.post(address, data=form, allow_redirects=False) as answer:
            assert answer.status == 302, await answer.text()
            self._place = urlsplit(answer.headers["Location"]).path
        self._staying = asyncio.create_task(self._stay())

    async def words(self) -> str:
        async with self._browser.get(self._url + self._place) as page:
            return await page.text()

    def vanishes(self) -> None:
        """The tab closed, and nobody was there to be told."""
        if self._staying:
            self._staying.cancel()

    async def close(self) -> None:
        self.vanishes()
        await self._browser.close()

    async def _stay(self) -> None:
        caller = self._place.strip("/").rpartition("/")[2]
        while True:
            with suppress(*AWAY):
                async with self._browser.ws_connect(f"{self._url}/ws/waiting/{caller}/", origin=self._url) as socket:
                    async for _frame in socket:
                        pass
            await asyncio.sleep(RETRIED_AFTER)


class Desk:
    """Staff with the Caller list."""

    def __init__(self, house: House, room: Room) -> None:
        self._address = f"{house.url}/waiting-areas/{room.area_id}/"
        self._browser = aiohttp.ClientSession(cookies={"sessionid": room.administrator})

    async def list(self) -> list[Line]:
        """In the order of the page; empty while no page can be had."""
        with suppress(*AWAY):
            async with self._browser.get(self._address) as page:
                rows = re.findall(r'<tr class="caller-row">(.*?)</tr>', await page.text(), re.DOTALL)
                return [self._read(row) for row in rows]
        return []

    async def shows(self, wanted: list[Line]) -> None:
        found: list[Line] = []
        try:
            async with asyncio.timeout(LISTED_WITHIN):
                while found != wanted:
                    await asyncio.sleep(LOOKED_EACH)
                    found = await self.list()
        except TimeoutError:
            pytest.fail(f"{found} are listed instead of {wanted}")

    async def close(self) -> None:
        await self._browser.close()

    def _read(self, row: str) -> Line:
        name = re.search(r'class="caller-name".*?>([^<]+?)\s*<', row, re.DOTALL)
        since = re.search(r'<time[^>]*datetime="([^"]+)"', row)
        status = re.search(r'<span class="sign[^"]*">([^<]+)<', row)
        assert name, row
        assert since, row
        assert status, row
        return html.unescape(name[1]).strip(), since[1], status[1]


@pytest.mark.long
async def test_whoever_waits_keeps_place_and_arrival_time_through_every_crash(
    house: House, doors: AsyncExitStack
) -> None:
    room = house.room()
    desk = Desk(house, room)
    doors.push_async_callback(desk.close)
    waiters = [Waiter(name, house.url) for name in ("Amal", "Bea", "Cem", "Dora")]
    for waiter in waiters:
        doors.push_async_callback(waiter.close)
        await waiter.arrives(room.area_link)
    await asyncio.to_thread(house.runs, ARRIVE_A_MINUTE_APART, AREA=room.area_id)
    before = await desk.list()
    assert [(name, status) for name, _since, status in before] == [(w.name, "Waiting") for w in waiters]
    *staying, leaving = waiters

    for name in ("worker", "relay", "web"):
        if name in house.processes:
            house.kill(name)
            if name == "web":
                leaving.vanishes()
            house.start_again(name)
    # Everybody is on the list from its first answer on: the same people, in the same order, since the same time.
    house.wait_until_ready()
    assert [(name, since) for name, since, _status in await desk.list()] == [line[:2] for line in before]
    # Whoever came back waits; of whoever did not, the place is kept (rule W8).
    *others, last = before
    await desk.shows([*others, (last[0], last[1], "Reconnecting")])
    for waiter in staying:
        assert "You are waiting for" in await waiter.words()
