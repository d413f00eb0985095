"""One stage for each platform, on which a scenario is played: the assembled program, people, and what they see.

What is seen comes as plain words, so that stages can be compared. Only how a platform *writes* a thing is taken off:

- decoration: emphasis, bullets, code marks, escapes, indentation, blank lines; the columns of a board's rows;
- instants, which Discord shows in each reader's own time, and the others in words;
- channels, members and ways to a message, which are ids or links here and names there;
- `/nnquestion-admin`, as the organizers' commands are called in Discord alone;
- the delivery's reference, which is drawn from the channel's id, as is the order of its questions and so the topics
  of the week to come;
- buttons, which are told apart from the words, and in the terminal stand among them in brackets.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final, Protocol

from bot import runtime
from bot.adapters.discord import ids as discord_ids
from bot.adapters.discord.client import MARK as DISCORD_MARK
from bot.adapters.discord.commands import SUBMIT as DISCORD_SUBMIT
from bot.adapters.slack import ids as slack_ids
from bot.adapters.slack.events import MARK as SLACK_MARK
from bot.adapters.slack.needs import SUBMIT as SLACK_SUBMIT
from bot.adapters.terminal.demo import FastClock
from bot.adapters.terminal.render import render
from bot.adapters.terminal.room import BOT, Lines
from bot.adapters.terminal.terminal import Person, Terminal, channel_id
from bot.core import commands, notices
from bot.core.card import Card, Press, TimeStyle, When
from bot.core.commands import Misread, Who
from bot.core.model import ChannelId, MemberId, Place, Round, RoundKind, RoundState, Share, Told
from bot.core.ports import Transaction
from bot.core.reviewing import RULED_WITHIN
from bot.core.shown import in_words
from bot.runtime import Program
from bot.settings import load
from tests.adapters.discord.study import Study as DiscordStudy
from tests.adapters.slack.study import Study as SlackStudy
from tests.wire import discord_server, slack_server
from tests.wire.slack_server.block_kit import words_of

FIRST: Final = date(2026, 11, 22)
"""Day 1 of every scenario, a Sunday."""

CHANNEL: Final = "general"
PNG: Final = b"\x89PNG\r\n\x1a\n"
"""What stands for every picture. Real ones have tests of their own, and take seconds."""

LABELS: Final = {
    Press.HINT: "Hint",
    Press.RESULT: "My result",
    Press.OBJECT: "I covered this",
    Press.ANSWERS: "Answers",
}
PATIENCE: Final = 10
"""Real seconds for what is due to be done."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What somebody reads in one message: its lines in plain words, and what its buttons say."""

    words: tuple[str, ...]
    buttons: tuple[str, ...] = ()


NOT_OFFERED: Final = Seen(("(the app offers no such thing)",))
"""What somebody sees who finds no way to say something: nothing reaches the bot."""

Heard = dict[str, list[Seen]]
"""What each member was told in private, by name."""


class Stage(Protocol):
    """A channel with an organizer and members in it, all of whom are called the same on every platform.

    What members do is named by a `key`; `round_` is "day 2", "extra", or nothing for the latest daily round. Acts come
    back when the program has nothing left to do, and tell what members were told in private meanwhile.
    """

    name: str
    program: Program
    channel: ChannelId
    keys: dict[str, str]
    """The messages of members, by the platform's ids: what the scenario calls them."""
    members: dict[MemberId, str]

    async def at(self, clock: str, day: int) -> None:
        """Let it be a time of a day, in UTC, and do what is due."""

    async def says(self, who: str, text: str, key: str, *, round_: str = "", to: str = "") -> Heard:
        """Say something in the thread of a round, perhaps to another member, whose message has a key."""

    async def chats(self, who: str, text: str, key: str) -> Heard:
        """Say something in the channel, outside of all threads."""

    async def writes(self, who: str, text: str, key: str) -> Heard:
        """Say something to the bot alone."""

    async def edits(self, who: str, key: str, text: str) -> Heard: ...

    async def deletes(self, who: str, key: str) -> Heard: ...

    async def submits(self, who: str, key: str) -> Heard:
        """ "Submit as my answer" on an own message."""

    async def form(self, who: str, text: str, *, round_: str = "", share: Share = Share.NO) -> Heard:
        """Press Answer on a round's card, fill in the form, say how it is shared, and send it."""

    async def presses(self, who: str, press: Press, *, round_: str = "") -> Heard:
        """Press one of the buttons in `LABELS` on a round's card."""

    async def chooses(self, who: str, label: str) -> Heard:
        """Press a button, named by the beginning of its label, of the last private reply that had any."""

    async def command(self, who: str, text: str, *, round_: str | None = None) -> Heard:
        """Say what stands behind `/nnquestion`: in the channel, or in the thread of a round."""

    async def direct(self) -> Heard:
        """What the bot has written to members alone since this was last asked."""

    async def stands(self) -> dict[str, list[Seen]]:
        """The bot's messages as everybody sees them: in the channel, and by round in threads."""

    def marked(self) -> set[str]:
        """The keys of messages with the mark of what counts."""


