"""What runs beside the pages: tasks of each app, started by `manage.py serve`, `relay` and `worker`.

An app registers its tasks in `AppConfig.ready()`, so that nothing here knows them (the floors of docs/architecture.md).
A task is a coroutine function that returns soon after `stop` is set; one that fails is logged and started again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from asgiref.sync import ThreadSensitiveContext
from channels.db import database_sync_to_async
from django.db import DatabaseError

RESTARTED_AFTER = 1.0  # seconds

logger = logging.getLogger(__name__)


class Process(StrEnum):
    WEB = "web"
    RELAY = "relay"
    WORKER = "worker"


@dataclass(frozen=True, slots=True)
class Task:
    name: str
    process: Process
    run: Callable[[asyncio.Event], Awaitable[None]]


_tasks: dict[str, Task] = {}


def register(task: Task) -> None:
    _tasks[task.name] = task


def tasks_of(processes: Iterable[Process]) -> list[Task]:
    wanted = set(processes)
    return [task for task in _tasks.values() if task.process in wanted]


def register_job(name: str, job: Callable[[], object], *, each: float) -> None:
    """A synchronous job of the worker, every `each` seconds; a failure waits for the next turn."""

    async def run(stop: asyncio.Event) -> None:
        async with ThreadSensitiveContext():
            while not await until(stop, each):
                try:
                    await database_sync_to_async(job)()
                except DatabaseError:
                    logger.warning("Job %s: the database is away.", name)

    register(Task(name, Process.WORKER, run))


async def until(stop: asyncio.Event, seconds: float) -> bool:
    """Wait for `stop`, at most so long. True when it is set."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
    return stop.is_set()


async def run_all(tasks: Iterable[Task], stop: asyncio.Event) -> None:
    """Run the tasks until `stop` is set and each has finished."""
    async with asyncio.TaskGroup() as group:
        for task in tasks:
            group.create_task(_keep_running(task, stop), name=task.name)


async def _keep_running(task: Task, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await task.run(stop)
        except Exception:
            logger.exception("%s failed; starting it again.", task.name)
        await until(stop, RESTARTED_AFTER)
