"""Points, streaks, names on boards and standings: what grades come to."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core import rounds, scoring
from bot.core.card import Press
from bot.core.model import (
    ChannelId,
    Effort,
    MemberId,
    Naming,
    Opening,
    Round,
    RoundState,
    Season,
    Standing,
    Timetable,
)
from tests.core.worlds import DONT_KNOW, FULL, PARTLY, SLUGS, TRY, World, at, member, rows_of, verdict, words_of
from tests.factories import (
    CHANNEL,
    RANDOM,
    TODAY,
    keep,
    make_entry,
    make_grade,
    make_member,
    make_plan,
    make_question,
    make_round,
)

PAY = {FULL: 3, PARTLY: 2, TRY: 1, DONT_KNOW: 0}


# --- what an answer pays ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "points"), PAY.items())
def test_a_full_answer_pays_three_part_of_it_two_an_honest_try_one_and_i_do_not_know_nothing(
    world: World, text: str, points: int
) -> None:
    world.tick(at("09:00"))
    world.says("ada", text, at("10:00"))
    world.tick(at("09:00", 1))
    assert world.points("ada") == points


@pytest.mark.parametrize("effort", [Effort.NOTHING, Effort.DONT_KNOW, Effort.QUESTION_BACK])
def test_without_an_honest_try_nothing_is_paid(effort: Effort) -> None:
    assert scoring.points_for(make_grade(2, effort=effort), hints=0) == 0


@pytest.mark.parametrize(
    ("level", "hints", "points"),
    [(2, 0, 3), (2, 1, 2), (2, 2, 1), (2, 3, 1), (1, 0, 2), (1, 1, 1), (1, 5, 1), (0, 0, 1), (0, 3, 1)],
)
def test_a_hint_costs_one_point_but_never_the_last(level: int, hints: int, points: int) -> None:
    assert scoring.points_for(make_grade(level), hints) == points


def test_a_hint_that_was_taken_is_paid_for_at_the_reveal(world: World) -> None:
    world.tick(at("09:00"))
    world.command("ada", "hint", at("09:30"))
    world.says("ada", FULL, at("10:00"))
    world.says("bob", FULL, at("10:00"))
    world.tick(at("09:00", 1))
    assert (world.points("ada"), world.points("bob")) == (2, 3)
    assert "1 hint" in world.entries("ada")[0].reason


def test_an_unsure_grade_counts_for_the_member(world: World) -> None:
    world.tick(at("09:00"))
    world.says("ada", FULL, at("10:00"))
    world.tick(at("09:00", 1))
    world.regrade("ada", world.rounds()[0], make_grade(2, unsure=True), at("10:00", 1))
    assert world.points("ada") == 3


def test_points_are_paid_with_the_reveal_and_not_before(world: World) -> None:
    world.tick(at("09:00"))
    world.says("ada", FULL, at("10:00"))
    rounds.close(world.tx, world.round().id, at("09:00", 1))
    answers = world.tx.answers.ungraded(10)
    rounds.save_grades(world.tx, [(answer, verdict(answer.text)) for answer in answers], at("09:00", 1))
    assert world.points("ada") == 0
    rounds.reveal(world.tx, world.round().id, at("09:00", 1))
    assert world.points("ada") == 3


def test_only_daily_rounds_pay(world: World) -> None:
    world.command("ada", "ask", at("08:00"))
    world.tick(at("08:00"))
    world.says("ada", FULL, at("08:10"))
    world.tick(at("08:00", 1))
    extra = next(round_ for round_ in world.rounds() if round_.asked_by)
    assert extra.state is RoundState.REVEALED
    assert world.points("ada") == 0
    assert world.streak("ada") == 0
    assert "no points" in words_of(world.asks_result("ada", extra))


def test_a_question_without_key_points_pays_one_for_an_honest_try() -> None:
    with closing(World(questions=[make_question(key_points=())])) as world:
        world.tick(at("09:00"))
        world.says("ada", FULL, at("10:00"))
        world.says("bob", DONT_KNOW, at("10:00"))
        world.tick(at("09:00", 1))
        assert (world.points("ada"), world.points("bob")) == (1, 0)


def test_a_row_of_the_ledger_carries_the_rounds_local_date() -> None:
    timetable = Timetable(at=time(9), zone="Pacific/Auckland")
    first = Opening(on=date(2026, 12, 1), at=datetime(2026, 11, 30, 20, tzinfo=UTC))
    with closing(World(timetable=timetable, next=first)) as world:
        world.tick(first.at)
        world.says("ada", FULL, first.at)
        world.tick(first.at + timedelta(days=1))
        assert [entry.local_date for entry in world.entries("ada")] == [date(2026, 12, 1)]


# --- the same question again --------------------------------------------------------------------------------


def repeated(world: World, days: Sequence[int]) -> list[Round]:
    """The only question is asked and answered in full on these days; the rounds, all revealed."""
    asked = []
    for day in days:
        world.set_up(next=Opening(on=TODAY + timedelta(days=day), at=at("09:00", day)))
        world.tick(at("09:00", day))
        world.says("ada", FULL, at("10:00", day))
        asked.append(world.round())
        world.orders("reveal", at("12:00", day))
        world.tick(at("12:00", day))
    return asked


def one_question() -> World:
    return World(questions=[make_question()])


def in_other_channel(world: World, day: int) -> Round:
    """The only question is asked and answered in full in another channel of the group."""
    world.set_up(RANDOM, next=Opening(on=TODAY + timedelta(days=day), at=at("09:00", day)))
    world.tick(at("09:00", day))
    round_ = world.round(RANDOM)
    world.says("ada", FULL, at("10:00", day), place=round_.thread)
    world.tx.rounds.save(replace(round_, closes_at=at("12:00", day), reveal_at=at("12:00", day)))
    world.tick(at("12:00", day))
    return round_


@pytest.mark.parametrize(("day", "points"), [(0, 3), (1, 3), (29, 3), (30, 6), (45, 6)])
def test_a_question_pays_a_member_once_in_thirty_days_in_a_group(day: int, points: int) -> None:
    with closing(one_question()) as world:
        repeated(world, [0])
        in_other_channel(world, day)
        assert world.points("ada") == points


def test_the_cycle_of_another_channel_does_not_make_a_question_pay_again() -> None:
    with closing(one_question()) as world:
        repeated(world, [0])
        keep(world.tx, make_plan(RANDOM, cycle=4, questions=(make_question().id,)))
        assert in_other_channel(world, 5).cycle == 4
        assert world.points("ada") == 3


def test_a_question_that_has_paid_one_member_pays_another() -> None:
    with closing(one_question()) as world:
        repeated(world, [0])
        second = in_other_channel(world, 3)
        world.says("bob", FULL, at("10:00", 3), place=second.thread)
        world.tick(at("12:01", 3))
        assert world.points("bob") == 3


def test_a_question_that_comes_back_with_the_channels_next_cycle_pays_again() -> None:
    with closing(one_question()) as world:
        first, second = repeated(world, [0, 3])
        assert (first.cycle, second.cycle) == (0, 1)
        assert world.points("ada") == 6


def test_a_question_that_was_asked_twice_in_a_cycle_pays_once(world: World) -> None:
    world.orders("next dropout", at("08:00"))
    world.tick(at("09:00"))
    world.says("ada", FULL, at("10:00"))
    world.tick(at("09:00", 1))
    world.orders("next dropout", at("09:30", 1))
    world.says("ada", FULL, at("10:00", 1))
    world.days(2, 2)
    world.says("ada", FULL, at("10:00", 2))
    world.days(3, 3)
    asked = [round_ for round_ in world.rounds() if round_.question.slug == "dropout"]
    assert [world.points("ada", round_) for round_ in asked] == [3, 0]
    assert world.streak("ada") == 3


def test_a_question_answered_with_i_do_not_know_has_not_paid_and_pays_the_next_time() -> None:
    with closing(one_question()) as world:
        world.tick(at("09:00"))
        world.says("ada", DONT_KNOW, at("10:00"))
        world.tick(at("09:00", 1))
        world.set_up(RANDOM, next=Opening(on=TODAY + timedelta(days=1), at=at("09:00", 1)))
        in_other_channel(world, 2)
        assert world.points("ada") == 3


def test_a_grade_that_was_taken_back_does_not_keep_the_question_from_paying_later() -> None:
    with closing(one_question()) as world:
        (first,) = repeated(world, [0])
        world.regrade("ada", first, make_grade(0, effort=Effort.QUESTION_BACK), at("13:00"))
        assert world.points("ada") == 0
        in_other_channel(world, 5)
        assert world.points("ada") == 3


@pytest.mark.parametrize("day", [3, 40])
def test_what_a_question_paid_in_an_earlier_round_stays_when_that_round_is_settled_again_later(day: int) -> None:
    with closing(one_question()) as world:
        first, _ = repeated(world, [0, day])
        assert world.points("ada") == 6
        world.says("bob", TRY, at("13:00", day), place=first.thread)  # late, and graded for its author
        world.tick(at("13:01", day))
        assert world.points("ada", first) == 3
        assert world.points("ada") == 6


def test_a_question_pays_once_though_its_earlier_round_is_regraded_after_the_later_one_has_paid() -> None:
    with closing(one_question()) as world:
        world.tick(at("09:00"))
        first = world.round()
        world.says("ada", DONT_KNOW, at("10:00"))
        world.orders("reveal", at("12:00"))
        world.tick(at("12:00"))
        in_other_channel(world, 20)
        assert world.points("ada") == 3
        world.regrade("ada", first, make_grade(2), at("13:00", 20))
        assert world.points("ada") == 3


def test_an_earlier_round_of_another_channel_keeps_its_points_after_the_question_has_paid_again() -> None:
    with closing(one_question()) as world:
        (first,) = repeated(world, [0])
        in_other_channel(world, 31)
        world.regrade("ada", first, make_grade(1), at("13:00", 31))
        assert world.points("ada", first) == 2


# --- regrades and late arrivals -----------------------------------------------------------------------------


def test_a_regrade_adds_a_row_and_edits_none(world: World) -> None:
    world.tick(at("09:00"))
    world.says("ada", FULL, at("10:00"))
    world.tick(at("09:00", 1))
    first = world.rounds()[0]
    before = world.entries("ada", first)
    world.regrade("ada", first, make_grade(1), at("12:00", 1))
    world.regrade("ada", first, make_grade(2), at("13:00", 1))
    after = world.entries("ada", first)
    assert after[:1] == before
    assert [entry.points for entry in after] == [3, -1, 1]


def test_a_regrade_that_changes_nothing_adds_nothing(world: World) -> None:
    world.tick(at("09:00"))
    world.says("ada", FULL, at("10:00"))
    world.tick(at("09:00", 1))
    world.regrade("ada", world.rounds()[0], make_grade(2), at("12:00", 1))
    assert len(world.entries("ada")) == 1


GRADES = st.sampled_from([FULL, PARTLY, TRY, DONT_KNOW])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("regrade"), st.sampled_from(["ada", "bob"]), st.integers(0, 2), GRADES),
        st.tuples(st.just("arrive"), st.sampled_from(["ada", "bob", "cleo"]), st.integers(0, 2), GRADES),
        st.tuples(st.just("late"), st.sampled_from(["cleo", "dan"]), st.integers(0, 2), GRADES),
        st.tuples(st.just("withdraw"), st.sampled_from(["ada", "bob", "cleo"]), st.integers(0, 2), GRADES),
        st.tuples(st.just("edit"), st.sampled_from(["ada", "bob"]), st.integers(0, 2), GRADES),
    ),
    max_size=10,
)


def played(questions: int, steps: Sequence[tuple[str, str, int, str]]) -> tuple[World, list[Round]]:
    """Three rounds answered by Ada and Bob and revealed, and what befell them afterwards."""
    world = World(questions=[make_question(slug) for slug in SLUGS[:questions]])
    for day in range(3):
        world.tick(at("09:00", day))
        world.says("ada", FULL, at("10:00", day), message=f"ada {day}")
        world.says("bob", PARTLY, at("10:00", day), message=f"bob {day}")
    world.tick(at("09:00", 3))
    revealed = world.rounds()[:3]
    for number, (step, who, day, text) in enumerate(steps):
        now, stamped = at("10:00", 4) + timedelta(minutes=number), at("11:00", day) + timedelta(minutes=number)
        round_ = revealed[day]
        mine = f"{who} {day}"
        if step == "regrade" and world.answer(who, round_):
            world.regrade(who, round_, verdict(text), now)
        elif step == "arrive":
            world.says(who, text, stamped, message=mine, place=round_.thread)
        elif step == "late":
            world.says(who, text, now, message=mine, place=round_.thread)
        elif step == "withdraw" and world.answer(who, round_):
            world.deletes(mine, stamped)
        elif step == "edit" and world.answer(who, round_):
            world.edits(mine, f"{text} {number}", stamped)
        world.tick(now, deliver=False)
    return world, revealed


def recomputed(world: World, round_: Round, who: str) -> int:
    """A member's points in a round, from the grade that stands."""
    answer, grade = world.answer(who, round_), world.tx.answers.grade(round_.id, member(who))
    return 0 if answer is None or answer.late or grade is None else scoring.points_for(grade, hints=0)


