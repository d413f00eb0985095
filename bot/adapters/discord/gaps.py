"""Gaps in what the bot hears: which channels may have been spoken in unheard, and reading their threads again, and what
members replied to reminders.

A round does not close while something may be missing. Events carry no id, so what was heard before is known by what
it is (channel, message, edit stamp), and all that is found is handed in.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import datetime
from typing import Final

import discord

from bot.adapters.discord import failures
from bot.adapters.discord.ids import guild_of
from bot.adapters.discord.messages import messages_of, said
from bot.beside import Beside
from bot.core.answering import Deleted, Said
from bot.core.model import (
    ChannelId,
    MessageRef,
    Place,
    Round,
    RoundState,
    Source,
    platform_of,
)
from bot.core.ports import StoreError
from bot.studybot import StudyBot

log = logging.getLogger(__name__)

READ_AT_MOST: Final = 1_000
"""Messages of a thread that are read after a gap, latest first."""

_LIVE: Final = (RoundState.OPEN, RoundState.CLOSED, RoundState.GRADED)


class Gaps:
    """Holds rounds open until what was said in a gap has been read."""

    def __init__(
        self,
        bot: StudyBot,
        clock: Callable[[], datetime],
        *,
        heard: Callable[[Said | Deleted], Awaitable[None]],
        replies: Callable[[discord.Client, MessageRef], Awaitable[None]],
        shards: Callable[[], int],
        pauses: Callable[[], Iterator[float]],
    ) -> None:
        """`heard` takes what was found, `replies` reads what stands below a reminder; `shards` is how many connections
        there are.
        """
        self._bot = bot
        self._clock = clock
        self._heard = heard
        self._replies = replies
        self._shards = shards
        self._pauses = pauses
        self.reading = Beside()
        self._numbers = itertools.count(1)
        self._unread: dict[ChannelId, int] = {}
        """Channels whose threads have still to be read, each with the number of the reading that will do it."""
        self._missed = set[ChannelId]()
        """Channels where something could not be kept, and which will be read again."""
        self._away: set[int] = set()
        self._down: set[int] = set()

    async def hold(self) -> None:
        """At the start: nothing closes before it has been read what was said meanwhile."""
        self._hold(await self._open_channels(), 0)

    async def away(self, shard: int) -> None:
        """A connection broke: what is said now may be heard later, or not at all."""
        self._away.add(shard)
        for channel in await self._open_channels():
            if self.shard_of(channel) == shard:
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

    def connected(self, client: discord.Client, shard: int) -> None:
        """A connection was begun anew: what was said before is read again."""
        self._away.discard(shard)
        self._down |= {guild.id for guild in client.guilds if guild.unavailable}
        self._read_beside(client, lambda channel: self.shard_of(channel) == shard)

    def up_again(self, client: discord.Client, guild: int) -> None:
        """A server is there, perhaps after an outage."""
        if guild in self._down:
            self._down.discard(guild)
            self._read_beside(client, lambda channel: guild_of(channel) == guild)

    def _read_beside(self, client: discord.Client, wanted: Callable[[ChannelId], bool]) -> None:
        self.reading.start(self._catch_up(client, wanted))

    async def _catch_up(self, client: discord.Client, wanted: Callable[[ChannelId], bool]) -> None:
        """Read the threads of open rounds. What was heard before changes nothing, so all of it is handed in."""
        number, held = next(self._numbers), False
        waits = self._pauses()
        while not client.is_closed():
            missed = {channel for channel in self._missed if wanted(channel)}
            self._missed -= missed  # What fails from now on is read again by another.
            self._hold(missed, number)
            try:
                if not held:
                    channels = await self._open_channels()
                    self._hold([channel for channel in {*channels, *self._unread} if wanted(channel)], number)
                    held = True
                if not await self._read_all(client, number):
                    return
            except StoreError as problem:
                log.warning("what was said could not be kept yet: %s", problem)
                self._missed |= missed
            await asyncio.sleep(next(waits))

    async def _read_all(self, client: discord.Client, number: int) -> set[ChannelId]:
        """Read what this reading has to; returns the channels in which something is still to be read."""
        troubled = set[ChannelId]()
        for round_ in await self._open_rounds():
            if self._unread.get(round_.channel) == number and not await self._read(client, round_):
                troubled.add(round_.channel)
        for channel in [one for one, reading in self._unread.items() if reading == number]:
            if channel not in troubled:
                del self._unread[channel]
                self._settle(channel)
        return troubled

    def missed(self, client: discord.Client, channel: ChannelId) -> None:
        """Something that was said could not be kept: it is read again until it can be."""
        if channel not in self._missed:
            self._missed.add(channel)
            self.read(client, channel)

    async def _read(self, client: discord.Client, round_: Round) -> bool:
        """Whether a round's thread, and what stands below its reminders, has been read, or never can be."""
        if not await self._read_replies(client, round_):
            return False
        if round_.sealed or round_.card_deleted:
            return True
        if round_.card is None:  # About to be posted; after a restore it may stand already, and its thread, too.
            return round_.state is not RoundState.OPEN
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

    async def _read_replies(self, client: discord.Client, round_: Round) -> bool:
        read = True
        for reminder in await self._bot.reminders(round_.id):
            try:
                await self._replies(client, reminder)
            except failures.TROUBLE as error:
                for_good = isinstance(error, discord.Forbidden) or failures.gone(error)
                log.warning("%s: replies to a reminder could not be read (%s)", round_.id, failures.in_words(error))
                read = read and for_good
        return read

    async def _read_thread(self, client: discord.Client, round_: Round, place: Place) -> None:
        there = set[str]()
        messages = [message async for message in messages_of(client, place).history(limit=READ_AT_MOST)]
        for message in reversed(messages):
            there.add(str(message.id))
            if (heard := said(client, message, place)) is not None:
                await self._heard(heard)
        answers = await self._bot.answers_in(round_.id)
        counted = {part.id for answer in answers for part in answer.parts if part.source is Source.MESSAGE}
        for message_id in sorted(counted - there):
            await self._look_for(client, round_, int(message_id))

    async def _look_for(self, client: discord.Client, round_: Round, message_id: int) -> None:
        """A part of an answer that was not found: deleted, or far up, or submitted from outside the thread."""
        assert round_.thread is not None
        for place in (round_.thread, Place(channel=round_.channel)):
            try:
                message = await messages_of(client, place).fetch_message(message_id)
            except (discord.NotFound, discord.Forbidden) as error:
                if isinstance(error, discord.Forbidden):
                    return
                continue
            if (heard := said(client, message, place)) is not None:
                await self._heard(heard)
            return
        await self._heard(Deleted(channel=round_.channel, message=str(message_id), at=self._clock()))

    def _hold(self, channels: Iterable[ChannelId], number: int) -> None:
        for channel in channels:
            self._unread[channel] = number
            self._bot.fetching(channel, self._clock())

    def _settle(self, channel: ChannelId) -> None:
        """Let a channel's rounds close, unless something may still be missing."""
        if channel not in self._unread and self.shard_of(channel) not in self._away:
            self._bot.fetched(channel)

    def shard_of(self, channel: ChannelId) -> int:
        return (guild_of(channel) >> 22) % self._shards()

    async def _open_channels(self) -> list[ChannelId]:
        return list(dict.fromkeys(round_.channel for round_ in await self._open_rounds()))

    async def _open_rounds(self) -> list[Round]:
        posted = await self._bot.posted_rounds()
        return [round_ for round_ in posted if round_.state in _LIVE and platform_of(round_.channel) == "discord"]

    def read(self, client: discord.Client, channel: ChannelId) -> None:
        """Something was said in a thread that its round does not know yet: read it, so that nothing is lost."""
        self._read_beside(client, lambda one: one == channel)

    async def is_new(self, thread: Place) -> bool:
        """Whether a thread is that of a round which does not know it yet: Discord's answer may have been lost."""
        if await self._bot.round_at(thread) is not None:
            return False
        card = MessageRef(place=Place(channel=thread.channel), message=str(thread.thread))  # They have one number.
        round_ = await self._bot.round_of_card(card)
        return round_ is not None and round_.state in _LIVE

    def left(self, guild: int) -> None:
        """The bot is in a server no more: there is nothing to read."""
        self._down.discard(guild)
        for channel in [one for one in self._unread if guild_of(one) == guild]:
            del self._unread[channel]