# --- what all stages share --------------------------------------------------------------------------------------


class _Played:
    """The program behind a stage, and the people on it."""

    def __init__(self, name: str, program: Program, channel: ChannelId, members: Mapping[MemberId, str]) -> None:
        self.name = name
        self.program = program
        self.channel = channel
        self.keys: dict[str, str] = {}
        self.members = dict(members)

    def id_of(self, key: str) -> str:
        """The platform's id of a message of a member."""
        return next(id_ for id_, known in self.keys.items() if known == key)

    async def round(self, which: str = "") -> Round:
        """The round of this name, or the latest daily one."""
        rounds = await self.program.store.read(lambda tx: tx.rounds.of_channel(self.channel))
        asked = [round_ for round_ in rounds if round_.state is not RoundState.SKIPPED]
        return next(one for one in asked if (name_of(one) == which if which else one.kind is RoundKind.DAILY))

    async def threads(self) -> dict[str, Place]:
        rounds = await self.program.store.read(lambda tx: tx.rounds.of_channel(self.channel))
        return {name_of(round_): round_.thread for round_ in rounds[::-1] if round_.thread is not None}

    async def thread(self, which: str = "") -> Place:
        place = (await self.round(which)).thread
        assert place is not None, f"{which or 'the latest round'} has no thread on {self.name}"
        return place

    async def done(self, unread: Callable[[], bool] = lambda: False) -> None:
        """Wait until nothing is due or owed, and nothing that happened is still to be read."""
        self.program.woken.set()
        async with asyncio.timeout(PATIENCE):
            while await self.program.store.read(lambda tx: _work_left(tx, self.program.clock())) or unread():
                pass


def name_of(round_: Round) -> str:
    """What a scenario calls a round: "day 1", or "extra" for an extra one, of which it has one."""
    return "extra" if round_.kind is RoundKind.EXTRA else f"day {(round_.local_date - FIRST).days + 1}"


def moment(clock: str, day: int) -> datetime:
    """A time of a day of a scenario, in UTC."""
    return datetime.combine(FIRST + timedelta(days=day - 1), time.fromisoformat(clock), UTC)


def _work_left(tx: Transaction, now: datetime) -> bool:
    due = bool(tx.rounds.to_close(now) or tx.rounds.to_reveal(now) or tx.drills.due(now))
    due = due or bool(tx.objections.unruled(now - RULED_WITHIN, 1) or tx.members.to_remind(now, 1))
    return bool(due or tx.deliveries.unfinished() or tx.answers.ungraded(1))


# --- words ------------------------------------------------------------------------------------------------------

_WAY: Final = "(the way to it)"
_COMING: Final = re.compile(r"(?<=^Coming this week: ).+$")
_REFERENCE: Final = re.compile(r"(?: · )?\bref [2-9A-HJ-NP-Z]{6}$")
_POINTS: Final = r"-?\d+ points?|\d+\.\d\d a round"
_REST: Final = r"\d+ rounds?(?:, \d+ in a row)?|\d+ points?, \d+ of \d+ rounds?"
_ROW: Final = re.compile(
    rf"^[ ]*(?P<rank>\d+\.)[ ]+(?P<name>\S.*?)[ ]+(?P<points>{_POINTS})\s+(?P<rest>{_REST})(?P<own>[ ]+\(you\))?$",
    re.MULTILINE,
)
"""A row of a board in columns; where those are too wide for a phone, the rest stands in a line of its own."""


