"""Copies of a database: made while it is in use, checked before they count, kept for a while, and put back."""

from __future__ import annotations

import logging
import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout
from sqlite_utils import Database

from bot.core import owing
from bot.core.ports import StoreError
from bot.store import looking
from bot.store.codec import instant
from bot.store.looking import connect
from bot.store.migrations import unknown_migrations
from bot.store.troubles import PUT_BACK, os_refusal, refusal

log = logging.getLogger(__name__)

SUFFIX: Final = ".db"
MIGRATION_KEPT: Final = timedelta(days=30)
"""So long a copy made before a migration stays, however many newer ones there are: it is the way back."""

_AT: Final = "%Y-%m-%dT%H%M%SZ"
_NAME: Final = re.compile(
    r"(?P<stem>.+)-(?P<at>\d{4}-\d\d-\d\dT\d{6}Z)(?:-before-(?P<before>\w+))?(?:\.(?P<number>\d+))?" + re.escape(SUFFIX)
)
_PART: Final = ".part"
_PAGES: Final = 2_000
"""Pages copied at a time (8 MB), between which a copy can be called off."""

_OF_THE_COPY: Final = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_TRUNCATE,
    sqlite3.SQLITE_IOERR_FSYNC,
)
"""What can only have gone wrong where the copy is written."""

_PATIENCE: Final = 60
"""Seconds to wait for another copy of the same database into the same folder."""

_EXTRA_APART: Final = 1_000
"""By how much the numbers of extra rounds jump when a database is put back: those given since the copy stay unused."""


