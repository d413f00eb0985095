"""What is known of whole groups: which there are, how much is kept of each, which are blocked or to be left."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlite_utils import Database

from bot.core.model import GroupId
from bot.core.ports import GroupSize
from bot.store import rows
from bot.store.codec import at_instant, at_instant_or_none, instant
from bot.store.forgetting import LEFT

_BLOCKED: Final = "blocked: "
_TO_LEAVE: Final = "to be left: "

_ROUNDS: Final = "(SELECT id FROM rounds WHERE group_id = :group)"
_SIZES: Final = {
    "members": "SELECT COUNT(*) FROM members WHERE group_id = :group",
    "rounds": "SELECT COUNT(*) FROM rounds WHERE group_id = :group",
    "answers": f"SELECT COUNT(*) FROM answers WHERE round IN {_ROUNDS}",
    "points": "SELECT COUNT(*) FROM ledger WHERE group_id = :group",
    "rulings": "SELECT COUNT(*) FROM rulings WHERE group_id = :group",
    "deliveries": "SELECT COUNT(*) FROM deliveries WHERE channel >= :first AND channel < :last",
    "events": "SELECT COUNT(*) FROM events WHERE about >= :first AND about < :last",
    "characters": "SELECT COALESCE(SUM(length(text)), 0) FROM revisions WHERE round IN " + _ROUNDS,
}


class GroupRows:
    """`Groups` in SQLite."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def all(self) -> list[GroupId]:
        known = {
            row["id"]
            for table in ("drills", "members", "rounds")
            for row in rows.rows(self._db, f"SELECT DISTINCT group_id AS id FROM {table}")
        }
        noted = {name for fact in (_BLOCKED, LEFT) for name in self._noted(fact)}
        return [GroupId(group) for group in sorted(known | noted)]

    def size(self, group: GroupId) -> GroupSize:
        where = {"group": group, "first": f"{group}/", "last": f"{group}0"}
        counts = {name: self._db.execute(sql, where).fetchone()[0] for name, sql in _SIZES.items()}
        (latest,) = self._db.execute(
            f"SELECT MAX(at) FROM (SELECT MAX(first_at) AS at FROM answers WHERE round IN {_ROUNDS}"
            " UNION ALL SELECT MAX(opened_at) FROM rounds WHERE group_id = :group AND state <> 'skipped')",
            where,
        ).fetchone()
        return GroupSize(**counts, latest=at_instant_or_none(latest))

    def count_drills(self, group: GroupId) -> int:
        sql = "SELECT COUNT(*) FROM drills WHERE group_id = ? AND state <> 'off'"
        return int(self._db.execute(sql, [group]).fetchone()[0])

    def count_extra(self, group: GroupId, since: datetime) -> int:
        # Channel by channel, along an index: there may be ten thousand groups' rounds.
        sql = (
            "SELECT COUNT(*) FROM drills CROSS JOIN rounds ON rounds.channel = drills.channel AND opened_at > ?"
            " WHERE drills.group_id = ? AND kind = 'extra'"
        )
        return int(self._db.execute(sql, [instant(since), group]).fetchone()[0])

    def left_at(self, group: GroupId) -> datetime | None:
        return self._at(LEFT, group)

    # --- blocked, and to be left --------------------------------------------------------------------------------

    def block(self, group: GroupId, at: datetime) -> None:
        self._note(_BLOCKED, group, at)

    def unblock(self, group: GroupId) -> None:
        self._forget(_BLOCKED, group)

    def blocked_since(self, group: GroupId) -> datetime | None:
        return self._at(_BLOCKED, group)

    def ask_to_leave(self, group: GroupId, at: datetime) -> None:
        self._note(_TO_LEAVE, group, at)

    def to_leave(self) -> list[GroupId]:
        return [GroupId(name) for name in self._noted(_TO_LEAVE)]

    def has_left(self, group: GroupId) -> None:
        self._forget(_TO_LEAVE, group)

    def _note(self, fact: str, group: GroupId, at: datetime) -> None:
        rows.put(self._db, "facts", {"name": f"{fact}{group}", "value": instant(at)}, "name")

    def _forget(self, fact: str, group: GroupId) -> None:
        rows.change(self._db, "DELETE FROM facts WHERE name = ?", [f"{fact}{group}"])

    def _at(self, fact: str, group: GroupId) -> datetime | None:
        row = rows.row(self._db, "SELECT value FROM facts WHERE name = ?", f"{fact}{group}")
        return None if row is None else at_instant(row["value"])

    def _noted(self, fact: str) -> list[str]:
        sql = "SELECT name FROM facts WHERE name >= ? AND name < ? ORDER BY name"
        return [row["name"].removeprefix(fact) for row in rows.rows(self._db, sql, fact, f"{fact}\U0010ffff")]
