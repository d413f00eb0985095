"""The words of nnquestion as values: ids, the bank, drills, rounds, answers, grades, points.

Everything here is frozen and knows neither a clock nor a platform. All instants are aware datetimes in UTC.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import Enum, StrEnum
from typing import Final, NewType

from bot.core.card import Card

GroupId = NewType("GroupId", str)
"""`discord:<guild>`, `slack:<team>` or `terminal:local`."""

ChannelId = NewType("ChannelId", str)
"""`<group id>/<channel>`, such as `terminal:local/general`."""

MemberId = NewType("MemberId", str)
"""`<group id>/@<user>`, such as `terminal:local/@ada`."""

QuestionId = NewType("QuestionId", str)
"""`<bank>:<slug>`, such as `nn:dropout`."""

RoundId = NewType("RoundId", str)
"""`<channel id>@<local date>` for a daily round, `<channel id>#<n>` for an extra one."""


def group_of(channel: ChannelId) -> GroupId:
    """The group a channel was made in; channels also carry it as a column, since one day it may differ."""
    return GroupId(channel.partition("/")[0])


def platform_of(place: str) -> str:
    """The platform an id comes from: what stands before its first colon."""
    return place.partition(":")[0]


def daily_round_id(channel: ChannelId, local_date: date) -> RoundId:
    """The id of the one daily round a channel can have on a local date."""
    return RoundId(f"{channel}@{local_date.isoformat()}")


def date_of(round_id: RoundId) -> date | None:
    """The local date of a daily round, as its id says; None of an extra one."""
    _, at, on = round_id.rpartition("@")
    try:
        return date.fromisoformat(on) if at else None
    except ValueError:
        return None


def extra_round_id(channel: ChannelId, number: int) -> RoundId:
    """The id of a channel's `number`-th extra round."""
    return RoundId(f"{channel}#{number}")


# --- the bank -----------------------------------------------------------------------------------------------


class Fits(StrEnum):
    """When a question is best asked."""

    DAILY = "daily"
    WEEKEND = "weekend"


class Status(StrEnum):
    """How far an entry of a bank has come; retired ones are never asked again."""

    DRAFT = "draft"
    REVIEWED = "reviewed"
    RETIRED = "retired"


class ExemplarKind(StrEnum):
    """What a graded sample answer is an example of."""

    FULL = "full"
    PARTIAL = "partial"
    SHORT = "short"
    WRONG = "wrong"
    DENIAL = "denial"
    KEYWORDS = "keywords"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPoint:
    """One checkable statement of the reference answer, with phrasings a learner would use."""

    id: str
    text: str
    any_of: tuple[str, ...] = ()
    weight: int = 1
    essential: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Misconception:
    """A wrong claim that people make, why it is wrong, and the key point it blocks."""

    claim: str
    why: str
    blocks: str | None = None
    cues: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemplar:
    """A sample answer graded by people: the ids of the key points it earns, or one score for all of it."""

    kind: ExemplarKind
    text: str
    earns: tuple[str, ...] = ()
    score: float | None = None
    """0..1, what people gave to the whole, where nobody ticked key points. A bank's file has none; rulings do."""

    @property
    def mark(self) -> str:
        """What a grade knows it by: the same text has the same mark everywhere."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Where a claim can be read up."""

    title: str
    year: int
    authors: str = ""
    arxiv: str | None = None
    doi: str | None = None
    isbn: str | None = None
    url: str | None = None
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A complete program that belongs to an answer."""

    lang: str
    source: str
    needs: tuple[str, ...] = ()


GRADED_LANGUAGES: Final = ("en",)
"""The languages whose words the grader can read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """An entry of a bank. Only prompt and answer are needed; without key points its rounds are ungraded."""

    id: QuestionId
    prompt: str
    answer: str
    version: int = 1
    seed: int | None = None
    status: Status = Status.DRAFT
    reviewed: date | None = None
    """The day on which somebody checked it against the sources."""
    section: str = ""
    difficulty: int = 1
    fits: Fits = Fits.DAILY
    minutes: int = 3
    topics: tuple[str, ...] = ()
    related: tuple[QuestionId, ...] = ()
    code: Code | None = None
    key_points: tuple[KeyPoint, ...] = ()
    misconceptions: tuple[Misconception, ...] = ()
    hints: tuple[str, ...] = ()
    follow_ups: tuple[str, ...] = ()
    exemplars: tuple[Exemplar, ...] = ()
    references: tuple[Reference, ...] = ()
    language: str = "en"
    """The bank's: a round keeps a copy of its question, and must know how to grade it without the bank."""

    @property
    def slug(self) -> str:
        """The id inside its bank."""
        return self.id.partition(":")[2]

    @property
    def graded(self) -> bool:
        """Whether answers can be graded: it has key points, in a language that the grader knows."""
        return bool(self.key_points) and self.language.partition("-")[0] in GRADED_LANGUAGES


