"""RelayCall, rule by rule. Moments are seconds on the test's own clock; the call opens at 0."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from calls.relay.call import CHAT_KEPT, RENEWAL, Effect, RelayCall, SeatGiven, SeatLost
from calls.relay.terms import (
    CallEnded,
    ChatPosted,
    CountdownChanged,
    EndReason,
    Entrant,
    GoneReason,
    Media,
    MemberDeadlineChanged,
    ParticipantGone,
    ParticipantLive,
    Policy,
    Refusal,
    Role,
    Roster,
    RosterChanged,
    State,
    TakenOver,
)

ROOM = Policy()
CONSULTATION = Policy(member_wait=None, ends_without_member=True)
MEMBERS = ("nina", "omar", "pia", "rosa", "tom")


def entrant(name: str, *, connection: int = 1, media: Media | None = None) -> Entrant:
    """Whoever has a member's name is one."""
    role = Role.MEMBER if name in MEMBERS else Role.GUEST
    identity = f"user:{name}" if role is Role.MEMBER else f"visitor:{name}"
    return Entrant(name, identity, name.title(), role, connection, media or Media(microphone=True, camera=True))


class Story:
    """A call whose people send a packet each second unless they fall silent."""

    def __init__(self, policy: Policy = ROOM, **options: object) -> None:
        self.now = 0.0
        self.call = RelayCall("call", policy, now=0.0, **options)  # type: ignore[arg-type]
        self.silent: set[str] = set()
        self.told: list[Effect] = []

    def joins(self, *names: str, connection: int = 1, media: Media | None = None) -> State:
        """Ask for seats; media comes up at once for those who get one. The last one's state."""
        for name in names:
            self.call.join(entrant(name, connection=connection, media=media), self.now)
            self.silent.discard(name)
            self.call.connected(name, connection, self.now)
        return self.state(names[-1])

    def leaves(self, *names: str) -> None:
        for name in names:
            connection = self.call.connection(name)
            assert connection is not None
            self.call.leave(name, connection, self.now)

    def reads(self, name: str) -> list[str]:
        return [message.text for message in self.call.chat(name)]

    def falls_silent(self, name: str) -> None:
        self.silent.add(name)

    def until(self, moment: float) -> None:
        while self.now < moment:
            self.now = min(self.now + 1.0, moment)
            for person in self.call.people:
                if person.participant_id not in self.silent:
                    self.call.heard(person.participant_id, self.now)
            for name in self.call.line:
                self.call.renew(name, self.call.connection(name) or 0, self.now)
            self.call.tick(self.now)
            self.effects()
            for name in self.admitted():
                self.call.connected(name, self.call.connection(name) or 0, self.now)

    def admitted(self) -> list[str]:
        return [person.participant_id for person in self.call.people if person.state is State.CONNECTING]

    def state(self, name: str) -> State:
        state = self.call.state(name)
        assert state is not None
        return state

    def effects(self) -> list[Effect]:
        """Those since last asked; `told` has them all."""
        effects = self.call.take_effects()
        self.told += effects
        return effects

    def ends(self) -> list[CallEnded]:
        self.effects()
        return [effect for effect in self.told if isinstance(effect, CallEnded)]

    def roster(self) -> Roster:
        return self.call.roster(self.now)

    def line(self) -> list[str]:
        return list(self.call.line)

    def seated(self) -> list[str]:
        return [person.participant_id for person in self.call.people]


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(Refusal) as refused:
        act()
    return refused.value.code


# Seats (rule C1)


@pytest.mark.parametrize(
    ("already", "comes", "expected"),
    [
        ((), "ann", State.CONNECTED),
        (("ann", "bob"), "cy", State.CONNECTED),
        (("ann", "bob", "cy"), "dee", State.WAITING),  # the last seat is kept
        (("ann", "bob", "cy"), "nina", State.CONNECTED),  # for a member
        (("nina", "ann", "bob"), "cy", State.CONNECTED),
        (("nina", "ann", "bob", "cy"), "dee", State.WAITING),
        (("nina", "ann", "bob", "cy"), "omar", State.WAITING),
        (("nina", "omar", "pia"), "rosa", State.CONNECTED),
        (("nina", "omar", "pia", "rosa"), "tom", State.WAITING),
        (("nina", "omar", "pia", "rosa"), "ann", State.WAITING),
    ],
)
def test_four_are_seated_and_the_last_seat_is_a_members_while_there_is_none(
    already: tuple[str, ...], comes: str, expected: State
) -> None:
    story = Story()
    if already:
        story.joins(*already)
    assert story.joins(comes) is expected


def test_a_waiting_guest_is_seated_by_itself_when_somebody_leaves() -> None:
    story = Story()
    story.joins("ann", "bob", "cy", "dee", "nina")
    assert story.line() == ["dee"]
    story.effects()
    story.leaves("ann")
    assert SeatGiven("dee", 1) in story.effects()
    assert story.seated() == ["bob", "cy", "nina", "dee"]


