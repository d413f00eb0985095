"""What people in the room do, over a real store and study bot: receipts, marks, private replies, and catching up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.adapters.terminal.room import Message, NoSuchMessage, plain
from bot.adapters.terminal.terminal import Person, channel_id
from bot.core.card import Press
from bot.core.model import ChannelId, Place, Receipt, RoundId, RoundState, Share, Told, Why
from tests.adapters.terminal.stages import ADA, BOB, HERE, Stage, staged
from tests.core.worlds import DONT_KNOW, FULL, PARTLY, at, words_of
from tests.factories import CHANNEL, MINUTE

ids: Iterator[str] = iter(f"interaction {number}" for number in range(10_000))


async def said(stage: Stage, who: Person = BOB, text: str = FULL, *, at_: str = "10:00", day: int = 0) -> Message:
    """A message in the thread of a day's round."""
    stage.now = at(at_, day)
    message, _ = await stage.terminal.say(who, await stage.thread(), text)
    return message


def written(stage: Stage, place: Place, text: str, who: Person = BOB) -> Message:
    """A message that stands in the room, but was never handed in."""
    return stage.room.say(place.channel, plain(text), stage.now, by=who.id, name=who.name, thread=place.thread)


# --- messages -----------------------------------------------------------------------------------------------


async def test_an_answer_in_the_thread_is_recorded_and_marked(stage: Stage) -> None:
    message, told = await stage.terminal.say(BOB, await stage.thread(), FULL)
    assert told.receipt is Receipt.RECORDED
    assert stage.marked() == [message.id]
    answer = await stage.answer(BOB)
    assert answer is not None
    assert answer.text == FULL


async def test_talk_is_neither_recorded_nor_marked(stage: Stage) -> None:
    thread = await stage.thread()
    first = await said(stage, ADA)
    for who, text, reply_to in ((BOB, "coffee first", None), (BOB, "I would never have put it that way", first)):
        _, told = await stage.terminal.say(who, thread, text, reply_to=reply_to)
        assert (told.receipt, told.why) == (Receipt.NOT_COUNTED, Why.TALK)
    assert stage.marked() == [first.id]
    assert await stage.answer(BOB) is None


async def test_a_reply_to_the_bot_or_to_oneself_may_be_an_answer(stage: Stage) -> None:
    (card,) = stage.of_bot()
    _, told = await stage.terminal.say(BOB, await stage.thread(), FULL, reply_to=card)
    assert told.receipt is Receipt.RECORDED
    own, _ = await stage.terminal.say(ADA, await stage.thread(), "hm, tricky!")
    _, told = await stage.terminal.say(ADA, await stage.thread(), FULL, reply_to=own)
    assert told.receipt is Receipt.RECORDED


async def test_what_is_said_in_the_channel_is_no_answer(stage: Stage) -> None:
    _, told = await stage.terminal.say(BOB, HERE, FULL)
    assert told.receipt is Receipt.NOT_COUNTED
    assert stage.marked() == []


async def test_what_is_added_within_ten_minutes_is_marked_too_and_later_talk_is_not(stage: Stage) -> None:
    one = await said(stage, at_="10:00")
    two = await said(stage, text="and more", at_="10:09")
    await said(stage, text="by the way, who brings the snacks", at_="10:30")
    assert stage.marked() == [one.id, two.id]


async def test_a_thread_that_is_not_there_takes_no_message(stage: Stage) -> None:
    with pytest.raises(NoSuchMessage):
        await stage.terminal.say(BOB, Place(channel=CHANNEL, thread="77"), FULL)


async def test_an_edit_revises_and_keeps_the_mark(stage: Stage) -> None:
    message = await said(stage)
    stage.now += MINUTE
    assert (await stage.terminal.edit(BOB, message.id, PARTLY)).receipt is Receipt.REVISED
    assert stage.marked() == [message.id]
    answer = await stage.answer(BOB)
    assert answer is not None
    assert answer.text == PARTLY


