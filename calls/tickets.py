"""Tickets: what a page shows at its socket to be let in. Signed, for one seat, good for 60 s."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from django.core.signing import BadSignature, TimestampSigner

if TYPE_CHECKING:
    from calls.models import Seat

LIFETIME = timedelta(seconds=60)
_SALT = "anteroom.calls.ticket"


@dataclass(frozen=True, slots=True)
class Ticket:
    """`connection` is the seat's number when the ticket was made: an older Join holds a lower one (rule C4)."""

    seat_id: UUID
    call_id: UUID
    connection: int


def issue(seat: Seat, connection: int) -> str:
    return TimestampSigner(salt=_SALT).sign_object([seat.pk.hex, seat.call_id.hex, connection])


def read(text: str) -> Ticket | None:
    """None for anything altered, expired or made for another purpose: one answer (hazard H1)."""
    try:
        seat, call, connection = TimestampSigner(salt=_SALT).unsign_object(text, max_age=LIFETIME)
        return Ticket(UUID(seat), UUID(call), int(connection))
    except (BadSignature, ValueError, TypeError, AttributeError):
        return None
