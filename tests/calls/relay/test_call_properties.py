"""RelayCall under any history of joins, leaves, take-overs, losses, removals and clock steps (hazard H19).

The machine keeps its own small account of who sits, waits, lives and is due, from the rules alone and from
what it did itself, and holds the call to it after every step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from calls.relay.call import RENEWAL, Effect, RelayCall, SeatGiven, SeatLost
from calls.relay.terms import (
    CallEnded,
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
    RosterChanged,
    State,
    TakenOver,
)

MEMBERS = ("nina", "omar", "pia")
GUESTS = ("ann", "bob", "cy", "dee", "eve")
WAIT, EMPTY_AFTER, RECONNECTING_AFTER, GONE_AFTER, CONNECT_WITHIN = 600.0, 60.0, 4.0, 20.0, 15.0
HEARTBEAT = 3.5  # under the 4 s after which somebody counts as silent

anyone = st.sampled_from(MEMBERS + GUESTS)
connection_steps = st.sampled_from((-1, 0, 0, 1))
medias = st.builds(Media, st.booleans(), st.booleans(), st.booleans())
spans = st.one_of(st.floats(0.1, 30.0), st.sampled_from((4.0, 15.0, 20.0, 60.0, 61.0, 300.0, 601.0)))
reservations = st.dictionaries(anyone, st.floats(1.0, 20.0), max_size=4)


def role_of(who: str) -> Role:
    return Role.MEMBER if who in MEMBERS else Role.GUEST


def outcome(act: Callable[[], State | None]) -> State | str | None:
    """What the call answers, or the code of its refusal."""
    try:
        return act()
    except Refusal as refusal:
        return refusal.code


def without_screen(media: Media) -> Media:
    return Media(media.microphone, media.camera)


class CallMachine(RuleBasedStateMachine):
    @initialize(
        member_wait=st.sampled_from((WAIT, WAIT, None)),
        reserved=reservations,
        deadline=st.none() | st.floats(1.0, WAIT),
        ends_at=st.none() | st.floats(10.0, 2000.0),
    )
    def opens(
        self, member_wait: float | None, reserved: dict[str, float], deadline: float | None, ends_at: float | None
    ) -> None:
        self.now = 1000.0
        self.offset = 0.0
        self.wait = member_wait
        self.reserved = {who: self.now + seconds for who, seconds in reserved.items()}
        self.restored = set(reserved)  # whose reservations nobody weighed against the kept seat
        self.deadline = self.now + deadline if deadline and member_wait else None
        self.ends_at = self.now + ends_at if ends_at else None
        self.call = RelayCall(
            "call",
            Policy(member_wait=member_wait),
            now=self.now,
            member_deadline=self.deadline,
            ends_at=self.ends_at,
            reserved=reserved,
            wall=lambda moment: moment + self.offset,
        )
        self.roster = self.call.roster(self.now)
        self.countdown = self.expected_countdown()
        self.empty_since: float | None = self.now
        self.ended: EndReason | None = None
        self.newest: dict[str, int] = {}
        self.removed: set[str] = set()
        self.line: list[str] = []  # by arrival
        self.legs: dict[str, int] = {}  # who has a seat, by which connection
        self.live: set[str] = set()
        self.up: set[str] = set()  # whose leg carries media
        self.silent: set[str] = set()
        self.last_packet: dict[str, float] = {}
        self.last_asked: dict[str, float] = {}
        self.media: dict[str, Media] = {}
        self.stays: Counter[str] = Counter()  # in the order of first seats
        self.places: dict[tuple[str, int, str, int], int] = {}

    # Histories

    @rule(names=st.permutations(MEMBERS + GUESTS), number=st.integers(2, 6))
    def several_join(self, names: list[str], number: int) -> None:
        for who in names[:number]:
            if who not in self.removed:
                self.joins(who, 0, Media(microphone=True), comes_up=True)

    @rule(who=anyone, step=connection_steps, media=medias, comes_up=st.booleans())
    def joins(self, who: str, step: int, media: Media, comes_up: bool) -> None:
        known = self.newest.get(who)
        connection = 1 if known is None else known + step
        entrant = Entrant(who, who, who.title(), role_of(who), connection, media)
        state = outcome(lambda: self.call.join(entrant, self.now))
        if who in self.removed or (known is not None and connection < known):
            assert state == ("removed" if who in self.removed else "taken_over")
            self.told()
            return
        expected: list[Effect] = []
        if known is not None and connection > known and (who in self.legs or who in self.line):
            expected.append(TakenOver("call", who, known))
        if stays := who in self.legs:
            expected.append(SeatLost(who, self.legs.pop(who)))
            self.up.discard(who)
            self.legs[who] = connection
            self.media[who] = self.media[who] if media.screen else without_screen(self.media[who])
        else:
            self.media[who] = media
        self.newest[who] = connection
        self.last_asked[who] = self.now
        self.silent.discard(who)
        if stays:
            assert state is State.CONNECTING, "nobody who has a seat loses it by joining again"
        elif self.may_sit(who, role_of(who)):
            assert state is State.CONNECTING
            self.is_seated(who)
        else:
            assert state is State.WAITING
            self.line += [] if who in self.line else [who]
        self.told(*expected)
        if comes_up:
            self.connects(who)

    @rule(who=anyone, stale=st.booleans())
    def media_comes_up(self, who: str, stale: bool) -> None:
        if who in self.newest:
            self.connects(who, self.newest[who] - stale)

    @rule(who=anyone)
    def falls_silent(self, who: str) -> None:
        self.silent.add(who)

    @rule(who=anyone)
    def is_heard_again(self, who: str) -> None:
        self.silent.discard(who)
        self.sends_a_packet(who)
        self.told()

    @rule(who=anyone, stale=st.booleans())
    def loses_the_leg(self, who: str, stale: bool) -> None:
        self.call.disconnected(who, self.newest.get(who, 1) - stale, self.now)
        if not stale and who in self.live:
            self.up.discard(who)
        self.told()

    @rule(who=anyone, stale=st.booleans(), hostile=st.booleans())
    def leaves(self, who: str, stale: bool, hostile: bool) -> None:
        here = who in self.legs or who in self.line
        (self.call.refused if hostile else self.call.leave)(who, self.newest.get(who, 1) - stale, self.now)
        gone = self.told()
        reason = GoneReason.REFUSED if hostile else GoneReason.LEFT
        assert gone.get(who) == (reason if here and not stale else None)

    @rule(who=anyone, seldom=st.integers(0, 3))
    def is_removed(self, who: str, seldom: int) -> None:
        if seldom or who not in self.newest:  # the removed never come back
            return
        here = who in self.legs or who in self.line
        self.call.remove(who, self.now)
        self.removed.add(who)
        self.reserved.pop(who, None)
        assert self.told().get(who) == (GoneReason.REMOVED if here else None)

    @rule(who=anyone, seconds=st.floats(1.0, 30.0))
    def is_expected(self, who: str, seconds: float) -> None:
        full = who not in self.legs and not self.may_sit(who, Role.GUEST)
        refusal = "removed" if who in self.removed else "full" if full else None
        assert outcome(lambda: self.call.reserve(who, seconds, self.now)) == refusal
        if refusal is None and who not in self.legs:
            self.reserved[who] = self.now + seconds
        self.told()

    @rule(who=anyone, media=medias, take_screen=st.booleans())
    def changes_media(self, who: str, media: Media, take_screen: bool) -> None:
        if who not in self.legs:
            return
        others = [other for other in self.legs if other != who and self.media[other].screen]
        refusal = "not_allowed" if media.screen and others and not take_screen else None
        assert outcome(lambda: self.call.set_media(who, media, self.now, take_screen=take_screen)) == refusal
        if refusal is None:
            self.media[who] = media
            for other in others if media.screen else []:
                self.media[other] = without_screen(self.media[other])
        self.told()

    @rule(ends_in=st.none() | st.floats(5.0, 900.0))
    def end_is_rescheduled(self, ends_in: float | None) -> None:
        self.ends_at = self.now + ends_in if ends_in else None
        self.call.set_deadlines(None, self.ends_at, self.now)
        self.told()

    @rule(offset=st.floats(-1e6, 1e6))
    def wall_clock_is_set(self, offset: float) -> None:
        self.offset = offset

    @rule(seconds=spans)
    def time_passes(self, seconds: float) -> None:
        until = self.now + seconds
        while self.now < until and self.ended is None:
            self.now = min(self.now + HEARTBEAT, until)
            for who in self.legs:
                if who not in self.silent:
                    self.sends_a_packet(who)
            for who in self.line:
                if who not in self.silent:
                    self.call.renew(who, self.newest[who], self.now)
                    if self.now < self.patience_with(who):  # a renewal at the last moment is too late
                        self.last_asked[who] = self.now
            self.ticks()

    @rule(seconds=st.floats(0.1, 30.0))
    def process_stalls(self, seconds: float) -> None:
        self.now += seconds
        self.ticks()

    # The account

    def connects(self, who: str, connection: int | None = None) -> None:
        connection = self.newest[who] if connection is None else connection
        self.call.connected(who, connection, self.now)
        goes_live = who in self.legs and connection == self.newest[who]
        if goes_live:
            self.up.add(who)
            self.last_packet[who] = self.now
        self.told()
        if goes_live:
            assert who in self.live

    def sends_a_packet(self, who: str) -> None:
        self.call.heard(who, self.now)
        if who in self.up and self.now < self.last_packet[who] + GONE_AFTER:
            self.last_packet[who] = self.now

    def ticks(self) -> None:
        """Time has passed: whatever is due has happened, and nothing else has."""
        self.call.tick(self.now)
        self.reserved = {who: until for who, until in self.reserved.items() if self.now < until}
        here = {*self.legs, *self.line}
        due = {who for who in here if self.now >= self.patience_with(who)}
        gone = self.told()
        assert {who for who, reason in gone.items() if reason is not GoneReason.ENDED} == due

    def patience_with(self, who: str) -> float:
        """Rules C1 and C5: when somebody nobody hears of is gone."""
        if who in self.line:
            return self.last_asked[who] + RENEWAL
        connecting_until = self.last_asked[who] + CONNECT_WITHIN
        if who in self.live:
            silent_until = self.last_packet[who] + GONE_AFTER
            return silent_until if who in self.up else max(silent_until, connecting_until)
        return connecting_until

    def may_sit(self, who: str, role: Role) -> bool:
        """Rule C1, for the seats as they are."""
        held = 0 if who in self.reserved else len(self.reserved)
        guests_alone = not any(role_of(seated) is Role.MEMBER for seated in self.legs)
        return len(self.legs) + held < (3 if role is Role.GUEST and guests_alone else 4)

    def members_here(self) -> bool:
        return any(role_of(who) is Role.MEMBER for who in (*self.legs, *self.line))

    def is_seated(self, who: str) -> None:
        assert who not in self.legs, "one leg at a time"
        if any(self.media[other].screen for other in self.legs):
            self.media[who] = without_screen(self.media[who])
        self.legs[who] = self.newest[who]
        self.last_asked[who] = self.now
        self.reserved.pop(who, None)
        if who in self.line:
            self.line.remove(who)
        self.stays[who] += 1

    def told(self, *expected: Effect) -> dict[str, GoneReason]:
        """Book what the call told, `expected` (booked already) first, and hold it to the account. Who is gone."""
        effects = self.call.take_effects()
        assert effects[: len(expected)] == list(expected)
        gone: dict[str, GoneReason] = {}
        freed: set[str] = set()
        deadlines: list[float | None] = []
        countdowns: list[CountdownChanged] = []
        rosters: list[RosterChanged] = []
        for effect in effects[len(expected) :]:
            assert self.ended is None, "nothing follows the end"
            assert not rosters, "the roster comes last"
            match effect:
                case SeatGiven(who, connection):
                    assert who in self.line
                    assert connection == self.newest[who]
                    assert self.may_sit(who, role_of(who))
                    self.is_seated(who)
                case SeatLost(who, connection):
                    assert self.legs.pop(who) == connection
                    freed.add(who)
                case ParticipantLive(_, who, at):
                    assert who not in self.live
                    assert who in self.up
                    assert at == self.now + self.offset
                    self.live.add(who)
                case ParticipantGone(_, who, reason, was_live, at):
                    assert who in freed or who in self.line
                    assert was_live == (who in self.live)
                    assert at == self.now + self.offset
                    gone[who] = reason
                    freed.discard(who)
                    self.live.discard(who)
                    self.up.discard(who)
                    self.line = [waiting for waiting in self.line if waiting != who]
                case MemberDeadlineChanged(_, deadline):
                    deadlines.append(deadline)
                case CountdownChanged():
                    countdowns.append(effect)
                case RosterChanged():
                    rosters.append(effect)
                case CallEnded(_, reason):
                    self.ends(reason, gone)
                case _:
                    raise AssertionError(f"nobody asked for {effect}")
        assert not freed, "whose seat is free is gone"
        assert self.call.ended is self.ended
        if self.ended is None:
            self.account_for_time(deadlines, countdowns)
            self.account_for_roster(rosters)
        return gone

    def ends(self, reason: EndReason, gone: dict[str, GoneReason]) -> None:
        """Rules C3 and C9: it ends when it must, for the reason that was due."""
        self.ended = reason
        assert not self.legs
        assert not self.line
        if reason is EndReason.NOBODY_JOINED:
            assert self.deadline is not None
            assert self.now >= self.deadline
            assert GoneReason.ENDED not in {gone[who] for who in gone if role_of(who) is Role.MEMBER}
        elif reason is EndReason.EMPTY:
            assert self.empty_since is not None
            assert self.now >= self.empty_since + EMPTY_AFTER
        else:
            assert reason is EndReason.TIME_UP
            assert self.ends_at is not None
            assert self.now >= self.ends_at

    def account_for_time(self, deadlines: list[float | None], countdowns: list[CountdownChanged]) -> None:
        """Rule C3: the deadline is set, kept and cleared exactly as it says, stored and shown as it changes."""
        before, roles = self.deadline, {role_of(who) for who in self.live}
        if Role.MEMBER in roles:
            self.deadline = None
        elif Role.GUEST in roles and self.deadline is None and self.wait is not None:
            self.deadline = self.now + self.wait
        assert self.call.member_deadline == self.deadline
        unix = None if self.deadline is None else self.deadline + self.offset
        assert deadlines == ([] if self.deadline == before else [unix])

        kind, moment = countdown = self.expected_countdown()
        shown = CountdownChanged("call", kind, None if moment is None else moment + self.offset)
        assert countdowns == ([] if countdown == self.countdown else [shown])
        assert self.call.countdown == shown
        self.countdown = countdown

        if self.legs:
            self.empty_since = None
        elif self.empty_since is None:
            self.empty_since = self.now
        assert self.ends_at is None or self.now < self.ends_at
        assert self.deadline is None or self.now < self.deadline or self.members_here()
        assert self.empty_since is None or self.now < self.empty_since + EMPTY_AFTER

    def expected_countdown(self) -> tuple[str | None, float | None]:
        running = [(self.deadline, "member"), (self.ends_at, "end")]
        moment, kind = min(
            ((moment, kind) for moment, kind in running if moment is not None),
            key=lambda countdown: countdown[0],
            default=(None, None),
        )
        return kind, moment

    def account_for_roster(self, rosters: list[RosterChanged]) -> None:
        """A new roster comes when something in it changed, and who stays keeps their places at each other."""
        before, now = self.roster, self.call.roster(self.now)
        assert [changed.roster for changed in rosters] == ([] if now == before else [now])
        assert now == before or now.version > before.version
        assert now == before or replace(now, version=before.version) != before
        places = {
            (who, self.stays[who], other, self.stays[other]): index
            for who, slots in now.slots.items()
            for index, other in enumerate(slots)
            if other is not None
        }
        for pair in places.keys() & self.places.keys():
            assert places[pair] == self.places[pair]
        self.roster, self.places = now, places

    # What holds after every step

    @invariant()
    def ended_call_lets_nobody_in(self) -> None:
        """And another opens, for the steps to come."""
        if self.ended is None:
            return
        for who in MEMBERS + GUESTS:
            entrant = Entrant(who, who, who, role_of(who), 10_000, Media())
            assert outcome(partial(self.call.join, entrant, self.now)) == "no_such_call"
        self.call.tick(self.now + 1e6)
        assert self.call.take_effects() == []
        self.opens(self.wait, {}, None, None)

    @invariant()
    def never_more_than_four(self) -> None:
        assert len(self.legs) + len(self.reserved) <= 4
        assert self.call.live_count == len(self.live) <= 4
        assert sum(role_of(who) is Role.GUEST for who in self.legs) <= 3

    @invariant()
    def nobody_waits_while_a_seat_they_may_have_is_free(self) -> None:
        by_rank = sorted(self.line, key=lambda who: role_of(who) is Role.GUEST)
        assert list(self.call.line) == by_rank
        assert self.call.waiting_count == len(self.line)
        assert not [who for who in self.line if self.may_sit(who, role_of(who))]

    @invariant()
    def no_member_is_shut_out_by_guests_alone(self) -> None:
        if any(role_of(who) is Role.MEMBER for who in self.line):
            assert any(role_of(who) is Role.MEMBER for who in self.legs) or self.restored & self.reserved.keys()

    @invariant()
    def roster_is_who_is_seated(self) -> None:
        people = self.roster.people
        assert [person.participant_id for person in people] == [who for who in self.stays if who in self.legs]
        for person in people:
            who = person.participant_id
            assert self.call.state(who) is person.state
            assert self.call.connection(who) == self.legs[who] == self.newest[who]
            assert (person.state is not State.CONNECTING) == (who in self.live)
            silent = who not in self.up or self.now >= self.last_packet[who] + RECONNECTING_AFTER
            assert who not in self.live or (person.state is State.RECONNECTING) == silent
            assert person.media == self.media[who]
        for who, slots in self.roster.slots.items():
            others = [other for other in slots if other is not None]
            assert sorted(others) == sorted(self.legs.keys() - {who})

    @invariant()
    def guests_get_nothing_of_each_other_without_a_live_member(self) -> None:
        member_is_live = any(role_of(who) is Role.MEMBER for who in self.live)
        sharers = [who for who in self.legs if self.media[who].screen]
        assert len(sharers) <= 1
        forwarding = self.call.forwarding()
        assert forwarding.keys() == self.legs.keys()
        for who, sources in forwarding.items():
            screen = None if sharers in ([], [who]) else sharers[0]
            for shown, source in zip((*self.roster.slots[who], screen), sources, strict=True):
                both_guests = shown and role_of(shown) is role_of(who) is Role.GUEST
                assert source == (None if both_guests and not member_is_live else shown)


TestRelayCall = CallMachine.TestCase
TestRelayCall.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)
