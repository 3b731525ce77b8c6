"""What callers do: arrive, wait, answer, leave; every success and every refusal (rules W1, W4, W8)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.models import AccessRecord
from calls.relay.terms import EndReason, GoneReason
from calls.services import bring, store_end
from core.errors import Conflict, DomainError
from tests.waiting_areas.acts import (
    arrive,
    be_live,
    consult,
    go,
    live_in_room,
    own_seat,
    status_of,
)
from tests.waiting_areas.factories import make_area, make_caller, make_staff
from waiting_areas import services, upkeep
from waiting_areas.errors import DeadLink, NotOpen
from waiting_areas.listing import list_callers
from waiting_areas.models import Caller
from waiting_areas.services import Phrase
from waiting_areas.states import LeftReason, Status
from waiting_areas.whereabouts import find_one

pytestmark = pytest.mark.django_db(transaction=True)


class TestArriving:
    def test_a_caller_waits_from_the_moment_they_come(self) -> None:
        area = make_area()
        caller = arrive(area)
        assert status_of(caller) is Status.WAITING
        assert [line.caller.name for line in list_callers([area], now=timezone.now())] == ["Gail Grey"]
        assert [event.what for event in caller.events.all()] == ["arrived"]
        assert AccessRecord.objects.get().act == "caller.arrived"

    def test_a_form_sent_twice_is_one_caller(self) -> None:
        area, arrival = make_area(), uuid4()
        assert arrive(area, arrival=arrival) == arrive(area, arrival=arrival)
        assert Caller.objects.count() == 1

    def test_a_form_sent_again_after_they_left_is_a_new_caller(self) -> None:
        area, arrival = make_area(), uuid4()
        services.leave(caller=arrive(area, arrival=arrival), now=timezone.now())
        assert status_of(arrive(area, arrival=arrival)) is Status.WAITING
        assert Caller.objects.count() == 2

    def test_a_link_that_was_reset_meanwhile_lets_nobody_in(self) -> None:
        area = make_area()
        services.reset_link(area=area, seen_generation=1, by=make_staff(area))
        with pytest.raises(DeadLink):
            arrive(area, generation=1)

    @pytest.mark.parametrize("always_open", [True, False])
    def test_a_suspended_area_lets_nobody_in_whatever_its_hours(self, always_open: bool) -> None:
        """Rule W2."""
        area = make_area(always_open=always_open)
        services.suspend(area=area, message_to_callers="", message_to_staff="", by=make_staff(area))
        with pytest.raises(NotOpen) as refused:
            arrive(area)
        assert refused.value.code == "suspended"

    def test_an_area_outside_its_hours_lets_nobody_in(self) -> None:
        with pytest.raises(NotOpen) as refused:
            arrive(make_area(always_open=False))
        assert refused.value.code == "closed"
        assert not Caller.objects.exists()


class TestWaiting:
    """Rule W8."""

    def test_the_lease_keeps_the_place_and_the_arrival_time(self) -> None:
        caller = make_caller(waited=timedelta(minutes=20))
        now = timezone.now() + timedelta(minutes=10)
        assert services.renew(caller_id=caller.pk, now=now)
        assert find_one(Caller.objects.get(), now=now + timedelta(seconds=29)).status is Status.WAITING
        assert Caller.objects.get().arrived_at == caller.arrived_at

    def test_a_lost_connection_is_reconnecting_and_comes_back_to_the_same_place(self) -> None:
        caller = make_caller(waited=timedelta(minutes=20))
        later = timezone.now() + timedelta(minutes=10)
        assert find_one(caller, now=later).status is Status.RECONNECTING
        assert upkeep.let_lapsed_go(later) == 0
        assert services.renew(caller_id=caller.pk, now=later)
        assert find_one(Caller.objects.get(), now=later).status is Status.WAITING
        assert Caller.objects.get().arrived_at == caller.arrived_at

    def test_after_the_areas_minutes_they_have_left(self) -> None:
        area = make_area(reconnecting_for=timedelta(minutes=5))
        caller = make_caller(area=area)
        assert upkeep.let_lapsed_go(timezone.now() + timedelta(minutes=6)) == 1
        caller.refresh_from_db()
        assert caller.left_reason == LeftReason.LOST
        assert list_callers([area], now=timezone.now()) == []

    def test_a_closed_page_is_gone_from_every_list_after_the_time_a_reload_takes(self) -> None:
        caller, now = make_caller(), timezone.now()
        services.close_page(caller=caller, now=now)
        assert upkeep.let_closed_go(now + timedelta(seconds=2)) == 0
        assert upkeep.let_closed_go(now + timedelta(seconds=3)) == 1
        caller.refresh_from_db()
        assert caller.left_reason == LeftReason.CLOSED

    def test_a_reload_keeps_place_and_time(self) -> None:
        caller, now = make_caller(waited=timedelta(minutes=5)), timezone.now()
        services.close_page(caller=caller, now=now)
        services.renew(caller_id=caller.pk, now=now + timedelta(seconds=1))
        assert upkeep.let_closed_go(now + timedelta(seconds=30)) == 0
        assert Caller.objects.get().arrived_at == caller.arrived_at

    def test_so_does_a_slow_one(self) -> None:
        caller, now = make_caller(waited=timedelta(minutes=5)), timezone.now()
        services.close_page(caller=caller, now=now)
        upkeep.let_closed_go(now + timedelta(seconds=4))
        assert services.renew(caller_id=caller.pk, now=now + timedelta(seconds=20))
        assert status_of(caller) is Status.WAITING
        assert caller.arrived_at == Caller.objects.get().arrived_at
        assert [event.what for event in caller.events.all()] == ["left", "returned"]

    @pytest.mark.parametrize("reason", [LeftReason.LEFT, LeftReason.FINISHED, LeftReason.REMOVED])
    def test_whoever_left_for_another_reason_does_not_come_back_by_a_reload(self, reason: LeftReason) -> None:
        caller = make_caller(left_at=timezone.now(), left_reason=reason)
        assert not services.renew(caller_id=caller.pk, now=timezone.now())
        assert not Caller.objects.inside().exists()

    def test_whoever_was_away_for_too_long_does_not_come_back_either(self) -> None:
        caller = make_caller(left_at=timezone.now(), left_reason=LeftReason.LOST)
        assert not services.renew(caller_id=caller.pk, now=timezone.now() + timedelta(minutes=16))

    def test_leave_is_at_once_and_twice_changes_nothing(self) -> None:
        caller = make_caller()
        services.leave(caller=caller, now=timezone.now())
        services.leave(caller=caller, now=timezone.now())
        assert [event.what for event in caller.events.all()] == ["left"]

    def test_a_page_that_comes_back_while_it_is_let_go_stays(self) -> None:
        """The row is read, the page returns, and only then would it be written."""
        now = timezone.now()
        caller = make_caller(closed_at=now)
        stale = Caller.objects.select_related("area").get()
        services.renew(caller_id=caller.pk, now=now)
        assert not upkeep._let_go(stale, LeftReason.CLOSED, now)
        assert status_of(caller) is Status.WAITING


class TestWaitingBesideACall:
    """While they are live in a call, the call watches over them, and no page of theirs; then the lease does again."""

    def test_a_page_left_over_that_closes_takes_nobody_off_the_list(self) -> None:
        caller, now = make_caller(), timezone.now()
        consult(caller, make_staff(caller.area))
        services.close_page(caller=caller, now=now)
        assert upkeep.let_closed_go(now + timedelta(seconds=10)) == 0
        assert status_of(caller) is Status.BEING_SEEN

    def test_a_long_call_that_ends_on_hold_was_no_absence(self) -> None:
        now = timezone.now()
        caller = make_caller(waited=timedelta(minutes=30))
        theirs, _callers = consult(caller, make_staff(caller.area))
        Caller.objects.update(last_seen_at=now - timedelta(minutes=14))  # as it was when the call began
        store_end(call_id=theirs.call_id, node="node", reason=EndReason.ON_HOLD, at=now)
        assert status_of(caller) is Status.ON_HOLD
        assert upkeep.let_lapsed_go(now + timedelta(minutes=14)) == 0

    def test_one_that_ends_after_they_were_lost_gives_them_no_more_time(self) -> None:
        now = timezone.now()
        caller = make_caller()
        theirs, callers = consult(caller, make_staff(caller.area))
        go(callers, GoneReason.LOST)
        Caller.objects.update(last_seen_at=now - timedelta(minutes=16))
        store_end(call_id=theirs.call_id, node="node", reason=EndReason.ON_HOLD, at=now)
        assert upkeep.let_lapsed_go(now) == 1

    def test_taken_back_out_of_a_long_call_they_are_waiting_and_not_away(self) -> None:
        caller = make_caller()
        nina = make_staff(caller.area)
        seat = bring(
            call=live_in_room(caller.area, nina).call,
            identity=caller.identity,
            display_name="Gail",
            brought_from=caller.place,
        )
        be_live(seat)
        Caller.objects.update(last_seen_at=timezone.now() - timedelta(minutes=14))
        services.put_on_hold(caller=caller, by=nina)
        go(seat, GoneReason.LEFT)
        assert status_of(caller) is Status.ON_HOLD

    def test_whoever_closed_the_page_and_turns_up_in_the_call_is_on_the_list_again(self) -> None:
        caller, now = make_caller(), timezone.now()
        services.join_call(caller=caller, by=make_staff(caller.area))
        services.close_page(caller=caller, now=now)
        assert upkeep.let_closed_go(now + timedelta(seconds=3)) == 1
        be_live(own_seat(caller))
        assert [line.caller for line in list_callers([caller.area], now=now)] == [caller]

    def test_whoever_was_finished_and_is_still_in_the_call_is_not(self) -> None:
        caller = make_caller()
        nina = make_staff(caller.area)
        services.join_call(caller=caller, by=nina)
        seat = own_seat(caller)
        services.leave(caller=caller, now=timezone.now())
        be_live(seat)
        assert not Caller.objects.inside().exists()


class TestAnswering:
    """Rule W4."""

    def test_set_phrases_go_both_ways(self) -> None:
        caller = make_caller()
        provider = make_staff(caller.area, name="Nina")
        services.send_message(caller=caller, text="We are running ten minutes late.", by=provider)
        services.reply(caller=caller, phrase=Phrase.CAN_WAIT)
        services.reply(caller=caller, phrase=Phrase.CAN_WAIT)  # pressed twice
        said = [(event.what, event.text) for event in caller.events.messages()]
        assert said == [("message", "We are running ten minutes late."), ("reply", "Thank you, I can wait.")]

    def test_there_is_an_end_to_replies(self) -> None:
        caller = make_caller()
        for number in range(50):
            services.reply(caller=caller, phrase=list(Phrase)[number % 2])
        with pytest.raises(DomainError) as refused:
            services.reply(caller=caller, phrase=Phrase.CAN_WAIT)
        assert refused.value.code == "too_many"

    def test_please_phone_me_instead_keeps_the_number_on_the_list_whatever_the_page_does(self) -> None:
        caller, now = make_caller(), timezone.now()
        services.phone_instead(caller=caller, now=now)
        services.close_page(caller=caller, now=now)
        assert upkeep.let_closed_go(now + timedelta(minutes=1)) == 0
        assert upkeep.let_lapsed_go(now + timedelta(hours=1)) == 0
        [line] = list_callers([caller.area], now=now)
        assert line.asks_for_phone
        with pytest.raises(Conflict) as refused:
            services.join_call(caller=caller, by=make_staff(caller.area))
        assert refused.value.code == "phone_instead"
        assert upkeep.let_lapsed_go(now + timedelta(days=2)) == 1

    def test_whoever_would_rather_wait_after_all_has_kept_the_place(self) -> None:
        caller = make_caller(waited=timedelta(minutes=9))
        services.phone_instead(caller=caller, now=timezone.now())
        services.wait_again(caller=caller, now=timezone.now())
        assert status_of(caller) is Status.WAITING
        assert not list_callers([caller.area], now=timezone.now())[0].asks_for_phone

    @pytest.mark.parametrize("act", ["reply", "phone_instead", "wait_again"])
    def test_nothing_is_answered_by_somebody_who_has_left(self, act: str) -> None:
        caller = make_caller(left_at=timezone.now(), left_reason=LeftReason.LEFT)
        given: dict[str, Any] = {"phrase": Phrase.CAN_WAIT} if act == "reply" else {"now": timezone.now()}
        with pytest.raises(Conflict):
            getattr(services, act)(caller=caller, **given)
