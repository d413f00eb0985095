"""What counts as an answer, in a thread, by form, by "Submit as my answer", and in which order it may arrive."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.answering import Deleted, Form, Said, Submitted
from bot.core.model import Closing, Place, Receipt, Round, Share, Why, group_of
from tests.core.worlds import DONT_KNOW, FULL, PARTLY, TRY, World, at, member, words_of
from tests.factories import CHANNEL, make_timetable

MORE = "and some more"
LONG = "five words and then some"


@pytest.fixture
def world() -> Iterator[World]:
    """A channel whose round opened at nine and closes at nine on the next day."""
    world = World()
    world.tick(at("09:00"))
    yield world
    world.close()


@pytest.fixture
def sealed() -> Iterator[World]:
    """The same in a sealed drill."""
    world = World(sealed=True)
    world.tick(at("09:00"))
    yield world
    world.close()


# --- what starts an answer ----------------------------------------------------------------------------------


def test_a_first_message_of_five_words_starts_an_answer(world: World) -> None:
    assert world.says("ada", "one two three four five", at("10:00")).receipt is Receipt.RECORDED
    assert world.text("ada") == "one two three four five"


def test_a_message_of_four_words_is_talk(world: World) -> None:
    told = world.says("ada", "one two three four", at("10:00"))
    assert (told.receipt, told.why) == (Receipt.NOT_COUNTED, Why.TALK)
    assert world.text("ada") is None


def test_fifteen_characters_of_a_script_without_spaces_start_an_answer(world: World) -> None:
    world.says("ada", "训练时随机把神经元输出设为零。", at("10:00"))
    assert world.text("ada") is None
    world.says("bob", "训练时会随机把神经元输出设为零。", at("10:00"))
    assert world.text("bob") is not None


def test_a_short_message_before_the_first_long_one_does_not_belong_to_the_answer(world: World) -> None:
    world.says("ada", "hm, let me think", at("10:00"))
    world.says("ada", LONG, at("10:02"))
    assert world.text("ada") == LONG


def test_a_reply_to_another_member_is_talk(world: World) -> None:
    assert world.says("ada", LONG, at("10:00"), reply_to="bob").why is Why.TALK
    assert world.text("ada") is None


def test_a_reply_to_oneself_may_start_an_answer(world: World) -> None:
    world.says("ada", LONG, at("10:00"), reply_to="ada")
    assert world.text("ada") == LONG


def test_a_reply_to_another_member_within_the_ten_minutes_is_talk_as_well(world: World) -> None:
    world.says("ada", LONG, at("10:00"))
    world.says("ada", "you are quite right, Bob", at("10:01"), reply_to="bob")
    assert world.text("ada") == LONG


def test_what_is_said_outside_of_the_thread_is_no_answer(world: World) -> None:
    world.says("ada", LONG, at("10:00"), place=Place(channel=CHANNEL))
    assert world.text("ada") is None


def test_every_member_has_an_answer_of_their_own(world: World) -> None:
    world.says("ada", FULL, at("10:00"))
    world.says("bob", PARTLY, at("10:01"))
    assert (world.text("ada"), world.text("bob")) == (FULL, PARTLY)


def test_spoiler_marks_are_stripped(world: World) -> None:
    world.says("ada", f"||{LONG}||", at("10:00"))
    assert world.text("ada") == LONG


def test_spoiler_marks_do_not_count_as_words(world: World) -> None:
    world.says("ada", "|| one || two || three || four ||", at("10:00"))
    assert world.text("ada") is None


def test_the_same_message_heard_twice_is_one_part(world: World) -> None:
    said = Said(
        place=world.round().thread or Place(channel=CHANNEL),
        message="m1",
        member=member("ada"),
        name="Ada",
        text=LONG,
        said_at=at("10:00"),
    )
    world.arrives(said)
    world.arrives(said)
    answer = world.answer("ada")
    assert answer is not None
    assert (len(answer.parts), answer.revision) == (1, 1)


# --- what joins it ------------------------------------------------------------------------------------------


def test_what_is_added_within_ten_minutes_joins_however_short_it_is(world: World) -> None:
    world.says("ada", LONG, at("10:00"))
    told = world.says("ada", MORE, at("10:10"), message="m2")
    assert told.receipt is not Receipt.NOT_COUNTED
    assert "m2" in told.counts
    assert world.text("ada") == f"{LONG}\n{MORE}"


def test_later_text_is_talk_and_gets_no_reaction(world: World) -> None:
    world.says("ada", LONG, at("10:00"))
    told = world.says("ada", FULL, at("10:10:01"))
    assert (told.receipt, told.why, told.counts) == (Receipt.NOT_COUNTED, Why.TALK, ())
    assert world.text("ada") == LONG


def test_the_ten_minutes_count_from_the_start_and_not_from_the_last_part(world: World) -> None:
    world.says("ada", LONG, at("10:00"))
    world.says("ada", MORE, at("10:08"))
    world.says("ada", FULL, at("10:16"))
    assert world.text("ada") == f"{LONG}\n{MORE}"


def test_the_parts_stand_in_the_order_in_which_they_were_said(world: World) -> None:
    world.says("ada", LONG, at("10:00"))
    world.says("ada", "third", at("10:03"))
    world.says("ada", "second", at("10:02"))
    assert world.text("ada") == f"{LONG}\nsecond\nthird"


def test_a_part_said_in_time_joins_though_it_was_edited_later_and_is_only_heard_of_then(world: World) -> None:
    world.says("ada", LONG, at("10:00"))
    world.says("ada", MORE, at("10:05"), edited_at=at("10:30"))
    assert world.text("ada") == f"{LONG}\n{MORE}"


# --- how long it may be -------------------------------------------------------------------------------------


def test_a_part_that_goes_over_three_thousand_characters_is_kept_out(world: World) -> None:
    first = "word " * 500 + "end"
    world.says("ada", first, at("10:00"))
    told = world.says("ada", "x" * 500, at("10:01"))
    assert told.receipt is Receipt.TOO_LONG
    assert world.text("ada") == first


def test_an_answer_of_exactly_three_thousand_characters_counts(world: World) -> None:
    text = "word " * 599 + "words"
    assert len(text) == 3000
    assert world.says("ada", text, at("10:00")).receipt is Receipt.RECORDED
    assert world.says("bob", text + "!", at("10:00")).receipt is Receipt.TOO_LONG
    assert world.text("bob") is None


def test_an_edit_that_goes_over_leaves_the_part_as_it_was(world: World) -> None:
    world.says("ada", LONG, at("10:00"), message="m1")
    assert world.edits("m1", "word " * 700, at("10:05")).receipt is Receipt.TOO_LONG
    assert world.text("ada") == LONG


def test_a_form_that_goes_over_leaves_the_answer_as_it_was(world: World) -> None:
    world.says("ada", LONG, at("10:00"))
    assert world.fills_form("ada", "word " * 700, at("10:05")).receipt is Receipt.TOO_LONG
    assert world.text("ada") == LONG


def test_a_short_part_may_follow_one_that_was_too_long(world: World) -> None:
    world.says("ada", LONG, at("10:00"))
    world.says("ada", "x" * 3000, at("10:01"))
    world.says("ada", MORE, at("10:02"))
    assert world.text("ada") == f"{LONG}\n{MORE}"


# --- revising and withdrawing -------------------------------------------------------------------------------


def test_editing_a_part_revises_the_answer_at_any_time_before_the_close(world: World) -> None:
    world.says("ada", LONG, at("10:00"), message="m1")
    assert world.edits("m1", FULL, at("08:59:59", 1)).receipt is Receipt.REVISED
    assert world.text("ada") == FULL


def test_every_change_makes_a_new_revision_to_grade(world: World) -> None:
    world.says("ada", LONG, at("10:00"), message="m1")
    world.edits("m1", FULL, at("10:01"))
    answer = world.answer("ada")
    assert answer is not None
    assert answer.revision == 2


def test_an_edit_that_changes_nothing_makes_no_revision(world: World) -> None:
    world.says("ada", LONG, at("10:00"), message="m1")
    world.edits("m1", LONG, at("10:01"))
    answer = world.answer("ada")
    assert answer is not None
    assert answer.revision == 1


def test_editing_talk_into_five_words_starts_an_answer(world: World) -> None:
    world.says("ada", "hm", at("10:00"), message="m1")
    world.edits("m1", LONG, at("10:01"))
    assert world.text("ada") == LONG


def test_deleting_a_part_removes_it(world: World) -> None:
    world.says("ada", LONG, at("10:00"))
    world.says("ada", MORE, at("10:01"), message="m2")
    assert world.deletes("m2", at("11:00")).receipt is Receipt.REVISED
    assert world.text("ada") == LONG


def test_deleting_the_only_part_withdraws_the_answer(world: World) -> None:
    world.says("ada", LONG, at("10:00"), message="m1")
    assert world.deletes("m1", at("11:00")).receipt is Receipt.WITHDRAWN
    assert world.answer("ada") is None
    world.tick(at("09:00", 1))
    assert world.points("ada") == 0
    assert "Nobody answered" in world.reveal_of(world.rounds()[0])


def test_who_has_withdrawn_may_answer_again(world: World) -> None:
    world.says("ada", LONG, at("10:00"), message="m1")
    world.deletes("m1", at("11:00"))
    assert world.says("ada", FULL, at("15:00")).receipt is Receipt.RECORDED
    assert world.text("ada") == FULL


def test_editing_a_part_until_nothing_is_left_removes_it(world: World) -> None:
    world.says("ada", LONG, at("10:00"))
    world.says("ada", MORE, at("10:01"), message="m2")
    world.edits("m2", "  ", at("10:02"))
    assert world.text("ada") == LONG


def test_deleting_talk_changes_nothing(world: World) -> None:
    world.says("ada", LONG, at("10:00"))
    world.says("ada", "off I go", at("12:00"), message="m2")
    assert world.deletes("m2", at("13:00")).receipt is Receipt.NOT_COUNTED
    assert world.text("ada") == LONG


def test_nothing_of_a_deleted_part_is_left_before_the_close(world: World) -> None:
    world.says("ada", f"{LONG} zebra", at("10:00"), message="m1")
    world.deletes("m1", at("11:00"))
    assert not remembers(world, "zebra")


def remembers(world: World, word: str) -> bool:
    """Whether any row of the database holds the word."""
    db = world.tx.answers._db  # type: ignore[attr-defined]
    return any(word in line for line in db.conn.iterdump())


# --- the reaction -------------------------------------------------------------------------------------------


def test_the_receipt_names_the_messages_that_count(world: World) -> None:
    assert world.says("ada", LONG, at("10:00"), message="m1").counts == ("m1",)
    assert world.says("ada", MORE, at("10:01"), message="m2").counts == ("m1", "m2")


def test_the_receipt_names_the_message_that_counts_no_more(world: World) -> None:
    world.says("ada", LONG, at("10:00"), message="m1")
    world.says("ada", MORE, at("10:01"), message="m2")
    told = world.deletes("m1", at("10:02"))
    assert (told.counts, told.counts_no_more) == (("m2",), ("m1",))


def test_a_form_takes_the_reactions_from_the_messages_it_replaces(world: World) -> None:
    world.says("ada", LONG, at("10:00"), message="m1")
    told = world.fills_form("ada", FULL, at("10:02"))
    assert (told.counts, told.counts_no_more) == ((), ("m1",))


def test_a_late_message_gets_no_reaction(world: World) -> None:
    assert world.says("ada", LONG, at("09:00", 1), message="m1").counts == ()


# --- the close ----------------------------------------------------------------------------------------------


def test_an_answer_stamped_before_the_close_counts_though_it_arrives_after(world: World) -> None:
    first = world.round()
    world.tick(at("09:00", 1))
    told = world.says("ada", FULL, at("08:59:59.999999", 1), place=first.thread)
    assert told.receipt is Receipt.RECORDED
    world.tick(at("09:01", 1))
    assert world.points("ada", first) == 3
    assert world.streak("ada") == 1


def test_an_answer_stamped_at_the_close_is_late(world: World) -> None:
    told = world.says("ada", FULL, at("09:00", 1))
    answer = world.answer("ada")
    assert told.receipt is Receipt.LATE
    assert answer is not None
    assert answer.late


def test_a_late_answer_is_graded_for_its_author_and_brings_neither_points_nor_streak(world: World) -> None:
    first = world.round()
    world.tick(at("09:00", 1))
    world.says("ada", FULL, at("09:30", 1), place=first.thread)
    world.tick(at("09:31", 1))
    said = words_of(world.asks_result("ada", first))
    assert "You have all the essentials." in said
    assert "after the close" in said
    assert world.points("ada") == 0
    assert world.streak("ada") == 0


def test_a_late_answer_is_not_in_the_reveal() -> None:
    timetable = make_timetable(closing=Closing(at=time(18)), reveal_at=time(20))
    with closing(World(timetable=timetable)) as world:
        world.tick(at("09:00"))
        world.says("ada", FULL, at("19:00"))
        world.tick(at("20:00"))
        assert "Nobody answered" in world.reveal_of(world.round())


def test_a_late_answer_gives_way_to_one_that_was_in_time_and_arrives_later(world: World) -> None:
    world.says("ada", FULL, at("09:05", 1))
    world.says("ada", LONG, at("08:00", 1))
    answer = world.answer("ada")
    assert answer is not None
    assert (answer.text, answer.late) == (LONG, False)


def test_after_the_close_an_edit_changes_nothing(world: World) -> None:
    world.says("ada", LONG, at("10:00"), message="m1")
    told = world.edits("m1", FULL, at("09:00", 1))
    assert (told.receipt, told.why) == (Receipt.NOT_COUNTED, Why.CLOSED)
    assert world.text("ada") == LONG


def test_after_the_close_nothing_joins_an_answer_though_its_ten_minutes_are_not_over(world: World) -> None:
    world.says("ada", LONG, at("08:55", 1))
    told = world.says("ada", MORE, at("09:01", 1))
    assert (told.receipt, told.why) == (Receipt.NOT_COUNTED, Why.CLOSED)
    assert world.text("ada") == LONG


def test_after_the_close_a_form_changes_nothing_in_an_answer_that_was_in_time(world: World) -> None:
    world.says("ada", LONG, at("10:00"))
    assert world.fills_form("ada", FULL, at("09:00", 1)).why is Why.CLOSED
    assert world.text("ada") == LONG


def test_a_late_edit_that_arrives_before_its_message_does_not_make_the_answer_late(world: World) -> None:
    world.says("ada", FULL, at("08:50", 1), message="m1", edited_at=at("09:10", 1))
    world.says("ada", LONG, at("08:50", 1), message="m1")
    answer = world.answer("ada")
    assert answer is not None
    assert (answer.text, answer.late) == (LONG, False)


def test_after_the_close_a_deletion_removes_the_text_and_keeps_the_grade(world: World) -> None:
    first = world.round()
    world.says("ada", f"{FULL} zebra", at("10:00"), message="m1")
    world.tick(at("09:00", 1))
    world.deletes("m1", at("10:00", 1))
    world.tick(at("10:01", 1))
    grade = world.tx.answers.grade(first.id, member("ada"))
    assert not remembers(world, "zebra")
    assert grade is not None
    assert grade.level == 2
    assert world.points("ada") == 3
    assert world.streak("ada") == 1


def test_a_deletion_after_the_close_that_is_heard_before_its_message_removes_the_text_too(world: World) -> None:
    first = world.round()
    place = first.thread
    assert place is not None
    spoken = _said(world, "ada", at("08:59", 1))
    world.arrives(Deleted(channel=place.channel, message=spoken.message, at=at("09:00:01", 1)))
    told = world.arrives(spoken, now=at("09:00:02", 1))
    assert (told.receipt, told.counts) == (Receipt.RECORDED, ())
    world.tick(at("09:01", 1))
    assert world.keeps(spoken.text) == []
    assert world.tx.answers.grade(first.id, member("ada")) is not None
    assert world.points("ada") > 0


def test_a_deletion_between_the_close_and_the_grading_removes_the_text_once_it_is_graded() -> None:
    timetable = make_timetable(closing=Closing(at=time(18)), reveal_at=time(20))
    with closing(World(timetable=timetable)) as world:
        world.tick(at("09:00"))
        world.says("ada", f"{FULL} zebra", at("10:00"), message="m1")
        world.deletes("m1", at("18:01"))
        world.tick(at("20:00"))
        assert not remembers(world, "zebra")
        assert world.points("ada") == 3


@pytest.mark.parametrize("graded", [True, False])
def test_after_the_close_an_empty_form_removes_the_text_and_keeps_the_grade(world: World, graded: bool) -> None:
    world.tick(at("09:00"))
    world.fills_form("ada", FULL, at("10:00"))
    if graded:
        world.tick(at("09:00", 1))
    told = world.fills_form("ada", "", at("09:01", 1), round_=world.rounds()[0])
    assert (told.receipt, told.why) == (Receipt.NOT_COUNTED, Why.TEXT_GONE)
    world.tick(at("09:02", 1))
    assert world.keeps(FULL) == []
    assert world.points("ada") == 3


def test_after_the_close_a_deletion_of_one_part_removes_its_text_and_keeps_the_grade(world: World) -> None:
    world.says("ada", FULL, at("10:00"))
    world.says("ada", "zebra", at("10:01"), message="m2")
    world.tick(at("09:00", 1))
    world.deletes("m2", at("10:00", 1))
    world.tick(at("10:01", 1))
    assert not remembers(world, "zebra")
    assert world.points("ada") == 3


def test_a_deletion_stamped_before_the_close_withdraws_the_answer_though_it_arrives_after_the_reveal(
    world: World,
) -> None:
    first = world.round()
    world.says("ada", FULL, at("10:00"), message="m1")
    world.tick(at("09:00", 1))
    world.deletes("m1", at("08:59", 1))
    world.tick(at("09:02", 1))
    assert world.answer("ada", first) is None
    assert world.streak("ada") == 0
    assert world.points("ada") == 0


def test_who_withdrew_in_time_and_answered_again_too_late_has_no_points_whatever_arrives_first(world: World) -> None:
    first = world.round()
    world.says("ada", FULL, at("10:00"), message="m1")
    world.tick(at("09:00", 1))
    world.says("ada", LONG, at("09:30", 1), message="m2", place=first.thread)
    world.deletes("m1", at("08:59", 1))
    world.tick(at("09:31", 1))
    assert world.points("ada") == 0
    assert world.streak("ada") == 0


def test_a_late_answer_may_be_revised_and_withdrawn(world: World) -> None:
    world.says("ada", LONG, at("09:05", 1), message="m1")
    world.edits("m1", FULL, at("09:06", 1))
    assert world.text("ada") == FULL
    world.deletes("m1", at("09:07", 1))
    assert world.answer("ada") is None


def test_a_round_that_was_called_off_takes_no_answers(world: World) -> None:
    world.orders("skip open", at("10:00"))
    assert world.says("ada", LONG, at("10:01")).why is Why.TALK
    assert world.fills_form("ada", LONG, at("10:02")).why is Why.NO_ROUND
    assert world.answer("ada") is None


def test_the_local_date_of_an_answer_is_the_one_in_the_rounds_zone() -> None:
    with closing(World(timetable=make_timetable(zone="Asia/Tokyo"))) as world:
        world.tick(at("09:00"))
        world.says("ada", LONG, at("20:00"))
        answer = world.answer("ada")
        assert answer is not None
        assert answer.local_date.isoformat() == "2026-11-23"


# --- the form -----------------------------------------------------------------------------------------------


def test_a_form_replaces_all_parts(world: World) -> None:
    world.says("ada", LONG, at("10:00"))
    world.says("ada", MORE, at("10:01"))
    assert world.fills_form("ada", FULL, at("10:02")).receipt is Receipt.REVISED
    assert world.text("ada") == FULL


def test_a_form_may_be_shorter_than_five_words(world: World) -> None:
    assert world.fills_form("ada", "it drops units", at("10:00")).receipt is Receipt.RECORDED


def test_what_is_said_in_the_thread_after_a_form_is_talk(world: World) -> None:
    world.fills_form("ada", FULL, at("10:00"))
    assert world.says("ada", LONG, at("10:01")).why is Why.TALK
    assert world.text("ada") == FULL


def test_editing_a_message_that_a_form_has_replaced_changes_nothing(world: World) -> None:
    world.says("ada", LONG, at("10:00"), message="m1")
    world.fills_form("ada", FULL, at("10:01"))
    world.edits("m1", PARTLY, at("10:02"))
    assert world.text("ada") == FULL


def test_an_empty_form_withdraws_the_answer(world: World) -> None:
    world.fills_form("ada", FULL, at("10:00"))
    assert world.fills_form("ada", " ", at("10:01")).receipt is Receipt.WITHDRAWN
    assert world.answer("ada") is None


def test_an_empty_form_without_an_answer_is_not_counted(world: World) -> None:
    assert world.fills_form("ada", "", at("10:00")).why is Why.EMPTY


def test_an_answer_by_form_is_shared_with_nobody_unless_its_author_says_so(world: World) -> None:
    world.fills_form("ada", FULL, at("10:00"))
    world.fills_form("bob", FULL, at("10:00"), share=Share.WITH_NAME)
    shares = {answer.member: answer.share for answer in world.tx.answers.of_round(world.round().id)}
    assert shares == {member("ada"): Share.NO, member("bob"): Share.WITH_NAME}


def test_an_older_form_that_arrives_later_changes_nothing(world: World) -> None:
    for interaction, text, when in ("second", FULL, at("10:05")), ("first", LONG, at("10:00")):
        world.arrives(
            Form(round=world.round().id, interaction=interaction, member=member("ada"), name="Ada", text=text, at=when)
        )
    assert world.text("ada") == FULL


# --- sealed drills ------------------------------------------------------------------------------------------


def test_a_sealed_round_takes_answers_by_form_only(sealed: World) -> None:
    sealed.tx.rounds.save(thread_of(sealed))
    told = sealed.says("ada", LONG, at("10:00"))
    assert (told.receipt, told.why) == (Receipt.NOT_COUNTED, Why.SEALED)
    assert sealed.fills_form("ada", FULL, at("10:01")).receipt is Receipt.RECORDED
    assert sealed.text("ada") == FULL


def test_talk_in_a_sealed_round_is_not_scolded(sealed: World) -> None:
    sealed.tx.rounds.save(thread_of(sealed))
    assert sealed.says("ada", "good morning all", at("10:00")).why is Why.TALK


def test_talk_after_the_reveal_of_a_sealed_round_is_no_answer(sealed: World) -> None:
    first = sealed.round()
    sealed.fills_form("bob", FULL, at("10:00"))
    sealed.tick(at("09:00", 1))
    assert sealed.says("ada", LONG, at("09:10", 1), place=sealed.anew(first).thread).why is Why.TALK
    assert sealed.answer("ada", first) is None


def test_no_message_can_be_submitted_in_a_sealed_round(sealed: World) -> None:
    sealed.says("ada", LONG, at("10:00"), message="m1", place=Place(channel=CHANNEL))
    assert sealed.submits("ada", "m1", at("10:01")).why is Why.SEALED


def thread_of(world: World) -> Round:
    """The round with a thread that somebody has opened by hand."""
    return replace(world.round(), thread=Place(channel=CHANNEL, thread="by hand"))


# --- "Submit as my answer" ----------------------------------------------------------------------------------


def test_a_later_message_becomes_the_answer_when_its_author_submits_it(world: World) -> None:
    world.says("ada", LONG, at("10:00"), message="m1")
    world.says("ada", FULL, at("12:00"), message="m2")
    told = world.submits("ada", "m2", at("12:01"))
    assert (told.receipt, told.counts, told.counts_no_more) == (Receipt.REVISED, ("m2",), ("m1",))
    assert world.text("ada") == FULL


def test_a_reply_to_another_member_may_be_submitted(world: World) -> None:
    world.says("ada", FULL, at("10:00"), message="m1", reply_to="bob")
    world.submits("ada", "m1", at("10:01"))
    assert world.text("ada") == FULL


def test_nobody_submits_the_message_of_another_member(world: World) -> None:
    world.says("ada", FULL, at("10:00"), message="m1", reply_to="bob")
    world.submits("bob", "m1", at("10:01"))
    assert (world.answer("ada"), world.answer("bob")) == (None, None)


def test_a_message_in_the_channel_may_be_submitted_for_the_open_daily_round(world: World) -> None:
    world.says("ada", FULL, at("10:00"), message="m1", place=Place(channel=CHANNEL))
    world.submits("ada", "m1", at("10:01"))
    assert world.text("ada") == FULL


def test_without_an_open_round_nothing_can_be_submitted(world: World) -> None:
    world.says("ada", FULL, at("10:00"), message="m1", place=Place(channel=CHANNEL))
    world.orders("skip open", at("10:01"))
    assert world.submits("ada", "m1", at("10:02")).why is Why.NO_ROUND


def test_editing_a_submitted_message_revises_the_answer(world: World) -> None:
    world.says("ada", LONG, at("10:00"), message="m1", reply_to="bob")
    world.submits("ada", "m1", at("10:01"))
    world.edits("m1", FULL, at("10:02"))
    assert world.text("ada") == FULL


def test_editing_a_message_that_was_submitted_from_the_channel_revises_the_answer(world: World) -> None:
    world.says("ada", LONG, at("10:00"), message="m1", place=Place(channel=CHANNEL))
    world.submits("ada", "m1", at("10:01"))
    world.edits("m1", FULL, at("10:02"))
    assert world.text("ada") == FULL


def test_deleting_a_message_that_was_submitted_from_the_channel_withdraws_the_answer(world: World) -> None:
    world.says("ada", LONG, at("10:00"), message="m1", place=Place(channel=CHANNEL))
    world.submits("ada", "m1", at("10:01"))
    world.deletes("m1", at("10:02"))
    assert world.answer("ada") is None


def test_a_message_said_after_the_close_and_submitted_is_late(world: World) -> None:
    world.says("ada", FULL, at("09:05", 1), message="m1", reply_to="bob")
    assert world.submits("ada", "m1", at("09:06", 1)).receipt is Receipt.LATE


# --- who is met ---------------------------------------------------------------------------------------------


def test_who_answers_in_the_thread_is_known_in_public_and_who_answers_by_form_is_not(world: World) -> None:
    world.says("ada", FULL, at("10:00"))
    world.fills_form("bob", FULL, at("10:00"))
    ada, bob = world.tx.members.get(member("ada")), world.tx.members.get(member("bob"))
    assert ada is not None
    assert bob is not None
    assert (ada.public, bob.public) == (True, False)
    assert ada.group == group_of(CHANNEL)


def test_who_only_talks_is_not_known(world: World) -> None:
    world.says("ada", "good morning", at("10:00"))
    assert world.tx.members.get(member("ada")) is None


def test_a_member_is_called_by_their_latest_name(world: World) -> None:
    world.says("ada", LONG, at("10:00"), message="m1")
    world.fills_form("ada", FULL, at("10:05"))
    renamed = Form(
        round=world.round().id, interaction="x", member=member("ada"), name="Countess", text=FULL, at=at("10:06")
    )
    world.arrives(renamed)
    ada = world.tx.members.get(member("ada"))
    assert ada is not None
    assert ada.name == "Countess"


@pytest.mark.parametrize("edited", [False, True])
def test_a_deletion_counts_though_the_programs_own_clock_is_behind_the_platforms(world: World, edited: bool) -> None:
    world.says("ada", LONG, at("10:00"), message="m1")
    if edited:
        world.edits("m1", FULL, at("10:01"))
    told = world.deletes("m1", at("10:00:59") if edited else at("09:59:59"))
    assert told.receipt is Receipt.WITHDRAWN
    assert world.text("ada") in (None, "")


# --- any order of arrival -----------------------------------------------------------------------------------

Happened = Said | Deleted


def thread_message(name: str, text: str, minute: float, *, edited: float | None = None) -> Said:
    """A message of Ada's in the first round's thread, so many minutes after ten."""
    start = at("10:00")
    return Said(
        place=Place(channel=CHANNEL, thread=f"under of {CHANNEL}@2026-11-22/question"),
        message=name,
        member=member("ada"),
        name="Ada",
        text=text,
        said_at=start + timedelta(minutes=minute),
        edited_at=None if edited is None else start + timedelta(minutes=edited),
    )


def deletion(name: str, minute: float) -> Deleted:
    return Deleted(channel=CHANNEL, message=name, at=at("10:00") + timedelta(minutes=minute))


def stamp(happened: Happened) -> float:
    when = happened.at if isinstance(happened, Deleted) else happened.edited_at or happened.said_at
    return when.timestamp()


def what_stands(arriving: list[Happened]) -> tuple[str, bool] | None:
    """Ada's answer and whether it is late, once all this has arrived in this order."""
    with closing(World()) as world:
        world.tick(at("09:00"))
        for happened in arriving:
            world.arrives(happened)
        answer = world.answer("ada")
        return None if answer is None else (answer.text, answer.late)


