"""What staff do to a caller: the action menu (rules W4, W5, W6, W9).

Each looks the right up again, in its transaction; whoever sees a caller's area may do all of it (rule W7).
"""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import record_access
from calls.models import Call, Seat
from calls.places import Act, kind_of
from calls.relay.terms import EndReason
from calls.services import admit, bring, call_of_member, end_call, give_seat_back, open_call, reserve_seat, send_back
from core.errors import Conflict, DomainError, NotAllowed
from waiting_areas import events
from waiting_areas.access import Right, may
from waiting_areas.errors import AlreadySeen, gone, no_role
from waiting_areas.models import Caller, CallerEvent, WaitingArea
from waiting_areas.services.common import add_event, begin_lease, lock_caller, mark_left, tell
from waiting_areas.states import Deed, LeftReason, is_possible
from waiting_areas.whereabouts import Whereabouts, find_one


@transaction.atomic(durable=True)
def join_call(*, caller: Caller, by: User, even_if_seen: bool = False, leave_other: bool = False) -> Seat:
    """The provider's seat in the call the caller belongs in, opened if there is none; the caller's page is called in.

    Two at once: one gets the caller, the other AlreadySeen (rule W5), which `even_if_seen` answers. Raises as well
    Conflict("left", "phone_instead"), NotAllowed("no_role", "elsewhere") and what `admit` raises ("in_another_call").
    """
    current, now = _lock_for(caller, by), timezone.now()
    where = find_one(current, now=now)
    _check_possible(Deed.JOIN, where)
    if current.phone_instead_at:
        raise Conflict("phone_instead", _("This person has closed the page, and asks to be phoned."))
    call = where.seat.call if where.seat else open_call(place=current.place)
    if where.is_elsewhere and not kind_of(call.place).may(call.place, by.identity, Act.ENTER):
        raise NotAllowed("elsewhere", _("This person has been taken into another call."))
    if where.is_with_colleague_of(by.identity) and not even_if_seen:
        raise AlreadySeen
    seat = admit(call=call, identity=by.identity, display_name=by.name, role=Seat.Role.MEMBER, leave_other=leave_other)
    if where.seat is None:
        admit(
            call=call,
            identity=current.identity,
            display_name=current.name,
            role=Seat.Role.GUEST,
            device_check=current.device_check,
        )
    _record(current, CallerEvent.What.JOINED, by, "caller.joined")
    return seat


def fetch_into_call(*, caller: Caller, by: User, even_if_seen: bool = False) -> Seat:
    """Add to current video call: the caller's seat in the call `by` is live in, whatever kind it is (rule W6).

    The seat is reserved first, at the relay and outside any transaction: when there is none, DomainError("full"), and
    nothing has changed. Raises as well DomainError "not_in_call", "removed", "unavailable", "ended",
    Conflict("left", "already_here"), AlreadySeen (rule W5), NotAllowed("no_role").
    """
    call = _check_fetch(caller, by, even_if_seen)
    reserve_seat(call=call, identity=caller.identity)
    try:
        return _fetch(caller, by, call, even_if_seen)
    except DomainError:
        give_seat_back(call=call, identity=caller.identity)
        raise


def _check_fetch(caller: Caller, by: User, even_if_seen: bool) -> Call:
    if not may(by, Right.SEE, caller.area):
        raise no_role()
    call = call_of_member(by.identity)
    if call is None:
        raise DomainError("not_in_call", _("Join a call first. Then you can add this person to it."))
    current = Caller.objects.inside().filter(pk=caller.pk).first()
    if current is None:
        raise gone()
    where = find_one(current, now=timezone.now())
    _check_possible(Deed.FETCH, where)
    if where.seat and where.seat.call_id == call.pk and where.is_called:
        raise Conflict("already_here", _("This person is in this call already, or on the way to it."))
    if where.is_with_colleague_of(by.identity) and not even_if_seen:
        raise AlreadySeen
    return call


@transaction.atomic(durable=True)
def _fetch(caller: Caller, by: User, call: Call, even_if_seen: bool) -> Seat:
    current = _lock_for(caller, by)
    if _check_fetch(current, by, even_if_seen) != call:
        raise Conflict("call_changed", _("You are in another call now. Try again."))
    _leave_call(find_one(current, now=timezone.now()), current)
    Caller.objects.filter(pk=current.pk).update(phone_instead_at=None)
    seat = bring(call=call, identity=current.identity, display_name=current.name, brought_from=current.place)
    _record(current, CallerEvent.What.FETCHED, by, "caller.fetched", detail=call.place)
    return seat


