"""What is opened, what is refused, and that a refused file keeps every byte."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio
from sqlite_utils import Database, Migrations

from bot.core.model import RoundState
from bot.core.ports import StoreError, Transaction
from bot.store import SqliteStore
from bot.store.looking import APPLICATION_ID
from bot.store.migrations import m001_initial
from tests.factories import (
    ADA,
    BOB,
    CHANNEL,
    DAY,
    GROUP,
    NOW,
    TODAY,
    keep,
    make_answer,
    make_delivery,
    make_drill,
    make_entry,
    make_grade,
    make_member,
    make_objection,
    make_occurrence,
    make_plan,
    make_round,
    make_ruling,
)
from tests.store.files import allow, answered, ask, contents, python, ran, tell
from tests.store.store_contract import kept


@pytest_asyncio.fixture
async def ours(tmp_path: Path) -> Path:
    """A closed database of ours with some rounds in it."""
    path = tmp_path / "nnquestion.db"
    store = SqliteStore(path)
    await kept(store, *(make_round(number=number) for number in range(1, 200)))
    await store.close()
    return path


async def opens(path: Path) -> bool:
    """Open, use and close a database."""
    store = SqliteStore(path)
    await kept(store, make_round())
    found = await store.read(lambda tx: tx.rounds.get(make_round().id))
    await store.close()
    return found == make_round()


async def refused(path: Path, *, folder: Path | None = None) -> str:
    """Try to open a database that must be refused untouched; returns what is told."""
    folder = folder or path.parent
    before = contents(folder)
    store = SqliteStore(path)
    with pytest.raises(StoreError) as caught:
        store.open()
    with pytest.raises(StoreError):
        await store.read(lambda tx: None)
    await store.close()
    assert contents(folder) == before
    told = str(caught.value)
    assert told.startswith(f"{path}: ")
    return told.removeprefix(f"{path}: ")


async def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    assert await opens(tmp_path / "some" / "where" / "nnquestion.db")


async def test_a_name_with_signs_that_mean_something_in_addresses_is_just_a_name(tmp_path: Path) -> None:
    assert await opens(tmp_path / "what? 50% #1 & é.db")
    assert list(contents(tmp_path)) == ["what? 50% #1 & é.db"]


async def test_an_empty_file_becomes_a_database(tmp_path: Path) -> None:
    path = tmp_path / "nnquestion.db"
    path.touch()
    assert await opens(path)


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
async def test_a_database_without_tables_becomes_ours(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "nnquestion.db"
    ask(path, f"PRAGMA journal_mode = {mode}")
    ask(path, "VACUUM")
    assert await opens(path)
    assert await opens(path)


async def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert "folder" in await refused(tmp_path)


async def test_a_pipe_is_refused_without_waiting_for_its_other_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "not a file" in await refused(tmp_path / "pipe")


async def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine")
    assert "check that this user may" in await refused(tmp_path / "notes" / "nnquestion.db", folder=tmp_path)


@pytest.mark.parametrize("content", [b"x", b"hello\n" * 1000, b"\x00" * 8192, b"SQLite format 3\x00"])
async def test_a_file_that_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "nnquestion.db"
    path.write_bytes(content)
    assert "not a SQLite database" in await refused(path)


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
@pytest.mark.parametrize("application", [0, 252006675])
async def test_another_programs_database_is_refused(tmp_path: Path, mode: str, application: int) -> None:
    path = tmp_path / "nnquestion.db"
    ask(path, f"PRAGMA application_id = {application}")
    ask(path, f"PRAGMA journal_mode = {mode}")
    ask(path, "CREATE TABLE bookmarks (url TEXT)")
    told = await refused(path)
    assert "another program" in told
    assert "NNQUESTION_DATABASE" in told


async def test_another_programs_database_in_use_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "places.db"
    ask(path, "PRAGMA journal_mode = WAL")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE bookmarks (url TEXT)")
        log = path.with_name("places.db-wal").read_bytes()
        store = SqliteStore(path)
        with pytest.raises(StoreError, match="another program"):
            store.open()
        assert path.with_name("places.db-wal").read_bytes() == log
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("bookmarks",)]
    assert ask(path, "SELECT name FROM sqlite_master") == [("bookmarks",)]


async def test_a_newer_versions_database_is_refused(ours: Path) -> None:
    ask(
        ours, "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('nnquestion', 'm999_later', '')"
    )
    told = await refused(ours)
    assert "newer version" in told
    assert "m999_later" in told
    assert "upgrade nnquestion, or choose another file" in told


def cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2 // 4096 * 4096)


def cut_inside_a_page(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 100)


def overwrite_the_middle(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2 // 4096 * 4096)
        file.write(os.urandom(4096 * 3))


def flip_the_schema(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(100)
        flipped = bytes(byte ^ 0xFF for byte in file.read(12))
        file.seek(100)
        file.write(flipped)


@pytest.mark.parametrize("damage", [cut, cut_inside_a_page, overwrite_the_middle, flip_the_schema])
async def test_a_damaged_database_is_refused(ours: Path, damage: Callable[[Path], None]) -> None:
    damage(ours)
    told = await refused(ours)
    assert "damaged" in told
    assert "backup" in told


async def test_our_database_opens_again_and_again(ours: Path) -> None:
    assert await opens(ours)
    assert await opens(ours)


async def test_several_processes_open_a_new_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "nnquestion.db"
    code = """
