"""The week's recap: when it comes, and what it says."""

from __future__ import annotations

from contextlib import closing
from datetime import date, timedelta
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core import recaps, sharing
from bot.core.card import Card, Columns, Press
from bot.core.model import Misconception, Opening, RoundState, Share
from bot.core.ports import Failure
from tests.core.worlds import EXTRA, FULL, ONE, PARTLY, SLUGS, TRY, TWO, World, at, make_bank, marked, words_of
from tests.factories import CHANNEL, RANDOM, TODAY, make_question, make_timetable

MONDAY: Final = Opening(on=date(2026, 11, 23), at=at("09:00", 1))
"""Days are counted from Sunday, 22 November: this week's recap comes on day 8."""


THREE_DAYS: Final = make_timetable(days=frozenset({0, 1, 2}))
"""Monday to Wednesday: too few rounds for a drill to fall asleep in a week."""


def weekly(**changes: Any) -> World:
    """A world with a recap, whose first round is on a Monday."""
    return World(**{"recap": True, "next": MONDAY, **changes})


def of_points(**changes: Any) -> World:
    """The same with key points, and prompts that can be told apart."""
    bank = [make_question(slug, prompt=f"What is {slug}?", key_points=(ONE, TWO, EXTRA)) for slug in SLUGS]
    return weekly(**{"questions": bank, "judge": marked, "timetable": THREE_DAYS, **changes})


def recap(world: World, week: str = "2026-W48") -> Card:
    return world.card(f"{CHANNEL}/recap/{week}")


def recaps_sent(world: World) -> list[str]:
    return [key.rpartition("/")[2] for key in world.sent() if "/recap/" in key]


def through(world: World, first: int, last: int, **said: str) -> None:
    """These days pass; on each of them these members say this."""
    for day in range(first, last + 1):
        world.tick(at("09:00", day))
        for who, text in said.items():
            world.says(who, text, at("10:00", day))


# --- when it comes ------------------------------------------------------------------------------------------


def test_it_comes_once_a_week_between_the_last_reveal_and_the_first_question_of_the_next() -> None:
    with closing(weekly()) as world:
        through(world, 1, 16, ada=FULL)
        assert recaps_sent(world) == ["2026-W48", "2026-W49"]
        at_ = world.sent().index(f"{CHANNEL}/recap/2026-W48")
        assert world.sent()[at_ - 1] == f"{CHANNEL}@2026-11-29/reveal"
        assert world.sent()[at_ + 1] == f"{CHANNEL}@2026-11-30/question"


def test_the_switch_ends_it_and_brings_it_back() -> None:
    with closing(weekly()) as world:
        through(world, 1, 3, ada=FULL)
        world.orders("setup recap=off", at("12:00", 3))
        through(world, 4, 8, ada=FULL)
        assert recaps_sent(world) == []
        world.orders("setup recap=on", at("12:00", 8))
        through(world, 9, 15, ada=FULL)
        assert recaps_sent(world) == ["2026-W49"]


def test_a_drill_of_some_days_has_its_recap_before_its_first_question_of_a_week() -> None:
    first = Opening(on=TODAY, at=at("09:00"))
    with closing(weekly(timetable=make_timetable(days=frozenset({1, 3})), next=first)) as world:
        world.days(0, 10)
        assert recaps_sent(world) == ["2026-W47", "2026-W48"]
        sent = world.sent()
        assert sent.index(f"{CHANNEL}/recap/2026-W48") < sent.index(f"{CHANNEL}@2026-12-01/question")


def test_after_weeks_of_downtime_the_week_before_it_has_its_recap_and_the_empty_ones_have_none() -> None:
    topics = {slug: (f"topic of {slug}",) for slug in SLUGS}
    bank = [make_question(slug, topics=topics[slug]) for slug in SLUGS]
    with closing(weekly(questions=bank)) as world:
        through(world, 1, 3, ada=FULL)
        through(world, 32, 35)  # From a Thursday on, after three weeks.
        assert recaps_sent(world) == ["2026-W48"]
        sent = world.sent()
        assert sent.index(f"{CHANNEL}/recap/2026-W48") < sent.index(f"{CHANNEL}@2026-12-24/question")
        said = words_of(recap(world))
        assert "3 questions, 3 answers from 1 member." in said
        new = [r.question.slug for r in world.rounds() if r.opened_at >= at("09:00", 32)]
        assert said.splitlines()[-1] == "Coming this week: " + ", ".join(f"topic of {slug}" for slug in new)
        assert len(new) == 4


