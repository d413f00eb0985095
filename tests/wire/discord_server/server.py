"""The server: one port on the loopback, with REST, the gateway and the files of messages behind it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Final

import yarl
from aiohttp import web
from discord.gateway import DiscordWebSocket
from discord.http import Route

from .clock import Clock, Snowflakes
from .faults import Faults, path_pattern
from .intents import ALWAYS, Intent
from .interactions import Interaction
from .limits import Limits
from .model import Guild, User
from .permissions import INVITED, Perm
from .rest import BASE, Request, Rest
from .waiting import PATIENCE
from .world import Application, Ping, World

TOKEN: Final = "good"
"""The only token that the server takes, unless it is given another."""


class DiscordServer:
    """A Discord of its own, for one test.

        async with DiscordServer() as server:
            guild = server.guild("Study")
            bot = MyBot()                               # an unmodified discord.py client
            await bot.start(server.token)               # in a task
            await server.connected()
            ada = guild.member("Ada")
            seen = await ada.command("nnquestion ask", topic="loss")

    While it runs, discord.py's class attributes that say where Discord is point here; afterwards they are what they
    were. `granted` are the privileged intents that are switched on for the application.
    """

    def __init__(
        self,
        *,
        now: datetime = datetime(2026, 11, 22, 9, 0, tzinfo=UTC),
        token: str = TOKEN,
        granted: Intent = ALWAYS,
        name: str = "nnquestion",
        point: bool = True,
    ) -> None:
        self.clock = Clock(now)
        ids = Snowflakes(self.clock)
        bot = User(ids.next(), name, name, bot=True)
        self.world = World(self.clock, ids, Application(bot.id, name, token, granted), bot)
        self.faults = Faults(self.world.bell)
        self.limits = Limits()
        self.gateway = self.world.gateway
        self._rest = Rest(self.world, self.faults, self.limits)
        self._point = point
        self._pointed = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
        self._runner: web.AppRunner | None = None

    # --- running ------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> DiscordServer:
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_get("/gateway/", self.gateway.handle)
        app.router.add_get("/attachments/{file}/{name}", self._file)
        app.router.add_route("*", "/{path:.*}", self._rest.handle)
        self._runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.world.host = f"http://127.0.0.1:{port}"
        self.gateway.url = f"ws://127.0.0.1:{port}/gateway/"
        self._pointed = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
        if self._point:
            Route.BASE = self.api_url
            DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(self.gateway_url)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = self._pointed
        self.faults.clear()
        await self.gateway.close()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def token(self) -> str:
        return self.world.application.token

    @property
    def api_url(self) -> str:
        """For `discord.http.Route.BASE`."""
        return f"{self.world.host}{BASE}"

    @property
    def gateway_url(self) -> str:
        """For `discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY`."""
        return self.gateway.url

    async def _file(self, request: web.Request) -> web.Response:
        kept = self.world.files.get(int(request.match_info["file"]))
        return web.Response(status=404) if kept is None else web.Response(body=kept.data)

    # --- what there is ------------------------------------------------------------------------------------------

    @property
    def bot(self) -> User:
        """The bot's account."""
        return self.world.bot

    def guild(self, name: str, *, bot: Perm | None = INVITED) -> Guild:
        """The guild of this name; made if there is none. `bot` is what its role may do there; None leaves it out."""
        found = [guild for guild in self.world.guilds.values() if guild.name == name]
        return found[0] if found else self.world.make_guild(name, bot)

    @property
    def interactions(self) -> list[Interaction]:
        """Everything that members have called, pressed and sent, oldest first."""
        return self.world.interactions.all

    @property
    def pings(self) -> list[Ping]:
        """Everybody whom the bot has notified, by which message."""
        return self.world.pings

    def commands(self, guild: Guild | None = None) -> list[str]:
        """The names of the commands that the bot has registered: the global ones, or those of one guild."""
        return [command["name"] for command in self.world.commands.get(guild.id if guild else None, [])]

    # --- what the bot asked for -----------------------------------------------------------------------------------

    @property
    def requests(self) -> list[Request]:
        """Every REST request so far, also of routes that there are none of."""
        return self._rest.requests

    def asked(self, method: str = "*", path: str = "**") -> list[Request]:
        """The requests of this method and path; patterns as in `faults`."""
        fitting = path_pattern(path)
        return [one for one in self.requests if method in ("*", one.method) and fitting.fullmatch(one.path)]

    @property
    def unknown(self) -> list[Request]:
        """Requests of routes that this server does not have: a bot under test should make none."""
        return [request for request in self.requests if not request.known]

    @property
    def invalid(self) -> list[Request]:
        """Requests that count towards Cloudflare's ban (10,000 in ten minutes): 401, 403, 429."""
        return [request for request in self.requests if request.status in (401, 403, 429)]

    # --- waiting ------------------------------------------------------------------------------------------------

    async def until(self, condition: Callable[[], object], *, patience: float = PATIENCE) -> None:
        """Wait until something is true, here or in the bot. Raises TimeoutError after `patience` real seconds."""
        await self.world.bell.until(condition, self._story, patience)

    async def connected(self) -> None:
        """Wait until the bot has a session and has read all of it so far: READY and its guilds."""
        await self.until(lambda: self.gateway.connected)
        await self.caught_up()

    async def caught_up(self) -> None:
        """Wait until every client has read all that it was sent, and no request is being answered.

        It asks for a heartbeat, in which a client says how far it has read. discord.py starts the handlers of an event
        in that moment; when they wait for something of their own, they may still be at it.
        """
        waits = {session: session.sequence for session in self.gateway.connected}
        self.gateway.ask_for_heartbeats()
        await self.until(
            lambda: (
                all(one.heard >= wanted or one.connection is None for one, wanted in waits.items())
                and self._rest.in_flight == 0
            )
        )

    def _story(self) -> str:
        latest = "\n  ".join(str(request) for request in self.requests[-10:])
        return f"What was waited for did not happen. The latest requests:\n  {latest}"
