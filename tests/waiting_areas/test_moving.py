"""Callers who are taken elsewhere: into another call, into another area (rules W4, W6)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import AccessRecord
from calls import events as call_events
from calls.models import Call, Seat
from calls.relay.terms import EndReason, GoneReason
from calls.services import open_call, reserve_seat, store_end
from core.errors import Conflict, DomainError, NotAllowed
from tests.rooms.factories import make_member, make_room
from tests.waiting_areas.acts import (
    be_live,
    consult,
    go,
    live_in_room,
    relay_answers,
    status_of,
)
from tests.waiting_areas.factories import go_live, make_area, make_caller, make_staff
from waiting_areas import services
from waiting_areas.errors import AlreadySeen
from waiting_areas.listing import list_callers
from waiting_areas.models import AreaRole, Caller
from waiting_areas.services import staff
from waiting_areas.states import LeftReason, Status
from waiting_areas.whereabouts import find_one

pytestmark = pytest.mark.django_db(transaction=True)


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

    def test_a_seat_that_nobody_needs_after_all_is_given_back(
        self, relay: list[call_events.Message], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """They left while the relay was asked: the seat is free again for the next, not in half a minute."""
        caller = make_caller()
        nina = make_staff(caller.area)
        live_in_room(caller.area, nina)

        def reserve(*, call: Call, identity: str) -> None:
            reserve_seat(call=call, identity=identity)
            services.leave(caller=caller, now=timezone.now())

        monkeypatch.setattr(staff, "reserve_seat", reserve)
        with pytest.raises(Conflict) as refused:
            services.fetch_into_call(caller=caller, by=nina)
        assert refused.value.code == "left"
        assert [(asked["identity"], asked["seconds"]) for asked in relay] == [
            (caller.identity, 30.0),
            (caller.identity, 0),
        ]

    def test_the_seat_stays_for_whom_a_colleague_has_brought_meanwhile(
        self, relay: list[call_events.Message], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        caller = make_caller()
        nina, omar = make_staff(caller.area), make_staff(caller.area)
        call = live_in_room(caller.area, nina).call
        be_live(Seat.objects.create(call=call, identity=omar.identity, role="member", display_name="Omar"))

        def reserve(*, call: Call, identity: str) -> None:
            monkeypatch.setattr(staff, "reserve_seat", reserve_seat)
            reserve_seat(call=call, identity=identity)
            services.fetch_into_call(caller=caller, by=omar)

        monkeypatch.setattr(staff, "reserve_seat", reserve)
        with pytest.raises(Conflict) as refused:
            services.fetch_into_call(caller=caller, by=nina)
        assert refused.value.code == "already_here"
        assert [asked["seconds"] for asked in relay] == [30.0, 30.0]
        assert status_of(caller) is Status.BEING_SEEN

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

    def test_not_into_another_organisation_though_i_work_in_both(self) -> None:
        """What is known of somebody stays with the organisation they came to (hazard H8)."""
        caller, other = make_caller(), make_area()
        nina = make_staff(caller.area)
        nina.organisations.add(other.organisation)
        AreaRole.objects.create(area=other, user=nina)
        with pytest.raises(DomainError) as refused:
            services.transfer(caller=caller, to=other, by=nina)
        assert refused.value.code == "other_organisation"
        assert Caller.objects.get().area == caller.area

    def test_not_into_the_same_area(self) -> None:
        caller = make_caller()
        with pytest.raises(Conflict) as refused:
            services.transfer(caller=caller, to=caller.area, by=make_staff(caller.area))
        assert refused.value.code == "same_area"
