"""What each command does and answers. A use case each: it decides, saves, and returns the card for its asker alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from bot.core import cards, commands, drills, planning, rounds, scoring
from bot.core.card import Block, Card, Line, TimeStyle, Tone, When
from bot.core.cards import line, strong
from bot.core.commands import Invocation, Who
from bot.core.model import (
    Bank,
    ChannelId,
    Drill,
    DrillState,
    GroupId,
    Member,
    MemberId,
    Naming,
    Opening,
    Place,
    QuestionId,
    Round,
    RoundId,
    RoundKind,
    RoundState,
    Season,
    Standing,
    group_of,
)
from bot.core.planning import Banks
from bot.core.ports import Transaction
from bot.core.schedule import next_opening
from bot.core.setting_up import DAY_NAMES, Refused, date_of, drill_from, topics_of

BOARD_ROWS: Final = 10
HISTORY_ROWS: Final = 10
LEDGER_ROWS: Final = 10
_WAITS: Final = (RoundState.CLOSED, RoundState.GRADED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who gives a command, where. `organizer` is what the platform says of their rights in this group."""

    member: MemberId
    name: str
    place: Place
    organizer: bool = False

    @property
    def channel(self) -> ChannelId:
        return self.place.channel

    @property
    def group(self) -> GroupId:
        return group_of(self.place.channel)


Reply = Callable[[Transaction, Banks, Asker, Mapping[str, str], datetime], Card]


def answer(tx: Transaction, banks: Banks, asker: Asker, invocation: Invocation, now: datetime) -> Card:
    """Carry out a command and return what its asker is told. Raises Refused."""
    command = invocation.command
    if command.who is Who.ORGANIZER and not _may_organize(tx, asker):
        raise Refused(f"/nnquestion {command.name} is for organizers of this channel.")
    _know(tx, asker)
    return _REPLIES[command.name](tx, banks, asker, invocation.options, now)


def begin(tx: Transaction, banks: Banks, asker: Asker, options: Mapping[str, str], now: datetime) -> Card | None:
    """Set up a first drill whose first round is today's; None where the channel has one already."""
    if tx.drills.get(asker.channel) is not None:
        return None
    _know(tx, asker)
    drill = drill_from(options, None, asker.channel, asker.group, asker.member, banks)
    return _about_drill("A drill for you", drills.set_up(tx, banks, drill, now, today=True))


def result_of(tx: Transaction, asker: Asker, round_id: RoundId) -> Card:
    """What the asker covered and missed in a round. Before the reveal it tells nothing."""
    round_ = tx.rounds.get(round_id)
    if round_ is None or round_.group != asker.group:
        raise Refused("I do not know this round any more.")
    if round_.state is not RoundState.REVEALED:
        raise Refused("Your result comes with the reveal.")
    given = tx.answers.get(round_id, asker.member)
    grade = tx.answers.grade(round_id, asker.member)
    rows = tx.ledger.of_round(round_id, asker.member)
    points = sum(row.points for row in rows)
    return cards.result(round_, given, grade, points, tx.answers.hints(round_id, asker.member))


def hint_for(tx: Transaction, asker: Asker, round_: Round, now: datetime) -> Card:
    """The next hint of an open round; the last one again once all are taken."""
    if round_.state is not RoundState.OPEN or now >= round_.closes_at:
        raise Refused("This round has closed; hints are for open rounds.")
    hints = round_.question.hints
    if not hints:
        raise Refused("This question has no hints.")
    taken = tx.answers.hints(round_.id, asker.member)
    number = taken if taken >= len(hints) else tx.answers.add_hint(round_.id, asker.member, now)
    return cards.hint(round_, number, hints[number - 1], pays=round_.kind is RoundKind.DAILY)


def the_round(tx: Transaction, place: Place) -> Round | None:
    """The round a command means: in a thread that round; in a channel the open daily one, else the extra one."""
    if place.thread is not None:
        return tx.rounds.by_place(place)
    return next(iter(tx.rounds.live(place.channel)), None)


# --- for members --------------------------------------------------------------------------------------------


