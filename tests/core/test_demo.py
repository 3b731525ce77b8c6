from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client, override_settings
from django.utils import timezone

from accounts.models import Organisation, User
from config import demo
from rooms.models import MeetingRoom, RoomMembership
from tests.accounts.factories import make_user
from waiting_areas.models import AreaRole, WaitingArea


@pytest.mark.django_db
def test_the_demo_world_is_that_of_the_product() -> None:
    assert demo.furnish()
    assert {o.name: o.members.count() for o in Organisation.objects.all()} == {
        "Riverside Clinic": 3,
        "Green Abbey School": 4,
    }
    roles = RoomMembership.objects.values_list("room__name", "user__email", "role")
    assert set(roles) == {
        ("Daily Briefing", "nina@example.org", "administrator"),
        ("Daily Briefing", "omar@example.org", "member"),
        ("Weekly Overview", "nina@example.org", "member"),
    }
    areas = {area.name: area for area in WaitingArea.objects.all()}
    assert {name: area.lets_in(timezone.now()) for name, area in areas.items()} == {
        "Dermatology": True,
        "Physiotherapy": True,
        "Podiatry": False,
    }
    assert set(AreaRole.objects.values_list("area__name", "user__email", "role")) == {
        ("Dermatology", "nina@example.org", "provider"),
        ("Physiotherapy", "nina@example.org", "provider"),
        ("Dermatology", "omar@example.org", "provider"),
        ("Physiotherapy", "pia@example.org", "provider"),
    }
    administrators = Organisation.objects.administered_by(User.objects.get(email="omar@example.org"))
    assert [organisation.name for organisation in administrators] == ["Riverside Clinic"]


@pytest.mark.django_db
def test_everybody_in_it_can_sign_in(client: Client) -> None:
    demo.furnish()
    for user in User.objects.all():
        assert client.login(email=user.email, password="anteroom-demo"), user.email


@pytest.mark.django_db
@override_settings(DEBUG=True, PUBLIC_URL="http://localhost:8000")
def test_a_second_start_keeps_the_data_and_prints_the_sign_ins_again() -> None:
    call_command("demo", stdout=StringIO())
    MeetingRoom.objects.filter(name="Daily Briefing").update(name="Morning")
    said = StringIO()
    call_command("demo", stdout=said)
    assert MeetingRoom.objects.filter(name="Morning").exists()
    for part in ("http://localhost:8000/", "/dev/messages/", "nina@example.org", "admin@example.org", "anteroom-demo"):
        assert part in said.getvalue()


@pytest.mark.django_db
@override_settings(DEBUG=True)
def test_a_house_with_people_of_its_own_is_left_alone() -> None:
    make_user()
    said = StringIO()
    call_command("demo", stdout=said)
    assert User.objects.count() == 1
    assert "anteroom-demo" not in said.getvalue()
