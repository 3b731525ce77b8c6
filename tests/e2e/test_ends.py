"""No dead ends: whatever ends a call for somebody, the page says what happened, why, and what comes next, by a button.

The heading has the focus and is the title of the tab, so that it is read out, and found again among other tabs.
"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.e2e.conftest import Invite
from tests.e2e.house import House, Room
from tests.e2e.looks import Look
from tests.e2e.people import Person
from tests.e2e.test_meeting import member_enters

pytestmark = pytest.mark.long

CAMERA_IS_ON = "window.peers.flatMap((peer) => peer.getSenders()).some(({ track }) => track?.readyState === 'live')"


def reads_the_end(person: Person, heading: str, next_step: str) -> Locator:
    """The step that is offered."""
    title = person.page.get_by_role("heading", name=heading, exact=True)
    expect(title).to_be_focused(timeout=15_000)
    expect(person.page).to_have_title(re.compile(f"^{heading} – "))
    expect(person.page.get_by_role("group", name="Call controls")).to_be_hidden()
    assert not person.page.evaluate(CAMERA_IS_ON)
    step = person.page.get_by_role("link", name=next_step).or_(person.page.get_by_role("button", name=next_step))
    expect(step).to_be_visible()
    return step


def test_leaving_being_removed_and_the_end_for_all_each_say_so(invite: Invite, room: Room) -> None:
    ada, grace, bo, cleo = member_enters(invite, room), invite("Grace"), invite("Bo"), invite("Cleo")
    grace.joins_by(room.link)
    ada.sees_tile("Grace")
    grace.leaves()
    reads_the_end(grace, "You left the call", "Join again")

    bo.joins_by(room.link)
    ada.sees_tile("Bo")
    ada.page.get_by_role("button", name="More").click()
    ada.page.get_by_role("menuitem", name="Participants").click()
    ada.page.get_by_role("button", name="Remove Bo").click()
    ada.page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    reads_the_end(bo, "You were removed from this call", "Go to the main page")
    bo.page.reload()
    bo.reads("You were removed from this call")
    expect(bo.page).to_have_title(re.compile("You were removed"))

    cleo.joins_by(room.link)
    ada.sees_tile("Cleo")
    ada.page.get_by_role("button", name="Leave").first.click()
    ada.page.get_by_role("dialog").get_by_role("button", name="End call for all").click()
    for person in (ada, cleo):
        reads_the_end(person, "The call has ended", "Join again")
    cleo.reads("Your host ended it for everybody")
    cleo.page.reload()
    cleo.reads("The call has ended")
    cleo.page.get_by_role("link", name="Join again").click()
    expect(cleo.page.get_by_label("Your name")).to_be_visible()


def test_whoever_was_taken_over_or_finds_no_seat_is_told_so(invite: Invite, room: Room) -> None:
    grace = invite("Grace")
    grace.joins_by(room.link)
    grace.is_connected()
    first, second = grace.page, grace.context.new_page()
    second.goto(first.url)
    second.get_by_role("button", name="Join").click()
    reads_the_end(grace, "You joined from somewhere else", "Join here").click()
    grace.is_connected()
    expect(second.get_by_role("heading", name="You joined from somewhere else")).to_be_visible(timeout=15_000)


@pytest.mark.parametrize("trouble", ["modules it cannot read", "no calls", "no scripts"])
def test_browser_that_cannot_make_the_call_is_told_so(invite: Invite, room: Room, trouble: str) -> None:
    old = invite("Olga", java_script_enabled=trouble != "no scripts")
    if trouble == "modules it cannot read":
        broken = {"body": "this is no script", "content_type": "text/javascript"}
        old.page.route("**/calls/call-page*.js", lambda route: route.fulfill(**broken))  # type: ignore[arg-type]
    elif trouble == "no calls":
        old.page.add_init_script("delete window.RTCPeerConnection;")
    if trouble == "no scripts":
        old.opens_link(room.link)
        old.page.get_by_label("Your name").fill("Olga")
        old.presses_join()
    else:
        old.joins_by(room.link)
    heading, step = {
        "modules it cannot read": ("The call could not start here", "Load again"),
        "no calls": ("Your browser could not make the call", "Join again"),
        "no scripts": ("Video calls need scripts", "Load again"),
    }[trouble]
    if trouble == "no scripts":
        expect(old.page.get_by_role("heading", name=heading)).to_be_visible()
    else:
        expect(old.page.get_by_role("heading", name=heading)).to_be_focused()
        expect(old.page).to_have_title(re.compile(f"^{heading}"))
    expect(old.page.get_by_role("link", name=step)).to_be_visible()
    expect(old.page.get_by_role("button", name="Mute")).to_have_count(0)


@pytest.fixture(scope="module")
def impatient_house() -> House:
    house = House(CALL_MEMBER_WAIT="4")
    yield house  # type: ignore[misc]
    house.stop()


def test_nobody_came_says_so_and_whom_to_phone(invite: Invite, impatient_house: House) -> None:
    """Rule C3."""
    grace = invite("Grace", at=impatient_house)
    grace.joins_by(impatient_house.room().link)
    reads_the_end(grace, "The call has ended", "Join again").click()
    expect(grace.page.get_by_label("Your name")).to_be_visible()


SHOW = """(name) => {
  const template = document.querySelector(`template[data-notice="${name}"]`);
  document.getElementById("notice").replaceChildren(template.content.cloneNode(true));
}"""


def test_every_end_is_fit_to_be_read(invite: Invite, room: Room, look: Look) -> None:
    grace = invite("Grace")
    grace.joins_by(room.link)
    grace.leaves()
    grace.reads("You left the call")
    ends = [
        "left", "removed", "not_allowed", "taken_over", "member_ended", "nobody_joined", "time_up", "empty",
        "on_hold", "closed", "unsupported", "door", "away", "full", "joining-slowly",
    ]  # fmt: skip
    for end in ends:
        grace.page.evaluate(SHOW, end)
        look(grace, f"end-{end}")
