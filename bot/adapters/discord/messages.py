"""Messages of Discord read into the core's words: where something happened, and what a member said."""

from __future__ import annotations

import logging
from typing import Any

import discord

from bot.adapters.discord import failures
from bot.adapters.discord.ids import channel_id, channel_of, guild_of, member_id
from bot.core.answering import Said
from bot.core.model import Place

log = logging.getLogger(__name__)


async def place_of(client: discord.Client, guild: int, channel: int) -> tuple[Place | None, bool]:
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


def messages_of(client: discord.Client, place: Place) -> discord.PartialMessageable:
    number = int(place.thread) if place.thread is not None else channel_of(place.channel)
    return client.get_partial_messageable(number, guild_id=guild_of(place.channel))


def typed(client: discord.Client, message: discord.Message) -> str | None:
    """The words of a message, as far as they are shown to the bot; None for what people do not type."""
    by_people = message.type in (discord.MessageType.default, discord.MessageType.reply)
    if not by_people or message.author.bot or message.webhook_id is not None:
        return None
    if client.user is None:
        return message.content
    # Without the Message Content intent a mention of the bot is how one is heard.
    return message.content.removeprefix(f"<@{client.user.id}>").lstrip()


def said(client: discord.Client, message: discord.Message, place: Place) -> Said | None:
    """What a member said; None for what people do not type."""
    text = typed(client, message)
    if text is None:
        return None
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
