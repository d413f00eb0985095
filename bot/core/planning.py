"""Which question a channel is asked next: keeps the plan of its cycle true to the bank, the drill and the dates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime

from bot.core.choosing import plan_cycle, pool
from bot.core.model import (
    UNREVEALED,
    Bank,
    Drill,
    Opening,
    Plan,
    Question,
    QuestionId,
    RoundState,
)
from bot.core.ports import Transaction
from bot.core.schedule import next_opening

LOOK_BACK = 6
"""Rounds before a cycle, at least, that a new plan keeps its distance from."""

LOOK_AHEAD = 60
"""Openings whose dates a plan takes into account."""


class NothingToAsk(Exception):
    """No question of the bank fits the drill."""


Banks = Mapping[str, Bank]


def plan_of(tx: Transaction, drill: Drill, banks: Banks, opening: Opening | None) -> Plan:
    """The channel's plan with at least one question in it, made anew where bank, drill or cycle have moved on.

    `opening` is the one the first question is for. Raises NothingToAsk where no question fits.
    """
    plan = tx.drills.plan(drill.channel)
    questions, first = _candidates(drill, banks, plan)
    if not questions:
        raise NothingToAsk(_why_nothing(drill, banks))
    if plan is None:
        return _new_plan(tx, drill, questions, opening, cycle=0)
    left = {question.id for question in questions} - set(plan.asked)
    if not left and not first:
        return _new_plan(tx, drill, questions, opening, cycle=plan.cycle + 1)
    if set(plan.questions) != left | set(first):
        return _new_plan(tx, drill, questions, opening, cycle=plan.cycle, asked=plan.asked, first=first)
    return plan


def replan(tx: Transaction, drill: Drill, banks: Banks, opening: Opening | None) -> None:
    """Order what is left of the cycle anew, since the drill's dates or questions have changed."""
    plan = tx.drills.plan(drill.channel)
    questions, first = _candidates(drill, banks, plan)
    if plan is not None and questions:
        tx.drills.save_plan(_new_plan(tx, drill, questions, opening, cycle=plan.cycle, asked=plan.asked, first=first))


def put_first(tx: Transaction, drill: Drill, banks: Banks, question: Question) -> None:
    """Make this the channel's next daily question."""
    plan = plan_of(tx, drill, banks, drill.next)
    tx.drills.save_plan(
        replace(
            plan,
            questions=(question.id, *(other for other in plan.questions if other != question.id)),
            first=(question.id, *(other for other in plan.first if other != question.id)),
        )
    )


def take(plan: Plan, question: QuestionId) -> Plan:
    """The plan once this question has been asked."""
    return replace(
        plan,
        questions=tuple(other for other in plan.questions if other != question),
        first=tuple(other for other in plan.first if other != question),
        asked=(*(other for other in plan.asked if other != question), question),
    )


def question_of(banks: Banks, wanted: QuestionId) -> Question | None:
    """The bank's present version of a question."""
    bank = banks.get(wanted.partition(":")[0])
    return next((question for question in bank.questions if question.id == wanted), None) if bank else None


def extra_question(
    tx: Transaction, drill: Drill, banks: Banks, *, topic: str | None, difficulty: int | None
) -> tuple[Question, bool] | None:
    """A question for an extra round, and whether it is new here; None if none fits.

    Drawn first from what was revealed here before, longest ago first; else the last of the plan, so that the
    coming rounds keep theirs. What is being asked at this moment is left out.
    """
    asked = tx.rounds.asked(drill.channel)
    busy = {question for question, _, state in asked if state in UNREVEALED}
    topics = frozenset([topic]) if topic else drill.topics
    difficulties = frozenset([difficulty]) if difficulty else drill.difficulties
    bank = banks.get(drill.bank)
    fitting = {q.id: q for q in pool(bank, topics, difficulties) if q.id not in busy} if bank else {}
    revealed = [question for question, _, state in asked if state is RoundState.REVEALED]
    seen = dict.fromkeys(question for question in revealed if question in fitting)
    if seen:
        return fitting[list(seen)[-1]], False
    if not fitting:
        return None
    try:
        plan = plan_of(tx, drill, banks, drill.next)
    except NothingToAsk:
        order: tuple[QuestionId, ...] = ()
    else:
        tx.drills.save_plan(plan)  # What is drawn from it is taken out, also before the first daily round.
        order = plan.questions
    planned = [question for question in reversed(order) if question in fitting]
    return fitting[planned[0] if planned else sorted(fitting)[0]], True


def unasked(tx: Transaction, drill: Drill, banks: Banks) -> int:
    """How many questions that fit the drill were never asked in its channel."""
    asked = {question for question, _, _ in tx.rounds.asked(drill.channel)}
    return sum(1 for question in _pool(drill, banks) if question.id not in asked)


def _candidates(drill: Drill, banks: Banks, plan: Plan | None) -> tuple[tuple[Question, ...], tuple[QuestionId, ...]]:
    """What may come next, and what an organizer put first, which need not fit the drill's topics."""
    questions = _pool(drill, banks)
    known = {question.id for question in questions}
    wished = [question for wish in plan.first if (question := question_of(banks, wish))] if plan else []
    more = tuple(question for question in wished if question.id not in known)
    return questions + more, tuple(question.id for question in wished)


def _pool(drill: Drill, banks: Banks) -> tuple[Question, ...]:
    bank = banks.get(drill.bank)
    return pool(bank, drill.topics, drill.difficulties) if bank else ()


def _why_nothing(drill: Drill, banks: Banks) -> str:
    if drill.bank not in banks:
        return f"the bank “{drill.bank}” is not there; known banks: {', '.join(sorted(banks)) or 'none'}"
    return f"no question of the bank “{drill.bank}” fits this drill's topics and difficulties"


def _new_plan(
    tx: Transaction,
    drill: Drill,
    questions: tuple[Question, ...],
    opening: Opening | None,
    *,
    cycle: int,
    asked: tuple[QuestionId, ...] = (),
    first: tuple[QuestionId, ...] = (),
) -> Plan:
    plan = plan_cycle(
        drill.channel,
        questions,
        cycle=cycle,
        recent=_recent(tx, drill, max(LOOK_BACK, len(questions) // 2)),
        dates=_dates(drill, opening, min(len(questions), LOOK_AHEAD)),
        asked=asked,
        first=first,
    )
    return replace(plan, first=first)


def _recent(tx: Transaction, drill: Drill, number: int) -> list[QuestionId]:
    return [question for question, _, _ in tx.rounds.asked(drill.channel, number, daily=True)][::-1]


def _dates(drill: Drill, opening: Opening | None, number: int) -> list[date]:
    dates: list[date] = []
    after: datetime
    while opening is not None and len(dates) < number:
        dates.append(opening.on)
        after = opening.at
        opening = next_opening(drill.timetable, after, after_date=opening.on)
    return dates
