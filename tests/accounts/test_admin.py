"""Organisation administrators in Django admin: theirs in full, nothing of anybody else's (hazard H8)."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AccessRecord, Organisation, OrganisationMembership, User
from accounts.services import record_access
from tests.accounts.factories import PASSWORD, make_membership, make_organisation, make_user

pytestmark = pytest.mark.django_db

LISTS = ["organisation", "user", "organisationmembership", "accessrecord"]
ADMINISTRATOR = OrganisationMembership.Role.ADMINISTRATOR


class World:
    def __init__(self) -> None:
        self.clinic, self.school = make_organisation(name="Riverside"), make_organisation(name="Green Abbey")
        self.omar = make_user(name="Omar", organisation=self.clinic, administrator=True, is_staff=True)
        self.nina = make_user(name="Nina", organisation=self.clinic)
        self.teacher = make_user(name="Abell", organisation=self.school)
        self.shared = make_user(name="Sharon", organisation=self.clinic)
        make_membership(organisation=self.school, user=self.shared)
        for organisation in (self.clinic, self.school):
            record_access(organisation=organisation, actor=None, act="room.created", place=f"of {organisation.name}")


@pytest.fixture
def world() -> World:
    return World()


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def change(row: User | Organisation | AccessRecord) -> str:
    return reverse(f"admin:accounts_{row._meta.model_name}_change", args=[row.pk])


def rows(page: str) -> str:
    return re.sub(r"<[^>]+>", " ", page[page.index('id="result_list"') :]) if "result_list" in page else ""


@pytest.mark.parametrize("name", LISTS)
def test_an_organisation_administrator_lists_what_is_theirs(world: World, name: str) -> None:
    page = signed_in(world.omar).get(reverse(f"admin:accounts_{name}_changelist")).content.decode()
    assert "Riverside" in page or "Omar" in page
    assert "Green Abbey" not in page, "not even in a filter"
    assert "Abell" not in page


@pytest.mark.parametrize("name", LISTS)
def test_a_superuser_lists_everything(world: World, name: str) -> None:
    page = signed_in(make_user(is_staff=True, is_superuser=True)).get(reverse(f"admin:accounts_{name}_changelist"))
    assert re.search("Green Abbey|Abell", rows(page.content.decode()))


@pytest.mark.parametrize("name", LISTS)
def test_staff_without_an_organisation_to_administer_are_refused(world: World, name: str) -> None:
    """Django's own flag opens the door of the administration, and no more."""
    clerk = make_user(organisation=world.clinic, is_staff=True)
    assert signed_in(clerk).get(reverse(f"admin:accounts_{name}_changelist")).status_code == 403


@pytest.mark.parametrize("name", LISTS)
def test_an_administrator_who_may_not_open_the_administration_does_not(world: World, name: str) -> None:
    deputy = make_user(organisation=world.clinic, administrator=True)
    assert signed_in(deputy).get(reverse(f"admin:accounts_{name}_changelist")).status_code in (302, 403)


def test_the_administration_is_entered_by_the_one_sign_in_page(world: World, client: Client) -> None:
    answer = client.get("/admin/", follow=True)
    assert answer.request["PATH_INFO"] == "/accounts/login/"


def test_rows_of_another_organisation_are_not_there(world: World) -> None:
    omar = signed_in(world.omar)
    theirs = AccessRecord.objects.get(organisation=world.school)
    for row in (world.school, world.teacher, theirs):
        answer = omar.get(change(row))
        assert (answer.status_code, answer["Location"]) == (302, "/admin/")


def test_choices_keep_to_the_scope(world: World) -> None:
    omar = signed_in(world.omar)
    add = reverse("admin:accounts_organisationmembership_add")
    assert "Green Abbey" not in omar.get(add).content.decode()
    omar.post(add, {"organisation": str(world.school.pk), "user": str(world.nina.pk), "role": ADMINISTRATOR})
    omar.post(add, {"organisation": str(world.clinic.pk), "user": str(world.teacher.pk), "role": ADMINISTRATOR})
    assert not OrganisationMembership.objects.filter(user=world.nina, organisation=world.school).exists()
    assert not OrganisationMembership.objects.filter(user=world.teacher, organisation=world.clinic).exists()


def test_the_search_for_a_person_finds_nobody_elsewhere(world: World) -> None:
    found = signed_in(world.omar).get(
        reverse("admin:autocomplete"),
        {"app_label": "accounts", "model_name": "organisationmembership", "field_name": "user", "term": "b"},
    )
    assert [person["text"] for person in found.json()["results"]] == []


def new_account(**fields: str) -> dict[str, str]:
    return {
        "email": "pia@example.org",
        "name": "Pia",
        "usable_password": "true",
        "password1": PASSWORD,
        "password2": PASSWORD,
        "memberships-TOTAL_FORMS": "1",
        "memberships-INITIAL_FORMS": "0",
        "memberships-0-role": "staff",
    } | fields


def test_a_new_account_belongs_to_the_organisation_and_can_sign_in(world: World) -> None:
    fields = new_account(**{"memberships-0-organisation": str(world.clinic.pk)})
    signed_in(world.omar).post(reverse("admin:accounts_user_add"), fields)
    pia = User.objects.get(email="pia@example.org")
    assert [organisation.name for organisation in pia.organisations.all()] == ["Riverside"]
    assert Client().login(email="pia@example.org", password=PASSWORD)
    assert pia.emailaddress_set.get().verified


