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

pytestmark = pytest.mark.long

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
    expect(grace.page.locator("#stage").get_by_text("Reconnecting")).to_have_count(0)
    said = ada.page.locator("#announcements").inner_text()
    assert "Grace left" not in said
    assert said.count("Grace joined") == 1


@pytest.mark.parametrize("seconds", [6, 12, 18])
def test_cut_road_costs_nobody_the_seat(invite: Invite, room: Room, road: Road, seconds: int) -> None:
    ada, grace = meet(invite, room, road)
    road.cut()
    stays_dark(grace, seconds)
    grace.reads(re.compile("Reconnecting"))
    expect(ada.tile("Grace")).to_contain_text("Reconnecting")
    road.mend()
    assert returns(grace, "Ada") <= BACK_WITHIN
    is_the_same_as_before(ada, grace)


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


def test_socket_that_was_cut_with_the_road_is_not_believed(invite: Invite, room: Room, road: Road) -> None:
    """What is pressed while the road is cut is not lost: the others are told as soon as it is back."""
    ada, grace = meet(invite, room, road)
    road.cut()
    grace.page.get_by_role("button", name="Unmute", exact=True).click()
    grace.page.wait_for_timeout(8_000)
    road.mend()
    returns(grace, "Ada")
    expect(ada.tile("Grace").get_by_role("img", name="Microphone off")).to_be_hidden()
    ada.hears(1)


def test_page_left_and_come_back_to_has_its_seat_and_stays_muted(invite: Invite, room: Room, road: Road) -> None:
    """Out of the browser's cache of pages, or loaded anew: it is the same to Grace."""
    ada, grace = meet(invite, room, road)
    grace.goes_to("/device-test/")
    grace.page.go_back()
    grace.sees_moving("Ada")
    is_the_same_as_before(ada, grace)


@pytest.mark.parametrize("seconds", [10, 30])
def test_laptop_that_slept_is_back_when_it_wakes(invite: Invite, room: Room, road: Road, seconds: int) -> None:
    ada, grace = meet(invite, room, road)
    lid = grace.context.new_cdp_session(grace.page)
    road.cut()
    lid.send("Page.setWebLifecycleState", {"state": "frozen"})
    ada.page.wait_for_timeout(seconds * 1000)
    road.mend()
    lid.send("Page.setWebLifecycleState", {"state": "active"})
    assert returns(grace, "Ada", within=BACK_WITHIN) <= BACK_WITHIN + 1  # the lid takes a moment as well
    for person, other in ((ada, grace), (grace, ada)):
        expect(person.tile(other.name)).to_have_count(1)
        person.sees_moving(other.name)
    expect(grace.page.get_by_role("button", name="Unmute", exact=True)).to_be_visible()


def test_offline_says_so_and_comes_back_by_itself(invite: Invite, room: Room, road: Road) -> None:
    ada, grace = meet(invite, room, road)
    road.cut()
    grace.context.set_offline(True)
    grace.reads("You are offline")
    grace.page.wait_for_timeout(3_000)
    road.mend()
    grace.context.set_offline(False)
    assert returns(grace, "Ada") <= BACK_WITHIN
    is_the_same_as_before(ada, grace)


CLOCK_THAT_CAN_BE_PUT_FORWARD = """
window.ahead = 0;
const now = Date.now.bind(Date);
Date.now = () => now() + window.ahead;
"""
OPEN_DEVICES = """window.peers.flatMap((peer) => peer.getSenders())
  .filter(({ track }) => track && track.readyState === 'live').length"""


def test_ten_minutes_away_cost_one_click_and_turn_the_camera_off(invite: Invite, room: Room, road: Road) -> None:
    ada, grace = meet(invite, room, road)
    grace.page.add_init_script(CLOCK_THAT_CAN_BE_PUT_FORWARD)
    grace.page.reload()
    grace.sees_moving("Ada")
    road.cut()
    grace.reads("Reconnecting")
    grace.page.evaluate("window.ahead = 601_000")
    heading = grace.page.get_by_role("heading", name="You have been away for a while")
    expect(heading).to_be_focused(timeout=15_000)
    expect(grace.page).to_have_title(re.compile("^You have been away"))
    assert grace.page.evaluate(OPEN_DEVICES) == 0
    ada.sees_no_tile("Grace")
    road.mend()
    grace.page.get_by_role("button", name="Join again").click()
    assert returns(grace, "Ada") <= BACK_WITHIN
    for person, other in ((ada, grace), (grace, ada)):
        expect(person.tile(other.name)).to_have_count(1)
        person.sees_moving(other.name)
    expect(grace.page.get_by_role("button", name="Unmute", exact=True)).to_be_visible()


# Houses of their own


@pytest.fixture(scope="module")
def small_house() -> Iterator[House]:
    house = House(CALL_CAPACITY="2")
    yield house
    house.stop()


def test_minute_away_ends_before_a_full_call_and_a_free_seat_lets_in(invite: Invite, small_house: House) -> None:
    room, road = small_house.room(), Road(small_house)
    ada, grace, bo = invite("Ada", at=small_house), invite("Grace", at=road), invite("Bo", at=small_house)
    ada.is_signed_in(room.administrator)
    ada.enters_room(room.name)
    grace.joins_by(road.link(room.link))
    ada.sees_moving("Grace")
    road.cut()
    bo.joins_by(room.link)
    bo.reads("This call is full")
    expect(bo.tile("Ada")).to_be_visible(timeout=30_000)  # her seat is kept for twenty seconds (rule C5)
    bo.sees_moving("Ada")
    grace.page.wait_for_timeout(30_000)
    road.mend()
    grace.reads("This call is full")
    assert grace.tile("Ada").count() == 0
    assert ada.tile("Grace").count() == 0
    bo.leaves()
    grace.sees_moving("Ada")
    ada.sees_moving("Grace")
    road.close()


@pytest.fixture
def fragile_house() -> Iterator[House]:
    house = House()
    yield house
    house.stop()


def test_calls_come_back_by_themselves_after_each_process_was_killed(invite: Invite, fragile_house: House) -> None:
    """kill -9: in the one-machine default of all there is; otherwise of relay and web in turn. While there is no web
    process alone, media go on.
    """
    room = fragile_house.room()
    ada, grace = invite("Ada", at=fragile_house), invite("Grace", at=fragile_house)
    ada.is_signed_in(room.administrator)
    ada.enters_room(room.name)
    grace.joins_by(room.link)
    ada.sees_moving("Grace")
    grace.page.get_by_role("button", name="Mute", exact=True).click()
    for name in ("relay", "web"):
        if name not in fragile_house.processes:
            continue
        fragile_house.kill(name)
        if fragile_house.grown_up and name == "web":
            grace.reads("You still see and hear each other")
            grace.sees_moving("Ada")
            assert grace.page.evaluate("window.peers.length") == 2
        else:
            grace.reads("Reconnecting")
        fragile_house.start_again(name)
        fragile_house.wait_until_ready()
        for person, other in ((grace, ada), (ada, grace)):
            returns(person, other.name, within=10)
            expect(person.tile(other.name)).to_have_count(1)
        expect(grace.page.get_by_role("button", name="Unmute", exact=True)).to_be_visible()
        expect(grace.page.locator("#stage").get_by_text("Reconnecting")).to_have_count(0, timeout=15_000)
        expect(ada.tile("Grace").get_by_role("img", name="Microphone off")).to_be_visible()
