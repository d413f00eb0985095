"""Check now before the close, objections after the reveal: what members may do about their grades, and what not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core import home, objecting, pressing, rounds
from bot.core.asking import Asker
from bot.core.card import Button, Card, Press
from bot.core.model import (
    UNGRADED,
    ChannelId,
    Grade,
    ObjectionState,
    Place,
    Receipt,
    RoundState,
    Why,
    extra_round_id,
    group_of,
)
from bot.core.setting_up import Refused
from tests.core.worlds import (
    BY_HEART,
    DONT_KNOW,
    EXTRA,
    LISTED,
    ONE,
    TWO,
    World,
    at,
    member,
    of_key_points,
    revealed,
    words_of,
)
from tests.factories import CHANNEL, RANDOM, keep, make_question, make_round

ANSWER = "It covers one. It touches two. And that is all."
SECRET = "Sesame covers one and nobody may read this again."
ELSEWHERE = ChannelId("terminal:elsewhere/general")
POINTS = (ONE, TWO, EXTRA)


@pytest.fixture
def world() -> Iterator[World]:
    """A round of the key points one, two and extra, open since nine, in which Ada has answered at ten."""
    with closing(of_key_points()) as world:
        world.tick(at("09:00"))
        world.says("ada", ANSWER, at("10:00"), message="of ada")
        yield world


@pytest.fixture
def after() -> Iterator[World]:
    """The day after: Ada's answer covers one, has two in part and says nothing of the third."""
    with closing(revealed(("ada", ANSWER))) as world:
        yield world


def abouts(card: Card) -> list[str]:
    """What the buttons of a card carry, without the round."""
    return [button.about.rpartition(" ")[0] for button in card.buttons]


def checks(card: Card) -> list[Button]:
    """The buttons of a card that offer to check an answer."""
    return [button for button in card.buttons if button.press is Press.CHECK]


# --- Check now: what it tells -------------------------------------------------------------------------------


def test_a_check_tells_what_is_covered_and_how_much_is_missing(world: World) -> None:
    says = words_of(world.checks("ada", at("10:30")))
    assert "It covers 1 of 3 key points." in says
    assert f"covered: {ONE.text} (“covers one”)" in says
    assert "2 key points, 1 of them essential: still missing or there only in part." in says


def test_an_answer_that_covers_everything_lacks_nothing(world: World) -> None:
    world.says("bob", "It covers one and covers two and covers extra too.", at("10:10"))
    says = words_of(world.checks("bob", at("10:30")))
    assert "It covers 3 of 3 key points." in says
    assert "missing" not in says


def test_an_answer_that_covers_nothing_is_told_how_much_there_is(world: World) -> None:
    world.says("bob", "Nobody here has ever told me that.", at("10:10"))
    says = words_of(world.checks("bob", at("10:30")))
    assert "It covers 0 of 3 key points." in says
    assert "3 key points, 2 of them essential: missing or there only in part." in says


def test_who_said_that_they_do_not_know_is_told_so_and_no_numbers(world: World) -> None:
    world.says("bob", DONT_KNOW, at("10:10"))
    says = words_of(world.checks("bob", at("10:30")))
    assert "You said you do not know it." in says
    assert "key point" not in says


@pytest.mark.parametrize(("mark", "told"), [(LISTED, "a list of keywords"), (BY_HEART, "word for word")])
def test_an_answer_that_was_lowered_is_told_why(world: World, mark: str, told: str) -> None:
    world.says("bob", f"It covers one and two: {mark}", at("10:10"))
    assert told in words_of(world.checks("bob", at("10:30")))


def test_pressing_again_tells_the_same_also_after_the_close(world: World) -> None:
    first = world.checks("ada", at("10:30"))
    assert world.checks("ada", at("10:31")) == first
    rounds.close(world.tx, world.round().id, at("09:00", 1))
    assert world.checks("ada", at("09:00", 1)) == first


