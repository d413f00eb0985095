"""Question banks as other programs hold them: JSON, CSV for spreadsheets, Anki's text files, a page of Markdown.

Whatever comes in is rewritten as a bank's own file, each line of which remembers where it came from, and is read by
the one reader of banks. So every form keeps the same rules and gets the same problems, told at the line of its source.

A CSV file has a row for each question and a column for each of its keys. Numbers and texts stand as they are, lists
and entries as JSON; topics and related questions may also be typed with commas, hints and follow-ups with a line for
each. The bank's own keys stand in the columns `bank_…`, in any one row. Only `prompt` and `answer` are needed. A cell
that a spreadsheet would take for a formula has an apostrophe before it, as has one that begins with an apostrophe; one
with signs that are no text is a JSON string behind an apostrophe.
"""

from __future__ import annotations

import codecs
import csv
import difflib
import hashlib
import html
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from io import StringIO
from typing import Any, Final

from bot.core.bank import KEYS, BankError, Problem, examine_bank
from bot.core.bank_nodes import Fault, Kind, Node
from bot.core.bank_writing import (
    NOT_TEXT,
    from_html,
    in_quotes,
    line_html,
    links,
    plain,
    program_html,
    to_html,
    to_markdown,
)
from bot.core.model import Bank, Question, Reference

__all__ = ["Form", "Header", "decode", "export", "import_entries"]

LARGEST: Final = 20_000_000
"""Bytes of a file, and characters of its text, that are read: some thousand questions with all that belongs to them."""

_LONGEST_CELL: Final = 1_000_000  # forty exemplars with their escapes
_DEEPEST: Final = 20
_MOST_VALUES: Final = 500_000
_MOST_IN_A_CELL: Final = 20_000
_MOST_QUESTIONS: Final = 10_000
_MOST_HEADINGS: Final = 100


class Form(StrEnum):
    """The forms in which a bank can be written; all but Markdown can be read, too."""

    JSON = "json"
    CSV = "csv"
    ANKI = "anki"
    MARKDOWN = "markdown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a bank is called where its file does not say so; id and title are else made from the file's name."""

    id: str = ""
    title: str = ""
    version: str = "1.0.0"
    language: str = "en"
    licence: str = "not stated"
    topics: Mapping[str, str] = field(default_factory=dict)
    """Titles for the topics of a file that has only their ids."""


def export(bank: Bank, form: Form) -> str:
    """The bank as a text. JSON and CSV hold all of it; spreadsheets read CSV right only if it is saved with a BOM."""
    match form:
        case Form.JSON:
            written = json.dumps(plain(bank), ensure_ascii=False, indent=2) + "\n"
            return NOT_TEXT.sub(lambda sign: f"\\u{ord(sign[0]):04x}", written)
        case Form.CSV:
            return _to_csv(bank)
        case Form.ANKI:
            return _to_anki(bank)
        case Form.MARKDOWN:
            return to_markdown(bank)


def import_entries(text: str, name: str, *, form: Form, into: Header = Header(), keep_status: bool = False) -> Bank:
    """The bank in a text of some form. Its entries are drafts without a date of review, unless `keep_status`.

    `name` is what problems call the file, and names a bank that has no id. Raises BankError with every problem. In a
    table the column of a problem is the number of the cell.
    """
    source = _Source()
    try:
        _read(source, text, form)
    except _Unreadable as stopped:
        raise BankError(_told([*source.faults, stopped.fault], name)) from None
    _complete(source.root, into, name)
    if not keep_status:
        for entry in _entries(source.root):
            _drop(entry, "status", "reviewed")
    lines = list(_written(source.root, "", source.root, ""))
    bank, problems = examine_bank("\n".join(line for line, _ in lines), name)
    faults = [*source.faults, *(_at_its_source(problem, [at for _, at in lines], source) for problem in problems)]
    if faults:
        raise BankError(_told(faults, name))
    return bank


