"""What callers and staff do, every success and every refusal (rules W1 to W9)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.models import AccessRecord, User
from calls import events as call_events
from calls.models import Call, Seat
from calls.relay.terms import EndReason, GoneReason
from calls.services import bring, close_attendance, end_call, open_attendance, open_call, remove_participant, store_end
from core.errors import Conflict, DomainError, NotAllowed
from tests.rooms.factories import make_member, make_room
from tests.waiting_areas.factories import go_live, make_area, make_caller, make_staff
from waiting_areas import events, services, upkeep
from waiting_areas.errors import AlreadySeen, DeadLink, NotOpen
from waiting_areas.listing import list_areas, list_callers
from waiting_areas.models import AreaRole, Caller, CallerEvent, WaitingArea
from waiting_areas.services import Details, Phrase
from waiting_areas.states import LeftReason, Status
from waiting_areas.whereabouts import find_one

pytestmark = pytest.mark.django_db(transaction=True)
GAIL = Details(name="Gail Grey", telephone="01632 960 123")


def arrive(area: WaitingArea, details: Details = GAIL, **overrides: Any) -> Caller:
    given = {"generation": area.link_generation, "arrival": uuid4(), "now": timezone.now()} | overrides
    return services.arrive(area=area, details=details, **given)


def status_of(caller: Caller) -> Status:
    caller.refresh_from_db()
    return find_one(caller, now=timezone.now()).status


def own_seat(caller: Caller) -> Seat:
    return Seat.objects.standing().get(identity=caller.identity)


def be_live(seat: Seat, node: str = "node") -> None:
    """At the relay, as it would store it."""
    Call.objects.filter(pk=seat.call_id).update(node=node)
    open_attendance(seat_id=seat.pk, node=node, at=timezone.now())


def go(seat: Seat, reason: GoneReason, node: str = "node") -> None:
    close_attendance(seat_id=seat.pk, node=node, at=timezone.now(), reason=reason)


def consult(caller: Caller, provider: User) -> tuple[Seat, Seat]:
    """The provider's seat and the caller's, both live."""
    theirs = services.join_call(caller=caller, by=provider)
    be_live(theirs)
    callers = own_seat(caller)
    be_live(callers)
    return theirs, callers


def live_in_room(area: WaitingArea, provider: User) -> Seat:
    """The provider live in a meeting room's call, which stands on a node."""
    room = make_room(organisation=area.organisation)
    seat = Seat.objects.create(
        call=open_call(place=room.place), identity=provider.identity, role="member", display_name=provider.name
    )
    be_live(seat)
    return seat


@pytest.fixture
def relay(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[call_events.Message]]:
    """What was asked of the relay; it answers with the first of `answers` that is left, else that the seat is kept."""
    asked: list[call_events.Message] = []

    async def answer(node: str, message: call_events.Message) -> call_events.Message:
        asked.append(message)
        return call_events.seat_reserved()

    monkeypatch.setattr(call_events, "ask_node", answer)
    return asked


def relay_answers(monkeypatch: pytest.MonkeyPatch, reply: call_events.Message | None) -> None:
    async def answer(node: str, message: call_events.Message) -> call_events.Message | None:
        return reply

    monkeypatch.setattr(call_events, "ask_node", answer)


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


