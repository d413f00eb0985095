"""Discord: what happens in servers, handed to the study bot. It translates, and decides nothing.

Events carry no id, so what happened is known by what it is (channel, message, edit stamp). After a gap the threads of
open rounds are read again, and a round does not close before.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from weakref import WeakValueDictionary

import discord
import yarl
from discord.gateway import DiscordWebSocket, ReconnectWebSocket
from discord.shard import Shard

from bot.adapters.discord import commands, failures
from bot.adapters.discord.ids import channel_id, channel_of, group_id, guild_of, member_id
from bot.adapters.discord.interactions import Interactions
from bot.adapters.discord.messenger import DiscordMessenger
from bot.core.answering import Deleted, Form, Said, Submitted
from bot.core.model import (
    Bank,
    ChannelId,
    DrillState,
    GroupId,
    MessageRef,
    Place,
    Round,
    RoundId,
    RoundState,
    Source,
    Told,
    platform_of,
)
from bot.studybot import StudyBot

log = logging.getLogger(__name__)

MARK: Final = "✅"
"""The reaction on what counts; the card's footer explains it."""

READ_AT_MOST: Final = 1_000
"""Messages of a thread that are read after a gap, latest first."""

FINISHES_WITHIN: Final = 5
"""Seconds that the handling of events in hand gets at the end."""

_COMMANDS: Final = "discord commands"
_LIVE: Final = (RoundState.OPEN, RoundState.CLOSED, RoundState.GRADED)


