"""The life of a round: it opens, closes, is graded and revealed, or is left out or called off."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import time, timedelta
from itertools import pairwise

import pytest

from bot.core import drills, rounds
from bot.core.card import Press
from bot.core.grading import grade_answer
from bot.core.model import (
    Closing,
    DrillState,
    Effort,
    Opening,
    Question,
    RoundId,
    RoundKind,
    RoundState,
    daily_round_id,
)
from tests.core.worlds import DONT_KNOW, FULL, SLUGS, TRY, World, at, make_bank, member, rows_of, verdict, words_of
from tests.factories import CHANNEL, RANDOM, TODAY, make_question, make_timetable

DAY = timedelta(days=1)


def on_day(day: int) -> RoundId:
    return daily_round_id(CHANNEL, TODAY + day * DAY)


# --- opening ------------------------------------------------------------------------------------------------


def test_a_daily_round_opens_at_its_time_with_a_card_and_a_thread(world: World) -> None:
    world.tick(at("09:00"))
    assert world.sent() == [f"{on_day(0)}/question"]
    assert world.round().state is RoundState.OPEN
    assert world.round().thread is not None


def test_nothing_opens_before_its_time(world: World) -> None:
    world.tick(at("08:59:59"))
    assert world.rounds() == []


def test_the_card_asks_and_holds_nothing_of_the_answer(world: World) -> None:
    world.tick(at("09:00"))
    asked, card = world.round().question, world.card(f"{on_day(0)}/question")
    assert asked.prompt in words_of(card)
    assert asked.answer not in repr(card)
    assert not any(point.text in repr(card) for point in asked.key_points)
    assert not any(hint in repr(card) for hint in asked.hints)


def test_the_card_says_when_its_round_closes(world: World) -> None:
    world.tick(at("09:00"))
    assert "Closes 2026-11-23 09:00" in words_of(world.card(f"{on_day(0)}/question"))


def test_the_card_offers_a_form_and_a_hint(world: World) -> None:
    world.tick(at("09:00"))
    assert [button.press for button in world.card(f"{on_day(0)}/question").buttons] == [Press.ANSWER, Press.HINT]


def test_a_question_without_hints_offers_none() -> None:
    with closing(World(questions=[make_question(hints=())])) as world:
        world.tick(at("09:00"))
        assert [button.press for button in world.card(f"{on_day(0)}/question").buttons] == [Press.ANSWER]


def test_an_extra_tick_opens_nothing_more(world: World) -> None:
    world.tick(at("09:00"))
    world.tick(at("09:00"))
    world.tick(at("12:00"))
    assert len(world.rounds()) == 1
    assert len(world.posted) == 1


def test_two_copies_of_the_program_cannot_ask_twice_on_one_date(world: World) -> None:
    before = world.drill()
    world.tick(at("09:00"))
    first = world.round()
    rounds.cancel(world.tx, first, "to have none open", at("09:01"))
    world.set_up(next=before.next)  # as the other copy has read it
    world.tick(at("09:02"))
    assert world.rounds() == [world.anew(first)]
    assert world.drill().next == Opening(on=TODAY + DAY, at=at("09:00", 1))
    plan = world.tx.drills.plan(CHANNEL)
    assert plan is not None
    assert plan.asked == (first.question.id,)


def test_a_day_off_has_no_round() -> None:
    with closing(World(timetable=make_timetable(days_off=frozenset({TODAY + DAY})))) as world:
        world.days(0, 2)
        assert [round_.local_date for round_ in world.rounds()] == [TODAY, TODAY + 2 * DAY]


def test_a_round_without_a_day_after_it_stays_open_over_the_day_off() -> None:
    with closing(World(timetable=make_timetable(days_off=frozenset({TODAY + DAY})))) as world:
        world.tick(at("09:00"))
        assert world.round().closes_at == at("09:00", 2)


def test_a_drill_asks_each_question_once_before_it_asks_one_again(world: World) -> None:
    world.set_up(sealed=True)
    for day in range(len(SLUGS)):
        world.tick(at("09:00", day))
        world.fills_form("ada", FULL, at("10:00", day))
    assert {round_.question.slug for round_ in world.rounds()} == set(SLUGS)
    assert {round_.cycle for round_ in world.rounds()} == {0}
    world.tick(at("09:00", len(SLUGS)))
    assert world.round().cycle == 1


def test_a_drill_for_which_no_question_fits_is_off_and_says_why() -> None:
    with closing(World(topics=frozenset({"cooking"}))) as world:
        world.tick(at("09:00"))
        assert world.rounds() == []
        assert world.drill().state is DrillState.OFF
        assert "topics" in world.drill().state_reason


# --- closing ------------------------------------------------------------------------------------------------


def test_a_daily_round_closes_at_the_next_opening(world: World) -> None:
    world.tick(at("09:00"))
    world.tick(at("08:59", 1))
    assert world.states() == [RoundState.OPEN]
    world.tick(at("09:00", 1))
    assert world.states() == [RoundState.REVEALED, RoundState.OPEN]


def test_the_reveal_goes_out_just_before_the_new_card(world: World) -> None:
    world.days(0, 1)
    assert world.sent() == [f"{on_day(0)}/question", f"{on_day(0)}/reveal", f"{on_day(1)}/question"]


def test_a_drill_may_close_its_rounds_at_a_local_time() -> None:
    with closing(World(timetable=make_timetable(closing=Closing(at=time(18))))) as world:
        world.tick(at("09:00"))
        world.tick(at("17:59"))
        assert world.states() == [RoundState.OPEN]
        world.tick(at("18:00"))
        assert world.states() == [RoundState.REVEALED]


def test_a_drill_may_close_its_rounds_after_some_hours() -> None:
    with closing(World(timetable=make_timetable(closing=Closing(after_hours=3)))) as world:
        world.tick(at("09:00"))
        assert world.round().closes_at == at("12:00")


def test_a_later_reveal_time_is_waited_for() -> None:
    timetable = make_timetable(closing=Closing(at=time(18)), reveal_at=time(18, 30))
    with closing(World(timetable=timetable)) as world:
        world.tick(at("09:00"))
        world.says("ada", FULL, at("10:00"))
        world.tick(at("18:00"))
        assert world.states() == [RoundState.GRADED]
        assert world.sent() == [f"{on_day(0)}/question"]
        world.tick(at("18:30"))
        assert world.states() == [RoundState.REVEALED]
        assert world.sent()[-1] == f"{on_day(0)}/reveal"


def test_only_one_daily_round_of_a_channel_is_open(world: World) -> None:
    world.tick(at("09:00"))
    world.tx.rounds.save(replace(world.round(), closes_at=at("11:00", 1), reveal_at=at("11:00", 1)))
    world.tick(at("09:00", 1))
    assert world.states() == [RoundState.OPEN]
    world.tick(at("11:00", 1))
    assert world.states() == [RoundState.REVEALED, RoundState.OPEN]


def test_rounds_of_two_channels_live_side_by_side(world: World) -> None:
    world.set_up(RANDOM)
    world.tick(at("09:00"))
    assert [world.round(CHANNEL).state, world.round(RANDOM).state] == [RoundState.OPEN, RoundState.OPEN]


# --- the reveal ---------------------------------------------------------------------------------------------


def test_the_reveal_holds_the_reference_answer_and_how_many_covered_what(world: World) -> None:
    world.tick(at("09:00"))
    world.says("ada", FULL, at("10:00"))
    world.says("bob", FULL, at("10:00"))
    world.tick(at("09:00", 1))
    first = world.rounds()[0]
    assert first.question.answer in world.reveal_of(first)
    assert "What the 2 answers covered" in world.reveal_of(first)


def test_the_reveal_of_a_single_answer_counts_nothing_since_that_would_be_its_authors_grade(world: World) -> None:
    world.tick(at("09:00"))
    world.says("ada", FULL, at("10:00"))
    world.tick(at("09:00", 1))
    said = world.reveal_of(world.rounds()[0])
    assert "What a full answer holds" in said
    assert " of 1 " not in said


def test_the_reveals_board_leaves_out_who_wants_that_and_tells_of_ties(world: World) -> None:
    world.tick(at("09:00"))
    for name in "abcdefg":
        world.says(name, FULL, at("10:00"))
    for name in "ab":
        world.command(name, "me shown=out", at("11:00"))
    world.tick(at("09:00", 1))
    said = world.reveal_of(world.rounds()[0])
    assert [name for name in "ABCDEFG" if f"1. {name} 3 points" in said] == ["C", "D", "E"]
    assert "and 2 more at rank 1" in said


def test_the_reveal_goes_into_the_thread_and_the_card_is_said_anew(world: World) -> None:
    world.tick(at("09:00"))
    first = world.round()
    world.says("ada", FULL, at("10:00"))
    world.tick(at("09:00", 1))
    assert world.place(f"{first.id}/reveal") == first.thread
    assert "1 answer. The reference answer is in the thread." in words_of(world.edited[first.id])
    assert [button.press for button in world.edited[first.id].buttons] == [Press.RESULT, Press.OBJECT, Press.ANSWERS]


def test_a_reveal_waits_until_every_answer_has_its_grade(world: World) -> None:
    world.tick(at("09:00"))
    first = world.round()
    world.says("ada", FULL, at("10:00"))
    rounds.close(world.tx, first.id, at("09:00", 1))
    assert not rounds.reveal(world.tx, first.id, at("09:00", 1))
    assert world.anew(first).state is RoundState.CLOSED
    answers = world.tx.answers.ungraded(10)
    rounds.save_grades(world.tx, [(answer, verdict(answer.text)) for answer in answers], at("09:00", 1))
    assert world.anew(first).state is RoundState.GRADED
    assert rounds.reveal(world.tx, first.id, at("09:00", 1))


def test_a_round_is_revealed_once(world: World) -> None:
    world.tick(at("09:00"))
    first = world.round()
    world.says("ada", FULL, at("10:00"))
    world.tick(at("09:00", 1))
    assert not rounds.reveal(world.tx, first.id, at("09:05", 1))
    world.deliver(at("09:05", 1))
    assert world.sent().count(f"{first.id}/reveal") == 1
    assert world.points("ada") == 3


def test_without_answers_the_reference_answer_is_revealed_all_the_same_but_no_board(world: World) -> None:
    world.tick(at("09:00"))
    world.says("ada", FULL, at("10:00"))
    world.days(1, 2)
    silent = world.rounds()[1]
    assert silent.question.answer in world.reveal_of(silent)
    assert "Nobody answered" in world.reveal_of(silent)
    assert rows_of(world.card(f"{silent.id}/reveal")) == []


def test_the_reveal_shows_the_top_of_this_months_board(world: World) -> None:
    world.tick(at("09:00"))
    for who in "ada", "bob", "cleo", "dan":
        world.says(who, FULL, at("10:00"))
    world.tick(at("09:00", 1))
    rows = rows_of(world.card(f"{on_day(0)}/reveal"))
    assert [(row.rank, row.name) for row in rows] == [("1.", "Ada"), ("1.", "Bob"), ("1.", "Cleo")]


def test_a_drill_without_ranking_reveals_no_board() -> None:
    with closing(World(ranking=False)) as world:
        world.tick(at("09:00"))
        world.says("ada", FULL, at("10:00"))
        world.tick(at("09:00", 1))
        assert rows_of(world.card(f"{on_day(0)}/reveal")) == []


def test_a_reveal_says_nothing_that_members_wrote(world: World) -> None:
    world.tick(at("09:00"))
    world.says("ada", f"{FULL} zebra", at("10:00"))
    world.tick(at("09:00", 1))
    assert "zebra" not in world.reveal_of(on_day(0))
    assert "zebra" not in repr(world.edited[on_day(0)])


def test_a_round_keeps_its_question_as_it_was_asked_whatever_the_bank_does() -> None:
    with closing(World(questions=[make_question()])) as world:
        world.tick(at("09:00"))
        world.says("ada", FULL, at("10:00"))
        other = make_question(answer="Something else.", hints=("Another hint.",), version=2)
        world.banks = {"nn": make_bank([other])}
        assert make_question().hints[0] in words_of(world.command("ada", "hint", at("11:00")))
        world.tick(at("09:00", 1))
        assert make_question().answer in world.reveal_of(on_day(0))


def test_a_sealed_round_opens_its_thread_with_the_reveal() -> None:
    with closing(World(sealed=True)) as world:
        world.tick(at("09:00"))
        assert world.round().thread is None
        world.tick(at("09:00", 1))
        assert world.rounds()[0].thread is not None
        assert world.place(f"{on_day(0)}/reveal") == world.rounds()[0].thread


# --- too late -----------------------------------------------------------------------------------------------


def test_after_downtime_a_round_still_opens_with_half_of_its_time_left_and_says_it_is_late(world: World) -> None:
    world.tick(at("21:00"))
    assert world.states() == [RoundState.OPEN]
    assert world.round().closes_at == at("09:00", 1)
    assert "This was due 2026-11-22 09:00; it comes late." in words_of(world.card(f"{on_day(0)}/question"))


def test_a_round_that_opens_at_once_does_not_call_itself_late(world: World) -> None:
    world.tick(at("09:01"))
    assert "late" not in words_of(world.card(f"{on_day(0)}/question"))


def test_with_less_than_half_of_its_time_left_a_round_is_skipped_and_the_next_card_says_so(world: World) -> None:
    world.tick(at("21:00:01"))
    assert world.states() == [RoundState.SKIPPED]
    assert world.posted == []
    world.tick(at("09:00", 1))
    assert world.states() == [RoundState.SKIPPED, RoundState.OPEN]
    assert "Left out while I was away: 22 November." in words_of(world.card(f"{on_day(1)}/question"))
    world.tick(at("09:00", 2))
    assert "Left out" not in words_of(world.card(f"{on_day(2)}/question"))


def test_after_days_of_downtime_one_round_opens_and_the_others_are_skipped(world: World) -> None:
    world.tick(at("10:00", 4))
    assert world.states() == [*[RoundState.SKIPPED] * 4, RoundState.OPEN]
    assert world.round().local_date == TODAY + 4 * DAY
    assert "4 rounds from 22 November to 25 November" in words_of(world.card(f"{on_day(4)}/question"))


def test_a_skipped_round_uses_up_no_question(world: World) -> None:
    world.tick(at("10:00", 4))
    plan = world.tx.drills.plan(CHANNEL)
    assert plan is not None
    assert len(plan.asked) == 1


def test_a_round_that_was_open_when_the_program_stopped_is_closed_and_revealed_by_the_next_tick(world: World) -> None:
    world.tick(at("09:00"))
    world.says("ada", FULL, at("10:00"))
    world.tick(at("09:00", 3))
    assert world.states() == [RoundState.REVEALED, RoundState.SKIPPED, RoundState.SKIPPED, RoundState.OPEN]
    assert world.points("ada") == 3


# --- silence ------------------------------------------------------------------------------------------------


def test_a_drill_sleeps_after_five_daily_rounds_without_an_answer_and_offers_resume(world: World) -> None:
    world.days(0, 4)
    assert world.drill().state is DrillState.ON
    world.tick(at("09:00", 5))
    assert world.drill().state is DrillState.ASLEEP
    _, place, card = world.posted[-1]
    assert place.channel == CHANNEL
    assert [(button.press, button.about) for button in card.buttons] == [(Press.RESUME, CHANNEL)]


def test_a_sleeping_drill_asks_nothing(world: World) -> None:
    world.days(0, 9)
    assert len(world.rounds()) == 5


def test_a_drill_that_is_resumed_asks_at_its_next_time_and_may_be_silent_for_five_rounds_again(world: World) -> None:
    world.days(0, 7)
    world.orders("resume", at("12:00", 7))
    world.days(8, 12)
    assert world.drill().state is DrillState.ON
    assert [round_.local_date for round_ in world.rounds()[5:]] == [TODAY + day * DAY for day in range(8, 13)]
    world.tick(at("09:00", 13))
    assert world.drill().state is DrillState.ASLEEP


def test_an_answer_breaks_the_silence(world: World) -> None:
    world.days(0, 4)
    world.says("ada", TALKATIVE, at("10:00", 4))
    world.days(5, 8)
    assert world.drill().state is DrillState.ON
    assert world.drill().unanswered == 3


TALKATIVE = f"{DONT_KNOW}, but at least somebody is here"


def test_rounds_that_are_cancelled_skipped_or_extra_are_no_silence(world: World) -> None:
    world.days(0, 4)
    world.orders("ask", at("09:10", 4))
    world.orders("skip open", at("09:20", 4))
    world.tick(at("23:00", 5))
    world.tick(at("23:00", 6))
    assert world.states()[4:] == [RoundState.CANCELLED, RoundState.SKIPPED, RoundState.SKIPPED]
    assert world.states(RoundKind.EXTRA) == [RoundState.REVEALED]
    assert world.drill().unanswered == 4
    assert world.drill().state is DrillState.ON


def test_the_note_of_a_sleeping_drill_goes_to_the_place_for_notes() -> None:
    with closing(World(notes=RANDOM)) as world:
        world.days(0, 5)
        assert world.posted[-1][1].channel == RANDOM


# --- extra rounds -------------------------------------------------------------------------------------------


def test_an_extra_round_closes_a_day_after_it_opened_and_is_revealed_then(world: World) -> None:
    world.command("ada", "ask", at("13:00", -1))
    world.tick(at("12:59"))
    assert world.states(RoundKind.EXTRA) == [RoundState.OPEN]
    world.tick(at("13:00"))
    assert world.states(RoundKind.EXTRA) == [RoundState.REVEALED]


def test_an_extra_round_never_delays_a_daily_one(world: World) -> None:
    world.command("ada", "ask", at("08:00"))
    world.tick(at("09:00"))
    assert world.states() == [RoundState.OPEN]
    assert world.states(RoundKind.EXTRA) == [RoundState.OPEN]


def test_the_extra_rounds_of_a_channel_are_numbered(world: World) -> None:
    for day in range(3):
        world.command("ada", "ask", at("10:00", day))
        world.orders("reveal", at("10:30", day))
        world.tick(at("08:00", day + 1), deliver=False)
    extra = [round_.id for round_ in world.rounds() if round_.kind is RoundKind.EXTRA]
    assert extra == [f"{CHANNEL}#1", f"{CHANNEL}#2", f"{CHANNEL}#3"]


def test_an_organizers_reveal_closes_an_extra_round(world: World) -> None:
    world.command("ada", "ask", at("08:00"))
    world.tick(at("08:00"))
    world.orders("reveal", at("08:30"))
    world.tick(at("08:30"))
    assert world.states(RoundKind.EXTRA) == [RoundState.REVEALED]


def test_a_new_question_of_an_extra_round_is_not_asked_again_in_the_same_cycle(world: World) -> None:
    world.tick(at("09:00"))
    world.command("ada", "ask", at("10:00"))
    extra = world.round().question.id
    world.set_up(sealed=True, next=Opening(on=TODAY + DAY, at=at("09:00", 1)))
    for day in range(1, len(SLUGS) - 1):
        world.tick(at("09:00", day))
        world.fills_form("ada", FULL, at("10:00", day))
    daily = [round_ for round_ in world.rounds() if round_.kind is RoundKind.DAILY]
    assert {round_.cycle for round_ in daily} == {0}
    assert extra not in {round_.question.id for round_ in daily}
    world.tick(at("09:00", len(SLUGS) - 1))
    assert world.round().cycle == 1


# --- changes of the timetable -------------------------------------------------------------------------------


def test_an_open_round_keeps_its_closing_when_the_times_change(world: World) -> None:
    world.tick(at("09:00"))
    world.orders("setup time=16:00 closes=18:00", at("10:00"))
    assert world.round().closes_at == at("09:00", 1)
    world.tick(at("16:00"))
    assert world.states() == [RoundState.OPEN]


def test_a_new_time_takes_effect_on_the_next_date_and_at_least_six_hours_later(world: World) -> None:
    world.tick(at("09:00"))
    world.orders("setup time=16:00", at("10:00"))
    assert world.drill().next == Opening(on=TODAY + DAY, at=at("16:00", 1))


def test_a_second_change_on_the_same_day_does_not_ask_twice_either(world: World) -> None:
    world.tick(at("09:00"))
    world.orders("setup time=16:00", at("10:00"))
    world.orders("setup time=17:00", at("10:05"))
    assert world.drill().next == Opening(on=TODAY + DAY, at=at("17:00", 1))


def test_a_new_time_for_a_round_that_is_owed_today_holds_today(world: World) -> None:
    world.orders("setup time=16:00", at("08:00"))
    assert world.drill().next == Opening(on=TODAY, at=at("16:00"))


def test_changing_the_zone_ten_times_a_day_never_asks_twice_on_a_date(world: World) -> None:
    for hour, zone in enumerate(["Asia/Tokyo", "America/New_York", "Pacific/Kiritimati", "Europe/Berlin", "UTC"] * 4):
        world.orders(f"setup zone={zone}", at("09:00") + timedelta(hours=3 * hour))
        world.tick(at("10:00") + timedelta(hours=3 * hour))
    dates = [round_.local_date for round_ in world.rounds()]
    opened = [round_.planned_at for round_ in world.rounds() if round_.state is not RoundState.SKIPPED]
    assert len(set(dates)) == len(dates)
    assert all(later - earlier >= timedelta(hours=6) for earlier, later in pairwise(opened))


def test_a_setup_that_changes_nothing_keeps_the_next_opening(world: World) -> None:
    before = world.drill().next
    world.orders("setup ranking=off", at("08:00"))
    assert world.drill().next == before


def test_new_rules_of_a_zone_move_the_openings_that_were_planned(world: World) -> None:
    wrong = Opening(on=TODAY, at=at("10:00"))
    world.set_up(next=wrong)
    assert drills.recompute_openings(world.tx, at("08:00")) == 1
    assert world.drill().next == Opening(on=TODAY, at=at("09:00"))
    assert drills.recompute_openings(world.tx, at("08:00")) == 0


# --- what people do to a round ------------------------------------------------------------------------------


def test_where_the_card_was_deleted_the_reveal_comes_as_a_new_message_in_the_channel(world: World) -> None:
    world.tick(at("09:00"))
    first = world.round()
    world.says("ada", FULL, at("10:00"))
    world.lose_card(first)
    world.tick(at("09:00", 1))
    assert world.place(f"{first.id}/reveal").thread is None
    assert first.id not in world.edited
    assert world.points("ada") == 3


def test_a_round_whose_thread_was_deleted_is_cancelled_without_harm_and_the_drill_goes_on(world: World) -> None:
    world.tick(at("09:00"))
    world.says("ada", FULL, at("10:00"))
    world.days(1, 1)
    second = world.round()
    world.lose_thread(second, at("11:00", 1))
    world.tick(at("09:00", 2))
    assert world.states() == [RoundState.REVEALED, RoundState.CANCELLED, RoundState.OPEN]
    assert f"{second.id}/reveal" not in world.sent()
    assert "its thread was deleted" in words_of(world.edited[second.id])
    assert world.points("ada") == 3
    assert world.streak("ada") == 1


def test_answers_in_a_cancelled_round_bring_no_points(world: World) -> None:
    world.tick(at("09:00"))
    first = world.round()
    world.says("ada", FULL, at("10:00"))
    world.lose_thread(first, at("11:00"))
    world.tick(at("09:00", 1))
    assert world.points("ada") == 0


def test_a_thread_deleted_after_the_reveal_cancels_nothing(world: World) -> None:
    world.tick(at("09:00"))
    first = world.round()
    world.says("ada", FULL, at("10:00"))
    world.tick(at("09:00", 1))
    world.lose_thread(first, at("10:00", 1))
    assert world.anew(first).state is RoundState.REVEALED
    assert world.points("ada") == 3


def test_an_organizer_calls_off_the_open_round(world: World) -> None:
    world.tick(at("09:00"))
    world.orders("skip open", at("10:00"))
    world.tick(at("10:00"))
    assert world.states() == [RoundState.CANCELLED]
    assert "called it off" in words_of(world.edited[on_day(0)])
    assert world.drill().next == Opening(on=TODAY + DAY, at=at("09:00", 1))


def test_a_round_that_is_called_off_before_it_was_posted_is_never_posted(world: World) -> None:
    world.tick(at("09:00"), deliver=False)
    world.orders("skip open", at("09:01"))
    world.deliver(at("09:02"))
    assert world.posted == []
    assert world.edited == {}


@pytest.mark.parametrize("state", [RoundState.REVEALED, RoundState.SKIPPED, RoundState.CANCELLED])
def test_what_is_over_cannot_be_cancelled(world: World, state: RoundState) -> None:
    world.tick(at("09:00"))
    over = replace(world.round(), state=state)
    world.tx.rounds.save(over)
    rounds.cancel(world.tx, over, "too late", at("10:00"))
    assert world.round().state is state


def test_a_pause_stops_openings_but_not_the_open_round(world: World) -> None:
    world.tick(at("09:00"))
    world.says("ada", FULL, at("10:00"))
    world.orders("pause", at("11:00"))
    world.days(1, 4)
    assert world.states() == [RoundState.REVEALED]
    assert world.points("ada") == 3


def test_a_pause_until_a_date_ends_by_itself(world: World) -> None:
    world.tick(at("09:00"))
    world.orders("pause 2026-11-26", at("11:00"))
    world.days(1, 4)
    assert [round_.local_date for round_ in world.rounds()] == [TODAY, TODAY + 4 * DAY]


def test_who_answered_i_do_not_know_is_revealed_a_round_that_was_answered(world: World) -> None:
    world.tick(at("09:00"))
    world.says("ada", DONT_KNOW, at("10:00"))
    world.tick(at("09:00", 1))
    assert "Nobody answered" not in world.reveal_of(on_day(0))
    assert world.tx.members.get(member("ada")) is not None


def test_a_question_keeps_its_distance_over_many_rounds_that_were_left_out() -> None:
    with closing(World(questions=[make_question(slug) for slug in SLUGS[:3]])) as world:
        world.days(0, 2)
        last = world.round().question.id
        world.tick(at("23:00", 40))
        world.tick(at("09:00", 41))
        assert world.round().question.id != last


def test_an_extra_question_asked_before_the_first_daily_one_is_taken_out_of_the_cycle(world: World) -> None:
    world.command("ada", "ask", at("07:00"))
    extra = world.round().question.id
    world.tick(at("09:00"))
    plan = world.tx.drills.plan(CHANNEL)
    assert plan is not None
    assert extra in plan.asked
    assert world.round().question.id != extra


# --- what cannot be graded --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "why"),
    [
        (make_question(key_points=()), "has no key points, so its answers are not graded"),
        (make_question(language="de"), "Answers in this question's language are not graded"),
    ],
    ids=["without key points", "in a language the grader cannot read"],
)
def test_a_round_that_cannot_be_graded_says_so_and_counts_tries(question: Question, why: str) -> None:
    with closing(World(questions=[question])) as world:
        world.tick(at("09:00"))
        asked = world.round()
        assert "It is not graded" in words_of(world.card(f"{on_day(0)}/question"))
        world.says("ada", TRY, at("10:00"), place=asked.thread)
        world.says("bob", "it sets units to zero at random while it trains", at("10:01"), place=asked.thread)
        world.tick(at("09:00", 1))
        told = world.reveal_of(asked)
        assert why in told
        assert "covered" not in told
        assert why in words_of(world.asks_result("bob", world.anew(asked)))


def test_a_question_in_another_language_earns_no_key_point_by_its_words() -> None:
    answer = "drops units: units are set to zero at random"
    assert grade_answer(make_question(), answer).level == 2
    grade = grade_answer(make_question(language="de"), answer)
    assert (grade.level, grade.points, grade.effort) == (0, (), Effort.HONEST)
    assert grade_answer(make_question(language="en-GB"), answer).level == 2
