"""Read a bank: YAML text in, a `Bank` out, or every problem of the file at once with its line and its mend."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Final

from bot.core.bank_nodes import Kind, read_nodes
from bot.core.bank_values import Fields, Report, TextRule, Where, quoted
from bot.core.model import (
    Bank,
    Code,
    Exemplar,
    ExemplarKind,
    Fits,
    KeyPoint,
    Misconception,
    Question,
    QuestionId,
    Reference,
    Status,
)

__all__ = [
    "KEYS",
    "NEEDED",
    "BankError",
    "Finding",
    "Problem",
    "Profile",
    "Severity",
    "Where",
    "check_bank",
    "examine_bank",
    "read_bank",
]


class Severity(StrEnum):
    """Whether a problem is a fault, something to look at, or something to know."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong at one place of a bank's file and how to mend it. Lines and columns count from 1.

    The column is shown where the fault is in how the file is written.
    """

    file: str
    line: int
    column: int
    message: str
    severity: Severity = Severity.ERROR
    shows_column: bool = False

    def __str__(self) -> str:
        severity = "" if self.severity is Severity.ERROR else f"{self.severity}: "
        column = f" (column {self.column})" if self.shows_column else ""
        # A message may quote an id with lines in it; a problem is one line.
        return f"{self.file}:{self.line}: {severity}{' '.join(self.message.split())}{column}"


class BankError(Exception):
    """A bank cannot be read. Carries every problem of its file, in line order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: Final = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a profile holds against a value. `row` counts lines inside a text that is written below a `|`, from 0."""

    path: Where
    message: str
    row: int | None = None
    severity: Severity = Severity.ERROR


Profile = Callable[[Bank, Container[Where]], Iterable[Finding]]
"""Stricter rules for a bank of one's own: it gets the bank and the paths that are written in the file."""


def read_bank(text: str, name: str, profile: Profile | None = None) -> Bank:
    """The bank in `text`. `name` is what problems call the file; raises BankError if any of them is an error."""
    bank, problems = examine_bank(text, name, profile)
    if any(problem.severity is Severity.ERROR for problem in problems):
        raise BankError(problems)
    return bank


def check_bank(text: str, name: str, profile: Profile | None = None) -> tuple[Problem, ...]:
    """Every problem of a bank in line order, whatever its severity; nothing is raised."""
    return examine_bank(text, name, profile)[1]


def examine_bank(text: str, name: str, profile: Profile | None = None) -> tuple[Bank, tuple[Problem, ...]]:
    """The bank as far as it can be read, and every problem; values that have one are left empty or as they are."""
    root, faults = read_nodes(text)
    report = Report(KEYS, NEEDED, faults)
    bank = _bank(Fields(report, root, "bank file", "the file", ()))
    _links(report, bank)
    bank = _as_if_mutual(report, bank)
    problems = [Problem(name, fault.line, fault.column, fault.message, shows_column=True) for fault in report.faults]
    if profile is not None and root.kind is Kind.MAPPING:
        problems += _held_against(report, name, profile(bank, report.nodes.keys()))
    return bank, tuple(sorted(problems, key=lambda problem: (problem.line, problem.column)))


def _held_against(report: Report, name: str, findings: Iterable[Finding]) -> Iterator[Problem]:
    """What a profile found, save in values that have a problem already."""
    for finding in findings:
        if finding.path in report.counted:
            continue
        upwards = [finding.path[:end] for end in range(len(finding.path), -1, -1)]
        if report.broken.isdisjoint(upwards[:-1]) and not _judged_by_a_fault(finding.path, report.broken):
            node = next(report.nodes[at] for at in upwards if at in report.nodes)
            line = node.row + finding.row if finding.row is not None and node.row else node.line
            yield Problem(name, line, node.column, finding.message, finding.severity)


def _judged_by_a_fault(path: Where, broken: Container[Where]) -> bool:
    """Whether a finding follows from a fault beside it: in what an exemplar earns or is, or in a reference's id."""
    if path[2:3] == ("exemplars",) and len(path) > 3:
        entry = path[:4]
        return (*entry, "kind") in broken or any((*entry, "earns", i) in broken for i in range(10))
    if path[2:3] == ("references",) and len(path) == 4:
        return any((*path, key) in broken for key in ("arxiv", "doi", "isbn", "url"))
    return False


