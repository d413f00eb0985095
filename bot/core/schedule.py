"""When a drill's rounds open, close and are revealed, right on every day of every time zone.

A local date has one round. Where the clocks skip its time, it opens as they jump; where they repeat it, the
first time. The zones are those of the tzdata package, never the machine's own, so that all copies agree.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo

import tzdata  # type: ignore[import-untyped]  # it ships no types, and one string is all we read

from bot.core.model import EVERY_DAY, Opening, Timetable

TZDATA_VERSION: Final[str] = tzdata.IANA_VERSION
"""The release of the time zone database that is in use, such as `2026f`."""

AFTER_A_CHANGE: Final = timedelta(hours=6)
"""A changed drill leaves at least this long between two openings."""

_DAY: Final = timedelta(days=1)
_SECOND: Final = timedelta(seconds=1)

# Two days off either end of the calendar: no offset then carries an instant out of what a datetime can hold.
_PLANNABLE: Final = range(date.min.toordinal() + 2, date.max.toordinal() - 1)


# --- zones --------------------------------------------------------------------------------------------------


class UnknownZone(ValueError):
    """A name that no time zone has. `close_matches` are up to three names that may have been meant."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.close_matches = _close_matches(name)
        hint = f"; did you mean {', '.join(self.close_matches)}?" if self.close_matches else ""
        super().__init__(f"no time zone is called {name!r}{hint}")


@cache
def zone_names() -> tuple[str, ...]:
    """Every zone name there is, aliases too, sorted."""
    return tuple(sorted(files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()))


@cache
def zone(name: str) -> ZoneInfo:
    """The zone of that exact name; raises UnknownZone."""
    if name not in zone_names():  # also keeps what people type out of the path below
        raise UnknownZone(name)
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def _close_matches(name: str) -> tuple[str, ...]:
    """Zones that are spelled nearly so, whole or by their city alone."""
    spelled: dict[str, list[str]] = {}
    for known in sorted(zone_names(), key=len):  # UTC before Etc/UTC
        for spelling in {known.casefold(), known.rpartition("/")[2].casefold()}:
            spelled.setdefault(spelling, []).append(known)
    wanted = "_".join(name.casefold().split())
    near = [wanted] if wanted in spelled else get_close_matches(wanted, spelled, n=3, cutoff=0.7)
    return tuple(dict.fromkeys(known for spelling in near for known in spelled[spelling]))[:3]


# --- from local time to instants ----------------------------------------------------------------------------


def _utc(moment: datetime, called: str) -> datetime:
    if moment.utcoffset() is None:
        raise ValueError(f"{called} needs a time zone: {moment.isoformat()} could be any of a day's instants")
    return moment.astimezone(UTC)


