"""Who should hear somebody and does not, from what the receiving pages report. Pure, monotonic `now` in seconds.

Their browsers' receiver reports on sound may come too late, and know nothing of a browser that waits for a touch before
it plays anything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from .people import Forwarding

LASTING = 3.0  # s that are given to the first packets, and to two samples of the page that gets them


class Hearing:
    def __init__(self) -> None:
        self._hears: dict[str, frozenset[str]] = {}  # by listener
        self._since: dict[tuple[str, str], float] = {}  # speaker and listener

    def report(self, listener: str, speakers: Iterable[str]) -> None:
        self._hears[listener] = frozenset(speakers)

    def forget(self, listener: str) -> None:
        """Their connection is another one, or gone."""
        self._hears.pop(listener, None)

    def unheard(self, shown: Forwarding, audible: Collection[str], now: float) -> dict[str, tuple[str, ...]]:
        """By speaker, who has been shown them for a while and does not hear them. Nothing is said of a page that has
        reported nothing.
        """
        deaf = {
            (speaker, listener)
            for listener, (*seats, _) in shown.items()
            if listener in self._hears
            for speaker in seats
            if speaker is not None and speaker in audible and speaker not in self._hears[listener]
        }
        self._since = {pair: self._since.get(pair, now) for pair in deaf}
        told: dict[str, tuple[str, ...]] = {}
        for (speaker, listener), since in sorted(self._since.items()):
            if now - since >= LASTING:
                told[speaker] = (*told.get(speaker, ()), listener)
        return told