def test_a_week_in_which_nobody_answered_says_so_and_praises_nobody() -> None:
    with closing(weekly(questions=[make_question(slug) for slug in SLUGS])) as world:
        world.orders("setup days=mon,tue,wed", at("08:00"))
        for day in range(1, 9):
            world.tick(at("09:00", day))
        card = recap(world)
        said = words_of(card)
        assert "3 questions, and nobody answered. This week has new ones." in said
        for word in "Ahead", "streak", "missed", "Helped", "Provisional":
            assert word not in said
        assert (card.picture, card.buttons) == (None, ())


def test_where_no_question_was_asked_nothing_is_said() -> None:
    with closing(weekly()) as world:
        world.tick(at("09:00", 1))
        world.orders("skip open", at("10:00", 1))
        world.orders("pause 2026-11-30", at("10:01", 1))
        world.tick(at("09:00", 8))
        assert world.states() == [RoundState.CANCELLED, RoundState.OPEN]
        assert recaps_sent(world) == []


def test_a_pause_of_weeks_has_the_recap_of_the_week_before_it_when_it_ends() -> None:
    with closing(weekly()) as world:
        through(world, 1, 2, ada=FULL)
        world.orders("pause 2026-12-21", at("12:00", 2))
        for day in range(3, 30):
            world.tick(at("09:00", day))
        assert recaps_sent(world) == ["2026-W48"]


def test_each_channel_has_its_own() -> None:
    with closing(weekly(timetable=THREE_DAYS)) as world:
        world.set_up(RANDOM, recap=True, next=MONDAY, timetable=THREE_DAYS)
        through(world, 1, 3, ada=FULL)
        world.says("bob", TRY, at("11:00", 3), place=world.round(RANDOM).thread)
        world.tick(at("09:00", 8))
        here, there = (words_of(world.card(f"{channel}/recap/2026-W48")) for channel in (CHANNEL, RANDOM))
        assert "Ahead in that week: 1. Ada (9 points)\n" in here
        assert "Ahead in that week: 1. Bob (1 point)\n" in there


def test_where_the_channel_is_gone_its_recap_is_told_to_nobody_else() -> None:
    with closing(weekly()) as world:
        through(world, 1, 7, ada=FULL)
        world.refusing[f"{CHANNEL}@2026-11-29/reveal"] = Failure.CHANNEL_GONE
        world.tick(at("09:00", 8))
        assert recaps_sent(world) == []
        assert not any(place.channel != CHANNEL and "The week of" in card.title for _, place, card in world.posted)
        assert "This drill is off" in [card.title for _, _, card in world.posted]


# --- what it says -------------------------------------------------------------------------------------------


def test_winners_are_named_only_if_boards_name_them_and_ties_are_told() -> None:
    with closing(weekly(timetable=make_timetable(days=frozenset({0})))) as world:
        said = {"ada": FULL, "bob": FULL, "cleo": PARTLY, "dan": TRY, "eve": TRY}
        for who, wish in (("bob", "someone"), ("dan", "out")):
            world.command(who, f"me shown={wish}", at("08:00"))
        through(world, 1, 1, **said)
        through(world, 8, 8)
        assert "Ahead in that week: 1. Ada (3 points), 3. Cleo (2 points)\n" in words_of(recap(world))


def test_where_the_channel_keeps_no_board_nobody_is_ahead_and_no_board_is_offered() -> None:
    with closing(weekly(ranking=False)) as world:
        through(world, 1, 8, ada=FULL)
        assert "Ahead" not in words_of(recap(world))
        assert recap(world).buttons == ()


def test_this_months_board_of_the_channel_can_be_shared_from_it() -> None:
    with closing(weekly()) as world:
        through(world, 1, 8, ada=FULL)
        [button] = recap(world).buttons
        world.presses("eve", button.press, button.about, at("09:30", 8))
        world.deliver(at("09:30", 8))
        [shared] = [card for key, _, card in world.posted if "/board/" in key]
        assert shared.title == "Leaderboard, this month, this channel"


def test_the_group_streak_is_told_from_two_rounds_on() -> None:
    with closing(weekly()) as world:
        through(world, 1, 8, ada=FULL)
        assert "Group streak: 7 rounds in a row that at least half of you answered" in words_of(recap(world))
    with closing(weekly()) as world:
        through(world, 1, 6)
        through(world, 7, 7, ada=FULL)
        world.orders("resume", at("12:00", 7))
        world.tick(at("09:00", 8))
        assert "Group streak" not in words_of(recap(world))


