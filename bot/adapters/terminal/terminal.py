"""The terminal as a platform: what people in the room do, handed to the study bot, and what they are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bot.adapters.terminal.room import BOT, Message, NoSuchMessage, Room, RoomError, plain
from bot.adapters.terminal.saving import Album
from bot.core.answering import Deleted, Form, Said, Submitted
from bot.core.asking import Asker, said
from bot.core.card import Card, Press
from bot.core.cards import line
from bot.core.model import ChannelId, MemberId, Place, Round, RoundId, RoundState, Share, Told, Why, group_of
from bot.studybot import StudyBot

GROUP: Final = "terminal:local"

_UNASKED: Final = said("Not counted", line("Here you answer what I remind you of. Try /nnquestion me remind 08:30."))


def channel_id(name: str) -> ChannelId:
    """The id of a channel of the room."""
    return ChannelId(f"{GROUP}/{name}")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in the room."""

    name: str
    organizer: bool = False

    @property
    def id(self) -> MemberId:
        return MemberId(f"{GROUP}/@{self.name}")


class Terminal:
    """A room with the study bot in it. `album` has the pictures of what is told in private, too."""

    def __init__(self, room: Room, bot: StudyBot, clock: Callable[[], datetime], album: Album) -> None:
        self.room = room
        self.album = album
        self._bot = bot
        self._clock = clock

    async def say(
        self, who: Person, place: Place, text: str, *, reply_to: Message | None = None, nonce: str = ""
    ) -> tuple[Message, Told]:
        """Somebody posts a message; what counts gets its mark. Raises NoSuchMessage if the thread is not there."""
        message = self.room.say(
            place.channel,
            plain(text),
            self._clock(),
            by=who.id,
            name=who.name,
            thread=place.thread,
            reply_to=reply_to.by if reply_to is not None and reply_to.by != BOT else None,
            nonce=nonce,
        )
        return message, await self._heard(message)

    async def direct(self, who: Person, text: str, *, nonce: str = "") -> tuple[Message, Told, Card]:
        """Somebody says something to the bot alone; the card is its answer."""
        message = self.room.say(who.id, plain(text), self._clock(), by=who.id, name=who.name, nonce=nonce)
        return message, *await self._alone(message)

    async def edit(self, who: Person, message: str, text: str) -> Told:
        """Somebody edits a message of their own. Raises NoSuchMessage if there is none."""
        self._own(who, message)
        return await self._heard(self.room.edit(message, plain(text), self._clock()))

    async def delete(self, who: Person, message: str) -> Told:
        """Somebody deletes a message of their own. Raises NoSuchMessage if there is none."""
        self._own(who, message)
        return await self._gone(self.room.delete(message, self._clock()))

    async def form(
        self, who: Person, round_id: RoundId, text: str, *, id: str, share: Share = Share.NO
    ) -> tuple[Told, Card]:
        """Somebody sends the form of a round; the card is for them alone."""
        now = self._clock()
        form = Form(round=round_id, interaction=id, member=who.id, name=who.name, text=text, at=now, share=share)
        told, card = await self._bot.answer_in_private(form, now)
        return self._marked(told), card

    async def submit(self, who: Person, message: str, *, id: str) -> tuple[Told, Card]:
        """Somebody says "Submit as my answer" on a message; the card is for them alone.

        Raises NoSuchMessage if it is not there.
        """
        now = self._clock()
        submitted = Submitted(said=_said(self.room.message(message)), by=who.id, interaction=id, at=now)
        told, card = await self._bot.answer_in_private(submitted, now)
        return self._marked(told), card

    async def command(self, who: Person, place: Place, text: str, *, id: str) -> Card:
        """Somebody gives a command; the card is for them alone."""
        return await self._bot.command(_asker(who, place), text, id=id, now=self._clock())

    async def begin(self, who: Person, place: Place, options: Mapping[str, str]) -> Card | None:
        """Give the channel its first drill; None where it has one."""
        return await self._bot.begin(_asker(who, place), options, self._clock())

    async def round_here(self, place: Place) -> Round | None:
        """The round a message or a command at this place is about."""
        return await self._bot.round_at(place)

    async def last_result(self, who: Person, channel: ChannelId) -> RoundId | None:
        """The latest revealed round of a channel that somebody answered, among those that are still looked at."""
        posted = [round_ for round_ in await self._bot.posted_rounds() if round_.channel == channel]
        for round_ in sorted(posted, key=lambda round_: round_.opened_at, reverse=True):
            answer = await self._bot.own_answer(round_.id, who.id)
            if round_.state is RoundState.REVEALED and answer is not None and answer.parts:
                return round_.id
        return None

    async def press(self, who: Person, place: Place, press: Press, about: str, *, id: str) -> Card:
        """Somebody presses a button; the card is for them alone."""
        return await self._bot.press(_asker(who, place), press, about, id=id, now=self._clock())

    async def check(self) -> None:
        """Raise RoomError if the room's file is not the one that belongs to the database."""
        for round_ in await self._bot.posted_rounds():
            if (
                round_.card is not None
                and group_of(round_.channel) == GROUP
                and not self.room.knows(round_.card.message)
            ):
                raise RoomError(
                    f"{self.room.path}: the card of {round_.id} is not in it; put the room's file back beside its"
                    " database, or move the database away to start a new one"
                )

    async def catch_up(self) -> None:
        """Hand in again what was said in threads whose rounds are still live: a kill may have come in between."""
        for place in await self._bot.live_threads():
            if place.thread is None or group_of(place.channel) != GROUP:
                continue
            for message in self.room.in_thread(place.thread):
                if message.by != BOT:
                    await self.hear_again(message)
        for message in self._direct_since_the_bot_spoke():
            await self.hear_again(message)

    async def hear_again(self, message: Message) -> Told:
        """Hand a message in again as it is now; what was heard before changes nothing."""
        return await (self._heard(message) if message.deleted_at is None else self._gone(message))

    def _direct_since_the_bot_spoke(self) -> list[Message]:
        """By member, what was said to the bot alone since it last wrote to them: it was about something else before."""
        said: dict[str, list[Message]] = {}
        for message in self.room.all():
            if message.alone_with:
                said.setdefault(message.channel, []).append(message)
                if message.by == BOT:
                    said[message.channel].clear()
        return [message for messages in said.values() for message in messages]

    async def _alone(self, message: Message) -> tuple[Told, Card]:
        """What was said, edited or deleted in direct messages, by what it is."""
        changed = message.deleted_at or message.edited_at
        what = "deleted" if message.deleted_at else changed.isoformat() if changed else ""
        text = "" if message.deleted_at else message.text
        member, named = MemberId(message.by), f"{message.id}/{what}"
        told, card = await self._bot.direct(member, message.name, named, text, changed or message.at, self._clock())
        if told.why is Why.NO_ROUND and await self._bot.speaker([member], named) is None:
            card = _UNASKED
        return self._marked(told), card

    async def _heard(self, message: Message) -> Told:
        if message.alone_with:
            return (await self._alone(message))[0]
        return self._marked(await self._bot.answer(_said(message), self._clock()))

    async def _gone(self, message: Message) -> Told:
        assert message.deleted_at is not None
        if message.alone_with:
            return (await self._alone(message))[0]
        deleted = Deleted(channel=ChannelId(message.channel), message=message.id, at=message.deleted_at)
        return self._marked(await self._bot.answer(deleted, self._clock()))

    def _marked(self, told: Told) -> Told:
        for message in told.counts_no_more:
            self.room.mark(message, counts=False)
        for message in told.counts:
            self.room.mark(message, counts=True)
        return told

    def _own(self, who: Person, message: str) -> None:
        if self.room.message(message).by != who.id:
            raise NoSuchMessage(message)


def _asker(who: Person, place: Place) -> Asker:
    return Asker(member=who.id, name=who.name, place=place, organizer=who.organizer)


def _said(message: Message) -> Said:
    return Said(
        place=Place(channel=ChannelId(message.channel), thread=message.thread),
        message=message.id,
        member=MemberId(message.by),
        name=message.name,
        text=message.text,
        said_at=message.at,
        edited_at=message.edited_at,
        reply_to=MemberId(message.reply_to) if message.reply_to else None,
    )
