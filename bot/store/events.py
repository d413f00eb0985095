"""What happened on the platforms, and two small tables: members, and facts about this database."""

from __future__ import annotations

from sqlite_utils import Database

from bot.core.model import Member, MemberId, Naming, Occurrence
from bot.store import rows
from bot.store.codec import at_instant, dump, instant, load


class EventRows:
    """`Events` in SQLite. One without an outcome is waiting."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, occurrence: Occurrence) -> bool:
        row = {
            "id": occurrence.id,
            "at": instant(occurrence.at),
            "data": dump(dict[str, str], dict(occurrence.data)),
        }
        return rows.add(self._db, "events", row)

    def finish(self, occurrence_id: str, outcome: str) -> None:
        if not rows.change(self._db, "UPDATE events SET outcome = ? WHERE id = ?", [outcome, occurrence_id]):
            raise LookupError(f"occurrence {occurrence_id} was never written down")

    def outcome(self, occurrence_id: str) -> str | None:
        row = rows.row(self._db, "SELECT outcome FROM events WHERE id = ?", occurrence_id)
        return None if row is None or row["outcome"] is None else str(row["outcome"])

    def waiting(self) -> list[Occurrence]:
        found = rows.rows(self._db, "SELECT id, at, data FROM events WHERE outcome IS NULL ORDER BY sequence")
        return [
            Occurrence(id=row["id"], at=at_instant(row["at"]), data=load(dict[str, str], row["data"])) for row in found
        ]


class MemberRows:
    """`Members` in SQLite."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, member: MemberId) -> Member | None:
        row = rows.row(self._db, "SELECT * FROM members WHERE id = ?", member)
        return (
            None
            if row is None
            else Member(
                id=row["id"],
                group=row["group_id"],
                name=row["name"],
                naming=None if row["naming"] is None else Naming(row["naming"]),
                public=bool(row["public"]),
            )
        )

    def save(self, member: Member) -> None:
        row = {
            "id": member.id,
            "group_id": member.group,
            "name": member.name,
            "naming": member.naming and member.naming.value,
            "public": member.public,
        }
        rows.put(self._db, "members", row, "id")


class FactRows:
    """`Facts` in SQLite."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, name: str) -> str | None:
        row = rows.row(self._db, "SELECT value FROM facts WHERE name = ?", name)
        return None if row is None else str(row["value"])

    def set(self, name: str, value: str) -> None:
        rows.put(self._db, "facts", {"name": name, "value": value}, "name")
