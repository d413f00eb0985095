"""The life of a round: open what is due, close, reveal, or leave out and cancel. Each function is one use case.

A use case loads, decides and saves inside the transaction it is given, has no effect outside it, and may be run twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final

from bot.core import cards, grading, notices, owing, paying, planning, recaps, scoring
from bot.core.card import Card
from bot.core.model import (
    NOTHING_ASKED,
    UNGRADED,
    Action,
    Answer,
    ChannelId,
    Delivery,
    DeliveryState,
    Drill,
    DrillState,
    Grade,
    Member,
    MemberId,
    Naming,
    Opening,
    Place,
    Question,
    Round,
    RoundId,
    RoundKind,
    RoundState,
    Season,
    Source,
    Standing,
    daily_round_id,
    extra_round_id,
)
from bot.core.planning import Banks
from bot.core.ports import Transaction
from bot.core.schedule import (
    closing_of,
    next_opening,
    reveal_of,
    still_worth_opening,
    zone,
)

SLEEPS_AFTER: Final = 5
"""Daily rounds in a row without an answer, after which a drill sleeps."""

RUNNING_OUT: Final = 10
"""Unasked questions at which organizers are told; and once more when none is left."""

EXTRA_LASTS: Final = timedelta(hours=24)
COUNTS_AS_LATE: Final = timedelta(minutes=5)
"""An opening that comes this much after its time says so."""


# --- opening ------------------------------------------------------------------------------------------------


def open_due(tx: Transaction, banks: Banks, channel: ChannelId, now: datetime) -> RoundId | None:
    """Open the round that is due in a channel, or leave out those that come too late. Returns the opened one."""
    drill = tx.drills.get(channel)
    return None if drill is None or drill.state is not DrillState.ON else _open_drill(tx, banks, drill, now)


def _open_drill(tx: Transaction, banks: Banks, drill: Drill, now: datetime) -> RoundId | None:
    while drill.next is not None and drill.next.at <= now:
        if any(live.kind is RoundKind.DAILY for live in tx.rounds.live(drill.channel)):
            return None  # One daily round is open per channel: this opening comes when that one has closed.
        opening = drill.next
        recaps.owe(tx, banks, drill, opening, now)
        closes_at = closing_of(drill.timetable, opening)
        moved = replace(drill, last=opening, next=next_opening(drill.timetable, opening.at, after_date=opening.on))
        if tx.rounds.get(daily_round_id(drill.channel, opening.on)) is not None:
            drill = moved  # This date has had its round, whatever the clock did since.
        elif still_worth_opening(opening.at, closes_at, now):
            return _open_daily(tx, banks, drill, moved, closes_at, now)
        else:
            leave_out(tx, drill, opening, closes_at)
            if owing.may_have_been_sent(tx, opening.on):
                _take_as_asked(tx, banks, drill, opening)
            drill = replace(moved, skipped_since=(*drill.skipped_since, opening.on))
        tx.drills.save(drill)
    return None


def _open_daily(
    tx: Transaction, banks: Banks, drill: Drill, moved: Drill, closes_at: datetime, now: datetime
) -> RoundId | None:
    opening = drill.next
    assert opening is not None
    try:
        plan = planning.plan_of(tx, drill, banks, opening)
    except planning.NothingToAsk as why:
        switch_off(tx, drill, str(why), now, reachable=True)
        return None
    question = planning.question_of(banks, plan.questions[0])
    assert question is not None, "plan_of keeps only questions of the bank"
    round_ = Round(
        id=daily_round_id(drill.channel, opening.on),
        channel=drill.channel,
        group=drill.group,
        kind=RoundKind.DAILY,
        state=RoundState.OPEN,
        question=question,
        local_date=opening.on,
        planned_at=opening.at,
        opened_at=now,
        closes_at=closes_at,
        reveal_at=reveal_of(drill.timetable, closes_at),
        zone=drill.timetable.zone,
        cycle=plan.cycle,
        sealed=drill.sealed,
    )
    tx.rounds.add(round_)
    tx.drills.save_plan(planning.take(plan, question.id))
    left = planning.unasked(tx, drill, banks)
    tx.drills.save(replace(moved, skipped_since=(), left=left))
    late = now - opening.at > COUNTS_AS_LATE
    _owe_opening(tx, round_, cards.question(round_, late=late, skipped=drill.skipped_since), now)
    before = drill.left if drill.left is not None else left + 1  # The first question of a drill was one of them.
    if before > RUNNING_OUT >= left or (left == 0 and before != 0):
        note(tx, drill, "running out", notices.running_out(drill, left), now)
    return round_.id


def leave_out(tx: Transaction, drill: Drill, opening: Opening, closes_at: datetime) -> None:
    """Keep a planned round as skipped: no question was asked, and none is taken from the plan."""
    tx.rounds.add(
        Round(
            id=daily_round_id(drill.channel, opening.on),
            channel=drill.channel,
            group=drill.group,
            kind=RoundKind.DAILY,
            state=RoundState.SKIPPED,
            question=NOTHING_ASKED,
            local_date=opening.on,
            planned_at=opening.at,
            opened_at=opening.at,
            closes_at=closes_at,
            reveal_at=closes_at,
            zone=drill.timetable.zone,
        )
    )


def _take_as_asked(tx: Transaction, banks: Banks, drill: Drill, opening: Opening) -> None:
    """The database that was lost has most likely asked the question of this date: the next one is that of the next."""
    with suppress(planning.NothingToAsk):
        plan = planning.plan_of(tx, drill, banks, opening)
        tx.drills.save_plan(planning.take(plan, plan.questions[0]))


def open_extra(
    tx: Transaction, drill: Drill, question: Question, *, new: bool, asked_by: MemberId, now: datetime
) -> Round:
    """Ask a question by hand. One that was not asked here before is taken out of the cycle."""
    closes_at = now + EXTRA_LASTS
    number = max(tx.rounds.count_extra(drill.channel), int(tx.facts.get(owing.EXTRA_AFTER) or 0)) + 1
    round_ = Round(
        id=extra_round_id(drill.channel, number),
        channel=drill.channel,
        group=drill.group,
        kind=RoundKind.EXTRA,
        state=RoundState.OPEN,
        question=question,
        local_date=local_date(now, drill.timetable.zone),
        planned_at=now,
        opened_at=now,
        closes_at=closes_at,
        reveal_at=closes_at,
        zone=drill.timetable.zone,
        sealed=drill.sealed,
        asked_by=asked_by,
    )
    tx.rounds.add(round_)
    plan = tx.drills.plan(drill.channel)
    if new and plan is not None:
        tx.drills.save_plan(planning.take(plan, question.id))
    _owe_opening(tx, round_, cards.question(round_), now)
    return round_


def _owe_opening(tx: Transaction, round_: Round, card: Card, now: datetime) -> None:
    owe(tx, round_, "question", Action.POST, now, card=card)
    if not round_.sealed:
        owe(tx, round_, "thread", Action.THREAD, now, title=cards.thread_title(round_))


# --- closing ------------------------------------------------------------------------------------------------


def close(tx: Transaction, round_id: RoundId, now: datetime) -> bool:
    """Close an open round whose time is over."""
    round_ = tx.rounds.get(round_id)
    if round_ is None or round_.state is not RoundState.OPEN or round_.closes_at > now:
        return False
    tx.rounds.save(replace(round_, state=RoundState.CLOSED))
    _grade_what_changed(tx, round_)
    return True


def _grade_what_changed(tx: Transaction, round_: Round) -> None:
    """Let those answers wait for a grade again whose grades rest on what is no longer so.

    They were graded as they came. Since then what others had said before may have arrived, been edited or deleted.
    """
    answers = tx.answers.of_round(round_.id)
    samples = tx.rulings.exemplars(round_.group, round_.question.id)
    for answer, before in zip(answers, readable(tx, round_, answers), strict=True):
        grade = tx.answers.grade(round_.id, answer.member)
        if grade is None or answer.erase:
            continue
        if grade.grader == UNGRADED or grade.basis != grading.basis(samples, before):
            tx.answers.grade_again(round_.id, answer.member)


def reveal_now(tx: Transaction, round_: Round, now: datetime) -> None:
    """Close a round by hand if it is open; its reveal is due at once.

    What was taken as in time stays so, though the platform's clock may be a little ahead of ours.
    """
    if round_.state is RoundState.OPEN:
        after = max((stamp + timedelta(microseconds=1) for stamp in _stamps(tx, round_)), default=now)
        closes_at = min(round_.closes_at, max(now, after))
        round_ = replace(round_, state=RoundState.CLOSED, closes_at=closes_at)
        _grade_what_changed(tx, round_)
    tx.rounds.save(replace(round_, reveal_at=now))


def _stamps(tx: Transaction, round_: Round) -> Iterator[datetime]:
    """The platform's stamps of everything that was taken as said, changed or deleted in a round."""
    for event in tx.events.in_round(round_.id):
        yield from (datetime.fromisoformat(event.data[k]) for k in ("said_at", "edited_at", "at") if event.data.get(k))
        gone = tx.events.get(f"{round_.channel}/{event.data.get('message')}/deleted")
        if gone is not None:
            yield datetime.fromisoformat(gone.data["at"])