def test_who_waits_is_seated_members_first_then_by_arrival() -> None:
    story = Story()
    story.joins("nina", "ann", "bob", "cy")
    story.joins("dee", "eve", "omar", "pia")
    assert story.line() == ["omar", "pia", "dee", "eve"]
    story.effects()
    story.leaves("ann", "bob", "cy", "nina")
    assert [effect for effect in story.effects() if isinstance(effect, SeatGiven)] == [
        SeatGiven(name, 1) for name in ("omar", "pia", "dee", "eve")
    ]


def test_a_member_coming_for_the_kept_seat_admits_no_fifth() -> None:
    story = Story()
    story.joins("ann", "bob", "cy", "dee")
    assert story.joins("nina") is State.CONNECTED
    assert story.line() == ["dee"]
    assert story.call.live_count == 4


def test_a_smaller_capacity_still_keeps_a_seat_for_a_member() -> None:
    story = Story(Policy(capacity=2))
    story.joins("ann")
    assert story.joins("bob") is State.WAITING
    assert story.joins("nina") is State.CONNECTED


@pytest.mark.parametrize("capacity", [0, 1, 5])
def test_a_capacity_the_offer_has_no_place_for_is_a_programming_error(capacity: int) -> None:
    with pytest.raises(ValueError, match="seats"):
        RelayCall("call", Policy(capacity=capacity), now=0.0)


def test_joining_again_from_the_line_keeps_the_place_in_it() -> None:
    story = Story()
    story.joins("nina", "ann", "bob", "cy")
    story.joins("dee", "eve")
    story.effects()
    story.call.join(entrant("dee", connection=2), 0.0)
    assert story.line() == ["dee", "eve"]
    assert story.effects() == [TakenOver("call", "dee", 1)]
    story.leaves("ann")
    assert SeatGiven("dee", 2) in story.effects()


def test_a_guest_in_line_who_returns_as_a_member_has_the_kept_seat_and_is_not_seated_twice() -> None:
    story = Story()
    story.joins("ann", "bob", "cy", "dee")
    story.effects()
    assert story.call.join(replace(entrant("dee", connection=2), role=Role.MEMBER), 0.0) is State.CONNECTING
    assert not [effect for effect in story.effects() if isinstance(effect, SeatGiven)]


def test_whoever_is_not_renewed_for_fifteen_seconds_is_out_of_the_line() -> None:
    story = Story()
    story.joins("nina", "ann", "bob", "cy")
    story.joins("dee", "eve")
    story.until(20.0)
    story.call.renew("dee", 1, 20.0)
    story.call.renew("eve", 2, 20.0)  # not the connection that waits
    story.effects()
    for name in ("nina", "ann", "bob", "cy"):
        story.call.heard(name, 20.0 + RENEWAL - 0.1)
    story.call.tick(20.0 + RENEWAL - 0.1)
    assert story.line() == ["dee", "eve"]
    story.call.renew("dee", 1, 20.0 + RENEWAL - 0.1)
    story.call.tick(20.0 + RENEWAL)
    assert story.line() == ["dee"]
    assert story.effects() == [ParticipantGone("call", "eve", GoneReason.LOST, False, 20.0 + RENEWAL)]


def test_a_seat_whose_media_never_comes_up_is_free_after_fifteen_seconds() -> None:
    story = Story()
    story.joins("nina", "ann", "bob")
    story.until(10.0)
    story.call.join(entrant("cy"), 10.0)
    for name in ("nina", "ann", "bob"):
        story.call.heard(name, 24.0)
    story.call.join(entrant("dee"), 24.9)
    assert story.line() == ["dee"]
    story.effects()
    story.call.tick(25.0)
    assert story.effects()[:3] == [
        SeatLost("cy", 1),
        ParticipantGone("call", "cy", GoneReason.FAILED, False, 25.0),
        SeatGiven("dee", 1),
    ]


# Reservations (rules W6, C5)


def test_a_reserved_seat_is_kept_until_its_time_and_is_for_its_identity_alone() -> None:
    story = Story()
    story.joins("nina", "ann", "bob")
    story.call.reserve("visitor:cy", 10.0, 0.0)
    assert story.joins("dee") is State.WAITING
    assert story.joins("cy") is State.CONNECTED
    story.leaves("ann")
    assert story.line() == []
    assert story.call.state("dee") is State.CONNECTING


def test_a_reservation_that_runs_out_gives_the_seat_to_who_waits() -> None:
    story = Story()
    story.joins("nina", "ann", "bob")
    story.call.reserve("visitor:cy", 10.0, 0.0)
    story.joins("dee")
    story.until(9.0)
    assert story.line() == ["dee"]
    story.until(10.0)
    assert story.state("dee") is State.CONNECTED


def test_a_seat_that_is_given_back_is_at_once_for_who_waits() -> None:
    story = Story()
    story.joins("nina", "ann", "bob")
    story.call.reserve("visitor:cy", 30.0, 0.0)
    assert story.joins("dee") is State.WAITING
    story.call.reserve("visitor:cy", 0.0, 0.0)
    assert story.line() == []
    assert story.state("dee") is not State.WAITING


