"""What changes a call, its seats and its attendances. Who may call what: docs/architecture.md, "Who writes what".

What a relay node writes (`open_attendance` to `store_end`) names the node and is a compare-and-swap on it: a node
that was declared dead changes nothing any more.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from asgiref.sync import async_to_sync
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import record_access
from calls import events
from calls.models import Attendance, Call, RelayLease, Seat
from calls.places import Act, PlaceKind, kind_of, revoke_ways_in
from calls.relay.terms import Deadlines, EndReason, GoneReason, Policy
from calls.tickets import Ticket
from core.errors import DomainError, NotAllowed

RESERVED_AFTER_LOSS = timedelta(seconds=20)  # rule C5
BROUGHT_WITHIN = 30.0  # seconds in which the page of somebody who is brought comes along (rule W6)


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody whose ticket was good, and everything a relay node needs to let them in."""

    seat_id: UUID
    call_id: UUID
    identity: str
    name: str
    role: str
    device_check: str
    connection: int
    node: str
    title: str
    policy: Policy
    deadlines: Deadlines
    reserved: dict[str, float]  # identity: seconds


# Doors


@transaction.atomic
def open_call(*, place: str) -> Call:
    """The open call of a place, opened if there is none. Two at once get the same one.

    Joins the caller's transaction. Raises KeyError for a place of no registered kind.
    """
    call, _created = Call.objects.open().get_or_create(
        place=place, defaults={"organisation": kind_of(place).organisation(place)}
    )
    return call


@transaction.atomic
def admit(
    *,
    call: Call,
    identity: str,
    display_name: str,
    role: str,
    leave_other: bool = False,
    device_check: str | None = None,
) -> Seat:
    """Give the identity its seat, or raise its connection number: the newest Join wins (rule C4).

    `device_check` is what the door's form says (calls.forms); a door without a preview has none, and the seat keeps
    what it knew.

    Joins the caller's transaction. Raises DomainError "ended", "removed" (rule C7) or, for a member who is live in
    another call, "in_another_call", unless `leave_other` makes that call let go of them.
    """
    if not Call.objects.open().filter(pk=call.pk).exists():
        raise DomainError("ended", _("This call has ended."))
    if role == Seat.Role.MEMBER:
        _leave_others(call, identity, asked=leave_other)
    told = {"display_name": display_name, "role": role}
    if device_check is not None:
        told["device_check"] = device_check
    seat, created = Seat.objects.get_or_create(call=call, identity=identity, defaults=told)
    if not created:
        raised = Seat.objects.filter(pk=seat.pk, removed_at=None).update(
            connection=F("connection") + 1, pressed_at=timezone.now(), **told
        )
        if not raised:
            raise _removed()
        seat.refresh_from_db()
    return seat


@transaction.atomic(durable=True)
def take_over(*, seat: Seat, leave_other: bool = False) -> Seat:
    """Join pressed on the call's own page: name and role stay, the number rises. Raises as `check_stands`, `admit`."""
    check_stands(seat)
    return admit(
        call=seat.call,
        identity=seat.identity,
        display_name=seat.display_name,
        role=seat.role,
        leave_other=leave_other,
    )


def check_stands(seat: Seat) -> PlaceKind:
    """The seat still lets its person in; answers the kind of its place.

    Raises DomainError "ended", "removed", or "not_allowed" when its place no longer has them.
    """
    if seat.call.ended_at is not None:
        raise DomainError("ended", _("This call has ended."))
    if seat.removed_at is not None:
        raise _removed()
    kind = kind_of(seat.call.place)
    if not (seat.brought_from or kind.may(seat.call.place, seat.identity, Act.ENTER)):
        raise NotAllowed("not_allowed", _("You can no longer join this call."))
    return kind


def enter(*, ticket: Ticket) -> Entry:
    """Find everything for a join or a resume at the relay, its node included.

    Raises DomainError "no_such_call", "removed", "not_allowed", "taken_over" or "unavailable" (no relay now).
    """
    seat = Seat.objects.of_ticket(ticket).first()
    if seat is None or seat.call.ended_at is not None:
        raise DomainError("no_such_call", _("This call has ended."))
    kind = check_stands(seat)
    if ticket.connection < seat.connection:
        raise DomainError("taken_over", _("You joined from somewhere else."))
    call = assign_node(call=seat.call)
    return Entry(
        seat_id=seat.pk,
        call_id=call.pk,
        identity=seat.identity,
        name=seat.display_name,
        role=seat.role,
        device_check=seat.device_check,
        connection=ticket.connection,
        node=call.node,
        title=kind.title(call.place),
        policy=kind.policy(call.place),
        deadlines=deadlines_of(call),
        reserved=_reserved(call, now=timezone.now()),
    )


