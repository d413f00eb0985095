"""Cards as Discord messages: embeds in which everybody's words are shown as typed. A pure function.

How Discord's clients read a field decides how it is written here:

- `description` takes all of their Markdown, with lists, headings, fences, mentions and timestamps;
- `title` takes what stands inside a line (bold, code, links, emoji, timestamps), so it is escaped as well;
- `footer` takes none: its text is shown as it is, and an instant in it has to be put into words.

A backslash makes any sign that is no letter, digit or space mean itself. Inside code nothing can be escaped.
Nothing in an embed notifies anybody or unfolds a preview; still no words become a mention or a link.
https://docs.discord.com/developers/reference#message-formatting
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import chain
from typing import Final, TypedDict, assert_never
from urllib.parse import quote

from bot.core.card import (
    Block,
    Board,
    Button,
    Card,
    Channel,
    Jump,
    Line,
    Link,
    Mention,
    Picture,
    Prose,
    Snippet,
    Span,
    TimeStyle,
    Tone,
    When,
    Words,
)
from bot.core.shown import clean, in_words, on_one_line

TITLE: Final = 256
DESCRIPTION: Final = 4096
EMBED: Final = 6000
"""Title, description and footer together. Discord counts code points; UTF-16 units, as here, are never fewer."""

LABEL: Final = 80
"""Of a button."""

BUTTONS: Final = 25
"""Of a message: five rows of five."""

LINK: Final = 1500
"""Of a link, which is never cut; a longer one is shown as its words."""

COLOURS: Final[Mapping[Tone, int]] = {
    Tone.OPEN: 0x6272F5,
    Tone.REVEALED: 0x2A8F57,
    Tone.QUIET: 0x7C808C,
    Tone.TROUBLE: 0xE0484C,
}
"""The bar beside an embed: at least 3:1 against Discord's light and dark grounds."""

_FOOTER: Final = EMBED - TITLE - DESCRIPTION - len(" · ref 7K3F2A")
"""Of a footer's words: an embed whose fields keep to these limits keeps to that of all together."""

_ENOUGH: Final = DESCRIPTION // 2
"""A message this full may end before a paragraph of which a part would still fit."""

_SLIVER: Final = 200
"""Room that is not worth cutting a line for."""

_SHORTER_NAMES: Final = (24, 16, 10)
"""Of names on a board, as they are written, where a card would else take another message."""

_NOTHING: Final = "\N{ZERO WIDTH SPACE}"
"""Discord refuses an embed without text, and takes white space for none."""


class Footer(TypedDict):
    """The small print of an embed."""

    text: str


class Embed(TypedDict, total=False):
    """An embed as Discord's API has it, fit for `discord.Embed.from_dict`."""

    title: str
    description: str
    color: int
    footer: Footer


@dataclass(frozen=True, slots=True)
class Message:
    """One message: an embed with no content beside it, the buttons below it, and the picture to be shown in it."""

    embed: Embed
    buttons: tuple[Button, ...] = ()
    picture: Picture | None = None


def render(card: Card, *, reference: str = "") -> tuple[Message, ...]:
    """A card as one message, or as several where it is longer than an embed may be.

    The title stands on the first, picture, footer and buttons on the last, and `ref <reference>` ends each footer.
    Buttons beyond 25 go on below further messages, which say "…". Parts of a delivery have a key each, so part n of it
    is `render(card, reference=reference(key_n))[n - 1]`: how many parts there are and what they say does not depend on
    the reference, which has six characters.
    """
    title, untitled = _Row.of([_Run(on_one_line(card.title).strip())]).cut(TITLE)
    above = [] if untitled is None else [_Row(tuple(replace(run, mark=_Mark.STRONG) for run in untitled.runs))]
    footer = on_one_line("".join(_without_markdown(span) for span in card.footer)).strip()
    below = [_Row.of([_Run(footer)], gap=True)] if _units(footer) > _FOOTER else []
    if below:
        footer = ""
    pages = _pages([*above, *chain.from_iterable(map(_block, card.body)), *below])
    if len(pages) > 1:  # Addresses count, and are not worth another message.
        for body in _shorter(card.body):
            pages = min(pages, _pages([*above, *chain.from_iterable(map(_block, body)), *below]), key=len)
            if len(pages) == 1:
                break
    ref = f"ref {reference}" if reference else ""
    buttons = tuple(replace(button, label=_label(button.label)) for button in card.buttons)
    below_pages: list[tuple[Button, ...]] = [()] * (len(pages) - 1)
    below_pages += [buttons[begin : begin + BUTTONS] for begin in range(0, max(len(buttons), 1), BUTTONS)]
    pictured = len(pages)
    pages += ["…"] * (len(below_pages) - len(pages))
    messages = []
    for number, page in enumerate(pages, start=1):
        first, last = number == 1, number == len(pages)
        embed: Embed = {"color": COLOURS[card.tone]}
        if first and title.text:
            embed["title"] = title.markdown
        if page.strip() or "title" not in embed:
            embed["description"] = page if page.strip() else _NOTHING
        small = " · ".join(piece for piece in (footer if last else "", ref) if piece)
        if small:
            embed["footer"] = {"text": small}
        messages.append(Message(embed, below_pages[number - 1], card.picture if number == pictured else None))
    return tuple(messages)


