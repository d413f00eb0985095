"""What each command for members does and answers, and where all commands are carried out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Final

from bot.core import (
    boards,
    cards,
    commands,
    examining,
    groups,
    my_data,
    objecting,
    organizing,
    planning,
    progress,
    reminding,
    reviewing,
    rounds,
    rulings,
    scoring,
)
from bot.core.asking import Asker, Reply, coming, drill_here, know, may_organize, open_round, said, the_round
from bot.core.card import Block, Card, Jump, Line, TimeStyle, When
from bot.core.cards import line, strong
from bot.core.commands import Invocation, Who
from bot.core.model import (
    ChannelId,
    Member,
    Naming,
    Round,
    RoundId,
    RoundKind,
    RoundState,
)
from bot.core.planning import Banks
from bot.core.ports import Transaction
from bot.core.setting_up import Refused, topics_of

HISTORY_ROWS: Final = 10
_ONLY_READS: Final = frozenset({"", "help", "when", "history", "leaderboard", "review", "doctor"})


def answer(
    tx: Transaction,
    banks: Banks,
    asker: Asker,
    invocation: Invocation,
    now: datetime,
    limits: groups.Limits = groups.NO_LIMITS,
) -> Card:
    """Carry out a command and return what its asker is told. Raises Refused."""
    groups.check_blocked(tx, asker.group)
    command = invocation.command
    if command.who is Who.ORGANIZER and not may_organize(tx, asker):
        raise Refused(f"/nnquestion {command.name} is for organizers of this channel.")
    groups.check_limits(tx, limits, asker, invocation, now)
    if changes(invocation):
        know(tx, asker)
    return _REPLIES[command.name](tx, banks, asker, invocation.options, now)


def changes(invocation: Invocation) -> bool:
    """Whether carrying it out may change anything; what only reads need not wait behind those who write."""
    if invocation.command.name == "me":
        changing = invocation.options.get("show") in ("away", "remind", "forget")
        return "shown" in invocation.options or (changing and "value" in invocation.options)
    if invocation.command.name == "setup":
        return bool(invocation.options)
    return invocation.command.name not in _ONLY_READS


def result_of(tx: Transaction, asker: Asker, round_id: RoundId) -> Card:
    """What the asker covered and missed in a round. Before the reveal it tells nothing."""
    round_ = tx.rounds.get(round_id)
    if round_ is None or round_.group != asker.group:
        raise Refused("I do not know this round any more.")
    if round_.state is not RoundState.REVEALED:
        raise Refused("Your result comes with the reveal.")
    given = tx.answers.get(round_id, asker.member)
    grade = rulings.standing_grade(tx, round_, asker.member)
    points = sum(row.points for row in tx.ledger.of_round(round_id, asker.member))
    ruled = [ruling for ruling in tx.rulings.of_answer(round_id, asker.member) if ruling.stands]
    objects = objecting.can_object(round_, given, grade)
    hints = tx.answers.hints(round_id, asker.member)
    card = cards.result(round_, given, grade, points, hints, ruled, objects=objects)
    if given is not None and given.final and (after := objecting.after_check(tx, round_id, asker.member)):
        card = replace(card, body=(*card.body, line(f"You had it checked, so it was final.{after}")))
    return card


def hint_for(tx: Transaction, asker: Asker, round_: Round, now: datetime) -> Card:
    """The next hint of an open round; the last one again once all are taken."""
    if round_.state is not RoundState.OPEN or now >= round_.closes_at:
        raise Refused("This round has closed; hints are for open rounds.")
    hints = round_.question.hints
    if not hints:
        raise Refused("This question has no hints.")
    given = tx.answers.get(round_.id, asker.member)
    if given is not None and given.final:
        raise Refused("Your answer is final; a hint could no longer help it.")
    taken = tx.answers.hints(round_.id, asker.member)
    if taken >= len(hints):
        return cards.hint(round_, taken, hints[-1], costs=False)
    number = tx.answers.add_hint(round_.id, asker.member, now)
    return cards.hint(round_, number, hints[number - 1], costs=round_.kind is RoundKind.DAILY)


def _ask(tx: Transaction, banks: Banks, asker: Asker, options: Mapping[str, str], now: datetime) -> Card:
    drill = drill_here(tx, asker)
    if not drill.may_ask and not may_organize(tx, asker):
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
    return said("Asked", line("An extra question, for practice and without points, open until ", closes, "."))


def _hint(tx: Transaction, banks: Banks, asker: Asker, options: Mapping[str, str], now: datetime) -> Card:
    return hint_for(tx, asker, open_round(tx, asker), now)


def _me(tx: Transaction, banks: Banks, asker: Asker, options: Mapping[str, str], now: datetime) -> Card:
    known = tx.members.get(asker.member)
    member = known or Member(id=asker.member, group=asker.group, name=asker.name)
    value = options.get("value", "")
    if "shown" in options:
        return boards.show_as(tx, member, options["shown"])
    what = options.get("show", "points")
    if value and what not in _TAKE_A_VALUE:
        raise Refused(f"“{value}” says nothing after /nnquestion me {what}.")
    match what:
        case "result":
            given = tx.answers.latest_revealed(asker.channel, asker.member)
            if given is None:
                raise Refused("You have no answer in a revealed round of this channel.")
            return result_of(tx, asker, given)
        case "why":
            return progress.why(tx, asker)
        case "away":
            return progress.away(tx, asker, value, now)
        case "remind":
            return reminding.remind(tx, asker, value, now)
        case "hide":
            shown = {Naming.NAME: "by your name", Naming.SOMEONE: "as “someone”", Naming.OUT: "not at all"}
            says = line(f"Boards show you {shown[scoring.naming_of(member)]} now. How should it be?")
            return boards.with_namings(Card(title="How you are shown", body=(says,)))
        case "export":
            return my_data.export(tx, asker)
        case "forget":
            return my_data.ask_to_forget()
    return progress.me(tx, banks, asker, member, now)


_TAKE_A_VALUE: Final = frozenset({"away", "remind"})


def _history(tx: Transaction, banks: Banks, asker: Asker, options: Mapping[str, str], now: datetime) -> Card:
    topic = options.get("topic")
    shown: list[Block] = []
    skipped: list[date] = []
    for round_ in _latest(tx, asker.channel, None if topic else HISTORY_ROWS):
        if round_.state is RoundState.SKIPPED:
            skipped += [round_.local_date] if topic is None else []
            continue
        if skipped:
            shown.append(_left_out(skipped))
            skipped = []
        if topic is None or topic in round_.question.topics:
            shown.append(_past(tx, round_))
            if len(shown) >= HISTORY_ROWS:
                break
    if skipped:
        shown.append(_left_out(skipped))
    of_topic = f" of {topic}" if topic else ""
    return Card(title="Rounds here, latest first", body=tuple(shown) or (line(f"No round{of_topic} yet."),))


def _latest(tx: Transaction, channel: ChannelId, asked: int | None) -> list[Round]:
    """The channel's latest rounds, among them this many that asked something, if there are."""
    number = None if asked is None else asked * 2
    while True:
        latest = tx.rounds.of_channel(channel, number)
        enough = asked is not None and sum(r.state is not RoundState.SKIPPED for r in latest) >= asked
        if number is None or enough or len(latest) < number:
            return latest
        number *= 4


