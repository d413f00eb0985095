"""What is kept about a member or a group, across all tables: handed over, forgotten, removed once it is old."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from sqlite_utils import Database

from bot.core.model import UNREVEALED, Grade, GroupId, MemberId, Naming, RoundId, platform_of
from bot.core.ports import Record
from bot.store import rows
from bot.store.answers import AnswerRows, with_quotes
from bot.store.codec import at_instant, at_instant_or_none, instant, load
from bot.store.events import EventRows
from bot.store.rulings import ObjectionRows

SOMEONE: Final = "someone"
"""What stands in place of a name."""

REMOVED: Final = "(removed)"
"""What stands in place of an award's reason."""

LEFT: Final = "the bot was removed from "
"""How the fact begins that tells of which group."""

_UNREVEALED: Final = ", ".join(f"'{state.value}'" for state in UNREVEALED)
_FINISHED: Final = "card IS NOT NULL AND state IN ('done', 'dropped')"
_THEIR_ANSWERS: Final = "(round, member) IN (SELECT round, member FROM answers WHERE member = :member)"

_OF_THE_MEMBER: Final = (
    # The rounds first: of each the events about one answer are found by their index.
    "sequence IN (SELECT events.sequence FROM rounds CROSS JOIN events ON about = rounds.id || ' ' || :member"
    " WHERE rounds.group_id = :group AND about <> '')"
    " OR (id >= :member || '/' AND id < :member || '0')"  # "0" is the sign after "/"
)


class RecordRows:
    """`Records` in SQLite."""

    def __init__(self, db: Database) -> None:
        self._db = db

    # --- a member ---------------------------------------------------------------------------------------------

    def of_member(self, group: GroupId, member: MemberId) -> Record:
        whose = {"group": group, "member": member}
        answers = AnswerRows(self._db)
        given = self._found("SELECT round FROM answers WHERE member = :member ORDER BY first_at, round", whose)
        found = [answers.get(RoundId(row["round"]), member) for row in given]
        objections = ObjectionRows(self._db)
        return Record(
            answers=tuple(answer for answer in found if answer is not None),
            revisions=tuple(
                (RoundId(row["round"]), row["revision"], row["cause"], at_instant(row["at"]), row["text"])
                for row in self._found(f"SELECT * FROM revisions WHERE {_THEIR_ANSWERS} ORDER BY id", whose)
            ),
            grades=tuple(
                (RoundId(row["round"]), row["revision"], at_instant(row["at"]), _graded(row))
                for row in self._found(f"SELECT * FROM grades WHERE {_THEIR_ANSWERS} ORDER BY id", whose)
            ),
            hints=tuple(
                (RoundId(row["round"]), row["number"], at_instant(row["at"]))
                for row in self._found("SELECT * FROM hints WHERE member = :member ORDER BY at, number", whose)
            ),
            objections=tuple(
                objection for row in given for objection in objections.of_answer(RoundId(row["round"]), member)
            ),
            helped=tuple(
                RoundId(row["round"])
                for row in self._found("SELECT round FROM helped WHERE helps = :member ORDER BY rowid", whose)
            ),
            reports=tuple(
                (RoundId(row["round"]), at_instant(row["at"]))
                for row in self._found("SELECT * FROM reports WHERE reporter = :member ORDER BY at", whose)
            ),
            events=tuple(
                event
                for row in self._found(f"SELECT id FROM events WHERE {_OF_THE_MEMBER} ORDER BY sequence", whose)
                if (event := EventRows(self._db).get(row["id"])) is not None
            ),
        )

    def _found(self, sql: str, parameters: rows.Row) -> list[rows.Row]:
        return list(self._db.query(sql, parameters))

    def forget(self, group: GroupId, member: MemberId, at: datetime) -> None:
        whose = {"group": group, "member": member}
        for sql in _FORGET:
            rows.change(self._db, sql, {**whose, "removed": REMOVED})
        within = {"first": f"{group}/", "last": f"{group}0"}
        in_group = "channel >= :first AND channel < :last"
        rows.change(self._db, f"UPDATE deliveries SET card = NULL WHERE {_FINISHED} AND {in_group}", within)
        shown = {"name": SOMEONE, "naming": Naming.SOMEONE.value, "public": False, "forgotten_at": instant(at)}
        rows.add(self._db, "members", {"id": member, "group_id": group, "barred": False, **shown})
        changes = ", ".join(f"{column} = :{column}" for column in shown)
        rows.change(self._db, f"UPDATE members SET {changes} WHERE id = :id", {"id": member, **shown})

    def forgotten_at(self, member: MemberId) -> datetime | None:
        row = rows.row(self._db, "SELECT forgotten_at FROM members WHERE id = ?", member)
        return None if row is None else at_instant_or_none(row["forgotten_at"])

    # --- what is old ------------------------------------------------------------------------------------------

    def blank_events(self, before: datetime, limit: int) -> int:
        return rows.change(
            self._db,
            "UPDATE events SET data = json_set(data, '$.text', '') WHERE sequence IN ("
            "SELECT sequence FROM events WHERE json_extract(data, '$.text') <> '' AND at < ? AND outcome IS NOT NULL"
            " AND NOT EXISTS (SELECT 1 FROM rounds WHERE rounds.id = substr(about, 1, instr(about, ' ') - 1)"
            f" AND state IN ({_UNREVEALED})) ORDER BY at LIMIT ?)",
            [instant(before), limit],
        )

    def blank_answers(self, before: date, limit: int) -> int:
        found = self._db.execute(
            "SELECT round, member FROM answers CROSS JOIN rounds ON rounds.id = round"
            " WHERE erase = 0 AND answers.local_date < ?"
            f" AND state NOT IN ({_UNREVEALED}) ORDER BY answers.local_date LIMIT ?",
            [before.isoformat(), limit],
        ).fetchall()
        for round_id, member in found:
            AnswerRows(self._db).blank(round_id, member)
        return len(found)

    def blank_cards(self, before: datetime, limit: int) -> int:
        return rows.change(
            self._db,
            "UPDATE deliveries SET card = NULL WHERE sequence IN ("
            f"SELECT sequence FROM deliveries WHERE {_FINISHED} AND created_at < ? ORDER BY created_at LIMIT ?)",
            [instant(before), limit],
        )

    def remove_finished(self, before: datetime, limit: int) -> int:
        removed = rows.change(
            self._db,
            "DELETE FROM deliveries WHERE sequence IN ("
            "SELECT sequence FROM deliveries WHERE state IN ('done', 'dropped') AND created_at < ?"
            " AND NOT EXISTS (SELECT 1 FROM rounds WHERE rounds.id = round"
            f" AND rounds.state IN ({_UNREVEALED})) ORDER BY created_at LIMIT ?)",
            [instant(before), limit],
        )
        return removed + rows.change(
            self._db,
            "DELETE FROM events WHERE sequence IN ("
            "SELECT sequence FROM events WHERE about = '' AND at < ? AND outcome IS NOT NULL ORDER BY at LIMIT ?)",
            [instant(before), limit],
        )

    # --- a group ----------------------------------------------------------------------------------------------

    def note_left(self, group: GroupId, at: datetime) -> None:
        rows.put(self._db, "facts", {"name": f"{LEFT}{group}", "value": instant(at)}, "name")

    def came_back(self, group: GroupId) -> None:
        rows.change(self._db, "DELETE FROM facts WHERE name = ?", [f"{LEFT}{group}"])

    def left_before(self, at: datetime) -> list[GroupId]:
        found = rows.rows(
            self._db,
            "SELECT name FROM facts WHERE name >= ? AND name < ? AND value < ? ORDER BY name",
            LEFT,
            f"{LEFT}\U0010ffff",
            instant(at),
        )
        return [GroupId(row["name"].removeprefix(LEFT)) for row in found]

    def purge(self, group: GroupId) -> None:
        triggers = rows.rows(self._db, "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name")
        for trigger in triggers:
            self._db.execute(f'DROP TRIGGER "{trigger["name"]}"')
        where = {
            "group": group,
            "first": f"{group}/",
            "last": f"{group}0",
            "platform": f"{platform_of(group)}/",
            "name": group.partition(":")[2],
            "fact": f"{LEFT}{group}",
        }
        for sql in _PURGE:
            rows.change(self._db, sql, where)
        for trigger in triggers:
            self._db.execute(trigger["sql"])


