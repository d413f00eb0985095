"""What answers tell about the questions: which are too easy or too hard, which tell members apart, what is missing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import StatisticsError, correlation, mean
from typing import Final

from bot.core import cards, rulings
from bot.core.model import (
    Coverage,
    MemberId,
    Objection,
    ObjectionState,
    Question,
    QuestionId,
    Round,
)
from bot.core.planning import Banks, question_of
from bot.core.ports import Transaction

ENOUGH: Final = 5
"""Answers from which on a share says something."""


@dataclass(slots=True)
class Item:
    """A question as those who answered it in time have found it."""

    question: Question
    rounds: int = 0
    scores: list[tuple[MemberId, float]] = field(default_factory=list)
    full: int = 0
    with_hint: int = 0
    objections: Counter[ObjectionState] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    """By key point: in how many answers it is not covered."""
    discrimination: float | None = None
    """How the scores here go with what the same members score elsewhere, -1..1; None where that cannot be said."""

    @property
    def answers(self) -> int:
        return len(self.scores)

    @property
    def verdict(self) -> str:
        """What an author should look at; empty where there is nothing."""
        if self.answers < ENOUGH:
            return ""
        if self.full == 0:
            return "nobody gets it right"
        if self.full == self.answers:
            return "everybody gets it right"
        if self.discrimination is not None and self.discrimination < 0:
            return "who is good elsewhere is worse here"
        return ""


def items(tx: Transaction, rounds: Iterable[Round]) -> list[Item]:
    """One for each question of these rounds that is graded, by id. Only what was revealed counts."""
    found: dict[QuestionId, Item] = {}
    for round_ in rounds:
        if not round_.graded:
            continue
        item = found.setdefault(round_.question.id, Item(round_.question))
        _add(tx, item, round_)
    for item in found.values():
        item.discrimination = _discrimination(item, found.values())
    return [found[id] for id in sorted(found)]


def _add(tx: Transaction, item: Item, round_: Round) -> None:
    item.rounds += 1
    for answer in tx.answers.of_round(round_.id):
        grade = rulings.standing_grade(tx, round_, answer.member)
        if answer.late or grade is None:
            continue
        item.scores.append((answer.member, grade.score))
        item.full += grade.level == 2
        item.with_hint += tx.answers.hints(round_.id, answer.member) > 0
        item.objections.update(objection.state for objection in tx.objections.of_answer(round_.id, answer.member))
        item.missed.update(g.key_point for g in grade.points if g.coverage is not Coverage.COVERED)


def _discrimination(item: Item, others: Iterable[Item]) -> float | None:
    """The correlation of members' scores here with their mean scores in all other questions."""
    elsewhere: dict[MemberId, list[float]] = defaultdict(list)
    for other in others:
        if other is not item:
            for member, score in other.scores:
                elsewhere[member].append(score)
    pairs = [(score, mean(elsewhere[member])) for member, score in item.scores if member in elsewhere]
    if len(pairs) < ENOUGH:
        return None
    try:
        return correlation(*zip(*pairs, strict=True))
    except StatisticsError:  # All the same on one side.
        return None


def as_table(found: Sequence[Item]) -> list[tuple[str, ...]]:
    """Rows of cells, the first with titles."""
    rows: list[tuple[str, ...]] = [
        ("question", "rounds", "answers", "full marks", "discrimination", "hint used", "objections", "look at")
    ]
    for item in found:
        granted = item.objections[ObjectionState.GRANTED]
        total = item.objections.total()
        rows.append(
            (
                str(item.question.id),
                str(item.rounds),
                str(item.answers),
                _share(item.full, item.answers),
                "-" if item.discrimination is None else f"{item.discrimination:+.2f}",
                _share(item.with_hint, item.answers),
                f"{total} ({granted} granted)" if total else "0",
                item.verdict or _most_missed(item),
            )
        )
    return rows


def _most_missed(item: Item) -> str:
    """The essential that hardly anybody covers, if there is one."""
    essentials = {point.id for point in item.question.key_points if point.essential}
    worst = [(number, id) for id, number in item.missed.items() if id in essentials]
    if item.answers < ENOUGH or not worst:
        return ""
    number, id = max(worst)
    return f"{number} of {item.answers} miss “{id}”" if number >= 0.8 * item.answers else ""


def _share(number: int, of: int) -> str:
    return f"{number / of:.0%}" if of else "-"


# --- what members would have had a key point say ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A sentence that members hold to say a key point, and how often it ended how."""

    question: QuestionId
    key_point: str
    phrasing: str
    granted: int
    unruled: int
    known: bool
    """Whether the bank has this phrasing by now."""


def suggestions(tx: Transaction, ended: Iterable[Objection], banks: Banks) -> list[Suggestion]:
    """What objections that were granted or that nobody ruled on suggest to a bank's author, most often said first."""
    said: dict[tuple[QuestionId, str, str], list[Objection]] = defaultdict(list)
    for objection in ended:
        round_ = tx.rounds.get(objection.round)
        if round_ is not None and objection.key_point and objection.words:
            said[round_.question.id, objection.key_point, _folded(objection.words)].append(objection)
    found = [
        Suggestion(
            question=question,
            key_point=key_point,
            phrasing=objections[0].words,
            granted=sum(objection.state is ObjectionState.GRANTED for objection in objections),
            unruled=sum(objection.state is ObjectionState.LAPSED for objection in objections),
            known=folded in set(_phrasings(banks, question, key_point)),
        )
        for (question, key_point, folded), objections in said.items()
    ]
    return sorted(found, key=lambda one: (one.question, one.key_point, -one.granted - one.unruled, one.phrasing))


def in_lines(found: Sequence[Suggestion], points: Mapping[tuple[QuestionId, str], str]) -> Iterator[str]:
    """The suggestions below their key points; `points` are the texts of those."""
    last: tuple[QuestionId, str] | None = None
    for one in found:
        about = (one.question, one.key_point)
        if about != last:
            if last is not None:
                yield ""
            yield f"{one.question}, key point “{one.key_point}”: {points.get(about, 'no longer in the bank')}"
            last = about
        how = [f"{one.granted} granted"] * bool(one.granted) + [f"{one.unruled} not ruled on"] * bool(one.unruled)
        known = "; in the bank by now" if one.known else ""
        yield f"  {cards.count(one.granted + one.unruled, 'time')} ({', '.join(how)}{known}): “{one.phrasing}”"


def _phrasings(banks: Banks, question: QuestionId, key_point: str) -> Iterator[str]:
    known = question_of(banks, question)
    for point in known.key_points if known is not None else ():
        if point.id == key_point:
            yield from map(_folded, (point.text, *point.any_of))


def _folded(words: str) -> str:
    return " ".join(words.casefold().split()).rstrip(".!")
