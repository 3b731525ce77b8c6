"""The pages of an area's administrators: properties, users and roles; and who gets none (rule W7, hazard H8)."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AccessRecord, User
from tests.accounts.factories import make_user
from tests.waiting_areas.factories import make_area, make_staff
from waiting_areas.models import AreaRole, Asked, WaitingArea

HTMX = {"HX-Request": "true"}
Role = AreaRole.Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def area() -> WaitingArea:
    return make_area(name="Dermatology")


@pytest.fixture
def alex(area: WaitingArea, client: Client) -> User:
    """Signed in; administrator of the area."""
    user = make_staff(area, Role.ADMINISTRATOR, name="Alex Admin")
    client.force_login(user)
    return user


def at(name: str, area: WaitingArea, *more: int) -> str:
    return reverse(f"waiting_areas:{name}", args=[area.pk, *more])


def read(html: str) -> str:
    return unescape(" ".join(re.sub(r"<[^>]*>", " ", html).split()))


def version_in(html: str) -> str:
    found = re.search(r'name="seen_version" value="([^"]+)"', html)
    assert found
    return found[1]


def filled(**overrides: str) -> dict[str, str]:
    return {
        "name": "Skin clinic",
        "time_zone": "Europe/Paris",
        "notice": "Have your letter ready.",
        "waiting_message": "We run late on Fridays.",
        "support_phone": "01632 960 001",
        "ask_date_of_birth": Asked.REQUIRED,
        "ask_reason": Asked.OPTIONAL,
        "ask_reference": Asked.NO,
        "shows_position": "on",
        "reconnecting_for": "20",
        "details_kept_for": "7",
    } | overrides


class TestProperties:
    def test_what_is_typed_is_what_the_area_does(self, client: Client, area: WaitingArea, alex: User) -> None:
        answer = client.post(at("edit_properties", area), filled(), follow=True)
        assert "Waiting area properties saved." in read(answer.content.decode())
        area.refresh_from_db()
        assert (area.name, area.time_zone, area.shows_position) == ("Skin clinic", "Europe/Paris", True)
        assert (area.reconnecting_for, area.details_kept_for) == (timedelta(minutes=20), timedelta(days=7))
        assert (area.ask_date_of_birth, area.ask_reason) == (Asked.REQUIRED, Asked.OPTIONAL)
        assert AccessRecord.objects.get(act="area.settings_changed").actor == alex
        entrance = Client().get(area.link_path).content.decode()
        assert "Have your letter ready." in entrance
        assert "Your date of birth" in entrance

    def test_the_page_is_filled_in_with_what_is(self, client: Client, area: WaitingArea, alex: User) -> None:
        page = client.get(at("edit_properties", area)).content.decode()
        assert re.search(r'name="reconnecting_for"[^>]*value="15"|value="15"[^>]*name="reconnecting_for"', page)
        assert re.search(r'name="details_kept_for"[^>]*value="30"|value="30"[^>]*name="details_kept_for"', page)

    @pytest.mark.parametrize(
        ("field", "value", "said"),
        [
            ("name", "", "Enter a name."),
            ("name", "Podiatry", "Another waiting area has this name."),
            ("time_zone", "Mars/Olympus", "This is not the name of a time zone."),
            ("ask_reason", "perhaps", "Select a valid choice"),
            ("reconnecting_for", "0", "greater than or equal to 1"),
            ("reconnecting_for", "soon", "whole number"),
            ("details_kept_for", "-1", "greater than or equal to 0"),
        ],
    )
    def test_what_cannot_be_is_said_beside_the_field(
        self, client: Client, area: WaitingArea, alex: User, field: str, value: str, said: str
    ) -> None:
        make_area(organisation=area.organisation, name="Podiatry")
        before = WaitingArea.objects.values().get(pk=area.pk)
        page = client.post(at("edit_properties", area), filled(**{field: value})).content.decode()
        _before, beside = page.split(f'id="div_id_{field}"')
        assert said in read(beside.partition('id="div_id_')[0])
        assert "Dermatology" in page  # the heading says the area as it is, not as it was typed
        assert WaitingArea.objects.values().get(pk=area.pk) == before

    def test_what_a_colleague_saved_meanwhile_is_not_overwritten_unseen(
        self, client: Client, area: WaitingArea, alex: User
    ) -> None:
        """Two administrators, or one in two tabs; what was typed is kept."""
        seen = version_in(client.get(at("edit_properties", area)).content.decode())
        mine = filled(seen_version=seen)
        theirs = {"notice": "Ring <twice>.", "ask_reason": Asked.REQUIRED, "reconnecting_for": timedelta(minutes=5)}
        WaitingArea.objects.update(**theirs)
        html = client.post(at("edit_properties", area), mine).content.decode()
        assert "Somebody else has just changed this." in html
        said = read(html)
        assert "Notice at the entrance Ring <twice>." in said
        assert "what it is about Required" in said
        assert "(minutes) 5" in said
        assert 'value="Skin clinic"' in html
        assert "Have your letter ready." in html
        assert WaitingArea.objects.filter(name="Dermatology", **theirs).exists()
        mine["seen_version"] = version_in(html)
        for _press in range(2):
            assert client.post(at("edit_properties", area), mine)["Location"] == at("show_callers", area)
        assert WaitingArea.objects.filter(name="Skin clinic", notice="Have your letter ready.").exists()
        assert AccessRecord.objects.filter(act="area.settings_changed").count() == 1

    def test_htmx_gets_a_dialog(self, client: Client, area: WaitingArea, alex: User) -> None:
        assert "<dialog" in client.get(at("edit_properties", area), headers=HTMX).content.decode()
        saved = client.post(at("edit_properties", area), filled(), headers=HTMX)
        assert saved["HX-Redirect"] == at("show_callers", area)


class TestUsers:
    def test_a_colleague_is_given_a_role(self, client: Client, area: WaitingArea, alex: User) -> None:
        omar = make_user(organisation=area.organisation, name="Omar Hill", email="omar@example.org")
        form = {"email": "OMAR@example.org", "role": Role.COORDINATOR}
        page = read(client.post(at("manage_users", area), form, follow=True).content.decode())
        assert "Omar Hill can now use this waiting area." in page
        assert AreaRole.objects.get(user=omar).role == Role.COORDINATOR
        assert AccessRecord.objects.get(act="area.role_given").actor == alex

    def test_whoever_works_elsewhere_and_whoever_has_no_account_read_the_same(
        self, client: Client, area: WaitingArea, alex: User
    ) -> None:
        stranger = make_user(email="far@example.org")
        pages = []
        for email in (stranger.email, "nobody@example.org"):
            page = read(client.post(at("manage_users", area), {"email": email, "role": "provider"}).content.decode())
            pages.append("has this email address." in page)
        assert pages == [True, True]
        assert AreaRole.objects.count() == 1

    def test_somebody_who_has_a_role_is_not_given_one_by_the_way(
        self, client: Client, area: WaitingArea, alex: User
    ) -> None:
        nina = make_staff(area, Role.COORDINATOR)
        page = client.post(at("manage_users", area), {"email": nina.email, "role": "referrer"})
        assert "has a role here already" in read(page.content.decode())
        assert AreaRole.objects.get(user=nina).role == Role.COORDINATOR

    @pytest.mark.parametrize("role", Role)
    def test_a_role_is_changed(self, client: Client, area: WaitingArea, alex: User, role: Role) -> None:
        held = AreaRole.objects.get(user=make_staff(area))
        client.post(at("change_role", area, held.pk), {"role": role})
        held.refresh_from_db()
        assert held.role == role

    def test_no_other_role_than_these(self, client: Client, area: WaitingArea, alex: User) -> None:
        held = AreaRole.objects.get(user=make_staff(area))
        client.post(at("change_role", area, held.pk), {"role": "king"})
        held.refresh_from_db()
        assert held.role == Role.PROVIDER

    def test_whoever_is_removed_sees_nothing_of_the_area(self, client: Client, area: WaitingArea, alex: User) -> None:
        nina = make_staff(area, name="Nina")
        held = AreaRole.objects.get(user=nina)
        page = client.post(at("take_role", area, held.pk), follow=True).content.decode()
        assert "Nina can no longer use this waiting area." in read(page)
        client.force_login(nina)
        assert client.get(at("show_callers", area)).status_code == 404

    @pytest.mark.parametrize("deed", ["change_role", "take_role"])
    def test_the_last_administrator_stays(self, client: Client, area: WaitingArea, alex: User, deed: str) -> None:
        held = AreaRole.objects.get(user=alex)
        page = client.post(at(deed, area, held.pk), {"role": "provider"}, follow=True).content.decode()
        assert "keeps one administrator" in read(page)
        assert AreaRole.objects.get(user=alex).role == Role.ADMINISTRATOR

    @pytest.mark.parametrize("deed", ["change_role", "take_role"])
    def test_whoever_gives_the_area_away_lands_on_their_areas(
        self, client: Client, area: WaitingArea, alex: User, deed: str
    ) -> None:
        make_staff(area, Role.ADMINISTRATOR)
        held = AreaRole.objects.get(user=alex)
        answer = client.post(at(deed, area, held.pk), {"role": "provider"})
        assert answer["Location"] == reverse("waiting_areas:list_areas")

    def test_a_role_of_another_area_is_not_there(self, client: Client, area: WaitingArea, alex: User) -> None:
        """Hazard H6: also of one in the same organisation."""
        held = AreaRole.objects.get(user=make_staff(make_area(organisation=area.organisation)))
        assert client.post(at("change_role", area, held.pk), {"role": "administrator"}).status_code == 404
        assert client.post(at("take_role", area, held.pk)).status_code == 404
        held.refresh_from_db()
        assert held.role == Role.PROVIDER


class TestAccess:
    ADDRESSES = (
        ("edit_properties", "get"),
        ("edit_properties", "post"),
        ("manage_users", "get"),
        ("manage_users", "post"),
        ("change_role", "post"),
        ("take_role", "post"),
    )

    @pytest.mark.parametrize(("name", "method"), ADDRESSES)
    @pytest.mark.parametrize(
        ("who", "status"),
        [
            (Role.PROVIDER, 403),
            (Role.COORDINATOR, 403),
            (Role.REFERRER, 403),
            ("of another area", 404),
            ("without a role", 404),
            ("of another organisation", 404),
            ("anonymous", 302),
        ],
    )
    def test_nobody_else_gets_there(
        self, client: Client, area: WaitingArea, name: str, method: str, who: str, status: int
    ) -> None:
        held = AreaRole.objects.get(user=make_staff(area))
        match who:
            case "of another area":
                client.force_login(make_staff(make_area(organisation=area.organisation), Role.ADMINISTRATOR))
            case "without a role":
                client.force_login(make_user(organisation=area.organisation))
            case "of another organisation":
                client.force_login(make_staff(make_area(), Role.ADMINISTRATOR))
            case "anonymous":
                pass
            case _:
                client.force_login(make_staff(area, Role(who)))
        more = (held.pk,) if name.endswith("_role") else ()
        before = (list(AreaRole.objects.values()), WaitingArea.objects.values().get(pk=area.pk))
        answer = getattr(client, method)(at(name, area, *more), filled(role="administrator", email="a@example.org"))
        assert answer.status_code == status
        if status == 302:
            assert answer["Location"].startswith("/accounts/login/")
        assert (list(AreaRole.objects.values()), WaitingArea.objects.values().get(pk=area.pk)) == before

    @pytest.mark.parametrize(("name", "status"), [("change_role", 405), ("take_role", 405)])
    def test_looking_changes_nothing(
        self, client: Client, area: WaitingArea, alex: User, name: str, status: int
    ) -> None:
        held = AreaRole.objects.get(user=make_staff(area))
        assert client.get(at(name, area, held.pk)).status_code == status

    @pytest.mark.parametrize("role", [Role.PROVIDER, Role.COORDINATOR, Role.ADMINISTRATOR])
    def test_the_menu_offers_it_to_whom_it_is_for(self, client: Client, area: WaitingArea, role: Role) -> None:
        client.force_login(make_staff(area, role))
        words = read(client.get(at("show_callers", area)).content.decode())
        offered = ["Waiting Area Properties" in words, "Manage Users" in words]
        assert offered == [role == Role.ADMINISTRATOR] * 2

    def test_a_deleted_area_is_gone(self, client: Client, area: WaitingArea, alex: User) -> None:
        area.deleted_at = area.created_at
        area.save(update_fields=["deleted_at"])
        assert client.get(at("edit_properties", area)).status_code == 404
        assert client.post(at("edit_properties", area), filled()).status_code == 404
