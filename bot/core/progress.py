"""What `me` shows: points and where they came from, the streak and why, topics, and what to go over again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from statistics import mean
from typing import Final

from bot.core import cards, objecting, rulings, scoring, streaks
from bot.core.asking import Asker, said, today
from bot.core.card import Bar, Bars, Block, Card, Columns, Jump, Line, Picture
from bot.core.cards import line, strong
from bot.core.model import (
    UNGRADED,
    Absence,
    Coverage,
    Entry,
    Grade,
    Member,
    Naming,
    Question,
    Round,
    Season,
)
from bot.core.planning import Banks
from bot.core.ports import Transaction
from bot.core.setting_up import Refused, date_of

ENTRIES: Final = 8
ROUNDS: Final = 5
GO_OVER: Final = 3
LOOKED_BACK: Final = 60
"""Rounds a member answered last, from which topics are judged."""

TOPIC_NEEDS: Final = 2
"""Answers from which on a topic is strong or weak."""

TOPICS_DRAWN: Final = 8
WEEKS: Final = 8
STORY: Final = 14
LONGEST_AWAY: Final = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class Topic:
    """How a member does in a topic, by its title: the mean score of their answers, 0..1, and how many they are."""

    name: str
    score: float
    answers: int


def me(tx: Transaction, banks: Banks, asker: Asker, member: Member, now: datetime) -> Card:
    """Everything at a glance, with a picture that says part of it."""
    graded = _graded(tx, asker)
    topics = topics_of(graded, banks)
    body: list[Block] = [*_standing(tx, asker, now), *_streak_lines(tx, asker)]
    if topics:
        body += _topic_lines(topics)
    body += _go_over_lines(graded)
    entries = tx.ledger.of_member(asker.group, asker.member, ENTRIES)
    body += _entry_lines(tx, entries) if entries or not member.barred else []
    body += _round_lines(graded)
    shown = {Naming.NAME: "by name", Naming.SOMEONE: "as “someone”", Naming.OUT: "not at all"}
    how = f"Boards show you {shown[scoring.naming_of(member)]}; /nnquestion me hide changes that."
    body.append(line(scoring.BARRED if member.barred else how))
    weeks = points_by_week(tx.ledger.of_member(asker.group, asker.member), today(tx, asker, now))
    card = Card(title=f"You, {asker.name}", body=tuple(body), picture=_picture(asker.name, topics, weeks))
    return (
        objecting.with_use(tx, card, asker.group, asker.member) if member.barred else objecting.of_me(tx, asker, card)
    )


# --- points -------------------------------------------------------------------------------------------------


def _standing(tx: Transaction, asker: Asker, now: datetime) -> list[Block]:
    on = today(tx, asker, now)
    found: list[Block] = []
    for season, name in ((Season.MONTH, "this month"), (Season.ALL, "all time")):
        rows = scoring.standings(scoring.totals_of(tx, asker.group, season, on))
        row = next((row for row in rows if row.member == asker.member), None)
        if row is not None:
            points, played = cards.count(row.points, "point"), cards.count(row.rounds, "round")
            found.append(line(strong(f"{name}: "), f"{points} from {played}, rank {row.rank}", bullet=True))
    return found


def _entry_lines(tx: Transaction, entries: Sequence[Entry]) -> list[Block]:
    if not entries:
        return [line("No points yet. Answer a daily question; an honest try is worth one.")]
    found: list[Block] = [line(strong("Where your points came from"))]
    for entry in entries:
        asked = tx.rounds.get(entry.round)
        prompt = asked.question.prompt if asked else entry.question
        found.append(line(f"{entry.local_date}  {entry.points:+d}  {entry.reason}: {prompt}", bullet=True))
    return found


def points_by_week(entries: Sequence[Entry], on: date) -> list[tuple[date, int]]:
    """The Mondays of the last weeks, from the first points to the one of `on`, with the points of each."""
    monday = on - timedelta(days=on.weekday())
    since = min((entry.local_date for entry in entries), default=on)
    mondays = (monday - timedelta(weeks=back) for back in reversed(range(WEEKS)))
    weeks = {begins: 0 for begins in mondays if begins + timedelta(days=6) >= since}
    for entry in entries:
        week = entry.local_date - timedelta(days=entry.local_date.weekday())
        if week in weeks:
            weeks[week] += entry.points
    return list(weeks.items())


# --- answers ------------------------------------------------------------------------------------------------

_Graded = list[tuple[Round, Grade]]


def _graded(tx: Transaction, asker: Asker) -> _Graded:
    """A member's latest answers in revealed rounds that could be graded, latest first, with the grades that stand."""
    rounds = tx.answers.answered(asker.group, asker.member, LOOKED_BACK)
    found = [(round_, rulings.standing_grade(tx, round_, asker.member)) for round_ in rounds if round_.graded]
    return [(round_, grade) for round_, grade in found if grade is not None]


