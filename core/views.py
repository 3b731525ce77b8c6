"""The pages that belong to no other app: the main page, colours, health."""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_safe
from redis.exceptions import RedisError

from core.colours import text_on

logger = logging.getLogger(__name__)

READY_WITHIN = 2.0  # seconds


@require_safe
@never_cache
def show_main(request: HttpRequest) -> HttpResponse:
    return render(request, "core/main.html" if request.user.is_authenticated else "core/welcome.html")


@require_safe
@cache_control(public=True, max_age=31_536_000, immutable=True)
def show_colours(request: HttpRequest, colour: str) -> HttpResponse:
    """An organisation's colour as a stylesheet: the policy allows no style attribute, and the address says it all."""
    rule = f":root {{ --organisation: #{colour}; --on-organisation: #{text_on(colour)}; }}\n"
    return HttpResponse(rule, content_type="text/css; charset=utf-8")


@require_safe
@never_cache
def show_liveness(request: HttpRequest) -> HttpResponse:
    """The process answers. Needs neither database nor Redis: their absence is no reason to restart it (hazard H22)."""
    return HttpResponse("alive\n", content_type="text/plain; charset=utf-8")


@require_safe
@never_cache
def show_readiness(request: HttpRequest) -> JsonResponse:
    """Whether new people should be sent here: 200, or 503 with what is away."""
    found = {"database": _database_answers(), "channel_layer": async_to_sync(_channel_layer_answers)()}
    status = HTTPStatus.OK if all(found.values()) else HTTPStatus.SERVICE_UNAVAILABLE
    return JsonResponse(found, status=status)


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        logger.warning("Not ready: the database is away.")
        return False
    return True


async def _channel_layer_answers() -> bool:
    try:
        async with asyncio.timeout(READY_WITHIN):
            # To a group that nobody is in: one question to Redis, and nothing stays there.
            await get_channel_layer().group_send("core.readiness", {"type": "core.readiness"})
    except (OSError, RedisError):
        logger.warning("Not ready: the channel layer is away.")
        return False
    return True
