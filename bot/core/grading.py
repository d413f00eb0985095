"""The first grader: an answer's words against the phrasings of each key point, with its reasons.

It sees words, not truth. What is said fluently and wrongly is caught only where the question's author wrote the
misconception down. Pure, synchronous and the same on every machine; a shell that must not wait runs it in a thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise, product
from math import log
from typing import Final

from bot.core import text as reading
from bot.core.model import Coverage, Effort, Grade, KeyPoint, Misconception, PointGrade, Question
from bot.core.text import Sentence, Word

VERSION: Final = "key-points/3"

# One set of constants for every question.
RAMP: Final = (0.15, 0.60)
"""The recall at which credit starts, and the one at which it is full."""
COVERED: Final = 0.70
PARTLY: Final = 0.35
EDGE: Final = 0.08
"""Credit this near below or above a threshold is unsure."""
TWO_SENTENCES: Final = 0.90
WHOLE_ANSWER: Final = 0.75
"""What a match that is spread over two sentences, or over the whole answer, counts against one in one sentence."""
SHORT: Final = 60
"""Words of an answer up to which a match that is spread over all of it counts in full."""
PROMPT_WORD: Final = 0.35
STOP_WORD: Final = 0.03
USUAL_WORD: Final = 0.60
"""What a word of everyday English, or one that the whole field uses, counts against a telling one."""
ENOUGH: Final = 1.6
ENOUGH_OF_ALL: Final = 0.66
ENOUGH_OF_WEAK: Final = 0.75
"""The evidence for a phrasing: about two telling words, or this share of all its words, or of all where none tells."""
WEAK: Final = 0.25
"""The evidence in a word that does not tell, against 1 in one that does."""
HINT: Final = 0.269
"""The most credit without that evidence: too little to be unsure about."""
LISTED_WORD: Final = 0.25
"""What a word counts that is only named in a bare list."""
CLAIMED: Final = 0.65
CLEARLY: Final = 0.25
"""A misconception is matched from this recall on, and by this much more than the key point it blocks."""
SPREAD: Final = 4
"""Other words that may stand between those of a misconception; the truth has the same words, further apart."""

_WORDS_KEPT: Final = 200
_LACKING_KEPT: Final = 4


@dataclass(frozen=True, slots=True)
class _Phrasing:
    """One way of saying something: its words with their stems and weights, and the stems that the prompt lacks."""

    words: tuple[tuple[str, str, float], ...]
    total: float
    evidence: Mapping[str, float]
    enough: float
    own: frozenset[str]
    denies: bool


@dataclass(frozen=True, slots=True)
class _Rubric:
    """A question made ready for grading."""

    points: tuple[tuple[KeyPoint, tuple[_Phrasing, ...]], ...]
    misconceptions: tuple[tuple[Misconception, tuple[_Phrasing, ...]], ...]
    prompt: frozenset[str]
    vocabulary: Mapping[str, tuple[str, ...]]
    """Every content stem of the phrasings, by its first two letters."""


@dataclass(frozen=True, slots=True)
class _Heard:
    """A stretch of an answer: how well it holds each stem of the rubric, and the stems held only in denying clauses.

    For a single sentence also what was typed, what each of its words holds, and whether some clause of it denies.
    """

    held: Mapping[str, float]
    denied: frozenset[str]
    typed: str = ""
    each: tuple[Mapping[str, float], ...] = ()
    negated: bool = False


@dataclass(frozen=True, slots=True)
class _Match:
    """A key point's best match: the phrasing, the sentence that did most for it, and what it lacks."""

    credit: float
    phrasing: _Phrasing
    typed: str = ""
    lacking: tuple[str, ...] = ()
    denied: bool = False
    negated: bool = False


@dataclass(frozen=True, slots=True)
class _Mistake:
    """A misconception that was recognized: by which of its phrasings, in which sentence."""

    misconception: Misconception
    claim: _Phrasing
    index: int
    typed: str


