"""What the core needs from outside: a messenger for each platform, a store, a grader."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol, TypeVar

from bot.core.card import Card
from bot.core.model import (
    Absence,
    Answer,
    ChannelId,
    Delivery,
    Drill,
    Entry,
    Exemplar,
    Grade,
    GroupId,
    Member,
    MemberId,
    MessageRef,
    Objection,
    Occurrence,
    PastSeason,
    Place,
    Plan,
    Question,
    QuestionId,
    Reminder,
    Report,
    Round,
    RoundId,
    RoundKind,
    RoundState,
    Ruling,
    Season,
)

T = TypeVar("T")


# --- messengers ---------------------------------------------------------------------------------------------


class Failure(StrEnum):
    """What is known of a request that did not succeed. Each has one outcome, in `bot.core.rounds`."""

    NOT_SENT = "not sent"
    """It certainly did not happen; trying again later may help."""
    UNCLEAR = "unclear"
    """It may have happened: look before trying again."""
    REFUSED = "refused"
    """The platform does not take it as it is, and most likely never will: a fault of ours."""
    FORBIDDEN = "forbidden"
    MESSAGE_GONE = "message gone"
    THREAD_GONE = "thread gone"
    CHANNEL_GONE = "channel gone"


class DeliveryError(Exception):
    """A messenger could not do what it was asked to. `retry_after` is the platform's own wish, where it has one."""

    def __init__(
        self,
        failure: Failure,
        detail: str = "",
        retry_after: timedelta | None = None,
        *,
        limited: bool = False,
        for_all: bool = False,
    ) -> None:
        """`limited`: the platform was asked too much; `for_all`: not only by this delivery, so all others wait, too."""
        super().__init__(f"{failure}: {detail}" if detail else str(failure))
        self.failure = failure
        self.retry_after = retry_after
        self.limited = limited
        self.for_all = for_all


class Messenger(Protocol):
    """One platform's messages. One contract suite holds for all of them (`tests/adapters/messenger_contract.py`).

    Every method raises `DeliveryError` and nothing else for what the platform refuses or loses.
    """

    def parts(self, card: Card) -> int:
        """How many messages this card needs here; at least 1."""
        ...

    async def send(self, place: Place, card: Card, *, part: int, key: str) -> MessageRef:
        """Post part `part` (from 1) of the card, carrying `reference(key)` where `find` sees it."""
        ...

    async def edit(self, ref: MessageRef, card: Card, *, part: int, key: str) -> None:
        """Say a posted message anew. It keeps the reference of `key`, under which it was sent."""
        ...

    async def find(self, place: Place, *, key: str) -> list[MessageRef]:
        """The messages in this place that carry the key's reference, oldest first."""
        ...

    async def delete(self, ref: MessageRef) -> None:
        """Remove an own message; one that is gone already is no error."""
        ...

    async def open_thread(self, ref: MessageRef, title: str) -> Place:
        """Open the thread of a message; where it is open already, the same place again."""
        ...


# --- the grader ---------------------------------------------------------------------------------------------


class Grader(Protocol):
    """Grades answers against a question. The same question and answers give the same grades."""

    @property
    def version(self) -> str:
        """Stored with every grade."""
        ...

    async def grade(
        self, question: Question, answers: Sequence[Answer], readable: Sequence[Sequence[str]] = ()
    ) -> list[Grade]:
        """One grade for each answer, in order. Called outside any transaction.

        `readable` are, for each answer, the texts of others that its author could have read before.
        """
        ...


# --- the store ----------------------------------------------------------------------------------------------


class Drills(Protocol):
    """Drills and the plans of their cycles."""

    def get(self, channel: ChannelId) -> Drill | None: ...

    def save(self, drill: Drill) -> None:
        """Add or replace the channel's drill."""
        ...

    def all(self) -> list[Drill]:
        """Every drill, by channel."""
        ...

    def due(self, now: datetime) -> list[Drill]:
        """Drills that are on and whose next opening is not later than `now`, by opening, then channel."""
        ...

    def plan(self, channel: ChannelId) -> Plan | None: ...

    def save_plan(self, plan: Plan) -> None:
        """Add or replace the channel's plan."""
        ...


