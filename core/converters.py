"""What may stand in an address."""

from __future__ import annotations


class HexColour:
    """Six hexadecimal digits, as after the "#"."""

    regex = "[0-9a-fA-F]{6}"

    def to_python(self, value: str) -> str:
        return value.lower()

    def to_url(self, value: str) -> str:
        return value.lower()


class Place:
    """Where a call happens, "<prefix>:<uuid>" (calls.places)."""

    regex = "[a-z_]+:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value
