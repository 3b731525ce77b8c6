"""Is somebody's connection so poor that it is noticed? From loss and jitter both ways. Pure, `now` in seconds.

Up is measured here, on what their browser sends; down by their browser, in its receiver reports. What was lost, or
shaken, before it came here is somebody else's connection and is subtracted. Said after a while and taken back after a
longer one: a sign that comes and goes is worse than none.
"""

from __future__ import annotations

from collections import deque

# Of the packets: repairs and redundancy hide less than the one. A link that steadily loses a twentieth, and is called
# good, shows up to 7 % by chance in the few hundred packets of `SPAN`: the sign must not stick there.
POOR_LOSS, GOOD_LOSS = 0.10, 0.07
POOR_JITTER, GOOD_JITTER = 0.080, 0.050  # s, of the sound
SPAN = 3.0  # s of reports that count; a single gap does not outlast `POOR_FOR`
FEWEST = 40  # packets, that a share lost says something
JITTER_KEPT = 12.0  # s: reports on sound may be some seconds apart
POOR_FOR, GOOD_FOR = 3.0, 5.0  # s


class _Way:
    """One direction."""

    def __init__(self) -> None:
        self._reports: deque[tuple[float, int, int]] = deque()
        self._jitter: dict[int, tuple[float, float]] = {}  # by stream: when, seconds

    def counted(self, expected: int, lost: int, now: float) -> None:
        self._reports.append((now, expected, lost))

    def shaken(self, stream: int, jitter: float, now: float) -> None:
        self._jitter[stream] = now, jitter

    def loss(self, now: float) -> float:
        while self._reports and now - self._reports[0][0] >= SPAN:
            self._reports.popleft()
        expected = sum(expected for _, expected, _ in self._reports)
        lost = sum(lost for _, _, lost in self._reports)
        return max(0, lost) / expected if expected >= FEWEST else 0.0

    def jitter(self, now: float) -> float:
        """The steadiest stream speaks for the way: the others are shaken before they come here."""
        return min((jitter for at, jitter in self._jitter.values() if now - at <= JITTER_KEPT), default=0.0)


class Health:
    def __init__(self) -> None:
        self.up, self.down = _Way(), _Way()
        self._is_poor = False
        self._since: float | None = None  # what would change it holds

    def is_poor(self, now: float, *, limited: bool) -> bool:
        """To be asked a few times a second. `limited`: the way down carries less than all that could be shown."""
        loss = max(self.up.loss(now), self.down.loss(now))
        jitter = max(self.up.jitter(now), self.down.jitter(now))
        if self._is_poor:
            would_change = not limited and loss < GOOD_LOSS and jitter < GOOD_JITTER
        else:
            would_change = limited or loss > POOR_LOSS or jitter > POOR_JITTER
        if not would_change:
            self._since = None
        elif self._since is None:
            self._since = now
        elif now - self._since >= (GOOD_FOR if self._is_poor else POOR_FOR):
            self._is_poor = not self._is_poor
            self._since = None
        return self._is_poor
