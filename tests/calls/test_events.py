"""What a page is told of the roster depends on who it is (rule C3)."""

from __future__ import annotations

from calls.events import call_roster, roster_for
from calls.relay.terms import Media, Person, Role, Roster, State

ANN = Person("ann", "Ann", Role.GUEST, State.CONNECTED, Media(), 1.0, "microphone-heard camera-off")
BOB = Person("bob", "Bob", Role.GUEST, State.CONNECTED, Media(screen=True), 2.0)


def roster(*, shielded: bool) -> dict[str, object]:
    whole = Roster(
        version=3,
        people=(ANN, BOB),
        slots={"ann": ("bob", None, None), "bob": ("ann", None, None)},
        screen="bob",
        shielded=shielded,
    )
    return dict(call_roster(whole)["roster"])


def test_shielded_guest_is_shown_nobody_else() -> None:
    told = roster_for("ann", Role.GUEST, roster(shielded=True))
    assert [person["name"] for person in told["participants"]] == ["Ann"]
    assert told["slots"] == [None, None, None]
    assert told["screen"] is None


def test_who_waits_for_a_seat_is_told_of_nobody() -> None:
    told = roster_for("eve", Role.MEMBER, roster(shielded=False))
    assert (told["participants"], told["slots"], told["screen"]) == ([], [None, None, None], None)


def test_shielded_guest_who_shares_still_knows_it() -> None:
    assert roster_for("bob", Role.GUEST, roster(shielded=True))["screen"] == "bob"


def test_member_on_the_way_in_is_shown_the_guests() -> None:
    told = roster_for("bob", Role.MEMBER, roster(shielded=True))
    assert [person["name"] for person in told["participants"]] == ["Ann", "Bob"]


def test_guest_is_shown_everybody_once_the_member_is_live() -> None:
    told = roster_for("ann", Role.GUEST, roster(shielded=False))
    assert [person["name"] for person in told["participants"]] == ["Ann", "Bob"]
    assert told["slots"] == ["bob", None, None]
    assert told["screen"] == "bob"
    assert set(told) == {"version", "started_at", "participants", "slots", "screen"}


def test_members_alone_are_told_what_device_checks_found() -> None:
    """Rule C8: guests learn nothing of each other's devices."""
    to_member = roster_for("bob", Role.MEMBER, roster(shielded=False))["participants"]
    assert [person["device_check"] for person in to_member] == [["microphone-heard", "camera-off"], []]
    to_guest = roster_for("ann", Role.GUEST, roster(shielded=False))["participants"]
    assert all("device_check" not in person for person in to_guest)
