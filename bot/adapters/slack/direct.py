"""What members say to the bot alone: an answer to the question they were reminded of last.

What is said while Slack cannot reach the program for longer than it tries again (some minutes) is not read later: what
is not answered there has not been heard, and its author sees that.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from slack_sdk.web.async_client import AsyncWebClient

from bot.adapters.slack import failures
from bot.adapters.slack.ids import member_id, stamp
from bot.adapters.slack.messages import addressed, plain, removed, typed
from bot.adapters.slack.people import People
from bot.adapters.slack.render import render
from bot.core import asking
from bot.core.card import Card
from bot.core.cards import line
from bot.core.model import Told, Why
from bot.studybot import StudyBot

log = logging.getLogger(__name__)

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

    async def _said(self, team: str, event: Mapping[str, Any], message: Mapping[str, Any]) -> None:
        user = str(message.get("user") or "")
        if not typed(message) or user == self._bot_user():
            return
        text = str(message.get("text") or "")
        own = addressed(text, self._bot_user())
        ts, edited = str(message["ts"]), str((message.get("edited") or {}).get("ts") or "")
        said = plain(text if own is None else own)
        await self._take(team, event, message, f"{ts}/{edited}", said, stamp(edited or ts))

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
