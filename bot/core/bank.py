"""Read a bank: YAML text in, a `Bank` out, or every problem of the file at once with its line and its mend.

The file is read from the events of the parser into a tree that knows its lines: the ready-made loaders stop at
the first fault, forget where a value stood, let a key appear twice, and follow aliases.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Final, TypeVar

import yaml

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

Where = tuple[str | int, ...]
"""The way to a value from the top of the file, such as `("questions", 3, "key_points", 0, "text")`."""


class Severity(StrEnum):
    """Whether a problem keeps the bank from being read."""

    ERROR = "error"
    ADVICE = "advice"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong at one place of a bank's file and how to mend it. Lines and columns count from 1."""

    file: str
    line: int
    column: int
    message: str
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        advice = "advice: " if self.severity is Severity.ADVICE else ""
        # A message may quote an id with lines in it; a problem is one line.
        return f"{self.file}:{self.line}: {advice}{' '.join(self.message.split())}"


class BankError(Exception):
    """A bank cannot be read. Carries every problem of its file, in line order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: Final = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a profile holds against a value. `row` counts lines inside a text that is written below a `|`."""

    path: Where
    message: str
    row: int = 0
    severity: Severity = Severity.ERROR


Profile = Callable[[Bank, Container[Where]], Iterable[Finding]]
"""Stricter rules for a bank of one's own: it gets the bank and the paths that are written in the file."""


def read_bank(text: str, name: str, profile: Profile | None = None) -> Bank:
    """The bank in `text`. `name` is what problems call the file; raises BankError if any of them is an error."""
    bank, problems = _examine(text, name, profile)
    if any(problem.severity is Severity.ERROR for problem in problems):
        raise BankError(problems)
    return bank


def check_bank(text: str, name: str, profile: Profile | None = None) -> tuple[Problem, ...]:
    """Every problem of a bank in line order, advice included; nothing is raised."""
    return _examine(text, name, profile)[1]


def _examine(text: str, name: str, profile: Profile | None) -> tuple[Bank, tuple[Problem, ...]]:
    report = _Report(name)
    root = _tree(report, text)
    bank = _bank(_Fields(report, root, "bank file", "the file", ()))
    _links(report, bank)
    if profile is not None and root.kind is _Kind.MAPPING:
        report.take(profile(bank, report.nodes.keys()))
    return bank, report.in_order()


# --- the entries: every key that a bank may hold, and what it may say -------------------------------------------

KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "bank file": ("bank", "questions", "topics", "schema_version"),
    "bank": ("id", "title", "version", "language", "licence"),
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


@dataclass(frozen=True, slots=True)
class _Text:
    """What a text must be: its length, its form with the words that ask for it, and whether it may have lines."""

    most: int
    form: str = ""
    say: str = ""
    lines: bool = False


_SLUG: Final = _Text(48, "[a-z0-9]+(-[a-z0-9]+)*", "use lower-case letters, digits and single hyphens")
_LINE: Final = _Text(240)
_PHRASE: Final = _Text(200)
_SAMPLE: Final = _Text(3000, lines=True)
_VERSION: Final = _Text(20, r"[0-9]+\.[0-9]+\.[0-9]+", 'use three numbers, such as "1.0.0"')
_LANGUAGE: Final = _Text(5, "[a-z]{2}(-[A-Z]{2})?", "use a code such as en or en-US")
_DAY: Final = _Text(10, "[0-9]{4}-[0-9]{2}-[0-9]{2}", 'use the form "2026-01-31"')
_ARXIV: Final = _Text(
    24, r"([0-9]{4}\.[0-9]{4,5}|[a-z-]+(\.[A-Z]{2})?/[0-9]{7})(v[0-9]+)?", 'use the form "1603.06560"'
)
_DOI: Final = _Text(120, r"10\.[0-9]{4,9}/\S+", 'use the form "10.1038/nature14539", without https://doi.org/')
_ISBN: Final = _Text(17, "97[89](-?[0-9]){10}", "use the 13 digits that begin with 978 or 979")
_URL: Final = _Text(300, r"https://\S+", "use an address that begins with https://")


