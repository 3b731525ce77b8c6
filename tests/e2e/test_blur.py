"""Blur background, for members: what others are sent, what it costs, and what is said where it does not work.

The bar of 80 ms a frame stays the product's: a story that must blur, whatever this machine does meanwhile, and one that
must not, set `data-slowest-frame` on the control before they press it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Request, expect

from tests.e2e.conftest import Invite
from tests.e2e.house import Room
from tests.e2e.people import Person
from tests.e2e.test_layers import sends

pytestmark = pytest.mark.long

ROUND, ROUNDS = 3000, 4  # ms
TOO_SLOW = "Blur background was turned off: this device is too slow for it."
# Every picture the page gives to a sender, in order: "camera" as it came from the device, "other", "none".
WATCH_SENDERS = """
window.given = [];
window.cameras = new Set();
const ask = MediaDevices.prototype.getUserMedia;
MediaDevices.prototype.getUserMedia = async function (...args) {
  const stream = await ask.apply(this, args);
  for (const track of stream.getVideoTracks()) window.cameras.add(track.id);
  return stream;
};
const replace = RTCRtpSender.prototype.replaceTrack;
RTCRtpSender.prototype.replaceTrack = function (track) {
  if (track === null) window.given.push('none');
  else if (track.kind === 'video') window.given.push(window.cameras.has(track.id) ? 'camera' : 'other');
  return replace.call(this, track);
};
window.longTasks = [];
new PerformanceObserver((list) => {
  window.longTasks.push(...list.getEntries().map(({ startTime, duration }) => ({ at: startTime, took: duration })));
}).observe({ entryTypes: ['longtask'] });
"""
# How sharp a picture is at its sides: pairs of neighbours that differ by much. The fake camera has figures in its
# corners; the one in the middle is now and then taken for somebody, who is not to be blurred. Seen: about 100, and 0.
EDGES = """video => {
  const [width, height] = [320, 180];
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  context.drawImage(video, 0, 0, width, height);
  const { data } = context.getImageData(0, 0, width, height);
  let edges = 0;
  for (let at = 4; at < data.length; at += 4) {
    const column = (at / 4) % width;
    if (column < width / 5 || column > width * 4 / 5) edges += Math.abs(data[at] - data[at - 4]) > 40;
  }
  return edges;
}"""
SENT_TRACK = "window.peers.at(-1).getSenders()[1].track?.id ?? null"


@dataclass
class Staff:
    """A member in a call, with the addresses of all that their page fetched."""

    person: Person
    fetched: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.person.context.on("request", self._note)

    def _note(self, request: Request) -> None:
        self.fetched.append(request.url)

    def presses_blur(self, slowest_frame: float | None = None) -> None:
        page = self.person.page
        if slowest_frame is not None:
            page.locator("#blur").evaluate("(button, limit) => { button.dataset.slowestFrame = limit; }", slowest_frame)
        page.get_by_role("button", name="More").click()
        page.get_by_role("menuitemcheckbox", name="Blur background").click()

    def is_blurred(self) -> None:
        page = self.person.page
        kind = "(() => { const id = " + SENT_TRACK + "; return id !== null && !window.cameras.has(id); })()"
        self.person.until(lambda: page.evaluate(kind), "what is sent is no more the camera's", seconds=60)

    def longest_task(self) -> float:
        """ms, of those of the page's own thread in the seconds to come."""
        page = self.person.page
        page.evaluate("window.longTasks.length = 0")
        page.wait_for_timeout(ROUND)
        longest: float = page.evaluate("Math.max(0, ...window.longTasks.map(({ took }) => took))")
        return longest


@pytest.fixture
def ada(invite: Invite, room: Room) -> Staff:
    person = invite("Ada")
    person.context.add_init_script(WATCH_SENDERS)
    person.is_signed_in(room.administrator)
    staff = Staff(person)
    person.enters_room(room.name)
    return staff


def edges(viewer: Person, name: str) -> int:
    """Of the picture in that person's tile."""
    count: int = viewer.tile(name).locator("video").evaluate(EDGES)
    return count


def of_blur(addresses: list[str]) -> list[str]:
    """What blur needs, among addresses. The control itself is part of a member's page."""
    return [
        address
        for address in addresses
        if "mediapipe" in address or ("/blur" in address and "blur-control" not in address)
    ]


