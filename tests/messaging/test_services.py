from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random

import pytest
from django.db import IntegrityError, transaction
from django.test import override_settings

from accounts.models import AccessRecord
from core.errors import Conflict, DomainError
from messaging import listeners, services
from messaging.backoff import MOST_TRIES
from messaging.delivery import Receipt
from messaging.errors import DeliveryError
from messaging.models import Message
from messaging.states import Status
from messaging.worker import work_through
from tests.accounts.factories import make_organisation, make_user
from tests.messaging.factories import EMAIL, SMS, make_message

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LATER = DeliveryError("the service did not answer", permanent=False)
NEVER = DeliveryError("this number is not in service", permanent=True)


def claim(message: Message, now: datetime = NOON) -> Message:
    (claimed,) = services.claim_due(most=1, now=now)
    assert claimed == message
    return claimed


# Sending


def test_a_message_waits_in_the_outbox_until_the_worker_sends_it() -> None:
    message = make_message(now=NOON)
    assert message.status == Status.QUEUED
    assert work_through(now=NOON) == 1
    message.refresh_from_db()
    assert (message.status, message.sent_at, message.delivered_at) == (Status.DELIVERED, NOON, NOON)


def test_a_message_of_a_caller_who_fails_was_never_there() -> None:
    with transaction.atomic():
        make_message()
        transaction.set_rollback(True)
    assert not Message.objects.exists()


def test_one_key_sends_one_message() -> None:
    first, second = make_message(key="reminder:7"), make_message(key="reminder:7", text="again")
    assert first == second
    assert Message.objects.count() == 1


def test_what_is_sent_about_something_is_found_by_it() -> None:
    message = make_message(about="invite:1")
    make_message(about="invite:2")
    assert list(Message.objects.about("invite:1")) == [message]


def test_staff_see_the_messages_of_their_own_organisation_and_superusers_all() -> None:
    """Hazard H8."""
    ours = make_message()
    theirs = make_message()
    nobodys = make_message()
    Message.objects.filter(pk=nobodys.pk).update(organisation=None)
    nina = make_user(organisation=ours.organisation)
    assert list(Message.objects.visible_to(nina)) == [ours]
    root = make_user(is_superuser=True)
    assert set(Message.objects.visible_to(root)) == {ours, theirs, nobodys}


