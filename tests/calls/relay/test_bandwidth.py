"""What a subscriber's link has room for: a link is simulated by what it carries, and time passes by the tick."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.relay.bandwidth import FEWEST_PROBED, Downlink, Meter, Picture

TICK = 0.25  # s
REPORTED = 0.5  # s
PACKET = 2_000  # bits
SOUND = 100_000.0
LOW, HIGH = 100_000.0, 900_000.0
CAMERA = Picture((LOW, HIGH))
THREE = (CAMERA, CAMERA, CAMERA)
EVERYTHING = (2, 2, 2)


@dataclass
class Link:
    """A subscriber behind a link of `rate` bits/s that loses `loss` of what it carries. The streams of a browser report
    once a second each, together each half.

    `remb` makes the estimate a browser would tell, from what arrived in the last second and what was sent.
    """

    rate: float = inf
    loss: float = 0.0
    pictures: tuple[Picture, ...] = THREE
    low_data: bool = False
    remb: Callable[[float, float], float] | None = None
    chance: Random | None = None  # which packets are lost; otherwise exactly that share of them
    away: Callable[[float], bool] = lambda now: False  # nothing at all comes through
    now: float = 0.0
    shown: tuple[int, ...] = ()
    history: list[tuple[float, tuple[int, ...]]] = field(default_factory=list)
    most_sent: float = 0.0

    def __post_init__(self) -> None:
        self.downlink = Downlink()
        self._octets = 0
        self._sent = self._arrived = 0.0
        self._ticks = 0
        self._decide()

    def _decide(self) -> None:
        self.shown = self.downlink.decide(self._octets, SOUND, self.pictures, self.now, low_data=self.low_data)
        self.history.append((self.now, self.shown))

    @property
    def media(self) -> float:
        return SOUND + sum(each.rates[n - 1] for each, n in zip(self.pictures, self.shown, strict=True) if n)

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / TICK)):
            sent = self.media + self.downlink.padding
            self.most_sent = max(self.most_sent, sent)
            self.now += TICK
            self._ticks += 1
            self._octets += int(sent * TICK / 8)
            self._sent += sent * TICK
            if not self.away(self.now):
                self._arrived += min(sent, self.rate) * (1 - self._lost(sent)) * TICK
            if self._ticks * TICK % REPORTED == 0:
                expected = round(self._sent / PACKET)
                self.downlink.reported(expected, expected - round(self._arrived / PACKET), self.now)
                if self.remb is not None:
                    self.downlink.estimated(int(self.remb(self._arrived / REPORTED, self._sent / REPORTED)), self.now)
                self._sent = self._arrived = 0.0
            self._decide()

    def _lost(self, sent: float) -> float:
        """Of what the link carries in this tick, the share that it loses."""
        packets = round(min(sent, self.rate) * TICK / PACKET)
        if self.chance is None or not packets:
            return self.loss
        return sum(self.chance.random() < self.loss for _ in range(packets)) / packets

    def since(self, moment: float) -> list[tuple[int, ...]]:
        return [shown for at, shown in self.history if at > moment]


def test_good_link_shows_everything_at_once_and_is_sent_nothing_besides() -> None:
    link = Link()
    assert link.shown == EVERYTHING
    link.run(60)
    assert set(link.since(0)) == {EVERYTHING}
    assert link.most_sent == link.media


@pytest.mark.parametrize("loss", [0.0, 0.02, 0.05, 0.08])
def test_loss_that_repair_mends_lowers_nothing(loss: float) -> None:
    link = Link(loss=loss)
    link.run(60)
    assert set(link.since(0)) == {EVERYTHING}


def test_600_kilobits_with_loss_carry_the_sound_and_three_small_pictures() -> None:
    link = Link(rate=600_000, loss=0.05)
    link.run(3)
    assert link.shown == (1, 1, 1)
    link.run(60)
    assert set(link.since(3)) == {(1, 1, 1)}


def test_200_kilobits_carry_the_sound_and_at_most_one_picture() -> None:
    link = Link(rate=200_000)
    link.run(3)
    assert sum(link.shown) <= 1
    link.run(60)
    assert max(map(sum, link.since(3))) <= 1


def test_50_kilobits_are_left_to_the_sound() -> None:
    link = Link(rate=50_000)
    link.run(10)
    assert link.shown == (0, 0, 0)


@pytest.mark.parametrize("rate", [200_000, 600_000, 1_500_000])
def test_recovered_link_shows_everything_again_within_eight_seconds(rate: float) -> None:
    link = Link(rate=rate)
    link.run(20)
    assert link.shown != EVERYTHING
    recovered_at, link.rate = link.now, inf
    link.run(8)
    assert link.shown == EVERYTHING
    assert recovered_at < min(at for at, shown in link.history if at > recovered_at and shown == EVERYTHING)
    link.run(30)
    assert set(link.since(recovered_at + 8)) == {EVERYTHING}


def test_step_down_comes_at_once_and_a_step_up_after_three_good_seconds() -> None:
    link = Link()
    link.run(10)
    link.rate, weak_at = 600_000, link.now
    link.run(1.25)
    assert link.shown == (1, 1, 1)
    lowered_at = next(at for at, shown in link.history if shown == (1, 1, 1))
    assert lowered_at <= weak_at + 1
    link.rate = inf
    link.run(5)
    assert min(at for at, shown in link.history if at > lowered_at and shown != (1, 1, 1)) >= lowered_at + 3


def test_picture_is_not_guessed_up_but_probed_for() -> None:
    """A link of 600 kb/s is never sent a large picture to see whether that fits: the sound would pay."""
    link = Link(rate=600_000)
    link.run(3)
    link.most_sent = 0.0
    link.run(60)
    assert set(link.since(3)) == {(1, 1, 1)}
    assert link.most_sent < 3 * link.rate


@pytest.mark.parametrize("loss", [0.12, 0.2, 0.24])
def test_loss_alone_makes_pictures_small_but_does_not_take_them_away(loss: float) -> None:
    """Wi-Fi at its edge loses a fifth whatever is sent: repair and a small picture are better than none."""
    link = Link(loss=loss)
    link.run(60)
    assert set(link.since(12)) == {(1, 1, 1)}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("loss", [0.1, 0.2, 0.3])
def test_link_that_loses_whatever_is_sent_never_pauses_a_picture(loss: float, seed: int) -> None:
    """Less would not help: `make loss` saw pictures stand still for seven seconds where a fifth was lost by chance."""
    link = Link(loss=loss, chance=Random(seed))
    link.run(120)
    assert min(min(shown) for _, shown in link.history) >= 1
    if loss > 0.1:
        assert set(link.since(15)) == {(1, 1, 1)}


def test_link_that_stops_losing_shows_everything_again() -> None:
    link = Link(loss=0.2, chance=Random(1))
    link.run(30)
    link.loss = 0.0
    link.run(15)
    assert link.shown == EVERYTHING


def test_link_that_loses_by_itself_and_then_becomes_narrow_is_not_sent_more_than_it_carries() -> None:
    link = Link(loss=0.2, chance=Random(1))
    link.run(30)
    link.rate = 200_000
    link.run(6)
    assert sum(link.shown) <= 1


def test_half_a_second_without_a_link_pauses_nothing() -> None:
    link = Link(away=lambda now: now % 6 >= 5.5)
    link.run(60)
    assert min(min(shown) for _, shown in link.history) >= 1


def test_heavy_loss_pauses_at_once_where_the_estimate_is_low_too() -> None:
    link = Link(remb=lambda arrived, _: 0.9 * arrived)
    link.run(10)
    link.rate = 200_000
    link.run(1.5)
    assert sum(link.shown) <= 1


def test_camera_in_one_layer_is_paused_only_when_it_cannot_be_carried() -> None:
    single = (Picture((HIGH,)),)
    link = Link(pictures=single, loss=0.2)
    link.run(20)
    assert set(link.since(0)) == {(1,)}
    link = Link(pictures=single, rate=300_000)
    link.run(20)
    assert link.shown == (0,)


def test_estimate_that_lags_behind_what_arrives_is_no_congestion() -> None:
    """Chromium's REMB climbs by 8 % a second from what it was: for a minute after a second person came it is low."""
    link = Link(remb=lambda arrived, _: 400_000 * 1.08**link.now)
    link.run(30)
    assert set(link.since(0)) == {EVERYTHING}


