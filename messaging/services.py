"""What changes a message. Every change of status is a compare-and-swap along messaging.states."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Organisation, User
from accounts.services import record_access
from core.errors import Conflict, DomainError
from messaging import events, listeners
from messaging.backoff import MOST_TRIES, wait_after
from messaging.delivery import Receipt, is_kept_locally
from messaging.errors import DeliveryError
from messaging.models import Message
from messaging.states import Status, leading_to

LEASE = timedelta(seconds=30)  # renewed by a worker that lives; after it a dead one's messages are another's
SHOWN_LOCALLY = timedelta(days=1)  # at /dev/messages/
SWEPT_AT_ONCE = 500  # rows

_random = Random()  # noqa: S311 - spreads tries, keeps no secret


# From the floors above


@transaction.atomic
def send(
    *,
    organisation: Organisation | None,
    kind: str,
    recipient: str,
    subject: str = "",
    text: str,
    html: str = "",
    about: str,
    expires_at: datetime | None = None,
    key: str | None = None,
    now: datetime | None = None,
) -> Message:
    """Put a message into the outbox; the worker is woken on commit. Joins the caller's transaction.

    `recipient` is normalised already: messaging.addresses, messaging.numbers. `about` ("invite:<uuid>", or "") is how
    the caller finds it again and hears of it. After `expires_at` it is not sent any more. A second message with the
    same `key` is the first one.
    """
    now = now or timezone.now()
    fields = {
        "organisation": organisation,
        "kind": kind,
        "recipient": recipient,
        "subject": subject,
        "text": text,
        "html": html,
        "about": about,
        "expires_at": expires_at,
        "created_at": now,
        "next_try_at": now,
        "redact_at": now + timedelta(days=settings.MESSAGE_BODY_DAYS),
    }
    if key is None:
        message = Message.objects.create(**fields)
    else:
        message, created = Message.objects.get_or_create(key=key, defaults=fields)
        if not created:
            return message
    events.tell_changed(message)
    events.wake_workers()
    return message


@transaction.atomic
def withdraw(*, about: str, now: datetime | None = None) -> int:
    """Take back what was not sent yet about this; how many were. Joins the caller's transaction.

    A try that is on its way cannot be called back, but it is the last one. What has failed is not sent again either.
    """
    now = now or timezone.now()
    messages = Message.objects.about(about)
    messages.filter(status=Status.SENDING).update(expires_at=now)
    messages.filter(status=Status.FAILED).update(**_without_bodies())
    queued = messages.filter(status=Status.QUEUED).order_by("pk")
    return sum(_move(message, Status.CANCELLED, _without_bodies()) for message in queued)


# From the administration


@transaction.atomic(durable=True)
def retry(*, message: Message, by: User, now: datetime | None = None) -> Message:
    """Send a failed message again: as a new one, so that late news of the old one is not mistaken for its own.

    Raises DomainError("redacted"), DomainError("expired"), Conflict("not_failed").
    """
    now = now or timezone.now()
    message.refresh_from_db()
    if message.status != Status.FAILED:
        raise Conflict("not_failed", _("Only a message that could not be delivered can be sent again."))
    if message.expires_at and message.expires_at <= now:
        raise DomainError("expired", _("This message is of no use any more: its link or code has run out."))
    # Pressed twice, it goes once: what it said moves on to the new one.
    if not Message.objects.filter(pk=message.pk, redact_at__isnull=False).update(**_without_bodies()):
        raise DomainError("redacted", _("The text of this message is gone, so it cannot be sent again."))
    _record(message, "message.retried", by)
    return send(
        organisation=message.organisation,
        kind=message.kind,
        recipient=message.recipient,
        subject=message.subject,
        text=message.text,
        html=message.html,
        about=message.about,
        expires_at=message.expires_at,
        now=now,
    )


@transaction.atomic(durable=True)
def redact(*, message: Message, by: User) -> Message:
    """Blank what it said; what is still to be sent is withdrawn. Raises Conflict("on_its_way")."""
    message.refresh_from_db()
    if message.status == Status.SENDING:
        raise Conflict("on_its_way", _("This message is being sent just now. Try again in a minute."))
    if message.status == Status.QUEUED:
        _move(message, Status.CANCELLED, _without_bodies())
    else:
        Message.objects.filter(pk=message.pk).exclude(status=Status.SENDING).update(**_without_bodies())
    _record(message, "message.redacted", by)
    message.refresh_from_db()
    return message


# From the worker


def claim_due(*, most: int, now: datetime) -> list[Message]:
    """At most so many that are due, claimed for the caller until `now` + LEASE. No two workers get the same one."""
    if not Message.objects.due(at=now).exists():
        return []  # without a transaction, which on SQLite would hold up whoever writes
    claim = uuid4()
    with transaction.atomic(durable=True):
        # 1. Others' rows are stepped over, not waited for; the update asks again whether each is still due.
        due = Message.objects.due(at=now).order_by("next_try_at", "pk").select_for_update(skip_locked=True)
        chosen = list(due.values_list("pk", "status")[:most])
        for status, doubt in ((Status.QUEUED, F("in_doubt")), (Status.SENDING, True)):
            Message.objects.due(at=now).filter(pk__in=[pk for pk, was in chosen if was == status]).update(
                status=Status.SENDING, claim=claim, claimed_until=now + LEASE, tries=F("tries") + 1, in_doubt=doubt
            )
        claimed = list(Message.objects.filter(claim=claim).select_related("organisation").order_by("next_try_at", "pk"))
        # 2. What came too late is not sent.
        late = [message for message in claimed if message.expires_at and message.expires_at <= now]
        for message in late:
            _expire(message, now)
        for message in claimed:
            if message not in late:
                _tell(message)
    return [message for message in claimed if message not in late]


def renew_claims(*, claims: set[UUID | None], now: datetime) -> None:
    """A worker that waits for a slow provider is not a dead one."""
    Message.objects.filter(claim__in=claims).update(claimed_until=now + LEASE)


@transaction.atomic(durable=True)
def settle_sent(*, message: Message, receipt: Receipt, now: datetime) -> None:
    """The provider has taken it. Nothing changes where its own news was faster, or the claim is another's by now."""
    fields: dict[str, object] = {"provider_id": receipt.provider_id, "sent_at": now, "failure": "", "in_doubt": False}
    if receipt.delivered:
        fields["delivered_at"] = now
    if is_kept_locally(message.kind):
        fields["redact_at"] = now + SHOWN_LOCALLY
    elif receipt.delivered or not receipt.tracked:
        fields |= _without_bodies()
    _move(message, Status.DELIVERED if receipt.delivered else Status.SENT, fields, claim=message.claim)


