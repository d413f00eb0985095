"""What is owed is sent once, in order, whatever the platform answers and wherever the program dies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
import pytest_asyncio

from bot.core import outcomes, rounds
from bot.core.card import Card
from bot.core.model import (
    Action,
    ChannelId,
    Delivery,
    DeliveryState,
    Drill,
    DrillState,
    MessageRef,
    Place,
    Round,
    RoundState,
)
from bot.core.ports import DeliveryError, Failure, Messenger, Store, StoreError, Transaction
from bot.delivery import Deliverer
from bot.pacing import Pace
from bot.store import SqliteStore
from tests.adapters.fakes import Posted, ScriptedMessenger
from tests.core.worlds import SLUGS, make_bank
from tests.factories import ADA, CHANNEL, DAY, NOW, RANDOM, Kept, keep, make_delivery, make_drill, make_question
from tests.store.files import with_tables

BANKS = {"nn": make_bank([make_question(slug) for slug in SLUGS])}
QUESTION = f"{CHANNEL}@2026-11-22/question"
THREAD = f"{CHANNEL}@2026-11-22/thread"
REVEAL = f"{CHANNEL}@2026-11-22/reveal"
CARD = f"{CHANNEL}@2026-11-22/card"
LATER = NOW + timedelta(hours=1)
HERE = Place(channel=CHANNEL)

T = TypeVar("T")


class Post:
    """A store, a platform and the deliverer between them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = SqliteStore(path)
        self.messenger = ScriptedMessenger()
        self.deliverer = Deliverer(self.store, {"terminal": self.messenger})

    async def do(self, work: Callable[[Transaction], T]) -> T:
        return await self.store.write(work)

    async def owe(self, *values: Kept) -> None:
        await self.do(lambda tx: keep(tx, *values))

    async def open_round(self, channel: ChannelId = CHANNEL) -> None:
        """A drill's first round: a card and a thread are owed."""
        await self.owe(make_drill(channel))
        await self.do(lambda tx: rounds.open_due(tx, BANKS, channel, NOW))

    async def reveal(self) -> None:
        """The round closes without answers: a reveal and a new card are owed."""
        round_ = await self.round()
        await self.do(lambda tx: rounds.close(tx, round_.id, NOW + DAY))
        await self.do(lambda tx: rounds.reveal(tx, round_.id, NOW + DAY))

    async def send(self, now: datetime = NOW) -> int:
        return await self.deliverer.send_due(now)

    async def send_until_done(self) -> None:
        """Send, and wait as long as is needed, until nothing is owed any more."""
        now = NOW + 2 * DAY
        for _ in range(20):
            await self.send(now)
            now += timedelta(minutes=10)

    async def dies(self) -> None:
        """The program ends in the middle of a delivery."""
        with pytest.raises(asyncio.CancelledError):
            await self.send()

    async def starts_again(self) -> int:
        """Another process takes over."""
        await self.store.close()
        self.store = SqliteStore(self.path)
        self.deliverer = Deliverer(self.store, {"terminal": self.messenger})
        return await self.deliverer.recover()

    async def delivery(self, key: str = QUESTION) -> Delivery:
        delivery = await self.do(lambda tx: tx.deliveries.get(key))
        assert delivery is not None
        return delivery

    async def state(self, key: str = QUESTION) -> DeliveryState:
        return (await self.delivery(key)).state

    async def round(self, channel: ChannelId = CHANNEL) -> Round:
        (round_,) = await self.do(lambda tx: tx.rounds.of_channel(channel))
        return round_

    async def drill(self, channel: ChannelId = CHANNEL) -> Drill:
        drill = await self.do(lambda tx: tx.drills.get(channel))
        assert drill is not None
        return drill


@pytest_asyncio.fixture
async def post(tmp_path: Path) -> AsyncIterator[Post]:
    post = Post(with_tables(tmp_path / "nnquestion.db"))
    yield post
    await post.store.close()


def counted(messenger: ScriptedMessenger, key: str) -> tuple[int, int]:
    """How often a message was looked for, and sent."""
    return messenger.requests.count(("find", key)), messenger.requests.count(("send", key))


# --- all is well --------------------------------------------------------------------------------------------


async def test_a_message_is_sent_once_and_its_reference_kept(post: Post) -> None:
    await post.owe(make_delivery("note"))
    assert await post.send() == 1
    assert await post.send(LATER) == 0
    assert post.messenger.requests == [("send", "note")]
    delivery = await post.delivery("note")
    assert (delivery.state, delivery.sent) == (DeliveryState.DONE, (post.messenger.posted("note").ref,))


async def test_a_round_opens_with_its_card_and_then_its_thread(post: Post) -> None:
    await post.open_round()
    assert await post.send() == 2
    round_ = await post.round()
    card = post.messenger.posted(QUESTION)
    assert post.messenger.requests == [("send", QUESTION), ("open_thread", QUESTION)]
    assert round_.card == card.ref
    assert round_.thread is not None
    assert post.messenger.titles == {round_.thread: f"2026-11-22 · {round_.question.prompt}"}


