"""What members say to the bot alone: an answer to the question they were reminded of last.

What is said below a reminder while Slack cannot reach the program for longer than it tries again (some minutes) is read
later, as long as its round is not revealed (`gaps`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from weakref import WeakValueDictionary

from slack_sdk.web.async_client import AsyncWebClient

from bot.adapters.slack import failures
from bot.adapters.slack.ids import member_id, stamp, user_of
from bot.adapters.slack.messages import addressed, plain, removed, typed
from bot.adapters.slack.people import People
from bot.adapters.slack.render import render
from bot.core import asking
from bot.core.card import Card
from bot.core.cards import line
from bot.core.model import MemberId, MessageRef, Told, Why
from bot.studybot import StudyBot

log = logging.getLogger(__name__)

READ_AT_MOST: Final = 100
"""Messages below a reminder that are read after a gap."""

_UNASKED: Final = asking.said(
    "Not counted",
    line("Here you answer what I remind you of. Say /nnquestion me remind 08:30 in a channel with a drill."),
)


class Direct:
    """Hears what is said in direct messages, and answers there."""

    def __init__(
        self,
        bot: StudyBot,
        client: Callable[[], AsyncWebClient],
        clock: Callable[[], datetime],
        people: People,
        *,
        bot_user: Callable[[], str],
        marked: Callable[[Told], None],
    ) -> None:
        """`marked` is told what counts now, and what does not any more: an answer may have been given elsewhere."""
        self._bot = bot
        self._client = client
        self._clock = clock
        self._people = people
        self._bot_user = bot_user
        self._marked = marked
        self._taking = WeakValueDictionary[MemberId, asyncio.Lock]()
        self._read = set[tuple[MemberId, str]]()
        """What was read after a gap. An event that an earlier run has left may tell of it once more."""

    async def missed(self, team: str, reminder: MessageRef) -> None:
        """Hear what was said below a reminder in a gap. Raises StoreError, and what the client does."""
        user = user_of(reminder.place.channel)
        assert user is not None, "a reminder is in somebody's direct messages"
        opened = await self._client().conversations_open(users=[user])
        channel = str(opened["channel"]["id"])
        below = await self._client().conversations_history(channel=channel, oldest=reminder.message, limit=READ_AT_MOST)
        thread = await self._client().conversations_replies(channel=channel, ts=reminder.message, limit=READ_AT_MOST)
        found = {str(one["ts"]): one for page in (below, thread) for one in page.get("messages") or ()}
        for _, message in sorted(found.items()):
            if message.get("user") == user:
                await self._said(team, {"channel": channel}, message, missed=True)

    async def heard(self, team: str, event: Mapping[str, Any]) -> None:
        """Something happened in somebody's direct messages with the bot."""
        before = event.get("previous_message") or {}
        match event.get("subtype"):
            case "message_deleted":
                await self._gone(team, event, str(event.get("deleted_ts") or before.get("ts") or ""))
            case "message_changed":
                message = event.get("message") or {}
                if removed(message):
                    await self._gone(team, event, str(message["ts"]))
                # A link that unfolds changes a message, too. It would be answered once more.
                elif message.get("edited") and message.get("text") != before.get("text"):
                    await self._said(team, event, message)
            case _:
                await self._said(team, event, event)

    async def _said(
        self, team: str, event: Mapping[str, Any], message: Mapping[str, Any], *, missed: bool = False
    ) -> None:
        user = str(message.get("user") or "")
        if not typed(message) or user == self._bot_user():
            return
        text = str(message.get("text") or "")
        own = addressed(text, self._bot_user())
        ts, edited = str(message["ts"]), _edited(message)
        said = plain(text if own is None else own)
        member, what = member_id(team, user), _named(message)
        async with self._taking.setdefault(member, asyncio.Lock()):  # It may come as an event, too, at the same time.
            if (member, what) in self._read or (missed and await self._bot.has_heard(member, what)):
                return
            await self._take(team, event, message, what, said, stamp(edited or ts))
            if missed:
                self._read.add((member, what))

    async def _gone(self, team: str, event: Mapping[str, Any], ts: str) -> None:
        before = event.get("previous_message") or {}
        if not ts or not typed(before) or before.get("user") == self._bot_user():
            return
        await self._take(team, event, before, f"{ts}/deleted", "", self._moment(event))

    def _moment(self, event: Mapping[str, Any]) -> datetime:
        """When something happened, as Slack says; else now."""
        try:
            return stamp(str(event.get("event_ts") or event.get("ts")))
        except ValueError:
            return self._clock()

    async def _take(
        self, team: str, event: Mapping[str, Any], message: Mapping[str, Any], what: str, text: str, at: datetime
    ) -> None:
        user = str(message["user"])
        member = member_id(team, user)
        name = (await self._people.who(user)).name
        told, card = await self._bot.direct(member, name, what, text, at, self._clock())
        self._marked(told)
        if told.why is Why.NO_ROUND and await self._bot.speaker([member], what) is None:
            card = _UNASKED
        if told.why is not Why.TALK:
            await self._tell(event, message, card)

    async def _tell(self, event: Mapping[str, Any], message: Mapping[str, Any], card: Card) -> None:
        """Answer where it was said. What cannot be told there counts all the same."""
        thread = message.get("thread_ts")
        for one in render(card):
            try:
                await self._client().chat_postMessage(
                    channel=str(event["channel"]),
                    text=one.text,
                    blocks=list(one.blocks),
                    thread_ts=str(thread) if thread and thread != message.get("ts") else None,
                    unfurl_links=False,
                    unfurl_media=False,
                )
            except failures.TROUBLE as error:
                log.info("a direct message could not be answered (%s)", failures.in_words(error))
                return


def _edited(message: Mapping[str, Any]) -> str:
    return str((message.get("edited") or {}).get("ts") or "")


def _named(message: Mapping[str, Any]) -> str:
    """What was said, by what it is: another form of a message is another thing."""
    return f"{message['ts']}/{_edited(message)}"
