"""`make bench`: servers under the same synthetic load, interleaved, on this machine."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from bench.anteroom import REDIS_URL, Anteroom, redis_answers
from bench.janus import Janus, is_installed
from bench.latency import merged, percentile
from bench.library import Library
from bench.mediarelay import MediaRelayServer
from bench.process import ServerProcess, receive_buffer_errors, usage
from bench.session import Load
from bench.table import BEHIND_MS, OURS, Limits, Result, as_json, as_text, delays, failures, ratio

SERVERS: dict[str, type[ServerProcess]] = {
    "anteroom": Anteroom,
    "library": Library,
    "janus": Janus,
    "mediarelay": MediaRelayServer,
}
OUT = Path(__file__).parent / "out" / "latest.json"
_BASELINE_SECONDS = 5.0


class Generator:
    """One load generator process."""

    def __init__(self, load: Load, environment: Mapping[str, str]) -> None:
        self._load, self._environment = load, environment
        self._process: asyncio.subprocess.Process

    async def start(self) -> None:
        """Return once everybody is in their call. Raises RuntimeError when that fails."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bench.load",
            json.dumps(asdict(self._load)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=1 << 24,
            env={**os.environ, **self._environment},
        )
        await self._reply(60)

    async def count(self, start: float, end: float, server: int | None) -> dict[str, Any]:
        """A `bench.load.Count` as a dictionary, from `start` to `end` in seconds of the monotonic clock."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"from": start, "to": end, "server": server}).encode() + b"\n")
        return await self._reply(end - time.monotonic() + 30)

    async def _reply(self, within: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = await asyncio.wait_for(self._process.stdout.readline(), within)
        if not line:
            raise RuntimeError("The load generator stopped; what it said is above")
        reply: dict[str, Any] = json.loads(line)
        return reply

    async def stop(self) -> None:
        try:
            await asyncio.wait_for(self._process.wait(), 10)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


async def measure(load: Load, server: ServerProcess | None, options: argparse.Namespace, seconds: float) -> Result:
    """One run: start, fill, warm up, measure, stop. Notes about the run go to standard error."""
    share = -(-load.calls // options.generators)
    if server is not None:
        await server.start()
        load = replace(load, address=server.address)
    pid = server.pid if server is not None else None
    empty = usage(pid).resident if pid is not None else 0
    dropped = receive_buffer_errors()
    environment = server.environment if server is not None else {}
    firsts = range(0, load.calls, share)
    loads = [replace(load, first=first, calls=min(share, load.calls - first)) for first in firsts]
    generators = [Generator(each, environment) for each in loads]
    try:
        await asyncio.gather(*(generator.start() for generator in generators))
        start = time.monotonic() + options.warm_up
        counts = await asyncio.gather(*(generator.count(start, start + seconds, pid) for generator in generators))
    finally:
        for generator in generators:
            await generator.stop()
        if server is not None:
            await server.stop()

    def total(name: str) -> int:
        return sum(count[name] for count in counts)

    cores = ", ".join(f"{count['cpu'] / count['seconds']:.2f}" for count in counts)
    late = percentile(merged(count["lateness"] for count in counts), 0.99) or 0.0
    note = f"  {load.server}: generator {cores} of a core, ticks {late:.1f} ms late at p99, {counts[0]['profile']}"
    if (missed := receive_buffer_errors() - dropped) > 0:
        note += f"; {missed} datagrams met a full buffer on this host"
    if total("silent"):
        note += f"; {total('silent')} streams NEVER ARRIVED"
    if total("blind"):
        note += f"; {total('blind')} pictures began without a keyframe"
    print(note, file=sys.stderr, flush=True)
    return Result(
        server=load.server,
        calls=load.calls,
        seconds=counts[0]["seconds"],
        sent=total("sent"),
        received=total("received"),
        expected=total("expected"),
        lost=total("lost") + total("silent"),
        cpu=counts[0]["server_cpu"],
        leg_bytes=(counts[0]["server_resident"] - empty) / (load.calls * load.people),
        latency=merged(count["latency"] for count in counts),
        late_ms=late,
    )


async def bench(options: argparse.Namespace, servers: Sequence[str]) -> list[str]:
    """Measure, print the table, write the JSON; why it does not pass, if it does not."""
    load = Load(
        server="",
        address="",
        calls=options.calls,
        seed=options.seed,
        nack_rate=options.nack,
        simulcast=options.simulcast,
    )
    baseline = await measure(replace(load, server="mesh"), None, options, _BASELINE_SECONDS)
    floor, worst = (baseline.latency_ms(share) or 0.0 for share in (0.95, 0.99))
    results: list[Result] = []
    for run in range(options.runs):
        # Every other run the other way round, so that no server always comes second.
        for name in servers if run % 2 == 0 else reversed(servers):
            result = await measure(
                replace(load, server=name, seed=options.seed + run), SERVERS[name](), options, options.seconds
            )
            results.append(result)
            print(
                f"run {run + 1}: {name} {result.cpu_us:.1f} µs a packet, {result.lost} lost",
                file=sys.stderr,
                flush=True,
            )

    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(as_json(results), indent=2) + "\n")
    print(as_text(results))
    if behind := sum(each.late_ms > BEHIND_MS for each in results):
        print(f"THE GENERATOR FELL BEHIND in {behind} runs: their figures are this machine's, not a server's.")
    print(f"Generator to generator, without a server: p95 {floor:.2f} ms, p99 {worst:.2f} ms.")
    for server in OURS:
        cost = ratio(results, server, "janus", lambda each: each.cpu_us)
        delay = delays(results, server, floor)
        if cost is not None:
            print(f"{server} to Janus, median of {options.runs} pairs: {cost:.2f} × the CPU for each forwarded packet.")
        if delay is not None:
            print(f"{server} to Janus, p95 latency less the generator's: {delay:.2f} ×.")
    return failures(results, Limits(options.limit, options.latency_limit, floor))


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line. Defaults are the issue's: eight calls of four, five pairs of runs."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=", description=__doc__)
    parser.add_argument("--calls", type=int, default=8, help="four-person calls at once")
    parser.add_argument("--runs", type=int, default=5, help="runs of each server, interleaved")
    parser.add_argument("--seconds", type=float, default=20.0, help="measured in each run")
    parser.add_argument("--warm-up", type=float, default=3.0, help="seconds of media before that")
    parser.add_argument("--server", default="anteroom,janus", help="which, with commas between: " + ", ".join(SERVERS))
    parser.add_argument("--generators", type=int, default=1, help="load generator processes")
    parser.add_argument("--nack", type=float, default=0.02, help="share of video packets receivers ask for again")
    parser.add_argument("--no-simulcast", dest="simulcast", action="store_false", help="one layer for our relay too")
    parser.add_argument("--limit", type=float, default=0.7, help="fail over this many times Janus's CPU a packet")
    parser.add_argument("--latency-limit", type=float, default=1.5, help="and over so many times its p95 latency")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)
    if unknown := set(options.server.split(",")) - set(SERVERS):
        parser.error(f"there is no server {', '.join(sorted(unknown))}")
    return options


def main() -> int:
    """The exit status: 0 when our relay lost nothing and kept the limit."""
    options = arguments()
    servers = options.server.split(",")
    if "janus" in servers and not is_installed():
        print("Janus is not installed (Debian: apt install janus); measuring without it.", file=sys.stderr)
        servers.remove("janus")
    print(f"Load of this machine before the bench: {os.getloadavg()[0]:.2f}", file=sys.stderr)
    if "anteroom" in servers and not redis_answers():
        print(f"No Redis at {REDIS_URL}: the library alone instead of `manage.py relay`.", file=sys.stderr)
        servers[servers.index("anteroom")] = "library"
    reasons = asyncio.run(bench(options, servers))
    for reason in reasons:
        print(reason)
    return 1 if reasons else 0
