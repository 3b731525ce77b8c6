"""What may stand in an address."""

from __future__ import annotations


class HexColour:
    """Six hexadecimal digits, as after the "#"."""

    regex = "[0-9a-fA-F]{6}"

    def to_python(self, value: str) -> str:
        return value.lower()

    def to_url(self, value: str) -> str:
        return value.lower()
