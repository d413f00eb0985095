"""What counts as an answer: thread messages, the form, "Submit as my answer", edits and deletions.

Everything is judged by the platform's own stamps, so it does not matter when or in which order it arrives.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from bot.core.counting import LONGEST_ANSWER, starts_answer, without_spoiler_marks
from bot.core.model import (
    Answer,
    ChannelId,
    Member,
    MemberId,
    Part,
    Place,
    Receipt,
    Round,
    RoundId,
    RoundKind,
    RoundState,
    Share,
    Source,
    Told,
    Why,
    group_of,
)
from bot.core.ports import Transaction
from bot.core.rounds import local_date

JOINS_WITHIN: Final = timedelta(minutes=10)
"""What a member adds this soon after the start of their answer belongs to it."""

TALK: Final = Told(receipt=Receipt.NOT_COUNTED, why=Why.TALK)
_NO_ANSWERS: Final = frozenset({RoundState.SKIPPED, RoundState.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A message of a member as the platform shows it now. `said_at` is its stamp, `edited_at` its last edit's."""

    place: Place
    message: str
    member: MemberId
    name: str
    text: str
    said_at: datetime
    edited_at: datetime | None = None
    reply_to: MemberId | None = None

    @property
    def id(self) -> str:
        """What happened, by what it is: the same however often it arrives."""
        stamp = self.edited_at.isoformat() if self.edited_at else "said"
        return f"{self.place.channel}/{self.message}/{stamp}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """A message that is no longer there."""

    channel: ChannelId
    message: str
    at: datetime

    @property
    def id(self) -> str:
        """What happened, by what it is."""
        return f"{self.channel}/{self.message}/deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A sent form. `interaction` is the platform's id of this one sending."""

    round: RoundId
    interaction: str
    member: MemberId
    name: str
    text: str
    at: datetime
    share: Share = Share.NO

    @property
    def id(self) -> str:
        """What happened, by what it is."""
        return f"{self.member}/form/{self.interaction}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """ "Submit as my answer" on a message. `by` pressed it at `at`; the message says who wrote it and when."""

    said: Said
    by: MemberId
    interaction: str
    at: datetime

    @property
    def id(self) -> str:
        """What happened, by what it is."""
        return f"{self.by}/submit/{self.interaction}"


# --- thread messages ----------------------------------------------------------------------------------------


def hear(tx: Transaction, said: Said) -> Told:
    """Take a thread message, new or edited, for what it is: a part of an answer, or talk."""
    round_ = tx.rounds.by_place(said.place)
    if round_ is None or round_.state in _NO_ANSWERS:
        return TALK
    if tx.events.outcome(Deleted(channel=said.place.channel, message=said.message, at=said.said_at).id) is not None:
        return TALK  # Its deletion arrived first.
    answer = tx.answers.get(round_.id, said.member)
    part = _part_of(answer, said.message)
    if answer is not None and part is not None:
        return _edit(tx, round_, answer, part, said)
    if said.reply_to is not None and said.reply_to != said.member:
        return TALK
    if round_.sealed:
        sealed = round_.state is not RoundState.REVEALED and starts_answer(said.text)
        return replace(TALK, round=round_.id, why=Why.SEALED) if sealed else TALK
    return _start_or_join(tx, round_, answer, said)


def _start_or_join(tx: Transaction, round_: Round, answer: Answer | None, said: Said) -> Told:
    text = without_spoiler_marks(said.text)
    stamp = said.edited_at or said.said_at
    late = stamp >= round_.closes_at
    new = Part(source=Source.MESSAGE, id=said.message, text=text, said_at=said.said_at, edited_at=said.edited_at)
    if answer is None or not answer.parts or (answer.late and not late):
        if not starts_answer(text):
            return TALK
        if len(text) > LONGEST_ANSWER:
            return Told(receipt=Receipt.TOO_LONG, round=round_.id)
        _met(tx, round_, said.member, said.name, public=True)
        return _save(tx, round_, answer, said.member, (new,), late=late, cause=Receipt.RECORDED, at=stamp)
    start = min(part.said_at for part in answer.parts)
    joins = answer.parts[0].source is Source.MESSAGE and text and abs(stamp - start) <= JOINS_WITHIN
    if not joins:
        return TALK
    if late and not answer.late:
        return Told(receipt=Receipt.NOT_COUNTED, why=Why.CLOSED, round=round_.id)
    parts = tuple(sorted((*answer.parts, new), key=lambda part: (part.said_at, part.id)))
    if _length(parts) > LONGEST_ANSWER:
        return Told(receipt=Receipt.TOO_LONG, round=round_.id)
    return _save(tx, round_, answer, said.member, parts, late=answer.late, cause=Receipt.RECORDED, at=stamp)


def _edit(tx: Transaction, round_: Round, answer: Answer, part: Part, said: Said) -> Told:
    stamp = said.edited_at
    if stamp is None or (part.edited_at is not None and stamp <= part.edited_at):
        return _told(answer, Receipt.RECORDED)  # The same message again, or an older edit that arrives late.
    if stamp >= round_.closes_at and not answer.late:
        return Told(receipt=Receipt.NOT_COUNTED, why=Why.CLOSED, round=round_.id)
    text = without_spoiler_marks(said.text)
    if text == part.text:
        return _told(answer, Receipt.RECORDED)
    if not text:
        return _remove(tx, round_, answer, part, at=stamp)
    edited = replace(part, text=text, edited_at=stamp)
    parts = tuple(edited if other.id == part.id else other for other in answer.parts)
    if _length(parts) > LONGEST_ANSWER:
        return Told(receipt=Receipt.TOO_LONG, round=round_.id)
    return _save(tx, round_, answer, said.member, parts, late=answer.late, cause=Receipt.REVISED, at=stamp)


def forget_message(tx: Transaction, deleted: Deleted) -> Told:
    """Take a deletion: a part is withdrawn; after the close the text goes and the grade stays."""
    answer = tx.answers.by_part(deleted.channel, deleted.message)
    round_ = tx.rounds.get(answer.round) if answer else None
    part = _part_of(answer, deleted.message)
    if answer is None or round_ is None or part is None:
        return TALK
    if deleted.at < round_.closes_at or answer.late:
        return _remove(tx, round_, answer, part, at=deleted.at)
    if tx.answers.grade(answer.round, answer.member) is not None:
        tx.answers.blank(answer.round, answer.member)
    elif not answer.erase:
        kept = replace(answer, erase=True, revision=answer.revision + 1)
        tx.answers.save(kept, cause="deleted after the close", at=deleted.at, erase_history=True)
    return Told(receipt=Receipt.NOT_COUNTED, why=Why.CLOSED, round=round_.id, counts_no_more=(part.id,))


def _remove(tx: Transaction, round_: Round, answer: Answer, part: Part, *, at: datetime) -> Told:
    parts = tuple(other for other in answer.parts if other.id != part.id)
    cause = Receipt.REVISED if parts else Receipt.WITHDRAWN
    return _save(tx, round_, answer, answer.member, parts, late=answer.late, cause=cause, at=at, erase_history=True)


# --- the form and "Submit as my answer" ---------------------------------------------------------------------


def take_form(tx: Transaction, form: Form) -> Told:
    """Take a form: it replaces all parts. An empty one withdraws the answer."""
    round_ = tx.rounds.get(form.round)
    if round_ is None or round_.state in _NO_ANSWERS:
        return Told(receipt=Receipt.NOT_COUNTED, why=Why.NO_ROUND)
    _met(tx, round_, form.member, form.name, public=False)
    text = without_spoiler_marks(form.text)
    part = Part(source=Source.FORM, id=form.interaction, text=text, said_at=form.at)
    late = form.at >= round_.closes_at
    return _replace_all(tx, round_, form.member, part if text else None, late=late, at=form.at, share=form.share)


def submit(tx: Transaction, submitted: Submitted) -> Told:
    """Take an own message as the whole answer: in a thread for its round, in the channel for the open daily one."""
    said = submitted.said
    round_ = tx.rounds.by_place(said.place)
    if round_ is None:
        live = [live for live in tx.rounds.live(said.place.channel) if live.kind is RoundKind.DAILY]
        round_ = live[0] if live else None
    if round_ is None or round_.state in _NO_ANSWERS or submitted.by != said.member:
        return Told(receipt=Receipt.NOT_COUNTED, why=Why.NO_ROUND)
    if round_.sealed:
        return Told(receipt=Receipt.NOT_COUNTED, why=Why.SEALED, round=round_.id)
    text = without_spoiler_marks(said.text)
    if not text:
        return Told(receipt=Receipt.NOT_COUNTED, why=Why.EMPTY, round=round_.id)
    _met(tx, round_, said.member, said.name, public=True)
    part = Part(source=Source.MESSAGE, id=said.message, text=text, said_at=said.said_at, edited_at=said.edited_at)
    late = (said.edited_at or said.said_at) >= round_.closes_at
    return _replace_all(tx, round_, said.member, part, late=late, at=submitted.at)


def _replace_all(
    tx: Transaction,
    round_: Round,
    member: MemberId,
    part: Part | None,
    *,
    late: bool,
    at: datetime,
    share: Share = Share.NO,
) -> Told:
    answer = tx.answers.get(round_.id, member)
    stands = answer is not None and bool(answer.parts)
    if answer is not None and stands and not answer.late and at >= round_.closes_at:
        return Told(receipt=Receipt.NOT_COUNTED, why=Why.CLOSED, round=round_.id)
    if part is None and not stands:
        return Told(receipt=Receipt.NOT_COUNTED, why=Why.EMPTY, round=round_.id)
    if part is not None and len(part.text) > LONGEST_ANSWER:
        return Told(receipt=Receipt.TOO_LONG, round=round_.id)
    cause = Receipt.WITHDRAWN if part is None else Receipt.REVISED if stands else Receipt.RECORDED
    parts = () if part is None else (part,)
    return _save(tx, round_, answer, member, parts, late=late, cause=cause, at=at, share=share)


# --- pieces -------------------------------------------------------------------------------------------------


def _save(
    tx: Transaction,
    round_: Round,
    answer: Answer | None,
    member: MemberId,
    parts: tuple[Part, ...],
    *,
    late: bool,
    cause: Receipt,
    at: datetime,
    share: Share | None = None,
    erase_history: bool = False,
) -> Told:
    before = answer.parts if answer else ()
    saved = Answer(
        round=round_.id,
        member=member,
        parts=parts,
        revision=answer.revision + 1 if answer else 1,
        late=late,
        share=share if share is not None else answer.share if answer else Share.NO,
        local_date=answer.local_date if answer else local_date(at, round_.zone),
    )
    tx.answers.save(saved, cause=cause.value, at=at, erase_history=erase_history)
    if late and cause is Receipt.RECORDED:
        cause = Receipt.LATE
    return _told(saved, cause, before)


def _told(answer: Answer, receipt: Receipt, before: tuple[Part, ...] = ()) -> Told:
    counts = () if answer.late else tuple(part.id for part in answer.parts if part.source is Source.MESSAGE)
    gone = tuple(part.id for part in before if part.source is Source.MESSAGE and part.id not in counts)
    return Told(receipt=receipt, round=answer.round, counts=counts, counts_no_more=gone)


def _met(tx: Transaction, round_: Round, member_id: MemberId, name: str, *, public: bool) -> None:
    known = tx.members.get(member_id)
    member = known or Member(id=member_id, group=group_of(round_.channel), name=name)
    member = replace(member, name=name, public=member.public or public)
    if member != known:
        tx.members.save(member)


def _part_of(answer: Answer | None, message: str) -> Part | None:
    parts = answer.parts if answer else ()
    return next((part for part in parts if part.source is Source.MESSAGE and part.id == message), None)


def _length(parts: tuple[Part, ...]) -> int:
    return len("\n".join(part.text for part in parts))
