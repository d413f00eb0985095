"""Slack as a messenger: where the bot's deliveries go.

Slack takes no key with a message that would make it one however often it is sent. So each carries the reference of its
delivery, in its metadata and its footer, and is looked for after an unclear outcome.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.adapters.slack import failures
from bot.adapters.slack.ids import channel_of, user_of
from bot.adapters.slack.render import Message, render
from bot.adapters.slack.uploads import Uploads
from bot.core.card import Card, reference
from bot.core.model import MessageRef, Place
from bot.core.ports import DeliveryError

EVENT: Final = "nnquestion_delivery"
"""The type of the metadata of what the bot posts. Members can read metadata: it holds the reference, and no more."""

LOOKED_THROUGH: Final = 200
"""Messages of a channel, latest first, among which a reference is looked for. Of a thread it is all."""

LONGEST_EDIT: Final = 4_000
"""Signs of the plain text beside an edit's blocks, which say all of it. https://docs.slack.dev/reference/methods/chat.update"""

_PAGE: Final = 100


class SlackMessenger:
    """Posts cards in channels, threads and, where a place is a member, direct messages."""

    def __init__(
        self,
        client: Callable[[], AsyncWebClient],
        bot_ids: Callable[[], Awaitable[frozenset[str]]],
        uploads: Uploads,
    ) -> None:
        """`client` posts, and never tries blindly again; `bot_ids` are the ids under which the bot's messages stand."""
        self._client = client
        self._bot_ids = bot_ids
        self._uploads = uploads

    def parts(self, card: Card) -> int:
        return len(render(card))

    async def send(self, place: Place, card: Card, *, part: int, key: str) -> MessageRef:
        with _asking(place):
            channel = await self._channel(place)

            async def post(file: str) -> AsyncSlackResponse:
                return await self._client().chat_postMessage(
                    channel=channel,
                    thread_ts=place.thread,
                    unfurl_links=False,
                    unfurl_media=False,
                    **_content(card, part, key, file),
                )

            posted = await self._with_picture(card, post)
            return MessageRef(place=place, message=str(posted["ts"]))

    async def edit(self, ref: MessageRef, card: Card, *, part: int, key: str) -> None:
        with _asking(ref.place):
            channel = await self._channel(ref.place)

            async def put(file: str) -> AsyncSlackResponse:
                content = _content(card, part, key, file)
                if len(content["text"]) > LONGEST_EDIT:
                    content["text"] = content["text"][: LONGEST_EDIT - 1] + "…"
                return await self._client().chat_update(channel=channel, ts=ref.message, **content)

            await self._with_picture(card, put)

    async def _with_picture(
        self, card: Card, post: Callable[[str], Awaitable[AsyncSlackResponse]]
    ) -> AsyncSlackResponse:
        """What `post` makes of a card with its picture, where that can be shown."""
        posted = await self._uploads.shown(card.picture, post) if card.picture is not None else None
        return posted if posted is not None else await post("")

    async def find(self, place: Place, *, key: str) -> list[MessageRef]:
        with _asking(place):
            own = await self._bot_ids()  # Whoever does not know yet who they are would find nothing, and post again.
            found = [str(one["ts"]) async for one in self._messages(place) if _carries(one, key, own)]
        return [MessageRef(place=place, message=ts) for ts in sorted(found, key=_moment)]

    async def delete(self, ref: MessageRef) -> None:
        with _asking(ref.place):
            try:
                await self._client().chat_delete(channel=await self._channel(ref.place), ts=ref.message)
            except failures.TROUBLE as error:
                if not failures.gone(error):
                    raise

    async def open_thread(self, ref: MessageRef, title: str) -> Place:
        """A thread of Slack's is there as soon as somebody writes in it: no request, and no title."""
        return Place(channel=ref.place.channel, thread=ref.message)

    async def _channel(self, place: Place) -> str:
        user = user_of(place.channel)
        if user is None:
            return channel_of(place.channel)
        opened = await self._client().conversations_open(users=[user])
        return str(opened["channel"]["id"])

    async def _messages(self, place: Place) -> AsyncIterator[Mapping[str, Any]]:
        channel, cursor, seen = await self._channel(place), "", 0
        while True:
            more: dict[str, Any] = {"limit": _PAGE, "include_all_metadata": True} | (
                {"cursor": cursor} if cursor else {}
            )
            page = await (
                self._client().conversations_history(channel=channel, **more)
                if place.thread is None
                else self._client().conversations_replies(channel=channel, ts=place.thread, **more)
            )
            messages = page.get("messages") or []
            for message in messages:
                yield message
            seen += len(messages)
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor or (place.thread is None and seen >= LOOKED_THROUGH):
                return


def _carries(message: Mapping[str, Any], key: str, own: frozenset[str]) -> bool:
    """Whether this is the message of a delivery; what others have written proves nothing."""
    if own.isdisjoint({message.get("user"), message.get("bot_id"), message.get("app_id")}):
        return False
    metadata = message.get("metadata") or {}
    payload = metadata.get("event_payload") or {}
    if metadata.get("event_type") == EVENT and "ref" in payload:
        return bool(payload["ref"] == reference(key))
    texts = [
        str(element.get("text"))
        for block in message.get("blocks") or ()
        if block.get("type") == "context"
        for element in block.get("elements") or ()
    ]
    return bool(texts) and texts[-1].split()[-2:] == ["ref", reference(key)]


@contextmanager
def _asking(place: Place) -> Iterator[None]:
    """What goes wrong with a request about a place is told as the port wants it."""
    try:
        yield
    except DeliveryError:
        raise
    except Exception as error:
        raise failures.failure_of(error, place) from error


def _content(card: Card, part: int, key: str, file: str) -> dict[str, Any]:
    message: Message = render(card, reference=reference(key), file=file)[part - 1]
    return {
        "text": message.text,
        "blocks": list(message.blocks),
        "metadata": {"event_type": EVENT, "event_payload": {"ref": reference(key)}},
    }


def _moment(ts: str) -> tuple[int, str]:
    seconds, _, rest = ts.partition(".")
    return int(seconds), rest
