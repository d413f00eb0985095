"""A world in which a channel has a drill: real tables in memory, deliveries that arrive, and a clock that tests move.

A test says what happens and when (`world.says("ada", "…", at("10:00"))`), and asks what came of it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from functools import cache
from typing import Any, Final

from sqlite_utils import Database

from bot.core import (
    answering,
    boards,
    commands,
    objecting,
    outcomes,
    pressing,
    reminding,
    replies,
    reviewing,
    rounds,
    streaks,
)
from bot.core.answering import Deleted, Form, Said, Submitted
from bot.core.asking import Asker
from bot.core.card import (
    Block,
    Board,
    Card,
    Channel,
    Jump,
    Line,
    Link,
    Mention,
    Press,
    Prose,
    Row,
    Snippet,
    Span,
    When,
    Words,
)
from bot.core.model import (
    Action,
    Answer,
    Bank,
    ChannelId,
    Coverage,
    Delivery,
    DeliveryState,
    Drill,
    Effort,
    Entry,
    Flag,
    Grade,
    KeyPoint,
    MemberId,
    MessageRef,
    Place,
    PointGrade,
    Question,
    Round,
    RoundId,
    RoundKind,
    RoundState,
    Share,
    Told,
    group_of,
)
from bot.core.ports import DeliveryError, Failure, Transaction
from bot.core.setting_up import Refused
from bot.store.migrations import MIGRATIONS
from bot.store.transaction import Tables
from tests.factories import CHANNEL, TODAY, make_drill, make_question

FULL: Final = "a full answer in five words"
PARTLY: Final = "an answer with part of it"
TRY: Final = "an honest try, though quite wrong"
DONT_KNOW: Final = "sorry, I do not know that"
LISTED: Final = "keywords and nothing more"
BY_HEART: Final = "word for word"

ONE: Final = KeyPoint(id="one", text="First, units are zeroed", essential=True)
TWO: Final = KeyPoint(id="two", text="Second, the others are scaled", weight=2, essential=True)
EXTRA: Final = KeyPoint(id="extra", text="Lastly, it is like an ensemble", any_of=("many networks at once",))

SLUGS: Final = ("dropout", "adam", "softmax", "pooling", "momentum", "relu", "attention", "embedding")


def at(clock: str, day: int = 0) -> datetime:
    """An instant in UTC, so many days after the drill's first."""
    return datetime.combine(TODAY + timedelta(days=day), time.fromisoformat(clock), UTC)


def member(name: str, channel: ChannelId = CHANNEL) -> MemberId:
    """The id of a member of the channel's group."""
    return MemberId(f"{group_of(channel)}/@{name}")


def make_bank(questions: Iterable[Question]) -> Bank:
    """A bank of these questions, called nn."""
    return Bank(id="nn", title="Nets", version="1", language="en", licence="CC0", topics={}, questions=tuple(questions))


def verdict(text: str) -> Grade:
    """A grade that can be read off the answer: what holds none of the words above is an honest try."""
    if DONT_KNOW in text:
        return Grade(score=0.0, level=0, effort=Effort.DONT_KNOW, grader="stub 0")
    level = 2 if FULL in text else 1 if PARTLY in text else 0
    return Grade(score=level / 2, level=level, grader="stub 0")


def marked(question: Question, text: str) -> Grade:
    """A grade by key points that can be read off the answer: "covers one", "touches two", `LISTED`, `BY_HEART`."""
    points = tuple(_marked(point, text) for point in question.key_points)
    if DONT_KNOW in text:
        return Grade(score=0.0, level=0, points=points, effort=Effort.DONT_KNOW, grader="stub 0")
    essential = [(p.weight, g.credit) for p, g in zip(question.key_points, points, strict=True) if p.essential]
    credits = [credit for _, credit in essential]
    score = sum(weight * credit for weight, credit in essential) / sum(weight for weight, _ in essential)
    level = 2 if min(credits) == 1 else 1 if 1 in credits else 0
    flags = (*[Flag.KEYWORDS] * (LISTED in text), *[Flag.QUOTED] * (BY_HEART in text))
    if flags:
        score, level = score * 0.05, 0 if Flag.QUOTED in flags else min(1, level)
    return Grade(score=round(score, 4), level=level, points=points, flags=flags, grader="stub 0")


