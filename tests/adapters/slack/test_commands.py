"""The table of commands on Slack: lines as Slack sends them, with mentions and the quotes that phones type."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any, Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.adapters.discord.commands import payload
from bot.adapters.slack.commands import names, read
from bot.adapters.slack.ids import channel_id, group_id, member_id
from bot.core import commands
from bot.core.commands import BY_NAME, TABLE, Misread, Option, line
from bot.core.model import Bank
from bot.core.setting_up import drill_from
from tests.factories import make_question

TEAM: Final = "T024BE7LH"
BANK: Final = Bank(
    id="nn", title="Networks", version="1.0.0", language="en", licence="MIT", topics={}, questions=(make_question(),)
)
UNSEEN: Final = "\u200b\u2060\u2068\u2069\ufeff"


def options_of(text: str) -> Mapping[str, str]:
    """What the core is given by what somebody said."""
    return commands.read(read(text)).options


def sent(text: str) -> str:
    """Words as Slack sends them."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


# --- the table ----------------------------------------------------------------------------------------------------

SAID: Final = {
    "organizers": "<@U061F7AUR|ada>",
    "notes": "<#C061EG9SL|general>",
    "member": "<@U061F7AUR|ada>",
}
"""What has to be mentioned."""


def offered_on_discord() -> set[tuple[str, str]]:
    """Every command and each of its options, as Discord has them registered."""
    made: list[dict[str, Any]] = [command for command in payload() if command.get("options")]
    subcommands = [subcommand for command in made for subcommand in command["options"]]
    return {(sub["name"], "") for sub in subcommands} | {
        (sub["name"], option["name"]) for sub in subcommands for option in sub["options"]
    }


def said_on_slack(command: str, option: str) -> bool:
    """Whether that can be said in Slack's manner, and means that."""
    known = {known.name: known for known in BY_NAME[command].options}
    others = [known.name for known in BY_NAME[command].options if known.required and known.name != option]
    needed = [f"{name}={SAID.get(name, 'x')}" for name in others]
    value = SAID.get(option) or (known[option].choices or ("x",))[0] if option else ""
    given = [f"{option}={value}"] if option else []
    takes_all_that_follows = option and known[option].takes is commands.Takes.TEXT
    words = [*needed, *given] if takes_all_that_follows else [*given, *needed]
    read_back = commands.read(read(" ".join([command, *words])))
    return read_back.command.name == command and (not option or option in read_back.options)


def test_whatever_discord_offers_can_be_said_on_slack() -> None:
    assert [pair for pair in sorted(offered_on_discord()) if not said_on_slack(*pair)] == []


def test_whatever_can_be_said_on_slack_is_offered_on_discord() -> None:
    table = {(command.name, name) for command in TABLE for name in ("", *(option.name for option in command.options))}
    assert {pair for pair in table if said_on_slack(*pair)} == offered_on_discord()


@pytest.mark.parametrize("command", TABLE, ids=lambda command: command.name)
def test_every_example_of_the_table_is_read_as_it_stands(command: commands.Command) -> None:
    example = command.example or command.name
    typed = re.sub(r"@(\w+)", r"<@U061F7AUR|\1>", example)
    assert commands.read(read(typed)) == commands.read(re.sub(r"@\w+", "@U061F7AUR", example))


# --- words --------------------------------------------------------------------------------------------------------


def test_nothing_at_all_asks_for_the_start() -> None:
    assert read("") == read(" \xa0\u200b\n") == ""
    assert commands.read(read("")).command is commands.START


def test_a_command_that_does_not_exist_is_told_to_be_unknown() -> None:
    with pytest.raises(Misread, match="no command “bet”"):
        commands.read(read("bet “all of it” <@U061F7AUR|ada>"))


def _values(option: Option) -> st.SearchStrategy[str]:
    if option.choices:
        return st.sampled_from(option.choices)
    hard = st.sampled_from(
        ["'", "’", "\\", " ", "\n", "\t", "=", "#", ",", ":", "a", "&amp;", "<@U061F7AUR>", "$(x)", "|"]
    )
    return st.one_of(st.text(min_size=1), st.lists(hard, min_size=1).map("".join)).map(
        lambda text: "x" + "".join(sign for sign in text if sign not in f'"“”„«»{UNSEEN}')
    )


