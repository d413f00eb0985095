"""Discord: what happens in servers, handed to the study bot. It translates, and decides nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final
from weakref import WeakValueDictionary

import discord
from structlog.contextvars import bind_contextvars

from bot.adapters.discord import commands, failures
from bot.adapters.discord.attachments import Draw
from bot.adapters.discord.connection import FINISHES_WITHIN, StudyClient
from bot.adapters.discord.direct import Direct
from bot.adapters.discord.gaps import Gaps
from bot.adapters.discord.ids import channel_id, group_id, guild_of
from bot.adapters.discord.interactions import Interactions
from bot.adapters.discord.messages import messages_of, place_of, said
from bot.adapters.discord.messenger import DiscordMessenger
from bot.beside import Beside
from bot.core.answering import Deleted, Form, Said, Submitted
from bot.core.model import (
    Bank,
    ChannelId,
    DrillState,
    GroupId,
    MessageRef,
    Place,
    RoundId,
    Told,
    group_of,
    platform_of,
)
from bot.core.ports import StoreError
from bot.studybot import StudyBot
from bot.watching import OfPlatform, Unwatched

log = logging.getLogger(__name__)

MARK: Final = "✅"
"""The reaction on what counts; the card's footer explains it."""

_COMMANDS: Final = "discord commands"
_BEGAN: Final = "discord sessions"


class TokenRefused(Exception):
    """Discord does not take the token, and trying again would only get the address banned."""

    def __init__(self) -> None:
        super().__init__(
            "DISCORD_TOKEN: Discord refuses this token. Copy it anew from the developer portal, under Bot > Reset Token"
        )


