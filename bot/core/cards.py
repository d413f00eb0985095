"""What is said in rounds: domain values to cards, in words. How a card looks is the adapter's affair."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from bot.core.card import (
    Block,
    Board,
    Button,
    Card,
    Line,
    Link,
    Press,
    Prose,
    Row,
    Snippet,
    Span,
    TimeStyle,
    Tone,
    When,
    Words,
)
from bot.core.model import (
    UNGRADED,
    Answer,
    Coverage,
    Effort,
    Flag,
    Grade,
    KeyPoint,
    Member,
    MemberId,
    Naming,
    ObjectionState,
    PointGrade,
    Question,
    Reference,
    Round,
    RoundKind,
    Ruling,
    Share,
    Standing,
)
from bot.core.schedule import zone
from bot.core.scoring import naming_of

DIFFICULTY = {1: "easy", 2: "medium", 3: "hard"}
LEVEL = {2: "all essentials", 1: "some of it", 0: "tried"}
BOARD_ROWS_AT_REVEAL = 3
MISSED_BY = 2
"""A key point that fewer missed is no news; and of one answer it would tell whose it was."""
SPREAD_FROM = 3
"""Of fewer answers a spread of grades would tell each author the other's."""


def line(*spans: str | Span, bullet: bool = False) -> Line:
    """A line of plain words and instants."""
    return Line(tuple(Words(span) if isinstance(span, str) else span for span in spans), bullet=bullet)


def strong(text: str) -> Words:
    """Plain words that stand out."""
    return Words(text, strong=True)


