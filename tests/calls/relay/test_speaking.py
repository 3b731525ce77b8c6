"""Who is told to be speaking in a call, by real packets (tests/calls/relay/test_speaker.py has the rules)."""

from __future__ import annotations

import asyncio

import pytest

from calls.relay.terms import Media, Speaking
from tests.calls.relay.house import CALL, House

pytestmark = pytest.mark.media


def speaking(house: House) -> tuple[str, ...] | None:
    """As last told."""
    last = None
    for event in house.events:
        if isinstance(event, Speaking):
            last = event.participant_ids
    return last


async def test_people_who_speak_are_told_and_a_muted_one_never(house: House) -> None:
    for name in ("nina", "ann"):
        await house.join(house.person(name))
    await house.until(lambda: set(speaking(house) or ()) == {"nina", "ann"}, 3.0)
    house.node.set_media(CALL, "ann", Media(microphone=False, camera=True))
    await house.until(lambda: speaking(house) == ("nina",), 2.0)
    told = len(house.events)
    await asyncio.sleep(0.8)
    assert not any(isinstance(event, Speaking) for event in house.events[told:])


async def test_nobody_is_told_of_a_guest_whom_nobody_may_hear(house: House) -> None:
    """Rule C3."""
    for name in ("ann", "ben"):
        await house.join(house.person(name))
    await asyncio.sleep(1.2)
    assert speaking(house) is None
    nina = await house.join(house.person("nina"))
    await house.until(lambda: set(speaking(house) or ()) == {"nina", "ann", "ben"}, 3.0)
    await nina.close()
    house.skipped += 20.5
    await house.until(lambda: speaking(house) == (), 3.0)


async def test_somebody_who_leaves_while_speaking_speaks_no_more(house: House) -> None:
    for name in ("nina", "ann"):
        await house.join(house.person(name))
    await house.until(lambda: "ann" in (speaking(house) or ()), 3.0)
    house.node.leave(CALL, "ann", 1)
    await house.until(lambda: speaking(house) == ("nina",), 2.0)
