"""The forms on Discord: their shape and limits, what they are filled in with, and what is read of a sent one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, time
from typing import Any, Final

import discord
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.adapters.discord.commands import as_meant, units
from bot.adapters.discord.forms import (
    ZONES,
    Form,
    answer_form,
    command_form,
    read_form,
    read_rest,
    setup_form,
    share_of,
)
from bot.adapters.discord.ids import channel_id, member_id, role_id
from bot.core import commands
from bot.core.commands import Command, line
from bot.core.counting import LONGEST_ANSWER
from bot.core.model import Bank, Closing, Drill, Round, Share, daily_round_id, extra_round_id
from bot.core.schedule import zone_names
from bot.core.setting_up import drill_from
from tests.factories import make_drill, make_question, make_round, make_timetable

CHANNEL: Final = make_drill("discord:41771983423143937/127121515262115840").channel
PROMPT: Final = "What does dropout do while a network is trained, and what at inference?"


def round_of(prompt: str = PROMPT, **changes: Any) -> Round:
    return make_round(CHANNEL, question=make_question(prompt=prompt), **changes)


def inputs(form: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What can be filled in, by field."""
    found = [part["component"] for part in form["components"] if part["type"] == 18]
    return {part["custom_id"]: part for part in found}


def chosen(select: Mapping[str, Any]) -> list[str]:
    return [option["value"] for option in select.get("options", ()) if option.get("default")]


def sent(form: Mapping[str, Any], changes: Mapping[str, Any] | None = None, *, rows: bool = False) -> dict[str, Any]:
    """What Discord sends once somebody has filled in a form, in labels or in rows as older clients did."""
    components: list[dict[str, Any]] = []
    for number, part in enumerate(form["components"]):
        if part["type"] == 10:
            components.append({"type": 10, "id": 2 * number})
            continue
        field = part["component"]
        answer = {"type": field["type"], "id": 2 * number + 1, "custom_id": field["custom_id"]}
        if field["type"] in (3, 5):
            answer["values"] = chosen(field)
        else:
            answer["value"] = field.get("value", "")
        answer |= (changes or {}).get(field["custom_id"], {})
        if rows:
            components.append({"type": 1, "id": 2 * number, "components": [answer]})
        else:
            components.append({"type": 18, "id": 2 * number, "component": answer})
    return {"custom_id": form["custom_id"], "components": components}


# --- Discord's limits, as its documentation has them -----------------------------------------------------------


def faults(form: Mapping[str, Any]) -> list[str]:
    """Every limit of Discord's that a form breaks."""
    found = [
        f"{where}: {units(text)} characters"
        for where, text, least, most in _texts(form)
        if not least <= units(text) <= most
    ]
    if set(form) != {"title", "custom_id", "components"} or not 1 <= len(form["components"]) <= 5:
        found.append("not 1 to 5 components")
    if len(inputs(form)) != sum(part["type"] == 18 for part in form["components"]):
        found.append("two fields of one name")
    for part in form["components"]:
        if part["type"] not in (10, 18):
            found.append(f"{part['type']} in a form")
        elif part["type"] == 18:
            found += _input_faults(part["component"])
    return found


def _texts(form: Mapping[str, Any]) -> Iterator[tuple[str, str, int, int]]:
    yield "title", form["title"], 1, 45
    yield "custom_id", form["custom_id"], 1, 100
    for part in form["components"]:
        if part["type"] == 10:
            yield "display", part["content"].strip(), 1, 4000
            continue
        yield "label", part["label"], 1, 45
        yield "description", part.get("description", "-"), 1, 100
        field = part["component"]
        yield "field", field["custom_id"], 1, 100
        yield "placeholder", field.get("placeholder", "-"), 1, 150 if field["type"] == 3 else 100
        for option in field.get("options", ()):
            yield "option", option["label"], 1, 100
            yield "option's value", option["value"], 1, 100
        if field["type"] == 4:
            yield "value", field.get("value", ""), 0, min(field.get("max_length", 4000), 4000)


def _input_faults(field: Mapping[str, Any]) -> Iterator[str]:
    match field["type"]:
        case 4:
            if field["style"] not in (1, 2) or not 1 <= field.get("max_length", 1) <= 4000:
                yield "a text field"
        case 3:
            least, most = field.get("min_values", 1), field.get("max_values", 1)
            if not 1 <= len(field["options"]) <= 25 or not 1 <= least <= most <= len(field["options"]):
                yield "a choice among too few or too many"
            if len({option["value"] for option in field["options"]}) < len(field["options"]):
                yield "two options of one value"
            if not len(chosen(field)) <= most:
                yield "more chosen than may be"
        case 5:
            if field.keys() - {"type", "custom_id", "required"}:
                yield "a choice among members"
        case _:
            yield f"a field of type {field['type']}"


