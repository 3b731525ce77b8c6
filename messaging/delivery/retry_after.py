"""What a provider that is busy asks for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime


def read_retry_after(said: str) -> timedelta | None:
    """Seconds, or a moment (RFC 9110 §10.2.3). None for anything else."""
    if said.strip().isdecimal():
        return timedelta(seconds=min(int(said), 86_400))
    try:
        moment = parsedate_to_datetime(said)
    except ValueError:
        return None
    return max(moment - datetime.now(UTC), timedelta(0)) if moment.tzinfo else None
