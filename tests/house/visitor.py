"""Somebody in a call over real sockets and real media, without a browser: what the page's scripts do, in short.

visitor = Visitor("Grace", house.url)
await visitor.joins(room.link)
await visitor.reads("answer")
…
visitor.crashes()
"""

from __future__ import annotations

import asyncio
import html
import json
import re
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from bench.participant import Participant

RETRIED_AFTER = 0.25  # seconds
LEFT_WITHIN = 5.0  # seconds
AWAY = (aiohttp.ClientError, OSError, ConnectionError, TimeoutError)


class Visitor:
    """A browser with one page. It comes back by itself after a loss, as static/calls/protocol.js does."""

    def __init__(self, name: str, url: str, session: str = "") -> None:
        self.name = name
        self._url = url
        self._browser = aiohttp.ClientSession(cookies={"sessionid": session} if session else None)
        self._media: Participant | None = None
        self._staying: asyncio.Task[None] | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._heard: dict[str, asyncio.Event] = {}
        self._leaves = False

    async def joins(self, link: str) -> None:
        """Open the link, give the name, press Join, and stay."""
        address = self._url + urlsplit(link).path
        async with self._browser.get(address) as page:
            csrf = _csrf(await page.text())
        form = {"csrfmiddlewaretoken": csrf, "name": self.name}
        async with self._browser.post(address, data=form, allow_redirects=False) as answer:
            assert answer.status == 302, await answer.text()
            call = urlsplit(answer.headers["Location"])
        async with self._browser.get(self._url + call.path) as page:
            text = await page.text()
        data = re.search(r'<script id="call-data" type="application/json">(.*?)</script>', text)
        assert data
        self._call = json.loads(data[1]) | {"csrf": _csrf(text)}
        self._staying = asyncio.create_task(self._stay())

    async def reads(self, kind: str, within: float = 30.0) -> None:
        """Return once a frame of this type has come."""
        await asyncio.wait_for(self._heard.setdefault(kind, asyncio.Event()).wait(), within)

    async def list_of(self, room_id: str) -> list[str]:
        """Who is in, as Participants of the room's action menu says; empty while no page can be had."""
        with suppress(*AWAY):
            dialog = {"HX-Request": "true"}  # without the header of the page, which has the reader's own name in it
            async with self._browser.get(f"{self._url}/rooms/{room_id}/participants/", headers=dialog) as page:
                return [html.unescape(name) for name in re.findall(r"<strong>(.*?)</strong>", await page.text())]
        return []

    def crashes(self) -> None:
        """The tab is gone without a word."""
        if self._staying:
            self._staying.cancel()
        if self._media:
            self._media.vanish()

    async def close(self) -> None:
        """Leave, if there is still something to leave."""
        self._leaves = True
        if self._socket and self._staying and not self._staying.done():
            with suppress(*AWAY):
                await self._socket.send_json({"type": "leave"})
                await asyncio.wait_for(self._staying, LEFT_WITHIN)
        self.crashes()
        if self._staying:
            await asyncio.gather(self._staying, return_exceptions=True)
        await self._browser.close()

    async def _stay(self) -> None:
        ticket = self._call["ticket"]
        while not self._leaves:
            with suppress(*AWAY):
                ticket = ticket or await self._fresh_ticket()
                await self._speak(ticket)
            ticket = None
            await asyncio.sleep(RETRIED_AFTER)

    async def _fresh_ticket(self) -> str:
        form = {"connection": str(self._call["connection"]), "csrfmiddlewaretoken": self._call["csrf"]}
        async with self._browser.post(self._url + self._call["ticketUrl"], data=form) as answer:
            if answer.status != 200:
                raise ConnectionError(answer.status)
            return str((await answer.json())["ticket"])

    async def _speak(self, ticket: str) -> None:
        """One socket, until it is lost."""
        address = f"{self._url}/ws/calls/{self._call['callId']}/"
        async with self._browser.ws_connect(address, origin=self._url) as socket:
            self._socket = socket
            await socket.send_json(await self._first_frame() | {"ticket": ticket})
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    await self._hear(socket, json.loads(message.data))

    async def _first_frame(self) -> dict[str, Any]:
        connection = self._call["connection"]
        if self._media and self._media.peer.is_connected:
            return {"type": "resume", "connection": connection, "version": 0}
        self._forget_media()
        self._media = Participant(self.name)
        media = {"microphone": True, "camera": False, "screen": False}
        return {"type": "join", "offer": await self._media.offer(), "media": media}

    async def _hear(self, socket: aiohttp.ClientWebSocketResponse, frame: dict[str, Any]) -> None:
        if frame["type"] == "ping":
            await socket.send_json({"type": "pong"})
        elif frame["type"] == "rejoin":
            self._forget_media()
        elif frame["type"] == "answer" and self._media:
            await self._media.answer(frame["sdp"])
            await self._media.connected(5)
            self._media.start_media(camera=False)
        self._heard.setdefault(frame["type"], asyncio.Event()).set()

    def _forget_media(self) -> None:
        if self._media:
            self._media.vanish()
        self._media = None


def _csrf(page: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert found
    return found[1]
