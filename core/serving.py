"""How a process of the house lives: one uvloop, the background tasks on it, an orderly end at SIGINT or SIGTERM.

Pages are served by Daphne, which knows no lifespan: its reactor is put on the uvloop, and the tasks start on that
same loop when it runs. Not in threads: the in-memory channel layer wakes nobody across loops.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Iterable
from pathlib import Path

import uvloop
from django.core.handlers.asgi import ASGIHandler
from django.core.management.base import CommandError
from django.utils.module_loading import import_string

from core.background import Task, run_all
from core.certificate import self_signed
from core.logs import log_action

MAX_SOCKET_MESSAGE = 128 * 1024  # bytes: what is over 64 KiB is told so by the consumer, what is over this is cut off
SIGNALS = (signal.SIGINT, signal.SIGTERM)

logger = logging.getLogger(__name__)


def run_tasks(tasks: Iterable[Task]) -> None:
    """A process without pages: its tasks until a signal."""

    async def main() -> None:
        stop = asyncio.Event()
        _on_signal(stop.set)
        await run_all(tasks, stop)

    uvloop.run(main())


def serve_pages(*, application: str, port: int, https: bool, data_dir: Path, tasks: Iterable[Task]) -> None:
    """Pages and sockets on `port` of every IPv4 address, with the tasks beside them, until a signal.

    Raises CommandError when the port is taken.
    """
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    logging.getLogger("daphne").setLevel(logging.WARNING)
    from daphne.server import Server  # makes its reactor's loop when imported: after the policy
    from twisted.internet import reactor

    app: ASGIHandler = import_string(application)

    async def live() -> None:
        stop = asyncio.Event()
        _on_signal(stop.set)
        try:
            await run_all(tasks, stop)
            await stop.wait()
        finally:
            server.stop()

    living: list[asyncio.Task[None]] = []
    server = Server(
        application=app,
        endpoints=[_endpoint(port, https, data_dir)],
        signal_handlers=False,
        action_logger=log_action,
        websocket_max_message_size=MAX_SOCKET_MESSAGE,
        websocket_max_frame_size=MAX_SOCKET_MESSAGE,
        server_name="anteroom",
        ready_callable=lambda: living.append(reactor._asyncioEventloop.create_task(live())),
    )
    server.run()
    if server.abort_start:
        raise CommandError(f"Port {port} is taken: choose another with PORT=.")
    living[0].result()


def _endpoint(port: int, https: bool, data_dir: Path) -> str:
    """In Twisted's words (twisted.internet.endpoints.serverFromString)."""
    if not https:
        return f"tcp:port={port}:interface=0.0.0.0"
    key, certificate = (str(path).replace(":", r"\:") for path in self_signed(data_dir))
    return f"ssl:port={port}:interface=0.0.0.0:privateKey={key}:certKey={certificate}"


def _on_signal(stop: Callable[[], None]) -> None:
    """The first signal asks, so that leases go and legs say goodbye; the second does not wait."""
    loop = asyncio.get_running_loop()

    def ask() -> None:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
        stop()

    for number in SIGNALS:
        loop.add_signal_handler(number, ask)
