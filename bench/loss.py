"""`make loss`: calls over bad networks, and what their people miss. Seeded; docs/loss.md keeps the table.

Every person is behind a network of their own that loses, delays and shakes packets on the way up and on the way down,
from the moment they are in: what one of them hears of another has crossed two. The relay runs in this process and time
passes as fast as it is computed (bench.instant), so that the same seed gives the same table on any machine.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench import instant
from bench.description import AUDIO_MIDS, RECEIVED_MIDS
from bench.network import Network
from bench.participant import source_id
from bench.viewer import Viewer, WatchedSlot
from calls.relay.node import RelayNode
from calls.relay.terms import Answer, Deadlines, Entrant, Media, Policy, Role
from calls.relay.udp import Address

PEOPLE = ("nina", "omar", "pia")
NETWORKS = 2 * len(PEOPLE)
MEND = 1.5  # seconds of media after those that are counted: the last gaps show, and are filled
_LOOPBACK = Address("127.0.0.1", "127.0.0.1", 0)


class Bursts(Network):
    """Nothing at all comes through for `length` seconds in each `every`; one network of a call after the other."""

    def __init__(self, seed: int, *, every: float, length: float, delay: float = 0.0, jitter: float = 0.0) -> None:
        super().__init__(seed, delay=delay, jitter=jitter)
        self._every, self._length = every, length
        self._phase = seed % NETWORKS * every / NETWORKS

    def carry(self, now: float, size: int = 0) -> tuple[float, ...]:
        arrivals = super().carry(now, size)
        return () if (now + self._phase) % self._every >= self._every - self._length else arrivals


@dataclass(frozen=True, slots=True)
class Scenario:
    """A network and what is expected over it. `delivered` and `heard` are shares, `stall` is in seconds."""

    name: str
    network: Callable[[int], Network]
    delivered: float = 0.0
    heard: float = 0.0
    stall: float = float("inf")


def _lossy(loss: float) -> Callable[[int], Network]:
    # 40 ± 10 ms each way: 80 ± 20 ms to the relay and back, and as much from mouth to ear.
    return lambda seed: Network(seed, loss=loss, delay=0.03, jitter=0.02)


SCENARIOS = (
    Scenario("5 % loss", _lossy(0.05), delivered=0.999, heard=0.97, stall=0.5),
    Scenario("10 % loss", _lossy(0.10), delivered=0.995, heard=0.95, stall=1.0),
    Scenario("20 % loss", _lossy(0.20), heard=0.90, stall=2.0),
    Scenario(
        "bursts of 0.5 s",
        lambda seed: Bursts(seed, every=6.0, length=0.5, delay=0.03, jitter=0.02),
        stall=1.5,  # back within a second
    ),
    Scenario(
        "reordered, doubled",
        lambda seed: Network(seed, delay=0.03, jitter=0.02, duplicate=0.05, reorder=0.05, reorder_by=0.03),
        delivered=1.0,
        heard=1.0,
        stall=0.3,
    ),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one scenario, over all who watched all others."""

    scenario: Scenario
    sent: int  # packets of video that each viewer was to get, added up
    missed: int  # of them, after repair
    again: int  # retransmissions that came
    stall: float  # seconds, the longest without a picture
    pictures: float  # a second, the worst viewer's
    frames: int  # of sound that were spoken to somebody
    heard: int  # of them, played; with redundancy
    unexplained: int  # packets of sound that neither came nor were lost by the network: lost, or made, by the relay

    @property
    def delivered(self) -> float:
        return 1 - self.missed / self.sent

    @property
    def hearing(self) -> float:
        return self.heard / self.frames

    def failures(self) -> list[str]:
        """Each bar that is missed, as a sentence."""
        bars = (
            (self.delivered >= self.scenario.delivered, f"{self.delivered:.3%} of video packets were delivered"),
            (self.hearing >= self.scenario.heard, f"{self.hearing:.1%} of the frames of sound arrived"),
            (self.stall <= self.scenario.stall, f"a picture stood still for {self.stall:.2f} s"),
            (not self.unexplained, f"the relay itself lost {self.unexplained} packets of sound"),
        )
        return [f"{self.scenario.name}: {sentence}." for is_met, sentence in bars if not is_met]


