"""What is forgotten, or old, is gone from the bytes of the file and its log; what others need stays."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest
import pytest_asyncio

from bot.core.answering import Form, Said, Submitted
from bot.core.asking import Asker
from bot.core.card import Card, Press
from bot.core.model import (
    Action,
    Answer,
    ChannelId,
    Coverage,
    Delivery,
    DeliveryState,
    DrillState,
    Grade,
    GroupId,
    Naming,
    Opening,
    Place,
    PointGrade,
    Question,
    Round,
    RoundState,
    Share,
    group_of,
)
from bot.core.ports import Transaction
from bot.delivery import Deliverer
from bot.store import SqliteStore
from bot.studybot import StudyBot
from tests.adapters.fakes import ScriptedMessenger
from tests.core.worlds import EXTRA, ONE, SLUGS, TWO, at, make_bank, member
from tests.factories import ADA, CHANNEL, GROUP, RANDOM, keep, make_drill, make_member, make_question
from tests.store.files import ask

T = TypeVar("T")

SECRET: Final = "zanzibar"
"""Stands in everything that Ada types, and in her name."""

NAME: Final = f"Ada of {SECRET}"
ELSEWHERE: Final = ChannelId("terminal:elsewhere/general")


class Quoting:
    """Covers every key point in part, and quotes the whole answer for each."""

    version = "quoting 1"

    async def grade(
        self, question: Question, answers: Sequence[Answer], readable: Sequence[Sequence[str]] = ()
    ) -> list[Grade]:
        return [
            Grade(
                score=0.4,
                level=1,
                points=tuple(
                    PointGrade(key_point=p.id, coverage=Coverage.PARTLY, credit=0.4, words=answer.text)
                    for p in question.key_points
                ),
                grader=self.version,
            )
            for answer in answers
        ]


class Study:
    """A study bot on a real file, in which Ada does all that a member can do."""

    def __init__(self, path: Path, *, keep_answers: timedelta | None = None) -> None:
        self.path = path
        self.store = SqliteStore(path)
        self.banks = {"nn": make_bank([make_question(slug, key_points=(ONE, TWO, EXTRA)) for slug in SLUGS])}
        self.bot = StudyBot(self.store, Quoting(), lambda: self.banks, keep_answers=keep_answers)
        self.messenger = ScriptedMessenger()
        self.deliverer = Deliverer(self.store, {"terminal": self.messenger})
        self._number = 0

    async def do(self, work: Callable[[Transaction], T]) -> T:
        return await self.store.write(work)

    async def turn(self, now: datetime, *, send: bool = True) -> None:
        await self.bot.tick(now)
        if send:
            await self.deliverer.send_due(now)

    async def round(self, day: int, channel: ChannelId = CHANNEL) -> Round:
        round_ = await self.bot.round_on(channel, at("09:00", day).date())
        assert round_ is not None
        return round_

    async def said(self, who: str, text: str, when: datetime, day: int, message: str, **changes: Any) -> Said:
        thread = (await self.round(day)).thread
        assert thread is not None
        name = NAME if who == "ada" else who
        said = Said(place=thread, message=message, member=member(who), name=name, text=text, said_at=when)
        return replace(said, **changes)

    async def fills_form(
        self, who: str, text: str, when: datetime, day: int, share: Share = Share.NO, channel: ChannelId = CHANNEL
    ) -> None:
        self._number += 1
        form = Form(
            round=(await self.round(day, channel)).id,
            interaction=f"form {self._number}",
            member=member(who, channel),
            name=NAME if who == "ada" else who,
            text=text,
            at=when,
            share=share,
        )
        await self.bot.answer(form, when)

    async def command(self, who: str, text: str, when: datetime, channel: ChannelId = CHANNEL) -> Card:
        self._number += 1
        return await self.bot.command(_asker(who, channel), text, id=f"command {self._number}", now=when)

    async def press(self, who: str, press: Press, about: str, when: datetime) -> Card:
        self._number += 1
        return await self.bot.press(_asker(who), press, about, id=f"press {self._number}", now=when)

    def bytes(self) -> dict[str, int]:
        """How often the secret stands in the file and in its log."""
        files = [file for file in self.path.parent.iterdir() if file.name.startswith(self.path.name)]
        return {file.name: file.read_bytes().count(SECRET.encode()) for file in files}


def _asker(who: str, channel: ChannelId = CHANNEL) -> Asker:
    name = NAME if who == "ada" else who
    return Asker(member=member(who, channel), name=name, place=Place(channel=channel), organizer=who == "olga")


@pytest_asyncio.fixture
async def study(tmp_path: Path) -> AsyncIterator[Study]:
    study = Study(tmp_path / "nnquestion.db")
    await study.do(lambda tx: keep(tx, make_drill(recap=True)))
    yield study
    await study.store.close()


async def does_everything(study: Study) -> None:
    """Ada says the secret by every way there is, from Sunday to the Monday of next week."""
    await study.turn(at("09:00"))
    first = await study.said("ada", f"An answer in the thread, {SECRET} in it.", at("10:00"), 0, "m1")
    await study.bot.answer(first, at("10:00"))
    edited = replace(first, text=f"Now edited, {SECRET} still in it.", edited_at=at("10:05"))
    await study.bot.answer(edited, at("10:05"))
    await study.bot.answer(await study.said("ada", f"{SECRET}!", at("10:06"), 0, "m2"), at("10:06"))
    await study.fills_form("bob", "Bob answers, so that there are two.", at("10:10"), 0)
    await study.turn(at("09:00", 1))
    objection = await study.press("ada", Press.OBJECT, f"1.0 {(await study.round(0)).id}", at("09:30", 1))
    assert SECRET in repr(objection)
    await study.press("olga", Press.RULE, f"grant o1 {CHANNEL}", at("09:31", 1))
    await study.press("ada", Press.CONSENT, "yes 1", at("09:32", 1))
    await study.command("olga", f"award @ada 2 for {SECRET} and more", at("09:33", 1))
    await study.command("olga", "review", at("09:33", 1))
    await study.fills_form("ada", f"The form held {SECRET} first.", at("10:00", 1), 1)
    await study.fills_form("ada", f"The form, shared, holds {SECRET} now.", at("10:01", 1), 1, Share.WITH_NAME)
    await study.fills_form("bob", "Bob answers, so that there are two.", at("10:10", 1), 1)
    await study.turn(at("09:00", 2))
    shared = (await study.round(1)).id
    await study.do(lambda tx: tx.answers.help(shared, ADA, member("bob")))
    message = await study.said("ada", f"Submitted by the menu, {SECRET} in it.", at("09:55", 2), 2, "m3")
    submitted = Submitted(said=message, by=ADA, interaction="menu 1", at=at("10:00", 2))
    await study.bot.answer(submitted, at("10:00", 2))
    await study.press("ada", Press.DO, f"ask gradients {CHANNEL}", at("10:01", 2))
    await study.command("ada", "ask", at("10:02", 2))
    await study.press("ada", Press.SHARE, f"month points all {CHANNEL}", at("10:03", 2))
    await study.command("ada", "me remind 08:30", at("10:04", 2))
    await study.command("ada", "me away until 2026-11-26", at("10:05", 2))
    for day in range(3, 9):
        await study.turn(at("08:30", day), send=day != 4)
        if day == 5:
            await study.bot.direct(
                ADA, NAME, "dm 1", f"By direct message, {SECRET} in it.", at("08:40", 5), at("08:40", 5)
            )
        await study.fills_form("bob", "Bob answers every day, so that nothing sleeps.", at("08:50", day), day - 1)
        await study.turn(at("09:00", day))
    await study.bot.answer(
        await study.said("ada", f"Talk about {SECRET}, five words long.", at("09:10", 8), 8, "m4"), at("09:10", 8)
    )
    data = {"team": "local", "event": json.dumps({"type": "message", "user": "ada", "text": f"Unworked {SECRET}"})}
    await study.bot.receive("terminal/event/1", data, at("09:11", 8))


async def test_nothing_that_was_forgotten_stands_in_the_bytes_of_the_file_or_its_log(study: Study) -> None:
    await does_everything(study)
    tables = [name for (name,) in ask(study.path, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    held = {table for table in tables if SECRET in repr(ask(study.path, f"SELECT * FROM {table}"))}
    assert held == {
        *("deliveries", "events", "exemplars", "grades", "ledger", "members", "objections", "parts", "revisions"),
        "rulings",
    }
    said = [posted.words for posted in study.messenger.standing if SECRET in posted.words]
    assert {words.split("\n")[0].split(",")[0] for words in said} >= {"An award", "The week of 23 November"}
    boards = ask(study.path, "SELECT * FROM tallies ORDER BY member, channel, season")
    grades = ask(study.path, "SELECT id, grade FROM grades ORDER BY id")
    await study.press("ada", Press.FORGET, "yes", at("09:20", 8))
    again = await study.said("ada", f"Talk about {SECRET}, edited.", at("09:10", 8), 8, "m4", edited_at=at("09:21", 8))
    await study.bot.answer(again, at("09:21", 8))
    await study.turn(at("09:22", 8))
    assert [table for table in tables if SECRET in repr(ask(study.path, f"SELECT * FROM {table}"))] == []
    ask(study.path, "PRAGMA wal_checkpoint(TRUNCATE)")
    assert study.bytes() == {"nnquestion.db": 0, "nnquestion.db-shm": 0, "nnquestion.db-wal": 0}
    assert ask(study.path, "SELECT * FROM tallies ORDER BY member, channel, season") == boards
    assert ask(study.path, "SELECT id, grade FROM grades ORDER BY id") == grades
    assert ask(study.path, "SELECT DISTINCT name FROM members WHERE id = ?", ADA) == [("someone",)]
    assert await study.do(lambda tx: tx.ledger.recount()) == 0


async def test_the_bytes_would_show_what_was_not_removed(study: Study) -> None:
    await does_everything(study)
    ask(study.path, "PRAGMA wal_checkpoint(TRUNCATE)")
    assert study.bytes()["nnquestion.db"] > 10


# --- what is old --------------------------------------------------------------------------------------------


async def a_day(study: Study) -> None:
    """Ada answers on Sunday in the thread and on Monday by form; both are revealed on Tuesday."""
    await study.turn(at("09:00"))
    await study.bot.answer(
        await study.said("ada", "It drops units at random, I say.", at("10:00"), 0, "m1"), at("10:00")
    )
    await study.turn(at("09:00", 1))
    await study.fills_form("ada", "By form it drops units at random.", at("10:00", 1), 1)
    await study.turn(at("09:00", 2))


def texts_of_events(study: Study) -> list[str]:
    found = ask(study.path, "SELECT json_extract(data, '$.text') FROM events WHERE json_extract(data, '$.text') <> ''")
    return sorted(text for (text,) in found)


async def test_what_happened_loses_its_words_after_a_week(study: Study) -> None:
    await a_day(study)
    await study.turn(at("11:00", 7))
    assert texts_of_events(study) == ["By form it drops units at random."]
    await study.turn(at("11:00", 8))
    assert texts_of_events(study) == []
    answer = await study.bot.own_answer((await study.round(0)).id, ADA)
    assert answer is not None
    assert answer.text == "It drops units at random, I say."


async def test_the_words_of_a_round_that_is_still_open_stay(study: Study) -> None:
    await a_day(study)
    await study.fills_form("ada", "This round stays open for long.", at("10:00", 2), 2)
    stays = replace(await study.round(2), closes_at=at("09:00", 20), reveal_at=at("09:00", 20))
    await study.do(lambda tx: tx.rounds.save(stays))
    await study.turn(at("11:00", 15))
    assert texts_of_events(study) == ["This round stays open for long."]
    await study.turn(at("11:00", 21))
    assert texts_of_events(study) == []


async def test_what_was_not_worked_on_waits_however_old_it_is(study: Study) -> None:
    await study.bot.receive("slack/event/1", {"text": "nobody has looked at this"}, at("09:00"))
    await study.turn(at("09:00", 30))
    assert texts_of_events(study) == ["nobody has looked at this"]


async def test_messages_lose_their_words_a_week_after_they_were_sent(study: Study) -> None:
    await a_day(study)
    await study.turn(at("09:01", 8))
    rows = ask(study.path, "SELECT created_at, state FROM deliveries WHERE card IS NOT NULL ORDER BY created_at")
    assert rows
    assert min(created for created, _ in rows) >= "2026-11-23T09:01"


async def test_a_message_that_is_still_owed_keeps_its_words(study: Study) -> None:
    owed = Delivery(
        key="x", place=Place(channel=RANDOM), action=Action.POST, created_at=at("09:00"), card=Card(title="late")
    )
    await study.do(lambda tx: keep(tx, owed, replace(owed, key="y", state=DeliveryState.DROPPED)))
    await study.turn(at("09:00", 30), send=False)
    kept = ask(study.path, "SELECT key FROM deliveries WHERE key IN ('x', 'y') AND card IS NOT NULL")
    assert kept == [("x",)]


async def test_answers_are_kept_unless_a_setting_says_otherwise(study: Study) -> None:
    await a_day(study)
    await study.turn(at("09:00", 300))
    answer = await study.bot.own_answer((await study.round(0)).id, ADA)
    assert answer is not None
    assert answer.text == "It drops units at random, I say."


async def test_texts_of_answers_go_after_the_days_that_are_set_and_grades_stay(tmp_path: Path) -> None:
    study = Study(tmp_path / "nnquestion.db", keep_answers=timedelta(days=10))
    await study.do(lambda tx: keep(tx, make_drill()))
    await a_day(study)
    before = await study.do(lambda tx: tx.ledger.of_member(GROUP, ADA))
    await study.turn(at("09:00", 11))
    first, second = [(await study.round(day)).id for day in (0, 1)]
    texts = [(await study.bot.own_answer(round_id, ADA)) for round_id in (first, second)]
    assert [answer is not None and answer.text for answer in texts] == ["", "By form it drops units at random."]
    grade = await study.do(lambda tx: tx.answers.grade(first, ADA))
    assert grade is not None
    assert (grade.level, {point.words for point in grade.points}) == (1, {""})
    assert await study.do(lambda tx: tx.ledger.of_member(GROUP, ADA)) == before
    assert ask(study.path, "SELECT DISTINCT text FROM revisions WHERE round = ?", first) == [("",)]
    await study.store.close()


async def test_it_is_looked_for_once_a_day_and_in_steps(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[datetime] = []

    def step(tx: Transaction, now: datetime, keep_answers: timedelta | None) -> bool:
        looked.append(now)
        return len(looked) % 25 == 0

    monkeypatch.setattr("bot.core.retention.step", step)
    await study.turn(at("09:00"))
    assert len(looked) == 20  # The rest waits for the next tick.
    await study.turn(at("09:01"))
    assert len(looked) == 25
    await study.turn(at("23:00"))
    assert len(looked) == 25
    await study.turn(at("00:01", 1))
    assert len(looked) == 45


async def test_a_fault_in_it_holds_up_nothing_else(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    def step(tx: Transaction, now: datetime, keep_answers: timedelta | None) -> bool:
        raise ZeroDivisionError

    monkeypatch.setattr("bot.core.retention.step", step)
    await study.turn(at("09:00"))
    assert (await study.round(0)).state is RoundState.OPEN


# --- a group that removed the bot ---------------------------------------------------------------------------


async def two_groups(study: Study) -> None:
    """Ada does everything here; elsewhere Kit answers on the last of these days."""
    opening = Opening(on=at("09:00", 8).date(), at=at("09:00", 8))
    await study.do(lambda tx: keep(tx, make_drill(ELSEWHERE, next=opening, set_up_by=None)))
    await does_everything(study)
    await study.fills_form("kit", "Kit answers from elsewhere, five words.", at("09:30", 8), 8, channel=ELSEWHERE)
    await study.command("kit", "me away until 2026-12-24", at("09:31", 8), ELSEWHERE)
    await study.command("kit", "me remind 08:30", at("09:31", 8), ELSEWHERE)
    await study.turn(at("09:00", 9))


def contents(study: Study, group: str) -> dict[str, list[Any]]:
    """All rows in which a group's id stands, by table."""
    tables = [name for (name,) in ask(study.path, "SELECT name FROM sqlite_master WHERE type = 'table'")]
    rows = {table: ask(study.path, f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables}
    return {table: [row for row in found if group in repr(row)] for table, found in rows.items()}


async def test_thirty_days_after_a_group_removed_the_bot_all_of_it_is_gone_and_no_other_row(study: Study) -> None:
    await two_groups(study)
    await study.bot.left(group_of(CHANNEL), at("12:00", 9))
    await study.turn(at("11:59", 39), send=False)
    here = contents(study, f"{GROUP}/")
    filled = {table for table, rows in here.items() if rows}
    assert {"answers", "absences", "rulings", "seasons", "exemplars", "plans", "facts", "reminders", "helped"} <= filled
    elsewhere = contents(study, "terminal:elsewhere")
    triggers = ask(study.path, "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name")
    study.bot._cleaned_on = None  # The daily look of this day was before noon.
    await study.bot.tick(at("12:01", 39))
    assert [table for table, rows in contents(study, "terminal:local").items() if rows] == []
    assert contents(study, "terminal:elsewhere") == elsewhere
    assert ask(study.path, "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name") == triggers
    assert ask(study.path, "PRAGMA foreign_key_check") == []
    assert SECRET not in repr(ask(study.path, "SELECT * FROM events"))
    assert await study.do(lambda tx: tx.ledger.recount()) == 0


async def test_questions_that_nobody_else_was_asked_go_and_the_ledger_is_only_added_to_again(study: Study) -> None:
    await two_groups(study)
    await study.do(lambda tx: tx.records.purge(GROUP))
    left = {digest for (digest,) in ask(study.path, "SELECT digest FROM questions")}
    assert left == {digest for (digest,) in ask(study.path, "SELECT question FROM rounds")}
    with pytest.raises(sqlite3.IntegrityError, match="only added to"):
        ask(study.path, "DELETE FROM ledger")


async def test_a_purge_that_fails_leaves_everything_as_it_was(study: Study) -> None:
    await two_groups(study)
    before = contents(study, "")

    def fails(tx: Transaction) -> None:
        tx.records.purge(GROUP)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await study.do(fails)
    assert contents(study, "") == before
    with pytest.raises(sqlite3.IntegrityError, match="only added to"):
        ask(study.path, "DELETE FROM ledger")


async def test_a_group_that_sets_the_bot_up_again_keeps_everything(study: Study) -> None:
    await study.turn(at("09:00"))
    await study.bot.left(GROUP, at("10:00"))
    told = await study.command("olga", "setup time=09:00 zone=UTC", at("10:00", 5))
    assert "The drill is" in repr(told)
    await study.bot.channel_lost(CHANNEL, "the channel is gone", at("10:00", 6))
    await study.turn(at("10:00", 40), send=False)
    assert (await study.round(0)).state is RoundState.CANCELLED


async def test_an_outage_however_long_removes_nothing(study: Study) -> None:
    await a_day(study)
    await study.bot.channel_lost(CHANNEL, "the channel is gone", at("10:00", 2))
    assert (await study.do(lambda tx: tx.drills.all()))[0].state is DrillState.OFF
    await study.turn(at("09:00", 400), send=False)
    assert (await study.round(0)).state is RoundState.REVEALED


async def test_a_group_that_is_in_use_is_never_removed(study: Study) -> None:
    await study.bot.left(GROUP, at("10:00"))
    await study.do(lambda tx: keep(tx, make_drill()))
    await study.turn(at("10:00", 40), send=False)
    assert await study.do(lambda tx: tx.drills.get(CHANNEL)) is not None
    assert await study.do(lambda tx: tx.records.left_before(at("10:00", 400))) == []


async def test_a_group_with_almost_the_same_id_is_another(study: Study) -> None:
    await two_groups(study)
    before = contents(study, "terminal:")
    for id_ in ("terminal:local2", "terminal:loca", "terminal:lo_al", "terminal:%", "terminal"):
        await study.do(partial(_purge, id_))
        assert contents(study, "terminal:") == before


def _purge(group: str, tx: Transaction) -> None:
    tx.records.purge(GroupId(group))


async def test_to_be_forgotten_in_one_group_is_not_to_be_so_in_another(study: Study) -> None:
    await two_groups(study)
    before = contents(study, "terminal:elsewhere")
    await study.do(lambda tx: keep(tx, make_member(f"{group_of(ELSEWHERE)}/@ada", name="Ada elsewhere")))
    await study.press("ada", Press.FORGET, "yes", at("10:00", 9))
    after = contents(study, "terminal:elsewhere")
    after["members"] = [row for row in after["members"] if "@ada" not in row[0]]
    assert after == before
    there = await study.do(lambda tx: tx.members.of_group(group_of(ELSEWHERE)))
    assert {one.name for one in there} == {"Ada elsewhere", "kit"}
    assert all(one.naming is not Naming.SOMEONE for one in there)
