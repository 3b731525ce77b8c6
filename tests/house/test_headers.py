"""What each page says to its browser: a strict policy, and to tell no address of ours to others (hazards H3, H23)."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.invites.factories import make_invite
from tests.rooms.factories import make_room
from tests.waiting_areas.factories import make_area

POLICY = {
    "default-src": "'self'",
    "script-src": "'self' 'wasm-unsafe-eval'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "media-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}


def opened(client: Client, page: str) -> Any:
    """Pages whose address is a key to somebody's call among them, and those behind them."""
    match page:
        case "room link":
            return client.get(make_room().link_path)
        case "personal link":
            return client.get(make_invite().link_path)
        case "area link":
            return client.get(make_area().link_path)
        case "call":
            return client.post(make_room().link_path, {"name": "Gail"}, follow=True)
        case "revoked link":
            return client.get("/i/c2VjcmV0/")
    return client.get({"nowhere": "/nowhere/", "sign-in": "/accounts/login/", "test": "/device-test/"}.get(page, "/"))


@pytest.mark.django_db
@pytest.mark.parametrize(
    "page",
    ["main", "sign-in", "test", "room link", "personal link", "area link", "revoked link", "call", "nowhere"],
)
def test_every_page_has_the_strict_policy_and_tells_nobody_where_it_was(client: Client, page: str) -> None:
    answer = opened(client, page)
    directives = (directive.strip().partition(" ") for directive in answer["Content-Security-Policy"].split(";"))
    assert {name: value for name, _space, value in directives} == POLICY
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"


@pytest.mark.django_db
@pytest.mark.parametrize("page", ["room link", "personal link", "area link", "call"])
def test_a_page_that_is_somebodys_own_is_kept_by_nobody(client: Client, page: str) -> None:
    assert "no-store" in opened(client, page)["Cache-Control"]
