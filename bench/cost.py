"""What the relay's own work costs, in computed time: `python -m bench.cost --calls 8 --seconds 3`.

The calls of `make bench`, the same packets in every run, one process for everybody, and only the CPU time within the
relay's callbacks counted: for comparing two states of the code, in turns, where the machine is too busy for a bench.
What is not in it: waking up, the event loop, and what the kernel does for a receiver that waits.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import time
from collections.abc import Callable
from dataclasses import dataclass

from bench import instant
from bench.participant import Participant
from calls.relay.leg import Leg
from calls.relay.node import RelayNode
from calls.relay.terms import Answer, Deadlines, Entrant, Media, Policy, Role
from calls.relay.udp import Address, UdpPort

SETTLE = 2.0  # seconds, until everybody has both layers
_WORK: tuple[tuple[type, str], ...] = (
    (UdpPort, "_readable"),
    (RelayNode, "_tick"),
    (Leg, "_ask_missing"),
    (Leg, "_report_opened"),
    (Leg, "_pad"),
)


@dataclass(slots=True)
class _Meter:
    """CPU seconds spent in what it was put around, while it runs."""

    runs: bool = False
    spent: float = 0.0

    def around(self, work: Callable[..., object]) -> Callable[..., object]:
        def metered(*arguments: object) -> object:
            if not self.runs:
                return work(*arguments)
            began = time.process_time()
            try:
                return work(*arguments)
            finally:
                self.spent += time.process_time() - began

        return metered


async def _cost(calls: int, seconds: float, meter: _Meter) -> float:
    """CPU µs for each packet forwarded."""
    loop = asyncio.get_running_loop()
    node = RelayNode(addresses=[Address("127.0.0.1", "127.0.0.1", 0)], events=lambda _: None, clock=loop.time)
    await node.start()
    people = []
    for call in range(calls):
        node.open(str(call), Policy(), Deadlines(), {})
        for seat in range(4):
            person = Participant(
                f"{call}/{seat}",
                seed=4 * call + seat,
                nack_rate=0.02,
                simulcast=True,
                clock=lambda: round(loop.time() * 1e9),
            )
            entrant = Entrant(person.name, person.name, person.name, Role.MEMBER, 1, Media(True, True))
            answer = node.join(str(call), entrant, await person.offer())
            assert isinstance(answer, Answer)
            await person.answer(answer.sdp)
            people.append(person)
    for person in people:
        await person.connected(10)
        person.start_media()
    await asyncio.sleep(SETTLE)
    gc.collect()
    gc.freeze()
    before = node.snapshot().packets_out
    meter.runs = True
    await asyncio.sleep(seconds)
    meter.runs = False
    forwarded = node.snapshot().packets_out - before
    for person in people:
        await person.close()
    await node.stop()
    return meter.spent * 1e6 / forwarded


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.cost", description=__doc__)
    parser.add_argument("--calls", type=int, default=8, help="four-person calls at once")
    parser.add_argument("--seconds", type=float, default=3.0, help="of computed time")
    options = parser.parse_args()
    meter = _Meter()
    for owner, name in _WORK:
        setattr(owner, name, meter.around(getattr(owner, name)))
    print(f"{instant.run(_cost(options.calls, options.seconds, meter)):.2f} µs of CPU for each forwarded packet")


if __name__ == "__main__":
    main()