def test_the_messages_of_the_orders_below_are_said_in_the_thread(world: World) -> None:
    assert world.round().thread == thread_message("m1", LONG, 0).place


ORDERS: dict[str, list[Happened]] = {
    "two long parts": [thread_message("m1", LONG, 0), thread_message("m2", FULL, 5)],
    "a deletion by a clock that is behind": [thread_message("m1", LONG, 5), deletion("m1", 4.9)],
    "a short part": [thread_message("m1", LONG, 0), thread_message("m2", MORE, 5)],
    "talk before the answer": [thread_message("m1", "let me think", 0), thread_message("m2", LONG, 5)],
    "talk after the answer": [thread_message("m1", LONG, 0), thread_message("m2", FULL, 30)],
    "parts on both sides of the ten minutes": [
        thread_message("m1", LONG, 0),
        thread_message("m2", MORE, 8),
        thread_message("m3", FULL, 12),
    ],
    "two edits": [
        thread_message("m1", LONG, 0),
        thread_message("m1", PARTLY, 0, edited=1),
        thread_message("m1", FULL, 0, edited=2),
    ],
    "an edit and one back": [
        thread_message("m1", LONG, 0),
        thread_message("m1", PARTLY, 0, edited=1),
        thread_message("m1", LONG, 0, edited=2),
    ],
    "an edit of the second part": [
        thread_message("m1", LONG, 0),
        thread_message("m2", MORE, 5),
        thread_message("m2", FULL, 5, edited=30),
    ],
    "an edit after the close": [thread_message("m1", LONG, 0), thread_message("m1", FULL, 0, edited=24 * 60)],
    "a deletion": [thread_message("m1", LONG, 0), deletion("m1", 1)],
    "an edit and a deletion": [
        thread_message("m1", LONG, 0),
        thread_message("m1", FULL, 0, edited=1),
        deletion("m1", 2),
    ],
    "a deletion of one of two parts": [
        thread_message("m1", LONG, 0),
        thread_message("m2", FULL, 5),
        deletion("m1", 20),
    ],
    "an answer in time and one that is late": [thread_message("m1", LONG, 0), thread_message("m2", FULL, 24 * 60)],
}


