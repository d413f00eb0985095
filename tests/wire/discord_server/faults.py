"""What can go wrong between a bot and Discord, to order: each order waits for the next requests that it fits."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from enum import Enum

from .errors import ApiError, Refusal
from .limits import limited
from .waiting import Bell


class Cut(Exception):
    """The connection ends without an answer."""


class When(Enum):
    """Whether a fault comes before what was asked for happens, or after."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(eq=False)
class Order:
    """One fault, for as many requests as are `left`."""

    method: str
    path: str
    when: When
    left: int
    error: Exception | None
    """What the request comes to; None for an answer that is held."""
    status: int | None = None
    """Of an answer that is no JSON: a proxy's page."""
    bell: Bell = field(repr=False, default_factory=Bell)
    waiting: int = 0
    """How many requests are held by it now."""
    met: int = 0
    """How many requests it has struck."""

    def __post_init__(self) -> None:
        self._released = asyncio.Event()

    def fits(self, method: str, path: str) -> bool:
        return self.left > 0 and self.method in ("*", method) and path_pattern(self.path).fullmatch(path) is not None

    async def wait(self) -> None:
        """Wait until a request is held, with its effect done or still to come."""
        await self.bell.until(lambda: self.waiting, lambda: f"Nothing came for {self.method} {self.path}")

    def release(self) -> None:
        """Let go of what is held."""
        self._released.set()

    async def hold(self) -> None:
        self.waiting += 1
        self.bell.ring()
        try:
            await self._released.wait()
        finally:
            self.waiting -= 1
            self.bell.ring()


def path_pattern(pattern: str) -> re.Pattern[str]:
    """A pattern for paths: `*` is one piece between slashes, `**` any number of them."""
    pieces = re.split(r"(\*\*|\*)", pattern)
    known = {"*": "[^/]+", "**": ".*"}
    return re.compile("".join(known.get(piece, re.escape(piece)) for piece in pieces))


class Faults:
    """The orders. A method or a path of `*` or `**` fits every request; paths are without `/api/v10`."""

    def __init__(self, bell: Bell) -> None:
        self._bell = bell
        self.orders: list[Order] = []

    def rate_limit(
        self,
        method: str = "*",
        path: str = "**",
        *,
        retry_after: float = 0.05,
        everywhere: bool = False,
        via: bool = True,
        scope: str = "user",
        times: int = 1,
    ) -> Order:
        """429. `everywhere` is the global limit; without `via` it is Cloudflare's ban, which discord.py raises."""
        error = limited(retry_after, everywhere=everywhere, via=via, scope=scope)
        return self._order(method, path, When.BEFORE, times, error)

    def fail(
        self, method: str = "*", path: str = "**", *, status: int = 502, landed: bool = False, times: int = 1
    ) -> Order:
        """A 5xx with a page of text, as proxies give it. `landed`: what was asked for has happened all the same.

        discord.py tries 500, 502, 504 and 524 again (after 1, 3, 5... real seconds), and raises 503 at once.
        """
        return self._order(method, path, When.AFTER if landed else When.BEFORE, times, None, status=status)

    def refuse(self, method: str, path: str, refusal: Refusal, *, times: int = 1) -> Order:
        """One of Discord's own errors, whatever the state says."""
        return self._order(method, path, When.BEFORE, times, ApiError(refusal))

    def cut(self, method: str = "*", path: str = "**", *, landed: bool = False, times: int = 1) -> Order:
        """The connection is cut before (or, `landed`, after) what was asked for happens; the answer never comes."""
        return self._order(method, path, When.AFTER if landed else When.BEFORE, times, Cut())

    def hold(self, method: str = "*", path: str = "**", *, landed: bool = False, times: int = 1) -> Order:
        """The answer waits for `release()`. What was asked for happens then (or, `landed`, at once), and it happens
        also if the client has long given up.
        """
        return self._order(method, path, When.AFTER if landed else When.BEFORE, times, None)

    def clear(self) -> None:
        """Take back every order, and let go of what is held."""
        for order in self.orders:
            order.left = 0
            order.release()
        self.orders.clear()

    def _order(
        self, method: str, path: str, when: When, times: int, error: Exception | None, *, status: int | None = None
    ) -> Order:
        order = Order(method, path, when, times, error, status, self._bell)
        self.orders.append(order)
        return order

    def meet(self, method: str, path: str) -> Order | None:
        """The first order that fits a request; it is then used up by one."""
        for order in self.orders:
            if order.fits(method, path):
                order.left -= 1
                order.met += 1
                return order
        return None
