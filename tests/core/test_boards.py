"""Leaderboards: who stands on them and how, how they are shared, seasons that are over, and that they add up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core import boards, objecting, scoring
from bot.core.answering import Deleted, Form, Said
from bot.core.card import Bars, Button, Card, Press
from bot.core.commands import Misread
from bot.core.model import (
    ChannelId,
    Entry,
    Flag,
    MemberId,
    Naming,
    Opening,
    PastSeason,
    Place,
    Season,
    Standing,
)
from bot.core.setting_up import Refused
from tests.core.worlds import (
    BY_HEART,
    FULL,
    PARTLY,
    TRY,
    World,
    at,
    attempted,
    member,
    of_key_points,
    rows_of,
    words_of,
)
from tests.factories import (
    CHANNEL,
    GROUP,
    RANDOM,
    TODAY,
    keep,
    make_entry,
    make_grade,
    make_member,
    make_round,
    make_timetable,
)

ELSEWHERE: Final = ChannelId("terminal:elsewhere/general")


def paid(world: World, who: str, points: int, **changes: Any) -> None:
    """A member who is named has been paid so many points in the first day's round."""
    keep(world.tx, make_member(member(who), public=True), make_entry(member=member(who), points=points, **changes))


def answered(world: World, first: int, last: int, **said: str) -> None:
    """These members say this on each of these days, and every round is revealed."""
    for day in range(first, last + 1):
        world.tick(at("09:00", day))
        for who, text in said.items():
            world.says(who, text, at("10:00", day))
    world.tick(at("09:00", last + 1))


def ranks(card: Card) -> list[tuple[str, str]]:
    return [(row.rank, row.name) for row in rows_of(card)]


def share_of(card: Card) -> list[Button]:
    return [button for button in card.buttons if button.press is Press.SHARE]


# --- one's own row ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("own", "shown"),
    [
        (0, [*range(1, 11)]),
        (9, [*range(1, 11)]),
        (10, [*range(1, 11), 11, 12]),
        (11, [*range(1, 11), 11, 12, 13]),
        (13, [*range(1, 11), 13, 14]),
    ],
)
def test_below_the_first_ten_the_own_row_stands_between_its_neighbors_and_nothing_is_said_twice(
    world: World, own: int, shown: list[int]
) -> None:
    for number in range(14):
        paid(world, f"m{number:02}", 50 - number)
    card = world.command(f"m{own:02}", "leaderboard", at("08:00"))
    assert [row.rank for row in rows_of(card)] == [f"{rank}." for rank in shown]
    assert [row.rank for row in rows_of(card) if row.own] == [f"{own + 1}."]


def test_ties_share_a_rank_and_the_next_one_counts_all_above_it(world: World) -> None:
    for who, points in (("ada", 3), ("bob", 5), ("cleo", 3), ("dan", 1)):
        paid(world, who, points)
    assert ranks(world.command("eve", "leaderboard", at("08:00"))) == [
        ("1.", "Bob"),
        ("2.", "Ada"),
        ("2.", "Cleo"),
        ("4.", "Dan"),
    ]


def test_a_board_adds_up_the_channels_of_a_group_and_of_no_other(world: World) -> None:
    paid(world, "ada", 3)
    keep(world.tx, make_entry(make_round(RANDOM), points=2, id="x"))
    keep(world.tx, make_entry(make_round(ELSEWHERE), member("ada", ELSEWHERE), points=9, id="y"))
    assert [row.points for row in rows_of(world.command("bob", "leaderboard", at("08:00")))] == ["5 points"]
    assert [row.points for row in rows_of(world.command("bob", "leaderboard here", at("08:00")))] == ["3 points"]


def test_extra_rounds_stand_on_no_board(world: World) -> None:
    world.command("ada", "ask", at("08:00"))
    world.tick(at("08:00"))
    world.says("ada", FULL, at("08:10"))
    world.tick(at("09:00", 2))
    assert rows_of(world.command("ada", "leaderboard all", at("10:00", 2))) == []


# --- by average ---------------------------------------------------------------------------------------------


