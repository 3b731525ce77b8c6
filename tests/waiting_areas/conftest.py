"""The house of sockets, as calls are tested in it."""

from __future__ import annotations

from tests.calls.conftest import fresh_channel_layer, house

__all__ = ["fresh_channel_layer", "house"]