def _bank(file: _Fields) -> Bank:
    file.whole_number("schema_version", 1, 1)
    about = file.entry("bank", "bank", "the bank")
    bank = about.text("id", _SLUG)
    return Bank(
        id=bank,
        title=about.text("title", _Text(80)),
        version=about.text("version", _VERSION),
        language=about.text("language", _LANGUAGE),
        licence=about.text("licence", _Text(80)),
        topics=file.table("topics", _SLUG, _Text(60)),
        questions=tuple(_question(question, bank) for question in file.entries("questions", "question", least=1)),
    )


def _question(of: _Fields, bank: str) -> Question:
    of.day("reviewed")
    code = of.entry("code", "code", f"code of {of.what}") if of.has("code") else None
    return Question(
        id=QuestionId(f"{bank}:{of.text('id', _SLUG)}"),
        prompt=of.text("prompt", _LINE),
        answer=of.text("answer", _Text(1800, lines=True)),
        version=of.whole_number("version", 1, 9999, default=1),
        seed=of.whole_number("seed", 1, 9999) or None,
        status=of.one_of("status", Status.DRAFT),
        section=of.text("section", _Text(40)),
        difficulty=of.whole_number("difficulty", 1, 3, default=1),
        fits=of.one_of("fits", Fits.DAILY),
        minutes=of.whole_number("minutes", 1, 10, default=3),
        topics=of.texts("topics", _SLUG, most=4),
        related=tuple(QuestionId(f"{bank}:{slug}") for slug in of.texts("related", _SLUG, most=12)),
        code=_code(code) if code is not None else None,
        key_points=tuple(_key_point(point) for point in of.entries("key_points", "key point", most=10)),
        misconceptions=tuple(_misconception(claim) for claim in of.entries("misconceptions", "misconception", most=6)),
        hints=of.texts("hints", _LINE, most=3),
        follow_ups=of.texts("follow_ups", _LINE, most=3),
        exemplars=tuple(_exemplar(sample) for sample in of.entries("exemplars", "exemplar", most=40)),
        references=tuple(_reference(source) for source in of.entries("references", "reference", most=5)),
    )


def _code(of: _Fields) -> Code:
    return Code(
        lang=of.text("lang", _Text(20)),
        source=of.text("source", _Text(1200, lines=True)),
        needs=of.texts("needs", _Text(40), most=6),
    )


def _key_point(of: _Fields) -> KeyPoint:
    return KeyPoint(
        id=of.text("id", _SLUG),
        text=of.text("text", _Text(160)),
        any_of=of.texts("any_of", _PHRASE, most=20),
        weight=of.whole_number("weight", 1, 3, default=1),
        essential=of.flag("essential"),
    )


def _misconception(of: _Fields) -> Misconception:
    return Misconception(
        claim=of.text("claim", _LINE),
        why=of.text("why", _LINE),
        blocks=of.text("blocks", _SLUG) or None,
        cues=of.texts("cues", _PHRASE, most=10),
    )


def _exemplar(of: _Fields) -> Exemplar:
    return Exemplar(
        kind=of.one_of("kind", ExemplarKind.FULL),
        text=of.text("text", _SAMPLE),
        earns=of.texts("earns", _SLUG, most=10),
    )


def _reference(of: _Fields) -> Reference:
    return Reference(
        title=of.text("title", _Text(160)),
        year=of.whole_number("year", 1600, 2100),
        authors=of.text("authors", _Text(80)),
        arxiv=of.text("arxiv", _ARXIV) or None,
        doi=of.text("doi", _DOI) or None,
        isbn=of.text("isbn", _ISBN) or None,
        url=of.text("url", _URL) or None,
        where=of.text("where", _Text(60)),
    )


