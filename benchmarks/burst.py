"""Ten thousand rounds at nine o'clock: is the program ever slower than the platforms allow, and does anybody notice?

`python benchmarks/burst.py [--rounds N]`. Opens N rounds at one instant in a new database and sends their cards and
threads to a platform that answers at once, without a pace; beside that somebody asks for something every 50 ms. Prints
ratios of one run: deliveries a second to the 40 that Discord gets, and waits during the burst to waits before it.

Last run, Python 3.11, two cores that others used, too:

    opened in 12.0 s: 831 rounds a second
    sent 20,000 deliveries in 22.3 s: 22.4 times as fast as Discord allows
    meanwhile somebody who asks waits 16.4 times as long, 1 in 100 153.5 times (184 ms)
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from datetime import timedelta
from functools import partial
from pathlib import Path

from bot.core.card import Card
from bot.core.model import ChannelId, Drill, MessageRef, Place
from bot.core.ports import Transaction
from bot.delivery import Deliverer
from bot.pacing import Pace
from bot.store import SqliteStore
from bot.studybot import StudyBot
from tests.adapters.fakes import StubGrader
from tests.core.worlds import SLUGS, make_bank
from tests.factories import NOW, make_drill, make_question

ALLOWED = 40.0


class Instant:
    """A platform that answers at once, and counts."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def parts(self, card: Card) -> int:
        return 1

    async def send(self, place: Place, card: Card, *, part: int, key: str) -> MessageRef:
        self.keys.append(key)
        return MessageRef(place=place, message=str(len(self.keys)))

    async def edit(self, ref: MessageRef, card: Card, *, part: int, key: str) -> None:
        return

    async def find(self, place: Place, *, key: str) -> list[MessageRef]:
        return []

    async def delete(self, ref: MessageRef) -> None:
        return

    async def open_thread(self, ref: MessageRef, title: str) -> Place:
        return Place(channel=ref.place.channel, thread=ref.message)


class Waits:
    """How long somebody waits who asks for something every 50 ms."""

    def __init__(self, bot: StudyBot) -> None:
        self._bot = bot
        self.taken: list[float] = []

    async def ask(self, times: int | None = None) -> None:
        while times is None or len(self.taken) < times:
            began = time.perf_counter()
            await self._bot.first_to_hear(f"{id(self)}/{len(self.taken)}", NOW)
            self.taken.append(time.perf_counter() - began)
            await asyncio.sleep(0.05)

    @property
    def usual(self) -> float:
        return statistics.median(self.taken)

    @property
    def worst_of_a_hundred(self) -> float:
        return statistics.quantiles(self.taken, n=100)[-1]


async def burst(rounds: int, folder: Path) -> None:
    store = SqliteStore(folder / "burst.db")
    banks = {"nn": make_bank([make_question(slug) for slug in SLUGS])}
    bot = StudyBot(store, StubGrader(), lambda: banks)
    messenger = Instant()
    deliverer = Deliverer(store, {"terminal": messenger}, paces={"terminal": Pace(1_000_000.0)})
    for first in range(0, rounds, 1000):
        channels = [ChannelId(f"terminal:local/c{number}") for number in range(first, min(first + 1000, rounds))]
        await store.write(partial(_save, [make_drill(channel) for channel in channels]))

    before, during = Waits(bot), Waits(bot)
    await before.ask(100)
    print(f"{rounds:,} rounds; before, somebody who asks waits {before.usual * 1000:.1f} ms")
    asking = asyncio.create_task(during.ask())
    began = time.perf_counter()
    await bot.tick(NOW)
    opened = time.perf_counter() - began
    print(f"opened in {opened:.1f} s: {rounds / opened:.0f} rounds a second")
    began = time.perf_counter()
    sent = await deliverer.send_due(NOW + timedelta(seconds=1))
    took = time.perf_counter() - began
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert len(set(messenger.keys)) == len(messenger.keys) == rounds
    print(f"sent {sent:,} deliveries in {took:.1f} s: {sent / took / ALLOWED:.1f} times as fast as Discord allows")
    print(
        f"meanwhile somebody who asks waits {during.usual / before.usual:.1f} times as long,"
        f" 1 in 100 {during.worst_of_a_hundred / before.usual:.1f} times ({during.worst_of_a_hundred * 1000:.0f} ms)"
    )
    await store.close()


def _save(drills: list[Drill], tx: Transaction) -> None:
    for drill in drills:
        tx.drills.save(drill)


def main() -> None:
    read = argparse.ArgumentParser(description=__doc__)
    read.add_argument("--rounds", type=int, default=10_000)
    rounds = read.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(burst(rounds, Path(folder)))


if __name__ == "__main__":
    main()