def _lines(text: str) -> tuple[str, ...]:
    rows = (_COMING.sub("", _REFERENCE.sub("", row.strip()).strip()) for row in text.split("\n"))
    return tuple(row for row in rows if row)


def _in_columns(text: str) -> str:
    """A text in which the rows of a board that stood in columns are written as on every stage."""
    return _ROW.sub(
        lambda row: _board_row(row["rank"], row["name"], row["points"], row["rest"], own=bool(row["own"])),
        text,
    )


def _board_row(rank: str, name: str, points: str, rest: str, *, own: bool) -> str:
    return f"{rank} {name}: {points}, {rest}{' (you)' if own else ''}"


def _beginning_with(labels: Iterable[str], label: str) -> str:
    """The label that begins so."""
    found = [one for one in labels if one.startswith(label)]
    assert len(found) == 1, f"{label!r} is one of {labels}"
    return found[0]


# --- the terminal -----------------------------------------------------------------------------------------------


class TerminalStage(_Played):
    """The room of the terminal, where the receipt of a message stands in a line of its own."""

    def __init__(self, program: Program, clock: FastClock, people: Mapping[str, Person]) -> None:
        members = {person.id: name for name, person in people.items()}
        super().__init__("terminal", program, channel_id(CHANNEL), members)
        assert program.terminal is not None
        self._terminal: Terminal = program.terminal
        self._clock = clock
        self._people = people
        self._numbers = count()
        self._here = Place(channel=self.channel)
        self._last: dict[str, Card] = {}
        self._read: set[str] = set()

    async def at(self, clock: str, day: int) -> None:
        self._clock.move_to(moment(clock, day))
        await self.program.turn_or_fail()

    async def says(self, who: str, text: str, key: str, *, round_: str = "", to: str = "") -> Heard:
        self._act()
        reply_to = self._terminal.room.message(self.id_of(to)) if to else None
        message, told = await self._terminal.say(self._people[who], await self.thread(round_), text, reply_to=reply_to)
        self.keys[message.id] = key
        return await self._told(who, told)

    async def chats(self, who: str, text: str, key: str) -> Heard:
        self._act()
        message, told = await self._terminal.say(self._people[who], self._here, text)
        self.keys[message.id] = key
        return await self._told(who, told)

    async def writes(self, who: str, text: str, key: str) -> Heard:
        self._act()
        message, _, card = await self._terminal.direct(self._people[who], text)
        self.keys[message.id] = key
        return await self._shown(who, card)

    async def edits(self, who: str, key: str, text: str) -> Heard:
        self._act()
        return await self._told(who, await self._terminal.edit(self._people[who], self.id_of(key), text))

    async def deletes(self, who: str, key: str) -> Heard:
        self._act()
        return await self._told(who, await self._terminal.delete(self._people[who], self.id_of(key)))

    async def submits(self, who: str, key: str) -> Heard:
        _, card = await self._terminal.submit(self._people[who], self.id_of(key), id=self._act())
        return await self._shown(who, card)

    async def form(self, who: str, text: str, *, round_: str = "", share: Share = Share.NO) -> Heard:
        there = await self.round(round_)
        _, card = await self._terminal.form(self._people[who], there.id, text, id=self._act(), share=share)
        return await self._shown(who, card)

    async def presses(self, who: str, press: Press, *, round_: str = "") -> Heard:
        there = await self.round(round_)
        card = await self._terminal.press(self._people[who], self._here, press, there.id, id=self._act())
        return await self._shown(who, card)

    async def chooses(self, who: str, label: str) -> Heard:
        buttons = {button.label: button for button in self._last[who].buttons}
        button = buttons[_beginning_with(buttons, label)]
        card = await self._terminal.press(self._people[who], self._here, button.press, button.about, id=self._act())
        return await self._shown(who, card)

    async def command(self, who: str, text: str, *, round_: str | None = None) -> Heard:
        place = self._here if round_ is None else await self.thread(round_)
        return await self._shown(who, await self._terminal.command(self._people[who], place, text, id=self._act()))

    async def direct(self) -> Heard:
        heard: Heard = {}
        for message in self._terminal.room.all():
            if message.by == BOT and message.alone_with and message.id not in self._read:
                self._read.add(message.id)
                heard.setdefault(message.alone_with, []).append(_of_terminal(message.lines))
        return heard

    async def stands(self) -> dict[str, list[Seen]]:
        threads = {place.thread: name for name, place in (await self.threads()).items()}
        seen: dict[str, list[Seen]] = {}
        for message in self._terminal.room.all():
            if message.by == BOT and message.deleted_at is None and not message.alone_with:
                where = CHANNEL if message.thread is None else threads[message.thread]
                seen.setdefault(where, []).append(_of_terminal(message.lines))
        return seen

    def marked(self) -> set[str]:
        return {self.keys[message.id] for message in self._terminal.room.all() if message.counts}

    async def _told(self, who: str, told: Told) -> Heard:
        await self.program.turn_or_fail()
        words = notices.told(told)
        return {who: [Seen((words,))]} if words else {}

    async def _shown(self, who: str, card: Card) -> Heard:
        await self.program.turn_or_fail()
        if card.buttons:
            self._last[who] = card
        return {who: [_of_terminal(render(card))]}

    def _act(self) -> str:
        """Let something take a millisecond, as it does on the other stages; the id of this one act."""
        self._clock.move_to(self._clock() + timedelta(milliseconds=1))
        return f"interaction {next(self._numbers)}"


