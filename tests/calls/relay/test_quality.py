"""Who is told what of paused pictures: the viewer, the sender, and nobody who is not shown them."""

from __future__ import annotations

from calls.relay.people import Forwarding
from calls.relay.quality import View, qualities
from calls.relay.terms import Quality

EVERYBODY: Forwarding = {
    "ann": ("ben", "cat", None, "ben"),
    "ben": ("ann", "cat", None, None),
    "cat": ("ann", "ben", None, "ben"),
}


def told(shown: Forwarding, unheard: dict[str, tuple[str, ...]] | None = None, **views: View) -> dict[str, Quality]:
    return {quality.participant_id: quality for quality in qualities("call", shown, views, unheard or {})}


def test_good_links_are_worth_no_word() -> None:
    assert told(EVERYBODY, ann=View(), ben=View()) == {name: Quality("call", name) for name in EVERYBODY}


def test_paused_picture_is_told_to_its_viewer_and_to_its_sender() -> None:
    said = told(EVERYBODY, ann=View(seats=(False, True, False), weak=True))
    assert said["ann"] == Quality("call", "ann", paused=("cat",), weak=("ann",))
    assert said["cat"] == Quality("call", "cat", unseen=("ann",), weak=("ann",))
    assert said["ben"] == Quality("call", "ben", weak=("ann",))


def test_paused_screen_is_told_to_whom_it_is_shared_with() -> None:
    view = View(screen=True, weak=True)
    assert told(EVERYBODY, cat=view)["cat"].screen_paused
    assert not told(EVERYBODY, ben=view)["ben"].screen_paused


def test_who_is_not_heard_is_told_by_whom_and_nobody_else_is() -> None:
    said = told(EVERYBODY, {"ann": ("cat", "somebody who has left")})
    assert said["ann"] == Quality("call", "ann", unheard=("cat",))
    assert said["ben"] == Quality("call", "ben")


def test_empty_seat_and_somebody_unseen_are_not_spoken_of() -> None:
    """Rule C3: shielded guests learn nothing of each other."""
    alone: Forwarding = {"ann": (None, None, None, None), "ben": (None, None, None, None)}
    said = told(alone, ann=View(seats=(True, True, True), weak=True))
    assert said["ann"] == Quality("call", "ann", weak=("ann",))
    assert said["ben"] == Quality("call", "ben")
