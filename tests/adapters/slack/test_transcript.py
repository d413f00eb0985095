"""What the docs show of Slack is what the program does."""

from __future__ import annotations

from tests.adapters.slack import failure_table, transcript


async def test_the_day_in_the_docs_is_what_members_see() -> None:
    shown = transcript.PAGE.read_text(encoding="utf-8")
    assert shown == await transcript.play(), "run `python -m tests.adapters.slack.transcript`"


def test_the_docs_have_the_table_of_failures_of_the_code() -> None:
    page = failure_table.PAGE.read_text(encoding="utf-8")
    assert page == failure_table.written(page), "run `python -m tests.adapters.slack.failure_table`"
