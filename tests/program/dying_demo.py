"""The program, killed at a chosen moment: `python -m tests.program.dying_demo MOMENT NUMBER demo ...`.

It is the real program with the real files. Its room and its store only count what they write, and when MOMENT has
come NUMBER times, the process gets the signal that nobody can catch. In place of NUMBER may stand some text: then it
dies at the first line of the room that holds it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, ClassVar, TypeVar

from bot import cli, runtime
from bot.adapters.terminal.room import Room
from bot.core.ports import Transaction
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


if __name__ == "__main__":
    chosen, when, *command = sys.argv[1:]
    play(chosen, int(when) if when.isdecimal() else when, command)
