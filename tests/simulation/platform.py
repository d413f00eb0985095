"""A platform in memory: channels, threads, messages of the bot and of members, and a network that loses things.

Two kinds. Like Discord: a message that is sent twice within minutes under one nonce is one; threads are opened by a
request; every copy of the program hears everything. Like Slack: no nonce; any message has a thread; each event goes to
one copy, and comes again until that one has said that it has it.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from bot.core.answering import Said
from bot.core.card import Card, reference
from bot.core.model import ChannelId, MemberId, MessageRef, Place
from bot.core.ports import DeliveryError, Failure

if TYPE_CHECKING:
    from tests.simulation.world import World

T = TypeVar("T")

LOOKED_THROUGH: Final = 200
"""Messages of a place, latest first, among which a reference is looked for."""

NEVER: Final = 10_000.0
"""Seconds after which a request that hangs ends by itself; nobody waits so long."""


@dataclass(slots=True)
class Message:
    """What stands, or stood, in a place."""

    id: str
    place: Place
    by: MemberId | None
    """None: the bot."""
    text: str
    said_at: datetime
    landed: float
    visible: float
    edited_at: datetime | None = None
    key: str = ""
    card: Card | None = None
    reply_to: MemberId | None = None
    gone: float | None = None
    gone_by: str = ""
    """The bot, or somebody's hand."""

    @property
    def ref(self) -> MessageRef:
        return MessageRef(place=self.place, message=self.id)

    def said(self, name: str) -> Said:
        """What the platform shows of a member's message now."""
        assert self.by is not None
        return Said(
            place=self.place,
            message=self.id,
            member=self.by,
            name=name,
            text=self.text,
            said_at=self.said_at,
            edited_at=self.edited_at,
            reply_to=self.reply_to,
        )


@dataclass(slots=True)
class Channel:
    """A channel, or somebody's direct messages."""

    forbidden_until: float = 0.0
    deleted: bool = False
    ever_shut: bool = False
    """Whether it ever was deleted or forbidden."""