def _shorter(body: Sequence[Block]) -> Iterator[Sequence[Block]]:
    """The body without addresses, then with shorter names on its boards, and at last with names and points alone."""
    unlinked = [_without_links(block) for block in body]
    yield unlinked
    if any(isinstance(block, Board) for block in body):
        for longest in _SHORTER_NAMES:
            yield [_with_short_names(block, longest) for block in unlinked]
        yield [_with_short_names(block, _SHORTER_NAMES[-1], rest=False) for block in unlinked]


def _with_short_names(block: Block, longest: int, *, rest: bool = True) -> Block:
    """A board whose names take at most so much room; other blocks as they are."""
    if not isinstance(block, Board):
        return block
    rows = (replace(row, name=_short(row.name, longest), rest=row.rest if rest else "") for row in block.rows)
    return replace(block, rows=tuple(rows))


def _short(name: str, longest: int) -> str:
    name = on_one_line(name)
    if _units(escape(name)) <= longest:
        return name
    end = _longest(len(name), longest - 1, lambda end: _units(escape(name[:end])))
    return name[: _border(name, end)].rstrip() + "…"


# --- signs --------------------------------------------------------------------------------------------------

_MEANS_SOMETHING: Final = re.compile(r"[\\*_~|`<@\[]|:(?=//|[\w+~-]+:)")
"""Emphasis, strikes, spoilers, code, mentions, emoji, timestamps and links of every kind, wherever they stand."""

_BEGINS_A_LINE: Final = re.compile(r"\s*(?:\d+(?=\.(?:\s|$))|(?=[-+](?:[\s#]|$)|[#>]))")
"""Up to the sign by which a list, a heading, small print or a quote begins."""


def escape(text: str) -> str:
    """A line of text in the Markdown that shows it as typed, at the beginning of a line or inside."""
    begins = _BEGINS_A_LINE.match(text)
    end = begins.end() if begins else 0
    return text[:end] + ("\\" if begins else "") + _MEANS_SOMETHING.sub(r"\\\g<0>", text[end:])


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _label(text: str) -> str:
    label = on_one_line(text).strip()
    if _units(label) <= LABEL:
        return label or _NOTHING
    end = _longest(len(label), LABEL - 1, lambda end: _units(label[:end]))
    return label[: _border(label, end)].rstrip() + "…"


# --- runs and rows ------------------------------------------------------------------------------------------


class _Mark(Enum):
    PLAIN = ""
    STRONG = "**"
    LEANING = "*"
    CODE = "`"
    MARKDOWN = None
    """Written in Discord's Markdown already, and never cut."""


@dataclass(frozen=True, slots=True)
class _Run:
    text: str
    mark: _Mark = _Mark.PLAIN

    @property
    def signs(self) -> int:
        """How many signs it can be cut into."""
        return 1 if self.mark is _Mark.MARKDOWN else len(self.text)

    @property
    def markdown(self) -> str:
        match self.mark:
            case _Mark.MARKDOWN:
                return self.text
            case _Mark.CODE:
                return _in_code(self.text)
            case _Mark.PLAIN:
                return escape(self.text)
            case _Mark.STRONG | _Mark.LEANING:
                bare = self.text.strip()
                if not bare:
                    return self.text
                before, _, after = self.text.partition(bare)
                return f"{before}{self.mark.value}{escape(bare)}{self.mark.value}{after}"
            case _:
                assert_never(self.mark)


def _in_code(text: str) -> str:
    """A span of code, in as many backticks as it does not hold in a row. Three would begin a block."""
    held = {len(found) for found in re.findall("`+", text)}
    fence = next((fence for fence in ("`", "``") if len(fence) not in held), None)
    if fence is None or not text.strip() or "`" in (text[0], text[-1]):
        return escape(text)
    return f"{fence}{text}{fence}"


