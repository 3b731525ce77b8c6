"""Running an area: its public link, suspending it, its opening hours, a word to everybody in it (rules W2, W7)."""

from __future__ import annotations

from uuid import UUID

import segno
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from accounts.access import SignedInRequest
from core.errors import Conflict, DomainError
from waiting_areas import services
from waiting_areas.access import Right, get_area, may, signed_in
from waiting_areas.models import WaitingArea
from waiting_areas.staff_forms import PHRASES, HoursFormSet, MessageForm, ResetLinkForm, SuspendForm


@signed_in
@never_cache
@require_safe
def show_link(request: SignedInRequest, area_id: UUID) -> HttpResponse:
    """The public link with its QR code, as a card to print for a letter (rule W1)."""
    area = get_area(request, area_id, Right.SEE)
    context = {
        "area": area,
        "organisation": area.organisation,
        "qr_code": segno.make(area.link, error="m", micro=False).svg_data_uri(border=2, omitsize=True),
        "may_administer": may(request.user, Right.ADMINISTER, area),
    }
    return render(request, "waiting_areas/link.html", context)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def reset_link(request: SignedInRequest, area_id: UUID) -> HttpResponse:
    area = get_area(request, area_id, Right.ADMINISTER)
    form = ResetLinkForm(request.POST or None, initial={"seen_generation": area.link_generation})
    if request.method == "POST" and form.is_valid():
        try:
            services.reset_link(area=area, seen_generation=form.cleaned_data["seen_generation"], by=request.user)
        except DomainError as error:
            messages.error(request, error.message)
        else:
            messages.success(request, _("Waiting area link reset. The old link no longer works."))
        return go(request, "waiting_areas:show_link", area)
    return show_panel(request, area, "reset_link", _("Reset Waiting Area Link"), {"form": form})


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def suspend_area(request: SignedInRequest, area_id: UUID) -> HttpResponse:
    area = get_area(request, area_id, Right.COORDINATE)
    form = SuspendForm(request.POST or None)
    conflict = ""
    now: list[tuple[str, str]] = []
    if request.method == "POST" and form.is_valid():
        try:
            services.suspend(area=area, by=request.user, **form.cleaned_data)
        except DomainError as error:  # a colleague was faster: what was typed stays, beside what they wrote
            area.refresh_from_db()
            conflict = error.message
            now = [(str(form[name].label), getattr(area, name)) for name in form.fields]
        else:
            messages.success(request, _("%(area)s is suspended. Nobody new comes in.") % {"area": area})
            return go(request, "waiting_areas:show_callers", area)
    return show_panel(request, area, "suspend", _("Suspend"), {"form": form, "conflict": conflict, "now": now})


@signed_in
@require_POST
def restore_area(request: SignedInRequest, area_id: UUID) -> HttpResponse:
    area = get_area(request, area_id, Right.COORDINATE)
    try:
        services.restore(area=area, by=request.user)
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("%(area)s takes callers again.") % {"area": area})
    return go(request, "waiting_areas:show_callers", area)


@signed_in
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def write_to_all(request: SignedInRequest, area_id: UUID) -> HttpResponse:
    area = get_area(request, area_id, Right.COORDINATE)
    form = MessageForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        count = services.send_message_to_all(area=area, text=form.cleaned_data["text"], by=request.user)
        if count:
            messages.success(request, _("Your message is with everybody in %(area)s.") % {"area": area})
        else:
            messages.error(request, _("Nobody is in %(area)s now.") % {"area": area})
        return go(request, "waiting_areas:show_callers", area)
    return show_panel(request, area, "message_to_all", _("Message to everybody"), {"form": form, "phrases": PHRASES})


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def edit_hours(request: SignedInRequest, area_id: UUID) -> HttpResponse:
    """The whole week; what is left empty is no opening."""
    area = get_area(request, area_id, Right.COORDINATE)
    if pressed := request.method == "POST":
        forms = HoursFormSet(request.POST, prefix="hours")
    else:
        forms = HoursFormSet(initial=list(area.opening_hours.values("weekday", "opens", "closes")), prefix="hours")
    always_open = "always_open" in request.POST if pressed else area.always_open
    seen, conflict, problem = request.POST.get("seen_version", area.hours_version), "", ""
    if pressed and forms.is_valid():
        blocks = [block for form in forms if (block := form.block)]
        try:
            services.set_hours(area=area, always_open=always_open, blocks=blocks, seen_version=seen, by=request.user)
        except Conflict as error:
            area.refresh_from_db()
            seen, conflict = area.hours_version, error.message
        except DomainError as error:
            problem = error.message
        else:
            messages.success(request, _("Opening hours saved."))
            return go(request, "waiting_areas:show_callers", area)
    context = {
        "forms": forms,
        "always_open": always_open,
        "problem": problem,
        "seen_version": seen,
        "conflict": conflict,
        "now": [(_("Opening hours"), _describe_hours(area))] if conflict else [],
    }
    return show_panel(request, area, "hours", _("Opening hours"), context)


def _describe_hours(area: WaitingArea) -> str:
    """A line each."""
    return _("Always open") if area.always_open else "\n".join(str(block) for block in area.opening_hours.all())


def show_panel(
    request: SignedInRequest, area: WaitingArea, name: str, title: str, context: dict[str, object]
) -> HttpResponse:
    """`waiting_areas/_<name>.html` as a page, or as a dialog over the list for htmx."""
    context |= {
        "area": area,
        "about": area.name,
        "organisation": area.organisation,
        "title": title,
        "panel": f"waiting_areas/_{name}.html",
        "back_url": reverse("waiting_areas:show_callers", args=[area.pk]),
    }
    return render(request, "core/_dialog.html" if request.htmx else "waiting_areas/panel.html", context)


def go(request: SignedInRequest, name: str, area: WaitingArea | None = None) -> HttpResponse:
    """A whole page, also from inside a dialog."""
    response = redirect(name, *([area.pk] if area else []))
    return HttpResponseClientRedirect(response["Location"]) if request.htmx else response
