"""Inputs that once broke something, `<target>-<digest>.bin`: kept for good, replayed by tests/fuzz/test_fuzz.py."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

FOLDER = Path(__file__).parent


def kept() -> list[Path]:
    return sorted(FOLDER.glob("*.bin"))


def keep(target: str, data: bytes) -> Path:
    path = FOLDER / f"{target}-{sha256(data).hexdigest()[:12]}.bin"
    path.write_bytes(data)
    return path
