"""Calls over bad networks, for a few seconds: what `make loss` measures for longer."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bench import instant
from bench.description import CHROMIUM
from bench.loss import SCENARIOS, Outcome, Scenario, table, watch
from bench.network import Network
from bench.participant import source_id
from bench.viewer import RedMicrophone, Viewer, WatchedSlot
from calls.relay import red
from tests.calls.relay.house import House

pytestmark = pytest.mark.media

SEED = 4  # of `make loss`, whose tables docs/loss.md keeps


def as_short(scenario: Scenario) -> Scenario:
    """The share of sound that is heard needs more frames than a few seconds have: tests/calls/relay/test_red.py."""
    return replace(scenario, heard=0.0) if scenario.heard < 1.0 else scenario


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_bar_is_met_for_a_few_seconds(scenario: Scenario) -> None:
    outcome = instant.run(watch(as_short(scenario), 4.0, SEED))
    print("\n" + table([outcome]))
    assert outcome.failures() == []


@pytest.mark.long
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_bar_is_met_for_as_long_as_make_loss_looks(scenario: Scenario) -> None:
    """Seeds in which, before each was mended, pictures paused for 7 s over 20 % loss and for 5 s after bursts, and
    packets that had come were counted as lost when they were overtaken by another layer's keyframe."""
    for seed in (SEED, 8):
        outcome = instant.run(watch(scenario, 20.0, seed))
        print("\n" + table([outcome]))
        assert outcome.failures() == []


def test_same_seed_is_the_same_call() -> None:
    scenario = SCENARIOS[2]
    assert instant.run(watch(scenario, 1.0, 1)) == instant.run(watch(scenario, 1.0, 1))


def test_bar_that_is_missed_is_said() -> None:
    scenario = Scenario("a bad day", lambda seed: Network(seed), delivered=0.999, heard=0.9, stall=0.5)
    outcome = Outcome(scenario, 1000, 2, 30, 0.7, 20.0, 100, 80, 1)
    assert len(outcome.failures()) == 4
    assert outcome.failures()[0] == "a bad day: 99.800% of video packets were delivered."
    assert Outcome(scenario, 1000, 1, 30, 0.5, 20.0, 100, 90, 0).failures() == []


async def test_lips_match_after_somebody_else_takes_the_place() -> None:
    """Their computers' clocks are minutes apart."""
    async with House() as house:
        nina, ann = Viewer("nina", seed=1), Viewer("ann", seed=2)
        house.people += [nina, ann]
        ann.clock_ahead = 300.0
        for person in (nina, ann):
            await house.join(person)
        await house.until(lambda: nina.lips_apart("3", "4") is not None)
        assert abs(nina.lips_apart("3", "4") or 0) < 0.02

        house.node.leave("call", "ann", 1)
        ben = Viewer("ben", seed=3)
        house.people.append(ben)
        ben.clock_ahead = -200.0
        await house.join(ben)
        slots = nina.stats.slots
        await house.until(
            lambda: slots["4"].source == source_id("ben", "1") and slots["3"].source == source_id("ben", "0")
        )
        ahead = nina.stats.sender_reports["4"]
        await house.until(lambda: nina.stats.sender_reports["4"] != ahead)
        await asyncio.sleep(1.0)
        apart = nina.lips_apart("3", "4")
        assert apart is not None
        assert abs(apart) < 0.02


async def test_synthetic_sound_is_redundant_as_chromiums() -> None:
    microphone = RedMicrophone("0", 1, 2, CHROMIUM, sequence=5, timestamp=7)
    first, second = (microphone.tick(now)[0] for now in (10, 20))
    before, after = (red.parse(packet[24:], CHROMIUM.opus) for packet in (first, second))
    assert before is not None
    assert after is not None
    assert before.earlier == ()
    assert after.earlier == (red.Block(960, before.primary),)
    assert first[1] == CHROMIUM.red


def make_slot() -> WatchedSlot:
    return WatchedSlot("4", "video", 9, [0] * 20_000)


def test_gap_is_asked_for_again_and_then_given_up_for_a_keyframe() -> None:
    slot = make_slot()
    slot.sequence, slot.shown_at = 12, 0.0
    slot._gaps = {11: (0.01, 0)}
    asked = [moment / 100 for moment in range(200) if slot.ask(moment / 100, 0.1)]
    assert len(asked) == 10
    assert asked[1] - asked[0] == pytest.approx(0.1, abs=0.011)
    assert slot.keyframe_wanted
