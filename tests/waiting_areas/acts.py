"""What tests of services do to callers, providers and the relay between them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.models import User
from calls import events as call_events
from calls.models import Call, Seat
from calls.relay.terms import GoneReason
from calls.services import close_attendance, open_attendance, open_call
from tests.rooms.factories import make_room
from waiting_areas import services
from waiting_areas.models import Caller, WaitingArea
from waiting_areas.services import Details
from waiting_areas.states import Status
from waiting_areas.whereabouts import find_one

GAIL = Details(name="Gail Grey", telephone="01632 960 123")


def arrive(area: WaitingArea, details: Details = GAIL, **overrides: Any) -> Caller:
    given = {"generation": area.link_generation, "arrival": uuid4(), "now": timezone.now()} | overrides
    return services.arrive(area=area, details=details, **given)


def status_of(caller: Caller) -> Status:
    caller.refresh_from_db()
    return find_one(caller, now=timezone.now()).status


def own_seat(caller: Caller) -> Seat:
    return Seat.objects.standing().get(identity=caller.identity)


def be_live(seat: Seat, node: str = "node") -> None:
    """At the relay, as it would store it."""
    Call.objects.filter(pk=seat.call_id).update(node=node)
    open_attendance(seat_id=seat.pk, node=node, at=timezone.now())


def go(seat: Seat, reason: GoneReason, node: str = "node") -> None:
    close_attendance(seat_id=seat.pk, node=node, at=timezone.now(), reason=reason)


def consult(caller: Caller, provider: User) -> tuple[Seat, Seat]:
    """The provider's seat and the caller's, both live."""
    theirs = services.join_call(caller=caller, by=provider)
    be_live(theirs)
    callers = own_seat(caller)
    be_live(callers)
    return theirs, callers


def live_in_room(area: WaitingArea, provider: User) -> Seat:
    """The provider live in a meeting room's call, which stands on a node."""
    room = make_room(organisation=area.organisation)
    seat = Seat.objects.create(
        call=open_call(place=room.place), identity=provider.identity, role="member", display_name=provider.name
    )
    be_live(seat)
    return seat


def relay_answers(monkeypatch: pytest.MonkeyPatch, reply: call_events.Message | None) -> None:
    async def answer(node: str, message: call_events.Message) -> call_events.Message | None:
        return reply

    monkeypatch.setattr(call_events, "ask_node", answer)
