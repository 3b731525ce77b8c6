"""Emails: by any provider that django-anymail knows, or by SMTP. The backend is a setting, its errors end here."""

from __future__ import annotations

import smtplib
from contextlib import suppress
from datetime import datetime
from email.utils import formataddr, parseaddr
from http import HTTPStatus

import requests
from anymail.exceptions import AnymailError, AnymailInvalidAddress, AnymailRecipientsRefused
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend

from messaging.delivery import Outgoing, Receipt, reasons
from messaging.delivery.retry_after import read_retry_after
from messaging.errors import DeliveryError

METADATA = "message"  # under which our id goes out with a message and comes back with news of it


class EmailAdapter:
    def deliver(self, outgoing: Outgoing) -> Receipt:
        connection = get_connection(settings.EMAIL_DELIVERY_BACKEND)
        is_anymail = settings.EMAIL_DELIVERY_BACKEND.startswith("anymail.")
        letter = _write(outgoing)
        try:
            # 1. Before the connection stands nothing can have been taken: no doubt about it.
            try:
                connection.open()
            except (smtplib.SMTPException, OSError) as error:
                raise _unreachable(error) from error
            # 2. From here on silence leaves a doubt.
            if is_anymail:
                _prepare_provider(connection, letter, outgoing)
            else:
                letter.extra_headers |= {
                    # One id for all tries of a message: a mail program shows the second copy of an email not at all.
                    "Message-ID": _message_id(outgoing),
                    "Auto-Submitted": "auto-generated",  # RFC 3834 §5: no answer by a machine
                }
            try:
                connection.send_messages([letter])
            except (AnymailError, requests.RequestException) as error:
                raise _of_provider(error) from error
            except (smtplib.SMTPException, OSError) as error:
                raise _of_smtp(error) from error
        finally:
            # Goodbye may fail: the message was taken all the same.
            with suppress(smtplib.SMTPException, OSError, requests.RequestException):
                connection.close()
        if is_anymail:
            return Receipt(provider_id=letter.anymail_status.message_id or "")  # type: ignore[attr-defined]
        return Receipt(provider_id=_message_id(outgoing), tracked=False)

    def find(self, outgoing: Outgoing, *, since: datetime) -> Receipt | None:
        """No provider can be asked by something of ours: it tells by itself, with our id, or not at all."""
        return None


def _write(outgoing: Outgoing) -> EmailMultiAlternatives:
    name, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    letter = EmailMultiAlternatives(
        outgoing.subject, outgoing.text, formataddr((outgoing.sender or name, address)), [outgoing.recipient]
    )
    if outgoing.html:
        letter.attach_alternative(outgoing.html, "text/html")
    return letter


def _prepare_provider(connection: BaseEmailBackend, letter: EmailMultiAlternatives, outgoing: Outgoing) -> None:
    """What anymail adds to Django's email. What a provider does not know of it is left out, not an error."""
    extras: dict[str, object] = {
        "metadata": {METADATA: str(outgoing.id)},
        # A link in an email leads where it says, and nobody counts who reads (hazard H23).
        "track_clicks": False,
        "track_opens": False,
    }
    for name, value in extras.items():
        setattr(letter, name, value)
    connection.ignore_unsupported_features = True  # type: ignore[attr-defined]
    session: requests.Session | None = getattr(connection, "session", None)
    if session is not None:
        session.headers["Idempotency-Key"] = str(outgoing.id)  # honoured by Resend; others overlook it


def _message_id(outgoing: Outgoing) -> str:
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    return f"<{outgoing.id}@{domain}>"


def _unreachable(error: Exception) -> DeliveryError:
    refused = isinstance(error, smtplib.SMTPAuthenticationError)
    return DeliveryError(str(reasons.NOT_SET_UP if refused else reasons.NO_ANSWER), permanent=False)


def _of_provider(error: Exception) -> DeliveryError:
    if isinstance(error, AnymailRecipientsRefused):
        return DeliveryError(str(reasons.MAIL_REFUSED), permanent=True)
    if isinstance(error, AnymailInvalidAddress):
        return DeliveryError(str(reasons.NO_SUCH_ADDRESS), permanent=True)
    status: int | None = getattr(error, "status_code", None)
    if isinstance(error, requests.ConnectTimeout):
        return DeliveryError(str(reasons.NO_ANSWER), permanent=False)
    if status is None:
        known = isinstance(error, requests.RequestException)
        reason = reasons.NO_ANSWER if known else reasons.NOT_SET_UP
        return DeliveryError(str(reason), permanent=False, in_doubt=known)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        response: requests.Response | None = getattr(error, "response", None)
        asked = read_retry_after(response.headers.get("Retry-After", "")) if response is not None else None
        return DeliveryError(str(reasons.BUSY), permanent=False, retry_after=asked)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return DeliveryError(str(reasons.NO_ANSWER), permanent=False, in_doubt=True)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND):
        return DeliveryError(str(reasons.NOT_SET_UP), permanent=False)
    # A 2xx whose answer could not be read was taken, perhaps.
    is_answer = status < HTTPStatus.MULTIPLE_CHOICES
    return DeliveryError(str(reasons.NOT_ACCEPTED), permanent=not is_answer, in_doubt=is_answer)


def _of_smtp(error: Exception) -> DeliveryError:
    answer: bytes | str
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, answer = next(iter(error.recipients.values()))
    elif isinstance(error, smtplib.SMTPSenderRefused):
        return DeliveryError(str(reasons.NOT_SET_UP), permanent=False)
    elif isinstance(error, smtplib.SMTPResponseException):
        code, answer = error.smtp_code, error.smtp_error
    elif isinstance(error, smtplib.SMTPNotSupportedError):
        return DeliveryError(str(reasons.NO_SUCH_ADDRESS), permanent=True)  # it has letters this server cannot carry
    else:
        return DeliveryError(str(reasons.NO_ANSWER), permanent=False, in_doubt=True)
    words = answer.decode(errors="replace") if isinstance(answer, bytes) else str(answer)
    if code < 500:
        return DeliveryError(str(reasons.BUSY), permanent=False)
    return DeliveryError(str(reasons.of_smtp(code, words)), permanent=True)
