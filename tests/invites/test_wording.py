"""What an invitation says, and that a text stays short."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invites.models import Invite
from invites.wording import preview, segments_of, write
from rooms.models import MeetingRoom
from tests.accounts.factories import make_organisation
from tests.invites.factories import make_invite
from tests.rooms.factories import make_member, make_room


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),  # two places each
        ("€" * 81, 2),
        ("ł" + "a" * 69, 1),
        ("ł" + "a" * 70, 2),
        ("ł" + "a" * 133, 2),
        ("ł" + "a" * 134, 3),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
    ],
)
def test_a_text_is_counted_as_telephones_count_it(text: str, segments: int) -> None:
    """3GPP TS 23.038, TS 23.040."""
    assert segments_of(text) == segments


@given(st.text(max_size=400))
def test_counting_never_fails(text: str) -> None:
    try:
        text.encode("utf-16-be")
    except UnicodeEncodeError:
        return
    assert segments_of(text) >= 1


def make_text(room: MeetingRoom, inviter: str) -> str:
    return write(make_invite(room=room, by=make_member(room, name=inviter), kind="sms", recipient="+447400123456")).text


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("organisation", "inviter"),
    [
        ("Riverside Clinic", "Nina Hart"),
        ("Women’s Health “Riverside” – North", "Zoë O’Brien"),
        ("W" * 120, "N" * 80),
        ("Przychodnia Łódź-Śródmieście", "Żaneta Ślązak"),
        ("診療所" * 40, "会議" * 40),
    ],
)
def test_a_text_fits_in_two_pieces_with_its_whole_link(settings: Any, organisation: str, inviter: str) -> None:
    settings.PUBLIC_URL = "https://meet.riverside.example.org"
    room = make_room(organisation=make_organisation(name=organisation))
    text = make_text(room, inviter)
    assert segments_of(text) <= 2
    assert re.search(r"https://meet\.riverside\.example\.org/i/[\w-]{48}/\Z", text)
    if organisation == "Riverside Clinic":
        assert text.startswith("Nina Hart of Riverside Clinic invites you to a video call.")


@pytest.mark.django_db
def test_an_email_says_who_invites_to_what_until_when_and_how() -> None:
    room = make_room(name="Daily <Briefing>", organisation=make_organisation(name="Riverside Clinic"))
    nina = make_member(room, name="Nina & Co")
    sent = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    until = datetime(2026, 3, 7, 0, 0, tzinfo=UTC)  # the end of the 6th
    email = write(make_invite(room=room, by=nina, name="Grace", now=sent, until=until))
    invite = Invite.objects.get()
    assert email.subject == "Nina & Co invites you to a video call: Daily <Briefing>"
    for part in (
        "Hello Grace,",
        "Nina & Co of Riverside Clinic",
        "end of Friday 6 March 2026",
        invite.link,
        "/device-test/",
    ):
        assert part in email.text
    assert "Daily &lt;Briefing&gt;" in email.html
    assert f'href="{invite.link}"' in email.html
    assert "\n\n\n" not in email.text


@pytest.mark.django_db
def test_an_email_from_inside_a_call_says_that_it_is_on_now() -> None:
    email = write(make_invite(in_call=True, name=""))
    assert email.text.startswith("Hello,\n")
    assert "until two hours after it ends" in email.text


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["email", "sms"])
def test_the_preview_is_the_message_but_for_the_secret_of_the_link(kind: str) -> None:
    recipient = "g@example.org" if kind == "email" else "+447400123456"
    invite = make_invite(kind=kind, recipient=recipient, until=None, in_call=True)
    token = invite.link.rstrip("/").rsplit("/", 1)[-1]
    shown, sent = preview(invite), write(invite)
    assert (shown.subject, shown.text) == (sent.subject, sent.text.replace(token, "…"))
    assert token not in shown.text
