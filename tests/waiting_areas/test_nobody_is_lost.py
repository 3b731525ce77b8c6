"""Who waits is whom staff see, whatever has happened (hazard H5): random histories of a clinic's day.

The model beside the house knows only what people know: who came, whose page stands, who pressed what. The relay is
played by the machine: it hears what it is told, and obeys later.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from unittest.mock import patch
from uuid import UUID, uuid4

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from calls import events as call_events
from calls.models import Attendance, Call, Seat
from calls.relay.terms import EndReason, GoneReason
from calls.services import admit, close_attendance, open_attendance, open_call, store_end
from core.errors import DomainError
from tests.accounts.factories import make_organisation
from tests.rooms.factories import make_room, make_room_membership
from tests.waiting_areas.factories import make_area, make_staff
from waiting_areas import services, upkeep
from waiting_areas.listing import list_areas, list_callers
from waiting_areas.models import RELOADED_WITHIN, AreaRole, Caller, WaitingArea
from waiting_areas.services import Details

NODE = "node"
MOST = 4  # callers in a history: so few that much happens to each
OPENED = datetime(2026, 11, 27, 9, tzinfo=UTC)


@dataclass
class Person:
    """What a caller and their page would tell."""

    pk: UUID
    area: WaitingArea
    arrived_at: datetime
    is_inside: bool = True
    page_stands: bool = True
    heard_at: datetime = field(init=False)  # of the page, wherever it was
    closed_at: datetime | None = None
    gone_at: datetime | None = None  # by a closed page or a lost connection: they may come back
    asked_for_phone: bool = False

    def __post_init__(self) -> None:
        self.heard_at = self.arrived_at

    def is_heard(self, now: datetime) -> None:
        self.heard_at, self.closed_at = now, None

    def goes(self, *, for_good: bool = True) -> None:
        """Whoever has gone goes no second time."""
        if self.is_inside:
            self.is_inside, self.gone_at = False, None if for_good else timezone.now()

    def comes_back(self) -> None:
        if self.gone_at and timezone.now() - self.gone_at < self.area.reconnecting_for:
            self.is_inside, self.gone_at = True, None


class ClinicMachine(RuleBasedStateMachine):
    people = Bundle("people")

    @initialize()
    def opens(self) -> None:
        self.clock = time_machine.travel(OPENED, tick=False)
        self.traveller = self.clock.start()
        self.told: list[call_events.Message] = []
        self.relay = patch.multiple(call_events, tell_node=self.hear, order_node=self.hear, ask_node=self.answer)
        self.relay.start()
        organisation = make_organisation()
        self.areas = [make_area(organisation=organisation) for _ in range(2)]
        self.providers = [make_staff(self.areas[0]) for _ in range(2)]
        self.rooms = [make_room(organisation=organisation) for _ in self.providers]
        for provider, room in zip(self.providers, self.rooms, strict=True):
            AreaRole.objects.create(area=self.areas[1], user=provider, role=AreaRole.Role.PROVIDER)
            make_room_membership(room=room, user=provider)
        self.known: dict[UUID, Person] = {}

    def teardown(self) -> None:
        if not hasattr(self, "known"):
            return
        self.relay.stop()
        self.clock.stop()

    # The relay

    def hear(self, node: str, message: call_events.Message) -> None:
        self.told.append(message)

    async def answer(self, node: str, message: call_events.Message) -> call_events.Message:
        return call_events.seat_reserved()

    def go_live(self, seat: Seat) -> None:
        Call.objects.open().filter(pk=seat.call_id).update(node=NODE)
        open_attendance(seat_id=seat.pk, node=NODE, at=timezone.now())

    def go(self, seat: Seat, reason: GoneReason) -> None:
        close_attendance(seat_id=seat.pk, node=NODE, at=timezone.now(), reason=reason)
        self.end_where_no_member_is(seat.call_id)

    def end_where_no_member_is(self, call_id: UUID) -> None:
        """A consultation goes on hold when its last provider leaves (rule W9)."""
        call = Call.objects.open().filter(pk=call_id, place__startswith="caller:").first()
        members = Attendance.objects.filter(seat__call=call_id, seat__role=Seat.Role.MEMBER)
        if call and members.exists() and not members.open().exists():
            self.end(call, EndReason.ON_HOLD)

    def end(self, call: Call, reason: EndReason) -> None:
        """For callers it is over if the call was, or if it was the one they had been taken into."""
        here = self.people_in(call)
        if store_end(call_id=call.pk, node=call.node, reason=reason, at=timezone.now()):
            for person, was_live in here:
                if was_live:
                    person.is_heard(timezone.now())
                if reason is not EndReason.ON_HOLD and not self.seats_of(person):
                    person.goes()

    def people_in(self, call: Call) -> list[tuple[Person, bool]]:
        """Callers who belong in the call, and whether each is live in it."""
        return [
            (person, self.is_live(seat))
            for person in self.known.values()
            if (seat := self.seat_of(person)) and seat.call_id == call.pk
        ]

    def seats_of(self, person: Person) -> list[Seat]:
        """In their own call and in those they were taken into, as long as each stands, by when they were given."""
        place = f"caller:{person.pk}"
        seats = Seat.objects.standing().filter(identity=place).select_related("call").order_by("pressed_at")
        return [seat for seat in seats if seat.brought_from or seat.call.place == place]

    def seat_of(self, person: Person) -> Seat | None:
        """In the call their page is in, or is called to: that of whoever took them elsewhere, or else their own."""
        seats = self.seats_of(person)
        brought = [seat for seat in seats if seat.brought_from]
        return next(reversed(brought or seats), None)

    def is_live(self, seat: Seat) -> bool:
        return Attendance.objects.open().filter(seat=seat).exists()

    def is_live_anywhere(self, person: Person) -> bool:
        return Attendance.objects.open().filter(seat__identity=f"caller:{person.pk}").exists()

    @precondition(lambda self: self.told)
    @rule()
    def relay_obeys(self) -> None:
        message = self.told.pop(0)
        call = Call.objects.open().filter(pk=message["call"], node=NODE).first()
        if call is None:
            return
        if message["type"] == "relay.end":
            self.end(call, EndReason(message["reason"]))
            return
        seat = Seat.objects.select_related("call").get(pk=message["participant"])
        person = self.person_of(seat)
        if person and self.is_live(seat):
            person.is_heard(timezone.now())
        self.go(seat, GoneReason.REMOVED if message["type"] == "relay.remove" else GoneReason.LEFT)

    def person_of(self, seat: Seat) -> Person | None:
        kind, _colon, number = seat.identity.partition(":")
        return self.known.get(UUID(number)) if kind == "caller" else None

    # Callers

    @precondition(lambda self: len(self.known) < MOST)
    @rule(target=people, number=st.integers(0, 1), twice=st.booleans())
    def arrives(self, number: int, twice: bool) -> Person:
        """Also by a form that was sent twice."""
        area, arrival, now = self.areas[number], uuid4(), timezone.now()
        details = Details(name=f"Gail {len(self.known)}", telephone="01632 960 123")
        for _press in range(2 if twice else 1):
            caller = services.arrive(area=area, generation=1, details=details, arrival=arrival, now=now)
        self.known[caller.pk] = Person(caller.pk, area, now)
        self.traveller.shift(1)
        return self.known[caller.pk]

    @rule(person=people)
    def page_is_lost(self, person: Person) -> None:
        """A tunnel, a dead battery, a process killed: nobody says anything."""
        person.page_stands = False
        seat = self.seat_of(person)
        if seat and self.is_live(seat):
            person.is_heard(timezone.now())
            self.go(seat, GoneReason.LOST)

    @rule(person=people)
    def page_opens(self, person: Person) -> None:
        """Reloaded, woken, or back from somewhere."""
        if person.is_inside:
            person.is_heard(timezone.now())
        else:
            person.comes_back()
            if person.is_inside:
                person.is_heard(timezone.now())
        person.page_stands = person.is_inside
        assert services.renew(caller_id=person.pk, now=timezone.now()) is person.is_inside

    @rule(person=people)
    def page_closes(self, person: Person) -> None:
        """Also a forgotten one in a second tab, while they are in a call in the first."""
        if person.page_stands or self.is_live_anywhere(person):
            services.close_page(caller=self.row(person), now=timezone.now())
            if person.is_inside and not self.is_live_anywhere(person):
                person.closed_at = timezone.now()
            person.page_stands = False

    @rule(person=people)
    def leaves(self, person: Person) -> None:
        if person.page_stands:
            services.leave(caller=self.row(person), now=timezone.now())
            person.goes()
            person.page_stands = False

    @rule(person=people)
    def asks_for_the_phone_or_not_after_all(self, person: Person) -> None:
        if not person.is_inside:
            return
        if person.asked_for_phone:
            services.wait_again(caller=self.row(person), now=timezone.now())
            person.is_heard(timezone.now())
        elif person.page_stands:
            services.phone_instead(caller=self.row(person), now=timezone.now())
        else:
            return
        person.asked_for_phone = not person.asked_for_phone
        person.page_stands = not person.asked_for_phone

    @rule(person=people)
    def page_goes_to_the_call(self, person: Person) -> None:
        seat = self.seat_of(person)
        if seat is None or self.is_live(seat):
            return
        person.page_stands = False
        person.comes_back()
        person.is_heard(timezone.now())
        self.go_live(seat)

    @rule(person=people)
    def leaves_the_call(self, person: Person) -> None:
        seat = self.seat_of(person)
        if seat and self.is_live(seat):
            person.goes()
            self.go(seat, GoneReason.LEFT)

    # Staff

    @rule(person=people, who=st.integers(0, 1), comes=st.booleans())
    def provider_joins(self, person: Person, who: int, comes: bool) -> None:
        seat = self.press(services.join_call, person, who, even_if_seen=True, leave_other=True)
        if isinstance(seat, Seat) and comes:
            self.go_live(seat)

    @rule(person=people, who=st.integers(0, 1))
    def is_seen(self, person: Person, who: int) -> None:
        """As on most days."""
        self.provider_joins(person, who, comes=True)
        self.page_goes_to_the_call(person)

    @rule(person=people, who=st.integers(0, 1))
    def is_taken_into_a_room(self, person: Person, who: int) -> None:
        self.provider_is_in_a_room(who)
        self.fetches(person, who)
        self.page_goes_to_the_call(person)

    @rule(who=st.integers(0, 1))
    def provider_is_in_a_room(self, who: int) -> None:
        provider = self.providers[who]
        call = open_call(place=self.rooms[who].place)
        seat = admit(
            call=call, identity=provider.identity, display_name="Nina", role=Seat.Role.MEMBER, leave_other=True
        )
        self.go_live(seat)

    @rule(who=st.integers(0, 1), reason=st.sampled_from([GoneReason.LEFT, GoneReason.LOST]))
    def provider_goes(self, who: int, reason: GoneReason) -> None:
        for seat in Seat.objects.of_member(self.providers[who].identity).live().select_related("call"):
            self.go(seat, reason)

    @rule(person=people, who=st.integers(0, 1))
    def fetches(self, person: Person, who: int) -> None:
        if self.press(services.fetch_into_call, person, who, even_if_seen=True):
            person.asked_for_phone = False

    @rule(person=people, who=st.integers(0, 1))
    def puts_on_hold(self, person: Person, who: int) -> None:
        self.press(services.put_on_hold, person, who)

    @rule(person=people, who=st.integers(0, 1), number=st.integers(0, 1))
    def transfers(self, person: Person, who: int, number: int) -> None:
        if self.press(services.transfer, person, who, to=self.areas[number]):
            person.area = self.areas[number]
        self.traveller.shift(1)

    @rule(person=people, who=st.integers(0, 1))
    def finishes(self, person: Person, who: int) -> None:
        self.press(services.finish, person, who)
        person.goes()

    @rule(number=st.integers(0, 1))
    def room_call_ends(self, number: int) -> None:
        call = Call.objects.open().filter(place=self.rooms[number].place).first()
        if call:
            self.end(call, EndReason.EMPTY)

    def press(self, deed: object, person: Person, who: int, **given: object) -> object:
        """True, or what the service answers; None where it is refused: then nobody is anywhere else for it."""
        try:
            return deed(caller=self.row(person), by=self.providers[who], **given) or True  # type: ignore[operator]
        except DomainError:
            return None

    def row(self, person: Person) -> Caller:
        return Caller.objects.select_related("area").get(pk=person.pk)

    # Time

    @rule(seconds=st.sampled_from([2, 5, 31, 70, 14 * 60, 16 * 60]))
    def time_passes(self, seconds: int) -> None:
        """Relays obey soon. Sockets that stand renew their places; then the worker looks, late or not."""
        while self.told:
            self.relay_obeys()
        self.traveller.shift(seconds)
        now = timezone.now()
        for person in self.known.values():
            if person.page_stands and person.is_inside:
                services.renew(caller_id=person.pk, now=now)
                person.is_heard(now)
            elif self.is_live_anywhere(person):
                person.heard_at = now
        upkeep.let_closed_go(now)
        upkeep.let_lapsed_go(now)
        for person in self.known.values():
            if person.asked_for_phone or self.is_live_anywhere(person):
                continue
            has_closed = person.closed_at is not None and now - person.closed_at >= RELOADED_WITHIN
            if has_closed or now - person.heard_at >= person.area.reconnecting_for:
                person.goes(for_good=False)

    # What is seen

    def waiting(self, area: WaitingArea | None = None) -> list[Person]:
        inside = [p for p in self.known.values() if p.is_inside and area in (None, p.area)]
        return sorted(inside, key=lambda person: (person.arrived_at, person.pk))

    @invariant()
    def the_list_shows_who_waits(self) -> None:
        """By arrival, nobody missing, nobody twice."""
        if hasattr(self, "known"):
            lines = list_callers(self.areas, now=timezone.now())
            shown = [(line.caller.pk, line.caller.area_id, line.caller.arrived_at) for line in lines]
            assert shown == [(person.pk, person.area.pk, person.arrived_at) for person in self.waiting()]

    @rule(who=st.integers(0, 1))
    def provider_looks(self, who: int) -> None:
        """At the pages themselves: of each area, of all areas, and at the counts."""
        client = Client()
        client.force_login(self.providers[who])
        assert _callers_on(client, "find_callers") == [str(person.pk) for person in self.waiting()]
        for area in self.areas:
            assert _callers_on(client, "show_callers", area.pk) == [str(person.pk) for person in self.waiting(area)]
        counts = {line.area: line.waiting + line.being_seen for line in list_areas(self.areas, now=timezone.now())}
        assert counts == {area: len(self.waiting(area)) for area in self.areas}


def _callers_on(client: Client, name: str, *args: UUID) -> list[str]:
    page = client.get(reverse(f"waiting_areas:{name}", args=args)).content.decode()
    return re.findall(r'id="caller-([0-9a-f-]{36})"', page)


@pytest.mark.django_db
def test_who_waits_is_whom_staff_see_whatever_has_happened() -> None:
    run_state_machine_as_test(ClinicMachine, settings=settings(max_examples=10, stateful_step_count=40))
