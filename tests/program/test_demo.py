"""The demo: days of study from one command, the same every time, and whole after any kill."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner

from bot.cli import main
from tests.program.dying_demo import Moment
from tests.program.kept import Kept, board_of, differences, kept_by
from tests.program.program import Ended, Program, ended
from tests.store.files import ask, contents

DYING = "tests.program.dying_demo"


@dataclass(frozen=True, slots=True)
class Unbroken:
    """A demo that nobody disturbed, and what it left."""

    printed: str
    kept: Kept
    files: dict[str, bytes]


@pytest.fixture(scope="session")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Unbroken:
    """Three days with the first seed."""
    folder = tmp_path_factory.mktemp("unbroken")
    (folder / "home").mkdir()
    database = folder / "kept" / "x.db"
    done = played(Program(folder / "home"), database, 3)
    files = contents(folder / "kept")
    return Unbroken(done.out, kept_by(database), files)


def played(program: Program, database: Path, days: int) -> Ended:
    """Play on, with nothing in the way."""
    done = program.run("demo", "--days", days, "--database", database)
    assert (done.code, done.err) == (0, "")
    return done


def put(files: dict[str, bytes], folder: Path) -> Path:
    """Put kept files in a folder; returns the database among them."""
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder / "x.db"


# --- what one sees ------------------------------------------------------------------------------------------


def test_every_day_has_a_question_three_answers_a_reveal_with_its_reference_answer_and_a_board(
    unbroken: Unbroken,
) -> None:
    _, *days = re.split(r"^── .* ─+$", unbroken.printed, flags=re.MULTILINE)
    assert len(days) == 3
    for day in days:
        before, card, rest = day.partition("       Question of ")
        thread, reveal, after = rest.partition("Reference answer · Question of ")
        assert "nnquestion" in before
        assert "[Answer] [Hint]" in thread
        assert len(re.findall(r"^  │ +✓ recorded$", thread, re.MULTILINE)) >= 3
        assert re.search(r"\d of \d ", after)
        assert re.search(r"This month's board\n  │ +1\. +\w+ +\d+ points", after)
        assert card
        assert reveal


def test_the_reference_answer_is_seen_only_after_it_was_revealed(unbroken: Unbroken) -> None:
    revealed = 0
    for (kept,) in ask_in(unbroken.files, "SELECT question FROM questions"):
        answer = json.loads(kept)["answer"]
        opening = re.sub(r"[*`]", "", answer.split(". ")[0])[:60]
        shown = [message for message in unbroken.kept.messages if opening in message.text]
        assert all("Reference answer" in message.text for message in shown)
        revealed += len(shown)
    assert revealed == 3


def ask_in(files: dict[str, bytes], sql: str) -> list[Any]:
    """Ask a database that is given by its bytes."""
    with tempfile.TemporaryDirectory() as folder:
        return ask(put(files, Path(folder)), sql)


def test_the_group_does_all_that_members_do(unbroken: Unbroken) -> None:
    for seen in (
        "✓ recorded",
        "✓ revised",
        "✗ withdrawn",
        "Late: the round had closed",
        "sends the form",
        "presses Hint",
        "presses Check now",
        "Your answer is final now.",
        "presses I covered this",
        "Your objection is filed",
        "ada presses It is in there",
        "Your objection was granted",
        "presses Use it as an example",
        "Answers to this question will be measured by yours, too.",
        "barbara sends the form, to be shared by name",
        "grace presses 1 helped me",
    ):
        assert seen in unbroken.printed
    for table in ("objections", "rulings", "exemplars", "helped"):
        assert len(unbroken.kept.rows[table]) == 1


def test_points_go_to_a_board_that_grows(unbroken: Unbroken) -> None:
    points = [int(found) for found in re.findall(r" (\d+) points?", board_of(unbroken.printed))]
    assert len(points) >= 4
    assert points == sorted(points, reverse=True)
    assert sum(points) == sum(points for (points,) in ask_in(unbroken.files, "SELECT points FROM ledger"))


def test_nothing_is_posted_twice(unbroken: Unbroken) -> None:
    assert unbroken.kept.twice() == []


def test_piped_output_is_plain_text(unbroken: Unbroken) -> None:
    assert "\x1b" not in unbroken.printed
    assert "\r" not in unbroken.printed
    assert not any(line != line.rstrip() for line in unbroken.printed.splitlines())


def test_a_colour_terminal_in_the_environment_changes_nothing_of_what_is_piped(
    program: Program, unbroken: Unbroken
) -> None:
    coloured = program.run("demo", "--days", 1, TERM="xterm-256color", COLUMNS="40")
    assert unbroken.printed.startswith(first_day_of(coloured))


def first_day_of(done: Ended) -> str:
    """What a demo of one day printed before its board."""
    assert done.code == 0, done.err
    return done.out.rpartition("\nada types: /nnquestion leaderboard")[0]


# --- seeds --------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_transcript_byte_for_byte(program: Program, unbroken: Unbroken) -> None:
    again = program.run("demo", "--days", 3, "--seed", 1, PYTHONHASHSEED=7, TZ="Asia/Tokyo")
    assert again.out == unbroken.printed


def test_another_seed_gives_another_transcript(program: Program, unbroken: Unbroken) -> None:
    other = first_day_of(program.run("demo", "--days", 1, "--seed", 2))
    assert other
    assert not unbroken.printed.startswith(other)


def test_another_seed_on_a_kept_run_is_refused_and_changes_nothing(
    program: Program, tmp_path: Path, unbroken: Unbroken
) -> None:
    database = put(unbroken.files, tmp_path)
    done = program.run("demo", "--days", 3, "--seed", 2, "--database", database)
    assert done.code == 2
    assert "seed 1" in done.err
    assert "--database" in done.err
    assert done.out == ""
    assert kept_by(database) == unbroken.kept


# --- the weeks after ----------------------------------------------------------------------------------------


def test_the_second_week_begins_with_a_recap_and_its_picture_and_has_a_reminder_and_somebody_away(
    program: Program, tmp_path: Path, unbroken: Unbroken
) -> None:
    folder = tmp_path / "new" / "pictures"
    database = put(unbroken.files, tmp_path)
    done = program.run("demo", "--days", 9, "--database", database, "--pictures", folder)
    assert (done.code, done.err) == (0, "")
    _, monday = done.out.split("── Monday")
    recap, _, after = monday.partition("Question of Monday")
    [picture] = folder.iterdir()
    assert picture.name == "answers-week-of-1-november.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    for seen in ("The week of 1 November\n", "Helped 1 reader: barbara", "[Share this month's board]"):
        assert seen in recap
    assert f"picture saved as {picture}\n" in recap
    assert "[picture: " not in done.out
    for seen in (
        "katherine types: /nnquestion me remind 16:00",
        "  ┆ 16:00  nnquestion to katherine alone  [",
        "Reply here, and that is your answer",
        "  ┆ 16:06  katherine to nnquestion alone  [",
        "  only katherine sees:\n  ┆ Your answer\n  ┆ Recorded.",
        "tim types: /nnquestion me away until 2027-11-13",
    ):
        _, found, after = after.partition(seen)
        assert found, seen


def test_a_folder_for_pictures_that_cannot_be_made_is_told_of_before_anything_is_played(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = CliRunner().invoke(main, ["demo", "--days", "1", "--pictures", str(tmp_path / "file" / "in")])
    assert done.exit_code == 1
    assert done.output == f"{tmp_path / 'file' / 'in'}: Not a directory\n"


# --- going on -----------------------------------------------------------------------------------------------


def test_a_finished_run_prints_its_last_board_and_posts_nothing(
    program: Program, tmp_path: Path, unbroken: Unbroken
) -> None:
    database = put(unbroken.files, tmp_path)
    for days in (3, 1):
        done = played(program, database, days)
        assert done.out.strip().startswith("ada types: /nnquestion leaderboard")
        assert board_of(done.out) == board_of(unbroken.printed)
    assert kept_by(database) == unbroken.kept


def test_a_kept_run_goes_on_with_more_days_as_if_it_had_never_stopped(
    program: Program, tmp_path: Path, unbroken: Unbroken
) -> None:
    database = tmp_path / "x.db"
    asked = "ada types: /nnquestion leaderboard"
    runs = [played(program, database, days).out.rpartition(asked)[0] for days in (1, 2, 3)]
    assert "".join(runs).split() == unbroken.printed.rpartition(asked)[0].split()
    assert kept_by(database) == unbroken.kept


def test_without_a_database_nothing_is_left_behind(program: Program, tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    assert program.run("demo", "--days", 1, TMPDIR=tmp_path / "tmp").code == 0
    assert contents(tmp_path) == {}
    assert list((tmp_path / "tmp").iterdir()) == []


# --- kills --------------------------------------------------------------------------------------------------
# Every moment of a whole run is killed by `python -m tests.program.kill_everywhere`; this is a sample of it.


@dataclass(frozen=True, slots=True)
class Dying:
    """Runs of the demo that are killed at a chosen moment, each a process of its own."""

    process: subprocess.Popen[str]
    folder: Path

    def run(self, moment: Moment, number: int | str, database: Path, days: int) -> Ended:
        """A run to its end, whatever that is; what it printed of either kind is in `out`."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        printed = self.folder / "printed"
        command = ["demo", "--days", str(days), "--database", str(database)]
        self.process.stdin.write(json.dumps([moment, number, command, str(printed)]) + "\n")
        self.process.stdin.flush()
        return Ended(int(self.process.stdout.readline()), printed.read_text(encoding="utf-8"), "")


