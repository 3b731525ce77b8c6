"""Texts: by Twilio, through its own client."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from http import HTTPStatus
from uuid import UUID

import requests
from django.conf import settings
from django.http import QueryDict
from django.urls import reverse
from requests import Response
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from twilio.rest.api.v2010.account.message import MessageInstance

from messaging.delivery import NETWORK_TIMEOUT, Outgoing, Receipt, reasons
from messaging.delivery.retry_after import read_retry_after
from messaging.errors import DeliveryError
from messaging.states import Status

# Twilio's statuses that say something new: https://www.twilio.com/docs/messaging/guides/outbound-message-status
NEWS = {
    "sent": Status.SENT,
    "delivered": Status.DELIVERED,
    "read": Status.DELIVERED,
    "undelivered": Status.FAILED,
    "failed": Status.FAILED,
    "canceled": Status.FAILED,
}
PAGE, MOST_LOOKED_AT = 20, 1_000  # messages to one number, in which an earlier try is looked for
CLOCKS = timedelta(seconds=5)  # between theirs and ours

# The client writes numbers into its log (hazard H23).
_silent = logging.getLogger("messaging.twilio")
_silent.disabled = True


class TwilioAdapter:
    def __init__(self) -> None:
        self._asked_to_wait: timedelta | None = None
        # One a try: a client holds a session of requests, which threads may not share.
        http = TwilioHttpClient(
            timeout=NETWORK_TIMEOUT, logger=_silent, request_hooks={"response": [self._note_retry_after]}
        )
        self._client = Client(settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, http_client=http)
        if settings.TWILIO_BASE_URL:
            self._client.api.base_url = settings.TWILIO_BASE_URL

    def deliver(self, outgoing: Outgoing) -> Receipt:
        sender = (
            {"messaging_service_sid": settings.TWILIO_MESSAGING_SERVICE_SID}
            if settings.TWILIO_MESSAGING_SERVICE_SID
            else {"from_": settings.TWILIO_FROM}
        )
        try:
            message = self._client.messages.create(
                to=outgoing.recipient, body=outgoing.text, status_callback=callback_url(outgoing.id), **sender
            )
        except (TwilioException, requests.RequestException) as error:
            raise self._plain(error) from error
        return _receipt(message)

    def find(self, outgoing: Outgoing, *, since: datetime) -> Receipt | None:
        """Twilio knows no key of ours, but lists what it took: the text, with its personal link, is only in ours."""
        try:
            # Page by page, the newest first.
            for message in self._client.messages.stream(to=outgoing.recipient, limit=MOST_LOOKED_AT, page_size=PAGE):
                if message.date_created and message.date_created < since - CLOCKS:
                    break
                # A trial account puts its own words first.
                if (message.body or "").strip().endswith(outgoing.text.strip()):
                    return _receipt(message)
        except (TwilioException, requests.RequestException) as error:
            raise self._plain(error) from error
        return None

    def _note_retry_after(self, response: Response, *args: object, **kwargs: object) -> None:
        self._asked_to_wait = read_retry_after(response.headers.get("Retry-After", ""))

    def _plain(self, error: Exception) -> DeliveryError:
        if isinstance(error, requests.ConnectTimeout):
            return DeliveryError(str(reasons.NO_ANSWER), permanent=False)
        if not isinstance(error, TwilioRestException):
            return DeliveryError(str(reasons.NO_ANSWER), permanent=False, in_doubt=True)
        if error.status == HTTPStatus.TOO_MANY_REQUESTS:
            return DeliveryError(str(reasons.BUSY), permanent=False, retry_after=self._asked_to_wait)
        if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return DeliveryError(str(reasons.NO_ANSWER), permanent=False, in_doubt=True)
        if error.status < HTTPStatus.BAD_REQUEST:  # taken, perhaps, with an answer nobody could read
            return DeliveryError(str(reasons.NO_ANSWER), permanent=False, in_doubt=True)
        not_allowed = error.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
        otherwise = reasons.NOT_SET_UP if not_allowed else reasons.NOT_ACCEPTED
        reason = reasons.of_twilio(error.code, otherwise=otherwise)
        return DeliveryError(str(reason), permanent=reason not in reasons.PASSING)


def _receipt(message: MessageInstance) -> Receipt:
    """Raises DeliveryError for one that Twilio took and has given up since."""
    status = NEWS.get(str(message.status))
    if status == Status.FAILED:
        raise DeliveryError(failure_of(message.error_code), permanent=True)
    return Receipt(provider_id=message.sid or "", delivered=status == Status.DELIVERED)


def failure_of(code: int | None) -> str:
    """Why, in plain words, by the error code of a status callback."""
    return str(reasons.of_twilio(code, otherwise=reasons.TEXT_LOST))


def callback_url(message_id: UUID) -> str:
    """Where Twilio tells what became of it. Our id in it makes the news ours before their id is stored."""
    return f"{settings.PUBLIC_URL}{reverse('messaging:receive_twilio_status', args=[message_id])}"


def is_signed(url: str, parameters: QueryDict, signature: str) -> bool:
    """Whether Twilio sent it: https://www.twilio.com/docs/usage/webhooks/webhooks-security"""
    return bool(RequestValidator(settings.TWILIO_AUTH_TOKEN).validate(url, parameters, signature))
