"""Graded answers to the same question: the more an answer holds of one, the more its grade is drawn to that one's.

An exemplar says by how much the rubric was wrong about it. A grade is moved by the mean of these differences, weighed
by likeness and shrunk towards none; never beyond what the rubric or one of the exemplars says.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.core import text as reading
from bot.core.model import Exemplar, ExemplarKind, Pull, Question
from bot.core.rubric import ANYTHING, WEAK
from bot.core.text import Sentence, Word

ANY: Final = 0.2
"""The likeness that any two answers to one question are taken to have."""
PRIOR: Final = 0.3
"""How much the rubric counts against one exemplar that is the same answer, which counts (1 + ANY) squared."""
MOST: Final = 40
"""Exemplars that are looked at, the first in the order of their texts."""
FOUND: Final = (0.05, 0.15)
"""The evidence at which a pull begins, and is full: the rubric's score, or the likeness to the nearest exemplar."""

_PROMPT_WORD: Final = 0.35
_EVERYDAY_WORD: Final = 0.8


@dataclass(frozen=True, slots=True)
class Sample:
    """An exemplar made ready: its words with their weights, what it deserves, and what the rubric gives it."""

    mark: str
    words: Mapping[str, float]
    total: float
    said: tuple[str, ...]
    deserved: float
    score: float


def ruled(text: str, score: float) -> Exemplar:
    """An answer to which people gave a score, 0..1, as an exemplar."""
    kind = ExemplarKind.FULL if score >= 2 / 3 else ExemplarKind.PARTIAL if score >= 1 / 3 else ExemplarKind.WRONG
    return Exemplar(kind=kind, text=text, score=score)


def usable(question: Question) -> list[Exemplar]:
    """The exemplars that say something about honest answers, in an order of their own."""
    known = {point.id for point in question.key_points}
    found = [
        exemplar
        for exemplar in question.exemplars
        if exemplar.score is not None
        or (exemplar.kind is ExemplarKind.WRONG and not exemplar.earns)
        or (exemplar.kind not in (ExemplarKind.DENIAL, ExemplarKind.KEYWORDS) and known.intersection(exemplar.earns))
    ]
    return sorted(found, key=lambda exemplar: (exemplar.text, exemplar.score or 0.0, exemplar.earns))[:MOST]


def deserved_score(question: Question, exemplar: Exemplar) -> float:
    """What people gave an exemplar, or the weight of the essentials that it earns."""
    if exemplar.score is not None:
        return exemplar.score
    essential = [point for point in question.key_points if point.essential] or list(question.key_points)
    earned = sum(point.weight for point in essential if point.id in exemplar.earns)
    return earned / sum(point.weight for point in essential)


def sample(
    exemplar: Exemplar, spoken: Sequence[Sentence], prompt: Collection[str], deserved: float, score: float
) -> Sample:
    """An exemplar with what the rubric makes of it."""
    words = _weighed(spoken, prompt)
    said = tuple(word.text for sentence in spoken for word in sentence.words)
    return Sample(exemplar.mark, words, sum(words.values()), said, deserved, score)


def pulled(
    score: float,
    spoken: Sequence[Sentence],
    tells: Sequence[bool],
    prompt: Collection[str],
    samples: Sequence[Sample],
) -> tuple[float, tuple[Pull, ...]]:
    """The score drawn to the nearest exemplars, the answer itself left out, and what each of them did to it.

    A sentence counts only if it speaks of the question (`tells`), or as an exemplar does: filler makes nothing alike.
    """
    said = tuple(word.text for sentence in spoken for word in sentence.words)
    others = [one for one in samples if one.said != said and one.total]
    known = frozenset(stem for one in others for stem in one.words)
    telling = [sentence for sentence, yes in zip(spoken, tells, strict=True) if yes or _speaks(sentence, known)]
    if not others or not telling:
        return score, ()
    mine = _weighed(telling, prompt)
    likeness = [sum(weight for stem, weight in one.words.items() if stem in mine) / one.total for one in others]
    low, full = FOUND
    found = min(1.0, max(0.0, (max(score, *likeness) - low) / (full - low)))
    pulls = [(ANY + like) ** 2 for like in likeness]
    each = [
        found * pull * (one.deserved - one.score) / (sum(pulls) + PRIOR)
        for one, pull in zip(others, pulls, strict=True)
    ]
    least, most = (of(score, *(one.deserved for one in others)) for of in (min, max))
    moved = round(min(most, max(least, score + sum(each))), 4)
    named = sorted(zip(likeness, others, each, strict=True), key=lambda one: (-one[0], one[1].mark))
    return moved, tuple(Pull(exemplar=one.mark, likeness=round(like, 4), by=round(by, 4)) for like, one, by in named)


def _speaks(sentence: Sentence, known: frozenset[str]) -> bool:
    """Whether a sentence has a telling word of the exemplars, or two that tell less."""
    shared = {word for word in sentence.words if word.says_something and reading.stem(word.text) in known}
    return sum(1.0 if word.tells else WEAK for word in shared) >= ANYTHING


def _weighed(spoken: Sequence[Sentence], prompt: Collection[str]) -> dict[str, float]:
    """The content stems of an answer, those of the prompt and of everyday for less."""
    return {stem: value for stem, value in sorted(_values(spoken, prompt))}


def _values(spoken: Sequence[Sentence], prompt: Collection[str]) -> Iterable[tuple[str, float]]:
    for word in dict.fromkeys(word for sentence in spoken for word in sentence.words):
        if word.says_something:
            stem = reading.stem(word.text)
            yield stem, _worth(word) * (_PROMPT_WORD if stem in prompt else 1.0)


def _worth(word: Word) -> float:
    return 1.0 if word.tells else _EVERYDAY_WORD
