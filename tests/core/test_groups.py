"""Blocked groups, groups that are left, notices to organizers, and limits for each group."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.core import groups, home, notices, organizing, pressing, replies
from bot.core.asking import Asker
from bot.core.card import Card, Press
from bot.core.groups import Limits
from bot.core.model import ChannelId, DrillState, GroupId, Place, Receipt, RoundState, Told, Why
from bot.core.setting_up import Refused
from tests.core.worlds import FULL, World, at, member, words_of
from tests.factories import CHANNEL, GROUP, RANDOM, make_drill

ELSEWHERE = ChannelId("terminal:other/general")
OTHER = GroupId("terminal:other")
ADA = Asker(member=member("ada"), name="Ada", place=Place(channel=CHANNEL))
OLGA = Asker(member=member("olga"), name="Olga", place=Place(channel=CHANNEL), organizer=True)


@pytest.fixture
def blocked(world: World) -> World:
    """A group with an open round and an answer, blocked at eleven."""
    world.tick(at("09:00"))
    world.says("ada", FULL, at("10:00"), message="of ada")
    groups.block(world.tx, GROUP, at("11:00"))
    return world


# --- blocked ----------------------------------------------------------------------------------------------------


def test_a_blocked_groups_drill_stops_and_nothing_is_sent_there_any_more(blocked: World) -> None:
    sent = list(blocked.posted)
    assert blocked.drill().state is DrillState.OFF
    assert blocked.states() == [RoundState.CANCELLED]
    blocked.days(1, 9)
    assert blocked.posted == sent
    assert blocked.edited == {}
    assert blocked.owed() == []


def test_what_was_owed_to_it_is_dropped(world: World) -> None:
    world.tick(at("09:00"), deliver=False)
    assert world.owed()
    groups.block(world.tx, GROUP, at("09:01"))
    assert world.owed() == []


ASKED: dict[str, Callable[[World], Card]] = {
    "ask": lambda world: world.command("ada", "ask", at("12:00")),
    "me": lambda world: world.command("ada", "me", at("12:00")),
    "help": lambda world: world.command("ada", "help", at("12:00")),
    "setup": lambda world: world.orders("setup time=10:00", at("12:00")),
    "hint": lambda world: world.presses("ada", Press.HINT, world.round().id, at("12:00")),
    "resume": lambda world: world.presses("olga", Press.RESUME, f" {CHANNEL}", at("12:00"), organizer=True),
    "check": lambda world: world.checks("ada", at("12:00")),
    "begin": lambda world: organizing.begin(world.tx, world.banks, OLGA, {}, at("12:00")) or Card(title=""),
}


@pytest.mark.parametrize("asked", ASKED)
def test_every_command_and_button_there_is_answered_with_one_sentence_and_changes_nothing(
    blocked: World, asked: str
) -> None:
    before = blocked.contents()
    with pytest.raises(Refused) as refused:
        ASKED[asked](blocked)
    assert str(refused.value) == notices.BLOCKED
    assert blocked.contents() == before


def test_a_members_own_page_says_the_same(blocked: World) -> None:
    (card,) = home.home(blocked.tx, ADA, None, "UTC", at("12:00"))
    assert notices.BLOCKED in words_of(card)


def test_nothing_that_is_said_there_is_kept(blocked: World) -> None:
    before = blocked.contents()
    assert blocked.says("bob", FULL, at("12:00")) == Told(receipt=Receipt.NOT_COUNTED, why=Why.TALK)
    told = blocked.fills_form("bob", FULL, at("12:00"))
    assert told.why is Why.BLOCKED
    assert notices.BLOCKED in notices.told(told)
    assert blocked.submits("ada", "of ada", at("12:00")).why is Why.BLOCKED
    assert blocked.contents() == before


def test_what_a_member_deletes_there_is_still_removed(blocked: World) -> None:
    assert blocked.keeps(FULL)
    blocked.deletes("of ada", at("12:00"))
    assert not blocked.keeps(FULL)


def test_other_groups_go_on(world: World) -> None:
    world.set_up(ELSEWHERE)
    groups.block(world.tx, GROUP, at("08:00"))
    world.tick(at("09:00"))
    assert {place.channel for _, place, _ in world.posted} == {ELSEWHERE}


def test_unblocked_its_drill_goes_on_with_its_next_date(blocked: World) -> None:
    assert groups.unblock(blocked.tx, GROUP, at("12:00", 1)) == 1
    assert blocked.drill().state is DrillState.ON
    blocked.tick(at("09:00", 2))
    assert blocked.states()[-1] is RoundState.OPEN
    assert blocked.says("ada", FULL, at("10:00", 2)).receipt is Receipt.RECORDED


def test_a_drill_that_slept_or_was_off_before_the_block_does_so_after_it(world: World) -> None:
    world.set_up(state=DrillState.ASLEEP, next=None)
    world.set_up(RANDOM, state=DrillState.OFF, state_reason="the channel is gone", next=None)
    assert groups.block(world.tx, GROUP, at("11:00")) == 0
    assert groups.unblock(world.tx, GROUP, at("12:00")) == 0
    assert [drill.state for drill in groups.drills_of(world.tx, GROUP)] == [DrillState.ASLEEP, DrillState.OFF]


def test_a_block_outlives_all_that_was_kept(blocked: World) -> None:
    blocked.tx.records.purge(GROUP)
    assert blocked.tx.groups.blocked_since(GROUP) == at("11:00")
    assert blocked.tx.groups.all() == [GROUP]
    groups.unblock(blocked.tx, GROUP, at("12:00"))
    assert blocked.keeps(GROUP) == []


# --- left ---------------------------------------------------------------------------------------------------------


def test_a_group_that_is_left_is_as_one_that_has_removed_the_bot(world: World) -> None:
    world.tick(at("09:00"))
    groups.leave(world.tx, GROUP, at("10:00"))
    assert world.drill().state is DrillState.OFF
    assert world.tx.groups.left_at(GROUP) == at("10:00")
    assert world.tx.records.left_before(at("10:01")) == [GROUP]
    assert world.tx.groups.to_leave() == [GROUP]
    world.tx.groups.has_left(GROUP)
    assert world.tx.groups.to_leave() == []


# --- notices ------------------------------------------------------------------------------------------------------


def test_a_notice_goes_to_each_place_for_notes_once(world: World) -> None:
    world.set_up(RANDOM, notes="terminal:local/staff")
    world.set_up(ChannelId("terminal:local/third"), notes="terminal:local/staff")
    world.set_up(ELSEWHERE)
    assert groups.notice(world.tx, "Down on Sunday.\n\nBack on Monday.", None, at("08:00")) == 3
    world.deliver(at("08:00"))
    assert sorted(place.channel for _, place, _ in world.posted) == [CHANNEL, "terminal:local/staff", ELSEWHERE]
    assert words_of(world.posted[0][2]).splitlines()[1:3] == ["Down on Sunday.", "Back on Monday."]


def test_the_same_notice_is_not_sent_twice_even_when_drills_have_come(world: World) -> None:
    world.set_up(RANDOM, notes=CHANNEL)
    assert groups.notice(world.tx, "Down on Sunday.", None, at("08:00")) == 1
    world.set_up(ChannelId("terminal:local/a-new-one"), notes=CHANNEL)
    assert groups.notice(world.tx, "Down on Sunday.", None, at("08:00")) == 0
    assert groups.notice(world.tx, "Up again.", None, at("08:00")) == 1


def test_a_notice_may_be_for_one_group_and_never_goes_to_one_that_is_blocked_or_left(world: World) -> None:
    world.set_up(ELSEWHERE)
    assert list(groups.places_for_notes(world.tx, OTHER)) == [ELSEWHERE]
    groups.block(world.tx, GROUP, at("08:00"))
    groups.leave(world.tx, OTHER, at("08:00"))
    assert groups.notice(world.tx, "Down on Sunday.", None, at("09:00")) == 0


# --- limits -------------------------------------------------------------------------------------------------------


def answer(world: World, text: str, by: Asker, limits: Limits, day: int = 0) -> Card:
    return replies.answer(world.tx, world.banks, by, pressing.read(text), at("10:00", day), limits)


def test_a_group_has_drills_in_as_many_channels_as_it_may_and_no_more(world: World) -> None:
    two = Limits(channels=2)
    third = Asker(
        member=OLGA.member, name="Olga", place=Place(channel=ChannelId("terminal:local/third")), organizer=True
    )
    world.set_up(RANDOM)
    with pytest.raises(Refused, match="drills in 2 channels, as many as it may"):
        answer(world, "setup time=10:00", third, two)
    with pytest.raises(Refused, match="drills in 2 channels"):
        organizing.begin(world.tx, world.banks, third, {}, at("10:00"), two)
    answer(world, "setup time=10:00", OLGA, two)  # One that is there may be changed,
    world.set_up(RANDOM, state=DrillState.OFF, next=None)
    answer(world, "setup time=10:00 zone=UTC", third, two)  # and one that is off leaves its place to another.
    with pytest.raises(Refused, match="drills in 2 channels"):
        answer(world, "resume", replace(OLGA, place=Place(channel=RANDOM)), two)
    world.tx.drills.save(make_drill(ELSEWHERE))
    assert world.tx.groups.count_drills(GROUP) == 2


def test_a_group_asks_as_many_extra_questions_a_day_as_it_may_and_no_more(world: World) -> None:
    one = Limits(extra=1)
    world.set_up(RANDOM)
    answer(world, "ask", ADA, one)
    there = Asker(member=ADA.member, name="Ada", place=Place(channel=RANDOM))
    with pytest.raises(Refused, match=r"asked 1 extra questions .*; whoever runs me can change that limit"):
        answer(world, "ask", there, one)
    with pytest.raises(Refused, match="24 hours"):
        pressing.press(world.tx, world.banks, there, Press.TRY, f" {RANDOM}", at("10:00"), one)
    other = Asker(member=member("zoe", ELSEWHERE), name="Zoe", place=Place(channel=ELSEWHERE))
    world.set_up(ELSEWHERE)
    answer(world, "ask", other, one)
    answer(world, "ask", there, one, day=2)


def test_who_may_not_is_not_told_of_limits(world: World) -> None:
    ada = Asker(member=ADA.member, name="Ada", place=Place(channel=ChannelId("terminal:local/third")))
    with pytest.raises(Refused, match="for organizers"):
        answer(world, "setup time=10:00", ada, Limits(channels=0))


# --- how much is kept ---------------------------------------------------------------------------------------------


def test_it_is_counted_how_much_is_kept_of_a_group(world: World) -> None:
    world.set_up(ELSEWHERE)
    world.tick(at("09:00"))
    world.says("ada", FULL, at("10:00"))
    size = world.tx.groups.size(GROUP)
    assert (size.members, size.rounds, size.answers, size.characters) == (1, 1, 1, len(FULL))
    assert size.deliveries == 2
    assert size.latest == at("10:00")
    assert world.tx.groups.size(OTHER).latest == at("09:00")
    assert world.tx.groups.size(GroupId("terminal:none")).latest is None
    assert world.tx.groups.all() == [GROUP, OTHER]
