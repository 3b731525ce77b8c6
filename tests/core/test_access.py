"""style.md, "Access": pages and sockets fetch through a scope, never straight from `.objects`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APPS = ("core", "accounts", "calls", "rooms")
SCOPES = {"visible_to", "used_by", "administered_by", "remembered", "of_ticket", "beside"}
FILES = [
    path.relative_to(ROOT)
    for app in APPS
    for path in sorted((ROOT / app).rglob("*.py"))
    if path.stem in ("views", "consumers", "entrance", "access")
]


def unscoped(source: str) -> Iterator[int]:
    """Line numbers of each `.objects` that is not at once narrowed by a scope."""
    tree = ast.parse(source)
    narrowed = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in SCOPES and isinstance(node.value, ast.Attribute)
    }
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and node.attr in ("objects", "_default_manager")
            and id(node) not in narrowed
        ):
            yield node.lineno


@pytest.mark.parametrize("path", FILES, ids=str)
def test_nothing_is_fetched_outside_a_scope(path: Path) -> None:
    """Hazard H8."""
    assert list(unscoped((ROOT / path).read_text())) == []


def test_the_walk_finds_what_it_looks_for() -> None:
    assert len(FILES) >= 4
    assert list(unscoped("Room.objects.visible_to(user)\nRoom.objects.get(pk=1)\nx = Room.objects")) == [2, 3]
