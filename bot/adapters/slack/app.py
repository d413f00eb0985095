"""Slack: a Bolt app that hands what happens to the study bot, and the socket or the address that it hears by.

One set of listeners serves Socket Mode and HTTP alike. It translates, and decides nothing.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, Final

import aiohttp
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.middleware.authorization.async_single_team_authorization import AsyncSingleTeamAuthorization
from slack_bolt.response import BoltResponse
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.http_retry.request import HttpRequest
from slack_sdk.http_retry.response import HttpResponse
from slack_sdk.http_retry.state import RetryState
from slack_sdk.signature import SignatureVerifier
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.adapters.slack import failures
from bot.adapters.slack.events import Events, Me
from bot.adapters.slack.gaps import Gaps
from bot.adapters.slack.interactions import Interactions
from bot.adapters.slack.messenger import SlackMessenger
from bot.adapters.slack.people import People
from bot.adapters.slack.shape import sound
from bot.adapters.slack.uploads import Draw, Uploads
from bot.beside import Beside
from bot.core.model import Bank
from bot.studybot import StudyBot
from bot.watching import OfPlatform, Unwatched

log = logging.getLogger(__name__)

ADDRESS: Final = "/slack/events"
"""Where Slack sends everything in HTTP mode."""

ANSWERS_WITHIN: Final = 30
"""Seconds for one request."""

CLOSES_WITHIN: Final = 5
"""Seconds for a socket to close; one that is dead may never."""

FINISHES_WITHIN: Final = 5
"""Seconds that what is in hand gets at the end."""

WAITS_AT_MOST: Final = 10
"""Seconds that a request waits where Slack asks it to; a delivery that has to wait longer is sent later."""

LEFT_AFTER: Final = timedelta(minutes=1)
"""After this time an event that has been written down and not worked on is taken for left."""

_STAMP: Final = re.compile("[0-9]{1,12}")

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
        draw: Draw,
        *,
        bot_token: str,
        app_token: str = "",
        signing_secret: str = "",
        api_url: str = "",
        starting: Callable[[], Awaitable[None]],
        watch: OfPlatform | None = None,
    ) -> None:
        """Needs no loop. `draw` makes a PNG of a picture; `starting` brings up all the rest, and is called before the
        first thing that happens.
        """
        self._bot = bot
        self._app_token = app_token
        self._verifier = SignatureVerifier(signing_secret) if signing_secret else None
        self._starting = starting
        self._watch = watch or Unwatched()
        self._socket: _Socket | None = None
        self._was_connected = False
        self.pauses: Callable[[], Iterator[float]] = failures.pauses
        """Seconds to wait before each next try; begun anew for each trouble."""
        self.looks_every = 1.0
        """Seconds between two looks at whether the socket is alive."""
        self.dead_after = 20.0
        """Seconds without a connection after which the SDK is no longer trusted to renew its socket."""
        self.quiet_after = 900.0
        """Seconds without a word after which a socket is replaced: one that answers pings may be dead all the same."""
        self.answers_within = float(ANSWERS_WITHIN)
        """Seconds for one request, and for a socket to open."""
        # Nothing is tried blindly again but what was not let in: a message might stand twice.
        self.client = _Client(
            self.ready,
            token=bot_token or _NO_TOKEN,
            timeout=ANSWERS_WITHIN,
            retry_handlers=[_ShortWaits(max_retry_count=1)],
            base_url=f"{api_url.rstrip('/')}/" if api_url else AsyncWebClient.BASE_URL,
        )
        self.people = People(lambda: self.client, clock, team=lambda: self.me.team)
        self.uploads = Uploads(lambda: self.client, draw)
        self.interactions = Interactions(
            bot,
            lambda: self.client,
            clock,
            banks,
            self.people,
            self.uploads,
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
            heard=lambda channel, message: self.events.heard(self.me.team, channel, message),
            deleted=self.events.deleted,
            replies=lambda reminder: self.events.direct.missed(self.me.team, reminder),
            pauses=lambda: self.pauses(),
        )
        self.messenger = SlackMessenger(lambda: self.client, self._own_ids, self.uploads)
        self._me: Me | None = None
        self._runs = False
        self._signing_in = asyncio.Lock()
        self._beside = Beside()
        self._handling: set[asyncio.Task[Any]] = set()
        self._heard_at = 0.0
        self.app = self._new_app(signing_secret)

    async def _own_ids(self) -> frozenset[str]:
        await self.ready()
        return self.me.ids

    @property
    def me(self) -> Me:
        """The bot itself, once it has signed in."""
        assert self._me is not None, "nothing is asked of Slack before it has said who the bot is"
        return self._me

    # --- listeners --------------------------------------------------------------------------------------------

    def _new_app(self, signing_secret: str) -> AsyncApp:
        async def written_down_first(body: dict[str, Any], next: Callable[[], Awaitable[Any]]) -> BoltResponse | None:
            # Bolt tells Slack that it has an event before a listener runs, and also where its own question about the
            # token has failed; and it drops what happens to the bot's own messages, such as that a card is deleted.
            if body.get("type") == "url_verification":
                await next()
                return None
            if not sound(body):  # It would not get better by coming again.
                log.info("something of Slack's has not the shape it should have")
                return BoltResponse(status=200)
            await self.ready()
            if body.get("type") == "event_callback":
                if await self.events.receive(body):
                    self._beside.start(self.events.work(body))
                return BoltResponse(status=200)
            await next()
            return None

        app = AsyncApp(
            name="nnquestion",  # Else Bolt looks for it on the whole call stack, with all its source files.
            client=self.client,
            signing_secret=signing_secret or None,
            request_verification_enabled=bool(signing_secret),
            before_authorize=written_down_first,
        )
        everything = re.compile(".*")

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
                    patience = aiohttp.ClientTimeout(total=self.answers_within)
                    self.client.session = aiohttp.ClientSession(timeout=patience, trace_configs=[self._watch.trace])
                said = await self.client.auth_test()
                self._spare_bolt_the_question(said)
                self._me = Me(
                    team=str(said.get("team_id") or ""), user=str(said["user_id"]), bot=str(said.get("bot_id") or "")
                )
                if not self._runs:  # Else that is done once there is a socket.
                    self._beside.start(self.gaps.read())
                    self._beside.start(self.events.work_off())

    def _spare_bolt_the_question(self, said: AsyncSlackResponse) -> None:
        """Bolt would ask once more who it is, and tell members to install the app anew where that answer is lost."""
        for middleware in self.app._async_middleware_list:
            if isinstance(middleware, AsyncSingleTeamAuthorization):
                middleware.auth_test_result = said

    async def run(self) -> None:
        """Stay connected until cancelled. Raises TokenRefused."""
        self._runs = True
        waits = self.pauses()
        while True:
            began = asyncio.get_running_loop().time()
            asked = timedelta()
            try:
                await self._sign_in()
                if not self._app_token:
                    await self._listen_on_address()
                await self._listen_on_sockets()
                why = "the socket is dead"
            except failures.TROUBLE as error:
                why, asked = failures.in_words(error), failures.asked_wait(error) or asked
            if asyncio.get_running_loop().time() - began > 600:
                waits = self.pauses()
            wait = max(next(waits), asked.total_seconds())
            log.warning("the connection to Slack failed (%s); trying again in %d s", why, wait)
            await self.gaps.away()
            await asyncio.sleep(wait)

    async def _sign_in(self) -> None:
        """Raises TokenRefused, also where the token has been good until now."""
        try:
            if self._me is None:
                await self.ready()
            else:
                await self.client.auth_test()
        except failures.TROUBLE as error:
            if failures.token_refused(error):
                raise TokenRefused("SLACK_BOT_TOKEN", failures.word_of(error)) from error
            raise
        self._beside.start(self.events.work_off())

    async def _listen_on_address(self) -> None:
        """In HTTP mode Slack comes to us, so there is nothing to keep alive: only to read what was missed."""
        await self.gaps.read()
        await asyncio.Event().wait()

    async def _listen_on_sockets(self) -> None:
        """Hear by one socket after another, until one is dead."""
        socket = self._socket = await self._connected()
        try:
            while await self._is_only_quiet(socket.client):
                # The new one first, so that nothing falls between them.
                old, socket = socket, await self._connected()
                self._socket = socket
                await old.close()
        finally:
            self._socket = None
            await socket.close()

    async def _connected(self) -> _Socket:
        """A new socket. Slack renews it every few hours, which the SDK does by itself."""
        try:
            address = str((await self.client.apps_connections_open(app_token=self._app_token))["url"])
        except failures.TROUBLE as error:
            if failures.token_refused(error):
                raise TokenRefused("SLACK_APP_TOKEN", failures.word_of(error)) from error
            raise
        socket = _Socket(self.app, self._app_token, self.client, self._watch.acknowledged)
        socket.client.wss_uri = address
        socket.client.message_listeners.append(self._message)
        socket.client.on_message_listeners.append(self._word)
        try:
            # By itself it would never give up.
            await asyncio.wait_for(socket.client.connect(), self.answers_within)  # type: ignore[no-untyped-call]
        except BaseException:
            await socket.close()
            raise
        self._heard_at = asyncio.get_running_loop().time()
        return socket

    async def _is_only_quiet(self, client: SocketModeClient) -> bool:
        """Wait until a socket is to be replaced: True if nothing has come for long, False if it is dead."""
        loop = asyncio.get_running_loop()
        well_at, is_told = loop.time(), False
        while loop.time() - well_at <= self.dead_after:
            if loop.time() - self._heard_at > self.quiet_after:
                return True
            await asyncio.sleep(self.looks_every)
            if await client.is_connected():
                well_at, is_told = loop.time(), False
            else:  # The SDK may be about to renew it.
                if not is_told:
                    log.info("the connection to Slack is gone")
                is_told = True
                await self.gaps.away()
        return False

    async def _message(self, client: Any, message: dict[str, Any], raw: str | None = None) -> None:
        if message.get("type") == "hello":  # A new socket: what happened before it may have been missed.
            if self._was_connected:
                self._watch.reconnected()
            self._was_connected = True
            log.info("connected to Slack")
            self._beside.start(self.gaps.read())
            self._beside.start(self.events.work_off())

    async def _word(self, message: Any) -> None:
        self._heard_at = asyncio.get_running_loop().time()

    async def trouble(self) -> str:
        """What keeps Slack from being heard; nothing where it is."""
        if self._me is None:
            return "not signed in"
        if not self._app_token:
            return ""
        socket = self._socket
        return "" if socket is not None and await socket.client.is_connected() else "no socket"

    async def take(self, request: web.Request) -> web.Response:
        """One request of Slack's, in HTTP mode."""
        came = asyncio.get_running_loop().time()
        stamp = request.headers.get("X-Slack-Request-Timestamp", "0")
        signature = request.headers.get("X-Slack-Signature", "")
        if not (_STAMP.fullmatch(stamp) and signature.isascii()):  # Bolt trips on others.
            return web.Response(status=401, text="This is not signed as Slack signs.")
        try:
            read = await to_bolt_request(request)
            known = isinstance(read.body, dict)
        except (ValueError, AttributeError, TypeError, LookupError):  # It is read before its signature is looked at.
            known = False
        if not known:
            return web.Response(status=400, text="This is no request of Slack's.")
        if not (sound(read.body) or read.body.get("type") == "url_verification" or "ssl_check" in read.body):
            return self._set_aside(await request.text(), stamp, signature)
        answer = await to_aiohttp_response(await self.app.async_dispatch(read))
        if answer.status < 400:  # Else it was none of Slack's, as far as one can tell.
            self._watch.acknowledged(asyncio.get_running_loop().time() - came)
        return answer

    def _set_aside(self, body: str, stamp: str, signature: str) -> web.Response:
        """The answer to what Bolt itself may trip on: whether it is signed, and no more."""
        if self._verifier is None or not self._verifier.is_valid(body, stamp, signature):
            return web.Response(status=401, text="This is not signed as Slack signs.")
        log.info("something of Slack's has not the shape it should have")
        return web.Response()  # It would not get better by coming again.

    async def work_off(self) -> None:
        """Work on what a copy has written down and left, once it is clear that nobody does."""
        if self._me is not None:
            await self.events.work_off(waiting_for=LEFT_AFTER)

    def routes(self) -> list[tuple[str, str, Callable[[web.Request], Awaitable[web.StreamResponse]]]]:
        """What the web server has to serve: method, path, handler. Nothing in Socket Mode, nor without a secret."""
        return [] if self._app_token or self._verifier is None else [("POST", ADDRESS, self.take)]

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


