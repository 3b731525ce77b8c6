"""What providers of email tell of a message, by anymail's one signal for all of them."""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

from anymail.signals import AnymailTrackingEvent, EventType, RejectReason, tracking
from django.dispatch import receiver

from messaging import services
from messaging.delivery import reasons
from messaging.delivery.email import METADATA
from messaging.models import Message
from messaging.states import Status

# Opened and clicked are not asked for, and not kept if told. Deferred is still on its way.
_NEWS = {
    EventType.SENT: Status.SENT,
    EventType.QUEUED: Status.SENT,
    EventType.DELIVERED: Status.DELIVERED,
    EventType.BOUNCED: Status.FAILED,
    EventType.REJECTED: Status.FAILED,
    EventType.FAILED: Status.FAILED,
}
_REASONS = {
    RejectReason.INVALID: reasons.NO_SUCH_ADDRESS,
    RejectReason.BOUNCED: reasons.MAIL_RETURNED,
    RejectReason.SPAM: reasons.MAIL_REFUSED,
    RejectReason.BLOCKED: reasons.MAIL_REFUSED,
    RejectReason.UNSUBSCRIBED: reasons.UNSUBSCRIBED,
}

logger = logging.getLogger(__name__)


@receiver(tracking, dispatch_uid="messaging")
def hear(sender: type, event: AnymailTrackingEvent, **kwargs: Any) -> None:
    """Idempotent, and in any order: messaging.states weighs it."""
    status = _NEWS.get(event.event_type)
    if status is None:
        return
    failure = str(_REASONS.get(event.reject_reason, reasons.MAIL_RETURNED)) if status == Status.FAILED else ""
    services.record_news(
        kind=Message.Kind.EMAIL,
        status=status,
        provider_id=str(event.message_id or ""),
        message_id=_our_id(event),
        failure=failure,
    )


def _our_id(event: AnymailTrackingEvent) -> UUID | None:
    try:
        return UUID(str((event.metadata or {}).get(METADATA, "")))
    except ValueError:
        return None
