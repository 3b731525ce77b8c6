"""What the relay says of a call is what its people did."""

from __future__ import annotations

import asyncio

import pytest

from bench import rtcp
from bench.network import Network
from calls.relay.figures import LegFigures, SlotFigures, SourceFigures
from tests.calls.relay.house import CALL, House, sees

pytestmark = pytest.mark.media


def leg(house: House, name: str) -> LegFigures:
    (call,) = house.node.figures()
    return next(each for each in call.legs if each.participant_id == name)


def source(house: House, name: str, track: str) -> SourceFigures:
    return next(each for each in leg(house, name).sources if each.name == track)


def slot(house: House, name: str, mline: int) -> SlotFigures:
    return next(each for each in leg(house, name).slots if each.mline == mline)


async def test_what_is_sent_and_shown_is_counted_by_source_and_slot(house: House) -> None:
    nina, ann = [await house.join(house.person(name)) for name in ("nina", "ann")]
    await house.until(lambda: sees(nina, "ann"))
    await asyncio.sleep(1.5)
    (call,) = house.node.figures()
    assert (call.call_id, call.live, call.waiting, len(call.legs)) == (CALL, 2, 0, 2)
    camera, microphone = source(house, "ann", "camera"), source(house, "ann", "microphone")
    assert 0.9 * ann.camera.packets < camera.packets <= ann.camera.packets
    assert 700_000 < camera.bitrate < 1_200_000
    assert 40_000 < microphone.bitrate < 80_000
    assert (camera.lost, camera.repaired, camera.asked_again) == (0, 0, 0)
    assert 1 <= camera.keyframes_asked <= 3
    assert source(house, "ann", "screen").packets == 0
    shown = slot(house, "nina", 4)
    assert shown.bitrate == camera.bitrate
    assert abs(shown.packets - nina.stats.slots["4"].received) < 10
    assert slot(house, "nina", 6).packets == 0
    assert leg(house, "ann").connected
    assert 0 < leg(house, "ann").round_trip < 0.2
    assert call.received <= house.node.snapshot().packets_in
    assert abs(call.forwarded - house.node.snapshot().packets_out) < 10


async def test_loss_on_the_way_up_is_counted_with_what_repaired_it(house: House) -> None:
    nina = await house.join(house.person("nina", uplink=Network(1, loss=0.1)))
    guest = await house.join(house.person("guest"))
    await house.until(lambda: sees(guest, "nina"))
    await house.until(lambda: source(house, "nina", "camera").lost >= 10, 5.0)
    nina.stop_media()
    await asyncio.sleep(0.5)
    camera = source(house, "nina", "camera")
    assert camera.lost - 2 <= camera.repaired <= camera.lost
    assert camera.repaired <= camera.asked_again
    assert camera.asked_again == nina.stats.nacks
    assert slot(house, "guest", 4).packets + 3 > camera.packets


async def test_repairs_on_the_way_down_are_counted_at_the_slot(house: House) -> None:
    nina, guest = [await house.join(house.person(name)) for name in ("nina", "guest")]
    await house.until(lambda: sees(guest, "nina"))
    shown = guest.stats.slots["4"]
    guest.peer.send_rtcp(rtcp.nack(guest.ssrc, shown.ssrc, [(shown.sequence - n) & 0xFFFF for n in range(5)]))
    await house.until(lambda: shown.repaired == 5)
    assert slot(house, "guest", 4).repaired == 5
    assert source(house, "nina", "camera").repaired == nina.stats.nacks == 0