# Bringing somebody who waits elsewhere into a call (rule W6)


def call_of_member(identity: str) -> Call | None:
    """The call this person is live in as a member; by rule C4 there is one at most."""
    seat = Seat.objects.of_member(identity).filter(removed_at=None).live().select_related("call").first()
    return seat.call if seat else None


def reserve_seat(*, call: Call, identity: str, seconds: float = BROUGHT_WITHIN) -> None:
    """Keep a seat at the call's relay for somebody on their way, who takes it by joining.

    Asks the relay, so not inside a transaction. Raises DomainError "full", "removed", "ended" or "unavailable": then
    nothing has changed.
    """
    if not call.node:
        raise _unavailable()
    command = events.relay_reserve(call_id=call.pk, identity=identity, seconds=seconds)
    reply = async_to_sync(events.ask_node)(call.node, command)
    if reply is None:
        raise _unavailable()
    if reply["type"] != "seat.refused":
        return
    match reply["code"]:
        case "full":
            raise DomainError("full", _("This call is full."))
        case "removed":
            raise DomainError("removed", _("This person was removed from this call."))
        case _:
            raise DomainError("ended", _("This call has ended."))


def give_seat_back(*, call: Call, identity: str) -> None:
    """A reserved seat that is not needed after all. Not for somebody whom another member has brought meanwhile.

    Asks the relay, so not inside a transaction; one that does not hear of it lets the reservation run out.
    """
    if not Seat.objects.standing().filter(call=call, identity=identity).exclude(brought_from="").exists():
        with suppress(DomainError):
            reserve_seat(call=call, identity=identity, seconds=0)


@transaction.atomic
def bring(*, call: Call, identity: str, display_name: str, brought_from: str) -> Seat:
    """A guest's seat for somebody who waits in the place `brought_from`, by a member's act. Their page goes along.

    Joins the caller's transaction, after `reserve_seat`. Raises as `admit`.
    """
    seat = admit(call=call, identity=identity, display_name=display_name, role=Seat.Role.GUEST)
    Seat.objects.filter(pk=seat.pk).update(brought_from=brought_from)
    seat.brought_from = brought_from
    others = Seat.objects.standing().filter(identity=identity).exclude(pk=seat.pk)
    for other in others.select_related("call").order_by("pk"):
        Seat.objects.filter(pk=other.pk).update(brought_from="")
        _let_go(other, moved=events.seat_moved(call_id=call.pk, connection=seat.connection))
    return seat


@transaction.atomic
def send_back(*, seat: Seat) -> None:
    """Whoever was brought goes back to the door they came from; they may be brought again.

    Joins the caller's transaction.
    """
    Seat.objects.filter(pk=seat.pk).update(brought_from="")
    _let_go(seat, moved=events.seat_moved(call_id=None))


def forget_person(*, identity: str) -> None:
    """Somebody's name goes from the calls they were in; that they were, when and why they left stays (rule C6)."""
    Seat.objects.filter(identity=identity).update(display_name="", device_check="")


def deadlines_of(call: Call) -> Deadlines:
    return Deadlines(
        member_deadline=call.member_deadline.timestamp() if call.member_deadline else None,
        ends_at=call.ends_at.timestamp() if call.ends_at else None,
    )


# Commands of members


@transaction.atomic
def end_call(*, call: Call, reason: EndReason = EndReason.CLOSED, by: str = "") -> None:
    """End the call for everybody: its relay does, and stores it; a call on no relay is ended at once.

    Joins the caller's transaction. `by` is an identity, for the access log. An ended call stays as it is. For
    MEMBER_ENDED the commit raises DomainError "unavailable" if the relay cannot be told; a second press tells it again,
    and so does the sweep, whatever the reason.
    """
    if by:
        _record(call, by, "call.ended", str(reason))
    if store_end(call_id=call.pk, node="", reason=reason, at=timezone.now()):
        return
    Call.objects.open().filter(pk=call.pk).update(end_reason=reason)  # asked for: see calls.sweep
    # In this order: a node assigned meanwhile is told.
    if node := Call.objects.open().filter(pk=call.pk).values_list("node", flat=True).first():
        tell = events.order_node if reason is EndReason.MEMBER_ENDED else events.tell_node
        tell(node, events.relay_end(call_id=call.pk, reason=reason))


