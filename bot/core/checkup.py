"""What is well with the program and what is not, and what to do about it: decided from what others have seen.

Whoever looks (`bot.checkup`, the adapters) hands in plain values; here they become findings, one line each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final

from bot.core.cards import count
from bot.core.choosing import pool
from bot.core.model import Bank, ChannelId, Delivery, Drill, DrillState, Opening, platform_of
from bot.core.planning import Banks
from bot.core.schedule import next_opening, zone

CLOCK_MAY_BE_OFF: Final = timedelta(seconds=30)
"""By more than this, rounds close visibly at another time than the platforms' stamps say, which judge answers."""

WAITS_LONG: Final = timedelta(minutes=10)
"""What has waited for longer than this to be sent is told of, though nothing has gone wrong with it."""

ROUNDS_SHOWN: Final = 3
DELIVERIES_SHOWN: Final = 5
"""Of a kind; the rest is counted."""

_MEGABYTE: Final = 1_000_000
_DISK_FAULT, _DISK_WARNING = 100 * _MEGABYTE, 1_000 * _MEGABYTE
_LOG_WARNING: Final = 500 * _MEGABYTE
_RULES_OLD: Final = 2
"""Years after which time-zone rules are called old: some country changes them every year."""

_SUPPORTED_UNTIL: Final[Mapping[tuple[int, int], date]] = {
    (3, 11): date(2027, 10, 31),
    (3, 12): date(2028, 10, 31),
    (3, 13): date(2029, 10, 31),
    (3, 14): date(2030, 10, 31),
}
"""How long Python's versions get security fixes. https://devguide.python.org/versions/"""


class State(StrEnum):
    """How something is: a fault keeps the program from its work, a warning does not, or not yet."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: its kind, which one, how it is, in words, and what to do where it is not well."""

    kind: str
    what: str
    state: State
    detail: str
    remedy: str = ""


def ok(kind: str, what: str, detail: str) -> Finding:
    """Something is well."""
    return Finding(kind, what, State.OK, detail)


def warning(kind: str, what: str, detail: str, remedy: str) -> Finding:
    """Something is not as it should be, and the program works."""
    return Finding(kind, what, State.WARNING, detail, remedy)


def fault(kind: str, what: str, detail: str, remedy: str) -> Finding:
    """Something keeps the program from its work."""
    return Finding(kind, what, State.FAULT, detail, remedy)


def worst(findings: Iterable[Finding]) -> State:
    """The state of the worst finding; well, where there is none."""
    order = list(State)
    return max((finding.state for finding in findings), key=order.index, default=State.OK)


def in_words(findings: Sequence[Finding]) -> str:
    """How many are not well."""
    faults = sum(finding.state is State.FAULT for finding in findings)
    warnings = sum(finding.state is State.WARNING for finding in findings)
    if not faults and not warnings:
        return "All is well."
    return f"{count(faults, 'fault')}, {count(warnings, 'warning')}."


# --- the machine --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSeen:
    """A database as it lies there. Sizes are in bytes."""

    path: str
    exists: bool = True
    refused: str = ""
    """Why it cannot be used: not ours, damaged, too new, not to be read."""
    size: int = 0
    log: int = 0
    """Of the write-ahead log beside it."""
    pending: tuple[str, ...] = ()
    """Migrations that it has not had."""
    writable: bool = True
    """Whether this user may write to it and its folder."""
    network: str = ""
    """The network file system that it is on, where that can be told."""


