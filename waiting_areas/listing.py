"""The Caller list and the counts beside the areas (rule W3): a fixed number of queries, however many callers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from waiting_areas.models import Caller, WaitingArea
from waiting_areas.states import Status
from waiting_areas.whereabouts import Whereabouts, find_whereabouts


@dataclass(frozen=True, slots=True)
class CallerLine:
    caller: Caller
    whereabouts: Whereabouts

    @property
    def status(self) -> Status:
        return self.whereabouts.status

    @property
    def people(self) -> tuple[str, ...]:
        """Who is in the call with them, and the caller, by arrival."""
        return tuple(seat.display_name for seat in self.whereabouts.people)

    @property
    def asks_for_phone(self) -> bool:
        return self.caller.phone_instead_at is not None

    @property
    def note(self) -> str:
        """ "transferred by" (rule W4)."""
        if self.caller.transferred_at is None:
            return ""
        names = {"name": self.caller.transferred_by or "–", "area": self.caller.transferred_from or "–"}
        return _("transferred by %(name)s from %(area)s") % names


@dataclass(frozen=True, slots=True)
class AreaLine:
    area: WaitingArea
    waiting: int  # everybody inside with whom no provider is
    being_seen: int
    longest_since: datetime | None  # arrival of whoever has waited longest among those


def list_callers(areas: Iterable[WaitingArea], *, now: datetime) -> list[CallerLine]:
    """Everybody inside, by arrival (hazard H5): four queries."""
    callers = list(
        Caller.objects.inside().filter(area__in=areas).select_related("area", "transferred_from", "transferred_by")
    )
    found = find_whereabouts(callers, now=now)
    return [CallerLine(caller, found[caller.pk]) for caller in callers]


def list_areas(areas: Sequence[WaitingArea], *, now: datetime) -> list[AreaLine]:
    """One line an area, as many queries as for one."""
    waiting: dict[object, list[datetime]] = {area.pk: [] for area in areas}
    seen = {area.pk: 0 for area in areas}
    for line in list_callers(areas, now=now):
        if line.whereabouts.providers:
            seen[line.caller.area_id] += 1
        else:
            waiting[line.caller.area_id].append(line.caller.arrived_at)
    return [AreaLine(area, len(waiting[area.pk]), seen[area.pk], min(waiting[area.pk], default=None)) for area in areas]


def version_of(lines: Sequence[CallerLine]) -> str:
    """Changes when a line would look or act differently: an unchanged list is not sent again."""
    facts = [
        (
            str(line.caller.pk),
            line.caller.name,
            line.status,
            line.people,
            line.asks_for_phone,
            line.note,
            line.caller.device_check,
        )
        for line in lines
    ]
    return hashlib.blake2s(repr(facts).encode(), digest_size=8).hexdigest()