@pytest.mark.parametrize("what", ORDERS)
def test_whatever_order_things_arrive_in_the_same_answer_stands(what: str) -> None:
    happened = ORDERS[what]
    expected = what_stands(sorted(happened, key=stamp))
    found = [(order, what_stands(list(order))) for order in permutations(happened)]
    assert [([event.id for event in order], answer) for order, answer in found if answer != expected] == []


@st.composite
def _long_parts(draw: st.DrawFn) -> list[Happened]:
    """Long messages within ten minutes of each other, each perhaps edited and perhaps deleted afterwards."""
    happened: list[Happened] = []
    for number in range(draw(st.integers(1, 3))):
        said = draw(st.integers(0, 9))
        happened.append(thread_message(f"m{number}", f"{LONG} {number}", said))
        for edit in range(draw(st.integers(0, 2))):
            text = f"{LONG} {number} anew {edit}"
            happened.append(thread_message(f"m{number}", text, said, edited=20 + edit * 7))
        if draw(st.booleans()):
            happened.append(deletion(f"m{number}", 60))
    return happened


@given(happened=_long_parts(), data=st.data())
@settings(max_examples=60, deadline=None)
def test_long_parts_edits_and_deletions_may_arrive_in_any_order(happened: list[Happened], data: st.DataObject) -> None:
    order = data.draw(st.permutations(happened))
    assert what_stands(order) == what_stands(sorted(happened, key=stamp))