def _links(report: _Report, bank: Bank) -> None:
    """Ids must be unique where they are made, and exist where they are used."""
    slugs = [question.slug for question in bank.questions]
    report.unique(slugs, "question", ("questions",))
    for i, question in enumerate(bank.questions):
        here: Where = ("questions", i)
        of = f"of {_quoted(question.slug)}" if question.slug else f"of question {i + 1}"
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


# --- reading values, each fault noted with its line ------------------------------------------------------------


class _Kind(StrEnum):
    """What a value of the file is, in the words of a problem."""

    TEXT = "text"
    NUMBER = "a number"
    TRUTH = "yes or no"
    DATE = "a date"
    NOTHING = "empty"
    LIST = "a list"
    MAPPING = "a key with a value"
    REFUSED = "refused"
    """It has been reported already; whoever reads it stays silent."""


@dataclass(slots=True)
class _Node:
    """A value of the file where it stands. Lines count from 1; `row` is where the lines of a `|` text begin."""

    kind: _Kind
    line: int = 1
    column: int = 1
    text: str = ""
    row: int = 0
    items: list[_Node] = field(default_factory=list)
    pairs: list[tuple[_Node, _Node]] = field(default_factory=list)


class _Report:
    """The problems found so far, and where each value of the file stands."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.nodes: dict[Where, _Node] = {}
        self.broken: set[Where] = set()
        """The paths with a problem: no profile needs to complain there again."""
        self._problems: list[Problem] = []

    def add(self, path: Where, node: _Node, message: str) -> None:
        """An error at a node."""
        self.broken.add(path)
        self._problems.append(Problem(self.file, node.line, node.column, message))

    def take(self, findings: Iterable[Finding]) -> None:
        """What a profile found, save in values that have a problem already."""
        for finding in findings:
            upwards = [finding.path[:end] for end in range(len(finding.path), -1, -1)]
            if not self.broken.isdisjoint(upwards[:-1]):
                continue
            node = next(self.nodes[at] for at in upwards if at in self.nodes)
            line = node.row + finding.row if finding.row and node.row else node.line
            self._problems.append(Problem(self.file, line, node.column, finding.message, finding.severity))

    def in_order(self) -> tuple[Problem, ...]:
        """All problems by line."""
        return tuple(sorted(self._problems, key=lambda problem: (problem.line, problem.column)))

    def text(self, path: Where, node: _Node, what: str, rule: _Text) -> str:
        """A text that keeps its rule; the text as it is where it breaks the rule; empty where there is none."""
        self.nodes[path] = node
        match node.kind:
            case _Kind.TEXT:
                text = node.text.strip("\n").rstrip() if rule.lines else node.text.strip()
                if fault := _text_fault(text, rule):
                    self.add(path, node, f"{what} {fault}")
                return text
            case _Kind.NUMBER | _Kind.TRUTH | _Kind.DATE:
                self.add(path, node, f'{what} is read as {node.kind}; put it in quotes: "{_short(node.text)}"')
            case _Kind.MAPPING:
                self.add(path, node, f'{what} is read as a key with a value; put it in quotes because of its ": "')
            case _:
                self.expect(_Kind.TEXT, path, node, what)
        return ""

    def expect(self, kind: _Kind, path: Where, node: _Node, what: str) -> bool:
        """Whether a node is of a kind; if not, that is noted."""
        self.nodes[path] = node
        if node.kind is kind:
            return True
        if node.kind is _Kind.NOTHING:
            self.add(path, node, f"{what} is empty; fill it in or take the key out")
        elif node.kind is not _Kind.REFUSED:
            self.add(path, node, f"{what} is {node.kind}; write {kind}{_HOW.get(kind, '')}")
        return False

    def unique(self, ids: list[str], what: str, path: Where) -> None:
        """Notes every id that was there before."""
        first: dict[str, int] = {}
        for i, id in enumerate(ids):
            if id and first.setdefault(id, i) != i:
                at = (*path, i, "id")
                line = self.nodes[(*path, first[id], "id")].line
                self.add(
                    at,
                    self.nodes[at],
                    f"{_quoted(id)} is the id of an earlier {what} (line {line}); give this one another",
                )

    def known(self, ids: Iterable[str], known: list[str], what: str, path: Where) -> None:
        """Notes every id that names nothing. `what` has a place for the id."""
        for i, id in enumerate(ids):
            at = (*path, i) if (*path, i) in self.nodes else path
            if id and id not in known and at not in self.broken:
                self.add(
                    at,
                    self.nodes[at],
                    f"{what.replace('{}', _quoted(id))} does not exist; {_meant(id, known, 'take it out or add it')}",
                )


_HOW: Final = {
    _Kind.LIST: ': one "- " line for each item',
    _Kind.MAPPING: " on each of its lines",
    _Kind.NUMBER: " without quotes",
    _Kind.TRUTH: ": true or false",
}

_WHOLE_NUMBER: Final = re.compile("0|-?[1-9][0-9]{0,8}")

_Choice = TypeVar("_Choice", bound=StrEnum)


class _Fields:
    """One entry of the file, read key by key. `what` is how problems name it."""

    def __init__(self, report: _Report, node: _Node, kind: str, what: str, path: Where) -> None:
        self.what = what
        self._report, self._path = report, path
        self._values: dict[str, _Node] = {}
        if not report.expect(_Kind.MAPPING, path, node, what):
            return
        self._values = _values(report, node, what, path)
        keys = KEYS[kind]
        for name in self._values.keys() - set(keys):
            report.add(
                (*path, name),
                self._values[name],
                f"{what} has an unknown key {_quoted(name)}; {_meant(name, keys, 'take it out')}",
            )
        for name in keys[: NEEDED[kind]]:
            if name not in self._values:
                report.add((*path, name), node, f'{what} has no "{name}"; add it')

    def has(self, key: str) -> bool:
        """Whether the key is written."""
        return key in self._values

    def text(self, key: str, rule: _Text) -> str:
        """The text of a key, empty where there is none."""
        node = self._values.get(key)
        return self._report.text((*self._path, key), node, f"{key} of {self.what}", rule) if node else ""

    def whole_number(self, key: str, least: int, most: int, *, default: int = 0) -> int:
        """A number from `least` to `most`."""
        node = self._values.get(key)
        at, what = (*self._path, key), f"{key} of {self.what}"
        if node is None or not self._report.expect(_Kind.NUMBER, at, node, what):
            return default
        number = int(node.text) if _WHOLE_NUMBER.fullmatch(node.text) else None
        if number is None or not least <= number <= most:
            wanted = f"write {least}" if least == most else f"choose a whole number from {least} to {most}"
            self._report.add(at, node, f"{what} is {_short(node.text)}; {wanted}")
            return default
        return number

    def flag(self, key: str) -> bool:
        """True or false; false where nothing is said."""
        node = self._values.get(key)
        at, what = (*self._path, key), f"{key} of {self.what}"
        if node is None or not self._report.expect(_Kind.TRUTH, at, node, what):
            return False
        if node.text not in ("true", "false"):
            self._report.add(at, node, f"{what} is {node.text}; write true or false")
        return node.text.lower() in ("true", "yes", "on")

    def one_of(self, key: str, default: _Choice) -> _Choice:
        """A value of the default's enum."""
        text = self.text(key, _Text(3000))
        choices = {str(choice): choice for choice in type(default)}
        if text and text not in choices:
            at = (*self._path, key)
            message = f"{key} of {self.what} is {_quoted(text)}; choose {_either(choices)}"
            self._report.add(at, self._report.nodes[at], message)
        return choices.get(text, default)

    def day(self, key: str) -> None:
        """A date of the calendar, as text."""
        text, at = self.text(key, _DAY), (*self._path, key)
        if text and at not in self._report.broken and not _is_date(text):
            self._report.add(at, self._report.nodes[at], f"{key} of {self.what} is no day of the calendar; mend it")

    def texts(self, key: str, rule: _Text, *, most: int) -> tuple[str, ...]:
        """A list of different texts."""
        texts: list[str] = []
        for i, node in enumerate(self._items(key, 0, most)):
            at, what = (*self._path, key, i), f"item {i + 1} in {key} of {self.what}"
            text = self._report.text(at, node, what, rule)
            if text and text in texts:
                self._report.add(at, node, f"{what} is there twice; take one out")
            texts.append(text)
        return tuple(texts)

    def table(self, key: str, keys: _Text, values: _Text) -> dict[str, str]:
        """A mapping from ids to texts."""
        node = self._values.get(key)
        at = (*self._path, key)
        if node is None or not self._report.expect(_Kind.MAPPING, at, node, f"{key} of {self.what}"):
            return {}
        table = {}
        for name, value in _values(self._report, node, f"{key} of {self.what}", at).items():
            if fault := _text_fault(name, keys):
                self._report.add((*at, name), value, f"the id {_quoted(name)} in {key} {fault}")
            table[name] = self._report.text((*at, name), value, f"{_quoted(name)} in {key}", values)
        return table

    def entry(self, key: str, kind: str, what: str) -> _Fields:
        """The entry under a key; without any fields where there is none."""
        node = self._values.get(key, _Node(_Kind.REFUSED))
        return _Fields(self._report, node, kind, what, (*self._path, key))

    def entries(self, key: str, kind: str, *, least: int = 0, most: int = 100_000) -> list[_Fields]:
        """A list of entries. One that cannot be read is there too, without any fields, so that paths stay true."""
        return [
            _Fields(self._report, node, kind, self._called(kind, i, node), (*self._path, key, i))
            for i, node in enumerate(self._items(key, least, most))
        ]

    def _items(self, key: str, least: int, most: int) -> list[_Node]:
        node = self._values.get(key)
        at, what = (*self._path, key), f"{key} of {self.what}"
        if node is None or not self._report.expect(_Kind.LIST, at, node, what):
            return []
        if not least <= len(node.items) <= most:
            wanted = f"keep at most {most}" if node.items else f"add at least {least}"
            self._report.add(at, node, f"{what} has {len(node.items)} items; {wanted}")
        return node.items

    def _called(self, kind: str, i: int, node: _Node) -> str:
        id = next((value.text for name, value in node.pairs if name.text == "id" and value.text), "")
        if kind == "question":
            return _quoted(id) if id else f"question {i + 1}"
        return f"{kind} {_quoted(id) if id else i + 1} of {self.what}"


