"""The torture: `python -m tests.torture [--kills N] [--minutes N] [--seed N]`, or `make torture`.

The real program is killed at random moments and at every named step of a round, while both platforms fail, until so
many kills are reached and every step has had its share. Then every promise must hold. A single life can be looked at
with `--seed N --lives 1 --keep FOLDER`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.torture.copies import AT_RANDOM
from tests.torture.life import Ended, Life, Shape
from tests.torture.steps import STEPS

EACH: Final = 3
"""Kills at each step, at least."""


def main() -> int:
    """Torture, and report."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kills", type=int, default=300, help="go on until there are so many")
    options.add_argument("--lives", type=int, default=1_000, help="but for no more lives than these")
    options.add_argument("--minutes", type=float, default=20, help="and begin none after so many minutes")
    options.add_argument("--days", type=int, default=3, help="of each life")
    options.add_argument("--seed", type=int, default=1, help="of the first life; the next ones follow")
    options.add_argument("--keep", type=Path, help="keep databases and logs in this folder")
    asked = options.parse_args()
    return asyncio.run(torture(asked))


async def torture(asked: argparse.Namespace) -> int:
    """Live one life after another; 0 if every promise was kept at every step."""
    began = time.monotonic()
    lives: list[Ended] = []
    kills: Counter[str] = Counter()

    def wanted() -> dict[str, int]:
        return {step: EACH - kills[step] for step in STEPS if kills[step] < EACH}

    while len(lives) < asked.lives and time.monotonic() - began < asked.minutes * 60:
        if sum(kills.values()) >= asked.kills and not wanted():
            break
        with _folder(asked.keep, asked.seed + len(lives)) as folder:
            life = Life(asked.seed + len(lives), folder, Shape(days=asked.days))
            life.wanted = lambda: _still(wanted(), life)  # noqa: B023 - it is asked while this life lasts
            ended = await life.play()
        lives.append(ended)
        kills += ended.kills
        say(_line(ended, sum(kills.values())))
        for wrong in ended.verdict.broken:
            say(f"  BROKEN {wrong}")
    report(lives, kills, time.monotonic() - began)
    complete = len(lives) >= asked.lives or (sum(kills.values()) >= asked.kills and not wanted())
    if not complete:
        say(f"\nNot enough: {sum(kills.values())} kills; steps without their {EACH}: {', '.join(wanted()) or 'none'}")
    return 0 if complete and not any(ended.verdict.broken for ended in lives) else 1


def _still(wanted: dict[str, int], life: Life) -> dict[str, int]:
    """What is wanted beyond what the life at hand has had already."""
    return {step: left - life.copies.kills[step] for step, left in wanted.items() if left > life.copies.kills[step]}


@contextlib.contextmanager
def _folder(keep: Path | None, seed: int) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="nnquestion-") as folder:
            yield Path(folder)
    else:
        kept = (keep / str(seed)).resolve()
        kept.mkdir(parents=True)
        yield kept


def _line(ended: Ended, kills: int) -> str:
    found = ended.verdict
    return (
        f"life {ended.seed}: {sum(ended.kills.values())} kills (so far {kills}),"
        f" {sum(ended.troubles.values())} troubles, {found.messages} messages,"
        f" {found.acknowledged} acknowledgements, {len(found.broken)} promises broken,"
        f" {ended.seconds:.0f} s"
    )


def report(lives: list[Ended], kills: Counter[str], seconds: float) -> None:
    """The counts, one a line."""
    say("\nkills at each step")
    for step in (*STEPS, AT_RANDOM):
        say(f"  {kills[step]:4}  {step}")
    say("\ntroubles of the platforms")
    troubles: Counter[str] = sum((ended.troubles for ended in lives), Counter())
    for trouble in sorted(troubles):
        say(f"  {troubles[trouble]:4}  {trouble}")
    found = [ended.verdict for ended in lives]

    def total(name: str) -> int:
        return sum(value if isinstance(value := getattr(one, name), int) else len(value) for one in found)

    say(
        f"""
lives                                     {len(lives)}
kills                                     {sum(kills.values())}
starts                                    {sum(ended.starts for ended in lives)}
  of them beside another copy             {sum(ended.together for ended in lives)}
ends in order, on SIGTERM                 {sum(ended.stops for ended in lives)}
  the slowest of them, in seconds         {max((ended.slowest_stop for ended in lives), default=0.0):.1f}
messages that stand                       {total("messages")}
reveals                                   {total("reveals")}
answers, each by one member in one round  {total("answers")}
  acknowledgements of them                {total("acknowledged")}
messages that landed late                 {total("late")}
younger duplicates found and removed      {total("removed")}
after the last look at Slack (its window) {total("unseen")}
  and stand there twice                   {total("window")}
backups, all whole but for those below    {total("backups")}
duplicates                                {total("duplicates")}
losses                                    {total("losses")}
other promises broken                     {total("others")}
seconds                                   {seconds:.0f}"""
    )


def say(line: str) -> None:
    """Print at once, so that one can watch."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
