"""What organizers decide about answers: never on their own, once each, undoable, and what becomes of what waits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core import reviewing
from bot.core.card import Card, Press
from bot.core.model import (
    Action,
    ChannelId,
    DrillState,
    Naming,
    Objection,
    ObjectionState,
    Round,
    RoundState,
    Ruling,
    RulingKind,
)
from bot.core.setting_up import Refused
from tests.core.worlds import (
    BY_HEART,
    LISTED,
    TRY,
    TWO,
    World,
    at,
    marked,
    member,
    of_key_points,
    revealed,
    words_of,
)
from tests.factories import CHANNEL, GROUP, RANDOM, TODAY, keep, make_member, make_question

ANSWER = "It covers one. It touches two. And that is all."
ELSEWHERE = ChannelId("terminal:elsewhere/general")
HOURS_72 = timedelta(hours=72)


@pytest.fixture
def world() -> Iterator[World]:
    """Ada covers one and has two in part, and objects to that (o1) and to the third (o2) at ten on the next day."""
    with closing(revealed(("ada", ANSWER))) as world:
        world.objects("ada", "1.1", at("10:00", 1))
        world.objects("ada", "2.2", at("10:00", 1))
        yield world


@pytest.fixture
def lowered() -> Iterator[World]:
    """Ada has recited, Bob has listed, and Cem has answered plainly."""
    answers = {"ada": f"It covers one. It covers two, {BY_HEART}.", "bob": f"It covers one, {LISTED}.", "cem": ANSWER}
    with closing(revealed(*answers.items())) as world:
        yield world


def objection(world: World, number: int = 1) -> Objection:
    found = world.tx.objections.get(number)
    assert found is not None
    return found


def ruling(world: World, number: int = 1) -> Ruling:
    found = world.tx.rulings.get(number)
    assert found is not None
    return found


def first(world: World) -> Round:
    return world.rounds()[0]


def review(world: World, who: str = "olga", day: int = 1, channel: ChannelId = CHANNEL) -> Card:
    return world.presses(who, Press.REVIEW, f"list {channel}", at("11:00", day), organizer=True, channel=channel)


def offered(card: Card, press: Press = Press.REVIEW) -> list[str]:
    """What the buttons of this kind carry, without the channel."""
    return [button.about.rpartition(" ")[0] for button in card.buttons if button.press is press]


def flagged(world: World, who: str) -> str:
    """What names a member's lowered answer in a ruling."""
    [number] = [
        n for n, answer in world.tx.answers.flagged(CHANNEL, TODAY - timedelta(days=60)) if answer.member == member(who)
    ]
    return f"f{number}"


# --- what waits ---------------------------------------------------------------------------------------------


def test_objections_and_lowered_answers_are_listed_with_a_button_each(lowered: World) -> None:
    lowered.objects("cem", "1.1", at("10:00", 1))
    card = review(lowered)
    assert offered(card) == ["o1", flagged(lowered, "ada"), flagged(lowered, "bob")]
    says = words_of(card)
    assert f"objection, 71 hours left: {TWO.text}" in says
    assert "lowered: quotes the reference answer" in says
    assert "lowered: a list of keywords" in says


def test_where_nothing_waits_that_is_said() -> None:
    with closing(revealed(("ada", "It covers one and covers two."))) as world:
        card = review(world)
        assert "Nothing waits for you." in words_of(card)
        assert card.buttons == ()


def test_ones_own_are_counted_and_not_shown(lowered: World) -> None:
    lowered.objects("ada", "all.0", at("10:00", 1))
    card = review(lowered, "ada")
    assert offered(card) == [flagged(lowered, "bob")]
    assert "1 thing of your own: another organizer has to look at that." in words_of(card)
    card = review(lowered, "bob")
    assert offered(card) == ["o1"]
    assert "1 thing of your own" in words_of(card)


def test_what_waits_in_one_channel_is_not_listed_in_another_nor_in_another_group(world: World) -> None:
    for channel in (RANDOM, ELSEWHERE):
        world.set_up(channel)
        assert offered(review(world, channel=channel)) == []


def test_lowered_answers_are_listed_after_the_reveal_and_for_thirty_days() -> None:
    with closing(of_key_points()) as world:
        world.tick(at("09:00"))
        world.says("ada", f"It covers one, {LISTED}.", at("10:00"))
        world.tick(at("10:01"))
        assert offered(review(world, day=0)) == []
        world.tick(at("09:00", 1))
        assert [len(offered(review(world, day=day))) for day in (1, 30, 31)] == [1, 1, 0]


def test_a_lowered_answer_without_text_is_not_listed(lowered: World) -> None:
    lowered.deletes("of ada", at("10:00", 1))
    lowered.deletes("of bob", at("10:00", 1))
    assert offered(review(lowered)) == []


