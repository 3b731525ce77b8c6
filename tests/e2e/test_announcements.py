"""Who comes and goes, heard: one announcement for screen readers, one chime for everybody else."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from tests.e2e.conftest import Invite
from tests.e2e.house import Room
from tests.e2e.people import Person

pytestmark = pytest.mark.long

# Every note that really sounds: its pitch, once its context runs.
WATCH_NOTES = """
window.notes = [];
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...args) {
  if (this.context.state === 'running') window.notes.push(Math.round(this.frequency.value));
  return start.apply(this, args);
};
"""
UP, DOWN = [659, 880], [587, 392]


def log_of(person: Person) -> Locator:
    return person.page.get_by_role("log").locator("p")


def hears_chime(person: Person, notes: list[int]) -> None:
    person.until(lambda: person.page.evaluate("window.notes") == notes, f"{person.name} hears {notes}")


def test_joining_and_leaving_are_announced_and_chime_for_the_others_alone(invite: Invite, room: Room) -> None:
    ada = invite("Ada")
    ada.context.add_init_script(WATCH_NOTES)
    ada.is_signed_in(room.administrator)
    ada.enters_room(room.name)
    ada.is_connected()
    grace = invite("Grace")
    grace.context.add_init_script(WATCH_NOTES)
    grace.joins_by(room.link)
    hears_chime(ada, UP)
    expect(log_of(ada)).to_have_text(["Grace joined"])

    grace.page.get_by_role("button", name="Chat").click()
    grace.page.get_by_label("Write a message").fill("Good morning")
    grace.page.keyboard.press("Enter")
    expect(log_of(ada)).to_have_text(["Grace joined", "Grace: Good morning"])
    # Nobody is told of themselves, or of who was there before.
    assert grace.page.evaluate("window.notes") == []
    expect(log_of(grace)).to_have_count(0)

    grace.leaves()
    hears_chime(ada, UP + DOWN)
    expect(log_of(ada)).to_have_text(["Grace joined", "Grace: Good morning", "Grace left"])

    # Switched off under Settings, on this device, also after a reload: announced, not heard.
    ada.page.get_by_role("button", name="More").click()
    ada.page.get_by_role("menuitem", name="Settings").click()
    ada.page.get_by_label("Play a sound when somebody joins or leaves").uncheck()
    ada.page.reload()
    ada.is_connected()
    heidi = invite("Heidi")
    heidi.joins_by(room.link)
    expect(log_of(ada)).to_have_text(["Heidi joined"])
    assert ada.page.evaluate("window.notes") == []
