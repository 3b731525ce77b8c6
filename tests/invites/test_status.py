"""What the panel says became of an invitation (rule R4): derived, from a table of what happened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from calls.models import Attendance
from invites import services
from invites.models import Invite
from invites.status import DOOR_SILENT_AFTER, State, Stays, list_lines, state_of, version_of
from messaging.models import Message
from messaging.states import Status
from rooms.models import MeetingRoom
from tests.invites.factories import make_invite
from tests.rooms.factories import make_member, make_room

SENT = datetime(2025, 11, 27, 10, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def after(minutes: int) -> datetime:
    return SENT + minutes * MINUTE


@pytest.mark.parametrize(
    ("invite", "status", "stays", "expected"),
    [
        ({}, Status.QUEUED, Stays(), State.QUEUED),
        ({}, Status.SENDING, Stays(), State.QUEUED),
        ({}, Status.SENT, Stays(), State.SENT),
        ({}, Status.DELIVERED, Stays(), State.DELIVERED),
        ({}, Status.FAILED, Stays(), State.FAILED),
        ({}, None, Stays(), State.SENT),
        ({"kind": "link", "recipient": ""}, None, Stays(), State.COPIED),
        ({"at_door_at": after(59)}, Status.SENT, Stays(), State.AT_DOOR),
        ({"at_door_at": after(59)}, Status.FAILED, Stays(), State.AT_DOOR),
        ({"at_door_at": after(30)}, Status.DELIVERED, Stays(), State.OPENED),
        ({"at_door_at": after(-30)}, Status.DELIVERED, Stays(), State.DELIVERED),  # sent again since then
        ({"at_door_at": after(59)}, Status.SENT, Stays(is_in=True), State.IN_CALL),
        ({"at_door_at": after(10)}, Status.SENT, Stays(last_left_at=after(50)), State.LEFT),
        ({"at_door_at": after(59)}, Status.SENT, Stays(last_left_at=after(50)), State.AT_DOOR),  # back again
        ({}, Status.SENT, Stays(last_left_at=after(-50)), State.SENT),
        ({"expires_at": after(60)}, Status.SENT, Stays(), State.EXPIRED),
        ({"expires_at": after(60), "at_door_at": after(59)}, Status.SENT, Stays(), State.EXPIRED),
        ({"expires_at": after(60)}, Status.SENT, Stays(is_in=True), State.IN_CALL),
        ({"revoked_at": after(20)}, Status.DELIVERED, Stays(is_in=True), State.REVOKED),
        ({"revoked_at": after(20)}, Status.DELIVERED, Stays(lingers=True), State.LINGERS),
        ({}, Status.DELIVERED, Stays(lingers=True), State.DELIVERED),
    ],
)
def test_state_follows_from_what_happened(
    invite: dict[str, Any], status: Status | None, stays: Stays, expected: State
) -> None:
    given: dict[str, Any] = {"kind": "email", "recipient": "g@example.org", "expires_at": after(600), "sent_at": SENT}
    message = Message(status=status) if status else None
    assert state_of(Invite(**given | invite), message, stays, at=after(60)) == expected


def test_a_page_that_has_fallen_silent_is_no_longer_at_the_door() -> None:
    invite = Invite(kind="email", recipient="g@example.org", expires_at=after(600), sent_at=SENT, at_door_at=after(5))
    silent = after(5) + DOOR_SILENT_AFTER
    assert state_of(invite, None, Stays(), at=silent - timedelta(seconds=1)) == State.AT_DOOR
    assert state_of(invite, None, Stays(), at=silent) == State.OPENED


@pytest.fixture
def room() -> MeetingRoom:
    return make_room()


@pytest.mark.django_db
def test_a_failure_is_told_in_plain_words(room: MeetingRoom) -> None:
    make_invite(room=room, kind=Invite.Kind.SMS, recipient="+447400123456")
    Message.objects.update(status=Status.FAILED, failure="this number is not in service")
    (line,) = list_lines(room.place, at=timezone.now())
    assert line.words == "Could not be delivered: this number is not in service"
    assert line.address == "07400 123456"


@pytest.mark.django_db
def test_list_costs_the_same_however_many_were_sent(
    room: MeetingRoom, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(5):
        seat = services.admit_guest(invite=make_invite(room=room), generation=1, name="Grace")
        Attendance.objects.create(seat=seat, joined_at=timezone.now(), node="n1")
    make_invite()  # another room's
    with django_assert_num_queries(4):
        lines = list_lines(room.place, at=timezone.now())
    assert [line.state for line in lines] == [State.IN_CALL] * 5


@pytest.mark.django_db
def test_the_latest_message_counts(room: MeetingRoom) -> None:
    invite = make_invite(room=room)
    Message.objects.update(status=Status.FAILED, failure="nobody is there")
    services.resend_invite(invite=invite, by=make_member(room))
    (line,) = list_lines(room.place, at=timezone.now())
    assert (line.words, line.may_resend, line.may_revoke) == ("Queued", True, True)


@pytest.mark.django_db
def test_what_is_over_is_shown_for_a_day(room: MeetingRoom) -> None:
    revoked = make_invite(room=room, now=SENT)
    services.revoke_invite(invite=revoked, by=make_member(room), now=after(60))
    make_invite(room=room, now=after(1), until=after(60))
    assert [line.state for line in list_lines(room.place, at=after(120))] == [State.EXPIRED, State.REVOKED]
    assert [line.invite for line in list_lines(room.place, at=SENT + timedelta(hours=24, minutes=30))] == [revoked]
    assert list_lines(room.place, at=SENT + timedelta(hours=26)) == []


@pytest.mark.django_db
def test_version_changes_with_what_a_line_says(room: MeetingRoom) -> None:
    make_invite(room=room)
    before = version_of(list_lines(room.place, at=timezone.now()))
    assert version_of(list_lines(room.place, at=timezone.now())) == before
    Message.objects.update(status=Status.DELIVERED)
    assert version_of(list_lines(room.place, at=timezone.now())) != before