def test_a_lowered_answer_whose_author_objects_is_listed_once(lowered: World) -> None:
    lowered.objects("bob", "all.0", at("10:00", 1))
    assert offered(review(lowered)) == ["o1", flagged(lowered, "ada")]


def test_ten_are_listed_at_a_time_and_the_rest_is_counted() -> None:
    with closing(revealed(*((f"m{n:02}", f"It covers one, {LISTED}.") for n in range(13)))) as world:
        card = review(world)
        assert len(offered(card)) == 10
        assert "and 3 more" in words_of(card)


def test_a_sleeping_drill_is_listed_with_a_button_to_resume_it(world: World) -> None:
    keep(world.tx, replace(world.drill(), state=DrillState.ASLEEP, next=None))
    card = review(world)
    assert "The drill sleeps" in words_of(card)
    assert [button.about for button in card.buttons if button.press is Press.RESUME] == [CHANNEL]


def test_the_latest_rulings_are_listed_with_who_made_them_and_a_button_to_undo_each(world: World) -> None:
    keep(world.tx, make_member(member("olga"), name="Olga O."))
    world.rules("grant o1", at("11:00", 1))
    world.rules("decline o2", at("11:01", 1))
    card = review(world)
    assert offered(card, Press.RULE) == ["undo r2", "undo r1"]
    says = words_of(card)
    assert f"1. granted, by Olga O.: {TWO.text}" in says
    assert "2. declined, by Olga O." in says
    assert offered(review(world, "ada"), Press.RULE) == []
    world.rules("undo r2", at("11:02", 1))
    assert offered(review(world), Press.RULE) == ["undo r1"]


def test_only_organizers_look_and_rule(world: World) -> None:
    before = world.contents()
    for press, about in (
        (Press.REVIEW, "list"),
        (Press.REVIEW, "o1"),
        (Press.RULE, "grant o1"),
        (Press.RULE, "undo r1"),
    ):
        with pytest.raises(Refused, match="for organizers"):
            world.presses("bob", press, f"{about} {CHANNEL}", at("11:00", 1))
    with pytest.raises(Refused, match="for organizers"):
        world.command("bob", "review", at("11:00", 1))
    assert world.contents() == before


# --- one thing to decide on ---------------------------------------------------------------------------------


def look(world: World, what: str, who: str = "olga", channel: ChannelId = CHANNEL) -> Card:
    return world.presses(who, Press.REVIEW, f"{what} {channel}", at("11:00", 1), organizer=True, channel=channel)


def test_an_objection_is_shown_with_its_sentence_the_whole_answer_and_what_the_grader_found(world: World) -> None:
    card = look(world, "o1")
    says = words_of(card)
    assert TWO.text in says
    assert "The sentence that is to say it: “It touches two.”" in says
    assert f"The whole answer: {ANSWER}" in says
    assert "The grader found it in part." in says
    assert offered(card, Press.RULE) == ["grant o1", "decline o1"]
    assert "The grader did not find it." in words_of(look(world, "o2"))
    assert "“many networks at once”" in words_of(look(world, "o2"))


def test_a_lowered_answer_is_shown_with_the_reason_and_the_reference_answer(lowered: World) -> None:
    what = flagged(lowered, "bob")
    card = look(lowered, what)
    says = words_of(card)
    assert "a list of keywords" in says
    assert make_question().answer in says
    assert offered(card, Press.RULE) == [f"2 {what}", f"1 {what}", f"0 {what}"]


def test_an_objection_to_being_lowered_is_decided_by_level(lowered: World) -> None:
    lowered.objects("ada", "all.1", at("10:00", 1))
    card = look(lowered, "o1")
    assert f"“It covers two, {BY_HEART}.”" in words_of(card)
    assert offered(card, Press.RULE) == ["2 o1", "1 o1", "0 o1"]


def test_an_answer_whose_author_has_removed_the_text_is_shown_as_such(world: World) -> None:
    world.deletes("of ada", at("10:30", 1))
    says = words_of(look(world, "o1"))
    assert "Its author has removed the text." in says
    assert "It touches two." not in says


def test_looking_changes_nothing(world: World, lowered: World) -> None:
    for here, what in ((world, "o1"), (lowered, flagged(lowered, "ada"))):
        before = here.contents()
        look(here, what)
        review(here)
        assert here.contents() == before


# --- granting and declining ---------------------------------------------------------------------------------


def test_a_grant_raises_the_points_by_a_row_more(world: World) -> None:
    before = world.entries("ada")
    says = words_of(world.rules("grant o1", at("11:00", 1)))
    assert "Granted. The key point counts." in says
    rows = world.entries("ada")
    assert rows[: len(before)] == before
    assert [row.points for row in rows] == [2, 1]
    assert objection(world).state is ObjectionState.GRANTED
    made = ruling(world)
    assert (made.kind, made.key_point, made.words, made.by, made.objection, made.at, made.verdict) == (
        RulingKind.POINT,
        "two",
        "It touches two.",
        member("olga"),
        1,
        at("11:00", 1),
        ObjectionState.GRANTED,
    )


