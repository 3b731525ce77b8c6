"""The first real call: members and guests meet in a room, through our own relay."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Invite
from tests.e2e.house import House, Room
from tests.e2e.people import Person


def member_enters(invite: Invite, room: Room) -> Person:
    ada = invite("Ada")
    ada.is_signed_in(room.administrator)
    ada.enters_room(room.name)
    return ada


def test_nina_copies_the_link_and_meets_a_guest(invite: Invite) -> None:
    nina, guest = invite("Nina"), invite("Grace")
    nina.signs_in("nina@example.org")
    link = nina.copies_room_link("Daily Briefing")
    nina.enters_room("Daily Briefing")
    # The copied link works from a context that never signed in.
    guest.joins_by(link)

    nina.sees_moving("Grace")
    guest.sees_moving("Nina Hart")
    nina.hears(1)
    guest.hears(1)
    for person in (nina, guest):
        assert person.page.evaluate("window.peers.length") == 1
    expect(nina.page.get_by_text("Daily Briefing").first).to_be_visible()


def test_page_talks_to_the_relays_port_alone(invite: Invite, house: House, room: Room) -> None:
    ada = member_enters(invite, room)
    ada.is_connected()
    ports = ada.page.evaluate(
        """async () => [...(await window.peers[0].getStats()).values()]
             .filter((entry) => entry.type === 'remote-candidate').map((entry) => entry.port)"""
    )
    assert {str(port) for port in ports} == {house.environment["RELAY_PORT"]}


def test_four_people_each_see_three_others_move_and_the_fifth_waits_for_a_seat(invite: Invite, room: Room) -> None:
    ada = member_enters(invite, room)
    guests = [invite(name) for name in ("Bo", "Cleo", "Dan")]
    for guest in guests:
        guest.joins_by(room.link)
    people = [ada, *guests]
    for person in people:
        for other in people:
            if other is not person:
                person.sees_moving(other.name, frames=5)
        person.hears(3)

    eve = invite("Eve")
    eve.joins_by(room.link)
    eve.reads("This call is full")
    assert ada.tile("Eve").count() == 0

    guests[0].leaves()
    eve.sees_moving("Ada")
    ada.sees_tile("Eve")
    ada.sees_no_tile("Bo")


def test_fourth_early_guest_waits_and_the_member_gets_in_at_once(invite: Invite, room: Room) -> None:
    guests = [invite(name) for name in ("Bo", "Cleo", "Dan", "Eve")]
    for guest in guests[:3]:
        guest.joins_by(room.link)
        guest.is_connected()
    guests[3].joins_by(room.link)
    guests[3].reads("This call is full")
    ada = member_enters(invite, room)
    for guest in guests[:3]:
        ada.sees_moving(guest.name, frames=3)
    guests[3].reads("This call is full")


def test_two_guests_neither_see_nor_hear_each_other_until_the_member_comes(invite: Invite, room: Room) -> None:
    bo, cleo = invite("Bo"), invite("Cleo")
    bo.joins_by(room.link)
    cleo.joins_by(room.link)
    for guest in (bo, cleo):
        guest.is_connected()
    bo.page.wait_for_timeout(3000)
    assert bo.media_in() == (0, 0)
    assert cleo.media_in() == (0, 0)

    ada = member_enters(invite, room)
    bo.sees_moving("Cleo")
    cleo.sees_moving("Bo")
    bo.hears(2)
    ada.hears(2)


def test_guest_first_then_member(invite: Invite, room: Room) -> None:
    guest = invite("Grace")
    guest.joins_by(room.link)
    guest.reads(re.compile(r"(10:00|9:5\d)"))  # the time left for a member to join (rule C3)
    ada = member_enters(invite, room)
    ada.sees_moving("Grace")
    guest.sees_moving("Ada")
    expect(guest.page.get_by_text(re.compile(r"9:[45]\d"))).to_have_count(0)


def test_member_who_opens_the_shared_link_of_her_own_room_is_a_member(invite: Invite, room: Room) -> None:
    ada = invite("Ada")
    ada.is_signed_in(room.administrator)
    ada.opens_link(room.link)
    ada.presses_join()
    ada.page.wait_for_url("**/calls/**")
    ada.is_connected()
    ada.page.get_by_role("button", name="Leave").first.click()
    expect(ada.page.get_by_role("dialog").get_by_role("button", name="End call for all")).to_be_visible()


def test_guest_has_no_control_of_a_member(invite: Invite, room: Room) -> None:
    guest = invite("Grace")
    guest.joins_by(room.link)
    guest.is_connected()
    guest.page.get_by_role("button", name="Leave").first.click()
    expect(guest.page.get_by_role("dialog").get_by_role("button", name="Leave", exact=True)).to_be_visible()
    expect(guest.page.get_by_role("button", name="End call for all")).to_have_count(0)


def test_second_tab_takes_over_when_join_is_pressed_and_the_first_says_so(invite: Invite, room: Room) -> None:
    ada, grace = member_enters(invite, room), invite("Grace")
    grace.joins_by(room.link)
    ada.sees_moving("Grace")
    call_url = grace.page.url

    # Opening the link, or the call's address, takes nothing over.
    first, second = grace.page, grace.context.new_page()
    second.goto(room.link)
    second.goto(call_url)
    expect(second.get_by_role("button", name=re.compile("Join"))).to_be_visible()
    second.wait_for_timeout(1500)
    expect(first.get_by_text("You joined from somewhere else")).to_have_count(0)
    ada.sees_moving("Grace")

    # Pressing Join does.
    second.get_by_role("button", name=re.compile("Join")).click()
    expect(first.get_by_text("You joined from somewhere else")).to_be_visible(timeout=15_000)
    grace.page = second
    grace.sees_moving("Ada")
    ada.sees_moving("Grace")
    assert ada.page.get_by_role("figure", name="Grace", exact=True).count() == 1

    # The first tab, back from a loss, does not take it back.
    first.reload()
    first.wait_for_timeout(3000)
    grace.sees_moving("Ada")
    expect(second.get_by_text("You joined from somewhere else")).to_have_count(0)


def test_reload_keeps_the_seat_and_stays_muted(invite: Invite, room: Room) -> None:
    ada, grace = member_enters(invite, room), invite("Grace")
    grace.joins_by(room.link)
    ada.sees_moving("Grace")
    grace.page.get_by_role("button", name="Mute", exact=True).click()
    expect(grace.page.get_by_role("button", name="Unmute", exact=True)).to_be_visible()

    grace.page.reload()
    grace.sees_moving("Ada")
    expect(grace.page.get_by_role("button", name="Unmute", exact=True)).to_be_visible()
    assert ada.page.get_by_role("figure", name="Grace", exact=True).count() == 1
    ada.sees_moving("Grace")


def test_reset_link_kills_the_old_one_and_leaves_those_in_the_call(invite: Invite, room: Room) -> None:
    ada, grace = member_enters(invite, room), invite("Grace")
    grace.joins_by(room.link)
    ada.sees_moving("Grace")

    office = ada.context.new_page()
    office.goto("/rooms/")
    office.get_by_role("button", name=re.compile(f"^{room.name}")).click()
    office.get_by_role("menuitem", name="Reset Meeting Room Link").click()
    office.get_by_role("dialog").get_by_role("button", name=re.compile("Reset")).click()
    expect(office.get_by_role("dialog")).to_have_count(0)

    late = invite("Late")
    answer = late.page.goto(room.link)
    assert answer is not None
    assert answer.status == 404
    expect(late.page.get_by_role("button", name="Join", exact=True)).to_have_count(0)
    ada.sees_moving("Grace")
    ada.page = office
    new = late.page.goto(ada.copies_room_link(room.name))
    assert new is not None
    assert new.status == 200


def test_leaving_says_what_happened_and_offers_the_way_back(invite: Invite, room: Room) -> None:
    ada, grace = member_enters(invite, room), invite("Grace")
    grace.joins_by(room.link)
    ada.sees_moving("Grace")
    grace.leaves()
    grace.reads(re.compile("You (have )?left"))
    ada.sees_no_tile("Grace")
    grace.page.get_by_role("link", name="Join again").or_(
        grace.page.get_by_role("button", name="Join again")
    ).first.click()
    expect(grace.page.get_by_label("Your name")).to_be_visible()


def test_ending_the_call_ends_it_for_everybody(invite: Invite, room: Room) -> None:
    ada, grace = member_enters(invite, room), invite("Grace")
    grace.joins_by(room.link)
    ada.sees_moving("Grace")
    ada.page.get_by_role("button", name="Leave").first.click()
    ada.page.get_by_role("dialog").get_by_role("button", name="End call for all").click()
    grace.reads(re.compile("ended"))


def test_removed_guest_cannot_come_back_to_this_call(invite: Invite, room: Room) -> None:
    ada, grace = member_enters(invite, room), invite("Grace")
    grace.joins_by(room.link)
    ada.sees_moving("Grace")
    ada.page.get_by_role("button", name=re.compile("Participants|People|More")).first.click()
    if ada.page.get_by_role("menuitem", name="Participants").count():
        ada.page.get_by_role("menuitem", name="Participants").click()
    ada.page.get_by_role("button", name=re.compile("Remove.*Grace")).click()
    ada.page.get_by_role("dialog").get_by_role("button", name=re.compile("Remove")).click()
    grace.reads(re.compile("removed"))
    ada.sees_no_tile("Grace")
    grace.opens_link(room.link)
    grace.page.get_by_label("Your name").fill("Grace again")
    grace.presses_join()
    grace.reads(re.compile("removed"))
    assert ada.tile("Grace again").count() == 0


@pytest.mark.long
def test_crashed_tab_frees_its_seat_after_the_grace_time(invite: Invite, room: Room) -> None:
    ada, grace = member_enters(invite, room), invite("Grace")
    grace.joins_by(room.link)
    ada.sees_moving("Grace")
    grace.goes_away()
    ada.reads("Reconnecting")
    ada.sees_tile("Grace")
    ada.sees_no_tile("Grace")


@pytest.fixture(scope="module")
def impatient_house() -> House:
    house = House(CALL_MEMBER_WAIT="6")
    yield house  # type: ignore[misc]
    house.stop()


def test_guest_alone_sees_the_time_run_out_and_what_to_do_next(invite: Invite, impatient_house: House) -> None:
    room = impatient_house.room()
    guest = invite("Grace", at=impatient_house)
    guest.joins_by(room.link)
    guest.reads(re.compile(r"0:0\d"))
    guest.reads(re.compile("ended"), timeout=20_000)
    guest.page.get_by_role("link", name="Join again").or_(
        guest.page.get_by_role("button", name="Join again")
    ).first.click()
    # A link that still holds then opens a new call.
    guest.page.get_by_label("Your name").fill("Grace")
    guest.presses_join()
    guest.reads(re.compile(r"0:0\d"))
