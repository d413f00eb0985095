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
from bot.core.model import ChannelId, Round, RoundState, Source, platform_of
from bot.core.ports import Failure
from bot.studybot import StudyBot

log = logging.getLogger(__name__)

READ_AT_MOST: Final = 1_000
"""Messages of a thread that are read after a gap. Slack tells the oldest first."""

_PAGE: Final = 200
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
        pauses: Callable[[], Iterator[float]],
    ) -> None:
        """`heard` takes a message of a channel as Slack shows it now, `deleted` one that is no longer there."""
        self._bot = bot
        self._client = client
        self._clock = clock
        self._heard = heard
        self._deleted = deleted
        self._pauses = pauses
        self._numbers = itertools.count(1)
        self._reading = 0

    async def hold(self) -> None:
        """Nothing closes before it has been read what was said meanwhile."""
        for channel in {round_.channel for round_ in await self._open_rounds()}:
            self._bot.fetching(channel, self._clock())

    async def read(self) -> None:
        """Read all that may have been missed. A later call takes over from one that is still at it."""
        self._reading = number = next(self._numbers)
        await self.hold()
        left = {round_.channel for round_ in await self._open_rounds()}
        waits = self._pauses()
        while left and self._reading == number:
            troubled = set[ChannelId]()
            for round_ in await self._open_rounds():
                if round_.channel in left and not await self._read_round(round_):
                    troubled.add(round_.channel)
            for channel in left - troubled:
                self._bot.fetched(channel)
            left &= troubled
            if left:
                await asyncio.sleep(next(waits))

    async def _read_round(self, round_: Round) -> bool:
        """Whether a round's thread has been read, or never can be."""
        if round_.sealed or round_.card is None:
            return True
        there = set[str]()
        try:
            async for message in self._messages(round_):
                if removed(message):
                    continue
                there.add(str(message["ts"]))
                if message["ts"] != round_.card.message:
                    await self._heard(channel_of(round_.channel), message)
            if round_.card.message not in there:
                await self._bot.card_deleted(round_.id)
            if len(there) < READ_AT_MOST:
                for answer in await self._bot.answers_in(round_.id):
                    for part in answer.parts:
                        if part.source is Source.MESSAGE and part.id not in there:
                            await self._look_for(round_, part.id)
        except failures.TROUBLE as error:
            if failures.gone(error):
                return True
            row = failures.row_of(error)
            log.warning("%s: its thread could not be read (%s)", round_.id, failures.in_words(error))
            return row is not None and row.outcome in (Failure.FORBIDDEN, Failure.CHANNEL_GONE)
        return True

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
        assert round_.card is not None
        cursor, seen = "", 0
        while seen < READ_AT_MOST:
            more: dict[str, Any] = {"cursor": cursor} if cursor else {}
            page = await self._client().conversations_replies(
                channel=channel_of(round_.channel), ts=round_.card.message, limit=_PAGE, **more
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