@given(steps=STEPS)
@settings(max_examples=30, deadline=None)
def test_the_ledger_sums_up_to_what_the_grades_say_whatever_is_regraded_or_arrives_afterwards(
    steps: list[tuple[str, str, int, str]],
) -> None:
    world, revealed = played(3, steps)
    with closing(world):
        for who in "ada", "bob", "cleo", "dan":
            assert [world.points(who, round_) for round_ in revealed] == [
                recomputed(world, round_, who) for round_ in revealed
            ]


@given(steps=STEPS.map(lambda steps: [step for step in steps if step[0] != "withdraw"]))
@settings(max_examples=20, deadline=None)
def test_the_same_holds_where_every_round_asks_the_only_question_in_a_new_cycle(
    steps: list[tuple[str, str, int, str]],
) -> None:
    world, revealed = played(1, steps)
    with closing(world):
        for who in "ada", "bob", "cleo", "dan":
            assert [world.points(who, round_) for round_ in revealed] == [
                recomputed(world, round_, who) for round_ in revealed
            ]


# --- streaks ------------------------------------------------------------------------------------------------


def test_a_streak_is_counted_from_the_first_answer(world: World) -> None:
    world.days(0, 2)
    assert world.streak("ada") == 0
    world.says("ada", TRY, at("10:00", 2))
    world.days(3, 3)
    assert world.streak("ada") == 1


