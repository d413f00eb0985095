"""Making, changing and running drills by hand. An open round keeps its closing; new times hold from the next one."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from bot.core import planning, rounds
from bot.core.model import Drill, DrillState, Timetable
from bot.core.planning import Banks
from bot.core.ports import Transaction
from bot.core.schedule import closing_of, next_after_change, next_opening, opening_on


def set_up(tx: Transaction, banks: Banks, drill: Drill, now: datetime, *, today: bool = False) -> Drill:
    """Make or change a channel's drill. An open round keeps its closing; the new times hold from the next opening.

    A new drill opens its first round later than `now`; `today` lets it open today's, whose time has passed.
    """
    old = tx.drills.get(drill.channel)
    owed = old.next if old else None
    if today and old is None:
        owed = opening_on(drill.timetable, rounds.local_date(now, drill.timetable.zone))
    drill = replace(
        drill,
        state=DrillState.ON,
        state_reason="",
        refused=0,
        unanswered=0 if old is None or old.state is not DrillState.ON else old.unanswered,
        last=old.last if old else None,
        skipped_since=old.skipped_since if old else (),
        next=next_after_change(drill.timetable, last=old.last if old else None, owed=owed, now=now),
    )
    tx.drills.save(drill)
    tx.records.came_back(drill.group)
    planning.replan(tx, drill, banks, drill.next)
    return drill


def retime(tx: Transaction, banks: Banks, drill: Drill, timetable: Timetable, now: datetime) -> Drill:
    """Give a drill another timetable, as `set_up` does, and wake it."""
    return set_up(tx, banks, replace(drill, timetable=timetable), now)


def leave_out_next(tx: Transaction, banks: Banks, drill: Drill, now: datetime) -> Drill:
    """Skip a drill's next planned opening by hand."""
    opening = drill.next
    if opening is None:
        return drill
    rounds.leave_out(tx, drill, opening, closing_of(drill.timetable, opening))
    drill = replace(drill, last=opening, next=next_opening(drill.timetable, opening.at, after_date=opening.on))
    tx.drills.save(drill)
    planning.replan(tx, drill, banks, drill.next)
    return drill


def recompute_openings(tx: Transaction, now: datetime) -> int:
    """Compute every drill's next opening anew, after the time-zone rules changed. Returns how many moved."""
    moved = 0
    for drill in tx.drills.all():
        if drill.next is None:
            continue
        opening = next_after_change(drill.timetable, last=drill.last, owed=drill.next, now=now)
        if opening != drill.next:
            tx.drills.save(replace(drill, next=opening))
            moved += 1
    return moved
