"""What must be true before anything starts (hazard H2; docs/architecture.md, "Processes")."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError

LEAST_SECRET = 50  # characters
LEAST_VARIETY = 10  # different characters
_PLACEHOLDER = re.compile(r"change|insecure|default|replace|your[-_ ]|example|placeholder", re.IGNORECASE)

SQLITE_OPTIONS = {"timeout": 5, "transaction_mode": "IMMEDIATE"}
SQLITE_PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL")


@register(Tags.security)
def check_secrets(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Without DEBUG: two secrets of this house's own, the names it answers to and the address in its links."""
    if settings.DEBUG:
        return []
    found: list[CheckMessage] = []
    for name, number in (("SECRET_KEY", 1), ("LINK_KEY", 2)):
        problem = _problem_of_secret(_read(name))
        if problem:
            hint = 'python -c "import secrets; print(secrets.token_urlsafe(50))"'
            found.append(Error(f"{name} {problem}.", hint=f"Make one: {hint}", id=f"anteroom.E00{number}"))
    if _read("LINK_KEY") == _read("SECRET_KEY"):
        found.append(Error("LINK_KEY must be set, to another value than SECRET_KEY.", id="anteroom.E003"))
    if settings.TURN_URLS and (problem := _problem_of_secret(_read("TURN_SECRET"))):
        found.append(
            Error(f"TURN_SECRET {problem}.", hint="The same as coturn's static-auth-secret.", id="anteroom.E006")
        )
    if not settings.ALLOWED_HOSTS or "*" in settings.ALLOWED_HOSTS:
        found.append(Error("ALLOWED_HOSTS must name the hosts of this house.", id="anteroom.E004"))
    if not _is_address(settings.PUBLIC_URL):
        hint = "Links in messages are built on it: https://meet.example.org"
        found.append(
            Error("PUBLIC_URL must be the address under which people open this.", hint=hint, id="anteroom.E007")
        )
    elif not _is_trusted_by_browsers(settings.PUBLIC_URL):
        hint = "Browsers keep the camera, the microphone and the sign-in back from pages without it."
        found.append(Error("PUBLIC_URL must begin with https.", hint=hint, id="anteroom.E009"))
    return found


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:  # "http://["
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.path == ""


def _is_trusted_by_browsers(url: str) -> bool:
    """W3C Secure Contexts §3.1: https, or this machine's own pages."""
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in ("localhost", "127.0.0.1", "::1")


def _read(name: str) -> str:
    """Django itself refuses to say an empty SECRET_KEY."""
    try:
        return str(getattr(settings, name))
    except ImproperlyConfigured:
        return ""


def _problem_of_secret(secret: str) -> str:
    if not secret:
        return "is missing"
    if len(secret) < LEAST_SECRET or len(set(secret)) < LEAST_VARIETY:
        return f"is too short or too simple: at least {LEAST_SECRET} random characters"
    if _PLACEHOLDER.search(secret):
        return "is the one from an example"
    return ""


@register(Tags.database)
def check_sqlite(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """SQLite in one mode only: readers beside one writer, who waits its turn instead of failing half-way."""
    found: list[CheckMessage] = []
    for alias, database in settings.DATABASES.items():
        if not database["ENGINE"].endswith("sqlite3"):
            continue
        options = database.get("OPTIONS", {})
        wrong = [name for name, wanted in SQLITE_OPTIONS.items() if options.get(name) != wanted]
        pragmas = options.get("init_command", "").replace(" ", "")
        wrong += [pragma for pragma in SQLITE_PRAGMAS if pragma not in pragmas]
        if wrong:
            message = f"The SQLite database {alias!r} lacks {', '.join(wrong)}."
            found.append(Error(message, hint="See DATABASES in config/settings.py.", id="anteroom.E005"))
    return found


@register(Tags.compatibility)
def check_redis(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    if not settings.REDIS_URL or settings.REDIS_URL.startswith(("redis://", "rediss://", "unix://")):
        return []
    return [Error("REDIS_URL does not begin with redis://, rediss:// or unix://.", id="anteroom.E008")]


def require_shared_channel_layer(process: str) -> None:
    """For the commands that start a process beside others. Raises CommandError: in memory nobody else hears it."""
    if settings.CHANNEL_LAYERS["default"]["BACKEND"] == "channels.layers.InMemoryChannelLayer":
        raise CommandError(
            f"{process} would be alone: the in-memory channel layer reaches one process only. Set REDIS_URL, "
            "or run everything in one with `manage.py serve`."
        )
