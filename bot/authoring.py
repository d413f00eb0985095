"""What a bank's author does: check banks, look at questions as members will see them, count what is there.

Values in, text or values out; the commands of the program print them.
"""

from __future__ import annotations

import json
import statistics
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from bot.core import cards
from bot.core.bank import BankError, Finding, Problem, Severity, Where, examine_bank
from bot.core.bank_profile import PROFILES
from bot.core.bank_rules import check_rules
from bot.core.bank_trial import Trial
from bot.core.card import Card, reference
from bot.core.choosing import pool
from bot.core.grading import grade_answer
from bot.core.model import (
    Bank,
    ChannelId,
    Grade,
    GroupId,
    Member,
    MemberId,
    Question,
    QuestionId,
    Round,
    RoundId,
    RoundKind,
    RoundState,
    Standing,
    Status,
)
from bot.shelf import read_text

TEMPLATE: Final = Path(__file__).with_name("new_question.yaml")
"""A whole bank of one worked question, with a comment on each of its parts."""


class Platform(StrEnum):
    """Whose way of showing a card is asked for."""

    TERMINAL = "terminal"
    DISCORD = "discord"
    SLACK = "slack"


# --- checking ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What the check of one file found. `hit` of `exemplars` were graded at the level their author gave them."""

    file: str
    bank: str
    questions: int
    problems: tuple[Problem, ...]
    exemplars: int = 0
    hit: int = 0

    def count(self, severity: Severity) -> int:
        return sum(problem.severity is severity for problem in self.problems)

    def summary(self, *, notes: bool) -> list[str]:
        """What was found, in two lines."""
        told = [cards.count(self.count(severity), severity.value) for severity in Severity]
        hidden = " (--notes shows them)" if self.count(Severity.NOTE) and not notes else ""
        lines = [f"{self.file}: {cards.count(self.questions, 'question')}, {', '.join(told)}{hidden}"]
        if self.exemplars:
            share = self.hit / self.exemplars
            lines.append(f"  exemplars that get the level they deserve: {self.hit} of {self.exemplars} ({share:.0%})")
        return lines


def check(file: Path, profile: str | None = None, done: Callable[[int, int], object] = lambda *_: None) -> Checked:
    """Hold a bank's file to everything: the reader, the rules for any bank, its profile, the grader, the renderers.

    `profile` is used in place of the one that the file names; "none" for none. `done` is told how many questions of
    how many have been graded.
    """
    trial = Trial()
    try:
        text = read_text(file)
    except BankError as error:
        return Checked(file=str(file), bank="", questions=0, problems=error.problems)

    def every_rule(bank: Bank, written: Container[Where]) -> Iterator[Finding]:
        yield from check_rules(bank, written)
        yield from _profile(bank, profile, written)
        yield from _too_long(bank)
        trial.done = lambda tried: done(tried, len(bank.questions))
        yield from trial(bank, written)

    bank, problems = examine_bank(text, str(file), every_rule)
    return Checked(
        file=str(file),
        bank=bank.id,
        questions=len(bank.questions),
        problems=problems,
        exemplars=trial.exemplars,
        hit=trial.hit,
    )


def _profile(bank: Bank, instead: str | None, written: Container[Where]) -> Iterator[Finding]:
    name = bank.profile if instead is None else "" if instead == "none" else instead
    if name in PROFILES:
        yield from PROFILES[name](bank, written)
    elif name:
        message = f'there is no profile "{name}"; choose {", ".join(PROFILES)} or take it out'
        yield Finding(path=("bank", "profile"), message=message)


def _too_long(bank: Bank) -> Iterator[Finding]:
    """Cards that a platform would have to split."""
    renderers = _renderers()
    for i, question in enumerate(bank.questions):
        for name, card in _cards(question).items():
            for platform, render in renderers.items():
                if (count := len(render(card, "7K3F2A"))) > 1:
                    message = (
                        f'the {name} of "{question.slug}" needs {count} messages on {platform.capitalize()}; shorten it'
                    )
                    yield Finding(path=("questions", i, "answer"), message=message, severity=Severity.WARNING)


def _renderers() -> Mapping[Platform, Callable[[Card, str], Sequence[Any]]]:
    """How a platform's messages are made of a card and a reference."""
    from bot.adapters.discord.render import render as for_discord
    from bot.adapters.slack.render import render as for_slack

    return {
        Platform.DISCORD: lambda card, ref: for_discord(card, reference=ref),
        Platform.SLACK: lambda card, ref: for_slack(card, reference=ref),
    }


# --- looking at a question --------------------------------------------------------------------------------------


def find(banks: Iterable[Bank], wanted: str) -> Question | None:
    """The question of an id, with or without its bank's."""
    for bank in banks:
        for question in bank.questions:
            if wanted in (question.id, question.slug):
                return question
    return None


