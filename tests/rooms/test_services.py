from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from accounts.models import AccessRecord
from calls.models import Attendance, Call, Seat
from calls.places import Act
from core.errors import Conflict, DomainError, NotAllowed
from rooms import services
from rooms.models import MeetingRoom, RoomMembership
from rooms.places import may
from tests.accounts.factories import make_organisation, make_user
from tests.rooms.factories import (
    make_administrator,
    make_member,
    make_room,
    make_room_membership,
    make_somebody_in,
)

ADMINISTRATOR, MEMBER = RoomMembership.Role.ADMINISTRATOR, RoomMembership.Role.MEMBER


def recorded(room: MeetingRoom) -> list[tuple[str, str | None]]:
    records = AccessRecord.objects.filter(place=room.place).order_by("pk")
    return [(record.act, record.actor.name if record.actor else None) for record in records]


@pytest.mark.django_db
class TestLink:
    def test_reset_link_is_another_link_and_is_recorded(self) -> None:
        room = make_room()
        administrator = make_administrator(room, name="Nina")
        before = room.link
        after = services.reset_link(room=room, seen_generation=1, by=administrator).link
        assert after != before
        assert recorded(room) == [("room.link_reset", "Nina")]

    def test_second_press_on_an_old_page_resets_nothing(self) -> None:
        room = make_room(link_generation=2)
        with pytest.raises(Conflict) as refused:
            services.reset_link(room=room, seen_generation=1, by=make_administrator(room))
        assert refused.value.code == "reset_meanwhile"
        room.refresh_from_db()
        assert room.link_generation == 2
        assert recorded(room) == []

    def test_guest_by_the_old_link_is_refused_at_the_last_moment(self) -> None:
        room = make_room(link_generation=2)
        with pytest.raises(services.DeadLink):
            services.admit_guest(room=room, generation=1, identity="visitor:1", name="Gail")
        assert not Seat.objects.exists()

    def test_after_a_reset_guests_in_the_call_stay_and_those_who_left_do_not_come_back(self) -> None:
        room = make_room()
        seat = services.admit_guest(room=room, generation=1, identity="visitor:1", name="Gail")
        assert may(room.place, "visitor:1", Act.ENTER)
        stay = Attendance.objects.create(seat=seat, joined_at=seat.created_at, node="node")
        services.reset_link(room=room, seen_generation=1, by=make_administrator(room))
        assert may(room.place, "visitor:1", Act.ENTER), "people in the call stay (rule R2)"
        stay.left_at = seat.created_at
        stay.save(update_fields=["left_at"])
        assert not may(room.place, "visitor:1", Act.ENTER), "the old link dies, also for coming back (rule R2)"
        services.admit_guest(room=room, generation=2, identity="visitor:1", name="Gail")
        assert may(room.place, "visitor:1", Act.ENTER)


