"""What is offered while one types, the likeliest first and within a platform's limits; and texts cut to a length."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core import suggestions as completion
from bot.core.commands import BY_NAME, TABLE, Option, Takes
from bot.core.model import Bank, QuestionId, Status
from bot.core.schedule import zone_names
from bot.core.suggestions import Limits, is_completed, shortened, units
from tests.factories import make_question

LIMITS: Final = Limits(offers=25, name=60, value=100)
BANK: Final = Bank(
    id="nn",
    title="Neural networks",
    version="1.0.0",
    language="en",
    licence="MIT",
    topics={
        "gradients": "Gradients and their flow",
        "vision": "Convolution and vision",
        "evaluation": "Evaluation and metrics",
        "sequences": "Recurrence, and what diverges",
    },
    questions=(
        make_question("dropout"),
        make_question("batch-norm", prompt="Why does batch normalization help?"),
        make_question("old", prompt="What is a perceptron?", status=Status.RETIRED),
    ),
)
BANKS: Final[Mapping[str, Bank]] = {"nn": BANK}


def option_of(command: str, name: str) -> Option:
    return next(option for option in BY_NAME[command].options if option.name == name)


def suggestions(option: Option, typed: str, banks: Mapping[str, Bank] = BANKS) -> list[tuple[str, str]]:
    return completion.suggestions(option, typed, banks=banks, zones=zone_names(), limits=LIMITS)


def offered(option: Option, typed: str, banks: Mapping[str, Bank] = BANKS) -> list[str]:
    return [value for _, value in suggestions(option, typed, banks)]


ZONE: Final = option_of("setup", "zone")
TOPIC: Final = option_of("ask", "topic")
TOPICS: Final = option_of("setup", "topics")
QUESTION: Final = option_of("next", "question")


@pytest.mark.parametrize("typed", ["new york", "NEW YORK", "new_york", "newyork", "New-York", "america/new york"])
def test_a_zone_is_found_without_case_spaces_or_underscores(typed: str) -> None:
    assert offered(ZONE, typed)[0] == "America/New_York"


@pytest.mark.parametrize(
    ("typed", "zone"),
    [
        ("am", "Europe/Amsterdam"),
        ("mexico", "America/Mexico_City"),
        ("singapore", "Asia/Singapore"),
        ("utc", "UTC"),
        ("São P", "America/Sao_Paulo"),
        ("new y", "America/New_York"),
        ("aires", "America/Argentina/Buenos_Aires"),
        ("ogot", "America/Bogota"),
        ("berln", "Europe/Berlin"),
        ("los angelse", "America/Los_Angeles"),
    ],
)
def test_the_zone_of_a_city_comes_first(typed: str, zone: str) -> None:
    assert offered(ZONE, typed)[0] == zone


def test_before_anything_is_typed_the_usual_zones_are_offered() -> None:
    assert {"UTC", "Europe/London", "America/New_York", "Asia/Kolkata"} < set(offered(ZONE, ""))
    assert len(offered(ZONE, "")) == 25


@given(st.sampled_from(zone_names()), st.booleans())
def test_every_zone_is_found_by_its_name(zone: str, spaced: bool) -> None:
    assert zone in offered(ZONE, zone.replace("_", " ").upper() if spaced else zone)


def test_topics_are_shown_by_title_and_found_by_it_or_by_their_id() -> None:
    found = suggestions(TOPIC, "conv")
    assert found == [("Convolution and vision", "vision")]
    assert offered(TOPIC, "sequ") == ["sequences"]


def test_what_begins_so_comes_before_a_word_that_does_before_what_holds_it_before_what_is_close() -> None:
    topics = {"1": "Recover", "2": "Ovre", "3": "The overlap", "4": "Overfitting", "5": "Other", "6": "Over"}
    assert offered(TOPIC, "over", {"nn": replace(BANK, topics=topics)}) == ["6", "4", "3", "1", "2"]


def test_all_that_is_spelled_nearly_so_is_offered_the_nearest_first() -> None:
    topics = {"1": "Gradation", "2": "Gradient", "3": "Convolution", "4": "Gradients"}
    assert offered(TOPIC, "gradeint", {"nn": replace(BANK, topics=topics)}) == ["2", "4"]


def test_further_topics_are_offered_after_those_that_are_typed_already() -> None:
    found = suggestions(TOPICS, "vision, grad")
    assert found == [("vision,gradients", "vision,gradients")]
    assert "vision,vision" not in offered(TOPICS, "vision,")
    assert len(offered(TOPICS, "vision,")) == 3


def test_a_value_that_is_too_long_is_not_offered_and_a_long_name_is_shortened() -> None:
    banks = {"nn": replace(BANK, topics={"flow": "Flow " * 30, "x" * 90: "Other"})}
    assert suggestions(TOPIC, "flow", banks) == [("Flow" + " Flow" * 11 + "…", "flow")]
    assert offered(TOPICS, "flow,", banks) == ["flow," + "x" * 90]
    assert offered(TOPICS, "vision,flow,", banks) == []


def test_any_topic_may_be_chosen_for_a_drill() -> None:
    assert offered(TOPICS, "")[0] == "any"
    assert "any" not in offered(TOPIC, "")


def test_questions_are_found_by_id_and_prompt_and_retired_ones_are_not_offered() -> None:
    assert offered(QUESTION, "batch n") == [QuestionId("nn:batch-norm")]
    assert offered(QUESTION, "nn:drop") == ["nn:dropout"]
    assert offered(QUESTION, "normalization help")[0] == "nn:batch-norm"
    assert "nn:old" not in offered(QUESTION, "")
    assert suggestions(QUESTION, "batch")[0][0].startswith("batch-norm: Why does")


def test_banks_are_offered_by_title_and_commands_by_what_they_do() -> None:
    assert suggestions(option_of("setup", "bank"), "neu") == [("Neural networks (nn)", "nn")]
    assert suggestions(option_of("help", "command"), "leader") == [
        ("leaderboard: the board, with your own row", "leaderboard")
    ]


def test_nothing_is_offered_where_anything_goes() -> None:
    assert offered(option_of("setup", "closes"), "18") == []


@given(
    st.sampled_from([option for command in TABLE for option in command.options]),
    st.one_of(st.text(), st.sampled_from(["e", "a", "v" * 6000, "gradients,", ",,,", "vision,gradients,e", "/"])),
    st.dictionaries(st.text(min_size=1, max_size=60), st.text(max_size=150), max_size=40),
    st.builds(Limits, offers=st.integers(1, 100), name=st.integers(2, 100), value=st.integers(2, 150)),
)
@settings(max_examples=200)
def test_suggestions_keep_to_any_platforms_limits_whatever_is_typed(
    option: Option, typed: str, topics: dict[str, str], limits: Limits
) -> None:
    banks = {"nn": replace(BANK, topics=topics)}
    found = completion.suggestions(option, typed, banks=banks, zones=zone_names(), limits=limits)
    assert len(found) <= limits.offers
    assert len({value for _, value in found}) == len(found)
    assert all(1 <= units(name) <= limits.name and 1 <= units(value) <= limits.value for name, value in found)


def test_more_is_offered_where_a_platform_takes_more() -> None:
    many = replace(LIMITS, offers=100)
    assert len(completion.suggestions(ZONE, "", banks=BANKS, zones=zone_names(), limits=many)) == 100


def test_what_is_longer_or_more_than_a_platform_lists_is_offered_while_one_types() -> None:
    few = Option("size", Takes.CHOICE, "which", ("small", "large"))
    assert not is_completed(few, LIMITS)
    assert is_completed(few, replace(LIMITS, offers=1))
    assert is_completed(few, replace(LIMITS, value=4))
    assert is_completed(TOPICS, LIMITS)


# --- lengths ------------------------------------------------------------------------------------------------


@given(st.text(), st.integers(2, 120))
def test_a_shortened_text_fits_and_is_the_beginning_of_what_was_said(text: str, room: int) -> None:
    short = shortened(text, room)
    assert units(short) <= room
    whole = shortened(text, 10_000)
    assert short == whole or (short.endswith("…") and whole.startswith(short.removesuffix("…")))


def test_a_text_is_cut_between_words_unless_one_is_longer_than_half_of_the_room() -> None:
    assert shortened("one two three", 10) == "one two…"
    assert shortened("one twothreefourfive", 10) == "one twoth…"


def test_emoji_are_counted_as_two_and_not_cut_in_half() -> None:
    assert units("🐜") == 2
    assert shortened("🐜" * 10, 10) == "🐜" * 4 + "…"