def test_whoever_joined_late_has_a_chance_on_the_board_by_average(world: World) -> None:
    answered(world, 0, 5, ada=PARTLY)
    answered(world, 6, 8, ada=PARTLY, bob=FULL)
    assert ranks(world.command("eve", "leaderboard all", at("12:00", 9))) == [("1.", "Ada"), ("2.", "Bob")]
    rows = rows_of(world.command("eve", "leaderboard all average", at("12:00", 9)))
    assert [(row.rank, row.name, row.points, row.rest) for row in rows] == [
        ("1.", "Bob", "3.00 a round", "9 points, 3 of 3 rounds"),
        ("2.", "Ada", "2.00 a round", "18 points, 9 of 9 rounds"),
    ]


@pytest.mark.parametrize(("first", "last", "more", "on_it"), [(0, 1, 1, False), (0, 2, 3, True), (0, 2, 4, False)])
def test_the_board_by_average_takes_three_rounds_and_half_of_those_since_the_first(
    world: World, first: int, last: int, more: int, on_it: bool
) -> None:
    answered(world, first, last, ada=FULL, bob=TRY)
    if more:
        answered(world, last + 1, last + more, bob=TRY)
    card = world.command("ada", "leaderboard all average", at("12:00", last + more + 1))
    assert ("Ada" in [row.name for row in rows_of(card)]) is on_it
    assert ("answer at least 3 rounds, and half of those since your first" in words_of(card)) is not on_it


def test_without_anybody_on_it_the_board_by_average_says_so(world: World) -> None:
    said = words_of(world.command("ada", "leaderboard average", at("08:00")))
    assert "Nobody has answered enough rounds yet." in said
    assert "You are not on it yet" in said


def test_a_channel_that_one_never_answered_in_is_not_open_to_one(world: World) -> None:
    world.set_up(RANDOM)
    answered(world, 0, 2, ada=FULL)
    (row,) = rows_of(world.command("bob", "leaderboard all average", at("12:00", 3)))
    assert row.rest == "9 points, 3 of 3 rounds"


def test_points_that_are_dated_later_than_their_round_cost_nobody_the_board_by_average() -> None:
    with closing(World(next=Opening(on=date(2026, 11, 1), at=at("09:00", -21)))) as world:
        world.tick(at("09:00", -21))
        world.says("ada", "sorry, I do not know that", at("10:00", -21))
        answered(world, 10, 12, ada=FULL)  # Three rounds in December.
        world.regrade("ada", world.rounds()[0], make_grade(1), at("12:00", 13))
        (row,) = rows_of(world.command("ada", "leaderboard average", at("12:00", 13)))
        assert (row.points, row.rest) == ("2.75 a round", "11 points, 4 of 4 rounds")


@given(
    st.dictionaries(
        st.sampled_from([member(name) for name in "abcdef"]),
        st.tuples(st.integers(-2, 12), st.integers(0, 5), st.integers(0, 9)),
    )
)
def test_averages_are_a_proper_ranking_of_those_who_took_part(kept: dict[MemberId, tuple[int, int, int]]) -> None:
    totals = [(who, points, rounds) for who, (points, rounds, _) in kept.items()]
    rows = scoring.averages(totals, {who: open_ for who, (_, _, open_) in kept.items()})
    fit = {who for who, (points, rounds, open_) in kept.items() if points > 0 and rounds >= 3 and 2 * rounds >= open_}
    assert {row.member for row in rows} == fit
    for row in rows:
        assert row.rank == 1 + sum(other.a_round > row.a_round for other in rows)
        assert row.open >= row.rounds
    assert [row.rank for row in rows] == sorted(row.rank for row in rows)


# --- names --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("wish", "others", "own"), [("name", "Ada", "Ada"), ("someone", "someone", "Ada")])
@pytest.mark.parametrize("line", ["leaderboard", "leaderboard here", "leaderboard average"])
def test_boards_show_a_member_as_they_wish_and_themselves_by_name(
    world: World, wish: str, others: str, own: str, line: str
) -> None:
    answered(world, 0, 2, ada=FULL)
    world.command("ada", f"me shown={wish}", at("10:00", 3))
    assert [row.name for row in rows_of(world.command("bob", line, at("11:00", 3)))] == [others]
    assert [row.name for row in rows_of(world.command("ada", line, at("11:00", 3)))] == [own]


