"""What is owed after a backup was put back: nothing that may stand already is sent before it was looked for."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from bot.core import outcomes, owing
from bot.core.model import MessageRef, Place, RoundKind, RoundState, extra_round_id
from bot.store.codec import instant
from tests.core.worlds import FULL, World, at
from tests.factories import CHANNEL, TODAY, make_delivery


def restored(world: World, when: datetime) -> None:
    """A backup of this world is put back at this instant."""
    world.tx.facts.set(owing.RESTORED_AT, instant(when))
    world.tx.facts.set(owing.EXTRA_AFTER, "1000")


def looked_for(world: World) -> dict[str, bool]:
    """What is owed, by key without the channel; whether it is looked for before it is sent."""
    return {one.key.removeprefix(CHANNEL): one.unclear for one in world.tx.deliveries.unfinished()}


def test_without_a_restore_nothing_is_looked_for(world: World) -> None:
    world.tick(at("09:00"), deliver=False)
    assert set(looked_for(world).values()) == {False}


def test_a_round_of_the_day_of_the_restore_may_have_been_posted(world: World) -> None:
    restored(world, at("12:00"))
    world.tick(at("12:01"), deliver=False)
    assert looked_for(world) == {"@2026-11-22/question": True, "@2026-11-22/thread": True}


def test_a_round_of_a_later_day_has_not(world: World) -> None:
    restored(world, at("08:00"))
    world.days(0, 1)
    world.tick(at("09:00", 2), deliver=False)
    assert looked_for(world)["@2026-11-24/question"] is False


def test_a_reveal_and_a_reminder_of_a_round_from_before_are_looked_for_too(world: World) -> None:
    world.tick(at("09:00"))
    world.says("ada", FULL, at("10:00"))
    world.command("bob", "me remind 10:30 UTC", at("10:00"))
    restored(world, at("10:20"))
    world.tick(at("10:30"), deliver=False)
    world.tick(at("09:00", 1), deliver=False)
    owed = looked_for(world)
    assert owed[f"@{TODAY}/remind/terminal:local/@bob"] is True
    assert owed[f"@{TODAY}/reveal"] is True
    assert owed[f"@{TODAY}/card"] is True


def test_a_recap_is_looked_for_in_the_week_of_the_restore_and_no_longer(world: World) -> None:
    world.set_up(recap=True)
    world.days(0, 0)  # A Sunday.
    world.says("ada", FULL, at("10:00"))
    restored(world, at("09:30", 1))
    world.tick(at("09:31", 1), deliver=False)
    recaps = {key: look for key, look in looked_for(world).items() if "/recap/" in key}
    assert list(recaps.values()) == [True]
    world.deliver(at("09:32", 1))
    world.days(2, 4)
    world.says("ada", FULL, at("10:00", 4))
    world.days(5, 7)
    world.tick(at("09:00", 8), deliver=False)
    recaps = {key: look for key, look in looked_for(world).items() if "/recap/" in key}
    assert list(recaps.values()) == [False]


def test_a_card_that_may_have_been_found_says_what_the_database_says(world: World) -> None:
    restored(world, at("09:30"))
    world.tick(at("09:31"))
    assert world.edited == {world.round().id: world.card(f"{world.round().id}/question")}
    world.days(1, 3)
    assert list(world.edited) == [round_.id for round_ in world.rounds()[:-1]]  # The others, at their reveals.


def test_days_between_the_backup_and_its_restore_have_had_their_questions(world: World) -> None:
    world.tick(at("09:00"))
    plan = world.tx.drills.plan(CHANNEL)
    assert plan is not None
    with world.tried():  # What the database that was lost has asked on the fourth day.
        world.days(1, 3)
        asked = world.round().question.id
    restored(world, at("09:30", 3))
    world.tick(at("09:31", 3))
    assert world.states() == [RoundState.REVEALED, RoundState.SKIPPED, RoundState.SKIPPED, RoundState.OPEN]
    assert world.round().question.id == asked == plan.questions[2]


def test_a_date_left_out_after_the_restore_takes_no_question(world: World) -> None:
    world.tick(at("09:00"))
    plan = world.tx.drills.plan(CHANNEL)
    assert plan is not None
    restored(world, at("09:30"))
    world.tick(at("09:00", 5))
    assert world.round().question.id == plan.questions[0]


def test_the_numbers_of_extra_rounds_that_may_have_been_given_are_not_given_again(world: World) -> None:
    world.tick(at("09:00"))
    restored(world, at("10:00"))
    world.command("ada", "ask", at("10:01"))
    (extra,) = [round_ for round_ in world.rounds() if round_.kind is RoundKind.EXTRA]
    assert extra.id == f"{CHANNEL}#1001"
    world.tick(at("10:02", 1))
    world.command("ada", "ask", at("10:03", 1))
    assert world.tx.rounds.get(extra_round_id(CHANNEL, 1002)) is not None


@pytest.mark.parametrize("after", [False, True])
def test_after_a_restore_every_part_of_a_message_is_looked_for(world: World, after: bool) -> None:
    if after:
        restored(world, at("09:00"))
    delivery = make_delivery("long", unclear=True)
    world.tx.deliveries.owe(delivery)
    ref = MessageRef(place=Place(channel=CHANNEL), message="1")
    one = outcomes.part_sent(world.tx, delivery, ref, at("09:00"))
    assert one.unclear is after  # Without a restore the second part cannot have been sent before the first was known.
    outcomes.done(world.tx, one, at("09:01"))
    kept = world.tx.deliveries.get("long")
    assert kept is not None
    assert not kept.unclear


def test_a_date_is_taken_in_the_earliest_zone_on_earth(world: World) -> None:
    restored(world, at("11:00"))  # In Kiribati it is tomorrow already.
    assert owing.may_have_been_sent(world.tx, TODAY + timedelta(days=1))
    restored(world, at("09:00"))
    assert not owing.may_have_been_sent(world.tx, TODAY + timedelta(days=1))
    assert owing.may_have_been_sent(world.tx, TODAY)