def _left_out(dates: list[date]) -> Line:
    when = f"{dates[-1]} to {dates[0]}" if len(dates) > 1 else f"{dates[0]}"
    return line(strong(when), f"  {cards.count(len(dates), 'round')} left out", bullet=True)


def _past(tx: Transaction, round_: Round) -> Line:
    kind = "extra, " if round_.kind is RoundKind.EXTRA else ""
    in_time = [given for given in tx.answers.of_round(round_.id) if not given.late]
    about = f" ({kind}{round_.state}, {cards.count(len(in_time), 'answer')}) "
    where = [Jump(round_.card.place.channel, round_.card.place.thread, round_.card.message)] if round_.card else []
    return line(strong(f"{round_.local_date}"), f"  {round_.question.prompt}{about}", *where, bullet=True)


def _when(tx: Transaction, banks: Banks, asker: Asker, options: Mapping[str, str], now: datetime) -> Card:
    drill = tx.drills.get(asker.channel)
    body: list[Block] = []
    for live in tx.rounds.live(asker.channel):
        closes = When(live.closes_at, TimeStyle.DATE_TIME, live.zone)
        body.append(line(strong("Open now: "), f"{live.question.prompt} Closes ", closes, "."))
    if drill is None:
        body.append(line("There is no drill here. An organizer makes one with /nnquestion setup."))
        return Card(title="When", body=tuple(body))
    body += coming(drill)
    left = planning.unasked(tx, drill, banks)
    body.append(line(f"{cards.count(left, 'question')} not asked here yet."))
    plan = tx.drills.plan(drill.channel)
    if plan is not None and plan.gave_up:
        body.append(line(f"This cycle could not keep: {'; '.join(plan.gave_up)}."))
    return Card(title="When", body=tuple(body))


