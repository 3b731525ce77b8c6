from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.models import AccessRecord
from calls import services, tickets
from calls.models import Attendance, Call, Seat
from calls.places import Act
from calls.relay.terms import EndReason, GoneReason
from calls.tickets import Ticket
from core.channel_layer import SharedRedisChannelLayer
from core.errors import DomainError
from tests.accounts.factories import make_user
from tests.calls.factories import HALL, make_call, make_lease, make_member_seat, make_place, make_seat

NOW = timezone.now()


@pytest.fixture(autouse=True)
def _database(transactional_db: None) -> None:
    """Services are durable: no test's transaction around them."""


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, object]]]:
    """What nodes and calls were told, in order."""
    said: list[tuple[str, dict[str, object]]] = []
    for way in ("tell_node", "order_node"):
        monkeypatch.setattr(services.events, way, lambda node, message: said.append((node, message)))
    monkeypatch.setattr(services.events, "tell_call", lambda call_id, message: said.append((str(call_id), message)))
    return said


def ticket_of(seat: Seat) -> Ticket:
    return Ticket(seat.pk, seat.call_id, seat.connection)


def go_live(seat: Seat, node: str = "n1") -> None:
    make_lease(node) if not Call.objects.filter(node=node).exists() else None
    Call.objects.filter(pk=seat.call_id).update(node=node)
    services.open_attendance(seat_id=seat.pk, node=node, at=NOW)


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(DomainError) as refused:
        act()
    return refused.value.code


# Doors


def test_a_place_has_one_open_call_and_a_new_one_after_it_ended() -> None:
    place = make_place()
    first = services.open_call(place=place)
    assert services.open_call(place=place) == first
    services.end_call(call=first)
    assert services.open_call(place=place) != first


def test_the_same_person_keeps_their_seat_and_the_newest_join_has_the_highest_number() -> None:
    call, who = make_call(), f"visitor:{uuid4()}"
    first = services.admit(call=call, identity=who, display_name="Ann", role="guest")
    second = services.admit(call=call, identity=who, display_name="Anne", role="guest")
    assert (second.pk, second.connection, second.display_name) == (first.pk, first.connection + 1, "Anne")


def test_nobody_is_admitted_to_a_call_that_has_ended() -> None:
    call = make_call(ended_at=NOW)
    assert refusal(lambda: services.admit(call=call, identity="visitor:x", display_name="A", role="guest")) == "ended"
    assert not Seat.objects.exists()


def test_whoever_was_removed_does_not_get_in_by_any_door() -> None:
    """Rule C7, hazards H4 and H18."""
    seat = make_seat(removed_at=NOW)
    ways: list[Callable[[], object]] = [
        lambda: services.admit(call=seat.call, identity=seat.identity, display_name="New name", role="guest"),
        lambda: services.take_over(seat=seat),
        lambda: services.check_stands(seat),
        lambda: services.enter(ticket=ticket_of(seat)),
    ]
    assert [refusal(way) for way in ways] == ["removed"] * 4
    seat.refresh_from_db()
    assert seat.connection == 1


def test_a_member_live_in_another_call_is_asked_first(told: list[tuple[str, dict[str, object]]]) -> None:
    """Rule C4."""
    there = make_member_seat()
    go_live(there)
    here = make_call()

    def join(leave_other: bool) -> Seat:
        return services.admit(
            call=here, identity=there.identity, display_name="N", role="member", leave_other=leave_other
        )

    assert refusal(lambda: join(leave_other=False)) == "in_another_call"
    assert not Seat.objects.filter(call=here).exists()
    join(leave_other=True)
    assert told[-1][1]["type"] == "relay.let_go"
    assert refusal(lambda: services.enter(ticket=ticket_of(there))) == "taken_over"


def test_a_page_that_was_lost_does_not_come_back_over_a_newer_join_in_another_call() -> None:
    """Rule C4: nobody was live there any more, so nobody was asked; the old page wakes up later all the same."""
    there = make_member_seat()
    ticket = ticket_of(there)
    make_lease()
    newer = services.admit(call=make_call(), identity=there.identity, display_name="N", role="member")
    assert refusal(lambda: services.enter(ticket=ticket)) == "taken_over"
    assert services.enter(ticket=ticket_of(newer)).connection == 1


def test_a_guest_may_be_in_two_calls() -> None:
    there = make_seat()
    go_live(there)
    assert services.admit(call=make_call(), identity=there.identity, display_name="G", role="guest")


def test_a_member_who_gets_live_in_two_calls_at_once_stays_in_the_newest(
    told: list[tuple[str, dict[str, object]]],
) -> None:
    """Both doors were passed before either call was live: rule C4 holds all the same."""
    first, second = make_member_seat(), make_member_seat()
    Seat.objects.filter(pk=second.pk).update(identity=first.identity)
    go_live(first, "n1")
    go_live(second, "n2")
    assert ("n1", services.events.relay_let_go(call_id=first.call_id, participant_id=first.pk)) in told


