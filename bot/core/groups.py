"""What whoever runs the program does with whole groups: block, leave, tell their organizers; and limits for each."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from bot.core import drills, notices, outcomes, owing, rounds
from bot.core.asking import Asker
from bot.core.commands import Invocation
from bot.core.model import (
    Action,
    ChannelId,
    Delivery,
    DeliveryState,
    Drill,
    DrillState,
    GroupId,
    Place,
    group_of,
)
from bot.core.ports import Transaction
from bot.core.setting_up import Refused

LONGEST_NOTICE: Final = 1_500
"""Characters, so that it is one message on every platform."""

_WHY_BLOCKED: Final = "whoever runs me has blocked this group"
_DAY: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one group may ask of a program that serves many."""

    channels: int = 50
    """Drills that are not off."""
    extra: int = 100
    """Extra rounds in 24 hours."""


NO_LIMITS: Final = Limits(channels=sys.maxsize, extra=sys.maxsize)


def check_blocked(tx: Transaction, group: GroupId) -> None:
    """Raise Refused where a group is blocked."""
    if tx.groups.blocked_since(group) is not None:
        raise Refused(notices.BLOCKED)


def check_limits(tx: Transaction, limits: Limits, asker: Asker, invocation: Invocation, now: datetime) -> None:
    """Raise Refused where a command would go beyond what a group may have."""
    match invocation.command.name:
        case "resume":
            check_channels(tx, limits, asker)
        case "setup" if invocation.options:
            check_channels(tx, limits, asker)
        case "ask" if tx.groups.count_extra(asker.group, now - _DAY) >= limits.extra:
            raise Refused(
                f"This group has asked {limits.extra} extra questions in 24 hours, as many as it may. Try again later;"
                " whoever runs me can change that limit."
            )


def check_channels(tx: Transaction, limits: Limits, asker: Asker) -> None:
    """Raise Refused where a group may have no further drill."""
    drill = tx.drills.get(asker.channel)
    new = drill is None or drill.state is DrillState.OFF
    if new and tx.groups.count_drills(asker.group) >= limits.channels:
        raise Refused(
            f"This group has drills in {limits.channels} channels, as many as it may. Whoever runs me can change that"
            " limit."
        )


def block(tx: Transaction, group: GroupId, now: datetime) -> int:
    """Stop a group's drills; nothing is sent there and nothing kept from there any more. Returns how many stopped."""
    tx.groups.block(group, now)
    for delivery in tx.deliveries.unfinished():
        if group_of(delivery.place.channel) == group:
            tx.deliveries.save(replace(delivery, state=DeliveryState.DROPPED, note=_WHY_BLOCKED))
    stopped = 0
    for drill in drills_of(tx, group):
        for round_ in tx.rounds.unrevealed(drill.channel):
            rounds.cancel(tx, round_, _WHY_BLOCKED, now)
        if drill.state is DrillState.ON:
            tx.drills.save(replace(drill, state=DrillState.OFF, state_reason=_WHY_BLOCKED, next=None))
            stopped += 1
    return stopped


def unblock(tx: Transaction, group: GroupId, now: datetime) -> int:
    """Undo `block`: the drills that it has stopped go on with their next date. Returns how many."""
    tx.groups.unblock(group)
    going_on = 0
    for drill in drills_of(tx, group):
        if drill.state is DrillState.OFF and drill.state_reason == _WHY_BLOCKED:
            drills.retime(tx, {}, drill, drill.timetable, now)
            going_on += 1
    return going_on


def leave(tx: Transaction, group: GroupId, now: datetime) -> None:
    """As if the bot had been removed from a group; a program that runs leaves it on the platform, too."""
    outcomes.left(tx, group, now)
    tx.groups.ask_to_leave(group, now)


def notice(tx: Transaction, text: str, group: GroupId | None, now: datetime) -> int:
    """Owe a notice to organizers of all groups, or of one: one message in each place for notes; returns how many.

    The same text is sent to a place once.
    """
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return sum(
        owing.owe(
            tx,
            Delivery(
                key=f"{drill.channel}/notice/{digest}",
                place=Place(channel=place),
                action=Action.POST,
                created_at=now,
                card=notices.from_operator(text),
            ),
        )
        for place, drill in places_for_notes(tx, group).items()
        if not _told(tx, place, digest)
    )


def _told(tx: Transaction, place: ChannelId, digest: str) -> bool:
    """Whether the place has had this notice, for whichever of the drills that have their notes there."""
    there = (drill.channel for drill in tx.drills.all() if rounds.notes_of(drill) == place)
    return any(tx.deliveries.get(f"{channel}/notice/{digest}") is not None for channel in there)


def places_for_notes(tx: Transaction, group: GroupId | None = None) -> dict[ChannelId, Drill]:
    """Each place for notes of the groups that can be told something, with the first drill that has its notes there."""
    found: dict[ChannelId, Drill] = {}
    for drill in tx.drills.all():
        reachable = tx.groups.left_at(drill.group) is None and tx.groups.blocked_since(drill.group) is None
        if group in (None, drill.group) and reachable:
            found.setdefault(rounds.notes_of(drill), drill)
    return found


def drills_of(tx: Transaction, group: GroupId) -> list[Drill]:
    """A group's drills, by channel."""
    return [drill for drill in tx.drills.all() if drill.group == group]
