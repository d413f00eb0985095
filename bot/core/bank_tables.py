"""Tables: the rows of a file, CSV for spreadsheets out and in, and what a table says of its bank.

A CSV file has a row for each question and a column for each of its keys. Numbers and texts stand as they are, lists
and entries as JSON; topics and related questions may also be typed with commas, hints and follow-ups with a line for
each. The bank's own keys stand in the columns `bank_…`, in any one row. Only `prompt` and `answer` are needed. A cell
that a spreadsheet would take for a formula has an apostrophe before it, as has one that begins with an apostrophe; one
with signs that are no text is a JSON string behind an apostrophe.
"""

from __future__ import annotations

import csv
import difflib
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from io import StringIO
from typing import Any, Final

from bot.core.bank import KEYS
from bot.core.bank_json import SURROGATE, Unreadable, drop, list_node, put, read_json, text_node
from bot.core.bank_nodes import Fault, Kind, Node
from bot.core.bank_writing import NOT_TEXT, as_json, in_quotes, plain
from bot.core.model import Bank

__all__ = [
    *(
        "LONGEST_SLUG",
        "MOST_COLUMNS",
        "MOST_QUESTIONS",
        "SLUG",
        "TOO_MANY",
        "Source",
        "cell",
        "column_name",
        "read_csv",
    ),
    *("rows_of", "slug", "to_csv"),
]

MOST_QUESTIONS: Final = 10_000
TOO_MANY: Final = f"the file has more than {MOST_QUESTIONS:,} questions; divide it"
MOST_COLUMNS: Final = 100
_LONGEST_CELL: Final = 1_000_000  # forty exemplars with their escapes


@dataclass(slots=True)
class Source:
    """A file as far as it has been read: the nodes of a bank, what is wrong so far, and the names of its columns."""

    root: Node = field(default_factory=lambda: Node(Kind.MAPPING))
    faults: list[Fault] = field(default_factory=list)
    columns: dict[int, str] = field(default_factory=dict)
    _about: dict[str, Node] = field(default_factory=dict)

    def add(self, at: Node, message: str) -> None:
        """A fault at a place; in a table the column is named."""
        name = self.columns.get(at.column)
        self.faults.append(Fault(at.line, at.column, f'column "{name}": {message}' if name else message))

    def tell(self, column: str, value: Node) -> None:
        """What a table says of its bank may stand in any row, and in several if they say the same."""
        first = self._about.setdefault(column, value)
        if not _says(value, first):
            self.add(value, f"line {first.line} says something else; keep one of the two")

    def put_table(self, questions: Node) -> None:
        """Makes a bank of a table's questions and of what it told."""
        bank = Node(Kind.MAPPING)
        for column, value in self._about.items():
            if column == "bank_topics":
                put(self.root, "topics", value)
            else:
                put(bank, column.removeprefix("bank_"), value)
        put(self.root, "bank", bank)
        put(self.root, "questions", questions)


def _says(one: Node, other: Node) -> bool:
    """Whether two nodes say the same, wherever they stand."""
    alike = (one.kind, one.text, len(one.items)) == (other.kind, other.text, len(other.items))
    return alike and all(map(_says, one.items, other.items))


# --- names as people type them ----------------------------------------------------------------------------------

SLUG: Final = re.compile("[a-z0-9]+(?:-[a-z0-9]+)*")
LONGEST_SLUG: Final = 48


def slug(text: str) -> str:
    """A text as an id: its words in small ASCII letters, as many as fit; empty where it has none."""
    plain_letters = unicodedata.normalize("NFKD", text[:1000]).encode("ascii", "ignore").decode().lower()
    words = re.findall("[a-z0-9]+", plain_letters.replace("'", ""))
    made = ""
    for word in words:
        longer = f"{made}-{word}" if made else word[:LONGEST_SLUG]
        if len(longer) > LONGEST_SLUG:
            break
        made = longer
    return made


def column_name(heading: str) -> str:
    """A heading as the name of a column: without the quotes, spaces and capitals that people type."""
    return re.sub(r"[\s-]+", "_", heading.strip().strip('"').strip().lower())


# --- rows -------------------------------------------------------------------------------------------------------


def rows_of(lines: Iterable[str], delimiter: str, comment: str = "") -> Iterator[tuple[int, list[str]]]:
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
            if rows > MOST_QUESTIONS + 1:
                raise Unreadable(begins, 1, TOO_MANY)
    except csv.Error as error:
        raise Unreadable(begins, 1, _mend_of_a_row(str(error))) from None


def _mend_of_a_row(error: str) -> str:
    if "limit" in error:
        return f"a cell of the row that begins here has more than {_LONGEST_CELL:,} characters; shorten it"
    if "end of data" in error:
        return "a quote opens in the row that begins here and is never closed; close it"
    return 'a quote closes within a cell of the row that begins here; write two ("") for each quote inside a cell'


