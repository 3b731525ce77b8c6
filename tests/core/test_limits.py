from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory, override_settings
from django.utils import timezone

from core.background import Process, tasks_of
from core.limits import address_key, clear_full_buckets, limited_by_address, take
from core.models import TokenBucket

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.mark.django_db
def test_a_full_bucket_gives_what_it_holds_and_then_no_more() -> None:
    taken = [take(key="door:1", capacity=3, per=MINUTE, now=NOON) for _ in range(5)]
    assert taken == [True, True, True, False, False]


@pytest.mark.django_db
def test_one_token_comes_back_at_a_time() -> None:
    for _ in range(3):
        take(key="door:1", capacity=3, per=MINUTE, now=NOON)
    assert not take(key="door:1", capacity=3, per=MINUTE, now=NOON + timedelta(seconds=19))
    assert take(key="door:1", capacity=3, per=MINUTE, now=NOON + timedelta(seconds=20))
    assert not take(key="door:1", capacity=3, per=MINUTE, now=NOON + timedelta(seconds=20))


@pytest.mark.django_db
def test_a_rest_fills_the_bucket_but_never_over_its_rim() -> None:
    take(key="door:1", capacity=3, per=MINUTE, now=NOON)
    later = NOON + timedelta(days=1)
    assert [take(key="door:1", capacity=3, per=MINUTE, now=later) for _ in range(4)] == [True, True, True, False]


@pytest.mark.django_db
def test_asking_an_empty_bucket_again_and_again_costs_nothing() -> None:
    for _ in range(50):
        take(key="door:1", capacity=1, per=MINUTE, now=NOON)
    assert take(key="door:1", capacity=1, per=MINUTE, now=NOON + MINUTE)


@pytest.mark.django_db
def test_buckets_do_not_touch_each_other_and_full_ones_can_go() -> None:
    assert take(key="door:1", capacity=1, per=MINUTE, now=NOON)
    assert take(key="door:2", capacity=1, per=2 * MINUTE, now=NOON)
    assert [bucket.key for bucket in TokenBucket.objects.full(at=NOON + MINUTE)] == ["door:1"]


@pytest.mark.django_db
def test_the_worker_clears_what_limits_nothing_and_nothing_else() -> None:
    assert "full buckets" in {task.name for task in tasks_of([Process.WORKER])}
    now = timezone.now()
    take(key="door:1", capacity=1, per=MINUTE, now=now - MINUTE)
    take(key="door:2", capacity=1, per=MINUTE, now=now)
    clear_full_buckets()
    assert [bucket.key for bucket in TokenBucket.objects.all()] == ["door:2"]


@pytest.mark.django_db(transaction=True)
def test_no_race_takes_more_than_the_bucket_holds() -> None:
    """Twenty at once, on SQLite and, with DATABASE_URL, on PostgreSQL."""

    def press(_: int) -> bool:
        try:
            return take(key="door:1", capacity=5, per=timedelta(hours=1), now=NOON)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=20) as people:
        assert sum(people.map(press, range(20))) == 5


@limited_by_address("door", capacity=2, per=MINUTE)
def door(request: HttpRequest) -> HttpResponse:
    return HttpResponse("in")


@pytest.mark.django_db
def test_the_third_try_from_one_address_is_told_to_wait(rf: RequestFactory) -> None:
    statuses = [door(rf.get("/", REMOTE_ADDR="198.51.100.7", HTTP_ACCEPT="application/json")) for _ in range(3)]
    assert [answer.status_code for answer in statuses] == [200, 200, 429]
    assert statuses[-1]["Retry-After"] == "30"
    assert door(rf.get("/", REMOTE_ADDR="198.51.100.8")).status_code == 200


def test_behind_a_proxy_the_address_is_the_one_the_proxy_saw(rf: RequestFactory) -> None:
    forged = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "203.0.113.9, 198.51.100.7"}
    honest = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "198.51.100.7"}
    with override_settings(ALLAUTH_TRUSTED_PROXY_COUNT=1):
        assert address_key(rf.get("/", **forged), "door") == address_key(rf.get("/", **honest), "door")


def test_without_a_proxy_what_a_stranger_claims_counts_for_nothing(rf: RequestFactory) -> None:
    claims = [rf.get("/", REMOTE_ADDR="198.51.100.7", HTTP_X_FORWARDED_FOR=f"203.0.113.{n}") for n in range(3)]
    assert len({address_key(request, "door") for request in claims}) == 1


def test_a_bucket_keeps_no_address(rf: RequestFactory) -> None:
    assert "198.51.100.7" not in address_key(rf.get("/", REMOTE_ADDR="198.51.100.7"), "door")
