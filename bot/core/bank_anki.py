"""Anki's text files out and in. The headings: https://docs.ankiweb.net/importing/text-files.html#file-headers"""

from __future__ import annotations

import csv
import html
import re
from collections.abc import Mapping
from io import StringIO
from typing import Final

from bot.core.bank_html import from_html, line_html, program_html, to_html
from bot.core.bank_json import Unreadable, has, list_node, put, text_node
from bot.core.bank_nodes import Kind, Node
from bot.core.bank_page import cited
from bot.core.bank_tables import MOST_COLUMNS, SLUG, Source, column_name, rows_of, slug
from bot.core.bank_writing import NOT_TEXT
from bot.core.model import Bank, Question, Reference

__all__ = ["read_anki", "to_anki"]

_FIELDS: Final = ("Id", "Front", "Back", "Code", "Hints", "References", "Tags")
_NOTES: Final = "nnquestion"
_ROLES: Final = {
    "id": "id",
    "front": "prompt",
    "question": "prompt",
    "prompt": "prompt",
    "back": "answer",
    "answer": "answer",
    "tags": "tags",
}
_SEPARATORS: Final = {"comma": ",", "semicolon": ";", "tab": "\t", "space": " ", "pipe": "|", "colon": ":"}
_OWN_TAGS: Final = ("leech", "marked")
_QUESTION_ID: Final = re.compile(rf"{SLUG.pattern}:{SLUG.pattern}")
_IS_HTML: Final = re.compile(
    r"</?(?:a|b|br|code|div|em|font|i|img|li|ol|p|pre|span|strong|sub|sup|u|ul)\b[^<>]*>|&(?:\w+|#\d+);", re.IGNORECASE
)
_COMMAND: Final = re.compile(r"\[(?=sound:|anki:|latex\]|\$)")
"""What Anki plays, runs or sets, wherever it stands in a field."""

_SOUND: Final = re.compile(r"\[sound:[^\[\]]*\]")


def to_anki(bank: Bank) -> str:
    """A file for File > Import. Notes of the type "nnquestion", if there is one, take the fields by their names.

    Anki knows a note that it has by the first field of its type: by the question's id if that is "Id"; by the front,
    as for notes of "Basic", if it is "Front".
    """
    buffer = StringIO()
    buffer.write("#separator:tab\n#html:true\n")
    buffer.write(f"#notetype:{_NOTES}\n#deck:{bank.title}\n")
    buffer.write("#columns:" + "\t".join(_FIELDS) + f"\n#tags column:{len(_FIELDS)}\n")
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
    return tuple(_COMMAND.sub("&#91;", field) for field in fields)


def _cited(source: Reference) -> str:
    return cited(source, html.escape, "<i>{}</i>", lambda said, to: f'<a href="{html.escape(to)}">{said}</a>')


def read_anki(source: Source, lines: list[str]) -> None:
    """Reads notes into a source. Raises Unreadable where the rest of them cannot be read."""
    about, end = dict[str, str](), 0
    while end < len(lines) and (lines[end].startswith("#") or (end == 0 and lines[0].startswith("tags:"))):
        key, _, value = lines[end].removeprefix("#").partition(":")
        about[key.strip().lower()] = value
        end += 1
    separator = about.get("separator", "").strip(" ").lower()
    separator = _SEPARATORS.get(separator, separator)
    if separator not in _SEPARATORS.values():
        separator = next((sign for sign in "\t;," if end < len(lines) and sign in lines[end]), "\t")
    rows = list(rows_of([""] * end + lines[end:], separator, comment="#"))
    roles = _roles(source, about, separator, rows)
    markup = about.get("html", "").strip().lower()
    is_html = markup == "true" or (markup != "false" and any(_IS_HTML.search(cell) for _, row in rows for cell in row))
    own = any(tag.startswith("topic::") for _, row in rows for tag in _cell_of(row, roles, "tags").split())
    questions = Node(Kind.LIST)
    if title := " ".join(about.get("deck", "").split("::")).strip():
        source.tell("bank_title", text_node(title[:80].strip(), Node(Kind.TEXT)))
    for line, row in rows:
        entry = Node(Kind.MAPPING, line, 0)
        at = {role: Node(Kind.REFUSED, line, number) for role, number in roles.items()}
        if id := _cell_of(row, roles, "id").strip():
            bank, colon, own_id = id.partition(":")
            if colon:
                source.tell("bank_id", text_node(bank, at["id"]))
            put(entry, "id", text_node(own_id if colon else id, at["id"]))
        for role in ("prompt", "answer"):
            cell = _cell_of(row, roles, role)
            text = from_html(_SOUND.sub("", cell), plain=role == "prompt") if is_html else cell
            if text.strip():
                put(entry, role, text_node(" ".join(text.split()) if role == "prompt" else text, at[role]))
        tags = (about.get("tags", "") + " " + _cell_of(row, roles, "tags")).split()
        _put_tags(entry, tags, own, at.get("tags", entry))
        questions.items.append(entry)
    source.put_table(questions)


def _roles(
    source: Source, about: Mapping[str, str], separator: str, rows: list[tuple[int, list[str]]]
) -> dict[str, int]:
    """Which cell of a row is what, counted from 1: by the names of the columns, else by their order."""
    special = {
        kind: int(number)
        for kind in ("guid", "notetype", "deck", "tags")
        if (number := about.get(f"{kind} column", "").strip()).isdecimal() and len(number) < 4
    }
    roles = {"tags": special["tags"]} if "tags" in special else {}
    _, headings = next(rows_of([about.get("columns", "")], separator), (1, []))
    named = {_ROLES.get(column_name(heading), ""): number for number, heading in enumerate(headings, start=1)}
    if "prompt" in named and "answer" in named:
        roles = {**{role: number for role, number in named.items() if role}, **roles}
    else:
        width = min(max((len(row) for _, row in rows), default=0), MOST_COLUMNS)
        usual = [number for number in range(1, width + 1) if number not in special.values()]
        if len(usual) > 2 and all(
            _QUESTION_ID.fullmatch(row[usual[0] - 1].strip()) for _, row in rows if len(row) >= usual[0]
        ):
            roles["id"] = usual.pop(0)
        if len(usual) < 2:
            raise Unreadable(rows[0][0] if rows else 1, 1, "a row needs a front and a back with a tab between them")
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
        if kind == "difficulty" and value in ("1", "2", "3") and not has(entry, "difficulty"):
            put(entry, "difficulty", Node(Kind.NUMBER, at.line, at.column, value))
        elif kind == "topic" if own else kind not in ("bank", "difficulty", *_OWN_TAGS):
            topics[slug(value if own else tag)] = None
    if named := [topic for topic in topics if topic]:
        put(entry, "topics", list_node(named, at))