class Rounds(Protocol):
    """Rounds, with their copies of the question."""

    def get(self, round_id: RoundId) -> Round | None: ...

    def add(self, round_: Round) -> bool:
        """Add a round; False, and nothing changed, if its id is taken."""
        ...

    def save(self, round_: Round) -> None:
        """Replace a round that was added before. Its question's copy is written once and never changed."""
        ...

    def live(self, channel: ChannelId) -> list[Round]:
        """The channel's open rounds, daily before extra, oldest first."""
        ...

    def unrevealed(self, channel: ChannelId) -> list[Round]:
        """The channel's open, closed and graded rounds, latest opened first."""
        ...

    def asked(
        self, channel: ChannelId, limit: int | None = None, *, daily: bool = False
    ) -> list[tuple[QuestionId, RoundKind, RoundState]]:
        """What the channel's rounds asked, latest opened first, without the questions themselves.

        Rounds that were skipped asked nothing; `daily` leaves out the extra ones too.
        """
        ...

    def revealed_daily(self, channel: ChannelId) -> list[RoundId]:
        """The channel's revealed daily rounds, earliest opened first."""
        ...

    def to_close(self, now: datetime) -> list[Round]:
        """Open rounds whose closing is not later than `now`, by closing, then id."""
        ...

    def to_reveal(self, now: datetime) -> list[Round]:
        """Closed or graded rounds whose reveal is not later than `now`, by reveal, then id."""
        ...

    def by_place(self, place: Place) -> Round | None:
        """The round whose thread this place is."""
        ...

    def by_card(self, ref: MessageRef) -> Round | None:
        """The round whose card this message is."""
        ...

    def of_channel(self, channel: ChannelId, limit: int | None = None) -> list[Round]:
        """The channel's rounds, latest opened first (ties: id, descending)."""
        ...

    def of_question(self, channel: ChannelId, question: QuestionId) -> list[Round]:
        """The channel's rounds that asked a question, in any version of it, latest opened first."""
        ...

    def count_extra(self, channel: ChannelId) -> int:
        """The highest number an extra round of this channel has had; 0 without any."""
        ...