import asyncio, sys
from bot.store import SqliteStore

async def main(path, name):
    store = SqliteStore(path)
    print("ready", flush=True)
    input()
    for number in range(10):
        await store.write(lambda tx: tx.facts.set(f"{name} {number}", "here"))
    await store.close()

asyncio.run(main(*sys.argv[1:]))
"""
    processes = [python(code, path, name) for name in "abcd"]
    for process in processes:
        answered(process)
    for process in processes:
        tell(process)
    assert [ran(process) for process in processes] == [(0, "")] * 4
    assert ask(path, "SELECT COUNT(*) FROM facts") == [(40,)]
    applied = [name for (name,) in ask(path, "SELECT name FROM _sqlite_migrations")]
    assert applied == sorted(set(applied))
    assert applied[0] == "m001_initial"


# --- a database of the first version ------------------------------------------------------------------------


def as_of_the_first_version(path: Path, later: Path) -> None:
    """Make a database by the first migration alone, with all that another one holds, as far as it has room for it."""
    first = Migrations("nnquestion")
    first()(m001_initial)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        db = Database(connection, execute_plugins=False, strict=True)
        first.apply(db)
        kept_tables = set(db.table_names()) - {"_sqlite_migrations"}
        db.execute(f"PRAGMA application_id = {APPLICATION_ID:d}")
        db.execute("ATTACH ? AS later", [str(later)])
        for table in kept_tables:
            columns = ", ".join(column.name for column in db.table(table).columns)
            db.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM later.{table}")


def all_of_it(tx: Transaction) -> list[object]:
    """What the first version could be asked."""
    old, today = make_round(on=TODAY - DAY), make_round()
    return [
        tx.drills.all(),
        tx.drills.plan(CHANNEL),
        tx.rounds.of_channel(CHANNEL),
        [
            (tx.answers.of_round(one.id), tx.answers.grade(one.id, ADA), tx.answers.hints(one.id, ADA))
            for one in (old, today)
        ],
        tx.answers.tried(CHANNEL, ADA),
        tx.ledger.of_member(GROUP, ADA),
        tx.ledger.paid(GROUP, ADA, make_entry().question, TODAY - 30 * DAY),
        tx.ledger.totals(GROUP),
        tx.members.get(ADA),
        tx.deliveries.unfinished(),
        tx.events.waiting(),
        tx.facts.get("colour"),
    ]


@pytest_asyncio.fixture
async def first_version(tmp_path: Path) -> tuple[Path, list[object]]:
    """A database of the first version with something in every table, and what it answers."""
    later, path = tmp_path / "later.db", tmp_path / "nnquestion.db"
    old = make_round(on=TODAY - DAY, state=RoundState.REVEALED)

    def fill(tx: Transaction) -> list[object]:
        keep(tx, make_drill(), make_plan(), old, make_round(), make_member(), make_delivery(), make_occurrence())
        keep(tx, make_answer(old), make_answer(old, revision=2), make_answer(), make_answer(member=BOB))
        tx.answers.add_grade(old.id, ADA, 2, make_grade(), NOW)
        tx.answers.add_hint(old.id, ADA, NOW)
        keep(tx, make_entry(old), make_entry(old, id="hint", points=-1))
        tx.facts.set("colour", "red")
        return all_of_it(tx)

    store = SqliteStore(later)
    answers = await store.write(fill)
    await store.close()
    as_of_the_first_version(path, later)
    return path, answers


async def test_a_database_of_the_first_version_is_brought_up_to_date_and_reads_as_before(
    first_version: tuple[Path, list[object]],
) -> None:
    path, answers = first_version
    assert ask(path, "SELECT name FROM _sqlite_migrations") == [("m001_initial",)]
    for _ in range(2):
        store = SqliteStore(path)
        assert await store.read(all_of_it) == answers
        await store.close()
    assert ask(path, "SELECT name FROM _sqlite_migrations")[:2] == [("m001_initial",), ("m002_rulings",)]
    assert ask(path, "PRAGMA integrity_check") == [("ok",)]
    assert ask(path, "PRAGMA foreign_key_check") == []


async def test_it_has_the_same_tables_indexes_and_triggers_as_a_new_one(
    first_version: tuple[Path, list[object]], tmp_path: Path
) -> None:
    path, _ = first_version
    for each in (path, tmp_path / "new.db"):
        store = SqliteStore(each)
        store.open()
        await store.close()
    schema = "SELECT type, name, sql FROM sqlite_master ORDER BY type, name"
    assert ask(path, schema) == ask(tmp_path / "new.db", schema)


async def test_it_takes_everything_that_is_new_and_its_open_answers_wait_for_their_grades(
    first_version: tuple[Path, list[object]],
) -> None:
    path, _ = first_version
    old = make_round(on=TODAY - DAY)

    def work(tx: Transaction) -> object:
        keep(tx, make_objection(old), make_ruling(old), make_entry(old, id="award", points=4, ruling=1))
        keep(tx, make_answer(final=True))
        tx.answers.add_grade(old.id, ADA, 2, make_grade(0, basis="anew"), NOW)
        answer, grade = tx.answers.get(make_round().id, ADA), tx.answers.grade(old.id, ADA)
        assert answer
        assert grade
        return answer.final, grade.level, tx.ledger.totals(GROUP), [one.member for one in tx.answers.ungraded(9)]

    store = SqliteStore(path)
    assert await store.write(work) == (True, 0, [(ADA, 6, 1)], [ADA, BOB])
    await store.close()
    with pytest.raises(sqlite3.IntegrityError):
        ask(path, "UPDATE ledger SET ruling = 9")


async def test_a_database_that_another_tool_left_half_written_is_made_whole(ours: Path) -> None:
    """A killed program leaves a journal beside the file, which only a connection that writes can roll back."""
    code = """
