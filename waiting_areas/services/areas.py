"""What changes a waiting area itself: settings, hours, roles, link, suspension (rules W2, W7).

Who may is decided at the door: the site's own pages by waiting_areas.access, Django admin by its scope.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Organisation, User
from accounts.services import record_access
from calls.models import Seat
from calls.places import Act, kind_of
from calls.services import remove_participant
from core.errors import Conflict, DomainError
from core.versions import check_seen
from waiting_areas import events
from waiting_areas.hours import Block
from waiting_areas.models import PLACE_PREFIX, SETTINGS, AreaRole, Caller, OpeningHours, WaitingArea


@transaction.atomic
def create_area(*, organisation: Organisation, name: str, by: User | None, **settings: Any) -> WaitingArea:
    """An area without staff. Joins the caller's transaction. Raises DomainError("name_taken")."""
    try:
        with transaction.atomic():
            area = WaitingArea.objects.create(organisation=organisation, name=name, **settings)
    except IntegrityError as error:
        raise _name_taken() from error
    _record(area, "area.created", by)
    return area


@transaction.atomic
def update_settings(*, area: WaitingArea, seen_version: str, by: User, **settings: Any) -> WaitingArea:
    """`settings` are among SETTINGS; `seen_version` is of what the page showed (`properties_version`).

    Joins the caller's transaction. Raises DomainError("name_taken"), Conflict("deleted", "changed_meanwhile").
    """
    unknown = set(settings) - set(SETTINGS)
    if unknown:
        raise TypeError(f"not settings of an area: {sorted(unknown)}")
    current = _lock_area(area)
    if all(getattr(current, name) == value for name, value in settings.items()):
        return current
    check_seen(seen=seen_version, current=current.properties_version)
    for name, value in settings.items():
        setattr(current, name, value)
    try:
        with transaction.atomic():
            current.save(update_fields=list(settings))
    except IntegrityError as error:
        raise _name_taken() from error
    _record(current, "area.settings_changed", by)
    return current


@transaction.atomic
def set_hours(*, area: WaitingArea, always_open: bool, blocks: Iterable[Block], seen_version: str, by: User) -> None:
    """The whole week anew; `seen_version` is of what the page showed (`hours_version`).

    Joins the caller's transaction. Raises DomainError("same_opening"), Conflict("deleted", "changed_meanwhile").
    """
    wanted = sorted(blocks)
    if len({(block.weekday, block.opens) for block in wanted}) < len(wanted):
        raise DomainError("same_opening", _("Two times of the same day have the same opening."))
    current = _lock_area(area)
    if (current.always_open, current.blocks()) == (always_open, wanted):
        return
    check_seen(seen=seen_version, current=current.hours_version)
    current.always_open = always_open
    current.save(update_fields=["always_open"])
    OpeningHours.objects.filter(area=area).delete()
    OpeningHours.objects.bulk_create(
        OpeningHours(area=area, weekday=block.weekday, opens=block.opens, closes=block.closes) for block in wanted
    )
    _record(current, "area.hours_changed", by)


@transaction.atomic(durable=True)
def suspend(*, area: WaitingArea, message_to_callers: str, message_to_staff: str, by: User) -> None:
    """Nobody new comes in, whatever the hours say; those inside can still be seen (rule W2).

    Raises Conflict("suspended") when it is already: changing the messages is restoring it first.
    """
    free = WaitingArea.objects.standing().filter(pk=area.pk, suspended_at=None)
    if not free.update(
        suspended_at=timezone.now(), message_to_callers=message_to_callers, message_to_staff=message_to_staff
    ):
        raise Conflict("suspended", _("This waiting area is suspended already."))
    _record(area, "area.suspended", by)


@transaction.atomic(durable=True)
def restore(*, area: WaitingArea, by: User) -> None:
    """Raises Conflict("not_suspended")."""
    suspended = WaitingArea.objects.standing().filter(pk=area.pk).exclude(suspended_at=None)
    if not suspended.update(suspended_at=None, message_to_callers="", message_to_staff=""):
        raise Conflict("not_suspended", _("This waiting area is not suspended."))
    _record(area, "area.restored", by)


@transaction.atomic(durable=True)
def reset_link(*, area: WaitingArea, seen_generation: int, by: User) -> WaitingArea:
    """The public link of `seen_generation` dies; those inside stay. It is the one that was on the screen, so that a
    second press changes nothing. Raises Conflict("reset_meanwhile").
    """
    shown = WaitingArea.objects.standing().filter(pk=area.pk, link_generation=seen_generation)
    if shown.update(link_generation=F("link_generation") + 1) != 1:
        raise Conflict("reset_meanwhile", _("The link has been reset already. This is the new one."))
    _record(area, "area.link_reset", by)
    area.refresh_from_db()
    return area


