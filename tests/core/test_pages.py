from __future__ import annotations

from uuid import uuid4

import pytest
from django.contrib.auth.models import AnonymousUser
from django.contrib.staticfiles import finders
from django.db import DatabaseError
from django.test import Client, RequestFactory, override_settings
from django.urls import reverse
from django.views.defaults import server_error

from core import views
from tests.accounts.factories import make_organisation, make_user


@pytest.mark.django_db
def test_a_visitor_reads_what_this_is_and_finds_both_ways_on(client: Client) -> None:
    page = client.get("/").content.decode()
    assert "Video meetings for clinics and schools" in page
    assert f'href="{reverse("account_login")}"' in page
    assert 'href="/device-test/"' in page
    assert "Sign out" not in page


@pytest.mark.django_db
def test_staff_find_the_main_menu_their_organisation_and_the_way_out(client: Client) -> None:
    client.force_login(make_user(name="Nina Hart", organisation=make_organisation(name="Riverside", accent="#1f5fa8")))
    page = client.get("/").content.decode()
    assert "Riverside" in page
    assert 'href="/colours/1f5fa8.css"' in page
    assert 'href="/rooms/"' in page
    assert f'<form method="post" action="{reverse("account_logout")}">' in page


@pytest.mark.django_db
def test_no_page_of_ours_carries_an_inline_script_or_style(client: Client) -> None:
    """The policy would block it, and the page would be broken only in production."""
    client.force_login(make_user(organisation=make_organisation(accent="#1f5fa8")))
    for address in ("/", "/accounts/2fa/", "/accounts/password/change/", "/nowhere/"):
        page = client.get(address).content.decode()
        assert " style=" not in page
        assert "<style" not in page
        assert "onclick=" not in page
        assert "<script>" not in page


@pytest.mark.django_db
def test_a_page_is_in_the_one_language_it_says(client: Client) -> None:
    page = client.get("/accounts/login/", headers={"Accept-Language": "de"}).content.decode()
    assert '<html lang="en-gb">' in page
    assert "Passwort" not in page


def test_colours_are_readable_whatever_the_organisation_picked(client: Client) -> None:
    assert "--on-organisation: #ffffff" in client.get("/colours/1f5fa8.css").content.decode()
    assert "--on-organisation: #000000" in client.get("/colours/f2e205.css").content.decode()
    assert client.get("/colours/1f5fa8.css")["Content-Type"].startswith("text/css")


@pytest.mark.django_db
@pytest.mark.parametrize("colour", ["red", "1f5fa", "1f5fa8;}", "1f5fa8%0a", "g00000"])
def test_a_colour_that_is_none_is_not_found(client: Client, colour: str) -> None:
    assert client.get(f"/colours/{colour}.css").status_code == 404


@pytest.mark.parametrize("address", ["/", "/colours/1f5fa8.css", "/livez", "/readyz"])
def test_pages_that_only_show_refuse_to_be_posted_to(client: Client, address: str) -> None:
    assert client.post(address).status_code == 405


@pytest.mark.django_db
@override_settings(DEBUG=False)
def test_a_wrong_address_gets_our_page_with_a_way_on(client: Client) -> None:
    answer = client.get("/nowhere/")
    assert answer.status_code == 404
    assert "This page is not here" in answer.content.decode()
    assert "Go to the main page" in answer.content.decode()


@pytest.mark.django_db
def test_an_old_form_gets_our_page_and_does_nothing() -> None:
    answer = Client(enforce_csrf_checks=True).post(reverse("account_login"), {"login": "x", "password": "x"})
    assert answer.status_code == 403
    assert "This page was open for too long" in answer.content.decode()


@pytest.mark.django_db
def test_the_address_of_a_button_gets_our_page_with_a_way_on(client: Client) -> None:
    """It is in the address bar where the button's answer was a page: "You are in another call"."""
    client.force_login(make_user())
    answer = client.get(reverse("rooms:enter_room", args=[uuid4()]))
    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert "This address belongs to a button." in answer.content.decode()
    assert "Go to the main page" in answer.content.decode()
    assert client.head(reverse("rooms:enter_room", args=[uuid4()])).content == b""


def test_our_own_failure_is_owned_up_to_without_asking_the_database(rf: RequestFactory) -> None:
    answer = server_error(rf.get("/"))
    assert answer.status_code == 500
    assert "It is our fault, not yours" in answer.content.decode()


# --- Health (hazard H22) ---


def test_liveness_asks_nobody(client: Client) -> None:
    """Without the database mark any query fails this test (hazard H22)."""
    assert client.get("/livez").status_code == 200


@pytest.mark.django_db
def test_readiness_says_that_all_is_there(client: Client) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"database": True, "channel_layer": True})


@pytest.mark.django_db
def test_readiness_names_a_database_that_is_away(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    class Away:
        def cursor(self) -> None:
            raise DatabaseError

    monkeypatch.setattr(views, "connection", Away())
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"database": False, "channel_layer": True})


@pytest.mark.django_db
def test_readiness_names_a_redis_that_is_away(client: Client) -> None:
    nobody_listens = {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": ["redis://127.0.0.1:1"]}}
    with override_settings(CHANNEL_LAYERS={"default": nobody_listens}):
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()) == (503, {"database": True, "channel_layer": False})
        assert client.get("/livez").status_code == 200


def test_the_sheets_and_scripts_that_the_base_page_names_are_there() -> None:
    for name in (
        "core/tokens.css",
        "core/base.css",
        "core/page.js",
        "core/icon.svg",
        "bootstrap/css/bootstrap.min.css",
    ):
        assert finders.find(name), name


def test_the_main_page_is_never_kept_by_a_shared_computer(rf: RequestFactory) -> None:
    request = rf.get("/")
    request.user = AnonymousUser()
    assert "no-store" in views.show_main(request)["Cache-Control"]


@pytest.mark.django_db
def test_a_part_of_a_page_does_not_take_the_pages_address(client: Client) -> None:
    """Whoever loads the page again after a dialog sees the list it was opened from."""
    client.force_login(make_user(name="Nina Hart", organisation=make_organisation(name="Riverside")))
    assert client.get("/rooms/", headers={"HX-Request": "true"})["HX-Push-Url"] == "false"
    assert "HX-Push-Url" not in client.get("/rooms/")