class TestJoining:
    """Rules W4, W5."""

    def test_the_provider_is_a_member_and_the_caller_a_guest_of_one_call(self) -> None:
        caller = make_caller(name="Gail")
        provider = make_staff(caller.area, name="Nina")
        seat = services.join_call(caller=caller, by=provider)
        assert seat.call.place == caller.place
        assert {(s.identity, s.role, s.display_name) for s in seat.call.seats.all()} == {
            (provider.identity, "member", "Nina"),
            (caller.identity, "guest", "Gail"),
        }
        assert status_of(caller) is Status.BEING_SEEN

    def test_a_colleague_is_asked_first(self) -> None:
        caller = make_caller()
        nina, omar = make_staff(caller.area), make_staff(caller.area)
        seat = services.join_call(caller=caller, by=nina)
        with pytest.raises(AlreadySeen) as asked:
            services.join_call(caller=caller, by=omar)
        assert asked.value.message == "This person is already in a video call with another service provider"
        assert not Seat.objects.filter(identity=omar.identity).exists()
        assert services.join_call(caller=caller, by=omar, even_if_seen=True).call == seat.call

    def test_the_caller_who_is_in_the_call_keeps_seat_and_number_when_a_second_provider_comes(self) -> None:
        caller = make_caller()
        consult(caller, make_staff(caller.area))
        services.join_call(caller=caller, by=make_staff(caller.area), even_if_seen=True)
        assert own_seat(caller).connection == 1

    def test_a_provider_who_never_came_stands_in_nobodys_way_after_a_minute(self) -> None:
        caller = make_caller()
        services.join_call(caller=caller, by=make_staff(caller.area))
        Seat.objects.update(pressed_at=timezone.now() - timedelta(seconds=61))
        assert status_of(caller) is Status.WAITING
        assert services.join_call(caller=caller, by=make_staff(caller.area))

    def test_the_same_provider_again_is_asked_nothing(self) -> None:
        caller = make_caller()
        nina = make_staff(caller.area)
        services.join_call(caller=caller, by=nina)
        assert services.join_call(caller=caller, by=nina).connection == 2

    @pytest.mark.parametrize("role", [AreaRole.Role.REFERRER, None])
    def test_only_staff_of_the_area_who_see_its_callers_join(self, role: str | None) -> None:
        caller = make_caller()
        by = make_staff(caller.area, role) if role else make_staff(make_area(organisation=caller.area.organisation))
        for act in (services.join_call, services.put_on_hold, services.finish):
            with pytest.raises(NotAllowed) as refused:
                act(caller=caller, by=by)
            assert refused.value.code == "no_role"
        assert not Call.objects.exists()

    def test_nobody_joins_somebody_who_has_left(self) -> None:
        caller = make_caller(left_at=timezone.now(), left_reason=LeftReason.LEFT)
        with pytest.raises(Conflict):
            services.join_call(caller=caller, by=make_staff(caller.area))

    def test_a_provider_live_elsewhere_is_asked_to_leave_the_other_call(self) -> None:
        """Rule C4."""
        caller = make_caller()
        nina = make_staff(caller.area)
        live_in_room(caller.area, nina)
        with pytest.raises(DomainError) as asked:
            services.join_call(caller=caller, by=nina)
        assert asked.value.code == "in_another_call"
        assert services.join_call(caller=caller, by=nina, leave_other=True)


