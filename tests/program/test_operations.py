"""`nnquestion backup`, `restore`, `groups` and `notice`, on a database that a group has filled."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from filelock import FileLock

from bot.cli import main
from bot.store import backups
from tests.program.program import Program
from tests.store.files import ask, contents

GROUP = "terminal:local"
Runs = Callable[..., Result]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with two days of the demo."""
    path = tmp_path_factory.mktemp("played") / "x.db"
    assert CliRunner().invoke(main, ["demo", "--days", "2", "--database", str(path)]).exit_code == 0
    return path


@pytest.fixture
def database(played: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(played, tmp_path / "x.db"))


@pytest.fixture
def runs(database: Path) -> Runs:
    """Runs a command on the database, with what is typed at its questions."""

    def run(*arguments: object, typed: str = "", code: int = 0) -> Result:
        done = CliRunner().invoke(main, [*map(str, arguments), "--database", str(database)], input=typed)
        assert done.exit_code == code, done.output
        assert "Traceback" not in done.output
        return done

    return run


# --- backups ------------------------------------------------------------------------------------------------------


def test_a_backup_tells_where_it_is_how_large_how_long_it_took_and_what_it_removed(runs: Runs, database: Path) -> None:
    first = runs("backup").output
    (made,) = backups.kept(database.parent / "backups")
    assert re.fullmatch(rf"{re.escape(str(made.path))}: 0\.\d MB in \d+\.\d s, and it has passed its check\.\n", first)
    second = runs("backup", "--keep", 1).output
    assert second.splitlines()[1:] == [f"{made.path} is removed."]


def test_a_backup_goes_where_it_is_told_to(runs: Runs, database: Path, tmp_path: Path) -> None:
    runs("backup", "--to", tmp_path / "elsewhere")
    assert len(backups.kept(tmp_path / "elsewhere", "x")) == 1
    assert not (database.parent / "backups").exists()


def test_the_settings_name_the_folder_and_how_many_are_kept(program: Program, database: Path, tmp_path: Path) -> None:
    for _ in range(2):
        done = program.run(
            "backup",
            NNQUESTION_DATABASE=database,
            NNQUESTION_BACKUPS=tmp_path / "kept",
            NNQUESTION_KEEP_BACKUPS=1,
        )
        assert done.code == 0
    assert len(backups.kept(tmp_path / "kept")) == 1


def test_on_a_full_disk_no_backup_is_kept_and_the_database_is_as_it_was(program: Program, database: Path) -> None:
    before = database.read_bytes()
    done = program.run("all", 200_000, "backup", "--database", database, module="tests.program.full_disk")
    assert done.code == 1
    assert done.err.startswith(f"{database.parent / 'backups'}: ")
    assert "disk" in done.err
    assert "Traceback" not in done.err
    assert backups.kept(database.parent / "backups") == []
    assert not list((database.parent / "backups").glob("*.part"))
    assert database.read_bytes() == before


def test_a_restore_on_a_full_disk_leaves_the_database_as_it_was(program: Program, runs: Runs, database: Path) -> None:
    runs("backup")
    (made,) = backups.kept(database.parent / "backups")
    ask(database, "DELETE FROM facts")
    before = database.read_bytes()
    done = program.run("all", 200_000, "restore", made.path, "--database", database, module="tests.program.full_disk")
    assert done.code == 1
    assert "Traceback" not in done.err
    assert {name for name in contents(database.parent) if "/" not in name} == {"x.db", "x.db.lock"}
    assert database.read_bytes() == before


def test_a_restore_tells_what_is_kept_where_and_what_is_lost(runs: Runs, database: Path) -> None:
    runs("backup")
    (made,) = backups.kept(database.parent / "backups")
    said = runs("restore", made.path).output
    (replaced,) = database.parent.glob("x.db.replaced-*")
    assert f"{database} is now what {made.path} holds." in said
    assert str(replaced) in said
    assert "lost" in said
    assert GROUP in runs("groups", "list").output


def test_a_restore_under_a_program_that_runs_says_so(runs: Runs, database: Path) -> None:
    runs("backup")
    (made,) = backups.kept(database.parent / "backups")
    with FileLock(backups.lock_of(database), timeout=0):
        assert "stop that one" in runs("restore", made.path, code=1).output


# --- groups -------------------------------------------------------------------------------------------------------


def test_groups_are_listed_with_what_they_have(runs: Runs) -> None:
    header, row = runs("groups", "list").output.splitlines()
    assert header.split("  ")[0] == "group"
    assert re.fullmatch(rf"{GROUP} +in use +1 +6 +2 +\d{{4}}-\d\d-\d\d", row)