def _instants(tz: ZoneInfo, on: date, at: time) -> tuple[datetime, ...]:
    """When it is that time on that local date: twice where it repeats, never where the date is skipped whole.

    A time skipped alone stands for the instant at which the clocks jump over it.
    """
    local = datetime.combine(on, at, tzinfo=tz)
    first, second = (local.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    if first <= second:
        return (first,) if first == second else (first, second)
    # In a gap the two readings stand on either side of the jump, the wrong way round (PEP 495).
    jump = _jump(tz, second, first)
    dates_beside_it = {(jump - _SECOND).astimezone(tz).date(), jump.astimezone(tz).date()}
    return (jump,) if on in dates_beside_it else ()


def _jump(tz: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The second at which the zone's offset changes: after `before`, and at the latest at `after`."""
    start = before.replace(microsecond=0)
    offset = start.astimezone(tz).utcoffset()
    seconds = range((after - start) // _SECOND + 1)
    return start + _SECOND * bisect_left(
        seconds, True, key=lambda n: (start + n * _SECOND).astimezone(tz).utcoffset() != offset
    )


def _first_time(tz: ZoneInfo, at: time, *, after: datetime) -> datetime:
    """The first instant later than `after` at which it is that local time; a repeated time counts twice."""
    today = after.astimezone(tz).date()
    # Tomorrow may be skipped whole, and the clocks may go back over midnight, so look further both ways.
    instants = [moment for days in range(-1, 4) for moment in _instants(tz, today + days * _DAY, at)]
    return min(moment for moment in instants if moment > after)


# --- openings -----------------------------------------------------------------------------------------------


def opening_on(timetable: Timetable, on: date) -> Opening | None:
    """The planned opening of a local date; None where the date is not planned or the zone skips it whole.

    Whether the drill is paused for good is not asked here.
    """
    planned = on.weekday() in timetable.days and on not in timetable.days_off
    if not planned or on.toordinal() not in _PLANNABLE:
        return None
    if timetable.paused_until is not None and on < timetable.paused_until:
        return None
    instants = _instants(zone(timetable.zone), on, timetable.at)
    return Opening(on=on, at=instants[0]) if instants else None


def next_opening(timetable: Timetable, after: datetime, *, after_date: date | None = None) -> Opening | None:
    """The first planned opening later than `after`, and on a later local date than `after_date` if given.

    None while the drill is paused for good, and where no date is ever planned.
    """
    after = _utc(after, "after")
    return None if timetable.paused else _next_planned(timetable, after, after_date)


def next_after_change(new: Timetable, *, last: Opening | None, owed: Opening | None, now: datetime) -> Opening | None:
    """The next opening once setup changed the timetable: on a later date than the last, 6 h or more after it.

    `owed` is what the old plan would have opened next. From its date on nothing is dropped, though the new
    time may have passed: a move to the far east can pass over the time of that date and of the next one.
    """
    now = _utc(now, "now")
    if new.paused:
        return None
    earliest = _over_by(now) if owed is None else min(_over_by(now), owed.on.toordinal())
    not_before = None
    if last is not None:
        earliest = max(earliest, last.on.toordinal() + 1)
        not_before = _utc(last.at, "last.at") + AFTER_A_CHANGE
    for opening in _planned_from(new, earliest):
        is_due = opening.at > now or (owed is not None and opening.on >= owed.on)
        if is_due and (not_before is None or opening.at >= not_before):
            return opening
    return None


def _next_planned(timetable: Timetable, after: datetime, after_date: date | None) -> Opening | None:
    earliest = _over_by(after)
    if after_date is not None:
        earliest = max(earliest, after_date.toordinal() + 1)
    return next((opening for opening in _planned_from(timetable, earliest) if opening.at > after), None)


def _planned_from(timetable: Timetable, ordinal: int) -> Iterator[Opening]:
    """The planned openings from a date on, which is given as its ordinal and may lie outside the calendar."""
    if not timetable.days & EVERY_DAY:  # else the search would run to the end of the calendar
        return
    if timetable.paused_until is not None:
        ordinal = max(ordinal, timetable.paused_until.toordinal())
    for day in range(max(ordinal, _PLANNABLE.start), _PLANNABLE.stop):
        opening = opening_on(timetable, date.fromordinal(day))
        if opening is not None:
            yield opening


def _over_by(moment: datetime) -> int:
    """The ordinal of a date that is over in every zone: where to begin looking for what comes after."""
    return moment.toordinal() - 2


# --- closing and reveal -------------------------------------------------------------------------------------


def closing_of(timetable: Timetable, opening: Opening) -> datetime:
    """When the round of that opening closes: as its timetable says, and by the next planned opening.

    A pause for good changes nothing: the round closes as if the drill went on. Where no date follows, 24 h.
    """
    opened = _utc(opening.at, "opening.at")
    following = _next_planned(timetable, opened, opening.on)
    latest = following.at if following is not None else opened + _DAY
    closing = timetable.closing
    if closing.at is not None:
        return min(latest, _first_time(zone(timetable.zone), closing.at, after=opened))
    if closing.after_hours is not None:
        return min(latest, opened + timedelta(hours=closing.after_hours))
    return latest


def reveal_of(timetable: Timetable, closes_at: datetime) -> datetime:
    """When a round that closes then is revealed: at once, or when it is next the timetable's reveal time."""
    closed = _utc(closes_at, "closes_at")
    if timetable.reveal_at is None:
        return closed
    return _first_time(zone(timetable.zone), timetable.reveal_at, after=closed - timedelta(microseconds=1))


def still_worth_opening(opening_at: datetime, closes_at: datetime, now: datetime) -> bool:
    """Whether at least half of a round's time is left."""
    opens, closes = _utc(opening_at, "opening_at"), _utc(closes_at, "closes_at")
    return 2 * (closes - _utc(now, "now")) >= closes - opens
