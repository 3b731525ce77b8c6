"""What one leg may ask of the relay, so that its flood is its own loss (hazard H15).

Pure, monotonic `now` in seconds passed in. What is over a budget is dropped before anything dear is done with it, and
the budgets of legs have nothing to do with each other. Only what is proven to come from the participant, by its SRTP
tag, counts towards closing a leg: a stranger who forges its address can make noise, but not have it put out.
"""

from __future__ import annotations

HEADROOM = 2.5  # times what the publisher was told it may send
PACKET = 200  # bytes added to each packet's size: an empty one costs too
FLOODS_FOR = 5.0  # s over its budget, less those within it since: the leg is closed

# In each tick of the node, a quarter of a second:
STRAYS = 16  # packets of an SSRC not known yet: each may cost a decryption
CONTROLS = 32  # connectivity checks and DTLS datagrams; a browser sends a dozen in its first second
REPORTS = 100  # RTCP packets
REPAIRS = 400  # packets asked for again; at 20 % loss a browser that sees three others asks for 50


class Allowance:
    """So many of a thing in each tick."""

    __slots__ = ("_each", "_left")

    def __init__(self, each: int) -> None:
        self._each = self._left = each

    def take(self, count: int = 1) -> bool:
        self._left -= count
        return self._left >= 0

    def renew(self) -> None:
        self._left = self._each


class Budget:
    """Of one leg. `proven` counts bytes whose SRTP tag was right, `PACKET` more for each; whoever unprotects adds."""

    __slots__ = ("_flooded", "_left", "_proven_before", "_refused", "_ticked_at", "controls", "proven", "repairs",
                 "reports", "strays")  # fmt: skip

    def __init__(self, told: float, now: float) -> None:
        """`told`: bits/s that the publisher may send."""
        self.strays = Allowance(STRAYS)
        self.controls = Allowance(CONTROLS)
        self.reports = Allowance(REPORTS)
        self.repairs = Allowance(REPAIRS)
        self.proven = 0
        self._proven_before = 0
        self._left = HEADROOM * told / 8  # bytes
        self._refused = False
        self._flooded = 0.0  # s
        self._ticked_at = now

    def take(self, size: int) -> bool:
        """May a packet of `size` bytes be looked at?"""
        self._left -= size + PACKET
        if self._left >= 0:
            return True
        self._refused = True
        return False

    def tick(self, told: float, now: float) -> bool:
        """Renew everything. False: the participant goes on flooding, and it is them."""
        for allowance in (self.strays, self.controls, self.reports, self.repairs):
            allowance.renew()
        elapsed, self._ticked_at = now - self._ticked_at, now
        rate = HEADROOM * told / 8
        is_them = 2 * (self.proven - self._proven_before) > rate * elapsed
        self._flooded = max(0.0, self._flooded + (elapsed if self._refused and is_them else -elapsed))
        self._proven_before, self._refused = self.proven, False
        # One second's worth at most: a keyframe is a burst.
        self._left = min(rate, max(0.0, self._left) + rate * elapsed)
        return self._flooded < FLOODS_FOR
