"""What answers tell about the questions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from bot.core import items
from bot.core.card import Press
from bot.core.grading import grade_answer
from bot.core.items import ENOUGH, Item
from bot.core.model import MemberId, Question, QuestionId
from tests.core import worlds
from tests.core.worlds import World, at, make_bank
from tests.factories import make_question

RIGHT = "It drops units, that is, sets units to zero at random while it trains."
HALF = "I think that it has to do with units somehow."
WRONG = "It is a way to make the optimizer faster by larger steps."
SLUGS = ("adam", "dropout", "relu")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    question = make_question()
    monkeypatch.setattr(worlds, "verdict", lambda text: grade_answer(question, text))
    made = World(questions=[replace(question, id=QuestionId(f"nn:{slug}")) for slug in SLUGS])
    yield made
    made.close()


def answered(world: World, day: int, **answers: str) -> None:
    """A daily round with these answers, revealed the next day."""
    world.tick(at("09:00", day))
    for who, text in answers.items():
        world.says(who, text, at("10:00", day))
    world.tick(at("09:00", day + 1))


def found(world: World) -> list[Item]:
    return items.items(world.tx, [r for r in world.rounds() if r.revealed_at is not None])


def test_each_question_is_counted_by_those_who_answered_it_in_time(world: World) -> None:
    answered(world, 0, ada=RIGHT, bob=WRONG)
    world.says("carol", RIGHT, at("09:30", 1), place=world.rounds()[0].thread)
    world.tick(at("09:31", 1))
    [item] = found(world)
    assert (item.rounds, item.answers, item.full, item.with_hint) == (1, 2, 1, 0)


def test_a_round_that_is_not_revealed_is_not_asked_for(world: World) -> None:
    world.tick(at("09:00"))
    world.says("ada", RIGHT, at("10:00"))
    assert found(world) == []


def test_what_a_ruling_granted_counts(world: World) -> None:
    answered(world, 0, ada=HALF, bob=WRONG)
    first = world.rounds()[0]
    world.presses("ada", Press.OBJECT, f"0.0 {first.id}", at("10:00", 1))
    assert found(world)[0].full == 0
    world.presses("olga", Press.RULE, f"grant o1 {first.channel}", at("10:01", 1), organizer=True)
    [item] = found(world)
    assert item.full == 1
    assert items.as_table([item])[1][6] == "1 (1 granted)"


def test_hints_are_counted_once_an_answer(world: World) -> None:
    world.tick(at("09:00"))
    for minute in (1, 2):
        world.command("ada", "hint", at(f"09:0{minute}"))
    world.says("ada", RIGHT, at("10:00"))
    world.tick(at("09:00", 1))
    assert found(world)[0].with_hint == 1


@pytest.mark.parametrize(("text", "says"), [(WRONG, "nobody gets it right"), (RIGHT, "everybody gets it right")])
def test_a_question_that_nobody_or_everybody_gets_right_is_named(world: World, text: str, says: str) -> None:
    answered(world, 0, **{f"m{number}": f"{text} {number}" for number in range(ENOUGH)})
    assert found(world)[0].verdict == says
    assert items.as_table(found(world))[1][-1] == says


def test_too_few_answers_say_nothing(world: World) -> None:
    answered(world, 0, ada=WRONG, bob=f"{WRONG} Really.")
    assert found(world)[0].verdict == ""


def item(slug: str, **scores: float) -> Item:
    question: Question = make_question(slug)
    return Item(question, scores=[(MemberId(who), score) for who, score in scores.items()])


def test_a_question_discriminates_by_how_its_scores_go_with_those_elsewhere() -> None:
    other = item("other", a=0.0, b=0.2, c=0.5, d=0.8, e=1.0)
    good, bad = item("good", a=0.1, b=0.2, c=0.4, d=0.9, e=1.0), item("bad", a=1.0, b=0.8, c=0.5, d=0.2, e=0.0)
    assert (items._discrimination(good, [good, other]) or 0) > 0.9
    assert (items._discrimination(bad, [bad, other]) or 0) < -0.9


def test_where_all_score_the_same_or_few_have_answered_elsewhere_nothing_can_be_said() -> None:
    other = item("other", a=0.0, b=0.2, c=0.5, d=0.8, e=1.0)
    same, few = item("same", a=1, b=1, c=1, d=1, e=1), item("few", a=0, b=1, x=1, y=0, z=1)
    assert items._discrimination(same, [same, other]) is None
    assert items._discrimination(few, [few, other]) is None


# --- suggestions ----------------------------------------------------------------------------------------------


def objects(world: World, who: str, ruling: str | None) -> None:
    """A member holds that their first sentence says the first key point; it is granted, declined or not ruled on."""
    first = world.rounds()[0]
    world.presses(who, Press.OBJECT, f"0.0 {first.id}", at("10:00", 1))
    number = world.tx.objections.of_answer(first.id, worlds.member(who))[0].number
    if ruling is not None:
        world.presses("olga", Press.RULE, f"{ruling} o{number} {first.channel}", at("10:01", 1), organizer=True)


def test_a_phrasing_is_listed_once_with_how_often_it_ended_how(world: World) -> None:
    said = "Some of it is switched off while it learns."
    answered(world, 0, ada=said, bob=said.upper(), carol="Parts of it go missing for a while.")
    objects(world, "ada", "grant")
    objects(world, "bob", None)
    objects(world, "carol", "decline")
    world.tick(at("10:00", 5))
    one, *none = items.suggestions(world.tx, world.tx.objections.ended(), world.banks)
    assert none == []
    assert (one.key_point, one.phrasing, one.granted, one.unruled, one.known) == ("random", said, 1, 1, False)
    points = {(one.question, "random"): "Units are set to zero at random"}
    assert list(items.in_lines([one], points)) == [
        f"{one.question}, key point “random”: Units are set to zero at random",
        f"  2 times (1 granted, 1 not ruled on): “{said}”",
    ]


def test_a_phrasing_that_the_bank_has_by_now_says_so(world: World) -> None:
    answered(world, 0, ada="Some of it is switched off while it learns.")
    objects(world, "ada", "grant")
    asked = world.rounds()[0].question
    point = replace(asked.key_points[0], any_of=("some of it is switched off while it learns",))
    banks = {"nn": make_bank([replace(asked, key_points=(point, *asked.key_points[1:]))])}
    [one] = items.suggestions(world.tx, world.tx.objections.ended(), banks)
    assert one.known


def test_words_that_their_author_removed_are_no_suggestion(world: World) -> None:
    world.tick(at("09:00"))
    world.says("ada", "Some of it is switched off while it learns.", at("10:00"), message="mine")
    world.tick(at("09:00", 1))
    objects(world, "ada", "grant")
    world.deletes("mine", at("11:00", 1))
    assert items.suggestions(world.tx, world.tx.objections.ended(), world.banks) == []