def test_a_grant_of_what_a_senior_would_add_changes_no_points(world: World) -> None:
    world.rules("grant o2", at("11:00", 1))
    assert [row.points for row in world.entries("ada")] == [2]


def test_the_result_says_what_was_granted(world: World) -> None:
    world.rules("grant o1", at("11:00", 1))
    says = words_of(world.asks_result("ada", first(world)))
    assert f"granted: {TWO.text} (“It touches two.”)" in says
    assert "You have all the essentials." in says


def test_declining_changes_neither_grade_nor_points(world: World) -> None:
    before = words_of(world.asks_result("ada", first(world))), world.entries("ada")
    assert "stays as it was" in words_of(world.rules("decline o1", at("11:00", 1)))
    assert (words_of(world.asks_result("ada", first(world))), world.entries("ada")) == before
    assert objection(world).state is ObjectionState.DECLINED


def test_nobody_rules_on_their_own_objection_nor_undoes_what_is_about_their_own_answer(world: World) -> None:
    with pytest.raises(Refused, match="your own objection"):
        look(world, "o1", "ada")
    for verdict in ("grant", "decline"):
        with pytest.raises(Refused, match="your own objection"):
            world.rules(f"{verdict} o1", at("11:00", 1), by="ada")
    assert objection(world).state is ObjectionState.OPEN
    world.rules("decline o1", at("11:00", 1))
    with pytest.raises(Refused, match="about your own answer"):
        world.rules("undo r1", at("11:01", 1), by="ada")
    assert ruling(world).stands


def test_what_belongs_to_another_channel_or_group_is_refused(world: World, lowered: World) -> None:
    lowered.rules(f"1 {flagged(lowered, 'ada')}", at("10:30", 1))
    for channel in (RANDOM, ELSEWHERE):
        for here, what in (
            (world, "grant o1"),
            (world, "decline o1"),
            (lowered, f"2 {flagged(lowered, 'bob')}"),
            (lowered, "undo r1"),
        ):
            here.set_up(channel)
            before = here.contents()
            with pytest.raises(Refused, match=r"no such objection here|is gone|never decided here"):
                here.rules(what, at("11:00", 1), channel=channel)
            with pytest.raises(Refused, match="another group"):
                here.presses("olga", Press.RULE, f"{what} {ELSEWHERE}", at("11:00", 1), organizer=True)
            assert here.contents() == before


@pytest.mark.parametrize("verdict", ["grant", "decline"])
def test_whoever_rules_second_is_told_that_somebody_was_faster(world: World, verdict: str) -> None:
    world.rules("grant o1", at("11:00", 1))
    before = world.contents()
    for again in (f"{verdict} o1", "decline o1"):
        with pytest.raises(Refused, match="Somebody was faster: this objection is granted"):
            world.rules(again, at("11:01", 1), by="otto")
    with pytest.raises(Refused, match="Somebody was faster"):
        look(world, "o1")
    assert world.contents() == before


def test_an_objection_to_a_key_point_takes_no_level_and_one_to_the_whole_no_grant(lowered: World) -> None:
    lowered.objects("cem", "1.1", at("10:00", 1))
    lowered.objects("ada", "all.1", at("10:00", 1))
    for what in ("2 o1", "grant o2", "decline o2", "3 o2", "-1 o2", f"grant {flagged(lowered, 'bob')}"):
        with pytest.raises(Refused, match="no longer does anything"):
            lowered.rules(what, at("11:00", 1))
    assert lowered.tx.rulings.of_channel(CHANNEL, 10) == []


# --- levels -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("level", "points"), [(2, 3), (1, 2), (0, 1)])
def test_a_lowered_answer_is_paid_by_the_level_that_was_ruled(lowered: World, level: int, points: int) -> None:
    assert lowered.points("ada") == 1
    lowered.rules(f"{level} {flagged(lowered, 'ada')}", at("11:00", 1))
    assert lowered.points("ada") == points
    assert ruling(lowered).verdict is (ObjectionState.GRANTED if level else ObjectionState.DECLINED)
    says = words_of(lowered.asks_result("ada", first(lowered)))
    assert "An organizer has looked at it" in says
    assert "stands word for word" not in says


def test_a_lowered_answer_that_is_decided_on_waits_no_more_and_is_not_decided_twice(lowered: World) -> None:
    what = flagged(lowered, "ada")
    lowered.rules(f"2 {what}", at("11:00", 1))
    assert offered(review(lowered)) == [flagged(lowered, "bob")]
    with pytest.raises(Refused, match="Somebody was faster: this answer is decided on"):
        lowered.rules(f"0 {what}", at("11:01", 1), by="otto")
    assert lowered.points("ada") == 3


