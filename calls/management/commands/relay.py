from __future__ import annotations

from argparse import ArgumentParser
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand

from calls import relay_worker
from core.background import Process, Task
from core.checks import require_shared_channel_layer
from core.serving import run_tasks


class Command(BaseCommand):
    help = "Run one media relay alone: one for each core or host, each with a RELAY_PORT of its own on that host."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--drain", type=float, default=600.0, metavar="SECONDS", help="How long calls may go on after SIGTERM."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        require_shared_channel_layer("relay")
        run = partial(relay_worker.run, drain=options["drain"])
        run_tasks([Task("relay", Process.RELAY, run)])
