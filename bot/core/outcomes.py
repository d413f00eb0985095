"""What becomes of a delivery: sent, to be tried again, or dropped with a consequence. One outcome for each failure."""

from __future__ import annotations

import zlib
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from bot.core import cards, notices, owing
from bot.core.model import (
    Action,
    ChannelId,
    Delivery,
    DeliveryState,
    DrillState,
    GroupId,
    MessageRef,
    Place,
    Round,
    RoundState,
)
from bot.core.ports import DeliveryError, Failure, Transaction
from bot.core.rounds import cancel, note, owe, switch_off

FORBIDDEN_AT_MOST: Final = 3
"""Refusals in a row after which a drill is switched off."""

TAKEN_WITHIN: Final = 5
"""Tries after which a message that the platform does not take is given up: half a minute or so."""

LOOKS_AFTER: Final = timedelta(minutes=5)
"""After a message was sent again, so long it may be that the first attempt lands, too."""

LOOKS_AT_MOST: Final = 20
"""Tries to look for what stands twice, over two hours or so. They hold up nothing."""

LONGEST_WAIT: Final = timedelta(minutes=10)
LONGEST_WISH: Final = timedelta(hours=6)
"""A platform that asks for a longer wait than this is asked again after it all the same."""

SHORTEST_WAIT: Final = timedelta(seconds=2)

SPREAD: Final = 0.5
"""By how much of itself a wait may be shorter."""

_FOR_ALL: Final = ("recap", "board")
"""What is posted for a whole channel beside its rounds, as keys name it; all else is a note to organizers."""


def target(tx: Transaction, delivery: Delivery) -> tuple[Place, MessageRef | None]:
    """Where a delivery goes now: its place, and for an edit or a thread the round's card.

    A reveal goes to its round's thread; where the card was deleted or there is no thread, to the channel.
    """
    round_ = tx.rounds.get(delivery.round) if delivery.round else None
    if round_ is None:
        return delivery.place, None
    if delivery.action is Action.POST_IN_THREAD and round_.thread is not None and not round_.card_deleted:
        return round_.thread, round_.card
    return delivery.place, None if round_.card_deleted else round_.card


def elsewhere(tx: Transaction, delivery: Delivery) -> Place | None:
    """Where a delivery may stand beside its target: it went to the thread, and the card was deleted since."""
    round_ = tx.rounds.get(delivery.round) if delivery.round else None
    if round_ is None or delivery.action is not Action.POST_IN_THREAD or not round_.card_deleted:
        return None
    return round_.thread


def part_sent(tx: Transaction, delivery: Delivery, ref: MessageRef, now: datetime, *, twins: bool = False) -> Delivery:
    """Note that one more part of a delivery stands.

    `twins` says that there was another attempt to send it, which may land yet: what stands twice then is looked for
    later. The next part cannot have been sent before it, except by a database that was lost.
    """
    unclear = delivery.unclear and tx.facts.get(owing.RESTORED_AT) is not None
    delivery = replace(delivery, sent=(*delivery.sent, ref), unclear=unclear)
    tx.deliveries.save(_with_card_kept(tx, delivery))
    if twins:
        _look_later(tx, delivery.key_of(len(delivery.sent)), ref.place, now, kept=ref)
    return delivery


def _look_later(tx: Transaction, key: str, place: Place, now: datetime, *, kept: MessageRef | None) -> None:
    """Owe a look for whatever stands under a key by then; all but the one that is kept is removed."""
    look = Delivery(
        key=f"{key}/look",
        place=place,
        action=Action.LOOK,
        created_at=now,
        title=key,
        not_before=now + LOOKS_AFTER,
        sent=() if kept is None else (kept,),
    )
    tx.deliveries.owe(look)


def done(tx: Transaction, delivery: Delivery, now: datetime, *, thread: Place | None = None) -> None:
    """A delivery is complete: note what it made, in the round it belongs to."""
    finished = replace(delivery, state=DeliveryState.DONE, unclear=False, not_before=None, note="")
    tx.deliveries.save(_with_card_kept(tx, finished))
    round_ = tx.rounds.get(delivery.round) if delivery.round else None
    if round_ is not None:
        _note_in_round(tx, round_, delivery, thread, now)
    drill = tx.drills.get(delivery.place.channel)
    if drill is not None and drill.refused:
        tx.drills.save(replace(drill, refused=0))


def _with_card_kept(tx: Transaction, delivery: Delivery) -> Delivery:
    """The delivery with its card as it is stored: while it was on its way, somebody may have been forgotten."""
    stored = tx.deliveries.get(delivery.key)
    return delivery if stored is None else replace(delivery, card=stored.card)


