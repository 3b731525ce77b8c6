"""A worker of the outbox in a process of its own, for tests that kill it: python -m tests.messaging.worker_process.

With an argument it kills itself (SIGKILL) at that point of its first message: "claimed" (before anything is sent),
"taken" (the provider has it, and said so), "settled" (what came of it is in a transaction that never commits).
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import django

POINTS = ("claimed", "taken", "settled")


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    django.setup()
    from messaging import events, worker

    point = sys.argv[1] if len(sys.argv) > 1 else None
    if point is None:
        asyncio.run(worker.run(asyncio.Event()))
    original = worker.deliver
    if point == "claimed":
        worker.deliver = die
    elif point == "taken":
        worker.deliver = lambda message: die(original(message))
    elif point == "settled":
        tell = events.tell_changed
        events.tell_changed = lambda message: die() if message.status == "sent" else tell(message)
    worker.work_through()


if __name__ == "__main__":
    main()
