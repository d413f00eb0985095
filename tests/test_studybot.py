"""A study bot over a real store: what a day comes to, tick by tick, and what trouble does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
import pytest_asyncio

from bot.core import rounds, rulings
from bot.core.answering import Deleted, Form, Said, Submitted
from bot.core.asking import Asker
from bot.core.card import Button, Card, Press
from bot.core.model import (
    Action,
    Answer,
    ChannelId,
    Drill,
    DrillState,
    Exemplar,
    ExemplarKind,
    Grade,
    Place,
    Question,
    Receipt,
    Reminder,
    Round,
    RoundKind,
    RoundState,
    Share,
    Told,
    Why,
    daily_round_id,
    group_of,
)
from bot.core.ports import Store, StoreError, Transaction
from bot.delivery import Deliverer
from bot.store import SqliteStore
from bot.studybot import AT_ONCE, StudyBot
from tests.adapters.fakes import ScriptedMessenger, StubGrader
from tests.core.worlds import (
    DONT_KNOW,
    EXTRA,
    FULL,
    ONE,
    PARTLY,
    SLUGS,
    TRY,
    TWO,
    at,
    make_bank,
    marked,
    member,
    words_of,
)
from tests.factories import CHANNEL, GROUP, RANDOM, keep, make_drill, make_question, make_ruling, make_timetable
from tests.store.files import ask, with_tables

T = TypeVar("T")

HERE = Place(channel=CHANNEL)
BROKEN = ChannelId("terminal:local/broken")


class Study:
    """A study bot with its store, its grader and a platform on which everything arrives."""

    def __init__(self, path: Path, messenger: ScriptedMessenger | None = None) -> None:
        self.banks = {"nn": make_bank([make_question(slug) for slug in SLUGS])}
        self.store = SqliteStore(path)
        self.grader = StubGrader()
        self.messenger = messenger or ScriptedMessenger()
        self.woken = 0
        self.bot = StudyBot(self.store, self.grader, lambda: self.banks, owed=self._wake)
        self.deliverer = Deliverer(self.store, {"terminal": self.messenger})
        self._number = 0

    def _wake(self) -> None:
        self.woken += 1

    async def do(self, work: Callable[[Transaction], T]) -> T:
        return await self.store.write(work)

    async def set_up(self, channel: str = CHANNEL, **changes: Any) -> None:
        await self.do(lambda tx: keep(tx, make_drill(channel, **changes)))

    async def turn(self, now: datetime) -> None:
        """Do what is due, and send what is owed."""
        await self.bot.tick(now)
        await self.deliverer.send_due(now)

    async def says(self, who: str, text: str, when: datetime, **changes: Any) -> Told:
        """A member says something in the thread of the first day's round, or at a place."""
        return await self.hears(await self.said(who, text, when, **changes))

    async def said(self, who: str, text: str, when: datetime, *, day: int = 0, **changes: Any) -> Said:
        self._number += 1
        place = changes.pop("place", None) or (await self.round(day)).thread
        assert place is not None
        message = changes.pop("message", f"said {self._number}")
        return Said(place=place, message=message, member=member(who), name=who, text=text, said_at=when, **changes)

    async def hears(self, happened: Said | Deleted | Form | Submitted, now: datetime | None = None) -> Told:
        latest = happened.edited_at or happened.said_at if isinstance(happened, Said) else at("12:00")
        return await self.bot.answer(happened, now or max(latest, at("12:00")))

    async def round(self, day: int = 0, channel: ChannelId = CHANNEL) -> Round:
        round_ = await self.bot.round_on(channel, at("09:00", day).date())
        assert round_ is not None
        return round_

    async def states(self, channel: ChannelId = CHANNEL) -> list[RoundState]:
        """The states of a channel's rounds, first opened first."""
        return [round_.state for round_ in await self.do(lambda tx: tx.rounds.of_channel(channel)[::-1])]

    async def text(self, who: str, day: int = 0) -> str | None:
        round_ = await self.round(day)
        answer = await self.do(lambda tx: tx.answers.get(round_.id, member(who)))
        return answer.text if answer is not None and answer.parts else None

    async def points(self, who: str) -> int:
        rows = await self.do(lambda tx: tx.ledger.of_member(group_of(CHANNEL), member(who)))
        return sum(row.points for row in rows)

    async def drill(self, channel: ChannelId = CHANNEL) -> Drill:
        drill = await self.do(lambda tx: tx.drills.get(channel))
        assert drill is not None
        return drill

    def key(self, what: str, day: int = 0, channel: ChannelId = CHANNEL) -> str:
        return f"{daily_round_id(channel, at('09:00', day).date())}/{what}"

    def words(self, what: str, day: int = 0) -> str:
        """What a message of a day's round says."""
        return self.messenger.posted(self.key(what, day)).words


@pytest_asyncio.fixture
async def study(tmp_path: Path) -> AsyncIterator[Study]:
    study = Study(with_tables(tmp_path / "nnquestion.db"))
    await study.set_up()
    yield study
    await study.store.close()


# --- a day --------------------------------------------------------------------------------------------------


async def test_nothing_happens_before_its_time(study: Study) -> None:
    await study.turn(at("08:59:59"))
    assert study.messenger.requests == []


async def test_a_day_from_the_opening_to_the_next(study: Study) -> None:
    await study.turn(at("09:00"))
    assert await study.states() == [RoundState.OPEN]
    assert study.messenger.said() == [study.key("question")]
    for who, text in (("ada", FULL), ("bob", PARTLY), ("eve", TRY), ("kit", DONT_KNOW)):
        assert (await study.says(who, text, at("10:00"))).receipt is Receipt.RECORDED
    await study.turn(at("08:59", 1))
    assert await study.states() == [RoundState.OPEN]
    await study.turn(at("09:00", 1))
    assert await study.states() == [RoundState.REVEALED, RoundState.OPEN]
    assert [await study.points(who) for who in ("ada", "bob", "eve", "kit")] == [3, 2, 1, 0]
    assert "What the 4 answers covered" in study.words("reveal")
    assert "4 answers" in study.words("question")
    assert study.messenger.posted(study.key("reveal")).ref.place == (await study.round()).thread


async def test_the_reveal_goes_out_just_before_the_new_card(study: Study) -> None:
    await study.turn(at("09:00"))
    await study.turn(at("09:00", 1))
    assert study.messenger.said() == [study.key("question"), study.key("reveal"), study.key("question", 1)]
    assert [verb for verb, _ in study.messenger.requests] == [
        "send", "open_thread", "send", "edit", "send", "open_thread"
    ]  # fmt: skip


async def test_a_round_that_closes_earlier_is_revealed_at_its_time(study: Study) -> None:
    timetable = make_timetable(closing=replace(make_timetable().closing, after_hours=8), reveal_at=at("18:00").time())
    await study.set_up(timetable=timetable)
    await study.turn(at("09:00"))
    await study.says("ada", FULL, at("10:00"))
    await study.turn(at("17:00"))
    assert await study.states() == [RoundState.GRADED]
    assert study.messenger.said() == [study.key("question")]
    await study.turn(at("18:00"))
    assert await study.states() == [RoundState.REVEALED]
    assert study.key("reveal") in study.messenger.said()


async def test_ticking_again_at_the_same_time_changes_nothing(study: Study) -> None:
    await study.turn(at("09:00"))
    await study.says("ada", FULL, at("10:00"))
    await study.turn(at("09:00", 1))
    before = (list(study.messenger.requests), await study.points("ada"), await study.states())
    for _ in range(3):
        await study.turn(at("09:00", 1))
    assert (study.messenger.requests, await study.points("ada"), await study.states()) == before


async def test_the_button_to_try_a_question_does_once_what_ask_does_where_it_was_offered(study: Study) -> None:
    asker = Asker(member=member("olga"), name="Olga", place=Place(channel=RANDOM), organizer=True)
    for outcome in ("An extra question", "done that already"):
        card = await study.bot.press(asker, Press.TRY, CHANNEL, id="press 1", now=at("08:00"))
        assert outcome in words_of(card)
    [round_] = await study.do(lambda tx: tx.rounds.of_channel(CHANNEL))
    assert round_.kind is RoundKind.EXTRA
    stranger = replace(asker, place=Place(channel=ChannelId("discord:1/2")))
    card = await study.bot.press(stranger, Press.TRY, CHANNEL, id="press 2", now=at("08:01"))
    assert "another group" in words_of(card)