@pytest.mark.parametrize("line", ["leaderboard", "leaderboard here", "leaderboard average"])
def test_whoever_wants_to_be_on_no_board_sees_their_own_row_and_nobody_else_does(world: World, line: str) -> None:
    answered(world, 0, 2, ada=FULL, bob=TRY)
    world.command("ada", "me shown=out", at("10:00", 3))
    assert ranks(world.command("bob", line, at("11:00", 3))) == [("2.", "Bob")]
    assert ranks(world.command("ada", line, at("11:00", 3))) == [("1.", "Ada"), ("2.", "Bob")]


def test_the_first_private_reply_to_a_form_asks_how_one_is_shown_until_one_has_said(world: World) -> None:
    world.tick(at("09:00"))

    def reply(who: str) -> Card:
        told = world.fills_form(who, FULL, at("10:00"))
        return objecting.after_answer(world.tx, member(who), GROUP, told)

    for _ in range(2):
        namings = [button for button in reply("ada").buttons if button.press is Press.NAMING]
        assert [button.about for button in namings] == ["name", "someone", "out"]
    world.presses("ada", Press.NAMING, "someone", at("10:01"))
    assert not any(button.press is Press.NAMING for button in reply("ada").buttons)
    world.says("bob", FULL, at("10:00"))  # Everybody has seen who he is.
    assert not any(button.press is Press.NAMING for button in reply("bob").buttons)


@pytest.mark.parametrize("word", ["name", "someone", "out"])
def test_each_answer_to_that_question_is_kept_and_said_back(world: World, word: str) -> None:
    card = world.presses("ada", Press.NAMING, word, at("10:00"))
    kept = world.tx.members.get(member("ada"))
    assert kept is not None
    assert (kept.name, kept.naming) == (
        "Ada",
        {"name": Naming.NAME, "someone": Naming.SOMEONE, "out": Naming.OUT}[word],
    )
    assert words_of(card).startswith("How you are shown\nBoards ")


def test_me_hide_tells_how_one_is_shown_and_offers_the_other_ways(world: World) -> None:
    card = world.command("ada", "me hide", at("10:00"))
    assert "as “someone” now" in words_of(card)
    assert [button.about for button in card.buttons] == ["name", "someone", "out"]


# --- barred -------------------------------------------------------------------------------------------------


def test_whoever_is_barred_has_no_row_anywhere_and_the_others_move_up() -> None:
    with closing(World(recap=True)) as world:
        answered(world, 0, 2, mallory=FULL, ada=TRY)
        world.orders("bar @mallory", at("09:30", 3))
        for line in ("leaderboard all", "leaderboard all here", "leaderboard all average"):
            assert ranks(world.command("ada", line, at("10:00", 3))) == [("1.", "Ada")]
            assert ranks(world.command("mallory", line, at("10:00", 3))) == [("1.", "Ada")]
        assert "rank 1" in words_of(world.command("ada", "me", at("10:00", 3)))
        assert "rank" not in words_of(world.command("mallory", "me", at("10:00", 3)))
        world.says("ada", TRY, at("10:00", 3))
        world.tick(at("09:00", 4))
        reveal = world.card(f"{world.rounds()[3].id}/reveal")
        assert ranks(reveal) == [("1.", "Ada")]
        world.days(5, 8)
        assert "Ahead in that week: 1. Ada (3 points)" in words_of(world.card(f"{CHANNEL}/recap/2026-W48"))
        world.tick(at("09:00", 8 + 30))
        assert "1. Ada" in words_of(world.command("ada", "leaderboard past", at("10:00", 38)))
        assert "allory" not in words_of(world.command("ada", "leaderboard past", at("10:00", 38)))


def test_points_come_back_with_the_end_of_a_bar(world: World) -> None:
    answered(world, 0, 0, mallory=FULL, ada=TRY)
    for _ in range(2):
        world.orders("bar @mallory", at("10:00", 1))
    assert ranks(world.command("ada", "leaderboard all", at("11:00", 1))) == [("1.", "Mallory"), ("2.", "Ada")]


# --- share --------------------------------------------------------------------------------------------------


def shared(world: World) -> list[Card]:
    return [card for key, _, card in world.posted if "/board/" in key]


