"""What must be true of the settings of calls before anything starts: said then, not by the first join that fails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from calls.relay.people import REMOTE_SEATS
from calls.relay.udp import parse_addresses

_TURN_SCHEMES = ("turn:", "turns:")


@register(Tags.compatibility)
def check_calls(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Rules C1, C3 and C9, and where the relay listens."""
    found: list[CheckMessage] = []
    most = REMOTE_SEATS + 1
    if not 2 <= settings.CALL_CAPACITY <= most:
        found.append(Error(f"CALL_CAPACITY is not 2 to {most}.", id="anteroom.E020"))
    found += [
        Error(f"{name} is not a time in seconds, over 0.", id="anteroom.E021")
        for name in ("CALL_MEMBER_WAIT", "CALL_EMPTY_AFTER")
        if not 0 < getattr(settings, name) < float("inf")
    ]
    if not 0 < settings.RELAY_PORT <= 65535:
        found.append(Error("RELAY_PORT is not a port.", id="anteroom.E022"))
    for name, one_port in (("RELAY_ADDRESSES", True), ("RELAY_TCP_ADDRESSES", False)):
        try:
            parse_addresses(getattr(settings, name), one_port=one_port)
        except ValueError as error:
            found.append(Error(f"{name}: {error}.", hint="public=local:port, by commas", id="anteroom.E023"))
    found += [
        Error(f"TURN_URLS: {url!r} does not begin with turn: or turns:.", id="anteroom.E024")
        for url in settings.TURN_URLS
        if not url.startswith(_TURN_SCHEMES)
    ]
    return found
