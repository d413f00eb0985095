"""What a run leaves in its files, in a form in which two runs can be compared."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, fields
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

from bot.adapters.terminal.room import BOT, Message, Room
from tests.store.files import ask

_CARD: Final = (
    "CASE WHEN julianday(created_at) > (SELECT julianday(MAX(created_at)) - 6 FROM deliveries) THEN card END AS card"
)
"""Older ones may be removed or not: they are looked for once a day, and at each start."""

TABLES: Final = {
    "rounds": "id, state, question, local_date, opened_at, closes_at, reveal_at, card_message, thread, revealed_at",
    "answers": "round, member, revision, local_date, late, share, first_at, ungraded, final, removed",
    "parts": "round, member, position, source, message, text, said_at, edited_at",
    "revisions": "round, member, revision, cause, at, text",
    "hints": "round, member, number, at",
    "grades": "round, member, revision, grader, grade",
    "objections": "number, round, member, key_point, words, since, state",
    "rulings": "number, round, member, kind, at, ruled_by, key_point, words, verdict, objection, points, consent, told",
    "exemplars": "ruling, question, round, member, text, serves",
    "ledger": "id, member, round, question, local_date, points, reason",
    "deliveries": f"key, channel, thread, action, round, {_CARD}, title, state, note, sent",
    "drills": "channel, state, next_at, drill",
    "plans": "channel, plan",
    "members": "id, name, naming, public, barred",
    "tallies": "group_id, season, channel, member, points, rounds",
    "seasons": "group_id, season, channel, standings",
    "absences": "member, first, last",
    "reminders": "member, channel, at, zone, next_at, round",
    "helped": "round, member, helps",
    "reports": "round, member, reporter, at, settled",
}
"""What is compared of the store: all but row numbers, attempts, and by which instant something was worked on."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The room and the store of a run that has ended."""

    messages: tuple[Message, ...]
    threads: dict[str, str | None]
    rows: dict[str, list[Any]]

    def said_by_bot(self) -> list[Message]:
        """The bot's own messages that are still there."""
        return [message for message in self.messages if message.by == BOT and message.deleted_at is None]

    def twice(self) -> list[str]:
        """References and names of messages that stand in the room more than once. There should be none."""
        names = Counter(message.nonce for message in self.messages if message.nonce)
        shown = Counter(found for message in self.said_by_bot() for found in re.findall(r"ref (\w+)", message.text))
        return [name for counted in (names, shown) for name, times in counted.items() if times > 1]


def kept_by(database: Path) -> Kept:
    """Read the files of a run."""
    room = Room(database.with_name(f"{database.name}.room.jsonl"))
    room.open()
    messages = tuple(room.all())
    threads = {message.id: room.thread_title(message.id) for message in messages}
    room.close()
    rows = {table: ask(database, f"SELECT {columns} FROM {table}") for table, columns in TABLES.items()}
    return Kept(messages, threads, {table: sorted(map(repr, found)) for table, found in rows.items()})


def differences(kept: Kept, unbroken: Kept, *, times: bool = True) -> list[str]:
    """What is not as an unbroken run leaves it, a line each; with or without when the bot's messages were sent."""
    sent = {"at", "edited_at", "deleted_at"}
    wrong = [f"{name} stands in the room twice" for name in kept.twice()]
    for number, (here, there) in enumerate(zip_longest(kept.messages, unbroken.messages), start=1):
        if here is None or there is None:
            wrong.append(f"message {number}: {there and there.text!r} became {here and here.text!r}")
            continue
        for field in fields(Message):
            is_, was = getattr(here, field.name), getattr(there, field.name)
            if is_ != was and (times or there.by != BOT or field.name not in sent):
                wrong.append(f"message {number} by {here.name}, its {field.name}: {was} became {is_}")
    if kept.threads != unbroken.threads:
        wrong.append(f"threads: {unbroken.threads} became {kept.threads}")
    for table, rows in unbroken.rows.items():
        if kept.rows[table] != rows:
            wrong.append(f"{table}: {set(rows) - set(kept.rows[table])} became {set(kept.rows[table]) - set(rows)}")
    return wrong


def board_of(printed: str) -> str:
    """The board at the end of what a demo printed."""
    before, asked, board = printed.rpartition("ada types: /nnquestion leaderboard\n")
    assert asked, f"no board at the end of:\n{before}"
    return board
