"""No provider is set up: a message stays in the database, where /dev/messages/ shows it."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.utils.translation import gettext as _

from messaging.delivery import Outgoing, Receipt
from messaging.errors import DeliveryError


class LocalAdapter:
    def deliver(self, outgoing: Outgoing) -> Receipt:
        """Raises DeliveryError outside development: there nobody would ever see it."""
        if not settings.MESSAGES_KEPT:
            raise DeliveryError(
                _("this installation cannot send such messages yet: ask your administrator"), permanent=True
            )
        return Receipt(provider_id=f"kept:{outgoing.id}", delivered=True)

    def find(self, outgoing: Outgoing, *, since: datetime) -> Receipt | None:
        return None
