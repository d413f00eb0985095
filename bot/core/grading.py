"""The default grader: an answer's words against the phrasings of each key point, with its reasons.

It sees words, not truth. What is said fluently and wrongly is caught only where the question's author wrote the
misconception down. Pure, synchronous and the same on every machine; a shell that must not wait runs it in a thread.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import sqrt
from typing import Final

from bot.core import exemplars as pulling
from bot.core import text as reading
from bot.core.matching import (
    Match,
    Mistake,
    best_matches,
    but_for,
    listen,
    mistakes,
    mostly_denies,
    only_lists,
    turned_around,
    whole_recall,
)
from bot.core.model import Coverage, Effort, Exemplar, Flag, Grade, KeyPoint, PointGrade, Question
from bot.core.quoting import quotes
from bot.core.rubric import Rubric, rubric
from bot.core.text import Sentence

VERSION: Final = "key-points/6"

# One set of constants for every question.
COVERED: Final = 0.70
PARTLY: Final = 0.35
EDGE: Final = 0.08
"""Credit this near below or above a threshold is unsure."""
HALF: Final = 0.60
"""Where no key point is essential, so much of all that they say is a full answer."""
TOUCHED: Final = 0.10
"""An essential with less credit is missing altogether."""
LONG: Final = 80
"""Words of an answer up to which a score needs no more than that."""
LOWERED: Final = 0.05
"""What is left of a score that people should look at."""

_WORDS_KEPT: Final = 200


@dataclass(frozen=True, slots=True)
class _Reading:
    """An answer read by the rubric alone."""

    matches: Mapping[str, Match]
    mistakes: tuple[Mistake, ...]
    credits: tuple[float, ...]
    score: float
    flags: tuple[Flag, ...]
    tells: tuple[bool, ...]
    """For each sentence, whether it speaks of the question."""


def grade_answer(question: Question, text: str, revealed: Sequence[str] = ()) -> Grade:
    """The grade of one answer; `revealed` are the texts of others that its author could have read.

    A question that cannot be graded gives level 0 and says only what the effort was.
    """
    if not question.graded:
        question = replace(question, key_points=(), misconceptions=())
    bare = replace(question, exemplars=())
    ready = rubric(bare)
    spoken = _spoken(text)
    read = _read_by(bare, text)
    length = sum(len(sentence.words) for sentence in spoken)
    effort = _effort(read, spoken, ready.prompt)
    if effort is not Effort.HONEST:
        missed = (PointGrade(key_point=p.id, coverage=Coverage.MISSED, credit=0.0) for p in question.key_points)
        return Grade(score=0.0, level=0, points=tuple(missed), effort=effort, grader=VERSION)
    points = tuple(
        _explained(point, read.matches[point.id], credit, read.mistakes)
        for point, credit in zip(question.key_points, read.credits, strict=True)
    )
    telling = [sentence for sentence, tells in zip(spoken, read.tells, strict=True) if tells]
    if quotes(telling, (question.answer, *revealed)):
        flags = (*read.flags, Flag.QUOTED)
        return Grade(score=round(read.score * LOWERED, 4), level=0, points=points, grader=VERSION, flags=flags)
    if read.flags:
        level, _ = _level(question.key_points, read.credits, read.score, length)
        return Grade(score=read.score, level=min(1, level), points=points, grader=VERSION, flags=read.flags)
    samples = [_sample(bare, exemplar) for exemplar in pulling.usable(question)]
    score, pulls = pulling.pulled(read.score, spoken, read.tells, ready.prompt, samples)
    level, unsure = _level(question.key_points, read.credits, score, length)
    if level == 2 and _nothing_is_affirmed(read.matches.values()):
        level, unsure = 1, True
    if level == 2:
        points = tuple(map(_touched, question.key_points, points))
    return Grade(score=score, level=level, points=points, effort=effort, unsure=unsure, grader=VERSION, exemplars=pulls)


def _effort(read: _Reading, spoken: Sequence[Sentence], prompt: frozenset[str]) -> Effort:
    """Whether it was a try: with a key point in it always, with less than that unless it gives up."""
    if any(credit >= PARTLY for credit in read.credits):
        return Effort.HONEST
    telling = [sentence for sentence, tells in zip(spoken, read.tells, strict=True) if tells]
    effort = reading.effort(telling or spoken, prompt)  # Filler does not turn giving up into a try.
    touched = read.score > 0 or any(credit > 0 for credit in read.credits)
    return Effort.HONEST if touched and effort is not Effort.DONT_KNOW else effort


def _read(question: Question, ready: Rubric, spoken: Sequence[Sentence]) -> _Reading:
    singles = listen(ready, spoken)
    matches = best_matches(ready, singles)
    found = mistakes(ready, singles)
    if found:
        matches = best_matches(ready, but_for(singles, found))
    blocked = {mistake.misconception.blocks for mistake in found}
    credits = [0.0 if p.id in blocked else matches[p.id].credit for p in question.key_points]
    recall = whole_recall(ready, singles)
    flags = []
    if only_lists(ready, singles):
        flags.append(Flag.KEYWORDS)
        credits, recall = [round(credit * LOWERED, 4) for credit in credits], recall * LOWERED
    around = turned_around(ready, singles)
    touched = [(point, matches[point.id]) for point in question.key_points]
    if around or (mostly_denies(singles) and _denies_systematically(touched)):
        flags.append(Flag.DENIAL)
        denied = [around or matches[point.id].denied for point in question.key_points]
        credits = [round(c * LOWERED, 4) if no else c for c, no in zip(credits, denied, strict=True)]
        recall *= LOWERED
    score = _score(question.key_points, credits, recall)
    tells = tuple(bool(single.held) for single in singles)
    return _Reading(matches, tuple(found), tuple(credits), score, tuple(flags), tells)


@lru_cache(maxsize=512)
def _spoken(text: str) -> tuple[Sentence, ...]:
    """A text's sentences; a check of a bank holds the same texts against many questions."""
    return tuple(reading.sentences(reading.without_repetition(text)))