def of_database(seen: FileSeen) -> list[Finding]:
    """How a database is."""
    what, found = seen.path, list[Finding]()
    if seen.network:
        remedy = "put it on a disk of this machine: over a network neither its log nor its lock can be relied on"
        found.append(fault("database", what, f"it is on a network file system ({seen.network})", remedy))
    if not seen.writable:
        remedy = "let the user of the program write to the file and to its folder"
        found.append(fault("database", what, "this user may not write there", remedy))
    if seen.refused:
        # Such a sentence says itself what to do, behind its last semicolon.
        said, _, remedy = seen.refused.removeprefix(f"{what}: ").rpartition("; ")
        remedy = remedy if said else "restore a backup, or choose another file with NNQUESTION_DATABASE"
        return [*found, fault("database", what, said or remedy, remedy)]
    if not seen.exists:
        return [*found, ok("database", what, "not there yet; the first start makes it")]
    told = f"sound, {size(seen.size)}"
    if seen.log:
        told += f", its log {size(seen.log)}"
    if seen.pending:
        told += f"; {count(len(seen.pending), 'migration')} to come at the next start ({', '.join(seen.pending)})"
    if seen.log > _LOG_WARNING:
        remedy = "the log cannot be folded in while something reads for long: end what does, or restart the program"
        return [*found, warning("database", what, told, remedy)]
    return [*found, ok("database", what, told)]


def of_lease(path: str, held: bool | None) -> Finding:
    """Whether a program runs on a database; None where that cannot be told."""
    if held is None:
        remedy = "let this user write there; without the lock two copies would post twice"
        return fault("lease", path, "its lock cannot be used", remedy)
    return ok("lease", path, "a program runs on it" if held else "no program runs on it")


def of_disk(folder: str, free: int, size_of_database: int = 0) -> Finding:
    """Whether there is room, in bytes: for the database, its log, and a copy of both."""
    told, remedy = f"{size(free)} free", "free some space there: on a full disk no answer can be kept"
    if free < max(_DISK_FAULT, size_of_database):
        return fault("disk", folder, told, remedy)
    if free < max(_DISK_WARNING, 3 * size_of_database):
        return warning("disk", folder, told, remedy)
    return ok("disk", folder, told)


def of_time_zones(version: str, now: datetime) -> list[Finding]:
    """Time-zone rules such as 2026f, and the clock held against them: no clock is earlier than what it has."""
    year = int(version[:4])
    if now.year < year:
        remedy = "set this machine's clock: timedatectl set-ntp true"
        return [fault("clock", "this machine", f"it says {now:%Y-%m-%d}, before its time-zone rules were made", remedy)]
    clock = ok("clock", "this machine", f"{now.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC")
    age = now.year - year
    if age >= _RULES_OLD:
        told = f"rules of {version}, {age} years old"
        return [clock, warning("time zones", "tzdata", told, "upgrade the package tzdata, or all of nnquestion")]
    return [clock, ok("time zones", "tzdata", f"rules of {version}")]


def of_python(version: tuple[int, int, int], today: date) -> Finding:
    """The Python that runs this."""
    name = ".".join(map(str, version))
    until = _SUPPORTED_UNTIL.get(version[:2])
    if until is not None and today > until:
        return warning("python", name, f"without security fixes since {until}", "install a newer Python")
    return ok("python", name, "supported" if until is not None else "newer than this program knows")


def of_banks(banks: Banks) -> list[Finding]:
    """The banks that could be read."""
    return [ok("bank", bank.id, f"{bank.version}, {count(len(bank.questions), 'question')}") for bank in banks.values()]


def of_broken_banks(where: str, problems: Sequence[str]) -> Finding:
    """Banks that could not be."""
    told = "; ".join(" ".join(problem.split()) for problem in problems[:3])
    more = f"; and {len(problems) - 3} more" if len(problems) > 3 else ""
    return fault("bank", where, f"{told}{more}", "`nnquestion bank check` lists every problem with its line")


def size(of: int) -> str:
    """A number of bytes for people."""
    for unit, name in ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")):
        if of >= unit:
            return f"{of / unit:,.1f} {name}"
    return f"{of} bytes"


# --- drills -------------------------------------------------------------------------------------------------


def of_drill(drill: Drill, banks: Banks, now: datetime) -> list[Finding]:
    """Whether a drill runs, has questions, and when its next rounds are."""
    return [*_of_bank(drill, banks.get(drill.bank), banks), *_of_state(drill, now)]


