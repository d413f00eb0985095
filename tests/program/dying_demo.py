"""The program, killed at a chosen moment.

It is the real program with the real files, in a process of its own. Its room and its store only count what they write,
and when the moment has come so many times, the process gets the signal that nobody can catch. In place of the number
may stand some text: then it dies at the first line of the room that holds it.

`python -m tests.program.dying_demo` loads the program once and forks for each run that it is asked for, since loading
takes longer than a run. It reads a line of JSON for each, [moment, number or text, arguments, file for what is
printed], and answers with a line: the code with which the run ended, or minus the signal.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, ClassVar, TypeVar

from bot import cli, runtime
from bot.adapters.terminal.room import Room
from bot.core.ports import Transaction
from bot.settings import shipped_bank
from bot.shelf import read_file
from bot.store import SqliteStore

T = TypeVar("T")


class Moment(StrEnum):
    """When a process can be killed, seen from its files."""

    BEFORE_ROOM = "before a write to the room"
    IN_ROOM = "in the middle of a line of the room"
    AFTER_ROOM = "after a write to the room"
    BEFORE_STORE = "before a write to the store"
    IN_STORE = "in a transaction of the store"
    AFTER_STORE = "after a commit"


class Fate:
    """Counts the moments, and kills at the chosen one."""

    def __init__(self, moment: str, number: int | str) -> None:
        self._moment = moment
        self._number = number
        self.seen: Counter[str] = Counter()

    def comes(self, moment: Moment, line: str = "") -> bool:
        """Note that the moment has come; True if it is the last one."""
        self.seen[moment] += 1
        if isinstance(self._number, str):
            return moment == self._moment and self._number in line
        return moment == self._moment and self.seen[moment] == self._number

    def at(self, moment: Moment, line: str = "") -> None:
        """Die if this is the moment."""
        if self.comes(moment, line):
            die()


class DyingRoom(Room):
    """A room whose process may be killed at any write."""

    fate: ClassVar[Fate]

    def _append(self, event: dict[str, Any]) -> None:
        line = json.dumps(event, ensure_ascii=False)
        self.fate.at(Moment.BEFORE_ROOM, line)
        if self.fate.comes(Moment.IN_ROOM, line):
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line[: len(line) // 2])
            die()
        super()._append(event)
        self.fate.at(Moment.AFTER_ROOM, line)


class DyingStore(SqliteStore):
    """A store whose process may be killed at any write."""

    fate: ClassVar[Fate]

    async def write(self, work: Callable[[Transaction], T]) -> T:
        def killable(tx: Transaction) -> T:
            done = work(tx)
            self.fate.at(Moment.IN_STORE)
            return done

        self.fate.at(Moment.BEFORE_STORE)
        done = await super().write(killable)
        self.fate.at(Moment.AFTER_STORE)
        return done


def die() -> None:
    """End as if the power of this process had been cut."""
    os.kill(os.getpid(), signal.SIGKILL)


def play(moment: str, number: int | str, arguments: Sequence[str]) -> Fate:
    """Run a command of the program, which ends the process at the chosen moment if that comes."""
    fate = Fate(moment, number)
    DyingRoom.fate = DyingStore.fate = fate
    vars(runtime).update(Room=DyingRoom, SqliteStore=DyingStore)  # the names by which the program builds itself
    cli.main(arguments, standalone_mode=False)
    return fate


def forked(moment: str, number: int | str, arguments: Sequence[str], prints: str = os.devnull) -> int:
    """Play in a child process, which prints into a file; the code with which it ended, or minus the signal."""
    child = os.fork()
    if not child:
        code = 70
        try:
            into = os.open(prints, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(into, 1)
            os.dup2(into, 2)
            play(moment, number, arguments)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    read_file(shipped_bank())  # Kept for all runs.
    for line in sys.stdin:
        sys.stdout.write(f"{forked(*json.loads(line))}\n")
        sys.stdout.flush()
