"""Who asks, where, and what every reply needs to know of that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from bot.core import rounds
from bot.core.card import Block, Card, TimeStyle, Tone, When
from bot.core.cards import line, strong
from bot.core.checkup import ChannelSeen, Lack
from bot.core.model import (
    ChannelId,
    Drill,
    DrillState,
    GroupId,
    Member,
    MemberId,
    Place,
    Round,
    RoundState,
    group_of,
)
from bot.core.planning import Banks
from bot.core.ports import Transaction
from bot.core.schedule import next_opening
from bot.core.setting_up import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who gives a command, where. `organizer` is what the platform says of their rights in this group.

    `roles` are those they have there, by ids of the same form as a member's: a drill may name a role as organizer.
    `hidden_until` says, where a platform hides commands from the organizers that setup names, what shows them.
    `seen` and `lacks` are what the platform tells for `doctor`: of this channel, of the place for notes, of the app.
    """

    member: MemberId
    name: str
    place: Place
    organizer: bool = False
    roles: frozenset[MemberId] = frozenset()
    hidden_until: str = ""
    seen: tuple[ChannelSeen, ...] = ()
    lacks: tuple[Lack, ...] = ()

    @property
    def channel(self) -> ChannelId:
        return self.place.channel

    @property
    def group(self) -> GroupId:
        return group_of(self.place.channel)


Reply = Callable[[Transaction, Banks, Asker, Mapping[str, str], datetime], Card]
"""A command: decides, saves, and returns the card for its asker alone. Raises Refused."""


def the_round(tx: Transaction, place: Place) -> Round | None:
    """The round a command means: in a thread that round; in a channel the open daily one, else the extra one."""
    if place.thread is not None:
        return tx.rounds.by_place(place)
    return next(iter(tx.rounds.live(place.channel)), None)


def open_round(tx: Transaction, asker: Asker) -> Round:
    """The open round a command means. Raises Refused where there is none."""
    round_ = the_round(tx, asker.place)
    if round_ is None or round_.state is not RoundState.OPEN:
        raise Refused("There is no open round here.")
    return round_


def drill_here(tx: Transaction, asker: Asker) -> Drill:
    """The channel's drill. Raises Refused where there is none."""
    drill = tx.drills.get(asker.channel)
    if drill is None:
        raise Refused("There is no drill here yet. An organizer makes one with /nnquestion setup.")
    return drill


def may_organize(tx: Transaction, asker: Asker) -> bool:
    """Whether the asker may manage this channel's drill: by the platform's rights, or named in setup."""
    drill = tx.drills.get(asker.channel)
    return asker.organizer or (drill is not None and not drill.organizers.isdisjoint({asker.member, *asker.roles}))


def know(tx: Transaction, asker: Asker) -> Member:
    """The asker as a member, with the name they have now."""
    known = tx.members.get(asker.member)
    member = replace(known, name=asker.name) if known else Member(id=asker.member, group=asker.group, name=asker.name)
    if member != known:
        tx.members.save(member)
    return member


def today(tx: Transaction, asker: Asker, now: datetime) -> date:
    """The local date in the channel."""
    drill = tx.drills.get(asker.channel)
    return rounds.local_date(now, drill.timetable.zone if drill else "UTC")


def coming(drill: Drill) -> tuple[Block, ...]:
    """The next rounds of a drill, or why there are none."""
    match drill.state:
        case DrillState.ASLEEP:
            return (line("The drill sleeps, since nobody answered for a while; an organizer can /nnquestion resume."),)
        case DrillState.OFF:
            return (line(f"The drill is off: {drill.state_reason}."),)
        case DrillState.ON:
            opening = drill.next
    if opening is None:
        return (line("The drill is paused; an organizer can /nnquestion resume."),)
    shown: list[Block] = [line(strong("Next rounds"))]
    while opening is not None and len(shown) <= 3:
        shown.append(line(When(opening.at, TimeStyle.DATE_TIME, drill.timetable.zone), bullet=True))
        opening = next_opening(drill.timetable, opening.at, after_date=opening.on)
    return tuple(shown)


def said(title: str, *body: Block) -> Card:
    """A short reply."""
    return Card(title=title, body=body)


def refused(sentence: str) -> Card:
    """What an asker is told when something cannot be done."""
    return Card(title="That did not work", body=(line(sentence),), tone=Tone.TROUBLE)
