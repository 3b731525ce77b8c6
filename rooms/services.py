"""What can be done to a meeting room. Who may is decided at the door: views, Django admin."""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Organisation, User
from accounts.services import record_access
from calls.models import Call, Seat
from calls.services import admit, end_call, open_call, remove_participant
from core.errors import Conflict, DomainError, NotAllowed
from core.versions import check_seen
from invites.services import revoke_invites_of_place
from rooms.models import GuestPass, MeetingRoom, RoomMembership


class DeadLink(DomainError):
    """The link was reset or its room deleted while somebody stood at the door."""

    status = 404

    def __init__(self) -> None:
        super().__init__("dead_link", _("This link does not work any more."))


@transaction.atomic
def create_room(*, organisation: Organisation, name: str, notice: str = "", by: User | None) -> MeetingRoom:
    """A room without members. Joins the caller's transaction. Raises DomainError("name_taken")."""
    try:
        with transaction.atomic():
            room = MeetingRoom.objects.create(organisation=organisation, name=name, notice=notice)
    except IntegrityError as error:
        raise _name_taken() from error
    record_access(organisation=organisation, actor=by, act="room.created", place=room.place)
    return room


@transaction.atomic(durable=True)
def update_properties(*, room: MeetingRoom, name: str, notice: str, seen_version: str, by: User) -> MeetingRoom:
    """`seen_version` is of what the page showed (`properties_version`): what somebody else has saved since is not
    overwritten unseen. Raises DomainError("name_taken"), Conflict("deleted"), Conflict("changed_meanwhile").
    """
    current = _lock_room(room.pk)
    if current is None:
        raise _deleted()
    if (current.name, current.notice) == (name, notice):
        return current
    check_seen(seen=seen_version, current=current.properties_version)
    current.name, current.notice = name, notice
    try:
        with transaction.atomic():
            current.save(update_fields=["name", "notice"])
    except IntegrityError as error:
        raise _name_taken() from error
    record_access(organisation=room.organisation, actor=by, act="room.properties_changed", place=room.place)
    return current


@transaction.atomic(durable=True)
def reset_link(*, room: MeetingRoom, seen_generation: int, revoke_invites: bool = False, by: User) -> MeetingRoom:
    """Rule R2: the link of `seen_generation` dies, also for coming back, and so do personal invitations if asked for;
    people in the call stay.

    It is the one that was on the screen, so that a second press changes nothing. Raises Conflict("reset_meanwhile").
    """
    changed = (
        MeetingRoom.objects.standing()
        .filter(pk=room.pk, link_generation=seen_generation)
        .update(link_generation=F("link_generation") + 1)
    )
    if changed != 1:
        raise Conflict("reset_meanwhile", _("This link has just been reset. The new link is already in place."))
    if revoke_invites:
        revoke_invites_of_place(place=room.place, by=by)
    record_access(organisation=room.organisation, actor=by, act="room.link_reset", place=room.place)
    room.refresh_from_db()
    return room


@transaction.atomic
def add_member(
    *, room: MeetingRoom, user: User, role: str = RoomMembership.Role.MEMBER, by: User | None
) -> RoomMembership:
    """Joins the caller's transaction. Raises DomainError("not_a_colleague"), Conflict("already_member")."""
    if not user.is_active or not user.organisations.filter(pk=room.organisation_id).exists():
        raise DomainError(
            "not_a_colleague",
            _("Nobody at %(organisation)s has this email address.") % {"organisation": room.organisation},
        )
    membership, created = RoomMembership.objects.get_or_create(room=room, user=user, defaults={"role": role})
    if not created:
        raise Conflict("already_member", _("%(name)s is already a member of this room.") % {"name": user})
    _record_member(membership, "room.member_added", by, detail=role)
    return membership


@transaction.atomic(durable=True)
def change_member_role(*, membership: RoomMembership, role: str, by: User) -> RoomMembership:
    """Raises DomainError("last_administrator"), Conflict("member_changed")."""
    current = _lock_member(membership)
    if current.role != role:
        if current.is_administrator:
            _keep_an_administrator(current)
        current.role = role
        current.save(update_fields=["role"])
        _record_member(current, "room.member_role_changed", by, detail=role)
    return current


