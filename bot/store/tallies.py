"""Points and rounds by season: what boards are read from, kept in the transaction that adds to the ledger."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Final

from sqlite_utils import Database

from bot.core.model import ChannelId, Entry, GroupId, MemberId, Season
from bot.core.scoring import season_dates, season_key
from bot.store import rows

WHOLE_GROUP: Final = ""
"""Stands where a channel would."""


def count_in(db: Database, entry: Entry) -> None:
    """Count a row of the ledger that was just added."""
    for season in Season:
        first, last = season_dates(season, entry.local_date)
        (paid,) = db.execute(
            "SELECT COALESCE(SUM(points), 0) FROM ledger WHERE round = ? AND member = ? AND ruling IS NULL"
            " AND local_date BETWEEN ? AND ?",
            [entry.round, entry.member, (first or date.min).isoformat(), (last or date.max).isoformat()],
        ).fetchone()
        before = paid if entry.ruling is not None else paid - entry.points
        for channel in (WHOLE_GROUP, entry.channel):
            row = {
                "group_id": entry.group,
                "season": season_key(season, entry.local_date),
                "channel": channel,
                "member": entry.member,
                "points": entry.points,
                "rounds": (paid > 0) - (before > 0),
            }
            rows.change(
                db,
                "INSERT INTO tallies (group_id, season, channel, member, points, rounds)"
                " VALUES (:group_id, :season, :channel, :member, :points, :rounds)"
                " ON CONFLICT DO UPDATE SET points = points + excluded.points, rounds = rounds + excluded.rounds",
                row,
            )


def board(
    db: Database, group: GroupId, season: Season, on: date, channel: ChannelId | None
) -> list[tuple[MemberId, int, int]]:
    """Member, points and rounds, by member."""
    found = db.execute(
        "SELECT member, points, rounds FROM tallies WHERE group_id = ? AND season = ? AND channel = ? ORDER BY member",
        [group, season_key(season, on), channel or WHOLE_GROUP],
    )
    return [(member, points, rounds) for member, points, rounds in found]


def recount(db: Database) -> int:
    """Make all tallies anew from the ledger; returns how many were wrong, missing or too many."""
    paid: dict[tuple[str, str, str, str, str], int] = defaultdict(int)
    points: dict[tuple[str, str, str, str], int] = defaultdict(int)
    ledger = db.execute("SELECT group_id, channel, member, round, local_date, points, ruling FROM ledger")
    for group, channel, member, round_id, on, number, ruling in ledger:
        for season in Season:
            for where in (WHOLE_GROUP, channel):
                key = (group, season_key(season, date.fromisoformat(on)), where, member)
                points[key] += number
                paid[(*key, round_id)] += number if ruling is None else 0
    rounds: dict[tuple[str, str, str, str], int] = defaultdict(int)
    for (group, season_, where, member, _), number in paid.items():
        rounds[group, season_, where, member] += number > 0
    right = {(*key, number, rounds[key]) for key, number in points.items()}
    stored = set(db.execute("SELECT group_id, season, channel, member, points, rounds FROM tallies"))
    for wrong in stored - right:
        rows.change(
            db, "DELETE FROM tallies WHERE group_id = ? AND season = ? AND channel = ? AND member = ?", list(wrong[:4])
        )
    for group, season_, where, member, number, played in right - stored:
        row = {"group_id": group, "season": season_, "channel": where, "member": member}
        rows.put(
            db,
            "tallies",
            {**row, "points": number, "rounds": played},
            "group_id",
            "season",
            "channel",
            "member",
        )
    return len({row[:4] for row in stored ^ right})
