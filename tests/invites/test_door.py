"""The door of a personal link: who is let in, by what, and what a link says that lets nobody in (rules R3, C4)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client, override_settings
from django.utils import timezone

from accounts.models import AccessRecord
from calls import tickets
from calls.models import Attendance, Call, Seat
from calls.services import open_call
from core.links import make_token
from invites import services
from invites.models import LINK_PURPOSE, Invite
from messaging.models import Message
from rooms.models import LINK_PURPOSE as ROOM_PURPOSE
from rooms.models import MeetingRoom
from rooms.services import delete_room
from tests.accounts.factories import make_user
from tests.invites.factories import end, make_invite
from tests.rooms.factories import make_administrator, make_member, make_room, make_somebody_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def room() -> MeetingRoom:
    return make_room(name="Daily Briefing")


@pytest.fixture
def invite(room: MeetingRoom) -> Invite:
    return make_invite(room=room, name="Grace", by=make_member(room, name="Nina Hart"))


def everything() -> list[Any]:
    models = (Invite, Call, Seat, Attendance, Message, AccessRecord)
    return [list(model.objects.order_by("pk").values()) for model in models]


def test_guest_finds_the_name_filled_in_and_is_let_in_by_join(client: Client, invite: Invite) -> None:
    page = client.get(invite.link_path).content.decode()
    assert 'value="Grace"' in page
    assert "Nina Hart has invited you to this video call." in page
    answer = client.post(invite.link_path, {"name": "Grace H."})
    seat = Seat.objects.get()
    assert answer["Location"] == f"/calls/{seat.call_id}/#connection=1"
    assert (seat.identity, seat.display_name, seat.role) == (invite.identity, "Grace H.", "guest")
    assert client.get(f"/calls/{seat.call_id}/").status_code == 200


def test_name_is_asked_for_again_beside_the_field(client: Client, invite: Invite) -> None:
    page = client.post(invite.link_path, {"name": "\u202eevil"}).content.decode()
    assert "This name has hidden characters in it." in page
    assert not Seat.objects.exists()


@pytest.mark.parametrize("method", ["get", "head"])
@pytest.mark.parametrize("headers", [{}, {"Sec-Purpose": "prefetch"}, {"User-Agent": "MailScanner/1.0"}])
def test_a_scanner_that_opens_the_link_changes_nothing_and_admits_nobody(
    client: Client, invite: Invite, method: str, headers: dict[str, str]
) -> None:
    """Hazard H25."""
    before = everything()
    for _ in range(3):
        assert getattr(client, method)(invite.link_path, headers=headers).status_code == 200
    assert client.get(f"{invite.link_path}here/").status_code == 405
    assert everything() == before


def test_the_page_says_that_somebody_stands_there(client: Client, invite: Invite) -> None:
    assert client.post(f"{invite.link_path}here/").status_code == 204
    invite.refresh_from_db()
    assert invite.at_door_at is not None
    assert not Seat.objects.exists()


def test_only_the_page_itself_can_say_so(invite: Invite) -> None:
    assert Client(enforce_csrf_checks=True).post(f"{invite.link_path}here/").status_code == 403
    assert Client(enforce_csrf_checks=True).post(invite.link_path, {"name": "Grace"}).status_code == 403


# In use


def test_a_link_in_use_says_so_before_and_join_here_takes_over(client: Client, invite: Invite) -> None:
    """Rule C4."""
    seat = services.admit_guest(invite=invite, generation=1, name="Grace")
    Attendance.objects.create(seat=seat, joined_at=timezone.now(), node="n1")
    page = client.get(invite.link_path).content.decode()
    assert "Somebody is in the call with your link now" in page
    assert "Join here" in page
    answer = client.post(invite.link_path, {"name": "Grace"})
    assert answer["Location"].endswith("#connection=2")
    assert Seat.objects.get().pk == seat.pk


def test_a_link_not_in_use_says_join(client: Client, invite: Invite) -> None:
    assert "Join here" not in client.get(invite.link_path).content.decode()


# Who is signed in


def test_a_member_is_led_to_the_rooms_own_door_and_changes_nothing(client: Client, invite: Invite) -> None:
    """Rule R3: whoever is a member enters as a member, whatever link was used."""
    room = MeetingRoom.objects.get()
    client.force_login(make_member(room))
    for method in (client.get, client.post):
        answer = method(invite.link_path, {"name": "Somebody"}, follow=True)
        assert answer.redirect_chain[-1][0] == room.link_path
        assert "You are a member of this room." in answer.content.decode()
    assert not Seat.objects.exists()


def test_somebody_signed_in_without_a_right_to_the_room_is_a_guest(client: Client, room: MeetingRoom) -> None:
    invite = make_invite(room=room, name="")
    client.force_login(make_user(name="Pia Lund", organisation=room.organisation))
    assert 'value="Pia Lund"' in client.get(invite.link_path).content.decode()
    client.post(invite.link_path, {"name": "Pia Lund"})
    assert Seat.objects.get().identity == invite.identity


# Dead links


def kill(invite: Invite, how: str) -> str:
    room = MeetingRoom.objects.get()
    path, by = invite.link_path, make_administrator(room)
    match how:
        case "revoked":
            services.revoke_invite(invite=invite, by=by)
        case "expired":
            Invite.objects.update(expires_at=timezone.now())
        case "room deleted":
            delete_room(room=room, by=by)
        case "call ended":
            call = open_call(place=room.place)
            end(call, timezone.now() - timedelta(hours=2))
            Invite.objects.update(call=call, expires_at=None)
        case "ended for all":
            call = open_call(place=room.place)
            Invite.objects.update(call=call, expires_at=None)
            services.revoke_invites_of_call(call, by.identity)
            end(call, timezone.now())
    return path


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("revoked", "Your invitation was taken back"),
        ("expired", "Your invitation has run out"),
        ("room deleted", "This meeting room has been deleted"),
        ("call ended", "Your invitation was for that call only."),
        ("ended for all", "Your invitation was for that call only."),
    ],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_dead_link_says_why_in_plain_words_and_lets_nobody_in(
    client: Client, invite: Invite, how: str, sentence: str, method: str
) -> None:
    path = kill(invite, how)
    before = everything()
    answer = getattr(client, method)(path, {"name": "Grace"})
    assert answer.status_code == 404
    assert sentence in answer.content.decode()
    assert client.post(f"{path}here/").status_code == 204
    assert everything() == before


def test_a_link_revoked_while_somebody_stood_at_the_door_says_so_on_join(client: Client, invite: Invite) -> None:
    client.get(invite.link_path)
    path = kill(invite, "revoked")
    assert "Your invitation was taken back" in client.post(path, {"name": "Grace"}).content.decode()


def test_whoever_was_removed_reads_so_at_the_door(client: Client, invite: Invite) -> None:
    """Rule C7."""
    seat = services.admit_guest(invite=invite, generation=1, name="Grace")
    Seat.objects.filter(pk=seat.pk).update(removed_at=timezone.now())
    answer = client.post(invite.link_path, {"name": "Grace"})
    assert answer.status_code == 403
    assert "You were removed from this call." in answer.content.decode()
    assert "You can use your link again when this call is over." in answer.content.decode()
    assert "Go to the main page" in answer.content.decode()


def forged_tokens(invite: Invite, other: Invite) -> dict[str, str]:
    token = make_token(LINK_PURPOSE, invite.pk, 1)
    seat = make_somebody_in(MeetingRoom.objects.first() or make_room())
    with override_settings(LINK_KEY="another house's key"):
        of_another_house = make_token(LINK_PURPOSE, invite.pk, 1)
    return {
        "of another house": of_another_house,
        "of a room": make_token(ROOM_PURPOSE, invite.pk, 1),
        "of the room itself": make_token(ROOM_PURPOSE, MeetingRoom.objects.all()[0].pk, 1),
        "of a waiting area": make_token("waiting", invite.pk, 1),
        "of nobody": make_token(LINK_PURPOSE, uuid4(), 1),
        "of a generation to come": make_token(LINK_PURPOSE, invite.pk, 2),
        "altered": token[:-1] + ("A" if token[-1] != "A" else "B"),
        "signature of another": token[:26] + make_token(LINK_PURPOSE, other.pk, 1)[26:],
        "cut off": token[:-1],
        "a ticket": tickets.issue(seat, 1),
        "a seat": str(seat.pk),
        "an invitation's id": str(invite.pk),
        "not ASCII": "é" * 48,
    }


def without_csrf(page: bytes) -> bytes:
    """Its token is masked anew in each page."""
    return re.sub(rb'"x-csrftoken": "\w+"', b"", page)


@pytest.mark.parametrize("name", list(range(13)))
def test_a_link_we_did_not_make_is_one_page_whatever_is_wrong_with_it(
    client: Client, invite: Invite, name: int
) -> None:
    """Hazard H1: the same answer as at a room's own door. The other invitation is of another organisation."""
    tokens = list(forged_tokens(invite, make_invite()).values())
    assert len(tokens) == 13
    expected = without_csrf(client.get("/rooms/join/nothing-here/").content)
    before = everything()
    for method in (client.get, client.head, client.post):
        answer = method(f"/i/{tokens[name]}/", {"name": "Mallory"})
        assert answer.status_code == 404
        assert without_csrf(answer.content) == (b"" if method == client.head else expected)
    assert everything() == before


