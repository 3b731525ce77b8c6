"""The synthetic receivers' estimate is what relays meet in browsers: it falls at once and lags upwards."""

from __future__ import annotations

from bench.estimate import Estimate
from bench.network import Network

SIZE = 1000  # bytes


def feed(estimate: Estimate, network: Network, rate: float, seconds: float, begin: float = 0.0) -> int:
    """Send at `rate` bits/s over the network; how often the estimate fell."""
    apart = 8 * SIZE / rate
    moments = (begin + number * apart for number in range(int(seconds / apart)))
    return sum(estimate.arrived(SIZE, sent % 64, at) for sent in moments for at in network.carry(sent, SIZE))


def test_good_link_is_estimated_up_slowly_to_little_more_than_arrives() -> None:
    estimate, network = Estimate(), Network(1, delay=0.05)
    assert feed(estimate, network, 1_000_000, 5) == 0
    assert 400_000 < estimate.bitrate < 600_000
    feed(estimate, network, 1_000_000, 60, begin=5)
    assert 1_300_000 < estimate.bitrate < 1_700_000


def test_queue_brings_the_estimate_under_what_the_link_carries() -> None:
    estimate, network = Estimate(), Network(1, delay=0.05)
    feed(estimate, network, 1_000_000, 40)
    network.rate = 400_000
    assert feed(estimate, network, 1_000_000, 3, begin=40) >= 1
    assert 250_000 < estimate.bitrate < 400_000
