"""The program on a disk that is full: `python -m tests.program.full_disk all|room BYTES demo ...`.

The limit for the size of files stands in for the disk: no file can grow beyond BYTES; with `room`, only the room's.
"""

from __future__ import annotations

import resource
import sys
from typing import Any, ClassVar

from bot import cli, runtime
from bot.adapters.terminal.room import Room


def limit(largest_file: int) -> None:
    """Let no file grow beyond this from now on; -1 takes the limit away."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, resource.RLIM_INFINITY))


class FullRoom(Room):
    """A room on a full disk of its own: the limit holds while it writes."""

    largest: ClassVar[int]

    def _append(self, event: dict[str, Any]) -> None:
        limit(self.largest)
        try:
            super()._append(event)
        finally:
            limit(-1)


if __name__ == "__main__":
    files, size, *arguments = sys.argv[1:]
    if files == "room":
        FullRoom.largest = int(size)
        vars(runtime).update(Room=FullRoom)  # the name by which the program builds its room
    else:
        limit(int(size))
    cli.main(arguments)
