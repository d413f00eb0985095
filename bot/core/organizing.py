"""What each command for organizers does and answers: setting up a drill, and running it by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from bot.core import cards, commands, drills, groups, notices, planning, rounds
from bot.core.asking import Asker, Reply, coming, drill_here, know, may_organize, open_round, said, the_round
from bot.core.card import Block, Button, Card, Channel, Mention, Press, Span
from bot.core.cards import line, strong
from bot.core.model import UNREVEALED, Bank, Drill, DrillState, Opening, QuestionId
from bot.core.planning import Banks
from bot.core.ports import Transaction
from bot.core.setting_up import DAY_NAMES, Refused, check_questions, date_of, drill_from


def begin(
    tx: Transaction,
    banks: Banks,
    asker: Asker,
    options: Mapping[str, str],
    now: datetime,
    limits: groups.Limits = groups.NO_LIMITS,
) -> Card | None:
    """Set up a first drill whose first round is today's; None where the channel has one already. Raises Refused."""
    groups.check_blocked(tx, asker.group)
    if tx.drills.get(asker.channel) is not None or not may_organize(tx, asker):
        return None
    groups.check_channels(tx, limits, asker)
    know(tx, asker)
    drill = drill_from(options, None, asker.channel, asker.group, asker.member, banks)
    return _about_drill(tx, "A drill for you", drills.set_up(tx, banks, drill, now, today=True))


def _setup(tx: Transaction, banks: Banks, asker: Asker, options: Mapping[str, str], now: datetime) -> Card:
    old = tx.drills.get(asker.channel)
    if old is not None and not options:
        return _about_drill(tx, "This channel's drill", old)
    drill = drill_from(options, old, asker.channel, asker.group, asker.member, banks)
    drill = drills.set_up(tx, banks, drill, now)
    card = _about_drill(tx, "The drill is set up" if old is None else "The drill is changed", drill)
    if asker.hidden_until and drill.organizers and (old is None or old.organizers != drill.organizers):
        rounds.note(tx, drill, "organizers", notices.by_button(drill), now)
        until = line(f"{asker.hidden_until} Until then they have buttons in ", Channel(rounds.notes_of(drill)), ".")
        card = replace(card, body=(*card.body, until))
    return card if old is not None else replace(card, buttons=(Button(Press.TRY, "Try one now", drill.channel),))


def _pause(tx: Transaction, banks: Banks, asker: Asker, options: Mapping[str, str], now: datetime) -> Card:
    drill = drill_here(tx, asker)
    if "until" not in options:
        paused = replace(drill.timetable, paused=True)
        drills.retime(tx, banks, drill, paused, now)
        return said("Paused", line("No more rounds until /nnquestion resume. An open round goes on as planned."))
    until = date_of(options["until"])
    if until <= rounds.local_date(now, drill.timetable.zone):
        raise Refused(f"{until} is not in the future.")
    drill = drills.retime(tx, banks, drill, replace(drill.timetable, paused_until=until, paused=False), now)
    return Card(title="Paused", body=(line(f"No rounds before {until}."), *coming(drill)))


def _resume(tx: Transaction, banks: Banks, asker: Asker, options: Mapping[str, str], now: datetime) -> Card:
    drill = drill_here(tx, asker)
    timetable = drill.timetable
    if drill.state is DrillState.ON and not timetable.paused and timetable.paused_until is None:
        return Card(title="It is running", body=coming(drill))
    check_questions(drill, banks)
    running = replace(timetable, paused=False, paused_until=None)
    drill = drills.retime(tx, banks, replace(drill, unanswered=0), running, now)
    return Card(title="Running again", body=coming(drill))


def _skip(tx: Transaction, banks: Banks, asker: Asker, options: Mapping[str, str], now: datetime) -> Card:
    drill = drill_here(tx, asker)
    if options.get("what") == "open":
        rounds.cancel(tx, open_round(tx, asker), "an organizer called it off", now)
        return said("Called off", line("The open round is cancelled, without harm to points or streaks."))
    if drill.next is None:
        raise Refused("There is no next round to leave out.")
    left_out = drill.next
    drill = drills.leave_out_next(tx, banks, drill, now)
    return Card(title="Left out", body=(line("No round on ", _day(left_out), "."), *coming(drill)))


