"""A relay node at work in the house: calls.relay.node on one side, channel layer and database on the other.

Commands come in on the node's own channel and are carried out in order, without waiting for anything: the node
answers at once. What goes out (replies, news, rows) goes through two ordered queues, so that a slow or absent Redis
or database holds up neither the calls nor each other (hazard H22). Lost news is no harm: each reply to a join or a
resume is a whole snapshot. Rows are not lost: the write queue waits for the database, and each write is idempotent
and names this node (calls.services).
"""

from __future__ import annotations

import asyncio
import gc
import logging
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, ParamSpec, Protocol
from uuid import UUID

from asgiref.sync import ThreadSensitiveContext
from channels.db import database_sync_to_async
from channels.exceptions import ChannelFull
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from calls import events, leases, services
from calls.relay.node import RelayNode
from calls.relay.terms import (
    AdmissionFailed,
    Admitted,
    Answer,
    CallEnded,
    ChatPosted,
    CountdownChanged,
    Deadlines,
    EndReason,
    Entrant,
    Event,
    GoneReason,
    Media,
    MemberDeadlineChanged,
    NodeSnapshot,
    ParticipantGone,
    ParticipantLive,
    Policy,
    Quality,
    Refusal,
    Role,
    Roster,
    RosterChanged,
    Speaking,
    State,
    Waiting,
)
from calls.relay.udp import default_addresses, parse_addresses
from core.background import until

ENDED_KEPT = 10_000  # ids of calls that ended here: a late join must not open one again
RETRIES = (0.1, 0.5, 1.0, 2.0)  # seconds between tries at the database; the last one goes on
FLUSH = 5.0  # seconds for what is still to be written when the node stops
RECEIVE_AGAIN = 0.2  # seconds, while Redis is away
DRAIN_LOOK = 0.5  # seconds
CANCELLED_WITHIN = 0.5  # seconds
COLLECT = 10_000, 50, 20  # objects, then collections of the younger ones: packets come and go without any (ADR 8)
_OF_A_SPEAKER = {
    "restart",
    "media",
    "prefer",
    "hears",
    "chat",
    "renew",
    "leave",
}  # commands only the seat's own page may give

logger = logging.getLogger(__name__)
_P = ParamSpec("_P")