def _ask(tx: Transaction, banks: Banks, asker: Asker, options: Mapping[str, str], now: datetime) -> Card:
    drill = _drill(tx, asker)
    if not drill.may_ask and not _may_organize(tx, asker):
        raise Refused("Extra questions are switched off in this channel.")
    if any(live.kind is RoundKind.EXTRA for live in tx.rounds.live(asker.channel)):
        raise Refused("There is an open extra question here already. It is revealed a day after it was asked.")
    topic = options.get("topic")
    if topic is not None and topic not in topics_of(banks.values()):
        raise Refused(f"There is no topic “{topic}”. Topics: {', '.join(sorted(topics_of(banks.values())))}.")
    difficulty = int(options["difficulty"]) if "difficulty" in options else None
    drawn = planning.extra_question(tx, drill, banks, topic=topic, difficulty=difficulty)
    if drawn is None:
        raise Refused("No question fits that, or the one that does is being asked right now.")
    question, new = drawn
    round_ = rounds.open_extra(tx, drill, question, new=new, asked_by=asker.member, now=now)
    closes = When(round_.closes_at, TimeStyle.DATE_TIME, round_.zone)
    return _said("Asked", line("An extra question, for practice and without points, open until ", closes, "."))


def _hint(tx: Transaction, banks: Banks, asker: Asker, options: Mapping[str, str], now: datetime) -> Card:
    return hint_for(tx, asker, _the_open_round(tx, asker), now)


def _leaderboard(tx: Transaction, banks: Banks, asker: Asker, options: Mapping[str, str], now: datetime) -> Card:
    season = Season(options.get("season", "month"))
    here = "where" in options
    drill = tx.drills.get(asker.channel)
    if here and drill is not None and not drill.ranking:
        raise Refused("This channel keeps no board.")
    first, last = scoring.season_dates(season, _today(tx, asker, now))
    totals = tx.ledger.totals(asker.group, channel=asker.channel if here else None, first=first, last=last)
    standings = _without_hidden(tx, scoring.standings(totals), asker.member)
    if here:
        latest = tx.rounds.of_channel(asker.channel)
        standings = [replace(row, streak=_streak(tx, latest, asker.channel, row.member).length) for row in standings]
    shown, own = standings[:BOARD_ROWS], [row for row in standings if row.member == asker.member]
    body: list[Block] = [_board(tx, shown, asker, "No points yet. The first answer opens the board.")]
    if own and own[0] not in shown:
        index = standings.index(own[0])
        body += [line("…"), _board(tx, standings[index - 1 : index + 2], asker, "")]
    elif not own:
        body.append(line("You are not on it yet: answer a daily question."))
    names = {Season.WEEK: "this week", Season.MONTH: "this month", Season.ALL: "all time"}
    return Card(title=f"Leaderboard, {names[season]}, {'this channel' if here else 'whole group'}", body=tuple(body))


def _me(tx: Transaction, banks: Banks, asker: Asker, options: Mapping[str, str], now: datetime) -> Card:
    member = _know(tx, asker)
    if "shown" in options:
        naming = {"name": Naming.NAME, "someone": Naming.SOMEONE, "out": Naming.OUT}[options["shown"]]
        tx.members.save(replace(member, naming=naming))
        says = {
            Naming.NAME: "Boards show your name.",
            Naming.SOMEONE: "Boards show you as “someone”.",
            Naming.OUT: "Boards leave you out; only you see your own row.",
        }
        return _said("How you are shown", line(says[naming]))
    if options.get("show") == "result":
        for round_ in tx.rounds.of_channel(asker.channel):
            if round_.state is RoundState.REVEALED and (kept := tx.answers.get(round_.id, asker.member)) and kept.parts:
                return result_of(tx, asker, round_.id)
        raise Refused("You have no answer in a revealed round of this channel.")
    return _points_of(tx, asker, member, now)


def _points_of(tx: Transaction, asker: Asker, member: Member, now: datetime) -> Card:
    first, last = scoring.season_dates(Season.MONTH, _today(tx, asker, now))
    month = {row.member: row for row in scoring.standings(tx.ledger.totals(asker.group, first=first, last=last))}
    ever = {row.member: row for row in scoring.standings(tx.ledger.totals(asker.group))}
    body: list[Block] = []
    for name, standing in (("this month", month.get(asker.member)), ("all time", ever.get(asker.member))):
        if standing is not None:
            points, played = cards.count(standing.points, "point"), cards.count(standing.rounds, "round")
            body.append(line(strong(f"{name}: "), f"{points} from {played}, rank {standing.rank}", bullet=True))
    streak = streak_of(tx, asker.channel, asker.member)
    if streak.length:
        forgiven = f", {streak.forgiven} missed and forgiven" if streak.forgiven else ""
        body.append(line(strong("streak here: "), f"{streak.length}{forgiven}, longest {streak.longest}", bullet=True))
    entries = tx.ledger.of_member(asker.group, asker.member, LEDGER_ROWS)
    if entries:
        body.append(line(strong("Where your points came from")))
        for entry in entries:
            asked = tx.rounds.get(entry.round)
            prompt = asked.question.prompt if asked else entry.question
            body.append(line(f"{entry.local_date}  {entry.points:+d}  {entry.reason}: {prompt}", bullet=True))
    else:
        body.append(line("No points yet. Answer a daily question; an honest try is worth one."))
    shown = {Naming.NAME: "by name", Naming.SOMEONE: "as “someone”", Naming.OUT: "not at all"}
    body.append(line(f"Boards show you {shown[scoring.naming_of(member)]}; /nnquestion me shown=name, someone or out."))
    return Card(title=f"You, {asker.name}", body=tuple(body))


