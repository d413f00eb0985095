"""From the text of a bank to nodes that know their lines, and every fault of its YAML in plain words.

The nodes are made from the events of the parser: the ready-made loaders forget where a value stood, let a key appear
twice, and follow aliases.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import yaml

# The C parser is some seven times faster; a PyYAML built without libyaml has only the other one.
_Loader: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_DEEPEST: Final = 20
"""A bank nests 6 deep. The parser takes quadratic time over thousands of brackets, so we stop long before."""

# What YAML calls not printable, and the breaks that count as lines for YAML but not for an editor.
_NOT_TEXT: Final = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


# Control signs that an escape can bring in, and those that turn the direction of a line.
_NOT_SHOWN: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069]")


class Kind(StrEnum):
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
class Node:
    """A value of the file where it stands. Lines count from 1; `row` is where the lines of a `|` text begin."""

    kind: Kind
    line: int = 1
    column: int = 1
    text: str = ""
    row: int = 0
    items: list[Node] = field(default_factory=list)
    """What a list holds; of a mapping, each key and then its value."""

    @property
    def pairs(self) -> Iterable[tuple[Node, Node]]:
        """The keys of a mapping with their values; nothing for any other kind."""
        return zip(self.items[::2], self.items[1::2], strict=True) if self.kind is Kind.MAPPING else ()


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at one place of the file. Lines and columns count from 1."""

    line: int
    column: int
    message: str


def read_nodes(text: str) -> tuple[Node, list[Fault]]:
    """The top of the file and the faults of its YAML. The top is refused where there is no bank to read.

    Where the YAML breaks off, the smallest part of the file that holds the place is refused, and the rest is read; of
    a whole question that is refused, the text of its node is its id.
    """
    faults: list[Fault] = []
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.startswith("\ufeff"):
        faults.append(Fault(1, 1, "the file begins with a byte order mark; save it as UTF-8 without one"))
        text = text[1:]
    for number, line in enumerate(text.split("\n"), start=1):
        if strange := _NOT_TEXT.search(line):
            message = f"the line holds U+{ord(strange[0]):04X}, which is not text; remove it"
            faults.append(Fault(number, strange.start() + 1, message))
    lines, cut = _NOT_TEXT.sub(" ", text).split("\n"), list[_Cut]()
    while True:
        # The top of the file is the one item of a list, so that it has a place to go like any other value.
        top, found = Node(Kind.LIST), list[Fault]()
        if _grow(top, "\n".join(lines), found):
            break
        broken = found[-1]
        told = [one for one in cut if broken.line - 1 in one.lines]
        block = next(
            (b for b in _blocks(lines, broken.line) if all(len(b.lines) > len(one.lines) for one in told)), None
        )
        if not told:  # Else it is told already, and cutting it out did not help; a larger block may.
            faults.append(broken)
        if block is None or len(cut) == _MOST_CUT:
            if len(cut) == _MOST_CUT:
                faults.append(
                    Fault(broken.line, 1, f"after {_MOST_CUT} places like this one the rest is not looked at")
                )
            return Node(Kind.REFUSED), faults
        cut.append(block)
        lines[block.lines.start : block.lines.stop] = [block.stub, *[""] * (len(block.lines) - 1)]
    faults += found
    root = top.items[0] if top.items else Node(Kind.NOTHING)
    if root.kind not in (Kind.MAPPING, Kind.REFUSED):
        faults.append(Fault(root.line, root.column, f'the file is {root.kind}; begin it with "bank:" and "questions:"'))
        return Node(Kind.REFUSED), faults
    _refuse(root, {one.lines.start + 1: one.id for one in cut})
    return root, faults


_MOST_CUT: Final = 100
"""So many broken places are told at once; one slip rarely breaks two."""

_STUB: Final = "cut-out-because-it-is-broken"
_TOP: Final = re.compile(r"""["']?(bank|questions|topics|schema_version)["']?\s*:""")


