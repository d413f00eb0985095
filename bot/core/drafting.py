"""Reads a member's answer off all that is known to have happened, in the order of the platform's stamps.

A pure function of a set: the order of arrival cannot matter. Texts may have been removed since; the rules only need
their length and whether they were long enough to start an answer, which are kept beside them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, assert_never

from bot.core.counting import LONGEST_ANSWER, starts_answer
from bot.core.model import Part, Receipt, Round, Share, Source, Why

JOINS_WITHIN: Final = timedelta(minutes=10)
"""What a member adds this soon after the start of their answer belongs to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """A message as it stood at one time: when it was said, or after an edit."""

    message: str
    text: str
    said_at: datetime
    edited_at: datetime | None
    apart: bool
    """Whether it is a reply to another member, or outside the thread: it starts and joins nothing by itself."""
    starts: bool
    length: int

    @classmethod
    def of(cls, message: str, text: str, said_at: datetime, edited_at: datetime | None, *, apart: bool) -> Spoken:
        return cls(
            message=message,
            text=text,
            said_at=said_at,
            edited_at=edited_at,
            apart=apart,
            starts=starts_answer(text),
            length=len(text),
        )

    def as_data(self) -> dict[str, str]:
        return {
            "kind": "said",
            "message": self.message,
            "text": self.text,
            "said_at": self.said_at.isoformat(),
            "edited_at": self.edited_at.isoformat() if self.edited_at else "",
            "apart": "yes" if self.apart else "",
            "starts": "yes" if self.starts else "",
            "length": str(self.length),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, str]) -> Spoken:
        return cls(
            message=data["message"],
            text=data["text"],
            said_at=datetime.fromisoformat(data["said_at"]),
            edited_at=datetime.fromisoformat(data["edited_at"]) if data["edited_at"] else None,
            apart=bool(data["apart"]),
            starts=bool(data["starts"]),
            length=int(data["length"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A form that was sent."""

    interaction: str
    text: str
    at: datetime
    share: Share
    length: int

    @classmethod
    def of(cls, interaction: str, text: str, at: datetime, share: Share) -> Filled:
        return cls(interaction=interaction, text=text, at=at, share=share, length=len(text))

    def as_data(self) -> dict[str, str]:
        return {
            "kind": "form",
            "interaction": self.interaction,
            "text": self.text,
            "at": self.at.isoformat(),
            "share": self.share.value,
            "length": str(self.length),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, str]) -> Filled:
        return cls(
            interaction=data["interaction"],
            text=data["text"],
            at=datetime.fromisoformat(data["at"]),
            share=Share(data["share"]),
            length=int(data["length"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A message that its author submitted as their answer, as it stood then."""

    message: str
    text: str
    said_at: datetime
    edited_at: datetime | None
    at: datetime
    length: int

    @classmethod
    def of(cls, message: str, text: str, said_at: datetime, edited_at: datetime | None, at: datetime) -> Submission:
        return cls(message=message, text=text, said_at=said_at, edited_at=edited_at, at=at, length=len(text))

    def as_data(self) -> dict[str, str]:
        return {
            "kind": "submitted",
            "message": self.message,
            "text": self.text,
            "said_at": self.said_at.isoformat(),
            "edited_at": self.edited_at.isoformat() if self.edited_at else "",
            "at": self.at.isoformat(),
            "length": str(self.length),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, str]) -> Submission:
        return cls(
            message=data["message"],
            text=data["text"],
            said_at=datetime.fromisoformat(data["said_at"]),
            edited_at=datetime.fromisoformat(data["edited_at"]) if data["edited_at"] else None,
            at=datetime.fromisoformat(data["at"]),
            length=int(data["length"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """A message that was removed."""

    message: str
    at: datetime


Happening = Spoken | Filled | Submission
Anything = Happening | Deletion


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one happening came to."""

    receipt: Receipt
    why: Why | None = None


@dataclass(slots=True)
class Draft:
    """An answer as it stands after all that happened, and what each happening came to, by its key."""

    parts: tuple[Part, ...] = ()
    late: bool = False
    share: Share = Share.NO
    started_at: datetime | None = None
    lengths: dict[str, int] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)


_TALK: Final = Outcome(Receipt.NOT_COUNTED, Why.TALK)
_CLOSED: Final = Outcome(Receipt.NOT_COUNTED, Why.CLOSED)
_TOO_LONG: Final = Outcome(Receipt.TOO_LONG)


def draft(round_: Round, happened: Mapping[str, Anything]) -> Draft:
    """The answer that these happenings of one member in one round make."""
    drafted = Draft()
    first, latest = _first_versions(happened.values()), _latest(happened.values())
    stamped = sorted((*_stamp(round_, what, first, latest), key) for key, what in happened.items())
    for at, _, key in stamped:
        drafted.outcomes[key] = _step(round_, drafted, happened[key], at)
    return drafted


def _first_versions(happened: Iterable[Anything]) -> dict[str, datetime | None]:
    """For each message the edit stamp of the earliest form of it that is known; None where the original is."""
    first: dict[str, datetime | None] = {}
    for what in happened:
        if isinstance(what, Spoken | Submission):
            known = first.setdefault(what.message, what.edited_at)
            if known is not None:
                first[what.message] = None if what.edited_at is None else min(known, what.edited_at)
    return first


def _latest(happened: Iterable[Anything]) -> dict[str, datetime]:
    """For each message the latest stamp of anything that was done with it, but for its deletion."""
    latest: dict[str, datetime] = {}
    for what in happened:
        if isinstance(what, Spoken | Submission):
            at = what.at if isinstance(what, Submission) else what.edited_at or what.said_at
            latest[what.message] = max(at, latest.get(what.message, at))
    return latest


def _stamp(
    round_: Round, what: Anything, first: Mapping[str, datetime | None], latest: Mapping[str, datetime]
) -> tuple[datetime, int]:
    """The instant at which something took effect; of the same instant, deletions come last.

    A deletion has no stamp of the platform's, and this machine's clock may be behind: nothing is done with a message
    after it.
    An edit that is the earliest known form of its message counts from when the message was said, with the words that
    are known. Not if it was made after the reveal: then the words may be the reference's.
    """
    match what:
        case Spoken(edited_at=None):
            return what.said_at, 0
        case Spoken(edited_at=datetime() as edited_at):
            knowing = round_.revealed_at is not None and edited_at >= round_.revealed_at
            return (what.said_at if first[what.message] == edited_at and not knowing else edited_at), 0
        case Filled() | Submission():
            return what.at, 1
        case Deletion():
            return max(what.at, latest.get(what.message, what.at)), 2
        case _:
            raise AssertionError(what)


def _step(round_: Round, drafted: Draft, what: Anything, at: datetime) -> Outcome:
    match what:
        case Spoken():
            part = next((p for p in drafted.parts if p.source is Source.MESSAGE and p.id == what.message), None)
            if part is not None:
                return _edit(round_, drafted, part, what, at)
            return _start_or_join(round_, drafted, what, at)
        case Filled():
            part = Part(source=Source.FORM, id=what.interaction, text=what.text, said_at=what.at)
            outcome = _replace_all(round_, drafted, part, what.length, late=at >= round_.closes_at, at=at)
            if outcome.receipt in (Receipt.RECORDED, Receipt.REVISED):
                drafted.share = what.share
            return outcome
        case Submission():
            return _submit(round_, drafted, what)
        case Deletion():
            return _delete(round_, drafted, what)
        case _:
            assert_never(what)


def _start_or_join(round_: Round, drafted: Draft, spoken: Spoken, at: datetime) -> Outcome:
    if spoken.apart:
        return _TALK
    if round_.sealed:
        revealed = round_.revealed_at is not None and at >= round_.revealed_at
        return Outcome(Receipt.NOT_COUNTED, Why.SEALED) if spoken.starts and not revealed else _TALK
    late = at >= round_.closes_at
    part = _part_of(spoken)
    if not drafted.parts or (drafted.late and not late):
        if not spoken.starts:
            return _TALK
        if spoken.length > LONGEST_ANSWER:
            return _TOO_LONG
        _stand(drafted, (part,), {part.id: spoken.length}, late=late)
        drafted.started_at = at
        return Outcome(Receipt.RECORDED)
    start = drafted.parts[0]
    if start.source is Source.FORM or not spoken.length or at - start.said_at > JOINS_WITHIN:
        return _TALK
    if late and not drafted.late:
        return _CLOSED
    lengths = {**drafted.lengths, part.id: spoken.length}
    if _total(lengths) > LONGEST_ANSWER:
        return _TOO_LONG
    parts = tuple(sorted((*drafted.parts, part), key=lambda p: (p.said_at, p.id)))
    _stand(drafted, parts, lengths, late=drafted.late)
    return Outcome(Receipt.RECORDED)


def _edit(round_: Round, drafted: Draft, part: Part, spoken: Spoken, at: datetime) -> Outcome:
    if spoken.edited_at is None or (part.edited_at is not None and spoken.edited_at <= part.edited_at):
        return Outcome(Receipt.RECORDED)  # What is submitted may have been edited before.
    if at >= round_.closes_at and not drafted.late:
        return _CLOSED
    if not spoken.length:
        return _remove(drafted, part)
    lengths = {**drafted.lengths, part.id: spoken.length}
    if _total(lengths) > LONGEST_ANSWER:
        return _TOO_LONG
    edited = replace(part, text=spoken.text, edited_at=spoken.edited_at)
    _stand(drafted, tuple(edited if p.id == part.id else p for p in drafted.parts), lengths, late=drafted.late)
    return Outcome(Receipt.REVISED)


def _submit(round_: Round, drafted: Draft, submission: Submission) -> Outcome:
    if not submission.length:
        return Outcome(Receipt.NOT_COUNTED, Why.EMPTY)
    part = Part(
        source=Source.MESSAGE,
        id=submission.message,
        text=submission.text,
        said_at=submission.said_at,
        edited_at=submission.edited_at,
    )
    late = (submission.edited_at or submission.said_at) >= round_.closes_at
    return _replace_all(round_, drafted, part, submission.length, late=late, at=submission.at)


def _delete(round_: Round, drafted: Draft, deletion: Deletion) -> Outcome:
    part = next((p for p in drafted.parts if p.source is Source.MESSAGE and p.id == deletion.message), None)
    if part is None:
        return _TALK
    if deletion.at >= round_.closes_at and not drafted.late:
        return _CLOSED
    return _remove(drafted, part)


def _remove(drafted: Draft, part: Part) -> Outcome:
    parts = tuple(p for p in drafted.parts if p.id != part.id)
    lengths = {id: length for id, length in drafted.lengths.items() if id != part.id}
    _stand(drafted, parts, lengths, late=drafted.late and bool(parts))
    return Outcome(Receipt.REVISED if parts else Receipt.WITHDRAWN)


def _replace_all(round_: Round, drafted: Draft, part: Part, length: int, *, late: bool, at: datetime) -> Outcome:
    if drafted.parts and not drafted.late and at >= round_.closes_at:
        return _CLOSED
    if not length and not drafted.parts:
        return Outcome(Receipt.NOT_COUNTED, Why.EMPTY)
    if length > LONGEST_ANSWER:
        return _TOO_LONG
    stood = bool(drafted.parts)
    if not length:
        _stand(drafted, (), {}, late=False)
        return Outcome(Receipt.WITHDRAWN)
    _stand(drafted, (part,), {part.id: length}, late=late)
    drafted.started_at = drafted.started_at or at
    return Outcome(Receipt.REVISED if stood else Receipt.RECORDED)


def _stand(drafted: Draft, parts: tuple[Part, ...], lengths: dict[str, int], *, late: bool) -> None:
    drafted.parts, drafted.lengths, drafted.late = parts, lengths, late


def _part_of(spoken: Spoken) -> Part:
    return Part(
        source=Source.MESSAGE,
        id=spoken.message,
        text=spoken.text,
        said_at=spoken.said_at,
        edited_at=spoken.edited_at,
    )


def _total(lengths: Mapping[str, int]) -> int:
    """Characters of the whole answer: its parts are joined by line breaks."""
    return sum(lengths.values()) + len(lengths) - 1
