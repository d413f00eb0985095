"""Weeks of a study bot's life in a minute or two: `python -m tests.soak [--weeks 10]`.

Two groups with two channels each answer, edit, take back, ask and look on a clock that jumps; ticks, messages, nightly
backups and the daily removal of what is old are the program's own, on a real database. After each week it is counted
what the process and the database hold. What has to stay level must have done so, and what may grow must grow by what
members said alone, and no faster later than sooner. The exit code is 1 where something grows that should not.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import ctypes.util
import gc
import logging
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Final

from bot import runtime
from bot.adapters.terminal.demo import FastClock
from bot.core.answering import Deleted, Form, Said
from bot.core.asking import Asker
from bot.core.card import Card, Press, reference
from bot.core.model import ChannelId, MemberId, MessageRef, Place, Round, Share, group_of
from bot.core.retention import CARDS_KEPT, EVENTS_KEPT, FINISHED_KEPT
from bot.delivery import Deliverer
from bot.nightly import Nightly
from bot.pacing import Pace
from bot.runtime import Program
from bot.settings import load
from tests.core.worlds import DONT_KNOW
from tests.store.files import ask

START: Final = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
"""A Monday, an hour before the first question."""

CHANNELS: Final = tuple(ChannelId(f"soak:{group}/{name}") for group in ("one", "two") for name in ("open", "sealed"))
NAMES: Final = ("ada", "bob", "cleo", "dan", "eve")
REMINDED: Final = NAMES[1]
"""Who waits for a reminder of the sealed question, and answers by a reply to it."""

DAY: Final = timedelta(days=1)

LEVEL: Final = ("rss MB", "files", "threads", "tasks", "objects", "log MB", "backups")
"""What holds as much in the last weeks as it did in the first."""

BAND: Final = {"rss MB": 12.0, "objects": 5_000.0, "log MB": 4.0, "backups": 0.0}
"""By how much the last weeks may be above the first. Caches, which are bounded, still fill; of the others, nothing."""

BURST: Final = 12
"""Rows that may come at once, such as the boards of a month that has ended."""

ONCE: Final = ("drills", "plans", "members", "reminders", "facts", "_sqlite_migrations")
"""Tables that hold one row for each channel, member, or thing to know."""


@dataclass(frozen=True, slots=True)
class Week:
    """What the process and the database held at the end of one period."""

    number: int
    holds: dict[str, float]
    rows: dict[str, int]


class Messages:
    """A platform that takes everything, and keeps of it only where it stands, as long as it may be looked for."""

    def __init__(self) -> None:
        self._number = 0
        self._lately: dict[str, MessageRef] = {}
        self.twice = list[str]()
        """Keys under which something was sent a second time."""

    def parts(self, card: Card) -> int:
        return 1

    async def send(self, place: Place, card: Card, *, part: int, key: str) -> MessageRef:
        self._number += 1
        if reference(key) in self._lately:
            self.twice.append(key)
        ref = self._lately[reference(key)] = MessageRef(place=place, message=f"m{self._number}")
        while len(self._lately) > 200:
            del self._lately[next(iter(self._lately))]
        return ref

    async def edit(self, ref: MessageRef, card: Card, *, part: int, key: str) -> None:
        return

    async def find(self, place: Place, *, key: str) -> list[MessageRef]:
        found = self._lately.get(reference(key))
        return [found] if found is not None else []

    async def delete(self, ref: MessageRef) -> None:
        return

    async def open_thread(self, ref: MessageRef, title: str) -> Place:
        return Place(channel=ref.place.channel, thread=ref.message)


@dataclass(slots=True)
class Soak:
    """The program, its platform, and the people on it."""

    program: Program
    clock: FastClock
    messages: Messages
    nightly: Nightly
    dice: Random = field(default_factory=lambda: Random(8))
    number: int = 0

    async def turn(self, now: datetime) -> None:
        """Let it be so late; do all that the alarm does."""
        self.clock.move_to(now)
        await self.program.turn()
        await self.program.aside()
        await self.program.count()
        await self.program.health.database()

    async def set_up(self) -> None:
        """A drill in every channel, and reminders for some."""
        for channel in CHANNELS:
            mode = "answers=sealed" if channel.endswith("sealed") else "answers=open"
            done = await self.command(NAMES[0], channel, f"setup time=09:00 zone=UTC days=all closes=17:00 {mode}")
            assert "drill is set up" in done.title.lower(), done
            if channel.endswith("sealed"):
                await self.command(REMINDED, channel, "me remind 12:00")

    async def day(self, on: datetime) -> None:
        """One day from 08:00 to 08:00: questions, what people say and do, reveals, the night."""
        await self.turn(_at(on, 9))
        asked = [round_ for round_ in await self.program.bot.posted_rounds() if round_.local_date == on.date()]
        assert len(asked) == len(CHANNELS), f"{len(asked)} questions on {on.date()}"
        for minute, round_ in enumerate(asked):
            await self._morning(round_, _at(on, 10) + timedelta(minutes=minute))
        await self.turn(_at(on, 12))
        for round_ in asked:
            if round_.thread is None:
                self.clock.move_to(_at(on, 13))
                await self._reply(round_)
        await self.turn(_at(on, 17))
        for round_ in asked:
            self.clock.move_to(_at(on, 18))
            await self._evening(round_)
        for hour in (19, 24, 27, 30):
            await self.turn(_at(on, hour))

    async def _morning(self, round_: Round, at: datetime) -> None:
        texts = [" ".join(sample.text.split()) for sample in round_.question.exemplars] or [DONT_KNOW]
        self.dice.shuffle(texts)
        for turn, name in enumerate(NAMES):
            if round_.thread is None and name == REMINDED:
                continue
            self.clock.move_to(at + timedelta(minutes=5 * turn))
            text = texts[turn % len(texts)]
            if round_.thread is None:
                await self._form(name, round_, text)
            else:
                await self._says(name, round_.thread, text)
            if turn == 2:
                await self.press(name, round_, Press.HINT)
            if turn == 3:
                await self.press(name, round_, Press.CHECK)

    async def _says(self, name: str, thread: Place, text: str) -> None:
        """An answer, sometimes edited or taken back; every event is written down first, as Slack's are."""
        bot, now = self.program.bot, self.clock()
        self.number += 1
        said = Said(
            place=thread,
            message=f"said {self.number}",
            member=_member(name, thread.channel),
            name=name,
            text=text,
            said_at=now,
        )
        happened: list[Said | Deleted] = [said]
        if self.number % 4 == 1:
            happened.append(replace(said, text=f"{text} And that is all of it.", edited_at=now + timedelta(minutes=1)))
        if self.number % 9 == 2:
            happened.append(Deleted(channel=thread.channel, message=said.message, at=now + timedelta(minutes=2)))
        for number, one in enumerate(happened):
            id = f"soak/event/{self.number}/{number}"
            await bot.receive(id, {"team": "soak", "event": text}, now)
            await bot.answer(one, now + timedelta(minutes=number))
            received = await bot.received_as(id)
            assert received is not None
            await bot.finish(received, "done")

    async def _form(self, name: str, round_: Round, text: str) -> None:
        self.number += 1
        share = Share.WITH_NAME if self.number % 3 == 0 else Share.NO
        member, now = _member(name, round_.channel), self.clock()
        form = Form(
            round=round_.id, interaction=f"f{self.number}", member=member, name=name, text=text, at=now, share=share
        )
        await self.program.bot.answer_in_private(form, now)

    async def _reply(self, round_: Round) -> None:
        """Who is reminded replies to the bot alone."""
        self.number += 1
        member, now = _member(REMINDED, round_.channel), self.clock()
        text = next((sample.text for sample in round_.question.exemplars), DONT_KNOW)
        await self.program.bot.direct(member, REMINDED, f"d{self.number}/", text, now, now)

    async def _evening(self, round_: Round) -> None:
        for name in NAMES:
            await self.press(name, round_, Press.RESULT)
        await self.press(NAMES[2], round_, Press.ANSWERS, f"0 {round_.id}")
        for text in ("me", "leaderboard", "me why", "help"):
            await self.command(self.dice.choice(NAMES), round_.channel, text)
        if round_.local_date.weekday() == 2:
            await self.press(NAMES[4], round_, Press.SHARE, f"week points here {round_.channel}")
            await self.command(NAMES[0], round_.channel, "ask")

    async def press(self, name: str, round_: Round, press: Press, about: str = "") -> Card:
        """Somebody presses a button."""
        now, id = self.clock(), await self._new()
        asker = _asker(name, round_.thread or Place(channel=round_.channel))
        return await self.program.bot.press(asker, press, about or round_.id, id=id, now=now)

    async def command(self, name: str, channel: ChannelId, text: str) -> Card:
        """Somebody gives a command."""
        id = await self._new()
        return await self.program.bot.command(_asker(name, Place(channel=channel)), text, id=id, now=self.clock())

    async def _new(self) -> str:
        """An interaction's id, noted as Discord's are."""
        self.number += 1
        assert await self.program.bot.first_to_hear(f"soak/{self.number}", self.clock())
        return f"soak/{self.number}"

    def look(self, number: int) -> Week:
        """What there is now, after all that nobody holds on to any more is gone."""
        database = self.program.settings.database
        gc.collect()
        _return_memory()
        log = database.with_name(f"{database.name}-wal")
        folder = self.program.settings.backup_folder
        holds = {
            "rss MB": _resident() / 1e6,
            "objects": float(len(gc.get_objects())),
            "files": float(_open_files()),
            # Those of the loop's own pool come as needed, up to a number.
            "threads": float(sum(not thread.name.startswith("asyncio_") for thread in threading.enumerate())),
            "tasks": float(len(asyncio.all_tasks())),
            "db MB": database.stat().st_size / 1e6,
            "log MB": log.stat().st_size / 1e6 if log.exists() else 0.0,
            "backups": float(len(list(folder.iterdir())) if folder.exists() else 0),
        }
        return Week(number, holds, dict(_rows(database)))