def _of_terminal(lines: Lines) -> Seen:
    buttons = tuple(text.strip("[]") for runs in lines for style, text in runs if style == "button")
    rows = ("".join(text for _, text in runs) for runs in lines if not any(style == "button" for style, _ in runs))
    text = _in_columns("\n".join(rows))
    text = re.sub(r" \[\d+\]$", f" {_WAY}", text, flags=re.MULTILINE)
    return Seen(_lines(re.sub(r"^ +• ", "", text, flags=re.MULTILINE)), buttons)


# --- Discord ----------------------------------------------------------------------------------------------------


class DiscordStage(_Played):
    """A channel of a Discord server."""

    def __init__(self, study: DiscordStudy, people: Mapping[str, discord_server.Member]) -> None:
        channel = discord_ids.channel_id(study.guild.id, study.channel.id)
        members = {discord_ids.member_id(study.guild.id, one.id): name for name, one in people.items()}
        super().__init__("discord", study.program, channel, members)
        self._study = study
        self._people = people
        self._messages: dict[str, discord_server.Message] = {}
        self._last: dict[str, discord_server.Message] = {}
        self._read: dict[str, int] = {}

    async def at(self, clock: str, day: int) -> None:
        self._study.server.clock.set(moment(clock, day))
        await self._settled()

    async def says(self, who: str, text: str, key: str, *, round_: str = "", to: str = "") -> Heard:
        reply_to = self._messages[to] if to else None
        place = await self._thread(round_)
        return await self._said(key, await self._people[who].say(place, text, reply_to=reply_to))

    async def chats(self, who: str, text: str, key: str) -> Heard:
        return await self._said(key, await self._people[who].say(self._study.channel, text))

    async def writes(self, who: str, text: str, key: str) -> Heard:
        return await self._said(key, await self._people[who].say(self._people[who].dm, text))

    async def edits(self, who: str, key: str, text: str) -> Heard:
        await self._people[who].edit(self._messages[key], text)
        return await self._settled()

    async def deletes(self, who: str, key: str) -> Heard:
        await self._people[who].delete(self._messages[key])
        return await self._settled()

    async def submits(self, who: str, key: str) -> Heard:
        return await self._seen(await self._people[who].use_on(self._messages[key], DISCORD_SUBMIT))

    async def form(self, who: str, text: str, *, round_: str = "", share: Share = Share.NO) -> Heard:
        pressed = await self._people[who].press(await self._card(round_), "Answer")
        form = pressed.form
        if form is None:  # It is refused before anything can be typed.
            return await self._seen(pressed)
        said = {"Your answer": text, "Share it at the reveal?": _CHOICES[share]}
        return await self._seen(await self._people[who].submit(form, said))

    async def presses(self, who: str, press: Press, *, round_: str = "") -> Heard:
        return await self._seen(await self._people[who].press(await self._card(round_), LABELS[press]))

    async def chooses(self, who: str, label: str) -> Heard:
        message = self._last[who]
        return await self._seen(await self._people[who].press(message, _beginning_with(message.labels, label)))

    async def command(self, who: str, text: str, *, round_: str | None = None) -> Heard:
        place = self._study.channel if round_ is None else await self._thread(round_)
        try:
            given = commands.read(text)
            root = "nnquestion" if given.command.who is Who.MEMBER else "nnquestion-admin"
            options = {name: self._typed(name, value) for name, value in given.options.items()}
            interaction = await self._people[who].command(f"{root} {given.command.name}".strip(), place, **options)
        except (Misread, discord_server.CannotDo):  # Its app lets nobody send what is no command of theirs.
            return {who: [NOT_OFFERED]}
        return await self._seen(interaction)

    async def direct(self) -> Heard:
        heard: Heard = {}
        for name, one in self._people.items():
            fresh = [
                m for m in one.dm.messages if m.author is self._study.server.bot and m.id > self._read.get(name, 0)
            ]
            for message in fresh:
                self._read[name] = message.id
                heard.setdefault(name, []).append(self._words(message))
                if message.labels:
                    self._last[name] = message
        return heard

    async def stands(self) -> dict[str, list[Seen]]:
        places = {CHANNEL: self._study.channel}
        for name, place in (await self.threads()).items():
            places[name] = next(one for one in self._study.guild.threads if str(one.id) == place.thread)
        bot = self._study.server.bot
        return {
            name: [self._words(message) for message in place.messages if message.author is bot and message.embeds]
            for name, place in places.items()
        }

    def marked(self) -> set[str]:
        bot = self._study.server.bot
        return {
            key
            for key, message in self._messages.items()
            if not message.deleted and bot in message.reactions.get(DISCORD_MARK, [])
        }

    async def _said(self, key: str, message: discord_server.Message) -> Heard:
        self._messages[key], self.keys[str(message.id)] = message, key
        return await self._settled()

    async def _seen(self, interaction: discord_server.Interaction) -> Heard:
        await self._settled()
        assert interaction.ephemeral, interaction.error
        assert interaction.answer is not None
        seen = interaction.seen or [interaction.answer]  # It may take the place of what was there.
        if seen[-1].labels:
            self._last[interaction.member.name] = seen[-1]
        return {interaction.member.name: [self._words(message) for message in seen]}

    async def _settled(self) -> Heard:
        """Once all that happened was read and worked on. A heartbeat would tell it, and Discord takes 120 a minute."""
        [session] = self._study.server.gateway.connected
        socket = self.program.discord._connection._get_websocket(shard_id=0)
        adapter = self.program.discord_adapter
        assert adapter is not None
        for _ in range(2):
            await self.done(lambda: (socket.sequence or 0) < session.sequence)
            await adapter.idle()
        return {}

    async def _card(self, which: str) -> discord_server.Message:
        card = (await self.round(which)).card
        assert card is not None
        return self._study.channel.by_id[int(card.message)]

    async def _thread(self, which: str) -> discord_server.Channel:
        place = await self.thread(which)
        return next(one for one in self._study.guild.threads if str(one.id) == place.thread)

    def _typed(self, option: str, value: str) -> str | discord_server.Member:
        if option == "member":
            return self._people[value.removeprefix("@")]
        return self._people[value.removeprefix("@")].mention if option == "organizers" else value

    def _words(self, message: discord_server.Message) -> Seen:
        pieces = []
        for embed in message.embeds:
            pieces += [_shown_by_discord(embed.get(key, ""), self._named) for key in ("title", "description")]
            pieces += [f"[picture: {one.description}]" for one in message.attachments if "image" in embed]
            pieces.append(embed.get("footer", {}).get("text", ""))
        words = _ADMIN.sub(lambda f: "/nnquestion " if f["admin"] else "/nnquestion, which has no ", "\n".join(pieces))
        return Seen(_lines(words), tuple(message.labels))

    def _named(self, kind: str, number: str) -> str:
        if kind == "#":
            return f"#{CHANNEL}" if int(number) == self._study.channel.id else f"#{number}"
        return next((f"@{one.name}" for one in self._people.values() if one.id == int(number)), f"@{number}")