# --- the entries: every key that a bank may hold, and what it may say -------------------------------------------

KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "bank file": ("bank", "questions", "topics", "schema_version"),
    "bank": ("id", "title", "version", "language", "licence", "profile"),
    "question": (
        *("id", "prompt", "answer", "version", "seed", "status", "reviewed", "section", "difficulty", "fits"),
        *("minutes", "topics", "related", "code", "key_points", "misconceptions", "hints", "follow_ups"),
        *("exemplars", "references"),
    ),
    "code": ("lang", "source", "needs"),
    "key point": ("id", "text", "any_of", "weight", "essential"),
    "misconception": ("claim", "why", "blocks", "cues"),
    "exemplar": ("kind", "text", "earns"),
    "reference": ("title", "year", "authors", "arxiv", "doi", "isbn", "url", "where"),
}
"""The keys of each kind of entry; the needed ones come first."""

NEEDED: Final[Mapping[str, int]] = {
    "bank file": 2,
    "bank": 5,
    "question": 3,
    "code": 2,
    "key point": 2,
    "misconception": 2,
    "exemplar": 2,
    "reference": 2,
}
"""How many of the keys cannot be left out."""


_SLUG: Final = TextRule(48, "[a-z0-9]+(-[a-z0-9]+)*", "use lower-case letters, digits and single hyphens")
_LINE: Final = TextRule(240)
_PHRASE: Final = TextRule(200)
_SAMPLE: Final = TextRule(3000, lines=True)
_VERSION: Final = TextRule(20, r"[0-9]+\.[0-9]+\.[0-9]+", 'use three numbers, such as "1.0.0"')
_LANGUAGE: Final = TextRule(5, "[a-z]{2}(-[A-Z]{2})?", "use a code such as en or en-US")
_DAY: Final = TextRule(10, "[0-9]{4}-[0-9]{2}-[0-9]{2}", 'use the form "2026-01-31"')
_ARXIV: Final = TextRule(
    24, r"([0-9]{4}\.[0-9]{4,5}|[a-z-]+(\.[A-Z]{2})?/[0-9]{7})(v[0-9]+)?", 'use the form "1603.06560"'
)
_DOI: Final = TextRule(120, r"10\.[0-9]{4,9}/\S+", 'use the form "10.1038/nature14539", without https://doi.org/')
_ISBN: Final = TextRule(17, "97[89](-?[0-9]){10}", "use the 13 digits that begin with 978 or 979")
_URL: Final = TextRule(300, r"https://\S+", "use an address that begins with https://")


def _bank(file: Fields) -> Bank:
    file.whole_number("schema_version", 1, 1)
    about = file.entry("bank", "bank", "the bank")
    bank, language = about.text("id", _SLUG), about.text("language", _LANGUAGE)
    if _LANGUAGE.fault(language):  # It is told. The rest is looked at as what most banks are in.
        language = "en"
    return Bank(
        id=bank,
        title=about.text("title", TextRule(80)),
        version=about.text("version", _VERSION),
        language=language,
        licence=about.text("licence", TextRule(80)),
        profile=about.text("profile", _SLUG),
        topics=file.table("topics", _SLUG, TextRule(60)),
        questions=tuple(
            replace(_question(question, bank), language=language)
            for question in file.entries("questions", "question", least=1)
        ),
    )


def _question(of: Fields, bank: str) -> Question:
    return Question(
        id=QuestionId(f"{bank}:{of.text('id', _SLUG)}"),
        prompt=of.text("prompt", _LINE),
        answer=of.text("answer", TextRule(1800, lines=True)),
        version=of.whole_number("version", 1, 9999, default=1),
        seed=of.whole_number("seed", 1, 9999) or None,
        status=of.one_of("status", Status.DRAFT),
        reviewed=_day(of, "reviewed"),
        section=of.text("section", TextRule(40)),
        difficulty=of.whole_number("difficulty", 1, 3, default=1),
        fits=of.one_of("fits", Fits.DAILY),
        minutes=of.whole_number("minutes", 1, 10, default=3),
        topics=of.texts("topics", _SLUG, most=4),
        related=tuple(QuestionId(f"{bank}:{slug}") for slug in of.texts("related", _SLUG, most=12)),
        code=_code(of.entry("code", "code", f"code of {of.what}")) if of.has("code") else None,
        key_points=tuple(_key_point(point) for point in of.entries("key_points", "key point", most=10)),
        misconceptions=tuple(_misconception(claim) for claim in of.entries("misconceptions", "misconception", most=6)),
        hints=of.texts("hints", _LINE, most=3),
        follow_ups=of.texts("follow_ups", _LINE, most=3),
        exemplars=tuple(_exemplar(sample) for sample in of.entries("exemplars", "exemplar", most=40)),
        references=tuple(_reference(source) for source in of.entries("references", "reference", most=5)),
    )


