"""The week's recap: one message in a channel, before the first question of a new week."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from bot.core import cards, owing, planning, rulings, scoring, streaks
from bot.core.card import Block, Button, Card, Columns, Picture, Press, Tone
from bot.core.cards import line, strong
from bot.core.model import (
    UNREVEALED,
    Action,
    Answer,
    Coverage,
    Delivery,
    Drill,
    KeyPoint,
    Naming,
    Opening,
    Place,
    Question,
    Round,
    RoundId,
    RoundKind,
    RoundState,
    Season,
    daily_round_id,
)
from bot.core.planning import Banks
from bot.core.ports import Transaction
from bot.core.schedule import closing_of, next_opening, still_worth_opening

WINNERS: Final = 3
QUOTED: Final = 600
"""Characters of the answer that helped most; the round's own message has all of it."""


LOOKED_BACK: Final = 30
"""A channel's latest rounds, extra and skipped ones among them, in which the last one that was asked is looked for."""

_NOT_ASKED: Final = (RoundState.SKIPPED, RoundState.CANCELLED)


@dataclass(frozen=True, slots=True)
class Week:
    """A channel's daily rounds of one week, from Monday on."""

    monday: date
    rounds: tuple[Round, ...]

    @property
    def key(self) -> str:
        return scoring.season_key(Season.WEEK, self.monday)

    @property
    def provisional(self) -> bool:
        """Whether a round of it is still to be revealed."""
        return any(round_.state in UNREVEALED for round_ in self.rounds)


def owe(tx: Transaction, banks: Banks, drill: Drill, opening: Opening, now: datetime) -> None:
    """Before the first question of a week, write down the recap of the last week that had one; each week's once.

    What was asked decides, not what was planned: an organizer may leave out the first round of a week.
    """
    latest = tx.rounds.of_channel(drill.channel, LOOKED_BACK)
    asked = [round_ for round_ in latest if round_.kind is RoundKind.DAILY and round_.state not in _NOT_ASKED]
    if not drill.recap or not asked or _monday(asked[0].local_date) >= _monday(opening.on):
        return
    monday = _monday(asked[0].local_date)
    found = [tx.rounds.get(daily_round_id(drill.channel, monday + timedelta(days=day))) for day in range(7)]
    week = Week(monday, tuple(round_ for round_ in found if round_ is not None and round_.state not in _NOT_ASKED))
    key = f"{drill.channel}/recap/{week.key}"
    if tx.deliveries.get(key) is not None:
        return
    card = recap(tx, banks, drill, week, now)
    recap_ = Delivery(key=key, place=Place(channel=drill.channel), action=Action.POST, created_at=now, card=card)
    owing.owe(tx, recap_, on=opening.on)


def recap(tx: Transaction, banks: Banks, drill: Drill, week: Week, now: datetime) -> Card:
    """What the recap of a week says."""
    revealed = [round_ for round_ in week.rounds if round_.state is RoundState.REVEALED]
    given = {round_.id: [a for a in tx.answers.of_round(round_.id) if not a.late] for round_ in week.rounds}
    total = sum(map(len, given.values()))
    people = len({answer.member for answers in given.values() for answer in answers})
    body: list[Block] = []
    if week.provisional:
        body.append(line("Provisional: a round of it is still to be revealed."))
    if not total:
        body.append(line(f"{cards.count(len(week.rounds), 'question')}, and nobody answered. This week has new ones."))
    else:
        asked = cards.count(len(week.rounds), "question")
        body.append(line(f"{asked}, {cards.count(total, 'answer')} from {cards.count(people, 'member')}."))
        body += _winners(tx, drill, week)
        together = streaks.group_streak(tx, drill.channel)
        if together > 1:
            in_a_row = cards.count(together, "round")
            body.append(line(strong("Group streak: "), f"{in_a_row} in a row that at least half of you answered"))
        body += _most_missed(tx, revealed)
        body += _helped_most(tx, revealed)
    body += _coming(tx, banks, drill, now)
    about = f"month points here {drill.channel}"
    buttons = (Button(Press.SHARE, "Share this month's board", about),) if drill.ranking and total else ()
    return Card(
        title=f"The week of {week.monday.day} {week.monday:%B}",
        body=tuple(body),
        buttons=buttons,
        tone=Tone.REVEALED,
        picture=_picture(week, {id: len(answers) for id, answers in given.items()}) if total else None,
    )


def _winners(tx: Transaction, drill: Drill, week: Week) -> list[Block]:
    """Who led the channel's week and agreed to be named. Nobody where the channel keeps no board."""
    if not drill.ranking:
        return []
    named: list[str] = []
    for row in scoring.standings(scoring.totals_of(tx, drill.group, Season.WEEK, week.monday, drill.channel)):
        member = tx.members.get(row.member)
        shown = member is not None and scoring.naming_of(member) is Naming.NAME
        if shown and member is not None and row.rank <= WINNERS and len(named) < 2 * WINNERS:
            named.append(f"{row.rank}. {member.name} ({cards.count(row.points, 'point')})")
    return [line(strong("Ahead in that week: "), ", ".join(named))] if named else []


