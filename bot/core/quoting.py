"""Whether an answer is somebody else's words."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from bot.core import text as reading
from bot.core.text import Sentence

RUN: Final = 4
SHARE: Final = 0.60
FEWEST: Final = 25
"""An answer is quoted if this share of its runs of four words, and this many of its words, stand in one other text.

Figures and symbols are no words: a table or a calculation is the same whoever writes it.
"""


def quotes(spoken: Sequence[Sentence], revealed: Sequence[str]) -> bool:
    """Whether an answer shares that much with any of these texts."""
    said = [word.text for sentence in spoken for word in sentence.words]
    if sum(1 for sentence in spoken for word in sentence.words if not word.symbol) < FEWEST:
        return False
    mine = reading.runs(said, RUN)
    return any(_quotes(mine, len(said), text) for text in revealed)


def _quotes(mine: Sequence[tuple[str, ...]], length: int, text: str) -> bool:
    theirs = _runs_of(text)
    found = [at for at, run in enumerate(mine) if run in theirs]
    words = {at + step for at in found for step in range(RUN)}
    return len(found) >= SHARE * len(mine) and len(words) >= min(FEWEST, length)


@lru_cache(maxsize=128)
def _runs_of(text: str) -> frozenset[tuple[str, ...]]:
    """A text's runs; many answers are held against the same ones."""
    words = [word.text for sentence in reading.sentences(text) for word in sentence.words]
    return frozenset(reading.runs(words, RUN))
