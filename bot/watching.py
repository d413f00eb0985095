"""Who is told what goes on, and may count it. Whoever tells needs to know nothing of how that is done."""

from __future__ import annotations

from typing import Protocol

import aiohttp

from bot.core.model import Drill


class OfPlatform(Protocol):
    """What an adapter tells of its connection to its platform."""

    trace: aiohttp.TraceConfig
    """Sees every request to the platform."""

    def reconnected(self) -> None:
        """A connection is up again that was up before."""
        ...

    def acknowledged(self, seconds: float) -> None:
        """Something that came from the platform was acknowledged so long after it had come."""
        ...


class OfRounds(Protocol):
    """What the tick tells of rounds."""

    def due(self, drill: Drill) -> None:
        """A drill's next opening is due. Where it has to wait, this is told again."""
        ...

    def revealed(self) -> None:
        """A round was revealed."""
        ...


class Unwatched:
    """Nobody who counts anything."""

    def __init__(self) -> None:
        self.trace = aiohttp.TraceConfig()

    def reconnected(self) -> None:
        return

    def acknowledged(self, seconds: float) -> None:
        return

    def due(self, drill: Drill) -> None:
        return

    def revealed(self) -> None:
        return
