"""Who is told what goes on, and may count it. Whoever tells needs to know nothing of how that is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from bot.core.model import Drill

if TYPE_CHECKING:
    import aiohttp  # It takes a sixth of the program's start, and only the platforms need it.


class OfPlatform(Protocol):
    """What an adapter tells of its connection to its platform."""

    @property
    def trace(self) -> aiohttp.TraceConfig:
        """Sees every request to the platform."""
        ...

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

    @property
    def trace(self) -> aiohttp.TraceConfig:
        import aiohttp

        return aiohttp.TraceConfig()

    def reconnected(self) -> None:
        return

    def acknowledged(self, seconds: float) -> None:
        return

    def due(self, drill: Drill) -> None:
        return

    def revealed(self) -> None:
        return
