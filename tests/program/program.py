"""The program as a child process, with a home folder of its own and nothing set but what a test sets."""

from __future__ import annotations

import atexit
import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Final

ROOT: Final = Path(__file__).parents[2]
PATIENCE: Final = 20
"""Seconds after which something that is waited for will not come any more."""
READ_AT_THE_START: Final = ("LANG", "LC_ALL", "PYTHONIOENCODING", "PYTHONUTF8", "PYTHONWARNINGS", "PYTHONPATH")
"""What Python reads when it starts, and not again: a run with one of these set is a new process."""


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
        """Run a command to its end, in a fork of a process that has loaded the program."""
        environment = self.environment(**settings)
        if any(name in settings for name in READ_AT_THE_START):
            return ended(self._popen(["-m", module, *map(str, arguments)], subprocess.PIPE, settings))
        with tempfile.TemporaryDirectory() as folder:
            out, err = Path(folder, "out"), Path(folder, "err")
            out.touch()
            err.touch()
            order = [module, [*map(str, arguments)], str(self.home), environment, str(out), str(err)]
            code = _loaded().run(order)
            printed, told = (file.read_text("utf-8", "replace") for file in (out, err))
            assert code is not None, f"it did not end within {PATIENCE} seconds; it wrote:\n{printed}\n{told}"
            return Ended(code, printed, told)

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


class Loaded:
    """A process that has loaded the program, and forks for each run."""

    def __init__(self, folder: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.program.forking"],
            env=Program(Path(folder)).environment(),
            encoding="utf-8",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )

    def run(self, order: Sequence[object]) -> int | None:
        """Run what is ordered; the code with which it ended, None if it had to be ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        if select.select([self._process.stdout], [], [], PATIENCE)[0]:
            return int(self._process.stdout.readline())
        os.killpg(self._process.pid, signal.SIGKILL)
        _loaded.cache_clear()
        return None

    def end(self) -> None:
        """Let it end."""
        self._process.communicate(timeout=PATIENCE)


@cache
def _loaded() -> Loaded:
    folder = tempfile.TemporaryDirectory()
    loaded = Loaded(folder.name)
    atexit.register(folder.cleanup)
    atexit.register(loaded.end)  # Called first.
    return loaded


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