@given(
    texts=st.lists(st.sampled_from([LONG, MORE, DONT_KNOW, TRY]), min_size=1, max_size=5),
    gaps=st.lists(st.integers(1, 8), min_size=5, max_size=5),
)
@settings(max_examples=60, deadline=None)
def test_what_arrives_in_the_order_it_was_said_is_the_first_long_message_and_ten_minutes_more(
    texts: list[str], gaps: list[int]
) -> None:
    minutes = [sum(gaps[: place + 1]) for place in range(len(texts))]
    first = next((place for place, text in enumerate(texts) if text != MORE), None)
    expected = None
    if first is not None:
        joined = [text for text, minute in zip(texts, minutes, strict=True) if 0 <= minute - minutes[first] <= 10]
        expected = "\n".join(joined), False
    said = [thread_message(f"m{place}", text, minutes[place]) for place, text in enumerate(texts)]
    assert what_stands(list(said)) == expected


@given(data=st.data(), copies=st.integers(1, 3))
@settings(max_examples=30, deadline=None)
def test_things_that_arrive_more_than_once_are_one(data: st.DataObject, copies: int) -> None:
    happened = data.draw(_long_parts())
    in_order = sorted(happened, key=stamp)
    assert what_stands(in_order + in_order * copies) == what_stands(in_order)


