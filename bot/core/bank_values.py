"""From nodes to the values of a bank's entries, each fault noted where its value stands."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, TypeVar

from bot.core.bank_nodes import Fault, Kind, Node

Where = tuple[str | int, ...]
"""The way to a value from the top of the file, such as `("questions", 3, "key_points", 0, "text")`."""


@dataclass(frozen=True, slots=True)
class TextRule:
    """What a text must be: its length, its form with the words that ask for it, and whether it may have lines."""

    most: int
    form: str = ""
    say: str = ""
    lines: bool = False

    def fault(self, text: str) -> str:
        """How a text breaks the rule, empty where it keeps it."""
        if not text:
            return "is empty; fill it in or take it out"
        if not self.lines and "\n" in text:
            return "has several lines; put it on one"
        if len(text) > self.most:
            return f"has {len(text):,} characters; keep it to {self.most:,}"
        if self.form and not re.fullmatch(self.form, text):
            return f"is {quoted(text)}; {self.say}"
        return ""


_HOW: Final = {
    Kind.LIST: ': one "- " line for each item',
    Kind.MAPPING: " on each of its lines",
    Kind.NUMBER: " without quotes",
    Kind.TRUTH: ": true or false",
}


class Report:
    """The faults found so far, and where each value of the file stands.

    `keys` are those of each kind of entry, and `needed` is how many of them, counted from the first, it must have.
    """

    def __init__(
        self, keys: Mapping[str, tuple[str, ...]], needed: Mapping[str, int], faults: Iterable[Fault] = ()
    ) -> None:
        self.keys, self.needed = keys, needed
        self.faults = list(faults)
        self.nodes: dict[Where, Node] = {}
        self.broken: set[Where] = set()
        """The paths with a fault: no profile needs to complain there again."""
        self.counted: set[Where] = set()
        """The lists that are too long or too short: a profile need not count them again."""

    def add(self, path: Where, node: Node, message: str) -> None:
        """A fault at a node."""
        self.broken.add(path)
        self.faults.append(Fault(node.line, node.column, message))

    def text(self, path: Where, node: Node, what: str, rule: TextRule) -> str:
        """A text that keeps its rule; the text as it is where it breaks the rule; empty where there is none."""
        self.nodes[path] = node
        match node.kind:
            case Kind.TEXT:
                text = node.text.strip("\n").rstrip() if rule.lines else node.text.strip()
                if node.row:
                    node.row += len(node.text) - len(node.text.lstrip("\n"))
                if fault := rule.fault(text):
                    self.add(path, node, f"{what} {fault}")
                return text
            case Kind.NUMBER | Kind.TRUTH | Kind.DATE:
                self.add(path, node, f'{what} is read as {node.kind}; put it in quotes: "{_short(node.text)}"')
            case Kind.MAPPING:
                self.add(path, node, f'{what} is read as a key with a value; put it in quotes because of its ": "')
            case _:
                self.expect(Kind.TEXT, path, node, what)
        return ""

    def expect(self, kind: Kind, path: Where, node: Node, what: str) -> bool:
        """Whether a node is of a kind; if not, that is noted."""
        self.nodes[path] = node
        if node.kind is kind:
            return True
        if node.kind is Kind.NOTHING:
            self.add(path, node, f"{what} is empty; fill it in or take the key out")
        elif node.kind is Kind.REFUSED:
            self.broken.add(path)
        else:
            self.add(path, node, f"{what} is {node.kind}; write {kind}{_HOW.get(kind, '')}")
        return False

    def by_key(self, path: Where, node: Node, what: str) -> dict[str, Node]:
        """The values of a mapping. A value stands where its key stands, since that is where one looks for it."""
        values: dict[str, Node] = {}
        for name, value in node.pairs:
            key = name.text
            if name.kind is Kind.REFUSED:
                continue
            if name.kind in (Kind.LIST, Kind.MAPPING, Kind.NOTHING):
                self.add((*path, key), name, f"a key of {what} is {name.kind}; write a word")
            elif name.kind is not Kind.TEXT:
                self.add((*path, key), name, f"the key {key} of {what} is read as {name.kind}; put it in quotes")
            elif key == "<<":
                self.add((*path, key), name, f"the merge key << in {what} is not read; write the keys out")
            elif key in values:
                message = f"{what} has the key {quoted(key)} twice (first on line {values[key].line}); keep one"
                self.add((*path, key), name, message)
            else:
                value.line, value.column = name.line, name.column
                values[key] = value
        return values

    def unique(self, ids: list[str], what: str, path: Where) -> None:
        """Notes every id that was there before."""
        first: dict[str, Node] = {}
        for i, id in enumerate(ids):
            at = (*path, i, "id")
            if id and (earlier := first.setdefault(id, self.nodes[at])) is not self.nodes[at]:
                message = f"{quoted(id)} is the id of an earlier {what} (line {earlier.line}); give this one another"
                self.add(at, self.nodes[at], message)

    def known(self, ids: Iterable[str], known: list[str], what: str, path: Where) -> None:
        """Notes every id that names nothing. `what` has a place for the id."""
        for i, id in enumerate(ids):
            at = (*path, i) if (*path, i) in self.nodes else path
            if id and id not in known and at not in self.broken:
                mend = _meant(id, known, "take it out or add it")
                self.add(at, self.nodes[at], f"{what.replace('{}', quoted(id))} does not exist; {mend}")


_WHOLE_NUMBER: Final = re.compile("0|-?[1-9][0-9]{0,8}")

_Choice = TypeVar("_Choice", bound=StrEnum)


class Fields:
    """One entry of the file, read key by key. `what` is how problems name it."""

    def __init__(self, report: Report, node: Node, kind: str, what: str, path: Where) -> None:
        self.what = what
        self._report, self._path = report, path
        self._values: dict[str, Node] = {}
        if not report.expect(Kind.MAPPING, path, node, what):
            return
        self._values = report.by_key(path, node, what)
        keys = report.keys[kind]
        misspelt = set[str]()
        for name, value in self._values.items():
            if name not in keys:
                mend = _meant(name, keys, "take it out")
                misspelt.update(key for key in keys if f'"{key}"' in mend)
                report.add((*path, name), value, f"{what} has an unknown key {quoted(name)}; {mend}")
        for name in keys[: report.needed[kind]]:
            if name not in self._values and name not in misspelt:
                report.add((*path, name), node, f'{what} has no "{name}"; add it')

    def has(self, key: str) -> bool:
        """Whether the key is written."""
        return key in self._values

    def text(self, key: str, rule: TextRule) -> str:
        """The text of a key, empty where there is none."""
        node = self._values.get(key)
        return self._report.text((*self._path, key), node, f"{key} of {self.what}", rule) if node else ""

    def whole_number(self, key: str, least: int, most: int, *, default: int = 0) -> int:
        """A number from `least` to `most`."""
        node = self._value(key, Kind.NUMBER)
        if node is None:
            return default
        number = int(node.text) if _WHOLE_NUMBER.fullmatch(node.text) else None
        if number is None or not least <= number <= most:
            wanted = f"write {least}" if least == most else f"choose a whole number from {least} to {most}"
            self._add(key, f"is {_short(node.text)}; {wanted}")
            return default
        return number

    def flag(self, key: str) -> bool:
        """True or false; false where nothing is said."""
        node = self._value(key, Kind.TRUTH)
        if node is None:
            return False
        if node.text not in ("true", "false"):
            self._add(key, f"is {node.text}; write true or false")
        return node.text.lower() in ("true", "yes", "on")

    def one_of(self, key: str, default: _Choice) -> _Choice:
        """A value of the default's enum."""
        text = self.text(key, TextRule(3000))
        choices = {str(choice): choice for choice in type(default)}
        if text and text not in choices:
            self._add(key, f"is {quoted(text)}; choose {_either(choices)}")
        return choices.get(text, default)

    def day(self, key: str, rule: TextRule) -> None:
        """A date of the calendar, as text."""
        text = self.text(key, rule)
        if not text or (*self._path, key) in self._report.broken:
            return
        try:
            date.fromisoformat(text)
        except ValueError:
            self._add(key, "is no day of the calendar; mend it")

    def texts(self, key: str, rule: TextRule, *, most: int) -> tuple[str, ...]:
        """A list of different texts."""
        texts: list[str] = []
        for i, node in enumerate(self._items(key, 0, most)):
            at, what = (*self._path, key, i), f"item {i + 1} in {key} of {self.what}"
            text = self._report.text(at, node, what, rule)
            if text and text in texts:
                self._report.add(at, node, f"{what} is there twice; take one out")
            texts.append(text)
        return tuple(texts)

    def table(self, key: str, keys: TextRule, values: TextRule) -> dict[str, str]:
        """A mapping from ids to texts."""
        node = self._value(key, Kind.MAPPING)
        if node is None:
            return {}
        path = (*self._path, key)
        table = {}
        for name, value in self._report.by_key(path, node, f"{key} of {self.what}").items():
            if fault := keys.fault(name):
                self._report.add((*path, name), value, f"the id {quoted(name)} in {key} {fault}")
            table[name] = self._report.text((*path, name), value, f"{quoted(name)} in {key}", values)
        return table

    def entry(self, key: str, kind: str, what: str) -> Fields:
        """The entry under a key; without any fields where there is none."""
        node = self._values.get(key, Node(Kind.REFUSED))
        return Fields(self._report, node, kind, what, (*self._path, key))

    def entries(self, key: str, kind: str, *, least: int = 0, most: int = 100_000) -> list[Fields]:
        """A list of entries. One that cannot be read is there too, without any fields, so that paths stay true."""
        return [
            Fields(self._report, node, kind, self._called(kind, i, node), (*self._path, key, i))
            for i, node in enumerate(self._items(key, least, most))
        ]

    def _items(self, key: str, least: int, most: int) -> list[Node]:
        node = self._value(key, Kind.LIST)
        if node is None:
            return []
        if not least <= len(node.items) <= most:
            wanted = f"keep at most {most}" if node.items else f"add at least {least}"
            # What is wrong inside is told all the same, so the list does not count as broken.
            message = f"{key} of {self.what} has {len(node.items)} item{'s' * (len(node.items) != 1)}; {wanted}"
            self._report.faults.append(Fault(node.line, node.column, message))
            self._report.counted.add((*self._path, key))
        return node.items

    def _called(self, kind: str, i: int, node: Node) -> str:
        id = next((value.text for name, value in node.pairs if name.text == "id" and value.text), "")
        if kind == "question":
            return quoted(id) if id else f"question {i + 1}"
        return f"{kind} {quoted(id) if id else i + 1} of {self.what}"

    def _value(self, key: str, kind: Kind) -> Node | None:
        """The value of a key if it is of a kind; if it is of another, that is noted."""
        node = self._values.get(key)
        if node and self._report.expect(kind, (*self._path, key), node, f"{key} of {self.what}"):
            return node
        return None

    def _add(self, key: str, message: str) -> None:
        """A fault at the value of a key."""
        self._report.add((*self._path, key), self._values[key], f"{key} of {self.what} {message}")


def quoted(text: str) -> str:
    """A text in quotes on one line, cut where it is long."""
    return f'"{_short(text)}"'


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 40 else f"{line[:39]}…"


def _either(words: Iterable[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def _meant(word: str, known: Iterable[str], otherwise: str) -> str:
    """The mend for a name that nothing has. Long names are not compared: that takes quadratic time."""
    close = difflib.get_close_matches(word, known, n=1) if len(word) <= 60 else []
    return f'did you mean "{close[0]}"?' if close else otherwise