@given(st.data())
@settings(max_examples=300)
def test_a_command_is_read_with_exactly_the_options_that_were_given_whatever_they_hold(data: st.DataObject) -> None:
    command = data.draw(st.sampled_from(TABLE))
    free = [option for option in command.options if option.name not in SAID]
    options = {o.name: data.draw(_values(o)) for o in free if o.required or data.draw(st.booleans())}
    named = {o.name: SAID[o.name] for o in command.options if o.name in SAID and o.required}
    marks = data.draw(st.sampled_from(['""', "“”", "„“", "””", "«»"]))
    equals = data.draw(st.sampled_from(["=", "\N{FULLWIDTH EQUALS SIGN}"]))
    blank = data.draw(st.sampled_from([" ", "\xa0", "\u202f", "\n", "\N{IDEOGRAPHIC SPACE}"]))
    words = [f"{name}{equals}{marks[0]}{sent(value)}{marks[1]}" for name, value in options.items()]
    words = [f"{name}{equals}{value}" for name, value in named.items()] + words
    read_back = commands.read(read(blank.join([command.name, *words])))
    assert (read_back.command, read_back.options) == (command, {**dict.fromkeys(named, "@U061F7AUR"), **options})


def told(text: str) -> str:
    """What the command that was read says of itself, or what was wrong."""
    try:
        return commands.read(read(text)).command.says
    except Misread as misread:
        return str(misread)


@given(
    st.text(st.sampled_from("<>@#!|UC1& ;amplt=:,'\"“”’\0\u200b\xa0 gsetuporganizersnotes"), max_size=60) | st.text()
)
@example("setup organizers=")
@example("setup organizers=<@U061F7AUR")
@example("setup notes=<#>")
@example("<")
@settings(max_examples=400)
def test_any_text_is_read_or_told_what_is_wrong_with_it(text: str) -> None:
    starts = ("", "setup ", "setup organizers=", "setup notes=", "next ", "award ", "award member=")
    for said in (start + text for start in starts):
        assert told(said)
        assert all(names(said).values())


@given(st.dictionaries(st.sampled_from([o.name for o in BY_NAME["setup"].options if not o.choices]), st.text()))
def test_a_line_is_read_back_as_the_options_it_was_written_from_without_the_empty_ones(options: dict[str, str]) -> None:
    assert commands.read(line("setup", options)).options == {name: value for name, value in options.items() if value}
    assert line("hint", {}) == "hint"
    assert line("", {}) == ""


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("ask 'deep learning' 2", {"topic": "deep learning", "difficulty": "2"}),
        ("ask \u2018deep learning\u2019", {"topic": "deep learning"}),
        ("ask topic=“R&amp;D &lt;3”", {"topic": "R&D <3"}),
        ("ask &amp;lt;", {"topic": "&lt;"}),
        ("ask &amp;gt;", {"topic": "&gt;"}),
        ("ask rock'n' 2", {"topic": "rock'n'", "difficulty": "2"}),
        ("ask 'don't know'", {"topic": "don't know"}),
        ("setup days=mon, time=09:00", {"days": "mon,", "time": "09:00"}),
        ("ask don’t", {"topic": "don’t"}),
        ("ask 'tis", {"topic": "'tis"}),
        ("ask \u2068gradients\u2069", {"topic": "gradients"}),
        ("ask <https://a.b/c|a.b>", {"topic": "a.b"}),
        ("pause <tel:20270107|2027-01-07>", {"until": "2027-01-07"}),
        ("ask <https://a.b/c>", {"topic": "https://a.b/c"}),
        ("next nn:dropout", {"question": "nn:dropout"}),
        ("setup days=mon, wed ,sat topics= gradients", {"days": "mon,wed,sat", "topics": "gradients"}),
        ("setup off=2026-12-25, 2026-12-26 time=09:00", {"off": "2026-12-25,2026-12-26", "time": "09:00"}),
        ("SETUP Time=09:00", {"time": "09:00"}),
    ],
)
def test_what_keyboards_and_slack_make_of_words_is_read_as_it_was_meant(text: str, options: dict[str, str]) -> None:
    assert options_of(text) == options


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("setup time: 09:00 zone: Europe/Berlin", "setup time=09:00 zone=Europe/Berlin"),
        ("setup time:09:00 days=mon, wed", "setup time=09:00 days=mon,wed"),
        ("setup time\N{FULLWIDTH COLON}09:00", "setup time=09:00"),
        ("setup organizers: <@U061F7AUR|ada> notes: <#C061EG9SL|general>", "setup organizers=@ada notes=#general"),
        ("next question:dropout", "next question=dropout"),
        ("ask topic: gradients", "ask topic=gradients"),
    ],
)
def test_options_in_the_manner_of_discord_are_told_as_they_are_written_here(text: str, meant: str) -> None:
    with pytest.raises(Misread) as misread:
        read(text)
    assert f"Did you mean /nnquestion {meant}?" in str(misread.value)


