"""Reminders: to whom, when, once a round, and what organizers are told when questions run out."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core import reminding
from bot.core.asking import Asker
from bot.core.card import Card, Press
from bot.core.model import ChannelId, DeliveryState, DrillState, Opening, Place, RoundKind
from bot.core.ports import Failure
from bot.core.setting_up import Refused
from tests.core.worlds import FULL, TRY, World, at, attempted, member, words_of
from tests.factories import CHANNEL, RANDOM, keep, make_member, make_question, make_timetable

ADA: Final = member("ada")
HERS: Final = ChannelId(ADA)
"""What is said to her alone goes to her own id."""


def reminds(world: World, value: str, when: datetime, who: str = "ada") -> str:
    return words_of(world.command(who, f"me remind {value}".rstrip(), when))


def reminded(world: World) -> list[tuple[Place, Card]]:
    return [(place, card) for key, place, card in world.posted if "/remind/" in key]


def dates(world: World) -> list[str]:
    """The rounds that somebody was reminded of."""
    return [key.partition("/remind/")[0].rpartition("@")[2] for key in world.sent() if "/remind/" in key]


# --- to whom and when ---------------------------------------------------------------------------------------


def test_a_reminder_comes_at_its_hour_to_whoever_asked_and_to_nobody_else(world: World) -> None:
    assert "At 20:30 (UTC) I write to you" in reminds(world, "20:30", at("08:00"))
    world.tick(at("09:00"))
    world.says("bob", FULL, at("10:00"))
    world.tick(at("20:29"))
    assert reminded(world) == []
    world.tick(at("20:30"))
    [(place, card)] = reminded(world)
    assert place == Place(channel=HERS)
    said = words_of(card)
    assert world.round().question.prompt in said
    assert f"Open in {CHANNEL} until 2026-11-23 09:00." in said
    assert [(button.press, button.about) for button in card.buttons] == [(Press.ANSWER, world.round().id)]
    assert {place.channel for _, place, _ in world.posted} == {CHANNEL, HERS}


def test_it_comes_again_the_next_day_and_once_a_round(world: World) -> None:
    reminds(world, "20:30", at("08:00"))
    for day in range(3):
        world.tick(at("09:00", day))
        world.tick(at("20:30", day))
    reminds(world, "21:00", at("20:40", 2))  # Another hour, the same round.
    world.tick(at("21:00", 2))
    reminds(world, "off", at("21:10", 2))
    reminds(world, "22:00", at("21:20", 2))
    world.tick(at("22:00", 2))
    assert dates(world) == ["2026-11-22", "2026-11-23", "2026-11-24"]


def test_at_the_hour_at_which_a_question_opens_one_is_reminded_of_that_question(world: World) -> None:
    reminds(world, "09:00", at("08:00"))
    world.days(0, 2)
    assert dates(world) == ["2026-11-22", "2026-11-23", "2026-11-24"]


def test_whoever_has_answered_is_left_alone_and_whoever_withdrew_it_is_not(world: World) -> None:
    for who in "ada", "bob", "cleo":
        reminds(world, "20:30", at("08:00"), who)
    world.tick(at("09:00"))
    world.says("ada", FULL, at("10:00"))
    world.fills_form("bob", FULL, at("10:00"))
    world.says("cleo", FULL, at("10:00"), message="c")
    world.deletes("c", at("10:01"))
    world.tick(at("20:30"))
    assert [place.channel for place, _ in reminded(world)] == [ChannelId(member("cleo"))]


def test_nobody_is_reminded_without_an_open_daily_question() -> None:
    with closing(World(timetable=make_timetable(closing=replace(make_timetable().closing, after_hours=8)))) as world:
        reminds(world, "20:30", at("08:00"))
        world.tick(at("09:00"))
        world.tick(at("20:30"))  # It closed at five.
        world.command("bob", "ask", at("20:40"))  # An extra question is nothing to be reminded of.
        reminds(world, "20:50", at("20:41"))
        world.tick(at("20:50"))
        world.orders("pause", at("21:00"))
        world.tick(at("20:50", 1))
        assert reminded(world) == []
        assert world.round().kind is RoundKind.EXTRA


def test_off_ends_it_and_without_a_value_one_is_told_how_it_stands(world: World) -> None:
    assert "None. /nnquestion me remind 08:30" in reminds(world, "", at("08:00"))
    reminds(world, "20:30 Europe/Berlin", at("08:00"))
    assert f"At 20:30 (Europe/Berlin), of {CHANNEL}." in reminds(world, "", at("08:00"))
    assert "Off." in reminds(world, "OFF", at("08:01"))
    assert "None." in reminds(world, "", at("08:02"))
    world.tick(at("09:00"))
    world.tick(at("19:30"))
    assert reminded(world) == []


def test_whoever_is_barred_is_not_written_to(world: World) -> None:
    reminds(world, "20:30", at("08:00"))
    keep(world.tx, make_member(barred=True))
    world.tick(at("09:00"))
    world.tick(at("20:30"))
    assert reminded(world) == []


def test_a_reminder_is_of_the_channel_it_was_asked_for_in_and_each_member_has_one(world: World) -> None:
    world.set_up(RANDOM)
    reminds(world, "20:30", at("08:00"))
    world.command("ada", "me remind 20:45", at("08:01"), place=Place(channel=RANDOM))
    world.tick(at("09:00"))
    world.tick(at("20:30"))
    assert reminded(world) == []
    world.tick(at("20:45"))
    assert f"Open in {RANDOM}" in words_of(reminded(world)[0][1])


@pytest.mark.parametrize(("late", "sent"), [(timedelta(hours=6), 1), (timedelta(hours=6, seconds=1), 0)])
def test_one_that_comes_too_late_is_left_out_and_the_next_one_comes(world: World, late: timedelta, sent: int) -> None:
    reminds(world, "10:00", at("08:00"))
    world.tick(at("09:00"))
    world.tick(at("10:00") + late)
    assert len(reminded(world)) == sent
    world.tick(at("09:00", 1))
    world.tick(at("10:00", 1))
    assert dates(world)[-1] == "2026-11-23"


def test_after_days_of_downtime_there_is_one_reminder_and_not_one_for_each_day(world: World) -> None:
    reminds(world, "09:30", at("08:00"))
    world.tick(at("09:00"))
    world.tick(at("10:00", 5))
    world.tick(at("10:00", 5))
    assert dates(world) == ["2026-11-27"]


def test_a_reminder_that_nobody_takes_ends_no_drill(world: World) -> None:
    reminds(world, "20:30", at("08:00"))
    for day in range(4):
        world.refusing[f"{CHANNEL}@{at('09:00', day).date()}/remind/{ADA}"] = Failure.FORBIDDEN
        world.tick(at("09:00", day))
        world.tick(at("20:30", day))
    assert world.drill().state is DrillState.ON
    for day in range(4):
        kept = world.tx.deliveries.get(f"{CHANNEL}@{at('09:00', day).date()}/remind/{ADA}")
        assert kept is not None
        assert kept.state is DeliveryState.DROPPED
    assert {place.channel for _, place, _ in world.posted} == {CHANNEL}


def test_it_tells_how_the_last_answer_did_where_it_was_in_the_round_before(world: World) -> None:
    reminds(world, "20:30", at("08:00"))
    world.tick(at("09:00"))
    world.says("ada", TRY, at("10:00"))
    world.tick(at("09:00", 1))
    world.command("olga", "award @ada 2 well said", at("10:00", 1), organizer=True, place=world.rounds()[0].thread)
    world.tick(at("20:30", 1))
    prompt = world.rounds()[0].question.prompt
    assert f"Last time: tried, 3 points on “{prompt}”" in words_of(reminded(world)[0][1])
    world.days(2, 2)
    world.tick(at("20:30", 2))
    assert "Last time" not in words_of(reminded(world)[1][1])  # Nothing of hers in the round before.


# --- the hour where one is ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "instants"),
    [
        # On 29 March 2026 the clocks in Berlin go from two to three, on 25 October from three back to two.
        ("02:30 Europe/Berlin", ["2026-03-28 01:30", "2026-03-29 01:00", "2026-03-30 00:30"]),
        ("20:00 Europe/Berlin", ["2026-03-28 19:00", "2026-03-29 18:00", "2026-03-30 18:00"]),
        ("02:30 Europe/Berlin", ["2026-10-24 00:30", "2026-10-25 00:30", "2026-10-26 01:30"]),
        ("08:30 Asia/Kathmandu", ["2026-06-01 02:45", "2026-06-02 02:45", "2026-06-03 02:45"]),
    ],
)
def test_reminders_keep_to_the_local_hour_through_changes_of_the_clocks(value: str, instants: list[str]) -> None:
    due = [datetime.fromisoformat(instant).replace(tzinfo=UTC) for instant in instants]
    first = due[0].date()
    opening = Opening(on=first, at=datetime(first.year, first.month, first.day, tzinfo=UTC))
    with closing(World(next=opening, timetable=make_timetable(at=at("00:00").time()))) as world:
        world.tick(opening.at)
        reminds(world, value, opening.at)
        for instant in due:
            world.tick(instant.replace(hour=0, minute=0))
            reminder = world.tx.members.reminder(ADA)
            assert reminder is not None
            assert reminder.next_at == instant
            world.tick(instant)
        assert len(reminded(world)) == len({instant.date() for instant in due})


def test_a_zone_may_be_written_with_a_blank(world: World) -> None:
    assert "At 08:30 (America/New_York)" in reminds(world, "08:30 America/New York", at("08:00"))


def test_a_zone_that_was_given_stays_when_only_the_hour_is_said_anew(world: World) -> None:
    reminds(world, "08:30 Asia/Tokyo", at("08:00"))
    reminds(world, "09:30", at("08:00"))
    reminder = world.tx.members.reminder(ADA)
    assert reminder is not None
    assert (reminder.zone, reminder.next_at) == ("Asia/Tokyo", at("00:30", 1))


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Pacific/Kiritimati"])
def test_without_a_zone_the_hour_is_the_drills(zone: str) -> None:
    with closing(World(timetable=make_timetable(zone=zone))) as world:
        assert f"({zone})" in reminds(world, "08:30", at("08:00"))


@settings(max_examples=40, deadline=None)
@given(
    wish=st.times(),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
    now=st.timedeltas(timedelta(), timedelta(days=400)).map(lambda later: at("00:00", -325) + later),
)
def test_the_next_reminder_is_within_a_day_or_so_at_that_hour_there(wish: time, zone: str, now: datetime) -> None:
    with _asked().tried():
        asker = Asker(member=ADA, name="Ada", place=Place(channel=CHANNEL))
        reminding.remind(_asked().tx, asker, f"{wish:%H:%M} {zone}", now)
        reminder = _asked().tx.members.reminder(ADA)
        assert reminder is not None
        assert timedelta() < reminder.next_at - now <= timedelta(hours=25)
        there = reminder.next_at.astimezone(ZoneInfo(zone))
        assert (there.hour, there.minute) == (wish.hour, wish.minute) or there.date() in CLOCKS_CHANGE


CLOCKS_CHANGE: Final = {date(2026, month, day) for month, day in ((3, 8), (3, 29), (4, 5), (10, 4), (10, 25), (11, 1))}


@cache
def _asked() -> World:
    return World()


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("24:00", "is no time"),
        ("half past", "is no time"),
        ("08:30 Mars/Olympus", "no time zone is called"),
        ("08:30 europe/berlin", "did you mean Europe/Berlin"),
        ("08:30 Europe/Berlin please", "did you mean Europe/Berlin"),
    ],
)
def test_what_is_no_hour_is_refused_in_words(world: World, value: str, told: str) -> None:
    with pytest.raises(Refused, match=told):
        reminds(world, value, at("08:00"))
    assert world.tx.members.reminder(ADA) is None


def test_where_there_is_no_drill_there_is_nothing_to_be_reminded_of(world: World) -> None:
    with pytest.raises(Refused, match="no drill here"):
        world.command("ada", "me remind 08:30", at("08:00"), place=Place(channel=HERS))
    world.command("ada", "me remind off", at("08:00"), place=Place(channel=HERS))


@settings(max_examples=40, deadline=None)
@given(value=st.one_of(st.text(max_size=12), st.builds("08:30 {}".format, st.text(max_size=9))))
def test_whatever_is_said_of_reminders_is_taken_or_refused_in_words(value: str) -> None:
    asker = Asker(member=ADA, name="Ada", place=Place(channel=CHANNEL))
    with _asked().tried():
        assert attempted(lambda: reminding.remind(_asked().tx, asker, value, at("08:00")))


# --- questions that run out ---------------------------------------------------------------------------------


def told_of(world: World) -> list[str]:
    """What organizers were told of questions that run out, and on which day."""
    return [
        f"{key.rpartition('/')[2][:10]} {words_of(card).splitlines()[1]}"
        for key, _, card in world.posted
        if card.title == "Questions run out"
    ]


def asking(questions: int) -> World:
    """A world with so many questions."""
    return World(questions=[make_question(f"q{number:02}") for number in range(questions)])


@pytest.mark.parametrize(("questions", "tenth", "last"), [(12, "2026-11-23", "12-03"), (11, "2026-11-22", "12-02")])
def test_organizers_are_told_once_at_ten_and_once_at_the_last(questions: int, tenth: str, last: str) -> None:
    with closing(asking(questions)) as world:
        for day in range(26):
            world.tick(at("09:00", day))
            world.says("ada", TRY, at("10:00", day))
        assert told_of(world) == [
            f"{tenth} 10 questions that were never asked in {CHANNEL} are left.",
            f"2026-{last} Every question that fits the drill in {CHANNEL} has been asked; from now on they come again.",
        ]


@pytest.mark.parametrize("questions", [1, 2, 10])
def test_of_a_bank_that_begins_with_ten_or_fewer_organizers_are_told_only_of_the_last(questions: int) -> None:
    with closing(asking(questions)) as world:
        for day in range(22):
            world.tick(at("09:00", day))
            world.says("ada", TRY, at("10:00", day))
        [told] = told_of(world)
        assert told.startswith(f"{at('09:00', questions - 1):%Y-%m-%d} Every question that fits")


def test_they_are_told_when_ten_is_passed_over() -> None:
    bank = [make_question(f"q{number:02}", topics=("cnn" if number < 5 else "rnn",)) for number in range(20)]
    with closing(World(questions=bank)) as world:
        world.tick(at("09:00"))
        world.says("ada", TRY, at("10:00"))
        assert told_of(world) == []
        world.orders("setup topics=cnn", at("10:00"))
        for day in (1, 2):
            world.tick(at("09:00", day))
            world.says("ada", TRY, at("10:00", day))
        left = 5 - sum(round_.question.topics == ("cnn",) for round_ in world.rounds()[:2])
        assert told_of(world) == [f"2026-11-23 {left} questions that were never asked in {CHANNEL} are left."]


def test_where_a_bank_grows_its_end_is_told_again() -> None:
    with closing(asking(1)) as world:
        for day in range(4):
            world.tick(at("09:00", day))
            world.says("ada", TRY, at("10:00", day))
            if day == 1:
                assert len(told_of(world)) == 1
                more = [make_question(f"q{number:02}") for number in range(3)]
                world.banks["nn"] = replace(world.banks["nn"], questions=tuple(more))
        assert [line[:10] for line in told_of(world)] == ["2026-11-22", "2026-11-25"]
