"""Answers with every revision they had, hints taken, and grades."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from itertools import chain, repeat
from typing import Final

from sqlite_utils import Database

from bot.core.model import (
    Answer,
    ChannelId,
    Effort,
    Grade,
    GroupId,
    MemberId,
    Part,
    Report,
    Round,
    RoundId,
    RoundState,
    Share,
    Source,
)
from bot.store import rows
from bot.store.codec import at_instant, at_instant_or_none, dump, instant, instant_or_none, load
from bot.store.rounds import rounds_of

_GRADABLE: Final = tuple(
    state.value for state in (RoundState.OPEN, RoundState.CLOSED, RoundState.GRADED, RoundState.REVEALED)
)


class AnswerRows:
    """`Answers` in SQLite. `answers.ungraded` says that there are parts which wait for a grade."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, round_id: RoundId, member: MemberId) -> Answer | None:
        row = rows.row(self._db, "SELECT * FROM answers WHERE round = ? AND member = ?", round_id, member)
        return None if row is None else self._answer_of(row)

    def of_round(self, round_id: RoundId) -> list[Answer]:
        found = rows.rows(self._db, "SELECT * FROM answers WHERE round = ? ORDER BY first_at, member", round_id)
        return [answer for answer in map(self._answer_of, found) if answer.parts]

    def save(self, answer: Answer, *, cause: str, at: datetime, erase_history: bool = False) -> None:
        round_ = rows.row(self._db, "SELECT channel FROM rounds WHERE id = ?", answer.round)
        if round_ is None:
            raise LookupError(f"round {answer.round} has not been added")
        whose = {"round": answer.round, "member": answer.member}
        row = {
            **whose,
            "channel": round_["channel"],
            "revision": answer.revision,
            "local_date": answer.local_date.isoformat(),
            "late": answer.late,
            "share": answer.share.value,
            "erase": answer.erase,
            "final": answer.final,
            "removed": answer.removed,
            "ungraded": bool(answer.parts) and not self._is_graded(answer.round, answer.member, answer.revision),
        }
        if not rows.change(self._db, _UPDATE, row):
            rows.add(self._db, "answers", {**row, "first_at": instant(at)})
        rows.change(self._db, f"DELETE FROM parts WHERE {_WHOSE}", whose)
        for position, part in enumerate(answer.parts):
            rows.add(self._db, "parts", {**whose, "position": position, **_part_row(part, round_["channel"])})
        if erase_history:
            rows.change(self._db, f"UPDATE revisions SET text = '' WHERE {_WHOSE}", whose)
            self._unquote(whose)
        line = {"revision": answer.revision, "cause": cause, "at": instant(at), "text": answer.text}
        rows.add(self._db, "revisions", {**whose, **line})

    def erase_history(self, round_id: RoundId, member: MemberId) -> None:
        rows.change(
            self._db,
            "UPDATE revisions SET text = '' WHERE round = ?1 AND member = ?2 AND revision <"
            " (SELECT revision FROM answers WHERE round = ?1 AND member = ?2)",
            [round_id, member],
        )

    def blank(self, round_id: RoundId, member: MemberId) -> None:
        whose = {"round": round_id, "member": member}
        for table in ("parts", "revisions"):
            rows.change(self._db, f"UPDATE {table} SET text = '' WHERE {_WHOSE}", whose)
        rows.change(self._db, f"UPDATE answers SET erase = 1, ungraded = 0 WHERE {_WHOSE}", whose)
        self._unquote(whose)

    def _unquote(self, whose: rows.Row) -> None:
        """Remove what was quoted of an answer: by grades, objections and rulings, and as an exemplar."""
        rows.change(self._db, f"UPDATE grades SET quotes = '[]' WHERE {_WHOSE}", whose)
        for table in ("objections", "rulings"):
            rows.change(self._db, f"UPDATE {table} SET words = '' WHERE {_WHOSE}", whose)
        rows.change(self._db, f"UPDATE exemplars SET serves = 0, text = '', exemplar = '' WHERE {_WHOSE}", whose)

    def by_part(self, channel: ChannelId, message: str) -> list[Answer]:
        found = rows.rows(
            self._db,
            "SELECT answers.* FROM parts JOIN answers USING (round, member) JOIN rounds ON rounds.id = answers.round "
            "WHERE parts.channel = ? AND message = ? AND source = ? ORDER BY opened_at DESC, rounds.id DESC",
            channel,
            message,
            Source.MESSAGE.value,
        )
        return [self._answer_of(row) for row in found]

    def ungraded(self, limit: int) -> list[Answer]:
        found = rows.rows(
            self._db,
            # A cross join keeps the order of the tables: a few ungraded answers first, not all rounds that have closed.
            "SELECT answers.* FROM answers CROSS JOIN rounds ON rounds.id = round "
            "WHERE ungraded = 1 AND state IN (?, ?, ?, ?) ORDER BY first_at, round, member LIMIT ?",
            *_GRADABLE,
            limit,
        )
        return [self._answer_of(row) for row in found]

    def grade_again(self, round_id: RoundId, member: MemberId) -> None:
        rows.change(self._db, "UPDATE answers SET ungraded = 1 WHERE round = ? AND member = ?", [round_id, member])

    def waiting(self, round_id: RoundId) -> int:
        found = self._db.execute("SELECT COUNT(*) FROM answers WHERE round = ? AND ungraded = 1", [round_id])
        return int(found.fetchone()[0])

    def flagged(self, channel: ChannelId, since: date) -> list[tuple[int, Answer]]:
        found = rows.rows(
            self._db,
            "SELECT answers.*, grades.id AS grade FROM grades JOIN answers USING (round, member, revision) "
            "JOIN rounds ON rounds.id = answers.round "
            "WHERE json_array_length(grade, '$.flags') > 0 AND grades.id = " + _LATEST_GRADE + " "
            "AND rounds.channel = ? AND state = ? AND rounds.local_date >= ? "
            "AND EXISTS (SELECT 1 FROM parts WHERE parts.round = answers.round AND parts.member = answers.member"
            " AND parts.text <> '') "
            "ORDER BY opened_at DESC, rounds.id DESC, answers.member",
            channel,
            RoundState.REVEALED.value,
            since.isoformat(),
        )
        return [(row["grade"], self._answer_of(row)) for row in found]

    def by_grade(self, number: int) -> Answer | None:
        row = rows.row(
            self._db,
            "SELECT answers.* FROM grades JOIN answers USING (round, member, revision) "
            "WHERE grades.id = ? AND grades.id = " + _LATEST_GRADE,
            number,
        )
        return None if row is None else self._answer_of(row)

    def tried(self, channel: ChannelId, member: MemberId) -> set[RoundId]:
        found = self._db.execute(
            "SELECT round FROM answers JOIN grades USING (round, member, revision) "
            "WHERE answers.channel = ? AND member = ? AND late = 0 AND json_extract(grade, '$.effort') = ? "
            "AND grades.id = " + _LATEST_GRADE + " "
            "AND EXISTS (SELECT 1 FROM parts WHERE parts.round = answers.round AND parts.member = answers.member)",
            [channel, member, Effort.HONEST.value],
        )
        return {RoundId(round_id) for (round_id,) in found}

    def tried_by_round(self, channel: ChannelId) -> dict[RoundId, set[MemberId]]:
        found = self._db.execute(
            "SELECT round, member FROM answers JOIN grades USING (round, member, revision) "
            "WHERE answers.channel = ? AND late = 0 AND json_extract(grade, '$.effort') = ? "
            "AND grades.id = " + _LATEST_GRADE + " "
            "AND EXISTS (SELECT 1 FROM parts WHERE parts.round = answers.round AND parts.member = answers.member)",
            [channel, Effort.HONEST.value],
        )
        tried: dict[RoundId, set[MemberId]] = {}
        for round_id, member in found:
            tried.setdefault(RoundId(round_id), set()).add(MemberId(member))
        return tried

    def answered(self, group: GroupId, member: MemberId, limit: int | None = None) -> list[Round]:
        return rounds_of(
            self._db,
            "JOIN answers ON answers.round = rounds.id "
            "WHERE answers.member = ? AND group_id = ? AND state = ? "
            "AND EXISTS (SELECT 1 FROM parts WHERE parts.round = answers.round AND parts.member = answers.member) "
            "ORDER BY opened_at DESC, rounds.id DESC LIMIT ?",
            member,
            group,
            RoundState.REVEALED.value,
            -1 if limit is None else limit,
        )

    def shared(self, round_id: RoundId) -> list[Answer]:
        found = rows.rows(
            self._db,
            "SELECT * FROM answers WHERE round = ? AND share <> ? AND removed = 0 AND erase = 0 "
            "AND EXISTS (SELECT 1 FROM parts WHERE parts.round = answers.round AND parts.member = answers.member"
            " AND source = ? AND text <> '') ORDER BY first_at, member",
            round_id,
            Share.NO.value,
            Source.FORM.value,
        )
        return [self._answer_of(row) for row in found]

    def help(self, round_id: RoundId, member: MemberId, by: MemberId) -> bool:
        return rows.add(self._db, "helped", {"round": round_id, "member": member, "helps": by})

    def helped(self, round_id: RoundId) -> dict[MemberId, int]:
        found = self._db.execute(
            "SELECT member, COUNT(*) FROM helped WHERE round = ? GROUP BY member ORDER BY member", [round_id]
        )
        return {MemberId(member): number for member, number in found}

    def report(self, report: Report) -> bool:
        row = {"round": report.round, "member": report.member, "reporter": report.by, "at": instant(report.at)}
        return rows.add(self._db, "reports", {**row, "settled": 0})

    def reported(self, channel: ChannelId) -> list[Report]:
        found = rows.rows(
            self._db,
            "SELECT reports.round, reports.member, MIN(reporter) AS reporter, MIN(at) AS at "
            "FROM reports JOIN answers USING (round, member) "
            "WHERE settled = 0 AND answers.channel = ? AND removed = 0 AND erase = 0 "
            "GROUP BY reports.round, reports.member ORDER BY MIN(at), reports.round, reports.member",
            channel,
        )
        return [
            Report(round=row["round"], member=row["member"], by=row["reporter"], at=at_instant(row["at"]))
            for row in found
        ]

    def settle_reports(self, round_id: RoundId, member: MemberId) -> None:
        rows.change(self._db, "UPDATE reports SET settled = 1 WHERE round = ? AND member = ?", [round_id, member])

    def latest_revealed(self, channel: ChannelId, member: MemberId) -> RoundId | None:
        found = self._db.execute(
            "SELECT answers.round FROM answers JOIN rounds ON rounds.id = answers.round "
            "WHERE answers.channel = ? AND member = ? AND state = ? "
            "AND EXISTS (SELECT 1 FROM parts WHERE parts.round = answers.round AND parts.member = answers.member) "
            "ORDER BY opened_at DESC, rounds.id DESC LIMIT 1",
            [channel, member, RoundState.REVEALED.value],
        ).fetchone()
        return None if found is None else RoundId(found[0])

    def hints(self, round_id: RoundId, member: MemberId) -> int:
        return int(
            self._db.execute(
                "SELECT COUNT(*) FROM hints WHERE round = ? AND member = ?", [round_id, member]
            ).fetchone()[0]
        )

    def add_hint(self, round_id: RoundId, member: MemberId, at: datetime) -> int:
        number = self.hints(round_id, member) + 1
        rows.add(self._db, "hints", {"round": round_id, "member": member, "number": number, "at": instant(at)})
        return number

    def grade(self, round_id: RoundId, member: MemberId) -> Grade | None:
        row = rows.row(
            self._db,
            "SELECT grade, quotes FROM grades JOIN answers USING (round, member, revision) "
            "WHERE round = ? AND member = ? ORDER BY id DESC LIMIT 1",
            round_id,
            member,
        )
        return None if row is None else with_quotes(load(Grade, row["grade"]), load(tuple[str, ...], row["quotes"]))

    def add_grade(self, round_id: RoundId, member: MemberId, revision: int, grade: Grade, at: datetime) -> None:
        graded = {"round": round_id, "member": member, "revision": revision}
        # What was deleted while it was being graded is quoted no more.
        stands = rows.row(
            self._db,
            "SELECT 1 FROM answers WHERE round = ? AND member = ? AND revision = ? AND erase = 0",
            *graded.values(),
        )
        quotes = tuple(point.words for point in grade.points) if stands is not None else ()
        bare = with_quotes(grade, ())
        row = {"grader": grade.grader, "grade": dump(Grade, bare), "quotes": dump(tuple[str, ...], quotes)}
        latest = rows.row(
            self._db,
            "SELECT grader, json_extract(grade, '$.basis') AS basis FROM grades "
            "WHERE round = ? AND member = ? AND revision = ? ORDER BY id DESC LIMIT 1",
            *graded.values(),
        )
        if latest is None or (latest["grader"], latest["basis"] or "") != (grade.grader, grade.basis):
            rows.add(self._db, "grades", {**graded, **row, "at": instant(at)})
        rows.change(
            self._db,
            "UPDATE answers SET ungraded = 0 WHERE round = :round AND member = :member AND revision = :revision",
            graded,
        )

    def _is_graded(self, round_id: RoundId, member: MemberId, revision: int) -> bool:
        found = self._db.execute(
            "SELECT 1 FROM grades WHERE round = ? AND member = ? AND revision = ?", [round_id, member, revision]
        )
        return found.fetchone() is not None

    def _answer_of(self, row: rows.Row) -> Answer:
        parts = rows.rows(
            self._db,
            "SELECT * FROM parts WHERE round = ? AND member = ? ORDER BY position",
            row["round"],
            row["member"],
        )
        return Answer(
            round=row["round"],
            member=row["member"],
            parts=tuple(map(_part_of, parts)),
            revision=row["revision"],
            local_date=date.fromisoformat(row["local_date"]),
            late=bool(row["late"]),
            share=Share(row["share"]),
            erase=bool(row["erase"]),
            final=bool(row["final"]),
            removed=bool(row["removed"]),
        )


