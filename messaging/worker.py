"""The worker of the outbox: claims what is due, hands it to the adapters, settles what came of it.

The network is waited for in threads of its own, the database in the process's one thread for it, and neither on the
event loop: in `manage.py serve` that loop also carries calls.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from asgiref.sync import ThreadSensitiveContext
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.db import DatabaseError, InterfaceError, OperationalError
from django.utils import timezone
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from messaging import events, services
from messaging.delivery import Outgoing, Receipt, adapter_for
from messaging.errors import DeliveryError
from messaging.models import Message

AT_ONCE = 8  # tries on their way in one process
LOOK_EACH = 2.0  # seconds: for tries whose time has come, and where no wake-up arrived
RENEW_EACH = services.LEASE.total_seconds() / 3
AGAIN_AFTER = 1.0  # seconds, while the database or Redis is away
FINISH_WITHIN = 10.0  # seconds, when the process is asked to stop

logger = logging.getLogger(__name__)


async def run(stop: asyncio.Event) -> None:
    """The task of core.background: until `stop`, and what is on its way then."""
    await Worker().run(stop)


class Worker:
    def __init__(self, *, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="outbox")
        self._carrying: dict[asyncio.Task[None], UUID | None] = {}  # each try, and the claim it is made under
        self._look = asyncio.Event()  # something may be due, or a place is free

    async def run(self, stop: asyncio.Event) -> None:
        async with ThreadSensitiveContext():
            beside = [asyncio.create_task(self._listen()), asyncio.create_task(self._renew())]
            try:
                while not stop.is_set():
                    self._look.clear()
                    if not await self._start_due():
                        await self._wait(stop)
            finally:
                if self._carrying:
                    await asyncio.wait(self._carrying, timeout=FINISH_WITHIN)
                for task in beside:
                    task.cancel()
                await asyncio.gather(*beside, return_exceptions=True)
                self._pool.shutdown(wait=False)

    async def _start_due(self) -> bool:
        """Whether anything was due, and there was a place for it."""
        free = self._at_once - len(self._carrying)
        if not free:
            return False
        try:
            claimed = await database_sync_to_async(services.claim_due)(most=free, now=timezone.now())
        except DatabaseError:
            return False
        for message in claimed:
            task = asyncio.create_task(self._carry(message))
            self._carrying[task] = message.claim
            task.add_done_callback(self._carried)
        return bool(claimed)

    def _carried(self, task: asyncio.Task[None]) -> None:
        del self._carrying[task]
        self._look.set()
        if not task.cancelled() and (error := task.exception()):
            logger.error("What came of a message could not be stored: %s.", type(error).__name__)

    async def _carry(self, message: Message) -> None:
        outcome = await asyncio.get_running_loop().run_in_executor(self._pool, deliver, message)
        # What came of it is known here alone: it outlasts an absent database.
        while True:
            try:
                await database_sync_to_async(settle)(message, outcome, timezone.now())
            except (OperationalError, InterfaceError):
                await asyncio.sleep(AGAIN_AFTER)
            else:
                return

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_EACH)
            if claims := set(self._carrying.values()):
                with suppress(DatabaseError):
                    await database_sync_to_async(services.renew_claims)(claims=claims, now=timezone.now())

    async def _listen(self) -> None:
        """Wake-ups, by the channel layer. While it is away the next look comes all the same."""
        layer = get_channel_layer()
        channel = await layer.new_channel()
        try:
            while True:
                try:
                    await layer.group_add(events.WORKERS, channel)
                    while True:
                        await layer.receive(channel)
                        self._look.set()
                except (OSError, RedisError):
                    await asyncio.sleep(AGAIN_AFTER)
        finally:
            if forget := getattr(layer, "forget", None):  # core.channel_layer
                forget(channel)

    async def _wait(self, stop: asyncio.Event) -> None:
        either = [asyncio.create_task(event.wait()) for event in (stop, self._look)]
        await asyncio.wait(either, timeout=LOOK_EACH, return_when=asyncio.FIRST_COMPLETED)
        for task in either:
            task.cancel()


def deliver(message: Message) -> Receipt | DeliveryError:
    """One try, over the network: never inside a transaction."""
    adapter, outgoing = adapter_for(message.kind), Outgoing.of(message)
    try:
        found = adapter.find(outgoing, since=message.created_at) if message.in_doubt else None
        return found or adapter.deliver(outgoing)
    except DeliveryError as error:
        return error
    except Exception as error:
        # The edge. Without the error's own words, which may name the recipient (hazard H23).
        where = "".join(traceback.format_tb(error.__traceback__))
        logger.error("%s failed with %s.\n%s", message, type(error).__name__, where)
        return DeliveryError(_("something went wrong on our side"), permanent=False, in_doubt=True)


def settle(message: Message, outcome: Receipt | DeliveryError, now: datetime) -> None:
    if isinstance(outcome, Receipt):
        services.settle_sent(message=message, receipt=outcome, now=now)
    else:
        services.settle_failed(message=message, error=outcome, now=now)


def work_through(*, now: datetime | None = None, most: int = 100) -> int:
    """Everything that is due, one after another; how many were tried. For whoever has no event loop."""
    claimed = services.claim_due(most=most, now=now or timezone.now())
    for message in claimed:
        settle(message, deliver(message), now or timezone.now())
    return len(claimed)
