"""Two that run beside each other must not hear each other."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit


def other_redis_database(url: str, number: int) -> str:
    """The database `number` further on: Redis keeps sixteen apart."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"/{(int(parts.path.strip('/') or 0) + number) % 16}"))
