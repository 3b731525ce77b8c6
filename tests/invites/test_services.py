"""Sending, renewing, revoking and admitting: every transition, allowed and refused (rules R3-R6, C4, C9)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import AccessRecord
from calls import services as calls
from calls.models import Attendance, Call, Seat
from calls.places import Act, kind_of
from core.errors import DomainError
from invites import services
from invites.models import OUTLIVES_CALL, Invite
from messaging.models import Message
from messaging.states import Status
from rooms.models import MeetingRoom
from rooms.services import delete_room, remove_member, reset_link
from tests.accounts.factories import make_user
from tests.invites.factories import end, make_invite, messages_of
from tests.rooms.factories import make_administrator, make_member, make_room

pytestmark = pytest.mark.django_db

NOW = datetime(2025, 11, 27, 10, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def room() -> MeetingRoom:
    return make_room(name="Daily Briefing")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What pages of calls are told."""
    said: list[dict[str, Any]] = []
    monkeypatch.setattr(services.events, "tell_call", lambda call_id, message: said.append(message))
    return said


def refusal(act: Any, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(DomainError) as refused:
        act(*args, **kwargs)
    return refused.value.code


def go_live(seat: Seat) -> None:
    Call.objects.filter(pk=seat.call_id).update(node="n1")
    Attendance.objects.create(seat=seat, joined_at=timezone.now(), node="n1")


def acts() -> list[str]:
    return list(AccessRecord.objects.filter(act__startswith="invite.").order_by("pk").values_list("act", flat=True))


# Sending


@pytest.mark.parametrize("kind", [Invite.Kind.EMAIL, Invite.Kind.SMS])
def test_a_message_with_the_link_goes_into_the_outbox(room: MeetingRoom, kind: str) -> None:
    recipient = "grace@example.org" if kind == Invite.Kind.EMAIL else "+447400123456"
    invite = make_invite(room=room, kind=kind, recipient=recipient)
    (message,) = messages_of(invite)
    assert (message.kind, message.recipient, message.status) == (kind, recipient, Status.QUEUED)
    assert invite.link in message.text
    assert bool(message.html) == (kind == Invite.Kind.EMAIL)


def test_who_invited_is_in_the_access_log_and_the_guest_is_not(room: MeetingRoom) -> None:
    nina = make_member(room, name="Nina Hart")
    make_invite(room=room, by=nina, recipient="grace@example.org", name="Grace")
    record = AccessRecord.objects.get(act="invite.sent")
    assert (record.actor, record.place) == (nina, room.place)
    assert "grace" not in record.detail.lower()


@pytest.mark.parametrize("who", ["stranger", "colleague", "former member", "member of a deleted room"])
def test_only_members_may_invite(room: MeetingRoom, who: str) -> None:
    """Rule C2, hazard H6."""
    by = make_member(room)
    match who:
        case "stranger":
            by = make_user()
        case "colleague":
            by = make_user(organisation=room.organisation)
        case "former member":
            make_administrator(room)
            remove_member(membership=room.memberships.get(user=by), by=make_user())
        case _:
            delete_room(room=room, by=by)
    assert refusal(make_invite, room=room, by=by) == "not_allowed"
    assert not Message.objects.exists()
    assert not Invite.objects.exists()


@pytest.mark.parametrize("until", [None, NOW, NOW - DAY, NOW + 366 * DAY])
def test_before_a_call_a_day_is_needed_that_is_neither_over_nor_far_away(
    room: MeetingRoom, until: datetime | None
) -> None:
    assert refusal(make_invite, room=room, until=until, now=NOW) == "until"


def test_a_call_of_another_room_is_no_reason_to_invite_without_a_day(room: MeetingRoom) -> None:
    """Hazard H6: the page says in which call it was opened; that is looked at."""
    elsewhere = calls.open_call(place=make_room().place)
    assert refusal(make_invite, room=room, call=elsewhere, until=None) == "until"
    ended = calls.open_call(place=room.place)
    end(ended, timezone.now())
    ended.refresh_from_db()
    assert refusal(make_invite, room=room, call=ended, until=None) == "until"


def test_limits_refuse_with_a_sentence_and_nothing_is_sent(room: MeetingRoom, settings: Any) -> None:
    """Hazard H10."""
    settings.MESSAGES_A_RECIPIENT_AN_HOUR = 1
    by = make_member(room)
    invite = make_invite(room=room, by=by, now=NOW)
    assert refusal(make_invite, room=room, by=by, recipient=invite.recipient, now=NOW) == "recipient"
    assert refusal(services.resend_invite, invite=invite, by=by, now=NOW) == "recipient"
    assert len(messages_of(invite)) == 1
    assert AccessRecord.objects.filter(act="message.refused", place=room.place).count() == 2


# Renewing


def test_sending_again_renews_the_one_open_invitation(room: MeetingRoom) -> None:
    first = make_invite(room=room, recipient="grace@example.org", name="", now=NOW)
    nina = make_member(room)
    again = make_invite(room=room, recipient="grace@example.org", name="Grace", by=nina, now=NOW + DAY)
    assert (again.pk, again.link) == (first.pk, first.link)
    assert (again.name, again.invited_by, again.sent_at, again.created_at) == ("Grace", nina, NOW + DAY, NOW)
    assert again.expires_at == NOW + 8 * DAY
    assert acts() == ["invite.sent", "invite.renewed"]


def test_an_earlier_message_that_still_waits_is_taken_back(room: MeetingRoom) -> None:
    first = make_invite(room=room, recipient="grace@example.org")
    make_invite(room=room, recipient="grace@example.org")
    assert [message.status for message in messages_of(first)] == [Status.CANCELLED, Status.QUEUED]


def test_the_same_person_is_invited_to_each_room_by_a_link_of_its_own(room: MeetingRoom) -> None:
    here, there = make_invite(room=room, recipient="g@example.org"), make_invite(recipient="g@example.org")
    assert here.link != there.link


@pytest.mark.parametrize(
    ("first", "then", "expected"),
    [
        ("dated", "in call", "dated"),  # what was promised until Friday is not cut short
        ("in call", "dated", "dated"),
        ("in call", "in call", "in call"),
        ("run out", "in call", "in call"),
        ("longer", "dated", "longer"),
    ],
)
def test_renewing_never_shortens(room: MeetingRoom, first: str, then: str, expected: str) -> None:
    how: dict[str, dict[str, Any]] = {
        "dated": {"until": NOW + 7 * DAY},
        "longer": {"until": NOW + 30 * DAY},
        "run out": {"until": NOW - DAY, "now": NOW - 2 * DAY},
        "in call": {"in_call": True},
    }
    make_invite(room=room, recipient="g@example.org", **{"now": NOW} | how[first])
    invite = make_invite(room=room, recipient="g@example.org", **{"now": NOW} | how[then])
    wanted = None if expected == "in call" else how[expected]["until"]
    assert (invite.expires_at, invite.call is None) == (wanted, expected != "in call")


def test_after_a_revocation_the_same_person_gets_another_link(room: MeetingRoom) -> None:
    first = make_invite(room=room, recipient="g@example.org")
    services.revoke_invite(invite=first, by=make_member(room))
    second = make_invite(room=room, recipient="g@example.org")
    assert second.pk != first.pk
    assert Invite.objects.open().count() == 1


# Resending


def test_resending_sends_the_same_link(room: MeetingRoom) -> None:
    invite = make_invite(room=room, now=NOW)
    again = services.resend_invite(invite=invite, by=make_member(room), now=NOW + DAY)
    assert (again.link, again.expires_at) == (invite.link, invite.expires_at)
    assert invite.link in messages_of(invite)[-1].text
    assert acts() == ["invite.sent", "invite.resent"]


def test_resending_what_has_run_out_makes_the_same_link_work_again(room: MeetingRoom) -> None:
    invite = make_invite(room=room, now=NOW)
    later = NOW + 10 * DAY
    again = services.resend_invite(invite=invite, by=make_member(room), now=later)
    assert again.link == invite.link
    assert again.stands(at=later)
    assert not again.stands(at=later + 8 * DAY)


def test_what_was_revoked_is_not_sent_again(room: MeetingRoom) -> None:
    invite, by = make_invite(room=room), make_member(room)
    services.revoke_invite(invite=invite, by=by)
    assert refusal(services.resend_invite, invite=invite, by=by) == "revoked"
    assert [message.status for message in messages_of(invite)] == [Status.CANCELLED]


# Until when


def test_to_a_deleted_room_nothing_is_sent_again(room: MeetingRoom) -> None:
    """Its administrator presses in the list of invitations, where one that had run out still stands."""
    invite = make_invite(room=room, now=NOW - 30 * DAY)
    delete_room(room=room, by=make_member(room))
    assert refusal(services.resend_invite, invite=invite, by=make_user()) == "place_gone"
    assert len(messages_of(invite)) == 1


def test_to_a_room_that_is_deleted_while_somebody_invites_nothing_is_sent(
    room: MeetingRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = make_member(room)
    check = services.limits.check

    def check_late(**asked: Any) -> None:
        check(**asked)
        delete_room(room=room, by=member)

    monkeypatch.setattr(services.limits, "check", check_late)
    assert refusal(make_invite, room=room, by=member) == "place_gone"
    assert not Invite.objects.exists()


def test_an_invitation_of_a_call_works_until_two_hours_after_its_end(room: MeetingRoom) -> None:
    invite = make_invite(room=room, in_call=True, now=NOW)
    assert invite.call is not None
    much_later = NOW + 5 * DAY
    assert invite.stands(at=much_later)  # the call goes on
    end(invite.call, much_later)
    for moment, works in ((OUTLIVES_CALL - timedelta(seconds=1), True), (OUTLIVES_CALL, False)):
        fresh = Invite.objects.select_related("call").get()
        assert fresh.stands(at=much_later + moment) is works
        assert Invite.objects.standing(at=much_later + moment).exists() is works


def test_an_invitation_before_the_meeting_works_days_later_and_not_after_its_day(room: MeetingRoom) -> None:
    """Rule R6."""
    invite = make_invite(room=room, until=NOW + 5 * DAY, now=NOW)
    seat = services.admit_guest(invite=invite, generation=1, name="Grace", now=NOW + 4 * DAY)
    assert (seat.identity, seat.display_name, seat.role) == (invite.identity, "Grace", "guest")
    assert refusal(services.admit_guest, invite=invite, generation=1, name="Grace", now=NOW + 5 * DAY) == "expired"


def test_whoever_is_live_when_the_link_runs_out_may_stay(room: MeetingRoom) -> None:
    invite = make_invite(room=room, until=NOW + DAY, now=NOW)
    seat = services.admit_guest(invite=invite, generation=1, name="Grace", now=NOW)
    may = kind_of(room.place).may
    assert not may(room.place, seat.identity, Act.ENTER)  # by the real clock the link has run out
    go_live(seat)
    assert may(room.place, seat.identity, Act.ENTER)
    assert not may(room.place, seat.identity, Act.INVITE)
    assert not may(make_room().place, seat.identity, Act.ENTER)


# Revoking


def test_revoking_kills_the_link_and_puts_out_who_is_in_by_it(
    room: MeetingRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rule C4, hazard H18."""
    nodes: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(calls.events, "order_node", lambda node, message: nodes.append((node, message)))
    invite, nina = make_invite(room=room), make_member(room)
    seat = services.admit_guest(invite=invite, generation=1, name="Grace")
    go_live(seat)
    for _press in range(2):
        services.revoke_invite(invite=invite, by=nina)
    seat.refresh_from_db()
    assert seat.removed_at is not None
    assert nodes == [("n1", calls.events.relay_remove(call_id=seat.call_id, participant_id=seat.pk))] * 2
    assert refusal(services.admit_guest, invite=invite, generation=1, name="Grace") == "revoked"
    assert acts() == ["invite.sent", "invite.used", "invite.revoked"]
    assert refusal(calls.check_stands, seat) == "removed"


def test_revoking_leaves_everybody_else_alone(room: MeetingRoom) -> None:
    mine, other = make_invite(room=room), make_invite(room=room)
    seat = services.admit_guest(invite=other, generation=1, name="Other")
    services.revoke_invite(invite=mine, by=make_member(room))
    seat.refresh_from_db()
    assert seat.removed_at is None


def test_resetting_the_rooms_link_revokes_personal_invitations_only_if_asked_and_people_stay(
    room: MeetingRoom,
) -> None:
    """Rule R2."""
    by, invite = make_administrator(room), make_invite(room=room)
    seat = services.admit_guest(invite=invite, generation=1, name="Grace")
    go_live(seat)
    reset_link(room=room, seen_generation=1, by=by)
    assert Invite.objects.open().exists()
    reset_link(room=room, seen_generation=2, revoke_invites=True, by=by)
    assert not Invite.objects.open().exists()
    calls.check_stands(Seat.objects.select_related("call").get(pk=seat.pk))


def test_a_deleted_room_sends_nothing_more_and_lets_nobody_in(room: MeetingRoom) -> None:
    invite = make_invite(room=room)
    delete_room(room=room, by=make_administrator(room))
    assert [message.status for message in messages_of(invite)] == [Status.CANCELLED]
    assert refusal(services.admit_guest, invite=invite, generation=1, name="Grace") == "place_gone"


@pytest.mark.parametrize("revoke", [True, False])
def test_end_call_for_all_ends_the_invitations_made_for_that_call_unless_kept(room: MeetingRoom, revoke: bool) -> None:
    """Rule C9."""
    nina = make_member(room)
    made_in_it = make_invite(room=room, in_call=True)
    before = make_invite(room=room)
    elsewhere = make_invite(in_call=True)
    call = calls.open_call(place=room.place)
    seat = calls.admit(call=call, identity=nina.identity, display_name="Nina", role="member")
    calls.end_call_as_member(seat_id=seat.pk, revoke=revoke)
    assert set(Invite.objects.open()) == {before, elsewhere} | (set() if revoke else {made_in_it})
    if revoke:
        assert refusal(services.admit_guest, invite=made_in_it, generation=1, name="Grace") == "call_ended"
    else:
        again = services.admit_guest(invite=made_in_it, generation=1, name="Grace")
        assert again.call_id != call.pk  # a link that still holds then opens a new call


def test_a_link_says_that_the_call_has_ended_while_its_relay_still_ends_it(room: MeetingRoom) -> None:
    """Not that somebody took the invitation back: the guest has just read that the call has ended."""
    invite = make_invite(room=room, in_call=True)
    call = calls.open_call(place=room.place)
    seat = calls.admit(call=call, identity=make_member(room).identity, display_name="Nina", role="member")
    Call.objects.update(node="gone")
    calls.end_call_as_member(seat_id=seat.pk)
    assert Call.objects.get(pk=call.pk).ended_at is None
    assert refusal(services.admit_guest, invite=invite, generation=1, name="Grace") == "call_ended"


# At the door


def test_a_guest_is_one_person_however_often_they_join(room: MeetingRoom) -> None:
    """Rule C4: the newest Join wins."""
    invite = make_invite(room=room)
    first = services.admit_guest(invite=invite, generation=1, name="Grace")
    second = services.admit_guest(invite=invite, generation=1, name="Grace H.")
    assert (second.pk, second.connection, second.display_name) == (first.pk, 2, "Grace H.")


def test_whoever_was_removed_from_the_call_does_not_return_by_the_invitation(room: MeetingRoom) -> None:
    """Rule C7."""
    invite = make_invite(room=room)
    seat = services.admit_guest(invite=invite, generation=1, name="Grace")
    calls.remove_participant(seat=seat, by=make_member(room).identity)
    assert refusal(services.admit_guest, invite=invite, generation=1, name="Grace") == "removed"


def test_a_dead_link_is_at_no_door(room: MeetingRoom) -> None:
    invite = make_invite(room=room, until=NOW + DAY, now=NOW)
    services.tell_at_door(invite=invite, generation=2, now=NOW)
    services.tell_at_door(invite=invite, generation=1, now=NOW + DAY)
    invite.refresh_from_db()
    assert invite.at_door_at is None
    services.tell_at_door(invite=invite, generation=1, now=NOW)
    invite.refresh_from_db()
    assert invite.at_door_at == NOW


# Told, and forgotten


def test_open_panels_are_told_of_everything_that_happens(room: MeetingRoom, told: list[dict[str, Any]]) -> None:
    calls.open_call(place=room.place)
    news = services.events.call_changed("invites")
    invite = make_invite(room=room)
    assert news in told
    told.clear()
    services.hear_of_message(messages_of(invite)[0])
    assert told == [news]
    told.clear()
    services.tell_at_door(invite=invite, generation=1)
    assert told == [news]
    told.clear()
    services.revoke_invite(invite=invite, by=make_member(room))
    assert news in told


def test_news_of_a_message_about_an_invitation_that_is_gone_troubles_nobody(told: list[dict[str, Any]]) -> None:
    invite = make_invite()
    message = messages_of(invite)[0]
    Invite.objects.all().delete()
    services.hear_of_message(message)
    assert told == []


def test_who_was_invited_is_forgotten_some_time_after_the_link_stopped_working(settings: Any) -> None:
    settings.INVITES_KEPT_DAYS = 30
    dated = make_invite(now=NOW)
    revoked = make_invite(now=NOW)
    services.revoke_invite(invite=revoked, by=make_user(), now=NOW)
    in_call = make_invite(in_call=True, now=NOW)
    assert in_call.call is not None
    end(in_call.call, NOW)
    running = make_invite(in_call=True, now=NOW)
    services.forget_old_invites(NOW + 30 * DAY + timedelta(minutes=1))
    assert set(Invite.objects.all()) == {dated, in_call, running}
    services.forget_old_invites(NOW + 38 * DAY)
    assert set(Invite.objects.all()) == {running}
