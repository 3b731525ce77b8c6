from __future__ import annotations

import pytest

from waiting_areas.states import POSSIBLE, Deed, Facts, Status, is_possible, status_of


@pytest.mark.parametrize(
    ("is_present", "is_with_provider", "was_with_provider", "expected"),
    [
        (True, False, False, Status.WAITING),
        (True, True, False, Status.BEING_SEEN),
        (True, True, True, Status.BEING_SEEN),
        (True, False, True, Status.ON_HOLD),
        (False, False, False, Status.RECONNECTING),
        (False, True, True, Status.RECONNECTING),
        (False, False, True, Status.RECONNECTING),
    ],
)
def test_the_status_follows_from_the_facts(
    is_present: bool, is_with_provider: bool, was_with_provider: bool, expected: Status
) -> None:
    assert status_of(Facts(is_present, is_with_provider, was_with_provider)) is expected


def test_the_words_of_the_list_are_those_of_the_product() -> None:
    """Rule W3."""
    assert [status.label for status in Status] == ["Waiting", "Being seen", "On hold", "Reconnecting"]


def test_everything_can_be_done_to_anybody_inside_but_hold_only_to_whom_somebody_sees() -> None:
    assert set(POSSIBLE) == set(Deed)
    refused = {(deed, status) for deed in Deed for status in Status if not is_possible(deed, status)}
    assert refused == {(Deed.HOLD, Status.WAITING), (Deed.HOLD, Status.ON_HOLD)}
