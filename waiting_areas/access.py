"""Who may do what in a waiting area: outside the scope 404, inside it without the right 403 (docs/style.md, Access).

The scope of an area is everybody who holds a role in it; that of a caller, everybody who may see the area's callers: to
a provider of another area, or of another organisation, neither exists.
"""

from __future__ import annotations

from enum import Enum, auto
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404

from accounts.access import SignedInRequest, signs_in_to
from accounts.models import User
from waiting_areas.models import AreaRole, Caller, WaitingArea


class Right(Enum):
    """What a role includes (rule W7)."""

    SEE = auto()  # the Caller list, and everything its action menu does to a caller
    REFER = auto()  # transfer a caller into the area
    COORDINATE = auto()  # suspend and restore, write to everybody who waits, opening hours
    ADMINISTER = auto()  # users, settings, the public link


RIGHTS: dict[str, frozenset[Right]] = {
    AreaRole.Role.PROVIDER: frozenset({Right.SEE, Right.REFER}),
    AreaRole.Role.COORDINATOR: frozenset({Right.SEE, Right.REFER, Right.COORDINATE}),
    AreaRole.Role.REFERRER: frozenset({Right.REFER}),
    AreaRole.Role.ADMINISTRATOR: frozenset(Right),
}


def may(user: User | AnonymousUser, right: Right, area: WaitingArea) -> bool:
    role = area.role_of(user)
    return role is not None and right in RIGHTS[role.role]


signed_in = signs_in_to("waiting_areas:list_areas")


def get_area(request: SignedInRequest, area_id: UUID, right: Right) -> WaitingArea:
    """Raises Http404, or PermissionDenied for somebody whose role does not include the right."""
    areas = WaitingArea.objects.visible_to(request.user).select_related("organisation")
    area = get_object_or_404(areas, pk=area_id)
    if not may(request.user, right, area):
        raise PermissionDenied
    return area


def get_caller(request: SignedInRequest, caller_id: UUID) -> Caller:
    """Also one who has left, so that a second press is told so. Raises Http404."""
    callers = Caller.objects.visible_to(request.user).select_related("area__organisation")
    return get_object_or_404(callers, pk=caller_id)
