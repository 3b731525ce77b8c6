"""The channel layer on Redis, as a process needs it whose sockets come and go.

channels_redis lets whichever socket is next read for all sockets of its process. When that one closes, its read is
cancelled, and a message that Redis has just handed out, mostly somebody else's, is lost (`_brpop_with_clean`: popped,
not yet in the backup queue). Here a read outlives its reader, and the next reader takes it over. And channels_redis
keeps for good what comes for a socket that has closed: here its consumer says so (`forget`).

And it asks Redis again and again for as long as nothing comes, whatever became of the first try: a cancellation that
was lost inside that try left a read that never ended, and a process that never stopped. redis-py loses one where it
sends by `asyncio.wait_for`, which before Python 3.12 answers with a result that came at the moment of the cancellation.
"""

from __future__ import annotations

import asyncio
from typing import Any

from channels_redis.core import RedisChannelLayer

Message = dict[str, Any]
Received = tuple[str | list[str], Message]


class SharedRedisChannelLayer(RedisChannelLayer):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reads: dict[str, asyncio.Task[Received]] = {}
        self._readers: set[str] = set()

    async def receive(self, channel: str) -> Message:
        self._readers.add(channel)
        message: Message = await super().receive(channel)
        return message

    def forget(self, channel: str) -> None:
        """Nobody reads this channel any more."""
        self._readers.discard(channel)
        self.receive_buffer.pop(channel, None)

    async def _brpop_with_clean(self, index: int, channel: str, timeout: float) -> bytes | None:  # noqa: ASYNC109
        """The next message, or None after `timeout` seconds without one: then the caller tries again."""
        message: bytes | None = await super()._brpop_with_clean(index, channel, timeout)
        task = asyncio.current_task()
        if message is None and task is not None and task.cancelling():
            raise asyncio.CancelledError
        return message

    async def receive_single(self, channel: str) -> Received:
        """Called by one reader at a time, for all of the process; by a worker for a channel of its own."""
        if not channel.endswith("!"):
            received: Received = await super().receive_single(channel)
            return received
        while True:
            read = self._reads.get(channel)
            if read is None or (read.done() and (read.cancelled() or read.exception())):
                read = self._reads[channel] = asyncio.ensure_future(super().receive_single(channel))
            await asyncio.wait([read])  # which cancels nothing when it is cancelled
            del self._reads[channel]
            names, message = read.result()
            here = [name for name in ([names] if isinstance(names, str) else names) if name in self._readers]
            if here:
                return here, message