@transaction.atomic(durable=True)
def delete_area(*, area: WaitingArea, by: User) -> None:
    """The link dies; the row stays for reports. Raises Conflict("deleted"), DomainError("not_empty")."""
    if WaitingArea.objects.standing().filter(pk=area.pk).update(deleted_at=timezone.now()) != 1:
        raise _deleted()
    # After the update: an arrival takes the area's row first, so nobody comes in behind this look.
    if Caller.objects.inside().filter(area=area).exists():
        raise DomainError("not_empty", _("Somebody is in this waiting area. Suspend it first, and see them."))
    _record(area, "area.deleted", by)


@transaction.atomic
def add_role(*, area: WaitingArea, user: User, role: str, by: User) -> AreaRole:
    """To a colleague who has none in this area (rule W7).

    Joins the caller's transaction. Raises DomainError("not_a_colleague"), Conflict("has_role").
    """
    _check_colleague(area, user)
    added, is_new = AreaRole.objects.get_or_create(area=area, user=user, defaults={"role": role})
    if not is_new:
        raise Conflict("has_role", _("This person has a role here already."))
    _record_role(added, "area.role_given", by, role)
    return added


def change_role(*, held: AreaRole, role: str, by: User) -> AreaRole:
    """The only role this person has in the area from now on (rule W7). Who may no longer see its callers leaves the
    calls with them, too.

    Raises DomainError("not_a_colleague", "last_administrator"), Conflict("role_taken").
    """
    with transaction.atomic(durable=True):
        _check_colleague(held.area, held.user)
        if role != AreaRole.Role.ADMINISTRATOR:
            _keep_an_administrator(held.area, without=held.user)
        if AreaRole.objects.filter(pk=held.pk).update(role=role) != 1:
            raise Conflict("role_taken", _("Somebody else has just changed this. Look at the list again."))
        _record_role(held, "area.role_given", by, role)
    held.role = role
    _put_out(held.user, by)
    return held


def take_role(*, role: AreaRole, by: User) -> None:
    """Who may no longer see the area's callers leaves the calls with them, too. Twice changes nothing.

    Raises DomainError("last_administrator").
    """
    with transaction.atomic(durable=True):
        _keep_an_administrator(role.area, without=role.user)
        deleted, _by_model = AreaRole.objects.filter(pk=role.pk).delete()
        if deleted:
            _record_role(role, "area.role_taken", by)
    _put_out(role.user, by)


def _check_colleague(area: WaitingArea, user: User) -> None:
    if not user.organisations.filter(pk=area.organisation_id).exists():
        raise DomainError("not_a_colleague", _("This person does not work for the organisation of this waiting area."))


def _put_out(user: User, by: User) -> None:
    """Of every consultation that is no longer theirs to be in (rule C7): by calls.sweep, where the relay cannot be told
    just now.
    """
    seats = Seat.objects.of_member(user.identity).standing().filter(call__place__startswith=f"{PLACE_PREFIX}:")
    for seat in seats.select_related("call"):
        if not kind_of(seat.call.place).may(seat.call.place, user.identity, Act.ENTER):
            with suppress(DomainError):
                remove_participant(seat=seat, by=by.identity)


def _lock_area(area: WaitingArea) -> WaitingArea:
    """Until the transaction ends: what else changes it comes wholly before or wholly after. Raises Conflict."""
    current = WaitingArea.objects.standing().select_for_update(no_key=True).filter(pk=area.pk).first()
    if current is None:
        raise _deleted()
    return current


def _keep_an_administrator(area: WaitingArea, *, without: User) -> None:
    """An area that has administrators has one afterwards. The row lock keeps two from going at once."""
    WaitingArea.objects.select_for_update(no_key=True).filter(pk=area.pk).first()
    administrators = set(AreaRole.objects.administrators().filter(area=area).values_list("user_id", flat=True))
    if administrators == {without.pk}:
        raise DomainError("last_administrator", _("A waiting area keeps one administrator. Name another one first."))


def _record(area: WaitingArea, act: str, by: User | None, detail: str = "") -> None:
    record_access(organisation=area.organisation, actor=by, act=act, place=f"area:{area.pk}", detail=detail)
    events.tell_area(area.pk)


def _record_role(role: AreaRole, act: str, by: User, detail: str = "") -> None:
    _record(role.area, act, by, f"{role.user.identity} {detail}".strip())


def _name_taken() -> DomainError:
    return DomainError("name_taken", _("Another waiting area has this name."))


def _deleted() -> Conflict:
    return Conflict("deleted", _("This waiting area has been deleted."))
