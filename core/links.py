"""Links are derived, not stored.

token = base64url(uuid ‖ generation ‖ HMAC-SHA-256 truncated to 128 bits under a purpose key), 48 characters,
deterministic: sending it again gives the same link, raising the generation revokes it, and a stolen
database holds no working link (docs/architecture.md, hazard H1).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

_BODY = struct.Struct(">16sI")  # uuid, generation
_SIGNATURE = 16  # bytes: 128 bits


@dataclass(frozen=True, slots=True)
class Link:
    """What a token says. The caller still compares `generation` with the object's own."""

    subject: UUID
    generation: int


def _sign(purpose: str, body: bytes) -> bytes:
    key = hashlib.sha256(f"anteroom.link.{purpose}:{settings.LINK_KEY}".encode()).digest()
    return hmac.digest(key, body, "sha256")[:_SIGNATURE]


def make_token(purpose: str, subject: UUID, generation: int) -> str:
    body = _BODY.pack(subject.bytes, generation)
    return base64.urlsafe_b64encode(body + _sign(purpose, body)).rstrip(b"=").decode()


def read_token(purpose: str, token: str) -> Link | None:
    """None for anything that was not made for this purpose, whatever is wrong with it: one answer, one timing class."""
    try:
        raw = base64.b64decode(token.encode() + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    body, signature = raw[: _BODY.size], raw[_BODY.size :]
    if not hmac.compare_digest(_sign(purpose, body), signature) or len(body) != _BODY.size:
        return None
    uuid_bytes, generation = _BODY.unpack(body)
    return Link(UUID(bytes=uuid_bytes), generation)