def test_each_daily_round_answered_in_a_row_makes_a_streak_longer(world: World) -> None:
    for day in range(4):
        world.tick(at("09:00", day))
        world.says("ada", TRY, at("10:00", day))
    world.tick(at("09:00", 4))
    assert world.streak("ada") == 4


def test_i_do_not_know_keeps_no_streak() -> None:
    assert streak_after("+??") == 0


def test_one_missed_round_is_forgiven() -> None:
    assert streak_after("++.+") == 3


def test_two_missed_rounds_in_seven_break_a_streak() -> None:
    assert streak_after("+++.+++.") == 0


def test_a_second_miss_is_forgiven_once_six_rounds_lie_between() -> None:
    assert streak_after("+.++++++.") == 7


def test_after_a_break_the_next_answer_begins_anew() -> None:
    assert streak_after("++..++") == 2


def test_a_miss_that_broke_a_streak_is_still_a_miss_in_the_next_seven() -> None:
    assert scoring.streak(signs("+..+.")).length == 0


@pytest.mark.parametrize("how", ["cancelled", "skipped"])
def test_cancelled_and_skipped_rounds_do_not_break_a_streak(world: World, how: str) -> None:
    for day in range(8):
        if how == "skipped" and 2 <= day <= 4:
            world.tick(at("23:00", day))
            continue
        world.tick(at("09:00", day))
        if 2 <= day <= 4:
            world.orders("skip open", at("10:00", day))
        else:
            world.says("ada", TRY, at("10:00", day))
    world.tick(at("09:00", 8))
    assert world.states()[2:5] == [RoundState(how)] * 3
    assert world.streak("ada") == 5


