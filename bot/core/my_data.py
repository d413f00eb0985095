"""What is kept about a member, handed over to them and forgotten: `me export`, `me forget`.

Forgotten is what they said and what they are called. Points, grades and streaks stay, with "someone": others' ranks
rest on them.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from enum import Enum
from io import StringIO
from typing import Any, Final

from bot.core import cards, rulings
from bot.core.asking import Asker, said
from bot.core.bank_tables import cell
from bot.core.card import Bars, Block, Board, Button, Card, Chart, File, Line, Picture, Press, Span, Tone, Words
from bot.core.cards import line, strong
from bot.core.model import (
    UNREVEALED,
    Answer,
    Delivery,
    DeliveryState,
    Grade,
    GroupId,
    MemberId,
    Objection,
    Round,
    RoundId,
    RoundState,
    Ruling,
    Share,
)
from bot.core.ports import Record, Transaction
from bot.core.setting_up import Refused

REMOVED: Final = "(removed)"
"""Stands where words of a member stood that they had removed."""

_MARK: Final = "\ufeff"
"""Spreadsheets take a CSV file for UTF-8 only if it begins with this."""


# --- handed over --------------------------------------------------------------------------------------------


def export(tx: Transaction, asker: Asker) -> Card:
    """Everything that is kept about the asker in this group, as JSON, and their answers as CSV.

    Grades of rounds that are not revealed are left out: they would tell what the reference answer holds.
    """
    record = tx.records.of_member(asker.group, asker.member)
    kept = _everything(tx, asker.group, asker.member, record)
    files = (
        File("my-data.json", json.dumps(kept, ensure_ascii=False, indent=2, default=_plain) + "\n"),
        File("my-answers.csv", _answers_as_csv(tx, record)),
    )
    given = cards.count(sum(bool(answer.parts) for answer in record.answers), "answer")
    return Card(
        title="Your data",
        body=(
            line(f"Everything I keep about you in this group, with {given}. Only you see these files."),
            line("Grades of rounds that are not revealed yet are left out until then."),
            line("/nnquestion me forget removes what you said and your name."),
        ),
        files=files,
    )


def table(heads: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """A CSV file for spreadsheets, which take none of its cells for a formula. None is an empty cell."""
    buffer = StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(heads)
    for row in rows:
        writer.writerow(["" if value is None else cell(value) for value in row])
    return buffer.getvalue()


def _everything(tx: Transaction, group: GroupId, member: MemberId, record: Record) -> dict[str, Any]:
    known, reminder = tx.members.get(member), tx.members.reminder(member)
    return {
        "group": group,
        "member": {
            "id": member,
            "name": known.name if known is not None else None,
            "shown on boards": known.naming if known is not None else None,
            "answered in public": known is not None and known.public,
            "barred": known is not None and known.barred,
            "forgotten at": tx.records.forgotten_at(member),
        },
        "answers": [_answer(tx, answer, record) for answer in record.answers],
        "points": [
            {
                "round": entry.round,
                "question": entry.question,
                "channel": entry.channel,
                "date": entry.local_date,
                "points": entry.points,
                "reason": entry.reason,
                "at": entry.at,
            }
            for entry in reversed(tx.ledger.of_member(group, member))
        ],
        "hints": [{"round": round_id, "number": number, "at": at} for round_id, number, at in record.hints],
        "objections": [_objection(objection) for objection in record.objections],
        "rulings": [_ruling(ruling) for ruling in tx.rulings.of_member(group, member)],
        "away": [{"first": absence.first, "last": absence.last} for absence in tx.members.absences(member)],
        "reminder": None
        if reminder is None
        else {
            "channel": reminder.channel,
            "at": reminder.at.isoformat(timespec="minutes"),
            "zone": reminder.zone,
            "next": reminder.next_at,
            "last reminded of": reminder.round,
        },
        "marked as helpful": [{"round": round_id} for round_id in record.helped],
        "reports made": [{"round": round_id, "at": at} for round_id, at in record.reports],
        "heard": [
            {"what": event.id, "at": event.at, "data": dict(event.data)} for event in record.events if event.data
        ],
    }


def _answer(tx: Transaction, answer: Answer, record: Record) -> dict[str, Any]:
    round_ = tx.rounds.get(answer.round)
    assert round_ is not None, "an answer has its round"
    return {
        "round": answer.round,
        "channel": round_.channel,
        "date": answer.local_date,
        "question": round_.question.id,
        "prompt": round_.question.prompt,
        "state of the round": round_.state,
        "parts": [
            {
                "by": part.source,
                "message": part.id,
                "text": part.text,
                "said at": part.said_at,
                "edited": part.edited_at,
            }
            for part in answer.parts
        ],
        "share": answer.share,
        "late": answer.late,
        "final": answer.final,
        "text removed": answer.erase,
        "removed by an organizer": answer.removed,
        "revisions": [
            {"revision": revision, "cause": cause, "at": at, "text": text}
            for of, revision, cause, at, text in record.revisions
            if of == answer.round
        ],
        "grades": [
            {"revision": revision, "at": at, **_grade(grade)}
            for of, revision, at, grade in record.grades
            if of == answer.round and round_.state is RoundState.REVEALED
        ],
    }


def _grade(grade: Grade) -> dict[str, Any]:
    return {
        "level": grade.level,
        "score": grade.score,
        "effort": grade.effort,
        "unsure": grade.unsure,
        "grader": grade.grader,
        "lowered for": list(grade.flags),
        "key points": [
            {
                "key point": point.key_point,
                "coverage": point.coverage.name.lower(),
                "credit": point.credit,
                "your words": point.words,
                "lacking": list(point.lacking),
                "blocked by": point.blocked_by,
            }
            for point in grade.points
        ],
    }


def _objection(objection: Objection) -> dict[str, Any]:
    return {
        "round": objection.round,
        "key point": objection.key_point,
        "your words": objection.words,
        "since": objection.since,
        "state": objection.state,
    }


def _ruling(ruling: Ruling) -> dict[str, Any]:
    """Without who ruled: that is about somebody else."""
    return {
        "round": ruling.round,
        "kind": ruling.kind,
        "at": ruling.at,
        "key point": ruling.key_point,
        "your words": ruling.words,
        "verdict": ruling.verdict,
        "level": ruling.level,
        "points": ruling.points,
        "reason": ruling.reason,
        "may serve as an example": ruling.consent,
        "taken back at": ruling.undone_at,
    }


def _plain(value: object) -> str:
    if isinstance(value, date):  # A datetime is one, too.
        return value.isoformat()
    assert isinstance(value, Enum), value
    return str(value.value)


_ANSWER_COLUMNS: Final = ("date", "channel", "question", "prompt", "answer", "level", "score", "points")


def _answers_as_csv(tx: Transaction, record: Record) -> str:
    found = [(answer, round_) for answer in record.answers if answer.parts and (round_ := tx.rounds.get(answer.round))]
    return _MARK + table(_ANSWER_COLUMNS, (_answer_row(tx, answer, round_) for answer, round_ in found))


def _answer_row(tx: Transaction, answer: Answer, round_: Round) -> tuple[Any, ...]:
    revealed = round_.state is RoundState.REVEALED
    grade = rulings.standing_grade(tx, round_, answer.member) if revealed else None
    points = sum(entry.points for entry in tx.ledger.of_round(round_.id, answer.member))
    return (
        answer.local_date.isoformat(),
        round_.channel,
        str(round_.question.id),
        round_.question.prompt,
        answer.text,
        None if grade is None else grade.level,
        None if grade is None else grade.score,
        points if revealed else None,
    )


# --- forgotten ----------------------------------------------------------------------------------------------


def ask_to_forget() -> Card:
    """What goes and what stays, with the button that does it."""
    goes = (
        "Your name: I call you “someone”, and boards show you so.",
        "The text of all your answers, with every earlier form of it, and what was quoted of it.",
        "Your answers to questions that are not revealed yet: they are withdrawn.",
        "The words of your objections, and the reasons of awards you got.",
        "What you shared, and whatever of yours served as an example or as a suggestion.",
        "Your reminder, the days you were away (a streak that they saved may get shorter), whom you thanked.",
    )
    stays = (
        "Points, grades without words, hints taken and streaks, with “someone”: others' ranks rest on them.",
        "Your account's number here, by which I know that they belong together, and whether you are barred.",
        "What you decided or set up as an organizer, and what you reported: it is about others.",
        "What stands in this channel and its threads, mine included: delete your messages yourself.",
        "Copies that whoever runs me has made, for as long as they keep these.",
    )
    body: list[Block] = [line(strong("What goes, at once and for good"))]
    body += [line(one, bullet=True) for one in goes]
    body.append(line(strong("What stays")))
    body += [line(one, bullet=True) for one in stays]
    body.append(line("/nnquestion me export gives you a copy first. What you say after this is kept as before."))
    return Card(
        title="Forget you in this group?",
        body=tuple(body),
        buttons=(Button(Press.FORGET, "Yes, forget me here", _YES),),
        tone=Tone.TROUBLE,
    )


_YES: Final = "yes"


def forget(tx: Transaction, asker: Asker, about: str, now: datetime) -> Card:
    """Forget the asker in this group; again, the same. Raises Refused."""
    if about != _YES:
        raise Refused("This button no longer does anything.")
    group, member = asker.group, asker.member
    record, known = tx.records.of_member(group, member), tx.members.get(member)
    mine = tx.rulings.of_member(group, member)
    withdrawn = 0
    for answer in record.answers:
        withdrawn += _forget_answer(tx, answer, now)
    for event in tx.events.waiting():
        if _is_by(event.data, group, member):
            tx.events.rewrite(replace(event, data={}))
            tx.events.finish(event.id, "forgotten")
    cover = _Cover(known.name if known is not None else "", [answer.by_form for answer in record.answers])
    for delivery in tx.deliveries.unfinished():
        _forget_in(tx, delivery, group, member, mine, cover)
    tx.records.forget(group, member, max([now, *_stamps(record)]))
    gone = f" {cards.count(withdrawn, 'open answer')} withdrawn." if withdrawn else ""
    return said("Forgotten", line(f"What you said here and your name are removed.{gone} You are “someone” now."))


def _forget_answer(tx: Transaction, answer: Answer, now: datetime) -> bool:
    """Withdraw an answer that is not revealed yet, blank any other; whether it was withdrawn."""
    round_ = tx.rounds.get(answer.round)
    assert round_ is not None, "an answer has its round"
    if round_.state not in UNREVEALED:
        tx.answers.blank(answer.round, answer.member)
        return False
    # It stays final if it was checked: who knows what their answer covers gives no second one.
    empty = replace(answer, parts=(), revision=answer.revision + 1, share=Share.NO, late=False, erase=False)
    tx.answers.save(empty, cause="forgotten", at=now, erase_history=True)
    return bool(answer.parts)


def _stamps(record: Record) -> Iterator[datetime]:
    """The platform's stamps of what they said; its clock may be a little ahead of ours."""
    for event in record.events:
        yield from (datetime.fromisoformat(event.data[k]) for k in ("said_at", "edited_at", "at") if event.data.get(k))


