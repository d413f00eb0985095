"""What goes along with a message: its picture, drawn when it is sent, and text files for whoever asked for them.

Neither ever holds up its words or loses them: what cannot be drawn or is not taken stays behind, and the log says so.
https://docs.discord.com/developers/reference#uploading-files
"""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

import discord

from bot.adapters.discord import failures
from bot.adapters.discord.render import Message, render
from bot.adapters.discord.wording import as_called_here
from bot.core.card import Card, File, Picture
from bot.core.cards import line
from bot.core.suggestions import shortened

log = logging.getLogger(__name__)

T = TypeVar("T")

Draw = Callable[[Picture], Awaitable[bytes]]
"""A picture as PNG."""

PICTURE: Final = "picture.png"
ALT: Final = 1024
"""Of the words that stand for a picture where it is not seen."""

DRAWN_WITHIN: Final = 30.0
"""Seconds of real time; a message waits no longer for its picture."""

UPLOAD: Final = 10 * 2**20
"""Bytes of a message's files: the limit of servers that nobody boosts."""

_PICTURES_SHARE: Final = 2**18


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message with what goes along with it, as it is handed to discord.py; `bare` is the same without that."""

    message: Message
    png: bytes | None = None
    files: tuple[File, ...] = ()

    @property
    def bare(self) -> Outgoing:
        return Outgoing(self.message)

    @property
    def embed(self) -> discord.Embed:
        embed = discord.Embed.from_dict(dict(self.message.embed))
        return embed if self.png is None else embed.set_image(url=f"attachment://{PICTURE}")

    @property
    def attached(self) -> list[discord.File]:
        """Its files, made anew: discord.py reads each once."""
        found = [
            discord.File(io.BytesIO(file.text.encode(errors="replace")), filename=file.name) for file in self.files
        ]
        if self.png is not None:
            alt = self.message.picture.alt if self.message.picture is not None else ""
            found.insert(0, discord.File(io.BytesIO(self.png), filename=PICTURE, description=shortened(alt, ALT)))
        return found


async def outgoing(message: Message, draw: Draw, files: Sequence[File] = ()) -> Outgoing:
    """A message with its picture drawn, if it has one and that can be."""
    if message.picture is None:
        return Outgoing(message, None, tuple(files))
    try:
        async with asyncio.timeout(DRAWN_WITHIN):
            return Outgoing(message, await draw(message.picture), tuple(files))
    except Exception as error:  # Whatever a font or a chart may raise.
        log.warning(
            "the picture “%s” could not be drawn: its message goes without", message.picture.title, exc_info=error
        )
        return Outgoing(message, None, tuple(files))


async def all_outgoing(card: Card, draw: Draw) -> list[Outgoing]:
    """A card for one reader: its messages, the last with its files. What is too large is told of instead."""
    fitting, left = list[File](), UPLOAD - _PICTURES_SHARE
    for file in card.files:
        size = len(file.text.encode(errors="replace"))
        if size > left:
            says = f"{file.name} is too large for Discord, which takes {UPLOAD // 2**20} MiB in all."
            card = replace(card, body=(*card.body, line(says, " Whoever runs me can hand it over.")))
        else:
            fitting.append(file)
            left -= size
    messages = render(as_called_here(card))
    last = len(messages) - 1
    return [await outgoing(one, draw, fitting if number == last else ()) for number, one in enumerate(messages)]


async def taken(one: Outgoing, post: Callable[[Outgoing], Awaitable[T]]) -> tuple[T, Outgoing]:
    """Post a message, without what goes along with it where Discord refuses that; and what of it was taken."""
    if one.png is not None or one.files:
        try:
            return await post(one), one
        except discord.HTTPException as error:
            if not failures.upload_refused(error):
                raise
            log.warning(
                "Discord does not take what goes along with a message (%s): it goes without", failures.in_words(error)
            )
    return await post(one.bare), one.bare
