"""Reads the options of `setup` into a drill. Every value is checked, and a wrong one says what is allowed."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, time
from typing import Final

from bot.core.choosing import pool
from bot.core.model import (
    EVERY_DAY,
    Bank,
    ChannelId,
    Closing,
    Drill,
    GroupId,
    MemberId,
    Timetable,
)
from bot.core.planning import Banks
from bot.core.schedule import UnknownZone, zone


class Refused(Exception):
    """What a member asked for cannot be done; the sentence is for them."""


DAY_NAMES: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_SETS: Final = {
    "all": EVERY_DAY,
    "every": EVERY_DAY,
    "daily": EVERY_DAY,
    "weekdays": frozenset(range(5)),
    "weekends": frozenset((5, 6)),
}


def drill_from(
    options: Mapping[str, str], old: Drill | None, channel: ChannelId, group: GroupId, by: MemberId, banks: Banks
) -> Drill:
    """The drill that these options make of the old one, or of none. Raises Refused."""
    if old is None and not {"time", "zone"} <= options.keys():
        raise Refused(
            "A new drill needs a time and a time zone, such as /nnquestion setup time=09:00 zone=Europe/Berlin"
        )
    timetable = _timetable(options, old.timetable if old else None)
    drill = replace(
        old or Drill(channel=channel, group=group, timetable=timetable, bank=next(iter(banks), ""), set_up_by=by),
        timetable=timetable,
        set_up_by=by,
    )
    if "bank" in options:
        if options["bank"] not in banks:
            raise Refused(f"There is no bank “{options['bank']}”; there is {', '.join(banks)}.")
        known = topics_of([banks[options["bank"]]])
        drill = replace(drill, bank=options["bank"], topics=drill.topics & known)
    if "topics" in options:
        if drill.bank not in banks:
            check_questions(drill, banks)
        drill = replace(drill, topics=_topics(options["topics"], banks[drill.bank]))
    if "difficulty" in options:
        drill = replace(drill, difficulties=_difficulties(options["difficulty"]))
    if "answers" in options:
        drill = replace(drill, sealed=options["answers"] == "sealed")
    if "ask" in options:
        drill = replace(drill, may_ask=options["ask"] == "on")
    if "ranking" in options:
        drill = replace(drill, ranking=options["ranking"] == "on")
    if "recap" in options:
        drill = replace(drill, recap=options["recap"] == "on")
    if "organizers" in options:
        drill = replace(drill, organizers=_organizers(options["organizers"], group))
    if "notes" in options:
        drill = replace(drill, notes=_notes(options["notes"], group))
    check_questions(drill, banks)
    return drill


def options_of(drill: Drill) -> dict[str, str]:
    """What one would say to `setup` for a drill just like this one. Organizers and the place for notes are ids."""
    table, closing = drill.timetable, drill.timetable.closing
    closes = "next" if closing.after_hours is None else f"{closing.after_hours}h"
    return {
        "time": f"{table.at:%H:%M}",
        "zone": table.zone,
        "days": ",".join(DAY_NAMES[day] for day in sorted(table.days)),
        "closes": f"{closing.at:%H:%M}" if closing.at is not None else closes,
        "reveal": f"{table.reveal_at:%H:%M}" if table.reveal_at is not None else "close",
        "off": ",".join(day.isoformat() for day in sorted(table.days_off)) or "none",
        "topics": ",".join(sorted(drill.topics)) or "any",
        "difficulty": ",".join(map(str, sorted(drill.difficulties))) or "any",
        "bank": drill.bank,
        "answers": "sealed" if drill.sealed else "open",
        "ask": "on" if drill.may_ask else "off",
        "ranking": "on" if drill.ranking else "off",
        "recap": "on" if drill.recap else "off",
        "organizers": ",".join(sorted(drill.organizers)) or "none",
        "notes": drill.notes or "here",
    }


def check_questions(drill: Drill, banks: Banks) -> None:
    """Raise Refused where no question fits the drill: it would be switched off at its next opening."""
    bank = banks.get(drill.bank)
    if bank is None:
        known = ", ".join(banks)
        raise Refused(f"The bank “{drill.bank}” is not there any more; choose another with bank=, of: {known}.")
    if not pool(bank, drill.topics, drill.difficulties):
        raise Refused(
            "No question has these topics and this difficulty. Use fewer of them, or topics=any difficulty=any."
        )


def _timetable(options: Mapping[str, str], old: Timetable | None) -> Timetable:
    at = time_of(options["time"]) if "time" in options else old.at if old else time(9)
    zone_name = _zone(options["zone"]) if "zone" in options else old.zone if old else "UTC"
    timetable = replace(old, at=at, zone=zone_name) if old else Timetable(at=at, zone=zone_name)
    if "days" in options:
        timetable = replace(timetable, days=_days(options["days"]))
    if "closes" in options:
        timetable = replace(timetable, closing=_closing(options["closes"]))
    if "reveal" in options:
        at_close = options["reveal"].lower() == "close"
        timetable = replace(timetable, reveal_at=None if at_close else time_of(options["reveal"]))
    if "off" in options:
        timetable = replace(timetable, days_off=_dates(options["off"]))
    return timetable


def time_of(text: str) -> time:
    """A local time from "9:00" or "09:00". Raises Refused."""
    match = re.fullmatch(r"(\d{1,2}):(\d{2})", text.strip())
    if match and int(match[1]) < 24 and int(match[2]) < 60:
        return time(int(match[1]), int(match[2]))
    raise Refused(f"“{text}” is no time; write it as 09:00 or 18:30.")


def date_of(text: str) -> date:
    """A date from "2026-12-25". Raises Refused."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise Refused(f"“{text}” is no date; write it as 2026-12-25.") from None


