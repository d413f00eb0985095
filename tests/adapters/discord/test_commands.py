"""The table of commands on Discord: what is registered, how a given command is read, what is offered while typing."""

from __future__ import annotations

import string
import subprocess
import sys
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.adapters.discord.commands import digest, focused, named, payload, read, suggestions, units
from bot.adapters.discord.ids import channel_id, group_id, member_id, role_id
from bot.core import commands
from bot.core.commands import BY_NAME, TABLE, Command, Misread, Option, Takes, Who, line
from bot.core.model import Bank, MemberId, Status
from bot.core.schedule import zone_names
from bot.core.setting_up import drill_from
from tests.factories import make_question

GUILD: Final = 41771983423143937
ORGANIZER: Final = MemberId(f"discord:{GUILD}/@1")
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


def registered(name: str) -> dict[str, Any]:
    return next(command for command in payload() if command["name"] == name)


def offered(option: Option, typed: str, banks: Mapping[str, Bank] = BANKS) -> list[str]:
    return [value for _, value in suggestions(option, typed, banks=banks, zones=zone_names())]


def invoked(command: str, options: Mapping[str, str], typing: str | None = None) -> dict[str, Any]:
    """What Discord sends of a command somebody gave, or is still typing at one option of."""
    known = BY_NAME[command].options if command in BY_NAME else ()
    members = {option.name for option in known if option.takes is Takes.MEMBER}
    given = [
        {
            "type": 6 if name in members else 3,
            "name": name,
            "value": value,
            **({"focused": True} if name == typing else {}),
        }
        for name, value in options.items()
    ]
    name = "nnquestion" if command in BY_NAME and BY_NAME[command].who is Who.MEMBER else "nnquestion-admin"
    subcommand = {"type": 1, "name": command, "options": given}
    return {"id": "1", "type": 1, "name": name, "options": [subcommand], "guild_id": str(GUILD)}


# --- Discord's limits, as its documentation has them -----------------------------------------------------------


def faults(made: list[dict[str, Any]]) -> list[str]:
    """Every limit of Discord's that a payload breaks."""
    found = [
        f"{command['name']}: not for servers alone"
        for command in made
        if (command["contexts"], command["integration_types"]) != ([0], [0])
    ]
    if len({(command["type"], command["name"]) for command in made}) < len(made):
        found.append("two commands of one name")
    for command in made:
        if command["type"] == 3:
            found += [key for key in ("description", "options") if command.get(key)]
            if not 1 <= len(command["name"]) <= 32:
                found.append(f"{command['name']}: length")
            continue
        found += _faults(command, command["name"], kinds={1})
        if sum(_lengths(command)) > 8000:
            found.append(f"{command['name']}: more than 8,000 characters")
    return found


def _faults(made: Mapping[str, Any], where: str, kinds: set[int]) -> Iterator[str]:
    name, description, options = made["name"], made["description"], made.get("options", [])
    if not 1 <= len(name) <= 32 or name != name.lower() or not all(_may_stand_in_a_name(sign) for sign in name):
        yield f"{where}: no name"
    if not description.strip() or units(description) > 100:
        yield f"{where}: {units(description)} characters in its description"
    if len(options) > 25 or len({option["name"] for option in options}) < len(options):
        yield f"{where}: its options"
    required = [option.get("required", False) for option in options]
    if required != sorted(required, reverse=True):
        yield f"{where}: a required option after another"
    for option in options:
        if option["type"] not in kinds:
            yield f"{where}: {option['name']} is of type {option['type']}"
        choices = option.get("choices", [])
        if len(choices) > 25 or (choices and option.get("autocomplete")):
            yield f"{where}: choices"
        if any(not 1 <= units(text) <= 100 for choice in choices for text in choice.values()):
            yield f"{where}: length of a choice"
        if option["type"] == 6 and {"choices", "autocomplete"} & option.keys():
            yield f"{where}: choices among people"
        yield from _faults(option, f"{where} {option['name']}", kinds={3, 6})


def _may_stand_in_a_name(sign: str) -> bool:
    return sign in "-_'" or unicodedata.category(sign)[0] in "LN"


