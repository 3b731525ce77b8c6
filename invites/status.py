"""What became of an invitation: derived from its message, its door and the stays in calls, stored nowhere (rule R4)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max, TextChoices
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from calls.models import Attendance, Seat
from invites.models import Invite
from messaging.models import Message
from messaging.numbers import write_number

LISTED = 50
# The guest's page says each 45 s that it is open (static/invites/door.js).
DOOR_SILENT_AFTER = timedelta(seconds=100)


class State(TextChoices):
    QUEUED = "queued", gettext_lazy("Queued")
    SENT = "sent", gettext_lazy("Sent")
    DELIVERED = "delivered", gettext_lazy("Delivered")
    FAILED = "failed", gettext_lazy("Could not be delivered")
    COPIED = "copied", gettext_lazy("Link copied")
    OPENED = "opened", gettext_lazy("Opened the link")
    AT_DOOR = "at_door", gettext_lazy("At the door")
    IN_CALL = "in_call", gettext_lazy("In the call")
    LEFT = "left", gettext_lazy("Left the call")
    REVOKED = "revoked", gettext_lazy("Revoked")
    LINGERS = "lingers", gettext_lazy("Revoked, but still in the call")
    EXPIRED = "expired", gettext_lazy("Expired")


_OF_MESSAGE = {
    Message.Status.QUEUED: State.QUEUED,
    Message.Status.SENDING: State.QUEUED,
    Message.Status.SENT: State.SENT,
    Message.Status.DELIVERED: State.DELIVERED,
    Message.Status.FAILED: State.FAILED,
    Message.Status.CANCELLED: State.QUEUED,  # overtaken by the one that is being written
}
_SIGNS = {
    State.IN_CALL: "sign-live",
    State.AT_DOOR: "sign-warning",
    State.FAILED: "sign-danger",
    State.LINGERS: "sign-danger",
}


@dataclass(frozen=True, slots=True)
class Stays:
    """When somebody was in calls by the link."""

    is_in: bool = False
    lingers: bool = False  # put out, but the relay has not done it yet
    last_left_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the panel's list."""

    invite: Invite
    state: State
    reason: str  # why it could not be delivered, in plain words; "" otherwise

    @property
    def words(self) -> str:
        if not self.reason:
            return str(self.state.label)
        return _("Could not be delivered: %(reason)s") % {"reason": self.reason}

    @property
    def address(self) -> str:
        """To whom, as people write it."""
        invite = self.invite
        if invite.kind == Invite.Kind.LINK:
            return str(invite.get_kind_display())
        return write_number(invite.recipient) if invite.kind == Invite.Kind.SMS else invite.recipient

    @property
    def sign(self) -> str:
        """The class of its sign: colour besides the words."""
        return _SIGNS.get(self.state, "")

    @property
    def may_resend(self) -> bool:
        return self.state not in (State.REVOKED, State.LINGERS, State.IN_CALL) and self.invite.kind != Invite.Kind.LINK

    @property
    def may_revoke(self) -> bool:
        """Again, too, where the relay could not be told: the link is dead, and pressing once more tells it."""
        return self.invite.revoked_at is None or self.state == State.LINGERS


def state_of(invite: Invite, message: Message | None, stays: Stays, *, at: datetime) -> State:
    """Pure. What was before the invitation was sent (again) counts no more, except for who is there now."""
    if invite.revoked_at is not None:
        return State.LINGERS if stays.lingers else State.REVOKED
    if stays.is_in:
        return State.IN_CALL
    stands = invite.stands(at=at)
    door, left = invite.at_door_at, stays.last_left_at
    if stands and door and door > at - DOOR_SILENT_AFTER and not (left and left > door):
        return State.AT_DOOR
    if not stands:
        return State.EXPIRED
    if left and left > invite.sent_at:
        return State.LEFT
    if door and door > invite.sent_at:
        return State.OPENED
    if invite.kind == Invite.Kind.LINK:
        return State.COPIED
    return _OF_MESSAGE[Message.Status(message.status)] if message else State.SENT  # its row has been cleared away


def list_lines(place: str, *, at: datetime) -> list[Line]:
    """What the panel of a place shows; three queries, however many were sent."""
    invites = list(Invite.objects.listed(place, at=at).select_related("call", "invited_by")[:LISTED])
    messages = {
        message.about: message
        for message in Message.objects.filter(about__in=[invite.about for invite in invites]).order_by("created_at")
    }
    stays = _stays_of(invites)
    lines = []
    for invite in invites:
        message = messages.get(invite.about)
        state = state_of(invite, message, stays.get(invite.identity, Stays()), at=at)
        lines.append(Line(invite, state, message.failure_words if message and state is State.FAILED else ""))
    return lines


def version_of(lines: Sequence[Line]) -> str:
    """Changes when a line would look or act differently: an unchanged list is not sent again."""
    facts = [(str(line.invite.pk), line.words, line.invite.name, line.invite.sent_at.isoformat()) for line in lines]
    return hashlib.blake2s(repr(facts).encode(), digest_size=8).hexdigest()


def is_live(invite: Invite) -> bool:
    """Somebody is in a call by this link now."""
    return Attendance.objects.open().filter(seat__identity=invite.identity).exists()


def _stays_of(invites: Sequence[Invite]) -> dict[str, Stays]:
    seats = (
        Seat.objects.filter(identity__in=[invite.identity for invite in invites])
        .annotate(last_left_at=Max("attendances__left_at"))
        .values_list("pk", "identity", "removed_at", "last_left_at")
    )
    live = set(Attendance.objects.open().filter(seat__in=[row[0] for row in seats]).values_list("seat_id", flat=True))
    found: dict[str, Stays] = {}
    for pk, identity, removed_at, left_at in seats:
        before = found.get(identity, Stays())
        moments = [moment for moment in (before.last_left_at, left_at) if moment]
        is_in = before.is_in or (pk in live and removed_at is None)
        lingers = before.lingers or (pk in live and removed_at is not None)
        found[identity] = Stays(is_in, lingers, max(moments, default=None))
    return found
