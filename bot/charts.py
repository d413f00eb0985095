"""The charts of a picture, laid out in pixels and drawn by matplotlib. Imported when a picture is drawn first.

Only matplotlib's objects are used: pyplot keeps every figure, and may look for a display. A canvas has 72 pixels to the
inch, so a font's points are pixels.
"""

from __future__ import annotations

import io
import math
import sys
from collections.abc import Sequence
from typing import Final, Literal

from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle
from matplotlib.text import Text
from matplotlib.transforms import Affine2D
from PIL import Image

from bot.core.card import Bar, Bars, Columns, Picture
from bot.lettering import Lettering, letter

WIDTH: Final = 750
"""Pixels; a phone shows them on 375 of its own."""

PANEL: Final = "#f8f7f3"
"""Neither white nor black, so that it is calm on a light page and on a dark one."""
INK: Final = "#20242c"
MUTED: Final = "#575d68"
TRACK: Final = "#e4e1d8"
BAR: Final = "#4a74a9"
OWN: Final = "#b0501a"
TINT: Final = "#f2e4d5"
"""Behind the reader's own row, which is bold and has a mark at its edge as well."""

MOST_CHARTS: Final = 3
MOST_ROWS: Final = 15
MOST_COLUMNS: Final = 30

_MARGIN: Final = 36
_INNER: Final = WIDTH - 2 * _MARGIN
_GAP: Final = 20

_TITLE: Final = 38
_HEADING: Final = 29
_LABEL: Final = 28
_SMALL: Final = 24
"""Sizes of type. The lines of any script fit into 1.4 of it; capitals are 0.73 of it high."""

_ROW: Final = 58
_BAR: Final = 26
_HIGHEST: Final = 220
"""Pixels of the highest column."""
_SHORTEST: Final = 150
"""Pixels that labels leave to the longest bar."""
_APART: Final = 10
"""Pixels between two texts side by side."""
_ROUND: Final = 5
"""Pixels of a corner."""
_COLOURS: Final = 64
"""Those above, and what lies between them where they meet."""


def png(picture: Picture) -> bytes:
    """The picture, as `bot.pictures.draw` says."""
    sheet = _Sheet()
    for line in _in_lines(picture.title, _TITLE, lines=2):
        sheet.write(line, _MARGIN, sheet.end + _TITLE)
        sheet.end += _TITLE * 1.3
    for place, chart in enumerate(picture.charts[:MOST_CHARTS]):
        sheet.end += 1.5 * _GAP if place else _GAP
        heading = letter(chart.title, _HEADING, bold=True).within(_INNER)
        if heading.clusters and (len(picture.charts) > 1 or chart.title != picture.title):
            sheet.write(heading, _MARGIN, sheet.end + _HEADING, MUTED)
            sheet.end += _HEADING * 1.9
        match chart:
            case Bars():
                _bars(sheet, chart)
            case Columns():
                _columns(sheet, chart)
    return sheet.png()


class _Sheet:
    """What is to be drawn, in pixels from the upper left corner. `end` is how far down it reaches."""

    def __init__(self) -> None:
        self.end = float(_MARGIN - 10)
        self._artists: list[Artist] = []

    def write(
        self,
        lettering: Lettering,
        x: float,
        base: float,
        colour: str = INK,
        align: Literal["left", "center", "right"] = "left",
    ) -> None:
        """A line of text whose letters stand at the height of `base`."""
        if lettering.clusters:
            text = Text(round(x), round(base), lettering.text, fontproperties=lettering.font, parse_math=False)
            text.set(color=colour, horizontalalignment=align, verticalalignment="baseline")
            self._artists.append(text)

    def box(self, x: float, y: float, width: float, height: float, colour: str, *, rounded: bool = False) -> None:
        """A filled box from its upper left corner."""
        corner = (round(x), round(y))
        width, height = round(width), round(height)
        if width > 0 and height > 0:
            radius = min(_ROUND, width / 2, height / 2) if rounded else 0
            style = f"round,pad=0,rounding_size={radius}"
            shape = (
                FancyBboxPatch(corner, width, height, boxstyle=style) if radius else Rectangle(corner, width, height)
            )
            shape.set(facecolor=colour, edgecolor="none")
            self._artists.append(shape)

    def png(self) -> bytes:
        height = math.ceil(self.end + _MARGIN - 10)
        figure = Figure(figsize=(WIDTH / 72, height / 72), dpi=72, facecolor=PANEL)
        canvas = FigureCanvasAgg(figure)
        upright = Affine2D().scale(1, -1).translate(0, height)
        for artist in self._artists:
            artist.set_transform(upright)
            figure.add_artist(artist)
        canvas.draw()
        file = io.BytesIO()
        image = Image.frombuffer("RGBA", canvas.get_width_height(), canvas.buffer_rgba()).convert("RGB")
        # as matplotlib writes it, a full picture has 300 KB; the median cut keeps the colours of areas as they are
        image.quantize(_COLOURS, method=Image.Quantize.MEDIANCUT).save(file, "PNG")
        return file.getvalue()


