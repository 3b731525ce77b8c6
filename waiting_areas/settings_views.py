"""The pages of an area's administrators: its properties, and who may do what in it (rule W7)."""

from __future__ import annotations

from copy import copy
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import SignedInRequest
from core.errors import Conflict, DomainError
from waiting_areas import services
from waiting_areas.access import Right, get_area, may, signed_in
from waiting_areas.area_views import go, show_panel
from waiting_areas.models import AreaRole, WaitingArea
from waiting_areas.settings_forms import AddUserForm, PropertiesForm, RoleForm


@signed_in
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def edit_properties(request: SignedInRequest, area_id: UUID) -> HttpResponse:
    """Waiting Area Properties. Opening hours have a page of their own, for coordinators too."""
    area = get_area(request, area_id, Right.ADMINISTER)
    # A form writes what was typed into its instance: a copy, for the page shows the area as it is.
    form = PropertiesForm(request.POST or None, instance=copy(area))
    seen, conflict = request.POST.get("seen_version", area.properties_version), ""
    now: list[tuple[str, str]] = []
    if request.method == "POST" and form.is_valid():
        try:
            services.update_settings(area=area, by=request.user, seen_version=seen, **form.settings())
        except Conflict as error:
            area.refresh_from_db()
            seen, conflict, now = area.properties_version, error.message, form.differences(area)
        except DomainError as error:
            form.add_error("name", error.message)
        else:
            messages.success(request, _("Waiting area properties saved."))
            return go(request, "waiting_areas:show_callers", area)
    context = {"form": form, "seen_version": seen, "conflict": conflict, "now": now}
    return show_panel(request, area, "properties", _("Waiting Area Properties"), context)


@signed_in
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def manage_users(request: SignedInRequest, area_id: UUID) -> HttpResponse:
    """Everybody who holds a role in the area; POST gives one to a colleague."""
    area = get_area(request, area_id, Right.ADMINISTER)
    form = AddUserForm(request.POST or None, area=area)
    if request.method == "POST" and form.is_valid():
        user, role = form.cleaned_data["user"], form.cleaned_data["role"]
        try:
            services.add_role(area=area, user=user, role=role, by=request.user)
        except DomainError as error:
            form.add_error("email", error.message)
        else:
            messages.success(request, _("%(name)s can now use this waiting area.") % {"name": user})
            return redirect("waiting_areas:manage_users", area.pk)
    roles = AreaRole.objects.valid().filter(area=area).select_related("user").order_by("user__name", "pk")
    context = {"form": form, "roles": roles, "choices": AreaRole.Role.choices}
    return show_panel(request, area, "users", _("Manage Users"), context)


@signed_in
@require_POST
def change_role(request: SignedInRequest, area_id: UUID, role_id: int) -> HttpResponse:
    area, held = _get_role(request, area_id, role_id)
    form = RoleForm(request.POST)
    if form.is_valid():
        try:
            given = services.change_role(held=held, role=form.cleaned_data["role"], by=request.user)
        except DomainError as error:
            messages.error(request, error.message)
        else:
            said = _("%(name)s: %(role)s.") % {"name": held.user, "role": given.get_role_display()}
            messages.success(request, said)
    return _to_users(request, area)


@signed_in
@require_POST
def take_role(request: SignedInRequest, area_id: UUID, role_id: int) -> HttpResponse:
    area, held = _get_role(request, area_id, role_id)
    try:
        services.take_role(role=held, by=request.user)
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("%(name)s can no longer use this waiting area.") % {"name": held.user})
    return _to_users(request, area)


def _get_role(request: SignedInRequest, area_id: UUID, role_id: int) -> tuple[WaitingArea, AreaRole]:
    """Of this area, and of no other (hazard H6). Raises Http404, PermissionDenied."""
    area = get_area(request, area_id, Right.ADMINISTER)
    roles = AreaRole.objects.filter(area=area).select_related("user", "area__organisation")
    return area, get_object_or_404(roles, pk=role_id)


def _to_users(request: SignedInRequest, area: WaitingArea) -> HttpResponse:
    """Back to Manage Users; for somebody who has just given the area away, to what is left to them."""
    if may(request.user, Right.ADMINISTER, area):
        return redirect("waiting_areas:manage_users", area.pk)
    return go(request, "waiting_areas:list_areas")
