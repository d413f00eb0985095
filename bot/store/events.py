"""What happened on the platforms, and facts about this database."""

from __future__ import annotations

from sqlite_utils import Database

from bot.core.model import Occurrence, RoundId
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
            "about": occurrence.about,
            "data": dump(dict[str, str], dict(occurrence.data)),
        }
        return rows.add(self._db, "events", row)

    def finish(self, occurrence_id: str, outcome: str) -> None:
        if not rows.change(self._db, "UPDATE events SET outcome = ? WHERE id = ?", [outcome, occurrence_id]):
            raise LookupError(f"occurrence {occurrence_id} was never written down")

    def outcome(self, occurrence_id: str) -> str | None:
        row = rows.row(self._db, "SELECT outcome FROM events WHERE id = ?", occurrence_id)
        return None if row is None or row["outcome"] is None else str(row["outcome"])

    def get(self, occurrence_id: str) -> Occurrence | None:
        return next(iter(self._where("id = ?", occurrence_id)), None)

    def about(self, answer: str) -> list[Occurrence]:
        return self._where("about = ? AND about <> ''", answer)

    def in_round(self, round_id: RoundId) -> list[Occurrence]:
        return self._where("about >= ? AND about < ?", f"{round_id} ", f"{round_id} \U0010ffff")

    def beginning(self, prefix: str) -> list[Occurrence]:
        # A range, since LIKE would need an index of its own and would read "_" and "%" in ids.
        return self._where("id >= ? AND id < ?", prefix, prefix + "\U0010ffff")

    def rewrite(self, occurrence: Occurrence) -> None:
        data = dump(dict[str, str], dict(occurrence.data))
        if not rows.change(self._db, "UPDATE events SET data = ? WHERE id = ?", [data, occurrence.id]):
            raise LookupError(f"occurrence {occurrence.id} was never written down")

    def waiting(self) -> list[Occurrence]:
        return self._where("outcome IS NULL")

    def count_waiting(self) -> int:
        (count,) = self._db.execute("SELECT COUNT(*) FROM events WHERE outcome IS NULL").fetchone()
        return int(count)

    def _where(self, condition: str, *parameters: object) -> list[Occurrence]:
        found = rows.rows(
            self._db, f"SELECT id, at, about, data FROM events WHERE {condition} ORDER BY sequence", *parameters
        )
        return [
            Occurrence(
                id=row["id"],
                at=at_instant(row["at"]),
                about=row["about"],
                data=load(dict[str, str], row["data"]),
            )
            for row in found
        ]


class FactRows:
    """`Facts` in SQLite."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, name: str) -> str | None:
        row = rows.row(self._db, "SELECT value FROM facts WHERE name = ?", name)
        return None if row is None else str(row["value"])

    def set(self, name: str, value: str) -> None:
        rows.put(self._db, "facts", {"name": name, "value": value}, "name")
