"""What travels over the channel layer. This module alone names groups and builds payloads; all of it on commit."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

from messaging.models import Message

WORKERS = "messaging.workers"  # the group of all workers


def message_group(about: str) -> str:
    """Who wants to know of everything sent about "invite:<uuid>". A group's name may hold no colon."""
    return f"message.{about.replace(':', '.')}"


def tell_changed(message: Message) -> None:
    """Open pages read again. Nothing depends on it arriving."""
    payload = {"type": "message.changed", "about": message.about, "message": str(message.pk), "status": message.status}
    if message.about:
        _tell(message_group(message.about), payload)


def wake_workers() -> None:
    """There is something to send: at once, rather than at the next look."""
    _tell(WORKERS, {"type": "messaging.wake"})


def _tell(group: str, payload: dict[str, Any]) -> None:
    """Never a reason to fail what is already stored."""
    transaction.on_commit(lambda: async_to_sync(get_channel_layer().group_send)(group, payload), robust=True)
