"""What is called otherwise in Discord than elsewhere.

The core writes commands as one types them: `/nnquestion me remind off`, `/nnquestion skip open`. Discord has a field
for each option, and shows or hides whole commands, so that the organizers' words stand below one of their own:
`/nnquestion me show:remind value:off`, `/nnquestion-admin skip what:open`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from bot.core.card import Block, Card, Line, Prose, Words
from bot.core.commands import BY_NAME, TABLE, Command, Option, Who, read, usage

_COMMAND: Final = re.compile(rf"/nnquestion (?P<name>{'|'.join(BY_NAME)})\b")
_NEXT_WORD: Final = re.compile(r" (?P<word>[^\s,;]*[^\s,;.:)])")
_VALUE: Final = re.compile(
    r" (?P<value>until \d{4}-\d\d-\d\d|\d\d:\d\d(?: [A-Z]\w+/\w+)?|\d{4}-\d\d-\d\d|back\b|off\b)"
)
"""Values of an option without choices, as the core writes them out. Other words are the sentence that goes on."""

_PLACEHOLDER: Final = re.compile(r"[A-Z]{2,}")
"""Stands for a value that is up to the reader, as in `help COMMAND`."""


def as_called_here(card: Card) -> Card:
    """The card, with commands as they are called and filled in here."""

    def said(block: Block) -> Block:
        match block:
            case Line():
                spans = tuple(
                    replace(span, text=_called(span.text)) if isinstance(span, Words) else span for span in block.spans
                )
                return replace(block, spans=spans)
            case Prose():
                return Prose(_called(block.markdown))
        return block

    return replace(card, title=_called(card.title), body=tuple(said(block) for block in card.body))


def _called(text: str) -> str:
    whole = next((whole for whole in _WHOLE if whole in text), None)
    if whole is not None:
        before, _, after = text.partition(whole)
        return f"{_called(before)}{_WHOLE[whole]}{_called(after)}"
    found = _COMMAND.search(text)
    if found is None:
        return text
    command, at = BY_NAME[found["name"]], found.end()
    filled: list[str] = []
    free = list(command.options)
    while (taken := _taken(free, text, at)) is not None:
        option, value, at = taken
        free.remove(option)
        filled.append(f" {option.name}:{value}")
    return f"{text[: found.start()]}{_name(command)}{''.join(filled)}{_called(text[at:])}"


def _taken(free: list[Option], text: str, at: int) -> tuple[Option, str, int] | None:
    """The option that is filled in here, with what, and where that ends; None where no option follows."""
    word = _NEXT_WORD.match(text, at)
    if word is None:
        return None
    name, sign, value = word["word"].partition("=")
    for option in free:
        if sign and option.name == name:
            return option, value, word.end()
        if not sign and not option.named and word["word"] in option.choices:
            return option, word["word"], word.end()
    unnamed = [option for option in free if not option.named and not option.choices]
    if not unnamed:
        return None
    if _PLACEHOLDER.fullmatch(word["word"]):
        return unnamed[0], word["word"], word.end()
    known = _VALUE.match(text, at)
    return None if known is None else (unnamed[0], known["value"], known.end())


def _name(command: Command) -> str:
    return f"/nnquestion-admin {command.name}" if command.who is Who.ORGANIZER else f"/nnquestion {command.name}"


def _usage(command: Command) -> str:
    fields = (f"{option.name}:{'|'.join(option.choices) or option.takes.value}" for option in command.options)
    shown = (f if option.required else f"[{f}]" for f, option in zip(fields, command.options, strict=True))
    return " ".join([f"Use it so: {_name(command)}", *shown])


def _whole() -> Iterator[tuple[str, str]]:
    """What is written out as a whole: how each command is used, and an example of it."""
    for command in TABLE:
        if command.options:
            yield usage(command), _usage(command)
        if command.example:
            options = read(command.example).options
            filled = (f" {name}:{value}" for name, value in options.items())
            yield f"/nnquestion {command.example}", _name(command) + "".join(filled)


_WHOLE: Final = dict(_whole())
