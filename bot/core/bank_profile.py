"""The strict rules of nnquestion's own bank: what every entry must hold so that it can be graded, read and trusted.

A bank that names the profile `nnquestion` is held to them by `bank check`; `read_bank` asks for none of it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping
from typing import Final

from bot.core.bank import Finding, Profile, Severity, Where
from bot.core.model import Bank, ExemplarKind, Question, Status

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
_LEAD_IN: Final = re.compile(r"- \*\*.+?\*\*")

_Rule = Callable[[Question], Iterator[Finding]]


def check_profile(bank: Bank, written: Container[Where]) -> Iterator[Finding]:
    """What the bank's own rules hold against it. `written` are the places of all values in the file."""
    if ("schema_version",) not in written:
        yield Finding(path=(), message='the file has no "schema_version"; add schema_version: 1')
    first: dict[int, str] = {}
    for i, question in enumerate(bank.questions):
        here: Where = ("questions", i)
        if question.seed is not None and (holder := first.setdefault(question.seed, question.slug)) != question.slug:
            message = f'"{question.slug}" has the seed of "{holder}"; give each its own'
            yield Finding(path=(*here, "seed"), message=message)
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


PROFILES: Final[Mapping[str, Profile]] = {"nnquestion": check_profile}
"""The profiles by the name that a bank gives."""


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
        yield Finding(path=("answer",), message=message, severity=Severity.WARNING)
    bullets = [line for line in text.split("\n") if line.startswith("- ")]
    if text.startswith("- ") or not 3 <= len(bullets) <= 5:
        message = f"{what} has {len(bullets)} bullets; answer in one or two sentences, then add 3 to 5 bullets"
        yield Finding(path=("answer",), message=message)
    for row, line in enumerate(text.split("\n")):
        if line.startswith("- ") and line.count("**") % 2 == 0 and not _LEAD_IN.match(line):
            message = f"{what} has a bullet without a bold lead-in; begin it with **what it is about.**"
            yield Finding(path=("answer",), message=message, row=row)


def _code(question: Question) -> Iterator[Finding]:
    if question.code is None:
        return
    what, source = f'code of "{question.slug}"', question.code.source
    if question.code.lang != "python":
        yield Finding(path=("code", "lang"), message=f"lang of {what} is not python; write python")
    if (count := len(source.splitlines())) > 24:
        yield Finding(path=("code", "source"), message=f"{what} has {count} lines; keep it to 24")


def _key_points(question: Question) -> Iterator[Finding]:
    for i, point in enumerate(question.key_points):
        what, at = f'key point "{point.id}" of "{question.slug}"', ("key_points", i)
        count = len(point.text.split())
        if not 4 <= count <= 12:
            yield Finding(path=(*at, "text"), message=f"{what} has {count} words; say it in 4 to 12")
        if len(point.any_of) < 3:
            message = f"{what} has {len(point.any_of)} phrasings in any_of; give 4 to 8, at least 3"
            yield Finding(path=(*at, "any_of"), message=message)


def _misconceptions(question: Question) -> Iterator[Finding]:
    for i, claim in enumerate(question.misconceptions):
        what, at = f'misconception {i + 1} of "{question.slug}"', ("misconceptions", i)
        if claim.blocks is None:
            yield Finding(path=(*at, "blocks"), message=f"{what} blocks no key point; name the one it denies")
        if not claim.cues:
            yield Finding(path=(*at, "cues"), message=f"{what} has no cues; add how a learner would type it")


def _exemplars(question: Question) -> Iterator[Finding]:
    counts = Counter(sample.kind for sample in question.exemplars)
    for kind, wanted in _EXEMPLARS.items():
        if counts[kind] != wanted:
            message = f'"{question.slug}" has {counts[kind]} exemplars of kind {kind}; make it {wanted}'
            yield Finding(path=("exemplars",), message=message)


def _references(question: Question) -> Iterator[Finding]:
    for i, source in enumerate(question.references):
        what, at = f'reference {i + 1} of "{question.slug}"', ("references", i)
        if not (source.arxiv or source.doi or source.isbn or source.url):
            yield Finding(path=at, message=f"{what} cannot be looked up; add arxiv, doi, isbn or url")
        if not source.authors:
            yield Finding(path=(*at, "authors"), message=f"{what} has no authors; add them")


_RULES: Final[tuple[_Rule, ...]] = (
    *(_counts, _section, _answer, _code, _key_points, _misconceptions, _exemplars, _references),
)
