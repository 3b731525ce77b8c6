"""Invite guest: who may open it, what the form says, and what htmx is given (rules R4-R6, C2)."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.test import Client
from django.urls import get_resolver, reverse
from django.utils import timezone

from accounts.models import AccessRecord, User
from calls import events
from calls.models import Attendance, Call
from calls.relay.terms import GoneReason
from calls.services import close_attendance, open_call
from core.errors import DomainError
from invites import services
from invites.models import Invite
from messaging.models import Message
from rooms.models import MeetingRoom
from rooms.services import delete_room
from tests.accounts.factories import make_user
from tests.invites.factories import make_invite, messages_of
from tests.rooms.factories import make_administrator, make_member, make_room

pytestmark = pytest.mark.django_db

SIGN_IN, GONE, REFUSED, SHOWN, DONE, WRONG, NOT_HERE = "sign in", 404, 403, 200, 302, 405, 409

# By name and method: what the anonymous, the stranger, the colleague and the member get (hazard H8).
MATRIX = {
    ("invite_guest", "get"): (SIGN_IN, GONE, REFUSED, SHOWN),
    ("invite_guest", "post"): (SIGN_IN, GONE, REFUSED, DONE),
    ("preview_messages", "get"): (SIGN_IN, WRONG, WRONG, WRONG),
    ("preview_messages", "post"): (SIGN_IN, GONE, REFUSED, SHOWN),
    ("list_invites", "get"): (SIGN_IN, GONE, REFUSED, SHOWN),
    ("list_invites", "post"): (SIGN_IN, WRONG, WRONG, WRONG),
    ("make_link", "get"): (SIGN_IN, WRONG, WRONG, WRONG),
    ("make_link", "post"): (SIGN_IN, GONE, REFUSED, NOT_HERE),
    ("resend", "get"): (SIGN_IN, WRONG, WRONG, WRONG),
    ("resend", "post"): (SIGN_IN, GONE, REFUSED, DONE),
    ("revoke", "get"): (SIGN_IN, WRONG, WRONG, WRONG),
    ("revoke", "post"): (SIGN_IN, GONE, REFUSED, DONE),
}
OPEN_TO_ALL = {"open_door", "tell_at_door"}  # test_door.py


def test_matrix_names_every_address() -> None:
    names = {name for name in get_resolver("invites.urls").reverse_dict if isinstance(name, str)}
    assert names == {name for name, _method in MATRIX} | OPEN_TO_ALL


def state() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in (Invite, Message, AccessRecord, Call)]


@pytest.mark.parametrize("column", range(4), ids=["anonymous", "stranger", "colleague", "member"])
@pytest.mark.parametrize(("name", "method"), MATRIX)
def test_everybody_gets_what_they_may_have(client: Client, name: str, method: str, column: int) -> None:
    room = make_room()
    invite = make_invite(room=room, recipient="grace@example.org")
    arguments: list[Any] = [room.place, invite.pk] if name in ("resend", "revoke") else [room.place]
    data = {"email": "new@example.org", "kind": "email", "until": (timezone.localdate()).isoformat()}
    who = (
        AnonymousUser(),
        make_administrator(make_room()),
        make_user(organisation=room.organisation, administrator=True),
    )
    user = make_member(room) if column == 3 else who[column]
    if isinstance(user, User):
        client.force_login(user)
    before = state()
    answer = getattr(client, method)(reverse(f"invites:{name}", args=arguments), data if method == "post" else None)
    expected = MATRIX[name, method][column]
    if expected == SIGN_IN:
        assert answer.status_code == 302
        assert answer["Location"].startswith("/accounts/login/?next=")
    else:
        assert answer.status_code == expected
    if expected == SHOWN:
        assert "no-store" in answer["Cache-Control"], "a shared computer keeps no page"
    assert (state() != before) == (expected == DONE)
    if column < 3:
        assert "grace@example.org" not in answer.content.decode()


@pytest.fixture
def room() -> MeetingRoom:
    return make_room(name="Daily Briefing")


@pytest.fixture
def nina(client: Client, room: MeetingRoom) -> User:
    user = make_member(room, name="Nina Hart")
    client.force_login(user)
    return user


@pytest.fixture
def address(room: MeetingRoom, nina: User) -> str:
    return reverse("invites:invite_guest", args=[room.place])


def today() -> str:
    return timezone.localdate().isoformat()


def read(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def ask(client: Client, address: str, data: dict[str, Any] | None = None, target: str = "invitations") -> Any:
    headers = {"HX-Request": "true", "HX-Target": target}
    return client.get(address, headers=headers) if data is None else client.post(address, data, headers=headers)


@pytest.mark.parametrize(
    "place",
    ["hall:x", "room:nothing", f"nowhere:{uuid4()}", f"room:{uuid4()}"],
    ids=["hall", "no id", "no kind", "no room"],
)
def test_a_place_that_is_none_is_not_found(client: Client, nina: User, place: str) -> None:
    assert client.get(f"/invites/{place}/").status_code == 404


def test_a_deleted_room_invites_nobody(client: Client, room: MeetingRoom, nina: User, address: str) -> None:
    delete_room(room=room, by=nina)
    assert client.get(address).status_code == 403


def test_the_page_says_what_the_rules_want_said(client: Client, room: MeetingRoom, address: str) -> None:
    """Rule R4, word for word."""
    html = client.get(address).content.decode()
    words = read(html)
    assert "As soon as your guest opens the link and enters their details, they are admitted to the call." in words
    assert "Meeting rooms are not recommended for consultations with people seeking care; use a waiting area" in words
    for button in ("Send email", "Send text message", "Copy link"):
        assert button in words
    assert f'data-copy="{room.link}"' in html
    assert "UK mobile phone number" in words


def test_the_action_menu_leads_there(client: Client, address: str) -> None:
    """Rule R6."""
    assert f'href="{address}"' in client.get("/rooms/").content.decode()


@pytest.mark.parametrize("target", ["invitations", "dialogs"])
def test_htmx_gets_the_part_it_asked_for(client: Client, address: str, target: str) -> None:
    html = ask(client, address, target=target).content.decode()
    assert "<html" not in html
    assert ("<dialog" in html) == (target == "dialogs")


# Sending


@pytest.mark.parametrize(
    ("typed", "kind", "recipient"),
    [
        ({"email": " Grace@Example.ORG ", "kind": "email"}, "email", "grace@example.org"),
        ({"phone": "07400 123 456", "kind": "sms"}, "sms", "+447400123456"),
        ({"phone": "+44 7400 123456", "kind": ""}, "sms", "+447400123456"),  # the Enter key
        ({"email": "grace@example.org", "kind": ""}, "email", "grace@example.org"),
        ({"email": "grace@example.org", "phone": "07400 123456", "kind": "sms"}, "sms", "+447400123456"),
    ],
)
def test_a_guest_is_invited(
    client: Client, address: str, room: MeetingRoom, nina: User, typed: dict[str, str], kind: str, recipient: str
) -> None:
    answer = client.post(address, {"name": "Grace", "until": today()} | typed, follow=True)
    assert "Invitation sent to Grace." in read(answer.content.decode())
    invite = Invite.objects.get()
    assert (invite.kind, invite.recipient, invite.name, invite.invited_by) == (kind, recipient, "Grace", nina)
    assert messages_of(invite)[0].recipient == recipient
    end_of_day = timezone.localtime(invite.expires_at)
    assert (end_of_day.hour, end_of_day.date()) == (0, timezone.localdate() + timedelta(days=1))


def test_from_inside_a_call_no_day_is_asked_for(client: Client, address: str, room: MeetingRoom) -> None:
    call = open_call(place=room.place)
    html = ask(client, f"{address}?call={call.pk}").content.decode()
    assert 'name="until"' not in html
    answer = ask(client, address, {"email": "g@example.org", "kind": "email", "call": str(call.pk)})
    assert "Invitation sent to g@example.org." in answer.content.decode()
    invite = Invite.objects.get()
    assert (invite.call, invite.expires_at) == (call, None)


@pytest.mark.parametrize("call", ["nonsense", "", str(uuid4())], ids=["nonsense", "empty", "unknown"])
def test_a_call_that_is_none_of_the_rooms_asks_for_a_day(client: Client, address: str, call: str) -> None:
    answer = ask(client, address, {"email": "g@example.org", "kind": "email", "call": call})
    assert "Choose a day." in answer.content.decode()
    assert not Invite.objects.exists()


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"kind": "email"}, "Enter an email address."),
        ({"kind": ""}, "Enter an email address."),
        ({"kind": "sms"}, "Enter a UK mobile phone number."),
        ({"kind": "email", "email": "grace at example"}, "An email address has an @ in it"),
        ({"kind": "sms", "phone": "020 7946 0958"}, "This is a landline."),
        ({"kind": "sms", "phone": "+33 6 12 34 56 78"}, "This number is outside the UK."),
        ({"kind": "sms", "phone": "070 1234 5678"}, "Numbers that start with 070"),
        (
            {"kind": "", "email": "g@example.org", "phone": "07400 123456"},
            "Choose “Send email” or “Send text message”.",
        ),
        ({"kind": "email", "email": "g@example.org", "until": "2020-01-01"}, "Choose a day from today on"),
        ({"kind": "email", "email": "g@example.org", "until": "soon"}, "Write the day as"),
        ({"kind": "email", "email": "g@example.org", "name": "\u202eevil"}, "This name has hidden characters in it."),
    ],
)
def test_an_error_is_told_beside_the_field_and_nothing_is_lost(
    client: Client, address: str, typed: dict[str, str], sentence: str
) -> None:
    data = {"name": "Grace", "until": today()} | typed
    html = ask(client, address, data).content.decode()
    assert sentence in unescape(html)
    for field in ("name", "email", "phone"):
        assert not data.get(field) or f'value="{data[field]}"' in unescape(html)
    assert not Message.objects.exists()


def test_a_way_that_is_none_sends_nothing(client: Client, address: str) -> None:
    ask(client, address, {"kind": "pigeon", "email": "g@example.org", "until": today()})
    assert not Message.objects.exists()


def test_a_refused_number_is_in_the_access_log_without_the_number(client: Client, address: str) -> None:
    ask(client, address, {"kind": "sms", "phone": "020 7946 0958", "until": today()})
    record = AccessRecord.objects.get()
    assert (record.act, record.detail) == ("invite.refused", "phone landline")


def test_a_likely_slip_is_asked_about_once(client: Client, address: str) -> None:
    """Rule R5."""
    typed = {"kind": "email", "email": "grace@gmial.com", "until": today()}
    html = unescape(ask(client, address, typed).content.decode())
    assert "Did you mean grace@gmail.com?" in html
    assert 'name="meant" value="grace@gmial.com"' in html
    assert not Message.objects.exists()
    ask(client, address, typed | {"meant": "grace@gmial.com"})
    assert Invite.objects.get().recipient == "grace@gmial.com"


def test_the_suggested_address_is_one_press_away(client: Client, address: str) -> None:
    typed = {"email": "grace@gmial.com", "until": today(), "meant": "grace@gmial.com", "suggested": "grace@gmail.com"}
    ask(client, address, typed)
    assert Invite.objects.get().recipient == "grace@gmail.com"


def test_a_limit_is_told_beside_the_field(client: Client, address: str, settings: Any) -> None:
    settings.MESSAGES_A_MEMBER_AN_HOUR = 1
    for guest in ("a", "b"):
        html = ask(client, address, {"kind": "email", "email": f"{guest}@example.org", "until": today()}).content
    assert "You have sent many invitations in a short time." in html.decode()
    assert Message.objects.count() == 1


# Preview


def test_the_exact_message_is_shown_before_it_is_sent(client: Client, address: str, room: MeetingRoom) -> None:
    """Rule R5."""
    typed = {"name": "Grace", "email": "grace@example.org", "until": today(), "kind": "email"}
    shown = unescape(client.post(f"{address}preview/", typed).content.decode())
    ask(client, address, typed)
    (message,) = messages_of(Invite.objects.get())
    token = Invite.objects.get().link.rstrip("/").rsplit("/", 1)[-1]
    assert message.text.replace(token, "…") in shown
    assert message.subject in shown


def test_a_preview_of_a_half_written_form_shows_what_can_be_shown(client: Client, address: str) -> None:
    html = client.post(f"{address}preview/", {"name": "\u202eevil", "until": "soon"}).content.decode()
    assert "Hello," in html
    assert "evil" not in html


def test_without_script_the_preview_is_a_button(client: Client, address: str) -> None:
    html = client.post(address, {"kind": "preview", "name": "Grace", "until": today()}).content.decode()
    assert "Hello Grace," in html
    assert 'value="Grace"' in html
    assert not Message.objects.exists()


# The list


def test_the_list_is_sent_again_only_when_it_has_changed(client: Client, room: MeetingRoom, address: str) -> None:
    make_invite(room=room, name="Grace")
    answer = client.get(f"{address}list/")
    version = answer.context["version"]
    assert client.get(f"{address}list/?seen={version}").status_code == 204
    Message.objects.update(status="delivered")
    assert "Delivered" in client.get(f"{address}list/?seen={version}").content.decode()


def test_resend_and_revoke_act_on_the_line_and_say_so(client: Client, room: MeetingRoom, address: str) -> None:
    invite = make_invite(room=room, name="Grace")
    html = ask(client, f"{address}{invite.pk}/resend/", {}, target="invite-list").content.decode()
    assert "The same link has been sent again to Grace." in html
    assert len(messages_of(invite)) == 2
    html = ask(client, f"{address}{invite.pk}/revoke/", {}, target="invite-list").content.decode()
    assert "The invitation for Grace has been revoked." in html
    assert ">Resend<" not in html
    html = ask(client, f"{address}{invite.pk}/resend/", {}, target="invite-list").content.decode()
    assert "This invitation has been revoked. Send a new one." in html
    assert len(messages_of(invite)) == 2


@pytest.mark.parametrize("act", ["resend", "revoke"])
def test_a_line_works_without_script(nina: User, room: MeetingRoom, address: str, act: str) -> None:
    invite = make_invite(room=room, name="Grace")
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(nina)
    page = browser.get(address).content.decode()
    form = re.search(rf'<form method="post"\s+action="{address}{invite.pk}/{act}/".*?</form>', page, re.DOTALL)
    assert form
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form[0])
    assert token
    assert browser.post(f"{address}{invite.pk}/{act}/", {"csrfmiddlewaretoken": token[1]}).status_code == 302


@pytest.mark.django_db(transaction=True)
def test_revoke_is_offered_again_where_the_relay_could_not_be_told(
    client: Client, room: MeetingRoom, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rule C4: the link is dead at once all the same, and a second press puts out who is in by it."""
    invite = make_invite(room=room, name="Grace")
    seat = services.admit_guest(invite=invite, generation=1, name="Grace")
    Call.objects.update(node="n1")
    Attendance.objects.create(seat=seat, joined_at=timezone.now(), node="n1")
    told: list[events.Message] = []

    def order(node: str, message: events.Message) -> None:
        def say() -> None:
            if not told:
                told.append({})
                raise DomainError("unavailable", "This could not be done just now.")
            told.append(message)

        transaction.on_commit(say)

    monkeypatch.setattr(events, "order_node", order)
    html = ask(client, f"{address}{invite.pk}/revoke/", {}, target="invite-list").content.decode()
    assert "This could not be done just now." in html
    assert "Revoked, but still in the call" in html
    assert ">Revoke<" in html
    assert ">Resend<" not in html
    dead = Client().post(invite.link_path, {"name": "Grace"})
    assert dead.status_code == 404
    html = ask(client, f"{address}{invite.pk}/revoke/", {}, target="invite-list").content.decode()
    assert told[1] == events.relay_remove(call_id=seat.call_id, participant_id=seat.pk)
    close_attendance(seat_id=seat.pk, node="n1", at=timezone.now(), reason=GoneReason.REMOVED)
    html = ask(client, f"{address}list/").content.decode()
    assert ">Revoked<" in html
    assert ">Revoke<" not in html


