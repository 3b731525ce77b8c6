"""Simulcast with real packets: which layer of a camera each subscriber gets, over links good and bad."""

from __future__ import annotations

import asyncio
from math import inf

import pytest

from bench.description import CHROMIUM, FIREFOX, Dialect
from bench.estimate import Estimate
from bench.network import Network
from bench.participant import Participant, source_id
from calls.relay.terms import Media, Quality, Refusal
from tests.calls.relay.house import CALL, FIRST_VIDEO, House, in_computed_time

pytestmark = pytest.mark.media


def layer_of(person: Participant, other: str, slot: str = FIRST_VIDEO) -> str | None:
    """The layer of that person's camera that arrives there now."""
    shown = person.stats.slots[slot].source
    return next((rid for rid in "lh" if shown == source_id(other, "1", rid)), None)


@pytest.mark.parametrize("dialects", [(CHROMIUM, FIREFOX), (FIREFOX, CHROMIUM)])
async def test_good_link_gets_the_large_layer_and_every_packet_of_it(
    house: House, dialects: tuple[Dialect, Dialect]
) -> None:
    await house.join(house.person("nina", dialect=dialects[0], simulcast=True))
    guest = await house.join(house.person("guest", dialect=dialects[1]))
    await house.until(lambda: layer_of(guest, "nina") == "h")
    shown = guest.stats.slots[FIRST_VIDEO]
    received = shown.received
    await house.until(lambda: shown.received > received + 150)
    assert (shown.lost, shown.gaps, shown.blind_switches) == (0, 0, 0)
    assert guest.stats.unknown == 0


async def test_viewer_who_comes_later_is_shown_the_large_layer_with_at_most_one_change(house: House) -> None:
    nina = await house.join(house.person("nina", simulcast=True))
    await nina.until(lambda stats: len(stats.reports) == 3, 3.0)  # sound and both layers arrive
    guest = await house.join(house.person("guest"))
    await house.until(lambda: layer_of(guest, "nina") == "h")
    assert guest.stats.slots[FIRST_VIDEO].switches <= 1


async def test_large_layer_that_stops_leaves_the_small_one(house: House) -> None:
    """A publisher's own link became too weak: its browser sends the small layer only."""
    nina = await house.join(house.person("nina", simulcast=True))
    guest = await house.join(house.person("guest"))
    await house.until(lambda: layer_of(guest, "nina") == "h")
    nina.stop(nina.camera)
    await house.until(lambda: layer_of(guest, "nina") == "l")
    received = guest.stats.slots[FIRST_VIDEO].received
    await house.until(lambda: guest.stats.slots[FIRST_VIDEO].received > received + 30)
    assert guest.stats.slots[FIRST_VIDEO].blind_switches == 0
    nina.start(nina.camera)
    await house.until(lambda: layer_of(guest, "nina") == "h")


async def test_lost_packets_of_either_layer_are_repaired(house: House) -> None:
    """Retransmissions name the layer they repair (RFC 8852 §3.2)."""
    nina = await house.join(house.person("nina", uplink=Network(3, loss=0.05), simulcast=True))
    guest = await house.join(house.person("guest"))
    await house.until(lambda: layer_of(guest, "nina") == "h")
    await house.until(lambda: nina.stats.nacks > 20)
    await house.until(lambda: guest.stats.slots[FIRST_VIDEO].late > 10)


# One weak link of four


OTHERS = ("nina", "ann", "ben")
SEATS = ("4", "6", "8")
VOICES = ("3", "5", "7")