@transaction.atomic(durable=True)
def put_on_hold(*, caller: Caller, by: User) -> None:
    """Back to waiting: the same place and arrival time (rule W9). Their call ends for everybody in it; somebody who was
    brought into another call leaves that one alone.

    Raises Conflict("left", "not_in_call"), NotAllowed("no_role").
    """
    current = _lock_for(caller, by)
    where = find_one(current, now=timezone.now())
    if not where.is_called or not is_possible(Deed.HOLD, where.status):
        raise Conflict("not_in_call", _("Nobody is in a call with this person."))
    _call_back(where, current, by)
    _record(current, CallerEvent.What.HELD, by, "caller.held")


@transaction.atomic(durable=True)
def transfer(*, caller: Caller, to: WaitingArea, by: User) -> Caller:
    """Into another area of the same organisation, with the original waiting time and a note of who did it, from where
    (rule W4).

    Raises Conflict("left", "same_area"), NotAllowed("no_role": for either area), DomainError("other_organisation").
    """
    current, now = _lock_for(caller, by), timezone.now()
    if not WaitingArea.objects.visible_to(by).filter(pk=to.pk).exists() or not may(by, Right.REFER, to):
        raise no_role()
    if to.pk == current.area_id:
        raise Conflict("same_area", _("This person is in this waiting area already."))
    if to.organisation_id != current.area.organisation_id:
        raise DomainError("other_organisation", _("This waiting area belongs to another organisation."))
    where = find_one(current, now=now)
    _check_possible(Deed.TRANSFER, where)
    _call_back(where, current, by)
    came_from = current.area
    current.area, current.link_generation = to, to.link_generation
    current.transferred_at, current.transferred_from, current.transferred_by = now, came_from, by
    current.save(update_fields=["area", "link_generation", "transferred_at", "transferred_from", "transferred_by"])
    _record(current, CallerEvent.What.TRANSFERRED, by, "caller.transferred", detail=f"{came_from.pk} {to.pk}")
    events.tell_area(came_from.pk)
    events.tell_area(to.pk, events.area_arrived(to.pk, current.pk))
    return current


@transaction.atomic(durable=True)
def finish(*, caller: Caller, by: User) -> None:
    """They have been seen: off the list, their page at its end (rule W9). Raises Conflict("left"), NotAllowed."""
    current, now = _lock_for(caller, by), timezone.now()
    where = find_one(current, now=now)
    mark_left(current, LeftReason.FINISHED, now=now, by=by)
    record_access(organisation=current.area.organisation, actor=by, act="caller.finished", place=current.place)
    if where.is_elsewhere and where.seat:
        send_back(seat=where.seat)
    for call in Call.objects.open().filter(place=current.place):
        end_call(call=call, reason=EndReason.MEMBER_ENDED, by=by.identity)


@transaction.atomic(durable=True)
def send_message(*, caller: Caller, text: str, by: User) -> None:
    """Raises Conflict("left"), NotAllowed("no_role")."""
    current = _lock_for(caller, by)
    add_event(current, CallerEvent.What.MESSAGE, by=by, text=text)
    tell(current)


@transaction.atomic(durable=True)
def send_message_to_all(*, area: WaitingArea, text: str, by: User) -> int:
    """To everybody inside the area, for its coordinators. How many. Raises NotAllowed("no_role")."""
    if not may(by, Right.COORDINATE, area):
        raise no_role()
    callers = list(Caller.objects.inside().filter(area=area))
    CallerEvent.objects.bulk_create(
        CallerEvent(caller=caller, what=CallerEvent.What.MESSAGE, by=by, text=text) for caller in callers
    )
    for caller in callers:
        events.tell_caller(caller.pk)
    events.tell_area(area.pk)
    return len(callers)


def _lock_for(caller: Caller, by: User) -> Caller:
    """The caller as they are now, for somebody who may see them. Raises Conflict("left"), NotAllowed("no_role")."""
    current = lock_caller(caller.pk)
    if not may(by, Right.SEE, current.area):
        raise no_role()
    return current


def _check_possible(deed: Deed, where: Whereabouts) -> None:
    if not is_possible(deed, where.status):
        raise Conflict("not_now", _("This cannot be done to this person now."))


def _call_back(where: Whereabouts, caller: Caller, by: User) -> None:
    """Out of the call they are in, if they are in one: back to their waiting page."""
    if where.seat is None:
        return
    _leave_call(where, caller)
    if where.is_elsewhere:
        send_back(seat=where.seat)
    else:
        end_call(call=where.seat.call, reason=EndReason.ON_HOLD, by=by.identity)


def _leave_call(where: Whereabouts, caller: Caller) -> None:
    """Whoever is live in a call, and is sent out of it, has been here until now."""
    if any(seat.identity == caller.identity for seat in where.people):
        begin_lease(caller, now=timezone.now())


def _record(caller: Caller, what: CallerEvent.What, by: User, act: str, detail: str = "") -> None:
    """In the caller's history and in the access log, and to whoever shows either."""
    add_event(caller, what, by=by, detail=detail)
    record_access(organisation=caller.area.organisation, actor=by, act=act, place=caller.place, detail=detail)
    tell(caller)