def test_a_level_that_was_ruled_ends_what_its_author_has_objected(lowered: World) -> None:
    what = flagged(lowered, "ada")
    lowered.objects("ada", "all.1", at("10:00", 1))
    lowered.rules("1 o1", at("11:00", 1))
    assert objection(lowered).state is ObjectionState.GRANTED
    assert lowered.points("ada") == 2
    with pytest.raises(Refused, match="Somebody was faster"):
        lowered.rules(f"2 {what}", at("11:01", 1))
    lowered.rules("undo r1", at("11:02", 1))
    assert objection(lowered).state is ObjectionState.OPEN
    with pytest.raises(Refused, match="Somebody was faster"):
        lowered.rules(f"2 {what}", at("11:03", 1))  # It has an objection, which is ruled on.
    lowered.rules("2 o1", at("11:04", 1))
    assert lowered.points("ada") == 3


def test_nobody_rules_on_their_own_lowered_answer(lowered: World) -> None:
    for verdict in "012":
        with pytest.raises(Refused, match="your own answer"):
            lowered.rules(f"{verdict} {flagged(lowered, 'ada')}", at("11:00", 1), by="ada")
    assert lowered.points("ada") == 1


def test_an_answer_that_was_not_lowered_gets_no_level_however_the_button_was_made(lowered: World) -> None:
    numbers = {answer.member: n for n in range(1, 9) if (answer := lowered.tx.answers.by_grade(n)) is not None}
    with pytest.raises(Refused, match="was not lowered"):
        lowered.rules(f"2 f{numbers[member('cem')]}", at("11:00", 1))
    assert lowered.points("cem") == 2


def test_a_lowered_answer_that_was_graded_again_has_to_be_looked_at_anew(lowered: World) -> None:
    what = flagged(lowered, "bob")
    given_ = lowered.answer("bob", first(lowered))
    assert given_ is not None
    lowered.regrade("bob", first(lowered), marked(first(lowered).question, given_.text), at("10:30", 1))
    with pytest.raises(Refused, match="graded again"):
        lowered.rules(f"2 {what}", at("11:00", 1))
    lowered.rules(f"2 {flagged(lowered, 'bob')}", at("11:01", 1))
    assert lowered.points("bob") == 3


def test_a_lowered_answer_is_not_decided_on_before_the_reveal() -> None:
    with closing(of_key_points()) as world:
        world.tick(at("09:00"))
        world.says("ada", f"It covers one, {LISTED}.", at("10:00"))
        world.tick(at("10:01"))
        with pytest.raises(Refused, match="is gone"):
            world.rules("2 f1", at("11:00"))
        with pytest.raises(Refused, match="is gone"):
            world.presses("olga", Press.REVIEW, f"f1 {CHANNEL}", at("11:00"), organizer=True)


# --- undoing ------------------------------------------------------------------------------------------------


def test_undoing_restores_grade_and_points_and_opens_the_objection_with_a_new_clock(world: World) -> None:
    before = words_of(world.asks_result("ada", first(world)))
    world.rules("grant o1", at("11:00", 1))
    rows = world.entries("ada")
    assert "Undone. It waits to be decided again." in words_of(world.rules("undo r1", at("12:00", 2), by="otto"))
    assert words_of(world.asks_result("ada", first(world))) == before
    assert world.entries("ada")[: len(rows)] == rows
    assert [row.points for row in world.entries("ada")] == [2, 1, -1]
    assert objection(world) == replace(objection(world), state=ObjectionState.OPEN, since=at("12:00", 2))
    undone = ruling(world)
    assert (undone.undone_by, undone.undone_at, undone.stands) == (member("otto"), at("12:00", 2), False)
    world.tick(at("11:59", 5))
    assert objection(world).state is ObjectionState.OPEN
    world.rules("grant o1", at("11:59", 5))
    assert world.points("ada") == 3


def test_undoing_twice_is_refused_kindly(world: World) -> None:
    world.rules("grant o1", at("11:00", 1))
    world.rules("undo r1", at("12:00", 1))
    before = world.contents()
    with pytest.raises(Refused, match="undone already"):
        world.rules("undo r1", at("12:01", 1))
    assert world.contents() == before


def test_undoing_a_level_lets_the_lowered_answer_wait_again(lowered: World) -> None:
    lowered.rules(f"2 {flagged(lowered, 'ada')}", at("11:00", 1))
    lowered.rules("undo r1", at("11:01", 1))
    assert lowered.points("ada") == 1
    assert offered(review(lowered)) == [flagged(lowered, "ada"), flagged(lowered, "bob")]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from(["grant o1", "decline o1", "undo r"]), min_size=1, max_size=12))
