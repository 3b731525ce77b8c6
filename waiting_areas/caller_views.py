"""What the action menu of a caller leads to (rule W4): a page each, or for htmx a dialog over the list."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from accounts.access import SignedInRequest
from calls.doors import disconnect, remember
from calls.models import Seat
from calls.places import Act, kind_of
from core.errors import DomainError
from waiting_areas import services
from waiting_areas.access import get_caller, signed_in
from waiting_areas.activity import list_activity
from waiting_areas.models import Caller
from waiting_areas.staff_forms import PHRASES, MessageForm, TransferForm
from waiting_areas.whereabouts import find_one

QUESTIONS = ("already_seen", "in_another_call")  # a refusal that another press answers (rules W5, C4)


@signed_in
@require_POST
def join_caller(request: SignedInRequest, caller_id: UUID) -> HttpResponse:
    """Join Call."""
    caller, answers = get_caller(request, caller_id), _answers(request, "even_if_seen", "leave_other")
    try:
        seat = services.join_call(caller=caller, by=request.user, **answers)
    except DomainError as error:
        return _refused(request, caller, error, "waiting_areas:join_caller", answers)
    return redirect(remember(request, seat))


@signed_in
@require_POST
def fetch_caller(request: SignedInRequest, caller_id: UUID) -> HttpResponse:
    """Add to current video call (rule W6)."""
    caller, answers = get_caller(request, caller_id), _answers(request, "even_if_seen")
    try:
        services.fetch_into_call(caller=caller, by=request.user, **answers)
    except DomainError as error:
        return _refused(request, caller, error, "waiting_areas:fetch_caller", answers)
    messages.success(request, _("%(name)s is on the way into your call.") % {"name": caller.name})
    return _back(request, caller)


@signed_in
@require_POST
def hold_caller(request: SignedInRequest, caller_id: UUID) -> HttpResponse:
    """Put on hold."""
    said = _("%(name)s is on hold, with the same place in the list.")
    return _do(request, caller_id, lambda caller: services.put_on_hold(caller=caller, by=request.user), said)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def finish_caller(request: SignedInRequest, caller_id: UUID) -> HttpResponse:
    """Finish, which ends their visit: asked first."""
    if request.method != "POST":
        return _panel(request, get_caller(request, caller_id), "finish", _("Finish"), {})
    said = _("The visit of %(name)s is finished.")
    # calls.sweep tells the relay again
    not_told = _("The visit of %(name)s is finished, but their call is still open. We go on trying to end it.")
    return _do(request, caller_id, lambda caller: services.finish(caller=caller, by=request.user), said, not_told)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def transfer_caller(request: SignedInRequest, caller_id: UUID) -> HttpResponse:
    """Transfer to another area of the same organisation, where I may send people (rule W7)."""
    caller = get_caller(request, caller_id)
    form = TransferForm(request.POST or None, by=request.user, area=caller.area)
    if request.method == "POST" and form.is_valid():
        try:
            services.transfer(caller=caller, to=form.cleaned_data["to"], by=request.user)
        except DomainError as error:
            form.add_error("to", error.message)
        else:
            names = {"name": caller.name, "area": form.cleaned_data["to"]}
            messages.success(request, _("%(name)s waits in %(area)s now.") % names)
            return _back(request, caller)
    return _panel(request, caller, "transfer", _("Transfer"), {"form": form})


@signed_in
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def write_message(request: SignedInRequest, caller_id: UUID) -> HttpResponse:
    """What was said both ways; POST says something more."""
    caller = get_caller(request, caller_id)
    form = MessageForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.send_message(caller=caller, text=form.cleaned_data["text"], by=request.user)
        except DomainError as error:
            form.add_error("text", error.message)
        else:
            return redirect("waiting_areas:write_message", caller.pk)
    said = caller.events.messages().select_related("by")
    return _panel(request, caller, "messages", _("Message"), {"form": form, "said": said, "phrases": PHRASES})


@signed_in
@never_cache
@require_safe
def show_activity(request: SignedInRequest, caller_id: UUID) -> HttpResponse:
    """Call activity."""
    caller = get_caller(request, caller_id)
    return _panel(request, caller, "activity", _("Call activity"), {"entries": list_activity(caller)})


@signed_in
@never_cache
@require_safe
def list_participants(request: SignedInRequest, caller_id: UUID) -> HttpResponse:
    """Participants of the call they are in now."""
    caller = get_caller(request, caller_id)
    where = find_one(caller, now=timezone.now())
    context = {"people": where.people, "may_remove": _may_remove(request, where.seat)}
    return _panel(request, caller, "participants", _("Participants"), context)


@signed_in
@require_POST
def disconnect_participant(request: SignedInRequest, caller_id: UUID, seat_id: UUID) -> HttpResponse:
    """Whoever is disconnected does not return to this call by the same seat (rule C7)."""
    caller = get_caller(request, caller_id)
    call_seat = find_one(caller, now=timezone.now()).seat
    seats = Seat.objects.beside(call_seat) if call_seat and _may_remove(request, call_seat) else Seat.objects.none()
    seat = get_object_or_404(seats.select_related("call"), pk=seat_id)
    disconnect(request, seat, by=request.user)
    return redirect("waiting_areas:list_participants", caller.pk)


def _may_remove(request: SignedInRequest, seat: Seat | None) -> bool:
    """Also in the call they were brought into: what I may there is that place's to say."""
    return seat is not None and kind_of(seat.call.place).may(seat.call.place, request.user.identity, Act.REMOVE)