# --- what has been revealed -----------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["edit", "form", "delete", "submit"])
def test_what_was_taken_before_a_reveal_by_hand_stays_though_the_platforms_clock_is_ahead(
    world: World, what: str
) -> None:
    first, ahead, revealed_at = world.round(), at("10:05:00.400000"), at("10:05")
    world.says("ada", LONG, at("10:00"), message="m1")
    match what:
        case "edit":
            world.edits("m1", FULL, ahead)
        case "form":
            world.fills_form("ada", FULL, ahead)
        case "delete":
            world.deletes("m1", ahead)
        case "submit":
            world.says("ada", FULL, at("10:01"), message="m2", reply_to="bob")
            world.submits("ada", "m2", ahead)
    world.orders("reveal", revealed_at)
    world.tick(revealed_at)
    before = world.text("ada", first), world.points("ada")
    world.says("ada", "oh, thanks", at("10:06"), place=first.thread)
    world.tick(at("10:07"))
    assert (world.text("ada", first), world.points("ada")) == before
    assert before == ((None, 0) if what == "delete" else (FULL, 3))


def test_a_start_that_is_only_known_after_the_reveal_leaves_no_empty_parts(world: World) -> None:
    first = world.round()
    world.says("ada", "zeroing", at("09:55"), message="m1")
    world.says("ada", FULL, at("10:00"), message="m2")
    world.tick(at("09:00", 1))
    world.says("ada", LONG, at("09:50"), message="m0", place=first.thread)
    world.tick(at("09:01", 1))
    assert world.text("ada", first) == f"{LONG}\n{FULL}"
    assert world.points("ada", first) == 3


