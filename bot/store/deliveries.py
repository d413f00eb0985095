"""Messages owed, in flight, and done. `sequence` keeps the order in which they were owed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

from sqlite_utils import Database

from bot.core.card import Card
from bot.core.model import Action, ChannelId, Delivery, DeliveryState, MessageRef, Place, RoundId
from bot.core.outcomes import LONGEST_WISH
from bot.store import rows
from bot.store.codec import at_instant, at_instant_or_none, dump, instant, instant_or_none, load

_HEADS: Final = """
    state = 'owed' AND (action = 'look' OR NOT EXISTS (
        SELECT 1 FROM deliveries AS before WHERE before.channel = deliveries.channel
        AND before.sequence < deliveries.sequence AND before.state IN ('owed', 'claimed') AND before.action <> 'look'
    ))
"""
"""The first unfinished delivery of each channel, unless it is claimed: those behind it wait. A look waits for none."""

_LATELY: Final = 10_000
"""Among so many deliveries those that were dropped are looked for: there is no index for a question that rare."""


class DeliveryRows:
    """`Deliveries` in SQLite."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def owe(self, delivery: Delivery) -> bool:
        return rows.add(self._db, "deliveries", _row_of(delivery))

    def get(self, key: str) -> Delivery | None:
        row = rows.row(self._db, "SELECT * FROM deliveries WHERE key = ?", key)
        return None if row is None else _delivery_of(row)

    def claim(self, now: datetime, limit: int, platform: str | None = None) -> list[Delivery]:
        found = rows.rows(
            self._db,
            # In the order of an index, so that of ten thousand that wait only the first few are looked at.
            # Nothing waits so long: where it seems to, the clock was set back since.
            f"SELECT * FROM deliveries WHERE {_HEADS}"
            " AND (not_before IS NULL OR not_before <= ?1 OR not_before > ?4) "
            "AND (?2 IS NULL OR (channel >= ?2 || ':' AND channel < ?2 || ';')) "
            "ORDER BY asked DESC, sequence LIMIT ?3",
            instant(now),
            platform,
            limit,
            instant(now + LONGEST_WISH),
        )
        claimed = [
            replace(delivery, state=DeliveryState.CLAIMED, attempts=delivery.attempts + 1)
            for delivery in map(_delivery_of, found)
        ]
        for delivery in claimed:
            self.save(delivery)
        return claimed

    def save(self, delivery: Delivery) -> None:
        row = _row_of(delivery)
        changes = ", ".join(f"{column} = :{column}" for column in row if column != "key")
        if not rows.change(self._db, f"UPDATE deliveries SET {changes} WHERE key = :key", row):
            raise LookupError(f"delivery {delivery.key} was never owed")

    def unfinished(self, round_id: RoundId | None = None, channel: ChannelId | None = None) -> list[Delivery]:
        found = rows.rows(
            self._db,
            # The plus keeps SQLite from walking through all deliveries there ever were, just because they are in order.
            "SELECT * FROM deliveries WHERE state IN ('owed', 'claimed') "
            "AND (?1 IS NULL OR round = ?1) AND (?2 IS NULL OR channel = ?2) ORDER BY +sequence",
            round_id,
            channel,
        )
        return [_delivery_of(row) for row in found]

    def dropped(self, channel: ChannelId | None = None, limit: int = 10) -> list[Delivery]:
        found = rows.rows(
            self._db,
            "SELECT * FROM deliveries WHERE sequence > (SELECT MAX(sequence) FROM deliveries) - ?1 "
            "AND state = 'dropped' AND (?2 IS NULL OR channel = ?2) ORDER BY sequence DESC LIMIT ?3",
            _LATELY,
            channel,
            limit,
        )
        return [_delivery_of(row) for row in found]

    def reclaim(self) -> int:
        return rows.change(self._db, "UPDATE deliveries SET state = 'owed', unclear = 1 WHERE state = 'claimed'", [])

    def count_waiting(self) -> dict[str, int]:
        found = self._db.execute(
            "SELECT substr(channel, 1, instr(channel, ':') - 1), COUNT(*) FROM deliveries "
            "WHERE state IN ('owed', 'claimed') GROUP BY 1"
        )
        return dict(found.fetchall())

    def next_try(self) -> datetime | None:
        (earliest,) = self._db.execute(
            f"SELECT MIN(not_before) FROM deliveries WHERE {_HEADS} AND action <> 'look'"
        ).fetchone()
        return at_instant_or_none(earliest)


def _row_of(delivery: Delivery) -> rows.Row:
    return {
        "key": delivery.key,
        "channel": delivery.place.channel,
        "thread": delivery.place.thread,
        "action": delivery.action.value,
        "created_at": instant(delivery.created_at),
        "round": delivery.round,
        "card": None if delivery.card is None else dump(Card, delivery.card),
        "title": delivery.title,
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "not_before": instant_or_none(delivery.not_before),
        "unclear": delivery.unclear,
        "sent": dump(tuple[MessageRef, ...], delivery.sent),
        "note": delivery.note,
        "asked": delivery.asked,
    }


def _delivery_of(row: rows.Row) -> Delivery:
    return Delivery(
        key=row["key"],
        place=Place(channel=row["channel"], thread=row["thread"]),
        action=Action(row["action"]),
        created_at=at_instant(row["created_at"]),
        round=row["round"],
        card=None if row["card"] is None else load(Card, row["card"]),
        title=row["title"],
        state=DeliveryState(row["state"]),
        attempts=row["attempts"],
        not_before=at_instant_or_none(row["not_before"]),
        unclear=bool(row["unclear"]),
        sent=load(tuple[MessageRef, ...], row["sent"]),
        note=row["note"],
        asked=bool(row["asked"]),
    )
