"""The disk is full, the process killed, the file damaged: what was acknowledged stays, and nothing half done does."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot.core.ports import StoreError, Transaction
from bot.store import SqliteStore
from bot.store.troubles import refusal
from tests.factories import make_round
from tests.store.files import ask, python, ran
from tests.store.store_contract import kept, setting

BIG = "x" * 400_000


async def small_store(path: Path) -> SqliteStore:
    """A store with a fact in it and room for a few pages more."""
    store = SqliteStore(path)
    await store.write(setting("colour", "red"))
    await store.close()
    ((pages,),) = ask(path, "PRAGMA page_count")
    return SqliteStore(path, max_pages=pages + 20)


async def test_a_full_disk_is_told_and_harms_nothing_that_was_there(tmp_path: Path) -> None:
    store = await small_store(tmp_path / "nnquestion.db")
    with pytest.raises(StoreError, match="no space left") as caught:
        await store.write(setting("big", BIG))
    assert str(caught.value).startswith(f"{store.path}: ")
    assert await store.read(lambda tx: (tx.facts.get("colour"), tx.facts.get("big"))) == ("red", None)
    await store.write(setting("colour", "blue"))
    assert await store.read(lambda tx: tx.facts.get("colour")) == "blue"
    await store.close()

    roomy = SqliteStore(store.path)
    await roomy.write(setting("big", BIG))
    assert await roomy.read(lambda tx: (tx.facts.get("colour"), tx.facts.get("big"))) == ("blue", BIG)
    await roomy.close()


async def test_a_full_disk_works_again_once_space_is_freed(tmp_path: Path) -> None:
    store = await small_store(tmp_path / "nnquestion.db")
    await store.write(setting("first", BIG[:60_000]))
    with pytest.raises(StoreError):
        await store.write(setting("second", BIG[:60_000]))
    await store.write(setting("first", ""))
    await store.write(setting("second", BIG[:60_000]))
    assert await store.read(lambda tx: len(tx.facts.get("second") or "")) == 60_000
    await store.close()


async def test_when_the_disk_is_full_nothing_of_the_batch_stays_and_all_are_told(tmp_path: Path) -> None:
    store = await small_store(tmp_path / "nnquestion.db")
    store.open()

    def swallow(tx: Transaction) -> None:
        try:
            tx.facts.set("big", BIG)
        except sqlite3.Error:
            tx.facts.set("swallowed", "here")

    works = [setting("before", "here"), setting("big", BIG), setting("after", "here")]
    done = await asyncio.gather(*map(store.write, works), return_exceptions=True)
    told = [result for result in done if isinstance(result, StoreError)]
    assert len(set(map(id, told))) == len(told) >= 1
    there = await store.read(lambda tx: [tx.facts.get(name) for name in ("before", "big", "after")])
    assert there == [None if isinstance(result, StoreError) else "here" for result in done]
    assert there[1] is None

    # Work that looks away must not end up half inside, half outside a transaction.
    try:
        await store.write(swallow)
        expected = "here"
    except StoreError:
        expected = None
    assert await store.read(lambda tx: (tx.facts.get("big"), tx.facts.get("swallowed"))) == (None, expected)
    await store.close()


async def test_a_limit_that_leaves_no_room_for_the_tables_is_told_on_opening(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "nnquestion.db", max_pages=3)
    with pytest.raises(StoreError, match="no space left"):
        store.open()
    await store.close()
    roomy = SqliteStore(tmp_path / "nnquestion.db")
    await roomy.write(setting("colour", "red"))
    await roomy.close()


def test_a_limit_for_file_sizes_is_told_and_harms_nothing(tmp_path: Path) -> None:
    code = """
import asyncio, resource, sys
from pathlib import Path
from bot.core.ports import StoreError
from bot.store import SqliteStore

