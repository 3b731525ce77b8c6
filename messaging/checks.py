"""What must be true of the settings before messages go out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.utils.module_loading import import_string


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


@register(Tags.compatibility)
def check_limits(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """A bucket that holds nothing divides by it, and a body that goes before it is sent says nothing."""
    return [
        Error(f"{name} is not at least 1.", id="anteroom.E012")
        for name in (
            "MESSAGES_A_MEMBER_AN_HOUR",
            "MESSAGES_A_RECIPIENT_AN_HOUR",
            "MESSAGES_AN_ORGANISATION_A_DAY",
            "MESSAGE_BODY_DAYS",
            "MESSAGE_DAYS",
        )
        if getattr(settings, name) < 1
    ]


@register(Tags.compatibility)
def check_email_backend(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """A slip in its name would otherwise be told by the first code to sign in that fails."""
    if not settings.EMAIL_DELIVERY_BACKEND:
        return []
    try:
        import_string(settings.EMAIL_DELIVERY_BACKEND)
    except ImportError as error:
        return [Error(f"EMAIL_DELIVERY_BACKEND cannot be used: {error}.", id="anteroom.E013")]
    return []


@register(Tags.security, deploy=True)
def check_email(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    if settings.EMAIL_DELIVERY_BACKEND:
        return []
    message = "No email leaves this installation: neither EMAIL_URL nor EMAIL_DELIVERY_BACKEND is set."
    return [checks.Warning(message, hint="Codes to sign in and invitations by email will fail.", id="anteroom.W010")]
