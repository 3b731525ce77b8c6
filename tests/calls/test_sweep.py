from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from calls import events, services
from calls.models import Attendance, Call, Seat
from calls.relay.terms import EndReason, GoneReason
from calls.sweep import end_again, put_out_again, put_out_former_colleagues, sweep
from core.errors import DomainError
from tests.accounts.factories import make_membership, make_user
from tests.calls.factories import make_call, make_lease, make_seat

pytestmark = pytest.mark.django_db(transaction=True)
NOW = timezone.now()


def ago(seconds: float) -> object:
    return NOW - timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"member_deadline": ago(14)}, ""),
        ({"member_deadline": ago(16)}, EndReason.NOBODY_JOINED),
        ({"ends_at": ago(14)}, ""),
        ({"ends_at": ago(16)}, EndReason.TIME_UP),
        ({"ends_at": ago(16), "member_deadline": ago(16)}, EndReason.TIME_UP),
        ({"opened_at": ago(74)}, ""),
        ({"opened_at": ago(76)}, EndReason.EMPTY),
    ],
)
def test_a_call_without_a_relay_ends_fifteen_seconds_past_its_deadline(fields: dict[str, object], reason: str) -> None:
    """Rules C3 and C9."""
    call = make_call(**{"opened_at": NOW} | fields)
    assert sweep(NOW) == bool(reason)
    call.refresh_from_db()
    assert (call.end_reason, call.ended_at is not None) == (reason, bool(reason))


def test_a_call_somebody_just_left_is_not_yet_empty() -> None:
    seat = make_seat(call=make_call(opened_at=ago(600)))
    Call.objects.update(node="gone")
    services.open_attendance(seat_id=seat.pk, node="gone", at=NOW - timedelta(seconds=500))
    services.close_attendance(seat_id=seat.pk, node="gone", at=NOW - timedelta(seconds=70), reason=GoneReason.LEFT)
    assert sweep(NOW) == 0
    assert sweep(NOW + timedelta(seconds=6)) == 1


