"""What is done beside the handling of events: nothing waits for it, and it is finished or given up at the end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

log = logging.getLogger(__name__)


class Beside:
    """Tasks that somebody has to hold on to."""

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Do this, beside everything else; what goes wrong with it is logged."""
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            log.error("what was done beside events failed", exc_info=fault)

    def cancel(self) -> None:
        """Give up all of it."""
        for task in self.tasks:
            task.cancel()
