"""Answers that should earn nothing, or no more than they had, made from a set's own questions."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.grading_data import Answered, Asked
from bot.core import text as reading

DONT_KNOW = (
    *("I don't know", "idk", "i dont know sorry", "No idea.", "I am not sure, sorry!", "pass", "dunno"),
    *("I can't remember this one", "no clue at all, we never had that"),
)
EMPTY = ("", "   ", "...", "?", "-", "👍")
ONE_LINERS = (
    "My brother plays the violin every Tuesday in a small church.",
    "The train to Hamburg was late and we missed the concert.",
    "I would rather paint the kitchen yellow before the guests arrive!",
    "Pizza is the best food on earth and nobody can tell me otherwise.",
    "good morning everyone, how was your weekend at the lake?",
)
_WAFFLE = (
    "This is a very interesting and important topic. In general it depends on many different factors and on the "
    "situation, and there are several aspects that have to be considered carefully. Experts have discussed it for a "
    "long time, and in practice it is widely used because of its many advantages. In conclusion, one can say that it "
    "plays a key role and should always be kept in mind."
)
_FILLER = (
    "That is what we talked about last time, and I think it is quite interesting.",
    "My neighbor told me a long story about her garden on the way to the station.",
    "Anyway, I hope that this is what you wanted to hear from me today.",
)
_OPPOSITES = """
    increases decreases, increase decrease, more less, higher lower, high low, large small, larger smaller,
    before after, first last, same different, open closed, always never, fast slow, faster slower, inside outside,
    positive negative, can cannot, with without, all none, maximum minimum, start end, input output, local global,
    public private, above below, left right, true false, on off, connected disconnected, static dynamic, reduces raises,
    best worst
"""
_SWAPPED = dict(pair for one, other in map(str.split, _OPPOSITES.split(",")) for pair in ((one, other), (other, one)))
_VERB = re.compile(r"\b(is|are|was|were|can|could|will|would|should|must|may|has|have|does|do)\b(?! not\b)")


@dataclass(frozen=True, slots=True)
class Attack:
    """A text that was made to fool, and for padding the honest answer that it pads."""

    kind: str
    question: str
    text: str
    honest: str = ""


def zero_effort(asked: Asked) -> Iterator[Attack]:
    """What must score exactly 0."""
    for kind, texts in (("empty", EMPTY), ("I don't know", DONT_KNOW), ("off-topic one-liner", ONE_LINERS)):
        yield from (Attack(kind, asked.id, text) for text in texts)
    yield Attack("question copied", asked.id, asked.prompt)


def denied(reference: str) -> tuple[str, str]:
    """A text denied sentence by sentence: as a whole, and by a "not" behind the verb where there is one."""
    said = [sentence.typed.strip(" -*") for sentence in reading.sentences(reference)]
    whole = " ".join(f"It is not true that {s[:1].lower() + s[1:]}" + ("" if s.endswith(".") else ".") for s in said)
    inside = [_VERB.sub(r"\1 not", s, count=1) if _VERB.search(s) else f"It is wrong that {s}" for s in said]
    return whole, " ".join(s if s.endswith(".") else f"{s}." for s in inside)


def keywords(reference: str) -> tuple[str, str]:
    """The words of a text that say something, listed with commas and without."""
    words = list(dict.fromkeys(w.text for s in reading.sentences(reference) for w in s.words if w.says_something))
    return ", ".join(words), " ".join(words)


def swapped(reference: str) -> str:
    """A text with words turned into their opposites, two or more; empty where there are fewer."""
    count = 0

    def turn(found: re.Match[str]) -> str:
        nonlocal count
        other = _SWAPPED.get(found[0].lower())
        count += other is not None
        return other or found[0]

    text = re.sub(r"[A-Za-z]+", turn, reference)
    return text if count >= 2 else ""


def attacks(asked: Mapping[str, Asked], answered: Sequence[Answered], seed: int) -> list[Attack]:
    """Every attack on every question; off-topic answers are answers to other questions of the same set."""
    draw = random.Random(seed)
    of: dict[str, list[Answered]] = {}
    for one in answered:
        of.setdefault(one.question, []).append(one)
    found: list[Attack] = []
    for id_ in sorted(asked):
        question = asked[id_]
        found += zero_effort(question)
        others = [name for name in sorted(of) if asked[name].set == question.set and name != id_]
        for _ in range(3 if others else 0):
            found.append(Attack("off topic", id_, draw.choice(of[draw.choice(others)]).text))
        topic = " ".join(dict.fromkeys(w.text for w in reading.words(question.prompt) if w.says_something))
        found.append(Attack("fluent waffle", id_, f"When we speak of {topic}: {_WAFFLE}"))
        found += [Attack("keywords", id_, text) for text in keywords(question.reference)]
        found += [Attack("denied", id_, text) for text in denied(question.reference)]
        if turned := swapped(question.reference):
            found.append(Attack("wrong but fluent", id_, turned))
        for one in draw.sample(of.get(id_, []), min(3, len(of.get(id_, [])))):
            for gap in (" ", "\n"):
                found.append(Attack("padded: repeated", id_, f"{one.text}{gap}{one.text}", one.text))
                found.append(Attack("padded: filler", id_, one.text + gap + gap.join(_FILLER), one.text))
    return found