@pytest.mark.parametrize("held", list(product(("covers", "touches", ""), repeat=3)))
def test_no_card_before_the_reveal_names_a_key_point_that_is_not_covered(held: tuple[str, ...]) -> None:
    said = " ".join(f"It {how} {point.id}." for how, point in zip(held, POINTS, strict=True) if how)
    covered = [point for how, point in zip(held, POINTS, strict=True) if how == "covers"]
    with closing(of_key_points()) as world:
        world.tick(at("09:00"))
        told = world.fills_form("ada", f"{said} And so on and so forth.", at("10:00"))
        asker = Asker(member=member("ada"), name="Ada", place=Place(channel=CHANNEL))
        cards = [objecting.after_answer(world.tx, member("ada"), group_of(CHANNEL), told)]
        for _ in range(2):
            cards += home.home(world.tx, asker, None, "UTC", at("10:20"))
            cards += [world.command("ada", name, at("10:20")) for name in ("", "me", "when", "history")]
            cards.append(world.checks("ada", at("10:30")))
        cards.append(world.orders("review", at("10:40")))
        world.tick(at("10:50"))
        cards += home.home(world.tx, asker, None, "UTC", at("10:55"))
        cards += [card for _, _, card in world.posted]
    shown = "\n".join(words_of(card) + repr(card.buttons) for card in cards)
    for point in POINTS:
        assert (point.text in shown) is (point in covered)
        assert not any(phrase in shown for phrase in point.any_of)
        assert f"'{point.id}'" not in shown
    assert make_question().answer not in shown


# --- Check now: what it makes final -------------------------------------------------------------------------


def test_a_checked_answer_is_final_and_the_same_revision_as_before(world: World) -> None:
    before = world.answer("ada")
    world.checks("ada", at("10:30"))
    assert before is not None
    assert world.answer("ada") == replace(before, final=True)


def _edit(world: World) -> Why | None:
    return world.edits("of ada", "It covers one and covers two.", at("10:40")).why


def _empty_edit(world: World) -> Why | None:
    return world.edits("of ada", "", at("10:40")).why


def _form(world: World) -> Why | None:
    return world.fills_form("ada", "It covers one and covers two.", at("10:40")).why


def _submission(world: World) -> Why | None:
    world.says("ada", "It covers one and covers two.", at("10:39"), message="later")
    return world.submits("ada", "later", at("10:40")).why


def _joining(world: World) -> Why | None:
    return world.says("ada", "And it covers two.", at("10:09")).why


@pytest.mark.parametrize("change", [_edit, _empty_edit, _form, _submission, _joining])
def test_nothing_changes_a_final_answer_and_its_author_is_told_so(
    world: World, change: Callable[[World], Why | None]
) -> None:
    world.checks("ada", at("10:30"))
    before = world.answer("ada")
    assert change(world) is Why.FINAL
    assert world.answer("ada") == before


@pytest.mark.parametrize("change", [_edit, _empty_edit, _form, _submission, _joining])
def test_each_of_these_changes_an_answer_that_was_not_checked(
    world: World, change: Callable[[World], Why | None]
) -> None:
    assert change(world) is None
    assert world.text("ada") != ANSWER


FINAL = "Your answer to the daily question is final: you had it checked."
AFTER = "What you sent or changed after that does not count."


@pytest.mark.parametrize("change", [_edit, _empty_edit, _form, _submission, _joining])
def test_what_came_after_a_check_is_said_in_every_private_reply_that_is_about_the_answer(
    world: World, change: Callable[[World], Why | None]
) -> None:
    world.checks("ada", at("10:30"))
    before = words_of(world.command("ada", "me", at("10:35")))
    assert FINAL in before
    assert AFTER not in before
    change(world)
    assert f"{FINAL} {AFTER}" in words_of(world.command("ada", "me", at("10:45")))
    assert f"{FINAL} {AFTER}" in _home(world, "ada")
    world.tick(at("09:00", 1))
    assert f"You had it checked, so it was final. {AFTER}" in words_of(world.asks_result("ada", world.rounds()[0]))


def test_a_result_says_nothing_of_a_check_after_which_nothing_came(world: World) -> None:
    world.checks("ada", at("10:30"))
    world.tick(at("09:00", 1))
    assert "checked" not in words_of(world.asks_result("ada", world.rounds()[0]))


def _home(world: World, who: str) -> str:
    asker = Asker(member=member(who), name=who.capitalize(), place=Place(channel=CHANNEL))
    return "\n".join(map(words_of, home.home(world.tx, asker, None, "UTC", at("10:50"))))


