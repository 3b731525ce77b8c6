"""Messages in the outbox. Any field can be said by name; what is not said is sensible."""

from __future__ import annotations

from typing import Any

from messaging import services
from messaging.models import Message
from tests.accounts.factories import make_organisation

EMAIL, SMS = Message.Kind.EMAIL, Message.Kind.SMS


def make_message(**overrides: Any) -> Message:
    """Queued by the service; with `status` and other fields of the row set afterwards."""
    sent = {"kind", "recipient", "subject", "text", "html", "about", "expires_at", "key", "now"}
    kind = overrides.get("kind", EMAIL)
    words: dict[str, Any] = {
        "organisation": overrides.pop("organisation", None) or make_organisation(),
        "kind": kind,
        "recipient": "grace@example.org" if kind == EMAIL else "+447400123456",
        "subject": "Your invitation" if kind == EMAIL else "",
        "text": "Open http://testserver/i/abc/",
        "html": "<p>Open <a href='http://testserver/i/abc/'>it</a></p>" if kind == EMAIL else "",
        "about": "invite:1",
    }
    words |= {name: overrides.pop(name) for name in sent & set(overrides)}
    message = services.send(**words)
    if overrides:
        Message.objects.filter(pk=message.pk).update(**overrides)
        message.refresh_from_db()
    return message