@dataclass(frozen=True, slots=True)
class _Cut:
    """Lines that are left out, counted from 0, what stands in their place, and the id of the question they were."""

    lines: range
    stub: str
    id: str = ""


def _blocks(lines: list[str], number: int) -> Iterator[_Cut]:
    """What holds a line (counted from 1), the smallest first: a key of a question, the question, a part of the file."""
    at = number - 1
    tops = [i for i, line in enumerate(lines) if _TOP.match(line)]
    top = max((i for i in tops if i <= at), default=None)
    if top is None:
        return
    end = next((i for i in tops if i > top), len(lines))
    name = _TOP.match(lines[top])
    if name is not None and name[1] == "questions":
        dash = next((m for line in lines[top + 1 : end] if (m := re.match(" *- ", line))), None)
        starts = [i for i in range(top + 1, end) if dash is not None and lines[i].startswith(dash[0])]
        start = max((i for i in starts if i <= at), default=None)
        if dash is None or start is None:
            return
        stop = next((i for i in starts if i > start), end)
        indent = " " * len(dash[0])
        if tabbed := re.match(r" *\t\s*([a-z_]+)\s*:", lines[at]):
            yield _Cut(range(at, at + 1), f"{indent}{tabbed[1]}: {_STUB}")
        keys = [i for i in range(start + 1, stop) if re.match(rf"{indent}[a-z_]+\s*:", lines[i])]
        key = max((i for i in keys if i <= at), default=None)
        if key is not None:
            after = next((i for i in keys if i > key), stop)
            yield _Cut(range(key, after), f"{lines[key].partition(':')[0]}: {_STUB}")
        yield _Cut(range(start, stop), f"{dash[0]}{_STUB}", _id_in(lines[start:stop]))
    else:
        yield _Cut(range(top, end), f"{lines[top].partition(':')[0]}: {_STUB}")


def _id_in(lines: list[str]) -> str:
    """The id of a question of which only the lines are known."""
    found = (re.match(" *(?:- )? *id: *[\"']?([a-z0-9-]+)", line) for line in lines)
    return next((id[1] for id in found if id), "")


def _refuse(node: Node, cut: dict[int, str]) -> None:
    """Marks what was cut out, so that whoever reads it stays silent."""
    for item in node.items:
        if item.text == _STUB and item.line in cut:
            item.kind, item.text = Kind.REFUSED, cut[item.line]
        _refuse(item, cut)


def _grow(top: Node, text: str, faults: list[Fault]) -> bool:
    """Puts the nodes of the first document below `top`; false where the rest of the file cannot be read."""
    parser = _Loader(text)
    open_nodes = [top]
    last_quoted = None
    try:
        while parser.check_event():
            event = parser.get_event()
            match event:
                case yaml.DocumentStartEvent() if top.items:
                    faults.append(_fault(event.start_mark, "a second document begins here; keep one in a file"))
                    return True
                case yaml.CollectionEndEvent():
                    open_nodes.pop()
                case yaml.NodeEvent():
                    siblings = open_nodes[-1].items
                    node = _node(parser, event)
                    # The value of a merge key: one problem is enough, and it is about the key.
                    if not (isinstance(event, yaml.AliasEvent) and siblings and siblings[-1].text == "<<"):
                        faults.extend(_fault(event.start_mark, message) for message in _not_read(event))
                    siblings.append(node)
                    if isinstance(event, yaml.ScalarEvent):
                        last_quoted = event if event.style in ("'", '"') else None
                    elif isinstance(event, yaml.CollectionStartEvent):
                        open_nodes.append(node)
                    if len(open_nodes) > _DEEPEST:
                        message = (
                            f"lists and keys are nested more than {_DEEPEST} deep; put a text with brackets in quotes"
                        )
                        faults.append(_fault(event.start_mark, message))
                        return False
    except yaml.MarkedYAMLError as error:
        faults.append(_in_plain_words(error, text.split("\n"), last_quoted))
        return False
    return True