def test_no_form_opens_for_a_final_answer_and_the_refusal_says_what_final_means(world: World) -> None:
    asker = Asker(member=member("ada"), name="Ada", place=Place(channel=CHANNEL))
    assert pressing.answer_form(world.tx, asker, world.round().id)[1] == world.answer("ada")
    world.checks("ada", at("10:30"))
    with pytest.raises(Refused, match=r"final: nothing revises or withdraws it any more\. To remove its text"):
        pressing.answer_form(world.tx, asker, world.round().id)


def test_of_two_open_rounds_me_says_which_answer_is_final_and_offers_to_check_the_other(world: World) -> None:
    world.command("ada", "ask", at("10:30"))
    world.tick(at("10:30"))
    extra = world.round()
    world.fills_form("ada", ANSWER, at("10:40"), round_=extra)
    assert len({button.label for button in checks(world.command("ada", "me", at("10:50")))}) == 2
    world.checks("ada", at("10:55"), extra)
    said = world.command("ada", "me", at("10:56"))
    assert [button.label for button in checks(said)] == ["Check now"]
    assert "Your answer to the extra question is final" in words_of(said)


def test_a_refusal_names_the_messages_that_go_on_counting(world: World) -> None:
    world.checks("ada", at("10:30"))
    told = world.fills_form("ada", "It covers one and covers two.", at("10:40"))
    assert (told.receipt, told.counts, told.counts_no_more) == (Receipt.NOT_COUNTED, ("of ada",), ())


def test_what_a_final_answers_author_says_in_the_thread_is_talk_without_a_receipt(world: World) -> None:
    world.checks("ada", at("10:30"))
    for text, when in (("I liked this one", "10:31"), ("and it covers two as well, I now think", "15:00")):
        assert world.says("ada", text, at(when)).why is Why.TALK
    assert world.says("ada", "that is for you, since it covers two", at("10:05"), reply_to="bob").why is Why.TALK
    assert world.text("ada") == ANSWER


def test_an_edit_that_was_made_before_the_check_and_arrives_after_it_does_not_count(world: World) -> None:
    world.checks("ada", at("10:30"))
    assert world.edits("of ada", "It covers one and covers two.", at("10:20")).why is Why.FINAL
    assert world.text("ada") == ANSWER


def test_what_one_member_makes_final_holds_for_nobody_else(world: World) -> None:
    world.says("bob", "It covers two, I would say.", at("10:10"), message="of bob")
    world.checks("ada", at("10:30"))
    assert world.edits("of bob", "It covers one and covers two.", at("10:40")).receipt is Receipt.REVISED


def test_a_final_answer_is_paid_for_at_the_reveal_like_any_other(world: World) -> None:
    world.checks("ada", at("10:30"))
    assert world.points("ada") == 0
    world.tick(at("09:00", 1))
    assert world.points("ada") == 2


@pytest.mark.parametrize("revealed_before", [False, True])
def test_a_deletion_after_the_check_removes_the_text_everywhere_and_keeps_the_grade(
    world: World, revealed_before: bool
) -> None:
    world.says("bob", SECRET, at("10:10"), message="of bob")
    world.says("bob", "Sesame it is, and so it covers two.", at("10:11"), message="more")
    world.says("bob", "Sesame, Sesame, I say.", at("10:40"), message="talk")
    world.checks("bob", at("10:50"))
    if revealed_before:
        world.tick(at("09:00", 1))
    told = world.deletes("of bob", at("09:30", 1) if revealed_before else at("10:51"))
    assert (told.receipt, told.why, told.counts_no_more) == (Receipt.NOT_COUNTED, Why.FINAL, ("of bob",))
    assert world.keeps("Sesame") == []
    world.tick(at("09:00", 2))
    assert world.points("bob") == 3


@pytest.mark.parametrize("graded", [True, False])
def test_an_empty_form_after_the_check_removes_the_text_everywhere_and_keeps_the_grade(
    world: World, graded: bool
) -> None:
    world.fills_form("bob", SECRET, at("10:10"))
    asker = Asker(member=member("bob"), name="Bob", place=Place(channel=CHANNEL))
    objecting.make_final(world.tx, asker, world.round().id, at("10:30"))
    if graded:
        world.checks("bob", at("10:30"))
    told = world.fills_form("bob", " ", at("10:40"))
    assert (told.receipt, told.why) == (Receipt.NOT_COUNTED, Why.TEXT_GONE)
    world.tick(at("10:41"))
    assert world.keeps("Sesame") == []
    world.tick(at("09:00", 1))
    assert world.points("bob") == 2