@lru_cache(maxsize=256)
def _read_by(question: Question, text: str) -> _Reading:
    """A text as the rubric reads it; the question without its exemplars, so that other ones make no other reading."""
    return _read(question, rubric(question), _spoken(text))


@lru_cache(maxsize=1024)
def _sample(question: Question, exemplar: Exemplar) -> pulling.Sample:
    """An exemplar as this grader reads it; the question without its exemplars, so that they are read once."""
    deserved = pulling.deserved_score(question, exemplar)
    score = _read_by(question, exemplar.text).score
    return pulling.sample(exemplar, _spoken(exemplar.text), rubric(question).prompt, deserved, score)


def with_rulings(question: Question, grade: Grade, granted: Mapping[str, str], level: int | None = None) -> Grade:
    """A grade with what people decided about it: key points that were granted, with the words for them, and a level.

    A ruling takes nothing away, save that a level that was ruled stands as it is.
    """
    if not granted and level is None:
        return grade
    known = {point.id: point for point in question.key_points}
    before = [graded.credit for graded in grade.points]
    points = tuple(
        replace(g, coverage=Coverage.COVERED, credit=1.0, words=granted[g.key_point], lacking=(), blocked_by="")
        if g.key_point in granted
        else g
        for g in grade.points
    )
    asked = [known[graded.key_point] for graded in points]
    credits = [graded.credit for graded in points]
    gained = _share(asked, credits) - _share(asked, before)
    score = round(min(1.0, grade.score + gained), 4)
    # What people found something in was a try, whatever it sounded like.
    effort = grade.effort if level is None and not granted else Effort.HONEST
    ruled = replace(grade, points=points, score=score, effort=effort)
    if level is not None:
        return replace(ruled, level=level, unsure=False, flags=())
    if Flag.QUOTED in grade.flags or gained <= 0:  # What is not essential makes no other level.
        return ruled
    reached, unsure = _level(asked, credits, score, LONG)
    if grade.flags:
        return replace(ruled, level=max(grade.level, min(1, reached)))
    return replace(ruled, level=max(grade.level, reached), unsure=unsure if reached >= grade.level else grade.unsure)


