"""Streaks of members and of a channel's group: what counts, what does not, and that nothing rewrites one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core import progress, scoring, streaks
from bot.core.asking import Asker
from bot.core.model import Absence, MemberId, Opening, Place, RoundId, RoundState, daily_round_id
from bot.core.scoring import Kept
from bot.core.setting_up import Refused
from tests.core.worlds import DONT_KNOW, FULL, TRY, World, at, attempted, member, words_of
from tests.factories import CHANNEL, RANDOM, TODAY, make_timetable

ADA: Final = member("ada")
ASKER: Final = Asker(member=ADA, name="Ada", place=Place(channel=CHANNEL))


def played(world: World, days: str, first: int = 0, who: str = "ada") -> None:
    """A round a day, each revealed: + an honest try, ? "I don't know", . nothing, x called off, s left out."""
    for day, sign in enumerate(days, start=first):
        if sign == "s":
            world.tick(at("23:00", day))
            continue
        world.tick(at("09:00", day))
        world.says("bob", TRY, at("09:30", day))
        if sign in "+?":
            world.says(who, TRY if sign == "+" else DONT_KNOW, at("10:00", day))
        if sign == "x":
            world.orders("skip open", at("11:00", day))
    world.tick(at("09:00", first + len(days)))


def why(world: World, now: int, who: str = "ada") -> str:
    return words_of(world.command(who, "me why", at("12:00", now)))


# --- what is explained --------------------------------------------------------------------------------------


def test_a_streak_is_explained_round_by_round_the_latest_first(world: World) -> None:
    world.command("ada", "me away until 2026-11-28", at("08:00", 5))
    played(world, ".+++.", 0)
    played(world, ".", 5)
    played(world, "x+..", 7)
    said = why(world, 11)
    assert said.splitlines()[1:] == [
        "0 rounds in a row; longest 4.",
        "Wed 2 Dec: missed",
        "Tue 1 Dec: missed",
        "Mon 30 Nov: answered",
        "Sat 28 Nov: away, does not count",
        "Fri 27 Nov: away, does not count",
        "Thu 26 Nov: missed, forgiven",
        "Wed 25 Nov: answered",
        "Tue 24 Nov: answered",
        "Mon 23 Nov: answered",
        "It counts daily rounds of this channel that are revealed, from your first answer on. One missed round in any "
        "seven is forgiven. Rounds that were left out or called off, and days you are away, change nothing.",
    ]


def test_a_forgiven_miss_is_told_beside_the_rounds_and_is_none_of_them(world: World) -> None:
    played(world, "++.+")
    assert "3 rounds in a row, and 1 missed and forgiven; longest 3." in why(world, 4)
    assert "streak here: 3, 1 missed and forgiven, longest 3" in words_of(world.command("ada", "me", at("12:00", 4)))


def test_of_a_long_streak_the_latest_rounds_are_told_and_the_others_counted(world: World) -> None:
    played(world, "+" * 17)
    said = why(world, 17)
    assert said.count(": answered") == 14
    assert "Tue 8 Dec: answered" in said
    assert "and 3 before these" in said


def test_an_absence_before_the_first_answer_is_no_part_of_the_story(world: World) -> None:
    world.command("ada", "me away until 2026-11-23", at("08:00"))
    played(world, "..+")
    assert "away" not in why(world, 3).splitlines()[2]
    assert len(why(world, 3).splitlines()) == 4


def test_who_has_never_answered_is_told_how_a_streak_begins(world: World) -> None:
    played(world, "..")
    assert "It begins with your first answer to a daily question" in why(world, 2)


def test_a_streak_is_told_for_the_channel_it_is_asked_in(world: World) -> None:
    world.set_up(RANDOM)
    played(world, "++")
    thread = world.round(RANDOM).thread
    assert thread is not None
    said = words_of(world.command("ada", "me why", at("12:00", 2), place=replace(thread, thread=None)))
    assert "It begins with" in said


# --- away ---------------------------------------------------------------------------------------------------


def away(world: World, value: str, day: int) -> str:
    return words_of(world.command("ada", f"me away {value}".rstrip(), at("08:00", day)))


def test_days_one_is_away_change_nothing_and_rounds_one_answers_then_count(world: World) -> None:
    played(world, "++")
    assert "Until 2026-11-28" in away(world, "until 2026-11-28", 2)
    played(world, "..+..", 2)
    assert world.streak("ada") == 3


def test_the_day_after_an_absence_counts_again(world: World) -> None:
    played(world, "++")
    away(world, "2026-11-25", 2)
    played(world, "....", 2)
    assert world.streak("ada") == 0  # Away on the 24th and the 25th; then one miss forgiven and one that is not.
    assert world.tx.members.absences(ADA) == [Absence(member=ADA, first=date(2026, 11, 24), last=date(2026, 11, 25))]


def test_whoever_is_back_early_counts_from_that_day_on(world: World) -> None:
    played(world, "++")
    away(world, "until 2026-12-20", 2)
    played(world, "..", 2)
    assert "You are away until 2026-12-20" in away(world, "", 4)
    assert "Welcome back" in away(world, "back", 4)
    assert world.tx.members.absences(ADA) == [Absence(member=ADA, first=date(2026, 11, 24), last=date(2026, 11, 25))]
    assert "You are not away" in away(world, "", 4)
    played(world, "..", 4)
    assert world.streak("ada") == 0


def test_whoever_is_back_the_same_day_was_never_away(world: World) -> None:
    away(world, "until 2026-12-20", 0)
    away(world, "back", 0)
    assert world.tx.members.absences(ADA) == []


def test_an_absence_is_made_longer_or_shorter_by_saying_it_again(world: World) -> None:
    for until, day in (("2026-12-20", 0), ("2026-12-24", 3), ("2026-11-26", 4)):
        away(world, f"until {until}", day)
        [absence] = world.tx.members.absences(ADA)
        assert (absence.first, absence.last) == (TODAY, date.fromisoformat(until))
    assert away(world, "until 2026-11-29", 6)
    assert [absence.first for absence in world.tx.members.absences(ADA)] == [TODAY, TODAY + timedelta(days=6)]


def test_being_away_in_one_channel_is_being_away_in_all(world: World) -> None:
    away(world, "until 2026-12-20", 0)
    assert streaks.is_away(world.tx.members.absences(ADA), date(2026, 12, 20))
    assert not streaks.is_away(world.tx.members.absences(ADA), date(2026, 12, 21))
    assert world.tx.members.absences(member("bob")) == []


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("until yesterday", "is no date"),
        ("until 2026-11-21", "in the past"),
        ("until 2027-05-22", "at most until 2027-05-21"),
        ("until 9999-12-31", "far off"),
        ("until 2026-13-01", "is no date"),
        ("back", "You are not away"),
        ("until back", "You are not away"),
    ],
)
def test_what_is_no_absence_is_refused_in_words(world: World, value: str, told: str) -> None:
    with pytest.raises(Refused, match=told):
        away(world, value, 0)
    assert world.tx.members.absences(ADA) == []


@settings(max_examples=60, deadline=None)
@given(value=st.text(max_size=20))
def test_whatever_is_said_of_being_away_is_taken_or_refused_in_words(value: str) -> None:
    asked = _empty()
    with asked.tried():
        assert attempted(lambda: progress.away(asked.tx, ASKER, value, at("08:00")))


@cache
def _empty() -> World:
    return World()


# --- what cannot rewrite one --------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago", "America/New_York"])
def test_no_change_of_zone_rewrites_a_streak(world: World, zone: str) -> None:
    played(world, "+++.++")
    before = streaks.member_streak(world.tx, CHANNEL, ADA)
    assert before.streak.length == 5
    world.orders(f"setup zone={zone}", at("09:30", 6))
    assert streaks.member_streak(world.tx, CHANNEL, ADA) == before
    for hour in range(0, 24 * 4, 3):
        world.tick(at("10:00", 6) + timedelta(hours=hour))
    after = streaks.member_streak(world.tx, CHANNEL, ADA)
    assert after.rounds[: len(before.rounds)] == before.rounds
    assert len(after.rounds) > len(before.rounds)


@pytest.mark.parametrize("first", [date(2026, 3, 26), date(2026, 10, 22)])
def test_a_night_on_which_the_clocks_change_counts_as_one_round(first: date) -> None:
    """In Berlin they change on 29 March and on 25 October 2026, at two and at three."""
    timetable = make_timetable(at=at("02:30").time(), zone="Europe/Berlin")
    offset = (first - TODAY).days
    with closing(World(timetable=timetable, next=Opening(on=first, at=at("01:30", offset)))) as world:
        for half_hour in range(48 * 8):
            now = at("00:00", offset) + timedelta(minutes=30 * half_hour)
            world.tick(now)
            open_ = next(iter(world.tx.rounds.live(CHANNEL)), None)
            if open_ is not None and world.answer("ada", open_) is None:
                world.says("ada", TRY, now)
        dates = [on for on, _ in streaks.member_streak(world.tx, CHANNEL, ADA).rounds]
        assert dates == [first + timedelta(days=day) for day in range(len(dates))]
        assert world.streak("ada") == len(dates) >= 6


SIGNS = st.text("+++?..xs", max_size=16)
ABSENCES = st.lists(st.tuples(st.integers(0, 15), st.integers(0, 4)), max_size=2)


def plainly(days: str, absences: Sequence[tuple[int, int]]) -> int:
    """The answers after the last miss that is not forgiven; one is, where the six rounds before it hold no other."""
    gone = {first + day for first, length in absences for day in range(length + 1)}
    counted = [sign == "+" for day, sign in enumerate(days) if sign == "+" or (sign in "?." and day not in gone)]
    since = counted[counted.index(True) :] if True in counted else []
    broken = [at_ for at_, here in enumerate(since) if not here and not all(since[max(0, at_ - 6) : at_])]
    return sum(since[broken[-1] :]) if broken else sum(since)


@settings(max_examples=15, deadline=None)
@given(days=SIGNS, absences=ABSENCES)
def test_a_streak_equals_a_plain_recount_from_the_rounds(days: str, absences: list[tuple[int, int]]) -> None:
    world = _empty()
    with world.tried():
        for first, length in absences:
            begins = TODAY + timedelta(days=first)
            world.tx.members.add_absence(Absence(member=ADA, first=begins, last=begins + timedelta(days=length)))
        longest = dict(absences)  # Of two that begin on the same day the later one stands.
        played(world, days)
        counted = streaks.member_streak(world.tx, CHANNEL, ADA)
        assert counted.streak.length == plainly(days, list(longest.items()))
        held = [on for on, _ in counted.rounds] + list(counted.away)
        revealed = [r.local_date for r in world.rounds() if r.state is RoundState.REVEALED]
        assert sorted(held) == revealed
        assert [kept for _, kept in counted.rounds] == list(counted.streak.story)


@given(st.lists(st.booleans(), max_size=40))
def test_the_story_says_what_the_number_is_made_of(answered: list[bool]) -> None:
    streak = scoring.streak(answered)
    story = streak.story
    assert len(story) == len(answered)
    since = len(story) - list(story[::-1]).index(Kept.BROKEN) if Kept.BROKEN in story else 0
    assert streak.length == list(story[since:]).count(Kept.ANSWERED)
    assert streak.forgiven == list(story[since:]).count(Kept.FORGIVEN)
    assert [kept is Kept.ANSWERED for kept in story] == answered
    assert all(kept is Kept.BEFORE for kept in story[: answered.index(True) if True in answered else None])


# --- the group's --------------------------------------------------------------------------------------------


def held(*rounds: tuple[int, str]) -> int:
    """The group streak after rounds on these days, each tried by those whose letters are named."""
    dated = [(TODAY + timedelta(days=day), daily_round_id(CHANNEL, TODAY + timedelta(days=day))) for day, _ in rounds]
    tried: dict[RoundId, set[MemberId]] = {
        id: set(map(member, who)) for (_, id), (_, who) in zip(dated, rounds, strict=True) if who
    }
    return streaks.together(dated, tried)


@pytest.mark.parametrize(
    ("rounds", "length"),
    [
        ([], 0),
        ([(0, "a")], 1),
        ([(0, "")], 0),
        ([(0, "ab"), (1, "a")], 2),  # Half of those who are active.
        ([(0, "abc"), (1, "a")], 0),
        ([(0, "abc"), (1, "a"), (2, "ab")], 1),
        ([(0, "abc"), (14, "a")], 0),  # Fourteen days ago still counts,
        ([(0, "abc"), (15, "a")], 2),  # fifteen no more.
        ([(0, "ab"), (1, ""), (2, "ab")], 1),
        ([(0, "a"), (1, "bc"), (2, "bc")], 3),
    ],
)
def test_a_round_counts_for_the_group_if_half_of_those_who_answered_within_fourteen_days_did(
    rounds: list[tuple[int, str]], length: int
) -> None:
    assert held(*rounds) == length


@given(st.lists(st.tuples(st.integers(1, 9), st.frozensets(st.sampled_from("abcd"))), max_size=8))
def test_the_group_streak_equals_a_plain_recount(steps: list[tuple[int, frozenset[str]]]) -> None:
    days, rounds = 0, []
    for gap, there in steps:
        days += gap
        rounds.append((days, "".join(there)))
    good = []
    for day, who in rounds:
        active = {name for other, names in rounds if day - 14 <= other <= day for name in names}
        good.append(bool(who) and 2 * len(who) >= len(active))
    assert held(*rounds) == (good[::-1].index(False) if False in good else len(good))


def test_the_group_streak_is_counted_from_revealed_daily_rounds_and_told_in_me(world: World) -> None:
    played(world, "++x+s+")
    assert streaks.group_streak(world.tx, CHANNEL) == 4
    assert "group streak here: 4 rounds in a row" in words_of(world.command("ada", "me", at("12:00", 6)))
    world.tick(at("09:00", 7))  # Nobody answered.
    assert streaks.group_streak(world.tx, CHANNEL) == 0


def test_a_late_answer_keeps_no_streak_of_anybodys(world: World) -> None:
    world.tick(at("09:00"))
    first = world.round()
    world.tick(at("09:00", 1))
    world.says("ada", FULL, at("09:30", 1), place=first.thread)
    world.tick(at("10:00", 1))
    assert world.streak("ada") == streaks.group_streak(world.tx, CHANNEL) == 0