async def soaked(
    folder: Path,
    *,
    periods: int,
    days: int = 7,
    told: Callable[[Week], None] = lambda week: None,
    daily: Callable[[], object] = lambda: None,
) -> tuple[list[Week], list[str]]:
    """What was held at the end of each period of so many days, and what is older than it may be, or stands twice.

    `daily` is called once a day.
    """
    clock, messages = FastClock(START), Messages()
    settings = load({"NNQUESTION_DATABASE": str(folder / "soak.db"), "NNQUESTION_WEB": "off"})
    program = runtime.build(replace(settings, platforms=("soak",), keep_backups=3), clock)
    paces = {"soak": Pace(100_000)}
    program.deliverer = Deliverer(program.store, {"soak": messages}, clock, paces=paces, watch=program.metrics)
    program.nightly = Nightly(
        settings.database,
        program.settings.backup_folder,
        program.settings.keep_backups,
        clock,
        program.metrics.backed_up,
    )
    weeks = list[Week]()
    await program.start()
    try:
        soak = Soak(program, clock, messages, program.nightly)
        await soak.set_up()
        for period in range(1, periods + 1):
            for day in range(days):
                await soak.day(START + ((period - 1) * days + day) * DAY)
                daily()
            weeks.append(soak.look(period))
            told(weeks[-1])
        faults = [*_too_old(settings.database, clock()), *(f"{key} was posted twice" for key in messages.twice)]
        return weeks, faults
    finally:
        await program.stop()


