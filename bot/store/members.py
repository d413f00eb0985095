"""People in groups: how they are shown, when they are away, when they want to be reminded."""

from __future__ import annotations

from datetime import date, datetime, time

from sqlite_utils import Database

from bot.core.model import Absence, GroupId, Member, MemberId, Naming, Reminder, RoundId
from bot.store import rows
from bot.store.codec import at_instant, instant


class MemberRows:
    """`Members` in SQLite."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, member: MemberId) -> Member | None:
        row = rows.row(self._db, "SELECT * FROM members WHERE id = ?", member)
        return None if row is None else _member_of(row)

    def of_group(self, group: GroupId) -> list[Member]:
        found = rows.rows(self._db, "SELECT * FROM members WHERE group_id = ? ORDER BY id", group)
        return [_member_of(row) for row in found]

    def save(self, member: Member) -> None:
        row = {
            "id": member.id,
            "group_id": member.group,
            "name": member.name,
            "naming": member.naming and member.naming.value,
            "public": member.public,
            "barred": member.barred,
        }
        rows.put(self._db, "members", row, "id")

    def absences(self, member: MemberId) -> list[Absence]:
        found = rows.rows(self._db, "SELECT * FROM absences WHERE member = ? ORDER BY first", member)
        return [
            Absence(member=row["member"], first=date.fromisoformat(row["first"]), last=date.fromisoformat(row["last"]))
            for row in found
        ]

    def add_absence(self, absence: Absence) -> None:
        row = {"member": absence.member, "first": absence.first.isoformat(), "last": absence.last.isoformat()}
        if absence.last < absence.first:
            rows.change(self._db, "DELETE FROM absences WHERE member = :member AND first = :first", row)
        else:
            rows.put(self._db, "absences", row, "member", "first")

    def reminder(self, member: MemberId) -> Reminder | None:
        row = rows.row(self._db, "SELECT * FROM reminders WHERE member = ?", member)
        return None if row is None else _reminder_of(row)

    def save_reminder(self, reminder: Reminder) -> None:
        row = {
            "member": reminder.member,
            "group_id": reminder.group,
            "channel": reminder.channel,
            "at": reminder.at.isoformat(),
            "zone": reminder.zone,
            "next_at": instant(reminder.next_at),
            "round": reminder.round,
        }
        rows.put(self._db, "reminders", row, "member")

    def remove_reminder(self, member: MemberId) -> None:
        rows.change(self._db, "DELETE FROM reminders WHERE member = ?", [member])

    def reminded(self, round_id: RoundId) -> list[MemberId]:
        found = rows.rows(self._db, "SELECT member FROM reminders WHERE round = ? ORDER BY member", round_id)
        return [row["member"] for row in found]

    def to_remind(self, now: datetime, limit: int) -> list[Reminder]:
        found = rows.rows(
            self._db,
            "SELECT * FROM reminders WHERE next_at <= ? ORDER BY next_at, member LIMIT ?",
            instant(now),
            limit,
        )
        return [_reminder_of(row) for row in found]


def _member_of(row: rows.Row) -> Member:
    return Member(
        id=row["id"],
        group=row["group_id"],
        name=row["name"],
        naming=None if row["naming"] is None else Naming(row["naming"]),
        public=bool(row["public"]),
        barred=bool(row["barred"]),
    )


def _reminder_of(row: rows.Row) -> Reminder:
    return Reminder(
        member=row["member"],
        group=row["group_id"],
        channel=row["channel"],
        at=time.fromisoformat(row["at"]),
        zone=row["zone"],
        next_at=at_instant(row["next_at"]),
        round=row["round"],
    )