def _marked(point: KeyPoint, text: str) -> PointGrade:
    for mark, coverage, credit in (("covers", Coverage.COVERED, 1.0), ("touches", Coverage.PARTLY, 0.4)):
        if f"{mark} {point.id}" in text:
            return PointGrade(key_point=point.id, coverage=coverage, credit=credit, words=f"{mark} {point.id}")
    return PointGrade(key_point=point.id, coverage=Coverage.MISSED, credit=0.0)


def words_of(card: Card) -> str:
    """All that a card says, one block a line."""
    return "\n".join([card.title, *map(_words_of_block, card.body), _words_of_spans(card.footer)])


def rows_of(card: Card) -> list[Row]:
    """The rows of all boards in a card."""
    return [row for block in card.body if isinstance(block, Board) for row in block.rows]


def _words_of_block(block: Block) -> str:
    match block:
        case Line():
            return _words_of_spans(block.spans)
        case Prose():
            return block.markdown
        case Snippet():
            return block.source
        case Board():
            rows = [f"{row.rank} {row.name} {row.points} {row.rest}" for row in block.rows]
            return "\n".join(rows) if rows else block.empty


def _words_of_spans(spans: Iterable[Span]) -> str:
    return "".join(_words_of_span(span) for span in spans)


def _words_of_span(span: Span) -> str:
    match span:
        case When():
            return f"{span.at:%Y-%m-%d %H:%M}"
        case Words():
            return span.text
        case Channel():
            return span.id
        case Jump():
            return f"[{span.message}]"
        case Link():
            return span.text
        case Mention():
            return f"@{span.name}"


def _asker(who: str, channel: ChannelId = CHANNEL, *, organizer: bool = False) -> Asker:
    return Asker(member=member(who, channel), name=who.capitalize(), place=Place(channel=channel), organizer=organizer)


def _latest_stamp(happened: Said | Deleted | Form | Submitted) -> datetime:
    match happened:
        case Said():
            return max(happened.said_at, happened.edited_at or happened.said_at)
        case Submitted():
            return max(happened.at, _latest_stamp(happened.said))
        case _:
            return happened.at