def test_who_has_said_very_much_can_still_edit_and_delete_their_answer(world: World) -> None:
    world.says("ada", LONG, at("10:00"), message="m1")
    for number in range(320):
        world.says("ada", f"and yet another thing {number}", at("11:00"))
    assert world.edits("m1", FULL, at("12:00")).receipt is Receipt.REVISED
    assert world.text("ada") == FULL
    assert world.deletes("m1", at("12:01")).receipt is Receipt.WITHDRAWN


def test_a_receipt_told_again_marks_no_deleted_message(world: World) -> None:
    first = world.round()
    world.says("ada", LONG, at("10:00"), message="m1")
    told = world.says("ada", MORE, at("10:01"), message="m2")
    assert told.counts == ("m1", "m2")
    world.tick(at("09:00", 1))
    world.deletes("m1", at("09:10", 1))
    assert world.says("ada", MORE, at("10:01"), message="m2", place=first.thread).counts == ("m2",)


def test_what_was_only_talk_is_forgotten_at_the_reveal(world: World) -> None:
    world.says("ada", FULL, at("10:00"))
    world.says("ada", "the zebra crossed the road", at("11:00"))
    assert remembers(world, "zebra")
    world.tick(at("09:00", 1))
    assert not remembers(world, "zebra")
    assert remembers(world, FULL)


