"""The sweep: ends calls whose deadline passed while no relay was there to see it, and tells relays what they missed.

The relay is the authority: the sweep ends only 15 s past a deadline, and only a call without a lease behind it. A call
whose node is well, though its first join never got there, is nobody's to end: the sweep asks that node to, unless it
has the call after all.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from accounts.models import User
from calls import events
from calls.models import Attendance, Call, CallQuerySet, Seat
from calls.places import kind_of
from calls.relay.terms import EndReason
from calls.services import order_out, remove_participant, store_end
from core.errors import DomainError

logger = logging.getLogger(__name__)
GRACE = timedelta(seconds=15)


def sweep(now: datetime | None = None) -> int:
    """How many calls were ended (rules C3, C9)."""
    now = now or timezone.now()
    overdue = now - GRACE
    ended = 0
    for call in _dated(Call.objects.open().without_relay(lapsed=GRACE)):
        if reason := _due(call, overdue):
            with transaction.atomic(durable=True):
                ended += store_end(call_id=call.pk, node=call.node, reason=reason, at=now)
    for call in _dated(Call.objects.open().with_relay().with_nobody_live().exclude(seats__pressed_at__gt=overdue)):
        if reason := _due(call, overdue):
            events.tell_node(call.node, events.relay_end_unless_here(call_id=call.pk, reason=reason))
    return ended


def _dated(calls: CallQuerySet) -> CallQuerySet:
    return calls.annotate(last_left_at=Max("seats__attendances__left_at"))


def put_out_again() -> int:
    """Whoever was removed and is live still, because the relay could not be told then (hazard H18): how many.

    Telling it twice changes nothing.
    """
    lingering = Attendance.objects.open().filter(seat__removed_at__isnull=False, seat__call__ended_at=None)
    told = 0
    for attendance in lingering.select_related("seat__call"):
        try:
            order_out(attendance.seat)
            told += 1
        except DomainError:
            logger.warning(
                "Call %s: the relay cannot be told to put somebody out; trying again.", attendance.seat.call_id
            )
    return told


def end_again() -> int:
    """Calls that were to end and go on, because the relay could not be told then (rules C9, R2): how many.

    Telling it twice changes nothing.
    """
    calls = list(Call.objects.to_end().with_relay())
    for call in calls:
        events.tell_node(call.node, events.relay_end(call_id=call.pk, reason=EndReason(call.end_reason)))
    return len(calls)


def put_out_former_colleagues() -> int:
    """Members who are live in a call of an organisation they no longer work for, or may no longer sign in: how many.

    Django admin takes both away without knowing of calls. Two queries, however many are live; an order that does not
    reach the relay is `put_out_again`'s.
    """
    live = list(Seat.objects.standing().filter(role=Seat.Role.MEMBER).live().select_related("call"))
    numbers = {seat.identity.partition(":")[2] for seat in live}
    colleagues = User.objects.filter(is_active=True, pk__in=numbers).values_list("pk", "memberships__organisation")
    work = {(str(number), organisation) for number, organisation in colleagues}
    former = [seat for seat in live if (seat.identity.partition(":")[2], seat.call.organisation_id) not in work]
    for seat in former:
        with suppress(DomainError):
            remove_participant(seat=seat, by="")
    return len(former)


def _due(call: Call, moment: datetime) -> EndReason | None:
    """Why the call would have ended by `moment`, had a relay been there."""
    if call.end_reason:
        return EndReason(call.end_reason)
    if call.ends_at and call.ends_at <= moment:
        return EndReason.TIME_UP
    if call.member_deadline and call.member_deadline <= moment:
        return EndReason.NOBODY_JOINED
    empty_since = max(filter(None, (call.opened_at, getattr(call, "last_left_at", None))))
    empty_after = timedelta(seconds=kind_of(call.place).policy(call.place).empty_after)
    return EndReason.EMPTY if empty_since + empty_after <= moment else None
