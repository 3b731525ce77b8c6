"""The socket of staff who look at waiting areas: docs/protocol.md, "Waiting areas, for staff".

It says which area looks different, or has somebody new; the page reads again what it shows, through its own scope.
Names, numbers and messages never travel here, so nothing is told to whoever has lost a role meanwhile.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import UUID

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.contrib.auth.models import AnonymousUser
from django.db import InterfaceError, OperationalError

from accounts.models import User
from calls.consumers import is_own_origin
from core.channel_layer import SharedRedisChannelLayer
from waiting_areas import events
from waiting_areas.models import WaitingArea

LOOKED_EACH = 10.0  # seconds: at the areas somebody may watch, for roles come and go
MOST_FRAMES = 100  # from a page that has nothing to say
TOO_FAST = 4429


class StaffConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            if isinstance(self.channel_layer, SharedRedisChannelLayer):
                self.channel_layer.forget(self.channel_name)

    async def connect(self) -> None:
        """Refused before accept: another site's page, and whoever is not signed in."""
        self._watched: set[UUID] = set()
        self._frames = 0
        self._timer: asyncio.Task[None] | None = None
        user: User | AnonymousUser = self.scope["user"]
        if not is_own_origin(self.scope["headers"]) or not isinstance(user, User):
            await self.close()
            return
        self._user_id = user.pk
        await self.accept()
        await self._watch()
        await self._say("watching")  # what changed before this, the page reads now
        self._timer = asyncio.create_task(self._keep_time())

    async def disconnect(self, code: int) -> None:
        if self._timer:
            self._timer.cancel()
        for area_id in self._watched:
            await self.channel_layer.group_discard(events.area_group(area_id), self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        self._frames += 1
        if self._frames > MOST_FRAMES:
            await self.close(code=TOO_FAST)

    async def area_changed(self, message: events.Message) -> None:
        await self._say("changed", area=message["area"])

    async def area_arrived(self, message: events.Message) -> None:
        await self._say("arrived", area=message["area"])

    async def area_replied(self, message: events.Message) -> None:
        await self._say("replied", area=message["area"])

    async def _watch(self) -> None:
        """Exactly the areas whose callers they may see now (hazard H8)."""
        try:
            wanted = await database_sync_to_async(self._read)()
        except (OperationalError, InterfaceError):
            return  # the next look is soon
        for area_id in self._watched - wanted:
            await self.channel_layer.group_discard(events.area_group(area_id), self.channel_name)
        for area_id in wanted - self._watched:
            await self.channel_layer.group_add(events.area_group(area_id), self.channel_name)
        self._watched = wanted

    def _read(self) -> set[UUID]:
        user = User.objects.filter(pk=self._user_id, is_active=True).first()
        return set(WaitingArea.objects.watched_by(user).values_list("pk", flat=True)) if user else set()

    async def _keep_time(self) -> None:
        while True:
            await beat()
            await self._watch()
            await self._say("ping")

    async def _say(self, kind: str, **fields: object) -> None:
        await self.send(text_data=json.dumps({"type": kind, **fields}))


async def beat() -> None:
    await asyncio.sleep(LOOKED_EACH)
