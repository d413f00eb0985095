"""What becomes of a delivery: sent, tried again, or dropped with a consequence."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.core import outcomes
from bot.core.model import Action, ChannelId, Delivery, DeliveryState, DrillState, MessageRef, Place, RoundState
from bot.core.ports import DeliveryError, Failure
from tests.core.worlds import FULL, World, at, words_of
from tests.factories import ADA, CHANNEL, RANDOM, make_delivery

PRIVATE = ChannelId(ADA)
"""Direct messages to Ada, who set the drill up."""

QUESTION = f"{CHANNEL}@2026-11-22/question"


def delivery(world: World, key: str = QUESTION) -> Delivery:
    kept = world.tx.deliveries.get(key)
    assert kept is not None
    return kept


def test_what_was_certainly_not_sent_is_tried_again_after_a_wait(world: World) -> None:
    world.refusing[QUESTION] = Failure.NOT_SENT
    world.tick(at("09:00"))
    assert world.posted == []
    world.refusing.clear()
    world.deliver(at("09:00:01"))
    assert world.posted == []
    world.deliver(at("09:10"))
    assert world.sent() == [QUESTION]


def test_the_waits_grow_up_to_ten_minutes(world: World) -> None:
    world.refusing[QUESTION] = Failure.NOT_SENT
    world.tick(at("09:00"), deliver=False)
    now, waits = at("09:00"), []
    for _ in range(12):
        world.deliver(now)
        waiting = delivery(world).not_before
        assert waiting is not None
        waits.append(waiting - now)
        now = waiting
    assert waits[:8] == sorted(waits[:8])
    assert waits[0] < timedelta(seconds=10)
    assert all(timedelta(minutes=5) <= wait <= timedelta(minutes=10) for wait in waits[9:])


def test_what_failed_together_is_not_tried_again_together(world: World) -> None:
    for number in range(20):
        world.tx.deliveries.owe(make_delivery(f"note {number}"))
        (owed,) = [one for one in world.tx.deliveries.unfinished() if one.key == f"note {number}"]
        outcomes.failed(world.tx, replace(owed, attempts=5), DeliveryError(Failure.NOT_SENT), at("09:00"))
    assert len({one.not_before for one in world.tx.deliveries.unfinished()}) == 20


def test_a_platforms_own_wish_to_wait_is_granted(world: World) -> None:
    world.tick(at("09:00"), deliver=False)
    wish = DeliveryError(Failure.NOT_SENT, "slow down", timedelta(hours=1))
    outcomes.failed(world.tx, delivery(world), wish, at("09:00"))
    assert delivery(world).not_before == at("10:00")


def test_after_an_unclear_outcome_a_delivery_looks_before_it_is_sent_again(world: World) -> None:
    world.refusing[QUESTION] = Failure.UNCLEAR
    world.tick(at("09:00"))
    assert delivery(world).unclear
    assert delivery(world).state is DeliveryState.OWED
    world.refusing.clear()
    world.deliver(at("09:10"))
    assert not delivery(world).unclear


def test_the_messages_of_a_channel_go_out_in_the_order_owed(world: World) -> None:
    world.refusing[QUESTION] = Failure.NOT_SENT
    world.tick(at("09:00"))
    world.orders("ask", at("09:00:01"))
    world.deliver(at("09:00:01"))
    assert world.posted == []
    world.refusing.clear()
    world.deliver(at("09:10"))
    assert world.sent() == [QUESTION, f"{CHANNEL}#1/question"]


def test_trouble_in_one_channel_does_not_hold_up_another(world: World) -> None:
    world.set_up(RANDOM)
    world.refusing[QUESTION] = Failure.NOT_SENT
    world.tick(at("09:00"))
    assert world.sent() == [f"{RANDOM}@2026-11-22/question"]


def test_three_refusals_in_a_row_switch_the_drill_off_and_tell_who_set_it_up(world: World) -> None:
    world.refusing[QUESTION] = Failure.FORBIDDEN
    world.tick(at("09:00"))
    world.deliver(at("09:20"))
    assert world.drill().state is DrillState.ON
    world.deliver(at("09:40"))
    assert world.drill().state is DrillState.OFF
    assert world.states() == [RoundState.CANCELLED]
    _, place, card = world.posted[-1]
    assert place.channel == PRIVATE
    assert "not allowed" in words_of(card)


def test_a_card_that_is_never_taken_is_given_up_after_a_few_tries_and_its_round_cancelled(world: World) -> None:
    world.refusing[QUESTION] = Failure.REFUSED
    world.tick(at("09:00"))
    assert world.states() == [RoundState.OPEN]
    for minute in range(1, 6):
        world.deliver(at(f"09:{minute:02}"))
    assert world.states() == [RoundState.CANCELLED]
    [(_, place, card)] = world.posted
    assert place == Place(channel=CHANNEL)
    assert "does not take this card" in words_of(card)
    world.refusing.clear()
    world.tick(at("09:00", day=1))
    assert world.sent()[-1] == f"{CHANNEL}@2026-11-23/question"


def test_a_reveal_that_is_never_taken_holds_up_nothing_after_it(world: World) -> None:
    world.tick(at("09:00"))
    world.refusing[f"{CHANNEL}@2026-11-22/reveal"] = Failure.REFUSED
    world.tick(at("09:00", day=1))
    assert len(world.posted) == 1
    for minute in range(1, 6):
        world.deliver(at(f"09:{minute:02}", day=1))
    assert world.sent()[-1] == f"{CHANNEL}@2026-11-23/question"
    assert world.states()[0] is not RoundState.CANCELLED


def test_refusals_that_are_not_in_a_row_are_counted_anew(world: World) -> None:
    world.refusing[QUESTION] = Failure.FORBIDDEN
    world.tick(at("09:00"))
    world.deliver(at("09:20"))
    world.refusing.clear()
    world.deliver(at("09:40"))
    assert world.sent() == [QUESTION]
    assert world.drill().refused == 0


def test_when_the_channel_is_gone_the_drill_is_off_and_nothing_more_is_owed_there(world: World) -> None:
    world.refusing[QUESTION] = Failure.CHANNEL_GONE
    world.tick(at("09:00"))
    assert world.drill().state is DrillState.OFF
    assert world.tx.deliveries.unfinished(channel=CHANNEL) == []
    assert world.posted[-1][1].channel == PRIVATE
    world.days(1, 3)
    assert len(world.rounds()) == 1


def test_a_drill_that_is_off_can_be_resumed(world: World) -> None:
    world.refusing[QUESTION] = Failure.CHANNEL_GONE
    world.tick(at("09:00"))
    world.orders("resume", at("12:00"))
    world.tick(at("09:00", 1))
    assert world.drill().state is DrillState.ON
    assert world.states() == [RoundState.CANCELLED, RoundState.OPEN]


def test_points_stay_when_the_channel_goes(world: World) -> None:
    world.tick(at("09:00"))
    world.says("ada", FULL, at("10:00"))
    world.refusing[f"{CHANNEL}@2026-11-23/question"] = Failure.CHANNEL_GONE
    world.tick(at("09:00", 1))
    assert world.drill().state is DrillState.OFF
    assert world.points("ada") == 3
    assert world.streak("ada") == 1


def test_a_note_whose_channel_is_gone_goes_to_whoever_ran_setup() -> None:
    with closing(World(notes=RANDOM)) as world:
        world.days(0, 4)
        world.tick(at("09:00", 5), deliver=False)
        (note,) = world.tx.deliveries.unfinished(channel=RANDOM)
        world.refusing[note.key] = Failure.CHANNEL_GONE
        world.deliver(at("09:00", 5))
        assert PRIVATE in [place.channel for _, place, _ in world.posted]


def test_a_private_note_that_is_not_taken_is_given_up(world: World) -> None:
    note = make_delivery("note", PRIVATE)
    world.tx.deliveries.owe(note)
    outcomes.failed(world.tx, note, DeliveryError(Failure.FORBIDDEN), at("09:00"))
    assert delivery(world, "note").state is DeliveryState.DROPPED


def test_an_edit_of_a_card_that_is_gone_is_dropped_and_the_card_known_to_be_deleted(world: World) -> None:
    world.tick(at("09:00"))
    first = world.round()
    world.refusing[f"{first.id}/card"] = Failure.MESSAGE_GONE
    world.tick(at("09:00", 1))
    assert delivery(world, f"{first.id}/card").state is DeliveryState.DROPPED
    assert world.anew(first).card_deleted
    assert world.states() == [RoundState.REVEALED, RoundState.OPEN]


def test_a_card_deleted_before_its_thread_was_opened_leaves_a_round_that_is_revealed_in_the_channel(
    world: World,
) -> None:
    world.refusing[f"{CHANNEL}@2026-11-22/thread"] = Failure.MESSAGE_GONE
    world.tick(at("09:00"))
    first = world.round()
    world.fills_form("ada", FULL, at("10:00"))
    world.tick(at("09:00", 1))
    assert world.place(f"{first.id}/reveal") == Place(channel=CHANNEL)
    assert world.points("ada") == 3


@pytest.mark.parametrize("what", ["thread", "reveal"])
def test_a_thread_that_is_found_gone_harms_neither_points_nor_the_drill(world: World, what: str) -> None:
    world.refusing[f"{CHANNEL}@2026-11-22/{what}"] = Failure.THREAD_GONE
    world.tick(at("09:00"))
    world.fills_form("ada", FULL, at("10:00"))
    world.days(1, 2)
    expected = RoundState.CANCELLED if what == "thread" else RoundState.REVEALED
    assert world.states() == [expected, RoundState.REVEALED, RoundState.OPEN]
    assert world.drill().state is DrillState.ON


def test_a_round_called_off_while_its_card_was_on_the_way_says_so_on_the_card(world: World) -> None:
    world.tick(at("09:00"), deliver=False)
    (sent,) = world.tx.deliveries.claim(at("09:00"), 1)
    world.orders("skip open", at("09:00:01"))
    note = outcomes.part_sent(world.tx, sent, ref_of(sent), at("09:00"))
    outcomes.done(world.tx, note, at("09:00:02"))
    world.deliver(at("09:00:03"))
    assert "Cancelled" in words_of(world.edited[world.round().id])


def ref_of(sent: Delivery) -> MessageRef:
    return MessageRef(place=sent.place, message="on the way")


def test_a_message_of_several_parts_notes_each_and_keeps_the_first_as_the_card(world: World) -> None:
    world.tick(at("09:00"), deliver=False)
    (sent,) = world.tx.deliveries.claim(at("09:00"), 1)
    refs = [MessageRef(place=sent.place, message=name) for name in ("one", "two")]
    for ref in refs:
        sent = outcomes.part_sent(world.tx, sent, ref, at("09:00"))
    outcomes.done(world.tx, sent, at("09:00:01"))
    assert list(delivery(world).sent) == refs
    assert world.round().card == refs[0]


def test_a_delivery_that_is_done_is_not_sent_again(world: World) -> None:
    world.tick(at("09:00"))
    world.tx.deliveries.reclaim()
    world.deliver(at("09:30"))
    assert world.sent() == [QUESTION]


def test_what_a_dead_process_had_claimed_is_looked_for_before_it_is_sent_again(world: World) -> None:
    world.tick(at("09:00"), deliver=False)
    world.tx.deliveries.claim(at("09:00"), 50)
    assert world.tx.deliveries.reclaim() == 1
    assert delivery(world).unclear
    assert delivery(world).action is Action.POST