def show(question: Question) -> dict[str, Card]:
    """What members see of a question, each with its name: the question card, each hint, the reveal."""
    shown = _cards(question)
    hints = [
        (f"hint {number}", cards.hint(_round(question), number, text, costs=False))
        for number, text in enumerate(question.hints, 1)
    ]
    return {"question": shown["question"], **dict(hints), "reveal": shown["reveal"]}


def payload(name: str, card: Card, platform: Platform) -> str:
    """A card as the requests of a platform hold it: JSON, one object a message."""
    ref = reference(f"{_round_id()}/{name}")
    messages = [asdict(message) for message in _renderers()[platform](card, ref)]
    return "\n".join(json.dumps(message, ensure_ascii=False, indent=2) for message in messages)


def _cards(question: Question) -> dict[str, Card]:
    """The question and its reveal at their longest: with a board, and with exemplars for answers."""
    asked = _round(question)
    grades = [grade_answer(question, sample.text) for sample in question.exemplars] or [Grade(score=0, level=0)] * 2
    names = ("ada", "grace", "katherine")
    members = {
        MemberId(f"terminal:local/@{name}"): Member(
            id=MemberId(f"terminal:local/@{name}"), group=asked.group, name=name, public=True
        )
        for name in names
    }
    top = [Standing(rank=rank, member=id, points=9 - 2 * rank, rounds=4) for rank, id in enumerate(members, 1)]
    return {"question": cards.question(asked), "reveal": cards.reveal(asked, grades, top, members)}


def _round_id() -> RoundId:
    return RoundId("terminal:local/general@2026-01-05")


def _round(question: Question) -> Round:
    opened = datetime(2026, 1, 5, 9, tzinfo=UTC)
    return Round(
        id=_round_id(),
        channel=ChannelId("terminal:local/general"),
        group=GroupId("terminal:local"),
        kind=RoundKind.DAILY,
        state=RoundState.OPEN,
        question=question,
        local_date=date(2026, 1, 5),
        opened_at=opened,
        closes_at=opened + timedelta(days=1),
        reveal_at=opened + timedelta(days=1),
        planned_at=opened,
    )


# --- lists and counts -------------------------------------------------------------------------------------------


def matching(banks: Iterable[Bank], topic: str | None, difficulty: int | None) -> list[Question]:
    """The questions of a topic and a difficulty, in the order of their banks."""
    return [
        question
        for bank in banks
        for question in bank.questions
        if (topic is None or topic in question.topics) and (difficulty is None or question.difficulty == difficulty)
    ]


def as_list(questions: Sequence[Question], *, with_bank: bool) -> list[str]:
    """One line a question: its id, difficulty, when it fits, status and topics, in columns."""
    ids: list[QuestionId | str] = [question.id if with_bank else question.slug for question in questions]
    return columns(
        [
            (id, cards.DIFFICULTY[question.difficulty], question.fits, question.status, ", ".join(question.topics))
            for id, question in zip(ids, questions, strict=True)
        ]
    )


def stats(bank: Bank) -> list[str]:
    """What a bank holds, in lines: how many questions of what kind, and how many days they last."""
    asked = [question for question in bank.questions if question.status is not Status.RETIRED]
    answers = [len(question.answer) for question in asked] or [0]
    lasting = len(pool(bank, frozenset(), frozenset()))
    lines = [
        f"{bank.title} ({bank.id} {bank.version}, {bank.language}, {bank.licence})",
        f"  {cards.count(len(bank.questions), 'question')}, {cards.count(lasting, 'day')} without a repeat",
        f"  answers of {min(answers):,} to {max(answers):,} characters, half over {statistics.median(answers):,.0f}",
        f"  {_sum(asked, 'key_points')} key points, {_sum(asked, 'misconceptions')} misconceptions,"
        f" {_sum(asked, 'hints')} hints, {_sum(asked, 'exemplars')} exemplars, {_sum(asked, 'references')} references",
        f"  {sum(q.code is not None for q in asked)} with code, {sum(not q.graded for q in asked)} not graded",
    ]
    for title, counted in (
        ("difficulty", Counter(cards.DIFFICULTY[q.difficulty] for q in asked)),
        ("status", Counter(q.status.value for q in bank.questions)),
        ("fits", Counter(q.fits.value for q in asked)),
        ("section", Counter(q.section for q in asked if q.section)),
        ("topic", Counter(topic for q in asked for topic in q.topics)),
    ):
        if counted:
            lines += ["", f"  {title}"]
            lines += [f"    {row}" for row in columns([(k, f"{n:>3} " + "█" * n) for k, n in counted.most_common()])]
    return lines


def _sum(questions: Iterable[Question], what: str) -> str:
    return f"{sum(len(getattr(question, what)) for question in questions):,}"


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells as lines, each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