def _start(tx: Transaction, banks: Banks, asker: Asker, options: Mapping[str, str], now: datetime) -> Card:
    live = the_round(tx, asker.place)
    if live is not None and live.state is RoundState.OPEN:
        closes = When(live.closes_at, TimeStyle.DATE_TIME, live.zone)
        body: list[Block] = [line(strong("Open now: "), live.question.prompt, " Until ", closes, ".")]
    else:
        drill = tx.drills.get(asker.channel)
        body = list(coming(drill)) if drill is not None else [line("There is no drill here yet.")]
    offers = [commands.BY_NAME[name] for name in ("ask", "leaderboard", "help")]
    body += [line(strong(f"/nnquestion {offer.name}: "), offer.says, bullet=True) for offer in offers]
    return Card(title="nnquestion", body=tuple(body))


def _help(tx: Transaction, banks: Banks, asker: Asker, options: Mapping[str, str], now: datetime) -> Card:
    wanted = options.get("command")
    organizer = may_organize(tx, asker)
    if wanted is not None:
        command = commands.BY_NAME.get(wanted.lower())
        if command is None:
            raise Refused(f"There is no command “{wanted}”.{commands.meant(wanted, list(commands.BY_NAME))}")
        about: list[Block] = [line(command.says.capitalize() + "."), line(commands.usage(command))]
        about += [line(strong(f"{option.name}: "), option.says, bullet=True) for option in command.options]
        if command.example:
            about.append(line(f"Example: /nnquestion {command.example}"))
        return Card(title=f"/nnquestion {command.name}", body=tuple(about))
    mine = [command for command in commands.TABLE if command.who is Who.MEMBER]
    body: list[Block] = [line(strong(f"/nnquestion {c.name}: "), c.says, bullet=True) for c in mine]
    if organizer:
        body.append(line(strong("For organizers")))
        theirs = [command for command in commands.TABLE if command.who is Who.ORGANIZER]
        body += [line(strong(f"/nnquestion {c.name}: "), c.says, bullet=True) for c in theirs]
    body.append(line("Only you see these replies. /nnquestion help COMMAND tells more."))
    return Card(title="What you can say here", body=tuple(body))


_REPLIES: Final[Mapping[str, Reply]] = {
    **organizing.REPLIES,
    **reviewing.REPLIES,
    **examining.REPLIES,
    "": _start,
    "ask": _ask,
    "hint": _hint,
    "leaderboard": boards.leaderboard,
    "me": _me,
    "history": _history,
    "when": _when,
    "help": _help,
}
