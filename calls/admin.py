"""Calls as they were and are: read only, for only services move them; one action ends a call."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy, ngettext

from accounts.admin import ReadOnlyAdmin, ScopedFilter, ScopedInline
from calls.models import Attendance, Call, RelayLease, Seat
from calls.services import end_call


class SeatInline(ScopedInline):
    model = Seat
    fields = readonly_fields = ("display_name", "role", "created_at", "removed_at")
    can_delete = False


@admin.register(Call)
class CallAdmin(ReadOnlyAdmin):
    list_display = ("place", "organisation", "opened_at", "ended_at", "end_reason")
    list_filter = (("organisation", ScopedFilter), "end_reason", "opened_at")
    search_fields = ("place", "seats__display_name")
    date_hierarchy = "opened_at"
    inlines = (SeatInline,)
    actions = ("end_calls",)

    @admin.action(description=gettext_lazy("End the selected calls"))
    def end_calls(self, request: HttpRequest, calls: QuerySet[Call]) -> None:
        by = request.user.identity if request.user.is_authenticated else ""
        running = list(calls.filter(ended_at=None))
        for call in running:
            end_call(call=call, by=by)
        told = ngettext("%(number)s call is ended.", "%(number)s calls are ended.", len(running))
        self.message_user(request, told % {"number": len(running)}, messages.SUCCESS)


@admin.register(Attendance)
class AttendanceAdmin(ReadOnlyAdmin):
    organisation_path = "seat__call__organisation"
    list_display = ("who", "place", "joined_at", "left_at", "reason")
    list_filter = ("reason", "joined_at")
    search_fields = ("seat__display_name", "seat__call__place")
    date_hierarchy = "joined_at"
    list_select_related = ("seat__call",)

    @admin.display(description=gettext_lazy("person"), ordering="seat__display_name")
    def who(self, attendance: Attendance) -> str:
        return str(attendance.seat)

    @admin.display(description=gettext_lazy("place"), ordering="seat__call__place")
    def place(self, attendance: Attendance) -> str:
        return attendance.seat.call.place


@admin.register(RelayLease)
class RelayLeaseAdmin(ReadOnlyAdmin):
    """The relays that are alive: the house's, not an organisation's."""

    list_display = ("node", "started_at", "expires_at", "live", "draining")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_view_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return bool(request.user.is_superuser)