class Answers(Protocol):
    """Answers with every revision they had, hints taken, and grades."""

    def get(self, round_id: RoundId, member: MemberId) -> Answer | None:
        """The answer as it stands; one without parts was withdrawn."""
        ...

    def of_round(self, round_id: RoundId) -> list[Answer]:
        """The round's answers that have parts, in the order they were first given (ties: member)."""
        ...

    def save(self, answer: Answer, *, cause: str, at: datetime, erase_history: bool = False) -> None:
        """Keep this revision as the one that stands, and a line of history: revision, cause, instant and text.

        `erase_history` blanks the text of every earlier revision of this answer, and what was quoted of them; the
        lines stay.
        """
        ...

    def erase_history(self, round_id: RoundId, member: MemberId) -> None:
        """Blank the text of every earlier revision of an answer; what stands stays."""
        ...

    def blank(self, round_id: RoundId, member: MemberId) -> None:
        """Blank an answer's text wherever it is kept, and mark it as to be erased.

        That is in its parts, its history, what grades, objections and rulings quote, and exemplars. Grade and points
        stay.
        """
        ...

    def by_part(self, channel: ChannelId, message: str) -> list[Answer]:
        """The answers that have this message of the channel as a part, the latest round first."""
        ...

    def ungraded(self, limit: int) -> list[Answer]:
        """Answers with parts that wait for a grade, in rounds that are open, closed, graded or revealed."""
        ...

    def grade_again(self, round_id: RoundId, member: MemberId) -> None:
        """Let an answer wait for a grade once more."""
        ...

    def waiting(self, round_id: RoundId) -> int:
        """How many answers of a round wait for a grade."""
        ...

    def flagged(self, channel: ChannelId, since: date) -> list[tuple[int, Answer]]:
        """Answers that people should look at, with the number of their latest grade, latest round first.

        In revealed rounds of local dates from `since` on, where the text is still there.
        """
        ...

    def by_grade(self, number: int) -> Answer | None:
        """The answer whose latest grade this is; None where it has been graded again since."""
        ...

    def tried(self, channel: ChannelId, member: MemberId) -> set[RoundId]:
        """The rounds of a channel in which a member's answer was in time and, by its latest grade, an honest try."""
        ...

    def tried_by_round(self, channel: ChannelId) -> dict[RoundId, set[MemberId]]:
        """The same for everybody in the channel: who tried in which round. Rounds that nobody tried in are left out."""
        ...

    def answered(self, group: GroupId, member: MemberId, limit: int | None = None) -> list[Round]:
        """The revealed rounds of a group in which a member has an answer, in time or late, latest opened first."""
        ...

    def shared(self, round_id: RoundId) -> list[Answer]:
        """A round's answers by form that their authors share, with a text, not removed; in the order given."""
        ...

    def help(self, round_id: RoundId, member: MemberId, by: MemberId) -> bool:
        """Note that a shared answer helped somebody; False, and nothing changed, if it was noted before."""
        ...

    def helped(self, round_id: RoundId) -> dict[MemberId, int]:
        """How many each shared answer of a round has helped."""
        ...

    def report(self, report: Report) -> bool:
        """Note that somebody reports an answer; False, and nothing changed, if they did before."""
        ...

    def reported(self, channel: ChannelId) -> list[Report]:
        """Reports in a channel about answers that still stand, oldest first, one for each answer."""
        ...

    def settle_reports(self, round_id: RoundId, member: MemberId) -> None:
        """Organizers have dealt with the reports about an answer."""
        ...

    def latest_revealed(self, channel: ChannelId, member: MemberId) -> RoundId | None:
        """The latest revealed round of a channel in which a member has an answer, in time or late."""
        ...

    def hints(self, round_id: RoundId, member: MemberId) -> int:
        """How many hints a member has taken in a round."""
        ...

    def add_hint(self, round_id: RoundId, member: MemberId, at: datetime) -> int:
        """Note one more hint; returns how many that makes."""
        ...

    def grade(self, round_id: RoundId, member: MemberId) -> Grade | None:
        """The latest grade of this answer's standing revision."""
        ...

    def add_grade(self, round_id: RoundId, member: MemberId, revision: int, grade: Grade, at: datetime) -> None:
        """Keep a grade. One by the same grader on the same basis as the latest of this revision is kept once."""
        ...


class Ledger(Protocol):
    """Points. Rows are only added."""

    def add(self, entry: Entry) -> bool:
        """Add a row; False, and nothing changed, if its id is taken."""
        ...

    def of_round(self, round_id: RoundId, member: MemberId | None = None) -> list[Entry]:
        """The rows of a round (and member), oldest first."""
        ...

    def of_member(self, group: GroupId, member: MemberId, limit: int | None = None) -> list[Entry]:
        """A member's rows, latest first."""
        ...

    def paid(self, group: GroupId, member: MemberId, question: QuestionId, since: date) -> list[Entry]:
        """The rows a question brought a member in a group on local dates from `since` on, oldest first."""
        ...

    def board(
        self, group: GroupId, season: Season, on: date, channel: ChannelId | None = None
    ) -> list[tuple[MemberId, int, int]]:
        """The same as `totals` for the season of this date, from the tallies that `add` keeps; by member."""
        ...

    def recount(self) -> int:
        """Make all tallies anew from the rows; returns how many were wrong or missing."""
        ...

    def kept(self, group: GroupId, channel: ChannelId | None = None, limit: int | None = None) -> list[PastSeason]:
        """The boards of a group (or of a channel of it) whose seasons are over, latest first."""
        ...

    def unkept(self, group: GroupId) -> list[tuple[str, ChannelId | None]]:
        """Seasons, by their keys, with a board of a group or of a channel that is not kept; without "all"."""
        ...

    def keep(self, season: PastSeason) -> bool:
        """Keep a board whose season is over; False, and nothing changed, if it is kept already."""
        ...

    def totals(
        self,
        group: GroupId,
        *,
        channel: ChannelId | None = None,
        first: date | None = None,
        last: date | None = None,
    ) -> list[tuple[MemberId, int, int]]:
        """Member, points and number of rounds that paid over local dates first..last inclusive, by member.

        Awards add points and no rounds.
        """
        ...