def _zone(name: str) -> str:
    try:
        return zone(name).key
    except UnknownZone as unknown:
        said = str(unknown)
        raise Refused(said[0].upper() + said[1:] + ("" if said.endswith("?") else ".")) from None


def _days(text: str) -> frozenset[int]:
    days: set[int] = set()
    for piece in text.lower().replace(" ", "").split(","):
        if piece in _DAY_SETS:
            days |= _DAY_SETS[piece]
            continue
        first, dash, last = piece.partition("-")
        numbers = [_day(first), _day(last)] if dash else [_day(first)] * 2
        number = numbers[0]
        days.add(number)
        while number != numbers[1]:
            number = (number + 1) % 7
            days.add(number)
    return frozenset(days)


def _day(name: str) -> int:
    if len(name) >= 3:
        for number, known in enumerate(DAY_NAMES):
            if name.startswith(known):
                return number
    raise Refused(f"“{name}” is no day; write days as mon-fri, or mon,wed,sat, or all.")


def _closing(text: str) -> Closing:
    wish = text.lower().strip()
    if wish == "next":
        return Closing()
    if match := re.fullmatch(r"(\d{1,3}) ?h", wish):
        try:
            return Closing(after_hours=int(match[1]))
        except ValueError as problem:
            raise Refused(f"{str(problem).capitalize()}.") from None
    try:
        return Closing(at=time_of(wish))
    except Refused:
        raise Refused(f"“{text}” does not say when a round closes; use next, a time such as 18:00, or 8h.") from None


def _dates(text: str) -> frozenset[date]:
    if text.lower() == "none":
        return frozenset()
    return frozenset(date_of(piece) for piece in text.split(","))


def _topics(text: str, bank: Bank) -> frozenset[str]:
    if text.lower() == "any":
        return frozenset()
    wanted = frozenset(piece.strip().lower() for piece in text.split(","))
    known = topics_of([bank])
    for topic in sorted(wanted - known):
        close = difflib.get_close_matches(topic, sorted(known), n=1)
        meant = f" Did you mean “{close[0]}”?" if close else ""
        raise Refused(f"The bank has no topic “{topic}”.{meant} Its topics: {', '.join(sorted(known))}.")
    return wanted


def topics_of(banks: Iterable[Bank]) -> frozenset[str]:
    """Every topic that some question of these banks has."""
    return frozenset(topic for bank in banks for question in bank.questions for topic in question.topics)


def _difficulties(text: str) -> frozenset[int]:
    if text.lower() == "any":
        return frozenset()
    if match := re.fullmatch(r"([1-3])-([1-3])", text.strip()):
        first, last = sorted((int(match[1]), int(match[2])))
        return frozenset(range(first, last + 1))
    pieces = text.split(",")
    if all(piece.strip() in ("1", "2", "3") for piece in pieces):
        return frozenset(int(piece) for piece in pieces)
    raise Refused(f"“{text}” is no difficulty; use 1, 2 or 3, or 1-2, or any.")


def _notes(text: str, group: GroupId) -> str | None:
    if text.lower() == "here":
        return None
    name = text.removeprefix("#")
    if not name or "@" in name or "/" in name:
        raise Refused(f"“{text}” is no channel; notes go to a channel such as #organizers, or here.")
    return f"{group}/{name}"


def member_of(text: str, group: GroupId) -> MemberId:
    """The one member that is named so, as "@ada". Raises Refused."""
    name = text.strip().removeprefix("@")
    if not name or any(sign in name for sign in "@&,/ "):
        raise Refused(f"“{text}” is no member; name one, such as @ada.")
    return MemberId(f"{group}/@{name}")


def _organizers(text: str, group: GroupId) -> frozenset[MemberId]:
    if text.lower() == "none":
        return frozenset()
    names = [piece.strip().lstrip("@") for piece in text.split(",")]
    if not all(names):
        raise Refused("Name organizers as @ada,@grace, or none.")
    return frozenset(MemberId(f"{group}/@{name}") for name in names)
