"""When a connection is called poor, and when it is no longer: thresholds, both ways, and no flicker."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from calls.relay.health import Health

SECONDS = 60
Way = Callable[[int], float]  # the second -> the share lost, or the jitter


def poor_seconds(
    *, up: Way = lambda _: 0, down: Way = lambda _: 0, jitter: Way = lambda _: 0, limited: Way = lambda _: 0
) -> list[int]:
    """The seconds of a minute in which the connection is called poor: 50 packets each second, looks each quarter."""
    health, poor = Health(), []
    for second in range(SECONDS):
        health.up.counted(50, round(50 * up(second)), second)
        health.down.counted(50, round(50 * down(second)), second)
        health.up.shaken(1, jitter(second), second)
        looks = [health.is_poor(second + look / 4, limited=bool(limited(second))) for look in range(4)]
        if looks[-1]:
            poor.append(second)
    return poor


def between(begin: int, end: int, value: float) -> Way:
    return lambda second: value if begin <= second < end else 0


def test_good_connection_is_worth_no_word() -> None:
    assert poor_seconds() == []


@pytest.mark.parametrize("way", ["up", "down"])
def test_loss_either_way_is_said_after_three_seconds_and_taken_back_after_five_good_ones(way: str) -> None:
    poor = poor_seconds(**{way: between(10, 30, 0.2)})
    assert 12 <= poor[0] <= 14
    assert 35 <= poor[-1] <= 38
    assert poor == list(range(poor[0], poor[-1] + 1))


@pytest.mark.parametrize("loss", [0.05, 0.09])
def test_loss_that_repair_makes_up_for_is_worth_no_word(loss: float) -> None:
    assert poor_seconds(up=lambda _: loss) == []


@pytest.mark.parametrize("seed", range(20))
def test_link_that_steadily_loses_a_twentieth_loses_its_sign_soon(seed: int) -> None:
    """As chance has it, of three people's sound and small pictures: 240 packets a second."""
    chance, health = Random(seed), Health()
    for look in range(4 * 60):
        now, share = look / 4, 0.2 if look < 4 * 10 else 0.05
        health.down.counted(60, sum(chance.random() < share for _ in range(60)), now)
        is_poor = health.is_poor(now, limited=False)
        assert is_poor or not 4 * 5 < look < 4 * 10
        if now >= 25:
            assert not is_poor, now


def test_single_gap_is_worth_no_word() -> None:
    assert poor_seconds(up=between(10, 11, 0.6)) == []


def test_loss_around_the_threshold_makes_no_sign_that_comes_and_goes() -> None:
    poor = poor_seconds(down=lambda second: 0.12 if second // 4 % 2 else 0.07)
    assert poor == list(range(poor[0], SECONDS)) if poor else True


def test_loss_that_falls_below_the_threshold_but_not_far_keeps_the_sign() -> None:
    poor = poor_seconds(up=lambda second: 0.2 if second < 10 else 0.08)
    assert poor[-1] == SECONDS - 1


def test_jitter_that_spoils_speech_is_said() -> None:
    poor = poor_seconds(jitter=between(10, 20, 0.12))
    assert (poor[0], poor[-1]) == (13, 24)


def test_jitter_that_a_buffer_hides_is_not() -> None:
    assert poor_seconds(jitter=lambda _: 0.06) == []


def test_way_that_carries_less_than_everything_is_said() -> None:
    poor = poor_seconds(limited=between(10, 20, 1))
    assert (poor[0], poor[-1]) == (13, 24)


def test_few_packets_say_nothing() -> None:
    """Somebody without camera and microphone sends next to nothing."""
    health = Health()
    for second in range(20):
        health.up.counted(2, 1, second)
        assert not health.is_poor(second, limited=False)


def test_jitter_of_one_speaker_is_not_that_of_the_listener() -> None:
    """The steadiest stream speaks for the way down."""
    health = Health()
    for second in range(20):
        health.down.shaken(1, 0.2, second)
        health.down.shaken(2, 0.01, second)
        assert not health.is_poor(second, limited=False)


def test_jitter_last_reported_long_ago_is_forgotten() -> None:
    health = Health()
    health.down.shaken(1, 0.2, 0)
    assert [health.is_poor(second, limited=False) for second in range(30)][4]
    assert not health.is_poor(31, limited=False)
