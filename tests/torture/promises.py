"""What has to be true at the end, whatever happened: read off both platforms and the database."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from bot.core import paying
from bot.core.card import reference
from bot.core.model import Round, RoundId
from bot.core.ports import Transaction
from bot.store import SqliteStore, backups
from tests.torture.people import Spot, Standing
from tests.torture.weather import Landing

Texts = tuple[str, ...]
"""An answer's parts, one text each; none at all is no answer."""


@dataclass(slots=True)
class Said:
    """What one member did in one round, and what may count of it in the end."""

    possible: set[Texts] = field(default_factory=lambda: {()})
    acknowledged: int = 0
    """How often the bot said that it has it."""
    message: Any = None
    """What stands of it in the thread."""


@dataclass(slots=True)
class Plan:
    """What a life set out to do, independent of any database."""

    spots: list[Spot]
    dates: list[date]
    said: dict[tuple[str, str], Said] = field(default_factory=lambda: defaultdict(Said))
    """By round and member."""
    awards: dict[str, list[bool]] = field(default_factory=dict)
    """The reasons of awards: whether each attempt was acknowledged."""
    extras: dict[str, list[bool]] = field(default_factory=dict)
    """Extra questions by channel: whether each attempt was acknowledged."""


@dataclass(slots=True)
class Verdict:
    """The counts of one life, and every promise that was broken."""

    backups: int = 0
    messages: int = 0
    answers: int = 0
    acknowledged: int = 0
    reveals: int = 0
    removed: int = 0
    """Messages that stood twice for a moment: the program found the younger one, and removed it."""
    late: int = 0
    """Messages of Slack's that landed after their request was given up."""
    unseen: int = 0
    """Of these, those after which nobody looked any more: the window that Slack leaves open."""
    window: int = 0
    """Of these, those that stand there twice."""
    duplicates: list[str] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    @property
    def broken(self) -> list[str]:
        return [*self.duplicates, *self.losses, *self.others]


_POSTS: Final = ("post", "post in thread")


async def judge(plan: Plan, database: Path, landings: Iterable[Landing], looks: Path) -> Verdict:
    """Hold what stands on the platforms and in the database against the plan."""
    verdict = Verdict()
    unseen = _unseen(landings, looks, verdict)
    standing = {spot.id: list(spot.standing()) for spot in plan.spots}
    verdict.messages = sum(map(len, standing.values()))
    verdict.removed = sum(spot.removed() for spot in plan.spots)
    with closing(sqlite3.connect(database)) as db:
        db.row_factory = sqlite3.Row
        rounds = {row["id"]: row for row in db.execute("SELECT * FROM rounds")}
        _deliveries(db, standing, unseen, verdict)
        for spot in plan.spots:
            _rounds(spot, plan, rounds, standing[spot.id], unseen, verdict)
        _answers(db, plan, rounds, verdict)
        _asked_by_hand(db, plan, rounds, standing, verdict)
        _boards(db, verdict)
    await _paid(database, rounds, verdict)
    _backups(database, verdict)
    return verdict


def _unseen(landings: Iterable[Landing], looks: Path, verdict: Verdict) -> set[str]:
    """References of messages that landed when the program had looked for them for the last time."""
    looked: dict[str, float] = {}
    if looks.exists():
        for line in looks.read_text(encoding="utf-8").splitlines():
            began, _, key = line.split(" ", 2)
            looked[reference(key)] = max(float(began), looked.get(reference(key), 0.0))
    found = set()
    for landing in landings:
        verdict.late += 1
        if looked.get(landing.reference, 0.0) < landing.at:
            verdict.unseen += 1
            found.add(landing.reference)
    return found


