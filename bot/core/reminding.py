"""Reminders: a direct message at a member's own hour, for whoever asked for it, and what they reply to it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Final

from bot.core import cards, owing
from bot.core.answering import Form
from bot.core.asking import Asker, drill_here, said
from bot.core.card import Block, Button, Card, Channel, Press, TimeStyle, Tone, When
from bot.core.cards import line, strong
from bot.core.model import (
    Action,
    ChannelId,
    Delivery,
    MemberId,
    MessageRef,
    Place,
    Reminder,
    Round,
    RoundId,
    RoundKind,
    RoundState,
    Timetable,
)
from bot.core.ports import Transaction
from bot.core.rulings import standing_grade
from bot.core.schedule import UnknownZone, next_opening, zone
from bot.core.setting_up import Refused, time_of

TOO_LATE: Final = timedelta(hours=6)
"""A reminder that comes so long after its hour, since the program was down, is left out."""


def remind(tx: Transaction, asker: Asker, value: str, now: datetime) -> Card:
    """Set or end a reminder, or tell of it; `value` is "08:30", "08:30 Europe/Berlin", "off" or empty."""
    present = tx.members.reminder(asker.member)
    words = value.split()
    if not words:
        if present is None:
            return said(
                "Reminders", line("None. /nnquestion me remind 08:30 sends you the open question at that hour.")
            )
        where = Channel(present.channel)
        ends = ". /nnquestion me remind off ends it."
        return said("Reminders", line(f"At {present.at:%H:%M} ({present.zone}), of ", where, ends))
    if words[0].lower() == "off":
        tx.members.remove_reminder(asker.member)
        return said("Reminders", line("Off. I write to you no more."))
    drill = drill_here(tx, asker)
    at = time_of(words[0])
    name = "_".join(words[1:]) or (present.zone if present is not None else drill.timetable.zone)
    try:
        there = zone(name).key
    except UnknownZone as unknown:
        raise Refused(str(unknown)) from unknown
    reminder = Reminder(
        member=asker.member,
        group=asker.group,
        channel=asker.channel,
        at=at,
        zone=there,
        next_at=_next(at, there, now),
        round=present.round if present is not None else None,
    )
    tx.members.save_reminder(reminder)
    return said(
        "Reminders",
        line(
            f"At {at:%H:%M} ({there}) I write to you, on days with an open question in ",
            Channel(asker.channel),
            " that you have not answered. Reply to it, and that is your answer. /nnquestion me remind off ends it.",
        ),
    )


def send_due(tx: Transaction, member: MemberId, now: datetime) -> None:
    """Write down the reminder of a member whose hour has come, if there is something to remind of."""
    reminder = tx.members.reminder(member)
    if reminder is None or reminder.next_at > now:
        return
    following = replace(reminder, next_at=_next(reminder.at, reminder.zone, now))
    round_ = _unanswered(tx, reminder, now)
    known = tx.members.get(member)
    barred = known is not None and known.barred
    if round_ is not None and not barred and now - _latest(reminder, now) <= TOO_LATE:
        following = replace(following, round=round_.id)
        owing.owe(
            tx,
            Delivery(
                key=_key(round_.id, member),
                place=Place(channel=ChannelId(member)),
                action=Action.POST,
                created_at=now,
                card=_card(tx, reminder, round_),
            ),
            on=round_.local_date,
        )
    tx.members.save_reminder(following)


def round_of_reply(tx: Transaction, member: MemberId, message: str = "") -> Round | None:
    """The round that a member's direct message is an answer to: the one they were reminded of last.

    What edits or deletes an earlier message (`message` is that one's id, a slash, and what happened to it) stays with
    the round of that one: it may be about yesterday's, and must not touch today's answer.
    """
    heard = _round_of_heard(tx, member, message)
    if heard is not None:
        return heard
    reminder = tx.members.reminder(member)
    return None if reminder is None or reminder.round is None else tx.rounds.get(reminder.round)


def standing(tx: Transaction, round_id: RoundId) -> list[MessageRef]:
    """The reminders of a round as they stand: what is said below one is an answer."""
    owed = (tx.deliveries.get(_key(round_id, member)) for member in tx.members.reminded(round_id))
    return [delivery.sent[0] for delivery in owed if delivery is not None and delivery.sent]


def is_heard(tx: Transaction, member: MemberId, message: str) -> bool:
    """Whether a direct message was heard before as it is now; named as above."""
    return tx.events.outcome(Form.id_of(member, message)) is not None


def is_answer(tx: Transaction, round_: Round, member: MemberId, message: str) -> bool:
    """Whether the member's answer in a round is this direct message, in whatever form; named as above."""
    given = tx.answers.get(round_.id, member)
    id = message.rpartition("/")[0]
    return given is not None and any(part.id.startswith(f"{id}/") for part in given.parts)


def speaker(tx: Transaction, members: Collection[MemberId], message: str) -> tuple[MemberId, ChannelId] | None:
    """Which of these members, who are one person in several groups, a direct message is from, and its channel.

    That is whoever it was an answer of before, else whoever was reminded last. `message` is named as above.
    """
    for member in members:
        if (heard := _round_of_heard(tx, member, message)) is not None:
            return member, heard.channel
    wish = [reminder for member in members if (reminder := tx.members.reminder(member)) is not None]
    last = max(wish, key=lambda reminder: _reminded_at(tx, reminder), default=None)
    return None if last is None else (last.member, last.channel)


def _round_of_heard(tx: Transaction, member: MemberId, message: str) -> Round | None:
    """The round that a direct message was taken for an answer to when it was first heard: as a form, by its name."""
    id, slash, _ = message.rpartition("/")
    heard = tx.events.beginning(f"{member}/form/{id}/") if slash else []
    about = next((event.about for event in heard if event.about), "")
    return tx.rounds.get(RoundId(about.rpartition(" ")[0])) if about else None


def _reminded_at(tx: Transaction, reminder: Reminder) -> tuple[str, str]:
    sent = tx.deliveries.get(_key(reminder.round, reminder.member)) if reminder.round is not None else None
    return sent.created_at.astimezone(UTC).isoformat() if sent is not None else "", reminder.member


def _key(round_id: RoundId, member: MemberId) -> str:
    return f"{round_id}/remind/{member}"


def _unanswered(tx: Transaction, reminder: Reminder, now: datetime) -> Round | None:
    for live in tx.rounds.live(reminder.channel):
        if live.kind is not RoundKind.DAILY or live.state is not RoundState.OPEN or now >= live.closes_at:
            continue
        given = tx.answers.get(live.id, reminder.member)
        return live if given is None or not given.parts else None
    return None


def _card(tx: Transaction, reminder: Reminder, round_: Round) -> Card:
    closes = When(round_.closes_at, TimeStyle.DATE_TIME, reminder.zone)
    body: list[Block] = [
        line(strong(round_.question.prompt)),
        line("Open in ", Channel(round_.channel), " until ", closes, "."),
        line("Reply here, and that is your answer; nobody else sees it."),
    ]
    body += _yesterday(tx, reminder, round_)
    return Card(
        title="Your question of the day",
        body=tuple(body),
        buttons=(Button(Press.ANSWER, "Answer", round_.id),),
        tone=Tone.OPEN,
    )


def _yesterday(tx: Transaction, reminder: Reminder, open_: Round) -> list[Block]:
    """How the member's last answer in the channel did, if it was in the round before this one."""
    found = tx.rounds.of_channel(open_.channel, 10)
    earlier = [r for r in found if r.opened_at < open_.opened_at and r.kind is RoundKind.DAILY]
    last = next((round_ for round_ in earlier if round_.state is RoundState.REVEALED), None)
    grade = standing_grade(tx, last, reminder.member) if last is not None else None
    if last is None or grade is None:
        return []
    points = sum(row.points for row in tx.ledger.of_round(last.id, reminder.member))
    how = f"{cards.LEVEL[grade.level]}, {cards.count(points, 'point')}"
    return [line(strong("Last time: "), f"{how} on “{last.question.prompt}”")]


def _latest(reminder: Reminder, now: datetime) -> datetime:
    """The last instant at which a reminder was due: after days of downtime not the first that was missed."""
    due = reminder.next_at
    while (following := _next(reminder.at, reminder.zone, due)) <= now:
        due = following
    return due


def _next(at: time, zone_name: str, now: datetime) -> datetime:
    """The first instant after `now` at which it is that time there."""
    opening = next_opening(Timetable(at=at, zone=zone_name), now)
    assert opening is not None, "a timetable without pauses always has a next day"
    return opening.at
