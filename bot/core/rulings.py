"""What people decided about answers: the grade that stands with it, and how a member hears of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from bot.core import cards
from bot.core.card import Block, Button, Press
from bot.core.cards import line, strong
from bot.core.exemplars import ruled
from bot.core.grading import with_rulings
from bot.core.model import (
    Consent,
    Grade,
    GroupId,
    MemberId,
    ObjectionState,
    Question,
    Round,
    Ruling,
    RulingKind,
)
from bot.core.ports import Transaction

OPEN_AT_MOST: Final = 2
"""Objections of one member that wait at a time."""

SCORE_OF_LEVEL: Final = {2: 1.0, 1: 0.5, 0: 0.0}
"""What an exemplar deserves whose level was ruled."""


def standing_grade(tx: Transaction, round_: Round, member: MemberId) -> Grade | None:
    """The grade of a member's answer with the rulings on it; a grade made anew undoes none of them."""
    grade = tx.answers.grade(round_.id, member)
    return grade and with_decisions(round_.question, grade, tx.rulings.of_answer(round_.id, member))


def with_decisions(question: Question, grade: Grade, rulings: Sequence[Ruling]) -> Grade:
    """A grade with those of the rulings that stand; of two about the whole answer the later one."""
    standing = [ruling for ruling in rulings if ruling.stands]
    granted = {
        ruling.key_point: ruling.words
        for ruling in standing
        if ruling.kind is RulingKind.POINT and ruling.verdict is ObjectionState.GRANTED
    }
    levels = [ruling.level for ruling in standing if ruling.level is not None]
    return with_rulings(question, grade, granted, levels[-1] if levels else None)


def serving(tx: Transaction, rulings: Sequence[Ruling]) -> list[Ruling]:
    """Those of these rulings whose answers serve as exemplars."""
    return [ruling for ruling in rulings if ruling.consent is Consent.GIVEN and ruling.stands and is_there(tx, ruling)]


def renew_exemplar(tx: Transaction, round_: Round, member: MemberId) -> None:
    """Let an answer whose author allows it serve once, however often it was ruled on, with what it deserves now."""
    decided = tx.rulings.of_answer(round_.id, member)
    allowed = serving(tx, decided)
    answer, grade = tx.answers.get(round_.id, member), standing_grade(tx, round_, member)
    for ruling in decided:
        tx.rulings.remove_exemplar(ruling.number)
    if allowed and answer is not None and grade is not None:
        levels = [ruling.level for ruling in decided if ruling.stands and ruling.level is not None]
        score = SCORE_OF_LEVEL[levels[-1]] if levels else grade.score
        tx.rulings.add_exemplar(allowed[-1], round_.question.id, ruled(answer.text, score))


def is_there(tx: Transaction, ruling: Ruling) -> bool:
    """Whether the text of the answer that was ruled on is still there, and may be used: no organizer removed it."""
    answer = tx.answers.get(ruling.round, ruling.member)
    return answer is not None and not answer.erase and not answer.removed and bool(answer.text.strip())


# --- telling ------------------------------------------------------------------------------------------------


def to_tell(tx: Transaction, group: GroupId, member: MemberId) -> list[Ruling]:
    """What a member has not been told yet, oldest first."""
    return [ruling for ruling in tx.rulings.of_member(group, member) if not ruling.told]


def tell(tx: Transaction, rulings: Sequence[Ruling]) -> None:
    """Note that a member has been told these, and asked what only they may allow."""
    for ruling in rulings:
        asks = bool(asks_for_consent(tx, [ruling]))
        tx.rulings.save(replace(ruling, told=True, consent=Consent.ASKED if asks else ruling.consent))


def asks_for_consent(tx: Transaction, rulings: Sequence[Ruling]) -> list[Ruling]:
    """Those of a member's rulings whose answers they may allow to serve, and have not said."""
    unsaid = (Consent.NOT_ASKED, Consent.ASKED)
    return [r for r in rulings if r.consent in unsaid and may_serve(r) and is_there(tx, r)]


def may_serve(ruling: Ruling) -> bool:
    """Whether people found something in an answer that graded answers to come can be measured by."""
    decided = ruling.by is not None and ruling.kind is not RulingKind.AWARD
    return ruling.stands and decided and ruling.verdict is ObjectionState.GRANTED


def news(tx: Transaction, rulings: Sequence[Ruling]) -> tuple[Block, ...]:
    """These rulings, as the member they are about is told."""
    return tuple(line(strong(_asked(tx, ruling)), f" {_said(tx, ruling)}.", bullet=True) for ruling in rulings)


def consent_buttons(ruling: Ruling) -> tuple[Button, ...]:
    """Yes and no, for one answer."""
    return (
        Button(Press.CONSENT, "Use it as an example", f"yes {ruling.number}"),
        Button(Press.CONSENT, "Rather not", f"no {ruling.number}"),
    )


CONSENT: Final = (
    "May this answer help to grade others? Answers to the same question in this group are then measured by it, too. "
    "Nobody is shown it or your name, and you can take it back."
)


def _asked(tx: Transaction, ruling: Ruling) -> str:
    round_ = tx.rounds.get(ruling.round)
    return round_.question.prompt if round_ is not None else str(ruling.round)


def _said(tx: Transaction, ruling: Ruling) -> str:
    if not ruling.stands:
        return f"What was decided has been taken back: {_decided(tx, ruling)}"
    said = _decided(tx, ruling)
    return said[0].upper() + said[1:]


def _decided(tx: Transaction, ruling: Ruling) -> str:
    round_ = tx.rounds.get(ruling.round)
    points = {point.id: point.text for point in round_.question.key_points} if round_ is not None else {}
    about = f"“{points[ruling.key_point]}”" if ruling.key_point in points else "your answer"
    match ruling.kind, ruling.verdict:
        case RulingKind.AWARD, _:
            return f"you were awarded {cards.count(ruling.points, 'point')}: {ruling.reason}"
        case _, ObjectionState.LAPSED:
            return (
                f"nobody came to your objection about {about} in three days, so the grade stays as it was. It is not "
                "lost: the author of the questions sees it"
            )
        case RulingKind.LEVEL, ObjectionState.DECLINED:
            return f"an organizer has looked at your answer, and it stays at “{cards.LEVEL[ruling.level or 0]}”"
        case RulingKind.LEVEL, _:
            return f"an organizer has looked at your answer; it counts as “{cards.LEVEL[ruling.level or 0]}” now"
        case _, ObjectionState.GRANTED if ruling.by is None:
            return f"nobody ruled on your objection in three days, and the point was there in part: {about} counts"
        case _, ObjectionState.GRANTED:
            return f"your objection was granted: {about} counts"
        case _:
            return f"an organizer has looked at your objection about {about}, and leaves the grade as it was"
