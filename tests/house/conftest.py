from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from tests.e2e.house import House


@pytest.fixture
def house() -> Iterator[House]:
    """A house of the test's own: some kill it, and a rerun begins anew."""
    house = House()
    yield house
    house.stop()


@pytest_asyncio.fixture
async def doors() -> AsyncIterator[AsyncExitStack]:
    """What is pushed into it is closed at the end."""
    async with AsyncExitStack() as doors:
        yield doors
