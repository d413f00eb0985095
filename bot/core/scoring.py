"""Points, streaks, standings and seasons: what grades come to."""

from __future__ import annotations

import calendar
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Final

from bot.core.model import (
    ChannelId,
    Effort,
    Entry,
    Grade,
    GroupId,
    Member,
    MemberId,
    Naming,
    Season,
    Standing,
    date_of,
)
from bot.core.ports import Transaction

PAY: Final = {2: 3, 1: 2, 0: 1}
"""Points for each level of an honest answer."""

PAYS_AGAIN_AFTER: Final = timedelta(days=30)
OPEN_AFTER_END: Final = timedelta(days=7)
"""For so long after its end a season still takes points."""

FORGIVEN_IN: Final = 7
"""One missed round in any this many keeps a streak."""


def points_for(grade: Grade, hints: int) -> int:
    """What a grade pays after `hints` hints: a hint costs 1, never below 1; without an honest try nothing."""
    if grade.effort is not Effort.HONEST:
        return 0
    return max(1, PAY[grade.level] - hints)


def pays_again(others: Iterable[Entry], channel: ChannelId, cycle: int, on: date) -> bool:
    """Whether a question pays a member in a round of this date, given the rows that other rounds of it brought them.

    Once in 30 days, or once for each cycle of the channel's questions where that is shorter. Whichever round has paid
    first keeps its pay, also when an earlier one is graded anew.
    """
    near = [entry for entry in others if abs((date_of(entry.round) or entry.local_date) - on) < PAYS_AGAIN_AFTER]
    brought: Counter[str] = Counter()
    for entry in near:
        brought[entry.round] += entry.points
    return all(entry.channel == channel and entry.cycle != cycle for entry in near if brought[entry.round] > 0)


def booked_on(on: date, today: date) -> date:
    """The date under which points of a round of date `on` are added now.

    It is the round's own while each season that counts it is open, which a week and a month are for seven days after
    their end; then it is today, so that what was kept of a season stays true.
    """
    ends = [last for season in Season if (last := season_dates(season, on)[1]) is not None]
    return on if today <= min(ends) + OPEN_AFTER_END else max(on, today)


def season_dates(season: Season, today: date) -> tuple[date | None, date | None]:
    """The first and last date that a season counts; None where it has no end. Weeks begin on Monday."""
    match season:
        case Season.WEEK:
            monday = today - timedelta(days=today.weekday())
            return monday, monday + timedelta(days=6)
        case Season.MONTH:
            return today.replace(day=1), today.replace(day=calendar.monthrange(today.year, today.month)[1])
        case Season.ALL:
            return None, None


def season_key(season: Season, on: date) -> str:
    """The name of the season of that kind which a date belongs to: "2026-W47", "2026-11" or "all"."""
    match season:
        case Season.WEEK:
            year, week, _ = on.isocalendar()
            return f"{year:04d}-W{week:02d}"
        case Season.MONTH:
            return f"{on.year:04d}-{on.month:02d}"
        case Season.ALL:
            return "all"


def season_of_key(key: str) -> tuple[Season, date]:
    """The kind of season that a key names, and its last date. Raises ValueError for "all" and what is no key."""
    if "-W" in key:
        year, _, week = key.partition("-W")
        return Season.WEEK, date.fromisocalendar(int(year), int(week), 7)
    last = season_dates(Season.MONTH, date.fromisoformat(f"{key}-01"))[1]
    assert last is not None
    return Season.MONTH, last


def totals_of(
    tx: Transaction, group: GroupId, season: Season, on: date, channel: ChannelId | None = None
) -> list[tuple[MemberId, int, int]]:
    """Member, points and rounds of everybody who may stand on a season's board: of all but those who are barred."""
    barred = {member.id for member in tx.members.of_group(group) if member.barred}
    return [row for row in tx.ledger.board(group, season, on, channel) if row[0] not in barred]


