"""How a card's pieces are shown on every platform alike: words without tricks, instants in words."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from bot.core.card import TimeStyle, When
from bot.core.schedule import zone

_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_SEEN_ALL_THE_SAME: Final = "\n\t\N{ZERO WIDTH JOINER}"
"""The joiner holds families of emoji together."""


def clean(text: str) -> str:
    """Text without unseen signs: they could steer a terminal, reorder their line, or hide in it."""
    return "".join(
        sign if sign in _SEEN_ALL_THE_SAME or unicodedata.category(sign) not in _UNSEEN else "\N{REPLACEMENT CHARACTER}"
        for sign in text
    )


def on_one_line(text: str) -> str:
    """The same, without line breaks and tabs: names and titles cannot pass for something else."""
    return re.sub(r"\s+", " ", clean(text))


def in_words(when: When) -> str:
    """An instant in the channel's zone, for places that cannot show each reader's own."""
    local = when.at.astimezone(zone(when.zone))
    day = f"{local:%A} {local.day} {local:%B}"
    match when.style:
        case TimeStyle.TIME:
            return f"{local:%H:%M}"
        case TimeStyle.DATE:
            return day
        case TimeStyle.DATE_TIME:
            return f"{day}, {local:%H:%M}"
