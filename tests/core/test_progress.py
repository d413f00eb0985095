"""What `me` shows: points, rank, topics, what to go over again, latest answers, and a picture that says the same."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import date
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import progress
from bot.core.card import Bars, Card, Columns, Jump, Line
from bot.core.model import UNGRADED, Grade, Round
from tests.core.worlds import EXTRA, FULL, ONE, PARTLY, SLUGS, TRY, TWO, World, at, make_bank, marked, words_of
from tests.factories import (
    CHANNEL,
    TODAY,
    make_entry,
    make_question,
    make_round,
)

BOTH: Final = "It covers one and covers two."
FIRST: Final = "It covers one, of the two."
NOTHING: Final = "An honest try with nothing in it."


def me(world: World, day: int, who: str = "ada") -> Card:
    return world.command(who, "me", at("12:00", day))


def of_topics(*topics: tuple[str, ...]) -> World:
    """A world whose questions have these topics, in this order."""
    bank = [
        make_question(slug, topics=each, prompt=f"What is {slug}?", key_points=(ONE, TWO, EXTRA))
        for slug, each in zip(SLUGS, topics, strict=False)
    ]
    return World(questions=bank, judge=marked)


def answered(world: World, **said: str) -> None:
    """A day for each question of the bank; Ada says of each what is given for it, all others nothing."""
    for day in range(len(world.banks["nn"].questions)):
        world.tick(at("09:00", day))
        text = said.get(world.round().question.slug)
        if text is not None:
            world.says("ada", text, at("10:00", day))
    world.tick(at("09:00", len(world.banks["nn"].questions)))


def graded(*scores: tuple[float, str]) -> list[tuple[Round, Grade]]:
    """Answers with these scores, each about this topic, latest first."""
    return [
        (make_round(question=make_question(topics=(topic,))), Grade(score=score, level=0, grader="stub 0"))
        for score, topic in scores
    ]


# --- topics -------------------------------------------------------------------------------------------------


def test_a_topic_needs_two_answers_to_be_strong_or_weak() -> None:
    with closing(of_topics(("cnn",), ("cnn",), ("rnn",), ("gan",), ("gan",))) as world:
        answered(world, dropout=BOTH, adam=BOTH, softmax=BOTH, pooling=NOTHING, momentum=FIRST)
        said = words_of(me(world, 5))
        assert "Strongest in: cnn (100% in 2 answers)" in said
        assert "Weakest in: gan (17% in 2 answers)" in said
        assert "rnn" not in said


def test_one_topic_is_never_strong_and_weak_and_what_is_as_good_as_the_best_is_not_weak() -> None:
    with closing(of_topics(("cnn", "rnn"), ("cnn", "rnn"), ("gan",))) as world:
        answered(world, dropout=BOTH, adam=BOTH, softmax=NOTHING)
        said = words_of(me(world, 3))
        assert "Strongest in: cnn (100% in 2 answers)" in said
        assert "Weakest in" not in said


def test_a_topic_that_has_been_answered_once_says_nothing() -> None:
    with closing(of_topics(("cnn",), ("rnn",))) as world:
        answered(world, dropout=BOTH, adam=NOTHING)
        said = words_of(me(world, 2))
        assert "Strongest in" not in said
        assert "Weakest in" not in said


def test_what_the_grader_could_not_read_makes_no_topic_weak() -> None:
    failed = [(round_, replace(grade, grader=UNGRADED)) for round_, grade in graded((0.0, "cnn"), (0.0, "cnn"))]
    assert progress.topics_of(failed, {}) == []
    assert progress.topics_of([*failed, *graded((1.0, "cnn"), (0.5, "cnn"))], {}) == [progress.Topic("cnn", 0.75, 2)]


def test_a_topic_is_called_by_its_title_where_the_bank_has_one() -> None:
    given = graded((1.0, "cnn"), (1.0, "cnn"), (0.5, "rnn"), (0.5, "rnn"))
    bank = replace(make_bank([make_question()]), topics={"cnn": "Convolution"})
    assert [topic.name for topic in progress.topics_of(given, {"nn": bank})] == ["Convolution", "rnn"]


def test_topics_are_called_as_their_bank_calls_them_in_words_and_picture() -> None:
    with closing(of_topics(("cnn",), ("cnn", "rnn"), ("rnn",))) as world:
        world.banks = {"nn": replace(world.banks["nn"], topics={"cnn": "Convolution and vision"})}
        answered(world, dropout=BOTH, adam=FIRST, softmax=FIRST)
        card = me(world, 3)
        assert "Strongest in: Convolution and vision (67% in 2 answers)" in words_of(card)
        assert "Weakest in: rnn" in words_of(card)
        assert card.picture is not None
        assert "Convolution and vision 67%" in card.picture.alt
        [bars, *_] = card.picture.charts
        assert isinstance(bars, Bars)
        assert [row.label for row in bars.rows] == ["Convolution and vision", "rnn"]


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.sampled_from("abcd")), max_size=12))
def test_topics_come_strongest_first_with_the_mean_of_their_answers(scores: list[tuple[float, str]]) -> None:
    topics = progress.topics_of(graded(*scores), {})
    for topic in topics:
        mine = [score for score, name in scores if name == topic.name]
        assert (topic.score, topic.answers) == (sum(mine) / len(mine), len(mine))
        assert topic.answers >= 2
    assert [topic.score for topic in topics] == sorted((topic.score for topic in topics), reverse=True)
    assert len(topics) == sum(sum(name == each for _, name in scores) >= 2 for each in "abcd")


def test_extra_rounds_and_rulings_count_in_me() -> None:
    with closing(of_topics(("cnn",), ("cnn",))) as world:
        world.command("ada", "ask", at("08:00"))
        world.tick(at("08:00"))
        world.says("ada", BOTH, at("08:10"))
        world.tick(at("09:00"))
        daily = world.round()
        world.says("ada", FIRST, at("10:00"))
        world.days(1, 2)
        assert "Strongest in: cnn (67% in 2 answers)" in words_of(me(world, 2))
        world.objects("ada", "1.0", at("10:00", 2), daily)
        world.rules("grant o1", at("11:00", 2))
        assert "Strongest in: cnn (100% in 2 answers)" in words_of(me(world, 2))


# --- what to go over again, and where ------------------------------------------------------------------------


def test_the_latest_answers_that_missed_an_essential_are_worth_going_over_again_with_a_way_to_each() -> None:
    with closing(of_topics(*[("cnn",)] * 6)) as world:
        answered(world, dropout=NOTHING, adam=FIRST, softmax=BOTH, pooling=FIRST, momentum=NOTHING)
        card = me(world, 6)
        lines = [block for block in card.body if isinstance(block, Line)]
        start = next(n for n, line in enumerate(lines) if words_of(Card(title="", body=(line,))).strip() == GO_OVER)
        missed = [line for line in lines[start + 1 :] if "You missed:" in words_of(Card(title="", body=(line,)))]
        asked = [round_ for round_ in world.rounds()[::-1] if world.answer("ada", round_) is not None]
        expected = [round_ for round_ in asked if round_.question.slug != "softmax"][:3]
        assert len(missed) == 3
        for line, round_ in zip(missed, expected, strict=True):
            assert round_.card is not None
            assert line.spans[-1] == Jump(CHANNEL, None, round_.card.message)
            first = "Second, the others" if round_.question.slug in ("adam", "pooling") else "First, units"
            assert f"{round_.question.prompt} You missed: {first}" in words_of(Card(title="", body=(line,)))


GO_OVER: Final = "Worth going over again"


def test_whoever_misses_nothing_has_nothing_to_go_over() -> None:
    with closing(of_topics(("cnn",))) as world:
        answered(world, dropout=BOTH)
        assert GO_OVER not in words_of(me(world, 1))


def test_the_latest_five_answers_are_listed_with_a_way_to_each() -> None:
    with closing(of_topics(*[("cnn",)] * 7)) as world:
        answered(world, **{slug: BOTH for slug in SLUGS[:7]})
        said = words_of(me(world, 7))
        listed = said[said.index("Your latest answers") :]
        rounds = [round_ for round_ in world.rounds() if world.answer("ada", round_) is not None][::-1]
        assert [listed.count(f"[of {round_.id}/question]") for round_ in rounds] == [1] * 5 + [0] * 2


def test_where_the_card_is_gone_there_is_no_way_to_it(world: World) -> None:
    world.tick(at("09:00"), deliver=False)
    world.fills_form("ada", TRY, at("10:00"))
    world.tick(at("09:00", 1), deliver=False)
    assert "2026-11-22  tried: What does dropout" in words_of(me(world, 1))


# --- points -------------------------------------------------------------------------------------------------


def test_every_row_of_the_ledger_is_told_with_its_reason_until_there_are_too_many(world: World) -> None:
    world.tick(at("09:00"))
    world.says("ada", PARTLY, at("10:00"))
    world.command("ada", "hint", at("10:01"))
    world.tick(at("09:00", 1))
    world.command("olga", "award @ada 2 well said", at("10:00", 1), organizer=True, place=world.rounds()[0].thread)
    said = words_of(me(world, 1))
    assert "2026-11-22  +1  some of it, 1 hint: What does dropout" in said
    assert "2026-11-22  +2  award: well said: What does dropout" in said
    assert "this month: 3 points from 1 round, rank 1" in said
    assert "all time: 3 points from 1 round, rank 1" in said


def test_who_has_none_is_told_how_points_come(world: World) -> None:
    card = me(world, 0)
    assert "No points yet. Answer a daily question" in words_of(card)
    assert card.picture is None


def test_me_tells_nothing_of_another_member_or_group(world: World) -> None:
    world.tick(at("09:00"))
    world.says("bob", f"{FULL}, says bob", at("10:00"))
    world.tick(at("09:00", 1))
    said = words_of(me(world, 1))
    assert "Bob" not in said
    assert "says bob" not in said
    assert "group streak" not in said


@pytest.mark.parametrize("wish", ["name", "someone", "out"])
def test_me_says_how_boards_show_one(world: World, wish: str) -> None:
    world.command("ada", f"me shown={wish}", at("08:00"))
    shown = {"name": "by name", "someone": "as “someone”", "out": "not at all"}[wish]
    assert f"Boards show you {shown}; /nnquestion me hide changes that." in words_of(me(world, 0))


# --- the picture --------------------------------------------------------------------------------------------


def test_points_by_week_are_those_of_eight_weeks_the_present_one_included() -> None:
    on = date(2026, 11, 25)  # A Wednesday.
    days = [on, date(2026, 11, 23), date(2026, 11, 22), date(2026, 10, 5), date(2026, 10, 4)]
    entries = [make_entry(id=str(n), local_date=day, points=2**n) for n, day in enumerate(days)]
    weeks = progress.points_by_week(entries, on)
    assert weeks[0] == (date(2026, 10, 5), 8)
    assert weeks[-2:] == [(date(2026, 11, 16), 4), (date(2026, 11, 23), 3)]
    assert len(weeks) == 8
    assert sum(points for _, points in weeks) == 15


def test_the_picture_shows_topics_and_points_by_week_and_its_alt_text_says_the_same() -> None:
    with closing(of_topics(("cnn",), ("cnn",), ("gan",), ("gan",))) as world:
        answered(world, dropout=BOTH, adam=BOTH, softmax=NOTHING, pooling=FIRST)
        card = me(world, 4)
        picture = card.picture
        assert picture is not None
        bars, columns = picture.charts
        assert isinstance(bars, Bars)
        assert isinstance(columns, Columns)
        assert [(bar.label, bar.text, round(bar.value, 2)) for bar in bars.rows] == [
            ("cnn", "100%", 1.0),
            ("gan", "17%", 0.17),
        ]
        assert bars.most == 1.0
        assert columns.labels[-2:] == ("16 Nov", "23 Nov")
        assert sum(columns.values) == world.points("ada")
        assert "Topics: cnn 100%, gan 17%." in picture.alt
        assert picture.alt.endswith(
            ", ".join(f"{label} {value:.0f}" for label, value in zip(columns.labels, columns.values, strict=True)) + "."
        )


def test_of_many_topics_the_strongest_and_the_weakest_are_drawn() -> None:
    names = [f"t{number:02}" for number in range(12)]
    topics = [progress.Topic(name, 1 - number / 12, 2) for number, name in enumerate(names)]
    picture = progress._picture("Ada", topics, [(TODAY, 0)])
    assert picture is not None
    [bars] = picture.charts
    assert isinstance(bars, Bars)
    assert [bar.label for bar in bars.rows] == names[:4] + names[-4:]


def test_looking_at_oneself_changes_nothing(world: World) -> None:
    world.tick(at("09:00"))
    world.says("ada", FULL, at("10:00"))
    world.tick(at("09:00", 1))
    before = world.contents()
    for line in "me", "me why", "me hide", "me away", "me remind", "leaderboard", "leaderboard past":
        world.command("ada", line, at("12:00", 1))
    assert world.contents() == before
