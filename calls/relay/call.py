"""RelayCall: who sits in a call, who waits, what they are shown and when the call ends.

Pure: no I/O, no asyncio, no Django. Every moment passed in is monotonic seconds, every span seconds;
only the events carry Unix seconds, through `wall`. What a command brings about is collected and
drained, in order, by `take_effects`. Every command that is passed `now` lets time pass first (`tick`),
so what it decides does not depend on how often the node ticks.

Seats (rule C1). CONNECTING, CONNECTED and RECONNECTING people and reservations occupy seats. A member may
    have any free seat; a guest any but the last while no member is seated. Whoever finds none stands in
    line, members first, then by arrival, and is seated by the very command that frees a seat they may have.
The ten minutes (rule C3, hazard H19). The member deadline is set when a guest is live and no member is,
    stands while guests come and go, even when all have gone, and goes when a member is live. On expiry the
    call ends, unless a member is at the door: connecting, or in line for a seat kept for somebody else.
One connection (rule C4). A join with a higher connection number takes the seat over, an equal one is the
    same page come back, a lower one is refused, also after the newer one has left. A stay keeps its seat,
    name, role, mute state and places; its shared screen only if the page that returns still shares it.
Live (rule C5). Somebody is live from the first media until gone. A live person whose leg is lost or
    replaced is RECONNECTING, hence counts for C1 and C3, until `gone_after` from the last packet, or until
    `connect_within` from their last join if that is later: the new leg needs the time.
The end (rules C3, C9). At the scheduled end, at the member deadline, or after `empty_after` with nobody
    live or connecting, whichever moment is the earlier. Where the policy says so, also when the last member who
    was live has gone and none is at the door (rule W9). Nothing follows `CallEnded`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from calls.relay.people import Forwarding, Participant, People
from calls.relay.terms import (
    CallEnded,
    ChatPosted,
    CountdownChanged,
    EndReason,
    Entrant,
    Event,
    GoneReason,
    Media,
    MemberDeadlineChanged,
    ParticipantGone,
    ParticipantLive,
    Person,
    Policy,
    Refusal,
    Role,
    Roster,
    RosterChanged,
    State,
    TakenOver,
)
from calls.relay.timers import Timers

RENEWAL = 15.0  # s, somebody in line who has not been renewed for so long is out of it
CHAT_KEPT = 200  # messages


@dataclass(frozen=True, slots=True)
class SeatGiven:
    """Somebody who waited has a seat: make the leg of this connection."""

    participant_id: str
    connection: int


@dataclass(frozen=True, slots=True)
class SeatLost:
    """Close the leg of this connection, if it is still open, without calling back.

    Exactly one follows each `SeatGiven` and each `join` that answered CONNECTING. After a reload the new
    leg has the same connection number: drain the effects of a `join` before making the leg it asks for.
    """

    participant_id: str
    connection: int


Effect = Event | SeatGiven | SeatLost


class RelayCall:
    """One call, from its opening to its end. See the module's docstring for the rules."""

    def __init__(
        self,
        call_id: str,
        policy: Policy,
        *,
        now: float,
        member_deadline: float | None = None,
        ends_at: float | None = None,
        reserved: Mapping[str, float] | None = None,
        wall: Callable[[float], float] = lambda moment: moment,
    ) -> None:
        """Open the call, or take it up again after a relay was lost.

        `member_deadline` and `ends_at` are monotonic moments as stored (rule C3); `reserved` maps the
        identities who sat in the call to the seconds their seats are kept (rule C5). `wall` turns a
        monotonic moment into Unix seconds. Raises ValueError if the policy's capacity is not 2 to 4.
        """
        self.call_id = call_id
        self.policy = policy
        self._wall = wall
        kept = {identity: now + seconds for identity, seconds in (reserved or {}).items()}
        self._people = People(policy.capacity, kept)
        self._removed: set[str] = set()  # identities
        self._timers = Timers(policy, now=now, member_deadline=member_deadline, ends_at=ends_at)
        self._ended: EndReason | None = None
        self._started_at: float | None = None  # Unix seconds
        self._member_was_live = False
        self._chat: deque[ChatPosted] = deque(maxlen=CHAT_KEPT)
        self._effects: list[Effect] = []
        self._roster = Roster(version=0, people=(), slots={}, shielded=policy.shield_guests)
        self._told_version = 0
        self._told_deadline = self._timers.member_deadline
        self._told_countdown = self._timers.countdown()

    # What is

    @property
    def ended(self) -> EndReason | None:
        return self._ended

    @property
    def live_count(self) -> int:
        return sum(person.live for person in self._people.here.values())

    @property
    def waiting_count(self) -> int:
        return len(self.line)

    @property
    def line(self) -> tuple[str, ...]:
        """Who waits, the next to be seated first (rule C1)."""
        return tuple(person.id for person in self._people.line())

    @property
    def member_deadline(self) -> float | None:
        """Monotonic; None while none runs (rule C3)."""
        return self._timers.member_deadline

    @property
    def countdown(self) -> CountdownChanged:
        """The countdown that runs, as pages are told it: for somebody who has just come."""
        kind, moment = self._timers.countdown()
        return CountdownChanged(self.call_id, kind, None if moment is None else self._wall(moment))

    def chat(self, participant_id: str) -> tuple[ChatPosted, ...]:
        """The last messages, oldest first, for somebody who has just come (rule C6).

        A guest who came while guests were shielded is never told what was said before a member was live: others had
        said it among themselves (rule C3). Nothing for somebody who is not here.
        """
        person = self._people.here.get(participant_id)
        if person is None or person.reads_from is None:
            return ()
        return tuple(message for message in self._chat if message.at >= person.reads_from)

    @property
    def people(self) -> tuple[Person, ...]:
        """Those who have a seat, in the order they first had one."""
        return self._people.described()

    def state(self, participant_id: str) -> State | None:
        """None for somebody who is not here."""
        person = self._people.here.get(participant_id)
        return person.state if person else None

    def connection(self, participant_id: str) -> int | None:
        """The connection that holds the seat or the place in line; None for somebody who is not here."""
        person = self._people.here.get(participant_id)
        return person.connection if person else None

    def roster(self, now: float) -> Roster:
        """The roster as it stands at `now`."""
        self.tick(now)
        return self._current_roster()

    def forwarding(self) -> Forwarding:
        """Whose media each seated person gets: their three remote seats, then the remote screen.

        None where a seat is empty or the source is shielded: without a live member guests neither hear nor
        see each other (rule C3). A person keeps their place at each other one until gone.
        """
        return self._people.forwarding(shielding=self._is_shielding())

    def audible(self) -> list[str]:
        """Whose voice somebody may be hearing now: connected, not muted, and not shielded (rule C3)."""
        if self._is_shielding():
            return []
        here = self._people.here.values()
        return [person.id for person in here if person.state is State.CONNECTED and person.media.microphone]

    def connected_people(self) -> set[str]:
        return {person.id for person in self._people.here.values() if person.state is State.CONNECTED}

    def take_effects(self) -> list[Effect]:
        """What happened since last asked, in order; a changed roster comes once, last and whole."""
        effects, self._effects = self._effects, []
        if self._ended is None:
            roster = self._current_roster()
            if roster.version > self._told_version:
                self._told_version = roster.version
                effects.append(RosterChanged(self.call_id, roster))
        return effects

    # Coming and going

    def join(self, entrant: Entrant, now: float) -> State:
        """Ask for a seat: CONNECTING (there is one: make the leg) or WAITING (rules C1, C4).

        Raises Refusal "no_such_call" after the end, "removed" (rule C7), or "taken_over" if a newer Join of
        the same person is known.
        """
        self.tick(now)
        self._check_open()
        self._check_not_removed(entrant.identity)
        here = self._people.here.get(entrant.participant_id)
        known = self._people.known(entrant.participant_id)
        if known and entrant.connection < known.connection:
            raise Refusal("taken_over", "You joined from somewhere else.")
        if here and entrant.connection > here.connection:
            self._effects.append(TakenOver(self.call_id, here.id, here.connection))
        if here and here.seated:
            self._return(here, entrant, now)
        else:
            self._arrive(entrant, now, known)
        self._settle(now)
        return State.WAITING if self.state(entrant.participant_id) is State.WAITING else State.CONNECTING

    def connected(self, participant_id: str, connection: int, now: float) -> None:
        """The media of this connection's leg is up. The first time in a stay tells ParticipantLive."""
        self.tick(now)
        person = self._people.current(participant_id, connection)
        if person is None or not person.seated:
            return
        if not person.live:
            self._effects.append(ParticipantLive(self.call_id, person.id, self._wall(now)))
            if self._started_at is None:
                self._started_at = self._wall(now)
        person.state = State.CONNECTED
        person.media_up = True
        person.heard_at = now
        self._member_was_live |= person.role is Role.MEMBER
        person.expires_at = now + self.policy.gone_after
        self._settle(now)

    def heard(self, participant_id: str, at: float) -> None:
        """The last packet came at `at`. Cheap enough to call for each; lets no time pass, and revives nobody who
        had been silent for `gone_after` by then.
        """
        person = self._people.here.get(participant_id)
        if person and person.media_up and person.heard_at < at < person.expires_at:
            person.heard_at = at
            person.expires_at = at + self.policy.gone_after
            person.state = State.CONNECTED

    def disconnected(self, participant_id: str, connection: int, now: float) -> None:
        """The leg closed: a live person is reconnecting at once, anybody keeps the seat they have (rule C5)."""
        self.tick(now)
        person = self._people.current(participant_id, connection)
        if person and person.live:
            person.state = State.RECONNECTING
            person.media_up = False

    def refused(self, participant_id: str, connection: int, now: float) -> None:
        """The leg was closed for hostile or broken input: its seat is free at once."""
        self._depart(participant_id, connection, GoneReason.REFUSED, now)

    def renew(self, participant_id: str, connection: int, now: float) -> None:
        """Somebody in line is still there: they keep their place for another 15 s."""
        self.tick(now)
        person = self._people.current(participant_id, connection)
        if person and not person.seated:
            person.expires_at = now + RENEWAL

    def leave(self, participant_id: str, connection: int, now: float) -> None:
        """A leave by a page that no longer holds the seat changes nothing (rule C4)."""
        self._depart(participant_id, connection, GoneReason.LEFT, now)

    def remove(self, participant_id: str, now: float) -> None:
        """Put somebody out, also one who has just gone; they cannot come back to this call (rule C7).

        Raises Refusal "no_such_participant" for somebody who was never here.
        """
        self.tick(now)
        person = self._people.known(participant_id)
        if person is None:
            raise Refusal("no_such_participant", "This person is not in the call.")
        self._removed.add(person.identity)
        self._people.reserved.pop(person.identity, None)
        if participant_id in self._people.here:
            self._free(person, GoneReason.REMOVED, now)
        self.tick(now)

    def end(self, reason: EndReason, now: float) -> None:
        """End the call for everybody. A second end changes nothing."""
        if self._ended is not None:
            return
        self._ended = reason
        for person in list(self._people.here.values()):
            self._free(person, GoneReason.ENDED, now)
        self._people.reserved.clear()
        self._effects.append(CallEnded(self.call_id, reason, self._wall(now)))

    def reserve(self, identity: str, seconds: float, now: float) -> None:
        """Keep a seat that a guest may have for somebody who is on their way (rule W6).

        A second reservation renews the first, and one of no seconds gives the seat back; somebody who sits here already
        needs none. Raises Refusal "full", "removed" or "no_such_call" before anything changes.
        """
        self.tick(now)
        self._check_open()
        self._check_not_removed(identity)
        if any(person.identity == identity for person in self._people.seated()):
            return
        if not self._people.may_sit(identity, Role.GUEST):
            raise Refusal("full", "This call is full.")
        self._people.reserved[identity] = now + seconds
        self._people.forget_reservations(now)
        self._settle(now)

    # What happens in the call

    def set_deadlines(self, member_deadline: float | None, ends_at: float | None, now: float) -> None:
        """Take over stored deadlines, monotonic. `ends_at` None: no scheduled end.

        `member_deadline` None leaves alone one that runs: the store may not have heard of it yet, and moving
        the scheduled end must not start the ten minutes again (hazard H19). They hold before time passes: one
        that puts off an end due since the last tick still does.
        """
        self._timers.take_over(member_deadline, ends_at)
        self.tick(now)

    def set_media(self, participant_id: str, media: Media, now: float, *, take_screen: bool = False) -> None:
        """Somebody chose what they send.

        Raises Refusal "not_allowed" for a second shared screen, unless `take_screen` ends the first (rule C7),
        and "no_such_participant" for somebody who is not here.
        """
        self.tick(now)
        person = self._person(participant_id)
        sharer = self._people.sharer()
        if media.screen and person.seated and sharer not in (None, person.id):
            if not take_screen:
                raise Refusal("not_allowed", "Somebody else is sharing their screen.")
            self._people.stop_sharing()
        person.media = media

    def post_chat(self, participant_id: str, text: str, now: float) -> None:
        """Say something to everybody; the last 200 messages are kept while the call lasts (rule C6).

        Raises Refusal "not_allowed" for somebody who is not live or is shielded, "no_such_participant" if not here.
        """
        self.tick(now)
        person = self._person(participant_id)
        if not person.live:
            raise Refusal("not_allowed", "You are not in the call yet.")
        if person.role is Role.GUEST and self._is_shielding():
            raise Refusal("not_allowed", "You can write as soon as your host has joined.")
        message = ChatPosted(self.call_id, person.id, person.name, text, self._wall(now))
        self._chat.append(message)
        self._effects.append(message)

    def tick(self, now: float) -> None:
        """Let time pass: every timer that is due by `now` acts, as of `now`."""
        if self._ended is not None:
            return
        self._people.forget_reservations(now)
        for person in list(self._people.here.values()):
            if now >= person.expires_at:
                never_up = person.state is State.CONNECTING
                self._free(person, GoneReason.FAILED if never_up else GoneReason.LOST, now)
            elif person.state is State.CONNECTED and now >= person.heard_at + self.policy.reconnecting_after:
                person.state = State.RECONNECTING
        # Before anybody in line is seated: nobody gets a seat in a call that is over.
        member_at_the_door = any(person.role is Role.MEMBER for person in self._people.here.values())
        reason = self._timers.due(now, member_at_the_door=member_at_the_door)
        if reason is None and self.policy.ends_without_member and self._member_was_live and not member_at_the_door:
            reason = EndReason.ON_HOLD
        if reason is not None:
            self.end(reason, now)
        else:
            self._settle(now)

    # Inside

    def _person(self, participant_id: str) -> Participant:
        self._check_open()
        if participant_id not in self._people.here:
            raise Refusal("no_such_participant", "You are no longer in this call.")
        return self._people.here[participant_id]

    def _check_open(self) -> None:
        if self._ended is not None:
            raise Refusal("no_such_call", "This call has ended.")

    def _check_not_removed(self, identity: str) -> None:
        if identity in self._removed:
            raise Refusal("removed", "You were removed from this call.")

    def _return(self, person: Participant, entrant: Entrant, now: float) -> None:
        """The same person asks again, from another page or the same one reloaded: only the leg is new."""
        self._effects.append(SeatLost(person.id, person.connection))
        answer_by = now + self.policy.connect_within
        person.connection = entrant.connection
        person.device_check = entrant.device_check
        person.media = replace(person.media, screen=person.media.screen and entrant.media.screen)
        person.media_up = False
        person.expires_at = max(person.expires_at, answer_by) if person.live else answer_by
        if person.live:
            person.state = State.RECONNECTING

    def _arrive(self, entrant: Entrant, now: float, known: Participant | None) -> None:
        """Have a seat at once, or stand in line, where a second join keeps the first one's place."""
        person = Participant(
            id=entrant.participant_id,
            identity=entrant.identity,
            name=entrant.name,
            role=entrant.role,
            connection=entrant.connection,
            media=entrant.media,
            state=State.WAITING,
            expires_at=now + RENEWAL,
            device_check=entrant.device_check,
        )
        if known:
            person.order, person.joined_at, person.former = known.order, known.joined_at, known.former
            person.reads_from = known.reads_from
        self._people.past.pop(person.id, None)
        self._people.here[person.id] = person
        if self._people.may_sit(person.identity, person.role):
            self._seat(person, now)

    def _seat(self, person: Participant, now: float) -> None:
        self._people.take_seat(person, joined_at=self._wall(now), answer_by=now + self.policy.connect_within)
        if person.reads_from is None and (person.role is Role.MEMBER or not self._is_shielding()):
            person.reads_from = 0.0

    def _depart(self, participant_id: str, connection: int, reason: GoneReason, now: float) -> None:
        self.tick(now)
        if person := self._people.current(participant_id, connection):
            self._free(person, reason, now)
            self.tick(now)

    def _free(self, person: Participant, reason: GoneReason, now: float) -> None:
        self._people.let_go(person)
        if person.seated:
            self._effects.append(SeatLost(person.id, person.connection))
        self._effects.append(ParticipantGone(self.call_id, person.id, reason, person.live, self._wall(now)))

    def _settle(self, now: float) -> None:
        """Make true again what always holds: seats, the deadline, the empty call's clock."""
        if self._ended is not None:
            return
        for person in self._people.line():
            if self._people.may_sit(person.identity, person.role):
                self._seat(person, now)
                self._effects.append(SeatGiven(person.id, person.connection))
        if not self._is_shielding():
            for person in self._people.seated():
                person.reads_from = self._wall(now) if person.reads_from is None else person.reads_from
        self._timers.settle(
            now,
            member_live=self._people.is_live(Role.MEMBER),
            guest_live=self._people.is_live(Role.GUEST),
            seated=bool(self._people.seated()),
        )
        self._tell_timers()

    def _tell_timers(self) -> None:
        deadline = self._timers.member_deadline
        if deadline != self._told_deadline:
            self._told_deadline = deadline
            unix = None if deadline is None else self._wall(deadline)
            self._effects.append(MemberDeadlineChanged(self.call_id, unix))
        if self._timers.countdown() != self._told_countdown:
            self._told_countdown = self._timers.countdown()
            self._effects.append(self.countdown)

    def _is_shielding(self) -> bool:
        return self.policy.shield_guests and not self._people.is_live(Role.MEMBER)

    def _current_roster(self) -> Roster:
        seated = self._people.seated()
        roster = Roster(
            version=self._roster.version,
            people=self.people,
            slots={person.id: (person.places[0], person.places[1], person.places[2]) for person in seated},
            screen=self._people.sharer(),
            started_at=self._started_at,
            shielded=self._is_shielding(),
        )
        if roster != self._roster:
            self._roster = replace(roster, version=roster.version + 1)
        return self._roster