def test_share_posts_the_top_ten_with_a_picture_that_says_the_same(world: World) -> None:
    for number in range(12):
        paid(world, f"m{number:02}", 50 - number)
    [button] = share_of(world.command("m11", "leaderboard", at("08:00")))
    world.presses("m11", button.press, button.about, at("08:01"))
    world.deliver(at("08:01"))
    [card] = shared(world)
    rows = rows_of(card)
    assert [row.rank for row in rows] == [f"{rank}." for rank in range(1, 11)]
    assert not any(row.own for row in rows)
    picture = card.picture
    assert picture is not None
    [bars] = picture.charts
    assert isinstance(bars, Bars)
    assert [(bar.label, bar.value, bar.text) for bar in bars.rows] == [
        (f"{row.rank} {row.name}", row.value, row.points) for row in rows
    ]
    assert bars.rows[0].value == 50
    for row in rows:
        assert f"{row.rank} {row.name}, {row.points}, {row.rest}" in picture.alt


@pytest.mark.parametrize("line", ["leaderboard week", "leaderboard all here", "leaderboard all average here"])
def test_share_posts_the_very_board_that_was_looked_at(world: World, line: str) -> None:
    answered(world, 0, 2, ada=FULL, bob=PARTLY)
    looked_at = world.command("eve", line, at("08:30", 3))
    [button] = share_of(looked_at)
    world.presses("eve", button.press, button.about, at("08:31", 3))
    world.deliver(at("08:31", 3))
    [card] = shared(world)
    assert (card.title, rows_of(card)) == (looked_at.title, rows_of(looked_at))


def test_a_board_is_shared_once_an_hour_in_a_channel(world: World) -> None:
    world.set_up(RANDOM)
    paid(world, "ada", 3)
    about = "month points all"
    world.presses("ada", Press.SHARE, f"{about} {CHANNEL}", at("08:00"))
    with pytest.raises(Refused, match="less than an hour ago"):
        world.presses("bob", Press.SHARE, f"week points here {CHANNEL}", at("08:59"))
    world.presses("bob", Press.SHARE, f"{about} {RANDOM}", at("08:59"))
    world.presses("bob", Press.SHARE, f"{about} {CHANNEL}", at("09:00"))
    world.deliver(at("09:00"))
    assert len(shared(world)) == 3


def test_whoever_wants_to_be_on_no_board_is_not_on_the_one_they_share(world: World) -> None:
    for number in range(12):
        paid(world, f"m{number:02}", 50 - number)
    world.command("m03", "me shown=out", at("08:00"))
    [button] = share_of(world.command("m03", "leaderboard all", at("08:01")))
    world.presses("m03", button.press, button.about, at("08:01"))
    world.deliver(at("08:01"))
    assert [name for _, name in ranks(shared(world)[0])] == [f"M{number:02}" for number in range(11) if number != 3]


def test_share_is_offered_only_where_it_works(world: World) -> None:
    assert share_of(world.command("ada", "leaderboard", at("08:00"))) == []
    paid(world, "ada", 3)
    assert share_of(world.command("ada", "leaderboard", at("08:00")))
    alone = Place(channel=ChannelId(member("ada")))  # In a direct message there is nobody to share it with.
    assert share_of(world.command("ada", "leaderboard", at("08:00"), place=alone)) == []
    world.command("ada", "me shown=out", at("08:00"))
    assert share_of(world.command("ada", "leaderboard", at("08:00"))) == []
    world.command("ada", "me shown=name", at("08:00"))
    world.orders("setup ranking=off", at("08:00"))
    assert share_of(world.command("ada", "leaderboard", at("08:00"))) == []
    with pytest.raises(Refused, match="no board"):
        world.presses("ada", Press.SHARE, f"month points all {CHANNEL}", at("08:00"))


def test_a_channel_without_ranking_shows_no_board_of_its_own_past_or_present_and_none_at_the_reveal(
    world: World,
) -> None:
    answered(world, 0, 0, ada=FULL)
    world.orders("setup ranking=off", at("10:00", 1))
    world.says("ada", FULL, at("10:00", 1))
    world.tick(at("09:00", 2))
    assert rows_of(world.card(f"{world.rounds()[1].id}/reveal")) == []
    for line in ("leaderboard here", "leaderboard past here", "leaderboard average here"):
        with pytest.raises(Refused, match="no board"):
            world.command("ada", line, at("12:00", 2))


