"""What each page is told of weak links, paused pictures and missing sound, on both ends of each. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .people import Forwarding
from .terms import Quality


@dataclass(frozen=True, slots=True)
class View:
    """How one subscriber gets pictures: which of the three seats' are paused, whether the screen is, and whether the
    connection is poor."""

    seats: tuple[bool, bool, bool] = (False, False, False)
    screen: bool = False
    weak: bool = False


def qualities(
    call_id: str, shown: Forwarding, views: Mapping[str, View], unheard: Mapping[str, tuple[str, ...]]
) -> Iterator[Quality]:
    """For each person of `shown`, whole. Nobody is told of somebody they are not shown (rule C3). `unheard`: by
    speaker, who does not hear them."""
    nothing = View()
    paused = {
        subscriber: tuple(
            seat for seat, is_paused in zip(places[:3], views.get(subscriber, nothing).seats, strict=True)
            if seat is not None and is_paused
        )
        for subscriber, places in shown.items()
    }  # fmt: skip
    for person, places in shown.items():
        view = views.get(person, nothing)
        seats = [seat for seat in places[:3] if seat is not None]
        yield Quality(
            call_id,
            person,
            paused=paused[person],
            unseen=tuple(seat for seat in seats if person in paused.get(seat, ())),
            weak=tuple(seat for seat in (person, *seats) if views.get(seat, nothing).weak),
            screen_paused=view.screen and places[3] is not None,
            unheard=tuple(seat for seat in seats if seat in unheard.get(person, ())),
        )
