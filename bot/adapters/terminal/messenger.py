"""The room as a messenger: where the bot's deliveries go."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from bot.adapters.terminal.render import render
from bot.adapters.terminal.room import Message, NoSuchMessage, Room, RoomError
from bot.adapters.terminal.saving import Album
from bot.core.card import Card, reference
from bot.core.model import ChannelId, MessageRef, Place
from bot.core.ports import DeliveryError, Failure


class TerminalMessenger:
    """Posts cards in a room. A message here has no limits, so every card is one part."""

    def __init__(self, room: Room, clock: Callable[[], datetime], album: Album) -> None:
        self._room = room
        self._clock = clock
        self._album = album

    def parts(self, card: Card) -> int:
        return 1

    async def send(self, place: Place, card: Card, *, part: int, key: str) -> MessageRef:
        ref = reference(key)
        picture = await self._album.keep(card.picture)
        try:
            said = self._room.say(
                place.channel, render(card, ref), self._clock(), thread=place.thread, nonce=ref, picture=picture
            )
        except NoSuchMessage:
            raise DeliveryError(Failure.THREAD_GONE, f"there is no thread {place.thread}") from None
        except RoomError as problem:
            raise DeliveryError(Failure.NOT_SENT, str(problem)) from problem
        return ref_of(said)

    async def edit(self, ref: MessageRef, card: Card, *, part: int, key: str) -> None:
        try:
            self._room.edit(ref.message, render(card, reference(key)), self._clock())
        except NoSuchMessage:
            raise DeliveryError(Failure.MESSAGE_GONE, f"there is no message {ref.message}") from None
        except RoomError as problem:
            raise DeliveryError(Failure.NOT_SENT, str(problem)) from problem

    async def find(self, place: Place, *, key: str) -> list[MessageRef]:
        return [
            ref_of(message)
            for message in self._room.by_nonce(reference(key))
            if message.deleted_at is None and message.channel == place.channel and message.thread == place.thread
        ]

    async def delete(self, ref: MessageRef) -> None:
        try:
            self._room.delete(ref.message, self._clock())
        except NoSuchMessage:
            return
        except RoomError as problem:
            raise DeliveryError(Failure.NOT_SENT, str(problem)) from problem

    async def open_thread(self, ref: MessageRef, title: str) -> Place:
        try:
            self._room.open_thread(ref.message, title)
        except NoSuchMessage:
            raise DeliveryError(Failure.MESSAGE_GONE, f"there is no message {ref.message}") from None
        except RoomError as problem:
            raise DeliveryError(Failure.NOT_SENT, str(problem)) from problem
        return Place(channel=ref.place.channel, thread=ref.message)


def ref_of(message: Message) -> MessageRef:
    """The core's name for a message of the room."""
    return MessageRef(place=Place(channel=ChannelId(message.channel), thread=message.thread), message=message.id)
