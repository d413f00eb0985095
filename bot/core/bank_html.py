"""An answer as HTML and back: what its Markdown says, and as much of any HTML as that Markdown can say."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, takewhile
from typing import Final, Literal

from bot.core.bank_writing import NOT_TEXT

__all__ = ["Passage", "from_html", "line_html", "passages", "program_html", "spans", "to_html"]

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


# --- out --------------------------------------------------------------------------------------------------------


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


# --- back -------------------------------------------------------------------------------------------------------


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
