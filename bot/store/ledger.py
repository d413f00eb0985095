"""Points. Rows are only added: triggers refuse anything else."""

from __future__ import annotations

from datetime import date

from sqlite_utils import Database

from bot.core.model import (
    ChannelId,
    Entry,
    GroupId,
    MemberId,
    PastSeason,
    QuestionId,
    RoundId,
    Season,
    Standing,
)
from bot.store import rows, tallies
from bot.store.codec import at_instant, dump, instant, load


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
        added = rows.add(self._db, "ledger", row)
        if added:
            tallies.count_in(self._db, entry)
        return added

    def board(
        self, group: GroupId, season: Season, on: date, channel: ChannelId | None = None
    ) -> list[tuple[MemberId, int, int]]:
        return tallies.board(self._db, group, season, on, channel)

    def recount(self) -> int:
        return tallies.recount(self._db)

    def kept(self, group: GroupId, channel: ChannelId | None = None, limit: int | None = None) -> list[PastSeason]:
        found = rows.rows(
            self._db,
            "SELECT * FROM seasons WHERE group_id = ? AND channel = ? ORDER BY kept_at DESC, season DESC LIMIT ?",
            group,
            channel or tallies.WHOLE_GROUP,
            -1 if limit is None else limit,
        )
        return [
            PastSeason(
                group=row["group_id"],
                channel=row["channel"] or None,
                season=row["season"],
                standings=load(tuple[Standing, ...], row["standings"]),
                kept_at=at_instant(row["kept_at"]),
            )
            for row in found
        ]

    def unkept(self, group: GroupId) -> list[tuple[str, ChannelId | None]]:
        found = self._db.execute(
            "SELECT DISTINCT season, channel FROM tallies WHERE group_id = ? AND season <> 'all' AND NOT EXISTS"
            " (SELECT 1 FROM seasons WHERE seasons.group_id = tallies.group_id AND seasons.season = tallies.season"
            " AND seasons.channel = tallies.channel) ORDER BY season, channel",
            [group],
        )
        return [(season, channel or None) for season, channel in found]

    def keep(self, season: PastSeason) -> bool:
        row = {
            "group_id": season.group,
            "season": season.season,
            "channel": season.channel or tallies.WHOLE_GROUP,
            "standings": dump(tuple[Standing, ...], season.standings),
            "kept_at": instant(season.kept_at),
        }
        return rows.add(self._db, "seasons", row)

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
