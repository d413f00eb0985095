"""Cards as Slack messages: Block Kit blocks, and a plain text that says the same. A pure function.

What anybody wrote goes into `rich_text` and `plain_text`, which Slack shows as they are: no markup, no mention and no
emoji code takes effect there. Only the text and what we write ourselves (times, channels, links) is mrkdwn.
A card's tone is not shown: blocks have no colour.

What a request may hold was read on https://docs.slack.dev/reference/block-kit in November 2026.
"""

from __future__ import annotations

import json
import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from itertools import accumulate
from typing import Any, Final, assert_never

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
    Press,
    Prose,
    Row,
    Snippet,
    Span,
    TimeStyle,
    When,
    Words,
)
from bot.core.shown import clean, in_words, on_one_line

Json = dict[str, Any]
"""A block, an element or a text object, ready to be sent."""

_JOINER: Final = "\N{ZERO WIDTH JOINER}"

MOST_BLOCKS: Final = 50
LONGEST_HEADER: Final = 150
LONGEST_LABEL: Final = 75
MOST_IN_ACTIONS: Final = 25
MOST_IN_CONTEXT: Final = 10

MOST_IN_VIEW: Final = 100
LONGEST_VIEW: Final = 200_000
"""Signs of a view's blocks as JSON in ASCII; Slack refuses a view of more than 250 kB (`view_too_large`).

https://docs.slack.dev/reference/methods/views.publish
"""

LONGEST_TEXT: Final = 40_000
"""Bytes of a message's text; Slack cuts off what is longer, and says nothing."""

LONGEST_MESSAGE: Final = 10_000
"""Signs of a message's blocks as JSON in ASCII.

Slack refuses blocks that are too long in sum (`msg_blocks_too_long`) and does not say how it counts. It was seen from
about 13,170 signs on (https://github.com/slackapi/bolt-js/issues/2509), also with far less text in more blocks (#2867).
ASCII is the longest of all ways to count, so no script can go over.
"""

LONGEST_PIECE: Final = 3_000
"""Signs of JSON in one section, item or program. It is documented for sections; for `rich_text` nothing is."""

LONGEST_LINK: Final = 1_500
"""Signs of JSON in a link, which is never cut; a longer one is shown as its words."""

LONGEST_ALT: Final = 2_000
"""Of the words that stand for a picture. https://docs.slack.dev/reference/block-kit/blocks/image-block"""

WIDEST: Final = 40
"""Columns of a board that a phone shows without wrapping."""

LONGEST_NAME: Final = 20
"""Columns of a name on a board; wide signs take two."""

_INLINE: Final = re.compile(
    r"(?P<code>`[^`]+`)"
    r"|(?<![A-Za-z0-9_)\]*])\*\*(?=[^\s*])(?P<strong>(?:`[^`]+`|[^`*]|(?<!\*)\*(?!\*)|`(?![^`]+`))++)"
    r"(?<!\s)\*\*(?![A-Za-z0-9_*])"
    r"|(?<![A-Za-z0-9_)\]*])\*(?=[^\s*])(?P<em>(?:`[^`]+`|[^`*]|`(?![^`]+`))++)(?<!\s)\*(?![A-Za-z0-9_*])"
)
"""The marks of `Prose`. A mark beside a letter or digit is a formula's: `a*b*c` and `x**2` stay as typed."""

_DATES: Final = {
    TimeStyle.TIME: "{time}",
    TimeStyle.DATE: "\u200b{day_divider_pretty}",
    TimeStyle.DATE_TIME: "\u200b{day_divider_pretty} at {time}",
}
"""https://docs.slack.dev/reference/block-kit/block-elements/date-element; "Monday, November 23rd" or "tomorrow".

Slack capitalizes the first sign, and "Closes Tomorrow" reads badly: let that be one that is not seen
(https://metacpan.org/pod/Slack::BlockKit::Block::RichText::Date).
"""

_LANGUAGES: Final = {"python": "python", "py": "python", "javascript": "javascript", "js": "javascript", "json": "json"}
"""The three that the reference names. Of others it says nothing, and a block refused would be a reveal not sent."""