def _bars(sheet: _Sheet, chart: Bars) -> None:
    rows = chart.rows[:MOST_ROWS]
    if not rows:
        _say(sheet, "Nothing yet.")
        return
    figures = [letter(row.text, _LABEL, bold=row.own).within(0.3 * _INNER) for row in rows]
    right = WIDTH - _MARGIN - max(figure.width + _GAP if figure.clusters else 0 for figure in figures)
    room = right - _SHORTEST - _GAP - _MARGIN
    labels = [_label(row, f"{chart.each} {place}").within(room) for place, row in enumerate(rows, start=1)]
    left = _MARGIN + max(label.width for label in labels) + _GAP
    longest = right - left
    scale = _Scale([row.value for row in rows], chart.most)
    for row, label, figure in zip(rows, labels, figures, strict=True):
        base = sheet.end + _ROW / 2 + 0.365 * _LABEL
        top = sheet.end + (_ROW - _BAR) / 2
        if row.own:
            sheet.box(0, sheet.end, WIDTH, _ROW, TINT)
            sheet.box(0, sheet.end, 12, _ROW, OWN)
        if chart.most is not None:
            sheet.box(left, top, longest, _BAR, TRACK, rounded=True)
        begin, end = sorted((scale.nought, scale.share(row.value)))
        sheet.box(left + begin * longest, top, (end - begin) * longest, _BAR, OWN if row.own else BAR, rounded=True)
        sheet.write(label, _MARGIN, base)
        sheet.write(figure, WIDTH - _MARGIN, base, align="right")
        sheet.end += _ROW
    if scale.nought > 0:
        sheet.box(left + scale.nought * longest - 1, sheet.end - _ROW * len(rows), 2, _ROW * len(rows), MUTED)
    if len(rows) < len(chart.rows):
        _say(sheet, f"and {len(chart.rows) - len(rows)} more")


def _label(row: Bar, instead: str) -> Lettering:
    drawn = letter(row.label, _LABEL, bold=row.own)
    return drawn if drawn.clusters else letter(instead, _LABEL, bold=row.own)


def _columns(sheet: _Sheet, chart: Columns) -> None:
    values = chart.values[-MOST_COLUMNS:]
    if not values:
        _say(sheet, "Nothing yet.")
        return
    labels = [*chart.labels, *[""] * len(chart.values)][: len(chart.values)][-MOST_COLUMNS:]
    step = min(_INNER / len(values), 150)
    scale = _Scale(values, chart.most)
    top = sheet.end + 1.4 * _SMALL
    foot = top + (1 - scale.nought) * _HIGHEST
    figures = [letter(_figure(value), _SMALL) for value in values]
    greatest = values.index(max(values))
    crowded = max(figure.width for figure in figures) + _APART > step
    for place, (value, figure) in enumerate(zip(values, figures, strict=True)):
        middle = _MARGIN + (place + 0.5) * step
        high, low = sorted((foot, top + (1 - scale.share(value)) * _HIGHEST))
        width = min(0.72 * step, 72)
        sheet.box(middle - width / 2, high, width, low - high, BAR, rounded=True)
        if place == greatest or not crowded:
            _write_centred(sheet, figure, middle, high - 9 if value >= 0 else low + _SMALL)
    sheet.box(_MARGIN, foot - 1, step * len(values), 2, MUTED)
    sheet.end = top + _HIGHEST + (1.3 * _SMALL if scale.nought else 0)
    _labels_below(sheet, labels, step)
    if len(values) < len(chart.values):
        _say(sheet, f"the last {len(values)} of {len(chart.values)}")


