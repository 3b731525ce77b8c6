"""Meeting rooms in Django admin. Rows are read-only: actions call the services that the site's own pages call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.admin import AddableAdmin, ReadOnlyAdmin, ScopedFilter, staff
from accounts.models import User
from core.names import NameField
from rooms import services
from rooms.models import GuestPass, MeetingRoom, RoomMembership

if TYPE_CHECKING:  # generic in django-stubs only
    RoomFormBase = forms.ModelForm[MeetingRoom]
    MembershipFormBase = forms.ModelForm[RoomMembership]
else:
    RoomFormBase = MembershipFormBase = forms.ModelForm


class NewRoomForm(RoomFormBase):
    name = NameField()

    class Meta:
        model = MeetingRoom
        fields = ["organisation", "name", "notice"]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        same = MeetingRoom.objects.standing().filter(
            organisation=cleaned.get("organisation"), name=cleaned.get("name", "")
        )
        if same.exists():
            self.add_error("name", _("Another room has this name."))
        return cleaned


@admin.register(MeetingRoom)
class MeetingRoomAdmin(AddableAdmin):
    form = NewRoomForm
    list_display = ("name", "organisation", "created_at", "deleted_at")
    list_filter = (("organisation", ScopedFilter), ("deleted_at", admin.EmptyFieldListFilter))
    list_select_related = ("organisation",)
    search_fields = ("name", "organisation__name")
    actions = ("reset_links", "delete_rooms")

    def get_fields(self, request: HttpRequest, obj: MeetingRoom | None = None) -> Any:
        fields = ("organisation", "name", "notice")
        return (*fields, "link_generation", "created_at", "deleted_at") if obj else fields

    def save_model(self, request: HttpRequest, obj: MeetingRoom, form: Any, change: bool) -> None:
        obj.pk = services.create_room(
            organisation=obj.organisation, name=obj.name, notice=obj.notice, by=staff(request)
        ).pk

    @admin.action(description=gettext_lazy("Reset the links of the chosen rooms"))
    def reset_links(self, request: HttpRequest, rooms: QuerySet[MeetingRoom]) -> None:
        def reset(room: MeetingRoom, by: User) -> None:
            services.reset_link(room=room, seen_generation=room.link_generation, by=by)

        self.act(request, _("The old link no longer works."), rooms, reset)

    @admin.action(description=gettext_lazy("Delete the chosen rooms"))
    def delete_rooms(self, request: HttpRequest, rooms: QuerySet[MeetingRoom]) -> HttpResponse | None:
        """Asked once more, as Django asks before it deletes."""
        if "confirmed" not in request.POST:
            context = self.admin_site.each_context(request) | {
                "title": _("Delete the chosen rooms"),
                "rooms": rooms,
                "opts": self.opts,
                "action_checkbox_name": ACTION_CHECKBOX_NAME,
            }
            return TemplateResponse(request, "rooms/admin_delete.html", context)
        self.act(request, _("deleted."), rooms, lambda room, by: services.delete_room(room=room, by=by))
        return None


class NewMembershipForm(MembershipFormBase):
    class Meta:
        model = RoomMembership
        fields = ["room", "user", "role"]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        room, user = cleaned.get("room"), cleaned.get("user")
        if room and user and not user.organisations.filter(pk=room.organisation_id).exists():
            raise ValidationError(_("This person does not work for the room’s organisation."))
        return cleaned


@admin.register(RoomMembership)
class RoomMembershipAdmin(AddableAdmin):
    organisation_path = "room__organisation"
    form = NewMembershipForm
    list_display = ("user", "room", "role")
    list_filter = ("role", ("room", ScopedFilter))
    list_select_related = ("user", "room")
    search_fields = ("user__name", "user__email", "room__name")
    actions = ("make_administrators", "make_members", "remove_members")

    def save_model(self, request: HttpRequest, obj: RoomMembership, form: Any, change: bool) -> None:
        obj.pk = services.add_member(room=obj.room, user=obj.user, role=obj.role, by=staff(request)).pk

    @admin.action(description=gettext_lazy("Make administrators of their rooms"))
    def make_administrators(self, request: HttpRequest, memberships: QuerySet[RoomMembership]) -> None:
        self._change_roles(request, memberships, RoomMembership.Role.ADMINISTRATOR)

    @admin.action(description=gettext_lazy("Make members only"))
    def make_members(self, request: HttpRequest, memberships: QuerySet[RoomMembership]) -> None:
        self._change_roles(request, memberships, RoomMembership.Role.MEMBER)

    @admin.action(description=gettext_lazy("Remove from their rooms"))
    def remove_members(self, request: HttpRequest, memberships: QuerySet[RoomMembership]) -> None:
        self.act(
            request,
            _("removed."),
            memberships,
            lambda membership, by: services.remove_member(membership=membership, by=by),
        )

    def _change_roles(
        self, request: HttpRequest, memberships: QuerySet[RoomMembership], role: RoomMembership.Role
    ) -> None:
        self.act(
            request,
            str(role.label),
            memberships,
            lambda membership, by: services.change_member_role(membership=membership, role=role, by=by),
        )


@admin.register(GuestPass)
class GuestPassAdmin(ReadOnlyAdmin):
    """By which link guests came in. They have no name here, only the number of their browser."""

    organisation_path = "room__organisation"
    list_display = ("identity", "room", "link_generation", "given_at")
    list_filter = (("room", ScopedFilter), "given_at")
    list_select_related = ("room",)
    search_fields = ("identity", "room__name")
    date_hierarchy = "given_at"