class Node(Protocol):
    """The face of calls.relay.node.RelayNode, as far as it is driven from here."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    def open(self, call_id: str, policy: Policy, deadlines: Deadlines, reserved: Mapping[str, float]) -> None: ...
    def join(self, call_id: str, entrant: Entrant, offer: str) -> Answer | Waiting: ...
    def resume(self, call_id: str, participant_id: str, connection: int) -> State: ...
    def restart(self, call_id: str, participant_id: str, connection: int, offer: str) -> Answer: ...
    def leave(self, call_id: str, participant_id: str, connection: int) -> None: ...
    def remove(self, call_id: str, participant_id: str) -> None: ...
    def end(self, call_id: str, reason: EndReason) -> None: ...
    def reserve(self, call_id: str, identity: str, seconds: float) -> None: ...
    def renew(self, call_id: str, participant_id: str, connection: int) -> None: ...
    def set_deadlines(self, call_id: str, deadlines: Deadlines) -> None: ...
    def set_media(self, call_id: str, participant_id: str, media: Media, take_screen: bool = False) -> None: ...
    def prefer(self, call_id: str, participant_id: str, *, low_data: bool) -> None: ...
    def report_hearing(self, call_id: str, participant_id: str, speakers: Sequence[str]) -> None: ...
    def post_chat(self, call_id: str, participant_id: str, text: str) -> None: ...
    def chat(self, call_id: str, participant_id: str) -> Sequence[ChatPosted]: ...
    def roster(self, call_id: str) -> Roster: ...
    def countdown(self, call_id: str) -> CountdownChanged: ...
    def quality(self, call_id: str, participant_id: str) -> Quality: ...
    def mirror(self, offer: str) -> Answer: ...
    def drain(self) -> None: ...
    def snapshot(self) -> NodeSnapshot: ...


@dataclass(frozen=True, slots=True)
class _Socket:
    """The one page that speaks for a participant."""

    channel: str
    connection: int


class LeaseLost(Exception):
    """The house declared this node dead; its calls are on other nodes now, under other legs."""


class RelayWorker:
    """One node from start to stop. Its id is new each time, so that nothing of an earlier life is mistaken for it."""

    def __init__(self, make_node: Callable[[Callable[[Event], None]], Node]) -> None:
        self.id = secrets.token_hex(8)
        self._node = make_node(self._on_event)
        self._sockets: dict[tuple[str, str], _Socket] = {}  # by call and participant
        self._ended: OrderedDict[str, None] = OrderedDict()
        self._out: asyncio.Queue[Callable[[], Any]] = asyncio.Queue()
        self._writes: asyncio.Queue[Callable[[], object]] = asyncio.Queue()
        self._commands: dict[str, Callable[[events.Message], None]] = {
            "join": self._join,
            "resume": self._resume,
            "restart": self._restart,
            "media": self._set_media,
            "prefer": self._prefer,
            "hears": self._hears,
            "chat": self._post_chat,
            "renew": self._renew_place,
            "leave": self._leave,
            "let_go": self._let_go,
            "reserve": self._reserve,
            "remove": self._remove,
            "end": self._end,
            "end_unless_here": self._end_unless_here,
            "deadlines": self._set_deadlines,
            "mirror": self._mirror,
        }
        self._draining = False
        self._stopped = False

    async def run(self, stop: asyncio.Event, *, drain: float = 0.0) -> None:
        """Serve until `stop`, then for at most `drain` seconds the calls that still run.

        Raises LeaseLost, and OSError when the media port cannot be bound.
        """
        running: list[asyncio.Task[None]] = []
        await self._node.start()
        try:
            async with ThreadSensitiveContext():
                await database_sync_to_async(leases.take)(self.id)
            loops = (self._receive(), self._send(), self._write(), self._renew())
            running += [asyncio.create_task(loop) for loop in loops]
            logger.info("Relay %s serves.", self.id)
            await self._serve(stop, drain, running)
        finally:
            await self._stop(running)

    async def _serve(self, stop: asyncio.Event, drain: float, running: Sequence[asyncio.Task[None]]) -> None:
        """Return when asked to stop and drained; raise what any of the loops raises."""
        stopped = asyncio.create_task(stop.wait())
        failed, _pending = await asyncio.wait((stopped, *running), return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        failed.discard(stopped)
        self._draining = True
        until_moment = asyncio.get_running_loop().time() + drain
        while not failed and self._load() and asyncio.get_running_loop().time() < until_moment:
            failed, _pending = await asyncio.wait(running, timeout=DRAIN_LOOK, return_when=asyncio.FIRST_COMPLETED)
        for task in failed:
            task.result()

    async def _stop(self, running: Sequence[asyncio.Task[None]]) -> None:
        self._node.drain()
        self._stopped = True  # calls go on elsewhere: what closing the legs brings about is nobody's leaving
        await self._node.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(FLUSH):
                await self._writes.join()
                await self._out.join()
        pending = set(running)
        while pending:  # again, if need be: asyncio.wait_for of Python 3.11 may swallow one (CPython issue 86296)
            for task in pending:
                task.cancel()
            _done, pending = await asyncio.wait(pending, timeout=CANCELLED_WITHIN)
        release = partial(services.release_node, node=self.id, now=timezone.now())
        with suppress(OperationalError, InterfaceError):
            async with ThreadSensitiveContext():
                await database_sync_to_async(release)()

    def _load(self) -> int:
        return sum(call.live + call.waiting for call in self._node.snapshot().calls)

    # Loops

    async def _receive(self) -> None:
        layer = get_channel_layer()
        while True:
            try:
                command = await layer.receive(events.relay_channel(self.id))
            except Exception as error:
                logger.warning("Commands cannot be received: %s", type(error).__name__)
                await asyncio.sleep(RECEIVE_AGAIN)
                continue
            try:
                self._handle(command)
            except Exception:  # never the end of the others' calls
                logger.exception("A command could not be carried out.")

    async def _send(self) -> None:
        while True:
            send = await self._out.get()
            try:
                await send()
            except ChannelFull:
                logger.warning("A channel is full; its page will ask for a snapshot.")
            except Exception as error:
                logger.warning("News could not be sent: %s", type(error).__name__)
            finally:
                self._out.task_done()

    async def _write(self) -> None:
        async with ThreadSensitiveContext():
            while True:
                write = await self._writes.get()
                try:
                    await self._write_once_possible(write)
                except Exception:
                    logger.exception("A row could not be written.")
                finally:
                    self._writes.task_done()

    async def _write_once_possible(self, write: Callable[[], object]) -> None:
        tries = 0
        while True:
            try:
                await database_sync_to_async(write)()
            except (OperationalError, InterfaceError):
                if tries == 0:
                    logger.warning("The database is away; calls go on, rows wait.")
                await asyncio.sleep(RETRIES[min(tries, len(RETRIES) - 1)])
                tries += 1
            else:
                return

    async def _renew(self) -> None:
        """On a thread of its own: a row that waits for somebody else's lock must not cost the node its lease."""
        async with ThreadSensitiveContext():
            while True:
                live = sum(call.live for call in self._node.snapshot().calls)
                renew = partial(leases.renew, self.id, live=live, draining=self._draining)
                with suppress(OperationalError, InterfaceError):
                    if not await database_sync_to_async(renew)():
                        raise LeaseLost(self.id)
                await asyncio.sleep(leases.RENEWED_EACH)

    # Commands

    def _handle(self, command: events.Message) -> None:
        """One command of calls.events. What the node refuses goes back to the socket that asked."""
        verb = command["type"].removeprefix("relay.")
        try:
            if verb in _OF_A_SPEAKER:
                self._check_speaks(command)
            self._commands[verb](command)
        except Refusal as refusal:
            if refusal.code == "draining" and "call" in command:
                self._store(services.release_call, call_id=UUID(command["call"]), node=self.id)
            if reply_to := command.get("reply_to"):
                refused = events.seat_refused(
                    about=verb, code=refusal.code, message=refusal.message, frame=command.get("frame")
                )
                self._tell(reply_to, refused)

    def _join(self, command: events.Message) -> None:
        call, participant = command["call"], command["participant"]
        if call in self._ended:
            raise Refusal("no_such_call", "This call has ended.")
        if self._draining and not self._is_here(call):
            raise Refusal("draining", "This relay takes no new calls.")
        self._node.open(
            call, Policy(**command["policy"]), Deadlines(**command["deadlines"]), reserved=command["reserved"]
        )
        entrant = Entrant(
            participant_id=participant,
            identity=command["identity"],
            name=command["name"],
            role=Role(command["role"]),
            connection=command["connection"],
            media=Media(**command["media"]),
            device_check=command["device_check"],
        )
        outcome = self._node.join(call, entrant, command["offer"])
        self._speak(command)
        self._welcome(command, sdp=outcome.sdp if isinstance(outcome, Answer) else None)

    def _resume(self, command: events.Message) -> None:
        self._node.resume(command["call"], command["participant"], command["connection"])
        self._speak(command)
        self._welcome(command, sdp=None)

    def _welcome(self, command: events.Message, *, sdp: str | None) -> None:
        call = command["call"]
        roster = self._node.roster(call)
        seated = any(person.participant_id == command["participant"] for person in roster.people)
        welcome = events.seat_welcome(
            sdp=sdp,
            waiting=not seated,
            chat=self._node.chat(call, command["participant"]) if seated else (),
            roster=roster,
            countdown=self._node.countdown(call),
            quality=self._node.quality(call, command["participant"]),
        )
        self._tell(command["reply_to"], welcome)

    def _restart(self, command: events.Message) -> None:
        answer = self._node.restart(command["call"], command["participant"], command["connection"], command["offer"])
        self._tell(command["reply_to"], events.seat_answer(sdp=answer.sdp))

    def _set_media(self, command: events.Message) -> None:
        self._node.set_media(
            command["call"], command["participant"], Media(**command["media"]), take_screen=command["take_screen"]
        )

    def _prefer(self, command: events.Message) -> None:
        self._node.prefer(command["call"], command["participant"], low_data=command["low_data"])

    def _hears(self, command: events.Message) -> None:
        self._node.report_hearing(command["call"], command["participant"], command["speakers"])

    def _post_chat(self, command: events.Message) -> None:
        self._node.post_chat(command["call"], command["participant"], command["text"])

    def _renew_place(self, command: events.Message) -> None:
        self._node.renew(command["call"], command["participant"], command["connection"])

    def _leave(self, command: events.Message) -> None:
        self._node.leave(command["call"], command["participant"], command["connection"])

    def _let_go(self, command: events.Message) -> None:
        call, participant = command["call"], command["participant"]
        if socket := self._sockets.pop((call, participant), None):
            self._tell(socket.channel, command["moved"] or events.seat_taken_over())
            self._node.leave(call, participant, socket.connection)

    def _reserve(self, command: events.Message) -> None:
        self._node.reserve(command["call"], command["identity"], command["seconds"])
        self._tell(command["reply_to"], events.seat_reserved())

    def _remove(self, command: events.Message) -> None:
        self._node.remove(command["call"], command["participant"])

    def _end(self, command: events.Message) -> None:
        call, reason = command["call"], EndReason(command["reason"])
        try:
            self._node.end(call, reason)
        except Refusal:  # assigned to this node, but nobody has come yet
            self._on_ended(CallEnded(call, reason, timezone.now().timestamp()))

    def _end_unless_here(self, command: events.Message) -> None:
        if not self._is_here(command["call"]):
            self._end(command)

    def _is_here(self, call_id: str) -> bool:
        return any(here.call_id == call_id for here in self._node.snapshot().calls)

    def _set_deadlines(self, command: events.Message) -> None:
        self._node.set_deadlines(command["call"], Deadlines(**command["deadlines"]))

    def _mirror(self, command: events.Message) -> None:
        answer = self._node.mirror(command["offer"])
        self._tell(command["reply_to"], events.mirror_answer(sdp=answer.sdp))

    def _speak(self, command: events.Message) -> None:
        """This socket speaks for the participant from now on; the one that did is told (rule C4)."""
        key = command["call"], command["participant"]
        former = self._sockets.get(key)
        self._sockets[key] = _Socket(command["reply_to"], command["connection"])
        if former and former.channel != command["reply_to"]:
            self._tell(former.channel, events.seat_taken_over())

    def _check_speaks(self, command: events.Message) -> None:
        """Raises Refusal: a page that was taken over changes nothing any more (hazard H18)."""
        socket = self._sockets.get((command["call"], command["participant"]))
        if socket is None:
            raise Refusal("no_such_participant", "The seat is gone: join again.")
        if socket.channel != command["reply_to"]:
            raise Refusal("taken_over", "You joined from somewhere else.")

    # News

    def _on_event(self, event: Event) -> None:
        if self._stopped:
            return
        match event:
            case RosterChanged():
                self._tell_call(event.call_id, events.call_roster(event.roster))
            case CountdownChanged():
                self._tell_call(event.call_id, events.call_countdown(event))
            case Speaking():
                self._tell_call(event.call_id, events.call_speaking(event.participant_ids))
            case Quality():
                self._tell_participant(event, events.seat_quality(event))
            case ChatPosted():
                self._tell_call(event.call_id, events.call_chat(event))
            case Admitted():
                chat = self._node.chat(event.call_id, event.participant_id)
                answer = events.seat_answer(sdp=event.answer.sdp, chat=chat)
                self._tell_participant(event, answer)
            case AdmissionFailed():
                self._tell_participant(event, events.seat_refused(about="join", code=event.code, message=event.message))
            case ParticipantLive(participant_id=participant_id):
                at = services.moment(event.at)
                self._store(services.open_attendance, seat_id=UUID(participant_id), node=self.id, at=at)
            case ParticipantGone():
                self._on_gone(event)
            case MemberDeadlineChanged(call_id=call_id):
                deadline = None if event.member_deadline is None else services.moment(event.member_deadline)
                self._store(
                    services.store_member_deadline, call_id=UUID(call_id), node=self.id, member_deadline=deadline
                )
            case CallEnded():
                self._on_ended(event)

    def _on_gone(self, event: ParticipantGone) -> None:
        if event.was_live:
            self._store(
                services.close_attendance,
                seat_id=UUID(event.participant_id),
                node=self.id,
                at=services.moment(event.at),
                reason=event.reason,
            )
        match event.reason:
            case GoneReason.REMOVED:
                self._tell_participant(event, events.seat_removed())
            case GoneReason.LOST | GoneReason.FAILED | GoneReason.REFUSED:
                self._tell_participant(event, events.seat_rejoin(event.reason))
        self._sockets.pop((event.call_id, event.participant_id), None)

    def _on_ended(self, event: CallEnded) -> None:
        self._tell_call(event.call_id, events.call_ended(event.reason))
        self._ended[event.call_id] = None
        if len(self._ended) > ENDED_KEPT:
            self._ended.popitem(last=False)
        at = services.moment(event.at)
        self._store(services.store_end, call_id=UUID(event.call_id), node=self.id, reason=event.reason, at=at)

    def _tell_participant(
        self, event: Admitted | AdmissionFailed | ParticipantGone | Quality, message: events.Message
    ) -> None:
        if socket := self._sockets.get((event.call_id, event.participant_id)):
            self._tell(socket.channel, message)

    def _tell(self, channel: str, message: events.Message) -> None:
        self._out.put_nowait(partial(events.send, channel, message))

    def _tell_call(self, call_id: str, message: events.Message) -> None:
        self._out.put_nowait(partial(get_channel_layer().group_send, events.call_group(call_id), message))

    def _store(self, write: Callable[_P, object], *arguments: _P.args, **named: _P.kwargs) -> None:
        self._writes.put_nowait(partial(write, *arguments, **named))


async def run(stop: asyncio.Event, *, drain: float = 0.0) -> None:
    """A relay node on this host's addresses, until `stop`: the relay task of `serve`, and all of `manage.py relay`."""
    addresses = (
        parse_addresses(settings.RELAY_ADDRESSES)
        if settings.RELAY_ADDRESSES
        else default_addresses(settings.RELAY_PORT)
    )
    tcp_addresses = parse_addresses(settings.RELAY_TCP_ADDRESSES, one_port=False)
    gc.collect()
    gc.freeze()  # the program stays: a full collection would hold up every packet for 35 ms (ADR 8)
    gc.set_threshold(*COLLECT)
    while not stop.is_set():
        worker = RelayWorker(
            lambda on_event: RelayNode(addresses=addresses, tcp_addresses=tcp_addresses, events=on_event)
        )
        try:
            await worker.run(stop, drain=drain)
        except LeaseLost:
            logger.warning("Relay %s was declared dead; starting anew.", worker.id)
            await until(stop, leases.RENEWED_EACH)
