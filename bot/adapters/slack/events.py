"""What happens in a workspace: written down before Slack is told that it came, then worked on.

Slack is told so at once, and does not send it again. Whatever is left when the program ends is worked on after the next
start. One message may come as two events, late, twice, or out of order: what it means is known by what it is.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from weakref import WeakValueDictionary

from slack_sdk.web.async_client import AsyncWebClient
from structlog.contextvars import bound_contextvars

from bot.adapters.slack import commands, failures
from bot.adapters.slack.direct import Direct
from bot.adapters.slack.ids import channel_id, channel_of, group_id, user_of
from bot.adapters.slack.messages import addressed, removed, said, typed
from bot.adapters.slack.people import People
from bot.beside import Beside
from bot.core import commands as table
from bot.core import notices
from bot.core.answering import Deleted, Said
from bot.core.commands import Misread
from bot.core.model import ChannelId, MessageRef, Occurrence, Place, Receipt, RoundId, RoundState, Told, Why
from bot.core.ports import StoreError
from bot.studybot import StudyBot

log = logging.getLogger(__name__)

MARK: Final = "white_check_mark"
"""The reaction on what counts; the card's footer explains it."""

_LIVE: Final = (RoundState.OPEN, RoundState.CLOSED, RoundState.GRADED)


@dataclass(frozen=True, slots=True)
class Me:
    """The bot itself: its ids in the workspace."""

    team: str
    user: str
    bot: str
    app: str = ""

    @property
    def ids(self) -> frozenset[str]:
        return frozenset({self.user, self.bot, self.app} - {""})


class Asked(Protocol):
    """What members ask for by an event rather than by a command or a button."""

    async def mentioned(self, event: Mapping[str, Any], text: str) -> None:
        """Carry out what follows a mention of the bot."""
        ...

    async def show_home(self, user: str) -> None:
        """Show somebody their own page."""
        ...

    async def greet(self, channel: str, inviter: str) -> None:
        """Tell whoever took the bot into a channel how to begin."""
        ...


