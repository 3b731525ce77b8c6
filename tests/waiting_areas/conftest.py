"""The house of sockets, as calls are tested in it; and a relay that answers services."""

from __future__ import annotations

import pytest

from calls import events as call_events
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