@pytest.fixture(scope="module")
def dying(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dying]:
    folder = tmp_path_factory.mktemp("dying")
    process = Program(folder).start(module=DYING)
    with process:
        yield Dying(process, folder)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0


@pytest.mark.parametrize("seed", [11, 12])
def test_a_demo_that_is_killed_again_and_again_ends_like_one_that_was_not(
    dying: Dying, tmp_path: Path, unbroken: Unbroken, seed: int
) -> None:
    dice = Random(seed)
    database = tmp_path / "x.db"
    kills = 0
    while True:
        moment, number = dice.choice(list(Moment)), dice.randint(1, 60)
        done = dying.run(moment, number, database, 3)
        if done.code == 0:
            break
        assert done.code == -9, done.out
        kills += 1
    assert kills >= 3
    assert board_of(done.out) == board_of(unbroken.printed)
    assert differences(kept_by(database), unbroken.kept, times=False) == []


@pytest.mark.parametrize("moment", [Moment.BEFORE_ROOM, Moment.AFTER_ROOM])
@pytest.mark.parametrize("what", ["Question of", "Reference answer"])
def test_a_kill_at_a_message_of_the_bot_leaves_it_posted_once_and_not_before_its_time(
    program: Program, dying: Dying, tmp_path: Path, moment: Moment, what: str
) -> None:
    database = tmp_path / "x.db"
    assert dying.run(moment, what, database, 1).code == -9
    played(program, database, 1)
    card, reveal = kept_by(database).said_by_bot()
    assert "Reference answer" in reveal.text
    assert (f"{card.at:%H:%M}", f"{reveal.at:%H:%M}") == ("08:00", "16:30")


def test_a_demo_that_is_killed_from_outside_while_it_prints_goes_on(
    program: Program, tmp_path: Path, unbroken: Unbroken
) -> None:
    dice = Random(5)
    database = tmp_path / "x.db"
    for _ in range(3):
        with program.start("demo", "--days", 3, "--database", database) as process:
            assert process.stdout is not None
            for _ in range(dice.randint(1, 120)):
                process.stdout.readline()
            process.kill()
    done = played(program, database, 3)
    assert board_of(done.out) == board_of(unbroken.printed)
    assert differences(kept_by(database), unbroken.kept, times=False) == []


def test_two_demos_cannot_play_in_one_room_at_once(program: Program, tmp_path: Path) -> None:
    database = tmp_path / "x.db"
    with program.start("demo", "--days", 8, "--database", database) as first:
        assert first.stdout is not None
        assert first.stdout.readline()
        # It prints more than a pipe holds, so it stays while nobody reads on.
        second = program.run("demo", "--days", 8, "--database", database)
        done = ended(first)
    assert second.code == 1
    assert "another nnquestion is using this room" in second.err
    assert done.code == 0
    assert board_of(done.out)
    assert [file.suffix for file in Path(f"{database}.pictures").iterdir()] == [".png"]  # Where none are asked for.
