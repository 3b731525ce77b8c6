"""The Caller list and the counts beside the areas (rule W3): a fixed number of queries, however many callers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import models
from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from waiting_areas.models import Caller, CallerEvent, WaitingArea
from waiting_areas.states import Deed, Status, is_possible
from waiting_areas.whereabouts import Whereabouts, find_whereabouts


class Sort(models.TextChoices):
    ARRIVAL = "arrival", gettext_lazy("Longest wait first")
    LATEST = "latest", gettext_lazy("Newest first")
    NAME = "name", gettext_lazy("Name")


@dataclass(frozen=True, slots=True)
class CallerLine:
    caller: Caller
    whereabouts: Whereabouts
    answer: str = ""  # their last message, while staff have not answered it (rule W4)

    @property
    def status(self) -> Status:
        return self.whereabouts.status

    @property
    def people(self) -> tuple[str, ...]:
        """Who is in the call with them, and the caller, by arrival."""
        return tuple(seat.display_name for seat in self.whereabouts.people)

    @property
    def may_be_held(self) -> bool:
        return self.whereabouts.is_called and is_possible(Deed.HOLD, self.status)

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
    last = CallerEvent.objects.filter(what__in=CallerEvent.MESSAGES, caller=OuterRef("pk")).order_by("-at", "-pk")[:1]
    callers = list(
        Caller.objects.inside()
        .filter(area__in=areas)
        .select_related("area", "transferred_from", "transferred_by")
        .annotate(last_word=Subquery(last.values("what")), last_text=Subquery(last.values("text")))
    )
    found = find_whereabouts(callers, now=now)
    return [CallerLine(caller, found[caller.pk], _answer_of(caller)) for caller in callers]


def _answer_of(caller: Caller) -> str:
    is_theirs = getattr(caller, "last_word", None) == CallerEvent.What.REPLY
    return str(getattr(caller, "last_text", "")) if is_theirs else ""


def narrow(
    lines: Iterable[CallerLine], *, search: str = "", status: str = "", sort: str = Sort.ARRIVAL
) -> list[CallerLine]:
    """Those whose name, number or reference holds all the words, in that status. `lines` come by arrival."""
    words = search.casefold().split()
    kept = [line for line in lines if status in ("", line.status) and _holds(line.caller, words)]
    if sort == Sort.NAME:
        kept.sort(key=lambda line: line.caller.name.casefold())
    return kept[::-1] if sort == Sort.LATEST else kept


def _holds(caller: Caller, words: Sequence[str]) -> bool:
    said = f"{caller.name} {caller.reference}".casefold()
    number = "".join(filter(str.isdigit, caller.telephone))
    return all(word in said or (word.isdigit() and word.lstrip("0") in number) for word in words)


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


def version_of(lines: Sequence[CallerLine], *, extra: str = "") -> str:
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
            line.answer,
        )
        for line in lines
    ]
    return _digest([*facts, extra])


def version_of_areas(lines: Sequence[AreaLine]) -> str:
    return _digest(
        [
            (
                str(line.area.pk),
                line.area.name,
                line.waiting,
                line.being_seen,
                line.longest_since,
                line.area.suspended_at,
            )
            for line in lines
        ]
    )


def _digest(facts: Sequence[object]) -> str:
    return hashlib.blake2s(repr(facts).encode(), digest_size=8).hexdigest()