class Discord:
    """The study bot in Discord servers."""

    def __init__(
        self,
        bot: StudyBot,
        clock: Callable[[], datetime],
        banks: Callable[[], Mapping[str, Bank]],
        draw: Draw,
        *,
        test_guild: int | None = None,
        shard_count: int | None = None,
        starting: Callable[[], Awaitable[None]],
        ending: Callable[[], Awaitable[None]],
        watch: OfPlatform | None = None,
    ) -> None:
        self.watch = watch or Unwatched()
        """Is told of connections, requests and acknowledgements."""
        self._up, self._was_up = set[int](), set[int]()
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
        self._marks = Beside()
        self._marking = WeakValueDictionary[RoundId, asyncio.Lock]()
        self._direct = Direct(bot, clock, draw, marked=self.mark)
        self.gaps = Gaps(
            bot,
            clock,
            heard=self._answer,
            replies=self._direct.missed,
            shards=lambda: self.client.shard_count or 1,
            pauses=lambda: self.pauses(),
        )
        self.interactions = Interactions(
            bot, clock, banks, draw=draw, marked=self.mark, acknowledged=self.watch.acknowledged
        )
        self.client = self._new_client(message_content=True)
        self.messenger = DiscordMessenger(lambda: self.client, draw)

    def _new_client(self, *, message_content: bool) -> StudyClient:
        intents = discord.Intents.none()
        intents.guilds = intents.guild_messages = intents.dm_messages = True
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
                await self._wait_after_many_starts()
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
                    "the connection to Discord failed (%s); trying again in %d s",
                    failures.in_words(error),
                    wait,
                    exc_info=error if failures.row_of(error) is None else None,  # Nobody has thought of it.
                )
                await self._renew(message_content=self.client.intents.message_content)
                await asyncio.sleep(wait)

    async def _wait_after_many_starts(self) -> None:
        """Keep a program that dies and is started again and again from beginning more sessions than Discord bears."""
        if self._shard_count is not None:
            return  # This is not Discord itself, but what a test has put in its place.
        now = self._clock()
        began = [datetime.fromisoformat(each) for each in (await self._bot.fact(_BEGAN) or "").split()]
        wait = failures.wait_to_begin(began, now)
        if wait:
            log.warning("%d sessions with Discord within minutes; beginning the next one in %d s", len(began), wait)
            await asyncio.sleep(wait)
        latest = [*began, now + timedelta(seconds=wait)][-failures.BEGUN_AT_MOST :]
        await self._bot.note(_BEGAN, " ".join(each.isoformat() for each in latest))

    async def _renew(self, *, message_content: bool) -> None:
        """A client that has failed cannot be started again."""
        old, self.client = self.client, self._new_client(message_content=message_content)
        self._up.clear()
        self.gaps.reading.cancel()
        await old.close()

    def heard_by(self, shard: int) -> None:
        """A connection is up: begun, or taken up again."""
        if shard in self._was_up:
            self.watch.reconnected()
        self._up.add(shard)
        self._was_up.add(shard)
        log.info("connected to Discord (shard %d)", shard)

    def deaf_by(self, shard: int) -> None:
        """A connection is gone; discord.py may take it up again."""
        if shard in self._up:
            log.info("the connection to Discord (shard %d) is gone", shard)
        self._up.discard(shard)

    async def trouble(self) -> str:
        """What keeps Discord from being heard; nothing where it is."""
        wanted = self.client.shard_count or 1
        missing = wanted - len(self._up)
        if missing and wanted == 1:
            return "not connected"
        if missing:
            return f"{missing} of {wanted} shards are not connected"
        if not self.client.is_ready():
            return "connected, and still being told of servers"
        return ""

    async def sync_commands(self, client: discord.Client) -> None:
        """Tell Discord the commands, but only when they have changed: it counts each that is made."""
        payload = commands.payload()
        digest = f"{discord.http.Route.BASE}/{client.application_id}/{self._test_guild}/{commands.digest(payload)}"
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
        self.client.closing = True
        self.gaps.reading.cancel()
        if marks := self._marks.tasks:
            await asyncio.wait(marks, timeout=FINISHES_WITHIN)
        self._marks.cancel()  # What Discord does not answer now it may never.
        await asyncio.gather(*self._marks.tasks, *self.gaps.reading.tasks, return_exceptions=True)
        await self.client.close()

    async def idle(self) -> None:
        """Wait until nothing is in hand."""
        while at_work := {*self.client.handling, *self._marks.tasks, *self.gaps.reading.tasks}:
            await asyncio.wait(at_work)

    # --- what members do --------------------------------------------------------------------------------------

    async def heard(self, client: discord.Client, message: discord.Message) -> None:
        """A message was posted or edited."""
        if message.guild is None:
            await self._direct.heard(client, message)
            return
        place, ours = await self._where(client, message.guild.id, message.channel.id)
        # Outside the bot's threads only what was submitted as an answer matters, once it is edited.
        if place is None or not (ours or (message.edited_at and await self._bot.drill_in(place.channel))):
            return
        heard = said(client, message, place)
        bind_contextvars(group=group_of(place.channel), channel=place.channel)  # Each event is a task, with its own.
        if heard is not None and ours and await self.gaps.is_new(place):
            self.gaps.read(client, place.channel)
        elif heard is not None:
            await self._answer_or_again(client, heard, place.channel)

    async def _where(self, client: discord.Client, guild: int, channel: int) -> tuple[Place | None, bool]:
        """Where something happened, and whether that is a thread of a round's, as Discord or the database knows it."""
        known = client.get_guild(guild)
        if known is None or known.get_channel_or_thread(channel) is None:
            for thread in await self._bot.live_threads():
                if thread.thread == str(channel) and guild_of(thread.channel) == guild:
                    return thread, True
        place, ours = await place_of(client, guild, channel)
        if place is not None and place.thread is not None and not ours:
            # In this order: it may become known between the two questions.
            ours = await self.gaps.is_new(place) or await self._bot.round_at(place) is not None
        return place, ours

    async def gone(self, client: discord.Client, guild: int | None, channel: int, messages: Iterable[int]) -> None:
        """Messages were deleted: parts of answers, or cards."""
        if guild is None:
            await self._direct.gone(client, channel, messages)
            return
        place, _ = await self._where(client, guild, channel)
        if place is None or await self._bot.drill_in(place.channel) is None:
            return
        for message in messages:
            deleted = Deleted(channel=place.channel, message=str(message), at=self._clock())
            await self._answer_or_again(client, deleted, place.channel)
            if round_ := await self._bot.round_of_card(MessageRef(place=place, message=str(message))):
                await self._bot.card_deleted(round_.id)

    async def thread_gone(self, guild: int, parent: int, thread: int) -> None:
        """A thread was deleted."""
        round_ = await self._bot.round_at(Place(channel=channel_id(guild, parent), thread=str(thread)))
        if round_ is not None:
            await self._bot.thread_deleted(round_.id, self._clock())

    async def _answer_or_again(self, client: discord.Client, happened: Said | Deleted, channel: ChannelId) -> None:
        """Hand in what happened. Discord does not tell of it again: what cannot be kept now is read later."""
        try:
            await self._answer(happened)
        except StoreError as problem:
            log.error("what was said could not be kept, and is read again: %s", problem)
            self.gaps.missed(client, channel)

    async def _answer(self, happened: Said | Deleted | Form | Submitted) -> None:
        self.mark(await self._bot.answer(happened, self._clock()))

    def mark(self, told: Told) -> None:
        """Put the mark on what counts now, and take it off what does not. Best effort, beside everything else."""
        if told.round is not None and (told.counts or told.counts_no_more):
            self._marks.start(self._mark(told))

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
            message = messages_of(self.client, place).get_partial_message(message_id)
            try:
                await (message.add_reaction(MARK) if on else message.remove_reaction(MARK, self.client.user))
                return
            except failures.TROUBLE as error:
                log.info("the mark on message %s could not be set (%s)", message_id, failures.in_words(error))
                if not failures.gone(error):
                    return

    # --- servers ----------------------------------------------------------------------------------------------

    async def connected(self, client: discord.Client, shard: int) -> None:
        """A connection was begun anew: read what was said meanwhile, and see who has removed the bot."""
        self.gaps.connected(client, shard)
        for drill in await self._bot.drills():
            if platform_of(drill.channel) != "discord" or drill.state is DrillState.OFF:
                continue
            if self.gaps.shard_of(drill.channel) == shard and client.get_guild(guild_of(drill.group)) is None:
                await self._look_whether_left(client, drill.group)

    async def _look_whether_left(self, client: discord.Client, group: GroupId) -> None:
        """A server that was not named at the beginning: perhaps it comes yet, so it is asked for by its number."""
        try:
            await client.fetch_guild(guild_of(group), with_counts=False)
        except failures.TROUBLE as error:
            if failures.left(error):
                log.info("%s has removed the bot meanwhile", group)
                await self._bot.left(group, self._clock())

    async def leave(self, group: GroupId) -> bool:
        """Leave a server; False if that has to be tried again."""
        if self.client.user is None:
            return False
        try:
            await self.client.http.leave_guild(guild_of(group))
        except failures.TROUBLE as error:
            log.warning("%s could not be left (%s)", group, failures.in_words(error))
            return failures.left(error)
        return True

    async def joined(self, guild: discord.Guild) -> None:
        """Say once how to begin, where the server wants such words."""
        if await self._bot.is_blocked(group_id(guild.id)):
            return
        channel = guild.system_channel
        joined = guild.me.joined_at if guild.me is not None else None
        if not await self._bot.first_to_hear(f"discord/joined/{guild.id}/{joined}", self._clock()):
            return
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
        self.gaps.left(guild.id)
        await self._bot.left(group_id(guild.id), self._clock())
