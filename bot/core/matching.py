"""What an answer holds of a rubric: each key point's best match, in which sentence, and what is said against it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, product
from math import sqrt
from typing import Final

from bot.core import text as reading
from bot.core.model import Misconception
from bot.core.rubric import ANYTHING, ECHO, WEAK, Phrasing, Rubric
from bot.core.synonyms import NEARLY, SYNONYMS
from bot.core.text import Sentence, Word

RAMP: Final = (0.15, 0.60)
"""How well a key point must be matched before credit starts, and for all of it."""
INSTEAD: Final = 0.50
HALF_SAID: Final = 0.50
"""A telling word of another phrasing of a key point counts so much in place of one that is missing, where so much of
this phrasing is said in the same sentence."""
TWO_SENTENCES: Final = 0.90
WHOLE_ANSWER: Final = 0.85
"""What a match that is spread over two sentences, or over the whole answer, counts against one in one sentence."""
SHORT: Final = 60
"""Words of an answer up to which a match that is spread over all of it counts in full."""
HINT: Final = 0.269
"""The most credit without enough evidence: too little to be unsure about."""
ABOUT: Final = 0.25
"""A sentence speaks of the question with `ANYTHING`, or with this share of its words that say something."""
KEYWORDS: Final = 0.80
LISTED: Final = 0.80
"""Where so many words of bare lists are the question's, and so many of those heard stand in them, it is keywords."""
NAMED: Final = 12
"""Where the prompt asks for names, so many words of lists are an answer; more of them are keywords."""
VERBATIM: Final = 0.80
"""The recall from which on, and the share of its words from which on, an answer is so near the reference that a "not"
in it turns it around."""
DENIED: Final = 0.55
"""So much of what is said of the question must be denied: who explains by a contrast affirms the rest."""
OTHERS: Final = 0.40
MANY: Final = 6
"""What the next best phrasings count where there are many: one of many fits by chance, three of them hardly do."""
CLOSE: Final = 0.50
FEW: Final = 4
"""What counts besides a phrasing's recall: how much of one sentence is about the key point, so many words aside."""
CLAIMED: Final = 0.65
CLEARLY: Final = 0.25
"""A misconception is matched from this recall on, and by this much more than the key point it blocks."""
SPREAD: Final = 4
"""Other words that may stand between those of a misconception; the truth has the same words, further apart."""

_LACKING_KEPT: Final = 4


@dataclass(frozen=True, slots=True)
class Heard:
    """A stretch of an answer: how well it holds each stem of the rubric, and the stems held only in denying clauses.

    For a single sentence also what was typed, what each of its words holds and whether it stands in a bare list, and
    whether some clause of it denies.
    """

    held: Mapping[str, float]
    denied: frozenset[str]
    typed: str = ""
    each: tuple[Mapping[str, float], ...] = ()
    said: tuple[Word, ...] = ()
    words: int = 0
    """How many different ones."""
    listed: tuple[bool, ...] = ()
    untrue: bool = False
    """It says of what follows that it is not true."""
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """A key point's best match: the phrasing, the sentence that did most for it, and what it lacks."""

    credit: float
    phrasing: Phrasing
    typed: str = ""
    lacking: tuple[str, ...] = ()
    denied: bool = False
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Mistake:
    """A misconception that was recognized: by which of its phrasings, in which sentence."""

    misconception: Misconception
    claim: Phrasing
    index: int
    typed: str


# --- the answer ---------------------------------------------------------------------------------------------


def listen(rubric: Rubric, spoken: Sequence[Sentence]) -> list[Heard]:
    """What each sentence holds of the rubric's words, and of the prompt's unless they only hand it back."""
    single: list[Heard] = []
    echoed = iter(_echoes(rubric, [word for sentence in spoken for word in sentence.words]))
    for sentence, listed in zip(spoken, reading.in_lists(spoken), strict=True):
        echoes = [next(echoed) for _ in sentence.words]
        alike = {word: _alike(rubric, word) for word in dict.fromkeys(sentence.words)}
        each = tuple({} if echo else alike[word] for word, echo in zip(sentence.words, echoes, strict=True))
        affirmed = {stem for word, stems in zip(sentence.words, each, strict=True) if not word.denied for stem in stems}
        negated = any(word.denied for word in sentence.words)
        content = sum(1 for word in sentence.words if word.says_something)
        back = frozenset(
            stem for word, echo in zip(sentence.words, echoes, strict=True) if echo for stem in alike[word]
        )
        telling = {reading.stem(word.text) for word in sentence.words if word.tells}
        plain = frozenset(reading.stem(word.text) for word in sentence.words) - telling
        held = _most(each) if _speaks(rubric, each, plain, back, content) else {}
        single.append(
            Heard(
                held,
                frozenset(held) - affirmed,
                typed=sentence.typed,
                each=each,
                said=sentence.words,
                words=len(alike),
                listed=tuple(listed),
                untrue=reading.says_untrue(sentence.typed),
                negated=negated,
            )
        )
    return single


