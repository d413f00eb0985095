"""Prints a room as one reads a channel. Plain text where there is no terminal: no colour, no cursor tricks."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from itertools import count
from typing import Final, TextIO

from rich.console import Console
from rich.text import Text

from bot.adapters.terminal.render import render
from bot.adapters.terminal.room import BOT, Lines, Message
from bot.core import notices
from bot.core.card import Button, Card
from bot.core.model import Receipt, Told, Why
from bot.core.schedule import zone
from bot.core.shown import clean, on_one_line

WIDTH: Final = 100
_NUMBER: Final = re.compile(r"(\d{1,3})\. (.+)", re.DOTALL)
_THREAD: Final = "  │ "
_PRIVATE: Final = "  ┆ "
_STYLES: Final = {
    "title": "bold cyan",
    "strong": "bold",
    "code": "green",
    "dim": "dim",
    "alt": "italic",
    "button": "magenta",
}


class _Console(Console):
    def on_broken_pipe(self) -> None:
        raise BrokenPipeError  # Rich would end the program from inside whatever task is printing.


def numbered(card: Card) -> dict[int, Button]:
    """A card's buttons by the numbers one presses them by, in their order.

    A label that begins with a number, as "3. A key point", is called by it, and loses it.
    """
    own = [_NUMBER.match(button.label) for button in card.buttons]
    taken = {int(found[1]) for found in own if found is not None}
    if len(taken) < sum(found is not None for found in own):
        own, taken = [None] * len(own), set()
    free = (number for number in count(1) if number not in taken)
    return {
        (int(found[1]) if found else next(free)): (replace(button, label=found[2]) if found else button)
        for found, button in zip(own, card.buttons, strict=True)
    }


class Show:
    """What a person in the room sees. It is a watcher of the room, and prints receipts and private replies."""

    def __init__(
        self, zone_name: str, out: TextIO | None = None, *, numbers: bool = True, reader: str | None = None
    ) -> None:
        """Times are shown in `zone_name`; `numbers` shows each message's id, by which it is edited.

        A `reader` sees nobody else's direct messages.
        """
        self._reader = reader
        self._zone = zone(zone_name)
        self._numbers = numbers
        self._day: date | None = None
        console = _Console(file=out or sys.stdout, highlight=False, markup=False, emoji=False)
        console.width = min(console.width, WIDTH) if console.is_terminal else WIDTH
        self._console = console
        self.trouble: OSError | None = None
        """Why nothing is printed any more. A watcher must not raise: the room's change has happened."""

    def changed(self, change: str, message: Message) -> None:
        """Print a change of the room."""
        if self._is_hidden(message):
            return
        match change:
            case "said":
                self.message(message)
            case "edited":
                self._day_of(message)
                self._head(message, f"{_name(message)} says [{message.id}] anew")
                self._lines(message.lines, _bar(message) + "       ")
            case "counts no more":
                self._put(_bar(message) + "       ", Text(f"[{message.id}] no longer counts", style="yellow"))
            case "deleted":
                self._day_of(message)
                self._head(message, f"{_name(message)} deleted [{message.id}]")

    def message(self, message: Message) -> None:
        """Print a message."""
        if self._is_hidden(message):
            return
        self._day_of(message)
        self._head(message, _name(message), message.id if self._numbers else "")
        self._lines(message.lines, _bar(message) + "       ", message.picture)

    def told(self, name: str, told: Told) -> None:
        """Print a message's receipt: a mark for what counts, a note to its author for what needs words."""
        where = _THREAD + "       "
        match told.receipt, told.why:
            case Receipt.NOT_COUNTED, (None | Why.TALK):
                return
            case ((Receipt.RECORDED | Receipt.REVISED), _):
                self._put(where, Text(f"✓ {told.receipt}", style="green"))
            case Receipt.WITHDRAWN, _:
                self._put(where, Text("✗ withdrawn", style="yellow"))
            case _:
                self._put(where, Text(f"(only {on_one_line(name)} sees: {notices.told(told)})", style="dim"))

    def private(self, name: str, card: Card, numbers: Mapping[int, Button] | None = None, *, picture: str = "") -> None:
        """Print a reply that only one person sees. Its buttons have these `numbers`, where they can be pressed.

        `picture` is where its picture is saved.
        """
        self._put("  ", Text(f"only {on_one_line(name)} sees:", style="dim"))
        if numbers:
            card = replace(
                card, buttons=tuple(replace(b, label=f"/{number} {b.label}") for number, b in numbers.items())
            )
        self._lines(render(card), _PRIVATE, picture)

    def card(self, card: Card) -> None:
        """Print a card that nobody has posted."""
        self._lines(render(card), "  ")

    def line(self, text: str, style: str = "") -> None:
        """Print a line of the program's own."""
        self._put("", Text(text, style=style))

    def saved(self, path: str, what: str = "", prefix: str = "") -> None:
        """Print where something is saved. It is not wrapped: a path is there to be copied."""
        self._print(Text.assemble((prefix, "dim"), f"{what}saved as {on_one_line(path)}"))

    def _day_of(self, message: Message) -> None:
        at = self._last_touched(message)
        if at.date() != self._day:
            self._day = at.date()
            title = f"── {at:%A} {at.day} {at:%B %Y} "
            self._put("", Text())
            self._put("", Text(title + "─" * (self._console.width - len(title)), style="bold"))

    def _head(self, message: Message, name: str, number: str = "") -> None:
        at = self._last_touched(message)
        head = Text.assemble((f"{at:%H:%M}  ", "dim"), (name, "bold yellow" if message.by == BOT else "bold blue"))
        if number:
            head.append(f"  [{number}]", style="dim")
        if message.reply_to is not None:
            head.append(f"  ↳ to {on_one_line(message.reply_to.partition('/@')[2])}", style="dim")
        if message.edited_at is not None and number:
            head.append("  (edited)", style="dim")
        if message.counts and number:
            head.append("  ✓", style="green")
        if message.thread is None and not message.alone_with:
            self._put("", Text())
        self._put(_bar(message), head)

    def _last_touched(self, message: Message) -> datetime:
        return (message.deleted_at or message.edited_at or message.at).astimezone(self._zone)

    def _is_hidden(self, message: Message) -> bool:
        return self._reader is not None and message.alone_with not in ("", self._reader)

    def _lines(self, lines: Lines, prefix: str, picture: str = "") -> None:
        has_board = any(style == "bar" for runs in lines for style, _ in runs)
        for runs in lines:
            if runs and runs[0][0] == "alt":
                if picture:
                    self.saved(picture, "picture ", prefix)
                if picture or has_board:  # A board above it says the same, in columns.
                    continue
            hang = "    " if runs and runs[0][1].startswith("  •") else ""
            text = Text.assemble(*((clean(piece), _STYLES.get(style, "")) for style, piece in runs))
            self._put(prefix, text, hang)

    def _put(self, prefix: str, text: Text, hang: str = "") -> None:
        width = max(20, self._console.width - len(prefix) - len(hang))
        rows = text.wrap(self._console, width) if text.cell_len > width else [text]
        for number, row in enumerate(rows):
            row.rstrip()
            shown = Text.assemble((prefix + (hang if number else ""), "dim"), row)
            shown.rstrip()
            self._print(shown)

    def _print(self, row: Text) -> None:
        if self.trouble is not None:
            return
        try:
            self._console.print(row, soft_wrap=True)
        except OSError as problem:
            self.trouble = problem


def _bar(message: Message) -> str:
    if message.alone_with:
        return _PRIVATE
    return _THREAD if message.thread is not None else ""


def _name(message: Message) -> str:
    name = on_one_line(message.name)
    if not message.alone_with:
        return name
    return f"{name} to {on_one_line(message.alone_with) if message.by == BOT else 'nnquestion'} alone"
