from __future__ import annotations

import re

import pytest
from django.db import transaction
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from calls import events
from calls.models import Call, Seat
from core.errors import DomainError
from rooms.listing import list_lines
from rooms.models import MeetingRoom, RoomMembership
from tests.accounts.factories import make_user
from tests.house.qr import says
from tests.rooms.factories import (
    make_administrator,
    make_member,
    make_room,
    make_room_membership,
    make_somebody_in,
)

HTMX = {"HX-Request": "true"}

pytestmark = pytest.mark.django_db


@pytest.fixture
def room() -> MeetingRoom:
    return make_room(name="Daily Briefing")


@pytest.fixture
def nina(room: MeetingRoom, client: Client) -> User:
    """Signed in; administrator of the room."""
    user = make_administrator(room, name="Nina")
    client.force_login(user)
    return user


def page(client: Client, address: str, **headers: str) -> str:
    response = client.get(address, headers=headers)
    assert response.status_code == 200
    return response.content.decode()


def read(html: str) -> str:
    """The words of a page, as they are read."""
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


class TestList:
    def test_shows_my_rooms_and_no_others(self, client: Client, room: MeetingRoom, nina: User) -> None:
        make_room(organisation=room.organisation, name="Weekly Overview")
        words = read(page(client, "/rooms/"))
        assert "Daily Briefing" in words
        assert "Weekly Overview" not in words

    @pytest.mark.parametrize(
        ("search", "found"), [("brief", True), ("DAILY bri", True), ("weekly", False), ("%", False)]
    )
    def test_search_is_by_any_part_of_the_name(
        self, client: Client, room: MeetingRoom, nina: User, search: str, found: bool
    ) -> None:
        response = client.get("/rooms/", {"search": search})
        assert ("Daily Briefing" in response.content.decode()) == found

    def test_who_is_in_is_shown_by_arrival(self, client: Client, room: MeetingRoom, nina: User) -> None:
        assert "Nobody is in" in page(client, "/rooms/")
        make_somebody_in(room, name="Gail")
        make_somebody_in(room, identity="visitor:2", name="Zoë <b>")
        html = page(client, "/rooms/")
        assert "In now: Gail, Zoë &lt;b&gt;" in html

    def test_room_i_am_in_says_so_and_leads_to_its_door(self, client: Client, room: MeetingRoom, nina: User) -> None:
        make_somebody_in(room, identity=nina.identity, role=Seat.Role.MEMBER)
        words = read(page(client, "/rooms/"))
        assert "You are in this room" in words
        assert "Enter Meeting Room" not in words

    def test_only_administrators_have_the_managing_actions(self, client: Client, room: MeetingRoom) -> None:
        managing = ["Reset Meeting Room Link", "Meeting Room Properties", "Manage Users", "Delete Meeting Room"]
        everybody = ["Enter Meeting Room", "Copy Meeting Room Link", "Participants", "QR Code"]
        for user, manages in ((make_member(room), False), (make_administrator(room), True)):
            client.force_login(user)
            words = read(page(client, "/rooms/"))
            assert all(action in words for action in everybody)
            assert [action for action in managing if action in words] == (managing if manages else [])

    def test_unchanged_list_is_not_sent_again(self, client: Client, room: MeetingRoom, nina: User) -> None:
        match = re.search(r'hx-get="([^"]+)"\s+hx-trigger="every', page(client, "/rooms/"))
        assert match
        address = match[1].replace("&amp;", "&")
        assert client.get(address, headers=HTMX).status_code == 204
        make_somebody_in(room)
        changed = client.get(address, headers=HTMX)
        assert "Gail" in changed.content.decode()
        assert "<html" not in changed.content.decode()

    def test_many_rooms_take_as_many_queries_as_one(
        self, room: MeetingRoom, nina: User, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        for _ in range(5):
            make_room_membership(room=make_room(organisation=room.organisation), user=nina)
        make_somebody_in(room)
        with django_assert_num_queries(3):
            assert len(list_lines(nina)) == 6


class TestPanels:
    def test_htmx_gets_a_dialog_and_everybody_else_a_page(self, client: Client, room: MeetingRoom, nina: User) -> None:
        address = f"/rooms/{room.pk}/delete/"
        assert page(client, address, **HTMX).lstrip().startswith("<dialog")
        assert "<h1>Delete Meeting Room</h1>" in page(client, address)

    def test_reset_shows_the_new_link_to_copy(self, client: Client, room: MeetingRoom, nina: User) -> None:
        old = room.link
        response = client.post(f"/rooms/{room.pk}/link/reset/", {"seen_generation": 1}, follow=True)
        room.refresh_from_db()
        html = response.content.decode()
        assert "The old link no longer works." in html
        assert f'data-copy="{room.link}"' in html
        assert old not in html

    def test_card_has_the_link_as_text_and_as_a_code(self, client: Client, room: MeetingRoom, nina: User) -> None:
        html = page(client, f"/rooms/{room.pk}/link/")
        assert room.link in read(html)
        assert says(html, room.link)
        assert not says(html, make_room().link)
        assert "data-print" in html

    def test_participants_can_be_disconnected_except_myself(
        self, client: Client, room: MeetingRoom, nina: User
    ) -> None:
        guest = make_somebody_in(room)
        make_somebody_in(room, identity=nina.identity, name="Nina", role=Seat.Role.MEMBER)
        address = f"/rooms/{room.pk}/participants/"
        html = page(client, address)
        assert 'aria-label="Disconnect Gail"' in html
        assert 'aria-label="Disconnect Nina"' not in html
        after = client.post(f"{address}{guest.pk}/disconnect/", follow=True)
        guest.refresh_from_db()
        assert guest.removed_at is not None
        assert "Gail has been disconnected." in after.content.decode()
        assert 'aria-label="Disconnect Gail"' not in after.content.decode()

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("act", ["disconnect", "remove"])
    def test_whom_the_relay_cannot_be_told_of_is_out_all_the_same_and_the_page_says_how_it_stands(
        self, act: str, client: Client, room: MeetingRoom, nina: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Rules R2 and C7, hazard H22: Redis is away."""
        omar = make_member(room, name="Omar")
        seat = make_somebody_in(room, identity=omar.identity, name="Omar", role=Seat.Role.MEMBER)
        Call.objects.update(node="node")

        def order(node: str, message: events.Message) -> None:
            def say() -> None:
                raise DomainError("unavailable", "Not now.")

            transaction.on_commit(say)

        monkeypatch.setattr(events, "order_node", order)
        membership = room.memberships.get(user=omar)
        address, words = {
            "disconnect": (f"participants/{seat.pk}/disconnect/", "Omar is still in the call. We go on trying"),
            "remove": (f"users/{membership.pk}/remove/", "Omar can no longer use this room."),
        }[act]
        answer = client.post(f"/rooms/{room.pk}/{address}", follow=True)
        assert answer.status_code == 200
        assert words in read(answer.content.decode())
        seat.refresh_from_db()
        assert seat.removed_at is not None
        assert room.memberships.filter(pk=membership.pk).exists() == (act == "disconnect")

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("Weekly Overview", "Another room has this name."),
            ("", "Enter a name."),
            ("x\u202ey", "This name has hidden characters"),
        ],
    )
    def test_refused_name_is_told_beside_the_field_and_kept(
        self, client: Client, room: MeetingRoom, nina: User, name: str, message: str
    ) -> None:
        make_room(organisation=room.organisation, name="Weekly Overview")
        response = client.post(f"/rooms/{room.pk}/properties/", {"name": name, "notice": "Knock."})
        html = response.content.decode()
        assert message in html
        assert "Knock." in html
        room.refresh_from_db()
        assert room.name == "Daily Briefing"

    def test_what_a_colleague_saved_meanwhile_is_not_overwritten_unseen(
        self, client: Client, room: MeetingRoom, nina: User
    ) -> None:
        """Rule R2: two administrators, or one in two tabs; what was typed is kept."""
        address = f"/rooms/{room.pk}/properties/"
        seen = re.search(r'name="seen_version" value="([^"]+)"', page(client, address))
        assert seen
        mine = {"name": "Ward 3", "notice": "Knock.", "seen_version": seen[1]}
        MeetingRoom.objects.update(notice="Ring <twice>.")
        html = client.post(address, mine).content.decode()
        assert "Somebody else has just changed this." in html
        assert "Ring &lt;twice&gt;." in html
        assert 'value="Ward 3"' in html
        assert "Knock." in html
        room.refresh_from_db()
        assert (room.name, room.notice) == ("Daily Briefing", "Ring <twice>.")
        now_seen = re.search(r'name="seen_version" value="([^"]+)"', html)
        assert now_seen
        mine["seen_version"] = now_seen[1]
        for _press in range(2):
            assert client.post(address, mine)["Location"] == "/rooms/"
        room.refresh_from_db()
        assert (room.name, room.notice) == ("Ward 3", "Knock.")

    @pytest.mark.parametrize("email", ["nobody@example.org", "elsewhere"])
    def test_unknown_person_and_stranger_read_the_same(
        self, client: Client, room: MeetingRoom, nina: User, email: str
    ) -> None:
        stranger = make_member(make_room())
        email = stranger.email if email == "elsewhere" else email
        response = client.post(f"/rooms/{room.pk}/users/", {"email": email, "role": "member"})
        assert f"Nobody at {room.organisation} has this email address." in response.content.decode()
        assert room.memberships.count() == 1

    def test_colleague_is_added_by_email_in_any_case(self, client: Client, room: MeetingRoom, nina: User) -> None:
        omar = make_user(organisation=room.organisation, email="omar@example.org")
        client.post(f"/rooms/{room.pk}/users/", {"email": "Omar@Example.org", "role": "administrator"})
        membership = room.membership_of(omar)
        assert membership
        assert membership.is_administrator

    def test_last_administrator_is_told_why_they_stay(self, client: Client, room: MeetingRoom, nina: User) -> None:
        mine = room.memberships.get(user=nina)
        response = client.post(f"/rooms/{room.pk}/users/{mine.pk}/remove/", follow=True)
        assert "A room needs an administrator." in response.content.decode()
        assert RoomMembership.objects.filter(pk=mine.pk).exists()

    def test_administrator_who_gives_the_room_away_goes_back_to_the_list(
        self, client: Client, room: MeetingRoom, nina: User
    ) -> None:
        make_administrator(room)
        mine = room.memberships.get(user=nina)
        response = client.post(f"/rooms/{room.pk}/users/{mine.pk}/role/", {"role": "member"})
        assert response["Location"] == "/rooms/"

    def test_forged_role_changes_nothing(self, client: Client, room: MeetingRoom, nina: User) -> None:
        other = make_room_membership(room=room)
        client.post(f"/rooms/{room.pk}/users/{other.pk}/role/", {"role": "owner"})
        other.refresh_from_db()
        assert other.role == RoomMembership.Role.MEMBER

    def test_delete_pressed_twice_leads_back_to_the_list_both_times(
        self, client: Client, room: MeetingRoom, nina: User
    ) -> None:
        for words in ("Daily Briefing has been deleted.", "This room has been deleted."):
            response = client.post(f"/rooms/{room.pk}/delete/", follow=True)
            assert words in read(response.content.decode())
        client.force_login(make_user(organisation=room.organisation))
        assert client.post(f"/rooms/{room.pk}/delete/").status_code == 403
        client.force_login(make_user())
        assert client.post(f"/rooms/{room.pk}/delete/").status_code == 404

    def test_forms_are_protected_against_other_sites(self, room: MeetingRoom, nina: User) -> None:
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(nina)
        assert strict.post(f"/rooms/{room.pk}/delete/").status_code == 403
        assert MeetingRoom.objects.standing().filter(pk=room.pk).exists()
