from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client, override_settings

from calls.blur import PACKAGE

OURS = Path(settings.BASE_DIR, "static")
IMPORT = re.compile(r"""^\s*(?:import|export)\b[^"';]*["'](\.[^"']+)["']""", re.MULTILINE)
STATEMENT = re.compile(r"""^(?:(?:import|export|\}).*\bfrom\s*["'].*|import\s*["'].*)$""", re.MULTILINE)
SOUND = re.compile(r"""(?:from |import )"\.{1,2}/[\w./-]+\.js";$""")


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("static")
    storages = settings.STORAGES | {"staticfiles": {"BACKEND": "core.storage.HashedStorage"}}
    with override_settings(STATIC_ROOT=folder, STORAGES=storages, DEBUG=False):
        call_command("collectstatic", interactive=False, verbosity=0)
    return folder


@pytest.fixture(scope="module")
def manifest(collected: Path) -> dict[str, str]:
    paths: dict[str, str] = json.loads((collected / "staticfiles.json").read_text())["paths"]
    return paths


def test_every_import_in_our_modules_leads_to_a_hashed_file(collected: Path, manifest: dict[str, str]) -> None:
    hashed = set(manifest.values())
    followed = 0
    for source in OURS.rglob("*.js"):
        module = Path(manifest[source.relative_to(OURS).as_posix()])
        for reference in IMPORT.findall((collected / module).read_text()):
            target = (collected / module.parent / reference).resolve().relative_to(collected.resolve())
            assert target.as_posix() in hashed, f"{source.name} imports {reference}"
            followed += 1
    assert followed >= 5


def test_our_modules_are_written_so_that_hashing_finds_their_imports() -> None:
    """Relative, with extension and semicolon: anything else is left unhashed without a word."""
    for source in OURS.rglob("*.js"):
        for statement in STATEMENT.findall(source.read_text()):
            assert SOUND.search(statement), f"{source.name}: {statement}"


def test_what_is_served_is_compressed_beforehand(collected: Path, manifest: dict[str, str]) -> None:
    for name in ("bootstrap/css/bootstrap.min.css", "core/base.css", "core/page.js"):
        assert (collected / f"{manifest[name]}.gz").is_file()


def test_the_blur_package_is_served_as_it_came_compressed(collected: Path, manifest: dict[str, str]) -> None:
    """Hashing rewrites what it takes for imports: in a package's minified scripts there must be none."""
    package = Path(settings.BASE_DIR, "node_modules/@mediapipe/selfie_segmentation")
    for name in PACKAGE:
        served = collected / manifest[f"mediapipe/{name}"]
        assert served.read_bytes() == (package / name).read_bytes()
        assert served.with_name(f"{served.name}.gz").is_file()


def test_a_worker_is_served_with_the_policy_of_the_pages(client: Client) -> None:
    policy = client.get("/livez")["Content-Security-Policy"]
    assert "script-src 'self' 'wasm-unsafe-eval'" in policy
    for name, wanted in (("calls/blur-worker.js", policy), ("calls/blur.js", None)):
        answer = client.get(f"/static/{name}")
        assert answer.status_code == 200
        assert answer.get("Content-Security-Policy") == wanted
