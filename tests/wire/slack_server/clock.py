"""The server's own time, which moves only when it is told to, and ids and stamps that are made of it."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

TICK: Final = timedelta(milliseconds=1)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Clock:
    """A clock that a test moves. Whatever happens on the server takes one millisecond, so no two stamps are equal.

    Slack's deadlines run on it: three seconds for an acknowledgement or a trigger_id, thirty minutes for a
    response_url, the minutes between retries of an event. What the *client* waits for, it waits for in real time.
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

    def ts(self) -> str:
        """The next `ts`. It ends in zeros, so a client that takes it for a number loses them, and is found out."""
        return ts_of(self.stamp())

    def at(self, due: datetime, then: Callable[[], None]) -> None:
        """Call `then` when the clock gets to `due`."""
        heapq.heappush(self._timers, (due, next(self._order), then))

    def after(self, seconds: float, then: Callable[[], None]) -> None:
        self.at(self._now + timedelta(seconds=seconds), then)


class Ids:
    """Ids as Slack writes them: a letter that says of what, and signs that say nothing."""

    _DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

    def __init__(self) -> None:
        self._count = itertools.count(1)

    def next(self, kind: str) -> str:
        # The steps are coprime with 36**7, so no id comes twice, and none is the next one's neighbour.
        number, signs = next(self._count) * 7_919_000_003 % 36**7, ""
        for _ in range(7):
            number, digit = divmod(number, 36)
            signs += self._DIGITS[digit]
        return f"{kind}0{signs}00"


def ts_of(moment: datetime) -> str:
    """Seconds and, after a point, six digits of microseconds. https://docs.slack.dev/messaging/retrieving-messages"""
    micros = (moment - _EPOCH) // timedelta(microseconds=1)
    return f"{micros // 1_000_000}.{micros % 1_000_000:06d}"


def seconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(seconds=1)