async def test_an_edit_to_nothing_withdraws_and_takes_the_mark_away(stage: Stage) -> None:
    message = await said(stage)
    stage.now += MINUTE
    assert (await stage.terminal.edit(BOB, message.id, " ")).receipt is Receipt.WITHDRAWN
    assert stage.marked() == []
    assert await stage.answer(BOB) is None


async def test_a_deletion_withdraws(stage: Stage) -> None:
    message = await said(stage)
    stage.now += MINUTE
    assert (await stage.terminal.delete(BOB, message.id)).receipt is Receipt.WITHDRAWN
    assert await stage.answer(BOB) is None
    assert stage.marked() == []


@pytest.mark.parametrize("message", ["1", "2", "77", "x", ""])
async def test_nobody_changes_what_is_not_theirs_or_not_there(stage: Stage, message: str) -> None:
    assert (await said(stage, ADA)).id == "2"
    with pytest.raises(NoSuchMessage):
        await stage.terminal.edit(BOB, message, "anew")
    with pytest.raises(NoSuchMessage):
        await stage.terminal.delete(BOB, message)
    assert await stage.answer(ADA) is not None


async def test_a_late_answer_is_kept_without_a_mark(stage: Stage) -> None:
    stage.now = at("09:01", 1)
    _, told = await stage.terminal.say(BOB, await stage.thread(), FULL)
    assert told.receipt is Receipt.LATE
    assert stage.marked() == []


async def test_an_answer_of_somebody_else_is_untouched_by_mine(stage: Stage) -> None:
    first, second = await said(stage, ADA), await said(stage, BOB)
    await stage.terminal.delete(BOB, second.id)
    assert stage.marked() == [first.id]


# --- the form and "Submit as my answer" ---------------------------------------------------------------------


async def test_a_form_replaces_all_parts_and_takes_their_marks(stage: Stage) -> None:
    await said(stage)
    round_ = await stage.round()
    told, _ = await stage.terminal.form(BOB, round_.id, PARTLY, id=next(ids), share=Share.WITH_NAME)
    assert told.receipt is Receipt.REVISED
    assert stage.marked() == []
    answer = await stage.answer(BOB)
    assert answer is not None
    assert (answer.text, answer.share) == (PARTLY, Share.WITH_NAME)


async def test_an_empty_form_withdraws(stage: Stage) -> None:
    await said(stage)
    told, card = await stage.terminal.form(BOB, (await stage.round()).id, " ", id=next(ids))
    assert told.receipt is Receipt.WITHDRAWN
    assert "Withdrawn." in words_of(card)
    assert card.buttons == ()


async def test_a_form_for_a_round_nobody_knows_is_refused(stage: Stage) -> None:
    told, _ = await stage.terminal.form(BOB, RoundId(f"{CHANNEL}#9"), FULL, id=next(ids))
    assert told == Told(receipt=Receipt.NOT_COUNTED, why=Why.NO_ROUND)


async def test_talk_may_be_submitted_as_the_answer(stage: Stage) -> None:
    first = await said(stage)
    later = await said(stage, text=PARTLY, at_="11:00")
    told, card = await stage.terminal.submit(BOB, later.id, id=next(ids))
    assert told.receipt is Receipt.REVISED
    assert "Revised." in words_of(card)
    assert [button.label for button in card.buttons] == ["Check now"]
    assert stage.marked() == [later.id]
    assert first.id not in stage.marked()


async def test_a_message_of_the_channel_may_be_submitted_and_is_then_revised_by_editing_it(stage: Stage) -> None:
    message, _ = await stage.terminal.say(BOB, HERE, FULL)
    told, _ = await stage.terminal.submit(BOB, message.id, id=next(ids))
    assert told.receipt is Receipt.RECORDED
    assert stage.marked() == [message.id]
    stage.now += MINUTE
    assert (await stage.terminal.edit(BOB, message.id, PARTLY)).receipt is Receipt.REVISED
    stage.now += MINUTE
    assert (await stage.terminal.delete(BOB, message.id)).receipt is Receipt.WITHDRAWN