@dataclass(slots=True)
class Tries:
    """What was asked about one message: when each sending began, and of when each look was that was answered."""

    sends: list[float] = field(default_factory=list)
    failed: set[int] = field(default_factory=set)
    """Those of the sendings, by number, that certainly came to nothing."""
    looks: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a platform tells its bots."""

    number: int
    kind: str
    """said, deleted, card deleted, thread deleted, channel lost"""
    place: Place
    message: str = ""
    said: Said | None = None


class Listener(Protocol):
    """The ears of one process on this platform."""

    connected: bool

    def tell(self, event: Event) -> asyncio.Future[bool]:
        """Hand over an event; done with True once it is acknowledged, with False if it was lost."""
        ...


class Platform:
    """One platform, with one group on it."""

    def __init__(self, world: World, name: str, group: str) -> None:
        self.world = world
        self.name = name
        self.group = group
        self.like_discord = name == "discord"
        self.nonce_for = 240.0 if self.like_discord else 0.0
        self.channels: dict[ChannelId, Channel] = defaultdict(Channel)
        self.messages: dict[Place, list[Message]] = defaultdict(list)
        self.threads: dict[Place, str] = {}
        """Threads by place: "open", or "gone"."""
        self.listeners: list[Listener] = []
        self.tries: dict[tuple[Place, str], Tries] = defaultdict(Tries)
        self.refusals: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()
        """Requests by what they asked for."""
        self.landed: Counter[str] = Counter()
        self.edited_to: dict[str, Card] = {}
        """What a message of the bot's was changed to last, by id."""
        self.watching: Callable[[str, Place, str], None] = lambda verb, place, key: None
        """Told of each request before it is made."""
        self._numbers = 0
        self._events = 0
        self._latest_stamp = world.true_now() - timedelta(days=1)
        self.dice = world.random(f"{name}/network")
        self._members = world.random(f"{name}/events")

    # --- what stands there ------------------------------------------------------------------------------------

    def stamp(self) -> datetime:
        """The platform's own time: its clock is right, and no two things happen at once."""
        self._latest_stamp = max(self.world.true_now(), self._latest_stamp + timedelta(microseconds=1))
        return self._latest_stamp

    def new_id(self) -> str:
        self._numbers += 1
        return str(1_000_000 + self._numbers)

    def stands(self, ref: MessageRef) -> Message | None:
        """The message, if it is still there."""
        for message in self.messages[ref.place]:
            if message.id == ref.message and message.gone is None:
                return message
        return None

    def thread_of(self, card: Message) -> Place | None:
        """Where members can speak below a card."""
        place = Place(channel=card.place.channel, thread=card.id)
        if self.like_discord:
            return place if self.threads.get(place) == "open" else None
        return place if card.gone is None or any(m.gone is None for m in self.messages[place]) else None

    def check(self, place: Place) -> None:
        """Raise what a request about a place comes to, if it cannot be carried out."""
        channel = self.channels[place.channel]
        if channel.deleted:
            raise DeliveryError(Failure.CHANNEL_GONE, "the simulated channel was deleted")
        if self.world.loop.time() < channel.forbidden_until:
            raise DeliveryError(Failure.FORBIDDEN, "the simulated channel is forbidden")
        if place.thread is None:
            return
        gone = self.threads.get(place) != "open" if self.like_discord else self._is_gone(place)
        if gone:
            raise DeliveryError(Failure.THREAD_GONE, "the simulated thread was deleted")

    def _is_gone(self, thread: Place) -> bool:
        card = next((m for m in self.messages[Place(channel=thread.channel)] if m.id == thread.thread), None)
        return card is None or (card.gone is not None and all(m.gone is not None for m in self.messages[thread]))

    # --- what members do --------------------------------------------------------------------------------------

    def say(self, who: MemberId, name: str, place: Place, text: str, reply_to: MemberId | None = None) -> Message:
        """A member says something."""
        now = self.world.loop.time()
        message = Message(self.new_id(), place, who, text, self.stamp(), now, now, reply_to=reply_to)
        self.messages[place].append(message)
        self.world.trace(f"{who} says {message.id} in {place.thread or place.channel}")
        self._tell("said", place, message.id, message.said(name))
        return message

    def edit(self, message: Message, name: str, text: str) -> None:
        """A member changes a message of theirs."""
        if message.gone is None:
            message.text, message.edited_at = text, self.stamp()
            self.world.trace(f"{message.by} edits {message.id}")
            self._tell("said", message.place, message.id, message.said(name))

    def remove(self, message: Message) -> None:
        """Somebody deletes a message."""
        if message.gone is None:
            message.gone, message.gone_by = self.world.loop.time(), "hand"
            self.world.trace(f"{message.id} of {message.by or 'the bot'} is deleted by hand")
            self._tell("deleted" if message.by is not None else "card deleted", message.place, message.id)

    def remove_thread(self, place: Place) -> None:
        """Somebody deletes a thread with all that is in it. Only where threads are things of their own."""
        self.threads[place] = "gone"
        for message in self.messages[place]:
            if message.gone is None:
                message.gone, message.gone_by = self.world.loop.time(), "hand"
        self.world.trace(f"thread {place.thread} is deleted by hand")
        self._tell("thread deleted", place)

    def remove_channel(self, channel: ChannelId) -> None:
        """Somebody deletes a channel."""
        self.channels[channel].deleted = self.channels[channel].ever_shut = True
        for place, messages in self.messages.items():
            if place.channel == channel:
                for message in messages:
                    if message.gone is None:
                        message.gone, message.gone_by = self.world.loop.time(), "hand"
        self.world.trace(f"channel {channel} is deleted by hand")
        self._tell("channel lost", Place(channel=channel))

    def forbid(self, channel: ChannelId, seconds: float) -> None:
        """Somebody takes the bot's rights in a channel away, for so long."""
        until = self.world.loop.time() + seconds
        self.channels[channel].forbidden_until = max(until, self.channels[channel].forbidden_until)
        self.channels[channel].ever_shut = True
        self.world.trace(f"channel {channel} is forbidden for {seconds:.0f} s")

    # --- what the bots are told -------------------------------------------------------------------------------

    def _tell(self, kind: str, place: Place, message: str = "", said: Said | None = None) -> None:
        self._events += 1
        event = Event(self._events, kind, place, message, said)
        swarm = self.world.swarm
        if self.like_discord:
            for listener in list(self.listeners):
                for _ in range(2 if swarm.happens("event twice", self._members) else 1):
                    self.world.later(self._on_its_way(), partial(listener.tell, event))
        else:
            self.world.spawn(self._until_acknowledged(event))
            if swarm.happens("event twice", self._members):
                self.world.spawn(self._until_acknowledged(event))

    def _on_its_way(self) -> float:
        if self.world.swarm.happens("event late", self._members):
            return self._members.uniform(1, 120)
        return self._members.uniform(0.01, 1.5)

    async def _until_acknowledged(self, event: Event) -> None:
        """Slack sends an event again, to whichever copy, until one has said that it came; for an hour or so."""
        for wait in (self._on_its_way(), 5, 60, 300, 600, 600, 600, 600):
            await asyncio.sleep(wait)
            there = [listener for listener in self.listeners if listener.connected]
            if there:
                answer = self._members.choice(there).tell(event)
                await asyncio.wait([answer], timeout=3)
                if answer.done() and not answer.cancelled() and answer.result():
                    return


