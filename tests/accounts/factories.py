"""People and the places they work for. Any field can be said by name; what is not said is sensible and unique."""

from __future__ import annotations

from itertools import count
from typing import Any

from accounts.models import Organisation, OrganisationMembership, User
from accounts.services import create_user

PASSWORD = "a-quiet-corridor"

_numbers = count(1)


def make_user(*, organisation: Organisation | None = None, administrator: bool = False, **overrides: Any) -> User:
    """A user with PASSWORD; with `organisation` a member of it, with `administrator` its administrator."""
    number = next(_numbers)
    user = create_user(
        **{"email": f"user{number}@example.org", "name": f"User {number}", "password": PASSWORD} | overrides
    )
    if organisation is not None:
        role = OrganisationMembership.Role.ADMINISTRATOR if administrator else OrganisationMembership.Role.STAFF
        make_membership(organisation=organisation, user=user, role=role)
    return user


def make_organisation(**overrides: Any) -> Organisation:
    number = next(_numbers)
    return Organisation.objects.create(**{"name": f"Clinic {number}", "slug": f"clinic-{number}"} | overrides)


def make_membership(
    *,
    organisation: Organisation | None = None,
    user: User | None = None,
    role: OrganisationMembership.Role = OrganisationMembership.Role.STAFF,
) -> OrganisationMembership:
    return OrganisationMembership.objects.create(
        organisation=organisation or make_organisation(), user=user or make_user(), role=role
    )
