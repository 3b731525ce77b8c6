from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from calls import services
from calls.models import Call
from calls.relay.terms import EndReason, GoneReason
from calls.sweep import sweep
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


@pytest.mark.parametrize(("expires_in", "swept"), [(2.0, 0), (-10.0, 0), (-16.0, 1)])
def test_the_sweep_leaves_alone_what_a_relay_holds_or_held_a_moment_ago(expires_in: float, swept: int) -> None:
    make_lease("n1", expires_in=expires_in)
    make_call(node="n1", member_deadline=ago(600))
    assert sweep(NOW) == swept
