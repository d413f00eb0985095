"""Points for a round: brings the ledger in line with the grades, by adding what is missing or too much."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from bot.core import cards, scoring
from bot.core.model import Answer, Effort, Entry, Grade, MemberId, Round, RoundKind
from bot.core.ports import Transaction


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
    paid = {entry.member for entry in tx.ledger.of_round(round_.id)}
    for member in sorted(answers.keys() | paid):
        _settle(tx, round_, member, answers.get(member), now)


def _settle(tx: Transaction, round_: Round, member: MemberId, answer: Answer | None, now: datetime) -> None:
    rows = tx.ledger.of_round(round_.id, member)
    due, reason = 0, "withdrawn"
    if answer is not None:
        grade = tx.answers.grade(round_.id, member)
        if grade is None and not answer.late:
            return
        if grade is not None and not answer.late:
            since = round_.local_date - scoring.PAYS_AGAIN_AFTER
            paid = tx.ledger.paid(round_.group, member, round_.question.id, since)
            others = [row for row in paid if row.round != round_.id]
            due, reason = _due(round_, grade, tx.answers.hints(round_.id, member), others)
    missing = due - sum(row.points for row in rows)
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
                local_date=round_.local_date,
                points=missing,
                reason=reason,
                at=now,
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
