"""What a member sees of the whole group on their own page."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing
from dataclasses import replace
from datetime import datetime

import pytest

from bot.core import home
from bot.core.asking import Asker
from bot.core.card import Card, Press
from bot.core.model import ChannelId, DrillState, Naming, Opening, Place
from tests.core.worlds import DONT_KNOW, FULL, TRY, World, at, member, words_of
from tests.factories import CHANNEL, RANDOM, TODAY, keep, make_member, make_question

ELSEWHERE = ChannelId("terminal:elsewhere/general")


def seen(
    world: World, who: str, now: datetime, channels: Collection[ChannelId] | None = None, zone: str = "UTC"
) -> list[Card]:
    """The cards of somebody's page."""
    asker = Asker(member=member(who), name=who.capitalize(), place=Place(channel=ChannelId("terminal:local/home")))
    return list(home.home(world.tx, asker, channels, zone, now))


def titled(cards: list[Card], title: str) -> list[str]:
    return [words_of(card) for card in cards if card.title.startswith(title)]


def day(world: World, number: int, *answers: tuple[str, str]) -> None:
    """A day's round with these answers."""
    world.tick(at("09:00", number))
    for who, text in answers:
        world.says(who, text, at("10:00", number))


# --- points and streaks -------------------------------------------------------------------------------------


def test_whoever_is_new_is_told_how_points_come(world: World) -> None:
    [points] = titled(seen(world, "ada", at("08:00")), "You, Ada")
    assert "No points yet. Answer a daily question" in points


def test_who_is_barred_is_invited_to_nothing_and_can_take_back_what_they_said(world: World) -> None:
    world.tick(at("09:00"))
    world.says("bob", FULL, at("10:00"))
    for who in ("ada", "bob"):
        keep(world.tx, make_member(member(who), barred=True))
    for who, buttons in (("ada", []), ("bob", ["Withdraw your answer"])):
        [points, asked, *_] = seen(world, who, at("11:00"))
        assert "An organizer has barred you from answers and boards." in words_of(points)
        assert "No points yet" not in words_of(points)
        assert [button.label for button in asked.buttons] == buttons


def test_how_ones_data_are_handed_over_and_forgotten_is_said(world: World) -> None:
    [data] = titled(seen(world, "ada", at("08:00")), "Your data")
    assert "/nnquestion me export hands you all that is kept of you, /nnquestion me forget" in data


def test_points_come_with_rounds_and_rank_for_this_month_and_for_ever(world: World) -> None:
    day(world, 0, ("ada", FULL), ("bob", TRY))
    day(world, 1, ("bob", DONT_KNOW))
    world.tick(at("09:00", 2))
    [ada] = titled(seen(world, "ada", at("10:00", 2)), "You, Ada")
    [bob] = titled(seen(world, "bob", at("10:00", 2)), "You, Bob")
    assert "this month: 3 points from 1 round, rank 1" in ada
    assert "all time: 3 points from 1 round, rank 1" in ada
    assert "this month: 1 point from 1 round, rank 2" in bob


def test_the_month_is_the_one_where_the_member_is(world: World) -> None:
    day(world, 0, ("ada", FULL))
    world.tick(at("09:00", 1))
    later = at("11:30", 8)
    kiritimati, pago_pago = (
        titled(seen(world, "ada", later, zone=zone), "You,")[0] for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago")
    )
    assert "this month" not in kiritimati
    assert "all time: 3 points" in kiritimati
    assert "this month: 3 points" in pago_pago


def test_each_channel_with_a_streak_has_a_line_of_its_own(world: World) -> None:
    world.set_up(RANDOM)
    for number in range(2):
        world.tick(at("09:00", number))
        for channel in (CHANNEL, RANDOM)[: 2 - number]:
            [live] = world.tx.rounds.live(channel)
            world.says("ada", FULL, at("10:00", number), place=live.thread)
    world.tick(at("09:00", 2))
    [points] = titled(seen(world, "ada", at("10:00", 2)), "You,")
    assert f"streak in {CHANNEL}: 2 in a row, longest 2" in points
    [others] = titled(seen(world, "ada", at("10:00", 2), [RANDOM]), "You,")
    assert CHANNEL not in others


# --- open rounds --------------------------------------------------------------------------------------------


def test_an_open_round_stands_with_its_question_its_channel_its_close_and_its_buttons() -> None:
    with closing(World(questions=[make_question(hints=("Think.",))])) as world:
        world.tick(at("09:00"))
        [card] = [card for card in seen(world, "ada", at("10:00"), zone="Asia/Tokyo") if card.title == "Open now"]
        live = world.round()
        assert live.question.prompt in words_of(card)
        assert f"{CHANNEL}, closes {live.closes_at:%Y-%m-%d %H:%M}" in words_of(card)
        assert [(one.press, one.label, one.about) for one in card.buttons] == [
            (Press.ANSWER, "Answer", live.id),
            (Press.HINT, "Hint", live.id),
        ]
        assert "You have answered" not in words_of(card)