def test_a_claim_belongs_to_a_message_being_sent_and_to_no_other() -> None:
    message = make_message()
    for wrong in ({"status": Status.SENDING}, {"claimed_until": NOON}, {"status": "lost"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Message.objects.filter(pk=message.pk).update(**wrong)


# Withdrawing


def test_a_withdrawn_message_is_not_sent_and_says_nothing_any_more() -> None:
    message = make_message(about="invite:1", now=NOON)
    assert services.withdraw(about="invite:1", now=NOON) == 1
    assert work_through(now=NOON) == 0
    message.refresh_from_db()
    assert (message.status, message.subject, message.text, message.html) == (Status.CANCELLED, "", "", "")


def test_a_message_on_its_way_is_withdrawn_from_its_next_try() -> None:
    message = make_message(about="invite:1", now=NOON)
    claimed = claim(message)
    assert services.withdraw(about="invite:1", now=NOON) == 0
    services.settle_failed(message=claimed, error=LATER, now=NOON)
    assert work_through(now=NOON + 60 * MINUTE) == 0
    message.refresh_from_db()
    assert message.status == Status.FAILED


def test_what_failed_is_withdrawn_too_so_that_nobody_sends_it_again() -> None:
    """Its link was revoked, or another message took its place (rule R4)."""
    message = make_message(about="invite:1", status=Status.FAILED, text="Come: https://testserver/i/token/")
    other = make_message(about="invite:2", status=Status.FAILED, text="Come.")
    services.withdraw(about="invite:1", now=NOON)
    with pytest.raises(DomainError) as refusal:
        services.retry(message=message, by=make_user())
    assert refusal.value.code == "redacted"
    message.refresh_from_db()
    assert (message.status, message.text) == (Status.FAILED, "")
    assert services.retry(message=other, by=make_user()).text == "Come."


def test_what_was_delivered_cannot_be_withdrawn() -> None:
    message = make_message(about="invite:1", now=NOON)
    work_through(now=NOON)
    assert services.withdraw(about="invite:1") == 0
    message.refresh_from_db()
    assert message.status == Status.DELIVERED


# Claims


def test_a_claimed_message_is_nobody_elses_until_the_lease_is_over() -> None:
    """Hazard H20: after a kill -9 another worker takes it up, well within 60 s."""
    message = make_message(now=NOON)
    first = claim(message)
    almost = NOON + services.LEASE - timedelta(seconds=1)
    assert services.claim_due(most=10, now=almost) == []
    second = claim(message, now=NOON + services.LEASE)
    assert timedelta(seconds=55) > services.LEASE
    assert (first.in_doubt, second.in_doubt) == (False, True)
    assert second.claim != first.claim


def test_a_worker_that_lives_keeps_its_claim() -> None:
    message = make_message(now=NOON)
    claimed = claim(message)
    services.renew_claims(claims={claimed.claim}, now=NOON + services.LEASE - timedelta(seconds=1))
    assert services.claim_due(most=10, now=NOON + services.LEASE) == []


def test_a_worker_that_comes_back_too_late_changes_nothing() -> None:
    message = make_message(now=NOON)
    first = claim(message)
    claim(message, now=NOON + services.LEASE)
    services.settle_failed(message=first, error=NEVER, now=NOON + services.LEASE)
    message.refresh_from_db()
    assert message.status == Status.SENDING


def test_the_oldest_is_sent_first_and_no_more_than_asked_for() -> None:
    second, first = make_message(now=NOON), make_message(now=NOON - MINUTE)
    assert services.claim_due(most=1, now=NOON) == [first]
    assert services.claim_due(most=5, now=NOON) == [second]


# What comes of a try


def test_a_failure_that_may_pass_is_tried_again_later_and_later() -> None:
    message = make_message(now=NOON)
    now, waits = NOON, []
    for _ in range(4):
        services.settle_failed(message=claim(message, now), error=LATER, now=now, random=Random(1))
        message.refresh_from_db()
        assert (message.status, message.failure) == (Status.QUEUED, "the service did not answer")
        waits.append(message.next_try_at - now)
        assert services.claim_due(most=1, now=message.next_try_at - timedelta(milliseconds=1)) == []
        now = message.next_try_at
    assert waits == sorted(waits)


def test_a_failure_for_good_is_tried_no_more() -> None:
    message = make_message(now=NOON)
    services.settle_failed(message=claim(message), error=NEVER, now=NOON)
    message.refresh_from_db()
    assert (message.status, message.failed_at) == (Status.FAILED, NOON)
    assert message.failure == "this number is not in service"
    assert services.claim_due(most=1, now=NOON + timedelta(days=1)) == []


def test_after_the_last_try_it_has_failed() -> None:
    message = make_message(now=NOON, tries=MOST_TRIES - 1)
    services.settle_failed(message=claim(message), error=LATER, now=NOON)
    message.refresh_from_db()
    assert message.status == Status.FAILED


def test_the_doubt_of_one_try_outlasts_the_clear_refusal_of_the_next() -> None:
    message = make_message(now=NOON)
    timed_out = DeliveryError("no answer", permanent=False, in_doubt=True)
    services.settle_failed(message=claim(message), error=timed_out, now=NOON)
    services.settle_failed(message=claim(message, NOON + MINUTE), error=LATER, now=NOON + MINUTE)
    message.refresh_from_db()
    assert message.in_doubt


def test_what_a_provider_took_is_sent_and_what_it_does_not_follow_says_nothing_any_more() -> None:
    followed, unfollowed = make_message(now=NOON), make_message(now=NOON)
    for message in services.claim_due(most=2, now=NOON):
        receipt = Receipt(provider_id="SM1", tracked=message == followed)
        with override_settings(MESSAGES_KEPT=False):
            services.settle_sent(message=message, receipt=receipt, now=NOON)
    followed.refresh_from_db()
    unfollowed.refresh_from_db()
    assert (followed.status, unfollowed.status) == (Status.SENT, Status.SENT)
    assert followed.provider_id == "SM1"


def test_an_invitation_that_has_run_out_is_not_sent() -> None:
    message = make_message(now=NOON, expires_at=NOON + MINUTE)
    assert work_through(now=NOON + MINUTE) == 0
    message.refresh_from_db()
    assert (message.status, message.failure, message.text) == (Status.FAILED, "it could not be sent in time", "")


@override_settings(MESSAGES_KEPT=False)
def test_without_a_provider_in_production_a_message_fails_and_says_why() -> None:
    message = make_message(now=NOON)
    work_through(now=NOON)
    message.refresh_from_db()
    assert message.status == Status.FAILED
    assert "ask your administrator" in message.failure


# Who hears of it


def test_the_floor_above_hears_of_each_change_and_cannot_undo_it(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []

    def listen(message: Message) -> None:
        heard.append(message.status)
        if message.status == Status.DELIVERED:
            raise ValueError

    monkeypatch.setattr(listeners, "_listeners", {"invite": listen})
    message = make_message(now=NOON)
    make_message(now=NOON, about="reminder:1")
    work_through(now=NOON)
    message.refresh_from_db()
    assert heard == [Status.SENDING, Status.DELIVERED]
    assert message.status == Status.DELIVERED


# Administration


def test_a_failed_message_is_sent_again_by_hand() -> None:
    message, omar = make_message(now=NOON), make_user()
    services.settle_failed(message=claim(message), error=NEVER, now=NOON)
    again = services.retry(message=message, by=omar, now=NOON)
    assert work_through(now=NOON) == 1
    for row in (message, again):
        row.refresh_from_db()
    assert (again.status, again.about, again.recipient) == (Status.DELIVERED, message.about, message.recipient)
    assert "/i/abc/" in again.text
    assert (message.status, message.text) == (Status.FAILED, "")
    assert AccessRecord.objects.get().act == "message.retried"


def test_sent_again_twice_it_goes_once() -> None:
    message, omar = make_message(now=NOON, status=Status.FAILED), make_user()
    services.retry(message=message, by=omar, now=NOON)
    with pytest.raises(DomainError) as refusal:
        services.retry(message=message, by=omar, now=NOON)
    assert refusal.value.code == "redacted"
    assert Message.objects.count() == 2


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"status": Status.FAILED, "redact_at": None}, "redacted"),
        ({"status": Status.FAILED, "expires_at": NOON}, "expired"),
        ({"status": Status.QUEUED}, "not_failed"),
        ({"status": Status.DELIVERED}, "not_failed"),
    ],
)
def test_what_cannot_be_sent_again_says_why(fields: dict[str, object], code: str) -> None:
    message = make_message(**fields)
    with pytest.raises(DomainError) as refusal:
        services.retry(message=message, by=make_user(), now=NOON)
    assert refusal.value.code == code