def _share(points: Sequence[KeyPoint], credits: Sequence[float]) -> float:
    """The weighted credit of the essentials, or of all key points where none is essential."""
    if not points:
        return 0.0
    counted = [(p, credit) for p, credit in zip(points, credits, strict=True) if p.essential] or list(
        zip(points, credits, strict=True)
    )
    return sum(p.weight * credit for p, credit in counted) / sum(p.weight for p, _ in counted)


def basis(exemplars: Sequence[Exemplar], readable: Sequence[str]) -> str:
    """A digest of what a grade rests on beside the round's question and the answer; empty where that is nothing.

    `exemplars` are the group's; the bank's are part of the round's copy.
    """
    if not exemplars and not readable:
        return ""
    marks = sorted(f"{exemplar.mark} {exemplar.score}" for exemplar in exemplars)
    return hashlib.sha256(json.dumps([marks, sorted(readable)]).encode()).hexdigest()[:16]


# --- reasons for people to look -----------------------------------------------------------------------------


def _denies_systematically(matches: Sequence[tuple[KeyPoint, Match]]) -> bool:
    """Whether two or more, and most, of the key points touched are denied. One "not" is how honest people talk.

    Clauses that nobody chose as key points are touched several at a time, so there it takes two sentences.
    """
    touched = [(point, match) for point, match in matches if match.credit >= PARTLY and not match.phrasing.denies]
    denied = [(point, match) for point, match in touched if match.denied]
    separate = {point.id if any(p.essential for p, _ in matches) else match.typed for point, match in denied}
    return len(separate) >= 2 and 2 * len(denied) > len(touched)


def _nothing_is_affirmed(matches: Iterable[Match]) -> bool:
    """Whether every sentence that earned something denies, and one of them what it earned. People look at those."""
    touched = [match for match in matches if match.credit >= PARTLY]
    denied = any(match.denied and not match.phrasing.denies for match in touched)
    return denied and all(match.negated for match in touched)


# --- the verdict --------------------------------------------------------------------------------------------


def _explained(point: KeyPoint, match: Match, credit: float, found: Sequence[Mistake]) -> PointGrade:
    blocked = next((mistake for mistake in found if mistake.misconception.blocks == point.id), None)
    coverage = Coverage.COVERED if credit >= COVERED else Coverage.PARTLY if credit >= PARTLY else Coverage.MISSED
    typed = blocked.typed if blocked else match.typed
    return PointGrade(
        key_point=point.id,
        coverage=coverage,
        credit=credit,
        words=typed if len(typed) <= _WORDS_KEPT else typed[: _WORDS_KEPT - 1] + "…",
        lacking=() if coverage is Coverage.COVERED else match.lacking,
        blocked_by=blocked.misconception.claim if blocked else "",
    )


def _touched(point: KeyPoint, graded: PointGrade) -> PointGrade:
    """In an answer that has all the essentials, one of which little was heard is there in part."""
    missed = point.essential and graded.coverage is Coverage.MISSED
    return replace(graded, coverage=Coverage.PARTLY) if missed else graded


def _score(points: Sequence[KeyPoint], credits: Sequence[float], recall: float) -> float:
    """The weighted credit of the essentials; where there are none, what was said of all, `HALF` of which is enough."""
    essential = [(point, credit) for point, credit in zip(points, credits, strict=True) if point.essential]
    if not essential:
        return round(min(1.0, recall / HALF), 4)
    return round(sum(p.weight * credit for p, credit in essential) / sum(p.weight for p, _ in essential), 4)


def _level(points: Sequence[KeyPoint], credits: Sequence[float], score: float, spoken: int) -> tuple[int, bool]:
    """The level, and whether it would be another one a little higher or lower.

    For level 2 nothing essential may be missing altogether; the more is said, the sooner that comes by chance.
    """
    essential = [credit for point, credit in zip(points, credits, strict=True) if point.essential]
    luck = sqrt(min(1.0, LONG / max(1, spoken)))

    def level(leeway: float) -> int:
        if score * luck >= COVERED - leeway and min(essential, default=1.0) >= TOUCHED:
            return 2
        return 1 if any(credit >= COVERED - leeway for credit in essential or credits) else 0

    kind, strict = level(EDGE), level(-EDGE)
    return kind, kind != strict
