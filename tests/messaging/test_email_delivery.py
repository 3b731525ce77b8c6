"""Emails: through anymail to a MailerSend on loopback with its signed webhooks, and by SMTP to a real SMTP server."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from anymail.signals import AnymailTrackingEvent, EventType, tracking
from django.conf import LazySettings
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from messaging import services
from messaging.checks import check_email, check_providers
from messaging.models import Message
from messaging.worker import work_through
from tests.accounts.factories import make_organisation
from tests.messaging.factories import SMS, make_message
from tests.messaging.loopback import Answer, MailerSend

pytestmark = pytest.mark.django_db
WEBHOOK = "/messaging/email/mailersend/"


def send(**overrides: Any) -> Message:
    message = make_message(organisation=make_organisation(name="Riverside Clinic"), **overrides)
    work_through()
    message.refresh_from_db()
    return message


def tell(client: Client, body: bytes, signature: str | None = None) -> HttpResponse:
    headers = {"Signature": MailerSend.sign(body) if signature is None else signature}
    answer = client.post(WEBHOOK, body, content_type="application/json", headers=headers)
    assert isinstance(answer, HttpResponse)
    return answer


# By a provider


def test_an_email_is_sent_as_the_provider_documents_it(mailersend: MailerSend) -> None:
    message = send()
    (request,) = mailersend.requests
    assert (request.method, request.path) == ("POST", "/v1/email")
    email = request.json
    assert email["from"] == {"email": "anteroom@meet.example.org", "name": "Riverside Clinic"}
    assert email["to"] == [{"email": "grace@example.org"}]
    assert (email["subject"], email["text"], email["html"]) == (message.subject, message.text, message.html)
    assert email["settings"] == {"track_clicks": False, "track_opens": False}
    assert (message.status, message.provider_id) == ("sent", mailersend.emails[0]["id"])


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (Answer(401, "{}"), "queued", "sending is not set up properly: tell your administrator"),
        (Answer(422, '{"message": "grace@example.org"}'), "failed", "the message service did not accept it"),
        (Answer(500, "oops"), "queued", "the message service does not answer"),
        (Answer(200, "[", {"Content-Type": "application/json"}), "queued", "the message service did not accept it"),
        (
            Answer(202, '{"warnings": [{"type": "ALL_SUPPRESSED", "recipients": [{"email": "grace@example.org"}]}]}'),
            "failed",
            "their mail service refused it",
        ),
    ],
)
def test_each_answer_of_a_provider_has_its_plain_words(
    mailersend: MailerSend, answer: Answer, status: str, words: str
) -> None:
    mailersend.faults = [answer]
    message = send()
    assert (message.status, message.failure) == (status, words)


def test_a_busy_provider_is_asked_again_when_it_said(mailersend: MailerSend) -> None:
    mailersend.faults = [Answer(429, "{}", {"Retry-After": "90"})]
    message = send()
    assert timedelta(seconds=85) < message.next_try_at - timezone.now() < timedelta(seconds=100)
    work_through(now=message.next_try_at)
    message.refresh_from_db()
    assert message.status == "sent"


def test_a_provider_that_is_away_is_waited_for(mailersend: MailerSend, settings: LazySettings) -> None:
    settings.ANYMAIL = settings.ANYMAIL | {"MAILERSEND_API_URL": "http://127.0.0.1:1/v1/"}
    message = send()
    assert (message.status, message.failure) == ("queued", "the message service does not answer")


def test_every_try_carries_one_key_for_providers_that_honour_it(mailersend: MailerSend) -> None:
    mailersend.faults = [Answer(500, "oops")]
    message = send()
    work_through(now=message.next_try_at)
    assert [request.headers["Idempotency-Key"] for request in mailersend.requests] == [str(message.pk)] * 2


def test_the_provider_tells_that_it_arrived_and_the_bodies_go(mailersend: MailerSend, client: Client) -> None:
    message = send()
    assert tell(client, MailerSend.event("delivered", message.provider_id)).status_code == 200
    message.refresh_from_db()
    assert (message.status, message.subject, message.text, message.html) == ("delivered", "", "", "")


def test_the_provider_tells_that_it_came_back(mailersend: MailerSend, client: Client) -> None:
    message = send()
    tell(client, MailerSend.event("hard_bounced", message.provider_id, object="recipient_bounce", reason="x"))
    message.refresh_from_db()
    assert (message.status, message.failure) == ("failed", "their mail service returned it")


def test_late_and_repeated_news_changes_nothing(mailersend: MailerSend, client: Client) -> None:
    message = send()
    for kind in ("delivered", "sent", "opened", "clicked", "hard_bounced", "delivered", "soft_bounced"):
        assert tell(client, MailerSend.event(kind, message.provider_id)).status_code == 200
        message.refresh_from_db()
        assert message.status == "delivered"


def test_without_the_providers_own_signature_nothing_changes(mailersend: MailerSend, client: Client) -> None:
    message = send()
    body = MailerSend.event("delivered", message.provider_id)
    replayed = MailerSend.sign(MailerSend.event("sent", message.provider_id))
    for signature in ("", "nonsense", replayed):
        assert tell(client, body, signature).status_code == 403
    assert client.post(WEBHOOK, body, content_type="application/json").status_code == 403
    message.refresh_from_db()
    assert message.status == "sent"


def test_news_of_an_unknown_email_is_taken_and_changes_nothing(mailersend: MailerSend, client: Client) -> None:
    message = send()
    assert tell(client, MailerSend.event("delivered", "nobodys")).status_code == 200
    message.refresh_from_db()
    assert message.status == "sent"


def test_only_the_provider_that_sends_has_a_door(
    mailersend: MailerSend, settings: LazySettings, client: Client
) -> None:
    for provider in ("mailgun", "mandrill", "postmark", "nobody"):
        assert client.post(f"/messaging/email/{provider}/").status_code == 404
    settings.EMAIL_DELIVERY_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    assert client.post(WEBHOOK).status_code == 404


def test_a_provider_that_signs_nothing_needs_a_password(settings: LazySettings, client: Client) -> None:
    message = make_message(status="sent", provider_id="pm-1")
    settings.EMAIL_DELIVERY_BACKEND = "anymail.backends.postmark.EmailBackend"
    settings.ANYMAIL = {}
    event = {"RecordType": "Delivery", "MessageID": "pm-1", "Recipient": "grace@example.org"}
    post = {"path": "/messaging/email/postmark/", "data": event, "content_type": "application/json"}
    assert client.post(**post).status_code == 403
    settings.ANYMAIL = {"WEBHOOK_SECRET": "post:mark"}
    assert client.post(**post).status_code == 403
    assert client.post(**post, headers={"Authorization": "Basic cG9zdDptYXJr"}).status_code == 200
    message.refresh_from_db()
    assert message.status == "delivered"


def test_news_with_our_own_id_settles_a_try_whose_worker_died() -> None:
    """Hazard H20: where a provider carries metadata, nothing is sent twice once it has told."""
    message = make_message()
    services.claim_due(most=1, now=timezone.now())
    event = AnymailTrackingEvent(
        event_type=EventType.SENT, message_id="mg-1", metadata={"message": str(message.pk)}, recipient="x"
    )
    tracking.send(sender=type(None), event=event, esp_name="Mailgun")
    message.refresh_from_db()
    assert (message.status, message.provider_id) == ("sent", "mg-1")
    assert services.claim_due(most=1, now=timezone.now() + services.LEASE) == []


def test_the_webhook_is_for_posts_and_needs_no_form_token(mailersend: MailerSend) -> None:
    message = send()
    client = Client(enforce_csrf_checks=True)
    assert client.get(WEBHOOK).status_code == 405
    assert tell(client, MailerSend.event("delivered", message.provider_id)).status_code == 200


# By SMTP


class Postbox:
    """What an SMTP server does with a message; `refusal` is answered in place of taking the next one."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []
        self.refusal = {"RCPT": "", "DATA": ""}

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if not self.refusal["RCPT"]:
            envelope.rcpt_tos.append(address)
        return self.refusal["RCPT"] or "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if self.refusal["DATA"]:
            return self.refusal["DATA"]
        assert isinstance(envelope.content, bytes)
        letter = message_from_bytes(envelope.content, _class=EmailMessage, policy=policy.default)
        self.letters.append(letter)
        return "250 OK"