@dataclass(frozen=True, slots=True)
class Message:
    """What `chat.postMessage` and `chat.update` take as `text` and `blocks`.

    The text is what notifications and screen readers get; it is mrkdwn, with `& < >` escaped. Send both with
    `unfurl_links=False` and `unfurl_media=False`, and without `link_names` and `parse`, which would find names to ping.
    """

    text: str
    blocks: tuple[Json, ...]


def render(card: Card, *, reference: str = "", file: str = "") -> tuple[Message, ...]:
    """A card as one message, or as more where Slack's limits force it.

    Its picture stands above the buttons if it was uploaded as this `file`, and is left out without one. There are as
    many parts either way.

    Every message's footer, and the end of its text, say `ref <reference>`. Each part of a delivery has a key of its
    own: render with the reference of a part's key (at most 20 signs), and take that part. How many there are, and
    what else is in them, does not depend on the reference. Header first, buttons and the card's footer last.
    """
    parts = _packed(_pieces(card, Counter()))
    return tuple(
        _message(pieces, _note(number, len(parts), reference), file) for number, pieces in enumerate(parts, start=1)
    )


def in_view(cards: Iterable[Card], *, file: str = "") -> list[Json]:
    """Cards one below the other, set apart by lines, as the blocks of a modal or a Home tab.

    `file` is what a picture was uploaded as; without, it is left out. Each button has an action of its own
    in the whole view. What a view cannot hold is left out, and "…" says so.
    https://docs.slack.dev/reference/views and https://docs.slack.dev/surfaces/modals
    """
    blocks: list[Json] = []
    numbers: Counter[Press] = Counter()
    for card in cards:
        blocks += [{"type": "divider"}] if blocks else []
        for pieces in _packed(_pieces(card, numbers)):
            blocks += _message(pieces, "", file).blocks
    if blocks and fits_view(blocks):
        return blocks
    rest = {"type": "section", "text": _plain("…")}
    room = LONGEST_VIEW - _weight(rest)
    sizes = accumulate(_weight(block) + 1 for block in blocks[: MOST_IN_VIEW - 1])
    return [*blocks[: sum(size <= room for size in sizes)], rest]


def fits_view(blocks: Sequence[Json]) -> bool:
    """Whether blocks may stand in one modal or Home tab."""
    return len(blocks) <= MOST_IN_VIEW and _weight(blocks) <= LONGEST_VIEW


def action_id(press: Press, number: int = 1) -> str:
    """The action of the nth button of that press in a message or view; Slack wants each to be different."""
    return press.value if number == 1 else f"{press.value}.{number}"


def press_of(action: str) -> Press | None:
    """The press that an action's id stands for; None if it is none of ours."""
    name = action.partition(".")[0]
    return next((press for press in Press if press.value == name), None)