def test_a_deletion_between_the_check_and_its_grade_removes_the_text_once_it_is_graded(world: World) -> None:
    world.says("bob", SECRET, at("10:10"), message="of bob")
    asker = Asker(member=member("bob"), name="Bob", place=Place(channel=CHANNEL))
    objecting.make_final(world.tx, asker, world.round().id, at("10:30"))
    world.deletes("of bob", at("10:31"))
    world.tick(at("10:32"))
    assert world.keeps("Sesame") == []
    assert "It covers 1 of 3" in words_of(world.checks("bob", at("10:33")))
    world.tick(at("09:00", 1))
    assert world.points("bob") == 2


# --- Check now: where it is refused -------------------------------------------------------------------------


def test_who_has_no_answer_has_nothing_to_check(world: World) -> None:
    with pytest.raises(Refused, match="no answer here"):
        world.checks("bob", at("10:30"))
    world.deletes("of ada", at("10:20"))
    with pytest.raises(Refused, match="no answer here"):
        world.checks("ada", at("10:30"))


def test_a_late_answer_and_one_in_a_closed_round_cannot_be_checked(world: World) -> None:
    with pytest.raises(Refused, match="has closed"):
        world.checks("ada", at("09:00", 1))  # Its time is over, though nobody has closed it yet.
    first = world.round()
    rounds.close(world.tx, first.id, at("09:00", 1))
    with pytest.raises(Refused, match="has closed"):
        world.checks("ada", at("09:00", 1))
    world.tick(at("09:00", 1))
    world.says("bob", "It covers one and that is it.", at("09:10", 1), place=world.anew(first).thread)
    with pytest.raises(Refused, match="has closed"):
        world.checks("bob", at("09:11", 1), first)
    for who in ("ada", "bob"):
        answer = world.answer(who, first)
        assert answer is not None
        assert not answer.final


def test_an_answer_to_a_question_that_is_not_graded_cannot_be_checked() -> None:
    with closing(World(questions=[make_question(key_points=())])) as world:
        world.tick(at("09:00"))
        told = world.fills_form("ada", "some words of my own here", at("10:00"))
        assert checks(objecting.after_answer(world.tx, member("ada"), group_of(CHANNEL), told)) == []
        with pytest.raises(Refused, match="not graded"):
            world.checks("ada", at("10:30"))


def test_a_round_of_another_group_and_one_that_nobody_knows_cannot_be_checked(world: World) -> None:
    world.set_up(ELSEWHERE)
    world.tick(at("09:01"))
    theirs = world.round(ELSEWHERE)
    for about in (theirs, make_round(RANDOM)):
        with pytest.raises(Refused, match="do not know this round"):
            world.checks("ada", at("10:30"), about)


def test_an_extra_round_can_be_checked_too(world: World) -> None:
    world.command("bob", "ask", at("10:00"))
    world.tick(at("10:00"))
    extra = next(live for live in world.tx.rounds.live(CHANNEL) if live.id == extra_round_id(CHANNEL, 1))
    world.fills_form("bob", "It covers two, I would say.", at("10:01"), round_=extra)
    assert "It covers 1 of 3" in words_of(world.checks("bob", at("10:30"), extra))
    assert world.fills_form("bob", "It covers one, too.", at("10:40"), round_=extra).why is Why.FINAL


def test_a_hint_after_the_check_is_refused_and_costs_nothing(world: World) -> None:
    live = world.round()
    world.command("ada", "hint", at("10:20"))
    world.checks("ada", at("10:30"))
    with pytest.raises(Refused, match="is final"):
        world.command("ada", "hint", at("10:31"))
    with pytest.raises(Refused, match="is final"):
        world.presses("ada", Press.HINT, live.id, at("10:31"))
    assert world.tx.answers.hints(live.id, member("ada")) == 1
    world.tick(at("09:00", 1))
    assert world.points("ada") == 1


# --- the private reply --------------------------------------------------------------------------------------


