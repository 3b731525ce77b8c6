"""Invite guest (rules R3-R6, C2, C4): from inside a call and before it, by email, text and link."""

from __future__ import annotations

import re
import time

from playwright.sync_api import Locator, expect

from tests.e2e.conftest import Invite
from tests.e2e.house import Room
from tests.e2e.looks import Look
from tests.e2e.people import Person
from tests.e2e.test_meeting import member_enters

SEEN = 15_000  # ms


def opens_panel(person: Person) -> Locator:
    person.page.get_by_role("button", name="More", exact=True).click()
    person.page.get_by_role("menuitem", name="Invite guest").click()
    panel = person.page.get_by_role("complementary", name="Invite guest")
    expect(panel.get_by_role("button", name="Send email")).to_be_visible()
    return panel


def line_of(panel: Locator, who: str) -> Locator:
    return panel.get_by_role("listitem").filter(has_text=who)


def link_sent_to(reader: Person, recipient: str) -> str:
    """As /dev/messages/ shows it, in a browser of nobody's."""
    link = reader.page.locator("article").filter(has_text=recipient).locator("a[href*='/i/']").first
    for _ in range(40):
        reader.goes_to("/dev/messages/")
        if link.count():
            break
        reader.page.wait_for_timeout(250)
    return str(link.get_attribute("href"))


def test_guests_are_invited_from_inside_the_call_by_email_and_by_text(invite: Invite, room: Room) -> None:
    """Rule R4, by keyboard alone where Nina works."""
    ada = member_enters(invite, room)
    ada.is_connected()
    panel = opens_panel(ada)
    panel.get_by_label("Guest’s name (optional)").focus()
    ada.page.keyboard.type("Grace")
    ada.page.keyboard.press("Tab")
    ada.page.keyboard.type("grace@example.org")
    # The exact message, before it is sent.
    panel.get_by_text("See the message before it is sent").press("Enter")
    expect(panel.get_by_text("Hello Grace,").first).to_be_visible()
    panel.get_by_role("button", name="Send email").press("Enter")
    grace_line = line_of(panel, "Grace")
    expect(panel.get_by_text("Invitation sent to Grace.")).to_be_visible()
    expect(grace_line).to_contain_text(re.compile("Queued|Sent|Delivered"))
    panel.get_by_label("UK mobile phone number").fill("07700 900123")
    panel.get_by_label("UK mobile phone number").press("Enter")
    expect(line_of(panel, "07700 900123")).to_be_visible()
    # The worker sends it while she looks.
    expect(grace_line).to_contain_text("Delivered", timeout=SEEN)

    grace, tom = invite("Grace"), invite("Tom")
    grace.goes_to(link_sent_to(invite("Reader"), "grace@example.org"))
    # Opened is not "at the door": a touch is.
    ada.page.wait_for_timeout(1_000)
    expect(grace_line).not_to_contain_text("At the door")
    grace.page.get_by_label("Your name").click()
    expect(grace_line).to_contain_text("At the door", timeout=5_000)
    expect(grace.page.get_by_label("Your name")).to_have_value("Grace")
    grace.presses_join()
    ada.sees_moving("Grace")
    grace.sees_moving("Ada")
    expect(grace_line).to_contain_text("In the call", timeout=5_000)
    expect(grace.page.get_by_text("Invite guest")).to_have_count(0)
    tom.joins_by(link_sent_to(grace_reader := invite("Reader"), "07700 900123"))
    ada.sees_tile("Tom")
    expect(line_of(panel, "07700 900123")).to_contain_text("In the call", timeout=5_000)
    grace_reader.goes_away()

    # Revoke: the connection ends within 2 s, and so does the link.
    link = grace.page.evaluate("JSON.parse(document.getElementById('call-data').textContent).doorUrl")
    started = time.monotonic()
    grace_line.get_by_role("button", name="Revoke").click()
    grace.reads("You were removed from this call", timeout=2_000)
    assert time.monotonic() - started < 2.0
    ada.sees_no_tile("Grace")
    expect(grace_line).to_contain_text("Revoked")
    answer = grace.page.goto(link)
    assert answer is not None
    assert answer.status == 404
    grace.reads("Your invitation was taken back")
    ada.sees_tile("Tom")


