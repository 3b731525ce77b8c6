"""Who walks through the stories: a person is a browser context of their own, with a camera and a microphone."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import BrowserContext, Locator, Page, expect

# Every RTCPeerConnection a page makes, so that a story can ask it for its statistics.
WATCH_PEERS = """
window.peers = [];
window.RTCPeerConnection = class extends window.RTCPeerConnection {
  constructor(...args) { super(...args); window.peers.push(this); }
};
"""

RECEIVED = """async () => {
  const peer = window.peers.at(-1);
  if (!peer) return [];
  return [...(await peer.getStats()).values()]
    .filter((entry) => entry.type === 'inbound-rtp')
    .map(({ kind, mid, framesDecoded, totalAudioEnergy, packetsReceived }) => (
      { kind, mid, frames: framesDecoded ?? 0, energy: totalAudioEnergy ?? 0, packets: packetsReceived ?? 0 }));
}"""


@dataclass(frozen=True)
class Received:
    """What came in on one m-line so far."""

    kind: str
    mid: str
    frames: int
    energy: float
    packets: int


class Person:
    def __init__(self, name: str, context: BrowserContext, house_url: str) -> None:
        self.name = name
        self.context = context
        self.house_url = house_url
        self.page: Page = context.new_page()

    # --- ways in

    def goes_to(self, path: str) -> None:
        self.page.goto(path if path.startswith("http") else f"{self.house_url}{path}")

    def signs_in(self, email: str) -> None:
        self.goes_to("/accounts/login/")
        self.page.get_by_label("Email").fill(email)
        self.page.get_by_label("Password").fill("anteroom-demo")
        self.page.get_by_role("button", name="Sign in", exact=True).click()
        expect(self.page.get_by_role("heading", level=1)).to_be_visible()

    def is_signed_in(self, session: str) -> None:
        self.context.add_cookies([{"name": "sessionid", "value": session, "url": self.house_url}])

    def opens_room_menu(self, room: str) -> None:
        self.goes_to("/rooms/")
        self.page.get_by_role("button", name=re.compile(f"^{room}")).click()

    def enters_room(self, room: str) -> None:
        self.opens_room_menu(room)
        self.page.get_by_role("menuitem", name="Enter Meeting Room").click()
        self.page.wait_for_url("**/calls/**")

    def copies_room_link(self, room: str) -> str:
        """Through the clipboard, as Nina does it."""
        self.opens_room_menu(room)
        self.page.get_by_role("menuitem", name="Copy Meeting Room Link").click()
        expect(self.page.get_by_text("Meeting room link copied")).to_be_visible()
        link: str = self.page.evaluate("navigator.clipboard.readText()")
        return link

    def opens_link(self, link: str) -> None:
        self.goes_to(link)

    def presses_join(self) -> None:
        self.page.get_by_role("button", name="Join", exact=True).click()

    def joins_by(self, link: str) -> None:
        self.opens_link(link)
        self.page.get_by_label("Your name").fill(self.name)
        self.presses_join()
        self.page.wait_for_url("**/calls/**")

    # --- what they see and hear

    def tile(self, name: str) -> Locator:
        return self.page.get_by_role("figure", name=name, exact=True)

    def sees_tile(self, name: str) -> None:
        expect(self.tile(name)).to_be_visible(timeout=15_000)

    def sees_no_tile(self, name: str) -> None:
        expect(self.tile(name)).to_have_count(0, timeout=30_000)

    def is_connected(self) -> None:
        state = "window.peers.at(-1)?.connectionState"
        self.until(lambda: self.page.evaluate(state) == "connected", f"{self.name} is connected to the relay")

    def frames_of(self, name: str) -> int:
        frames: int = (
            self.tile(name).locator("video").evaluate("video => video.getVideoPlaybackQuality().totalVideoFrames")
        )
        return frames

    def sees_moving(self, name: str, frames: int = 10) -> None:
        """The picture in that person's tile goes on: decoded frames grow from here."""
        self.sees_tile(name)
        before = self.frames_of(name)
        self.until(lambda: self.frames_of(name) >= before + frames, f"{self.name} sees {name} move")

    def received(self) -> list[Received]:
        return [Received(**entry) for entry in self.page.evaluate(RECEIVED)]

    def voices(self) -> int:
        """How many remote microphones have been heard: audio m-lines with energy."""
        return sum(entry.kind == "audio" and entry.energy > 0 for entry in self.received())

    def hears(self, people: int) -> None:
        self.until(lambda: self.voices() >= people, f"{self.name} hears {people}")

    def media_in(self) -> tuple[int, float]:
        """Frames decoded and audio energy received so far, over all m-lines."""
        received = self.received()
        return sum(entry.frames for entry in received), sum(entry.energy for entry in received)

    def reads(self, text: str | re.Pattern[str], timeout: float = 15_000) -> None:
        expect(self.page.get_by_text(text).first).to_be_visible(timeout=timeout)

    def leaves(self) -> None:
        self.page.get_by_role("button", name="Leave").first.click()
        self.page.get_by_role("dialog").get_by_role("button", name="Leave", exact=True).click()

    def until(self, holds: Callable[[], bool], what: str, seconds: float = 20) -> None:
        for _ in range(int(seconds * 10)):
            if holds():
                return
            self.page.wait_for_timeout(100)
        raise AssertionError(f"Not within {seconds:g} s: {what}")

    def goes_away(self) -> None:
        self.context.close()
