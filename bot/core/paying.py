"""Points for a round: brings the ledger in line with the grades, by adding what is missing or too much."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from bot.core import cards, scoring
from bot.core.model import Answer, Effort, Entry, Grade, MemberId, Round, RoundKind, Ruling
from bot.core.ports import Transaction
from bot.core.rulings import standing_grade
from bot.core.schedule import zone


def settle(tx: Transaction, round_: Round, now: datetime, members: Collection[MemberId] | None = None) -> None:
    """Bring the ledger in line with the grades of a revealed daily round, by adding what is missing or too much.

    For everybody in it, or only for these members.
    """
    if round_.kind is not RoundKind.DAILY:
        return
    if members is not None:
        for member in sorted(members):
            answer = tx.answers.get(round_.id, member)
            _settle(tx, round_, member, answer if answer is not None and answer.parts else None, now)
        return
    answers = {answer.member: answer for answer in tx.answers.of_round(round_.id)}
    paid = {entry.member for entry in tx.ledger.of_round(round_.id) if entry.ruling is None}
    for member in sorted(answers.keys() | paid):
        _settle(tx, round_, member, answers.get(member), now)


def _settle(tx: Transaction, round_: Round, member: MemberId, answer: Answer | None, now: datetime) -> None:
    rows = [row for row in tx.ledger.of_round(round_.id, member) if row.ruling is None]
    due_now, reason = 0, "withdrawn"
    if answer is not None:
        grade = standing_grade(tx, round_, member)
        if grade is None and not answer.late:
            return
        if grade is not None:
            due_now, reason = due(tx, round_, answer, grade)
    missing = due_now - sum(row.points for row in rows)
    if missing:
        tx.ledger.add(
            Entry(
                id=f"{round_.id}/{member}/{len(rows) + 1}",
                group=round_.group,
                channel=round_.channel,
                member=member,
                round=round_.id,
                question=round_.question.id,
                cycle=round_.cycle,
                local_date=scoring.booked_on(round_.local_date, now.astimezone(zone(round_.zone)).date()),
                points=missing,
                reason=reason,
                at=now,
            )
        )


def due(tx: Transaction, round_: Round, answer: Answer, grade: Grade) -> tuple[int, str]:
    """What an answer with this grade is to be paid in all, and why."""
    if round_.kind is not RoundKind.DAILY or answer.late:
        return 0, "late" if answer.late else "extra"
    since = round_.local_date - scoring.PAYS_AGAIN_AFTER
    paid = tx.ledger.paid(round_.group, answer.member, round_.question.id, since)
    others = [row for row in paid if row.round != round_.id and row.ruling is None]
    return _due(round_, grade, tx.answers.hints(round_.id, answer.member), others)


def award(tx: Transaction, round_: Round, ruling: Ruling, now: datetime) -> None:
    """Add the points of an award; of one that was undone, take them away again."""
    points, what = (ruling.points, "award") if ruling.stands else (-ruling.points, "award undone")
    tx.ledger.add(
        Entry(
            id=f"{round_.id}/{ruling.member}/{what}/{ruling.number}",
            group=round_.group,
            channel=round_.channel,
            member=ruling.member,
            round=round_.id,
            question=round_.question.id,
            cycle=round_.cycle,
            local_date=scoring.booked_on(round_.local_date, now.astimezone(zone(round_.zone)).date()),
            points=points,
            reason=f"{what}: {ruling.reason}",
            at=now,
            ruling=ruling.number,
        )
    )


def _due(round_: Round, grade: Grade, hints: int, others: list[Entry]) -> tuple[int, str]:
    if not round_.graded:
        tried = grade.effort is Effort.HONEST
        due, reason = (1, "tried; not graded") if tried else (0, "not graded")
    else:
        due, reason = scoring.points_for(grade, hints), cards.LEVEL[grade.level]
    if hints:
        reason += f", {cards.count(hints, 'hint')}"
    if due and not scoring.pays_again(others, round_.channel, round_.cycle, round_.local_date):
        return 0, "this question has paid before"
    return due, reason