# --- an answer that is final ----------------------------------------------------------------------------------


def test_an_answer_that_was_not_checked_is_not_final(world: World) -> None:
    world.says("ada", LONG, at("10:00"), message="1")
    answer = world.answer("ada")
    assert answer is not None
    assert not answer.final
    assert world.edits("1", f"{LONG} {MORE}", at("10:05")).receipt is Receipt.REVISED


@pytest.mark.parametrize("how", ["edit", "form", "submit", "join"])
def test_the_same_refusal_is_told_again_for_the_same_thing(world: World, how: str) -> None:
    said = Said(
        place=world.round().thread or Place(channel=CHANNEL),
        message="1",
        member=member("ada"),
        name="Ada",
        text=LONG,
        said_at=at("10:00"),
    )
    world.arrives(said)
    world.says("ada", LONG, at("11:00"), message="2", reply_to="bob")
    world.checks("ada", at("11:10"))
    again: dict[str, Said | Form | Submitted] = {
        "edit": replace(said, text=f"{LONG} {MORE}", edited_at=at("11:20")),
        "form": Form(
            round=world.round().id, interaction="f", member=member("ada"), name="Ada", text=LONG, at=at("11:20")
        ),
        "submit": Submitted(said=replace(said, message="2"), by=member("ada"), interaction="s", at=at("11:20")),
        "join": replace(said, message="3", said_at=at("10:05"), text=MORE),
    }
    first = world.arrives(again[how], at("11:20"))
    assert (first.receipt, first.why, first.counts) == (Receipt.NOT_COUNTED, Why.FINAL, ("1",))
    assert world.arrives(again[how], at("09:30", 1)) == first
    assert world.text("ada") == LONG


