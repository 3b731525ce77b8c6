"""What changes an area, and who is told of what (rules W2, W7; hazards H8, H23)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import AccessRecord, User
from calls import events as call_events
from calls.relay.terms import GoneReason
from core.errors import Conflict, DomainError, NotAllowed
from tests.accounts.factories import make_user
from tests.waiting_areas.acts import (
    arrive,
    be_live,
    consult,
    go,
    live_in_room,
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


class TestRoles:
    """Rule W7."""

    @pytest.fixture
    def ordered(self, monkeypatch: pytest.MonkeyPatch) -> list[call_events.Message]:
        """What the relay is told."""
        ordered: list[call_events.Message] = []
        monkeypatch.setattr(call_events, "order_node", lambda node, message: ordered.append(message))
        return ordered

    @staticmethod
    def lose_role(user: User, deed: str, area: WaitingArea) -> None:
        held, by = AreaRole.objects.get(user=user, area=area), make_staff(area, AreaRole.Role.ADMINISTRATOR)
        if deed == "take":
            services.take_role(role=held, by=by)
        else:
            services.change_role(held=held, role=AreaRole.Role.REFERRER, by=by)

    @pytest.mark.parametrize("deed", ["take", "refer only"])
    def test_who_may_no_longer_see_callers_is_put_out_of_the_consultation(
        self, deed: str, ordered: list[call_events.Message]
    ) -> None:
        """Rules C7 and W7: nobody listens on in a call that is no longer theirs."""
        caller = make_caller()
        nina = make_staff(caller.area)
        theirs, callers = consult(caller, nina)
        self.lose_role(nina, deed, caller.area)
        assert ordered == [call_events.relay_remove(call_id=theirs.call_id, participant_id=theirs.pk)]
        theirs.refresh_from_db()
        callers.refresh_from_db()
        assert theirs.removed_at is not None
        assert callers.removed_at is None
        assert AccessRecord.objects.filter(act="call.participant_removed", place=caller.place).exists()

    def test_a_role_that_still_sees_callers_keeps_them_in(self, ordered: list[call_events.Message]) -> None:
        caller = make_caller()
        nina = make_staff(caller.area)
        theirs, _callers = consult(caller, nina)
        held = AreaRole.objects.get(user=nina)
        changed = services.change_role(
            held=held, role=AreaRole.Role.COORDINATOR, by=make_staff(caller.area, AreaRole.Role.ADMINISTRATOR)
        )
        assert changed.role == AreaRole.Role.COORDINATOR
        theirs.refresh_from_db()
        assert (theirs.removed_at, ordered) == (None, [])

    def test_calls_of_other_places_are_left_alone(self, ordered: list[call_events.Message]) -> None:
        """A room they are a member of, and a caller of another area that they still see."""
        area, other = make_area(), make_caller()
        nina = make_staff(area)
        theirs = live_in_room(area, nina)
        AreaRole.objects.create(area=other.area, user=nina, role=AreaRole.Role.PROVIDER)
        nina.organisations.add(other.area.organisation)
        services.join_call(caller=other, by=nina, leave_other=True)
        self.lose_role(nina, "take", area)
        theirs.refresh_from_db()
        assert (theirs.removed_at, ordered) == (None, [])

    @pytest.mark.usefixtures("relay_away")
    def test_the_role_is_gone_though_the_relay_cannot_be_told(self) -> None:
        """Hazard H22: calls.sweep tells it again."""
        caller = make_caller()
        nina = make_staff(caller.area)
        theirs, _callers = consult(caller, nina)
        self.lose_role(nina, "take", caller.area)
        theirs.refresh_from_db()
        assert theirs.removed_at is not None
        assert not AreaRole.objects.filter(user=nina).exists()

    def test_nobody_is_given_a_second_role_nor_one_that_was_taken_away_meanwhile(self) -> None:
        area = make_area()
        omar, by = make_staff(area), make_staff(area, AreaRole.Role.ADMINISTRATOR)
        held = AreaRole.objects.get(user=omar)
        with pytest.raises(Conflict) as refused:
            services.add_role(area=area, user=omar, role=AreaRole.Role.ADMINISTRATOR, by=by)
        assert refused.value.code == "has_role"
        held.refresh_from_db()
        assert held.role == AreaRole.Role.PROVIDER
        services.take_role(role=AreaRole.objects.get(user=omar), by=by)
        with pytest.raises(Conflict) as refused:
            services.change_role(held=held, role=AreaRole.Role.COORDINATOR, by=by)
        assert refused.value.code == "role_taken"
        assert not AreaRole.objects.filter(user=omar).exists()

    def test_a_role_is_given_to_colleagues_only(self) -> None:
        area = make_area()
        with pytest.raises(DomainError) as refused:
            services.add_role(area=area, user=make_user(), role=AreaRole.Role.PROVIDER, by=make_staff(area))
        assert refused.value.code == "not_a_colleague"
