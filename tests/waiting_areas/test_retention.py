"""Callers' details go after the area's time: what is left, table by table (docs/architecture.md, "Data rules")."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.apps import apps
from django.utils import timezone

from tests.waiting_areas.factories import go_live, make_area, make_staff
from waiting_areas import services, upkeep
from waiting_areas.models import Caller
from waiting_areas.services import Details
from waiting_areas.states import LeftReason

pytestmark = pytest.mark.django_db(transaction=True)
PERSONAL = ("Gail", "Grey", "632960123", "632 960 123", "1980", "rash", "REF-77", "I have a cough", "camera-working")


def a_visit() -> Caller:
    area = make_area(details_kept_for=timedelta(days=7))
    details = Details(
        name="Gail Grey",
        telephone="+441632960123",
        date_of_birth=date(1980, 2, 1),
        reason="a rash",
        reference="REF-77",
        device_check="camera-working",
    )
    caller = services.arrive(area=area, generation=1, details=details, arrival=uuid4(), now=timezone.now())
    nina = make_staff(area, name="Nina")
    services.send_message(caller=caller, text="Gail Grey, is it true: I have a cough?", by=nina)
    go_live(services.join_call(caller=caller, by=nina))
    services.finish(caller=caller, by=nina)
    return caller


def rows_with_details() -> set[str]:
    """Of every table of the house."""
    found = set()
    for model in apps.get_models():
        for row in model._default_manager.values():
            if any(part in str(value) for value in row.values() for part in PERSONAL):
                found.add(model._meta.label)
    return found


def test_nothing_personal_is_left_after_the_areas_time() -> None:
    caller = a_visit()
    assert rows_with_details() == {"waiting_areas.Caller", "waiting_areas.CallerEvent", "calls.Seat"}
    assert upkeep.delete_details(timezone.now() + timedelta(days=6)) == 0
    assert upkeep.delete_details(timezone.now() + timedelta(days=8)) == 1
    assert rows_with_details() == set()
    left = Caller.objects.get(pk=caller.pk)
    assert left.left_reason == LeftReason.FINISHED  # what stays: that somebody came, waited, was seen, and when
    assert left.arrived_at == caller.arrived_at
    assert [event.what for event in left.events.all()] == ["arrived", "message", "joined", "left"]
    assert upkeep.delete_details(timezone.now() + timedelta(days=9)) == 0


def test_whoever_is_inside_or_may_come_back_keeps_them() -> None:
    area = make_area(details_kept_for=timedelta(0), reconnecting_for=timedelta(minutes=15))
    now = timezone.now()
    for left_at, reason in ((None, ""), (now - timedelta(minutes=5), LeftReason.LOST)):
        Caller.objects.create(
            area=area, name="Gail", telephone="1", link_generation=1, left_at=left_at, left_reason=reason
        )
    assert upkeep.delete_details(now) == 0
    assert upkeep.delete_details(now + timedelta(minutes=11)) == 1
