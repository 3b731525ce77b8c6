"""Who gets what at the addresses of a call (hazard H8). Of its socket: test_services.py, test_consumers.py."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver, reverse

from accounts.models import AccessRecord
from calls.models import Call, Seat
from calls.places import Act
from tests.accounts.factories import make_organisation, make_user
from tests.calls.factories import HALL, make_call, make_seat

pytestmark = pytest.mark.django_db(transaction=True)

GONE, REFUSED, SHOWN, ON, WRONG = 404, 403, 200, 302, 405

# By name and method: what the anonymous, a guest of another call, staff of another organisation, a colleague, a member
# without a seat, the guest and the member who have one get.
MATRIX = {
    ("show_call", "get"): (GONE, GONE, GONE, REFUSED, ON, SHOWN, SHOWN),
    ("show_call", "post"): (WRONG,) * 7,
    ("issue_ticket", "get"): (WRONG,) * 7,
    ("issue_ticket", "post"): (GONE, GONE, GONE, GONE, GONE, SHOWN, SHOWN),
    ("take_over", "get"): (WRONG,) * 7,
    ("take_over", "post"): (GONE, GONE, GONE, GONE, GONE, ON, ON),
}
WHO = ["anonymous", "guest elsewhere", "stranger", "colleague", "member", "guest inside", "member inside"]
OPEN_TO_ALL = {"show_device_test", "check_network"}  # test_device_test.py, test_network_check.py


@pytest.fixture(autouse=True)
def _nobody_is_barred() -> Iterator[None]:
    yield
    HALL.barred.clear()


def test_matrix_names_every_address() -> None:
    names = {name for name in get_resolver("calls.urls").reverse_dict if isinstance(name, str)}
    assert names == {name for name, _method in MATRIX} | OPEN_TO_ALL


def state() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in (Call, Seat, AccessRecord)]


def holding(client: Client, seat: Seat) -> None:
    session = client.session
    session["seats"] = {str(seat.call_id): str(seat.pk)}
    session.save()


def come(client: Client, who: str, call: Call) -> None:
    """As `who`, signed in or with a seat."""
    match who:
        case "guest elsewhere":
            holding(client, make_seat())
        case "guest inside":
            holding(client, make_seat(call=call))
        case "stranger" | "colleague" | "member" | "member inside":
            user = make_user(organisation=make_organisation() if who == "stranger" else call.organisation)
            client.force_login(user)
            if who == "colleague":
                HALL.barred.add((user.identity, Act.ENTER))
            if who == "member inside":
                holding(client, make_seat(call=call, identity=user.identity, role=Seat.Role.MEMBER))


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize(("name", "method"), MATRIX)
def test_everybody_gets_what_they_may_have(client: Client, name: str, method: str, who: str) -> None:
    call = make_call()
    other = make_seat(call=call, display_name="Zoë Quill")
    come(client, who, call)
    before = state()
    data = {"connection": "1"} if method == "post" else None
    answer = getattr(client, method)(reverse(f"calls:{name}", args=[call.pk]), data)
    expected = MATRIX[name, method][WHO.index(who)]
    assert answer.status_code == expected
    assert (state() != before) == (name == "take_over" and expected == ON)
    other.refresh_from_db()
    assert other.connection == 1, "nobody takes over another's seat (rule C4)"
    assert other.display_name not in answer.content.decode(), "who is in is told by the relay alone"
