"""Reading a database beside whatever runs on it: nothing is changed, migrated or left there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.core.ports import StoreError
from bot.store import SqliteStore
from bot.store.inspection import inspect, read
from tests.factories import CHANNEL, keep, make_drill
from tests.store.files import allow, ask, contents


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    store = SqliteStore(tmp_path / "x.db")
    await store.write(lambda tx: keep(tx, make_drill()))
    await store.close()
    return tmp_path / "x.db"


def test_a_database_at_rest_is_read_without_a_trace(path: Path) -> None:
    before = contents(path.parent)
    seen = inspect(path)
    assert (seen.exists, seen.refused, seen.pending, seen.log) == (True, "", (), 0)
    assert seen.size == path.stat().st_size
    assert [drill.channel for drill in read(path, lambda tx: tx.drills.all())] == [CHANNEL]
    assert contents(path.parent) == before


async def test_beside_a_program_what_it_has_written_is_seen_with_its_log(path: Path) -> None:
    store = SqliteStore(path)
    await store.write(lambda tx: keep(tx, make_drill("terminal:local/random")))
    assert inspect(path).log > 0
    assert len(read(path, lambda tx: tx.drills.all())) == 2
    await store.close()


def test_what_reads_cannot_write(path: Path) -> None:
    with pytest.raises(StoreError, match="may only be read"):
        read(path, lambda tx: tx.drills.save(make_drill()))


def test_tables_of_an_older_version_are_told_and_not_migrated(path: Path) -> None:
    [(latest,)] = ask(path, "SELECT name FROM _sqlite_migrations ORDER BY rowid DESC LIMIT 1")
    ask(path, "DELETE FROM _sqlite_migrations WHERE name = ?", latest)
    before = contents(path.parent)
    assert inspect(path).pending == (latest,)
    assert contents(path.parent) == before


def test_a_missing_database_is_not_made(tmp_path: Path) -> None:
    seen = inspect(tmp_path / "sub" / "x.db")
    assert not seen.exists
    assert seen.writable
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_database_of_ours_is_refused_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("Dear diary,\n" * 500)
    assert "not a SQLite database" in inspect(tmp_path / "x.db").refused
    assert "it is a folder" in inspect(tmp_path).refused


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_file_that_may_only_be_read_is_told(path: Path) -> None:
    allow(path, 0o400)
    assert not inspect(path).writable
