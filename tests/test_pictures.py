"""Pictures of boards, progress and recaps: legible, small, the same each time, whatever members are called."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageColor

from bot import charts, pictures
from bot.core.card import Bar, Bars, Columns, Picture
from bot.lettering import letter
from bot.pictures import Drawer, draw

MOST = 200_000
"""Bytes."""

NAMES = ("Ada", "Ελένη", "Дмитрий", "محمد علي", "דנה", "अमित", "สมชาย", "王小明", "김민수", "🦊 Fuchs 👩‍💻")
NOWHERE = "\U0010fffd"
"""A private sign: no two fonts that have it agree on what it is."""


def board(*rows: Bar, most: float | None = None) -> Picture:
    return Picture("November", (Bars("Points", rows, most),), alt="the board in words")


def bars(*values: float) -> Picture:
    return board(*(Bar("Ada", value, "") for value in values))


def columns(*values: float) -> Picture:
    return Picture("November", (Columns("Answers", tuple("abcdefgh")[: len(values)], values),), alt="")


def titled(title: str) -> Picture:
    return replace(columns(1), title=title)


def decoded(png: bytes) -> Image.Image:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    return Image.open(io.BytesIO(png)).convert("RGB")


def lengths(picture: Picture, colour: str = charts.BAR, *, upright: bool = False) -> list[int]:
    """How many pixels long each area of a colour is, from the top to the bottom; upright: high, from left to right."""
    image = decoded(draw(picture))
    image = image.transpose(Image.Transpose.TRANSPOSE) if upright else image
    wanted, found, inside = ImageColor.getrgb(colour), [0], False
    pixels = image.tobytes()
    for start in range(0, len(pixels), 3 * image.width):
        line = pixels[start : start + 3 * image.width]
        count = sum(line[place : place + 3] == bytes(wanted) for place in range(0, len(line), 3))
        if count and not inside:
            found.append(0)
        inside = count > 0
        found[-1] = max(found[-1], count)
    return found[1:]


def contrast(one: str, other: str) -> float:
    """As WCAG 2 computes it: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio."""

    def luminance(colour: str) -> float:
        shares = [part / 255 for part in ImageColor.getrgb(colour)[:3]]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in shares)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


# Texts.

anything = st.text(st.characters(exclude_categories=()), max_size=20)
"""With surrogates, control characters and signs that do not exist."""
alike_names = st.lists(
    st.sampled_from([*"".join(NAMES), *" \u200b\u200d\u202e\u0301\u20e3$\\_^{}", NOWHERE]), max_size=20
)


def test_a_title_that_needs_two_lines_breaks_after_a_comma() -> None:
    long = lengths(titled("Leaderboard, this month, this channel"), charts.INK)
    assert long[:1] == lengths(titled("Leaderboard, this month,"), charts.INK)[:1]
    assert long[:1] != lengths(titled("Leaderboard, this month, this"), charts.INK)[:1]


@settings(max_examples=12, deadline=None)
@given(anything | alike_names.map("".join), anything | alike_names.map("".join), st.booleans())
@example("x" * 10_000, "Z" + "\u0301" * 5_000, True)
@example("\ud800\n\x00", "$\\frac{$", False)
@example("x\u0302\u20e3", "\u0302", True)
def test_any_text_is_drawn_the_same_each_time_without_a_warning(one: str, other: str, own: bool) -> None:
    rows = Bars(one, (Bar(one, 2, other, own), Bar(other, 1, one)), each=other)
    picture = Picture(other, (rows, Columns(other, (one, other), (1, 2))), alt=one)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        png = draw(picture)
        assert draw(picture) == png
    assert decoded(png).width == charts.WIDTH
    assert len(png) <= MOST


def test_the_fullest_picture_is_small_enough() -> None:
    rows = tuple(Bar(f"{name} {NAMES[5 - place]} {place}", place, "99,999 points") for place, name in enumerate(NAMES))
    full = Bars("a title as long as titles get to be", (rows * 2)[: charts.MOST_ROWS], most=20)
    assert 50_000 < len(draw(Picture("x" * 300, (full,) * 3, alt=""))) <= MOST


def test_signs_that_cannot_be_drawn_are_left_out_of_a_name() -> None:
    assert draw(board(Bar(f"Ada {NOWHERE}", 1, "1"))) == draw(board(Bar("Ada", 1, "1")))


def test_a_name_of_which_nothing_can_be_drawn_is_a_member_and_a_number() -> None:
    ada = Bar("Ada", 2, "2")
    for name in (NOWHERE * 3, f"{NOWHERE} !", "\u200b", " \n", ""):
        assert draw(board(ada, Bar(name, 1, "1"))) == draw(board(ada, Bar("member 2", 1, "1"))), ascii(name)


def test_a_row_that_is_no_member_is_called_what_it_is() -> None:
    named = replace(Bars("Topics", (Bar(NOWHERE, 1, "1"),)), each="topic")
    drawn_so = replace(named, rows=(Bar("topic 1", 1, "1"),))
    assert draw(Picture("t", (named,), alt="")) == draw(Picture("t", (drawn_so,), alt=""))


def test_a_sign_keeps_its_letter_when_no_font_has_its_mark() -> None:
    assert letter("x\u0302\u20e3y", 20).text[0] == "x"
    assert letter("x\u0302\u20e3y", 20).text[-1] == "y"


def test_signs_that_would_hide_or_reorder_are_left_out() -> None:
    assert letter("A\u202ed\u200b\u00ada\x07\ufeff", 20).text == "Ada"
    assert letter("Ada\n\tLovelace ", 20).text == "Ada Lovelace"


def test_joiners_stay_where_they_choose_the_form_of_a_letter() -> None:
    assert letter("نمی\u200cشود", 20).text == "نمی\u200cشود"
    assert letter("A\u200cda", 20).text == "Ada"


def test_no_more_than_three_marks_stand_on_a_letter() -> None:
    assert letter("q" + "\u0301" * 5_000, 20).text == "q" + "\u0301" * 3


def test_a_text_that_is_too_long_ends_in_an_ellipsis_just_within_its_width() -> None:
    long = letter("Ada Lovelace, Countess", 20)
    shortened = long.within(100)
    assert shortened.text == "Ada Lov…"
    assert 80 < shortened.width <= 100
    assert long.within(long.width) == long


def test_dollar_signs_are_no_maths() -> None:
    assert draw(board(Bar("$a$", 1, "1"))) != draw(board(Bar("$\\mathit{a}$", 1, "1")))
    assert draw(board(Bar("$\\frac{$", 1, "1")))


def test_arabic_letters_are_joined() -> None:
    assert letter("بببب", 40).width < 0.6 * 4 * letter("ب", 40).width


# Values.


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(), min_size=1, max_size=4), st.none() | st.floats())
@example([1e308, -1e308], -1e308)
@example([5e-324, 0.0], None)
@example([float("inf"), float("-inf"), float("nan")], float("nan"))
def test_any_values_are_drawn(values: list[float], most: float | None) -> None:
    rows = tuple(Bar("Ada", value, "") for value in values)
    picture = Picture("t", (Bars("b", rows, most), Columns("c", (), tuple(values), most)), alt="")
    assert decoded(draw(picture)).width == charts.WIDTH


def test_bars_are_as_long_as_their_values_and_in_the_order_given() -> None:
    whole, *shares = lengths(bars(8, 2, 4, 6, 0))
    assert whole > 0.6 * charts.WIDTH
    assert [round(share / whole, 2) for share in shares] == [0.25, 0.5, 0.75]


def test_columns_are_as_high_as_their_values_and_in_the_order_given() -> None:
    whole, *shares = lengths(columns(8, 2, 0, 4), upright=True)
    assert [round(share / whole, 2) for share in shares] == [0.25, 0.5]


def test_equal_values_have_equal_bars_and_large_ones_are_no_trouble() -> None:
    assert len(set(lengths(bars(1e308, 1e308, 1e308)))) == 1
    assert lengths(bars(0, 0)) == []


def test_a_negative_bar_lies_on_the_other_side_of_nought() -> None:
    once, minus = lengths(bars(4, -4))
    assert abs(once - minus) <= 2
    image = decoded(draw(bars(4, -4)))
    blue = ImageColor.getrgb(charts.BAR)
    rows = [[x for x in range(image.width) if image.getpixel((x, y)) == blue] for y in range(image.height)]
    first, *_, last = filter(None, rows)
    assert max(last) <= min(first)


def test_a_bar_on_a_scale_with_an_end_has_the_rest_of_it_behind() -> None:
    half = board(Bar("attention", 0.5, ""), most=1.0)
    assert lengths(half)[0] == pytest.approx(lengths(half, charts.TRACK)[0], abs=8)
    assert lengths(board(Bar("attention", 0.5, "")), charts.TRACK) == []


def test_a_chart_without_rows_says_so() -> None:
    without = draw(Picture("November", (), alt=""))
    for chart in (Bars("", ()), Columns("", (), ())):
        assert decoded(draw(Picture("November", (chart,), alt=""))).height > decoded(without).height + 40


def test_rows_after_the_fifteenth_are_counted() -> None:
    rows = [Bar("Ada", 20 - place, "") for place in range(20)]
    other = [*rows[:15], *[Bar("Grace", 0, "")] * 5]
    assert draw(board(*rows)) == draw(board(*other))
    assert len({draw(board(*rows)), draw(board(*rows[:15])), draw(board(*rows[:19]))}) == 3


def test_of_many_columns_the_last_thirty_are_drawn() -> None:
    chart = Columns("by week", tuple(f"W{week}" for week in range(1, 53)), tuple(range(1, 53)))
    assert len(lengths(Picture("t", (chart,), alt=""), upright=True)) == 30


@pytest.mark.parametrize("chart", [Columns("c", (), (1, 2)), Columns("c", ("a", "b"), (1,))])
def test_labels_and_values_need_not_be_as_many(chart: Columns) -> None:
    assert len(lengths(Picture("t", (chart,), alt=""), upright=True)) == len(chart.values)


# How it looks.


def test_text_stands_out_from_what_is_behind_it() -> None:
    for text in (charts.INK, charts.MUTED):
        assert contrast(text, charts.PANEL) >= 4.5
    assert contrast(charts.INK, charts.TINT) >= 4.5
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)  # a pair that is known


def test_bars_stand_out_from_what_is_behind_them() -> None:
    for behind in (charts.PANEL, charts.TRACK):
        assert contrast(charts.BAR, behind) >= 3
    for behind in (charts.TINT, charts.TRACK):
        assert contrast(charts.OWN, behind) >= 3


def test_the_panel_is_opaque_and_has_no_other_colour_at_its_edge() -> None:
    image = Image.open(io.BytesIO(draw(bars(1))))
    assert "transparency" not in image.info
    assert decoded(draw(bars(1))).getpixel((0, 0)) == ImageColor.getrgb(charts.PANEL)


def test_the_own_row_is_told_from_others_without_its_colour() -> None:
    plain, own = (
        decoded(draw(board(Bar("Ada", 2, "2"), Bar("Grace", 1, "1", own)))).convert("L") for own in (False, True)
    )
    assert plain.size == own.size
    edges = [min(image.crop((0, 0, 10, image.height)).tobytes()) for image in (plain, own)]
    assert edges[1] < edges[0] / 2  # a mark at the edge
    dark = [sum(image.crop((30, 0, 170, image.height)).histogram()[:80]) for image in (plain, own)]
    assert dark[1] > dark[0] * 1.05  # bold letters


def test_the_own_bar_has_a_colour_of_its_own() -> None:
    picture = board(Bar("Ada", 2, ""), Bar("Grace", 1, "", own=True))
    assert len(lengths(picture)) == 1
    assert max(lengths(picture, charts.OWN)) == pytest.approx(lengths(picture)[0] / 2 + 12, abs=2)  # with the mark


def test_the_words_of_a_picture_are_not_drawn_into_it() -> None:
    assert draw(replace(bars(1), alt="something else")) == draw(bars(1))


# Beside the loop, in any thread, on any machine.


async def test_the_loop_goes_on_while_a_picture_is_drawn() -> None:
    drawer = Drawer()
    task = asyncio.create_task(drawer.drawn(bars(1, 2)))
    turns = 0
    while not task.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns > 10
    assert await task == draw(bars(1, 2))
    drawer.close()


def _drawing() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("drawing")]


def _ended() -> bool:
    for thread in _drawing():
        thread.join(10)
    return not _drawing()


async def test_many_pictures_wait_for_one_thread_and_take_none_from_the_grader(monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on = threading.Event()
    monkeypatch.setattr(pictures, "draw", lambda picture: b"drawn" if goes_on.wait(10) else b"")
    drawer = Drawer()
    assert _ended()
    tasks = [asyncio.create_task(drawer.drawn(bars(1))) for _ in range(100)]
    assert await asyncio.wait_for(asyncio.to_thread(lambda: "graded"), 5) == "graded"
    assert len(_drawing()) == 1
    goes_on.set()
    assert set(await asyncio.gather(*tasks)) == {b"drawn"}
    drawer.close()
    assert _ended()


async def test_who_stops_waits_for_the_picture_in_hand_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, goes_on = threading.Event(), threading.Event()

    def slow(picture: Picture) -> bytes:
        begun.set()
        return b"drawn" if goes_on.wait(10) else b""

    monkeypatch.setattr(pictures, "draw", slow)
    drawer = Drawer()
    drawer.close()
    tasks = [asyncio.create_task(drawer.drawn(bars(1))) for _ in range(3)]
    await asyncio.to_thread(begun.wait, 10)
    drawer.close()
    waiting = await asyncio.gather(*tasks[1:], return_exceptions=True)
    assert all(isinstance(one, asyncio.CancelledError) for one in waiting)
    goes_on.set()
    assert await tasks[0] == b"drawn"
    assert _ended()


def test_threads_draw_the_same_at_the_same_time() -> None:
    some = [
        board(*(Bar(name, place, str(place)) for place, name in enumerate(NAMES))),
        bars(1, 2),
        columns(3, 4),
    ] * 2
    together = threading.Barrier(len(some))

    def one(picture: Picture) -> bytes:
        together.wait()
        return draw(picture)

    with ThreadPoolExecutor(len(some)) as pool:
        assert list(pool.map(one, some)) == [draw(picture) for picture in some]


def run(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_nothing_of_matplotlib_is_loaded_before_a_picture_is_drawn() -> None:
    done = run(
        "import sys, warnings; warnings.simplefilter('ignore'); import bot.pictures, bot.runtime, bot.cli;"
        "print({'matplotlib', 'PIL'} & sys.modules.keys())"
    )
    assert (done.stdout, done.stderr) == ("set()\n", "")


@pytest.mark.skipif(sys.platform != "linux", reason="only there a folder of fonts can be set")
def test_a_font_of_this_machine_has_the_signs_that_the_first_lacks_even_without_a_home(tmp_path: Path) -> None:
    """The fonts are made here: one has a sign, one says it has and shows nothing, and is found first."""
    sign, blank = "\U00016800", "\U00016801"
    font("Noto Sans Blank", {sign: False, blank: False}, tmp_path / "fonts")
    font("Sans Seen", {sign: True}, tmp_path / "fonts")
    no_home = tmp_path / "file"
    no_home.write_text("")
    done = run(
        "import hashlib; from bot.core.card import *; from bot.pictures import draw; from bot.lettering import letter\n"
        f"print(letter('a{sign}b{blank}', 20).families, ascii(letter('a{sign}b{blank}', 20).text))\n"
        "picture = Picture('November', (Bars('Points', (Bar('Ada', 1, '1'),)),), alt='')\n"
        "print(hashlib.sha256(draw(picture)).hexdigest())",
        HOME=str(no_home),
        XDG_DATA_HOME=str(tmp_path),
    )
    same = hashlib.sha256(draw(board(Bar("Ada", 1, "1")))).hexdigest()
    assert (done.stdout, done.stderr) == (f"('DejaVu Sans', 'Sans Seen') 'a\\U00016800b'\n{same}\n", "")


def font(family: str, signs: dict[str, bool], folder: Path) -> None:
    """A font with a square for each sign that is to be seen, and nothing for each that is not."""
    folder.mkdir(exist_ok=True)
    names = {sign: f"u{ord(sign):X}" for sign in signs}
    square = TTGlyphPen(None)
    for move, point in ((square.moveTo, (0, 0)), (square.lineTo, (0, 500)), (square.lineTo, (500, 500))):
        move(point)
    square.closePath()
    seen, unseen = square.glyph(), TTGlyphPen(None).glyph()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", *names.values()])
    builder.setupCharacterMap({ord(sign): name for sign, name in names.items()})
    builder.setupGlyf({".notdef": unseen, **{names[sign]: seen if shown else unseen for sign, shown in signs.items()}})
    builder.setupHorizontalMetrics(dict.fromkeys([".notdef", *names.values()], (600, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": family, "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(folder / f"{family}.ttf")
