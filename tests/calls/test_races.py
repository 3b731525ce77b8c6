"""Races that lose: two at once, each in its own thread and connection. On SQLite writers queue; PostgreSQL does not."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from calls import services
from calls.models import Attendance, Call, RelayLease, Seat
from calls.relay.terms import EndReason
from tests.calls.factories import HALL, make_call, make_lease, make_member_seat, make_place, make_seat

pytestmark = pytest.mark.django_db(transaction=True)
T = TypeVar("T")
ROUNDS = 5


def at_once(act: Callable[[int], T], people: int = 4) -> list[T]:
    """What each of them got; raises what any of them raised."""
    barrier = Barrier(people)

    def one(number: int) -> T:
        try:
            barrier.wait(10)
            return act(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(people) as pool:
        return [future.result(30) for future in [pool.submit(one, number) for number in range(people)]]


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_a_call_opened_by_many_at_once_is_one_call(_round: int) -> None:
    place = make_place()
    calls = at_once(lambda number: services.open_call(place=place).pk)
    assert len(set(calls)) == 1
    assert Call.objects.count() == 1


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_a_person_admitted_many_times_at_once_has_one_seat_and_different_numbers(_round: int) -> None:
    """Rule C4: exactly one of them is the newest."""
    call, who = make_call(), f"visitor:{uuid4()}"
    at_once(lambda number: services.admit(call=call, identity=who, display_name="Ann", role="guest"))
    assert Seat.objects.get().connection == 4


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_a_member_who_joins_two_calls_at_once_is_in_the_newer_alone(_round: int) -> None:
    """Rule C4: neither Join fails, and one of the two pages cannot come back by itself."""
    seats = [make_member_seat()]
    seats.append(make_seat(identity=seats[0].identity, role=Seat.Role.MEMBER))

    def join(number: int) -> Seat:
        call = seats[number].call
        return services.admit(call=call, identity=seats[0].identity, display_name="N", role="member")

    joined = at_once(join, people=2)
    stand = {seat.pk: seat.connection for seat in Seat.objects.all()}
    assert sorted(stand[seat.pk] - seat.connection for seat in joined) == [0, 1]


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_a_call_assigned_by_many_at_once_has_one_node(_round: int) -> None:
    call = make_call()
    for node in ("n1", "n2", "n3"):
        make_lease(node)

    def assign(number: int) -> str:
        RelayLease.objects.filter(node="n1").update(live=number)  # so that not all would choose the same
        return services.assign_node(call=call).node

    assert set(at_once(assign)) == {Call.objects.get().node}


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_a_node_is_lost_once(_round: int) -> None:
    make_lease("dying", expires_in=-1)
    seat = make_seat(call=make_call(node="dying"))
    Attendance.objects.create(seat=seat, joined_at=timezone.now(), node="dying")
    now = timezone.now()
    assert sorted(at_once(lambda number: services.lose_node(node="dying", now=now))) == [False, False, False, True]
    assert Call.objects.get().node == ""


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_a_call_ends_once_whoever_ends_it(_round: int) -> None:
    call = make_call(node="n1")
    HALL.ended.clear()
    reasons = list(EndReason)
    ends = at_once(
        lambda number: services.store_end(call_id=call.pk, node="n1", reason=reasons[number], at=timezone.now())
    )
    assert ends.count(True) == 1
    assert HALL.ended == [call]


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_a_stay_told_twice_at_once_is_one_row(_round: int) -> None:
    seat = make_seat(call=make_call(node="n1"))
    at_once(lambda number: services.open_attendance(seat_id=seat.pk, node="n1", at=timezone.now()))
    assert Attendance.objects.count() == 1