async def test_a_late_answer_is_kept_and_graded_without_points(study: Study) -> None:
    await study.turn(at("09:00"))
    await study.turn(at("09:00", 1))
    told = await study.says("ada", FULL, at("09:01", 1))
    assert told.receipt is Receipt.LATE
    await study.turn(at("09:02", 1))
    assert await study.points("ada") == 0
    asker = Asker(member=member("ada"), name="ada", place=HERE)
    card = await study.bot.press(asker, Press.RESULT, (await study.round()).id, id="press 1", now=at("09:03", 1))
    assert "all the essentials" in words_of(card)


async def test_an_answer_given_before_the_close_counts_though_it_is_handed_in_after_the_reveal(study: Study) -> None:
    await study.turn(at("09:00"))
    await study.turn(at("09:00", 1))
    told = await study.says("ada", FULL, at("08:59", 1))
    assert told.receipt is Receipt.RECORDED
    await study.turn(at("09:05", 1))
    assert await study.points("ada") == 3


async def test_a_week_without_an_answer_ends_with_a_sleeping_drill_and_a_button(study: Study) -> None:
    for day in range(8):
        await study.turn(at("09:00", day))
    assert await study.states() == [RoundState.REVEALED] * 5
    assert (await study.drill()).state is DrillState.ASLEEP
    (note,) = [posted for posted in study.messenger.standing if posted.card.title == "This drill sleeps"]
    (button,) = note.card.buttons
    olga = Asker(member=member("olga"), name="olga", place=HERE, organizer=True)
    await study.bot.press(olga, button.press, button.about, id="press 1", now=at("12:00", 8))
    await study.turn(at("09:00", 9))
    assert (await study.states())[-1] is RoundState.OPEN


# --- downtime -----------------------------------------------------------------------------------------------


async def test_a_round_still_opens_when_half_of_its_time_is_left_and_says_that_it_is_late(study: Study) -> None:
    await study.turn(at("21:00"))
    assert await study.states() == [RoundState.OPEN]
    assert "it comes late" in study.words("question")


async def test_a_round_with_less_than_half_of_its_time_left_is_skipped_and_the_next_card_says_so(study: Study) -> None:
    await study.turn(at("21:00:01"))
    assert await study.states() == [RoundState.SKIPPED]
    assert study.messenger.requests == []
    await study.turn(at("09:00", 1))
    assert await study.states() == [RoundState.SKIPPED, RoundState.OPEN]
    assert "Left out while I was away: 22 November." in study.words("question", 1)
    await study.turn(at("09:00", 2))
    assert "Left out" not in study.words("question", 2)


async def test_after_days_away_the_old_round_is_revealed_the_missed_ones_are_named_and_the_last_opens(
    study: Study,
) -> None:
    await study.turn(at("09:00"))
    await study.says("ada", FULL, at("10:00"))
    await study.turn(at("12:00", 4))
    assert await study.states() == [RoundState.REVEALED, *[RoundState.SKIPPED] * 3, RoundState.OPEN]
    assert study.messenger.said() == [study.key("question"), study.key("reveal"), study.key("question", 4)]
    assert "Left out while I was away: 23 November and 24 November and 25 November." in study.words("question", 4)
    assert await study.points("ada") == 3


async def test_skipped_rounds_break_no_streak(study: Study) -> None:
    await study.turn(at("09:00"))
    await study.says("ada", FULL, at("10:00"))
    await study.turn(at("12:00", 4))
    await study.says("ada", FULL, at("13:00", 4), day=4)
    await study.turn(at("09:00", 5))
    asker = Asker(member=member("ada"), name="ada", place=HERE)
    card = await study.bot.command(asker, "me", id="command 1", now=at("10:00", 5))
    assert "streak here: 2" in words_of(card)


async def test_a_restart_is_an_ordinary_tick(study: Study, tmp_path: Path) -> None:
    await study.bot.tick(at("09:00"))
    await study.store.close()
    again = Study(tmp_path / "nnquestion.db")
    await again.turn(at("09:01"))
    assert again.messenger.said() == [again.key("question")]
    assert await again.states() == [RoundState.OPEN]
    await again.store.close()


# --- answers that are still being fetched -------------------------------------------------------------------


async def test_a_round_stays_open_while_answers_are_fetched_and_closes_once_they_are_there(study: Study) -> None:
    await study.turn(at("09:00"))
    study.bot.fetching(CHANNEL, at("08:58", 1))
    await study.turn(at("09:05", 1))
    assert await study.states() == [RoundState.OPEN]
    await study.says("ada", FULL, at("08:30", 1))
    study.bot.fetched(CHANNEL)
    await study.turn(at("09:06", 1))
    assert await study.states() == [RoundState.REVEALED, RoundState.OPEN]
    assert await study.points("ada") == 3


async def test_fetching_holds_a_close_for_fifteen_minutes_and_no_longer(study: Study) -> None:
    await study.turn(at("09:00"))
    study.bot.fetching(CHANNEL, at("08:58", 1))
    await study.turn(at("09:12", 1))
    assert await study.states() == [RoundState.OPEN]
    await study.turn(at("09:14", 1))
    assert await study.states() == [RoundState.REVEALED, RoundState.OPEN]


async def test_fetching_that_begins_again_and_again_holds_a_close_no_longer(study: Study) -> None:
    await study.turn(at("09:00"))
    for minute in range(58, 80, 2):
        study.bot.fetching(CHANNEL, at("08:00", 1) + timedelta(minutes=minute))
        await study.turn(at("08:00", 1) + timedelta(minutes=minute))
    assert await study.states() == [RoundState.REVEALED, RoundState.OPEN]


async def test_a_fetch_long_ago_that_never_ended_does_not_weaken_a_new_one(study: Study) -> None:
    await study.turn(at("09:00"))
    study.bot.fetching(CHANNEL, at("12:00"))
    study.bot.fetching(CHANNEL, at("08:58", 1))
    await study.turn(at("09:05", 1))
    assert await study.states() == [RoundState.OPEN]


async def test_fetching_in_one_channel_holds_no_other(study: Study) -> None:
    await study.set_up(RANDOM)
    await study.turn(at("09:00"))
    study.bot.fetching(CHANNEL, at("08:58", 1))
    await study.turn(at("09:00", 1))
    assert await study.states() == [RoundState.OPEN]
    assert await study.states(RANDOM) == [RoundState.REVEALED, RoundState.OPEN]


async def test_the_end_of_fetching_wakes_the_program(study: Study) -> None:
    before = study.woken
    study.bot.fetched(CHANNEL)
    assert study.woken == before + 1


# --- trouble ------------------------------------------------------------------------------------------------


async def test_a_grader_that_fails_does_not_hold_the_reveal_and_counts_as_a_try(study: Study) -> None:
    await study.turn(at("09:00"))
    study.grader.broken.add((await study.round()).question.id)
    await study.says("ada", FULL, at("10:00"))
    await study.turn(at("09:00", 1))
    assert await study.states() == [RoundState.REVEALED, RoundState.OPEN]
    assert study.key("reveal") in study.messenger.said()
    assert await study.points("ada") == 1


async def test_a_grader_that_gives_too_few_grades_does_not_hold_the_reveal_or_any_other_channel(study: Study) -> None:
    await study.set_up(RANDOM)
    await study.turn(at("09:00"))
    study.grader.short.add((await study.round()).question.id)
    await study.says("ada", FULL, at("10:00"))
    await study.says("bob", FULL, at("10:00"))
    await study.turn(at("09:00", 1))
    assert await study.states(RANDOM) == [RoundState.REVEALED, RoundState.OPEN]
    assert await study.states() == [RoundState.REVEALED, RoundState.OPEN]


async def test_a_channel_with_a_fault_leaves_the_others_working(study: Study) -> None:
    await study.set_up(RANDOM)
    await study.set_up(BROKEN, timetable=make_timetable(zone="Mars/Olympus_Mons"))
    await study.turn(at("09:00"))
    assert await study.states() == await study.states(RANDOM) == [RoundState.OPEN]
    assert await study.states(BROKEN) == []
    await study.turn(at("09:00", 1))
    assert await study.states(RANDOM) == [RoundState.REVEALED, RoundState.OPEN]


