"""Looking at a database from outside: its bytes, its log, other programs and other processes."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from bot.store.opening import open_writer

ROOT: Final = Path(__file__).parents[2]


def with_tables(path: Path) -> Path:
    """A new database, as opening makes one: hundreds of tests need one, and making its tables takes a while."""
    path.write_bytes(_new())
    return path


@cache
def _new() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "new.db"
        open_writer(path).close()
        return path.read_bytes()


def ask(path: Path, sql: str, *parameters: Any) -> list[Any]:
    """What another program gets for a statement; it is committed."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(sql, parameters).fetchall()


def contents(folder: Path) -> dict[str, bytes]:
    """The bytes of all files of a folder."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def allow(path: Path, mode: int) -> None:
    """Change who may do what with a file or a folder."""
    path.chmod(mode)


def commits(path: Path) -> int:
    """How many transactions the log holds: one of its frames says that it is the last of each."""
    return sum(1 for size_after_commit in _frames(path.with_name(f"{path.name}-wal").read_bytes()) if size_after_commit)


def _frames(log: bytes) -> Iterator[int]:
    # https://www.sqlite.org/fileformat2.html#the_write_ahead_log
    page_size = int.from_bytes(log[8:12], "big")
    salts = log[16:24]
    for start in range(32, len(log), 24 + page_size):
        if log[start + 8 : start + 16] == salts:
            yield int.from_bytes(log[start + 4 : start + 8], "big")


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a Python that runs this code with these arguments."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, text=True, stdin=pipe, stdout=pipe, stderr=pipe)


def ran(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for a process; its exit code and all it wrote."""
    out, err = process.communicate(timeout=60)
    return process.returncode, out + err


def answered(process: subprocess.Popen[str]) -> str:
    """Wait for the next line that a process writes."""
    assert process.stdout is not None
    return process.stdout.readline()


def tell(process: subprocess.Popen[str]) -> None:
    """Write a line to a process."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()
