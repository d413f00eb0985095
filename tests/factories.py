"""Values with defaults, so that a test names only what it is about.

Every factory takes any field of what it makes as a keyword.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from bot.core.card import Button, Card, Line, Press, Prose, When, Words
from bot.core.model import (
    Action,
    Answer,
    ChannelId,
    Closing,
    Coverage,
    Delivery,
    Drill,
    Entry,
    Exemplar,
    ExemplarKind,
    Grade,
    GroupId,
    KeyPoint,
    Member,
    MemberId,
    MessageRef,
    Misconception,
    Objection,
    Occurrence,
    Opening,
    Part,
    Place,
    Plan,
    PointGrade,
    Question,
    QuestionId,
    Reference,
    Round,
    RoundId,
    RoundKind,
    RoundState,
    Ruling,
    RulingKind,
    Source,
    Status,
    Timetable,
    daily_round_id,
    extra_round_id,
    group_of,
)
from bot.core.ports import Transaction

GROUP: Final = GroupId("terminal:local")
CHANNEL: Final = ChannelId("terminal:local/general")
RANDOM: Final = ChannelId("terminal:local/random")
ADA: Final = MemberId("terminal:local/@ada")
BOB: Final = MemberId("terminal:local/@bob")
TODAY: Final = date(2026, 11, 22)
NOW: Final = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)


def make_question(slug: str = "dropout", **changes: Any) -> Question:
    """A reviewed question with two key points, one of them essential."""
    question = Question(
        id=QuestionId(f"nn:{slug}"),
        prompt="What does dropout do while a network is trained, and what at inference?",
        answer="It sets units to zero at random while training; at inference all units are kept.",
        status=Status.REVIEWED,
        section="regularisation",
        topics=("regularisation", "training"),
        key_points=(
            KeyPoint(id="random", text="Units are set to zero at random", any_of=("drops units",), essential=True),
            KeyPoint(id="inference", text="At inference nothing is dropped"),
        ),
        misconceptions=(Misconception(claim="It drops inputs for good", why="They come back", blocks="random"),),
        hints=("Think of an ensemble.",),
        exemplars=(Exemplar(kind=ExemplarKind.SHORT, text="It drops units at random", earns=("random",)),),
        references=(Reference(title="Dropout", year=2014, authors="Srivastava and others"),),
    )
    return replace(question, **changes)


def make_timetable(**changes: Any) -> Timetable:
    """Every day at nine, in UTC."""
    return replace(Timetable(at=time(9), zone="UTC", closing=Closing()), **changes)


def make_drill(channel: str = CHANNEL, **changes: Any) -> Drill:
    """A drill that is on, with its next opening at NOW."""
    channel = ChannelId(channel)
    drill = Drill(
        channel=channel,
        group=group_of(channel),
        timetable=make_timetable(),
        bank="nn",
        recap=False,
        set_up_by=ADA,
        next=Opening(on=TODAY, at=NOW),
    )
    return replace(drill, **changes)


def make_plan(channel: str = CHANNEL, **changes: Any) -> Plan:
    """A first cycle of two questions."""
    plan = Plan(channel=ChannelId(channel), cycle=1, questions=(QuestionId("nn:dropout"), QuestionId("nn:adam")))
    return replace(plan, **changes)


def make_round(channel: str = CHANNEL, on: date = TODAY, *, number: int | None = None, **changes: Any) -> Round:
    """A channel's round that opened at nine on its local date, for a day; the extra one of that number if given."""
    channel = ChannelId(channel)
    opened_at = datetime.combine(on, time(9), UTC)
    closes_at = changes.get("closes_at", opened_at + DAY)
    round_ = Round(
        id=daily_round_id(channel, on) if number is None else extra_round_id(channel, number),
        channel=channel,
        group=group_of(channel),
        kind=RoundKind.DAILY if number is None else RoundKind.EXTRA,
        state=RoundState.OPEN,
        question=make_question(),
        local_date=on,
        opened_at=opened_at,
        closes_at=closes_at,
        reveal_at=closes_at,
        planned_at=changes.get("opened_at", opened_at),
    )
    return replace(round_, **changes)


def make_part(text: str = "It drops units at random while training.", **changes: Any) -> Part:
    """A message in a thread."""
    return replace(Part(source=Source.MESSAGE, id="m1", text=text, said_at=NOW + HOUR), **changes)


def make_answer(round_: Round | str | None = None, member: str = ADA, **changes: Any) -> Answer:
    """A first revision of one part, in today's round unless another is given."""
    round_id = RoundId(round_) if isinstance(round_, str) else (round_ or make_round()).id
    parts = (make_part(id=f"{round_id}/{member}"),)
    answer = Answer(round=round_id, member=MemberId(member), parts=parts, revision=1, local_date=TODAY)
    return replace(answer, **changes)


