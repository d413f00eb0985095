"""Whether the program is well: alive, and ready for what members do. What the pages of both say (docs/monitoring.md).

Two questions, since the answers have two readers. Whoever may restart the program asks `/healthz`: it fails only where
a restart may help, never for an outage of Discord or Slack, since each start costs one of the sessions that Discord
allows in a day. Whoever wants to know whether members are served asks `/readyz`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bot.core.ports import StoreError
from bot.web import Route

if TYPE_CHECKING:
    from aiohttp import web

WRITES_WITHIN: Final = 4.0
"""Seconds for a write to the database; whoever asks gives up after five or ten."""

LOOKED_AT_LEAST_EVERY: Final = 120.0
"""Seconds after which a clock that nobody has looked at is a fault."""

KEPT_FOR: Final = 1.0
"""Seconds for which the outcome of a write holds: who asks more often costs nothing."""

STANDBY: Final = "standby"


@dataclass(frozen=True, slots=True)
class Part:
    """Something that has to work. `why` it does not is empty where it does."""

    why: str = ""
    says: str = ""

    @property
    def is_well(self) -> bool:
        return not self.why


class Health:
    """Answers both questions, and holds up nothing."""

    def __init__(
        self,
        write: Callable[[], Awaitable[None]],
        platforms: Mapping[str, Callable[[], Awaitable[str]]],
        *,
        leads: Callable[[], bool],
        measured: Callable[[], bytes],
    ) -> None:
        """`write` something, or raise StoreError. `platforms` say what keeps them from hearing, or nothing.

        `leads`: whether this copy is the one that looks at the clock. `measured` is the page of metrics.
        """
        self._write = write
        self._platforms = platforms
        self._leads = leads
        self._measured = measured
        self._writing: asyncio.Task[Part] | None = None
        self._wrote_at: float | None = None
        self._ticked_at: float | None = None
        self.writes_within = WRITES_WITHIN

    def ticked(self) -> None:
        """The clock was looked at, and all that was due is done."""
        self._ticked_at = asyncio.get_running_loop().time()

    async def database(self) -> Part:
        """Whether something can be written. However many ask, one write is on its way."""
        now = asyncio.get_running_loop().time()
        if self._wrote_at is not None and now - self._wrote_at < KEPT_FOR:
            return Part()
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._try())
        done, _ = await asyncio.wait({self._writing}, timeout=self.writes_within)
        if not done:
            return Part(f"nothing could be written within {self.writes_within:g} s")
        return self._writing.result()

    async def _try(self) -> Part:
        try:
            await self._write()
        except StoreError as problem:
            return Part(str(problem))
        except Exception as error:  # Its words may be anybody's.
            return Part(f"writing failed ({type(error).__name__})")
        self._wrote_at = asyncio.get_running_loop().time()
        return Part()

    async def parts(self) -> dict[str, Part]:
        """Everything that has to work for members to be served."""
        found = {name: Part(await why()) for name, why in self._platforms.items()}
        return found | {"tick": self._tick()}

    def _tick(self) -> Part:
        if not self._leads():
            return Part(says=STANDBY)
        if self._ticked_at is None:
            return Part("the clock was not looked at yet")
        ago = asyncio.get_running_loop().time() - self._ticked_at
        if ago > LOOKED_AT_LEAST_EVERY:
            return Part(f"the clock was last looked at {ago:.0f} s ago")
        return Part(says=f"{ago:.0f} s ago")

    # --- the pages --------------------------------------------------------------------------------------------

    def routes(self) -> list[Route]:
        """The pages, for the web server."""
        return [
            ("GET", "/healthz", self._healthz),
            ("GET", "/readyz", self._readyz),
            ("GET", "/metrics", self._metrics),
        ]

    async def _healthz(self, _: web.Request) -> web.Response:
        from aiohttp import web

        database = await self.database()
        if database.is_well:
            return web.Response(text="ok\n")
        return web.Response(status=503, text=f"database: {database.why}\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        from aiohttp import web

        parts = await self.parts()
        ready = all(part.is_well for part in parts.values())
        state = STANDBY if not self._leads() else "ready"
        said = {
            "state": state if ready else "not ready",
            "parts": {name: part.why or part.says or "ready" for name, part in parts.items()},
        }
        return web.json_response(said, status=200 if ready else 503, dumps=_dumps)

    async def _metrics(self, _: web.Request) -> web.Response:
        from aiohttp import web

        # Off the loop: reading what the system says of the process, and thousands of buckets, take their time.
        body = await asyncio.to_thread(self._measured)
        return web.Response(body=body, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


def _dumps(said: object) -> str:
    return json.dumps(said, ensure_ascii=False, indent=2) + "\n"
