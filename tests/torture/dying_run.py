"""`nnquestion run`, as a child that is going to die.

It is the real program with its real settings, database and connections. What is another is the clock, how often it
looks at it, and how long it waits for what never comes: seconds of a day that has only some. It dies at a named step,
or is killed from outside at any moment.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any, Final

from bot import charts, cli, delivery, pictures, runtime  # noqa: F401 (loaded once, before the first child is made)
from bot.adapters.discord import client as discord_client  # noqa: F401
from bot.adapters.slack import app as slack_app
from bot.core.card import Picture
from bot.runtime import Program
from bot.settings import Settings, shipped_bank
from bot.shelf import read_file
from tests.torture import steps
from tests.torture.clock import SharedClock

_PNG: Final = b"\x89PNG\r\n\x1a\n"

read_file(shipped_bank())  # It stays in the memory that children are made of.


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What a child needs to know."""

    folder: Path
    """Where it works, with the file of the clock and that of the looks."""
    settings: Mapping[str, str]
    armed: Mapping[str, int] = field(default_factory=dict)
    """At which steps it dies, and at the how-many-eth time."""
    answers_within: float
    """Real seconds that a platform gets for one request; the program's own are 30 for Slack and 60 in all."""
    note: Path
    log: Path


def live(orders: Orders) -> None:
    """Run the program until it is told to stop, or dies."""
    os.chdir(orders.folder)
    log = os.open(orders.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.update(orders.settings)
    steps.install(steps.Fate(orders.armed, orders.note), orders.folder / "looks")
    vars(delivery)["ANSWERS_WITHIN"] = orders.answers_within
    vars(slack_app)["ANSWERS_WITHIN"] = orders.answers_within
    vars(pictures)["draw"] = _draw  # How pictures are drawn is not what dies here.
    vars(runtime).update(TICK_EVERY=0.15, build=partial(_build, SharedClock(orders.folder / "clock")))
    logging.logThreads = logging.logMultiprocessing = False
    try:
        cli.main(["run"], standalone_mode=False)
    except SystemExit as ended:
        sys.exit(ended.code)


def _draw(picture: Picture) -> bytes:
    return _PNG


_assemble = runtime.build


def _build(clock: SharedClock, settings: Settings, *_: Any, **__: Any) -> Program:
    program = _assemble(settings, clock, paces={})
    discord, slack = program.discord_adapter, program.slack_adapter
    if discord is not None:
        discord.pauses, discord.between_sessions = lambda: repeat(0.1), 0
        discord.guilds_within = discord.client._connection.guild_ready_timeout = 0.02
    if slack is not None:
        slack.pauses, slack.looks_every, slack.dead_after, slack.quiet_after = lambda: repeat(0.1), 0.05, 0.4, 2.0
        slack.events.again_after = 0.05
        slack.uploads.waits = (0, 0, 0)
    return program
