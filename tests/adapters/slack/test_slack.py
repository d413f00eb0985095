"""The bot in a Slack workspace, driven as members would, over real sockets."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot import cli_frame, runtime
from bot.adapters.slack.app import TokenRefused
from bot.adapters.slack.needs import COMMAND, EVENTS, SCOPES, SUBMIT
from bot.core.counting import LONGEST_ANSWER
from bot.core.model import DrillState, RoundState
from bot.runtime import Program
from tests.adapters.slack.study import FULL, OTHER, Study, marked
from tests.store.files import with_tables
from tests.wire.slack_server import Delivery, Faults, Member, Message, SlackServer


@pytest.fixture
async def study(tmp_path: Path) -> AsyncIterator[Study]:
    async with SlackServer(commands=frozenset({COMMAND}), scopes=frozenset(SCOPES), events=frozenset(EVENTS)) as server:
        team = server.team("Study")
        ada = team.user("ada", admin=True, tz="Europe/Berlin")
        yield Study(server, with_tables(tmp_path / "x.db"), team, team.channel("general"), ada, team.user("bob"))


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def notes(who: Member) -> list[str]:
    """What the bot has told somebody in private, in threads."""
    return [note.words for note in who.ephemerals if note.thread_ts]


def sent(study: Study, **event: Any) -> None:
    """Let Slack send an event that no act of anybody's leads to here."""
    payload = {"type": "event_callback", "team_id": study.team.id, "event": event}
    study.server.deliveries.add(Delivery("events_api", json.loads(json.dumps(payload)), study.team))


async def left_in_inbox(study: Study) -> list[str]:
    """Every event that was written down and not worked on, and whatever is still kept of those that were."""
    kept = await study.program.store.read(lambda tx: tx.events.beginning("slack/event/"))
    waiting = {received.id for received in await study.program.bot.received()}
    return [event.id for event in kept if event.id in waiting or event.data]


# --- a day ------------------------------------------------------------------------------------------------------


async def test_a_day_from_setup_to_the_reveal_goes_without_a_warning(
    study: Study, caplog: pytest.LogCaptureFixture
) -> None:
    async with study.running():
        card = await study.opened()
        assert card.labels == ["Answer", "Hint"]
        said = await study.bob.say(study.channel, FULL, thread=card)
        await study.until(lambda: marked(study, said))
        form = (await study.ada.press(card, "Answer")).modal
        assert form is not None
        seen = await study.ada.submit(form, {"Your answer": OTHER})
        assert seen.modal is not None
        assert "Recorded" in seen.modal.words
        reveal = await study.revealed()
        assert reveal.thread_ts == card.ts
        assert not reveal.broadcast
        await study.until(lambda: card.edited)
        seen = await study.bob.press(card, "My result")
        assert seen.modal is not None
        assert seen.modal.title == "Your result"
        assert "1." in (await study.bob.command("/nnquestion", "leaderboard", study.channel)).words
        await study.handled()
        assert await left_in_inbox(study) == []
    assert complaints(caplog) == []
    assert study.server.pings == []
    assert study.server.unknown == []
    assert study.server.complaints == []


async def test_a_round_opens_with_one_request_and_is_revealed_with_two(study: Study) -> None:
    async with study.running():
        card = await study.opened()
        said = await study.bob.say(study.channel, FULL, thread=card)
        await study.until(lambda: marked(study, said))
        assert len(study.server.asked("chat.postMessage")) == 1
        await study.revealed()
        await study.until(lambda: card.edited)
        assert len(study.server.asked("chat.postMessage")) == 2
        assert len(study.server.asked("chat.update")) == 1


async def test_a_sealed_round_is_revealed_with_two_requests_in_its_thread(study: Study) -> None:
    async with study.running():
        card = await study.opened("answers=sealed")
        form = (await study.bob.press(card, "Answer")).modal
        assert form is not None
        await study.bob.submit(form, {"Your answer": FULL})
        before = len(study.server.asked("chat.*"))
        reveal = await study.revealed()
        assert reveal.thread_ts == card.ts
        await study.until(lambda: card.edited)
        assert len(study.server.asked("chat.*")) - before == 2
        assert FULL not in card.words + reveal.words


# --- answers in the thread --------------------------------------------------------------------------------------


async def test_what_a_member_adds_soon_belongs_to_their_answer_and_is_marked(study: Study) -> None:
    async with study.running():
        card = await study.opened()
        parts = [await study.bob.say(study.channel, text, thread=card) for text in (FULL, "and more", "and the end")]
        assert await study.text_by(study.bob) == "\n".join((FULL, "and more", "and the end"))
        assert all(marked(study, part) for part in parts)
        study.server.clock.advance(10 * 60 + 1)
        talk = await study.bob.say(study.channel, OTHER, thread=card)
        assert OTHER not in await study.text_by(study.bob)
        assert not marked(study, talk)


async def test_an_edit_revises_the_answer(study: Study) -> None:
    async with study.running():
        card = await study.opened()
        said = await study.bob.say(study.channel, FULL, thread=card)
        await study.handled()
        await study.bob.edit(said, OTHER)
        assert await study.text_by(study.bob) == OTHER
        assert marked(study, said)


async def test_an_edit_that_says_nothing_of_when_is_one_all_the_same(study: Study) -> None:
    async with study.running():
        card = await study.opened()
        said = await study.bob.say(study.channel, FULL, thread=card)
        assert await study.text_by(study.bob) == FULL
        message = {"type": "message", "user": study.bob.id, "ts": said.ts, "thread_ts": card.ts}
        changed = {"type": "message", "subtype": "message_changed", "channel": study.channel.id}
        sent(study, **changed, message={**message, "text": OTHER}, previous_message={**message, "text": FULL})
        assert await study.text_by(study.bob) == OTHER