def _deliveries(
    db: sqlite3.Connection, standing: Mapping[str, list[Standing]], unseen: set[str], verdict: Verdict
) -> None:
    """Everything owed stands exactly once, as the message that is recorded; and nothing stands that was not owed."""
    owed: set[str] = set()
    by_reference: dict[str, dict[str, list[Standing]]] = {channel: defaultdict(list) for channel in standing}
    for channel, messages in standing.items():
        for message in messages:
            by_reference[channel][message.reference].append(message)
    for row in db.execute("SELECT * FROM deliveries ORDER BY sequence"):
        if row["state"] != "done":
            verdict.losses.append(f"{row['key']} is {row['state']}: {row['note']}")
            continue
        if row["action"] not in _POSTS:
            continue
        for part, sent in enumerate(json.loads(row["sent"]), start=1):
            key = row["key"] if part == 1 else f"{row['key']}/{part}"
            owed.add(reference(key))
            found = by_reference[row["channel"]][reference(key)]
            if not found or sent["message"] not in [message.id for message in found]:
                verdict.losses.append(f"{key}: recorded as {sent['message']}, there is {[one.id for one in found]}")
            elif len(found) > 1 and reference(key) in unseen:
                verdict.window += 1
            elif len(found) > 1:
                verdict.duplicates.append(f"{key} stands there {len(found)} times: {[one.id for one in found]}")
    for channel, messages in standing.items():
        for message in messages:
            if message.reference not in owed:
                verdict.duplicates.append(f"{channel}: nobody owed the message {message.id}: {message.text[:200]!r}")


def _rounds(
    spot: Spot,
    plan: Plan,
    rounds: Mapping[str, sqlite3.Row],
    standing: list[Standing],
    unseen: set[str],
    verdict: Verdict,
) -> None:
    """On each planned date one question, one thread, one reveal in it; and a card that says that it is over."""
    daily = {row["local_date"]: row for row in rounds.values() if row["channel"] == spot.id and row["kind"] == "daily"}
    for on in plan.dates:
        row = daily.pop(on.isoformat(), None)
        if row is None or row["state"] != "revealed":
            verdict.losses.append(f"{spot.id} on {on}: its round is {row['state'] if row else 'not there'}")
    verdict.others += [f"{row['id']}: there is a round on a day that nobody planned" for row in daily.values()]
    for row in rounds.values():
        if row["channel"] != spot.id or row["state"] != "revealed":
            continue
        cards = [one for one in standing if one.reference == reference(f"{row['id']}/question")]
        reveals = [one for one in standing if one.thread == row["thread"] and "Reference answer" in one.text]
        reveals = [one for one in reveals if one.reference == reference(f"{row['id']}/reveal")]
        verdict.reveals += len(reveals)
        if row["thread"] is None or (len(reveals) != 1 and reference(f"{row['id']}/reveal") not in unseen):
            verdict.losses.append(f"{row['id']}: {len(reveals)} reveals in its thread {row['thread']}")
        stand = [one for one in cards if one.id == row["card_message"]]
        if not stand or "Answer" in stand[0].labels:
            verdict.others.append(f"{row['id']}: its card {row['card_message']} still asks for answers, or is gone")


def _answers(db: sqlite3.Connection, plan: Plan, rounds: Mapping[str, sqlite3.Row], verdict: Verdict) -> None:
    """What was said counts as it was said last; and what was acknowledged above all."""
    given = answers_in(db)
    for (round_id, member), said in plan.said.items():
        found = given.pop((round_id, member), ())
        verdict.answers += 1
        verdict.acknowledged += said.acknowledged
        if found not in said.possible:
            verdict.losses.append(f"{round_id}, {member}: it may say {sorted(said.possible)}, and says {found}")
    verdict.others += [f"{key}: nobody gave this answer: {texts}" for key, texts in given.items() if texts]
    for row in db.execute("SELECT channel, message, COUNT(*) AS n FROM parts GROUP BY 1, 2 HAVING n > 1"):
        verdict.duplicates.append(f"{row['channel']}: message {row['message']} is part of {row['n']} answers")
    late = [tuple(row) for row in db.execute("SELECT round, member FROM answers WHERE late = 1")]
    verdict.losses += [f"{key}: said in time, and taken as late" for key in late]
    for row in db.execute("SELECT round, member FROM answers WHERE ungraded = 1"):
        verdict.losses.append(f"{row['round']}, {row['member']}: never graded")