@pytest.fixture
def postbox(settings: LazySettings) -> Iterator[Postbox]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    box = Postbox()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    settings.EMAIL_DELIVERY_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    settings.DEFAULT_FROM_EMAIL = "Anteroom <anteroom@meet.example.org>"
    yield box
    controller.stop()


def test_an_email_goes_by_smtp_in_plain_text_and_html(postbox: Postbox) -> None:
    message = send(text="Zoë 会議\n", subject="Your invitation – today")
    (letter,) = postbox.letters
    assert letter["From"] == "Riverside Clinic <anteroom@meet.example.org>"
    assert letter["To"] == "grace@example.org"
    assert letter["Subject"] == "Your invitation – today"
    assert letter["Message-ID"] == f"<{message.pk}@meet.example.org>"
    assert letter["Auto-Submitted"] == "auto-generated"
    plain, page = letter.get_body(("plain",)), letter.get_body(("html",))
    assert plain is not None
    assert page is not None
    assert plain.get_content().strip() == "Zoë 会議"
    assert "<p>Open" in page.get_content()
    # SMTP tells nothing more: it is sent, and what it said is no longer needed.
    assert (message.status, message.text) == ("sent", "")


@pytest.mark.parametrize(
    ("command", "refusal", "status", "words"),
    [
        ("RCPT", "550 5.1.1 No such user", "failed", "this email address does not exist"),
        ("RCPT", "550 No such user", "failed", "this email address does not exist"),
        ("RCPT", "552 5.2.2 Mailbox full", "failed", "this person’s mailbox is full"),
        ("RCPT", "450 4.2.1 Greylisted", "queued", "the message service is busy"),
        ("DATA", "554 5.7.1 Looks like spam", "failed", "their mail service refused it"),
        ("DATA", "451 Try later", "queued", "the message service is busy"),
    ],
)
def test_each_refusal_of_a_mail_server_has_its_plain_words(
    postbox: Postbox, command: str, refusal: str, status: str, words: str
) -> None:
    postbox.refusal[command] = refusal
    message = send()
    assert (message.status, message.failure) == (status, words)