class TestHoldAndFinish:
    """Rule W9."""

    def test_a_caller_is_on_hold_when_the_last_provider_has_left(self) -> None:
        caller = make_caller(waited=timedelta(minutes=7))
        theirs, callers = consult(caller, make_staff(caller.area))
        go(theirs, GoneReason.LEFT)
        go(callers, GoneReason.ENDED)
        store_end(call_id=theirs.call_id, node="node", reason=EndReason.ON_HOLD, at=timezone.now())
        assert status_of(caller) is Status.ON_HOLD
        assert caller.arrived_at == Caller.objects.get().arrived_at

    def test_put_on_hold_ends_the_call_and_keeps_the_place(self) -> None:
        caller = make_caller()
        nina = make_staff(caller.area)
        theirs = services.join_call(caller=caller, by=nina)
        go_live(theirs)
        services.put_on_hold(caller=caller, by=nina)
        assert Call.objects.get().end_reason == EndReason.ON_HOLD
        assert status_of(caller) is Status.ON_HOLD
        assert AccessRecord.objects.filter(act="caller.held", actor=nina).exists()

    def test_somebody_on_hold_is_joined_again_in_a_new_call(self) -> None:
        caller = make_caller()
        nina = make_staff(caller.area)
        first = services.join_call(caller=caller, by=nina)
        go_live(first)
        services.put_on_hold(caller=caller, by=nina)
        second = services.join_call(caller=caller, by=nina)
        assert second.call != first.call
        assert status_of(caller) is Status.BEING_SEEN

    def test_nobody_is_put_on_hold_who_is_with_nobody(self) -> None:
        caller = make_caller()
        with pytest.raises(Conflict) as refused:
            services.put_on_hold(caller=caller, by=make_staff(caller.area))
        assert refused.value.code == "not_in_call"

    def test_finish_takes_them_off_the_list_and_ends_the_call(self) -> None:
        caller = make_caller()
        nina = make_staff(caller.area)
        services.join_call(caller=caller, by=nina)
        services.finish(caller=caller, by=nina)
        caller.refresh_from_db()
        assert caller.left_reason == LeftReason.FINISHED
        assert Call.objects.get().end_reason == EndReason.MEMBER_ENDED
        with pytest.raises(Conflict):
            services.finish(caller=caller, by=nina)

    def test_end_call_for_all_is_finish(self) -> None:
        caller = make_caller()
        theirs, _callers = consult(caller, make_staff(caller.area))
        store_end(call_id=theirs.call_id, node="node", reason=EndReason.MEMBER_ENDED, at=timezone.now())
        caller.refresh_from_db()
        assert caller.left_reason == LeftReason.FINISHED

    def test_a_call_that_ran_empty_leaves_the_caller_in_their_place(self) -> None:
        caller = make_caller()
        theirs = services.join_call(caller=caller, by=make_staff(caller.area))
        end_call(call=theirs.call, reason=EndReason.EMPTY)
        assert status_of(caller) is Status.WAITING

    def test_leave_in_the_call_is_leaving_the_area(self) -> None:
        caller = make_caller()
        _theirs, callers = consult(caller, make_staff(caller.area))
        go(callers, GoneReason.LEFT)
        caller.refresh_from_db()
        assert caller.left_reason == LeftReason.LEFT

    def test_whoever_drops_out_of_the_call_is_reconnecting_and_being_seen_again_when_back(self) -> None:
        caller = make_caller(last_seen_at=timezone.now() - timedelta(minutes=5))
        _theirs, callers = consult(caller, make_staff(caller.area))
        assert status_of(caller) is Status.BEING_SEEN
        go(callers, GoneReason.LOST)
        Caller.objects.update(last_seen_at=timezone.now() - timedelta(seconds=40))
        assert status_of(caller) is Status.RECONNECTING
        be_live(callers)
        assert status_of(caller) is Status.BEING_SEEN

    def test_somebody_live_in_a_call_is_not_lost_for_lack_of_a_waiting_page(self) -> None:
        caller = make_caller()
        consult(caller, make_staff(caller.area))
        later = timezone.now() + timedelta(hours=1)
        assert upkeep.let_lapsed_go(later) == 0

    def test_whoever_is_disconnected_by_staff_has_left(self) -> None:
        """Rule W4, Participants."""
        caller = make_caller()
        nina = make_staff(caller.area)
        _theirs, callers = consult(caller, nina)
        remove_participant(seat=callers, by=nina.identity)
        go(callers, GoneReason.REMOVED)
        caller.refresh_from_db()
        assert caller.left_reason == LeftReason.REMOVED


