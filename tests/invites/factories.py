"""Invitations to a meeting room. Any field can be said by name; what is not said is sensible and unique."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count
from typing import Any

from django.utils import timezone

from accounts.models import User
from calls.models import Call
from calls.services import open_call
from invites.models import Invite
from invites.services import send_invite
from messaging.models import Message
from rooms.models import MeetingRoom
from tests.rooms.factories import make_member, make_room

_numbers = count(1)


def make_invite(*, room: MeetingRoom | None = None, **overrides: Any) -> Invite:
    """By email, for a week, sent by a member through the service; in a call with `in_call=True`."""
    room = room or make_room()
    number = next(_numbers)
    by: User = overrides.pop("by", None) or make_member(room, name=f"Member {number}")
    in_call = overrides.pop("in_call", False)
    now: datetime = overrides.pop("now", timezone.now())
    given: dict[str, Any] = {
        "kind": Invite.Kind.EMAIL,
        "recipient": f"guest{number}@example.org",
        "name": f"Guest {number}",
        "call": open_call(place=room.place) if in_call else None,
        "until": None if in_call else now + timedelta(days=7),
    }
    return send_invite(place=room.place, by=by, now=now, **given | overrides)


def messages_of(invite: Invite) -> list[Message]:
    return list(Message.objects.about(invite.about).order_by("created_at"))


def end(call: Call, at: datetime) -> None:
    Call.objects.filter(pk=call.pk).update(ended_at=at)