def test_a_pause_does_not_break_a_streak(world: World) -> None:
    world.tick(at("09:00"))
    world.says("ada", TRY, at("10:00"))
    world.orders("pause 2026-12-10", at("11:00"))
    world.days(1, 18)
    world.says("ada", TRY, at("10:00", 18))
    world.tick(at("09:00", 19))
    assert world.streak("ada") == 2


def test_a_streak_belongs_to_a_channel(world: World) -> None:
    world.set_up(RANDOM)
    world.tick(at("09:00"))
    world.says("ada", TRY, at("10:00"), place=world.round(RANDOM).thread)
    world.tick(at("09:00", 1))
    assert world.streak("ada") == 0


def test_who_was_in_time_has_a_streak_though_the_answer_was_regraded_and_revised(world: World) -> None:
    world.tick(at("09:00"))
    world.says("ada", FULL, at("10:00"))
    world.tick(at("09:00", 1))
    world.regrade("ada", world.rounds()[0], make_grade(0), at("10:00", 1))
    assert world.streak("ada") == 1


def streak_after(days: str) -> int:
    """Ada's streak once each of these days is revealed: + an honest try, ? "I don't know", . nothing."""
    with closing(World()) as world:
        for day, sign in enumerate(days):
            world.tick(at("09:00", day))
            world.says("bob", TRY, at("09:30", day))
            if sign != ".":
                world.says("ada", TRY if sign == "+" else DONT_KNOW, at("10:00", day))
        world.tick(at("09:00", len(days)))
        return world.streak("ada")


