from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What runs against the clock with real packets or real browsers may fail because somebody else has the machine.

    Such a test is run again, twice at most; a rerun is shown as `R`. The bars stay: one run has to meet them all.
    """
    for item in items:
        if item.get_closest_marker("media") or item.get_closest_marker("e2e") or "/e2e/" in item.nodeid:
            item.add_marker(pytest.mark.flaky(reruns=2, reruns_delay=1))