def test_grants_and_undos_in_any_number_end_where_the_last_one_stands(steps: list[str]) -> None:
    with closing(revealed(("ada", ANSWER))) as world:
        world.objects("ada", "1.1", at("10:00", 1))
        for minute, step in enumerate(steps):
            made = world.tx.rulings.of_channel(CHANNEL, 20)
            stands = [one for one in made if one.stands]
            rows = world.entries("ada")
            if (step == "undo r") is bool(stands):
                number = stands[0].number if stands else ""
                world.rules(f"{step}{number}" if stands else step, at(f"11:{minute:02}", 1))
            granted = [one for one in world.tx.rulings.of_channel(CHANNEL, 20) if one.stands]
            assert world.entries("ada")[: len(rows)] == rows
            assert world.points("ada") == (3 if granted and granted[0].verdict is ObjectionState.GRANTED else 2)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["object", "undo"] * 3 + ["grant", "decline", "level", "wait"]),
            st.integers(0, 3),
        ),
        min_size=6,
        max_size=10,
    )
)
def test_never_more_than_two_are_open_whatever_is_filed_ruled_and_undone(steps: list[tuple[str, int]]) -> None:
    with closing(revealed(("ada", f"It touches two, {LISTED}."))) as world:
        now = at("10:00", 1)
        for number, what in enumerate(("all", "1"), start=1):  # From here three steps may be one too many.
            world.objects("ada", f"{what}.0", now)
            world.rules(f"{'2' if what == 'all' else 'grant'} o{number}", now)
        for step, number in steps:
            now += HOURS_72 if step == "wait" else timedelta(minutes=1)
            made = [one.number for one in world.tx.rulings.of_channel(CHANNEL, 20) if one.stands]
            with suppress(Refused):
                match step:
                    case "object":
                        filed = len(world.tx.objections.of_answer(first(world).id, member("ada")))
                        world.objects("ada", f"{('all', '1', '0', '2', '2')[filed]}.0", now)
                    case "wait":
                        world.tick(now)
                    case "undo" if made:
                        world.rules(f"undo r{made[number % len(made)]}", now)
                    case "level":
                        world.rules(f"{number % 3} {flagged(world, 'ada')}", now)
                    case "grant" | "decline" if open_ := world.tx.objections.open_of(GROUP, member("ada")):
                        world.rules(f"{step} o{open_[number % len(open_)].number}", now)
            assert len(world.tx.objections.open_of(GROUP, member("ada"))) <= 2


# --- a re-grade ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["It covers one.", "Nothing of it.", "It covers one. It covers two."])
def test_a_regrade_never_undoes_a_ruling(world: World, text: str) -> None:
    world.rules("grant o1", at("11:00", 1))
    world.regrade("ada", first(world), marked(first(world).question, text), at("12:00", 1))
    assert f"granted: {TWO.text}" in words_of(world.asks_result("ada", first(world)))
    assert world.points("ada") == (3 if "covers one" in text else 2)
    world.rules("undo r1", at("13:00", 1))
    assert world.points("ada") == {"It covers one.": 2, "Nothing of it.": 1}.get(text, 3)


def test_a_regrade_never_undoes_a_level(lowered: World) -> None:
    lowered.rules(f"2 {flagged(lowered, 'ada')}", at("11:00", 1))
    for text in ("Nothing of it.", f"It covers one, {LISTED}."):
        lowered.regrade("ada", first(lowered), marked(first(lowered).question, text), at("12:00", 1))
        assert lowered.points("ada") == 3


# --- nobody in time -----------------------------------------------------------------------------------------


def test_after_72_hours_an_objection_is_granted_where_the_point_was_there_in_part_else_it_lapses(world: World) -> None:
    filed = at("10:00", 1)
    world.tick(filed + HOURS_72 - timedelta(microseconds=1), deliver=False)
    assert [objection(world, n).state for n in (1, 2)] == [ObjectionState.OPEN] * 2
    assert world.points("ada") == 2
    world.tick(filed + HOURS_72, deliver=False)
    assert [objection(world, n).state for n in (1, 2)] == [ObjectionState.GRANTED, ObjectionState.LAPSED]
    assert world.points("ada") == 3
    assert [(ruling(world, n).by, ruling(world, n).verdict) for n in (1, 2)] == [
        (None, ObjectionState.GRANTED),
        (None, ObjectionState.LAPSED),
    ]


def test_that_happens_exactly_once(world: World) -> None:
    for hours in (72, 72, 73, 200):
        world.tick(at("10:00", 1) + timedelta(hours=hours), deliver=False)
        reviewing.end_unruled(world.tx, 1, at("10:00", 1) + timedelta(hours=hours))
    assert len(world.tx.rulings.of_channel(CHANNEL, 10)) == 2
    assert [row.points for row in world.entries("ada")] == [2, 1]


def test_what_was_ruled_in_time_does_not_end_by_itself(world: World) -> None:
    world.rules("decline o1", at("11:00", 1))
    world.tick(at("10:00", 4), deliver=False)
    assert objection(world).state is ObjectionState.DECLINED
    assert world.points("ada") == 2


