"""The machine's clock is set back, or ran ahead and is set right: nothing comes twice, and nothing stands still."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot import runtime
from bot.adapters.terminal.room import BOT, Message
from bot.adapters.terminal.terminal import Person, channel_id
from bot.core.model import Place, Receipt, Round, RoundState
from bot.nightly import Nightly
from bot.settings import load
from bot.store import backups
from tests.program.kept import kept_by
from tests.store.files import ask

GENERAL = Place(channel=channel_id("general"))
ADA, BOB = Person("ada", organizer=True), Person("bob")
FULL = "it is a rather long answer about gradients and weights"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def at(clock: str, day: int = 0) -> datetime:
    return datetime.fromisoformat(f"2026-11-02T{clock}+00:00") + day * DAY


class Town:
    """The program with its room, and a clock that goes wherever it is set."""

    def __init__(self, folder: Path) -> None:
        self.now = at("08:00")
        self.database = folder / "x.db"
        settings = load({"NNQUESTION_PLATFORMS": "terminal", "NNQUESTION_DATABASE": str(self.database)})
        self.program = runtime.build(settings, lambda: self.now)
        self.program.nightly = Nightly(self.database, settings.backup_folder, 14, lambda: self.now)
        assert self.program.terminal is not None
        self.terminal = self.program.terminal

    async def until(self, moment: datetime) -> None:
        """Turn by turn until then; a moment before now is where the clock is set back to."""
        while self.now < moment:
            self.now = min(moment, self.now + HOUR)
            await self._turn()
        self.now = moment
        await self._turn()

    async def jump(self, moment: datetime) -> None:
        """The clock is set, forward or back."""
        self.now = moment
        await self._turn()

    async def _turn(self) -> None:
        for _ in range(2):
            await self.program.turn()
            await self.program.aside()

    async def rounds(self) -> dict[str, Round]:
        """Every round by its local date."""
        found = await self.program.store.read(lambda tx: tx.rounds.of_channel(GENERAL.channel))
        return {round_.local_date.isoformat()[-2:]: round_ for round_ in found}

    async def says(self, text: str, day: str) -> tuple[Message, Receipt]:
        thread = (await self.rounds())[day].thread
        assert thread is not None
        message, told = await self.terminal.say(BOB, thread, text)
        return message, told.receipt

    def said(self) -> int:
        """How many messages of the bot's stand in the room."""
        assert self.program.room is not None
        return sum(message.by == BOT for message in self.program.room.all())


@pytest.fixture
async def town(tmp_path: Path) -> Town:
    town = Town(tmp_path)
    await town.program.start()
    card = await town.terminal.command(ADA, GENERAL, "setup time=09:00 zone=UTC days=all closes=17:00", id="setup")
    assert "set up" in card.title
    await town.terminal.command(BOB, GENERAL, "me remind 12:00", id="remind")
    return town


async def ended(town: Town) -> None:
    """The program ends; nothing stands twice, and nothing was paid or reminded of twice."""
    await town.program.stop()
    assert kept_by(town.database).twice() == []
    assert ask(town.database, "SELECT round, member FROM ledger GROUP BY round, member HAVING COUNT(*) > 1") == []


@pytest.mark.parametrize("back", [HOUR, DAY], ids=["an hour", "a day"])
async def test_a_clock_that_is_set_back_repeats_nothing_and_loses_nothing(town: Town, back: timedelta) -> None:
    await town.until(at("12:30"))
    _, receipt = await town.says(FULL, "02")
    assert receipt is Receipt.RECORDED
    before = town.said()
    await town.jump(at("12:30") - back)
    await town.until(at("12:30"))
    assert town.said() == before
    assert (await town.rounds())["02"].state is RoundState.OPEN

    await town.until(at("17:30"))
    revealed = town.said()
    assert revealed > before
    await town.jump(at("17:30") - back)
    assert (await town.rounds())["02"].state is RoundState.REVEALED
    await town.until(at("08:59", 1))
    assert town.said() == revealed
    await town.until(at("17:30", 1))
    assert {day: round_.state for day, round_ in (await town.rounds()).items()} == {
        "02": RoundState.REVEALED,
        "03": RoundState.REVEALED,
    }
    await ended(town)


async def test_a_clock_that_ran_a_day_ahead_has_asked_a_day_early_and_asks_no_date_twice(town: Town) -> None:
    await town.until(at("10:00"))
    await town.jump(at("10:00", 1))
    early = await town.rounds()
    assert {day: round_.state for day, round_ in early.items()} == {"02": RoundState.REVEALED, "03": RoundState.OPEN}
    said = town.said()

    await town.jump(at("10:01"))
    _, receipt = await town.says(FULL, "03")
    assert receipt is Receipt.RECORDED
    # Closed early for good; what is said before the planned close counts all the same, by the platform's stamps.
    assert (await town.says(f"{FULL} of the first day", "02"))[1] is Receipt.RECORDED
    await town.until(at("16:00", 1))
    assert (await town.rounds())["03"].closes_at == at("17:00", 1)
    assert (await town.rounds())["03"].state is RoundState.OPEN
    assert town.said() <= said + 1  # a reminder
    await town.until(at("17:30", 2))
    assert {day: round_.state for day, round_ in (await town.rounds()).items()} == {
        "02": RoundState.REVEALED,
        "03": RoundState.REVEALED,
        "04": RoundState.REVEALED,
    }
    await ended(town)


async def test_after_a_clock_that_ran_ahead_every_night_has_its_backup(town: Town) -> None:
    await town.until(at("10:00"))
    await town.jump(at("10:00", 1))
    await town.jump(at("10:01"))
    await town.until(at("08:00", 3))
    nights = {backup.at.date() for backup in backups.kept(town.program.settings.backup_folder) if backup.at.hour == 3}
    assert nights == {at("03:00", day).date() for day in (1, 2, 3)}
    await ended(town)


async def test_the_clock_is_looked_at_though_the_alarm_sleeps_for_as_long_as_it_was_set_back(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "TICK_EVERY", 86_400)
    monkeypatch.setattr(runtime, "TICKS_ANYWAY", 0.01)
    async with asyncio.timeout(10), runtime.alarm(town.program):
        while town.program.health._ticked_at is None:  # The alarm wakes once at the beginning.
            await town.rounds()
        assert not await town.rounds()
        town.now = at("09:00")
        while not await town.rounds():
            pass
    await ended(town)
