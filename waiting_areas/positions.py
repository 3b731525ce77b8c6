"""How many are before each caller of an area that tells them so: one read of the database for all waiting pages.

A change of such an area is news to every one of its pages at once, and each would read the same rows (a herd).
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Mapping
from uuid import UUID

from channels.db import database_sync_to_async

from waiting_areas.models import Caller

KEPT = 64  # the latest answers: for pages that are a few pieces of news behind


class Positions:
    """Of one process: the same news, the same read, which began after the news came."""

    def __init__(self) -> None:
        self._reads: dict[str, asyncio.Task[Mapping[UUID, int]]] = {}  # by news

    async def read(self, area_id: UUID, news: str) -> Mapping[UUID, int]:
        """By caller; none where the area does not tell. Raises what the database raises."""
        if news not in self._reads:
            self._reads[news] = asyncio.create_task(database_sync_to_async(read_positions)(area_id))
            for old in list(self._reads)[:-KEPT]:
                del self._reads[old]
        return await asyncio.shield(self._reads[news])  # a page that goes away takes the answer from nobody


def read_positions(area_id: UUID) -> Mapping[UUID, int]:
    """One query."""
    line = Caller.objects.in_line(area_id).filter(area__shows_position=True).values_list("pk", "arrived_at")
    callers = list(line)
    arrivals = [arrived_at for _caller, arrived_at in callers]
    return {caller: bisect_left(arrivals, arrived_at) for caller, arrived_at in callers}


positions = Positions()