@pytest.mark.parametrize(
    ("opened", "pressed", "lives", "asked"),
    [
        (76, 76, False, True),
        (74, 74, False, False),  # not due
        (600, 14, False, False),  # a Join may still be on its way
        (600, 600, True, False),
    ],
)
def test_the_node_of_a_call_that_is_due_is_asked_to_end_it_unless_it_has_it(
    opened: float, pressed: float, lives: bool, asked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose first join was lost: a relay that is well would never end what it does not know of."""
    told: list[tuple[str, events.Message]] = []
    monkeypatch.setattr(events, "tell_node", lambda node, message: told.append((node, message)))
    make_lease("n1", expires_in=60)
    seat = make_seat(call=make_call(node="n1", opened_at=ago(opened)), pressed_at=ago(pressed))
    if lives:
        services.open_attendance(seat_id=seat.pk, node="n1", at=NOW)
    assert sweep(NOW) == 0
    expected = events.relay_end_unless_here(call_id=seat.call_id, reason=EndReason.EMPTY)
    assert told == ([("n1", expected)] if asked else [])


@pytest.mark.parametrize(("expires_in", "swept"), [(2.0, 0), (-10.0, 0), (-16.0, 1)])
def test_the_sweep_leaves_alone_what_a_relay_holds_or_held_a_moment_ago(expires_in: float, swept: int) -> None:
    make_lease("n1", expires_in=expires_in)
    make_call(node="n1", member_deadline=ago(600))
    assert sweep(NOW) == swept


def test_a_relay_that_missed_the_end_is_told_again_until_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules C9 and R2: a deleted room's call does not go on because Redis was away when its administrator pressed."""
    told: list[tuple[str, events.Message]] = []
    make_lease("n1", expires_in=60)
    deleted, lost, goes_on = make_call(node="n1"), make_call(node="gone"), make_call(node="n1")
    with monkeypatch.context() as away:
        away.setattr(events, "tell_node", lambda node, message: None)
        away.setattr(events, "order_node", lambda node, message: None)
        services.end_call(call=deleted)
        services.end_call(call=lost, reason=EndReason.MEMBER_ENDED)
    monkeypatch.setattr(events, "tell_node", lambda node, message: told.append((node, message)))
    end = ("n1", events.relay_end(call_id=deleted.pk, reason=EndReason.CLOSED))
    assert [end_again(), end_again()] == [1, 1]
    assert told == [end, end]
    assert services.store_end(call_id=deleted.pk, node="n1", reason=EndReason.CLOSED, at=NOW)
    assert end_again() == 0
    assert sweep(NOW) == 1, "no relay has it: nobody else ends it"
    lost.refresh_from_db()
    goes_on.refresh_from_db()
    assert (lost.end_reason, lost.ended_at is not None) == (EndReason.MEMBER_ENDED, True)
    assert (goes_on.end_reason, goes_on.ended_at) == ("", None)


def make_removed(node: str, **overrides: Any) -> Seat:
    """Removed from the call, and live in it still."""
    seat = make_seat(call=make_call(node=node), removed_at=NOW)
    Attendance.objects.create(**{"seat": seat, "joined_at": NOW, "node": node} | overrides)
    return seat


def test_a_relay_that_missed_a_removal_is_told_again_until_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hazard H18. A relay that is still away keeps nobody else in."""
    told: list[tuple[str, events.Message]] = []

    def order(node: str, message: events.Message) -> None:
        if node == "away":
            raise DomainError("unavailable", "Not now.")
        told.append((node, message))

    monkeypatch.setattr(events, "order_node", order)
    away, seat, gone = make_removed("away"), make_removed("n1"), make_removed("n1", left_at=NOW)
    ended = make_removed("n1")
    Call.objects.filter(pk=ended.call_id).update(ended_at=NOW)
    make_seat(call=make_call(node="n1"))
    removal = ("n1", events.relay_remove(call_id=seat.call_id, participant_id=seat.pk))
    assert [put_out_again(), put_out_again()] == [1, 1]
    assert told == [removal, removal]
    services.close_attendance(seat_id=seat.pk, node="n1", at=NOW, reason=GoneReason.REMOVED)
    assert put_out_again() == 0
    assert Attendance.objects.open().filter(seat__in=[away, gone]).get().seat == away


def make_live_member(**overrides: Any) -> tuple[User, Seat]:
    """Somebody at work, in a call of their organisation."""
    call = make_call(node="n1")
    user = make_user(organisation=call.organisation, **overrides)
    seat = make_seat(call=call, identity=user.identity, role=Seat.Role.MEMBER)
    Attendance.objects.create(seat=seat, joined_at=NOW, node="n1")
    return user, seat


@pytest.mark.parametrize("parting", ["no longer works there", "may no longer sign in", "was deleted"])
def test_whoever_loses_their_work_leaves_the_call_they_are_in(parting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule C2: without a right to the place nobody listens on, whatever the administration was used for."""
    told: list[events.Message] = []
    monkeypatch.setattr(events, "order_node", lambda node, message: told.append(message))
    user, seat = make_live_member()
    stays = [make_live_member()[1], make_seat(call=seat.call)]
    Attendance.objects.create(seat=stays[1], joined_at=NOW, node="n1")
    assert put_out_former_colleagues() == 0
    match parting:
        case "no longer works there":
            user.memberships.all().delete()
            make_membership(user=user)
        case "may no longer sign in":
            User.objects.filter(pk=user.pk).update(is_active=False)
        case _:
            user.delete()
    assert [put_out_former_colleagues(), put_out_former_colleagues()] == [1, 0]
    assert told == [events.relay_remove(call_id=seat.call_id, participant_id=seat.pk)]
    seat.refresh_from_db()
    assert seat.removed_at is not None
    assert not Seat.objects.filter(pk__in=[seat.pk for seat in stays], removed_at__isnull=False).exists()


def test_looking_for_former_colleagues_costs_the_same_however_many_are_live(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(4):
        make_live_member()
    with django_assert_num_queries(2):
        assert put_out_former_colleagues() == 0
