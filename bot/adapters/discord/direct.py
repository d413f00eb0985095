"""What members say to the bot alone: an answer to the question they were reminded of last.

Direct messages need no privileged intent. What is said below a reminder while the bot is away is read later, as long as
its round is not revealed (`gaps`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

import discord

from bot.adapters.discord import failures
from bot.adapters.discord.attachments import Draw, Outgoing, all_outgoing, taken
from bot.adapters.discord.ids import guild_of, member_id, user_of
from bot.adapters.discord.interactions import STRANGER, member_in, named_here
from bot.adapters.discord.messages import typed
from bot.adapters.discord.messenger import nonce, view_of
from bot.core import asking
from bot.core.card import Card
from bot.core.cards import line
from bot.core.model import ChannelId, MemberId, MessageRef, Place, Told, Why, platform_of
from bot.core.ports import StoreError
from bot.studybot import StudyBot

log = logging.getLogger(__name__)

READ_AT_MOST: Final = 100
"""Messages below a reminder that are read after a gap, the oldest first."""

_NOBODY: Final = discord.AllowedMentions.none()
_UNASKED: Final = asking.said(
    "Not counted",
    line("Here you answer what I remind you of. Say /nnquestion me show:remind value:08:30 in a channel with a drill."),
)

_UNKEPT: Final = asking.refused("Something went wrong here, and this was not kept. Please say it again.")


class Direct:
    """Hears what is said in direct messages, and answers there."""

    def __init__(
        self, bot: StudyBot, clock: Callable[[], datetime], draw: Draw, *, marked: Callable[[Told], None]
    ) -> None:
        """`marked` is told what counts now, and what does not any more: an answer may have been given elsewhere."""
        self._bot = bot
        self._clock = clock
        self._draw = draw
        self._marked = marked

    async def heard(self, client: discord.Client, message: discord.Message) -> None:
        """A member wrote to the bot, or edited what they wrote."""
        text = typed(client, message)
        if text is None:
            return
        what = _named(message)
        try:
            await self._heard(client, message, text, what)
        except StoreError as problem:  # Discord does not tell of it again.
            log.error("what was said to the bot alone could not be kept: %s", problem)
            await self._tell(message.channel, _UNKEPT, f"{what}/unkept")

    async def _heard(self, client: discord.Client, message: discord.Message, text: str, what: str) -> None:
        found = await self._speaker(message.author.id, what)
        if found is None:
            await self._tell(message.channel, _UNASKED, f"{message.id}")
            return
        speaker, channel = found
        name = message.author.display_name
        try:
            member = await member_in(client, guild_of(speaker), message.author.id)
        except failures.TROUBLE as error:  # What was said counts, however they are called there.
            log.info("no telling how %s is called (%s)", speaker, failures.in_words(error))
        else:
            if member is None:
                await self._tell(message.channel, asking.refused(STRANGER), what)
                return
            name = member.display_name
        at = message.edited_at or message.created_at
        told, card = await self._bot.direct(speaker, name, what, text, at, self._clock())
        await self._answer(message.channel, told, card, channel, what)

    async def missed(self, client: discord.Client, reminder: MessageRef) -> None:
        """Hear what was said below a reminder while the bot was away. Raises StoreError, discord.DiscordException."""
        user = user_of(reminder.place.channel)
        assert user is not None, "a reminder is in somebody's direct messages"
        where = await client.create_dm(discord.Object(user))
        after = discord.Object(int(reminder.message))
        async for message in where.history(limit=READ_AT_MOST, after=after, oldest_first=True):
            text, what = typed(client, message), _named(message)
            if text is not None and message.author.id == user and not await self._has_heard(user, what):
                await self._heard(client, message, text, what)

    async def _has_heard(self, user: int, what: str) -> bool:
        found = await self._speaker(user, what)
        return found is not None and await self._bot.has_heard(found[0], what)

    async def gone(self, client: discord.Client, channel: int, messages: Iterable[int]) -> None:
        """Direct messages were deleted: what counted of them is withdrawn."""
        try:
            there = await client.fetch_channel(channel)  # Nothing tells with whom, and no cache holds it.
        except (*failures.TROUBLE, discord.InvalidData) as error:
            log.info("no telling whose direct messages %s are (%s)", channel, failures.in_words(error))
            return
        if not isinstance(there, discord.DMChannel) or there.recipient is None:
            return
        for message in messages:
            what, now = f"{message}/deleted", self._clock()
            found = await self._speaker(there.recipient.id, what)
            known = await self._bot.member(found[0]) if found is not None else None
            if found is not None and known is not None:  # Who is not known has nothing to withdraw.
                told, card = await self._bot.direct(known.id, known.name, what, "", now, now)
                await self._answer(there, told, card, found[1], what)

    async def _speaker(self, user: int, what: str) -> tuple[MemberId, ChannelId] | None:
        """As which member, and about which channel, a person says something: they may be in several servers."""
        groups = {drill.group for drill in await self._bot.drills() if platform_of(drill.channel) == "discord"}
        return await self._bot.speaker([member_id(guild_of(group), user) for group in groups], what)

    async def _answer(
        self, where: discord.abc.Messageable, told: Told, card: Card, channel: ChannelId, what: str
    ) -> None:
        self._marked(told)
        if told.why is not Why.TALK:
            await self._tell(where, named_here(card, channel), what)

    async def _tell(self, where: discord.abc.Messageable, card: Card, what: str) -> None:
        """Answer in the conversation. The same is answered once, as long as Discord knows the nonce."""
        place = Place(channel=ChannelId("direct"))
        for number, message in enumerate(await all_outgoing(card, self._draw)):
            once = nonce(place, f"{what}/{number}")

            async def post(one: Outgoing, once: str = once) -> discord.Message:
                return await where.send(
                    embed=one.embed,
                    files=one.attached,
                    view=view_of(one.message.buttons),
                    nonce=once,
                    allowed_mentions=_NOBODY,
                )

            try:
                await taken(message, post)
            except failures.TROUBLE as error:
                log.info("a direct message could not be answered (%s)", failures.in_words(error))
                return


def _named(message: discord.Message) -> str:
    """What was said, by what it is: another form of a message is another thing."""
    return f"{message.id}/{message.edited_at.isoformat() if message.edited_at is not None else ''}"
