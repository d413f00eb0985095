"""How long a text is, as the rules count it: words, and characters in scripts that have no spaces."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

FEWEST_WORDS: Final = 5
"""A thread message of fewer words does not start an answer."""

LONGEST_ANSWER: Final = 3000
"""Characters an answer holds in all, on every platform."""

_CHARACTERS_A_WORD: Final = 3
_SPACELESS: Final = re.compile(
    "[\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)
"""Thai, Lao, Tibetan, Burmese, Khmer, kana and Han."""


_SPOILER: Final = re.compile(r"\|\|(.+?)\|\|", re.DOTALL)


def words(text: str) -> float:
    """The number of words in a text; three characters of a script without spaces make one."""
    spaceless = len(_SPACELESS.findall(text))
    spaced = _SPACELESS.sub(" ", text).split()
    return sum(1 for word in spaced if _says_something(word)) + spaceless / _CHARACTERS_A_WORD


def starts_answer(text: str) -> bool:
    """Whether a thread message is long enough to be the start of an answer."""
    return words(text) >= FEWEST_WORDS


def without_spoiler_marks(text: str) -> str:
    """The text as its author meant it to be read: `||…||` hides it from others only. A lone `||` is code and stays."""
    return _SPOILER.sub(r"\1", text).strip()


def _says_something(word: str) -> bool:
    return any(unicodedata.category(sign)[0] in "LN" for sign in word)