def _lengths(made: Mapping[str, Any]) -> Iterator[int]:
    for key, value in made.items():
        if key in ("name", "description", "value"):
            yield units(value)
        elif key in ("options", "choices"):
            for part in value:
                yield from _lengths(part)


# --- what is registered -------------------------------------------------------------------------------------


def test_the_table_keeps_to_every_limit_of_discord() -> None:
    assert faults(payload()) == []


def test_members_and_organizers_have_a_command_each_and_messages_an_entry_in_their_menu() -> None:
    assert [(command["type"], command["name"]) for command in payload()] == [
        (1, "nnquestion"),
        (1, "nnquestion-admin"),
        (3, "Submit as my answer"),
    ]
    for name, who in (("nnquestion", Who.MEMBER), ("nnquestion-admin", Who.ORGANIZER)):
        mine = [command.name for command in TABLE if command.who is who]
        assert [option["name"] for option in registered(name)["options"]] == mine


def test_only_who_manages_the_server_sees_the_command_for_organizers() -> None:
    assert registered("nnquestion-admin")["default_member_permissions"] == "32"
    assert "default_member_permissions" not in registered("nnquestion")
    assert "default_member_permissions" not in registered("Submit as my answer")


def test_no_description_of_the_table_is_cut() -> None:
    by_name = {option["name"]: option for name in ("nnquestion", "nnquestion-admin") for option in options_of(name)}
    for command in TABLE:
        made = by_name[command.name]
        assert made["description"].casefold() == command.says.casefold()
        said = {option["name"]: option["description"].casefold() for option in made["options"]}
        assert said == {option.name: option.says.casefold() for option in command.options}


def options_of(name: str) -> list[dict[str, Any]]:
    options: list[dict[str, Any]] = registered(name)["options"]
    return options


def test_a_description_begins_with_a_capital() -> None:
    assert options_of("nnquestion")[0]["description"] == "A question now, here, as an extra round"


def test_a_value_that_is_one_of_a_few_is_chosen_and_not_typed() -> None:
    [difficulty] = [option for option in options_of("nnquestion")[0]["options"] if option["name"] == "difficulty"]
    assert difficulty["choices"] == [{"name": sign, "value": sign} for sign in "123"]


def test_topics_zones_questions_banks_and_commands_are_offered_while_one_types() -> None:
    completed = {
        (command["name"], option["name"])
        for name in ("nnquestion", "nnquestion-admin")
        for command in options_of(name)
        for option in command["options"]
        if option.get("autocomplete")
    }
    assert completed == {
        ("ask", "topic"),
        ("history", "topic"),
        ("help", "command"),
        ("setup", "zone"),
        ("setup", "topics"),
        ("setup", "bank"),
        ("next", "question"),
    }


def test_who_gets_an_award_is_chosen_among_the_members() -> None:
    [award] = [command for command in options_of("nnquestion-admin") if command["name"] == "award"]
    assert [(option["name"], option["type"]) for option in award["options"]] == [
        ("member", 6),
        ("points", 3),
        ("reason", 3),
    ]


def test_a_table_without_commands_for_organizers_has_none_for_them() -> None:
    members = [command for command in TABLE if command.who is Who.MEMBER]
    assert [command["name"] for command in payload(members)] == ["nnquestion", "Submit as my answer"]


names = st.text(st.sampled_from(string.ascii_lowercase + string.digits + "-_'äßжक好"), min_size=1, max_size=32)
says = st.text(max_size=300)
options = st.builds(
    Option,
    name=names,
    takes=st.sampled_from(Takes),
    says=says,
    choices=st.one_of(st.lists(st.text(max_size=6), max_size=30), st.lists(st.text(max_size=150), max_size=2)).map(
        tuple
    ),
    required=st.booleans(),
)
tables = st.lists(
    st.builds(
        Command,
        name=names,
        who=st.sampled_from(Who),
        says=says,
        options=st.lists(options, max_size=3, unique_by=lambda option: option.name).map(tuple),
    ),
    max_size=3,
    unique_by=lambda command: command.name,
)


