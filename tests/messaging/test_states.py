from __future__ import annotations

from itertools import permutations

import pytest

from messaging.states import Status, leading_to, transition

QUEUED, SENDING, SENT, DELIVERED, FAILED, CANCELLED = Status

ALLOWED = {
    (QUEUED, SENDING),
    (QUEUED, SENT),
    (QUEUED, DELIVERED),
    (QUEUED, FAILED),
    (QUEUED, CANCELLED),
    (SENDING, QUEUED),
    (SENDING, SENT),
    (SENDING, DELIVERED),
    (SENDING, FAILED),
    (SENT, DELIVERED),
    (SENT, FAILED),
    (FAILED, DELIVERED),
}


@pytest.mark.parametrize("current", Status)
@pytest.mark.parametrize("wanted", Status)
def test_the_table_says_all_that_may_follow(current: Status, wanted: Status) -> None:
    assert transition(current, wanted) == ((current, wanted) in ALLOWED)
    assert (current in leading_to(wanted)) == ((current, wanted) in ALLOWED)


@pytest.mark.parametrize("order", list(permutations([SENT, DELIVERED, SENT, DELIVERED])))
def test_news_in_any_order_and_any_number_ends_in_what_is_true(order: tuple[Status, ...]) -> None:
    current = SENDING
    for news in order:
        current = news if transition(current, news) else current
    assert current == DELIVERED


@pytest.mark.parametrize("order", list(permutations([SENT, FAILED, DELIVERED])))
def test_what_arrived_stays_arrived(order: tuple[Status, ...]) -> None:
    current = SENDING
    for news in order:
        current = news if transition(current, news) else current
    assert current == DELIVERED
