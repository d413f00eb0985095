"""The strict rules of nnquestion's own bank: what every entry must hold so that it can be graded, read and trusted.

`read_bank` takes `check_profile` as its profile. A rule is a function that looks at one question and yields what it
holds against it; where a value stands in the file is the reader's business.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Collection, Container, Iterator
from typing import Final

from bot.core.bank import Finding, Severity, Where
from bot.core.model import Bank, ExemplarKind, KeyPoint, Question, Reference, Status
from bot.core.text import stem, words

SECTIONS: Final = ("fundamentals", "advanced", "scenario", "practical")

_WRITTEN: Final = (
    *("version", "status", "section", "difficulty", "fits", "minutes", "topics", "related", "key_points"),
    *("misconceptions", "hints", "follow_ups", "exemplars", "references"),
)
_EXEMPLARS: Final = {
    ExemplarKind.FULL: 2,
    ExemplarKind.PARTIAL: 2,
    ExemplarKind.SHORT: 1,
    ExemplarKind.WRONG: 1,
    ExemplarKind.DENIAL: 1,
    ExemplarKind.KEYWORDS: 1,
}
_FEWEST_WORDS: Final = 5
"""A shorter message does not start an answer, so it is no example of one."""

_MOST_OF_PROMPT: Final = 0.6
"""Of a key point's words at most this share may be the prompt's: handing the prompt back must earn nothing."""

_MOST_IN_HINT: Final = 0.75
_BANNED: Final = re.compile(
    r"\b(?:always|solve[sd]?|ensur(?:e[sd]?|ing)|simply|obviously|crucial(?:ly)?|powerful|delv(?:e[sd]?|ing)"
    r"|leverag(?:e[sd]?|ing)|robust(?:ly)?|play(?:s|ing)? an? (?:\w+ )?role)\b",
    re.IGNORECASE,
)
_GUARANTEE: Final = re.compile(r"\bguarante(?:e[sd]?|eing)\b", re.IGNORECASE)
_DENIED: Final = re.compile(
    r"\b(?:no|not|nor|never|neither|nothing|without|cannot)\b|n't\b|guarantees? (?:nothing|no)\b", re.IGNORECASE
)
_SENTENCE: Final = re.compile(r"[^.!?\n]+")
_FENCED: Final = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_INLINE: Final = re.compile(r"`[^`\n]*`")

_Rule = Callable[[Question], Iterator[Finding]]


def check_profile(bank: Bank, written: Container[Where]) -> Iterator[Finding]:
    """What the bank's own rules hold against it. `written` are the places of all values in the file."""
    if ("schema_version",) not in written:
        yield Finding(path=(), message='the file has no "schema_version"; add schema_version: 1')
    for i, question in enumerate(bank.questions):
        here: Where = ("questions", i)
        for key in (key for key in _WRITTEN if (*here, key) not in written):
            yield Finding(path=(*here, key), message=f'"{question.slug}" has no "{key}"; add it')
        if question.status is Status.REVIEWED and (*here, "reviewed") not in written:
            yield Finding(
                path=(*here, "reviewed"), message=f'"{question.slug}" is reviewed without a date; add "reviewed"'
            )
        for rule in _RULES:
            for found in rule(question):
                path = (*here, *found.path)
                # A key that is not there has been asked for above.
                if path[:3] in written:
                    yield Finding(path=path, message=found.message, row=found.row, severity=found.severity)
    yield from _one_sided(bank)


def _one_sided(bank: Bank) -> Iterator[Finding]:
    related = {question.id: question.related for question in bank.questions}
    for i, question in enumerate(bank.questions):
        for j, other in enumerate(question.related):
            if question.id not in related.get(other, (question.id,)):
                slug = other.partition(":")[2]
                message = f'"{question.slug}" is related to "{slug}", which does not say so; add it there'
                yield Finding(path=("questions", i, "related", j), message=message)


# --- the rules of one question; paths begin at the question ----------------------------------------------------