def point(api: str, gateway: str) -> None:
    """Have discord.py talk to other addresses, for tests; where one is empty, it stays as it is.

    discord.py keeps both as attributes of its classes, so this holds for all clients of the process.
    """
    if api:
        discord.http.Route.BASE = api.rstrip("/")
    if gateway:
        DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway)


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
        )
        self._adapter = adapter
        self._starting, self._ending = starting, ending
        self.handling: set[asyncio.Task[None]] = set()
        """Events that are being handled."""
        self._leaving = False

    async def setup_hook(self) -> None:
        if self.shard_count is None:  # Else somebody has said where to connect to, and how often.
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
            opening = DiscordWebSocket.from_client(self, initial=initial, gateway=gateway, shard_id=shard_id)
            socket = await asyncio.wait_for(opening, timeout=self.shard_connect_timeout)
            try:
                while socket.session_id is None:
                    await asyncio.wait_for(socket.poll_event(), timeout=self.shard_connect_timeout)
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
        await self._finish()
        self._leaving = True
        if not self._adapter.goes_on:
            await self._ending()  # First, so that messages in hand are still sent.
        await super().close()
        await self._finish()

    async def _finish(self) -> None:
        if self.handling:
            await asyncio.wait(self.handling, timeout=FINISHES_WITHIN)

    async def on_shard_ready(self, shard_id: int) -> None:
        await self._adapter.connected(self, shard_id)

    async def on_shard_disconnect(self, shard_id: int) -> None:
        await self._adapter.away(shard_id)

    async def on_shard_resumed(self, shard_id: int) -> None:
        await self._adapter.back(shard_id)  # What was missed has been played again before this.

    async def on_guild_unavailable(self, guild: discord.Guild) -> None:
        await self._adapter.down(guild.id)

    async def on_guild_available(self, guild: discord.Guild) -> None:
        self._adapter.up_again(self, guild.id)

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
        if self._leaving:  # What is read again after the next start is not lost.
            log.info("Discord event %s was not handled before the end", event_method)
            return
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
        self.pauses: Callable[[], Iterator[float]] = failures.pauses
        """Seconds to wait before each next try; begun anew for each trouble."""
        self.guilds_within = 2.0
        """Seconds after the last server that a connection was told of, in which another may come."""
        self.between_sessions = 5.0
        """Seconds that Discord wants between two beginnings of a session."""
        self.goes_on = False
        """Whether something keeps the program going when a connection ends."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._reading: set[asyncio.Task[None]] = set()
        self._marking = WeakValueDictionary[RoundId, asyncio.Lock]()
        self._numbers = itertools.count(1)
        self._unread: dict[ChannelId, int] = {}
        """Channels whose threads have still to be read, each with the number of the reading that will do it."""
        self._away: set[int] = set()
        self._down: set[int] = set()
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
        self.goes_on = True
        waits = self.pauses()
        while True:
            began = asyncio.get_running_loop().time()
            try:
                await self.client.start(token)
                return  # It was closed on purpose.
            except Exception as error:
                if failures.token_refused(error):
                    raise TokenRefused from error
                if asyncio.get_running_loop().time() - began > 600:
                    waits = self.pauses()
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
        for task in self._reading:
            task.cancel()
        await old.close()

    async def sync_commands(self, client: discord.Client) -> None:
        """Tell Discord the commands, but only when they have changed: it counts each that is made."""
        payload = commands.payload()
        digest = f"{client.application_id}/{self._test_guild}/{commands.digest(payload)}"
        if await self._bot.fact(_COMMANDS) == digest or client.application_id is None:
            return
        try:
            if self._test_guild is not None:
                await client.http.bulk_upsert_guild_commands(client.application_id, self._test_guild, payload)
            await client.http.bulk_upsert_global_commands(client.application_id, payload)
        except discord.HTTPException as error:
            if failures.token_refused(error):
                raise
            log.error("the commands could not be told to Discord (%s); those it knows stay", failures.in_words(error))
            return
        await self._bot.note(_COMMANDS, digest)
        log.info("told Discord %d commands", len(payload))

    async def close(self) -> None:
        """Finish what is being done beside events, such as marks, and leave."""
        self.goes_on = False
        for task in self._reading:
            task.cancel()
        await asyncio.gather(*self._tasks, *self._reading, return_exceptions=True)
        await self.client.close()

    async def idle(self) -> None:
        """Wait until nothing is in hand."""
        while at_work := {*self.client.handling, *self._tasks, *self._reading}:
            await asyncio.wait(at_work)

    # --- gaps -------------------------------------------------------------------------------------------------

    async def hold(self) -> None:
        """At the start: nothing closes before it has been read what was said meanwhile."""
        self._hold(await self._open_channels(), 0)

    async def away(self, shard: int) -> None:
        """A connection broke: what is said now may be heard later, or not at all."""
        self._away.add(shard)
        for channel in await self._open_channels():
            if self._shard_of(channel) == shard:
                self._bot.fetching(channel, self._clock())

    async def back(self, shard: int) -> None:
        """A connection was resumed, and nothing is missing."""
        self._away.discard(shard)
        for channel in await self._open_channels():
            self._settle(channel)

    async def down(self, guild: int) -> None:
        """A server has an outage."""
        self._down.add(guild)
        self._hold([channel for channel in await self._open_channels() if guild_of(channel) == guild], 0)

    async def connected(self, client: discord.Client, shard: int) -> None:
        """A connection was begun anew: what was said before is read again, and who removed the bot is seen."""
        self._away.discard(shard)
        self._down |= {guild.id for guild in client.guilds if guild.unavailable}
        self._read_beside(client, lambda channel: self._shard_of(channel) == shard)
        for drill in await self._bot.drills():
            group = drill.group
            if platform_of(drill.channel) != "discord" or drill.state is DrillState.OFF:
                continue
            if self._shard_of(drill.channel) == shard and client.get_guild(guild_of(group)) is None:
                await self._look_whether_left(client, group)

    async def _look_whether_left(self, client: discord.Client, group: GroupId) -> None:
        """A server that was not named at the beginning: perhaps it comes yet, so it is asked for by its number."""
        try:
            await client.fetch_guild(guild_of(group), with_counts=False)
        except failures.TROUBLE as error:
            if failures.left(error):
                log.info("%s has removed the bot meanwhile", group)
                await self._bot.left(group)

    def up_again(self, client: discord.Client, guild: int) -> None:
        """A server is there, perhaps after an outage."""
        if guild in self._down:
            self._down.discard(guild)
            self._read_beside(client, lambda channel: guild_of(channel) == guild)

    def _read_beside(self, client: discord.Client, wanted: Callable[[ChannelId], bool]) -> None:
        _keep(self._reading, self._catch_up(client, wanted))

    async def _catch_up(self, client: discord.Client, wanted: Callable[[ChannelId], bool]) -> None:
        """Read the threads of open rounds. What was heard before changes nothing, so all of it is handed in."""
        number = next(self._numbers)
        channels = await self._open_channels()
        self._hold([channel for channel in {*channels, *self._unread} if wanted(channel)], number)
        waits = self.pauses()
        while not client.is_closed():
            troubled = set[ChannelId]()
            for round_ in await self._open_rounds():
                if self._unread.get(round_.channel) == number and not await self._read(client, round_):
                    troubled.add(round_.channel)
            for channel in [one for one, reading in self._unread.items() if reading == number]:
                if channel not in troubled:
                    del self._unread[channel]
                    self._settle(channel)
            if not troubled:
                return
            await asyncio.sleep(next(waits))

    async def _read(self, client: discord.Client, round_: Round) -> bool:
        """Whether a round's thread has been read, or never can be."""
        if round_.sealed or round_.card is None or round_.card_deleted:
            return True
        if round_.thread is None:  # It is about to be opened, or is there already and not yet known.
            return False
        try:
            await self._read_thread(client, round_, round_.thread)
        except discord.Forbidden as error:
            log.warning("%s: its thread may not be read (%s)", round_.id, failures.in_words(error))
        except failures.TROUBLE as error:
            if not failures.gone(error):
                log.warning("%s: its thread could not be read yet (%s)", round_.id, failures.in_words(error))
                return False
            await self._bot.thread_deleted(round_.id, self._clock())
        return True

    async def _read_thread(self, client: discord.Client, round_: Round, place: Place) -> None:
        there = set[str]()
        messages = [message async for message in _messages_of(client, place).history(limit=READ_AT_MOST)]
        for message in reversed(messages):
            there.add(str(message.id))
            said = _said(client, message, place)
            if said is not None:
                await self._answer(said)
        answers = await self._bot.answers_in(round_.id)
        counted = {part.id for answer in answers for part in answer.parts if part.source is Source.MESSAGE}
        for message_id in sorted(counted - there):
            await self._look_for(client, round_, int(message_id))

    async def _look_for(self, client: discord.Client, round_: Round, message_id: int) -> None:
        """A part of an answer that was not found: deleted, or far up, or submitted from outside the thread."""
        assert round_.thread is not None
        for place in (round_.thread, Place(channel=round_.channel)):
            try:
                message = await _messages_of(client, place).fetch_message(message_id)
            except (discord.NotFound, discord.Forbidden) as error:
                if isinstance(error, discord.Forbidden):
                    return
                continue
            said = _said(client, message, place)
            if said is not None:
                await self._answer(said)
            return
        await self._answer(Deleted(channel=round_.channel, message=str(message_id), at=self._clock()))

    def _hold(self, channels: Iterable[ChannelId], number: int) -> None:
        for channel in channels:
            self._unread[channel] = number
            self._bot.fetching(channel, self._clock())

    def _settle(self, channel: ChannelId) -> None:
        """Let a channel's rounds close, unless something may still be missing."""
        if channel not in self._unread and self._shard_of(channel) not in self._away:
            self._bot.fetched(channel)

    def _shard_of(self, channel: ChannelId) -> int:
        return (guild_of(channel) >> 22) % (self.client.shard_count or 1)

    async def _open_channels(self) -> list[ChannelId]:
        return list(dict.fromkeys(round_.channel for round_ in await self._open_rounds()))

    async def _open_rounds(self) -> list[Round]:
        posted = await self._bot.posted_rounds()
        return [round_ for round_ in posted if round_.state in _LIVE and platform_of(round_.channel) == "discord"]

    # --- what members do --------------------------------------------------------------------------------------

    async def heard(self, client: discord.Client, message: discord.Message) -> None:
        """A message was posted or edited."""
        if message.guild is None:
            return
        place, ours = await _place_of(client, message.guild.id, message.channel.id)
        # Outside the bot's threads only what was submitted as an answer matters, once it is edited.
        if place is None or not (ours or (message.edited_at and await self._bot.drill_in(place.channel))):
            return
        said = _said(client, message, place)
        if said is not None and ours and await self._is_new(place):
            self._read_beside(client, lambda channel: channel == place.channel)
        elif said is not None:
            await self._answer(said)

    async def _is_new(self, thread: Place) -> bool:
        """Whether a thread is that of a round which does not know it yet: Discord's answer may have been lost."""
        if await self._bot.round_at(thread) is not None:
            return False
        card = MessageRef(place=Place(channel=thread.channel), message=str(thread.thread))  # They have one number.
        round_ = await self._bot.round_of_card(card)
        return round_ is not None and round_.state in _LIVE

    async def gone(self, client: discord.Client, guild: int | None, channel: int, messages: Iterable[int]) -> None:
        """Messages were deleted: parts of answers, or cards."""
        place = (await _place_of(client, guild, channel))[0] if guild is not None else None
        if place is None or await self._bot.drill_in(place.channel) is None:
            return
        for message in messages:
            await self._answer(Deleted(channel=place.channel, message=str(message), at=self._clock()))
            if round_ := await self._bot.round_of_card(MessageRef(place=place, message=str(message))):
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
            _keep(self._tasks, self._mark(told))

    async def _mark(self, told: Told) -> None:
        assert told.round is not None
        async with self._marking.setdefault(told.round, asyncio.Lock()):  # In the order in which it happened.
            round_ = await self._bot.round(told.round)
            if round_ is None or round_.thread is None or self.client.user is None:
                return
            places = (round_.thread, Place(channel=round_.channel))
            for message in told.counts_no_more:
                await self._set_mark(places, int(message), on=False)
            for message in told.counts:
                await self._set_mark(places, int(message), on=True)

    async def _set_mark(self, places: Iterable[Place], message_id: int, *, on: bool) -> None:
        """Set one mark, or remove it, in the first of these places that has the message."""
        assert self.client.user is not None
        for place in places:
            message = _messages_of(self.client, place).get_partial_message(message_id)
            try:
                await (message.add_reaction(MARK) if on else message.remove_reaction(MARK, self.client.user))
                return
            except failures.TROUBLE as error:
                log.info("the mark on message %s could not be set (%s)", message_id, failures.in_words(error))
                if not failures.gone(error):
                    return

    # --- servers ----------------------------------------------------------------------------------------------

    async def joined(self, guild: discord.Guild) -> None:
        """Say once how to begin, where the server wants such words."""
        channel = guild.system_channel
        if channel is None or (guild.me is not None and not channel.permissions_for(guild.me).send_messages):
            return
        try:
            await channel.send(
                "Hello. I post a neural-network question a day, and grade what you answer. To begin, somebody who"
                " manages this server says `/nnquestion-admin setup` in the channel for it."
            )
        except failures.TROUBLE as error:
            log.info("no word of welcome in %s (%s)", guild.id, failures.in_words(error))

    async def left(self, guild: discord.Guild) -> None:
        """The bot was removed from a server. An outage is another event, and changes nothing."""
        self._down.discard(guild.id)
        for channel in [one for one in self._unread if guild_of(one) == guild.id]:
            del self._unread[channel]
        await self._bot.left(group_id(guild.id))