_FORGET: Final = (
    "UPDATE answers SET share = 'no' WHERE member = :member",
    "UPDATE objections SET words = '' WHERE group_id = :group AND member = :member",
    "UPDATE rulings SET words = '', reason = CASE reason WHEN '' THEN '' ELSE :removed END"
    " WHERE group_id = :group AND member = :member",
    "UPDATE exemplars SET serves = 0, text = '', exemplar = '' WHERE group_id = :group AND member = :member",
    "UPDATE ledger SET reason = CASE WHEN points < 0 THEN 'award undone: ' ELSE 'award: ' END || :removed"
    " WHERE group_id = :group AND member = :member AND ruling IS NOT NULL",
    "DELETE FROM reminders WHERE member = :member",
    "DELETE FROM absences WHERE member = :member",
    "DELETE FROM helped WHERE helps = :member OR member = :member",
    "DELETE FROM reports WHERE member = :member",
    # It stays known that these happened, so that none of them is taken for new when it comes again.
    f"UPDATE events SET data = '{{}}', about = '' WHERE {_OF_THE_MEMBER}",
)

_ROUNDS: Final = "SELECT id FROM rounds WHERE group_id = :group OR channel >= :first AND channel < :last"

_PURGE: Final = (
    # What refers to something goes before it.
    *(
        f"DELETE FROM {table} WHERE round IN ({_ROUNDS})"
        for table in ("reports", "helped", "grades", "hints", "revisions", "parts")
    ),
    *(f"DELETE FROM {table} WHERE group_id = :group" for table in ("objections", "exemplars", "rulings")),
    f"DELETE FROM answers WHERE round IN ({_ROUNDS})",
    "DELETE FROM events WHERE about >= :first AND about < :last OR instr(id, :first) > 0"
    " OR (id >= :platform AND id < :platform || char(1114111) AND json_extract(data, '$.team') = :name)",
    "DELETE FROM rounds WHERE group_id = :group OR channel >= :first AND channel < :last",
    "DELETE FROM questions WHERE digest NOT IN (SELECT question FROM rounds)",
    *(
        f"DELETE FROM {table} WHERE group_id = :group"
        for table in ("drills", "ledger", "members", "reminders", "seasons", "tallies")
    ),
    "DELETE FROM plans WHERE channel >= :first AND channel < :last",
    "DELETE FROM deliveries WHERE channel >= :first AND channel < :last",
    "DELETE FROM absences WHERE member >= :first AND member < :last",
    "DELETE FROM facts WHERE name = :fact OR instr(name, :first) > 0",
)


def _graded(row: rows.Row) -> Grade:
    return with_quotes(load(Grade, row["grade"]), load(tuple[str, ...], row["quotes"]))