class Meeting:
    """Four people with cameras in two layers, the last of them, weak, behind `link`; browsers' estimates for her."""

    def __init__(self, house: House, link: Network) -> None:
        self.house, self.link = house, link
        self.people: list[Participant] = []

    async def gather(self) -> None:
        for name in OTHERS:
            self.people.append(await self.house.join(self.house.person(name, simulcast=True)))
        self.weak = await self.house.join(self.house.person("weak", simulcast=True, estimate=Estimate()))
        self.weak.peer.downlink = self.link
        await self.house.until(lambda: self.layers(self.weak) == ["h"] * 3, 10.0)
        await self.house.until(lambda: all(self.layers(person).count("h") == 3 for person in self.people))
        await asyncio.sleep(5.0)  # her estimate begins low, and climbs

    def layers(self, person: Participant) -> list[str | None]:
        """What that person is shown of the three others now; None where the packets of the last look are the last."""
        names = [*OTHERS, "weak"]
        return [next((layer for name in names if (layer := layer_of(person, name, slot))), None) for slot in SEATS]

    async def moving(self, person: Participant, seconds: float) -> list[str | None]:
        """The layers of the pictures that went on in that time, None for those that did not."""
        before = [person.stats.slots[slot].received for slot in SEATS]
        await asyncio.sleep(seconds)
        went_on = [person.stats.slots[slot].received > seen + 5 for slot, seen in zip(SEATS, before, strict=True)]
        return [layer if is_moving else None for layer, is_moving in zip(self.layers(person), went_on, strict=True)]

    def voices(self, person: Participant) -> list[int]:
        return [person.stats.slots[slot].received for slot in VOICES]


@pytest.mark.long
@in_computed_time
async def test_one_weak_link_of_four_gets_what_it_can_carry_and_lowers_nobody_else(house: House) -> None:
    """Issue 3: 600 kb/s and 5 % loss, then 200 kb/s, then recovery within 8 s."""
    link = Network(5, loss=0.05, delay=0.02, jitter=0.01)
    meeting = Meeting(house, link)
    await meeting.gather()
    switches = [[person.stats.slots[slot].switches for slot in SEATS] for person in meeting.people]

    link.rate = 600_000
    await house.until(lambda: meeting.layers(meeting.weak) == ["l"] * 3, 6.0)
    await asyncio.sleep(2.0)  # what has queued arrives
    heard = meeting.voices(meeting.weak)
    assert await meeting.moving(meeting.weak, 8.0) == ["l"] * 3
    for before, after in zip(heard, meeting.voices(meeting.weak), strict=True):
        assert (after - before) / (8 * 50) > 0.85

    link.rate = 200_000
    await asyncio.sleep(8.0)  # and the pictures that crowd the sound are paused
    heard = meeting.voices(meeting.weak)
    moving = await meeting.moving(meeting.weak, 6.0)
    assert sum(layer is not None for layer in moving) <= 1
    paused = {name for name, layer in zip(OTHERS, moving, strict=True) if layer is None}
    assert paused <= set(house.node.quality(CALL, "weak").paused)
    for name in OTHERS:  # the truth on the other end, too
        assert (house.node.quality(CALL, name).unseen == ("weak",)) == (name in paused)
        assert house.node.quality(CALL, name).weak == ("weak",)
    for before, after in zip(heard, meeting.voices(meeting.weak), strict=True):
        assert (after - before) / (6 * 50) > 0.85

    link.rate = inf
    await house.until(lambda: meeting.layers(meeting.weak) == ["h"] * 3, 8.0)
    assert await meeting.moving(meeting.weak, 1.0) == ["h"] * 3
    assert [[person.stats.slots[slot].switches for slot in SEATS] for person in meeting.people] == switches
    await house.until(lambda: house.node.quality(CALL, "weak") == Quality(CALL, "weak"), 10.0)  # no sign that flickers


async def test_low_data_mode_is_small_pictures_and_the_shared_screen_instead_of_them(house: House) -> None:
    nina = await house.join(house.person("nina", simulcast=True))
    guest = await house.join(house.person("guest", simulcast=True))
    await house.until(lambda: layer_of(guest, "nina") == "h")
    house.node.prefer(CALL, "guest", low_data=True)
    await house.until(lambda: layer_of(guest, "nina") == "l")
    assert layer_of(nina, "guest") == "h"  # nobody else's choice
    house.node.set_media(CALL, "nina", Media(microphone=True, camera=True, screen=True))
    nina.start_media(screen=True)
    await house.until(lambda: guest.stats.slots["9"].received > 20)
    await house.until(lambda: house.node.quality(CALL, "guest").paused == ("nina",))
    assert house.node.quality(CALL, "nina").unseen == ("guest",)
    house.node.prefer(CALL, "guest", low_data=False)
    await house.until(lambda: house.node.quality(CALL, "guest") == Quality(CALL, "guest"))
    await house.until(lambda: layer_of(guest, "nina") == "h")
    with pytest.raises(Refusal):
        house.node.prefer(CALL, "nobody", low_data=True)
