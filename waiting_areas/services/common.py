"""What the services of callers, of staff and of time share."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from accounts.models import User
from waiting_areas import events
from waiting_areas.errors import gone
from waiting_areas.models import Caller, CallerEvent, CallerQuerySet
from waiting_areas.states import LeftReason


def lock_caller(caller_id: UUID) -> Caller:
    """The caller's row until the transaction ends: of two who want the same person, one comes first (rule W5).

    Raises Conflict("left") for somebody who is not inside. The row alone: joined to its area, PostgreSQL would look at
    the row again after the wait, but not at the area, and find nobody where somebody was transferred.
    """
    caller = Caller.objects.inside().select_for_update(no_key=True).filter(pk=caller_id).first()
    if caller is None:
        raise gone()
    return caller


def begin_lease(caller: Caller, *, now: datetime) -> None:
    """Where a call's own watch over them ends, and where it begins: how long the call took is no absence."""
    Caller.objects.inside().filter(pk=caller.pk).update(last_seen_at=now, closed_at=None)


def mark_left(caller: Caller, reason: LeftReason, *, now: datetime, by: User | None = None) -> bool:
    """By compare-and-swap: whoever is second changes nothing. Joins the caller's transaction."""
    return _leave(Caller.objects.inside().filter(pk=caller.pk), caller, reason, now=now, by=by)


def mark_lost(caller: Caller, reason: LeftReason, *, now: datetime) -> bool:
    """The same for somebody whose page is away: not if it has come back since `caller` was read."""
    still_away = Caller.objects.inside().filter(
        pk=caller.pk, last_seen_at=caller.last_seen_at, closed_at=caller.closed_at
    )
    return _leave(still_away, caller, reason, now=now, by=None)


def come_back(caller: Caller, *, now: datetime) -> bool:
    """Somebody whose page is here again, in time: the same place and arrival time (rule W8). False for anybody else.

    `caller` with its area. Joins the caller's transaction.
    """
    if not caller.may_come_back(now):
        return False
    back = Caller.objects.filter(pk=caller.pk, left_at=caller.left_at)
    if back.update(left_at=None, left_reason="", closed_at=None, last_seen_at=now):
        add_event(caller, CallerEvent.What.RETURNED, at=now)
        tell(caller)
    return True


def _leave(row: CallerQuerySet, caller: Caller, reason: LeftReason, *, now: datetime, by: User | None) -> bool:
    if not row.update(left_at=now, left_reason=reason):
        return False
    add_event(caller, CallerEvent.What.LEFT, by=by, detail=reason, at=now)
    tell(caller)
    return True


def add_event(
    caller: Caller,
    what: CallerEvent.What,
    *,
    by: User | None = None,
    text: str = "",
    detail: str = "",
    at: datetime | None = None,
) -> None:
    given = {"at": at} if at else {}
    CallerEvent.objects.create(caller=caller, what=what, by=by, text=text, detail=detail[:80], **given)


def tell(caller: Caller, *messages: events.Message) -> None:
    """The staff of their area, and their own pages."""
    events.tell_area(caller.area_id, *messages)
    events.tell_caller(caller.pk)
