"""style.md, "Access": pages and sockets fetch through a scope, never straight from `.objects`."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APPS = ("core", "accounts", "messaging", "calls", "invites", "rooms", "waiting_areas")
# A queryset method that asks who is there, or that is given what only they could have.
SCOPES = {"visible_to", "ever_visible_to", "used_by", "administered_by", "remembered", "of_ticket", "of_link", "beside"}
SCOPES |= {"watched_by"}
SCOPES |= {"of_development", "none"}  # nothing is there outside it, and nothing at all
# What was fetched through a scope before: rows that belong to it are in scope, too.
FETCHED = {"room", "call", "seat", "area", "caller"}
FETCHED |= {"inviter"}
# The door that a page out of its call leads back to: it shows a stranger nothing of the room (rooms.entrance).
EXEMPT = {("rooms/entrance.py", "MeetingRoom.objects.standing().filter(pk=room_id).first()")}
# Whoever the socket belongs to, asked again whether they may still sign in.
EXEMPT |= {
    ("waiting_areas/staff_consumer.py", "User.objects.filter(pk=self._user_id, is_active=True).first()"),
}
FILES = [
    path.relative_to(ROOT)
    for app in APPS
    for path in sorted((ROOT / app).rglob("*.py"))
    if path.stem in ("entrance", "door", "access") or path.stem.endswith(("views", "consumers", "consumer", "page"))
]


def unscoped(source: str) -> list[str]:
    """Each expression that starts at `.objects` and is narrowed neither by a scope nor by something fetched before."""
    tree = ast.parse(source)
    parents = {child: parent for parent in ast.walk(tree) for child in ast.iter_child_nodes(parent)}
    found = []
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Attribute) and node.attr in ("objects", "_default_manager")):
            continue
        chain: ast.AST = node
        inside = [node]
        while isinstance(parent := parents[chain], ast.Attribute | ast.Call):
            chain = parent
            inside += [chain] if isinstance(chain, ast.Attribute) else []
        if SCOPES.isdisjoint(link.attr for link in inside) and not _belongs(chain):
            found.append(ast.unparse(chain))
    return sorted(found)


def _belongs(chain: ast.AST) -> bool:
    """A filter of the chain names what was fetched: `room=room`, `open_in(room.place)`; a primary key is not enough."""
    calls = [node for node in ast.walk(chain) if isinstance(node, ast.Call)]
    values = [value for call in calls for value in call.args]
    values += [word.value for call in calls for word in call.keywords if word.arg not in ("pk", "id")]
    roots = {value.value if isinstance(value, ast.Attribute) else value for value in values}
    return any(isinstance(root, ast.Name) and root.id in FETCHED for root in roots)


@pytest.mark.parametrize("path", FILES, ids=str)
def test_nothing_is_fetched_outside_a_scope(path: Path) -> None:
    """Hazard H8."""
    found = unscoped((ROOT / path).read_text())
    assert [line for line in found if (str(path), line) not in EXEMPT] == []


def test_the_walk_finds_what_it_looks_for() -> None:
    assert {Path("rooms/views.py"), Path("waiting_areas/caller_views.py"), Path("waiting_areas/staff_consumer.py")} <= {
        *FILES
    }
    scoped = "Room.objects.visible_to(user).get(pk=1)\nSeat.objects.filter(room=room)\nget(Seat.objects.x(), room=room)"
    bare = ["Room.objects.all()", "Room.objects.get(pk=1)", "get(Room.objects, pk=room)"]
    assert unscoped("\n".join([scoped, *bare])) == sorted(bare)
