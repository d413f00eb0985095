"""Discord's tests draw no real pictures: what is drawn has tests of its own, and takes seconds to load."""

from __future__ import annotations

import pytest

from bot import pictures
from bot.core.card import Picture

PNG = b"\x89PNG\r\n\x1a\n"


async def draw(picture: Picture) -> bytes:
    """What says which picture it would be."""
    return PNG + picture.title.encode()


@pytest.fixture(autouse=True)
def _quick_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures.Drawer, "drawn", staticmethod(draw))
