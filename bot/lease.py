"""Which of several copies on one database ticks and sends: the one that holds the lock beside it.

A lock of the operating system, and no row with an hour of expiry: it ends with its process, however that ends, so the
next copy takes over at once; and two clocks that differ, or a copy that was stopped for a while, make no second holder.
The database is one file on one machine, and so is the lock.
"""

from __future__ import annotations

import logging
from pathlib import Path

from filelock import FileLock, Timeout

from bot.core.ports import StoreError

log = logging.getLogger(__name__)


class Lease:
    """The right to tick and to send."""

    def __init__(self, database: Path) -> None:
        """Touches nothing; the lock is a file beside the database, which stays where it is."""
        self._path = database.with_name(database.name + ".lock")
        # Not bound to a thread, since whoever lets go of it may run on another one than who took it.
        self._lock = FileLock(self._path, timeout=0, thread_local=False)

    @property
    def held(self) -> bool:
        """Whether this copy has it."""
        return bool(self._lock.is_locked)

    def take(self) -> bool:
        """Whether this copy has it now. Raises StoreError where it cannot be had at all."""
        if self.held:
            return True
        try:
            self._lock.acquire()
        except Timeout:
            return False
        except (OSError, NotImplementedError) as problem:
            raise StoreError(
                f"{self._path}: it cannot be locked ({problem}), and without that two copies would post twice;"
                " let this user write there, and keep the database on a disk of this machine"
            ) from problem
        return True

    def runs_elsewhere(self) -> bool | None:
        """Whether another copy has it; None where it cannot be had at all. Makes no file.

        A copy that starts in this very moment finds it taken, and takes it at its next look.
        """
        if not self._path.exists():
            return False
        try:
            taken = self.take()
        except StoreError:
            return None
        if taken:
            self.release()
        return not taken

    def release(self) -> None:
        """Let another copy have it."""
        self._lock.release(force=True)