def test_a_group_is_shown_with_its_drills_and_what_is_kept_of_it(runs: Runs) -> None:
    said = runs("groups", "show", GROUP).output
    assert re.search(rf"  {GROUP}/general: on, 2 rounds, next \d{{4}}-\d\d-\d\d \d\d:\d\d UTC", said)
    assert "6 members, 2 rounds" in said


def test_a_group_that_is_not_there_is_told_with_those_that_are(runs: Runs) -> None:
    for command in ("show", "leave", "unblock", "purge"):
        yes = ["--yes"] if command in ("leave", "purge") else []
        assert f"There is {GROUP}." in runs("groups", command, "discord:1", *yes, code=2).output


def test_a_group_is_blocked_once_that_is_confirmed_and_unblocked(runs: Runs) -> None:
    runs("groups", "block", GROUP, typed="n\n", code=1)
    assert "in use" in runs("groups", "list").output
    assert "1 drill is off" in runs("groups", "block", GROUP, typed="y\n").output
    assert "blocked since" in runs("groups", "list").output
    assert "1 drill is on" in runs("groups", "unblock", GROUP).output
    assert "is not blocked" in runs("groups", "unblock", GROUP, code=2).output


def test_a_group_may_be_blocked_before_it_comes(runs: Runs) -> None:
    runs("groups", "block", "discord:42", "--yes")
    assert re.search(r"^discord:42 +blocked since", runs("groups", "list").output, re.MULTILINE)
    assert "There is no group" in runs("groups", "block", "general chat", "--yes", code=2).output


def test_a_group_is_left_as_if_it_had_removed_the_bot(runs: Runs) -> None:
    assert "removed in 30 days" in runs("groups", "leave", GROUP, "--yes").output
    assert "left on" in runs("groups", "list").output
    assert "Everything of it is removed after" in runs("groups", "show", GROUP).output


def test_a_group_is_purged_only_if_its_id_is_typed_and_then_no_row_of_it_is_left(runs: Runs, database: Path) -> None:
    assert "nothing is removed" in runs("groups", "purge", GROUP, typed="terminal\n", code=2).output
    assert ask(database, "SELECT COUNT(*) FROM rounds") == [(2,)]
    assert "6 members, 2 rounds" in runs("groups", "purge", GROUP, typed=f"{GROUP}\n").output
    assert GROUP.encode() not in database.read_bytes()
    tables = [name for (name,) in ask(database, "SELECT name FROM sqlite_master WHERE type = 'table'")]
    left = {name: ask(database, f'SELECT COUNT(*) FROM "{name}"')[0][0] for name in tables}
    assert {name for name, rows in left.items() if rows} <= {"facts", "events", "_sqlite_migrations"}
    assert ask(database, "SELECT * FROM events WHERE about <> '' OR data <> '{}'") == []  # Numbers of commands alone.
    assert runs("groups", "list").output == "There is no group yet.\n"


# --- notices ------------------------------------------------------------------------------------------------------


def test_a_notice_says_first_how_many_it_goes_to_and_is_sent_once(runs: Runs, database: Path) -> None:
    asked = runs("notice", "Down on Sunday.", typed="n\n", code=1).output
    assert "organizers of 1 group, in 1 channel?" in asked
    assert ask(database, "SELECT COUNT(*) FROM deliveries WHERE key LIKE '%/notice/%'") == [(0,)]
    assert "On its way to 1 channel." in runs("notice", "Down on Sunday.", "--yes").output
    assert "1 channel had it before." in runs("notice", "Down on Sunday.", "--yes").output
    assert ask(database, "SELECT channel FROM deliveries WHERE key LIKE '%/notice/%'") == [(f"{GROUP}/general",)]


def test_a_notice_is_read_from_a_file_too(runs: Runs, database: Path, tmp_path: Path) -> None:
    (tmp_path / "notice.txt").write_text("Down on Sunday.\n\nBack on Monday.\n", encoding="utf-8")
    runs("notice", "--file", tmp_path / "notice.txt", "--yes")
    assert "1 channel had it before." in runs("notice", "Down on Sunday.\n\nBack on Monday.", "--yes").output


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ((), "Give the text"),
        (("Hello", "--file", "-"), "Give the text"),
        ((" ",), "empty"),
        (("x" * 1_501,), "a notice holds 1,500"),
        (("Hello", "--group", "discord:1"), "nobody to tell"),
    ],
)
def test_a_notice_that_cannot_be_sent_says_why(runs: Runs, given: tuple[str, ...], told: str) -> None:
    assert told in runs("notice", *given, "--yes", code=2).output