_CHOICES: Final = {
    Share.NO: "Not at all",
    Share.WITHOUT_NAME: "Without my name",
    Share.WITH_NAME: "With my name",
}
_ORGANIZERS: Final = "|".join(command.name for command in commands.TABLE if command.who is Who.ORGANIZER)
_ADMIN: Final = re.compile(rf"/nnquestion(?P<admin>-admin)? (?=(?:{_ORGANIZERS})\b)")
_DISCORD_STYLES: Final = {"t": TimeStyle.TIME, "D": TimeStyle.DATE, "f": TimeStyle.DATE_TIME}
_DISCORD: Final = re.compile(
    r"\\(?P<typed>[^A-Za-z0-9\s])"
    r"|(?P<fence>`+)(?P<code>.+?)(?P=fence)"
    r"|<t:(?P<at>\d+):(?P<style>[tDf])>"
    r"|<(?P<kind>[@#])(?P<number>\d+)>"
    r"|\[jump\]\((?P<jump>[^)\s]+)\)"
    r"|\[(?P<link>(?:[^\]\\]|\\.)+)\]\(\S+?\)(?=[\s.,;]|$)"
    r"|<(?P<url>https?://[^>]+)>"
    r"|(?P<mark>\*\*?)"
)
_DISCORD_ROW: Final = re.compile(
    rf"^(?P<rank>\d+\.)[ ]+(?P<points>{_POINTS}) (?P<name>.+) · (?P<rest>{_REST})(?P<own> · you)?$"
)


