"""What whoever runs the program does, as it shows in a Discord server: a backup put back, a group blocked or left."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from bot.adapters.discord.ids import group_id, member_id
from bot.core import groups
from bot.core.model import GroupId, RoundState
from bot.core.ports import Transaction
from bot.store import SqliteStore, backups
from tests.adapters.discord.study import Study, text_of
from tests.wire.discord_server import DiscordServer, Intent, Message, Perm

T = TypeVar("T")
FULL = "it is a rather long answer about gradients and weights"


@pytest.fixture
async def study(tmp_path: Path) -> AsyncIterator[Study]:
    async with DiscordServer(granted=Intent.MESSAGE_CONTENT) as server:
        guild = server.guild("Study")
        channel = guild.channel("general")
        ada = guild.member("Ada", permissions=Perm.MANAGE_GUILD)
        yield Study(server, tmp_path / "x.db", guild, channel, ada, guild.member("Bob"))


async def operated(study: Study, work: Callable[[Transaction], T]) -> T:
    """What another process does to the database."""
    store = SqliteStore(study.database)
    try:
        return await store.write(work)
    finally:
        await store.close()


def group_of(study: Study) -> GroupId:
    return group_id(study.guild.id)


def cards(study: Study) -> list[Message]:
    return [message for message in study.channel.messages if message.author is study.server.bot]


async def a_day(study: Study, day: int) -> Message:
    """A question of the day, with Bob's answer in its thread."""
    before = len(cards(study))
    await study.at("10:00", day)
    await study.until(lambda: len(cards(study)) > before)
    card = await study.question()
    assert card.thread is not None
    await study.bob.say(card.thread, FULL)
    await study.handled()
    return card


async def test_after_a_restore_nothing_stands_twice_and_what_was_said_in_threads_counts_again(study: Study) -> None:
    async with study.running():
        await study.set_up(recap="off")
        await a_day(study, 0)
        await study.at("18:00")
        await study.until(lambda: "Reference answer" in text_of(cards(study)[0].thread.messages[-1]))  # type: ignore[union-attr]
    backup = backups.back_up(study.database, study.database.parent / "kept", study.server.clock.now)
    async with study.running():
        await a_day(study, 1)
        await study.at("18:00", 1)
        lost = await a_day(study, 2)
    said = [text_of(card) for card in cards(study)]
    study.server.clock.set(study.server.clock.now + timedelta(hours=1))
    backups.restore(backup.path, study.database, study.server.clock.now)
    async with study.running():
        await study.until(lambda: lost.edited)
        await study.handled()
        rounds = {round_.local_date.day: round_ for round_ in await study.program.bot.posted_rounds()}
        assert [rounds[day].state for day in (22, 23, 24)] == [
            RoundState.REVEALED,
            RoundState.SKIPPED,
            RoundState.OPEN,
        ]
        assert rounds[24].question.prompt in said[2]
        given = await study.program.bot.own_answer(rounds[24].id, member_id(study.guild.id, study.bob.id))
        assert given is not None
        assert given.text == FULL
        await study.at("18:00", 2)
        assert lost.thread is not None
        await study.until(lambda: "Reference answer" in text_of(lost.thread.messages[-1]))  # type: ignore[union-attr]
        await study.handled()
    assert len(cards(study)) == 3
    for card in cards(study):
        assert card.thread is not None
        assert sum("Reference answer" in text_of(message) for message in card.thread.messages) == 1
    assert study.server.invalid == []


async def test_a_reveal_that_the_lost_database_had_sent_is_not_sent_again(study: Study) -> None:
    async with study.running():
        await study.set_up()
        card = await a_day(study, 0)
    backup = backups.back_up(study.database, study.database.parent / "kept", study.server.clock.now)
    async with study.running():
        await study.at("18:00")
        assert card.thread is not None
        await study.until(lambda: card.edited)
    backups.restore(backup.path, study.database, study.server.clock.now)
    async with study.running():
        await study.at("18:01")
        await study.until(lambda: len(study.server.asked("PATCH", "**")) > 1)
        await study.handled()
        [round_] = await study.program.bot.posted_rounds()
        assert round_.state is RoundState.REVEALED
    assert len(cards(study)) == 1
    assert sum("Reference answer" in text_of(message) for message in card.thread.messages) == 1


async def test_in_a_blocked_server_nothing_more_is_said_and_commands_are_answered_with_one_sentence(
    study: Study,
) -> None:
    async with study.running():
        await study.set_up()
        card = await a_day(study, 0)
        await operated(study, lambda tx: groups.block(tx, group_of(study), study.server.clock.now))
        before = [text_of(message) for message in study.channel.messages]
        await study.at("18:00")
        await study.at("10:00", 1)
        await study.program.turn()
        for seen in (
            await study.bob.command("nnquestion me", study.channel),
            await study.ada.command("nnquestion-admin setup", study.channel, time="11:00", zone="UTC"),
            await study.bob.press(card, "Hint"),
        ):
            assert seen.ephemeral
            assert "switched off for this group" in text_of(seen.answer)
        assert [text_of(message) for message in study.channel.messages] == before
        study.guild.remove_bot()
        study.guild.system_channel = study.channel
        study.guild.add_bot()
        await study.handled()
        assert [text_of(message) for message in study.channel.messages] == before


async def test_a_server_that_is_to_be_left_is_left_while_the_program_runs(study: Study) -> None:
    async with study.running():
        await study.set_up()
        await operated(study, lambda tx: groups.leave(tx, group_of(study), study.server.clock.now))
        await study.until(lambda: study.server.asked("DELETE", f"/users/@me/guilds/{study.guild.id}"))
        await study.handled()
        assert await study.program.bot.to_leave() == []
    assert study.guild.bot_role is None