def _note_in_round(tx: Transaction, round_: Round, delivery: Delivery, thread: Place | None, now: datetime) -> None:
    if delivery.action is Action.THREAD:
        tx.rounds.save(replace(round_, thread=thread))
    elif delivery.action is Action.POST and delivery.sent:
        round_ = replace(round_, card=delivery.sent[0])
        tx.rounds.save(round_)
        if round_.state is RoundState.CANCELLED:  # It was called off while its card was on the way.
            card = cards.question_cancelled(round_, "called off before it was posted")
            owe(tx, round_, "card", Action.EDIT, now, card=card)
        elif delivery.unclear and owing.may_have_been_sent(tx, round_.local_date):
            # Perhaps it was found, and the database that was lost had asked something else.
            owe(tx, round_, "again", Action.EDIT, now, card=delivery.card)


def look_again(tx: Transaction, keys: Collection[str]) -> None:
    """Put back what this process has claimed and could not record: it may have been sent."""
    for key in sorted(keys):
        delivery = tx.deliveries.get(key)
        if delivery is not None and delivery.state is DeliveryState.CLAIMED:
            tx.deliveries.save(replace(delivery, state=DeliveryState.OWED, unclear=True))


def put_back(tx: Transaction, key: str) -> None:
    """What was claimed and is not sent now is owed as before, whatever of it stands already."""
    delivery = tx.deliveries.get(key)
    if delivery is not None and delivery.state is DeliveryState.CLAIMED:
        tx.deliveries.save(replace(delivery, state=DeliveryState.OWED, attempts=delivery.attempts - 1))


def failed(tx: Transaction, delivery: Delivery, error: DeliveryError, now: datetime) -> None:
    """Decide what follows from a failure. Nothing is lost but what nobody can receive any more."""
    round_ = tx.rounds.get(delivery.round) if delivery.round else None
    if delivery.state is DeliveryState.DROPPED:
        _failed_after_drop(tx, delivery, round_, error, now)
        return
    if delivery.action is Action.LOOK:
        passing = error.failure in (Failure.NOT_SENT, Failure.UNCLEAR, Failure.REFUSED)
        if passing and delivery.attempts < LOOKS_AT_MOST:
            _try_again(tx, delivery, error, now)
        else:
            _drop(tx, delivery, str(error))
        return
    match error.failure:
        case Failure.NOT_SENT:
            _try_again(tx, delivery, error, now)
        case Failure.UNCLEAR:
            _try_again(tx, replace(delivery, unclear=True), error, now)
        case Failure.REFUSED if delivery.attempts < TAKEN_WITHIN:
            _try_again(tx, delivery, error, now)
        case Failure.REFUSED:
            _not_taken(tx, delivery, round_, error, now)
        case Failure.FORBIDDEN:
            _forbidden(tx, delivery, error, now)
        case Failure.MESSAGE_GONE:
            _drop(tx, delivery, str(error))
            if round_ is not None and delivery.action in (Action.EDIT, Action.THREAD):
                card_deleted(tx, round_)
        case Failure.THREAD_GONE:
            _thread_gone(tx, delivery, round_, error, now)
        case Failure.CHANNEL_GONE:
            channel_gone(tx, delivery, now)


def _failed_after_drop(
    tx: Transaction, delivery: Delivery, round_: Round | None, error: DeliveryError, now: datetime
) -> None:
    """It was called off while it was on the way. Only if it may have arrived is there anything to do: look for it.

    Should it have to be sent after all, it says what became of its round.
    """
    if error.failure is Failure.UNCLEAR and round_ is not None and delivery.action is Action.POST:
        card = cards.question_cancelled(round_, "called off before it was posted")
        _try_again(tx, replace(delivery, unclear=True, card=card), error, now)


def _thread_gone(
    tx: Transaction, delivery: Delivery, round_: Round | None, error: DeliveryError, now: datetime
) -> None:
    revealing = delivery.action is Action.POST_IN_THREAD and round_ is not None and round_.thread is not None
    if revealing and round_ is not None and round_.state is RoundState.REVEALED:
        tx.rounds.save(replace(round_, thread=None))  # The reference answer is owed all the same: in the channel.
        tx.deliveries.save(replace(delivery, state=DeliveryState.OWED, sent=(), unclear=False, note=str(error)))
        return
    _drop(tx, delivery, str(error))
    if round_ is not None:
        thread_deleted(tx, round_, now)


def card_deleted(tx: Transaction, round_: Round) -> None:
    """Somebody removed a round's card: its reveal will come as a new message in the channel."""
    tx.rounds.save(replace(round_, card_deleted=True))


def thread_deleted(tx: Transaction, round_: Round, now: datetime) -> None:
    """Somebody removed a round's thread: the round is cancelled without harm, and the drill goes on.

    After the reveal there is nothing left to cancel.
    """
    tx.rounds.save(replace(round_, thread=None))
    cancel(tx, replace(round_, thread=None), "its thread was deleted", now)


def channel_gone(tx: Transaction, delivery: Delivery, now: datetime) -> None:
    """A channel is no longer there: its messages are dropped and its drill is off."""
    _give_up(tx, delivery.place.channel, "the channel is gone", now)


def lost(tx: Transaction, channel: ChannelId, why: str, now: datetime) -> None:
    """The platform says that the bot can no longer speak in a channel, before any message has failed."""
    drill = tx.drills.get(channel)
    if drill is not None and drill.state is not DrillState.OFF:
        _give_up(tx, channel, why, now)