@given(st.text(max_size=2500), st.text(max_size=4500))
@settings(max_examples=200)
def test_a_form_for_an_answer_keeps_to_every_limit_of_discord(prompt: str, draft: str) -> None:
    assert faults(answer_form(round_of(prompt), draft)) == []


@pytest.mark.parametrize("sign", ["*", "🐜", "ж", "好", "\n", "\u202e", "ﷺ"])
def test_the_longest_prompt_and_answer_in_any_script_keep_to_every_limit_of_discord(sign: str) -> None:
    assert faults(answer_form(round_of("W" + sign * 5000), sign * 5000)) == []


drills = st.builds(
    make_drill,
    st.just(CHANNEL),
    timetable=st.builds(
        make_timetable,
        at=st.times().map(lambda at: at.replace(second=0, microsecond=0)),
        zone=st.sampled_from(zone_names()),
        days=st.frozensets(st.integers(0, 6), min_size=1),
        closing=st.one_of(
            st.builds(Closing),
            st.builds(Closing, at=st.times().map(lambda at: at.replace(second=0, microsecond=0))),
            st.builds(Closing, after_hours=st.integers(1, 24)),
        ),
        days_off=st.frozensets(st.dates(date(2026, 1, 1), date(2030, 1, 1)), max_size=500),
    ),
    topics=st.frozensets(st.sampled_from(["gradients", "vision", "evaluation"])),
    difficulties=st.frozensets(st.integers(1, 3)),
    sealed=st.booleans(),
    may_ask=st.booleans(),
    ranking=st.booleans(),
    organizers=st.frozensets(
        st.integers(1, 99).map(lambda n: member_id(41771983423143937, n)) | st.just(role_id(41771983423143937, 5)),
        max_size=4,
    ),
    notes=st.none() | st.just(channel_id(41771983423143937, 12)),
)


@given(st.none() | drills, st.sampled_from(["", "de", "en-US", *ZONES]))
def test_the_form_for_a_drill_keeps_to_every_limit_of_discord(drill: Drill | None, locale: str) -> None:
    assert faults(setup_form(CHANNEL, drill, locale)) == []


def test_the_longest_ids_there_are_fit_into_what_a_form_carries() -> None:
    channel = make_drill(f"discord:{2**64 - 1}/{2**64 - 1}").channel
    daily, extra = daily_round_id(channel, date(2026, 11, 22)), extra_round_id(channel, 10**9)
    for round_ in (round_of(id=daily), round_of(id=extra)):
        assert faults(answer_form(round_, unique=str(2**64 - 1))) == []
    assert faults(setup_form(channel, None, unique=str(2**64 - 1))) == []


def test_an_id_that_does_not_fit_is_refused_before_discord_does() -> None:
    with pytest.raises(ValueError, match="more than 100 characters"):
        answer_form(round_of(), unique="x" * 100)


# --- the form for an answer ---------------------------------------------------------------------------------


def test_the_form_for_an_answer_has_the_shape_that_discord_py_itself_sends() -> None:
    form = answer_form(round_of(), "Units are dropped.", unique="1")
    modal = discord.ui.Modal(title="Revise your answer", custom_id=f"nn:form:answer:{CHANNEL}@2026-11-22:1")
    modal.add_item(discord.ui.TextDisplay(f"**{PROMPT}**"))
    text = discord.ui.TextInput[discord.ui.Modal](
        custom_id="text", style=discord.TextStyle.paragraph, default="Units are dropped.", required=False
    )
    text.max_length = 3000
    description = "This replaces what counted before. Send it empty to withdraw your answer."
    modal.add_item(discord.ui.Label(text="Your answer", description=description, component=text))
    share = discord.ui.Select[discord.ui.Modal](custom_id="share", required=True)
    share.add_option(label="Not at all", value="no", default=True)
    share.add_option(label="Without my name", value="without my name")
    share.add_option(label="With my name", value="with my name")
    description = "Whoever presses Answers then reads it."
    modal.add_item(discord.ui.Label(text="Share it at the reveal?", description=description, component=share))
    assert _without_defaults(form) == _without_defaults(modal.to_dict())


def _without_defaults(made: Any) -> Any:
    """The same payload without what Discord takes for granted, and without what it makes of labels in old places."""
    if isinstance(made, list):
        return [_without_defaults(part) for part in made]
    if not isinstance(made, dict):
        return made
    granted = {"min_values": 1, "max_values": 1, "disabled": False, "default": False, "required": True, "label": None}
    kept = {key: _without_defaults(value) for key, value in made.items() if key not in granted}
    return kept | {key: made[key] for key in granted if key in made and made[key] != granted[key]}