class Objections(Protocol):
    """What members object to."""

    def add(self, objection: Objection) -> int | None:
        """Keep it and return its number; None, and nothing changed, if this key point was objected to before."""
        ...

    def get(self, number: int) -> Objection | None: ...

    def save(self, objection: Objection) -> None:
        """Replace one that was added before."""
        ...

    def of_answer(self, round_id: RoundId, member: MemberId) -> list[Objection]:
        """All about one answer, oldest first."""
        ...

    def open_of(self, group: GroupId, member: MemberId) -> list[Objection]:
        """A member's open ones, oldest first."""
        ...

    def open_in(self, channel: ChannelId) -> list[Objection]:
        """A channel's open ones, oldest first."""
        ...

    def ended(self) -> list[Objection]:
        """All that were granted or lapsed, oldest first."""
        ...

    def unruled(self, since: datetime, limit: int) -> list[Objection]:
        """Open ones that were filed at `since` or before, oldest first."""
        ...


class Rulings(Protocol):
    """What was decided about answers, and the exemplars that came of it."""

    def add(self, ruling: Ruling) -> int:
        """Keep it; returns its number."""
        ...

    def get(self, number: int) -> Ruling | None: ...

    def save(self, ruling: Ruling) -> None:
        """Note that it was told, consented to or undone. All else stays as it was."""
        ...

    def of_answer(self, round_id: RoundId, member: MemberId) -> list[Ruling]:
        """All about one answer, oldest first."""
        ...

    def of_channel(self, channel: ChannelId, limit: int) -> list[Ruling]:
        """A channel's latest, latest first."""
        ...

    def of_member(self, group: GroupId, member: MemberId) -> list[Ruling]:
        """All about a member's answers, oldest first."""
        ...

    def add_exemplar(self, ruling: Ruling, question: QuestionId, exemplar: Exemplar) -> None:
        """Let an answer that was ruled on serve as an exemplar in its group."""
        ...

    def remove_exemplar(self, ruling: int) -> None:
        """Let it serve so no more. Its text is kept, since grades rest on it, until its author removes it."""
        ...

    def exemplars(self, group: GroupId, question: QuestionId) -> tuple[Exemplar, ...]:
        """The group's exemplars of a question, by text."""
        ...


class Members(Protocol):
    """People in groups: how they are shown, when they are away, when they want to be reminded."""

    def get(self, member: MemberId) -> Member | None: ...

    def save(self, member: Member) -> None:
        """Add or replace."""
        ...

    def of_group(self, group: GroupId) -> list[Member]:
        """All who are known in a group, by id."""
        ...

    def absences(self, member: MemberId) -> list[Absence]:
        """A member's absences, the first first."""
        ...

    def add_absence(self, absence: Absence) -> None:
        """Note an absence; one that begins on the same day is replaced, by nothing if it ends before it begins."""
        ...

    def reminder(self, member: MemberId) -> Reminder | None: ...

    def save_reminder(self, reminder: Reminder) -> None:
        """Add or replace the member's reminder."""
        ...

    def remove_reminder(self, member: MemberId) -> None: ...

    def reminded(self, round_id: RoundId) -> list[MemberId]:
        """Who was last reminded of this round."""
        ...

    def to_remind(self, now: datetime, limit: int) -> list[Reminder]:
        """Reminders whose hour has come, the earliest first."""
        ...