def _answers(request: SignedInRequest, *names: str) -> dict[str, bool]:
    return {name: name in request.POST for name in names}


def _do(
    request: SignedInRequest, caller_id: UUID, deed: Callable[[Caller], object], said: str, not_told: str = ""
) -> HttpResponse:
    """`not_told` is said where the deed is stored, but the relay cannot be told just now ("unavailable")."""
    caller = get_caller(request, caller_id)
    try:
        deed(caller)
    except DomainError as error:
        is_stored = not_told and error.code == "unavailable"
        messages.error(request, not_told % {"name": caller.name} if is_stored else error.message)
    else:
        messages.success(request, said % {"name": caller.name})
    return _back(request, caller)


def _refused(
    request: SignedInRequest, caller: Caller, error: DomainError, action: str, answers: dict[str, bool]
) -> HttpResponse:
    """Why not; or the question, whose button presses again with one answer more."""
    given = {"already_seen": "even_if_seen", "in_another_call": "leave_other"}.get(error.code)
    context = {
        "caller": caller,
        "area": caller.area,
        "organisation": caller.area.organisation,
        "error": error,
        "is_question": error.code in QUESTIONS,
        "is_join": action == "waiting_areas:join_caller",
        "action": reverse(action, args=[caller.pk]),
        "answers": [name for name, is_given in (answers | ({given: True} if given else {})).items() if is_given],
    }
    return render(request, "waiting_areas/refused.html", context, status=error.status)


def _panel(request: SignedInRequest, caller: Caller, name: str, title: str, context: dict[str, object]) -> HttpResponse:
    """`waiting_areas/_<name>.html` as a page, or as a dialog over the list for htmx."""
    context |= {
        "caller": caller,
        "area": caller.area,
        "about": caller.name,
        "organisation": caller.area.organisation,
        "title": title,
        "panel": f"waiting_areas/_{name}.html",
        "back_url": reverse("waiting_areas:show_callers", args=[caller.area_id]),
    }
    return render(request, "core/_dialog.html" if request.htmx else "waiting_areas/panel.html", context)


def _back(request: SignedInRequest, caller: Caller) -> HttpResponse:
    """To the list they were chosen from: as it was searched and sorted, where htmx says what that was."""
    home = reverse("waiting_areas:show_callers", args=[caller.area_id])
    if request.htmx:
        return HttpResponseClientRedirect(request.htmx.current_url_abs_path or home)
    return redirect(home)