def _counts(question: Question) -> Iterator[Finding]:
    essentials = sum(point.essential for point in question.key_points)
    for key, what, count, least, most in (
        ("topics", "topics", len(question.topics), 1, 4),
        ("key_points", "key points", len(question.key_points), 4, 6),
        ("key_points", "essential key points", essentials, 2, 4),
        ("misconceptions", "misconceptions", len(question.misconceptions), 2, 3),
        ("hints", "hints", len(question.hints), 1, 3),
        ("follow_ups", "follow-ups", len(question.follow_ups), 1, 2),
        ("references", "references", len(question.references), 1, 3),
    ):
        if not least <= count <= most:
            yield Finding(path=(key,), message=f'"{question.slug}" has {count} {what}; make it {least} to {most}')


def _section(question: Question) -> Iterator[Finding]:
    if question.section not in SECTIONS:
        message = f'section of "{question.slug}" is "{question.section}"; choose {", ".join(SECTIONS)}'
        yield Finding(path=("section",), message=message)


def _answer(question: Question) -> Iterator[Finding]:
    what, text = f'answer of "{question.slug}"', question.answer
    if not 700 <= len(text) <= 1200:
        message = f"{what} has {len(text):,} characters; 700 to 1,200 read best"
        yield Finding(path=("answer",), message=message, severity=Severity.ADVICE)
    if len(re.findall("^ *```", text, re.MULTILINE)) % 2:
        yield Finding(path=("answer",), message=f"{what} opens a ``` that it does not close; close it")
    # The lines must stay where they are, so code is blanked, not cut out.
    prose = _FENCED.sub(lambda code: "\n" * code[0].count("\n"), text)
    for row, line in enumerate(prose.split("\n")):
        if line.replace("```", "").count("`") % 2:
            yield Finding(path=("answer",), message=f"{what} opens a ` that its line does not close; close it", row=row)
        plain = _INLINE.sub(" ", line)
        if plain.count("**") % 2:
            yield Finding(
                path=("answer",), message=f"{what} opens a ** that its line does not close; close it", row=row
            )
        for word in _overstated(plain):
            message = f'{what} says "{word}"; say what is true in plainer words'
            yield Finding(path=("answer",), message=message, row=row)


def _overstated(line: str) -> Iterator[str]:
    yield from (found[0] for found in _BANNED.finditer(line))
    for sentence in _SENTENCE.findall(line):
        if not _DENIED.search(sentence):
            yield from (found[0] for found in _GUARANTEE.finditer(sentence))


def _code(question: Question) -> Iterator[Finding]:
    if question.code is None:
        return
    what, source = f'code of "{question.slug}"', question.code.source
    if question.code.lang != "python":
        yield Finding(path=("code", "lang"), message=f"lang of {what} is no python; write python")
        return
    count = len(source.splitlines())
    if count > 24:
        yield Finding(path=("code", "source"), message=f"{what} has {count} lines; keep it to 24")
    try:
        ast.parse(source)
    except SyntaxError as error:
        row = max((error.lineno or 1) - 1, 0)
        yield Finding(path=("code", "source"), message=f"{what} is not Python ({error.msg}); mend it", row=row)
    except (ValueError, RecursionError, MemoryError) as error:
        yield Finding(path=("code", "source"), message=f"{what} is not Python ({error}); mend it")


def _key_points(question: Question) -> Iterator[Finding]:
    asked = _content(question.prompt)
    for i, point in enumerate(question.key_points):
        what, at = _named(point, question), ("key_points", i)
        count = len(point.text.split())
        if not 4 <= count <= 12:
            yield Finding(path=(*at, "text"), message=f"{what} has {count} words; say it in 4 to 12")
        if _share(point.text, asked) > _MOST_OF_PROMPT:
            message = f"{what} repeats words of the prompt; say it as a learner would"
            yield Finding(path=(*at, "text"), message=message)
        if len(point.any_of) < 3:
            message = f"{what} has {len(point.any_of)} phrasings in any_of; give 4 to 8, at least 3"
            yield Finding(path=(*at, "any_of"), message=message)
        for j, phrasing in enumerate(point.any_of):
            if _share(phrasing, asked) == 1:
                message = f"phrasing {j + 1} of {what} says nothing but words of the prompt; add what answers it"
                yield Finding(path=(*at, "any_of", j), message=message)


