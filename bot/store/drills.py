"""Drills and the plans of their cycles."""

from __future__ import annotations

from datetime import datetime

from sqlite_utils import Database

from bot.core.model import ChannelId, Drill, DrillState, Plan
from bot.store import rows
from bot.store.codec import dump, instant, load


class DrillRows:
    """`Drills` in SQLite."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, channel: ChannelId) -> Drill | None:
        row = rows.row(self._db, "SELECT drill FROM drills WHERE channel = ?", channel)
        return None if row is None else load(Drill, row["drill"])

    def save(self, drill: Drill) -> None:
        row = {
            "channel": drill.channel,
            "group_id": drill.group,
            "state": drill.state.value,
            "next_at": None if drill.next is None else instant(drill.next.at),
            "drill": dump(Drill, drill),
        }
        rows.put(self._db, "drills", row, "channel")

    def all(self) -> list[Drill]:
        found = rows.rows(self._db, "SELECT drill FROM drills ORDER BY channel")
        return [load(Drill, row["drill"]) for row in found]

    def due(self, now: datetime) -> list[Drill]:
        found = rows.rows(
            self._db,
            "SELECT drill FROM drills WHERE state = ? AND next_at <= ? ORDER BY next_at, channel",
            DrillState.ON.value,
            instant(now),
        )
        return [load(Drill, row["drill"]) for row in found]

    def plan(self, channel: ChannelId) -> Plan | None:
        row = rows.row(self._db, "SELECT plan FROM plans WHERE channel = ?", channel)
        return None if row is None else load(Plan, row["plan"])

    def save_plan(self, plan: Plan) -> None:
        rows.put(self._db, "plans", {"channel": plan.channel, "plan": dump(Plan, plan)}, "channel")
