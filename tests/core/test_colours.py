from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from core.colours import contrast, text_on

TOKENS = Path(settings.BASE_DIR, "static/core/tokens.css").read_text()


@given(st.integers(0, 0xFFFFFF))
def test_text_on_any_colour_reads_at_aa(number: int) -> None:
    colour = f"{number:06x}"
    assert contrast(text_on(colour), colour) >= 4.5


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("000000", "ffffff") == pytest.approx(21)
    assert contrast("767676", "ffffff") == pytest.approx(4.54, abs=0.01)


def meanings() -> dict[str, tuple[str, str]]:
    """Each colour token as its six digits in (light, dark)."""
    raw = dict(re.findall(r"--([\w-]+): #([0-9a-f]{6});", TOKENS))
    pairs = re.findall(r"--([\w-]+): light-dark\(var\(--([\w-]+)\), var\(--([\w-]+)\)\);", TOKENS)
    return {name: (raw[light], raw[dark]) for name, light, dark in pairs}


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("text", "surface"),
    [
        *[
            (text, surface)
            for text in ("text", "text-muted", "link")
            for surface in ("surface-page", "surface", "surface-raised", "surface-sunken", "surface-hover")
        ],
        ("link", "accent-quiet"),
        ("on-accent", "accent"),
        ("on-accent", "accent-hover"),
        ("on-accent", "accent-active"),
        ("on-danger", "danger"),
        ("on-danger", "danger-hover"),
        ("on-success", "success"),
        ("danger", "surface"),
        ("danger", "danger-quiet"),
        ("warning", "warning-quiet"),
        ("success", "success-quiet"),
    ],
)
def test_words_read_at_aa_in_both_themes(text: str, surface: str, theme: int) -> None:
    colours = meanings()
    assert contrast(colours[text][theme], colours[surface][theme]) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("surface", ["surface", "surface-page", "surface-raised"])
@pytest.mark.parametrize("edge", ["line-strong", "focus"])
def test_the_edges_of_controls_and_the_focus_ring_are_seen(edge: str, surface: str, theme: int) -> None:
    """WCAG 2.2, 1.4.11: 3 to 1."""
    colours = meanings()
    assert contrast(colours[edge][theme], colours[surface][theme]) >= 3
