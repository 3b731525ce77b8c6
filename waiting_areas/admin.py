"""Waiting areas in Django admin. Settings are edited; states are read-only, and moved by actions that call services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.admin import AddableAdmin, ReadOnlyAdmin, ScopedAdmin, ScopedFilter, ScopedInline, staff
from accounts.models import User
from core.names import NameField
from waiting_areas import services
from waiting_areas.hours import Block
from waiting_areas.models import SETTINGS, AreaRole, Caller, CallerEvent, OpeningHours, WaitingArea

if TYPE_CHECKING:  # generic in django-stubs only
    AreaFormBase = forms.ModelForm[WaitingArea]
    RoleFormBase = forms.ModelForm[AreaRole]
else:
    AreaFormBase = RoleFormBase = forms.ModelForm


class AreaForm(AreaFormBase):
    name = NameField()

    class Meta:
        model = WaitingArea
        fields = ["organisation", "always_open", *SETTINGS]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        organisation = cleaned.get("organisation") or getattr(self.instance, "organisation", None)
        same = WaitingArea.objects.standing().filter(organisation=organisation, name=cleaned.get("name", ""))
        if same.exclude(pk=self.instance.pk).exists():
            self.add_error("name", _("Another waiting area has this name."))
        return cleaned


class HoursInline(ScopedInline):
    model = OpeningHours


@admin.register(WaitingArea)
class WaitingAreaAdmin(ScopedAdmin):
    form = AreaForm
    list_display = ("name", "organisation", "always_open", "suspended_at", "deleted_at")
    list_filter = (("organisation", ScopedFilter), "always_open", ("suspended_at", admin.EmptyFieldListFilter))
    list_select_related = ("organisation",)
    search_fields = ("name", "organisation__name")
    inlines = (HoursInline,)
    actions = ("suspend_areas", "restore_areas", "reset_links", "delete_areas")

    def get_readonly_fields(self, request: HttpRequest, obj: WaitingArea | None = None) -> tuple[str, ...]:
        return ("organisation", "link_generation", "suspended_at", "message_to_callers", "deleted_at") if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """By the action, which keeps the row for reports."""
        return False

    def save_model(self, request: HttpRequest, obj: WaitingArea, form: Any, change: bool) -> None:
        given = {name: getattr(obj, name) for name in SETTINGS}
        if change:
            seen = WaitingArea.objects.get(pk=obj.pk).properties_version
            services.update_settings(area=obj, seen_version=seen, by=staff(request), **given)
        else:
            name = given.pop("name")
            obj.pk = services.create_area(organisation=obj.organisation, name=name, by=staff(request), **given).pk

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """The hours, and `always_open` with them: the whole week anew, if it is another one."""
        formset.save(commit=False)  # for Django's own account of what has changed
        if formset.has_changed() or "always_open" in form.changed_data:
            given = [row.cleaned_data for row in formset.forms if row.cleaned_data and not row.cleaned_data["DELETE"]]
            blocks = [Block(row["weekday"], row["opens"], row["closes"]) for row in given]
            services.set_hours(
                area=form.instance,
                always_open=form.cleaned_data["always_open"],
                blocks=blocks,
                seen_version=WaitingArea.objects.get(pk=form.instance.pk).hours_version,
                by=staff(request),
            )

    @admin.action(description=gettext_lazy("Suspend the chosen areas"))
    def suspend_areas(self, request: HttpRequest, areas: QuerySet[WaitingArea]) -> None:
        def suspend(area: WaitingArea, by: User) -> None:
            services.suspend(area=area, message_to_callers="", message_to_staff="", by=by)

        self.act(request, _("suspended."), areas, suspend)

    @admin.action(description=gettext_lazy("Restore the chosen areas"))
    def restore_areas(self, request: HttpRequest, areas: QuerySet[WaitingArea]) -> None:
        self.act(request, _("restored."), areas, lambda area, by: services.restore(area=area, by=by))

    @admin.action(description=gettext_lazy("Reset the links of the chosen areas"))
    def reset_links(self, request: HttpRequest, areas: QuerySet[WaitingArea]) -> None:
        def reset(area: WaitingArea, by: User) -> None:
            services.reset_link(area=area, seen_generation=area.link_generation, by=by)

        self.act(request, _("The old link no longer works."), areas, reset)

    @admin.action(description=gettext_lazy("Delete the chosen areas, if nobody is in them"))
    def delete_areas(self, request: HttpRequest, areas: QuerySet[WaitingArea]) -> None:
        self.act(request, _("deleted."), areas, lambda area, by: services.delete_area(area=area, by=by))


class NewRoleForm(RoleFormBase):
    class Meta:
        model = AreaRole
        fields = ["area", "user", "role"]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        area, user = cleaned.get("area"), cleaned.get("user")
        if area and user and not user.organisations.filter(pk=area.organisation_id).exists():
            raise ValidationError(_("This person does not work for the area’s organisation."))
        return cleaned


@admin.register(AreaRole)
class AreaRoleAdmin(AddableAdmin):
    organisation_path = "area__organisation"
    form = NewRoleForm
    list_display = ("user", "area", "role")
    list_filter = ("role", ("area", ScopedFilter))
    list_select_related = ("user", "area__organisation")
    search_fields = ("user__name", "user__email", "area__name")
    actions = ("make_administrators", "make_coordinators", "make_providers", "make_referrers", "take_roles")

    def save_model(self, request: HttpRequest, obj: AreaRole, form: Any, change: bool) -> None:
        obj.pk = services.add_role(area=obj.area, user=obj.user, role=obj.role, by=staff(request)).pk

    @admin.action(description=gettext_lazy("Make administrators of their areas"))
    def make_administrators(self, request: HttpRequest, roles: QuerySet[AreaRole]) -> None:
        self._change_roles(request, roles, AreaRole.Role.ADMINISTRATOR)

    @admin.action(description=gettext_lazy("Make coordinators of their areas"))
    def make_coordinators(self, request: HttpRequest, roles: QuerySet[AreaRole]) -> None:
        self._change_roles(request, roles, AreaRole.Role.COORDINATOR)

    @admin.action(description=gettext_lazy("Make service providers in their areas"))
    def make_providers(self, request: HttpRequest, roles: QuerySet[AreaRole]) -> None:
        self._change_roles(request, roles, AreaRole.Role.PROVIDER)

    @admin.action(description=gettext_lazy("Let them only refer to their areas"))
    def make_referrers(self, request: HttpRequest, roles: QuerySet[AreaRole]) -> None:
        self._change_roles(request, roles, AreaRole.Role.REFERRER)

    @admin.action(description=gettext_lazy("Take their roles away"))
    def take_roles(self, request: HttpRequest, roles: QuerySet[AreaRole]) -> None:
        self.act(request, _("removed."), roles, lambda role, by: services.take_role(role=role, by=by))

    def _change_roles(self, request: HttpRequest, roles: QuerySet[AreaRole], role: AreaRole.Role) -> None:
        def change(held: AreaRole, by: User) -> None:
            services.change_role(held=held, role=role, by=by)

        self.act(request, str(role.label), roles, change)


class EventInline(ScopedInline):
    model = CallerEvent
    fields = readonly_fields = ("at", "what", "by", "detail")
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Caller)
class CallerAdmin(ReadOnlyAdmin):
    organisation_path = "area__organisation"
    list_display = ("name", "area", "arrived_at", "left_at", "left_reason")
    list_filter = (("area", ScopedFilter), "left_reason", "arrived_at")
    list_select_related = ("area",)
    search_fields = ("name", "telephone", "reference")
    date_hierarchy = "arrived_at"
    inlines = (EventInline,)