_WHOSE: Final = "round = :round AND member = :member"

_LATEST_GRADE: Final = (
    "(SELECT MAX(id) FROM grades AS g WHERE g.round = answers.round"
    " AND g.member = answers.member AND g.revision = answers.revision)"
)

_UPDATE: Final = """
    UPDATE answers SET channel = :channel, revision = :revision, local_date = :local_date, late = :late,
        share = :share, erase = :erase, final = :final, removed = :removed, ungraded = :ungraded
    WHERE round = :round AND member = :member
"""


def with_quotes(grade: Grade, quotes: tuple[str, ...]) -> Grade:
    """The grade with these words of the answer for its key points; with none where they have been removed."""
    quoted = chain(quotes, repeat(""))
    return replace(grade, points=tuple(replace(point, words=next(quoted)) for point in grade.points))


def _part_row(part: Part, channel: ChannelId) -> rows.Row:
    return {
        "channel": channel,
        "source": part.source.value,
        "message": part.id,
        "text": part.text,
        "said_at": instant(part.said_at),
        "edited_at": instant_or_none(part.edited_at),
    }


def _part_of(row: rows.Row) -> Part:
    return Part(
        source=Source(row["source"]),
        id=row["message"],
        text=row["text"],
        said_at=at_instant(row["said_at"]),
        edited_at=at_instant_or_none(row["edited_at"]),
    )