# --- judging --------------------------------------------------------------------------------------------------


def judged(weeks: Sequence[Week]) -> list[str]:
    """What grows that should not: the last five weeks against weeks 3 to 5. Needs six weeks at least."""
    if len(weeks) < 6:
        raise ValueError("six weeks are needed to tell what grows")
    first, last = weeks[2:5], weeks[max(5, len(weeks) - 5) :]
    found = list[str]()
    for name in LEVEL:
        was, now = max(week.holds[name] for week in first), max(week.holds[name] for week in last)
        if now > was + BAND.get(name, 0.0):
            found.append(f"{name}: {was:,.0f} in weeks 3 to 5, {now:,.0f} in the last ones")
    for name in weeks[-1].rows:
        rows = [week.rows.get(name, 0) for week in weeks]
        if name in ONCE:
            if rows[-1] > rows[2]:
                found.append(f"{name}: {rows[2]} rows after week 3, {rows[-1]} at the end")
            continue
        before, since = (rows[4] - rows[1]) / 3, (rows[-1] - rows[4]) / (len(rows) - 5)
        if (since - before * 1.25) * (len(rows) - 5) > BURST:
            found.append(f"{name}: {before:.1f} rows a week in weeks 3 to 5, {since:.1f} since")
    before = (weeks[4].holds["db MB"] - weeks[1].holds["db MB"]) / 3
    since = (weeks[-1].holds["db MB"] - weeks[4].holds["db MB"]) / (len(weeks) - 5)
    if since > before * 1.25 + 0.2:
        found.append(f"the database: {before:.2f} MB a week in weeks 3 to 5, {since:.2f} MB since")
    return found