def _values(report: _Report, node: _Node, what: str, path: Where) -> dict[str, _Node]:
    """The values of a mapping by key. A value stands where its key stands, since that is where one looks for it."""
    values: dict[str, _Node] = {}
    for name, value in node.pairs:
        if name.kind is _Kind.REFUSED:
            continue
        if name.kind in (_Kind.LIST, _Kind.MAPPING, _Kind.NOTHING):
            report.add(path, name, f"a key of {what} is {name.kind}; write a word")
        elif name.kind is not _Kind.TEXT:
            report.add(path, name, f"the key {name.text} of {what} is read as {name.kind}; put it in quotes")
        elif name.text == "<<":
            report.add(path, name, f"the merge key << in {what} is not read; write the keys out")
        elif name.text in values:
            first = values[name.text].line
            report.add(
                (*path, name.text),
                name,
                f"{what} has the key {_quoted(name.text)} twice (first on line {first}); keep one",
            )
        else:
            value.line, value.column = name.line, name.column
            values[name.text] = value
    return values


def _text_fault(text: str, rule: _Text) -> str:
    if not text:
        return "is empty; fill it in or take it out"
    if not rule.lines and "\n" in text:
        return "has several lines; put it on one"
    if len(text) > rule.most:
        return f"has {len(text):,} characters; keep it to {rule.most:,}"
    if rule.form and not re.fullmatch(rule.form, text):
        return f"is {_quoted(text)}; {rule.say}"
    return ""


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 40 else f"{line[:39]}…"