async def test_the_reveal_goes_to_the_thread_and_the_card_is_said_anew(post: Post) -> None:
    await post.open_round()
    await post.send()
    await post.reveal()
    await post.send(NOW + DAY)
    assert post.messenger.posted(REVEAL).ref.place == (await post.round()).thread
    assert "revealed" in post.messenger.posted(QUESTION).words
    assert post.messenger.asked("edit") == [("edit", QUESTION)]


async def test_the_messages_of_a_channel_go_out_one_by_one_in_the_order_owed(post: Post) -> None:
    keys = [f"{number} note" for number in (3, 1, 2, 5, 4)]
    for key in keys:
        await post.owe(make_delivery(key))
    assert await post.send() == 5
    assert post.messenger.said() == keys


async def test_more_channels_than_go_out_at_once_all_get_theirs(post: Post) -> None:
    await post.do(lambda tx: keep(tx, *(make_delivery(f"{n}", f"terminal:local/channel-{n}") for n in range(120))))
    assert await post.send() == 120
    assert sorted(post.messenger.said()) == sorted(map(str, range(120)))


async def test_two_deliverers_of_one_database_send_each_message_once(post: Post) -> None:
    other_store = SqliteStore(post.path)
    other = Deliverer(other_store, {"terminal": post.messenger})
    await post.do(lambda tx: keep(tx, *(make_delivery(f"{n}", f"terminal:local/channel-{n % 9}") for n in range(40))))
    await asyncio.gather(post.send(), other.send_due(NOW))
    await asyncio.gather(post.send(), other.send_due(NOW))
    await other_store.close()
    assert sorted(post.messenger.said()) == sorted(map(str, range(40)))


# --- channels -----------------------------------------------------------------------------------------------


async def test_trouble_with_one_message_holds_up_what_is_behind_it_in_its_channel_only(post: Post) -> None:
    await post.open_round()
    await post.open_round(RANDOM)
    post.messenger.fails("send", QUESTION, Failure.NOT_SENT)
    await post.send()
    assert post.messenger.said() == [f"{RANDOM}@2026-11-22/question"]
    assert len(post.messenger.titles) == 1
    await post.send(LATER)
    assert len(post.messenger.titles) == 2


async def test_a_channel_whose_platform_does_not_answer_does_not_keep_others_waiting(post: Post) -> None:
    answered, sent = asyncio.Event(), asyncio.Event()

    class Slow(ScriptedMessenger):
        async def send(self, place: Place, card: Card, *, part: int, key: str) -> MessageRef:
            if place.channel == CHANNEL:
                await answered.wait()
            ref = await super().send(place, card, part=part, key=key)
            sent.set()
            return ref

    messenger = Slow()
    deliverer = Deliverer(post.store, {"terminal": messenger})
    await post.owe(make_delivery("slow"), make_delivery("quick", RANDOM))
    sending = asyncio.create_task(deliverer.send_due(NOW))
    await asyncio.wait_for(sent.wait(), 10)
    assert messenger.said() == ["quick"]
    answered.set()
    await sending
    assert messenger.said() == ["quick", "slow"]


@pytest.mark.parametrize(
    "error", [RuntimeError("nobody thought of this"), KeyError("x"), TimeoutError(), OSError()], ids=repr
)
async def test_an_error_nobody_thought_of_stops_no_other_card_and_is_looked_into(post: Post, error: Exception) -> None:
    await post.owe(make_delivery("broken"), make_delivery("behind"), make_delivery("sound", RANDOM))
    post.messenger.fails("send", "broken", error, landed=True)
    await post.send()
    assert post.messenger.said(RANDOM) == ["sound"]
    await post.send(LATER)
    assert post.messenger.said(CHANNEL) == ["broken", "behind"]
    assert counted(post.messenger, "broken") == (1, 1)


async def test_a_card_that_is_missing_stops_no_other(post: Post) -> None:
    await post.owe(make_delivery("empty", card=None), make_delivery("sound", RANDOM))
    await post.send()
    assert post.messenger.said() == ["sound"]


async def test_what_is_owed_to_a_platform_that_is_not_running_waits_for_it(post: Post) -> None:
    await post.owe(make_delivery("elsewhere", "slack:T1/C1"), make_delivery("here"))
    await post.send()
    assert post.messenger.said() == ["here"]
    assert await post.state("elsewhere") is DeliveryState.OWED
    slack = ScriptedMessenger()
    both: dict[str, Messenger] = {"terminal": post.messenger, "slack": slack}
    await Deliverer(post.store, both).send_due(NOW + DAY)
    assert slack.said() == ["elsewhere"]


# --- not sent -----------------------------------------------------------------------------------------------


