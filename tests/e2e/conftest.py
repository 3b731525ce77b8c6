from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, sync_playwright

from tests.e2e.house import ROOT, House, Room
from tests.e2e.looks import Look, Looks
from tests.e2e.people import WATCH_PEERS, Person
from tests.e2e.road import Road

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PICTURES = ROOT / "tests/out"

Invite = Callable[..., Person]


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """One driver for all stories: a process takes no second one."""
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def chromium() -> str:
    """Its path."""
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    path = next((found for name in names if name and (found := shutil.which(name))), None)
    if path is None:
        pytest.fail("No Chromium: see tests/ensure-browsers.sh")
    return path


@pytest.fixture(scope="session")
def browser(playwright: Playwright, chromium: str) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def house() -> Iterator[House]:
    house = House(rooms=200)
    yield house
    house.stop()


@pytest.fixture
def room(house: House) -> Room:
    return house.room()


@pytest.fixture
def invite(
    request: pytest.FixtureRequest, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Invite]:
    """`invite("Nina")` is a person in a browser context of their own; a failed story leaves their pictures."""
    people: list[Person] = []

    def make(name: str, *, at: House | Road | None = None, **options: object) -> Person:
        where: House | Road = at or request.getfixturevalue("house")
        settings = {"viewport": {"width": 800, "height": 500}, "base_url": where.url, "locale": "en-GB"} | options
        context: BrowserContext = browser.new_context(**settings)  # type: ignore[arg-type]
        context.grant_permissions(["camera", "microphone", "clipboard-read", "clipboard-write"], origin=where.url)
        context.add_init_script(WATCH_PEERS)
        if isinstance(where, Road):
            context.add_init_script(where.script)
        person = Person(name, context, where.url)
        people.append(person)
        return person

    yield make
    failed = getattr(request.node, "failed", False)
    for person in people:
        if failed and not person.page.is_closed():
            PICTURES.mkdir(exist_ok=True)
            person.page.screenshot(path=PICTURES / f"{request.node.name}-{person.name}.png")
        person.context.close()


@pytest.fixture
def look() -> Iterator[Look]:
    """Takes the picture of a page in all four looks and asks axe about each."""
    looks = Looks(PICTURES)
    yield looks.take
    assert not looks.violations, "\n".join(looks.violations)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    outcome = yield
    if outcome.get_result().failed:  # type: ignore[attr-defined]
        item.failed = True  # type: ignore[attr-defined]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)
