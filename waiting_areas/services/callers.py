"""What a caller does: comes, stays, answers, goes (rules W1, W4, W8)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import models, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.services import record_access
from calls.models import Attendance
from core.errors import DomainError
from waiting_areas import events
from waiting_areas.errors import DeadLink, NotOpen, gone
from waiting_areas.models import LEASE, Caller, CallerEvent, WaitingArea
from waiting_areas.services.common import add_event, come_back, lock_caller, mark_left, tell
from waiting_areas.states import LeftReason

REPLIES = 50  # of one caller: enough for any conversation in set phrases


class Phrase(models.TextChoices):
    """What a caller can answer with one press (rule W4)."""

    CAN_WAIT = "can_wait", gettext_lazy("Thank you, I can wait.")
    NEED_MINUTES = "need_minutes", gettext_lazy("I need a few more minutes.")
    NOT_ALONE = "not_alone", gettext_lazy("Somebody is here with me.")
    NEED_HELP = "need_help", gettext_lazy("I need help with this page.")


@dataclass(frozen=True, slots=True)
class Details:
    """What the entrance asked."""

    name: str
    telephone: str
    date_of_birth: date | None = None
    reason: str = ""
    reference: str = ""
    device_check: str = ""


@transaction.atomic(durable=True)
def arrive(*, area: WaitingArea, generation: int, details: Details, arrival: UUID, now: datetime) -> Caller:
    """A caller comes in, by the link of `generation` (rule W1).

    `arrival` is of the form they sent: sent twice, it is one caller. Raises DeadLink, NotOpen.
    """
    current = _lock_area(area.pk, generation)
    known = Caller.objects.inside().filter(pk=arrival, area=current).first()
    if known is not None:
        return known
    _check_open(current, now)
    is_free = not Caller.objects.filter(pk=arrival).exists()
    caller = Caller.objects.create(
        **({"pk": arrival} if is_free else {}),
        area=current,
        link_generation=generation,
        name=details.name,
        telephone=details.telephone,
        date_of_birth=details.date_of_birth,
        reason=details.reason,
        reference=details.reference,
        device_check=details.device_check,
        arrived_at=now,
        last_seen_at=now,
    )
    add_event(caller, CallerEvent.What.ARRIVED, at=now)
    record_access(organisation=current.organisation, actor=None, act="caller.arrived", place=caller.place)
    tell(caller, events.area_arrived(current.pk, caller.pk))
    return caller


@transaction.atomic(durable=True)
def renew(*, caller_id: UUID, now: datetime) -> bool:
    """The caller's socket stands: so does their place (rule W8). A page that comes back in time has it again, with the
    arrival time it had; a reload is no news.

    False for somebody who is not inside, and too late to come back.
    """
    inside = Caller.objects.inside().filter(pk=caller_id)
    if inside.filter(last_seen_at__gt=now - LEASE).update(last_seen_at=now, closed_at=None):
        return True
    if inside.update(last_seen_at=now, closed_at=None):
        tell(Caller.objects.get(pk=caller_id))
        return True
    caller = Caller.objects.select_related("area").filter(pk=caller_id).first()
    return caller is not None and come_back(caller, now=now)


@transaction.atomic(durable=True)
def close_page(*, caller: Caller, now: datetime) -> None:
    """The page said that it goes: closed, or only reloaded, which `RELOADED_WITHIN` and upkeep tell apart.

    Of somebody who is live in a call it is a page that was left over, and says nothing.
    """
    if Attendance.objects.open().filter(seat__identity=caller.identity).exists():
        return
    Caller.objects.inside().filter(pk=caller.pk).update(closed_at=now)


@transaction.atomic(durable=True)
def leave(*, caller: Caller, now: datetime) -> None:
    """Leave pressed on the waiting page: gone from every list at once. Twice changes nothing."""
    mark_left(caller, LeftReason.LEFT, now=now)


@transaction.atomic(durable=True)
def reply(*, caller: Caller, phrase: Phrase) -> None:
    """One of the set phrases, in answer to staff (rule W4). Raises Conflict("left"), DomainError("too_many")."""
    current = lock_caller(caller.pk)
    last = current.events.messages().last()
    if last and last.what == CallerEvent.What.REPLY and last.text == str(phrase.label):
        return  # pressed twice
    if current.events.filter(what=CallerEvent.What.REPLY).count() >= REPLIES:
        raise DomainError("too_many", _("Your messages have been sent. Please wait for an answer."))
    add_event(current, CallerEvent.What.REPLY, text=str(phrase.label))
    tell(current, events.area_replied(current.area_id, current.pk))


@transaction.atomic(durable=True)
def phone_instead(*, caller: Caller, now: datetime) -> None:
    """ "Please phone me instead": they stay in the list, with the number, until staff finish; the page closes kindly.

    Raises Conflict("left"). Twice changes nothing.
    """
    current = lock_caller(caller.pk)
    if current.phone_instead_at is None:
        Caller.objects.filter(pk=current.pk).update(phone_instead_at=now)
        add_event(current, CallerEvent.What.PHONE_INSTEAD, at=now)
        tell(current, events.area_replied(current.area_id, current.pk))


@transaction.atomic(durable=True)
def wait_again(*, caller: Caller, now: datetime) -> None:
    """They would rather be seen after all, and did not lose their place. Raises Conflict("left")."""
    waits = Caller.objects.inside().filter(pk=caller.pk)
    if not waits.update(phone_instead_at=None, closed_at=None, last_seen_at=now):
        raise gone()
    tell(caller)


def _lock_area(area_id: UUID, generation: int) -> WaitingArea:
    """Against a reset, a suspension or a deletion during an arrival, and the same form sent twice. Raises DeadLink."""
    areas = WaitingArea.objects.standing().select_for_update(no_key=True)
    area = areas.filter(pk=area_id, link_generation=generation).first()
    if area is None:
        raise DeadLink
    return area


def _check_open(area: WaitingArea, now: datetime) -> None:
    """Raises NotOpen."""
    if not area.lets_in(now):
        raise NotOpen("suspended" if area.is_suspended else "closed", _("This waiting area is closed just now."))