def streak_of(tx: Transaction, channel: ChannelId, member: MemberId) -> scoring.Streak:
    """A member's streak in a channel, over its revealed daily rounds."""
    return _streak(tx, tx.rounds.of_channel(channel), channel, member)


def _streak(tx: Transaction, latest: list[Round], channel: ChannelId, member: MemberId) -> scoring.Streak:
    tried = tx.answers.tried(channel, member)
    daily = [round_ for round_ in reversed(latest) if round_.kind is RoundKind.DAILY]
    return scoring.streak([round_.id in tried for round_ in daily if round_.state is RoundState.REVEALED])


def _history(tx: Transaction, banks: Banks, asker: Asker, options: Mapping[str, str], now: datetime) -> Card:
    topic = options.get("topic")
    shown: list[Block] = []
    for round_ in tx.rounds.of_channel(asker.channel):
        if topic is not None and topic not in round_.question.topics:
            continue
        shown.append(_past(tx, round_))
        if len(shown) == HISTORY_ROWS:
            break
    of_topic = f" of {topic}" if topic else ""
    return Card(title="Past rounds here", body=tuple(shown) or (line(f"No round{of_topic} yet."),))


def _past(tx: Transaction, round_: Round) -> Line:
    kind = "extra, " if round_.kind is RoundKind.EXTRA else ""
    if round_.state is RoundState.SKIPPED:
        return line(strong(f"{round_.local_date}  "), "skipped", bullet=True)
    answers = cards.count(len(tx.answers.of_round(round_.id)), "answer")
    return line(
        strong(f"{round_.local_date}  "), f"{round_.question.prompt} ({kind}{round_.state}, {answers})", bullet=True
    )


def _when(tx: Transaction, banks: Banks, asker: Asker, options: Mapping[str, str], now: datetime) -> Card:
    drill = tx.drills.get(asker.channel)
    body: list[Block] = []
    for live in tx.rounds.live(asker.channel):
        closes = When(live.closes_at, TimeStyle.DATE_TIME, live.zone)
        body.append(line(strong("Open now: "), f"{live.question.prompt} Closes ", closes, "."))
    if drill is None:
        body.append(line("There is no drill here. An organizer makes one with /nnquestion setup."))
        return Card(title="When", body=tuple(body))
    body += _coming(drill)
    left = planning.unasked(tx, drill, banks)
    body.append(line(f"{cards.count(left, 'question')} not asked here yet."))
    plan = tx.drills.plan(drill.channel)
    if plan is not None and plan.gave_up:
        body.append(line(f"This cycle could not keep: {'; '.join(plan.gave_up)}."))
    return Card(title="When", body=tuple(body))


def _help(tx: Transaction, banks: Banks, asker: Asker, options: Mapping[str, str], now: datetime) -> Card:
    wanted = options.get("command")
    organizer = _may_organize(tx, asker)
    if wanted is not None:
        command = commands.BY_NAME.get(wanted.lower())
        if command is None:
            raise Refused(f"There is no command “{wanted}”.{commands.meant(wanted, list(commands.BY_NAME))}")
        about: list[Block] = [line(command.says.capitalize() + "."), line(commands.usage(command))]
        about += [line(strong(f"{option.name}  "), option.says, bullet=True) for option in command.options]
        if command.example:
            about.append(line(f"Example: /nnquestion {command.example}"))
        return Card(title=f"/nnquestion {command.name}", body=tuple(about))
    mine = [command for command in commands.TABLE if command.who is Who.MEMBER]
    body: list[Block] = [line(strong(f"/nnquestion {c.name}  "), c.says, bullet=True) for c in mine]
    if organizer:
        body.append(line(strong("For organizers")))
        theirs = [command for command in commands.TABLE if command.who is Who.ORGANIZER]
        body += [line(strong(f"/nnquestion {c.name}  "), c.says, bullet=True) for c in theirs]
    body.append(line("Only you see these replies. /nnquestion help COMMAND tells more."))
    return Card(title="What you can say here", body=tuple(body))


