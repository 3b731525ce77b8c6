"""A bad network is the same bad network each time."""

from __future__ import annotations

from itertools import pairwise
from math import inf

import pytest

from bench.network import Network


def arrivals(network: Network, packets: int = 2000, apart: float = 0.01) -> list[tuple[float, ...]]:
    return [network.carry(index * apart) for index in range(packets)]


def test_perfect_wire_delivers_at_once() -> None:
    assert arrivals(Network(1), 3) == [(0.0,), (0.01,), (0.02,)]


def test_same_seed_deals_the_same_fate() -> None:
    settings = {"loss": 0.05, "delay": 0.03, "jitter": 0.02, "duplicate": 0.01, "reorder": 0.02}
    assert arrivals(Network(7, **settings)) == arrivals(Network(7, **settings))
    assert arrivals(Network(7, **settings)) != arrivals(Network(8, **settings))


def test_loss_is_the_share_asked_for() -> None:
    lost = sum(not fate for fate in arrivals(Network(1, loss=0.05)))
    assert 70 <= lost <= 130


def test_more_delay_does_not_change_what_is_lost() -> None:
    near, far = arrivals(Network(1, loss=0.1)), arrivals(Network(1, loss=0.1, delay=0.2, jitter=0.1))
    assert [bool(fate) for fate in near] == [bool(fate) for fate in far]


def test_jitter_alone_keeps_the_order() -> None:
    times = [at for fate in arrivals(Network(1, delay=0.05, jitter=0.08)) for at in fate]
    assert times == sorted(times)
    assert max(at - index * 0.01 for index, at in enumerate(times)) > 0.1


def test_reordered_packet_is_overtaken() -> None:
    times = [at for fate in arrivals(Network(1, reorder=0.02, reorder_by=0.05)) for at in fate]
    assert times != sorted(times)


def test_duplicate_comes_twice() -> None:
    assert all(len(fate) == 2 for fate in arrivals(Network(1, duplicate=1.0), 10))


@pytest.mark.parametrize("setting", [{"loss": 1.5}, {"duplicate": -0.1}, {"delay": -1.0}])
def test_impossible_networks_are_refused(setting: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"probability|arrive before"):
        Network(1, **setting)


def test_link_of_a_rate_carries_that_much_and_loses_what_finds_its_queue_full() -> None:
    network, size = Network(1, rate=80_000, queue=0.5), 1000  # ten packets a second
    fates = [network.carry(number / 20, size) for number in range(200)]  # twice that, for ten seconds
    delivered = [at for fate in fates for at in fate]
    assert 100 <= len(delivered) <= 107  # what it carries in the time, and its queue
    assert all(later - earlier > 0.0999 for earlier, later in pairwise(delivered))
    assert max(fate[0] - number / 20 for number, fate in enumerate(fates) if fate) <= 0.61
    network.rate = inf
    assert network.carry(20.0, size) == (20.0,)
