"""The server: one port on the loopback, with the Web API, Socket Mode, response_urls and uploads behind it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from types import TracebackType
from typing import Final

from aiohttp import web

from .clock import Clock
from .deliveries import Deliveries
from .faults import Faults
from .http_mode import Poster
from .interactions import Outcome
from .limits import Limits
from .model import Ping, Team
from .sockets import Sockets
from .waiting import PATIENCE
from .web_api import BASE, Request, WebApi
from .world import EVENTS, SCOPES, App, World

APP_TOKEN: Final = "xapp-1-A0LOOPBACK-1-good"
"""The app-level token, for `apps.connections.open`."""

SECRET: Final = "8f742231b10e8888abcd99yyyzzz85a5"
"""The signing secret, for HTTP mode."""


class SlackServer:
    """A Slack of its own, for one test.

        async with SlackServer() as server:
            team = server.team("Study")
            client = AsyncWebClient(token=team.token, base_url=server.api_url)
            app = AsyncApp(client=client)                       # an unmodified slack_bolt
            handler = AsyncSocketModeHandler(app, server.app_token)
            await handler.connect_async()
            await server.connected()
            ada, channel = team.user("ada"), team.channel("general")
            seen = await ada.command("/nnquestion", "ask loss", channel)

    `scopes` and `events` are what the app has and has subscribed to; `commands` its slash commands, None for any.
    """

    def __init__(
        self,
        *,
        now: datetime = datetime(2026, 11, 22, 9, 0, tzinfo=UTC),
        name: str = "nnquestion",
        scopes: frozenset[str] = SCOPES,
        events: frozenset[str] = EVENTS,
        commands: frozenset[str] | None = None,
        home: bool = True,
        app_token: str = APP_TOKEN,
        signing_secret: str = SECRET,
    ) -> None:
        self.clock = Clock(now)
        self.world = World(self.clock, App("A0LOOPBACK", name, app_token, signing_secret, events, commands, home))
        self.world.scopes = scopes
        self.faults = Faults(self.world.bell)
        self.limits: Limits = self.world.limits
        self._api = WebApi(self.world, self.faults)
        self._runner: web.AppRunner | None = None
        self._poster: Poster | None = None

    # --- running ------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> SlackServer:
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_get("/link/", self.sockets.handle)
        app.router.add_route("*", BASE + "{method}", self._api.handle)
        app.router.add_post("/response/{token}", self._api.respond)
        app.router.add_post("/upload/{file}", self._api.upload)
        # Blocks may come in the query, which is longer there than aiohttp takes by itself.
        self._runner = web.AppRunner(
            app, handle_signals=False, access_log=None, shutdown_timeout=1.0, max_line_size=2**18
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.world.host = f"http://127.0.0.1:{port}"
        self.sockets.url = f"ws://127.0.0.1:{port}/link/"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.faults.clear()
        if self._poster is not None:
            await self._poster.end()
        await self.sockets.end()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def api_url(self) -> str:
        """For `AsyncWebClient(base_url=...)`."""
        return f"{self.world.host}{BASE}"

    @property
    def app_token(self) -> str:
        return self.world.app.app_token

    @property
    def signing_secret(self) -> str:
        return self.world.app.signing_secret

    def http_mode(self, url: str) -> Poster:
        """From now on everything is POSTed to this address, signed, and nothing goes to sockets."""
        self._poster = Poster(self.world, url)
        self.deliveries.transport = self._poster
        return self._poster

    # --- what there is ------------------------------------------------------------------------------------------

    def team(self, name: str) -> Team:
        """The workspace of this name; made if there is none, with the app installed."""
        found = [team for team in self.world.teams.values() if team.name == name]
        return found[0] if found else self.world.make_team(name)

    @property
    def sockets(self) -> Sockets:
        return self.world.sockets

    @property
    def deliveries(self) -> Deliveries:
        """Everything that was sent to the bot."""
        return self.world.deliveries

    @property
    def outcomes(self) -> list[Outcome]:
        """Everything that people have called, pressed and sent, oldest first."""
        return self.world.interactions.all

    @property
    def pings(self) -> list[Ping]:
        """Everybody whom the bot has notified, by which message."""
        return self.world.pings

    # --- what the bot asked for -----------------------------------------------------------------------------------

    @property
    def requests(self) -> list[Request]:
        """Every request so far, also of methods that there are none of."""
        return self._api.requests

    def asked(self, method: str = "*") -> list[Request]:
        """The requests of this method; it may have wildcards, as in `faults`."""
        return [one for one in self.requests if fnmatchcase(one.method, method)]

    @property
    def unknown(self) -> list[Request]:
        """Requests of methods that this server does not have: a bot under test should make none."""
        return [request for request in self.requests if not request.known]

    @property
    def complaints(self) -> list[str]:
        """What a client did against the protocol where there is no answer that says so. There should be none."""
        return self.world.complaints

    # --- waiting ------------------------------------------------------------------------------------------------

    async def until(self, condition: Callable[[], object], *, patience: float = PATIENCE) -> None:
        """Wait until something is true, here or in the bot. Raises TimeoutError after `patience` real seconds."""
        await self.world.bell.until(condition, self._story, patience)

    async def connected(self, sockets: int = 1) -> None:
        """Wait until the bot has so many sockets, and has answered a ping on each."""

        def there() -> bool:
            able = [one for one in self.sockets.connections if not one.leaving and one.pongs]
            return len(able) >= sockets

        await self.until(there)

    async def caught_up(self) -> None:
        """Wait until the bot has acknowledged all that it was sent, and no request is being answered.

        slack_bolt acknowledges an event *before* its listener runs, which may still be at it.
        """
        await self.until(lambda: not self.deliveries.under_way and self._api.in_flight == 0)

    def _story(self) -> str:
        latest = "\n  ".join(str(request) for request in self.requests[-10:])
        return f"What was waited for did not happen. The latest requests:\n  {latest}"
