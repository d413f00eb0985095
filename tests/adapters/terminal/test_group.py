"""The simulated group: the same seed plays the same day, and every day is worth watching."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache
from itertools import product
from pathlib import Path

import pytest

from bot.adapters.terminal.group import ADA, BARBARA, GRACE, KATHERINE, TIM, Act, Does, acts, nearest
from bot.adapters.terminal.terminal import Person
from bot.core.bank import read_bank
from bot.core.counting import starts_answer
from bot.core.model import Bank, ExemplarKind, Receipt, Round, Share
from tests.adapters.terminal.stages import Stage, staged
from tests.core.worlds import at
from tests.factories import HOUR, make_question, make_round
from tests.store.files import ROOT

SEEDS = range(20)
DAYS = range(30)


@cache
def bank() -> Bank:
    return read_bank((ROOT / "data" / "questions.yaml").read_text(encoding="utf-8"), "questions.yaml")


@cache
def round_of(day: int) -> Round:
    """A round of eight hours, with a question of the shipped bank."""
    questions = bank().questions
    on = at("09:00", day).date()
    opens = at("09:00", day)
    closes_at, reveal_at = opens + 8 * HOUR, opens + 9 * HOUR
    return make_round(on=on, question=questions[day % len(questions)], closes_at=closes_at, reveal_at=reveal_at)


@cache
def played(seed: int, day: int) -> tuple[Act, ...]:
    return tuple(acts(seed, round_of(day), day))


def exemplars_said(planned: tuple[Act, ...]) -> dict[str, set[str]]:
    """Which exemplars of the question each member gave, whole, by member."""
    everything: dict[str, str] = {}
    for act in planned:
        everything[act.who.name] = f"{everything.get(act.who.name, '')} {act.text}".replace("\n", " ")
    question = round_of(int((planned[0].at - at("00:00")).days)).question
    flat = [" ".join(exemplar.text.split()) for exemplar in question.exemplars]
    return {who: {text for text in flat if text in words} for who, words in everything.items()}


def on_time(planned: tuple[Act, ...], round_: Round) -> set[str]:
    """Who gives words of an exemplar before the close, and does not take them back."""
    deleted = {act.of for act in planned if act.does is Does.DELETE}
    words = [" ".join(exemplar.text.split()) for exemplar in round_.question.exemplars]
    return {
        act.who.name
        for act in planned
        if act.does in (Does.SAY, Does.FORM)
        and act.at < round_.closes_at
        and act.key not in deleted
        and starts_answer(act.text)
        and any(act.text in whole for whole in words)
    }


# --- the dice -----------------------------------------------------------------------------------------------


def test_the_same_seed_plays_the_same_day() -> None:
    for seed, day in product(range(3), range(3)):
        assert acts(seed, round_of(day), day) == acts(seed, round_of(day), day)
        again = [(act.at, act.key, act.who, act.does, act.text, act.of) for act in acts(seed, round_of(day), day)]
        assert again == [(act.at, act.key, act.who, act.does, act.text, act.of) for act in played(seed, day)]


def test_another_seed_plays_another_day() -> None:
    days = {tuple((act.at, act.key, act.text) for act in played(seed, 0)) for seed in SEEDS}
    assert len(days) == len(SEEDS)


def test_a_day_does_not_depend_on_the_days_played_before_it() -> None:
    def all_of(day: int) -> list[tuple[object, ...]]:
        return [(act.at, act.key, act.does, act.text, act.of) for act in acts(7, round_of(day), day)]

    forwards = [all_of(day) for day in range(8)]
    backwards = [all_of(day) for day in reversed(range(8))]
    assert forwards == backwards[::-1]
    assert all_of(5) == forwards[5]


def test_acts_are_in_order_and_each_has_a_name_of_its_own() -> None:
    names: set[str] = set()
    for day in DAYS:
        planned = played(1, day)
        assert [act.at for act in planned] == sorted(act.at for act in planned)
        names |= {act.key for act in planned}
    assert len(names) == sum(len(played(1, day)) for day in DAYS)


def test_an_act_about_a_message_comes_after_it() -> None:
    for seed, day in product(SEEDS, DAYS):
        at_of = {act.key: act.at for act in played(seed, day)}
        assert [act for act in played(seed, day) if act.of and not at_of[act.of] < act.at] == []


def test_nobody_speaks_before_the_round_is_open() -> None:
    for seed, day in product(SEEDS, DAYS):
        assert [act for act in played(seed, day) if act.at <= round_of(day).opened_at] == []


def test_results_are_looked_at_after_the_reveal_only() -> None:
    for seed, day in product(SEEDS, DAYS):
        looks = [act.at for act in played(seed, day) if act.does in (Does.RESULT, Does.OBJECT, Does.RULE)]
        assert [look for look in looks if look <= round_of(day).reveal_at] == []


def test_who_objects_has_looked_at_the_result_and_is_ruled_on_by_somebody_else_on_the_same_day() -> None:
    for seed, day in product(SEEDS, DAYS):
        objecting = [act for act in played(seed, day) if act.does is Does.OBJECT]
        assert len(objecting) == (day % 4 == 1)
        for act in objecting:
            looks = [a for a in played(seed, day) if a.does is Does.RESULT and a.who == act.who and a.at < act.at]
            (rules,) = [a for a in played(seed, day) if a.does is Does.RULE]
            assert looks
            assert (rules.who, rules.at > act.at, rules.at.date()) == (ADA, True, act.at.date())
            assert rules.points == act.points


def test_who_objects_is_right_by_the_banks_own_account() -> None:
    for seed, day in product(SEEDS, DAYS):
        question = round_of(day).question
        for act in (act for act in played(seed, day) if act.does is Does.OBJECT):
            said = exemplars_said(played(seed, day))[act.who.name]
            earned = {id for e in question.exemplars if " ".join(e.text.split()) in said for id in e.earns}
            assert act.points
            assert set(act.points) == earned
            essential = [point.essential for id in act.points for point in question.key_points if point.id == id]
            assert essential == sorted(essential, reverse=True)


def test_an_answer_is_checked_while_the_round_is_open() -> None:
    for seed, day in product(SEEDS, DAYS):
        for act in (act for act in played(seed, day) if act.does is Does.CHECK):
            (form,) = [a for a in played(seed, day) if a.does is Does.FORM and a.who == act.who]
            assert form.at < act.at < round_of(day).closes_at


def test_the_sentence_that_sounds_most_like_a_key_point_is_quoted() -> None:
    point = make_question().key_points[0]
    assert nearest(["It is a bit like an ensemble.", "It sets units to zero.", "And that is all."], point) == 1


# --- what the days are like ---------------------------------------------------------------------------------


def test_every_day_at_least_three_members_answer_in_time() -> None:
    dull = [(seed, day) for seed, day in product(SEEDS, DAYS) if len(on_time(played(seed, day), round_of(day))) < 3]
    assert dull == []


def test_no_two_members_say_the_same_exemplar_on_a_day() -> None:
    for seed, day in product(SEEDS, DAYS):
        said = exemplars_said(played(seed, day))
        everything = [text for texts in said.values() for text in texts]
        assert len(everything) == len(set(everything)), (seed, day)


def test_no_two_members_say_the_same_long_thing_on_a_day() -> None:
    for seed, day in product(SEEDS, DAYS):
        said = [act.text for act in played(seed, day) if act.does is Does.SAY and starts_answer(act.text)]
        assert len(said) == len(set(said)), (seed, day)


def test_small_talk_before_an_answer_is_too_short_to_be_taken_for_one() -> None:
    taken = {
        act.text
        for seed, day in product(SEEDS, DAYS)
        for act in played(seed, day)
        if act.key.endswith("/tim/talk") and starts_answer(act.text)
    }
    assert taken == set()


@pytest.mark.parametrize("seed", SEEDS)
def test_three_days_have_talk_a_late_one_a_revision_a_withdrawal_and_somebody_silent(seed: int) -> None:
    days = [played(seed, day) for day in range(3)]
    everything = [act for planned in days for act in planned]
    assert {act.does for act in everything} == set(Does) - {Does.COMMAND, Does.DIRECT, Does.SHARE}
    assert [act for act in days[0] if act.does is Does.SAY and act.at > round_of(0).closes_at] != []
    assert [act for planned in days[:2] for act in planned if act.who == BARBARA] == []
    assert [act for act in days[2] if act.who == BARBARA] != []


def of(seed: int, day: int, who: Person) -> list[Act]:
    return [act for act in played(seed, day) if act.who == who]


def commands_of(seed: int, day: int, who: Person) -> list[str]:
    return [act.text for act in of(seed, day, who) if act.does is Does.COMMAND]


def test_who_goes_away_says_until_when_and_is_silent_until_then() -> None:
    for seed in SEEDS:
        away = [day for day in DAYS if any(text.startswith("me away until ") for text in commands_of(seed, day, TIM))]
        assert away == [8, 22]
        for left in away:
            [until] = commands_of(seed, left, TIM)
            assert until == f"me away until {round_of(left + 4).local_date}"
            assert [day for day in range(left + 1, left + 5) if of(seed, day, TIM)] == []
            assert of(seed, left, TIM)
            assert of(seed, left + 5, TIM)


def test_who_misses_a_round_looks_at_the_streak_on_the_next_day() -> None:
    for seed in SEEDS:
        missed = [day for day in DAYS if not of(seed, day, GRACE)]
        assert missed == [9, 23]
        assert [day for day in DAYS if "me why" in commands_of(seed, day, GRACE)] == [day + 1 for day in missed]


def test_one_reminder_is_wished_for_answered_alone_while_the_round_is_open_and_ended() -> None:
    for seed in SEEDS:
        wished = [(day, text) for day in DAYS for text in commands_of(seed, day, KATHERINE)]
        assert wished == [(7, "me remind 16:00"), (8, "me remind off")]
        [reply] = [act for act in of(seed, 8, KATHERINE) if act.does is Does.DIRECT]
        assert at("16:00", 8) < reply.at < round_of(8).closes_at
        assert reply.text in exemplars_said(played(seed, 8))["katherine"]
        assert [day for day in DAYS if any(act.does is Does.DIRECT for act in played(seed, day))] == [8]


def test_what_is_shared_by_name_is_thanked_for_by_somebody_else_after_the_reveal() -> None:
    for seed in SEEDS:
        shared = [day for day in DAYS if any(act.share is Share.WITH_NAME for act in of(seed, day, BARBARA))]
        thanked = [(day, act) for day in DAYS for act in played(seed, day) if act.does is Does.HELPED]
        assert shared == [day for day, _ in thanked] == [2, 10, 18, 26]
        assert [(day, act) for day, act in thanked if act.who == BARBARA or act.at <= round_of(day).reveal_at] == []


def test_the_board_is_shared_once_a_month_on_its_last_evening() -> None:
    for seed in SEEDS:
        [share] = [act for day in DAYS for act in played(seed, day) if act.does is Does.SHARE]
        assert (share.who, share.at.date()) == (ADA, date(2026, 11, 30))
        assert share.at > round_of(8).reveal_at


def test_the_strong_give_full_answers() -> None:
    for seed, day in product(range(5), DAYS):
        question = round_of(day).question
        full = {" ".join(e.text.split()) for e in question.exemplars if e.kind is ExemplarKind.FULL}
        (first,) = [act.text for act in played(seed, day) if act.who == ADA and act.key.endswith("/1")]
        assert not full or first in full


def test_a_bank_without_exemplars_is_played_too() -> None:
    for exemplars, day in product([(), make_question().exemplars], range(8)):
        round_ = make_round(question=make_question(exemplars=exemplars, hints=()))
        planned = acts(1, round_, day)
        assert [act for act in planned if act.does is Does.HINT] == []
        assert [act for act in planned if act.does in (Does.SAY, Does.FORM) and not act.text] == []


# --- played for real ----------------------------------------------------------------------------------------


async def receipts(stage: Stage, planned: tuple[Act, ...]) -> list[tuple[Act, Receipt]]:
    """What each message of a day comes to, in the room."""
    told: list[tuple[Act, Receipt]] = []
    messages: dict[str, str] = {}
    thread = await stage.thread()
    for act in planned:
        stage.now = act.at
        match act.does:
            case Does.SAY | Does.REPLY:
                about = stage.room.message(messages[act.of]) if act.of else None
                message, receipt = await stage.terminal.say(act.who, thread, act.text, reply_to=about)
                messages[act.key] = message.id
                told.append((act, receipt.receipt))
            case Does.EDIT:
                told.append((act, (await stage.terminal.edit(act.who, messages[act.of], act.text)).receipt))
            case Does.DELETE:
                told.append((act, (await stage.terminal.delete(act.who, messages[act.of])).receipt))
            case _:
                pass
    return told


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("day", [0, 1])
async def test_a_day_comes_to_the_receipts_it_was_made_for(tmp_path: Path, seed: int, day: int) -> None:
    async with staged(tmp_path, [round_of(day).question]) as stage:
        await stage.turn(at("09:00"))
        round_ = await stage.round()
        closes_at = round_.opened_at + 8 * HOUR
        round_ = Round(
            **{name: getattr(round_, name) for name in Round.__slots__}
            | {"closes_at": closes_at, "reveal_at": closes_at + timedelta(minutes=30)}
        )
        await stage.store.write(lambda tx: tx.rounds.save(round_))
        told = await receipts(stage, tuple(acts(seed, round_, day)))
    by_receipt = {receipt: {act.who.name for act, given in told if given is receipt} for receipt in Receipt}
    assert {"ada", "grace", "alan"} <= by_receipt[Receipt.RECORDED]
    assert by_receipt[Receipt.NOT_COUNTED] >= {"ada", "grace", "tim"}
    assert by_receipt[Receipt.TOO_LONG] == set()
    if day == 0:
        assert by_receipt[Receipt.LATE] == {"katherine"}
        assert by_receipt[Receipt.REVISED] == {"alan"}
    else:
        assert by_receipt[Receipt.WITHDRAWN] == {"tim"}