@dataclass(frozen=True, slots=True, kw_only=True)
class Bank:
    """A file of questions. Topics are the file's own, by id and title."""

    id: str
    title: str
    version: str
    language: str
    licence: str
    topics: Mapping[str, str]
    questions: tuple[Question, ...]
    profile: str = ""
    """The rules that `bank check` holds the file to beyond those for any bank."""


# --- drills -------------------------------------------------------------------------------------------------

EVERY_DAY: Final = frozenset(range(7))


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """When a daily round closes: at the drill's next opening, or earlier at a local time or after some hours."""

    at: time | None = None
    after_hours: int | None = None

    def __post_init__(self) -> None:
        if self.at is not None and self.after_hours is not None:
            raise ValueError("a round closes at a local time or after some hours, not both")
        if self.after_hours is not None and not 1 <= self.after_hours <= 24 * 7:
            raise ValueError(f"a round closes 1 to 168 hours after it opens, not {self.after_hours}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timetable:
    """When a drill opens and closes rounds; nothing in it but local dates, local times and a zone.

    `days` are 0 for Monday to 6 for Sunday. Dates before `paused_until` are not planned; `paused` stops all
    openings until somebody resumes.
    """

    at: time
    zone: str
    days: frozenset[int] = EVERY_DAY
    closing: Closing = Closing()
    reveal_at: time | None = None
    days_off: frozenset[date] = frozenset()
    paused_until: date | None = None
    paused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A planned round: its local date, and the instant at which it opens."""

    on: date
    at: datetime


class DrillState(StrEnum):
    """Whether a drill opens rounds: asleep after five without an answer, off when its channel fails."""

    ON = "on"
    ASLEEP = "asleep"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """A channel's standing order. `next` is the next planned opening, `last` the last one that was dealt with."""

    channel: ChannelId
    group: GroupId
    timetable: Timetable
    bank: str
    topics: frozenset[str] = frozenset()
    difficulties: frozenset[int] = frozenset()
    sealed: bool = False
    may_ask: bool = True
    ranking: bool = True
    recap: bool = True
    organizers: frozenset[MemberId] = frozenset()
    notes: str | None = None
    set_up_by: MemberId | None = None
    state: DrillState = DrillState.ON
    state_reason: str = ""
    next: Opening | None = None
    last: Opening | None = None
    unanswered: int = 0
    """Daily rounds revealed in a row without an answer."""
    refused: int = 0
    """Messages in a row that the platform forbade."""
    left: int | None = None
    """Questions that fitted it and were never asked in its channel, when it opened its last round."""
    skipped_since: tuple[date, ...] = ()
    """Dates skipped because the program came too late, not yet told in the channel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The questions a channel is still to be asked in its present cycle, in order, and what could not be kept."""

    channel: ChannelId
    cycle: int
    questions: tuple[QuestionId, ...]
    asked: tuple[QuestionId, ...] = ()
    """Asked in this cycle already, oldest first."""
    gave_up: tuple[str, ...] = ()
    first: tuple[QuestionId, ...] = ()
    """Put at the front by an organizer, kept there when the rest is planned anew."""


NOTHING_ASKED: Final = Question(id=QuestionId(""), prompt="", answer="")
"""The question of a round that was skipped before one was chosen."""


# --- rounds -------------------------------------------------------------------------------------------------


class RoundKind(StrEnum):
    """Daily rounds come from a drill and pay; extra ones are asked by hand and do not."""

    DAILY = "daily"
    EXTRA = "extra"


class RoundState(StrEnum):
    """The life of a round. Skipped: too late to open. Cancelled: its thread was deleted, or an organizer said so."""

    OPEN = "open"
    CLOSED = "closed"
    GRADED = "graded"
    REVEALED = "revealed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


UNREVEALED: Final = (RoundState.OPEN, RoundState.CLOSED, RoundState.GRADED)
"""The states from which a round can still be revealed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a message goes: a channel, or a thread in it."""

    channel: ChannelId
    thread: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRef:
    """A posted message: the place it is in and the platform's id for it."""

    place: Place
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One question asked in one channel, with the copy of the question as it was asked."""

    id: RoundId
    channel: ChannelId
    group: GroupId
    kind: RoundKind
    state: RoundState
    question: Question
    local_date: date
    opened_at: datetime
    closes_at: datetime
    reveal_at: datetime
    planned_at: datetime
    zone: str = "UTC"
    cycle: int = 0
    sealed: bool = False
    asked_by: MemberId | None = None
    card: MessageRef | None = None
    thread: Place | None = None
    card_deleted: bool = False
    revealed_at: datetime | None = None

    @property
    def graded(self) -> bool:
        """Whether its answers can be graded at all."""
        return self.question.graded


# --- answers ------------------------------------------------------------------------------------------------


class Share(StrEnum):
    """What the author lets others see of an answer given by form."""

    WITH_NAME = "with my name"
    WITHOUT_NAME = "without my name"
    NO = "no"


class Source(StrEnum):
    """The way a part of an answer came in."""

    MESSAGE = "message"
    FORM = "form"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A piece of an answer: a thread message, or what the form held. `said_at` is the platform's own stamp."""

    source: Source
    id: str
    """The message's id; for a form the interaction's."""
    text: str
    said_at: datetime
    edited_at: datetime | None = None
    """The stamp of the edit that stands, so that an older one that arrives later changes nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one member said in one round. `revision` grows with every change, so a grade can name what it graded."""

    round: RoundId
    member: MemberId
    parts: tuple[Part, ...]
    revision: int
    local_date: date
    """The local date of the answer, stamped when it was given; later zones change nothing."""
    late: bool = False
    share: Share = Share.NO
    erase: bool = False
    """Its author deleted it after the close: the text goes as soon as it is graded."""
    final: bool = False
    """Its author had it checked before the close: it changes no more."""
    removed: bool = False
    """An organizer took it out of everything that others see."""

    @property
    def text(self) -> str:
        """What is graded: the parts in order, joined."""
        return "\n".join(part.text for part in self.parts)

    @property
    def by_form(self) -> str:
        """What its author may share: what the form held."""
        return "\n".join(part.text for part in self.parts if part.source is Source.FORM)


class Receipt(StrEnum):
    """What a member is told at once."""

    RECORDED = "recorded"
    REVISED = "revised"
    WITHDRAWN = "withdrawn"
    LATE = "late"
    TOO_LONG = "too long"
    NOT_COUNTED = "not counted"


class Why(StrEnum):
    """The reason a message was not counted, where there is one to tell."""

    TALK = "talk"
    """Nothing to tell: the message is part of the conversation."""
    SEALED = "sealed"
    CLOSED = "closed"
    NO_ROUND = "no round"
    EMPTY = "empty"
    NOT_OWN = "not own"
    FINAL = "final"
    TEXT_GONE = "text gone"
    BARRED = "barred"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A receipt with its reason, the round it belongs to, and the messages that count now.

    `counts` are the message ids whose reaction should stand, `counts_no_more` those whose reaction should go.
    """

    receipt: Receipt
    round: RoundId | None = None
    why: Why | None = None
    counts: tuple[str, ...] = ()
    counts_no_more: tuple[str, ...] = ()


# --- grades and points --------------------------------------------------------------------------------------


class Effort(StrEnum):
    """Whether an answer tried. Only an honest try pays and keeps a streak."""

    HONEST = "honest"
    NOTHING = "nothing said"
    DONT_KNOW = "I don't know"
    QUESTION_BACK = "the question handed back"


class Coverage(Enum):
    """How far an answer covers a key point."""

    MISSED = 0
    PARTLY = 1
    COVERED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class PointGrade:
    """One key point in one grade: how far it is covered, the words that earned it, what was lacking."""

    key_point: str
    coverage: Coverage
    credit: float
    """0..1"""
    words: str = ""
    lacking: tuple[str, ...] = ()
    blocked_by: str = ""
    """The misconception that blocked it, as its claim; empty where none did."""


class Flag(StrEnum):
    """Why a grade was lowered and people should look at it."""

    KEYWORDS = "a list of keywords"
    DENIAL = "denies most of what it touches"
    QUOTED = "quotes the reference answer or an answer revealed before"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """An exemplar that a grade was drawn towards: its mark, how alike the two answers are, and by how much it drew."""

    exemplar: str
    likeness: float
    """0..1"""
    by: float
    """Its share of the change of the score, below 0 where it lowered it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """A verdict on one revision of an answer. Level 2: all essentials; 1: some; 0: none. Unsure is counted up."""

    score: float
    level: int
    points: tuple[PointGrade, ...] = ()
    effort: Effort = Effort.HONEST
    unsure: bool = False
    grader: str = ""
    flags: tuple[Flag, ...] = ()
    """The score is lowered for these, and people should look."""
    exemplars: tuple[Pull, ...] = ()
    """The exemplars that moved the score, nearest first. With the same of these the same answer gets the same grade."""
    basis: str = ""
    """A digest of what it rests on beside question, answer and grader: the group's exemplars, what others had said."""


# --- objections and rulings ---------------------------------------------------------------------------------


class ObjectionState(StrEnum):
    """Open until somebody rules on it, or nobody has for three days."""

    OPEN = "open"
    GRANTED = "granted"
    DECLINED = "declined"
    LAPSED = "lapsed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """A member says that their answer covers a key point, in a sentence of their own.

    Without a key point it says that the answer was lowered without reason (`Flag`).
    """

    round: RoundId
    group: GroupId
    channel: ChannelId
    member: MemberId
    key_point: str
    words: str
    """The sentence; empty once its author removed the text."""
    since: datetime
    """When it was filed, or opened again."""
    state: ObjectionState = ObjectionState.OPEN
    number: int = 0
    """Given by the store."""


class RulingKind(StrEnum):
    """What a ruling is about: one key point of an answer, all of it, or points for something said beside it."""

    POINT = "point"
    LEVEL = "level"
    AWARD = "award"


class Consent(StrEnum):
    """Whether an answer that was ruled on may serve as an exemplar in its group. Only its author says."""

    NOT_ASKED = "not asked"
    ASKED = "asked"
    GIVEN = "given"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What was decided about an answer, by whom. It is only added, and undone; no grade ever changes it.

    `by` is None where nobody ruled in time.
    """

    round: RoundId
    group: GroupId
    channel: ChannelId
    member: MemberId
    kind: RulingKind
    at: datetime
    by: MemberId | None
    key_point: str = ""
    words: str = ""
    verdict: ObjectionState = ObjectionState.GRANTED
    """What became of the objection, where there was one."""
    objection: int | None = None
    level: int | None = None
    """0..2, of a ruling about all of an answer."""
    points: int = 0
    """Of an award."""
    reason: str = ""
    consent: Consent = Consent.NOT_ASKED
    told: bool = False
    """Whether the member has been told what stands now."""
    undone_at: datetime | None = None
    undone_by: MemberId | None = None
    number: int = 0
    """Given by the store."""

    @property
    def stands(self) -> bool:
        """Whether it has not been undone."""
        return self.undone_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A row of the ledger: never edited, only added to. `local_date` says which season it belongs to."""

    id: str
    group: GroupId
    channel: ChannelId
    member: MemberId
    round: RoundId
    question: QuestionId
    cycle: int
    local_date: date
    points: int
    reason: str
    at: datetime
    ruling: int | None = None
    """The award it comes from; None where it comes from a grade."""


UNGRADED: Final = "none: the grader failed"
"""What stands as the grader of an answer that no grader could grade."""


class Naming(StrEnum):
    """How a member appears on boards."""

    NAME = "my name"
    SOMEONE = "someone"
    OUT = "not at all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A person in a group. `naming` is None until they chose; `public` once they answered in a thread."""

    id: MemberId
    group: GroupId
    name: str
    naming: Naming | None = None
    public: bool = False
    barred: bool = False
    """An organizer lets them give no answers and stand on no board."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """Dates, both ends included, on which a member is away: rounds they miss then break no streak."""

    member: MemberId
    first: date
    last: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """A member wants a direct message at a local time, on days with an open round in a channel they have not answered.

    `round` is the one they were reminded of last: what they reply is an answer to it.
    """

    member: MemberId
    group: GroupId
    channel: ChannelId
    at: time
    zone: str
    next_at: datetime
    round: RoundId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A member asks organizers to look at what another one shares."""

    round: RoundId
    member: MemberId
    """Whose answer it is."""
    by: MemberId
    at: datetime


class Season(StrEnum):
    """The dates a leaderboard counts."""

    WEEK = "week"
    MONTH = "month"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A row of a leaderboard. Ties share a rank."""

    rank: int
    member: MemberId
    points: int
    rounds: int
    streak: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PastSeason:
    """A board as it stood seven days after its season's end; of a whole group where it names no channel."""

    group: GroupId
    channel: ChannelId | None
    season: str
    """Its key, as `scoring.season_key` makes it: "2026-11" or "2026-W47"."""
    standings: tuple[Standing, ...]
    kept_at: datetime


# --- deliveries ---------------------------------------------------------------------------------------------


class Action(StrEnum):
    """What a delivery asks of a platform."""

    POST = "post"
    """A message in the delivery's place."""
    POST_IN_THREAD = "post in thread"
    """A message in the round's thread; in its channel where the card was deleted."""
    THREAD = "thread"
    """A thread opened from the round's card."""
    EDIT = "edit"
    """The round's card, said anew."""
    LOOK = "look"
    """Whether a message that was sent again stands twice: the title is its key, `sent` the one that was noted."""


class DeliveryState(StrEnum):
    """Owed until claimed; claimed until its outcome is recorded; then done, or dropped with a reason."""

    OWED = "owed"
    CLAIMED = "claimed"
    DONE = "done"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message owed to one place, written down before it is sent. Those of a channel go out in order."""

    key: str
    place: Place
    action: Action
    created_at: datetime
    round: RoundId | None = None
    card: Card | None = None
    title: str = ""
    """The name of the thread to open."""
    state: DeliveryState = DeliveryState.OWED
    attempts: int = 0
    not_before: datetime | None = None
    unclear: bool = False
    """An earlier attempt may have arrived: look before sending."""
    sent: tuple[MessageRef, ...] = ()
    """The messages that stand, one for each part sent so far."""
    note: str = ""
    """Why it was dropped, or what went wrong last."""
    asked: bool = False
    """Somebody has just asked for it: it goes before what the clock owes to other channels."""

    def key_of(self, part: int) -> str:
        """By which one message of it is known, counted from 1."""
        return self.key if part == 1 else f"{self.key}/{part}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """Something that happened on a platform, known by what it is: `id` is the same however often it arrives."""

    id: str
    at: datetime
    about: str = ""
    """The answer it belongs to, as `<round> <member>`; empty where there is none."""
    data: Mapping[str, str] = field(default_factory=dict)
