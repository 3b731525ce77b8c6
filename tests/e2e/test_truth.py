"""The page says what is true of sound and picture, on both ends (interface.md, "Say the truth about media").

Each story makes it true first, and reads from the browsers' statistics that it is.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from bench.network import Network
from tests.e2e.conftest import Invite
from tests.e2e.house import House, Room
from tests.e2e.people import Person
from tests.e2e.road import Road
from tests.e2e.test_meeting import member_enters

pytestmark = pytest.mark.long

# As a browser does that wants a touch before it plays anything.
SILENT_UNTIL_TOUCHED = """
{
  const play = HTMLMediaElement.prototype.play;
  let touched = false;
  window.addEventListener("pointerdown", () => { touched = true; }, { capture: true });
  HTMLMediaElement.prototype.play = function () {
    const waits = this instanceof HTMLAudioElement && !touched;
    return waits ? Promise.reject(new DOMException("", "NotAllowedError")) : play.call(this);
  };
}
"""
MICROPHONE = "window.peers.at(-1).getSenders()[0]"


def packets_of_sound(person: Person) -> int:
    return sum(entry.packets for entry in person.received() if entry.kind == "audio")


def frames(person: Person) -> int:
    return person.media_in()[0]


def test_speaker_is_told_while_the_listeners_browser_plays_nothing(invite: Invite, room: Room) -> None:
    ada, grace = member_enters(invite, room), invite("Grace")
    grace.context.add_init_script(SILENT_UNTIL_TOUCHED)
    grace.joins_by(room.link)
    ada.reads("Grace cannot hear you yet")
    assert packets_of_sound(grace) > 0  # they come, and nobody hears them
    grace.page.get_by_role("button", name="Turn sound on").click()
    expect(ada.page.locator("#stage").get_by_text("cannot hear you yet")).to_have_count(0, timeout=10_000)
    expect(grace.page.locator("#stage").get_by_text("cannot hear you yet")).to_have_count(0)


def test_speaker_is_told_while_no_sound_of_theirs_arrives(invite: Invite, room: Room) -> None:
    ada, grace = member_enters(invite, room), invite("Grace")
    grace.joins_by(room.link)
    ada.hears(1)
    grace.hears(1)
    expect(grace.page.locator("#stage").get_by_text("cannot hear you yet")).to_have_count(0)
    grace.page.evaluate(f"async () => {{ window.kept = {MICROPHONE}.track; await {MICROPHONE}.replaceTrack(null); }}")
    grace.reads("Ada cannot hear you yet")
    before = packets_of_sound(ada)
    ada.page.wait_for_timeout(1_000)
    assert packets_of_sound(ada) == before
    grace.page.evaluate(f"{MICROPHONE}.replaceTrack(window.kept)")
    expect(grace.page.locator("#stage").get_by_text("cannot hear you yet")).to_have_count(0, timeout=10_000)


def test_weak_connection_is_said_on_both_ends_and_taken_back(invite: Invite, house: House, room: Room) -> None:
    road = Road(house)
    ada, grace = member_enters(invite, room), invite("Grace", at=road)
    grace.joins_by(road.link(room.link))
    ada.sees_moving("Grace")
    grace.sees_moving("Ada")
    for person in (ada, grace):
        expect(person.page.locator("#stage").get_by_text("connection is weak")).to_have_count(0)

    road.worsen(up=Network(1, loss=0.2))
    ada.reads("Grace’s connection is weak", timeout=20_000)
    grace.reads("Your connection is weak")
    expect(ada.page.locator("#stage").get_by_text("Your connection is weak")).to_have_count(0)

    road.worsen()
    for person in (ada, grace):
        expect(person.page.locator("#stage").get_by_text("connection is weak")).to_have_count(0, timeout=20_000)
    road.close()


def test_pictures_turned_off_to_keep_the_sound_are_said_to_be_on_both_ends(
    invite: Invite, house: House, room: Room
) -> None:
    road = Road(house)
    ada, grace = member_enters(invite, room), invite("Grace", at=road)
    grace.joins_by(road.link(room.link))
    grace.sees_moving("Ada")
    ada.sees_moving("Grace")

    road.worsen(down=Network(2, rate=90_000))
    grace.reads("We turned pictures off to keep the sound", timeout=30_000)
    expect(ada.tile("Grace")).to_contain_text("Does not get your picture now", timeout=10_000)
    grace.page.wait_for_timeout(1_000)
    seen, heard = frames(grace), packets_of_sound(grace)
    grace.page.wait_for_timeout(3_000)
    assert frames(grace) - seen <= 5
    assert packets_of_sound(grace) - heard > 100  # of 150

    road.worsen()
    expect(grace.page.locator("#stage").get_by_text("We turned pictures off")).to_have_count(0, timeout=40_000)
    grace.sees_moving("Ada")
    expect(ada.tile("Grace")).not_to_contain_text("Does not get your picture now", timeout=10_000)
    expect(grace.page.locator("#announcements")).to_contain_text("Pictures are back")
    road.close()


def test_less_data_brings_the_small_picture_and_outlives_a_reload(invite: Invite, room: Room) -> None:
    ada, grace = member_enters(invite, room), invite("Grace")
    grace.joins_by(room.link)
    grace.sees_moving("Ada")
    lines = grace.tile("Ada").locator("video")
    grace.until(lambda: lines.evaluate("video => video.videoHeight") > 180, "Grace is shown the large picture")
    for again in (False, True):
        grace.page.get_by_role("button", name="More").click()
        item = grace.page.get_by_role("menuitemcheckbox", name="Use less data")
        expect(item).to_have_attribute("aria-checked", str(again).lower())
        if not again:
            item.click()
            grace.reads("You use less data now")
            grace.until(lambda: lines.evaluate("video => video.videoHeight") == 180, "Grace is shown the small one")
            grace.page.reload()
            grace.sees_moving("Ada")
    grace.page.get_by_role("menuitemcheckbox", name="Use less data").click()
    grace.until(lambda: lines.evaluate("video => video.videoHeight") > 180, "Grace is shown the large picture again")
    ada.sees_moving("Grace")
