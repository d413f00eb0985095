"""How long a text is: words, characters of scripts without spaces, and spoiler marks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.counting import starts_answer, without_spoiler_marks, words


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("", 0),
        ("   \n ", 0),
        ("one", 1),
        ("one two  three\nfour\tfive", 5),
        ("it's a well-known trick", 4),
        ("!!! ... -- ???", 0),
        ("yes !!! no", 2),
        ("👍 👍 👍 👍 👍", 0),
        ("x = 2 * y", 3),
        ("σ(x) und 3.5", 3),
        ("여러 단어로 된 답", 4),
        ("Это ответ из пяти слов", 5),
    ],
)
def test_a_word_is_what_stands_between_spaces_and_holds_a_letter_or_digit(text: str, number: int) -> None:
    assert words(text) == number


@pytest.mark.parametrize(
    ("name", "sign"),
    [
        ("Thai", "ก"),
        ("Lao", "ກ"),
        ("Tibetan", "ཀ"),
        ("Burmese", "က"),
        ("Khmer", "ក"),
        ("hiragana", "の"),
        ("katakana", "カ"),
        ("Han", "神"),
        ("rare Han", "𠮷"),
    ],
)
def test_fifteen_characters_of_a_script_without_spaces_are_five_words(name: str, sign: str) -> None:
    assert starts_answer(sign * 15)
    assert not starts_answer(sign * 14)


def test_punctuation_of_such_a_script_is_no_character_of_it() -> None:
    assert words("神经！网络。") == pytest.approx(4 / 3)


def test_words_of_both_kinds_of_script_add_up() -> None:
    assert starts_answer("dropout 在训练时随机失活神经元 works")
    assert not starts_answer("dropout 在训练时 works")


def test_a_word_of_another_script_inside_such_a_text_is_one_word() -> None:
    assert words("使用dropout训练") == pytest.approx(1 + 4 / 3)


@pytest.mark.parametrize(
    ("hidden", "plain"),
    [
        ("||it drops units||", "it drops units"),
        ("it ||drops|| some ||units||", "it drops some units"),
        ("||two\nlines||", "two\nlines"),
        ("a || b", "a || b"),
        ("  spaces around  ", "spaces around"),
        ("||||", "||||"),
    ],
)
def test_spoiler_marks_go_in_pairs_and_a_lone_one_stays(hidden: str, plain: str) -> None:
    assert without_spoiler_marks(hidden) == plain


@given(st.text())
def test_any_text_has_a_length_and_can_be_read_without_its_spoiler_marks(text: str) -> None:
    assert words(text) >= 0
    assert len(without_spoiler_marks(text)) <= len(text)


@given(st.text(), st.text())
def test_more_text_is_never_fewer_words(text: str, more: str) -> None:
    assert words(f"{text} {more}") >= words(text)