@pytest.mark.parametrize(
    ("already", "held"), [(("nina", "ann", "bob", "cy"), ()), (("nina", "ann"), ("x", "y")), (("ann", "bob", "cy"), ())]
)
def test_a_full_call_refuses_a_reservation_before_anything_changes(
    already: tuple[str, ...], held: tuple[str, ...]
) -> None:
    story = Story()
    story.joins(*already)
    for identity in held:
        story.call.reserve(identity, 10.0, 0.0)
    story.effects()
    assert refusal(lambda: story.call.reserve("caller:1", 10.0, 0.0)) == "full"
    assert story.effects() == []
    for identity in held:
        story.call.reserve(identity, 20.0, 0.0)  # renewing one needs no second seat


def test_somebody_who_sits_needs_no_reservation() -> None:
    story = Story()
    story.joins("nina", "ann", "bob", "cy")
    story.call.reserve("visitor:cy", 10.0, 0.0)
    story.leaves("bob")
    assert story.joins("dee") is State.CONNECTED


def test_after_a_lost_relay_those_who_sat_return_before_anybody_who_waits() -> None:
    sat = {"user:nina": 20.0, "visitor:ann": 20.0, "visitor:bob": 20.0, "visitor:cy": 20.0}
    story = Story(reserved=sat)
    assert story.joins("dee") is State.WAITING
    assert story.joins("omar") is State.WAITING
    for name in ("cy", "bob", "ann"):
        assert story.joins(name) is State.CONNECTED
    story.until(19.0)
    assert story.line() == ["omar", "dee"]
    story.until(20.0)
    assert story.state("omar") is State.CONNECTED
    assert story.line() == ["dee"]


# The ten minutes (rule C3, hazard H19)


def _nothing(story: Story) -> None:
    story.until(20.0)


def _guest(story: Story) -> None:
    story.until(5.0)
    story.joins("ann")


def _guest_connecting(story: Story) -> None:
    story.call.join(entrant("ann"), 0.0)


def _second_guest(story: Story) -> None:
    _guest(story)
    story.until(100.0)
    story.joins("bob")


def _first_guest_gone(story: Story) -> None:
    _second_guest(story)
    story.leaves("ann")


def _guests_gone_and_another_come(story: Story) -> None:
    _first_guest_gone(story)
    story.leaves("bob")
    story.until(140.0)
    story.joins("cy")


def _guest_lost(story: Story) -> None:
    _second_guest(story)
    story.falls_silent("bob")
    story.until(150.0)


def _guest_taken_over(story: Story) -> None:
    _guest(story)
    story.until(50.0)
    story.joins("ann", connection=2)


def _member_connecting(story: Story) -> None:
    _guest(story)
    story.until(10.0)
    story.call.join(entrant("nina"), story.now)


def _member(story: Story) -> None:
    _guest(story)
    story.until(10.0)
    story.joins("nina")


def _member_alone_then_guest(story: Story) -> None:
    story.joins("nina")
    story.until(30.0)
    story.joins("ann")


def _member_silent(story: Story) -> None:
    _member(story)
    story.falls_silent("nina")
    story.until(29.0)
    assert story.state("nina") is State.RECONNECTING


def _member_lost(story: Story) -> None:
    _member(story)
    story.falls_silent("nina")
    story.until(40.0)


def _member_reloads(story: Story) -> None:
    _member(story)
    story.until(20.0)
    story.call.join(entrant("nina"), 20.0)


def _member_left(story: Story) -> None:
    _member(story)
    story.until(300.0)
    story.leaves("nina")


def _one_of_two_members_left(story: Story) -> None:
    _member(story)
    story.joins("omar")
    story.until(300.0)
    story.leaves("nina")


def _member_left_with_nobody_remaining(story: Story) -> None:
    _member(story)
    story.leaves("ann", "nina")


def _member_left_and_a_guest_came_later(story: Story) -> None:
    _member_left_with_nobody_remaining(story)
    story.until(40.0)
    story.joins("ann", connection=2)


def _member_removed(story: Story) -> None:
    _member(story)
    story.until(60.0)
    story.call.remove("nina", story.now)


@pytest.mark.parametrize(
    ("history", "deadline"),
    [
        (_nothing, None),
        (_guest_connecting, None),
        (_guest, 605.0),
        (_second_guest, 605.0),
        (_first_guest_gone, 605.0),
        (_guests_gone_and_another_come, 605.0),
        (_guest_lost, 605.0),
        (_guest_taken_over, 605.0),
        (_member_connecting, 605.0),
        (_member, None),
        (_member_alone_then_guest, None),
        (_member_silent, None),
        (_member_lost, 630.0),
        (_member_reloads, None),
        (_member_left, 900.0),
        (_one_of_two_members_left, None),
        (_member_left_with_nobody_remaining, None),
        (_member_left_and_a_guest_came_later, 640.0),
        (_member_removed, 660.0),
    ],
)
def test_the_deadline_is_set_kept_and_cleared_as_the_rule_says(
    history: Callable[[Story], None], deadline: float | None
) -> None:
    story = Story(wall=lambda moment: moment + 1e9)
    history(story)
    assert story.call.member_deadline == deadline
    story.effects()
    stored = [effect.member_deadline for effect in story.told if isinstance(effect, MemberDeadlineChanged)]
    shown = [(effect.kind, effect.ends_at) for effect in story.told if isinstance(effect, CountdownChanged)]
    unix = None if deadline is None else deadline + 1e9
    assert (stored or [None])[-1] == unix, "what is stored is what holds"
    assert shown == [("member" if moment else None, moment) for moment in stored], "what is shown is what is stored"


