"""The ASGI application: pages by Django, the sockets of calls and of waiting callers by Channels."""

from __future__ import annotations

import os
from typing import Any

from asgiref.sync import ThreadSensitiveContext
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import WebsocketDenier
from django.core.asgi import get_asgi_application
from django.urls import re_path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
_pages = get_asgi_application()

from calls.routing import websocket_urlpatterns as _of_calls  # noqa: E402  # once the apps are loaded
from waiting_areas.routing import websocket_urlpatterns as _of_callers  # noqa: E402

_sockets = URLRouter([*_of_calls, *_of_callers, re_path("", WebsocketDenier.as_asgi())])


async def _serve_socket(scope: Any, receive: Any, send: Any) -> None:
    """A thread of its own for each socket's queries, as Django has one for each request.

    Otherwise all sockets of a process share one, and a frame waits behind another socket's query.
    """
    async with ThreadSensitiveContext():
        await _sockets(scope, receive, send)


application = ProtocolTypeRouter({"http": _pages, "websocket": _serve_socket})
