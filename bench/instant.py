"""Time that passes as fast as it can be computed, so that what takes a minute on the wire takes seconds, and comes out
the same on a busy machine as on an idle one, run after run.

Whoever waits on this loop is called as soon as nothing else is left to do; of two who wait for one moment, the first to
ask. The sockets are real ones on loopback, where what is sent has arrived before `send` returns. What keeps a clock of
its own (OpenSSL's timer of a handshake) does not know; such things are to happen while no packet is lost.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from contextvars import Context
from heapq import heappop, heappush
from itertools import count
from typing import Any, TypeVar, TypeVarTuple

_Result = TypeVar("_Result")
_Arguments = TypeVarTuple("_Arguments")
_Ready = list[tuple[selectors.SelectorKey, int]]
_BEGINNING = 1000.0  # seconds; a monotonic clock says nothing but differences


class _Selector(selectors.DefaultSelector):
    """Instead of waiting it calls `idle`, which may say that there is nothing to wait for but threads."""

    idle: Callable[[], bool]

    def select(self, timeout: float | None = None) -> _Ready:
        ready = super().select(0)
        if ready or timeout == 0 or self.idle():
            return ready
        return super().select(timeout)


class InstantLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._now = _BEGINNING
        self._number = count()
        self._timers: list[tuple[float, int, asyncio.TimerHandle, Callable[[], object]]] = []
        selector = _Selector()
        selector.idle = self._move_on
        super().__init__(selector)

    def time(self) -> float:
        return self._now

    def call_at(
        self, when: float, callback: Callable[[*_Arguments], object], *args: *_Arguments, context: Context | None = None
    ) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(when, callback, args, self, context)

        def fire() -> None:
            if not timer.cancelled():
                callback(*args)

        def ring() -> None:
            self.call_soon(fire, context=context)

        heappush(self._timers, (when, next(self._number), timer, ring))
        return timer

    def call_later(
        self,
        delay: float,
        callback: Callable[[*_Arguments], object],
        *args: *_Arguments,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def _move_on(self) -> bool:
        """To the next moment somebody waits for. False: there is none."""
        timers = self._timers
        while timers:
            when, _, timer, ring = heappop(timers)
            if timer.cancelled():
                continue
            self._now = max(self._now, when)
            ring()
            while timers and timers[0][0] <= self._now:
                heappop(timers)[3]()
            return True
        return False


def run(main: Coroutine[Any, Any, _Result]) -> _Result:
    """As `asyncio.run`."""
    with asyncio.Runner(loop_factory=InstantLoop) as runner:
        return runner.run(main)