def test_an_organizer_may_undo_what_ended_by_itself_and_decide_it(world: World) -> None:
    world.tick(at("10:00", 4), deliver=False)
    assert "granted, by nobody in time" in words_of(review(world, day=4))
    world.rules("undo r1", at("11:00", 4))
    assert world.points("ada") == 2
    world.rules("decline o1", at("11:01", 4))
    world.tick(at("11:01", 8), deliver=False)
    assert world.points("ada") == 2
    world.rules("undo r2", at("11:02", 8))
    world.rules("grant o2", at("11:03", 8))
    assert objection(world, 2).state is ObjectionState.GRANTED


def test_an_undo_that_would_give_its_author_a_third_open_objection_is_refused(world: World) -> None:
    world.rules("decline o1", at("11:00", 1))
    first = objection(world)
    for number in (7, 8):
        point = replace(first, number=0, key_point=f"p{number}", state=ObjectionState.OPEN)
        assert world.tx.objections.add(point) is not None
    before = world.contents()
    with pytest.raises(Refused, match="has 2 open already, which is the most"):
        world.rules("undo r1", at("11:01", 1))
    assert world.contents() == before


def test_an_objection_to_being_lowered_lapses_and_can_still_be_ruled_on(lowered: World) -> None:
    lowered.objects("ada", "all.1", at("10:00", 1))
    lowered.tick(at("10:00", 4), deliver=False)
    assert objection(lowered).state is ObjectionState.LAPSED
    assert lowered.points("ada") == 1
    assert flagged(lowered, "ada") in offered(review(lowered, day=4))
    lowered.rules(f"2 {flagged(lowered, 'ada')}", at("11:00", 4))
    assert lowered.points("ada") == 3


def test_an_objection_nobody_knows_does_not_end(world: World) -> None:
    before = world.contents()
    reviewing.end_unruled(world.tx, 99, at("10:00", 9))
    assert world.contents() == before


# --- awards -------------------------------------------------------------------------------------------------


def award(world: World, text: str, when: str = "11:00", *, thread: bool = True, by: str = "olga") -> Card:
    return world.command(by, f"award {text}", at(when), organizer=True, thread=thread)


@pytest.fixture
def open_() -> Iterator[World]:
    """Ada has answered in the thread, and Bob by form; the round is open."""
    with closing(of_key_points()) as world:
        world.tick(at("09:00", 0))
        world.says("ada", ANSWER, at("10:00"))
        world.fills_form("bob", ANSWER, at("10:00"))
        yield world


def test_an_award_is_a_row_in_the_ledger_that_names_its_ruling(open_: World) -> None:
    assert "2 points, and the thread is told" in words_of(award(open_, "@ada 2 the clearest explanation"))
    [row] = open_.entries("ada")
    assert (row.points, row.ruling, row.round, row.local_date) == (2, 1, open_.round().id, TODAY)
    made = ruling(open_)
    assert (made.kind, made.points, made.reason, made.by, made.member) == (
        RulingKind.AWARD,
        2,
        "the clearest explanation",
        member("olga"),
        member("ada"),
    )


def test_the_settling_of_the_round_leaves_awards_alone(open_: World) -> None:
    award(open_, "@ada 2 well said")
    open_.tick(at("09:00", 1))
    assert [row.points for row in open_.entries("ada")] == [2, 2]
    open_.regrade("ada", first(open_), marked(first(open_).question, "covers one, covers two"), at("12:00", 1))
    assert [row.points for row in open_.entries("ada")] == [2, 2, 1]


def test_who_has_not_answered_can_be_awarded_too(open_: World) -> None:
    keep(open_.tx, make_member(member("eve"), public=True))
    award(open_, "@eve 3 good questions")
    open_.tick(at("09:00", 1))
    open_.tick(at("09:00", 2))
    assert open_.points("eve") == 3


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"public": True}, "Eve"),
        ({"public": False}, "A member"),
        ({"naming": Naming.NAME}, "Eve"),
        ({"naming": Naming.SOMEONE, "public": True}, "A member"),
        ({"naming": Naming.OUT, "public": True}, "A member"),
    ],
)
def test_the_thread_is_told_of_an_award_and_of_its_end_with_the_name_only_of_who_is_named(
    open_: World, changes: dict[str, object], name: str
) -> None:
    keep(open_.tx, make_member(member("eve"), name="Eve", **changes))
    award(open_, "@eve 3 good questions")
    open_.rules("undo r1", at("11:30"))
    open_.deliver(at("11:30"))
    given_, taken = f"{open_.round().id}/award/1", f"{open_.round().id}/award-undone/1"
    assert open_.sent()[-2:] == [given_, taken]
    assert open_.place(given_) == open_.place(taken) == open_.round().thread
    assert f"{name} gets 3 points: good questions" in words_of(open_.card(given_))
    assert f"{name} had 3 points: good questions" in words_of(open_.card(taken))
    assert name == "Eve" or "Eve" not in words_of(open_.card(given_)) + words_of(open_.card(taken))


