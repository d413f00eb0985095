"""Kill the demo at every moment of its life: `python -m tests.program.kill_everywhere [--days N] [--chains N]`.

For every write to the room and to the store, and before, in the middle of and after each, a run is killed there and
run again to its end. After that come chains of many kills over one database. Whatever was killed must leave what an
unbroken run leaves. `make test` has a sample of this in test_demo.py.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

from tests.program.dying_demo import Moment, forked, play
from tests.program.kept import Kept, differences, kept_by

CHAIN_AT_MOST: Final = 300
"""Kills after which a chain that does not end is a fault by itself."""


@dataclass(frozen=True, slots=True)
class Case:
    """What happens to one database: the moments at which its runs are killed, or a chain drawn from a seed."""

    name: str
    kills: tuple[tuple[Moment, int], ...] = ()
    chain: int | None = None

    def deaths(self) -> Iterator[tuple[Moment, int]]:
        """When each run is killed, one after another."""
        yield from self.kills
        if self.chain is not None:
            dice = Random(self.chain)
            for _ in range(CHAIN_AT_MOST):
                yield dice.choice(list(Moment)), dice.randint(1, 40)


def demo(database: Path, days: int) -> list[str]:
    """The command."""
    return ["demo", "--days", str(days), "--database", str(database)]


def suffer(case: Case, days: int, unbroken: Kept) -> tuple[int, list[str]]:
    """Carry out a case. Returns how often it was killed, and what is wrong with what is left."""
    killed = 0
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "demo.db"
        for moment, number in case.deaths():
            code = forked(moment, number, demo(database, days))
            if code == 0:
                break
            if code != -9:
                return killed, [f"{case.name}: a run ended with {code}"]
            killed += 1
        else:
            if code := forked("", 0, demo(database, days)):
                return killed, [f"{case.name}: the last run ended with {code}"]
        return killed, [f"{case.name}: {wrong}" for wrong in differences(kept_by(database), unbroken)]


def main() -> int:
    """Run every case and report."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--days", type=int, default=2)
    options.add_argument("--chains", type=int, default=100)
    options.add_argument("--show", type=int, default=5, help="how many faults to print in full")
    asked = options.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "demo.db"
        if forked("", 0, demo(database, asked.days)):
            return 1
        unbroken = kept_by(database)
        counts = counted(Path(folder) / "counted.db", asked.days)
    single = [Case(f"{moment}, number {n}", ((moment, n),)) for moment in Moment for n in range(1, counts[moment] + 1)]
    chains = [Case(f"chain {seed}", chain=seed) for seed in range(asked.chains)]
    with multiprocessing.get_context("fork").Pool() as pool:
        ended = pool.map(partial(suffer, days=asked.days, unbroken=unbroken), single + chains, chunksize=4)
    faults = [wrong for _, found in ended for wrong in found]
    for wrong in faults[: asked.show]:
        sys.stdout.write(f"{wrong}\n\n")
    kills = [times for times, _ in ended]
    sys.stdout.write(
        f"{asked.days} days; {', '.join(f'{counts[moment]} times {moment}' for moment in Moment)}\n"
        f"{len(single)} runs killed once, {len(chains)} chains with {sum(kills[len(single) :])} kills: "
        f"{sum(1 for _, found in ended if found)} wrong, in {time.monotonic() - began:.0f} s\n"
    )
    return 1 if faults else 0


def counted(database: Path, days: int) -> dict[str, int]:
    """How often each moment comes in an unbroken run."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        seen = play("", 0, demo(database, days)).seen
        os.write(writing, " ".join(str(seen[moment]) for moment in Moment).encode())
        os._exit(0)
    os.waitpid(child, 0)
    return dict(zip(Moment, map(int, os.read(reading, 1000).split()), strict=True))


if __name__ == "__main__":
    sys.exit(main())
