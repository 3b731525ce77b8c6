"""Who is told to be speaking: a voice, not a cough; and not by turns at every word."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.relay.speaker import QUIET, TELL_EACH, Speakers, Voice

PACKET, LOOK = 0.02, 0.25  # seconds
SPEECH, SHOUT, MURMUR, SILENCE = 30, 18, 50, 127  # -dBov


class Table:
    """People at their microphones, 50 packets a second each, looked at four times a second."""

    def __init__(self, *names: str, packet: float = PACKET) -> None:
        self.now, self.packet = 100.0, packet
        self.voices = {name: Voice() for name in names}
        self.speakers = Speakers()
        self.told: list[tuple[float, tuple[str, ...]]] = []

    def pass_by(self, seconds: float, **levels: int | None) -> Table:
        """Everybody else is silent; None sends no packet at all."""
        for _ in range(round(seconds / self.packet)):
            before, self.now = self.now, self.now + self.packet
            for name, voice in self.voices.items():
                if (level := levels.get(name, SILENCE)) is not None:
                    voice.hear(level, self.now)
            if self.now // LOOK > before // LOOK:
                told = self.speakers.update(self.voices, self.now)
                if told is not None:
                    self.told.append((self.now, told))
        return self

    @property
    def said(self) -> list[tuple[str, ...]]:
        return [names for _, names in self.told]


@pytest.mark.parametrize("packet", [0.01, 0.02, 0.06])
def test_somebody_who_begins_to_speak_is_told_within_a_second_and_when_they_stop_too(packet: float) -> None:
    table = Table("ann", packet=packet).pass_by(2)
    began = table.pass_by(3, ann=SPEECH).now - 3
    stopped = table.pass_by(3).now - 3
    (at, first), (until, last) = table.told
    assert (first, last) == (("ann",), ())
    assert 0.2 < at - began < 1.0
    assert 0.6 < until - stopped < 1.3


@pytest.mark.parametrize("level", [MURMUR, 41])
def test_a_murmur_is_no_speech(level: int) -> None:
    assert Table("ann").pass_by(5, ann=level).told == []


def test_a_cough_or_a_slammed_door_is_no_speech() -> None:
    assert Table("ann").pass_by(1).pass_by(0.1, ann=0).pass_by(2).told == []


def test_pauses_between_words_are_not_told() -> None:
    table = Table("ann")
    for _ in range(10):
        table.pass_by(0.5, ann=SPEECH).pass_by(0.4)
    assert table.said == [("ann",)]


def test_somebody_whose_packets_stop_no_longer_speaks() -> None:
    assert Table("ann").pass_by(2, ann=SPEECH).pass_by(2, ann=None).said == [("ann",), ()]


def test_somebody_who_may_not_be_heard_any_more_no_longer_speaks() -> None:
    """Muted, shielded or gone: the relay passes no voice of theirs."""
    table = Table("ann", "ben").pass_by(2, ann=SPEECH, ben=SPEECH)
    assert {*table.said[-1]} == {"ann", "ben"}
    del table.voices["ann"]
    assert table.pass_by(2, ben=SPEECH).said[-1] == ("ben",)


def test_the_first_to_speak_stays_the_active_one_while_others_are_as_loud() -> None:
    table = Table("ann", "ben").pass_by(2, ben=SPEECH).pass_by(3, ann=SPEECH - 4, ben=SPEECH)
    assert table.said == [("ben",), ("ben", "ann")]


def test_who_is_louder_by_6_db_for_long_enough_becomes_the_active_one() -> None:
    table = Table("ann", "ben").pass_by(2, ben=SPEECH)
    table.pass_by(0.4, ann=SHOUT, ben=SPEECH).pass_by(2, ben=SPEECH)
    assert all(names[:1] != ("ann",) for names in table.said)
    assert table.pass_by(3, ann=SHOUT, ben=SPEECH).said[-1] == ("ann", "ben")


def test_the_active_one_who_stops_makes_room_at_once() -> None:
    assert Table("ann", "ben").pass_by(2, ben=SPEECH).pass_by(3, ann=SPEECH).said[-1] == ("ann",)


def runs() -> st.SearchStrategy[list[tuple[float, dict[str, int | None]]]]:
    levels = st.fixed_dictionaries({name: st.none() | st.integers(0, 127) for name in ("ann", "ben", "cy")})
    return st.lists(st.tuples(st.floats(0.02, 1.0), levels), min_size=1, max_size=12)


@given(runs())
def test_at_most_twice_a_second_and_only_what_is_new(history: list[tuple[float, dict[str, int | None]]]) -> None:
    table = Table("ann", "ben", "cy")
    for seconds, levels in history:
        table.pass_by(seconds, **levels)

    assert all(later - earlier >= TELL_EACH for (earlier, _), (later, _) in pairwise(table.told))
    assert all(before != after for before, after in pairwise(table.said))
    assert all(0 <= voice.level <= QUIET for voice in table.voices.values())
