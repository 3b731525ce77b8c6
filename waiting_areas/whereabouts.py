"""Where callers are: derived from the rows of their calls and from their lease, stored nowhere (rule W9).

Three queries for any number of callers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef

from calls.models import Attendance, Seat
from waiting_areas.models import LEASE, Caller
from waiting_areas.states import Facts, Status, status_of

CLAIM = timedelta(seconds=60)  # after Join was pressed: the page of whoever pressed it is on its way


@dataclass(frozen=True, slots=True)
class Whereabouts:
    seat: Seat | None  # the caller's, in the call they belong in now
    people: tuple[Seat, ...]  # who is live in that call, by arrival
    providers: tuple[Seat, ...]  # members who are live in it, or have just pressed Join
    facts: Facts

    @property
    def status(self) -> Status:
        return status_of(self.facts)

    @property
    def is_elsewhere(self) -> bool:
        """Brought into another call than their own (rule W6)."""
        return self.seat is not None and bool(self.seat.brought_from)

    @property
    def is_called(self) -> bool:
        """Their page belongs in the call: somebody is there for them, or they were brought and may come back."""
        return self.seat is not None and (self.is_elsewhere or bool(self.providers))

    def is_with_colleague_of(self, identity: str) -> bool:
        """Rule W5: with a provider other than this one."""
        return any(provider.identity != identity for provider in self.providers)


def find_whereabouts(callers: Iterable[Caller], *, now: datetime) -> dict[UUID, Whereabouts]:
    by_identity = {caller.identity: caller for caller in callers}
    given: dict[UUID, list[Seat]] = {caller.pk: [] for caller in by_identity.values()}
    met: set[UUID] = set()
    members = Attendance.objects.filter(seat__call=OuterRef("call"), seat__role=Seat.Role.MEMBER)
    for seat in (
        Seat.objects.filter(identity__in=by_identity)
        .annotate(has_met=Exists(members))
        .select_related("call")
        .order_by("pressed_at", "pk")
    ):
        caller = by_identity[seat.identity]
        given[caller.pk].append(seat)
        if getattr(seat, "has_met", False) and seat.pressed_at >= (caller.transferred_at or caller.arrived_at):
            met.add(caller.pk)
    current = {caller.pk: _current(caller, given[caller.pk]) for caller in by_identity.values()}
    there = _seats_in({seat.call_id for seat in current.values() if seat})
    return {
        caller.pk: _describe(caller, current[caller.pk], there, was_met=caller.pk in met, now=now)
        for caller in by_identity.values()
    }


def find_one(caller: Caller, *, now: datetime) -> Whereabouts:
    return find_whereabouts([caller], now=now)[caller.pk]


def _current(caller: Caller, seats: list[Seat]) -> Seat | None:
    """In the call they were last brought into, or else in their own."""
    standing = [seat for seat in seats if seat.removed_at is None and seat.call.ended_at is None]
    brought = [seat for seat in standing if seat.brought_from]
    own = [seat for seat in standing if seat.call.place == caller.place]
    return next(reversed(brought or own), None)


def _seats_in(call_ids: set[UUID]) -> dict[UUID, list[tuple[Seat, bool, bool]]]:
    """Of each call its seats: whether each is live, and whether it has been since Join was last pressed."""
    stays = Attendance.objects.filter(seat=OuterRef("pk"))
    found: dict[UUID, list[tuple[Seat, bool, bool]]] = {call_id: [] for call_id in call_ids}
    for seat in (
        Seat.objects.filter(call__in=call_ids, removed_at=None)
        .annotate(is_live=Exists(stays.open()), has_come=Exists(stays.filter(joined_at__gte=OuterRef("pressed_at"))))
        .order_by("created_at", "pk")
    ):
        found[seat.call_id].append((seat, getattr(seat, "is_live", False), getattr(seat, "has_come", False)))
    return found


def _describe(
    caller: Caller, seat: Seat | None, there: dict[UUID, list[tuple[Seat, bool, bool]]], *, was_met: bool, now: datetime
) -> Whereabouts:
    seats = there[seat.call_id] if seat else []
    people = tuple(other for other, is_live, _has_come in seats if is_live)
    providers = tuple(
        other
        for other, is_live, has_come in seats
        if other.role == Seat.Role.MEMBER and (is_live or (not has_come and other.pressed_at > now - CLAIM))
    )
    facts = Facts(
        is_present=any(other.identity == caller.identity for other in people) or caller.last_seen_at > now - LEASE,
        is_with_provider=bool(providers),
        was_with_provider=was_met,
    )
    return Whereabouts(seat=seat, people=people, providers=providers, facts=facts)
