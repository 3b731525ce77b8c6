"""The compose file opens three doors and no more (hazard H9)."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def published() -> set[str]:
    return {port for service in COMPOSE["services"].values() for port in service.get("ports", [])}


def test_only_web_and_media_ports_are_published() -> None:
    assert published() == {"80:80", "443:443", "7000:7000/udp", "7000:7000/tcp"}


def test_no_service_borrows_the_hosts_network() -> None:
    assert not any("network_mode" in service for service in COMPOSE["services"].values())


def test_every_command_of_ours_exists() -> None:
    commands = re.findall(r"manage\.py ([a-z]+)", (ROOT / "docker-compose.yml").read_text())
    from django.core.management import get_commands

    assert set(commands) <= set(get_commands())


def test_database_password_has_no_default() -> None:
    assert COMPOSE["services"]["postgres"]["environment"]["POSTGRES_PASSWORD"].startswith("${POSTGRES_PASSWORD:?")


def test_lock_files_name_no_registry() -> None:
    for name in ("requirements/base.txt", "requirements/dev.txt"):
        assert not re.search(r"https?://|--index-url|--find-links \S", (ROOT / name).read_text())
    assert '"resolved"' not in (ROOT / "package-lock.json").read_text()