async def test_only_ones_own_message_can_be_submitted(stage: Stage) -> None:
    message = await said(stage, ADA)
    told, card = await stage.terminal.submit(BOB, message.id, id=next(ids))
    assert told.receipt is Receipt.NOT_COUNTED
    assert "only a message of your own" in words_of(card)
    with pytest.raises(NoSuchMessage):
        await stage.terminal.submit(BOB, "77", id=next(ids))
    assert await stage.answer(BOB) is None


async def test_check_now_under_a_form_makes_the_answer_final(stage: Stage) -> None:
    _, card = await stage.terminal.form(BOB, (await stage.round()).id, FULL, id=next(ids))
    check = card.buttons[0]
    checked = await stage.terminal.press(BOB, HERE, check.press, check.about, id=next(ids))
    assert "Your answer is final now." in words_of(checked)
    told, card = await stage.terminal.form(BOB, (await stage.round()).id, PARTLY, id=next(ids))
    assert (told.receipt, told.why) == (Receipt.NOT_COUNTED, Why.FINAL)
    assert card.buttons == ()


async def test_a_ruling_is_told_under_the_next_form_once(stage: Stage) -> None:
    await said(stage, BOB)
    await stage.turn(at("09:00", 1))
    await stage.terminal.command(ADA, HERE, "award @bob 2 for the sketch", id=next(ids))
    round_ = await stage.round(1)
    for tells in (True, False):
        _, card = await stage.terminal.form(BOB, round_.id, FULL, id=next(ids))
        assert ("You were awarded 2 points: for the sketch" in words_of(card)) is tells


# --- sealed rounds ------------------------------------------------------------------------------------------


async def test_a_sealed_round_has_no_thread_before_its_reveal_and_takes_the_form(tmp_path: Path) -> None:
    async with staged(tmp_path, drill=False) as stage:
        await stage.terminal.command(ADA, HERE, "setup time=09:00 zone=UTC answers=sealed", id=next(ids))
        await stage.turn(at("09:00"))
        round_ = await stage.round()
        assert round_.thread is None
        told, _ = await stage.terminal.form(BOB, round_.id, FULL, id=next(ids))
        assert told.receipt is Receipt.RECORDED
        await stage.turn(at("09:00", 1))
        thread = await stage.thread()
        assert [message.text.splitlines()[0] for message in stage.of_bot(thread.thread)] == [
            "Reference answer · Question of Sunday, 22 November"
        ]


# --- commands and buttons -----------------------------------------------------------------------------------


async def test_a_command_is_answered_to_its_asker_alone(stage: Stage) -> None:
    before = list(stage.room.all())
    card = await stage.terminal.command(BOB, HERE, "when", id=next(ids))
    assert "Open now: " in words_of(card)
    assert list(stage.room.all()) == before


async def test_only_organizers_run_the_drill(stage: Stage) -> None:
    refused = await stage.terminal.command(BOB, HERE, "skip open", id=next(ids))
    assert "for organizers" in words_of(refused)
    assert (await stage.round()).state is RoundState.OPEN
    await stage.terminal.command(ADA, HERE, "skip open", id=next(ids))
    assert (await stage.round()).state is RoundState.CANCELLED


async def test_in_a_thread_a_command_means_its_round_and_in_the_channel_the_daily_one(stage: Stage) -> None:
    await stage.terminal.command(BOB, HERE, "ask", id=next(ids))
    await stage.turn(at("10:00"))
    extra = await stage.store.read(lambda tx: tx.rounds.live(CHANNEL)[1])
    assert extra.thread is not None
    for place in (HERE, extra.thread):
        await stage.terminal.command(BOB, place, "hint", id=next(ids))
    daily = await stage.round()
    hints = await stage.store.read(lambda tx: [tx.answers.hints(one.id, BOB.id) for one in (daily, extra)])
    assert hints == [1, 1]


async def test_the_hint_button_gives_a_hint(stage: Stage) -> None:
    round_ = await stage.round()
    card = await stage.terminal.press(BOB, HERE, Press.HINT, round_.id, id=next(ids))
    assert "Think of an ensemble." in words_of(card)


