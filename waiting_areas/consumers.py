"""The socket of a caller's waiting page: docs/protocol.md, "Waiting".

The page only listens. That its socket stands is what keeps its place (rule W8): Daphne pings it by the WebSocket
protocol, which a browser answers even while a locked phone's timers and scripts stand still, and closes one that does
not answer.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any
from uuid import UUID

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from calls.consumers import is_own_origin
from core.channel_layer import SharedRedisChannelLayer
from waiting_areas import events, services
from waiting_areas.models import Caller
from waiting_areas.positions import positions
from waiting_areas.waiting_page import PlaceOfCaller, describe_place

RENEWED_EACH = 10.0  # seconds: a third of the lease
MOST_FRAMES = 100  # from a page that has nothing to say
TOO_FAST = 4429


class CallerConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """Speaks to one page of the caller whom this browser's session remembers."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            if isinstance(self.channel_layer, SharedRedisChannelLayer):
                self.channel_layer.forget(self.channel_name)

    async def connect(self) -> None:
        """Steps: who it is; the groups, *then* the snapshot, so that no change falls between."""
        self._groups: list[str] = []
        self._told = ""
        self._place: PlaceOfCaller | None = None
        self._frames = 0
        self._timer: asyncio.Task[None] | None = None
        self._caller_id: UUID = self.scope["url_route"]["kwargs"]["caller_id"]
        caller = await database_sync_to_async(self._find)() if is_own_origin(self.scope["headers"]) else None
        if caller is None:
            await self.close()
            return
        await self.accept()
        await self._listen(caller)
        await self._renew()
        await self._look()
        self._timer = asyncio.create_task(self._keep_time())

    async def disconnect(self, code: int) -> None:
        """The place stays until the lease runs out; a page that closes says so itself."""
        if self._timer:
            self._timer.cancel()
        for group in self._groups:
            await self.channel_layer.group_discard(group, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        self._frames += 1
        if self._frames > MOST_FRAMES:
            await self.close(code=TOO_FAST)

    # News

    async def caller_changed(self, message: events.Message) -> None:
        await self._look()

    async def area_changed(self, message: events.Message) -> None:
        """Of an area that tells callers their position: all pages share one read. The rest is `caller_changed`'s."""
        if self._place is None or self._place.position is None:
            return
        try:
            found = await positions.read(self._place.area_id, message["news"])
        except (OperationalError, InterfaceError):
            return  # the next beat looks again
        position = found.get(self._caller_id)
        if position is None:
            await self._look()
        else:
            await self._tell(replace(self._place, position=position))

    async def area_arrived(self, message: events.Message) -> None:
        """For staff: `area.changed` comes beside it."""

    async def area_replied(self, message: events.Message) -> None:
        """The same."""

    # Inside

    def _find(self) -> Caller | None:
        places = Caller.objects.remembered(self.scope["session"]).select_related("area")
        return places.filter(pk=self._caller_id).first()

    async def _listen(self, caller: Caller) -> None:
        """Also to the area, if callers are told their position in it: of a transferred caller, to the new one."""
        wanted = [events.caller_group(caller.pk)]
        if caller.area.shows_position:
            wanted.append(events.area_group(caller.area_id))
        for group in set(self._groups) - set(wanted):
            await self.channel_layer.group_discard(group, self.channel_name)
        for group in set(wanted) - set(self._groups):
            await self.channel_layer.group_add(group, self.channel_name)
        self._groups = wanted

    async def _look(self) -> None:
        """Say what is new to the page: that it belongs in a call, or that it should read its place again."""
        try:
            found = await database_sync_to_async(self._read)()
        except (OperationalError, InterfaceError):
            return  # the next beat looks again
        if found is None:
            await self.close()
            return
        caller, place = found
        await self._listen(caller)
        await self._tell(place)

    async def _tell(self, place: PlaceOfCaller) -> None:
        self._place = place
        if place.version == self._told:
            return
        self._told = place.version
        if place.call_id:
            await self._say("moved", call=str(place.call_id), connection=place.connection)
        else:
            await self._say("place", version=place.version)

    def _read(self) -> tuple[Caller, PlaceOfCaller] | None:
        caller = self._find()
        return (caller, describe_place(caller, now=timezone.now())) if caller else None

    async def _renew(self) -> None:
        try:
            await database_sync_to_async(services.renew)(caller_id=self._caller_id, now=timezone.now())
        except (OperationalError, InterfaceError):
            return  # the lease is three beats long

    async def _keep_time(self) -> None:
        while True:
            await beat()
            await self._renew()
            await self._look()
            await self._say("ping")

    async def _say(self, kind: str, **fields: object) -> None:
        await self.send(text_data=json.dumps({"type": kind, **fields}))


async def beat() -> None:
    await asyncio.sleep(RENEWED_EACH)
