"""The demo: a simulated group on a fast clock, day after day, printed as one reads a channel.

Nothing here remembers where it stopped. Each act has a name of its own and is known by it, so a run that was killed
is simply played again from the last instant that the room has seen.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from bot.adapters.terminal.group import ADA, GRACE, REMINDED_AT, Act, Does, acts, nearest
from bot.adapters.terminal.room import Message, Room
from bot.adapters.terminal.show import Show
from bot.adapters.terminal.terminal import Person, Terminal, channel_id
from bot.core.card import Button, Card, Line, Press, Words
from bot.core.model import Place, Round, Season, Share
from bot.core.schedule import zone
from bot.studybot import StudyBot

ZONE: Final = "Europe/Berlin"
FIRST_DAY: Final = date(2027, 11, 1)
"""A Monday with which a month of thirty days begins."""
SETUP: Final = f"setup time=09:00 zone={ZONE} days=all closes=17:00 reveal=17:30"
DEFAULT_SEED: Final = 1
_LABELS: Final = {
    Does.HINT: (Press.HINT, "Hint"),
    Does.CHECK: (Press.CHECK, "Check now"),
    Does.RESULT: (Press.RESULT, "My result"),
}
_FACT: Final = "demo"
_CLOCK: Final = "clock"


class DemoRefused(Exception):
    """This database holds something else than the demo that is asked for."""


class FastClock:
    """A clock that jumps from one instant to the next, never back."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def __call__(self) -> datetime:
        return self._now

    def move_to(self, instant: datetime) -> None:
        """Make it this late; an earlier instant changes nothing."""
        self._now = max(self._now, instant)


def start() -> datetime:
    """The instant at which a demo begins."""
    return _local(FIRST_DAY, time(8, 55))


def is_demo(room: Room) -> bool:
    """Whether a room belongs to a demo."""
    return _FACT in room.facts


