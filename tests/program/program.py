"""The program as a child process, with a home folder of its own and nothing set but what a test sets."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

ROOT: Final = Path(__file__).parents[2]
PATIENCE: Final = 20
"""Seconds after which something that is waited for will not come any more."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What is left of a run."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class Program:
    """Starts the program. Its working folder is its home, so no `.env` of a developer gets in."""

    home: Path

    def environment(self, **settings: object) -> dict[str, str]:
        """An environment with little but these settings in it."""
        clean = {
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "NNQUESTION_WEB": "off",  # Else every program of every test would want the same port.
            "PATH": os.defpath,
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "error,ignore::DeprecationWarning:tzlocal",
            "TZ": "UTC",
        }
        return clean | {name: str(value) for name, value in settings.items()}

    def start(
        self, *arguments: object, module: str = "bot", out: int | IO[bytes] = subprocess.PIPE, **settings: object
    ) -> subprocess.Popen[str]:
        """Start a command, by the program itself or by a module that runs it under hard conditions."""
        return self._popen(["-m", module, *map(str, arguments)], out, settings)

    def run(self, *arguments: object, module: str = "bot", **settings: object) -> Ended:
        """Run a command to its end."""
        return ended(self._popen(["-m", module, *map(str, arguments)], subprocess.PIPE, settings))

    def start_code(
        self, code: str, *arguments: object, into: IO[bytes] | None = None, **settings: object
    ) -> subprocess.Popen[str]:
        """Start Python code that runs a command. What it prints and what it logs may both go `into` a file."""
        both = subprocess.PIPE if into is None else into
        return self._popen(["-c", code, *map(str, arguments)], both, settings, both)

    def _popen(
        self,
        arguments: list[str],
        out: int | IO[bytes],
        settings: dict[str, object],
        err: int | IO[bytes] = subprocess.PIPE,
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self.home,
            env=self.environment(**settings),
            encoding="utf-8",
            errors="replace",
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=err,
        )


def ended(process: subprocess.Popen[str], patience: float = PATIENCE) -> Ended:
    """Wait for a process to end by itself."""
    try:
        out, err = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"it did not end within {patience} seconds; it wrote:\n{out}\n{err}") from None
    return Ended(process.returncode, out or "", err or "")


def until(wanted: Callable[[], bool], said: Callable[[], str] = str) -> None:
    """Wait until a condition holds, looking often."""
    deadline = time.monotonic() + PATIENCE
    while not wanted():
        if time.monotonic() > deadline:
            raise AssertionError(f"it did not happen within {PATIENCE} seconds:\n{said()}")
        time.sleep(0.01)


class Reader:
    """Reads a file descriptor piece by piece, so that one can wait for what is to appear there."""

    def __init__(self, source: int) -> None:
        self._source = source
        self._bytes = b""
        self._seen = 0

    @property
    def text(self) -> str:
        """All there was so far, without what moves a cursor or sets a colour."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()].|\x1b[=>]|\r", "", self._bytes.decode(errors="replace"))

    @property
    def fresh(self) -> str:
        """What came after the last thing that was waited for."""
        return self.text[self._seen :]

    def wait(self, wanted: str) -> str:
        """Wait until this appears after what was waited for before; returns what stood between."""

        def there() -> bool:
            more = self._more()
            assert more or wanted in self.fresh, f"it ended without “{wanted}”:\n{self.text}"
            return wanted in self.fresh

        until(there, lambda: self.text)
        between, _, _ = self.fresh.partition(wanted)
        self._seen += len(between) + len(wanted)
        return between

    def rest(self) -> str:
        """Everything up to the end, which must come."""
        until(lambda: not self._more(), lambda: self.text)
        return self.fresh

    def _more(self) -> bool:
        """Take what there is; False at the end."""
        while select.select([self._source], [], [], 0.01)[0]:
            try:
                piece = os.read(self._source, 65536)
            except OSError:  # How Linux says that the other end of a pseudo-terminal is closed.
                piece = b""
            if not piece:
                return False
            self._bytes += piece
        return True
