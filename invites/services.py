"""What can be done to an invitation. Who may send one is asked of its place (calls.places), here and at the door."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Organisation, User
from accounts.services import record_access
from calls import events
from calls.models import Call, Seat
from calls.places import Act, Invitations, kind_of
from calls.services import admit, open_call, remove_participant
from core.errors import Conflict, DomainError, NotAllowed
from invites.errors import DeadInvite
from invites.models import OUTLIVES_CALL, Invite
from invites.wording import write
from messaging import limits
from messaging.models import Message
from messaging.services import send, withdraw

LONGEST = timedelta(days=365)  # an invitation may be sent so far ahead

# From members


def send_invite(
    *,
    place: str,
    kind: str,
    recipient: str,
    name: str,
    by: User,
    call: Call | None = None,
    until: datetime | None = None,
    now: datetime | None = None,
) -> Invite:
    """Invite somebody by email or text; sending again renews the open invitation of the recipient (rule R4).

    `recipient` is normalised already (messaging.addresses, messaging.numbers). Made in a `call` of the place it is good
    until OUTLIVES_CALL after its end, otherwise `until` then. Raises NotAllowed("not_allowed"), what
    `messaging.limits.check` raises, Conflict("place_gone"), DomainError("until") for a date that is over or too far
    ahead, and Conflict("no_call") where people are invited into a call alone.
    """
    now = now or timezone.now()
    organisation = _check_may_invite(place, by)
    call = call if call is not None and call.place == place and call.ended_at is None else None
    if call is None and _is_only_in_call(place):
        raise _no_call()
    if call is None and (until is None or not now < until <= now + LONGEST):
        raise DomainError("until", _("Choose a day from today on, within a year."))
    limits.check(organisation=organisation, member=by, recipient=recipient, about=place, now=now)
    with transaction.atomic(durable=True):
        _hold(place)
        invite, created = _open_invite(organisation, place, kind, recipient, name, by, call, until, now)
        _send_message(invite, now)
        _record(invite, "invite.sent" if created else "invite.renewed", by)
    return invite


def resend_invite(*, invite: Invite, by: User, call: Call | None = None, now: datetime | None = None) -> Invite:
    """The same link once more. What has run out works again, for as long as a new one would.

    That they may is the caller's to check. Raises Conflict("revoked", "place_gone", "no_call"), and what
    `messaging.limits.check` raises.
    """
    now = now or timezone.now()
    limits.check(organisation=invite.organisation, member=by, recipient=invite.recipient, about=invite.place, now=now)
    with transaction.atomic(durable=True):
        _hold(invite.place)
        current = _lock(invite.pk)
        if current is None or current.revoked_at is not None or not current.recipient:
            raise Conflict("revoked", _("This invitation has been revoked. Send a new one."))
        if not current.stands(at=now):
            current.call = call if call is not None and call.place == current.place else None
            if current.call is None and _is_only_in_call(current.place):
                raise _no_call()
            current.expires_at = None if current.call else now + default_validity()
        current.sent_at = now
        current.save(update_fields=["sent_at", "call", "expires_at"])
        _send_message(current, now)
        _record(current, "invite.resent", by)
    return current


@transaction.atomic(durable=True)
def create_link(*, place: str, by: User, call: Call, now: datetime | None = None) -> Invite:
    """A personal link to be copied, where a place has no link for all; it dies with the call at the latest.

    Raises NotAllowed("not_allowed").
    """
    organisation = _check_may_invite(place, by)
    now = now or timezone.now()
    invite = Invite.objects.create(
        place=place,
        organisation=organisation,
        kind=Invite.Kind.LINK,
        invited_by=by,
        call=call,
        created_at=now,
        sent_at=now,
    )
    _record(invite, "invite.link_made", by)
    return invite


@transaction.atomic(durable=True)
def revoke_invite(*, invite: Invite, by: User, now: datetime | None = None) -> None:
    """The link is dead at once, and who is in a call by it is put out (rule C4, hazard H18).

    That they may is the caller's to check. Twice changes nothing, but tells the relay again: the commit raises
    DomainError "unavailable" where it could not be told.
    """
    _revoke(invite, by, now or timezone.now())
    # After the link died nobody is admitted by it: admit_guest takes the invitation's row first.
    for seat in Seat.objects.filter(identity=invite.identity, call__ended_at=None).select_related("call"):
        remove_participant(seat=seat, by=by.identity)


@transaction.atomic
def revoke_invites_of_place(*, place: str, by: User, now: datetime | None = None) -> int:
    """All that stand, with the place's link or with the place itself (rule R2); those in a call stay in it.

    How many were revoked. Joins the caller's transaction.
    """
    now = now or timezone.now()
    invites = Invite.objects.filter(place=place).standing(at=now).order_by("pk")
    return sum(_revoke(invite, by, now) for invite in invites)


@transaction.atomic
def revoke_invites_of_call(call: Call, by: str) -> None:
    """ "End call for all" (rule C9): those made for this call. Joins the caller's transaction."""
    kind, _colon, number = by.partition(":")
    actor = User.objects.filter(pk=number).first() if kind == "user" else None
    for invite in Invite.objects.open().filter(call=call, expires_at=None).order_by("pk"):
        _revoke(invite, actor, timezone.now())