async def test_what_was_not_sent_is_tried_again_after_waits_that_grow(post: Post) -> None:
    await post.owe(make_delivery("note"))
    post.messenger.fails("send", "note", Failure.NOT_SENT, times=12)
    now, waits = NOW, []
    for _ in range(12):
        await post.send(now)
        waiting = (await post.delivery("note")).not_before
        assert waiting is not None
        waits.append(waiting - now)
        await post.send(waiting - timedelta(microseconds=1))
        now = waiting
    assert waits[:8] == sorted(waits[:8])
    assert waits[0] < timedelta(seconds=10) < waits[4] <= waits[-1] <= timedelta(minutes=10)
    assert counted(post.messenger, "note") == (0, 12)
    await post.send(now)
    assert post.messenger.said() == ["note"]


async def test_the_wait_the_platform_asks_for_is_granted(post: Post) -> None:
    await post.owe(make_delivery("note"))
    wish = timedelta(minutes=45)
    post.messenger.fails("send", "note", DeliveryError(Failure.NOT_SENT, "slow down", wish))
    await post.send()
    assert (await post.delivery("note")).not_before == NOW + wish


async def test_what_was_certainly_not_sent_is_not_looked_for(post: Post) -> None:
    await post.owe(make_delivery("note"))
    post.messenger.fails("send", "note", Failure.NOT_SENT)
    await post.send()
    await post.send(LATER)
    assert counted(post.messenger, "note") == (0, 2)


# --- unclear ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("landed", [False, True])
async def test_after_an_unclear_outcome_it_looks_before_it_sends_again(post: Post, landed: bool) -> None:
    await post.open_round()
    post.messenger.fails("send", QUESTION, Failure.UNCLEAR, landed=landed)
    await post.send()
    assert post.messenger.requests == [("send", QUESTION)]
    await post.send(LATER)
    assert counted(post.messenger, QUESTION) == ((1, 1) if landed else (2, 2))  # It looks once more afterwards.
    assert post.messenger.said() == [QUESTION]
    assert (await post.round()).card == post.messenger.posted(QUESTION).ref


async def test_a_look_that_fails_sends_nothing(post: Post) -> None:
    await post.owe(make_delivery("note"))
    post.messenger.fails("send", "note", Failure.UNCLEAR, landed=True)
    post.messenger.fails("find", "note", Failure.NOT_SENT)
    await post.send()
    await post.send(LATER)
    assert (await post.delivery("note")).unclear
    assert counted(post.messenger, "note") == (1, 1)
    await post.send(LATER + DAY)
    assert post.messenger.asked("send") == [("send", "note")]


async def test_of_two_messages_that_both_arrived_the_younger_is_deleted(post: Post) -> None:
    await post.owe(make_delivery("note"))
    post.messenger.fails("send", "note", Failure.UNCLEAR, landed=True, times=2)
    post.messenger.hides("note")
    await post.send()
    first = post.messenger.posted("note").ref
    await post.send(LATER)
    assert len(post.messenger.standing) == 2
    await post.send(LATER + DAY)
    assert post.messenger.posted("note").ref == first
    assert (await post.delivery("note")).sent == (first,)


@pytest.mark.parametrize("landed", [False, True])
async def test_a_thread_whose_opening_is_unclear_is_opened_once(post: Post, landed: bool) -> None:
    await post.open_round()
    post.messenger.fails("open_thread", QUESTION, Failure.UNCLEAR, landed=landed)
    await post.send()
    await post.send(LATER)
    assert list(post.messenger.titles) == [(await post.round()).thread]


@pytest.mark.parametrize("landed", [False, True])
async def test_an_edit_whose_outcome_is_unclear_is_made_again(post: Post, landed: bool) -> None:
    await post.open_round()
    await post.send()
    await post.reveal()
    post.messenger.fails("edit", QUESTION, Failure.UNCLEAR, landed=landed)
    await post.send(NOW + DAY)
    await post.send(NOW + 2 * DAY)
    assert await post.state(CARD) is DeliveryState.DONE
    assert "revealed" in post.messenger.posted(QUESTION).words


# --- the program dies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("landed", [False, True])
async def test_what_was_on_its_way_when_the_program_died_is_looked_for_first(post: Post, landed: bool) -> None:
    await post.open_round()
    post.messenger.fails("send", QUESTION, asyncio.CancelledError(), landed=landed)
    await post.dies()
    assert await post.starts_again() == 1
    await post.send()
    assert counted(post.messenger, QUESTION) == ((1, 1) if landed else (2, 2))  # It looks once more afterwards.
    assert post.messenger.said() == [QUESTION]
    assert len(post.messenger.titles) == 1


async def test_what_another_process_has_claimed_is_left_to_it(post: Post) -> None:
    await post.owe(make_delivery("note"))
    post.messenger.fails("send", "note", asyncio.CancelledError())
    await post.dies()
    assert await post.send(LATER) == 0