@pytest.mark.django_db
class TestAdmission:
    def test_members_and_guests_meet_in_one_call(self) -> None:
        room = make_room()
        member = services.admit_member(room=room, user=make_member(room, name="Nina"))
        guest = services.admit_guest(room=room, generation=1, identity="visitor:1", name="Gail")
        assert member.call == guest.call
        assert (member.role, member.display_name) == (Seat.Role.MEMBER, "Nina")
        assert (guest.role, guest.display_name) == (Seat.Role.GUEST, "Gail")
        assert recorded(room) == [("room.entered", "Nina"), ("room.entered", None)]

    def test_access_log_names_no_guest(self) -> None:
        room = make_room()
        services.admit_guest(room=room, generation=1, identity="visitor:1", name="Gail Green")
        assert "Gail" not in AccessRecord.objects.get(place=room.place).detail

    def test_same_person_again_keeps_the_seat_and_takes_over(self) -> None:
        room = make_room()
        first = services.admit_guest(room=room, generation=1, identity="visitor:1", name="Gail")
        second = services.admit_guest(room=room, generation=1, identity="visitor:1", name="Gail")
        assert (second.pk, second.connection) == (first.pk, first.connection + 1)

    def test_colleague_who_is_no_member_is_not_admitted_as_one(self) -> None:
        room = make_room()
        with pytest.raises(NotAllowed):
            services.admit_member(room=room, user=make_user(organisation=room.organisation))

    def test_former_colleague_is_no_member_any_more(self) -> None:
        room = make_room()
        user = make_member(room)
        user.memberships.all().delete()
        with pytest.raises(NotAllowed):
            services.admit_member(room=room, user=user)
        assert not may(room.place, user.identity, Act.ENTER)

    def test_member_live_in_another_room_is_asked_to_leave_it(self) -> None:
        room, other = (make_room(organisation=organisation) for organisation in [make_organisation()] * 2)
        user = make_member(room)
        make_room_membership(room=other, user=user)
        make_somebody_in(other, identity=user.identity, role=Seat.Role.MEMBER)
        with pytest.raises(DomainError) as refused:
            services.admit_member(room=room, user=user)
        assert refused.value.code == "in_another_call"
        assert services.admit_member(room=room, user=user, leave_other=True).call.place == room.place

    def test_nobody_enters_a_deleted_room(self) -> None:
        room = make_room()
        user = make_administrator(room)
        services.delete_room(room=room, by=user)
        with pytest.raises(services.DeadLink):
            services.admit_member(room=room, user=user)
        with pytest.raises(services.DeadLink):
            services.admit_guest(room=room, generation=1, identity="visitor:1", name="Gail")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("identity", "allowed"),
    [("member", set(Act)), ("colleague", set()), ("stranger", set()), ("guest", {Act.ENTER}), ("visitor:9", set())],
)
def test_place_says_who_may_do_what(identity: str, allowed: set[Act]) -> None:
    room = make_room()
    services.admit_guest(room=room, generation=1, identity="visitor:1", name="Gail")
    identities = {
        "member": make_member(room).identity,
        "colleague": make_user(organisation=room.organisation).identity,
        "stranger": make_member(make_room()).identity,
        "guest": "visitor:1",
    }
    asked = identities.get(identity, identity)
    assert {act for act in Act if may(room.place, asked, act)} == allowed


@pytest.mark.django_db
def test_pass_for_one_room_opens_no_other() -> None:
    room, other = make_room(), make_room()
    services.admit_guest(room=room, generation=1, identity="visitor:1", name="Gail")
    assert not may(other.place, "visitor:1", Act.ENTER)


@pytest.mark.django_db
class TestUsers:
    def test_colleague_is_added_once(self) -> None:
        room = make_room()
        administrator, colleague = make_administrator(room), make_user(organisation=room.organisation)
        services.add_member(room=room, user=colleague, by=administrator)
        with pytest.raises(Conflict):
            services.add_member(room=room, user=colleague, by=administrator)
        assert room.membership_of(colleague)

    @pytest.mark.parametrize("fields", [{"organisation": None}, {"is_active": False}])
    def test_stranger_or_inactive_colleague_is_not_added(self, fields: dict[str, Any]) -> None:
        room = make_room()
        user = make_user(organisation=fields.pop("organisation", room.organisation))
        for name, value in fields.items():
            setattr(user, name, value)
            user.save(update_fields=[name])
        with pytest.raises(DomainError) as refused:
            services.add_member(room=room, user=user, by=None)
        assert refused.value.code == "not_a_colleague"

    @pytest.mark.parametrize(
        "take_away",
        [
            lambda membership, by: services.change_member_role(membership=membership, role=MEMBER, by=by),
            lambda membership, by: services.remove_member(membership=membership, by=by),
        ],
        ids=["change_member_role", "remove_member"],
    )
    def test_last_administrator_stays(self, take_away: Callable[..., object]) -> None:
        room = make_room()
        last = make_room_membership(room=room, role=ADMINISTRATOR)
        former = make_room_membership(room=room, role=ADMINISTRATOR).user
        former.is_active = False
        former.save(update_fields=["is_active"])
        with pytest.raises(DomainError) as refused:
            take_away(last, last.user)
        assert refused.value.code == "last_administrator"
        last.refresh_from_db()
        assert last.is_administrator

    def test_removed_member_leaves_the_running_call(self) -> None:
        room = make_room()
        user = make_member(room)
        seat = make_somebody_in(room, identity=user.identity, role=Seat.Role.MEMBER)
        services.remove_member(membership=room.memberships.get(user=user), by=make_administrator(room))
        seat.refresh_from_db()
        assert seat.removed_at is not None

    def test_role_changed_meanwhile_is_a_conflict(self) -> None:
        room = make_room()
        administrator = make_administrator(room)
        seen = make_room_membership(room=room)
        RoomMembership.objects.filter(pk=seen.pk).update(role=ADMINISTRATOR)
        with pytest.raises(Conflict):
            services.remove_member(membership=seen, by=administrator)


