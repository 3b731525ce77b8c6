"""The network check before joining (rule C8): legs that are in no call, each shown the screen it sends.

Path, keys, reports and repairs are those of a call, so what the browser measures on them is what a call would find.
Bounded on every side, for anybody may ask for one: so many at once, each for some seconds, each told to send little
and heard for no more than its budget of that (relay.budget).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable

from . import sdp
from .dtls import Certificate
from .leg import Leg, Traffic
from .ports import Ports
from .terms import Answer, Refusal

MIRRORS = 8  # at once on a node: a handshake costs as much as a thousand packets
LASTS = 12.0  # s from its offer
RATE = 800_000  # bits/s: about what a camera sends, so that a link too weak for pictures shows it

logger = logging.getLogger(__name__)


class Mirrors:
    """Those of one node. What passes through them is no traffic of calls and not counted as such."""

    def __init__(
        self,
        ports: Ports,
        certificate: Certificate,
        dropped: Counter[str],
        clock: Callable[[], float],
        close_leg: Callable[[Leg], None],
    ) -> None:
        self._ports = ports
        self._certificate = certificate
        self._dropped = dropped
        self._clock = clock
        self._close_leg = close_leg  # says goodbye
        self._traffic = Traffic()
        self._ends_at: dict[Leg, float] = {}

    def __len__(self) -> int:
        return len(self._ends_at)

    def open(self, offer: str) -> Answer:
        """Raises `Refusal`: bad_offer, busy."""
        if len(self) >= MIRRORS:  # before anything is read: what floods it costs nothing
            raise Refusal("busy", "Too many connections are being checked just now.")
        described = sdp.parse_offer(offer)
        leg = Leg(
            connection=0,
            offer=described,
            ports=self._ports,
            certificate=self._certificate,
            traffic=self._traffic,
            dropped=self._dropped,
            clock=self._clock,
            on_up=lambda leg: leg.show((None, None, None), leg, self._clock()),
            on_down=lambda leg, hostile: self._close(leg),
            rate=RATE,
        )
        self._ends_at[leg] = self._clock() + LASTS
        return leg.answer()

    def tick(self, now: float) -> None:
        for leg, ends_at in list(self._ends_at.items()):
            try:
                leg.tick(now)
            except Exception:  # nobody's call is held up by it
                logger.exception("mirror tick failed")
            if now >= ends_at:
                self._close(leg)

    def close(self) -> None:
        for leg in list(self._ends_at):
            self._close(leg)

    def _close(self, leg: Leg) -> None:
        if self._ends_at.pop(leg, None) is not None:
            self._close_leg(leg)
