"""A TURN server beside the relay, where settings name one: for networks that let nothing but TLS through.

Credentials follow coturn's REST scheme (draft-uberti-behave-turn-rest): a name that says until when it is good, and its
HMAC-SHA1 under a secret shared with the server. They go to admitted people only, in `welcome` and `answer`
(docs/protocol.md), and what they reach is the relay and nothing else (deploy/turnserver.conf, hazard H17).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TypedDict
from uuid import UUID

from django.conf import settings

LIFETIME = 300  # seconds in which an allocation may be asked for; one that stands may be refreshed


class IceServer(TypedDict):
    """An RTCIceServer (W3C WebRTC §4.2.2)."""

    urls: list[str]
    username: str
    credential: str


def ice_servers(seat_id: UUID, *, now: float) -> list[IceServer]:
    """For one seat, from `now` (Unix seconds). The seat's number is nobody's name, so the server's log has none."""
    if not settings.TURN_URLS:
        return []
    username = f"{int(now) + LIFETIME}:{seat_id.hex}"
    digest = hmac.digest(settings.TURN_SECRET.encode(), username.encode(), hashlib.sha1)
    return [IceServer(urls=settings.TURN_URLS, username=username, credential=base64.b64encode(digest).decode())]
