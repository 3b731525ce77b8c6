from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts.models import AccessRecord, User
from tests.accounts.factories import make_organisation, make_user
from tests.calls.test_races import at_once
from tests.waiting_areas.factories import make_area, make_caller, make_staff
from waiting_areas import services
from waiting_areas.models import AreaRole, Caller, WaitingArea

pytestmark = pytest.mark.django_db(transaction=True)
AREAS, ROLES, CALLERS = (f"/admin/waiting_areas/{name}/" for name in ("waitingarea", "arearole", "caller"))


@pytest.fixture
def omar(client: Client) -> User:
    """Administrator of his organisation, signed in."""
    user = make_user(organisation=make_organisation(name="Riverside Clinic"), administrator=True, is_staff=True)
    client.force_login(user)
    return user


def own_area(omar: User) -> WaitingArea:
    return make_area(organisation=omar.organisations.get())


def settings_of(area_name: str, **more: object) -> dict[str, object]:
    return {
        "name": area_name,
        "time_zone": "Europe/London",
        "ask_date_of_birth": "no",
        "ask_reason": "optional",
        "ask_reference": "no",
        "reconnecting_for": "00:15:00",
        "details_kept_for": "30 00:00:00",
        "opening_hours-TOTAL_FORMS": "1",
        "opening_hours-INITIAL_FORMS": "0",
        "opening_hours-0-weekday": "0",
        "opening_hours-0-opens": "09:00",
        "opening_hours-0-closes": "12:00",
    } | more


def test_an_organisation_administrator_sees_areas_and_callers_of_their_own_only(client: Client, omar: User) -> None:
    own, other = make_caller(area=own_area(omar)), make_caller()
    for page, mine, foreign in ((AREAS, own.area, other.area), (CALLERS, own, other)):
        html = client.get(page).content.decode()
        assert str(mine) in html
        assert str(foreign) not in html
        assert client.get(f"{page}{mine.pk}/change/").status_code == 200
        assert client.get(f"{page}{foreign.pk}/change/").status_code == 302


def test_an_area_is_added_with_its_hours_and_changed(client: Client, omar: User) -> None:
    organisation = omar.organisations.get()
    client.post(f"{AREAS}add/", settings_of("Dermatology", organisation=organisation.pk))
    area = WaitingArea.objects.get()
    assert (area.name, area.ask_reason, area.always_open) == ("Dermatology", "optional", False)
    assert [str(block) for block in area.opening_hours.all()] == ["Monday 09:00–12:00"]
    changed = settings_of("Skin", time_zone="Nowhere/Land", **{"opening_hours-TOTAL_FORMS": "0"})
    assert "not the name of a time zone" in client.post(f"{AREAS}{area.pk}/change/", changed).content.decode()
    client.post(f"{AREAS}{area.pk}/change/", changed | {"time_zone": "Europe/Paris", "always_open": "on"})
    area.refresh_from_db()
    assert (area.name, area.time_zone, area.always_open) == ("Skin", "Europe/Paris", True)


def test_a_name_is_taken_once(client: Client, omar: User) -> None:
    area = own_area(omar)
    given = settings_of(area.name, organisation=area.organisation_id)
    assert "Another waiting area has this name" in client.post(f"{AREAS}add/", given).content.decode()


