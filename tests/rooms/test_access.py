"""Hazard H8: every address of a room, asked for by everybody."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client
from django.urls import get_resolver, reverse

from accounts.models import AccessRecord, User
from calls.models import Seat
from rooms.models import MeetingRoom, RoomMembership
from tests.accounts.factories import make_user
from tests.rooms.factories import (
    make_administrator,
    make_member,
    make_room,
    make_room_membership,
    make_somebody_in,
)

SIGN_IN, GONE, REFUSED, SHOWN, DONE, WRONG = "sign in", 404, 403, 200, 302, 405

# By name and method: what the anonymous, the stranger, the colleague, the member and the administrator get.
MATRIX = {
    ("list_rooms", "get"): (SIGN_IN, SHOWN, SHOWN, SHOWN, SHOWN),
    ("list_rooms", "post"): (SIGN_IN, WRONG, WRONG, WRONG, WRONG),
    ("enter_room", "get"): (SIGN_IN, WRONG, WRONG, WRONG, WRONG),
    ("enter_room", "post"): (SIGN_IN, GONE, REFUSED, DONE, DONE),
    ("show_link", "get"): (SIGN_IN, GONE, REFUSED, SHOWN, SHOWN),
    ("show_link", "post"): (SIGN_IN, WRONG, WRONG, WRONG, WRONG),
    ("list_participants", "get"): (SIGN_IN, GONE, REFUSED, SHOWN, SHOWN),
    ("disconnect_participant", "get"): (SIGN_IN, WRONG, WRONG, WRONG, WRONG),
    ("disconnect_participant", "post"): (SIGN_IN, GONE, REFUSED, DONE, DONE),
    ("reset_link", "get"): (SIGN_IN, GONE, REFUSED, REFUSED, SHOWN),
    ("reset_link", "post"): (SIGN_IN, GONE, REFUSED, REFUSED, DONE),
    ("edit_properties", "get"): (SIGN_IN, GONE, REFUSED, REFUSED, SHOWN),
    ("edit_properties", "post"): (SIGN_IN, GONE, REFUSED, REFUSED, DONE),
    ("manage_users", "get"): (SIGN_IN, GONE, REFUSED, REFUSED, SHOWN),
    ("manage_users", "post"): (SIGN_IN, GONE, REFUSED, REFUSED, DONE),
    ("change_role", "get"): (SIGN_IN, WRONG, WRONG, WRONG, WRONG),
    ("change_role", "post"): (SIGN_IN, GONE, REFUSED, REFUSED, DONE),
    ("remove_user", "get"): (SIGN_IN, WRONG, WRONG, WRONG, WRONG),
    ("remove_user", "post"): (SIGN_IN, GONE, REFUSED, REFUSED, DONE),
    ("delete_room", "get"): (SIGN_IN, GONE, REFUSED, REFUSED, SHOWN),
    ("delete_room", "post"): (SIGN_IN, GONE, REFUSED, REFUSED, DONE),
}
OPEN_TO_ALL = {"join_room", "return_to_room"}  # test_entrance.py


def test_matrix_names_every_address() -> None:
    names = {name for name in get_resolver("rooms.urls").reverse_dict if isinstance(name, str)}
    assert names == {name for name, _method in MATRIX} | OPEN_TO_ALL


def asked_for_by(who: str, room: MeetingRoom) -> User | AnonymousUser:
    match who:
        case "stranger":
            return make_administrator(make_room())
        case "colleague":
            return make_user(organisation=room.organisation, administrator=True)
        case "member":
            return make_member(room)
        case "administrator":
            return make_administrator(room)
    return AnonymousUser()


def state() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in (MeetingRoom, RoomMembership, Seat, AccessRecord)]


@pytest.mark.django_db
@pytest.mark.parametrize("column", range(5), ids=["anonymous", "stranger", "colleague", "member", "administrator"])
@pytest.mark.parametrize(("name", "method"), MATRIX)
def test_everybody_gets_what_they_may_have(client: Client, name: str, method: str, column: int) -> None:
    room = make_room()
    make_administrator(room)
    somebody = make_room_membership(room=room)
    added = make_user(organisation=room.organisation)
    of_each: dict[str, list[Any]] = {
        "list_rooms": [],
        "disconnect_participant": [room.pk, make_somebody_in(room).pk],
        "change_role": [room.pk, somebody.pk],
        "remove_user": [room.pk, somebody.pk],
    }
    arguments = of_each.get(name, [room.pk])
    data = {
        "reset_link": {"seen_generation": 1},
        "edit_properties": {"name": "Another name"},
        "manage_users": {"email": added.email, "role": "member"},
        "change_role": {"role": "administrator"},
    }.get(name, {})
    user = asked_for_by(("anonymous", "stranger", "colleague", "member", "administrator")[column], room)
    if isinstance(user, User):
        client.force_login(user)
    before = state()

    response = getattr(client, method)(reverse(f"rooms:{name}", args=arguments), data if method == "post" else None)

    expected = MATRIX[name, method][column]
    if expected == SIGN_IN:
        assert response.status_code == 302
        assert response["Location"].startswith("/accounts/login/?next=/rooms/")
    else:
        assert response.status_code == expected
    if expected == SHOWN:
        assert "no-store" in response["Cache-Control"], "a shared computer keeps no page"
    assert (state() != before) == (expected == DONE)
    if column in (1, 2):
        assert room.link_path not in response.content.decode(), "join addresses are for members"


@pytest.mark.django_db
def test_organisation_administrator_sees_no_join_address_in_the_list(client: Client) -> None:
    room = make_room()
    client.force_login(make_user(organisation=room.organisation, administrator=True))
    assert room.name not in client.get("/rooms/").content.decode()


@pytest.mark.django_db
def test_deleted_room_is_gone_for_its_administrator(client: Client) -> None:
    room = make_room(deleted_at="2026-01-01T00:00:00Z")
    client.force_login(make_administrator(room))
    assert client.get(f"/rooms/{room.pk}/participants/").status_code == 404
    assert room.name not in client.get("/rooms/").content.decode()


@pytest.mark.django_db
class TestSomebodyElsesThings:
    """Hazard H6: a command that names a person of another room changes nothing."""

    def test_participant_of_another_room_is_not_disconnected(self, client: Client) -> None:
        room, other = make_room(), make_room()
        seat = make_somebody_in(other)
        client.force_login(make_administrator(room))
        assert client.post(f"/rooms/{room.pk}/participants/{seat.pk}/disconnect/").status_code == 404
        seat.refresh_from_db()
        assert seat.removed_at is None

    @pytest.mark.parametrize("act", ["role", "remove"])
    def test_member_of_another_room_is_not_touched(self, client: Client, act: str) -> None:
        room = make_room()
        theirs = make_room_membership(room=make_room(organisation=room.organisation))
        client.force_login(make_administrator(room))
        response = client.post(f"/rooms/{room.pk}/users/{theirs.pk}/{act}/", {"role": "administrator"})
        assert response.status_code == 404
        theirs.refresh_from_db()
        assert not theirs.is_administrator

    def test_unknown_participant_is_not_found(self, client: Client) -> None:
        room = make_room()
        client.force_login(make_member(room))
        assert client.post(f"/rooms/{room.pk}/participants/{uuid4()}/disconnect/").status_code == 404


@pytest.mark.django_db
def test_part_of_a_page_sends_the_whole_page_to_sign_in(client: Client) -> None:
    response = client.get(
        "/rooms/", headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/rooms/?search=a"}
    )
    assert response["HX-Redirect"] == "/accounts/login/?next=%2Frooms%2F%3Fsearch%3Da"