def decode(content: bytes, name: str) -> str:
    """The text of a file: UTF-8 or UTF-16, as its first bytes say. Raises BankError, at the line, where it is neither.

    Line ends stay as they are.
    """
    if len(content) > LARGEST:
        raise BankError([Problem(name, 1, 1, _TOO_LARGE.format(len(content), "bytes"))])
    encoding = next((encoding for mark, encoding in _MARKS if content.startswith(mark)), "")
    if not encoding:
        # A text begins with an ASCII sign more often than not, so its other half is empty.
        encoding = {b"\0": "utf-16-be"}.get(content[:1], {b"\0": "utf-16-le"}.get(content[1:2], "utf-8"))
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as problem:
        line = content[: problem.start].decode(encoding, "ignore").count("\n") + 1
        message = f'this line is not {encoding[:6].upper()}; save the file as UTF-8 (in Excel: "CSV UTF-8")'
        raise BankError([Problem(name, line, 1, message)]) from problem


_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as the mark of UTF-16 does, so it comes first
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_TOO_MANY: Final = f"the file has more than {_MOST_QUESTIONS:,} questions; divide it"
_TOO_LARGE: Final = f"the file has {{:,}} {{}}; no more than {LARGEST:,} are read, so divide it"


# --- from any form to a bank's own file -------------------------------------------------------------------------


class _Unreadable(Exception):
    """Nothing behind this place can be read."""

    def __init__(self, line: int, column: int, message: str) -> None:
        self.fault: Final = Fault(line, column, message)
        super().__init__(message)


@dataclass(slots=True)
class _Source:
    """A file as far as it has been read: the nodes of a bank, what is wrong so far, and the names of its columns."""

    root: Node = field(default_factory=lambda: Node(Kind.MAPPING))
    faults: list[Fault] = field(default_factory=list)
    columns: dict[int, str] = field(default_factory=dict)

    def add(self, at: Node, message: str) -> None:
        """A fault at a place; in a table the column is named."""
        name = self.columns.get(at.column)
        self.faults.append(Fault(at.line, at.column, f'column "{name}": {message}' if name else message))


def _read(source: _Source, text: str, form: Form) -> None:
    if len(text) > LARGEST:
        raise _Unreadable(1, 1, _TOO_LARGE.format(len(text), "characters"))
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not text.strip():
        raise _Unreadable(1, 1, "the file is empty")
    for row, line in enumerate(lines):
        if strange := NOT_TEXT.search(line):
            message = f"the line holds U+{ord(strange[0]):04X}, which is not text; remove it"
            source.faults.append(Fault(row + 1, strange.start() + 1, message))
            lines[row] = NOT_TEXT.sub(" ", line)
            if len(source.faults) == 100:
                raise _Unreadable(row + 1, 1, "this is the hundredth such line, so the file is no text; save it as one")
    match form:
        case Form.JSON:
            _read_json(source, "\n".join(lines))
        case Form.CSV:
            _read_csv(source, lines)
        case Form.ANKI:
            _read_anki(source, lines)
        case Form.MARKDOWN:
            raise _Unreadable(1, 1, "a page of Markdown is for people and is not read; export the bank as json or csv")
    if len(entries := _entries(source.root)) > _MOST_QUESTIONS:
        raise _Unreadable(entries[_MOST_QUESTIONS].line, 1, _TOO_MANY)


def _told(faults: Iterable[Fault], name: str) -> list[Problem]:
    problems = [Problem(name, fault.line, max(fault.column, 1), fault.message) for fault in faults]
    return sorted(problems, key=lambda problem: (problem.line, problem.column))


_OTHER_LINE: Final = re.compile(r"(?<=line )\d+(?=\); (?:keep one|give this one another)$)")
_SAID_OF_YAML: Final = (
    (': one "- " line for each item', ': ["one", "two"]'),
    ("a key with a value on each of its lines", 'keys with values: {"key": "value"}'),
    ('is read as a key with a value; put it in quotes because of its ": "', "is keys with values; write text"),
)


def _at_its_source(problem: Problem, places: list[Node], source: _Source) -> Fault:
    """A problem of the file that we wrote, at the place that its line came from."""
    message = _OTHER_LINE.sub(lambda line: str(places[int(line[0]) - 1].line), problem.message)
    for of_yaml, ours in _SAID_OF_YAML:
        message = message.replace(of_yaml, ours)
    at = places[min(problem.line, len(places)) - 1]
    column = source.columns.get(at.column)
    return Fault(at.line, at.column, f'column "{column}": {message}' if column else message)


