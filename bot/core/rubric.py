"""A question made ready for grading: what its words weigh, and what may be said instead of what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import log, sqrt
from typing import Final

from bot.core import text as reading
from bot.core.model import KeyPoint, Misconception, Question
from bot.core.text import Word

PROMPT_WORD: Final = 0.35
STOP_WORD: Final = 0.10
EVERYDAY_WORD: Final = 0.80
"""What a word of the prompt, a small one, and one that is said about any subject count against a telling one."""
SYMBOL: Final = 0.35
ALL_SYMBOLS: Final = 1.00
"""What a lone letter or digit counts (bulb A, terminal 4), and all of a phrasing's together at most."""
ENOUGH: Final = 1.6
ENOUGH_OF_ALL: Final = 0.66
ENOUGH_OF_WEAK: Final = 0.75
"""The evidence for a phrasing: about two telling words, or this share of all its words, or of all where none tells."""
ECHO: Final = 4
"""So many words in a row of the prompt are the prompt handed back, and nothing of one's own."""
WEAK: Final = 0.25
"""The evidence in a word that does not tell, against 1 in one that does."""
ANYTHING: Final = 0.50
"""The evidence without which a sentence says nothing of the question: a telling word, or two that tell less."""


@dataclass(frozen=True, slots=True)
class Phrasing:
    """One way of saying something: its words with their stems and weights, and the stems that the prompt lacks."""

    words: tuple[tuple[str, str, float], ...]
    total: float
    evidence: Mapping[str, float]
    enough: float
    own: Mapping[str, float]
    """The evidence that the prompt lacks, and what of it is enough for a hint."""
    enough_own: float
    denies: bool
    stems: frozenset[str]
    content: tuple[tuple[str, float], ...]
    """The words but for small ones, and what they weigh in all."""
    content_total: float
    instead: tuple[tuple[str, float, float], ...] = ()
    """The words of its key point's other phrasings: what each weighs if it tells, and the evidence in it."""


@dataclass(frozen=True, slots=True)
class Rubric:
    """Everything that answers to one question are held against."""

    points: tuple[tuple[KeyPoint, tuple[Phrasing, ...]], ...]
    sense: Mapping[str, Mapping[str, float]]
    """For every key point the mean of its phrasings: stems and weights, as a vector of length 1."""
    whole: Phrasing
    """All that the key points say first, in one: what a question is scored by that has no essentials."""
    misconceptions: tuple[tuple[Misconception, tuple[Phrasing, ...]], ...]
    prompt: frozenset[str]
    """The stems of the prompt's content words."""
    worth: Mapping[str, float]
    """For every content stem how much evidence it is of speaking about the question at all."""
    echo: frozenset[tuple[str, ...]]
    """Every few words in a row of the prompt."""
    stems: frozenset[str]
    vocabulary: Mapping[str, tuple[str, ...]]
    """Every stem of the phrasings and of the prompt, and the same by their first two letters."""
    listed: bool
    """The reference answer is a bare list itself, so that a list may say it."""
    names: bool
    """The prompt asks for names of things, so that a short list may say them."""


