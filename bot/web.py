"""The web server: what platforms send to an address of ours. Other pages of the program come to stand here, too."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable

from aiohttp import web

log = logging.getLogger(__name__)

Route = tuple[str, str, Callable[[web.Request], Awaitable[web.StreamResponse]]]
"""Method, path, and who answers."""

LARGEST: int = 4 * 2**20
"""Bytes of a request."""


class Web:
    """Serves routes at one address."""

    def __init__(self, host: str, port: int, routes: Iterable[Route]) -> None:
        """Port 0 lets the system choose; `address` says which after the start."""
        self._host, self._port = host, port
        self._app = web.Application(client_max_size=LARGEST)
        for method, path, handler in routes:
            self._app.router.add_route(method, path, handler)
        self._runner: web.AppRunner | None = None
        self.address = ""

    async def start(self) -> None:
        """Listen from now on. Raises OSError if the address cannot be had: which, and what to do."""
        self._runner = web.AppRunner(self._app, access_log=None, shutdown_timeout=5)
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

    async def stop(self) -> None:
        """Answer what is in hand, and listen no more."""
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()
