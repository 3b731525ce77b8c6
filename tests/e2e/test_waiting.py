"""Waiting areas as callers live through them: the link, the waiting page, the call, the end (rules W1 to W9)."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.e2e.conftest import Invite
from tests.e2e.house import Room
from tests.e2e.people import Person

PHONE = {"viewport": {"width": 390, "height": 844}}


def waits(invite: Invite, room: Room, name: str = "Gail") -> Person:
    """Somebody who came by the area's link and sees the waiting page."""
    caller = invite(name, **PHONE)
    caller.opens_link(room.area_link)
    caller.page.get_by_label("Your name").fill(caller.name)
    caller.page.get_by_label("Your telephone number").fill("01632 960 123")
    caller.presses_join()
    sees_waiting_page(caller)
    return caller


def sees_waiting_page(caller: Person) -> None:
    expect(caller.page.get_by_role("heading", name=re.compile("You are waiting for Area"))).to_be_visible(
        timeout=15_000
    )


def sees_list(invite: Invite, room: Room, session: str = "", name: str = "Ada") -> Person:
    provider = invite(name)
    provider.is_signed_in(session or room.administrator)
    provider.goes_to(f"/waiting-areas/{room.area_id}/")
    return provider


def in_list(provider: Person, room: Room) -> list[str]:
    """Status and name of everybody on it now."""
    page = provider.context.new_page()
    page.goto(f"{provider.house_url}/waiting-areas/{room.area_id}/")
    rows = page.locator("tbody tr").all()
    lines = [
        f"{row.locator('td').first.inner_text()} {row.locator('.caller-name').inner_text().strip()}" for row in rows
    ]
    page.close()
    return lines


def opens_menu(page: Page, caller: str) -> None:
    page.get_by_role("button", name=caller).click()
    expect(page.get_by_role("menu", name=caller).locator(":focus")).to_have_count(1)


def joins(provider: Person, caller: str = "Gail") -> None:
    opens_menu(provider.page, caller)
    provider.page.get_by_role("menuitem", name="Join Call").click()
    provider.page.wait_for_url("**/calls/**")


def test_a_caller_waits_is_seen_put_on_hold_seen_again_and_finished(invite: Invite, room: Room) -> None:
    gail = waits(invite, room)
    expect(gail.page.get_by_role("button", name="Please phone me instead")).to_be_visible()
    ada = sees_list(invite, room)
    assert in_list(ada, room) == ["Waiting Gail"]

    joins(ada)
    gail.page.wait_for_url("**/calls/**", timeout=15_000)
    ada.sees_moving("Gail")
    gail.sees_moving("Ada")
    assert in_list(ada, room) == ["Being seen Gail"]

    ada.page.get_by_role("button", name="Leave").first.click()
    ada.page.get_by_role("dialog").get_by_role("button", name="Put on hold").click()
    gail.page.wait_for_url("**/waiting/place/**", timeout=15_000)
    expect(gail.page.get_by_text("You are on hold.")).to_be_visible()
    gail.until(lambda: in_list(ada, room) == ["On hold Gail"], "Gail is on hold")

    ada.goes_to(f"/waiting-areas/{room.area_id}/")
    joins(ada)
    gail.page.wait_for_url("**/calls/**", timeout=15_000)
    ada.sees_moving("Gail")
    ada.page.get_by_role("button", name="Leave").first.click()
    ada.page.get_by_role("dialog").get_by_role("button", name="Finish").click()
    expect(gail.page.get_by_role("heading", name="Your visit is over")).to_be_visible(timeout=15_000)
    expect(gail.page.get_by_role("link", name="Rejoin")).to_be_visible()
    assert in_list(ada, room) == []