def _written(node: Node, start: str, at: Node, end: str) -> Iterator[tuple[str, Node]]:
    """The lines of a node as YAML, no two values on one, each with the place in the source that it came from."""
    match node.kind:
        case Kind.LIST:
            yield f"{start}[", at
            for item in node.items:
                yield from _written(item, "", item, ",")
            yield f"]{end}", at
        case Kind.MAPPING:
            yield f"{start}{{", at
            for key, value in node.pairs:
                # A longer key is no key for a parser of YAML, and in no bank anyway.
                yield from _written(value, f"{in_quotes(key.text[:200])}: ", key, ",")
            yield f"}}{end}", at
        case Kind.TEXT:
            yield f"{start}{in_quotes(node.text)}{end}", at
        case _:
            yield f"{start}{node.text}{end}", at


# --- nodes ------------------------------------------------------------------------------------------------------


def _get(node: Node | None, key: str, kind: Kind) -> Node | None:
    """The value of a key, if it is of a kind."""
    values = (value for name, value in (node.pairs if node else ()) if name.text == key)
    value = next(values, None)
    return value if value and value.kind is kind else None


def _has(node: Node, key: str) -> bool:
    return any(name.text == key for name, _ in node.pairs)


def _put(node: Node, key: str, value: Node) -> None:
    node.items += [Node(Kind.TEXT, value.line, value.column, key), value]


def _drop(node: Node, *keys: str) -> None:
    node.items = [item for pair in node.pairs if pair[0].text not in keys for item in pair]


def _text(text: str, at: Node) -> Node:
    return Node(Kind.TEXT, at.line, at.column, text)


def _texts(texts: Iterable[str], at: Node) -> Node:
    return Node(Kind.LIST, at.line, at.column, items=[_text(text, at) for text in texts])


def _entries(root: Node) -> list[Node]:
    questions = _get(root, "questions", Kind.LIST)
    return [entry for entry in questions.items if entry.kind is Kind.MAPPING] if questions else []


# --- what a file may leave out ----------------------------------------------------------------------------------

_SLUG: Final = re.compile("[a-z0-9]+(?:-[a-z0-9]+)*")
_LONGEST_SLUG: Final = 48


def _complete(top: Node, into: Header, name: str) -> None:
    """Fills in the bank's header, the table of its topics, and the ids of its questions."""
    stem = re.split(r"[\\/]", name)[-1].partition(".")[0]
    words = " ".join(re.split("[-_ ]+", stem)).strip()[:80]
    header = {
        "id": into.id or slug(stem) or "bank",
        "title": into.title or words[:1].upper() + words[1:] or "Questions",
        "version": into.version,
        "language": into.language,
        "licence": into.licence,
    }
    if not _has(top, "bank"):
        _put(top, "bank", Node(Kind.MAPPING))
    if about := _get(top, "bank", Kind.MAPPING):
        for key, value in header.items():
            if not _has(about, key):
                _put(about, key, _text(value, about))
    if not _has(top, "topics"):
        lists = (_get(entry, "topics", Kind.LIST) for entry in _entries(top))
        used = dict.fromkeys(
            topic.text for held in lists if held for topic in held.items if _SLUG.fullmatch(topic.text)
        )
        titles = Node(Kind.MAPPING)
        for topic in used:
            _put(titles, topic, _text(into.topics.get(topic) or topic.replace("-", " ").capitalize(), titles))
        if used:
            _put(top, "topics", titles)
    _make_ids(_entries(top))


def _make_ids(entries: list[Node]) -> None:
    """Ids from prompts, so that the same file makes the same ids again."""
    again = Counter[str]()
    taken = {given.text for entry in entries if (given := _get(entry, "id", Kind.TEXT))}
    for number, entry in enumerate(entries, start=1):
        if not _has(entry, "id"):
            prompt = _get(entry, "prompt", Kind.TEXT)
            words = prompt.text.strip() if prompt else ""
            digest = hashlib.sha256(words.encode()).hexdigest()[:8]
            made = slug(words) or f"question-{digest if words else number}"
            id = made
            while id in taken:
                again[made] += 1
                id = f"{made[: _LONGEST_SLUG - 6].rstrip('-')}-{again[made] + 1}"
            taken.add(id)
            _put(entry, "id", _text(id, entry))


def slug(text: str) -> str:
    """A text as an id: its words in small ASCII letters, as many as fit; empty where it has none."""
    plain_letters = unicodedata.normalize("NFKD", text[:1000]).encode("ascii", "ignore").decode().lower()
    words = re.findall("[a-z0-9]+", plain_letters.replace("'", ""))
    made = ""
    for word in words:
        longer = f"{made}-{word}" if made else word[:_LONGEST_SLUG]
        if len(longer) > _LONGEST_SLUG:
            break
        made = longer
    return made


