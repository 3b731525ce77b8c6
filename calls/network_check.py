"""The network check before joining (rule C8): one question to a relay, and its answer, within one request.

Anybody may ask. What comes of it is a leg of the relay's that is in no call and ends by itself (calls.relay.mirror);
it is reached as a call would be, and tells how the way there is. No TURN server is part of it: credentials go to
admitted people alone (calls.turn), so the check speaks of the relay itself, and the page says so.
"""

from __future__ import annotations

from http import HTTPStatus

from asgiref.sync import async_to_sync
from django.utils.translation import gettext as _

from calls import events
from calls.frames import MAX_FRAME
from calls.models import RelayLease
from core.errors import DomainError


class NotNow(DomainError):
    """`code` is "unavailable" (no relay answers) or "busy" (it checks enough others)."""

    status = HTTPStatus.SERVICE_UNAVAILABLE


def ask(offer: str) -> str:
    """The SDP answer of the relay that would take the next call. Raises NotNow, or DomainError "bad_offer"."""
    if not 0 < len(offer) <= MAX_FRAME:
        raise DomainError("bad_offer", _("This offer cannot be used."))
    lease = RelayLease.objects.taking().first()
    if lease is None:
        raise _not_now("unavailable")
    reply = async_to_sync(events.ask_node)(lease.node, events.relay_mirror(offer=offer))
    if reply is None:
        raise _not_now("unavailable")
    if reply["type"] == "mirror.answer":
        return str(reply["sdp"])
    if reply["code"] == "bad_offer":
        raise DomainError("bad_offer", _("This offer cannot be used."))
    raise _not_now("busy" if reply["code"] == "busy" else "unavailable")


def _not_now(code: str) -> NotNow:
    return NotNow(code, _("Your connection cannot be checked just now."))
