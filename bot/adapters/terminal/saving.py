"""What a person in the room may open with another program: pictures and text files, saved in a folder."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Final

from bot.core.card import Picture

log = logging.getLogger(__name__)

Draw = Callable[[Picture], Awaitable[bytes]]
"""A picture as PNG."""

DRAWN_WITHIN: Final = 30
"""Seconds of real time; a message waits no longer for its picture."""

LONGEST_NAME: Final = 60
"""Signs of a file's name that come from the title of a picture."""


def save(folder: Path, name: str, content: bytes) -> Path:
    """Save a file in a folder, which is made where it is missing. Raises OSError.

    Nothing is written over: where another file has the name, this one gets a number. The same again stays one file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = Path(name)  # Of which only the last part counts: whatever it is called, it goes into the folder.
    for number in chain([""], (f"-{n}" for n in count(2))):
        path = folder / f"{wanted.stem}{number}{wanted.suffix}"
        try:
            if path.read_bytes() == content:
                return path
        except FileNotFoundError:
            break
    half = path.with_name(f".{path.name}.part")  # A kill must not leave half a file under its name.
    half.write_bytes(content)
    return half.rename(path)


@dataclass(frozen=True, slots=True)
class Album:
    """Where the pictures of a room are saved. Without a folder none is drawn."""

    folder: Path | None
    draw: Draw

    async def keep(self, picture: Picture | None) -> str:
        """Draw and save a picture; its path, or nothing where there is none. A fault costs nobody the message."""
        if picture is None or self.folder is None:
            return ""
        title = re.sub(r"\W+", "-", picture.title.lower())[:LONGEST_NAME].strip("-")
        try:
            async with asyncio.timeout(DRAWN_WITHIN):
                png = await self.draw(picture)
            return str(save(self.folder, f"{title or 'picture'}.png", png))
        except Exception as problem:  # Whatever a font, a chart or a disk may raise.
            log.warning("the picture “%s” is not saved: %r", picture.title, problem)
            return ""
