"""Who may open which page of a room: outside the scope 404, inside it without the right 403 (docs/style.md, Access)."""

from __future__ import annotations

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404

from accounts.access import SignedInRequest, signs_in_to
from rooms.models import MeetingRoom, RoomMembership

MemberRequest = SignedInRequest
signed_in = signs_in_to("rooms:list_rooms")


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
