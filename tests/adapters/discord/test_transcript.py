"""The day that the docs show is the day that the program plays."""

from __future__ import annotations

from tests.adapters.discord.transcript import PAGE, play


async def test_the_day_in_the_docs_is_what_members_see() -> None:
    assert PAGE.read_text(encoding="utf-8") == await play(), "run `python -m tests.adapters.discord.transcript`"