@given(tables)
@settings(max_examples=200)
def test_any_small_table_keeps_to_every_limit_of_discord(table: list[Command]) -> None:
    assert faults(payload(table)) == []


def test_a_long_description_is_cut_after_a_word() -> None:
    command = Command("ask", Who.MEMBER, "word " * 30)
    assert payload([command])[0]["options"][0]["description"] == "Word" + " word" * 19 + "…"


def test_what_says_nothing_is_described_by_its_name() -> None:
    assert payload([Command("ask", Who.MEMBER, " ")])[0]["options"][0]["description"] == "Ask"


def test_more_choices_than_discord_takes_are_offered_while_one_types() -> None:
    many = Option("seed", Takes.CHOICE, "which", tuple(f"seed-{number}" for number in range(26)))
    [made] = payload([Command("ask", Who.MEMBER, "ask", (many,))])[0]["options"][0]["options"]
    assert made["autocomplete"]
    assert "choices" not in made
    assert offered(many, "25") == ["seed-25"]


def _commands(count: int, options: int = 0, says: str = "says") -> list[Command]:
    taken = tuple(Option(f"option-{number}", Takes.WORD, says) for number in range(options))
    return [Command(f"command-{number}", Who.MEMBER, says, taken) for number in range(count)]


@pytest.mark.parametrize(
    ("table", "why"),
    [
        (_commands(26), "/nnquestion has 26 entries"),
        (_commands(1, options=26), "command-0 has 26 entries"),
        (_commands(25, options=25), "shorten its descriptions"),
        ([Command("Ask", Who.MEMBER, "says")], "called 'Ask'"),
        ([Command("ask now", Who.MEMBER, "says")], "called 'ask now'"),
        ([Command("a" * 33, Who.MEMBER, "says")], "1 to 32"),
        ([Command("", Who.MEMBER, "says")], "called ''"),
    ],
    ids=["commands", "options", "size", "capital", "space", "long", "empty"],
)
def test_a_table_that_discord_cannot_take_is_refused_with_the_reason(table: list[Command], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        payload(table)


def test_the_digest_is_the_same_in_every_process_and_tells_any_change() -> None:
    script = "from bot.adapters.discord.commands import digest, payload; print(digest(payload()))"
    other = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == digest(payload())
    assert digest([dict(reversed(command.items())) for command in payload()]) == digest(payload())
    changed = [replace(TABLE[0], says="another word"), *TABLE[1:]]
    assert digest(payload(changed)) != digest(payload())


# --- reading ------------------------------------------------------------------------------------------------


def _values(option: Option) -> st.SearchStrategy[str]:
    if option.choices:
        return st.sampled_from(option.choices)
    if option.takes is Takes.MEMBER:
        return st.integers(0, 2**64 - 1).map(str)
    hard = st.sampled_from(["'", '"', "\\", " ", "\n", "\r\n", "\t", "=", "#", ",", "time=09:00", "$(x)", "\0"])
    return st.one_of(st.text(min_size=1), st.lists(hard, min_size=1).map("".join))


@given(st.data())
@settings(max_examples=300)
def test_a_command_is_read_with_exactly_the_options_that_were_given_whatever_they_hold(data: st.DataObject) -> None:
    command = data.draw(st.sampled_from(TABLE))
    options = {
        option.name: data.draw(_values(option))
        for option in command.options
        if option.name not in ("organizers", "notes") and (option.required or data.draw(st.booleans()))
    }
    meant = {name: f"@{value}" if name == "member" else value for name, value in options.items()}
    read_back = commands.read(read(invoked(command.name, options)))
    assert (read_back.command, read_back.options) == (command, meant)


@given(st.dictionaries(st.sampled_from([o.name for o in BY_NAME["setup"].options if not o.choices]), st.text()))
def test_a_line_is_read_back_as_the_options_it_was_written_from_without_the_empty_ones(options: dict[str, str]) -> None:
    assert commands.read(line("setup", options)).options == {name: value for name, value in options.items() if value}


def test_a_command_without_options_is_its_name() -> None:
    assert read({"name": "nnquestion", "options": [{"type": 1, "name": "hint"}]}) == "hint"


def test_a_command_without_a_subcommand_asks_for_the_start() -> None:
    assert commands.read(read({"name": "nnquestion"})).command is commands.START


def test_a_command_that_was_taken_out_of_the_table_is_told_to_be_unknown() -> None:
    with pytest.raises(Misread, match="no command “bet”"):
        commands.read(read(invoked("bet", {"how much": "all of it"})))


def organizers_of(text: str) -> str:
    return commands.read(read(invoked("setup", {"organizers": text}))).options["organizers"]


def notes_of(text: str) -> str:
    return commands.read(read(invoked("setup", {"notes": text}), channels={123456789012345678})).options["notes"]


@pytest.mark.parametrize(
    "text",
    ["<@123>,<@&45>", "<@!123> <@&45>", " <@123> and <@&45> ", "<@123><@&45>", "<@123>; <@&45>, <@123>"],
)
def test_members_and_roles_are_named_as_organizers_by_mention_however_they_are_set_apart(text: str) -> None:
    assert organizers_of(text) == "@123,@&45"


def test_mentions_become_the_ids_by_which_the_adapter_knows_members_roles_and_channels() -> None:
    given = {
        "time": "09:00",
        "zone": "UTC",
        "organizers": "<@123> <@&45>",
        "notes": "<#123456789012345678>",
    }
    channel, group = channel_id(GUILD, 1), group_id(GUILD)
    drill = drill_from(commands.read(read(invoked("setup", given))).options, None, channel, group, ORGANIZER, BANKS)
    assert drill.organizers == {member_id(GUILD, 123), role_id(GUILD, 45)}
    assert drill.notes == channel_id(GUILD, 123456789012345678)


def test_organizers_may_be_none_and_notes_may_go_here() -> None:
    assert organizers_of("none ") == "none"
    assert notes_of(" Here") == "Here"


@pytest.mark.parametrize("text", ["@ada", "ada", "<@123> and Bob", "@everyone", "<#123>", "123456789012345678", ","])
def test_a_name_that_is_no_mention_is_not_taken_for_an_organizer(text: str) -> None:
    with pytest.raises(Misread, match="choose members or roles from the list"):
        organizers_of(text)


@pytest.mark.parametrize("text", ["<#123456789012345678>", "123456789012345678", " <#123456789012345678> "])
def test_a_channel_for_notes_is_named_by_mention_or_number(text: str) -> None:
    assert notes_of(text) == "123456789012345678"


@pytest.mark.parametrize("text", ["#organizers", "organizers", "<@123>", "<#1> <#2>", "12", "١٢٣٤٥٦٧٨٩٠١٢٣٤٥٦٧"])
def test_a_name_that_is_no_mention_is_not_taken_for_a_channel(text: str) -> None:
    with pytest.raises(Misread, match="is no channel"):
        notes_of(text)


def test_notes_do_not_go_to_a_channel_of_another_server() -> None:
    with pytest.raises(Misread, match="a channel of this server"):
        notes_of("<#123456789012345679>")


def member_of(value: str, kind: int) -> str:
    options = [
        {"type": kind, "name": "member", "value": value},
        {"type": 3, "name": "points", "value": "2"},
        {"type": 3, "name": "reason", "value": "well said"},
    ]
    return commands.read(read({"options": [{"type": 1, "name": "award", "options": options}]})).options["member"]


@pytest.mark.parametrize(("value", "kind"), [("123", 6), ("<@123>", 3), ("<@!123>", 3), (" @123 ", 3)])
def test_a_member_is_read_from_the_list_and_from_a_mention_that_was_typed(value: str, kind: int) -> None:
    assert member_of(value, kind) == "@123"


@pytest.mark.parametrize("typed", ["ada", "@ada", "<@&123>", "<#123>", "123", "<@1> <@2>", "@١٢", "@everyone"])
def test_what_is_no_member_is_refused_with_what_to_do(typed: str) -> None:
    with pytest.raises(Misread, match=r"is no member\. Choose one from the list"):
        member_of(typed, 3)


def test_a_member_who_is_left_out_is_asked_for() -> None:
    with pytest.raises(Misread, match="award needs who gets them"):
        member_of(" ", 3)


AWARD: Final = "award member=@7 points=2 reason=good"


def told_of(member: Mapping[str, Any] | None = None, **user: Any) -> dict[str, Any]:
    """What Discord tells of somebody who was chosen from a list, and of somebody else beside."""
    users = {"7": {"id": "7", "username": "ada_l", **user}, "8": {"id": "8", "username": "robo", "bot": True}}
    return {"resolved": {"users": users, "members": {} if member is None else {"7": member}}}


@pytest.mark.parametrize(
    ("member", "user", "name"),
    [
        ({"nick": "Countess"}, {"global_name": "Ada"}, "Countess"),
        ({"nick": None}, {"global_name": "Ada"}, "Ada"),
        ({}, {"global_name": None}, "ada_l"),
    ],
)
def test_a_member_who_is_named_is_known_by_the_name_they_have_there(
    member: dict[str, Any], user: dict[str, Any], name: str
) -> None:
    assert named(AWARD, told_of(member, **user)) == {7: name}


def test_nobody_is_made_known_whom_a_command_is_not_about_or_who_is_not_in_the_server() -> None:
    assert named(AWARD, told_of()) == {}
    assert named("award member=@9 points=2 reason=@7", told_of({})) == {}
    assert named("pause", told_of({})) == {}
    assert named(AWARD, {}) == {}


def test_a_bot_is_no_member_to_name() -> None:
    with pytest.raises(Misread, match=r"Ada is a bot\. Choose a member\."):
        named(AWARD, told_of({}, global_name="Ada", bot=True))


# --- suggestions --------------------------------------------------------------------------------------------

TOPIC: Final = option_of("ask", "topic")
TOPICS: Final = option_of("setup", "topics")


def test_the_option_somebody_is_typing_at_is_found_with_what_stands_in_it() -> None:
    assert focused(invoked("ask", {"difficulty": "2", "topic": "gra"}, typing="topic")) == (TOPIC, "gra")


@pytest.mark.parametrize(
    "data", [invoked("ask", {"topic": "gra"}), invoked("bet", {"on": "x"}, typing="on"), {"name": "nnquestion"}]
)
def test_nothing_is_typed_where_no_option_is_known_to_be_typed_at(data: dict[str, Any]) -> None:
    assert focused(data)[0] is None


def test_a_list_of_topics_that_is_too_long_for_discord_is_not_offered_and_a_long_title_is_shortened() -> None:
    banks = {"nn": replace(BANK, topics={"flow": "Flow " * 30, "x" * 90: "Other"})}
    assert suggestions(TOPIC, "flow", banks=banks, zones=()) == [("Flow" + " Flow" * 19 + "…", "flow")]
    assert offered(TOPICS, "flow,", banks) == ["flow," + "x" * 90]
    assert offered(TOPICS, "vision,flow,", banks) == []


@given(
    st.sampled_from([option for command in TABLE for option in command.options]),
    st.one_of(st.text(), st.sampled_from(["e", "a", "v" * 6000, "gradients,", ",,,", "vision,gradients,e", "/"])),
    st.dictionaries(st.text(min_size=1, max_size=60), st.text(max_size=150), max_size=40),
    st.lists(st.text(min_size=1, max_size=240), max_size=30),
)
@settings(max_examples=200)
def test_suggestions_keep_to_discords_limits_whatever_is_typed(
    option: Option, typed: str, topics: dict[str, str], prompts: list[str]
) -> None:
    questions = tuple(make_question(f"q-{number}", prompt=prompt) for number, prompt in enumerate(prompts))
    banks = {"nn": replace(BANK, topics=topics, questions=questions)}
    found = suggestions(option, typed, banks=banks, zones=zone_names())
    assert len(found) <= 25
    assert len({value for _, value in found}) == len(found)
    assert all(1 <= units(text) <= 100 for pair in found for text in pair)