def test_a_consultation_has_no_deadline() -> None:
    story = Story(CONSULTATION, member_deadline=300.0)
    story.joins("ann")
    story.until(1000.0)
    assert story.call.member_deadline is None
    assert story.call.live_count == 1


def test_a_consultation_is_put_on_hold_when_its_last_member_has_left() -> None:
    """Rule W9: at once, for everybody; while a colleague is there, or at the door, it goes on."""
    story = Story(CONSULTATION)
    story.joins("ann", "nina", "omar")
    story.leaves("nina")
    assert story.ends() == []
    story.call.join(entrant("pia"), story.now)  # connecting
    story.leaves("omar")
    assert story.ends() == []
    story.joins("pia")
    story.leaves("pia")
    assert story.ends() == [CallEnded("call", EndReason.ON_HOLD, story.now)]
    assert [effect.reason for effect in story.told if isinstance(effect, ParticipantGone)][-1] is GoneReason.ENDED


def test_a_consultation_waits_for_a_member_who_is_only_reconnecting() -> None:
    """Rule C5: held once they are gone, 20 s after their last packet."""
    story = Story(CONSULTATION)
    story.joins("ann", "nina")
    story.falls_silent("nina")
    story.until(19.0)
    assert story.ends() == []
    story.until(20.0)
    assert story.ends() == [CallEnded("call", EndReason.ON_HOLD, 20.0)]


def test_a_consultation_without_a_member_so_far_is_simply_waiting() -> None:
    """Rule C3; also where a member's media never came up."""
    story = Story(CONSULTATION)
    story.joins("ann")
    story.call.join(entrant("nina"), story.now)
    story.leaves("nina")
    story.until(500.0)
    assert story.ends() == []


def test_a_meeting_goes_on_when_its_last_member_has_left() -> None:
    story = Story()
    story.joins("ann", "nina")
    story.leaves("nina")
    assert story.ends() == []


def test_guests_whom_no_member_joins_are_told_the_call_has_ended() -> None:
    story = Story()
    story.joins("ann", "bob")
    story.until(599.0)
    assert story.ends() == []
    story.until(600.0)
    assert story.ends() == [CallEnded("call", EndReason.NOBODY_JOINED, 600.0)]
    gone = [effect for effect in story.told if isinstance(effect, ParticipantGone)]
    assert [(effect.participant_id, effect.reason, effect.was_live) for effect in gone] == [
        ("ann", GoneReason.ENDED, True),
        ("bob", GoneReason.ENDED, True),
    ]


def test_a_stored_deadline_is_neither_lost_nor_started_again_by_a_restart() -> None:
    story = Story(member_deadline=200.0)
    story.until(10.0)
    story.joins("ann")
    story.until(199.0)
    assert story.ends() == []
    story.until(200.0)
    assert [end.reason for end in story.ends()] == [EndReason.NOBODY_JOINED]
    assert not [effect for effect in story.told if isinstance(effect, MemberDeadlineChanged)]


def test_the_deadline_waits_for_a_member_who_is_connecting() -> None:
    story = Story()
    story.joins("ann")
    story.until(595.0)
    story.call.join(entrant("nina"), 595.0)
    story.call.heard("ann", 605.0)
    story.call.tick(605.0)
    assert story.ends() == []
    story.call.connected("nina", 1, 606.0)
    assert story.call.member_deadline is None
    story.until(700.0)
    assert story.ends() == []


def test_the_deadline_does_not_wait_for_a_member_whose_media_never_comes_up() -> None:
    story = Story()
    story.joins("ann")
    story.until(595.0)
    story.call.join(entrant("nina"), 595.0)
    story.call.heard("ann", 609.0)
    story.call.tick(610.0)
    assert [end.reason for end in story.ends()] == [EndReason.NOBODY_JOINED]


def test_moving_the_scheduled_end_leaves_the_ten_minutes_alone() -> None:
    story = Story(ends_at=1000.0)
    story.joins("ann")
    story.until(100.0)
    story.call.set_deadlines(None, 1060.0, 100.0)
    assert story.call.member_deadline == 600.0


def test_a_wall_clock_that_jumps_moves_no_timer() -> None:
    jump = 0.0
    story = Story(wall=lambda moment: moment + jump)
    story.joins("ann")
    jump = -5000.0
    story.until(300.0)
    jump = 9000.0
    story.until(599.0)
    assert story.ends() == []
    story.until(600.0)
    assert len(story.ends()) == 1