def test_redaction_takes_what_was_said_and_keeps_what_became_of_it() -> None:
    message, omar = make_message(now=NOON), make_user()
    services.settle_failed(message=claim(message), error=NEVER, now=NOON)
    services.redact(message=message, by=omar)
    assert (message.subject, message.text, message.html, message.status) == ("", "", "", Status.FAILED)
    assert message.is_redacted


def test_redacting_what_is_still_to_be_sent_withdraws_it() -> None:
    message = make_message()
    services.redact(message=message, by=make_user())
    assert (message.status, message.text) == (Status.CANCELLED, "")


def test_what_is_being_sent_just_now_is_not_redacted_under_its_worker() -> None:
    message = make_message(now=NOON)
    claim(message)
    with pytest.raises(Conflict):
        services.redact(message=message, by=make_user())


# Time


def test_kept_locally_a_message_can_be_read_for_a_day() -> None:
    message = make_message(now=NOON)
    work_through(now=NOON)
    services.sweep(now=NOON + timedelta(hours=23))
    message.refresh_from_db()
    assert message.text
    services.sweep(now=NOON + timedelta(days=1))
    message.refresh_from_db()
    assert message.is_redacted


@override_settings(MESSAGE_BODY_DAYS=7, MESSAGE_DAYS=90)
def test_bodies_go_after_a_week_whatever_happened_and_rows_after_ninety_days() -> None:
    message = make_message(now=NOON)
    services.settle_failed(message=claim(message), error=NEVER, now=NOON)
    services.sweep(now=NOON + timedelta(days=6))
    message.refresh_from_db()
    assert not message.is_redacted
    services.sweep(now=NOON + timedelta(days=7))
    message.refresh_from_db()
    assert (message.is_redacted, message.text) == (True, "")
    services.sweep(now=NOON + timedelta(days=90))
    assert not Message.objects.exists()


