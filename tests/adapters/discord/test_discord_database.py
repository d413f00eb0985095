"""The database is busy, full, read-only or damaged in the middle of a day: nothing that was acknowledged is lost."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from itertools import repeat
from pathlib import Path

import pytest
from sqlite_utils import Database

from bot import runtime
from bot.adapters.discord.client import MARK
from bot.adapters.discord.ids import member_id
from bot.core.model import RoundState
from bot.store import backups, looking
from bot.store.worker import Job
from tests.adapters.discord.study import Study, text_of
from tests.store.files import ask
from tests.wire.discord_server import Channel, DiscordServer, Form, Intent, Member, Message, Perm

FULL = "it is a rather long answer about gradients and weights"
LONG = FULL + " \N{BRAIN}" * 900
"""What Discord takes, and no page of the database has room for."""


@pytest.fixture
async def study(tmp_path: Path) -> AsyncIterator[Study]:
    async with DiscordServer(granted=Intent.MESSAGE_CONTENT) as server:
        guild = server.guild("Study")
        channel = guild.channel("general")
        ada = guild.member("Ada", permissions=Perm.MANAGE_GUILD)
        yield Study(server, tmp_path / "x.db", guild, channel, ada, guild.member("Bob"))


async def asked(study: Study) -> tuple[Message, Channel]:
    """Today's question, with its thread."""
    await study.set_up()
    await study.at("10:00")
    card = await study.question()
    [round_] = await study.program.bot.posted_rounds()
    while round_.thread is None:
        [round_] = await study.program.bot.posted_rounds()
    await study.handled()
    assert card.thread is not None
    return card, card.thread


def marked(study: Study, message: Message) -> bool:
    return study.server.bot in message.reactions.get(MARK, [])


async def sent_form(study: Study, who: Member, card: Message, text: str) -> str:
    """What somebody reads who sends the form of a question."""
    opened = await who.press(card, "Answer")
    if not isinstance(opened.form, Form):
        return text_of(opened.answer)
    seen = await who.submit(opened.form, {"text": text})
    assert seen.ephemeral
    return text_of(seen.answer)


async def healthy(program: runtime.Program) -> str:
    """What is wrong with the database, as /healthz says it."""
    program.health._wrote_at = None  # What was written a moment ago holds for a second.
    return (await program.health.database()).why


def texts(study: Study) -> list[str]:
    """The answers that the database holds."""
    return [text for (text,) in ask(study.database, "SELECT text FROM parts ORDER BY text")]


def references(thread: Channel) -> int:
    return sum("Reference answer" in text_of(message) for message in thread.messages)


async def until_revealed(study: Study, thread: Channel) -> None:
    await study.at("18:00")
    await study.until(lambda: references(thread))
    await study.handled()
    for _ in range(2):
        await study.program.turn()
    assert references(thread) == 1
    [round_] = await study.program.bot.posted_rounds()
    assert round_.state is RoundState.REVEALED


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Another program writes, and does not come to an end."""
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def test_while_another_program_writes_an_answer_waits_and_is_marked_once_it_is_kept(study: Study) -> None:
    async with study.running():
        _, thread = await asked(study)
        with locked(study.database):
            said = await study.bob.say(thread, FULL)
            await study.server.caught_up()
            assert not marked(study, said)
            assert texts(study) == []
        await study.until(lambda: marked(study, said))
        assert texts(study) == [FULL]


async def test_a_database_that_stays_locked_acknowledges_nothing_and_what_was_said_counts_afterwards(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "PATIENCE", 0.05)
    async with study.running() as program:
        card, thread = await asked(study)
        with locked(study.database):
            said = await study.bob.say(thread, FULL)
            assert "may not have been kept" in await sent_form(study, study.ada, card, LONG)
            assert "another program has kept it locked" in await healthy(program)
            assert not marked(study, said)
            assert texts(study) == []
        await study.until(lambda: marked(study, said))
        assert await healthy(program) == ""
        assert texts(study) == [FULL]
        await until_revealed(study, thread)


def told(program: runtime.Program, pragma: str) -> None:
    """Set up the connection that writes in another way, before its next transaction."""
    store, writer = program.store, program.store._writer
    assert writer is not None

    def first(db: Database, jobs: list[Job]) -> None:
        db.execute(f"PRAGMA {pragma}").fetchall()
        writer._serve = store._write_together
        store._write_together(db, jobs)

    writer._serve = first


async def test_on_a_full_disk_nothing_is_acknowledged_that_is_not_kept_and_all_goes_on_once_there_is_room(
    study: Study,
) -> None:
    async with study.running() as program:
        card, thread = await asked(study)
        adapter = program.discord_adapter
        assert adapter is not None
        adapter.pauses = lambda: repeat(0.02)
        before = await study.ada.say(thread, FULL)
        await study.until(lambda: marked(study, before))
        told(program, "max_page_count = 1")  # SQLite takes that for the pages that there are.
        said = await study.bob.say(thread, LONG)
        assert "may not have been kept" in await sent_form(study, study.ada, card, LONG)
        await study.server.caught_up()
        assert texts(study) == [FULL]
        assert not marked(study, said)
        told(program, "max_page_count = 1000000")
        await study.until(lambda: marked(study, said))
        assert texts(study) == [FULL, LONG]
        await until_revealed(study, thread)
        assert ask(study.database, "SELECT COUNT(DISTINCT member) FROM grades") == [(2,)]


async def test_a_database_that_may_only_be_read_says_so_and_goes_on_once_it_may_be_written(study: Study) -> None:
    async with study.running() as program:
        card, thread = await asked(study)
        told(program, "query_only = ON")
        said = await study.bob.say(thread, FULL)
        assert "may not have been kept" in await sent_form(study, study.ada, card, LONG)
        assert "it may only be read; let this user write to the file" in await healthy(program)
        assert not marked(study, said)
        told(program, "query_only = OFF")
        await study.until(lambda: marked(study, said))
        await until_revealed(study, thread)


def damage(database: Path) -> None:
    """Overwrite all but the first page, such as a disk does that forgets."""
    ask(database, "INSERT INTO facts VALUES ('another program', 'writes')")  # What is in memory is read anew.
    ask(database, "PRAGMA wal_checkpoint(TRUNCATE)")
    size = database.stat().st_size
    with database.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))


async def test_a_database_that_is_damaged_says_what_to_do_and_a_backup_brings_the_day_back(
    study: Study, tmp_path: Path
) -> None:
    async with study.running() as program:
        card, thread = await asked(study)
        backup = backups.back_up(study.database, tmp_path / "backups", study.server.clock.now)
        before = await study.ada.say(thread, FULL)
        await study.until(lambda: marked(study, before))
        await study.handled()
        damage(study.database)
        said = await study.bob.say(thread, f"{FULL} too")
        assert "may not have been kept" in await sent_form(study, study.ada, card, LONG)
        why = await healthy(program)
        assert "it is damaged; put a backup in its place (nnquestion restore FILE)" in why
        assert not marked(study, said)
    backups.restore(backup.path, study.database, study.server.clock.now)
    async with study.running():
        await study.until(lambda: marked(study, said))
        await study.handled()
        assert texts(study) == [FULL, f"{FULL} too"]
        assert await study.program.bot.own_answer(
            (await study.program.bot.posted_rounds())[0].id, member_id(study.guild.id, study.ada.id)
        )
        await until_revealed(study, thread)
    assert len([message for message in study.channel.messages if message.author is study.server.bot]) == 1
