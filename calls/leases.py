"""Leases: how the house knows which relay nodes are alive (docs/architecture.md, "Processes").

A node renews its lease each 0.5 s for 2 s, by the database's clock, so that no two hosts' clocks are ever compared.
One watcher in each web process looks each second and declares dead whoever it saw expired twice running: after an
outage of the database itself a node renews between the two looks, and its calls go on (hazard H22).
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from asgiref.sync import ThreadSensitiveContext
from channels.db import database_sync_to_async
from django.db import DatabaseError
from django.db.models.functions import Now
from django.utils import timezone

from calls.models import RelayLease
from calls.services import lose_node
from core.background import until

LEASE = timedelta(seconds=2)
RENEWED_EACH = 0.5  # seconds
WATCHED_EACH = 1.0  # seconds

logger = logging.getLogger(__name__)


def take(node: str) -> None:
    RelayLease.objects.create(node=node, expires_at=Now() + LEASE)


def renew(node: str, *, live: int, draining: bool) -> bool:
    """False when the lease is gone: this node was declared dead, and its calls are others' now."""
    renewed = RelayLease.objects.filter(node=node).update(expires_at=Now() + LEASE, live=live, draining=draining)
    return bool(renewed)


def look(suspects: frozenset[str]) -> frozenset[str]:
    """One look of a watcher: those expired now. Those among them who were expired the last time are declared dead."""
    expired = frozenset(RelayLease.objects.expired().values_list("node", flat=True))
    for node in sorted(expired & suspects):
        if lose_node(node=node, now=timezone.now()):
            logger.warning("Relay %s is lost; its calls are told to rejoin.", node)
    return expired - suspects


async def watch(stop: asyncio.Event) -> None:
    """Run in each web process until `stop`. A look that fails forgets the suspects."""
    suspects: frozenset[str] = frozenset()
    async with ThreadSensitiveContext():
        while not await until(stop, WATCHED_EACH):
            try:
                suspects = await database_sync_to_async(look)(suspects)
            except DatabaseError:
                suspects = frozenset()
