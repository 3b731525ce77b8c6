"""What the runs come to: medians, ratios, one table, one JSON file. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from bench.latency import percentile

BEHIND_MS = 20.0  # a generator whose ticks are later than that is no longer measuring the server
OURS = ("anteroom", "library")  # as deployed, and the relay library alone


@dataclass(frozen=True, slots=True)
class Result:
    """One server under one load once. `cpu` is the server's in seconds, `leg_bytes` its memory for each participant."""

    server: str
    calls: int
    seconds: float
    sent: int
    received: int
    expected: int  # packets, or frames of a server that does not forward packets
    lost: int  # of them
    cpu: float
    leg_bytes: float
    latency: Sequence[int]  # a histogram (bench.latency)
    late_ms: float = 0.0  # the generator's own ticks, at the 99th percentile

    @property
    def loss(self) -> float:
        """The share of what should have come, and did not."""
        return self.lost / self.expected if self.expected and self.received else 1.0

    @property
    def cpu_us(self) -> float:
        """Microseconds of the server's CPU for each packet it forwarded; infinite if it forwarded none."""
        return 1e6 * self.cpu / self.received if self.received else float("inf")

    def latency_ms(self, fraction: float) -> float | None:
        """None where the server let no sending time through."""
        return percentile(self.latency, fraction)


def ratio(results: Sequence[Result], server: str, to: str, figure: Callable[[Result], float]) -> float | None:
    """The median over interleaved runs of one server's figure divided by another's in the same run, if any."""
    ours, theirs = ([figure(each) for each in results if each.server == name] for name in (server, to))
    pairs = [mine / other for mine, other in zip(ours, theirs, strict=False) if other > 0]
    return median(pairs) if pairs else None


def as_json(results: Sequence[Result]) -> dict[str, object]:
    """The form other tools read (docs/relay.md, "Measuring"): loss as a share, latencies in milliseconds."""
    return {
        "runs": [
            {
                "server": each.server,
                "calls": each.calls,
                "loss": each.loss,
                "cpu_us_per_forwarded_packet": round(each.cpu_us, 2),
                "latency_ms": {f"p{share}": each.latency_ms(share / 100) for share in (50, 95, 99)},
            }
            for each in results
        ]
    }


def as_text(results: Sequence[Result]) -> str:
    """One row a server: medians over its runs, losses added up."""
    head = ("server", "calls", "in/s", "out/s", "lost", "core", "µs/packet", "p50 ms", "p95 ms", "p99 ms", "KiB/leg")
    rows: list[tuple[str, ...]] = [head]
    for server in dict.fromkeys(each.server for each in results):
        runs = [each for each in results if each.server == server]
        rows.append(
            (
                server,
                str(runs[0].calls),
                f"{median(each.sent / each.seconds for each in runs):.0f}",
                f"{median(each.received / each.seconds for each in runs):.0f}",
                str(sum(each.lost for each in runs)),
                f"{median(each.cpu / each.seconds for each in runs):.2f}",
                f"{median(each.cpu_us for each in runs):.1f}",
                *(_middle([each.latency_ms(share) for each in runs]) for share in (0.5, 0.95, 0.99)),
                f"{median(each.leg_bytes / 1024 for each in runs):.0f}",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


def _middle(milliseconds: Sequence[float | None]) -> str:
    known = [each for each in milliseconds if each is not None]
    return f"{median(known):.2f}" if known else "–"


def delays(results: Sequence[Result], server: str, floor: float) -> float | None:
    """The median ratio to Janus of p95 latencies, less `floor`: what the generator takes by itself, in milliseconds."""
    return ratio(results, server, "janus", lambda each: max(0.0, (each.latency_ms(0.95) or 0.0) - floor))


@dataclass(frozen=True, slots=True)
class Limits:
    """Times Janus: CPU for each forwarded packet, and p95 latency less the `floor` in milliseconds."""

    cost: float
    delay: float
    floor: float


def failures(results: Sequence[Result], limits: Limits) -> list[str]:
    """Why this bench does not pass, in sentences: our relay lost packets, or costs or delays more than Janus times the
    limit."""
    reasons = []
    for server in OURS:
        if lost := sum(each.lost for each in results if each.server == server):
            reasons.append(f"Our relay lost {lost} packets.")
        cost = ratio(results, server, "janus", lambda each: each.cpu_us)
        if cost is not None and cost > limits.cost:
            reasons.append(f"Our relay costs {cost:.2f} × Janus a packet; the limit is {limits.cost}.")
        delay = delays(results, server, limits.floor)
        if delay is not None and delay > limits.delay:
            reasons.append(f"Our relay's p95 latency is {delay:.2f} × Janus's; the limit is {limits.delay}.")
    return reasons
