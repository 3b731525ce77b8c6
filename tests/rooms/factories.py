"""Rooms and who may use them. Any field can be said by name; what is not said is sensible and unique."""

from __future__ import annotations

from itertools import count
from typing import Any

from accounts.models import Organisation, User
from calls.models import Attendance, Call, Seat
from calls.services import admit, open_call
from rooms.models import MeetingRoom, RoomMembership
from tests.accounts.factories import make_organisation, make_user

_numbers = count(1)


def make_room(*, organisation: Organisation | None = None, **overrides: Any) -> MeetingRoom:
    fields = {"name": f"Room {next(_numbers)}"} | overrides
    return MeetingRoom.objects.create(organisation=organisation or make_organisation(), **fields)


def make_room_membership(
    *, room: MeetingRoom | None = None, user: User | None = None, role: str = RoomMembership.Role.MEMBER
) -> RoomMembership:
    """Of a new colleague, unless `user` is said."""
    room = room or make_room()
    return RoomMembership.objects.create(room=room, user=user or make_user(organisation=room.organisation), role=role)


def make_member(room: MeetingRoom, **overrides: Any) -> User:
    return make_room_membership(room=room, user=make_user(organisation=room.organisation, **overrides)).user


def make_administrator(room: MeetingRoom, **overrides: Any) -> User:
    user = make_user(organisation=room.organisation, **overrides)
    return make_room_membership(room=room, user=user, role=RoomMembership.Role.ADMINISTRATOR).user


def make_somebody_in(
    room: MeetingRoom, *, identity: str = "visitor:1", name: str = "Gail", role: str = Seat.Role.GUEST
) -> Seat:
    """Somebody live in the room's call, as the relay would have written it."""
    call: Call = open_call(place=room.place)
    seat = admit(call=call, identity=identity, display_name=name, role=role)
    Attendance.objects.create(seat=seat, joined_at=call.opened_at, node="node")
    return seat
