"""The store in a SQLite file: one thread that writes, one that reads."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from sqlite_utils import Database

from bot.core.ports import StoreError, Transaction
from bot.store.opening import open_reader, open_writer
from bot.store.transaction import Tables
from bot.store.troubles import refusal
from bot.store.worker import Job, Worker

T = TypeVar("T")


class SqliteStore:
    """A `Store` in one file, for one or more processes on one machine.

    Making one touches nothing: the file is opened by `open`, or else by the first use. `max_pages` limits how large
    the file may grow; `copies` is the folder into which it is copied before its tables are changed, by default one
    beside it. For every write `wrote` is told how many seconds it waited for its turn, and how many it took; by the
    thread that writes. `worker` makes what works off jobs on one connection: a thread, save in a simulation.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        max_pages: int | None = None,
        copies: Path | None = None,
        wrote: Callable[[float, float], None] = lambda waited, took: None,
        worker: Callable[..., Worker[Database]] = Worker,
    ) -> None:
        self.path = Path(path)
        self._copies = copies
        self._max_pages = max_pages
        self._wrote = wrote
        self._worker = worker
        self._file: tuple[int, int] | None = None
        self._lock = threading.Lock()
        self._writer: Worker[Database] | None = None
        self._reader: Worker[Database] | None = None
        self._closed = False

    def open(self) -> None:
        """Open the file, making it where it is missing. Raises StoreError; trying again later is allowed."""
        self._opening().result()

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in a transaction of its own; returns once that is on disk.

        Work that waits at the same time is committed together, each in its savepoint: what one raises undoes only
        its own. If the disk refuses, nothing of what was to be committed together stays, and all get a StoreError.
        """
        return await self._hand_over(work, lambda: self._writer)

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` on one snapshot, which holds all that was written before. StoreError if it writes."""
        return await self._hand_over(work, lambda: self._reader)

    def was_replaced(self) -> bool:
        """Whether another file stands in the place of the one that is open: what is written now would be lost."""
        try:
            here = self.path.stat()
        except OSError:
            return self._file is not None
        return self._file is not None and self._file != (here.st_dev, here.st_ino)

    async def close(self) -> None:
        """Finish waiting work, fold the log into the file, let go of it. Further work gets a StoreError."""
        with self._lock:
            self._closed = True
            writer, reader = self._writer, self._reader
        if writer is not None and reader is not None:
            reader.stop()
            await asyncio.wrap_future(writer.done)
            reader.join()
            writer.join()

    def _opening(self) -> Future[None]:
        """Done once both connections are open."""
        with self._lock:
            if self._closed:
                raise StoreError(f"{self.path}: it has been closed")
            ready = None if self._reader is None else self._reader.ready
            if ready is None or (ready.done() and ready.exception() is not None):
                ready = self._start()
            return ready

    def _start(self) -> Future[None]:
        def connect_writer() -> Database:
            db = open_writer(self.path, self._max_pages, self._copies)
            here = self.path.stat()
            self._file = here.st_dev, here.st_ino
            return db

        writer = self._worker(
            "store-writer",
            connect=connect_writer,
            serve=self._write_together,
            disconnect=_fold_and_close,
        )

        def connect_reader() -> Database:
            writer.ready.result()
            return open_reader(self.path)

        reader = self._worker("store-reader", connect=connect_reader, serve=self._read_each, disconnect=Database.close)
        # The writer ends last: as the only one left it can fold the whole log into the file.
        reader.done.add_done_callback(lambda _: writer.stop())
        self._writer, self._reader = writer, reader
        writer.start()
        reader.start()
        return reader.ready

    async def _hand_over(self, work: Callable[[Transaction], T], to: Callable[[], Worker[Database] | None]) -> T:
        ready = self._opening()
        if not ready.done():
            await asyncio.wrap_future(ready)
        ready.result()
        job = Job(work)
        with self._lock:
            worker = to()
            if self._closed or worker is None:
                raise StoreError(f"{self.path}: it has been closed")
            worker.submit(job)
        result: T = await asyncio.wrap_future(job.future)
        return result

    def _write_together(self, db: Database, jobs: list[Job]) -> None:
        outcomes: list[tuple[Any, BaseException | None]] = []
        tables = Tables(db)
        began = time.monotonic()
        try:
            db.execute("BEGIN IMMEDIATE")
            for job in jobs:
                outcomes.append(self._in_savepoint(db, tables, job))
            db.execute("COMMIT")
        except Exception as error:
            db.rollback()
            for job in jobs:
                told = refusal(self.path, error) or StoreError(f"{self.path}: {error}")
                told.__cause__ = error
                job.future.set_exception(told)
            return
        took = time.monotonic() - began
        for job in jobs:
            self._wrote(began - job.handed_over, took)
        for job, (result, failure) in zip(jobs, outcomes, strict=True):
            _resolve(job, result, failure)

    def _in_savepoint(self, db: Database, tables: Tables, job: Job) -> tuple[Any, BaseException | None]:
        """What the work returned or raised. Raises sqlite3.Error itself if the whole transaction is lost."""
        try:
            with db.atomic():
                return job.work(tables), None
        except BaseException as error:
            # On a full disk SQLite may have rolled everything back, and the work of others with it.
            if isinstance(error, sqlite3.Error) and refusal(self.path, error) is not None:
                raise
            if not db.conn.in_transaction:
                raise sqlite3.OperationalError("the transaction was rolled back") from error
            return None, error

    def _read_each(self, db: Database, jobs: list[Job]) -> None:
        tables = Tables(db)
        for job in jobs:
            result, failure = None, None
            try:
                db.execute("BEGIN")
                try:
                    result = job.work(tables)
                finally:
                    db.rollback()
            except BaseException as error:
                failure = self._told_reader(error)
            _resolve(job, result, failure)

    def _told_reader(self, error: BaseException) -> BaseException:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_READONLY:
            told: StoreError | None = StoreError(f"{self.path}: work that was only to read has tried to write")
        else:
            told = refusal(self.path, error)
        if told is None:
            return error
        told.__cause__ = error
        return told


def _resolve(job: Job, result: Any, failure: BaseException | None) -> None:
    if failure is None:
        job.future.set_result(result)
    elif isinstance(failure, StopIteration):
        # asyncio cannot pass this one on, and the caller would wait for ever.
        told = RuntimeError("the work raised StopIteration")
        told.__cause__ = failure
        job.future.set_exception(told)
    else:
        job.future.set_exception(failure)


def _fold_and_close(db: Database) -> None:
    try:
        # Another process that reads, such as one that copies the log away, must not hold up the end.
        db.execute("PRAGMA busy_timeout = 1000").fetchone()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error:
        pass  # what is in the log is safe there, and the next opening folds it
    finally:
        db.close()