def grade_answer(question: Question, text: str) -> Grade:
    """The grade of one answer. A question that cannot be graded gives level 0 and says only what the effort was."""
    if not question.graded:
        question = replace(question, key_points=(), misconceptions=())
    rubric = _rubric(question)
    spoken = reading.sentences(text)
    singles = _listen(rubric, spoken)
    matches = _best_matches(rubric, singles)
    touched = any(match.credit >= PARTLY for match in matches.values())
    effort = Effort.HONEST if touched else reading.effort(spoken, rubric.prompt)
    if effort is not Effort.HONEST:
        missed = (PointGrade(key_point=p.id, coverage=Coverage.MISSED, credit=0.0) for p in question.key_points)
        return Grade(score=0.0, level=0, points=tuple(missed), effort=effort, grader=VERSION)
    mistakes = _mistakes(rubric, singles)
    if mistakes:
        matches = _best_matches(rubric, _but_for(singles, mistakes))
    systematic = _denies_systematically(matches.values())
    points = tuple(_explained(point, matches[point.id], mistakes, systematic) for point in question.key_points)
    score, level, unsure = _verdict(question.key_points, [point.credit for point in points])
    if level == 2 and _nothing_is_affirmed(matches.values()):
        level, unsure = 1, True
    return Grade(score=score, level=level, points=points, effort=effort, unsure=unsure, grader=VERSION)


# --- the question -------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _rubric(question: Question) -> _Rubric:
    """Weigh the words of a question: rare among its own sentences is telling, common or prompted is not."""
    prompt = frozenset(reading.content_stems(reading.words(question.prompt)))
    documents = [set(prompt)]
    documents += [set(reading.content_stems(sentence.words)) for sentence in reading.sentences(question.answer)]
    for point in question.key_points:
        said = [reading.words(phrasing) for phrasing in (point.text, *point.any_of)]
        documents.append({stem for words in said for stem in reading.content_stems(words)})
    frequency: dict[str, int] = {}
    for document in documents:
        for stem in document:
            frequency[stem] = frequency.get(stem, 0) + 1

    def weight(word: Word, stem: str) -> float:
        if not word.says_something:
            return STOP_WORD
        value = log(1 + len(documents) / frequency.get(stem, 1))
        value *= 1.0 if word.tells else USUAL_WORD
        # Rounded, since logarithms may differ in their last bit from machine to machine.
        return round(value * (PROMPT_WORD if stem in prompt else 1.0), 4)

    def phrasing(text: str) -> _Phrasing:
        words = reading.words(text)
        first = {reading.stem(word.text): word for word in reversed(words)}
        kept = tuple((word.text, stem, weight(word, stem)) for stem, word in reversed(first.items()))
        own = frozenset(first) - prompt
        said = {stem: word for stem, word in first.items() if word.says_something}
        evidence = {stem: 1.0 if word.tells else WEAK for stem, word in said.items()}
        share = ENOUGH_OF_ALL if 1.0 in evidence.values() else ENOUGH_OF_WEAK
        enough = round(min(ENOUGH, share * sum(evidence.values())), 6)
        total = sum(value for _, _, value in kept)
        return _Phrasing(kept, total, evidence, enough, own, any(word.denied for word in words))

    points = tuple((p, tuple(phrasing(t) for t in (p.text, *p.any_of))) for p in question.key_points)
    misconceptions = tuple((m, tuple(phrasing(t) for t in (m.claim, *m.cues))) for m in question.misconceptions)
    phrasings = [ph for _, said in (*points, *misconceptions) for ph in said]
    vocabulary: dict[str, tuple[str, ...]] = {}
    for stem in sorted({stem for ph in phrasings for _, stem, value in ph.words if value > STOP_WORD}):
        vocabulary[stem[:2]] = (*vocabulary.get(stem[:2], ()), stem)
    return _Rubric(points, misconceptions, prompt, vocabulary)


# --- the answer ---------------------------------------------------------------------------------------------