def answers_in(db: sqlite3.Connection) -> dict[tuple[str, str], Texts]:
    """All answers that a database holds."""
    found: dict[tuple[str, str], Texts] = {}
    for row in db.execute("SELECT round, member, text FROM parts ORDER BY round, member, position"):
        found[row[0], row[1]] = (*found.get((row[0], row[1]), ()), row[2])
    return found


def _asked_by_hand(
    db: sqlite3.Connection,
    plan: Plan,
    rounds: Mapping[str, sqlite3.Row],
    standing: Mapping[str, list[Standing]],
    verdict: Verdict,
) -> None:
    """What was acknowledged is done once; what was not, once at most for each attempt."""
    everything = [message for messages in standing.values() for message in messages]
    for reason, attempts in plan.awards.items():
        booked = db.execute("SELECT COUNT(*) FROM ledger WHERE reason = ?", [f"award: {reason}"]).fetchone()[0]
        told = len({message.reference for message in everything if reason in message.text})
        if not sum(attempts) <= booked <= len(attempts) or told != booked:
            kind = verdict.losses if booked < sum(attempts) else verdict.duplicates
            kind.append(f"award “{reason}”, acknowledged {attempts}: booked {booked} times, told {told} times")
    for channel, attempts in plan.extras.items():
        there = sum(row["channel"] == channel and row["kind"] == "extra" for row in rounds.values())
        if not sum(attempts) <= there <= len(attempts):
            verdict.losses.append(f"{channel}: {there} extra questions, acknowledged {attempts}")


def _boards(db: sqlite3.Connection, verdict: Verdict) -> None:
    """Every board is what the ledger says, counted here once more by other words than the program's."""
    counted: Counter[tuple[str, str, str, str]] = Counter()
    for row in db.execute("SELECT group_id, channel, member, local_date, points FROM ledger"):
        on = date.fromisoformat(row["local_date"])
        week = on - timedelta(days=on.weekday())
        for season in ("all", f"{on:%Y-%m}", f"{week.isocalendar().year}-W{week.isocalendar().week:02}"):
            for channel in ("", row["channel"]):
                counted[row["group_id"], season, channel, row["member"]] += row["points"]
    kept = {
        (row["group_id"], row["season"], row["channel"], row["member"]): row["points"]
        for row in db.execute("SELECT * FROM tallies")
    }
    for key in sorted({*counted, *kept}):
        if counted[key] != kept.get(key, 0):
            verdict.others.append(f"board {key}: shows {kept.get(key, 0)}, the ledger says {counted[key]}")


def _backups(database: Path, verdict: Verdict) -> None:
    """Whatever is there under the name of a backup is whole."""
    for backup in backups.kept(backups.folder_beside(database), database.stem):
        verdict.backups += 1
        with closing(sqlite3.connect(f"file:{backup.path}?mode=ro", uri=True)) as db:
            found = [row[0] for row in db.execute("PRAGMA integrity_check")]
        if found != ["ok"]:
            verdict.others.append(f"{backup.path.name} is damaged: {found}")


async def _paid(database: Path, rounds: Mapping[str, sqlite3.Row], verdict: Verdict) -> None:
    """The program itself finds nothing to mend: boards counted anew, and every round settled once more."""
    store = SqliteStore(database)
    store.open()

    def settled_again(tx: Transaction) -> list[str]:
        wrong = []
        for round_id in rounds:
            round_ = tx.rounds.get(RoundId(round_id))
            if round_ is not None and round_.state == "revealed":
                before = tx.ledger.of_round(round_.id)
                paying.settle(tx, round_, _after(round_))
                wrong += [f"{round_id}: {one}" for one in tx.ledger.of_round(round_.id) if one not in before]
        return wrong

    try:
        if wrong := await store.write(lambda tx: tx.ledger.recount()):
            verdict.others.append(f"{wrong} rows of boards were wrong")
        verdict.others += [f"paid wrongly, {one}" for one in await store.write(settled_again)]
    finally:
        await store.close()


def _after(round_: Round) -> Any:
    assert round_.revealed_at is not None
    return round_.revealed_at