def reply(world: World, who: str, text: str) -> Card:
    told = world.fills_form(who, text, at("10:40"))
    return objecting.after_answer(world.tx, member(who), group_of(CHANNEL), told)


def test_the_reply_to_a_form_says_what_became_of_it_and_offers_to_check_it(world: World) -> None:
    card = reply(world, "ada", "It covers one, for sure.")
    assert "Revised. This is your answer now." in words_of(card)
    assert "you cannot revise it after that" in words_of(card)
    assert checks(card) == [Button(Press.CHECK, "Check now", world.round().id)]


def test_where_two_rounds_are_open_each_check_says_which_question_it_is_about(world: World) -> None:
    daily = world.round()
    world.command("ada", "ask", at("10:30"))
    extra = next(round_ for round_ in world.rounds() if round_.id != daily.id)
    for round_ in (daily, extra):
        world.fills_form("ada", "It covers one, for sure.", at("10:31"), round_=round_)
    pressed = checks(world.command("ada", "me", at("10:33")))
    assert {button.about: button.label for button in pressed} == {
        daily.id: "Check now: the daily question",
        extra.id: "Check now: the extra question",
    }


@pytest.mark.parametrize("text", ["", "x" * 3001])
def test_what_does_not_count_and_what_was_withdrawn_cannot_be_checked(world: World, text: str) -> None:
    assert checks(reply(world, "ada", text)) == []


def test_a_final_answer_is_not_offered_to_be_checked_again_by_the_form(world: World) -> None:
    world.checks("ada", at("10:30"))
    card = reply(world, "ada", "It covers one, for sure.")
    assert "so it is final" in words_of(card)
    assert checks(card) == []


def test_a_late_answer_is_not_offered_to_be_checked(world: World) -> None:
    first = world.round()
    world.tick(at("09:00", 1))
    told = world.fills_form("bob", "It covers one and that is it.", at("10:00", 1), round_=first)
    assert told.receipt is Receipt.LATE
    assert checks(objecting.after_answer(world.tx, member("bob"), group_of(CHANNEL), told)) == []


def test_me_offers_to_check_each_open_answer_that_is_not_final(world: World) -> None:
    def offered() -> list[str]:
        return [b.about for b in world.command("ada", "me", at("11:00")).buttons if b.press is Press.CHECK]

    assert offered() == [world.round().id]
    world.checks("ada", at("11:00"))
    assert offered() == []


# --- I covered this: the steps ------------------------------------------------------------------------------


def test_the_key_points_that_are_not_covered_are_offered_with_what_is_there_in_part(after: World) -> None:
    card = after.objects("ada", "", at("10:00", 1))
    assert abouts(card) == ["1", "2"]
    says = words_of(card)
    assert f"{TWO.text} (there in part)" in says
    assert EXTRA.text in says
    assert ONE.text not in says


def test_then_the_sentences_of_the_answer_are_offered(after: World) -> None:
    card = after.objects("ada", "1", at("10:00", 1))
    assert abouts(card) == ["1.0", "1.1", "1.2"]
    assert [button.label for button in card.buttons] == [
        "1. It covers one.",
        "2. It touches two.",
        "3. And that is all.",
    ]


def test_the_chosen_sentence_is_quoted_word_for_word_in_the_objection(after: World) -> None:
    says = words_of(after.objects("ada", "1.1", at("10:00", 1)))
    assert f"“{TWO.text}”: you say it with “It touches two.”" in says
    [filed] = after.tx.objections.of_answer(after.rounds()[0].id, member("ada"))
    assert (filed.key_point, filed.words, filed.since, filed.state, filed.group, filed.channel) == (
        "two",
        "It touches two.",
        at("10:00", 1),
        ObjectionState.OPEN,
        group_of(CHANNEL),
        CHANNEL,
    )


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cf", "Cc"], exclude_characters="|"), min_size=1, max_size=120))
def test_whatever_is_quoted_stands_so_in_the_answer(text: str) -> None:
    with closing(revealed(("ada", f"It covers one, they say. {text}"))) as world:
        given_ = world.answer("ada", world.rounds()[0])
        assert given_ is not None
        for about in abouts(world.objects("ada", "1", at("10:00", 1))):
            with world.tried():
                world.objects("ada", about, at("10:01", 1))
                [filed] = world.tx.objections.of_answer(given_.round, member("ada"))
                assert filed.words
                assert filed.words in given_.text


