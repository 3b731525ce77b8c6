"""A bad network, made in user space: kernels here have no netem (relay.md, "Measuring"). Pure and seeded."""

from __future__ import annotations

from random import Random


class Network:
    """One direction of a path. The same seed and the same packets give the same fate, run after run.

    `loss`, `duplicate` and `reorder` are probabilities for each packet; `delay` is what every packet takes,
    `jitter` the most that is added to it (uniform), both in seconds. Jitter alone keeps the order, as queues do;
    a reordered packet is held `reorder_by` seconds longer and overtaken.
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
    ) -> None:
        for name, chance in (("loss", loss), ("duplicate", duplicate), ("reorder", reorder)):
            if not 0.0 <= chance <= 1.0:
                raise ValueError(f"{name} is a probability, not {chance}")
        if min(delay, jitter, reorder_by) < 0.0:
            raise ValueError("A packet cannot arrive before it was sent")
        self._random = Random(seed)
        self._loss, self._duplicate, self._reorder = loss, duplicate, reorder
        self._delay, self._jitter, self._reorder_by = delay, jitter, reorder_by
        self._last = float("-inf")

    def carry(self, now: float) -> tuple[float, ...]:
        """When the copies of a packet sent at `now` arrive: none if it is lost, two if it is duplicated. Seconds."""
        # Always the same number of draws, so that one setting does not change the fate another one deals.
        lost, held, doubled, late = (self._random.random() for _ in range(4))
        if lost < self._loss:
            return ()
        arrival = max(now + self._delay + late * self._jitter, self._last)
        if held < self._reorder:
            arrival += self._reorder_by
        else:
            self._last = arrival
        return (arrival, arrival) if doubled < self._duplicate else (arrival,)
