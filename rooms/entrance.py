"""The ways into a room: its link, for everybody, and Enter Meeting Room, for members (rule R3).

A link that is opened changes nothing (hazard H25): people are admitted by pressing Join.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from calls.doors import remember, show_dead_link, visitor_identity
from calls.forms import DeviceCheckForm
from calls.models import Attendance
from core.errors import DomainError
from core.limits import limited_by_address
from core.links import read_token
from rooms import services
from rooms.access import MemberRequest, get_membership, signed_in
from rooms.forms import JoinForm
from rooms.models import LINK_PURPOSE, GuestPass, MeetingRoom


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@limited_by_address("rooms.join", capacity=600, per=timedelta(minutes=1))
def join_room(request: HttpRequest, token: str) -> HttpResponse:
    """The room's shared link. A signed-in member needs no name; anybody else is a guest."""
    link = read_token(LINK_PURPOSE, token)
    room = MeetingRoom.objects.of_link(link).select_related("organisation").first() if link else None
    if link is None or room is None:
        return show_dead_link(request)
    user = request.user
    pressed_join = request.method == "POST"
    if isinstance(user, User) and room.membership_of(user):
        return _join_as_member(request, room, user) if pressed_join else _greet_member(request, room, user)
    form = JoinForm(
        request.POST if pressed_join else None, initial={"name": user.name} if isinstance(user, User) else None
    )
    if form.is_valid():
        return _join_as_guest(request, room, link.generation, form)
    return _entrance(request, room, {"form": form})


@signed_in
@require_POST
def enter_room(request: MemberRequest, room_id: UUID) -> HttpResponse:
    """Enter Meeting Room, from the action menu."""
    room = get_membership(request, room_id).room
    return _join_as_member(request, room, request.user)


@never_cache
@require_safe
def return_to_room(request: HttpRequest, room_id: UUID) -> HttpResponse:
    """Where "Join again" leads: to the entrance, for members and for guests whose link still stands (rule R2)."""
    room = MeetingRoom.objects.standing().filter(pk=room_id).first()
    if room is None:
        return show_dead_link(request)
    identity, _keep_identity = visitor_identity(request)
    if room.membership_of(request.user) or GuestPass.objects.standing().filter(room=room, identity=identity).exists():
        return redirect(room.link_path)
    return show_dead_link(request)


def _join_as_member(request: HttpRequest, room: MeetingRoom, user: User) -> HttpResponse:
    check = DeviceCheckForm(request.POST)
    check.full_clean()
    try:
        seat = services.admit_member(
            room=room,
            user=user,
            leave_other="leave_other" in request.POST,
            device_check=check.cleaned_data["device_check"],
        )
    except DomainError as error:
        return _refuse(request, room, error)
    return redirect(remember(request, seat))


def _join_as_guest(request: HttpRequest, room: MeetingRoom, generation: int, form: JoinForm) -> HttpResponse:
    identity, keep_identity = visitor_identity(request)
    try:
        seat = services.admit_guest(
            room=room,
            generation=generation,
            identity=identity,
            name=form.cleaned_data["name"],
            device_check=form.cleaned_data["device_check"],
        )
    except DomainError as error:
        return _refuse(request, room, error)
    response = redirect(remember(request, seat))
    keep_identity(response)
    return response


def _greet_member(request: HttpRequest, room: MeetingRoom, user: User) -> HttpResponse:
    i_am_in = Attendance.objects.open_in(room.place).filter(seat__identity=user.identity).exists()
    return _entrance(request, room, {"member": user, "i_am_in": i_am_in, "form": DeviceCheckForm()})


def _entrance(request: HttpRequest, room: MeetingRoom, context: dict[str, object]) -> HttpResponse:
    given = {"room": room, "title": room.name, "organisation": room.organisation}
    return render(request, "rooms/join.html", given | context)


def _refuse(request: HttpRequest, room: MeetingRoom, error: DomainError) -> HttpResponse:
    """Why not, and what next. Somebody live in another call is asked whether to leave it (rule C4)."""
    if isinstance(error, services.DeadLink):
        return show_dead_link(request)
    context = {"room": room, "organisation": room.organisation, "error": error}
    return render(request, "rooms/refused.html", context, status=error.status)