def test_an_award_is_undone_by_an_opposite_row(open_: World) -> None:
    award(open_, "@ada 2 well said")
    assert "taken back" in words_of(open_.rules("undo r1", at("11:30")))
    assert [(row.points, row.ruling) for row in open_.entries("ada")] == [(2, 1), (-2, 1)]
    open_.tick(at("09:00", 1))
    assert open_.points("ada") == 2
    with pytest.raises(Refused, match="undone already"):
        open_.rules("undo r1", at("11:31", 1))
    assert open_.points("ada") == 2


def test_nobody_awards_themselves_nor_undoes_an_award_to_themselves(open_: World) -> None:
    with pytest.raises(Refused, match="Nobody awards themselves"):
        award(open_, "@ada 2 I was good", by="ada")
    award(open_, "@ada 2 well said")
    with pytest.raises(Refused, match="your own"):
        open_.rules("undo r1", at("11:30"), by="ada")
    assert open_.points("ada") == 2


@pytest.mark.parametrize("points", ["1", "10", "+3"])
def test_one_to_ten_points_are_awarded(open_: World, points: str) -> None:
    award(open_, f"@ada {points} well said")
    assert open_.points("ada") == int(points)


@pytest.mark.parametrize("points", ["0", "11", "-1", "++1", "1.5", "two", "²", "\u0661", "1_0", "9" * 5000])
def test_other_numbers_of_points_are_refused(open_: World, points: str) -> None:
    with pytest.raises(Refused, match="An award is 1 to 10 points"):
        award(open_, f"@ada {points} well said")
    assert open_.entries("ada") == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("@nobody 2 well said", "have not met this member"),
        ('@ada 2 "  "', "Say what it is for"),
        (f"@ada 2 {'x' * 301}", "has 301 characters; the thread is told up to 300"),
        ("@ada,@bob 2 well said", "is no member"),
        ("@ 2 well said", "is no member"),
        ("@terminal:elsewhere/@ada 2 well said", "is no member"),
    ],
)
def test_an_award_to_nobody_and_for_nothing_is_refused(open_: World, text: str, told: str) -> None:
    before = open_.contents()
    with pytest.raises(Refused, match=told):
        award(open_, text)
    assert open_.contents() == before


def test_members_may_not_award(open_: World) -> None:
    with pytest.raises(Refused, match="for organizers"):
        open_.command("bob", "award @ada 2 well said", at("11:00"))


def test_extra_rounds_bring_no_awards(open_: World) -> None:
    open_.command("bob", "ask", at("10:30"))
    open_.tick(at("10:30"))
    extra = open_.tx.rounds.live(CHANNEL)[-1]
    asker_place = extra.thread
    assert asker_place is not None
    with pytest.raises(Refused, match="no daily round here"):
        open_.command("olga", "award @ada 2 well said", at("11:00"), organizer=True, place=asker_place)
    award(open_, "@ada 2 well said", thread=False)  # In the channel the daily round is meant.
    assert [row.round for row in open_.entries("ada")] == [first(open_).id]


@pytest.mark.parametrize("state", [RoundState.CANCELLED, RoundState.SKIPPED])
def test_a_round_that_was_not_held_brings_no_awards(open_: World, state: RoundState) -> None:
    open_.tx.rounds.save(replace(open_.round(), state=state))
    for thread in (True, False):
        with pytest.raises(Refused, match="no daily round here"):
            award(open_, "@ada 2 well said", thread=thread)


def test_awards_add_points_and_no_round_to_totals(open_: World) -> None:
    award(open_, "@ada 5 well said")
    keep(open_.tx, make_member(member("eve"), public=True))
    award(open_, "@eve 4 good questions")
    assert open_.tx.ledger.totals(GROUP) == [(member("ada"), 5, 0), (member("eve"), 4, 0)]
    open_.tick(at("09:00", 1))
    assert open_.tx.ledger.totals(GROUP) == [(member("ada"), 7, 1), (member("bob"), 2, 1), (member("eve"), 4, 0)]


def test_an_award_does_not_keep_a_question_from_paying_in_another_channel() -> None:
    with closing(World(questions=[make_question()])) as world:
        world.set_up(RANDOM)
        world.tick(at("09:00"))
        keep(world.tx, make_member(member("ada"), public=True))
        world.orders("award @ada 3 for help", at("10:00"))
        world.says("ada", TRY, at("10:00"), place=world.round(RANDOM).thread)
        world.tick(at("09:00", 1))
        assert [row.points for row in world.entries("ada")] == [3, 1]


def test_an_award_shows_in_the_result_beside_what_the_answer_was_paid(open_: World) -> None:
    award(open_, "@ada 2 well said")
    open_.tick(at("09:00", 1))
    assert "2 points. And 2 points by award." in words_of(open_.asks_result("ada", first(open_)))
    open_.rules("undo r1", at("11:30", 1))
    assert "by award" not in words_of(open_.asks_result("ada", first(open_)))


