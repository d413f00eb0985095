"""The product's store without its threads: its tables, its SQL, its batches, on the simulation's one thread.

A job waits for a while, is served together with what waits beside it, and is answered a while later. A crash falls
before, between or after; never inside a transaction, where SQLite itself rolls back and `kill_everywhere` kills the
real program. The files are real ones. `synchronous` is off: what crashes here is the process, and not the power.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from sqlite_utils import Database

from bot.core.ports import StoreError
from bot.store import SqliteStore
from bot.store.worker import Job, Worker


class Host(Protocol):
    """The process that a store belongs to."""

    dead: bool
    workers: list[InlineWorker]

    def waits(self) -> float:
        """Seconds until a job is served, or answered."""
        ...

    def crashes(self, where: str) -> bool:
        """Whether the process dies here; then nothing of it may go on."""
        ...

    def disk_refuses(self) -> bool:
        """Whether the disk refuses what is to be written now."""
        ...

    def served(self, name: str, jobs: int) -> None:
        """Jobs were carried out, and are not answered yet."""
        ...


def simulated_store(path: Path, host: Host) -> SqliteStore:
    """The product's store, with its two connections worked on by the loop."""
    return SqliteStore(path, worker=lambda name, **hooks: InlineWorker(host, name, **hooks))


class InlineWorker(Worker[Database]):
    """A worker whose jobs are served by the running loop, one batch after another."""

    def __init__(self, host: Host, name: str, **hooks: Callable[..., Any]) -> None:
        super().__init__(name, **hooks)
        self._host = host
        self._name = name
        self._waiting: list[Job | None] = []
        self._due = False
        self._db: Database | None = None
        host.workers.append(self)

    def start(self) -> None:
        try:
            self._db = self._connect()
        except BaseException as error:
            self.ready.set_exception(error)
            self.done.set_result(None)
            return
        if self._name == "store-writer":
            self._db.execute("PRAGMA synchronous = OFF")
        self.ready.set_result(None)

    def submit(self, job: Job) -> None:
        self._hand_over(job)

    def stop(self) -> None:
        self._hand_over(None)

    def join(self) -> None:
        """There is no thread."""

    def drop(self) -> None:
        """The process is gone, and its connection with it."""
        if self._db is not None:
            self._db.close()

    def _hand_over(self, job: Job | None) -> None:
        self._waiting.append(job)
        if not self._due:
            self._due = True
            loop, wait = asyncio.get_running_loop(), self._host.waits()
            if wait:
                loop.call_later(wait, self._work)
            else:
                loop.call_soon(self._work)

    def _work(self) -> None:
        if self._host.dead:
            return
        self._due = False
        waiting, self._waiting = self._waiting, []
        jobs = [job for job in waiting if job is not None and job.future.set_running_or_notify_cancel()]
        if jobs:
            self._serve_jobs(jobs)
        if None in waiting and not self._host.dead:
            assert self._db is not None
            self._disconnect(self._db)
            self._db = None
            self.done.set_result(None)

    def _serve_jobs(self, jobs: list[Job]) -> None:
        writes = self._name == "store-writer"
        if self._host.crashes("before a commit" if writes else "before a read"):
            return
        if writes and self._host.disk_refuses():
            for job in jobs:
                job.future.set_exception(StoreError("the disk of this simulation refuses to write"))
            return
        done = [Job(job.work) for job in jobs]
        assert self._db is not None
        self._serve(self._db, done)
        self._host.served(self._name, len(jobs))
        if self._host.crashes("after a commit" if writes else "after a read"):
            return
        wait = self._host.waits()
        if wait < 0.001:
            _answer(jobs, done)
        else:
            asyncio.get_running_loop().call_later(wait, _answer, jobs, done)


def _answer(jobs: list[Job], done: list[Job]) -> None:
    for job, made in zip(jobs, done, strict=True):
        failure = made.future.exception()
        if failure is None:
            job.future.set_result(made.future.result())
        else:
            job.future.set_exception(failure)
