"""/dev/messages/: what was sent, read on this machine."""

from __future__ import annotations

import pytest
from django.conf import LazySettings
from django.core.mail import EmailMessage, EmailMultiAlternatives, get_connection, send_mail
from django.test import Client
from django.utils import timezone

from messaging import services
from messaging.models import Message
from messaging.worker import work_through
from tests.accounts.factories import make_organisation, make_user
from tests.messaging.factories import EMAIL, SMS, make_message

OUTBOX = "messaging.mail.OutboxBackend"


@pytest.fixture
def development(settings: LazySettings) -> None:
    settings.DEBUG = True


@pytest.mark.django_db
@pytest.mark.usefixtures("development")
def test_a_message_is_shown_with_a_link_that_can_be_followed(client: Client) -> None:
    make_message(text="Open http://testserver/i/abc/ <b>now</b>\n")
    make_message(kind=SMS, text="Zoë 会議 http://testserver/i/def/")
    work_through()
    page = client.get("/dev/messages/").content.decode()
    assert '<a href="http://testserver/i/abc/"' in page
    assert '<a href="http://testserver/i/def/"' in page
    assert "&lt;b&gt;now&lt;/b&gt;" in page
    assert "Zoë 会議" in page
    assert "07400 123456" in page
    assert page.count("<article") == page.count("Delivered") == 2


@pytest.mark.django_db
@pytest.mark.usefixtures("development")
def test_the_newest_is_first(client: Client) -> None:
    for subject in ("First", "Second"):
        make_message(subject=subject)
    page = client.get("/dev/messages/").content.decode()
    assert page.index("Second") < page.index("First")


@pytest.mark.django_db
@pytest.mark.usefixtures("development")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", 3),
        ("?q=grace", 2),
        ("?q=grace+briefing", 1),
        ("?q=%2B447400", 1),
        ("?kind=sms", 1),
        ("?kind=email&q=briefing", 1),
        ("?kind=pigeon", 3),
        ("?q=nobody", 0),
    ],
)
def test_messages_are_found_by_words_and_kind(client: Client, query: str, found: int) -> None:
    make_message(subject="Daily briefing", recipient="grace@example.org")
    make_message(subject="Weekly overview", recipient="grace@example.org")
    make_message(kind=SMS, recipient="+447400123456")
    page = client.get(f"/dev/messages/{query}").content.decode()
    assert page.count("<article") == found


@pytest.mark.django_db
@pytest.mark.usefixtures("development")
def test_a_message_that_failed_says_why(client: Client) -> None:
    make_message(status="failed", failure="this number is not in service")
    page = client.get("/dev/messages/").content.decode()
    assert "Could not be delivered: this number is not in service." in page


@pytest.mark.django_db
@pytest.mark.usefixtures("development")
def test_an_email_is_shown_as_it_looks_in_a_frame_in_which_nothing_runs(client: Client) -> None:
    message = make_message(html="<html><head></head><body><script>alert(1)</script><p style='color:red'>Hi</p></body>")
    page = client.get(f"/dev/messages/{message.pk}/").content.decode()
    assert f'src="/dev/messages/{message.pk}/page/"' in page
    assert "<script>alert" not in page
    framed = client.get(f"/dev/messages/{message.pk}/page/")
    policy = framed["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox allow-popups" in policy
    assert "allow-scripts" not in policy
    assert framed["X-Frame-Options"] == "SAMEORIGIN"
    assert '<base target="_blank">' in framed.content.decode()


@pytest.mark.django_db
def test_there_is_no_such_page_outside_development_whoever_asks(client: Client) -> None:
    message = make_message()
    client.force_login(make_user(is_staff=True, is_superuser=True, organisation=message.organisation))
    for address in ("", f"{message.pk}/", f"{message.pk}/page/"):
        assert client.get(f"/dev/messages/{address}").status_code == 404


@pytest.mark.django_db
@pytest.mark.usefixtures("development")
@pytest.mark.parametrize("address", ["", "{}/", "{}/page/"])
def test_the_pages_only_show(client: Client, address: str) -> None:
    message = make_message()
    assert client.post(f"/dev/messages/{address.format(message.pk)}").status_code == 405


@pytest.mark.django_db
@pytest.mark.usefixtures("development")
def test_what_was_blanked_is_shown_as_gone(client: Client) -> None:
    message = make_message()
    services.redact(message=message, by=make_user())
    page = client.get("/dev/messages/").content.decode()
    assert "its text is gone" in page
    assert client.get(f"/dev/messages/{message.pk}/page/").status_code == 404


# Mail of Django and allauth goes the same way


@pytest.mark.django_db
def test_mail_of_the_house_itself_goes_through_the_outbox() -> None:
    email = EmailMultiAlternatives("A\nsubject", "text", None, ["a@example.org", "b@example.org"])
    email.attach_alternative("<p>html</p>", "text/html")
    assert get_connection(OUTBOX).send_messages([email]) == 1
    rows = Message.objects.order_by("recipient")
    assert [(row.recipient, row.subject, row.text, row.html) for row in rows] == [
        ("a@example.org", "A subject", "text", "<p>html</p>"),
        ("b@example.org", "A subject", "text", "<p>html</p>"),
    ]
    assert all(row.expires_at and row.expires_at > timezone.now() for row in rows)


@pytest.mark.django_db
def test_an_attachment_is_refused_rather_than_lost() -> None:
    email = EmailMessage("s", "t", None, ["a@example.org"], attachments=[("a.txt", "x", "text/plain")])
    with pytest.raises(ValueError, match="attachments"):
        get_connection(OUTBOX).send_messages([email])


@pytest.mark.django_db
def test_a_code_to_sign_in_is_sent_with_a_page_and_goes_from_the_outbox_once_delivered(
    client: Client, settings: LazySettings
) -> None:
    settings.EMAIL_BACKEND = OUTBOX
    make_user(email="nina@example.org")
    client.post("/accounts/login/code/", {"email": "nina@example.org"})
    message = Message.objects.get()
    assert message.organisation is None
    assert message.kind == EMAIL
    code = message.text.split("is:")[1].split()[0]
    assert code in message.subject
    assert code in message.html
    assert "prefers-color-scheme: dark" in message.html


@pytest.mark.django_db
def test_a_forgotten_password_is_sent_with_one_button(client: Client, settings: LazySettings) -> None:
    settings.EMAIL_BACKEND = OUTBOX
    make_user(email="nina@example.org")
    client.post("/accounts/password/reset/", {"email": "nina@example.org"})
    message = Message.objects.get()
    link = next(word for word in message.text.split() if word.startswith("http"))
    assert message.html.count(link) == 3
    assert 'class="button"' in message.html


@pytest.mark.django_db
def test_a_row_of_nobody_in_particular_is_sent_too(settings: LazySettings) -> None:
    settings.EMAIL_BACKEND = OUTBOX
    make_organisation()
    send_mail("s", "t", None, ["a@example.org"])
    work_through()
    assert Message.objects.get().status == "delivered"
