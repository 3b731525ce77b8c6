"""The estimate a browser's receiver makes of its link, told by REMB (draft-ietf-rmcat-gcc-02, in brief). Pure.

Less than arrived as soon as packets queue, then slowly more again, but never far over what arrives. Moments are seconds
of one clock, modulo 64 as abs-send-time has them for `sent_at`. Rates are bits/s.
"""

from __future__ import annotations

from collections import deque

_SPAN = 0.5  # s over which what arrives is measured
_QUEUED = 0.05  # s of delay over the least seen: packets queue
_LEAST_KEPT = 10.0  # s after which the least delay seen is looked for anew
_DOWN, _DOWN_EACH = 0.85, 0.3  # of what arrives (§5.5), and s between two such steps
_UP = 1.08  # a second (§5.5)
_AHEAD, _AHEAD_BITS = 1.5, 10_000  # at most this times what arrives, and that much more
_START = 300_000


class Estimate:
    """`bitrate` is what a REMB would tell now."""

    def __init__(self) -> None:
        self.bitrate = float(_START)
        self._arrived: deque[tuple[float, int]] = deque()
        self._bytes = 0
        self._least, self._least_at = float("inf"), 0.0
        self._lowered_at = self._raised_at = float("-inf")

    def arrived(self, size: int, sent_at: float, now: float) -> bool:
        """Count a packet of `size` bytes in. True when the estimate has just fallen: a REMB is sent at once."""
        self._arrived.append((now, size))
        self._bytes += size
        while now - self._arrived[0][0] > _SPAN:
            self._bytes -= self._arrived.popleft()[1]
        delay = (now - sent_at + 32) % 64 - 32
        if delay < self._least or now - self._least_at > _LEAST_KEPT:
            self._least, self._least_at = delay, now
        rate = 8 * self._bytes / _SPAN
        if delay - self._least > _QUEUED:
            if now - self._lowered_at < _DOWN_EACH:
                return False
            self._lowered_at = self._raised_at = now
            fell = _DOWN * rate < self.bitrate
            self.bitrate = min(self.bitrate, _DOWN * rate)
            return fell
        elapsed, self._raised_at = min(1.0, now - self._raised_at), now
        self.bitrate = max(self.bitrate, min(self.bitrate * _UP**elapsed, _AHEAD * rate + _AHEAD_BITS))
        return False
