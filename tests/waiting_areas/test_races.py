"""Two providers press Join together (rule W5): each order, in threads and connections of their own. On SQLite writers
queue; PostgreSQL does not.
"""

from __future__ import annotations

import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import User
from calls.models import Call, Seat
from core.errors import Conflict, NotAllowed
from tests.calls.test_races import at_once
from tests.waiting_areas.factories import make_area, make_caller, make_staff
from waiting_areas import services, upkeep
from waiting_areas.errors import AlreadySeen
from waiting_areas.models import AreaRole, Caller
from waiting_areas.services import Details, staff

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 5


def press_join(caller: Caller, by: User) -> str:
    try:
        services.join_call(caller=caller, by=by)
    except AlreadySeen:
        return "asked"
    except Conflict as conflict:
        return conflict.code
    return "joined"


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_of_two_who_press_join_together_one_gets_the_caller_and_the_other_the_question(_round: int) -> None:
    caller = make_caller()
    providers = [make_staff(caller.area) for _ in range(2)]
    assert sorted(at_once(lambda number: press_join(caller, providers[number]), people=2)) == ["asked", "joined"]
    assert Call.objects.count() == 1
    assert Seat.objects.filter(role=Seat.Role.MEMBER).count() == 1


@pytest.mark.parametrize("first", [0, 1])
def test_whoever_holds_the_row_first_wins_in_both_orders(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loser has pressed Join before the winner has committed, and finds them there when its turn comes."""
    caller = make_caller()
    providers = [make_staff(caller.area) for _ in range(2)]
    winner, loser = providers[first], providers[1 - first]
    has_row, answers = threading.Event(), {}
    look = staff.find_one

    def look_slowly(current: Caller, **given: object) -> object:
        has_row.set()
        monkeypatch.setattr(staff, "find_one", look)
        late.start()
        late.join(0.3)  # it waits for the row
        return look(current, **given)  # type: ignore[arg-type]

    def press_late() -> None:
        answers["loser"] = press_join(caller, loser)
        connection.close()

    late = threading.Thread(target=press_late)
    monkeypatch.setattr(staff, "find_one", look_slowly)
    answers["winner"] = press_join(caller, winner)
    late.join(10)
    assert has_row.is_set()
    assert answers == {"winner": "joined", "loser": "asked"}


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_a_caller_who_leaves_while_somebody_joins_is_in_one_state(_round: int) -> None:
    caller = make_caller()
    provider = make_staff(caller.area)

    def act(number: int) -> str:
        if number == 0:
            return press_join(caller, provider)
        services.leave(caller=caller, now=timezone.now())
        return "gone"

    joined, _left = at_once(act, people=2)
    assert joined in ("joined", "left")
    assert not Caller.objects.inside().exists()


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_a_transfer_by_two_at_once_has_one_note(_round: int) -> None:
    area = make_area()
    others = [make_area(organisation=area.organisation) for _ in range(2)]
    caller = make_caller(area=area)
    providers = [make_staff(area) for _ in range(2)]
    for provider, other in zip(providers, others, strict=True):
        AreaRole.objects.create(area=other, user=provider, role=AreaRole.Role.REFERRER)

    def transfer(number: int) -> bool:
        try:
            services.transfer(caller=caller, to=others[number], by=providers[number])
        except NotAllowed:  # they are in an area of the other's by now
            return False
        return True

    assert sorted(at_once(transfer, people=2)) == [False, True]


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_a_form_sent_twice_at_once_is_one_caller(_round: int) -> None:
    area, arrival = make_area(), uuid4()
    details = Details(name="Gail", telephone="01632 960 123")

    def send(number: int) -> Caller:
        return services.arrive(
            area=area, generation=1, details=details, arrival=arrival, now=timezone.now() + timedelta(seconds=number)
        )

    assert len(set(at_once(send, people=2))) == 1
    assert Caller.objects.count() == 1


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_two_workers_let_a_lost_caller_go_once(_round: int) -> None:
    caller = make_caller()
    later = timezone.now() + timedelta(hours=1)
    assert sorted(at_once(lambda number: upkeep.let_lapsed_go(later), people=2)) == [0, 1]
    assert caller.events.count() == 1
