"""The bot in a Discord server, driven as members would, over real sockets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from bot import cli_frame, runtime
from bot.adapters.discord.client import MARK, TokenRefused
from bot.adapters.discord.ids import channel_id, member_id
from bot.core.model import Answer, DrillState, Round, RoundState
from tests.adapters.discord.study import SETUP, Study, text_of
from tests.store.files import with_tables
from tests.wire.discord_server import NO_ANSWER, Channel, DiscordServer, Intent, Member, Message, Perm

FULL = "it is a rather long answer about gradients and weights"
OTHER = "another rather long answer about losses and their slopes"


@pytest.fixture
async def study(tmp_path: Path) -> AsyncIterator[Study]:
    async with DiscordServer(granted=Intent.MESSAGE_CONTENT) as server:
        yield _study(server, tmp_path)


@pytest.fixture
async def deaf_study(tmp_path: Path) -> AsyncIterator[Study]:
    """A Discord that does not grant the Message Content intent."""
    async with DiscordServer(granted=Intent(0)) as server:
        yield _study(server, tmp_path)


def _study(server: DiscordServer, folder: Path) -> Study:
    guild = server.guild("Study")
    channel = guild.channel("general")
    ada = guild.member("Ada", permissions=Perm.MANAGE_GUILD)
    return Study(server, with_tables(folder / "x.db"), guild, channel, ada, guild.member("Bob"))


async def opened(study: Study, **options: str) -> tuple[Message, Channel]:
    """Set up a drill; the card of its first round, and its thread."""
    await study.set_up(**options)
    await study.at("10:00")
    card = await study.question()
    while (await the_round(study)).thread is None:
        pass
    assert card.thread is not None
    return card, card.thread


async def the_round(study: Study) -> Round:
    rounds = await study.program.bot.posted_rounds()
    return max(rounds, key=lambda round_: round_.opened_at)


async def answer_of(study: Study, member: Member) -> Answer | None:
    """What counts of a member, once all that happened has come to the program."""
    await study.handled()
    return await study.program.bot.own_answer((await the_round(study)).id, member_id(study.guild.id, member.id))


async def text_by(study: Study, member: Member) -> str:
    answer = await answer_of(study, member)
    return answer.text if answer is not None else ""


async def revealed(study: Study, where: Channel, clock: str = "18:00") -> Message:
    """Let it be the time of the reveal; the message with the reference answer."""
    await study.at(clock)
    await study.until(lambda: bool(references(where)))
    return references(where)[0]


def references(where: Channel) -> list[Message]:
    return [message for message in where.messages if "Reference answer" in text_of(message)]


def marked(study: Study, message: Message) -> bool:
    return study.server.bot in message.reactions.get(MARK, [])


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


# --- a day ------------------------------------------------------------------------------------------------------


async def test_a_day_from_setup_to_the_reveal_goes_without_a_warning(
    study: Study, caplog: pytest.LogCaptureFixture
) -> None:
    async with study.running():
        card, thread = await opened(study)
        assert card.labels == ["Answer", "Hint"]
        said = await study.bob.say(thread, FULL)
        await study.until(lambda: marked(study, said))
        await revealed(study, thread)
        await study.until(lambda: card.edited)
        seen = await study.bob.press(card, "My result")
        assert seen.ephemeral
        assert "Your result" in text_of(seen.answer)
    assert complaints(caplog) == []
    assert study.server.pings == []
    assert study.server.unknown == []
    assert study.server.invalid == []


async def test_a_round_opens_with_two_requests_and_is_revealed_with_two(study: Study) -> None:
    async with study.running():
        await study.set_up()
        await study.handled()
        before = len(study.server.requests)
        await study.at("10:00")
        card = await study.question()
        await study.handled()
        assert len(study.server.requests) - before == 2
        before = len(study.server.requests)
        assert card.thread is not None
        await revealed(study, card.thread)
        await study.until(lambda: card.edited)
        await study.handled()
        assert len(study.server.requests) - before == 2


async def test_a_sealed_round_has_its_thread_with_the_reveal_in_three_requests(study: Study) -> None:
    async with study.running():
        await study.set_up(answers="sealed")
        await study.at("10:00")
        await study.until(lambda: study.channel.messages)
        [card] = study.channel.messages
        form = (await study.bob.press(card, "Answer")).form
        assert form is not None
        await study.bob.submit(form, {"Your answer": FULL})
        await study.handled()
        assert card.thread is None
        before = len(study.server.requests)
        await study.at("18:00")
        await study.until(lambda: card.thread is not None and references(card.thread) and card.edited)
        await study.handled()
        assert len(study.server.requests) - before == 3
        assert FULL not in "".join(text_of(message) + message.content for message in study.channel.messages)


# --- answers in the thread --------------------------------------------------------------------------------------


async def test_what_a_member_adds_soon_belongs_to_their_answer_and_is_marked(study: Study) -> None:
    async with study.running():
        _, thread = await opened(study)
        parts = [await study.bob.say(thread, text) for text in (FULL, "and more", "and the end")]
        assert await text_by(study, study.bob) == "\n".join((FULL, "and more", "and the end"))
        assert all(marked(study, part) for part in parts)


async def test_an_edit_revises_the_answer(study: Study) -> None:
    async with study.running():
        _, thread = await opened(study)
        said = await study.bob.say(thread, FULL)
        await study.handled()
        await study.bob.edit(said, OTHER)
        assert await text_by(study, study.bob) == OTHER
        assert marked(study, said)


async def test_an_edit_that_leaves_only_a_file_takes_the_words_back(study: Study) -> None:
    async with study.running():
        _, thread = await opened(study)
        said = await study.bob.say(thread, FULL, files={"notes.txt": b"x"})
        assert await text_by(study, study.bob) == FULL
        await study.bob.edit(said, "")
        assert await text_by(study, study.bob) == ""
        assert not marked(study, said)


async def test_a_deletion_takes_back_that_part_and_leaves_the_rest(study: Study) -> None:
    async with study.running():
        _, thread = await opened(study)
        first, second = await study.bob.say(thread, FULL), await study.bob.say(thread, OTHER)
        await study.handled()
        await study.bob.delete(first)
        assert await text_by(study, study.bob) == OTHER
        assert marked(study, second)
        await study.bob.delete(second)
        assert await text_by(study, study.bob) == ""


async def test_a_bulk_deletion_takes_back_all_of_it(study: Study) -> None:
    async with study.running():
        _, thread = await opened(study)
        of_bob = [await study.bob.say(thread, FULL), await study.bob.say(thread, OTHER)]
        of_ada = await study.ada.say(thread, OTHER)
        await study.handled()
        thread.bulk_delete(of_bob)
        assert await text_by(study, study.bob) == ""
        assert await text_by(study, study.ada) == OTHER
        assert marked(study, of_ada)


async def test_talk_does_not_count_nor_replies_to_others_nor_what_is_said_in_the_channel(study: Study) -> None:
    async with study.running():
        _, thread = await opened(study)
        answer = await study.ada.say(thread, FULL)
        talk = [
            await study.bob.say(thread, "hello there"),
            await study.bob.say(thread, OTHER, reply_to=answer),
            await study.bob.say(study.channel, OTHER),
        ]
        assert await answer_of(study, study.bob) is None
        assert not any(message.reactions for message in talk)
        assert marked(study, answer)


async def test_what_is_said_in_a_thread_of_somebody_else_is_nothing_of_the_bots(study: Study) -> None:
    async with study.running():
        await opened(study)
        about = await study.bob.say(study.channel, "look at this")
        thread = study.server.world.start_thread(about, "Another", study.bob.user, 1440, 0)
        said = await study.bob.say(thread, FULL)
        assert await answer_of(study, study.bob) is None
        await study.bob.delete(said)
        thread.delete()
        await study.handled()
        assert (await the_round(study)).state is RoundState.OPEN


async def test_a_message_deleted_in_an_archived_thread_is_taken_back(study: Study) -> None:
    async with study.running():
        _, thread = await opened(study)
        said = await study.bob.say(thread, FULL)
        await study.handled()
        thread.archive()
        said.delete()
        assert await text_by(study, study.bob) == ""


async def test_the_mark_goes_when_a_form_replaces_what_was_said(study: Study) -> None:
    async with study.running():
        card, thread = await opened(study)
        said = await study.bob.say(thread, FULL)
        await study.handled()
        form = (await study.bob.press(card, "Answer")).form
        assert form is not None
        assert FULL in [field.value for field in form.fields]
        seen = await study.bob.submit(form, {"Your answer": OTHER})
        assert "Revised" in text_of(seen.answer)
        assert await text_by(study, study.bob) == OTHER
        assert not marked(study, said)


async def test_marks_come_in_the_order_of_what_happened(study: Study) -> None:
    async with study.running():
        card, thread = await opened(study)
        held = study.server.faults.hold("PUT", "**/reactions/**")
        said = await study.bob.say(thread, FULL)
        await held.wait()
        form = (await study.bob.press(card, "Answer")).form
        assert form is not None
        await study.bob.submit(form, {"Your answer": OTHER})
        await study.ada.press(card, "Hint")  # Meanwhile the mark would have been taken off, if nothing waited.
        held.release()
        await study.handled()
        assert not marked(study, said)


async def test_a_mark_that_may_not_be_set_stops_nothing(study: Study, caplog: pytest.LogCaptureFixture) -> None:
    async with study.running():
        _, thread = await opened(study)
        study.channel.take_away(Perm.ADD_REACTIONS)
        said = await study.bob.say(thread, FULL)
        assert await text_by(study, study.bob) == FULL
        assert not marked(study, said)
        assert complaints(caplog) == []


async def test_an_answer_after_the_close_is_late_and_not_marked(study: Study) -> None:
    async with study.running():
        card, thread = await opened(study, closes="12:00", reveal="18:00")
        await study.at("12:00")
        said = await study.bob.say(thread, FULL)
        answer = await answer_of(study, study.bob)
        assert answer is not None
        assert answer.late
        assert not marked(study, said)
        form = (await study.ada.press(card, "Answer")).form
        assert form is not None
        seen = await study.ada.submit(form, {"Your answer": FULL})
        assert "Late" in text_of(seen.answer)


# --- "Submit as my answer" --------------------------------------------------------------------------------------


async def test_a_message_of_the_channel_can_be_submitted_and_then_counts_as_it_is_edited_and_deleted(
    study: Study,
) -> None:
    async with study.running():
        await opened(study)
        said = await study.bob.say(study.channel, FULL)
        seen = await study.bob.use_on(said, "Submit as my answer")
        assert seen.ephemeral
        assert "Recorded" in text_of(seen.answer)
        await study.handled()
        assert marked(study, said)
        await study.bob.edit(said, OTHER)
        assert await text_by(study, study.bob) == OTHER
        await study.bob.delete(said)
        assert await text_by(study, study.bob) == ""


async def test_a_submitted_message_of_the_channel_still_counts_after_a_restart_as_it_stands_then(study: Study) -> None:
    async with study.running():
        await opened(study)
        kept, said = await study.bob.say(study.channel, FULL), await study.ada.say(study.channel, FULL)
        await study.bob.use_on(kept, "Submit as my answer")
        await study.ada.use_on(said, "Submit as my answer")
    await study.bob.edit(kept, OTHER)
    await study.ada.delete(said)
    async with study.running():
        assert await text_by(study, study.bob) == OTHER
        assert await text_by(study, study.ada) == ""


async def test_nobody_submits_what_somebody_else_said(study: Study) -> None:
    async with study.running():
        _, thread = await opened(study)
        said = await study.bob.say(thread, FULL)
        seen = await study.ada.use_on(said, "Submit as my answer")
        assert "only a message of your own" in text_of(seen.answer)
        assert await answer_of(study, study.ada) is None


# --- without the Message Content intent -------------------------------------------------------------------------


async def test_without_the_intent_the_bot_says_so_once_and_works_by_form_and_menu(
    deaf_study: Study, caplog: pytest.LogCaptureFixture
) -> None:
    study = deaf_study
    async with study.kept_running():
        card, thread = await opened(study)
        said = await study.bob.say(thread, FULL)
        assert await answer_of(study, study.bob) is None
        await study.bob.use_on(said, "Submit as my answer")
        form = (await study.ada.press(card, "Answer")).form
        assert form is not None
        await study.ada.submit(form, {"Your answer": OTHER})
        assert await text_by(study, study.bob) == FULL
        assert await text_by(study, study.ada) == OTHER
        await revealed(study, thread)
        await study.until(lambda: card.edited)
    assert len([line for line in complaints(caplog) if "Message Content" in line]) == 1
    assert [line for line in complaints(caplog) if "Message Content" not in line] == []


async def test_without_the_intent_an_edit_and_a_restart_withdraw_nothing(deaf_study: Study) -> None:
    study = deaf_study
    async with study.kept_running():
        _, thread = await opened(study)
        said = await study.bob.say(thread, FULL)
        await study.bob.use_on(said, "Submit as my answer")
        await study.bob.edit(said, OTHER)
        assert await text_by(study, study.bob) == FULL
    async with study.kept_running():
        assert await text_by(study, study.bob) == FULL


async def test_without_the_intent_a_message_that_mentions_the_bot_counts(deaf_study: Study) -> None:
    study = deaf_study
    async with study.kept_running():
        _, thread = await opened(study)
        await study.bob.say(thread, f"{study.server.bot.mention} {FULL}")
        assert await text_by(study, study.bob) == FULL


# --- restarts and gaps ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("restart", ["setup", "opening", "answer", "close", "reveal", "all"])
async def test_a_restart_between_two_steps_of_a_day_doubles_and_loses_nothing(
    study: Study, restart: str, caplog: pytest.LogCaptureFixture
) -> None:
    running = study.running()
    await running.__aenter__()

    async def after(step: str) -> None:
        nonlocal running
        if restart in (step, "all"):
            await running.__aexit__(None, None, None)
            running = study.running()
            await running.__aenter__()
            await study.handled()

    try:
        await study.set_up(closes="12:00", reveal="18:00")
        await after("setup")
        await study.at("10:00")
        card = await study.question()
        await after("opening")
        assert card.thread is not None
        said = await study.bob.say(card.thread, FULL)
        await study.handled()
        await after("answer")
        await study.at("12:00")
        await after("close")
        await revealed(study, card.thread)
        await study.until(lambda: card.edited)
        await after("reveal")
        assert await text_by(study, study.bob) == FULL
        assert "Your result" in text_of((await study.bob.press(card, "My result")).answer)
    finally:
        await running.__aexit__(None, None, None)
    assert [message for message in study.channel.messages if message.author is study.server.bot] == [card]
    assert len(references(card.thread)) == 1
    assert said.reactions[MARK] == [study.server.bot]
    assert complaints(caplog) == []


async def test_what_was_said_changed_and_deleted_while_the_program_was_down_is_read_before_the_round_closes(
    study: Study,
) -> None:
    async with study.running():
        card, thread = await opened(study)
        changed, deleted = await study.bob.say(thread, FULL), await study.ada.say(thread, FULL)
        await study.handled()
    cleo = study.guild.member("Cleo")
    await cleo.say(thread, FULL)
    await study.bob.edit(changed, OTHER)
    await study.ada.delete(deleted)
    async with study.running():
        assert await text_by(study, study.bob) == OTHER
        assert await text_by(study, study.ada) == ""
        assert await text_by(study, cleo) == FULL
    await study.bob.edit(changed, FULL)
    study.server.clock.set(study.server.clock.now.replace(hour=18, minute=1))
    held = study.server.faults.hold("GET", "**/messages")
    async with study.running():
        await held.wait()
        study.program.woken.set()
        assert (await the_round(study)).state is RoundState.OPEN
        held.release()
        await study.until(lambda: references(thread))
        assert await text_by(study, study.bob) == FULL
        assert "2 answers" in text_of(references(thread)[0])
        await study.until(lambda: card.edited)


async def test_what_is_in_hand_at_the_end_is_finished_first(study: Study, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "bot")
    async with study.running() as program:
        await opened(study)
        about = await study.bob.say(study.channel, "look at this")
        elsewhere = study.server.world.start_thread(about, "Another", study.bob.user, 1440, 0)
        talk = await study.bob.say(elsewhere, FULL)
        await study.handled()
        elsewhere.archive()
        held = study.server.faults.hold("GET", f"/channels/{elsewhere.id}")
        talk.delete()
        await held.wait()
        assert program.discord_adapter is not None
        closing = asyncio.create_task(program.discord_adapter.close())
        for _ in range(100):  # Turns of the loop, in which it would end if it did not wait.
            await asyncio.sleep(0)
        held.release()
        await closing
    assert not [record for record in caplog.records if "handled" in record.getMessage()]


async def test_a_dropped_connection_is_resumed_and_nothing_is_doubled(study: Study) -> None:
    async with study.running():
        _, thread = await opened(study)
        first = await study.bob.say(thread, FULL)
        await study.handled()
        study.server.gateway.drop()
        second = await study.bob.say(thread, OTHER)
        await study.server.until(lambda: study.server.gateway.resumes == 1)
        assert await text_by(study, study.bob) == f"{FULL}\n{OTHER}"
        assert [marked(study, said) for said in (first, second)] == [True, True]
        await revealed(study, thread)
        assert len(study.server.gateway.identifies) == 1


async def test_while_there_is_no_connection_it_is_not_ready_and_coming_back_is_counted(study: Study) -> None:
    async with study.kept_running() as program:
        adapter = program.discord_adapter
        assert adapter is not None
        assert await adapter.trouble() == ""
        study.server.gateway.refusing = True
        study.server.gateway.drop()
        await study.server.until(lambda: not adapter._up)
        assert await adapter.trouble() == "not connected"
        study.server.gateway.refusing = False
        await study.server.until(lambda: adapter._up and adapter.client.is_ready())
        assert await adapter.trouble() == ""
        page = program.metrics.text().decode()
        assert 'nnquestion_reconnects_total{platform="discord"} 1.0' in page
        assert 'nnquestion_requests_total{platform="discord",result="answered"} 0.0' not in page
        await study.set_up()
        await study.handled()
        page = program.metrics.text().decode()
        assert 'nnquestion_acknowledgement_seconds_count{platform="discord"} 1.0' in page


async def test_nothing_closes_while_the_gateway_is_away(study: Study, caplog: pytest.LogCaptureFixture) -> None:
    async with study.running():
        _, thread = await opened(study)
        await study.at("17:59")
        study.server.gateway.refusing = True
        study.server.gateway.drop()
        await study.server.until(lambda: any("Attempting a reconnect" in line for line in complaints(caplog)))
        await study.bob.say(thread, FULL)
        await study.at("18:00")
        await study.program.turn()
        assert (await the_round(study)).state is RoundState.OPEN
        study.server.gateway.refusing = False
        await study.until(lambda: references(thread))
        assert await text_by(study, study.bob) == FULL


async def test_a_resume_lets_nothing_close_that_is_still_being_read(study: Study) -> None:
    async with study.running():
        _, thread = await opened(study)
        await study.at("17:59")
    held = study.server.faults.hold("GET", f"/channels/{thread.id}/messages")
    async with study.running():
        await held.wait()
        study.server.gateway.drop()
        await study.server.until(lambda: study.server.gateway.resumes == 1)
        study.server.clock.advance(120)
        await study.program.turn()
        assert (await the_round(study)).state is RoundState.OPEN
        held.release()
        await study.until(lambda: references(thread))


async def test_op_7_is_followed_by_a_resume_and_then_the_round_closes(study: Study) -> None:
    async with study.running():
        _, thread = await opened(study)
        await study.at("17:59")
        study.server.gateway.ask_to_reconnect()
        await study.server.until(lambda: study.server.gateway.resumes == 1)
        await study.bob.say(thread, FULL)
        assert await text_by(study, study.bob) == FULL
        await revealed(study, thread)


async def test_what_was_missed_with_a_lost_session_is_read_again(study: Study) -> None:
    async with study.running():
        _, thread = await opened(study)
        deleted = await study.ada.say(thread, FULL)
        await study.handled()
        study.server.gateway.invalidate()
        await study.bob.say(thread, FULL)
        await study.ada.delete(deleted)
        await study.server.until(lambda: len(study.server.gateway.identifies) == 2)
        await study.server.connected()
        adapter = study.program.discord_adapter
        assert adapter is not None
        await study.until(lambda: len(study.server.asked("GET", f"/channels/{thread.id}/messages")) >= 1)
        assert await text_by(study, study.bob) == FULL
        assert await text_by(study, study.ada) == ""
        await revealed(study, thread)


async def test_a_thread_that_cannot_be_read_at_once_is_read_later(study: Study) -> None:
    async with study.kept_running():
        _, thread = await opened(study)
    await study.bob.say(thread, FULL)
    study.server.faults.fail("GET", f"/channels/{thread.id}/messages", status=503, times=2)
    async with study.kept_running():
        assert await text_by(study, study.bob) == FULL


async def test_what_is_said_in_a_thread_before_its_opening_is_known_counts(study: Study) -> None:
    async with study.kept_running():
        await study.set_up()
        held = study.server.faults.hold("POST", "**/threads", landed=True)
        study.server.clock.advance(3600)
        await study.until(lambda: study.channel.threads)
        said = await study.bob.say(study.channel.threads[0], FULL)
        await held.wait()
        await study.server.until(
            lambda: study.program.discord_adapter and study.program.discord_adapter.gaps.reading.tasks
        )
        held.release()
        await study.until(lambda: marked(study, said))
        assert await text_by(study, study.bob) == FULL


# --- what servers lose ------------------------------------------------------------------------------------------


async def test_a_reveal_whose_card_was_deleted_comes_in_the_channel(study: Study) -> None:
    async with study.running():
        card, thread = await opened(study)
        await study.bob.say(thread, FULL)
        await study.handled()
        card.delete()
        await study.handled()
        await revealed(study, study.channel)
        assert references(thread) == []


async def test_a_deleted_thread_cancels_its_round_and_the_drill_goes_on(study: Study) -> None:
    async with study.running():
        card, thread = await opened(study)
        thread.delete()
        await study.until(lambda: "Cancelled" in text_of(card))
        await study.at("10:00", day=1)
        await study.until(lambda: len(study.channel.messages) == 2)


async def test_a_thread_deleted_while_the_program_was_down_cancels_its_round(study: Study) -> None:
    async with study.running():
        card, thread = await opened(study)
    thread.delete()
    async with study.running():
        await study.until(lambda: "Cancelled" in text_of(card))


async def test_a_deleted_channel_ends_its_drill_and_whoever_set_it_up_is_told(study: Study) -> None:
    async with study.running():
        await opened(study)
        study.channel.delete()
        await study.handled()
        await study.at("18:00")
        await study.until(lambda: study.ada.dm.messages)
        assert "drill is off" in text_of(study.ada.dm.messages[-1])


async def test_a_drill_that_may_not_post_is_off_after_three_tries_and_whoever_set_it_up_is_told(study: Study) -> None:
    async with study.running():
        await study.set_up()
        study.channel.take_away(Perm.SEND_MESSAGES)
        await study.at("10:00")

        def told() -> bool:
            study.server.clock.advance(5)
            study.program.woken.set()
            return bool(study.ada.dm.messages)

        await study.until(told)
        assert len(study.server.asked("POST", f"/channels/{study.channel.id}/messages")) == 3
        assert "drill is off" in text_of(study.ada.dm.messages[-1])
        drill = await study.program.bot.drill_in(channel_id(study.guild.id, study.channel.id))
        assert drill is not None
        assert drill.state is DrillState.OFF


async def test_an_archived_thread_gets_its_reveal(study: Study) -> None:
    async with study.running():
        _, thread = await opened(study)
        thread.archive()
        await study.handled()
        await revealed(study, thread)


async def test_the_reveal_of_a_locked_thread_comes_in_the_channel(study: Study) -> None:
    async with study.running():
        _, thread = await opened(study)
        thread.archive(locked=True)
        await study.handled()
        await revealed(study, study.channel)
        assert len(references(study.channel)) == 1


async def test_when_the_bot_is_removed_its_drill_stops_and_nothing_more_is_sent(study: Study) -> None:
    async with study.running():
        await opened(study)
        study.guild.remove_bot()
        await study.handled()
        before = len(study.server.requests)
        await study.at("18:00")
        await study.at("10:00", day=1)
        await study.program.turn()
        assert len(study.server.requests) == before
        drill = await study.program.bot.drill_in(channel_id(study.guild.id, study.channel.id))
        assert drill is not None
        assert drill.state is DrillState.OFF


async def test_a_bot_that_was_removed_while_it_was_away_stops_its_drill_there_and_nowhere_else(study: Study) -> None:
    other = study.server.guild("Other")
    lobby, eve = other.channel("lobby"), other.member("Eve", permissions=Perm.MANAGE_GUILD)
    async with study.running():
        await opened(study)
        await eve.command("nnquestion-admin setup", lobby, **SETUP)
    study.guild.remove_bot()
    async with study.running():
        await study.handled()
        drills = {drill.channel: drill.state for drill in await study.program.bot.drills()}
        assert drills == {
            channel_id(study.guild.id, study.channel.id): DrillState.OFF,
            channel_id(other.id, lobby.id): DrillState.ON,
        }


async def test_a_server_that_was_not_named_at_the_beginning_is_left_alone_if_the_bot_is_in_it(study: Study) -> None:
    async with study.running():
        await study.set_up()
    study.guild.named = False
    async with study.running():
        await study.handled()
        assert study.server.asked("GET", f"/guilds/{study.guild.id}")
        [drill] = await study.program.bot.drills()
        assert drill.state is DrillState.ON


async def test_a_server_that_the_bot_joins_is_told_once_how_to_begin_where_it_wants_such_words(study: Study) -> None:
    async with study.running():
        other = study.server.guild("Other", bot=None)
        other.system_channel = other.channel("welcome")
        other.add_bot()
        await study.until(lambda: other.channel("welcome").messages)
        [word] = other.channel("welcome").messages
        assert "/nnquestion-admin setup" in word.content
        for quiet in (study.server.guild("No channel", bot=None), study.server.guild("Mute", bot=None)):
            quiet.channel("general")
            if quiet.name == "Mute":
                quiet.system_channel = quiet.channel("general")
                quiet.system_channel.take_away(Perm.SEND_MESSAGES)
            quiet.add_bot()
            await study.handled()
            assert quiet.channel("general").messages == []
    assert study.server.invalid == []
    async with study.running():  # A start is no joining.
        await study.handled()
        assert len(other.channel("welcome").messages) == 1


async def test_servers_of_several_shards_have_their_day_over_the_connection_of_theirs(
    study: Study, caplog: pytest.LogCaptureFixture
) -> None:
    here = study.guild.id >> 22
    other = next(g for g in map(study.server.guild, map(str, range(40))) if (g.id >> 22) % 2 != here % 2)
    lobby, eve = other.channel("lobby"), other.member("Eve", permissions=Perm.MANAGE_GUILD)
    async with study.running(shards=2):
        assert [session.shard for session in study.server.gateway.connected] == [(0, 2), (1, 2)]
        await eve.command("nnquestion-admin setup", lobby, **SETUP)
        _, thread = await opened(study)
        await study.until(lambda: lobby.messages and lobby.messages[-1].thread)
        there = lobby.messages[-1].thread
        assert there is not None
        while any(round_.thread is None for round_ in await study.program.bot.posted_rounds()):
            pass
        await study.handled()
        said = [await study.bob.say(thread, FULL), await eve.say(there, OTHER)]
        await study.until(lambda: all(marked(study, message) for message in said))
        await revealed(study, thread)
        await study.until(lambda: references(there))
    assert complaints(caplog) == []


async def test_an_outage_of_a_server_changes_nothing_and_what_was_said_in_it_is_read(study: Study) -> None:
    async with study.running():
        _, thread = await opened(study)
        await study.at("17:59")
        study.guild.go_down()
        await study.handled()
        await study.at("18:00")
        await study.program.turn()
        assert (await the_round(study)).state is RoundState.OPEN
        study.guild.come_back()
        await study.until(lambda: references(thread))
        assert study.server.asked("GET", f"/channels/{thread.id}/messages")


# --- connecting -------------------------------------------------------------------------------------------------


async def test_a_gateway_that_refuses_is_tried_again_until_it_does_not(
    study: Study, caplog: pytest.LogCaptureFixture
) -> None:
    study.server.gateway.refusing = True

    async def relent() -> None:
        await study.server.until(lambda: len([c for c in complaints(caplog) if "trying again" in c]) >= 2)
        study.server.gateway.refusing = False

    relenting = asyncio.create_task(relent())
    async with study.kept_running():
        await relenting
        _, thread = await opened(study)
        await revealed(study, thread)
    assert {record.exc_info for record in caplog.records} == {None}


# --- two copies ---------------------------------------------------------------------------------------------


async def test_an_interaction_that_comes_while_a_copy_ends_is_left_to_the_other(study: Study) -> None:
    async with study.running() as program:
        card, thread = await opened(study)
        adapter = program.discord_adapter
        assert adapter is not None
        mark = study.server.faults.hold("PUT", "/channels/*/messages/*/reactions/**")
        await study.bob.say(thread, FULL)
        await mark.wait()
        closing = asyncio.create_task(adapter.close())  # It finishes what is in hand: the mark.
        await asyncio.sleep(0)
        pressed = await study.bob.press(card, "Answer", wait=False)
        study.server.gateway.ask_for_heartbeats()
        await study.server.until(lambda: all(one.heard >= one.sequence for one in study.server.gateway.connected))
        mark.release()
        await closing
        study.server.clock.advance(3)
    assert pressed.error == NO_ANSWER
    assert not pressed.seen


async def test_of_two_copies_one_posts_and_the_other_takes_over_when_it_ends(study: Study) -> None:
    async with AsyncExitStack() as later:
        async with study.running() as first:
            second = await later.enter_async_context(study.running())
            assert (await first.leads(), await second.leads()) == (True, False)
            _, thread = await opened(study)
            await study.bob.say(thread, FULL)
            await study.server.caught_up()
            await study.at("17:00")
            for program in (second, first, second):
                await program.turn()
            assert [message.labels for message in study.channel.messages] == [["Answer", "Hint"]]
        assert await second.leads()
        await revealed(study, thread)
        await second.turn()
        assert len(references(thread)) == 1
        assert "1 point` Bob" in text_of(references(thread)[0])


async def test_a_wrong_token_is_not_tried_again(study: Study) -> None:
    study.server.world.application.token = "changed meanwhile"
    program = study.assemble()
    assert program.discord_adapter is not None
    with pytest.raises(TokenRefused, match="Copy it anew"):
        await program.discord_adapter.run("wrong")
    await program.discord_adapter.close()
    assert len(study.server.requests) == 1


async def test_a_token_that_is_replaced_while_the_bot_runs_ends_it(study: Study) -> None:
    program = study.assemble()
    assert program.discord_adapter is not None
    running = asyncio.create_task(program.discord_adapter.run(study.server.token))
    await study.server.connected()
    study.server.world.application.token = "changed meanwhile"
    study.server.gateway.drop()
    with pytest.raises(TokenRefused):
        await running
    await program.discord_adapter.close()


async def test_a_wrong_token_ends_the_program_with_one_line_and_exit_code_2(
    study: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = replace(study.assemble().settings, discord_token="wrong")
    with pytest.raises(SystemExit) as ended, cli_frame.faults():
        await runtime.run_platforms(settings)
    assert ended.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("DISCORD_TOKEN: Discord refuses this token")