class CalledOff(Exception):
    """A copy was not finished, since the program stops."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A copy that has passed its check, as its name tells."""

    path: Path
    at: datetime
    before: str = ""
    """The migration before which it was made; empty for all others."""
    number: int = 1
    """Tells those of one second apart."""

    @property
    def size(self) -> int:
        """In bytes."""
        return self.path.stat().st_size


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a copy has been put in the place of."""

    database: Path
    replaced: Path | None
    """Where the old database is kept; None where there was none."""
    whole: bool = True
    """Whether all of the old database is in that one file; else its log lies beside it (`-wal`)."""


def folder_beside(database: Path) -> Path:
    """Where copies of a database go when nothing else is said."""
    return database.with_name("backups")


def kept(folder: Path, stem: str | None = None) -> list[Backup]:
    """The copies in a folder (of the databases with this stem), the latest first; by their names alone."""
    found = []
    with suppress(FileNotFoundError, NotADirectoryError):
        for path in folder.iterdir():
            named = _NAME.fullmatch(path.name)
            if named is None or stem not in (None, named["stem"]):
                continue
            with suppress(ValueError):  # A name with a date that there is not.
                at = datetime.strptime(named["at"], _AT).replace(tzinfo=UTC)
                number = int(named["number"] or 1)
                found.append(Backup(path=path, at=at, before=named["before"] or "", number=number))
    return sorted(found, key=lambda backup: (backup.at, backup.number, backup.path.name), reverse=True)


def latest(folder: Path, stem: str | None = None) -> datetime | None:
    """When the latest copy in a folder was made; None without any. Raises OSError where the folder cannot be read."""
    return next((backup.at for backup in kept(folder, stem)), None)


def back_up(
    database: Path, folder: Path, at: datetime, *, before: str = "", stopped: Callable[[], bool] = lambda: False
) -> Backup:
    """Copy a database into a folder as it is at this instant, beside a program that writes to it.

    The copy gets its name once it is on the disk and has passed its check; a program that is killed leaves a file that
    the next copy removes. Raises StoreError, with nothing kept, or CalledOff once `stopped` says so.
    """
    name = f"{database.stem}-{at.astimezone(UTC).strftime(_AT)}" + (f"-before-{before}" if before else "")
    if not database.exists():
        raise StoreError(f"{database}: there is no such database; NNQUESTION_DATABASE or --database names another")
    try:
        _check_user(database)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _only_one(folder, database.stem):
            _remove_unfinished(folder, database.stem)
            part = folder / f".{name}{_PART}"
            try:
                # One that may write: of a database at rest it leaves no files of a log behind.
                with _told_of(database), closing(connect(database, "mode=rw")) as source:
                    _check_ours(source, database)
                    _copy(source, part, stopped)
                _check_copy(part, database)
                _sync(part)
                path = _unused(folder / f"{name}{SUFFIX}")
                part.rename(path)
                _sync(folder)
            finally:
                part.unlink(missing_ok=True)
    except OSError as error:
        raise os_refusal(folder, error) from error
    return next(backup for backup in kept(folder, database.stem) if backup.path == path)


def _remove_unfinished(folder: Path, stem: str) -> None:
    for left in folder.glob(f".*{_PART}"):
        named = _NAME.fullmatch(left.name.removeprefix(".").removesuffix(_PART) + SUFFIX)
        if named is not None and named["stem"] == stem:
            left.unlink(missing_ok=True)


def remove_old(folder: Path, stem: str, keep: int, now: datetime) -> list[Path]:
    """Remove the oldest copies beyond the latest `keep` (at least 1), and return what is gone.

    Only what is named like a copy of this database and is one of ours. What was made before a migration stays for 30
    days.
    """
    removed = []
    for backup in kept(folder, stem)[max(1, keep) :]:
        if backup.before and backup.at > now - MIGRATION_KEPT:
            continue
        try:
            if looking.claims_to_be_ours(backup.path):
                backup.path.unlink()
                removed.append(backup.path)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise os_refusal(backup.path, error) from error
    return removed


def in_words(size: int) -> str:
    """A size in bytes for people."""
    return f"{size / 1_000_000:,.1f} MB" if size >= 100_000 else f"{size / 1_000:,.1f} kB"


# --- putting one back ---------------------------------------------------------------------------------------


def lock_of(database: Path) -> Path:
    """The file that whoever runs on a database holds locked."""
    return database.with_name(f"{database.name}.lock")


def in_use(database: Path) -> bool:
    """Whether a program runs on a database."""
    try:
        with FileLock(lock_of(database), timeout=0):
            return False
    except Timeout:
        return True


def restore(file: Path, database: Path, at: datetime) -> Restored:
    """Put a copy in the place of a database, and keep the old one beside it.

    What the copy says is owed may have been sent since it was made: all of that will be looked for before it is sent.
    Raises StoreError, with every byte as it was, where the copy is no sound database of ours or a program is running.
    """
    try:
        if not file.is_file():
            raise StoreError(f"{file}: there is no such file; name a backup, such as one of {folder_beside(database)}")
        if database.exists() and file.samefile(database):
            raise StoreError(f"{file}: this is the database itself; name a backup of it")
        if database.exists() and (not database.is_file() or looking.is_another_programs(database)):
            raise StoreError(f"{database}: it is no database of nnquestion; name the one to replace with --database")
        _check_backup(file)
        _check_user(database)
        database.parent.mkdir(parents=True, exist_ok=True)
        with _alone(database):
            return _put_in_place(file, database, at)
    except OSError as error:
        raise os_refusal(database, error) from error


def _check_backup(file: Path) -> None:
    another = "choose another backup"
    if not looking.claims_to_be_ours(file):
        raise StoreError(f"{file}: it is no database of nnquestion; {another}")
    try:
        with _reading(file) as db:
            if (fault := looking.damage(db)) is not None:
                raise StoreError(f"{file}: it is damaged ({fault}); {another}")
            if unknown := unknown_migrations(db):
                raise StoreError(f"{file}: {looking.of_newer(unknown)}, or {another}")
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{file}: it is damaged ({error}); {another}") from error


def _put_in_place(file: Path, database: Path, at: datetime) -> Restored:
    part = database.with_name(f".{database.name}.restoring")
    part.unlink(missing_ok=True)
    replaced, whole = None, True
    try:
        with _told_of(database), _reading(file) as source:
            _copy(source, part, lambda: False)
            _note_restored(part, at)
        _check_copy(part, file)
        _sync(part)
        whole = _fold(database)
        if database.exists() or not whole:
            replaced = _unused(database.with_name(f"{database.name}.replaced-{at.astimezone(UTC).strftime(_AT)}"))
            _keep(database, replaced)
        part.replace(database)
        _sync(database.parent)
    finally:
        part.unlink(missing_ok=True)
    return Restored(database=database, replaced=replaced, whole=whole)


def _note_restored(path: Path, at: datetime) -> None:
    """Write into the copy what tells the core that more has happened than it knows."""
    with closing(connect(path, "mode=rw")) as db:
        _bare(db)
        facts = {row[0]: row[1] for row in db.execute("SELECT name, value FROM facts")}
        (most,) = db.execute(
            "SELECT COALESCE(MAX(CAST(substr(id, length(channel) + 2) AS INTEGER)), 0) FROM rounds WHERE kind = 'extra'"
        ).fetchone()
        number = max(int(most), int(facts.get(owing.EXTRA_AFTER, 0))) + _EXTRA_APART
        for name, value in ((owing.RESTORED_AT, instant(at)), (owing.EXTRA_AFTER, str(number))):
            db.execute(
                "INSERT INTO facts (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                [name, value],
            )
        db.execute(
            "UPDATE deliveries SET state = 'owed', unclear = 1, not_before = NULL WHERE state IN ('owed', 'claimed')"
        )


def _fold(database: Path) -> bool:
    """Bring the old database's log into its file; False where one is left. Raises StoreError if anybody uses it."""
    # Of a file that is no database SQLite would remove the log, as one that belongs to nothing.
    if database.exists() and looking.claims_to_be_ours(database):
        try:
            with closing(connect(database, "mode=rw")) as db:
                db.execute("PRAGMA busy_timeout = 1000").fetchone()
                # Unlike a checkpoint this is refused while anybody else has the file open, whatever program that is.
                db.execute("PRAGMA journal_mode = DELETE").fetchone()
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise StoreError(f"{database}: a program is using it; stop that one, then restore") from error
            log.warning("%s: what was in its log could not be brought into it (%s)", database, error)
    return not any(_logs(database))


