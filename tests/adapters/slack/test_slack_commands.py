"""Commands, buttons, forms and menus in a workspace: what members call, press and fill in, and what each then sees."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.adapters.slack import interactions
from bot.adapters.slack.needs import COMMAND, HERE, SUBMIT
from bot.core.commands import TABLE, Who
from bot.core.model import DrillState
from tests.adapters.slack.study import FULL, OTHER, marked
from tests.adapters.slack.workspace import Workspace, alone, asked, modal, noted, workspace
from tests.factories import keep, make_round
from tests.wire.slack_server import CannotDo, View

SETUP = "setup time=10:00 zone=UTC closes=18:00"
ORGANIZERS = [command.name for command in TABLE if command.who is Who.ORGANIZER]


@pytest.fixture
async def study(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Workspace]:
    async with workspace(tmp_path) as study:
        yield study
    wrong = [record.getMessage() for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    assert wrong == []


# --- every command ------------------------------------------------------------------------------------------


async def test_every_members_command_is_answered_in_private(study: Workspace) -> None:
    async with study.running():
        card = await study.opened()
        said = await study.bob.say(study.channel, FULL, thread=card)
        await study.until(lambda: marked(study, said))
        await study.revealed()
        await study.until(lambda: card.edited)
        assert "An extra question" in await study.says(study.bob, "ask evaluation")
        await study.until(lambda: "Extra question" in study.channel.messages[-1].words)
        assert "Hint 1 of" in await study.says(study.bob, "hint")
        assert "bob" in await study.says(study.bob, "leaderboard all here")
        assert "this channel" in await study.says(study.bob, "leaderboard season=week where=here")
        assert "You, bob" in await study.says(study.bob, "me")
        assert "Your result" in await study.says(study.bob, "me show=result")
        assert "someone" in await study.says(study.bob, "me shown=someone")
        assert "(revealed, 1 answer)" in await study.says(study.bob, "history")
        assert "No round of vision yet" in await study.says(study.bob, "history vision")
        assert "Next rounds" in await study.says(study.bob, "when")
        assert "/nnquestion me" in await study.says(study.bob, "help")
        assert "shown:" in await study.says(study.bob, "help me")


async def test_every_organizers_command_is_answered_in_private_and_carried_out(study: Workspace) -> None:
    async with study.running():
        await study.set_up()
        assert "mon-fri at 10:00" in await study.says(study.ada, "setup days=mon-fri")
        assert "/nnquestion resume" in await study.says(study.ada, "pause")
        assert (await study.drill()).next is None
        assert "Running again" in await study.says(study.ada, "resume")
        assert "No round on Monday 23 November" in await study.says(study.ada, "skip")
        assert "Tuesday 24 November" in await study.says(study.ada, "next dropout")
        assert "No rounds before 2026-12-01" in await study.says(study.ada, "pause 2026-12-01")
        await study.says(study.ada, "resume")
        assert "no round here to reveal" in await study.says(study.ada, "reveal")
        await study.says(study.ada, "setup days=all")
        await study.at("10:00", day=2)
        await study.until(lambda: study.card)
        assert study.card is not None
        assert "dropout" in study.card.words
        assert "on its way" in await study.says(study.ada, "reveal")
        await study.until(study.references)
        await study.at("10:00", day=3)
        await study.until(lambda: len(study.cards) == 2)
        assert "Called off" in await study.says(study.ada, "skip open")


TOLD = {
    "ask": "An extra question",
    "hint": "Hint 1 of",
    "leaderboard": "Leaderboard",
    "me": "You, ada",
    "history": "Rounds here",
    "when": "Open now",
    "help": "What you can say here",
    "setup time=10:30": "The drill is changed",
    "pause": "Paused",
    "resume": "Running",
    "skip": "Left out",
    "next dropout": "Chosen",
    "review": "Nothing waits for you",
    "award {bob} 2 well said": "Awarded",
    "bar {bob}": "Barred: bob",
    "doctor": "How it is here",
    "reveal": "on its way",
}
"""What each command tells where a round is open."""


def typed_before(form: View) -> str:
    """What stands in the form for an answer when it opens."""
    [field] = [block for block in form.blocks if block.get("block_id") == "text"]
    return str(field["element"]["initial_value"])


async def test_the_doctor_tells_where_the_bot_is_not(study: Workspace) -> None:
    desk = study.team.channel("organizers")
    async with study.running():
        await study.set_up()
        await study.says(study.ada, f"setup notes=<#{desk.id}|organizers>")
        told = await study.says(study.ada, "doctor")
        assert "All is well." in told
        assert "Channel #general" in told
        assert "place for notes #organizers" in told
        assert "Next rounds" in told
        desk.archive()
        await study.handled()
        assert "archived" in await study.says(study.ada, "doctor")
        desk.unarchive()
        desk.kick_bot()
        await study.handled()
        assert "/invite" in await study.says(study.ada, "doctor")
        asked_before = len(study.server.asked("conversations.info"))
        assert "for organizers" in await study.says(study.bob, "doctor")
        assert len(study.server.asked("conversations.info")) == asked_before


async def test_every_command_of_the_table_works_as_a_command(study: Workspace) -> None:
    assert {line.split()[0] for line in TOLD} == {command.name for command in TABLE}
    async with study.running():
        await study.opened()
        for line, told in TOLD.items():
            assert told in await study.says(study.ada, line.format(bob=study.bob.mention)), line


async def test_every_command_of_the_table_works_by_a_mention_in_the_rounds_thread(study: Workspace) -> None:
    async with study.running():
        card = await study.opened()
        for line, told in TOLD.items():
            reply = await study.mentions(study.ada, line.format(bob=study.bob.mention), card)
            assert told in reply.words, line
            assert reply.thread_ts == card.ts
            assert reply.seen_by is study.ada


async def test_a_mention_in_the_channel_is_answered_in_the_channel_to_its_author_alone(study: Workspace) -> None:
    async with study.running():
        await study.set_up()
        reply = await study.mentions(study.bob, "when")
        assert "Next rounds" in reply.words
        assert reply.thread_ts is None
        await study.handled()
        assert len(study.bob.ephemerals) == 1
        assert [one for one in study.channel.messages if one.user is study.team.bot] == []


async def test_what_is_no_command_is_told_with_what_was_probably_meant(study: Workspace) -> None:
    async with study.running():
        await study.set_up()
        assert "Did you mean “leaderboard”?" in await study.says(study.bob, "leaderbord")
        assert "Did you mean “leaderboard”?" in (await study.mentions(study.bob, "leaderbord")).words
        assert "Did you mean “season”?" in await study.says(study.bob, "leaderboard seson=week")
        assert "Did you mean /nnquestion setup time=09:00" in await study.says(study.ada, "setup time: 09:00 zone: UTC")
        assert "/nnquestion help" in await study.says(study.bob, "¿qué?")


async def test_capitals_in_a_commands_name_change_nothing(study: Workspace) -> None:
    async with study.running():
        assert (await study.ada.command(COMMAND, "Setup", study.channel)).modal is not None
        assert "not direct messages" in (await study.says(study.ada, f"SETUP {SETUP[6:]}", study.ada.dm)).replace(
            "say this there, not in", "not"
        )


# --- without words ------------------------------------------------------------------------------------------


async def test_the_bare_command_offers_the_open_round_and_more_as_buttons_that_work(study: Workspace) -> None:
    async with study.running():
        card = await study.opened()
        offer = await noted(study.bob.command(COMMAND, "", study.channel))
        assert offer.seen_by is study.bob
        assert (await study.round()).question.prompt in offer.words
        assert offer.labels == ["Answer", "Hint", "Ask", "Leaderboard", "Me", "Help"]
        organizers = await noted(study.ada.command(COMMAND, "", study.channel))
        assert organizers.labels == ["Answer", "Hint", "Ask", "Leaderboard", "Me", "Review", "Help"]
        assert "To review" in await asked(study.ada.press(organizers, "Review"), study.ada)
        form = modal(await study.bob.press(offer, "Answer"))
        assert "Recorded" in await asked(study.bob.submit(form, {"Your answer": FULL}), study.bob)
        assert "Hint 1 of" in await asked(study.bob.press(offer, "Hint"), study.bob)
        assert "Leaderboard" in await asked(study.bob.press(offer, "Leaderboard"), study.bob)
        assert "You, bob" in await asked(study.bob.press(offer, "Me"), study.bob)
        assert "What you can say here" in await asked(study.bob.press(offer, "Help"), study.bob)
        assert "An extra question" in await asked(study.bob.press(offer, "Ask"), study.bob)
        await study.until(lambda: study.channel.messages[-1] is not card)
        assert "Extra question" in study.channel.messages[-1].words


async def test_where_no_round_is_open_the_bare_command_offers_the_rest(study: Workspace) -> None:
    async with study.running():
        await study.set_up()
        reply = await noted(study.bob.command(COMMAND, "", study.channel))
        assert reply.labels == ["Ask", "Leaderboard", "Me", "Help"]


async def test_where_there_is_no_drill_the_bare_command_offers_the_setup_to_who_may(study: Workspace) -> None:
    async with study.running():
        reply = await noted(study.ada.command(COMMAND, "", study.channel))
        assert reply.labels == ["Setup", "Help"]
        assert modal(await study.ada.press(reply, "Setup")).title == "A drill for this channel"
        reply = await noted(study.bob.command(COMMAND, "", study.channel))
        assert reply.labels == ["Help"]
        assert "What you can say here" in await asked(study.bob.press(reply, "Help"), study.bob)


async def test_the_menu_of_a_message_in_the_thread_offers_the_same_for_that_thread(study: Workspace) -> None:
    async with study.running():
        card = await study.opened()
        prompt = (await study.round()).question.prompt
        said = await study.bob.say(study.channel, "what now", thread=card)
        for message in (said, card):
            offer = modal(await study.bob.shortcut(message, HERE))
            assert prompt in offer.words
            assert offer.labels == ["Answer", "Hint", "Ask", "Leaderboard", "Me", "Help"]
        for label, told in (("Hint", "Hint 1 of"), ("Leaderboard", "Leaderboard"), ("Me", "You, bob")):
            shown = modal(await study.bob.press(offer, label))
            assert told in f"{shown.title}\n{shown.words}"
            assert shown.previous_id == offer.id
            await study.bob.close(shown)
        form = modal(await study.bob.press(offer, "Answer"))
        assert "Recorded" in await asked(study.bob.submit(form, {"Your answer": FULL}), study.bob)
        assert await study.text_by(study.bob) == FULL


async def test_the_menu_in_an_extra_rounds_thread_means_that_round(study: Workspace) -> None:
    async with study.running():
        card = await study.opened()
        await study.says(study.bob, "ask")
        await study.until(lambda: study.channel.messages[-1] is not card)
        extra = study.channel.messages[-1]
        while (await study.round()).thread is None:
            pass
        offer = modal(await study.bob.shortcut(extra, HERE))
        prompt = (await study.round()).question.prompt  # It was opened last.
        assert prompt in extra.words
        assert prompt in offer.words
        reply = await study.mentions(study.bob, "", extra)
        assert prompt in reply.words
        assert reply.thread_ts == extra.ts
        in_channel = await study.mentions(study.bob, "")
        assert prompt not in in_channel.words


# --- setup --------------------------------------------------------------------------------------------------


async def test_setup_without_options_opens_a_form_with_every_option_and_ones_own_zone(study: Workspace) -> None:
    async with study.running():
        form = await study.setup_form()
        options = next(command for command in TABLE if command.name == "setup").options
        assert [block["block_id"] for block in form.blocks if block["type"] == "input"] == [o.name for o in options]
        seen = await study.ada.submit(form, {"Time": "10:30", "days": ["Monday", "Wednesday"], "answers": "sealed"})
        told = alone(seen, study.ada)
        assert "mon, wed at 10:30 (Europe/Berlin)" in told
        assert "sealed, by form" in told
        drill = await study.drill()
        assert (drill.timetable.zone, drill.sealed) == ("Europe/Berlin", True)
        assert "This channel's drill" in (await study.setup_form()).title


async def test_zones_are_offered_while_one_types_and_taken_as_they_stand(study: Workspace) -> None:
    async with study.running():
        form = await study.setup_form()
        assert await study.ada.suggest(form, "Time zone", "kolk") == ["Asia/Kolkata"]
        assert "America/New_York" in await study.ada.suggest(form, "Time zone", "")
        await study.ada.submit(form, {"zone": "Asia/Kolkata"})
        assert (await study.drill()).timetable.zone == "Asia/Kolkata"


@pytest.mark.parametrize(
    ("field", "wrong", "right", "told"),
    [
        ("Closes", "25:00", "18:00", "does not say when a round closes"),
        ("Reveal", "soon", "18:30", "“soon” is no time"),
        ("Days off", "Christmas", "2026-12-25", "is no date"),
        ("Time zone", "Mars/Olympus", "UTC", "time zone"),
    ],
)
async def test_a_form_that_is_refused_keeps_what_was_typed_says_what_is_wrong_at_its_field_and_is_taken_corrected(
    study: Workspace, field: str, wrong: str, right: str, told: str
) -> None:
    async with study.running():
        form = await study.setup_form()
        seen = await study.ada.submit(form, {"time": "10:30", field: wrong})
        assert set(seen.errors) == {field}
        assert told in seen.errors[field]
        assert study.ada.modal is form
        assert await study.kept() == []
        seen = await study.ada.submit(form, {"time": "10:30", field: right})
        assert "The drill is set up" in alone(seen, study.ada)


async def test_a_refusal_that_belongs_to_no_field_keeps_what_was_typed_too(study: Workspace) -> None:
    async with study.running():
        form = await study.setup_form()
        study.channel.archive()
        seen = await study.ada.submit(form, {"time": "10:30"})
        assert "archived" in seen.errors["Time"]
        study.channel.unarchive()
        assert "The drill is set up" in await asked(study.ada.submit(form, {"time": "10:30"}), study.ada)


async def test_setup_where_the_bot_is_not_is_refused_with_what_to_do(study: Workspace) -> None:
    far = study.team.channel("far", bot=False)
    hidden = study.team.channel("hidden", private=True, bot=False)
    async with study.running():
        for channel in (far, hidden):
            for options in ("setup", SETUP):
                assert "/invite @nnquestion" in await study.says(study.ada, options, channel)
        for options in ("setup", SETUP):
            assert "not in direct messages" in await study.says(study.ada, options, study.ada.dm)
            group = study.team.group_dm(study.ada, study.bob)
            assert "not in direct messages" in await study.says(study.ada, options, group)
        form = await study.setup_form()
        study.channel.kick_bot()
        assert "/invite @nnquestion" in (await study.ada.submit(form, {})).errors["Time"]
        assert await study.kept() == []


async def test_setup_offers_to_try_a_question_and_asks_it_when_told_to(study: Workspace) -> None:
    async with study.running():
        told = await noted(study.set_up())
        assert told.labels == ["Try one now"]
        assert "An extra question" in await asked(study.ada.press(told, "Try one now"), study.ada)
        await study.until(lambda: study.channel.messages)
        assert "Extra question" in study.channel.messages[-1].words
        assert "open extra question here already" in await asked(study.ada.press(told, "Try one now"), study.ada)


async def test_the_forms_outcome_offers_to_try_a_question_too(study: Workspace) -> None:
    async with study.running():
        outcome = modal(await study.ada.submit(await study.setup_form(), {}))
        assert outcome.labels == ["Try one now"]
        assert "An extra question" in await asked(study.ada.press(outcome, "Try one now"), study.ada)
        await study.until(lambda: study.channel.messages)


async def test_by_a_mention_setup_offers_a_button_that_opens_the_form(study: Workspace) -> None:
    async with study.running():
        reply = await study.mentions(study.ada, "setup")
        assert reply.labels == ["Set it up"]
        form = modal(await study.ada.press(reply, "Set it up"))
        assert "The drill is set up" in await asked(study.ada.submit(form, {}), study.ada)


async def test_the_next_question_is_found_by_typing_in_the_form_of_its_button(study: Workspace) -> None:
    async with study.running():
        reply = await noted(study.set_up())
        about = (await study.drill()).channel
        form = modal(await study.forged(study.ada, "do", f"next {about}", reply))
        assert any("dropout" in offer for offer in await study.ada.suggest(form, "Question", "dropout"))
        seen = await study.ada.submit(form, {"Question": "sing"})
        assert "no question “nn:sing”" in seen.errors["Question"] or "no question “sing”" in seen.errors["Question"]
        assert "What is dropout" in await asked(study.ada.submit(form, {"Question": "nn:dropout"}), study.ada)


# --- who may ------------------------------------------------------------------------------------------------


async def test_admins_owners_and_whom_setup_names_are_organizers_and_nobody_else(study: Workspace) -> None:
    cem, dan = study.team.user("cem"), study.team.user("dan")
    async with study.running():
        await study.set_up()
        shown = await study.says(study.ada, f"setup organizers={cem.mention}, {dan.mention}")
        assert "@cem" in shown
        for who in (study.ada, cem, dan, study.team.founder):
            assert "Paused" in await study.says(who, "pause")
            assert "Running again" in await study.says(who, "resume")
        before = await study.drill()
        lines = {"next": "next dropout", "setup": "setup time=11:00", "award": f"award {dan.mention} 2 well said"}
        for command in ORGANIZERS:
            line = lines.get(command, command)
            assert f"/nnquestion {command} is for organizers" in await study.says(study.bob, line)
            assert f"/nnquestion {command} is for organizers" in (await study.mentions(study.bob, line)).words
        assert (await study.bob.command(COMMAND, "setup", study.channel)).modal is None
        assert await study.drill() == before
        await study.says(study.ada, "setup organizers=none")
        assert "is for organizers" in await study.says(cem, "pause")


async def test_an_organizer_of_one_channel_is_none_of_another(study: Workspace) -> None:
    async with study.running():
        await study.set_up(f"organizers={study.bob.mention}")
        mine = await study.drill()
        study.channel = study.team.channel("other")
        theirs = await study.opened()
        drill = await study.drill()
        award = {"member": f"@{study.ada.id}", "points": "2", "reason": "well said"}
        filled = {"question": "dropout", "time": "11:00", **award}
        for command in ORGANIZERS:
            seen = await study.forged(study.bob, "do", f"{command} {drill.channel}", theirs)
            assert "for organizers of that channel" in alone(seen, study.bob)
            seen = await study.sends(study.bob, command, drill.channel, filled)
            assert "is for organizers" in alone(seen, study.bob)
        seen = await study.forged(study.bob, "resume", drill.channel, theirs)
        assert "is for organizers" in alone(seen, study.bob)
        assert await study.drill() == drill
        assert "Paused" in alone(await study.forged(study.bob, "do", f"pause {mine.channel}", theirs), study.bob)


async def test_the_resume_button_works_for_organizers_and_for_no_other_member(study: Workspace) -> None:
    cem = study.team.user("cem")
    async with study.running():
        await study.set_up(f"organizers={cem.mention}")
        note = await study.asleep()
        assert "is for organizers" in await asked(study.bob.press(note, "Resume"), study.bob)
        listed = await noted(cem.command(COMMAND, "review", study.channel))
        assert "Running again" in await asked(cem.press(note, "Resume"), cem)
        assert (await study.drill()).state is DrillState.ON
        assert "Resume" in note.labels  # Others see it, too.
        assert listed.labels == ["Resume the drill"]
        await cem.press(listed, "Resume the drill")
        assert "It is running" in listed.words  # What is private goes on in its place.


async def test_organizers_who_are_only_typed_as_words_are_refused_with_what_to_do(study: Workspace) -> None:
    async with study.running():
        assert "choose members from the list" in await study.says(study.ada, f"{SETUP} organizers=Bob")
        assert await study.kept() == []


@pytest.mark.parametrize(
    ("press", "value"),
    [
        *(("do", value) for value in ("", "pause", "sing {c}", "next x y {c}", "setup time= {c}", "setup {t}")),
        *(("do", "setup {t}/"), ("do", "pause {t}/@U0"), ("do", "setup slack:T0OTHER/C0OTHER00")),
        *(("answer", ""), ("answer", "{c}@2020-01-01"), ("hint", "nowhere"), ("result", "nowhere")),
        *(("resume", ""), ("try", "nowhere"), ("hint.7", "nowhere")),
    ],
)
async def test_a_button_with_a_value_that_nobody_gave_it_changes_nothing_and_is_answered(
    study: Workspace, press: str, value: str
) -> None:
    async with study.running():
        reply = await noted(study.set_up())
        before = await study.kept()
        value = value.format(c=before[0].channel, t=before[0].group)
        told = alone(await study.forged(study.ada, press, value, reply), study.ada)
        assert re.search("did not work|drill needs|not in this channel", told), told
        assert await study.kept() == before


async def test_a_button_of_another_kind_is_acknowledged_and_comes_to_nothing(study: Workspace) -> None:
    async with study.running():
        reply = await noted(study.set_up())
        seen = await study.forged(study.ada, "sing", "x", reply, wait=False)
        await study.ada.answered(seen)
        await study.handled()
        assert not seen.shown
        assert not seen.error


@pytest.mark.parametrize("what", ["setup", "pause", "answer", "sing", "card", "next"])
async def test_a_form_about_a_channel_of_another_group_does_nothing(study: Workspace, what: str) -> None:
    async with study.running():
        await study.set_up()
        before = await study.kept()
        for about in ("slack:T0OTHER00/C0OTHER00", "slack:T0OTHER00", "discord:1/2", "x", ""):
            seen = await study.sends(study.ada, what, about, {"time": "11:00", "text": FULL, "question": "dropout"})
            assert re.search("no longer does anything|Not counted|Your answer", alone(seen, study.ada))
        assert await study.kept() == before


# --- what comes twice ---------------------------------------------------------------------------------------


async def test_what_comes_twice_is_carried_out_once(study: Workspace) -> None:
    async with study.running():
        card = await study.opened()
        for number in (1, 2):
            hint = await study.bob.press(card, "Hint")
            assert f"Hint {number} of" in hint.text
            await study.again(hint)
        ask = await study.bob.command(COMMAND, "ask", study.channel)
        await study.until(lambda: study.channel.messages[-1] is not card)
        await study.says(study.ada, "skip open")
        await study.again(ask)
        skip = await study.ada.command(COMMAND, "skip", study.channel)
        await study.handled()  # It is seen to be taken before it is carried out.
        kept = await study.drill()
        await study.again(skip)
        assert await study.drill() == kept
        assert len([one for one in study.channel.messages if one.user is study.team.bot]) == 2


async def test_a_form_that_comes_twice_is_taken_once(study: Workspace) -> None:
    async with study.running():
        card = await study.opened()
        form = modal(await study.bob.press(card, "Answer"))
        first = await study.bob.submit(form, {"text": FULL})
        form = modal(await study.bob.press(card, "Answer"))
        await study.bob.submit(form, {"text": OTHER})
        await study.again(first)
        assert await study.text_by(study.bob) == OTHER
        setup = await study.setup_form()
        changed = await study.ada.submit(setup, {"time": "11:00"})
        await study.says(study.ada, "setup time=12:00")
        await study.again(changed)
        assert (await study.drill()).timetable.at.hour == 12


async def test_the_same_words_in_another_form_are_another_answer(study: Workspace) -> None:
    async with study.running():
        card = await study.opened()
        for text in (FULL, OTHER, FULL):
            await study.bob.submit(modal(await study.bob.press(card, "Answer")), {"text": text})
            assert await study.text_by(study.bob) == text


# --- two workspaces -----------------------------------------------------------------------------------------


async def test_what_comes_from_another_workspace_does_nothing(study: Workspace) -> None:
    other = study.server.team("Other")
    eve, lobby = other.user("eve", admin=True), other.channel("lobby")
    async with study.running():
        card = await study.opened()
        live, before = await study.round(), await study.kept()
        requests = len(study.server.requests)
        stray = await eve.say(lobby, FULL)
        for text in ("", SETUP, "setup", "ask", "leaderboard", "me shown=name", "pause"):
            assert "another workspace" in alone(await eve.command(COMMAND, text, lobby), eve)
        for press, value in (
            ("answer", live.id),
            ("hint", live.id),
            ("result", live.id),
            ("do", f"pause {live.channel}"),
            ("do", f"setup {live.channel}"),
            ("resume", live.channel),
            ("try", live.channel),
        ):
            assert "another workspace" in alone(await study.forged(eve, press, value, stray), eve)
        for what, about in (("answer", live.id), ("setup", live.channel), ("pause", live.channel)):
            seen = await study.sends(eve, what, about, {"text": FULL, "time": "11:00", "zone": "UTC"})
            assert "another workspace" in alone(seen, eve)
        for entry in (SUBMIT, HERE):
            assert "another workspace" in alone(await eve.shortcut(stray, entry), eve)
        assert await study.kept() == before
        assert await study.program.bot.answers_in(live.id) == []
        assert {one.method for one in study.server.requests[requests:]} <= {"response_url"}
        assert card.edited is None


async def test_a_round_of_another_group_is_neither_shown_nor_answered(study: Workspace) -> None:
    async with study.running():
        said = await noted(study.set_up())
        theirs = make_round()
        await study.program.store.write(lambda tx: keep(tx, theirs))
        for press in ("answer", "hint", "result"):
            told = alone(await study.forged(study.ada, press, theirs.id, said), study.ada)
            assert "That did not work" in told
            assert theirs.question.prompt not in told
        await study.sends(study.ada, "answer", theirs.id, {"text": FULL})
        await study.handled()
        assert await study.program.bot.answers_in(theirs.id) == []


# --- answers by form ----------------------------------------------------------------------------------------


async def test_the_form_shows_the_question_and_what_one_said_and_revises_or_withdraws_it(study: Workspace) -> None:
    async with study.running():
        card = await study.opened()
        said = await study.bob.say(study.channel, FULL, thread=card)
        await study.until(lambda: marked(study, said))
        form = modal(await study.bob.press(card, "Answer"))
        assert (await study.round()).question.prompt in form.words
        assert typed_before(form) == FULL
        assert "Revised" in await asked(study.bob.submit(form, {"text": OTHER}), study.bob)
        assert await study.text_by(study.bob) == OTHER
        assert not marked(study, said)
        form = modal(await study.bob.press(card, "Answer"))
        assert typed_before(form) == OTHER
        assert "Withdrawn" in await asked(study.bob.submit(form, {"text": ""}), study.bob)
        assert await study.text_by(study.bob) == ""
        form = modal(await study.bob.press(card, "Answer"))
        with pytest.raises(CannotDo, match="asks to fill in"):
            await study.bob.submit(form, {"text": ""})


async def test_a_sealed_round_takes_answers_by_its_form_only(study: Workspace) -> None:
    async with study.running():
        card = await study.opened("answers=sealed")
        said = await study.bob.say(study.channel, FULL, thread=card)
        await study.until(lambda: study.bob.ephemerals)
        assert "sealed" in study.bob.ephemerals[-1].words
        assert "sealed" in await asked(study.bob.shortcut(said, SUBMIT), study.bob)
        assert await study.text_by(study.bob) == ""
        form = modal(await study.bob.press(card, "Answer"))
        assert "Recorded" in await asked(study.bob.submit(form, {"text": OTHER}), study.bob)
        assert await study.text_by(study.bob) == OTHER
        assert OTHER not in "".join(one.words for one in [*study.channel.messages, *card.replies])


async def test_forms_and_buttons_of_before_a_restart_still_work(study: Workspace) -> None:
    async with study.running():
        card = await study.opened()
        form = modal(await study.bob.press(card, "Answer"))
        setup = await study.setup_form()
    async with study.running():
        assert "Recorded" in await asked(study.bob.submit(form, {"text": FULL}), study.bob)
        assert "The drill is changed" in await asked(study.ada.submit(setup, {"time": "11:00"}), study.ada)
        assert "Hint 1 of" in await asked(study.bob.press(card, "Hint"), study.bob)
        assert await study.text_by(study.bob) == FULL


async def test_two_members_forms_that_are_open_at_once_are_never_mixed_up(study: Workspace) -> None:
    async with study.running():
        card = await study.opened()
        of_ada, of_bob = modal(await study.ada.press(card, "Answer")), modal(await study.bob.press(card, "Answer"))
        await asyncio.gather(
            study.bob.submit(of_bob, {"text": "bob says that weights move"}),
            study.ada.submit(of_ada, {"text": "ada says that biases move"}),
        )
        assert await study.text_by(study.bob) == "bob says that weights move"
        assert await study.text_by(study.ada) == "ada says that biases move"


async def test_a_round_that_was_called_off_has_no_form_any_more(study: Workspace) -> None:
    async with study.running():
        card = await study.opened()
        live = await study.round()
        await study.says(study.ada, "skip open")
        seen = await study.forged(study.bob, "answer", live.id, card)
        assert seen.modal is None
        assert "no open round behind this button" in alone(seen, study.bob)


async def test_an_answer_that_comes_after_the_close_is_told_to_be_late(study: Workspace) -> None:
    async with study.running():
        card = await study.opened()
        form = modal(await study.bob.press(card, "Answer"))
        await study.revealed()
        assert "Late" in await asked(study.bob.submit(form, {"text": FULL}), study.bob)


async def test_a_slow_form_says_that_it_is_being_worked_on_and_then_what_came_of_it(
    study: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interactions, "AT_ONCE", 0.05)
    async with study.running():
        card = await study.opened()
        form = modal(await study.bob.press(card, "Answer"))
        setup = await study.setup_form()
        async with study.slow_database():
            for who, view, values in ((study.bob, form, {"text": FULL}), (study.ada, setup, {"time": "11:00"})):
                seen = await who.submit(view, values)
                assert "still working" in modal(seen).words
        await study.until(lambda: "Recorded" in form.words)
        await study.until(lambda: "The drill is changed" in setup.words or "drill is changed" in setup.title)
        assert await study.text_by(study.bob) == FULL


async def test_a_slow_form_that_was_closed_meanwhile_is_carried_out_all_the_same(
    study: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(interactions, "AT_ONCE", 0.05)
    async with study.running():
        card = await study.opened()
        form = modal(await study.bob.press(card, "Answer"))
        async with study.slow_database():
            await study.bob.submit(form, {"text": FULL})
            await study.bob.close(form)
        assert await study.text_by(study.bob) == FULL
    assert [one for one in caplog.records if one.levelno >= logging.WARNING] == []


async def test_a_form_that_could_not_be_opened_in_time_is_asked_for_again(study: Workspace) -> None:
    async with study.running():
        card = await study.opened()
        async with study.slow_database():
            seen = await study.bob.press(card, "Answer", wait=False)
            setup = await study.ada.command(COMMAND, "setup", study.channel, wait=False)
            await study.bob.answered(seen)
            await study.ada.answered(setup)
            study.server.clock.advance(4)
        assert "Please try once more" in alone(await study.bob.settled(seen), study.bob)
        assert "Please try once more" in alone(await study.ada.settled(setup), study.ada)
        assert modal(await study.bob.press(card, "Answer"))


async def test_what_cannot_be_done_is_answered_too(study: Workspace, caplog: pytest.LogCaptureFixture) -> None:
    async with study.running() as program:
        card = await study.opened()
        said = await study.bob.say(study.channel, "what now", thread=card)
        form = modal(await study.bob.press(card, "Answer"))
        await study.handled()
        await program.store.close()
        for act in (
            study.bob.command(COMMAND, "when", study.channel),
            study.bob.press(card, "Hint"),
            study.bob.press(card, "Answer"),
            study.bob.shortcut(said, SUBMIT),
            study.bob.shortcut(said, HERE),
        ):
            assert "Something went wrong here" in await asked(act, study.bob)
        form = study.server.world.interactions.open(study.server.outcomes[-1], form.content)
        assert "Something went wrong here" in (await study.bob.submit(form, {"text": FULL})).errors["Your answer"]
        assert study.bob.modal is form  # What was typed still stands there.
    assert [one for one in caplog.records if "could not be worked on" in one.getMessage()]
    caplog.clear()


# --- results and hints --------------------------------------------------------------------------------------


async def test_my_result_is_a_form_to_read_and_tells_nothing_before_the_reveal(study: Workspace) -> None:
    async with study.running():
        card = await study.opened()
        said = await study.bob.say(study.channel, FULL, thread=card)
        await study.until(lambda: marked(study, said))
        early = modal(await study.forged(study.bob, "result", (await study.round()).id, card))
        assert "comes with the reveal" in early.words
        reference = (await study.round()).question.answer
        assert reference[:40] not in early.words
        await study.revealed()
        await study.until(lambda: "My result" in card.labels)
        seen = await study.bob.press(card, "My result")
        assert not seen.shown
        assert modal(seen).title == "Your result"
        assert "no answer" in modal(await study.ada.press(card, "My result")).words.lower()


async def test_a_hint_is_told_to_its_asker_alone_and_what_it_costs_once(study: Workspace) -> None:
    async with study.running():
        card = await study.opened()
        said = [await asked(study.bob.press(card, "Hint"), study.bob) for _ in range(6)]
        numbers = [re.findall(r"Hint (\d) of (\d)", text)[0] for text in said]
        total = int(numbers[0][1])
        assert [int(number) for number, _ in numbers] == [min(n, total) for n in range(1, 7)]
        assert ["It costs 1 point" in text for text in said] == [n <= total for n in range(1, 7)]
        assert study.ada.ephemerals == [] or all("Hint" not in one.words for one in study.ada.ephemerals)


async def test_the_reply_to_a_button_stands_where_the_button_does(study: Workspace) -> None:
    async with study.running():
        card = await study.opened()
        await study.bob.say(study.channel, FULL, thread=card)  # Now the card has a thread; it stands in the channel.
        hint = await noted(study.bob.press(card, "Hint"))
        assert hint.thread_ts is None
        inside = await study.mentions(study.bob, "", card)
        hint = await noted(study.bob.press(inside, "Hint"))
        assert hint.thread_ts == card.ts


# --- submit as my answer ------------------------------------------------------------------------------------


async def test_an_own_message_in_the_thread_or_in_the_channel_becomes_ones_answer(study: Workspace) -> None:
    async with study.running():
        card = await study.opened()
        short = await study.bob.say(study.channel, "weights move", thread=card)
        assert await study.text_by(study.bob) == ""
        reply = await noted(study.bob.shortcut(short, SUBMIT))
        assert "Recorded" in reply.words
        assert reply.seen_by is study.bob
        assert reply.thread_ts == card.ts
        assert await study.text_by(study.bob) == "weights move"
        assert marked(study, short)
        aside = await study.bob.say(study.channel, "losses fall & <i>how</i>")
        reply = await noted(study.bob.shortcut(aside, SUBMIT))
        assert "Revised" in reply.words
        assert reply.thread_ts is None
        assert await study.text_by(study.bob) == "losses fall & <i>how</i>"
        await study.until(lambda: marked(study, aside))


async def test_an_edit_of_what_was_submitted_revises_the_answer(study: Workspace) -> None:
    async with study.running():
        await study.opened()
        aside = await study.bob.say(study.channel, "losses rise")
        await study.bob.edit(aside, "losses fall")
        await study.says(study.bob, "when")
        assert "Recorded" in await asked(study.bob.shortcut(aside, SUBMIT), study.bob)
        assert await study.text_by(study.bob) == "losses fall"
        await study.bob.edit(aside, "losses fall slowly")
        assert await study.text_by(study.bob) == "losses fall slowly"


async def test_a_message_of_somebody_else_or_of_the_bot_is_nobodys_answer(study: Workspace) -> None:
    async with study.running():
        card = await study.opened()
        theirs = await study.ada.say(study.channel, "weights move", thread=card)
        for message in (theirs, card):
            assert "only a message of your own" in await asked(study.bob.shortcut(message, SUBMIT), study.bob)
        assert await study.text_by(study.bob) == ""
        assert await study.text_by(study.ada) == ""


async def test_where_no_round_is_open_nothing_can_be_submitted(study: Workspace) -> None:
    async with study.running():
        await study.set_up()
        said = await study.bob.say(study.channel, FULL)
        assert "no open round here" in await asked(study.bob.shortcut(said, SUBMIT), study.bob)


# --- the own page -------------------------------------------------------------------------------------------


async def test_the_own_page_shows_points_streaks_open_rounds_and_what_comes_in_ones_own_zone(
    study: Workspace,
) -> None:
    async with study.running():
        card = await study.opened()
        said = await study.bob.say(study.channel, FULL, thread=card)
        await study.until(lambda: marked(study, said))
        await study.revealed()
        await study.until(lambda: card.edited)
        await study.at("10:00", day=1)
        await study.until(lambda: len(study.cards) == 2)
        page = await study.bob.open_home()
        assert page is not None
        assert page.content["callback_id"] == "nn.home"
        for words in ("You, bob", "this month: 1 point from 1 round, rank 1", "1 in a row", "by name", "Next rounds"):
            assert words in page.words, words
        assert (await study.round()).question.prompt in page.words
        assert page.labels == ["Answer", "Hint"]
        form = modal(await study.bob.press(page, "Answer"))
        assert "Recorded" in await asked(study.bob.submit(form, {"text": OTHER}), study.bob)
        assert await study.text_by(study.bob) == OTHER
        hint = await study.bob.press(page, "Hint")
        assert "Hint 1 of" in alone(hint, study.bob)
        page = await study.bob.open_home()
        assert page is not None
        assert page.labels == ["Revise your answer", "Hint", "Check now"]


async def test_the_own_page_shows_no_round_of_a_channel_that_one_is_not_in(study: Workspace) -> None:
    hidden = study.team.channel("hidden", private=True)
    hidden.kick(study.bob)
    async with study.running():
        study.channel = hidden
        await study.opened()
        secret = (await study.round()).question.prompt
        page = await study.bob.open_home()
        assert page is not None
        assert secret not in page.words
        assert hidden.id not in str(page.content)
        assert page.labels == []
        assert "No round is planned in your channels" in page.words
        mine = await study.ada.open_home()
        assert mine is not None
        assert secret in mine.words


async def test_where_slack_does_not_tell_the_channels_the_own_page_shows_the_rest(study: Workspace) -> None:
    async with study.running():
        await study.opened()
        study.server.faults.refuse("users.conversations", "internal_error")
        page = await study.bob.open_home()
        assert page is not None
        assert "You, bob" in page.words
        assert page.labels == []
        page = await study.bob.open_home()
        assert page is not None
        assert page.labels == ["Answer", "Hint"]


async def test_a_button_on_the_own_page_that_comes_too_late_is_told_there(study: Workspace) -> None:
    async with study.running():
        await study.opened()
        page = await study.bob.open_home()
        assert page is not None
        async with study.slow_database():
            seen = await study.bob.press(page, "Answer", wait=False)
            await study.bob.answered(seen)
            study.server.clock.advance(4)
        await study.bob.settled(seen)
        assert study.bob.home is not None
        assert "Please try once more" in study.bob.home.words
        assert "Answer" in study.bob.home.labels


async def test_a_button_in_a_form_that_comes_too_late_is_told_there(study: Workspace) -> None:
    async with study.running():
        offer = modal(await study.bob.shortcut(await study.opened(), HERE))
        async with study.slow_database():
            seen = await study.bob.press(offer, "Answer", wait=False)
            await study.bob.answered(seen)
            study.server.clock.advance(4)
        await study.until(lambda: "Please try once more" in offer.words)


async def test_a_page_that_cannot_be_shown_is_left_as_it_is(study: Workspace) -> None:
    async with study.running():
        study.server.faults.refuse("views.publish", "internal_error")
        await study.bob.open_home(wait=False)
        await study.handled()
        assert study.bob.home is None
        await study.bob.open_messages()
        await study.handled()
        assert study.bob.home is None
        assert await study.bob.open_home()


# --- the greeting -------------------------------------------------------------------------------------------


async def test_whoever_takes_the_bot_into_a_channel_is_told_once_and_alone_how_to_begin(study: Workspace) -> None:
    far = study.team.channel("far", bot=False)
    async with study.running():
        study.server.deliveries.duplicate("member_joined_channel")
        far.invite_bot()
        founder = study.team.founder
        await study.until(lambda: founder.ephemerals)
        await study.handled()
        [note] = founder.ephemerals
        assert note.channel is far
        assert "/nnquestion setup" in note.words
        assert [one for one in far.messages if one.by_app] == []
        form = modal(await founder.press(note, "Set it up"))
        assert "The drill is set up" in await asked(founder.submit(form, {}), founder)
        far.kick_bot()
        far.invite_bot()  # There is a drill by now.
        far.invite(study.team.user("cem"))
        await study.handled()
        assert len(founder.ephemerals) == 1


async def test_where_nobody_took_the_bot_into_a_channel_nobody_is_told(study: Workspace) -> None:
    far = study.team.channel("far", bot=False)
    async with study.running():
        study.server.world.join(far, study.team.bot)
        await study.handled()
        assert study.server.asked("chat.postEphemeral") == []


# --- hostile words ------------------------------------------------------------------------------------------

TYPED = "<!channel> <!here|x> *a* _b_ `c` ```d``` :e: http://evil.example & &lt;x&gt; abc"
HOSTILE = TYPED.replace("abc", "\u202eabc\u202c")


async def test_hostile_names_and_answers_ping_nobody_and_show_as_typed(study: Workspace) -> None:
    mallory = study.team.user(f"{HOSTILE} {study.ada.mention}", admin=True)
    async with study.running():
        card = await study.opened()
        form = modal(await mallory.press(card, "Answer"))
        await mallory.submit(form, {"text": f"{HOSTILE} {study.ada.mention} {FULL}"})
        form = modal(await mallory.press(card, "Answer"))
        assert typed_before(form) == f"{HOSTILE} {study.ada.mention} {FULL}"
        await mallory.close(form)
        typed = await mallory.say(study.channel, f"@channel {study.ada.mention} {FULL} <!channel>", thread=card)
        await asked(mallory.shortcut(typed, SUBMIT), mallory)
        await study.revealed()
        await study.until(lambda: card.edited)
        said = HOSTILE.replace("<", "&lt;").replace(">", "&gt;")
        told = [
            await asked(mallory.command(COMMAND, "me shown=name", study.channel), mallory),
            await asked(mallory.command(COMMAND, "me", study.channel), mallory),
            await asked(mallory.press(card, "My result"), mallory),
            await asked(study.bob.command(COMMAND, f"ask '{said}'", study.channel), study.bob),
            await asked(study.bob.command(COMMAND, f"help '{said}'", study.channel), study.bob),
            await asked(study.ada.command(COMMAND, f"next '{said}'", study.channel), study.ada),
            await asked(study.ada.command(COMMAND, f"setup zone='{said}'", study.channel), study.ada),
            await asked(study.bob.command(COMMAND, "leaderboard", study.channel), study.bob),
        ]
        for number in (1, 3, 4, 5, 6):
            assert "<!channel> <!here|x> *a* _b_ `c`" in told[number], told[number]
        page = await mallory.open_home()
        assert page is not None
        assert "<!channel> <!here|x> *a* _b_ `c`" in page.words
    assert study.server.pings == []


async def test_organizers_are_shown_by_name_and_not_pinged(study: Workspace) -> None:
    async with study.running():
        seen = await study.set_up(f"organizers={study.bob.mention}")
        assert "@bob" in seen.words
        assert (await study.drill()).organizers == {f"slack:{study.team.id}/@{study.bob.id}"}
        form = await study.setup_form()
        assert "initial_users" in str(form.content)
        seen = await study.ada.submit(form, {})
        assert "@bob" in alone(seen, study.ada)
    assert study.server.pings == []


async def test_a_reply_that_its_address_does_not_take_is_given_in_the_channel(study: Workspace) -> None:
    async with study.running():
        study.server.faults.fail("response_url", status=500)
        before = len(study.bob.ephemerals)
        await study.bob.command(COMMAND, "help", study.channel, wait=False)
        await study.until(lambda: len(study.bob.ephemerals) > before)
        assert "What you can say here" in study.bob.ephemerals[-1].words
        assert study.server.asked("chat.postEphemeral")
