from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from core.background import Process, tasks_of
from core.checks import require_shared_channel_layer
from core.serving import run_tasks


class Command(BaseCommand):
    help = "Run the worker alone: emails and texts, the sweep of calls, what has expired."

    def handle(self, *args: Any, **options: Any) -> None:
        require_shared_channel_layer("worker")
        run_tasks(tasks_of([Process.WORKER]))
