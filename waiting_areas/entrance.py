"""The caller's side: the public link, the waiting page, and what is pressed on it (rules W1, W4, W8).

A page that is opened changes nothing (hazard H25). A caller is known by their session alone, so nobody sees another's
page, whatever address they type.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from http import HTTPStatus
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from calls.doors import remember_identity, show_dead_link
from core.errors import DomainError
from core.limits import limited_by_address
from core.links import Link, read_token
from waiting_areas import services
from waiting_areas.access import Right, may
from waiting_areas.errors import DeadLink, NotOpen
from waiting_areas.forms import ArrivalForm, ReplyForm
from waiting_areas.models import LINK_PURPOSE, Caller, WaitingArea
from waiting_areas.waiting_page import describe_place


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@limited_by_address("waiting_areas.enter", capacity=600, per=timedelta(minutes=1))
def enter_area(request: HttpRequest, token: str) -> HttpResponse:
    """Notice, details, device check, then **Join**. Who waits here already goes on waiting."""
    link = read_token(LINK_PURPOSE, token)
    area = WaitingArea.objects.of_link(link).select_related("organisation").first() if link else None
    if link is None or area is None:
        return show_dead_link(request)
    if place := Caller.objects.remembered(request.session).inside().filter(area=area).first():
        return redirect("waiting_areas:show_place", place.pk)
    if may(request.user, Right.SEE, area):
        return render(request, "waiting_areas/entrance_staff.html", _of(area))
    if not area.lets_in(timezone.now()):
        return _closed(request, area)
    pressed_join = request.method == "POST"
    form = ArrivalForm(request.POST if pressed_join else None, area=area, initial=_known_details(request, area))
    if form.is_valid():
        return _arrive(request, area, link, form)
    return render(request, "waiting_areas/entrance.html", _of(area) | {"form": form})


@never_cache
@require_safe
def show_place(request: HttpRequest, caller_id: UUID) -> HttpResponse:
    """The waiting page, or the end of it; for htmx the part of it that changes."""
    caller = _own_place(request, caller_id)
    place = describe_place(caller, now=timezone.now())
    template = "waiting_areas/_place.html" if request.headers.get("HX-Request") else "waiting_areas/place.html"
    return render(request, template, _of(caller.area) | {"caller": caller, "place": place})


@require_POST
def send_reply(request: HttpRequest, caller_id: UUID) -> HttpResponse:
    form = ReplyForm(request.POST)
    if not form.is_valid():
        return redirect("waiting_areas:show_place", _own_place(request, caller_id).pk)
    phrase = form.cleaned_data["phrase"]
    return _press(request, caller_id, lambda caller, now: services.reply(caller=caller, phrase=phrase))


@require_POST
def ask_for_phone(request: HttpRequest, caller_id: UUID) -> HttpResponse:
    """**Please phone me instead**."""
    return _press(request, caller_id, lambda caller, now: services.phone_instead(caller=caller, now=now))


@require_POST
def wait_again(request: HttpRequest, caller_id: UUID) -> HttpResponse:
    """For a video call after all, by whoever had asked to be phoned."""
    return _press(request, caller_id, lambda caller, now: services.wait_again(caller=caller, now=now))


@require_POST
def leave_place(request: HttpRequest, caller_id: UUID) -> HttpResponse:
    caller = _own_place(request, caller_id)
    services.leave(caller=caller, now=timezone.now())
    return redirect("waiting_areas:show_place", caller.pk)


@require_POST
def close_place(request: HttpRequest, caller_id: UUID) -> HttpResponse:
    """The page's last word, by `navigator.sendBeacon` (rule W8)."""
    caller = _own_place(request, caller_id)
    services.close_page(caller=caller, now=timezone.now())
    return HttpResponse(status=HTTPStatus.NO_CONTENT)


def _press(request: HttpRequest, caller_id: UUID, act: Callable[[Caller, datetime], None]) -> HttpResponse:
    """To their own page, also where `act` is refused: it says where they stand, with Rejoin where the visit is over.

    Whoever presses is here: a place that was lost for want of a socket comes back first, if it may (rule W8).
    """
    caller, now = _own_place(request, caller_id), timezone.now()
    services.renew(caller_id=caller.pk, now=now)
    try:
        act(caller, now)
    except DomainError as error:
        if error.code != "left":  # what the page says by itself, in words for callers
            messages.error(request, error.message)
    return redirect("waiting_areas:show_place", caller.pk)


def _own_place(request: HttpRequest, caller_id: UUID) -> Caller:
    places = Caller.objects.remembered(request.session).select_related("area__organisation", "transferred_from")
    return get_object_or_404(places, pk=caller_id)


def _arrive(request: HttpRequest, area: WaitingArea, link: Link, form: ArrivalForm) -> HttpResponse:
    try:
        caller = services.arrive(
            area=area,
            generation=link.generation,
            details=form.details(),
            arrival=form.cleaned_data["arrival"],
            now=timezone.now(),
        )
    except DeadLink:
        return show_dead_link(request)
    except NotOpen:
        area.refresh_from_db()
        return _closed(request, area)
    remember_identity(request, caller.identity)
    return redirect("waiting_areas:show_place", caller.pk)


def _known_details(request: HttpRequest, area: WaitingArea) -> dict[str, object]:
    """Of their last visit in this browser's session, for who comes again (Rejoin)."""
    last = Caller.objects.remembered(request.session).filter(area=area).order_by("-arrived_at").first()
    if last is None:
        return {}
    return {name: getattr(last, name) for name in ("name", "telephone", "date_of_birth", "reason", "reference")}


def _closed(request: HttpRequest, area: WaitingArea) -> HttpResponse:
    now = timezone.now()
    opens_at = None if area.is_suspended or area.is_open(now) else area.next_opening(now)
    return render(request, "waiting_areas/closed.html", _of(area) | {"opens_at": opens_at})


def _of(area: WaitingArea) -> dict[str, object]:
    return {"area": area, "title": area.name, "organisation": area.organisation}
