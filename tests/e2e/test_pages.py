"""Every page, light and dark, on a phone and on a desktop: no axe violation, no request to another host, nothing
the strict CSP had to refuse. The pictures stay in tests/out/ to be looked at.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Invite
from tests.e2e.house import House, Room
from tests.e2e.looks import Look
from tests.e2e.people import Person
from tests.e2e.test_meeting import member_enters
from tests.e2e.test_waiting import opens_menu, sees_list, sees_waiting_page, waits

pytestmark = pytest.mark.long


def watch(person: Person, house: House) -> list[str]:
    """What a page must never do: ask another host, or run into the CSP."""
    faults: list[str] = []
    allowed = (house.url, house.url.replace("http", "ws"), "data:", "blob:")
    person.context.on(
        "request", lambda request: None if request.url.startswith(allowed) else faults.append(request.url)
    )
    person.page.on(
        "console",
        lambda message: faults.append(message.text) if "Content Security Policy" in message.text else None,
    )
    person.page.on("pageerror", lambda error: faults.append(str(error)))
    return faults


def test_pages_of_anybody(invite: Invite, look: Look, house: House) -> None:
    somebody = invite("Somebody")
    faults = watch(somebody, house)
    for name, path in {
        "main-signed-out": "/",
        "sign-in": "/accounts/login/",
        "sign-in-by-code": "/accounts/login/code/",
        "password-reset": "/accounts/password/reset/",
        "device-test": "/device-test/",
        "messages": "/dev/messages/",
        "dead-link": "/rooms/join/nothing-here/",
    }.items():
        somebody.goes_to(path)
        look(somebody, name)
    assert not [fault for fault in faults if "404" not in fault]


def test_the_page_that_is_not_there(invite: Invite, look: Look, tmp_path: Path) -> None:
    """As in production: under DEBUG Django has a page of its own."""
    house = House(production=True, STATIC_ROOT=str(tmp_path))
    try:
        somebody = invite("Somebody", at=house)
        somebody.goes_to("/no-such-page/")
        somebody.reads("This page is not here")
        look(somebody, "not-found")
    finally:
        house.stop()


def test_pages_of_a_member(invite: Invite, look: Look, house: House, room: Room) -> None:
    ada = invite("Ada")
    faults = watch(ada, house)
    ada.is_signed_in(room.administrator)
    ada.goes_to("/")
    look(ada, "main-signed-in")
    ada.opens_room_menu(room.name)
    look(ada, "rooms-menu")
    for entry in ("Participants", "Meeting Room Properties", "Manage Users", "Delete Meeting Room"):
        ada.opens_room_menu(room.name)
        ada.page.get_by_role("menuitem", name=entry).click()
        ada.page.wait_for_timeout(500)
        look(ada, f"rooms-{entry.lower().replace(' ', '-')}")
    ada.goes_to("/accounts/2fa/")
    look(ada, "two-factor")
    assert not faults


def test_pages_of_a_guest(invite: Invite, look: Look, house: House, room: Room) -> None:
    grace = invite("Grace Ọlájùmọ̀kẹ́ Fotheringay-Smythe")
    faults = watch(grace, house)
    grace.opens_link(room.link)
    look(grace, "entrance")
    grace.page.get_by_label("Your name").fill("\u202eevil")
    grace.presses_join()
    look(grace, "entrance-refused")
    grace.joins_by(room.link)
    grace.is_connected()
    look(grace, "call-alone")
    grace.leaves()
    grace.reads(re.compile("You (have )?left"))
    look(grace, "call-left")
    assert not faults


def test_pages_of_a_caller(invite: Invite, look: Look, house: House, room: Room) -> None:
    gail = invite("Gail Ọlájùmọ̀kẹ́ Fotheringay-Smythe")
    faults = watch(gail, house)
    gail.opens_link(room.area_link)
    look(gail, "waiting-entrance")
    gail.presses_join()
    look(gail, "waiting-entrance-refused")
    gail.page.get_by_label("Your name").fill(gail.name)
    gail.page.get_by_label("Your telephone number").fill("01632 960 123")
    gail.presses_join()
    sees_waiting_page(gail)
    look(gail, "waiting-place")
    gail.page.get_by_role("button", name="Please phone me instead").click()
    gail.reads("We will phone you")
    look(gail, "waiting-phone")
    assert not faults


def test_pages_of_a_provider(invite: Invite, look: Look, house: House, room: Room) -> None:
    """Rules W2 to W5, W7."""
    ada = sees_list(invite, room)
    faults = watch(ada, house)
    look(ada, "callers-none")
    for name in ("Gail", "Hugo Ọlájùmọ̀kẹ́ Fotheringay-Smythe", "Iris"):
        waits(invite, room, name)
    ada.page.get_by_role("button", name="Iris").wait_for()
    look(ada, "callers")
    opens_menu(ada.page, "Gail")
    look(ada, "callers-menu")
    for entry in ("Message", "Call activity", "Participants", "Transfer", "Finish"):
        ada.page.reload()
        opens_menu(ada.page, "Gail")
        ada.page.get_by_role("menuitem", name=entry).click()
        expect(ada.page.get_by_role("dialog")).to_be_visible()
        look(ada, f"callers-{entry.lower().replace(' ', '-')}")
    for entry in (
        "Message to everybody",
        "Opening hours",
        "Suspend",
        "Reset Waiting Area Link",
        "Waiting Area Properties",
        "Manage Users",
    ):
        ada.page.reload()
        ada.page.get_by_role("button", name="This waiting area").click()
        ada.page.get_by_role("menuitem", name=entry).click()
        expect(ada.page.get_by_role("dialog")).to_be_visible()
        look(ada, f"area-{entry.lower().replace(' ', '-')}")
    for name, path in {"areas": "", "area-link": f"{room.area_id}/link/", "find-a-caller": "find/?q=Hugo"}.items():
        ada.goes_to(f"/waiting-areas/{path}")
        look(ada, name)
    assert not faults


def test_call_screen_with_two_three_and_four(invite: Invite, look: Look, house: House, room: Room) -> None:
    ada = member_enters(invite, room)
    faults = watch(ada, house)
    look(ada, "call-1")
    for number, name in enumerate(("Bo", "Cleo", "Dan"), start=2):
        guest = invite(name)
        guest.joins_by(room.link)
        ada.sees_moving(name, frames=3)
        look(ada, f"call-{number}")
    ada.page.get_by_role("button", name="Chat").click()
    look(ada, "call-chat")
    ada.page.keyboard.press("Escape")
    ada.page.get_by_role("button", name="Leave").first.click()
    expect(ada.page.get_by_role("dialog")).to_be_visible()
    look(ada, "call-leave")
    eve = invite("Eve")
    eve.joins_by(room.link)
    eve.reads("This call is full")
    look(eve, "call-full")
    assert not faults


def test_logs_hold_no_name_no_token_and_no_sdp(invite: Invite, house: House, room: Room) -> None:
    """Hazard H23, over everything this house has written so far."""
    ada, guest = member_enters(invite, room), invite("Quillon Abernathy")
    guest.joins_by(room.link)
    ada.sees_moving("Quillon Abernathy")
    guest.leaves()
    log = Path(house.log).read_text()
    token = room.link.rstrip("/").rsplit("/", 1)[-1]
    for secret in (token, "Quillon", "a=ice-ufrag", "a=fingerprint", room.administrator, "nina@example.org"):
        # The demo prints its own sign-ins once, at the start: that is not a log of what people did.
        assert secret not in log.replace(_greeting(log), ""), f"the log holds {secret!r}"


def _greeting(log: str) -> str:
    """What `manage.py demo` printed: everything before the first line of the server."""
    found = re.search(r"^\d{4}-\d\d-\d\d ", log, re.MULTILINE)
    return log[: found.start()] if found else ""
