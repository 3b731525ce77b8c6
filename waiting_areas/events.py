"""What travels over the channel layer about waiting areas, and to whom. This module alone names groups and payloads.

Nothing depends on an event arriving: each makes open pages read again (docs/architecture.md). None carries a name, a
number or a message.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

Message = dict[str, Any]


def area_group(area_id: UUID) -> str:
    """Staff who watch the area; where callers are told their position, their sockets too."""
    return f"waiting.area.{area_id}"


def caller_group(caller_id: UUID) -> str:
    """The caller's own pages."""
    return f"waiting.caller.{caller_id}"


def area_changed(area_id: UUID) -> Message:
    """The Caller list of this area, its counts or the area itself look different now. `news` is another each time, for
    who reads once what many want to know (waiting_areas.positions).
    """
    return {"type": "area.changed", "area": str(area_id), "news": uuid4().hex}


def area_arrived(area_id: UUID, caller_id: UUID) -> Message:
    """Somebody new waits: Caller Arrival Alerts (rule W3). `area.changed` comes beside it."""
    return {"type": "area.arrived", "area": str(area_id), "caller": str(caller_id)}


def area_replied(area_id: UUID, caller_id: UUID) -> Message:
    """A caller has answered staff, or asks to be phoned (rule W4). `area.changed` comes beside it."""
    return {"type": "area.replied", "area": str(area_id), "caller": str(caller_id)}


def caller_changed(caller_id: UUID) -> Message:
    return {"type": "caller.changed", "caller": str(caller_id)}


# From services: after the commit, and never a reason to fail what is already stored


def tell_area(area_id: UUID, *messages: Message) -> None:
    """`area_changed`, after whatever else is said."""
    for message in (*messages, area_changed(area_id)):
        _tell(area_group(area_id), message)


def tell_caller(caller_id: UUID) -> None:
    _tell(caller_group(caller_id), caller_changed(caller_id))


def _tell(group: str, message: Message) -> None:
    transaction.on_commit(lambda: async_to_sync(get_channel_layer().group_send)(group, message), robust=True)