def _logs(database: Path) -> Iterator[Path]:
    for end in ("-wal", "-journal"):
        if (there := database.with_name(database.name + end)).exists():
            yield there


def _keep(database: Path, replaced: Path) -> None:
    """Give the old database a second name: it goes on standing under its own until the copy takes that at one go."""
    for left in list(_logs(database)):  # It belongs to its database by name, and would be folded into the copy.
        left.rename(replaced.with_name(left.name.replace(database.name, replaced.name, 1)))
    database.with_name(f"{database.name}-shm").unlink(missing_ok=True)
    if not database.exists():
        return
    try:
        os.link(database, replaced)
    except OSError:  # A file system without second names.
        database.rename(replaced)


@contextmanager
def _alone(database: Path) -> Iterator[None]:
    try:
        with FileLock(lock_of(database), timeout=0):
            yield
    except Timeout:
        raise StoreError(f"{database}: a program is running on it; stop that one, then restore") from None


def _check_user(database: Path) -> None:
    """What root writes the program itself could not use any more."""
    there = database if database.exists() else database.parent
    if os.name == "posix" and os.geteuid() == 0 and there.exists() and (owner := there.stat().st_uid) != 0:
        raise StoreError(f"{database}: it is another user's; run this as that user: sudo -u '#{owner}' nnquestion …")


# --- copying ------------------------------------------------------------------------------------------------


@contextmanager
def _only_one(folder: Path, stem: str) -> Iterator[None]:
    try:
        with FileLock(folder / f".{stem}.lock", timeout=_PATIENCE):
            yield
    except Timeout:
        raise StoreError(f"{folder}: another backup is being made there; try again once it is done") from None


@contextmanager
def _reading(path: Path) -> Iterator[Database]:
    """A connection to a file to which nobody writes; nothing is left beside it. Raises sqlite3.Error."""
    with closing(connect(path, "mode=ro" if looking.in_use(path) else "mode=ro&immutable=1")) as db:
        yield db


@contextmanager
def _told_of(path: Path) -> Iterator[None]:
    """What SQLite complains of, as a StoreError about this file."""
    try:
        yield
    except sqlite3.Error as error:
        raise refusal(path, error) or StoreError(f"{path}: {error}") from error


def _check_ours(db: Database, path: Path) -> None:
    if not db.table_names():
        raise StoreError(f"{path}: it is empty; there is nothing to back up")
    looking.check(db, path)


def _copy(source: Database, target: Path, stopped: Callable[[], bool]) -> None:
    """Copy a whole database into a new file, as it is at one instant. Raises sqlite3.Error."""

    def look_up(status: int, remaining: int, total: int) -> None:
        if stopped():
            raise CalledOff

    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    # In one transaction: were each piece read in its own, a copy would begin again with whatever is written meanwhile.
    source.execute("BEGIN")
    source.execute("SELECT 1 FROM sqlite_master").fetchone()
    try:
        with closing(connect(target, "mode=rw")) as copy:
            _bare(copy)
            source.conn.backup(copy.conn, pages=_PAGES, progress=look_up)
            copy.execute("PRAGMA journal_mode = DELETE").fetchone()
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) in _OF_THE_COPY:
            raise refusal(target.parent, error) or error from error
        raise
    finally:
        source.rollback()


def _bare(db: Database) -> None:
    """Nobody reads the file before it is done, and then it is brought to the disk at once."""
    db.execute("PRAGMA synchronous = OFF")
    db.execute("PRAGMA journal_mode = MEMORY").fetchone()


def _check_copy(path: Path, source: Path) -> None:
    """Raise StoreError, telling whose fault it is, unless a copy is a sound database of ours."""
    try:
        with _reading(path) as copy:
            if (fault := looking.damage(copy)) is None:
                looking.check(copy, source)
                return
    except sqlite3.DatabaseError as error:
        fault = str(error)
    try:
        with closing(connect(source, "mode=ro")) as original:
            damaged = looking.damage(original)
    except sqlite3.DatabaseError as error:
        damaged = str(error)
    if damaged is not None:
        raise StoreError(f"{source}: it is damaged ({damaged}); stop the program and {PUT_BACK}")
    raise StoreError(
        f"{path.parent}: a backup did not pass its check there ({fault}) and is not kept; {source} itself is sound, so"
        " check that disk, or name another folder"
    )


def _unused(path: Path) -> Path:
    """The path, or with a number if there is such a file: nothing is written over."""
    number, free = 1, path
    stem, suffix = (path.stem, SUFFIX) if path.suffix == SUFFIX else (path.name, "")
    while free.exists():
        number += 1
        free = path.with_name(f"{stem}.{number}{suffix}")
    return free


def _sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    if os.name == "nt" and path.is_dir():  # Windows opens no folders.
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
