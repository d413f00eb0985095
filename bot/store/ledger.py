"""Points. Rows are only added: triggers refuse anything else."""

from __future__ import annotations

from datetime import date

from sqlite_utils import Database

from bot.core.model import ChannelId, Entry, GroupId, MemberId, QuestionId, RoundId
from bot.store import rows
from bot.store.codec import at_instant, instant


class LedgerRows:
    """`Ledger` in SQLite."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, entry: Entry) -> bool:
        row = {
            "id": entry.id,
            "group_id": entry.group,
            "channel": entry.channel,
            "member": entry.member,
            "round": entry.round,
            "question": entry.question,
            "cycle": entry.cycle,
            "local_date": entry.local_date.isoformat(),
            "points": entry.points,
            "reason": entry.reason,
            "at": instant(entry.at),
            "ruling": entry.ruling,
        }
        return rows.add(self._db, "ledger", row)

    def of_round(self, round_id: RoundId, member: MemberId | None = None) -> list[Entry]:
        return self._entries("round = ?1 AND (?2 IS NULL OR member = ?2) ORDER BY at, sequence", round_id, member)

    def of_member(self, group: GroupId, member: MemberId, limit: int | None = None) -> list[Entry]:
        return self._entries(
            "group_id = ? AND member = ? ORDER BY at DESC, sequence DESC LIMIT ?",
            group,
            member,
            -1 if limit is None else limit,
        )

    def paid(self, group: GroupId, member: MemberId, question: QuestionId, since: date) -> list[Entry]:
        return self._entries(
            "group_id = ? AND member = ? AND question = ? AND local_date >= ? ORDER BY at, sequence",
            group,
            member,
            question,
            since.isoformat(),
        )

    def totals(
        self,
        group: GroupId,
        *,
        channel: ChannelId | None = None,
        first: date | None = None,
        last: date | None = None,
    ) -> list[tuple[MemberId, int, int]]:
        found = self._db.execute(
            "SELECT member, SUM(points), SUM(paid > 0) FROM ("
            " SELECT member, round, SUM(points) AS points, SUM(CASE WHEN ruling IS NULL THEN points ELSE 0 END) AS paid"
            " FROM ledger"
            " WHERE group_id = ? AND local_date BETWEEN ? AND ? AND channel = coalesce(?, channel)"
            " GROUP BY member, round"
            ") GROUP BY member ORDER BY member",
            [group, (first or date.min).isoformat(), (last or date.max).isoformat(), channel],
        )
        return [(member, points, rounds) for member, points, rounds in found]

    def _entries(self, where: str, *parameters: object) -> list[Entry]:
        return [_entry_of(row) for row in rows.rows(self._db, f"SELECT * FROM ledger WHERE {where}", *parameters)]


def _entry_of(row: rows.Row) -> Entry:
    return Entry(
        id=row["id"],
        group=row["group_id"],
        channel=row["channel"],
        member=row["member"],
        round=row["round"],
        question=row["question"],
        cycle=row["cycle"],
        local_date=date.fromisoformat(row["local_date"]),
        points=row["points"],
        reason=row["reason"],
        at=at_instant(row["at"]),
        ruling=row["ruling"],
    )