@pytest.mark.parametrize("elsewhere", [True, False], ids=["another organisation", "none"])
def test_an_account_cannot_be_made_for_another_organisation_or_for_none(world: World, *, elsewhere: bool) -> None:
    where = {"memberships-0-organisation": str(world.school.pk)} if elsewhere else {}
    signed_in(world.omar).post(reverse("admin:accounts_user_add"), new_account(**where))
    assert not User.objects.filter(email="pia@example.org").exists()


def account_fields(user: User, **fields: str) -> dict[str, str]:
    membership = user.memberships.get(organisation__name="Riverside")
    return {
        "email": user.email,
        "name": user.name,
        "is_active": "on",
        "memberships-TOTAL_FORMS": "1",
        "memberships-INITIAL_FORMS": "1",
        "memberships-0-id": str(membership.pk),
        "memberships-0-user": str(user.pk),
        "memberships-0-organisation": str(membership.organisation_id),
        "memberships-0-role": membership.role,
    } | fields


def test_an_account_of_their_own_can_be_closed(world: World) -> None:
    fields = account_fields(world.nina)
    del fields["is_active"]
    signed_in(world.omar).post(change(world.nina), fields)
    world.nina.refresh_from_db()
    assert not world.nina.is_active


def test_nobody_is_made_a_superuser_by_an_organisation_administrator(world: World) -> None:
    omar = signed_in(world.omar)
    for user in (world.nina, world.omar):
        omar.post(change(user), account_fields(user, is_superuser="on", is_staff="on"))
    assert not User.objects.filter(is_superuser=True).exists()


def test_an_account_that_also_works_elsewhere_cannot_be_taken_over(world: World) -> None:
    """Its password would open the other organisation."""
    omar = signed_in(world.omar)
    omar.post(change(world.shared), account_fields(world.shared, email="omar2@example.org"))
    password = reverse("admin:auth_user_password_change", args=[world.shared.pk])
    taken = {"usable_password": "true", "password1": "a-stolen-corridor", "password2": "a-stolen-corridor"}
    assert omar.post(password, taken).status_code == 403
    assert not User.objects.filter(email="omar2@example.org").exists()
    assert not Client().login(email=world.shared.email, password="a-stolen-corridor")


def test_a_superuser_in_the_organisation_cannot_be_taken_over(world: World) -> None:
    chief = make_user(organisation=world.clinic, is_staff=True, is_superuser=True)
    omar = signed_in(world.omar)
    password = reverse("admin:auth_user_password_change", args=[chief.pk])
    taken = {"usable_password": "true", "password1": "a-stolen-corridor", "password2": "a-stolen-corridor"}
    assert omar.post(password, taken).status_code == 403
    assert omar.post(change(chief), account_fields(chief)).status_code == 403


def test_the_access_log_is_changed_by_nobody(world: World) -> None:
    record = AccessRecord.objects.get(organisation=world.clinic)
    for user in (world.omar, make_user(is_staff=True, is_superuser=True)):
        client = signed_in(user)
        assert client.post(change(record), {"act": "nothing"}).status_code == 403
        assert client.post(reverse("admin:accounts_accessrecord_delete", args=[record.pk])).status_code == 403
        assert client.get(reverse("admin:accounts_accessrecord_add")).status_code == 403


def test_an_organisation_is_neither_added_nor_deleted_by_its_administrator(world: World) -> None:
    omar = signed_in(world.omar)
    assert omar.get(reverse("admin:accounts_organisation_add")).status_code == 403
    assert omar.post(reverse("admin:accounts_organisation_delete", args=[world.clinic.pk])).status_code == 403


def test_chosen_memberships_are_removed_together(world: World) -> None:
    chosen = OrganisationMembership.objects.get(user=world.nina)
    fields = {"action": "delete_selected", "_selected_action": [str(chosen.pk)], "post": "yes"}
    signed_in(world.omar).post(reverse("admin:accounts_organisationmembership_changelist"), fields)
    assert not OrganisationMembership.objects.filter(user=world.nina).exists()


def test_the_access_log_says_who_was_taken_in_given_a_role_and_removed(world: World) -> None:
    """By their own page, by the list, and beside the account; what happens elsewhere is in the log of elsewhere."""
    browser, nina = signed_in(world.omar), OrganisationMembership.objects.get(user=world.nina)
    membership = "admin:accounts_organisationmembership"
    fields = {"user": str(world.nina.pk), "organisation": str(world.clinic.pk), "role": "administrator"}
    browser.post(reverse(f"{membership}_change", args=[nina.pk]), fields)
    browser.post(change(world.nina), account_fields(world.nina, **{"is_active": "", "memberships-0-role": "staff"}))
    browser.post(reverse(f"{membership}_delete", args=[nina.pk]), {"post": "yes"})
    browser.post(
        reverse("admin:accounts_user_add"), new_account(**{"memberships-0-organisation": str(world.clinic.pk)})
    )
    pia = OrganisationMembership.objects.get(user__email="pia@example.org")
    listed = {"action": "delete_selected", "_selected_action": [str(pia.pk)], "post": "yes"}
    browser.post(reverse(f"{membership}_changelist"), listed)
    told = AccessRecord.objects.filter(organisation=world.clinic, actor=world.omar).order_by("pk")
    assert [(record.act, record.detail) for record in told] == [
        ("organisation.member_role_changed", f"user:{world.nina.pk} administrator"),
        ("account.closed", f"user:{world.nina.pk} administrator"),
        ("organisation.member_role_changed", f"user:{world.nina.pk} staff"),
        ("organisation.member_removed", f"user:{world.nina.pk} staff"),
        ("organisation.member_added", f"user:{pia.user_id} staff"),
        ("organisation.member_removed", f"user:{pia.user_id} staff"),
    ]
    assert not AccessRecord.objects.filter(organisation=world.school, actor=world.omar).exists()