# --- for organizers -----------------------------------------------------------------------------------------


def _setup(tx: Transaction, banks: Banks, asker: Asker, options: Mapping[str, str], now: datetime) -> Card:
    old = tx.drills.get(asker.channel)
    if old is not None and not options:
        return _about_drill("This channel's drill", old)
    drill = drill_from(options, old, asker.channel, asker.group, asker.member, banks)
    drill = drills.set_up(tx, banks, drill, now)
    return _about_drill("The drill is set up" if old is None else "The drill is changed", drill)


def _pause(tx: Transaction, banks: Banks, asker: Asker, options: Mapping[str, str], now: datetime) -> Card:
    drill = _drill(tx, asker)
    if "until" not in options:
        paused = replace(drill.timetable, paused=True)
        drills.retime(tx, banks, drill, paused, now)
        return _said("Paused", line("No more rounds until /nnquestion resume. An open round goes on as planned."))
    until = date_of(options["until"])
    if until <= rounds.local_date(now, drill.timetable.zone):
        raise Refused(f"{until} is not in the future.")
    drill = drills.retime(tx, banks, drill, replace(drill.timetable, paused_until=until, paused=False), now)
    return Card(title="Paused", body=(line(f"No rounds before {until}."), *_coming(drill)))


def _resume(tx: Transaction, banks: Banks, asker: Asker, options: Mapping[str, str], now: datetime) -> Card:
    drill = _drill(tx, asker)
    timetable = drill.timetable
    if drill.state is DrillState.ON and not timetable.paused and timetable.paused_until is None:
        return Card(title="It is running", body=_coming(drill))
    running = replace(timetable, paused=False, paused_until=None)
    drill = drills.retime(tx, banks, replace(drill, unanswered=0), running, now)
    return Card(title="Running again", body=_coming(drill))


def _skip(tx: Transaction, banks: Banks, asker: Asker, options: Mapping[str, str], now: datetime) -> Card:
    drill = _drill(tx, asker)
    if options.get("what") == "open":
        rounds.cancel(tx, _the_open_round(tx, asker), "an organizer called it off", now)
        return _said("Called off", line("The open round is cancelled, without harm to points or streaks."))
    if drill.next is None:
        raise Refused("There is no next round to leave out.")
    left_out = drill.next
    drill = drills.leave_out_next(tx, banks, drill, now)
    return Card(title="Left out", body=(line("No round on ", _day(left_out), "."), *_coming(drill)))


def _reveal(tx: Transaction, banks: Banks, asker: Asker, options: Mapping[str, str], now: datetime) -> Card:
    _drill(tx, asker)
    round_ = the_round(tx, asker.place)
    if round_ is None:  # One that has closed may be waiting for its reveal.
        latest = tx.rounds.of_channel(asker.channel, 3)
        round_ = next((waits for waits in latest if waits.state in _WAITS), None)
    if round_ is None or round_.state not in (RoundState.OPEN, *_WAITS):
        raise Refused("There is no round here to reveal.")
    rounds.reveal_now(tx, round_, now)
    return _said("Closed", line("The reference answer is on its way."))


def _next(tx: Transaction, banks: Banks, asker: Asker, options: Mapping[str, str], now: datetime) -> Card:
    drill = _drill(tx, asker)
    wanted = options["question"].lower()
    question = planning.question_of(banks, QuestionId(wanted if ":" in wanted else f"{drill.bank}:{wanted}"))
    if question is None:
        raise Refused(f"There is no question “{wanted}”.{_close_to(wanted, banks.get(drill.bank))}")
    try:
        planning.put_first(tx, drill, banks, question)
    except planning.NothingToAsk as why:
        raise Refused(f"That cannot be: {why}.") from why
    if drill.next is None:
        return _said("Chosen", line(f"The first question once the drill runs again: {question.prompt}"))
    return _said("Chosen", line(f"The question of {_day(drill.next)}: {question.prompt}"))


# --- pieces -------------------------------------------------------------------------------------------------


def _said(title: str, *body: Block) -> Card:
    return Card(title=title, body=body)


def refused(sentence: str) -> Card:
    """What an asker is told when something cannot be done."""
    return Card(title="That did not work", body=(line(sentence),), tone=Tone.TROUBLE)


def _know(tx: Transaction, asker: Asker) -> Member:
    known = tx.members.get(asker.member)
    member = replace(known, name=asker.name) if known else Member(id=asker.member, group=asker.group, name=asker.name)
    if member != known:
        tx.members.save(member)
    return member


