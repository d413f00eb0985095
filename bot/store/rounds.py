"""Rounds, with their copies of the question."""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from typing import Final

from sqlite_utils import Database

from bot.core.model import (
    UNREVEALED,
    ChannelId,
    MessageRef,
    Place,
    Question,
    QuestionId,
    Round,
    RoundId,
    RoundKind,
    RoundState,
)
from bot.store import rows
from bot.store.codec import at_instant, at_instant_or_none, dump, instant, instant_or_none, load_question

_SELECT: Final = "SELECT rounds.*, copy.question AS copy FROM rounds JOIN questions AS copy ON digest = rounds.question"


class RoundRows:
    """`Rounds` in SQLite. Questions are kept apart, so that one asked in many channels lies there once."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, round_id: RoundId) -> Round | None:
        return self._first("WHERE rounds.id = ?", round_id)

    def add(self, round_: Round) -> bool:
        copy = dump(Question, round_.question)
        digest = hashlib.sha256(copy.encode()).hexdigest()
        question = {"digest": digest, "id": round_.question.id, "version": round_.question.version, "question": copy}
        if self._db.execute("SELECT 1 FROM rounds WHERE id = ?", [round_.id]).fetchone():
            return False
        rows.add(self._db, "questions", question)
        return rows.add(self._db, "rounds", {"id": round_.id, "question": digest, **_row_of(round_)})

    def save(self, round_: Round) -> None:
        row = _row_of(round_)
        changes = ", ".join(f"{column} = :{column}" for column in row)
        if not rows.change(self._db, f"UPDATE rounds SET {changes} WHERE id = :id", {"id": round_.id, **row}):
            raise LookupError(f"round {round_.id} has not been added")

    def live(self, channel: ChannelId) -> list[Round]:
        return self._all(
            "WHERE channel = ? AND state = ? ORDER BY kind <> ?, opened_at, rounds.id",
            channel,
            RoundState.OPEN.value,
            RoundKind.DAILY.value,
        )

    def unrevealed(self, channel: ChannelId) -> list[Round]:
        return self._all(
            "WHERE channel = ? AND state IN (?, ?, ?) ORDER BY opened_at DESC, rounds.id DESC",
            channel,
            *(state.value for state in UNREVEALED),
        )

    def asked(
        self, channel: ChannelId, limit: int | None = None, *, daily: bool = False
    ) -> list[tuple[QuestionId, RoundKind, RoundState]]:
        found = self._db.execute(
            "SELECT copy.id, kind, state FROM rounds JOIN questions AS copy ON digest = rounds.question"
            " WHERE channel = ? AND state <> ? AND (kind = ? OR NOT ?) ORDER BY opened_at DESC, rounds.id DESC LIMIT ?",
            [channel, RoundState.SKIPPED.value, RoundKind.DAILY.value, daily, -1 if limit is None else limit],
        )
        return [(QuestionId(id_), RoundKind(kind), RoundState(state)) for id_, kind, state in found]

    def revealed_daily(self, channel: ChannelId) -> list[RoundId]:
        found = self._db.execute(
            "SELECT id FROM rounds WHERE channel = ? AND state = ? AND kind = ? ORDER BY opened_at, id",
            [channel, RoundState.REVEALED.value, RoundKind.DAILY.value],
        )
        return [RoundId(id_) for (id_,) in found]

    def to_close(self, now: datetime) -> list[Round]:
        return self._all(
            "WHERE state = ? AND closes_at <= ? ORDER BY closes_at, rounds.id", RoundState.OPEN.value, instant(now)
        )

    def to_reveal(self, now: datetime) -> list[Round]:
        return self._all(
            "WHERE state IN (?, ?) AND reveal_at <= ? ORDER BY reveal_at, rounds.id",
            RoundState.CLOSED.value,
            RoundState.GRADED.value,
            instant(now),
        )

    def by_place(self, place: Place) -> Round | None:
        return self._first(
            "WHERE thread_channel = ? AND thread IS ? ORDER BY opened_at DESC", place.channel, place.thread
        )

    def by_card(self, ref: MessageRef) -> Round | None:
        return self._first(
            "WHERE card_channel = ? AND card_message = ? AND card_thread IS ? ORDER BY opened_at DESC",
            ref.place.channel,
            ref.message,
            ref.place.thread,
        )

    def of_channel(self, channel: ChannelId, limit: int | None = None) -> list[Round]:
        return self._all(
            "WHERE channel = ? ORDER BY opened_at DESC, rounds.id DESC LIMIT ?", channel, -1 if limit is None else limit
        )

    def of_question(self, channel: ChannelId, question: QuestionId) -> list[Round]:
        return self._all("WHERE channel = ? AND copy.id = ? ORDER BY opened_at DESC, rounds.id DESC", channel, question)

    def count_extra(self, channel: ChannelId) -> int:
        row = self._db.execute(
            "SELECT MAX(CAST(substr(id, length(channel) + 2) AS INTEGER)) FROM rounds WHERE channel = ? AND kind = ?",
            [channel, RoundKind.EXTRA.value],
        ).fetchone()
        return row[0] or 0

    def _all(self, where: str, *parameters: object) -> list[Round]:
        return rounds_of(self._db, where, *parameters)

    def _first(self, where: str, *parameters: object) -> Round | None:
        row = rows.row(self._db, f"{_SELECT} {where} LIMIT 1", *parameters)
        return None if row is None else _round_of(row)


def rounds_of(db: Database, where: str, *parameters: object) -> list[Round]:
    """The rounds of a query, whose `where` may begin with further joins."""
    return [_round_of(row) for row in rows.rows(db, f"{_SELECT} {where}", *parameters)]


def _row_of(round_: Round) -> rows.Row:
    """All that may change in a round: everything but its id and its question."""
    card, thread = round_.card, round_.thread
    return {
        "channel": round_.channel,
        "group_id": round_.group,
        "kind": round_.kind.value,
        "state": round_.state.value,
        "local_date": round_.local_date.isoformat(),
        "opened_at": instant(round_.opened_at),
        "closes_at": instant(round_.closes_at),
        "reveal_at": instant(round_.reveal_at),
        "planned_at": instant(round_.planned_at),
        "zone": round_.zone,
        "cycle": round_.cycle,
        "sealed": round_.sealed,
        "asked_by": round_.asked_by,
        "card_channel": card and card.place.channel,
        "card_thread": card and card.place.thread,
        "card_message": card and card.message,
        "thread_channel": thread and thread.channel,
        "thread": thread and thread.thread,
        "card_deleted": round_.card_deleted,
        "revealed_at": instant_or_none(round_.revealed_at),
    }


def _round_of(row: rows.Row) -> Round:
    card = thread = None
    if row["card_channel"] is not None:
        card = MessageRef(
            place=Place(channel=row["card_channel"], thread=row["card_thread"]), message=row["card_message"]
        )
    if row["thread_channel"] is not None:
        thread = Place(channel=row["thread_channel"], thread=row["thread"])
    return Round(
        id=row["id"],
        channel=row["channel"],
        group=row["group_id"],
        kind=RoundKind(row["kind"]),
        state=RoundState(row["state"]),
        question=load_question(row["copy"]),
        local_date=date.fromisoformat(row["local_date"]),
        opened_at=at_instant(row["opened_at"]),
        closes_at=at_instant(row["closes_at"]),
        reveal_at=at_instant(row["reveal_at"]),
        planned_at=at_instant(row["planned_at"]),
        zone=row["zone"],
        cycle=row["cycle"],
        sealed=bool(row["sealed"]),
        asked_by=row["asked_by"],
        card=card,
        thread=thread,
        card_deleted=bool(row["card_deleted"]),
        revealed_at=at_instant_or_none(row["revealed_at"]),
    )
