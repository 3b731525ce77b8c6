"""Hazard H23: what is written about a request names no key, no query and nobody."""

from __future__ import annotations

import logging

import pytest
from django.conf import settings
from django.test import Client

from core.logs import WithoutKeys, log_action, network_of

TOKEN = "c2VjcmV0LXRva2VuLW9mLWEtcm9vbQ"


@pytest.mark.parametrize(
    "path", [f"/i/{TOKEN}/", f"/waiting/{TOKEN}/?name=Ann", f"/rooms/join/{TOKEN}/details/", f"/rooms/?q={TOKEN}"]
)
@pytest.mark.parametrize(
    ("protocol", "action"), [("http", "complete"), ("websocket", "connected"), ("websocket", "rejected")]
)
def test_the_access_log_drops_keys_and_queries(
    caplog: pytest.LogCaptureFixture, path: str, protocol: str, action: str
) -> None:
    details = {"client": "10.0.0.7:50000", "path": path, "method": "GET", "status": 200, "size": 5, "time_taken": 0.01}
    with caplog.at_level(logging.INFO, "anteroom.access"):
        log_action(protocol, action, details)
    assert len(caplog.records) == 1
    assert TOKEN not in caplog.text
    assert "Ann" not in caplog.text
    assert "10.0.0.0 " in caplog.text
    assert "10.0.0.7" not in caplog.text


@pytest.mark.parametrize(
    ("client", "network"),
    [
        ("203.0.113.9:443", "203.0.0.0"),
        ("2001:db8:1:2::9:443", "2001:db8::"),
        ("somebody:1", "-"),
        (None, "-"),
    ],
)
def test_nobodys_whole_address_is_kept(client: str | None, network: str) -> None:
    """The same bits as Caddy keeps where it stands in front (deploy/Caddyfile)."""
    assert network_of(client) == network


@pytest.mark.django_db
def test_a_key_that_opens_nothing_is_not_written_either(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    """Django names the path of what it did not find."""
    caplog.handler.addFilter(WithoutKeys())
    client.get(f"/i/{TOKEN}/")
    assert "Not Found: /i/…/" in caplog.text
    assert TOKEN not in caplog.text


def test_every_handler_drops_keys() -> None:
    assert all("without_keys" in handler["filters"] for handler in settings.LOGGING["handlers"].values())
    assert not any(logger.get("handlers") for logger in settings.LOGGING["loggers"].values())
