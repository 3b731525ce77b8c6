"""Texts, through Twilio's own client, to a Twilio on loopback that checks what it is sent."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from messaging import services
from messaging.delivery import sms
from messaging.models import Message
from messaging.worker import work_through
from tests.messaging.factories import EMAIL, SMS, make_message
from tests.messaging.loopback import Answer, Twilio

pytestmark = pytest.mark.django_db


def send(**overrides: Any) -> Message:
    message = make_message(**{"kind": SMS, "text": "Join: https://meet.example.org/i/abc/"} | overrides)
    work_through()
    message.refresh_from_db()
    return message


def call_back(client: Client, message: Message, status: str, *, sign: str | None = None, **form: str) -> HttpResponse:
    """As Twilio does; `sign` in place of the signature."""
    url = sms.callback_url(message.pk)
    form = {"MessageSid": message.provider_id, "MessageStatus": status, "AccountSid": Twilio.ACCOUNT} | form
    signature = Twilio.sign(url, form) if sign is None else sign
    answer = client.post(urlsplit(url).path, form, headers={"X-Twilio-Signature": signature})
    assert isinstance(answer, HttpResponse)
    message.refresh_from_db()
    return answer


def test_a_text_is_sent_as_twilio_documents_it(twilio: Twilio) -> None:
    message = send()
    (request,) = twilio.requests
    assert (request.method, request.path) == ("POST", f"/2010-04-01/Accounts/{Twilio.ACCOUNT}/Messages.json")
    assert request.form == {
        "To": "+447400123456",
        "From": "+447400000000",
        "Body": "Join: https://meet.example.org/i/abc/",
        "StatusCallback": f"https://meet.example.org/messaging/twilio/{message.pk}/",
    }
    assert (message.status, message.provider_id) == ("sent", twilio.messages[0]["sid"])
    assert not message.is_redacted  # until Twilio says that it arrived


def test_a_messaging_service_takes_the_place_of_a_number(twilio: Twilio, settings: LazySettings) -> None:
    settings.TWILIO_MESSAGING_SERVICE_SID = "MG" + "1" * 32
    send()
    assert twilio.requests[0].form["MessagingServiceSid"] == "MG" + "1" * 32
    assert "From" not in twilio.requests[0].form


def test_wrong_credentials_are_the_administrators_to_mend_and_the_text_waits(
    twilio: Twilio, settings: LazySettings
) -> None:
    settings.TWILIO_AUTH_TOKEN = "wrong"
    message = send()
    assert (message.status, "tell your administrator" in message.failure) == ("queued", True)
    settings.TWILIO_AUTH_TOKEN = Twilio.TOKEN
    work_through(now=timezone.now() + timedelta(hours=1))
    message.refresh_from_db()
    assert (message.status, message.failure) == ("sent", "")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (21211, "this number does not exist"),
        (21614, "this number cannot receive texts"),
        (21610, "this person has asked not to receive texts from here"),
        (21408, "the telephone company did not let it through"),
        (99999, "the message service did not accept it"),
    ],
)
def test_what_twilio_refuses_for_good_is_said_in_plain_words_and_not_tried_again(
    twilio: Twilio, code: int, words: str
) -> None:
    twilio.faults = [Twilio.refuse(400, code)]
    message = send()
    assert (message.status, message.failure) == ("failed", words)
    work_through(now=timezone.now() + timedelta(days=1))
    assert len(twilio.requests) == 1


def test_a_busy_twilio_is_asked_again_when_it_said(twilio: Twilio) -> None:
    twilio.faults = [Twilio.refuse(429, 20429, **{"Retry-After": "120"})]
    message = send()
    assert message.status == "queued"
    wait = message.next_try_at - timezone.now()
    assert timedelta(seconds=115) < wait < timedelta(seconds=130)
    work_through(now=message.next_try_at)
    message.refresh_from_db()
    assert (message.status, message.tries) == ("sent", 2)


def test_a_text_that_twilio_took_and_did_not_say_so_is_not_sent_twice(twilio: Twilio) -> None:
    """Hazard H20: the answer was lost; before the next try Twilio is asked what it took."""
    twilio.faults = [lambda taken: Answer(500, "oops")]
    message = send()
    assert (message.status, message.in_doubt, len(twilio.messages)) == ("queued", True, 1)
    work_through(now=message.next_try_at)
    message.refresh_from_db()
    assert (message.status, message.provider_id) == ("sent", twilio.messages[0]["sid"])
    assert len(twilio.messages) == 1


def test_a_text_that_twilio_never_took_is_sent_by_the_next_try(twilio: Twilio) -> None:
    """Hazard H20: killed before the request left. Another text to the same number is not mistaken for it."""
    send(about="invite:2")
    message = make_message(kind=SMS, text="Join: https://meet.example.org/i/def/")
    services.claim_due(most=1, now=timezone.now())
    work_through(now=timezone.now() + services.LEASE)
    message.refresh_from_db()
    assert message.status == "sent"
    assert [sent["body"][-4:] for sent in twilio.messages] == ["abc/", "def/"]


def test_an_earlier_try_is_found_behind_many_later_texts_to_the_same_number(twilio: Twilio) -> None:
    """Hazard H20. What is older than the message itself is not looked through."""
    in_an_hour = timezone.now() + timedelta(hours=1)
    twilio.faults = [lambda taken: Answer(500, "oops")]
    message = send(text="Join: https://meet.example.org/i/mine/")
    Message.objects.filter(pk=message.pk).update(next_try_at=in_an_hour)
    mine = twilio.messages.pop()
    others = [mine | {"sid": f"SM{number}", "body": "another"} for number in range(50)]
    long_ago = {"date_created": format_datetime(timezone.now() - timedelta(days=1))}
    twilio.messages = [*(other | long_ago for other in others), mine, *others[:25]]
    work_through(now=in_an_hour)
    message.refresh_from_db()
    assert (message.status, message.provider_id) == ("sent", mine["sid"])
    assert [request.method for request in twilio.requests] == ["POST", "GET", "GET"]


def test_texts_older_than_the_message_are_not_looked_through(twilio: Twilio) -> None:
    in_an_hour = timezone.now() + timedelta(hours=1)
    twilio.faults = [Answer(500, "oops")]
    message = send()
    Message.objects.filter(pk=message.pk).update(next_try_at=in_an_hour)
    old = {"sid": "SM1", "to": message.recipient, "body": message.text, "status": "delivered", "error_code": None}
    twilio.messages = [old | {"date_created": format_datetime(timezone.now() - timedelta(days=1))}] * 50
    work_through(now=in_an_hour)
    message.refresh_from_db()
    assert (message.status, len(twilio.messages)) == ("sent", 51)
    assert [request.method for request in twilio.requests] == ["POST", "GET", "POST"]


def test_a_text_that_was_taken_and_failed_meanwhile_has_failed(twilio: Twilio) -> None:
    twilio.faults = [lambda taken: Answer(500, "oops")]
    message = send()
    twilio.messages[0] |= {"status": "undelivered", "error_code": 30005}
    work_through(now=message.next_try_at)
    message.refresh_from_db()
    assert (message.status, message.failure) == ("failed", "this number is not in service")


@pytest.mark.parametrize(
    "garbage", [Answer(201, "<html>"), Answer(200, "{}"), Answer(302, "", {"Location": "http://127.0.0.1:1/"})]
)
def test_an_answer_nobody_can_read_leaves_a_doubt_and_no_error(twilio: Twilio, garbage: Answer) -> None:
    twilio.faults = [garbage]
    message = send()
    assert message.status in ("queued", "sent")
    assert "abc" not in message.failure


def test_a_twilio_that_is_away_is_waited_for(settings: LazySettings, twilio: Twilio) -> None:
    settings.TWILIO_BASE_URL = "http://127.0.0.1:1"
    message = send()
    assert (message.status, message.failure) == ("queued", "the message service does not answer")


# What became of it


def test_twilio_tells_that_it_arrived_and_the_text_goes(twilio: Twilio, client: Client) -> None:
    message = send()
    assert call_back(client, message, "delivered").status_code == 204
    assert (message.status, message.text) == ("delivered", "")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("30003", "the telephone is switched off or out of reach"),
        ("30005", "this number is not in service"),
        ("30006", "this number cannot receive texts"),
        ("30008", "the telephone company could not deliver it"),
        ("", "the telephone company could not deliver it"),
        ("x", "the telephone company could not deliver it"),
    ],
)
def test_twilio_tells_that_it_did_not_arrive_and_why(twilio: Twilio, client: Client, code: str, words: str) -> None:
    message = send()
    call_back(client, message, "undelivered", ErrorCode=code)
    assert (message.status, message.failure) == ("failed", words)


def test_late_and_repeated_news_changes_nothing(twilio: Twilio, client: Client) -> None:
    message = send()
    for status in ("delivered", "sent", "queued", "delivered", "undelivered", "failed", "sending", "nonsense"):
        assert call_back(client, message, status).status_code == 204
        assert message.status == "delivered"


def test_without_twilios_own_signature_nothing_changes(twilio: Twilio, client: Client) -> None:
    message = send()
    good = {"MessageSid": message.provider_id, "MessageStatus": "sent", "AccountSid": Twilio.ACCOUNT}
    replayed = Twilio.sign(sms.callback_url(message.pk), good)
    other = Twilio.sign(sms.callback_url(uuid4()), good)
    for signature in ("", "nonsense", replayed, other):
        assert call_back(client, message, "delivered", sign=signature).status_code == 403
        assert message.status == "sent"
    assert call_back(client, message, "sent", sign=replayed).status_code == 204


def test_a_signature_for_one_message_does_not_serve_for_another(twilio: Twilio, client: Client) -> None:
    first, second = send(), send()
    form = {"MessageSid": first.provider_id, "MessageStatus": "delivered"}
    signature = Twilio.sign(sms.callback_url(first.pk), form)
    path = urlsplit(sms.callback_url(second.pk)).path
    assert client.post(path, form, headers={"X-Twilio-Signature": signature}).status_code == 403


def test_news_of_nobodys_message_is_taken_and_changes_nothing(twilio: Twilio, client: Client) -> None:
    email = make_message(kind=EMAIL, status="sent")
    nobody = Message(pk=uuid4(), provider_id="SM1")
    url = sms.callback_url(nobody.pk)
    form = {"MessageSid": "SM1", "MessageStatus": "delivered"}
    headers = {"X-Twilio-Signature": Twilio.sign(url, form)}
    assert client.post(urlsplit(url).path, form, headers=headers).status_code == 204
    assert call_back(client, email, "delivered").status_code == 204
    assert email.status == "sent"


def test_the_callback_is_for_posts_needs_no_form_token_and_is_shut_without_an_account(
    twilio: Twilio, settings: LazySettings
) -> None:
    message = send()
    client = Client(enforce_csrf_checks=True)
    assert call_back(client, message, "delivered").status_code == 204
    assert client.get(urlsplit(sms.callback_url(message.pk)).path).status_code == 405
    settings.TWILIO_AUTH_TOKEN = ""
    assert client.post(urlsplit(sms.callback_url(message.pk)).path).status_code == 404


def test_a_flood_of_callbacks_ends_in_what_is_true(twilio: Twilio, client: Client) -> None:
    """Hazard H10: forged ones among them, each told many times, the end before the beginning."""
    messages = [send() for _ in range(3)]
    for _ in range(6):
        for message in messages:
            call_back(client, message, "delivered", sign="forged")
            call_back(client, message, "sent")
    assert {message.status for message in messages} == {"sent"}
    for status in ("delivered", "sent", "failed") * 6:
        for message in messages:
            call_back(client, message, status)
    assert {message.status for message in messages} == {"delivered"}


def test_no_number_text_or_secret_is_in_any_log(
    twilio: Twilio, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """Hazard H23, at every level and through every turn."""
    caplog.set_level(logging.DEBUG)
    twilio.faults = [
        lambda taken: Answer(500, json.dumps({"message": "+447400123456"})),
        Answer(500, "oops"),
        Twilio.refuse(400, 21211, "The 'To' number +447400123456 is not valid"),
    ]
    message = send()
    for _ in range(3):
        message.refresh_from_db()
        work_through(now=message.next_try_at + timedelta(hours=1))
    call_back(client, message, "delivered", sign="forged")
    for secret in ("7400123456", "/i/abc", Twilio.TOKEN, Twilio.ACCOUNT):
        assert secret not in caplog.text