# --- seasons that are over ----------------------------------------------------------------------------------


def past(world: World, channel: ChannelId | None = None) -> dict[str, tuple[Standing, ...]]:
    return {season.season: season.standings for season in world.tx.ledger.kept(GROUP, channel)}


def test_a_season_is_kept_seven_days_after_its_end_for_the_group_and_each_channel(world: World) -> None:
    answered(world, 0, 0, ada=FULL)  # A Sunday, the last day of week 47.
    assert past(world) == {}
    world.tick(at("09:00", 7))
    assert past(world) == {}
    world.tick(at("09:00", 9))
    row = Standing(rank=1, member=member("ada"), points=3, rounds=1)
    assert past(world) == past(world, CHANNEL) == {"2026-W47": (row,)}
    assert past(world, RANDOM) == {}
    world.tick(at("09:00", 17))  # 9 December.
    assert past(world) == {"2026-W47": (row,), "2026-11": (row,)}


def test_a_season_is_kept_once_it_is_over_everywhere_on_earth() -> None:
    """A round's last points of a season are paid on an evening on which UTC has the next day already."""
    zone = make_timetable(zone="Etc/GMT+12")
    opening = Opening(on=date(2026, 11, 22), at=at("21:00"))
    with closing(World(timetable=zone, next=opening)) as world:
        world.tick(at("21:00"))
        world.says("ada", TRY, at("22:00"))
        world.tick(at("21:00", 1))
        world.tick(at("08:00", 8))
        world.regrade("ada", world.rounds()[0], make_grade(2), at("11:00", 8))  # There it is the 29th until noon.
        for day in (8, 9, 10):
            world.tick(at("23:00", day))
        assert [row.points for row in past(world)["2026-W47"]] == [3]


def test_what_is_decided_after_a_season_was_kept_changes_nothing_of_it(world: World) -> None:
    answered(world, 0, 0, ada=TRY, bob=PARTLY)
    world.tick(at("09:00", 20))
    before = past(world)
    world.regrade("ada", world.rounds()[0], make_grade(2), at("10:00", 20))
    world.days(21, 60)
    assert {key: past(world)[key] for key in before} == before
    assert set(past(world)) - set(before) == {"2026-W50", "2026-12"}


def test_the_hall_of_fame_lists_months_and_weeks_with_their_first_three_as_they_wish_to_be_shown(world: World) -> None:
    assert "No season is over yet." in words_of(world.command("ada", "leaderboard past", at("08:00")))
    said = {"ada": FULL, "bob": PARTLY, "cleo": PARTLY, "dan": TRY}
    answered(world, 0, 0, **said)
    world.tick(at("09:00", 20))
    for who, wish in (("bob", "someone"), ("cleo", "out")):
        world.command(who, f"me shown={wish}", at("10:00", 20))
    row = "1. Ada, 3 points; 2. someone, 2 points"
    for line in ("leaderboard past", "leaderboard past here"):
        card = words_of(world.command("eve", line, at("12:00", 20)))
        assert f"Months\nNovember 2026  {row}\nWeeks\nweek to 22 November 2026  {row}" in card


def test_the_hall_of_fame_of_another_group_is_its_own(world: World) -> None:
    world.set_up(ELSEWHERE)
    answered(world, 0, 0, ada=FULL)
    world.tick(at("09:00", 20))
    there = Place(channel=ELSEWHERE)
    assert "No season is over" in words_of(world.command("ada", "leaderboard past", at("12:00", 20), place=there))


# --- they add up --------------------------------------------------------------------------------------------

WHO: Final = ("ada", "bob", "cleo")
TEXTS: Final = (
    "It covers one and covers two.",
    "It touches one and covers two.",
    "An honest try with nothing in it.",
    f"{BY_HEART} it covers one and covers two.",
    "sorry, I do not know that",
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["say", "form", "edit", "delete", "regrade", "object", "rule", "level", "award", "undo", "bar", "rebuild"]
        ),
        st.sampled_from(WHO),
        st.integers(0, 2),
        st.sampled_from(TEXTS),
        st.sampled_from([timedelta(hours=5), timedelta(days=1), timedelta(days=4), timedelta(days=9)]),
    ),
    min_size=1,
    max_size=14,
)


