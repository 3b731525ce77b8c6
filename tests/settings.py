"""The settings of the tests: config.settings, with a folder of this run's own and nothing slow on purpose."""

from __future__ import annotations

import os
import tempfile

from tests.neighbours import other_redis_database

_data = tempfile.TemporaryDirectory(prefix="anteroom-tests-")
os.environ |= {
    "DEBUG": "1",
    "DATA_DIR": _data.name,
    "SECRET_KEY": "tests-only-" + "0" * 50,
    "LINK_KEY": "tests-only-" + "1" * 50,
    "ALLOWED_HOSTS": "testserver,localhost,127.0.0.1",
    "PUBLIC_URL": "http://testserver",
}

# pytest-xdist: each worker has a database of its own from pytest-django, and one of Redis from here.
if (_worker := os.environ.get("PYTEST_XDIST_WORKER")) and os.environ.get("REDIS_URL"):
    os.environ["REDIS_URL"] = other_redis_database(os.environ["REDIS_URL"], int(_worker.removeprefix("gw")))

from config.settings import *  # noqa: E402, F403
from config.settings import DATA_DIR, DATABASES  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# A file, not memory: sockets query from threads of their own, as they do in production.
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