def _labels_below(sheet: _Sheet, labels: Sequence[str], step: float) -> None:
    """A label below each column; where they are wider than that, below every second, third ..., the last for sure."""
    drawn = [letter(label, _SMALL) for label in labels]
    every = math.ceil(min(max(label.width for label in drawn) + _APART, 110) / step)
    for place, label in enumerate(drawn):
        if (len(drawn) - 1 - place) % every == 0:
            shown = label.within(every * step - _APART)
            _write_centred(sheet, shown, _MARGIN + (place + 0.5) * step, sheet.end + 1.35 * _SMALL, MUTED)
    if any(label.clusters for label in drawn):
        sheet.end += 1.9 * _SMALL


def _write_centred(sheet: _Sheet, lettering: Lettering, middle: float, base: float, colour: str = INK) -> None:
    """In the middle of a column. At the edges what is wider than its column may reach into the margin."""
    most = WIDTH - _APART - lettering.width / 2
    sheet.write(lettering, min(max(middle, WIDTH - most), most), base, colour, "center")


def _say(sheet: _Sheet, words: str) -> None:
    sheet.write(letter(words, _LABEL), _MARGIN, sheet.end + 1.2 * _LABEL, MUTED)
    sheet.end += 1.9 * _LABEL


class _Scale:
    """Where values lie between the least, or nought, at 0, and the greatest at 1. Any values."""

    def __init__(self, values: Sequence[float], most: float | None) -> None:
        ends = [*map(_finite, values), 0.0, 0.0 if most is None else _finite(most)]
        # in shares of the largest, since the difference of two large values may be none that a float holds
        self._unit = max(map(abs, ends)) or 1.0
        self._least = min(ends) / self._unit
        self._range = (max(ends) / self._unit - self._least) or 1.0
        self.nought = self.share(0.0)

    def share(self, value: float) -> float:
        return (_finite(value) / self._unit - self._least) / self._range


def _finite(value: float) -> float:
    return 0.0 if math.isnan(value) else min(max(value, -sys.float_info.max), sys.float_info.max)


def _figure(value: float) -> str:
    """A value in few signs: 12, 0.75, 34.5k, 1.5e+20."""
    text = f"{value:.1e}" if abs(value) >= 1e15 else f"{value:.2f}".rstrip("0").rstrip(".")
    for least, unit, name in ((1e4, 1e3, "k"), (1e6, 1e6, "M"), (1e9, 1e9, "G"), (1e12, 1e12, "T")):
        if least <= abs(value) < 1e15:
            text = f"{value / unit:.1f}".removesuffix(".0") + name
    return text.replace("-", "\N{MINUS SIGN}")


def _in_lines(text: str, size: float, *, lines: int) -> list[Lettering]:
    """A text broken between words, after a comma where there is one. The last line is shortened where more follows."""
    words = text.split()[:40]  # more than fit
    broken: list[Lettering] = []
    while words and len(broken) < lines:
        last = len(broken) == lines - 1
        fit = len(words)
        while fit > 1 and not last and letter(" ".join(words[:fit]), size, bold=True).width > _INNER:
            fit -= 1
        if fit < len(words):
            fit = next((count for count in range(fit, 0, -1) if words[count - 1].endswith(",")), fit)
        broken.append(letter(" ".join(words[:fit]), size, bold=True).within(_INNER))
        del words[:fit]
    return [line for line in broken if line.clusters]
