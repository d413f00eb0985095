"""`nnquestion regrade`, `rebuild`, `bank items` and `bank suggestions`, on a database that a group has filled."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.cli import main
from bot.core.model import Answer, Grade, Round, RoundState
from bot.core.ports import Transaction
from bot.core.rounds import save_grades
from bot.store import SqliteStore
from tests.core.worlds import at
from tests.store.files import ask


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with three days of the demo."""
    path = tmp_path_factory.mktemp("played") / "demo.db"
    assert CliRunner().invoke(main, ["demo", "--days", "3", "--database", str(path)]).exit_code == 0
    return path


@pytest.fixture
def database(played: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(played, tmp_path / "demo.db"))


def told(*arguments: object) -> Result:
    done = CliRunner().invoke(main, [*map(str, arguments)])
    assert done.exit_code == 0, done.output
    return done


def points(path: Path) -> int:
    store = SqliteStore(path)
    store.open()

    async def total() -> int:
        try:
            return await store.read(
                lambda tx: sum(row[1] for d in tx.drills.all() for row in tx.ledger.totals(d.group))
            )
        finally:
            await store.close()

    return asyncio.run(total())


def spoil(path: Path) -> int:
    """An older grader gave everybody in the first round a try; returns how many they are."""
    store = SqliteStore(path)
    store.open()

    def work(tx: Transaction) -> int:
        [drill] = tx.drills.all()
        first: Round = tx.rounds.of_channel(drill.channel)[-1]
        assert first.state is RoundState.REVEALED
        answers: list[Answer] = [given for given in tx.answers.of_round(first.id) if not given.late]
        save_grades(tx, [(given, Grade(score=0.0, level=0, grader="older")) for given in answers], at("09:00"))
        return len(answers)

    async def spoiled() -> int:
        try:
            return await store.write(work)
        finally:
            await store.close()

    return asyncio.run(spoiled())


def test_grading_anew_with_the_same_grader_changes_nothing(database: Path) -> None:
    said = told("regrade", "--database", database).output
    assert ": 0 verdicts and " in said  # A score may move a little: an answer serves as an exemplar since.
    assert "+0 points." in said


def test_grading_anew_shows_what_would_change_and_changes_it_only_when_told_to(database: Path) -> None:
    before = points(database)
    assert spoil(database) > 1
    spoiled = points(database)
    assert spoiled < before
    shown = told("regrade", "--database", database).output
    assert "tried -> all essentials, +2 points" in shown
    assert f"{before - spoiled:+d} points." in shown
    assert shown.endswith("Nothing is changed yet; --apply keeps it.\n")
    assert points(database) == spoiled
    kept = told("regrade", "--database", database, "--apply").output
    assert kept == shown.replace("Nothing is changed yet; --apply keeps it.", "Kept.")
    assert points(database) == before
    assert "0 verdicts" in told("regrade", "--database", database).output


def test_only_the_rounds_that_are_named_are_graded_anew(database: Path) -> None:
    spoil(database)
    assert "0 rounds with 0 answers" in told("regrade", "--database", database, "--channel", "terminal:local/no").output
    assert "0 rounds with 0 answers" in told("regrade", "--database", database, "--since", "2999-01-01").output
    assert "\n1 rounds" not in told("regrade", "--database", database, "--round", "none").output


def test_items_are_a_table_with_a_row_for_each_question(database: Path) -> None:
    title, *rows = told("bank", "items", "--database", database).output.splitlines()
    assert title.split()[:3] == ["question", "rounds", "answers"]
    assert len(rows) == 3
    assert all(row.startswith("nn:") and "%" in row for row in rows)
    assert "No graded round" in told("bank", "items", "--database", database, "--group", "terminal:other").output


def test_without_objections_there_are_no_suggestions_and_it_says_so(tmp_path: Path, database: Path) -> None:
    store = SqliteStore(tmp_path / "new.db")
    store.open()
    asyncio.run(store.close())
    assert "No objection" in told("bank", "suggestions", "--database", tmp_path / "new.db").output


def test_rebuilding_the_boards_finds_no_difference_and_mends_and_tells_what_there_is(database: Path) -> None:
    assert told("rebuild", "--database", database).output == "Counted anew: every board was right.\n"
    right = ask(database, "SELECT * FROM tallies")
    assert right
    first = "SELECT MIN(member) FROM tallies"
    ask(database, f"UPDATE tallies SET points = 99 WHERE season = 'all' AND channel = '' AND member = ({first})")
    assert told("rebuild", "--database", database).output == "1 row of boards was wrong, and right now.\n"
    ask(database, "DELETE FROM tallies")
    assert told("rebuild", "--database", database).output == f"{len(right)} rows of boards were wrong, and right now.\n"
    assert sorted(ask(database, "SELECT * FROM tallies")) == sorted(right)


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["regrade"], env={"NNQUESTION_DATABASE": str(tmp_path / "none.db")})
    assert done.exit_code == 2
    assert "none.db: there is no such database" in done.output
    assert not (tmp_path / "none.db").exists()
