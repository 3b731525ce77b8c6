"""The cost of the relay in computed time, at its smallest."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest


@pytest.mark.media
def test_cost_of_one_call_is_told() -> None:
    command = [sys.executable, "-m", "bench.cost", "--calls", "1", "--seconds", "0.2"]
    told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    cost = re.fullmatch(r"([\d.]+) µs of CPU for each forwarded packet\n", told)
    assert cost is not None
    assert 1 < float(cost[1]) < 1000
