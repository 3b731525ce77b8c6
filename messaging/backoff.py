"""How long to wait before the next try. Pure."""

from __future__ import annotations

from datetime import timedelta
from random import Random

FIRST = timedelta(seconds=4)
LONGEST = timedelta(minutes=15)
MOST_TRIES = 15  # about two hours in all: an outage of a provider is over, or a person should look at it
LONGEST_ASKED = timedelta(hours=1)  # a provider may ask for more; we ask again, politely


def wait_after(tries: int, *, random: Random, asked: timedelta | None = None) -> timedelta:
    """After that many tries (1 or more), all in vain. `asked` is the provider's Retry-After (RFC 9110 §10.2.3).

    Doubled each time, and between half of it and all of it, so that what failed together does not come back together.
    """
    longest = min(FIRST * (1 << min(tries - 1, 16)), LONGEST)
    wait = longest * random.uniform(0.5, 1.0)
    if asked is None:
        return wait
    return max(wait, min(asked, LONGEST_ASKED) + FIRST * random.uniform(0.0, 1.0))