class World:
    """One group with a drill in its channel, every day at nine in UTC unless the test says otherwise."""

    def __init__(
        self,
        *,
        questions: Iterable[Question] | None = None,
        drill: bool = True,
        judge: Callable[[Question, str], Grade] = lambda question, text: verdict(text),
        **changes: Any,
    ) -> None:
        self._db = Database(_fresh_connection(), execute_plugins=False, strict=True)
        self._db.execute("BEGIN")  # One transaction for good; what is done below has a savepoint each.
        self.tx: Transaction = Tables(self._db)
        bank = [make_question(slug) for slug in SLUGS] if questions is None else questions
        self.banks = {"nn": make_bank(bank)}
        self.posted: list[tuple[str, Place, Card]] = []
        """What stands on the platform: key, place and card of every message, in the order posted."""
        self.edited: dict[str, Card] = {}
        """The cards of rounds as they were said anew, by round."""
        self.refusing: dict[str, Failure] = {}
        """What the platform answers to deliveries with these keys, instead of taking them."""
        self._said: dict[str, Said] = {}
        self._number = 0
        self._judge = judge
        if drill:
            self.set_up(**changes)

    def close(self) -> None:
        self._db.close()

    def set_up(self, channel: ChannelId = CHANNEL, **changes: Any) -> None:
        """Make a drill as it stands, with its next opening at nine on the first day."""
        with self._db.atomic():
            self.tx.drills.save(make_drill(channel, **changes))

    # --- the clock --------------------------------------------------------------------------------------------

    def tick(self, now: datetime, *, deliver: bool = True) -> None:
        """Do what is due, in the order of `StudyBot.tick`; then send what is owed, unless the platform is away."""
        for round_ in self.tx.rounds.to_close(now):
            with self._db.atomic():
                rounds.close(self.tx, round_.id, now)
        while ungraded := self.tx.answers.ungraded(50):
            with self._db.atomic():
                rounds.save_grades(self.tx, [(answer, self.judged(answer)) for answer in ungraded], now)
        for objection in self.tx.objections.unruled(now - reviewing.RULED_WITHIN, 50):
            with self._db.atomic():
                reviewing.end_unruled(self.tx, objection.number, now)
        for round_ in self.tx.rounds.to_reveal(now):
            with self._db.atomic():
                rounds.reveal(self.tx, round_.id, now)
        with self._db.atomic():
            boards.keep_seasons(self.tx, now)
        for drill in self.tx.drills.due(now):
            with self._db.atomic():
                rounds.open_due(self.tx, self.banks, drill.channel, now)
        for reminder in self.tx.members.to_remind(now, 50):
            with self._db.atomic():
                reminding.send_due(self.tx, reminder.member, now)
        if deliver:
            self.deliver(now)

    def judged(self, answer: Answer) -> Grade:
        """The grade that an answer gets in this world."""
        round_ = self.tx.rounds.get(answer.round)
        assert round_ is not None
        return self._judge(round_.question, answer.text)

    def days(self, first: int, last: int) -> None:
        """Tick at nine on each of these days."""
        for day in range(first, last + 1):
            self.tick(at("09:00", day))

    def deliver(self, now: datetime) -> None:
        """Send everything that is owed and not waiting, in the order owed."""
        while claimed := self._claim(now):
            for delivery in claimed:
                with self._db.atomic():
                    failure = self.refusing.get(delivery.key)
                    if failure is None:
                        self._send(delivery, now)
                    else:
                        outcomes.failed(self.tx, delivery, DeliveryError(failure), now)

    def _claim(self, now: datetime) -> list[Delivery]:
        with self._db.atomic():
            return self.tx.deliveries.claim(now, 50)

    def _send(self, delivery: Delivery, now: datetime) -> None:
        place, card = outcomes.target(self.tx, delivery)
        match delivery.action:
            case Action.POST | Action.POST_IN_THREAD:
                assert delivery.card is not None
                self.posted.append((delivery.key, place, delivery.card))
                ref = MessageRef(place=place, message=f"of {delivery.key}")
                outcomes.done(self.tx, outcomes.part_sent(self.tx, delivery, ref, now), now)
            case Action.THREAD if card is not None:
                thread = Place(channel=place.channel, thread=f"under {card.message}")
                outcomes.done(self.tx, delivery, now, thread=thread)
            case Action.EDIT if card is not None:
                assert delivery.card is not None
                assert delivery.round is not None
                self.edited[delivery.round] = delivery.card
                outcomes.done(self.tx, delivery, now)
            case _:
                outcomes.failed(self.tx, delivery, DeliveryError(Failure.MESSAGE_GONE), now)

    # --- what members do --------------------------------------------------------------------------------------

    def says(
        self,
        who: str,
        text: str,
        when: datetime,
        *,
        message: str = "",
        edited_at: datetime | None = None,
        reply_to: str | None = None,
        place: Place | None = None,
    ) -> Told:
        """A member says something in the thread of the latest round, or at a place."""
        if place is None:
            place = self.round().thread
            assert place is not None, "the round has no thread yet"
        said = Said(
            place=place,
            message=message or self._next("said "),
            member=member(who, place.channel),
            name=who.capitalize(),
            text=text,
            said_at=when,
            edited_at=edited_at,
            reply_to=None if reply_to is None else member(reply_to, place.channel),
        )
        return self.arrives(said)

    def edits(self, message: str, text: str, when: datetime) -> Told:
        """The author of a message changes it."""
        return self.arrives(replace(self._said[message], text=text, edited_at=when))

    def deletes(self, message: str, when: datetime) -> Told:
        """Somebody deletes a message."""
        return self.arrives(Deleted(channel=self._said[message].place.channel, message=message, at=when))

    def fills_form(
        self, who: str, text: str, when: datetime, *, share: Share = Share.NO, round_: Round | None = None
    ) -> Told:
        """A member sends the form of a round, by default the latest."""
        round_ = round_ or self.round()
        form = Form(
            round=round_.id,
            interaction=self._next("form "),
            member=member(who, round_.channel),
            name=who.capitalize(),
            text=text,
            at=when,
            share=share,
        )
        return self.arrives(form)

    def submits(self, who: str, message: str, when: datetime) -> Told:
        """A member chooses "Submit as my answer" on a message."""
        said = self._said[message]
        return self.arrives(Submitted(said=said, by=member(who), interaction=self._next("press "), at=when))

    def arrives(self, happened: Said | Deleted | Form | Submitted, now: datetime | None = None) -> Told:
        """Something that happened comes to be known, by default at once."""
        if isinstance(happened, Said):
            self._said[happened.message] = happened
        with self._db.atomic():
            return answering.take(self.tx, happened, now or _latest_stamp(happened))

    def command(
        self,
        who: str,
        text: str,
        when: datetime,
        *,
        organizer: bool = False,
        thread: bool = False,
        place: Place | None = None,
    ) -> Card:
        """A member gives a command in the channel, in the thread of the latest round, or at a place.

        Raises as the core does.
        """
        place = place or (self.round().thread if thread else Place(channel=CHANNEL))
        assert place is not None
        asker = Asker(member=member(who), name=who.capitalize(), place=place, organizer=organizer)
        with self._db.atomic():
            return replies.answer(self.tx, self.banks, asker, commands.read(text), when)

    def orders(self, text: str, when: datetime) -> Card:
        """The organizer Olga gives a command in the channel."""
        return self.command("olga", text, when, organizer=True)

    def presses(
        self,
        who: str,
        press: Press,
        about: str,
        when: datetime,
        *,
        organizer: bool = False,
        channel: ChannelId = CHANNEL,
    ) -> Card:
        """A member presses a button in a channel. Raises as the core does."""
        with self._db.atomic():
            return pressing.press(self.tx, self.banks, _asker(who, channel, organizer=organizer), press, about, when)

    def checks(self, who: str, when: datetime, round_: Round | None = None) -> Card:
        """A member presses Check now, by default on the latest round. Raises as the core does."""
        asker, about = _asker(who), (round_ or self.round()).id
        with self._db.atomic():
            final = objecting.make_final(self.tx, asker, about, when)
        if self.tx.answers.grade(about, final.member) is None:
            with self._db.atomic():
                rounds.save_grades(self.tx, [(final, self.judged(final))], when)
        return objecting.checked(self.tx, asker, about)

    def objects(self, who: str, what: str, when: datetime, round_: Round | None = None) -> Card:
        """A member takes a step of an objection, by default to the first day's round: "", "0", "0.1"."""
        return self.presses(who, Press.OBJECT, f"{what} {(round_ or self.rounds()[0]).id}", when)

    def rules(self, what: str, when: datetime, *, by: str = "olga", channel: ChannelId = CHANNEL) -> Card:
        """An organizer, by default Olga, carries out a ruling: "grant o1", "2 f7", "undo r1"."""
        return self.presses(by, Press.RULE, f"{what} {channel}", when, organizer=True, channel=channel)

    def told(self, who: str) -> str:
        """What a member has not been told yet, as their next private reply says it; then they have."""
        with self._db.atomic():
            return words_of(objecting.with_news(self.tx, Card(title=""), group_of(CHANNEL), member(who))).strip()

    def asks_result(self, who: str, round_: Round) -> Card:
        """A member presses "My result" on a round."""
        asker = Asker(member=member(who), name=who.capitalize(), place=Place(channel=CHANNEL))
        return replies.result_of(self.tx, asker, round_.id)

    def _next(self, kind: str) -> str:
        self._number += 1
        return f"{kind}{self._number}"

    # --- what befalls a round ---------------------------------------------------------------------------------

    def regrade(self, who: str, round_: Round, grade: Grade, when: datetime) -> None:
        """A newer grader judges an answer anew."""
        answer = self.tx.answers.get(round_.id, member(who))
        assert answer is not None
        self._number += 1
        with self._db.atomic():
            rounds.save_grades(self.tx, [(answer, replace(grade, grader=f"stub {self._number}"))], when)

    def lose_card(self, round_: Round) -> None:
        """Somebody deletes a round's card."""
        with self._db.atomic():
            outcomes.card_deleted(self.tx, self.anew(round_))

    def lose_thread(self, round_: Round, when: datetime) -> None:
        """Somebody deletes a round's thread."""
        with self._db.atomic():
            outcomes.thread_deleted(self.tx, self.anew(round_), when)

    # --- what came of it --------------------------------------------------------------------------------------

    def drill(self, channel: ChannelId = CHANNEL) -> Drill:
        drill = self.tx.drills.get(channel)
        assert drill is not None
        return drill

    def rounds(self, channel: ChannelId = CHANNEL) -> list[Round]:
        """The channel's rounds, first opened first."""
        return self.tx.rounds.of_channel(channel)[::-1]

    def round(self, channel: ChannelId = CHANNEL) -> Round:
        """The round that opened last."""
        return self.rounds(channel)[-1]

    def anew(self, round_: Round) -> Round:
        """A round as it stands now."""
        now = self.tx.rounds.get(round_.id)
        assert now is not None
        return now

    def states(self, kind: RoundKind = RoundKind.DAILY) -> list[RoundState]:
        """The states of the channel's rounds, first opened first."""
        return [round_.state for round_ in self.rounds() if round_.kind is kind]

    def answer(self, who: str, round_: Round | None = None) -> Answer | None:
        """A member's answer in a round, by default the latest; None if there is none or it was withdrawn."""
        round_ = round_ or self.round()
        answer = self.tx.answers.get(round_.id, member(who, round_.channel))
        return answer if answer and answer.parts else None

    def text(self, who: str, round_: Round | None = None) -> str | None:
        """The text that is graded."""
        answer = self.answer(who, round_)
        return None if answer is None else answer.text

    def entries(self, who: str, round_: Round | None = None) -> list[Entry]:
        """A member's rows in the ledger, oldest first."""
        rows = self.tx.ledger.of_member(group_of(CHANNEL), member(who))[::-1]
        return [row for row in rows if round_ is None or row.round == round_.id]

    def points(self, who: str, round_: Round | None = None) -> int:
        """A member's points, in all or from one round."""
        return sum(entry.points for entry in self.entries(who, round_))

    def streak(self, who: str) -> int:
        """A member's streak in the channel."""
        return streaks.streak_of(self.tx, CHANNEL, member(who)).length

    def sent(self) -> list[str]:
        """The keys of everything posted, in order."""
        return [key for key, _, _ in self.posted]

    def card(self, key: str) -> Card:
        """The posted message with this key."""
        return next(card for posted, _, card in self.posted if posted == key)

    def place(self, key: str) -> Place:
        """Where the message with this key was posted."""
        return next(place for posted, place, _ in self.posted if posted == key)

    def reveal_of(self, round_: Round | RoundId) -> str:
        """All that a round's reveal says."""
        return words_of(self.card(f"{round_ if isinstance(round_, str) else round_.id}/reveal"))

    def contents(self) -> dict[str, list[Any]]:
        """All rows of all tables, for tests of what changes nothing."""
        tables = sorted(self._db.table_names())
        return {table: self._db.execute(f"SELECT * FROM {table}").fetchall() for table in tables}

    def keeps(self, text: str) -> list[str]:
        """The tables in which a text stands anywhere."""
        return [table for table, rows in self.contents().items() if text in repr(rows)]

    @contextmanager
    def tried(self) -> Iterator[None]:
        """What is done inside is undone at its end."""
        self._db.execute("SAVEPOINT tried")
        try:
            yield
        finally:
            self._db.execute("ROLLBACK TO tried")
            self._db.execute("RELEASE tried")

    def owed(self) -> list[Delivery]:
        """What is owed and not sent."""
        return [delivery for delivery in self.tx.deliveries.unfinished() if delivery.state is DeliveryState.OWED]


def attempted(work: Callable[[], Card]) -> Card | str:
    """The card that comes of this, or the words in which it is refused; anything else is raised."""
    try:
        return work()
    except Refused as refused:
        return str(refused)


def of_key_points(**changes: Any) -> World:
    """A world whose questions have the key points above, and whose grades can be read off the answers (`marked`)."""
    questions = [make_question(slug, key_points=(ONE, TWO, EXTRA)) for slug in SLUGS]
    return World(questions=questions, judge=marked, **changes)


def revealed(*answers: tuple[str, str], **changes: Any) -> World:
    """The same, one day later: these members have said this in the first round, in messages "of ada"."""
    world = of_key_points(**changes)
    world.tick(at("09:00"))
    for who, text in answers:
        world.says(who, text, at("10:00"), message=f"of {who}")
    world.tick(at("09:00", 1))
    return world


def _fresh_connection() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.deserialize(_empty_tables())
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


@cache
def _empty_tables() -> bytes:
    """The tables as the migrations make them; made once, since a property test opens hundreds of worlds."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    db = Database(connection, execute_plugins=False, strict=True)
    MIGRATIONS.apply(db)
    made = connection.serialize()
    db.close()
    return made