def escape(text: str) -> str:
    """Text for a field that is mrkdwn: nothing in it can be a mention, a channel or a link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


# --- pieces: what a card is cut into, each small enough for any message -----------------------------------------


class _Kind(Enum):
    HEADER = auto()
    SECTION = auto()
    ITEM = auto()
    PROGRAM = auto()
    PICTURE = auto()
    ACTION = auto()
    FOOTER = auto()


@dataclass(frozen=True, slots=True)
class _Piece:
    """Elements that stay together. `opens` sets it off from what is above; a `heading` goes with what is below."""

    kind: _Kind
    elements: tuple[Json, ...]
    opens: bool = False
    heading: bool = False
    language: str = ""


def _pieces(card: Card, numbers: Counter[Press]) -> list[_Piece]:
    pieces = [*_title(card.title), *_body(card.body), *_picture(card.picture)]
    pieces += [*_buttons(card.buttons, numbers), *_footer(card.footer)]
    if any(_said(piece) or piece.kind is _Kind.PICTURE for piece in pieces):
        return pieces
    return [_Piece(_Kind.SECTION, (_text("…"),)), *pieces]  # Slack takes no message that says nothing.


def _title(title: str) -> Iterator[_Piece]:
    title = on_one_line(title).strip()
    if _units(title) > LONGEST_HEADER:
        yield from _cut(_Piece(_Kind.SECTION, (_text(title, bold=True),), opens=True, heading=True))
    elif title:
        yield _Piece(_Kind.HEADER, (_plain(title),), heading=True)


def _body(blocks: Iterable[Block]) -> Iterator[_Piece]:
    after_prose = False
    for block in blocks:
        pieces = [part for piece in _block(block) for part in _cut(piece)]
        if pieces and after_prose:
            pieces[0] = replace(pieces[0], opens=True)
        yield from pieces
        after_prose = isinstance(block, Prose) if pieces else after_prose


def _block(block: Block) -> Iterator[_Piece]:
    match block:
        case Line():
            heading = not block.bullet and all(isinstance(span, Words) and span.strong for span in block.spans)
            kind = _Kind.ITEM if block.bullet else _Kind.SECTION
            yield _Piece(kind, tuple(_element(span) for span in block.spans), opens=heading, heading=heading)
        case Prose():
            yield from _prose(block.markdown)
        case Snippet():
            yield _program(block.source, block.lang)
        case Board():
            yield _program("\n".join(_board(block.rows))) if block.rows else _section(on_one_line(block.empty))
        case _:
            assert_never(block)


def _section(text: str) -> _Piece:
    return _Piece(_Kind.SECTION, (_text(text),))


def _program(source: str, lang: str = "") -> _Piece:
    language = _LANGUAGES.get(lang.strip().lower(), "")
    return _Piece(_Kind.PROGRAM, (_text(clean(source).strip("\n")),), language=language)


def _picture(picture: Picture | None) -> Iterator[_Piece]:
    """The image without its file, of which nobody knows yet."""
    if picture is None:
        return
    alt = on_one_line(picture.alt).strip() or on_one_line(picture.title).strip() or "…"
    fitting = alt[: _before(alt, _fitting(alt, LONGEST_PIECE))]
    image: Json = {"type": "image", "alt_text": _short(fitting, LONGEST_ALT)}
    title = on_one_line(picture.title).strip()
    yield _Piece(_Kind.PICTURE, ({**image, "title": _plain(_short(title, LONGEST_HEADER))} if title else image,))


def _buttons(buttons: Iterable[Button], numbers: Counter[Press]) -> Iterator[_Piece]:
    """`numbers` are the buttons of each press so far."""
    for button in buttons:
        numbers[button.press] += 1
        label = on_one_line(button.label).strip() or button.press.value
        element = {
            "type": "button",
            "text": _plain(_short(label, LONGEST_LABEL)),
            "action_id": action_id(button.press, numbers[button.press]),
            "value": button.about,
        }
        if button.press is Press.ANSWER:
            element["style"] = "primary"
        yield _Piece(_Kind.ACTION, (element,))


def _footer(spans: Iterable[Span]) -> Iterator[_Piece]:
    words = ""
    for element in map(_element, spans):
        if element["type"] == "text":
            words += element["text"]
        else:
            yield from _small_print(words)
            yield _Piece(_Kind.FOOTER, ({"type": "mrkdwn", "text": _mrkdwn(element), "verbatim": True},))
            words = ""
    yield from _small_print(words)


def _small_print(words: str) -> Iterator[_Piece]:
    for part in _cut(_Piece(_Kind.FOOTER, (_text(words.strip()),))):
        yield replace(part, elements=tuple(_plain(element["text"]) for element in part.elements))


# --- elements: what stands in a line ------------------------------------------------------------------------------


def _text(text: str, **style: bool) -> Json:
    return {"type": "text", "text": text, "style": style} if style else {"type": "text", "text": text}


def _plain(text: str) -> Json:
    return {"type": "plain_text", "text": text, "emoji": False}


def _element(span: Span) -> Json:
    match span:
        case Words():
            return _text(on_one_line(span.text), bold=True) if span.strong else _text(on_one_line(span.text))
        case When():
            return {
                "type": "date",
                "timestamp": int(span.at.timestamp()),
                "format": _DATES[span.style],
                "fallback": in_words(span),
            }
        case Channel():
            there = span.id.partition("/")[2]
            if re.fullmatch(r"[CDG][A-Z0-9]{1,20}", there):
                return {"type": "channel", "channel_id": there}
            return _text("#" + on_one_line(there))
        case Jump():
            return {"type": "link", "url": permalink(span), "text": "open"}
        case Link():
            link = {"type": "link", "url": span.url, "text": on_one_line(span.text).strip()}
            fits = re.match(r"https?://[^/\s]", span.url) and link["text"] and _weight(link) <= LONGEST_LINK
            return link if fits else _text(link["text"])
        case Mention():
            return _text(f"@{on_one_line(span.name)}")  # What Slack calls a mention, it pings.
        case _:
            assert_never(span)


def permalink(jump: Jump) -> str:
    """A link to a message. It names no workspace, which only a request could tell: slack.com leads on to the right one.

    The form is that of https://docs.slack.dev/reference/methods/chat.getPermalink.
    """
    channel = jump.channel.partition("/")[2]
    link = f"https://slack.com/archives/{channel}/p{jump.message.replace('.', '')}"
    inside = jump.thread is not None and jump.thread != jump.message
    return f"{link}?thread_ts={jump.thread}&cid={channel}" if inside else link


def _mrkdwn(element: Json) -> str:
    match element["type"]:
        case "date":
            return f"<!date^{element['timestamp']}^{element['format']}|{escape(element['fallback'])}>"
        case "channel":
            return f"<#{element['channel_id']}>"
        case "link":
            return f"<{escape(element['url'])}|{escape(element['text'])}>"
        case "mrkdwn":
            return str(element["text"])
        case "button":
            return ""
        case _:
            return escape(element["text"])


# --- prose --------------------------------------------------------------------------------------------------------


def _prose(markdown: str) -> Iterator[_Piece]:
    opens, rows = True, iter(clean(markdown).split("\n"))
    for row in rows:
        if row.startswith("```"):
            piece = _program("\n".join(_fenced(rows)), row[3:])
        elif row.startswith("- "):
            piece = _Piece(_Kind.ITEM, tuple(_inline(row[2:])))
        elif row.strip():
            piece = _Piece(_Kind.SECTION, tuple(_inline(row)))
        else:
            opens = True
            continue
        yield replace(piece, opens=opens)
        opens = False


def _fenced(rows: Iterator[str]) -> Iterator[str]:
    for row in rows:
        if row.startswith("```"):
            return
        yield row


def _inline(text: str, **style: bool) -> Iterator[Json]:
    end = 0
    for found in _INLINE.finditer(text):
        yield _text(clean(text[end : found.start()]), **style)
        match found.lastgroup:
            case "code":
                yield _text(clean(found["code"][1:-1]), **style, code=True)
            case "strong":
                yield from _inline(found["strong"], **style, bold=True)
            case _:
                yield from _inline(found["em"], **style, italic=True)
        end = found.end()
    yield _text(clean(text[end:]), **style)


# --- boards -------------------------------------------------------------------------------------------------------


def _board(rows: Sequence[Row]) -> list[str]:
    """Rows in columns; where they are too wide for a phone, what is beside the points goes below the name."""
    names = [_shortened(on_one_line(row.name)) for row in rows]
    points = [on_one_line(row.points) for row in rows]
    rests = [on_one_line(row.rest) + ("  (you)" if row.own else "") for row in rows]
    wide, far = max(map(_columns, names)), max(map(_columns, points))
    indent = max(_columns(on_one_line(row.rank)) for row in rows)
    heads = [
        f"{_blanks(indent, row.rank)}{on_one_line(row.rank)} {name}{_blanks(wide, name)}  {_blanks(far, paid)}{paid}"
        for row, name, paid in zip(rows, names, points, strict=True)
    ]
    lines = [f"{head}  {rest}".rstrip() for head, rest in zip(heads, rests, strict=True)]
    if max(map(_columns, lines)) <= WIDEST:
        return lines
    below = [" " * (indent + 1) + rest for rest in rests]
    return [line.rstrip() for pair in zip(heads, below, strict=True) for line in pair if line.strip()]


def _blanks(columns: int, text: str) -> str:
    return " " * (columns - _columns(on_one_line(text)))


def _shortened(name: str) -> str:
    kept = name[: 4 * LONGEST_NAME]  # Signs can be piled up without end in one column.
    if kept == name and _columns(name) <= LONGEST_NAME:
        return name
    while _columns(kept) > LONGEST_NAME - 1:
        kept = kept[: _before(kept, len(kept) - 1)]
    return kept.rstrip() + "…"


def _columns(text: str) -> int:
    columns, joined = 0, False
    for sign in text:
        if not (joined or unicodedata.combining(sign) or unicodedata.category(sign) in ("Mn", "Me", "Cf")):
            columns += 2 if unicodedata.east_asian_width(sign) in "WF" else 1
        joined = sign == _JOINER
    return columns


# --- cutting ------------------------------------------------------------------------------------------------------


def _cut(piece: _Piece) -> Iterator[_Piece]:
    """The piece in parts of at most LONGEST_PIECE signs of JSON; none if it shows nothing.

    What goes on has no bullet of its own; a program goes on as a program.
    """
    kind = piece.kind
    for elements in _portions(piece.elements):
        if kind is _Kind.PROGRAM:
            elements = [{**element, "text": element["text"].removesuffix("\n")} for element in elements]
        if any(element["type"] != "text" or element["text"].strip() for element in elements):
            yield replace(piece, kind=kind, elements=tuple(elements))
            piece = replace(piece, opens=False)
            kind = _Kind.SECTION if kind is _Kind.ITEM else kind


def _portions(elements: Iterable[Json]) -> Iterator[list[Json]]:
    portion: list[Json] = []
    room = LONGEST_PIECE
    for element in elements:
        if element["type"] != "text":
            if _weight(element) > room:
                yield portion
                portion, room = [], LONGEST_PIECE
            portion.append(element)
            room -= _weight(element) + 1
            continue
        rest, bare = element["text"], _weight({**element, "text": ""}) + 1
        while rest:
            at = _border(rest, _fitting(rest, room - bare), whole=not portion)
            if at:
                portion.append({**element, "text": rest[:at]})
                room -= _weight(portion[-1]) + 1
                rest = rest[at:]
            if rest:
                yield portion
                portion, room = [], LONGEST_PIECE
    yield portion


def _border(text: str, at: int, *, whole: bool) -> int:
    """Where to cut text of which `at` signs fit: behind a paragraph, a line or a word, and inside one only if needed.

    0 where nothing fits well and there is more room elsewhere, which there is not if the `whole` room was free.
    """
    if at == len(text):
        return at
    for border, least in (("\n\n", at // 2), ("\n", at // 4), (" ", 0)):
        found = text.rfind(border, 0, max(at, 0))
        if found >= 0 and found >= least:
            return found + len(border)
    return _before(text, at) if whole else 0


def _before(text: str, at: int) -> int:
    """The last place up to `at` that is not inside a sign made of several, unless that is too far away."""
    for place in range(at, max(at - 20, 0), -1):
        sign = text[place] if place < len(text) else ""
        continues = sign == _JOINER or unicodedata.category(sign or " ") in ("Mn", "Me", "Mc") or sign in _SKINS
        if not continues and text[place - 1] != _JOINER:
            return place
    return at


_SKINS: Final = tuple(map(chr, range(0x1F3FB, 0x1F400)))


def _fitting(text: str, room: int) -> int:
    """How many signs from the start take up at most `room` signs of JSON, which each does at least one of."""
    least = range(min(len(text), max(room, 0)) + 1)
    return bisect_right(least, room, key=lambda signs: len(json.dumps(text[:signs])) - 2) - 1 if room > 0 else 0


def _short(text: str, units: int) -> str:
    return text if _units(text) <= units else _start(text, units - 1) + "…"


def _start(text: str, units: int) -> str:
    at = len(text)
    while _units(text[:at]) > units:
        at -= 1
    return text[: _before(text, at)]


def _weight(value: object) -> int:
    return len(json.dumps(value, separators=(",", ":")))


def _units(text: str) -> int:
    """Length as JavaScript counts it, never less than signs."""
    return len(text.encode("utf-16-le")) // 2


# --- messages -----------------------------------------------------------------------------------------------------


def _packed(pieces: Sequence[_Piece]) -> list[Sequence[_Piece]]:
    """The pieces in order, as many to a message as fit, and no heading at the end of one."""
    parts = []
    while pieces:
        most = range(1, min(len(pieces), LONGEST_MESSAGE // _LIGHTEST) + 1)
        number = max(bisect_left(most, True, key=lambda size: not _fits(pieces[:size])), 1)
        if 1 < number < len(pieces) and pieces[number - 1].heading:
            number -= 1
        parts.append(pieces[:number])
        pieces = pieces[number:]
    return parts


_LIGHTEST: Final = 20
"""Signs of JSON that any piece takes up; so many pieces need not be tried at once."""


def _fits(pieces: Sequence[_Piece]) -> bool:
    message = _message(pieces, _note(999, 999, "X" * 20), "F" * 20)
    return (
        len(message.blocks) <= MOST_BLOCKS
        and _weight(message.blocks) <= LONGEST_MESSAGE
        and len(message.text.encode()) <= LONGEST_TEXT
    )


def _note(part: int, parts: int, reference: str) -> str:
    said = (f"part {part} of {parts}" if parts > 1 else "", f"ref {reference}" if reference else "")
    return " · ".join(filter(None, said))


def _message(pieces: Sequence[_Piece], note: str, file: str) -> Message:
    images = [piece.elements[0] for piece in pieces if piece.kind is _Kind.PICTURE]
    footer = [element for piece in pieces if piece.kind is _Kind.FOOTER for element in piece.elements]
    if note and footer and _weight(_plain(f"{footer[-1]['text']} · {note}")) <= LONGEST_PIECE:
        footer[-1] = {**footer[-1], "text": f"{footer[-1]['text']} · {note}"}
    elif note:
        footer.append(_plain(note))
    actions = [element for piece in pieces if piece.kind is _Kind.ACTION for element in piece.elements]
    said = [_said(piece) for piece in pieces if piece.kind is not _Kind.FOOTER]
    if images and not any(said):  # Alone a picture needs words, the more so where it cannot be shown.
        said = [escape(images[0]["alt_text"])]
        pieces = pieces if file else [*_cut(_section(images[0]["alt_text"])), *pieces]
    return Message(
        text="\n".join(filter(None, [*said, " ".join(map(_mrkdwn, footer))])),
        blocks=(
            *_content(pieces),
            *({**image, "slack_file": {"id": file}} for image in images if file),
            *({"type": "actions", "elements": some} for some in _in_groups(actions, MOST_IN_ACTIONS)),
            *({"type": "context", "elements": some} for some in _in_groups(footer, MOST_IN_CONTEXT)),
        ),
    )


def _said(piece: _Piece) -> str:
    if piece.kind is _Kind.PICTURE:
        return ""
    bullet = "• " if piece.kind is _Kind.ITEM else ""
    return bullet + "".join(map(_mrkdwn, piece.elements))


def _content(pieces: Iterable[_Piece]) -> list[Json]:
    """The header, and a `rich_text` block for each group of pieces, which Slack sets off from the next by a gap."""
    blocks: list[Json] = []
    for piece in pieces:
        if piece.kind is _Kind.HEADER:
            blocks.append({"type": "header", "text": piece.elements[0]})
        elif piece.kind not in (_Kind.PICTURE, _Kind.ACTION, _Kind.FOOTER):
            if piece.opens or not blocks or blocks[-1]["type"] != "rich_text":
                blocks.append({"type": "rich_text", "elements": []})
            _append(blocks[-1]["elements"], piece)
    return blocks


def _append(group: list[Json], piece: _Piece) -> None:
    elements = [element for element in piece.elements if element.get("text") != ""]
    if piece.kind is _Kind.PROGRAM:
        language = {"language": piece.language} if piece.language else {}
        group.append({"type": "rich_text_preformatted", "elements": elements, **language})
        return
    section: Json = {"type": "rich_text_section", "elements": elements}
    if piece.kind is not _Kind.ITEM:
        group.append(section)
    elif group and group[-1]["type"] == "rich_text_list":
        group[-1]["elements"].append(section)
    else:
        group.append({"type": "rich_text_list", "style": "bullet", "elements": [section]})


def _in_groups(elements: Sequence[Json], most: int) -> Iterator[list[Json]]:
    for start in range(0, len(elements), most):
        yield list(elements[start : start + most])
