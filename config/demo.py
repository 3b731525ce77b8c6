"""The demo world (docs: rules of the product, §8), as far as its models exist. Fills an empty database, once."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone

from accounts.models import Organisation, OrganisationMembership, User
from accounts.services import create_user
from rooms.models import MeetingRoom, RoomMembership
from waiting_areas.models import AreaRole, WaitingArea

PASSWORD = "anteroom-demo"  # noqa: S105 - printed for all to read, and set under DEBUG only


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    email: str
    what: str
    is_administrator: bool = False


ADMINISTRATOR = Person("Ada Miller", "admin@example.org", "site administrator: /admin/")
STAFF = (
    Person(
        "Nina Hart",
        "nina@example.org",
        "Daily Briefing (administrator), Weekly Overview; Dermatology, Physiotherapy",
    ),
    Person(
        "Omar Reed",
        "omar@example.org",
        "Daily Briefing; Dermatology; organisation administrator: /admin/",
        is_administrator=True,
    ),
    Person("Pia Lund", "pia@example.org", "no rooms; Physiotherapy"),
)
TEACHERS = (
    Person("Mrs Anita Abell", "abell@example.org", "Science"),
    Person("Mr Geraint Davies", "davies@example.org", "Music"),
    Person("Mr John Atkinson", "atkinson@example.org", "English"),
    Person("Mr J Sinclair", "sinclair@example.org", "English"),
)
WORLD = {"Riverside Clinic": STAFF, "Green Abbey School": TEACHERS}


def is_furnished() -> bool:
    """Whether the people here are those of the demo world."""
    return User.objects.filter(email=ADMINISTRATOR.email).exists()


@transaction.atomic(durable=True)
def furnish() -> bool:
    """False, and nothing is touched, when anybody is here already."""
    if User.objects.exists():
        return False
    password = make_password(PASSWORD)  # hashed once: it is the same for all, and slow on purpose
    site_administrator = create_user(
        email=ADMINISTRATOR.email, name=ADMINISTRATOR.name, is_staff=True, is_superuser=True
    )
    clinic = Organisation.objects.create(
        name="Riverside Clinic", slug="riverside-clinic", accent="#1f5fa8", support_phone="01632 960 001"
    )
    school = Organisation.objects.create(
        name="Green Abbey School", slug="green-abbey-school", accent="#2f6b2f", support_phone="01632 960 002"
    )
    users = {site_administrator.email: site_administrator}
    for organisation, people in ((clinic, STAFF), (school, TEACHERS)):
        for person in people:
            user = create_user(email=person.email, name=person.name, is_staff=person.is_administrator)
            roles = OrganisationMembership.Role
            belongs_as = roles.ADMINISTRATOR if person.is_administrator else roles.STAFF
            OrganisationMembership.objects.create(organisation=organisation, user=user, role=belongs_as)
            users[person.email] = user
    User.objects.filter(pk__in=[user.pk for user in users.values()]).update(password=password)

    nina, omar = users["nina@example.org"], users["omar@example.org"]
    briefing = MeetingRoom.objects.create(organisation=clinic, name="Daily Briefing")
    overview = MeetingRoom.objects.create(organisation=clinic, name="Weekly Overview")
    _furnish_waiting_areas(clinic, users)
    for room, user, role in (
        (briefing, nina, RoomMembership.Role.ADMINISTRATOR),
        (briefing, omar, RoomMembership.Role.MEMBER),
        (overview, nina, RoomMembership.Role.MEMBER),
    ):
        RoomMembership.objects.create(room=room, user=user, role=role)
    return True


def _furnish_waiting_areas(clinic: Organisation, users: dict[str, User]) -> None:
    areas = {
        name: WaitingArea.objects.create(organisation=clinic, name=name, notice=notice, waiting_message=message)
        for name, notice, message in (
            ("Dermatology", "Please have a list of your medicines with you.", "Our visits take about ten minutes."),
            ("Physiotherapy", "Wear clothes you can move in, and have a chair beside you.", ""),
            ("Podiatry", "", ""),
        )
    }
    WaitingArea.objects.filter(pk=areas["Podiatry"].pk).update(
        suspended_at=timezone.now(),
        message_to_callers="Podiatry sees nobody by video this week. Please phone us.",
        message_to_staff="Suspended until the new podiatrist starts.",
    )
    for email, name, role in (
        ("nina@example.org", "Dermatology", AreaRole.Role.PROVIDER),
        ("nina@example.org", "Physiotherapy", AreaRole.Role.PROVIDER),
        ("omar@example.org", "Dermatology", AreaRole.Role.PROVIDER),
        ("pia@example.org", "Physiotherapy", AreaRole.Role.PROVIDER),
    ):
        AreaRole.objects.create(area=areas[name], user=users[email], role=role)
