"""Slack: a Bolt app that hands what happens to the study bot, and the socket or the address that it hears by.

One set of listeners serves Socket Mode and HTTP alike. It translates, and decides nothing.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from functools import wraps
from typing import Any, Final

import aiohttp
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from bot.adapters.slack import failures
from bot.adapters.slack.events import Events, Me
from bot.adapters.slack.gaps import Gaps
from bot.adapters.slack.interactions import Interactions
from bot.adapters.slack.messenger import SlackMessenger
from bot.adapters.slack.people import People
from bot.beside import Beside
from bot.core.model import Bank
from bot.studybot import StudyBot

log = logging.getLogger(__name__)

ADDRESS: Final = "/slack/events"
"""Where Slack sends everything in HTTP mode."""

ANSWERS_WITHIN: Final = 30
"""Seconds for one request."""

CLOSES_WITHIN: Final = 5
"""Seconds for a socket to close; one that is dead may never."""

FINISHES_WITHIN: Final = 5
"""Seconds that what is in hand gets at the end."""

SILENT_AFTER: Final = 150.0
"""Seconds without a single frame, pings included, after which a socket is taken for dead."""

_NO_TOKEN: Final = "no-token"
"""What stands for a token where none is set: the app can be assembled without."""


class TokenRefused(Exception):
    """Slack does not take a token, and trying again is of no use."""

    def __init__(self, setting: str, why: str) -> None:
        where = {
            "SLACK_BOT_TOKEN": "Copy it anew from the app's page, under OAuth & Permissions",
            "SLACK_APP_TOKEN": "Make one under Basic Information > App-Level Tokens, with the scope connections:write",
        }[setting]
        super().__init__(f"{setting}: Slack refuses this token ({why}). {where}")


class Slack:
    """The study bot in a Slack workspace."""

    def __init__(
        self,
        bot: StudyBot,
        clock: Callable[[], datetime],
        banks: Callable[[], Mapping[str, Bank]],
        *,
        bot_token: str,
        app_token: str = "",
        signing_secret: str = "",
        api_url: str = "",
        starting: Callable[[], Awaitable[None]],
    ) -> None:
        """Needs no loop. `starting` brings up all the rest; it is called before the first thing that happens."""
        self._bot = bot
        self._app_token = app_token
        self._starting = starting
        self.pauses: Callable[[], Iterator[float]] = failures.pauses
        """Seconds to wait before each next try; begun anew for each trouble."""
        self.looks_every = 15.0
        """Seconds between two looks at whether the socket is alive."""
        # Nothing is tried blindly again but what was not let in: a message might stand twice.
        self.client = AsyncWebClient(
            token=bot_token or _NO_TOKEN,
            timeout=ANSWERS_WITHIN,
            retry_handlers=[AsyncRateLimitErrorRetryHandler(max_retry_count=1)],
            base_url=f"{api_url.rstrip('/')}/" if api_url else AsyncWebClient.BASE_URL,
        )
        self.people = People(lambda: self.client, clock)
        self.interactions = Interactions(
            bot,
            lambda: self.client,
            clock,
            banks,
            self.people,
            me=lambda: self.me,
            marked=lambda told: self.events.mark(told),
        )
        self.events = Events(
            bot,
            lambda: self.client,
            clock,
            self.people,
            me=lambda: self.me,
            asked=self.interactions,
        )
        self.gaps = Gaps(
            bot,
            lambda: self.client,
            clock,
            heard=lambda channel, message: self.events.heard(self.me.team, channel, message, tries=0),
            deleted=self.events.deleted,
            pauses=lambda: self.pauses(),
        )
        self.messenger = SlackMessenger(
            lambda: self.client, lambda: self.me.ids if self._me is not None else frozenset()
        )
        self._me: Me | None = None
        self._signing_in = asyncio.Lock()
        self._beside = Beside()
        self._handling: set[asyncio.Task[Any]] = set()
        self._heard_at = 0.0
        self._handler: AsyncSocketModeHandler | None = None
        self.app = self._new_app(signing_secret)

    @property
    def me(self) -> Me:
        """The bot itself, once it has signed in."""
        assert self._me is not None, "nothing is asked of Slack before it has said who the bot is"
        return self._me

    # --- listeners --------------------------------------------------------------------------------------------

    def _new_app(self, signing_secret: str) -> AsyncApp:
        app = AsyncApp(
            client=self.client,
            signing_secret=signing_secret or None,
            request_verification_enabled=bool(signing_secret),
        )
        everything = re.compile(".*")

        @app.middleware
        async def written_down_first(body: dict[str, Any], next: Callable[[], Awaitable[Any]]) -> None:
            # Slack is told that an event came before its listener runs, and does not send it again.
            await self.ready()
            if body.get("type") == "event_callback":
                await self.events.receive(body)
            await next()

        @app.event(everything)
        @self._tracked
        async def happened(body: dict[str, Any]) -> None:
            await self.events.work(body)

        @app.command(everything)
        @self._tracked
        async def asked(ack: Any, body: dict[str, Any]) -> None:
            await ack()
            await self.interactions.command(body)

        @app.action(everything)
        @self._tracked
        async def pressed(ack: Any, body: dict[str, Any]) -> None:
            await ack()
            await self.interactions.press(body)

        @app.view(everything)
        @self._tracked
        async def sent(ack: Any, body: dict[str, Any]) -> None:
            await self.interactions.form(body, ack)

        @app.options(everything)
        @self._tracked
        async def typing(ack: Any, body: dict[str, Any]) -> None:
            await self.interactions.suggest(body, ack)

        @app.shortcut(everything)
        @self._tracked
        async def chosen(ack: Any, body: dict[str, Any]) -> None:
            await ack()
            await self.interactions.shortcut(body)

        return app

    def _tracked(self, work: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        """Know what is in hand: Bolt runs listeners as tasks that nobody holds."""

        @wraps(work)  # Bolt reads off the names of arguments what to hand over.
        async def tracked(*args: Any, **kwargs: Any) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._handling.add(task)
            try:
                await work(*args, **kwargs)
            except Exception:  # Bolt would forget an acknowledgement that was given just before.
                log.exception("something of Slack's could not be handled")
            finally:
                self._handling.discard(task)

        return tracked

    # --- the connection ---------------------------------------------------------------------------------------

    async def ready(self) -> None:
        """Whatever brings something first: all the rest is up, and Slack has said who the bot is."""
        if self._me is not None:
            return
        async with self._signing_in:
            if self._me is None:
                await self._starting()
                if self.client.session is None or self.client.session.closed:
                    self.client.session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWERS_WITHIN))
                    self.app.client.session = self.client.session
                said = await self.client.auth_test()
                self._me = Me(team=str(said["team_id"]), user=str(said["user_id"]), bot=str(said.get("bot_id") or ""))

    async def run(self) -> None:
        """Stay connected until cancelled. Raises TokenRefused."""
        waits = self.pauses()
        while True:
            began = asyncio.get_running_loop().time()
            try:
                await self._sign_in()
                if not self._app_token:
                    await self._listen_on_address()
                await self._listen_on_socket()
                why = "the socket is dead"
            except failures.TROUBLE as error:
                why = failures.in_words(error)
            if asyncio.get_running_loop().time() - began > 600:
                waits = self.pauses()
            wait = next(waits)
            log.warning("the connection to Slack failed (%s); trying again in %d s", why, wait)
            await self.gaps.hold()
            await asyncio.sleep(wait)

    async def _sign_in(self) -> None:
        try:
            await self.ready()
        except failures.TROUBLE as error:
            if failures.token_refused(error):
                raise TokenRefused("SLACK_BOT_TOKEN", failures.word_of(error)) from error
            raise
        self._beside.start(self.events.work_off())

    async def _listen_on_address(self) -> None:
        """In HTTP mode Slack comes to us, so there is nothing to keep alive: only to read what was missed."""
        await self.gaps.read()
        await asyncio.Event().wait()

    async def _listen_on_socket(self) -> None:
        """Hear by a socket until it is dead. Slack renews it every few hours, which the SDK does by itself."""
        self._handler = handler = AsyncSocketModeHandler(self.app, self._app_token, web_client=self.client)
        client = handler.client
        client.message_listeners.append(self._heard)
        client.on_message_listeners.append(self._frame)
        client.on_close_listeners.append(self._closed)
        try:
            try:
                client.wss_uri = await client.issue_new_wss_url()  # Its own first try never gives up.
            except failures.TROUBLE as error:
                if failures.token_refused(error):
                    raise TokenRefused("SLACK_APP_TOKEN", failures.word_of(error)) from error
                raise
            await asyncio.wait_for(client.connect(), ANSWERS_WITHIN)  # type: ignore[no-untyped-call]
            self._heard_at = asyncio.get_running_loop().time()
            misses = 0
            while misses < 3:  # The SDK may be about to renew it.
                await asyncio.sleep(self.looks_every)
                silent = asyncio.get_running_loop().time() - self._heard_at > SILENT_AFTER
                misses = misses + 1 if silent or not await client.is_connected() else 0
        finally:
            with suppress(Exception):  # What is dead may not close, and need not.
                await asyncio.wait_for(handler.close_async(), CLOSES_WITHIN)  # type: ignore[no-untyped-call]

    async def _heard(self, client: Any, message: dict[str, Any], raw: str | None = None) -> None:
        if message.get("type") == "hello":  # A new socket: what happened before it may have been missed.
            self._beside.start(self.gaps.read())
            self._beside.start(self.events.work_off())

    async def _frame(self, message: Any) -> None:
        self._heard_at = asyncio.get_running_loop().time()

    async def _closed(self, message: Any) -> None:
        await self.gaps.hold()

    async def take(self, request: web.Request) -> web.Response:
        """One request of Slack's, in HTTP mode."""
        return await to_aiohttp_response(await self.app.async_dispatch(await to_bolt_request(request)))

    def routes(self) -> list[tuple[str, str, Callable[[web.Request], Awaitable[web.StreamResponse]]]]:
        """What the web server has to serve in HTTP mode: method, path, handler. Nothing in Socket Mode."""
        return [] if self._app_token else [("POST", ADDRESS, self.take)]

    async def idle(self) -> None:
        """Wait until nothing is in hand."""
        while at_work := {*self._handling, *self._beside.tasks, *self.events.beside.tasks} - {asyncio.current_task()}:
            await asyncio.wait(at_work)

    async def close(self) -> None:
        """Finish what is in hand, and leave."""
        with suppress(TimeoutError):
            async with asyncio.timeout(FINISHES_WITHIN):
                await self.idle()
        self._beside.cancel()
        self.events.beside.cancel()
        if self.client.session is not None:
            await self.client.session.close()
            self.client.session = None
