"""When a call ends by itself: the ten minutes (rule C3), the scheduled end, the empty call (rule C9).

Pure; moments are monotonic seconds. `RelayCall` says who is here, nothing in this module knows anybody.
"""

from __future__ import annotations

from calls.relay.terms import EndReason, Policy


class Timers:
    """The three moments of one call. `member_deadline` and `ends_at` are None while they do not run."""

    def __init__(self, policy: Policy, *, now: float, member_deadline: float | None, ends_at: float | None) -> None:
        self._policy = policy
        self.member_deadline = member_deadline if policy.member_wait is not None else None
        self.ends_at = ends_at
        self._empty_since: float | None = now

    def take_over(self, member_deadline: float | None, ends_at: float | None) -> None:
        """Stored moments. A member deadline of None leaves alone one that runs (hazard H19)."""
        if member_deadline is not None and self._policy.member_wait is not None:
            self.member_deadline = member_deadline
        self.ends_at = ends_at

    def settle(self, now: float, *, member_live: bool, guest_live: bool, seated: bool) -> None:
        """Set, keep or clear them, by who is here now."""
        if seated:
            self._empty_since = None
        elif self._empty_since is None:
            self._empty_since = now
        if member_live:
            self.member_deadline = None
        elif self.member_deadline is None and self._policy.member_wait is not None and guest_live:
            self.member_deadline = now + self._policy.member_wait

    def countdown(self) -> tuple[str | None, float | None]:
        """The kind and moment of the earlier of the two ends that pages count down to."""
        member, end = self.member_deadline, self.ends_at
        if member is not None and (end is None or member <= end):
            return "member", member
        return (None, None) if end is None else ("end", end)

    def due(self, now: float, *, member_at_the_door: bool) -> EndReason | None:
        """Why the call is over at `now`, if it is: the earliest moment decides, of equal ones the first."""
        endings: list[tuple[float, EndReason]] = []
        if self.ends_at is not None:
            endings.append((self.ends_at, EndReason.TIME_UP))
        if self.member_deadline is not None and not member_at_the_door:
            endings.append((self.member_deadline, EndReason.NOBODY_JOINED))
        if self._empty_since is not None:
            endings.append((self._empty_since + self._policy.empty_after, EndReason.EMPTY))
        over = [ending for ending in endings if ending[0] <= now]
        return min(over, key=lambda ending: ending[0])[1] if over else None
