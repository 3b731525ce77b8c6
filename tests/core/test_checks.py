"""Hazard H2: nothing starts half-secured. The settings are read at import, so each start is a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.core.management.base import CommandError
from django.test import override_settings

from core.checks import check_secrets, check_sqlite, require_shared_channel_layer

GOOD = "0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMN"
OTHER = "NMLKJIHGFEDCBA-zyxwvutsrqponmlkjihgfedcba-9876543210"
PRODUCTION = {
    "DEBUG": "0",
    "SECRET_KEY": GOOD,
    "LINK_KEY": OTHER,
    "ALLOWED_HOSTS": "meet.example.org",
    "PUBLIC_URL": "https://meet.example.org",
    "EMAIL_URL": "smtp+tls://mail.example.org:587",
}


def start(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR,
        env=kept | {"DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "config.settings"} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_production_settings_pass_every_check_of_a_deployment(tmp_path: Path) -> None:
    done = start(tmp_path, "check", "--deploy", "--fail-level", "WARNING", **PRODUCTION)
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


@pytest.mark.parametrize("missing", ["SECRET_KEY", "LINK_KEY", "ALLOWED_HOSTS", "PUBLIC_URL"])
def test_production_does_not_start_without(missing: str, tmp_path: Path) -> None:
    done = start(tmp_path, "check", **(PRODUCTION | {missing: ""}))
    assert done.returncode != 0
    assert missing in done.stderr


def test_the_demo_world_is_refused_in_production(tmp_path: Path) -> None:
    done = start(tmp_path, "demo", **PRODUCTION)
    assert done.returncode != 0
    assert "DEBUG=1 only" in done.stderr


def ids(**changed: object) -> list[str | None]:
    sound = {
        "DEBUG": False,
        "SECRET_KEY": GOOD,
        "LINK_KEY": OTHER,
        "ALLOWED_HOSTS": ["meet.example.org"],
        "PUBLIC_URL": "https://meet.example.org",
    }
    with override_settings(**(sound | changed)):
        return [found.id for found in check_secrets(None)]


def test_sound_settings_are_not_complained_about() -> None:
    assert ids() == []


@pytest.mark.parametrize(
    "weak", ["", "short", "a" * 60, "django-insecure-" + GOOD, "change-me-" + GOOD, "your-secret-key-" + GOOD]
)
def test_a_weak_secret_is_refused_wherever_it_stands(weak: str) -> None:
    assert ids(SECRET_KEY=weak) == ["anteroom.E001"]
    assert ids(LINK_KEY=weak) == ["anteroom.E002"]


def test_one_secret_for_both_is_refused() -> None:
    """Changing the session secret would kill every link."""
    assert ids(LINK_KEY=GOOD) == ["anteroom.E003"]


@pytest.mark.parametrize("hosts", [[], ["*"]])
def test_answering_to_any_name_is_refused(hosts: list[str]) -> None:
    assert ids(ALLOWED_HOSTS=hosts) == ["anteroom.E004"]


@pytest.mark.parametrize(
    "url", ["", "meet.example.org", "ftp://meet.example.org", "https://", "http://[", "https://meet.example.org/x"]
)
def test_links_need_an_address_to_lead_to(url: str) -> None:
    assert ids(PUBLIC_URL=url) == ["anteroom.E007"]


def test_pages_that_browsers_do_not_trust_would_have_no_camera() -> None:
    assert ids(PUBLIC_URL="http://meet.example.org") == ["anteroom.E009"]
    assert ids(PUBLIC_URL="http://localhost:8000") == []


def sqlite(**changed: object) -> dict[str, object]:
    pragmas = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
    options = {"timeout": 5, "transaction_mode": "IMMEDIATE", "init_command": pragmas} | changed
    return {"default": {"ENGINE": "django.db.backends.sqlite3", "OPTIONS": options}}


@pytest.mark.parametrize(
    ("changed", "complaints"),
    [
        ({}, 0),
        ({"timeout": 1}, 1),
        ({"transaction_mode": "DEFERRED"}, 1),
        ({"init_command": "PRAGMA journal_mode=DELETE; PRAGMA synchronous=NORMAL;"}, 1),
        ({"init_command": ""}, 1),
    ],
)
def test_sqlite_runs_in_one_mode_only(
    changed: dict[str, object], complaints: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "DATABASES", sqlite(**changed))
    assert len(check_sqlite(None)) == complaints


def test_postgresql_needs_none_of_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "DATABASES", {"default": {"ENGINE": "django.db.backends.postgresql"}})
    assert check_sqlite(None) == []


def test_a_second_process_is_refused_a_layer_that_nobody_else_hears() -> None:
    with (
        override_settings(CHANNEL_LAYERS={"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}),
        pytest.raises(CommandError, match="REDIS_URL"),
    ):
        require_shared_channel_layer("manage.py relay")


def test_a_second_process_may_start_on_redis() -> None:
    with override_settings(CHANNEL_LAYERS={"default": {"BACKEND": "channels_redis.core.RedisChannelLayer"}}):
        require_shared_channel_layer("manage.py relay")


def test_turn_server_needs_a_secret_worth_the_name() -> None:
    for secret in ("", "short", "change-me-" + GOOD):
        with override_settings(DEBUG=False, TURN_URLS=["turn:turn.example.org"], TURN_SECRET=secret):
            assert "anteroom.E006" in {problem.id for problem in check_secrets(None)}
    with override_settings(DEBUG=False, TURN_URLS=["turn:turn.example.org"], TURN_SECRET=GOOD):
        assert "anteroom.E006" not in {problem.id for problem in check_secrets(None)}


@pytest.mark.parametrize(
    ("name", "wrong", "sound"),
    [
        ("REDIS_URL", ["redis:6379", "http://redis"], ["", "redis://redis:6379/0", "unix:///run/redis.sock"]),
        ("CALL_CAPACITY", [1, 5], [2, 4]),
        ("CALL_MEMBER_WAIT", [0.0, -1.0, float("nan"), float("inf")], [30.0]),
        ("CALL_EMPTY_AFTER", [0.0], [60.0]),
        ("RELAY_PORT", [0, 70_000], [443]),
        ("RELAY_ADDRESSES", ["10.0.0.5", "0.0.0.0:7000", "x=y:7000"], ["", "203.0.113.7=10.0.0.5:7000"]),
        ("RELAY_TCP_ADDRESSES", ["203.0.113.8"], ["203.0.113.8=10.0.0.6:443"]),
        ("TURN_URLS", [["turn.example.org"]], [[], ["turns:turn.example.org:443?transport=tcp"]]),
        ("MESSAGES_A_MEMBER_AN_HOUR", [0], [1]),
        ("MESSAGES_A_RECIPIENT_AN_HOUR", [0], [1]),
        ("MESSAGES_AN_ORGANISATION_A_DAY", [0], [1]),
        ("MESSAGE_BODY_DAYS", [0], [1]),
        ("MESSAGE_DAYS", [-1], [1]),
        (
            "EMAIL_DELIVERY_BACKEND",
            ["anymail.backends.mailsender.EmailBackend"],
            ["django.core.mail.backends.smtp.EmailBackend"],
        ),
        ("INVITE_DAYS", [0, 365], [1, 364]),
        ("INVITES_KEPT_DAYS", [-1], [0, 30]),
    ],
)
def test_a_setting_that_cannot_work_is_told_at_the_start(name: str, wrong: list[object], sound: list[object]) -> None:
    """Not by the first call, invitation or code to sign in that fails."""
    for value in (*wrong, *sound):
        with override_settings(DEBUG=True, **{name: value}):
            errors = [problem for problem in run_checks() if problem.is_serious() and name in str(problem.msg)]
        assert bool(errors) == (value in wrong), value


def test_a_start_with_a_setting_that_cannot_work_is_refused(tmp_path: Path) -> None:
    done = start(tmp_path, "check", **(PRODUCTION | {"CALL_CAPACITY": "9"}))
    assert done.returncode != 0
    assert "CALL_CAPACITY is not 2 to 4" in done.stderr