@pytest.mark.parametrize("piece", ['"a ', "a, ", "<@U061F7AUR|a> ", "<", "&amp;", "organizers=", "'", "time: "])
def test_a_text_as_long_as_a_message_is_read_in_no_time(piece: str) -> None:
    began = time.perf_counter()
    for start in ("ask ", "setup organizers=", "setup days="):
        assert told(start + piece * (40_000 // len(piece)))
    assert time.perf_counter() - began < 3


# --- mentions -----------------------------------------------------------------------------------------------------


def test_a_mention_becomes_an_id_in_any_option_and_order() -> None:
    assert read("setup notes=<#C061EG9SL|general> organizers=<@U061F7AUR|ada> time=09:00") == (
        "setup notes=C061EG9SL organizers=@U061F7AUR time=09:00"
    )
    assert read("setup topics=<@W012A3CDE|ada>,<#C061EG9SL>") == "setup topics=@W012A3CDE,C061EG9SL"
    assert read("help <@U061F7AUR>") == "help @U061F7AUR"


@pytest.mark.parametrize(
    "text",
    [
        "<@U061F7AUR|ada>,<@U0G9QF9C6|grace hopper>",
        "<@U061F7AUR|ada> <@U0G9QF9C6>",
        "<@U061F7AUR|ada>\xa0and\xa0<@U0G9QF9C6|grace>",
        " <@U061F7AUR>, <@U0G9QF9C6> &amp; <@U061F7AUR>",
        "“<@U061F7AUR|ada>; <@U0G9QF9C6|grace>”",
        "<@U061F7AUR><@U0G9QF9C6>",
    ],
)
def test_members_are_named_as_organizers_by_mention_however_they_are_set_apart(text: str) -> None:
    assert options_of(f"setup organizers={text} time=09:00") == {"organizers": "@U061F7AUR,@U0G9QF9C6", "time": "09:00"}


def test_mentions_become_the_ids_by_which_the_adapter_knows_members_and_channels() -> None:
    said = "setup time=09:00 zone=UTC organizers=<@U061F7AUR|ada> notes=<#C061EG9SL|general>"
    group, ada = group_id(TEAM), member_id(TEAM, "U061F7AUR")
    drill = drill_from(options_of(said), None, channel_id(TEAM, "C1"), group, ada, {"nn": BANK})
    assert drill.organizers == {ada}
    assert drill.notes == channel_id(TEAM, "C061EG9SL")


@pytest.mark.parametrize("text", ["none", "None", "“none”"])
def test_organizers_may_be_none(text: str) -> None:
    assert options_of(f"setup organizers={text}")["organizers"].lower() == "none"


@pytest.mark.parametrize(
    "text",
    [
        "ada",
        "@ada",
        "@U061F7AUR",
        "<@U061F7AUR|ada>,bob",
        "<!subteam^S061F7AUR|@team>",
        "<!everyone>",
        "<#C061EG9SL>",
        ",",
        "\0<@U061F7AUR>",
    ],
)
def test_a_name_that_is_no_mention_is_not_taken_for_an_organizer(text: str) -> None:
    with pytest.raises(Misread, match="choose members from the list"):
        read(f"setup organizers={text}")


def test_a_word_behind_the_organizers_is_none_of_them() -> None:
    with pytest.raises(Misread, match="cannot do anything with “bob”"):
        commands.read(read("setup organizers=<@U061F7AUR|ada> bob"))


def test_who_misnames_an_organizer_reads_their_own_words() -> None:
    with pytest.raises(Misread, match="“@ada, bob”"):
        read("setup organizers=“<@U061F7AUR|ada>, bob”")
    with pytest.raises(Misread, match="“bob @ada”"):
        read("setup organizers=bob <@U061F7AUR|ada>")


def test_capital_letters_in_a_name_let_nothing_pass() -> None:
    for said in ("SETUP organizers=ada", "setup Organizers=ada"):
        with pytest.raises(Misread, match="does not name organizers"):
            read(said)


# --- who is meant, and why ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        "award <@U061F7AUR|ada> 2 for the clearest sketch",
        "award <@U061F7AUR>\xa02\xa0for the clearest sketch",
        "award member=<@U061F7AUR> points=2 reason=for the clearest sketch",
        "award member= <@U061F7AUR> 2 “for the clearest” sketch",
        "award points=2 <@U061F7AUR|ada> reason= for the clearest sketch",
        "award <@U061F7AUR> 2 Reason: for the clearest sketch",
    ],
)
def test_an_award_names_a_member_and_takes_all_other_words_as_its_reason(said: str) -> None:
    assert options_of(said) == {"member": "@U061F7AUR", "points": "2", "reason": "for the clearest sketch"}


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("since x=3 is right", "since x=3 is right"),
        ("points: three of them", "points: three of them"),
        ("points=3 of them", "points=3 of them"),
        ("ada's idea, isn’t it", "ada's idea, isn’t it"),
        ("for helping <@U0G9QF9C6|grace> in <#C061EG9SL|general>", "for helping @grace in #general"),
        ("1 &lt; 2 &amp;amp;", "1 < 2 &amp;"),
        ("<!channel> <https://example.org|look>", "channel look"),
    ],
)
def test_whatever_a_reason_holds_is_no_option_and_no_mention(said: str, reason: str) -> None:
    options = options_of(f"award <@U061F7AUR|ada> 2 {said}")
    assert options == {"member": "@U061F7AUR", "points": "2", "reason": reason}


