"""The chat: a person at a keyboard. They sit at a pseudo-terminal here, so all is as in a real one."""

from __future__ import annotations

import fcntl
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.program.kept import kept_by
from tests.program.program import Program, Reader
from tests.store.files import ask

ENTER: Final = "\r"
TAB: Final = "\t"
CTRL_C: Final = "\x03"
CTRL_D: Final = "\x04"
UP: Final = "\x1b[A"

FIRST: Final = "It is a stack of layers of weighted sums and biases"
SECOND: Final = "with activations in between, trained by gradient descent on a loss"


class Keyboard:
    """What a person does and sees."""

    def __init__(self, terminal: int, process: subprocess.Popen[bytes]) -> None:
        self._terminal = terminal
        self._process = process
        self.screen = Reader(terminal)

    def keys(self, keys: str) -> None:
        """Press keys."""
        with open(self._terminal, "wb", closefd=False, buffering=0) as terminal:
            terminal.write(keys.encode())

    def line(self, text: str) -> None:
        """Type a line."""
        self.keys(text + ENTER)

    def sees(self, *wanted: str) -> str:
        """Wait until all this has appeared, one after the other."""
        return "".join(self.screen.wait(text) for text in wanted)

    def leaves(self, by: str = CTRL_D) -> str:
        """End the sitting; returns the last that was seen."""
        self.keys(by)
        self.sees("Bye.")
        rest = self.screen.rest()
        assert self._process.wait(10) == 0
        return rest


@contextmanager
def sitting(program: Program, database: Path, *arguments: str) -> Iterator[Keyboard]:
    """Somebody called Tess sits down in the room; she is asked for her first line."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 120, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "chat", "--name", "Tess", "--database", str(database), *arguments],
        cwd=program.home,
        env=program.environment(TERM="xterm", PROMPT_TOOLKIT_NO_CPR=1),
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
    )
    with open(its, "rb"):  # noqa: PTH123  # closed here, so that the end of the program is the end of what is read
        pass
    with process, open(ours, "rb", buffering=0):  # noqa: PTH123
        try:
            yield Keyboard(ours, process)
        finally:
            process.kill()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "room" / "chat.db"


def answered(database: Path) -> list[str]:
    """The parts of Tess's answer as the store has them."""
    return [text for (text,) in ask(database, "SELECT text FROM parts ORDER BY position")]


def test_a_person_answers_revises_withdraws_and_asks_for_the_board(program: Program, database: Path) -> None:
    with sitting(program, database) as tess:
        tess.sees("You are tess.", "A drill for you", "[1]", "Question of", "[Answer]", "tess>")
        tess.line(FIRST)
        tess.sees("[2]", "✓ recorded")
        tess.line(SECOND)
        tess.sees("[3]", "✓ recorded")
        assert answered(database) == [FIRST, SECOND]

        tess.line(f"/edit 3 {SECOND} and backpropagation")
        tess.sees("says [3] anew", "✓ revised")
        assert answered(database) == [FIRST, f"{SECOND} and backpropagation"]

        tess.line("/delete 2")
        tess.sees("deleted [2]", "✓ revised")
        assert answered(database) == [f"{SECOND} and backpropagation"]

        tess.line("/nnquestion leaderboard")
        tess.sees("only tess sees:", "Leaderboard")

        tess.line("/delete 3")
        tess.sees("deleted [3]", "✗ withdrawn")
        assert answered(database) == []

        tess.line("/delete 99")
        tess.sees("There is no such message of yours")
        tess.leaves()
    assert kept_by(database).twice() == []


def test_commands_are_completed_with_the_tab_key(program: Program, database: Path) -> None:
    with sitting(program, database) as tess:
        tess.sees("Question of", "tess>")
        tess.keys("/nnquestion lea" + TAB)
        tess.sees("leaderboard")
        tess.keys(ENTER)
        tess.sees("only tess sees:", "Leaderboard, ")
        tess.keys("/nnq" + TAB)
        tess.sees("/nnquestion")
        tess.keys(" he" + TAB)
        tess.sees("help")
        tess.keys(ENTER)
        tess.sees("only tess sees:", "leaderboard")
        tess.leaves()


def test_unknown_keys_and_commands_are_told_with_what_was_meant(program: Program, database: Path) -> None:
    with sitting(program, database) as tess:
        tess.sees("Question of", "tess>")
        tess.line("/hlep")
        tess.sees("There is no /hlep here.", "/help")
        tess.line("/nnquestion leaderbord")
        tess.sees("only tess sees:", "“leaderboard”")
        tess.leaves()


@pytest.mark.parametrize("by", ["/quit" + ENTER, CTRL_D, CTRL_C])
def test_one_leaves_by_a_word_or_by_a_key(program: Program, database: Path, by: str) -> None:
    with sitting(program, database) as tess:
        tess.sees("Question of", "tess>")
        assert "Traceback" not in tess.leaves(by)


def test_the_next_sitting_has_the_open_round_what_was_said_and_the_lines_typed_before(
    program: Program, database: Path
) -> None:
    with sitting(program, database) as tess:
        tess.sees("Question of")
        card = tess.sees("tess>")
        tess.line(FIRST)
        tess.sees("✓ recorded")
        tess.leaves()
    before = kept_by(database)
    with sitting(program, database) as tess:
        shown = tess.sees("You are tess.", "tess>")
        question = next(line.strip() for line in card.splitlines()[1:] if line.strip())
        assert question in shown
        assert FIRST in shown
        assert "A drill for you" not in shown
        tess.keys(UP)
        tess.sees(FIRST[:30])
        tess.keys(CTRL_C)
        tess.sees("Bye.")
        tess.screen.rest()
    after = kept_by(database)
    assert after.messages == before.messages
    assert after.twice() == []
    assert len(after.said_by_bot()) == 1
    assert answered(database) == [FIRST]


def test_a_sitting_that_is_killed_loses_nothing_that_was_said(program: Program, database: Path) -> None:
    with sitting(program, database) as tess:
        tess.sees("Question of", "tess>")
        tess.line(FIRST)
        tess.sees("✓ recorded")
    with sitting(program, database) as tess:
        assert FIRST in tess.sees("You are tess.", "tess>")
        tess.leaves()
    assert answered(database) == [FIRST]
    assert kept_by(database).twice() == []


def test_by_default_the_room_is_kept_in_the_users_own_folder(program: Program) -> None:
    with program.start("chat") as process:
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0
    assert (program.home / ".local" / "share" / "nnquestion" / "chat.db").is_file()


def test_lines_that_are_piped_in_are_taken_like_typed_ones(program: Program, database: Path) -> None:
    with program.start("chat", "--name", "Tess", "--database", database) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        screen = Reader(process.stdout.fileno())
        screen.wait("[Answer]")
        process.stdin.write(f"{FIRST}\n")
        process.stdin.flush()
        screen.wait("✓ recorded")
        process.stdin.close()
        screen.wait("Bye.")
        assert "\x1b" not in screen.text
        screen.rest()
        assert process.wait(10) == 0
    assert answered(database) == [FIRST]
