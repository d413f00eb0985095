"""What a member sees of a whole group at once: points, streaks, open questions, the next rounds."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from bot.core import asking, cards, notices, objecting, rounds, rulings, scoring
from bot.core.asking import Asker, coming
from bot.core.card import Block, Button, Card, Channel, Line, Press, TimeStyle, Tone, When
from bot.core.cards import line, strong
from bot.core.model import ChannelId, Drill, DrillState, Member, Naming, RoundState, Season
from bot.core.ports import Transaction
from bot.core.streaks import streak_of


def home(
    tx: Transaction, asker: Asker, channels: Collection[ChannelId] | None, zone: str, now: datetime
) -> tuple[Card, ...]:
    """Cards for one member's own page. `zone` is theirs; of the group it shows these channels only, or all if None.

    The asker's place may be anything in the group.
    """
    if tx.groups.blocked_since(asker.group) is not None:
        return (asking.said("Switched off", line(notices.BLOCKED)),)
    drills = [drill for drill in tx.drills.all() if drill.group == asker.group]
    drills = [drill for drill in drills if channels is None or drill.channel in channels]
    asked = []
    barred = scoring.is_barred(tx, asker.member)
    for live in (live for drill in drills for live in tx.rounds.live(drill.channel)):
        if live.state is not RoundState.OPEN or now >= live.closes_at:  # It is closed in a moment.
            continue
        given = tx.answers.get(live.id, asker.member)
        answered = given is not None and bool(given.parts)
        closes = When(live.closes_at, TimeStyle.DATE_TIME, zone)
        final = given is not None and given.final
        buttons = [Button(Press.ANSWER, "Revise your answer" if answered else "Answer", live.id)]
        if final:
            buttons = [Button(Press.CHECK, "What I covered", live.id)]
        elif barred:  # What one has said can always be taken back.
            buttons = [Button(Press.ANSWER, "Withdraw your answer", live.id)] if answered else []
        elif live.question.hints:
            buttons.append(Button(Press.HINT, "Hint", live.id))
        state = "You have answered." if answered and not final else ""
        card = Card(
            title="Open now",
            body=(line(strong(live.question.prompt)), line(Channel(live.channel), ", closes ", closes, ". ", state)),
            buttons=tuple(buttons),
            tone=Tone.OPEN,
        )
        asked.append(card if barred else objecting.with_check(tx, card, [live.id], asker.member))
    return (
        _points(tx, asker, drills, zone, now),
        *_decided(tx, asker),
        *asked,
        _coming(drills, zone),
        _data(tx, asker),
    )


def _decided(tx: Transaction, asker: Asker) -> tuple[Card, ...]:
    """What was decided about the member's answers and not told in private yet, and what only they may allow."""
    card = Card(title="Your answers")
    untold = rulings.to_tell(tx, asker.group, asker.member)
    if untold:
        card = objecting.told_of(tx, card, untold)
    card = objecting.with_use(tx, card, asker.group, asker.member)
    return (card,) if card.body else ()


def _points(tx: Transaction, asker: Asker, drills: Collection[Drill], zone: str, now: datetime) -> Card:
    on = rounds.local_date(now, zone)
    month, ever = (
        {row.member: row for row in scoring.standings(scoring.totals_of(tx, asker.group, season, on))}
        for season in (Season.MONTH, Season.ALL)
    )
    body: list[Block] = []
    for name, standing in (("this month", month.get(asker.member)), ("all time", ever.get(asker.member))):
        if standing is not None:
            points, played = cards.count(standing.points, "point"), cards.count(standing.rounds, "round")
            body.append(line(strong(f"{name}: "), f"{points} from {played}, rank {standing.rank}", bullet=True))
    for drill in drills:
        streak = streak_of(tx, drill.channel, asker.member)
        if streak.length:
            longest = f"{streak.length} in a row, longest {streak.longest}"
            body.append(line(strong("streak in "), Channel(drill.channel), f": {longest}", bullet=True))
    if scoring.is_barred(tx, asker.member):
        body.append(line(scoring.BARRED))
    elif not body:
        body.append(line("No points yet. Answer a daily question; an honest try is worth one."))
    return Card(title=f"You, {asker.name}", body=tuple(body))


def _coming(drills: Collection[Drill], zone: str) -> Card:
    running = [drill for drill in drills if drill.state is DrillState.ON and drill.next is not None]
    planned = sorted((drill.next.at, drill.channel) for drill in running if drill.next is not None)
    body: list[Block] = [
        line(When(at, TimeStyle.DATE_TIME, zone), " in ", Channel(channel), bullet=True) for at, channel in planned
    ]
    for drill in drills:
        if drill not in running:
            body += (
                line(Channel(drill.channel), ": ", *why.spans, bullet=True)
                for why in coming(drill)
                if isinstance(why, Line)
            )
    empty = line("No round is planned in your channels. An organizer sets one up with /nnquestion setup.")
    return Card(title="Next rounds", body=tuple(body) or (empty,))


def _data(tx: Transaction, asker: Asker) -> Card:
    member = tx.members.get(asker.member) or Member(id=asker.member, group=asker.group, name=asker.name)
    shown = {Naming.NAME: "by name", Naming.SOMEONE: "as “someone”", Naming.OUT: "not at all"}
    return Card(
        title="Your data",
        body=(
            line(f"Boards show you {shown[scoring.naming_of(member)]}. To change that, say in a channel:"),
            line("/nnquestion me shown=name, shown=someone or shown=out", bullet=True),
            line("What you answered counts until you delete it: a message in its thread, or a form sent empty."),
            line("/nnquestion me export hands you all that is kept of you, /nnquestion me forget removes your words."),
        ),
    )
