"""What an answer is, told a second time: from the rules in docs/architecture.md, and not from the code that keeps them.

All that was taken in of one member in one round, in the order of the platform's stamps.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.core.answering import Deleted, Form, Said, Submitted
from bot.core.model import Round

Happened = Said | Deleted | Form | Submitted

JOINS_WITHIN = timedelta(minutes=10)
HOLDS = 3000
STARTS_WITH = 5


@dataclass(slots=True)
class Piece:
    """A part of an answer."""

    id: str
    text: str
    said_at: datetime
    edited_at: datetime | None
    form: bool = False


@dataclass(slots=True)
class Expected:
    """An answer as it should be kept."""

    pieces: list[Piece]
    late: bool = False
    erased: bool = False
    """Its author deleted some of it after the close: the text goes, the grade stays."""

    @property
    def text(self) -> str:
        return "\n".join(piece.text for piece in self.pieces)

    def fits(self, pieces: Iterable[Piece]) -> bool:
        return len("\n".join(piece.text for piece in pieces)) <= HOLDS


def expected(
    round_: Round, taken: Iterable[Happened], gone: Mapping[str, datetime], withdrawn: Collection[str] = ()
) -> Expected:
    """The answer that this makes.

    `gone` are deleted messages, with the instants at which that was heard; `withdrawn` are the empty forms that found
    an answer when they came. One that was sent after the close is then as good as a deletion.
    """
    taken = list(taken)
    forms_known: dict[str, list[datetime | None]] = {}
    latest: dict[str, list[datetime]] = {}
    for one in taken:
        if isinstance(one, Said | Submitted):
            said = one.said if isinstance(one, Submitted) else one
            forms_known.setdefault(said.message, []).append(said.edited_at)
            done = one.at if isinstance(one, Submitted) else said.edited_at or said.said_at
            latest.setdefault(said.message, []).append(done)

    def effective(one: Happened) -> tuple[datetime, int]:
        if isinstance(one, Said):
            if one.edited_at is None:
                return one.said_at, 0
            known = forms_known[one.message]
            earliest = None not in known and one.edited_at == min(e for e in known if e is not None)
            after_reveal = round_.revealed_at is not None and one.edited_at >= round_.revealed_at
            return (one.said_at if earliest and not after_reveal else one.edited_at), 0
        if isinstance(one, Deleted):  # Nothing is deleted before it was said, whatever this machine's clock says.
            return max(one.at, *latest[one.message]), 2
        return one.at, 1

    deletions = [Deleted(channel=round_.channel, message=m, at=at) for m, at in gone.items() if m in forms_known]
    answer = Expected([])
    for one in sorted([*taken, *deletions], key=lambda one: (*effective(one), one.id)):
        if answer.erased:
            break
        _step(round_, answer, one, effective(one)[0], withdraws=one.id in withdrawn)
    return answer


def _step(round_: Round, answer: Expected, one: Happened, at: datetime, *, withdraws: bool) -> None:
    closed = (one.at if isinstance(one, Deleted) else at) >= round_.closes_at
    in_time = bool(answer.pieces) and not answer.late
    here = next((p for p in answer.pieces if isinstance(one, Said | Deleted) and p.id == one.message), None)
    match one:
        case Deleted():
            if here is None:
                return
            if closed and in_time:
                answer.erased = True
                return
            answer.pieces.remove(here)
            answer.late = answer.late and bool(answer.pieces)
        case Said() if here is not None:
            if one.edited_at is None or (here.edited_at and one.edited_at <= here.edited_at) or (closed and in_time):
                return
            changed = Piece(here.id, one.text.strip(), here.said_at, one.edited_at)
            pieces = [changed if piece is here else piece for piece in answer.pieces]
            if answer.fits(pieces):
                answer.pieces = pieces
        case Said():
            _speak(round_, answer, one, at, closed=closed)
        case Form() | Submitted():
            if in_time and closed:
                answer.erased = withdraws
                return
            if isinstance(one, Form):
                piece, late = Piece(one.interaction, one.text.strip(), one.at, None, form=True), closed
            else:
                said = one.said
                piece = Piece(said.message, said.text.strip(), said.said_at, said.edited_at)
                late = (said.edited_at or said.said_at) >= round_.closes_at
            if not piece.text:
                answer.pieces, answer.late = [], False
            elif answer.fits([piece]):
                answer.pieces, answer.late = [piece], late


def _speak(round_: Round, answer: Expected, said: Said, at: datetime, *, closed: bool) -> None:
    piece = Piece(said.message, said.text.strip(), said.said_at, said.edited_at)
    if round_.sealed or (said.reply_to is not None and said.reply_to != said.member):
        return
    if not answer.pieces or (answer.late and not closed):
        words = [word for word in piece.text.split() if any(map(str.isalnum, word))]
        if len(words) >= STARTS_WITH and answer.fits([piece]):
            answer.pieces, answer.late = [piece], closed
        return
    first = answer.pieces[0]
    if first.form or at - first.said_at > JOINS_WITHIN or (closed and not answer.late):
        return
    pieces = sorted([*answer.pieces, piece], key=lambda one: (one.said_at, one.id))
    if answer.fits(pieces):
        answer.pieces = pieces
