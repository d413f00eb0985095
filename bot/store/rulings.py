"""Objections, rulings, and the exemplars that come of them."""

from __future__ import annotations

from datetime import datetime

from sqlite_utils import Database

from bot.core.model import (
    ChannelId,
    Consent,
    Exemplar,
    GroupId,
    MemberId,
    Objection,
    ObjectionState,
    QuestionId,
    RoundId,
    Ruling,
    RulingKind,
)
from bot.store import rows
from bot.store.codec import at_instant, at_instant_or_none, dump, instant, instant_or_none, load


class ObjectionRows:
    """`Objections` in SQLite."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, objection: Objection) -> int | None:
        row = {
            "round": objection.round,
            "group_id": objection.group,
            "channel": objection.channel,
            "member": objection.member,
            "key_point": objection.key_point,
            "words": objection.words,
            "since": instant(objection.since),
            "state": objection.state.value,
        }
        return rows.latest(self._db) if rows.add(self._db, "objections", row) else None

    def get(self, number: int) -> Objection | None:
        found = self._found("number = ?", number)
        return found[0] if found else None

    def save(self, objection: Objection) -> None:
        rows.change(
            self._db,
            "UPDATE objections SET words = ?, since = ?, state = ? WHERE number = ?",
            [objection.words, instant(objection.since), objection.state.value, objection.number],
        )

    def of_answer(self, round_id: RoundId, member: MemberId) -> list[Objection]:
        return self._found("round = ? AND member = ? ORDER BY number", round_id, member)

    def open_of(self, group: GroupId, member: MemberId) -> list[Objection]:
        return self._found("state = 'open' AND group_id = ? AND member = ? ORDER BY since, number", group, member)

    def open_in(self, channel: ChannelId) -> list[Objection]:
        return self._found("state = 'open' AND channel = ? ORDER BY since, number", channel)

    def ended(self) -> list[Objection]:
        return self._found("state IN ('granted', 'lapsed') ORDER BY number")

    def unruled(self, since: datetime, limit: int) -> list[Objection]:
        return self._found("state = 'open' AND since <= ? ORDER BY since, number LIMIT ?", instant(since), limit)

    def _found(self, where: str, *parameters: object) -> list[Objection]:
        found = rows.rows(self._db, f"SELECT * FROM objections WHERE {where}", *parameters)
        return [
            Objection(
                round=row["round"],
                group=row["group_id"],
                channel=row["channel"],
                member=row["member"],
                key_point=row["key_point"],
                words=row["words"],
                since=at_instant(row["since"]),
                state=ObjectionState(row["state"]),
                number=row["number"],
            )
            for row in found
        ]


class RulingRows:
    """`Rulings` in SQLite. Triggers refuse to change what was decided."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, ruling: Ruling) -> int:
        row = {
            "round": ruling.round,
            "group_id": ruling.group,
            "channel": ruling.channel,
            "member": ruling.member,
            "kind": ruling.kind.value,
            "at": instant(ruling.at),
            "ruled_by": ruling.by,
            "key_point": ruling.key_point,
            "words": ruling.words,
            "verdict": ruling.verdict.value,
            "objection": ruling.objection,
            "level": ruling.level,
            "points": ruling.points,
            "reason": ruling.reason,
            "consent": ruling.consent.value,
            "told": ruling.told,
        }
        rows.add(self._db, "rulings", row)
        return rows.latest(self._db)

    def get(self, number: int) -> Ruling | None:
        found = self._found("number = ?", number)
        return found[0] if found else None

    def save(self, ruling: Ruling) -> None:
        rows.change(
            self._db,
            "UPDATE rulings SET consent = ?, told = ?, undone_at = ?, undone_by = ? WHERE number = ?",
            [ruling.consent.value, ruling.told, instant_or_none(ruling.undone_at), ruling.undone_by, ruling.number],
        )

    def of_answer(self, round_id: RoundId, member: MemberId) -> list[Ruling]:
        return self._found("round = ? AND member = ? ORDER BY number", round_id, member)

    def of_channel(self, channel: ChannelId, limit: int) -> list[Ruling]:
        return self._found("channel = ? ORDER BY number DESC LIMIT ?", channel, limit)

    def of_member(self, group: GroupId, member: MemberId) -> list[Ruling]:
        return self._found("group_id = ? AND member = ? ORDER BY number", group, member)

    def add_exemplar(self, ruling: Ruling, question: QuestionId, exemplar: Exemplar) -> None:
        row = {
            "ruling": ruling.number,
            "group_id": ruling.group,
            "question": question,
            "round": ruling.round,
            "member": ruling.member,
            "text": exemplar.text,
            "exemplar": dump(Exemplar, exemplar),
            "serves": True,
        }
        rows.put(self._db, "exemplars", row, "ruling")

    def remove_exemplar(self, ruling: int) -> None:
        rows.change(self._db, "UPDATE exemplars SET serves = 0 WHERE ruling = ?", [ruling])

    def exemplars(self, group: GroupId, question: QuestionId) -> tuple[Exemplar, ...]:
        found = rows.rows(
            self._db,
            "SELECT exemplar FROM exemplars WHERE group_id = ? AND question = ? AND serves = 1 ORDER BY text, ruling",
            group,
            question,
        )
        return tuple(load(Exemplar, row["exemplar"]) for row in found)

    def _found(self, where: str, *parameters: object) -> list[Ruling]:
        found = rows.rows(self._db, f"SELECT * FROM rulings WHERE {where}", *parameters)
        return [
            Ruling(
                round=row["round"],
                group=row["group_id"],
                channel=row["channel"],
                member=row["member"],
                kind=RulingKind(row["kind"]),
                at=at_instant(row["at"]),
                by=row["ruled_by"],
                key_point=row["key_point"],
                words=row["words"],
                verdict=ObjectionState(row["verdict"]),
                objection=row["objection"],
                level=row["level"],
                points=row["points"],
                reason=row["reason"],
                consent=Consent(row["consent"]),
                told=bool(row["told"]),
                undone_at=at_instant_or_none(row["undone_at"]),
                undone_by=row["undone_by"],
                number=row["number"],
            )
            for row in found
        ]