def _speaks(
    rubric: Rubric,
    each: Sequence[Mapping[str, float]],
    plain: Collection[str],
    echoed: Collection[str],
    content: int,
) -> bool:
    """Whether a sentence speaks of the question at all: what does not adds nothing, whatever words it has.

    An everyday word is weak evidence, even of one that is none: guests that arrive do not speak of an arrival rate.
    """
    held = _most(each)
    near = {**dict.fromkeys(echoed, 1.0), **held}
    worth = ((stem, min(value, WEAK) if stem in plain else value) for stem, value in rubric.worth.items())
    heard = round(sum(value * near[stem] for stem, value in worth if stem in near), 6)
    about = sum(1 for stem, value in held.items() if value == 1 and stem in rubric.worth)
    return bool(held) and (heard >= min(ANYTHING, rubric.whole.enough) or 0 < about >= ABOUT * content)


def _echoes(rubric: Rubric, said: Sequence[Word]) -> list[bool]:
    """For each word, whether it stands in a few words in a row that are the prompt's."""
    found = [False] * len(said)
    for at, run in enumerate(reading.runs([word.text for word in said], ECHO)):
        if run in rubric.echo:
            found[at : at + len(run)] = [True] * len(run)
    return found


def _alike(rubric: Rubric, word: Word) -> dict[str, float]:
    """The rubric's stems that a word stands for, and how surely."""
    candidates = rubric.vocabulary.get(word.text[:2], ())
    stem = reading.stem(word.text)
    if not word.says_something:  # "In general" does not generalize.
        return {stem: 1.0} if stem in candidates and stem not in rubric.worth else {}
    if stem in rubric.prompt:  # What the prompt hands over stands for itself alone.
        return {stem: 1.0}
    same = dict.fromkeys((other for other in SYNONYMS.get(stem, ()) if other in rubric.stems), NEARLY)
    near = {other: likeness for other in candidates if (likeness := reading.likeness(stem, other)) > 0}
    return {other: value for other, value in {**same, **near}.items() if other not in rubric.prompt}


