"""Write a bank: what its file holds as plain values; the file itself, in the style of the one that we ship; a page."""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import date
from itertools import groupby, takewhile
from typing import Any, Final, Literal
from urllib.parse import quote

from bot.core.bank import KEYS
from bot.core.model import Bank, Question, Reference

__all__ = [
    *("NOT_TEXT", "ORDER", "from_html", "in_quotes", "line_html", "links", "plain", "program_html", "to_html"),
    *("to_markdown", "to_yaml"),
]

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


def plain(bank: Bank) -> dict[str, Any]:
    """What the bank's file holds: dicts, lists, texts, whole numbers and truths, in the order of the shipped file.

    Left out is whatever the reader fills in by itself. Slugs stand without the bank's id.
    """
    written: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "bank": _entry(bank, "bank")}
    if bank.topics:
        written["topics"] = dict(bank.topics)
    written["questions"] = [
        {**entry, **{key: _slugs(entry[key]) for key in ("id", "related") if key in entry}}
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


def in_quotes(text: str) -> str:
    """A text between double quotes, as both JSON and YAML read it, on one line of signs that any editor shows."""
    return NOT_TEXT.sub(lambda sign: f"\\u{ord(sign[0]):04x}", json.dumps(text, ensure_ascii=False))


# --- what is written --------------------------------------------------------------------------------------------


def _entry(value: Any, kind: str) -> dict[str, Any]:
    defaults = {field.name: field.default for field in fields(value)}
    of = {key: getattr(value, key) for key in ORDER[kind]}
    return {key: _value(held, key) for key, held in of.items() if defaults[key] is MISSING or held != defaults[key]}


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


# --- what an answer's Markdown says -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Passage:
    """A paragraph, a list or a program of an answer: its lines without bullets and fences."""

    kind: Literal["paragraph", "list", "program"]
    lines: tuple[str, ...]
    lang: str = ""


def passages(markdown: str) -> Iterator[Passage]:
    """The passages of a text in the Markdown that all platforms share: paragraphs, one level of bullets, fences."""
    lines = iter(markdown.split("\n"))
    kind: Literal["paragraph", "list"] = "paragraph"
    held: list[str] = []
    for line in lines:
        fence, bullet = line.startswith("```"), line.startswith("- ")
        if held and (fence or bullet != (kind == "list") or not line.strip()):
            yield Passage(kind, tuple(held))
            held = []
        if fence:
            # A fence that is never closed holds the rest.
            program = tuple(takewhile(lambda row: row.strip() != "```", lines))
            yield Passage("program", program, line.strip("` "))
        elif line.strip():
            kind = "list" if bullet else "paragraph"
            held.append(line.removeprefix("- ").strip())
    if held:
        yield Passage(kind, tuple(held))


_SPAN: Final = re.compile(
    r"`(?P<code>[^`]+)`|\*\*(?P<strong>.+?)\*\*|(?<![\w*])\*(?P<em>[^*\s](?:[^*]*[^*\s])?)\*(?![\w*])"
)


def spans(line: str) -> Iterator[tuple[str, str]]:
    """The pieces of a line, each with how it is set: "code", "strong", "em" or "". A strong one may hold others."""
    end = 0
    for found in _SPAN.finditer(line):
        if found.start() > end:
            yield "", line[end : found.start()]
        yield str(found.lastgroup), found[str(found.lastgroup)]
        end = found.end()
    if end < len(line):
        yield "", line[end:]


def links(source: Reference) -> Iterator[tuple[str, str]]:
    """The ways to look a reference up: what each says and its address, which is empty where it has none."""
    if source.arxiv:
        yield f"arXiv:{source.arxiv}", f"https://arxiv.org/abs/{source.arxiv}"
    if source.doi:
        yield f"doi:{source.doi}", f"https://doi.org/{quote(source.doi, _IN_ADDRESS)}"
    if source.isbn:
        yield f"ISBN {source.isbn}", ""
    if source.url:
        yield source.url, quote(source.url, _IN_ADDRESS)


_IN_ADDRESS: Final = "%/:?#@!$&'*+,;=~[]"
"""The signs of an address that mean something in it; all others that are no letters are escaped."""

# --- an answer in HTML ------------------------------------------------------------------------------------------


def to_html(markdown: str) -> str:
    """A text in the Markdown that all platforms share as HTML without line ends, which fits into a cell of a table."""
    return "".join(map(_passage_html, passages(markdown)))


def line_html(line: str) -> str:
    """The same for one line."""
    return "".join(_span_html(*span) for span in spans(line))


def program_html(lines: Iterable[str], lang: str) -> str:
    """The same for a program."""
    named = f' class="language-{html.escape(lang)}"' if lang else ""
    return f"<pre><code{named}>{'<br>'.join(html.escape(line, quote=False) for line in lines)}</code></pre>"


def _passage_html(passage: Passage) -> str:
    if passage.kind == "program":
        return program_html(passage.lines, passage.lang)
    lines = map(line_html, passage.lines)
    if passage.kind == "paragraph":
        return f"<p>{'<br>'.join(lines)}</p>"
    return f"<ul>{''.join(f'<li>{line}</li>' for line in lines)}</ul>"


_TAG: Final = {"code": "code", "strong": "b", "em": "i"}


def _span_html(set_as: str, text: str) -> str:
    inner = line_html(text) if set_as == "strong" else html.escape(text, quote=False)
    return f"<{_TAG[set_as]}>{inner}</{_TAG[set_as]}>" if set_as else inner


def from_html(markup: str, *, plain: bool = False) -> str:
    """HTML in the Markdown that all platforms share, as far as it goes; without any marks if `plain`."""
    first, *others = markup.split("<!--")
    reader = _Reader(plain=plain)
    for piece in _PIECE.finditer(first + "".join(other.partition("-->")[2] for other in others)):
        if piece["text"]:
            reader.say(html.unescape(piece["text"]))
        elif piece["end"]:
            reader.end(piece["tag"].lower())
        else:
            reader.begin(piece["tag"].lower(), piece["attributes"])
    return NOT_TEXT.sub(" ", reader.read())


_PIECE: Final = re.compile(r"<(?P<end>/?)(?P<tag>[a-zA-Z][a-zA-Z0-9]*)(?P<attributes>[^<>]*)>|(?P<text>[^<]+|<)")
"""A tag or text. The standard library's parser of HTML takes quadratic time over what is not closed."""


_SIGNS: Final = {"b": "**", "strong": "**", "i": "*", "em": "*", "code": "`", "tt": "`", "kbd": "`"}
_IN_ITEMS: Final = ("p", "div", "br", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6")
"""What begins a line, save in an item of a list, which is one line."""

_STANDS_APART: Final = ("p", "ul", "ol", "pre", "table", "blockquote", "hr", "dl", "h1", "h2", "h3", "h4", "h5", "h6")
_OWN_LINE: Final = (*_STANDS_APART, "div", "tr", "li", "dt", "dd", "section", "article")
_SPACES: Final = ("td", "th")
_INSTEAD: Final = {"sub": "_", "sup": "^"}
_UNSEEN: Final = ("script", "style", "template", "title")
_ALT: Final = re.compile(r"""\balt\s*=\s*["']([^"']*)""", re.IGNORECASE)
_LANGUAGE: Final = re.compile(r"\blanguage-([\w+#.-]+)")


class _Reader:
    """Turns HTML into lines of Markdown, piece by piece. What it does not know is read as the text in it."""

    def __init__(self, *, plain: bool) -> None:
        self._plain = plain
        self._lines: list[str] = []
        self._runs: list[tuple[frozenset[str], str]] = []
        """The line so far: texts, and the signs to put around each."""
        self._open = Counter[str]()
        self._lists: list[int] = []
        """The number of the last item of each open list; below zero where items have bullets."""
        self._bullet = ""
        self._program: list[str] | None = None
        self._lang = ""

    def read(self) -> str:
        """The whole text; nothing can follow."""
        self._end_program()
        self._end_line()
        return "\n".join(self._lines).strip("\n")

    def begin(self, tag: str, attributes: str) -> None:
        """A tag that opens."""
        if self._program is not None:
            if tag == "br":
                self._program.append("\n")
            elif tag == "code" and (named := _LANGUAGE.search(attributes)):
                self._lang = named[1]
        elif tag == "br" and not self._lists:
            self._end_line(blank=not self._runs)
        elif tag in _SPACES or (self._lists and tag in _IN_ITEMS):
            self.say(" ")
        elif tag == "img" and (alt := _ALT.search(attributes)):
            self.say(html.unescape(alt[1]))
        elif tag in _INSTEAD:
            self.say(_INSTEAD[tag])
        elif tag in _OWN_LINE:
            self._end_line(blank=tag in _STANDS_APART and not self._lists)
            if tag == "li":
                self._begin_item()
            elif tag in ("ul", "ol"):
                self._lists.append(0 if tag == "ol" else -1)
            elif tag == "pre" and not self._plain:
                self._program = []
        elif tag in _SIGNS or tag in _UNSEEN:
            self._open[tag] += 1

    def end(self, tag: str) -> None:
        """A tag that closes."""
        if tag == "pre":
            self._end_program()
        elif self._program is not None or (self._lists and tag in _IN_ITEMS):
            pass
        elif tag in _OWN_LINE:
            if tag in ("ul", "ol") and self._lists:
                self._end_line()
                self._lists.pop()
            self._end_line(blank=tag in _STANDS_APART and not self._lists)
        elif self._open[tag]:
            self._open[tag] -= 1

    def say(self, data: str) -> None:
        """Text, as it is to be read."""
        if self._program is not None:
            self._program.append(data)
        elif not any(self._open[tag] for tag in _UNSEEN):
            signs = {sign for tag, sign in _SIGNS.items() if self._open[tag] and not self._plain}
            # Three stars in a row can be read in two ways.
            self._runs.append((frozenset(signs - {"*"} if "**" in signs else signs), re.sub(r"\s+", " ", data)))

    def _begin_item(self) -> None:
        numbered = bool(self._lists) and self._lists[-1] >= 0
        if numbered:
            self._lists[-1] += 1
        self._bullet = f"{self._lists[-1]}. " if numbered else "- "

    def _end_line(self, *, blank: bool = False) -> None:
        if line := re.sub(" {2,}", " ", _with_signs(self._runs)).strip():
            self._lines.append(self._bullet + line)
            self._bullet = ""
        self._runs = []
        if blank and self._lines and self._lines[-1]:
            self._lines.append("")

    def _end_program(self) -> None:
        if self._program is not None:
            source = "".join(self._program).strip("\n").replace("```", "'''")
            self._lines += [f"```{self._lang}", *source.split("\n"), "```", ""]
        self._program, self._lang = None, ""


def _with_signs(runs: list[tuple[frozenset[str], str]], signs: tuple[str, ...] = ("**", "*", "`")) -> str:
    """Runs of text with their signs around them, each sign around as much as it can be, and never around a space."""
    if not signs:
        return "".join(text for _, text in runs)
    sign, rest = signs[0], signs[1:]
    pieces = []
    for signed, group in groupby(runs, key=lambda run: sign in run[0]):
        text = _with_signs(list(group), rest)
        if signed and (core := text.strip()):
            before, _, after = text.partition(core)
            text = f"{before}{sign}{core.replace('`', chr(39)) if sign == '`' else core}{sign}{after}"
        pieces.append(text)
    return "".join(pieces)


# --- a page for people ------------------------------------------------------------------------------------------


def to_markdown(bank: Bank) -> str:
    """The bank as a document to read: sections, questions, answers, what they are graded by, references."""
    page = [f"# {_plain(bank.title)}", _plain(f"{bank.id} {bank.version} · {bank.language} · {bank.licence}")]
    sections = dict.fromkeys(question.section for question in bank.questions)
    for section in sections:
        if any(sections):
            page.append(f"## {_plain(section[:1].upper() + section[1:]) or 'Other questions'}")
        for question in bank.questions:
            if question.section == section:
                page += _chapter(question, bank.topics)
    return NOT_TEXT.sub("\N{REPLACEMENT CHARACTER}", "\n\n".join(page) + "\n")


def _chapter(question: Question, topics: Mapping[str, str]) -> Iterator[str]:
    yield f"### {_plain(question.prompt)}"
    about = [topics.get(topic, topic) for topic in question.topics]
    yield _plain(" · ".join([*about, f"difficulty {question.difficulty} of 3", question.status]))
    yield from map(_set, passages(question.answer))
    if question.code:
        yield _fenced(question.code.source.split("\n"), question.code.lang)
    points = (_plain(point.text) + " (essential)" * point.essential for point in question.key_points)
    yield from _listed("A good answer says", points)
    claims = (f"{_plain(claim.claim)} *But:* {_plain(claim.why)}" for claim in question.misconceptions)
    yield from _listed("Often said, and wrong", claims)
    yield from _listed("Hints", map(_marked, question.hints))
    yield from _listed("To talk about", map(_marked, question.follow_ups))
    yield from _listed("References", map(_cited, question.references))


def _listed(heading: str, items: Iterable[str]) -> Iterator[str]:
    if bullets := [f"- {item}" for item in items]:
        yield f"**{heading}**"
        yield "\n".join(bullets)


def _cited(source: Reference) -> str:
    who = f"{_plain(source.authors)} ({source.year})." if source.authors else f"({source.year})."
    where = f", {_plain(source.where)}" if source.where else ""
    ways = (f"[{_plain(said)}]({address})" if address else said for said, address in links(source))
    return " ".join([who, f"*{_plain(source.title)}*{where}.", *ways])


def _set(passage: Passage) -> str:
    if passage.kind == "program":
        return _fenced(passage.lines, passage.lang)
    # A backslash at its end keeps a line of a paragraph apart from the next.
    bullet, end = ("- ", "\n") if passage.kind == "list" else ("", "\\\n")
    return end.join(bullet + _marked(line) for line in passage.lines)


def _fenced(lines: Iterable[str], lang: str) -> str:
    source = "\n".join(lines)
    fence = max(["``", *re.findall("`+", source)], key=len) + "`"
    return f"{fence}{_NO_LANGUAGE.sub('', lang)}\n{source}\n{fence}"


_NO_LANGUAGE: Final = re.compile(r"[^\w+#.-]")
_MARKUP: Final = re.compile(r"[\\`*\[\]<~$]|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)|#(?=#*$)")
_BEGINS_A_BLOCK: Final = re.compile(r"^(?:\d{1,9}(?=[.)](?: |$))|(?=[#+=>-]))")
_MARK: Final = {"": "", "code": "`", "strong": "**", "em": "*"}


def _plain(text: str) -> str:
    """A line that shows as it was typed."""
    return _BEGINS_A_BLOCK.sub(r"\g<0>\\", _escaped(" ".join(text.split())))


def _marked(line: str) -> str:
    """A line in which bold, italics and code are what they are, and all else shows as it was typed."""
    return _BEGINS_A_BLOCK.sub(r"\g<0>\\", "".join(_span(set_as, text) for set_as, text in spans(line)))


def _span(set_as: str, text: str) -> str:
    match set_as:
        case "code":
            inner = text
        case "strong":
            inner = "".join(_span(*inside) for inside in spans(text))
        case _:
            inner = _escaped(text)
    return _MARK[set_as] + inner + _MARK[set_as]


def _escaped(text: str) -> str:
    return _MARKUP.sub(r"\\\g<0>", text)
