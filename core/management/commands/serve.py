from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from core.background import Process, tasks_of
from core.checks import require_shared_channel_layer
from core.serving import serve_pages


class Command(BaseCommand):
    help = "Serve Anteroom: pages, sockets, and in the same process the relay and the worker."
    requires_migrations_checks = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--web", action="store_true", help="Pages and sockets only; relay and worker run elsewhere."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["web"]:
            require_shared_channel_layer("serve --web")
        processes = [Process.WEB] if options["web"] else list(Process)
        self.stdout.write(f"Anteroom is at {settings.PUBLIC_URL} (stop with Ctrl-C)")
        serve_pages(
            application=settings.ASGI_APPLICATION,
            port=settings.PORT,
            https=settings.HTTPS,
            data_dir=settings.DATA_DIR,
            tasks=tasks_of(processes),
        )