async def test_nothing_is_taken_over_where_nothing_was_on_its_way(post: Post) -> None:
    await post.owe(make_delivery("note"))
    await post.send()
    assert await post.starts_again() == 0
    assert await post.send() == 0


@pytest.mark.parametrize("verb", ["open_thread", "edit"])
@pytest.mark.parametrize("landed", [False, True])
async def test_a_thread_and_an_edit_survive_the_death_of_the_program(post: Post, verb: str, landed: bool) -> None:
    await post.open_round()
    post.messenger.fails(
        "open_thread" if verb == "open_thread" else "edit", QUESTION, asyncio.CancelledError(), landed=landed
    )
    if verb == "edit":
        await post.send()
        await post.reveal()
    await post.dies()
    await post.starts_again()
    await post.send_until_done()
    assert list(post.messenger.titles) == [(await post.round()).thread]
    assert await post.do(lambda tx: tx.deliveries.unfinished()) == []


async def test_a_program_that_dies_again_and_again_still_says_everything_once(post: Post) -> None:
    for number in range(6):
        await post.owe(make_delivery(f"{number}"))
        post.messenger.fails("send", f"{number}", asyncio.CancelledError(), landed=number % 2 == 0)
    for _ in range(6):
        await post.dies()
        await post.starts_again()
    await post.send()
    assert post.messenger.said() == [f"{number}" for number in range(6)]


# --- what lands very late -----------------------------------------------------------------------------------


def lands(messenger: ScriptedMessenger, key: str) -> None:
    """An attempt of which nothing was heard lands after all."""
    posted = messenger.posted(key)
    messenger.standing.append(replace(posted, ref=replace(posted.ref, message="late")))


async def test_a_first_attempt_that_lands_after_every_look_is_removed_five_minutes_later(post: Post) -> None:
    await post.open_round()
    post.messenger.fails("send", QUESTION, Failure.UNCLEAR)
    await post.send()
    await post.send(NOW + timedelta(minutes=1))
    kept = post.messenger.posted(QUESTION).ref
    lands(post.messenger, QUESTION)
    await post.send(NOW + timedelta(minutes=5))
    assert len(post.messenger.said()) == 2
    await post.send(NOW + timedelta(minutes=6))
    assert post.messenger.posted(QUESTION).ref == kept
    assert (await post.round()).card == kept
    assert await post.do(lambda tx: tx.deliveries.unfinished()) == []


async def test_what_was_sent_again_is_kept_though_the_look_right_after_it_is_refused(post: Post) -> None:
    await post.open_round()
    post.messenger.fails("send", QUESTION, Failure.UNCLEAR)
    await post.send()
    post.messenger.succeeds("find", QUESTION)
    post.messenger.fails("find", QUESTION, Failure.REFUSED)
    await post.send(NOW + timedelta(minutes=1))
    assert await post.state() is DeliveryState.DONE
    assert (await post.round()).card == post.messenger.posted(QUESTION).ref


async def test_a_program_that_dies_at_the_look_after_a_second_sending_looks_at_its_next_start(post: Post) -> None:
    await post.open_round()
    post.messenger.fails("send", QUESTION, Failure.UNCLEAR)
    await post.send()
    post.messenger.succeeds("find", QUESTION)
    post.messenger.fails("find", QUESTION, asyncio.CancelledError())
    with pytest.raises(asyncio.CancelledError):
        await post.send(NOW + timedelta(minutes=1))
    kept = post.messenger.posted(QUESTION).ref
    lands(post.messenger, QUESTION)
    assert await post.starts_again() == 1
    await post.send(NOW + timedelta(minutes=2))
    assert post.messenger.posted(QUESTION).ref == kept
    assert (await post.round()).card == kept


async def test_the_later_look_is_taken_again_until_it_has_seen_something(post: Post) -> None:
    await post.open_round()
    post.messenger.fails("send", QUESTION, Failure.UNCLEAR)
    await post.send()
    await post.send(NOW + timedelta(minutes=1))
    lands(post.messenger, QUESTION)
    for failure in (Failure.REFUSED, Failure.NOT_SENT, Failure.UNCLEAR):
        post.messenger.fails("find", QUESTION, failure)
    for minutes in (6, 16, 26, 36):
        await post.send(NOW + timedelta(minutes=minutes))
    assert post.messenger.posted(QUESTION).ref == (await post.round()).card


async def test_a_channel_that_is_given_up_keeps_its_looks(post: Post) -> None:
    await post.open_round()
    post.messenger.fails("send", QUESTION, Failure.UNCLEAR)
    await post.send()
    await post.send(NOW + timedelta(minutes=1))
    await post.do(lambda tx: outcomes.lost(tx, CHANNEL, "the channel was archived", NOW))
    lands(post.messenger, QUESTION)
    await post.send(NOW + timedelta(minutes=6))
    assert post.messenger.said().count(QUESTION) == 1


