"""Writing down what is to be sent: nothing to a blocked group, and nothing twice after a database was put back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final

from bot.core.model import Delivery, group_of
from bot.core.ports import Transaction

RESTORED_AT: Final = "restored at"
"""The fact that holds the instant at which a backup was last put in this database's place."""

EXTRA_AFTER: Final = "extra rounds after"
"""The fact that holds a number above which extra rounds are numbered, since those below may have been given already."""


def owe(tx: Transaction, delivery: Delivery, *, on: date | None = None) -> bool:
    """Write a delivery down; False, and nothing changed, if its key is taken or its group is blocked.

    `on` is the local date that it is about. Up to the day on which a backup was put back it may have been sent by the
    database that was lost, and is looked for first.
    """
    if tx.groups.blocked_since(group_of(delivery.place.channel)) is not None:
        return False
    may_stand = on is not None and may_have_been_sent(tx, on)
    return tx.deliveries.owe(replace(delivery, unclear=True) if may_stand else delivery)


def is_fresh(tx: Transaction, now: datetime) -> bool:
    """Whether a backup was put in this database's place within the last day."""
    restored = tx.facts.get(RESTORED_AT)
    return restored is not None and now - datetime.fromisoformat(restored) < timedelta(days=1)


def may_have_been_sent(tx: Transaction, on: date) -> bool:
    """Whether a database that was lost may have sent what is about this local date, wherever on earth."""
    restored = tx.facts.get(RESTORED_AT)
    return restored is not None and on <= (datetime.fromisoformat(restored) + timedelta(hours=14)).date()
