"""What is called otherwise in Discord than elsewhere."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from bot.core.card import Block, Card, Line, Prose, Words
from bot.core.commands import BY_NAME, Who

_FOR_ORGANIZERS: Final = "|".join(name for name, command in BY_NAME.items() if command.who is Who.ORGANIZER)
_ADMIN: Final = re.compile(rf"/nnquestion (?=(?:{_FOR_ORGANIZERS})\b)")
"""Discord shows or hides whole commands, so the organizers' words stand below one of their own there."""


def as_called_here(card: Card) -> Card:
    """The card, with the organizers' commands as they are called here."""

    def said(block: Block) -> Block:
        match block:
            case Line():
                spans = tuple(
                    replace(span, text=_ADMIN.sub("/nnquestion-admin ", span.text)) if isinstance(span, Words) else span
                    for span in block.spans
                )
                return replace(block, spans=spans)
            case Prose():
                return Prose(_ADMIN.sub("/nnquestion-admin ", block.markdown))
        return block

    return replace(card, title=_ADMIN.sub("/nnquestion-admin ", card.title), body=tuple(said(b) for b in card.body))
