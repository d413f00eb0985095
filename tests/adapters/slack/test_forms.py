"""Modals on Slack: within its limits, filled in with what there is, and read back as it was meant."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, time, timedelta
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.adapters.slack.forms import (
    OFFERS,
    Form,
    answer_form,
    card_form,
    command_form,
    errors,
    options,
    read_form,
    setup_form,
    share_of,
    suggestion_of,
    with_note,
)
from bot.adapters.slack.ids import channel_id, member_id
from bot.core import commands
from bot.core.card import Board, Button, Card, Line, Press, Prose, Row, Snippet, Words
from bot.core.commands import BY_NAME, TABLE, line
from bot.core.counting import LONGEST_ANSWER
from bot.core.model import Bank, Closing, Drill, Place, Round, Share, extra_round_id
from bot.core.planning import Banks
from bot.core.schedule import zone_names
from bot.core.setting_up import Refused, drill_from
from bot.core.suggestions import suggestions, units
from tests.adapters.slack.test_render import check_button, check_context, check_plain, check_rich
from tests.factories import TODAY, make_drill, make_question, make_round, make_timetable

TEAM: Final = "T024BE7LH"
CHANNEL: Final = channel_id(TEAM, "C061EG9SL")
ADA, GRACE = member_id(TEAM, "U061F7AUR"), member_id(TEAM, "W0G9QF9C6")
PROMPT: Final = "What does dropout do while a network is trained, and what at inference?"
TOPICS: Final = {"gradients": "Gradients and their flow", "vision": "Convolution", "evaluation": "Metrics"}


def bank_of(topics: Mapping[str, str] = TOPICS, **changes: Any) -> Bank:
    """A bank with a question of every topic."""
    questions = tuple(make_question(f"q-{n}", topics=(topic,), difficulty=1 + n % 3) for n, topic in enumerate(topics))
    bank = Bank(
        id="nn",
        title="Neural networks",
        version="1.0.0",
        language="en",
        licence="MIT",
        topics=topics,
        questions=questions or (make_question(topics=()),),
    )
    return replace(bank, **changes)


BANKS: Final[Banks] = {"nn": bank_of(), "maths": bank_of({"algebra": "Algebra"}, id="maths", title="Mathematics")}


def round_of(prompt: str = PROMPT, **changes: Any) -> Round:
    return make_round(CHANNEL, question=make_question(prompt=prompt), **changes)


def slack_drill(**changes: Any) -> Drill:
    return make_drill(CHANNEL, set_up_by=ADA, **changes)


def inputs(view: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What can be filled in, by field."""
    return {block["block_id"]: block for block in view["blocks"] if block["type"] == "input"}


def element(view: Mapping[str, Any], field: str) -> dict[str, Any]:
    found: dict[str, Any] = inputs(view)[field]["element"]
    return found


