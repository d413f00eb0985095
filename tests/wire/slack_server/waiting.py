"""Waiting for something to become true, without sleeping for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

PATIENCE: Final = 10.0
"""Real seconds after which a wait is given up: whatever it waits for takes milliseconds, or never comes."""

_GLANCE: Final = 0.02
"""Real seconds between looks at what the server cannot hear of: the state of the bot itself."""


class Bell:
    """Rings whenever something happens on the server."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def ring(self) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_result(None)

    async def until(self, condition: Callable[[], object], why: Callable[[], str], patience: float = PATIENCE) -> None:
        """Come back when `condition()` is true; raise TimeoutError saying `why()` after `patience` real seconds."""
        loop = asyncio.get_running_loop()
        end = loop.time() + patience
        while not condition():
            if loop.time() > end:
                raise TimeoutError(why())
            future: asyncio.Future[None] = loop.create_future()
            self._waiting.add(future)
            try:
                await asyncio.wait([future], timeout=_GLANCE)
            finally:
                self._waiting.discard(future)
                future.cancel()
