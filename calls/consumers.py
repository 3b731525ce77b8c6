"""The socket of a call's page: docs/protocol.md, spoken with the page on one side and the call's relay on the other.

The relay answers by the channel layer, so no handler waits for it. A socket passes three stages: the first frame,
asking the relay (until `seat.welcome`), and speaking for its seat. One timer a socket, every `BEAT`, does all that
comes with time: the deadline of the first frame and of the relay's answer, the place in line, the pings.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from enum import Enum, auto
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from channels.db import database_sync_to_async
from channels.exceptions import ChannelFull
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from calls import events, frames, services, turn
from calls.relay.terms import Role
from calls.tickets import read
from core.channel_layer import SharedRedisChannelLayer
from core.errors import DomainError

BEAT = 5.0  # seconds: the time for the first frame, for the relay's answer, and between renewals of a place in line
PINGED_EACH = 2  # beats
PINGS_UNANSWERED = 2
FRAMES_A_SECOND = 100

CLOSE_CODES = {
    "bad_frame": 4400,
    "bad_offer": 4400,
    "ticket": 4401,
    "not_allowed": 4403,
    "removed": 4403,
    "no_such_call": 4404,
    "ended": 4404,
    "too_slow": 4408,
    "taken_over": 4409,
    "too_large": 4413,
    "too_fast": 4429,
    "unavailable": 4503,
    "draining": 4503,
}
CLOSED_NORMALLY = 1000
_UNREACHABLE = gettext_lazy("The meeting service cannot be reached just now. Trying again…")
_NO_SEAT = {"no_such_call", "no_such_participant", "rejoin"}  # the relay does not have this seat (any more)

logger = logging.getLogger(__name__)


class Stage(Enum):
    FIRST_FRAME = auto()
    ASKING = auto()
    SPEAKING = auto()
    OVER = auto()


class CallConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """Speaks for one seat, the ticket's. Nothing else of the scope is trusted, or looked at."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            if isinstance(self.channel_layer, SharedRedisChannelLayer):
                self.channel_layer.forget(self.channel_name)

    async def connect(self) -> None:
        self.stage = Stage.FIRST_FRAME
        self.entry: services.Entry | None = None
        self._waiting = False
        self._roster_version = 0
        self._pings = 0
        self._second, self._frames = 0, 0
        self._timer: asyncio.Task[None] | None = None
        if not is_own_origin(self.scope["headers"]):
            self.stage = Stage.OVER
            await self.close()
            return
        self.call_id: UUID = self.scope["url_route"]["kwargs"]["call_id"]
        await self.accept()
        self._timer = asyncio.create_task(self._keep_time())

    async def disconnect(self, code: int) -> None:
        """Without `leave` the seat is left to the relay's grace (rule C5)."""
        self.stage = Stage.OVER
        if self._timer:
            self._timer.cancel()
        if self.entry:
            await self.channel_layer.group_discard(events.call_group(self.call_id), self.channel_name)

    # The page

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.stage is Stage.OVER:
            return
        if self._is_too_fast():
            await self._refuse("too_fast", _("This page sends too much."))
            return
        try:
            await self._obey(frames.parse(text_data))
        except frames.FrameError as error:
            if self.stage is Stage.FIRST_FRAME or error.code == "too_large":
                await self._refuse(error.code, error.message)
            else:
                await self._say_error(error.code, error.message, error.frame_id)

    async def _obey(self, frame: frames.Frame) -> None:
        if self.stage is Stage.FIRST_FRAME:
            if isinstance(frame, frames.Join | frames.Resume):
                await self._enter(frame)
            else:
                await self._refuse("bad_frame", _("The first frame is a join or a resume."))
            return
        match frame:
            case frames.Join() | frames.Resume():
                await self._say_error("bad_frame", _("This socket has its seat."), frame.id)
            case frames.Ping():
                await self._say("pong")
            case frames.Pong():
                self._pings = 0
            case frames.Candidate():
                pass  # the relay is ICE-lite
            case frames.Restart():
                await self._tell_relay(events.relay_restart(**self._seat, offer=frame.offer, frame=frame.id))
            case frames.SetMedia():
                await self._tell_relay(
                    events.relay_media(**self._seat, media=frame.media, take_screen=frame.take_screen, frame=frame.id)
                )
            case frames.PostChat():
                await self._tell_relay(events.relay_chat(**self._seat, text=frame.text, frame=frame.id))
            case frames.Leave():
                await self._tell_relay(events.relay_leave(**self._seat))
                await self._finish(CLOSED_NORMALLY)
            case frames.Remove() | frames.End():
                await self._command(frame)
            case frames.Prefer():
                await self._tell_relay(events.relay_prefer(**self._seat, low_data=frame.low, frame=frame.id))
            case frames.Hears():
                await self._tell_relay(events.relay_hears(**self._seat, speakers=frame.speakers, frame=frame.id))
            case frames.Extend():
                await self._say_error("not_allowed", _("This call does not offer that."), frame.id)

    async def _enter(self, frame: frames.Join | frames.Resume) -> None:
        """Steps: the ticket; the seat, its call and node; the group, *then* the relay, whose answer is a snapshot."""
        self.stage = Stage.ASKING
        ticket = read(frame.ticket)
        if ticket is None or ticket.call_id != self.call_id:
            await self._refuse("ticket", _("This page is out of date. Load it again."))
            return
        if isinstance(frame, frames.Resume) and frame.connection != ticket.connection:
            await self._refuse("bad_frame", _("The ticket is of another connection."))
            return
        try:
            self.entry = await database_sync_to_async(services.enter)(ticket=ticket)
        except DomainError as error:
            await self._refuse(error.code, error.message)
            return
        except (OperationalError, InterfaceError):
            await self._refuse("unavailable", str(_UNREACHABLE))
            return
        await self.channel_layer.group_add(events.call_group(self.call_id), self.channel_name)
        if isinstance(frame, frames.Resume):
            await self._tell_relay(events.relay_resume(**self._seat))
        else:
            await self._tell_relay(
                events.relay_join(
                    **self._seat,
                    identity=self.entry.identity,
                    name=self.entry.name,
                    role=self.entry.role,
                    device_check=self.entry.device_check,
                    media=frame.media,
                    offer=frame.offer,
                    policy=self.entry.policy,
                    deadlines=self.entry.deadlines,
                    reserved=self.entry.reserved,
                )
            )

    async def _command(self, frame: frames.Remove | frames.End) -> None:
        """What members may do to others: the right is looked up again each time (hazard H6)."""
        seat_id = self._seat["participant_id"]
        try:
            if isinstance(frame, frames.Remove):
                await database_sync_to_async(services.remove_participant_as_member)(
                    seat_id=seat_id, participant_id=frame.participant
                )
            else:
                await database_sync_to_async(services.end_call_as_member)(seat_id=seat_id, revoke=frame.revoke)
        except DomainError as error:
            await self._say_error(error.code, error.message, frame.id)
        except (OperationalError, InterfaceError):
            await self._say_error("unavailable", _("This could not be done just now. Try again."), frame.id)

    # The relay, about this seat

    async def seat_welcome(self, message: events.Message) -> None:
        if self.stage is not Stage.ASKING or self.entry is None:
            return
        self.stage = Stage.SPEAKING
        self._waiting = message["waiting"]
        await self._say(
            "welcome",
            participant=str(self.entry.seat_id),
            connection=self.entry.connection,
            role=str(self.entry.role),
            name=self.entry.name,
            title=self.entry.title,
            ice_servers=[] if self._waiting else self._ice_servers(),
            policy={"capacity": self.entry.policy.capacity, "member_wait": self.entry.policy.member_wait},
            chat=message["chat"],
            now=time.time(),
        )
        if message["sdp"] is not None:
            await self._say("answer", sdp=message["sdp"])
        elif self._waiting:
            await self._say("full")
        await self.call_roster(message)
        await self.call_countdown(message)
        await self.seat_quality(message)

    async def seat_quality(self, message: events.Message) -> None:
        if self.stage is Stage.SPEAKING:
            await self._say("quality", **message["quality"])

    async def seat_answer(self, message: events.Message) -> None:
        self._waiting = False
        await self._say("answer", sdp=message["sdp"], ice_servers=self._ice_servers())
        for said in message["chat"]:
            await self._say("chat", **said)

    async def seat_refused(self, message: events.Message) -> None:
        code, about = message["code"], message["about"]
        if code == "taken_over":
            await self.seat_taken_over(message)
        elif code in _NO_SEAT and (about, code) != ("join", "no_such_call"):
            await self.seat_rejoin(events.seat_rejoin("lost"))
        elif about in ("join", "resume"):
            await self._refuse(code, message["message"])
        else:
            await self._say_error(code, message["message"], message["frame"])

    async def seat_taken_over(self, message: events.Message) -> None:
        await self._say("taken_over")
        await self._finish(CLOSE_CODES["taken_over"])

    async def seat_moved(self, message: events.Message) -> None:
        await self._say("moved", call=message["call"], connection=message["connection"])
        await self._finish(CLOSED_NORMALLY)

    async def seat_removed(self, message: events.Message) -> None:
        await self._say("removed")
        await self._finish(CLOSE_CODES["removed"])

    async def seat_rejoin(self, message: events.Message) -> None:
        await self._say("rejoin", reason=message["reason"])
        await self._finish(CLOSE_CODES["unavailable"])

    # The relay, to all of the call

    async def call_roster(self, message: events.Message) -> None:
        roster = message["roster"]
        if self.stage is not Stage.SPEAKING or self.entry is None or roster["version"] < self._roster_version:
            return
        self._roster_version = roster["version"]
        await self._say("roster", **events.roster_for(str(self.entry.seat_id), self.entry.role, roster))

    async def call_countdown(self, message: events.Message) -> None:
        if self.stage is Stage.SPEAKING:
            await self._say("countdown", **message["countdown"], now=time.time())

    async def call_chat(self, message: events.Message) -> None:
        if self.stage is Stage.SPEAKING and not self._waiting:
            await self._say("chat", **message["chat"])

    async def call_speaking(self, message: events.Message) -> None:
        if self.stage is Stage.SPEAKING:
            await self._say("speaking", participants=message["participants"])

    async def call_changed(self, message: events.Message) -> None:
        """For members: what changed is theirs to read (rule C2)."""
        if self.stage is Stage.SPEAKING and self.entry is not None and self.entry.role == Role.MEMBER:
            await self._say("changed", what=message["what"])

    async def call_ended(self, message: events.Message) -> None:
        await self._say("ended", reason=message["reason"])
        await self._finish(CLOSED_NORMALLY)

    async def call_rejoin(self, message: events.Message) -> None:
        await self.seat_rejoin(message)

    # Time

    async def _keep_time(self) -> None:
        beats = 0
        while self.stage is not Stage.OVER:
            stage = self.stage
            await beat()
            beats += 1
            if self.stage is Stage.FIRST_FRAME:
                await self._refuse("too_slow", _("Nothing came from this page."))
            elif self.stage is Stage.ASKING and stage is Stage.ASKING:
                await self._refuse("unavailable", str(_UNREACHABLE))
            elif self.stage is Stage.SPEAKING:
                if self._waiting:
                    await self._tell_relay(events.relay_renew(**self._seat))
                if beats % PINGED_EACH == 0:
                    await self._ping()

    async def _ping(self) -> None:
        if self._pings >= PINGS_UNANSWERED:
            await self._finish(CLOSE_CODES["too_slow"])
            return
        self._pings += 1
        await self._say("ping", now=time.time())

    def _is_too_fast(self) -> bool:
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._frames = second, 0
        self._frames += 1
        return self._frames > FRAMES_A_SECOND

    # Out

    @property
    def _seat(self) -> dict[str, Any]:
        """How each command to the relay begins."""
        if self.entry is None:
            raise RuntimeError("the relay is asked before the ticket was read")
        return {
            "call_id": self.entry.call_id,
            "reply_to": self.channel_name,
            "participant_id": self.entry.seat_id,
            "connection": self.entry.connection,
        }

    def _ice_servers(self) -> list[turn.IceServer]:
        return turn.ice_servers(self.entry.seat_id, now=time.time()) if self.entry else []

    async def _tell_relay(self, message: events.Message) -> None:
        if self.entry is None:
            return
        try:
            await events.send(events.relay_channel(self.entry.node), message)
        except ChannelFull:
            await self.seat_rejoin(events.seat_rejoin("busy"))

    async def _say(self, kind: str, /, **fields: object) -> None:
        if self.stage is not Stage.OVER:
            await self.send(text_data=json.dumps({"type": kind, **fields}))

    async def _say_error(self, code: str, message: str, frame_id: str | None) -> None:
        await self._say("error", code=code, message=message, **({"id": frame_id} if frame_id else {}))

    async def _refuse(self, code: str, message: str) -> None:
        """An error, then the close code that goes with it."""
        await self._say_error(code, message, None)
        await self._finish(CLOSE_CODES.get(code, CLOSE_CODES["unavailable"]))

    async def _finish(self, close_code: int) -> None:
        if self.stage is not Stage.OVER:
            self.stage = Stage.OVER
            await self.close(code=close_code)


async def beat() -> None:
    await asyncio.sleep(BEAT)


def is_own_origin(headers: list[tuple[bytes, bytes]]) -> bool:
    """The page comes from the host it talks to, or from PUBLIC_URL (docs/protocol.md, "Opening")."""
    named = dict(headers)
    origin = named.get(b"origin", b"").decode("latin1")
    if not origin:
        return False
    if origin == settings.PUBLIC_URL:
        return True
    host = named.get(b"host", b"").decode("latin1")
    try:
        return bool(host) and urlsplit(origin).netloc == host
    except ValueError:  # "http://["
        return False
