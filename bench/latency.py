"""A latency histogram that costs one list increment a packet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate

BUCKET_NS = 50_000  # 50 µs: fine enough for a relay on one machine
BUCKETS = 20_000  # up to a second; whatever is slower is counted in the last


def percentile(counts: Sequence[int], fraction: float) -> float | None:
    """The upper edge, in ms, of the bucket in which `fraction` (0 to 1) of the counts is reached; None of none."""
    wanted = fraction * sum(counts)
    if not wanted:
        return None
    reached = next(index for index, total in enumerate(accumulate(counts)) if total >= wanted)
    return (reached + 1) * BUCKET_NS / 1e6


def merged(histograms: Iterable[Sequence[int]]) -> list[int]:
    """The sum of histograms, bucket by bucket."""
    return [sum(column) for column in zip(*histograms, strict=True)] or [0] * BUCKETS
