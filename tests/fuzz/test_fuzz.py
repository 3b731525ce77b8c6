"""A short run of every target, every crash ever found, and a live call under mutated packets (hazard H11).

The long run is `make fuzz` (tests/fuzz/__main__.py): what it finds is kept in tests/fuzz/crashes/ and replayed here.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.crashes import kept
from tests.fuzz.mutation import mutate, splice
from tests.fuzz.storm import storm
from tests.fuzz.targets import TARGETS

PACKETS = 20_000


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_whole_is_taken(name: str) -> None:
    for seed in TARGETS[name].seeds:
        TARGETS[name].run(seed)


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_damaged_breaks_nothing(name: str) -> None:
    target = TARGETS[name]

    seeds = st.sampled_from(target.seeds)

    @settings(max_examples=150, deadline=None, database=None)
    @given(st.randoms(use_true_random=False), seeds, st.none() | seeds)
    def breaks_nothing(random: Random, seed: bytes, other: bytes | None) -> None:
        target.run(mutate(random, splice(random, seed, other) if other else seed))

    breaks_nothing()


@pytest.mark.parametrize("name", TARGETS)
def test_noise_breaks_nothing(name: str) -> None:
    target = TARGETS[name]

    @settings(max_examples=50, deadline=None, database=None)
    @given(st.binary(max_size=200))
    def breaks_nothing(noise: bytes) -> None:
        target.run(noise)

    breaks_nothing()


@pytest.mark.parametrize("path", kept(), ids=lambda path: path.stem)
def test_what_crashed_once_does_so_no_more(path: Path) -> None:
    TARGETS[path.stem.partition("-")[0]].run(path.read_bytes())


@pytest.mark.media
async def test_mutated_packets_leave_the_others_their_pictures() -> None:
    told = await storm(packets=PACKETS, each_second=4000)
    assert told.sent >= PACKETS
    assert told.errors == 0
    assert told.lost == 0
    assert told.during > 0.95 * told.before


def test_damage_is_the_same_for_the_same_seed_and_mostly_leaves_the_kind() -> None:
    seed = bytes(range(100))
    damaged = [mutate(Random(n), seed) for n in range(100)]
    assert damaged == [mutate(Random(n), seed) for n in range(100)]
    assert sum(each != seed for each in damaged) > 95
    assert sum(each[:2] == seed[:2] for each in damaged) > 60
