"""The one registry by which the call engine asks about a place (docs/architecture.md).

A place is an opaque string, "<prefix>:<uuid>". Each app that has calls registers a PlaceKind in its
`AppConfig.ready()`; the callbacks run in the engine's transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from calls.relay.terms import Policy

if TYPE_CHECKING:
    from accounts.models import Organisation
    from calls.models import Call


class Act(StrEnum):
    """What somebody may want to do in a place."""

    ENTER = "enter"  # take or keep a seat
    END = "end"  # "End call for all"
    REMOVE = "remove"  # a participant
    SEE = "see"  # who is in


@dataclass(frozen=True, slots=True)
class PlaceKind:
    prefix: str
    template: str  # extends calls/call.html
    policy: Callable[[str], Policy]
    may: Callable[[str, str, Act], bool]  # place, identity, act
    title: Callable[[str], str]
    organisation: Callable[[str], Organisation]
    door: Callable[[str, str], str]  # place, identity: where "Join again" leads
    on_end: Callable[[Call], None]


_kinds: dict[str, PlaceKind] = {}


def register(kind: PlaceKind) -> None:
    _kinds[kind.prefix] = kind


def kind_of(place: str) -> PlaceKind:
    """Raises KeyError for a place of no registered kind."""
    return _kinds[place.partition(":")[0]]