@pytest.mark.parametrize("page", ["add", "change"])
def test_a_name_that_is_taken_at_that_moment_is_said_beside_the_field(
    client: Client, omar: User, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else saves it after the form has looked and before the service has."""
    if connection.vendor == "sqlite":
        pytest.skip("writers queue")
    area = own_area(omar)
    organisation = area.organisation
    for name in ("create_area", "update_settings"):
        real = getattr(services, name)

        def lose(real: Any = real, **given: Any) -> Any:
            if not WaitingArea.objects.filter(name="Skin").exists():
                at_once(lambda _number: make_area(organisation=organisation, name="Skin").pk, people=1)
            return real(**given)

        monkeypatch.setattr(services, name, lose)
    address = f"{AREAS}add/" if page == "add" else f"{AREAS}{area.pk}/change/"
    answer = client.post(address, settings_of("Skin", organisation=organisation.pk, notice="Knock."))
    html = answer.content.decode()
    assert answer.status_code == 200
    assert "Another waiting area has this name" in html
    assert "Knock." in html
    assert WaitingArea.objects.filter(name="Skin").count() == 1


def test_opening_hours_are_saved_and_recorded_by_the_service(client: Client, omar: User) -> None:
    """Rule W2: who changed them stands in the access log; a page saved as it was changes none."""
    area = own_area(omar)
    address = f"{AREAS}{area.pk}/change/"
    client.post(address, settings_of(area.name))
    record = AccessRecord.objects.get(act="area.hours_changed")
    assert (record.actor, record.place) == (omar, f"area:{area.pk}")
    area.refresh_from_db()
    assert not area.always_open
    block = area.opening_hours.get()
    same = settings_of(area.name) | {"opening_hours-INITIAL_FORMS": "1"}
    same |= {"opening_hours-0-id": str(block.pk), "opening_hours-0-area": str(area.pk)}
    client.post(address, same)
    assert AccessRecord.objects.filter(act="area.hours_changed").count() == 1
    client.post(address, same | {"opening_hours-0-closes": "13:00"})
    assert str(area.opening_hours.get()) == "Monday 09:00–13:00"
    last = area.opening_hours.get()
    client.post(address, same | {"opening_hours-0-id": str(last.pk), "opening_hours-0-DELETE": "on"})
    assert not area.opening_hours.exists()
    assert AccessRecord.objects.filter(act="area.hours_changed").count() == 3


def test_roles_are_moved_by_the_services_alone(client: Client, omar: User) -> None:
    """Rule W7: recorded, told, and the last administrator stays."""
    area = own_area(omar)
    alex, nina = make_staff(area, AreaRole.Role.ADMINISTRATOR), make_staff(area)
    held = AreaRole.objects.get(user=alex)
    client.post(f"{ROLES}{held.pk}/change/", {"area": area.pk, "user": alex.pk, "role": "provider"})
    assert client.post(f"{ROLES}{held.pk}/delete/", {"post": "yes"}).status_code == 403
    client.post(ROLES, {"action": "delete_selected", "_selected_action": [str(held.pk)], "post": "yes"})
    for action in ("make_providers", "take_roles"):
        chosen = {"action": action, "_selected_action": [str(held.pk)]}
        assert "keeps one administrator" in client.post(ROLES, chosen, follow=True).content.decode()
    held.refresh_from_db()
    assert held.role == AreaRole.Role.ADMINISTRATOR
    assert not AccessRecord.objects.exists()
    second = AreaRole.objects.get(user=nina)
    for action, role in (
        ("make_referrers", AreaRole.Role.REFERRER),
        ("make_coordinators", AreaRole.Role.COORDINATOR),
        ("make_providers", AreaRole.Role.PROVIDER),
        ("make_administrators", AreaRole.Role.ADMINISTRATOR),
    ):
        client.post(ROLES, {"action": action, "_selected_action": [str(second.pk)]})
        second.refresh_from_db()
        assert second.role == role
    client.post(ROLES, {"action": "take_roles", "_selected_action": [str(held.pk)]})
    assert AreaRole.objects.get() == second
    acts = [*AccessRecord.objects.order_by("pk").values_list("act", "actor")]
    assert acts == [("area.role_given", omar.pk)] * 4 + [("area.role_taken", omar.pk)]


def test_roles_are_given_to_colleagues_only(client: Client, omar: User) -> None:
    area = own_area(omar)
    colleague = make_user(organisation=area.organisation)
    client.post(f"{ROLES}add/", {"area": area.pk, "user": colleague.pk, "role": "coordinator"})
    assert AreaRole.objects.get().user == colleague
    assert AccessRecord.objects.get(act="area.role_given").actor == omar
    client.force_login(make_user(is_staff=True, is_superuser=True))
    answer = client.post(f"{ROLES}add/", {"area": area.pk, "user": make_user().pk, "role": "provider"})
    assert "does not work for" in answer.content.decode()
    assert AreaRole.objects.count() == 1


@pytest.mark.parametrize(
    ("action", "field"),
    [("suspend_areas", "suspended_at"), ("reset_links", "link_generation"), ("delete_areas", "deleted_at")],
)
def test_actions_move_the_chosen_areas(client: Client, omar: User, action: str, field: str) -> None:
    area = own_area(omar)
    before = getattr(area, field)
    client.post(AREAS, {"action": action, "_selected_action": [str(area.pk)]})
    area.refresh_from_db()
    assert getattr(area, field) != before
    if action == "suspend_areas":
        client.post(AREAS, {"action": "restore_areas", "_selected_action": [str(area.pk)]})
        area.refresh_from_db()
        assert area.suspended_at is None


def test_a_caller_is_a_record_that_nobody_edits(client: Client, omar: User) -> None:
    caller = make_caller(area=own_area(omar), name="Gail")
    client.post(f"{CALLERS}{caller.pk}/change/", {"name": "Somebody else"})
    assert Caller.objects.get().name == "Gail"
    assert client.post(f"{CALLERS}add/", {}).status_code == 403


def test_a_provider_has_no_part_in_the_administration(client: Client) -> None:
    client.force_login(make_staff(make_area()))
    assert client.get(AREAS).status_code == 302