@pytest.mark.parametrize(
    "text",
    ["ada", "@ada", "@U061F7AUR", "<!subteam^S061F7AUR|@team>", "<!here>", "<@U061F7AUR>,<@U0G9QF9C6>", "&lt;@U1&gt;"],
)
def test_a_name_that_is_no_mention_of_one_member_is_not_taken_for_one(text: str) -> None:
    for said in (f"award {text} 2 well done", f"award points=2 member={text} well done"):
        with pytest.raises(Misread, match=r"is no member\. Type @ and choose one from the list"):
            read(said)


def test_an_award_without_a_member_or_a_reason_is_told_what_it_lacks() -> None:
    for said in ("award", "award reason=well done", "award member= "):
        assert "who gets them" in told(said), said
    assert "what for" in told("award <@U061F7AUR> 2")
    assert "“reason” is empty" in told("award <@U061F7AUR> 2 reason=")


@pytest.mark.parametrize(
    ("said", "options"),
    [
        ("me remind 08:30 Europe/Berlin", {"show": "remind", "value": "08:30 Europe/Berlin"}),
        ("me away until 2026-12-24", {"show": "away", "value": "until 2026-12-24"}),
        ("me shown=name away back", {"shown": "name", "show": "away", "value": "back"}),
        ("me remind off shown=someone", {"shown": "someone", "show": "remind", "value": "off"}),
        ("me show=remind value= 08:30 <#C061EG9SL|general>", {"show": "remind", "value": "08:30 #general"}),
    ],
)
def test_what_is_said_of_oneself_goes_on_to_the_end_but_for_options_that_are_named(
    said: str, options: dict[str, str]
) -> None:
    assert options_of(said) == options


@pytest.mark.parametrize("text", ["<#C061EG9SL|general>", "<#C061EG9SL|>", "<#C061EG9SL>", "C061EG9SL", "“C061EG9SL”"])
def test_a_channel_for_notes_is_named_by_mention_or_id(text: str) -> None:
    assert options_of(f"setup notes={text}") == {"notes": "C061EG9SL"}


@pytest.mark.parametrize("text", ["here", "Here", "<!here>"])
def test_notes_may_go_here(text: str) -> None:
    assert options_of(f"setup notes={text}")["notes"].lower() == "here"


@pytest.mark.parametrize(
    "text", ["general", "#general", "GENERALCHAT", "<@U061F7AUR|ada>", "c061eg9sl", "C1", "D061EG9SL", "<#D061EG9SL>"]
)
def test_a_name_that_is_no_mention_is_not_taken_for_a_channel(text: str) -> None:
    with pytest.raises(Misread, match="is no channel"):
        read(f"setup notes={text}")


def test_what_is_only_written_like_a_mention_is_none() -> None:
    with pytest.raises(Misread, match="does not name organizers"):
        read("setup organizers=&lt;@U061F7AUR&gt;")


def test_the_names_of_those_who_are_mentioned_are_told_as_slack_has_them() -> None:
    assert names("setup organizers=<@U061F7AUR|ada>,<@U0G9QF9C6> <@W012A3CDE|R&amp;D bot> <#C061EG9SL|general>") == {
        "U061F7AUR": "ada",
        "W012A3CDE": "R&D bot",
    }
