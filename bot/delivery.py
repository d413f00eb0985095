"""Sends what is owed: claim, send, record. After an unclear outcome or a crash it looks before it sends again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, assert_never

from bot.core import outcomes
from bot.core.card import Card
from bot.core.model import Action, Delivery, DeliveryState, MessageRef, Place, platform_of
from bot.core.ports import DeliveryError, Failure, Messenger, Store, StoreError, Transaction

log = logging.getLogger(__name__)

AT_ONCE: Final = 50
"""Deliveries in flight at a time, each to another channel."""

ANSWERS_WITHIN: Final = 60
"""Seconds of real time that a platform gets for one delivery; then its outcome is unclear."""


class Deliverer:
    """Brings deliveries from the store to the platforms."""

    def __init__(
        self, store: Store, messengers: Mapping[str, Messenger], clock: Callable[[], datetime] | None = None
    ) -> None:
        """`messengers` by platform; deliveries to a platform that is not among them wait.

        With a clock, what happens while sending takes long is judged by it, and not by when that began.
        """
        self._clock = clock
        self._store = store
        self._messengers = messengers
        self._unrecorded: set[str] = set()

    async def recover(self) -> int:
        """Take over what an earlier process had claimed and not recorded; it may have been sent. Run once, at start."""
        return await self._store.write(lambda tx: tx.deliveries.reclaim())

    async def send_due(self, now: datetime) -> int:
        """Send everything that is owed and not waiting, in each channel in the order owed. Returns how many rows.

        Raises StoreError if the disk refuses; what was sent then and not recorded is looked for the next time.
        """
        if self._unrecorded:
            await self._store.write(lambda tx: outcomes.look_again(tx, self._unrecorded))
            self._unrecorded.clear()
        handled, running = 0, set[asyncio.Task[None]]()
        trouble: StoreError | None = None
        try:
            while trouble is None:
                now = self._clock() if self._clock else now
                claimed = await self._claim(now, AT_ONCE - len(running))
                running |= {asyncio.create_task(self._deliver(delivery, now)) for delivery in claimed}
                handled += len(claimed)
                if not running:
                    return handled
                # Not for ever: while one platform hangs, what others are owed meanwhile must not wait for it.
                done, running = await asyncio.wait(running, timeout=1, return_when=asyncio.FIRST_COMPLETED)
                errors = [task.exception() for task in done]
                trouble = next((error for error in errors if isinstance(error, StoreError)), None)
        except asyncio.CancelledError:
            for task in running:
                task.cancel()
            raise
        finally:  # Whatever ends this, nothing goes on sending behind its back.
            await asyncio.gather(*running, return_exceptions=True)
        raise trouble

    async def _claim(self, now: datetime, limit: int) -> list[Delivery]:
        return await self._store.write(lambda tx: tx.deliveries.claim(now, limit)) if limit else []

    async def _deliver(self, delivery: Delivery, now: datetime) -> None:
        try:
            async with asyncio.timeout(ANSWERS_WITHIN):
                await self._carry_out(delivery, now)
        except TimeoutError:
            log.warning("delivery %s: no answer within %d s", delivery.key, ANSWERS_WITHIN)
            await self._fail(delivery.key, DeliveryError(Failure.UNCLEAR, "no answer in time"), now)
        except DeliveryError as error:
            log.warning("delivery %s: %s", delivery.key, error)
            await self._fail(delivery.key, error, now)
        except StoreError:
            self._unrecorded.add(delivery.key)
            raise
        except Exception:
            # A fault of ours in one card must not stop the others; it is tried again, with a look first.
            log.exception("delivery %s failed in a way nobody thought of", delivery.key)
            await self._fail(delivery.key, DeliveryError(Failure.UNCLEAR, "unexpected error"), now)

    async def _fail(self, key: str, error: DeliveryError, now: datetime) -> None:
        def work(tx: Transaction) -> None:
            delivery = tx.deliveries.get(key)  # Parts may have been sent since it was claimed.
            if delivery is not None and delivery.state is not DeliveryState.DONE:
                outcomes.failed(tx, delivery, error, self._clock() if self._clock else now)

        try:
            await self._store.write(work)
        except StoreError:
            self._unrecorded.add(key)
            raise
        except Exception:
            self._unrecorded.add(key)
            log.exception("delivery %s: what became of it could not be noted", key)

    async def _carry_out(self, delivery: Delivery, now: datetime) -> None:
        place, card_ref = await self._store.read(lambda tx: outcomes.target(tx, delivery))
        messenger = self._messengers.get(platform_of(place.channel))
        if messenger is None:
            raise DeliveryError(Failure.NOT_SENT, f"{platform_of(place.channel)} is not running")
        thread: Place | None = None
        match delivery.action:
            case Action.POST | Action.POST_IN_THREAD:
                delivery = await self._post(messenger, place, delivery)
            case Action.THREAD:
                thread = await messenger.open_thread(_needed(card_ref), delivery.title)
            case Action.EDIT:
                await messenger.edit(_needed(card_ref), _card(delivery), part=1, key=f"{delivery.round}/question")
            case _:
                assert_never(delivery.action)
        await self._store.write(lambda tx: outcomes.done(tx, delivery, now, thread=thread))

    async def _post(self, messenger: Messenger, place: Place, delivery: Delivery) -> Delivery:
        card = _card(delivery)
        for part in range(len(delivery.sent) + 1, messenger.parts(card) + 1):
            key = delivery.key if part == 1 else f"{delivery.key}/{part}"
            ref = await self._find(messenger, place, key) if delivery.unclear else None
            if ref is None:
                ref = await messenger.send(place, card, part=part, key=key)
                if delivery.unclear:  # The earlier attempt may land while this one is on its way.
                    ref = await self._find(messenger, place, key) or ref
            delivery = await self._note_part(delivery, ref)
        return delivery

    async def _note_part(self, delivery: Delivery, ref: MessageRef) -> Delivery:
        return await self._store.write(lambda tx: outcomes.part_sent(tx, delivery, ref))

    async def _find(self, messenger: Messenger, place: Place, key: str) -> MessageRef | None:
        found = await messenger.find(place, key=key)
        for younger in found[1:]:
            await messenger.delete(younger)
        return found[0] if found else None


def _needed(ref: MessageRef | None) -> MessageRef:
    if ref is None:
        raise DeliveryError(Failure.MESSAGE_GONE, "the round's card is gone")
    return ref


def _card(delivery: Delivery) -> Card:
    if delivery.card is None:
        raise ValueError(f"delivery {delivery.key} has no card to say")
    return delivery.card
