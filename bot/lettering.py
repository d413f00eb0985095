"""Texts that can be drawn: which of this machine's fonts have their signs, and what is left where none has.

matplotlib shapes and orders every script by itself (since 3.11, by libraqm), and takes each cluster of signs from the
first font of a list that has all of it: https://matplotlib.org/stable/users/explain/text/fonts.html. A cluster that
none has becomes a box and a warning, so the list is made for each text, and what would be a box is left out beforehand.

Nothing here is thread-safe: FreeType is not.
"""

from __future__ import annotations

import itertools
import logging
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

# What matplotlib warns of is of no use here: that there is no home to write to (it takes a temporary folder), and that
# it looks for fonts.
logging.getLogger("matplotlib").setLevel(logging.ERROR)

import matplotlib  # noqa: E402
from matplotlib.backends.backend_agg import RendererAgg  # noqa: E402
from matplotlib.font_manager import FontProperties, fontManager  # noqa: E402
from matplotlib.ft2font import FT2Font  # noqa: E402

# A matplotlibrc that lies about, in the working folder for instance, must not change our pictures.
matplotlib.rcdefaults()

FIRST: Final = "DejaVu Sans"
"""Comes with matplotlib: Latin, Greek, Cyrillic, Armenian, Georgian, Hebrew, Arabic, Lao, many symbols, some emoji."""

ELLIPSIS: Final = "…"

_LONGEST: Final = 300
"""Signs of a text that are looked at. No line holds as many."""
_LARGEST: Final = 12
"""Signs of a cluster."""
_MARKS: Final = 3
"""Marks in a row. Higher stacks of them would reach into the line above."""

_UNSEEN: Final = frozenset({"Cc", "Cf"})
_UNKNOWN: Final = frozenset({"Cs", "Co", "Cn"})
"""Half signs, signs that mean something else in each font, and signs that are none yet."""
_JOINERS: Final = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
"""They choose between forms of letters in Persian and in India."""
_VIRAMA: Final = 9
"""The combining class of the signs that tie a consonant to the next."""


@dataclass(frozen=True, slots=True)
class Lettering:
    """A text as it can be drawn: its clusters, size in pixels, weight, and the fonts that have them."""

    clusters: tuple[str, ...]
    size: float
    bold: bool
    families: tuple[str, ...]

    @property
    def text(self) -> str:
        return "".join(self.clusters)

    @property
    def font(self) -> FontProperties:
        return FontProperties(family=list(self.families), weight="bold" if self.bold else "normal", size=self.size)

    @property
    def width(self) -> float:
        """In pixels, where there are 72 to the inch."""
        return _width(self.text, self.families, self.bold, self.size)

    def within(self, width: float) -> Lettering:
        """The same if it is no wider than so many pixels; else its beginning, with an ellipsis."""
        if self.width <= width:
            return self
        most = bisect_right(range(len(self.clusters)), width, key=lambda count: self._beginning(count).width)
        return self._beginning(max(most - 1, 0))

    def _beginning(self, count: int) -> Lettering:
        kept = [*self.clusters[:count]]
        while kept and kept[-1] == " ":
            kept.pop()
        return Lettering((*kept, ELLIPSIS), self.size, self.bold, self.families)


def letter(text: str, size: float, *, bold: bool = False) -> Lettering:
    """Any text on one line, of the signs that can be drawn. Without any where none of what it says can be drawn."""
    kept: list[str] = []
    families = {FIRST}
    complete = True
    for cluster in _clusters(text):
        found = next(((form, family) for form in _forms(cluster) if (family := _family(form, bold))), None)
        if found is None:
            complete = False
        elif found[0] != " " or (kept and kept[-1] != " "):
            kept.append(found[0])
            families.add(found[1])
    while kept and kept[-1] == " ":
        kept.pop()
    if not complete and not any(sign.isalnum() for sign in "".join(kept)):
        kept.clear()
    return Lettering(tuple(kept), size, bold, tuple(family for family in _families() if family in families))


def _clusters(text: str) -> list[str]:
    """Signs with the marks on them, as the shaper will take them together; without what is unseen."""
    clusters: list[str] = []
    for sign in unicodedata.normalize("NFC", text[:_LONGEST]):
        kind = unicodedata.category(sign)
        last = clusters[-1] if clusters else " "
        if sign.isspace():
            clusters.append(" ")
        elif sign in _JOINERS:
            if unicodedata.category(last[-1]) in ("Lo", "Mn", "Mc") and len(last) < _LARGEST:
                clusters[-1] += sign
        elif kind in _UNSEEN or _selects_a_variant(sign):
            continue
        elif _is_mark(sign):
            if last != " " and len(last) < _LARGEST and not all(map(_is_mark, last[-_MARKS:])):
                clusters[-1] += sign
        elif _is_tied(last[-1], sign) and len(last) < _LARGEST:
            clusters[-1] += sign
        else:
            clusters.append(sign)
    return clusters


