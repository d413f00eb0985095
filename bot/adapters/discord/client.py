"""Discord: what happens in servers, handed to the study bot. It translates, and decides nothing.

Events carry no id, so what happened is known by what it is (channel, message, edit stamp). After a gap the threads of
open rounds are read again, and a round does not close before.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import discord
import yarl

from bot.adapters.discord import commands, failures
from bot.adapters.discord.ids import channel_id, group_id, guild_of, member_id
from bot.adapters.discord.interactions import Interactions
from bot.adapters.discord.messenger import DiscordMessenger
from bot.core.answering import Deleted, Form, Said, Submitted
from bot.core.model import Bank, MessageRef, Place, Round, RoundState, Source, Told, platform_of
from bot.studybot import StudyBot

log = logging.getLogger(__name__)

MARK: Final = "✅"
"""The reaction on what counts; the card's footer explains it."""

API: Final = discord.http.Route.BASE
GATEWAY: Final = str(discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY)

READ_AT_MOST: Final = 1_000
"""Messages of a thread that are read after a gap, latest first."""

_COMMANDS: Final = "discord commands"
_LIVE: Final = (RoundState.OPEN, RoundState.CLOSED, RoundState.GRADED)


def point(api: str, gateway: str) -> None:
    """Have discord.py talk to another address than Discord's, for tests; where nothing is given, to Discord's.

    discord.py keeps both as attributes of its classes, so this holds for all clients of the process.
    """
    discord.http.Route.BASE = api.rstrip("/") if api else API
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway or GATEWAY)


class TokenRefused(Exception):
    """Discord does not take the token, and trying again would only get the address banned."""

    def __init__(self) -> None:
        super().__init__(
            "DISCORD_TOKEN: Discord refuses this token. Copy it anew from the developer portal, under Bot > Reset Token"
        )


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
        super().__init__(
            intents=intents,
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,  # Edits and deletions are taken raw; nothing needs a cache of messages.
            max_ratelimit_timeout=30.0,  # Longer waits are the deliveries' affair.
            chunk_guilds_at_startup=False,
            member_cache_flags=discord.MemberCacheFlags.none(),
            shard_count=shard_count,
        )
        self._adapter = adapter
        self._starting, self._ending = starting, ending

    async def setup_hook(self) -> None:
        limits = await self.fetch_session_start_limits()
        if not limits.remaining:  # Discord resets the token of whoever goes on.
            raise failures.SessionsSpent(timedelta(seconds=limits.reset_after))
        await self._starting()
        await self._adapter.sync_commands(self)

    async def close(self) -> None:
        await super().close()
        await self._ending()

    async def on_ready(self) -> None:
        await self._adapter.catch_up(self)

    async def on_disconnect(self) -> None:
        await self._adapter.hold()

    async def on_resumed(self) -> None:
        await self._adapter.release()  # What was missed has been played again before this.

    async def on_message(self, message: discord.Message) -> None:
        await self._adapter.heard(self, message)

    async def on_raw_message_edit(self, event: discord.RawMessageUpdateEvent) -> None:
        if event.message.edited_at is not None:  # Opening a thread and unfurling a link update a message, too.
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
        await self._adapter.interactions.take(interaction)

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:
        log.exception("Discord event %s could not be handled", event_method)