def _reveal(tx: Transaction, banks: Banks, asker: Asker, options: Mapping[str, str], now: datetime) -> Card:
    drill_here(tx, asker)
    round_ = the_round(tx, asker.place)
    if round_ is None:  # One that has closed may be waiting for its reveal.
        round_ = next(iter(tx.rounds.unrevealed(asker.channel)), None)
    if round_ is None or round_.state not in UNREVEALED:
        raise Refused("There is no round here to reveal.")
    rounds.reveal_now(tx, round_, now)
    return said("Closed", line("The reference answer is on its way."))


def _next(tx: Transaction, banks: Banks, asker: Asker, options: Mapping[str, str], now: datetime) -> Card:
    drill = drill_here(tx, asker)
    wanted = options["question"].lower()
    question = planning.question_of(banks, QuestionId(wanted if ":" in wanted else f"{drill.bank}:{wanted}"))
    if question is None:
        raise Refused(f"There is no question “{wanted}”.{_close_to(wanted, banks.get(drill.bank))}")
    try:
        planning.put_first(tx, drill, banks, question)
    except planning.NothingToAsk as why:
        raise Refused(f"That cannot be: {why}.") from why
    if drill.next is None:
        return said("Chosen", line(f"The first question once the drill runs again: {question.prompt}"))
    return said("Chosen", line(f"The question of {_day(drill.next)}: {question.prompt}"))


def _day(opening: Opening) -> str:
    return f"{opening.on:%A} {opening.on.day} {opening.on:%B}"


def _about_drill(tx: Transaction, title: str, drill: Drill) -> Card:
    table = drill.timetable
    if table.closing.at is not None:
        closes = f"closes at {table.closing.at:%H:%M}" + (" the next day" if table.closing.at <= table.at else "")
    elif table.closing.after_hours is not None:
        closes = f"closes after {table.closing.after_hours} h"
    else:
        closes = "closes at the next opening"
    reveal = f"reveal at {table.reveal_at:%H:%M}" if table.reveal_at else "reveal at the close"
    topics = ", ".join(sorted(drill.topics)) or "all topics"
    levels = ", ".join(cards.DIFFICULTY[level] for level in sorted(drill.difficulties)) or "every difficulty"
    body: list[Block] = [
        line(
            strong("Opens "), f"{_days(table.days)} at {table.at:%H:%M} ({table.zone}), {closes}, {reveal}", bullet=True
        ),
        line(strong("Asks "), f"{topics}, {levels}, from the bank “{drill.bank}”", bullet=True),
        line(strong("Answers "), "sealed, by form" if drill.sealed else "open, in the thread", bullet=True),
        line(strong("Extra questions "), "on" if drill.may_ask else "off", bullet=True),
        line(strong("Ranking "), "on" if drill.ranking else "off", bullet=True),
    ]
    if table.days_off:
        off = ", ".join(day.isoformat() for day in sorted(table.days_off))
        body.append(line(strong("Days off "), off, bullet=True))
    if drill.organizers:
        named: list[str | Span] = []
        for organizer in sorted(drill.organizers):
            known = tx.members.get(organizer)
            name = known.name if known is not None else organizer.partition("@")[2]
            named += [", "] if named else []
            named.append(Mention(organizer, name))
        body.append(line(strong("Organizers "), *named, bullet=True))
    notes = Channel(drill.notes) if drill.notes else "here"
    why = "; to whoever set it up, as a direct message, if that is out of reach"
    body.append(line(strong("Notes to organizers "), notes, why, bullet=True))
    return Card(title=title, body=(*body, *coming(drill)))


def _days(days: frozenset[int]) -> str:
    if len(days) == 7:
        return "every day"
    first, last = min(days), max(days)
    if len(days) == last - first + 1 > 2:
        return f"{DAY_NAMES[first]}-{DAY_NAMES[last]}"
    return ", ".join(DAY_NAMES[day] for day in sorted(days))


def _close_to(wanted: str, bank: Bank | None) -> str:
    slugs = [question.slug for question in bank.questions] if bank else []
    return commands.meant(wanted, slugs) or f" Ids: {', '.join(slugs[:12])}{' …' if len(slugs) > 12 else ''}."


REPLIES: Final[Mapping[str, Reply]] = {
    "setup": _setup,
    "pause": _pause,
    "resume": _resume,
    "skip": _skip,
    "reveal": _reveal,
    "next": _next,
}
