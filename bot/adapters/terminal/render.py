"""Cards as lines of styled text. A pure function; control signs in anybody's words are shown, never obeyed."""

from __future__ import annotations

import re
import unicodedata
from typing import Final, assert_never

from bot.adapters.terminal.room import Lines, Run
from bot.core.card import Block, Board, Card, Line, Prose, Snippet, Span, TimeStyle, When, Words
from bot.core.schedule import zone

_INLINE: Final = re.compile(r"\*\*(?P<strong>.+?)\*\*|`(?P<code>[^`]+)`|\*(?P<em>[^*\s][^*]*)\*")


def render(card: Card, reference: str = "") -> Lines:
    """A card as lines: title, body, buttons, footer with the reference of its delivery."""
    lines: list[tuple[Run, ...]] = [(("title", clean(card.title)),)]
    for block in card.body:
        if _is_heading(block) and len(lines) > 1:
            lines.append(())
        lines += _block(block)
    if card.buttons:
        buttons = [("button", f"[{clean(button.label)}]") for button in card.buttons]
        lines.append(tuple(run for button in buttons for run in (button, ("", " ")))[:-1])
    footer = "".join(text for span in card.footer for _, text in [_span(span)])
    footer = " · ".join(piece for piece in (footer, f"ref {reference}" if reference else "") if piece)
    if footer:
        lines.append((("dim", footer),))
    return tuple(lines)


def _is_heading(block: Block) -> bool:
    return isinstance(block, Line) and not block.bullet and all(isinstance(s, Words) and s.strong for s in block.spans)


def clean(text: str) -> str:
    """Text without anything that could steer a terminal or reorder its line."""
    return "".join(sign if _harmless(sign) else "\N{REPLACEMENT CHARACTER}" for sign in text)


def _harmless(sign: str) -> bool:
    joins_emoji = sign == "\N{ZERO WIDTH JOINER}"
    return sign in "\n\t" or joins_emoji or unicodedata.category(sign) not in _UNSEEN


_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def _block(block: Block) -> list[tuple[Run, ...]]:
    match block:
        case Line():
            runs = tuple(_span(span) for span in block.spans)
            return [(("", "  • "), *runs)] if block.bullet else [runs]
        case Prose():
            return [_prose_line(row) for row in block.markdown.split("\n")]
        case Snippet():
            return [(("code", f"    {row}"),) for row in block.source.rstrip("\n").split("\n")]
        case Board():
            return _board(block)
        case _:
            assert_never(block)


def _span(span: Span) -> Run:
    match span:
        case Words():
            return ("strong" if span.strong else "", clean(span.text).replace("\n", " "))
        case When():
            return "", when(span)
        case _:
            assert_never(span)


def when(span: When) -> str:
    """An instant in the channel's zone."""
    local = span.at.astimezone(zone(span.zone))
    day = f"{local:%A} {local.day} {local:%B}"
    match span.style:
        case TimeStyle.TIME:
            return f"{local:%H:%M}"
        case TimeStyle.DATE:
            return day
        case TimeStyle.DATE_TIME:
            return f"{day}, {local:%H:%M}"


def _prose_line(row: str) -> tuple[Run, ...]:
    indent, text = ("  • ", row[2:]) if row.startswith("- ") else ("", row)
    runs: list[Run] = [("", indent)] if indent else []
    end = 0
    for found in _INLINE.finditer(text):
        if found.start() > end:
            runs.append(("", clean(text[end : found.start()])))
        style = str(found.lastgroup)
        runs.append(("strong" if style == "em" else style, clean(found[style])))
        end = found.end()
    if end < len(text) or not runs:
        runs.append(("", clean(text[end:])))
    return tuple(runs)


def _board(board: Board) -> list[tuple[Run, ...]]:
    if not board.rows:
        return [(("", board.empty),)] if board.empty else []
    names = [clean(row.name).replace("\n", " ")[:32] for row in board.rows]
    ranks = max(len(row.rank) for row in board.rows)
    wide = max(len(name) for name in names)
    points = max(len(row.points) for row in board.rows)
    return [
        (
            ("strong" if row.own else "bar", f"  {row.rank:>{ranks}}  {name:<{wide}}  {row.points:>{points}}  "),
            ("dim", row.rest + ("  (you)" if row.own else "")),
        )
        for row, name in zip(board.rows, names, strict=True)
    ]
