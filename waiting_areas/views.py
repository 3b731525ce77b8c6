"""The staff's lists: the areas where I hold a role, each one's Caller list, and who is in any of them (rule W3).

Each is a page; htmx asks for the same address and gets the list alone, or 204 for a page that shows this very list.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.access import SignedInRequest
from calls.services import call_of_member
from waiting_areas import listing
from waiting_areas.access import Right, get_area, may, signed_in
from waiting_areas.models import WaitingArea
from waiting_areas.staff_forms import ListForm


@signed_in
@never_cache
@require_safe
def list_areas(request: SignedInRequest) -> HttpResponse:
    lines = listing.list_areas(_watched(request), now=timezone.now())
    version = listing.version_of_areas(lines)
    context = {"lines": lines, "version": version, "now": timezone.now()}
    return _answer(request, "areas", version, context)


@signed_in
@never_cache
@require_safe
def show_callers(request: SignedInRequest, area_id: UUID) -> HttpResponse:
    """The Caller list of one area."""
    area = get_area(request, area_id, Right.SEE)
    context = _list_of(request, [area])
    context |= {
        "area": area,
        "organisation": area.organisation,
        "may_coordinate": may(request.user, Right.COORDINATE, area),
        "may_administer": may(request.user, Right.ADMINISTER, area),
    }
    return _answer(request, "callers", str(context["version"]), context)


@signed_in
@never_cache
@require_safe
def find_callers(request: SignedInRequest) -> HttpResponse:
    """Find a caller: in all areas at once, for the person to fetch is often in the wrong one (rule R7)."""
    context = _list_of(request, _watched(request)) | {"area": None}
    return _answer(request, "find", str(context["version"]), context)


def _watched(request: SignedInRequest) -> list[WaitingArea]:
    return list(WaitingArea.objects.watched_by(request.user).select_related("organisation"))


def _list_of(request: SignedInRequest, areas: Sequence[WaitingArea]) -> dict[str, object]:
    now = timezone.now()
    chosen = ListForm(request.GET).chosen()
    everybody = listing.list_callers(areas, now=now)
    lines = listing.narrow(everybody, **chosen)
    # With whose call, if any, the menus end: it changes what they offer (rule W4).
    my_call = call_of_member(request.user.identity)
    return {
        "lines": lines,
        "inside": len(everybody),
        "chosen": chosen,
        "query": urlencode({name: value for name, value in chosen.items() if value}),
        "form": ListForm(initial=chosen),
        "my_call": my_call,
        "version": listing.version_of(lines, extra=str(my_call.pk) if my_call else ""),
        "now": now,
    }


def _answer(request: SignedInRequest, name: str, version: str, context: dict[str, object]) -> HttpResponse:
    if request.htmx and request.GET.get("seen") == version:
        return HttpResponse(status=204)
    part = "waiting_areas/_areas.html" if name == "areas" else "waiting_areas/_callers.html"
    return render(request, part if request.htmx else f"waiting_areas/{name}.html", context)
