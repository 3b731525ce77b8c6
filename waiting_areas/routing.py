from __future__ import annotations

from channels.auth import AuthMiddlewareStack
from channels.sessions import SessionMiddlewareStack
from django.urls import path

from waiting_areas.consumers import CallerConsumer
from waiting_areas.staff_consumer import StaffConsumer

websocket_urlpatterns = [
    path("ws/waiting/<uuid:caller_id>/", SessionMiddlewareStack(CallerConsumer.as_asgi())),
    path("ws/waiting-areas/", AuthMiddlewareStack(StaffConsumer.as_asgi())),
]