def signs(days: str) -> list[bool]:
    return [sign == "+" for sign in days]


def recounted(answered: Sequence[bool]) -> int:
    """The answers after the last miss that is not forgiven; one is, where the six rounds before it hold no other."""
    played = list(answered[answered.index(True) :]) if True in answered else []
    broken = [at for at, here in enumerate(played) if not here and not all(played[max(0, at - 6) : at])]
    return sum(played[broken[-1] :]) if broken else sum(played)


@given(st.lists(st.booleans(), max_size=40))
@settings(max_examples=300)
def test_a_streak_equals_a_plain_recount(answered: list[bool]) -> None:
    assert scoring.streak(answered).length == recounted(answered)


@given(st.lists(st.booleans(), max_size=40))
def test_the_longest_streak_is_the_longest_there_was_after_any_round(answered: list[bool]) -> None:
    lengths = [scoring.streak(answered[:number]).length for number in range(len(answered) + 1)]
    assert scoring.streak(answered).longest == max(lengths)


# --- standings ----------------------------------------------------------------------------------------------

TOTALS = st.dictionaries(
    st.sampled_from([member(name) for name in "abcdefgh"]), st.tuples(st.integers(0, 6), st.integers(0, 4))
).map(lambda kept: [(who, points, played) for who, (points, played) in kept.items()])


@given(TOTALS)
def test_standings_are_a_proper_ranking(totals: list[tuple[MemberId, int, int]]) -> None:
    rows = scoring.standings(totals)
    with_points = [total for total in totals if total[1] > 0]
    assert sorted((row.member, row.points, row.rounds) for row in rows) == sorted(with_points)
    for row in rows:
        assert row.rank == 1 + sum(other.points > row.points for other in rows)
    assert [row.rank for row in rows] == sorted(row.rank for row in rows)


@given(TOTALS, st.randoms())
def test_standings_do_not_depend_on_the_order_they_are_counted_in(
    totals: list[tuple[MemberId, int, int]], chance: Random
) -> None:
    shuffled = list(totals)
    chance.shuffle(shuffled)
    assert scoring.standings(shuffled) == scoring.standings(totals)


def test_equal_points_share_a_rank_and_the_next_counts_all_above_it() -> None:
    ada, bob, cleo, dan = map(member, ("ada", "bob", "cleo", "dan"))
    rows = scoring.standings([(ada, 5, 2), (bob, 7, 3), (cleo, 5, 4), (dan, 1, 1)])
    assert [(row.rank, row.member) for row in rows] == [(1, bob), (2, ada), (2, cleo), (4, dan)]


def test_a_board_adds_up_the_channels_of_a_group() -> None:
    with closing(World(questions=[make_question(), make_question("adam")])) as world:
        here, there = make_round(), make_round(RANDOM)
        keep(world.tx, make_entry(here, points=3), make_entry(there, points=2, id="other"))
        rows = rounds.month_standings(world.tx, here)
        assert rows == [Standing(rank=1, member=member("ada"), points=5, rounds=2)]


def test_points_of_another_group_are_not_on_the_board(world: World) -> None:
    elsewhere = ChannelId("terminal:elsewhere/general")
    keep(world.tx, make_entry(make_round(elsewhere), member("ada", elsewhere)))
    assert rounds.month_standings(world.tx, make_round()) == []