# Shielding and places (rules C3, C7)


def test_guests_neither_hear_nor_see_each_other_until_a_member_is_live() -> None:
    story = Story()
    story.joins("ann", "bob")
    assert story.call.forwarding() == {"ann": (None,) * 4, "bob": (None,) * 4}
    assert story.roster().slots == {"ann": ("bob", None, None), "bob": ("ann", None, None)}
    story.call.join(entrant("nina"), 0.0)
    assert story.call.forwarding()["ann"] == (None, "nina", None, None), "the member connecting is not live yet"
    assert story.call.forwarding()["nina"] == ("ann", "bob", None, None), "a member is shielded from nobody"
    story.call.connected("nina", 1, 1.0)
    assert story.call.forwarding()["ann"] == ("bob", "nina", None, None)
    story.call.leave("nina", 1, 2.0)
    assert story.call.forwarding() == {"ann": (None,) * 4, "bob": (None,) * 4}


def test_guests_stay_unshielded_while_the_member_is_reconnecting() -> None:
    story = Story()
    story.joins("ann", "bob", "nina")
    story.falls_silent("nina")
    story.until(19.0)
    assert story.call.forwarding()["ann"] == ("bob", "nina", None, None)
    story.until(20.0)
    assert story.call.forwarding()["ann"] == (None, None, None, None)


def test_a_policy_without_shielding_lets_guests_meet() -> None:
    story = Story(Policy(shield_guests=False))
    story.joins("ann", "bob")
    assert story.call.forwarding()["ann"] == ("bob", None, None, None)


def test_a_guests_shared_screen_is_shielded_from_guests() -> None:
    story = Story()
    story.joins("ann", "bob", media=Media(screen=False))
    story.call.set_media("ann", Media(screen=True), 0.0)
    assert story.call.forwarding()["bob"] == (None, None, None, None)
    story.joins("nina")
    assert story.call.forwarding()["bob"] == ("ann", "nina", None, "ann")
    assert story.call.forwarding()["ann"] == ("bob", "nina", None, None), "nobody gets their own screen"


def test_people_keep_their_places_and_a_newcomer_takes_the_first_free() -> None:
    story = Story()
    story.joins("nina", "ann", "bob", "cy")
    story.leaves("ann")
    assert story.roster().slots["cy"] == ("nina", None, "bob")
    story.joins("dee")
    assert story.roster().slots == {
        "nina": ("dee", "bob", "cy"),
        "bob": ("nina", "dee", "cy"),
        "cy": ("nina", "dee", "bob"),
        "dee": ("nina", "bob", "cy"),
    }


def test_whoever_comes_back_after_losing_the_seat_is_found_in_the_same_place_and_finds_the_others_there() -> None:
    story = Story()
    story.joins("nina", "ann", "bob", "cy")
    before = story.roster().slots
    story.falls_silent("ann")
    story.until(30.0)
    assert story.seated() == ["nina", "bob", "cy"]
    story.joins("ann")
    assert story.roster().slots == before


def test_place_taken_meanwhile_is_not_asked_back() -> None:
    story = Story()
    story.joins("nina", "ann", "bob", "cy")
    story.leaves("ann")
    story.joins("dee")
    story.leaves("cy")
    story.joins("ann")
    assert story.roster().slots["nina"] == ("dee", "bob", "ann")
    assert sorted(place or "" for place in story.roster().slots["ann"]) == ["bob", "dee", "nina"]


# Take-over and reconnecting (rules C4, C5; hazard H18)


def test_a_newer_join_takes_over_and_keeps_seat_name_order_mute_and_place() -> None:
    story = Story()
    story.joins("nina", "ann", "bob")
    story.call.set_media("ann", Media(microphone=False, camera=True), 0.0)
    before = story.roster()
    story.until(50.0)
    story.effects()
    newcomer = replace(entrant("ann", connection=2, media=Media(microphone=True, camera=False)), name="Impostor")
    assert story.call.join(newcomer, 50.0) is State.CONNECTING
    story.call.connected("ann", 2, 51.0)
    effects = story.effects()
    assert effects[:2] == [TakenOver("call", "ann", 1), SeatLost("ann", 1)]
    assert not [effect for effect in effects if isinstance(effect, (ParticipantLive, ParticipantGone))]
    after = story.roster()
    assert after.people == before.people
    assert after.slots == before.slots


def test_a_reload_keeps_the_seat_in_silence() -> None:
    story = Story()
    story.joins("nina", "ann")
    story.effects()
    assert story.call.join(entrant("ann"), 1.0) is State.CONNECTING
    assert story.state("ann") is State.RECONNECTING
    assert story.call.live_count == 2
    story.call.connected("ann", 1, 2.0)
    story.until(30.0)
    assert story.state("ann") is State.CONNECTED
    effects = [effect for effect in story.told if not isinstance(effect, RosterChanged)]
    assert effects == [ParticipantLive("call", "nina", 0.0), ParticipantLive("call", "ann", 0.0), SeatLost("ann", 1)]


