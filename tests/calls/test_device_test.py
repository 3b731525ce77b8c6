"""The device test, open to anyone (rule C8)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse


@pytest.mark.django_db
def test_anyone_may_test_their_devices_without_signing_in(client: Client) -> None:
    page = client.get("/device-test/")
    assert page.status_code == 200
    assert "Test your camera and microphone</h1>" in page.content.decode()
    assert reverse("calls:show_device_test") == "/device-test/"


@pytest.mark.django_db
def test_device_test_fetches_nothing_of_a_call(client: Client) -> None:
    assert "calls/call-page.js" not in client.get("/device-test/").content.decode()


@pytest.mark.django_db
def test_device_test_takes_no_form(client: Client) -> None:
    assert client.post("/device-test/").status_code == 405


@pytest.mark.django_db
def test_it_checks_the_connection_and_says_what_a_blocked_one_means_here(client: Client, settings: Any) -> None:
    """Without a TURN server nothing else is tried on joining (calls.turn): nobody is told so."""
    page = client.get("/device-test/").content.decode()
    assert f'data-network-url="{reverse("calls:check_network")}"' in page
    assert "Calls do not get through from this network." in page
    settings.TURN_URLS, settings.TURN_SECRET = ["turns:turn.example.org:443"], "secret"
    page = client.get("/device-test/").content.decode()
    assert "When you join, another way is tried." in page
    assert "Calls do not get through from this network." not in page
    assert "turn.example.org" not in page  # credentials, and where they are good, are for admitted people


PROBLEMS = ("denied", "dismissed", "system", "missing", "busy", "insecure", "failed")  # static/calls/devices.js
BROWSERS = (
    "chrome", "edge", "firefox", "safari", "ios-safari", "ios-other", "android-chrome", "android-firefox", "samsung",
    "app", "other",
)  # static/calls/browsers.js  # fmt: skip
SYSTEMS = ("windows", "mac", "android", "ios")


def test_each_trouble_has_its_words_and_each_browser_its_help() -> None:
    phrases, help_ = render_to_string("calls/_device_phrases.html"), render_to_string("calls/_device_help.html")
    for problem in PROBLEMS:
        for device in ("both", "camera", "microphone"):
            assert f'data-phrase="{device}-{problem}"' in phrases
    wanted = {f"denied-{browser}" for browser in BROWSERS} | {f"system-{system}" for system in SYSTEMS}
    assert wanted <= set(re.findall(r'data-help="([\w-]+)"', help_))
