"""The list of Meeting Rooms with its live facts: who is in (rule R1)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from accounts.models import User
from calls.models import Attendance
from rooms.models import MeetingRoom, RoomMembership


@dataclass(frozen=True)
class RoomLine:
    room: MeetingRoom
    is_administrator: bool
    people: tuple[str, ...]  # names of those who are in now, in the order they came
    i_am_in: bool


def list_lines(user: User, search: str = "") -> list[RoomLine]:
    """One line for each room `user` is a member of; three queries, however many rooms."""
    rooms = list(MeetingRoom.objects.used_by(user).named_like(search))
    administered = set(
        RoomMembership.objects.administrators().filter(user=user, room__in=rooms).values_list("room_id", flat=True)
    )
    people: dict[str, list[Attendance]] = {room.place: [] for room in rooms}
    for attendance in (
        Attendance.objects.open()
        .filter(seat__call__place__in=people, seat__call__ended_at=None, seat__removed_at=None)
        .select_related("seat__call")
        .order_by("joined_at", "pk")
    ):
        people[attendance.seat.call.place].append(attendance)
    return [
        RoomLine(
            room=room,
            is_administrator=room.pk in administered,
            people=tuple(attendance.seat.display_name for attendance in people[room.place]),
            i_am_in=any(attendance.seat.identity == user.identity for attendance in people[room.place]),
        )
        for room in rooms
    ]


def version_of(lines: Sequence[RoomLine]) -> str:
    """Changes when a line would look or act differently: an unchanged list is not sent again."""
    facts = [
        (str(line.room.pk), line.room.name, line.room.link_generation, line.is_administrator, line.people, line.i_am_in)
        for line in lines
    ]
    return hashlib.blake2s(repr(facts).encode(), digest_size=8).hexdigest()
