from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

# Speed is measured where it is the point; a busy machine says nothing about a property.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What runs against the clock with real packets or real browsers may fail because somebody else has the machine.

    Such a test is run again, twice at most; a rerun is shown as `R`. The bars stay: one run has to meet them all.
    `--reruns 0` shows each failure at once.
    """
    if config.getoption("reruns") == 0:
        return
    for item in items:
        if item.get_closest_marker("media") or item.get_closest_marker("e2e") or "/e2e/" in item.nodeid:
            item.add_marker(pytest.mark.flaky(reruns=2, reruns_delay=1))
