"""The nightly backup: once a day after three, by itself, and again where it failed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from bot.nightly import Nightly, is_due
from bot.store import SqliteStore, backups
from tests.program.program import Program
from tests.program.test_run import running
from tests.store.files import ask

HOUR = timedelta(hours=1)


def on(day: int, clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-{day:02}T{clock}+00:00")


class Clock:
    """A clock that a test moves."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """A database in use."""
    store = SqliteStore(tmp_path / "x.db")
    store.open()
    yield store
    await store.close()


@pytest.mark.parametrize(
    ("now", "last", "due"),
    [
        (on(3, "02:59"), on(2, "03:00"), False),
        (on(3, "03:00"), on(2, "03:00"), True),
        (on(3, "03:00"), on(3, "02:59"), True),
        (on(3, "23:59"), on(3, "03:00"), False),
        (on(4, "02:00"), on(3, "03:00"), False),
        (on(4, "02:00"), on(3, "01:59"), True),
        (on(4, "02:00"), None, True),
    ],
)
def test_a_backup_is_due_after_three_or_once_the_last_is_older_than_a_day(
    now: datetime, last: datetime | None, due: bool
) -> None:
    assert is_due(now, last) is due


def test_one_that_failed_is_tried_again_an_hour_later() -> None:
    failed = on(3, "03:00")
    assert not is_due(on(3, "03:59"), on(2, "03:00"), failed)
    assert is_due(on(3, "04:00"), on(2, "03:00"), failed)
    assert is_due(on(3, "02:30"), None, failed)  # The clock was set back.


@given(start=st.integers(0, 1439), every=st.integers(1, 90))
def test_however_often_it_looks_there_is_one_backup_a_day(start: int, every: int) -> None:
    now, last, made = on(1, "00:00") + timedelta(minutes=start), None, list[datetime]()
    while now < on(9, "00:00"):
        if is_due(now, last):
            last = now
            made.append(now)
        now += timedelta(minutes=every)
    nights = [at for at in made if at.date() > made[0].date()]
    assert [at.day for at in nights] == list(range(nights[0].day, 9))
    late = [at - at.replace(hour=3, minute=0) for at in nights]
    assert all(timedelta(0) <= one < timedelta(minutes=every) for one in late)


async def test_backups_are_made_night_by_night_and_the_oldest_removed(store: SqliteStore, tmp_path: Path) -> None:
    clock, told = Clock(on(1, "12:00")), list[datetime]()
    keeper = Nightly(store.path, tmp_path / "kept", 3, clock, told.append)
    while clock.now < on(7, "12:00"):
        await keeper.look()
        await store.write(lambda tx: tx.facts.set("now", clock.now.isoformat()))
        clock.now += HOUR
    assert [backup.at for backup in backups.kept(tmp_path / "kept")] == [on(day, "03:00") for day in (7, 6, 5)]
    assert told == sorted(told)
    assert told[-1] == on(7, "03:00")
    latest = backups.kept(tmp_path / "kept")[0]
    assert ask(latest.path, "SELECT value FROM facts WHERE name = 'now'") == [(on(7, "02:00").isoformat(),)]


async def test_a_backup_that_fails_is_told_of_once_an_hour_and_made_once_it_can_be(
    store: SqliteStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "kept"
    folder.write_text("mine")
    clock = Clock(on(1, "12:00"))
    keeper = Nightly(store.path, folder, 3, clock)
    with caplog.at_level(logging.ERROR):
        for _ in range(150):
            await keeper.look()
            clock.now += timedelta(minutes=1)
    assert len(caplog.records) == 3
    assert str(folder) in caplog.text
    assert "check that this user may" in caplog.text
    folder.unlink()
    clock.now += HOUR
    await keeper.look()
    assert backups.latest(folder) == clock.now


async def test_a_backup_from_the_future_keeps_none_from_being_made(store: SqliteStore, tmp_path: Path) -> None:
    backups.back_up(store.path, tmp_path, on(25, "03:00"))
    clock = Clock(on(2, "12:00"))
    keeper = Nightly(store.path, tmp_path, 3, clock)
    await keeper.look()
    await keeper.look()
    assert [backup.at for backup in backups.kept(tmp_path)] == [on(25, "03:00"), on(2, "12:00")]


async def test_a_program_that_stops_makes_no_backup(store: SqliteStore, tmp_path: Path) -> None:
    keeper = Nightly(store.path, tmp_path / "kept", 3, Clock(on(1, "12:00")))
    keeper.stop()
    await keeper.look()
    assert backups.latest(tmp_path / "kept") is None


async def test_what_nobody_thought_of_is_not_tried_at_every_tick(
    store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tried = []

    def broken(*_: object, **__: object) -> None:
        tried.append(1)
        raise ZeroDivisionError

    monkeypatch.setattr(backups, "back_up", broken)
    clock = Clock(on(1, "12:00"))
    keeper = Nightly(store.path, tmp_path / "kept", 3, clock)
    for _ in range(20):
        await keeper.look()
    assert len(tried) == 1
    assert "tried again in an hour" in caplog.text


def test_the_program_makes_one_by_itself_while_it_runs(program: Program, tmp_path: Path) -> None:
    database, folder = tmp_path / "data" / "x.db", tmp_path / "kept"
    with running(program, database, backups=folder) as (process, log):
        log.wait(f"backed up to {folder}")
        process.terminate()
        assert process.wait(10) == 0
        assert "Traceback" not in log.rest()
    (backup,) = backups.kept(folder)
    assert datetime.now(UTC) - backup.at < HOUR
    assert ask(backup.path, "PRAGMA integrity_check") == [("ok",)]


async def test_a_long_backup_does_not_keep_the_loop(store: SqliteStore, tmp_path: Path) -> None:
    await store.write(lambda tx: tx.facts.set("big", "x" * 20_000_000))
    looks = 0

    async def look() -> None:
        nonlocal looks
        while True:
            looks += 1
            await asyncio.sleep(0)

    looking = asyncio.create_task(look())
    await Nightly(store.path, tmp_path / "kept", 3, Clock(on(1, "12:00"))).look()
    looking.cancel()
    assert looks > 20
    assert backups.latest(tmp_path / "kept") is not None


def test_a_backup_that_takes_long_does_not_keep_the_program_from_ending(program: Program, tmp_path: Path) -> None:
    slow = (
        "import time; from bot import cli, runtime; from bot.store import backups\n"
        "runtime.STOPS_WITHIN = 0.1\n"
        "backups._check_copy = lambda *_: (print('checking', flush=True), time.sleep(3600))\n"
        "cli.main(['run'])"
    )
    settings = {"NNQUESTION_PLATFORMS": "terminal", "NNQUESTION_DATABASE": str(tmp_path / "x.db")}
    with program.start_code(slow, into=None, **settings) as process:
        assert process.stdout is not None
        while "checking" not in process.stdout.readline():
            assert process.poll() is None
        process.terminate()
        assert process.wait(10) == 0
    assert backups.kept(tmp_path / "backups") == []
