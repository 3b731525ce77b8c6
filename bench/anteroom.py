"""Our relay as deployed: `manage.py relay` on a database of its own, driven over Redis as the consumer does."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import sqlite3
import sys
from contextlib import closing
from urllib.parse import urlsplit

import django
from asgiref.sync import sync_to_async

from bench.library import attend, participants
from bench.peer import host_address
from bench.process import ServerProcess
from bench.session import Attendee, Entrance, Load

REDIS_URL = os.environ.get("REDIS_URL") or "redis://127.0.0.1:6379/0"
_START_WITHIN = 30.0  # seconds


def redis_answers() -> bool:
    """Whether somebody listens where the channel layer would be."""
    url = urlsplit(REDIS_URL)
    try:
        with socket.create_connection((url.hostname or "127.0.0.1", url.port or 6379), timeout=1):
            return True
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((host_address(), 0))
        port: int = probe.getsockname()[1]
        return port


class Anteroom(ServerProcess):
    """A fresh SQLite database, migrated; then `manage.py relay`. The address is the node's id."""

    name = "anteroom"

    async def start(self) -> None:
        port = _free_port()
        self._database = self.folder / "bench.sqlite3"
        self.environment = {
            "DEBUG": "0",
            "SECRET_KEY": secrets.token_urlsafe(50),
            "LINK_KEY": secrets.token_urlsafe(50),
            "ALLOWED_HOSTS": "localhost",
            "PUBLIC_URL": "https://localhost",
            "DATA_DIR": str(self.folder),
            "DATABASE_URL": f"sqlite:///{self._database}",
            "REDIS_URL": REDIS_URL,
            "RELAY_PORT": str(port),
            "RELAY_ADDRESSES": f"{host_address()}:{port}",
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }
        await self.launch([sys.executable, "manage.py", "migrate", "--verbosity", "0"])
        if await self.ended():
            raise RuntimeError(f"The database could not be made:\n{self.log()}")
        await self.launch([sys.executable, "manage.py", "relay", "--drain", "0"])
        for _ in range(round(_START_WITHIN / 0.1)):
            if node := self._node():
                self.address = node
                return
            await asyncio.sleep(0.1)
        raise RuntimeError(f"The relay took no lease:\n{self.log()}")

    def _node(self) -> str | None:
        with closing(sqlite3.connect(self._database)) as database:
            row = database.execute("SELECT node FROM calls_relaylease").fetchone()
        return str(row[0]) if row else None


class AnteroomEntrance(Entrance):
    """Calls and seats are rows, as the web process writes them; joins go to the node's channel."""

    def __init__(self, load: Load) -> None:
        super().__init__(load)
        django.setup()

    async def open(self, call: int) -> list[Attendee]:
        from channels.layers import get_channel_layer  # Django's settings come first

        from calls import events

        layer = get_channel_layer()
        reply_to = await layer.new_channel()
        people = participants(self.load, call)
        commands = await sync_to_async(self._seat)(call, reply_to, len(people))
        for person, command in zip(people, commands, strict=True):
            await layer.send(events.relay_channel(self.load.address), command | {"offer": await person.offer()})
            async with asyncio.timeout(10):
                while (reply := await layer.receive(reply_to))["type"] not in ("seat.welcome", "seat.refused"):
                    pass
            if reply.get("sdp") is None:
                raise ConnectionError(f"The relay gave no seat: {reply.get('message', 'the call is full')}")
            await person.answer(reply["sdp"])
        return await attend(people)

    def _seat(self, call: int, reply_to: str, people: int) -> list[dict[str, object]]:
        """Rows for one call, and the join of each person but for the offer."""
        from accounts.models import Organisation
        from calls import events
        from calls.models import Call, Seat
        from calls.relay.terms import Deadlines, Media, Policy

        organisation, _ = Organisation.objects.get_or_create(slug="bench", defaults={"name": "Bench"})
        row = Call.objects.create(place=f"bench:{call}", organisation=organisation, node=self.load.address)
        seats = [
            Seat.objects.create(
                call=row, identity=f"user:{number}", role=Seat.Role.MEMBER, display_name=f"Nina {number}"
            )
            for number in range(call * people, (call + 1) * people)  # rule C4: nobody is in two calls
        ]
        return [
            events.relay_join(
                call_id=row.pk,
                reply_to=reply_to,
                participant_id=seat.pk,
                identity=seat.identity,
                name=seat.display_name,
                role=seat.role,
                device_check="",
                connection=seat.connection,
                media=Media(microphone=True, camera=True),
                offer="",
                policy=Policy(capacity=people),
                deadlines=Deadlines(),
                reserved={},
            )
            for seat in seats
        ]