@transaction.atomic(durable=True)
def end_call_as_member(*, seat_id: UUID, revoke: bool = True) -> None:
    """ "End call for all", and with `revoke` the personal invitations made for it (rule C9).

    Raises NotAllowed, also for a guest (rule C2), and DomainError "unavailable" where the relay cannot be told.
    """
    seat = _commanding(seat_id, Act.END)
    if revoke:
        revoke_ways_in(seat.call, seat.identity)
    end_call(call=seat.call, reason=EndReason.MEMBER_ENDED, by=seat.identity)


@transaction.atomic
def remove_participant(*, seat: Seat, by: str) -> None:
    """Put somebody out of the call; this seat never comes back to it (rule C7, hazard H18).

    Joins the caller's transaction. `by` is the identity of whoever does it, "user:<id>"; that they may is the caller's
    to check. The commit raises DomainError "unavailable" if the relay cannot be told; a second press tells it again,
    and so does the sweep.
    """
    if Seat.objects.filter(pk=seat.pk, removed_at=None).update(removed_at=timezone.now()):
        _record(seat.call, by, "call.participant_removed", str(seat.pk))
    order_out(seat)


def order_out(seat: Seat) -> None:
    """Tell the relay, on commit, that this seat, with its call, was removed. Raises as `remove_participant` says."""
    if seat.call.node:
        events.order_node(seat.call.node, events.relay_remove(call_id=seat.call_id, participant_id=seat.pk))


def remove_participant_as_member(*, seat_id: UUID, participant_id: UUID) -> None:
    """The same, from inside the call. Raises NotAllowed, or DomainError "not_here" for another call's."""
    seat = _commanding(seat_id, Act.REMOVE)
    target = Seat.objects.beside(seat).filter(pk=participant_id).select_related("call").first()
    if target is None:
        raise DomainError("not_here", _("This person is not in the call."))
    remove_participant(seat=target, by=seat.identity)


def _commanding(seat_id: UUID, act: Act) -> Seat:
    """The seat as it stands now, with the right to this act: looked up again for each command (hazard H6)."""
    seat = Seat.objects.filter(pk=seat_id).select_related("call").get()
    kind = check_stands(seat)
    if seat.role != Seat.Role.MEMBER or not kind.may(seat.call.place, seat.identity, act):
        raise NotAllowed("not_allowed", _("You may not do this."))
    return seat


# What the relay node stores


@transaction.atomic
def open_attendance(*, seat_id: UUID, node: str, at: datetime) -> None:
    """First media of a stay. Idempotent. A member live in another call is let go there: the newest wins (rule C4)."""
    seat = Seat.objects.filter(pk=seat_id, call__node=node, call__ended_at=None).select_related("call").first()
    if seat is None:
        return
    _attendance, has_come = Attendance.objects.get_or_create(
        seat=seat, left_at=None, defaults={"joined_at": at, "node": node}
    )
    if has_come:
        _tell_places(seat, None)
    if seat.role == Seat.Role.MEMBER:
        for other in Seat.objects.of_member(seat.identity).live().exclude(pk=seat.pk).select_related("call"):
            _let_go(other)


@transaction.atomic
def close_attendance(*, seat_id: UUID, node: str, at: datetime, reason: GoneReason) -> None:
    """The end of a stay. Idempotent."""
    if Attendance.objects.open().filter(seat_id=seat_id, node=node).update(left_at=at, reason=reason):
        _tell_places(Seat.objects.select_related("call").get(pk=seat_id), reason)


def store_member_deadline(*, call_id: UUID, node: str, member_deadline: datetime | None) -> None:
    """Rule C3: a restart neither loses nor restarts it."""
    Call.objects.open().filter(pk=call_id, node=node).update(member_deadline=member_deadline)


@transaction.atomic
def store_end(*, call_id: UUID, node: str, reason: EndReason, at: datetime) -> bool:
    """The call has ended on this node ("" for none). False if it is elsewhere or had ended.

    Joins the caller's transaction, and so does the place's `on_end`.
    """
    if not Call.objects.open().filter(pk=call_id, node=node).update(ended_at=at, end_reason=reason):
        return False
    Attendance.objects.open().filter(seat__call_id=call_id).update(left_at=at, reason=GoneReason.ENDED)
    call = Call.objects.get(pk=call_id)
    for kind in _kinds_in(call):
        kind.on_end(call)
    events.tell_call(call_id, events.call_ended(reason))
    return True


# Nodes