def _of_bank(drill: Drill, bank: Bank | None, banks: Banks) -> list[Finding]:
    if bank is None:
        there = f"there is {', '.join(banks)}" if banks else "no bank could be read"
        told = f"its bank “{drill.bank}” is not there; {there}"
        remedy = "add that bank to NNQUESTION_BANK, or say /nnquestion setup there with another bank"
        return [fault("drill", drill.channel, told, remedy)]
    if not pool(bank, drill.topics, drill.difficulties):
        told = f"no question of “{bank.id}” has its topics and difficulty"
        return [fault("drill", drill.channel, told, "say /nnquestion setup there with topics=any difficulty=any")]
    return []


def _of_state(drill: Drill, now: datetime) -> list[Finding]:
    resume = "say /nnquestion resume there"
    match drill.state:
        case DrillState.OFF:
            remedy = f"mend that, then {resume}"
            return [warning("drill", drill.channel, f"it is off: {drill.state_reason}", remedy)]
        case DrillState.ASLEEP:
            told = f"it sleeps, since {count(drill.unanswered, 'round')} in a row had no answer"
            return [warning("drill", drill.channel, told, resume)]
        case DrillState.ON:
            rounds = coming(drill)
    if not rounds:
        return [warning("drill", drill.channel, "it is paused for good", resume)]
    until = drill.timetable.paused_until
    zone_name = drill.timetable.zone
    paused = f"paused until {until}; " if until is not None and until > now.astimezone(zone(zone_name)).date() else ""
    when = "; ".join(_local_and_utc(opening, zone_name) for opening in rounds)
    told = f"{paused}next {when} ({zone_name})"
    if rounds[0].at < now - WAITS_LONG:
        remedy = "start the program; what is still worth opening then is opened, and the rest is skipped visibly"
        return [
            warning("drill", drill.channel, f"a round was due at {rounds[0].at:%Y-%m-%d %H:%M} UTC; {told}", remedy)
        ]
    return [ok("drill", drill.channel, told)]


def coming(drill: Drill) -> list[Opening]:
    """The next rounds of a drill that is on, at most three; none while it is paused for good."""
    found, opening = list[Opening](), drill.next
    while opening is not None and len(found) < ROUNDS_SHOWN:
        found.append(opening)
        opening = next_opening(drill.timetable, opening.at, after_date=opening.on)
    return found


def _local_and_utc(opening: Opening, zone_name: str) -> str:
    local, utc = opening.at.astimezone(zone(zone_name)), opening.at.astimezone(UTC)
    same_day = "" if local.date() == utc.date() else f"{utc:%a} "
    return f"{local:%a %d %b %H:%M} = {same_day}{utc:%H:%M} UTC"


def of_deliveries(waiting: Sequence[Delivery], dropped: Sequence[Delivery], now: datetime) -> list[Finding]:
    """Messages that wait though they should not, and those that were given up lately."""
    stuck = [one for one in waiting if one.note or one.unclear or now - one.created_at > WAITS_LONG]
    found = [_of_waiting(delivery, now) for delivery in stuck[:DELIVERIES_SHOWN]]
    for delivery in dropped[:DELIVERIES_SHOWN]:
        told = f"{delivery.created_at:%Y-%m-%d %H:%M} UTC: given up: {_why(delivery)}"
        found.append(warning("delivery", delivery.key, told, "nothing to do, unless it happens again"))
    more = max(0, len(stuck) - DELIVERIES_SHOWN)
    if more:
        told = f"{count(more, 'more delivery', 'more deliveries')} like these"
        found.append(warning("delivery", "all", told, "mend what the others say"))
    quiet = len(waiting) - len(stuck)
    if not found:
        told = "nothing waits" if not quiet else f"{count(quiet, 'message')} on the way"
        found.append(ok("delivery", "all", told))
    return found


def _of_waiting(delivery: Delivery, now: datetime) -> Finding:
    told = f"waits since {delivery.created_at:%Y-%m-%d %H:%M} UTC"
    if delivery.attempts:
        told += f", {count(delivery.attempts, 'try', 'tries')}"
    if why := _why(delivery):
        told += f": {why}"
    remedy = "mend that; it is tried again by itself" if delivery.note else "start the program; it sends what is owed"
    if delivery.not_before is not None and delivery.not_before > now:
        remedy += f", next at {delivery.not_before:%Y-%m-%d %H:%M} UTC"
    return warning("delivery", delivery.key, told, remedy)


