from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError

from accounts.models import AccessRecord, Organisation, OrganisationMembership, User
from accounts.services import create_user, keep_email_address, record_access
from tests.accounts.factories import make_membership, make_organisation, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def clinic() -> Organisation:
    return make_organisation(name="Clinic")


@pytest.fixture
def school() -> Organisation:
    return make_organisation(name="School")


def people(clinic: Organisation, school: Organisation) -> dict[str, User | AnonymousUser]:
    former = make_user(organisation=clinic)
    former.is_active = False
    return {
        "administrator": make_user(organisation=clinic, administrator=True),
        "colleague": make_user(organisation=clinic),
        "stranger": make_user(organisation=school),
        "newcomer": make_user(),
        "former colleague": former,
        "superuser": make_user(is_staff=True, is_superuser=True),
        "anonymous": AnonymousUser(),
    }


def seen(
    rows: Callable[[User | AnonymousUser], object], clinic: Organisation, school: Organisation
) -> dict[str, object]:
    return {who: rows(user) for who, user in people(clinic, school).items()}


def test_organisations_are_seen_by_those_who_work_there(clinic: Organisation, school: Organisation) -> None:
    def names(user: User | AnonymousUser) -> str:
        return " ".join(organisation.name for organisation in Organisation.objects.visible_to(user))

    assert seen(names, clinic, school) == {
        "administrator": "Clinic",
        "colleague": "Clinic",
        "stranger": "School",
        "newcomer": "",
        "former colleague": "",
        "superuser": "Clinic School",
        "anonymous": "",
    }


def test_organisations_are_administered_by_their_administrators(clinic: Organisation, school: Organisation) -> None:
    def names(user: User | AnonymousUser) -> str:
        return " ".join(organisation.name for organisation in Organisation.objects.administered_by(user))

    assert seen(names, clinic, school) == {
        "administrator": "Clinic",
        "colleague": "",
        "stranger": "",
        "newcomer": "",
        "former colleague": "",
        "superuser": "Clinic School",
        "anonymous": "",
    }


def test_the_access_log_is_read_by_administrators_only(clinic: Organisation, school: Organisation) -> None:
    record_access(organisation=clinic, actor=None, act="room.created", place="room:1")
    record_access(organisation=school, actor=None, act="room.created", place="room:2")

    def places(user: User | AnonymousUser) -> str:
        return " ".join(sorted(record.place for record in AccessRecord.objects.visible_to(user)))

    assert seen(places, clinic, school) == {
        "administrator": "room:1",
        "colleague": "",
        "stranger": "",
        "newcomer": "",
        "former colleague": "",
        "superuser": "room:1 room:2",
        "anonymous": "",
    }


def test_people_see_themselves_and_their_colleagues(clinic: Organisation, school: Organisation) -> None:
    nina, omar = make_user(organisation=clinic), make_user(organisation=clinic)
    make_membership(organisation=school, user=omar)
    teacher, newcomer = make_user(organisation=school), make_user()
    assert set(User.objects.visible_to(nina)) == {nina, omar}
    assert set(User.objects.visible_to(omar)) == {nina, omar, teacher}
    assert set(User.objects.visible_to(newcomer)) == {newcomer}
    assert not User.objects.visible_to(AnonymousUser()).exists()
    assert set(OrganisationMembership.objects.visible_to(nina).values_list("user", flat=True)) == {nina.pk, omar.pk}


def test_one_email_is_one_account_whatever_its_case() -> None:
    create_user(email="nina@example.org", name="Nina")
    with pytest.raises(IntegrityError):
        create_user(email="Nina@Example.ORG", name="Another")


def test_a_changed_email_leaves_no_second_way_in() -> None:
    nina = create_user(email="nina@example.org", name="Nina")
    nina.email = "nina.hart@example.org"
    nina.save(update_fields=["email"])
    keep_email_address(user=nina)
    assert [(row.email, row.verified, row.primary) for row in nina.emailaddress_set.all()] == [
        ("nina.hart@example.org", True, True)
    ]


def test_the_access_log_outlives_the_account_of_whoever_acted(clinic: Organisation) -> None:
    nina = make_user(organisation=clinic)
    record_access(organisation=clinic, actor=nina, act="room.created", place="room:1", detail="x" * 300)
    nina.delete()
    record = AccessRecord.objects.get()
    assert (record.actor, record.act, len(record.detail)) == (None, "room.created", 200)