def test_others_see_a_member_blurred_and_afterwards_exactly_the_camera(invite: Invite, room: Room, ada: Staff) -> None:
    guest, page = invite("Grace"), ada.person.page
    asked: list[str] = []
    guest.context.on("request", lambda request: asked.append(request.url))
    guest.joins_by(room.link)
    guest.sees_moving("Ada")
    guest.until(lambda: edges(guest, "Ada") > 60, "Grace sees Ada sharp")
    layers = {rid: height for rid, (height, _) in sends(ada.person).items()}
    assert of_blur(ada.fetched) == [], "blur costs nothing until it is asked for"

    ada.presses_blur(slowest_frame=10_000)
    ada.person.reads("Starting blur…")
    ada.is_blurred()
    guest.until(lambda: edges(guest, "Ada") < 10, "Grace sees nothing sharp beside the middle", seconds=30)
    guest.sees_moving("Ada")
    ada.person.until(
        lambda: {rid: height for rid, (height, _) in sends(ada.person).items()} == layers, "the same layers"
    )
    # Other work on the machine only ever adds to a task: one round without a long one shows that blur makes none.
    rounds = [ada.longest_task()]
    while rounds[-1] > 200 and len(rounds) < ROUNDS:
        rounds.append(ada.longest_task())
    print(f"\nThe page's longest task with blur, in {ROUND / 1000:g} s each: {[round(took) for took in rounds]} ms")
    assert rounds[-1] <= 200, "the page's own thread never waits for the blur"
    assert len(of_blur(ada.fetched)) >= 5

    # Stopped and started, the camera is blurred from its first picture on.
    page.evaluate("window.given.length = 0")
    page.get_by_role("button", name="Stop camera").click()
    expect(guest.tile("Ada")).to_have_attribute("data-camera", "off")
    page.get_by_role("button", name="Start camera").click()
    ada.is_blurred()
    assert "camera" not in page.evaluate("window.given")
    guest.sees_moving("Ada")
    guest.until(lambda: edges(guest, "Ada") < 10, "Grace sees nothing sharp, from the first picture on")

    ada.presses_blur()
    ada.person.until(lambda: page.evaluate(f"window.cameras.has({SENT_TRACK})"), "the camera's own track is sent")
    guest.until(lambda: edges(guest, "Ada") > 60, "Grace sees Ada sharp again")
    # A guest has neither the control nor anything of what it needs (rule C2).
    guest.page.get_by_role("button", name="More").click()
    expect(guest.page.get_by_role("menuitem").first).to_be_visible()
    expect(guest.page.get_by_text("Blur background")).to_have_count(0)
    assert [address for address in asked if "blur" in address or "mediapipe" in address] == []


def test_a_device_that_is_too_slow_says_so_and_the_camera_stays_as_it_was(
    invite: Invite, room: Room, ada: Staff
) -> None:
    page = ada.person.page
    ada.person.until(lambda: page.evaluate("window.cameras.size") == 1, "the camera is open")
    ada.person.is_connected()
    camera = page.evaluate(SENT_TRACK)
    ada.presses_blur(slowest_frame=0.01)
    expect(page.get_by_text(TOO_SLOW, exact=True)).to_be_visible(timeout=60_000)
    assert page.evaluate(SENT_TRACK) == camera
    assert "other" not in page.evaluate("window.given")
    page.get_by_role("button", name="More").click()
    expect(page.get_by_role("menuitemcheckbox", name="Blur background")).not_to_be_checked()


def test_whoever_comes_back_with_blur_is_seen_blurred_or_not_at_all(invite: Invite, room: Room, ada: Staff) -> None:
    """The background is not shown for a second while blur starts, nor when it does not start."""
    guest, page = invite("Grace"), ada.person.page
    guest.joins_by(room.link)
    guest.sees_moving("Ada")
    # Remembered on this device. The bar is set before the page reads it: this machine may be busy.
    page.evaluate("localStorage.setItem('anteroom.blur', JSON.stringify({ on: true }))")
    ada.person.context.add_init_script(
        "new MutationObserver(() => { const blur = document.getElementById('blur');"
        " if (blur) blur.dataset.slowestFrame = '10000'; }).observe(document, { childList: true, subtree: true });"
    )
    page.reload()
    ada.is_blurred()
    assert "camera" not in page.evaluate("window.given")
    guest.sees_moving("Ada")

    ada.person.context.route("**/mediapipe/**", lambda route: route.abort())
    page.reload()
    expect(page.get_by_text("Your camera is off too, so that nobody sees your background")).to_be_visible(
        timeout=30_000
    )
    assert "camera" not in page.evaluate("window.given")
    expect(guest.tile("Ada")).to_have_attribute("data-camera", "off")
    page.get_by_role("button", name="Start camera").click()
    guest.sees_moving("Ada")
    guest.until(lambda: edges(guest, "Ada") > 60, "Grace sees Ada sharp")