def test_a_page_back_from_a_loss_never_takes_the_seat_from_a_newer_join() -> None:
    story = Story()
    story.joins("ann")
    story.joins("ann", connection=5)
    story.effects()
    assert refusal(lambda: story.call.join(entrant("ann", connection=4), 1.0)) == "taken_over"
    for act in (story.call.disconnected, story.call.refused, story.call.leave, story.call.connected):
        act("ann", 1, 2.0)
    assert story.state("ann") is State.CONNECTED
    assert story.effects() == []
    story.call.leave("ann", 5, 3.0)
    assert refusal(lambda: story.call.join(entrant("ann", connection=4), 4.0)) == "taken_over"


@pytest.mark.parametrize(
    ("silence", "expected"),
    [(3.9, State.CONNECTED), (4.0, State.RECONNECTING), (19.9, State.RECONNECTING), (20.0, None)],
)
def test_silence_is_reconnecting_after_four_seconds_and_gone_after_twenty(
    silence: float, expected: State | None
) -> None:
    story = Story()
    story.joins("ann")
    story.call.heard("ann", 7.0)
    story.call.tick(7.0 + silence)
    assert story.call.state("ann") is expected


def test_a_packet_brings_somebody_reconnecting_back_still_muted() -> None:
    story = Story()
    story.joins("nina", "ann", media=Media(camera=True))
    story.falls_silent("ann")
    story.until(15.0)
    assert story.state("ann") is State.RECONNECTING
    story.effects()
    story.call.heard("ann", 15.5)
    roster = story.effects()[-1]
    assert isinstance(roster, RosterChanged)
    ann = next(person for person in roster.roster.people if person.participant_id == "ann")
    assert (ann.state, ann.media) == (State.CONNECTED, Media(camera=True))


def test_a_packet_after_twenty_silent_seconds_is_too_late_even_if_no_tick_came_between() -> None:
    story = Story()
    story.joins("nina", "ann")
    story.call.heard("ann", 5.0)
    story.call.heard("nina", 19.0)
    story.call.heard("ann", 25.0)
    story.call.tick(25.0)
    assert story.seated() == ["nina"]


def test_a_closed_leg_is_reconnecting_at_once_and_a_late_packet_of_it_changes_nothing() -> None:
    story = Story()
    story.joins("nina", "ann")
    story.until(10.0)
    story.call.disconnected("ann", 1, 10.5)
    story.call.heard("ann", 10.6)
    assert story.state("ann") is State.RECONNECTING
    story.until(29.0)
    assert story.state("ann") is State.RECONNECTING
    story.until(30.0)
    assert story.call.state("ann") is None


def test_whoever_joins_again_at_the_last_moment_has_time_to_connect() -> None:
    story = Story()
    story.joins("nina", "ann")
    story.falls_silent("ann")
    story.until(19.0)
    story.call.join(entrant("ann"), 19.0)
    story.until(33.0)
    assert story.state("ann") is State.RECONNECTING
    story.until(34.0)
    assert story.call.state("ann") is None
    assert ParticipantGone("call", "ann", GoneReason.LOST, True, 34.0) in story.told


def test_a_leg_closed_for_hostile_input_frees_its_seat_at_once() -> None:
    story = Story()
    story.joins("nina", "ann")
    story.effects()
    story.call.refused("ann", 1, 5.0)
    assert story.effects()[:2] == [SeatLost("ann", 1), ParticipantGone("call", "ann", GoneReason.REFUSED, True, 5.0)]


def test_somebody_who_returns_after_leaving_is_a_new_stay_in_their_old_order() -> None:
    story = Story()
    story.joins("nina", "ann", "bob", media=Media(camera=True))
    story.until(10.0)
    story.leaves("ann")
    story.joins("ann", connection=2, media=Media(microphone=True))
    story.effects()
    ann = story.call.people[1]
    assert (ann.participant_id, ann.joined_at, ann.media) == ("ann", 0.0, Media(microphone=True))
    assert [effect.at for effect in story.told if isinstance(effect, ParticipantLive)] == [0.0, 0.0, 0.0, 10.0]


# Removal and the end (rules C7, C9)


@pytest.mark.parametrize("connection", [1, 2, 9])
def test_somebody_removed_cannot_come_back_by_the_same_identity(connection: int) -> None:
    story = Story()
    story.joins("nina", "ann")
    story.effects()
    story.call.remove("ann", 1.0)
    assert story.effects()[:2] == [SeatLost("ann", 1), ParticipantGone("call", "ann", GoneReason.REMOVED, True, 1.0)]
    assert refusal(lambda: story.call.join(entrant("ann", connection=connection), 2.0)) == "removed"
    assert refusal(lambda: story.call.reserve("visitor:ann", 10.0, 2.0)) == "removed"