def test_a_mail_server_that_is_away_is_waited_for(postbox: Postbox, settings: LazySettings) -> None:
    settings.EMAIL_PORT = 1
    message = send()
    assert (message.status, message.failure, message.in_doubt) == (
        "queued",
        "the message service does not answer",
        False,
    )


def test_an_address_in_letters_the_server_cannot_carry_fails_without_an_error(postbox: Postbox) -> None:
    message = send(recipient="grace@bücher.example")
    assert message.status == "sent"


def test_no_address_text_or_secret_is_in_any_log(
    mailersend: MailerSend, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """Hazard H23."""
    caplog.set_level(logging.DEBUG)
    mailersend.faults = [
        Answer(500, '{"message": "grace@example.org"}'),
        Answer(422, '{"message": "grace@example.org is invalid"}'),
    ]
    message = send()
    work_through(now=message.next_try_at)
    tell(client, MailerSend.event("delivered", message.provider_id), "forged")
    for secret in ("grace", "/i/abc", MailerSend.TOKEN, MailerSend.SIGNING_SECRET):
        assert secret not in caplog.text


# Settings


def test_a_half_set_provider_is_found_before_the_first_message(settings: LazySettings) -> None:
    assert check_providers(None) == []
    settings.TWILIO_ACCOUNT_SID = "AC1"
    assert [problem.id for problem in check_providers(None)] == ["anteroom.E010", "anteroom.E011"]
    settings.TWILIO_AUTH_TOKEN, settings.TWILIO_MESSAGING_SERVICE_SID = "t", "MG1"
    assert check_providers(None) == []


def test_an_installation_that_can_send_no_email_is_told(settings: LazySettings) -> None:
    assert [problem.id for problem in check_email(None)] == ["anteroom.W010"]
    settings.EMAIL_DELIVERY_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    assert check_email(None) == []


def test_texts_and_emails_have_each_their_own_provider(mailersend: MailerSend) -> None:
    message = send(kind=SMS)
    assert (message.status, mailersend.requests) == ("delivered", [])