@lru_cache(maxsize=64)
def rubric(question: Question) -> Rubric:
    """Weigh the words of a question: rare among its own sentences is telling, common or prompted is not."""
    asked = reading.words(question.prompt)
    handed = {reading.stem(word.text): 1.0 if word.tells else WEAK for word in asked if word.says_something}
    prompt = frozenset(handed)
    documents = [set(prompt)]
    documents += [set(reading.content_stems(sentence.words)) for sentence in reading.sentences(question.answer)]
    said = {text: reading.words(text) for point in question.key_points for text in (point.text, *point.any_of)}
    for point in question.key_points:
        texts = (point.text, *point.any_of)
        documents.append({stem for text in texts for stem in reading.content_stems(said[text])})
    frequency: dict[str, int] = {}
    for document in documents:
        for stem in document:
            frequency[stem] = frequency.get(stem, 0) + 1

    def weight(word: Word, stem: str) -> float:
        if not word.says_something:
            return STOP_WORD
        value = log(1 + len(documents) / frequency.get(stem, 1))
        value *= 1.0 if word.tells else EVERYDAY_WORD
        # Rounded, since logarithms may differ in their last bit from machine to machine.
        return round(value * (PROMPT_WORD if stem in prompt else 1.0), 4)

    def phrasing(text: str) -> Phrasing:
        words = said[text] if text in said else reading.words(text)
        first = {reading.stem(word.text): word for word in reversed(words)}
        symbols = {stem for stem, word in first.items() if word.symbol and not word.says_something}
        named = max(STOP_WORD, round(min(SYMBOL, ALL_SYMBOLS / max(1, len(symbols))), 4))
        kept = tuple(
            (word.text, stem, named if stem in symbols else weight(word, stem))
            for stem, word in reversed(first.items())
        )
        evidence = {stem: 1.0 if word.tells else WEAK for stem, word in first.items() if word.says_something}
        own = {stem: value for stem, value in evidence.items() if stem not in prompt}
        enough_own = round(ENOUGH_OF_ALL * sum(own.values()), 6)
        share = ENOUGH_OF_ALL if 1.0 in evidence.values() else ENOUGH_OF_WEAK
        enough = round(min(ENOUGH, share * sum(evidence.values())), 6)
        total = sum(value for _, _, value in kept)
        denies = any(word.denied for word in words)
        content = tuple((stem, value) for _, stem, value in kept if stem in evidence)
        content_total = sum(value for _, value in content)
        return Phrasing(
            kept, total, evidence, enough, own, enough_own, denies, frozenset(first), content, content_total
        )

    points = tuple(
        (p, _with_each_others_words([phrasing(t) for t in (p.text, *p.any_of)])) for p in question.key_points
    )
    whole = phrasing(" ".join(point.text for point in question.key_points))
    misconceptions = tuple((m, tuple(phrasing(t) for t in (m.claim, *m.cues))) for m in question.misconceptions)
    sense = {point.id: _mean(phrasings) for point, phrasings in points}
    phrasings = [whole, *(ph for _, each in (*points, *misconceptions) for ph in each)]
    stems = frozenset({*prompt, *(stem for ph in phrasings for _, stem, _ in ph.words)})
    vocabulary: dict[str, tuple[str, ...]] = {}
    for stem in sorted(stems):
        vocabulary[stem[:2]] = (*vocabulary.get(stem[:2], ()), stem)
    worth = {**handed, **{stem: value for ph in phrasings for stem, value in ph.evidence.items()}}
    echo = frozenset(reading.runs([word.text for word in asked], ECHO))
    listed = reading.is_list(question.answer)
    names = reading.asks_for_names(question.prompt)
    return Rubric(points, sense, whole, misconceptions, prompt, worth, echo, stems, vocabulary, listed, names)


def _with_each_others_words(phrasings: Sequence[Phrasing]) -> tuple[Phrasing, ...]:
    said: dict[str, tuple[float, float]] = {}
    for each in phrasings:
        for _, stem, weight in each.words:
            if stem in each.own:
                evidence = each.own[stem]
                said[stem] = max((weight if evidence == 1.0 else 0.0, evidence), said.get(stem, (0.0, 0.0)))
    return tuple(
        replace(each, instead=tuple((stem, *worth) for stem, worth in said.items() if stem not in each.stems))
        for each in phrasings
    )


def _mean(phrasings: Sequence[Phrasing]) -> dict[str, float]:
    found: dict[str, float] = {}
    for phrasing in phrasings:
        for _, stem, weight in phrasing.words:
            found[stem] = found.get(stem, 0.0) + weight
    length = sqrt(sum(weight * weight for weight in found.values())) or 1.0
    return {stem: round(weight / length, 6) for stem, weight in found.items()}
