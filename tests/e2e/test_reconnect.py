"""Whoever falls out of the call, by a tunnel, a sleeping laptop or a crash of ours, is back by themselves (rule C5).

What is said of media is read from the decoder. A person on a road of their own is cut off alone (tests/e2e/road.py).
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Invite
from tests.e2e.house import House, Room
from tests.e2e.people import Person
from tests.e2e.road import Road

BACK_WITHIN = 3.0  # seconds after the road is mended, without a click
LAST_FRAMES = 1_000  # ms for what was on its way when the road was cut


@pytest.fixture
def road(house: House) -> Iterator[Road]:
    road = Road(house)
    yield road
    road.close()


def meet(invite: Invite, room: Room, road: Road) -> tuple[Person, Person]:
    """Ada, and Grace on the road, who has muted herself."""
    ada, grace = invite("Ada"), invite("Grace", at=road)
    ada.is_signed_in(room.administrator)
    ada.enters_room(room.name)
    grace.joins_by(road.link(room.link))
    ada.sees_moving("Grace")
    grace.sees_moving("Ada")
    grace.page.get_by_role("button", name="Mute", exact=True).click()
    expect(ada.tile("Grace").get_by_role("img", name="Microphone off")).to_be_visible()
    return ada, grace


def stays_dark(person: Person, seconds: float) -> None:
    """No picture is decoded for so long, after the last ones that were on their way."""
    person.page.wait_for_timeout(LAST_FRAMES)
    peer = person.page.evaluate("window.peers.length")
    before = person.media_in()[0]
    person.page.wait_for_timeout(seconds * 1000 - LAST_FRAMES)
    if person.page.evaluate("window.peers.length") == peer:
        assert person.media_in()[0] == before, "pictures came while the road was cut"
    else:
        assert person.media_in()[0] == 0, "pictures came while the road was cut"


def returns(person: Person, seen: str, *, within: float = BACK_WITHIN) -> float:
    """Seconds from now until the other's picture moves again at this page."""
    begun = time.monotonic()
    peer, before = person.page.evaluate("window.peers.length"), person.media_in()[0]
    while True:
        frames = person.media_in()[0]
        if person.page.evaluate("window.peers.length") != peer:
            peer, before = person.page.evaluate("window.peers.length"), 0
        elif frames > before:
            break
        assert time.monotonic() - begun < within + 20, f"{person.name} does not see {seen} again"
        person.page.wait_for_timeout(50)
    seconds = time.monotonic() - begun
    print(f"\n{person.name} sees {seen} again after {seconds:.2f} s")
    return seconds


def is_the_same_as_before(ada: Person, grace: Person) -> None:
    """One name in every list, still muted, nobody left or joined."""
    for person, other in ((ada, grace), (grace, ada)):
        expect(person.tile(other.name)).to_have_count(1)
        person.sees_moving(other.name)
    expect(grace.page.get_by_role("button", name="Unmute", exact=True)).to_be_visible()
    expect(ada.tile("Grace").get_by_role("img", name="Microphone off")).to_be_visible()
    expect(grace.page.get_by_text("Reconnecting")).to_have_count(0)
    said = ada.page.locator("#announcements").inner_text()
    assert "Grace left" not in said
    assert said.count("Grace joined") == 1


@pytest.mark.parametrize(
    "seconds", [6, pytest.param(12, marks=pytest.mark.long), pytest.param(18, marks=pytest.mark.long)]
)
def test_cut_road_costs_nobody_the_seat(invite: Invite, room: Room, road: Road, seconds: int) -> None:
    ada, grace = meet(invite, room, road)
    road.cut()
    stays_dark(grace, seconds)
    grace.reads(re.compile("Reconnecting"))
    expect(ada.tile("Grace")).to_contain_text("Reconnecting")
    road.mend()
    assert returns(grace, "Ada") <= BACK_WITHIN
    is_the_same_as_before(ada, grace)


@pytest.mark.long
def test_minute_away_gives_the_seat_if_it_is_free(invite: Invite, room: Room, road: Road) -> None:
    ada, grace = meet(invite, room, road)
    road.cut()
    ada.sees_no_tile("Grace")
    stays_dark(grace, 40)
    road.mend()
    assert returns(grace, "Ada") <= BACK_WITHIN
    for person, other in ((ada, grace), (grace, ada)):
        expect(person.tile(other.name)).to_have_count(1)
    expect(grace.page.get_by_role("button", name="Unmute", exact=True)).to_be_visible()
    expect(ada.tile("Grace").get_by_role("img", name="Microphone off")).to_be_visible()
