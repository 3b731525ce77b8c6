"""The device test, open to anyone (rule C8)."""

from __future__ import annotations

import pytest
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
