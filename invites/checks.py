"""What must be true of the settings before anybody is invited."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from invites.services import LONGEST


@register(Tags.compatibility)
def check_days(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """The day that the form offers must be one that it takes."""
    found: list[CheckMessage] = []
    if not 0 < settings.INVITE_DAYS < LONGEST.days:
        found.append(Error(f"INVITE_DAYS is not 1 to {LONGEST.days - 1}.", id="anteroom.E030"))
    if settings.INVITES_KEPT_DAYS < 0:
        found.append(Error("INVITES_KEPT_DAYS is under 0.", id="anteroom.E031"))
    return found
