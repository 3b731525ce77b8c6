"""Properties are judged by what they find, not by how busy the machine is."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from hypothesis import settings

from tests.calls.relay.house import House

settings.register_profile("relay", deadline=None)
settings.load_profile("relay")


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with House() as made:
        yield made
