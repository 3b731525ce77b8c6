"""Django's mail by way of the outbox: a page that sends a code to sign in waits for no mail server."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone

from messaging import services
from messaging.models import Message

OF_USE_FOR = timedelta(hours=1)  # codes to sign in and links to a new password


class OutboxBackend(BaseEmailBackend):
    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """How many were put into the outbox. Raises ValueError for attachments, which it does not carry."""
        expires_at = timezone.now() + OF_USE_FOR
        for email in email_messages:
            if email.attachments:
                raise ValueError("The outbox carries no attachments.")
            parts = getattr(email, "alternatives", [])
            html = next((str(part.content) for part in parts if part.mimetype == "text/html"), "")
            for recipient in email.recipients():
                services.send(
                    organisation=None,
                    kind=Message.Kind.EMAIL,
                    recipient=recipient,
                    subject=" ".join(str(email.subject).split()),
                    text=str(email.body),
                    html=html,
                    about="",
                    expires_at=expires_at,
                )
        return len(email_messages)