def _shown_by_discord(markdown: str, named: Callable[[str, str], str]) -> str:
    """Markdown as Discord's app shows it, in plain words."""

    def plain(found: re.Match[str]) -> str:
        if found["at"]:
            return in_words(When(datetime.fromtimestamp(int(found["at"]), UTC), _DISCORD_STYLES[found["style"]]))
        if found["kind"]:
            return named(found["kind"], found["number"])
        if found["jump"]:
            return _WAY
        if found["link"]:
            return re.sub(r"\\(.)", r"\1", found["link"])
        return found["typed"] or found["code"] or found["url"] or ""

    shown, fenced = [], False
    for row in markdown.split("\n"):
        if row.startswith("```"):
            fenced = not fenced
        elif fenced:
            shown.append(row)
        else:
            shown.append(_in_discords_order(_DISCORD.sub(plain, row.removeprefix("- "))))
    return "\n".join(shown)


def _in_discords_order(row: str) -> str:
    found = _DISCORD_ROW.match(row)
    if found is None:
        return row
    return _board_row(found["rank"], found["name"], found["points"], found["rest"], own=bool(found["own"]))


# --- Slack ------------------------------------------------------------------------------------------------------


class SlackStage(_Played):
    """A channel of a Slack workspace. There are no commands in its threads: one mentions the bot there."""

    def __init__(self, study: SlackStudy, people: Mapping[str, slack_server.Member]) -> None:
        channel = slack_ids.channel_id(study.team.id, study.channel.id)
        members = {slack_ids.member_id(study.team.id, one.id): name for name, one in people.items()}
        super().__init__("slack", study.program, channel, members)
        self._study = study
        self._people = people
        self._read = 0
        self._read_alone: set[str] = set()
        self._last: dict[str, slack_server.Message | slack_server.View] = {}

    async def at(self, clock: str, day: int) -> None:
        await self._study.at(clock, day - 1)
        await self._settled()

    async def says(self, who: str, text: str, key: str, *, round_: str = "", to: str = "") -> Heard:
        if to:  # Slack knows no replies inside a thread: one begins with a name.
            author = next(one for one in self._people.values() if one is self._message(to).user)
            text = f"{author.mention} {text}"
        card = await self._card(round_)
        return await self._said(key, await self._people[who].say(self._study.channel, text, thread=card))

    async def chats(self, who: str, text: str, key: str) -> Heard:
        return await self._said(key, await self._people[who].say(self._study.channel, text))

    async def writes(self, who: str, text: str, key: str) -> Heard:
        return await self._said(key, await self._people[who].say(self._people[who].dm, text))

    async def edits(self, who: str, key: str, text: str) -> Heard:
        await self._people[who].edit(self._message(key), text)
        return await self._settled()

    async def deletes(self, who: str, key: str) -> Heard:
        await self._people[who].delete(self._message(key))
        return await self._settled()

    async def submits(self, who: str, key: str) -> Heard:
        return await self._seen(await self._people[who].shortcut(self._message(key), SLACK_SUBMIT))

    async def form(self, who: str, text: str, *, round_: str = "", share: Share = Share.NO) -> Heard:
        pressed = await self._people[who].press(await self._card(round_), "Answer")
        form = pressed.modal
        if form is None:  # It is refused before anything can be typed.
            return await self._seen(pressed)
        said = {"Your answer": text, "Share it at the reveal?": _CHOICES[share]}
        return await self._seen(await self._people[who].submit(form, said))

    async def presses(self, who: str, press: Press, *, round_: str = "") -> Heard:
        return await self._seen(await self._people[who].press(await self._card(round_), LABELS[press]))

    async def chooses(self, who: str, label: str) -> Heard:
        place = self._last[who]
        return await self._seen(await self._people[who].press(place, _beginning_with(place.labels, label)))

    async def command(self, who: str, text: str, *, round_: str | None = None) -> Heard:
        member = self._people[who]
        if round_ is None:
            return await self._seen(await member.command("/nnquestion", text, self._study.channel))
        await member.mention_bot(self._study.channel, text, thread=await self._card(round_))
        return await self._settled()

    async def direct(self) -> Heard:
        heard: Heard = {}
        for name, one in self._people.items():
            for message in one.dm.by_ts.values():
                if message.user is self._study.team.bot and message.ts not in self._read_alone:
                    self._read_alone.add(message.ts)
                    heard.setdefault(name, []).append(self._words(message.blocks, message.text, message.labels))
                    if message.labels:
                        self._last[name] = message
        return heard

    async def stands(self) -> dict[str, list[Seen]]:
        bot = self._study.team.bot
        threads = {place.thread: name for name, place in (await self.threads()).items()}
        seen: dict[str, list[Seen]] = {}
        for message in self._study.channel.by_ts.values():
            if message.user is bot and not message.tombstone:
                where = threads[message.thread_ts] if message.is_reply else CHANNEL
                seen.setdefault(where, []).append(self._words(message.blocks, message.text, message.labels))
        return seen

    def marked(self) -> set[str]:
        bot = self._study.team.bot
        messages = self._study.channel.by_ts.items()
        return {self.keys[ts] for ts, one in messages if bot in one.reactions.get(SLACK_MARK, [])}

    async def _said(self, key: str, message: slack_server.Message) -> Heard:
        self.keys[message.ts] = key
        return await self._settled()

    async def _seen(self, outcome: slack_server.Outcome) -> Heard:
        heard = await self._settled()
        mine = heard.setdefault(outcome.member.name, [])
        if (view := outcome.modal) is not None:
            seen = self._words(view.blocks, "", view.labels)
            headed = seen.words[:1] and seen.words[0].startswith(view.title)
            mine.append(seen if headed else Seen((view.title, *seen.words), seen.buttons))
            if view.labels:
                self._last[outcome.member.name] = view
            else:
                await outcome.member.close(view)
        elif (place := outcome.message) is not None and place.ephemeral and any(one is place for one in outcome.shown):
            mine.append(self._of_note(place))  # It took the place of what was there.
        return {name: seen for name, seen in heard.items() if seen}

    async def _settled(self) -> Heard:
        """What anybody was told in private since it was last asked."""
        await self._study.handled()
        await self.done()
        await self._study.handled()
        notes = sorted((note for one in self._people.values() for note in one.ephemerals), key=lambda note: note.ts)
        fresh, self._read = notes[self._read :], len(notes)
        heard: Heard = {}
        for note in fresh:
            assert note.seen_by is not None
            heard.setdefault(note.seen_by.name, []).append(self._of_note(note))
        return heard

    def _of_note(self, note: slack_server.Message) -> Seen:
        assert note.seen_by is not None
        if note.labels:
            self._last[note.seen_by.name] = note
        return self._words(note.blocks, note.text, note.labels)

    def _message(self, key: str) -> slack_server.Message:
        return self._study.channel.by_ts[self.id_of(key)]

    async def _card(self, which: str) -> slack_server.Message:
        card = (await self.round(which)).card
        assert card is not None
        return self._study.channel.by_ts[card.message]

    def _words(self, blocks: list[Any], text: str, labels: Sequence[str]) -> Seen:
        said = (_alt(one) if one["type"] == "image" else words_of([one]) for one in blocks if one["type"] != "actions")
        words = "\n".join(said) if blocks else text
        words = words.replace(f"<#{self._study.channel.id}>", f"#{CHANNEL}")
        words = re.sub(r" open$", f" {_WAY}", words, flags=re.MULTILINE)
        return Seen(_lines(_in_columns(words)), tuple(labels))


