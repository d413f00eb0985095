"""A thread that works off what others hand it: SQLite connections stay on the thread that made them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from bot.core.ports import Transaction

C = TypeVar("C")


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """Work that somebody waits for."""

    work: Callable[[Transaction], Any]
    future: Future[Any] = field(default_factory=Future)
    handed_over: float = field(default_factory=time.monotonic)


class Worker(Generic[C]):
    """One thread with its own connection. It takes all jobs that wait, and serves them together.

    `ready` is done once the connection is open, with the error if it could not be opened; `done` once all has ended.
    """

    def __init__(
        self,
        name: str,
        *,
        connect: Callable[[], C],
        serve: Callable[[C, list[Job]], None],
        disconnect: Callable[[C], None],
    ) -> None:
        self.ready: Future[None] = _uncancellable()
        self.done: Future[None] = _uncancellable()
        self._connect = connect
        self._serve = serve
        self._disconnect = disconnect
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        # A daemon, so that a program which forgets to close can still end; what was acknowledged is on disk by then.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Hand over a job; never after `stop`."""
        self._jobs.put(job)

    def stop(self) -> None:
        """End once the jobs handed over before this are done."""
        self._jobs.put(None)

    def join(self) -> None:
        """Wait for the thread itself; short once `done` is done."""
        self._thread.join()

    def _run(self) -> None:
        try:
            try:
                connection = self._connect()
            except BaseException as error:
                self.ready.set_exception(error)
                return
            self.ready.set_result(None)
            try:
                self._work_off(connection)
            finally:
                self._disconnect(connection)
        finally:
            self.done.set_result(None)

    def _work_off(self, connection: C) -> None:
        stopped = False
        while not stopped:
            waiting = [self._jobs.get()]
            try:
                while True:
                    waiting.append(self._jobs.get_nowait())
            except Empty:
                pass
            stopped = None in waiting
            # A job whose caller has gone away before it began is left out; one that has begun is finished.
            jobs = [job for job in waiting if job is not None and job.future.set_running_or_notify_cancel()]
            try:
                if jobs:
                    self._serve(connection, jobs)
            except BaseException as error:  # nobody may be left waiting, and the thread has more to do
                for job in jobs:
                    if not job.future.done():
                        job.future.set_exception(error)


def _uncancellable() -> Future[None]:
    """A future several callers may wait for: none of them can cancel it for the others."""
    future: Future[None] = Future()
    future.set_running_or_notify_cancel()
    return future
