"""A reference answer cut into key points: nothing of it is lost, and nothing is said twice."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.clauses import MOST, clauses
from bot.core.text import content_stems, sentences

WORDS = ["leaf", "sugar,", "light.", "and", "water:", "the", "oxygen;", "(stem)", "root", "because"]


def stems(text: str) -> set[str]:
    return {stem for sentence in sentences(text) for stem in content_stems(sentence.words)}


def test_sentences_and_clauses_that_say_something_are_key_points_of_their_own() -> None:
    found = clauses("Sunlight gives energy to the leaf, and carbon dioxide becomes sugar. Oxygen is released, too.")
    assert [point.text for point in found] == [
        "Sunlight gives energy to the leaf",
        "and carbon dioxide becomes sugar.",
        "Oxygen is released, too.",
    ]
    assert not any(point.essential for point in found)


def test_a_clause_counts_by_the_words_that_it_says_first() -> None:
    first, again = clauses("Leaves absorb yellow sunlight. Leaves absorb sunlight at noon.")
    assert (first.weight, again.weight) == (4, 1)


def test_a_sentence_that_repeats_what_was_said_is_no_key_point() -> None:
    assert len(clauses("Leaves absorb sunlight. Sunlight absorb leaves.")) == 1


def test_short_clauses_stay_with_their_neighbors() -> None:
    assert [point.text for point in clauses("By rows, then columns.")] == ["By rows, then columns."]


def test_an_empty_answer_has_no_key_points() -> None:
    assert clauses("") == ()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(["leaf", "sugar,", "light.", "and", "water:", "the", "oxygen;", "(stem)", "root", "because"]),
        max_size=80,
    )
)
def test_every_word_that_says_something_stands_in_a_key_point(words: list[str]) -> None:
    text = " ".join(words)
    found = clauses(text)
    assert stems(" ; ".join(point.text for point in found)) == stems(text)
    assert len(found) <= MOST
    assert len({point.id for point in found}) == len(found)
    assert all(point.weight >= 1 for point in found)
