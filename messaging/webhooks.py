"""Where providers tell what became of a message. Each proves who it is; whoever does not changes nothing (403)."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from anymail import urls as anymail_urls
from anymail.exceptions import AnymailWebhookValidationFailure
from anymail.webhooks.base import AnymailBaseWebhookView
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseForbidden
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from messaging import services
from messaging.models import Message
from messaging.states import Status


@csrf_exempt
@require_POST
def receive_twilio_status(request: HttpRequest, message_id: UUID) -> HttpResponse:
    """Twilio's StatusCallback. 204 whether or not there is such a message: it is nobody's business."""
    if not (settings.TWILIO_ACCOUNT_SID and settings.TWILIO_AUTH_TOKEN):
        raise Http404  # a signature under an empty key would prove nothing
    from messaging.delivery import sms

    # The address as Twilio called it, whatever a proxy made of it: PUBLIC_URL is what it was given.
    url = f"{settings.PUBLIC_URL}{request.get_full_path()}"
    if not sms.is_signed(url, request.POST, request.headers.get("X-Twilio-Signature", "")):
        return HttpResponseForbidden()
    status = sms.NEWS.get(request.POST.get("MessageStatus", ""))
    if status is not None:
        code = request.POST.get("ErrorCode", "")
        services.record_news(
            kind=Message.Kind.SMS,
            status=status,
            provider_id=request.POST.get("MessageSid", ""),
            message_id=message_id,
            failure=sms.failure_of(int(code) if code.isdecimal() else None) if status == Status.FAILED else "",
        )
    return HttpResponse(status=204)


@csrf_exempt
@require_http_methods(["POST", "HEAD"])
def receive_email_tracking(request: HttpRequest, provider: str) -> HttpResponse:
    """Of the one provider of email that is set up. Some ask by HEAD whether somebody is here."""
    view = _tracking_view(provider)
    if view is None:
        raise Http404
    if view.view_class.warn_if_no_basic_auth and not settings.ANYMAIL.get("WEBHOOK_SECRET"):
        return HttpResponseForbidden()  # this provider signs nothing, and no password was agreed upon
    try:
        answer: HttpResponse = view(request)
    except AnymailWebhookValidationFailure:
        return HttpResponseForbidden()
    return answer


class _WebhookCallback(Protocol):
    view_class: type[AnymailBaseWebhookView]

    def __call__(self, request: HttpRequest) -> HttpResponse: ...


def _tracking_view(provider: str) -> _WebhookCallback | None:
    """anymail's own, for the provider that sends, and for no other: their doors stay shut."""
    if f"anymail.backends.{provider}.EmailBackend" != settings.EMAIL_DELIVERY_BACKEND:
        return None
    name = f"{provider}_tracking_webhook"
    return next((pattern.callback for pattern in anymail_urls.urlpatterns if pattern.name == name), None)