async def test_my_result_comes_with_the_reveal_and_not_before(stage: Stage) -> None:
    await said(stage)
    round_ = await stage.round()
    before = await stage.terminal.press(BOB, HERE, Press.RESULT, round_.id, id="press")
    assert words_of(before) == "That did not work\nYour result comes with the reveal.\n"
    await stage.turn(at("09:00", 1))
    after = await stage.terminal.press(BOB, HERE, Press.RESULT, round_.id, id="press")
    assert "You have all the essentials." in words_of(after)
    assert "3 points." in words_of(after)


async def test_the_last_result_is_that_of_the_latest_revealed_round_that_somebody_answered(stage: Stage) -> None:
    assert await stage.terminal.last_result(BOB, CHANNEL) is None
    await said(stage, BOB)
    await said(stage, ADA)
    assert await stage.terminal.last_result(BOB, CHANNEL) is None  # It is not revealed yet.
    await stage.turn(at("09:00", 1))
    await stage.terminal.say(ADA, await stage.thread(1), FULL)
    await stage.turn(at("09:00", 2))
    await stage.terminal.say(BOB, await stage.thread(2), FULL)
    assert await stage.terminal.last_result(BOB, CHANNEL) == (await stage.round(0)).id
    assert await stage.terminal.last_result(ADA, CHANNEL) == (await stage.round(1)).id
    assert await stage.terminal.last_result(ADA, channel_id("random")) is None


async def test_a_first_drill_is_begun_once(tmp_path: Path) -> None:
    async with staged(tmp_path, drill=False) as stage:
        assert await stage.terminal.begin(BOB, HERE, {"time": "08:00", "zone": "UTC"}) is None  # no organizer
        olga = Person("olga", organizer=True)
        wrong = await stage.terminal.begin(olga, HERE, {"time": "08:00", "zone": "Mars"})
        assert wrong is not None
        assert wrong.title == "That did not work"
        first = await stage.terminal.begin(olga, HERE, {"time": "08:00", "zone": "UTC"})
        assert first is not None
        assert await stage.terminal.begin(olga, HERE, {"time": "10:00", "zone": "UTC"}) is None
        await stage.turn(stage.now)
        assert (await stage.round()).state is RoundState.OPEN


async def test_the_round_of_a_place_is_found(stage: Stage) -> None:
    round_ = await stage.round()
    assert await stage.terminal.round_here(HERE) == round_
    assert await stage.terminal.round_here(await stage.thread()) == round_
    assert await stage.terminal.round_here(Place(channel=channel_id("random"))) is None


# --- catching up --------------------------------------------------------------------------------------------


async def test_what_was_written_and_not_handed_in_is_caught_up_with_its_marks(stage: Stage) -> None:
    thread = await stage.thread()
    answer = written(stage, thread, FULL)
    written(stage, thread, "coffee first", ADA)
    written(stage, HERE, FULL, ADA)
    stage.now = at("12:00")
    await stage.terminal.catch_up()
    assert stage.marked() == [answer.id]
    assert await stage.answer(BOB) is not None
    assert await stage.answer(ADA) is None


async def test_catching_up_twice_changes_nothing(stage: Stage) -> None:
    await said(stage)
    written(stage, await stage.thread(), DONT_KNOW, ADA)
    await stage.terminal.catch_up()
    before = (list(stage.room.all()), await stage.answer(BOB), await stage.answer(ADA))
    await stage.terminal.catch_up()
    assert (list(stage.room.all()), await stage.answer(BOB), await stage.answer(ADA)) == before


async def test_edits_and_deletions_that_were_not_handed_in_are_caught_up_too(stage: Stage) -> None:
    edited, deleted = await said(stage, ADA), await said(stage, BOB)
    stage.room.edit(edited.id, plain(PARTLY), at("10:05"))
    stage.room.delete(deleted.id, at("10:05"))
    await stage.terminal.catch_up()
    answer = await stage.answer(ADA)
    assert answer is not None
    assert answer.text == PARTLY
    assert await stage.answer(BOB) is None
    assert stage.marked() == [edited.id]


