"""Calls and seats in a place kind of the tests' own, whose rights a test can set: `HALL`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import uuid4

from django.db.models.functions import Now

from accounts.models import Organisation
from calls.models import Call, RelayLease, Seat
from calls.places import Act, PlaceKind, register
from calls.relay.terms import Policy
from tests.accounts.factories import make_organisation, make_user

_numbers = count(1)
GUEST_ACTS = {Act.ENTER}


HALL_POLICY = Policy(shield_guests=False)


@dataclass
class Hall:
    """A kind of place where people with an account may do everything and anybody else may enter, unless `barred`.

    Its guests meet without a member, so that a test needs one only where it is about members.
    """

    barred: set[tuple[str, Act]] = field(default_factory=set)
    ended: list[Call] = field(default_factory=list)
    policy: Policy = HALL_POLICY

    def may(self, place: str, identity: str, act: Act) -> bool:
        return (identity, act) not in self.barred and (identity.startswith("user:") or act in GUEST_ACTS)

    @contextmanager
    def without(self, identity: str, act: Act) -> Iterator[None]:
        self.barred.add((identity, act))
        try:
            yield
        finally:
            self.barred.discard((identity, act))


HALL = Hall()
_organisations: dict[str, Any] = {}

register(
    PlaceKind(
        prefix="hall",
        template="calls/call.html",
        policy=lambda place: HALL.policy,
        may=HALL.may,
        title=lambda place: "The Hall",
        organisation=lambda place: Organisation.objects.get(pk=_organisations[place]),
        door=lambda place, identity: f"/doors/{place}/",
        on_end=HALL.ended.append,
    )
)


def make_place(organisation: Organisation | None = None) -> str:
    place = f"hall:{uuid4()}"
    _organisations[place] = (organisation or make_organisation()).pk
    return place


def make_call(**overrides: Any) -> Call:
    organisation = overrides.pop("organisation", None) or make_organisation()
    place = overrides.pop("place", None) or make_place(organisation)
    return Call.objects.create(place=place, organisation=organisation, **overrides)


def make_seat(**overrides: Any) -> Seat:
    """A guest, in a call of their own unless one is named."""
    number = next(_numbers)
    given = {"identity": f"visitor:{uuid4()}", "role": Seat.Role.GUEST, "display_name": f"Guest {number}"} | overrides
    return Seat.objects.create(**{"call": given.pop("call", None) or make_call(), **given})


def make_member_seat(**overrides: Any) -> Seat:
    user = make_user()
    return make_seat(**{"identity": user.identity, "role": Seat.Role.MEMBER, "display_name": user.name} | overrides)


def make_lease(node: str = "", *, expires_in: float = 60.0, **overrides: Any) -> RelayLease:
    node = node or f"node{next(_numbers)}"
    return RelayLease.objects.create(node=node, expires_at=Now() + timedelta(seconds=expires_in), **overrides)
