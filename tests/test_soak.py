"""The soak itself: a week of it, and that it notices what grows. The whole is `make soak`."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from tests.soak import Week, judged, soaked


async def test_a_week_leaves_nothing_behind_but_what_members_said_and_a_file_that_is_left_open_is_noticed(
    tmp_path: Path,
) -> None:
    with ExitStack() as left:
        days, faults = await soaked(
            tmp_path, periods=7, days=1, daily=lambda: left.enter_context(tempfile.TemporaryFile())
        )
    assert faults == []
    assert [found.partition(":")[0] for found in judged(days)] == ["files"]
    assert days[-1].rows["answers"] == 7 * 20
    assert days[-1].rows["rounds"] >= 7 * 4


STEADY = [
    Week(
        number,
        {
            "rss MB": 100,
            "objects": 1e5,
            "files": 16,
            "threads": 5,
            "tasks": 1,
            "db MB": number,
            "log MB": 4,
            "backups": 4,
        },
        {"facts": 7, "answers": 140 * number, "other events": min(140 * number, 1_200)},
    )
    for number in range(1, 11)
]


def test_what_is_level_or_grows_with_what_is_said_is_no_fault() -> None:
    assert judged(STEADY) == []


@pytest.mark.parametrize(("name", "a_week"), [("rss MB", 5), ("objects", 3_000), ("threads", 1), ("tasks", 1)])
def test_what_a_process_holds_more_of_from_week_to_week_is_a_fault(name: str, a_week: float) -> None:
    weeks = [replace(week, holds=week.holds | {name: week.holds[name] + a_week * week.number}) for week in STEADY]
    assert [found.partition(":")[0] for found in judged(weeks)] == [name]


@pytest.mark.parametrize(
    ("name", "rows"), [("facts", lambda number: 7 + number), ("answers", lambda number: 10 * number**2)]
)
def test_a_table_that_grows_by_itself_is_a_fault(name: str, rows: object) -> None:
    assert callable(rows)
    weeks = [replace(week, rows=week.rows | {name: rows(week.number)}) for week in STEADY]
    assert [found.partition(":")[0] for found in judged(weeks)] == [name]