def topics_of(graded: _Graded, banks: Banks) -> list[Topic]:
    """The topics with enough answers, strongest first, by their titles in the questions' banks."""
    scores: dict[str, list[float]] = defaultdict(list)
    for round_, grade in graded:
        if grade.grader == UNGRADED:  # What the grader could not read tells nothing of its author.
            continue
        bank = banks.get(round_.question.id.partition(":")[0])
        for topic in round_.question.topics:
            scores[topic if bank is None else bank.topics.get(topic, topic)].append(grade.score)
    found = [Topic(name, mean(each), len(each)) for name, each in scores.items() if len(each) >= TOPIC_NEEDS]
    return sorted(found, key=lambda topic: (-topic.score, topic.name))


def _topic_lines(topics: Sequence[Topic]) -> list[Block]:
    strong_ones, weak_ones = topics[: max(1, len(topics) // 3)], topics[-max(1, len(topics) // 3) :]
    weak_ones = [topic for topic in weak_ones if topic.score < strong_ones[-1].score]
    found: list[Block] = [line(strong("Strongest in: "), _listed(strong_ones), bullet=True)]
    if weak_ones:
        found.append(line(strong("Weakest in: "), _listed(weak_ones[::-1]), bullet=True))
    return found


def _listed(topics: Sequence[Topic]) -> str:
    each = (f"{topic.name} ({topic.score:.0%} in {cards.count(topic.answers, 'answer')})" for topic in topics[:3])
    return ", ".join(each)


def _go_over_lines(graded: _Graded) -> list[Block]:
    """The latest answers that missed something essential, and what that was."""
    lines: list[Line] = []
    for round_, grade in graded:
        missed = _missed(round_.question, grade)
        if missed and len(lines) < GO_OVER:
            lines.append(line(f"{round_.question.prompt} You missed: {missed} ", *_jump(round_), bullet=True))
    return [line(strong("Worth going over again")), *lines] if lines else []


def _missed(question: Question, grade: Grade) -> str:
    coverage = {graded.key_point: graded.coverage for graded in grade.points}
    essential = [point for point in question.key_points if point.essential] or list(question.key_points)
    missed = [point.text for point in essential if coverage.get(point.id, Coverage.COVERED) is Coverage.MISSED]
    return missed[0] if missed and grade.level < 2 else ""


def _round_lines(graded: _Graded) -> list[Block]:
    if not graded:
        return []
    found: list[Block] = [line(strong("Your latest answers"))]
    for round_, grade in graded[:ROUNDS]:
        said_ = f"{round_.local_date}  {cards.LEVEL[grade.level]}: {round_.question.prompt} "
        found.append(line(said_, *_jump(round_), bullet=True))
    return found


def _jump(round_: Round) -> tuple[Jump, ...]:
    card = round_.card
    return (Jump(card.place.channel, card.place.thread, card.message),) if card is not None else ()


# --- the streak ---------------------------------------------------------------------------------------------


def _streak_lines(tx: Transaction, asker: Asker) -> list[Block]:
    streak = streaks.streak_of(tx, asker.channel, asker.member)
    together = streaks.group_streak(tx, asker.channel)
    found: list[Block] = []
    if streak.length:
        forgiven = f", {streak.forgiven} missed and forgiven" if streak.forgiven else ""
        says = f"{streak.length}{forgiven}, longest {streak.longest}; /nnquestion me why explains it"
        found.append(line(strong("streak here: "), says, bullet=True))
    if together > 1:
        found.append(line(strong("group streak here: "), f"{cards.count(together, 'round')} in a row", bullet=True))
    return found


def why(tx: Transaction, asker: Asker) -> Card:
    """A streak round by round, and the rules it follows."""
    counted = streaks.member_streak(tx, asker.channel, asker.member)
    streak = counted.streak
    begun = [(on, kept) for on, kept in counted.rounds if kept is not scoring.Kept.BEFORE]
    if not begun:
        return said("Your streak here", line("It begins with your first answer to a daily question in this channel."))
    marks = [(on, kept.value) for on, kept in begun]
    marks += [(on, "away, does not count") for on in counted.away if on >= begun[0][0]]
    latest = sorted(marks, reverse=True)[:STORY]
    forgiven = f", and {streak.forgiven} missed and forgiven" if streak.forgiven else ""
    body: list[Block] = [
        line(strong(f"{cards.count(streak.length, 'round')} in a row"), f"{forgiven}; longest {streak.longest}."),
        *(line(strong(f"{on:%a} {on.day} {on:%b}: "), mark, bullet=True) for on, mark in latest),
    ]
    if len(marks) > len(latest):
        body.append(line(f"and {len(marks) - len(latest)} before these"))
    body.append(
        line(
            "It counts daily rounds of this channel that are revealed, from your first answer on. One missed round in "
            "any seven is forgiven. Rounds that were left out or called off, and days you are away, change nothing."
        )
    )
    return Card(title="Your streak here", body=tuple(body))


# --- away ---------------------------------------------------------------------------------------------------


def away(tx: Transaction, asker: Asker, value: str, now: datetime) -> Card:
    """Say until when one is away, end it, or tell what is noted; `value` is "until 2026-12-24", "back" or empty."""
    on = today(tx, asker, now)
    absences = tx.members.absences(asker.member)
    current = [absence for absence in absences if absence.first <= on <= absence.last]
    words = value.lower().removeprefix("until").strip()
    if not words:
        if not current:
            return said("Away", line("You are not away. Say /nnquestion me away until 2026-12-24, the last day of it."))
        return said("Away", line(f"You are away until {current[-1].last}; /nnquestion me away back ends it."))
    if words in ("back", "off", "none"):
        if not current:
            raise Refused("You are not away.")
        for absence in current:  # Today counts again; what has passed of it stays.
            tx.members.add_absence(replace(absence, last=on - timedelta(days=1)))
        return said("Welcome back", line("From today on a missed round counts again."))
    last = date_of(words)
    if last < on:
        raise Refused(f"{last} is in the past; being away does not work backwards.")
    if last - on > LONGEST_AWAY:
        raise Refused(f"That is far off; at most until {on + LONGEST_AWAY}.")
    first = min((absence.first for absence in current), default=on)
    tx.members.add_absence(Absence(member=asker.member, first=first, last=last))
    says = f"Until {last} a round you miss does not touch your streaks. One you answer counts all the same."
    return said("Away", line(says))


# --- the picture --------------------------------------------------------------------------------------------


def _picture(name: str, topics: Sequence[Topic], weeks: Sequence[tuple[date, int]]) -> Picture | None:
    """Topic strengths, and points by week; None where there is nothing to draw."""
    charts: list[Bars | Columns] = []
    alt: list[str] = []
    if topics:
        drawn = topics if len(topics) <= TOPICS_DRAWN else [*topics[: TOPICS_DRAWN // 2], *topics[-TOPICS_DRAWN // 2 :]]
        bars = tuple(Bar(topic.name, topic.score, f"{topic.score:.0%}") for topic in drawn)
        title = "How well you do in each topic" if drawn == topics else "Your strongest and weakest topics"
        charts.append(Bars(title, bars, 1.0, each="topic"))
        alt.append("Topics: " + ", ".join(f"{topic.name} {topic.score:.0%}" for topic in drawn) + ".")
    if any(points for _, points in weeks):
        labels = tuple(f"{monday.day} {monday:%b}" for monday, _ in weeks)
        charts.append(Columns("Points by week", labels, tuple(float(points) for _, points in weeks)))
        by_week = (f"{label} {points}" for label, (_, points) in zip(labels, weeks, strict=True))
        alt.append("Points in the weeks of " + ", ".join(by_week) + ".")
    return Picture(f"{name}'s progress", tuple(charts), " ".join(alt)) if charts else None
