"""Simulcast with real packets: which layer of a camera each subscriber gets, over links good and bad."""

from __future__ import annotations

import pytest

from bench.description import CHROMIUM, FIREFOX, Dialect
from bench.network import Network
from bench.participant import Participant, source_id
from tests.calls.relay.house import FIRST_VIDEO, House

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