def _most_missed(tx: Transaction, revealed: list[Round]) -> list[Block]:
    """The essential that most answers of the week missed, and what it says."""
    missed: Counter[tuple[int, str]] = Counter()
    answered: Counter[int] = Counter()
    for index, round_ in enumerate(revealed):
        for answer in tx.answers.of_round(round_.id):
            grade = None if answer.late else rulings.standing_grade(tx, round_, answer.member)
            if grade is None or not grade.points:
                continue
            answered[index] += 1
            missed.update((index, g.key_point) for g in grade.points if g.coverage is Coverage.MISSED)
    best: tuple[int, Round, KeyPoint] | None = None
    for (index, id), number in sorted(missed.items()):
        point = next((p for p in revealed[index].question.key_points if p.id == id and p.essential), None)
        if point is not None and number >= cards.MISSED_BY and (best is None or number > best[0]):
            best = (number, revealed[index], point)
    if best is None:
        return []
    number, round_, point = best
    of = answered[revealed.index(round_)]
    found: list[Block] = [
        line(strong("Most missed: "), f"{point.text} ({number} of {of}, in “{round_.question.prompt}”)")
    ]
    return found + _explained(round_.question, point)


def _explained(question: Question, point: KeyPoint) -> list[Block]:
    """What the question's author has to say about a key point: how else it is put, or what people take it for."""
    why = next((known for known in question.misconceptions if known.blocks == point.id), None)
    if why is not None:
        return [line(f"Often heard: “{why.claim}” {why.why}".rstrip())]
    return [line(f"In other words: “{point.any_of[0]}”")] if point.any_of else []


def _helped_most(tx: Transaction, revealed: list[Round]) -> list[Block]:
    """The shared answer that helped most readers."""
    best: tuple[int, Answer, Round] | None = None
    for round_ in revealed:
        votes = tx.answers.helped(round_.id)
        for answer in tx.answers.shared(round_.id):
            member = tx.members.get(answer.member)
            barred = member is not None and member.barred
            number = votes.get(answer.member, 0)
            if number and not barred and (best is None or number > best[0]):
                best = (number, answer, round_)
    if best is None:
        return []
    number, answer, round_ = best
    text = " ".join(answer.by_form.split())
    text = text if len(text) <= QUOTED else text[: QUOTED - 1].rstrip() + "…"
    by = cards.signed(answer, tx.members.get(answer.member))
    return [
        line(strong(f"Helped {cards.count(number, 'reader')}: "), f"{by}, on “{round_.question.prompt}”"),
        line(f"“{text}”"),
    ]


def _coming(tx: Transaction, banks: Banks, drill: Drill, now: datetime) -> list[Block]:
    """The topics of the new week's questions, as planned now; never the questions."""
    first = drill.next
    while first is not None and not still_worth_opening(first.at, closing_of(drill.timetable, first), now):
        first = next_opening(drill.timetable, first.at, after_date=first.on)  # After downtime some are left out.
    if first is None:
        return []
    try:
        plan = planning.plan_of(tx, drill, banks, first)
    except planning.NothingToAsk:
        return []
    openings, opening = 1, next_opening(drill.timetable, first.at, after_date=first.on)
    while opening is not None and _monday(opening.on) == _monday(first.on):
        openings += 1
        opening = next_opening(drill.timetable, opening.at, after_date=opening.on)
    planned = [planning.question_of(banks, id) for id in plan.questions[:openings]]
    # The first of a question's topics is what it is about; all of them would be most of the bank's.
    topics = dict.fromkeys(question.topics[0] for question in planned if question is not None and question.topics)
    titles = banks[drill.bank].topics if drill.bank in banks else {}
    named = [titles.get(topic, topic) for topic in topics]
    return [line(strong("Coming this week: "), ", ".join(named))] if named else []


def _picture(week: Week, answers: Mapping[RoundId, int]) -> Picture:
    labels = tuple(f"{round_.local_date:%a}" for round_ in week.rounds)
    values = tuple(float(answers.get(round_.id, 0)) for round_ in week.rounds)
    said = ", ".join(f"{round_.local_date:%A} {answers.get(round_.id, 0)}" for round_ in week.rounds)
    title = f"Answers, week of {week.monday.day} {week.monday:%B}"
    return Picture(title, (Columns("Answers to each question", labels, values),), f"{title}: {said}.")


def _monday(on: date) -> date:
    return on - timedelta(days=on.weekday())
