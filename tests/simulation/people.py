"""Members and organizers: what they say, send, press and command, when, and what they were told of it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Final, TypeVar, cast

from bot.core.answering import Form, Submitted
from bot.core.asking import Asker
from bot.core.card import Card, Press
from bot.core.model import ChannelId, MemberId, Place, RoundId, Share, Told
from bot.core.ports import StoreError
from tests.core.worlds import DONT_KNOW, LISTED
from tests.simulation.platform import Message, Platform
from tests.simulation.swarm import DAY, HOUR

if TYPE_CHECKING:
    from tests.simulation.process import Process
    from tests.simulation.world import World

T = TypeVar("T")

NAMES: Final = ("ada", "bob", "cyd", "dan", "eve")
"""The first of them manages the drill."""

LONG: Final = "a very long story " * 170
WAITS: Final = 60.0
"""Seconds for which somebody waits to be answered."""

_OWN: Final = (Press.CHECK, Press.OBJECT, Press.CONSENT, Press.REVIEW, Press.RULE, Press.HELPED, Press.ANSWERS)
"""Buttons of private cards that are pressed now and then."""


@dataclass(slots=True)
class Asked:
    """A request that changes something, as those who made it know it."""

    id: str
    what: str
    by: MemberId
    replies: list[Card] = field(default_factory=list)


class People:
    """Everybody on all platforms. What each of them does is drawn from the seed, their name, and the round."""

    def __init__(self, world: World) -> None:
        self._world = world
        dice = world.random("people")
        self._eager = dice.uniform(0.2, 0.9)
        self._busy = dice.choice((0.0, 0.3, 1.0))
        """How much organizers do."""
        self._forgetful = dice.random() < 0.2
        self._sealed = {channel: dice.random() < 0.25 for channel in world.channels}
        self._dice = world.random("interactions")
        self._cards: dict[ChannelId, list[Message]] = defaultdict(list)
        self._seen: set[tuple[Place, str]] = set()
        self._numbers = 0
        self.asked: dict[str, Asked] = {}
        self.forgot: set[MemberId] = set()
        """Who may have been forgotten."""
        self.stopped: set[ChannelId] = set()
        """Channels whose organizers have done something to the plan of rounds."""

    def cards(self, platform: Platform, channel: ChannelId) -> list[Message]:
        """A channel's question cards, oldest first."""
        return self._cards[channel]

    def saw(self, platform: Platform, message: Message) -> None:
        """A message of the bot's was posted: members look at it."""
        if (message.place, message.key) in self._seen or message.card is None or self._world.swarm.calm:
            return
        self._seen.add((message.place, message.key))
        about = next((b.about for b in message.card.buttons if b.press is Press.ANSWER), None)
        if message.key.endswith("/question") and about is not None:
            self._cards[message.place.channel].append(message)
            for name in NAMES:
                self._world.spawn(self._round(platform, name, message, RoundId(about)))
        elif message.key.endswith("/reveal"):
            for name in NAMES:
                self._world.spawn(self._revealed(platform, name, message))

    # --- a member in a round ----------------------------------------------------------------------------------

    async def _round(self, platform: Platform, name: str, card: Message, round_id: RoundId) -> None:
        dice = self._world.random(f"{name}/{round_id}")
        if dice.random() > self._eager:
            return
        sealed = self._sealed[card.place.channel]
        who = MemberId(f"{platform.group}/@{name}")
        await asyncio.sleep(dice.choice((60.0, HOUR, 5 * HOUR, 12 * HOUR, 26 * HOUR)) * dice.random())
        asked = self._world.side().rounds.get(round_id)
        if asked is not None and dice.random() < 0.25:  # Some always come at the last minute.
            left = (asked.closes_at - self._world.true_now()).total_seconds()
            await asyncio.sleep(max(0.0, left - dice.uniform(-20, 60)))
        if dice.random() < 0.15:
            await self._press(platform, who, card.place, Press.HINT, round_id, dice)
        if sealed or dice.random() < 0.25:
            for _ in range(dice.choice((1, 1, 1, 2, 3))):
                await self._form(platform, who, card, round_id, dice)
                await asyncio.sleep(dice.choice((30.0, HOUR, 5 * HOUR)) * dice.random())
            if sealed and dice.random() < 0.9:
                return
        thread = await self._thread(platform, card)
        if thread is not None:
            await self._speak(platform, who, name, thread, dice)

    async def _thread(self, platform: Platform, card: Message) -> Place | None:
        for _ in range(5):
            thread = platform.thread_of(card)
            if thread is not None or card.gone is not None:
                return thread
            await asyncio.sleep(600)
        return None

    async def _speak(self, platform: Platform, who: MemberId, name: str, thread: Place, dice: Random) -> None:
        said: list[Message] = []
        if dice.random() < 0.2:
            said.append(self._say(platform, who, name, thread, dice.choice(("hm", "good one", "let me think")), dice))
            await asyncio.sleep(dice.uniform(5, 900))
        for number in range(dice.choice((1, 1, 2, 3))):
            if self._away(platform, thread):
                return
            text = self._text(dice, short=number > 0 and dice.random() < 0.5)
            said.append(self._say(platform, who, name, thread, text, dice))
            await asyncio.sleep(dice.choice((5.0, 300.0, 900.0)) * dice.random())
        for _ in range(dice.choice((0, 0, 1, 2, 4))):
            await asyncio.sleep(dice.choice((5.0, 600.0, 6 * HOUR, 30 * HOUR)) * dice.random())
            if self._away(platform, thread):
                return
            message = dice.choice(said)
            share = dice.random()
            if share < 0.45:
                platform.edit(message, name.capitalize(), self._text(dice))
            elif share < 0.65:
                platform.remove(message)
            elif share < 0.85 and message.gone is None:
                await self._submit(platform, who, message, dice)
            else:
                said.append(self._say(platform, who, name, thread, self._text(dice), dice))

    def _away(self, platform: Platform, place: Place) -> bool:
        """Whether nobody can, or wants to, say more here."""
        channel = platform.channels[place.channel]
        gone = platform.like_discord and place.thread is not None and platform.threads.get(place) != "open"
        return self._world.swarm.calm or channel.deleted or gone

    def _say(self, platform: Platform, who: MemberId, name: str, thread: Place, text: str, dice: Random) -> Message:
        other = MemberId(f"{platform.group}/@{dice.choice(NAMES)}") if dice.random() < 0.08 else None
        return platform.say(who, name.capitalize(), thread, text, other)

    def _text(self, dice: Random, *, short: bool = False) -> str:
        self._numbers += 1
        if short:
            return f"and {self._numbers}, {dice.choice(('covers two', 'so', 'covers one'))}"
        marks = [
            f"{dice.choice(('covers', 'covers', 'touches', 'misses'))} {point}" for point in ("one", "two", "extra")
        ]
        extras = {0: DONT_KNOW, 1: LISTED, 2: LONG}.get(dice.randrange(40), "")
        return f"What I say as number {self._numbers} of all: {', '.join(marks)} {extras}".strip()

    async def _form(self, platform: Platform, who: MemberId, card: Message, round_id: RoundId, dice: Random) -> None:
        text = "" if dice.random() < 0.08 else self._text(dice)
        share = dice.choice(tuple(Share))

        def sent(id: str) -> Callable[[Process], Awaitable[Card]]:
            form = Form(
                round=round_id,
                interaction=id,
                member=who,
                name=who.partition("@")[2].capitalize(),
                text=text,
                at=platform.stamp(),
                share=share,
            )
            return lambda process: self._answered(process, platform, form)

        card_back = await self._ask(platform, who, "form", sent)
        if card_back is not None:
            await self._walk(platform, who, card.place, card_back, dice)

    async def _submit(self, platform: Platform, who: MemberId, message: Message, dice: Random) -> None:
        name = who.partition("@")[2].capitalize()

        def sent(id: str) -> Callable[[Process], Awaitable[Card]]:
            submitted = Submitted(said=message.said(name), by=who, interaction=id, at=platform.stamp())
            return lambda process: self._answered(process, platform, submitted)

        await self._ask(platform, who, "submit", sent)

    async def _answered(self, process: Process, platform: Platform, happened: Form | Submitted) -> Card:
        world = self._world
        world.handed_in(happened)
        told: tuple[Told, Card] = await process.program.bot.answer_in_private(happened, world.clock())
        world.acknowledged(happened, told[0])
        return told[1]

    async def _revealed(self, platform: Platform, name: str, reveal: Message) -> None:
        dice = self._world.random(f"{name}/{reveal.key}")
        who = MemberId(f"{platform.group}/@{name}")
        if dice.random() > 0.15 or reveal.card is None or not reveal.card.buttons:
            return
        await asyncio.sleep(dice.uniform(10, 40 * HOUR))
        button = dice.choice(reveal.card.buttons)
        if button.press is not Press.ANSWER:
            await self._press(platform, who, reveal.place, button.press, button.about, dice)

    # --- organizers, and what anybody asks for ----------------------------------------------------------------

    async def set_up(self) -> None:
        """Give every channel its drill, then run it."""
        for channel in self._world.channels:
            self._world.spawn(self._run(channel))
        await asyncio.sleep(0)

    async def _run(self, channel: ChannelId) -> None:
        world = self._world
        dice = world.random(f"organizer/{channel}")
        platform = world.platforms[channel.partition(":")[0]]
        place = Place(channel=channel)
        who = MemberId(f"{platform.group}/@{NAMES[0]}")
        if "direct messages closed" in world.swarm.rates:
            for name in NAMES:
                if dice.random() < world.swarm.rate("direct messages closed"):
                    platform.forbid(ChannelId(f"{platform.group}/@{name}"), 1e15)
        text = self._setup(channel, dice)
        for _ in range(1000):
            if await self._command(platform, who, place, text, dice) is not None:
                break
            await asyncio.sleep(30)
        while not world.swarm.calm:
            await asyncio.sleep(DAY * dice.uniform(0.2, 0.8))
            if platform.channels[channel].deleted or world.swarm.calm:
                return
            await self._manage(platform, who, place, dice)
            await self._wander(platform, channel, dice)

    def _setup(self, channel: ChannelId, dice: Random) -> str:
        from tests.simulation.world import ZONES, _bank_of

        at = f"{dice.choice((0, 2, 2, 7, 9, 13, 23)):02d}:{dice.choice((0, 30)):02d}"
        closes = dice.choice(("next", "next", "8h", "2h", "18:00", "03:00"))
        reveal = dice.choice(("close", "close", "19:30"))
        days = dice.choice(("all", "all", "mon-fri"))
        sealed = "sealed" if self._sealed[channel] else "open"
        return (
            f"setup time={at} zone={dice.choice(ZONES)} days={days} closes={closes} reveal={reveal} answers={sealed}"
            f" bank={_bank_of(channel)} recap={dice.choice(('on', 'off'))}"
        )

    async def _manage(self, platform: Platform, who: MemberId, place: Place, dice: Random) -> None:
        drill = self._world.side().drills.get(place.channel)
        running = drill is not None and drill.state.value == "on" and not drill.timetable.paused
        if not running and dice.random() < 0.7:
            self.stopped.add(place.channel)
            await self._command(platform, who, place, "resume", dice)
        if dice.random() >= self._busy:
            return
        self._numbers += 1
        member, reason = dice.choice(NAMES[1:]), f"for reason {self._numbers} of all"
        on = (self._world.true_now().date() + timedelta(days=3)).isoformat()
        does = dice.choice(
            (
                "reveal",
                "reveal",
                "skip",
                "skip open",
                "pause",
                "ask",
                "ask",
                "review",
                "review",
                f"award @{member} {dice.randint(1, 5)} {reason}",
                f"award @{member} 2 {reason}",
                f"pause {on}",
                f"setup time={dice.randrange(24):02d}:15",
                "leaderboard all",
                "setup",
            )
        )
        if does.startswith(("skip", "pause", "setup ")):
            self.stopped.add(place.channel)
        reply = await self._command(platform, who, place, does, dice)
        if reply is not None:
            await self._walk(platform, who, place, reply, dice)

    async def _wander(self, platform: Platform, channel: ChannelId, dice: Random) -> None:
        """Members look around, or want to be forgotten."""
        name = dice.choice(NAMES)
        who = MemberId(f"{platform.group}/@{name}")
        place = Place(channel=channel)
        if self._forgetful and dice.random() < 0.05:
            self.forgot.add(who)
            await self._press(platform, who, place, Press.FORGET, "yes", dice)
        elif dice.random() < 0.3:
            does = dice.choice(("me", "leaderboard", "when", "history", "ask", "hint", "me result", "nonsense"))
            reply = await self._command(platform, who, place, does, dice)
            if reply is not None:
                await self._walk(platform, who, place, reply, dice)

    async def _command(self, platform: Platform, who: MemberId, place: Place, text: str, dice: Random) -> Card | None:
        return await self._ask(
            platform,
            who,
            text,
            lambda id: (
                lambda process: process.program.bot.command(
                    self._asker(who, place), text, id=id, now=self._world.clock()
                )
            ),
        )

    async def _press(
        self, platform: Platform, who: MemberId, place: Place, press: Press, about: str, dice: Random
    ) -> None:
        reply = await self._ask(
            platform,
            who,
            f"{press} {about}",
            lambda id: (
                lambda process: process.program.bot.press(
                    self._asker(who, place), press, about, id=id, now=self._world.clock()
                )
            ),
        )
        if reply is not None:
            await self._walk(platform, who, place, reply, dice)

    async def _walk(self, platform: Platform, who: MemberId, place: Place, card: Card, dice: Random) -> None:
        """Press one of the buttons of a private card, now and then."""
        buttons = [button for button in card.buttons if button.press in _OWN]
        if buttons and dice.random() < 0.6:
            await asyncio.sleep(dice.uniform(1, 60))
            button = dice.choice(buttons)
            if button.press is Press.CHECK and dice.random() < 0.8:
                return
            await self._press(platform, who, place, button.press, button.about, dice)

    def _asker(self, who: MemberId, place: Place) -> Asker:
        name = who.partition("@")[2]
        here = Place(channel=place.channel)
        return Asker(member=who, name=name.capitalize(), place=here, organizer=name == NAMES[0])

    # --- how an interaction reaches the program ---------------------------------------------------------------

    async def _ask(
        self,
        platform: Platform,
        who: MemberId,
        what: str,
        sent: Callable[[str], Callable[[Process], Awaitable[Card]]],
    ) -> Card | None:
        """What somebody is told who presses, sends or commands something; None where nobody answers in time.

        Whoever is not answered tries again, sometimes. A request may come twice under its one id.
        """
        for _ in range(self._dice.choice((1, 1, 2, 3))):
            if self._world.swarm.calm:
                return None
            self._numbers += 1
            asked = self.asked.setdefault(f"{platform.name}-{self._numbers}", Asked(f"{self._numbers}", what, who))
            id = f"{platform.group}/request/{self._numbers}"
            asked.id = id
            self._world.trace(f"{who} asks for {what} as {self._numbers}")
            carry_out = sent(id)
            reply = await self._reach(platform, id, carry_out)
            if self._dice.random() < 0.1:
                await asyncio.sleep(self._dice.uniform(0.1, 100))
                again = await self._reach(platform, id, carry_out)
                reply = reply or again
            if reply is not None:
                asked.replies.append(reply)
                self._world.trace(f"{who} is told: {reply.title}")
                return reply
            await asyncio.sleep(self._dice.uniform(5, 300))
        return None

    async def _reach(self, platform: Platform, id: str, carry_out: Callable[[Process], Awaitable[Card]]) -> Card | None:
        from tests.simulation.process import Ears

        there = [cast(Ears, ears) for ears in platform.listeners if ears.connected]
        if not there:
            return None
        if not platform.like_discord:
            there = [self._dice.choice(there)]
        answered: asyncio.Future[Card] = asyncio.get_running_loop().create_future()

        async def take(ears: Ears) -> None:
            bot = ears.bot
            try:
                if platform.like_discord and not await bot.first_to_hear(id, self._world.clock()):
                    return
                card = await carry_out(ears.process)
            except StoreError:
                return
            if not answered.done():
                answered.set_result(card)

        for ears in there:
            ears.process.spawn(take(ears))
        done, _ = await asyncio.wait([answered], timeout=WAITS)
        return answered.result() if done else None
