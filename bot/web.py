"""The web server: what platforms send to an address of ours, and the pages that say how the program is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from aiohttp import web  # Else it is loaded when a server starts: the demo and chat need none.

log = logging.getLogger(__name__)

Route: TypeAlias = "tuple[str, str, Callable[[web.Request], Awaitable[web.StreamResponse]]]"
"""Method, path, and who answers. What answers GET answers HEAD, too."""

LARGEST: int = 4 * 2**20
"""Bytes of a request."""

AGAIN_AFTER: float = 30.0
"""Seconds after which an address is asked for again that could not be had."""


class Web:
    """Serves routes at one address."""

    def __init__(self, host: str, port: int, routes: Iterable[Route]) -> None:
        """Port 0 lets the system choose; `address` says which after the start."""
        self._host, self._port = host, port
        self._routes = tuple(routes)
        self._runner: web.AppRunner | None = None
        self.address = ""

    async def start(self) -> None:
        """Listen from now on. Raises OSError if the address cannot be had: which, and what to do."""
        from aiohttp import web

        app = web.Application(client_max_size=LARGEST)
        app.on_response_prepare.append(_say_not_by_whom)
        for method, path, handler in self._routes:
            app.router.add_route(method, path, handler)
            if method == "GET":
                app.router.add_route("HEAD", path, handler)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=5)
        await self._runner.setup()
        host = f"[{self._host}]" if ":" in self._host else self._host
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError as problem:
            why = str(problem.strerror).rpartition(": ")[2]
            what = f"nothing can listen there ({why}); NNQUESTION_WEB names another address"
            raise OSError(problem.errno, what, f"{host}:{self._port}") from problem
        port = self._runner.addresses[0][1]
        self.address = f"http://{host}:{port}"
        log.info("listening on %s", self.address)

    async def start_at_last(self, again_after: float = AGAIN_AFTER) -> None:
        """Listen as soon as the address can be had: an older copy of the program may be about to let go of it."""
        is_told = False
        while True:
            try:
                await self.start()
                return
            except OSError as problem:
                await self.stop()
                if not is_told:
                    log.warning(
                        "%s: %s, or off. Until then nobody can ask how the program is; trying again every %d s",
                        problem.filename,
                        problem.strerror,
                        again_after,
                    )
                is_told = True
            await asyncio.sleep(again_after)

    async def stop(self) -> None:
        """Answer what is in hand, and listen no more."""
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()


async def _say_not_by_whom(_: web.Request, answer: web.StreamResponse) -> None:
    """Which versions run here is nobody's affair."""
    answer.headers.pop("Server", None)