def remove_member(*, membership: RoomMembership, by: User) -> None:
    """Who is no longer a member leaves the running call too: by calls.sweep, where the relay cannot be told just now.

    Raises as `change_member_role`.
    """
    with transaction.atomic(durable=True):
        current = _lock_member(membership)
        if current.is_administrator:
            _keep_an_administrator(current)
        _record_member(current, "room.member_removed", by)
        current.delete()
    seats = Seat.objects.filter(call__place=current.room.place, call__ended_at=None)
    for seat in seats.filter(identity=current.user.identity).select_related("call"):
        with suppress(DomainError):
            remove_participant(seat=seat, by=by.identity)


@transaction.atomic(durable=True)
def delete_room(*, room: MeetingRoom, by: User) -> None:
    """Rule R2. The link dies and the call ends; the row stays for reports. Raises Conflict("deleted")."""
    # 1. From here nobody is admitted: admit_guest and admit_member take the room's row first.
    if MeetingRoom.objects.standing().filter(pk=room.pk).update(deleted_at=timezone.now()) != 1:
        raise _deleted()
    # 2. Invitations on their way lead nowhere, and this is the last call of the room.
    revoke_invites_of_place(place=room.place, by=by)
    for call in Call.objects.open().filter(place=room.place):
        end_call(call=call, by=by.identity)
    record_access(organisation=room.organisation, actor=by, act="room.deleted", place=room.place)


@transaction.atomic(durable=True)
def admit_member(*, room: MeetingRoom, user: User, leave_other: bool = False, device_check: str | None = None) -> Seat:
    """Rule R3. Raises NotAllowed("not_a_member"), DeadLink, and what `admit` raises."""
    room = _lock_door(room)
    if room.membership_of(user) is None:
        raise NotAllowed("not_a_member", _("You are not a member of this room."))
    seat = admit(
        call=open_call(place=room.place),
        identity=user.identity,
        display_name=user.name,
        role=Seat.Role.MEMBER,
        leave_other=leave_other,
        device_check=device_check,
    )
    _record_entry(room, seat, by=user)
    return seat


@transaction.atomic(durable=True)
def admit_guest(
    *, room: MeetingRoom, generation: int, identity: str, name: str, device_check: str | None = None
) -> Seat:
    """At once (rule R3), by the link of `generation`. Raises DeadLink, and what `admit` raises."""
    room = _lock_door(room)
    if room.link_generation != generation:
        raise DeadLink
    GuestPass.objects.update_or_create(
        room=room, identity=identity, defaults={"link_generation": generation, "given_at": timezone.now()}
    )
    seat = admit(
        call=open_call(place=room.place),
        identity=identity,
        display_name=name,
        role=Seat.Role.GUEST,
        device_check=device_check,
    )
    _record_entry(room, seat, by=None)
    return seat


def _lock_room(room_id: UUID) -> MeetingRoom | None:
    """The room until the transaction ends: what else wants it comes wholly before or wholly after."""
    return MeetingRoom.objects.standing().select_for_update(no_key=True).filter(pk=room_id).first()


def _lock_door(room: MeetingRoom) -> MeetingRoom:
    """Against a reset or a deletion during an admission."""
    locked = _lock_room(room.pk)
    if locked is None:
        raise DeadLink
    return locked


def _lock_member(membership: RoomMembership) -> RoomMembership:
    """Against two administrators who take each other's role away at once."""
    room = _lock_room(membership.room_id)
    current = RoomMembership.objects.select_related("room__organisation", "user").filter(pk=membership.pk).first()
    if room is None or current is None or current.role != membership.role:
        raise Conflict("member_changed", _("Somebody else has just changed this. Look at the list again."))
    return current


def _keep_an_administrator(membership: RoomMembership) -> None:
    others = RoomMembership.objects.administrators().filter(room=membership.room).exclude(pk=membership.pk)
    if not others.exists():
        raise DomainError(
            "last_administrator", _("A room needs an administrator. Make somebody else an administrator first.")
        )


def _record_entry(room: MeetingRoom, seat: Seat, by: User | None) -> None:
    """A guest is named by no more than the seat."""
    record_access(
        organisation=room.organisation, actor=by, act="room.entered", place=room.place, detail=f"{seat.role} {seat.pk}"
    )


def _record_member(membership: RoomMembership, act: str, by: User | None, detail: str = "") -> None:
    record_access(
        organisation=membership.room.organisation,
        actor=by,
        act=act,
        place=membership.room.place,
        detail=f"user:{membership.user_id} {detail}".strip(),
    )


def _name_taken() -> DomainError:
    return DomainError("name_taken", _("Another room has this name."))


def _deleted() -> Conflict:
    return Conflict("deleted", _("This room has been deleted."))