def cancel(tx: Transaction, round_: Round, why: str, now: datetime) -> None:
    """Call a round off, without harm to points or streaks. Its unsent messages are dropped; the drill goes on."""
    if round_.state in (RoundState.REVEALED, RoundState.SKIPPED, RoundState.CANCELLED):
        return
    for delivery in tx.deliveries.unfinished(round_id=round_.id):
        tx.deliveries.save(replace(delivery, state=DeliveryState.DROPPED, note=f"round cancelled: {why}"))
    tx.rounds.save(replace(round_, state=RoundState.CANCELLED))
    if round_.card is not None and not round_.card_deleted:
        owe(tx, round_, "card", Action.EDIT, now, card=cards.question_cancelled(round_, why))


# --- grading and reveal -------------------------------------------------------------------------------------


def save_grades(tx: Transaction, graded: Collection[tuple[Answer, Grade]], now: datetime) -> None:
    """Keep grades; pay at once where the reveal has been, and remove texts that only waited for their grade."""
    for answer, grade in graded:
        before = tx.answers.grade(answer.round, answer.member) if grade.grader == UNGRADED else None
        if before is not None and before.grader != UNGRADED:
            grade = before  # A grader that fails takes no grade away.
        tx.answers.add_grade(answer.round, answer.member, answer.revision, grade, now)
        if answer.erase:
            tx.answers.blank(answer.round, answer.member)
    for round_id in dict.fromkeys(answer.round for answer, _ in graded):
        round_ = tx.rounds.get(round_id)
        if round_ is None:
            continue
        if round_.state is RoundState.REVEALED:
            paying.settle(tx, round_, now, {answer.member for answer, _ in graded if answer.round == round_id})
        elif round_.state is RoundState.CLOSED and _all_graded(tx, round_):
            tx.rounds.save(replace(round_, state=RoundState.GRADED))