def count(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: "1 answer", "3 answers"."""
    return f"{number} {one if number == 1 else many or one + 's'}"


# --- the question -------------------------------------------------------------------------------------------


def question(round_: Round, *, late: bool = False, skipped: Sequence[date] = ()) -> Card:
    """The card that opens a round."""
    asked = round_.question
    body: list[Block] = [line(strong(asked.prompt)), _about(asked)]
    if skipped:
        body.append(line(f"Left out while I was away: {_dates(skipped)}."))
    if late:
        body.append(
            line("This was due ", When(round_.planned_at, TimeStyle.DATE_TIME, round_.zone), "; it comes late.")
        )
    how = (
        "Answer by form; answers stay sealed until the reveal."
        if round_.sealed
        else "Answer in the thread, in your own words. Edit a message to revise it, delete it to withdraw it."
    )
    body.append(line(how))
    if not round_.graded:
        body.append(line("It is not graded: an honest try counts, and you compare it with the reference answer."))
    when = [line("Closes ", When(round_.closes_at, TimeStyle.DATE_TIME, round_.zone), ".")]
    if round_.reveal_at > round_.closes_at:
        when = [
            line(
                "Closes ",
                When(round_.closes_at, TimeStyle.DATE_TIME, round_.zone),
                ", revealed ",
                When(round_.reveal_at, _style_after(round_), round_.zone),
                ".",
            )
        ]
    body += when
    buttons = [Button(Press.ANSWER, "Answer", round_.id)]
    if asked.hints:
        buttons.append(Button(Press.HINT, "Hint", round_.id))
    legend = "" if round_.sealed else " · ✓ marks what counts"
    return Card(
        title=_title(round_),
        body=tuple(body),
        buttons=tuple(buttons),
        footer=(Words(f"about {asked.minutes} min, 2-4 sentences{legend}"),),
        tone=Tone.OPEN,
    )


def thread_title(round_: Round) -> str:
    """The name of a round's thread; at most 90 characters, which every platform takes."""
    title = f"{round_.local_date.isoformat()} · {round_.question.prompt}"
    return title if len(title) <= 90 else title[:89].rstrip() + "…"


def question_after_reveal(round_: Round, answers: int) -> Card:
    """The same card once the round is revealed."""
    asked = round_.question
    said = count(answers, "answer") if answers else "Nobody answered this one"
    return Card(
        title=_title(round_),
        body=(line(strong(asked.prompt)), _about(asked), line(f"{said}. The reference answer is in the thread.")),
        buttons=_after_reveal(round_) if answers else (),
        footer=(Words("revealed"),),
        tone=Tone.REVEALED,
    )


def question_cancelled(round_: Round, why: str) -> Card:
    """The same card once the round is cancelled."""
    return Card(
        title=_title(round_),
        body=(line(strong(round_.question.prompt)), line(f"Cancelled: {why}. No points, and no harm to any streak.")),
        footer=(Words("cancelled"),),
        tone=Tone.QUIET,
    )


# --- the reveal ---------------------------------------------------------------------------------------------


def reveal(
    round_: Round,
    grades: Sequence[Grade],
    top: Sequence[Standing],
    members: Mapping[MemberId, Member],
    tied: int = 0,
) -> Card:
    """The reference answer, how many covered each key point, and the top of the board. It lists nobody's grade.

    `tied` more members share the rank of the last row of `top`.
    """
    asked = round_.question
    body: list[Block] = [line(strong(asked.prompt)), Prose(asked.answer)]
    if asked.code is not None:
        body.append(Snippet(asked.code.source, asked.code.lang))
    if len(grades) == 1 and round_.graded:  # A count would tell everybody one member's grade.
        body.append(line(strong("What a full answer holds")))
        body += [line(_with_extra(point), bullet=True) for point in asked.key_points if point.essential]
    elif grades and round_.graded:
        if len(grades) >= SPREAD_FROM:
            body.append(line(strong("How they did: "), _spread_of_grades(grades)))
        if most_missed := _most_missed(asked, grades):
            body.append(line(strong("Most missed: "), most_missed))
        body.append(line(strong(f"What the {count(len(grades), 'answer')} covered")))
        body += [_spread(point, grades) for point in asked.key_points]
    elif grades:
        body.append(line(f"{_why_ungraded(asked)} Compare yours with this one, and with each other."))
    else:
        body.append(line("Nobody answered this one. Here is the reference answer all the same."))
    if asked.follow_ups:
        body.append(Prose(f"**To talk about:** {asked.follow_ups[0]}"))
    body += [line(strong("Read on: "), *_cite(reference)) for reference in asked.references]
    if grades and round_.kind is RoundKind.DAILY and top:
        body += [line(strong("This month's board")), board(top, members)]
        if tied:
            body.append(line(f"and {tied} more at rank {top[-1].rank}"))
    return Card(
        title=f"Reference answer · {_title(round_)}",
        body=tuple(body),
        buttons=_after_reveal(round_) if grades else (),
        tone=Tone.REVEALED,
    )


def _after_reveal(round_: Round) -> tuple[Button, ...]:
    """What is offered to everybody once a round is revealed that somebody answered."""
    result = Button(Press.RESULT, "My result", round_.id)
    answers = Button(Press.ANSWERS, "Answers", round_.id)
    return (result, Button(Press.OBJECT, "I covered this", round_.id), answers) if round_.graded else (result, answers)


def result(
    round_: Round,
    answer: Answer | None,
    grade: Grade | None,
    points: int,
    hints: int,
    rulings: Sequence[Ruling] = (),
    *,
    objects: bool = False,
) -> Card:
    """What one member covered and missed, for that member alone; `grade` is the one that stands with the rulings.

    `objects` where there is something left that they can object to.
    """
    if answer is None or not answer.parts:
        return Card(title="Your result", body=(line("You have no answer in this round."),))
    if not round_.graded:
        why = _why_ungraded(round_.question)
        return Card(title="Your result", body=(line(f"{why} Compare yours with the reference answer."),))
    if grade is None:
        return Card(title="Your result", body=(line("Your answer is not graded yet; ask again after the reveal."),))
    body: list[Block] = [line(strong(verdict(grade)))]
    body += [line(FLAGGED[flag]) for flag in grade.flags]
    by_id = {point.id: point for point in round_.question.key_points}
    essentials = [g for g in grade.points if by_id[g.key_point].essential]
    others = [g for g in grade.points if not by_id[g.key_point].essential]
    ruled = {ruling.key_point for ruling in rulings if ruling.key_point and ruling.verdict is ObjectionState.GRANTED}
    body += [_explained(graded, by_id[graded.key_point], ruled=graded.key_point in ruled) for graded in essentials]
    if others:
        body.append(line(strong("A senior would add")))
        body += [_explained(g, by_id[g.key_point], extra=True, ruled=g.key_point in ruled) for g in others]
    for claim in sorted({graded.blocked_by for graded in grade.points if graded.blocked_by}):
        why = next((known.why for known in round_.question.misconceptions if known.claim == claim), "")
        body.append(line(strong("Careful: "), f"you seem to say “{claim}” {why}".rstrip()))
    if drawn := _drawn(grade):
        body.append(line(drawn))
    if any(ruling.level is not None for ruling in rulings):
        body.append(line("An organizer has looked at it and decided what it comes to."))
    awards = sum(ruling.points for ruling in rulings)
    body.append(line(_paid(round_, answer, points - awards, hints) + _awarded(awards)))
    return Card(
        title=f"Your result · {_title(round_)}",
        body=tuple(body),
        buttons=(Button(Press.OBJECT, "I covered this", round_.id),) if objects else (),
        footer=(Words(f"graded by {grade.grader}"),),
    )


def _drawn(grade: Grade) -> str:
    """What graded answers to the same question did to a score; nothing where that is not worth a word."""
    by = sum(pull.by for pull in grade.exemplars)
    nearest = max((pull.likeness for pull in grade.exemplars), default=0.0)
    if abs(by) < _WORTH_SAYING:
        return ""
    more = "a little more" if by > 0 else "a little less"
    return (
        f"It counts {more} ({by:+.2f} of 1) than its key points alone: {count(len(grade.exemplars), 'graded answer')} "
        f"to this question drew it, the nearest one {nearest:.0%} alike."
    )


_WORTH_SAYING: Final = 0.05


def _awarded(points: int) -> str:
    return f" And {count(points, 'point')} by award." if points else ""


FLAGGED: Final = {
    Flag.KEYWORDS: "It reads as a list of keywords, so it counts for little. Say in sentences how they hang together.",
    Flag.DENIAL: "It denies most of what it touches, so it counts for little.",
    Flag.QUOTED: "Most of it stands word for word in the reference answer, or in what somebody else said here before. "
    "It counts as a try; your own words count for more.",
}


def hint(round_: Round, number: int, text: str, *, costs: bool) -> Card:
    """One hint, for one member; `costs` where it was just taken and the round pays."""
    total = len(round_.question.hints)
    body: list[Block] = [Prose(text)]
    if costs:
        body.append(line("It costs 1 point; an honest try keeps at least 1."))
    return Card(title=f"Hint {number} of {total}", body=tuple(body))


def awarded(name: str, points: str, reason: str) -> Card:
    """An award, as the round's thread is told of it."""
    return Card(title="An award", body=(line(strong(name), f" gets {points}: {reason}"),), tone=Tone.REVEALED)


def award_undone(name: str, points: str, reason: str) -> Card:
    """The same once it is taken back."""
    return Card(title="An award is taken back", body=(line(strong(name), f" had {points}: {reason}"),))


# --- boards -------------------------------------------------------------------------------------------------


def board(
    standings: Sequence[Standing], members: Mapping[MemberId, Member], own: MemberId | None = None, empty: str = ""
) -> Board:
    """Rows as the members wish to be shown: by name, as someone, or not at all."""
    rows = []
    for standing in standings:
        member = members.get(standing.member)
        naming = naming_of(member) if member else Naming.SOMEONE
        mine = standing.member == own
        if naming is Naming.OUT and not mine:
            continue
        name = member.name if member and (naming is Naming.NAME or mine) else "someone"
        rest = count(standing.rounds, "round")
        if standing.streak > 1:
            rest += f", {standing.streak} in a row"
        rows.append(Row(f"{standing.rank}.", name, count(standing.points, "point"), rest, mine, standing.points))
    return Board(tuple(rows), empty=empty)


# --- pieces -------------------------------------------------------------------------------------------------


def _title(round_: Round) -> str:
    if round_.kind is RoundKind.EXTRA:
        return "Extra question"
    return f"Question of {round_.local_date:%A}, {_date(round_.local_date)}"


def _date(on: date) -> str:
    return f"{on.day} {on:%B}"


def _dates(dates: Sequence[date]) -> str:
    if len(dates) > 3:
        return f"{count(len(dates), 'round')} from {_date(dates[0])} to {_date(dates[-1])}"
    return " and ".join(_date(on) for on in dates)


def _style_after(round_: Round) -> TimeStyle:
    there = zone(round_.zone)
    same_day = round_.reveal_at.astimezone(there).date() == round_.closes_at.astimezone(there).date()
    return TimeStyle.TIME if same_day else TimeStyle.DATE_TIME


def _about(asked: Question) -> Line:
    parts = [DIFFICULTY.get(asked.difficulty, str(asked.difficulty)), *asked.topics]
    return line(" · ".join(parts))


def _cite(reference: Reference) -> tuple[str | Span, ...]:
    parts = [reference.authors, reference.title, reference.where, str(reference.year)]
    link: Link | None = None
    if reference.arxiv:
        link = Link(f"arXiv:{reference.arxiv}", f"https://arxiv.org/abs/{reference.arxiv}")
    elif reference.doi:
        link = Link(f"doi:{reference.doi}", f"https://doi.org/{reference.doi}")
    elif reference.isbn:
        parts.append(f"ISBN {reference.isbn}")
    elif reference.url:
        link = Link(reference.url, reference.url)
    said = ", ".join(part for part in parts if part)
    return (said,) if link is None else (f"{said}, ", link)


def _spread(point: KeyPoint, grades: Sequence[Grade]) -> Line:
    graded = [g for grade in grades for g in grade.points if g.key_point == point.id]
    covered = sum(1 for g in graded if g.coverage is Coverage.COVERED)
    return line(strong(f"{covered} of {len(grades)} "), _with_extra(point), bullet=True)


def _spread_of_grades(grades: Sequence[Grade]) -> str:
    honest = [grade for grade in grades if grade.effort is Effort.HONEST]
    counted = [(sum(grade.level == level for grade in honest), LEVEL[level]) for level in (2, 1, 0)]
    counted.append((len(grades) - len(honest), "nothing to grade"))
    return ", ".join(f"{number} {what}" for number, what in counted if number)


def _most_missed(asked: Question, grades: Sequence[Grade]) -> str:
    """The essential that most answers miss altogether, where two do or more."""
    missed = Counter(g.key_point for grade in grades for g in grade.points if g.coverage is Coverage.MISSED)
    essential = [point for point in asked.key_points if point.essential]
    most = max(essential, key=lambda point: missed[point.id], default=None)  # Of equals the first.
    if most is None or missed[most.id] < MISSED_BY:
        return ""
    return f"{most.text} ({missed[most.id]} of {len(grades)})"


def _why_ungraded(asked: Question) -> str:
    if asked.key_points:
        return "Answers in this question's language are not graded; each counts as a try."
    return "This question has no key points, so its answers are not graded; each counts as a try."


def _with_extra(point: KeyPoint) -> str:
    return point.text if point.essential else f"{point.text} (a senior would add)"


def verdict(grade: Grade) -> str:
    match grade.effort:
        case Effort.NOTHING:
            return "There was nothing to grade."
        case Effort.DONT_KNOW:
            return "You said you do not know it. That is honest, and pays nothing."
        case Effort.QUESTION_BACK:
            return "This hands the question back; there is nothing of your own in it to grade."
        case Effort.HONEST if grade.grader == UNGRADED:
            return "Your answer could not be graded; it counts as a try."
        case Effort.HONEST:
            unsure = " It was close, so it counts for you." if grade.unsure else ""
            return {2: "You have all the essentials.", 1: "You have part of it.", 0: "A try, not there yet."}[
                grade.level
            ] + unsure


def signed(answer: Answer, member: Member | None) -> str:
    """Whose a shared answer is, as its author wishes."""
    return member.name if answer.share is Share.WITH_NAME and member is not None else "Somebody"


def _explained(graded: PointGrade, point: KeyPoint, *, extra: bool = False, ruled: bool = False) -> Line:
    quote = f"“{graded.words}”" if graded.words else ""
    match graded.coverage:
        case Coverage.COVERED:
            earned = f" ({quote})" if quote else ""
            return line(strong("granted: " if ruled else "covered: "), f"{point.text}{earned}", bullet=True)
        case Coverage.PARTLY:
            lacking = f"lacking: {', '.join(graded.lacking)}" if graded.lacking else ""
            reasons = "; ".join(reason for reason in (quote, lacking) if reason)
            return line(strong("partly: "), f"{point.text} ({reasons})" if reasons else point.text, bullet=True)
        case Coverage.MISSED:
            return line(point.text, bullet=True) if extra else line(strong("missed: "), point.text, bullet=True)


def _paid(round_: Round, answer: Answer, points: int, hints: int) -> str:
    if answer.late:
        return "It came after the close: no points, and the streak stands as it was."
    if round_.kind is RoundKind.EXTRA:
        return "Extra rounds bring no points."
    with_hints = f" after {count(hints, 'hint')}" if hints else ""
    if points == 0:
        return "No points this time."
    return f"{count(points, 'point')}{with_hints}."