@transaction.atomic(durable=True)
def settle_failed(*, message: Message, error: DeliveryError, now: datetime, random: Random = _random) -> None:
    """Later once more, or never again."""
    fields: dict[str, object] = {"failure": error.message, "in_doubt": message.in_doubt or error.in_doubt}
    if error.permanent or message.tries >= MOST_TRIES:
        _move(message, Status.FAILED, fields | {"failed_at": now}, claim=message.claim)
        return
    wait = wait_after(message.tries, random=random, asked=error.retry_after)
    _move(message, Status.QUEUED, fields | {"next_try_at": now + wait}, claim=message.claim)


@transaction.atomic(durable=True)
def sweep(*, now: datetime | None = None) -> None:
    """A job of the worker: fails what came too late, blanks bodies whose time is up, and lets old rows go."""
    now = now or timezone.now()
    late = Message.objects.filter(status=Status.QUEUED, expires_at__lte=now).order_by("pk")
    for message in late[:SWEPT_AT_ONCE]:
        _expire(message, now)
    # What is still on its way has its text; it will fail or arrive, and then be looked at again.
    Message.objects.to_redact(at=now).exclude(status__in=(Status.QUEUED, Status.SENDING)).update(**_without_bodies())
    old = now - timedelta(days=settings.MESSAGE_DAYS)
    Message.objects.filter(created_at__lte=old).exclude(status__in=(Status.QUEUED, Status.SENDING)).delete()


# From providers


@transaction.atomic(durable=True)
def record_news(
    *,
    kind: str,
    status: Status,
    provider_id: str,
    message_id: UUID | None,
    failure: str = "",
    now: datetime | None = None,
) -> bool:
    """What a provider tells about a message: False, and nothing changes, for an unknown one and for stale news.

    It is known by the provider's id, or by ours, which went out with it: news may be faster than our own commit, and is
    all that is heard of a try whose worker died.
    """
    now = now or timezone.now()
    messages = Message.objects.filter(kind=kind)
    message = messages.filter(pk=message_id).first() if message_id else None
    if message is None and provider_id:
        message = messages.filter(provider_id=provider_id).first()
    if message is None:
        return False
    if status == Status.FAILED and message.provider_id not in ("", provider_id):
        return False  # of a second copy; the first is on its way
    fields: dict[str, object] = {"provider_id": provider_id or message.provider_id, "failure": failure}
    if status == Status.FAILED:
        fields["failed_at"] = now
    else:
        fields |= {"sent_at": message.sent_at or now, "in_doubt": False, "failed_at": None}
    if status == Status.DELIVERED:
        fields |= {"delivered_at": now} | _without_bodies()
    return _move(message, status, fields)


# Common ground


def _move(message: Message, wanted: Status, fields: dict[str, object], *, claim: UUID | None = None) -> bool:
    """The compare-and-swap. With `claim`: only while it is still the caller's."""
    rows = Message.objects.filter(pk=message.pk, status__in=leading_to(wanted))
    if claim is not None:
        rows = rows.filter(claim=claim)
    if not rows.update(status=wanted, claim=None, claimed_until=None, **fields):
        return False
    message.refresh_from_db()
    _tell(message)
    return True


def _tell(message: Message) -> None:
    listeners.tell(message)
    events.tell_changed(message)


def _expire(message: Message, now: datetime) -> None:
    failure = message.failure or _("it could not be sent in time")
    _move(message, Status.FAILED, _without_bodies() | {"failure": failure, "failed_at": now})


def _without_bodies() -> dict[str, object]:
    """The subject too: a code to sign in stands there."""
    return {"subject": "", "text": "", "html": "", "redact_at": None}


def _record(message: Message, act: str, by: User) -> None:
    if message.organisation is not None:
        record_access(organisation=message.organisation, actor=by, act=act, place=f"message:{message.pk}")
