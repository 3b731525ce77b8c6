"""The channel layer on Redis, with a Redis that loses cancellations: what redis-py does now and then, each time."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from core.channel_layer import SharedRedisChannelLayer

STOPPED_WITHIN = 1.0  # seconds


class DeafRedis:
    """Has no message. Whoever is cancelled in a command is answered, and hears nothing of it."""

    def __init__(self) -> None:
        self.is_asked = asyncio.Event()

    async def eval(self, *args: object) -> None:
        """What came back from the backup: nothing."""

    async def bzpopmin(self, channel: str, timeout: float) -> None:  # noqa: ASYNC109 - Redis's own word
        self.is_asked.set()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(timeout)


class Layer(SharedRedisChannelLayer):
    def __init__(self) -> None:
        super().__init__(hosts=["redis://nowhere.invalid"])
        self.redis = DeafRedis()

    def connection(self, index: int) -> Any:
        return self.redis


@pytest.fixture
def layer() -> Layer:
    layer = Layer()
    layer.brpop_timeout = 0.02
    return layer


@pytest.mark.parametrize("is_socket", [True, False], ids=["socket", "worker"])
async def test_a_read_whose_cancellation_was_lost_on_the_way_stops_all_the_same(layer: Layer, is_socket: bool) -> None:
    """Or the process never stops: it waits for its tasks."""
    reading = asyncio.create_task(layer.receive(await layer.new_channel() if is_socket else "relay.node"))
    await asyncio.wait_for(layer.redis.is_asked.wait(), STOPPED_WITHIN)
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    _done, pending = await asyncio.wait(tasks, timeout=STOPPED_WITHIN)
    assert not pending
    assert reading.cancelled()