def _may_organize(tx: Transaction, asker: Asker) -> bool:
    drill = tx.drills.get(asker.channel)
    return asker.organizer or (drill is not None and asker.member in drill.organizers)


def _drill(tx: Transaction, asker: Asker) -> Drill:
    drill = tx.drills.get(asker.channel)
    if drill is None:
        raise Refused("There is no drill here yet. An organizer makes one with /nnquestion setup.")
    return drill


def _the_open_round(tx: Transaction, asker: Asker) -> Round:
    round_ = the_round(tx, asker.place)
    if round_ is None or round_.state is not RoundState.OPEN:
        raise Refused("There is no open round here.")
    return round_


def _today(tx: Transaction, asker: Asker, now: datetime) -> date:
    drill = tx.drills.get(asker.channel)
    return rounds.local_date(now, drill.timetable.zone if drill else "UTC")


def _without_hidden(tx: Transaction, standings: list[Standing], own: MemberId) -> list[Standing]:
    members = _members(tx, standings)
    return [
        row
        for row in standings
        if row.member == own or row.member not in members or scoring.naming_of(members[row.member]) is not Naming.OUT
    ]


def _members(tx: Transaction, standings: list[Standing]) -> dict[MemberId, Member]:
    return {row.member: member for row in standings if (member := tx.members.get(row.member)) is not None}


def _board(tx: Transaction, standings: list[Standing], asker: Asker, empty: str) -> Block:
    return cards.board(standings, _members(tx, standings), own=asker.member, empty=empty)


def _coming(drill: Drill) -> tuple[Block, ...]:
    match drill.state:
        case DrillState.ASLEEP:
            return (line("The drill sleeps, since nobody answered for a while; an organizer can /nnquestion resume."),)
        case DrillState.OFF:
            return (line(f"The drill is off: {drill.state_reason}."),)
        case DrillState.ON:
            opening = drill.next
    if opening is None:
        return (line("The drill is paused; an organizer can /nnquestion resume."),)
    coming: list[Block] = [line(strong("Next rounds"))]
    while opening is not None and len(coming) <= 3:
        coming.append(line(When(opening.at, TimeStyle.DATE_TIME, drill.timetable.zone), bullet=True))
        opening = next_opening(drill.timetable, opening.at, after_date=opening.on)
    return tuple(coming)


def _day(opening: Opening) -> str:
    return f"{opening.on:%A} {opening.on.isoformat()}"


def _about_drill(title: str, drill: Drill) -> Card:
    table = drill.timetable
    days = "every day" if len(table.days) == 7 else ", ".join(DAY_NAMES[day] for day in sorted(table.days))
    if table.closing.at is not None:
        closes = f"closes at {table.closing.at:%H:%M}"
    elif table.closing.after_hours is not None:
        closes = f"closes after {table.closing.after_hours} h"
    else:
        closes = "closes at the next opening"
    reveal = f"reveal at {table.reveal_at:%H:%M}" if table.reveal_at else "reveal at the close"
    topics = ", ".join(sorted(drill.topics)) or "all topics"
    levels = ", ".join(cards.DIFFICULTY[level] for level in sorted(drill.difficulties)) or "every difficulty"
    body: list[Block] = [
        line(strong("Opens "), f"{days} at {table.at:%H:%M} ({table.zone}), {closes}, {reveal}", bullet=True),
        line(strong("Asks "), f"{topics}, {levels}, from the bank “{drill.bank}”", bullet=True),
        line(strong("Answers "), "sealed, by form" if drill.sealed else "open, in the thread", bullet=True),
        line(strong("Extra questions "), "on" if drill.may_ask else "off", bullet=True),
        line(strong("Ranking "), "on" if drill.ranking else "off", bullet=True),
    ]
    if table.days_off:
        off = ", ".join(day.isoformat() for day in sorted(table.days_off))
        body.append(line(strong("Days off "), off, bullet=True))
    return Card(title=title, body=(*body, *_coming(drill)))


def _close_to(wanted: str, bank: Bank | None) -> str:
    slugs = [question.slug for question in bank.questions] if bank else []
    return commands.meant(wanted, slugs) or f" Ids: {', '.join(slugs[:12])}{' …' if len(slugs) > 12 else ''}."


_REPLIES: Final[Mapping[str, Reply]] = {
    "ask": _ask,
    "hint": _hint,
    "leaderboard": _leaderboard,
    "me": _me,
    "history": _history,
    "when": _when,
    "help": _help,
    "setup": _setup,
    "pause": _pause,
    "resume": _resume,
    "skip": _skip,
    "reveal": _reveal,
    "next": _next,
}
