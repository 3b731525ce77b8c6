"""Who is said not to hear whom."""

from __future__ import annotations

from calls.relay.hearing import LASTING, Hearing
from calls.relay.people import Forwarding

ALL: Forwarding = {
    "ann": ("ben", "cat", None, None),
    "ben": ("ann", "cat", None, None),
    "cat": ("ann", "ben", None, None),
}
EVERYBODY = ["ann", "ben", "cat"]


def lasting(hearing: Hearing, shown: Forwarding = ALL, audible: list[str] = EVERYBODY) -> dict[str, tuple[str, ...]]:
    """Told once it has lasted, and not before."""
    assert hearing.unheard(shown, audible, 0.0) == {}
    assert hearing.unheard(shown, audible, LASTING - 0.1) == {}
    return hearing.unheard(shown, audible, LASTING)


def test_whoever_reports_no_sound_of_a_speaker_is_told_to_the_speaker() -> None:
    hearing = Hearing()
    hearing.report("ben", ["cat"])
    hearing.report("cat", [])
    assert lasting(hearing) == {"ann": ("ben", "cat"), "ben": ("cat",)}


def test_first_packets_take_back_what_was_not_yet_said() -> None:
    hearing = Hearing()
    hearing.report("ben", ["cat"])
    hearing.unheard(ALL, EVERYBODY, 0.0)
    hearing.report("ben", ["cat", "ann"])
    assert hearing.unheard(ALL, EVERYBODY, LASTING) == {}
    hearing.report("ben", ["cat"])
    assert hearing.unheard(ALL, EVERYBODY, LASTING + 0.1) == {}
    assert hearing.unheard(ALL, EVERYBODY, 2 * LASTING + 0.2) == {"ann": ("ben",)}


def test_page_that_has_reported_nothing_is_not_spoken_of() -> None:
    assert lasting(Hearing()) == {}


def test_new_connection_begins_with_nothing_known() -> None:
    hearing = Hearing()
    hearing.report("ben", [])
    hearing.forget("ben")
    assert lasting(hearing) == {}


def test_muted_people_are_not_missed() -> None:
    hearing = Hearing()
    hearing.report("ben", [])
    assert lasting(hearing, audible=["cat"]) == {"cat": ("ben",)}


def test_shielded_guests_are_told_nothing() -> None:
    """Rule C3."""
    hearing = Hearing()
    hearing.report("ben", [])
    assert lasting(hearing, {"ann": (None,) * 4, "ben": (None,) * 4}) == {}


def test_report_about_strangers_tells_nobody_anything() -> None:
    """Hazard H6: what a page says of people it is not shown changes nothing."""
    hearing = Hearing()
    hearing.report("ben", ["nobody", "ann", "cat"])
    assert lasting(hearing) == {}
