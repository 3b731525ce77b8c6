"""Hazard H10: nobody can make the house send without end."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import LazySettings
from django.db import connection

from accounts.models import AccessRecord, Organisation, User
from core.models import TokenBucket
from messaging.limits import TooManyMessages, check
from tests.accounts.factories import make_organisation, make_user

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def small_limits(settings: LazySettings) -> None:
    settings.MESSAGES_A_MEMBER_AN_HOUR = 5
    settings.MESSAGES_A_RECIPIENT_AN_HOUR = 2
    settings.MESSAGES_AN_ORGANISATION_A_DAY = 8


def ask(organisation: Organisation, member: User, recipient: str, now: datetime = NOON) -> str:
    """ "" for yes, else which limit said no."""
    try:
        check(organisation=organisation, member=member, recipient=recipient, about="room:1", now=now)
    except TooManyMessages as refusal:
        return refusal.code
    return ""


@pytest.mark.django_db
def test_each_limit_holds_and_says_its_own_sentence() -> None:
    clinic, nina, omar = make_organisation(), make_user(), make_user()
    assert [ask(clinic, nina, "grace@example.org") for _ in range(3)] == ["", "", "recipient"]
    assert [ask(clinic, nina, f"{n}@example.org") for n in range(4)] == ["", "", "", "member"]
    assert [ask(clinic, omar, f"{n}@example.org") for n in range(4)] == ["", "", "", "organisation"]
    with pytest.raises(TooManyMessages) as refusal:
        check(organisation=clinic, member=nina, recipient="x@example.org", about="room:1", now=NOON)
    assert (refusal.value.status, "Wait a few minutes" in refusal.value.message) == (429, True)


@pytest.mark.django_db
def test_what_one_limit_refuses_costs_nothing_of_the_others() -> None:
    clinic, nina = make_organisation(), make_user()
    for _ in range(50):
        ask(clinic, nina, "grace@example.org")
    assert [ask(clinic, nina, f"{n}@example.org") for n in range(4)] == ["", "", "", "member"]


@pytest.mark.django_db
def test_an_hour_later_all_is_well_again() -> None:
    clinic, nina = make_organisation(), make_user()
    for n in range(6):
        ask(clinic, nina, f"{n}@example.org")
    assert ask(clinic, nina, "grace@example.org") == "member"
    assert ask(clinic, nina, "grace@example.org", NOON + timedelta(hours=1)) == ""


@pytest.mark.django_db
def test_administrators_read_of_every_refusal_and_nobody_reads_of_whom() -> None:
    clinic, nina = make_organisation(), make_user()
    for _ in range(4):
        ask(clinic, nina, "grace@example.org")
    records = AccessRecord.objects.filter(organisation=clinic)
    assert [(record.act, record.actor, record.place, record.detail) for record in records] == [
        ("message.refused", nina, "room:1", "recipient")
    ] * 2
    assert not any("grace" in bucket.key for bucket in TokenBucket.objects.all())


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("tries", [100, pytest.param(10_000, marks=pytest.mark.long)])
def test_an_attack_stays_under_the_cap(settings: LazySettings, tries: int) -> None:
    """By ten accounts at once, over an hour of the attacker's time."""
    settings.MESSAGES_AN_ORGANISATION_A_DAY = 20
    clinic, members = make_organisation(), [make_user() for _ in range(10)]

    def attack(number: int) -> list[str]:
        try:
            own = range(number, tries, len(members))
            return [
                ask(clinic, members[number], f"{n % 500}@example.org", NOON + timedelta(hours=1) * n / tries)
                for n in own
            ]
        finally:
            connection.close()

    # On SQLite writers queue anyway, and lose their patience after five seconds.
    with ThreadPoolExecutor(4 if connection.vendor == "postgresql" else 1) as pool:
        answers = Counter(answer for got in pool.map(attack, range(len(members))) for answer in got)
    assert 20 <= answers[""] <= 21, answers
    assert sum(answers.values()) == tries
    assert AccessRecord.objects.filter(act="message.refused").count() == tries - answers[""]
