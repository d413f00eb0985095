"""Simulate many seeds: `python -m tests.simulation.run --seeds 1000 [--from SEED] [--days 30] [--jobs 2]`.

Prints what was simulated and what went wrong; ends with 1 where a promise was broken, and says how to see it again.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

VERSION: Final = 1
"""Of the simulation: with another one, the same seed is another story."""

_MEMORY: Final = Path("/dev/shm")


@dataclass(slots=True)
class Outcome:
    """What became of one seed."""

    seed: int
    wrong: list[str]
    digest: str
    took: float
    """Seconds of work."""
    counts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    crashes: Counter[str] = field(default_factory=Counter)


def simulate(seed: int, days: float = 30, *, verbose: bool = False) -> Outcome:
    """Live through one seed, and check every promise."""
    from tests.simulation.promises import check
    from tests.simulation.world import World

    began = time.process_time()
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None, prefix="nnquestion-") as folder:
        gc.disable()  # When a collection runs depends on what ran before; what it ends would be told of.
        try:
            world = World(seed, days, Path(folder), verbose=verbose)
            world.run()
            verdict = check(world)
        finally:
            gc.enable()
            gc.collect()
    counts = verdict.counts
    counts["requests"] = sum(sum(platform.asked.values()) for platform in world.platforms.values())
    counts["looks"] = sum(platform.asked["find"] for platform in world.platforms.values())
    counts["transactions"] = sum(world.served.values())
    return Outcome(
        seed=seed,
        wrong=verdict.wrong,
        digest=world.digest,
        took=time.process_time() - began,
        counts=counts,
        faults=world.swarm.met,
        crashes=world.crashed,
    )


def main() -> int:
    """Run what the command line asks for."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seeds", type=int, default=100)
    options.add_argument("--from", type=int, default=1, dest="first", metavar="SEED")
    options.add_argument("--days", type=float, default=30)
    options.add_argument("--jobs", type=int, default=2)
    options.add_argument("--seed", type=int, help="only this one")
    options.add_argument("--verbose", action="store_true", help="print all that happens")
    asked = options.parse_args()
    if asked.seed is not None:
        outcome = simulate(asked.seed, asked.days, verbose=asked.verbose)
        sys.stdout.write("".join(f"WRONG {wrong}\n" for wrong in outcome.wrong))
        _report([outcome], asked.days, outcome.took)
        sys.stdout.write(f"trace {outcome.digest}\n")
        return 1 if outcome.wrong else 0
    began = time.monotonic()
    outcomes = []
    seeds = range(asked.first, asked.first + asked.seeds)
    with multiprocessing.get_context("spawn").Pool(asked.jobs) as pool:
        for outcome in pool.imap_unordered(partial(simulate, days=asked.days), seeds):
            outcomes.append(outcome)
            for wrong in outcome.wrong[:3]:
                sys.stdout.write(f"seed {outcome.seed}: {wrong}\n")
            if len(outcomes) % max(1, asked.seeds // 20) == 0:
                sys.stdout.write(f"{len(outcomes)} seeds after {time.monotonic() - began:.0f} s\n")
            sys.stdout.flush()
    _report(outcomes, asked.days, time.monotonic() - began)
    return 1 if any(outcome.wrong for outcome in outcomes) else 0


def _report(outcomes: list[Outcome], days: float, took: float) -> None:
    def total(which: str) -> Counter[str]:
        found: Counter[str] = Counter()
        for outcome in outcomes:
            found.update(getattr(outcome, which))
        return found

    def listed(counter: Counter[str]) -> str:
        return ", ".join(f"{name} {number:,}" for name, number in sorted(counter.items()) if number)

    counts, crashes = total("counts"), total("crashes")
    failed = [outcome.seed for outcome in outcomes if outcome.wrong]
    write = sys.stdout.write
    work = sum(outcome.took for outcome in outcomes)
    write(f"seeds {len(outcomes)} of {days:g} days (simulation {VERSION}), in {took:.0f} s ({work:.0f} s of work)\n")
    write(f"crashes {sum(crashes.values()):,}: {listed(crashes)}\n")
    write(f"faults {sum(total('faults').values()):,}: {listed(total('faults'))}\n")
    write(f"counts: {listed(counts)}\n")
    write(f"messages {counts['posted']:,}, answers {counts['answers']:,}, late twins {counts['late twins']}\n")
    write(f"violations {sum(len(outcome.wrong) for outcome in outcomes)} in {len(failed)} seeds\n")
    for seed in failed[:20]:
        write(f"  python -m tests.simulation.run --seed {seed} --days {days:g} --verbose\n")


if __name__ == "__main__":
    sys.exit(main())