def _too_old(database: Path, now: datetime) -> Iterator[str]:
    """What the daily removal should have removed; a day is left for it to come round."""
    cases = {
        "texts of events": (EVENTS_KEPT, "events WHERE json_extract(data, '$.text') <> '' AND at < ?"),
        "cards": (CARDS_KEPT, "deliveries WHERE card IS NOT NULL AND state <> 'owed' AND created_at < ?"),
        "deliveries": (FINISHED_KEPT, "deliveries WHERE created_at < ?"),
        "events without an answer": (FINISHED_KEPT, "events WHERE about = '' AND at < ?"),
    }
    for what, (kept, sql) in cases.items():
        before = (now - kept - DAY).isoformat()
        ((count,),) = ask(database, f"SELECT COUNT(*) FROM {sql}", before)
        if count:
            yield f"{count} {what} are older than {kept.days} days"


# --- looking --------------------------------------------------------------------------------------------------


def _rows(database: Path) -> Iterator[tuple[str, int]]:
    for (name,) in ask(database, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"):
        if name == "events":  # Those about an answer stay with it; the others go.
            yield from ask(
                database,
                "SELECT 'events of answers', COUNT(*) FROM events WHERE about <> ''"
                " UNION ALL SELECT 'other events', COUNT(*) FROM events WHERE about = ''",
            )
        else:
            yield name, ask(database, f'SELECT COUNT(*) FROM "{name}"')[0][0]


def _resident() -> int:
    """Bytes of memory that the process has; on Linux now, elsewhere its most so far."""
    with suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _open_files() -> int:
    for folder in ("/proc/self/fd", "/dev/fd"):
        with suppress(OSError):
            return sum(1 for _ in Path(folder).iterdir())
    return 0


def _return_memory() -> None:
    """Have freed memory handed back, where the C library can: else what is measured is how it keeps its heap."""
    library = ctypes.CDLL(ctypes.util.find_library("c")) if sys.platform == "linux" else None
    if library is not None and hasattr(library, "malloc_trim"):
        library.malloc_trim(0)


def _member(name: str, channel: ChannelId) -> MemberId:
    return MemberId(f"{group_of(channel)}/@{name}")


def _asker(name: str, place: Place) -> Asker:
    return Asker(member=_member(name, place.channel), name=name, place=place, organizer=name == NAMES[0])


def _at(on: datetime, hour: int) -> datetime:
    return datetime.combine(on.date(), time(0), UTC) + timedelta(hours=hour)


def _line(week: Week) -> str:
    return f"{week.number:>4}  " + "  ".join(
        f"{value:>{max(len(name), 7)},.{1 if 'MB' in name else 0}f}" for name, value in week.holds.items()
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description="What grows over weeks, and should not?")
    parser.add_argument("--weeks", type=int, default=10, help="how many weeks (10; six at least)")
    weeks_wanted = parser.parse_args().weeks
    logging.basicConfig(level=logging.ERROR)

    def told(week: Week) -> None:
        if week.number == 1:
            print("week  " + "  ".join(f"{name:>7}" for name in week.holds))
        print(_line(week), flush=True)

    with tempfile.TemporaryDirectory(prefix="nnquestion-soak-") as folder:
        weeks, faults = asyncio.run(soaked(Path(folder), periods=weeks_wanted, told=told))
    shown = [weeks[0], *(week for week in weeks if week.number in (3, 5, len(weeks) - 1)), weeks[-1]]
    print("\nrows after week     " + "".join(f"{week.number:>8}" for week in shown))
    for name in weeks[-1].rows:
        print(f"{name:<20}" + "".join(f"{week.rows.get(name, 0):>8,}" for week in shown))
    faults += judged(weeks)
    print("\n" + ("\n".join(faults) if faults else "Nothing grows that should not."))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
