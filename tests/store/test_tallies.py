"""The boards' roll-ups: whatever is added they are what a recount makes of the ledger, and a recount mends them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from bot.core.model import ChannelId, Entry, GroupId, MemberId, Season
from bot.core.scoring import season_dates
from bot.store.migrations import MIGRATIONS
from bot.store.tallies import recount
from bot.store.transaction import Tables
from tests.factories import ADA, BOB, CHANNEL, GROUP, RANDOM, TODAY, keep, make_entry, make_round

OTHER = GroupId("terminal:other")
ELSEWHERE = ChannelId("terminal:other/general")


def tallies(db: Database) -> set[tuple[object, ...]]:
    return set(db.execute("SELECT group_id, season, channel, member, points, rounds FROM tallies").fetchall())


@pytest.fixture(scope="module")
def made() -> Iterator[Database]:
    """One for all tries of a property; what a try does is undone."""
    yield from fresh()


@pytest.fixture
def db() -> Iterator[Database]:
    yield from fresh()


def fresh() -> Iterator[Database]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        db = Database(connection, execute_plugins=False, strict=True)
        MIGRATIONS.apply(db)
        db.execute("BEGIN")
        yield db


Row = tuple[int, int, ChannelId, MemberId, int, int | None]

ROWS = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 8, 9, 40]),
        st.sampled_from([0, 0, 0, 7, 31]),
        st.sampled_from([CHANNEL, RANDOM, ELSEWHERE]),
        st.sampled_from([ADA, BOB]),
        st.integers(-3, 3),
        st.sampled_from([None, None, 1]),
    ),
    max_size=14,
)
"""The day of a round, how much later its points are dated, where, whose, how many, and the award they come from."""


def entry_of(number: int, row: Row) -> Entry:
    day, later, channel, member, points, ruling = row
    on = TODAY + timedelta(days=day)
    dated = on + timedelta(days=later)
    return make_entry(
        make_round(channel, on=on), member, id=str(number), points=points, ruling=ruling, local_date=dated
    )


@settings(max_examples=40, deadline=None)
@given(rows=ROWS)
def test_after_any_rows_each_board_is_the_totals_of_its_dates_and_a_recount_finds_nothing_wrong(
    made: Database, rows: list[Row]
) -> None:
    tables = Tables(made)
    made.execute("SAVEPOINT tried")
    try:
        entries = [entry_of(number, row) for number, row in enumerate(rows)]
        keep(tables, *entries)
        for on in {entry.local_date for entry in entries}:
            for season in Season:
                first, last = season_dates(season, on)
                for group, channel in (
                    (GROUP, None),
                    (GROUP, CHANNEL),
                    (GROUP, RANDOM),
                    (OTHER, None),
                    (OTHER, CHANNEL),
                ):
                    board = tables.ledger.board(group, season, on, channel)
                    assert board == tables.ledger.totals(group, channel=channel, first=first, last=last)
        kept = tallies(made)
        assert recount(made) == 0
        assert tallies(made) == kept
    finally:
        made.execute("ROLLBACK TO tried")


@pytest.mark.parametrize(
    ("spoil", "wrong"),
    [
        ("UPDATE tallies SET points = points + 1 WHERE season = 'all' AND member = :ada", 2),
        ("UPDATE tallies SET rounds = 0", 12),
        ("DELETE FROM tallies WHERE channel = ''", 6),
        ("DELETE FROM tallies", 12),
        ("INSERT INTO tallies VALUES ('nobody', 'all', '', 'nobody', 1, 1)", 1),
        ("UPDATE tallies SET member = 'x' WHERE season = 'all' AND channel = '' AND member = :ada", 2),
        ("SELECT 1", 0),
    ],
)
def test_a_recount_mends_every_tally_that_is_wrong_and_tells_how_many_were(
    db: Database, spoil: str, wrong: int
) -> None:
    keep(Tables(db), make_entry(), make_entry(member=BOB, points=2))
    right = tallies(db)
    db.execute(spoil, {"ada": ADA})
    assert recount(db) == wrong
    assert tallies(db) == right
    assert recount(db) == 0


def test_a_week_belongs_to_the_year_in_which_its_thursday_lies(db: Database) -> None:
    tables = Tables(db)
    for number, on in enumerate((date(2026, 12, 28), date(2027, 1, 3), date(2027, 1, 4))):
        keep(tables, make_entry(make_round(on=on), id=str(number), local_date=on))
    assert [row[2] for row in tables.ledger.board(GROUP, Season.WEEK, date(2026, 12, 31))] == [2]
    assert [row[2] for row in tables.ledger.board(GROUP, Season.MONTH, date(2026, 12, 31))] == [1]
    assert {row[1] for row in tallies(db)} == {"2026-W53", "2027-W01", "2026-12", "2027-01", "all"}
