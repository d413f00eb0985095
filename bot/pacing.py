"""How fast a platform is asked: no faster than it allows, and not at all while it asks to be left alone."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from contextlib import suppress
from typing import Final
from weakref import WeakValueDictionary

log = logging.getLogger(__name__)

REFUSALS_WITHIN: Final = 600.0
"""Seconds over which refused requests are counted; Discord bans an address that has 10,000 of them in this time."""

REFUSALS_AT_MOST: Final = 2_000
"""Refused deliveries within that time after which none is sent until they have passed."""

IN_FLIGHT: Final = 50
"""Deliveries that are on their way to a platform at a time, at most."""

_REMEMBERED: Final = 10_000
"""Channels after which those that may be asked at once again are forgotten."""


class Pace:
    """The turns of one platform's deliveries. In real time, whatever clock the rounds go by: a limit knows no other."""

    def __init__(self, per_second: float, *, channel_every: float = 0.0) -> None:
        """At most so many requests in any second, and in one channel at most one message in `channel_every` seconds."""
        self.at_once = max(1, min(IN_FLIGHT, round(2 * per_second)))
        """Deliveries in flight at a time: what would have to wait longer for its turn is not claimed yet."""
        together = max(1, int(per_second))
        self._within = together / per_second
        self._latest = deque([-math.inf] * together, maxlen=together)
        """When the latest turns were, or will be; the next one comes `within` seconds after the first of them."""
        self._channel_every = channel_every
        self._rests_until = 0.0
        self._channels: dict[str, float] = {}
        self._posting = WeakValueDictionary[str, asyncio.Lock]()
        self._refused: deque[float] = deque()
        self._closed = asyncio.Event()

    async def turn(self, channel: str, *, posts: bool = False) -> bool:
        """Wait until one request about a channel may be sent; `posts`: a message. False if none may any more."""
        if not (posts and self._channel_every):
            return await self._turn_of_all()
        # Before its place in the common row: who waits for a channel must not hold up the others.
        async with self._posting.setdefault(channel, asyncio.Lock()):
            await self._sleep_until(self._channels.get(channel, 0.0))
            has_turn = await self._turn_of_all()
            now = asyncio.get_running_loop().time()
            self._forget(now)
            self._channels[channel] = now + self._channel_every
            return has_turn

    async def _turn_of_all(self) -> bool:
        loop = asyncio.get_running_loop()
        while not self._closed.is_set():
            at = max(loop.time(), self._latest[0] + self._within, self._rests_until)
            self._latest.append(at)
            await self._sleep_until(at)
            if loop.time() >= self._rests_until:
                break  # Else the platform has asked for a rest meanwhile, and all who waited line up anew.
        return not self._closed.is_set()

    def close(self) -> None:
        """Whoever waits is turned away, and so is who comes later."""
        self._closed.set()

    def rest(self, seconds: float) -> None:
        """Nothing is sent for so long; what waits goes on waiting."""
        until = asyncio.get_running_loop().time() + seconds
        self._rests_until = max(self._rests_until, until)

    def refused(self) -> None:
        """One more request was refused: too many of them, and the platform is left alone for a while."""
        now = asyncio.get_running_loop().time()
        self._refused.append(now)
        while self._refused[0] <= now - REFUSALS_WITHIN:
            self._refused.popleft()
        if len(self._refused) >= REFUSALS_AT_MOST:
            log.error("%d requests were refused within 10 minutes; sending nothing for a while", len(self._refused))
            self.rest(self._refused[len(self._refused) // 2] + REFUSALS_WITHIN - now)

    async def _sleep_until(self, at: float) -> None:
        wait = at - asyncio.get_running_loop().time()
        if wait > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closed.wait(), wait)

    def _forget(self, now: float) -> None:
        if len(self._channels) >= _REMEMBERED:
            self._channels = {channel: at for channel, at in self._channels.items() if at > now}


class Unpaced(Pace):
    """A platform without limits, such as a room on this machine."""

    def __init__(self) -> None:
        super().__init__(IN_FLIGHT)

    def rest(self, seconds: float) -> None:
        return

    async def turn(self, channel: str, *, posts: bool = False) -> bool:
        return not self._closed.is_set()