async def test_a_message_said_before_the_close_counts_though_it_is_caught_up_after_it(stage: Stage) -> None:
    stage.now = at("08:50", 1)
    message = written(stage, await stage.thread(), FULL)
    stage.now = at("09:30", 1)
    await stage.terminal.catch_up()
    await stage.turn(at("09:30", 1))
    assert (await stage.round()).state is RoundState.REVEALED
    assert stage.marked() == [message.id]
    rows = await stage.store.read(lambda tx: tx.ledger.of_round(RoundId(f"{CHANNEL}@2026-11-22"), BOB.id))
    assert sum(row.points for row in rows) == 3


async def test_a_mark_that_was_lost_when_the_program_died_comes_back(stage: Stage) -> None:
    message = await said(stage)
    stage.room.mark(message.id, counts=False)
    await stage.terminal.catch_up()
    assert stage.marked() == [message.id]


# --- alone with the bot -------------------------------------------------------------------------------------


@pytest_asyncio.fixture
async def reminded(stage: Stage) -> Stage:
    """Bob has been reminded of the open question, at ten."""
    stage.now = at("09:30")
    await stage.terminal.command(BOB, HERE, "me remind 10:00", id=next(ids))
    await stage.turn(at("10:00"))
    return stage


def alone_with_bob(stage: Stage) -> list[Message]:
    return [message for message in stage.room.all() if message.alone_with == "bob"]


async def test_a_reminder_is_a_direct_message_to_whoever_asked_for_it(reminded: Stage) -> None:
    (reminder,) = alone_with_bob(reminded)
    assert reminder.text.startswith("Your question of the day\n")
    assert (reminder.by, reminder.at) == ("", at("10:00"))


async def test_what_is_replied_to_a_reminder_is_the_answer(reminded: Stage) -> None:
    message, told, card = await reminded.terminal.direct(BOB, FULL)
    assert (message.alone_with, told.receipt) == ("bob", Receipt.RECORDED)
    assert "Recorded." in words_of(card)
    answer = await reminded.answer(BOB)
    assert answer is not None
    assert answer.text == FULL


async def test_a_reply_can_be_edited_and_deleted(reminded: Stage) -> None:
    message, _, _ = await reminded.terminal.direct(BOB, FULL)
    reminded.now += MINUTE
    assert (await reminded.terminal.edit(BOB, message.id, PARTLY)).receipt is Receipt.REVISED
    answer = await reminded.answer(BOB)
    assert answer is not None
    assert answer.text == PARTLY
    reminded.now += MINUTE
    assert (await reminded.terminal.delete(BOB, message.id)).receipt is Receipt.WITHDRAWN
    assert await reminded.answer(BOB) is None


async def test_what_is_said_to_the_bot_alone_without_a_reminder_counts_for_nothing(stage: Stage) -> None:
    _, told, card = await stage.terminal.direct(BOB, FULL)
    assert (told.receipt, told.why) == (Receipt.NOT_COUNTED, Why.NO_ROUND)
    assert "Not counted" in words_of(card)
    assert "/nnquestion me remind" in words_of(card)


async def test_a_reply_that_was_not_handed_in_is_caught_up_and_once(reminded: Stage) -> None:
    written(reminded, Place(channel=ChannelId(BOB.id)), FULL)
    for _ in range(2):
        await reminded.terminal.catch_up()
        answer = await reminded.answer(BOB)
        assert answer is not None
        assert (answer.text, answer.revision) == (FULL, 1)


async def test_what_was_said_before_the_latest_reminder_is_no_answer_to_its_question(reminded: Stage) -> None:
    written(reminded, Place(channel=ChannelId(BOB.id)), FULL)
    await reminded.turn(at("10:00", 1))
    assert len(alone_with_bob(reminded)) == 3
    await reminded.terminal.catch_up()
    assert await reminded.answer(BOB, day=1) is None


async def test_what_the_bot_says_in_a_thread_is_never_taken_for_an_answer(stage: Stage) -> None:
    thread = await stage.thread()
    stage.room.say(thread.channel, plain(FULL), stage.now, thread=thread.thread)
    await stage.terminal.catch_up()
    round_ = await stage.round()
    assert await stage.store.read(lambda tx: tx.answers.of_round(round_.id)) == []
