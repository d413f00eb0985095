"""Gaps in what the bot hears: after a start and each new socket the threads of open rounds are read again.

Slack sends what happened while no socket was open for some minutes only, and a socket may die silently. A round does
not close while something may be missing. What was heard before changes nothing, so all that is found is handed in.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from slack_sdk.web.async_client import AsyncWebClient

from bot.adapters.slack import failures
from bot.adapters.slack.ids import channel_of
from bot.adapters.slack.messages import removed
from bot.core.answering import Deleted
from bot.core.model import ChannelId, MessageRef, Round, RoundState, Source, platform_of
from bot.core.ports import Failure
from bot.studybot import StudyBot

log = logging.getLogger(__name__)

READ_AT_MOST: Final = 1_000
"""Messages of a thread that are read after a gap. Slack tells the oldest first."""

_PAGE: Final = 200
_NEVER: Final = (Failure.FORBIDDEN, Failure.CHANNEL_GONE, Failure.REFUSED)
"""Failures after which asking again is of no use."""

_LIVE: Final = (RoundState.OPEN, RoundState.CLOSED, RoundState.GRADED)


class Gaps:
    """Holds rounds open until what was said in a gap has been read."""

    def __init__(
        self,
        bot: StudyBot,
        client: Callable[[], AsyncWebClient],
        clock: Callable[[], datetime],
        *,
        heard: Callable[[str, Mapping[str, Any]], Awaitable[None]],
        deleted: Callable[[Deleted], Awaitable[None]],
        replies: Callable[[MessageRef], Awaitable[None]],
        pauses: Callable[[], Iterator[float]],
    ) -> None:
        """`heard` takes a message of a channel as Slack shows it now, `deleted` one that is no longer there; `replies`
        reads what stands below a reminder.
        """
        self._bot = bot
        self._client = client
        self._clock = clock
        self._heard = heard
        self._deleted = deleted
        self._replies = replies
        self._pauses = pauses
        self._numbers = itertools.count(1)
        self.reading = 0
        """The number of the latest reading; 0 before the first."""
        self._away = False

    async def hold(self) -> None:
        """Nothing closes before it has been read what was said meanwhile."""
        for channel in {round_.channel for round_ in await self._open_rounds()}:
            self._bot.fetching(channel, self._clock())

    async def away(self) -> None:
        """The socket broke: nothing closes before there is another, and all has been read."""
        self._away, reading = True, self.reading
        rounds = await self._open_rounds()
        if self._away and self.reading == reading:  # Else there is another already.
            for channel in {round_.channel for round_ in rounds}:
                self._bot.fetching(channel, self._clock())

    async def read(self) -> None:
        """Read all that may have been missed. A later call takes over from one that is still at it."""
        self.reading = number = next(self._numbers)
        self._away = False
        await self.hold()
        left = {round_.channel for round_ in await self._open_rounds()}
        waits = self._pauses()
        while left and self.reading == number:
            troubled = set[ChannelId]()
            for round_ in await self._open_rounds():
                if round_.channel in left and not await self._read_round(round_):
                    troubled.add(round_.channel)
            for channel in left - troubled if self.reading == number and not self._away else ():
                self._bot.fetched(channel)
            left &= troubled
            if left:
                await asyncio.sleep(next(waits))

    async def _read_round(self, round_: Round) -> bool:
        """Whether a round's thread, and what stands below its reminders, has been read, or never can be."""
        if not await self._read_replies(round_):
            return False
        if round_.sealed:
            return True
        if round_.card is None or round_.thread is None:  # Its card may stand, and its answer have been lost.
            return round_.state is not RoundState.OPEN
        try:
            await self._read_thread(round_, round_.card.message)
        except failures.TROUBLE as error:
            row = failures.row_of(error)
            log.warning("%s: its thread could not be read (%s)", round_.id, failures.in_words(error))
            return row is not None and row.outcome in _NEVER
        return True

    async def _read_replies(self, round_: Round) -> bool:
        read = True
        for reminder in await self._bot.reminders(round_.id):
            try:
                await self._replies(reminder)
            except failures.TROUBLE as error:
                row = failures.row_of(error)
                log.warning("%s: replies to a reminder could not be read (%s)", round_.id, failures.in_words(error))
                read = read and row is not None and row.outcome in _NEVER
        return read

    async def _read_thread(self, round_: Round, card: str) -> None:
        # What is said while the thread is being read stands on none of its pages, and is not deleted.
        answers = await self._bot.answers_in(round_.id)
        there = set[str]()
        try:
            async for message in self._messages(round_):
                if not removed(message):
                    there.add(str(message["ts"]))
                    if message["ts"] != card:
                        await self._heard(channel_of(round_.channel), message)
                elif message["ts"] == card:
                    await self._bot.card_deleted(round_.id)
        except failures.TROUBLE as error:
            if not failures.thread_gone(error):
                raise
            await self._bot.card_deleted(round_.id)
        if len(there) < READ_AT_MOST:
            for part in {part.id for answer in answers for part in answer.parts if part.source is Source.MESSAGE}:
                if part not in there:
                    await self._look_for(round_, part)

    async def _look_for(self, round_: Round, ts: str) -> None:
        """A part of an answer that its thread does not hold: deleted, or submitted from the channel."""
        channel = channel_of(round_.channel)
        page = await self._client().conversations_history(
            channel=channel, oldest=ts, latest=ts, inclusive=True, limit=1
        )
        for message in page.get("messages") or ():
            if message.get("ts") == ts and not removed(message):
                await self._heard(channel, message)
                return
        await self._deleted(Deleted(channel=round_.channel, message=ts, at=self._clock()))

    async def _messages(self, round_: Round) -> AsyncIterator[Mapping[str, Any]]:
        assert round_.thread is not None
        cursor, seen = "", 0
        while seen < READ_AT_MOST:
            more: dict[str, Any] = {"cursor": cursor} if cursor else {}
            page = await self._client().conversations_replies(
                channel=channel_of(round_.channel), ts=str(round_.thread.thread), limit=_PAGE, **more
            )
            for message in page.get("messages") or ():
                seen += 1
                yield message
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return

    async def _open_rounds(self) -> list[Round]:
        posted = await self._bot.posted_rounds()
        return [round_ for round_ in posted if round_.state in _LIVE and platform_of(round_.channel) == "slack"]