def test_a_link_that_cannot_be_made_says_why_and_offers_a_way_on(client: Client, address: str, nina: User) -> None:
    """Of a call that ended while its panel was open."""
    answer = client.post(f"{address}link/")
    assert answer.status_code == 409
    assert "This call has ended." in answer.content.decode()
    assert "Go to the main page" in answer.content.decode()
    assert "This call has ended." in ask(client, f"{address}link/", {})["HX-Trigger"]


@pytest.mark.parametrize("act", ["resend", "revoke"])
def test_an_invitation_to_another_room_is_not_touched(client: Client, address: str, act: str) -> None:
    """Hazard H6."""
    theirs = make_invite()
    assert client.post(f"{address}{theirs.pk}/{act}/").status_code == 404
    theirs.refresh_from_db()
    assert theirs.revoked_at is None
    assert len(messages_of(theirs)) == 1


def test_no_page_of_a_guest_carries_invite_guest(room: MeetingRoom) -> None:
    """Rule C2."""
    guest, member = Client(), Client()
    answer = guest.post(room.link_path, {"name": "Gail"}, follow=True)
    assert "Invite guest" not in answer.content.decode()
    assert "/invites/" not in answer.content.decode()
    member.force_login(make_member(room))
    assert "Invite guest" in member.post(room.link_path, follow=True).content.decode()


def test_part_of_a_page_sends_the_whole_page_to_sign_in(client: Client, room: MeetingRoom) -> None:
    answer = ask(client, reverse("invites:invite_guest", args=[room.place]))
    assert answer["HX-Redirect"].startswith("/accounts/login/")
