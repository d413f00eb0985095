"""Opening the file: look first, and write only to a database that is ours, sound and not newer than this program."""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from pathlib import Path
from typing import Final

from sqlite_utils import Database

from bot.core.ports import StoreError
from bot.store.migrations import MIGRATIONS, unknown_migrations
from bot.store.troubles import CHOOSE_ANOTHER, PATIENCE, os_refusal, refusal

APPLICATION_ID: Final = 0x6E6E7175
"""`nnqu`, in the file's header: how a database of ours is told from others."""

_MAGIC: Final = b"SQLite format 3\x00"
_HEADER: Final = 100
_READ_VERSION: Final = 19
"""Where the header says how the file is read: 2 is a write-ahead log."""


def open_writer(path: Path, max_pages: int | None = None) -> Database:
    """The connection that writes, to a file whose tables are up to date; makes the file and its folder where missing.

    Refuses with a StoreError, and leaves every byte as it was, where the file is not ours, damaged or too new.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _look(path)
        _check_permission(path)
    except OSError as error:
        raise os_refusal(path, error) from error
    try:
        db = _connect(path, "mode=rwc")
        try:
            _prepare(db, path, max_pages)
        except BaseException:
            db.close()
            raise
    except sqlite3.Error as error:
        raise refusal(path, error) or error from error
    return db


def open_reader(path: Path) -> Database:
    """A connection that cannot write, to a file that `open_writer` has opened."""
    try:
        db = _connect(path, "mode=ro")
        db.execute("PRAGMA query_only = ON")
    except sqlite3.Error as error:
        raise refusal(path, error) or error from error
    return db


def _connect(path: Path, options: str) -> Database:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{options}",
        uri=True,
        timeout=PATIENCE,
        isolation_level=None,  # we say BEGIN and COMMIT ourselves
    )
    return Database(connection, execute_plugins=False, strict=True)


def _prepare(db: Database, path: Path, max_pages: int | None) -> None:
    db.execute("PRAGMA foreign_keys = ON")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA secure_delete = ON").fetchone()  # a text that was taken back does not linger in free pages
    if max_pages is not None:
        db.execute(f"PRAGMA max_page_count = {max_pages:d}").fetchone()
    # Of several processes that open a new file at once, one makes the tables and the others wait here. A plain
    # BEGIN would let them all read first, and all but one would then fail at once with "database is locked".
    db.execute("BEGIN IMMEDIATE")
    try:
        _check(db, path)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID:d}")
        MIGRATIONS.apply(db)
        db.execute("COMMIT")
    except BaseException:
        db.rollback()
        raise
    # Only now, so that the header in the file itself, not just the log, has carried our id since there are tables.
    _keep_a_log(db)


def _keep_a_log(db: Database) -> None:
    """Have the file kept with a write-ahead log. SQLite does not wait for that by itself."""
    for _ in range(PATIENCE * 100):
        try:
            db.execute("PRAGMA journal_mode = WAL").fetchone()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise
            time.sleep(0.01)
    db.execute("PRAGMA journal_mode = WAL").fetchone()


def _look(path: Path) -> None:
    """Raise StoreError unless the file is missing, empty, or a sound database of ours. Makes no files beside it."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise StoreError(f"{path}: it is a folder; choose a file in it (--database, or NNQUESTION_DATABASE for `run`)")
    if not stat.S_ISREG(mode):
        raise StoreError(f"{path}: it is not a file; {CHOOSE_ANOTHER.removeprefix('or ')}")
    with path.open("rb") as file:
        header = file.read(_HEADER)
        size = file.seek(0, os.SEEK_END)
    if not header:
        return
    if not header.startswith(_MAGIC) or len(header) < _HEADER:
        raise StoreError(f"{path}: it is not a SQLite database; move it away, {CHOOSE_ANOTHER}")
    if not _in_use(path) and size % (int.from_bytes(header[16:18]) or 4096):
        raise _damaged(path, "its last page is incomplete")
    # Looking at a file with a log makes the log's files anew if they are not there, unless it is called immutable.
    # That skips all locks, so what it finds counts only if nobody has begun to write meanwhile.
    at_rest = header[_READ_VERSION] == 2 and not _in_use(path)
    try:
        _examine(path, "mode=ro&immutable=1" if at_rest else "mode=ro")
    except StoreError:
        if not (at_rest and _in_use(path)):
            raise
        _examine(path, "mode=ro")


def _in_use(path: Path) -> bool:
    """Whether a program writes to the file, or was killed when it did."""
    return any(path.with_name(f"{path.name}-{end}").exists() for end in ("wal", "journal"))


def _damaged(path: Path, how: str) -> StoreError:
    return StoreError(f"{path}: it is damaged ({how}); put a backup in its place, {CHOOSE_ANOTHER}")


def _check_permission(path: Path) -> None:
    # SQLite would open it all the same, only to read, and leave the files of a log beside it.
    for needed in (path, path.parent):
        if needed.exists() and not os.access(needed, os.W_OK):
            raise StoreError(f"{path}: it may only be read; let this user write to the file and to its folder")


def _examine(path: Path, options: str) -> None:
    try:
        db = _connect(path, options)
        try:
            found = [str(row[0]) for row in db.execute("PRAGMA quick_check(3)")]
            if found != ["ok"]:
                raise _damaged(path, " ".join(found[0].split()))
            _check(db, path)
        finally:
            db.close()
    except sqlite3.Error as error:
        # A program was killed while it made the tables. Only a connection that writes can undo what it began.
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_READONLY_ROLLBACK and _claims_to_be_ours(path):
            return
        raise refusal(path, error) or error from error


def _claims_to_be_ours(path: Path) -> bool:
    with path.open("rb") as file:
        return int.from_bytes(file.read(_HEADER)[68:72]) == APPLICATION_ID


def _check(db: Database, path: Path) -> None:
    """Raise StoreError if this is another program's database, or a newer version's."""
    (application,) = db.execute("PRAGMA application_id").fetchone()
    if application != APPLICATION_ID and (application or db.table_names()):
        raise StoreError(f"{path}: it is another program's database; move it away, {CHOOSE_ANOTHER}")
    if unknown := unknown_migrations(db):
        raise StoreError(
            f"{path}: it was made by a newer version of nnquestion (it has {', '.join(unknown)}); "
            f"upgrade nnquestion, {CHOOSE_ANOTHER}"
        )
