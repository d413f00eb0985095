"""What goes along with a message: its picture, and text files for whoever asked for them.

Neither ever loses its words: what cannot be drawn, or is not taken, stays behind, and the log says so.
https://docs.slack.dev/messaging/working-with-files
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final, TypeVar

from slack_sdk.web.async_client import AsyncWebClient

from bot.adapters.slack import failures
from bot.adapters.slack.needs import UPLOADS
from bot.core.card import File, Picture
from bot.core.suggestions import shortened

log = logging.getLogger(__name__)

T = TypeVar("T")

Draw = Callable[[Picture], Awaitable[bytes]]
"""A picture as PNG."""

UPLOADED_WITHIN: Final = 20.0
"""Seconds of real time to draw and upload; a message waits no longer for its picture."""

KEPT: Final = 100
"""Pictures of which is known what they were uploaded as, so that another try does not upload them again."""

_TITLE: Final = 150


class Uploads:
    """Draws pictures and uploads them, and files. Nobody but the bot sees what was uploaded until it shows it."""

    def __init__(self, client: Callable[[], AsyncWebClient], draw: Draw) -> None:
        self._client = client
        self.draw = draw
        self.waits: Sequence[float] = (1.0, 2.0, 4.0, 8.0)
        """Seconds before each next try to show a picture that Slack does not know yet."""
        self._uploaded: dict[Picture, str] = {}
        self._told_of_scope = False

    async def shown(self, picture: Picture, show: Callable[[str], Awaitable[T]]) -> T | None:
        """What `show` makes of the file that a picture is uploaded as; None where that does not come about.

        A file can be shown only after Slack has looked through it, which takes a moment, and nothing tells of its end
        without the right to read everybody's files. So what is refused is tried again. Other errors of `show` are
        raised.
        """
        file = await self._file(picture)
        if not file:
            return None
        for wait in (*self.waits, None):
            try:
                return await show(file)
            except failures.TROUBLE as error:
                if not failures.blocks_refused(error):
                    raise
                refused = failures.in_words(error)
            if wait is not None:
                await asyncio.sleep(wait)
        log.warning("Slack does not show the picture “%s” (%s): its message goes without", picture.title, refused)
        self._uploaded.pop(picture, None)  # It may have been removed since.
        return None

    async def _file(self, picture: Picture) -> str:
        """What a picture is uploaded as; nothing where it cannot be."""
        if picture in self._uploaded:
            return self._uploaded[picture]
        try:
            async with asyncio.timeout(UPLOADED_WITHIN):
                png = await self.draw(picture)
                if not png:
                    return ""
                [file] = await self._upload([_item("picture.png", png, picture.title)])
        except failures.TROUBLE as error:
            self._without(picture, error)
            return ""
        except Exception as error:  # Whatever a font, a chart, or an answer that lacks something may raise.
            log.warning("the picture “%s” goes along with no message", picture.title, exc_info=error)
            return ""
        while len(self._uploaded) >= KEPT:
            del self._uploaded[next(iter(self._uploaded))]
        self._uploaded[picture] = file
        return file

    def _without(self, picture: Picture, error: Exception) -> None:
        if not failures.scope_missing(error):
            log.warning("the picture “%s” could not be uploaded (%s)", picture.title, failures.in_words(error))
        elif not self._told_of_scope:
            self._told_of_scope = True
            log.warning(
                "pictures are left out: the app was installed without the scope %s. Update its manifest (App Manifest "
                "in its settings) from data/slack_manifest.yaml, and install it again (Install App)",
                UPLOADS,
            )

    async def hand_over(self, files: Iterable[File], user: str, says: str) -> None:
        """Share files in somebody's direct messages with the bot. Raises what requests raise, and SlackClientError."""
        opened = await self._client().conversations_open(users=[user])
        items = [_item(file.name, file.text.encode(), file.name) for file in files]
        await self._upload(items, str(opened["channel"]["id"]), says)

    async def _upload(
        self, items: list[dict[str, Any]], channel: str | None = None, says: str | None = None
    ) -> list[str]:
        """The ids of what was uploaded, in order."""
        done = await self._client().files_upload_v2(file_uploads=items, channel=channel, initial_comment=says)
        return [str(file["id"]) for file in done["files"]]


def _item(name: str, data: bytes, title: str) -> dict[str, Any]:
    return {"filename": name, "file": data, "title": shortened(title, _TITLE) or name}