async def test_a_card_that_is_given_up_while_it_may_be_on_its_way_is_removed_should_it_land(post: Post) -> None:
    await post.open_round()
    post.messenger.fails("send", QUESTION, Failure.UNCLEAR)
    post.messenger.fails("send", QUESTION, Failure.REFUSED, times=outcomes.TAKEN_WITHIN - 1)
    for minutes in range(outcomes.TAKEN_WITHIN):
        await post.send(NOW + timedelta(minutes=minutes))
    assert (await post.round()).state is RoundState.CANCELLED
    late = Posted(MessageRef(place=HERE, message="late"), QUESTION, 1, Card(title="late"))
    post.messenger.standing.append(late)
    await post.send(NOW + outcomes.LOOKS_AFTER + timedelta(minutes=outcomes.TAKEN_WITHIN))
    assert QUESTION not in post.messenger.said()


async def test_where_nothing_landed_late_the_later_look_changes_nothing(post: Post) -> None:
    await post.owe(make_delivery("note"))
    post.messenger.fails("send", "note", Failure.UNCLEAR)
    await post.send()
    await post.send(NOW + timedelta(minutes=1))
    await post.send(LATER)
    assert post.messenger.said() == ["note"]
    assert post.messenger.asked("delete") == []


async def test_where_the_second_attempt_is_found_the_first_one_is_removed_should_it_land(post: Post) -> None:
    await post.open_round()
    post.messenger.fails("send", QUESTION, Failure.UNCLEAR)
    post.messenger.fails("send", QUESTION, Failure.UNCLEAR, landed=True)
    for minutes in (0, 1, 2):
        await post.send(NOW + timedelta(minutes=minutes))
    kept = post.messenger.posted(QUESTION).ref
    assert (await post.round()).card == kept
    lands(post.messenger, QUESTION)
    await post.send(NOW + timedelta(minutes=8))
    assert post.messenger.said().count(QUESTION) == 1
    assert post.messenger.posted(QUESTION).ref == kept


async def test_what_stands_twice_and_cannot_be_removed_is_not_given_up(post: Post) -> None:
    await post.open_round()
    post.messenger.fails("send", QUESTION, Failure.UNCLEAR, landed=True)
    await post.send()
    lands(post.messenger, QUESTION)
    post.messenger.fails("delete", QUESTION, Failure.REFUSED, times=outcomes.TAKEN_WITHIN)
    for minutes in range(1, outcomes.TAKEN_WITHIN + 2):
        await post.send(NOW + timedelta(minutes=minutes))
    assert await post.state() is DeliveryState.DONE
    assert (await post.round()).state is RoundState.OPEN


async def test_what_was_found_before_it_was_sent_again_is_not_looked_for_later(post: Post) -> None:
    await post.owe(make_delivery("note"))
    post.messenger.fails("send", "note", Failure.UNCLEAR, landed=True)
    await post.send()
    await post.send(NOW + timedelta(minutes=1))
    assert await post.do(lambda tx: tx.deliveries.unfinished()) == []


async def test_a_look_holds_up_nothing_in_its_channel(post: Post) -> None:
    await post.owe(make_delivery("note"))
    post.messenger.fails("send", "note", Failure.UNCLEAR)
    await post.send()
    await post.send(NOW + timedelta(minutes=1))
    await post.owe(make_delivery("next"))
    await post.send(NOW + timedelta(minutes=2))
    assert post.messenger.said() == ["note", "next"]


async def test_a_look_that_is_refused_switches_nothing_off(post: Post) -> None:
    await post.owe(make_drill(), make_delivery("note"))
    post.messenger.fails("send", "note", Failure.UNCLEAR)
    await post.send()
    await post.send(NOW + timedelta(minutes=1))
    post.messenger.fails("find", "note", Failure.FORBIDDEN)
    await post.send(LATER)
    assert (await post.drill()).refused == 0
    assert await post.do(lambda tx: tx.deliveries.unfinished()) == []


# --- the program is to stop ---------------------------------------------------------------------------------


class Telling(ScriptedMessenger):
    """A platform that tells when something has been posted."""

    def __init__(self) -> None:
        super().__init__()
        self.told = asyncio.Event()

    async def send(self, place: Place, card: Card, *, part: int, key: str) -> MessageRef:
        try:
            return await super().send(place, card, part=part, key=key)
        finally:
            self.told.set()


async def test_a_program_that_is_to_stop_begins_nothing_and_owes_what_had_not_had_its_turn(post: Post) -> None:
    messenger = Telling()
    deliverer = Deliverer(post.store, {"terminal": messenger}, paces={"terminal": Pace(1.0)})
    await post.owe(*(make_delivery(f"{number}", f"terminal:local/{number}") for number in range(3)))
    sending = asyncio.create_task(deliverer.send_due(NOW))
    await messenger.told.wait()
    deliverer.stop()
    await sending
    assert messenger.said() == ["0"]
    for key in ("1", "2"):
        waiting = await post.delivery(key)
        assert (waiting.state, waiting.unclear, waiting.attempts) == (DeliveryState.OWED, False, 0)