class SimulatedMessenger:
    """The messenger port of one process."""

    def __init__(self, platform: Platform, process: Caller) -> None:
        self._platform = platform
        self._process = process

    def parts(self, card: Card) -> int:
        """Some cards need two messages, always the same ones."""
        return 2 if self._platform.world.long_cards and card.title.startswith("Reference answer") else 1

    async def send(self, place: Place, card: Card, *, part: int, key: str) -> MessageRef:
        platform = self._platform
        tries = platform.tries[place, key]
        tries.sends.append(platform.world.loop.time())
        number = len(tries.sends)
        try:
            return await self._ask("send", place, key, lambda: self._land(place, card, key))
        except DeliveryError as error:
            if error.failure is not Failure.UNCLEAR:
                tries.failed.add(number)
            raise

    async def edit(self, ref: MessageRef, card: Card, *, part: int, key: str) -> None:
        def land() -> None:
            self._platform.check(ref.place)
            message = self._platform.stands(ref)
            if message is None:
                raise DeliveryError(Failure.MESSAGE_GONE, "the simulated message was deleted")
            message.card = card
            self._platform.edited_to[ref.message] = card

        await self._ask("edit", ref.place, key, land)

    async def find(self, place: Place, *, key: str) -> list[MessageRef]:
        platform, wanted = self._platform, reference(key)

        def look() -> tuple[float, list[MessageRef]]:
            platform.check(place)
            now = platform.world.loop.time()
            there = [m for m in platform.messages[place] if m.gone is None and m.visible <= now][-LOOKED_THROUGH:]
            return now, [m.ref for m in there if m.by is None and reference(m.key) == wanted]

        when, found = await self._ask("find", place, key, look)
        platform.tries[place, key].looks.append(when)
        return found

    async def delete(self, ref: MessageRef) -> None:
        def land() -> None:
            self._platform.check(ref.place)
            message = self._platform.stands(ref)
            if message is not None:
                message.gone, message.gone_by = self._platform.world.loop.time(), "bot"

        await self._ask("delete", ref.place, "", land)

    async def open_thread(self, ref: MessageRef, title: str) -> Place:
        platform = self._platform
        place = Place(channel=ref.place.channel, thread=ref.message)
        if not platform.like_discord:
            self._process.alive()
            return place

        def land() -> Place:
            platform.check(ref.place)
            if platform.stands(ref) is None:
                raise DeliveryError(Failure.MESSAGE_GONE, "the simulated message was deleted")
            if platform.threads.setdefault(place, "open") != "open":
                raise DeliveryError(Failure.THREAD_GONE, "the simulated thread was deleted")
            return place

        return await self._ask("open_thread", ref.place, "", land)

    def _land(self, place: Place, card: Card, key: str) -> MessageRef:
        platform = self._platform
        world, now = platform.world, platform.world.loop.time()
        platform.check(place)
        if world.refused(key):
            platform.refusals[key] += 1
            raise DeliveryError(Failure.REFUSED, "the simulated platform does not take it")
        for message in platform.messages[place] if platform.nonce_for else ():
            if message.key == key and message.by is None and now - message.landed < platform.nonce_for:
                world.trace(f"{platform.name}: {key} is there already as {message.id}")
                return message.ref
        lag = 0.0
        if world.swarm.happens("history lags", platform.dice):
            lag = platform.dice.uniform(0, world.swarm.lag_at_most)
        message = Message(platform.new_id(), place, None, "", platform.stamp(), now, now + lag, key=key, card=card)
        platform.messages[place].append(message)
        platform.landed[key] += 1
        world.trace(f"{platform.name}: {key} lands as {message.id}")
        world.posted(platform, message)
        return message.ref

    async def _ask(self, verb: str, place: Place, key: str, act: Callable[[], T]) -> T:
        """One request: what becomes of it on its way there, at the platform, and on its way back."""
        platform, world = self._platform, self._platform.world
        dice, loop = platform.dice, world.loop
        self._process.at_request(f"before {verb}")
        platform.watching(verb, place, key)
        platform.asked[verb] += 1
        fault = world.swarm.of_a_request(platform.name, loop.time(), dice)
        there, back = dice.uniform(0.02, 0.4), dice.uniform(0.01, 0.2)
        world.trace(f"{platform.name}: {verb} {key or place.thread or place.channel}{f' ({fault})' if fault else ''}")
        arrives, answers, error = True, True, DeliveryError(Failure.UNCLEAR, f"simulated: {fault}")
        match fault:
            case "outage":
                arrives = answers = False
                if dice.random() < 0.7:
                    error = DeliveryError(Failure.NOT_SENT, "simulated: cannot connect")
                else:
                    back = NEVER
            case "request lost":
                arrives = answers = False
                if dice.random() < 0.5:
                    error = DeliveryError(Failure.NOT_SENT, "simulated: cannot connect")
            case "answer lost":
                answers = False
            case "hangs":
                arrives, answers, back = dice.random() < 0.5, False, NEVER
            case "landing late":
                answers = False
                back = NEVER if dice.random() < 0.5 else dice.uniform(0.1, 20)
                there = dice.uniform(0, world.swarm.late_at_most)
            case "limited" | "limited for all":
                arrives = answers = False
                asked = timedelta(seconds=dice.choice((1, 5, 30, 120)))
                for_all = fault == "limited for all"
                error = DeliveryError(
                    Failure.NOT_SENT,
                    "simulated: 429",
                    asked if dice.random() < 0.8 else None,
                    limited=True,
                    for_all=for_all,
                )
            case "server error":
                arrives, answers = dice.random() < 0.5, False
            case "refused":
                arrives = answers = False
                error = DeliveryError(Failure.REFUSED, "simulated: 400")
                platform.refusals[key] += 1
            case "slow":
                there, back = dice.uniform(0.5, 20), dice.uniform(0.5, 35)
        outcome: asyncio.Future[tuple[T | None, DeliveryError | None]] = loop.create_future()

        def land() -> None:
            try:
                made: tuple[T | None, DeliveryError | None] = act(), None
            except DeliveryError as refused:
                made = None, refused
            if not outcome.done():
                outcome.set_result(made)

        if arrives:
            loop.call_later(there, land)
        self._process.at_request(f"during {verb}")
        if answers:
            result, refused = await outcome
            await asyncio.sleep(back)
            self._process.at_request(f"after {verb}")
            if refused is not None:
                raise refused
            return result  # type: ignore[return-value]
        await asyncio.sleep(back)
        self._process.at_request(f"after {verb}")
        raise error


class Caller(Protocol):
    """The process that a messenger belongs to."""

    def alive(self) -> None:
        """Raise CancelledError where it is dead."""
        ...

    def at_request(self, where: str) -> None:
        """The same; it may die here."""
        ...