# --- JSON -------------------------------------------------------------------------------------------------------


def _read_json(source: _Source, text: str) -> None:
    root = _Json(text, source).read()
    if root.kind is Kind.LIST:
        _put(source.root, "questions", root)
    elif root.kind is Kind.MAPPING:
        source.root = root
    else:
        message = f'the file is {root.kind}; begin it with {{"bank": …, "questions": …}}'
        raise _Unreadable(root.line, root.column, message)


_SPACE: Final = re.compile(r"(?P<line>\n)|[ \t]+")
_WORD: Final = re.compile(r"(?P<number>-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?)|true|false|null", re.ASCII)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_STRINGS: Final = json.JSONDecoder()
_IN_PLAIN_WORDS: Final = (
    ("Unterminated string", "a quote opens here and is never closed; close it"),
    ("control character", "a line ends or a tab stands between quotes; close the quote before it, or write \\n or \\t"),
    ("escape", "a backslash stands before what it cannot stand before; write two"),
)


class _Json:
    """A reader of JSON that remembers where each value stood; all that is in a cell stands `at` the cell."""

    def __init__(self, text: str, source: _Source, at: Node | None = None) -> None:
        self._text, self._source, self._at = text, source, at
        self._left = _MOST_VALUES if at is None else _MOST_IN_A_CELL
        self._position = self._line = self._line_begins = 0

    def read(self) -> Node:
        """The one value of the text; raises _Unreadable where it is no JSON."""
        node = self._value(0)
        if not self._comes(""):
            raise self._fault("the value ends before this; take the rest out")
        return node

    def _value(self, depth: int) -> Node:
        self._left -= 1
        if self._left < 0:
            raise self._fault("too many values to be read; divide them")
        if self._comes("["):
            return self._filled(self._node(Kind.LIST), "]", depth + 1)
        if self._comes("{"):
            return self._filled(self._node(Kind.MAPPING), "}", depth + 1)
        if self._text.startswith('"', self._position):
            return self._string()
        node = self._node(Kind.NUMBER)
        if not (word := _WORD.match(self._text, self._position)):
            raise self._fault("a value should stand here: a text in double quotes, a number, a list or keys")
        node.text, self._position = word[0], word.end()
        if not word["number"]:
            node.kind = Kind.NOTHING if word[0] == "null" else Kind.TRUTH
        return node

    def _filled(self, node: Node, close: str, depth: int) -> Node:
        """A list or mapping with what stands up to its end."""
        if depth > _DEEPEST:
            raise self._fault(f"lists and keys are nested more than {_DEEPEST} deep; a bank nests 6 deep")
        while not self._comes(close):
            if node.items and not self._comes(","):
                raise self._fault(f"a comma or a {close} should stand here; mend what is before it")
            if node.kind is Kind.MAPPING:
                self._comes("")
                node.items.append(self._string())
                if not self._comes(":"):
                    raise self._fault("a colon should stand here, between a key and its value")
            node.items.append(self._value(depth))
        return node

    def _string(self) -> Node:
        node = self._node(Kind.TEXT)
        if not self._text.startswith('"', self._position):
            raise self._fault("a key in double quotes should stand here; add it or take out the comma before it")
        try:
            node.text, self._position = _STRINGS.raw_decode(self._text, self._position)
        except json.JSONDecodeError as error:
            self._position = error.pos
            ours = (words for theirs, words in _IN_PLAIN_WORDS if theirs in error.msg)
            raise self._fault(next(ours, error.msg)) from None
        if _SURROGATE.search(node.text):
            self._source.add(node, "a \\u stands for half a sign; write the sign itself")
            node.text = _SURROGATE.sub("?", node.text)
        return node

    def _comes(self, sign: str) -> bool:
        """Whether a sign comes next, which is then read; without a sign, whether the text has ended."""
        while found := _SPACE.match(self._text, self._position):
            # No string holds the end of a line, so lines are counted between values alone.
            self._position = found.end()
            if found["line"]:
                self._line, self._line_begins = self._line + 1, self._position
        if not sign:
            return self._position == len(self._text)
        comes = self._text.startswith(sign, self._position)
        self._position += comes
        return comes

    def _node(self, kind: Kind) -> Node:
        # The bracket that opens a list has been read already.
        column = self._position - self._line_begins + (kind not in (Kind.LIST, Kind.MAPPING))
        return Node(kind, self._at.line, self._at.column) if self._at else Node(kind, self._line + 1, column)

    def _fault(self, message: str) -> _Unreadable:
        node = self._node(Kind.TEXT)
        return _Unreadable(node.line, node.column, message)


