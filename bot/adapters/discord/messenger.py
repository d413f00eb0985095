"""Discord as a messenger: where the bot's deliveries go.

Nothing is looked up in discord.py's cache, so a message is one request, whatever the gateway is doing.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import discord

from bot.adapters.discord import failures
from bot.adapters.discord.attachments import Draw, Outgoing, outgoing, taken
from bot.adapters.discord.ids import button_id, channel_of, guild_of, user_of
from bot.adapters.discord.render import Message, render
from bot.adapters.discord.wording import as_called_here
from bot.core.card import Button, Card, Press, reference
from bot.core.model import MessageRef, Place
from bot.core.ports import DeliveryError, Failure
from bot.core.shown import on_one_line

LOOKED_THROUGH: Final = 200
"""Messages of a place, latest first, among which a reference is looked for: two pages of Discord's."""

THREAD_NAME: Final = 100
"""Discord's limit. UTF-16 units, as counted here, are never fewer than what it counts."""

HIDDEN_AFTER: Final = 4320
"""Minutes without a message after which a thread leaves the list of channels: three days."""

_A_ROW: Final = 5
_NOBODY: Final = discord.AllowedMentions.none()


class DiscordMessenger:
    """Posts cards in channels, threads and, where a place is a member, direct messages."""

    def __init__(self, client: Callable[[], discord.Client], draw: Draw) -> None:
        """`client` is asked for anew for each request: after a failure of the gateway it is another one."""
        self._client = client
        self._draw = draw

    def parts(self, card: Card) -> int:
        return len(render(as_called_here(card)))

    async def send(self, place: Place, card: Card, *, part: int, key: str) -> MessageRef:
        whole = await outgoing(_part(card, part, key), self._draw)
        with self._asking(place) as client:
            channel = await _channel(client, place)

            async def post(one: Outgoing) -> discord.Message:
                return await channel.send(
                    embed=one.embed,
                    files=one.attached,
                    view=view_of(one.message.buttons),
                    nonce=nonce(place, key),
                    allowed_mentions=_NOBODY,
                )

            posted, _ = await taken(whole, post)
        return MessageRef(place=place, message=str(posted.id))

    async def edit(self, ref: MessageRef, card: Card, *, part: int, key: str) -> None:
        # A picture goes along anew: what an embed shows and what is attached to its message must not come apart.
        whole = await outgoing(_part(card, part, key), self._draw)
        with self._asking(ref.place) as client:
            posted = (await _channel(client, ref.place)).get_partial_message(int(ref.message))

            async def put(one: Outgoing) -> discord.Message:
                return await posted.edit(
                    embed=one.embed,
                    attachments=one.attached,
                    view=view_of(one.message.buttons),
                    allowed_mentions=_NOBODY,
                )

            await _awake(client, ref.place, lambda: taken(whole, put))

    async def find(self, place: Place, *, key: str) -> list[MessageRef]:
        found = []
        with self._asking(place) as client:
            async for message in (await _channel(client, place)).history(limit=LOOKED_THROUGH):
                if client.user is not None and message.author.id == client.user.id and _carries(message, key):
                    found.append(MessageRef(place=place, message=str(message.id)))
        return found[::-1]

    async def delete(self, ref: MessageRef) -> None:
        with self._asking(ref.place) as client:
            posted = (await _channel(client, ref.place)).get_partial_message(int(ref.message))
            try:
                await _awake(client, ref.place, posted.delete)
            except discord.NotFound as error:
                if not failures.gone(error):
                    raise

    async def open_thread(self, ref: MessageRef, title: str) -> Place:
        # The thread of a message has its number. https://docs.discord.com/developers/resources/channel
        thread = Place(channel=ref.place.channel, thread=ref.message)
        with self._asking(ref.place) as client:
            try:
                await client.http.start_thread_with_message(
                    channel_of(ref.place.channel),
                    int(ref.message),
                    name=thread_name(title),
                    auto_archive_duration=HIDDEN_AFTER,
                )
            except discord.HTTPException as error:
                if not failures.has_thread(error):
                    raise
            else:
                return thread
        with self._asking(thread) as client:  # A message that has had a thread gets no other, even if it was deleted.
            await client.http.get_channel(int(ref.message))
        return thread

    @contextmanager
    def _asking(self, place: Place) -> Iterator[discord.Client]:
        """The client for a request about a place; what goes wrong with it is told as the port wants it."""
        client = self._client()
        if client.user is None or client.is_closed():
            raise DeliveryError(Failure.NOT_SENT, "the bot is not signed in to Discord")
        try:
            yield client
        except Exception as error:
            if client.is_closed():
                raise DeliveryError(Failure.UNCLEAR, "the connection was given up meanwhile") from error
            raise failures.failure_of(error, place) from error


def view_of(buttons: Sequence[Button]) -> discord.ui.View:
    """A card's buttons, in rows of five. discord.py does not wait for them: who presses one is told by its id alone."""
    view = discord.ui.View(timeout=None)
    for number, button in enumerate(buttons):
        leads = button.press is Press.ANSWER
        view.add_item(
            discord.ui.Button(
                style=discord.ButtonStyle.primary if leads else discord.ButtonStyle.secondary,
                label=button.label,
                custom_id=button_id(button.press, button.about),
                row=number // _A_ROW,
            )
        )
    view.stop()
    return view


def nonce(place: Place, key: str) -> str:
    """What makes Discord answer with the message it has, if it was sent this within the last minutes.

    The same key goes to another place when a thread is gone, and is another message there.
    """
    digest = hashlib.sha256(f"{place.thread or place.channel} {key}".encode()).digest()
    return base64.b32encode(digest).decode()[:25]


def thread_name(title: str) -> str:
    """A title on one line, no longer than a thread's name may be."""
    name = on_one_line(title).strip() or "…"
    if _units(name) <= THREAD_NAME:
        return name
    while _units(name) > THREAD_NAME - 1:
        name = name[:-1]
    return name.rstrip() + "…"


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _part(card: Card, part: int, key: str) -> Message:
    return render(as_called_here(card), reference=reference(key))[part - 1]


def _carries(message: discord.Message, key: str) -> bool:
    """Whether a footer ends with the key's reference; what stands anywhere else may be somebody's words."""
    return any((embed.footer.text or "").split()[-2:] == ["ref", reference(key)] for embed in message.embeds)


async def _channel(client: discord.Client, place: Place) -> discord.PartialMessageable | discord.DMChannel:
    """Where the messages of a place are posted, without a request, but for a member's direct messages."""
    user = user_of(place.channel)
    if user is not None:
        return await client.create_dm(discord.Object(user))
    number = int(place.thread) if place.thread is not None else channel_of(place.channel)
    return client.get_partial_messageable(number, guild_id=guild_of(place.channel))


async def _awake(client: discord.Client, place: Place, request: Callable[[], Awaitable[object]]) -> None:
    """Carry out a request; in a thread that is archived, take it up again first.

    If it may not be, since it is locked as well, it stays what it was: archived.
    """
    try:
        await request()
    except discord.HTTPException as error:
        if place.thread is None or not failures.archived(error):
            raise
        try:
            await client.http.edit_channel(int(place.thread), archived=False)
        except discord.Forbidden:
            raise error from None
        await request()