def test_pressing_join_on_the_page_keeps_name_and_role() -> None:
    seat = make_member_seat(display_name="Nina")
    taken = services.take_over(seat=seat)
    assert (taken.display_name, taken.role, taken.connection) == ("Nina", "member", 2)


# The socket's entrance


def test_a_ticket_leads_to_the_call_on_the_least_loaded_node() -> None:
    seat = make_seat()
    make_lease("busy", live=9)
    make_lease("idle", live=1)
    make_lease("leaving", live=0, draining=True)
    make_lease("dead", live=0, expires_in=-1)
    entry = services.enter(ticket=ticket_of(seat))
    assert (entry.node, entry.seat_id, entry.connection) == ("idle", seat.pk, 1)
    assert services.enter(ticket=ticket_of(make_seat(call=seat.call))).node == "idle"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("ended", "no_such_call"),
        ("unknown", "no_such_call"),
        ("other call", "no_such_call"),
        ("barred", "not_allowed"),
        ("newer join", "taken_over"),
        ("no relay", "unavailable"),
        ("silent relay", "unavailable"),
    ],
)
def test_a_ticket_is_refused_by_name(change: str, code: str) -> None:
    seat = make_seat()
    ticket = ticket_of(seat)
    make_lease("n1", expires_in=-1 if change == "silent relay" else 60)
    match change:
        case "ended":
            Call.objects.update(ended_at=NOW)
        case "unknown":
            ticket = Ticket(uuid4(), seat.call_id, 1)
        case "other call":
            ticket = Ticket(seat.pk, make_call().pk, 1)
        case "newer join":
            Seat.objects.update(connection=2)
        case "no relay":
            services.release_node(node="n1", now=NOW)
        case "silent relay":
            Call.objects.update(node="n1")
    if change == "barred":
        with HALL.without(seat.identity, Act.ENTER):
            assert refusal(lambda: services.enter(ticket=ticket)) == code
    else:
        assert refusal(lambda: services.enter(ticket=ticket)) == code


@pytest.mark.parametrize("change", ["", "altered", "other salt", "cut"])
def test_a_ticket_works_only_as_it_was_issued(change: str) -> None:
    """Hazard H1."""
    seat = make_seat()
    text = tickets.issue(seat, 1)
    match change:
        case "altered":
            text = ("B" if text[0] == "A" else "A") + text[1:]
        case "other salt":
            from django.core.signing import TimestampSigner

            text = TimestampSigner(salt="elsewhere").sign_object([seat.pk.hex, seat.call_id.hex, 1])
        case "cut":
            text = text[:-1]
    assert tickets.read(text) == (None if change else ticket_of(seat))


# What members do


def test_ending_a_call_that_no_relay_has_ends_it_at_once_and_tells_its_place() -> None:
    call = make_call()
    services.end_call(call=call, by=make_user().identity)
    call.refresh_from_db()
    assert (call.end_reason, HALL.ended[-1]) == (EndReason.CLOSED, call)
    assert AccessRecord.objects.get().act == "call.ended"


def test_ending_a_call_on_a_relay_is_the_relays_to_do(told: list[tuple[str, dict[str, object]]]) -> None:
    """The relay is the authority on who is live, and stores the end (docs/architecture.md, "Who writes what")."""
    seat = make_member_seat()
    go_live(seat)
    services.end_call_as_member(seat_id=seat.pk)
    assert told == [("n1", services.events.relay_end(call_id=seat.call_id, reason=EndReason.MEMBER_ENDED))]
    assert not Call.objects.filter(pk=seat.call_id, ended_at__isnull=False).exists()


def test_removing_somebody_marks_the_seat_tells_the_relay_and_is_recorded_once(
    told: list[tuple[str, dict[str, object]]],
) -> None:
    member = make_member_seat()
    guest = make_seat(call=member.call)
    go_live(guest)
    guest.refresh_from_db()
    for _press in range(2):
        services.remove_participant_as_member(seat_id=member.pk, participant_id=guest.pk)
    guest.refresh_from_db()
    assert guest.removed_at
    # A second press tells the relay again: the first may not have reached it.
    assert told == [("n1", services.events.relay_remove(call_id=guest.call_id, participant_id=guest.pk))] * 2
    record = AccessRecord.objects.get()
    assert (record.act, record.place) == ("call.participant_removed", member.call.place)
    assert guest.display_name not in record.detail