async def test_an_edit_that_leaves_only_a_file_takes_the_words_back(study: Study) -> None:
    async with study.running():
        card = await study.opened()
        said = await study.bob.say(study.channel, FULL, thread=card, files=["notes.txt"])
        assert await study.text_by(study.bob) == FULL
        await study.bob.edit(said, "")
        assert await study.text_by(study.bob) == ""
        assert not marked(study, said)


async def test_a_link_that_unfolds_is_no_edit(study: Study) -> None:
    async with study.running():
        card = await study.opened()
        said = await study.bob.say(study.channel, f"{FULL} https://example.org", thread=card)
        await study.handled()
        before = await study.answer_of(study.bob)
        study.server.requests.clear()
        said.unfold()
        assert await study.answer_of(study.bob) == before
        assert study.server.requests == []


async def test_a_deletion_takes_back_that_part_and_leaves_the_rest(study: Study) -> None:
    async with study.running():
        card = await study.opened()
        first = await study.bob.say(study.channel, FULL, thread=card)
        second = await study.bob.say(study.channel, OTHER, thread=card)
        await study.handled()
        await study.bob.delete(first)
        assert await study.text_by(study.bob) == OTHER
        assert marked(study, second)
        await study.bob.delete(second)
        assert await study.text_by(study.bob) == ""


async def test_a_reply_that_is_sent_to_the_channel_too_counts_and_so_does_one_with_a_file(study: Study) -> None:
    async with study.running():
        card = await study.opened()
        said = await study.bob.say(study.channel, FULL, thread=card, broadcast=True)
        filed = await study.ada.say(study.channel, OTHER, thread=card, files=["notes.txt"])
        assert await study.text_by(study.bob) == FULL
        assert await study.text_by(study.ada) == OTHER
        assert marked(study, said)
        assert marked(study, filed)
        await study.bob.edit(said, OTHER)
        assert await study.text_by(study.bob) == OTHER
        await study.bob.delete(said)
        assert await study.text_by(study.bob) == ""


async def test_talk_does_not_count_nor_replies_to_others_nor_what_is_said_in_the_channel(study: Study) -> None:
    async with study.running():
        card = await study.opened()
        answer = await study.ada.say(study.channel, FULL, thread=card)
        talk = [
            await study.bob.say(study.channel, "hello there", thread=card),
            await study.bob.say(study.channel, f"{study.ada.mention} {OTHER}", thread=card),
            await study.bob.say(study.channel, OTHER),
        ]
        assert await study.answer_of(study.bob) is None
        assert not any(message.reactions for message in talk)
        assert marked(study, answer)


async def test_what_is_said_elsewhere_than_in_a_rounds_thread_is_no_answer_to_it(study: Study) -> None:
    async with study.running():
        await study.opened()
        about = await study.bob.say(study.channel, "look at this")
        said = await study.bob.say(study.channel, FULL, thread=about)
        await study.bob.say(study.bob.dm, FULL)
        await study.bob.say(study.team.group_dm(study.ada, study.bob), FULL)
        await study.bob.say(study.team.channel("elsewhere"), FULL)
        assert await study.answer_of(study.bob) is None
        await study.bob.delete(said)
        await study.bob.delete(about)
        await study.handled()
        assert (await study.round()).state is RoundState.OPEN
        assert notes(study.bob) == []


async def test_what_the_bot_says_itself_is_neither_kept_nor_an_answer(study: Study) -> None:
    async with study.running():
        card = await study.opened()
        own = {"type": "message", "channel": study.channel.id, "user": study.team.bot.id, "thread_ts": card.ts}
        sent(study, **own, ts="1795341600.000100", text=FULL)
        await study.handled()
        assert await study.program.bot.answers_in((await study.round()).id) == []
        kept = await study.program.store.read(lambda tx: tx.events.beginning("slack/event/"))
        assert kept == []


async def test_the_mark_goes_when_a_form_replaces_what_was_said(study: Study) -> None:
    async with study.running():
        card = await study.opened()
        said = await study.bob.say(study.channel, FULL, thread=card)
        await study.handled()
        form = (await study.bob.press(card, "Answer")).modal
        assert form is not None
        seen = await study.bob.submit(form, {"Your answer": OTHER})
        assert seen.modal is not None
        assert "Revised" in seen.modal.words
        assert await study.text_by(study.bob) == OTHER
        assert not marked(study, said)


async def test_marks_come_in_the_order_of_what_happened(study: Study) -> None:
    async with study.running():
        card = await study.opened()
        held = study.server.faults.hold("reactions.add")
        said = await study.bob.say(study.channel, FULL, thread=card)
        await held.wait()
        form = (await study.bob.press(card, "Answer")).modal
        assert form is not None
        await study.bob.submit(form, {"Your answer": OTHER})
        await study.ada.press(card, "Hint")  # Meanwhile the mark would have been taken off, if nothing waited.
        held.release()
        await study.handled()
        assert not marked(study, said)


async def test_a_mark_that_may_not_be_set_stops_nothing(study: Study, caplog: pytest.LogCaptureFixture) -> None:
    async with study.running():
        card = await study.opened()
        study.team.take_away("reactions:write")
        said = await study.bob.say(study.channel, FULL, thread=card)
        assert await study.text_by(study.bob) == FULL
        assert not marked(study, said)
        assert complaints(caplog) == []


# --- private notes ----------------------------------------------------------------------------------------------


async def test_an_answer_after_the_close_is_late_is_not_marked_and_its_author_is_told_once(study: Study) -> None:
    async with study.running():
        card = await study.opened("closes=12:00 reveal=18:00")
        await study.at("12:00")
        said = await study.bob.say(study.channel, FULL, thread=card)
        await study.bob.say(study.channel, "and more", thread=card)
        answer = await study.answer_of(study.bob)
        assert answer is not None
        assert answer.late
        assert not marked(study, said)
        [note] = study.bob.ephemerals
        assert note.words.startswith("Late")
        assert note.thread_ts == card.ts
        assert notes(study.ada) == []
    async with study.running():  # What is read again is not told again.
        await study.handled()
        assert len(study.bob.ephemerals) == 1