async def test_while_one_platform_is_left_alone_the_others_go_on(post: Post) -> None:
    messenger, other = Telling(), ScriptedMessenger()
    deliverer = Deliverer(post.store, {"terminal": messenger, "slack": other}, paces={"slack": Pace(50.0)})
    other.fails("send", "a", DeliveryError(Failure.NOT_SENT, "", timedelta(hours=1), limited=True, for_all=True))
    await post.owe(make_delivery("a", "slack:T/A"))
    await deliverer.send_due(NOW)
    await post.owe(make_delivery("b", "slack:T/B"), make_delivery("note"))
    sending = asyncio.create_task(deliverer.send_due(NOW))
    await messenger.told.wait()
    deliverer.stop()
    await sending
    assert other.requests == [("send", "a")]


# --- the disk is full ---------------------------------------------------------------------------------------


class FullDisk:
    """A store whose disk refuses for as long as a test says."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.full = False

    async def write(self, work: Callable[[Transaction], T]) -> T:
        if self.full:
            raise StoreError("its disk refuses")
        return await self._store.write(work)

    async def read(self, work: Callable[[Transaction], T]) -> T:
        return await self._store.read(work)

    async def close(self) -> None:
        await self._store.close()


async def test_what_was_sent_while_the_disk_was_full_is_known_once_there_is_room_again(post: Post) -> None:
    disk = FullDisk(post.store)

    class Filling(ScriptedMessenger):
        async def send(self, place: Place, card: Card, *, part: int, key: str) -> MessageRef:
            ref = await super().send(place, card, part=part, key=key)
            disk.full = key == "note"
            return ref

    messenger = Filling()
    deliverer = Deliverer(disk, {"terminal": messenger})
    await post.owe(make_delivery("note"), make_delivery("behind"))
    with pytest.raises(StoreError):
        await deliverer.send_due(NOW)
    disk.full = False
    await deliverer.send_due(LATER)
    assert messenger.said() == ["note", "behind"]
    assert await post.state("note") is DeliveryState.DONE


# --- several parts ------------------------------------------------------------------------------------------

PARTS = ["note", "note/2", "note/3"]


async def test_a_card_of_several_messages_is_sent_in_order_each_under_its_own_key(post: Post) -> None:
    post.messenger.parts_needed = 3
    await post.owe(make_delivery("note"), make_delivery("behind"))
    await post.send()
    assert post.messenger.said() == [*PARTS, "behind", "behind/2", "behind/3"]
    assert [posted.part for posted in post.messenger.standing] == [1, 2, 3] * 2
    assert (await post.delivery("note")).sent == tuple(posted.ref for posted in post.messenger.standing[:3])


@pytest.mark.parametrize("lost", PARTS)
@pytest.mark.parametrize("landed", [False, True])
@pytest.mark.parametrize("dies", [False, True])
async def test_a_part_that_is_lost_on_the_way_comes_again_and_no_other_does(
    post: Post, lost: str, landed: bool, dies: bool
) -> None:
    post.messenger.parts_needed = 3
    await post.owe(make_delivery("note"))
    post.messenger.fails("send", lost, asyncio.CancelledError() if dies else Failure.UNCLEAR, landed=landed)
    if dies:
        await post.dies()
        await post.starts_again()
    else:
        await post.send()
    await post.send(LATER)
    assert post.messenger.said() == PARTS
    assert len((await post.delivery("note")).sent) == 3
    assert [key for verb, key in post.messenger.requests if verb == "send"].count(lost) == (1 if landed else 2)


async def test_of_a_message_that_is_given_up_midway_the_parts_that_stand_stay_and_what_lands_late_goes(
    post: Post,
) -> None:
    post.messenger.parts_needed = 3
    await post.owe(make_delivery("note"))
    post.messenger.fails("send", PARTS[1], Failure.UNCLEAR)
    post.messenger.fails("send", PARTS[1], Failure.REFUSED, times=outcomes.TAKEN_WITHIN - 1)
    for minutes in range(outcomes.TAKEN_WITHIN):
        await post.send(NOW + timedelta(minutes=minutes))
    assert await post.state("note") is DeliveryState.DROPPED
    post.messenger.standing.append(Posted(MessageRef(place=HERE, message="late"), PARTS[1], 2, Card(title="late")))
    await post.send(LATER)
    assert post.messenger.said() == [PARTS[0]]


# --- forbidden ----------------------------------------------------------------------------------------------


async def test_three_refusals_in_a_row_switch_the_drill_off_and_say_so_to_who_set_it_up(post: Post) -> None:
    await post.open_round()
    post.messenger.forbid(CHANNEL)
    for number in range(3):
        assert (await post.drill()).state is DrillState.ON
        await post.send(NOW + number * timedelta(hours=1))
    drill = await post.drill()
    assert (drill.state, drill.next, drill.refused) == (DrillState.OFF, None, 0)
    assert (await post.round()).state is RoundState.CANCELLED
    (told,) = post.messenger.standing
    assert told.ref.place == Place(channel=ChannelId(ADA))
    assert "not allowed to post" in told.words
    assert await post.do(lambda tx: tx.deliveries.unfinished()) == []


async def test_the_organizers_are_told_in_the_place_for_notes_where_there_is_one(post: Post) -> None:
    await post.open_round()
    await post.owe(replace(await post.drill(), notes=RANDOM))
    post.messenger.fails("send", QUESTION, Failure.FORBIDDEN, times=3)
    await post.send_until_done()
    (told,) = post.messenger.standing
    assert told.ref.place == Place(channel=RANDOM)


async def test_a_message_that_goes_through_forgives_the_refusals_before_it(post: Post) -> None:
    await post.open_round()
    post.messenger.fails("send", QUESTION, Failure.FORBIDDEN, times=2)
    post.messenger.fails("open_thread", QUESTION, Failure.FORBIDDEN, times=2)
    await post.send_until_done()
    assert (await post.drill()).state is DrillState.ON
    assert len(post.messenger.titles) == 1


async def test_a_note_to_an_organizer_who_takes_none_is_given_up(post: Post) -> None:
    await post.open_round()
    post.messenger.forbid(CHANNEL)
    post.messenger.forbid(ChannelId(ADA))
    await post.send_until_done()
    assert post.messenger.standing == []
    assert await post.do(lambda tx: tx.deliveries.unfinished()) == []


# --- what is gone -------------------------------------------------------------------------------------------


async def test_when_a_channel_is_gone_its_drill_is_off_and_others_go_on(post: Post) -> None:
    await post.open_round()
    await post.open_round(RANDOM)
    post.messenger.lose_channel(CHANNEL)
    await post.send()
    assert ((await post.drill()).state, (await post.drill(RANDOM)).state) == (DrillState.OFF, DrillState.ON)
    assert sorted(post.messenger.said(RANDOM)) == [f"{RANDOM}@2026-11-22/question"]
    (told,) = [posted for posted in post.messenger.standing if posted.ref.place.channel == ChannelId(ADA)]
    assert "the channel is gone" in told.words
    assert await post.do(lambda tx: tx.deliveries.unfinished()) == []


async def test_a_thread_that_is_gone_cancels_its_round_and_the_drill_goes_on(post: Post) -> None:
    await post.open_round()
    post.messenger.fails("open_thread", QUESTION, Failure.THREAD_GONE)
    await post.send()
    assert (await post.round()).state is RoundState.CANCELLED
    assert "Cancelled: its thread was deleted" in post.messenger.posted(QUESTION).words
    assert (await post.drill()).state is DrillState.ON


async def test_a_thread_that_goes_after_the_reveal_leaves_the_reference_answer_to_the_channel(post: Post) -> None:
    await post.open_round()
    await post.send()
    await post.reveal()
    thread = (await post.round()).thread
    assert thread is not None
    post.messenger.lose_thread(thread)
    await post.send(NOW + DAY)
    assert (await post.round()).state is RoundState.REVEALED
    assert post.messenger.posted(REVEAL).ref.place == HERE
    assert "revealed" in post.messenger.posted(QUESTION).words


async def test_a_card_that_was_deleted_is_followed_by_a_reveal_in_the_channel(post: Post) -> None:
    await post.open_round()
    await post.send()
    post.messenger.lose_message(post.messenger.posted(QUESTION).ref)
    round_ = await post.round()
    await post.do(lambda tx: outcomes.card_deleted(tx, round_))
    await post.reveal()
    await post.send(NOW + DAY)
    assert post.messenger.posted(REVEAL).ref.place == HERE
    assert post.messenger.asked("edit") == []


@pytest.mark.parametrize("landed", [True, False])
@pytest.mark.parametrize("thread_gone", [False, True])
async def test_a_reveal_that_may_stand_in_the_thread_is_looked_for_there_once_the_card_is_deleted(
    post: Post, landed: bool, thread_gone: bool
) -> None:
    await post.open_round()
    await post.send()
    await post.reveal()
    post.messenger.fails("send", REVEAL, Failure.UNCLEAR, landed=landed)
    await post.send(NOW + DAY)
    round_ = await post.round()
    assert round_.thread is not None
    post.messenger.lose_message(post.messenger.posted(QUESTION).ref)
    await post.do(lambda tx: outcomes.card_deleted(tx, round_))
    if thread_gone:
        post.messenger.lose_thread(round_.thread)
        post.messenger.fails("find", REVEAL, Failure.THREAD_GONE)
    await post.send_until_done()
    stands_there = landed and not thread_gone
    assert post.messenger.posted(REVEAL).ref.place == (round_.thread if stands_there else HERE)


async def test_a_card_deleted_before_its_thread_opened_is_followed_by_a_reveal_in_the_channel(post: Post) -> None:
    await post.open_round()
    post.messenger.fails("open_thread", QUESTION, Failure.MESSAGE_GONE)
    await post.send()
    assert (await post.round()).card_deleted
    await post.reveal()
    await post.send(NOW + DAY)
    assert post.messenger.posted(REVEAL).ref.place == HERE


async def test_a_card_found_deleted_when_it_is_to_be_said_anew_is_known_from_then_on(post: Post) -> None:
    await post.open_round()
    await post.send()
    post.messenger.lose_message(post.messenger.posted(QUESTION).ref)
    await post.reveal()
    await post.send(NOW + DAY)
    assert (await post.state(REVEAL), await post.state(CARD)) == (DeliveryState.DONE, DeliveryState.DROPPED)
    assert (await post.round()).card_deleted


# --- a round that is cancelled while its card is on the way -------------------------------------------------


class Overtaken(ScriptedMessenger):
    """A platform during whose first sending something else happens."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        super().__init__()
        self._meanwhile: list[Callable[[], object]] = [meanwhile]

    async def send(self, place: Place, card: Card, *, part: int, key: str) -> MessageRef:
        if self._meanwhile:
            await self._meanwhile.pop()()  # type: ignore[misc]
        return await super().send(place, card, part=part, key=key)