# --- seasons ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("today", "first", "last"),
    [
        ("2026-11-22", "2026-11-16", "2026-11-22"),
        ("2026-11-23", "2026-11-23", "2026-11-29"),
        ("2027-01-01", "2026-12-28", "2027-01-03"),
    ],
)
def test_a_week_runs_from_monday_to_sunday(today: str, first: str, last: str) -> None:
    dates = date.fromisoformat(first), date.fromisoformat(last)
    assert scoring.season_dates(Season.WEEK, date.fromisoformat(today)) == dates


@pytest.mark.parametrize(
    ("today", "first", "last"),
    [
        ("2026-11-22", "2026-11-01", "2026-11-30"),
        ("2028-02-29", "2028-02-01", "2028-02-29"),
        ("2026-12-31", "2026-12-01", "2026-12-31"),
    ],
)
def test_a_month_runs_from_its_first_to_its_last_day(today: str, first: str, last: str) -> None:
    dates = date.fromisoformat(first), date.fromisoformat(last)
    assert scoring.season_dates(Season.MONTH, date.fromisoformat(today)) == dates


@given(st.dates(min_value=date(2000, 1, 1), max_value=date(2100, 1, 1)))
def test_every_day_lies_in_its_seasons(today: date) -> None:
    for season in Season.WEEK, Season.MONTH:
        first, last = scoring.season_dates(season, today)
        assert first is not None
        assert last is not None
        assert first <= today <= last
        assert scoring.season_dates(season, first) == scoring.season_dates(season, last) == (first, last)


@pytest.mark.parametrize(
    ("on", "today", "booked"),
    [
        ("2026-11-22", "2026-11-22", "2026-11-22"),
        ("2026-11-22", "2026-11-29", "2026-11-22"),  # A Sunday: its week has ended seven days ago.
        ("2026-11-22", "2026-11-30", "2026-11-30"),
        ("2026-11-23", "2026-12-06", "2026-11-23"),  # A Monday: its week and its month end about then.
        ("2026-11-23", "2026-12-07", "2026-12-07"),
        ("2026-11-30", "2026-12-07", "2026-11-30"),  # Its month ends before its week.
        ("2026-11-30", "2026-12-08", "2026-12-08"),
        ("2026-11-22", "2026-11-01", "2026-11-22"),
        ("2026-11-22", "2029-01-01", "2029-01-01"),
    ],
)
def test_points_are_dated_as_their_round_until_seven_days_after_the_end_of_its_week_or_month(
    on: str, today: str, booked: str
) -> None:
    assert scoring.booked_on(date.fromisoformat(on), date.fromisoformat(today)) == date.fromisoformat(booked)


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(0, 400))
def test_no_points_are_booked_into_a_season_that_ended_more_than_seven_days_ago(on: date, later: int) -> None:
    today = on + timedelta(days=later)
    booked = scoring.booked_on(on, today)
    assert booked in (on, today)
    for season in (Season.WEEK, Season.MONTH):
        _, last = scoring.season_dates(season, booked)
        assert last is not None
        assert today <= last + timedelta(days=7)


@pytest.mark.parametrize("days", range(1, 45, 6))
def test_a_board_that_was_kept_as_a_hall_of_fame_never_changes(world: World, days: int) -> None:
    world.tick(at("09:00"))
    world.says("ada", TRY, at("10:00"))
    world.says("bob", PARTLY, at("10:00"))
    world.tick(at("09:00", 1))
    round_ = world.rounds()[0]

    def boards(now: int) -> dict[tuple[date, date], object]:
        """The totals of every week and month that ended more than seven days before this day."""
        found: dict[tuple[date, date], object] = {}
        for day in range(now):
            for season in (Season.WEEK, Season.MONTH):
                first, last = scoring.season_dates(season, TODAY + timedelta(days=day))
                if first and last and last + timedelta(days=7) < TODAY + timedelta(days=now):
                    found[first, last] = world.tx.ledger.totals(round_.group, first=first, last=last)
        return found

    kept = boards(days)
    world.regrade("ada", round_, make_grade(2), at("10:00", days))
    world.command("olga", "award @bob 5 well said", at("10:30", days), organizer=True, place=round_.thread)
    assert boards(days) == kept
    assert world.points("ada", round_) == 3
    assert world.points("bob", round_) == 7
    world.regrade("ada", round_, make_grade(0), at("10:00", days + 20))
    world.presses("olga", Press.RULE, f"undo r1 {CHANNEL}", at("10:30", days + 20), organizer=True)
    assert {season: board for season, board in boards(days + 20).items() if season in kept} == kept
    assert (world.points("ada", round_), world.points("bob", round_)) == (1, 2)