def _alt(image: Mapping[str, Any]) -> str:
    return f"[picture: {image['alt_text']}]"


# --- opening ----------------------------------------------------------------------------------------------------


@asynccontextmanager
async def terminal(folder: Path, organizer: str, others: Sequence[str]) -> AsyncIterator[Stage]:
    clock = FastClock(moment("09:00", 1))
    program = runtime.build(
        load({"NNQUESTION_DATABASE": str(folder / "terminal.db"), "NNQUESTION_PLATFORMS": "terminal"}), clock
    )
    people = {name: Person(name, organizer=name == organizer) for name in (organizer, *others)}
    try:
        await program.start()
        yield TerminalStage(program, clock, people)
    finally:
        await program.stop()


@asynccontextmanager
async def discord(folder: Path, organizer: str, others: Sequence[str]) -> AsyncIterator[Stage]:
    granted = discord_server.Intent.MESSAGE_CONTENT
    async with discord_server.DiscordServer(granted=granted) as server:
        guild = server.guild("Study")
        channel = guild.channel(CHANNEL)
        people = {organizer: guild.member(organizer, permissions=discord_server.Perm.MANAGE_GUILD)}
        people |= {name: guild.member(name) for name in others}
        study = DiscordStudy(server, folder / "discord.db", guild, channel, people[organizer], people[others[0]])
        async with study.running():
            yield DiscordStage(study, people)
        assert [*server.unknown, *server.pings] == []


