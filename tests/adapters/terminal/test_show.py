"""The room as it is printed: plain where there is no terminal, wrapped, and steered by nobody's words."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from bot.adapters.terminal.render import render
from bot.adapters.terminal.room import BOT, Message, plain
from bot.adapters.terminal.show import WIDTH, Show, numbered
from bot.core import cards, notices
from bot.core.card import Board, Button, Card, Picture, Press, Row
from bot.core.model import Receipt, RoundId, Told, Why
from tests.adapters.messenger_contract import EVERY_BLOCK
from tests.adapters.terminal.stages import Paper
from tests.factories import DAY, HOUR, MINUTE, NOW, make_round


@pytest.fixture(autouse=True)
def _no_wishes_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_COLOR", "NO_COLOR", "COLUMNS", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def paper() -> Paper:
    return Paper()


@pytest.fixture
def show(paper: Paper) -> Show:
    return Show("UTC", paper)


class Screen(Paper):
    """A terminal, by its own account."""

    def isatty(self) -> bool:
        return True


def message(text: str = "hello", **changes: object) -> Message:
    made = Message(
        id="7", channel="terminal:local/general", thread=None, by="@bob", name="bob", lines=plain(text), at=NOW
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def of_bot(card: Card) -> Message:
    return message(by=BOT, name="nnquestion", lines=render(card, "7K3F2A"))


def show_all(show: Show) -> None:
    """One of everything."""
    for made in (of_bot(EVERY_BLOCK), of_bot(cards.question(make_round())), message("hello", thread="7")):
        for change in ("said", "edited", "deleted", "counts", "thread"):
            show.changed(change, made)
    for receipt in Receipt:
        for why in (None, *Why):
            show.told("bob", Told(receipt=receipt, why=why))
    show.private("bob", EVERY_BLOCK)
    show.line("a line", "bold red")


def test_what_is_printed_to_a_file_or_a_pipe_holds_no_escape_code(show: Show, paper: Paper) -> None:
    show_all(show)
    assert "Question of Sunday" in paper.getvalue()
    assert {sign for sign in paper.getvalue() if unicodedata.category(sign) == "Cc"} == {"\n"}


def test_on_a_terminal_there_is_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    screen = Screen()
    show_all(Show("UTC", screen))
    assert "\x1b[" in screen.getvalue()


def test_a_message_stands_under_its_time_its_author_and_its_number(show: Show, paper: Paper) -> None:
    show.message(message("hello\nthere"))
    day = "── Sunday 22 November 2026 "
    expected = ["", day + "─" * (WIDTH - len(day)), "", "09:00  bob  [7]", "       hello", "       there"]
    assert paper.rows == expected


def test_a_message_in_a_thread_has_a_bar_beside_it(show: Show, paper: Paper) -> None:
    show.message(message("hello", thread="1"))
    assert paper.rows[-2:] == ["  │ 09:00  bob  [7]", "  │        hello"]


def test_each_day_begins_with_its_date_once_in_the_zone_of_the_room(paper: Paper) -> None:
    show = Show("Asia/Tokyo", paper)
    for at in (NOW, NOW + HOUR, NOW + 7 * HOUR, NOW + DAY):
        show.message(message(at=at))
    dates = [row.partition(" ─")[0] for row in paper.rows if row.startswith("──")]
    assert dates == ["── Sunday 22 November 2026", "── Monday 23 November 2026"]
    assert "18:00  bob  [7]" in paper.rows


def test_an_edit_and_a_deletion_are_told_with_their_number(show: Show, paper: Paper) -> None:
    show.changed("edited", message("anew", edited_at=NOW + MINUTE))
    show.changed("deleted", message(deleted_at=NOW + MINUTE))
    assert paper.rows[-4:] == ["09:01  bob says [7] anew", "       anew", "", "09:01  bob deleted [7]"]


def test_where_a_picture_is_saved_is_told_in_place_of_its_words_and_never_broken(show: Show, paper: Paper) -> None:
    path = "pictures/" + "long" * 40 + ".png"
    pictured = Card(title="Answers", picture=Picture("Answers", (), "Monday 4"))
    show.message(message(by=BOT, lines=render(pictured), picture=path))
    show.private("bob", pictured, picture=path)
    assert [row for row in paper.rows if "picture" in row] == [
        f"       picture saved as {path}",
        f"  ┆ picture saved as {path}",
    ]


def test_a_picture_that_is_not_saved_is_said_in_words_unless_a_board_says_the_same(show: Show, paper: Paper) -> None:
    picture = Picture("Points", (), "ada 3 points")
    show.private("bob", Card(title="A week", picture=picture))
    show.private(
        "bob", Card(title="A board", body=(Board((Row("1.", "ada", "3 points", "1 round"),)),), picture=picture)
    )
    assert [row for row in paper.rows if "picture" in row] == ["  ┆ [picture: ada 3 points]"]


def test_direct_messages_are_set_apart_and_say_with_whom_they_are(show: Show, paper: Paper) -> None:
    show.message(message("a reminder", by=BOT, name="nnquestion", channel="terminal:local/@bob"))
    show.message(message("an answer", channel="terminal:local/@bob"))
    assert paper.rows[-4:] == [
        "  ┆ 09:00  nnquestion to bob alone  [7]",
        "  ┆        a reminder",
        "  ┆ 09:00  bob to nnquestion alone  [7]",
        "  ┆        an answer",
    ]


@pytest.mark.parametrize("change", ["said", "edited", "deleted", "counts no more"])
def test_a_reader_sees_no_direct_messages_but_their_own(paper: Paper, change: str) -> None:
    alone = message("for bob alone", channel="terminal:local/@bob")
    Show("UTC", paper, reader="carol").changed(change, alone)
    assert paper.rows == []
    Show("UTC", paper, reader="bob").changed(change, alone)
    assert paper.rows != []


def test_without_numbers_none_is_shown(paper: Paper) -> None:
    Show("UTC", paper, numbers=False).message(message())
    assert "09:00  bob" in paper.rows


@pytest.mark.parametrize(
    "text",
    ["many words " * 60, "損失関数の勾配 " * 40, "x" * 350, "a\tb" * 100, "🧠 " * 120],
    ids=["words", "wide", "one word", "tabs", "emoji"],
)
def test_no_line_is_wider_than_the_page(show: Show, paper: Paper, text: str) -> None:
    show.message(message(text, thread="1"))
    show.private("bob", Card(title=text, body=cards.question(make_round()).body))
    show.line(text)
    assert max(cell_len(row.expandtabs()) for row in paper.rows) <= WIDTH


def test_nothing_is_lost_where_a_line_is_wrapped(show: Show, paper: Paper) -> None:
    words = " ".join(f"word{number}" for number in range(200))
    show.message(message(words))
    assert " ".join(" ".join(paper.rows[4:]).split()) == words


def test_an_item_that_is_wrapped_hangs_under_its_first_word(show: Show, paper: Paper) -> None:
    show.message(of_bot(Card(title="A title", body=(cards.line("words " * 40, bullet=True),))))
    first, *rest = [row for row in paper.rows if "words" in row]
    assert {row.index("words") for row in rest} == {first.index("words")}


def test_rich_markup_is_text(show: Show, paper: Paper) -> None:
    show.message(message("[bold]x[/bold] :smile: [link=https://example.com]y[/link]"))
    assert paper.rows[-1].strip() == "[bold]x[/bold] :smile: [link=https://example.com]y[/link]"


# --- words that would like to be more -----------------------------------------------------------------------

SHOWN: dict[str, Callable[[Show, str], None]] = {
    "said": lambda show, words: show.message(message(words)),
    "edited": lambda show, words: show.changed("edited", message(words)),
    "name": lambda show, words: show.message(message(name=words)),
    "name of who edited": lambda show, words: show.changed("edited", message(name=words)),
    "name of who deleted": lambda show, words: show.changed("deleted", message(name=words)),
    "name of who alone sees": lambda show, words: show.private(words, Card(title="A title")),
    "name of who is told": lambda show, words: show.told(words, Told(receipt=Receipt.LATE)),
}


@pytest.mark.parametrize("act", SHOWN.values(), ids=SHOWN)
@pytest.mark.parametrize(
    "words", ["\x1b[2Jx", "\x1b]0;owned\x07", "\x9b31mx", "x\ry", "x\x08y", "\u202eevil", "\u2066x", "\x00"], ids=ascii
)
def test_no_member_steers_the_screen(show: Show, paper: Paper, act: Callable[[Show, str], None], words: str) -> None:
    act(show, words)
    harmful = {sign for sign in words if unicodedata.category(sign) in ("Cc", "Cf")}
    assert harmful & set(paper.getvalue()) == set()


@pytest.mark.parametrize("named", [act for act in SHOWN if act.startswith("name")])
def test_a_name_of_two_lines_cannot_start_a_message_of_its_own(show: Show, paper: Paper, named: str) -> None:
    SHOWN[named](show, "eve\n09:00  nnquestion")
    assert [row for row in paper.rows if row.startswith("09:00  nnquestion")] == []


def test_no_line_of_a_message_looks_like_the_head_of_another(show: Show, paper: Paper) -> None:
    show.message(message("hello\n09:00  nnquestion  [8]\n── Monday 23 November 2026 ───"))
    assert [row for row in paper.rows[4:] if not row.startswith("       ")] == []


# --- receipts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "says"),
    [
        (Told(receipt=Receipt.RECORDED), ["  │        ✓ recorded"]),
        (Told(receipt=Receipt.REVISED), ["  │        ✓ revised"]),
        (Told(receipt=Receipt.WITHDRAWN), ["  │        ✗ withdrawn"]),
        (Told(receipt=Receipt.NOT_COUNTED, why=Why.TALK), []),
        (Told(receipt=Receipt.NOT_COUNTED), []),
    ],
)
def test_a_message_gets_a_mark_and_talk_gets_nothing(show: Show, paper: Paper, told: Told, says: list[str]) -> None:
    show.told("bob", told)
    assert paper.rows == says


@pytest.mark.parametrize(
    "told",
    [
        Told(receipt=Receipt.LATE, round=RoundId("x")),
        Told(receipt=Receipt.TOO_LONG),
        Told(receipt=Receipt.NOT_COUNTED, why=Why.SEALED),
        Told(receipt=Receipt.NOT_COUNTED, why=Why.CLOSED),
    ],
)
def test_what_needs_words_is_for_its_author_alone(show: Show, paper: Paper, told: Told) -> None:
    show.told("bob", told)
    said = " ".join(" ".join(paper.rows).replace("│", "").split())
    assert said == f"(only bob sees: {notices.told(told)})"


# --- buttons to press ---------------------------------------------------------------------------------------


def with_buttons(*labels: str) -> Card:
    return Card(title="x", buttons=tuple(Button(Press.OBJECT, label, f"about {label}") for label in labels))


def test_buttons_are_numbered_in_their_order_where_they_can_be_pressed(show: Show, paper: Paper) -> None:
    card = with_buttons("Check now", "Use it as an example")
    show.private("bob", card, numbered(card))
    assert paper.rows[-1] == "  ┆ [/1 Check now] [/2 Use it as an example]"
    assert {number: button.about for number, button in numbered(card).items()} == {
        1: "about Check now",
        2: "about Use it as an example",
    }
    show.private("bob", card)
    assert paper.rows[-1] == "  ┆ [Check now] [Use it as an example]"


def test_a_button_that_has_a_number_of_its_own_is_pressed_by_that_one(show: Show, paper: Paper) -> None:
    card = with_buttons("These are my own words", "1. Dropped at random", "4. At inference all stay")
    show.private("bob", card, numbered(card))
    assert paper.rows[-1] == "  ┆ [/2 These are my own words] [/1 Dropped at random] [/4 At inference all stay]"
    assert numbered(card)[4].about == "about 4. At inference all stay"


@given(st.lists(st.text(max_size=8) | st.from_regex(r"[0-9]{1,4}\. ?.{0,4}", fullmatch=True), max_size=12))
def test_every_button_has_a_number_and_no_two_the_same(labels: list[str]) -> None:
    card = with_buttons(*labels)
    assert [button.about for button in numbered(card).values()] == [button.about for button in card.buttons]


def test_only_the_bar_beside_a_message_is_dim_and_not_what_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    screen = Screen()
    Show("UTC", screen).message(message("hello", thread="1"))
    row = next(row for row in screen.rows if "hello" in row)
    assert row.endswith("\x1b[0mhello")
    assert row.startswith("\x1b[2m")
