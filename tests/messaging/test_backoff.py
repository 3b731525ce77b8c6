from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.backoff import FIRST, LONGEST, LONGEST_ASKED, MOST_TRIES, wait_after
from messaging.delivery.retry_after import read_retry_after


@given(st.integers(1, 60), st.integers(), st.one_of(st.none(), st.timedeltas(timedelta(0), timedelta(days=9))))
def test_a_wait_is_never_shorter_than_half_nor_longer_than_all_of_what_it_may_be(
    tries: int, seed: int, asked: timedelta | None
) -> None:
    wait = wait_after(tries, random=Random(seed), asked=asked)
    assert FIRST / 2 <= wait <= max(LONGEST, LONGEST_ASKED + FIRST)
    if asked is not None:
        assert wait >= min(asked, LONGEST_ASKED)


def test_what_failed_together_does_not_come_back_together() -> None:
    random = Random(1)
    assert len({wait_after(3, random=random) for _ in range(100)}) == 100


def test_it_is_given_up_after_about_two_hours() -> None:
    random = Random(1)
    whole = sum((wait_after(tries, random=random) for tries in range(1, MOST_TRIES)), timedelta())
    assert timedelta(hours=1) < whole < timedelta(hours=3)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("120", 120), (" 7 ", 7), ("999999999", 86_400), ("Wed, 21 Oct 2015 07:28:00 GMT", 0)],
)
def test_what_a_provider_asks_for_is_understood(said: str, seconds: int) -> None:
    assert read_retry_after(said) == timedelta(seconds=seconds)


@pytest.mark.parametrize("said", ["", "soon", "-1", "1.5", "Wed, 21 Oct"])
def test_what_nobody_understands_is_not_asked_for(said: str) -> None:
    assert read_retry_after(said) is None
