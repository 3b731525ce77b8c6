"""Who may open the invitations of a place: outside the scope 404, inside it without the right 403."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.http import Http404
from django.shortcuts import get_object_or_404

from accounts.access import SignedInRequest, signs_in_to
from accounts.models import Organisation, User
from calls.models import Call
from calls.places import Act, Invitations, kind_of
from invites.models import Invite
from invites.services import invitations_of

signed_in = signs_in_to("core:show_main")


@dataclass(frozen=True, slots=True)
class Inviter:
    """Somebody who may invite to a place, and from where: with a call, from inside it."""

    user: User
    place: str
    title: str
    organisation: Organisation
    invitations: Invitations
    call: Call | None


def get_inviter(request: SignedInRequest, place: str) -> Inviter:
    """Raises Http404, or PermissionDenied for a colleague. Another place's call, or one that has ended, is no call."""
    invitations = invitations_of(place)
    if invitations is None:
        raise Http404
    kind = kind_of(place)
    try:
        organisation, title = kind.organisation(place), kind.title(place)
    except ObjectDoesNotExist as error:
        raise Http404 from error
    get_object_or_404(Organisation.objects.visible_to(request.user), pk=organisation.pk)
    if not kind.may(place, request.user.identity, Act.INVITE):
        raise PermissionDenied
    call = _call_of(request, place)
    if call is None and invitations.only_in_call:
        raise Http404
    return Inviter(request.user, place, title, organisation, invitations, call)


def get_invite(inviter: Inviter, invite_id: UUID) -> Invite:
    """Of the inviter's place, and of no other (hazard H6). Raises Http404."""
    invites = Invite.objects.filter(place=inviter.place).select_related("call", "organisation", "invited_by")
    return get_object_or_404(invites, pk=invite_id)


def _call_of(request: SignedInRequest, place: str) -> Call | None:
    asked = request.POST.get("call") or request.GET.get("call") or ""
    try:
        call_id = UUID(asked)
    except ValueError:
        return None
    return Call.objects.visible_to(request.user).open().filter(place=place, pk=call_id).first()