class Faulty:
    """A store in which no change of the round of one channel can be kept."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def write(self, work: Callable[[Transaction], T]) -> T:
        def guarded(tx: Transaction) -> T:
            round_id = daily_round_id(BROKEN, at("09:00").date())
            before = tx.rounds.get(round_id)
            result = work(tx)
            if tx.rounds.get(round_id) != before:
                raise ArithmeticError("nobody thought of this")
            return result

        return await self._store.write(guarded)

    async def read(self, work: Callable[[Transaction], T]) -> T:
        return await self._store.read(work)

    async def close(self) -> None:
        await self._store.close()


async def test_a_round_that_cannot_be_closed_holds_no_other_channel(study: Study) -> None:
    await study.set_up(BROKEN)
    await study.turn(at("09:00"))
    bot = StudyBot(Faulty(study.store), study.grader, lambda: study.banks)
    await bot.tick(at("09:00", 1))
    assert await study.states() == [RoundState.REVEALED, RoundState.OPEN]
    assert await study.states(BROKEN) == [RoundState.OPEN]


async def test_a_round_whose_grades_cannot_be_kept_holds_no_other_channel(study: Study) -> None:
    await study.set_up(BROKEN)
    await study.turn(at("09:00"))
    thread = (await study.round(channel=BROKEN)).thread
    await study.says("eve", FULL, at("10:00"), place=thread)
    await study.says("ada", FULL, at("10:00"))
    for channel in (CHANNEL, BROKEN):
        round_ = await study.round(channel=channel)
        await study.do(lambda tx, round_=round_: tx.rounds.save(replace(round_, state=RoundState.CLOSED)))  # type: ignore[misc]
    bot = StudyBot(Faulty(study.store), study.grader, lambda: study.banks)
    await bot.tick(at("09:00", 1))
    assert await study.states() == [RoundState.REVEALED, RoundState.OPEN]
    assert await study.points("ada") == 3


async def test_a_disk_that_refuses_is_told_to_who_ticks(study: Study) -> None:
    class Full(Faulty):
        async def write(self, work: Callable[[Transaction], T]) -> T:
            raise StoreError("its disk refuses")

    bot = StudyBot(Full(study.store), study.grader, lambda: study.banks)
    with pytest.raises(StoreError):
        await bot.tick(at("09:00"))
    await study.turn(at("09:01"))
    assert await study.states() == [RoundState.OPEN]


async def test_a_bank_with_nothing_to_ask_switches_its_drill_off_and_no_other(study: Study) -> None:
    await study.set_up(RANDOM, bank="elsewhere")
    await study.turn(at("09:00"))
    assert (await study.drill(RANDOM)).state is DrillState.OFF
    assert await study.states() == [RoundState.OPEN]


# --- the same thing twice, and in the wrong order -----------------------------------------------------------


async def happenings(study: Study) -> list[Said | Deleted | Form | Submitted]:
    """One of each kind, and each counts."""
    round_ = await study.round()
    said = await study.said("ada", FULL, at("10:00"), message="1")
    other = await study.said("bob", "coffee first", at("10:00"), message="2")
    form = Form(
        round=round_.id, interaction="3", member=member("eve"), name="eve", text=FULL, at=at("10:00")
    )  # fmt: skip
    return [
        said,
        replace(said, text=PARTLY, edited_at=at("10:05")),
        Submitted(said=other, by=member("bob"), interaction="4", at=at("10:10")),
        form,
        Deleted(channel=CHANNEL, message="1", at=at("10:15")),
        await study.said("kit", "no", at("10:20"), message="5"),
    ]


async def test_the_same_event_gets_the_same_receipt_however_often_and_late_it_arrives(study: Study) -> None:
    await study.turn(at("09:00"))
    happened = await happenings(study)
    first = [await study.hears(one) for one in happened]
    assert [told.receipt for told in first] == [
        Receipt.RECORDED,
        Receipt.REVISED,
        Receipt.RECORDED,
        Receipt.RECORDED,
        Receipt.WITHDRAWN,
        Receipt.NOT_COUNTED,
    ]
    assert first[0].counts == ("1",)
    assert first[4].counts_no_more == ("1",)
    await study.turn(at("09:00", 1))
    again = [await study.hears(one, at("12:00", 3)) for one in happened]
    assert [(told.receipt, told.why) for told in again] == [(told.receipt, told.why) for told in first]
    assert await study.points("ada") == 0


async def test_the_marks_of_a_receipt_told_again_are_those_of_the_answer_as_it_stands(study: Study) -> None:
    await study.turn(at("09:00"))
    happened = await happenings(study)
    for one in happened:
        await study.hears(one)
    again = await study.hears(happened[0])
    assert (again.counts, again.counts_no_more) == ((), ("1",))  # It has been withdrawn since.


async def test_receipts_outlive_a_restart(study: Study, tmp_path: Path) -> None:
    await study.turn(at("09:00"))
    happened = await happenings(study)
    first = [await study.hears(one) for one in happened]
    await study.store.close()
    again = Study(tmp_path / "nnquestion.db")
    told = [await again.hears(one) for one in happened]
    assert [one.receipt for one in told] == [one.receipt for one in first]
    await again.store.close()


async def test_the_same_event_at_the_same_moment_counts_once(study: Study) -> None:
    await study.turn(at("09:00"))
    said = await study.said("ada", FULL, at("10:00"))
    told = await asyncio.gather(*(study.hears(said) for _ in range(5)))
    assert set(told) == {told[0]}
    round_ = await study.round()
    answer = await study.do(lambda tx: tx.answers.get(round_.id, member("ada")))
    assert answer is not None
    assert (answer.revision, len(answer.parts)) == (1, 1)


async def test_a_deletion_that_arrives_before_its_message_takes_it_away(study: Study) -> None:
    await study.turn(at("09:00"))
    await study.hears(Deleted(channel=CHANNEL, message="1", at=at("10:01")))
    told = await study.says("ada", FULL, at("10:00"), message="1")
    assert (told.receipt, told.counts) == (Receipt.NOT_COUNTED, ())
    assert await study.text("ada") is None


async def test_an_edit_that_arrives_before_its_message_stands(study: Study) -> None:
    await study.turn(at("09:00"))
    said = await study.said("ada", FULL, at("10:00"))
    await study.hears(replace(said, text=PARTLY, edited_at=at("10:05")))
    await study.hears(said)
    assert await study.text("ada") == PARTLY


async def test_talk_gets_no_receipt_and_what_is_said_wakes_nobody(study: Study) -> None:
    await study.turn(at("09:00"))
    before = study.woken
    told = await study.says("ada", "coffee first", at("10:00"))
    assert (told.receipt, told.why) == (Receipt.NOT_COUNTED, Why.TALK)
    assert study.woken == before
    await study.says("ada", FULL, at("10:01"))
    assert study.woken == before  # Nothing is owed for it before the close.


async def test_a_command_given_twice_by_one_request_is_carried_out_once(study: Study) -> None:
    await study.turn(at("09:00"))
    asker = Asker(member=member("ada"), name="ada", place=HERE)
    for _ in range(2):
        await study.bot.command(asker, "ask", id="command 1", now=at("10:00"))
    await study.turn(at("10:00"))
    assert [key for key in study.messenger.said() if "#" in key] == [f"{CHANNEL}#1/question"]
    assert len(await study.states()) == 2


async def test_a_command_that_was_refused_may_be_given_again(study: Study) -> None:
    asker = Asker(member=member("ada"), name="ada", place=HERE)
    said = words_of(await study.bot.command(asker, "hint", id="command 1", now=at("08:00")))
    assert said == words_of(await study.bot.command(asker, "hint", id="command 1", now=at("08:00")))
    assert "no open round" in said


async def test_a_hint_pressed_twice_by_one_press_costs_once(study: Study) -> None:
    await study.turn(at("09:00"))
    round_ = await study.round()
    asker = Asker(member=member("ada"), name="ada", place=HERE)
    for _ in range(2):
        await study.bot.press(asker, Press.HINT, round_.id, id="press 1", now=at("10:00"))
    assert await study.do(lambda tx: tx.answers.hints(round_.id, member("ada"))) == 1


@pytest.mark.parametrize(
    "text", ["sing", "help sing", "ask dropuot", "hint now please", "leaderboard yesterday", "me x=1"]
)
async def test_a_command_nobody_knows_gets_an_answer_and_changes_nothing(study: Study, text: str) -> None:
    asker = Asker(member=member("ada"), name="ada", place=HERE)
    card = await study.bot.command(asker, text, id="command 1", now=at("10:00"))
    assert card.title == "That did not work"


# --- an inbox, for what a platform sends once -----------------------------------------------------------------


async def test_what_was_received_waits_over_a_restart_until_it_is_worked_on_and_then_says_nothing_more(
    study: Study, tmp_path: Path
) -> None:
    assert await study.bot.receive("slack/event/1", {"event": "what bob said"}, at("09:00"))
    assert await study.bot.receive("slack/event/2", {"event": "more"}, at("09:01"))
    assert not await study.bot.receive("slack/event/1", {"event": "what bob said"}, at("09:02"))
    await study.store.close()
    again = Study(tmp_path / "nnquestion.db")
    again.store.open()
    first, second = await again.bot.received()
    assert (first.id, first.data, second.id) == ("slack/event/1", {"event": "what bob said"}, "slack/event/2")
    await again.bot.finish(first, "done")
    assert [waiting.id for waiting in await again.bot.received()] == ["slack/event/2"]
    assert not await again.bot.receive("slack/event/1", {"event": "what bob said"}, at("09:03"))
    kept = await again.do(lambda tx: tx.events.get("slack/event/1"))
    assert kept is not None
    assert kept.data == {}
    await again.store.close()


async def test_who_is_only_mentioned_is_known_by_name_and_whoever_was_known_stays_as_they_were(study: Study) -> None:
    await study.set_up()
    await study.turn(at("09:00"))
    await study.says("ada", FULL, at("09:05"))
    await study.bot.met({member("ada"): "somebody", member("bob"): "Bob"})
    known = await study.do(lambda tx: (tx.members.get(member("ada")), tx.members.get(member("bob"))))
    assert [one and (one.name, one.public) for one in known] == [("ada", True), ("Bob", False)]


async def test_a_channel_that_is_lost_ends_its_drill_and_whoever_set_it_up_is_told_once(study: Study) -> None:
    await study.set_up(set_up_by=member("ada"))
    await study.turn(at("09:00"))
    for _ in range(2):
        await study.bot.channel_lost(CHANNEL, "the channel was archived", at("10:00"))
        await study.turn(at("10:00"))
    assert (await study.drill()).state is DrillState.OFF
    assert (await study.round()).state is RoundState.CANCELLED
    _, note = study.messenger.standing
    assert note.ref.place.channel == ChannelId(member("ada"))
    assert "the channel was archived" in words_of(note.card)


# --- what platforms lose ------------------------------------------------------------------------------------


async def test_a_button_for_organizers_refuses_everybody_else_and_nonsense(study: Study) -> None:
    await study.set_up()
    ada = Asker(member=member("ada"), name="ada", place=HERE, organizer=True)
    bob = replace(ada, member=member("bob"), organizer=False)
    refused = [
        (bob, f"pause {CHANNEL}", "for organizers of that channel"),
        (ada, "pause discord:1/2", "another group"),
        (ada, f"nonsense {CHANNEL}", "no command"),
        (ada, f"next {CHANNEL}", "needs the question"),
        (ada, "", "another group"),
    ]
    for number, (who, about, why) in enumerate(refused):
        card = await study.bot.press(who, Press.DO, about, id=f"press {number}", now=at("08:00"))
        assert why in words_of(card)
    card = await study.bot.press(ada, Press.DO, f"pause {CHANNEL}", id="press", now=at("08:00"))
    assert "Paused" in words_of(card)
    card = await study.bot.press(bob, Press.DO, f"when {CHANNEL}", id="another", now=at("08:00"))
    assert "paused" in words_of(card)


async def test_a_deleted_card_is_followed_by_a_reveal_in_the_channel(study: Study) -> None:
    await study.turn(at("09:00"))
    round_ = await study.round()
    assert round_.card is not None
    study.messenger.lose_message(round_.card)
    await study.bot.card_deleted(round_.id)
    await study.turn(at("09:00", 1))
    assert study.messenger.posted(study.key("reveal")).ref.place == HERE


async def test_a_deleted_thread_cancels_its_round_without_harm_and_the_drill_goes_on(study: Study) -> None:
    await study.turn(at("09:00"))
    await study.says("ada", FULL, at("10:00"))
    await study.turn(at("09:00", 1))
    round_ = await study.round(1)
    assert round_.thread is not None
    study.messenger.lose_thread(round_.thread)
    await study.bot.thread_deleted(round_.id, at("10:00", 1))
    await study.turn(at("10:00", 1))
    assert "Cancelled" in study.words("question", 1)
    await study.turn(at("09:00", 2))
    assert await study.states() == [RoundState.REVEALED, RoundState.CANCELLED, RoundState.OPEN]
    assert await study.points("ada") == 3


async def test_what_is_said_about_a_round_nobody_knows_is_ignored(study: Study) -> None:
    unknown = daily_round_id(RANDOM, at("09:00").date())
    await study.bot.card_deleted(unknown)
    await study.bot.thread_deleted(unknown, at("10:00"))
    assert await study.bot.round_on(RANDOM, at("09:00").date()) is None


async def test_threads_in_which_something_may_be_unheard_are_those_of_the_latest_rounds(study: Study) -> None:
    await study.turn(at("09:00"))
    first = (await study.round()).thread
    assert await study.bot.live_threads() == [first]
    await study.turn(at("09:00", 1))
    assert await study.bot.live_threads() == [(await study.round(1)).thread, first]


# --- two copies at once -------------------------------------------------------------------------------------


async def test_two_copies_that_tick_at_once_open_and_reveal_each_round_once(study: Study, tmp_path: Path) -> None:
    other = Study(tmp_path / "nnquestion.db", study.messenger)
    other.store.open()
    for day in range(4):
        now = at("09:00", day)
        await asyncio.gather(study.bot.tick(now), other.bot.tick(now))
        await asyncio.gather(study.deliverer.send_due(now), other.deliverer.send_due(now))
        await asyncio.gather(study.turn(now), other.turn(now))
        said = await study.said("ada", FULL, at("10:00", day), day=day)
        assert len({told.receipt for told in await asyncio.gather(study.hears(said), other.hears(said))}) == 1
    await other.store.close()
    assert await study.states() == [*[RoundState.REVEALED] * 3, RoundState.OPEN]
    expected = [study.key("question")]
    for day in range(3):
        expected += [study.key("reveal", day), study.key("question", day + 1)]
    assert study.messenger.said() == expected
    assert await study.points("ada") == 9
    plan = await study.do(lambda tx: tx.drills.plan(CHANNEL))
    assert plan is not None
    assert len(plan.asked) == 4


async def test_an_opening_that_another_copy_made_is_not_announced_again(study: Study, tmp_path: Path) -> None:
    other = Study(tmp_path / "nnquestion.db", study.messenger)
    await study.bot.tick(at("09:00"))
    await other.bot.tick(at("09:00:01"))
    await other.deliverer.send_due(at("09:00:01"))
    await other.store.close()
    owed = await study.do(lambda tx: tx.deliveries.unfinished())
    assert [delivery.action for delivery in owed if delivery.action is Action.POST] == []
    assert study.messenger.said() == [study.key("question")]


# --- words of others --------------------------------------------------------------------------------------------


class Listening(StubGrader):
    """A grader that notes what it is told others had said before."""

    def __init__(self) -> None:
        super().__init__()
        self.told: dict[str, list[str]] = {}

    async def grade(
        self, question: Question, answers: Sequence[Answer], readable: Sequence[Sequence[str]] = ()
    ) -> list[Grade]:
        for answer, before in zip(answers, readable, strict=True):
            self.told[answer.text] = list(before)
        return await super().grade(question, answers, readable)


async def test_the_grader_is_told_what_others_had_said_in_the_thread_before_and_nothing_else(study: Study) -> None:
    study.bot = StudyBot(study.store, grader := Listening(), lambda: study.banks)
    await study.set_up()
    await study.turn(at("09:00"))
    await study.says("ada", f"{FULL} says ada", at("09:10"))
    round_ = await study.round()
    form = Form(round=round_.id, interaction="f", member=member("bob"), name="bob", text=f"{FULL} bob", at=at("09:20"))
    await study.bot.answer(form, at("09:20"))
    await study.says("cem", f"{FULL} says cem", at("09:30"))
    await study.turn(at("09:00", 1))
    assert grader.told == {
        f"{FULL} says ada": [],
        f"{FULL} bob": [f"{FULL} says ada"],
        f"{FULL} says cem": [f"{FULL} says ada"],  # What bob sent by form is shown to nobody.
    }


async def test_in_a_sealed_round_nobody_can_have_read_anything(study: Study) -> None:
    study.bot = StudyBot(study.store, grader := Listening(), lambda: study.banks)
    await study.set_up(sealed=True)
    await study.turn(at("09:00"))
    round_ = await study.round()
    for minute, who in enumerate(("ada", "bob")):
        form = Form(
            round=round_.id, interaction=who, member=member(who), name=who, text=f"{FULL} {who}", at=at(f"09:1{minute}")
        )
        await study.bot.answer(form, at("09:20"))
    await study.turn(at("09:00", 1))
    assert grader.told == {f"{FULL} ada": [], f"{FULL} bob": []}


# --- grading as answers come ------------------------------------------------------------------------------------


ANSWER = "It covers one. It touches two. And that is all."


class Marking:
    """A grader by key points that notes the texts it is given, call by call, and fails or is killed as told."""

    version = "stub 0"

    def __init__(self) -> None:
        self.given: list[str] = []
        self.exemplars: list[str] = []
        self.trouble: BaseException | None = None
        self.meanwhile: Callable[[], Awaitable[object]] | None = None

    def asked(self) -> list[str]:
        """The texts that were graded since this was asked last, sorted."""
        given, self.given = self.given, []
        return sorted(given)

    async def grade(
        self, question: Question, answers: Sequence[Answer], readable: Sequence[Sequence[str]] = ()
    ) -> list[Grade]:
        self.given += [answer.text for answer in answers]
        self.exemplars = [exemplar.text for exemplar in question.exemplars]
        if self.trouble is not None:
            raise self.trouble
        grades = [marked(question, answer.text) for answer in answers]
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()
        return grades


@pytest.fixture
def grader(study: Study) -> Marking:
    """The questions of the study have the key points one, two and extra, and are graded by them."""
    study.banks = {"nn": make_bank([make_question(slug, key_points=(ONE, TWO, EXTRA)) for slug in SLUGS])}
    grader = Marking()
    study.bot = StudyBot(study.store, grader, lambda: study.banks, owed=study._wake)
    return grader


def asker(who: str, *, organizer: bool = False) -> Asker:
    return Asker(member=member(who), name=who, place=HERE, organizer=organizer)


async def presses(study: Study, who: str, press: Press, about: str, when: datetime) -> Card:
    study._number += 1
    organizer = press in (Press.RULE, Press.REVIEW)
    return await study.bot.press(asker(who, organizer=organizer), press, about, id=f"press {study._number}", now=when)


def checks(card: Card) -> list[Button]:
    """The buttons of a card that offer to check an answer."""
    return [button for button in card.buttons if button.press is Press.CHECK]


async def kept_grade(study: Study, who: str, day: int = 0) -> Grade | None:
    round_ = await study.round(day)
    return await study.do(lambda tx: tx.answers.grade(round_.id, member(who)))


async def test_an_answer_has_a_grade_a_tick_after_it_came_and_nobody_is_shown_it(study: Study, grader: Marking) -> None:
    await study.turn(at("09:00"))
    round_ = await study.round()
    await study.says("ada", ANSWER, at("10:00"))
    assert await kept_grade(study, "ada") is None
    await study.turn(at("10:01"))
    assert await kept_grade(study, "ada") is not None
    cards = [
        await presses(study, "ada", Press.RESULT, round_.id, at("10:02")),
        await presses(study, "ada", Press.OBJECT, f" {round_.id}", at("10:02")),
        await study.bot.command(asker("ada"), "me", id="me", now=at("10:02")),
        await presses(study, "olga", Press.REVIEW, f"list {CHANNEL}", at("10:02")),
        *await study.bot.home(asker("ada"), None, "UTC", at("10:02")),
        *(posted.card for posted in study.messenger.standing),
    ]
    shown = "".join(map(words_of, cards))
    assert not any(point.text in shown for point in (ONE, TWO, EXTRA))
    assert "part of it" not in shown
    assert await study.points("ada") == 0


async def test_nothing_is_graded_twice_and_a_revision_anew(study: Study, grader: Marking) -> None:
    await study.turn(at("09:00"))
    await study.says("ada", ANSWER, at("10:00"), message="1")
    for minute in range(1, 4):
        await study.turn(at(f"10:0{minute}"))
    assert grader.asked() == [ANSWER]
    await study.says("ada", "It covers two, rather.", at("10:00"), message="1", edited_at=at("10:10"))
    for minute in range(11, 14):
        await study.turn(at(f"10:{minute}"))
    assert grader.asked() == ["It covers two, rather."]
    for _ in range(3):
        await study.turn(at("09:00", 1))
    assert grader.asked() == []
    assert await study.points("ada") == 2


async def test_what_came_since_the_last_tick_is_graded_at_the_close(study: Study, grader: Marking) -> None:
    await study.turn(at("09:00"))
    await study.says("ada", ANSWER, at("10:00"))
    await study.turn(at("09:00", 1))
    assert grader.asked() == [ANSWER]
    assert await study.points("ada") == 2


async def test_at_the_close_only_those_are_graded_again_before_whom_others_now_say_something_else(
    study: Study, grader: Marking
) -> None:
    await study.turn(at("09:00"))
    await study.says("ada", "It covers one, says ada.", at("09:10"), message="a")
    await study.turn(at("09:11"))
    await study.says("bob", "It covers one, says bob.", at("09:20"), message="b")
    await study.says("cem", "It covers one, says cem.", at("09:30"), message="c")
    await study.turn(at("09:31"))
    grader.asked()
    await study.says("bob", "It covers two, says bob.", at("09:20"), message="b", edited_at=at("10:00"))
    await study.turn(at("10:01"))
    assert grader.asked() == ["It covers two, says bob."]
    await study.turn(at("09:00", 1))
    assert grader.asked() == ["It covers one, says cem."]
    await study.turn(at("09:00", 1))
    assert grader.asked() == []


async def test_what_was_changed_and_changed_back_before_the_close_is_not_graded_again_for_others(
    study: Study, grader: Marking
) -> None:
    await study.turn(at("09:00"))
    await study.says("ada", ANSWER, at("09:10"), message="a")
    await study.says("bob", "It covers one, says bob.", at("09:20"))
    await study.turn(at("09:21"))
    for minute, text in ((22, "It covers two, rather."), (23, ANSWER)):
        await study.says("ada", text, at("09:10"), message="a", edited_at=at(f"09:{minute}"))
    await study.turn(at("09:30"))
    grader.asked()
    await study.turn(at("09:00", 1))
    assert grader.asked() == []


async def with_exemplar(study: Study, text: str, group: str = GROUP) -> None:
    """An answer to the question of the day serves as an exemplar in a group."""
    question = (await study.round()).question.id

    def work(tx: Transaction) -> None:
        ruling = make_ruling(f"{group}/general@2026-01-01", member(text.partition(" ")[0]))
        exemplar = Exemplar(kind=ExemplarKind.FULL, text=text, score=1.0)
        tx.rulings.add_exemplar(replace(ruling, number=tx.rulings.add(ruling)), question, exemplar)

    await study.do(work)


async def test_at_the_close_all_are_graded_again_once_for_an_exemplar_of_their_group_and_for_no_other(
    study: Study, grader: Marking
) -> None:
    await study.turn(at("09:00"))
    await study.says("ada", ANSWER, at("10:00"))
    await study.says("bob", "It covers two, says bob.", at("10:00"))
    await study.turn(at("10:01"))
    grader.asked()
    await with_exemplar(study, "Theirs is another group", "terminal:elsewhere")
    await study.do(lambda tx: rounds.close(tx, daily_round_id(CHANNEL, at("09:00").date()), at("09:00", 1)))
    await study.bot.tick(at("09:00", 1))
    assert grader.asked() == []


async def test_an_exemplar_of_the_group_is_given_to_the_grader_with_the_banks(study: Study, grader: Marking) -> None:
    await study.turn(at("09:00"))
    await study.says("ada", ANSWER, at("10:00"))
    await study.says("bob", "It covers two, says bob.", at("10:00"))
    await study.turn(at("10:01"))
    grader.asked()
    await with_exemplar(study, "Ours is this one")
    await study.turn(at("10:02"))
    assert grader.asked() == []
    await study.turn(at("09:00", 1))
    assert grader.asked() == sorted([ANSWER, "It covers two, says bob."])
    assert grader.exemplars == [*(one.text for one in make_question().exemplars), "Ours is this one"]
    await study.turn(at("09:00", 1))
    assert grader.asked() == []
    assert (await kept_grade(study, "ada")) == replace(
        marked((await study.round()).question, ANSWER), basis=(await basis_of(study, "ada"))
    )


async def basis_of(study: Study, who: str) -> str:
    grade = await kept_grade(study, who)
    assert grade is not None
    assert grade.basis
    return grade.basis


async def test_the_reveal_waits_for_those_that_are_graded_again(study: Study, grader: Marking) -> None:
    await study.turn(at("09:00"))
    await study.says("ada", ANSWER, at("10:00"))
    await study.turn(at("10:01"))
    await with_exemplar(study, "Ours is this one")
    round_ = await study.round()
    assert await study.do(lambda tx: rounds.close(tx, round_.id, at("09:00", 1)))
    assert not await study.do(lambda tx: rounds.reveal(tx, round_.id, at("09:00", 1)))
    await study.turn(at("09:00", 1))
    assert (await study.round()).state is RoundState.REVEALED
    assert await study.points("ada") == 2


async def test_a_reveal_by_hand_waits_for_them_too(study: Study, grader: Marking) -> None:
    await study.turn(at("09:00"))
    await study.says("ada", ANSWER, at("10:00"))
    await study.turn(at("10:01"))
    await with_exemplar(study, "Ours is this one")
    grader.asked()
    olga = asker("olga", organizer=True)
    await study.bot.command(olga, "reveal", id="reveal", now=at("11:00"))
    await study.turn(at("11:00"))
    assert grader.asked() == [ANSWER]
    assert (await study.round()).state is RoundState.REVEALED


async def test_an_erased_answer_keeps_its_grade_and_is_never_graded_anew(study: Study, grader: Marking) -> None:
    await study.turn(at("09:00"))
    await study.says("ada", ANSWER, at("10:00"), message="1")
    await presses(study, "ada", Press.CHECK, (await study.round()).id, at("10:01"))
    await study.hears(Deleted(channel=CHANNEL, message="1", at=at("10:02")), at("10:02"))
    await with_exemplar(study, "Ours is this one")
    grader.asked()
    await study.turn(at("10:03"))
    await study.turn(at("09:00", 1))
    assert await study.bot.grade_anew((await study.round()).id, at("10:00", 1), keep=True) == []
    assert grader.asked() == []
    assert await study.points("ada") == 2


async def test_a_revision_that_comes_while_the_grader_works_is_graded_in_the_next_tick(
    study: Study, grader: Marking
) -> None:
    await study.turn(at("09:00"))
    said = await study.said("ada", ANSWER, at("10:00"))
    await study.hears(said)
    revised = replace(said, text="It covers two, rather.", edited_at=at("10:01"))
    grader.meanwhile = lambda: study.hears(revised)
    await study.turn(at("10:02"))
    assert await kept_grade(study, "ada") is None
    await study.turn(at("10:03"))
    grade = await kept_grade(study, "ada")
    assert grade is not None
    assert [point.words for point in grade.points] == ["", "covers two", ""]


@pytest.mark.parametrize("day", [0, 1])
async def test_nothing_is_quoted_of_a_text_that_is_deleted_while_the_grader_works(
    study: Study, grader: Marking, day: int
) -> None:
    await study.turn(at("09:00"))
    await study.says("ada", ANSWER, at("10:00"), message="1")
    if day:
        await study.turn(at("10:01"))
        await with_exemplar(study, "Ours is this one")
    when = at("09:00", day) if day else at("10:01")
    gone = Deleted(channel=CHANNEL, message="1", at=when)
    grader.meanwhile = lambda: study.bot.answer(gone, when)
    await study.turn(when)
    await study.turn(at("09:05", 1))
    assert not any("covers" in quotes for (quotes,) in ask(study.store.path, "SELECT quotes FROM grades"))
    assert await study.points("ada") == (2 if day else 0)


# --- Check now ----------------------------------------------------------------------------------------------------


async def test_a_check_grades_at_once_and_once(study: Study, grader: Marking) -> None:
    await study.turn(at("09:00"))
    round_ = await study.round()
    await study.says("ada", ANSWER, at("10:00"))
    first = await presses(study, "ada", Press.CHECK, round_.id, at("10:01"))
    assert "It covers 1 of 3 key points." in words_of(first)
    assert await presses(study, "ada", Press.CHECK, round_.id, at("10:02")) == first
    await study.turn(at("10:03"))
    assert grader.asked() == [ANSWER]


async def test_a_check_uses_the_grade_that_is_there(study: Study, grader: Marking) -> None:
    await study.turn(at("09:00"))
    await study.says("ada", ANSWER, at("10:00"))
    await study.turn(at("10:01"))
    await presses(study, "ada", Press.CHECK, (await study.round()).id, at("10:02"))
    assert grader.asked() == [ANSWER]


async def test_checks_at_the_same_moment_tell_the_same(study: Study, grader: Marking) -> None:
    await study.turn(at("09:00"))
    round_ = await study.round()
    await study.says("ada", ANSWER, at("10:00"))
    cards = await asyncio.gather(*(presses(study, "ada", Press.CHECK, round_.id, at("10:01")) for _ in range(5)))
    assert all(card == cards[0] for card in cards)
    assert ask(study.store.path, "SELECT COUNT(*) FROM grades") == [(1,)]


class Killed(BaseException):
    """The program ends here."""


async def test_whoever_was_final_but_not_graded_when_the_program_was_killed_presses_again(
    study: Study, grader: Marking, tmp_path: Path
) -> None:
    await study.turn(at("09:00"))
    round_ = await study.round()
    await study.says("ada", ANSWER, at("10:00"), message="1")
    grader.trouble = Killed()
    with pytest.raises(Killed):
        await presses(study, "ada", Press.CHECK, round_.id, at("10:01"))
    await study.store.close()
    again = Study(tmp_path / "nnquestion.db")
    again.bot = StudyBot(again.store, Marking(), lambda: study.banks)
    answer = await again.bot.own_answer(round_.id, member("ada"))
    assert answer is not None
    assert answer.final
    assert await kept_grade(again, "ada") is None
    told = await again.says("ada", "It covers two.", at("10:00"), message="1", edited_at=at("10:02"))
    assert told.why is Why.FINAL
    card = await presses(again, "ada", Press.CHECK, round_.id, at("10:03"))
    assert "It covers 1 of 3 key points." in words_of(card)
    await again.turn(at("09:00", 1))
    assert await again.points("ada") == 2
    await again.store.close()


async def test_after_such_a_kill_the_next_tick_grades_as_well(study: Study, grader: Marking) -> None:
    await study.turn(at("09:00"))
    round_ = await study.round()
    await study.says("ada", ANSWER, at("10:00"))
    grader.trouble = Killed()
    with pytest.raises(Killed):
        await presses(study, "ada", Press.CHECK, round_.id, at("10:01"))
    grader.trouble = None
    await study.turn(at("10:02"))
    assert await kept_grade(study, "ada") is not None


async def test_where_the_grader_fails_a_check_says_so_and_holds_nothing_up(study: Study, grader: Marking) -> None:
    await study.turn(at("09:00"))
    round_ = await study.round()
    await study.says("ada", ANSWER, at("10:00"))
    grader.trouble = RuntimeError("nobody thought of this")
    says = words_of(await presses(study, "ada", Press.CHECK, round_.id, at("10:01")))
    assert "could not be graded; it counts as a try" in says
    assert "key point" not in says
    await study.turn(at("09:00", 1))
    assert (await study.round()).state is RoundState.REVEALED


@pytest.mark.parametrize("about", ["", "nowhere", "terminal:elsewhere/general@2026-11-22", "\u0661", "x" * 5000])
async def test_what_cannot_be_checked_is_refused_in_words(study: Study, grader: Marking, about: str) -> None:
    await study.turn(at("09:00"))
    await study.says("ada", ANSWER, at("10:00"))
    card = await presses(study, "ada", Press.CHECK, about, at("10:01"))
    assert card.title == "That did not work"
    answer = await study.bot.own_answer((await study.round()).id, member("ada"))
    assert answer is not None
    assert not answer.final


# --- what is told in private --------------------------------------------------------------------------------------


async def ruled(study: Study) -> Round:
    """Ada's objection to the first day's round was granted; she has not been told."""
    await study.turn(at("09:00"))
    await study.says("ada", ANSWER, at("10:00"))
    await study.turn(at("09:00", 1))
    round_ = await study.round()
    await presses(study, "ada", Press.OBJECT, f"1.1 {round_.id}", at("10:00", 1))
    card = await presses(study, "olga", Press.RULE, f"grant o1 {CHANNEL}", at("11:00", 1))
    assert "Granted" in words_of(card)
    return round_


async def a_form(study: Study, text: str, when: datetime) -> tuple[Told, Card]:
    round_ = await study.round(1)
    form = Form(round=round_.id, interaction=f"form {text}", member=member("ada"), name="ada", text=text, at=when)
    return await study.bot.answer_in_private(form, when)


async def private_replies(study: Study, round_: Round) -> list[Callable[[], Awaitable[Card]]]:
    async def form() -> Card:
        return (await a_form(study, "It covers two, says ada.", at("12:00", 1)))[1]

    return [
        lambda: presses(study, "ada", Press.RESULT, round_.id, at("12:00", 1)),
        lambda: study.bot.command(asker("ada"), "me", id="me", now=at("12:00", 1)),
        lambda: study.bot.command(asker("ada"), "me show=result", id="me 2", now=at("12:00", 1)),
        form,
    ]


@pytest.mark.parametrize("first", range(4))
async def test_a_ruling_is_told_once_in_whichever_private_reply_comes_first(
    study: Study, grader: Marking, first: int
) -> None:
    replies = await private_replies(study, await ruled(study))
    for others in (replies[first:], replies[:first]):
        for reply in others:
            says = words_of(await reply())
            assert ("Decided about your answers" in says) is (reply is replies[first])


async def test_the_news_come_with_the_question_that_only_their_reader_can_answer(study: Study, grader: Marking) -> None:
    round_ = await ruled(study)
    card = await presses(study, "ada", Press.RESULT, round_.id, at("12:00", 1))
    assert rulings.CONSENT in words_of(card)
    yes = next(button for button in card.buttons if button.press is Press.CONSENT)
    assert "Thank you" in words_of(await presses(study, "ada", yes.press, yes.about, at("12:01", 1)))
    await study.turn(at("12:02", 1))
    exemplars = await study.do(lambda tx: tx.rulings.exemplars(GROUP, round_.question.id))
    assert [one.text for one in exemplars] == [ANSWER]


async def test_the_home_page_shows_the_news_as_often_as_it_is_looked_at_until_they_are_told(
    study: Study, grader: Marking
) -> None:
    await ruled(study)

    async def home() -> str:
        return "".join(map(words_of, await study.bot.home(asker("ada"), None, "UTC", at("12:00", 1))))

    assert "Your objection was granted" in await home()
    assert "Your objection was granted" in await home()
    await study.bot.command(asker("ada"), "me", id="me", now=at("12:00", 1))
    assert "Decided about your answers" not in await home()


async def test_others_replies_tell_nothing_of_it(study: Study, grader: Marking) -> None:
    round_ = await ruled(study)
    for who in ("bob", "olga"):
        says = words_of(await presses(study, who, Press.RESULT, round_.id, at("12:00", 1)))
        assert "granted" not in says
    assert await study.do(lambda tx: len(rulings.to_tell(tx, GROUP, member("ada")))) == 1


async def test_a_form_is_answered_by_its_receipt_and_an_offer_to_check_it(study: Study, grader: Marking) -> None:
    await study.turn(at("09:00"))
    await study.turn(at("09:00", 1))
    for _ in range(2):  # The same thing again is told the same.
        told, card = await a_form(study, "It covers two, says ada.", at("12:00", 1))
        assert told.receipt is Receipt.RECORDED
        assert "Recorded." in words_of(card)
        [button] = checks(card)
        assert button.about == (await study.round(1)).id
    checked = await presses(study, "ada", button.press, button.about, at("12:01", 1))
    assert "It covers 1 of 3 key points." in words_of(checked)
    told, card = await a_form(study, "It covers one, too.", at("12:02", 1))
    assert (told.why, checks(card)) == (Why.FINAL, [])
    assert "so it is final" in words_of(card)


async def test_a_submission_is_answered_in_private_too(study: Study, grader: Marking) -> None:
    await study.turn(at("09:00"))
    said = await study.said("ada", ANSWER, at("10:00"), place=HERE)
    submitted = Submitted(said=said, by=member("ada"), interaction="s", at=at("10:01"))
    told, card = await study.bot.answer_in_private(submitted, at("10:01"))
    assert told.receipt is Receipt.RECORDED
    assert len(checks(card)) == 1
    other = replace(submitted, by=member("bob"), interaction="t")
    told, card = await study.bot.answer_in_private(other, at("10:02"))
    assert (told.why, checks(card)) == (Why.NOT_OWN, [])
    assert "only a message of your own" in words_of(card)


# --- rulings by button --------------------------------------------------------------------------------------------


async def test_a_ruling_that_a_platform_sends_twice_is_made_once(study: Study, grader: Marking) -> None:
    await ruled(study)
    olga = asker("olga", organizer=True)
    cards = [
        await study.bot.press(olga, Press.RULE, f"undo r1 {CHANNEL}", id="one press", now=at("12:00", 1))
        for _ in range(2)
    ]
    assert ["done that already" in words_of(card) for card in cards] == [False, True]
    assert await study.points("ada") == 2


async def test_two_organizers_at_the_same_moment_make_one_ruling(study: Study, grader: Marking) -> None:
    await ruled(study)
    await presses(study, "olga", Press.RULE, f"undo r1 {CHANNEL}", at("12:00", 1))
    cards = await asyncio.gather(
        presses(study, "olga", Press.RULE, f"grant o1 {CHANNEL}", at("12:01", 1)),
        presses(study, "otto", Press.RULE, f"decline o1 {CHANNEL}", at("12:01", 1)),
    )
    assert sorted(card.title for card in cards) == ["Decided", "That did not work"]
    standing = await study.do(lambda tx: [one for one in tx.rulings.of_channel(CHANNEL, 9) if one.stands])
    assert len(standing) == 1


async def test_looking_may_be_repeated_by_the_same_press(study: Study, grader: Marking) -> None:
    await ruled(study)
    olga = asker("olga", organizer=True)
    for _ in range(2):
        card = await study.bot.press(olga, Press.REVIEW, f"list {CHANNEL}", id="one", now=at("12:00", 1))
        assert card.title == "To review"


async def test_an_objection_that_nobody_rules_on_ends_with_a_tick_after_72_hours_once(
    study: Study, grader: Marking
) -> None:
    await study.turn(at("09:00"))
    await study.says("ada", ANSWER, at("10:00"))
    await study.turn(at("09:00", 1))
    await presses(study, "ada", Press.OBJECT, f"1.1 {(await study.round()).id}", at("10:00", 1))
    await study.turn(at("10:00", 4) - timedelta(microseconds=1))
    assert await study.points("ada") == 2
    for _ in range(3):
        await study.turn(at("10:00", 4))
    assert await study.points("ada") == 3
    assert len(await study.do(lambda tx: tx.rulings.of_channel(CHANNEL, 9))) == 1


# --- grading anew -------------------------------------------------------------------------------------------------


class Stricter(Marking):
    """A newer grader, which finds nothing."""

    async def grade(
        self, question: Question, answers: Sequence[Answer], readable: Sequence[Sequence[str]] = ()
    ) -> list[Grade]:
        return [replace(marked(question, "nothing of it"), grader="stub 1") for _ in answers]


async def test_grading_anew_keeps_rulings_and_tells_before_it_changes_anything(study: Study, grader: Marking) -> None:
    round_ = await ruled(study)
    study.bot = StudyBot(study.store, Stricter(), lambda: study.banks)
    rows = ask(study.store.path, "SELECT * FROM ledger")
    for keep_ in (False, True):
        [change] = await study.bot.grade_anew(round_.id, at("12:00", 1), keep=keep_)
        assert (change.member, change.paid, change.pays) == (member("ada"), 3, 2)
        assert (ask(study.store.path, "SELECT * FROM ledger") == rows) is not keep_
    assert await study.points("ada") == 2
    assert ask(study.store.path, "SELECT * FROM ledger")[: len(rows)] == rows
    assert await study.bot.grade_anew(round_.id, at("12:00", 1), keep=True) == []


async def test_an_open_round_is_not_graded_anew(study: Study, grader: Marking) -> None:
    await ruled(study)
    open_ = await study.round(1)
    assert await study.bot.grade_anew(open_.id, at("12:00", 1), keep=True) == []
    assert await study.bot.grade_anew(daily_round_id(RANDOM, at("09:00").date()), at("12:00", 1), keep=True) == []


# --- reminders, and what is replied to them -----------------------------------------------------------------------


def reminders(study: Study) -> list[str]:
    """The date of each round that somebody was reminded of, as often as they were."""
    sent = [key.partition("/remind/") for key in study.messenger.said()]
    return [round_id.rpartition("@")[2] for round_id, remind, _ in sent if remind]


async def remind(study: Study, who: str = "ada", value: str = "20:30", day: int = 0) -> None:
    asked = await study.bot.command(asker(who), f"me remind {value}", id=f"{who} {value} {day}", now=at("08:00", day))
    assert "I write to you" in words_of(asked)


async def replies_to_it(study: Study, text: str, when: datetime, what: str = "m1/") -> Told:
    """Ada says this to the bot alone."""
    told, card = await study.bot.direct(member("ada"), "Ada", what, text, when, when)
    if told.why is not Why.TALK:
        assert card.body
    return told


async def test_whoever_wants_to_be_reminded_at_the_hour_of_the_opening_is_reminded_of_that_question(
    study: Study,
) -> None:
    await remind(study, value="09:00")
    for day in range(3):
        await study.turn(at("09:00", day))
    assert reminders(study) == ["2026-11-22", "2026-11-23", "2026-11-24"]


async def test_more_reminders_than_are_looked_at_in_one_tick_go_out_with_the_next(study: Study) -> None:
    def wishes(tx: Transaction) -> None:
        for number in range(AT_ONCE + 5):
            tx.members.save_reminder(
                Reminder(
                    member=member(f"m{number}"),
                    group=GROUP,
                    channel=CHANNEL,
                    at=at("20:30").time(),
                    zone="UTC",
                    next_at=at("20:30"),
                )
            )

    await study.do(wishes)
    await study.turn(at("09:00"))
    for second in range(2):
        await study.turn(at(f"20:30:0{second}"))
    assert reminders(study) == ["2026-11-22"] * (AT_ONCE + 5)


async def test_a_reply_to_a_reminder_is_an_answer_that_an_edit_revises_and_its_deletion_withdraws(study: Study) -> None:
    await remind(study)
    await study.turn(at("09:00"))
    await study.turn(at("20:30"))
    for _ in range(2):  # The same thing again is told the same.
        assert (await replies_to_it(study, FULL, at("20:31"))).receipt is Receipt.RECORDED
    assert await study.text("ada") == FULL
    assert (await replies_to_it(study, PARTLY, at("20:32"), "m1/edited 1")).receipt is Receipt.REVISED
    assert await study.text("ada") == PARTLY
    answer = await study.bot.own_answer((await study.round()).id, member("ada"))
    assert answer is not None
    assert answer.share is Share.NO
    assert (await replies_to_it(study, "", at("20:33"), "m1/deleted")).receipt is Receipt.WITHDRAWN
    assert await study.text("ada") is None
    assert (await replies_to_it(study, "", at("20:34"), "m7/deleted")).why is Why.TALK


async def test_a_reply_after_the_close_is_late_and_changes_no_answer(study: Study) -> None:
    await remind(study)
    await study.turn(at("09:00"))
    await study.turn(at("20:30"))
    await study.turn(at("09:00", 1))
    assert (await replies_to_it(study, FULL, at("09:01", 1))).receipt is Receipt.LATE
    await study.turn(at("09:02", 1))
    assert await study.points("ada") == 0
    assert await study.text("ada", 1) is None


async def test_an_edit_of_yesterdays_reply_leaves_todays_answer_alone(study: Study) -> None:
    await remind(study)
    for day, what in enumerate(("m1/", "m2/")):
        await study.turn(at("09:00", day))
        await study.turn(at("20:30", day))
        assert (await replies_to_it(study, FULL, at("20:31", day), what)).receipt is Receipt.RECORDED
    # Yesterday's round has closed: an edit changes nothing there, a deletion removes the text.
    for what, text, left in (("m1/edited", PARTLY, FULL), ("m1/deleted", "", "")):
        await replies_to_it(study, text, at("20:40", 1), what)
        assert await study.text("ada", 1) == FULL
        assert await study.text("ada") == left


async def test_who_was_not_reminded_of_anything_is_told_that_there_is_no_round(study: Study) -> None:
    await study.turn(at("09:00"))
    assert (await replies_to_it(study, FULL, at("10:00"))).why is Why.NO_ROUND
    await remind(study)
    assert (await replies_to_it(study, FULL, at("10:01"), "m2/")).why is Why.NO_ROUND
    await study.turn(at("20:30"))
    await study.bot.command(asker("ada"), "me remind off", id="off", now=at("20:31"))
    assert (await replies_to_it(study, FULL, at("20:32"), "m3/")).why is Why.NO_ROUND
    assert await study.text("ada") is None


async def test_the_first_reply_to_a_direct_message_asks_how_one_is_shown(study: Study) -> None:
    await remind(study)
    await study.turn(at("09:00"))
    await study.turn(at("20:30"))
    _, card = await study.bot.direct(member("ada"), "Ada", "m1/", FULL, at("20:31"), at("20:31"))
    assert [button.about for button in card.buttons if button.press is Press.NAMING] == ["name", "someone", "out"]


# --- what happens once a day, and what goes wrong with it ---------------------------------------------------------


async def test_a_tick_keeps_the_seasons_that_are_over(study: Study) -> None:
    await study.turn(at("09:00"))
    await study.says("ada", FULL, at("10:00"))
    await study.turn(at("09:00", 1))
    for day in (8, 8, 9, 9, 10):
        await study.turn(at("09:00", day))
        kept = await study.do(lambda tx: tx.ledger.kept(GROUP))
        assert [season.season for season in kept] == ["2026-W47"] * (day >= 9)


async def test_a_season_that_cannot_be_kept_and_a_reminder_that_cannot_be_sent_hold_nothing_else_up(
    study: Study,
) -> None:
    await remind(study, "ada", "09:30")
    await remind(study, "bob", "09:30")
    ask(study.store.path, "UPDATE reminders SET zone = 'Mars/Olympus' WHERE member = ?", member("ada"))
    ask(study.store.path, "INSERT INTO tallies VALUES (?, '2026-99', '', 'nobody', 1, 1)", GROUP)
    await study.turn(at("09:00"))
    await study.turn(at("09:30"))
    assert await study.states() == [RoundState.OPEN]
    assert len(reminders(study)) == 1


async def test_answers_of_others_may_be_looked_at_again_by_the_same_press(study: Study) -> None:
    await study.turn(at("09:00"))
    round_ = await study.round()
    form = Form(
        round=round_.id,
        interaction="f",
        member=member("ada"),
        name="Ada",
        text=FULL,
        at=at("10:00"),
        share=Share.WITH_NAME,
    )
    await study.bot.answer_in_private(form, at("10:00"))
    await study.turn(at("09:00", 1))
    for _ in range(2):
        card = await study.bot.press(asker("bob"), Press.ANSWERS, round_.id, id="one press", now=at("10:00", 1))
        assert FULL in words_of(card)
    [helped] = [button for button in card.buttons if button.press is Press.HELPED]
    for outcome in ("Noted", "done that already"):
        card = await study.bot.press(asker("bob"), helped.press, helped.about, id="a press", now=at("10:00", 1))
        assert outcome in words_of(card)


async def test_a_board_that_a_platform_sends_twice_is_shared_once(study: Study) -> None:
    await study.turn(at("09:00"))
    await study.says("ada", FULL, at("10:00"))
    await study.turn(at("09:00", 1))
    board = await study.bot.command(asker("ada"), "leaderboard", id="l", now=at("10:00", 1))
    [share] = [button for button in board.buttons if button.press is Press.SHARE]
    for outcome in ("on its way", "done that already"):
        card = await study.bot.press(asker("ada"), share.press, share.about, id="one press", now=at("10:00", 1))
        assert outcome in words_of(card)
    await study.turn(at("10:01", 1))
    assert [key for key in study.messenger.said() if "/board/" in key] == [
        f"{CHANNEL}/board/{at('10:00', 1).isoformat()}"
    ]