async def cancelled_on_the_way(post: Post) -> Overtaken:
    """A round whose card is called off by an organizer while it is being sent."""
    await post.open_round()

    async def cancel() -> None:
        round_ = await post.round()
        await post.do(lambda tx: rounds.cancel(tx, round_, "an organizer called it off", NOW))

    messenger = Overtaken(cancel)
    post.deliverer = Deliverer(post.store, {"terminal": messenger})
    return messenger


async def test_a_round_cancelled_while_its_card_was_on_the_way_says_so_on_the_card(post: Post) -> None:
    messenger = await cancelled_on_the_way(post)
    await post.send()
    assert "Cancelled" in messenger.posted(QUESTION).words
    assert messenger.titles == {}


async def test_a_round_cancelled_while_its_card_could_not_be_sent_is_never_posted(post: Post) -> None:
    messenger = await cancelled_on_the_way(post)
    messenger.fails("send", QUESTION, Failure.NOT_SENT)
    await post.send()
    await post.send_until_done()
    assert messenger.standing == []
    assert messenger.asked("send") == [("send", QUESTION)]


async def test_a_card_that_arrived_unclearly_for_a_cancelled_round_does_not_stay_open(post: Post) -> None:
    messenger = await cancelled_on_the_way(post)
    messenger.fails("send", QUESTION, Failure.UNCLEAR, landed=True)
    await post.send()
    await post.send_until_done()
    assert [posted.card for posted in messenger.standing if posted.card.buttons] == []
    assert messenger.asked("send") == [("send", QUESTION)]


