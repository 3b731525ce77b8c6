"""RelayNode: all calls of one relay process, the legs of their participants, and the figures of its load.

Joins the pure rules of who sits where (`call.RelayCall`) to the legs that carry media (`leg.Leg`). Everything runs on
one event loop and nothing but `start` and `stop` waits. Outside, moments are Unix seconds; inside they are monotonic.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from . import sdp
from .call import RelayCall, SeatGiven, SeatLost
from .dtls import Certificate
from .figures import CallFigures
from .hearing import Hearing
from .leg import Leg, Traffic
from .mirror import Mirrors
from .ports import Ports
from .quality import qualities
from .speaker import Speakers
from .terms import (
    AdmissionFailed,
    Admitted,
    Answer,
    CallSnapshot,
    ChatPosted,
    CountdownChanged,
    Deadlines,
    EndReason,
    Entrant,
    Event,
    Media,
    NodeSnapshot,
    ParticipantGone,
    Policy,
    Quality,
    Refusal,
    Roster,
    Speaking,
    State,
    Waiting,
)
from .udp import Address

TICK = 0.25  # s
LAGS_KEPT = 10
LOG_EVERY = 60.0  # s between two log lines about packets that could not be handled (hazard H11)

logger = logging.getLogger(__name__)


class _Room:
    """A call and what stands behind it here."""

    def __init__(self, call: RelayCall) -> None:
        self.call = call
        self.legs: dict[str, Leg] = {}  # by participant
        self.speakers = Speakers()
        self.hearing = Hearing()
        self.told: dict[str, Quality] = {}  # by participant
        self.offers: dict[str, tuple[int, sdp.Offer]] = {}  # of those who wait: connection, offer


class RelayNode:
    """See docs/architecture.md. Methods raise `Refusal`; `events` is called from within them and from the ticker.

    `tcp_addresses` are for ICE-TCP alone, beside those of UDP.
    """

    def __init__(
        self,
        *,
        addresses: Sequence[Address],
        tcp_addresses: Sequence[Address] = (),
        events: Callable[[Event], None],
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._events = events
        self._clock = clock
        self._wall = wall
        self._rooms: dict[str, _Room] = {}
        self._draining = False
        self._traffic = Traffic()
        self._dropped: Counter[str] = Counter()
        self._certificate = Certificate()
        self._ports = Ports(addresses, tcp_addresses, clock, self._dropped, self._on_error)
        self._mirrors = Mirrors(self._ports, self._certificate, self._dropped, clock, self._say_goodbye)
        self._ticker: asyncio.Task[None] | None = None
        self._goodbyes: set[asyncio.Task[None]] = set()
        self._lags: deque[float] = deque([0.0], maxlen=LAGS_KEPT)
        self._logged_at = -LOG_EVERY

    @property
    def addresses(self) -> tuple[Address, ...]:
        """As bound: with the port number, where 0 was asked for."""
        return self._ports.addresses

    async def start(self) -> None:
        """Bind the sockets. Raises OSError."""
        self._ports.start()
        self._ticker = asyncio.create_task(self._tick_on())

    async def stop(self) -> None:
        """Close every leg with a goodbye and free everything. Calls are not ended: another node may take them up."""
        if self._ticker is not None:
            self._ticker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ticker
        for room in self._rooms.values():
            for participant_id in list(room.legs):
                self._close_leg(room, participant_id)
        self._rooms.clear()
        self._mirrors.close()
        if self._goodbyes:
            await asyncio.wait(self._goodbyes, timeout=1.0)
        self._ports.stop()

    # Commands

    def open(self, call_id: str, policy: Policy, deadlines: Deadlines, reserved: Mapping[str, float]) -> None:
        """Have the call here; one that is here already is left as it is. `reserved`: identity to seconds (rule C5)."""
        if call_id in self._rooms:
            return
        call = RelayCall(
            call_id,
            policy,
            now=self._clock(),
            member_deadline=self._monotonic(deadlines.member_deadline),
            ends_at=self._monotonic(deadlines.ends_at),
            reserved=reserved,
            wall=self._unix,
        )
        self._rooms[call_id] = _Room(call)

    def join(self, call_id: str, entrant: Entrant, offer: str) -> Answer | Waiting:
        """A seat and the answer to `offer`, or a place in line. Raises `Refusal`: bad_offer, taken_over, removed,
        no_such_call, draining."""
        room = self._room(call_id)
        if self._draining:
            raise Refusal("draining", "This relay takes nobody in any more.")
        described = sdp.parse_offer(offer)  # before any seat changes
        with self._settling(call_id, room):
            state = room.call.join(entrant, self._clock())
        if state is State.WAITING:
            room.offers[entrant.participant_id] = (entrant.connection, described)
            return Waiting()
        return self._open_leg(call_id, room, entrant.participant_id, entrant.connection, described)

    def resume(self, call_id: str, participant_id: str, connection: int) -> State:
        """The socket is back and the media never left. Raises `Refusal("no_such_participant")` when it did: join again;
        "taken_over" when a newer Join has the seat."""
        room = self._room(call_id)
        state = room.call.state(participant_id)
        self._check_current(room, participant_id, connection)
        if state is None or (state is not State.WAITING and participant_id not in room.legs):
            raise Refusal("no_such_participant", "The seat is gone: join again.")
        return state

    def restart(self, call_id: str, participant_id: str, connection: int, offer: str) -> Answer:
        """ICE restart: new credentials, the same keys and slots. Raises `Refusal`: bad_offer and as `resume`."""
        room = self._room(call_id)
        self._check_current(room, participant_id, connection)
        if participant_id not in room.legs:
            raise Refusal("no_such_participant", "The seat is gone: join again.")
        return room.legs[participant_id].restart(sdp.parse_offer(offer))

    def leave(self, call_id: str, participant_id: str, connection: int) -> None:
        room = self._room(call_id)
        with self._settling(call_id, room):
            room.call.leave(participant_id, connection, self._clock())

    def remove(self, call_id: str, participant_id: str) -> None:
        """Rule C7. Raises `Refusal("no_such_participant")`."""
        room = self._room(call_id)
        with self._settling(call_id, room):
            room.call.remove(participant_id, self._clock())

    def end(self, call_id: str, reason: EndReason) -> None:
        room = self._room(call_id)
        with self._settling(call_id, room):
            room.call.end(reason, self._clock())

    def renew(self, call_id: str, participant_id: str, connection: int) -> None:
        """Somebody in line is still there."""
        room = self._room(call_id)
        with self._settling(call_id, room):
            room.call.renew(participant_id, connection, self._clock())

    def reserve(self, call_id: str, identity: str, seconds: float) -> None:
        """Keep a seat (rule W6). Raises `Refusal`: full, removed."""
        room = self._room(call_id)
        with self._settling(call_id, room):
            room.call.reserve(identity, seconds, self._clock())

    def set_deadlines(self, call_id: str, deadlines: Deadlines) -> None:
        room = self._room(call_id)
        with self._settling(call_id, room):
            room.call.set_deadlines(
                self._monotonic(deadlines.member_deadline), self._monotonic(deadlines.ends_at), self._clock()
            )

    def set_media(self, call_id: str, participant_id: str, media: Media, take_screen: bool = False) -> None:
        """Raises `Refusal`: not_allowed (somebody else shares), no_such_participant."""
        room = self._room(call_id)
        with self._settling(call_id, room):
            room.call.set_media(participant_id, media, self._clock(), take_screen=take_screen)

    def prefer(self, call_id: str, participant_id: str, *, low_data: bool) -> None:
        """Low-data mode, for as long as the leg stands. Raises `Refusal("no_such_participant")` where there is none."""
        leg = self._room(call_id).legs.get(participant_id)
        if leg is None:
            raise Refusal("no_such_participant", "The seat is gone: join again.")
        leg.downstream.low_data = low_data

    def report_hearing(self, call_id: str, participant_id: str, speakers: Sequence[str]) -> None:
        """Whose sound arrives at this participant's page and is played; of others than those shown to it nothing is
        believed. Raises `Refusal("no_such_participant")` where there is no leg."""
        room = self._room(call_id)
        if participant_id not in room.legs:
            raise Refusal("no_such_participant", "The seat is gone: join again.")
        room.hearing.report(participant_id, speakers)

    def post_chat(self, call_id: str, participant_id: str, text: str) -> None:
        """Raises `Refusal`: not_allowed, no_such_participant."""
        room = self._room(call_id)
        with self._settling(call_id, room):
            room.call.post_chat(participant_id, text, self._clock())

    def mirror(self, offer: str) -> Answer:
        """A leg in no call that gets back what it sends (rule C8). Raises `Refusal`: bad_offer, busy, draining."""
        if self._draining:
            raise Refusal("draining", "This relay takes nobody in any more.")
        return self._mirrors.open(offer)

    def drain(self) -> None:
        """Take nobody in any more; calls that run go on."""
        self._draining = True

    # What is

    def chat(self, call_id: str, participant_id: str) -> tuple[ChatPosted, ...]:
        """What was said so far that they may read."""
        return self._room(call_id).call.chat(participant_id)

    def roster(self, call_id: str) -> Roster:
        room = self._room(call_id)
        with self._settling(call_id, room):
            return room.call.roster(self._clock())

    def countdown(self, call_id: str) -> CountdownChanged:
        return self._room(call_id).call.countdown

    def quality(self, call_id: str, participant_id: str) -> Quality:
        """As last told."""
        return self._room(call_id).told.get(participant_id, Quality(call_id, participant_id))

    def snapshot(self) -> NodeSnapshot:
        return NodeSnapshot(
            calls=tuple(
                CallSnapshot(call_id, room.call.live_count, room.call.waiting_count)
                for call_id, room in self._rooms.items()
            ),
            legs=sum(len(room.legs) for room in self._rooms.values()),
            packets_in=self._traffic.packets_in,
            packets_out=self._traffic.packets_out,
            dropped=dict(self._dropped),
            loop_lag=max(self._lags),
            mirrors=len(self._mirrors),
        )

    def figures(self) -> tuple[CallFigures, ...]:
        """All that is counted of each call and leg: for metrics, a few times a minute."""
        return tuple(
            CallFigures(
                call_id,
                room.call.live_count,
                room.call.waiting_count,
                tuple(leg.figures(participant_id) for participant_id, leg in room.legs.items()),
            )
            for call_id, room in self._rooms.items()
        )

    # Inside

    def _room(self, call_id: str) -> _Room:
        try:
            return self._rooms[call_id]
        except KeyError:
            raise Refusal("no_such_call", "This call is not here.") from None

    def _check_current(self, room: _Room, participant_id: str, connection: int) -> None:
        current = room.call.connection(participant_id)
        if current is None:
            raise Refusal("no_such_participant", "The seat is gone: join again.")
        if current != connection:
            raise Refusal("taken_over", "You joined from somewhere else.")

    def _unix(self, moment: float) -> float:
        return self._wall() + (moment - self._clock())

    def _monotonic(self, moment: float | None) -> float | None:
        return None if moment is None else self._clock() + (moment - self._wall())

    @contextlib.contextmanager
    def _settling(self, call_id: str, room: _Room) -> Iterator[None]:
        """Whatever a command brought about, a refused one too, happens before it returns."""
        try:
            yield
        finally:
            self._settle(call_id, room)

    def _settle(self, call_id: str, room: _Room) -> None:
        """Let what the call decided become real: legs first, then who sees whom, then the news of it."""
        news: list[Event] = []
        for effect in room.call.take_effects():
            match effect:
                case SeatLost(participant_id=participant_id, connection=connection):
                    leg = room.legs.get(participant_id)
                    if leg is not None and leg.connection == connection:
                        self._close_leg(room, participant_id)
                case SeatGiven(participant_id=participant_id, connection=connection):
                    news.append(self._admit(call_id, room, participant_id, connection))
                case _:
                    if isinstance(effect, ParticipantGone):
                        room.offers.pop(effect.participant_id, None)
                    news.append(effect)
        if room.call.ended is None:
            self._forward(room)
        else:
            self._rooms.pop(call_id, None)
        for event in news:
            try:
                self._events(event)
            except Exception:  # what has happened has happened: neither the other news nor the command is lost with it
                logger.exception("%s could not be told", type(event).__name__)

    def _admit(self, call_id: str, room: _Room, participant_id: str, connection: int) -> Event:
        known, offer = room.offers.pop(participant_id, (connection, None))
        if offer is None or known != connection:
            return AdmissionFailed(call_id, participant_id, connection, "rejoin", "Join again.")
        answer = self._open_leg(call_id, room, participant_id, connection, offer)
        return Admitted(call_id, participant_id, connection, answer)

    def _forward(self, room: _Room) -> None:
        now = self._clock()
        up = {participant_id: leg for participant_id, leg in room.legs.items() if leg.connected}
        for subscriber, (*seats, screen) in room.call.forwarding().items():
            if leg := up.get(subscriber):
                shown = [up.get(publisher) if publisher else None for publisher in seats]
                leg.show(shown, up.get(screen) if screen else None, now)

    def _open_leg(self, call_id: str, room: _Room, participant_id: str, connection: int, offer: sdp.Offer) -> Answer:
        room.offers.pop(participant_id, None)
        self._close_leg(room, participant_id)
        room.legs[participant_id] = leg = Leg(
            connection=connection,
            offer=offer,
            ports=self._ports,
            certificate=self._certificate,
            traffic=self._traffic,
            dropped=self._dropped,
            clock=self._clock,
            on_up=partial(self._on_up, call_id, room, participant_id),
            on_down=partial(self._on_down, call_id, room, participant_id),
        )
        return leg.answer()

    def _close_leg(self, room: _Room, participant_id: str) -> None:
        room.hearing.forget(participant_id)
        if leg := room.legs.pop(participant_id, None):
            self._say_goodbye(leg)

    def _say_goodbye(self, leg: Leg) -> None:
        if (goodbye := leg.close()) is not None:
            self._goodbyes.add(goodbye)
            goodbye.add_done_callback(self._goodbyes.discard)

    def _on_up(self, call_id: str, room: _Room, participant_id: str, leg: Leg) -> None:
        with self._settling(call_id, room):
            room.call.connected(participant_id, leg.connection, self._clock())

    def _on_down(self, call_id: str, room: _Room, participant_id: str, leg: Leg, hostile: bool) -> None:
        if room.legs.get(participant_id) is not leg:
            return
        self._close_leg(room, participant_id)
        with self._settling(call_id, room):
            if hostile:
                logger.warning("a participant was refused; dropped so far: %s", dict(self._dropped))
                room.call.refused(participant_id, leg.connection, self._clock())
            else:
                room.call.disconnected(participant_id, leg.connection, self._clock())

    async def _tick_on(self) -> None:
        due = self._clock()
        while True:
            due += TICK
            await asyncio.sleep(max(0.0, due - self._clock()))
            now = self._clock()
            self._lags.append(max(0.0, now - due))
            due = max(due, now - TICK)
            self._ports.tick(now)
            self._mirrors.tick(now)
            await self._tick_rooms(due)

    async def _tick_rooms(self, due: float) -> None:
        """Calls have their turns spread over the tick: all at once they would hold up every packet for that long."""
        rooms = list(self._rooms.items())
        for number, (call_id, room) in enumerate(rooms):
            if number:
                await asyncio.sleep(max(0.0, due + TICK * number / len(rooms) - self._clock()))
            if self._rooms.get(call_id) is not room:
                continue
            try:
                self._tick(call_id, room, self._clock())
            except Exception:  # one call's failure is not the others'
                logger.exception("relay tick failed")

    def _tick(self, call_id: str, room: _Room, now: float) -> None:
        for participant_id, leg in list(room.legs.items()):
            leg.tick(now)
            room.call.heard(participant_id, leg.heard_at)
        with self._settling(call_id, room):
            room.call.tick(now)
        if room.call.ended is None:
            legs = room.legs
            voices = {name: legs[name].upstream.microphone.voice for name in room.call.audible() if name in legs}
            if (speaking := room.speakers.update(voices, now)) is not None:
                self._events(Speaking(call_id, speaking))
            self._tell_quality(call_id, room, now)

    def _tell_quality(self, call_id: str, room: _Room, now: float) -> None:
        views = {participant_id: leg.view(now) for participant_id, leg in room.legs.items()}
        shown = room.call.forwarding()
        # Who is reconnecting hears nobody, and everybody sees it.
        listening = {
            participant_id: shown[participant_id] for participant_id in room.call.connected_people() & shown.keys()
        }
        unheard = room.hearing.unheard(listening, room.call.audible(), now)
        before, room.told = room.told, {}
        for quality in qualities(call_id, shown, views, unheard):
            room.told[quality.participant_id] = quality
            if quality != before.get(quality.participant_id, Quality(call_id, quality.participant_id)):
                self._events(quality)

    def _on_error(self) -> None:
        now = self._clock()
        if now - self._logged_at >= LOG_EVERY:
            self._logged_at = now
            logger.exception("packet could not be handled; dropped so far: %s", dict(self._dropped))
