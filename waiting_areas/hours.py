"""Opening hours: blocks by weekday in the area's own time zone (rule W2). Pure: no database, no clock (hazard H26).

A block names two readings of the clock on the wall. Where a clock change makes such a reading come twice, a block opens
at the first and closes at the last; where it makes it never come, the moment of the change stands for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_WEEK = 7
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, order=True)
class Block:
    """`weekday` as in `date.weekday()`, Monday 0. One that closes at or before its opening goes on over midnight."""

    weekday: int
    opens: time
    closes: time


def is_open(blocks: Iterable[Block], zone: ZoneInfo, at: datetime) -> bool:
    """`at` is aware."""
    return any(opens <= at < closes for opens, closes in _spans(blocks, zone, at))


def next_opening(blocks: Iterable[Block], zone: ZoneInfo, at: datetime) -> datetime | None:
    """The first opening after `at`, in UTC: of two equal readings in `zone` neither equals anything (PEP 495). None
    when there are no hours at all."""
    coming = [opens for opens, closes in _spans(blocks, zone, at) if opens > at and closes > opens]
    return min(coming, default=None)


def _spans(blocks: Iterable[Block], zone: ZoneInfo, at: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Each block's moments, from the day before `at` to the same weekday a week later: UTC, in no order."""
    today = at.astimezone(zone).date()
    for block in blocks:
        for offset in range(-1, _WEEK + 2):
            day = today + timedelta(days=offset)
            if day.weekday() == block.weekday:
                last = day + timedelta(days=1) if block.closes <= block.opens else day
                yield _moment(day, block.opens, zone, fold=0), _moment(last, block.closes, zone, fold=1)


def _moment(day: date, reading: time, zone: ZoneInfo, *, fold: int) -> datetime:
    """UTC. `fold` chooses of two (PEP 495); for a reading that never comes, the moment at which the clocks change."""
    wall = datetime.combine(day, reading)
    moments = [wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    if moments[fold].astimezone(zone).replace(tzinfo=None) == wall:
        return moments[fold]
    before, after = min(moments), max(moments)
    offset = before.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + (after - before) / 2
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0) if after.microsecond == 0 else after.replace(microsecond=0) + _SECOND