def record_refusal(*, place: str, by: User, code: str) -> None:
    """Administrators see what was refused, and nobody's number or address in it."""
    organisation = kind_of(place).organisation(place)
    record_access(organisation=organisation, actor=by, act="invite.refused", place=place, detail=code)


def default_validity() -> timedelta:
    """How long an invitation works that is made before a call, when no day is said."""
    return timedelta(days=settings.INVITE_DAYS)


# At the door


@transaction.atomic(durable=True)
def admit_guest(
    *, invite: Invite, generation: int, name: str, device_check: str | None = None, now: datetime | None = None
) -> Seat:
    """By the link of `generation`, at once (rule R3). Raises DeadInvite, and what `admit` raises."""
    now = now or timezone.now()
    # 1. The place, then the invitation: a deletion or a Revoke comes wholly before or wholly after.
    if not kind_of(invite.place).hold(invite.place):
        raise DeadInvite(_gone_reason(invite.place))
    current = _lock(invite.pk)
    if reason := why_dead(current, generation, now=now):
        raise DeadInvite(reason)
    # 2. The one way into every call (hazard H4).
    call = open_call(place=invite.place)
    seat = admit(
        call=call,
        identity=invite.identity,
        display_name=name,
        role=Seat.Role.GUEST,
        device_check=device_check,
    )
    _record(invite, "invite.used", None, f" seat:{seat.pk}")
    return seat


def why_dead(invite: Invite | None, generation: int, *, now: datetime) -> str:
    """Why the link of `generation` lets nobody in: a code of DeadInvite, "" while it does."""
    if invite is None:
        return "expired"
    if not kind_of(invite.place).stands(invite.place):
        return _gone_reason(invite.place)
    if invite.stands(at=now) and invite.generation == generation:
        return ""
    if invite.call is not None and invite.call.is_over and invite.expires_at is None:
        return "call_ended"
    return "expired" if invite.revoked_at is None else "revoked"


def tell_at_door(*, invite: Invite, generation: int, now: datetime | None = None) -> None:
    """A person has touched the page that the link opens. Nothing changes by a link that is dead."""
    now = now or timezone.now()
    at_door = Invite.objects.filter(pk=invite.pk, generation=generation).standing(at=now)
    if at_door.update(at_door_at=now):
        tell_place(invite.place)


# From below


def hear_of_message(message: Message) -> None:
    """Something became of a message about "invite:<uuid>" (messaging.listeners)."""
    place = Invite.objects.filter(pk=message.about.partition(":")[2]).values_list("place", flat=True).first()
    if place is not None:
        tell_place(place)


def tell_place(place: str) -> None:
    """Open panels read again, on commit."""
    for call_id in Call.objects.open().filter(place=place).values_list("pk", flat=True):
        events.tell_call(call_id, events.call_changed("invites"))


def forget_old_invites(now: datetime | None = None) -> int:
    """A job of the worker: nobody's name or address is kept for ever."""
    before = (now or timezone.now()) - timedelta(days=settings.INVITES_KEPT_DAYS)
    deleted, _by_model = Invite.objects.lapsed(before=before).delete()
    return deleted