async def test_what_goes_over_the_limit_is_kept_out_and_its_author_told_in_private(study: Study) -> None:
    async with study.running():
        card = await study.opened()
        said = await study.bob.say(study.channel, FULL, thread=card)
        over = await study.bob.say(study.channel, "word " * (LONGEST_ANSWER // 5), thread=card)
        assert await study.text_by(study.bob) == FULL
        assert marked(study, said)
        assert not marked(study, over)
        [note] = notes(study.bob)
        assert note.startswith("Too long")
        await study.bob.edit(over, "word " * (LONGEST_ANSWER // 4))
        await study.handled()
        assert len(notes(study.bob)) == 2
    async with study.running():
        await study.handled()
        assert len(notes(study.bob)) == 2


async def test_a_note_that_cannot_be_given_stops_nothing(study: Study, caplog: pytest.LogCaptureFixture) -> None:
    async with study.running():
        card = await study.opened("closes=12:00 reveal=18:00")
        await study.at("12:00")
        study.server.faults.refuse("chat.postEphemeral", "user_not_in_channel")
        await study.bob.say(study.channel, FULL, thread=card)
        assert await study.text_by(study.bob) == FULL
        assert complaints(caplog) == []


@pytest.mark.parametrize("clock", ["11:00", "13:00"])
async def test_what_is_said_below_a_sealed_round_gets_one_private_note_for_each_member(
    study: Study, clock: str
) -> None:
    async with study.running():
        card = await study.opened("closes=12:00 reveal=18:00 answers=sealed")
        await study.at(clock)
        said = [await study.bob.say(study.channel, text, thread=card) for text in (FULL, OTHER, "and more")]
        await study.ada.say(study.channel, FULL, thread=card)
        assert await study.answer_of(study.bob) is None
        assert not any(message.reactions for message in said)
        for member in (study.ada, study.bob):
            [note] = notes(member)
            assert "sealed" in note
    async with study.running():
        await study.bob.say(study.channel, OTHER, thread=card)
        await study.handled()
        assert len(study.bob.ephemerals) == 1


# --- "Submit as my answer" --------------------------------------------------------------------------------------


async def submit(study: Study, who: Member, message: Message) -> str:
    """Choose "Submit as my answer"; what comes of it in words."""
    await who.shortcut(message, SUBMIT)
    await study.handled()
    return who.ephemerals[-1].words


async def test_a_message_of_the_channel_can_be_submitted_and_then_counts_as_it_is_edited_and_deleted(
    study: Study,
) -> None:
    async with study.running():
        await study.opened()
        said = await study.bob.say(study.channel, FULL)
        assert "Recorded" in await submit(study, study.bob, said)
        await study.handled()
        assert marked(study, said)
        await study.bob.edit(said, OTHER)
        assert await study.text_by(study.bob) == OTHER
        await study.bob.delete(said)
        assert await study.text_by(study.bob) == ""


async def test_a_submitted_message_of_the_channel_still_counts_after_a_restart_as_it_stands_then(study: Study) -> None:
    async with study.running():
        await study.opened()
        kept, said = await study.bob.say(study.channel, FULL), await study.ada.say(study.channel, FULL)
        await submit(study, study.bob, kept)
        await submit(study, study.ada, said)
    await study.bob.edit(kept, OTHER)
    await study.ada.delete(said)
    async with study.running():
        assert await study.text_by(study.bob) == OTHER
        assert await study.text_by(study.ada) == ""


# --- events: twice, late, in another order ----------------------------------------------------------------------


async def test_every_event_twice_doubles_nothing(study: Study, caplog: pytest.LogCaptureFixture) -> None:
    study.server.deliveries.duplicate(times=1_000)
    async with study.running():
        card = await study.opened()
        said = await study.bob.say(study.channel, FULL, thread=card)
        await study.bob.edit(said, OTHER)
        answer = await study.answer_of(study.bob)
        assert answer is not None
        assert answer.text == OTHER
        assert answer.revision == 2
        await study.bob.mention_bot(study.channel, "when", thread=card)
        await study.handled()
        assert len(study.bob.ephemerals) == 1
        await study.revealed()
        await study.until(lambda: card.edited)
    assert len(study.references()) == 1
    assert complaints(caplog) == []


async def test_a_mention_that_comes_under_two_numbers_is_answered_once(study: Study) -> None:
    async with study.running():
        card = await study.opened()
        await study.bob.mention_bot(study.channel, "when", thread=card)
        await study.handled()
        [mention] = study.server.deliveries.named("app_mention")
        for number in ("EvOTHER", "EvANOTHER"):
            payload = {**mention.payload, "event_id": number}
            study.server.deliveries.add(Delivery("events_api", payload, study.team))
        await study.handled()
        assert len(study.bob.ephemerals) == 1


async def test_different_events_of_one_number_are_different(study: Study) -> None:
    async with study.running():
        card = await study.opened()
        held = study.server.deliveries.hold("message")
        for who, text in ((study.ada, FULL), (study.bob, OTHER)):
            await who.say(study.channel, text, thread=card)
        for delivery in held.waiting:
            delivery.payload["event_id"] = "Ev1"
        held.release()
        assert await study.text_by(study.ada) == FULL
        assert await study.text_by(study.bob) == OTHER


async def test_an_answer_that_mentions_the_bot_comes_twice_and_is_one(study: Study) -> None:
    async with study.running():
        card = await study.opened()
        said = await study.bob.mention_bot(study.channel, FULL, thread=card)
        assert await study.text_by(study.bob) == FULL
        assert marked(study, said)
        assert notes(study.bob) == []
        assert len(study.server.deliveries.named("app_mention")) == 1


async def test_edits_and_deletions_may_come_before_what_they_are_about(study: Study) -> None:
    async with study.running():
        card = await study.opened()
        held = study.server.deliveries.hold()
        edited = await study.bob.say(study.channel, FULL, thread=card)
        await study.bob.edit(edited, OTHER)
        deleted = await study.ada.say(study.channel, FULL, thread=card)
        await study.ada.delete(deleted)
        held.release(backwards=True)
        assert await study.text_by(study.bob) == OTHER
        assert await study.text_by(study.ada) == ""
        assert marked(study, edited)


async def test_an_answer_given_in_time_counts_though_it_comes_after_the_close(study: Study) -> None:
    async with study.running():
        card = await study.opened("closes=12:00 reveal=18:00")
        held = study.server.deliveries.hold("message")
        said = await study.bob.say(study.channel, FULL, thread=card)
        await study.at("12:00")
        held.release()
        answer = await study.answer_of(study.bob)
        assert answer is not None
        assert not answer.late
        assert marked(study, said)


async def test_what_slack_could_not_deliver_is_sent_again_and_counts_once(study: Study) -> None:
    async with study.running():
        card = await study.opened()
        parts = [await study.bob.say(study.channel, text, thread=card) for text in (FULL, "and more")]
        await study.handled()
        study.server.sockets.refusing = True
        study.slack.answers_within = 0.1
        study.server.sockets.drop()
        parts.append(await study.bob.say(study.channel, "and the end", thread=card))
        await study.bob.edit(parts[0], OTHER)
        await study.bob.delete(parts[1])
        await study.server.until(lambda: not study.server.sockets.connections)
        study.server.sockets.refusing = False
        await study.server.connected()
        study.server.clock.advance(60)
        assert await study.text_by(study.bob) == f"{OTHER}\nand the end"
        await study.revealed()
    assert len(study.references()) == 1
    assert study.server.deliveries.lost == []


@pytest.mark.parametrize(
    "event",
    [
        {"type": "message"},
        {"type": "message", "channel": "C1"},
        {"type": "message", "channel": "C1", "user": "U1", "text": "no ts"},
        {"type": "message", "channel": "C1", "subtype": "message_changed"},
        {"type": "message", "channel": "C1", "subtype": "message_deleted"},
        {"type": "message", "channel": "HERE", "user": "U1", "ts": "x", "thread_ts": "y", "text": FULL},
        {"type": "app_mention", "channel": "C1", "user": "U1", "text": "hello"},
        {"type": "app_home_opened"},
        {"type": "channel_archive"},
        {"type": "surprise"},
        {},
    ],
    ids=str,
)
async def test_an_event_that_nobody_thought_of_stops_nothing(study: Study, event: dict[str, Any]) -> None:
    async with study.running():
        card = await study.opened()
        sent(study, **{key: study.channel.id if value == "HERE" else value for key, value in event.items()})
        await study.bob.say(study.channel, FULL, thread=card)
        assert await study.text_by(study.bob) == FULL
        assert await left_in_inbox(study) == []


async def test_an_event_is_not_lost_where_slack_does_not_answer_bolts_own_question(study: Study) -> None:
    async with study.running():
        card = await study.opened()
    async with study.running():
        study.server.faults.fail("auth.test", times=5)
        await study.bob.say(study.channel, FULL, thread=card)
        assert await study.text_by(study.bob) == FULL


async def test_bolt_asks_nothing_of_slack_that_could_fail_before_a_button_works(study: Study) -> None:
    async with study.running():
        card = await study.opened()
    async with study.running():
        study.server.faults.fail("auth.test", times=5)
        hint = await study.bob.press(card, "Hint")
        assert "Hint 1 of" in hint.text


# --- restarts and gaps ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("restart", ["setup", "opening", "answer", "close", "reveal", "all"])
@pytest.mark.parametrize("killed", [False, True])
async def test_a_restart_between_two_steps_of_a_day_doubles_and_loses_nothing(
    study: Study, restart: str, killed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    running = study.running(killed=killed)
    await running.__aenter__()

    async def after(step: str) -> None:
        nonlocal running
        if restart in (step, "all"):
            await running.__aexit__(None, None, None)
            running = study.running(killed=killed)
            await running.__aenter__()

    try:
        await study.set_up("closes=12:00 reveal=18:00")
        await after("setup")
        await study.at("10:00")
        await study.until(lambda: study.card)
        card = study.card
        assert card is not None
        await after("opening")
        said = await study.bob.say(study.channel, FULL, thread=card)
        await study.handled()
        await after("answer")
        await study.at("12:00")
        await after("close")
        await study.revealed()
        await study.until(lambda: card.edited)
        await after("reveal")
        assert await study.text_by(study.bob) == FULL
        seen = await study.bob.press(card, "My result")
        assert seen.modal is not None
        assert seen.modal.title == "Your result"
    finally:
        await running.__aexit__(None, None, None)
    assert [message for message in study.channel.messages if message.by_app] == [card]
    assert len(study.references()) == 1
    assert marked(study, said)
    assert notes(study.bob) == []
    assert complaints(caplog) == []


async def test_what_a_killed_program_had_in_hand_is_worked_off_once_and_not_kept(study: Study) -> None:
    async with study.running(killed=True):
        card = await study.opened()
        held = study.server.faults.hold("users.info", times=9)
        said = await study.bob.say(study.channel, FULL, thread=card)
        await study.bob.mention_bot(study.channel, "when", thread=card)
        await held.wait()
        await study.server.until(lambda: not study.server.deliveries.under_way)  # Slack will not send it again.
        while len(await left_in_inbox(study)) != 2:
            pass
    held.release()
    async with study.running():
        assert await study.text_by(study.bob) == FULL
        assert marked(study, said)
        assert len(study.bob.ephemerals) == 1
        assert await left_in_inbox(study) == []
    async with study.running():
        await study.handled()
        assert len(study.bob.ephemerals) == 1


async def test_what_is_in_hand_at_the_end_is_finished_first(study: Study) -> None:
    async with study.running():
        card = await study.opened()
        held = study.server.faults.hold("users.info")
        said = await study.bob.say(study.channel, FULL, thread=card)
        await held.wait()
        closing = asyncio.create_task(study.slack.close())
        for _ in range(100):  # Turns of the loop, in which it would end if it did not wait.
            await asyncio.sleep(0)
        held.release()
        await closing
        assert await left_in_inbox(study) == []
    assert marked(study, said)


async def test_what_was_said_changed_and_deleted_while_the_program_was_down_is_read_before_the_round_closes(
    study: Study,
) -> None:
    async with study.running():
        card = await study.opened()
        changed = await study.bob.say(study.channel, FULL, thread=card)
        deleted = await study.ada.say(study.channel, FULL, thread=card)
        await study.handled()
    cleo = study.team.user("cleo")
    await cleo.say(study.channel, FULL, thread=card)
    await study.bob.edit(changed, OTHER)
    await study.ada.delete(deleted)
    study.server.deliveries.all.clear()
    async with study.running():
        assert await study.text_by(study.bob) == OTHER
        assert await study.text_by(study.ada) == ""
        assert await study.text_by(cleo) == FULL
    await study.bob.edit(changed, FULL)
    held = study.server.faults.hold("conversations.replies")
    study.server.deliveries.hold()  # Slack's own retries have come to an end.
    study.server.clock.set(study.server.clock.now.replace(hour=18, minute=1))
    async with study.running(settled=False):
        await held.wait()
        await study.program.turn()
        assert (await study.round()).state is RoundState.OPEN
        held.release()
        await study.until(study.references)
        assert await study.text_by(study.bob) == FULL
        assert "2 answers" in study.references()[0].words
        await study.until(lambda: card.edited)


async def test_what_is_said_while_the_thread_is_read_again_is_not_taken_for_deleted(study: Study) -> None:
    async with study.running():
        card = await study.opened()
    held = study.server.faults.hold("conversations.replies", landed=True)
    async with study.running(settled=False):
        await held.wait()
        said = await study.bob.say(study.channel, FULL, thread=card)
        await study.server.until(lambda: marked(study, said))
        held.release()
        assert await study.text_by(study.bob) == FULL
        assert marked(study, said)


async def test_a_thread_of_many_pages_is_read_to_its_end(study: Study) -> None:
    async with study.running():
        card = await study.opened()
    for _ in range(220):
        await study.ada.say(study.channel, "talk", thread=card)
    await study.bob.say(study.channel, FULL, thread=card)
    async with study.running():
        assert await study.text_by(study.bob) == FULL
        assert len(study.server.asked("conversations.replies")) == 2


async def test_a_thread_that_cannot_be_read_at_once_is_read_later(study: Study) -> None:
    async with study.running():
        card = await study.opened()
    await study.bob.say(study.channel, FULL, thread=card)
    study.server.faults.fail("conversations.replies", status=503, times=2)
    async with study.running():
        assert await study.text_by(study.bob) == FULL


@pytest.mark.parametrize("error", ["missing_scope", "unknown_method", "channel_not_found"])
async def test_a_thread_that_can_never_be_read_holds_up_nothing(study: Study, error: str) -> None:
    async with study.running():
        await study.opened()
    study.server.faults.refuse("conversations.replies", error, times=99)
    async with study.running():
        await study.revealed()
    assert len(study.server.asked("conversations.replies")) == 1


async def test_what_is_said_below_a_card_before_it_is_known_to_stand_counts(study: Study) -> None:
    async with study.running():
        await study.set_up()
        held = study.server.faults.hold("chat.postMessage", landed=True)
        study.at_once("10:00")
        await study.until(lambda: study.card)
        await held.wait()
        assert study.card is not None
        said = await study.bob.say(study.channel, FULL, thread=study.card)
        await study.server.until(lambda: not study.server.deliveries.under_way)
        held.release()
        await study.until(lambda: marked(study, said))
        assert await study.text_by(study.bob) == FULL


async def test_what_is_said_below_a_card_whose_sending_a_killed_program_did_not_survive_counts(study: Study) -> None:
    async with study.running(killed=True):
        await study.set_up()
        held = study.server.faults.hold("chat.postMessage", landed=True)
        study.at_once("10:00")
        await study.until(lambda: study.card)
        await held.wait()
    held.release()
    card = study.card
    assert card is not None
    await study.bob.say(study.channel, FULL, thread=card)
    study.server.deliveries.hold()
    async with study.running(settled=False):
        study.server.clock.advance(5)
        study.program.woken.set()
        assert await study.text_by(study.bob) == FULL
    assert [message for message in study.channel.messages if message.by_app] == [card]


# --- sockets ----------------------------------------------------------------------------------------------------


async def test_a_socket_that_slack_renews_loses_nothing_and_the_round_closes(
    study: Study, caplog: pytest.LogCaptureFixture
) -> None:
    async with study.running():
        card = await study.opened()
        for number, text in enumerate((FULL, "and more", "and more")):
            study.server.sockets.disconnect()
            await study.bob.say(study.channel, text, thread=card)
            await study.server.until(lambda: study.server.sockets.opened == number + 2)  # noqa: B023 - at once
            await study.server.connected()
            study.server.clock.advance(60)  # What could not be delivered meanwhile is sent again.
            await study.handled()
        assert await study.text_by(study.bob) == f"{FULL}\nand more\nand more"
        await study.revealed()
    assert complaints(caplog) == []


@pytest.mark.parametrize("how", ["drop", "close"])
async def test_a_socket_that_breaks_is_replaced_and_what_was_said_meanwhile_counts(study: Study, how: str) -> None:
    async with study.running():
        card = await study.opened()
        first = await study.bob.say(study.channel, FULL, thread=card)
        await study.handled()
        getattr(study.server.sockets, how)()
        second = await study.bob.say(study.channel, OTHER, thread=card)
        await study.server.until(lambda: study.server.sockets.opened == 2)
        await study.until(lambda: marked(study, second))
        assert await study.text_by(study.bob) == f"{FULL}\n{OTHER}"
        assert marked(study, first)
        await study.revealed()


async def test_while_there_is_no_socket_it_is_not_ready_and_coming_back_is_counted(study: Study) -> None:
    async with study.running() as program:
        assert await study.slack.trouble() == ""
        await study.set_up()
        await study.handled()
        assert 'nnquestion_acknowledgement_seconds_count{platform="slack"} 1.0' in page(program)
        study.server.sockets.refusing = True
        study.slack.answers_within = 0.1
        study.server.sockets.drop()
        await study.server.until(lambda: study.slack._socket is None)
        assert await study.slack.trouble() == "no socket"
        study.server.sockets.refusing = False
        await study.server.until(lambda: study.slack._socket is not None)
        await study.server.connected()
        assert await study.slack.trouble() == ""
        await study.server.until(lambda: 'nnquestion_reconnects_total{platform="slack"} 1.0' in page(program))


def page(program: Program) -> str:
    return program.metrics.text().decode()


async def test_nothing_closes_while_the_socket_is_away(study: Study, caplog: pytest.LogCaptureFixture) -> None:
    async with study.running():
        card = await study.opened()
        await study.at("17:59")
        study.server.sockets.refusing = True
        study.slack.answers_within = 0.1
        study.server.sockets.drop()
        await study.server.until(lambda: any("the socket is dead" in line for line in complaints(caplog)))
        await study.bob.say(study.channel, FULL, thread=card)
        study.at_once("18:00")
        await study.program.turn()
        assert (await study.round()).state is RoundState.OPEN
        study.server.sockets.refusing = False
        await study.until(study.references)
        assert await study.text_by(study.bob) == FULL


async def test_nothing_closes_while_the_sdk_may_still_renew_its_socket(study: Study) -> None:
    async with study.running():
        card = await study.opened()
        await study.at("17:59")
        study.slack.dead_after = 600
        study.server.sockets.drop()
        await study.server.until(lambda: study.slack.gaps._away)
        await study.bob.say(study.channel, FULL, thread=card)
        study.at_once("18:00")
        await study.program.turn()
        assert (await study.round()).state is RoundState.OPEN
        study.slack.dead_after = 0.05
        await study.until(study.references)
        assert await study.text_by(study.bob) == FULL


async def test_what_was_taken_is_acknowledged_before_the_socket_closes(
    study: Study, caplog: pytest.LogCaptureFixture
) -> None:
    async with study.running():
        form = (await study.bob.press(await study.opened(), "Answer")).modal
        assert form is not None
        study.server.clock.advance(11 * 60)  # Whoever bob was is asked again after ten minutes.
        held = study.server.faults.hold("users.info")
        sending = await study.bob.submit(form, {"Your answer": FULL}, wait=False)
        await held.wait()

        async def let_go() -> None:
            for _ in range(100):  # Turns of the loop, in which it would close if it did not wait.
                await asyncio.sleep(0)
            held.release()

        letting_go = asyncio.create_task(let_go())
    await letting_go
    assert sending.acknowledged
    assert complaints(caplog) == []


async def test_nothing_closes_that_is_still_being_read_when_the_socket_breaks_again(study: Study) -> None:
    async with study.running():
        await study.opened()
        await study.at("17:59")
    held = study.server.faults.hold("conversations.replies")
    async with study.running(settled=False):
        await held.wait()
        study.server.sockets.refusing = True
        study.slack.answers_within = 0.1
        study.server.sockets.drop()
        await study.server.until(lambda: not study.server.sockets.connections)
        await study.server.until(lambda: study.slack.gaps._away)
        held.release()
        await study.slack.idle()
        study.at_once("18:00")
        await study.program.turn()
        assert (await study.round()).state is RoundState.OPEN
        study.server.sockets.refusing = False
        await study.until(study.references)


async def test_a_socket_that_looks_well_and_says_nothing_is_replaced(
    study: Study, caplog: pytest.LogCaptureFixture
) -> None:
    async with study.running():
        card = await study.opened()
        study.server.sockets.silence()
        await study.bob.say(study.channel, FULL, thread=card)
        study.slack.quiet_after = 0.1
        await study.server.until(lambda: study.server.sockets.opened == 2)
        study.slack.quiet_after = 900
        await study.server.until(lambda: len(study.server.sockets.connections) == 1)
        study.server.clock.advance(3)  # Slack gives up what the silent socket has not acknowledged, and sends it again.
        assert await study.text_by(study.bob) == FULL
    assert complaints(caplog) == []


async def test_a_quiet_workspace_is_no_trouble(study: Study, caplog: pytest.LogCaptureFixture) -> None:
    async with study.running():
        await study.set_up()
        study.slack.quiet_after = 0
        await study.server.until(lambda: study.server.sockets.opened >= 4)
        study.slack.quiet_after = 900
        await study.server.until(lambda: len(study.server.sockets.connections) == 1)
        await study.at("10:00")
        await study.until(lambda: study.card)
    assert complaints(caplog) == []


@pytest.mark.parametrize("how", ["refusing", "fail", "garble", "ratelimited"])
async def test_slack_is_asked_for_a_socket_until_it_gives_one(
    study: Study, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    opening = "apps.connections.open"
    match how:
        case "refusing":
            study.server.sockets.refusing = True
        case "fail":
            study.server.faults.fail(opening, times=3)
        case "garble":
            study.server.faults.garble(opening, times=3)
        case _:
            study.server.faults.refuse(opening, "ratelimited", times=3)

    async def relent() -> None:
        await study.server.until(lambda: len([c for c in complaints(caplog) if "trying again" in c]) >= 2)
        study.server.sockets.refusing = False

    relenting = asyncio.create_task(relent())
    study.answers_within = 0.2
    async with study.running():
        await relenting
        await study.opened()
        await study.revealed()


async def test_the_wait_that_slack_asks_for_before_a_socket_is_respected(
    study: Study, caplog: pytest.LogCaptureFixture
) -> None:
    study.assemble()
    study.server.faults.rate_limit("apps.connections.open", retry_after=3600)
    running = asyncio.create_task(study.slack.run())
    await study.server.until(lambda: any("trying again in 3600 s" in line for line in complaints(caplog)))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await study.slack.close()
    await study.program.end()


# --- what workspaces lose ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("talked", [False, True])
async def test_a_reveal_whose_card_was_deleted_comes_in_the_channel(study: Study, talked: bool) -> None:
    async with study.running():
        card = await study.opened()
        if talked:
            await study.bob.say(study.channel, FULL, thread=card)
        await study.handled()
        await study.ada.delete(card)
        await study.handled()
        assert (await study.round()).card_deleted
        reveal = await study.revealed()
        assert reveal.thread_ts is None
        assert await study.text_by(study.bob) == (FULL if talked else "")


@pytest.mark.parametrize("how", ["tombstone", "previous message"])
async def test_a_deletion_may_be_told_in_other_ways(study: Study, how: str) -> None:
    async with study.running():
        card = await study.opened()
        own = {"type": "message", "ts": card.ts, "user": study.team.bot.id}
        event = {"type": "message", "channel": study.channel.id, "ts": "1795341700.000100"}
        if how == "tombstone":
            sent(study, **event, subtype="message_changed", message={**own, "subtype": "tombstone"})
        else:
            sent(study, **event, subtype="message_deleted", previous_message=own)
        await study.handled()
        assert (await study.round()).card_deleted


@pytest.mark.parametrize("talked", [False, True])
async def test_a_card_that_was_deleted_while_the_program_was_down_is_missed(study: Study, talked: bool) -> None:
    async with study.running():
        card = await study.opened()
        if talked:
            await study.bob.say(study.channel, FULL, thread=card)
        await study.handled()
    study.server.deliveries.hold()
    await study.ada.delete(card)
    async with study.running():
        await study.handled()
        assert (await study.round()).card_deleted
        assert (await study.revealed()).thread_ts is None
        assert await study.text_by(study.bob) == (FULL if talked else "")


async def off_and_told(study: Study) -> None:
    """The drill is off, and whoever set it up has been told by direct message."""
    await study.until(lambda: study.ada.dm.messages)
    assert "drill is off" in study.ada.dm.messages[-1].words
    assert (await study.drill()).state is DrillState.OFF


@pytest.mark.parametrize("private", [False, True])
@pytest.mark.parametrize("how", ["archive", "delete", "kick_bot"])
async def test_a_channel_that_goes_ends_its_drill_and_whoever_set_it_up_is_told(
    study: Study, how: str, private: bool
) -> None:
    if private:
        study.channel = study.team.channel("private", private=True)
    async with study.running():
        await study.opened()
        getattr(study.channel, how)()
        await off_and_told(study)
        await study.at("18:00")
        await study.at("10:00", day=1)
        await study.program.turn()
        assert len(study.ada.dm.messages) == 1


@pytest.mark.parametrize("how", ["archive", "delete", "kick_bot"])
async def test_a_channel_that_went_while_the_program_was_down_ends_its_drill(study: Study, how: str) -> None:
    async with study.running():
        await study.opened()
    getattr(study.channel, how)()
    study.server.deliveries.hold()
    async with study.running():
        await study.at("18:00")

        def told() -> bool:
            study.server.clock.advance(5)
            study.program.woken.set()
            return bool(study.ada.dm.messages)

        await study.until(told)
        await off_and_told(study)


async def test_a_drill_that_may_not_post_is_off_after_three_tries_and_whoever_set_it_up_is_told(study: Study) -> None:
    async with study.running():
        await study.set_up()
        study.server.faults.refuse(
            "chat.postMessage", "not_in_channel", times=9, where=lambda asked: asked["channel"] == study.channel.id
        )
        await study.at("10:00")

        def told() -> bool:
            study.server.clock.advance(5)
            study.program.woken.set()
            return bool(study.ada.dm.messages)

        await study.until(told)
        await off_and_told(study)
        assert len([one for one in study.server.asked("chat.postMessage") if not one.ok]) == 3


@pytest.mark.parametrize("how", ["uninstall", "revoke_token"])
async def test_when_the_app_is_removed_its_drill_stops_and_nothing_more_is_sent(study: Study, how: str) -> None:
    async with study.running():
        await study.opened()
        getattr(study.team, how)()
        await study.handled()
        before = len(study.server.requests)
        await study.at("18:00")
        await study.at("10:00", day=1)
        await study.program.turn()
        assert len(study.server.requests) == before
        assert (await study.drill()).state is DrillState.OFF


async def test_a_members_token_that_is_revoked_is_nothing_of_the_bots(study: Study) -> None:
    async with study.running():
        await study.opened()
        sent(study, type="tokens_revoked", tokens={"oauth": [study.ada.id], "bot": []})
        await study.handled()
        assert (await study.drill()).state is DrillState.ON


# --- deliveries whose outcome is unclear ------------------------------------------------------------------------


FAULTS: dict[str, Callable[[Faults, str], object]] = {
    "cut before": lambda faults, method: faults.cut(method),
    "cut after": lambda faults, method: faults.cut(method, landed=True),
    "5xx before": lambda faults, method: faults.fail(method),
    "5xx after": lambda faults, method: faults.fail(method, landed=True),
    "garbled": lambda faults, method: faults.garble(method, landed=True),
    "limited": lambda faults, method: faults.rate_limit(method, retry_after=0),
    "limited for long": lambda faults, method: faults.rate_limit(method, retry_after=60),
    "limited in words": lambda faults, method: faults.refuse(method, "ratelimited"),
    "failed inside": lambda faults, method: faults.refuse(method, "internal_error", times=2),
    "no answer": lambda faults, method: faults.hold(method, landed=True),
}


def everything(study: Study) -> list[Message]:
    return [one for message in study.channel.messages for one in (message, *message.replies)]


@pytest.mark.parametrize("metadata", [True, False])
@pytest.mark.parametrize("fault", FAULTS)
async def test_whatever_goes_wrong_with_a_card_and_its_reveal_each_stands_once(
    study: Study, fault: str, metadata: bool
) -> None:
    study.answers_within = 0.2 if fault == "no answer" else 30.0

    async def delivered() -> None:
        while await study.program.store.read(lambda tx: tx.deliveries.unfinished()):
            for message in everything(study) if not metadata else ():
                message.metadata = None
            study.server.clock.advance(5)
            await study.program.turn()

    async with study.running() as program:
        await study.set_up()
        FAULTS[fault](study.server.faults, "chat.postMessage")
        study.at_once("10:00")
        await program.turn()
        await delivered()
        assert study.card is not None
        FAULTS[fault](study.server.faults, "chat.postMessage")
        FAULTS[fault](study.server.faults, "chat.update")
        study.at_once("18:00")
        await program.turn()
        await delivered()
        assert all(not order.left for order in study.server.faults.orders)
        study.server.faults.clear()
        await study.handled()
    [card] = [message for message in study.channel.messages if message.by_app]
    assert card.edited
    [reveal] = [message for message in everything(study) if "Reference answer" in message.words]
    assert reveal.thread_ts == card.ts


async def test_a_card_that_lands_after_it_was_given_up_leaves_one(study: Study) -> None:
    study.answers_within = 0.2
    async with study.running() as program:
        await study.set_up()
        late = study.server.faults.hold("chat.postMessage")
        study.at_once("10:00")
        await program.turn()
        await late.wait()
        assert study.card is None
        again = study.server.faults.hold("chat.postMessage", landed=True)
        await study.server.until(lambda: study.server.asked("chat.postMessage"))
        delivering = asyncio.create_task(study.delivered())
        await again.wait()
        first = study.card
        late.release()
        await study.server.until(lambda: len([one for one in study.channel.messages if one.by_app]) == 2)
        again.release()
        await delivering
        await study.handled()
        assert [message for message in study.channel.messages if message.by_app] == [first]
        assert (await study.round()).card is not None
        await study.revealed()


async def test_a_card_that_slack_never_takes_is_given_up_and_whoever_set_it_up_is_told(
    study: Study, caplog: pytest.LogCaptureFixture
) -> None:
    async with study.running() as program:
        await study.set_up()
        study.server.faults.refuse(
            "chat.postMessage", "msg_blocks_too_long", times=99, where=lambda asked: "Question of" in str(asked)
        )
        study.at_once("10:00")
        await program.turn()
        await study.delivered()
        assert len([one for one in study.server.asked("chat.postMessage") if not one.ok]) == 5
        assert (await study.round()).state is RoundState.CANCELLED
        [note] = study.channel.messages
        assert "could not" in note.words
        study.server.faults.clear()
        await study.at("10:00", day=1)
        await study.until(lambda: study.card)
    assert any("msg_blocks_too_long" in line for line in complaints(caplog))


# --- tokens -----------------------------------------------------------------------------------------------------


async def refused(study: Study, **settings: str) -> TokenRefused:
    study.assemble(**settings)
    with pytest.raises(TokenRefused) as caught:
        await study.slack.run()
    await study.slack.close()
    await study.program.end()
    return caught.value


async def test_a_wrong_bot_token_is_not_tried_again(study: Study) -> None:
    error = await refused(study, SLACK_BOT_TOKEN="wrong")
    assert str(error).startswith("SLACK_BOT_TOKEN: Slack refuses this token (invalid_auth)")
    assert len(study.server.requests) == 1


@pytest.mark.parametrize("token", ["wrong", "xoxb-bot"])
async def test_a_wrong_app_token_is_not_tried_again(study: Study, token: str) -> None:
    error = await refused(study, SLACK_APP_TOKEN=study.team.token if token == "xoxb-bot" else token)
    assert str(error).startswith("SLACK_APP_TOKEN: Slack refuses this token")
    assert len(study.server.asked("apps.connections.open")) == 1


@pytest.mark.parametrize("which", ["bot", "app"])
async def test_a_token_that_is_revoked_while_the_bot_runs_ends_it_with_its_socket(study: Study, which: str) -> None:
    study.assemble()
    running = asyncio.create_task(study.slack.run())
    await study.server.connected()
    if which == "bot":
        study.team.revoked = True
    else:
        study.server.world.app.app_token_revoked = True
    study.server.sockets.drop()
    with pytest.raises(TokenRefused, match=f"SLACK_{which.upper()}_TOKEN"):
        await running
    await study.slack.close()
    await study.program.end()


@pytest.mark.parametrize("setting", ["slack_bot_token", "slack_app_token"])
async def test_a_wrong_token_ends_the_program_with_one_line_and_exit_code_2(
    study: Study, setting: str, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = replace(study.assemble().settings, **{setting: "wrong"})  # type: ignore[arg-type]
    with pytest.raises(SystemExit) as ended, cli_frame.faults():
        await runtime.run_platforms(settings)
    assert ended.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{setting.upper()}: Slack refuses this token")