def _is_by(data: Mapping[str, str], group: GroupId, member: MemberId) -> bool:
    """Whether what a platform has sent, and nobody has worked on, is a member's: its author stands under "user"."""
    if data.get("team") != group.partition(":")[2]:
        return False
    event = json.loads(data.get("event", "{}"))
    authors = {(part or {}).get("user") for part in (event, event.get("message"), event.get("previous_message"))}
    return member.partition("/@")[2] in authors


# --- what is on its way -------------------------------------------------------------------------------------


class _Cover:
    """Covers a member's name and what they shared in words that others are about to read."""

    def __init__(self, name: str, shared: Iterable[str]) -> None:
        self._name = name
        self._whole = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)") if name else None
        self._shared = [" ".join(text.split()) for text in shared if text.strip()]

    def card(self, card: Card, *, lines: bool) -> Card:
        """A card with names in its boards and pictures covered; `lines` where its lines may hold such words, too."""
        body = tuple(self._block(block, lines) for block in card.body)
        return replace(card, body=body, picture=card.picture and self._picture(card.picture))

    def words(self, text: str) -> str:
        quoted = text.strip("“”").removesuffix("…").rstrip()
        if quoted and any(shared.startswith(quoted) for shared in self._shared):
            return REMOVED
        return self._whole.sub("someone", text) if self._whole is not None else text

    def _block(self, block: Block, lines: bool) -> Block:
        match block:
            case Board():
                rows = (replace(row, name="someone") if row.name == self._name else row for row in block.rows)
                return replace(block, rows=tuple(rows))
            case Line() if lines:
                return replace(block, spans=tuple(map(self._span, block.spans)))
        return block

    def _span(self, span: Span) -> Span:
        return replace(span, text=self.words(span.text)) if isinstance(span, Words) else span

    def _picture(self, picture: Picture) -> Picture:
        return replace(picture, charts=tuple(map(self._chart, picture.charts)), alt=self.words(picture.alt))

    def _chart(self, chart: Chart) -> Chart:
        if not isinstance(chart, Bars):
            return chart
        return replace(chart, rows=tuple(replace(row, label=self.words(row.label)) for row in chart.rows))


def _forget_in(
    tx: Transaction, delivery: Delivery, group: GroupId, member: MemberId, mine: list[Ruling], cover: _Cover
) -> None:
    """Cover a member in a message that is not sent yet; a reminder to them is not sent at all."""
    if not delivery.place.channel.startswith(f"{group}/") or delivery.card is None:
        return
    if delivery.key.endswith(f"/remind/{member}"):
        tx.deliveries.save(replace(delivery, state=DeliveryState.DROPPED, card=None, note="its reader was forgotten"))
        return
    card = _award(delivery.key, mine) or cover.card(delivery.card, lines="/recap/" in delivery.key)
    if card != delivery.card:
        tx.deliveries.save(replace(delivery, card=card))


def _award(key: str, mine: Iterable[Ruling]) -> Card | None:
    """The card of an award of theirs, without name and reason."""
    says: dict[str, Callable[[str, str, str], Card]] = {"award": cards.awarded, "award-undone": cards.award_undone}
    for ruling in mine:
        for what, card in says.items():
            if key == f"{RoundId(ruling.round)}/{what}/{ruling.number}":
                return card("A member", cards.count(ruling.points, "point"), REMOVED)
    return None
