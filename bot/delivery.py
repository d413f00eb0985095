"""Sends what is owed: claim, pace, send, record. After an unclear outcome or a crash it looks before it sends again."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Protocol, TypeVar, assert_never

from structlog.contextvars import bound_contextvars

from bot.core import outcomes
from bot.core.card import Card
from bot.core.model import Action, Delivery, DeliveryState, MessageRef, Place, group_of, platform_of
from bot.core.ports import DeliveryError, Failure, Messenger, Store, StoreError, Transaction
from bot.pacing import Pace, Unpaced

log = logging.getLogger(__name__)

RESTS_AT_MOST: Final = 30.0
"""Seconds that a whole platform is left alone when it asks for it. What it refused waits as long as it asked."""

ANSWERS_WITHIN: Final = 60
"""Seconds of real time that a platform gets for one request; then its outcome is unclear."""

T = TypeVar("T")


class Watch(Protocol):
    """Whoever wants to know what becomes of deliveries."""

    def sent(self, delivery: Delivery, took: timedelta) -> None:
        """All of it stands; it was owed so long before."""

    def failed(self, delivery: Delivery, error: DeliveryError) -> None:
        """An attempt failed."""

    def looked(self, delivery: Delivery) -> None:
        """It was looked for, since it may have been sent before."""

    def removed(self, delivery: Delivery) -> None:
        """A younger duplicate of it was found, and removed."""

    def retried(self, delivery: Delivery) -> None:
        """After a failure it is owed again."""

    def dropped(self, delivery: Delivery) -> None:
        """After a failure it is given up."""


class Deliverer:
    """Brings deliveries from the store to the platforms."""

    def __init__(
        self,
        store: Store,
        messengers: Mapping[str, Messenger],
        clock: Callable[[], datetime] | None = None,
        *,
        paces: Mapping[str, Pace] | None = None,
        watch: Watch | None = None,
    ) -> None:
        """`messengers` and their paces by platform; deliveries to a platform that is not among them wait.

        With a clock, what happens while sending takes long is judged by it, and not by when that began.
        """
        self._clock = clock
        self._store = store
        self._messengers = messengers
        self._paces = {platform: (paces or {}).get(platform) or Unpaced() for platform in messengers}
        self._watch = watch
        self._stopping = False
        self._unrecorded: set[str] = set()

    async def recover(self) -> int:
        """Take over what an earlier process had claimed and not recorded; it may have been sent. Run before sending."""
        return await self._store.write(lambda tx: tx.deliveries.reclaim())

    async def send_due(self, now: datetime) -> int:
        """Send everything that is owed and not waiting, in each channel in the order owed. Returns how many rows.

        Raises StoreError if the disk refuses; what was sent then and not recorded is looked for the next time.
        """
        if self._unrecorded:
            await self._store.write(lambda tx: outcomes.look_again(tx, self._unrecorded))
            self._unrecorded.clear()
        handled, running = 0, dict[asyncio.Task[None], str]()
        trouble: StoreError | None = None
        try:
            while trouble is None:
                now = self._clock() if self._clock else now
                for delivery in await self._claim(now, Counter(running.values())):
                    running[asyncio.create_task(self._deliver(delivery, now))] = platform_of(delivery.place.channel)
                    handled += 1
                if not running:
                    return handled
                # Not for ever: while one platform hangs, what others are owed meanwhile must not wait for it.
                done, _ = await asyncio.wait(running, timeout=1, return_when=asyncio.FIRST_COMPLETED)
                errors = [task.exception() for task in running if task in done]
                trouble = next((error for error in errors if isinstance(error, StoreError)), None)
                running = {task: platform for task, platform in running.items() if task not in done}
        except asyncio.CancelledError:
            for task in running:
                task.cancel()
            raise
        finally:  # Whatever ends this, nothing goes on sending behind its back.
            await asyncio.gather(*running, return_exceptions=True)
        raise trouble

    def stop(self) -> None:
        """Begin nothing more: what is on its way is finished, what waits for its turn is owed again."""
        self._stopping = True
        for pace in self._paces.values():
            pace.close()

    async def _claim(self, now: datetime, busy: Mapping[str, int]) -> list[Delivery]:
        """What can be sent now, beside so many that are in flight by platform.

        Each platform has room of its own: one that is slow, or has ten thousand to send, keeps no other waiting.
        """
        free = {platform: pace.at_once - busy.get(platform, 0) for platform, pace in self._paces.items()}
        if self._stopping or not any(free.values()):
            return []

        def work(tx: Transaction) -> list[Delivery]:
            claims = (tx.deliveries.claim(now, limit, platform) for platform, limit in free.items() if limit)
            return [delivery for claimed in claims for delivery in claimed]

        return await self._store.write(work)

    async def _deliver(self, delivery: Delivery, now: datetime) -> None:
        with bound_contextvars(**_about(delivery)):
            await self._try(delivery, now)

    async def _try(self, delivery: Delivery, now: datetime) -> None:
        try:
            await self._carry_out(delivery, now)
        except _NotNow:
            await self._store.write(lambda tx: outcomes.put_back(tx, delivery.key))
        except DeliveryError as error:
            log.warning("delivery %s: %s", delivery.key, error)
            self._slow_down(delivery, error)
            if self._watch is not None:
                self._watch.failed(delivery, error)
            await self._fail(delivery.key, error, now)
        except StoreError:
            self._unrecorded.add(delivery.key)
            raise
        except Exception:
            # A fault of ours in one card must not stop the others; it is tried again, with a look first.
            log.exception("delivery %s failed in a way nobody thought of", delivery.key)
            await self._fail(delivery.key, DeliveryError(Failure.UNCLEAR, "unexpected error"), now)

    def _slow_down(self, delivery: Delivery, error: DeliveryError) -> None:
        pace = self._paces[platform_of(delivery.place.channel)]
        if error.limited or error.failure is Failure.FORBIDDEN:
            pace.refused()
        if error.for_all and error.retry_after is not None:
            pace.rest(min(error.retry_after.total_seconds(), RESTS_AT_MOST))

    async def _fail(self, key: str, error: DeliveryError, now: datetime) -> None:
        def work(tx: Transaction) -> Delivery | None:
            delivery = tx.deliveries.get(key)  # Parts may have been sent since it was claimed.
            if delivery is None or delivery.state is DeliveryState.DONE:
                return None
            outcomes.failed(tx, delivery, error, self._clock() if self._clock else now)
            return tx.deliveries.get(key)

        try:
            became = await self._store.write(work)
        except StoreError:
            self._unrecorded.add(key)
            raise
        except Exception:
            self._unrecorded.add(key)
            log.exception("delivery %s: what became of it could not be noted", key)
            return
        if self._watch is not None and became is not None:
            told = self._watch.dropped if became.state is DeliveryState.DROPPED else self._watch.retried
            told(became)

    async def _carry_out(self, delivery: Delivery, now: datetime) -> None:
        (place, card_ref), elsewhere = await self._store.read(
            lambda tx: (outcomes.target(tx, delivery), outcomes.elsewhere(tx, delivery))
        )
        asking = _Asking(self._messengers[platform_of(place.channel)], self._paces[platform_of(place.channel)], place)
        thread: Place | None = None
        match delivery.action:
            case Action.POST | Action.POST_IN_THREAD:
                delivery = await self._post(asking, delivery, elsewhere, now)
            case Action.THREAD:
                ref = _needed(card_ref)
                thread = await asking.turn(lambda messenger: messenger.open_thread(ref, delivery.title))
            case Action.EDIT:
                ref, card, key = _needed(card_ref), _card(delivery), f"{delivery.round}/question"
                await asking.turn(lambda messenger: messenger.edit(ref, card, part=1, key=key))
            case Action.LOOK:
                await self._look(asking, delivery)
            case _:
                assert_never(delivery.action)
        await self._store.write(lambda tx: outcomes.done(tx, delivery, now, thread=thread))
        log.info("delivery %s: done", delivery.key)
        if self._watch is not None:
            self._watch.sent(delivery, (self._clock() if self._clock else now) - delivery.created_at)

    async def _post(self, asking: _Asking, delivery: Delivery, elsewhere: Place | None, now: datetime) -> Delivery:
        card = _card(delivery)
        if delivery.unclear and delivery.sent:  # A process died after it had noted this, and perhaps before it looked.
            key = delivery.key_of(len(delivery.sent))
            await self._remove_twins(asking, delivery, delivery.sent[-1], key, elsewhere)
        for part in range(len(delivery.sent) + 1, asking.messenger.parts(card) + 1):
            key = delivery.key_of(part)
            found = await self._find(asking, delivery, key, elsewhere) if delivery.unclear else []
            sending = partial(_send, place=asking.place, card=card, part=part, key=key)
            ref = found[0] if found else await asking.turn(sending, posts=True)
            # What is sent again may have landed before, or do so yet; and so may what is found after two attempts.
            twins = delivery.unclear and (len(found) != 1 or delivery.attempts > 2)
            delivery = await self._note_part(delivery, ref, now, twins=twins)
            if twins:
                await self._remove_twins(asking, delivery, ref, key, elsewhere)
        return delivery

    async def _remove_twins(
        self, asking: _Asking, delivery: Delivery, kept: MessageRef, key: str, elsewhere: Place | None
    ) -> None:
        """Remove what else stands of a message, as far as it shows yet.

        What stands is noted, and is not lost when this fails: a later look is owed (`outcomes.part_sent`).
        """
        try:
            for other in await self._standing(asking, key, elsewhere):
                if other != kept:
                    await self._remove(asking, delivery, other)
        except DeliveryError as error:
            log.warning("delivery %s: what stands twice is looked for later: %s", delivery.key, error)
            self._slow_down(delivery, error)
            if self._watch is not None:
                self._watch.failed(delivery, error)

    async def _note_part(self, delivery: Delivery, ref: MessageRef, now: datetime, *, twins: bool) -> Delivery:
        at = self._clock() if self._clock else now
        return await self._store.write(lambda tx: outcomes.part_sent(tx, delivery, ref, at, twins=twins))

    async def _look(self, asking: _Asking, delivery: Delivery) -> None:
        found = await asking.turn(lambda messenger: messenger.find(asking.place, key=delivery.title))
        for other in found if not delivery.sent or delivery.sent[0] in found else found[1:]:
            if other not in delivery.sent:
                await self._remove(asking, delivery, other)

    async def _find(self, asking: _Asking, delivery: Delivery, key: str, elsewhere: Place | None) -> list[MessageRef]:
        found = await self._standing(asking, key, elsewhere)
        if self._watch is not None:
            self._watch.looked(delivery)
        return found

    async def _standing(self, asking: _Asking, key: str, elsewhere: Place | None) -> list[MessageRef]:
        found = await asking.turn(lambda messenger: messenger.find(asking.place, key=key))
        return found if elsewhere is None else [*found, *await self._find_in_thread(asking.at(elsewhere), key)]

    async def _remove(self, asking: _Asking, delivery: Delivery, twin: MessageRef) -> None:
        await asking.turn(partial(_delete, ref=twin))
        if self._watch is not None:
            self._watch.removed(delivery)

    async def _find_in_thread(self, asking: _Asking, key: str) -> list[MessageRef]:
        try:
            return await asking.turn(lambda messenger: messenger.find(asking.place, key=key))
        except DeliveryError as error:
            if error.failure is Failure.THREAD_GONE:
                return []
            raise


class _NotNow(Exception):
    """The program ends before a delivery has had its turn."""


class _Asking:
    """One delivery's requests to its platform: each waits for its turn, and none for an answer without end."""

    def __init__(self, messenger: Messenger, pace: Pace, place: Place) -> None:
        self.messenger = messenger
        self.place = place
        self._pace = pace

    def at(self, place: Place) -> _Asking:
        """The same about another place of its channel."""
        return _Asking(self.messenger, self._pace, place)

    async def turn(self, request: Callable[[Messenger], Awaitable[T]], *, posts: bool = False) -> T:
        """Raises DeliveryError, also where no answer comes in time; _NotNow where nothing more is to be asked."""
        if not await self._pace.turn(self.place.channel, posts=posts):
            raise _NotNow
        try:
            async with asyncio.timeout(ANSWERS_WITHIN):
                return await request(self.messenger)
        except TimeoutError as late:
            raise DeliveryError(Failure.UNCLEAR, f"no answer within {ANSWERS_WITHIN} s") from late


async def _send(messenger: Messenger, *, place: Place, card: Card, part: int, key: str) -> MessageRef:
    return await messenger.send(place, card, part=part, key=key)


async def _delete(messenger: Messenger, *, ref: MessageRef) -> None:
    await messenger.delete(ref)


def _about(delivery: Delivery) -> dict[str, str]:
    """The keys under which the log names a delivery."""
    channel = delivery.place.channel
    said = {"group": group_of(channel), "channel": channel, "delivery": delivery.key}
    return said | ({"round": delivery.round} if delivery.round else {})


def _needed(ref: MessageRef | None) -> MessageRef:
    if ref is None:
        raise DeliveryError(Failure.MESSAGE_GONE, "the round's card is gone")
    return ref


def _card(delivery: Delivery) -> Card:
    if delivery.card is None:
        raise ValueError(f"delivery {delivery.key} has no card to say")
    return delivery.card
