from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import User
from rooms.models import MeetingRoom
from tests.accounts.factories import make_organisation, make_user
from tests.rooms.factories import make_room, make_room_membership

pytestmark = pytest.mark.django_db
ROOMS, MEMBERSHIPS = "/admin/rooms/meetingroom/", "/admin/rooms/roommembership/"


@pytest.fixture
def omar(client: Client) -> User:
    """Administrator of his organisation, signed in."""
    user = make_user(organisation=make_organisation(name="Riverside Clinic"), administrator=True, is_staff=True)
    client.force_login(user)
    return user


def own_room(omar: User) -> MeetingRoom:
    return make_room(organisation=omar.organisations.get())


def test_organisation_administrator_sees_rooms_of_their_own_only(client: Client, omar: User) -> None:
    own, other = own_room(omar), make_room()
    html = client.get(ROOMS).content.decode()
    assert own.name in html
    assert other.name not in html
    assert client.get(f"{ROOMS}{own.pk}/change/").status_code == 200
    assert client.get(f"{ROOMS}{other.pk}/change/").status_code == 302


def test_room_and_its_first_member_are_added(client: Client, omar: User) -> None:
    organisation = omar.organisations.get()
    client.post(f"{ROOMS}add/", {"organisation": organisation.pk, "name": "Ward 3", "notice": ""})
    room = MeetingRoom.objects.get(name="Ward 3")
    client.post(f"{MEMBERSHIPS}add/", {"room": room.pk, "user": omar.pk, "role": "administrator"})
    membership = room.membership_of(omar)
    assert membership
    assert membership.is_administrator


def test_room_is_added_to_no_other_organisation(client: Client, omar: User) -> None:
    client.post(f"{ROOMS}add/", {"organisation": make_organisation().pk, "name": "Ward 3", "notice": ""})
    assert not MeetingRoom.objects.exists()


def test_stranger_is_not_added_to_a_room(client: Client) -> None:
    client.force_login(make_user(is_staff=True, is_superuser=True))
    room, stranger = make_room(), make_user()
    response = client.post(f"{MEMBERSHIPS}add/", {"room": room.pk, "user": stranger.pk, "role": "member"})
    assert "does not work for" in response.content.decode()
    assert not room.memberships.exists()


def test_reset_action_kills_the_links_of_the_chosen_rooms(client: Client, omar: User) -> None:
    room = own_room(omar)
    client.post(ROOMS, {"action": "reset_links", "_selected_action": [room.pk]})
    room.refresh_from_db()
    assert room.link_generation == 2


def test_rooms_are_deleted_after_a_second_question(client: Client, omar: User) -> None:
    room = own_room(omar)
    chosen = {"action": "delete_rooms", "_selected_action": [room.pk]}
    assert "cannot be undone" in client.post(ROOMS, chosen).content.decode()
    assert MeetingRoom.objects.standing().exists()
    client.post(ROOMS, chosen | {"confirmed": "1"})
    assert not MeetingRoom.objects.standing().exists()


def test_last_administrator_is_not_removed(client: Client, omar: User) -> None:
    room = own_room(omar)
    last = make_room_membership(room=room, role="administrator")
    response = client.post(MEMBERSHIPS, {"action": "remove_members", "_selected_action": [last.pk]}, follow=True)
    assert "A room needs an administrator." in response.content.decode()
    assert room.memberships.filter(pk=last.pk).exists()


def test_rows_are_changed_by_actions_alone(client: Client, omar: User) -> None:
    room = own_room(omar)
    assert client.post(f"{ROOMS}{room.pk}/change/", {"name": "Other"}).status_code == 403
    assert client.post(f"{ROOMS}{room.pk}/delete/", {"post": "yes"}).status_code == 403


def test_colleague_without_administration_is_sent_away(client: Client) -> None:
    client.force_login(make_user(organisation=make_organisation(), is_staff=True))
    assert client.get(ROOMS).status_code == 403