def test_somebody_removed_just_after_they_left_cannot_come_back_either() -> None:
    story = Story()
    story.joins("nina", "ann")
    story.leaves("ann")
    story.call.remove("ann", 1.0)
    assert refusal(lambda: story.call.join(entrant("ann", connection=2), 2.0)) == "removed"


def test_removing_somebody_who_is_expected_back_gives_their_reserved_seat_to_who_waits() -> None:
    story = Story()
    story.joins("nina", "ann", "bob", "cy")
    story.leaves("ann")
    story.call.reserve("visitor:ann", 20.0, 0.0)
    assert story.joins("dee") is State.WAITING
    story.call.remove("ann", 1.0)
    assert story.state("dee") is State.CONNECTING


def test_removing_a_stranger_says_so() -> None:
    assert refusal(lambda: Story().call.remove("nobody", 0.0)) == "no_such_participant"


def _nobody_came(story: Story) -> float:
    return 60.0


def _everybody_left(story: Story) -> float:
    story.joins("nina")
    story.until(100.0)
    story.leaves("nina")
    return 160.0


def _somebody_never_connected(story: Story) -> float:
    story.until(50.0)
    story.call.join(entrant("nina"), 50.0)
    story.call.tick(65.0)
    story.now = 65.0
    return 125.0


def _everybody_was_lost(story: Story) -> float:
    story.joins("nina")
    story.falls_silent("nina")
    return 80.0


@pytest.mark.parametrize("history", [_nobody_came, _everybody_left, _somebody_never_connected, _everybody_was_lost])
def test_a_call_with_nobody_live_ends_after_a_minute(history: Callable[[Story], float]) -> None:
    story = Story()
    moment = history(story)
    story.until(moment - 0.5)
    assert story.ends() == []
    story.until(moment)
    assert story.ends() == [CallEnded("call", EndReason.EMPTY, moment)]


def test_the_scheduled_end_ends_everyones_connection() -> None:
    story = Story(ends_at=300.0)
    story.joins("nina", "ann", "bob", "cy", "dee")
    story.until(300.0)
    assert story.ends() == [CallEnded("call", EndReason.TIME_UP, 300.0)]
    assert [effect.participant_id for effect in story.told if isinstance(effect, SeatLost)] == [
        "nina",
        "ann",
        "bob",
        "cy",
    ]
    assert isinstance(story.told[-1], CallEnded), "nothing follows the end"


@pytest.mark.parametrize(
    ("ends_at", "expected"),
    [(None, ("member", 600.0)), (601.0, ("member", 600.0)), (600.0, ("member", 600.0)), (599.0, ("end", 599.0))],
)
def test_of_two_countdowns_the_earlier_is_told(ends_at: float | None, expected: tuple[str, float]) -> None:
    story = Story(ends_at=ends_at)
    story.joins("ann")
    assert (story.call.countdown.kind, story.call.countdown.ends_at) == expected
    story.joins("nina")
    assert (story.call.countdown.kind, story.call.countdown.ends_at) == (("end", ends_at) if ends_at else (None, None))


def test_a_minute_more_is_told_and_puts_off_the_end() -> None:
    story = Story(ends_at=300.0)
    story.joins("nina")
    story.until(299.0)
    story.effects()
    story.call.set_deadlines(None, 360.0, 300.0)
    assert story.effects() == [CountdownChanged("call", "end", 360.0)]
    story.until(359.0)
    assert story.ends() == []


def test_after_the_end_every_command_is_harmless_and_no_new_one_gets_in() -> None:
    story = Story()
    story.joins("nina", "ann")
    story.call.end(EndReason.MEMBER_ENDED, 10.0)
    story.effects()
    story.call.end(EndReason.CLOSED, 11.0)
    story.call.heard("ann", 11.0)
    story.call.leave("ann", 1, 11.0)
    story.call.connected("ann", 1, 11.0)
    story.call.set_deadlines(20.0, 20.0, 11.0)
    story.call.tick(1e6)
    for act in (
        lambda: story.call.join(entrant("ann", connection=2), 12.0),
        lambda: story.call.reserve("visitor:ann", 1.0, 12.0),
        lambda: story.call.set_media("ann", Media(), 12.0),
        lambda: story.call.post_chat("ann", "hello", 12.0),
    ):
        assert refusal(act) == "no_such_call"
    assert story.call.ended is EndReason.MEMBER_ENDED
    assert story.effects() == []


# What people send and say (rules C6, C7)


def test_a_second_shared_screen_is_refused_unless_it_takes_the_first() -> None:
    story = Story()
    story.joins("nina", "ann", media=Media(camera=True))
    story.call.set_media("ann", Media(screen=True), 1.0)
    assert refusal(lambda: story.call.set_media("nina", Media(screen=True), 2.0)) == "not_allowed"
    assert story.roster().screen == "ann"
    story.call.set_media("nina", Media(screen=True), 3.0, take_screen=True)
    assert story.roster().screen == "nina"
    assert [person.media.screen for person in story.call.people] == [True, False]


def test_newcomers_do_not_bring_a_second_shared_screen() -> None:
    story = Story()
    story.joins("nina", "ann", "bob", "cy", media=Media(screen=True))
    assert story.roster().screen == "nina"
    assert [person.media.screen for person in story.call.people] == [True, False, False, False]


