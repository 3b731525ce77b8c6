"""A relay node without media, at the seam of calls.relay_worker: the real rules of seats (RelayCall), no packets.

A participant's media comes up when the test says so (`go_live`), and time passes when it says so (`pass_time`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from calls.relay.call import RelayCall, SeatGiven, SeatLost
from calls.relay.terms import (
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
    Policy,
    Quality,
    Refusal,
    Roster,
    State,
    Waiting,
)

BAD_OFFER = "no offer"


class FakeNode:
    def __init__(self, events: Callable[[Event], None]) -> None:
        self.events = events
        self.calls: dict[str, RelayCall] = {}
        self.policies: dict[str, Policy] = {}
        self.low_data: dict[str, bool] = {}
        self.hears: dict[str, tuple[str, ...]] = {}  # as last reported
        self.qualities: dict[str, Quality] = {}
        self.draining = False
        self.running = False
        self.ahead = 0.0  # seconds that the test let pass

    async def start(self) -> None:
        self.running = True

    async def stop(self) -> None:
        for call_id, call in list(self.calls.items()):  # one may end by it
            for person in call.people:
                call.leave(person.participant_id, call.connection(person.participant_id) or 0, self._now())
            self._settle(call_id)
        self.running = False

    def open(self, call_id: str, policy: Policy, deadlines: Deadlines, reserved: Mapping[str, float]) -> None:
        if call_id not in self.calls:
            self.calls[call_id] = RelayCall(
                call_id,
                policy,
                now=self._now(),
                member_deadline=deadlines.member_deadline,
                ends_at=deadlines.ends_at,
                reserved=reserved,
            )

    def join(self, call_id: str, entrant: Entrant, offer: str) -> Answer | Waiting:
        if self.draining:
            raise Refusal("draining", "Draining.")
        if offer == BAD_OFFER:
            raise Refusal("bad_offer", "This offer cannot be used.")
        state = self._call(call_id).join(entrant, self._now())
        self._settle(call_id)
        if state is State.WAITING:
            return Waiting()
        return Answer(f"answer {entrant.participant_id} {entrant.connection}")

    def resume(self, call_id: str, participant_id: str, connection: int) -> State:
        call = self._call(call_id)
        self._check(call, participant_id, connection)
        state = call.state(participant_id)
        assert state is not None
        return state

    def restart(self, call_id: str, participant_id: str, connection: int, offer: str) -> Answer:
        self._check(self._call(call_id), participant_id, connection)
        if offer == BAD_OFFER:
            raise Refusal("bad_offer", "This offer cannot be used.")
        return Answer(f"restarted {participant_id} {connection}")

    def leave(self, call_id: str, participant_id: str, connection: int) -> None:
        self._call(call_id).leave(participant_id, connection, self._now())
        self._settle(call_id)

    def remove(self, call_id: str, participant_id: str) -> None:
        self._call(call_id).remove(participant_id, self._now())
        self._settle(call_id)

    def end(self, call_id: str, reason: EndReason) -> None:
        self._call(call_id).end(reason, self._now())
        self._settle(call_id)

    def reserve(self, call_id: str, identity: str, seconds: float) -> None:
        self._call(call_id).reserve(identity, seconds, self._now())
        self._settle(call_id)

    def renew(self, call_id: str, participant_id: str, connection: int) -> None:
        self._call(call_id).renew(participant_id, connection, self._now())

    def set_deadlines(self, call_id: str, deadlines: Deadlines) -> None:
        self._call(call_id).set_deadlines(deadlines.member_deadline, deadlines.ends_at, self._now())
        self._settle(call_id)

    def set_media(self, call_id: str, participant_id: str, media: Media, take_screen: bool = False) -> None:
        self._call(call_id).set_media(participant_id, media, self._now(), take_screen=take_screen)
        self._settle(call_id)

    def prefer(self, call_id: str, participant_id: str, *, low_data: bool) -> None:
        assert self._call(call_id).state(participant_id) is not None
        self.low_data[participant_id] = low_data

    def report_hearing(self, call_id: str, participant_id: str, speakers: Sequence[str]) -> None:
        assert self._call(call_id).state(participant_id) is not None
        self.hears[participant_id] = tuple(speakers)

    def post_chat(self, call_id: str, participant_id: str, text: str) -> None:
        self._call(call_id).post_chat(participant_id, text, self._now())
        self._settle(call_id)

    def chat(self, call_id: str, participant_id: str) -> Sequence[ChatPosted]:
        return self._call(call_id).chat(participant_id)

    def roster(self, call_id: str) -> Roster:
        return self._call(call_id).roster(self._now())

    def countdown(self, call_id: str) -> CountdownChanged:
        return self._call(call_id).countdown

    def quality(self, call_id: str, participant_id: str) -> Quality:
        return self.qualities.get(participant_id, Quality(call_id, participant_id))

    def mirror(self, offer: str) -> Answer:
        if self.draining:
            raise Refusal("draining", "Draining.")
        if offer == BAD_OFFER:
            raise Refusal("bad_offer", "This offer cannot be used.")
        return Answer("a mirror's answer")

    def drain(self) -> None:
        self.draining = True

    def snapshot(self) -> NodeSnapshot:
        calls = tuple(CallSnapshot(key, call.live_count, call.waiting_count) for key, call in self.calls.items())
        return NodeSnapshot(calls, legs=0, packets_in=0, packets_out=0, dropped={}, loop_lag=0.0)

    # What a test makes happen

    def go_live(self, call_id: str, participant_id: str) -> None:
        call = self._call(call_id)
        call.connected(participant_id, call.connection(participant_id) or 0, self._now())
        self._settle(call_id)

    def pass_time(self, seconds: float) -> None:
        self.ahead += seconds
        for call_id, call in list(self.calls.items()):
            call.tick(self._now())
            self._settle(call_id)

    def _now(self) -> float:
        return time.time() + self.ahead

    def _call(self, call_id: str) -> RelayCall:
        if call_id not in self.calls:
            raise Refusal("no_such_call", "This call is not here.")
        return self.calls[call_id]

    def _check(self, call: RelayCall, participant_id: str, connection: int) -> None:
        current = call.connection(participant_id)
        if current is None:
            raise Refusal("no_such_participant", "The seat is gone: join again.")
        if current != connection:
            raise Refusal("taken_over", "You joined from somewhere else.")

    def _settle(self, call_id: str) -> None:
        call = self.calls[call_id]
        for effect in call.take_effects():
            match effect:
                case SeatGiven(participant_id, connection):
                    answer = Answer(f"answer {participant_id} {connection}")
                    self.events(Admitted(call_id, participant_id, connection, answer))
                case SeatLost():
                    pass
                case _:
                    self.events(effect)
        if call.ended is not None:
            self.calls.pop(call_id, None)