def sent(view: Mapping[str, Any], changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What Slack sends once somebody has filled in a form, with empty fields as Slack has them."""
    values = {}
    for field, block in inputs(view).items():
        made = block["element"]
        state = {"type": made["type"], **STATES[made["type"]](made), **(changes or {}).get(field, {})}
        values[field] = {made["action_id"]: state}
    return {**view, "id": "V1", "team_id": TEAM, "hash": "1", "state": {"values": values}}


STATES: Final[Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]]] = {
    "plain_text_input": lambda made: {"value": made.get("initial_value")},
    "timepicker": lambda made: {"selected_time": made.get("initial_time")},
    "datepicker": lambda made: {"selected_date": made.get("initial_date")},
    "static_select": lambda made: {"selected_option": made.get("initial_option")},
    "external_select": lambda made: {"selected_option": made.get("initial_option")},
    "radio_buttons": lambda made: {"selected_option": made.get("initial_option")},
    "checkboxes": lambda made: {"selected_options": made.get("initial_options", [])},
    "multi_static_select": lambda made: {"selected_options": made.get("initial_options", [])},
    "users_select": lambda made: {"selected_user": None},
    "multi_users_select": lambda made: {"selected_users": made.get("initial_users", [])},
    "conversations_select": lambda made: {"selected_conversation": made.get("initial_conversation")},
}


# --- what Slack takes -------------------------------------------------------------------------------------------
# The numbers of https://docs.slack.dev/reference/views and .../block-kit, written down here once more.

ELEMENTS: Final[Mapping[str, set[str]]] = {
    "plain_text_input": {"multiline", "max_length", "initial_value"},
    "timepicker": {"initial_time"},
    "datepicker": {"initial_date"},
    "static_select": {"options", "initial_option"},
    "external_select": {"min_query_length", "initial_option", "placeholder"},
    "radio_buttons": {"options", "initial_option"},
    "checkboxes": {"options", "initial_options"},
    "multi_static_select": {"options", "initial_options"},
    "users_select": set(),
    "multi_users_select": {"initial_users"},
    "conversations_select": {"filter", "initial_conversation"},
}


def check_view(view: Mapping[str, Any]) -> None:
    """Fail on anything in a modal or a Home tab that Slack would refuse."""
    assert len(json.dumps(view)) <= 250_000
    assert 1 <= len(view["blocks"]) <= 100
    assert 1 <= units(view["callback_id"]) <= 255
    has_inputs = any(block["type"] == "input" for block in view["blocks"])
    if view["type"] == "modal":
        assert set(view) - {"submit"} == {"type", "callback_id", "title", "close", "private_metadata", "blocks"}
        assert "submit" in view or not has_inputs
        for part in ("title", "close", "submit"):
            if part in view:
                check_plain(view[part], 24)
        assert units(view["private_metadata"]) <= 3_000
    else:
        assert set(view) == {"type", "callback_id", "blocks"}
        assert view["type"] == "home"
    for block in view["blocks"]:
        check_block(block)
    fields = [block["block_id"] for block in view["blocks"] if "block_id" in block]
    actions = [found["action_id"] for block in view["blocks"] for found in actionable(block)]
    assert len(fields) == len(set(fields))
    assert len(actions) == len(set(actions))


def actionable(block: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return [block["element"]] if block["type"] == "input" else block["elements"] if block["type"] == "actions" else []


def check_block(block: dict[str, Any]) -> None:
    if block["type"] != "input":  # Others may have a name of their own, too.
        assert 1 <= units(block.get("block_id", "-")) <= 255
        block = {key: value for key, value in block.items() if key != "block_id"}
    match block["type"]:
        case "input":
            assert set(block) - {"hint"} == {"type", "block_id", "label", "element", "optional"}
            assert 1 <= units(block["block_id"]) <= 255
            check_plain(block["label"], 2_000)
            if "hint" in block:
                check_plain(block["hint"], 2_000)
            check_element(block["element"])
        case "rich_text":
            assert set(block) == {"type", "elements"}
            assert block["elements"]
            assert len(json.dumps(block)) <= 13_000
            for element in block["elements"]:
                check_rich(element)
        case "header":
            check_plain(block["text"], 150)
        case "section":
            check_plain(block["text"], 3_000)
        case "actions":
            assert 1 <= len(block["elements"]) <= 25
            for button in block["elements"]:
                check_button(button)
        case "context":
            assert 1 <= len(block["elements"]) <= 10
            for text in block["elements"]:
                check_context(text)
        case "divider":
            assert set(block) == {"type"}
        case other:
            pytest.fail(f"no such block: {other}")


def check_element(made: dict[str, Any]) -> None:
    assert set(made) <= {"type", "action_id", *ELEMENTS[made["type"]]}
    assert 1 <= units(made["action_id"]) <= 255
    listed = made.get("options", [])
    if "options" in ELEMENTS[made["type"]]:
        assert 1 <= len(listed) <= (10 if made["type"] in ("radio_buttons", "checkboxes") else 100)
        assert len({option["value"] for option in listed}) == len(listed)
    for option in [*listed, *filter(None, [made.get("initial_option")]), *made.get("initial_options", [])]:
        assert set(option) == {"text", "value"}
        check_plain(option["text"], 75)
        assert 1 <= units(option["value"]) <= 150
        assert option in listed or made["type"] == "external_select"
    for several in ("initial_options", "initial_users"):
        assert made.get(several, ["one"]), "Slack takes no empty list"
    if made["type"] == "plain_text_input":
        assert 1 <= made["max_length"] <= 3_000
        assert 1 <= units(made.get("initial_value", "-")) <= made["max_length"]
    assert made.get("filter", {"include": ["public"]})["include"]
    check_plain(made.get("placeholder", {"type": "plain_text", "text": "-", "emoji": False}), 150)


topics = st.dictionaries(
    st.from_regex(r"[a-z0-9]{1,24}(-[a-z0-9]{1,23})?", fullmatch=True),
    st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), min_size=1, max_size=60),
    max_size=5,
)
banks_of: st.SearchStrategy[Banks] = st.dictionaries(
    st.sampled_from(["nn", "maths", "b" * 48]),
    st.builds(bank_of, topics, title=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80)),
    max_size=3,
)
closings = st.one_of(
    st.just(Closing()),
    st.builds(Closing, at=st.times().map(lambda at: at.replace(second=0, microsecond=0))),
    st.builds(Closing, after_hours=st.integers(1, 168)),
)
minutes = st.times().map(lambda at: at.replace(second=0, microsecond=0))
drills = st.builds(
    slack_drill,
    timetable=st.builds(
        make_timetable,
        at=minutes,
        zone=st.sampled_from(zone_names()),
        days=st.frozensets(st.integers(0, 6), min_size=1),
        closing=closings,
        reveal_at=st.none() | minutes,
        days_off=st.frozensets(st.dates(date(2026, 1, 1), date(2030, 1, 1)), max_size=5),
    ),
    bank=st.sampled_from(["nn", "maths"]),
    topics=st.frozensets(st.sampled_from(list(TOPICS))),
    difficulties=st.frozensets(st.integers(1, 3)),
    sealed=st.booleans(),
    may_ask=st.booleans(),
    ranking=st.booleans(),
    organizers=st.frozensets(st.sampled_from([ADA, GRACE])),
    notes=st.sampled_from([None, channel_id(TEAM, "G0000001")]),
)


@given(st.text(max_size=2500), st.text(max_size=4500))
@settings(max_examples=100)
def test_a_form_for_an_answer_keeps_to_every_limit_of_slack(prompt: str, draft: str) -> None:
    check_view(answer_form(round_of(prompt), draft, where=Place(channel=CHANNEL, thread="1795424400.000200")))


@pytest.mark.parametrize("sign", ["*", "🐜", "ж", "好", "\n", "\u202e", "ﷺ", "\ud800"])
def test_the_longest_prompt_and_answer_in_any_script_keep_to_every_limit_of_slack(sign: str) -> None:
    check_view(answer_form(round_of("W" + sign * 5000), "W" + sign * 5000))


@given(st.none() | drills, st.sampled_from(["", "Europe/Berlin"]), banks_of)
@settings(max_examples=150)
def test_the_form_for_a_drill_keeps_to_every_limit_of_slack(drill: Drill | None, zone: str, banks: Banks) -> None:
    check_view(setup_form(CHANNEL, drill, zone, banks))


def test_the_largest_banks_and_drill_there_can_be_keep_to_every_limit_of_slack() -> None:
    longest = {f"{number:048d}": "好" * 60 for number in range(100)}
    banks = {f"{n:048d}": bank_of(longest if n == 117 else {}, id=f"{n:048d}", title="好" * 80) for n in range(120)}
    drill = slack_drill(
        bank=f"{117:048d}",
        topics=frozenset(longest),
        organizers=frozenset(member_id(TEAM, f"U{number:020d}") for number in range(100)),
        timetable=make_timetable(days_off=frozenset(TODAY + timedelta(days=n) for n in range(272))),
    )
    view = setup_form(CHANNEL, drill, "", banks)
    check_view(view)
    assert len(element(view, "topics")["initial_options"]) == 100
    assert len(element(view, "bank")["options"]) == 100
    assert element(view, "bank")["initial_option"]["value"] == drill.bank
    assert len(element(view, "organizers")["initial_users"]) == 100
    assert len(element(view, "off")["initial_value"]) == 272 * 11 - 1


@pytest.mark.parametrize("command", TABLE, ids=lambda command: command.name)
def test_every_command_has_a_form_that_slack_takes(command: commands.Command) -> None:
    view = command_form(command, CHANNEL)
    check_view(view)
    assert list(inputs(view)) == [option.name for option in command.options]


blocks_of = st.one_of(
    st.builds(lambda text, bullet: Line((Words(text),), bullet), st.text(max_size=4000), st.booleans()),
    st.builds(Prose, st.text(max_size=4000)),
    st.builds(Snippet, st.text(max_size=4000), st.just("python")),
    st.builds(lambda name: Board((Row("1.", name, "3 points", "rest"),)), st.text(max_size=60)),
)
any_card = st.builds(
    Card,
    title=st.text(max_size=200),
    body=st.lists(blocks_of, max_size=12).map(tuple),
    buttons=st.lists(
        st.builds(Button, st.sampled_from(Press), st.text(max_size=90), st.just("resume x")), max_size=30
    ).map(tuple),
    footer=st.lists(st.builds(Words, st.text(max_size=200)), max_size=3).map(tuple),
)


@given(any_card, st.text(max_size=60))
@settings(max_examples=60)
def test_any_card_can_be_read_as_a_modal(card: Card, title: str) -> None:
    check_view(card_form(card, title))


def test_a_card_that_no_modal_could_hold_ends_with_a_sign_of_it() -> None:
    for card in (
        Card(title="Long", body=tuple(Prose(f"{number}") for number in range(200))),
        Card(title="Long", body=tuple(Prose("好" * 2500) for _ in range(40))),
    ):
        view = card_form(card, "Long")
        check_view(view)
        assert view["blocks"][-1] == {"type": "section", "text": {"type": "plain_text", "text": "…", "emoji": False}}


# --- a card to read -----------------------------------------------------------------------------------------------


def words(found: Any) -> str:
    """Every text in blocks, in order."""
    if isinstance(found, str):
        return ""
    if isinstance(found, Mapping):
        own = found["text"] if isinstance(found.get("text"), str) else ""
        return own + "".join(words(part) for part in found.values())
    return "".join(map(words, found)) if isinstance(found, Sequence) else ""


def test_a_card_of_several_messages_is_one_modal_without_numbered_parts() -> None:
    card = Card(title="My result", body=tuple(Prose(f"{n} " + "word " * 500) for n in range(8)), footer=(Words("end"),))
    view = card_form(card, "My result")
    check_view(view)
    assert all(f"{n} word" in words(view["blocks"]) for n in range(8))
    assert "part" not in words(view["blocks"])
    assert [block["type"] for block in view["blocks"]].count("context") == 1
    assert "submit" not in view


def test_a_cards_title_is_not_said_twice() -> None:
    card = Card(title="My result", body=(Prose("Covered."),))
    assert words(card_form(card, "My result")["blocks"]) == "Covered."
    assert words(card_form(card, "Your round")["blocks"]) == "My resultCovered."
    long = replace(card, title="Question of Sunday, 22 November")
    view = card_form(long, long.title)
    assert words(view["blocks"]) == "Question of Sunday, 22 NovemberCovered."
    assert view["title"]["text"] == "Question of Sunday, 22…"


# --- the form for an answer ---------------------------------------------------------------------------------------


def test_the_question_stands_above_the_answer_and_nothing_in_it_takes_effect() -> None:
    view = answer_form(round_of("Is <!channel> *right*,\nor @U1?"))
    assert view["blocks"][0] == {
        "type": "rich_text",
        "elements": [
            {
                "type": "rich_text_section",
                "elements": [{"type": "text", "text": "Is <!channel> *right*, or @U1?", "style": {"bold": True}}],
            }
        ],
    }


def test_a_question_without_words_is_not_shown() -> None:
    assert [block["type"] for block in answer_form(round_of(" \n"))["blocks"]] == ["input", "input"]


def test_a_first_answer_must_not_be_empty() -> None:
    view = answer_form(round_of())
    assert inputs(view)["text"]["optional"] is False
    assert element(view, "text")["max_length"] == LONGEST_ANSWER
    assert element(view, "text")["multiline"] is True
    assert "initial_value" not in element(view, "text")


def test_who_has_answered_finds_their_answer_in_the_form_and_may_withdraw_it_by_emptying_it() -> None:
    view = answer_form(round_of(), "Units are dropped.\nAt random.")
    assert view["title"]["text"] == "Revise your answer"
    assert inputs(view)["text"]["optional"] is True
    assert read_form(sent(view)).values == {"text": "Units are dropped.\nAt random.", "share": "no"}
    assert read_form(sent(view, {"text": {"value": None}})).values == {"share": "no"}


@pytest.mark.parametrize("share", Share)
def test_what_was_chosen_for_others_to_see_is_chosen_in_the_form_and_read_back(share: Share) -> None:
    view = answer_form(round_of(), "Units are dropped.", share)
    check_view(view)
    assert inputs(view)["share"]["label"]["text"] == "Share it at the reveal?"
    assert share_of(read_form(sent(view))) is share
    for other in element(view, "share")["options"]:
        chosen = share_of(read_form(sent(view, {"share": {"selected_option": other}})))
        assert chosen.value == other["value"]
        assert ("name" in other["text"]["text"]) is (chosen is not Share.NO)


def test_nothing_of_an_answer_is_shared_unless_its_author_says_so() -> None:
    view = answer_form(round_of())
    assert element(view, "share")["initial_option"]["text"]["text"] == "Not at all"
    older = {**view, "blocks": [block for block in view["blocks"] if block.get("block_id") != "share"]}
    assert share_of(read_form(sent(older, {"text": {"value": "mine"}}))) is Share.NO
    forged = {"selected_option": {"value": "with everything"}}
    assert share_of(read_form(sent(view, {"share": forged}))) is Share.NO


def test_an_answer_that_is_longer_than_a_form_is_cut_and_its_author_is_told() -> None:
    view = answer_form(round_of(), "🐜" * LONGEST_ANSWER)
    assert element(view, "text")["initial_value"] == "🐜" * (LONGEST_ANSWER // 2)
    assert "its end is missing here" in inputs(view)["text"]["hint"]["text"]
    assert "missing" not in inputs(answer_form(round_of(), "a" * LONGEST_ANSWER))["text"]["hint"]["text"]


def test_a_form_carries_nothing_of_the_reference_answer() -> None:
    round_ = round_of()
    said = json.dumps(answer_form(round_, "mine"), ensure_ascii=False)
    assert round_.question.answer not in said
    assert all(point.text not in said for point in round_.question.key_points)


@given(st.text(st.characters(exclude_categories=["Cs"])).filter(str.strip))
def test_what_was_filled_in_is_read_back_with_its_round_and_where_it_was_opened(text: str) -> None:
    where = Place(channel=CHANNEL, thread="1795424400.000200")
    view = sent(answer_form(round_of(), where=where), {"text": {"value": text}})
    assert read_form(view) == Form("answer", f"{CHANNEL}@2026-11-22", {"text": text, "share": "no"}, where)


def test_a_form_says_which_round_it_is_about_and_which_place_if_any() -> None:
    extra = round_of(id=extra_round_id(CHANNEL, 3))
    assert read_form(sent(answer_form(extra))) == Form("answer", f"{CHANNEL}#3", {"share": "no"}, None)
    assert read_form(sent(answer_form(extra, where=Place(channel=CHANNEL)))).place == Place(channel=CHANNEL)


# --- the form for a drill -----------------------------------------------------------------------------------------


def options_in(view: Mapping[str, Any]) -> dict[str, str]:
    """What the command `setup` is given by a sent form."""
    form = read_form(view)
    return dict(commands.read(line(form.what, form.values)).options)


def drill_of(view: Mapping[str, Any], old: Drill | None = None, banks: Banks = BANKS) -> Drill:
    return drill_from(options_in(view), old, CHANNEL, make_drill(CHANNEL).group, ADA, banks)


def test_the_form_for_a_first_drill_asks_for_all_of_it_and_guesses_what_it_can() -> None:
    view = setup_form(CHANNEL, None, "Europe/Berlin", BANKS)
    assert list(inputs(view)) == [option.name for option in BY_NAME["setup"].options]
    assert options_in(sent(view)) == {
        **{"time": "09:00", "zone": "Europe/Berlin", "days": "mon,tue,wed,thu,fri,sat,sun", "closes": "next"},
        **{"reveal": "close", "off": "none", "topics": "any", "difficulty": "any", "bank": "nn", "answers": "open"},
        **{"ask": "on", "ranking": "on", "recap": "on", "organizers": "none", "notes": "here"},
    }
    assert drill_of(sent(view)).timetable.zone == "Europe/Berlin"


def test_the_title_says_whether_there_is_a_drill_already() -> None:
    assert setup_form(CHANNEL, None, "", BANKS)["title"]["text"] == "A drill for this channel"
    assert setup_form(CHANNEL, slack_drill(), "", BANKS)["title"]["text"] == "This channel's drill"


def test_more_organizers_than_a_field_shows_stay_as_they_are() -> None:
    drill = slack_drill(organizers=frozenset(member_id(TEAM, f"U{number:04d}") for number in range(101)))
    view = setup_form(CHANNEL, drill, "", BANKS)
    assert "initial_users" not in element(view, "organizers")
    assert drill_of(sent(view), drill) == drill


def test_who_has_no_zone_of_their_own_must_choose_one() -> None:
    view = setup_form(CHANNEL, None, "", BANKS)
    assert "initial_option" not in element(view, "zone")
    assert inputs(view)["zone"]["optional"] is False


@given(drills)
@settings(max_examples=150)
def test_a_form_that_is_sent_as_it_was_opened_leaves_the_drill_as_it_is(drill: Drill) -> None:
    bank = bank_of(
        questions=(
            *bank_of().questions,
            *(make_question(f"x-{n}", topics=tuple(TOPICS), difficulty=n) for n in (1, 2, 3)),
        )
    )
    banks = {"nn": bank, "maths": replace(bank, id="maths")}
    view = setup_form(CHANNEL, drill, "Europe/Rome", banks)
    assert drill_of(sent(view), drill, banks) == drill


def test_a_drill_is_changed_by_what_is_filled_in() -> None:
    drill = slack_drill(timetable=make_timetable(at=time(18, 30), closing=Closing(after_hours=8)), sealed=True)
    view = setup_form(CHANNEL, drill, "", BANKS)
    assert element(view, "time")["initial_time"] == "18:30"
    assert element(view, "closes")["initial_value"] == "8h"
    assert element(view, "answers")["initial_option"]["value"] == "sealed"
    chosen = {
        "time": {"selected_time": "08:15"},
        "days": {"selected_options": [{"value": "sat"}, {"value": "mon"}]},
        "answers": {"selected_option": {"value": "open"}},
        "organizers": {"selected_users": ["U061F7AUR", "W0G9QF9C6"]},
        "notes": {"selected_conversation": "G0000001"},
        "topics": {"selected_options": [{"value": "vision"}, {"value": "gradients"}]},
        "difficulty": {"selected_options": [{"value": "1"}, {"value": "2"}]},
        "off": {"value": "2026-12-25, 2026-12-26"},
    }
    assert options_in(sent(view, chosen))["organizers"] == "@U061F7AUR,@W0G9QF9C6"
    changed = drill_of(sent(view, chosen), drill)
    assert changed.timetable.at == time(8, 15)
    assert changed.timetable.days == {0, 5}
    assert changed.timetable.days_off == {date(2026, 12, 25), date(2026, 12, 26)}
    assert not changed.sealed
    assert changed.organizers == {ADA, GRACE}
    assert changed.notes == channel_id(TEAM, "G0000001")
    assert changed.topics == {"vision", "gradients"}
    assert changed.difficulties == {1, 2}


EMPTY: Final = {
    "days": {"selected_options": []},
    "topics": {"selected_options": []},
    "difficulty": {"selected_options": []},
    "organizers": {"selected_users": []},
    "notes": {"selected_conversation": None},
    "closes": {"value": None},
    "reveal": {"value": "  "},
    "off": {"value": None},
}


@given(drills.filter(lambda drill: drill.bank == "nn"))
@settings(max_examples=30)
def test_an_emptied_field_stands_for_none_any_here_or_every(drill: Drill) -> None:
    view = setup_form(CHANNEL, drill, "", BANKS)
    assert {name for name, block in inputs(view).items() if block["optional"]} == set(EMPTY)
    emptied = drill_of(sent(view, EMPTY), drill)
    assert emptied == replace(
        drill,
        timetable=make_timetable(at=drill.timetable.at, zone=drill.timetable.zone),
        topics=frozenset(),
        difficulties=frozenset(),
        organizers=frozenset(),
        notes=None,
    )


def test_what_a_field_cannot_show_stays_as_it_is_unless_something_else_is_filled_in() -> None:
    drill = slack_drill(
        organizers=frozenset({ADA, member_id(TEAM, "U1").replace("U1", "ada")}),
        notes=f"slack:{TEAM}/organizers",
        timetable=make_timetable(days_off=frozenset(TODAY + timedelta(days=n) for n in range(273))),
    )
    view = setup_form(CHANNEL, drill, "", BANKS)
    check_view(view)
    assert drill_of(sent(view), drill) == drill
    assert "Leave it empty to keep what is set" in inputs(view)["off"]["hint"]["text"]
    changes = {"organizers": {"selected_users": ["W0G9QF9C6"]}, "off": {"value": "none"}}
    changed = drill_of(sent(view, changes), drill)
    assert changed.organizers == {GRACE}
    assert changed.timetable.days_off == frozenset()


def test_more_topics_than_slack_lists_are_typed() -> None:
    banks = {"nn": bank_of({f"topic-{number}": f"Topic {number}" for number in range(101)})}
    drill = slack_drill(topics=frozenset({"topic-7", "topic-8"}))
    view = setup_form(CHANNEL, drill, "", banks)
    check_view(view)
    assert element(view, "topics")["initial_value"] == "topic-7,topic-8"
    assert drill_of(sent(view), drill, banks) == drill
    assert drill_of(sent(view, {"topics": {"value": ""}}), drill, banks).topics == frozenset()


def test_topics_of_every_bank_are_offered_and_those_that_a_bank_has_lost_are_not() -> None:
    view = setup_form(CHANNEL, slack_drill(topics=frozenset({"vision", "lost", "algebra"})), "", BANKS)
    assert [option["value"] for option in element(view, "topics")["options"]] == [
        "evaluation",
        "gradients",
        "vision",
        "algebra",
    ]
    assert [option["value"] for option in element(view, "topics")["initial_options"]] == ["vision"]
    other = {"bank": {"selected_option": {"value": "maths"}}, "topics": {"selected_options": [{"value": "algebra"}]}}
    assert drill_of(sent(view, other), slack_drill()).topics == {"algebra"}


def test_without_banks_and_topics_there_is_nothing_to_choose_among() -> None:
    assert not {"topics", "bank"} & set(inputs(setup_form(CHANNEL, None, "", {})))
    assert "topics" not in inputs(setup_form(CHANNEL, None, "", {"nn": bank_of({})}))


def test_a_drill_whose_bank_is_gone_must_choose_another() -> None:
    view = setup_form(CHANNEL, slack_drill(bank="gone", topics=frozenset({"vision"})), "", BANKS)
    assert "initial_option" not in element(view, "bank")
    assert inputs(view)["bank"]["optional"] is False


# --- forms for other commands -------------------------------------------------------------------------------------


def test_the_next_question_is_searched_for_and_a_date_is_picked() -> None:
    assert element(command_form(BY_NAME["setup"], CHANNEL), "time")["type"] == "timepicker"
    view = command_form(BY_NAME["next"], CHANNEL)
    assert element(view, "question")["type"] == "external_select"
    assert inputs(view)["question"]["optional"] is False
    form = read_form(sent(view, {"question": {"selected_option": {"value": "nn:dropout"}}}))
    assert form == Form("next", CHANNEL, {"question": "nn:dropout"})
    pause = command_form(BY_NAME["pause"], CHANNEL)
    assert element(pause, "until")["type"] == "datepicker"
    assert inputs(pause)["until"]["optional"] is True
    assert read_form(sent(pause, {"until": {"selected_date": "2027-01-07"}})).values == {"until": "2027-01-07"}
    assert read_form(sent(pause)) == Form("pause", CHANNEL, {})
    assert read_form(sent(command_form(BY_NAME["resume"], CHANNEL))) == Form("resume", CHANNEL, {})
    skip = command_form(BY_NAME["skip"], CHANNEL)
    assert [option["value"] for option in element(skip, "what")["options"]] == ["next", "open"]


def test_a_member_is_chosen_and_a_reason_has_room() -> None:
    award = command_form(BY_NAME["award"], CHANNEL)
    assert element(award, "member")["type"] == "users_select"
    assert element(award, "reason")["multiline"] is True
    assert [block["optional"] for block in inputs(award).values()] == [False] * 3
    filled = {
        "member": {"selected_user": "U061F7AUR"},
        "points": {"value": "2"},
        "reason": {"value": "well done,\nada"},
    }
    form = read_form(sent(award, filled))
    assert form == Form("award", CHANNEL, {"member": "@U061F7AUR", "points": "2", "reason": "well done,\nada"})
    assert read_form(sent(award, {"member": {"selected_user": None}})).values == {}


# --- a note above what is read ------------------------------------------------------------------------------------


def test_a_note_stands_above_what_is_read_in_place_of_an_earlier_one() -> None:
    card = Card(title="To review", body=(Line((Words("one thing"),)),), buttons=(Button(Press.REVIEW, "Look", "o1"),))
    view = card_form(card, "Review")
    for said in ("first", "second"):
        shown = with_note(sent(view), Card(title="", body=(Line((Words(said),)),)))
        assert shown is not None
        check_view(shown)
        view = shown
    assert [said for said in ("first", "second", "one thing") if said in str(view["blocks"])] == ["second", "one thing"]
    assert str(view["blocks"]).index("second") < str(view["blocks"]).index("one thing")
    assert (view["title"]["text"], view["callback_id"]) == ("Review", "nn.card")
    assert view["blocks"][-1]["elements"][0]["value"] == "o1"


def test_a_note_that_would_make_a_modal_too_large_is_none() -> None:
    lines = tuple(Line((Words("x", strong=True),)) for _ in range(98))
    view = card_form(Card(title="Long", body=lines), "Long")
    note = Card(title="", body=(Line((Words("no"),)),))
    assert with_note(sent(view), note) is not None
    view["blocks"].append({"type": "divider"})
    assert with_note(sent(view), note) is None


# --- forms that were sent -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"callback_id": "other"},
        {"callback_id": "nn."},
        {"callback_id": "nn.answer\n"},
        {"callback_id": "nn.bet"},
        {"callback_id": "nn.card"},
        {"callback_id": None},
        {"private_metadata": ""},
        {"private_metadata": "{"},
        {"private_metadata": "[1]"},
        {"private_metadata": '{"about": 5}'},
        {"private_metadata": '{"about": ""}'},
    ],
)
def test_a_form_that_is_none_of_ours_is_about_nothing(change: dict[str, Any]) -> None:
    view = sent(answer_form(round_of()), {"text": {"value": "mine"}})
    assert read_form(view).values == {"text": "mine", "share": "no"}
    assert read_form({**view, **change}) == Form("", "", {})


@pytest.mark.parametrize("place", ["x", 5, [1, 2], ["a"], {}, None])
def test_a_place_that_makes_no_sense_is_none(place: object) -> None:
    view = sent(answer_form(round_of()))
    assert read_form({**view, "private_metadata": json.dumps({"about": "a", "place": place, "kept": 5})}).place is None


def test_fields_that_a_form_does_not_have_are_left_out() -> None:
    view = sent(answer_form(round_of()), {"text": {"value": "mine"}})
    view["state"]["values"]["points"] = {"x": {"type": "plain_text_input", "value": "100"}}
    assert read_form(view).values == {"text": "mine", "share": "no"}
    assert read_form({key: value for key, value in view.items() if key != "state"}).values == {}


REFUSED: Final[list[tuple[str, dict[str, Any]]]] = [
    ("closes", {"value": "tomorrow"}),
    ("closes", {"value": "200h"}),
    ("reveal", {"value": "25:00"}),
    ("off", {"value": "2026-12-25,Christmas"}),
    ("bank", {"selected_option": {"value": "gone"}}),
    ("topics", {"selected_options": [{"value": "vision"}, {"value": "lost"}]}),
    ("zone", {"selected_option": {"value": "Europe/Bonn"}}),
    ("notes", {"selected_conversation": "a/b"}),
]


@pytest.mark.parametrize(("field", "filled"), REFUSED, ids=[f"{field}-{n}" for n, (field, _) in enumerate(REFUSED)])
def test_what_the_core_refuses_is_shown_at_its_field(field: str, filled: dict[str, Any]) -> None:
    view = sent(setup_form(CHANNEL, None, "UTC", BANKS), {field: filled})
    with pytest.raises(Refused) as refused:
        drill_of(view)
    assert errors(view, str(refused.value)) == {field: str(refused.value)}


@pytest.mark.parametrize(("field", "other"), [("closes", "reveal"), ("off", "reveal"), ("reveal", "off")])
def test_what_two_fields_hold_is_shown_at_the_one_that_the_core_speaks_of(field: str, other: str) -> None:
    right = {"closes": "next", "reveal": "close", "off": "none"}
    filled = {name: {"value": "later" if name in (field, other) else value} for name, value in right.items()}
    view = sent(setup_form(CHANNEL, None, "UTC", BANKS), filled)
    only = sent(setup_form(CHANNEL, None, "UTC", BANKS), {field: {"value": "later"}})
    with pytest.raises(Refused) as refused:
        drill_of(only)
    assert errors(view, str(refused.value)) == {field: str(refused.value)}


def test_topics_and_difficulty_without_a_question_are_shown_at_the_topics() -> None:
    choice = {
        "topics": {"selected_options": [{"value": "vision"}]},
        "difficulty": {"selected_options": [{"value": "1"}]},
    }
    view = sent(setup_form(CHANNEL, None, "UTC", BANKS), choice)
    with pytest.raises(Refused) as refused:
        drill_of(view)
    assert list(errors(view, str(refused.value)) or ()) == ["topics"]


def test_a_refusal_in_a_form_of_one_field_is_shown_at_it() -> None:
    view = sent(command_form(BY_NAME["next"], CHANNEL))
    assert errors(view, "There is no question “x”.") == {"question": "There is no question “x”."}
    assert errors(sent(answer_form(round_of())), "Too long.") == {"text": "Too long."}


@pytest.mark.parametrize(
    "sentence", ["/nnquestion setup is for organizers of this channel.", "Something else.", "", "“”"]
)
def test_a_refusal_that_is_about_no_field_is_shown_at_none(sentence: str) -> None:
    view = sent(setup_form(CHANNEL, None, "UTC", BANKS))
    assert errors(view, sentence) is None
    assert errors({**view, "callback_id": "other"}, "“9:0” is no time") is None


def test_only_fields_of_the_form_are_named() -> None:
    view = sent(setup_form(CHANNEL, None, "UTC", {}))
    assert errors(view, "The bank has no topic “x”.") is None


# --- suggestions --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("view", "field"),
    [(setup_form(CHANNEL, None, "", BANKS), "zone"), (command_form(BY_NAME["next"], CHANNEL), "question")],
)
def test_the_option_somebody_is_typing_at_is_found_with_what_stands_in_it(view: dict[str, Any], field: str) -> None:
    payload = {"type": "block_suggestion", "action_id": element(view, field)["action_id"], "value": "ber", "view": view}
    option, typed = suggestion_of(payload)
    assert option is not None
    assert (option.name, typed) == (field, "ber")


@pytest.mark.parametrize("action", ["", "zone", "nn.setup", "nn.setup.bet", "nn.bet.zone", "nn.setup.zone.x", None])
def test_nothing_is_typed_in_a_field_that_is_none_of_ours(action: str | None) -> None:
    assert suggestion_of({"action_id": action, "value": None}) == (None, "")


@given(st.sampled_from([("setup", "zone"), ("next", "question")]), st.text(max_size=20), banks_of)
@settings(max_examples=50)
def test_suggestions_are_answered_within_slacks_limits(where: tuple[str, str], typed: str, banks: Banks) -> None:
    option, _ = suggestion_of({"action_id": ".".join(("nn", *where))})
    assert option is not None
    answer = options(suggestions(option, typed, banks=banks, zones=zone_names(), limits=OFFERS))
    assert set(answer) == {"options"}
    assert len(answer["options"]) <= 100
    for offered in answer["options"]:
        check_plain(offered["text"], 75)
        assert 1 <= units(offered["value"]) <= 150


def test_no_more_suggestions_are_sent_than_slack_takes() -> None:
    assert len(options((f"{n}", f"{n}") for n in range(200))["options"]) == 100
    assert options([("Berlin", "Europe/Berlin")]) == {
        "options": [{"text": {"type": "plain_text", "text": "Berlin", "emoji": False}, "value": "Europe/Berlin"}]
    }