def test_of_a_long_answer_the_eight_nearest_sentences_are_offered_in_their_order() -> None:
    filler = [f"My cat number {n} sleeps on the sofa." for n in range(6)]
    near = "The others are scaled, they told me."
    with closing(revealed(("ada", " ".join(["It covers one.", *filler, near, *filler])))) as world:
        card = world.objects("ada", "1", at("10:00", 1))
        numbers = [int(about.partition(".")[2]) for about in abouts(card)]
        assert len(numbers) == 8
        assert numbers == sorted(numbers)
        assert 7 in numbers
        world.objects("ada", "1.7", at("10:01", 1))
        [filed] = world.tx.objections.of_answer(world.rounds()[0].id, member("ada"))
        assert filed.words == near


def test_each_key_point_is_objected_to_once_whatever_became_of_it(after: World) -> None:
    after.objects("ada", "1.1", at("10:00", 1))
    card = after.objects("ada", "", at("10:01", 1))
    assert abouts(card) == ["2"]
    assert "your objection is open" in words_of(card)
    for again in ("1", "1.0", "1.1"):
        with pytest.raises(Refused, match="objected to that already; it is open"):
            after.objects("ada", again, at("10:02", 1))
    after.rules("decline o1", at("11:00", 1))
    with pytest.raises(Refused, match="it is declined"):
        after.objects("ada", "1.1", at("11:01", 1))
    assert len(after.tx.objections.of_answer(after.rounds()[0].id, member("ada"))) == 1


def test_a_key_point_that_is_covered_or_was_granted_cannot_be_objected_to(after: World) -> None:
    for about in ("0", "0.0"):
        with pytest.raises(Refused, match="covers that already"):
            after.objects("ada", about, at("10:00", 1))
    after.objects("ada", "1.1", at("10:00", 1))
    after.rules("grant o1", at("11:00", 1))
    with pytest.raises(Refused, match="covers that already"):
        after.objects("ada", "1.1", at("11:01", 1))


def test_where_every_key_point_is_covered_nothing_is_left_to_object_to() -> None:
    with closing(revealed(("ada", "It covers one and covers two and covers extra."))) as world:
        with pytest.raises(Refused, match="nothing left"):
            world.objects("ada", "", at("10:00", 1))
        assert world.asks_result("ada", world.rounds()[0]).buttons == ()


def test_my_result_offers_to_object_as_long_as_something_is_missing(after: World) -> None:
    first = after.rounds()[0]
    assert [b.press for b in after.asks_result("ada", first).buttons] == [Press.OBJECT]
    assert after.asks_result("bob", first).buttons == ()


# --- I covered this: two at a time --------------------------------------------------------------------------


def test_two_objections_are_open_at_most_over_all_rounds_and_channels_of_a_group() -> None:
    with closing(of_key_points()) as world:
        world.set_up(RANDOM)
        world.tick(at("09:00"))
        for channel in (CHANNEL, RANDOM):
            world.says("ada", ANSWER, at("10:00"), place=world.round(channel).thread)
        world.tick(at("09:00", 1))
        here, there = (world.rounds(channel)[0] for channel in (CHANNEL, RANDOM))
        world.objects("ada", "1.1", at("10:00", 1), here)
        world.objects("ada", "1.1", at("10:00", 1), there)
        with pytest.raises(Refused, match="2 objections open"):
            world.objects("ada", "2.1", at("10:01", 1), there)
        assert len(world.tx.objections.open_of(group_of(CHANNEL), member("ada"))) == 2
        world.rules("decline o1", at("11:00", 1))
        world.objects("ada", "2.1", at("11:01", 1), there)
        assert len(world.tx.objections.open_of(group_of(CHANNEL), member("ada"))) == 2


def test_the_objections_of_one_member_leave_room_for_those_of_another() -> None:
    with closing(revealed(("ada", ANSWER), ("bob", ANSWER))) as world:
        for about in ("1.1", "2.2"):
            world.objects("ada", about, at("10:00", 1))
        world.objects("bob", "1.1", at("10:01", 1))
        assert len(world.tx.objections.open_in(CHANNEL)) == 3


