"""Copies of a database: made while it is written to, kept only if they are sound, and put back without harm."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import stat
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from filelock import FileLock
from sqlite_utils import Database, Migrations

from bot.core import owing
from bot.core.model import DeliveryState
from bot.core.ports import StoreError, Transaction
from bot.store import SqliteStore, backups
from bot.store.looking import APPLICATION_ID
from bot.store.migrations import m001_initial
from tests.factories import NOW, make_delivery, make_round
from tests.store.files import ask, contents, python, ran
from tests.store.store_contract import kept, setting

LATER = NOW + timedelta(days=1)


@pytest_asyncio.fixture
async def ours(tmp_path: Path) -> Path:
    """A closed database of ours with some rounds and a fact in it."""
    path = tmp_path / "x.db"
    store = SqliteStore(path)
    await kept(store, *(make_round(number=number) for number in range(1, 200)))
    await store.write(setting("colour", "red"))
    await store.close()
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "kept"


@pytest_asyncio.fixture
async def store(ours: Path) -> AsyncIterator[SqliteStore]:
    """The same database, in use."""
    store = SqliteStore(ours)
    store.open()
    yield store
    await store.close()


async def holds(path: Path, name: str = "colour") -> str | None:
    """What a database holds of a fact, once it has been opened as the program opens it."""
    store = SqliteStore(path)
    try:
        return await store.read(lambda tx: tx.facts.get(name))
    finally:
        await store.close()


def mode(path: Path) -> int:
    """Who may do what with a file."""
    return stat.S_IMODE(path.stat().st_mode)


def put(path: Path, data: bytes) -> None:
    """Write a file from outside."""
    path.write_bytes(data)


def without(path: Path) -> None:
    """Remove a file from outside."""
    path.unlink()


def spoil(path: Path) -> None:
    """Write over the pages in the middle of a file."""
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2 // 4096 * 4096)
        file.write(b"\xa5" * 4096 * 3)


def old(path: Path) -> Path:
    """A database of the first version, with a fact in it."""
    step = Migrations("nnquestion")
    step()(m001_initial)
    with closing(Database(path)) as db:
        step.apply(db)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute("INSERT INTO facts (name, value) VALUES ('colour', 'old')")
        db.conn.commit()
    return path


# --- made -----------------------------------------------------------------------------------------------------


async def test_a_backup_made_while_a_writer_writes_is_what_stood_at_one_instant(
    store: SqliteStore, folder: Path
) -> None:
    done = asyncio.Event()

    async def write() -> int:
        number = 0
        while not done.is_set():
            number += 1
            for name in ("one", "two"):  # In two transactions: the second never runs ahead of the first.
                await store.write(setting(name, f"{number:09} " + "x" * 50_000))
        return number

    writing = asyncio.create_task(write())
    made = [await asyncio.to_thread(backups.back_up, store.path, folder, NOW) for _ in range(5)]
    done.set()
    assert await writing > 1
    for backup in made:
        facts = dict(ask(backup.path, "SELECT name, substr(value, 1, 9) FROM facts WHERE name IN ('one', 'two')"))
        one, two = (int(facts.get(name, 0)) for name in ("one", "two"))
        assert one - 1 <= two <= one
        assert ask(backup.path, "PRAGMA integrity_check") == [("ok",)]
    assert len({backup.path for backup in made}) == 5


def test_however_much_is_written_meanwhile_a_backup_ends_with_what_stood_at_its_beginning(
    ours: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backups, "_PAGES", 1)
    pieces = 0

    def written() -> bool:
        nonlocal pieces
        pieces += 1
        ask(ours, "UPDATE facts SET value = ? WHERE name = 'colour'", str(pieces))
        return pieces > 1_000  # It would begin again each time, and never end.

    backup = backups.back_up(ours, folder, NOW, stopped=written)
    assert pieces > 10
    assert ask(backup.path, "SELECT value FROM facts WHERE name = 'colour'") == [("red",)]


async def test_a_backup_holds_what_still_lies_in_the_log(store: SqliteStore, folder: Path) -> None:
    await store.write(setting("colour", "blue"))
    assert await holds(backups.back_up(store.path, folder, NOW).path) == "blue"


def test_a_backup_is_named_after_the_database_and_the_time_in_utc_and_is_for_its_user_alone(
    ours: Path, folder: Path
) -> None:
    backup = backups.back_up(ours, folder, datetime.fromisoformat("2026-11-22T23:30:05+05:00"))
    assert backup.path == folder / "x-2026-11-22T183005Z.db"
    assert mode(backup.path) == 0o600
    assert backups.kept(folder, "x") == [backup]
    assert backups.latest(folder) == datetime(2026, 11, 22, 18, 30, 5, tzinfo=UTC)


def test_without_any_backup_there_is_no_latest(tmp_path: Path, folder: Path) -> None:
    assert backups.latest(folder) is None
    (tmp_path / "x-yesterday.db").touch()
    (tmp_path / "x-2026-13-01T000000Z.db").touch()
    assert backups.latest(tmp_path) is None


def test_nothing_is_left_beside_a_database_that_nobody_uses(ours: Path, folder: Path) -> None:
    before = contents(ours.parent)
    backup = backups.back_up(ours, folder, NOW)
    assert contents(ours.parent) == {
        **before,
        f"kept/{backup.path.name}": backup.path.read_bytes(),
        "kept/.x.lock": b"",
    }


def test_what_a_killed_backup_leaves_is_no_backup_and_the_next_one_removes_it(ours: Path, folder: Path) -> None:
    dying = python(
        "import os, sys; from datetime import UTC, datetime; from pathlib import Path; from bot.store import backups\n"
        "backups._check_copy = lambda *_: os.kill(os.getpid(), 9)\n"
        "backups.back_up(Path(sys.argv[1]), Path(sys.argv[2]), datetime.now(UTC))",
        ours,
        folder,
    )
    assert ran(dying)[0] == -9
    (left,) = folder.glob(".x-*")
    assert backups.kept(folder) == []
    other = folder / f".xy{left.name.removeprefix('.x')}"
    other.touch()
    backup = backups.back_up(ours, folder, NOW)
    assert not left.exists()
    assert other.exists()  # It is of another database, and may be in the making.
    assert backups.kept(folder) == [backup]


def test_a_backup_that_is_called_off_leaves_nothing(ours: Path, folder: Path) -> None:
    with pytest.raises(backups.CalledOff):
        backups.back_up(ours, folder, NOW, stopped=lambda: True)
    assert set(contents(folder)) == {".x.lock"}


def test_a_damaged_database_is_told_of_and_no_backup_of_it_is_kept(ours: Path, folder: Path) -> None:
    earlier = backups.back_up(ours, folder, NOW)
    spoil(ours)
    with pytest.raises(StoreError, match="damaged") as caught:
        backups.back_up(ours, folder, LATER)
    assert str(caught.value).startswith(f"{ours}: ")
    assert "nnquestion restore" in str(caught.value)
    assert backups.kept(folder) == [earlier]
    assert not list(folder.glob("*.part"))


def test_a_backup_that_does_not_pass_its_check_is_not_kept(
    ours: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = backups._copy

    def onto_a_bad_disk(source: Database, target: Path, stopped: object) -> None:
        copy(source, target, lambda: False)
        spoil(target)

    monkeypatch.setattr(backups, "_copy", onto_a_bad_disk)
    with pytest.raises(StoreError, match="did not pass its check") as caught:
        backups.back_up(ours, folder, NOW)
    assert str(caught.value).startswith(f"{folder}: ")
    assert set(contents(folder)) == {".x.lock"}


def test_a_folder_that_cannot_be_written_to_is_told_of(ours: Path, folder: Path) -> None:
    folder.write_text("mine")
    with pytest.raises(StoreError, match="check that this user may") as caught:
        backups.back_up(ours, folder, NOW)
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize(
    ("sql", "told"),
    [(None, "no such database"), ("VACUUM", "empty"), ("CREATE TABLE bookmarks (url TEXT)", "another program's")],
)
def test_what_is_no_database_of_ours_is_not_backed_up(tmp_path: Path, folder: Path, sql: str | None, told: str) -> None:
    if sql is not None:
        ask(tmp_path / "y.db", sql)
    with pytest.raises(StoreError, match=told):
        backups.back_up(tmp_path / "y.db", folder, NOW)
    assert backups.kept(folder) == []


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root could")
def test_root_does_not_write_files_that_the_program_could_not_use(ours: Path, folder: Path) -> None:
    backup = backups.back_up(ours, folder, NOW)
    os.chown(ours, 12345, 12345)
    with pytest.raises(StoreError, match="sudo -u '#12345'"):
        backups.back_up(ours, folder, LATER)
    with pytest.raises(StoreError, match="sudo -u '#12345'"):
        backups.restore(backup.path, ours, LATER)


# --- removed --------------------------------------------------------------------------------------------------


def test_the_oldest_beyond_those_to_keep_are_removed_and_nothing_else_is(ours: Path, folder: Path) -> None:
    made = [backups.back_up(ours, folder, NOW + timedelta(days=day)).path for day in range(5)]
    others = [
        folder / "notes.txt",
        folder / "other-2020-01-01T000000Z.db",  # of another database
        folder / "x-2020-01-01T000000Z.db",  # named like ours
        folder / "x.db.replaced-2020-01-01T000000Z",
    ]
    for other in others:
        other.write_text("mine, and no database at all")
    assert backups.remove_old(folder, "x", 2, LATER) == made[2::-1]
    assert sorted(folder.glob("[!.]*")) == sorted([*made[3:], *others])


def test_the_newest_stays_whatever_is_to_be_kept(ours: Path, folder: Path) -> None:
    first, second = (backups.back_up(ours, folder, NOW) for _ in range(2))
    assert backups.remove_old(folder, "x", 0, LATER) == [first.path]
    assert backups.kept(folder) == [second]


def test_what_was_made_before_a_migration_stays_for_thirty_days(ours: Path, folder: Path) -> None:
    before = backups.back_up(ours, folder, NOW, before="m002_rulings")
    assert before.path.name == "x-2026-11-22T090000Z-before-m002_rulings.db"
    for day in range(1, 4):
        backups.back_up(ours, folder, NOW + timedelta(days=day))
    backups.remove_old(folder, "x", 1, NOW + timedelta(days=29))
    assert before in backups.kept(folder)
    assert backups.remove_old(folder, "x", 1, NOW + timedelta(days=31)) == [before.path]


# --- before a migration ---------------------------------------------------------------------------------------


async def test_before_tables_are_changed_they_are_backed_up(tmp_path: Path) -> None:
    path = old(tmp_path / "x.db")
    assert await holds(path) == "old"
    (backup,) = backups.kept(tmp_path / "backups", "x")
    assert backup.before == "m002_rulings"
    assert ask(backup.path, "SELECT name FROM _sqlite_migrations") == [("m001_initial",)]
    assert await holds(path) == "old"
    assert backups.kept(tmp_path / "backups") == [backup]  # There was nothing more to change.


async def test_the_settings_say_where_the_backup_before_a_migration_goes(tmp_path: Path, folder: Path) -> None:
    store = SqliteStore(old(tmp_path / "x.db"), copies=folder)
    store.open()
    await store.close()
    assert len(backups.kept(folder)) == 1
    assert not (tmp_path / "backups").exists()


async def test_tables_that_cannot_be_backed_up_are_not_changed(tmp_path: Path) -> None:
    path = old(tmp_path / "x.db")
    (tmp_path / "backups").write_text("mine")
    before = contents(tmp_path)
    with pytest.raises(StoreError, match="Nothing is changed yet") as caught:
        await holds(path)
    assert str(tmp_path / "backups") in str(caught.value)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("there", [True, False])
async def test_a_new_database_is_not_backed_up(tmp_path: Path, there: bool) -> None:
    if there:
        (tmp_path / "x.db").touch()
    assert await holds(tmp_path / "x.db") is None
    assert set(contents(tmp_path)) == {"x.db"}


# --- put back -------------------------------------------------------------------------------------------------


async def test_a_backup_is_put_back_and_what_was_there_is_kept(ours: Path, folder: Path) -> None:
    backup = backups.back_up(ours, folder, NOW)
    store = SqliteStore(ours)
    await store.write(setting("colour", "blue"))
    await store.close()
    done = backups.restore(backup.path, ours, LATER)
    assert done.replaced == ours.with_name("x.db.replaced-2026-11-23T090000Z")
    assert done.whole
    assert await holds(ours) == "red"
    assert await holds(done.replaced) == "blue"
    assert await holds(backup.path) == "red"
    assert mode(ours) == 0o600


async def test_what_a_killed_program_left_in_the_log_is_kept_with_the_old_database(ours: Path, folder: Path) -> None:
    backup = backups.back_up(ours, folder, NOW)
    killed = python(
        "import asyncio, os, sys; from bot.store import SqliteStore\n"
        "store = SqliteStore(sys.argv[1])\n"
        "asyncio.run(store.write(lambda tx: tx.facts.set('colour', 'last')))\n"
        "os.kill(os.getpid(), 9)",
        ours,
    )
    assert ran(killed)[0] == -9
    assert ours.with_name("x.db-wal").stat().st_size
    done = backups.restore(backup.path, ours, LATER)
    assert done.replaced is not None
    assert not list(ours.parent.glob("x.db-*"))
    assert await holds(ours) == "red"
    assert ask(done.replaced, "SELECT value FROM facts WHERE name = 'colour'") == [("last",)]


async def test_a_log_without_its_database_is_not_folded_into_the_backup(ours: Path, folder: Path) -> None:
    backup = backups.back_up(ours, folder, NOW)
    with closing(sqlite3.connect(ours)) as other:
        other.execute("UPDATE facts SET value = 'stray'")
        other.commit()
        stray = ours.with_name("x.db-wal").read_bytes()
    without(ours)
    put(ours.with_name("x.db-wal"), stray)
    done = backups.restore(backup.path, ours, LATER)
    assert done.replaced is not None
    assert done.replaced.with_name(f"{done.replaced.name}-wal").read_bytes() == stray
    assert await holds(ours) == "red"


async def test_a_database_too_damaged_to_open_is_kept_with_its_log_and_replaced(ours: Path, folder: Path) -> None:
    backup = backups.back_up(ours, folder, NOW)
    put(ours, b"\x00" * 8192)
    put(ours.with_name("x.db-wal"), b"what was said last")
    done = backups.restore(backup.path, ours, LATER)
    assert done.replaced is not None
    assert not done.whole
    assert done.replaced.read_bytes() == b"\x00" * 8192
    assert done.replaced.with_name(f"{done.replaced.name}-wal").read_bytes() == b"what was said last"
    assert await holds(ours) == "red"


async def test_where_there_is_no_database_the_backup_becomes_it(ours: Path, folder: Path, tmp_path: Path) -> None:
    backup = backups.back_up(ours, folder, NOW)
    done = backups.restore(backup.path, tmp_path / "new" / "y.db", LATER)
    assert done.replaced is None
    assert await holds(tmp_path / "new" / "y.db") == "red"


async def test_a_backup_of_an_older_version_is_put_back_and_changed_at_the_next_start(
    ours: Path, tmp_path: Path
) -> None:
    backups.restore(old(tmp_path / "old.db"), ours, LATER)
    assert await holds(ours) == "old"
    assert [backup.before for backup in backups.kept(tmp_path / "backups", "x")] == ["m002_rulings"]


def refused(file: Path, database: Path) -> str:
    """Try to put back what must be refused; every byte stays. What is told."""

    def there() -> dict[str, bytes]:
        return {name: data for name, data in contents(database.parent).items() if not name.endswith((".lock", "-shm"))}

    before = there()
    with pytest.raises(StoreError) as caught:
        backups.restore(file, database, LATER)
    assert there() == before
    return str(caught.value)


def test_what_is_no_sound_backup_of_ours_is_refused_and_nothing_is_touched(ours: Path, tmp_path: Path) -> None:
    file = tmp_path / "elsewhere" / "b.db"
    file.parent.mkdir()
    assert "no such file" in refused(file, ours)
    file.write_bytes(b"")
    assert "no database of nnquestion" in refused(file, ours)
    file.write_text("Dear diary,\n" * 500)
    assert "no database of nnquestion" in refused(file, ours)
    shutil.copy(ours, file)
    spoil(file)
    assert "damaged" in refused(file, ours)
    shutil.copy(ours, file)
    os.truncate(file, file.stat().st_size // 2)
    assert "damaged" in refused(file, ours)
    shutil.copy(ours, file)
    ask(file, "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('nnquestion', 'm999', '')")
    assert "newer version" in refused(file, ours)
    assert "the database itself" in refused(ours, ours)


def test_what_is_no_database_of_ours_is_not_replaced(ours: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    ask(other, "CREATE TABLE bookmarks (url TEXT)")
    assert "no database of nnquestion" in refused(ours, other)
    (tmp_path / "folder").mkdir()
    assert "no database of nnquestion" in refused(ours, tmp_path / "folder")


async def test_under_a_program_that_runs_nothing_is_put_back(ours: Path, folder: Path) -> None:
    backup = backups.back_up(ours, folder, NOW)
    assert not backups.in_use(ours)
    with FileLock(backups.lock_of(ours), timeout=0):
        assert backups.in_use(ours)
        assert "a program is running on it" in refused(backup.path, ours)
    # One that holds no lock, such as of an older version, is found all the same.
    with closing(sqlite3.connect(ours)) as other:
        other.execute("SELECT * FROM facts").fetchone()
        assert "a program is using it" in refused(backup.path, ours)
    backups.restore(backup.path, ours, LATER)
    assert await holds(ours) == "red"


def test_what_a_killed_restore_leaves_does_not_stand_in_the_way(ours: Path, folder: Path) -> None:
    backup = backups.back_up(ours, folder, NOW)
    left = ours.with_name(".x.db.restoring")
    left.write_text("half of it")
    backups.restore(backup.path, ours, LATER)
    assert not left.exists()


async def test_all_that_a_backup_owes_is_looked_for_before_it_is_sent(store: SqliteStore, folder: Path) -> None:
    def owe(tx: Transaction) -> None:
        for state in DeliveryState:
            tx.deliveries.owe(make_delivery(f"a {state} one", state=state, not_before=LATER))

    await store.write(owe)
    await kept(store, make_round(number=241))
    backup = backups.back_up(store.path, folder, NOW)
    await store.close()
    backups.restore(backup.path, store.path, LATER)

    again = SqliteStore(store.path)
    found = await again.read(lambda tx: {f"{s}": tx.deliveries.get(f"a {s} one") for s in DeliveryState})
    assert {name for name, one in found.items() if one is not None and one.unclear} == {"owed", "claimed"}
    assert all(one is not None for one in found.values())
    claimed = await again.write(lambda tx: tx.deliveries.claim(NOW, 10))
    assert [one.key for one in claimed] == ["a owed one"]  # The first of its channel; it waits for nothing now.
    assert await again.read(lambda tx: tx.facts.get(owing.RESTORED_AT)) == "2026-11-23T09:00:00.000000Z"
    assert await again.read(lambda tx: int(tx.facts.get(owing.EXTRA_AFTER) or 0)) == 1241
    await again.close()
    backups.restore(store.path.with_name("x.db.replaced-2026-11-23T090000Z"), store.path, LATER)
    assert await holds(store.path, owing.EXTRA_AFTER) == "1241"
    backups.restore(backups.back_up(store.path, folder, LATER).path, store.path, LATER)
    assert await holds(store.path, owing.EXTRA_AFTER) == "2241"