class Deliveries(Protocol):
    """Messages owed, in flight, and done."""

    def owe(self, delivery: Delivery) -> bool:
        """Write a delivery down, behind all others of its channel; False, and nothing changed, if its key is taken."""
        ...

    def get(self, key: str) -> Delivery | None: ...

    def claim(self, now: datetime, limit: int, platform: str | None = None) -> list[Delivery]:
        """Take up to `limit` deliveries (to a platform): of each channel the first unfinished one, if it may be sent.

        A look holds up nothing and waits for nothing but its time.
        What somebody has asked for comes first, then the order owed. Each is saved as claimed, with one more attempt,
        and returned so.
        """
        ...

    def save(self, delivery: Delivery) -> None:
        """Replace a delivery that was owed before."""
        ...

    def unfinished(self, round_id: RoundId | None = None, channel: ChannelId | None = None) -> list[Delivery]:
        """Owed and claimed deliveries (of a round, or to a channel), in the order owed."""
        ...

    def dropped(self, channel: ChannelId | None = None, limit: int = 10) -> list[Delivery]:
        """What was given up lately (in a channel), the last owed first."""
        ...

    def reclaim(self) -> int:
        """Make every claimed delivery owed again, as unclear: its process is gone. Returns how many there were."""
        ...

    def count_waiting(self) -> dict[str, int]:
        """How many are owed or claimed, by platform; one that nothing is owed to is left out."""
        ...

    def next_try(self) -> datetime | None:
        """The earliest instant at which a waiting delivery, other than a look, may be tried; None if nothing waits."""
        ...


class Events(Protocol):
    """What happened on the platforms, each thing once, written down before or as it is worked on."""

    def add(self, occurrence: Occurrence) -> bool:
        """Write it down; False, and nothing changed, if it is known."""
        ...

    def finish(self, occurrence_id: str, outcome: str) -> None:
        """Note that it was worked on, with what came of it as text."""
        ...

    def outcome(self, occurrence_id: str) -> str | None:
        """What came of it; None where it is unknown or not yet worked on."""
        ...

    def get(self, occurrence_id: str) -> Occurrence | None: ...

    def about(self, answer: str) -> list[Occurrence]:
        """All that happened to an answer, in the order of arrival."""
        ...

    def in_round(self, round_id: RoundId) -> list[Occurrence]:
        """All that happened to any answer of a round, in the order of arrival."""
        ...

    def beginning(self, prefix: str) -> list[Occurrence]:
        """All whose id begins so: everything that happened to one message, in the order of arrival."""
        ...

    def rewrite(self, occurrence: Occurrence) -> None:
        """Replace the data of what was written down before, such as a text that its author removed."""
        ...

    def waiting(self) -> list[Occurrence]:
        """What was written down and not worked on, in the order of arrival."""
        ...

    def count_waiting(self) -> int:
        """How many were written down and not worked on."""
        ...