# --- I covered this: answers that were lowered --------------------------------------------------------------


@pytest.mark.parametrize(("mark", "label"), [(BY_HEART, "These are my own words"), (LISTED, "It was counted too low")])
def test_who_was_lowered_may_object_to_that(mark: str, label: str) -> None:
    with closing(revealed(("ada", f"It covers one. It covers two. It covers extra: {mark}."))) as world:
        [button] = world.objects("ada", "", at("10:00", 1)).buttons
        assert (button.label, button.about) == (label, f"all {world.rounds()[0].id}")
        assert abouts(world.objects("ada", "all", at("10:00", 1))) == ["all.0", "all.1", "all.2"]
        world.objects("ada", "all.0", at("10:01", 1))
        [filed] = world.tx.objections.open_in(CHANNEL)
        assert (filed.key_point, filed.words) == ("", "It covers one.")
        with pytest.raises(Refused, match="objected to that already"):
            world.objects("ada", "all.1", at("10:02", 1))
        with pytest.raises(Refused, match="nothing left"):
            world.objects("ada", "", at("10:02", 1))


def test_who_was_not_lowered_cannot_object_to_that(after: World) -> None:
    for about in ("all", "all.0"):
        with pytest.raises(Refused, match="was not lowered"):
            after.objects("ada", about, at("10:00", 1))


# --- I covered this: where it is refused --------------------------------------------------------------------


@pytest.mark.parametrize("about", ["", "1", "1.1"])
def test_before_the_reveal_nothing_can_be_objected_to(world: World, about: str) -> None:
    for state in (RoundState.OPEN, RoundState.CLOSED, RoundState.GRADED, RoundState.CANCELLED):
        keep(world.tx, world.round())
        world.tx.rounds.save(replace(world.round(), state=state))
        world.tick(at("10:30"), deliver=False)
        with pytest.raises(Refused, match="once the round is revealed"):
            world.objects("ada", about, at("11:00"))
    assert world.tx.objections.open_in(CHANNEL) == []


def test_who_has_no_answer_of_their_own_cannot_object(after: World) -> None:
    with pytest.raises(Refused, match="no graded answer"):
        after.objects("bob", "1.1", at("10:00", 1))


def test_an_answer_whose_text_is_gone_cannot_be_objected_for(after: World) -> None:
    after.deletes("of ada", at("09:30", 1))
    for about in ("", "1", "1.1"):
        with pytest.raises(Refused, match="text of your answer is gone"):
            after.objects("ada", about, at("10:00", 1))
    assert after.asks_result("ada", after.rounds()[0]).buttons == ()


def test_a_round_of_another_group_cannot_be_objected_to() -> None:
    with closing(of_key_points()) as world:
        world.set_up(ELSEWHERE)
        world.tick(at("09:00"))
        world.says("ada", ANSWER, at("10:00"), place=world.round(ELSEWHERE).thread)
        world.tick(at("09:00", 1))
        with pytest.raises(Refused, match="once the round is revealed"):
            world.objects("ada", "1.1", at("10:00", 1), world.rounds(ELSEWHERE)[0])
        card = world.presses(
            "ada", Press.OBJECT, f"1.1 {world.rounds(ELSEWHERE)[0].id}", at("10:00", 1), channel=ELSEWHERE
        )
        assert "filed" in words_of(card)


def test_an_answer_that_the_grader_failed_on_is_said_to_be_ungraded_and_not_to_be_complete(after: World) -> None:
    first = after.rounds()[0]
    answer = after.answer("ada", first)
    assert answer is not None
    failed = Grade(score=0.0, level=0, grader=UNGRADED)
    after.tx.answers.add_grade(first.id, answer.member, answer.revision, failed, at("10:00", 1))
    with pytest.raises(Refused, match="could not be graded"):
        after.objects("ada", "", at("10:01", 1))


