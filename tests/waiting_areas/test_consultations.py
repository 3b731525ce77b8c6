"""Join, hold, finish: what staff do to a caller in their own call (rules W4, W5, W9)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import AccessRecord
from calls.models import Call, Seat
from calls.relay.terms import EndReason, GoneReason
from calls.services import end_call, remove_participant, store_end
from core.errors import Conflict, DomainError, NotAllowed
from tests.waiting_areas.acts import (
    be_live,
    consult,
    go,
    live_in_room,
    own_seat,
    status_of,
)
from tests.waiting_areas.factories import go_live, make_area, make_caller, make_staff
from waiting_areas import services, upkeep
from waiting_areas.errors import AlreadySeen
from waiting_areas.models import AreaRole, Caller
from waiting_areas.states import LeftReason, Status

pytestmark = pytest.mark.django_db(transaction=True)


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
