"""Write a bank: what its file holds as plain values, and the file itself in the style of the one that we ship."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date
from typing import Any, Final

from bot.core.bank import KEYS
from bot.core.model import Bank

__all__ = ["NOT_TEXT", "ORDER", "as_json", "in_quotes", "plain", "to_json", "to_yaml"]

SCHEMA_VERSION: Final = 1

ORDER: Final[Mapping[str, tuple[str, ...]]] = {
    **KEYS,
    "question": (
        *("id", "version", "seed", "status", "reviewed", "section", "difficulty", "fits", "minutes", "topics"),
        *("related", "prompt", "answer", "code", "key_points", "misconceptions", "hints", "follow_ups"),
        *("exemplars", "references"),
    ),
    "code": ("lang", "needs", "source"),
    "key point": ("id", "text", "essential", "weight", "any_of"),
    "exemplar": ("kind", "earns", "text"),
    "reference": ("title", "authors", "year", "arxiv", "doi", "isbn", "url", "where"),
}
"""The keys of each kind of entry as a reader wants them: what is short and what names the entry first."""

NOT_TEXT: Final = re.compile("[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
"""What a file cannot hold as it is: readers of YAML refuse it, or take it for the end of a line."""

_KIND: Final = {
    "code": "code",
    "key_points": "key point",
    "misconceptions": "misconception",
    "exemplars": "exemplar",
    "references": "reference",
}
"""The keys of a question that hold entries, and the kind of those."""

_ALWAYS: Final[Mapping[str, tuple[str, ...]]] = {
    "question": ("version", "status", "difficulty", "fits", "minutes", "topics", "related"),
    "key point": ("essential", "weight"),
}
"""The keys that are written even where the reader would fill in the same: an author decides on each of them."""


def plain(bank: Bank) -> dict[str, Any]:
    """What the bank's file holds: dicts, lists, texts, whole numbers and truths, in the order of the shipped file.

    Left out is whatever is optional and says nothing. Slugs stand without the bank's id.
    """
    written: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "bank": _entry(bank, "bank")}
    if bank.topics:
        written["topics"] = dict(bank.topics)
    written["questions"] = [
        {**entry, **{key: _slugs(entry[key]) for key in ("id", "related")}}
        for entry in (_entry(question, "question") for question in bank.questions)
    ]
    return written


def to_yaml(bank: Bank) -> str:
    """The bank as the text of a YAML file: `read_bank` reads the same bank from it."""
    written = plain(bank)
    questions = written.pop("questions")
    head = list(_mapping(written, 0))
    entries = ["\n".join(_items([question], 2)) for question in questions]
    return "\n".join([*head, "questions:", "\n\n".join(entries)]) + "\n"


def to_json(bank: Bank) -> str:
    """The bank as the text of a JSON file: `read_bank` reads the same bank from it."""
    return as_json(plain(bank), indent=2) + "\n"


def as_json(value: Any, indent: int | None = None) -> str:
    """A plain value as JSON in signs that any editor shows; on one line unless lists and keys have an `indent`."""
    written = json.dumps(value, ensure_ascii=False, indent=indent)
    return NOT_TEXT.sub(lambda sign: f"\\u{ord(sign[0]):04x}", written)


def in_quotes(text: str) -> str:
    """A text between double quotes, as both JSON and YAML read it, on one line."""
    return as_json(text)


# --- what is written --------------------------------------------------------------------------------------------


def _entry(value: Any, kind: str) -> dict[str, Any]:
    unsaid = {field.name: field.default for field in fields(value) if field.name not in _ALWAYS.get(kind, ())}
    of = {key: getattr(value, key) for key in ORDER[kind]}
    return {key: _value(held, key) for key, held in of.items() if held != unsaid.get(key, MISSING)}


def _value(held: Any, key: str) -> Any:
    if isinstance(held, tuple):
        return [_value(item, key) for item in held]
    if isinstance(held, date):
        return held.isoformat()
    if is_dataclass(held):
        return _entry(held, _KIND[key])
    # The words of an enum are texts, too, but a YAML or JSON writer need not know that.
    return str(held) if isinstance(held, str) else held


def _slugs(ids: Any) -> Any:
    return [_slugs(id) for id in ids] if isinstance(ids, list) else ids.partition(":")[2]


# --- how it looks in YAML ---------------------------------------------------------------------------------------

_ESCAPED: Final = re.compile(f"[\t\n]|{NOT_TEXT.pattern}")

_BARE: Final = re.compile(r"[A-Za-z0-9](?:[^\t\r\n:#]|:(?=\S)|(?<=\S)#)*")
"""What may stand without quotes outside of brackets, if nothing reads it as a number or the like."""

_READ_AS_ANOTHER: Final = re.compile(
    r"(?i:y|n|yes|no|on|off|true|false|null|nan|inf)"
    # Readers of YAML 1.1 and 1.2 know more forms of numbers and dates than agree with each other, so whatever has only
    # their signs is put in quotes; save versions, which all of them read as text.
    r"|(?!\d+\.\d+\.\d+$)[\d.:_+eEtTzZ -]*\d[\d.:_+eEtTzZ -]*|0[xob][\da-fA-F_]+"
)
_IN_BRACKETS: Final = re.compile(r"[A-Za-z0-9.+-]{1,48}")
"""The items of a list that reads best on one line: slugs and the like."""

_WIDEST: Final = 160
_LITERAL_KEYS: Final = ("answer", "source")


def _mapping(written: Mapping[str, Any], indent: int) -> Iterator[str]:
    for key, value in written.items():
        yield from _pair(f"{' ' * indent}{_scalar(key)}:", key, value, indent)


def _pair(start: str, key: str, value: Any, indent: int) -> Iterator[str]:
    """A key, whose line begins with `start`, and its value."""
    if isinstance(value, dict):
        yield start
        yield from _mapping(value, indent + 2)
    elif isinstance(value, list):
        in_brackets = f"{start} [{', '.join(map(_scalar, value))}]"
        if len(in_brackets) <= _WIDEST and all(
            isinstance(item, str) and _IN_BRACKETS.fullmatch(item) for item in value
        ):
            yield in_brackets
        else:
            yield start
            yield from _items(value, indent + 2)
    elif isinstance(value, str) and ("\n" in value or key in _LITERAL_KEYS) and _can_be_literal(value):
        # Where the first line is indented itself, the reader has to be told where the text begins.
        yield f"{start} |{'2' if value[0] == ' ' else ''}-"
        yield from (f"{' ' * (indent + 2)}{line}" if line else "" for line in value.split("\n"))
    else:
        yield f"{start} {_scalar(value)}"


def _items(values: Iterable[Any], indent: int) -> Iterator[str]:
    for value in values:
        if isinstance(value, dict):
            first, *rest = _mapping(value, indent + 2)
            yield f"{' ' * indent}- {first.lstrip(' ')}"
            yield from rest
        else:
            yield f"{' ' * indent}- {_scalar(value)}"


def _can_be_literal(text: str) -> bool:
    """Whether a text can stand below a `|` and come back as it was."""
    first = text.split("\n", 1)[0].lstrip(" ")
    # A blank first line, or a tab before its words, would be taken for indentation.
    return first != "" and first[0] != "\t" and not NOT_TEXT.search(text)


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return str(value)
    if _BARE.fullmatch(value) and not _ESCAPED.search(value) and not _READ_AS_ANOTHER.fullmatch(value):
        return value
    if ('"' in value or "\\" in value) and not _ESCAPED.search(value):
        single = value.replace("'", "''")
        return f"'{single}'"
    return in_quotes(value)