def test_a_question_without_hints_has_no_button_for_one() -> None:
    with closing(World(questions=[make_question(hints=())])) as world:
        world.tick(at("09:00"))
        [card] = [card for card in seen(world, "ada", at("10:00")) if card.title == "Open now"]
        assert [one.press for one in card.buttons] == [Press.ANSWER]


def test_whoever_has_answered_may_revise_until_they_have_withdrawn_it(world: World) -> None:
    world.tick(at("09:00"))
    world.fills_form("ada", FULL, at("10:00"))
    [mine] = [card for card in seen(world, "ada", at("10:01")) if card.title == "Open now"]
    [theirs] = [card for card in seen(world, "bob", at("10:01")) if card.title == "Open now"]
    assert [one.label for one in mine.buttons] == ["Revise your answer", "Hint", "Check now"]
    assert "You have answered." in words_of(mine)
    assert [one.label for one in theirs.buttons] == ["Answer", "Hint"]
    assert FULL not in "".join(map(words_of, seen(world, "bob", at("10:01"))))
    world.fills_form("ada", "", at("10:02"))
    [mine] = [card for card in seen(world, "ada", at("10:03")) if card.title == "Open now"]
    assert [one.label for one in mine.buttons] == ["Answer", "Hint"]


def test_a_round_that_is_over_is_not_open(world: World) -> None:
    world.tick(at("09:00"))
    live = world.round()
    assert [card.title for card in seen(world, "ada", live.closes_at)].count("Open now") == 0
    world.tick(at("09:00", 1))
    [card] = [card for card in seen(world, "ada", at("10:00", 1)) if card.title == "Open now"]
    assert live.id not in [one.about for one in card.buttons]


def test_an_extra_round_stands_there_too(world: World) -> None:
    world.tick(at("09:00"))
    world.command("ada", "ask", at("10:00"))
    assert [card.title for card in seen(world, "bob", at("10:01"))].count("Open now") == 2


# --- channels and groups ------------------------------------------------------------------------------------


def test_only_the_channels_that_are_named_show_anything(world: World) -> None:
    world.set_up(RANDOM)
    world.tick(at("09:00"))
    for channels, shown in (([RANDOM], RANDOM), ([CHANNEL], CHANNEL)):
        said = "".join(map(words_of, seen(world, "ada", at("10:00"), channels)))
        assert shown in said
        assert ({CHANNEL, RANDOM} - {shown}).pop() not in said
    nothing = seen(world, "ada", at("10:00"), [])
    assert [card.title for card in nothing] == ["You, Ada", "Next rounds", "Your data"]
    assert "No round is planned in your channels" in words_of(nothing[1])
    everything = "".join(map(words_of, seen(world, "ada", at("10:00"))))
    assert CHANNEL in everything
    assert RANDOM in everything


def test_another_groups_drills_are_never_shown_even_where_they_are_named(world: World) -> None:
    world.set_up(ELSEWHERE)
    world.tick(at("09:00"))
    for channels in (None, [CHANNEL, ELSEWHERE]):
        assert ELSEWHERE not in "".join(map(words_of, seen(world, "ada", at("10:00"), channels)))


# --- what comes, and how one is shown -----------------------------------------------------------------------


def test_the_next_rounds_of_all_channels_stand_in_their_order(world: World) -> None:
    world.set_up(RANDOM)
    keep(world.tx, replace(world.drill(), next=Opening(on=TODAY, at=at("10:00"))))
    [coming] = titled(seen(world, "ada", at("07:00")), "Next rounds")
    lines = coming.splitlines()[1:]
    assert lines[0].endswith(f"09:00 in {RANDOM}")
    assert lines[1].endswith(f"10:00 in {CHANNEL}")


def test_a_drill_that_does_not_run_says_why_in_place_of_its_next_round(world: World) -> None:
    world.set_up(RANDOM)
    world.orders("pause", at("08:00"))
    [coming] = titled(seen(world, "ada", at("08:30")), "Next rounds")
    assert coming.splitlines()[1].endswith(f"09:00 in {RANDOM}")
    assert coming.splitlines()[2].startswith(f"{CHANNEL}: The drill is paused")
    for state, told in ((DrillState.ASLEEP, "The drill sleeps"), (DrillState.OFF, "The drill is off: archived")):
        keep(world.tx, replace(world.drill(), state=state, state_reason="archived", next=None))
        assert f"{CHANNEL}: {told}" in titled(seen(world, "ada", at("08:30"), [CHANNEL]), "Next rounds")[0]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "as “someone”"),
        ({"public": True}, "by name"),
        ({"naming": Naming.NAME}, "by name"),
        ({"naming": Naming.SOMEONE, "public": True}, "as “someone”"),
        ({"naming": Naming.OUT, "public": True}, "not at all"),
    ],
)
def test_everybody_is_told_how_boards_show_them(world: World, changes: dict[str, object], told: str) -> None:
    if changes:
        keep(world.tx, replace(make_member("ada"), id=member("ada"), **changes))  # type: ignore[arg-type]
    [data] = titled(seen(world, "ada", at("08:00")), "Your data")
    assert f"Boards show you {told}." in data


def test_looking_at_the_page_changes_nothing(world: World) -> None:
    seen(world, "ada", at("08:00"))
    assert world.tx.members.get(member("ada")) is None
