"""Nodes of which no YAML was read: a strict reader of JSON, and what puts nodes together by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Final

from bot.core.bank_nodes import Fault, Kind, Node

__all__ = ["SURROGATE", "Unreadable", "drop", "get", "has", "list_node", "put", "read_json", "text_node"]

_DEEPEST: Final = 20
_MOST_VALUES: Final = 500_000
_MOST_IN_A_CELL: Final = 20_000


class Unreadable(Exception):
    """Nothing behind this place can be read."""

    def __init__(self, line: int, column: int, message: str) -> None:
        self.fault: Final = Fault(line, column, message)
        super().__init__(message)


# --- JSON -------------------------------------------------------------------------------------------------------


def read_json(text: str, add: Callable[[Node, str], None], at: Node | None = None) -> Node:
    """The one value of a text. Raises Unreadable where it is no JSON; `add` notes what is wrong in a value itself.

    All values stand `at` a node, if there is one; else each has its own line and column.
    """
    return _Reader(text, add, at).read()


_SPACE: Final = re.compile(r"(?P<line>\n)|[ \t]+")
_WORD: Final = re.compile(r"(?P<number>-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?)|true|false|null", re.ASCII)
SURROGATE: Final = re.compile("[\ud800-\udfff]")
_STRINGS: Final = json.JSONDecoder()
_IN_PLAIN_WORDS: Final = (
    ("Unterminated string", "a quote opens here and is never closed; close it"),
    ("control character", "a line ends or a tab stands between quotes; close the quote before it, or write \\n or \\t"),
    ("escape", "a backslash stands before what it cannot stand before; write two"),
)


class _Reader:
    """The text, and how far it has been read."""

    def __init__(self, text: str, add: Callable[[Node, str], None], at: Node | None) -> None:
        self._text, self._add, self._at = text, add, at
        self._left = _MOST_VALUES if at is None else _MOST_IN_A_CELL
        self._position = self._line = self._line_begins = 0

    def read(self) -> Node:
        """The one value of the text; raises Unreadable where it is no JSON."""
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
        if SURROGATE.search(node.text):
            self._add(node, "a \\u stands for half a sign; write the sign itself")
            node.text = SURROGATE.sub("?", node.text)
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

    def _fault(self, message: str) -> Unreadable:
        node = self._node(Kind.TEXT)
        return Unreadable(node.line, node.column, message)


# --- nodes by hand ----------------------------------------------------------------------------------------------


def get(node: Node | None, key: str, kind: Kind) -> Node | None:
    """The value of a key, if it is of a kind."""
    values = (value for name, value in (node.pairs if node else ()) if name.text == key)
    value = next(values, None)
    return value if value and value.kind is kind else None


def has(node: Node, key: str) -> bool:
    """Whether a mapping has a key."""
    return any(name.text == key for name, _ in node.pairs)


def put(node: Node, key: str, value: Node) -> None:
    """Adds a key to a mapping; it stands where its value does."""
    node.items += [text_node(key, value), value]


def drop(node: Node, *keys: str) -> None:
    """Takes keys with their values out of a mapping."""
    node.items = [item for pair in node.pairs if pair[0].text not in keys for item in pair]


def text_node(text: str, at: Node) -> Node:
    """A text that stands where another node does."""
    return Node(Kind.TEXT, at.line, at.column, text)


def list_node(texts: Iterable[str], at: Node) -> Node:
    """A list of such texts."""
    return Node(Kind.LIST, at.line, at.column, items=[text_node(text, at) for text in texts])