def test_a_final_answer_stays_the_same_revision_whatever_is_tried(world: World) -> None:
    world.says("ada", LONG, at("10:00"), message="1")
    world.checks("ada", at("10:20"))
    before = world.answer("ada")
    world.edits("1", f"{LONG} {MORE}", at("10:21"))
    world.fills_form("ada", f"{LONG} {MORE}", at("10:22"), share=Share.WITH_NAME)
    world.says("ada", MORE, at("10:09"))
    assert world.answer("ada") == before
    world.tick(at("09:00", 1))
    assert world.answer("ada", world.rounds()[0]) == before


def test_what_was_refused_after_a_check_is_forgotten_at_the_reveal(world: World) -> None:
    world.says("ada", LONG, at("10:00"), message="1")
    world.checks("ada", at("10:20"))
    world.fills_form("ada", "sesame opens nothing any more here", at("10:22"))
    world.says("ada", "sesame, said in the thread", at("10:23"))
    world.tick(at("09:00", 1))
    assert world.keeps("sesame") == []
    assert world.text("ada", world.rounds()[0]) == LONG


def test_a_deletion_that_was_stamped_before_the_check_removes_the_text_too(world: World) -> None:
    world.says("ada", LONG, at("10:00"), message="1")
    world.checks("ada", at("10:20"))
    told = world.deletes("1", at("10:10"))
    assert (told.why, told.counts_no_more) == (Why.FINAL, ("1",))
    assert world.keeps(LONG) == []
    world.tick(at("09:00", 1))
    assert world.points("ada") == 1


# --- stamps that cannot be --------------------------------------------------------------------------------------


@pytest.mark.parametrize("stamp", [datetime(2015, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)])
def test_a_stamp_that_cannot_be_is_taken_for_the_instant_of_arrival(world: World, stamp: datetime) -> None:
    round_ = world.round()
    assert world.arrives(_said(world, "ada", stamp), now=at("10:00")).receipt is Receipt.RECORDED
    assert world.arrives(_form(round_, "bob", stamp), now=at("10:00")).receipt is Receipt.RECORDED
    late = (_said(world, "cem", stamp), _form(round_, "dan", stamp))
    world.tick(at("09:00", 1))
    assert [world.arrives(one, now=at("09:00:01", 1)).receipt for one in late] == [Receipt.LATE] * 2


def test_edits_with_one_stamp_that_cannot_be_are_taken_one_after_the_other(world: World) -> None:
    said = _said(world, "ada", at("10:00"))
    world.arrives(said)
    long_ago = datetime(2015, 1, 1, tzinfo=UTC)
    for hour, text in (("11:00", "another answer of five words"), ("12:00", "one more answer of five words")):
        told = world.arrives(replace(said, text=text, edited_at=long_ago), now=at(hour))
        assert told.receipt is Receipt.REVISED
        assert world.text("ada") == text
    assert world.arrives(replace(said, text=text, edited_at=long_ago), now=at("13:00")).receipt is Receipt.REVISED


def test_an_update_without_a_stamp_is_an_edit_if_its_words_are_others(world: World) -> None:
    said = _said(world, "ada", at("10:00"))
    world.arrives(said)
    assert world.arrives(said, now=at("10:30")).receipt is Receipt.RECORDED  # A link that unfolded.
    world.arrives(replace(said, text="another answer of five words"), now=at("11:00"))
    assert world.text("ada") == "another answer of five words"


def test_talk_after_the_reveal_that_was_edited_and_is_heard_again_undoes_no_edit(world: World) -> None:
    said, first = replace(_said(world, "ada", at("09:10", 1)), text="oh well"), world.round()
    world.tick(at("09:00", 1))
    assert world.arrives(said).receipt is Receipt.NOT_COUNTED
    assert world.arrives(replace(said, text=FULL, edited_at=at("09:12", 1))).receipt is Receipt.LATE
    world.arrives(said, now=at("09:13", 1))
    assert world.text("ada", first) == FULL


def test_a_message_of_the_channel_can_be_submitted_to_an_extra_round_where_no_daily_one_is_open() -> None:
    with closing(World()) as world:
        world.command("ada", "ask", at("08:00"))
        world.deliver(at("08:00"))
        world.says("ada", FULL, at("08:10"), message="m1", place=Place(channel=CHANNEL))
        assert world.submits("ada", "m1", at("08:11")).receipt is Receipt.RECORDED


def _said(world: World, who: str, stamp: datetime) -> Said:
    place = world.round().thread
    assert place is not None
    return Said(place=place, message=f"by {who}", member=member(who), name=who, text=FULL, said_at=stamp)


def _form(round_: Round, who: str, stamp: datetime) -> Form:
    return Form(round=round_.id, interaction=who, member=member(who), name=who, text=FULL, at=stamp)