@pytest.mark.parametrize("who", ["guest", "removed member", "member without the right", "member of another call"])
@pytest.mark.parametrize("act", ["remove", "end"])
def test_a_forged_command_changes_nothing(who: str, act: str) -> None:
    """Hazard H6."""
    target = make_seat()
    seat = {
        "guest": lambda: make_seat(call=target.call),
        "removed member": lambda: make_member_seat(call=target.call, removed_at=NOW),
        "member without the right": lambda: make_member_seat(call=target.call),
        "member of another call": make_member_seat,
    }[who]()
    barred = [(seat.identity, Act.REMOVE), (seat.identity, Act.END)] if who == "member without the right" else []
    HALL.barred.update(barred)

    def command() -> None:
        if act == "remove":
            services.remove_participant_as_member(seat_id=seat.pk, participant_id=target.pk)
        else:
            services.end_call_as_member(seat_id=seat.pk)

    if (who, act) == ("member of another call", "end"):
        command()  # their own, not this one
    else:
        assert refusal(command) in {"not_allowed", "removed", "not_here"}
    HALL.barred.clear()
    target.refresh_from_db()
    assert target.removed_at is None
    assert Call.objects.open().filter(pk=target.call_id).exists()


# What the node stores


def test_a_stay_is_one_row_however_often_it_is_told() -> None:
    seat = make_seat()
    go_live(seat)
    go_live(seat)
    for _time in range(2):
        services.close_attendance(seat_id=seat.pk, node="n1", at=NOW, reason=GoneReason.LEFT)
    services.open_attendance(seat_id=seat.pk, node="n1", at=NOW)
    assert list(Attendance.objects.order_by("pk").values_list("reason", flat=True)) == ["left", ""]
    assert Attendance.objects.open_in(seat.call.place).get().seat == seat


def test_the_end_closes_the_stays_and_is_stored_once() -> None:
    seat = make_seat()
    go_live(seat)
    ends = [
        services.store_end(call_id=seat.call_id, node="n1", reason=reason, at=NOW)
        for reason in (EndReason.TIME_UP, EndReason.EMPTY)
    ]
    assert ends == [True, False]
    assert Call.objects.get().end_reason == EndReason.TIME_UP
    assert Attendance.objects.get().reason == GoneReason.ENDED


def test_a_node_that_was_declared_dead_writes_nothing_any_more() -> None:
    seat = make_seat()
    go_live(seat, "new")
    services.open_attendance(seat_id=make_seat(call=seat.call).pk, node="old", at=NOW)
    services.close_attendance(seat_id=seat.pk, node="old", at=NOW, reason=GoneReason.LOST)
    services.store_member_deadline(call_id=seat.call_id, node="old", member_deadline=NOW)
    assert not services.store_end(call_id=seat.call_id, node="old", reason=EndReason.EMPTY, at=NOW)
    assert Attendance.objects.open().get().seat == seat
    assert Call.objects.open().get().member_deadline is None


# Nodes


def test_a_lost_node_leaves_its_calls_for_another_and_keeps_the_seats_for_twenty_seconds(
    told: list[tuple[str, dict[str, object]]],
) -> None:
    """Rule C5."""
    seat, other = make_seat(), make_seat()
    go_live(seat, "dying")
    go_live(other, "well")
    services.RelayLease.objects.filter(node="dying").delete()
    make_lease("dying", expires_in=-1)
    now = timezone.now()
    assert services.lose_node(node="dying", now=now)
    assert told == [(str(seat.call_id), services.events.call_rejoin("relay_lost"))]
    assert Attendance.objects.get(seat=seat).reason == GoneReason.LOST
    assert Attendance.objects.open().get().seat == other
    entry = services.enter(ticket=ticket_of(make_seat(call=seat.call)))
    assert entry.node == "well"
    assert 18 < entry.reserved[seat.identity] <= 20


def test_a_node_whose_lease_stands_is_not_lost() -> None:
    seat = make_seat()
    go_live(seat)
    assert not services.lose_node(node="n1", now=NOW)
    assert Call.objects.get().node == "n1"


def test_after_twenty_seconds_no_seat_is_kept_for_those_of_a_lost_node() -> None:
    seat = make_seat()
    go_live(seat, "old")
    services.release_node(node="old", now=timezone.now() - timedelta(seconds=21))
    make_lease("new")
    assert services.enter(ticket=ticket_of(make_seat(call=seat.call))).reserved == {}


@pytest.mark.parametrize("node", ["", "n1"])
def test_no_seat_is_kept_while_the_relay_cannot_be_asked(node: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule W6, hazard H22: Redis is away, or no relay has the call; whoever pressed is told so, and nothing changes."""
    away = SharedRedisChannelLayer(hosts=["redis://127.0.0.1:1"])
    monkeypatch.setattr(services.events, "get_channel_layer", lambda: away)
    call = make_call(node=node)
    assert refusal(lambda: services.reserve_seat(call=call, identity="caller:1")) == "unavailable"
    assert not Seat.objects.exists()
