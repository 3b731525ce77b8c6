"""What time does to callers: jobs of the worker (hazard H24; retention, docs/architecture.md, "Data rules")."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest
from django.utils import timezone

from calls.models import Attendance
from calls.services import forget_person
from waiting_areas import events
from waiting_areas.models import LEASE, RELOADED_WITHIN, Caller
from waiting_areas.services.common import mark_lost
from waiting_areas.states import LeftReason

LOOKED_EACH = timedelta(seconds=5)
PHONED_WITHIN = timedelta(days=1)  # who asked to be phoned is on the list no longer than that


def let_closed_go(now: datetime | None = None) -> int:
    """A closed tab is gone from every list within 5 s (rule W8). How many went."""
    now = now or timezone.now()
    closed = Caller.objects.closed(before=now - RELOADED_WITHIN).select_related("area")
    return sum(_let_go(caller, LeftReason.CLOSED, now) for caller in closed)


def let_lapsed_go(now: datetime | None = None) -> int:
    """Whoever was not heard of for the area's minutes has left; lists that show somebody whose lease has just run out
    read again (rule W8). How many went.
    """
    now = now or timezone.now()
    gone = 0
    lapsed = Caller.objects.unheard_of(since=now - LEASE).select_related("area")
    overdue = lapsed.filter(last_seen_at__lte=now - F("area__reconnecting_for"))
    for caller in overdue:
        if Attendance.objects.open().filter(seat__identity=caller.identity).exists():
            Caller.objects.inside().filter(pk=caller.pk).update(last_seen_at=now)  # live in a call
        else:
            gone += _let_go(caller, LeftReason.LOST, now)
    for caller in Caller.objects.inside().filter(phone_instead_at__lte=now - PHONED_WITHIN).select_related("area"):
        gone += _let_go(caller, LeftReason.FINISHED, now)
    # Twice the time between two looks, so that a late one misses nobody.
    recently = lapsed.filter(last_seen_at__gt=now - LEASE - 2 * LOOKED_EACH)
    for area_id in recently.order_by().values_list("area_id", flat=True).distinct():
        events.tell_area(area_id)
    return gone


def delete_details(now: datetime | None = None) -> int:
    """Callers' details, once their area has kept them for its time. How many callers."""
    now = now or timezone.now()
    kept_for = Greatest("area__details_kept_for", "area__reconnecting_for")  # who may come back has a name until then
    due = Caller.objects.filter(details_deleted_at=None, left_at__lte=now - kept_for)
    for caller in due:
        _delete_details(caller, now)
    return len(due)


@transaction.atomic(durable=True)
def _let_go(caller: Caller, reason: LeftReason, now: datetime) -> bool:
    return mark_lost(caller, reason, now=now)


@transaction.atomic(durable=True)
def _delete_details(caller: Caller, now: datetime) -> None:
    Caller.objects.filter(pk=caller.pk).update(
        name="", telephone="", date_of_birth=None, reason="", reference="", device_check="", details_deleted_at=now
    )
    caller.events.exclude(text="").update(text="")
    forget_person(identity=caller.identity)
