"""The named steps of a round, and a process that kills itself at one of them.

The program is the real one. Its functions are wrapped by name, count how often each step comes, and at the chosen one
the process gets the signal that nobody can catch. Steps of a transaction come twice: when all of it is done but not
committed, and when it is on disk and nobody has been told.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, Final, TypeVar

from bot import runtime, studybot
from bot.adapters.discord import client as discord_client
from bot.adapters.discord import gaps as discord_gaps
from bot.adapters.discord import interactions as discord_interactions
from bot.adapters.discord import messenger as discord_messenger
from bot.adapters.slack import events as slack_events
from bot.adapters.slack import gaps as slack_gaps
from bot.adapters.slack import interactions as slack_interactions
from bot.adapters.slack import messenger as slack_messenger
from bot.core import answering, outcomes, recaps, replies, reviewing, rounds
from bot.core import drills as core_drills
from bot.core.ports import Transaction
from bot.delivery import Deliverer
from bot.store import SqliteStore, backups
from bot.store.deliveries import DeliveryRows
from bot.store.events import EventRows

T = TypeVar("T")

_COMMITTED: Final = (
    "drill set up",
    "round opened",
    "extra round opened",
    "message of a member taken",
    "form of a member taken",
    "round closed",
    "answers graded",
    "points paid, reveal owed",
    "recap owed",
    "award decided",
    "delivery claimed",
    "message recorded",
    "delivery done",
    "failure noted",
    "work of another run taken over",
    "interaction claimed",
    "command carried out",
    "slack: event written down",
    "slack: event worked off",
)
"""What a transaction may do."""

BEFORE: Final = ", before its commit"
AFTER: Final = ", after its commit"

_ASKED: Final = ("question", "reveal", "other message", "edit of the card", "thread")
"""What a messenger is asked for."""

_TO_ASK: Final = ", before its request"
_ANSWERED: Final = ", answered but not recorded"

SHUTDOWN: Final = ("shutdown begun", "shutdown, nothing more is sent", "shutdown, database closed")
"""Steps that only a program comes to that was told to stop."""

STEPS: Final = (
    *(step + when for step in _COMMITTED for when in (BEFORE, AFTER)),
    *(f"{where}: {what}{when}" for where in ("discord", "slack") for what in _ASKED for when in (_TO_ASK, _ANSWERED)),
    "discord: looked for a message",
    "slack: looked for a message",
    "discord: mark about to be set",
    "discord: mark set",
    "slack: mark about to be set",
    "slack: mark set",
    "discord: interaction worked on, not answered",
    "discord: interaction answered",
    "slack: interaction worked on, not answered",
    "slack: interaction answered",
    "slack: event about to be worked on",
    "discord: thread read again",
    "slack: thread read again",
    "discord: commands told, not noted",
    "backup copied, not checked",
    "backup made, old ones not removed",
    "database opened",
    "started",
    *SHUTDOWN,
)
"""Every step at which a process can be told to die."""


class Fate:
    """Counts steps, and kills at the chosen ones: whichever of them has come so often first."""

    def __init__(self, armed: Mapping[str, int], note: Path) -> None:
        """The step goes into the file `note` before the end; a killed process can tell nothing else."""
        unknown = set(armed) - set(STEPS)
        assert not unknown, f"there is no step {unknown}"
        self._left = dict(armed)
        self._note = note

    def at(self, step: str) -> None:
        """Die, if this is the time."""
        assert step in STEPS, f"a step without a name: {step}"
        if step in self._left:
            self._left[step] -= 1
            if self._left[step] <= 0:
                self._note.write_text(step, encoding="utf-8")
                os.kill(os.getpid(), signal.SIGKILL)


_touched: list[str] = []
"""What the transaction at hand has done so far. There is one thread that writes."""


class DyingStore(SqliteStore):
    """A store whose process may be killed before a commit, and after it before anybody hears of it."""

    fate: Fate

    def open(self) -> None:
        super().open()
        self.fate.at("database opened")

    async def write(self, work: Callable[[Transaction], T]) -> T:
        done_in_it: list[str] = []

        def killable(tx: Transaction) -> T:
            _touched.clear()
            done = work(tx)
            done_in_it[:] = dict.fromkeys(_touched)
            for step in done_in_it:
                self.fate.at(step + BEFORE)
            return done

        done = await super().write(killable)
        for step in done_in_it:
            self.fate.at(step + AFTER)
        return done

    async def close(self) -> None:
        await super().close()
        self.fate.at("shutdown, database closed")


def install(fate: Fate, looks: Path) -> None:
    """Wrap the program of this process; every look for a message that has an answer is noted in the file `looks`."""
    DyingStore.fate = fate
    vars(runtime)["SqliteStore"] = DyingStore  # the name by which the program builds its store
    _transactions()
    _messengers(fate, looks)
    _adapters(fate)
    _life(fate)


def _transactions() -> None:
    def touches(owner: Any, name: str, step: str, did: Callable[[Any, tuple[Any, ...]], object]) -> None:
        real = getattr(owner, name)

        @wraps(real)
        def wrapped(*args: Any, **more: Any) -> Any:
            result = real(*args, **more)
            if did(result, args):
                _touched.append(step)
            return result

        setattr(owner, name, wrapped)

    def always(result: Any, args: tuple[Any, ...]) -> bool:
        return True

    def if_so(result: Any, args: tuple[Any, ...]) -> bool:
        return bool(result)

    touches(core_drills, "set_up", "drill set up", always)
    touches(rounds, "open_due", "round opened", if_so)
    touches(rounds, "open_extra", "extra round opened", always)
    touches(answering, "take", "message of a member taken", lambda told, args: _said(args) and told.counts)
    touches(answering, "take", "form of a member taken", lambda told, args: not _said(args))
    touches(rounds, "close", "round closed", if_so)
    touches(rounds, "save_grades", "answers graded", always)
    touches(rounds, "reveal", "points paid, reveal owed", if_so)
    touches(recaps, "recap", "recap owed", always)
    touches(reviewing, "_say_in_thread", "award decided", always)
    touches(DeliveryRows, "claim", "delivery claimed", if_so)
    touches(outcomes, "part_sent", "message recorded", always)
    touches(outcomes, "done", "delivery done", always)
    touches(outcomes, "failed", "failure noted", always)
    touches(DeliveryRows, "reclaim", "work of another run taken over", if_so)
    touches(EventRows, "add", "interaction claimed", lambda new, args: new and args[1].id.startswith("heard/"))
    touches(EventRows, "add", "slack: event written down", lambda new, args: new and _is_inbox(args[1].id))
    touches(EventRows, "finish", "slack: event worked off", lambda _, args: _is_inbox(args[1]))
    touches(replies, "answer", "command carried out", lambda _, args: replies.changes(args[3]))


def _said(args: tuple[Any, ...]) -> bool:
    return isinstance(args[1], answering.Said | answering.Deleted)


def _is_inbox(id: str) -> bool:
    return id.startswith("slack/event/")


def _around(
    fate: Fate,
    owner: Any,
    name: str,
    before: Callable[[Mapping[str, Any]], str | None],
    after: Callable[[Mapping[str, Any]], str | None],
) -> None:
    """Steps before and after an async method, named by its keyword arguments."""
    real = getattr(owner, name)

    @wraps(real)
    async def wrapped(*args: Any, **more: Any) -> Any:
        if (step := before(more)) is not None:
            fate.at(step)
        result = await real(*args, **more)
        if (step := after(more)) is not None:
            fate.at(step)
        return result

    setattr(owner, name, wrapped)


def _named(step: str | None) -> Callable[[Mapping[str, Any]], str | None]:
    return lambda _: step


def _messengers(fate: Fate, looks: Path) -> None:
    def asked_for(key: str) -> str:
        what = key.rpartition("/")[2]
        return what if what in ("question", "reveal") else "other message"

    for where, messenger in (
        ("discord", discord_messenger.DiscordMessenger),
        ("slack", slack_messenger.SlackMessenger),
    ):

        def sending(when: str, where: str = where) -> Callable[[Mapping[str, Any]], str]:
            return lambda more: f"{where}: {asked_for(more['key'])}{when}"

        _around(fate, messenger, "send", sending(_TO_ASK), sending(_ANSWERED))
        for name, what in (("edit", "edit of the card"), ("open_thread", "thread")):
            steps = _named(f"{where}: {what}{_TO_ASK}"), _named(f"{where}: {what}{_ANSWERED}")
            _around(fate, messenger, name, *steps)
        _looks(fate, messenger, where, looks)


def _looks(fate: Fate, messenger: Any, where: str, looks: Path) -> None:
    real = messenger.find

    @wraps(real)
    async def find(self: Any, place: Any, *, key: str) -> Any:
        began = time.monotonic()
        found = await real(self, place, key=key)
        with looks.open("a", encoding="utf-8") as file:
            file.write(f"{began} {len(found)} {key}\n")
        fate.at(f"{where}: looked for a message")
        return found

    messenger.find = find


def _adapters(fate: Fate) -> None:
    nothing = _named(None)
    marking = (("discord", discord_client.Discord), ("slack", slack_events.Events))
    for where, owner in marking:
        _around(fate, owner, "_mark", _named(f"{where}: mark about to be set"), _named(f"{where}: mark set"))
    on, answered = "discord: interaction worked on, not answered", "discord: interaction answered"
    _around(fate, discord_interactions.Interactions, "_answer", nothing, _named(on))
    _around(fate, discord_interactions.Interactions, "take", nothing, _named(answered))
    on, answered = "slack: interaction worked on, not answered", "slack: interaction answered"
    for name in ("_carry_out", "_pressed", "_form"):
        _around(fate, slack_interactions.Interactions, name, nothing, _named(on))
    for name in ("command", "press", "form"):
        _around(fate, slack_interactions.Interactions, name, nothing, _named(answered))
    _around(fate, slack_events.Events, "work", _named("slack: event about to be worked on"), nothing)
    _around(fate, discord_gaps.Gaps, "_read_thread", nothing, _named("discord: thread read again"))
    _around(fate, slack_gaps.Gaps, "_read_thread", nothing, _named("slack: thread read again"))

    note = studybot.StudyBot.note

    async def noting(self: studybot.StudyBot, name: str, value: str) -> None:
        if name == "discord commands":
            fate.at("discord: commands told, not noted")
        await note(self, name, value)

    studybot.StudyBot.note = noting  # type: ignore[method-assign]


def _life(fate: Fate) -> None:
    nothing = _named(None)
    _around(fate, runtime.Program, "start", nothing, _named("started"))
    _around(fate, runtime.Program, "end", _named("shutdown begun"), nothing)
    stop = Deliverer.stop

    def stopping(self: Deliverer) -> None:
        stop(self)
        fate.at("shutdown, nothing more is sent")

    Deliverer.stop = stopping  # type: ignore[method-assign]

    def beginning(owner: Any, name: str, step: str) -> None:
        real = getattr(owner, name)

        @wraps(real)
        def wrapped(*args: Any, **more: Any) -> Any:
            fate.at(step)
            return real(*args, **more)

        setattr(owner, name, wrapped)

    beginning(backups, "_check_copy", "backup copied, not checked")
    beginning(backups, "remove_old", "backup made, old ones not removed")
