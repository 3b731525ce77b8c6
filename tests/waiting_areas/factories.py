"""Waiting areas, their staff and callers. Any field can be said by name; what is not said is sensible and unique."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import Any

from django.utils import timezone

from accounts.models import Organisation, User
from calls.models import Attendance, Seat
from tests.accounts.factories import make_organisation, make_user
from waiting_areas.models import AreaRole, Caller, WaitingArea

_numbers = count(1)


def make_area(*, organisation: Organisation | None = None, **overrides: Any) -> WaitingArea:
    fields = {"name": f"Area {next(_numbers)}"} | overrides
    return WaitingArea.objects.create(organisation=organisation or make_organisation(), **fields)


def make_staff(area: WaitingArea, role: str = AreaRole.Role.PROVIDER, **overrides: Any) -> User:
    """A new colleague with this role."""
    user = make_user(organisation=area.organisation, **overrides)
    AreaRole.objects.create(area=area, user=user, role=role)
    return user


def make_caller(*, area: WaitingArea | None = None, waited: timedelta = timedelta(0), **overrides: Any) -> Caller:
    """Somebody inside, whose page stands; `waited` is since when."""
    number = next(_numbers)
    area = area or make_area()
    now = timezone.now()
    fields: dict[str, Any] = {
        "name": f"Caller {number}",
        "telephone": f"07700 900{number:03}",
        "link_generation": area.link_generation,
        "arrived_at": now - waited,
        "last_seen_at": now,
    } | overrides
    return Caller.objects.create(area=area, **fields)


def go_live(seat: Seat, node: str = "node") -> Attendance:
    """As the relay would have written it."""
    return Attendance.objects.create(seat=seat, joined_at=timezone.now(), node=node)
