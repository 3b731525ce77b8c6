"""The load generator: its own process, told what to do by lines of JSON on standard input.

It fills the calls, says {"ready": legs}, sends, and on {"from": …, "to": …, "server": pid} (seconds of CLOCK_MONOTONIC)
counts between the two, stops, waits for what is still under way, and answers with a `Count`. It reads the server's CPU
time itself, at the very moments of its own counts: where the machine is too busy, the two are late together.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass

import uvloop

from bench.anteroom import AnteroomEntrance
from bench.janus import JanusEntrance
from bench.latency import BUCKETS
from bench.library import LibraryEntrance
from bench.mediarelay import MediaRelayEntrance
from bench.mesh import MeshEntrance
from bench.participant import Stream
from bench.process import Usage, usage
from bench.session import Attendee, Entrance, Load

ENTRANCES: dict[str, type[Entrance]] = {
    "anteroom": AnteroomEntrance,
    "library": LibraryEntrance,
    "janus": JanusEntrance,
    "mediarelay": MediaRelayEntrance,
    "mesh": MeshEntrance,
}
_DRAIN = 0.5  # seconds for the last packets to arrive


@dataclass(frozen=True, slots=True)
class Count:
    """What was counted between two moments. `latency` and `lateness` are histograms (bench.latency), times seconds."""

    seconds: float
    server_cpu: float
    server_resident: int  # bytes at the end
    sent: int
    received: int
    expected: int  # packets or frames (Entrance.tally), up to the end of what was sent
    lost: int  # of them
    silent: int  # slots that should have shown somebody and never did
    blind: int  # pictures switched to without a keyframe
    latency: list[int]
    lateness: list[int]
    cpu: float  # our own
    profile: str  # SRTP profile agreed on


def _sum(attendees: Iterable[Attendee], tally: tuple[int, int], server: int | None) -> Count:
    streams = [stream for attendee in attendees for stream in attendee.streams]
    slots = [slot for stream in streams for slot in stream.stats.slots.values()]
    used = Usage(0.0, 0) if server is None else usage(server)
    return Count(
        seconds=time.monotonic(),
        server_cpu=used.cpu,
        server_resident=used.resident,
        sent=sum(stream.stats.sent for stream in streams),
        received=sum(slot.received for slot in slots),
        expected=tally[0],
        lost=tally[1],
        silent=0,
        blind=sum(slot.blind_switches for slot in slots),
        latency=list(streams[0].stats.latency),
        lateness=list(streams[0].stats.lateness),
        cpu=time.process_time(),
        profile=streams[0].peer.srtp_profile,
    )


def share_histograms(streams: Iterable[Stream]) -> None:
    """One histogram for all streams: adding up hundreds would hold up the very packets that are timed."""
    latency, lateness = [0] * BUCKETS, [0] * BUCKETS
    for stream in streams:
        stream.stats.latency, stream.stats.lateness = latency, lateness
        for slot in stream.stats.slots.values():
            slot.latency = latency


async def generate(load: Load) -> None:
    """Run one load from start to end, talking on standard input and output."""
    loop = asyncio.get_running_loop()
    entrance = ENTRANCES[load.server](load)
    calls = await asyncio.gather(*(entrance.open(call) for call in range(load.first, load.first + load.calls)))
    attendees = [attendee for call in calls for attendee in call]
    share_histograms([stream for attendee in attendees for stream in attendee.streams])
    for attendee in attendees:
        attendee.start_media()
    gc.collect()
    gc.freeze()
    print(json.dumps({"ready": load.calls * load.people}), flush=True)

    order = json.loads(await loop.run_in_executor(None, sys.stdin.readline))
    await asyncio.sleep(order["from"] - time.monotonic())
    before = _sum(attendees, entrance.tally(attendees, final=False), order["server"])
    await asyncio.sleep(order["to"] - time.monotonic())
    after = _sum(attendees, (0, 0), order["server"])
    for attendee in attendees:
        attendee.stop_media()
    await asyncio.sleep(_DRAIN)

    end = _sum(attendees, entrance.tally(attendees, final=True), None)
    slots = [slot for attendee in attendees for stream in attendee.streams for slot in stream.stats.slots.values()]
    heard = sum(slot.received > 0 for slot in slots)
    count = Count(
        seconds=after.seconds - before.seconds,
        server_cpu=after.server_cpu - before.server_cpu,
        server_resident=after.server_resident,
        sent=after.sent - before.sent,
        received=after.received - before.received,
        expected=end.expected - before.expected,
        lost=end.lost - before.lost,
        silent=load.calls * load.people * (load.people - 1) * 2 - heard,
        blind=end.blind,
        latency=[late - early for late, early in zip(after.latency, before.latency, strict=True)],
        lateness=[late - early for late, early in zip(after.lateness, before.lateness, strict=True)],
        cpu=after.cpu - before.cpu,
        profile=end.profile,
    )
    print(json.dumps(asdict(count)), flush=True)
    for attendee in attendees:
        attendee.leave()
    await entrance.close()


if __name__ == "__main__":
    uvloop.run(generate(Load(**json.loads(sys.argv[1]))))