def test_the_key_point_that_was_missed_most_is_told_with_what_its_author_says_of_it() -> None:
    wrong = Misconception(claim="They are kept.", why="They are zeroed.", blocks="one")
    bank = [
        make_question(slug, prompt=f"What is {slug}?", key_points=(ONE, TWO, EXTRA), misconceptions=(wrong,))
        for slug in SLUGS
    ]
    with closing(weekly(questions=bank, judge=marked, timetable=THREE_DAYS)) as world:
        one, two, both = "It covers one, I say.", "It covers two, I say.", "It covers one and covers two."
        through(world, 1, 1, ada=one, bob=one, cleo=both)
        through(world, 2, 2, ada=two, bob=two, cleo=two)
        world.tick(at("09:00", 3))
        world.tick(at("09:00", 8))
        prompt = world.rounds()[1].question.prompt
        said = words_of(recap(world))
        assert (
            f"Most missed: {ONE.text} (3 of 3, in “{prompt}”)\nOften heard: “They are kept.” They are zeroed." in said
        )


def test_without_a_misconception_about_it_it_is_put_in_other_words() -> None:
    one = make_question("adam", key_points=(ONE, EXTRA)).key_points
    point = type(ONE)(id="one", text=ONE.text, any_of=("all of them vanish",), essential=True)
    with closing(
        weekly(questions=[make_question("adam", key_points=(point, one[1]))], judge=marked, timetable=THREE_DAYS)
    ) as world:
        through(world, 1, 1, ada="A try with nothing in it.", bob="A try with nothing in it.")
        through(world, 2, 8)
        assert f"Most missed: {ONE.text} (2 of 2, in “" in words_of(recap(world))
        assert "In other words: “all of them vanish”" in words_of(recap(world))


def test_what_one_member_missed_what_no_essential_is_and_what_was_granted_is_not_told() -> None:
    with closing(of_points()) as world:
        through(world, 1, 1, ada="It covers two, I am sure.", bob="It covers one and covers two.")
        world.tick(at("09:00", 2))
        through(world, 3, 8)
        assert "Most missed" not in words_of(recap(world))
    with closing(of_points()) as world:
        through(world, 1, 1, ada="It covers two, I am sure.", bob="It covers two, I am sure.")
        world.tick(at("09:00", 2))
        world.objects("ada", "0.0", at("10:00", 2))
        world.rules("grant o1", at("11:00", 2))
        through(world, 3, 8)
        assert "Most missed" not in words_of(recap(world))


@pytest.mark.parametrize(("share", "by"), [(Share.WITH_NAME, "Ada"), (Share.WITHOUT_NAME, "Somebody")])
def test_the_shared_answer_that_helped_most_is_told_as_its_author_wishes(share: Share, by: str) -> None:
    with closing(of_points()) as world:
        world.tick(at("09:00", 1))
        world.fills_form("ada", "It covers one,\n\nand covers two.", at("10:00", 1), share=share)
        world.fills_form("bob", "It is what bob says it is.", at("10:00", 1), share=Share.WITH_NAME)
        world.tick(at("09:00", 2))
        helps(world, "ada", "eve", "kit")
        helps(world, "bob", "eve")
        through(world, 3, 8)
        prompt = world.rounds()[0].question.prompt
        said = words_of(recap(world))
        assert f"Helped 2 readers: {by}, on “{prompt}”\n“It covers one, and covers two.”" in said
        assert ("Ada," in said) is (share is Share.WITH_NAME)


def helps(world: World, whose: str, *who: str) -> None:
    answer = world.answer(whose, world.rounds()[0])
    assert answer is not None
    for reader in who:
        world.presses(reader, Press.HELPED, f"{sharing.mark(answer)} {answer.round}", at("10:00", 2))


def test_a_long_answer_is_cut_and_one_of_a_barred_member_is_left_out() -> None:
    with closing(of_points()) as world:
        world.tick(at("09:00", 1))
        world.fills_form("ada", "so " * 400, at("10:00", 1), share=Share.WITH_NAME)
        world.fills_form("mallory", "What mallory says it is.", at("10:00", 1), share=Share.WITH_NAME)
        world.tick(at("09:00", 2))
        helps(world, "mallory", "eve", "kit")
        helps(world, "ada", "eve")
        world.orders("bar @mallory", at("11:00", 2))
        through(world, 3, 8)
        quoted = next(line for line in words_of(recap(world)).splitlines() if line.startswith("“"))
        assert quoted.endswith("so…”")
        assert len(quoted) <= recaps.QUOTED + 2
        assert "mallory" not in words_of(recap(world)).lower()


def test_an_answer_that_helped_nobody_is_not_told() -> None:
    with closing(of_points()) as world:
        world.tick(at("09:00", 1))
        world.fills_form("ada", "It covers one, surely.", at("10:00", 1), share=Share.WITH_NAME)
        through(world, 2, 8)
        assert "Helped" not in words_of(recap(world))


