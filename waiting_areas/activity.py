"""Call activity of a caller: what happened to them, who joined their calls and left, when (rule W4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.utils.translation import gettext as _

from calls.models import Attendance
from waiting_areas.models import Caller, CallerEvent


@dataclass(frozen=True, slots=True)
class Entry:
    at: datetime
    text: str


def list_activity(caller: Caller) -> list[Entry]:
    """Oldest first. Of a call they were brought into only their own coming and going: who else was in it is not this
    area's to read (rule W6).
    """
    return sorted([*_events_of(caller), *_stays_beside(caller)], key=lambda entry: entry.at)


def _events_of(caller: Caller) -> Iterator[Entry]:
    for event in caller.events.exclude(what__in=CallerEvent.MESSAGES).select_related("by").order_by("at", "pk"):
        what = event.get_what_display()
        yield Entry(event.at, _("%(what)s, by %(name)s") % {"what": what, "name": event.by} if event.by else what)


def _stays_beside(caller: Caller) -> Iterator[Entry]:
    own_calls = Q(seat__call__place=caller.place)
    for stay in Attendance.objects.filter(own_calls | Q(seat__identity=caller.identity)).select_related("seat"):
        name = {"name": stay.seat.display_name}
        yield Entry(stay.joined_at, _("%(name)s was connected") % name)
        if stay.left_at:
            yield Entry(stay.left_at, _("%(name)s left the call") % name)
