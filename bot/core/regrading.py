"""What grading answers anew would change, before anything does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.core import cards, paying, rulings
from bot.core.model import UNGRADED, Answer, Effort, Grade, MemberId, Round
from bot.core.ports import Transaction


@dataclass(frozen=True, slots=True)
class Change:
    """A member's grade as it stands and as it would stand, both with the rulings on it, and the points for each."""

    member: MemberId
    before: Grade
    after: Grade
    paid: int
    pays: int

    @property
    def matters(self) -> bool:
        """Whether the member would see another verdict or other points; a score alone may move a little."""
        return _verdict(self.before) != _verdict(self.after) or self.paid != self.pays


def changes(tx: Transaction, round_: Round, graded: Sequence[tuple[Answer, Grade]]) -> list[Change]:
    """What these grades would change in a round, by member; those that say the same are left out."""
    found = []
    for answer, grade in graded:
        before = rulings.standing_grade(tx, round_, answer.member)
        if before is None or grade.grader == UNGRADED:
            continue
        decided = tx.rulings.of_answer(round_.id, answer.member)
        after = rulings.with_decisions(round_.question, grade, decided)
        if (before.score, before.points, _verdict(before)) == (after.score, after.points, _verdict(after)):
            continue
        paid, _ = paying.due(tx, round_, answer, before)
        pays, _ = paying.due(tx, round_, answer, after)
        found.append(Change(answer.member, before, after, paid, pays))
    return sorted(found, key=lambda change: change.member)


def in_words(change: Change) -> str:
    """One change as a line: whose, from which verdict to which, and what it does to the points."""
    name = "@" + change.member.partition("@")[2]
    before, after = _verdict(change.before), _verdict(change.after)
    what = f"{before} -> {after}" if before != after else f"{before}, as before"
    points = change.pays - change.paid
    return f"{name}: {what}" + (f", {points:+d} {'point' if abs(points) == 1 else 'points'}" if points else "")


def _verdict(grade: Grade) -> str:
    verdict = cards.LEVEL[grade.level] if grade.effort is Effort.HONEST else grade.effort.value
    flags = f" ({', '.join(flag.value for flag in grade.flags)})" if grade.flags else ""
    return verdict + flags
