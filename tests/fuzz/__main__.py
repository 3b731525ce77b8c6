"""`make fuzz`: every target in turn for a share of the time, then a live call under mutated packets.

A crash is kept as a file in tests/fuzz/crashes/, which the tests replay from then on.
"""

from __future__ import annotations

import argparse
import asyncio
import time
import traceback
from random import Random

from tests.fuzz.crashes import keep
from tests.fuzz.mutation import mutate, splice
from tests.fuzz.storm import storm
from tests.fuzz.targets import TARGETS

GROWN = 200  # inputs kept beside the seeds, to be damaged further


def fuzz(name: str, seconds: float, random: Random) -> tuple[int, int]:
    """Inputs tried, crashes found: each kind of crash is kept once."""
    target, tried, found = TARGETS[name], 0, set[str]()
    pool, until = list(target.seeds), time.monotonic() + seconds
    while time.monotonic() < until:
        tried += 1
        data = random.choice(pool)
        data = mutate(random, splice(random, data, random.choice(pool)) if random.random() < 0.3 else data)
        try:
            target.run(data)
        except Exception as error:
            where = "".join(traceback.format_exception(error)[-2:])
            if where not in found:
                found.add(where)
                print(f"{name}: kept {keep(name, data).name}\n{where}", flush=True)
        else:
            if random.random() < 0.1:  # damage upon damage
                pool[len(target.seeds) :] = [*pool[len(target.seeds) :], data][-GROWN:]
    return tried, len(found)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fuzz ARGS=", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0, help="for all targets together")
    parser.add_argument("--packets", type=int, default=1_000_000, help="into a live call; 0: none")
    parser.add_argument("--rate", type=int, default=8000, help="packets a second")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--only", choices=TARGETS, action="append", help="this target, again for more")
    options = parser.parse_args()
    print(f"Seed {options.seed}.", flush=True)
    random, names, failed = Random(options.seed), options.only or list(TARGETS), False
    for name in names:
        tried, crashes = fuzz(name, options.seconds / len(names), random)
        print(f"{name:>6}: {tried:>9} inputs, {crashes} crashes", flush=True)
        failed |= crashes > 0
    if options.packets:
        told = asyncio.run(storm(packets=options.packets, each_second=options.rate, seed=options.seed))
        print(told)
        failed |= bool(told.errors or told.lost) or told.during < 0.95 * told.before
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