class Facts(Protocol):
    """Single facts about this database, by name."""

    def get(self, name: str) -> str | None: ...

    def set(self, name: str, value: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is kept about one member of a group, where no other port tells it. All of it in the order of its time."""

    answers: tuple[Answer, ...] = ()
    """Withdrawn ones, too."""
    revisions: tuple[tuple[RoundId, int, str, datetime, str], ...] = ()
    """Round, revision, cause, instant and text."""
    grades: tuple[tuple[RoundId, int, datetime, Grade], ...] = ()
    """Round, revision that was graded, and instant."""
    hints: tuple[tuple[RoundId, int, datetime], ...] = ()
    objections: tuple[Objection, ...] = ()
    helped: tuple[RoundId, ...] = ()
    """Rounds in which they marked a shared answer as helpful; whose it was is its author's affair."""
    reports: tuple[tuple[RoundId, datetime], ...] = ()
    events: tuple[Occurrence, ...] = ()
    """What was heard of them: about their answers, or named after them."""


class Records(Protocol):
    """What is kept about a member or a group in all tables: to hand over, to forget, to remove once it is old."""

    def of_member(self, group: GroupId, member: MemberId) -> Record: ...

    def forget(self, group: GroupId, member: MemberId, at: datetime) -> None:
        """Remove a member's name and words wherever no other port does, and note the instant.

        From the rulings and the ledger, exemplars, objections, events and the cards of the group's finished deliveries;
        reminder, absences and what they marked as helpful go, too. The member stays as "someone". Answers are blanked
        or withdrawn before (`Answers`).
        """
        ...

    def forgotten_at(self, member: MemberId) -> datetime | None:
        """When a member was forgotten last: what they said until then is not kept, however late it is heard."""
        ...

    def blank_events(self, before: datetime, limit: int) -> int:
        """Remove the texts of events written down before an instant that were worked on, oldest first; how many.

        Those of rounds that can still be revealed are left, since their answers are read off them.
        """
        ...

    def blank_answers(self, before: date, limit: int) -> int:
        """Blank answers of dates before this one whose rounds are over, as `Answers.blank` does; how many."""
        ...

    def blank_cards(self, before: datetime, limit: int) -> int:
        """Remove the cards of finished deliveries that were owed before an instant; how many."""
        ...

    def remove_finished(self, before: datetime, limit: int) -> int:
        """Remove finished deliveries owed before an instant, and events of that age that are about no answer; how many.

        Those of rounds that can still be revealed are left.
        """
        ...

    def note_left(self, group: GroupId, at: datetime) -> None:
        """The bot was removed from a group."""
        ...

    def came_back(self, group: GroupId) -> None:
        """The bot is used in a group again."""
        ...

    def left_before(self, at: datetime) -> list[GroupId]:
        """The groups that removed the bot before an instant, and have not used it since; by id."""
        ...

    def purge(self, group: GroupId) -> None:
        """Remove every row of a group, those that are only added to included."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSize:
    """How much is kept of a group."""

    members: int
    rounds: int
    answers: int
    points: int
    """Rows of the ledger."""
    rulings: int
    deliveries: int
    events: int
    """Those about answers."""
    characters: int
    """Of answers, with every earlier form of them."""
    latest: datetime | None
    """When something was last asked or answered."""


class Groups(Protocol):
    """Groups as whoever runs the program sees them."""

    def all(self) -> list[GroupId]:
        """Every group that something is known of, by id."""
        ...

    def size(self, group: GroupId) -> GroupSize: ...

    def count_drills(self, group: GroupId) -> int:
        """How many drills of a group are not off."""
        ...

    def count_extra(self, group: GroupId, since: datetime) -> int:
        """How many extra rounds were opened later than this in channels of a group that have a drill."""
        ...

    def left_at(self, group: GroupId) -> datetime | None:
        """When the bot was removed from a group that has not used it since."""
        ...

    def block(self, group: GroupId, at: datetime) -> None:
        """Nothing is to be sent to a group or kept from it. It stays so when all of the group is purged."""
        ...

    def unblock(self, group: GroupId) -> None: ...

    def blocked_since(self, group: GroupId) -> datetime | None: ...

    def ask_to_leave(self, group: GroupId, at: datetime) -> None:
        """The program is to leave a group on its platform."""
        ...

    def to_leave(self) -> list[GroupId]:
        """The groups that are still to be left, by id."""
        ...

    def has_left(self, group: GroupId) -> None:
        """A group has been left on its platform, or cannot be."""
        ...


class Transaction(Protocol):
    """All that is stored, inside one transaction. Never kept beyond it."""

    @property
    def drills(self) -> Drills: ...
    @property
    def rounds(self) -> Rounds: ...
    @property
    def answers(self) -> Answers: ...
    @property
    def objections(self) -> Objections: ...
    @property
    def rulings(self) -> Rulings: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def members(self) -> Members: ...
    @property
    def deliveries(self) -> Deliveries: ...
    @property
    def events(self) -> Events: ...
    @property
    def facts(self) -> Facts: ...
    @property
    def records(self) -> Records: ...
    @property
    def groups(self) -> Groups: ...


class StoreError(Exception):
    """The database cannot be used: what is wrong with which file, and what to do."""


class Store(Protocol):
    """Runs work in transactions. One contract suite holds for every store (`tests/store/store_contract.py`)."""

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in a transaction that may write; returns once it is on disk.

        Work that raises leaves nothing behind, and the error is raised here. Raises StoreError if the disk refuses.
        """
        ...

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` on one consistent snapshot; it may not write."""
        ...

    async def close(self) -> None:
        """Finish waiting work, fold the log into the file, let go of it."""
        ...