def reveal(tx: Transaction, round_id: RoundId, now: datetime) -> bool:
    """Reveal a closed round that is due and whose grades are complete: points, board and messages in one go."""
    round_ = tx.rounds.get(round_id)
    waits = round_ is not None and round_.state in (RoundState.CLOSED, RoundState.GRADED) and round_.reveal_at <= now
    if round_ is None or not waits or not _all_graded(tx, round_):
        return False
    _reveal(tx, round_, now)
    return True


def readable(tx: Transaction, round_: Round, answers: Sequence[Answer]) -> list[list[str]]:
    """For each of these answers of a round, what others had said where its author could read it before.

    That is in the thread, in this round or in an earlier one of the same question here. What was sent by form is shown
    to nobody.
    """
    asked = [past for past in tx.rounds.of_question(round_.channel, round_.question.id) if past.id != round_.id]
    asked = [past for past in asked if past.opened_at < round_.opened_at]
    said = [
        (given.member, given.parts[0].said_at, text)
        for where in (*asked, round_)
        if not where.sealed
        for given in tx.answers.of_round(where.id)
        if (text := "\n".join(part.text for part in given.parts if part.source is Source.MESSAGE))
    ]
    return [
        [text for member, at, text in said if member != answer.member and at < answer.parts[0].said_at]
        for answer in answers
    ]


def _all_graded(tx: Transaction, round_: Round) -> bool:
    return not tx.answers.waiting(round_.id)


def _reveal(tx: Transaction, round_: Round, now: datetime) -> None:
    round_ = replace(round_, state=RoundState.REVEALED, revealed_at=now)
    tx.rounds.save(round_)
    paying.settle(tx, round_, now)
    answers = [answer for answer in tx.answers.of_round(round_.id) if not answer.late]
    grades = [grade for answer in answers if (grade := tx.answers.grade(round_.id, answer.member)) is not None]
    drill = tx.drills.get(round_.channel)
    standings = month_standings(tx, round_) if drill is None or drill.ranking else []
    top, members, tied = _top(tx, standings)
    if round_.sealed and not round_.card_deleted:
        owe(tx, round_, "thread", Action.THREAD, now, title=cards.thread_title(round_))
    owe(tx, round_, "reveal", Action.POST_IN_THREAD, now, card=cards.reveal(round_, grades, top, members, tied))
    if not round_.card_deleted:
        owe(tx, round_, "card", Action.EDIT, now, card=cards.question_after_reveal(round_, len(answers)))
    _forget_talk(tx, round_, tx.answers.of_round(round_.id))
    if drill is not None and round_.kind is RoundKind.DAILY:
        _count_silence(tx, drill, answered=bool(answers), now=now)