# Common ground


def invitations_of(place: str) -> Invitations | None:
    """None for a place of no registered kind, and for one to which nobody is invited."""
    try:
        return kind_of(place).invitations
    except KeyError:
        return None


def _is_only_in_call(place: str) -> bool:
    invitations = invitations_of(place)
    return invitations is not None and invitations.only_in_call


def _gone_reason(place: str) -> str:
    return (invitations_of(place) or Invitations()).gone_reason


def _no_call() -> Conflict:
    return Conflict("no_call", _("The call has ended. People are invited while it is on."))


def _check_may_invite(place: str, by: User) -> Organisation:
    kind = kind_of(place)
    if kind.invitations is None or not kind.may(place, by.identity, Act.INVITE):
        raise NotAllowed("not_allowed", _("You may not invite anybody here."))
    return kind.organisation(place)


def _hold(place: str) -> None:
    """Against a deletion meanwhile: its invitations are revoked, and this one would come after. Raises Conflict."""
    if not kind_of(place).hold(place):
        raise Conflict("place_gone", _("Nobody can be invited here any more."))


def _open_invite(
    organisation: Organisation,
    place: str,
    kind: str,
    recipient: str,
    name: str,
    by: User,
    call: Call | None,
    until: datetime | None,
    now: datetime,
) -> tuple[Invite, bool]:
    """The one open invitation of the recipient, renewed, or a new one; two at once get the same one."""
    current = _lock_open(place, recipient)
    if current is None:
        try:
            with transaction.atomic():
                invite = Invite.objects.create(
                    place=place,
                    organisation=organisation,
                    kind=kind,
                    recipient=recipient,
                    name=name,
                    invited_by=by,
                    call=call,
                    expires_at=None if call else until,
                    created_at=now,
                    sent_at=now,
                )
        except IntegrityError:
            current = _lock_open(place, recipient)  # somebody was faster
            if current is None:
                raise Conflict("changed_meanwhile", _("Somebody else has just changed this. Try again.")) from None
        else:
            return invite, True
    if call is None:
        # Never shorter than it was promised before.
        current.expires_at = max(filter(None, (current.expires_at, until)))
        current.call = None
    elif current.expires_at is None or current.expires_at <= now:
        current.expires_at, current.call = None, call
    current.name, current.invited_by, current.sent_at = name or current.name, by, now
    current.save(update_fields=["name", "invited_by", "sent_at", "expires_at", "call"])
    return current, False


def _lock(pk: UUID) -> Invite | None:
    """The row until the transaction ends, with its call."""
    invites = Invite.objects.select_related("call", "organisation", "invited_by")
    return invites.select_for_update(no_key=True, of=("self",)).filter(pk=pk).first()


def _lock_open(place: str, recipient: str) -> Invite | None:
    pk = Invite.objects.open().filter(place=place, recipient=recipient).values_list("pk", flat=True).first()
    invite = _lock(pk) if pk else None
    return invite if invite and invite.revoked_at is None else None


def _send_message(invite: Invite, now: datetime) -> None:
    """One message is enough: an earlier one that still waits is taken back. Joins the caller's transaction."""
    withdraw(about=invite.about, now=now)
    wording = write(invite)
    send(
        organisation=invite.organisation,
        kind=invite.kind,
        recipient=invite.recipient,
        subject=wording.subject,
        text=wording.text,
        html=wording.html,
        about=invite.about,
        expires_at=invite.expires_at or now + OUTLIVES_CALL,
        now=now,
    )
    tell_place(invite.place)


def _revoke(invite: Invite, by: User | None, now: datetime) -> bool:
    """Kills the link and takes back what was not sent yet. False: it was dead already."""
    changed = Invite.objects.open().filter(pk=invite.pk).update(revoked_at=now, generation=F("generation") + 1)
    if not changed:
        return False
    withdraw(about=invite.about, now=now)
    _record(invite, "invite.revoked", by)
    tell_place(invite.place)
    return True


def _record(invite: Invite, act: str, by: User | None, more: str = "") -> None:
    record_access(
        organisation=invite.organisation,
        actor=by,
        act=act,
        place=invite.place,
        detail=f"{invite.kind} {invite.identity}{more}",
    )
