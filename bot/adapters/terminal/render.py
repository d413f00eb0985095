"""Cards as lines of styled text. A pure function; control signs in anybody's words are shown, never obeyed."""

from __future__ import annotations

import re
from typing import Final, assert_never

from rich.cells import cell_len, set_cell_size

from bot.adapters.terminal.room import Lines, Run
from bot.core.card import (
    Block,
    Board,
    Card,
    Channel,
    Jump,
    Line,
    Link,
    Mention,
    Prose,
    Snippet,
    Span,
    When,
    Words,
)
from bot.core.shown import clean, in_words, on_one_line

LONGEST_NAME: Final = 32
"""Columns of a name on a board; wide signs take two."""

BUTTONS_WIDE: Final = 90
"""Columns of a row of buttons."""

_INLINE: Final = re.compile(r"\*\*(?P<strong>.+?)\*\*|`(?P<code>[^`]+)`|\*(?P<em>[^*\s][^*]*)\*")


def render(card: Card, reference: str = "") -> Lines:
    """A card as lines: title, body, its picture in words, buttons, footer with the reference of its delivery."""
    lines: list[tuple[Run, ...]] = [(("title", on_one_line(card.title)),)]
    for block in card.body:
        if _is_heading(block) and len(lines) > 1:
            lines.append(())
        lines += _block(block)
    if card.picture is not None:
        lines.append((("alt", f"[picture: {on_one_line(card.picture.alt)}]"),))
    if card.buttons:
        lines += _buttons([f"[{on_one_line(button.label)}]" for button in card.buttons])
    footer = "".join(text for span in card.footer for _, text in [_span(span)])
    footer = " · ".join(piece for piece in (footer, f"ref {reference}" if reference else "") if piece)
    if footer:
        lines.append((("dim", footer),))
    return tuple(lines)


def _buttons(labels: list[str]) -> list[tuple[Run, ...]]:
    """Buttons in a row, or in a column where no row is so wide."""
    if cell_len(" ".join(labels)) > BUTTONS_WIDE:
        return [(("button", label),) for label in labels]
    return [tuple(run for label in labels for run in (("button", label), ("", " ")))[:-1]]


def _is_heading(block: Block) -> bool:
    return isinstance(block, Line) and not block.bullet and all(isinstance(s, Words) and s.strong for s in block.spans)


def _block(block: Block) -> list[tuple[Run, ...]]:
    match block:
        case Line():
            runs = tuple(_span(span) for span in block.spans)
            return [(("", "  • "), *runs)] if block.bullet else [runs]
        case Prose():
            return _prose(block.markdown)
        case Snippet():
            return [_code_line(row) for row in block.source.rstrip("\n").split("\n")]
        case Board():
            return _board(block)
        case _:
            assert_never(block)


def _span(span: Span) -> Run:
    match span:
        case Words():
            return ("strong" if span.strong else "", on_one_line(span.text))
        case When():
            return "", in_words(span)
        case Channel():
            return "", "#" + on_one_line(span.id.partition("/")[2])
        case Jump():
            return "dim", f"[{span.message}]"
        case Link():
            return "", on_one_line(span.text)
        case Mention():
            return "", "@" + on_one_line(span.name)
        case _:
            assert_never(span)


def _prose(markdown: str) -> list[tuple[Run, ...]]:
    lines, fenced = [], False
    for row in markdown.split("\n"):
        if row.startswith("```"):
            fenced = not fenced
        else:
            lines.append(_code_line(row) if fenced else _prose_line(row))
    return lines


def _code_line(row: str) -> tuple[Run, ...]:
    return (("code", f"    {clean(row)}"),)


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
        return [(("", on_one_line(board.empty)),)] if board.empty else []
    names = [
        set_cell_size(name, min(cell_len(name), LONGEST_NAME)) for name in (on_one_line(r.name) for r in board.rows)
    ]
    ranks = max(len(row.rank) for row in board.rows)
    wide = max(cell_len(name) for name in names)
    points = max(len(row.points) for row in board.rows)
    return [
        (
            (
                "strong" if row.own else "bar",
                f"  {row.rank:>{ranks}}  {set_cell_size(name, wide)}  {row.points:>{points}}  ",
            ),
            ("dim", row.rest + ("  (you)" if row.own else "")),
        )
        for row, name in zip(board.rows, names, strict=True)
    ]