def test_it_is_provisional_while_a_round_is_unrevealed_and_tells_nothing_of_that_ones_grades() -> None:
    timetable = make_timetable(days=frozenset({0, 6}), reveal_at=at("08:00").time())
    with closing(of_points(timetable=timetable)) as world:
        world.tick(at("09:00", 1))
        world.tick(at("09:00", 7))
        for who in "ada", "bob":
            world.says(who, "It covers two, I am sure.", at("10:00", 7))
        world.tick(at("09:00", 8))
        assert world.states()[1] is not RoundState.REVEALED
        said = words_of(recap(world))
        assert "Provisional: a round of it is still to be revealed." in said
        assert "2 questions, 2 answers from 2 members." in said
        for word in "Ahead", "Most missed", "Helped":
            assert word not in said
    with closing(of_points()) as world:
        through(world, 1, 8, ada="It covers two, I am sure.")
        assert "Provisional" not in words_of(recap(world))


def test_the_picture_shows_answers_by_day_and_its_alt_text_says_the_same() -> None:
    with closing(weekly()) as world:
        through(world, 1, 1, ada=FULL, bob=TRY)
        through(world, 2, 7, ada=FULL)
        world.says("late", FULL, at("10:00", 8), place=world.rounds()[0].thread)
        world.tick(at("09:00", 8))
        picture = recap(world).picture
        assert picture is not None
        [columns] = picture.charts
        assert isinstance(columns, Columns)
        assert columns.labels == ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
        assert columns.values == (2, 1, 1, 1, 1, 1, 1)
        days = ("Monday 2", "Tuesday 1", "Wednesday 1", "Thursday 1", "Friday 1", "Saturday 1", "Sunday 1")
        assert picture.alt == f"Answers, week of 23 November: {', '.join(days)}."


def test_it_tells_the_topics_of_the_new_week_and_never_a_prompt() -> None:
    topics = {slug: (f"topic of {slug}",) for slug in SLUGS}
    bank = [make_question(slug, topics=topics[slug], prompt=f"What is {slug}?") for slug in SLUGS]
    with closing(weekly(questions=bank, timetable=make_timetable(days=frozenset({0, 1, 2})))) as world:
        world.banks["nn"] = make_bank(bank)
        through(world, 1, 3, ada=FULL)
        through(world, 8, 10)
        said = words_of(recap(world))
        new = [round_.question for round_ in world.rounds()[3:6]]
        told = said[said.index("Coming this week: ") :].splitlines()[0]
        assert told == "Coming this week: " + ", ".join(f"topic of {question.slug}" for question in new)
        assert not any(question.prompt in said for question in new)


def test_at_the_end_of_a_cycle_the_topics_are_those_of_the_next_one() -> None:
    bank = [make_question(slug, topics=(f"topic of {slug}",)) for slug in SLUGS[:3]]
    with closing(weekly(questions=bank, timetable=make_timetable(days=frozenset({0, 1, 2})))) as world:
        through(world, 1, 8, ada=FULL)
        told = words_of(recap(world)).splitlines()[-1]
        assert sorted(told.removeprefix("Coming this week: ").split(", ")) == sorted(
            f"topic of {slug}" for slug in SLUGS[:3]
        )


@settings(max_examples=8, deadline=None)
@given(days=st.frozensets(st.integers(0, 6), min_size=1), ticks=st.lists(st.integers(1, 9), max_size=12))
def test_however_the_program_was_running_no_week_has_two_and_each_stands_before_what_was_asked_later(
    days: frozenset[int], ticks: list[int]
) -> None:
    with closing(weekly(timetable=make_timetable(days=days))) as world:
        day = 0
        for gap in ticks:
            day += gap
            world.tick(at("09:00", day))
        sent = recaps_sent(world)
        assert len(sent) == len(set(sent))
        for key in sent:
            monday = date.fromisocalendar(int(key[:4]), int(key[-2:]), 1)
            asked = [r for r in world.rounds() if r.state is not RoundState.SKIPPED]
            assert any(monday <= r.local_date < monday + timedelta(days=7) for r in asked)
            place = world.sent().index(f"{CHANNEL}/recap/{key}")
            for round_ in asked:
                before = world.sent().index(f"{round_.id}/question") < place
                assert before is (round_.local_date < monday + timedelta(days=7))


def test_a_week_whose_first_round_is_left_out_by_hand_still_begins_with_the_recap() -> None:
    with closing(World(recap=True)) as world:  # The first day is a Sunday.
        world.tick(at("09:00"))
        world.says("ada", FULL, at("10:00"))
        world.orders("skip", at("11:00"))
        world.days(1, 2)
        keys = [key for key in world.sent() if "/recap/" in key or key.endswith("/question")]
        assert keys[1:] == [f"{CHANNEL}/recap/2026-W47", f"{world.round().id}/question"]
