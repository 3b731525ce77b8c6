"""Who may open which page of a room: outside the scope 404, inside it without the right 403 (docs/style.md, Access)."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec
from uuid import UUID

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, resolve_url
from django.utils.http import urlencode
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from accounts.models import User
from rooms.models import MeetingRoom, RoomMembership

P = ParamSpec("P")


class MemberRequest(HttpRequest):
    """Of somebody signed in."""

    user: User
    htmx: HtmxDetails


View = Callable[Concatenate[MemberRequest, P], HttpResponse]


def signed_in(view: View[P]) -> View[P]:
    """Signing in comes first: of the whole page, also when htmx asks for a part of it."""

    @wraps(view)
    def guarded(request: MemberRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        if request.htmx:
            here = request.htmx.current_url_abs_path or request.path
            return HttpResponseClientRedirect(f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': here})}")
        return redirect_to_login(request.path if request.method != "POST" else resolve_url("rooms:list_rooms"))

    return guarded


def get_membership(request: MemberRequest, room_id: UUID, *, or_deleted: bool = False) -> RoomMembership:
    """The membership of whoever asks, with its room. Raises Http404, or PermissionDenied for a colleague."""
    scope = MeetingRoom.objects.ever_visible_to(request.user)
    if not or_deleted:
        scope = scope.standing()
    room = get_object_or_404(scope.select_related("organisation"), pk=room_id)
    membership = room.membership_of(request.user)
    if membership is None:
        raise PermissionDenied
    membership.room = room
    return membership


def get_administered_room(request: MemberRequest, room_id: UUID, *, or_deleted: bool = False) -> MeetingRoom:
    """Raises Http404, or PermissionDenied for a colleague or member who does not manage the room (rule R2)."""
    membership = get_membership(request, room_id, or_deleted=or_deleted)
    if not membership.is_administrator:
        raise PermissionDenied
    return membership.room