def standings(totals: Iterable[tuple[MemberId, int, int]]) -> list[Standing]:
    """Members in order of points. Ties share a rank, and the next rank counts all above it (1, 1, 3)."""
    paid = [row for row in totals if row[1] > 0]
    ordered = sorted(paid, key=lambda row: (-row[1], row[0]))
    rows: list[Standing] = []
    for place, (member, points, rounds) in enumerate(ordered, start=1):
        rank = rows[-1].rank if rows and rows[-1].points == points else place
        rows.append(Standing(rank=rank, member=member, points=points, rounds=rounds))
    return rows


BARRED: Final = "An organizer has barred you from answers and boards."


def is_barred(tx: Transaction, member: MemberId) -> bool:
    """Whether an organizer keeps a member from answers and boards."""
    known = tx.members.get(member)
    return known is not None and known.barred


def naming_of(member: Member) -> Naming:
    """How a member is shown: as they chose; until then by name if they answered in public, else as someone."""
    if member.naming is not None:
        return member.naming
    return Naming.NAME if member.public else Naming.SOMEONE


@dataclass(frozen=True, slots=True)
class Average:
    """A row of the board by points per round that was open to a member. Ties share a rank."""

    rank: int
    member: MemberId
    points: int
    rounds: int
    open: int

    @property
    def a_round(self) -> float:
        return self.points / self.open


FLOOR_SHARE: Final = Fraction(1, 2)
FLOOR_ROUNDS: Final = 3
"""Who answered fewer rounds than this, or a smaller share of those open to them, is not on the board by average."""


def averages(totals: Iterable[tuple[MemberId, int, int]], open_to: Mapping[MemberId, int]) -> list[Average]:
    """Members in order of points per round open to them, so that who joined late has a chance."""
    # A round that paid was open, also where its points are dated so late that it is another season's round.
    counted = [(member, points, rounds, max(rounds, open_to.get(member, 0))) for member, points, rounds in totals]
    fit = [
        (Fraction(points, open_), member, points, rounds, open_)
        for member, points, rounds, open_ in counted
        if points > 0 and rounds >= FLOOR_ROUNDS and rounds >= FLOOR_SHARE * open_
    ]
    rows: list[Average] = []
    last: Fraction | None = None
    ordered = sorted(fit, key=lambda row: (-row[0], row[1]))
    for place, (average, member, points, rounds, open_) in enumerate(ordered, start=1):
        rank = rows[-1].rank if average == last else place
        rows.append(Average(rank=rank, member=member, points=points, rounds=rounds, open=open_))
        last = average
    return rows


class Kept(StrEnum):
    """What a round did to a streak."""

    ANSWERED = "answered"
    FORGIVEN = "missed, forgiven"
    BROKEN = "missed"
    BEFORE = "before your first answer"


@dataclass(frozen=True, slots=True)
class Streak:
    """Daily rounds answered in a row, how many misses were forgiven in it, and the longest there ever was."""

    length: int
    forgiven: int
    longest: int
    story: tuple[Kept, ...] = ()
    """What each round did to it, oldest first."""


def streak(answered: Sequence[bool]) -> Streak:
    """A member's streak over the rounds that count for it, oldest first: True where they answered.

    Rounds before the first answer count for nothing. A miss is forgiven where the six rounds before it have none.
    The caller leaves out skipped, cancelled and paused rounds, and those the member was away for.
    """
    length = forgiven = longest = 0
    story: list[Kept] = []
    since_miss = FORGIVEN_IN  # Rounds since the last miss, which may have been forgiven or not.
    started = False
    for here in answered:
        started = started or here
        if here:
            length += 1
            since_miss += 1
            story.append(Kept.ANSWERED)
        elif started:
            forgives = since_miss >= FORGIVEN_IN - 1 and length > 0
            story.append(Kept.FORGIVEN if forgives else Kept.BROKEN)
            if since_miss < FORGIVEN_IN - 1:
                length = forgiven = 0
            elif length:
                forgiven += 1
            since_miss = 0
        else:
            story.append(Kept.BEFORE)
        longest = max(longest, length)
    return Streak(length=length, forgiven=forgiven, longest=longest, story=tuple(story))
