"""What Chromium shows of a call whose every twentieth packet is lost."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Playwright

from bench.network import Network
from bench.peer import host_address
from tests.e2e.conftest import FLAGS, Invite
from tests.e2e.house import House
from tests.e2e.lossy import LossyPath

BEHIND = "127.0.0.2"  # where the relay itself listens
WATCHED = 15  # seconds
RATE = 24  # frames a second, of a source's 30
FROZEN = 0.01  # of the time

SHOWN = """async () => {
  const entries = [...(await window.peers.at(-1).getStats()).values()];
  const shown = entries.find((entry) => entry.type === 'inbound-rtp' && entry.kind === 'video' && entry.framesDecoded);
  return {
    at: shown.timestamp / 1000, frames: shown.framesDecoded, frozen: shown.totalFreezesDuration,
    width: shown.frameWidth,
    lost: shown.packetsLost, repaired: shown.retransmittedPacketsReceived, asked: shown.nackCount,
    keyframesAsked: shown.pliCount,
  };
}"""
MADE = """async () => {
  const entries = [...(await window.peers.at(-1).getStats()).values()];
  const camera = entries.find((entry) => entry.type === 'media-source' && entry.kind === 'video' && entry.frames);
  return { at: camera.timestamp / 1000, frames: camera.frames };
}"""

# The page asks for 24 large frames; two encoders and two decoders of those are all that a small machine does.
SMALL_AND_FAST = """
const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = (wanted) => ask(
  wanted.video ? { ...wanted, video: { width: 640, height: 360, frameRate: 30 } } : wanted);
"""


@pytest.fixture(scope="module")
def browser(playwright: Playwright, chromium: str) -> Iterator[Browser]:
    """Its camera makes 30 frames a second instead of 20."""
    browser = playwright.chromium.launch(
        executable_path=chromium, args=[*FLAGS, "--use-fake-device-for-media-stream=fps=30"]
    )
    yield browser
    browser.close()


def free_port_on_both(public: str) -> int:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as front,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as back,
    ):
        front.bind((public, 0))
        back.bind((BEHIND, front.getsockname()[1]))
        return int(front.getsockname()[1])


@pytest.fixture(scope="module")
def lossy_house() -> Iterator[House]:
    public = host_address()
    port = free_port_on_both(public)
    path = LossyPath((public, port), (BEHIND, port), lambda seed: Network(seed, loss=0.05, delay=0.02, jitter=0.01))
    house = House(RELAY_PORT=str(port), RELAY_ADDRESSES=f"{public}={BEHIND}:{port}")
    yield house
    house.stop()
    path.close()


def test_pictures_go_on_at_five_percent_loss(invite: Invite, lossy_house: House) -> None:
    room = lossy_house.room()
    ada = invite("Ada", at=lossy_house)
    ada.context.add_init_script(SMALL_AND_FAST)
    ada.is_signed_in(room.administrator)
    ada.enters_room(room.name)
    grace = invite("Grace", at=lossy_house)
    grace.context.add_init_script(SMALL_AND_FAST)
    grace.joins_by(room.link)
    grace.sees_moving("Ada")
    ada.sees_moving("Grace")
    grace.page.wait_for_timeout(3000)  # both layers come up

    before, made_before = grace.page.evaluate(SHOWN), ada.page.evaluate(MADE)
    grace.page.wait_for_timeout(WATCHED * 1000)
    after, made_after = grace.page.evaluate(SHOWN), ada.page.evaluate(MADE)
    shown, frozen = (per_second(before, after, key) for key in ("frames", "frozen"))
    made = per_second(made_before, made_after, "frames")
    print(f"\n5 % loss each way: {shown:.1f} of {made:.1f} frames/s, frozen {frozen:.2%} of the time; in all {after}")
    assert after["lost"] > before["lost"], "nothing was lost: the bad network is not on the way"
    assert shown >= RATE
    assert frozen < FROZEN
    grace.hears(1)


def per_second(before: dict[str, float], after: dict[str, float], key: str) -> float:
    return (after[key] - before[key]) / (after["at"] - before["at"])
