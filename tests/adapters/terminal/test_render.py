"""Cards as lines of styled text: every kind of card, and words that would like to be more than words."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from bot.adapters.terminal.render import render
from bot.adapters.terminal.room import Lines
from bot.core import cards, notices
from bot.core.card import Board, Button, Card, Line, Picture, Press, Prose, Row, Snippet, TimeStyle, When, Words
from bot.core.model import Coverage, PointGrade, Standing
from bot.core.shown import clean
from tests.adapters.terminal.stages import text_of
from tests.factories import (
    ADA,
    BOB,
    DAY,
    HOUR,
    NOW,
    TODAY,
    make_answer,
    make_drill,
    make_grade,
    make_member,
    make_round,
)

STYLES = {"", "strong", "title", "code", "dim", "alt", "button", "bar"}


def body(*blocks: Line | Prose | Snippet | Board) -> Lines:
    """The lines of these blocks, without the title."""
    return render(Card(title="A title", body=blocks))[1:]


def board_of(*names: str) -> list[str]:
    rows = [Row(f"{number}.", name, f"{100 - number} points", "1 round") for number, name in enumerate(names, start=1)]
    return text_of(body(Board(tuple(rows)))).splitlines()


standings = [
    Standing(rank=1, member=ADA, points=12, rounds=4, streak=4),
    Standing(rank=2, member=BOB, points=1, rounds=1),
]
members = {ADA: make_member(ADA, public=True), BOB: make_member(BOB)}
partly = make_grade(
    1,
    points=(
        PointGrade(key_point="random", coverage=Coverage.PARTLY, credit=0.5, words="drops", lacking=("random",)),
        PointGrade(key_point="inference", coverage=Coverage.MISSED, credit=0.0, blocked_by="It drops inputs for good"),
    ),
)
CARDS = {
    "question": (
        cards.question(make_round()),
        [
            "Question of Sunday, 22 November",
            "What does dropout do",
            "Closes Monday 23 November, 09:00.",
            "[Answer] [Hint]",
        ],
    ),
    "question that comes late": (
        cards.question(make_round(), late=True, skipped=[TODAY - timedelta(days=1)]),
        ["Left out while I was away: 21 November.", "This was due Sunday 22 November, 09:00; it comes late."],
    ),
    "sealed question with a later reveal": (
        cards.question(make_round(sealed=True, reveal_at=NOW + DAY + HOUR)),
        ["Answer by form", "Closes Monday 23 November, 09:00, revealed 10:00."],
    ),
    "extra question": (cards.question(make_round(number=1)), ["Extra question"]),
    "question after the reveal": (
        cards.question_after_reveal(make_round(), 2),
        ["2 answers.", "[My result]", "revealed"],
    ),
    "question nobody answered": (cards.question_after_reveal(make_round(), 0), ["Nobody answered this one."]),
    "cancelled question": (
        cards.question_cancelled(make_round(), "its thread was deleted"),
        ["Cancelled: its thread was deleted.", "cancelled"],
    ),
    "reveal": (
        cards.reveal(make_round(), [make_grade(), partly], standings, members),
        [
            "Reference answer",
            "It sets units to zero",
            "  • 1 of 2 ",
            "1.  Ada ",
            "someone",
            "Read on: Srivastava and others",
        ],
    ),
    "reveal without answers": (cards.reveal(make_round(), [], [], {}), ["Nobody answered this one."]),
    "result": (
        cards.result(make_round(), make_answer(), partly, 2, 1),
        ["You have part of it.", "partly: Units are set to zero", "Careful: ", "2 points after 1 hint."],
    ),
    "result without an answer": (
        cards.result(make_round(), None, None, 0, 0),
        ["You have no answer in this round."],
    ),
    "hint": (
        cards.hint(make_round(), 1, "Think of an ensemble.", costs=True),
        ["Hint 1 of 1", "Think of an ensemble."],
    ),
    "sleeping drill": (notices.asleep(make_drill(), 5), ["This drill sleeps", "[Resume]"]),
    "drill that is off": (notices.switched_off(make_drill().channel, "the channel is gone"), ["the channel is gone."]),
}


@pytest.mark.parametrize(("card", "said"), CARDS.values(), ids=CARDS)
def test_every_kind_of_card_says_what_it_has_to(card: Card, said: list[str]) -> None:
    shown = text_of(render(card, "7K3F2A"))
    assert [words for words in said if words not in shown] == []
    assert shown.splitlines()[-1].endswith("ref 7K3F2A")


@pytest.mark.parametrize(("card", "said"), CARDS.values(), ids=CARDS)
def test_every_run_has_a_style_the_room_knows_and_holds_one_line(card: Card, said: list[str]) -> None:
    runs = [run for line in render(card, "7K3F2A") for run in line]
    assert {style for style, _ in runs} <= STYLES
    assert [text for _, text in runs if "\n" in text] == []


def test_a_picture_is_said_in_words_on_one_line_above_the_buttons() -> None:
    picture = Picture("Answers", (), "Monday 4,\nTuesday 5")
    card = Card(title="x", body=(Line((Words("text"),)),), buttons=(Button(Press.HINT, "Hint", "x"),), picture=picture)
    assert text_of(render(card)).split("\n") == ["x", "text", "[picture: Monday 4, Tuesday 5]", "[Hint]"]
    assert {style for line in render(card) for style, _ in line} <= STYLES


def test_buttons_that_are_too_long_for_a_row_stand_in_a_column() -> None:
    def rows(*labels: str) -> list[str]:
        buttons = tuple(Button(Press.OBJECT, label, "x") for label in labels)
        return text_of(render(Card(title="x", buttons=buttons))).split("\n")[1:]

    assert rows("short", "shorter") == ["[short] [shorter]"]
    assert rows("a" * 60, "b" * 60) == [f"[{'a' * 60}]", f"[{'b' * 60}]"]
    assert rows("a" * 200) == [f"[{'a' * 200}]"]


def test_the_title_comes_first_then_the_body_the_buttons_and_the_footer() -> None:
    card = Card(
        title="A title",
        body=(Line((Words("body"),)),),
        buttons=(Button(Press.ANSWER, "Answer", "x"), Button(Press.HINT, "Hint", "x")),
        footer=(Words("footer"),),
    )
    assert text_of(render(card, "7K3F2A")) == "A title\nbody\n[Answer] [Hint]\nfooter · ref 7K3F2A"
    assert text_of(render(card)) == "A title\nbody\n[Answer] [Hint]\nfooter"
    assert text_of(render(Card(title="A title"))) == "A title"


def test_times_are_those_of_the_channels_zone() -> None:
    def shown(style: TimeStyle) -> str:
        return text_of(body(Line((When(NOW, style, "Asia/Tokyo"),))))

    assert [shown(style) for style in TimeStyle] == [
        "18:00",
        "Sunday 22 November",
        "Sunday 22 November, 18:00",
    ]
    assert text_of(body(Line((When(NOW + 9 * HOUR, TimeStyle.DATE, "Asia/Tokyo"),)))) == "Monday 23 November"


# --- markup of the bank -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("markdown", "runs"),
    [
        ("plain", [("", "plain")]),
        ("a **b** c", [("", "a "), ("strong", "b"), ("", " c")]),
        ("*a*", [("strong", "a")]),
        ("`a * b`", [("code", "a * b")]),
        ("`**a**`", [("code", "**a**")]),
        ("2 * 3 * 4", [("", "2 * 3 * 4")]),
        ("a ** b", [("", "a ** b")]),
        ("- an item", [("", "  • "), ("", "an item")]),
        ("-1 is no item", [("", "-1 is no item")]),
        ("w_i and h_j", [("", "w_i and h_j")]),
        ("", [("", "")]),
    ],
)
def test_the_markup_of_an_answer_becomes_styles(markdown: str, runs: list[tuple[str, str]]) -> None:
    assert list(body(Prose(markdown))[0]) == runs


def test_a_program_in_an_answer_is_shown_as_it_is() -> None:
    shown = body(Prose("So:\n```python\nx = a * b * c\n- no item\n```\nDone."))
    assert "x = a * b * c" in text_of(shown)
    assert "- no item" in text_of(shown)


def test_a_program_is_indented_and_keeps_its_lines() -> None:
    assert body(Snippet("def f(x):\n    return **x**\n", "python")) == (
        (("code", "    def f(x):"),),
        (("code", "        return **x**"),),
    )


def test_markup_means_nothing_outside_of_prose() -> None:
    assert body(Line((Words("**a** `b` - c"),))) == ((("", "**a** `b` - c"),),)


# --- boards -------------------------------------------------------------------------------------------------


def test_a_board_stands_in_columns() -> None:
    rows = (
        Row("1.", "Ada", "12 points", "4 rounds"),
        Row("2.", "Grace Hopper", "3 points", "1 round", own=True),
        Row("10.", "Al", "1 point", "1 round"),
    )
    assert text_of(body(Board(rows))).splitlines() == [
        "   1.  Ada           12 points  4 rounds",
        "   2.  Grace Hopper   3 points  1 round  (you)",
        "  10.  Al              1 point  1 round",
    ]


@pytest.mark.parametrize("name", ["損失関数", "e\u0301ve\u0301", "🧠🧠", "ﬀ", "देव"])
def test_columns_stand_for_names_of_wide_and_of_combining_signs(name: str) -> None:
    first, second = board_of(name, "Ada Lovelace")
    starts = {cell_len(row[: row.index(points)]) for row, points in ((first, "99 points"), (second, "98 points"))}
    assert len(starts) == 1


def test_a_long_name_is_cut_and_does_not_move_the_board_off_the_screen() -> None:
    (row,) = board_of("Ada " * 50)
    assert cell_len(row) < 80


def test_an_empty_board_says_what_there_is_to_say() -> None:
    assert text_of(body(Board((), empty="No points yet."))) == "No points yet."
    assert body(Board(())) == ()


# --- words that would like to be more -----------------------------------------------------------------------

NASTY = {
    "colour": "\x1b[31mred",
    "clear the screen": "\x1b[2J",
    "title of the window": "\x1b]0;owned\x07",
    "link": "\x1b]8;;https://example.com\x1b\\here\x1b]8;;\x1b\\",
    "one-byte escape": "\x9b31m",
    "backspaces": "harmless\x08\x08\x08",
    "start of the line": "harmless\rEve",
    "bell": "\x07",
    "null": "\x00",
    "override": "\u202eevil\u202c",
    "isolate": "\u2066\u2069",
    "mark": "\u200f\u200e",
    "line separator": "a\u2028b",
    "invisible": "a\u200bb\ufeff",
    "half a sign": "\ud800",
    "private use": "\ue000",
    "tags": "\U000e0041",
}


PLACES: dict[str, Callable[[str], Card]] = {
    "title": lambda words: Card(title=words),
    "line": lambda words: Card(title="x", body=(Line((Words(words), Words(words, strong=True))),)),
    "item": lambda words: Card(title="x", body=(Line((Words(words),), bullet=True),)),
    "prose": lambda words: Card(title="x", body=(Prose(f"{words} **{words}** `{words}`\n- {words}"),)),
    "program": lambda words: Card(title="x", body=(Snippet(words, "python"),)),
    "board": lambda words: Card(title="x", body=(Board((Row("1.", words, "1 point", "1 round"),)),)),
    "button": lambda words: Card(title="x", buttons=(Button(Press.ANSWER, words, "x"),)),
    "footer": lambda words: Card(title="x", footer=(Words(words),)),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("words", NASTY.values(), ids=NASTY)
def test_no_sign_steers_the_screen_wherever_it_stands(place: str, words: str) -> None:
    shown = text_of(render(PLACES[place](words), "7K3F2A"))
    harmful = {sign for sign in words if unicodedata.category(sign)[0] in "CZ"}
    assert harmful & set(shown) - {" ", "\n"} == set()


@pytest.mark.parametrize("place", [place for place in PLACES if place not in ("prose", "program")])
def test_a_name_of_two_lines_cannot_start_a_line_of_its_own(place: str) -> None:
    shown = text_of(render(PLACES[place]("Eve\n1.  Eve")))
    assert [row for row in shown.splitlines() if row.startswith("1.")] == []


def test_a_tab_in_a_name_does_not_move_the_columns() -> None:
    assert ["\t" in row for row in board_of("a\tb", "c")] == [False, False]


@given(st.text())
def test_cleaned_text_keeps_its_length_and_is_not_changed_again(text: str) -> None:
    assert len(clean(text)) == len(text)
    assert clean(clean(text)) == clean(text)


@pytest.mark.parametrize("text", ["Größe", "損失関数", "دالة", "👩\u200d💻", "∂L/∂w ≤ ε", "e\u0301", "don’t – “x”"])
def test_honest_words_are_left_alone(text: str) -> None:
    assert clean(text) == text
