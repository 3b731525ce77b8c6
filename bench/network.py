"""A bad network, made in user space: kernels here have no netem (relay.md, "Measuring"). Pure and seeded."""

from __future__ import annotations

from math import inf
from random import Random


class Network:
    """One direction of a path. The same seed and the same packets give the same fate, run after run.

    `loss`, `duplicate` and `reorder` are probabilities for each packet; `delay` is what every packet takes,
    `jitter` the most that is added to it (uniform), both in seconds. Jitter alone keeps the order, as queues do;
    a reordered packet is held `reorder_by` seconds longer and overtaken. A link of `rate` bits/s, which may change at
    any time, has a queue of at most `queue` seconds; what finds it full is lost.
    """

    def __init__(
        self,
        seed: int,
        *,
        loss: float = 0.0,
        delay: float = 0.0,
        jitter: float = 0.0,
        duplicate: float = 0.0,
        reorder: float = 0.0,
        reorder_by: float = 0.02,
        rate: float = inf,
        queue: float = 0.3,
    ) -> None:
        for name, chance in (("loss", loss), ("duplicate", duplicate), ("reorder", reorder)):
            if not 0.0 <= chance <= 1.0:
                raise ValueError(f"{name} is a probability, not {chance}")
        if min(delay, jitter, reorder_by, queue) < 0.0:
            raise ValueError("A packet cannot arrive before it was sent")
        self._random = Random(seed)
        self._loss, self._duplicate, self._reorder = loss, duplicate, reorder
        self._delay, self._jitter, self._reorder_by = delay, jitter, reorder_by
        self.rate, self._queue = rate, queue
        self._free_at = self._last = -inf

    def carry(self, now: float, size: int = 0) -> tuple[float, ...]:
        """When the copies of a packet of `size` bytes sent at `now` arrive, in seconds: none if it is lost, or two."""
        # Always the same number of draws, so that one setting does not change the fate another one deals.
        lost, held, doubled, late = (self._random.random() for _ in range(4))
        if lost < self._loss:
            return ()
        sent_at = max(now, self._free_at)
        if sent_at - now > self._queue:
            return ()
        self._free_at = sent_at = sent_at + 8 * size / self.rate
        arrival = max(sent_at + self._delay + late * self._jitter, self._last)
        if held < self._reorder:
            arrival += self._reorder_by
        else:
            self._last = arrival
        return (arrival, arrival) if doubled < self._duplicate else (arrival,)
