"""The staff's side: the areas where I hold a role, and each one's Caller list (rule W3)."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.access import SignedInRequest
from calls.doors import remember
from core.errors import DomainError
from waiting_areas import listing, services
from waiting_areas.access import Right, get_area, get_caller, signed_in
from waiting_areas.models import Caller, WaitingArea


@signed_in
@never_cache
@require_safe
def list_areas(request: SignedInRequest) -> HttpResponse:
    areas = list(WaitingArea.objects.watched_by(request.user).select_related("organisation"))
    lines = listing.list_areas(areas, now=timezone.now())
    return render(request, "waiting_areas/list.html", {"lines": lines})


@signed_in
@never_cache
@require_safe
def show_callers(request: SignedInRequest, area_id: UUID) -> HttpResponse:
    area = get_area(request, area_id, Right.SEE)
    lines = listing.list_callers([area], now=timezone.now())
    context = {"area": area, "organisation": area.organisation, "lines": lines}
    return render(request, "waiting_areas/callers.html", context)


@signed_in
@require_POST
def join_caller(request: SignedInRequest, caller_id: UUID) -> HttpResponse:
    """Join Call. What needs an answer first is asked by a page (rules C4, W5)."""
    caller = get_caller(request, caller_id)
    answers = {name: name in request.POST for name in ("even_if_seen", "leave_other")}
    try:
        seat = services.join_call(caller=caller, by=request.user, **answers)
    except DomainError as error:
        return _refuse(request, caller, error, answers)
    return redirect(remember(request, seat))


@signed_in
@require_POST
def fetch_caller(request: SignedInRequest, caller_id: UUID) -> HttpResponse:
    """Add to current Call > Add to current video call (rule W6)."""
    caller = get_caller(request, caller_id)
    answers = {"even_if_seen": "even_if_seen" in request.POST}
    try:
        services.fetch_into_call(caller=caller, by=request.user, **answers)
    except DomainError as error:
        return _refuse(request, caller, error, answers)
    messages.success(request, _("%(name)s is on the way to your call.") % {"name": caller})
    return redirect("waiting_areas:show_callers", caller.area_id)


@signed_in
@require_POST
def hold_caller(request: SignedInRequest, caller_id: UUID) -> HttpResponse:
    """Put on hold (rule W9)."""
    caller = get_caller(request, caller_id)
    try:
        services.put_on_hold(caller=caller, by=request.user)
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("%(name)s is on hold.") % {"name": caller})
    return redirect("waiting_areas:show_callers", caller.area_id)


@signed_in
@require_POST
def finish_caller(request: SignedInRequest, caller_id: UUID) -> HttpResponse:
    """Finish (rule W9)."""
    caller = get_caller(request, caller_id)
    try:
        services.finish(caller=caller, by=request.user)
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("%(name)s has been seen.") % {"name": caller})
    return redirect("waiting_areas:show_callers", caller.area_id)


def _refuse(request: SignedInRequest, caller: Caller, error: DomainError, answers: dict[str, bool]) -> HttpResponse:
    """Why not; or a question, which the same address answers."""
    context = {
        "caller": caller,
        "area": caller.area,
        "organisation": caller.area.organisation,
        "error": error,
        "answers": answers,
        "address": request.path,
    }
    return render(request, "waiting_areas/refused.html", context, status=error.status)