def seed_of(room: Room, wanted: int | None) -> int:
    """The seed this room is played with; noted in it the first time. Raises DemoRefused."""
    kept = room.facts.get(_FACT)
    if kept is None:
        if any(True for _ in room.all()):
            raise DemoRefused("this database holds a chat, not a demo; choose another --database")
        seed = DEFAULT_SEED if wanted is None else wanted
        room.note(_FACT, json.dumps({"seed": seed}))
        return seed
    seed = int(json.loads(kept)["seed"])
    if wanted is not None and wanted != seed:
        raise DemoRefused(f"this database holds a demo with seed {seed}; use --seed {seed}, or another --database")
    return seed


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """A demo ready to be played. `turn` ticks and delivers at the clock's present instant."""

    terminal: Terminal
    bot: StudyBot
    clock: FastClock
    turn: Callable[[], Awaitable[None]]
    show: Show
    seed: int
    days: int

    async def play(self) -> None:
        """Play every day that is not over yet, then show the board; after a whole month, how a member did in it."""
        room = self.terminal.room
        seen = max((_last_touch(message) for message in room.all()), default=start())
        if _CLOCK in room.facts:
            seen = max(seen, datetime.fromisoformat(room.facts[_CLOCK]))
        self.clock.move_to(seen)
        await self.terminal.catch_up()
        room.watch(self.show.changed)
        await self.turn()
        channel = channel_id("general")
        if seen <= start():
            await self._set_up(Place(channel=channel))
        for day in range(self.days):
            await self._play_day(Place(channel=channel), day, seen)
        if (FIRST_DAY + timedelta(days=self.days)).day == 1:
            await self._last_look(GRACE, Place(channel=channel), "me")
        else:
            await self._last_look(ADA, Place(channel=channel), "leaderboard")

    async def _set_up(self, place: Place) -> None:
        self.clock.move_to(start())
        self.show.line(f"ada types: /nnquestion {SETUP}")
        await self._private(ADA, await self.terminal.command(ADA, place, SETUP, id="demo/setup"))

    async def _play_day(self, place: Place, day: int, seen: datetime) -> None:
        on = FIRST_DAY + timedelta(days=day)
        if seen > _local(on, time(23)):
            return
        await self._at(_local(on, time(9)))
        round_ = await self.bot.round_on(place.channel, on)
        if round_ is None:
            raise DemoRefused(f"the round of {on} did not open; the drill in this database is not the demo's")
        planned = acts(self.seed, round_, day)
        reminded_at = _local(on, REMINDED_AT)
        moments = sorted({reminded_at, round_.closes_at, round_.reveal_at, *(act.at for act in planned)})
        for moment in moments:
            await self._at(moment)
            if moment < seen:
                continue
            for act in planned:
                if act.at == moment and f"done {act.key}" not in self.terminal.room.facts:
                    await self._carry_out(act, round_)
                    self.terminal.room.note(f"done {act.key}", "yes")
        await self._at(_local(on, time(23)))

    async def _at(self, moment: datetime) -> None:
        """Let it become this late; what is due then happens first."""
        if moment >= self.clock():
            self.clock.move_to(moment)
            self.terminal.room.note(_CLOCK, moment.isoformat())
            await self.turn()
        if self.show.trouble is not None:
            raise self.show.trouble

    async def _carry_out(self, act: Act, round_: Round) -> None:
        who, terminal = act.who, self.terminal
        thread = round_.thread or (await self.bot.round_on(round_.channel, round_.local_date) or round_).thread
        place = thread or Place(channel=round_.channel)
        match act.does:
            case Does.SAY | Does.REPLY:
                known = self._message(act.key)
                about = self._message(act.of) if act.of else None
                if known is None:
                    _, told = await terminal.say(who, place, act.text, reply_to=about, nonce=act.key)
                    self.show.told(who.name, told)
                else:
                    await terminal.hear_again(known)
            case Does.EDIT:
                message = self._message(act.of)
                if message is not None and message.edited_at is None:
                    self.show.told(who.name, await terminal.edit(who, message.id, act.text))
            case Does.DELETE:
                message = self._message(act.of)
                if message is not None and message.deleted_at is None:
                    self.show.told(who.name, await terminal.delete(who, message.id))
            case Does.FORM:
                _, card = await terminal.form(who, round_.id, act.text, id=act.key, share=act.share)
                self._does(act, "sends the form" + ", to be shared by name" * (act.share is Share.WITH_NAME))
                await self._private(who, card)
            case Does.HINT | Does.RESULT | Does.CHECK:
                press, label = _LABELS[act.does]
                card = await terminal.press(who, place, press, round_.id, id=act.key)
                self._does(act, f"presses {label}")
                await self._private(who, card)
            case Does.COMMAND:
                card = await terminal.command(who, place, act.text, id=act.key)
                self._does(act, f"types: /nnquestion {act.text}")
                await self._private(who, card)
            case Does.DIRECT:
                known = self._message(act.key)
                if known is None:
                    _, _, card = await terminal.direct(who, act.text, nonce=act.key)
                    await self._private(who, card)
                else:
                    await terminal.hear_again(known)
            case Does.SHARE:
                month = f"{Season.MONTH} points here {place.channel}"
                card = await terminal.press(who, place, Press.SHARE, month, id=act.key)
                self._does(act, "presses Share this month's board")
                await self._private(who, card)
                await self.turn()
            case Does.OBJECT | Does.RULE | Does.CONSENT | Does.HELPED:
                await self._press_last(act, round_, place)

    async def _press_last(self, act: Act, round_: Round, place: Place) -> None:
        """Go through private cards to the last button, and press it.

        Which one it is, is noted before: once it is pressed, the cards offer others.
        """
        noted = f"chosen {act.key}"
        if noted not in self.terminal.room.facts:
            choose = {
                Does.OBJECT: self._to_object,
                Does.RULE: self._to_rule,
                Does.CONSENT: self._to_allow,
                Does.HELPED: self._to_thank,
            }
            button = await choose[act.does](act, round_, place)
            if button is None:
                return
            self.terminal.room.note(noted, json.dumps([button.press, button.label, button.about]))
        press, label, about = json.loads(self.terminal.room.facts[noted])
        card = await self.terminal.press(act.who, place, Press(press), about, id=act.key)
        self._does(act, f"presses {label}")
        await self._private(act.who, card)

    async def _to_object(self, act: Act, round_: Round, place: Place) -> Button | None:
        """The sentence that says a key point which the grader missed; None where it missed none."""
        chosen = await self._look(act, place, Button(Press.OBJECT, "I covered this", round_.id))
        numbered = {point.id: (str(number), point) for number, point in enumerate(round_.question.key_points)}
        offered = {button.about.partition(" ")[0]: button for button in chosen.buttons}
        for number, point in (numbered[id] for id in act.points):
            if number in offered:
                said = await self._look(act, place, offered[number])
                self._does(act, "presses I covered this")
                self._does(act, f"presses {offered[number].label}")
                items = [block for block in said.body if isinstance(block, Line) and block.bullet]
                return said.buttons[nearest([_words(item) for item in items], point)]
        return None

    async def _to_rule(self, act: Act, round_: Round, place: Place) -> Button | None:
        """What an organizer decides about an objection; None where none waits."""
        waiting = await self.terminal.command(act.who, place, "review", id=f"{act.key}/{uuid.uuid4()}")
        objection = next((b for b in waiting.buttons if b.press is Press.REVIEW and b.about.startswith("o")), None)
        if objection is None:
            return None
        self._does(act, "types: /nnquestion review")
        await self._private(act.who, waiting)
        asked = await self._look(act, place, objection)
        self._does(act, f"presses {objection.label}")
        await self._private(act.who, asked)
        said = "\n".join(_words(block) for block in asked.body if isinstance(block, Line))
        right = any(point.text in said for point in round_.question.key_points if point.id in act.points)
        return next(b for b in asked.buttons if b.about.startswith("grant " if right else "decline "))

    async def _to_allow(self, act: Act, round_: Round, place: Place) -> Button | None:
        """The yes to what only the author of an answer may allow; None where nothing is asked."""
        own = await self.terminal.command(act.who, place, "me", id=f"{act.key}/{uuid.uuid4()}")
        return next((b for b in own.buttons if b.press is Press.CONSENT and b.about.startswith("yes ")), None)

    async def _to_thank(self, act: Act, round_: Round, place: Place) -> Button | None:
        """The thanks for the first shared answer of somebody else; None where there is none."""
        shared = await self._look(act, place, Button(Press.ANSWERS, "Answers", round_.id))
        self._does(act, "presses Answers")
        await self._private(act.who, shared)
        return next((b for b in shared.buttons if b.press is Press.HELPED), None)

    async def _look(self, act: Act, place: Place, button: Button) -> Card:
        """Press a button that only leads to another card."""
        id = f"{act.key}/{uuid.uuid4()}"
        return await self.terminal.press(act.who, place, button.press, button.about, id=id)

    def _does(self, act: Act, what: str) -> None:
        self.show.line(f"  │ {self._clock_time()}  {act.who.name} {what}")

    async def _last_look(self, who: Person, place: Place, command: str) -> None:
        card = await self.terminal.command(who, place, command, id=f"demo/last/{uuid.uuid4()}")
        self.show.line("")
        self.show.line(f"{who.name} types: /nnquestion {command}")
        await self._private(who, card)

    async def _private(self, who: Person, card: Card) -> None:
        self.show.private(who.name, card, picture=await self.terminal.album.keep(card.picture))

    def _message(self, key: str) -> Message | None:
        return next(iter(self.terminal.room.by_nonce(key)), None)

    def _clock_time(self) -> str:
        return f"{self.clock().astimezone(zone(ZONE)):%H:%M}"


def _words(block: Line) -> str:
    return "".join(span.text for span in block.spans if isinstance(span, Words))


def _last_touch(message: Message) -> datetime:
    return max(at for at in (message.at, message.edited_at, message.deleted_at) if at is not None)


def _local(on: date, at: time) -> datetime:
    return datetime.combine(on, at, zone(ZONE)).astimezone(UTC)