def _is_mark(sign: str) -> bool:
    """Whether this is drawn onto the sign before it, as accents, vowel signs and tones of skin are."""
    return unicodedata.category(sign)[0] == "M" or "\U0001f3fb" <= sign <= "\U0001f3ff"


def _selects_a_variant(sign: str) -> bool:
    return "\ufe00" <= sign <= "\ufe0f" or "\U000e0100" <= sign <= "\U000e01ef" or "\u180b" <= sign <= "\u180f"


def _is_tied(before: str, sign: str) -> bool:
    return before in _JOINERS or unicodedata.combining(before) == _VIRAMA or (_is_jamo(before) and _is_jamo(sign))


def _is_jamo(sign: str) -> bool:
    """Whether this is a part of a Hangul syllable."""
    return "\u1100" <= sign <= "\u11ff" or "\ua960" <= sign <= "\ua97f" or "\ud7b0" <= sign <= "\ud7ff"


def _forms(cluster: str) -> Iterator[str]:
    """A cluster, and what may stand for it, best first: a script A is an A, and a sign is itself without marks."""
    yield cluster
    plain = unicodedata.normalize("NFKC", cluster)
    if " " not in plain:  # a mark that stands alone would move onto the sign before
        yield plain
    yield cluster[0]


@lru_cache(maxsize=8192)
def _family(signs: str, bold: bool) -> str | None:
    """The first font that has all of these signs."""
    if not signs or any(unicodedata.category(sign) in _UNKNOWN for sign in signs):
        return None
    return next((family for family in _families() if (face := _face(family, bold)) and face.has(signs)), None)


@cache
def _families() -> tuple[str, ...]:
    """The families of this machine's fonts, the most fitting first, in an order that stays.

    Of matplotlib's own only the first is of use. Fonts of last resort draw boxes.
    """
    own = Path(matplotlib.get_data_path())
    found = {entry.name for entry in fontManager.ttflist if own not in Path(entry.fname).parents} - {FIRST}
    usable = (name for name in found if name and name[0] != "." and "lastresort" not in name.lower().replace(" ", ""))
    return (FIRST, *sorted(usable, key=lambda name: (*_unfitness(name), name)))


def _unfitness(name: str) -> tuple[bool, ...]:
    words = name.lower().split()
    odd = {"mono", "serif", "display", "math", "condensed", "narrow", "light", "ui"}
    return "noto" not in words, "sans" not in words, not odd.isdisjoint(words)


@dataclass(frozen=True, slots=True)
class _Face:
    """A font file that is taken for a family in one weight, and the code points it maps, as ranges."""

    path: str
    index: int
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def has(self, signs: str) -> bool:
        return all(map(self._maps, signs)) and all(map(self._inks, signs))

    def _maps(self, sign: str) -> bool:
        place = bisect_right(self.starts, ord(sign)) - 1
        return place >= 0 and ord(sign) <= self.ends[place]

    def _inks(self, sign: str) -> bool:
        """Fonts of colour bitmaps, and fonts made to show nothing, have glyphs without an outline."""
        if sign == " " or sign in _JOINERS:
            return True
        try:
            left, bottom, right, top = _font(self.path, self.index).load_char(ord(sign)).bbox
        except RuntimeError:
            return False
        return left < right and bottom < top


@lru_cache(maxsize=16)
def _font(path: str, index: int) -> FT2Font:
    return FT2Font(path, face_index=index)


@cache
def _face(family: str, bold: bool) -> _Face | None:
    weight = "bold" if bold else "normal"
    try:
        found = fontManager.findfont(FontProperties(family=[family], weight=weight), fallback_to_default=False)
        mapped = sorted(FT2Font(found.path, face_index=found.face_index).get_charmap())
    except (OSError, RuntimeError, ValueError):  # removed since matplotlib looked, or broken
        return None
    # in a row, code points and their places grow alike
    runs = [list(run) for _, run in itertools.groupby(enumerate(mapped), lambda pair: pair[1] - pair[0])]
    return _Face(found.path, found.face_index, tuple(run[0][1] for run in runs), tuple(run[-1][1] for run in runs))


@lru_cache(maxsize=1024)
def _width(text: str, families: tuple[str, ...], bold: bool, size: float) -> float:
    font = FontProperties(family=list(families), weight="bold" if bold else "normal", size=size)
    width, _, _ = _ruler().get_text_width_height_descent(text, font, ismath=False)
    return float(width)


@cache
def _ruler() -> RendererAgg:
    return RendererAgg(1, 1, 72)
