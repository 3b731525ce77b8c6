"""The house of sockets, as calls are tested in it; and a relay that answers services."""

from __future__ import annotations

import pytest
from django.db import transaction

from calls import events as call_events
from core.errors import DomainError
from tests.calls.conftest import fresh_channel_layer, house

__all__ = ["fresh_channel_layer", "house"]


@pytest.fixture
def relay(monkeypatch: pytest.MonkeyPatch) -> list[call_events.Message]:
    """What was asked of it. It keeps every seat."""
    asked: list[call_events.Message] = []

    async def answer(node: str, message: call_events.Message) -> call_events.Message:
        asked.append(message)
        return call_events.seat_reserved()

    monkeypatch.setattr(call_events, "ask_node", answer)
    return asked


@pytest.fixture
def relay_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """No order reaches it, for Redis is away (hazard H22). Orders go out on commit."""

    def order(node: str, message: call_events.Message) -> None:
        def say() -> None:
            raise DomainError("unavailable", "Not now.")

        transaction.on_commit(say)

    monkeypatch.setattr(call_events, "order_node", order)