async def test_a_round_cancelled_before_its_card_was_sent_is_never_posted(post: Post) -> None:
    await post.open_round()
    round_ = await post.round()
    await post.do(lambda tx: rounds.cancel(tx, round_, "an organizer called it off", NOW))
    assert await post.send() == 0
    assert post.messenger.requests == []


def drop(tx: Transaction, owed: Delivery) -> None:
    tx.deliveries.save(replace(owed, state=DeliveryState.DROPPED))


async def test_an_edit_of_a_card_that_was_never_posted_is_dropped(post: Post) -> None:
    await post.open_round()
    round_ = await post.round()
    for owed in await post.do(lambda tx: tx.deliveries.unfinished()):
        await post.do(partial(drop, owed=owed))
    await post.owe(make_delivery(CARD, action=Action.EDIT, round=round_.id))
    await post.send()
    assert await post.state(CARD) is DeliveryState.DROPPED
    assert post.messenger.requests == []


async def test_while_one_platform_hangs_what_another_is_owed_meanwhile_goes_out(post: Post) -> None:
    sent, released = asyncio.Event(), asyncio.Event()

    class Hanging(ScriptedMessenger):
        async def send(self, place: Place, card: Card, *, part: int, key: str) -> MessageRef:
            if key == "hangs":
                await released.wait()
            sent.set()
            return await super().send(place, card, part=part, key=key)

    await post.owe(make_delivery("hangs"))
    sending = asyncio.create_task(Deliverer(post.store, {"terminal": Hanging()}).send_due(NOW))
    await post.owe(make_delivery("other", RANDOM))
    await asyncio.wait_for(sent.wait(), 10)
    assert await post.state("other") is not DeliveryState.OWED
    released.set()
    assert await sending == 2
