"""`manage.py serve` as people start it: answers, gives up its lease when stopped, and says nothing alarming."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "c2VjcmV0LXRva2Vu"
PATIENCE = 30.0  # seconds


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """On SQLite and in memory, whatever the other tests run on."""
    kept = {key: value for key, value in os.environ.items() if key not in ("DATABASE_URL", "REDIS_URL", "PUBLIC_URL")}
    return kept | {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DEBUG": "1",
        "ALLOWED_HOSTS": "localhost",
        "DATA_DIR": str(folder),
        "PORT": str(free_port()),
        "RELAY_PORT": str(free_port(socket.SOCK_DGRAM)),
        **settings,
    }


def manage(*command: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    arguments = [sys.executable, "manage.py", *command]
    return subprocess.run(arguments, cwd=ROOT, env=env, capture_output=True, text=True, timeout=PATIENCE)


def fetch(url: str) -> int:
    """The status once the server answers."""
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    until = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(
                url, timeout=5, context=trusting if url.startswith("https") else None
            ) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            assert time.monotonic() < until, "the server does not answer"
            time.sleep(0.1)


@pytest.mark.parametrize(("number", "https"), [(signal.SIGTERM, "0"), (signal.SIGINT, "1")])
def test_the_house_starts_serves_and_stops_in_order(tmp_path: Path, number: signal.Signals, https: str) -> None:
    env = environment(tmp_path, HTTPS=https)
    assert manage("migrate", "--verbosity", "0", env=env).returncode == 0
    url = f"{'https' if https == '1' else 'http'}://localhost:{env['PORT']}"
    env["PUBLIC_URL"] = url
    serve = [sys.executable, "manage.py", "serve"]
    with subprocess.Popen(
        serve, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as house:
        try:
            assert fetch(f"{url}/livez") == 200
            assert fetch(f"{url}/rooms/join/{TOKEN}/?name=Ann") == 404
            assert leases(tmp_path) == 1
        finally:
            house.send_signal(number)
        output, _nothing = house.communicate(timeout=PATIENCE)
    assert house.returncode == 0, output
    assert "Traceback" not in output
    assert leases(tmp_path) == 0
    assert f"{url} (stop" in output
    assert TOKEN not in output
    assert "Ann" not in output


def leases(folder: Path) -> int:
    with sqlite3.connect(folder / "anteroom.sqlite3") as database:
        return int(database.execute("SELECT count(*) FROM calls_relaylease").fetchone()[0])


def test_a_port_that_is_taken_is_said_in_a_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        env = environment(tmp_path, PORT=str(taken.getsockname()[1]))
        manage("migrate", "--verbosity", "0", env=env)
        said = manage("serve", env=env)
    assert said.returncode == 1
    assert "is taken" in said.stderr
    assert "Traceback" not in said.stderr


@pytest.mark.parametrize("command", [["serve", "--web"], ["relay"], ["worker"]])
def test_a_second_process_without_redis_is_refused(tmp_path: Path, command: list[str]) -> None:
    said = manage(*command, env=environment(tmp_path))
    assert said.returncode == 1
    assert "Set REDIS_URL" in said.stderr
