"""Points, streaks, standings and seasons: what grades come to."""

from __future__ import annotations

import calendar
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from bot.core.model import (
    ChannelId,
    Effort,
    Entry,
    Grade,
    Member,
    MemberId,
    Naming,
    Season,
    Standing,
    date_of,
)

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


def standings(totals: Iterable[tuple[MemberId, int, int]]) -> list[Standing]:
    """Members in order of points. Ties share a rank, and the next rank counts all above it (1, 1, 3)."""
    paid = [row for row in totals if row[1] > 0]
    ordered = sorted(paid, key=lambda row: (-row[1], row[0]))
    rows: list[Standing] = []
    for place, (member, points, rounds) in enumerate(ordered, start=1):
        rank = rows[-1].rank if rows and rows[-1].points == points else place
        rows.append(Standing(rank=rank, member=member, points=points, rounds=rounds))
    return rows


def naming_of(member: Member) -> Naming:
    """How a member is shown: as they chose; until then by name if they answered in public, else as someone."""
    if member.naming is not None:
        return member.naming
    return Naming.NAME if member.public else Naming.SOMEONE


@dataclass(frozen=True, slots=True)
class Streak:
    """Daily rounds answered in a row, how many misses were forgiven in it, and the longest there ever was."""

    length: int
    forgiven: int
    longest: int


def streak(answered: Sequence[bool]) -> Streak:
    """A member's streak over the rounds that count for it, oldest first: True where they answered.

    Rounds before the first answer count for nothing. A miss is forgiven where the six rounds before it have none.
    The caller leaves out skipped, cancelled and paused rounds, and those the member was away for.
    """
    length = forgiven = longest = 0
    since_miss = FORGIVEN_IN  # Rounds since the last miss, which may have been forgiven or not.
    started = False
    for here in answered:
        started = started or here
        if here:
            length += 1
            since_miss += 1
        elif started:
            if since_miss < FORGIVEN_IN - 1:
                length = forgiven = 0
            elif length:
                forgiven += 1
            since_miss = 0
        longest = max(longest, length)
    return Streak(length=length, forgiven=forgiven, longest=longest)