def _quoted(text: str) -> str:
    return f'"{_short(text)}"'


def _either(words: Iterable[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def _meant(word: str, known: Iterable[str], otherwise: str) -> str:
    """The mend for a name that nothing has. Long names are not compared: that takes quadratic time."""
    close = difflib.get_close_matches(word, known, n=1) if len(word) <= 60 else []
    return f'did you mean "{close[0]}"?' if close else otherwise


# --- from text to nodes ----------------------------------------------------------------------------------------

# The C parser is some seven times faster; a PyYAML built without libyaml has only the other one.
_Loader: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_DEEPEST: Final = 20
"""A bank nests 6 deep. The parser takes quadratic time over thousands of brackets, so we stop long before."""

# What YAML calls not printable, and the breaks that count as lines for YAML but not for an editor.
_NOT_TEXT: Final = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)

_READ_AS: Final = {
    "int": _Kind.NUMBER,
    "float": _Kind.NUMBER,
    "bool": _Kind.TRUTH,
    "timestamp": _Kind.DATE,
    "null": _Kind.NOTHING,
}


def _tree(report: _Report, text: str) -> _Node:
    """The top of the file as a node; a refused one where there is no bank to read, and then that is reported."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.startswith("\ufeff"):
        report.add((), _Node(_Kind.REFUSED), "the file begins with a byte order mark; save it as UTF-8 without one")
        text = text[1:]
    for number, line in enumerate(text.split("\n"), start=1):
        if strange := _NOT_TEXT.search(line):
            where = _Node(_Kind.REFUSED, number, strange.start() + 1)
            report.add((), where, f"the line holds U+{ord(strange[0]):04X}, which is not text; remove it")
    # The top of the file is the one item of a list, so that it has a place to go like any other value.
    top = _Node(_Kind.LIST)
    if not _grow(report, top, _NOT_TEXT.sub(" ", text)):
        return _Node(_Kind.REFUSED)
    root = top.items[0] if top.items else _Node(_Kind.NOTHING)
    if root.kind not in (_Kind.MAPPING, _Kind.REFUSED):
        report.add((), root, f'the file is {root.kind}; begin it with "bank:" and "questions:"')
        return _Node(_Kind.REFUSED)
    return root


def _grow(report: _Report, top: _Node, text: str) -> bool:
    """Puts the nodes of the first document below `top`; false where the rest of the file cannot be read."""
    parser = _Loader(text)
    open_nodes = [top]
    last = top
    last_quoted = None
    try:
        while parser.check_event():
            event = parser.get_event()
            match event:
                case yaml.DocumentStartEvent() if top.items:
                    report.add((), _node(event, _Kind.REFUSED), "a second document begins here; keep one in a file")
                    return True
                case yaml.ScalarEvent():
                    last = _node(event, _scalar_kind(parser, event))
                    last.text = event.value
                    last.row = last.line + 1 if event.style == "|" else 0
                    last_quoted = event if event.style in ("'", '"') else None
                case yaml.SequenceStartEvent():
                    last = _node(event, _Kind.LIST)
                case yaml.MappingStartEvent():
                    last = _node(event, _Kind.MAPPING)
                case yaml.AliasEvent():
                    last = _node(event, _Kind.REFUSED)
                    # The value of a merge key: one problem is enough, and it is about the key.
                    if not (open_nodes[-1].items and open_nodes[-1].items[-1].text == "<<"):
                        report.add((), last, f"the alias *{event.anchor} is not followed; write the text out again")
                case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                    done = open_nodes.pop()
                    if done.kind is _Kind.MAPPING:
                        done.pairs = list(zip(done.items[::2], done.items[1::2], strict=True))
                    continue
                case _:
                    continue
            if not isinstance(event, yaml.AliasEvent):
                if event.anchor:
                    report.add((), last, f"the anchor &{event.anchor} is not read; take it out")
                if event.tag:
                    report.add(
                        (),
                        last,
                        "a value that begins with ! is a tag, which is not read; use quotes or take it out",
                    )
                    last.kind = _Kind.REFUSED if isinstance(event, yaml.ScalarEvent) else last.kind
            open_nodes[-1].items.append(last)
            if isinstance(event, yaml.CollectionStartEvent):
                open_nodes.append(last)
            if len(open_nodes) > _DEEPEST:
                report.add(
                    (),
                    last,
                    f"lists and keys are nested more than {_DEEPEST} deep; put a text with brackets in quotes",
                )
                return False
    except yaml.MarkedYAMLError as error:
        report.add((), *_in_plain_words(error, text.split("\n"), last_quoted))
        return False
    return True


def _node(event: Any, kind: _Kind) -> _Node:
    return _Node(kind, event.start_mark.line + 1, event.start_mark.column + 1)


def _scalar_kind(parser: Any, event: yaml.ScalarEvent) -> _Kind:
    tag: str = parser.resolve(yaml.ScalarNode, event.value, event.implicit)
    return _READ_AS.get(tag.rpartition(":")[2], _Kind.TEXT)


_SYNTAX: Final = (
    ("escape character", "a backslash cannot stand between double quotes; use single quotes"),
    (
        "mapping values are not allowed",
        'a ": " cannot stand here; put the value in quotes or mend the indentation',
    ),
    ("scanning an a", "a value cannot begin with * or &; put it in quotes"),
    (
        "scanning a block scalar",
        "nothing but a sign can follow | or >; put the text on the lines below, indented",
    ),
    ("tag", "a value that begins with ! is a tag, which is not read; put it in quotes"),
    ("block", "the line does not fit what is above; mend its indentation or its quotes"),
)
"""The parser's words, and ours. The first that fits counts."""


def _in_plain_words(error: yaml.MarkedYAMLError, lines: list[str], last_quoted: Any) -> tuple[_Node, str]:
    """Where a file stops being YAML, and how to mend it."""
    said = f"{error.context or ''} {error.problem or ''}"
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    source = lines[line - 1] if line <= len(lines) else ""
    opened = error.context_mark
    at = _Node(_Kind.REFUSED, line, column)
    if re.match(" *\t", source):
        return at, "the line is indented with a tab; use spaces"
    if opened and "quoted scalar" in said and "end of stream" in said:
        at.line, at.column = opened.line + 1, opened.column + 1
        return at, "a quote opens here and is never closed; close it"
    if last_quoted and last_quoted.start_mark.line < last_quoted.end_mark.line and "block" in said:
        # The usual reason: the quote was closed by the one that opens the next quoted value.
        at.line, at.column = last_quoted.start_mark.line + 1, last_quoted.start_mark.column + 1
        return at, f"a quote opens here and closes only on line {last_quoted.end_mark.line + 1}; close it"
    if opened and "flow" in said:
        at.line, at.column = opened.line + 1, opened.column + 1
        return (
            at,
            "a bracket opens here and is not closed as it should be; close it or put the value in quotes",
        )
    if opened and "simple key" in said:
        at.line, at.column = opened.line + 1, opened.column + 1
        return at, 'a line without a key; add "key: " or indent it like the text it belongs to'
    if "cannot start any token" in said:
        return at, f"a value cannot begin with {source[column - 1 : column]}; put it in quotes"
    ours = (words for theirs, words in _SYNTAX if theirs in said)
    return at, next(ours, f"the file is not YAML here ({error.problem}); mend the line")