def left(tx: Transaction, group: GroupId, now: datetime) -> None:
    """The bot was removed from a group: its drills are off, and nothing is sent there any more.

    Nobody can be told. Points, streaks and answers stay for a while, for the case that it is invited again
    (`bot.core.retention`).
    """
    tx.records.note_left(group, now)
    for drill in tx.drills.all():
        if drill.group != group:
            continue
        for delivery in tx.deliveries.unfinished(channel=drill.channel):
            _drop(tx, delivery, "removed from the group")
        for round_ in tx.rounds.unrevealed(drill.channel):
            tx.rounds.save(replace(round_, state=RoundState.CANCELLED))
        tx.drills.save(replace(drill, state=DrillState.OFF, state_reason="I was removed from here", next=None))


def _not_taken(tx: Transaction, delivery: Delivery, round_: Round | None, error: DeliveryError, now: datetime) -> None:
    """Nobody can mend a card on its way: it must not hold up what comes after it in its channel."""
    _drop(tx, delivery, str(error))
    if delivery.unclear and delivery.action in (Action.POST, Action.POST_IN_THREAD):  # It may land yet.
        place, _ = target(tx, delivery)
        _look_later(tx, delivery.key_of(len(delivery.sent) + 1), place, now, kept=None)  # What stands before it stays.
    if round_ is None or delivery.action is not Action.POST:
        return
    cancel(tx, round_, "its card could not be posted", now)
    drill = tx.drills.get(round_.channel)
    if drill is not None:
        note(tx, drill, "not taken", notices.not_taken(round_), now)


def _forbidden(tx: Transaction, delivery: Delivery, error: DeliveryError, now: datetime) -> None:
    drill = tx.drills.get(delivery.place.channel)
    if drill is None:  # A place for notes: asking again would only be refused again.
        _give_up(tx, delivery.place.channel, "I am not allowed to post there", now)
        return
    drill = replace(drill, refused=drill.refused + 1)
    tx.drills.save(drill)
    if drill.refused < FORBIDDEN_AT_MOST:
        _try_again(tx, delivery, error, now)
    else:
        _give_up(tx, delivery.place.channel, "I am not allowed to post there", now)


def _give_up(tx: Transaction, channel: ChannelId, why: str, now: datetime) -> None:
    # A look may still remove what stands twice, should the channel be open again by then; else it is given up itself.
    owed = [delivery for delivery in tx.deliveries.unfinished(channel=channel) if delivery.action is not Action.LOOK]
    for delivery in owed:
        _drop(tx, delivery, why)
    _off(tx, channel, why, now)
    for delivery in owed:
        if delivery.round is None and not delivery.key.startswith(tuple(f"{channel}/{what}/" for what in _FOR_ALL)):
            _say_privately(tx, delivery, now)


def _say_privately(tx: Transaction, noted: Delivery, now: datetime) -> None:
    """A note whose place is gone goes to whoever ran setup, who agreed to that."""
    for drill in tx.drills.all():
        direct = ChannelId(drill.set_up_by) if drill.set_up_by is not None else None
        if noted.key.startswith(f"{drill.channel}/") and direct is not None and direct != noted.place.channel:
            owing.owe(
                tx,
                replace(
                    noted,
                    key=f"{noted.key}/direct",
                    place=Place(channel=direct),
                    state=DeliveryState.OWED,
                    attempts=0,
                    not_before=None,
                    unclear=False,
                    created_at=now,
                ),
            )


def _off(tx: Transaction, channel: ChannelId, why: str, now: datetime) -> None:
    drill = tx.drills.get(channel)
    if drill is None:
        return
    for round_ in tx.rounds.unrevealed(channel):
        tx.rounds.save(replace(round_, state=RoundState.CANCELLED))
    if drill.state is not DrillState.OFF:
        switch_off(tx, replace(drill, refused=0), why, now, reachable=False)


def _try_again(tx: Transaction, delivery: Delivery, error: DeliveryError, now: datetime) -> None:
    wait = min(LONGEST_WAIT, SHORTEST_WAIT * 2 ** min(delivery.attempts, 10))
    wait -= wait * SPREAD * _share(delivery)
    if error.retry_after is not None:
        wait = max(wait, min(error.retry_after, LONGEST_WISH))
    tx.deliveries.save(replace(delivery, state=DeliveryState.OWED, not_before=now + wait, note=str(error)))


def _share(delivery: Delivery) -> float:
    """From 0 to 1, another for each delivery and attempt: what failed together is not tried again together.

    Drawn from what it is, so that the core stays a function of its arguments.
    """
    return zlib.crc32(f"{delivery.key} {delivery.attempts}".encode()) / 0xFFFFFFFF


def _drop(tx: Transaction, delivery: Delivery, why: str) -> None:
    tx.deliveries.save(replace(delivery, state=DeliveryState.DROPPED, note=why))
