"""What `bank check` holds against any bank, and what it leaves alone."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from bot.core.bank import Severity, check_bank
from bot.core.bank_rules import check_rules

HEAD: dict[str, Any] = {
    "bank": {"id": "b", "title": "A bank", "version": "1.0.0", "language": "en", "licence": "CC0"},
    "topics": {"sky": "The sky"},
}
BLUE: dict[str, Any] = {"id": "blue", "prompt": "Why is the sky blue?", "answer": "Air scatters short waves more."}


def told(*questions: dict[str, Any], language: str = "en") -> list[str]:
    """What is held against a bank of these questions, with the severity of what is no error."""
    head = {**HEAD, "bank": {**HEAD["bank"], "language": language}}
    text = yaml.safe_dump({**head, "questions": list(questions)}, allow_unicode=True, width=10_000)
    return [
        problem.message if problem.severity is Severity.ERROR else f"{problem.severity}: {problem.message}"
        for problem in check_bank(text, "b.yaml", check_rules)
    ]


def only(*questions: dict[str, Any], **about: str) -> str:
    """The one thing held against them."""
    [message] = told(*questions, **about)
    return message


def test_prompt_and_answer_are_enough() -> None:
    assert told(BLUE) == []


def test_two_questions_that_ask_the_same_in_other_order_are_told() -> None:
    again = {**BLUE, "id": "again", "prompt": "The sky: why blue?", "answer": "Because of scattering."}
    assert only(BLUE, again) == '"again" asks the same as "blue"; ask something else'


def test_questions_that_share_a_word_are_two_questions() -> None:
    assert told(BLUE, {"id": "red", "prompt": "Why is the sunset red?", "answer": "The path is long."}) == []


LONG = "Sunlight reaches the eye from all sides of the sky after it was scattered by molecules of the air."


def test_an_answer_copied_from_another_is_told_with_the_words() -> None:
    copy = {"id": "copy", "prompt": "What makes clouds white?", "answer": f"Well. {LONG} That is it."}
    said = only({**BLUE, "answer": LONG}, copy)
    assert said.startswith('warning: answer of "copy" repeats “sunlight reaches the eye')
    assert said.endswith('from "blue"; say it afresh')


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("# Blue", "a heading"),
        ("- one\n  - two", "a bullet inside a bullet"),
        ("* one", "a bullet made with *"),
        ("1. one", "a numbered list"),
        ("| a | b |", "a table"),
        ("see [this](https://example.org)", "a link or picture in brackets"),
        ("__so__", "underlined or struck text"),
        ("> they say", "a quote"),
        ("$$x$$", "LaTeX"),
    ],
)
def test_markdown_that_only_one_platform_shows_is_told(line: str, what: str) -> None:
    assert f"holds {what}" in only({**BLUE, "answer": f"It scatters.\n\n{line}"})


def test_markdown_in_code_is_code() -> None:
    assert (
        told({**BLUE, "answer": "It scatters.\n```python\n# a comment\n* b\n__init__ = 1\n```\nAlso `a[0](1)`."}) == []
    )


@pytest.mark.parametrize("word", ["optimise", "behaviour", "labelled", "normalisation", "centre", "Regularised"])
def test_british_spelling_in_our_own_voice_is_told(word: str) -> None:
    assert f'"{word}" in answer of "blue" is not US spelling' in only({**BLUE, "answer": f"We {word} it."})
    assert f'"{word}" in hints of "blue" is not US spelling' in only({**BLUE, "hints": [f"Think of {word}."]})


@pytest.mark.parametrize(
    "word", ["noise", "precise", "raised", "otherwise", "our", "four", "hour", "labeled", "advise"]
)
def test_words_that_are_spelled_alike_everywhere_are_left_alone(word: str) -> None:
    assert told({**BLUE, "answer": f"It is {word} here."}) == []


def test_learners_spell_as_they_like() -> None:
    point = {"id": "waves", "text": "Short waves are scattered more", "any_of": ["behaviour of short waves"]}
    sample = {"kind": "full", "text": "the behaviour of short waves, they scatter", "earns": []}
    assert told({**BLUE, "key_points": [point], "exemplars": [sample]}) == []


def test_a_sentence_that_goes_on_and_on_is_told() -> None:
    assert "has a sentence of 50 words" in only({**BLUE, "answer": "Well, " + "blue " * 47 + "it is."})


def test_a_phrasing_that_earns_two_key_points_is_told() -> None:
    points = [
        {"id": "waves", "text": "Short waves are scattered more", "any_of": ["violet bends most"]},
        {"id": "eyes", "text": "Eyes see little violet light", "any_of": ["most bends violet"]},
    ]
    assert 'phrasing 1 of key point "eyes" of "blue" has the words of one of "waves"' in only(
        {**BLUE, "key_points": points}
    )


def test_an_exemplar_taken_from_the_answer_is_told() -> None:
    sample = {"kind": "full", "text": "sunlight reaches the eye from all sides of the sky", "earns": []}
    assert "is taken from the reference answer" in only({**BLUE, "answer": LONG, "exemplars": [sample]})


def test_rules_about_words_do_not_hold_in_another_language() -> None:
    said = {**BLUE, "answer": "Always optimise.", "hints": ["Think of behaviour."]}
    assert len(told(said)) == 3
    assert told(said, language="de") == []


def test_open_marks_and_broken_code_are_told_in_every_language() -> None:
    said = told({**BLUE, "answer": "**Blau", "code": {"lang": "python", "source": "a = ("}}, language="de")
    assert len(said) == 2


def test_code_in_another_language_is_not_parsed() -> None:
    assert told({**BLUE, "code": {"lang": "rust", "source": "fn main() {"}}) == []


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_hint_that_is_a_key_point_word_for_word_is_told_in_every_language(language: str) -> None:
    point = {"id": "waves", "text": "Nothing is dropped then"}
    hint = "Think: nothing is dropped then, is it?"
    assert 'hint 1 of "blue" gives key point "waves" away' in only(
        {**BLUE, "key_points": [point], "hints": [hint]}, language=language
    )


def test_marks_left_open_are_told_wherever_markdown_is_shown() -> None:
    assert 'hints of "blue" opens a **' in only({**BLUE, "hints": ["Think **hard."]})


def test_a_program_inside_the_answer_is_parsed_too() -> None:
    assert "the program in the answer of" in only({**BLUE, "answer": "So.\n```python\na = (\n```"})
    assert told({**BLUE, "answer": "So.\n```text\na = (\n```"}) == []


def test_the_same_exemplar_or_key_point_twice_is_told() -> None:
    sample = {"kind": "full", "text": "short waves are scattered more by far", "earns": []}
    assert any(
        "is the same as exemplar 1" in said for said in told({**BLUE, "exemplars": [dict(sample), dict(sample)]})
    )
    points = [{"id": id, "text": "Short waves are scattered more"} for id in ("a", "b")]
    assert any("says the same as an earlier one" in said for said in told({**BLUE, "key_points": points}))


def test_a_draft_with_a_date_of_review_is_told() -> None:
    assert "is a draft with a date of review" in only({**BLUE, "status": "draft", "reviewed": "2026-01-01"})


def test_british_english_is_a_language_of_its_own() -> None:
    assert told({**BLUE, "answer": "We analyse colour."}, language="en-GB") == []
    assert len(told({**BLUE, "answer": "We analyse colour."})) == 2
