"""Question banks as other programs hold them: JSON, CSV for spreadsheets, Anki's text files, a page of Markdown.

Whatever comes in is rewritten as a bank's own file, each line of which remembers where it came from, and is read by
the one reader of banks. So every form keeps the same rules and gets the same problems, told at the line of its source.
"""

from __future__ import annotations

import codecs
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from bot.core.bank import BankError, Problem, examine_bank
from bot.core.bank_anki import read_anki, to_anki
from bot.core.bank_json import Unreadable, drop, get, has, put, read_json, text_node
from bot.core.bank_nodes import Fault, Kind, Node
from bot.core.bank_page import to_markdown
from bot.core.bank_tables import LONGEST_SLUG, MOST_QUESTIONS, SLUG, TOO_MANY, Source, read_csv, slug, to_csv
from bot.core.bank_writing import NOT_TEXT, in_quotes, to_json
from bot.core.model import Bank

__all__ = ["Form", "Header", "decode", "export", "import_entries"]

LARGEST: Final = 20_000_000
"""Bytes of a file, and characters of its text, that are read: some thousand questions with all that belongs to them."""


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
            return to_json(bank)
        case Form.CSV:
            return to_csv(bank)
        case Form.ANKI:
            return to_anki(bank)
        case Form.MARKDOWN:
            return to_markdown(bank)


def import_entries(text: str, name: str, *, form: Form, into: Header = Header(), keep_status: bool = False) -> Bank:
    """The bank in a text of some form. Its entries are drafts without a date of review, unless `keep_status`.

    `name` is what problems call the file, and names a bank that has no id. Raises BankError with every problem. In a
    table the column of a problem is the number of the cell.
    """
    source = Source()
    try:
        _read(source, text, form)
    except Unreadable as stopped:
        raise BankError(_told([*source.faults, stopped.fault], name)) from None
    _complete(source.root, into, name)
    if not keep_status:
        for entry in _entries(source.root):
            drop(entry, "status", "reviewed")
    lines = list(_written(source.root, "", source.root, ""))
    bank, problems = examine_bank("\n".join(line for line, _ in lines), name)
    places = [at for _, at in lines]
    for problem in problems:
        _add_at_its_source(problem, places, source)
    if source.faults:
        raise BankError(_told(source.faults, name))
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
_TOO_LARGE: Final = f"the file has {{:,}} {{}}; no more than {LARGEST:,} are read, so divide it"


# --- from any form to a bank's own file -------------------------------------------------------------------------


def _read(source: Source, text: str, form: Form) -> None:
    if len(text) > LARGEST:
        raise Unreadable(1, 1, _TOO_LARGE.format(len(text), "characters"))
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not text.strip():
        raise Unreadable(1, 1, "the file is empty")
    for row, line in enumerate(lines):
        if strange := NOT_TEXT.search(line):
            message = f"the line holds U+{ord(strange[0]):04X}, which is not text; remove it"
            source.faults.append(Fault(row + 1, strange.start() + 1, message))
            lines[row] = NOT_TEXT.sub(" ", line)
            if len(source.faults) == 100:
                raise Unreadable(row + 1, 1, "this is the hundredth such line, so the file is no text; save it as one")
    match form:
        case Form.JSON:
            _read_json(source, "\n".join(lines))
        case Form.CSV:
            read_csv(source, lines)
        case Form.ANKI:
            read_anki(source, lines)
        case Form.MARKDOWN:
            raise Unreadable(1, 1, "a page of Markdown is for people and is not read; export the bank as json or csv")
    if len(entries := _entries(source.root)) > MOST_QUESTIONS:
        raise Unreadable(entries[MOST_QUESTIONS].line, 1, TOO_MANY)


def _read_json(source: Source, text: str) -> None:
    root = read_json(text, source.add)
    if root.kind is Kind.LIST:
        put(source.root, "questions", root)
    elif root.kind is Kind.MAPPING:
        source.root = root
    else:
        message = f'the file is {root.kind}; begin it with {{"bank": …, "questions": …}}'
        raise Unreadable(root.line, root.column, message)


def _told(faults: Iterable[Fault], name: str) -> list[Problem]:
    problems = [Problem(name, fault.line, max(fault.column, 1), fault.message) for fault in faults]
    return sorted(problems, key=lambda problem: (problem.line, problem.column))


_OTHER_LINE: Final = re.compile(r"(?<=line )\d+(?=\); (?:keep one|give this one another)$)")
_SAID_OF_YAML: Final = (
    (': one "- " line for each item', ': ["one", "two"]'),
    ("a key with a value on each of its lines", 'keys with values: {"key": "value"}'),
    ('is read as a key with a value; put it in quotes because of its ": "', "is keys with values; write text"),
)


def _add_at_its_source(problem: Problem, places: list[Node], source: Source) -> None:
    """Notes a problem of the file that we wrote at the place that its line came from."""
    message = _OTHER_LINE.sub(lambda line: str(places[int(line[0]) - 1].line), problem.message)
    for of_yaml, ours in _SAID_OF_YAML:
        message = message.replace(of_yaml, ours)
    source.add(places[min(problem.line, len(places)) - 1], message)


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


def _entries(root: Node) -> list[Node]:
    questions = get(root, "questions", Kind.LIST)
    return [entry for entry in questions.items if entry.kind is Kind.MAPPING] if questions else []


# --- what a file may leave out ----------------------------------------------------------------------------------


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
    if not has(top, "bank"):
        put(top, "bank", Node(Kind.MAPPING))
    if about := get(top, "bank", Kind.MAPPING):
        for key, value in header.items():
            if not has(about, key):
                put(about, key, text_node(value, about))
    if not has(top, "topics"):
        lists = (get(entry, "topics", Kind.LIST) for entry in _entries(top))
        used = dict.fromkeys(topic.text for held in lists if held for topic in held.items if SLUG.fullmatch(topic.text))
        titles = Node(Kind.MAPPING)
        for topic in used:
            put(titles, topic, text_node(into.topics.get(topic) or topic.replace("-", " ").capitalize(), titles))
        if used:
            put(top, "topics", titles)
    _make_ids(_entries(top))


def _make_ids(entries: list[Node]) -> None:
    """Ids from prompts, so that the same file makes the same ids again."""
    again = Counter[str]()
    taken = {given.text for entry in entries if (given := get(entry, "id", Kind.TEXT))}
    for number, entry in enumerate(entries, start=1):
        if not has(entry, "id"):
            prompt = get(entry, "prompt", Kind.TEXT)
            words = prompt.text.strip() if prompt else ""
            digest = hashlib.sha256(words.encode()).hexdigest()[:8]
            made = slug(words) or f"question-{digest if words else number}"
            id = made
            while id in taken:
                again[made] += 1
                id = f"{made[: LONGEST_SLUG - 6].rstrip('-')}-{again[made] + 1}"
            taken.add(id)
            put(entry, "id", text_node(id, entry))