@dataclass(frozen=True, slots=True)
class _Row:
    """A line, which the reader's screen may wrap. `gap` sets it off from the line before it."""

    runs: tuple[_Run, ...]
    bullet: bool = False
    gap: bool = False
    heading: bool = False

    @classmethod
    def of(cls, runs: Iterable[_Run], *, bullet: bool = False, gap: bool = False, heading: bool = False) -> _Row:
        """A row of these runs, neighbours of one kind made one: a sign means something by the next one, too."""
        merged: list[_Run] = []
        for run in runs:
            if run.text and merged and merged[-1].mark is run.mark and run.mark is not _Mark.MARKDOWN:
                merged[-1] = _Run(merged[-1].text + run.text, run.mark)
            elif run.text:
                merged.append(run)
        return cls(tuple(merged), bullet, gap, heading)

    @property
    def text(self) -> str:
        """Its signs; one stands for all of what is never cut."""
        return "".join("\N{OBJECT REPLACEMENT CHARACTER}" if r.mark is _Mark.MARKDOWN else r.text for r in self.runs)

    @property
    def markdown(self) -> str:
        # A line that began with a space would be taken into the list above it.
        line = "".join(run.markdown for run in self.runs).strip()
        return f"- {line}" if self.bullet and line else line

    def cut(self, room: int) -> tuple[_Row, _Row | None]:
        """As much of the row as `room` units hold, and the rest if there is any. It holds a sign at least."""
        if _units(self.markdown) <= room:
            return self, None
        text = self.text
        end = _longest(min(len(text), room), room, lambda end: _units(self._part(0, end).markdown))
        end = _border(text, max(end, 1))
        rest = self._part(end + len(text[end:]) - len(text[end:].lstrip()), len(text))
        return self._part(0, end), replace(rest, bullet=False, gap=False, heading=False) if rest.runs else None

    def _part(self, start: int, end: int) -> _Row:
        runs, at = [], 0
        for run in self.runs:
            low, high = max(start - at, 0), min(end - at, run.signs)
            if low < high:
                runs.append(run if run.mark is _Mark.MARKDOWN else _Run(run.text[low:high], run.mark))
            at += run.signs
        return replace(self, runs=tuple(runs))


@dataclass(frozen=True, slots=True)
class _Code:
    """A fenced block."""

    rows: tuple[str, ...]
    lang: str = ""
    gap: bool = False

    @property
    def markdown(self) -> str:
        # No sign escapes a backtick here. The one between them is not seen, but goes along where code is copied.
        source = re.sub("``(?=`)", f"``{_NOTHING}", "\n".join(self.rows))
        return f"```{self.lang}\n{source}\n```"

    def cut(self, room: int) -> tuple[_Code, _Code | None]:
        """As many lines as `room` units hold, fenced, and the rest in a fence of its own; at least a sign."""
        if _units(self.markdown) <= room:
            return self, None
        count = _longest(len(self.rows), room, lambda count: _units(self._of(self.rows[:count]).markdown))
        if count:
            return self._of(self.rows[:count]), self._of(self.rows[count:])
        row, below = self.rows[0], self.rows[1:]
        end = _longest(min(len(row), room), room, lambda end: _units(self._of((row[:end],)).markdown))
        end = _border(row, max(end, 1))
        return self._of((row[:end],)), self._of((row[end:], *below))

    def _of(self, rows: Sequence[str]) -> _Code:
        return replace(self, rows=tuple(rows), gap=False)


_Item = _Row | _Code


def _longest(most: int, room: int, units: Callable[[int], int]) -> int:
    """The greatest number up to `most` of which `units` says that it fits; 0 if none does."""
    # Some lengths go back by one or two from a number to the next; what is found fits all the same.
    return max(bisect_right(range(most + 1), room, key=units) - 1, 0)