def test_estimate_that_stays_low_for_two_seconds_counts_without_any_loss() -> None:
    """A deep queue delays and loses nothing: the estimate alone tells."""
    link = Link()
    link.run(10)
    link.remb, began = (lambda *_: 500_000.0), link.now
    link.run(1.75)
    assert set(link.since(began)) == {EVERYTHING}
    link.run(2.5)
    assert link.shown == (1, 1, 1)


def test_picture_that_crowds_the_sound_is_paused_when_loss_and_estimate_agree() -> None:
    """The loss alone, under a quarter, would leave it there and take every fifth packet of the sound."""
    link = Link(rate=165_000, pictures=(CAMERA,), remb=lambda arrived, _: min(0.85 * arrived, 140_000))
    link.run(12)
    assert set(link.since(8)) == {(0,)}


def test_estimate_that_falls_under_a_probe_ends_it() -> None:
    link = Link(rate=600_000, remb=lambda arrived, sent: 0.85 * arrived if sent > 600_000 else 600_000)
    link.run(40)
    assert link.shown == (1, 1, 1)
    link.most_sent = 0.0
    link.run(40)
    assert link.most_sent < 1_000_000


def test_old_estimate_counts_no_longer() -> None:
    downlink, octets = Downlink(), 0
    downlink.decide(octets, SOUND, THREE, 0.0)
    downlink.estimated(50_000, 0.0)
    for tick in range(1, 40):
        octets += 100_000
        assert downlink.decide(octets, SOUND, THREE, tick * TICK) == EVERYTHING