class Events:
    """Takes events in, and works on them."""

    def __init__(
        self,
        bot: StudyBot,
        client: Callable[[], AsyncWebClient],
        clock: Callable[[], datetime],
        people: People,
        *,
        me: Callable[[], Me],
        asked: Asked,
    ) -> None:
        """`asked` carries out what members ask for by an event."""
        self._bot = bot
        self._client = client
        self._clock = clock
        self._people = people
        self._me = me
        self._asked = asked
        self.direct = Direct(bot, client, clock, people, bot_user=lambda: me().user, marked=self.mark)
        self.beside = Beside()
        self.again_after = 2.0
        """Seconds after which a message is looked at again that may stand below a card whose sending is unclear."""
        self._marking = WeakValueDictionary[RoundId, asyncio.Lock]()
        self._in_hand = set[str]()

    # --- in and out -------------------------------------------------------------------------------------------

    async def receive(self, body: Mapping[str, Any]) -> bool:
        """Write an event down; False if nothing is to be done about it, or whoever wrote it down before does it."""
        event = body.get("event") or {}
        team = str(body.get("team_id") or event.get("team") or self._me().team)
        if self._is_own(event) or (self._me().team and team != self._me().team):
            return False
        if _is_a_look(event):
            return True
        data = {"team": team, "event": json.dumps(event, sort_keys=True)}
        return await self._bot.receive(_inbox_id(body), data, self._clock())

    async def work(self, body: Mapping[str, Any]) -> None:
        """Work on an event that was received, unless that has been done."""
        event = body.get("event") or {}
        if not _is_a_look(event):
            await self._work_on(_inbox_id(body))
        elif event.get("tab", "home") == "home":
            await self._asked.show_home(str(event["user"]))

    async def work_off(self, *, waiting_for: timedelta = timedelta()) -> None:
        """Work on whatever an earlier run has left, or another copy has not worked on for so long."""
        before = self._clock() - waiting_for
        for received in await self._bot.received():
            if received.id.startswith(_INBOX) and received.at <= before:  # One that has to wait holds up no other.
                self.beside.start(self._work_on(received.id))

    async def _work_on(self, id: str) -> None:
        if id in self._in_hand:
            return
        self._in_hand.add(id)
        try:
            received = await self._bot.received_as(id)
            if received is not None:
                await self._carry_out(received)
        finally:
            self._in_hand.discard(id)

    async def _carry_out(self, received: Occurrence) -> None:
        event: Mapping[str, Any] = json.loads(received.data["event"])
        with bound_contextvars(**_about(received.data["team"], event)):
            await self._try(received, event)

    async def _try(self, received: Occurrence, event: Mapping[str, Any]) -> None:
        try:
            await self._take(received.data["team"], event)
        except failures.TROUBLE as error:  # What had to be asked of Slack may be asked again after the next start.
            log.warning("event %s could not be worked on (%s)", received.id, failures.in_words(error))
            return
        except StoreError:
            raise
        except Exception:  # It would fail again after every start.
            log.exception("event %s could not be worked on", received.id)
        await self._bot.finish(received, "done")

    async def _take(self, team: str, event: Mapping[str, Any]) -> None:
        kind, channel = event.get("type"), event.get("channel")
        match kind:
            case "message":
                await self._message(team, event)
            case "app_mention":
                await self._mention(event)
            case "member_joined_channel" if event.get("user") == self._me().user:
                await self._asked.greet(str(channel), str(event.get("inviter") or ""))
            case "channel_archive" | "group_archive":
                await self._lost(team, str(channel), "the channel was archived")
            case "channel_deleted" | "group_deleted":
                await self._lost(team, str(channel), "the channel was deleted")
            case "channel_left" | "group_left":
                await self._lost(team, str(channel), "I was removed from the channel")
            case "app_uninstalled" | "tokens_revoked" if _of_the_bot(event):
                log.warning("the app was removed from workspace %s; its drills stop", team)
                await self._bot.left(group_id(team), self._clock())

    async def _lost(self, team: str, channel: str, why: str) -> None:
        await self._bot.channel_lost(channel_id(team, channel), why, self._clock())

    # --- messages ---------------------------------------------------------------------------------------------

    async def _message(self, team: str, event: Mapping[str, Any]) -> None:
        if _is_direct(event):
            await self.direct.heard(team, event)
            return
        if event.get("channel_type") not in (None, "channel", "group") or not event.get("channel"):
            return
        channel = str(event["channel"])
        match event.get("subtype"):
            case "message_deleted":
                before = event.get("previous_message") or {}
                await self._gone(team, channel, str(event.get("deleted_ts") or before["ts"]))
            case "message_changed":
                message = event.get("message") or {}
                if removed(message):
                    await self._gone(team, channel, str(message["ts"]))
                elif message.get("edited") or message.get("text") != (event.get("previous_message") or {}).get("text"):
                    await self.heard(team, channel, message)  # A link that unfolds changes a message, too.
            case _:
                await self.heard(team, channel, event)

    async def heard(self, team: str, channel: str, message: Mapping[str, Any]) -> None:
        """A message as it stands now: posted, edited, or read again."""
        if not typed(message) or message.get("user") == self._me().user:
            return
        if await self._bot.drill_in(channel_id(team, channel)) is None:
            return
        text = addressed(str(message.get("text") or ""), self._me().user)
        if text is not None and _is_command(text):
            return
        name = (await self._people.who(str(message["user"]))).name
        spoken = said(team, channel, message, name, self._me().user)
        if spoken is None:
            return
        place = spoken.place
        if place.thread is None:  # In a channel only what was submitted as an answer matters, once it is edited.
            if spoken.edited_at is not None:
                self.mark(await self._bot.answer(spoken, self._clock()))
            return
        while True:
            is_on_its_way = await self._is_on_its_way(place.channel)  # Before it is looked for: it may come just now.
            if await self._bot.round_at(place) is not None:
                await self._answer(spoken)
                return
            card = MessageRef(place=Place(channel=place.channel), message=place.thread)
            round_ = await self._bot.round_of_card(card)
            if round_ is not None and round_.sealed and round_.state in _LIVE:
                # The bot cannot remove what was said, but can say where it belongs.
                told = Told(receipt=Receipt.NOT_COUNTED, why=Why.SEALED)
                await self._tell_once(f"sealed/{round_.id}/{spoken.member}", spoken, told)
                return
            if not is_on_its_way:
                return
            await asyncio.sleep(self.again_after)

    async def _is_on_its_way(self, channel: ChannelId) -> bool:
        """Whether a card may stand in a channel that nobody knows of yet: its sending is unclear."""
        return any(
            round_.channel == channel
            and round_.state is RoundState.OPEN
            and (round_.card is None or (round_.thread is None and not round_.sealed))
            for round_ in await self._bot.posted_rounds()
        )

    async def _answer(self, spoken: Said) -> None:
        told = await self._bot.answer(spoken, self._clock())
        self.mark(told)
        match told.receipt:  # Others show by the mark, or its absence.
            case Receipt.LATE:
                await self._tell_once(f"late/{told.round}/{spoken.member}", spoken, told)
            case Receipt.TOO_LONG:
                await self._tell_once(f"long/{spoken.id}", spoken, told)
            case Receipt.NOT_COUNTED if told.why is Why.FINAL:
                await self._tell_once(f"final/{told.round}/{spoken.member}", spoken, told)

    async def _tell_once(self, about: str, spoken: Said, told: Told) -> None:
        """Say something in private to whoever wrote a message, however often it is heard or read."""
        id = f"slack/told/{about}"
        if await self._bot.receive(id, {}, self._clock()):
            await self._bot.finish(Occurrence(id=id, at=self._clock()), "told")
            self.beside.start(self._note(spoken, told))

    async def _gone(self, team: str, channel: str, ts: str) -> None:
        there = channel_id(team, channel)
        if await self._bot.drill_in(there) is None:
            return
        await self.deleted(Deleted(channel=there, message=ts, at=self._clock()))
        if round_ := await self._bot.round_of_card(MessageRef(place=Place(channel=there), message=ts)):
            await self._bot.card_deleted(round_.id)

    async def deleted(self, gone: Deleted) -> None:
        """A message is no longer there."""
        self.mark(await self._bot.answer(gone, self._clock()))

    # --- mentions ---------------------------------------------------------------------------------------------

    def _is_own(self, event: Mapping[str, Any]) -> bool:
        """Whether an event only says what the bot itself has written."""
        if event.get("type") != "message" or event.get("subtype") == "message_deleted":
            return False
        message = event.get("message") or event
        return message.get("user") == self._me().user and not removed(message)

    async def _mention(self, event: Mapping[str, Any]) -> None:
        text = addressed(str(event.get("text") or ""), self._me().user)
        if text is None or not typed(event) or _is_direct(event):
            return
        thread = event.get("thread_ts")
        inside = thread and await self._bot.round_at(
            Place(channel=channel_id(self._me().team, str(event["channel"])), thread=str(thread))
        )
        if not inside or _is_command(text):  # Else it is an answer, or talk.
            await self._asked.mentioned(event, text)

    # --- what is told -----------------------------------------------------------------------------------------

    def mark(self, told: Told) -> None:
        """Put the mark on what counts now, and take it off what does not. Best effort, beside everything else."""
        if told.round is not None and (told.counts or told.counts_no_more):
            self.beside.start(self._mark(told))

    async def _mark(self, told: Told) -> None:
        assert told.round is not None
        async with self._marking.setdefault(told.round, asyncio.Lock()):  # In the order in which it happened.
            round_ = await self._bot.round(told.round)
            if round_ is None:
                return
            channel = channel_of(round_.channel)
            for ts in told.counts_no_more:
                await self._best_effort(self._client().reactions_remove(name=MARK, channel=channel, timestamp=ts))
            for ts in told.counts:
                await self._best_effort(self._client().reactions_add(name=MARK, channel=channel, timestamp=ts))

    async def _note(self, spoken: Said, told: Told) -> None:
        user = user_of(spoken.member)
        if user is not None:
            note = self._client().chat_postEphemeral(
                channel=channel_of(spoken.place.channel),
                user=user,
                text=notices.told(told),
                thread_ts=spoken.place.thread,
            )
            await self._best_effort(note)

    @staticmethod
    async def _best_effort(request: Awaitable[object]) -> None:
        try:
            await request
        except failures.TROUBLE as error:
            if not failures.nobody_waits(error):
                log.info("a mark or a note could not be set (%s)", failures.in_words(error))


