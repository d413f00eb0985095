"""Looking at a file before it is used: a sound database, one of ours, not newer than this program. Changes nothing."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path
from typing import Final

from sqlite_utils import Database

from bot.core.ports import StoreError
from bot.store.migrations import unknown_migrations
from bot.store.troubles import CHOOSE_ANOTHER, PATIENCE, PUT_BACK, refusal

APPLICATION_ID: Final = 0x6E6E7175
"""`nnqu`, in the file's header: how a database of ours is told from others."""

_MAGIC: Final = b"SQLite format 3\x00"
_HEADER: Final = 100
_READ_VERSION: Final = 19
"""Where the header says how the file is read: 2 is a write-ahead log."""


def connect(path: Path, options: str) -> Database:
    """A connection, opened with these options of SQLite's addresses. Raises sqlite3.Error."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{options}",
        uri=True,
        timeout=PATIENCE,
        isolation_level=None,  # we say BEGIN and COMMIT ourselves
    )
    return Database(connection, execute_plugins=False, strict=True)


def look(path: Path) -> None:
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
    if not in_use(path) and size % (int.from_bytes(header[16:18]) or 4096):
        raise _damaged(path, "its last page is incomplete")
    # Looking at a file with a log makes the log's files anew if they are not there, unless it is called immutable.
    # That skips all locks, so what it finds counts only if nobody has begun to write meanwhile.
    at_rest = header[_READ_VERSION] == 2 and not in_use(path)
    try:
        _examine(path, "mode=ro&immutable=1" if at_rest else "mode=ro")
    except StoreError:
        if not (at_rest and in_use(path)):
            raise
        _examine(path, "mode=ro")


def in_use(path: Path) -> bool:
    """Whether a program writes to the file, or was killed when it did."""
    return any(path.with_name(f"{path.name}-{end}").exists() for end in ("wal", "journal"))


def _damaged(path: Path, how: str) -> StoreError:
    return StoreError(f"{path}: it is damaged ({how}); {PUT_BACK}, {CHOOSE_ANOTHER}")


def _examine(path: Path, options: str) -> None:
    try:
        db = connect(path, options)
        try:
            if (fault := damage(db, "quick_check")) is not None:
                raise _damaged(path, fault)
            check(db, path)
        finally:
            db.close()
    except sqlite3.Error as error:
        # A program was killed while it made the tables. Only a connection that writes can undo what it began.
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_READONLY_ROLLBACK and claims_to_be_ours(path):
            return
        raise refusal(path, error) or error from error


def claims_to_be_ours(path: Path) -> bool:
    """Whether a file's header says that it is a database of ours. Raises OSError."""
    with path.open("rb") as file:
        return int.from_bytes(file.read(_HEADER)[68:72]) == APPLICATION_ID


def is_another_programs(path: Path) -> bool:
    """Whether a file is a database, by its header, and none of ours. Raises OSError."""
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC and not claims_to_be_ours(path)


def check(db: Database, path: Path) -> None:
    """Raise StoreError if this is another program's database, or a newer version's."""
    (application,) = db.execute("PRAGMA application_id").fetchone()
    if application != APPLICATION_ID and (application or db.table_names()):
        raise StoreError(f"{path}: it is another program's database; move it away, {CHOOSE_ANOTHER}")
    if unknown := unknown_migrations(db):
        raise StoreError(f"{path}: {of_newer(unknown)}, {CHOOSE_ANOTHER}")


def of_newer(unknown: list[str]) -> str:
    """What to say of a database that has had migrations which are not known here."""
    return f"it was made by a newer version of nnquestion (it has {', '.join(unknown)}); upgrade nnquestion"


def damage(db: Database, how: str = "integrity_check") -> str | None:
    """The first fault that SQLite finds in a database, by integrity_check or quick_check; None in a sound one."""
    found = [str(row[0]) for row in db.execute(f"PRAGMA {how}(3)")]
    return None if found == ["ok"] else " ".join(found[0].split())