_READ_AS: Final = {
    "int": Kind.NUMBER,
    "float": Kind.NUMBER,
    "bool": Kind.TRUTH,
    "timestamp": Kind.DATE,
    "null": Kind.NOTHING,
}


def _node(parser: Any, event: Any) -> Node:
    node = Node(Kind.REFUSED, event.start_mark.line + 1, event.start_mark.column + 1)
    match event:
        case yaml.SequenceStartEvent():
            node.kind = Kind.LIST
        case yaml.MappingStartEvent():
            node.kind = Kind.MAPPING
        case yaml.ScalarEvent():
            node.text = _NOT_SHOWN.sub(" ", event.value)
            node.row = node.line + 1 if event.style == "|" else 0
            if not event.tag:
                tag: str = parser.resolve(yaml.ScalarNode, event.value, event.implicit)
                node.kind = _READ_AS.get(tag.rpartition(":")[2], Kind.TEXT)
    return node


def _not_read(event: Any) -> Iterator[str]:
    """What a value holds of YAML that no bank needs."""
    if isinstance(event, yaml.AliasEvent):
        yield f"the alias *{event.anchor} is not followed; write the text out again"
        return
    if isinstance(event, yaml.ScalarEvent) and (strange := _NOT_SHOWN.search(event.value)):
        yield f"the text holds U+{ord(strange[0]):04X}, which cannot be shown; remove it"
    if event.anchor:
        yield f"the anchor &{event.anchor} is not read; take it out"
    if event.tag:
        yield "a value that begins with ! is a tag, which is not read; use quotes or take it out"


def _fault(mark: Any, message: str) -> Fault:
    return Fault(mark.line + 1, mark.column + 1, message)


_SYNTAX: Final = (
    ("escape character", "a backslash cannot stand between double quotes; use single quotes"),
    ("mapping values are not allowed", 'a ": " cannot stand here; put the value in quotes or mend the indentation'),
    ("scanning an a", "a value cannot begin with * or &; put it in quotes"),
    ("scanning a block scalar", "nothing but a sign can follow | or >; put the text on the lines below, indented"),
    ("tag", "a value that begins with ! is a tag, which is not read; put it in quotes"),
    ("block", "the line does not fit what is above; mend its indentation or its quotes"),
)
"""The parser's words, and ours. The first that fits counts."""


def _in_plain_words(error: yaml.MarkedYAMLError, lines: list[str], last_quoted: Any) -> Fault:
    """Where a file stops being YAML, and how to mend it."""
    said = f"{error.context or ''} {error.problem or ''}"
    opened = error.context_mark
    mark = error.problem_mark or opened
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    source = lines[line - 1] if line <= len(lines) else ""
    if re.match(" *\t", source):
        return Fault(line, column, "the line is indented with a tab; use spaces")
    if opened and "quoted scalar" in said and "end of stream" in said:
        return _fault(opened, "a quote opens here and is never closed; close it")
    if last_quoted and last_quoted.start_mark.line < last_quoted.end_mark.line and "block" in said:
        # The usual reason: the quote was closed by the one that opens the next quoted value.
        message = f"a quote opens here and closes only on line {last_quoted.end_mark.line + 1}; close it"
        return _fault(last_quoted.start_mark, message)
    if opened and "flow" in said:
        message = "a bracket opens here and is not closed as it should be; close it or put the value in quotes"
        return _fault(opened, message)
    if opened and "simple key" in said:
        return _fault(opened, 'a line without a key; add "key: " or indent it like the text it belongs to')
    if "cannot start any token" in said:
        return Fault(line, column, f"a value cannot begin with {source[column - 1 : column]}; put it in quotes")
    ours = (words for theirs, words in _SYNTAX if theirs in said)
    return Fault(line, column, next(ours, f"the file is not YAML here ({error.problem}); mend the line"))