def test_few_packets_say_nothing_about_loss() -> None:
    downlink = Downlink()
    downlink.reported(FEWEST_PROBED - 1, FEWEST_PROBED - 1, 0.0)
    assert downlink.decide(0, SOUND, THREE, 0.1) == EVERYTHING


def test_pictures_come_back_although_everybody_is_silent_and_nothing_is_reported() -> None:
    downlink, shown = Downlink(), (0,)
    downlink.decide(0, 0.0, (CAMERA,), 0.0)
    for at in (0.25, 2.0):
        downlink.reported(1000, 990, at)
        shown = downlink.decide(0, 0.0, (CAMERA,), at)
    assert shown == (0,)
    for tick in range(9, 70):
        shown = downlink.decide(0, 0.0, (CAMERA,), tick * TICK)
        if any(shown):
            downlink.reported(100, 0, tick * TICK)
    assert shown == (2,)


def test_pictures_come_back_where_only_estimates_come() -> None:
    """Chromium that hears sound alone: no report for seconds, and an estimate that stands still, lower than what it
    hears, until there is more to hear."""
    downlink, octets, estimate = Downlink(), 0, 0.8 * SOUND
    shown: tuple[int, ...] = (0,)
    downlink.decide(0, SOUND, (CAMERA,), 0.0)
    for at in (0.25, 2.0):
        downlink.reported(1000, 990, at)
        shown = downlink.decide(0, SOUND, (CAMERA,), at)
    assert shown == (0,)
    for tick in range(9, 17 * 4):
        now = tick * TICK
        sent = SOUND + downlink.padding + (CAMERA.rates[shown[0] - 1] if shown[0] else 0.0)
        octets += round(sent * TICK / 8)
        if tick % 4 == 0:
            estimate *= 1.08 if sent > SOUND else 1.0
            downlink.estimated(round(estimate), now)
        shown = downlink.decide(octets, SOUND, (CAMERA,), now)
        if any(shown):
            downlink.reported(100, 0, now)
    assert shown == (2,)


@pytest.mark.parametrize(
    ("rate", "shown"),
    [
        (60_000, (0, 0, 0, 0)),
        (450_000, (0, 0, 0, 1)),  # the screen before any camera
        (560_000, (1, 0, 0, 1)),
        (760_000, (1, 1, 1, 1)),
        (1_700_000, (2, 1, 1, 1)),
    ],
)
def test_what_is_missed_most_comes_first(rate: float, shown: tuple[int, ...]) -> None:
    link = Link(rate=rate, pictures=(*THREE, Picture((300_000.0,), is_screen=True)))
    link.run(3)
    assert link.shown == shown


@pytest.mark.parametrize(
    ("pictures", "shown"),
    [
        (THREE, (1, 1, 1)),
        ((*THREE, Picture((300_000.0,), is_screen=True)), (0, 0, 0, 1)),
        ((*THREE, Picture((), is_screen=True)), (1, 1, 1, 0)),  # a screen of which nothing is sent
    ],
)
def test_low_data_is_the_screen_or_else_small_cameras(pictures: tuple[Picture, ...], shown: tuple[int, ...]) -> None:
    link = Link(pictures=pictures, low_data=True)
    link.run(10)
    assert set(link.since(-1)) == {shown}


def test_nothing_sent_is_nothing_shown() -> None:
    link = Link(pictures=(Picture(()), CAMERA, Picture(())))
    link.run(2)
    assert link.shown == (0, 2, 0)


def test_rates_that_waver_do_not_make_pictures_flicker() -> None:
    link = Link(rate=600_000)
    link.run(3)
    for number in range(40):
        wavering = LOW * (1.1 if number % 2 else 0.9)
        link.pictures = (Picture((wavering, HIGH)),) * 3
        link.run(TICK)
    assert set(link.since(3)) == {(1, 1, 1)}


@given(
    st.lists(
        st.tuples(st.floats(30_000, 10_000_000), st.floats(0, 0.6), st.integers(1, 12), st.integers(0, 3)),
        min_size=1,
        max_size=12,
    )
)
def test_whatever_the_link_does_a_good_one_brings_everything_back(
    script: list[tuple[float, float, int, int]],
) -> None:
    link = Link(pictures=())
    for rate, loss, seconds, people in script:
        link.rate, link.loss, link.pictures = rate, loss, (CAMERA,) * people
        link._decide()
        link.run(seconds)
        for _, shown in link.history:
            assert all(0 <= count <= 2 for count in shown)
    link.rate, link.loss, link.pictures = inf, 0.0, THREE
    link._decide()
    link.run(15)
    assert link.shown == EVERYTHING
    assert link.downlink.limit == inf
    assert link.downlink.padding == 0


def test_meter_reads_the_last_second() -> None:
    meter = Meter()
    assert meter.read(0, 0.0) == 0.0
    for tick in range(1, 9):
        assert meter.read(tick * 1000, tick * TICK) == 8 * 1000 / TICK
    for tick in range(9, 13):
        meter.read(8000, tick * TICK)
    assert meter.read(8000, 3.25) == 0.0