def _day(of: Fields, key: str) -> date | None:
    text = of.text(key, _DAY)
    if not text or _DAY.fault(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        of.day(key, _DAY)  # which says so
        return None


def _code(of: Fields) -> Code:
    return Code(
        lang=of.text("lang", TextRule(20)),
        source=of.text("source", TextRule(1200, lines=True)),
        needs=of.texts("needs", TextRule(40), most=6),
    )


def _key_point(of: Fields) -> KeyPoint:
    return KeyPoint(
        id=of.text("id", _SLUG),
        text=of.text("text", TextRule(160)),
        any_of=of.texts("any_of", _PHRASE, most=20),
        weight=of.whole_number("weight", 1, 3, default=1),
        essential=of.flag("essential"),
    )


def _misconception(of: Fields) -> Misconception:
    return Misconception(
        claim=of.text("claim", _LINE),
        why=of.text("why", _LINE),
        blocks=of.text("blocks", _SLUG) or None,
        cues=of.texts("cues", _PHRASE, most=10),
    )


def _exemplar(of: Fields) -> Exemplar:
    return Exemplar(
        kind=of.one_of("kind", ExemplarKind.FULL),
        text=of.text("text", _SAMPLE),
        earns=of.texts("earns", _SLUG, most=10),
    )


def _reference(of: Fields) -> Reference:
    return Reference(
        title=of.text("title", TextRule(160)),
        year=of.whole_number("year", 1600, 2100),
        authors=of.text("authors", TextRule(80)),
        arxiv=of.text("arxiv", _ARXIV) or None,
        doi=of.text("doi", _DOI) or None,
        isbn=of.text("isbn", _ISBN) or None,
        url=of.text("url", _URL) or None,
        where=of.text("where", TextRule(60)),
    )


def _as_if_mutual(report: Report, bank: Bank) -> Bank:
    """The bank with whatever names a question whose own `related` cannot be read: it would name them, too."""
    questions = []
    for i, question in enumerate(bank.questions):
        if ("questions", i, "related") in report.broken:
            question = replace(question, related=tuple(q.id for q in bank.questions if question.id in q.related))
        questions.append(question)
    return replace(bank, questions=tuple(questions))


def _links(report: Report, bank: Bank) -> None:
    """Ids must be unique where they are made, and exist where they are used."""
    report.unique([question.slug for question in bank.questions], "question", ("questions",))
    # Of a question in which the YAML breaks off only the id is known; it may be named all the same.
    slugs = [question.slug or report.nodes["questions", i].text for i, question in enumerate(bank.questions)]
    # One whose form is wrong is told once, not once more wherever it is named as it should be.
    slugs += [slug.lower() for slug in slugs if _SLUG.fault(slug)]
    for i, question in enumerate(bank.questions):
        here: Where = ("questions", i)
        of = f"of {quoted(question.slug)}" if question.slug else f"of question {i + 1}"
        points = [point.id for point in question.key_points]
        report.unique(points, f"key point {of}", (*here, "key_points"))
        if ("topics",) not in report.broken:
            report.known(question.topics, list(bank.topics), f"topic {{}} {of}", (*here, "topics"))
        others = [slug for slug in slugs if slug != question.slug]
        related = [other.partition(":")[2] for other in question.related]
        report.known(related, others, f"related question {{}} {of}", (*here, "related"))
        for j, claim in enumerate(question.misconceptions):
            blocked = f"key point {{}} that misconception {j + 1} {of} blocks"
            report.known([claim.blocks or ""], points, blocked, (*here, "misconceptions", j, "blocks"))
        for j, sample in enumerate(question.exemplars):
            earned = f"key point {{}} that exemplar {j + 1} {of} earns"
            report.known(sample.earns, points, earned, (*here, "exemplars", j, "earns"))
