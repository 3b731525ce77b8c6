"""What the settings make of an environment, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def public_url(tmp_path: Path, **environment: str) -> str:
    command = [sys.executable, "-c", "from config.settings import PUBLIC_URL; print(PUBLIC_URL)"]
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    settings = kept | {"DEBUG": "1", "DATA_DIR": str(tmp_path)} | environment
    return subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, check=True).stdout.strip()


def test_links_of_a_first_try_lead_to_this_machine(tmp_path: Path) -> None:
    assert public_url(tmp_path, PORT="8080") == "http://localhost:8080"


def test_links_copied_under_https_work_on_a_phone_beside_this_machine(tmp_path: Path) -> None:
    url = public_url(tmp_path, HTTPS="1")
    assert url.startswith("https://")
    assert url.endswith(":8000")
    assert "127." not in url


@pytest.mark.parametrize("given", ["https://meet.example.org", "https://meet.example.org/"])
def test_links_lead_where_the_settings_say(tmp_path: Path, given: str) -> None:
    assert public_url(tmp_path, PUBLIC_URL=given, HTTPS="1") == "https://meet.example.org"