@cache
def turn_of_a_month(zone: str) -> World:
    """A group with two channels, one in this zone: three revealed rounds about the end of a week and a month."""
    first = Opening(on=date(2026, 11, 29), at=at("09:00", 7))
    world = of_key_points(next=first)
    world.set_up(RANDOM, timetable=make_timetable(zone=zone), next=first)
    for day in (7, 8, 9):
        world.tick(at("09:00", day))
        for channel in (CHANNEL, RANDOM):
            for who, text in zip(WHO, TEXTS, strict=False):
                thread = world.round(channel).thread
                world.says(who, text, at("10:00", day), message=f"{who} {day} {channel}", place=thread)
    world.tick(at("10:00", 10))
    return world


class Later:
    """What befalls such a group afterwards, and the seasons it was seen to keep."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.kept: dict[tuple[ChannelId | None, str], PastSeason] = {}
        self.now = at("10:00", 10)

    def step(self, what: str, who: str, day: int, text: str, later: timedelta) -> None:
        self.now += later
        channel = RANDOM if later == timedelta(days=1) else CHANNEL
        world, round_ = self.world, self.world.rounds(channel)[day]
        message = f"{who} {7 + day} {channel}"
        said = Said(
            place=round_.thread or Place(channel=channel),
            message=message,
            member=member(who),
            name=who.capitalize(),
            text=text,
            said_at=at("10:00", 7 + day),
        )
        stamped = at("11:00", 7 + day)  # What was done in time may come to be known at any time.
        there = world.tx.answers.get(round_.id, member(who))
        try:
            match what:
                case "say":
                    world.arrives(replace(said, message=f"{message} more", said_at=stamped), self.now)
                case "form":
                    form = Form(
                        round=round_.id,
                        interaction=f"{message} {self.now}",
                        member=member(who),
                        name=who,
                        text=text,
                        at=stamped,
                    )
                    world.arrives(form, self.now)
                case "edit":
                    world.arrives(replace(said, edited_at=stamped), self.now)
                case "delete":
                    world.arrives(Deleted(channel=channel, message=message, at=stamped), self.now)
                case "regrade" if there is not None and there.parts:
                    level = TEXTS.index(text) % 3
                    grade = make_grade(level, points=(), flags=(Flag.QUOTED,) if level == 0 else ())
                    world.regrade(who, round_, grade, self.now)
                case "object":
                    world.presses(who, Press.OBJECT, f"{day % 2}.0 {round_.id}", self.now, channel=channel)
                case "rule":
                    for objection in world.tx.objections.open_in(channel):
                        world.rules(f"grant o{objection.number}", self.now, channel=channel)
                case "level":
                    for number, _ in world.tx.answers.flagged(channel, TODAY):
                        world.rules(f"2 f{number}", self.now, channel=channel)
                case "award":
                    line = f"award @{who} {1 + day} well said"
                    world.command("olga", line, self.now, organizer=True, place=round_.thread)
                case "undo":
                    for ruling in world.tx.rulings.of_channel(channel, 3):
                        world.rules(f"undo r{ruling.number}", self.now, channel=channel)
                case "bar":
                    world.orders(f"bar @{who}", self.now)
                case "rebuild":
                    assert world.tx.ledger.recount() == 0
        except Refused:
            pass
        world.tick(self.now, deliver=False)
        for channel_ in (None, CHANNEL, RANDOM):
            for season in world.tx.ledger.kept(GROUP, channel_):
                assert self.kept.setdefault((channel_, season.season), season) == season

    def entries(self) -> list[Entry]:
        return [entry for who in WHO for entry in self.world.tx.ledger.of_member(GROUP, member(who))]


def recounted(
    entries: list[Entry], season: Season, on: date, channel: ChannelId | None
) -> dict[MemberId, tuple[int, int]]:
    """Points and rounds that paid, of each member in a season, from nothing but the rows of the ledger."""
    first, last = scoring.season_dates(season, on)
    points: dict[MemberId, int] = defaultdict(int)
    brought: dict[tuple[MemberId, str], int] = defaultdict(int)
    for entry in entries:
        begun, over = (first or entry.local_date) <= entry.local_date, (last or entry.local_date) < entry.local_date
        if begun and not over and channel in (None, entry.channel):
            points[entry.member] += entry.points
            brought[entry.member, entry.round] += entry.points if entry.ruling is None else 0
    return {who: (points[who], sum(p > 0 for (m, _), p in brought.items() if m == who)) for who in points}


@settings(max_examples=20, deadline=None)
@given(steps=STEPS, zone=st.sampled_from(["UTC", "Etc/GMT+12", "Pacific/Kiritimati"]))
def test_the_boards_of_every_season_equal_a_plain_recount_of_the_ledger_whatever_happens(
    steps: list[tuple[str, str, int, str, timedelta]], zone: str
) -> None:
    world = turn_of_a_month(zone)
    with world.tried():
        group = Later(world)
        for step in steps:
            group.step(*step)
        group.now += timedelta(days=50)
        world.tick(group.now, deliver=False)
        entries = group.entries()
        dates = sorted({entry.local_date for entry in entries})
        for on in dates:
            for season in Season:
                for channel in (None, CHANNEL, RANDOM):
                    board = world.tx.ledger.board(GROUP, season, on, channel)
                    plain = recounted(entries, season, on, channel)
                    assert {who: (points, rounds) for who, points, rounds in board} == plain
                    first, last = scoring.season_dates(season, on)
                    assert board == world.tx.ledger.totals(GROUP, channel=channel, first=first, last=last)
                    if last is not None and group.now.date() >= last + boards.KEPT_AFTER and board:
                        [kept] = [
                            past.standings
                            for past in world.tx.ledger.kept(GROUP, channel)
                            if past.season == scoring.season_key(season, on)
                        ]
                        assert kept == tuple(scoring.standings(board))
        assert world.tx.ledger.recount() == 0
        barred = {known.id for known in world.tx.members.of_group(GROUP) if known.barred}
        rows = rows_of(world.command("olga", "leaderboard all", group.now))
        points = {who: p for who, (p, _) in recounted(entries, Season.ALL, TODAY, None).items() if p > 0}
        shown = sorted((p for who, p in points.items() if who not in barred), reverse=True)
        assert [row.value for row in rows] == shown
        assert [row.rank for row in rows] == [f"{1 + sum(p > row.value for p in shown)}." for row in rows]


# --- what is typed and what a button carries ----------------------------------------------------------------


@pytest.mark.parametrize("line", ["leaderboard year", "leaderboard by=rank", "leaderboard where=there", "me shown=no"])
def test_what_is_no_board_is_refused_in_words(world: World, line: str) -> None:
    with pytest.raises(Misread, match=r"is one of|cannot do anything"):
        world.command("ada", line, at("08:00"))


WORDS = st.one_of(
    st.sampled_from(["", "month", "all", "past", "points", "average", "here", "there", "name", "9" * 5000, "²", "-1"]),
    st.text(max_size=5),
)
PLACES = st.one_of(st.sampled_from([CHANNEL, RANDOM, ELSEWHERE, member("ada"), "", "x", "@"]), st.text(max_size=9))
FORGED = st.one_of(
    st.text(),
    st.builds(lambda words, place: " ".join((*words, place)), st.lists(WORDS, max_size=4), PLACES),
)


@settings(max_examples=80, deadline=None)
@given(about=FORGED, press=st.sampled_from([Press.SHARE, Press.NAMING]))
def test_whatever_the_buttons_of_boards_carry_is_refused_in_words_unless_it_was_offered_so(
    full: World, about: str, press: Press
) -> None:
    before = full.contents()
    with full.tried():
        card = attempted(lambda: full.presses("eve", press, about, at("10:00", 1)))
        if isinstance(card, str):
            assert card
            assert full.contents() == before
        else:
            assert card.title in ("Shared", "How you are shown")


@pytest.fixture(scope="module")
def full() -> Iterator[World]:
    with closing(World()) as world:
        answered(world, 0, 0, ada=FULL, bob=TRY)
        yield world