@asynccontextmanager
async def slack(folder: Path, organizer: str, others: Sequence[str]) -> AsyncIterator[Stage]:
    async with slack_server.SlackServer(commands=frozenset({"/nnquestion"})) as server:
        server.world.app.escape = True
        team = server.team("Study")
        people = _in_order(team, (organizer, *others))
        people[organizer].admin = True
        channel = team.channel(CHANNEL)
        study = SlackStudy(server, folder / "slack.db", team, channel, people[organizer], people[others[0]], png=PNG)
        async with study.running():
            yield SlackStage(study, people)
        assert [*server.unknown, *server.complaints, *server.pings] == []


def _in_order(team: slack_server.Team, names: Sequence[str]) -> dict[str, slack_server.Member]:
    """People whose ids come in the order of their names, as on the other stages: a rank is ordered by them."""
    people = sorted((team.user(f"somebody {number}") for number in range(len(names))), key=lambda one: one.id)
    for person, name in zip(people, sorted(names), strict=True):
        person.name = name
    return {person.name: person for person in people}


Opening = Callable[[Path, str, Sequence[str]], AbstractAsyncContextManager[Stage]]
OPENINGS: Final[tuple[Opening, ...]] = (terminal, discord, slack)
"""What opens a stage for an organizer and others, with files in a folder."""