class TestFetching:
    """Rule W6: the caller's page goes to the call the provider is in, whatever kind it is."""

    def test_the_seat_is_reserved_first_and_the_caller_is_being_seen_there(
        self, relay: list[call_events.Message]
    ) -> None:
        caller = make_caller(name="Gail")
        nina = make_staff(caller.area)
        theirs = live_in_room(caller.area, nina)
        seat = services.fetch_into_call(caller=caller, by=nina)
        assert (seat.call, seat.role, seat.display_name) == (theirs.call, "guest", "Gail")
        assert seat.brought_from == caller.place
        assert [(asked["type"], asked["identity"]) for asked in relay] == [("relay.reserve", caller.identity)]
        assert status_of(caller) is Status.BEING_SEEN
        record = AccessRecord.objects.get(act="caller.fetched")
        assert (record.actor, record.place, record.detail) == (nina, caller.place, theirs.call.place)

    @pytest.mark.parametrize(
        ("reply", "code"),
        [
            (call_events.seat_refused(about="reserve", code="full", message=""), "full"),
            (call_events.seat_refused(about="reserve", code="removed", message=""), "removed"),
            (call_events.seat_refused(about="reserve", code="no_such_call", message=""), "ended"),
            (None, "unavailable"),
        ],
    )
    def test_without_a_seat_nothing_changes(
        self, monkeypatch: pytest.MonkeyPatch, reply: call_events.Message | None, code: str
    ) -> None:
        caller = make_caller()
        nina = make_staff(caller.area)
        live_in_room(caller.area, nina)
        relay_answers(monkeypatch, reply)
        with pytest.raises(DomainError) as refused:
            services.fetch_into_call(caller=caller, by=nina)
        assert refused.value.code == code
        assert status_of(caller) is Status.WAITING
        assert not caller.events.exists()
        assert not Seat.objects.filter(identity=caller.identity).exists()

    def test_a_provider_in_no_call_is_told_so(self, relay: list[call_events.Message]) -> None:
        caller = make_caller()
        with pytest.raises(DomainError) as refused:
            services.fetch_into_call(caller=caller, by=make_staff(caller.area))
        assert refused.value.code == "not_in_call"
        assert relay == []

    def test_a_member_of_the_room_without_a_role_in_the_area_fetches_nobody(
        self, relay: list[call_events.Message]
    ) -> None:
        caller = make_caller()
        stranger = make_staff(make_area(organisation=caller.area.organisation))
        live_in_room(caller.area, stranger)
        with pytest.raises(NotAllowed):
            services.fetch_into_call(caller=caller, by=stranger)
        assert relay == []

    def test_somebody_with_a_colleague_is_asked_about_first(self, relay: list[call_events.Message]) -> None:
        caller = make_caller()
        omar, nina = make_staff(caller.area), make_staff(caller.area)
        _theirs, callers = consult(caller, omar)
        live_in_room(caller.area, nina)
        with pytest.raises(AlreadySeen):
            services.fetch_into_call(caller=caller, by=nina)
        assert relay == []
        seat = services.fetch_into_call(caller=caller, by=nina, even_if_seen=True)
        go(callers, GoneReason.LEFT)  # the page that was moved leaves the call it was in
        assert status_of(caller) is Status.BEING_SEEN
        assert find_one(caller, now=timezone.now()).seat == seat

    def test_somebody_who_is_there_already_is_not_fetched_again(self, relay: list[call_events.Message]) -> None:
        caller = make_caller()
        nina = make_staff(caller.area)
        live_in_room(caller.area, nina)
        services.fetch_into_call(caller=caller, by=nina)
        with pytest.raises(Conflict) as refused:
            services.fetch_into_call(caller=caller, by=nina)
        assert refused.value.code == "already_here"

    def test_into_a_consultation_with_somebody_else(self, relay: list[call_events.Message]) -> None:
        area = make_area()
        nina = make_staff(area)
        first, second = make_caller(area=area), make_caller(area=area)
        theirs, _callers = consult(first, nina)
        seat = services.fetch_into_call(caller=second, by=nina)
        assert seat.call == theirs.call
        assert status_of(second) is Status.BEING_SEEN

    def test_when_that_call_ends_they_are_at_the_end_of_it(self, relay: list[call_events.Message]) -> None:
        """And reach the area's end page, with Rejoin (rule W9)."""
        caller = make_caller()
        nina = make_staff(caller.area)
        theirs = live_in_room(caller.area, nina)
        services.fetch_into_call(caller=caller, by=nina)
        store_end(call_id=theirs.call_id, node="node", reason=EndReason.EMPTY, at=timezone.now())
        caller.refresh_from_db()
        assert caller.left_reason == LeftReason.FINISHED

    def test_whoever_drops_may_rejoin_the_call_they_were_fetched_into(self, relay: list[call_events.Message]) -> None:
        caller = make_caller()
        nina = make_staff(caller.area)
        live_in_room(caller.area, nina)
        seat = services.fetch_into_call(caller=caller, by=nina)
        be_live(seat)
        go(seat, GoneReason.LOST)
        where = find_one(Caller.objects.get(), now=timezone.now())
        assert where.is_called
        assert where.seat == seat

    def test_put_on_hold_takes_them_back_to_their_place_and_they_may_be_fetched_again(
        self, relay: list[call_events.Message]
    ) -> None:
        caller = make_caller()
        nina = make_staff(caller.area)
        theirs = live_in_room(caller.area, nina)
        seat = services.fetch_into_call(caller=caller, by=nina)
        be_live(seat)
        services.put_on_hold(caller=caller, by=nina)
        go(seat, GoneReason.LEFT)
        assert status_of(caller) is Status.ON_HOLD
        assert Call.objects.get(pk=theirs.call_id).ended_at is None
        assert services.fetch_into_call(caller=caller, by=nina).connection > seat.connection

    def test_a_colleague_who_may_not_enter_the_room_cannot_join_them_there(
        self, relay: list[call_events.Message]
    ) -> None:
        caller = make_caller()
        nina, omar = make_staff(caller.area), make_staff(caller.area)
        live_in_room(caller.area, nina)
        services.fetch_into_call(caller=caller, by=nina)
        with pytest.raises(NotAllowed) as refused:
            services.join_call(caller=caller, by=omar)
        assert refused.value.code == "elsewhere"

    def test_a_member_of_the_room_joins_them_there_after_the_question(self, relay: list[call_events.Message]) -> None:
        caller = make_caller()
        room = make_room(organisation=caller.area.organisation)
        nina = make_member(room)
        AreaRole.objects.create(area=caller.area, user=nina)
        seat = Seat.objects.create(
            call=open_call(place=room.place), identity=nina.identity, role="member", display_name="Nina"
        )
        be_live(seat)
        services.fetch_into_call(caller=caller, by=nina)
        assert services.join_call(caller=caller, by=nina).call == seat.call