async def watch(scenario: Scenario, seconds: float, seed: int, *, people: Sequence[str] = PEOPLE) -> Outcome:
    """Let these people meet over that network for so long. Raises ConnectionError or TimeoutError."""
    random.seed(seed)  # of the relay's numbers
    loop = asyncio.get_running_loop()
    node = RelayNode(addresses=[_LOOPBACK], events=lambda event: None, clock=loop.time)
    await node.start()
    node.open("call", Policy(), Deadlines(), {})
    viewers = []
    try:
        for name in people:
            viewer = Viewer(name, seed=seed, simulcast=True, clock=lambda: round(loop.time() * 1e9))
            viewers.append(viewer)
            entrant = Entrant(name, name, name.title(), Role.MEMBER, 1, Media(microphone=True, camera=True))
            outcome = node.join("call", entrant, await viewer.offer())
            assert isinstance(outcome, Answer)
            await viewer.answer(outcome.sdp)
        await asyncio.gather(*(viewer.connected(15) for viewer in viewers))
        async with asyncio.timeout(15):
            # The first word is for everybody.
            while node.snapshot().calls[0].live < len(viewers):  # noqa: ASYNC110 - the node tells by plain calls
                await asyncio.sleep(0.05)
        for number, viewer in enumerate(viewers):
            place = 100 * seed + 2 * number
            viewer.peer.uplink, viewer.peer.downlink = scenario.network(place), scenario.network(place + 1)
            viewer.start_media()
        await asyncio.sleep(seconds)
        bounds = {source.source: source.packets for viewer in viewers for source in (*viewer.layers, viewer.microphone)}
        for viewer in viewers:
            viewer.stop(viewer.microphone)
        await asyncio.sleep(MEND)
        return _judge(scenario, seconds, viewers, bounds)
    finally:
        for viewer in viewers:
            await viewer.close()
        await node.stop()


def _judge(scenario: Scenario, seconds: float, viewers: Sequence[Viewer], bounds: dict[int, int]) -> Outcome:
    videos, sounds = [
        [slot for viewer in viewers for mid, slot in viewer.watched.items() if (mid in AUDIO_MIDS) is is_sound]
        for is_sound in (False, True)
    ]
    pairs = len(viewers) * (len(viewers) - 1)
    assert len(videos) == len(sounds) == pairs, "somebody never saw or never heard somebody"
    return Outcome(
        scenario,
        sent=sum(slot.before + bounds[_shown(slot)] - slot.first for slot in videos),
        missed=sum(slot.missing_before(bounds[_shown(slot)]) for slot in videos),
        again=sum(slot.repaired for slot in videos),
        stall=max(slot.longest_stall for slot in videos),
        pictures=min(slot.pictures for slot in videos) / (seconds + MEND),
        frames=sum(bounds[_shown(slot)] for slot in sounds),
        heard=sum(sum(count < bounds[_shown(slot)] for count in slot.heard) for slot in sounds),
        unexplained=sum(_unexplained(viewer, viewers) for viewer in viewers),
    )


def _shown(slot: WatchedSlot) -> int:
    assert slot.source is not None
    return slot.source


def _unexplained(listener: Viewer, viewers: Sequence[Viewer]) -> int:
    """Sound: received = sent less what the network lost, on the way up of one and the way down of the other. What the
    relay makes whole out of redundancy is received as well."""
    found = 0
    for speaker in viewers:
        mid = _mid_of(listener, speaker)
        if mid is None:
            continue
        slot = listener.watched[mid]
        lost = listener.peer.lost_down[slot.ssrc]
        came = slot.received + lost
        # What overtook the very first packet opened the slot: nothing before it can be numbered any more.
        least = speaker.microphone.packets - speaker.peer.lost_up[speaker.microphone.ssrc] - slot.first
        found += max(0, least - came, came - speaker.microphone.packets)
    return found


def _mid_of(listener: Viewer, speaker: Viewer) -> str | None:
    wanted = source_id(speaker.name, speaker.microphone.mid)
    return next(
        (mid for mid in RECEIVED_MIDS if mid in listener.watched and listener.watched[mid].source == wanted), None
    )


def table(outcomes: Sequence[Outcome]) -> str:
    """In Markdown."""
    head = (
        "network, each way",
        "video delivered",
        "sent again",
        "longest stall",
        "pictures/s",
        "sound heard",
        "relay lost",
    )
    rows = [
        (
            each.scenario.name,
            f"{each.delivered:.3%}",
            f"{each.again / each.sent:.1%}",
            f"{each.stall:.2f} s",
            f"{each.pictures:.1f}",
            f"{each.hearing:.1%}",
            str(each.unexplained),
        )
        for each in outcomes
    ]
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in (head, *rows)
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def run(seconds: float, seed: int) -> list[Outcome]:
    """Every scenario, one after the other."""
    outcomes = []
    for scenario in SCENARIOS:
        outcomes.append(instant.run(watch(scenario, seconds, seed)))
        print(f"{scenario.name}, seed {seed}: done", file=sys.stderr, flush=True)
    return outcomes


def main() -> int:
    """The exit status: 0 when every bar was met."""
    parser = argparse.ArgumentParser(prog="make loss ARGS=", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each network")
    parser.add_argument("--seed", type=int, default=1, help="the first")
    parser.add_argument("--seeds", type=int, default=3, help="how many, one after the other; a table for each")
    options = parser.parse_args()
    failures = []
    for seed in range(options.seed, options.seed + options.seeds):
        outcomes = run(options.seconds, seed)
        print(table(outcomes), flush=True)
        failures += [f"Seed {seed}: {sentence}" for outcome in outcomes for sentence in outcome.failures()]
    print("\n".join(failures) or "Every bar was met.")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
