"""The door of a personal link: details, device check, Join (rules R3, R4, C8).

Opening it changes nothing, whoever opens it: a mail scanner, a browser that looks ahead, a person (hazard H25). People
are admitted by pressing Join, and "at the door" is what their page says once they have touched it.
"""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import User
from calls.doors import remember, show_dead_link
from calls.places import Act, kind_of
from core.errors import DomainError
from core.limits import limited_by_address
from core.links import Link, read_token
from invites import services
from invites.errors import DeadInvite
from invites.forms import JoinForm
from invites.models import LINK_PURPOSE, Invite
from invites.status import is_live


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@limited_by_address("invites.door", capacity=600, per=timedelta(minutes=1))
def open_door(request: HttpRequest, token: str) -> HttpResponse:
    link, invite = _read(token)
    if link is None or invite is None:
        return show_dead_link(request)
    if reason := services.why_dead(invite, link.generation, now=timezone.now()):
        return _dead(request, invite, reason)
    user = request.user
    kind = kind_of(invite.place)
    if isinstance(user, User) and kind.may(invite.place, user.identity, Act.ENTER):
        return redirect(kind.door(invite.place, user.identity))  # as themselves, whatever link was used (rule R3)
    name = invite.name or (user.name if isinstance(user, User) else "")
    form = JoinForm(request.POST if request.method == "POST" else None, initial={"name": name})
    if form.is_valid():
        return _join(request, invite, link.generation, form)
    context = {
        "form": form,
        "title": kind.title(invite.place),
        "is_in_use": is_live(invite),
        "at_door_url": reverse("invites:tell_at_door", args=[token]),
    }
    return _show(request, invite, "invites/door.html", context)


@require_POST
@never_cache
@limited_by_address("invites.at_door", capacity=600, per=timedelta(minutes=1))
def tell_at_door(request: HttpRequest, token: str) -> HttpResponse:
    """The page was touched by a person and is still open (rule R4); the same answer for every link."""
    link, invite = _read(token)
    if link is not None and invite is not None:
        services.tell_at_door(invite=invite, generation=link.generation)
    return HttpResponse(status=HTTPStatus.NO_CONTENT)


def _read(token: str) -> tuple[Link | None, Invite | None]:
    link = read_token(LINK_PURPOSE, token)
    if link is None:
        return None, None
    return link, Invite.objects.of_link(link).select_related("call", "organisation", "invited_by").first()


def _join(request: HttpRequest, invite: Invite, generation: int, form: JoinForm) -> HttpResponse:
    try:
        seat = services.admit_guest(invite=invite, generation=generation, **form.cleaned_data)
    except DeadInvite as error:
        return _dead(request, invite, error.code)
    except DomainError as error:
        return _show(request, invite, "invites/refused.html", {"error": error}, status=error.status)
    return redirect(remember(request, seat))


def _dead(request: HttpRequest, invite: Invite, reason: str) -> HttpResponse:
    """Only who holds a link that we made is told what became of it; anything else is one page (hazard H1)."""
    return _show(request, invite, "invites/dead.html", {"reason": reason}, status=HTTPStatus.NOT_FOUND)


def _show(
    request: HttpRequest, invite: Invite, template: str, context: dict[str, object], status: int = HTTPStatus.OK
) -> HttpResponse:
    given = {"invite": invite, "organisation": invite.organisation}
    return render(request, template, context | given, status=status)