class TestTransferring:
    """Rule W4: with the original waiting time, and a note."""

    def test_a_caller_waits_in_the_other_area_since_they_came(self) -> None:
        dermatology = make_area(name="Dermatology")
        physiotherapy = make_area(name="Physiotherapy", organisation=dermatology.organisation)
        nina = make_staff(dermatology, name="Nina")
        AreaRole.objects.create(area=physiotherapy, user=nina, role=AreaRole.Role.REFERRER)
        caller = make_caller(area=dermatology, waited=timedelta(minutes=12))
        services.transfer(caller=caller, to=physiotherapy, by=nina)
        assert list_callers([dermatology], now=timezone.now()) == []
        [line] = list_callers([physiotherapy], now=timezone.now())
        assert line.caller.arrived_at == caller.arrived_at
        assert line.note == "transferred by Nina from Dermatology"
        assert line.status is Status.WAITING

    def test_out_of_a_call_with_me_they_wait_anew_there(self) -> None:
        area = make_area()
        other = make_area(organisation=area.organisation)
        nina = make_staff(area)
        AreaRole.objects.create(area=other, user=nina)
        caller = make_caller(area=area)
        theirs = services.join_call(caller=caller, by=nina)
        go_live(theirs)
        services.transfer(caller=caller, to=other, by=nina)
        assert Call.objects.get().end_reason == EndReason.ON_HOLD
        assert status_of(caller) is Status.WAITING

    def test_into_an_area_without_a_role_nobody_is_transferred(self) -> None:
        caller = make_caller()
        for other in (make_area(organisation=caller.area.organisation), make_area()):
            with pytest.raises(NotAllowed):
                services.transfer(caller=caller, to=other, by=make_staff(caller.area))
        assert Caller.objects.get().area == caller.area

    def test_not_into_the_same_area(self) -> None:
        caller = make_caller()
        with pytest.raises(Conflict) as refused:
            services.transfer(caller=caller, to=caller.area, by=make_staff(caller.area))
        assert refused.value.code == "same_area"


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
