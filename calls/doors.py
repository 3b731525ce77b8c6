"""What every door does: know who a visitor is, and remember the seat they were given (docs/architecture.md).

A door is a page of an app above: it asks for a name, calls `services.open_call` and `services.admit`, and
redirects to what `remember` answers.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import User
from calls.models import Seat
from calls.services import remove_participant
from core.errors import DomainError

_COOKIE = "visitor"
_SALT = "anteroom.calls.visitor"
_COOKIE_AGE = timedelta(days=365)
_SEATS_KEPT = 20  # a browser's latest, in its session
_IDENTITIES_KEPT = 5


def visitor_identity(request: HttpRequest) -> tuple[str, Callable[[HttpResponseBase], None]]:
    """Who an anonymous guest is, by a signed cookie, and what puts that cookie on the response to their Join.

    The same browser is the same person, so that a second Join takes over rather than adding somebody (rule C4).
    """
    known = request.get_signed_cookie(_COOKIE, default="", salt=_SALT)
    visitor = UUID(known) if known else uuid4()

    def set_cookie(response: HttpResponseBase) -> None:
        response.set_signed_cookie(
            _COOKIE,
            visitor.hex,
            salt=_SALT,
            max_age=_COOKIE_AGE,
            httponly=True,
            samesite="Lax",
            secure=settings.SESSION_COOKIE_SECURE,
        )

    return f"visitor:{visitor}", set_cookie


def remember(request: HttpRequest, seat: Seat) -> str:
    """Keep the seat in this browser's session; answers the address of the call, for the redirect.

    The number in the fragment says that this very page pressed Join (docs/protocol.md, "One page holds the seat").
    """
    seats: dict[str, str] = request.session.get("seats", {})
    seats.pop(str(seat.call_id), None)
    seats[str(seat.call_id)] = str(seat.pk)
    request.session["seats"] = dict(list(seats.items())[-_SEATS_KEPT:])
    return f"{reverse('calls:show_call', args=[seat.call_id])}#connection={seat.connection}"


def show_dead_link(request: HttpRequest) -> HttpResponse:
    """One page for every link that opens nothing, whatever it was for and whatever is wrong with it (hazard H1)."""
    return render(request, "calls/dead_link.html", {"organisation": None}, status=HTTPStatus.NOT_FOUND)


def remember_identity(request: HttpRequest, identity: str) -> None:
    """This browser is that person in whatever call they are brought into: "caller:<uuid>"."""
    identities: list[str] = [known for known in request.session.get("identities", []) if known != identity]
    request.session["identities"] = [*identities, identity][-_IDENTITIES_KEPT:]


def disconnect(request: HttpRequest, seat: Seat, *, by: User) -> None:
    """By a member who may (rule C7), with what the next page says of it. Pressed outside the call."""
    try:
        remove_participant(seat=seat, by=by.identity)
    except DomainError:  # the relay cannot be told just now; calls.sweep tells it again
        told = _("%(name)s is still in the call. We go on trying to disconnect them, and they cannot come back.")
        messages.error(request, told % {"name": seat.display_name})
    else:
        messages.success(request, _("%(name)s has been disconnected.") % {"name": seat.display_name})
