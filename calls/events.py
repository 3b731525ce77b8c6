"""What travels over the channel layer, and to whom. This module alone names groups and channels and builds payloads.

Three directions: commands to a relay node (`relay.*`, calls.relay_worker reads them), replies and news to one
socket (`seat.*`) or to all of a call (`call.*`, calls.consumers reads both). A payload is plain JSON.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from channels.exceptions import ChannelFull
from channels.layers import get_channel_layer
from django.db import transaction
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from calls.relay.terms import ChatPosted, CountdownChanged, Deadlines, EndReason, Media, Policy, Quality, Role, Roster
from core.channel_layer import SharedRedisChannelLayer
from core.errors import DomainError

Message = dict[str, Any]
ORDERED_WITHIN = 3.0  # seconds
RETRIED_AFTER = 0.05  # seconds
ANSWERED_WITHIN = 3.0  # seconds


def call_group(call_id: UUID | str) -> str:
    return f"call.{call_id}"


def relay_channel(node: str) -> str:
    return f"relay.{node}"


# To a relay node


def relay_join(
    *,
    call_id: UUID,
    reply_to: str,
    participant_id: UUID,
    identity: str,
    name: str,
    role: str,
    device_check: str,
    connection: int,
    media: Media,
    offer: str,
    policy: Policy,
    deadlines: Deadlines,
    reserved: Mapping[str, float],
) -> Message:
    """Everything the node needs to open the call as well, so that a join costs it no look in the database."""
    return _command("join", call_id, reply_to, participant_id, connection) | {
        "identity": identity,
        "name": name,
        "role": str(role),
        "device_check": device_check,
        "media": asdict(media),
        "offer": offer,
        "policy": asdict(policy),
        "deadlines": asdict(deadlines),
        "reserved": dict(reserved),
    }


def relay_resume(*, call_id: UUID, reply_to: str, participant_id: UUID, connection: int) -> Message:
    return _command("resume", call_id, reply_to, participant_id, connection)


def relay_restart(
    *, call_id: UUID, reply_to: str, participant_id: UUID, connection: int, offer: str, frame: str | None
) -> Message:
    return _command("restart", call_id, reply_to, participant_id, connection) | {"offer": offer, "frame": frame}


def relay_media(
    *,
    call_id: UUID,
    reply_to: str,
    participant_id: UUID,
    connection: int,
    media: Media,
    take_screen: bool,
    frame: str | None,
) -> Message:
    return _command("media", call_id, reply_to, participant_id, connection) | {
        "media": asdict(media),
        "take_screen": take_screen,
        "frame": frame,
    }


def relay_prefer(
    *, call_id: UUID, reply_to: str, participant_id: UUID, connection: int, low_data: bool, frame: str | None
) -> Message:
    return _command("prefer", call_id, reply_to, participant_id, connection) | {"low_data": low_data, "frame": frame}


def relay_hears(
    *, call_id: UUID, reply_to: str, participant_id: UUID, connection: int, speakers: Iterable[UUID], frame: str | None
) -> Message:
    """Whose sound arrives at this page and is played."""
    return _command("hears", call_id, reply_to, participant_id, connection) | {
        "speakers": [str(speaker) for speaker in speakers],
        "frame": frame,
    }


def relay_chat(
    *, call_id: UUID, reply_to: str, participant_id: UUID, connection: int, text: str, frame: str | None
) -> Message:
    return _command("chat", call_id, reply_to, participant_id, connection) | {"text": text, "frame": frame}


def relay_renew(*, call_id: UUID, reply_to: str, participant_id: UUID, connection: int) -> Message:
    return _command("renew", call_id, reply_to, participant_id, connection)


def relay_leave(*, call_id: UUID, reply_to: str, participant_id: UUID, connection: int) -> Message:
    return _command("leave", call_id, reply_to, participant_id, connection)


def relay_let_go(*, call_id: UUID, participant_id: UUID, moved: Message | None = None) -> Message:
    """Somebody is elsewhere now: their page in this call is told so, and their seat is free.

    `moved`, a `seat_moved`, is for a page that goes along by itself (rule W6); one that does not is told that its
    place was taken over (rule C4).
    """
    return {"type": "relay.let_go", "call": str(call_id), "participant": str(participant_id), "moved": moved}


def relay_reserve(*, call_id: UUID, identity: str, seconds: float) -> Message:
    """Keep a seat for somebody on their way (rule W6). `ask_node` gets `seat.reserved` or `seat.refused`."""
    return {"type": "relay.reserve", "call": str(call_id), "identity": identity, "seconds": seconds}


def relay_remove(*, call_id: UUID, participant_id: UUID) -> Message:
    return {"type": "relay.remove", "call": str(call_id), "participant": str(participant_id)}


def relay_end(*, call_id: UUID, reason: EndReason) -> Message:
    return {"type": "relay.end", "call": str(call_id), "reason": str(reason)}


def relay_end_unless_here(*, call_id: UUID, reason: EndReason) -> Message:
    """A call assigned to the node, whose first join may have been lost."""
    return {"type": "relay.end_unless_here", "call": str(call_id), "reason": str(reason)}


def relay_deadlines(*, call_id: UUID, deadlines: Deadlines) -> Message:
    return {"type": "relay.deadlines", "call": str(call_id), "deadlines": asdict(deadlines)}


def relay_mirror(*, offer: str) -> Message:
    """The network check before joining (calls.network_check): in no call. `ask_node` gets `mirror.answer` or
    `seat.refused`.
    """
    return {"type": "relay.mirror", "offer": offer}


def _command(verb: str, call_id: UUID, reply_to: str, participant_id: UUID, connection: int) -> Message:
    return {
        "type": f"relay.{verb}",
        "call": str(call_id),
        "reply_to": reply_to,
        "participant": str(participant_id),
        "connection": connection,
    }


# To one socket


def seat_welcome(
    *,
    sdp: str | None,
    waiting: bool,
    chat: Iterable[ChatPosted],
    roster: Roster,
    countdown: CountdownChanged,
    quality: Quality,
) -> Message:
    """The reply to join and resume: the whole state, so that nothing depends on what was sent before."""
    return {
        "type": "seat.welcome",
        "sdp": sdp,
        "waiting": waiting,
        "chat": [_chat(message) for message in chat],
        "roster": _roster(roster),
        "countdown": _countdown(countdown),
        "quality": _quality(quality),
    }


def seat_quality(quality: Quality) -> Message:
    return {"type": "seat.quality", "quality": _quality(quality)}


def seat_answer(*, sdp: str, chat: Iterable[ChatPosted] = ()) -> Message:
    """`chat`: what was said so far, for somebody who waited and is let in."""
    return {"type": "seat.answer", "sdp": sdp, "chat": [_chat(message) for message in chat]}


def mirror_answer(*, sdp: str) -> Message:
    """To the request that asked; a refusal is a `seat_refused` about "mirror"."""
    return {"type": "mirror.answer", "sdp": sdp}


def seat_refused(*, about: str, code: str, message: str, frame: str | None = None) -> Message:
    return {"type": "seat.refused", "about": about, "code": code, "message": message, "frame": frame}


def seat_taken_over() -> Message:
    return {"type": "seat.taken_over"}


def seat_removed() -> Message:
    return {"type": "seat.removed"}


def seat_moved(*, call_id: UUID | None, connection: int = 0) -> Message:
    """This page belongs in another call now, with that connection number; None: back at its door (rule W6)."""
    return {"type": "seat.moved", "call": str(call_id) if call_id else None, "connection": connection}


def seat_reserved() -> Message:
    return {"type": "seat.reserved"}


def seat_rejoin(reason: str) -> Message:
    return {"type": "seat.rejoin", "reason": reason}


# To all of a call


def call_roster(roster: Roster) -> Message:
    return {"type": "call.roster", "roster": _roster(roster)}


def call_countdown(countdown: CountdownChanged) -> Message:
    return {"type": "call.countdown", "countdown": _countdown(countdown)}


def call_chat(message: ChatPosted) -> Message:
    return {"type": "call.chat", "chat": _chat(message)}


def call_speaking(participant_ids: Iterable[str]) -> Message:
    return {"type": "call.speaking", "participants": list(participant_ids)}


def call_changed(what: str) -> Message:
    """Pages of members that show it read it again."""
    return {"type": "call.changed", "what": what}


def call_ended(reason: EndReason) -> Message:
    return {"type": "call.ended", "reason": str(reason)}


def call_rejoin(reason: str) -> Message:
    return {"type": "call.rejoin", "reason": reason}


async def send(channel: str, message: Message) -> None:
    """Raises ChannelFull when the second try finds the channel full, too."""
    layer = get_channel_layer()
    try:
        await layer.send(channel, message)
    except ChannelFull:
        await asyncio.sleep(RETRIED_AFTER)
        await layer.send(channel, message)


async def ask_node(node: str, message: Message) -> Message | None:
    """The node's reply to a command that has a `reply_to`, which is filled in here; None without one in time, or while
    Redis is away."""
    layer = get_channel_layer()
    channel = await layer.new_channel()
    listening = asyncio.create_task(layer.receive(channel))  # first: what comes for nobody is thrown away
    try:
        async with asyncio.timeout(ANSWERED_WITHIN):
            await asyncio.sleep(0)
            await send(relay_channel(node), message | {"reply_to": channel})
            reply: Message = await listening
            return reply
    except (OSError, RedisError, ChannelFull):  # a timeout among them
        return None
    finally:
        listening.cancel()
        if isinstance(layer, SharedRedisChannelLayer):
            layer.forget(channel)


# From services: after the commit, and never a reason to fail what is already stored


def tell_node(node: str, message: Message) -> None:
    transaction.on_commit(lambda: async_to_sync(get_channel_layer().send)(relay_channel(node), message), robust=True)


def order_node(node: str, message: Message) -> None:
    """What somebody has pressed and waits for. Raises DomainError "unavailable", after the commit, where the node
    cannot be told: what is stored stands, and pressing again tells it again.
    """

    async def say() -> None:
        async with asyncio.timeout(ORDERED_WITHIN):
            await get_channel_layer().send(relay_channel(node), message)

    def order() -> None:
        try:
            async_to_sync(say)()
        except (ChannelFull, OSError, RedisError) as error:
            raise DomainError("unavailable", _("This could not be done just now. Try again in a moment.")) from error

    transaction.on_commit(order)


def tell_call(call_id: UUID, message: Message) -> None:
    transaction.on_commit(
        lambda: async_to_sync(get_channel_layer().group_send)(call_group(call_id), message), robust=True
    )


def _roster(roster: Roster) -> dict[str, Any]:
    return {
        "version": roster.version,
        "started_at": roster.started_at,
        "participants": [
            {
                "id": person.participant_id,
                "name": person.name,
                "role": str(person.role),
                "state": str(person.state),
                "device_check": person.device_check.split(),
            }
            | asdict(person.media)
            for person in roster.people
        ],
        "slots": {participant_id: list(slots) for participant_id, slots in roster.slots.items()},
        "screen": roster.screen,
        "shielded": roster.shielded,
    }


def roster_for(participant_id: str, role: str, roster: Message) -> Message:
    """What one page is told of a `call.roster`: its own slots; only itself while it waits for a seat (rule C1), and as
    a guest while guests are shielded (rule C3). What device checks found is for members (rule C8)."""
    people, screen = roster["participants"], roster["screen"]
    slots = roster["slots"].get(participant_id)
    if slots is None or (roster["shielded"] and role == Role.GUEST):
        people = [person for person in people if person["id"] == participant_id]
        slots = [None, None, None]
        screen = screen if screen == participant_id else None
    if role == Role.GUEST:
        people = [{name: value for name, value in person.items() if name != "device_check"} for person in people]
    return {
        "version": roster["version"],
        "started_at": roster["started_at"],
        "participants": people,
        "slots": slots,
        "screen": screen,
    }


def _countdown(countdown: CountdownChanged) -> dict[str, Any]:
    return {"kind": countdown.kind, "ends_at": countdown.ends_at}


def _quality(quality: Quality) -> dict[str, Any]:
    return {
        "paused": list(quality.paused),
        "unseen": list(quality.unseen),
        "weak": list(quality.weak),
        "unheard": list(quality.unheard),
        "screen_paused": quality.screen_paused,
    }


def _chat(message: ChatPosted) -> dict[str, Any]:
    return {"participant": message.participant_id, "name": message.name, "text": message.text, "at": message.at}
