"""The outbox in Django admin: within the scope, read-only, without what was said."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import AccessRecord, Organisation
from messaging.models import Message
from tests.accounts.factories import make_organisation, make_user
from tests.messaging.factories import make_message

LIST = "/admin/messaging/message/"


@pytest.fixture
def clinic(db: None) -> Organisation:
    return make_organisation()


@pytest.fixture
def omar(client: Client, clinic: Organisation) -> Client:
    client.force_login(make_user(is_staff=True, organisation=clinic, administrator=True))
    return client


def act(client: Client, action: str, *messages: Message) -> str:
    chosen = {"action": action, "_selected_action": [str(message.pk) for message in messages]}
    return client.post(LIST, chosen, follow=True).content.decode()


def test_administrators_find_the_messages_of_their_organisation_and_no_others(
    omar: Client, clinic: Organisation
) -> None:
    make_message(organisation=clinic, recipient="ours@example.org")
    theirs = make_message(recipient="theirs@example.org")
    page = omar.get(LIST).content.decode()
    assert "ours@example.org" in page
    assert "theirs@example.org" not in page
    assert "theirs@example.org" not in omar.get(f"{LIST}{theirs.pk}/change/", follow=True).content.decode()


def test_a_message_is_found_by_its_recipient_and_filtered_by_what_became_of_it(
    omar: Client, clinic: Organisation
) -> None:
    make_message(organisation=clinic, recipient="grace@example.org", status="failed")
    make_message(organisation=clinic, recipient="ben@example.org")
    for query in ("?q=grace", "?status__exact=failed"):
        page = omar.get(LIST + query).content.decode()
        assert "grace@example.org" in page
        assert "ben@example.org" not in page


def test_what_was_said_is_not_shown_for_a_link_in_it_would_let_the_reader_in(
    omar: Client, clinic: Organisation
) -> None:
    message = make_message(organisation=clinic, subject="SECRET-1", text="SECRET-2", html="SECRET-3")
    for address in (LIST, f"{LIST}{message.pk}/change/"):
        assert "SECRET" not in omar.get(address).content.decode()


def test_rows_cannot_be_added_changed_or_deleted(omar: Client, clinic: Organisation) -> None:
    message = make_message(organisation=clinic)
    assert omar.get(f"{LIST}add/").status_code == 403
    assert omar.post(f"{LIST}{message.pk}/change/", {"recipient": "x@example.org"}).status_code == 403
    assert omar.post(f"{LIST}{message.pk}/delete/", {"post": "yes"}).status_code == 403
    message.refresh_from_db()
    assert message.recipient == "grace@example.org"


def test_failed_messages_are_sent_again_and_the_others_say_why_not(omar: Client, clinic: Organisation) -> None:
    failed = make_message(organisation=clinic, status="failed", failure="no")
    arrived = make_message(organisation=clinic, status="delivered")
    page = act(omar, "retry", failed, arrived)
    assert "is sent again" in page
    assert "Only a message that could not be delivered" in page
    assert Message.objects.filter(status="queued", recipient=failed.recipient).count() == 1
    assert AccessRecord.objects.get(organisation=clinic).act == "message.retried"


def test_texts_are_blanked(omar: Client, clinic: Organisation) -> None:
    message = make_message(organisation=clinic, status="failed")
    assert "its text is gone" in act(omar, "redact", message)
    message.refresh_from_db()
    assert message.is_redacted


def test_actions_keep_to_the_scope(omar: Client) -> None:
    theirs = make_message(status="failed")
    act(omar, "retry", theirs)
    act(omar, "redact", theirs)
    theirs.refresh_from_db()
    assert (theirs.status, theirs.is_redacted) == ("failed", False)


def test_staff_without_the_office_see_nothing(client: Client, clinic: Organisation) -> None:
    client.force_login(make_user(is_staff=True, organisation=clinic))
    assert client.get(LIST).status_code == 403
