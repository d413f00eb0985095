"""What each command does and what its asker is told."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core import cards, replies
from bot.core.asking import Asker
from bot.core.card import Press
from bot.core.commands import BY_NAME, TABLE, Misread, Who, read
from bot.core.model import (
    Answer,
    DrillState,
    Flag,
    Grade,
    Opening,
    Part,
    Place,
    RoundKind,
    RoundState,
    Source,
    Status,
    group_of,
)
from bot.core.setting_up import Refused
from tests.core.worlds import FULL, PARTLY, SLUGS, World, at, make_bank, member, rows_of, words_of
from tests.factories import CHANNEL, RANDOM, TODAY, keep, make_entry, make_member, make_question, make_round

HINTS = ("Think of an ensemble.", "Think of averaging.")


def asked(world: World, *answers: tuple[str, str]) -> None:
    """A round of the first day with these answers, revealed on the second."""
    world.tick(at("09:00"))
    for who, text in answers:
        world.says(who, text, at("10:00"))
    world.tick(at("09:00", 1))


NEEDED = {"next": "adam", "award": "@ada 2 well said"}
"""What a command does not do without."""


# --- rights -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [command.name for command in TABLE if command.who is Who.ORGANIZER])
def test_a_member_may_not_run_the_drill(world: World, name: str) -> None:
    before = world.drill()
    with pytest.raises(Refused, match="for organizers"):
        world.command("ada", f"{name} {NEEDED.get(name, '')}", at("08:00"))
    assert world.drill() == before


def test_a_member_whom_setup_names_as_organizer_may_run_the_drill(world: World) -> None:
    world.orders("setup organizers=@bob,@ada", at("08:00"))
    world.command("ada", "pause", at("08:01"))
    assert world.drill().timetable.paused


def test_an_organizer_named_in_one_channel_is_none_in_another(world: World) -> None:
    world.orders("setup organizers=@ada", at("08:00"))
    world.set_up(RANDOM)
    asker = Asker(member=member("ada"), name="Ada", place=Place(channel=RANDOM))
    with pytest.raises(Refused):
        replies.answer(world.tx, world.banks, asker, read("pause"), at("08:01"))


@pytest.mark.parametrize("line", ["ask", "pause", "resume", "skip", "next adam", "hint", "reveal"])
def test_where_there_is_no_drill_its_commands_are_refused_in_words(line: str) -> None:
    with closing(World(drill=False)) as world, pytest.raises(Refused, match=r"no drill|no open round"):
        world.orders(line, at("08:00"))


@pytest.mark.parametrize("line", ["when", "help", "me", "history", "leaderboard"])
def test_where_there_is_no_drill_the_other_commands_still_answer(line: str) -> None:
    with closing(World(drill=False)) as world:
        assert world.command("ada", line, at("08:00")).body


# --- ask ----------------------------------------------------------------------------------------------------


def test_ask_posts_a_question_now_as_an_extra_round(world: World) -> None:
    world.command("ada", "ask", at("08:00"))
    world.deliver(at("08:00"))
    assert world.sent() == [f"{CHANNEL}#1/question"]
    assert world.round().kind is RoundKind.EXTRA
    assert world.round().asked_by == member("ada")


def test_one_extra_round_is_open_per_channel(world: World) -> None:
    world.command("ada", "ask", at("08:00"))
    with pytest.raises(Refused, match="already"):
        world.command("bob", "ask", at("08:01"))


def test_an_organizer_may_switch_ask_off_for_members_but_not_for_themselves(world: World) -> None:
    world.orders("setup ask=off", at("07:00"))
    with pytest.raises(Refused, match="switched off"):
        world.command("ada", "ask", at("08:00"))
    world.orders("ask", at("08:00"))
    assert world.states(RoundKind.EXTRA) == [RoundState.OPEN]


def test_ask_draws_first_from_what_was_revealed_here_before_the_longest_ago_first(world: World) -> None:
    world.days(0, 3)
    world.command("ada", "ask", at("10:00", 3))
    assert world.round().question == world.rounds()[0].question


def test_ask_leaves_the_questions_of_the_coming_rounds_to_them(world: World) -> None:
    world.tick(at("09:00"))
    plan = world.tx.drills.plan(CHANNEL)
    assert plan is not None
    world.command("ada", "ask", at("10:00"))
    assert world.round().question.id == plan.questions[-1]


def test_ask_never_asks_what_is_being_asked() -> None:
    with closing(World(questions=[make_question()])) as world:
        world.tick(at("09:00"))
        with pytest.raises(Refused, match="being asked right now"):
            world.command("ada", "ask", at("10:00"))


def test_ask_keeps_to_the_topic_and_the_difficulty_it_is_given() -> None:
    easy, hard = make_question(), make_question("adam", topics=("optimizers",), difficulty=3)
    with closing(World(questions=[easy, hard])) as world:
        world.command("ada", "ask optimizers 3", at("08:00"))
        assert world.round().question == hard


def test_ask_for_an_unknown_topic_names_the_topics_there_are(world: World) -> None:
    with pytest.raises(Refused, match="Topics: regularisation, training"):
        world.command("ada", "ask cooking", at("08:00"))


# --- hint ---------------------------------------------------------------------------------------------------


def test_hints_come_one_by_one_and_the_last_again_without_a_further_cost() -> None:
    with closing(World(questions=[make_question(hints=HINTS)])) as world:
        world.tick(at("09:00"))
        said = [words_of(world.command("ada", "hint", at("09:30"))) for _ in range(4)]
        assert [HINTS[0] in text for text in said] == [True, False, False, False]
        assert [HINTS[1] in text for text in said] == [False, True, True, True]
        assert world.tx.answers.hints(world.round().id, member("ada")) == 2


def test_a_hint_of_one_member_costs_no_other(world: World) -> None:
    asked_at = at("09:30")
    world.tick(at("09:00"))
    world.command("ada", "hint", asked_at)
    assert world.tx.answers.hints(world.round().id, member("bob")) == 0


def test_after_the_close_there_are_no_hints(world: World) -> None:
    world.tick(at("09:00"))
    with pytest.raises(Refused, match="closed"):
        world.command("ada", "hint", at("09:00", 1))


def test_a_question_without_hints_says_so() -> None:
    with closing(World(questions=[make_question(hints=())])) as world:
        world.tick(at("09:00"))
        with pytest.raises(Refused, match="no hints"):
            world.command("ada", "hint", at("09:30"))


def test_in_a_thread_a_command_means_that_round_and_in_the_channel_the_daily_one() -> None:
    questions = [make_question(slug, hints=(f"The hint of {slug}.",)) for slug in SLUGS]
    with closing(World(questions=questions)) as world:
        world.tick(at("09:00"))
        daily = world.round()
        world.command("ada", "ask", at("10:00"))
        world.deliver(at("10:00"))
        extra = world.round()
        assert daily.question.hints[0] in words_of(world.command("ada", "hint", at("10:01")))
        assert extra.question.hints[0] in words_of(world.command("ada", "hint", at("10:01"), thread=True))


def test_in_the_channel_a_command_means_the_extra_round_where_no_daily_one_is_open(world: World) -> None:
    world.command("ada", "ask", at("08:00"))
    world.orders("reveal", at("08:30"))
    assert world.round().state is RoundState.CLOSED


# --- leaderboard --------------------------------------------------------------------------------------------


def test_the_leaderboard_shows_this_month_unless_another_season_is_named(world: World) -> None:
    keep(world.tx, make_member(public=True))
    for day, points in (0, 3), (-7, 2), (-40, 1):
        keep(world.tx, make_entry(id=f"{day}", points=points, local_date=TODAY + timedelta(days=day)))
    boards = {
        line: [row.points for row in rows_of(world.command("ada", line, at("08:00")))]
        for line in ("leaderboard", "leaderboard week", "leaderboard month", "leaderboard all")
    }
    assert boards == {
        "leaderboard": ["5 points"],
        "leaderboard week": ["3 points"],
        "leaderboard month": ["5 points"],
        "leaderboard all": ["6 points"],
    }


def test_the_leaderboard_is_the_groups_unless_it_is_asked_for_here(world: World) -> None:
    keep(world.tx, make_member(public=True), make_entry(points=3), make_entry(make_round(RANDOM), id="x", points=2))
    assert [row.points for row in rows_of(world.command("ada", "leaderboard", at("08:00")))] == ["5 points"]
    assert [row.points for row in rows_of(world.command("ada", "leaderboard here", at("08:00")))] == ["3 points"]


def test_who_is_not_among_the_first_ten_sees_their_own_row_with_its_neighbours(world: World) -> None:
    names = [f"m{number:02}" for number in range(14)]
    for number, name in enumerate(names):
        keep(world.tx, make_member(member(name), public=True))
        keep(world.tx, make_entry(None, member(name), points=50 - number))
    rows = rows_of(world.command("m12", "leaderboard", at("08:00")))
    assert [row.rank for row in rows] == [f"{rank}." for rank in (*range(1, 11), 12, 13, 14)]
    assert [row.name for row in rows if row.own] == ["M12"]


def test_an_empty_leaderboard_says_how_to_get_on_it(world: World) -> None:
    assert "No points yet.\nYou are not on it yet: answer a daily question." in words_of(
        world.command("ada", "leaderboard", at("08:00"))
    )


def test_a_board_row_tells_the_rounds_and_the_streak(world: World) -> None:
    for day in range(3):
        world.tick(at("09:00", day))
        world.says("ada", FULL, at("10:00", day))
    world.tick(at("09:00", 3))
    (row,) = rows_of(world.command("ada", "leaderboard here", at("12:00", 3)))
    assert row.rest == "3 rounds, 3 in a row"


def test_a_channel_without_ranking_keeps_no_board(world: World) -> None:
    world.orders("setup ranking=off", at("07:00"))
    with pytest.raises(Refused, match="no board"):
        world.command("ada", "leaderboard here", at("08:00"))


# --- me -----------------------------------------------------------------------------------------------------


def test_me_tells_points_rank_streak_and_where_each_point_came_from(world: World) -> None:
    asked(world, ("ada", PARTLY), ("bob", FULL))
    said = words_of(world.command("ada", "me", at("12:00", 1)))
    assert "this month: 2 points from 1 round, rank 2" in said
    assert "streak here: 1" in said
    assert "2026-11-22  +2  some of it: What does dropout do" in said


def test_me_show_result_tells_what_the_last_revealed_answer_was_worth(world: World) -> None:
    asked(world, ("ada", PARTLY))
    world.says("ada", FULL, at("10:00", 1))
    said = words_of(world.command("ada", "me show=result", at("12:00", 1)))
    assert "You have part of it." in said
    assert "2 points." in said


def test_who_has_no_revealed_answer_has_no_result(world: World) -> None:
    asked(world, ("bob", FULL))
    with pytest.raises(Refused, match="no answer"):
        world.command("ada", "me show=result", at("12:00", 1))


def test_a_result_is_not_told_before_the_reveal(world: World) -> None:
    world.tick(at("09:00"))
    world.says("ada", FULL, at("10:00"))
    with pytest.raises(Refused, match="with the reveal"):
        world.asks_result("ada", world.round())


def test_a_result_is_not_told_to_another_group(world: World) -> None:
    asked(world, ("ada", FULL))
    stranger = Asker(member=member("ada"), name="Ada", place=Place(channel=type(CHANNEL)("terminal:other/general")))
    with pytest.raises(Refused):
        replies.result_of(world.tx, stranger, world.rounds()[0].id)


@pytest.mark.parametrize(("wish", "shown"), [("name", "Ada"), ("someone", "someone")])
def test_a_member_chooses_how_boards_show_them(world: World, wish: str, shown: str) -> None:
    asked(world, ("ada", FULL))
    world.command("ada", f"me shown={wish}", at("12:00", 1))
    assert [row.name for row in rows_of(world.command("bob", "leaderboard", at("12:01", 1)))] == [shown]


# --- history and when ---------------------------------------------------------------------------------------


def test_history_lists_the_rounds_of_the_channel_latest_first(world: World) -> None:
    world.tick(at("23:00"))
    world.tick(at("09:00", 1))
    world.says("ada", FULL, at("10:00", 1))
    world.tick(at("09:00", 2))
    said = words_of(world.command("ada", "history", at("12:00", 2))).splitlines()
    assert said[1].startswith("2026-11-24  What")
    assert said[2].startswith("2026-11-23  What")
    assert "(revealed, 1 answer)" in said[2]
    assert said[3] == "2026-11-22  1 round left out"


def test_history_may_be_of_one_topic() -> None:
    questions = [make_question("adam", topics=("optimizers",)), make_question("dropout")]
    with closing(World(questions=questions)) as world:
        world.days(0, 1)
        assert words_of(world.command("ada", "history optimizers", at("12:00", 1))).count("What does") == 1


def test_when_tells_the_open_round_the_next_three_and_how_many_are_unasked(world: World) -> None:
    world.tick(at("09:00"))
    said = words_of(world.command("ada", "when", at("12:00")))
    assert "Closes 2026-11-23 09:00." in said
    assert [day in said for day in ("11-23 09:00", "11-24 09:00", "11-25 09:00", "11-26 09:00")] == [*[True] * 3, False]
    assert f"{len(SLUGS) - 1} questions not asked here yet." in said


def test_when_says_that_a_drill_is_paused_asleep_or_off(world: World) -> None:
    for changes, told in (
        ({"next": None}, "paused"),
        ({"next": None, "state": DrillState.ASLEEP}, "sleeps"),
        ({"next": None, "state": DrillState.OFF, "state_reason": "the channel is gone"}, "the channel is gone"),
    ):
        world.set_up(**changes)
        assert told in words_of(world.command("ada", "when", at("12:00")))


# --- help ---------------------------------------------------------------------------------------------------


def test_help_shows_members_what_they_may_use_and_organizers_the_rest_too(world: World) -> None:
    mine, theirs = words_of(world.command("ada", "help", at("08:00"))), words_of(world.orders("help", at("08:00")))
    for command in TABLE:
        assert f"/nnquestion {command.name}: " in theirs
        assert (f"/nnquestion {command.name}: " in mine) == (command.who is Who.MEMBER)


@pytest.mark.parametrize("name", BY_NAME)
def test_help_tells_more_of_each_command(world: World, name: str) -> None:
    said = words_of(world.orders(f"help {name}", at("08:00")))
    assert f"Use it so: /nnquestion {name}" in said


def test_help_for_an_unknown_command_is_refused_in_words(world: World) -> None:
    with pytest.raises(Refused, match="There is no command “dance”"):
        world.command("ada", "help dance", at("08:00"))


# --- setup --------------------------------------------------------------------------------------------------


def test_a_new_drill_needs_a_time_and_a_zone_and_is_every_day_open_until_the_next_opening() -> None:
    with closing(World(drill=False)) as world:
        with pytest.raises(Refused, match="needs a time and a time zone"):
            world.orders("setup time=09:00", at("08:00"))
        said = words_of(world.orders("setup time=09:00 zone=Europe/Berlin", at("07:00")))
        assert "every day at 09:00 (Europe/Berlin), closes at the next opening, reveal at the close" in said
        assert "open, in the thread" in said
        assert world.drill().next == Opening(on=TODAY, at=at("08:00"))
        assert world.drill().set_up_by == member("olga")


def test_a_first_setup_offers_to_try_a_question_and_a_later_one_does_not() -> None:
    with closing(World(drill=False)) as world:
        first = world.orders("setup time=09:00 zone=UTC", at("07:00"))
        assert [(button.press, button.about) for button in first.buttons] == [(Press.TRY, CHANNEL)]
        assert world.orders("setup time=10:00", at("07:01")).buttons == ()
        assert world.orders("setup", at("07:02")).buttons == ()


def test_setup_without_options_shows_the_drill_and_changes_nothing(world: World) -> None:
    before = world.drill()
    assert "every day at 09:00 (UTC)" in words_of(world.orders("setup", at("08:00")))
    assert world.drill() == before


def test_setup_changes_what_it_names_and_leaves_the_rest(world: World) -> None:
    world.orders("setup days=mon-fri closes=18:00 reveal=18:30 topics=training difficulty=1-2", at("08:00"))
    world.orders("setup answers=sealed ranking=off ask=off off=2026-12-25", at("08:01"))
    drill = world.drill()
    assert drill.timetable.days == frozenset(range(5))
    assert str(drill.timetable.closing.at) == "18:00:00"
    assert str(drill.timetable.reveal_at) == "18:30:00"
    assert [day.isoformat() for day in drill.timetable.days_off] == ["2026-12-25"]
    assert drill.topics == {"training"}
    assert drill.difficulties == {1, 2}
    assert (drill.sealed, drill.ranking, drill.may_ask) == (True, False, False)


def test_what_setup_made_can_be_taken_back(world: World) -> None:
    world.orders("setup days=mon closes=8h reveal=18:30 topics=training difficulty=1 off=2026-12-25", at("08:00"))
    world.orders("setup days=all closes=next reveal=close topics=any difficulty=any off=none", at("08:01"))
    world.orders("setup organizers=none notes=here", at("08:01"))
    with closing(World()) as untouched:
        assert replace(world.drill(), set_up_by=member("ada")) == untouched.drill()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("setup time=25:00", "is no time"),
        ("setup zone=Europe/Berln", "Europe/Berlin"),
        ("setup days=someday", "is no day"),
        ("setup closes=soon", "does not say when a round closes"),
        ("setup closes=0h", "1 to 168 hours"),
        ("setup off=tomorrow", "is no date"),
        ("setup topics=trainig", "Did you mean “training”"),
        ("setup difficulty=5", "is no difficulty"),
        ("setup bank=chemistry", "There is no bank “chemistry”; there is nn"),
        ("setup organizers=@ada,,", "Name organizers"),
        ("pause yesterday", "is no date"),
        ("pause 2026-11-22", "not in the future"),
    ],
)
def test_a_wrong_value_is_refused_says_what_is_allowed_and_changes_nothing(world: World, line: str, told: str) -> None:
    before = world.drill()
    with pytest.raises(Refused, match=told):
        world.orders(line, at("08:00"))
    assert world.drill() == before


def test_a_drill_whose_bank_has_gone_can_still_be_given_another_one() -> None:
    with closing(World(bank="gone")) as world:
        for line in "setup topics=training", "next adam":
            with pytest.raises(Refused):
                world.orders(line, at("08:00"))
        world.orders("setup bank=nn", at("08:00"))
        world.tick(at("09:00"))
        assert world.states() == [RoundState.OPEN]


_VALUES = st.one_of(
    st.text(max_size=12),
    st.from_regex(r"[0-9]{1,4}[:\-h,][0-9a-z\-,]{0,8}", fullmatch=True),
    st.sampled_from(["any", "none", "next", "close", "here", "all", "9:00", "mon-", "-", ",", "0h", "9999-12-31", "#"]),
)


@given(name=st.sampled_from([o.name for c in TABLE if c.name == "setup" for o in c.options]), value=_VALUES)
@settings(max_examples=150, deadline=None)
def test_whatever_setup_is_given_it_does_or_refuses_in_words(name: str, value: str) -> None:
    with closing(World()) as world:
        try:
            said = words_of(world.orders(f"setup {name}='{value}'", at("08:00")))
        except (Misread, Refused) as no:
            said = str(no)
        assert said


# --- running the drill by hand ------------------------------------------------------------------------------


def test_skip_leaves_out_the_next_round_only(world: World) -> None:
    world.orders("skip", at("08:00"))
    world.days(0, 1)
    assert world.states() == [RoundState.SKIPPED, RoundState.OPEN]


def test_skip_of_a_round_that_is_left_out_by_hand_is_not_told_as_downtime(world: World) -> None:
    world.orders("skip", at("08:00"))
    world.days(0, 1)
    assert "Left out while I was away" not in words_of(world.card(f"{world.round().id}/question"))


def test_reveal_closes_the_open_round_and_reveals_it_at_the_next_tick(world: World) -> None:
    world.tick(at("09:00"))
    world.says("ada", FULL, at("10:00"))
    world.orders("reveal", at("12:00"))
    world.tick(at("12:00"))
    assert world.states() == [RoundState.REVEALED]
    assert world.points("ada") == 3
    world.tick(at("09:00", 1))
    assert world.states() == [RoundState.REVEALED, RoundState.OPEN]


def test_next_chooses_the_next_daily_question(world: World) -> None:
    for day, slug in enumerate(["softmax", "adam"]):
        world.orders(f"next {slug}", at("08:00", day))
        world.tick(at("09:00", day))
        assert world.round().question.slug == slug


def test_the_question_chosen_last_comes_first_and_those_chosen_before_follow(world: World) -> None:
    world.orders("next softmax", at("08:00"))
    world.orders("next adam", at("08:01"))
    world.days(0, 1)
    assert [round_.question.slug for round_ in world.rounds()] == ["adam", "softmax"]


def test_a_chosen_question_stays_first_when_the_drill_is_changed(world: World) -> None:
    world.tick(at("09:00"))
    world.orders("next softmax", at("10:00"))
    world.orders("setup days=mon,tue,wed time=10:00", at("11:00"))
    world.tick(at("10:00", 1))
    assert world.round().question.slug == "softmax"


def test_a_question_that_was_asked_already_may_be_chosen_again(world: World) -> None:
    world.tick(at("09:00"))
    slug = world.round().question.slug
    world.orders(f"next {slug}", at("10:00"))
    world.tick(at("09:00", 1))
    assert world.round().question.slug == slug


@pytest.mark.parametrize(
    "changes",
    [{"topics": ("cooking",)}, {"difficulty": 3}, {"status": Status.RETIRED}],
    ids=["topic", "level", "retired"],
)
def test_next_promises_no_question_that_is_then_not_asked(changes: dict[str, object]) -> None:
    questions = [*(make_question(slug) for slug in SLUGS), make_question("odd", **changes)]
    with closing(World(questions=questions, topics=frozenset({"training"}), difficulties=frozenset({1}))) as world:
        try:
            world.orders("next odd", at("08:00"))
        except Refused:
            return
        world.tick(at("09:00"))
        assert world.round().question.slug == "odd"


def test_next_for_an_unknown_question_says_what_was_probably_meant(world: World) -> None:
    with pytest.raises(Refused, match="Did you mean “softmax”"):
        world.orders("next sofmax", at("08:00"))


def test_pause_and_resume_keep_the_count_of_dates(world: World) -> None:
    world.tick(at("09:00"))
    world.orders("pause", at("10:00"))
    world.orders("resume", at("11:00"))
    assert world.drill().next == Opening(on=TODAY + timedelta(days=1), at=at("09:00", 1))


def test_resume_of_a_drill_that_runs_changes_nothing(world: World) -> None:
    before = world.drill()
    assert world.orders("resume", at("08:00")).title == "It is running"
    assert world.drill() == before


def test_a_pause_does_not_wake_a_sleeping_drill(world: World) -> None:
    world.set_up(state=DrillState.ASLEEP, next=None)
    world.orders("pause", at("08:00"))
    world.days(0, 2)
    assert world.rounds() == []


# --- every command --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BY_NAME)
def test_every_command_of_the_table_works(world: World, name: str) -> None:
    asked(world, ("ada", FULL))
    card = world.orders(f"{name} {NEEDED.get(name, '')}", at("12:00", 1))
    assert card.title
    assert card.body


def test_who_gives_a_command_is_known_by_their_latest_name_and_is_not_public(world: World) -> None:
    world.command("ada", "me shown=someone", at("08:00"))
    ada = world.tx.members.get(member("ada"))
    assert ada is not None
    assert (ada.name, ada.public, ada.group) == ("Ada", False, group_of(CHANNEL))


def test_a_bank_that_is_read_anew_is_used_from_the_next_round_on(world: World) -> None:
    world.tick(at("09:00"))
    world.banks = {"nn": make_bank([make_question("fresh")])}
    world.tick(at("09:00", 1))
    assert world.round().question.slug == "fresh"


def test_history_folds_rounds_that_were_left_out_and_still_reaches_those_that_were_asked(world: World) -> None:
    world.days(0, 1)
    world.tick(at("23:00", 42))
    said = words_of(world.command("ada", "history", at("23:30", 42))).splitlines()
    assert said[1] == "2026-11-24 to 2027-01-03  41 rounds left out"
    assert [line[:10] for line in said[2:]] == ["2026-11-23", "2026-11-22"]


@pytest.mark.parametrize(
    ("flag", "why"),
    [
        (Flag.KEYWORDS, "a list of keywords"),
        (Flag.DENIAL, "denies most of what it touches"),
        (Flag.QUOTED, "word for word in the reference answer, or in what somebody else said"),
    ],
)
def test_a_grade_that_was_lowered_tells_why(flag: Flag, why: str) -> None:
    round_ = make_round()
    part = Part(source=Source.FORM, id="f", text="x", said_at=at("10:00"))
    answer = Answer(round=round_.id, member=member("ada"), parts=(part,), revision=1, local_date=TODAY)
    plain = Grade(score=0.0, level=0, grader="key-points/5")
    assert why not in words_of(cards.result(round_, answer, plain, 1, 0))
    assert why in words_of(cards.result(round_, answer, replace(plain, flags=(flag,)), 1, 0))
