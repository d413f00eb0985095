"""Streaks of members and of a channel's group, counted from the rounds each time: no later change can rewrite one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from bot.core import scoring
from bot.core.model import Absence, ChannelId, MemberId, RoundId, date_of
from bot.core.ports import Transaction

ACTIVE_WITHIN: Final = timedelta(days=14)
"""Who answered in a channel so lately counts for its group streak."""


@dataclass(frozen=True, slots=True)
class MemberStreak:
    """A member's streak in a channel, and the rounds it was counted from, oldest first, with what each did to it."""

    streak: scoring.Streak
    rounds: tuple[tuple[date, scoring.Kept], ...]
    away: tuple[date, ...]
    """Dates of rounds that were missed while away, which count for nothing."""


def streak_of(tx: Transaction, channel: ChannelId, member: MemberId) -> scoring.Streak:
    """A member's streak in a channel, over its revealed daily rounds."""
    return member_streak(tx, channel, member).streak


def member_streak(tx: Transaction, channel: ChannelId, member: MemberId) -> MemberStreak:
    """The same with the rounds it comes from. Rounds of the days a member is away only count if they answered."""
    tried = tx.answers.tried(channel, member)
    absences = tx.members.absences(member)
    counted: list[tuple[date, bool]] = []
    away: list[date] = []
    for round_id in tx.rounds.revealed_daily(channel):
        on = _date(round_id)
        if round_id not in tried and is_away(absences, on):
            away.append(on)
        else:
            counted.append((on, round_id in tried))
    streak = scoring.streak([answered for _, answered in counted])
    rounds = tuple((on, kept) for (on, _), kept in zip(counted, streak.story, strict=True))
    return MemberStreak(streak, rounds, tuple(away))


def is_away(absences: Sequence[Absence], on: date) -> bool:
    """Whether one of these absences holds on a date."""
    return any(absence.first <= on <= absence.last for absence in absences)


def group_streak(tx: Transaction, channel: ChannelId) -> int:
    """How many of a channel's latest revealed daily rounds in a row half of its active members answered, at least."""
    rounds = tx.rounds.revealed_daily(channel)
    return together([(_date(round_id), round_id) for round_id in rounds], tx.answers.tried_by_round(channel))


def together(rounds: Sequence[tuple[date, RoundId]], tried: Mapping[RoundId, Set[MemberId]]) -> int:
    """The same from dates and who tried, oldest first. Active is who answered on the date or in the 14 days before."""
    length = 0
    for index in range(len(rounds) - 1, -1, -1):
        on, round_id = rounds[index]
        active: set[MemberId] = set()
        for earlier, other in reversed(rounds[: index + 1]):
            if on - earlier > ACTIVE_WITHIN:
                break
            active |= tried.get(other, set())
        here = tried.get(round_id, set())
        if not here or 2 * len(here) < len(active):
            break
        length += 1
    return length


def _date(round_id: RoundId) -> date:
    on = date_of(round_id)
    assert on is not None, "daily rounds have their date in their id"
    return on
