"""Meeting Rooms and what the action menu of a room leads to (rules R1, R2).

Each page of the menu is a page of its own; htmx asks for the same address and gets it as a dialog over the list.
"""

from __future__ import annotations

from uuid import UUID

import segno
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from calls.doors import disconnect
from calls.models import Attendance, Seat
from core.errors import Conflict, DomainError
from invites.models import Invite
from rooms import services
from rooms.access import MemberRequest, get_administered_room, get_membership, signed_in
from rooms.forms import AddMemberForm, PropertiesForm, ResetLinkForm, RoleForm, SearchForm
from rooms.listing import list_lines, version_of
from rooms.models import MeetingRoom, RoomMembership


@signed_in
@require_safe
def list_rooms(request: MemberRequest) -> HttpResponse:
    """The page, or for htmx the list alone; 204 for a page that shows this very list already."""
    form = SearchForm(request.GET)
    search = form.cleaned_data["search"] if form.is_valid() else ""
    lines = list_lines(request.user, search)
    version = version_of(lines)
    if request.htmx and request.GET.get("seen") == version:
        return HttpResponse(status=204)
    context = {
        "lines": lines,
        "search": search,
        "version": version,
        "announce": request.htmx and "seen" not in request.GET,
    }
    return render(request, "rooms/_list.html" if request.htmx else "rooms/list.html", context)


@signed_in
@require_safe
def show_link(request: MemberRequest, room_id: UUID) -> HttpResponse:
    """The link with its QR code, as a card to print for a letter."""
    room = get_membership(request, room_id).room
    qr_code = segno.make(room.link, error="m", micro=False).svg_data_uri(border=2, omitsize=True)
    return render(request, "rooms/link.html", {"room": room, "organisation": room.organisation, "qr_code": qr_code})


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def reset_link(request: MemberRequest, room_id: UUID) -> HttpResponse:
    room = get_administered_room(request, room_id)
    form = ResetLinkForm(request.POST or None, initial={"seen_generation": room.link_generation})
    if request.method == "POST" and form.is_valid():
        try:
            services.reset_link(room=room, by=request.user, **form.cleaned_data)
        except DomainError as error:
            messages.error(request, error.message)
        else:
            messages.success(request, _("Meeting room link reset. The old link no longer works."))
        return _go(request, "rooms:show_link", room)
    standing = Invite.objects.filter(place=room.place).standing(at=timezone.now()).count()
    return _panel(request, room, "reset_link", _("Reset Meeting Room Link"), {"form": form, "standing": standing})


@signed_in
@require_safe
def list_participants(request: MemberRequest, room_id: UUID) -> HttpResponse:
    room = get_membership(request, room_id).room
    attendances = Attendance.objects.open_in(room.place).filter(seat__removed_at=None)
    return _panel(request, room, "participants", _("Participants"), {"attendances": attendances})


