"""Opening the file: look first, and write only to a database that is ours, sound and not newer than this program."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from sqlite_utils import Database

from bot.core.ports import StoreError
from bot.store import backups
from bot.store.looking import APPLICATION_ID, check, connect, look
from bot.store.migrations import MIGRATIONS
from bot.store.troubles import PATIENCE, os_refusal, refusal


def open_writer(path: Path, max_pages: int | None = None, copies: Path | None = None) -> Database:
    """The connection that writes, to a file whose tables are up to date; makes the file and its folder where missing.

    Before tables with something in them are changed, they are copied into the folder `copies` (by default one beside
    the file). Refuses with a StoreError, and leaves every byte as it was, where that cannot be, or where the file is
    not ours, damaged or too new.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        look(path)
        _check_permission(path)
        with suppress(FileExistsError):  # What members have said is nobody else's on this machine to read.
            os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise os_refusal(path, error) from error
    try:
        db = connect(path, "mode=rwc")
        try:
            _prepare(db, path, max_pages, copies or backups.folder_beside(path))
        except BaseException:
            db.close()
            raise
    except sqlite3.Error as error:
        raise refusal(path, error) or error from error
    return db


def open_reader(path: Path) -> Database:
    """A connection that cannot write, to a file that `open_writer` has opened."""
    try:
        db = connect(path, "mode=ro")
        db.execute("PRAGMA query_only = ON")
    except sqlite3.Error as error:
        raise refusal(path, error) or error from error
    return db


def _check_permission(path: Path) -> None:
    # SQLite would open it all the same, only to read, and leave the files of a log beside it.
    for needed in (path, path.parent):
        if needed.exists() and not os.access(needed, os.W_OK):
            raise StoreError(f"{path}: it may only be read; let this user write to the file and to its folder")


def _prepare(db: Database, path: Path, max_pages: int | None, copies: Path) -> None:
    db.execute("PRAGMA foreign_keys = ON")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA secure_delete = ON").fetchone()  # a text that was taken back does not linger in free pages
    if max_pages is not None:
        db.execute(f"PRAGMA max_page_count = {max_pages:d}").fetchone()
    _copy_before_migrating(db, path, copies)
    # Of several processes that open a new file at once, one makes the tables and the others wait here. A plain
    # BEGIN would let them all read first, and all but one would then fail at once with "database is locked".
    db.execute("BEGIN IMMEDIATE")
    try:
        check(db, path)
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


def _copy_before_migrating(db: Database, path: Path, copies: Path) -> None:
    pending = MIGRATIONS.pending(db)
    if not pending or not db.table_names():
        return
    check(db, path)
    (now,) = db.execute("SELECT strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now')").fetchone()
    try:
        backups.back_up(path, copies, datetime.fromisoformat(now), before=pending[0].name)
    except StoreError as error:
        raise StoreError(
            f"{path}: its tables are of an older version, and it could not be backed up before they are changed"
            f" ({error}). Nothing is changed yet: mend that, and start again"
        ) from error