# --- tables -----------------------------------------------------------------------------------------------------


def _rows(lines: Iterable[str], delimiter: str, comment: str = "") -> Iterator[tuple[int, list[str]]]:
    """The rows of a table that hold anything, each with the line on which it begins."""
    # The limit belongs to the whole process; it is only ever raised, to what every caller here allows.
    csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_CELL))
    begins, fresh = 1, True

    def unread() -> Iterator[str]:
        nonlocal begins, fresh
        for number, line in enumerate(lines, start=1):
            if fresh:
                begins = number
            if not (fresh and comment and line.startswith(comment)):
                fresh = False
                yield f"{line}\n"

    reader = csv.reader(unread(), delimiter=delimiter, strict=True)
    rows = 0
    try:
        for cells in reader:
            fresh = True
            if any(cell.strip() for cell in cells):
                rows += 1
                yield begins, cells
            if rows > _MOST_QUESTIONS + 1:
                raise _Unreadable(begins, 1, _TOO_MANY)
    except csv.Error as error:
        raise _Unreadable(begins, 1, _mend_of_a_row(str(error))) from None


def _mend_of_a_row(error: str) -> str:
    if "limit" in error:
        return f"a cell of the row that begins here has more than {_LONGEST_CELL:,} characters; shorten it"
    if "end of data" in error:
        return "a quote opens in the row that begins here and is never closed; close it"
    return 'a quote closes within a cell of the row that begins here; write two ("") for each quote inside a cell'


_ENTRIES: Final = {
    "code": '{"lang": "python", "source": "print(1)"}',
    "key_points": '[{"id": "random", "text": "Units are dropped at random"}]',
    "misconceptions": '[{"claim": "It drops inputs for good", "why": "They come back"}]',
    "exemplars": '[{"kind": "full", "text": "It drops units at random"}]',
    "references": '[{"title": "Dropout", "year": 2014}]',
    "bank_topics": '{"regularization": "Regularization"}',
}
"""The columns that hold JSON, and how that looks."""

_LISTS: Final = {
    "topics": re.compile(r"[,;\s]+"),
    "related": re.compile(r"[,;\s]+"),
    "hints": re.compile("\n+"),
    "follow_ups": re.compile("\n+"),
}
"""The columns that hold lists, and what parts one that a person typed."""

