"""A running Anteroom for the browser stories: as `make run` serves it, or as separate processes when
DATABASE_URL and REDIS_URL are set (web, relay and worker each alone, as docker-compose.yml does).
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

from tests.neighbours import other_redis_database

ROOT = Path(__file__).resolve().parents[2]
_numbers = itertools.count(1)

# A room of its own for each story, with two members nobody else is: nobody's seat of an earlier story is in the way.
# Its link and its members' sessions are printed, so that only the stories about copying and signing in do so.
FURNISH = """
import json
import os
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.backends.db import SessionStore
from accounts.models import Organisation, OrganisationMembership, User
from rooms.models import MeetingRoom, RoomMembership
from waiting_areas.models import AreaRole, WaitingArea
clinic, password = Organisation.objects.get(name="Riverside Clinic"), make_password("anteroom-demo")
rooms = []
for number in range(1, int(os.environ["ROOMS"]) + 1):
    room = MeetingRoom.objects.create(organisation=clinic, name=f"Room {number:02}")
    area = WaitingArea.objects.create(organisation=clinic, name=f"Area {number:02}")
    sessions = []
    for name, role, area_role in (("Ada", "administrator", "administrator"), ("Ben", "member", "provider")):
        user = User.objects.create(email=f"{name.lower()}{number:02}@example.org", name=name, password=password)
        OrganisationMembership.objects.create(organisation=clinic, user=user)
        RoomMembership.objects.create(room=room, user=user, role=role)
        AreaRole.objects.create(area=area, user=user, role=area_role)
        session = SessionStore()
        session[SESSION_KEY], session[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
        session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
        session.create()
        sessions.append(session.session_key)
    rooms.append([room.name, room.link, *sessions, area.link, str(area.pk)])
print(json.dumps(rooms))
"""


@dataclass(frozen=True)
class Room:
    name: str
    link: str
    administrator: str  # a session of Ada's, who manages it
    member: str  # a session of Ben's
    area_link: str  # of a waiting area that Ada manages, and where Ben is a provider
    area_id: str


def _free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


class House:
    """Started with the demo world; `settings` are environment variables on top of the default ones.

    `production`: served without DEBUG, its files hashed and compressed in STATIC_ROOT. `rooms`: how many stories it can
    give one of their own, reruns included.
    """

    def __init__(self, *, host: str = "localhost", production: bool = False, rooms: int = 10, **settings: str) -> None:
        self.number = next(_numbers)
        self.port = _free_port(socket.SOCK_STREAM)
        self.url = f"http://{host}:{self.port}"
        self.grown_up = bool(os.environ.get("REDIS_URL"))
        self._folder = tempfile.TemporaryDirectory(prefix="anteroom-house-")
        self.log = Path(self._folder.name) / "house.log"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._commands: dict[str, tuple[str, ...]] = {}
        self.environment = (
            {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
            | {
                "DEBUG": "1",
                "DATA_DIR": self._folder.name,
                "PORT": str(self.port),
                "PUBLIC_URL": self.url,
                "RELAY_PORT": str(_free_port(socket.SOCK_DGRAM)),
                "SECRET_KEY": "stories-only-" + "0" * 50,
                "LINK_KEY": "stories-only-" + "1" * 50,
            }
            | settings
        )
        if "DATABASE_URL" in os.environ:
            self.environment["DATABASE_URL"] = self._create_database()
        for command in (["migrate", "--verbosity", "0"], ["createcachetable"], ["demo"]):
            self._manage(*command)
        self._rooms = iter([Room(*each) for each in self.runs(FURNISH, ROOMS=str(rooms))])
        if production:
            # The demo world is made under DEBUG alone (hazard H2). No proxy speaks TLS for us here.
            self.environment |= {"DEBUG": "0", "ALLOWED_HOSTS": host, "SECURE_SSL_REDIRECT": "0"}
            self._manage("collectstatic", "--noinput", "--verbosity", "0")
        if self.grown_up:
            self.environment["REDIS_URL"] = other_redis_database(os.environ["REDIS_URL"], self.number)
            self.start("relay", "relay")
            self.start("worker", "worker")
            self.start("web", "serve", "--web")
        else:
            self.start("web", "serve")
        self.wait_until_ready()

    def room(self) -> Room:
        """One that no story has used."""
        return next(self._rooms)

    def runs(self, code: str, **environment: str) -> Any:
        """What a script within the house prints, as JSON; `environment` is for it alone."""
        command = [sys.executable, "manage.py", "shell", "--verbosity", "0", "-c", code]
        given = self.environment | environment
        return json.loads(subprocess.run(command, cwd=ROOT, env=given, stdout=subprocess.PIPE, check=True).stdout)

    def _manage(self, *command: str) -> None:
        subprocess.run([sys.executable, "manage.py", *command], **self._how(), check=True)  # type: ignore[call-overload]

    def _how(self) -> dict[str, object]:
        output = self.log.open("ab")
        return {"cwd": ROOT, "env": self.environment, "stdout": output, "stderr": subprocess.STDOUT}

    def start(self, name: str, *command: str) -> None:
        self._commands[name] = command
        self.processes[name] = subprocess.Popen([sys.executable, "manage.py", *command], **self._how())  # type: ignore[call-overload]

    def start_again(self, name: str) -> None:
        self.start(name, *self._commands[name])

    def kill(self, name: str) -> None:
        """kill -9: what a crash looks like from outside."""
        self.processes[name].kill()
        self.processes[name].wait()

    def wait_until_ready(self, seconds: float = 30) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if any(process.poll() is not None for process in self.processes.values()):
                break
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=2) as answer:
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise RuntimeError(f"The house did not start:\n{self.log.read_text()[-4000:]}")

    def stop(self) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if "DATABASE_URL" in os.environ:
            self._drop_database()
        self._folder.cleanup()

    def _create_database(self) -> str:
        parts = urlsplit(os.environ["DATABASE_URL"])
        self._database = f"{parts.path.strip('/')}_stories_{os.getpid()}_{self.number}"
        with psycopg.connect(urlunsplit(parts._replace(path="/postgres")), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{self._database}"'.encode())
        return urlunsplit(parts._replace(path=f"/{self._database}"))

    def _drop_database(self) -> None:
        parts = urlsplit(os.environ["DATABASE_URL"])
        with psycopg.connect(urlunsplit(parts._replace(path="/postgres")), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{self._database}" WITH (FORCE)'.encode())