def _most(parts: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """For each stem the surest that any part has it."""
    held: dict[str, float] = {}
    for part in parts:
        for stem, value in part.items():
            held[stem] = max(held.get(stem, 0.0), value)
    return held


def _joined(parts: Sequence[Heard]) -> Heard:
    affirmed = {stem for part in parts for stem in part.held if stem not in part.denied}
    held = _most(part.held for part in parts)
    return Heard(held, frozenset(held) - affirmed)


# --- matching -----------------------------------------------------------------------------------------------


def recall(phrasing: Phrasing, held: Mapping[str, float]) -> float:
    """The weighted share of a phrasing's words that was heard."""
    if phrasing.stems.isdisjoint(held):  # As for most phrasings and most of what is said.
        return 0.0
    found = 0.0
    for _, stem, weight in phrasing.words:  # A sum over a generator takes twice as long, and this is most of the work.
        if stem in held:
            found += weight * held[stem]
    return round(found / phrasing.total, 6) if phrasing.total else 0.0


def _in_place(phrasing: Phrasing, held: Mapping[str, float], recalled: float) -> tuple[float, float]:
    """What words of the key point's other phrasings add to a recall, and the evidence in them."""
    if recalled < HALF_SAID or recalled >= 1:
        return 0.0, 0.0
    others = [
        (weight * held[stem], evidence * held[stem]) for stem, weight, evidence in phrasing.instead if stem in held
    ]
    telling = sum(weight for weight, _ in others)
    if not telling:  # Words that the whole field uses stand for nothing.
        return 0.0, 0.0
    return round(INSTEAD * min(1 - recalled, telling / phrasing.total), 6), INSTEAD * sum(worth for _, worth in others)


def whole_recall(rubric: Rubric, singles: Sequence[Heard]) -> float:
    """How much of all that the key points say was heard."""
    return recall(rubric.whole, _most(single.held for single in singles))


def _hinted(phrasing: Phrasing, held: Mapping[str, float], besides: float) -> bool:
    """Whether something telling was heard that the prompt lacks."""
    heard = round(besides + sum(worth * held.get(stem, 0.0) for stem, worth in phrasing.own.items()), 6)
    return heard > 0 and heard >= min(ANYTHING, phrasing.enough_own)


def _stretches(singles: Sequence[Heard]) -> list[tuple[float, Heard]]:
    """Single sentences, two neighbors and, for less, the whole answer, with what a match in them counts."""
    found = [(1.0, single) for single in singles]
    found += [(TWO_SENTENCES, _joined(pair)) for pair in pairwise(singles)]
    if len(singles) > 2:
        # In a long text the words of anything can be found somewhere.
        spoken = sum(len(single.said) for single in singles)
        found.append((WHOLE_ANSWER * min(1.0, SHORT / spoken), _joined(singles)))
    return found


def best_matches(rubric: Rubric, singles: Sequence[Heard]) -> dict[str, Match]:
    """Each key point's best match."""
    heard = _stretches(singles)
    return {point.id: _best(said, rubric.sense[point.id], heard, singles) for point, said in rubric.points}


def _credit(phrasing: Phrasing, held: Mapping[str, float], value: float, besides: float) -> float:
    """The credit for a recall: a hint at most where hardly anything telling was heard, none where nothing was.

    `besides` is the evidence in words of other phrasings.
    """
    low, full = RAMP
    if value <= low:
        return 0.0
    credit = round(min(1.0, (value - low) / (full - low)), 4)
    evidence = round(besides + sum(worth * held.get(stem, 0.0) for stem, worth in phrasing.evidence.items()), 6)
    if not _hinted(phrasing, held, besides):
        return 0.0
    return credit if evidence >= phrasing.enough else min(credit, HINT)


def _best(
    said: Sequence[Phrasing],
    sense: Mapping[str, float],
    heard: Sequence[tuple[float, Heard]],
    singles: Sequence[Heard],
) -> Match:
    """The best match of any phrasing with any stretch, of equals the first; others that match nearly as well help."""
    at, best, held, besides = 0, (0.0, 0.0), dict[str, float](), 0.0
    each: list[float] = []
    recalls = [[recall(phrasing, stretch.held) for _, stretch in heard] for phrasing in said]
    for index, (phrasing, recalled_in) in enumerate(zip(said, recalls, strict=True)):
        most = 0.0
        for place, (share, stretch) in enumerate(heard):
            # The first stretches are the single sentences: words that stand further apart stand for nothing else.
            more, other = _in_place(phrasing, stretch.held, recalled_in[place]) if place < len(singles) else (0.0, 0.0)
            recalled_in[place] += more
            value = share * recalled_in[place]
            if value <= most:
                continue
            most = value
            rank = (_credit(phrasing, stretch.held, value, other), value)
            if rank > best:
                at, best, held, besides = index, rank, dict(stretch.held), other
        each.append(most)
    each.sort(reverse=True)
    others = OTHERS * min(1.0, (len(said) - 1) / (MANY - 1))
    second, third = (each[min(at, len(each) - 1)] for at in (1, 2))
    blended = (1 - others) * best[1] + others * (0.6 * second + 0.4 * third)
    blended = round(blended + CLOSE * max((_closeness(sense, single) for single in singles), default=0.0), 6)
    found = said[at]
    credit = _credit(found, held, blended, besides) if best[0] > 0 else 0.0
    missing = [(weight, word) for word, stem, weight in found.words if stem not in held and stem in found.evidence]
    heaviest = sorted(missing, key=lambda pair: -pair[0])[:_LACKING_KEPT]
    lacking = tuple(dict.fromkeys(word for weight, word in missing if (weight, word) in heaviest))
    if credit == 0:
        return Match(credit, found, lacking=lacking)
    of_singles = [recalled[: len(singles)] for recalled in recalls]
    sentence = singles[_first_most(of_singles[at])]
    telling = singles[_first_most([max(recalled) for recalled in zip(*of_singles, strict=True)])]
    return Match(credit, found, telling.typed, lacking, _denied_share(found, sentence) > 0.5, telling.negated)


def _first_most(values: Sequence[float]) -> int:
    return values.index(max(values))


def _closeness(sense: Mapping[str, float], single: Heard) -> float:
    """How much of a sentence is about a key point, and how much of the key point is in it: their cosine, nearly."""
    shared = sum(weight * single.held[stem] for stem, weight in sense.items() if stem in single.held)
    return shared / sqrt(single.words + FEW)


def _denied_share(phrasing: Phrasing, heard: Heard) -> float:
    """How much of what was heard of a phrasing stands in denying clauses."""
    matched = [(stem, weight * heard.held[stem]) for _, stem, weight in phrasing.words if stem in heard.held]
    total = sum(value for _, value in matched)
    return sum(value for stem, value in matched if stem in heard.denied) / total if total else 0.0


# --- what people should look at -----------------------------------------------------------------------------


def only_lists(rubric: Rubric, singles: Sequence[Heard]) -> bool:
    """Whether what was heard stands in bare lists of the question's own words, where neither the reference is a list
    nor the prompt asks for a short one.
    """
    if rubric.listed:
        return False
    telling = [
        (bool(held), listed)
        for single in singles
        for held, word, listed in zip(single.each, single.said, single.listed, strict=True)
        if word.says_something and single.held
    ]
    listed = [hit for hit, in_list in telling if in_list]
    heard = sum(hit for hit, _ in telling)
    enough = max(1.0, KEYWORDS * len(listed), LISTED * heard)
    return sum(listed) >= enough and not (rubric.names and len(listed) <= NAMED)


def turned_around(rubric: Rubric, singles: Sequence[Heard]) -> bool:
    """Whether the reference and little else was said nearly word for word, and denied; or all is said to be untrue."""
    together = _joined(singles)
    heard = [single for single in singles if single.held]
    said = _said(heard)
    if (
        not rubric.whole.denies
        and recall(rubric.whole, together.held) >= VERBATIM
        and sum(said.values()) >= VERBATIM * len(said)
    ):
        return _denied_share(rubric.whole, together) > 0.5
    return bool(heard) and all(single.untrue for single in heard)


def _said(heard: Sequence[Heard]) -> dict[str, bool]:
    """Every word that says something, and whether it is the question's."""
    found: dict[str, bool] = {}
    for single in heard:
        for held, word in zip(single.each, single.said, strict=True):
            if word.says_something and word.text not in reading.NEGATIONS:
                found[word.text] = found.get(word.text, False) or bool(held)
    return found


def mostly_denies(singles: Sequence[Heard]) -> bool:
    """Whether most of what an answer says of the question stands in denying clauses; a contrast affirms as much."""
    hits = [
        word.denied
        for single in singles
        for held, word in zip(single.each, single.said, strict=True)
        if held and single.held and word.says_something
    ]
    return sum(hits) >= DENIED * len(hits)


# --- misconceptions -----------------------------------------------------------------------------------------


def mistakes(rubric: Rubric, singles: Sequence[Heard]) -> list[Mistake]:
    """The misconceptions that a sentence states clearly better than it states the key point they block."""
    said = {point.id: phrasings for point, phrasings in rubric.points}
    found = []
    for (misconception, claims), (index, sentence) in product(rubric.misconceptions, enumerate(singles)):
        stated = [claim for claim in claims if _content_recall(claim, sentence.held) >= CLAIMED]
        if not stated:
            continue
        right = max(
            (_content_recall(one, sentence.held) for one in said.get(misconception.blocks or "", ())), default=0.0
        )
        for claim in stated:
            agrees = (_denied_share(claim, sentence) > 0.5) == claim.denies
            if agrees and _said_closely(claim, sentence, max(CLAIMED, right + CLEARLY)):
                found.append(Mistake(misconception, claim, index, sentence.typed))
    return found


def but_for(singles: Sequence[Heard], found: Sequence[Mistake]) -> list[Heard]:
    """The sentences without the words that state a mistake: these speak for no key point at all."""
    left = list(singles)
    for mistake in found:
        heard, wrong = left[mistake.index], {stem for _, stem, _ in mistake.claim.words}
        left[mistake.index] = replace(heard, held={stem: v for stem, v in heard.held.items() if stem not in wrong})
    return left


def _said_closely(claim: Phrasing, sentence: Heard, enough: float) -> bool:
    """Whether a sentence holds enough of a claim in one short stretch."""
    if _content_recall(claim, sentence.held) < enough:
        return False
    width = len(claim.words) + SPREAD
    starts = range(max(1, len(sentence.each) - width + 1))
    return any(_content_recall(claim, _most(sentence.each[at : at + width])) >= enough for at in starts)


def _content_recall(phrasing: Phrasing, held: Mapping[str, float]) -> float:
    """The weighted share of a phrasing's words, but for small ones: a claim is not half made by "the" and "is"."""
    if phrasing.stems.isdisjoint(held):
        return 0.0
    found = sum([weight * held[stem] for stem, weight in phrasing.content if stem in held])
    return round(found / phrasing.content_total, 6) if phrasing.content_total else 0.0
