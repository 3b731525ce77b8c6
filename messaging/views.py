"""/dev/messages/: what was sent, read on this machine. Under DEBUG only: the links in it open doors."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from messaging.delivery import is_kept_locally
from messaging.models import Message

SHOWN = 100
# For an email alone: its styles stand in it, nothing in it runs, and its links open beside it.
EMAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)


@require_safe
@never_cache
def list_messages(request: HttpRequest) -> HttpResponse:
    """Newest first, by words of who, about what and what was said, and by kind."""
    if not settings.DEBUG:
        raise Http404
    typed, kind = request.GET.get("q", "").strip(), request.GET.get("kind", "")
    messages = Message.objects.of_development().saying(typed)
    if kind in Message.Kind.values:
        messages = messages.filter(kind=kind)
    return render(
        request,
        "messaging/list.html",
        {
            "outbox": messages[:SHOWN],
            "typed": typed,
            "kind": kind,
            "kinds": Message.Kind,
            "sent_on": [name.label for name in Message.Kind if not is_kept_locally(name)],
        },
    )


@require_safe
@never_cache
def show_message(request: HttpRequest, message_id: UUID) -> HttpResponse:
    message = get_object_or_404(Message.objects.of_development(), pk=message_id)
    return render(request, "messaging/message.html", {"message": message})


@require_safe
@never_cache
@xframe_options_sameorigin
def show_html(request: HttpRequest, message_id: UUID) -> HttpResponse:
    """The email as a mail program shows it: styles and all, in a page of its own, under a policy of its own."""
    message = get_object_or_404(Message.objects.of_development(), pk=message_id)
    if not message.html:
        raise Http404
    # A link in a frame opens beside it, as in a mail program.
    page = message.html.replace("<head>", '<head><base target="_blank">', 1)
    return HttpResponse(page, headers={"Content-Security-Policy": EMAIL_POLICY})
