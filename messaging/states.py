"""What may follow what in a message's life. Pure: no row is touched here.

Providers report out of order and more than once, so news is weighed rather than obeyed: what arrived stays arrived.
"""

from __future__ import annotations

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Status(TextChoices):
    QUEUED = "queued", _("Queued")
    SENDING = "sending", _("Sending")
    SENT = "sent", _("Sent")
    DELIVERED = "delivered", _("Delivered")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Withdrawn")


WAITING = frozenset({Status.QUEUED, Status.SENDING})

# A try that timed out here may have been taken there: news about it is believed while the message waits for the next.
_MAY_FOLLOW: dict[str, frozenset[str]] = {
    Status.QUEUED: frozenset({Status.SENDING, Status.SENT, Status.DELIVERED, Status.FAILED, Status.CANCELLED}),
    Status.SENDING: frozenset({Status.QUEUED, Status.SENT, Status.DELIVERED, Status.FAILED}),
    Status.SENT: frozenset({Status.DELIVERED, Status.FAILED}),
    Status.DELIVERED: frozenset(),
    # Who was given up after a timeout may have been reached after all.
    Status.FAILED: frozenset({Status.DELIVERED}),
    Status.CANCELLED: frozenset(),
}


def transition(current: str, wanted: str) -> bool:
    """Whether a message that is `current` may become `wanted`. Nothing follows itself: told twice is told once."""
    return wanted in _MAY_FOLLOW[current]


def leading_to(wanted: str) -> frozenset[str]:
    """From where a message may become `wanted`: the other half of a compare-and-swap."""
    return frozenset(status for status in _MAY_FOLLOW if transition(status, wanted))