async def main(path):
    store = SqliteStore(path)
    await store.write(lambda tx: tx.facts.set("colour", "red"))
    log = Path(path + "-wal")
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size + 50_000, resource.RLIM_INFINITY))
    try:
        await store.write(lambda tx: tx.facts.set("big", "x" * 400_000))
    except StoreError as error:
        print(error)
    print(await store.read(lambda tx: (tx.facts.get("colour"), tx.facts.get("big"))))
    await store.write(lambda tx: tx.facts.set("colour", "blue"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await store.write(lambda tx: tx.facts.set("big", "y" * 400_000))
    await store.close()

asyncio.run(main(sys.argv[1]))
"""
    path = tmp_path / "nnquestion.db"
    exit_code, told = ran(python(code, path))
    first, second = told.splitlines()
    assert exit_code == 0
    assert first.startswith(f"{path}: its disk refuses")
    assert second == "('red', None)"
    assert ask(path, "SELECT name, substr(value, 1, 4) FROM facts ORDER BY name") == [
        ("big", "yyyy"),
        ("colour", "blue"),
    ]


def test_a_process_killed_in_the_middle_of_a_batch_leaves_whole_transactions_only(tmp_path: Path) -> None:
    code = """
import asyncio, os, signal, sys, threading
from functools import partial
from bot.store import SqliteStore

started, go_on = threading.Event(), threading.Event()

def hold(tx):
    started.set()
    go_on.wait(30)

def pair(tx, name, kill=False):
    tx.facts.set(f"{name} left", "here")
    if kill:
        os.kill(os.getpid(), signal.SIGKILL)
    tx.facts.set(f"{name} right", "here")

async def acknowledged(store, name):
    await store.write(partial(pair, name=name))
    print(name, flush=True)

async def main(path):
    store = SqliteStore(path)
    await asyncio.gather(*(acknowledged(store, f"good {number}") for number in range(50)))
    holding = asyncio.create_task(store.write(hold))
    await asyncio.to_thread(started.wait, 30)
    batch = [asyncio.create_task(acknowledged(store, f"lost {number}")) for number in range(20)]
    killer = asyncio.create_task(store.write(partial(pair, name="killer", kill=True)))
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(holding, killer, *batch)

asyncio.run(main(sys.argv[1]))
"""
    path = tmp_path / "nnquestion.db"
    exit_code, told = ran(python(code, path))
    good = {f"good {number}" for number in range(50)}
    assert exit_code == -9
    assert set(told.splitlines()) == good

    async def names() -> list[str]:
        store = SqliteStore(path)
        store.open()
        await store.close()
        return [name for (name,) in ask(path, "SELECT name FROM facts")]

    assert sorted(asyncio.run(names())) == sorted(f"{name} {side}" for name in good for side in ("left", "right"))
    assert ask(path, "PRAGMA integrity_check") == [("ok",)]


async def test_damage_that_comes_while_the_store_is_open_is_told_to_readers_and_writers(tmp_path: Path) -> None:
    path = tmp_path / "nnquestion.db"
    store = SqliteStore(path)
    await kept(store, *(make_round(number=number) for number in range(1, 300)))
    await store.close()
    store = SqliteStore(path)
    store.open()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096 * 2)
        file.write(b"\xa5" * (size - 4096 * 2))
    with pytest.raises(StoreError, match="damaged"):
        await store.read(lambda tx: tx.rounds.of_channel(make_round().channel))
    with pytest.raises(StoreError, match="damaged"):
        await kept(store, make_round())
    await store.close()


def test_a_database_that_another_program_keeps_locked_is_told(tmp_path: Path) -> None:
    path = tmp_path / "nnquestion.db"
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as one,
        closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as other,
    ):
        one.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError) as caught:
            other.execute("BEGIN IMMEDIATE")
    told = refusal(path, caught.value)
    assert told is not None
    assert "another program" in str(told)


def test_an_error_that_is_no_trouble_with_the_file_is_not_told_as_one(tmp_path: Path) -> None:
    assert refusal(tmp_path, ValueError("x")) is None
    assert refusal(tmp_path, sqlite3.IntegrityError("x")) is None
    assert refusal(tmp_path, sqlite3.ProgrammingError("x")) is None
