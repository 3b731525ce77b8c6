"""How a message leaves the house: one adapter for each kind, vendors' code in email.py and sms.py, nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from django.conf import settings

from messaging.models import Message

NETWORK_TIMEOUT = 10.0  # seconds, for a provider to answer


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What an adapter needs of a message: no row, so that no query is made while the network is waited for."""

    id: UUID
    recipient: str
    subject: str
    text: str
    html: str
    sender: str  # the organisation's name, "" for none

    @classmethod
    def of(cls, message: Message) -> Outgoing:
        return cls(
            id=message.pk,
            recipient=message.recipient,
            subject=message.subject,
            text=message.text,
            html=message.html,
            sender=message.organisation.name if message.organisation else "",
        )


@dataclass(frozen=True, slots=True)
class Receipt:
    """The provider has taken it."""

    provider_id: str
    delivered: bool = False  # it has arrived, too
    tracked: bool = True  # the provider will tell whether it does


class Adapter(Protocol):
    def deliver(self, outgoing: Outgoing) -> Receipt:
        """Raises DeliveryError, and nothing else."""
        ...

    def find(self, outgoing: Outgoing, *, since: datetime) -> Receipt | None:
        """What came of an earlier try whose end nobody saw; None where it never arrived, or the provider cannot say.

        Raises DeliveryError, and nothing else.
        """
        ...


def adapter_for(kind: str) -> Adapter:
    """Vendors' libraries are large: a house that needs none loads none."""
    if is_kept_locally(kind):
        from messaging.delivery.local import LocalAdapter

        return LocalAdapter()
    if kind == Message.Kind.SMS:
        from messaging.delivery.sms import TwilioAdapter

        return TwilioAdapter()
    from messaging.delivery.email import EmailAdapter

    return EmailAdapter()


def is_kept_locally(kind: str) -> bool:
    """No provider is set up: nobody receives it."""
    return not (settings.TWILIO_ACCOUNT_SID if kind == Message.Kind.SMS else settings.EMAIL_DELIVERY_BACKEND)


def is_available(kind: str) -> bool:
    """Whether a page should offer it: it is sent, or this is development and /dev/messages/ shows it."""
    return settings.MESSAGES_KEPT or not is_kept_locally(kind)