def test_the_question_stands_above_the_answer() -> None:
    assert answer_form(round_of())["components"][0] == {"type": 10, "content": f"**{PROMPT}**"}


def test_nothing_in_a_prompt_takes_effect_in_the_form() -> None:
    display = answer_form(round_of("Is <@123> *right*,\nor @everyone?"))["components"][0]["content"]
    assert display == r"**Is \<\@123> \*right\*, or \@everyone?**"


def test_a_question_without_words_is_not_shown() -> None:
    assert [part["type"] for part in answer_form(round_of(" "))["components"]] == [18, 18]


def test_a_first_answer_must_not_be_empty() -> None:
    text = inputs(answer_form(round_of()))["text"]
    assert text["required"]
    assert "value" not in text
    assert text["max_length"] == LONGEST_ANSWER


def test_who_has_answered_finds_their_answer_in_the_form_and_may_withdraw_it_by_emptying_it() -> None:
    form = answer_form(round_of(), "Units are dropped.\nAt random.")
    assert form["title"] == "Revise your answer"
    assert inputs(form)["text"]["value"] == "Units are dropped.\nAt random."
    assert inputs(form)["text"]["required"] is False


@pytest.mark.parametrize("share", Share)
def test_what_others_may_see_of_an_answer_stands_in_its_form_and_is_read_from_it(share: Share) -> None:
    form = answer_form(round_of(), "Units are dropped.", share)
    assert chosen(inputs(form)["share"]) == [share.value]
    assert share_of(read_form(sent(form))) is share


def test_a_first_answer_is_not_shared_unless_its_author_says_so() -> None:
    form = answer_form(round_of())
    assert share_of(read_form(sent(form))) is Share.NO
    assert share_of(read_form(sent(form, {"share": {"values": ["without my name"]}}))) is Share.WITHOUT_NAME


@pytest.mark.parametrize("values", [{}, {"share": "everything"}, {"share": ""}])
def test_a_form_that_says_nothing_of_sharing_shares_nothing(values: dict[str, str]) -> None:
    assert share_of(Form("answer", f"{CHANNEL}#3", values)) is Share.NO


