"""Opening hours around midnight, the week and both clock changes (rule W2, hazard H26)."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waiting_areas.hours import Block, is_open, next_opening

LONDON = ZoneInfo("Europe/London")
MONDAY, FRIDAY, SATURDAY, SUNDAY = 0, 4, 5, 6


def block(weekday: int, opens: str, closes: str) -> Block:
    return Block(weekday, time.fromisoformat(opens), time.fromisoformat(closes))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# 2027: London's clocks go forward on 28 March (01:00 is 02:00) and back on 31 October (02:00 is 01:00 again).
TABLE = [
    # an ordinary Monday, in winter and in summer time
    ([block(MONDAY, "09:00", "12:00")], "2027-01-04 08:59", False),
    ([block(MONDAY, "09:00", "12:00")], "2027-01-04 09:00", True),
    ([block(MONDAY, "09:00", "12:00")], "2027-01-04 11:59", True),
    ([block(MONDAY, "09:00", "12:00")], "2027-01-04 12:00", False),
    ([block(MONDAY, "09:00", "12:00")], "2027-07-05 08:00", True),
    ([block(MONDAY, "09:00", "12:00")], "2027-07-05 11:00", False),
    # several blocks a day
    ([block(MONDAY, "09:00", "12:00"), block(MONDAY, "13:00", "17:00")], "2027-01-04 12:30", False),
    ([block(MONDAY, "09:00", "12:00"), block(MONDAY, "13:00", "17:00")], "2027-01-04 13:00", True),
    # over midnight, also from Sunday into Monday
    ([block(FRIDAY, "22:00", "02:00")], "2027-01-01 23:30", True),
    ([block(FRIDAY, "22:00", "02:00")], "2027-01-02 01:59", True),
    ([block(FRIDAY, "22:00", "02:00")], "2027-01-02 02:00", False),
    ([block(FRIDAY, "22:00", "02:00")], "2027-01-01 01:00", False),
    ([block(SUNDAY, "22:00", "02:00")], "2027-01-04 01:00", True),
    # to midnight, and all day
    ([block(MONDAY, "18:00", "00:00")], "2027-01-04 23:59", True),
    ([block(MONDAY, "18:00", "00:00")], "2027-01-05 00:00", False),
    ([block(MONDAY, "00:00", "00:00")], "2027-01-04 12:00", True),
    ([block(MONDAY, "00:00", "00:00")], "2027-01-05 00:00", False),
    # forward: the hour from 01:00 never comes
    ([block(SUNDAY, "00:30", "03:00")], "2027-03-28 00:59", True),
    ([block(SUNDAY, "00:30", "03:00")], "2027-03-28 01:59", True),  # 02:59 on the wall
    ([block(SUNDAY, "00:30", "03:00")], "2027-03-28 02:00", False),
    ([block(SUNDAY, "01:30", "03:00")], "2027-03-28 00:59", False),
    ([block(SUNDAY, "01:30", "03:00")], "2027-03-28 01:00", True),  # opens as the clock jumps over its opening
    ([block(SUNDAY, "00:30", "01:30")], "2027-03-28 00:59", True),
    ([block(SUNDAY, "00:30", "01:30")], "2027-03-28 01:00", False),  # closes as it jumps over its closing
    ([block(SUNDAY, "01:10", "01:40")], "2027-03-28 01:00", False),  # and this one never comes
    ([block(SATURDAY, "22:00", "02:30")], "2027-03-28 01:29", True),
    ([block(SATURDAY, "22:00", "02:30")], "2027-03-28 01:30", False),
    ([block(MONDAY, "09:00", "12:00")], "2027-03-29 08:00", True),
    # back: the hour from 01:00 comes twice, the first time in summer time
    ([block(SUNDAY, "01:00", "01:30")], "2027-10-30 23:59", False),
    ([block(SUNDAY, "01:00", "01:30")], "2027-10-31 00:00", True),
    ([block(SUNDAY, "01:00", "01:30")], "2027-10-31 00:45", True),  # between the first 01:30 and the second 01:00
    ([block(SUNDAY, "01:00", "01:30")], "2027-10-31 01:29", True),
    ([block(SUNDAY, "01:00", "01:30")], "2027-10-31 01:30", False),
    ([block(SATURDAY, "22:00", "02:00")], "2027-10-31 01:59", True),
    ([block(SATURDAY, "22:00", "02:00")], "2027-10-31 02:00", False),
    ([block(MONDAY, "09:00", "12:00")], "2027-11-01 09:00", True),
    ([block(MONDAY, "09:00", "12:00")], "2027-11-01 08:59", False),
]


@pytest.mark.parametrize(("blocks", "at", "expected"), TABLE)
def test_an_area_is_open_by_the_clock_on_its_wall(blocks: list[Block], at: str, expected: bool) -> None:
    assert is_open(blocks, LONDON, utc(at)) is expected


@pytest.mark.parametrize(
    ("blocks", "at", "expected"),
    [
        ([block(MONDAY, "09:00", "12:00")], "2027-01-04 08:00", "2027-01-04 09:00"),
        ([block(MONDAY, "09:00", "12:00")], "2027-01-04 09:00", "2027-01-11 09:00"),  # the one after this
        ([block(MONDAY, "09:00", "12:00"), block(MONDAY, "13:00", "17:00")], "2027-01-04 12:00", "2027-01-04 13:00"),
        ([block(FRIDAY, "17:00", "18:00")], "2027-01-04 12:00", "2027-01-08 17:00"),
        ([block(FRIDAY, "22:00", "02:00"), block(SATURDAY, "10:00", "11:00")], "2027-01-02 01:00", "2027-01-02 10:00"),
        ([block(MONDAY, "09:00", "12:00")], "2027-03-27 12:00", "2027-03-29 08:00"),  # in summer time by then
        ([block(MONDAY, "09:00", "12:00")], "2027-10-30 12:00", "2027-11-01 09:00"),  # and in winter time
        ([block(SUNDAY, "01:30", "03:00")], "2027-03-27 12:00", "2027-03-28 01:00"),
        ([block(SUNDAY, "01:10", "01:40")], "2027-03-27 12:00", "2027-04-04 00:10"),  # the week after
        ([block(SUNDAY, "01:15", "03:00")], "2027-10-30 12:00", "2027-10-31 00:15"),  # the first of the two
        ([], "2027-01-04 08:00", None),
    ],
)
def test_the_next_opening_is_told(blocks: list[Block], at: str, expected: str | None) -> None:
    assert next_opening(blocks, LONDON, utc(at)) == (utc(expected) if expected else None)


@given(
    zone=st.sampled_from(["Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    weekday=st.integers(0, 6),
    opens=st.times().map(lambda reading: reading.replace(second=0, microsecond=0)),
    closes=st.times().map(lambda reading: reading.replace(second=0, microsecond=0)),
    at=st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_an_area_opens_when_it_said_it_would(zone: str, weekday: int, opens: time, closes: time, at: datetime) -> None:
    """And not a second before, unless it was open then; whatever the zone and its clock changes."""
    blocks = [Block(weekday, opens, closes)]
    opening = next_opening(blocks, ZoneInfo(zone), at)
    assert opening is not None
    assert is_open(blocks, ZoneInfo(zone), opening)
    assert at < opening <= at + timedelta(days=8, hours=2)
