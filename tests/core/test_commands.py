"""The table of commands, and how a line of text is read against it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.commands import BY_NAME, START, TABLE, Command, Invocation, Misread, Option, Takes, Who, read, usage

MEMBERS = ("ask", "hint", "leaderboard", "me", "history", "when", "help")
ORGANIZERS = ("setup", "pause", "resume", "skip", "reveal", "next", "review", "award", "doctor")


def given_options(text: str) -> dict[str, str]:
    return dict(read(text).options)


# --- the table ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MEMBERS)
def test_every_member_may_use_the_commands_for_members(name: str) -> None:
    assert BY_NAME[name].who is Who.MEMBER


@pytest.mark.parametrize("name", ORGANIZERS)
def test_only_organizers_may_use_the_commands_that_run_a_drill(name: str) -> None:
    assert BY_NAME[name].who is Who.ORGANIZER


def test_no_command_and_no_option_is_named_twice() -> None:
    assert len(BY_NAME) == len(TABLE)
    for command in TABLE:
        names = [option.name for option in command.options]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("command", [c for c in TABLE if c.example], ids=lambda command: command.name)
def test_the_example_of_a_command_is_read_as_that_command(command: Command) -> None:
    assert read(command.example).command is command


@pytest.mark.parametrize("command", TABLE, ids=lambda command: command.name)
def test_how_a_command_is_written_names_all_that_it_takes(command: Command) -> None:
    line = usage(command)
    assert line.startswith(f"Use it so: /nnquestion {command.name}")
    assert all(option.name in line or "|".join(option.choices) in line for option in command.options)


def _values(option: Option) -> st.SearchStrategy[str]:
    if option.choices:
        return st.sampled_from(option.choices)
    return st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)


@given(st.data())
@settings(max_examples=200)
def test_every_command_is_read_back_as_it_was_written_with_its_options_by_name(data: st.DataObject) -> None:
    command = data.draw(st.sampled_from(TABLE))
    options = {
        option.name: data.draw(_values(option))
        for option in command.options
        if option.required or data.draw(st.booleans())
    }
    order = data.draw(st.permutations(list(options)))
    line = " ".join([command.name, *(f"{name}={options[name]}" for name in order)])
    assert read(line) == Invocation(command, options)


def test_options_are_offered_with_what_they_take() -> None:
    assert {option.name: option.takes for option in BY_NAME["setup"].options}["zone"] is Takes.ZONE


# --- reading a line -----------------------------------------------------------------------------------------


def test_an_empty_line_asks_for_the_start() -> None:
    assert read("").command is read("   ").command is START


def test_a_command_may_be_written_in_capitals() -> None:
    assert read("LeaderBoard").command.name == "leaderboard"


def test_a_value_that_is_one_of_a_few_finds_its_option_by_itself() -> None:
    assert given_options("leaderboard here all") == {"where": "here", "season": "all"}
    assert given_options("ask 2 gradients") == {"difficulty": "2", "topic": "gradients"}


def test_a_choice_may_be_written_in_capitals() -> None:
    assert given_options("leaderboard WEEK") == {"season": "week"}


def test_a_value_with_spaces_stands_in_quotation_marks() -> None:
    assert given_options('setup off="2026-12-25, 2026-12-26"') == {"off": "2026-12-25, 2026-12-26"}


def test_an_unclosed_quotation_mark_is_no_reason_to_refuse_a_line() -> None:
    assert given_options("history don't") == {"topic": "don't"}


def test_a_text_takes_all_words_that_follow_as_they_stand() -> None:
    awarded = given_options("award @ada 2 the Clearest explanation today, by far")
    assert awarded == {"member": "@ada", "points": "2", "reason": "the Clearest explanation today, by far"}


def test_a_text_may_be_quoted_or_named_and_go_on_after_that() -> None:
    for line in ('award @ada 2 "well said" indeed', 'award @ada 2 reason="well said" indeed'):
        assert given_options(line)["reason"] == "well said indeed"
    assert given_options("award reason=well points=2 said member=@ada indeed")["reason"] == "well said indeed"


def test_what_follows_a_text_may_look_like_a_number_a_member_or_a_choice() -> None:
    assert given_options("award @ada 2 for 3 hints to @bob on week 4")["reason"] == "for 3 hints to @bob on week 4"


@pytest.mark.parametrize("reason", ["for finding lr=0.1", "lr=0.1 was it", "for points=3 and member=@bob"])
def test_an_equals_sign_in_a_text_makes_no_option(reason: str) -> None:
    assert given_options(f"award @ada 2 {reason}") == {"member": "@ada", "points": "2", "reason": reason}


def test_without_its_text_a_command_is_refused() -> None:
    for line in ("award", "award @ada", "award @ada 2", 'award @ada 2 ""'):
        with pytest.raises(Misread, match=r"award needs|is empty"):
            read(line)


def test_a_member_is_one_word_as_it_was_written() -> None:
    assert {option.name: option.takes for option in BY_NAME["award"].options} == {
        "member": Takes.MEMBER,
        "points": Takes.WORD,
        "reason": Takes.TEXT,
    }
    assert given_options("award <@U0ADA> 2 well said")["member"] == "<@U0ADA>"


@given(
    st.lists(
        st.text(st.characters(categories=["L", "N", "P", "S"], exclude_characters="='\"\\"), min_size=1), min_size=1
    )
)
def test_whatever_is_said_for_an_award_is_its_reason(words: list[str]) -> None:
    assert given_options(f"award @ada 2 {' '.join(words)}")["reason"] == " ".join(words)


def test_a_value_may_hold_an_equals_sign() -> None:
    assert given_options("history topic=a=b") == {"topic": "a=b"}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("leaderbord", "leaderboard"),
        ("leaderboard mont", "month"),
        ("setup tim=09:00", "time"),
        ("me show=resul", "result"),
    ],
)
def test_who_mistypes_is_told_what_was_probably_meant(line: str, told: str) -> None:
    with pytest.raises(Misread, match=f"Did you mean “{told}”"):
        read(line)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("dance", "There is no command “dance”"),
        ("hint please", "hint cannot do anything with “please”"),
        ("leaderboard week month", "cannot do anything|is one of"),
        ("leaderboard season=week season=all", "given twice"),
        ("ask difficulty=4", "“difficulty” is one of 1, 2, 3, not “4”"),
        ("history topic=", "“topic” is empty"),
        ("next", "next needs the question's id"),
        ("setup 09:00", "cannot do anything with “09:00”"),
        ("when tomorrow", "when cannot do anything with “tomorrow”"),
        ("setup colour=blue", "setup has no option “colour”"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(line: str, told: str) -> None:
    with pytest.raises(Misread, match=told):
        read(line)


_WORDS = st.sampled_from(
    [
        *BY_NAME,
        *(f"{option.name}=" for command in TABLE for option in command.options),
        *(choice for command in TABLE for option in command.options for choice in option.choices),
        *("'", '"', "=", "\\", "==", "@ada", "09:00"),
    ]
)


@given(st.one_of(st.text(), st.lists(st.one_of(_WORDS, st.text(max_size=5))).map(" ".join)))
@settings(max_examples=500)
def test_whatever_is_typed_is_read_or_refused_in_words(text: str) -> None:
    outcome = read_or_refused(text)
    if isinstance(outcome, str):
        assert outcome
        return
    assert outcome.command in (START, *TABLE)
    assert all(outcome.options.values())
    for option in outcome.command.options:
        if option.choices and option.name in outcome.options:
            assert outcome.options[option.name] in option.choices


def read_or_refused(text: str) -> Invocation | str:
    try:
        return read(text)
    except Misread as misread:
        return str(misread)


def test_an_apostrophe_and_a_backslash_in_a_text_stay() -> None:
    assert given_options(r"award @ada 2 it's Ada's best \alpha")["reason"] == r"it's Ada's best \alpha"