def _about(team: str, event: Mapping[str, Any]) -> dict[str, str]:
    """The keys under which the log names where something happened."""
    channel = event.get("channel")
    said = {"group": str(group_id(team))}
    return said | {"channel": channel_id(team, channel)} if isinstance(channel, str) else said


def _is_command(text: str) -> bool:
    try:
        table.read(commands.read(text))
    except Misread:
        return False
    return True


def _is_direct(event: Mapping[str, Any]) -> bool:
    """Whether something happened in direct messages with the bot."""
    kind = event.get("channel_type")
    return kind == "im" or (not kind and str(event.get("channel") or "").startswith("D"))


def _is_a_look(event: Mapping[str, Any]) -> bool:
    """Whether somebody only looks at their own page: it is shown anew each time, and to nobody who has gone."""
    return event.get("type") == "app_home_opened"


_INBOX: Final = "slack/event/"


def _inbox_id(body: Mapping[str, Any]) -> str:
    """What an event is known by: its number, where there is one, and all that it says."""
    event = body.get("event") or {}
    said = hashlib.sha256(json.dumps(event, sort_keys=True).encode()).hexdigest()[:16]
    if event.get("type") == "app_mention" and event.get("ts"):  # It is answered once, under whatever numbers it comes.
        return f"{_INBOX}{event.get('channel')}/{event['ts']}/mention"
    return f"{_INBOX}{body.get('event_id') or body.get('event_time')}/{said}"


def _of_the_bot(event: Mapping[str, Any]) -> bool:
    """Whether a token that was revoked is the bot's; it may be one that a member gave."""
    tokens = event.get("tokens") or {}
    return bool(tokens.get("bot")) or not tokens