def test_the_sweep_fails_what_has_run_out_and_leaves_what_is_on_its_way() -> None:
    claimed = claim(make_message(now=NOON))
    late = make_message(now=NOON, expires_at=NOON)
    services.sweep(now=NOON + timedelta(days=8))
    late.refresh_from_db()
    claimed.refresh_from_db()
    assert (late.status, claimed.status) == (Status.FAILED, Status.SENDING)


# News from providers


def test_news_finds_its_message_by_either_name() -> None:
    by_ours, by_theirs = make_message(status=Status.SENT), make_message(status=Status.SENT, provider_id="SM2")
    for news in ({"provider_id": "SM1", "message_id": by_ours.pk}, {"provider_id": "SM2", "message_id": None}):
        assert services.record_news(kind=EMAIL, status=Status.DELIVERED, now=NOON, **news)
    for message in (by_ours, by_theirs):
        message.refresh_from_db()
        assert (message.status, message.delivered_at, message.text) == (Status.DELIVERED, NOON, "")
    assert by_ours.provider_id == "SM1"


def test_news_of_an_unknown_message_changes_nothing() -> None:
    message = make_message(status=Status.SENT)
    assert not services.record_news(kind=EMAIL, status=Status.DELIVERED, provider_id="SM9", message_id=None)
    assert not services.record_news(kind=EMAIL, status=Status.DELIVERED, provider_id="", message_id=None)
    message.refresh_from_db()
    assert message.status == Status.SENT


def test_news_that_comes_before_a_dead_workers_lease_is_over_spares_a_second_try() -> None:
    """Hazard H20: the provider took it, the worker was killed before it could say so."""
    message = make_message(now=NOON, kind=SMS)
    claim(message)
    assert services.record_news(kind=SMS, status=Status.SENT, provider_id="SM1", message_id=message.pk, now=NOON)
    assert services.claim_due(most=1, now=NOON + 60 * MINUTE) == []


def test_the_failure_of_a_second_copy_is_not_that_of_the_first() -> None:
    message = make_message(status=Status.SENT, provider_id="SM1")
    failed = partial(services.record_news, kind=EMAIL, status=Status.FAILED, message_id=message.pk, failure="x")
    assert not failed(provider_id="SM2")
    assert failed(provider_id="SM1")


def test_an_outbox_row_names_nobody_in_a_log() -> None:
    """Hazard H23."""
    message = make_message(organisation=make_organisation(name="Riverside"))
    assert not any(secret in str(message) for secret in (message.recipient, message.text, "Riverside"))