class Discord:
    """The study bot in Discord servers."""

    def __init__(
        self,
        bot: StudyBot,
        clock: Callable[[], datetime],
        banks: Callable[[], Mapping[str, Bank]],
        *,
        test_guild: int | None = None,
        shard_count: int | None = None,
        starting: Callable[[], Awaitable[None]],
        ending: Callable[[], Awaitable[None]],
    ) -> None:
        self._bot = bot
        self._clock = clock
        self._test_guild = test_guild
        self._shard_count = shard_count
        self._starting, self._ending = starting, ending
        self._tasks: set[asyncio.Task[None]] = set()
        self.interactions = Interactions(bot, clock, banks, marked=self.mark)
        self.client = self._new_client(message_content=True)
        self.messenger = DiscordMessenger(lambda: self.client)

    def _new_client(self, *, message_content: bool) -> StudyClient:
        intents = discord.Intents.none()
        intents.guilds = intents.guild_messages = True
        intents.message_content = message_content
        return StudyClient(self, intents, starting=self._starting, ending=self._ending, shard_count=self._shard_count)

    # --- the connection ---------------------------------------------------------------------------------------

    async def run(self, token: str) -> None:
        """Stay connected until cancelled. Raises TokenRefused."""
        waits = failures.pauses()
        while True:
            began = asyncio.get_running_loop().time()
            try:
                await self.client.start(token)
                return  # It was closed on purpose.
            except discord.PrivilegedIntentsRequired:
                log.warning(
                    "Discord does not grant the Message Content intent: answers come by form and by “Submit as my"
                    " answer” until it is switched on in the developer portal (Bot > Privileged Gateway Intents)"
                )
                await self._renew(message_content=False)
            except Exception as error:
                if failures.token_refused(error):
                    raise TokenRefused from error
                if asyncio.get_running_loop().time() - began > 600:
                    waits = failures.pauses()
                asked = failures.asked_wait(error)
                wait = max(next(waits), asked.total_seconds() if asked is not None else 0)
                log.warning(
                    "the connection to Discord failed (%s); trying again in %d s", failures.in_words(error), wait
                )
                await self._renew(message_content=self.client.intents.message_content)
                await asyncio.sleep(wait)

    async def _renew(self, *, message_content: bool) -> None:
        """A client that has failed cannot be started again."""
        old, self.client = self.client, self._new_client(message_content=message_content)
        await discord.AutoShardedClient.close(old)

    async def sync_commands(self, client: discord.Client) -> None:
        """Tell Discord the commands, but only when they have changed: it counts each that is made."""
        payload = commands.payload()
        digest = f"{client.application_id}/{self._test_guild}/{commands.digest(payload)}"
        if await self._bot.fact(_COMMANDS) == digest or client.application_id is None:
            return
        if self._test_guild is not None:
            await client.http.bulk_upsert_guild_commands(client.application_id, self._test_guild, payload)
        await client.http.bulk_upsert_global_commands(client.application_id, payload)
        await self._bot.note(_COMMANDS, digest)
        log.info("told Discord %d commands", len(payload))

    async def close(self) -> None:
        """Finish what is being done beside events, such as marks, and leave."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.client.close()

    # --- gaps -------------------------------------------------------------------------------------------------

    async def hold(self) -> None:
        """Nothing closes while events may be missing."""
        for round_ in await self._open_rounds():
            self._bot.fetching(round_.channel, self._clock())

    async def release(self) -> None:
        """Nothing is missing any more."""
        for round_ in await self._open_rounds():
            self._bot.fetched(round_.channel)

    async def catch_up(self, client: discord.Client) -> None:
        """Read the threads of open rounds again. What was heard before changes nothing, so all of it is handed in."""
        await self.hold()
        for round_ in await self._open_rounds():
            try:
                if round_.thread is not None and not round_.sealed:
                    await self._read_thread(client, round_)
                self._bot.fetched(round_.channel)
            except discord.NotFound:
                await self._bot.thread_deleted(round_.id, self._clock())
                self._bot.fetched(round_.channel)
            except failures.TROUBLE as error:
                log.warning("%s: its thread could not be read again (%s)", round_.id, failures.in_words(error))

    async def _read_thread(self, client: discord.Client, round_: Round) -> None:
        assert round_.thread is not None
        assert round_.thread.thread is not None
        thread = client.get_partial_messageable(int(round_.thread.thread), guild_id=guild_of(round_.channel))
        there = set[str]()
        messages = [message async for message in thread.history(limit=READ_AT_MOST)]
        for message in reversed(messages):
            there.add(str(message.id))
            said = _said(client, message, round_.thread)
            if said is not None:
                await self._answer(said)
        if len(messages) == READ_AT_MOST:
            return  # Older ones may stand further up; nothing says that they are gone.
        answers = await self._bot.answers_in(round_.id)
        counted = {part.id for answer in answers for part in answer.parts if part.source is Source.MESSAGE}
        for message_id in sorted(counted - there):
            await self._answer(Deleted(channel=round_.channel, message=message_id, at=self._clock()))

    async def _open_rounds(self) -> list[Round]:
        posted = await self._bot.posted_rounds()
        return [round_ for round_ in posted if round_.state in _LIVE and platform_of(round_.channel) == "discord"]

    # --- what members do --------------------------------------------------------------------------------------

    async def heard(self, client: discord.Client, message: discord.Message) -> None:
        """A message was posted or edited."""
        place = await _thread_of(client, message)
        if place is not None and (said := _said(client, message, place)) is not None:
            await self._answer(said)

    async def gone(self, client: discord.Client, guild: int | None, channel: int, messages: Iterable[int]) -> None:
        """Messages were deleted: parts of answers, or cards."""
        if guild is None:
            return
        thread = client.get_channel(channel)
        parent = thread.parent_id if isinstance(thread, discord.Thread) else channel
        place = channel_id(guild, parent)
        for message in messages:
            if parent != channel:
                await self._answer(Deleted(channel=place, message=str(message), at=self._clock()))
            elif round_ := await self._bot.round_of_card(MessageRef(place=Place(channel=place), message=str(message))):
                await self._bot.card_deleted(round_.id)

    async def thread_gone(self, guild: int, parent: int, thread: int) -> None:
        """A thread was deleted."""
        round_ = await self._bot.round_at(Place(channel=channel_id(guild, parent), thread=str(thread)))
        if round_ is not None:
            await self._bot.thread_deleted(round_.id, self._clock())

    async def _answer(self, happened: Said | Deleted | Form | Submitted) -> None:
        self.mark(await self._bot.answer(happened, self._clock()))

    def mark(self, told: Told) -> None:
        """Put the mark on what counts now, and take it off what does not. Best effort, beside everything else."""
        if told.round is not None and (told.counts or told.counts_no_more):
            self._beside(self._mark(told))

    async def _mark(self, told: Told) -> None:
        assert told.round is not None
        round_ = await self._bot.round(told.round)
        if round_ is None or round_.thread is None or round_.thread.thread is None or self.client.user is None:
            return
        thread = self.client.get_partial_messageable(int(round_.thread.thread), guild_id=guild_of(round_.channel))
        try:
            for message in told.counts_no_more:
                await thread.get_partial_message(int(message)).remove_reaction(MARK, self.client.user)
            for message in told.counts:
                await thread.get_partial_message(int(message)).add_reaction(MARK)
        except failures.TROUBLE as error:
            log.info("%s: a mark could not be set (%s)", told.round, failures.in_words(error))

    def _beside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- servers ----------------------------------------------------------------------------------------------

    async def joined(self, guild: discord.Guild) -> None:
        """Say once how to begin, where the server wants such words."""
        channel = guild.system_channel
        if channel is None or not channel.permissions_for(guild.me).send_messages:
            return
        try:
            await channel.send(
                "Hello. I post a neural-network question a day, and grade what you answer. To begin, somebody who"
                " manages this server says `/nnquestion-admin setup` in the channel for it."
            )
        except discord.HTTPException as error:
            log.info("no word of welcome in %s (%s)", guild.id, failures.in_words(error))

    async def left(self, guild: discord.Guild) -> None:
        """The bot was removed from a server. An outage is another event, and changes nothing."""
        await self._bot.left(group_id(guild.id))


async def _thread_of(client: discord.Client, message: discord.Message) -> Place | None:
    """The place of a message in a thread that the bot has opened; None for all else."""
    if message.guild is None or client.user is None:
        return None
    channel: Any = message.channel
    if isinstance(channel, discord.PartialMessageable):  # A thread that was archived is not in the cache.
        channel = await client.fetch_channel(channel.id)
    if not isinstance(channel, discord.Thread) or channel.owner_id != client.user.id:
        return None
    return Place(channel=channel_id(message.guild.id, channel.parent_id), thread=str(channel.id))


def _said(client: discord.Client, message: discord.Message, place: Place) -> Said | None:
    """What a member said; None for what people do not type."""
    typed = message.type in (discord.MessageType.default, discord.MessageType.reply)
    if not typed or message.author.bot or message.webhook_id is not None:
        return None
    text = message.content
    if client.user is not None:  # Without the Message Content intent a mention of the bot is how one is heard.
        text = text.removeprefix(f"<@{client.user.id}>").lstrip()
    if not text:
        return None
    guild = guild_of(place.channel)
    replied = message.reference.resolved if message.reference is not None else None
    to = replied.author if isinstance(replied, discord.Message) else None
    other = to is not None and not to.bot and to.id != message.author.id
    return Said(
        place=place,
        message=str(message.id),
        member=member_id(guild, message.author.id),
        name=message.author.display_name,
        text=text,
        said_at=message.created_at,
        edited_at=message.edited_at,
        reply_to=member_id(guild, to.id) if other and to is not None else None,
    )