@signed_in
@require_POST
def disconnect_participant(request: MemberRequest, room_id: UUID, seat_id: UUID) -> HttpResponse:
    """Whoever is disconnected does not return to this call by the same seat (rule C7)."""
    room = get_membership(request, room_id).room
    seats = Seat.objects.filter(call__place=room.place, call__ended_at=None).select_related("call")
    seat = get_object_or_404(seats, pk=seat_id)
    disconnect(request, seat, by=request.user)
    return redirect("rooms:list_participants", room.pk)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def edit_properties(request: MemberRequest, room_id: UUID) -> HttpResponse:
    room = get_administered_room(request, room_id)
    form = PropertiesForm(request.POST or None, initial={"name": room.name, "notice": room.notice})
    seen, conflict = request.POST.get("seen_version", room.properties_version), ""
    if request.method == "POST" and form.is_valid():
        try:
            services.update_properties(room=room, by=request.user, seen_version=seen, **form.cleaned_data)
        except Conflict as error:
            room.refresh_from_db()
            seen, conflict = room.properties_version, error.message
        except DomainError as error:
            form.add_error("name", error.message)
        else:
            messages.success(request, _("Meeting room properties saved."))
            return _go(request, "rooms:list_rooms")
    now = [(form["name"].label, room.name), (form["notice"].label, room.notice)]
    context = {"form": form, "seen_version": seen, "conflict": conflict, "now": now}
    return _panel(request, room, "properties", _("Meeting Room Properties"), context)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def manage_users(request: MemberRequest, room_id: UUID) -> HttpResponse:
    """Everybody who may use the room; POST adds a colleague."""
    room = get_administered_room(request, room_id)
    form = AddMemberForm(request.POST or None, room=room)
    if request.method == "POST" and form.is_valid():
        user, role = form.cleaned_data["user"], form.cleaned_data["role"]
        try:
            services.add_member(room=room, user=user, role=role, by=request.user)
        except DomainError as error:
            form.add_error("email", error.message)
        else:
            messages.success(request, _("%(name)s can now use this room.") % {"name": user})
            return redirect("rooms:manage_users", room.pk)
    memberships = RoomMembership.objects.valid().filter(room=room).select_related("user").order_by("user__name", "pk")
    return _panel(request, room, "users", _("Manage Users"), {"form": form, "memberships": memberships})


@signed_in
@require_POST
def change_role(request: MemberRequest, room_id: UUID, membership_id: int) -> HttpResponse:
    room = get_administered_room(request, room_id)
    membership = get_object_or_404(RoomMembership, room=room, pk=membership_id)
    form = RoleForm(request.POST)
    if form.is_valid():
        try:
            services.change_member_role(membership=membership, role=form.cleaned_data["role"], by=request.user)
        except DomainError as error:
            messages.error(request, error.message)
    return _to_users(request, room)


@signed_in
@require_POST
def remove_user(request: MemberRequest, room_id: UUID, membership_id: int) -> HttpResponse:
    room = get_administered_room(request, room_id)
    membership = get_object_or_404(RoomMembership.objects.select_related("user"), room=room, pk=membership_id)
    try:
        services.remove_member(membership=membership, by=request.user)
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("%(name)s can no longer use this room.") % {"name": membership.user})
    return _to_users(request, room)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def delete_room(request: MemberRequest, room_id: UUID) -> HttpResponse:
    """A second press, or one in another tab, finds the room deleted and says so, back in the list."""
    pressed = request.method == "POST"
    room = get_administered_room(request, room_id, or_deleted=pressed)
    if not pressed:
        return _panel(request, room, "delete", _("Delete Meeting Room"), {})
    try:
        services.delete_room(room=room, by=request.user)
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("%(room)s has been deleted.") % {"room": room})
    return _go(request, "rooms:list_rooms")


def _panel(
    request: MemberRequest, room: MeetingRoom, name: str, title: str, context: dict[str, object]
) -> HttpResponse:
    """`rooms/_<name>.html` as a page, or as a dialog over the list for htmx."""
    context |= {
        "room": room,
        "about": room.name,
        "organisation": room.organisation,
        "title": title,
        "panel": f"rooms/_{name}.html",
        "back_url": reverse("rooms:list_rooms"),
    }
    return render(request, "core/_dialog.html" if request.htmx else "rooms/panel.html", context)


def _go(request: MemberRequest, name: str, room: MeetingRoom | None = None) -> HttpResponse:
    """A whole page, also from inside a dialog."""
    response = redirect(name, *([room.pk] if room else []))
    return HttpResponseClientRedirect(response["Location"]) if request.htmx else response


def _to_users(request: MemberRequest, room: MeetingRoom) -> HttpResponse:
    """Back to Manage Users; to the list for somebody who has just given the room away."""
    membership = room.membership_of(request.user)
    if membership and membership.is_administrator:
        return redirect("rooms:manage_users", room.pk)
    return _go(request, "rooms:list_rooms")