def test_where_the_card_of_a_round_is_gone_an_award_is_still_told_in_its_place(open_: World) -> None:
    open_.lose_card(open_.round())
    award(open_, "@ada 2 well said")
    [owed] = [delivery for delivery in open_.owed() if "/award/" in delivery.key]
    assert (owed.action, owed.round) == (Action.POST_IN_THREAD, open_.round().id)


# --- dates --------------------------------------------------------------------------------------------------


def test_what_is_ruled_long_after_a_round_is_dated_the_day_of_the_ruling() -> None:
    with closing(revealed(("ada", ANSWER))) as world:  # Sunday 22 November: its week ends that day.
        world.objects("ada", "1.1", at("10:00", 5))
        world.rules("grant o1", at("11:00", 7))
        world.rules("undo r1", at("11:00", 8))
        world.orders("award @ada 2 well said", at("11:00", 8))
        dates = [row.local_date for row in world.entries("ada", first(world))]
        assert dates == [TODAY, TODAY, TODAY + timedelta(days=8)]
        assert world.points("ada", first(world)) == 2


# --- whatever a button carries ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def busy() -> Iterator[World]:
    """Open and decided objections, a lowered answer, an award; and an objection in another channel."""
    answers = {"ada": ANSWER, "bob": f"It covers one, {LISTED}.", "olga": ANSWER}
    with closing(revealed(*answers.items())) as world:
        world.set_up(RANDOM)
        for who in ("ada", "olga"):
            world.objects(who, "1.1", at("10:00", 1))
            world.objects(who, "2.2", at("10:00", 1))
        world.rules("grant o2", at("10:30", 1))
        world.orders("award @bob 2 well said", at("10:31", 1))
        yield world


VERDICTS = st.one_of(
    st.sampled_from(["grant", "decline", "undo", "0", "1", "2", "3", "-1", "²", "\u0662", "list", ""]),
    st.text(max_size=5),
)
NUMBERS = st.one_of(
    st.integers(0, 9).map(str),
    st.integers(-(2**80), 2**80).map(str),
    st.sampled_from(["", "²", "\u0661", "01", "1 ", "9" * 5000, str(2**63), str(2**63 - 1), "1.0", "+1"]),
)
WHATS = st.one_of(st.builds("{}{}".format, st.sampled_from("ofrx "), NUMBERS), NUMBERS, st.text(max_size=6))
CHANNELS = st.sampled_from([CHANNEL, RANDOM, ELSEWHERE, "terminal:local/nowhere", "terminal:local", ""])
ABOUTS = st.one_of(
    st.text(), st.builds("{} {} {}".format, VERDICTS, WHATS, CHANNELS), st.builds("{} {}".format, WHATS, CHANNELS)
)
MEANT = {"grant o1", "decline o1", "undo r1", "undo r2"}


@pytest.mark.parametrize("number", ["", "0", "-1", "²", "\u0661", "+1", "1.0", str(2**63), "9" * 20, "9" * 5000])
@pytest.mark.parametrize("said", ["grant o", "decline o", "2 f", "undo r"])
def test_a_number_that_was_never_given_is_refused(world: World, said: str, number: str) -> None:
    before = world.contents()
    with pytest.raises(Refused, match=r"no such objection|is gone|never decided"):
        world.rules(f"{said}{number}", at("11:00", 1))
    with pytest.raises(Refused, match=r"no such objection|is gone|no longer"):
        look(world, f"{said.rpartition(' ')[2]}{number}")
    assert world.contents() == before


@settings(max_examples=400, deadline=None)
@given(about=ABOUTS, press=st.sampled_from([Press.RULE, Press.REVIEW, Press.DO, Press.RESUME, Press.TRY]))
def test_whatever_an_organizers_button_carries_is_refused_in_words_unless_it_was_offered_so(
    busy: World, about: str, press: Press
) -> None:
    before = busy.contents()
    with busy.tried():
        said = card_or_refusal(busy, press, about)
        if isinstance(said, str):
            assert said
            assert busy.contents() == before
        elif press is Press.RULE:
            verdict, what, channel = about.split(" ")
            assert (channel, f"{verdict} {what[0]}{int(what[1:])}") in {(CHANNEL, meant) for meant in MEANT} | {
                (CHANNEL, f"{n} f{bobs(busy)}") for n in "012"
            }
        elif press is Press.REVIEW:
            assert busy.contents() == before


def bobs(world: World) -> int:
    return int(flagged(world, "bob").removeprefix("f"))


def card_or_refusal(world: World, press: Press, about: str) -> Card | str:
    try:
        return world.presses("olga", press, about, at("11:00", 1), organizer=True)
    except Refused as refused:
        return str(refused)
