"""A call in a language whose words are half as long again: nothing of it is English, cut off, covered or too small."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, expect

from tests.e2e.conftest import Invite
from tests.e2e.house import House, Room
from tests.e2e.people import Person
from tests.e2e.test_stage import WINDOWS, looks_right
from tests.house.pseudo import LANGUAGE, make_catalogue, missing_tools, pseudo
from tests.house.test_language import plain_words

pytestmark = pytest.mark.long

# What people and machines are called here.
NAMES = re.compile(r"\b(Ada|Grace|Room \d+|Riverside Clinic)\b|fake_device_\d|Fake [\w ]+")
SPEAKS = {"locale": LANGUAGE}
SMALL = {"width": 400, "height": 300}

# Words that do not fit: what hides what runs over. Names, which may be of any length, end in dots.
CUT = """() => [...document.querySelectorAll('.call *, dialog[open] *')].filter((element) => {
  const isSpared = element.closest('svg, select, figcaption, .tile-name, .visually-hidden');
  if (isSpared || !element.checkVisibility()) return false;
  if (![...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim())) return false;
  const range = document.createRange();
  range.selectNodeContents(element);
  const words = range.getBoundingClientRect();
  const own = element.getBoundingClientRect();
  if (own.width <= 1 && own.height <= 1) return false; // for screen readers alone
  for (let around = element; around && around !== document.body; around = around.parentElement) {
    const { overflowX } = getComputedStyle(around);
    const box = around.getBoundingClientRect();
    if (overflowX !== 'visible' && (words.right > box.right + 1 || words.left < box.left - 1)) return true;
  }
  return words.right > innerWidth + 1 || words.left < -1;
}).map((element) => element.textContent.trim())"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    assert not missing_tools(), "tests/ensure-gettext.sh"
    house = House(LOCALE_PATH=str(make_catalogue(tmp_path_factory.mktemp("pseudo"))))
    yield house
    house.stop()


def button(person: Person, name: str) -> Locator:
    return person.page.get_by_role("button", name=pseudo(name), exact=True)


def is_fit(person: Person, state: str, faults: list[str]) -> None:
    looks_right(person, state, faults)
    faults += [f"{state}: {text!r} is cut" for text in person.page.evaluate(CUT)]
    faults += [f"{state}: {text!r} is English" for text in plain_words(NAMES.sub("", person.page.content()))]


def test_the_call_bears_words_that_are_half_as_long_again(invite: Invite, room: Room) -> None:
    ada, grace = invite("Ada", **SPEAKS), invite("Grace", viewport=SMALL, **SPEAKS)
    ada.is_signed_in(room.administrator)
    ada.opens_room_menu(room.name)
    ada.page.get_by_role("menuitem", name=pseudo("Enter Meeting Room")).click()
    ada.page.wait_for_url("**/calls/**")
    grace.goes_to(room.link)
    grace.page.locator("[name=name]").fill("Grace")
    button(grace, "Join").click()
    grace.page.wait_for_url("**/calls/**")
    ada.sees_moving("Grace", frames=3)
    grace.sees_moving("Ada", frames=3)

    page, faults = ada.page, list[str]()
    for width, height in [*WINDOWS, (320, 568)]:
        page.set_viewport_size({"width": width, "height": height})
        here = f"{width} x {height}"
        is_fit(ada, f"{here}, the call", faults)
        button(ada, "More").click()
        is_fit(ada, f"{here}, More", faults)
        page.keyboard.press("Escape")
        for panel, opener in (("chat", "#chat"), ("participants", ""), ("settings", ""), ("invite", "")):
            if opener:
                page.locator(opener).click()
            else:
                button(ada, "More").click()
                page.locator(f"[role=menuitem][data-opens-panel={panel}]").click()
            expect(page.locator(f"[data-panel={panel}]")).to_be_visible()
            if panel == "invite":
                expect(page.locator("#send-text")).to_be_visible()
            is_fit(ada, f"{here}, {panel}", faults)
            page.locator(f"[data-panel={panel}] [data-closes-panel]").click()
        page.locator("#leave").click()
        is_fit(ada, f"{here}, Leave", faults)
        page.keyboard.press("Escape")

    # What the scripts say is said in it, too.
    page.locator("#microphone").click()
    expect(page.locator("#microphone")).to_contain_text(pseudo("Unmute"))
    page.locator("#leave").click()
    page.locator("#leave-now").click()
    expect(page.get_by_role("heading", name=pseudo("You left the call"))).to_be_visible()
    grace.sees_no_tile("Ada")
    is_fit(grace, "alone again", faults)
    assert not faults, "\n".join(faults)
