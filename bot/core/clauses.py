"""A reference answer cut into key points, for questions whose author wrote none.

It is a poor man's rubric: nobody said which statement matters, so each counts by the words that it brings in, and six
tenths of them are as good as a full answer.
"""

from __future__ import annotations

import re
from typing import Final

from bot.core import text as reading
from bot.core.model import KeyPoint

MOST: Final = 40
"""Key points at most; the rest of a longer answer belongs to the last."""

_FEWEST: Final = 3
"""Telling words in a clause, or it stays with its neighbor."""

_CUT: Final = re.compile(
    r"[,:()–—]|\s-\s|\b(?=(?:but|because|while|whereas|since|so|although|though|and|or|which|when|if)\b)"
)


def clauses(answer: str) -> tuple[KeyPoint, ...]:
    """The clauses of a text as key points, none of them essential, each weighed by the stems that it says first."""
    pieces = [piece for sentence in reading.sentences(answer) for piece in _pieces(sentence.typed)]
    pieces = [*pieces[: MOST - 1], " ".join(pieces[MOST - 1 :])] if len(pieces) > MOST else pieces
    found: list[KeyPoint] = []
    seen: set[str] = set()
    for piece in pieces:
        new = set(reading.content_stems(reading.words(piece))) - seen
        seen |= new
        if new or not found:
            found.append(KeyPoint(id=f"clause-{len(found) + 1}", text=piece, weight=max(1, len(new))))
    return tuple(found)


def _pieces(sentence: str) -> list[str]:
    """A sentence cut where a clause ends; a piece that says too little stays with the one before it."""
    found: list[str] = []
    start = 0
    for end in [*(cut.start() for cut in _CUT.finditer(sentence)), len(sentence)]:
        piece, rest = sentence[start:end], sentence[end:]
        if _says(piece) >= _FEWEST and (_says(rest) >= _FEWEST or end == len(sentence)):
            found.append(piece.strip(" ,:()–—-"))
            start = end
    if start < len(sentence):
        rest = sentence[start:].strip()
        if found and _says(rest) < _FEWEST:
            found[-1] = f"{found[-1]} {rest}"
        elif rest:
            found.append(rest)
    return found


def _says(text: str) -> int:
    return len(set(reading.content_stems(reading.words(text))))
