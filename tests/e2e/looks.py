"""A page as it looks on a phone and on a desktop, light and dark: pictures to look at, and what axe says of each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe

from tests.e2e.people import Person

SIZES = {"phone": {"width": 390, "height": 844}, "desktop": {"width": 1280, "height": 800}}
LOOKS = [(size, scheme) for size in SIZES for scheme in ("light", "dark")]

Look = Callable[[Person, str], None]

# By how much the page, or a dialog over it, is wider than it can be seen.
WIDER = """() => Math.max(...[document.documentElement, ...document.querySelectorAll('dialog[open]')]
  .map(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth))"""


class Looks:
    """`violations` is empty when every page looked at is as it should be."""

    def __init__(self, pictures: Path) -> None:
        self._pictures = pictures
        self.violations: list[str] = []

    def take(self, person: Person, name: str) -> None:
        self._pictures.mkdir(exist_ok=True)
        for size, scheme in LOOKS:
            person.page.set_viewport_size(SIZES[size])  # type: ignore[arg-type]
            person.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
            person.page.wait_for_timeout(250)
            person.page.screenshot(path=self._pictures / f"{name}-{size}-{scheme}.png")
            for violation in Axe().run(person.page).response["violations"]:
                nodes = "; ".join(str(node["html"])[:160] for node in violation["nodes"][:3])
                self.violations.append(f"{name} {size} {scheme}: {violation['id']} ({violation['help']}): {nodes}")
            wide = person.page.evaluate(WIDER)
            if wide > 0:
                self.violations.append(f"{name} {size} {scheme}: scrolls sideways by {wide} px")
        person.page.set_viewport_size({"width": 1280, "height": 800})
