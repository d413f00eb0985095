"""An event loop without a clock: when nothing is ready, it is the time of the next timer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context
from typing import Any

OnTask = Callable[["asyncio.Task[Any]", Context | None], None]


class NothingLeft(Exception):
    """Everything waits for something that will never come."""


class SimulatedLoop(asyncio.BaseEventLoop):
    """asyncio itself, save for where the time comes from: sleeps, timeouts and waits work as they are.

    What is done in which order depends on nothing but what was asked of it: no threads, no sockets, no clock.
    """

    def __init__(self, on_task: OnTask | None = None) -> None:
        """`on_task` is told of every task that is made, with the context that it was given."""
        super().__init__()
        self._selector = _Leap(self)
        self.now = 0.0
        """Seconds since the simulation began."""
        if on_task is not None:

            def made(loop: asyncio.AbstractEventLoop, coro: Any, **more: Any) -> asyncio.Task[Any]:
                more.pop("eager_start", None)
                task: asyncio.Task[Any] = asyncio.Task(coro, loop=loop, **more)
                on_task(task, more.get("context"))
                return task

            self.set_task_factory(made)

    def time(self) -> float:
        return self.now

    def run_in_executor(self, *_: Any) -> Any:  # type: ignore[override]
        raise AssertionError("there are no threads in a simulation")

    def _process_events(self, event_list: object) -> None:
        """What a selector has found; this one finds nothing."""

    def _write_to_self(self) -> None:
        """How another thread wakes the loop; there is none."""


class _Leap:
    """Stands where a loop waits for sockets."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> tuple[()]:
        if timeout is None:
            raise NothingLeft
        self._loop.now += timeout
        return ()
