"""One simulated clock for both wire servers and every copy of the program.

It is eight bytes of a file that all of them map: whoever starts later is at once at the same instant, and a copy that
is killed takes nothing along. The parent alone moves it. A speed would not do: Discord and Slack give three seconds of
their own clock for an acknowledgement, so time has to go slowly while somebody waits, and may jump where nobody does.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from tests.wire.discord_server import DiscordServer
from tests.wire.slack_server import SlackServer

FAST: Final = 20.0
"""Simulated seconds in a real one, while nobody waits for an acknowledgement."""

SLOW: Final = 2.5
"""The same while somebody does: they wait 3 simulated seconds, and a machine with other work needs some of them."""

CORES: Final = os.cpu_count() or 1

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_EVERY: Final = 0.004


def slowness() -> float:
    """How many times longer than by itself things take on this machine now, since others work on it, too.

    Whatever is measured in real seconds is stretched by it: who kills a program before it is up tortures nobody.
    """
    return max(1.0, os.getloadavg()[0] / CORES / 2)


class SharedClock:
    """The instant in the file. Calling it reads it, as the program wants its clock."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(8))
        with path.open("r+b") as file:
            self._bytes = mmap.mmap(file.fileno(), 8)

    def __call__(self) -> datetime:
        micros: int = struct.unpack_from("=q", self._bytes)[0]
        return _EPOCH + micros * _MICROSECOND

    def write(self, moment: datetime) -> None:
        """Let it be this instant, for everybody at once."""
        struct.pack_into("=q", self._bytes, 0, (moment - _EPOCH) // _MICROSECOND)


class Time:
    """Moves the clock of the program and those of both platforms together."""

    def __init__(self, shared: SharedClock, discord: DiscordServer, slack: SlackServer) -> None:
        self._shared = shared
        self._servers = (discord, slack)
        self._waiting = 0
        self.to(discord.clock.now)

    @property
    def now(self) -> datetime:
        """The latest of the three; whatever happens on a platform takes it a little ahead."""
        return max(self._shared(), *(server.clock.now for server in self._servers))

    def to(self, moment: datetime) -> None:
        """Jump to an instant, unless it is over; what falls due on the platforms until then happens."""
        moment = max(moment, self.now)
        for server in self._servers:
            server.clock.set(max(moment, server.clock.now))
        self._shared.write(self.now)

    @contextmanager
    def slowly(self) -> Iterator[None]:
        """Somebody waits for an answer of the bot's."""
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    async def flow(self) -> None:
        """Let time go by, until cancelled."""
        before = time.monotonic()
        while True:
            await asyncio.sleep(_EVERY)
            after = time.monotonic()
            speed = (SLOW if self._waiting else FAST) / slowness()
            # A machine that stands still for a while makes no minutes out of it.
            self.to(self.now + timedelta(seconds=min(after - before, 0.05) * speed))
            before = after
