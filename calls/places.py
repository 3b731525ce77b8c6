"""The one registry by which the call engine asks about a place (docs/architecture.md).

A place is an opaque string, "<prefix>:<uuid>". Each app that has calls registers a PlaceKind in its
`AppConfig.ready()`; the callbacks run in the engine's transaction. The invite engine asks by the same registry.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from calls.relay.terms import GoneReason, Policy

if TYPE_CHECKING:
    from accounts.models import Organisation
    from calls.models import Call, Seat


class Act(StrEnum):
    """What somebody may want to do in a place."""

    ENTER = "enter"  # take or keep a seat
    END = "end"  # "End call for all"
    REMOVE = "remove"  # a participant
    SEE = "see"  # who is in
    INVITE = "invite"  # somebody by a personal link


@dataclass(frozen=True, slots=True)
class Invitations:
    """What the invite engine asks about a kind of place to which people are invited by personal links (rule R4)."""

    shared_link: Callable[[str], str] | None = None  # what Copy link copies; None: a personal link, made for it
    advice_template: str = ""  # a fragment of the panel's
    gone_reason: str = "place_gone"  # a code of DeadInvite, once the place stands no more
    only_in_call: bool = False  # nobody is invited before there is a call
    message_template: str = "invites/invitation"  # …_subject.txt, …_message.txt, …_message.html, …_sms.txt


@dataclass(frozen=True, slots=True)
class PlaceKind:
    prefix: str
    template: str  # extends calls/call.html
    policy: Callable[[str], Policy]
    may: Callable[[str, str, Act], bool]  # place, identity, act
    title: Callable[[str], str]
    organisation: Callable[[str], Organisation]
    door: Callable[[str, str], str]  # place, identity: where "Join again" leads
    on_end: Callable[[Call], None]  # of the place, or to which somebody was brought from it
    # Somebody in such a call has come (None), or gone, and why: their seat.
    on_stay: Callable[[Seat, GoneReason | None], None] = lambda seat, reason: None
    stands: Callable[[str], bool] = lambda place: True  # the place is still there
    # The same, and it stays until the transaction ends, for whoever is being let in.
    hold: Callable[[str], bool] = lambda place: True
    invitations: Invitations | None = None  # None: nobody is invited here
    guests_return: bool = False  # to their doors, when the call has ended: there it goes on, or they read how it ended


_kinds: dict[str, PlaceKind] = {}
_revokers: list[Callable[[Call, str], None]] = []


def register(kind: PlaceKind) -> None:
    _kinds[kind.prefix] = kind


def kind_of(place: str) -> PlaceKind:
    """Raises KeyError for a place of no registered kind."""
    return _kinds[place.partition(":")[0]]


def register_revoker(revoke: Callable[[Call, str], None]) -> None:
    """`revoke` takes back the ways into a call that were made for it, when an identity ends it for all (rule C9)."""
    _revokers.append(revoke)


def revoke_ways_in(call: Call, by: str) -> None:
    for revoke in _revokers:
        revoke(call, by)