class _Client(AsyncWebClient):
    """The Web API. Whoever opens a socket with it has all the rest brought up first."""

    def __init__(self, ready: Callable[[], Awaitable[None]], **more: Any) -> None:
        super().__init__(**more)
        self._ready = ready

    async def apps_connections_open(self, *, app_token: str, **kwargs: Any) -> AsyncSlackResponse:
        await self._ready()
        return await super().apps_connections_open(app_token=app_token, **kwargs)


class _ShortWaits(AsyncRateLimitErrorRetryHandler):
    """Tries again what Slack did not let in, where it does not ask for a long wait."""

    async def _can_retry_async(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        asked = failures.retry_after(response.headers) if response and response.status_code == 429 else None
        return asked is not None and asked.total_seconds() <= WAITS_AT_MOST

    async def prepare_for_next_attempt_async(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> None:
        asked = failures.retry_after(response.headers) if response else None
        state.next_attempt_requested = True
        await asyncio.sleep(asked.total_seconds() if asked else 0)
        state.increment_current_attempt()


class _Socket(AsyncSocketModeHandler):
    """A socket that first acknowledges what it has taken when it is to close, and takes nothing more."""

    def __init__(
        self, app: AsyncApp, app_token: str, client: AsyncWebClient, acknowledged: Callable[[float], None]
    ) -> None:
        super().__init__(app, app_token, web_client=client)
        self._acknowledged = acknowledged
        self._taking: set[asyncio.Task[Any]] = set()

    async def handle(self, client: Any, req: SocketModeRequest) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._taking.add(task)
        came = asyncio.get_running_loop().time()
        try:
            if sound(req.payload):
                await super().handle(client, req)
            else:  # Bolt itself would trip on some of it, and what is not acknowledged comes again.
                log.info("something of Slack's has not the shape it should have")
                await client.send_socket_mode_response(SocketModeResponse(envelope_id=req.envelope_id))
            self._acknowledged(asyncio.get_running_loop().time() - came)
        finally:
            self._taking.discard(task)

    async def close(self) -> None:
        """What is dead may not close, and need not. What is not acknowledged comes again."""
        self.client.socket_mode_request_listeners.clear()
        if self._taking:
            await asyncio.wait(self._taking, timeout=CLOSES_WITHIN)
        with suppress(Exception):
            await asyncio.wait_for(self.close_async(), CLOSES_WITHIN)  # type: ignore[no-untyped-call]