def test_an_answer_that_is_longer_than_a_form_is_cut_and_its_author_is_told() -> None:
    form = answer_form(round_of(), "🐜" * LONGEST_ANSWER)
    assert inputs(form)["text"]["value"] == "🐜" * (LONGEST_ANSWER // 2)
    assert "its end is missing here" in form["components"][1]["description"]
    assert "missing" not in answer_form(round_of(), "a" * LONGEST_ANSWER)["components"][1]["description"]


def test_two_openings_of_a_form_are_told_apart() -> None:
    assert len({answer_form(round_of())["custom_id"] for _ in range(20)}) == 20
    assert answer_form(round_of(), unique="7") == answer_form(round_of(), unique="7")


def test_a_form_carries_nothing_of_the_reference_answer() -> None:
    round_ = round_of()
    form = str(answer_form(round_))
    assert round_.question.answer not in form
    assert all(point.text not in form for point in round_.question.key_points)


# --- the form for a drill -----------------------------------------------------------------------------------


def options_in(data: Mapping[str, Any]) -> dict[str, str]:
    """What the command `setup` is given by a sent form."""
    own = dict(read_form(data).values)
    rest = read_rest(own.pop("rest", ""))
    return dict(commands.read(line("setup", as_meant({**rest, **own}, None))).options)


def test_the_form_for_a_first_drill_asks_for_what_it_needs_and_guesses_the_rest() -> None:
    form = setup_form(CHANNEL, None, "de")
    assert list(inputs(form)) == ["time", "zone", "days", "answers", "rest"]
    assert inputs(form)["rest"]["value"].splitlines() == [
        "closes: next",
        "reveal: close",
        "off: none",
        "topics: any",
        "difficulty: any",
        "ask: on",
        "ranking: on",
        "recap: on",
        "organizers: none",
        "notes: here",
    ]
    options = options_in(sent(form))
    assert options["zone"] == "Europe/Berlin"
    assert set(options) == {option.name for option in commands.BY_NAME["setup"].options} - {"bank"}


def test_a_language_that_is_spoken_in_many_zones_tells_nothing_of_one() -> None:
    zone = inputs(setup_form(CHANNEL, None, "en-US"))["zone"]
    assert "value" not in zone
    assert zone["required"]


def test_every_zone_that_is_guessed_is_one_and_every_language_is_one_of_discords() -> None:
    assert set(ZONES.values()) <= set(zone_names())
    assert set(ZONES) <= {locale.value for locale in discord.Locale}


@given(drills)
def test_a_form_that_is_sent_as_it_was_opened_leaves_the_drill_as_it_is(drill: Drill) -> None:
    bank = Bank(
        id="nn",
        title="Neural networks",
        version="1.0.0",
        language="en",
        licence="MIT",
        topics={},
        questions=tuple(
            make_question(f"q{level}", topics=("gradients", "vision", "evaluation"), difficulty=level)
            for level in (1, 2, 3)
        ),
    )
    assert drill.set_up_by is not None
    options = options_in(sent(setup_form(CHANNEL, drill)))
    assert drill_from(options, drill, CHANNEL, drill.group, drill.set_up_by, {"nn": bank}) == drill


def test_a_drill_is_changed_by_what_is_filled_in() -> None:
    form = setup_form(CHANNEL, make_drill(CHANNEL, timetable=make_timetable(at=time(18, 30)), sealed=True))
    assert inputs(form)["time"]["value"] == "18:30"
    assert inputs(form)["zone"]["value"] == "UTC"
    assert chosen(inputs(form)["answers"]) == ["sealed"]
    changes = {"time": {"value": "8:15"}, "days": {"values": ["sat", "mon"]}, "answers": {"values": ["open"]}}
    options = options_in(sent(form, changes))
    assert (options["time"], options["days"], options["answers"]) == ("8:15", "sat,mon", "open")


def test_a_line_that_is_no_option_is_told_with_what_was_meant() -> None:
    assert read_rest("closes: 18:00\n\n Notes = <#12> ") == {"closes": "18:00", "notes": "<#12>"}
    with pytest.raises(commands.Misread, match=r"“close: 18:00” is no option of setup\. Did you mean “closes”"):
        read_rest("topics: any\nclose: 18:00")


# --- forms for other commands -------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [c for c in commands.TABLE if c.options], ids=lambda c: c.name)
def test_the_form_for_any_command_keeps_to_every_limit_of_discord(command: Command) -> None:
    channel = channel_id(2**64 - 1, 2**64 - 1)
    form = command_form(command, channel)
    assert faults(form) == []
    assert read_form(sent(form)).what == command.name


def test_who_gets_an_award_is_chosen_in_its_form_and_read_as_a_mention() -> None:
    form = command_form(commands.BY_NAME["award"], CHANNEL)
    assert [(name, field["type"], field["required"]) for name, field in inputs(form).items()] == [
        ("member", 5, True),
        ("points", 4, True),
        ("reason", 4, True),
    ]
    filled = {"member": {"values": ["123"]}, "points": {"value": "2"}, "reason": {"value": "well said"}}
    assert read_form(sent(form, filled)).values == {"member": "<@123>", "points": "2", "reason": "well said"}


# --- forms that were sent -----------------------------------------------------------------------------------


@given(st.text(), st.booleans())
def test_what_was_filled_in_is_read_from_labels_and_from_rows_alike(text: str, rows: bool) -> None:
    data = sent(answer_form(round_of()), {"text": {"value": text}}, rows=rows)
    assert read_form(data) == Form("answer", f"{CHANNEL}@2026-11-22", {"text": text, "share": "no"})


def test_a_form_says_which_round_or_channel_it_is_about() -> None:
    extra = round_of(id=extra_round_id(CHANNEL, 3))
    assert read_form(sent(answer_form(extra))).about == f"{CHANNEL}#3"
    drill = read_form(sent(setup_form(CHANNEL, None)))
    assert (drill.what, drill.about) == ("setup", CHANNEL)


@pytest.mark.parametrize("left", [{"values": []}, {"values": None}, {"value": None}])
def test_a_field_in_which_nothing_was_chosen_is_left_out(left: dict[str, Any]) -> None:
    component = {"type": 18, "component": {"type": 3, "custom_id": "answers", **left}}
    data = {"custom_id": f"nn:form:answer:{CHANNEL}#3:1", "components": [component]}
    assert read_form(data) == Form("answer", f"{CHANNEL}#3", {})


@pytest.mark.parametrize(
    "carried", ["", "nn:form", "nn:form:answer", "nn:form:answer:1", "nn:answer:x:y", "xnn:form:a:b:c"]
)
def test_a_form_that_is_none_of_ours_is_about_nothing(carried: str) -> None:
    assert read_form({"custom_id": carried, "components": []}) == Form("", "", {})