_NUMBERS: Final = ("version", "seed", "difficulty", "minutes")
_BANK: Final = tuple(f"bank_{key}" for key in (*KEYS["bank"], "topics"))
COLUMNS: Final = (*KEYS["question"], *_BANK)
_NUMBER: Final = re.compile(r"-?[0-9]{1,9}(?:\.[0-9]{1,9})?")
_FORMULA: Final = re.compile("\\s*[=+\\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
"""How a cell begins that a spreadsheet may run; those of East Asia know the signs in their full width, too."""

_PUT_BEFORE: Final = re.compile(rf"'(?=(?:{_FORMULA.pattern}|'))")


def _to_csv(bank: Bank) -> str:
    written = plain(bank)
    about = {f"bank_{key}": value for key, value in written["bank"].items()}
    if "topics" in written:
        about["bank_topics"] = written["topics"]
    buffer = StringIO()
    table = csv.writer(buffer, lineterminator="\n")
    table.writerow(COLUMNS)
    for question in written["questions"]:
        row = {**question, **about}
        about = {}
        table.writerow([_cell(row[column]) if column in row else "" for column in COLUMNS])
    return buffer.getvalue()


def _cell(value: Any) -> str:
    if not isinstance(value, str):
        return NOT_TEXT.sub(lambda sign: f"\\u{ord(sign[0]):04x}", json.dumps(value, ensure_ascii=False))
    if NOT_TEXT.search(value):
        return f"'{in_quotes(value)}"
    return f"'{value}" if _FORMULA.match(value) or value.startswith("'") else value


def _typed(cell: str) -> str:
    """What `_cell` was given, or what a person typed: an apostrophe that stands for nothing stays."""
    if cell.startswith("'\""):
        try:
            text = str(json.loads(cell[1:]))
        except ValueError:
            return cell
        return cell if _SURROGATE.search(text) else text
    return cell[1:] if _PUT_BEFORE.match(cell) else cell


def _read_csv(source: _Source, lines: list[str]) -> None:
    if said := _EXCELS_SEPARATOR.fullmatch(lines[0]):
        # The other lines keep their numbers.
        lines = ["", *lines[1:]]
    delimiter = said[1] if said else _delimiter(next((line for line in lines if line.strip()), ""))
    rows = _rows(lines, delimiter)
    begins, headings = next(rows, (1, []))
    _name_columns(source, begins, headings)
    questions, about = Node(Kind.LIST, begins), dict[str, Node]()
    for line, cells in rows:
        entry, unread = Node(Kind.MAPPING, line, 0), set[str]()
        for number, cell in enumerate(cells, start=1):
            at, column = Node(Kind.REFUSED, line, number), source.columns.get(number, "")
            if not cell.strip() or (column and column not in COLUMNS):
                continue
            if not column:
                mend = f'empty it, or put a cell that holds a "{delimiter}" in quotes'
                source.add(at, f"the cell {in_quotes(cell[:40])} has no heading; {mend}")
                break
            if not (value := _value(source, column, _typed(cell), at)):
                unread.add(column)
            elif column in _BANK:
                _agree(source, about, column, value)
            else:
                _put(entry, column, value)
        if "key_points" in unread:
            # What names key points would all be wrong.
            _drop(entry, "misconceptions", "exemplars")
        if entry.items:
            questions.items.append(entry)
    _put_table(source, questions, about)


_EXCELS_SEPARATOR: Final = re.compile(r"sep=([,;\t|])", re.IGNORECASE)


def _delimiter(line: str) -> str:
    """What parts the headings: with the right sign most of them are names of columns."""

    def known(delimiter: str) -> int:
        return sum(_column(heading) in COLUMNS for heading in line[:5000].split(delimiter))

    return max(",;\t|", key=known)


def _column(heading: str) -> str:
    return re.sub(r"[\s-]+", "_", heading.strip().strip('"').strip().lower())


def _name_columns(source: _Source, line: int, headings: list[str]) -> None:
    for number, heading in enumerate(headings[:_MOST_HEADINGS], start=1):
        if not (name := _column(heading)):
            continue
        at = Node(Kind.REFUSED, line, number)
        if name in source.columns.values():
            source.add(at, f"the column {in_quotes(name)} is there twice; take one out")
            name = f"second {name}"
        elif name not in COLUMNS:
            close = difflib.get_close_matches(name[:60], COLUMNS, n=1)
            mend = f"did you mean {in_quotes(close[0])}?" if close else "take it out"
            source.add(at, f"the column {in_quotes(name[:40])} is unknown; {mend}")
        source.columns[number] = name
    for needed in ("prompt", "answer"):
        if needed not in source.columns.values():
            message = f'the first row names no column "{needed}"; begin the file with a row such as id, prompt, answer'
            raise _Unreadable(line, 1, message)


def _value(source: _Source, column: str, typed: str, at: Node) -> Node | None:
    """What a cell holds; nothing where it should be JSON and is not, which is noted."""
    text = typed.strip()
    if column in _ENTRIES or (column in _LISTS and text.startswith("[")):
        try:
            return _Json(text, source, at).read()
        except _Unreadable as stopped:
            sample = _ENTRIES.get(column, '["one", "two"]')
            source.add(at, f"not the JSON it should be ({stopped.fault.message}); write it as {sample}")
            return None
    if column in _LISTS:
        return _texts((piece.strip() for piece in _LISTS[column].split(text) if piece.strip()), at)
    if column in _NUMBERS and _NUMBER.fullmatch(text):
        return Node(Kind.NUMBER, at.line, at.column, text)
    return _text(typed, at)


def _agree(source: _Source, about: dict[str, Node], key: str, value: Node) -> None:
    """What a file says of its bank may stand in any row, and in several if they say the same."""
    first = about.setdefault(key, value)
    if [line for line, _ in _written(value, "", value, "")] != [line for line, _ in _written(first, "", first, "")]:
        source.add(value, f"line {first.line} says something else; keep one of the two")


def _put_table(source: _Source, questions: Node, about: dict[str, Node]) -> None:
    top, bank = source.root, Node(Kind.MAPPING)
    for column, value in about.items():
        if column == "bank_topics":
            _put(top, "topics", value)
        else:
            _put(bank, column.removeprefix("bank_"), value)
    _put(top, "bank", bank)
    _put(top, "questions", questions)


# --- Anki -------------------------------------------------------------------------------------------------------
# The headings of its text files: https://docs.ankiweb.net/importing/text-files.html#file-headers

_ANKI_FIELDS: Final = ("Id", "Front", "Back", "Code", "Hints", "References", "Tags")
_ANKI_NOTES: Final = "nnquestion"
_ANKI_ROLES: Final = {
    "id": "id",
    "front": "prompt",
    "question": "prompt",
    "prompt": "prompt",
    "back": "answer",
    "answer": "answer",
    "tags": "tags",
}
_ANKI_SEPARATORS: Final = {"comma": ",", "semicolon": ";", "tab": "\t", "space": " ", "pipe": "|", "colon": ":"}
_ANKI_OWN_TAGS: Final = ("leech", "marked")
_QUESTION_ID: Final = re.compile(rf"{_SLUG.pattern}:{_SLUG.pattern}")
_IS_HTML: Final = re.compile(
    r"</?(?:a|b|br|code|div|em|font|i|img|li|ol|p|pre|span|strong|sub|sup|u|ul)\b[^<>]*>|&(?:\w+|#\d+);", re.IGNORECASE
)
_ANKI_COMMAND: Final = re.compile(r"\[(?=sound:|anki:|latex\]|\$)")
"""What Anki plays, runs or sets, wherever it stands in a field."""

_SOUND: Final = re.compile(r"\[sound:[^\[\]]*\]")


def _to_anki(bank: Bank) -> str:
    """A file for File > Import. The first field is the question's id, by which Anki knows a note that it has.

    Notes of the type "nnquestion", if there is one, take the fields by their names; those of "Basic" front and back.
    """
    buffer = StringIO()
    buffer.write("#separator:tab\n#html:true\n")
    buffer.write(f"#notetype:{_ANKI_NOTES}\n#deck:{bank.title}\n")
    buffer.write("#columns:" + "\t".join(_ANKI_FIELDS) + f"\n#tags column:{len(_ANKI_FIELDS)}\n")
    table = csv.writer(buffer, delimiter="\t", lineterminator="\n")
    for question in bank.questions:
        table.writerow(_note(question, bank.id))
    return NOT_TEXT.sub("\N{REPLACEMENT CHARACTER}", buffer.getvalue())


def _note(question: Question, bank: str) -> tuple[str, ...]:
    program = question.code and program_html(question.code.source.split("\n"), question.code.lang)
    hints = "".join(f"<li>{line_html(hint)}</li>" for hint in question.hints)
    references = "".join(f"<li>{_cited(source)}</li>" for source in question.references)
    tags = (f"bank::{bank}", f"difficulty::{question.difficulty}", *(f"topic::{topic}" for topic in question.topics))
    fields = (
        question.id,
        html.escape(question.prompt, quote=False),
        to_html(question.answer),
        program or "",
        f"<ol>{hints}</ol>" if hints else "",
        f"<ul>{references}</ul>" if references else "",
        " ".join(tags),
    )
    return tuple(_ANKI_COMMAND.sub("&#91;", field) for field in fields)


def _cited(source: Reference) -> str:
    who = f"{source.authors} ({source.year})." if source.authors else f"({source.year})."
    where = f", {source.where}." if source.where else "."
    ways = (
        f'<a href="{html.escape(address)}">{html.escape(said)}</a>' if address else html.escape(said)
        for said, address in links(source)
    )
    return " ".join([html.escape(who), f"<i>{html.escape(source.title)}</i>{html.escape(where)}", *ways])


def _read_anki(source: _Source, lines: list[str]) -> None:
    about, end = dict[str, str](), 0
    while end < len(lines) and (lines[end].startswith("#") or (end == 0 and lines[0].startswith("tags:"))):
        key, _, value = lines[end].removeprefix("#").partition(":")
        about[key.strip().lower()] = value
        end += 1
    separator = about.get("separator", "").strip(" ").lower()
    separator = _ANKI_SEPARATORS.get(separator, separator)
    if separator not in _ANKI_SEPARATORS.values():
        separator = next((sign for sign in "\t;," if end < len(lines) and sign in lines[end]), "\t")
    rows = list(_rows([""] * end + lines[end:], separator, comment="#"))
    roles = _roles(source, about, separator, rows)
    markup = about.get("html", "").strip().lower()
    is_html = markup == "true" or (markup != "false" and any(_IS_HTML.search(cell) for _, row in rows for cell in row))
    own = any(tag.startswith("topic::") for _, row in rows for tag in _cell_of(row, roles, "tags").split())
    questions, header = Node(Kind.LIST), dict[str, Node]()
    if title := " ".join(about.get("deck", "").split("::")).strip():
        header["bank_title"] = _text(title[:80].strip(), Node(Kind.TEXT))
    for line, row in rows:
        entry = Node(Kind.MAPPING, line, 0)
        at = {role: Node(Kind.REFUSED, line, number) for role, number in roles.items()}
        if id := _cell_of(row, roles, "id").strip():
            bank, colon, own_id = id.partition(":")
            if colon:
                _agree(source, header, "bank_id", _text(bank, at["id"]))
            _put(entry, "id", _text(own_id if colon else id, at["id"]))
        for role in ("prompt", "answer"):
            cell = _cell_of(row, roles, role)
            text = from_html(_SOUND.sub("", cell), plain=role == "prompt") if is_html else cell
            if text.strip():
                _put(entry, role, _text(" ".join(text.split()) if role == "prompt" else text, at[role]))
        tags = (about.get("tags", "") + " " + _cell_of(row, roles, "tags")).split()
        _put_tags(entry, tags, own, at.get("tags", entry))
        questions.items.append(entry)
    _put_table(source, questions, header)


def _roles(
    source: _Source, about: Mapping[str, str], separator: str, rows: list[tuple[int, list[str]]]
) -> dict[str, int]:
    """Which cell of a row is what, counted from 1: by the names of the columns, else by their order."""
    special = {
        kind: int(number)
        for kind in ("guid", "notetype", "deck", "tags")
        if (number := about.get(f"{kind} column", "").strip()).isdecimal() and len(number) < 4
    }
    roles = {"tags": special["tags"]} if "tags" in special else {}
    _, headings = next(_rows([about.get("columns", "")], separator), (1, []))
    named = {_ANKI_ROLES.get(_column(heading), ""): number for number, heading in enumerate(headings, start=1)}
    if "prompt" in named and "answer" in named:
        roles = {**{role: number for role, number in named.items() if role}, **roles}
    else:
        width = min(max((len(row) for _, row in rows), default=0), _MOST_HEADINGS)
        usual = [number for number in range(1, width + 1) if number not in special.values()]
        if len(usual) > 2 and all(
            _QUESTION_ID.fullmatch(row[usual[0] - 1].strip()) for _, row in rows if len(row) >= usual[0]
        ):
            roles["id"] = usual.pop(0)
        if len(usual) < 2:
            raise _Unreadable(rows[0][0] if rows else 1, 1, "a row needs a front and a back with a tab between them")
        roles |= {"prompt": usual[0], "answer": usual[1]}
        if "tags" not in roles and "id" not in roles and len(usual) == 3:
            roles["tags"] = usual[2]
    source.columns = {number: role for role, number in roles.items()}
    return roles


def _cell_of(row: list[str], roles: Mapping[str, int], role: str) -> str:
    number = roles.get(role, 0)
    return row[number - 1] if 0 < number <= len(row) else ""


def _put_tags(entry: Node, tags: list[str], own: bool, at: Node) -> None:
    """Topics and difficulty from tags; where no tag says that it is a topic, all are."""
    topics = dict[str, None]()
    for tag in tags:
        kind, _, value = tag.partition("::")
        if kind == "difficulty" and value in ("1", "2", "3") and not _has(entry, "difficulty"):
            _put(entry, "difficulty", Node(Kind.NUMBER, at.line, at.column, value))
        elif kind == "topic" if own else kind not in ("bank", "difficulty", *_ANKI_OWN_TAGS):
            topics[slug(value if own else tag)] = None
    if named := [topic for topic in topics if topic]:
        _put(entry, "topics", _texts(named, at))