def test_a_question_does_not_pay_again_the_sooner_for_a_late_ruling_on_its_first_round() -> None:
    first, later = TODAY - timedelta(days=40), TODAY - timedelta(days=10)
    near, far = make_entry(make_round(on=later), local_date=TODAY), make_entry(make_round(on=first), local_date=later)
    assert not scoring.pays_again([near], near.channel, near.cycle, TODAY + timedelta(days=19))
    assert scoring.pays_again([near], near.channel, near.cycle, TODAY + timedelta(days=20))  # By the round's date.
    assert scoring.pays_again([far], far.channel, far.cycle, TODAY - timedelta(days=10))


def test_what_a_round_brought_counts_as_one_whatever_dates_its_rows_have() -> None:
    round_ = make_round(on=TODAY - timedelta(days=20))
    paid = make_entry(round_, points=2)
    undone = make_entry(round_, id="undone", points=-2, local_date=TODAY)
    assert not scoring.pays_again([paid], paid.channel, paid.cycle, TODAY)
    assert scoring.pays_again([paid, undone], paid.channel, paid.cycle, TODAY)


def test_a_regrade_in_the_next_month_counts_in_the_month_of_its_round(world: World) -> None:
    world.set_up(next=Opening(on=date(2026, 11, 30), at=at("09:00", 8)))
    world.tick(at("09:00", 8))
    world.says("ada", TRY, at("10:00", 8))
    world.tick(at("09:00", 9))
    world.regrade("ada", world.rounds()[0], make_grade(2), at("12:00", 10))
    assert [row.points for row in rounds.month_standings(world.tx, world.rounds()[0])] == [3]


# --- names on boards ----------------------------------------------------------------------------------------


def test_who_has_answered_in_a_thread_is_named_on_boards_and_who_used_the_form_is_someone(world: World) -> None:
    world.tick(at("09:00"))
    world.says("ada", FULL, at("10:00"))
    world.fills_form("bob", PARTLY, at("10:00"))
    world.tick(at("09:00", 1))
    rows = rows_of(world.card(f"{world.rounds()[0].id}/reveal"))
    assert [row.name for row in rows] == ["Ada", "someone"]


def test_who_used_the_form_first_and_a_thread_later_is_named(world: World) -> None:
    world.tick(at("09:00"))
    world.fills_form("bob", PARTLY, at("10:00"))
    world.tick(at("09:00", 1))
    world.says("bob", FULL, at("10:00", 1))
    world.tick(at("09:00", 2))
    assert [row.name for row in rows_of(world.card(f"{world.rounds()[1].id}/reveal"))] == ["Bob"]


@pytest.mark.parametrize(
    ("wish", "public", "shown"),
    [
        (None, True, Naming.NAME),
        (None, False, Naming.SOMEONE),
        (Naming.NAME, False, Naming.NAME),
        (Naming.SOMEONE, True, Naming.SOMEONE),
        (Naming.OUT, True, Naming.OUT),
    ],
)
def test_a_members_own_wish_comes_before_where_they_answered(wish: Naming | None, public: bool, shown: Naming) -> None:
    assert scoring.naming_of(make_member(naming=wish, public=public)) is shown


def test_who_hides_is_on_no_board_that_others_see(world: World) -> None:
    world.tick(at("09:00"))
    world.says("ada", FULL, at("10:00"))
    world.says("bob", PARTLY, at("10:00"))
    world.command("ada", "me shown=out", at("11:00"))
    world.tick(at("09:00", 1))
    assert [row.name for row in rows_of(world.card(f"{world.rounds()[0].id}/reveal"))] == ["Bob"]
    assert [row.name for row in rows_of(world.command("bob", "leaderboard", at("12:00", 1)))] == ["Bob"]
    own = rows_of(world.command("ada", "leaderboard", at("12:00", 1)))
    assert [(row.name, row.own) for row in own] == [("Ada", True), ("Bob", False)]
