"""The connection to Discord: discord.py's client, with what it leaves to whoever uses it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import discord
import yarl
from discord.gateway import DiscordWebSocket, ReconnectWebSocket
from discord.shard import Shard

from bot.adapters.discord import failures

if TYPE_CHECKING:
    from bot.adapters.discord.client import Discord

log = logging.getLogger(__name__)

FINISHES_WITHIN: Final = 5
"""Seconds that the handling of events in hand gets at the end."""


def point(api: str, gateway: str) -> None:
    """Have discord.py talk to other addresses, for tests; where one is empty, it stays as it is.

    discord.py keeps both as attributes of its classes, so this holds for all clients of the process.
    """
    if api:
        discord.http.Route.BASE = api.rstrip("/")
    if gateway:
        DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway)


class StudyClient(discord.AutoShardedClient):
    """The connection. Whatever starts it, `starting` has run before the first event; `ending` runs after the last."""

    def __init__(
        self,
        adapter: Discord,
        intents: discord.Intents,
        *,
        starting: Callable[[], Awaitable[None]],
        ending: Callable[[], Awaitable[None]],
        shard_count: int | None,
    ) -> None:
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False  # Nobody speaks here.
        super().__init__(
            intents=intents,
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,  # Edits and deletions are taken raw; nothing needs a cache of messages.
            max_ratelimit_timeout=30.0,  # Longer waits are the deliveries' affair.
            chunk_guilds_at_startup=False,
            member_cache_flags=discord.MemberCacheFlags.none(),
            shard_count=shard_count,
            guild_ready_timeout=adapter.guilds_within,
            http_trace=adapter.watch.trace,
        )
        self._adapter = adapter
        self._starting, self._ending = starting, ending
        self.handling: set[asyncio.Task[None]] = set()
        """Events that are being handled."""
        self.closing = False
        """Whether nothing new is taken on: an interaction is left to another copy, which hears of it, too."""
        self._leaving = False

    def _get_state(self, **options: Any) -> Any:
        state = super()._get_state(**options)
        ready = state.parsers["READY"]

        def with_shard(data: Any) -> None:
            data.setdefault("shard", [0, 1])  # A server that knows of no shards leaves it out; discord.py needs it.
            ready(data)

        state.parsers["READY"] = with_shard
        return state

    async def setup_hook(self) -> None:
        if self.shard_count is None:  # Else somebody has said where to connect to, and how often.
            with contextlib.suppress(KeyError):  # A server may leave out what limits it does not have.
                limits = await self.fetch_session_start_limits()
                if not limits.remaining:  # Discord resets the token of whoever goes on.
                    raise failures.SessionsSpent(timedelta(seconds=limits.reset_after))
        await self._starting()
        await self._adapter.sync_commands(self)

    async def launch_shard(self, gateway: yarl.URL, shard_id: int, *, initial: bool = False) -> None:
        # discord.py's own waits 5 s after each failure and tries again for ever, with a traceback each time.
        # Here a failure ends the connection, and whoever began it decides when to begin it anew.
        socket = await self._session(gateway, shard_id, initial=initial)
        shard = Shard(socket, self, self._AutoShardedClient__queue.put_nowait)  # type: ignore[attr-defined]
        self._AutoShardedClient__shards[shard_id] = shard  # type: ignore[attr-defined]
        shard.launch()

    async def _session(self, gateway: yarl.URL, shard_id: int, *, initial: bool) -> DiscordWebSocket:
        """A connection that Discord has accepted; without the Message Content intent where it is not granted."""
        while True:
            try:
                async with asyncio.timeout(self.shard_connect_timeout):
                    socket = await DiscordWebSocket.from_client(
                        self, initial=initial, gateway=gateway, shard_id=shard_id
                    )
                    while socket.session_id is None:
                        await socket.poll_event()
                    return socket
            except ReconnectWebSocket:
                initial = False
            except discord.ConnectionClosed as closed:
                if not (failures.intent_refused(closed) and self.intents.message_content):
                    raise
                log.warning(
                    "Discord does not grant the Message Content intent: answers come by form and by “Submit as my"
                    " answer” until it is switched on in the developer portal (Bot > Privileged Gateway Intents)"
                )
                self._connection._intents.message_content = initial = False

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        if not initial:
            await asyncio.sleep(self._adapter.between_sessions)

    def _schedule_event(
        self, coro: Callable[..., Coroutine[Any, Any, Any]], event_name: str, *args: Any, **kwargs: Any
    ) -> asyncio.Task[None]:
        task = super()._schedule_event(coro, event_name, *args, **kwargs)
        self.handling.add(task)
        task.add_done_callback(self.handling.discard)
        return task

    async def close(self) -> None:
        self.closing = True
        await self._finish()
        self._leaving = True
        if not self._adapter.goes_on:
            await self._ending()  # First, so that messages in hand are still sent.
        if hasattr(self, "_AutoShardedClient__queue"):  # One that was never started has nothing to close, and no queue.
            await super().close()
        await self._finish()

    async def _finish(self) -> None:
        if self.handling:
            await asyncio.wait(self.handling, timeout=FINISHES_WITHIN)

    async def on_shard_ready(self, shard_id: int) -> None:
        self._adapter.heard_by(shard_id)
        await self._adapter.connected(self, shard_id)

    async def on_shard_disconnect(self, shard_id: int) -> None:
        self._adapter.deaf_by(shard_id)
        await self._adapter.gaps.away(shard_id)

    async def on_shard_resumed(self, shard_id: int) -> None:
        self._adapter.heard_by(shard_id)
        await self._adapter.gaps.back(shard_id)  # What was missed has been played again before this.

    async def on_guild_unavailable(self, guild: discord.Guild) -> None:
        await self._adapter.gaps.down(guild.id)

    async def on_guild_available(self, guild: discord.Guild) -> None:
        self._adapter.gaps.up_again(self, guild.id)

    async def on_message(self, message: discord.Message) -> None:
        await self._adapter.heard(self, message)

    async def on_raw_message_edit(self, event: discord.RawMessageUpdateEvent) -> None:
        # Opening a thread and unfurling a link update a message, too; the core sees that its words are the same. In
        # direct messages every one is answered, so there it must not even be heard.
        if event.guild_id is None and event.message.edited_at is None:
            return
        await self._adapter.heard(self, event.message)

    async def on_raw_message_delete(self, event: discord.RawMessageDeleteEvent) -> None:
        await self._adapter.gone(self, event.guild_id, event.channel_id, [event.message_id])

    async def on_raw_bulk_message_delete(self, event: discord.RawBulkMessageDeleteEvent) -> None:
        await self._adapter.gone(self, event.guild_id, event.channel_id, event.message_ids)

    async def on_raw_thread_delete(self, event: discord.RawThreadDeleteEvent) -> None:
        await self._adapter.thread_gone(event.guild_id, event.parent_id, event.thread_id)

    async def on_guild_join(self, guild: discord.Guild) -> None:
        await self._adapter.joined(guild)

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        await self._adapter.left(guild)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        if self.closing:  # Once the database is closed it could only be told that something went wrong.
            log.info("an interaction came while the program stops, and is left to another copy")
            return
        await self._adapter.interactions.take(interaction)

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:
        if self._leaving:  # What is read again after the next start is not lost.
            log.info("Discord event %s was not handled before the end", event_method)
            return
        log.exception("Discord event %s could not be handled", event_method)
