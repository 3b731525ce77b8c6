"""What a caller's page shows: a whole snapshot with a version, so that an open page knows whether to read it again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.versions import version_of
from waiting_areas.models import Caller, CallerEvent
from waiting_areas.services import Phrase
from waiting_areas.states import LeftReason
from waiting_areas.whereabouts import find_one


@dataclass(frozen=True, slots=True)
class PlaceOfCaller:
    """`kind` is "waiting", "held", "called", "phone" or "over"."""

    kind: str
    messages: tuple[CallerEvent, ...]
    phrases: tuple[Phrase, ...]
    position: int | None  # how many are before them, where the area tells
    call_id: UUID | None  # the call their page belongs in now
    connection: int  # the number of their seat there
    area_id: UUID  # another one after a transfer
    left_reason: str
    may_rejoin: bool  # by the link they came by

    @property
    def version(self) -> str:
        """Changes when the page would look different."""
        messages = [message.pk for message in self.messages]
        facts = (self.kind, str(self.area_id), messages, self.position, str(self.call_id), self.connection)
        return version_of(*facts)


def describe_place(caller: Caller, *, now: datetime) -> PlaceOfCaller:
    """`caller` with its area. Others appear in it as a number at most, and only if the area says so (rule W1)."""
    where = find_one(caller, now=now)
    is_waiting = caller.is_inside or caller.may_come_back(now)
    is_called = caller.is_inside and where.is_called and where.seat is not None
    if not is_waiting:
        kind = "over"
    elif caller.phone_instead_at:
        kind = "phone"
    elif is_called:
        kind = "called"
    else:
        kind = "held" if where.facts.was_with_provider else "waiting"
    seat = where.seat if is_called else None
    return PlaceOfCaller(
        kind=kind,
        messages=tuple(caller.events.messages()),
        phrases=tuple(Phrase),
        position=_position(caller) if caller.area.shows_position and kind in ("waiting", "held") else None,
        call_id=seat.call_id if seat else None,
        connection=seat.connection if seat else 0,
        area_id=caller.area_id,
        left_reason=caller.left_reason if kind == "over" else "",
        may_rejoin=kind == "over"
        and caller.left_reason != LeftReason.REMOVED
        and caller.link_generation == caller.area.link_generation
        and caller.area.deleted_at is None,
    )


def _position(caller: Caller) -> int:
    """How many are before them."""
    return Caller.objects.in_line(caller.area_id).filter(arrived_at__lt=caller.arrived_at).count()
