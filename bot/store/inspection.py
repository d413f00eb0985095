"""Reading a database beside whatever runs on it, without changing a byte, migrating it, or leaving a file there."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from bot.core.checkup import FileSeen
from bot.core.ports import StoreError, Transaction
from bot.store.looking import connect, in_use, look
from bot.store.migrations import MIGRATIONS
from bot.store.transaction import Tables
from bot.store.troubles import os_refusal, refusal

T = TypeVar("T")


def inspect(path: Path, network: str = "") -> FileSeen:
    """A database as it lies there; `network` is the network file system that it is on."""
    folder = next(each for each in (path.parent, *path.parent.parents) if each.exists())
    writable = os.access(folder, os.W_OK)
    try:
        there = path.exists()
        writable = writable and (not there or os.access(path, os.W_OK))
        if not there:
            return FileSeen(path=str(path), exists=False, writable=writable, network=network)
        look(path)
        ahead = path.with_name(f"{path.name}-wal")
        return FileSeen(
            path=str(path),
            size=path.stat().st_size,
            log=ahead.stat().st_size if ahead.exists() else 0,
            pending=_pending(path),
            writable=writable,
            network=network,
        )
    except StoreError as error:
        refused = str(error)
    except OSError as error:
        refused = str(os_refusal(path, error))
    return FileSeen(path=str(path), refused=refused, writable=writable, network=network)


def read(path: Path, work: Callable[[Transaction], T]) -> T:
    """What `work` finds in a database that `inspect` found sound and of this version. Raises StoreError."""
    try:
        with closing(connect(path, _options(path))) as db:
            db.execute("PRAGMA query_only = ON")
            db.execute("BEGIN")
            return work(Tables(db))
    except sqlite3.Error as error:
        raise refusal(path, error) or StoreError(f"{path}: {error}") from error


def _pending(path: Path) -> tuple[str, ...]:
    if not path.stat().st_size:
        return ()
    try:
        with closing(connect(path, _options(path))) as db:
            return tuple(migration.name for migration in MIGRATIONS.pending(db))
    except sqlite3.Error as error:
        raise refusal(path, error) or StoreError(f"{path}: {error}") from error


def _options(path: Path) -> str:
    # To read a file whose log is not there would make the log's files anew; nobody writes to it then.
    return "mode=ro" if in_use(path) else "mode=ro&immutable=1"
