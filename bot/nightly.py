"""The nightly backup: made beside the work of a program that runs, checked, and the oldest removed."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Final

from bot.core.ports import StoreError
from bot.store import backups

log = logging.getLogger(__name__)

AT: Final = time(3)
"""The hour, in UTC, after which the day's backup is made."""

AGAIN_AFTER: Final = timedelta(hours=1)
"""How long after one that failed the next is tried."""

_DAY: Final = timedelta(days=1)


def is_due(now: datetime, last: datetime | None, failed: datetime | None = None) -> bool:
    """Whether a backup is to be made: the day's has not been made, or the last is older than a day.

    `last` is when the last good one was made, `failed` when one failed since. All instants in UTC.
    """
    if failed is not None and failed <= now < failed + AGAIN_AFTER:
        return False
    if last is None or now - last > _DAY:
        return True
    return last < datetime.combine(now.date(), AT, now.tzinfo) <= now


class Nightly:
    """Makes the backups of a database while the program runs on it."""

    def __init__(
        self,
        database: Path,
        folder: Path,
        keep: int,
        clock: Callable[[], datetime],
        made: Callable[[datetime], None] = lambda at: None,
    ) -> None:
        """Into `folder`, of which the latest `keep` stay. Touches nothing before `look`.

        `made` is told when the latest one was made, on another thread.
        """
        self._database = database
        self._folder = folder
        self._keep = keep
        self._clock = clock
        self._made = made
        self._failed: datetime | None = None
        self._stopped = threading.Event()

    async def look(self) -> None:
        """Make a backup if it is time for one, off the loop. One that fails is logged, and tried again in an hour."""
        if self._stopped.is_set():
            return
        try:
            await asyncio.wrap_future(_beside(self._look))
        except backups.CalledOff:
            log.info("the backup is not finished, since the program stops; the next start makes one")
        except StoreError as error:
            self._failed = self._clock()
            log.error("no backup could be made: %s. It is tried again in an hour", error)
        except Exception:
            self._failed = self._clock()
            log.exception("no backup could be made; it is tried again in an hour")

    def stop(self) -> None:
        """Give up what is being made: its copy is removed."""
        self._stopped.set()

    def _look(self) -> None:
        now = self._clock()
        try:
            # One from the future, made while the clock was wrong, is none to wait for.
            there = (backup.at for backup in backups.kept(self._folder, self._database.stem) if backup.at <= now)
            last = next(there, None)
        except OSError as error:
            raise StoreError(f"{self._folder}: {error.strerror}; let this user read and write there") from error
        if last is not None:
            self._made(last)
        if not is_due(now, last, self._failed):
            return
        backup = backups.back_up(self._database, self._folder, now, stopped=self._stopped.is_set)
        self._failed = None
        self._made(now)
        log.info("backed up to %s (%s)", backup.path, backups.in_words(backup.size))
        for path in backups.remove_old(self._folder, self._database.stem, self._keep, now):
            log.info("removed the old backup %s", path)


def _beside(work: Callable[[], None]) -> Future[None]:
    """Work on a thread of its own, which the end of the program does not wait for: a check of a large file takes long.

    What it leaves then is removed by the next backup.
    """
    done: Future[None] = Future()
    done.set_running_or_notify_cancel()  # Nobody can take back what has begun.

    def run() -> None:
        try:
            work()
        except BaseException as error:
            done.set_exception(error)
        else:
            done.set_result(None)

    threading.Thread(target=run, name="backup", daemon=True).start()
    return done