def assign_node(*, call: Call) -> Call:
    """The call with a node to live on: its own, or the least loaded live one, by compare-and-swap on `Call.node`.

    Raises DomainError "no_such_call", or "unavailable": no relay now, or the call's own has missed its renewal and
    is not yet known to be dead. Only `lose_node` decides that.
    """
    while True:
        current = Call.objects.open().filter(pk=call.pk).first()
        if current is None:
            raise DomainError("no_such_call", _("This call has ended."))
        if current.node and RelayLease.objects.filter(node=current.node).exists():
            if RelayLease.objects.live().filter(node=current.node).exists():
                return current
            raise _unavailable()
        lease = RelayLease.objects.taking().first()
        if lease is None:
            raise _unavailable()
        Call.objects.open().filter(pk=call.pk, node=current.node).update(node=lease.node)


def release_call(*, call_id: UUID, node: str) -> None:
    """A draining node would not take this call up: the next join finds it another one."""
    Call.objects.open().filter(pk=call_id, node=node).update(node="")


@transaction.atomic(durable=True)
def lose_node(*, node: str, now: datetime) -> bool:
    """Declare a node dead whose lease has expired. True for the one caller who does; its pages are told to rejoin."""
    deleted, _by_model = RelayLease.objects.expired().filter(node=node).delete()
    if deleted:
        _clear_node(node, now)
    return bool(deleted)


@transaction.atomic(durable=True)
def release_node(*, node: str, now: datetime) -> None:
    """A node stops by itself: the same, without waiting for its lease."""
    RelayLease.objects.filter(node=node).delete()
    _clear_node(node, now)


def _clear_node(node: str, now: datetime) -> None:
    lost = list(Seat.objects.filter(attendances__node=node, attendances__left_at=None).select_related("call"))
    Attendance.objects.open().filter(node=node).update(left_at=now, reason=GoneReason.LOST)
    for seat in lost:
        _tell_places(seat, GoneReason.LOST)
    for call_id in Call.objects.open().filter(node=node).order_by("pk").values_list("pk", flat=True):
        if Call.objects.open().filter(pk=call_id, node=node).update(node=""):
            events.tell_call(call_id, events.call_rejoin("relay_lost"))


def _reserved(call: Call, *, now: datetime) -> dict[str, float]:
    """Who sat on a node that was lost counts as reconnecting for 20 s (rule C5): identity to seconds left."""
    lost = Attendance.objects.filter(
        seat__call=call,
        seat__removed_at=None,
        reason=GoneReason.LOST,
        left_at__gt=now - RESERVED_AFTER_LOSS,
    ).exclude(node=call.node)
    return {
        identity: (left_at + RESERVED_AFTER_LOSS - now).total_seconds()
        for identity, left_at in lost.values_list("seat__identity", "left_at")
        if left_at is not None
    }


# Common ground


def moment(unix_seconds: float) -> datetime:
    return datetime.fromtimestamp(unix_seconds, UTC)


def _leave_others(call: Call, identity: str, *, asked: bool) -> None:
    """Rule C4: a member is in this call alone. Also where they are not live just now: that page may be on its way back.

    Raises DomainError "in_another_call" for one who is live there and was not asked.
    """
    seats = Seat.objects.of_member(identity)
    # Two Joins at once in two calls take the same rows in the same order.
    list(seats.select_for_update(no_key=True, of=("self",)).order_by("pk"))
    others = seats.exclude(call=call)
    if not asked and others.live().exists():
        raise DomainError("in_another_call", _("You are in another call. Leave it to join this one?"))
    for other in others.select_related("call"):
        _let_go(other)


def _let_go(seat: Seat, moved: events.Message | None = None) -> None:
    """Rule C4: the number rises, so that the page left behind does not come back by itself."""
    Seat.objects.filter(pk=seat.pk).update(connection=F("connection") + 1)
    if seat.call.node:
        command = events.relay_let_go(call_id=seat.call_id, participant_id=seat.pk, moved=moved)
        events.tell_node(seat.call.node, command)


def _kinds_in(call: Call) -> list[PlaceKind]:
    """The kind of the call's place, then those of the places from which somebody was brought into it."""
    places = [call.place, *call.seats.exclude(brought_from="").values_list("brought_from", flat=True)]
    return list({kind.prefix: kind for kind in map(kind_of, places)}.values())


def _tell_places(seat: Seat, reason: GoneReason | None) -> None:
    for kind in _kinds_in(seat.call):
        kind.on_stay(seat, reason)


def _record(call: Call, identity: str, act: str, detail: str) -> None:
    kind, _colon, number = identity.partition(":")
    actor = User.objects.filter(pk=number).first() if kind == "user" else None
    record_access(organisation=call.organisation, actor=actor, act=act, place=call.place, detail=detail)


def _removed() -> DomainError:
    return NotAllowed("removed", _("You were removed from this call."))


def _unavailable() -> DomainError:
    return DomainError("unavailable", _("The meeting service cannot be reached just now. Trying again…"))