def _border(text: str, end: int) -> int:
    """The last place up to `end` where a text is best cut: between words, else between signs."""
    if end >= len(text) or text[end].isspace():
        return end
    space = max(text.rfind(sign, end // 2, end) for sign in " \t")
    if space > 0:
        return space
    return next((place for place in range(end, end // 2, -1) if not _joined(text[place - 1], text[place])), end)


def _joined(before: str, sign: str) -> bool:
    """Whether two signs are seen as one: accents, emoji of several signs, flags."""
    joiner = "\N{ZERO WIDTH JOINER}"
    flags = all("\U0001f1e6" <= letter <= "\U0001f1ff" for letter in (before, sign))
    tints = "\U0001f3fb" <= sign <= "\U0001f3ff"
    return flags or tints or joiner in (before, sign) or unicodedata.category(sign).startswith("M")


# --- blocks -------------------------------------------------------------------------------------------------

_FENCE: Final = re.compile(r" *```+ *(?P<lang>[^`\s]*)[^`]*")
_LANGUAGE: Final = re.compile(r"[A-Za-z0-9_+.#-]+")
_INLINE: Final = re.compile(
    r"(?<!`)(?P<fence>`+)(?!`)(?P<code>.+?)(?<!`)(?P=fence)(?!`)"
    r"|(?<![*\w])\*\*(?=[^\s*])(?P<strong>(?:[^*]|(?<!\*)\*(?!\*))+?)(?<=[^\s*])\*\*(?!\*)"
    r"|(?<![*\w])\*(?=[^\s*])(?P<leaning>[^*]+?)(?<=[^\s*])\*(?![*\w])"
)
"""Code first, in which stars are stars. A star inside a word is one of a formula."""

_WEB: Final = re.compile(r"https?://[^/]")
_MENTIONED: Final = re.compile(r"@&?[0-9]{1,20}")
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})
_STYLES: Final[Mapping[TimeStyle, str]] = {TimeStyle.TIME: "t", TimeStyle.DATE: "D", TimeStyle.DATE_TIME: "f"}


def _block(block: Block) -> Iterator[_Item]:
    match block:
        case Line():
            heading = not block.bullet and all(isinstance(span, Words) and span.strong for span in block.spans)
            yield _Row.of(map(_span, block.spans), bullet=block.bullet, gap=heading, heading=heading)
        case Prose():
            yield from _prose(block.markdown)
        case Snippet():
            yield from _code(clean(block.source).split("\n"), block.lang)
        case Board():
            yield from _board(block)
        case _:
            assert_never(block)


def _span(span: Span) -> _Run:
    match span:
        case Words():
            return _Run(on_one_line(span.text), _Mark.STRONG if span.strong else _Mark.PLAIN)
        case When():
            return _Run(f"<t:{int(span.at.timestamp())}:{_STYLES[span.style]}>", _Mark.MARKDOWN)
        case Channel():
            channel = span.id.partition("/")[2]
            return _Run(f"<#{channel}>", _Mark.MARKDOWN) if _is_id(channel) else _Run(_without_markdown(span))
        case Jump():
            link = _link(span)
            return _Run(f"[jump]({link})", _Mark.MARKDOWN) if link else _Run(_without_markdown(span))
        case Link():
            text, url = on_one_line(span.text).strip(), _address(span.url)
            link = f"<{url}>" if "://" in text else f"[{escape(text)}]({url})"  # No address may stand for another.
            fits = url and text and _units(link) <= LINK
            return _Run(link, _Mark.MARKDOWN) if fits else _Run(text)
        case Mention():
            at = span.id.partition("/")[2]
            return _Run(f"<{at}>", _Mark.MARKDOWN) if _MENTIONED.fullmatch(at) else _Run(_without_markdown(span))
        case _:
            assert_never(span)


def _without_markdown(span: Span) -> str:
    """A span where there is no Markdown."""
    match span:
        case Words():
            return span.text
        case When():
            return in_words(span)
        case Channel():
            return "#" + on_one_line(span.id.partition("/")[2])
        case Jump():
            return _link(span) or f"[{on_one_line(span.message)}]"
        case Link():
            return span.text
        case Mention():
            return "@" + on_one_line(span.name)
        case _:
            assert_never(span)


def _link(jump: Jump) -> str:
    """Where a message is; empty if its ids are none of Discord's."""
    group, _, channel = jump.channel.partition("/")
    ids = (group.partition(":")[2], jump.thread or channel, jump.message)
    return f"https://discord.com/channels/{'/'.join(ids)}" if all(map(_is_id, ids)) else ""


def _without_links(block: Block) -> Block:
    if not isinstance(block, Line):
        return block
    return replace(block, spans=tuple(Words(s.text) if isinstance(s, Link) else s for s in block.spans))


def _address(url: str) -> str:
    """A web address as it may stand in a link; empty if it is none."""
    safe = quote(url, safe="/:?#@!$&'*+,;=%[]~")
    return safe if _WEB.match(safe) else ""


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 20


def _prose(markdown: str) -> Iterator[_Item]:
    gap, lang = True, ""
    code: list[str] | None = None
    for row in clean(markdown).split("\n"):
        fence = _FENCE.fullmatch(row)
        if code is not None:
            if fence:
                yield from _code(code, lang, gap=gap)
                gap, code = False, None
            else:
                code.append(row)
        elif fence:
            code, lang = [], fence["lang"]
        elif not row.strip():
            gap = True
        else:
            bullet = row.startswith("- ")
            yield _Row.of(_inline(row[2:] if bullet else row), bullet=bullet, gap=gap)
            gap = False
    if code is not None:
        yield from _code(code, lang, gap=gap)


def _inline(text: str, mark: _Mark = _Mark.PLAIN) -> Iterator[_Run]:
    """The runs of a line of Markdown; what is inside bold or italics is code or has its mark."""
    end = 0
    for found in _INLINE.finditer(text):
        yield _Run(text[end : found.start()], mark)
        end = found.end()
        if found["code"] is not None:
            yield _Run(found["code"], _Mark.CODE)
        elif found["strong"] is not None:
            yield from _inline(found["strong"], _Mark.STRONG)
        else:
            # Marks that touch are read otherwise than they are meant.
            yield from _inline(found["leaning"], _Mark.LEANING if mark is _Mark.PLAIN else mark)
    yield _Run(text[end:], mark)


def _code(rows: Sequence[str], lang: str, *, gap: bool = False) -> Iterator[_Code]:
    """A block of these lines, without empty ones around them, which Discord leaves out; nothing if they are all so."""
    said = [number for number, row in enumerate(rows) if row.strip()]
    if said:
        known = _LANGUAGE.fullmatch(lang)
        yield _Code(tuple(rows[said[0] : said[-1] + 1]), lang if known else "", gap)


def _board(board: Board) -> Iterator[_Row]:
    """Ranks and points in fixed width, so that they stand in columns; then the name, whose width nobody knows."""
    if not board.rows and board.empty:
        yield _Row.of([_Run(on_one_line(board.empty))])
    figures = [(on_one_line(row.rank), on_one_line(row.points)) for row in board.rows]
    ranks = max((len(rank) for rank, _ in figures), default=0)
    points = max((len(paid) for _, paid in figures), default=0)
    for row, (rank, paid) in zip(board.rows, figures, strict=True):
        rest = " · ".join(piece for piece in (on_one_line(row.rest), "you" if row.own else "") if piece)
        yield _Row.of(
            [
                _Run(f"{rank:>{ranks}}  {paid:>{points}}", _Mark.CODE),
                _Run(" "),
                _Run(_apart(on_one_line(row.name)), _Mark.STRONG if row.own else _Mark.PLAIN),
                _Run(f" · {rest}" if rest else ""),
            ]
        )


def _apart(name: str) -> str:
    """A name that may run from right to left, without the figures after it being taken along."""
    if any(unicodedata.bidirectional(sign) in _RIGHT_TO_LEFT for sign in name):
        return f"\N{FIRST STRONG ISOLATE}{name}\N{POP DIRECTIONAL ISOLATE}"
    return name


# --- pages --------------------------------------------------------------------------------------------------


def _pages(items: Sequence[_Item]) -> list[str]:
    """Descriptions that hold all items in order; one at least. They end between paragraphs, else lines, else words."""
    pages = [""]
    for paragraph in _paragraphs(items):
        if not _add(pages, paragraph):
            for item in paragraph:
                _spread(pages, item)
    return pages


def _paragraphs(items: Sequence[_Item]) -> list[list[_Item]]:
    """Items in groups that are best kept together: headings with what they head, and lines without gaps."""
    paragraphs: list[list[_Item]] = []
    headed = False
    for item in items:
        if not paragraphs or (item.gap and not headed):
            paragraphs.append([])
        paragraphs[-1].append(item)
        headed = isinstance(item, _Row) and item.heading
    return paragraphs


def _add(pages: list[str], items: Sequence[_Item]) -> bool:
    """Add items whole, to a new page if the last one holds enough; False, and nothing changed, if that cannot be."""
    text = ""
    for item in items:
        text += _between(text, item) + item.markdown
    if _units(text) <= _room(pages[-1], items[0]):
        pages[-1] += _between(pages[-1], items[0]) + text
    elif not text.strip():
        return True
    elif _units(pages[-1]) >= _ENOUGH and _units(text) <= DESCRIPTION:
        pages.append(text)
    else:
        return False
    return True


def _spread(pages: list[str], item: _Item) -> None:
    """Add an item, in pieces where it has to be."""
    rest: _Item | None = item
    while rest is not None and not _add(pages, [rest]):
        room = _room(pages[-1], rest)
        if room >= _SLIVER:
            piece, rest = rest.cut(room)
            _add(pages, [piece])
        pages.append("")


def _room(page: str, item: _Item) -> int:
    """How many units an item may have on a page; negative if none."""
    return DESCRIPTION - _units(page) - len(_between(page, item))


def _between(page: str, item: _Item) -> str:
    """What comes between a page and its next item. A block of code has a margin of its own."""
    if not page:
        return ""
    return "\n\n" if item.gap and not page.endswith("\n```") else "\n"
