from __future__ import annotations

import re
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from calls.models import Call, Seat
from core.links import make_token
from core.models import TokenBucket
from core.names import MAX_NAME, NameField
from rooms import services
from rooms.models import GuestPass, MeetingRoom
from tests.accounts.factories import make_user
from tests.rooms.factories import (
    make_administrator,
    make_member,
    make_room,
    make_room_membership,
    make_somebody_in,
)


@pytest.fixture
def room() -> MeetingRoom:
    return make_room(name="Daily Briefing")


@pytest.mark.django_db
class TestGuest:
    def test_joins_at_once_by_name(self, client: Client, room: MeetingRoom) -> None:
        response = client.post(room.link_path, {"name": "  Zoë O’Brien-李 "})
        seat = Seat.objects.get()
        assert response["Location"] == f"/calls/{seat.call_id}/#connection=1"
        assert (seat.display_name, seat.role) == ("Zoë O’Brien-李", Seat.Role.GUEST)
        assert seat.identity.startswith("visitor:")

    def test_device_check_comes_along_and_a_forged_one_does_not(self, client: Client, room: MeetingRoom) -> None:
        """Rule C8, hazard H3."""
        client.post(room.link_path, {"name": "Gail", "device_check": "microphone-heard camera-<script> network-slow"})
        assert Seat.objects.get().device_check == "microphone-heard network-slow"

    def test_same_browser_is_the_same_person(self, client: Client, room: MeetingRoom) -> None:
        client.post(room.link_path, {"name": "Gail"})
        assert client.post(room.link_path, {"name": "Gail"})["Location"].endswith("#connection=2")
        assert Seat.objects.count() == 1
        Client().post(room.link_path, {"name": "Gail"})
        assert Seat.objects.count() == 2

    def test_cookie_is_for_the_server_alone_and_cannot_be_forged(self, client: Client, room: MeetingRoom) -> None:
        client.post(room.link_path, {"name": "Gail"})
        cookie = client.cookies["visitor"]
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"
        forger = Client()
        forger.cookies["visitor"] = cookie.value.split(":")[0] + ":forged"
        forger.post(room.link_path, {"name": "Mallory"})
        assert Seat.objects.count() == 2

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("", "Enter a name."),
            (" \u2003 ", "Enter a name."),
            ("\u200d", "Enter a name."),
            ("Gail\x00", "This name has hidden characters in it."),
            ("Gail\x07", "This name has hidden characters in it."),
            ("\u202eliaG", "This name has hidden characters in it."),
            ("Gail\u2066", "This name has hidden characters in it."),
            ("Gail\u2028", "This name has hidden characters in it."),
            ("x" * 81, "This name is too long."),
        ],
    )
    def test_refused_name_is_told_beside_the_field_and_kept(
        self, client: Client, room: MeetingRoom, name: str, message: str
    ) -> None:
        response = client.post(room.link_path, {"name": name})
        html = response.content.decode()
        assert message in html
        assert not name.strip() or f'value="{name}"' in html
        assert not Seat.objects.exists()

    @pytest.mark.parametrize(
        "name", ["李" * 80, "e\u0301" * 80, "<img src=x onerror=alert(1)>", "علی\u200cرضا", "👩\u200d⚕️ Ada"]
    )
    def test_names_of_any_script_are_kept(self, client: Client, room: MeetingRoom, name: str) -> None:
        client.post(room.link_path, {"name": name})
        assert len(Seat.objects.get().display_name) <= MAX_NAME

    def test_somebody_removed_reads_so(self, client: Client, room: MeetingRoom) -> None:
        client.post(room.link_path, {"name": "Gail"})
        Seat.objects.update(removed_at="2026-01-01T00:00:00Z")
        response = client.post(room.link_path, {"name": "Gail"})
        assert response.status_code == 403
        assert "You were removed from this call." in response.content.decode()
        assert "Go to the main page" in response.content.decode()


@pytest.mark.django_db
class TestMember:
    def test_is_greeted_without_being_asked_for_a_name(self, client: Client, room: MeetingRoom) -> None:
        client.force_login(make_member(room, name="Nina Hart"))
        html = client.get(room.link_path).content.decode()
        assert "Hello, Nina Hart." in html
        assert "Your name" not in html

    def test_enters_as_a_member_by_the_shared_link(self, client: Client, room: MeetingRoom) -> None:
        nina = make_member(room, name="Nina Hart")
        client.force_login(nina)
        client.post(room.link_path, {"name": "Mallory"})
        seat = Seat.objects.get()
        assert (seat.identity, seat.role, seat.display_name) == (nina.identity, Seat.Role.MEMBER, "Nina Hart")

    def test_enters_from_the_menu(self, client: Client, room: MeetingRoom) -> None:
        client.force_login(make_member(room))
        response = client.post(f"/rooms/{room.pk}/enter/")
        assert response["Location"] == f"/calls/{Call.objects.get().pk}/#connection=1"

    def test_colleague_who_is_no_member_is_a_guest(self, client: Client, room: MeetingRoom) -> None:
        client.force_login(make_user(organisation=room.organisation, name="Pia Lund"))
        assert 'value="Pia Lund"' in client.get(room.link_path).content.decode()
        client.post(room.link_path, {"name": "Pia Lund"})
        assert Seat.objects.get().role == Seat.Role.GUEST

    def test_in_another_call_is_asked_first_and_then_let_in(self, client: Client, room: MeetingRoom) -> None:
        nina = make_member(room)
        other = make_room(organisation=room.organisation)
        make_room_membership(room=other, user=nina)
        make_somebody_in(other, identity=nina.identity, role=Seat.Role.MEMBER)
        client.force_login(nina)
        asked = client.post(f"/rooms/{room.pk}/enter/")
        assert asked.status_code == 409
        assert "You are in another call" in asked.content.decode()
        assert not Seat.objects.filter(call__place=room.place).exists()
        assert client.post(f"/rooms/{room.pk}/enter/", {"leave_other": "1"}).status_code == 302

    def test_already_in_is_told_that_joining_takes_over(self, client: Client, room: MeetingRoom) -> None:
        nina = make_member(room)
        make_somebody_in(room, identity=nina.identity, role=Seat.Role.MEMBER)
        client.force_login(nina)
        assert "You are in this room already" in client.get(room.link_path).content.decode()