@pytest.mark.django_db
class TestRoom:
    def test_deleting_ends_the_call_and_frees_the_name(self) -> None:
        room = make_room(name="Daily Briefing")
        administrator = make_administrator(room)
        make_somebody_in(room)
        services.delete_room(room=room, by=administrator)
        assert Call.objects.get(place=room.place).ended_at is not None
        assert services.create_room(organisation=room.organisation, name="Daily Briefing", by=None).pk != room.pk
        with pytest.raises(Conflict):
            services.delete_room(room=room, by=administrator)

    def test_two_rooms_of_an_organisation_have_two_names(self) -> None:
        room, other = (make_room(organisation=organisation) for organisation in [make_organisation()] * 2)
        with pytest.raises(DomainError) as refused:
            services.create_room(organisation=room.organisation, name=room.name, by=None)
        assert refused.value.code == "name_taken"
        with pytest.raises(DomainError) as refused:
            services.update_properties(
                room=other,
                name=room.name,
                notice="",
                seen_version=other.properties_version,
                by=make_administrator(other),
            )
        assert refused.value.code == "name_taken"

    def test_properties_are_saved_and_recorded(self) -> None:
        room = make_room()
        saved = services.update_properties(
            room=room,
            name="Ward 3",
            notice="Knock.",
            seen_version=room.properties_version,
            by=make_administrator(room, name="Nina"),
        )
        room.refresh_from_db()
        assert (saved, saved.name, room.name, room.notice) == (room, "Ward 3", "Ward 3", "Knock.")
        assert recorded(room) == [("room.properties_changed", "Nina")]


def both_at_once(first: Callable[[], object], second: Callable[[], object]) -> list[str]:
    """What each of two threads that start together was told: "done", or the code of the refusal."""
    together = threading.Barrier(2)
    told: list[str] = []

    def run(act: Callable[[], object]) -> None:
        together.wait()
        try:
            act()
            told.append("done")
        except DomainError as error:
            told.append(error.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(act,)) for act in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(told)


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_two_resets_at_once_make_one_new_link(self) -> None:
        room = make_room()
        user = make_administrator(room)

        def reset() -> object:
            return services.reset_link(room=room, seen_generation=1, by=user)

        assert both_at_once(reset, reset) == ["done", "reset_meanwhile"]
        room.refresh_from_db()
        assert room.link_generation == 2

    def test_two_administrators_cannot_take_each_other_away(self) -> None:
        room = make_room()
        first, second = (make_room_membership(room=room, role=ADMINISTRATOR) for _ in range(2))
        told = both_at_once(
            lambda: services.remove_member(membership=first, by=second.user),
            lambda: services.remove_member(membership=second, by=first.user),
        )
        assert told == ["done", "last_administrator"]
        assert RoomMembership.objects.administrators().filter(room=room).count() == 1

    def test_guest_who_joins_while_the_link_is_reset_is_wholly_in_or_wholly_out(self) -> None:
        room = make_room()
        user = make_administrator(room)
        told = both_at_once(
            lambda: services.reset_link(room=room, seen_generation=1, by=user),
            lambda: services.admit_guest(room=room, generation=1, identity="visitor:1", name="Gail"),
        )
        assert told in (["done", "done"], ["dead_link", "done"])
        assert Seat.objects.exists() == (told == ["done", "done"])
        assert not may(room.place, "visitor:1", Act.ENTER)

    def test_two_who_enter_an_empty_room_at_once_are_in_one_call(self) -> None:
        room = make_room()
        told = both_at_once(
            lambda: services.admit_guest(room=room, generation=1, identity="visitor:1", name="Gail"),
            lambda: services.admit_guest(room=room, generation=1, identity="visitor:2", name="Gus"),
        )
        assert told == ["done", "done"]
        assert Call.objects.filter(place=room.place).count() == 1