def _forget_talk(tx: Transaction, round_: Round, answers: list[Answer]) -> None:
    """What was said beside the answers was kept only in case it came to belong to one."""
    parts = {part.id for answer in answers for part in answer.parts}
    for event in tx.events.in_round(round_.id):
        if event.data.get("text") and event.data.get("message", event.data.get("interaction")) not in parts:
            tx.events.rewrite(replace(event, data={**event.data, "text": ""}))


def _top(tx: Transaction, standings: list[Standing]) -> tuple[list[Standing], dict[MemberId, Member], int]:
    """The first rows that may be shown, who is in them, and how many more share the last one's rank."""
    top: list[Standing] = []
    members: dict[MemberId, Member] = {}
    tied = 0
    for row in standings:
        if len(top) >= cards.BOARD_ROWS_AT_REVEAL and row.rank != top[-1].rank:
            break
        member = tx.members.get(row.member)
        if member is not None and scoring.naming_of(member) is Naming.OUT:
            continue
        if len(top) >= cards.BOARD_ROWS_AT_REVEAL:
            tied += 1
            continue
        top.append(row)
        if member is not None:
            members[row.member] = member
    return top, members, tied


def month_standings(tx: Transaction, round_: Round) -> list[Standing]:
    """The group's board of the month a round belongs to."""
    return scoring.standings(scoring.totals_of(tx, round_.group, Season.MONTH, round_.local_date))


# --- drills that stop by themselves ---------------------------------------------------------------------------


def _count_silence(tx: Transaction, drill: Drill, *, answered: bool, now: datetime) -> None:
    unanswered = 0 if answered else drill.unanswered + 1
    drill = replace(drill, unanswered=unanswered)
    if unanswered >= SLEEPS_AFTER and drill.state is DrillState.ON:
        drill = replace(drill, state=DrillState.ASLEEP, state_reason="nobody answers", next=None)
        note(tx, drill, "asleep", notices.asleep(drill, unanswered), now)
    tx.drills.save(drill)


def switch_off(tx: Transaction, drill: Drill, why: str, now: datetime, *, reachable: bool) -> None:
    """Stop a drill that cannot go on, and tell its organizers; privately where its channel is out of reach."""
    drill = replace(drill, state=DrillState.OFF, state_reason=why, next=None)
    tx.drills.save(drill)
    note(tx, drill, "off", notices.switched_off(drill.channel, why), now, reachable=reachable)


# --- what is owed -------------------------------------------------------------------------------------------


def owe(
    tx: Transaction,
    round_: Round,
    what: str,
    action: Action,
    now: datetime,
    *,
    card: Card | None = None,
    title: str = "",
) -> None:
    """Write down a message of a round; the same one twice is one."""
    owing.owe(
        tx,
        Delivery(
            key=f"{round_.id}/{what}",
            place=Place(channel=round_.channel),
            action=action,
            created_at=now,
            round=round_.id,
            card=card,
            title=title,
            asked=round_.kind is RoundKind.EXTRA,
        ),
        on=round_.local_date,
    )


def note(tx: Transaction, drill: Drill, what: str, card: Card, now: datetime, *, reachable: bool = True) -> None:
    """Write down a message to a drill's organizers: in the place for notes, which is this channel by default.

    Where the channel is out of reach it goes to whoever ran setup, who agreed to that.
    """
    channel = notes_of(drill)
    if channel == drill.channel and not reachable and drill.set_up_by is not None:
        channel = ChannelId(drill.set_up_by)
    owing.owe(
        tx,
        Delivery(
            key=f"{drill.channel}/{what}/{now.isoformat()}",
            place=Place(channel=channel),
            action=Action.POST,
            created_at=now,
            card=card,
        ),
    )


def notes_of(drill: Drill) -> ChannelId:
    """The channel for notes to a drill's organizers."""
    return ChannelId(drill.notes) if drill.notes else drill.channel


def local_date(at: datetime, zone_name: str) -> date:
    """The date it is at an instant in a zone."""
    return at.astimezone(zone(zone_name)).date()
