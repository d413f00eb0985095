"""Members and organizers of one channel, on either platform, and all that stands in it at the end.

What they see says whether the bot has acknowledged something. Where they see nothing, they cannot know: a killed
program answers nobody, whatever it had written down before.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bot.adapters.discord import ids as discord_ids
from bot.adapters.discord.client import MARK as DISCORD_MARK
from bot.adapters.slack import ids as slack_ids
from bot.adapters.slack.events import MARK as SLACK_MARK
from bot.adapters.slack.needs import COMMAND
from tests.torture.clock import Time, slowness
from tests.wire import discord_server, slack_server
from tests.wire.discord_server import DiscordServer
from tests.wire.slack_server import SlackServer

PATIENCE: Final = 2.5
"""Real seconds after which somebody believes that nothing comes any more."""

_REFERENCE: Final = re.compile(r"\bref (\w{6})\b")
_RECEIPT: Final = re.compile("Recorded|Revised|Unchanged", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Standing:
    """One message of the bot's that everybody sees, at the end."""

    id: str
    """Of the message, as the database knows it."""
    thread: str | None
    reference: str
    text: str
    labels: tuple[str, ...]


class Spot(ABC):
    """One channel of one platform, and what its people do there. What the app does not let them do comes to nothing."""

    def __init__(self, time: Time, *, sealed: bool) -> None:
        self.sealed = sealed
        self._time = time

    platform: str
    id: str
    """Of the channel, as the database knows it."""
    members: Mapping[str, Any]
    """People by name; `ada` manages the place."""

    @abstractmethod
    def id_of(self, name: str) -> str:
        """Of a member, as the database knows it."""

    @abstractmethod
    async def ask(self, name: str, command: str, **options: str) -> str:
        """Say a command; what is seen of the bot's answer, or nothing."""

    @abstractmethod
    async def fill(self, name: str, card: str, text: str) -> bool:
        """Answer by the form of this card; whether the bot says that it is recorded."""

    @abstractmethod
    async def say(self, name: str, card: str, text: str) -> Any:
        """Say something in the thread of this card; the message, or None where there is no thread yet."""

    @abstractmethod
    async def edit(self, name: str, message: Any, text: str) -> None:
        """Say an own message anew."""

    @abstractmethod
    async def delete(self, name: str, message: Any) -> None:
        """Delete an own message."""

    @abstractmethod
    def marked(self, message: Any) -> bool:
        """Whether the bot has marked it: it counts."""

    @abstractmethod
    def standing(self) -> Iterator[Standing]:
        """Every message of the bot's in the channel and its threads."""

    @abstractmethod
    def removed(self) -> int:
        """Messages of the bot's that it has deleted itself."""

    async def sees_mark(self, message: Any, patience: float = PATIENCE) -> bool:
        """Whether a mark comes before they look away."""
        with self._time.slowly():
            return await self._seen(lambda: self.marked(message), patience)

    async def _seen(self, condition: Callable[[], object], patience: float = PATIENCE) -> bool:
        try:
            await self._until(condition, patience * slowness())
        except TimeoutError:
            return False
        return True

    @abstractmethod
    async def _until(self, condition: Callable[[], object], patience: float) -> None: ...


