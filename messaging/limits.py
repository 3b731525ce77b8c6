"""How many messages people may have sent (hazard H10). The buckets are rows: they hold whatever else is away."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Organisation, User
from accounts.services import record_access
from core.errors import DomainError
from core.limits import Bucket, keyed, take_all

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


class TooManyMessages(DomainError):
    """A limit is used up. `code` says which: "member", "recipient" or "organisation"."""

    status = 429


def check(*, organisation: Organisation, member: User, recipient: str, about: str, now: datetime | None = None) -> None:
    """Ask before a message somebody wants to send: by the member and hour, the recipient and hour, the
    organisation and day. Raises TooManyMessages, which then also stands in the access log, without the recipient.

    Outermost, like a service: a refusal is remembered though the caller's transaction never begins.
    """
    now = now or timezone.now()
    buckets = {
        "member": Bucket(f"messages.member:{member.pk}", settings.MESSAGES_A_MEMBER_AN_HOUR, _HOUR),
        "recipient": Bucket(keyed("messages.recipient", recipient), settings.MESSAGES_A_RECIPIENT_AN_HOUR, _HOUR),
        "organisation": Bucket(
            f"messages.organisation:{organisation.pk}", settings.MESSAGES_AN_ORGANISATION_A_DAY, _DAY
        ),
    }
    empty = take_all(buckets=buckets.values(), now=now)
    if empty is None:
        return
    limit = next(name for name, bucket in buckets.items() if bucket == empty)
    with transaction.atomic(durable=True):
        record_access(organisation=organisation, actor=member, act="message.refused", place=about, detail=limit)
    raise TooManyMessages(limit, _sentence(limit))


def _sentence(limit: str) -> str:
    if limit == "member":
        return _("You have sent many invitations in a short time. Wait a few minutes, then try again.")
    if limit == "recipient":
        return _("This person has been sent several messages in the last hour. Wait a while, or tell them another way.")
    return _("Your organisation has sent as many messages as it may in a day. Ask your administrator.")
