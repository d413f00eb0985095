"""The bank against its grader: what must earn and what must not, tried on every question that can be graded.

The reference answer must earn all; nothing, the prompt and answers to other questions must earn nothing. How many
exemplars get the level that their author gave them is counted. A miss may be the grader's as much as the bank's, so it
is a note; but no exemplar that deserves nothing may be paid in full.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bot.core.bank import Finding, Severity, Where
from bot.core.bank_rules import content, misjudged
from bot.core.grading import grade_answer
from bot.core.model import Bank, Coverage, Effort, Exemplar, Grade, Question

NEAREST: Final = 8
"""On so many other questions an answer is tried: those with whose key points it shares most words."""


def deserved(question: Question, sample: Exemplar) -> int:
    """The level an exemplar deserves by the key points it earns: 2 for all essentials, 1 for some, else 0."""
    essential = {point.id for point in question.key_points if point.essential} or {p.id for p in question.key_points}
    earned = essential.intersection(sample.earns)
    return 2 if earned == essential else 1 if earned else 0


_Grade = Callable[[Question, str], Grade]


@dataclass(slots=True)
class Trial:
    """A profile that grades. It tells `done` how many questions it has tried, and keeps how many exemplars it hit."""

    grade: _Grade = grade_answer
    done: Callable[[int], object] = lambda _: None
    exemplars: int = 0
    hit: int = 0

    def __call__(self, bank: Bank, written: Container[Where]) -> Iterator[Finding]:
        answers = [content(question.answer) for question in bank.questions]
        for i, question in enumerate(bank.questions):
            if question.graded and question.answer:
                found = [*_reference(question, self.grade), *_nothing(question, self.grade), *self._exemplars(question)]
                found += _other_answers(question, bank.questions, answers, self.grade)
                yield from (replace(finding, path=("questions", i, *finding.path)) for finding in found)
            self.done(i + 1)

    def _exemplars(self, question: Question) -> Iterator[Finding]:
        essential = {point.id for point in question.key_points if point.essential}
        for j, sample in enumerate(question.exemplars):
            if misjudged(sample, essential):  # What it deserves is not known.
                continue
            # An exemplar is graded without itself: it must not pull its own grade.
            others = tuple(other for other in question.exemplars if other is not sample)
            level = self.grade(replace(question, exemplars=others), sample.text).level
            due = deserved(question, sample)
            self.exemplars += 1
            self.hit += level == due
            if level != due:
                message = f'{sample.kind} exemplar {j + 1} of "{question.slug}" deserves level {due} and gets {level}'
                grave = level == 2 and due == 0
                yield Finding(
                    path=("exemplars", j, "text"),
                    message=message + ("; mend the phrasings or cues that let it pass" if grave else ""),
                    severity=Severity.ERROR if grave else Severity.NOTE,
                )


def _reference(question: Question, try_: _Grade) -> Iterator[Finding]:
    grade = try_(question, question.answer)
    without = replace(question, misconceptions=())
    for at, (point, graded) in enumerate(zip(question.key_points, grade.points, strict=True)):
        what = f'key point "{point.id}" of "{question.slug}"'
        if graded.blocked_by:
            message = (
                f"{what}: the reference answer is taken for the misconception “{graded.blocked_by}”; mend its cues"
            )
            yield Finding(path=("key_points", at), message=message)
        elif graded.coverage is not Coverage.COVERED and _covered(try_(without, question.answer), at):
            message = (
                f"{what} stands in the reference answer, but in words that are taken for a misconception; mend cues"
            )
            yield Finding(path=("key_points", at), message=message)
        elif graded.coverage is not Coverage.COVERED:
            lacking = f" (lacking: {', '.join(graded.lacking)})" if graded.lacking else ""
            message = f"{what} is not earned by the reference answer{lacking}; say it there, or add a phrasing"
            yield Finding(path=("key_points", at), message=message)


def _covered(grade: Grade, at: int) -> bool:
    return grade.points[at].coverage is Coverage.COVERED


def _nothing(question: Question, try_: _Grade) -> Iterator[Finding]:
    for said, text in (("an empty answer", ""), ("the prompt handed back", question.prompt)):
        grade = try_(question, text)
        for j, graded in enumerate(grade.points):
            if graded.coverage is not Coverage.MISSED:
                message = f'{said} earns key point "{graded.key_point}" of "{question.slug}"; mend its phrasings'
                yield Finding(path=("key_points", j), message=message)
        if grade.effort is Effort.HONEST:
            message = f'{said} counts as a try at "{question.slug}"; word the prompt otherwise'
            yield Finding(path=("prompt",), message=message, severity=Severity.WARNING)


def _other_answers(
    question: Question, questions: Sequence[Question], answers: Sequence[frozenset[str]], grade: _Grade
) -> Iterator[Finding]:
    """Right answers to other questions. One may well touch a point of this one, and say it as truly.

    Only a related question's may say all of it: related questions are those that give each other away.
    """
    rubric = frozenset[str]().union(*(content(said) for p in question.key_points for said in (p.text, *p.any_of)))
    others = [(len(rubric & answers[i]), -i) for i, other in enumerate(questions) if other.id != question.id]
    for _, minus in sorted(others, reverse=True)[:NEAREST]:
        other = questions[-minus]
        level = grade(question, other.answer).level
        if level:
            message = (
                f'the answer to "{other.slug}" earns level {level} of "{question.slug}"; make its phrasings telling'
            )
            severity = Severity.ERROR if level == 2 and other.id not in question.related else Severity.NOTE
            yield Finding(path=("key_points",), message=message, severity=severity)
