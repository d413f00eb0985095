"""How long things are kept: what the daily job removes, in steps that hold up nobody."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from bot.core.model import DrillState
from bot.core.ports import Transaction

EVENTS_KEPT: Final = timedelta(days=7)
"""So long the text of what was worked on stays beside the answer that was read off it."""

CARDS_KEPT: Final = timedelta(days=7)
"""So long the words of a message that was sent stay; nothing reads them after that."""

FINISHED_KEPT: Final = timedelta(days=60)
"""So long it is known that something was sent, or heard that belongs to no answer: nothing comes again later."""

GROUPS_KEPT: Final = timedelta(days=30)
"""So long everything of a group stays that has removed the bot."""

AT_ONCE: Final = 500
"""Rows of one step."""


def step(tx: Transaction, now: datetime, keep_answers: timedelta | None) -> bool:
    """Remove some of what is old; True once nothing is left.

    Texts of answers are removed after `keep_answers`, where it is given; grades and points stay.
    """
    if tx.records.blank_events(now - EVENTS_KEPT, AT_ONCE) or tx.records.blank_cards(now - CARDS_KEPT, AT_ONCE):
        return False
    if tx.records.remove_finished(now - FINISHED_KEPT, AT_ONCE):
        return False
    if keep_answers is not None and tx.records.blank_answers((now - keep_answers).date(), AT_ONCE):
        return False
    for group in tx.records.left_before(now - GROUPS_KEPT):
        # It takes a removal to get here; should a drill run all the same, the group is in use.
        if any(drill.group == group and drill.state is not DrillState.OFF for drill in tx.drills.all()):
            tx.records.came_back(group)
            continue
        tx.records.purge(group)
        return False
    return True
