"""The server's own time, which moves only when it is told to, and ids that are made of it."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

DISCORD_EPOCH: Final = datetime(2015, 1, 1, tzinfo=UTC)
"""Snowflakes count milliseconds from here. https://docs.discord.com/developers/reference#snowflakes"""

TICK: Final = timedelta(milliseconds=1)


class Clock:
    """A clock that a test moves. Whatever happens on the server takes one millisecond, so no two stamps are equal.

    Deadlines of the platform run on it: three seconds for an interaction, fifteen minutes for its token, the minutes
    for which a nonce is remembered. What the *client* waits for, it waits for in real time: rate limits, time-outs.
    """

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._timers: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = itertools.count()

    @property
    def now(self) -> datetime:
        return self._now

    def set(self, moment: datetime) -> None:
        """Move forward to `moment`, and let everything that falls due until then happen, in order."""
        if moment < self._now:
            raise ValueError(f"The server's clock stands at {self._now}; it does not go back to {moment}")
        while self._timers and self._timers[0][0] <= moment:
            due, _, then = heapq.heappop(self._timers)
            self._now = max(self._now, due)
            then()
        self._now = max(self._now, moment)

    def advance(self, by: timedelta | float) -> None:
        """Move forward by a while; a number is seconds."""
        self.set(self._now + (by if isinstance(by, timedelta) else timedelta(seconds=by)))

    def stamp(self) -> datetime:
        """The instant of the next thing that happens."""
        self.advance(TICK)
        return self._now

    def at(self, due: datetime, then: Callable[[], None]) -> None:
        """Call `then` when the clock gets to `due`."""
        heapq.heappush(self._timers, (due, next(self._order), then))


class Snowflakes:
    """Ids that sort by the time they were made at."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def next(self) -> int:
        self._last = max(self._last + 1, snowflake(self._clock.stamp()))
        return self._last


def snowflake(moment: datetime) -> int:
    """The smallest id of this instant."""
    return ((moment - DISCORD_EPOCH) // TICK) << 22


def made_at(identity: int) -> datetime:
    """The instant, in whole milliseconds, that an id was made at."""
    return DISCORD_EPOCH + (identity >> 22) * TICK


def iso(moment: datetime) -> str:
    """As Discord writes instants: always with six digits after the point, and an offset."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
