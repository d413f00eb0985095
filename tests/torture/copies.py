"""The copies of the program that run now: started, killed, and how each came to its end."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from time import monotonic
from typing import Final

from tests.torture.clock import slowness
from tests.torture.dying_run import Orders, live

ROOT: Final = Path(__file__).parents[2]
STOPS_WITHIN: Final = 10
"""Seconds in which a program that is told to stop has to end."""

AT_RANDOM: Final = "at a random moment"

_CHILDREN: Final = multiprocessing.get_context("forkserver")
"""Children are made of a process that has loaded the program and does nothing else: one takes 0.1 s and not 2 s."""


def answers_within() -> float:
    """Real seconds that a platform gets for one request of a copy that is started now."""
    return 1.0 * slowness()


@dataclass(eq=False, slots=True)
class Copy:
    """One process."""

    number: int
    process: ForkServerProcess
    note: Path
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    told_to_stop: float | None = None
    """When, by the machine's monotonic clock."""
    killed: bool = False

    @property
    def pid(self) -> int:
        pid = self.process.pid
        assert pid is not None
        return pid

    def kill(self) -> None:
        """SIGKILL, now."""
        self.killed = True
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, now."""
        self.told_to_stop = monotonic()
        self._signal(signal.SIGTERM)

    def _signal(self, number: signal.Signals) -> None:
        if not self.ended.is_set() and self.process.is_alive():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


class Copies:
    """All of them on one database."""

    def __init__(self, folder: Path, settings: Mapping[str, str], *, died: Callable[[], None]) -> None:
        """`died` is called after each end."""
        self._folder = folder
        self._settings = dict(settings)
        self._died = died
        self.running: list[Copy] = []
        self.kills: Counter[str] = Counter()
        self.faults: list[str] = []
        """Ends that nobody ordered."""
        self.stops = 0
        """Ends in order, after SIGTERM."""
        self.slowest_stop = 0.0
        """Seconds from SIGTERM to the end, at most."""
        self.early = 0
        """Ends by SIGTERM before the program was up and could take it."""
        self.started = 0
        self.together = 0
        """Starts while another copy ran."""

    @property
    def log(self) -> Path:
        return self._folder / "log"

    def start(self, armed: Mapping[str, int] | None = None) -> Copy:
        """One more copy, which is to die at one of these steps."""
        self.started += 1
        self.together += bool(self.running)
        note = self._folder / f"death-{self.started}"
        orders = Orders(
            folder=self._folder,
            settings=self._settings,
            armed=armed or {},
            answers_within=answers_within(),
            note=note,
            log=self.log,
        )
        with _path_of_the_checkout():
            _CHILDREN.set_forkserver_preload(["tests.torture.dying_run"])
            process = _CHILDREN.Process(target=live, args=(orders,), daemon=True)
            process.start()
        copy = Copy(self.started, process, note)
        self.running.append(copy)
        asyncio.get_running_loop().add_reader(process.sentinel, self._end, copy)
        return copy

    def _end(self, copy: Copy) -> None:
        asyncio.get_running_loop().remove_reader(copy.process.sentinel)
        copy.process.join()
        code = copy.process.exitcode
        self.running.remove(copy)
        if copy.note.exists():
            self.kills[copy.note.read_text(encoding="utf-8")] += 1
        elif copy.killed and code == -signal.SIGKILL:
            self.kills[AT_RANDOM] += 1
        elif copy.told_to_stop is not None and code == 0:
            self.stops += 1
            took = monotonic() - copy.told_to_stop
            self.slowest_stop = max(self.slowest_stop, took)
            if took > STOPS_WITHIN * slowness():
                self.faults.append(f"copy {copy.number} took {took:.1f} s to end")
        elif copy.told_to_stop is not None and code == -signal.SIGTERM:
            self.early += 1
        else:
            self.faults.append(f"copy {copy.number} ended by itself with {code}; see {self.log}")
        copy.process.close()
        copy.ended.set()
        self._died()

    def kill_all(self) -> None:
        """The end of a run that was broken off."""
        for copy in self.running:
            copy.kill()


@contextmanager
def _path_of_the_checkout() -> Iterator[None]:
    """Children import the program from this checkout, wherever they are started."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(ROOT)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # Threads do not survive the making of a child.
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