# --- CSV --------------------------------------------------------------------------------------------------------

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
_COLUMNS: Final = (*KEYS["question"], *_BANK)
_NUMBER: Final = re.compile(r"-?[0-9]{1,9}(?:\.[0-9]{1,9})?")
_FORMULA: Final = re.compile("\\s*[=+\\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
"""How a cell begins that a spreadsheet may run; those of East Asia know the signs in their full width, too."""

_PUT_BEFORE: Final = re.compile(rf"'(?=(?:{_FORMULA.pattern}|'))")


def to_csv(bank: Bank) -> str:
    """The bank as a CSV file that holds all of it."""
    written = plain(bank)
    about = {f"bank_{key}": value for key, value in written["bank"].items()}
    if "topics" in written:
        about["bank_topics"] = written["topics"]
    buffer = StringIO()
    table = csv.writer(buffer, lineterminator="\n")
    table.writerow(_COLUMNS)
    for question in written["questions"]:
        row = {**question, **about}
        about = {}
        table.writerow([cell(row[column]) if column in row else "" for column in _COLUMNS])
    return buffer.getvalue()


def cell(value: Any) -> str:
    """A cell that no spreadsheet takes for a formula: a text, or anything else as JSON."""
    if not isinstance(value, str):
        return as_json(value)
    if NOT_TEXT.search(value):
        return f"'{in_quotes(value)}"
    return f"'{value}" if _FORMULA.match(value) or value.startswith("'") else value


def _typed(cell: str) -> str:
    """What `cell` was given, or what a person typed: an apostrophe that stands for nothing stays."""
    if cell.startswith("'\""):
        try:
            text = str(json.loads(cell[1:]))
        except ValueError:
            return cell
        return cell if SURROGATE.search(text) else text
    return cell[1:] if _PUT_BEFORE.match(cell) else cell


def read_csv(source: Source, lines: list[str]) -> None:
    """Reads a table with headings into a source. Raises Unreadable where the rest of it cannot be read."""
    if said := _EXCELS_SEPARATOR.fullmatch(lines[0]):
        # The other lines keep their numbers.
        lines = ["", *lines[1:]]
    delimiter = said[1] if said else _delimiter(next((line for line in lines if line.strip()), ""))
    rows = rows_of(lines, delimiter)
    begins, headings = next(rows, (1, []))
    _name_columns(source, begins, headings)
    questions = Node(Kind.LIST, begins)
    for line, cells in rows:
        entry, unread = Node(Kind.MAPPING, line, 0), set[str]()
        for number, cell in enumerate(cells, start=1):
            at, column = Node(Kind.REFUSED, line, number), source.columns.get(number, "")
            if not cell.strip() or (column and column not in _COLUMNS):
                continue
            if not column:
                mend = f'empty it, or put a cell that holds a "{delimiter}" in quotes'
                source.add(at, f"the cell {in_quotes(cell[:40])} has no heading; {mend}")
                break
            if not (value := _value(source, column, _typed(cell), at)):
                unread.add(column)
            elif column in _BANK:
                source.tell(column, value)
            else:
                put(entry, column, value)
        if "key_points" in unread:
            # What names key points would all be wrong.
            drop(entry, "misconceptions", "exemplars")
        if entry.items:
            questions.items.append(entry)
    source.put_table(questions)


_EXCELS_SEPARATOR: Final = re.compile(r"sep=([,;\t|])", re.IGNORECASE)


def _delimiter(line: str) -> str:
    """What parts the headings: with the right sign most of them are names of columns."""

    def known(delimiter: str) -> int:
        return sum(column_name(heading) in _COLUMNS for heading in line[:5000].split(delimiter))

    return max(",;\t|", key=known)


def _name_columns(source: Source, line: int, headings: list[str]) -> None:
    for number, heading in enumerate(headings[:MOST_COLUMNS], start=1):
        if not (name := column_name(heading)):
            continue
        at = Node(Kind.REFUSED, line, number)
        if name in source.columns.values():
            source.add(at, f"the column {in_quotes(name)} is there twice; take one out")
            name = f"second {name}"
        elif name not in _COLUMNS:
            close = difflib.get_close_matches(name[:60], _COLUMNS, n=1)
            mend = f"did you mean {in_quotes(close[0])}?" if close else "take it out"
            source.add(at, f"the column {in_quotes(name[:40])} is unknown; {mend}")
        source.columns[number] = name
    for needed in ("prompt", "answer"):
        if needed not in source.columns.values():
            message = f'the first row names no column "{needed}"; begin the file with a row such as id, prompt, answer'
            raise Unreadable(line, 1, message)


def _value(source: Source, column: str, typed: str, at: Node) -> Node | None:
    """What a cell holds; nothing where it should be JSON and is not, which is noted."""
    text = typed.strip()
    if column in _ENTRIES or (column in _LISTS and text.startswith("[")):
        try:
            return read_json(text, source.add, at)
        except Unreadable as stopped:
            sample = _ENTRIES.get(column, '["one", "two"]')
            source.add(at, f"not the JSON it should be ({stopped.fault.message}); write it as {sample}")
            return None
    if column in _LISTS:
        return list_node((piece.strip() for piece in _LISTS[column].split(text) if piece.strip()), at)
    if column in _NUMBERS and _NUMBER.fullmatch(text):
        return Node(Kind.NUMBER, at.line, at.column, text)
    return text_node(typed, at)