import os, signal, sqlite3, sys

connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode = DELETE")
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN")
connection.execute("UPDATE rounds SET zone = 'Mars/Olympus', asked_by = hex(randomblob(2000))")
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert ran(python(code, ours))[0] == -9
    assert ours.with_name("nnquestion.db-journal").stat().st_size > 512
    assert await opens(ours)
    assert ask(ours, "SELECT DISTINCT zone FROM rounds") == [("UTC",)]
    assert ask(ours, "PRAGMA integrity_check") == [("ok",)]


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that every user may enter: those made for tests are closed to others than their owner."""
    with tempfile.TemporaryDirectory() as folder:
        allow(Path(folder), 0o777)
        yield Path(folder)


AS_NOBODY = """
import os, sys
from pathlib import Path
from bot.core.ports import StoreError
from bot.store import SqliteStore

Path("/").as_uri()  # imports what it needs while this user may still read it
if os.geteuid() == 0:  # who may write everywhere
    os.setgid(65534)
    os.setuid(65534)
try:
    SqliteStore(Path(sys.argv[1])).open()
except StoreError as error:
    print(error)
"""


@pytest.mark.parametrize(("file_mode", "folder_mode"), [(0o444, 0o777), (0o444, 0o555), (0o666, 0o555), (0o000, 0o777)])
async def test_a_database_that_may_not_be_written_is_refused(public: Path, file_mode: int, folder_mode: int) -> None:
    path = public / "nnquestion.db"
    assert await opens(path)
    allow(path, file_mode)
    allow(public, folder_mode)
    before = path.read_bytes() if os.geteuid() == 0 else b""
    code, told = ran(python(AS_NOBODY, path))
    allow(public, 0o777)
    assert code == 0
    assert told.startswith(f"{path}: ")
    assert told.count("\n") == 1
    assert "write" in told
    assert list(contents(public)) == ["nnquestion.db"]
    allow(path, 0o666)
    assert not before or path.read_bytes() == before


async def test_a_new_database_in_a_folder_that_may_not_be_written_is_refused(public: Path) -> None:
    allow(public, 0o555)
    for name in ("nnquestion.db", "below/nnquestion.db"):
        code, told = ran(python(AS_NOBODY, public / name))
        assert code == 0
        assert told.startswith(f"{public / name}: ")
        assert "write" in told
    allow(public, 0o777)
    assert contents(public) == {}
