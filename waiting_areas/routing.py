from __future__ import annotations

from channels.sessions import SessionMiddlewareStack
from django.urls import path

from waiting_areas.consumers import CallerConsumer

websocket_urlpatterns = [
    path("ws/waiting/<uuid:caller_id>/", SessionMiddlewareStack(CallerConsumer.as_asgi())),
]