class DiscordSpot(Spot):
    """A channel of a Discord server."""

    platform = "discord"

    def __init__(self, server: DiscordServer, time: Time, name: str, *, sealed: bool = False) -> None:
        super().__init__(time, sealed=sealed)
        self._server = server
        guild = server.guild("Study")
        self._channel = guild.channel(name)
        self._guild = guild.id
        self.id = discord_ids.channel_id(guild.id, self._channel.id)
        ada = guild.member("ada", permissions=discord_server.Perm.MANAGE_GUILD)
        self.members = {"ada": ada} | {who: guild.member(who) for who in ("bob", "cem", "dan")}

    def id_of(self, name: str) -> str:
        return discord_ids.member_id(self._guild, self.members[name].id)

    async def ask(self, name: str, command: str, **options: str) -> str:
        given: dict[str, Any] = dict(options)
        if "member" in given:
            given["member"] = self.members[given["member"]]
        whose = "nnquestion" if command in ("ask", "me", "leaderboard", "when") else "nnquestion-admin"
        try:
            begun = self.members[name].call(f"{whose} {command}", self._channel, given)
        except discord_server.CannotDo:  # Nobody has told Discord the commands yet.
            return ""
        return str(begun.text) if await self._settled(begun) else ""

    async def fill(self, name: str, card: str, text: str) -> bool:
        who = self.members[name]
        try:
            pressed = await who.press(self._channel.by_id[int(card)], "Answer", wait=False)
            if not await self._settled(pressed) or pressed.form is None:
                return False
            sent = await who.submit(pressed.form, {"Your answer": text}, wait=False)
        except discord_server.CannotDo:
            return False
        return await self._settled(sent) and _RECEIPT.search(sent.text) is not None

    async def _settled(self, begun: discord_server.Interaction) -> bool:
        with self._time.slowly():
            return await self._seen(lambda: begun.settled) and begun.error is None

    async def say(self, name: str, card: str, text: str) -> Any:
        thread = self._channel.by_id[int(card)].thread
        return None if thread is None else await self.members[name].say(thread, text)

    async def edit(self, name: str, message: Any, text: str) -> None:
        await self.members[name].edit(message, text)

    async def delete(self, name: str, message: Any) -> None:
        await self.members[name].delete(message)

    def marked(self, message: Any) -> bool:
        return self._server.bot in message.reactions.get(DISCORD_MARK, [])

    def standing(self) -> Iterator[Standing]:
        for place in (self._channel, *self._channel.threads):
            for message in place.messages:
                if message.author is self._server.bot and not message.deleted and message.type == 0:
                    text = discord_server.words_of(message)
                    thread = str(place.id) if place.is_thread else None
                    yield Standing(str(message.id), thread, _last(text), text, tuple(message.labels))

    def removed(self) -> int:
        return sum(
            request.status == 204
            for place in (self._channel, *self._channel.threads)
            for request in self._server.asked("DELETE", f"/channels/{place.id}/messages/*")
        )

    async def _until(self, condition: Callable[[], object], patience: float) -> None:
        await self._server.until(condition, patience=patience)


class SlackSpot(Spot):
    """A channel of a Slack workspace."""

    platform = "slack"

    def __init__(self, server: SlackServer, time: Time, name: str, *, sealed: bool = False) -> None:
        super().__init__(time, sealed=sealed)
        self._server = server
        team = server.team("Study")
        ada = team.user("ada", admin=True, tz="Europe/Berlin")
        self.members = {"ada": ada} | {who: team.user(who) for who in ("bob", "cem", "dan")}
        self._channel = team.channel(name)
        self._team = team
        self.id = slack_ids.channel_id(team.id, self._channel.id)

    def id_of(self, name: str) -> str:
        return slack_ids.member_id(self._team.id, self.members[name].id)

    async def ask(self, name: str, command: str, **options: str) -> str:
        if command == "award":
            rest = [self.members[options["member"]].mention, options["points"], options["reason"]]
        else:
            rest = [f"{option}={value}" for option, value in options.items()]
        with self._time.slowly():
            begun = await self.members[name].command(COMMAND, " ".join([command, *rest]), self._channel, wait=False)
            await self._seen(lambda: begun.settled)
        return " ".join(message.words for message in begun.shown if message.ephemeral)

    async def fill(self, name: str, card: str, text: str) -> bool:
        who = self.members[name]
        with self._time.slowly():
            try:
                pressed = await who.press(self._channel.by_ts[card], "Answer", wait=False)
                if not await self._seen(lambda: pressed.modal or pressed.error) or pressed.modal is None:
                    return False
                sent = await who.submit(pressed.modal, {"Your answer": text}, wait=False)
            except slack_server.CannotDo:
                return False
            return await self._seen(lambda: _is_receipt(sent) or sent.error or sent.errors) and _is_receipt(sent)

    async def say(self, name: str, card: str, text: str) -> Any:
        return await self.members[name].say(self._channel, text, thread=self._channel.by_ts[card])

    async def edit(self, name: str, message: Any, text: str) -> None:
        await self.members[name].edit(message, text)

    async def delete(self, name: str, message: Any) -> None:
        await self.members[name].delete(message)

    def marked(self, message: Any) -> bool:
        return self._team.bot in message.reactions.get(SLACK_MARK, [])

    def standing(self) -> Iterator[Standing]:
        for message in self._channel.by_ts.values():
            if message.user is self._team.bot and not message.deleted and not message.ephemeral:
                thread = message.thread_ts if message.is_reply else None
                yield Standing(message.ts, thread, _last(message.words), message.words, tuple(message.labels))

    def removed(self) -> int:
        deleted = [one for one in self._server.asked("chat.delete") if one.ok]
        return sum(one.arguments.get("channel") == self._channel.id for one in deleted)

    async def _until(self, condition: Callable[[], object], patience: float) -> None:
        await self._server.until(condition, patience=patience)


def _is_receipt(sent: slack_server.Outcome) -> bool:
    return any(_RECEIPT.search(view.words) for view in sent.views if view.type == "modal")


def _last(text: str) -> str:
    found = _REFERENCE.findall(text)
    return found[-1] if found else ""
