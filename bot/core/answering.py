"""What comes in as an answer: thread messages, edits, deletions, the form, "Submit as my answer".

Everything is written down first, then the answer is read off all that is known to have happened (`bot.core.drafting`).
So it does not matter when, in which order, or how often it arrives.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from bot.core.counting import without_spoiler_marks
from bot.core.drafting import Anything, Deletion, Draft, Filled, Happening, Outcome, Spoken, Submission, draft
from bot.core.model import (
    Answer,
    ChannelId,
    GroupId,
    Member,
    MemberId,
    Occurrence,
    Part,
    Place,
    Receipt,
    Round,
    RoundId,
    RoundState,
    Share,
    Source,
    Told,
    Why,
    group_of,
)
from bot.core.paying import settle
from bot.core.ports import Transaction
from bot.core.rounds import local_date
from bot.core.rulings import renew_exemplar
from bot.core.scoring import is_barred

TALK = Told(receipt=Receipt.NOT_COUNTED, why=Why.TALK)
CLOCKS_DIFFER: Final = timedelta(hours=1)
"""How far a platform's clock and this machine's may be apart before its stamps are not believed."""

KEPT_AT_MOST = 300
"""Happenings of one member in one round that are kept; thread messages beyond are talk."""

_NO_ANSWERS = frozenset({RoundState.SKIPPED, RoundState.CANCELLED})


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
        # Words belong to an edit's name: a platform whose stamps are too coarse must not hide one behind another.
        digest = hashlib.sha256(self.text.encode(errors="surrogatepass")).hexdigest()[:8]
        stamp = f"{self.edited_at.isoformat()}/{digest}" if self.edited_at else "said"
        return f"{_message_id(self.place.channel, self.message)}{stamp}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """A message that is no longer there."""

    channel: ChannelId
    message: str
    at: datetime

    @property
    def id(self) -> str:
        """What happened, by what it is."""
        return f"{_message_id(self.channel, self.message)}deleted"


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
        return self.id_of(self.member, self.interaction)

    @staticmethod
    def id_of(member: MemberId, interaction: str) -> str:
        """The same of a form of which no more is known."""
        return f"{member}/form/{interaction}"


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


def take(tx: Transaction, happened: Said | Deleted | Form | Submitted, now: datetime) -> Told:
    """Take what a member said, edited, deleted or sent. The same thing again gets the same receipt again."""
    if not isinstance(happened, Deleted) and tx.groups.blocked_since(_group(happened)) is not None:
        return TALK if isinstance(happened, Said) else Told(receipt=Receipt.NOT_COUNTED, why=Why.BLOCKED)
    if isinstance(happened, Said):
        happened = _as_edited(tx, happened, now)
    known = tx.events.outcome(happened.id)
    if known is not None:
        return _as_it_stands(tx, happened, _told_from(known))
    match happened:
        case Said():
            told = _hear(tx, happened, now)
        case Deleted():
            told = _forget_message(tx, happened, now)
        case Form():
            told = _take_form(tx, happened, now)
        case Submitted():
            told = _submit(tx, happened, now)
    if told is None:
        return TALK  # Nothing of ours: it is not even written down.
    tx.events.add(Occurrence(id=happened.id, at=now))  # Unless it has been, with all that belongs to it.
    tx.events.finish(happened.id, _told_as_text(told))
    return told


def _group(happened: Said | Form | Submitted) -> GroupId:
    match happened:
        case Said():
            return group_of(happened.place.channel)
        case Form():
            return group_of(ChannelId(happened.member))
        case Submitted():
            return group_of(happened.said.place.channel)


def sent_after_check(tx: Transaction, round_id: RoundId, member: MemberId) -> bool:
    """Whether something did not count that a member sent or changed once their answer had been checked.

    Not every platform has a way to tell them so at once.
    """
    outcomes = (tx.events.outcome(event.id) for event in tx.events.about(_about(round_id, member)))
    return any(outcome is not None and _told_from(outcome).why is Why.FINAL for outcome in outcomes)


def _as_edited(tx: Transaction, said: Said, now: datetime) -> Said:
    """A message without an edit stamp, whose words are others than before, was edited now."""
    if said.edited_at is not None or tx.events.outcome(said.id) is None:
        return said
    heard = tx.events.beginning(_message_id(said.place.channel, said.message))
    texts = {event.data.get("text", "") for event in heard if event.data.get("kind") == "said"}
    # Where a text was removed since, as talk is, these may be its words: what was said at first, heard once more.
    other = texts and "" not in texts and without_spoiler_marks(said.text) not in texts
    return replace(said, edited_at=now) if other else said


def _credible(stamp: datetime, now: datetime, *, not_before: datetime | None = None) -> datetime:
    """A platform's stamp; where it cannot be true, the present instant.

    Discord's are read off ids, which on a server that only speaks like it may be any numbers.
    """
    impossible = stamp > now + CLOCKS_DIFFER or (not_before is not None and stamp < not_before - CLOCKS_DIFFER)
    return now if impossible else stamp


def _as_it_stands(tx: Transaction, happened: Said | Deleted | Form | Submitted, told: Told) -> Told:
    """An earlier receipt, with the marks as they are now: more may have happened since."""
    if told.round is None or isinstance(happened, Deleted):
        return told
    member = happened.by if isinstance(happened, Submitted) else happened.member
    round_ = tx.rounds.get(told.round)
    marked = _marks(tx.answers.get(told.round, member))
    counts = tuple(m for m in marked if round_ and tx.events.get(f"{_message_id(round_.channel, m)}deleted") is None)
    return replace(told, counts=counts, counts_no_more=tuple(m for m in told.counts if m not in counts))


# --- what happened, written down ----------------------------------------------------------------------------


def _hear(tx: Transaction, said: Said, now: datetime) -> Told | None:
    round_ = tx.rounds.by_place(said.place)
    if round_ is None:  # A message of the channel may have been submitted.
        given = [a for a in tx.answers.by_part(said.place.channel, said.message) if a.member == said.member]
        round_ = tx.rounds.get(given[0].round) if given else None
    if round_ is None or round_.state in _NO_ANSWERS or is_barred(tx, said.member):
        return None
    text = without_spoiler_marks(said.text)
    replies = said.reply_to is not None and said.reply_to != said.member
    apart = replies or said.place != round_.thread
    said_at = _credible(said.said_at, now, not_before=round_.opened_at if said.place == round_.thread else None)
    edited_at = said.edited_at and _credible(said.edited_at, now, not_before=said_at)
    if _is_forgotten(tx, said.member, said_at):
        return None
    spoken = Spoken.of(said.message, text, said_at, edited_at, apart=apart)
    new = not tx.events.beginning(_message_id(said.place.channel, said.message))
    if new and len(tx.events.about(_about(round_.id, said.member))) >= KEPT_AT_MOST:
        return None  # Nobody says so much in one thread; going over it all at each message would hold up the rest.
    told = _happened(tx, round_, said.member, said.id, spoken, now)
    if _counts(told):
        _met(tx, round_, said.member, said.name, public=True)
    elif round_.state is RoundState.REVEALED:
        _write_over(tx, [said.id], tx.events.about(_about(round_.id, said.member)))  # Talk is nothing to keep.
    return told


def _forget_message(tx: Transaction, deleted: Deleted, now: datetime) -> Told | None:
    heard = tx.events.beginning(_message_id(deleted.channel, deleted.message))
    answers = tx.answers.by_part(deleted.channel, deleted.message)
    if not heard and not answers and not tx.rounds.unrevealed(deleted.channel):
        return None
    tx.events.add(Occurrence(id=deleted.id, at=now, data={"kind": "deleted", "at": deleted.at.isoformat()}))
    _write_over(tx, [event.id for event in heard], heard)
    for about in {event.about for event in heard if event.about}:  # A form may have taken its place since.
        round_id, _, member = about.rpartition(" ")
        tx.answers.erase_history(RoundId(round_id), MemberId(member))
    told = [_take_back(tx, deleted, answer, now) for answer in answers]
    return told[0] if told else TALK


def _take_back(tx: Transaction, deleted: Deleted, answer: Answer, now: datetime) -> Told:
    round_ = tx.rounds.get(answer.round)
    assert round_ is not None, "an answer has its round"
    events = tx.events.about(_about(answer.round, answer.member))
    heard = any(event.data.get("message") == deleted.message for event in events)  # Else its author was forgotten.
    if heard and (deleted.at < round_.closes_at or answer.late) and not answer.final:
        told = _derive(tx, round_, answer.member, deleted.id, now, erase_history=True)
        _write_over(tx, [event.id for event in events if event.data.get("message") == deleted.message], events)
        return told
    _erase(tx, answer, deleted.at)
    why = Why.FINAL if answer.final else Why.CLOSED
    return Told(receipt=Receipt.NOT_COUNTED, why=why, round=round_.id, counts_no_more=(deleted.message,))


def _erase(tx: Transaction, answer: Answer, at: datetime) -> None:
    """After the close, or a check, the text goes, wherever it was kept, and the grade stays. It changes no more."""
    events = tx.events.about(_about(answer.round, answer.member))
    _write_over(tx, [event.id for event in events], events)
    if tx.answers.grade(answer.round, answer.member) is not None:
        tx.answers.blank(answer.round, answer.member)
    elif not answer.erase:
        kept = replace(answer, erase=True, revision=answer.revision + 1)
        tx.answers.save(kept, cause="deleted after the close", at=at, erase_history=True)


def _take_form(tx: Transaction, form: Form, now: datetime) -> Told:
    round_ = tx.rounds.get(form.round)
    if round_ is None or round_.state in _NO_ANSWERS or round_.group != group_of(ChannelId(form.member)):
        return Told(receipt=Receipt.NOT_COUNTED, why=Why.NO_ROUND)
    stands = tx.answers.get(round_.id, form.member)
    takes_back = stands is not None and bool(stands.parts) and not form.text.strip()
    if is_barred(tx, form.member) and not takes_back:
        return Told(receipt=Receipt.NOT_COUNTED, why=Why.BARRED, round=round_.id)
    at = _credible(form.at, now, not_before=round_.opened_at)
    if _is_forgotten(tx, form.member, at):
        return TALK
    if stands is not None and takes_back and (stands.final or (at >= round_.closes_at and not stands.late)):
        _erase(tx, stands, at)
        return Told(receipt=Receipt.NOT_COUNTED, why=Why.TEXT_GONE, round=round_.id)
    filled = Filled.of(form.interaction, without_spoiler_marks(form.text), at, form.share)
    _met(tx, round_, form.member, form.name, public=False)
    return _happened(tx, round_, form.member, form.id, filled, now)


def _submit(tx: Transaction, submitted: Submitted, now: datetime) -> Told:
    said = submitted.said
    round_ = tx.rounds.by_place(said.place)
    if round_ is None:
        round_ = next(iter(tx.rounds.live(said.place.channel)), None)
    if submitted.by != said.member:
        return Told(receipt=Receipt.NOT_COUNTED, why=Why.NOT_OWN)
    if round_ is None or round_.state in _NO_ANSWERS:
        return Told(receipt=Receipt.NOT_COUNTED, why=Why.NO_ROUND)
    if is_barred(tx, said.member):
        return Told(receipt=Receipt.NOT_COUNTED, why=Why.BARRED, round=round_.id)
    if round_.sealed:
        return Told(receipt=Receipt.NOT_COUNTED, why=Why.SEALED, round=round_.id)
    text = without_spoiler_marks(said.text)
    said_at, edited_at = _credible(said.said_at, now), said.edited_at and _credible(said.edited_at, now)
    at = _credible(submitted.at, now, not_before=round_.opened_at)
    if _is_forgotten(tx, said.member, said_at):
        return TALK
    submission = Submission.of(said.message, text, said_at, edited_at, at)
    told = _happened(tx, round_, said.member, submitted.id, submission, now)
    if _counts(told):
        _met(tx, round_, said.member, said.name, public=True)
    return told


def _happened(
    tx: Transaction, round_: Round, member: MemberId, event_id: str, happening: Happening, now: datetime
) -> Told:
    about = _about(round_.id, member)
    tx.events.add(Occurrence(id=event_id, at=now, about=about, data=happening.as_data()))
    return _derive(tx, round_, member, event_id, now)


# --- the answer, read off what happened ---------------------------------------------------------------------


def _derive(
    tx: Transaction, round_: Round, member: MemberId, event_id: str, now: datetime, *, erase_history: bool = False
) -> Told:
    events = tx.events.about(_about(round_.id, member))
    happenings: dict[str, Anything] = {event.id: _happening(event) for event in events}
    for message in {event.data["message"] for event in events if "message" in event.data}:
        gone = tx.events.get(f"{_message_id(round_.channel, message)}deleted")
        if gone is not None:
            happenings[gone.id] = Deletion(message=message, at=datetime.fromisoformat(gone.data["at"]))
    drafted = draft(round_, happenings)
    outcome = drafted.outcomes[event_id]
    stands = tx.answers.get(round_.id, member)
    if stands is not None and stands.final:
        if outcome.why is Why.TALK:
            return TALK
        return Told(receipt=Receipt.NOT_COUNTED, why=Why.FINAL, round=round_.id, counts=_marks(stands))
    if stands is not None and stands.erase:
        return Told(receipt=Receipt.NOT_COUNTED, why=Why.CLOSED, round=round_.id)
    drafted.parts = _with_texts(drafted, stands)
    if not _differs(stands, drafted):
        return TALK if _is_gone(happenings, event_id) else _told(round_, stands, outcome)
    saved = _save(tx, round_, member, stands, drafted, outcome, now, erase_history=erase_history)
    told = replace(_told(round_, saved, outcome), counts_no_more=_gone(stands, saved))
    late = {d.message: d.at for d in happenings.values() if isinstance(d, Deletion) and d.at >= round_.closes_at}
    erased = [part.id for part in saved.parts if part.id in late]
    if erased:  # It was deleted after the close, and that is known before what was said.
        _erase(tx, saved, min(late[message] for message in erased))
        told = replace(told, counts=tuple(message for message in told.counts if message not in erased))
    return told


def _with_texts(drafted: Draft, stands: Answer | None) -> tuple[Part, ...]:
    """The parts with the text that stands where what was heard has been removed since; without text there is none."""
    kept = {part.id: part.text for part in stands.parts} if stands is not None else {}
    parts = (part if part.text else replace(part, text=kept.get(part.id, "")) for part in drafted.parts)
    return tuple(part for part in parts if part.text)


def _is_gone(happenings: Mapping[str, Anything], event_id: str) -> bool:
    """Whether this is a message whose deletion was known before it."""
    what = happenings[event_id]
    return isinstance(what, Spoken) and any(
        isinstance(other, Deletion) and other.message == what.message for other in happenings.values()
    )


def _save(
    tx: Transaction,
    round_: Round,
    member: MemberId,
    before: Answer | None,
    drafted: Draft,
    outcome: Outcome,
    now: datetime,
    *,
    erase_history: bool,
) -> Answer:
    at = drafted.started_at or now
    saved = Answer(
        round=round_.id,
        member=member,
        parts=drafted.parts,
        revision=before.revision + 1 if before else 1,
        late=drafted.late,
        removed=before is not None and before.removed,
        share=drafted.share,
        local_date=before.local_date if before else local_date(at, round_.zone),
    )
    tx.answers.save(saved, cause=outcome.receipt.value, at=now, erase_history=erase_history)
    if round_.state is RoundState.REVEALED:
        renew_exemplar(tx, round_, member)  # A late answer may have been changed or withdrawn.
    if round_.state is RoundState.REVEALED and not saved.parts:
        settle(tx, round_, now, [member])  # It was withdrawn in time, and is only known of now.
    return saved


def _differs(answer: Answer | None, drafted: Draft) -> bool:
    if answer is None:
        return bool(drafted.parts)
    before, after = ([(p.source, p.id, p.text) for p in parts] for parts in (answer.parts, drafted.parts))
    return (before, answer.late, answer.share) != (after, drafted.late, drafted.share)


def _told(round_: Round, answer: Answer | None, outcome: Outcome) -> Told:
    if outcome.why is Why.TALK:
        return TALK
    receipt = outcome.receipt
    if receipt is Receipt.RECORDED and answer is not None and answer.late:
        receipt = Receipt.LATE
    return Told(receipt=receipt, why=outcome.why, round=round_.id, counts=_marks(answer))


def _marks(answer: Answer | None) -> tuple[str, ...]:
    """The messages whose mark should stand."""
    if answer is None or answer.late:
        return ()
    return tuple(part.id for part in answer.parts if part.source is Source.MESSAGE)


def _gone(before: Answer | None, after: Answer) -> tuple[str, ...]:
    counts = _marks(after)
    earlier = before.parts if before else ()
    return tuple(part.id for part in earlier if part.source is Source.MESSAGE and part.id not in counts)


# --- pieces -------------------------------------------------------------------------------------------------


def _is_forgotten(tx: Transaction, member: MemberId, said_at: datetime) -> bool:
    """Whether its author has asked since to be forgotten: a late edit or another look at the thread brings it again."""
    forgotten_at = tx.records.forgotten_at(member)
    return forgotten_at is not None and said_at <= forgotten_at


def _counts(told: Told) -> bool:
    return told.receipt in (Receipt.RECORDED, Receipt.REVISED, Receipt.LATE)


def _about(round_id: RoundId, member: MemberId) -> str:
    return f"{round_id} {member}"


def _message_id(channel: ChannelId, message: str) -> str:
    return f"{channel}/{message}/"


def _happening(event: Occurrence) -> Happening:
    kinds: dict[str, type[Spoken] | type[Filled] | type[Submission]] = {
        "said": Spoken,
        "form": Filled,
        "submitted": Submission,
    }
    return kinds[event.data["kind"]].from_data(event.data)


def _write_over(tx: Transaction, ids: Sequence[str], events: Sequence[Occurrence]) -> None:
    """Remove the text of these events; what the rules need to know of it stays."""
    for event in events:
        if event.id in ids and event.data.get("text"):
            tx.events.rewrite(replace(event, data={**event.data, "text": ""}))


def _met(tx: Transaction, round_: Round, member_id: MemberId, name: str, *, public: bool) -> None:
    known = tx.members.get(member_id)
    member = known or Member(id=member_id, group=group_of(round_.channel), name=name)
    member = replace(member, name=name, public=member.public or public)
    if member != known:
        tx.members.save(member)


def _told_as_text(told: Told) -> str:
    return json.dumps(
        {
            "receipt": told.receipt,
            "round": told.round,
            "why": told.why,
            "counts": told.counts,
            "counts_no_more": told.counts_no_more,
        }
    )


def _told_from(text: str) -> Told:
    kept = json.loads(text)
    return Told(
        receipt=Receipt(kept["receipt"]),
        round=kept["round"] and RoundId(kept["round"]),
        why=kept["why"] and Why(kept["why"]),
        counts=tuple(kept["counts"]),
        counts_no_more=tuple(kept["counts_no_more"]),
    )