def test_a_guest_is_invited_before_the_meeting_and_the_link_is_used_on_two_devices(invite: Invite, room: Room) -> None:
    """Rules R6, C4."""
    ada = invite("Ada")
    ada.is_signed_in(room.administrator)
    ada.opens_room_menu(room.name)
    ada.page.get_by_role("menuitem", name="Invite guest").click()
    dialog = ada.page.get_by_role("dialog")
    # A slip is noticed; nothing that was typed is lost.
    dialog.get_by_label("Email address").fill("ruth@gmial.com")
    dialog.get_by_role("button", name="Send email").click()
    expect(dialog.get_by_text("Did you mean ruth@gmail.com?")).to_be_visible()
    expect(dialog.get_by_label("Email address")).to_have_value("ruth@gmial.com")
    dialog.get_by_role("button", name="Send to ruth@gmail.com").click()
    expect(dialog.get_by_text("Invitation sent to ruth@gmail.com.")).to_be_visible()
    reader = invite("Reader")
    link = link_sent_to(reader, "ruth@gmail.com")
    dialog.get_by_role("button", name="Resend").click()
    expect(dialog.get_by_text("The same link has been sent again to ruth@gmail.com.")).to_be_visible()
    again = reader.page.locator("article").filter(has_text="ruth@gmail.com").locator("a[href*='/i/']")
    ruth = invite("Ruth")
    ruth.joins_by(link)
    ruth.reads(re.compile(r"(10:00|9:5\d)"))  # the time left for a member to join (rule C3)
    expect(line_of(dialog, "ruth@gmail.com")).to_contain_text("In the call", timeout=SEEN)

    # The phone: opening takes nothing over, Join here does, and both say so.
    phone = invite("Ruth")
    phone.opens_link(link)
    phone.reads("Somebody is in the call with your link now")
    expect(ruth.page.get_by_text("You joined from somewhere else")).to_have_count(0)
    phone.page.get_by_label("Your name").fill("Ruth")
    phone.page.get_by_role("button", name="Join here").click()
    ruth.reads("You joined from somewhere else")
    phone.is_connected()

    # The message was sent twice, with the same link.
    reader.until(lambda: bool(reader.page.reload()) and again.count() >= 2, "the message is there again")
    assert {element.get_attribute("href") for element in again.all()} == {link}


def test_copy_link_copies_the_rooms_link_and_end_for_all_ends_the_invitations(invite: Invite, room: Room) -> None:
    """Rules R4, C9."""
    ada = member_enters(invite, room)
    ada.is_connected()
    panel = opens_panel(ada)
    panel.get_by_role("button", name="Copy link").click()
    expect(ada.page.get_by_text("Meeting room link copied")).to_be_visible()
    assert ada.page.evaluate("navigator.clipboard.readText()") == room.link
    panel.get_by_label("Email address").fill("una@example.org")
    panel.get_by_label("Email address").press("Enter")
    expect(line_of(panel, "una@example.org")).to_be_visible()
    una = invite("Una")
    link = link_sent_to(una, "una@example.org")
    una.joins_by(link)
    ada.sees_tile("Una")
    ada.page.get_by_role("button", name="Leave").first.click()
    ask = ada.page.get_by_role("dialog")
    expect(ask.get_by_label(re.compile("personal invitations"))).to_be_checked()
    ask.get_by_role("button", name="End call for all").click()
    una.reads("The call has ended")
    una.goes_to(link)
    una.reads("Your invitation was for that call only.")


def test_the_panel_looks_right_and_axe_finds_nothing(invite: Invite, room: Room, look: Look) -> None:
    ada = member_enters(invite, room)
    ada.is_connected()
    panel = opens_panel(ada)
    panel.get_by_label("Guest’s name (optional)").fill("Grace Ọlájùmọ̀kẹ́ Fotheringay-Smythe")
    panel.get_by_label("Email address").fill("grace.fotheringay-smythe@gmial.com")
    panel.get_by_role("button", name="Send email").click()
    panel.get_by_role("button", name="Send to grace.fotheringay-smythe@gmail.com").click()
    expect(line_of(panel, "Grace")).to_be_visible()
    panel.get_by_label("UK mobile phone number").fill("020 7946 0958")
    panel.get_by_role("button", name="Send text message").click()
    expect(panel.get_by_text("This is a landline.")).to_be_visible()
    guest = invite("Grace")
    guest.goes_to(link_sent_to(invite("Reader"), "grace.fotheringay-smythe@gmail.com"))
    look(ada, "invite-panel")
    look(guest, "invite-door")


def test_a_browser_too_old_for_the_call_is_told_at_the_door(invite: Invite, room: Room) -> None:
    guest = invite("Old")
    guest.page.add_init_script("delete window.RTCPeerConnection")
    guest.goes_to(room.link)
    guest.reads("This browser is too old for video calls.")


def test_a_browser_without_scripts_is_told_at_the_door(invite: Invite, room: Room) -> None:
    guest = invite("Old", java_script_enabled=False)
    guest.goes_to(room.link)
    assert "Video calls need scripts" in guest.page.locator("main").inner_text()  # text selectors pass over <noscript>