@pytest.mark.django_db
class TestDeadLink:
    def dead_links(self, room: MeetingRoom) -> list[str]:
        token = room.link_path.removeprefix("/rooms/join/").rstrip("/")
        deleted = make_room()
        services.delete_room(room=deleted, by=make_administrator(deleted))
        return [
            make_token("room", room.pk, room.link_generation + 1),
            make_token("room", room.pk, 0),
            make_token("room", uuid4(), 1),
            make_token("room", deleted.pk, 1),
            make_token("invite", room.pk, 1),
            make_token("area", room.pk, 1),
            token[:-1] + ("A" if token[-1] != "A" else "B"),
            token[:20],
            token + "A",
            "nothing",
            "ö",
        ]

    def test_every_dead_link_shows_one_page(self, client: Client, room: MeetingRoom) -> None:
        """Hazard H1."""
        pages = set()
        for token in self.dead_links(room):
            for method in (client.get, client.post):
                response = method(f"/rooms/join/{token}/", {"name": "Gail"} if method == client.post else None)
                assert response.status_code == 404
                pages.add(response.content.decode().replace(str(response.context["csrf_token"]), ""))
        assert len(pages) == 1
        assert "Ask the people who invited you" in pages.pop()
        assert not Seat.objects.exists()

    def test_reset_kills_the_link_that_was_copied(self, client: Client, room: MeetingRoom) -> None:
        old = room.link_path
        services.reset_link(room=room, seen_generation=1, by=make_administrator(room))
        assert client.post(old, {"name": "Gail"}).status_code == 404
        assert client.get(room.link_path).status_code == 200


@pytest.mark.django_db
class TestComingBack:
    def test_join_again_leads_to_the_entrance_while_the_link_stands(self, client: Client, room: MeetingRoom) -> None:
        client.post(room.link_path, {"name": "Gail"})
        assert client.get(f"/rooms/{room.pk}/return/")["Location"] == room.link_path

    def test_after_a_reset_nobody_learns_the_new_link(self, client: Client, room: MeetingRoom) -> None:
        client.post(room.link_path, {"name": "Gail"})
        services.reset_link(room=room, seen_generation=1, by=make_administrator(room))
        response = client.get(f"/rooms/{room.pk}/return/")
        assert response.status_code == 404
        assert room.link_path not in response.content.decode()

    def test_stranger_learns_no_link_from_the_address_of_a_room(self, client: Client, room: MeetingRoom) -> None:
        assert client.get(f"/rooms/{room.pk}/return/").status_code == 404
        client.force_login(make_user(organisation=room.organisation))
        assert client.get(f"/rooms/{room.pk}/return/").status_code == 404

    def test_member_comes_back_by_the_new_link(self, client: Client, room: MeetingRoom) -> None:
        client.force_login(make_member(room))
        assert client.get(f"/rooms/{room.pk}/return/")["Location"] == room.link_path


@pytest.mark.django_db
@pytest.mark.parametrize("who", ["guest", "member"])
@pytest.mark.parametrize("headers", [{}, {"Sec-Purpose": "prefetch"}, {"Purpose": "prefetch"}])
def test_opening_a_link_changes_nothing(client: Client, room: MeetingRoom, who: str, headers: dict[str, str]) -> None:
    """Hazard H25. What is counted for the limit is no state of the link."""
    if who == "member":
        client.force_login(make_member(room))
    for method in (client.get, client.head):
        with CaptureQueriesContext(connection) as queries:
            assert method(room.link_path, headers=headers).status_code == 200
        written = [query["sql"] for query in queries if query["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]
        assert all(TokenBucket._meta.db_table in sql for sql in written)
    assert [model.objects.count() for model in (Call, Seat, GuestPass)] == [0, 0, 0]
    assert "visitor" not in client.cookies


@pytest.mark.django_db
def test_entrance_answers_429_to_a_flood_from_one_address(
    client: Client, room: MeetingRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.limits.take", lambda **_bucket: False)
    response = client.post(room.link_path, {"name": "Gail"})
    assert response.status_code == 429
    assert not Seat.objects.exists()


@given(st.text(max_size=100))
def test_any_text_is_a_clean_name_or_refused_in_words(text: str) -> None:
    try:
        name = NameField().clean(text)
    except ValidationError:
        return
    assert 1 <= len(name) <= MAX_NAME
    assert name == name.strip()
    assert NameField().clean(name) == name


@pytest.mark.django_db
def test_members_have_every_control_and_guests_all_but_theirs() -> None:
    """Rules C2 and C7."""
    room, guest, member = make_room(), Client(), Client()
    member.force_login(make_member(room))
    pages = [
        guest.post(room.link_path, {"name": "Gail"}, follow=True).content.decode(),
        member.post(room.link_path, follow=True).content.decode(),
    ]
    for word in ("Share screen", "Chat", "More", "Main menu", "Settings", "Layout", "Participants", "Leave"):
        assert all(f"{word}</" in page for page in pages), word
    for word in ("Blur background", "Invite guest", "End call for all"):
        assert [word in page for page in pages] == [False, True], word
    assert all(re.search(r'href="/"\s+target="_blank"', page) for page in pages), "the call goes on beside it"