def _why(delivery: Delivery) -> str:
    return " ".join(delivery.note.split())[:300]


def of_backups(folder: str, latest: datetime | None, now: datetime, *, nightly: bool) -> Finding:
    """How old the last copy of the database is."""
    if latest is None:
        told, age = "no backup yet", None
    else:
        age = now - latest
        told = f"the last backup is {count(age.days, 'day')} old" if age.days else "the last backup is of today"
    if not nightly:
        return warning(
            "backup", folder, f"{told}; NNQUESTION_BACKUPS is off", "make backups yourself: nnquestion backup"
        )
    if age is not None and age.days >= _BACKUP_OLD:
        return warning("backup", folder, told, "see in the log why none was made, or make one: nnquestion backup")
    return ok("backup", folder, told)


_BACKUP_OLD: Final = 2
"""Days. One is made every night."""


# --- platforms ----------------------------------------------------------------------------------------------


class Access(StrEnum):
    """What a platform tells of a channel."""

    THERE = "there"
    GONE = "gone"
    """It was deleted, or the bot may not know of it."""
    LEFT = "left"
    """The bot is in its group no more."""
    NOT_IN = "not in"
    """The bot is not in the channel."""
    ARCHIVED = "archived"
    UNFIT = "unfit"
    """It is of a kind that takes no drill."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSeen:
    """A channel as its platform tells of it."""

    channel: ChannelId
    access: Access
    name: str = ""
    """As people see it, such as `#general`."""
    lacking: tuple[str, ...] = ()
    """Rights that the bot needs there and has not, as the platform calls them."""
    why: str = ""
    """What went wrong, where nothing is known."""
    remedy: str = ""
    """What brings the bot in, where it is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSeen:
    """A token, by its setting: why it is refused, and where to get a good one."""

    setting: str
    refused: str = ""
    unchecked: str = ""
    """Why nobody knows whether it is good."""
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """Something that the application was not given: what for, how to give it, and whether it works without."""

    what: str
    means: str
    remedy: str
    needed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """Something of which a platform allows so much."""

    what: str
    left: int
    of: int
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformSeen:
    """A platform, as the bot's own account sees it."""

    platform: str
    account: str = ""
    """What the bot is called, and where; empty where it could not sign in."""
    tokens: tuple[TokenSeen, ...] = ()
    lacks: tuple[Lack, ...] = ()
    allowances: tuple[Allowance, ...] = ()
    ahead: timedelta | None = None
    """By how much this machine's clock is ahead of the platform's; None where it said no time."""
    channels: tuple[ChannelSeen, ...] = ()
    troubles: tuple[str, ...] = ()
    """What could not be asked, and why."""
    invite: str = ""
    """The link by which the bot is invited, where there is one."""


