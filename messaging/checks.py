"""What must be true of the settings before messages go out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register


@register(Tags.security)
def check_providers(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """A half-set provider would fail each message, one nurse at a time."""
    found: list[CheckMessage] = []
    if settings.TWILIO_ACCOUNT_SID:
        if not settings.TWILIO_AUTH_TOKEN:
            found.append(Error("TWILIO_ACCOUNT_SID is set without TWILIO_AUTH_TOKEN.", id="anteroom.E010"))
        if not (settings.TWILIO_FROM or settings.TWILIO_MESSAGING_SERVICE_SID):
            message = "TWILIO_ACCOUNT_SID is set without TWILIO_FROM or TWILIO_MESSAGING_SERVICE_SID."
            found.append(Error(message, id="anteroom.E011"))
    return found


@register(Tags.security, deploy=True)
def check_email(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    if settings.EMAIL_DELIVERY_BACKEND:
        return []
    message = "No email leaves this installation: neither EMAIL_URL nor EMAIL_DELIVERY_BACKEND is set."
    return [checks.Warning(message, hint="Codes to sign in and invitations by email will fail.", id="anteroom.W010")]