def make_grade(level: int = 2, **changes: Any) -> Grade:
    """A grade with one covered key point."""
    point = PointGrade(key_point="random", coverage=Coverage.COVERED, credit=1.0, words="drops units")
    return replace(Grade(score=level / 2, level=level, points=(point,), grader="test 1"), **changes)


def make_entry(round_: Round | str | None = None, member: str = ADA, **changes: Any) -> Entry:
    """Three points for a full answer in today's round, unless another is given."""
    round_id = RoundId(round_) if isinstance(round_, str) else (round_ or make_round()).id
    channel = ChannelId(round_id.partition("@")[0].partition("#")[0])
    entry = Entry(
        id=f"{round_id}/{member}",
        group=group_of(channel),
        channel=channel,
        member=MemberId(member),
        round=round_id,
        question=QuestionId("nn:dropout"),
        cycle=0,
        local_date=TODAY,
        points=3,
        reason="answer",
        at=NOW + DAY,
    )
    return replace(entry, **changes)


def make_objection(round_: Round | str | None = None, member: str = ADA, **changes: Any) -> Objection:
    """An open objection to the second key point in today's round, unless another is given; not numbered yet."""
    round_id = RoundId(round_) if isinstance(round_, str) else (round_ or make_round()).id
    channel = ChannelId(round_id.partition("@")[0].partition("#")[0])
    objection = Objection(
        round=round_id,
        group=group_of(channel),
        channel=channel,
        member=MemberId(member),
        key_point="inference",
        words="At inference it does nothing.",
        since=NOW + DAY,
    )
    return replace(objection, **changes)


def make_ruling(round_: Round | str | None = None, member: str = ADA, **changes: Any) -> Ruling:
    """The second key point is granted in today's round, unless another is given; not numbered yet."""
    round_id = RoundId(round_) if isinstance(round_, str) else (round_ or make_round()).id
    channel = ChannelId(round_id.partition("@")[0].partition("#")[0])
    ruling = Ruling(
        round=round_id,
        group=group_of(channel),
        channel=channel,
        member=MemberId(member),
        kind=RulingKind.POINT,
        at=NOW + DAY + HOUR,
        by=BOB,
        key_point="inference",
        words="At inference it does nothing.",
    )
    return replace(ruling, **changes)


def make_member(member: str = ADA, **changes: Any) -> Member:
    """A member who goes by the id's user name."""
    group, _, user = member.partition("/@")
    return replace(Member(id=MemberId(member), group=GroupId(group), name=user.capitalize()), **changes)


def make_card(title: str = "Question of the day", **changes: Any) -> Card:
    """A card with a line, prose, a button and a footer."""
    card = Card(
        title=title,
        body=(Prose("What does **dropout** do?"), Line((Words("Closes "), When(NOW + DAY)))),
        buttons=(Button(Press.ANSWER, "Answer", make_round().id),),
        footer=(Words("ref 7K3F2A"),),
    )
    return replace(card, **changes)


def make_ref(message: str = "m1", channel: str = CHANNEL, thread: str | None = None) -> MessageRef:
    """A posted message, in the channel unless a thread is given."""
    return MessageRef(place=Place(channel=ChannelId(channel), thread=thread), message=message)


def make_delivery(key: str = "question", channel: str = CHANNEL, **changes: Any) -> Delivery:
    """A card owed to a channel."""
    delivery = Delivery(
        key=key, place=Place(channel=ChannelId(channel)), action=Action.POST, created_at=NOW, card=make_card()
    )
    return replace(delivery, **changes)


def make_occurrence(id_: str = "terminal:1", **changes: Any) -> Occurrence:
    """A message that was posted."""
    return replace(Occurrence(id=id_, at=NOW, data={"kind": "message", "text": "hello"}), **changes)


Kept = Drill | Plan | Round | Answer | Entry | Objection | Ruling | Member | Delivery | Occurrence


def keep(tx: Transaction, *values: Kept) -> None:
    """Store values, in this order; answers as given at NOW."""
    for value in values:
        match value:
            case Drill():
                tx.drills.save(value)
            case Plan():
                tx.drills.save_plan(value)
            case Round():
                tx.rounds.add(value)
            case Answer():
                tx.answers.save(value, cause="message", at=NOW)
            case Entry():
                tx.ledger.add(value)
            case Objection():
                tx.objections.add(value)
            case Ruling():
                tx.rulings.add(value)
            case Member():
                tx.members.save(value)
            case Delivery():
                tx.deliveries.owe(value)
            case Occurrence():
                tx.events.add(value)
