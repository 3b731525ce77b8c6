"""What the call engine asks about a caller's private call (calls.places): callbacks join the engine's transaction."""

from __future__ import annotations

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from accounts.models import Organisation, User
from calls.models import Call, Seat
from calls.places import Act, Invitations, PlaceKind, register
from calls.relay.terms import EndReason, GoneReason, Policy
from invites.models import door_of, may_enter
from waiting_areas import events
from waiting_areas.access import Right, may
from waiting_areas.models import PLACE_PREFIX, Caller
from waiting_areas.services.common import begin_lease, come_back, mark_left, tell
from waiting_areas.states import LeftReason
from waiting_areas.whereabouts import find_one

_FINISHED = {EndReason.MEMBER_ENDED, EndReason.CLOSED}


def register_consultations() -> None:
    register(
        PlaceKind(
            prefix=PLACE_PREFIX,
            template="waiting_areas/call.html",
            policy=_policy,
            may=may_in_consultation,
            title=_title,
            organisation=_organisation,
            door=_door,
            on_end=_on_end,
            on_stay=_on_stay,
            stands=_stands,
            hold=_hold,
            # An interpreter, a relative: into the call that is on, and known by nobody else's link.
            invitations=Invitations(only_in_call=True, gone_reason="call_ended"),
            guests_return=True,
        )
    )


def may_in_consultation(place: str, identity: str, act: Act) -> bool:
    """Whoever sees the area's callers may do everything; the caller may enter while they are inside, and so may a guest
    whose personal link works.
    """
    caller = Caller.objects.select_related("area").of_place(place).first()
    if caller is None:
        return False
    kind, _, number = identity.partition(":")
    if kind == "user":
        user = User.objects.filter(pk=int(number)).first()
        return user is not None and may(user, Right.SEE, caller.area)
    if kind == "invite":
        return act is Act.ENTER and may_enter(place, identity)
    return act is Act.ENTER and identity == caller.identity and caller.is_inside


def _policy(place: str) -> Policy:
    """Rule C3: no deadline, one caller alone is simply waiting; on hold when the last provider leaves (rule W9)."""
    return Policy(
        capacity=settings.CALL_CAPACITY,
        member_wait=None,
        empty_after=settings.CALL_EMPTY_AFTER,
        ends_without_member=True,
    )


def _title(place: str) -> str:
    return Caller.objects.of_place(place).values_list("area__name", flat=True).get()


def _organisation(place: str) -> Organisation:
    return Caller.objects.select_related("area__organisation").of_place(place).get().area.organisation


def _door(place: str, identity: str) -> str:
    """Staff go back to the Caller list; the caller, also from another call, to their own waiting page; a guest to the
    door of their link.
    """
    if guest_door := door_of(identity):
        return guest_door
    caller = Caller.objects.of_place(place).get()
    if identity.startswith("user:"):
        return reverse("waiting_areas:show_callers", args=[caller.area_id])
    return reverse("waiting_areas:show_place", args=[caller.pk])


def _stands(place: str) -> bool:
    """While the caller is inside, or may still come back to their place."""
    caller = Caller.objects.select_related("area").of_place(place).first()
    return caller is not None and (caller.is_inside or caller.may_come_back(timezone.now()))


def _hold(place: str) -> bool:
    """Against Finish while somebody is let in."""
    Caller.objects.of_place(place).select_for_update(no_key=True).first()
    return _stands(place)


def _on_end(call: Call) -> None:
    """ "End call for all" is Finish. A call that ends otherwise leaves its own caller in their place; of one to which
    somebody was brought only putting on hold does (rule W9).
    """
    now = timezone.now()
    for caller in _callers_of(call):
        is_own = caller.place == call.place
        if find_one(caller, now=now).seat:  # they have been brought into another call meanwhile
            events.tell_area(caller.area_id)
        elif call.end_reason in _FINISHED if is_own else call.end_reason != EndReason.ON_HOLD:
            mark_left(caller, LeftReason.FINISHED, now=now)
        else:
            if call.seats.filter(identity=caller.identity, attendances__left_at=call.ended_at).exists():
                begin_lease(caller, now=now)
            tell(caller)


def _on_stay(seat: Seat, reason: GoneReason | None) -> None:
    now = timezone.now()
    for caller in _callers_of(seat.call):
        if caller.identity == seat.identity:
            if reason is None:
                come_back(caller, now=now)
            begin_lease(caller, now=now)
            if reason in (GoneReason.LEFT, GoneReason.REMOVED):
                _on_gone(caller, seat, reason)
        tell(caller)


def _on_gone(caller: Caller, seat: Seat, reason: GoneReason) -> None:
    """Leave in the call is leaving the area; being taken into another call, or back, is not."""
    now = timezone.now()
    belongs = find_one(caller, now=now).seat
    if reason is GoneReason.LEFT and belongs == seat:
        mark_left(caller, LeftReason.LEFT, now=now)
    elif reason is GoneReason.REMOVED and belongs is None:
        mark_left(caller, LeftReason.REMOVED, now=now)


def _callers_of(call: Call) -> list[Caller]:
    """Those who belong, or belonged, in this call, by its place or by having been brought."""
    identities = call.seats.filter(identity__startswith=f"{PLACE_PREFIX}:").values_list("identity", flat=True)
    keys = [identity.partition(":")[2] for identity in identities]
    return list(Caller.objects.select_related("area").filter(pk__in=keys))
