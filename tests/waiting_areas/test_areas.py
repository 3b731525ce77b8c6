"""What changes an area, and who is told of what (rules W2, W7; hazards H8, H23)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from calls.relay.terms import GoneReason
from core.errors import Conflict, DomainError, NotAllowed
from tests.waiting_areas.acts import (
    arrive,
    be_live,
    consult,
    go,
    status_of,
)
from tests.waiting_areas.factories import make_area, make_caller, make_staff
from waiting_areas import events, services, upkeep
from waiting_areas.listing import list_areas, list_callers
from waiting_areas.models import AreaRole, CallerEvent, WaitingArea
from waiting_areas.states import Status

pytestmark = pytest.mark.django_db(transaction=True)


class TestTelling:
    """Who hears of what (hazard H8): an event goes to the groups of the area concerned and of the caller, no other."""

    @pytest.fixture
    def told(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
        told: list[tuple[str, str]] = []
        monkeypatch.setattr(events, "_tell", lambda group, message: told.append((group, message["type"])))
        return told

    def test_an_arrival_is_told_to_the_area_alone(self, told: list[tuple[str, str]]) -> None:
        area = make_area()
        make_area(organisation=area.organisation)
        caller = arrive(area)
        assert told == [
            (events.area_group(area.pk), "area.arrived"),
            (events.area_group(area.pk), "area.changed"),
            (events.caller_group(caller.pk), "caller.changed"),
        ]

    def test_a_renewal_that_changes_nothing_is_told_to_nobody(self, told: list[tuple[str, str]]) -> None:
        caller = make_caller()
        services.renew(caller_id=caller.pk, now=timezone.now())
        assert told == []

    def test_who_joins_and_leaves_the_callers_call_is_told(self, told: list[tuple[str, str]]) -> None:
        caller = make_caller()
        theirs = services.join_call(caller=caller, by=make_staff(caller.area))
        told.clear()
        be_live(theirs)
        assert (events.area_group(caller.area_id), "area.changed") in told
        told.clear()
        go(theirs, GoneReason.LOST)
        assert (events.area_group(caller.area_id), "area.changed") in told

    def test_a_lapsed_lease_is_told_once_it_shows(self, told: list[tuple[str, str]]) -> None:
        caller = make_caller()
        upkeep.let_lapsed_go(timezone.now() + timedelta(seconds=32))
        assert told == [(events.area_group(caller.area_id), "area.changed")]

    def test_no_event_carries_anything_personal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Hazard H23."""
        said: list[str] = []
        monkeypatch.setattr(events, "_tell", lambda group, message: said.append(repr((group, message))))
        caller = arrive(make_area())
        services.send_message(caller=caller, text="Please wait", by=make_staff(caller.area))
        services.phone_instead(caller=caller, now=timezone.now())
        assert said
        assert not [line for line in said for part in ("Gail", "01632", "Please") if part in line]


def test_a_list_of_many_costs_no_more_queries_than_one_of_few(django_assert_num_queries: Any) -> None:
    area = make_area()
    for _ in range(10):
        consult(make_caller(area=area), make_staff(area))
    with django_assert_num_queries(3):
        assert len(list_callers([area], now=timezone.now())) == 10


def test_areas_are_counted_with_those_who_wait_and_the_longest_wait() -> None:
    """Rule W3."""
    area = make_area()
    empty = make_area(organisation=area.organisation)
    longest = make_caller(area=area, waited=timedelta(minutes=30))
    make_caller(area=area, waited=timedelta(minutes=3))
    consult(make_caller(area=area, waited=timedelta(minutes=60)), make_staff(area))
    first, second = list_areas([area, empty], now=timezone.now())
    assert (first.waiting, first.being_seen, first.longest_since) == (2, 1, longest.arrived_at)
    assert (second.waiting, second.being_seen, second.longest_since) == (0, 0, None)


class TestAreas:
    def test_suspend_and_restore(self) -> None:
        area = make_area()
        by = make_staff(area, AreaRole.Role.COORDINATOR)
        services.suspend(area=area, message_to_callers="Back at two.", message_to_staff="Power cut.", by=by)
        area.refresh_from_db()
        assert not area.lets_in(timezone.now())
        with pytest.raises(Conflict):
            services.suspend(area=area, message_to_callers="", message_to_staff="", by=by)
        services.restore(area=area, by=by)
        area.refresh_from_db()
        assert area.lets_in(timezone.now())
        with pytest.raises(Conflict):
            services.restore(area=area, by=by)

    def test_a_reset_link_keeps_those_inside_and_a_second_press_changes_nothing(self) -> None:
        caller = make_caller()
        by = make_staff(caller.area)
        services.reset_link(area=caller.area, seen_generation=1, by=by)
        with pytest.raises(Conflict):
            services.reset_link(area=caller.area, seen_generation=1, by=by)
        assert WaitingArea.objects.get().link_generation == 2
        assert status_of(caller) is Status.WAITING

    def test_an_area_is_not_deleted_over_somebodys_head(self) -> None:
        caller = make_caller()
        by = make_staff(caller.area)
        with pytest.raises(DomainError) as refused:
            services.delete_area(area=caller.area, by=by)
        assert refused.value.code == "not_empty"
        assert WaitingArea.objects.standing().exists()
        services.finish(caller=caller, by=by)
        services.delete_area(area=caller.area, by=by)
        assert not WaitingArea.objects.standing().exists()

    def test_a_message_to_everybody_is_the_coordinators(self) -> None:
        caller = make_caller()
        make_caller()  # in another area
        with pytest.raises(NotAllowed):
            services.send_message_to_all(area=caller.area, text="Fire drill", by=make_staff(caller.area))
        coordinator = make_staff(caller.area, AreaRole.Role.COORDINATOR)
        assert services.send_message_to_all(area=caller.area, text="Fire drill", by=coordinator) == 1
        assert CallerEvent.objects.get().caller == caller
