"""The network check's legs, with real packets on loopback (rule C8)."""

from __future__ import annotations

import asyncio

import pytest

from bench.network import Network
from bench.participant import Participant, source_id
from calls.relay import mirror
from calls.relay.mirror import LASTS, MIRRORS, RATE
from calls.relay.terms import Refusal
from tests.calls.relay.house import House, sees

pytestmark = pytest.mark.media

SCREEN = "9"


async def looks(house: House, person: Participant) -> Participant:
    await person.answer(house.node.mirror(await person.offer()).sdp)
    await person.connected(5)
    person.start_media(microphone=False, camera=False, screen=True)
    return person


async def test_who_looks_gets_back_what_they_send_and_is_told_of_each_way(house: House) -> None:
    guest = await looks(house, house.person("guest"))
    await house.until(lambda: guest.stats.slots[SCREEN].received > 50)
    slot = guest.stats.slots[SCREEN]
    assert (slot.source, slot.lost) == (source_id("guest", "2"), 0)
    await guest.until(lambda stats: guest.screen.ssrc in stats.reports and stats.remb is not None, 3.0)
    assert guest.stats.reports[guest.screen.ssrc] == (0, 0)
    assert guest.stats.remb == pytest.approx(RATE, rel=0.01)


async def test_loss_on_the_way_up_is_reported_as_such(house: House) -> None:
    guest = await looks(house, house.person("guest", uplink=Network(seed=1, loss=0.2)))
    await guest.until(lambda stats: stats.reports.get(guest.screen.ssrc, (0, 0))[1] > 5, 5.0)


async def test_it_is_in_no_call_and_no_call_notices(house: House) -> None:
    nina = await house.join(house.person("nina"))
    guest = await looks(house, house.person("guest"))
    ann = await house.join(house.person("ann"))
    await house.until(lambda: sees(nina, "ann") and sees(ann, "nina"))
    await house.until(lambda: guest.stats.slots[SCREEN].received > 20)
    assert nina.stats.slots[SCREEN].received == ann.stats.slots[SCREEN].received == 0
    assert [guest.stats.slots[mid].received for mid in ("3", "4", "5", "6", "7", "8")] == [0] * 6
    assert [call.live for call in house.node.snapshot().calls] == [2]
    assert house.node.snapshot().legs == 2


async def test_it_ends_by_itself_whatever_its_page_does(house: House) -> None:
    guest = await looks(house, house.person("guest"))
    await house.until(lambda: guest.stats.slots[SCREEN].received > 20)
    house.skipped += LASTS
    await guest.gone(3)
    assert house.node.snapshot().mirrors == 0
    assert house.node._ports.held == 0


async def test_a_page_that_goes_away_frees_its_place_at_once(house: House) -> None:
    guest = await looks(house, house.person("guest"))
    await guest.close()
    await house.until(lambda: house.node.snapshot().mirrors == 0)


async def test_so_many_at_once_and_no_more(house: House) -> None:
    offer = await house.person("guest").offer()
    for _ in range(MIRRORS):
        house.node.mirror(offer)
    with pytest.raises(Refusal) as refused:
        house.node.mirror(offer)
    assert refused.value.code == "busy"
    house.skipped += LASTS
    await house.until(lambda: house.node.snapshot().mirrors == 0)
    house.node.mirror(offer)


async def test_what_is_no_offer_is_refused_and_takes_no_place(house: House) -> None:
    for offer in ("", "v=0", "v=0\r\n" + "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n" * 10):
        with pytest.raises(Refusal) as refused:
            house.node.mirror(offer)
        assert refused.value.code == "bad_offer"
    house.node.drain()
    with pytest.raises(Refusal) as refused:
        house.node.mirror(await house.person("guest").offer())
    assert refused.value.code == "draining"
    assert house.node.snapshot().mirrors == 0


async def test_a_flood_is_not_given_back(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hazard H15: the budget is that of what a mirror was told to send."""
    monkeypatch.setattr(mirror, "RATE", 40_000)
    guest = await looks(house, house.person("guest"))
    guest.start_media()  # a microphone and a camera as well: many times what it was told
    await asyncio.sleep(1.0)
    assert guest.stats.slots[SCREEN].received < guest.stats.sent / 4
