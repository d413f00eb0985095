"""What SQLite and the disk complain of, as a StoreError that says what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bot.core.ports import StoreError

PATIENCE: Final = 15
"""Seconds to wait while another process writes."""

CHOOSE_ANOTHER: Final = "or choose another file (--database, or NNQUESTION_DATABASE for `run`)"

PUT_BACK: Final = "put a backup in its place (nnquestion restore FILE)"

_TROUBLES: Final[Mapping[int, str]] = {
    sqlite3.SQLITE_FULL: "there is no space left for it; free some space on its disk, then try again",
    sqlite3.SQLITE_IOERR: "its disk refuses to read or write; check the disk, its quota and the limit for file sizes",
    sqlite3.SQLITE_READONLY: "it may only be read; let this user write to the file and to its folder",
    sqlite3.SQLITE_PERM: "it may not be used; let this user read and write the file and its folder",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check that its folder exists and that this user may write there",
    sqlite3.SQLITE_BUSY: f"another program has kept it locked for {PATIENCE} seconds; stop that program",
    sqlite3.SQLITE_LOCKED: "it is locked; stop the program that uses it",
    sqlite3.SQLITE_PROTOCOL: "too many programs use it at once; stop the others",
    sqlite3.SQLITE_CORRUPT: f"it is damaged; {PUT_BACK}, {CHOOSE_ANOTHER}",
    sqlite3.SQLITE_NOTADB: f"it is not a SQLite database; move it away, {CHOOSE_ANOTHER}",
    sqlite3.SQLITE_NOMEM: "there is not enough memory to use it; stop other programs",
    sqlite3.SQLITE_NOLFS: "its disk cannot hold a file of this size; move it to another disk",
}


def refusal(path: Path, error: BaseException) -> StoreError | None:
    """What to tell of an error by which the disk or the file refuses; None for any other, such as a wrong value."""
    if not isinstance(error, sqlite3.Error):
        return None
    # Errors of the sqlite3 module itself carry no code. The low byte is the code, the rest says more about it.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    what = _TROUBLES.get(code & 0xFF)
    return None if what is None else StoreError(f"{path}: {what} ({error}, {error.sqlite_errorname})")


def os_refusal(path: Path, error: OSError) -> StoreError:
    """The same for an error of the operating system."""
    return StoreError(f"{path}: {error.strerror or error}; check that this user may read and write there")
