"""Pages of a call, and the device test that is open to anyone."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_POST, require_safe

from calls import network_check, services, tickets
from calls.blur import describe_blur
from calls.doors import remember
from calls.models import Call, Seat
from calls.places import Act, kind_of
from core.errors import DomainError
from core.limits import limited_by_address


@require_safe
@never_cache
@gzip_page
def show_call(request: HttpRequest, call_id: UUID) -> HttpResponse:
    """The call screen, for whoever was given a seat at a door. Takes nothing over, changes nothing (rule C4).

    The one page that is compressed: it is the heaviest, and the length of it tells nothing (BREACH), since nothing of
    the request is in it, and its secrets, the ticket and the masked CSRF token, are new in each answer.
    """
    seat = Seat.objects.remembered(request.session, call_id).first()
    if seat is None:
        return _show_door(request, call_id)
    try:
        kind = services.check_stands(seat)
    except DomainError as refusal:
        if refusal.code == "ended" and _returns(seat):
            return redirect(_door_of(seat))
        return _show_end(request, seat, refusal)
    title, ticket = kind.title(seat.call.place), tickets.issue(seat, seat.connection)
    context = {"call": seat.call, "seat": seat, "title": title, "ticket": ticket}
    return render(request, kind.template, context | {"call_data": _call_data(seat, title, ticket)})


@require_POST
@never_cache
def issue_ticket(request: HttpRequest, call_id: UUID) -> JsonResponse:
    """A fresh ticket for the page that holds connection n: docs/protocol.md, "Opening"."""
    seat = get_object_or_404(Seat.objects.remembered(request.session, call_id))
    try:
        services.check_stands(seat)
    except DomainError as refusal:
        status = HTTPStatus.GONE if refusal.code == "ended" else HTTPStatus.FORBIDDEN
        return JsonResponse({"code": refusal.code}, status=status)
    if request.POST.get("connection") != str(seat.connection):
        return JsonResponse({"code": "taken_over"}, status=HTTPStatus.CONFLICT)
    return JsonResponse({"ticket": tickets.issue(seat, seat.connection), "connection": seat.connection})


@require_POST
def take_over(request: HttpRequest, call_id: UUID) -> HttpResponseRedirect:
    """Join pressed on the call's own page. Whoever is in another call is asked at the door to leave it (rule C4)."""
    seat = get_object_or_404(Seat.objects.remembered(request.session, call_id))
    try:
        seat = services.take_over(seat=seat)
    except DomainError as refusal:
        if refusal.code == "in_another_call":
            return redirect(_door_of(seat))
        return redirect("calls:show_call", call_id)
    return redirect(remember(request, seat))


@require_safe
def show_device_test(request: HttpRequest) -> HttpResponse:
    """Camera, microphone and speaker, tried on the day or at any time before (rule C8). Changes nothing."""
    return render(request, "calls/device_test.html")


@require_POST
@never_cache
@limited_by_address("calls.network_check", capacity=120, per=timedelta(minutes=1))
def check_network(request: HttpRequest) -> JsonResponse:
    """An offer of the page's, the answer of a relay: docs/protocol.md, "The network check"."""
    try:
        answer = network_check.ask(request.POST.get("offer", ""))
    except DomainError as refusal:
        return JsonResponse({"code": refusal.code}, status=refusal.status)
    return JsonResponse({"answer": answer})


def _show_door(request: HttpRequest, call_id: UUID) -> HttpResponse:
    """Somebody without a seat. Staff with a right to the place are shown in; a stranger learns nothing."""
    call = get_object_or_404(Call.objects.visible_to(request.user), pk=call_id)
    if not request.user.is_authenticated:
        raise Http404
    kind = kind_of(call.place)
    if not kind.may(call.place, request.user.identity, Act.ENTER):
        raise PermissionDenied
    return redirect(kind.door(call.place, request.user.identity))


def _show_end(request: HttpRequest, seat: Seat, refusal: DomainError) -> HttpResponse:
    """Why this seat is no way in any more, and the next step: the door, except for whoever was put out (rule C7)."""
    ended = refusal.code == "ended"
    context = {
        "title": kind_of(seat.call.place).title(seat.call.place),
        "organisation": seat.call.organisation,
        "reason": seat.call.end_reason if ended else refusal.code,
        "door_url": _door_of(seat) if ended else "",
        "support_phone": seat.call.organisation.support_phone,
    }
    return render(request, "calls/ended.html", context, status=HTTPStatus.OK if ended else HTTPStatus.FORBIDDEN)


def _door_of(seat: Seat) -> str:
    place = _home_of(seat)
    return kind_of(place).door(place, seat.identity)


def _home_of(seat: Seat) -> str:
    """The call's place, or that from which somebody was brought into it (rule W6)."""
    return seat.brought_from or seat.call.place


def _returns(seat: Seat) -> bool:
    """Whether they go back to their door when the call has ended (rule W9)."""
    return seat.role == Seat.Role.GUEST and kind_of(_home_of(seat)).guests_return


def _call_data(seat: Seat, title: str, ticket: str) -> dict[str, object]:
    """What the page's scripts read (static/calls/call-page.js)."""
    blur = {"blur": describe_blur()} if seat.role == Seat.Role.MEMBER else {}
    return blur | {
        "callId": str(seat.call_id),
        "seatId": str(seat.pk),
        "connection": seat.connection,
        "role": seat.role,
        "name": seat.display_name,
        "title": title,
        "ticket": ticket,
        "ticketUrl": reverse("calls:issue_ticket", args=[seat.call_id]),
        "joinUrl": reverse("calls:take_over", args=[seat.call_id]),
        "doorUrl": _door_of(seat),
        "returns": _returns(seat),
        "supportPhone": seat.call.organisation.support_phone,
        "testUrl": reverse("calls:show_device_test"),
    }