def _keep(tasks: set[asyncio.Task[None]], work: Coroutine[Any, Any, None]) -> None:
    """Do this beside everything else, as one of these tasks until it is done."""
    task = asyncio.create_task(work)
    tasks.add(task)

    def done(_: object) -> None:
        tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            log.error("what was done beside events of Discord failed", exc_info=fault)

    task.add_done_callback(done)


async def _place_of(client: discord.Client, guild: int, channel: int) -> tuple[Place | None, bool]:
    """Where something happened, and whether that is a thread that the bot has opened."""
    known = client.get_guild(guild)
    found: Any = known.get_channel_or_thread(channel) if known is not None else None
    if found is None:
        try:
            found = await client.fetch_channel(channel)  # A thread that is archived is not in the cache.
        except (*failures.TROUBLE, discord.InvalidData) as error:
            log.info("no telling where channel %s of server %s is (%s)", channel, guild, failures.in_words(error))
            return None, False
    if isinstance(found, discord.Thread):
        place = Place(channel=channel_id(guild, found.parent_id), thread=str(found.id))
        return place, client.user is not None and found.owner_id == client.user.id
    return Place(channel=channel_id(guild, channel)), False


def _messages_of(client: discord.Client, place: Place) -> discord.PartialMessageable:
    number = int(place.thread) if place.thread is not None else channel_of(place.channel)
    return client.get_partial_messageable(number, guild_id=guild_of(place.channel))


def _said(client: discord.Client, message: discord.Message, place: Place) -> Said | None:
    """What a member said; None for what people do not type."""
    typed = message.type in (discord.MessageType.default, discord.MessageType.reply)
    if not typed or message.author.bot or message.webhook_id is not None:
        return None
    text = message.content
    if client.user is not None:  # Without the Message Content intent a mention of the bot is how one is heard.
        text = text.removeprefix(f"<@{client.user.id}>").lstrip()
    if not text and (message.edited_at is None or not client.intents.message_content):
        return None  # Nothing was said, or what was said is not shown to the bot.
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