def _misconceptions(question: Question) -> Iterator[Finding]:
    for i, claim in enumerate(question.misconceptions):
        what, at = f'misconception {i + 1} of "{question.slug}"', ("misconceptions", i)
        if claim.blocks is None:
            yield Finding(path=(*at, "blocks"), message=f"{what} blocks no key point; name the one it denies")
        if not claim.cues:
            yield Finding(path=(*at, "cues"), message=f"{what} has no cues; add how a learner would type it")


def _hints(question: Question) -> Iterator[Finding]:
    # Short phrasings are left out: two words of a subject stand in any hint about it.
    phrasings = [
        (point, said)
        for point in question.key_points
        for text in (point.text, *point.any_of)
        if len(said := _content(text)) >= 3
    ]
    for i, hint in enumerate(question.hints):
        hinted = _content(hint)
        given = {point.id for point, said in phrasings if len(said & hinted) >= _MOST_IN_HINT * len(said)}
        for point in sorted(given):
            message = f'hint {i + 1} of "{question.slug}" gives key point "{point}" away; hint at it in other words'
            yield Finding(path=("hints", i), message=message)


def _exemplars(question: Question) -> Iterator[Finding]:
    counts = Counter(sample.kind for sample in question.exemplars)
    for kind, wanted in _EXEMPLARS.items():
        if counts[kind] != wanted:
            message = f'"{question.slug}" has {counts[kind]} exemplars of kind {kind}; make it {wanted}'
            yield Finding(path=("exemplars",), message=message)
    essential = {point.id for point in question.key_points if point.essential}
    for i, sample in enumerate(question.exemplars):
        what = f'{sample.kind} exemplar {i + 1} of "{question.slug}"'
        earned = essential.intersection(sample.earns)
        if len(sample.text.split()) < _FEWEST_WORDS:
            message = f"{what} has fewer than {_FEWEST_WORDS} words, which is no answer; write more"
            yield Finding(path=("exemplars", i, "text"), message=message)
        match sample.kind:
            case ExemplarKind.FULL | ExemplarKind.SHORT:
                fault = "must earn every essential key point" if earned != essential else ""
            case ExemplarKind.PARTIAL:
                fault = "must earn an essential key point, but not all" if not earned or earned == essential else ""
            case _:
                fault = "must earn nothing" if sample.earns else ""
        if fault:
            yield Finding(path=("exemplars", i, "earns"), message=f"{what} {fault}; mend its text or its earns")


def _references(question: Question) -> Iterator[Finding]:
    for i, source in enumerate(question.references):
        what, at = f'reference {i + 1} of "{question.slug}"', ("references", i)
        if not (source.arxiv or source.doi or source.isbn or source.url):
            yield Finding(path=at, message=f"{what} cannot be looked up; add arxiv, doi, isbn or url")
        if not source.authors:
            yield Finding(path=(*at, "authors"), message=f"{what} has no authors; add them")
        if not _isbn_adds_up(source):
            yield Finding(path=(*at, "isbn"), message=f"isbn of {what} has a wrong digit; look it up again")


_RULES: Final[tuple[_Rule, ...]] = (
    *(_counts, _section, _answer, _code, _key_points, _misconceptions, _hints, _exemplars, _references),
)


# --- words ------------------------------------------------------------------------------------------------------


def _content(text: str) -> frozenset[str]:
    """The stems of the words that say something, read as answers are read."""
    return frozenset(stem(word.text) for word in words(text) if word.says_something)


def _share(text: str, of: Collection[str]) -> float:
    """How much of what `text` says is among the stems."""
    said = _content(text)
    return len(said.intersection(of)) / len(said) if said else 1.0


def _named(point: KeyPoint, question: Question) -> str:
    return f'key point "{point.id}" of "{question.slug}"'


def _isbn_adds_up(source: Reference) -> bool:
    """Whether the check digit fits: digits count once and three times in turn, and the sum is a multiple of ten."""
    digits = [int(digit) for digit in (source.isbn or "").replace("-", "") if digit.isdigit()]
    return (sum(digits[::2]) + 3 * sum(digits[1::2])) % 10 == 0