def ahead_of(date: str, asked: datetime, answered: datetime) -> timedelta | None:
    """By how much this clock is ahead of whoever wrote this Date header; None where it is none.

    It is the time of about the middle of a request, cut off to whole seconds.
    """
    try:
        theirs = parsedate_to_datetime(date)
    except ValueError:
        return None
    if theirs.tzinfo is None:
        return None
    return asked + (answered - asked) / 2 - theirs - timedelta(seconds=0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The channels of a platform that are to be looked at: those of drills, and other ones for notes to organizers."""

    drills: tuple[ChannelId, ...] = ()
    notes: tuple[ChannelId, ...] = ()


NOTHING_WANTED: Final = Wanted()


def wanted(drills: Iterable[Drill], platform: str) -> Wanted:
    """The channels of a platform that drills use."""
    theirs = [drill for drill in drills if platform_of(drill.channel) == platform]
    channels = tuple(drill.channel for drill in theirs)
    notes = dict.fromkeys(ChannelId(drill.notes) for drill in theirs if drill.notes)
    return Wanted(drills=channels, notes=tuple(note for note in notes if note not in channels))


def of_platform(seen: PlatformSeen, drills: Sequence[Drill] = ()) -> list[Finding]:
    """How the bot stands with a platform. What ails the channel of a drill that is off is no fault any more."""
    found = [_of_token(seen, token) for token in seen.tokens]
    for lack in seen.lacks:
        told = f"{lack.what}: missing, {lack.means}"
        make = fault if lack.needed else warning
        found.append(make(seen.platform, seen.account, told, lack.remedy))
    for allowance in seen.allowances:
        found.append(_of_allowance(seen, allowance))
    if seen.ahead is not None:
        found.append(_of_clock(seen.platform, seen.ahead))
    remedy = "check that this machine reaches the platform (network, proxy, firewall), and whether that is in trouble"
    found += [fault(seen.platform, seen.account, trouble, remedy) for trouble in seen.troubles]
    off = {drill.channel for drill in drills if drill.state is DrillState.OFF}
    notes = {drill.notes for drill in drills} - {drill.channel for drill in drills}
    for channel in seen.channels:
        finding = of_channel(channel, FOR_NOTES if channel.channel in notes else "")
        tells_only = channel.channel in off and finding.state is State.FAULT
        found.append(replace(finding, state=State.WARNING) if tells_only else finding)
    return found


FOR_NOTES: Final = "place for notes"


def _of_token(seen: PlatformSeen, token: TokenSeen) -> Finding:
    if token.refused:
        return fault(seen.platform, token.setting, f"it is refused: {token.refused}", token.remedy)
    if token.unchecked:
        return warning(seen.platform, token.setting, f"unchecked: {token.unchecked}", token.remedy)
    return ok(seen.platform, token.setting, f"good, for {seen.account}" if seen.account else "good")


def _of_allowance(seen: PlatformSeen, allowance: Allowance) -> Finding:
    told = f"{allowance.what}: {allowance.left} of {allowance.of} left"
    if allowance.left <= 0:
        return fault(seen.platform, seen.account, told, allowance.remedy)
    if allowance.left * 10 < allowance.of:
        return warning(seen.platform, seen.account, told, allowance.remedy)
    return ok(seen.platform, seen.account, told)


def _of_clock(platform: str, ahead: timedelta) -> Finding:
    seconds = abs(ahead.total_seconds())
    told = f"{seconds:,.0f} s {'ahead of' if ahead > timedelta() else 'behind'} {platform}'s"
    if abs(ahead) > CLOCK_MAY_BE_OFF:
        remedy = "set this machine's clock (timedatectl set-ntp true): answers are judged by the platform's stamps"
        return fault("clock", f"against {platform}", told, remedy)
    return ok("clock", f"against {platform}", told)


def of_channel(seen: ChannelSeen, use: str = "") -> Finding:
    """Whether the bot can work in a channel; `use` is what for, where it is not for a drill."""
    kind, what = "channel", " ".join(filter(None, (use, seen.name, seen.channel)))
    match seen.access:
        case Access.UNKNOWN:
            return warning(kind, what, f"not known: {seen.why}", "try again later")
        case Access.LEFT:
            return fault(kind, what, seen.why or "the bot is not there any more", seen.remedy or "invite it again")
        case Access.GONE:
            remedy = seen.remedy or "let the bot see it, or set up a drill in another channel"
            return fault(kind, what, "it is deleted, or hidden from the bot", remedy)
        case Access.NOT_IN:
            return fault(kind, what, "the bot is not in it", seen.remedy or "invite it there")
        case Access.ARCHIVED:
            return fault(kind, what, "it is archived", "take it out of the archive, then say /nnquestion resume there")
        case Access.UNFIT:
            return fault(kind, what, "it takes no drill", seen.remedy or "set up the drill in a text channel")
        case Access.THERE if seen.lacking:
            told = f"the bot lacks rights there: {', '.join(seen.lacking)}"
            return fault(kind, what, told, "grant them to its role in that channel")
    return ok(kind, what, "the bot has what it needs there")
