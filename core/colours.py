"""Colour arithmetic (WCAG 2.2, relative luminance)."""

from __future__ import annotations

_BLACK, _WHITE = "000000", "ffffff"


def luminance(colour: str) -> float:
    """Relative luminance, 0 to 1, of six hexadecimal digits in sRGB."""
    channels = [byte / 255 for byte in bytes.fromhex(colour)]
    red, green, blue = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """1 (the same) to 21 (black on white)."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def text_on(colour: str) -> str:
    """Black or white, whichever reads better on the colour: never below 4.5, so AA whatever an organisation picks."""
    return max((_WHITE, _BLACK), key=lambda text: contrast(text, colour))