def test_a_personal_link_opens_no_room_and_a_rooms_link_no_invitation(client: Client, invite: Invite) -> None:
    """Hazard H1."""
    token = invite.link_path.removeprefix("/i/").rstrip("/")
    assert client.get(f"/rooms/join/{token}/").status_code == 404
    room_token = MeetingRoom.objects.get().link_path.removeprefix("/rooms/join/").rstrip("/")
    assert client.get(f"/i/{room_token}/").status_code == 404


def test_a_link_of_another_house_is_dead(client: Client, invite: Invite, settings: Any) -> None:
    path = invite.link_path
    settings.LINK_KEY = "another house's key"
    assert client.get(path).status_code == 404
    assert "Grace" not in client.get(path).content.decode()


def test_forged_links_are_told_without_asking_the_database_for_the_invitation(
    client: Client, invite: Invite, django_assert_num_queries: Any
) -> None:
    """One timing class: nothing depends on how near a token was (hazard H1)."""
    token = make_token(LINK_PURPOSE, invite.pk, 1)
    of_another_organisation = make_token(LINK_PURPOSE, make_invite().pk, 1)
    with override_settings(LINK_KEY="another house's key"):
        of_another_house = make_token(LINK_PURPOSE, invite.pk, 1)
    client.get("/i/x/")
    counts = []
    near = (token[:-1] + "_", token[:-2], token[:26] + of_another_organisation[26:])
    for forged in (*near, of_another_house, make_token(ROOM_PURPOSE, invite.pk, 1), "x"):
        with django_assert_num_queries(4, exact=False) as asked:
            client.get(f"/i/{forged}/")
        counts.append(len(asked))
    assert len(set(counts)) == 1
