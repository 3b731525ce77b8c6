"""Two engines in one call: what one browser offers the other one understands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import PICTURES, Invite
from tests.e2e.firefox import FirefoxGuest, find_firefox
from tests.e2e.house import Room
from tests.e2e.test_meeting import member_enters

pytestmark = pytest.mark.long


@pytest.fixture
def firefox_guest(request: pytest.FixtureRequest) -> Iterator[FirefoxGuest]:
    path = find_firefox()
    if path is None:
        pytest.fail("No Firefox: see tests/ensure-browsers.sh")
    guest = FirefoxGuest("Fergus", path)
    yield guest
    if getattr(request.node, "failed", False):
        PICTURES.mkdir(exist_ok=True)
        guest.keeps_picture(PICTURES / f"{request.node.name}-{guest.name}.png")
    guest.goes_away()


def test_member_in_chromium_and_guest_in_firefox_see_and_hear_each_other(
    invite: Invite, room: Room, firefox_guest: FirefoxGuest
) -> None:
    ada = member_enters(invite, room)
    firefox_guest.joins_by(room.link)
    print(f"\nChromium meets {firefox_guest.engine()}")

    ada.sees_moving("Fergus")
    firefox_guest.sees_moving("Ada")
    ada.hears(1)
    firefox_guest.hears(1)

    # Somebody else takes a place: the source behind a slot changes, and for Firefox its numbers do not.
    bo = invite("Bo")
    bo.joins_by(room.link)
    firefox_guest.sees_moving("Bo")
    bo.sees_moving("Fergus")
    bo.leaves()
    cleo = invite("Cleo")
    cleo.joins_by(room.link)
    firefox_guest.sees_moving("Cleo")
    firefox_guest.sees_moving("Ada")
    firefox_guest.hears(2)
    cleo.sees_moving("Fergus")
    cleo.hears(2)
