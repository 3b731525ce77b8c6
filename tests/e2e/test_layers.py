"""Simulcast in a real browser: the camera goes out in two layers, and the viewer's picture moves."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import Invite
from tests.e2e.house import Room
from tests.e2e.people import Person
from tests.e2e.test_meeting import member_enters

pytestmark = pytest.mark.long

SENT = """async () => Object.fromEntries([...(await window.peers.at(-1).getStats()).values()]
  .filter(({ type, rid }) => type === 'outbound-rtp' && rid)
  .map(({ rid, active, frameHeight, framesSent }) =>
    [rid, { active, height: frameHeight ?? 0, frames: framesSent ?? 0 }]))"""


def sends(person: Person) -> dict[str, tuple[int, int]]:
    """Height and frames so far of each layer that is being sent."""
    layers = person.page.evaluate(SENT)
    return {rid: (layer["height"], layer["frames"]) for rid, layer in layers.items() if layer["active"]}


def height_of(person: Person, name: str) -> int:
    """Lines of the picture in that person's tile."""
    height: int = person.tile(name).locator("video").evaluate("video => video.videoHeight")
    return height


def test_camera_goes_out_in_two_layers_and_a_good_link_shows_the_large_one(invite: Invite, room: Room) -> None:
    ada, guest = member_enters(invite, room), invite("Grace")
    guest.joins_by(room.link)
    guest.sees_moving("Ada")
    ada.until(
        lambda: {rid for rid, (_, frames) in sends(ada).items() if frames > 20} == {"l", "h"}, "both layers go out"
    )
    small, large = (sends(ada)[rid][0] for rid in "lh")
    assert small == 180
    assert large > small
    guest.until(lambda: height_of(guest, "Ada") == large, "Grace is shown the large layer")
    guest.sees_moving("Ada")
    assert guest.page.evaluate("window.peers.length") == 1


def test_nobody_there_to_look_costs_the_small_layer_alone(invite: Invite, room: Room) -> None:
    ada = member_enters(invite, room)
    ada.until(lambda: sends(ada).get("l", (0, 0))[1] > 10, "the small layer goes out")
    assert set(sends(ada)) == {"l"}
