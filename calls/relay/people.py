"""The people of one call: who has a seat, who stands in line for one, who is shown where (rule C1).

Pure: every moment passed in is monotonic seconds. What follows from it, and for whom, is `relay.call`'s to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from calls.relay.terms import Media, Person, Role, State

REMOTE_SEATS = 3  # a leg's m-lines 3 to 8 show three others: no call is larger than four

Forwarding = dict[str, tuple[str | None, str | None, str | None, str | None]]


@dataclass(slots=True)
class Participant:
    """One person, through all their stays in the call. Moments are monotonic unless marked."""

    id: str
    identity: str
    name: str
    role: Role
    connection: int
    media: Media
    state: State
    expires_at: float  # not heard of, connected or renewed by then: gone
    heard_at: float = 0.0  # last packet of a leg whose media is up
    media_up: bool = False
    order: int = 0  # of first seats: the order in lists; 0 until there was one
    joined_at: float = 0.0  # Unix seconds of the first seat
    places: list[str | None] = field(default_factory=list)  # who is shown in the remote seats
    reads_from: float | None = None  # what was said earlier is not for them, Unix seconds; None: nothing yet
    former: dict[str, int] = field(default_factory=dict)  # where each was last shown, through all stays
    device_check: str = ""

    @property
    def live(self) -> bool:
        return self.state in (State.CONNECTED, State.RECONNECTING)

    @property
    def seated(self) -> bool:
        return self.state is not State.WAITING

    def show(self, others: Iterable[str]) -> None:
        """Each where they were last shown, if nobody else is there: who comes back is found in the same place."""
        for other in sorted(others, key=lambda other: other not in self.former):
            place = self.former.get(other)
            if place is None or self.places[place] is not None:
                place = self.places.index(None)
            self.places[place] = other
            self.former[other] = place


class People:
    """Those `here`, by arrival, and those of the `past`, by participant; `reserved` maps identities to until when."""

    def __init__(self, capacity: int, reserved: Mapping[str, float]) -> None:
        """Raises ValueError if the capacity is not 2 to 4."""
        if not 2 <= capacity <= REMOTE_SEATS + 1:
            raise ValueError(f"a call has 2 to {REMOTE_SEATS + 1} seats, not {capacity}")
        self.here: dict[str, Participant] = {}
        self.past: dict[str, Participant] = {}
        self.reserved = dict(reserved)
        self._capacity = capacity
        self._seats_given = 0

    # What is

    def known(self, participant_id: str) -> Participant | None:
        return self.here.get(participant_id) or self.past.get(participant_id)

    def current(self, participant_id: str, connection: int) -> Participant | None:
        """Whoever is here by that very connection."""
        person = self.here.get(participant_id)
        return person if person and person.connection == connection else None

    def seated(self) -> list[Participant]:
        return [person for person in self.here.values() if person.seated]

    def line(self) -> list[Participant]:
        """Who waits, members first, then by arrival."""
        waiting = (person for person in self.here.values() if not person.seated)
        return sorted(waiting, key=lambda person: person.role is not Role.MEMBER)

    def is_live(self, role: Role) -> bool:
        return any(person.live and person.role is role for person in self.here.values())

    def sharer(self) -> str | None:
        """Who shares their screen."""
        return next((person.id for person in self.seated() if person.media.screen), None)

    def may_sit(self, identity: str, role: Role) -> bool:
        """Rule C1: is there a seat for them, that nobody else has reserved?"""
        seated = self.seated()
        kept = role is Role.GUEST and all(person.role is Role.GUEST for person in seated)
        left = self._capacity - len(seated) - kept
        return left > (0 if identity in self.reserved else len(self.reserved))

    def described(self) -> tuple[Person, ...]:
        """Those who have a seat, in the order they first had one."""
        return tuple(
            Person(
                person.id,
                person.name,
                person.role,
                person.state,
                person.media,
                person.joined_at,
                person.device_check,
            )
            for person in sorted(self.seated(), key=lambda person: person.order)
        )

    def forwarding(self, *, shielding: bool) -> Forwarding:
        """Whose media each seated person gets: their three remote seats, then the remote screen; None where there is
        nobody, or `shielding` guests from each other (rule C3)."""
        seated = self.seated()
        shielded = {person.id for person in seated if shielding and person.role is Role.GUEST}
        screen = self.sharer()

        def sources(subscriber: Participant) -> Iterator[str | None]:
            hidden = shielded if subscriber.id in shielded else set()
            for source in (*subscriber.places, screen if screen != subscriber.id else None):
                yield source if source not in hidden else None

        table: Forwarding = {}
        for subscriber in seated:
            first, second, third, shared = sources(subscriber)
            table[subscriber.id] = (first, second, third, shared)
        return table

    # What changes

    def take_seat(self, person: Participant, *, joined_at: float, answer_by: float) -> None:
        """`joined_at`, Unix seconds, counts for a first seat; no leg by `answer_by`: gone again."""
        others = self.seated()
        if any(other.media.screen for other in others):
            person.media = replace(person.media, screen=False)
        person.places = [None] * REMOTE_SEATS
        person.show(other.id for other in others)
        for other in others:
            other.show([person.id])
        person.state = State.CONNECTING
        person.expires_at = answer_by
        self.reserved.pop(person.identity, None)
        if not person.order:
            self._seats_given += 1
            person.order, person.joined_at = self._seats_given, joined_at

    def let_go(self, person: Participant) -> None:
        del self.here[person.id]
        self.past[person.id] = person
        for other in self.seated():
            other.places = [None if place == person.id else place for place in other.places]

    def stop_sharing(self) -> None:
        for person in self.seated():
            person.media = replace(person.media, screen=False)

    def forget_reservations(self, now: float) -> None:
        """Those that have run out."""
        self.reserved = {identity: until for identity, until in self.reserved.items() if now < until}