def test_a_guest_at_the_wrong_door_is_fetched_into_the_running_meeting(invite: Invite, room: Room) -> None:
    """Rules R7, W6: the page moves by itself, and three people see each other."""
    gail = waits(invite, room)
    ben = invite("Ben")
    ben.is_signed_in(room.member)
    ben.enters_room(room.name)
    ada = invite("Ada")
    ada.is_signed_in(room.administrator)
    ada.enters_room(room.name)
    ada.sees_moving("Ben")

    desk = ada.context.new_page()
    desk.goto(f"{ada.house_url}/waiting-areas/{room.area_id}/")
    opens_menu(desk, "Gail")
    # By keyboard: down to the submenu, right into it.
    desk.keyboard.press("ArrowDown")
    expect(desk.get_by_role("menuitem", name="Add to current Call")).to_be_focused()
    desk.keyboard.press("ArrowRight")
    expect(desk.get_by_role("menuitem", name="Add to current video call")).to_be_focused()
    desk.keyboard.press("Enter")
    expect(desk.get_by_text("Gail is on the way into your call.")).to_be_visible()
    gail.page.wait_for_url("**/calls/**", timeout=15_000)
    for one, other in ((ada, "Gail"), (ben, "Gail"), (gail, "Ada"), (gail, "Ben")):
        one.sees_moving(other, frames=5)
    assert in_list(ada, room) == ["Being seen Gail"]


def test_a_reload_keeps_the_place_and_a_closed_tab_gives_it_up_within_five_seconds(invite: Invite, room: Room) -> None:
    """Rule W8."""
    gail = waits(invite, room)
    ada = sees_list(invite, room)
    since = gail.page.get_by_text("You have been here since").inner_text()
    gail.page.reload()
    sees_waiting_page(gail)
    gail.page.wait_for_timeout(4_000)  # longer than it takes to let a closed page go
    assert gail.page.get_by_text("You have been here since").inner_text() == since
    assert in_list(ada, room) == ["Waiting Gail"]
    gail.page.close()
    ada.page.wait_for_timeout(4_000)
    assert in_list(ada, room) == []


def test_set_phrases_and_please_phone_me_instead(invite: Invite, room: Room) -> None:
    """Rule W4: the number is told to staff, and the page closes kindly."""
    gail = waits(invite, room)
    gail.page.get_by_role("button", name="I need a few more minutes.").click()
    expect(gail.page.get_by_role("listitem").filter(has_text="I need a few more minutes.")).to_be_visible()
    gail.page.get_by_role("button", name="Please phone me instead").click()
    expect(gail.page.get_by_role("heading", name="We will phone you")).to_be_visible()
    expect(gail.page.get_by_text("01632 960123")).to_be_visible()
    gail.page.close()
    ada = sees_list(invite, room)
    expect(ada.page.get_by_text("Please phone me instead")).to_be_visible()
    expect(ada.page.get_by_role("link", name="01632 960123")).to_be_visible()


def test_an_open_list_hears_of_a_caller_and_both_write_to_each_other(invite: Invite, room: Room) -> None:
    """Rules W3, W4: without a reload, within a second or two; the tab says how many wait, and never who."""
    ada = sees_list(invite, room)
    expect(ada.page.get_by_text("Nobody is waiting.")).to_be_visible()
    gail = waits(invite, room)
    expect(ada.page.get_by_role("button", name="Gail")).to_be_visible(timeout=3_000)
    expect(ada.page).to_have_title(re.compile(r"^\(1\) Area"))
    opens_menu(ada.page, "Gail")
    ada.page.get_by_role("menuitem", name="Message").click()
    ada.page.get_by_role("button", name="Somebody will be with you in a few minutes.").click()
    expect(gail.page.get_by_text("Somebody will be with you in a few minutes.")).to_be_visible(timeout=5_000)
    gail.page.get_by_role("button", name="Thank you, I can wait.").click()
    ada.page.get_by_role("dialog").get_by_role("button", name="Close", exact=True).click()
    expect(ada.page.get_by_role("row").get_by_text("Thank you, I can wait.")).to_be_visible(timeout=5_000)


def test_two_providers_who_want_the_same_caller_are_not_both_silently_in(invite: Invite, room: Room) -> None:
    """Rule W5."""
    waits(invite, room)
    ada, ben = sees_list(invite, room), sees_list(invite, room, room.member, "Ben")
    opens_menu(ben.page, "Gail")
    joins(ada)
    ben.page.get_by_role("menuitem", name="Join Call").click()
    asked = "This person is already in a video call with another service provider"
    expect(ben.page.get_by_role("heading", name=asked)).to_be_visible()
    ben.page.get_by_role("link", name="Cancel").click()
    expect(ben.page.get_by_role("row").get_by_text("Being seen")).to_be_visible()