def _listen(rubric: _Rubric, spoken: Sequence[Sentence]) -> list[_Heard]:
    """What each sentence holds of the rubric's words."""
    listed = reading.in_lists(spoken)
    single: list[_Heard] = []
    for sentence, in_list in zip(spoken, listed, strict=True):
        share = LISTED_WORD if in_list else 1.0
        alike = {word: _alike(rubric, word, share) for word in dict.fromkeys(sentence.words)}
        affirmed = {stem for word, stems in alike.items() if not word.denied for stem in stems}
        each = tuple(alike[word] for word in sentence.words)
        negated = any(word.denied for word in sentence.words)
        single.append(_Heard(_most(each), frozenset(_most(each)) - affirmed, sentence.typed, each, negated))
    return single


def _alike(rubric: _Rubric, word: Word, share: float) -> dict[str, float]:
    """The rubric's stems that a word stands for, and how surely."""
    candidates = rubric.vocabulary.get(word.text[:2], ())
    if not candidates or not word.says_something:
        return {}
    stem = reading.stem(word.text)
    return {other: likeness * share for other in candidates if (likeness := reading.likeness(stem, other)) > 0}


def _most(parts: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """For each stem the surest that any part has it."""
    held: dict[str, float] = {}
    for part in parts:
        for stem, value in part.items():
            held[stem] = max(held.get(stem, 0.0), value)
    return held


def _joined(parts: Sequence[_Heard]) -> _Heard:
    affirmed = {stem for part in parts for stem in part.held if stem not in part.denied}
    held = _most(part.held for part in parts)
    return _Heard(held, frozenset(held) - affirmed)


# --- matching -----------------------------------------------------------------------------------------------


def _recall(phrasing: _Phrasing, held: Mapping[str, float]) -> float:
    """The weighted share of a phrasing's words that was heard; 0 where all of them were handed over by the prompt."""
    if phrasing.own.isdisjoint(held):
        return 0.0
    return round(sum(weight * held.get(stem, 0.0) for _, stem, weight in phrasing.words) / phrasing.total, 6)


def _best_matches(rubric: _Rubric, singles: Sequence[_Heard]) -> dict[str, _Match]:
    """Each key point's best match in one sentence, in two neighbors or, for less, in the whole answer."""
    stretches = [(1.0, single) for single in singles]
    stretches += [(TWO_SENTENCES, _joined(pair)) for pair in pairwise(singles)]
    if len(singles) > 2:
        # In a long text the words of anything can be found somewhere.
        spoken = sum(len(single.each) for single in singles)
        stretches.append((WHOLE_ANSWER * min(1.0, SHORT / spoken), _joined(singles)))
    return {point.id: _best(said, stretches, singles) for point, said in rubric.points}


def _credit(phrasing: _Phrasing, held: Mapping[str, float], recall: float) -> float:
    """The credit for a recall: no more than a hint where hardly anything telling was heard."""
    low, full = RAMP
    credit = round(min(1.0, max(0.0, (recall - low) / (full - low))), 4)
    evidence = sum(value * held.get(stem, 0.0) for stem, value in phrasing.evidence.items())
    return credit if round(evidence, 6) >= phrasing.enough else min(credit, HINT)


def _best(said: Sequence[_Phrasing], stretches: Sequence[tuple[float, _Heard]], singles: Sequence[_Heard]) -> _Match:
    """The best match of any phrasing with any stretch; of equals the first."""
    found, best, held = said[0], (0.0, 0.0), dict[str, float]()
    for share, stretch in stretches:
        for phrasing in said:
            recall = share * _recall(phrasing, stretch.held)
            value = (_credit(phrasing, stretch.held, recall), recall)
            if value > best:
                found, best, held = phrasing, value, dict(stretch.held)
    credit = best[0]
    missing = [(weight, word) for word, stem, weight in found.words if stem not in held and weight > STOP_WORD]
    heaviest = sorted(missing, key=lambda pair: -pair[0])[:_LACKING_KEPT]
    lacking = tuple(dict.fromkeys(word for weight, word in missing if (weight, word) in heaviest))
    if credit == 0:
        return _Match(credit, found, lacking=lacking)
    sentence = max(singles, key=lambda single: _recall(found, single.held))
    telling = max(singles, key=lambda single: max(_recall(phrasing, single.held) for phrasing in said))
    return _Match(credit, found, telling.typed, lacking, _denied_share(found, sentence) > 0.5, telling.negated)


def _denied_share(phrasing: _Phrasing, heard: _Heard) -> float:
    """How much of what was heard of a phrasing stands in denying clauses."""
    matched = [(stem, weight * heard.held[stem]) for _, stem, weight in phrasing.words if stem in heard.held]
    total = sum(value for _, value in matched)
    return sum(value for stem, value in matched if stem in heard.denied) / total if total else 0.0


def _denies_systematically(matches: Iterable[_Match]) -> bool:
    """Whether two or more, and most, of the key points touched are denied. One "not" is how honest people talk."""
    touched = [match for match in matches if match.credit >= PARTLY and not match.phrasing.denies]
    denied = sum(1 for match in touched if match.denied)
    return denied >= 2 and 2 * denied > len(touched)


def _nothing_is_affirmed(matches: Iterable[_Match]) -> bool:
    """Whether every sentence that earned something denies, and one of them what it earned. People look at those."""
    touched = [match for match in matches if match.credit >= PARTLY]
    denied = any(match.denied and not match.phrasing.denies for match in touched)
    return denied and all(match.negated for match in touched)


def _mistakes(rubric: _Rubric, singles: Sequence[_Heard]) -> list[_Mistake]:
    """The misconceptions that a sentence states clearly better than it states the key point they block."""
    said = {point.id: phrasings for point, phrasings in rubric.points}
    found = []
    for (misconception, claims), (index, sentence) in product(rubric.misconceptions, enumerate(singles)):
        right = max((_recall(one, sentence.held) for one in said.get(misconception.blocks or "", ())), default=0.0)
        for claim in claims:
            agrees = (_denied_share(claim, sentence) > 0.5) == claim.denies
            if agrees and _said_closely(claim, sentence, max(CLAIMED, right + CLEARLY)):
                found.append(_Mistake(misconception, claim, index, sentence.typed))
    return found


def _but_for(singles: Sequence[_Heard], mistakes: Sequence[_Mistake]) -> list[_Heard]:
    """The sentences without the words that state a mistake: these speak for no key point at all."""
    left = list(singles)
    for mistake in mistakes:
        heard, wrong = left[mistake.index], {stem for _, stem, _ in mistake.claim.words}
        left[mistake.index] = replace(heard, held={stem: v for stem, v in heard.held.items() if stem not in wrong})
    return left


def _said_closely(claim: _Phrasing, sentence: _Heard, enough: float) -> bool:
    """Whether a sentence holds enough of a claim in one short stretch."""
    if _recall(claim, sentence.held) < enough:
        return False
    width = len(claim.words) + SPREAD
    starts = range(max(1, len(sentence.each) - width + 1))
    return any(_recall(claim, _most(sentence.each[at : at + width])) >= enough for at in starts)


# --- the verdict --------------------------------------------------------------------------------------------


def _explained(point: KeyPoint, match: _Match, mistakes: Sequence[_Mistake], systematic: bool) -> PointGrade:
    blocked = next((mistake for mistake in mistakes if mistake.misconception.blocks == point.id), None)
    credit = 0.0 if blocked or (systematic and match.denied) else match.credit
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


def _verdict(points: Sequence[KeyPoint], credits: Sequence[float]) -> tuple[float, int, bool]:
    """Score, level, and whether the level would be another one a little higher or lower."""
    if not points:
        return 0.0, 0, False
    graded = list(zip(points, credits, strict=True))
    essential = [(point, credit) for point, credit in graded if point.essential]
    counted = essential or graded
    total = sum(point.weight for point, _ in counted)
    score = round(sum(point.weight * credit for point, credit in counted) / total, 4) if total else 0.0

    def level(leeway: float) -> int:
        covered = sum(1 for _, credit in counted if credit >= COVERED - leeway)
        partly = sum(1 for _, credit in counted if credit >= PARTLY - leeway)
        if covered == len(essential) if essential else score >= COVERED - leeway:
            return 2
        return 1 if covered or partly >= 2 else 0

    kind, strict = level(EDGE), level(-EDGE)
    return score, kind, kind != strict
