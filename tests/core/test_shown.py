"""What is shown on every platform alike: words without tricks, instants in words."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.card import TimeStyle, When
from bot.core.shown import clean, in_words, on_one_line

FAMILY = "👨\N{ZERO WIDTH JOINER}👩\N{ZERO WIDTH JOINER}👧"


@given(st.text())
def test_nothing_unseen_is_left_but_what_belongs_to_emoji_and_lines(text: str) -> None:
    kept = clean(text)
    assert len(kept) == len(text)
    assert not any(
        unicodedata.category(sign) in ("Cf", "Cs", "Co", "Zl", "Zp")
        for sign in kept.replace("\N{ZERO WIDTH JOINER}", "")
    )
    assert all(sign in "\n\t" for sign in kept if unicodedata.category(sign) == "Cc")


@pytest.mark.parametrize("text", ["Ada", "Łukasz", "李小龍", "بهار", FAMILY, "a\tb\nc", "é", "e\u0301"])
def test_names_and_texts_of_any_script_stay_as_they_are(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize("sign", ["\u202e", "\u2066", "\u200b", "\x1b", "\x00", "\u2028", "\ud800", "\ue000"])
def test_signs_that_hide_or_turn_a_line_are_shown_as_what_they_are_not(sign: str) -> None:
    assert clean(f"a{sign}b") == "a\N{REPLACEMENT CHARACTER}b"


def test_a_name_cannot_be_several_lines() -> None:
    assert on_one_line("ada\n\nbob\tcarl") == "ada bob carl"


@pytest.mark.parametrize(
    ("style", "said"),
    [
        (TimeStyle.TIME, "00:30"),
        (TimeStyle.DATE, "Tuesday 3 February"),
        (TimeStyle.DATE_TIME, "Tuesday 3 February, 00:30"),
    ],
)
def test_an_instant_is_told_in_the_channels_zone(style: TimeStyle, said: str) -> None:
    assert in_words(When(datetime(2026, 2, 2, 23, 30, tzinfo=UTC), style, "Europe/Berlin")) == said
