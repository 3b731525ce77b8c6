"""Invite guest (rules R4-R6): the same page from the action menu of a place, over it as a dialog, and as a panel of
the call. Without script it is a page with forms; with it htmx asks for its parts.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import SignedInRequest
from core.errors import Conflict, DomainError
from core.refusals import answer_refusal
from invites import services, wording
from invites.access import Inviter, get_invite, get_inviter, signed_in
from invites.forms import InviteForm
from invites.models import Invite
from invites.status import list_lines, version_of

PART = "invitations"  # the id of what htmx swaps: the form, the ways to invite, the list
_FIELD_OF = {"until": "until", Invite.Kind.EMAIL: "email", Invite.Kind.SMS: "phone"}


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def invite_guest(request: SignedInRequest, place: str) -> HttpResponse:
    inviter = get_inviter(request, place)
    if request.method != "POST":
        return _show(request, inviter, _form(inviter))
    if request.POST.get("kind") == "preview":  # of a page without script
        return _show(request, inviter, _form(inviter, initial=request.POST.dict()), previewed=request.POST)
    form = _form(inviter, data=_with_suggestion(request.POST))
    if form.is_valid() and (invite := _send(inviter, form)):
        told = _("Invitation sent to %(guest)s.") % {"guest": invite.name or invite.recipient}
        return _done(request, inviter, told)
    if form.refusal:
        services.record_refusal(place=place, by=inviter.user, code=form.refusal)
    told = _("Not sent yet. Look at what is marked below.") if request.htmx else ""
    return _show(request, inviter, form, previewed=request.POST, told=told, failed=True)


@signed_in
@require_POST
def preview_messages(request: SignedInRequest, place: str) -> HttpResponse:
    """What would be sent, as the form stands now. A POST, so that no name is in an address; nothing changes."""
    inviter = get_inviter(request, place)
    return render(request, "invites/_preview.html", _previews(inviter, request.POST))


@signed_in
@require_safe
def list_invites(request: SignedInRequest, place: str) -> HttpResponse:
    """The list alone; 204 for a page that shows this very list already."""
    inviter = get_inviter(request, place)
    context = _list_context(inviter)
    if request.GET.get("seen") == context["version"]:
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    return render(request, "invites/_list.html", context)


@signed_in
@require_POST
def make_link(request: SignedInRequest, place: str) -> HttpResponse:
    """A personal link to be copied, where the place has no link for all."""
    inviter = get_inviter(request, place)
    if inviter.call is None or inviter.invitations.shared_link is not None:
        return answer_refusal(
            request, Conflict("no_call", _("This call has ended. A link can be made in a call only."))
        )
    invite = services.create_link(place=place, by=inviter.user, call=inviter.call)
    return _show(request, inviter, _form(inviter), link=invite.link)


@signed_in
@require_POST
def resend(request: SignedInRequest, place: str, invite_id: UUID) -> HttpResponse:
    inviter = get_inviter(request, place)
    invite = get_invite(inviter, invite_id)
    try:
        services.resend_invite(invite=invite, by=inviter.user, call=inviter.call)
    except DomainError as error:
        return _done(request, inviter, error.message, failed=True, about=invite)
    told = _("The same link has been sent again to %(guest)s.") % {"guest": invite.name or invite.recipient}
    return _done(request, inviter, told, about=invite)


@signed_in
@require_POST
def revoke(request: SignedInRequest, place: str, invite_id: UUID) -> HttpResponse:
    inviter = get_inviter(request, place)
    invite = get_invite(inviter, invite_id)
    try:
        services.revoke_invite(invite=invite, by=inviter.user)
    except DomainError as error:
        return _done(request, inviter, error.message, failed=True, about=invite)
    told = _("The invitation for %(guest)s has been revoked.") % {"guest": invite.name or invite.recipient or invite}
    return _done(request, inviter, told, about=invite)


def _form(inviter: Inviter, *, data: QueryDict | None = None, initial: dict[str, Any] | None = None) -> InviteForm:
    return InviteForm(
        data,
        initial=initial,
        in_call=inviter.call is not None,
        valid_for=services.default_validity(),
    )


def _with_suggestion(data: QueryDict) -> QueryDict:
    """ "Send to …" takes the address that was suggested."""
    if suggested := data.get("suggested"):
        data = data.copy()
        data["email"], data["kind"] = suggested, Invite.Kind.EMAIL
    return data


def _send(inviter: Inviter, form: InviteForm) -> Invite | None:
    """None: refused, and the form says why beside the field."""
    cleaned = form.cleaned_data
    try:
        return services.send_invite(
            place=inviter.place,
            kind=cleaned["kind"],
            recipient=cleaned["recipient"],
            name=cleaned["name"],
            by=inviter.user,
            call=inviter.call,
            until=cleaned["until"],
        )
    except DomainError as error:
        form.add_error(_FIELD_OF.get(error.code, _FIELD_OF[cleaned["kind"]]), error.message)
        return None


def _show(
    request: SignedInRequest,
    inviter: Inviter,
    form: InviteForm,
    *,
    previewed: QueryDict | None = None,
    link: str = "",
    told: str = "",
    failed: bool = False,
) -> HttpResponse:
    shared_link = inviter.invitations.shared_link
    context = _list_context(inviter) | _previews(inviter, previewed or QueryDict())
    context |= {"form": form, "is_previewed": bool(previewed and previewed.get("kind") == "preview")}
    context |= {
        "shared_link": shared_link(inviter.place) if shared_link else "",
        "link": link,
        "told": told,
        "failed": failed,
    }
    template = "invites/page.html"
    if request.htmx:
        template = "invites/_invitations.html" if request.htmx.target == PART else "invites/_dialog.html"
    return render(request, template, context)


def _done(
    request: SignedInRequest, inviter: Inviter, told: str, *, failed: bool = False, about: Invite | None = None
) -> HttpResponse:
    """What happened is told, and the list shows it."""
    if not request.htmx:
        (messages.error if failed else messages.success)(request, told)
        query = f"?{urlencode({'call': str(inviter.call.pk)})}" if inviter.call else ""
        return redirect(f"{reverse('invites:invite_guest', args=[inviter.place])}{query}")
    if about is None:
        return _show(request, inviter, _form(inviter), told=told)
    context = _list_context(inviter) | {"told": told, "failed": failed, "about": about}
    return render(request, "invites/_list.html", context)


def _list_context(inviter: Inviter) -> dict[str, Any]:
    lines = list_lines(inviter.place, at=timezone.now())
    return {"inviter": inviter, "lines": lines, "version": version_of(lines)}


def _previews(inviter: Inviter, data: QueryDict) -> dict[str, Any]:
    """Both messages, by the name and the day in the form so far; what cannot be used yet is left out."""
    form = _form(inviter, data=data)
    form.full_clean()
    drafts = {
        kind: Invite(
            place=inviter.place,
            organisation=inviter.organisation,
            kind=kind,
            invited_by=inviter.user,
            name=form.cleaned_data.get("name", ""),
            call=inviter.call,
            expires_at=form.cleaned_data.get("until") or form.usual_until,
        )
        for kind in (Invite.Kind.EMAIL, Invite.Kind.SMS)
    }
    return {f"{kind}_preview": wording.preview(draft) for kind, draft in drafts.items()}
