"""What can go wrong between a bot and Slack, to order: each order waits for the next requests that it fits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase
from typing import Any

from .errors import Json, SlackError
from .waiting import Bell

RESPONSE_URL = "response_url"
"""The name, in orders and records, of a POST to a response_url; that of an upload is `upload`."""


class Cut(Exception):
    """The connection ends without an answer."""


class RateLimited(Exception):
    """429."""

    def __init__(self, retry_after: float) -> None:
        self.retry_after = retry_after
        super().__init__(retry_after)


class Page(Exception):
    """An answer that is no JSON that Slack would send."""

    def __init__(self, status: int, text: str, content_type: str) -> None:
        self.status, self.text, self.content_type = status, text, content_type
        super().__init__(status)


class When(Enum):
    """Whether a fault comes before what was asked for happens, or after."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(eq=False)
class Order:
    """One fault, for as many requests as are `left`."""

    method: str
    when: When
    left: int
    error: Exception | None
    """What the request comes to; None for an answer that is held."""
    where: Callable[[Json], bool] | None = None
    bell: Bell = field(repr=False, default_factory=Bell)
    waiting: int = 0
    """How many requests are held by it now."""
    met: int = 0
    """How many requests it has struck."""

    def __post_init__(self) -> None:
        self._released = asyncio.Event()

    def fits(self, method: str, arguments: Json) -> bool:
        fitting = self.left > 0 and fnmatchcase(method, self.method)
        return fitting and (self.where is None or bool(self.where(arguments)))

    async def wait(self) -> None:
        """Wait until a request is held, with its effect done or still to come."""
        await self.bell.until(lambda: self.waiting, lambda: f"Nothing came for {self.method}")

    def release(self) -> None:
        """Let go of what is held."""
        self._released.set()

    async def strike(self) -> None:
        if self.error is not None:
            raise self.error
        self.waiting += 1
        self.bell.ring()
        try:
            await self._released.wait()
        finally:
            self.waiting -= 1
            self.bell.ring()


class Faults:
    """The orders. A method may have wildcards: `chat.*`, `*`. `where` looks at the arguments, for one channel say."""

    def __init__(self, bell: Bell) -> None:
        self._bell = bell
        self.orders: list[Order] = []

    def rate_limit(
        self,
        method: str = "*",
        *,
        retry_after: float = 0,
        times: int = 1,
        where: Callable[[Json], bool] | None = None,
    ) -> Order:
        """429 with Retry-After in seconds."""
        return self._order(method, When.BEFORE, times, RateLimited(retry_after), where)

    def fail(
        self,
        method: str = "*",
        *,
        status: int = 503,
        landed: bool = False,
        times: int = 1,
        where: Callable[[Json], bool] | None = None,
    ) -> Order:
        """A 5xx with a page of HTML, as proxies give it. `landed`: what was asked for has happened all the same."""
        page = Page(status, "<html>error</html>", "text/html")
        return self._order(method, _when(landed), times, page, where)

    def refuse(
        self,
        method: str,
        error: str,
        *,
        times: int = 1,
        where: Callable[[Json], bool] | None = None,
        **more: Any,
    ) -> Order:
        """One of Slack's own words, with `ok: false`, whatever the state says: `ratelimited`, `internal_error`..."""
        return self._order(method, When.BEFORE, times, SlackError(error, **more), where)

    def garble(
        self,
        method: str = "*",
        *,
        landed: bool = True,
        times: int = 1,
        where: Callable[[Json], bool] | None = None,
    ) -> Order:
        """200 with half a body: JSON that ends in the middle."""
        page = Page(200, '{"ok": true, "ts": "17', "application/json")
        return self._order(method, _when(landed), times, page, where)

    def cut(
        self,
        method: str = "*",
        *,
        landed: bool = False,
        times: int = 1,
        where: Callable[[Json], bool] | None = None,
    ) -> Order:
        """The connection is cut before (or, `landed`, after) what was asked for happens; the answer never comes.

        slack_sdk's default retry handler sends the same request once more, whatever it was.
        """
        return self._order(method, _when(landed), times, Cut(), where)

    def hold(
        self,
        method: str = "*",
        *,
        landed: bool = False,
        times: int = 1,
        where: Callable[[Json], bool] | None = None,
    ) -> Order:
        """The answer waits for `release()`. What was asked for happens then (or, `landed`, at once), and it happens
        also if the client has long given up.
        """
        return self._order(method, _when(landed), times, None, where)

    def clear(self) -> None:
        """Take back every order, and let go of what is held."""
        for order in self.orders:
            order.left = 0
            order.release()
        self.orders.clear()

    def _order(
        self,
        method: str,
        when: When,
        times: int,
        error: Exception | None,
        where: Callable[[Json], bool] | None,
    ) -> Order:
        order = Order(method, when, times, error, where, self._bell)
        self.orders.append(order)
        return order

    def meet(self, method: str, arguments: Json) -> Order | None:
        """The first order that fits a request; it is then used up by one."""
        for order in self.orders:
            if order.fits(method, arguments):
                order.left -= 1
                order.met += 1
                return order
        return None


def _when(landed: bool) -> When:
    return When.AFTER if landed else When.BEFORE
