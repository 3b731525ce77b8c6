"""A guest in the second engine: Debian's Firefox ESR, driven over WebDriver BiDi by tests/e2e/firefox.mjs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.e2e.people import Received

SCRIPT = Path(__file__).with_name("firefox.mjs")


def find_firefox() -> str | None:
    """Its path: FIREFOX, or what is installed; `None`: see tests/ensure-browsers.sh."""
    names = (os.environ.get("FIREFOX", ""), "firefox-esr", "firefox")
    return next((found for name in names if name and (found := shutil.which(name))), None)


class FirefoxGuest:
    """Named like a `Person`, and able to do the part of it that the stories about two engines need."""

    def __init__(self, name: str, browser: str) -> None:
        self.name = name
        self._node = subprocess.Popen(
            ["node", str(SCRIPT), browser], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def _order(self, order: str, **details: str) -> Any:
        assert self._node.stdin is not None
        assert self._node.stdout is not None
        self._node.stdin.write(json.dumps({"order": order, **details}) + "\n")
        answer = json.loads(self._node.stdout.readline() or '{"error": "Firefox has gone"}')
        assert "error" not in answer, answer["error"]
        return answer["value"]

    def engine(self) -> str:
        version: str = self._order("engine")
        return version

    def joins_by(self, link: str) -> None:
        assert "/calls/" in self._order("join", link=link, name=self.name)

    def frames_of(self, name: str) -> int:
        return int(self._order("frames", name=name))

    def received(self) -> list[Received]:
        return [Received(**entry) for entry in self._order("received")]

    def sees_moving(self, name: str, frames: int = 10) -> None:
        """The picture in that person's tile goes on: decoded frames grow from here."""
        self.until(lambda: self.frames_of(name) >= 0, f"{self.name} has a tile for {name}")
        before = self.frames_of(name)
        self.until(lambda: self.frames_of(name) >= before + frames, f"{self.name} sees {name} move")

    def voices(self) -> int:
        return sum(entry.kind == "audio" and entry.energy > 0 for entry in self.received())

    def hears(self, people: int) -> None:
        self.until(lambda: self.voices() >= people, f"{self.name} hears {people}")

    def keeps_picture(self, path: Path) -> None:
        self._order("picture", path=str(path))

    def until(self, holds: Callable[[], bool], what: str, seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, f"Not within {seconds:g} s: {what}"
            time.sleep(0.1)

    def goes_away(self) -> None:
        assert self._node.stdin is not None
        self._node.stdin.close()
        try:
            self._node.wait(10)
        except subprocess.TimeoutExpired:
            self._node.kill()
            self._node.wait()