# --- whatever a button carries ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def crowded() -> Iterator[World]:
    """Rounds of every kind: revealed and open, daily and extra, here, in another channel and in another group."""
    with closing(of_key_points()) as world:
        for channel in (RANDOM, ELSEWHERE):
            world.set_up(channel)
        world.tick(at("09:00"))
        for channel in (CHANNEL, RANDOM, ELSEWHERE):
            for who in ("ada", "bob"):
                text = f"{ANSWER} {LISTED}" if who == "bob" else ANSWER
                world.says(who, text, at("10:00"), place=world.round(channel).thread)
        world.command("ada", "ask", at("10:00"))
        world.tick(at("10:00"))
        world.tick(at("09:00", 1))
        world.objects("ada", "2.2", at("09:30", 1))
        world.rules("grant o1", at("09:31", 1))
        world.orders("award @bob 2 kind words", at("09:32", 1))
        yield world


ROUNDS = st.sampled_from(
    [
        *(
            make_round(channel, at("09:00", day).date()).id
            for channel in (CHANNEL, RANDOM, ELSEWHERE)
            for day in (0, 1)
        ),
        extra_round_id(CHANNEL, 1),
        "",
        "nowhere",
        CHANNEL,
    ]
)
NUMBERS = st.one_of(
    st.sampled_from(
        [
            "",
            "0",
            "1",
            "2",
            "3",
            "-1",
            "²",
            "\u0661",
            "9",
            "\uff10\uff10",
            "01",
            "+1",
            "1e0",
            "all",
            "ALL",
            "½",
            "9" * 5000,
        ]
    ),
    st.integers(-(2**70), 2**70).map(str),
    st.text(max_size=4),
)
STEPS = st.one_of(NUMBERS, st.builds("{}.{}".format, NUMBERS, NUMBERS), st.builds("{} {}".format, NUMBERS, NUMBERS))
ABOUTS = st.one_of(st.text(), st.builds("{} {}".format, STEPS, ROUNDS), ROUNDS)
WELL_FORMED = {
    f"{step} {round_id}"
    for step in (
        "",
        "0",
        "1",
        "2",
        "all",
        "0.",
        "1.",
        "2.",
        "all.",
        *(f"{p}.{s}" for p in ("0", "1", "2", "all") for s in "0123"),
    )
    for round_id in (make_round(channel, at("09:00").date()).id for channel in (CHANNEL, RANDOM))
}


def card_or_refusal(world: World, who: str, press: Press, about: str) -> Card | str:
    try:
        return world.presses(who, press, about, at("10:00", 1))
    except Refused as refused:
        return str(refused)


@pytest.mark.parametrize(
    "step",
    [
        "²",
        "\u0661",
        "-1",
        "3",
        "01",
        "+1",
        "9" * 5000,
        "1.²",
        "1.\u0661",
        "1.-1",
        "1.3",
        "1.01",
        f"1.{'9' * 5000}",
        "1.1.1",
    ],
)
def test_only_numbers_as_they_were_offered_are_taken(after: World, step: str) -> None:
    before = after.contents()
    with pytest.raises(Refused, match=r"no longer does anything|no longer in your answer"):
        after.objects("ada", step, at("10:00", 1))
    assert after.contents() == before


@settings(max_examples=400, deadline=None)
@given(about=ABOUTS, who=st.sampled_from(["ada", "bob", "eve"]))
def test_whatever_an_objections_button_carries_is_refused_in_words_unless_it_was_offered_so(
    crowded: World, about: str, who: str
) -> None:
    before = crowded.contents()
    with crowded.tried():
        card = card_or_refusal(crowded, who, Press.OBJECT, about)
        if isinstance(card, str):
            assert card
            assert crowded.contents() == before
        else:
            assert about.strip() in {form.strip() for form in WELL_FORMED}
            assert (crowded.contents() != before) is (card.title == "Your objection is filed")


@settings(max_examples=150, deadline=None)
@given(about=ABOUTS, press=st.sampled_from([Press.HINT, Press.RESULT, Press.CHECK, Press.CONSENT]))
def test_whatever_the_other_buttons_of_members_carry_raises_nothing_but_a_refusal(
    crowded: World, about: str, press: Press
) -> None:
    with crowded.tried():
        assert card_or_refusal(crowded, "ada", press, about)


@settings(max_examples=60, deadline=None)
@given(about=ABOUTS)
def test_whatever_is_to_be_checked_is_refused_in_words_unless_it_is_an_open_answer(crowded: World, about: str) -> None:
    with crowded.tried(), pytest.raises(Refused):
        crowded.checks("ada", at("10:00", 1), make_round(id=about))