@pytest.mark.parametrize("still_shared", [True, False])
def test_a_returning_page_goes_on_sharing_its_screen_only_if_it_still_has_it(still_shared: bool) -> None:
    story = Story()
    story.joins("nina", "ann", media=Media(microphone=True))
    story.call.set_media("ann", Media(screen=True), 1.0)
    story.joins("ann", media=Media(microphone=True, screen=still_shared))
    assert story.roster().screen == ("ann" if still_shared else None)
    assert story.call.people[1].media == Media(screen=still_shared), "and is still muted"


def test_shielded_guests_cannot_write_to_each_other() -> None:
    """Rule C3: what is not heard and not seen is not read either."""
    story = Story()
    story.joins("ann", "bob")
    assert story.roster().shielded
    assert refusal(lambda: story.call.post_chat("ann", "hello", 1.0)) == "not_allowed"
    story.joins("nina")
    assert not story.roster().shielded
    story.call.post_chat("ann", "hello", 2.0)
    assert story.reads("bob") == ["hello"]


def test_the_last_two_hundred_messages_are_kept_for_who_comes_later() -> None:
    story = Story()
    story.joins("nina")
    for number in range(CHAT_KEPT + 5):
        story.call.post_chat("nina", str(number), 1.0)
    story.joins("ann")
    assert story.reads("ann") == [str(number) for number in range(5, CHAT_KEPT + 5)]
    assert len([effect for effect in story.effects() if isinstance(effect, ChatPosted)]) == CHAT_KEPT + 5


def test_nobody_speaks_before_they_are_live() -> None:
    story = Story()
    story.joins("ann", "bob", "cy")
    story.call.join(entrant("nina"), 0.0)
    assert story.joins("dee") is State.WAITING
    assert refusal(lambda: story.call.post_chat("nina", "hello", 1.0)) == "not_allowed"
    assert refusal(lambda: story.call.post_chat("dee", "hello", 1.0)) == "not_allowed"
    assert refusal(lambda: story.call.post_chat("eve", "hello", 1.0)) == "no_such_participant"
    assert [story.reads(name) for name in ("nina", "ann", "eve")] == [[], [], []]


def test_guest_who_came_while_shielded_never_reads_what_was_said_before_a_member_came() -> None:
    """Rule C3: nor do they learn, by its names, who had been there."""
    story = Story()
    story.joins("nina", "ann")
    story.call.post_chat("ann", "my knee hurts", 1.0)
    story.until(5.0)
    story.leaves("nina")
    story.joins("bob")
    assert story.reads("bob") == []
    assert story.reads("ann") == ["my knee hurts"], "who read it may read it again, after a reload"
    story.until(10.0)
    story.joins("nina")
    assert story.reads("nina") == ["my knee hurts"]
    assert story.reads("bob") == []
    story.call.post_chat("nina", "good morning", 11.0)
    assert story.reads("bob") == ["good morning"]
    # Not by coming back, from this page or a new one, with or without a member.
    for connection in (1, 2):
        story.joins("bob", connection=connection)
        assert story.reads("bob") == ["good morning"]
    story.leaves("bob")
    story.joins("bob", connection=3)
    assert story.reads("bob") == ["good morning"]
    # Who comes while a member is here is told all of it.
    story.joins("cy")
    assert story.reads("cy") == ["my knee hurts", "good morning"]


def test_guest_in_line_is_told_what_was_said_once_they_have_a_seat() -> None:
    story = Story()
    story.joins("nina", "ann", "bob", "cy")
    story.call.post_chat("nina", "hello", 1.0)
    story.joins("dee")
    story.leaves("cy")
    assert story.reads("dee") == ["hello"]


# What is told


def test_a_drain_tells_the_roster_once_last_and_whole_and_only_when_it_changed() -> None:
    story = Story(wall=lambda moment: moment + 1000.0)
    story.until(2.0)
    story.joins("nina", "ann")
    effects = story.effects()
    assert [type(effect) for effect in effects] == [ParticipantLive, ParticipantLive, RosterChanged]
    roster = effects[-1]
    assert isinstance(roster, RosterChanged)
    assert [person.name for person in roster.roster.people] == ["Nina", "Ann"]
    assert roster.roster.started_at == 1002.0
    story.until(60.0)
    assert story.effects() == []


def test_elapsed_time_counts_from_the_first_who_was_live() -> None:
    story = Story()
    story.call.join(entrant("nina"), 0.0)
    assert story.roster().started_at is None
    story.call.connected("nina", 1, 2.0)
    story.until(30.0)
    story.leaves("nina")
    story.joins("omar")
    assert story.roster().started_at == 2.0


def test_people_who_wait_are_not_in_the_roster() -> None:
    story = Story()
    story.joins("nina", "ann", "bob", "cy")
    story.effects()
    story.joins("dee")
    assert story.effects() == []
    assert story.call.waiting_count == 1
